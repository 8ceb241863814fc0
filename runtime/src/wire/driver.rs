//! Who reads and writes a connection: the call that waits for its answer, or a task.
//!
//! A connection of the pool serves one call at a time, so that call does it itself: a task between the two would be woken twice for
//! each answer. Where several wait at once, as in a transaction, or where nobody may wait, a task attends to it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio_postgres::{AsyncMessage, Connection};

/// The driver's connection, whatever its socket.
pub(super) trait Drive: Send {
    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<AsyncMessage, tokio_postgres::Error>>>;
}

impl<S, T> Drive for Connection<S, T>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    T: AsyncRead + AsyncWrite + Unpin + Send,
{
    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<AsyncMessage, tokio_postgres::Error>>> {
        Connection::poll_message(self, cx)
    }
}

pub(super) struct Driver {
    /// Gone when it is closed.
    connection: Mutex<Option<Box<dyn Drive>>>,
    closing: AtomicBool,
    /// Odd while a task attends to it.
    turn: AtomicUsize,
    runtime: Handle,
    /// Of the connection: there is something to read or to write.
    signal: Arc<Signal>,
    signals: Waker,
    /// Of an answer: a part of it was read.
    arrival: Arc<Arrival>,
    arrivals: Waker,
}

/// The task that attends to a connection.
struct Attendant {
    driver: Arc<Driver>,
    turn: usize,
}

impl Attendant {
    fn is_on_turn(&self) -> bool {
        self.driver.turn.load(Ordering::SeqCst) == self.turn
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        // The runtime has ended before its turn has: nobody would read the answers that others wait for.
        if self.is_on_turn() {
            self.driver.close();
        }
    }
}

#[derive(Default)]
struct Signal {
    given: AtomicBool,
    armed: AtomicBool,
    /// Who is to be woken: there is one at most who reads and writes.
    waiting: Mutex<Option<Waker>>,
}

#[derive(Default)]
struct Arrival(AtomicBool);

impl Driver {
    pub(super) fn new(connection: Box<dyn Drive>, runtime: Handle) -> Self {
        let (signal, arrival) = (Arc::<Signal>::default(), Arc::<Arrival>::default());
        // Nobody is told of what comes before it was polled once.
        signal.given.store(true, Ordering::SeqCst);
        Self {
            connection: Mutex::new(Some(connection)),
            closing: AtomicBool::new(false),
            turn: AtomicUsize::new(0),
            runtime,
            signals: Waker::from(Arc::clone(&signal)),
            signal,
            arrivals: Waker::from(Arc::clone(&arrival)),
            arrival,
        }
    }

    /// Awaits an answer, or several that are awaited together, and reads and writes meanwhile.
    pub(super) async fn wait_for<F: Future>(&self, answer: F) -> F::Output {
        let mut answer = pin!(answer);
        let mut sent = false;
        poll_fn(|cx| self.poll(&mut sent, |cx| answer.as_mut().poll(cx), cx)).await
    }

