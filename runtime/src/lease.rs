//! A connection that was taken from the pool, and how it gets back there clean.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::connections::Connections;
use crate::deadline::{Hold, Tether};
use crate::error::{Error, ErrorKind, Result, kind_of};
use crate::wire::{Failure, Session};

/// A connection of the pool, in use.
///
/// It counts the requests whose answers were not read to the end. A future that is dropped half-way leaves one; so does a
/// ROLLBACK that was sent without waiting. Such a connection is first settled in the background: the next user must not
/// wait behind somebody else's forgotten query.
pub(crate) struct Lease {
    /// `None` only while it is dropped.
    session: Option<Box<Session>>,
    pool: Arc<Connections>,
    under_way: AtomicU32,
    lost: AtomicBool,
    /// The server refused something. Whoever asked may be gone without having seen it.
    refused: AtomicBool,
    /// It did so because of another transaction.
    conflicted: AtomicBool,
    /// To what watches its time limit, if it has one.
    tether: Option<Arc<Tether>>,
}

/// How long a forgotten answer may take before the query is cancelled and the connection thrown away.
const PATIENCE: Duration = Duration::from_millis(100);

impl Lease {
    pub(crate) fn new(session: Box<Session>, pool: Arc<Connections>) -> Self {
        Self {
            session: Some(session),
            pool,
            under_way: AtomicU32::new(0),
            lost: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            conflicted: AtomicBool::new(false),
            tether: None,
        }
    }

    /// From here on its time is watched.
    pub(crate) fn tether(&mut self, tether: Arc<Tether>) {
        self.tether = Some(tether);
    }

    /// The connection. It is there as long as the lease is.
    #[inline]
    pub(crate) fn session(&self) -> Result<&Session> {
        self.session
            .as_deref()
            .ok_or_else(|| Error::new(ErrorKind::ConnectionLost))
    }

    /// As `session`, where nobody else has it.
    #[inline]
    pub(crate) fn session_mut(&mut self) -> Result<&mut Session> {
        self.session
            .as_deref_mut()
            .ok_or_else(|| Error::new(ErrorKind::ConnectionLost))
    }

    /// Takes the connection out. It still counts as one of the pool's.
    pub(crate) fn into_session(mut self) -> Option<Box<Session>> {
        self.session.take()
    }

    /// The pool that it came from.
    pub(crate) fn pool(&self) -> &Arc<Connections> {
        &self.pool
    }

    /// A request is about to be sent.
    pub(crate) fn depart(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// Its answer was read to the end.
    pub(crate) fn arrive(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// Is there a request whose answer nobody has read, or not yet?
    pub(crate) fn is_unsettled(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) != 0
    }

    /// Remembers that the server refused something, whoever comes to hear of it.
    pub(crate) fn refuse(&self, failure: &Failure) {
        if let Some(server) = failure.server() {
            self.refused.store(true, Ordering::Relaxed);
            if kind_of(server.sqlstate) == ErrorKind::Retryable {
                self.conflicted.store(true, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn has_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Because of another transaction.
    pub(crate) fn has_conflicted(&self) -> bool {
        self.conflicted.load(Ordering::Relaxed)
    }

    /// Closes the connection once it is not used any more.
    pub(crate) fn abandon(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// What went wrong, as an error. A server that is about to close the connection says so before it does: the next user
    /// must not get it in between.
    pub(crate) fn error(&self, failure: &Failure) -> Error {
        self.note(Error::from_failure(failure))
    }

    /// As `error`, when a statement could not be prepared.
    pub(crate) fn prepare_error(&self, failure: &Failure) -> Error {
        self.note(Error::prepare(failure))
    }

    fn note(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::ConnectionLost {
            self.abandon();
        }
        error
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else {
            return;
        };
        match self.tether.take().map(|tether| tether.release()) {
            None | Some(Hold::Free) => {}
            Some(Hold::Cancelled) => *self.lost.get_mut() = true,
            Some(Hold::CutOff) => return,
        }
        if *self.lost.get_mut() || session.is_closed() {
            drop(session);
            self.pool.vacate();
        } else if *self.under_way.get_mut() == 0 {
            session.rest();
            self.pool.give_back(session);
        } else {
            session.forget();
            settle(session, Arc::clone(&self.pool));
        }
    }
}

fn settle(session: Box<Session>, pool: Arc<Connections>) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        // Nobody is there to wait: a new connection is cheaper than a dirty one.
        drop(session);
        return pool.vacate();
    };
    // As a lease, so that a runtime that shuts down leaves no gap in the pool.
    let lease = Lease::new(session, pool);
    lease.abandon();
    runtime.spawn(async move {
        let mut lease = lease;
        let Ok(session) = lease.session() else {
            return;
        };
        // Answers come in order, so the answer to an empty query is the last one.
        match tokio::time::timeout(PATIENCE, session.run("")).await {
            Ok(Ok(())) => *lease.lost.get_mut() = false,
            Ok(Err(_)) => {}
            // The cancellation may reach the server late. On a connection that nobody gets, it can hit nobody else.
            Err(_) => session.canceller().cancel().await,
        }
    });
}
