//! The settings of a handle.

use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Timeouts};

use crate::database::{Database, Replica};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::Pool;
use crate::wire::{Connector, Target};

/// The settings of a [`Database`] or a [`Replica`].
///
/// ```no_run
/// # async fn run() -> sqlmill_runtime::Result<()> {
/// use std::time::Duration;
/// use sqlmill_runtime::Database;
///
/// let db = Database::builder()
///     .pool_size(32)
///     .acquire_timeout(Duration::from_secs(5))
///     .connect("postgres://app@localhost/shop")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "settings do nothing until `connect` is called"]
pub struct Builder {
    pool_size: usize,
    acquire_timeout: Duration,
    connect_timeout: Duration,
    search_path: Option<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            pool_size: 16,
            acquire_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            search_path: None,
        }
    }
}

impl Builder {
    /// How many connections there may be at once; 16 unless set. At least one.
    pub fn pool_size(mut self, connections: usize) -> Self {
        self.pool_size = connections.max(1);
        self
    }

    /// How long a query waits for a free connection; 30 seconds unless set.
    pub fn acquire_timeout(mut self, limit: Duration) -> Self {
        self.acquire_timeout = limit;
        self
    }

    /// How long making a connection may take; 10 seconds unless set here or, with `connect_timeout`, in the URL.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// The schemas in which the server looks names up, as for `SET search_path`: `app, public`.
    pub fn search_path(mut self, schemas: impl Into<String>) -> Self {
        self.search_path = Some(schemas.into());
        self
    }

    /// Makes a first connection, so that a wrong address or password shows at once.
    pub async fn connect(self, url: &str) -> Result<Database> {
        let target = self.target(url)?;
        Ok(Database::over(self.pool(target).await?))
    }

    /// As [`connect`](Builder::connect), for a handle that only reads: what writes does not compile with it, and the
    /// server refuses it as well.
    pub async fn connect_replica(self, url: &str) -> Result<Replica> {
        let mut target = self.target(url)?;
        target.session_default("default_transaction_read_only", "on");
        Ok(Replica::over(self.pool(target).await?))
    }

    fn target(&self, url: &str) -> Result<Target> {
        let Some(mut target) = Target::parse(url) else {
            return Err(Error::with(
                ErrorKind::Connect,
                "the address is not of the form postgres://user@host:port/database",
            ));
        };
        target.connect_timeout(self.connect_timeout);
        if let Some(schemas) = &self.search_path {
            target.session_default("search_path", schemas);
        }
        Ok(target)
    }

    async fn pool(self, target: Target) -> Result<Pool> {
        let connections = managed::Pool::builder(Connector::new(target.clone()))
            .max_size(self.pool_size)
            .timeouts(Timeouts {
                wait: Some(self.acquire_timeout),
                create: Some(self.connect_timeout),
                recycle: Some(self.connect_timeout),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Error::with(ErrorKind::Connect, error.to_string()))?;
        let pool = Pool::new(connections, target);
        pool.lease().await?;
        Ok(pool)
    }
}
