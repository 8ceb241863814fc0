//! How long a query may run: when the time is over, the server is asked to cancel it.
//!
//! A cancellation names a connection and no query, and may arrive when that has gone on to the next one. So a connection for
//! which one was sent is not used again once its query or transaction is over.
//!
//! On a connection of its own a query is watched by a task: its time passes also where nobody reads the answer, and the pool gets its
//! place back. In a transaction, where it depends on others whose turn it is, the time passes as the query is polled.

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Sleep, sleep};

use crate::error::{Error, ErrorKind, Result};
use crate::lease::Lease;

/// How long the server has to answer to a cancellation.
const PATIENCE: Duration = Duration::from_secs(2);

/// The time limit of one call.
pub(crate) struct Deadline {
    limit: Duration,
    clock: Clock,
}

/// Behind pointers, as few calls have one.
enum Clock {
    /// Behind a lock, as replies are read through shared references.
    Polled(Box<Mutex<Stage>>),
    Watched(Arc<Tether>, AbortHandle),
}

/// What ties a connection that is in use to the task that watches it.
#[derive(Default)]
pub(crate) struct Tether {
    hold: AtomicU8,
    /// Who waits for the answer.
    waker: Mutex<Option<Waker>>,
}

/// Who decides about the connection.
pub(crate) enum Hold {
    /// Whoever uses it.
    Free,
    /// As before, and it is not to be used again.
    Cancelled,
    /// Nobody: it was cut off, and the pool has its place back.
    CutOff,
}

const FREE: u8 = 0;
const CANCELLED: u8 = 1;
const CUT_OFF: u8 = 2;
const RELEASED: u8 = 3;

impl Tether {
    /// Whoever used it is done with it.
    pub(crate) fn release(&self) -> Hold {
        match self.hold.swap(RELEASED, Ordering::SeqCst) {
            CANCELLED => Hold::Cancelled,
            CUT_OFF => Hold::CutOff,
            _ => Hold::Free,
        }
    }

    fn turns(&self, from: u8, to: u8) -> bool {
        let turned = self
            .hold
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
        turned.is_ok()
    }

    fn waker(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        Self {
            limit,
            clock: Clock::Polled(Box::new(Mutex::new(Stage::Idle))),
        }
    }

    /// Of a call on a connection of its own. The time begins now.
    pub(crate) fn watching(limit: Duration, lease: &mut Lease) -> Result<Self> {
        let tether = Arc::<Tether>::default();
        let session = lease.session()?;
        let (canceller, cutter) = (session.canceller(), session.cutter());
        let connections = Arc::clone(lease.pool());
        lease.tether(Arc::clone(&tether));
        let tied = Arc::clone(&tether);
        let watching = async move {
            sleep(limit).await;
            if !tied.turns(FREE, CANCELLED) {
                return;
            }
            // In a task, so that it is sent even if nobody waits any more.
            tokio::spawn(canceller.cancel());
            sleep(PATIENCE).await;
            if !tied.turns(CANCELLED, CUT_OFF) {
                return;
            }
            cutter.cut_off();
            connections.vacate();
            let waker = tied.waker().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        };
        Ok(Self {
            limit,
            clock: Clock::Watched(tether, tokio::spawn(watching).abort_handle()),
        })
    }

    /// Something else came first after all, such as a query that was sent while this one was to be prepared: the time begins anew.
    pub(crate) fn pause(&self) {
        let Clock::Polled(stage) = &self.clock else {
            return;
        };
        let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*stage, Stage::Running(_)) {
            *stage = Stage::Idle;
        }
    }

    /// Cancels what runs on the connection when the time is over. Ready when no answer came to that either: the connection is
    /// cut off by then.
    pub(crate) fn poll(&self, lease: &Lease, cx: &mut Context<'_>) -> Poll<()> {
        let stage = match &self.clock {
            Clock::Polled(stage) => stage,
            Clock::Watched(tether, _) => {
                let mut waker = tether.waker();
                if tether.hold.load(Ordering::SeqCst) == CUT_OFF {
                    return Poll::Ready(());
                }
                match &mut *waker {
                    Some(known) => known.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                return Poll::Pending;
            }
        };
        let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &mut *stage {
                Stage::Idle => *stage = Stage::Running(Box::pin(sleep(self.limit))),
                Stage::Running(time) => {
                    ready!(time.as_mut().poll(cx));
                    lease.abandon();
                    if let Ok(session) = lease.session() {
                        // In a task, so that it is sent even if nobody waits any more.
                        tokio::spawn(session.canceller().cancel());
                    }
                    *stage = Stage::Cancelling(Box::pin(sleep(PATIENCE)));
                }
                Stage::Cancelling(waiting) => {
                    ready!(waiting.as_mut().poll(cx));
                    if let Ok(session) = lease.session() {
                        session.cut_off();
                    }
                    *stage = Stage::GivenUp;
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
        let hold = match &self.clock {
            Clock::Watched(tether, _) => tether.hold.load(Ordering::SeqCst),
            Clock::Polled(stage) => match *stage.lock().unwrap_or_else(PoisonError::into_inner) {
                Stage::Idle | Stage::Running(_) => FREE,
                Stage::Cancelling(_) => CANCELLED,
                Stage::GivenUp => CUT_OFF,
            },
        };
        match hold {
            // A pooler may answer so.
            CANCELLED if error.kind() == ErrorKind::ConnectionLost => {
                Error::no_answer_within(self.limit)
            }
            CANCELLED => error.past_limit(self.limit),
            CUT_OFF => Error::no_answer_within(self.limit),
            _ => error,
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Clock::Watched(_, task) = &self.clock {
            task.abort();
        }
    }
}
