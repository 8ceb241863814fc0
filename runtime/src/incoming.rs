//! The reply to a query in a transaction, which others may have to read ahead.
//!
//! On a connection replies come in order, and a row that nobody takes holds up all that follow. On a connection of its own
//! a query may do that: it is how the server is made to wait. In a transaction another query, or the COMMIT, would wait for
//! ever behind a query that was polled once and then kept, or behind a stream whose next row is to be taken later. So
//! whoever waits in a transaction reads what lies before its own reply into memory.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use crate::lease::Lease;
use crate::wire::{Bound, Failure, Prepared, RawRow, RawRows, next_row};

/// A reply under way.
pub(crate) struct Incoming {
    progress: Mutex<Progress>,
    waiting: Arc<Waiting>,
}

struct Progress {
    /// Gone when the reply has ended, so that the connection is not held by a future that nobody polls.
    wire: Option<Wire>,
    ahead: VecDeque<RawRow>,
    failure: Option<Failure>,
    rows_affected: Option<u64>,
}

struct Wire {
    stage: Stage,
    lease: Arc<Lease>,
}

enum Stage {
    /// Sent at the first poll; then waiting for the server to accept the parameters.
    Sent(Pin<Box<dyn Future<Output = Result<RawRows, Failure>> + Send>>),
    Rows(Pin<Box<RawRows>>),
}

impl Incoming {
    pub(crate) fn new(lease: Arc<Lease>, prepared: Prepared, bound: Bound) -> Arc<Self> {
        let sender = Arc::clone(&lease);
        let sent = async move {
            let session = sender.session().map_err(|_| Failure::Gone)?;
            session.query(&prepared, &bound).await
        };
        Arc::new(Self {
            progress: Mutex::new(Progress {
                wire: Some(Wire {
                    stage: Stage::Sent(Box::pin(sent)),
                    lease,
                }),
                ahead: VecDeque::new(),
                failure: None,
                rows_affected: None,
            }),
            waiting: Arc::default(),
        })
    }

    /// Waits until the server has accepted the query.
    pub(crate) fn poll_accepted(&self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let mut progress = self.progress();
        if let Some(Wire {
            stage: Stage::Sent(_),
            ..
        }) = progress.wire
        {
            ready!(self.poll_stage(&mut progress, cx));
        }
        Poll::Ready(match progress.failure.take() {
            // Rows came before it: it is for whoever reads them.
            Some(failure) if !progress.ahead.is_empty() => {
                progress.failure = Some(failure);
                Ok(())
            }
            Some(failure) => Err(failure),
            None => Ok(()),
        })
    }

    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Result<RawRow, Failure>>> {
        let mut progress = self.progress();
        loop {
            if let Some(row) = progress.ahead.pop_front() {
                return Poll::Ready(Some(Ok(row)));
            }
            if progress.wire.is_none() {
                return Poll::Ready(progress.failure.take().map(Err));
            }
            ready!(self.poll_stage(&mut progress, cx));
        }
    }

    /// It is not sent after all.
    pub(crate) fn unsent(&self) {
        if let Some(wire) = self.progress().wire.take() {
            wire.lease.arrive();
        }
    }

    /// Its transaction was left without waiting for anything, so nobody reads what is left of it.
    pub(crate) fn leave(&self) {
        let mut progress = self.progress();
        let Some(wire) = progress.wire.take() else {
            return;
        };
        progress.ahead.clear();
        progress.failure = Some(Failure::Over);
        drop(progress);
        drop(wire);
        Wake::wake(Arc::clone(&self.waiting));
    }

    /// Reads everything that is left into memory.
    pub(crate) fn poll_ahead(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut progress = self.progress();
        while progress.wire.is_some() {
            ready!(self.poll_stage(&mut progress, cx));
        }
        Poll::Ready(())
    }

    /// Of a reply that has ended.
    pub(crate) fn rows_affected(&self) -> Option<u64> {
        self.progress().rows_affected
    }

    /// One step on the wire: it was accepted, a row was read, or it ended.
    fn poll_stage(&self, progress: &mut Progress, cx: &mut Context<'_>) -> Poll<()> {
        let Some(wire) = &mut progress.wire else {
            return Poll::Ready(());
        };
        self.waiting.add(cx.waker());
        let waker = Waker::from(Arc::clone(&self.waiting));
        let cx = &mut Context::from_waker(&waker);
        let failure = match &mut wire.stage {
            Stage::Sent(sent) => match ready!(sent.as_mut().poll(cx)) {
                Ok(rows) => {
                    wire.stage = Stage::Rows(Box::pin(rows));
                    return Poll::Ready(());
                }
                Err(failure) => Some(failure),
            },
            Stage::Rows(rows) => match ready!(next_row(rows.as_mut(), cx)) {
                Some(Ok(row)) => {
                    progress.ahead.push_back(row);
                    return Poll::Ready(());
                }
                Some(Err(failure)) => Some(failure),
                None => {
                    progress.rows_affected = rows.rows_affected();
                    None
                }
            },
        };
        wire.lease.arrive();
        if let Some(failure) = &failure {
            // It may be read ahead for somebody who never asks for it again.
            wire.lease.refuse(failure);
        }
        progress.wire = None;
        progress.failure = failure;
        Poll::Ready(())
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        // Nothing panics between two changes that belong together.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads `incoming` as far as `poll` goes, and meanwhile whatever lies before it.
pub(crate) async fn wait_for<T>(
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    mut poll_before: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> T {
    poll_fn(|cx| match poll(cx) {
        Poll::Ready(value) => Poll::Ready(value),
        Poll::Pending => {
            let _ = poll_before(cx);
            Poll::Pending
        }
    })
    .await
}

/// The tasks that wait for rows: who takes them, and who reads them ahead. The wire remembers one waker only.
#[derive(Default)]
struct Waiting(Mutex<Vec<Waker>>);

impl Waiting {
    fn add(&self, waker: &Waker) {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        let wakers = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for waker in wakers {
            waker.wake();
        }
    }
}
