//! diesel over libpq, and the tables that diesel-async shares with it.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use crate::contender::{Contender, Failure, PlainItem, PlainLine};

diesel::table! {
    items (id) {
        id -> BigInt,
        name -> Text,
        email -> Nullable<Text>,
        score -> Integer,
        active -> Bool,
    }
}

diesel::table! {
    authors (id) {
        id -> BigInt,
        name -> Text,
    }
}

diesel::table! {
    books (id) {
        id -> BigInt,
        author_id -> BigInt,
        title -> Text,
    }
}

diesel::table! {
    // diesel wants a key; the table has none.
    entries (id) {
        id -> BigInt,
        name -> Text,
    }
}

diesel::joinable!(books -> authors (author_id));
diesel::allow_tables_to_appear_in_same_query!(books, authors);

#[derive(Queryable)]
pub(crate) struct Item {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) score: i32,
    pub(crate) active: bool,
}

#[derive(Queryable)]
pub(crate) struct Line {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) author: String,
}

#[derive(Insertable)]
#[diesel(table_name = entries)]
pub(crate) struct NewEntry<'a> {
    pub(crate) id: i64,
    pub(crate) name: &'a str,
}

pub(crate) fn new_entries<'a>(ids: &[i64], names: &[&'a str]) -> Vec<NewEntry<'a>> {
    let pairs = ids.iter().zip(names);
    pairs.map(|(&id, &name)| NewEntry { id, name }).collect()
}

pub(crate) struct Diesel(PgConnection);

impl Contender for Diesel {
    type Item = Item;
    type Line = Line;

    const NAME: &'static str = "diesel";

    async fn connect(url: &str) -> Result<Self, Failure> {
        let mut connection = PgConnection::establish(url)?;
        connection.batch_execute("SELECT 1")?;
        Ok(Self(connection))
    }

    async fn by_key(&mut self, id: i64) -> Result<Option<Item>, Failure> {
        Ok(items::table.find(id).first(&mut self.0).optional()?)
    }

    async fn items(&mut self, last: i64) -> Result<Vec<Item>, Failure> {
        let query = items::table.filter(items::id.le(last)).order(items::id);
        Ok(query.load(&mut self.0)?)
    }

    async fn lines(&mut self) -> Result<Vec<Line>, Failure> {
        let query = books::table
            .inner_join(authors::table)
            .select((books::id, books::title, authors::name))
            .order(books::id);
        Ok(query.load(&mut self.0)?)
    }

    async fn insert_one(&mut self, id: i64, name: &str) -> Result<u64, Failure> {
        let insert = diesel::insert_into(entries::table).values(NewEntry { id, name });
        Ok(insert.execute(&mut self.0)? as u64)
    }

    async fn insert_many(&mut self, ids: &[i64], names: &[&str]) -> Result<u64, Failure> {
        let insert = diesel::insert_into(entries::table).values(new_entries(ids, names));
        Ok(insert.execute(&mut self.0)? as u64)
    }

    fn plain(item: &Item) -> PlainItem {
        (
            item.id,
            item.name.clone(),
            item.email.clone(),
            item.score,
            item.active,
        )
    }

    fn plain_line(line: &Line) -> PlainLine {
        (line.id, line.title.clone(), line.author.clone())
    }
}
