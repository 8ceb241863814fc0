//! The settings of a handle.

use std::fmt;
use std::time::Duration;

use crate::address::Address;
use crate::connections;
use crate::database::{Database, Replica};
use crate::error::{Error, ErrorKind, Result};
use crate::files::Passwords;
use crate::pool::Pool;
use crate::shared::Limits;
use crate::wire::Target;

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
#[derive(Clone)]
#[must_use = "settings do nothing until `connect` is called"]
pub struct Builder {
    pool_size: usize,
    acquire_timeout: Duration,
    connect_timeout: Option<Duration>,
    commit_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    max_lifetime: Option<Duration>,
    statement_cache: usize,
    database: Option<String>,
    shared_connections: usize,
    shared_depth: usize,
    password: Option<String>,
    application_name: Option<String>,
    settings: Vec<(String, String)>,
    transaction_pooler: bool,
    query_names: bool,
    #[cfg(feature = "tracing")]
    slow_query: Option<Duration>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            pool_size: 16,
            acquire_timeout: Duration::from_secs(30),
            connect_timeout: None,
            commit_timeout: None,
            idle_timeout: Some(Duration::from_secs(10 * 60)),
            max_lifetime: Some(Duration::from_secs(30 * 60)),
            statement_cache: 512,
            database: None,
            shared_connections: 2,
            shared_depth: 32,
            password: None,
            application_name: None,
            settings: Vec::new(),
            transaction_pooler: false,
            query_names: false,
            #[cfg(feature = "tracing")]
            slow_query: None,
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

