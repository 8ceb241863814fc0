//! The connections of a handle, and how one is taken.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connections::{self, Claim, Connections, Grant};
use crate::error::{Error, ErrorKind, Result};
use crate::lease::Lease;
use crate::listen::Listener;
use crate::shared;
use crate::wire::Target;

/// Connections to one server, shared by all clones of a handle.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    /// Who answers instead of a server.
    #[cfg(feature = "testing")]
    mock: Option<crate::testing::Mock>,
    connections: Arc<Connections>,
    shared: shared::Shared,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.connections.orphan();
    }
}

/// How a pool is used at this moment, for gauges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// How many connections there may be.
    pub limit: usize,
    /// How many there are.
    pub open: usize,
    /// How many of them nobody uses.
    pub idle: usize,
    /// How many callers wait for one.
    pub waiting: usize,
}

/// What a server says of itself, and how its pool is used; see [`Database::health`](crate::Database::health).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// What the server is.
    pub role: ServerRole,
    /// How far a standby is behind. `None` on a server that is none, or that has not replayed anything yet.
    pub lag: Option<Duration>,
    /// `16.4 (Debian 16.4-1)`
    pub server_version: String,
    /// How long the question took, from when it had a connection.
    pub round_trip: Duration,
    /// The pool.
    pub pool: PoolStatus,
}

/// What a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerRole {
    /// It takes writes.
    Primary,
    /// It follows a primary.
    Standby,
    /// It could take writes, and sessions begin without: of a `Replica` on the primary, or because somebody set it so.
    ReadOnly,
}

impl Pool {
    pub(crate) fn new(
        target: Target,
        limits: connections::Limits,
        shared_limits: shared::Limits,
    ) -> Self {
        Self(Arc::new(Shared {
            #[cfg(feature = "testing")]
            mock: None,
            shared: shared::Shared::new(target.clone(), shared_limits),
            connections: Connections::new(target, limits),
        }))
    }

    #[cfg(feature = "testing")]
    pub(crate) fn of_mock(mock: &crate::testing::Mock) -> Self {
        let target = Target::nowhere();
        Self(Arc::new(Shared {
            mock: Some(mock.clone()),
            shared: shared::Shared::new(target.clone(), shared::Limits::NONE),
            connections: Connections::new(target, connections::Limits::NONE),
        }))
    }

    #[cfg(feature = "testing")]
    pub(crate) fn mock(&self) -> Option<&crate::testing::Mock> {
        self.0.mock.as_ref()
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn target(&self) -> &Target {
        self.0.connections.target()
    }

    /// Tells how it is used.
    #[cfg(feature = "tracing")]
    pub(crate) fn tell(&self) {
        crate::trace::watch_pool(Arc::downgrade(&self.0.connections), self.target().scene());
    }

    /// Is it the same pool, and not another one of the same server?
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The connections that short reads share.
    pub(crate) fn shared(&self) -> &shared::Shared {
        &self.0.shared
    }

    /// Closes connections that were idle too long or are too old, as long as there is a pool.
    pub(crate) fn retire(&self, idle: Option<Duration>, lifetime: Option<Duration>) {
        let Some(shortest) = idle.into_iter().chain(lifetime).min() else {
            return;
        };
        let connections = Arc::downgrade(&self.0.connections);
        let pause = (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(30));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                match connections.upgrade() {
                    Some(connections) => connections.retire(idle),
                    None => return,
                }
            }
        });
    }

    pub(crate) fn status(&self) -> PoolStatus {
        self.0.connections.status()
    }

    /// Runs text that holds no value of anybody's.
    pub(crate) async fn run(&self, sql: &str) -> Result<()> {
        let lease = self.lease().await?;
        let session = lease.session()?;
        lease.depart();
        let outcome = session.run(sql).await;
        lease.arrive();
        outcome.map_err(|failure| lease.error(&failure).told(&failure))
    }

    /// A round trip.
    pub(crate) async fn ping(&self) -> Result<()> {
        #[cfg(feature = "testing")]
        if self.mock().is_some() {
            return Ok(());
        }
        self.run("").await
    }

    /// Asks the server for its state.
    pub(crate) async fn health(&self) -> Result<Health> {
        #[cfg(feature = "testing")]
        if self.mock().is_some() {
            return Ok(Health {
                role: ServerRole::Primary,
                lag: None,
                server_version: "mock".to_owned(),
                round_trip: Duration::ZERO,
                pool: self.status(),
            });
        }
        let lease = self.lease().await?;
        let session = lease.session()?;
        let start = Instant::now();
        lease.depart();
        let state = session.state().await;
        lease.arrive();
        let state = state.map_err(|failure| lease.error(&failure))?;
        let round_trip = start.elapsed();
        drop(lease);
        Ok(Health {
            role: match (state.standby, state.read_only) {
                (true, _) => ServerRole::Standby,
                (false, false) => ServerRole::Primary,
                (false, true) => ServerRole::ReadOnly,
            },
            lag: state.lag,
            server_version: state.version,
            round_trip,
            pool: self.status(),
        })
    }

    pub(crate) async fn listen(&self, sql: String) -> Result<Listener> {
        #[cfg(feature = "testing")]
        if self.mock().is_some() {
            return Err(Error::with(ErrorKind::Other, "a mock hears nothing"));
        }
        if self.0.connections.is_closed() {
            return Err(Error::new(ErrorKind::Closed));
        }
        let connections = Arc::clone(&self.0.connections);
        let limit = self.0.shared.connect_timeout();
        let target = connections.target().clone();
        Listener::open(target, sql, limit, move || connections.is_closed()).await
    }

    /// Where a connection beside the pool goes, and how long it may take. `None` where a mock answers.
    pub(crate) fn apart(&self) -> Result<Option<(Target, Duration)>> {
        #[cfg(feature = "testing")]
        if self.mock().is_some() {
            return Ok(None);
        }
        match self.0.connections.is_closed() {
            true => Err(Error::new(ErrorKind::Closed)),
            false => Ok(Some((
                self.0.connections.target().clone(),
                self.0.shared.connect_timeout(),
            ))),
        }
    }

    /// Gives out no more connections, and waits until those that are in use have come back.
    pub(crate) async fn close(&self) {
        self.0.shared.close();
        self.0.connections.close().await;
        self.0.shared.drained().await;
    }

    /// A connection of the pool, or a place in the queue.
    pub(crate) fn claim(&self) -> Result<Claim> {
        self.0.connections.claim()
    }

    /// A connection of the pool.
    pub(crate) async fn lease(&self) -> Result<Lease> {
        self.0.connections.get().await
    }

    /// The connection that was granted.
    pub(crate) async fn redeem(&self, grant: Grant) -> Result<Lease> {
        self.0.connections.redeem(grant).await
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.0.connections.status();
        f.debug_struct("Pool")
            .field("target", self.0.connections.target())
            .field("connections", &status.open)
            .field("idle", &status.idle)
            .finish_non_exhaustive()
    }
}
