//! What each contender does, in its own idiom and with its own row types.

use std::error::Error;
use std::time::Duration;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// A row of `items`, to hold the contenders' answers against each other.
pub(crate) type PlainItem = (i64, String, Option<String>, i32, bool);

/// A row of the join.
pub(crate) type PlainLine = (i64, String, String);

/// One connection, used by one task at a time.
pub(crate) trait Contender {
    type Item;
    type Line;

    const NAME: &'static str;

    async fn connect(url: &str) -> Result<Self, Failure>
    where
        Self: Sized;

    async fn by_key(&mut self, id: i64) -> Result<Option<Self::Item>, Failure>;

    /// The items up to `last`.
    async fn items(&mut self, last: i64) -> Result<Vec<Self::Item>, Failure>;

    async fn lines(&mut self) -> Result<Vec<Self::Line>, Failure>;

    async fn insert_one(&mut self, id: i64, name: &str) -> Result<u64, Failure>;

    async fn insert_many(&mut self, ids: &[i64], names: &[&str]) -> Result<u64, Failure>;

    fn plain(item: &Self::Item) -> PlainItem;

    fn plain_line(line: &Self::Line) -> PlainLine;
}

/// Many connections, used by many tasks at once.
pub(crate) trait Crowd: Clone + Send + Sync + 'static {
    fn by_key(&self, id: i64) -> impl Future<Output = Result<Option<String>, Failure>> + Send;
}

/// What holds up others, beside the reads by key.
pub(crate) trait Troubled: Crowd {
    /// A query of 200 ms.
    fn nap(&self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Updates the item, whoever has locked it.
    fn touch(&self, id: i64) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Locks the item for so long, in a transaction.
    fn hold(&self, id: i64, time: Duration) -> impl Future<Output = Result<(), Failure>> + Send;
}
