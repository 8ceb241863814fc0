//! A connection that was taken from the pool, and how it gets back there clean.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use deadpool::managed::{Object, Pool};

use crate::error::{Error, ErrorKind, Result};
use crate::wire::{Connector, Failure, Session};

/// A connection of the pool, in use.
///
/// It counts the requests whose answers were not read to the end. A future that is dropped half-way leaves one; so does a
/// ROLLBACK that was sent without waiting. Such a connection is first settled in the background: the next user must not
/// wait behind somebody else's forgotten query.
pub(crate) struct Lease {
    /// `None` only while it is dropped.
    object: Option<Object<Connector>>,
    under_way: AtomicU32,
    lost: AtomicBool,
}

/// How long a forgotten answer may take before the query is cancelled and the connection thrown away.
const PATIENCE: Duration = Duration::from_millis(100);

impl Lease {
    pub(crate) fn new(object: Object<Connector>) -> Self {
        Self {
            object: Some(object),
            under_way: AtomicU32::new(0),
            lost: AtomicBool::new(false),
        }
    }

    /// The connection. It is there as long as the lease is.
    pub(crate) fn session(&self) -> Result<&Session> {
        self.object
            .as_deref()
            .map(Box::as_ref)
            .ok_or_else(|| Error::new(ErrorKind::ConnectionLost))
    }

    /// The pool that it came from; `None` when nobody holds the database any more.
    pub(crate) fn pool(&self) -> Option<Pool<Connector>> {
        self.object.as_ref().and_then(Object::pool)
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
        let Some(object) = self.object.take() else {
            return;
        };
        if self.lost.load(Ordering::Relaxed) {
            drop(Object::take(object));
            return;
        }
        if !self.is_unsettled() || object.is_closed() {
            return;
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(settle(object));
            }
            // Nobody is there to wait: a new connection is cheaper than a dirty one.
            Err(_) => drop(Object::take(object)),
        }
    }
}

async fn settle(object: Object<Connector>) {
    // Answers come in order, so the answer to an empty query is the last one.
    match tokio::time::timeout(PATIENCE, object.run("")).await {
        Ok(Ok(())) => drop(object),
        Ok(Err(_)) => drop(Object::take(object)),
        Err(_) => {
            // The cancellation may reach the server late. On a connection that nobody gets, it can hit nobody else.
            let session = Object::take(object);
            session.canceller().cancel().await;
        }
    }
}
