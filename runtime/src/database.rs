//! The database and its replicas, as a service holds them.

use std::fmt;
use std::time::Duration;

use crate::begin::{Isolation, RetriedTransaction, TransactionOptions};
use crate::builder::Builder;
use crate::error::{Error, Result};
use crate::pool::{Health, Pool, PoolStatus};
use crate::transaction::{ReadOnly, ReadTransaction, ReadWrite, Transaction};

/// The database. A handle is cheap to clone; all clones share one pool.
///
/// ```no_run
/// # async fn run() -> sqlmill_runtime::Result<()> {
/// use sqlmill_runtime::Database;
///
/// let db = Database::connect("postgres://app@localhost/shop").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Database(Pool);

impl Database {
    /// Connects with the default settings; `url` is as libpq takes it, a URL or `key=value` pairs.
    ///
    /// # Errors
    ///
    /// [`Connect`](crate::ErrorKind::Connect) where the address cannot be used, or no server of it lets us in; the message has each host's reason.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder().connect(url).await
    }

    /// The settings, to be changed before [`Builder::connect`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn over(pool: Pool) -> Self {
        Self(pool)
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.0
    }

    /// Starts a transaction on a connection of its own. Dropping the handle rolls back, and dropping this future half-way leaves nothing.
    ///
    /// ```no_run
    /// # async fn run(db: sqlmill_runtime::Database) -> sqlmill_runtime::Result<()> {
    /// let tx = db.begin().await?;
    /// // … queries on `&tx` …
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PoolExhausted`](crate::ErrorKind::PoolExhausted), `Connect` and `Closed` where no connection is to be had;
    /// [`ConnectionLost`](crate::ErrorKind::ConnectionLost).
    pub async fn begin(&self) -> Result<Transaction> {
        self.options().begin().await
    }

    /// Runs `body` in a transaction: committed when it returns `Ok`, rolled back when it returns an error, panics or is
    /// dropped half-way. Dropped while it is committed, that has happened or not. A handle that outlives the transaction gives an error.
    ///
    /// ```no_run
    /// # async fn run(db: sqlmill_runtime::Database) -> sqlmill_runtime::Result<()> {
    /// let answer: i32 = db
    ///     .transaction(|tx| async move {
    ///         // … queries on `&tx` …
    ///         # let _ = tx;
    ///         Ok::<_, sqlmill_runtime::Error>(42)
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What `body` returns; [`PoolExhausted`](crate::ErrorKind::PoolExhausted), `Connect`, `Closed` and `ConnectionLost` of BEGIN; of COMMIT
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) where its answer was lost, [`Transaction`](crate::ErrorKind::Transaction) or `Retryable` where a
    /// statement had failed that `body` ignored, and `Constraint` and `Retryable` of what is checked last.
    pub async fn transaction<T, E, F, B>(&self, body: B) -> Result<T, E>
    where
        B: FnOnce(Transaction) -> F,
        F: Future<Output = Result<T, E>> + Send,
        E: From<Error>,
    {
        self.options().transaction(body).await
    }

    /// A transaction of another isolation level: `db.isolation(…).begin()`, `db.isolation(…).transaction(…)`.
    pub fn isolation(&self, isolation: Isolation) -> TransactionOptions<'_, ReadWrite> {
        self.options().isolation(isolation)
    }

    /// A transaction that is run again when it conflicts with another one: `db.retry(3).transaction(…)`; see
    /// [`TransactionOptions::retry`].
    pub fn retry(&self, times: u32) -> RetriedTransaction<'_, ReadWrite> {
        self.options().retry(times)
    }

    /// A transaction that only reads: `db.read_only().transaction(…)`. With
    /// [`RepeatableRead`](Isolation::RepeatableRead) all its queries see the database as it was at one moment.
    pub fn read_only(&self) -> TransactionOptions<'_, ReadOnly> {
        TransactionOptions::new(&self.0)
    }

    /// Asks the server for a sign of life, on a connection of the pool: for health checks.
    ///
    /// # Errors
    ///
    /// [`PoolExhausted`](crate::ErrorKind::PoolExhausted), `Connect` and `Closed` where no connection is to be had;
    /// [`ConnectionLost`](crate::ErrorKind::ConnectionLost).
    pub async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }

    /// What the server says of itself, in a round trip on a connection of the pool: for readiness checks. An error means that
    /// nobody could be asked.
    ///
    /// # Errors
    ///
    /// [`PoolExhausted`](crate::ErrorKind::PoolExhausted), `Connect` and `Closed` where no connection is to be had;
    /// [`ConnectionLost`](crate::ErrorKind::ConnectionLost).
    pub async fn health(&self) -> Result<Health> {
        self.0.health().await
    }

    /// How the pool is used at this moment.
    pub fn pool_status(&self) -> PoolStatus {
        self.0.status()
    }

    /// Gives out no more connections, of this handle and all its clones, and waits until those that are in use have come
    /// back and all are closed. From then on queries fail as [`Closed`](crate::ErrorKind::Closed); transactions that are
    /// open may end. Dropped half-way, the handle is closed all the same.
    pub async fn close(&self) {
        self.0.close().await;
    }

    fn options(&self) -> TransactionOptions<'_, ReadWrite> {
        TransactionOptions::new(&self.0)
    }
}

