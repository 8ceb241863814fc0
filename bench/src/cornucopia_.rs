//! Cornucopia: the crate that it generates of `queries/`, with deadpool's pool, as its book has it.

use cornucopia::queries::calls::{self, Item, Line};
use deadpool_postgres::{Manager, Pool};
use tokio_postgres::NoTls;

use crate::contender::{Contender, Failure, PlainItem, PlainLine};

pub(crate) struct Cornucopia(Pool);

impl Contender for Cornucopia {
    type Item = Item;
    type Line = Line;

    const NAME: &'static str = "cornucopia";

    async fn connect(url: &str) -> Result<Self, Failure> {
        let manager = Manager::new(url.parse()?, NoTls);
        Ok(Self(Pool::builder(manager).max_size(1).build()?))
    }

    async fn by_key(&mut self, id: i64) -> Result<Option<Item>, Failure> {
        let client = self.0.get().await?;
        Ok(calls::by_key().bind(&client, &id).opt().await?)
    }

    async fn items(&mut self, last: i64) -> Result<Vec<Item>, Failure> {
        let client = self.0.get().await?;
        Ok(calls::first_items().bind(&client, &last).all().await?)
    }

    async fn lines(&mut self) -> Result<Vec<Line>, Failure> {
        let client = self.0.get().await?;
        Ok(calls::lines().bind(&client).all().await?)
    }

    async fn insert_one(&mut self, id: i64, name: &str) -> Result<u64, Failure> {
        let client = self.0.get().await?;
        Ok(calls::insert_one().bind(&client, &id, &name).await?)
    }

    async fn insert_many(&mut self, ids: &[i64], names: &[&str]) -> Result<u64, Failure> {
        let client = self.0.get().await?;
        Ok(calls::insert_many().bind(&client, &ids, &names).await?)
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
