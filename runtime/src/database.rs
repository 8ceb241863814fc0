//! The database: a pool of connections, and how to set it up.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError, Timeouts};

use crate::error::{Error, ErrorKind, Result};
use crate::lease::Lease;
use crate::transaction::Transaction;
use crate::wire::{Connector, Target};

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
pub struct Database(Arc<Shared>);

struct Shared {
    pool: Pool<Connector>,
    target: Target,
}

/// The settings of a [`Database`].
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
        let pool = Pool::builder(Connector::new(target.clone()))
            .max_size(self.pool_size)
            .timeouts(Timeouts {
                wait: Some(self.acquire_timeout),
                create: Some(self.connect_timeout),
                recycle: Some(self.connect_timeout),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Error::with(ErrorKind::Connect, error.to_string()))?;
        let database = Database(Arc::new(Shared { pool, target }));
        database.lease().await?;
        Ok(database)
    }
}

impl Database {
    /// Connects with the default settings; `url` is as libpq takes it, a URL or `key=value` pairs.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder().connect(url).await
    }

    /// The settings, to be changed before [`Builder::connect`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts a transaction on a connection of its own. Dropping the handle rolls back.
    ///
    /// ```no_run
    /// # async fn run(db: sqlmill_runtime::Database) -> sqlmill_runtime::Result<()> {
    /// let tx = db.begin().await?;
    /// // … queries on `&tx` …
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn begin(&self) -> Result<Transaction> {
        Transaction::begin(self).await
    }

    /// Runs `body` in a transaction: committed when it returns `Ok`, rolled back when it returns an error, panics or is
    /// dropped half-way. A handle that outlives the transaction gives an error.
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
    pub async fn transaction<T, E, F, B>(&self, body: B) -> Result<T, E>
    where
        B: FnOnce(Transaction) -> F,
        F: Future<Output = Result<T, E>> + Send,
        E: From<Error>,
    {
        Transaction::begin(self).await?.run(body).await
    }

    /// A connection of the pool.
    pub(crate) async fn lease(&self) -> Result<Lease> {
        if let Some(object) = self.idle() {
            return Ok(Lease::new(object));
        }
        // Waiting and connecting take kilobytes of state, which a query that finds an idle connection need not carry.
        match Box::pin(self.0.pool.get()).await {
            Ok(object) => Ok(Lease::new(object)),
            Err(error) => Err(acquire_error(&error, self.0.pool.status().max_size)),
        }
    }

    /// A connection that can be had without waiting. Those who wait already come first: what is given back goes to them.
    fn idle(&self) -> Option<Object<Connector>> {
        const NOW: Timeouts = Timeouts {
            wait: Some(Duration::ZERO),
            create: None,
            recycle: None,
        };
        let get = pin!(self.0.pool.timeout_get(&NOW));
        // Without an idle connection it would make one, and is dropped before it does anything: see `Connector::create`.
        match get.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(object) => object.ok(),
            Poll::Pending => None,
        }
    }
}

fn acquire_error(error: &PoolError<crate::wire::Failure>, size: usize) -> Error {
    use deadpool::managed::TimeoutType;
    match error {
        PoolError::Timeout(TimeoutType::Wait) => Error::with(
            ErrorKind::PoolExhausted,
            format!("all {size} connections of the pool are in use"),
        ),
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
            Error::with(ErrorKind::Connect, "the server did not answer in time")
        }
        PoolError::Backend(failure) => Error::connect(failure),
        PoolError::Closed => Error::with(ErrorKind::Connect, "the pool is closed"),
        PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            Error::with(ErrorKind::Connect, "the pool is not set up for it")
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.0.pool.status();
        f.debug_struct("Database")
            .field("target", &self.0.target)
            .field("connections", &status.size)
            .field("idle", &status.available)
            .finish_non_exhaustive()
    }
}
