//! How long a query may run: when the time is over, the server is asked to cancel it.
//!
//! A cancellation names a connection and no query, and may arrive when that has gone on to the next one. So a connection for
//! which one was sent is not used again once its query or transaction is over.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use crate::error::{Error, ErrorKind};
use crate::lease::Lease;

/// How long the server has to answer to a cancellation.
const PATIENCE: Duration = Duration::from_secs(2);

/// The time limit of one call. It is behind a lock, as replies are read through shared references, and behind a pointer, as few
/// calls have one.
pub(crate) struct Deadline(Box<Mutex<Inner>>);

struct Inner {
    limit: Duration,
    stage: Stage,
}

enum Stage {
    Idle,
    Running(Pin<Box<Sleep>>),
    Cancelling(Pin<Box<Sleep>>),
    GivenUp,
}

impl Deadline {
    /// The time begins with the first poll.
    pub(crate) fn new(limit: Duration) -> Self {
        let stage = Stage::Idle;
        Self(Box::new(Mutex::new(Inner { limit, stage })))
    }

    /// Something else came first after all, such as a query that was sent while this one was to be prepared: the time begins anew.
    pub(crate) fn pause(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(inner.stage, Stage::Running(_)) {
            inner.stage = Stage::Idle;
        }
    }

    /// Cancels what runs on the connection when the time is over. Ready when no answer came to that either: the connection is
    /// cut off by then.
    pub(crate) fn poll(&self, lease: &Lease, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &mut inner.stage {
                Stage::Idle => inner.stage = Stage::Running(Box::pin(sleep(inner.limit))),
                Stage::Running(time) => {
                    ready!(time.as_mut().poll(cx));
                    lease.abandon();
                    if let Ok(session) = lease.session() {
                        // In a task, so that it is sent even if nobody waits any more.
                        tokio::spawn(session.canceller().cancel());
                    }
                    inner.stage = Stage::Cancelling(Box::pin(sleep(PATIENCE)));
                }
                Stage::Cancelling(waiting) => {
                    ready!(waiting.as_mut().poll(cx));
                    if let Ok(session) = lease.session() {
                        session.cut_off();
                    }
                    inner.stage = Stage::GivenUp;
                }
                Stage::GivenUp => return Poll::Ready(()),
            }
        }
    }

    /// As `poll`, within a transaction. What belongs to the transaction keeps its connection from nobody when that is over.
    pub(crate) fn poll_within(&self, lease: &Weak<Lease>, cx: &mut Context<'_>) -> Poll<()> {
        match lease.upgrade() {
            Some(lease) => self.poll(&lease, cx),
            None => Poll::Pending,
        }
    }

    /// Says of an error whether this was the reason.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match inner.stage {
            Stage::Idle | Stage::Running(_) => error,
            // A pooler may answer so.
            Stage::Cancelling(_) if error.kind() == ErrorKind::ConnectionLost => {
                Error::no_answer_within(inner.limit)
            }
            Stage::Cancelling(_) => error.past_limit(inner.limit),
            Stage::GivenUp => Error::no_answer_within(inner.limit),
        }
    }
}
