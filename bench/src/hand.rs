//! tokio-postgres by hand, with statements prepared before: what the others are compared with.

use std::time::Duration;

use tokio_postgres::{Client, NoTls, Row, Statement};

use crate::contender::{Contender, Crowd, Failure, PlainItem, PlainLine, Troubled};
use crate::sql;

pub(crate) struct Hand {
    client: Client,
    by_key: Statement,
    first_items: Statement,
    lines: Statement,
    insert_one: Statement,
    insert_many: Statement,
}

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

fn item(row: &Row) -> Result<Item, tokio_postgres::Error> {
    Ok(Item {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        email: row.try_get(2)?,
        score: row.try_get(3)?,
        active: row.try_get(4)?,
    })
}

fn line(row: &Row) -> Result<Line, tokio_postgres::Error> {
    Ok(Line {
        id: row.try_get(0)?,
        title: row.try_get(1)?,
        author: row.try_get(2)?,
    })
}

impl Contender for Hand {
    type Item = Item;
    type Line = Line;

    const NAME: &'static str = "tokio-postgres";

    async fn connect(url: &str) -> Result<Self, Failure> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        Ok(Self {
            by_key: client.prepare(sql::BY_KEY).await?,
            first_items: client.prepare(sql::FIRST_ITEMS).await?,
            lines: client.prepare(sql::LINES).await?,
            insert_one: client.prepare(sql::INSERT_ONE).await?,
            insert_many: client.prepare(sql::INSERT_MANY).await?,
            client,
        })
    }

    async fn by_key(&mut self, id: i64) -> Result<Option<Item>, Failure> {
        let row = self.client.query_opt(&self.by_key, &[&id]).await?;
        Ok(row.as_ref().map(item).transpose()?)
    }

    async fn items(&mut self, last: i64) -> Result<Vec<Item>, Failure> {
        let rows = self.client.query(&self.first_items, &[&last]).await?;
        Ok(rows.iter().map(item).collect::<Result<_, _>>()?)
    }

    async fn lines(&mut self) -> Result<Vec<Line>, Failure> {
        let rows = self.client.query(&self.lines, &[]).await?;
        Ok(rows.iter().map(line).collect::<Result<_, _>>()?)
    }

    async fn insert_one(&mut self, id: i64, name: &str) -> Result<u64, Failure> {
        Ok(self.client.execute(&self.insert_one, &[&id, &name]).await?)
    }

    async fn insert_many(&mut self, ids: &[i64], names: &[&str]) -> Result<u64, Failure> {
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&ids, &names];
        Ok(self.client.execute(&self.insert_many, &params).await?)
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

/// deadpool's pool, with its cache of statements.
#[derive(Clone)]
pub(crate) struct Pool(deadpool_postgres::Pool);

impl Pool {
    pub(crate) fn new(url: &str, size: usize) -> Result<Self, Failure> {
        let manager = deadpool_postgres::Manager::new(url.parse()?, NoTls);
        Ok(Self(
            deadpool_postgres::Pool::builder(manager)
                .max_size(size)
                .build()?,
        ))
    }
}

impl Crowd for Pool {
    async fn by_key(&self, id: i64) -> Result<Option<String>, Failure> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(sql::BY_KEY).await?;
        let row = client.query_opt(&statement, &[&id]).await?;
        Ok(row.as_ref().map(item).transpose()?.map(|item| item.name))
    }
}

impl Troubled for Pool {
    async fn nap(&self) -> Result<(), Failure> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(sql::NAP).await?;
        client.query(&statement, &[]).await?;
        Ok(())
    }

    async fn touch(&self, id: i64) -> Result<(), Failure> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(sql::TOUCH).await?;
        client.execute(&statement, &[&id]).await?;
        Ok(())
    }

    async fn hold(&self, id: i64, time: Duration) -> Result<(), Failure> {
        let mut client = self.0.get().await?;
        let transaction = client.transaction().await?;
        let statement = transaction.prepare_cached(sql::TOUCH).await?;
        transaction.execute(&statement, &[&id]).await?;
        tokio::time::sleep(time).await;
        Ok(transaction.commit().await?)
    }
}
