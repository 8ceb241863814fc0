//! diesel-async over tokio-postgres.

use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _};
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::deadpool;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _};

use crate::contender::{Contender, Crowd, Failure, PlainItem, PlainLine};
use crate::diesel_::{Diesel, Item, Line, NewEntry, authors, books, entries, items, new_entries};

pub(crate) struct DieselAsync(AsyncPgConnection);

impl Contender for DieselAsync {
    type Item = Item;
    type Line = Line;

    const NAME: &'static str = "diesel-async";

    async fn connect(url: &str) -> Result<Self, Failure> {
        Ok(Self(AsyncPgConnection::establish(url).await?))
    }

    async fn by_key(&mut self, id: i64) -> Result<Option<Item>, Failure> {
        Ok(items::table.find(id).first(&mut self.0).await.optional()?)
    }

    async fn items(&mut self, last: i64) -> Result<Vec<Item>, Failure> {
        let query = items::table.filter(items::id.le(last)).order(items::id);
        Ok(query.load(&mut self.0).await?)
    }

    async fn lines(&mut self) -> Result<Vec<Line>, Failure> {
        let query = books::table
            .inner_join(authors::table)
            .select((books::id, books::title, authors::name))
            .order(books::id);
        Ok(query.load(&mut self.0).await?)
    }

    async fn insert_one(&mut self, id: i64, name: &str) -> Result<u64, Failure> {
        let insert = diesel::insert_into(entries::table).values(NewEntry { id, name });
        Ok(insert.execute(&mut self.0).await? as u64)
    }

    async fn insert_many(&mut self, ids: &[i64], names: &[&str]) -> Result<u64, Failure> {
        let insert = diesel::insert_into(entries::table).values(new_entries(ids, names));
        Ok(insert.execute(&mut self.0).await? as u64)
    }

    fn plain(item: &Item) -> PlainItem {
        Diesel::plain(item)
    }

    fn plain_line(line: &Line) -> PlainLine {
        Diesel::plain_line(line)
    }
}

#[derive(Clone)]
pub(crate) struct Pool(deadpool::Pool<AsyncPgConnection>);

impl Pool {
    pub(crate) fn new(url: &str, size: usize) -> Result<Self, Failure> {
        let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(url);
        Ok(Self(
            deadpool::Pool::builder(manager).max_size(size).build()?,
        ))
    }
}

impl Crowd for Pool {
    async fn by_key(&self, id: i64) -> Result<Option<String>, Failure> {
        let mut connection = self.0.get().await?;
        let item: Option<Item> = items::table
            .find(id)
            .first(&mut connection)
            .await
            .optional()?;
        Ok(item.map(|item| item.name))
    }
}
