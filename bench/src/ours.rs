//! sqlmill: the crate that it generates of `queries/`.

use std::time::Duration;

use database::Database;
use database::calls::{self, InsertMany, Item, Line, NewEntry};

use crate::contender::{Contender, Crowd, Failure, PlainItem, PlainLine, Troubled};

pub(crate) struct Ours(Database);

impl Contender for Ours {
    type Item = Item;
    type Line = Line;

    const NAME: &'static str = "sqlmill";

    async fn connect(url: &str) -> Result<Self, Failure> {
        // One connection, as the others have it.
        let db = Database::builder()
            .pool_size(1)
            .shared_connections(0)
            .connect(url)
            .await?;
        Ok(Self(db))
    }

    async fn by_key(&mut self, id: i64) -> Result<Option<Item>, Failure> {
        Ok(calls::by_key(&self.0, id).await?)
    }

    async fn items(&mut self, last: i64) -> Result<Vec<Item>, Failure> {
        Ok(calls::first_items(&self.0, last).await?)
    }

    async fn lines(&mut self) -> Result<Vec<Line>, Failure> {
        Ok(calls::lines(&self.0).await?)
    }

    async fn insert_one(&mut self, id: i64, name: &str) -> Result<u64, Failure> {
        Ok(calls::insert_one(&self.0, NewEntry { id, name }).await?)
    }

    async fn insert_many(&mut self, ids: &[i64], names: &[&str]) -> Result<u64, Failure> {
        Ok(calls::insert_many(&self.0, InsertMany { ids, names }).await?)
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

/// As it comes: short reads share connections.
#[derive(Clone)]
pub(crate) struct Shared(Database);

impl Shared {
    pub(crate) async fn connect(url: &str, size: usize) -> Result<Self, Failure> {
        Ok(Self(
            Database::builder().pool_size(size).connect(url).await?,
        ))
    }

    pub(crate) async fn with(
        url: &str,
        size: usize,
        connections: usize,
        depth: usize,
    ) -> Result<Self, Failure> {
        let builder = Database::builder()
            .pool_size(size)
            .shared_connections(connections)
            .shared_depth(depth);
        Ok(Self(builder.connect(url).await?))
    }

    pub(crate) async fn close(self) {
        self.0.close().await;
    }
}

impl Crowd for Shared {
    async fn by_key(&self, id: i64) -> Result<Option<String>, Failure> {
        Ok(calls::by_key(&self.0, id).await?.map(|item| item.name))
    }
}

impl Troubled for Shared {
    async fn nap(&self) -> Result<(), Failure> {
        calls::nap(&self.0).await?;
        Ok(())
    }

    async fn touch(&self, id: i64) -> Result<(), Failure> {
        calls::touch(&self.0, id).await?;
        Ok(())
    }

    async fn hold(&self, id: i64, time: Duration) -> Result<(), Failure> {
        let transaction = self.0.begin().await?;
        calls::touch(&transaction, id).await?;
        tokio::time::sleep(time).await;
        Ok(transaction.commit().await?)
    }
}