    /// Polls an answer, which is `sent` by the first poll.
    pub(super) fn poll<T>(
        &self,
        sent: &mut bool,
        mut answer: impl FnMut(&mut Context<'_>) -> Poll<T>,
        cx: &mut Context<'_>,
    ) -> Poll<T> {
        if self.is_attended() {
            return answer(cx);
        }
        // Nothing arrives but by what is read below, so nobody needs to be woken for it.
        let arrivals = &mut Context::from_waker(&self.arrivals);
        if !std::mem::replace(sent, true)
            && let Poll::Ready(value) = answer(arrivals)
        {
            return Poll::Ready(value);
        }
        self.signal.given.store(false, Ordering::SeqCst);
        self.arrival.0.store(false, Ordering::SeqCst);
        self.drive();
        if self.arrival.0.load(Ordering::SeqCst)
            && let Poll::Ready(value) = answer(arrivals)
        {
            return Poll::Ready(value);
        }
        self.signal.arm(cx.waker());
        if self.signal.given.load(Ordering::SeqCst) {
            // There is more to do already: by another turn, so that others get theirs.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Polls a request of a connection that a task attends to, and closes the connection where the request fails, before anybody reads or
    /// writes on it again.
    pub(super) fn poll_or_close<T, E>(
        &self,
        poll: impl FnOnce() -> Poll<Result<T, E>>,
    ) -> Poll<Result<T, E>> {
        let mut slot = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let polled = poll();
        let closed = match &polled {
            Poll::Ready(Err(_)) => slot.take(),
            Poll::Ready(Ok(_)) | Poll::Pending => None,
        };
        drop(slot);
        // It wakes those who wait, whatever they then do.
        drop(closed);
        // Who came meanwhile was turned away.
        self.signal.wake_waiting();
        polled
    }

    /// Reads what came while nobody waited for anything: the server may have closed the connection.
    #[inline]
    pub(super) fn look(&self) {
        if self.signal.given.load(Ordering::Relaxed) && !self.is_attended() {
            self.signal.given.store(false, Ordering::SeqCst);
            self.drive();
        }
    }

    /// Nobody waits any more.
    #[inline]
    pub(super) fn rest(&self) {
        if self.signal.armed.load(Ordering::Relaxed) {
            self.signal.disarm();
        }
    }

    /// From here on a task reads and writes, until `leave`.
    pub(super) fn attend(self: &Arc<Self>) {
        if self.is_attended() {
            return;
        }
        let turn = self.turn.fetch_add(1, Ordering::SeqCst) + 1;
        let attendant = Attendant {
            driver: Arc::clone(self),
            turn,
        };
        self.runtime.spawn(poll_fn(move |cx| {
            let Attendant { driver, .. } = &attendant;
            // Under the lock of `leave`: the waker of whoever comes next is not replaced by this one.
            let mine = || attendant.is_on_turn();
            match driver.signal.arm_if(cx.waker(), mine) && driver.drive() {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        }));
    }

    pub(super) fn leave(&self) {
        if self.is_attended() {
            let waiting = self.signal.waiting();
            self.turn.fetch_add(1, Ordering::SeqCst);
            drop(waiting);
            self.signal.wake_waiting();
        }
    }

    #[inline]
    fn is_attended(&self) -> bool {
        self.turn.load(Ordering::Relaxed) % 2 == 1
    }

    /// Closes the connection at once: who waits for an answer is told so.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.close_now();
        self.signal.wake_waiting();
    }

    /// Whoever uses it at this moment closes it afterwards.
    fn close_now(&self) {
        if let Some(mut connection) = self.try_lock() {
            let closed = connection.take();
            drop(connection);
            // It wakes those who wait, whatever they then do.
            drop(closed);
        }
    }

    /// Reads and writes as much as can be. Is it still open?
    fn drive(&self) -> bool {
        let cx = &mut Context::from_waker(&self.signals);
        let Some(mut slot) = self.try_lock() else {
            // Somebody else is at it, who may be past what there is to do here.
            self.signal.given.store(true, Ordering::SeqCst);
            return true;
        };
        let Some(connection) = &mut *slot else {
            return false;
        };
        loop {
            match connection.poll_message(cx) {
                // Notices are dropped: they can quote values.
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => {
                    self.closing.store(true, Ordering::SeqCst);
                    break;
                }
                Poll::Pending => break,
            }
        }
        drop(slot);
        if self.closing.load(Ordering::SeqCst) {
            self.close_now();
            return false;
        }
        true
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Option<Box<dyn Drive>>>> {
        match self.connection.try_lock() {
            Ok(connection) => Some(connection),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl Signal {
    fn arm(&self, waker: &Waker) {
        self.arm_if(waker, || true);
    }

    fn arm_if(&self, waker: &Waker, allowed: impl FnOnce() -> bool) -> bool {
        let mut waiting = self.waiting();
        if !allowed() {
            return false;
        }
        match &mut *waiting {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        self.armed.store(true, Ordering::SeqCst);
        true
    }

    fn disarm(&self) {
        self.armed.store(false, Ordering::SeqCst);
        let waker = self.waiting().take();
        drop(waker);
    }

    fn wake_waiting(&self) {
        if self.armed.load(Ordering::SeqCst) && self.armed.swap(false, Ordering::SeqCst) {
            let waker = self.waiting().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.given.store(true, Ordering::SeqCst);
        self.wake_waiting();
    }
}

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
