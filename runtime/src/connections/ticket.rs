//! The queue of those who wait for a connection: what each holds, and the task that tells them when their time is over.
//!
//! All wait equally long at most, so who comes first is also the first whose time is over, and one timer serves them all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::{Connections, Grant};
use crate::error::{Error, ErrorKind, Result};

/// A place in the queue. Who drops it leaves, and passes on what was granted meanwhile.
pub(crate) struct Ticket {
    waiter: Arc<Waiter>,
    connections: Arc<Connections>,
    over: bool,
}

/// Somebody in the queue, as the queue knows him.
pub(super) struct Waiter {
    /// `None`: no clock goes so far.
    until: Option<Instant>,
    turn: Mutex<Turn>,
}

enum Turn {
    Waiting(Option<Waker>),
    Granted(Grant),
    Refused(Refusal),
    Left,
}

/// Why somebody gets no connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    Closed,
    Late,
}

/// Is there a task that looks after the queue?
#[derive(Default)]
pub(super) struct Usher(AtomicBool);

impl Ticket {
    pub(super) fn new(connections: &Arc<Connections>, limit: Duration) -> Self {
        Self {
            waiter: Arc::new(Waiter {
                until: Instant::now().checked_add(limit),
                turn: Mutex::new(Turn::Waiting(None)),
            }),
            connections: Arc::clone(connections),
            over: false,
        }
    }

    pub(super) fn waiter(&self) -> Arc<Waiter> {
        Arc::clone(&self.waiter)
    }

    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<Grant>> {
        let mut turn = self.waiter.turn();
        if let Turn::Waiting(waker) = &mut *turn {
            match waker {
                Some(known) => known.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            drop(turn);
            if self.waiter.until.is_some() {
                self.connections.usher();
            }
            return Poll::Pending;
        }
        let turn = std::mem::replace(&mut *turn, Turn::Left);
        self.over = true;
        Poll::Ready(match turn {
            Turn::Granted(grant) => Ok(grant),
            Turn::Refused(Refusal::Late) => Err(self.connections.exhausted()),
            Turn::Refused(Refusal::Closed) | Turn::Waiting(_) | Turn::Left => {
                Err(Error::new(ErrorKind::Closed))
            }
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let turn = std::mem::replace(&mut *self.waiter.turn(), Turn::Left);
        // What was granted goes to the next one, who may be woken at once.
        drop(turn);
    }
}

impl Waiter {
    /// Gives it back where nobody waits any more.
    pub(super) fn grant(&self, grant: Grant) -> Option<Grant> {
        let mut turn = self.turn();
        let Turn::Waiting(waker) = &mut *turn else {
            return Some(grant);
        };
        let waker = waker.take();
        *turn = Turn::Granted(grant);
        drop(turn);
        if let Some(waker) = waker {
            waker.wake();
        }
        None
    }

    pub(super) fn refuse(&self, refusal: Refusal) {
        let mut turn = self.turn();
        let Turn::Waiting(waker) = &mut *turn else {
            return;
        };
        let waker = waker.take();
        *turn = Turn::Refused(refusal);
        drop(turn);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(*self.turn(), Turn::Waiting(_))
    }

    /// To be polled once more.
    fn wake(&self) {
        let waker = match &mut *self.turn() {
            Turn::Waiting(waker) => waker.take(),
            Turn::Granted(_) | Turn::Refused(_) | Turn::Left => None,
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        // It is whole between any two calls.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    /// Sees to it that somebody looks after the queue.
    fn usher(self: &Arc<Self>) {
        if self.usher.0.load(Ordering::Relaxed) || self.usher.0.swap(true, Ordering::SeqCst) {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(look_after(Shift {
                    connections: Arc::downgrade(self),
                    begun: false,
                }));
            }
            // Without a runtime there is no time.
            Err(_) => self.usher.0.store(false, Ordering::SeqCst),
        }
    }

    /// Sends those away who have waited too long. When is the time of the next one over?
    fn turn_away(&self) -> Option<Instant> {
        loop {
            let mut state = self.state();
            let Some(until) = state.waiting.front().and_then(|first| first.until) else {
                // Under the lock: who comes now finds nobody, and calls the next one.
                self.usher.0.store(false, Ordering::SeqCst);
                return None;
            };
            if until > Instant::now() {
                return Some(until);
            }
            let late = state.waiting.pop_front();
            drop(state);
            if let Some(late) = late {
                late.refuse(Refusal::Late);
            }
        }
    }
}

/// The task that looks after the queue.
struct Shift {
    connections: Weak<Connections>,
    begun: bool,
}

async fn look_after(mut shift: Shift) {
    shift.begun = true;
    loop {
        let next = shift.connections.upgrade().and_then(|it| it.turn_away());
        match next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => break,
        }
    }
    shift.begun = false;
}

impl Drop for Shift {
    fn drop(&mut self) {
        // It ended as it should, or the runtime takes no tasks any more.
        if !self.begun {
            return;
        }
        let Some(connections) = self.connections.upgrade() else {
            return;
        };
        // Its runtime has ended. Those who wait in others call the next one.
        connections.usher.0.store(false, Ordering::SeqCst);
        let waiting: Vec<_> = connections.state().waiting.iter().map(Arc::clone).collect();
        for waiter in waiting {
            waiter.wake();
        }
    }
}