/// A database that is only read: a standby, or the primary for those who shall not write. A query that writes does not
/// compile with it. A handle is cheap to clone; all clones share one pool.
///
/// ```no_run
/// # async fn run() -> sqlmill_runtime::Result<()> {
/// use sqlmill_runtime::Replica;
///
/// let replica = Replica::connect("postgres://app@standby/shop").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Replica(Pool);

impl Replica {
    /// Connects with the default settings; `url` is as libpq takes it, a URL or `key=value` pairs.
    ///
    /// # Errors
    ///
    /// [`Connect`](crate::ErrorKind::Connect) where the address cannot be used, or no server of it lets us in; the message has each host's reason.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder().connect_replica(url).await
    }

    /// The settings, to be changed before [`Builder::connect_replica`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn over(pool: Pool) -> Self {
        Self(pool)
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.0
    }

    /// Starts a transaction that only reads; see [`Database::begin`].
    ///
    /// # Errors
    ///
    /// [`PoolExhausted`](crate::ErrorKind::PoolExhausted), `Connect` and `Closed` where no connection is to be had;
    /// [`ConnectionLost`](crate::ErrorKind::ConnectionLost).
    pub async fn begin(&self) -> Result<ReadTransaction> {
        self.options().begin().await
    }

    /// Runs `body` in a transaction that only reads; see [`Database::transaction`].
    ///
    /// # Errors
    ///
    /// What `body` returns; [`PoolExhausted`](crate::ErrorKind::PoolExhausted), `Connect`, `Closed` and `ConnectionLost` of BEGIN; of COMMIT
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) where its answer was lost, [`Transaction`](crate::ErrorKind::Transaction) or `Retryable` where a
    /// statement had failed that `body` ignored, and `Constraint` and `Retryable` of what is checked last.
    pub async fn transaction<T, E, F, B>(&self, body: B) -> Result<T, E>
    where
        B: FnOnce(ReadTransaction) -> F,
        F: Future<Output = Result<T, E>> + Send,
        E: From<Error>,
    {
        self.options().transaction(body).await
    }

    /// A transaction of another isolation level; a standby knows no [`Serializable`](Isolation::Serializable).
    pub fn isolation(&self, isolation: Isolation) -> TransactionOptions<'_, ReadOnly> {
        self.options().isolation(isolation)
    }

    /// A transaction that is run again when it conflicts with the changes that a standby takes over; see
    /// [`TransactionOptions::retry`].
    pub fn retry(&self, times: u32) -> RetriedTransaction<'_, ReadOnly> {
        self.options().retry(times)
    }

    /// Asks the server for a sign of life, on a connection of the pool: for health checks.
    ///
    /// # Errors
    ///
    /// [`PoolExhausted`](crate::ErrorKind::PoolExhausted), `Connect` and `Closed` where no connection is to be had;
    /// [`ConnectionLost`](crate::ErrorKind::ConnectionLost).
    pub async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }

    /// What the server says of itself, in a round trip on a connection of the pool: for readiness checks. An error means that
    /// nobody could be asked.
    ///
    /// # Errors
    ///
    /// [`PoolExhausted`](crate::ErrorKind::PoolExhausted), `Connect` and `Closed` where no connection is to be had;
    /// [`ConnectionLost`](crate::ErrorKind::ConnectionLost).
    pub async fn health(&self) -> Result<Health> {
        self.0.health().await
    }

    /// How the pool is used at this moment.
    pub fn pool_status(&self) -> PoolStatus {
        self.0.status()
    }

    /// Gives out no more connections, of this handle and all its clones, and waits until those that are in use have come
    /// back and all are closed. From then on queries fail as [`Closed`](crate::ErrorKind::Closed); transactions that are
    /// open may end. Dropped half-way, the handle is closed all the same.
    pub async fn close(&self) {
        self.0.close().await;
    }

    /// How far behind the primary it is. `None` when it is no standby, or has not replayed anything yet.
    ///
    /// # Errors
    ///
    /// As [`health`](Self::health).
    pub async fn lag(&self) -> Result<Option<Duration>> {
        Ok(self.0.health().await?.lag)
    }

    fn options(&self) -> TransactionOptions<'_, ReadOnly> {
        TransactionOptions::new(&self.0)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.0).finish()
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Replica").field(&self.0).finish()
    }
}