    /// How long making a connection may take, all hosts together; 10 seconds unless set here or in the address.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = Some(limit);
        self
    }

    /// How long a COMMIT may go without an answer; no limit unless set, `None` for none. Past it the connection is cut off and the error is
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown), so let it be longer than any COMMIT takes. Without it a server that has vanished is
    /// noticed by the operating system, as for any statement, and one behind a proxy that still answers is not.
    pub fn commit_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.commit_timeout = limit.into();
        self
    }

    /// After how long a connection that nobody used is closed; 10 minutes unless set, `None` for never.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = limit.into();
        self
    }

    /// After how long a connection is closed, once nobody uses it, so that a service finds its way back to a server that was
    /// down; 30 minutes unless set, `None` for never.
    pub fn max_lifetime(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.max_lifetime = limit.into();
        self
    }

    /// How many prepared statements each connection keeps; 512 unless set. What was used longest ago makes room.
    pub fn statement_cache(mut self, statements: usize) -> Self {
        self.statement_cache = statements.max(1);
        self
    }

    /// The database, where the address names another or none.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// How many connections short reads share, apart from the pool; 2 unless set, 0 for none. They are made when the first such
    /// read comes.
    pub fn shared_connections(mut self, connections: usize) -> Self {
        self.shared_connections = connections;
        self
    }

    /// How many short reads may be under way on one shared connection; 32 unless set. The next one takes a connection of
    /// the pool.
    pub fn shared_depth(mut self, reads: usize) -> Self {
        self.shared_depth = reads.max(1);
        self
    }

    /// The password, where it is kept apart from the address.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// What the server calls this service, in `pg_stat_activity` and its log.
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = Some(name.into());
        self
    }

    /// The schemas in which the server looks names up, as for `SET search_path`: `app, public`.
    pub fn search_path(self, schemas: impl Into<String>) -> Self {
        self.setting("search_path", schemas)
    }

    /// How long a statement may run before the server cancels it, which is the error
    /// [`Timeout`](ErrorKind::Timeout).
    pub fn statement_timeout(self, limit: Duration) -> Self {
        self.setting("statement_timeout", milliseconds(limit))
    }

    /// How long a statement may wait for a lock, which is the error [`Timeout`](ErrorKind::Timeout).
    pub fn lock_timeout(self, limit: Duration) -> Self {
        self.setting("lock_timeout", milliseconds(limit))
    }

    /// A parameter of the server that every session begins with.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Says that the address is that of a transaction pooler, such as PgBouncer with `pool_mode = transaction`. No statement is then
    /// prepared under a name, and nothing is set for a session; what [`setting`](Builder::setting) and its like ask for must come
    /// with the role, and is looked at with every connection.
    pub fn transaction_pooler(mut self, yes: bool) -> Self {
        self.transaction_pooler = yes;
        self
    }

    /// Sends the name of each query and the place it is written at before its text, as a comment: `pg_stat_activity`,
    /// `pg_stat_statements` and the server's log then say which it was. No more is sent: a text is sent once for each connection.
    pub fn query_names(mut self, yes: bool) -> Self {
        self.query_names = yes;
        self
    }

    /// Tells queries that take as long or longer: an event of the target `sqlmill::slow`, at the level WARN.
    #[cfg(feature = "tracing")]
    pub fn slow_query(mut self, limit: Duration) -> Self {
        self.slow_query = Some(limit);
        self
    }

    /// Makes a first connection, so that a wrong address or password shows at once. `url` is as libpq takes it, a URL or
    /// `key=value` pairs; what it does not say is taken from `PGHOST`, `PGUSER` and so on.
    ///
    /// # Errors
    ///
    /// [`Connect`](ErrorKind::Connect) where the address cannot be used, or no server of it lets us in; the message has each host's reason.
    pub async fn connect(self, url: &str) -> Result<Database> {
        let target = self.target(url)?;
        Ok(Database::over(self.pool(target).await?))
    }

    /// As [`connect`](Builder::connect), for a handle that only reads: what writes does not compile with it, and the
    /// server refuses it as well.
    ///
    /// # Errors
    ///
    /// [`Connect`](ErrorKind::Connect) where the address cannot be used, or no server of it lets us in; the message has each host's reason.
    pub async fn connect_replica(self, url: &str) -> Result<Replica> {
        let mut target = self.target(url)?;
        target.read_only();
        Ok(Replica::over(self.pool(target).await?))
    }

    /// Their values may be nobody's business.
    fn setting_names(&self) -> Vec<&str> {
        self.settings
            .iter()
            .map(|(name, _)| name.as_str())
            .collect()
    }

    fn target(&self, url: &str) -> Result<Target> {
        let mut address =
            Address::parse(url, |name| std::env::var(name).ok()).map_err(wrong_address)?;
        if let Some(name) = &self.database {
            address.set("dbname", name.clone());
        }
        if let Some(password) = &self.password {
            address.set("password", password.clone());
        }
        if let Some(name) = &self.application_name {
            address.set("application_name", name.clone());
        }
        if address.get("hostaddr").is_none() {
            address.or("host", DEFAULT_HOST);
        }
        // A peer that vanished without a word is noticed in a minute: not in two hours where nothing is sent, nor in a quarter of
        // an hour where what was sent is not acknowledged.
        address.or("keepalives_idle", "30");
        address.or("keepalives_interval", "10");
        address.or("keepalives_count", "3");
        address.or("tcp_user_timeout", "60000");
        let variable = |name: &str| std::env::var(name).ok();
        let passwords = Passwords::of(&mut address, variable).map_err(wrong_address)?;
        // A pooler takes no settings for a session: they are looked at instead.
        let settings = if self.transaction_pooler {
            &[]
        } else {
            self.settings.as_slice()
        };
        let mut target = Target::new(address, settings, &passwords, self.statement_cache)
            .map_err(wrong_address)?;
        if self.transaction_pooler {
            target
                .behind_pooler(&self.settings)
                .map_err(wrong_address)?;
        }
        target.name_queries(self.query_names);
        #[cfg(feature = "tracing")]
        target.set_scene(self.slow_query);
        Ok(target)
    }

    async fn pool(self, target: Target) -> Result<Pool> {
        let connect = self
            .connect_timeout
            .or(target.connect_timeout())
            .unwrap_or(Duration::from_secs(10));
        let limits = connections::Limits {
            connections: self.pool_size,
            acquire: self.acquire_timeout,
            connect,
            commit: self.commit_timeout,
            lifetime: self.max_lifetime,
        };
        let shared_limits = Limits {
            connections: self.shared_connections,
            depth: self.shared_depth,
            connect,
            lifetime: self.max_lifetime,
        };
        let pool = Pool::new(target, limits, shared_limits);
        pool.lease().await?;
        pool.shared().watch();
        #[cfg(feature = "tracing")]
        pool.tell();
        pool.retire(self.idle_timeout, self.max_lifetime);
        Ok(pool)
    }
}

/// Where servers on the same machine listen.
const DEFAULT_HOST: &str = if cfg!(unix) {
    "/var/run/postgresql,/tmp,localhost"
} else {
    "localhost"
};

fn wrong_address(reason: String) -> Error {
    Error::with(
        ErrorKind::Connect,
        format!("the address cannot be used: {reason}"),
    )
}

fn milliseconds(limit: Duration) -> String {
    // Zero would mean no limit at all.
    limit.as_millis().max(1).to_string()
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("pool_size", &self.pool_size)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("commit_timeout", &self.commit_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_lifetime", &self.max_lifetime)
            .field("statement_cache", &self.statement_cache)
            .field("shared_connections", &self.shared_connections)
            .field("shared_depth", &self.shared_depth)
            .field("settings", &self.setting_names())
            .field("transaction_pooler", &self.transaction_pooler)
            .field("query_names", &self.query_names)
            .finish_non_exhaustive()
    }
}
