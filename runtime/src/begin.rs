//! How a transaction is started: what it sees, what it may do, and how often a closure may run.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::pool::Pool;
use crate::transaction::{Access, Outcome, ReadOnly, Transaction};

/// What a transaction sees of those that run beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// Each statement sees what was committed before it began.
    ReadCommitted,
    /// All statements see what was committed before the first one. Changing a row that was changed since is the error
    /// [`Retryable`](crate::ErrorKind::Retryable).
    RepeatableRead,
    /// As if transactions ran one after the other; where that is impossible, one fails as
    /// [`Retryable`](crate::ErrorKind::Retryable).
    Serializable,
}

/// A transaction that is yet to be started, with what was asked of it.
///
/// ```no_run
/// # async fn run(db: sqlmill_runtime::Database) -> sqlmill_runtime::Result<()> {
/// use sqlmill_runtime::{Error, Isolation};
///
/// db.isolation(Isolation::Serializable)
///     .retry(3)
///     .transaction(|tx| async move {
///         // … queries on `&tx` …
///         # let _ = tx;
///         Ok::<_, Error>(())
///     })
///     .await?;
///
/// let snapshot = db.read_only().isolation(Isolation::RepeatableRead).begin().await?;
/// # drop(snapshot);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing begins until `begin` or `transaction` is called"]
pub struct TransactionOptions<'a, A: Access> {
    pool: &'a Pool,
    isolation: Option<Isolation>,
    deferrable: bool,
    access: PhantomData<fn() -> A>,
}

impl<'a, A: Access> TransactionOptions<'a, A> {
    pub(crate) fn new(pool: &'a Pool) -> Self {
        Self {
            pool,
            isolation: None,
            deferrable: false,
            access: PhantomData,
        }
    }

    /// What it sees of other transactions. Unless set, what the server is configured to:
    /// [`ReadCommitted`](Isolation::ReadCommitted) where nobody changed it.
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = Some(isolation);
        self
    }

    /// Runs the closure again, up to so many times, when the transaction failed because of a serialization failure or a
    /// deadlock; each time in a transaction of its own, after a short random wait. Nothing else is retried, least of all a
    /// COMMIT whose answer was lost.
    pub fn retry(self, times: u32) -> RetriedTransaction<'a, A> {
        RetriedTransaction {
            options: self,
            times,
        }
    }

    /// Starts it. Dropping the handle rolls back, and dropping this future half-way leaves nothing.
    ///
    /// # Errors
    ///
    /// [`PoolExhausted`](crate::ErrorKind::PoolExhausted), `Connect` and `Closed` where no connection is to be had;
    /// [`ConnectionLost`](crate::ErrorKind::ConnectionLost).
    pub async fn begin(self) -> Result<Transaction<A>> {
        Transaction::begin(self.pool, &self.sql(), self.isolation).await
    }

    /// Runs `body` in it: committed when `body` returns `Ok`, rolled back when it returns an error, panics or is dropped
    /// half-way. Dropped while it is committed, that has happened or not.
    ///
    /// # Errors
    ///
    /// What `body` returns; [`PoolExhausted`](crate::ErrorKind::PoolExhausted), `Connect`, `Closed` and `ConnectionLost` of BEGIN; of COMMIT
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) where its answer was lost, [`Transaction`](crate::ErrorKind::Transaction) or `Retryable` where a
    /// statement had failed that `body` ignored, and `Constraint` and `Retryable` of what is checked last.
    pub async fn transaction<T, E, F, B>(self, body: B) -> Result<T, E>
    where
        B: FnOnce(Transaction<A>) -> F,
        F: Future<Output = Result<T, E>> + Send,
        E: From<Error>,
    {
        match self.begin().await?.run(body).await {
            Outcome::Done(result) => result,
            Outcome::Conflict(error) => Err(error),
        }
    }

    fn sql(&self) -> String {
        let mut sql = "BEGIN".to_owned();
        sql += match self.isolation {
            None => "",
            Some(Isolation::ReadCommitted) => " ISOLATION LEVEL READ COMMITTED",
            Some(Isolation::RepeatableRead) => " ISOLATION LEVEL REPEATABLE READ",
            Some(Isolation::Serializable) => " ISOLATION LEVEL SERIALIZABLE",
        };
        if A::READ_ONLY {
            sql += " READ ONLY";
        }
        if self.deferrable {
            sql += " DEFERRABLE";
        }
        sql
    }
}

impl TransactionOptions<'_, ReadOnly> {
    /// Waits for a moment from which on it can read as [`Serializable`](Isolation::Serializable) without ever conflicting
    /// with anybody: for long reports. A standby cannot do that.
    pub fn deferrable(mut self) -> Self {
        self.isolation = Some(Isolation::Serializable);
        self.deferrable = true;
        self
    }
}

impl<A: Access> fmt::Debug for TransactionOptions<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TransactionOptions")
            .field(&self.sql())
            .finish()
    }
}

/// A transaction that is run again when it conflicts with another; see [`TransactionOptions::retry`].
#[derive(Debug)]
#[must_use = "nothing begins until `transaction` is called"]
pub struct RetriedTransaction<'a, A: Access> {
    options: TransactionOptions<'a, A>,
    times: u32,
}

impl<A: Access> RetriedTransaction<'_, A> {
    /// See [`TransactionOptions::isolation`].
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.options = self.options.isolation(isolation);
        self
    }

    /// As [`TransactionOptions::transaction`], with a closure that may run more than once.
    ///
    /// # Errors
    ///
    /// As [`TransactionOptions::transaction`]. What is retryable and remains so is told as the last attempt had it.
    pub async fn transaction<T, E, F, B>(self, mut body: B) -> Result<T, E>
    where
        B: FnMut(Transaction<A>) -> F,
        F: Future<Output = Result<T, E>> + Send,
        E: From<Error>,
    {
        let sql = self.options.sql();
        let mut failed = 0;
        loop {
            let options = &self.options;
            let transaction =
                Transaction::<A>::begin(options.pool, &sql, options.isolation).await?;
            match transaction.run(&mut body).await {
                Outcome::Done(result) => return result,
                Outcome::Conflict(error) if failed == self.times => return Err(error),
                // An error need not be Send, so it is gone before the wait.
                Outcome::Conflict(_) => {}
            }
            failed += 1;
            tokio::time::sleep(wait(failed)).await;
        }
    }
}

/// Up to 4 ms before the first retry, twice as long before each further one, never more than half a second; at random,
/// because those who met once would meet again if they waited alike.
fn wait(failed: u32) -> Duration {
    let most = 4_u64
        .saturating_mul(1 << failed.min(16).saturating_sub(1))
        .min(500);
    // The keys of a hash map are random, and so is the hash of anything under them.
    let random = RandomState::new().hash_one(failed);
    Duration::from_micros(random % (most * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_bounded() {
        for (failed, most) in [(1, 4), (2, 8), (3, 16), (8, 500), (u32::MAX, 500)] {
            for _ in 0..100 {
                assert!(wait(failed) < Duration::from_millis(most), "{failed}");
            }
        }
        let waits: std::collections::HashSet<_> = (0..100).map(|_| wait(8)).collect();
        assert!(waits.len() > 90, "not random");
    }
}
