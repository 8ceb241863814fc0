//! sqlx, with what `query_as!` expands to: columns by position, without a check of their types.

use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{Connection as _, Row as _};

use crate::contender::{Contender, Crowd, Failure, PlainItem, PlainLine};
use crate::sql;

pub(crate) struct Sqlx(PgConnection);

pub(crate) struct Item {
    id: i64,
    name: String,
    email: Option<String>,
    score: i32,
    active: bool,
}

pub(crate) struct Line {
    id: i64,
    title: String,
    author: String,
}

fn item(row: PgRow) -> Result<Item, sqlx::Error> {
    Ok(Item {
        id: row.try_get_unchecked(0)?,
        name: row.try_get_unchecked(1)?,
        email: row.try_get_unchecked(2)?,
        score: row.try_get_unchecked(3)?,
        active: row.try_get_unchecked(4)?,
    })
}

fn line(row: PgRow) -> Result<Line, sqlx::Error> {
    Ok(Line {
        id: row.try_get_unchecked(0)?,
        title: row.try_get_unchecked(1)?,
        author: row.try_get_unchecked(2)?,
    })
}

impl Contender for Sqlx {
    type Item = Item;
    type Line = Line;

    const NAME: &'static str = "sqlx";

    async fn connect(url: &str) -> Result<Self, Failure> {
        Ok(Self(PgConnection::connect(url).await?))
    }

    async fn by_key(&mut self, id: i64) -> Result<Option<Item>, Failure> {
        let query = sqlx::query(sql::BY_KEY).bind(id).try_map(item);
        Ok(query.fetch_optional(&mut self.0).await?)
    }

    async fn items(&mut self, last: i64) -> Result<Vec<Item>, Failure> {
        let query = sqlx::query(sql::FIRST_ITEMS).bind(last).try_map(item);
        Ok(query.fetch_all(&mut self.0).await?)
    }

    async fn lines(&mut self) -> Result<Vec<Line>, Failure> {
        Ok(sqlx::query(sql::LINES)
            .try_map(line)
            .fetch_all(&mut self.0)
            .await?)
    }

    async fn insert_one(&mut self, id: i64, name: &str) -> Result<u64, Failure> {
        let query = sqlx::query(sql::INSERT_ONE).bind(id).bind(name);
        Ok(query.execute(&mut self.0).await?.rows_affected())
    }

    async fn insert_many(&mut self, ids: &[i64], names: &[&str]) -> Result<u64, Failure> {
        let query = sqlx::query(sql::INSERT_MANY).bind(ids).bind(names);
        Ok(query.execute(&mut self.0).await?.rows_affected())
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

#[derive(Clone)]
pub(crate) struct Pool(PgPool);

impl Pool {
    pub(crate) async fn connect(url: &str, size: u32) -> Result<Self, Failure> {
        Ok(Self(
            PgPoolOptions::new()
                .max_connections(size)
                .connect(url)
                .await?,
        ))
    }
}

impl Crowd for Pool {
    async fn by_key(&self, id: i64) -> Result<Option<String>, Failure> {
        let query = sqlx::query(sql::BY_KEY).bind(id).try_map(item);
        Ok(query.fetch_optional(&self.0).await?.map(|item| item.name))
    }
}
