//! The connections of a handle that are used by one call or one transaction at a time, and the queue of those who wait for one.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::error::{Error, ErrorKind, Result};
use crate::lease::Lease;
use crate::partition::Partitions;
use crate::pool::PoolStatus;
use crate::wire::{Session, Target};

mod ticket;

pub(crate) use ticket::Ticket;
use ticket::{Refusal, Usher, Waiter};

/// What can be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    /// How long a caller waits for one that others use.
    pub(crate) acquire: Duration,
    pub(crate) connect: Duration,
    /// How long somebody waits for the answer to COMMIT.
    pub(crate) commit: Option<Duration>,
    /// How old a connection may get.
    pub(crate) lifetime: Option<Duration>,
}

#[cfg(feature = "testing")]
impl Limits {
    /// For a handle without a server.
    pub(crate) const NONE: Self = Self {
        connections: 0,
        acquire: Duration::ZERO,
        connect: Duration::ZERO,
        commit: None,
        lifetime: None,
    };
}

pub(crate) struct Connections {
    state: Mutex<State>,
    target: Target,
    limits: Limits,
    partitions: Partitions,
    /// The last one was closed.
    drained: Notify,
    usher: Usher,
}

#[derive(Default)]
struct State {
    /// What was given back last is taken first: the others grow old enough to be closed.
    idle: Vec<Idle>,
    /// Those in use, the idle ones, and those that are being made.
    open: usize,
    /// In the order in which they came. Some may have gone away.
    waiting: VecDeque<Arc<Waiter>>,
    /// Nobody gets any.
    closed: bool,
    /// Nobody holds the handle any more.
    orphaned: bool,
    /// What was made before is too old. Seen when somebody last looked: nobody asks for the time with every call.
    oldest: Option<Instant>,
}

struct Idle {
    session: Box<Session>,
    /// When somebody first saw it lie idle. Nobody asks for the time with every call.
    since: Option<Instant>,
}

/// What a caller gets who asks for a connection.
pub(crate) enum Claim {
    Granted(Grant),
    Waiting(Ticket),
}

pub(crate) enum Grant {
    Connection(Lease),
    /// The right to make one.
    Place(Place),
}

/// The right to have one connection.
pub(crate) struct Place(Option<Arc<Connections>>);

