//! What lasts as long as a transaction: settings, and locks that stand for no row.

use crate::error::Result;
use crate::query::One;
use crate::statement::Statement;
use crate::transaction::{Access, Transaction};

impl<A: Access> Transaction<A> {
    /// Sets a parameter until the transaction ends, as `SET LOCAL` does: for row security (`app.tenant`), a longer
    /// `statement_timeout`, or the like.
    ///
    /// ```no_run
    /// # async fn run(db: sqlmill_runtime::Database, tenant: String) -> sqlmill_runtime::Result<()> {
    /// db.transaction(|tx| async move {
    ///     tx.set_local("app.tenant", &tenant).await?;
    ///     // … queries on `&tx` …
    ///     Ok(())
    /// })
    /// .await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Transaction`](crate::ErrorKind::Transaction) where this one is over or has failed; [`ConnectionLost`](crate::ErrorKind::ConnectionLost);
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) and `Other` where there is no such parameter, or it does not take the value.
    pub async fn set_local(&self, name: &str, value: &str) -> Result<()> {
        if self.is_mocked() {
            return Ok(());
        }
        One::new(self, &SET_LOCAL, (name, value)).await.map(drop)
    }

    /// Waits for the lock `key` and holds it until the transaction ends. All who take locks by number must agree on what the
    /// numbers mean.
    ///
    /// # Errors
    ///
    /// [`Transaction`](crate::ErrorKind::Transaction) where this one is over or has failed; [`ConnectionLost`](crate::ErrorKind::ConnectionLost);
    /// [`Timeout`](crate::ErrorKind::Timeout) after the `lock_timeout` or the `statement_timeout`, if there is one.
    pub async fn advisory_lock(&self, key: i64) -> Result<()> {
        if self.is_mocked() {
            return Ok(());
        }
        One::new(self, &LOCK, (key,)).await
    }

    /// As [`advisory_lock`](Transaction::advisory_lock), without waiting: `false` when somebody else holds it.
    ///
    /// # Errors
    ///
    /// [`Transaction`](crate::ErrorKind::Transaction) where this one is over or has failed; [`ConnectionLost`](crate::ErrorKind::ConnectionLost).
    pub async fn try_advisory_lock(&self, key: i64) -> Result<bool> {
        if self.is_mocked() {
            return Ok(true);
        }
        One::new(self, &TRY_LOCK, (key,)).await
    }

    #[cfg(feature = "testing")]
    pub(crate) fn is_mocked(&self) -> bool {
        self.core().mock().is_some()
    }

    #[cfg(not(feature = "testing"))]
    pub(crate) fn is_mocked(&self) -> bool {
        false
    }
}

static SET_LOCAL: Statement<(&str, &str), String> = Statement::new(
    "Transaction::set_local",
    "sqlmill-runtime",
    "SELECT pg_catalog.set_config($1, $2, true)",
    "text text",
    "text",
);
static LOCK: Statement<(i64,), ()> = Statement::new(
    "Transaction::advisory_lock",
    "sqlmill-runtime",
    "SELECT pg_catalog.pg_advisory_xact_lock($1)",
    "int8",
    "void",
);
static TRY_LOCK: Statement<(i64,), bool> = Statement::new(
    "Transaction::try_advisory_lock",
    "sqlmill-runtime",
    "SELECT pg_catalog.pg_try_advisory_xact_lock($1)",
    "int8",
    "bool",
);
