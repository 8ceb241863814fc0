//! The connections of a handle, and how one is taken.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use deadpool::managed::{self, Object, PoolError, TimeoutType, Timeouts};

use crate::error::{Error, ErrorKind, Result};
use crate::lease::Lease;
use crate::listen::Listener;
use crate::shared;
use crate::wire::{Connector, Failure, Target};

/// Connections to one server, shared by all clones of a handle.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    /// Who answers instead of a server.
    #[cfg(feature = "testing")]
    mock: Option<crate::testing::Mock>,
    connections: managed::Pool<Connector>,
    target: Target,
    shared: shared::Shared,
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
        connections: managed::Pool<Connector>,
        target: Target,
        limits: shared::Limits,
    ) -> Self {
        Self(Arc::new(Shared {
            #[cfg(feature = "testing")]
            mock: None,
            connections,
            shared: shared::Shared::new(target.clone(), limits),
            target,
        }))
    }

    #[cfg(feature = "testing")]
    #[expect(clippy::expect_used, reason = "only tests have a mock")]
    pub(crate) fn of_mock(mock: &crate::testing::Mock) -> Self {
        let target = Target::nowhere();
        let connections = managed::Pool::builder(Connector::new(target.clone())).build();
        Self(Arc::new(Shared {
            mock: Some(mock.clone()),
            // Refused is a pool with timeouts and without a runtime.
            connections: connections.expect("it has no timeouts"),
            shared: shared::Shared::new(target.clone(), shared::Limits::NONE),
            target,
        }))
    }

    #[cfg(feature = "testing")]
    pub(crate) fn mock(&self) -> Option<&crate::testing::Mock> {
        self.0.mock.as_ref()
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn target(&self) -> &Target {
        &self.0.target
    }

    /// Tells how it is used.
    #[cfg(feature = "tracing")]
    pub(crate) fn tell(&self) {
        crate::trace::watch_pool(self.0.connections.weak(), self.0.target.scene());
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
        let pool = self.0.connections.weak();
        let pause = (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(30));
        let expired =
            |age: Duration, limit: Option<Duration>| limit.is_some_and(|limit| age >= limit);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(pool) = pool.upgrade() else {
                    return;
                };
                pool.retain(|_, metrics| {
                    !expired(metrics.last_used(), idle) && !expired(metrics.age(), lifetime)
                });
            }
        });
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let status = self.0.connections.status();
        PoolStatus {
            limit: status.max_size,
            open: status.size,
            idle: status.available,
            waiting: status.waiting,
        }
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
        let connections = self.0.connections.clone();
        let limit = self.0.shared.connect_timeout();
        let target = self.0.target.clone();
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
                self.0.target.clone(),
                self.0.shared.connect_timeout(),
            ))),
        }
    }

    /// Gives out no more connections, and waits until those that are in use have come back.
    pub(crate) async fn close(&self) {
        self.0.shared.close();
        self.0.connections.close();
        while self.0.connections.status().size != 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A connection of the pool.
    pub(crate) async fn lease(&self) -> Result<Lease> {
        if let Some(object) = self.idle() {
            return Ok(Lease::new(object));
        }
        // Waiting and connecting take kilobytes of state, which a query that finds an idle connection need not carry.
        match Box::pin(self.0.connections.get()).await {
            Ok(object) => Ok(Lease::new(object)),
            Err(error) => Err(self.refusal(&error)),
        }
    }

    fn refusal(&self, error: &PoolError<Failure>) -> Error {
        let place = || self.0.target.place();
        match error {
            PoolError::Timeout(TimeoutType::Wait) => {
                let size = self.0.connections.status().max_size;
                Error::with(
                    ErrorKind::PoolExhausted,
                    format!("all {size} connections of the pool are in use"),
                )
            }
            PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => Error::with(
                ErrorKind::Connect,
                format!("{} did not answer in time", place()),
            ),
            PoolError::Backend(failure) => Error::connect(failure, &place()),
            PoolError::Closed => Error::new(ErrorKind::Closed),
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                Error::with(ErrorKind::Connect, "the pool is not set up for it")
            }
        }
    }

    /// A connection that can be had without waiting. Those who wait already come first: what is given back goes to them.
    fn idle(&self) -> Option<Object<Connector>> {
        const NOW: Timeouts = Timeouts {
            wait: Some(Duration::ZERO),
            create: None,
            recycle: None,
        };
        let get = pin!(self.0.connections.timeout_get(&NOW));
        // Without an idle connection it would make one, and is dropped before it does anything: see `Connector::create`.
        match get.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(object) => object.ok(),
            Poll::Pending => None,
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.0.connections.status();
        f.debug_struct("Pool")
            .field("target", &self.0.target)
            .field("connections", &status.size)
            .field("idle", &status.available)
            .finish_non_exhaustive()
    }
}