impl Connections {
    pub(crate) fn new(target: Target, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            target,
            limits,
            partitions: Partitions::default(),
            drained: Notify::new(),
            usher: Usher::default(),
        })
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// How long making a connection may take.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.limits.connect
    }

    pub(crate) fn commit_timeout(&self) -> Option<Duration> {
        self.limits.commit
    }

    pub(crate) fn partitions(&self) -> &Partitions {
        &self.partitions
    }

    /// A connection, the right to make one, or a place in the queue.
    pub(crate) fn claim(self: &Arc<Self>) -> Result<Claim> {
        loop {
            let mut state = self.state();
            if let Some(Idle { session, .. }) = state.idle.pop() {
                drop(state);
                if session.is_alive() {
                    let lease = Lease::new(session, Arc::clone(self));
                    return Ok(Claim::Granted(Grant::Connection(lease)));
                }
                drop(session);
                self.vacate();
                continue;
            }
            if state.closed {
                return Err(Error::new(ErrorKind::Closed));
            }
            if state.open < self.limits.connections {
                state.open += 1;
                let place = Place(Some(Arc::clone(self)));
                return Ok(Claim::Granted(Grant::Place(place)));
            }
            if state.waiting.len() == state.waiting.capacity() {
                state.waiting.retain(|other| other.is_waiting());
            }
            let ticket = Ticket::new(self, self.limits.acquire);
            state.waiting.push_back(ticket.waiter());
            return Ok(Claim::Waiting(ticket));
        }
    }

    pub(crate) async fn get(self: &Arc<Self>) -> Result<Lease> {
        let grant = match self.claim()? {
            Claim::Granted(grant) => grant,
            Claim::Waiting(mut ticket) => poll_fn(|cx| ticket.poll(cx)).await?,
        };
        self.redeem(grant).await
    }

    /// Makes the connection that was granted, if it is to be made.
    pub(crate) async fn redeem(self: &Arc<Self>, grant: Grant) -> Result<Lease> {
        let place = match grant {
            Grant::Connection(lease) => return Ok(lease),
            Grant::Place(place) => place,
        };
        // Kilobytes of state, which those who only wait for others need not carry.
        let session = Box::pin(self.target.connect(self.limits.connect)).await?;
        Ok(place.fill(Box::new(session), self))
    }

    /// Of somebody who waited too long.
    fn exhausted(&self) -> Error {
        let Limits {
            connections: size,
            acquire,
            ..
        } = self.limits;
        let all = match size {
            1 => "the one connection".to_owned(),
            size => format!("all {size} connections"),
        };
        Error::with(
            ErrorKind::PoolExhausted,
            format!("{all} of the pool stayed in use for {acquire:?}"),
        )
    }

    /// Gives a connection to whoever waits longest, or keeps it.
    pub(crate) fn give_back(self: &Arc<Self>, mut session: Box<Session>) {
        loop {
            let mut state = self.state();
            let too_old = state.oldest.is_some_and(|oldest| session.since() < oldest);
            if too_old || state.closed || state.orphaned {
                drop(state);
                drop(session);
                return self.vacate();
            }
            let Some(first) = state.waiting.pop_front() else {
                let since = None;
                state.idle.push(Idle { session, since });
                return;
            };
            drop(state);
            let lease = Lease::new(session, Arc::clone(self));
            match first.grant(Grant::Connection(lease)) {
                Some(Grant::Connection(lease)) => match lease.into_session() {
                    Some(back) => session = back,
                    None => return,
                },
                Some(Grant::Place(_)) | None => return,
            }
        }
    }

    /// There is one connection less.
    pub(crate) fn vacate(self: &Arc<Self>) {
        loop {
            let mut state = self.state();
            let Some(first) = state.waiting.pop_front() else {
                state.open = state.open.saturating_sub(1);
                let drained = state.open == 0;
                drop(state);
                if drained {
                    self.drained.notify_waiters();
                }
                return;
            };
            drop(state);
            match first.grant(Grant::Place(Place(Some(Arc::clone(self))))) {
                Some(Grant::Place(mut place)) => drop(place.0.take()),
                Some(Grant::Connection(_)) | None => return,
            }
        }
    }

    /// Closes connections that were idle too long or are too old, those in use when they come back.
    pub(crate) fn retire(self: &Arc<Self>, idle: Option<Duration>) {
        let lifetime = self.limits.lifetime;
        let now = Instant::now();
        let expired = |since: Instant, limit: Option<Duration>| {
            limit.is_some_and(|limit| now.saturating_duration_since(since) >= limit)
        };
        let retired: Vec<Idle> = {
            let mut state = self.state();
            let mut kept = Vec::with_capacity(state.idle.len());
            let mut retired = Vec::new();
            for mut one in state.idle.drain(..) {
                let since = *one.since.get_or_insert(now);
                if expired(since, idle) || expired(one.session.since(), lifetime) {
                    retired.push(one);
                } else {
                    kept.push(one);
                }
            }
            state.idle = kept;
            state.oldest = lifetime.and_then(|lifetime| now.checked_sub(lifetime));
            retired
        };
        for one in retired {
            drop(one);
            self.vacate();
        }
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let state = self.state();
        let waiting = state.waiting.iter().filter(|waiter| waiter.is_waiting());
        PoolStatus {
            limit: self.limits.connections,
            open: state.open,
            idle: state.idle.len(),
            waiting: waiting.count(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Gives out no more, and waits until those that are in use have come back.
    pub(crate) async fn close(self: &Arc<Self>) {
        let (idle, waiting) = {
            let mut state = self.state();
            state.closed = true;
            let waiting = std::mem::take(&mut state.waiting);
            (std::mem::take(&mut state.idle), waiting)
        };
        for waiter in waiting {
            waiter.refuse(Refusal::Closed);
        }
        self.discard(idle);
        loop {
            let drained = self.drained.notified();
            let mut drained = pin!(drained);
            drained.as_mut().enable();
            if self.state().open == 0 {
                return;
            }
            drained.await;
        }
    }

    /// Nobody holds the handle any more: what comes back is closed.
    pub(crate) fn orphan(self: &Arc<Self>) {
        let idle = {
            let mut state = self.state();
            state.orphaned = true;
            std::mem::take(&mut state.idle)
        };
        self.discard(idle);
    }

    fn discard(self: &Arc<Self>, idle: Vec<Idle>) {
        for one in idle {
            drop(one);
            self.vacate();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn fill(mut self, session: Box<Session>, connections: &Arc<Connections>) -> Lease {
        self.0 = None;
        Lease::new(session, Arc::clone(connections))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(connections) = self.0.take() {
            connections.vacate();
        }
    }
}
