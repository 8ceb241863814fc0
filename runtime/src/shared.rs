//! Connections that short reads share: many calls are under way on each, and their answers come in order.
//!
//! Nobody ever waits for a place here. Where a call cannot be sent at once (no connection yet, a statement that is not prepared, as
//! many calls under way as are allowed, answers that have stopped coming) it takes a connection of the pool, whose queue
//! is fair and bounded in time. So whatever happens to a shared connection holds up only the calls that are on it already, and the
//! watcher moves those: a read has no effect, so it may be asked a second time.
//!
//! On a connection a row that nobody takes holds up all that follow. So an answer is taken from the wire by whatever wakes for it,
//! within the task that reads the connection: it needs no caller that polls, nor one that is still there. For the same reason nothing
//! here is ever cancelled.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::ReusableBoxFuture;

use crate::call;
use crate::error::ErrorKind;
use crate::param::Param;
use crate::statement::{About, Key};
use crate::wire::{Failure, Session, Short, Target};

/// How often the watcher looks, while there are calls.
const TICK: Duration = Duration::from_millis(10);

/// After how many looks without any answer a connection counts as held up: by a lock, or by a read that was not short.
const PATIENCE: u32 = 2;

/// How long after a failed attempt another one is made.
const PAUSE: Duration = Duration::from_secs(1);

/// What can be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    /// Calls under way on one connection.
    pub(crate) depth: usize,
    pub(crate) connect: Duration,
    pub(crate) lifetime: Option<Duration>,
}

#[cfg(feature = "testing")]
impl Limits {
    /// For a handle without a server.
    pub(crate) const NONE: Self = Self {
        connections: 0,
        depth: 0,
        connect: Duration::ZERO,
        lifetime: None,
    };
}

/// The shared connections of one handle.
pub(crate) struct Shared(Arc<Set>);

struct Set {
    lines: Box<[Arc<Line>]>,
    target: Target,
    limits: Limits,
    closed: AtomicBool,
    /// Is the watcher awake?
    watched: AtomicBool,
    busy: Arc<Notify>,
}

/// One place for a connection.
struct Line {
    /// Calls under way. What it says may be a moment old: it serves to choose.
    load: AtomicUsize,
    /// Takes it calls?
    open: AtomicBool,
    state: Mutex<State>,
}

struct State {
    connection: Connection,
    /// In the order in which they were sent, and of which statement each is.
    calls: VecDeque<(Key, Arc<Flight>)>,
    /// Statements that are being prepared, and those that could not be.
    preparing: HashSet<Key>,
    /// Calls that have ended, to be used again, so that a read does not allocate them.
    spare: Vec<Arc<Flight>>,
    /// Has an answer come since the watcher last looked?
    answered: bool,
    quiet: u32,
}

enum Connection {
    Absent,
    Connecting,
    Ready(Arc<Session>, Instant),
}

/// What became of a call.
pub(crate) enum Answer {
    Done(Result<Short, Failure>),
    /// It is to be asked again, on a connection of its own.
    Elsewhere,
}

impl Shared {
    pub(crate) fn new(target: Target, limits: Limits) -> Self {
        let lines = (0..limits.connections).map(|_| Arc::new(Line::new()));
        Self(Arc::new(Set {
            lines: lines.collect(),
            target,
            limits,
            closed: AtomicBool::new(false),
            watched: AtomicBool::new(true),
            busy: Arc::default(),
        }))
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        self.0.limits.connect
    }

    /// Begins to watch.
    pub(crate) fn watch(&self) {
        if !self.0.lines.is_empty() {
            tokio::spawn(watch(Arc::downgrade(&self.0), Arc::clone(&self.0.busy)));
        }
    }

    /// Sends the query on the connection with the fewest calls. `None`: it is to take a connection of its own.
    pub(crate) fn start(&self, about: &About, params: &[&dyn Param]) -> Option<Arc<Flight>> {
        let set = &self.0;
        let mut least: Option<(usize, &Arc<Line>)> = None;
        for line in &set.lines {
            if !line.open.load(Ordering::Relaxed) {
                set.connect(line);
                continue;
            }
            let load = line.load.load(Ordering::Relaxed);
            if load < set.limits.depth && least.is_none_or(|(other, _)| load < other) {
                least = Some((load, line));
            }
        }
        let (_, line) = least?;
        let flight = line.start(about, params)?;
        if !set.watched.load(Ordering::Relaxed) && !set.watched.swap(true, Ordering::SeqCst) {
            set.busy.notify_one();
        }
        Some(flight)
    }

    /// Takes no more calls; those under way are answered.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        for line in &self.0.lines {
            line.disconnect(&mut line.state());
        }
    }

    /// Waits until they are.
    pub(crate) async fn drained(&self) {
        let busy = |line: &Arc<Line>| !line.state().calls.is_empty();
        while self.0.lines.iter().any(busy) {
            tokio::time::sleep(TICK).await;
        }
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        // The watcher sees that there is nothing left to watch.
        self.busy.notify_one();
    }
}

impl Set {
    /// Makes a connection in the background where there is none.
    fn connect(self: &Arc<Self>, line: &Arc<Line>) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        {
            let mut state = line.state();
            if self.closed.load(Ordering::SeqCst) || !matches!(state.connection, Connection::Absent)
            {
                return;
            }
            state.connection = Connection::Connecting;
        }
        let (set, line) = (Arc::downgrade(self), Arc::clone(line));
        let (target, limit) = (self.target.clone(), self.limits.connect);
        runtime.spawn(async move {
            let Ok(session) = target.connect_shared(limit).await else {
                // Others try as well, and report it: here it is enough not to insist.
                tokio::time::sleep(PAUSE).await;
                line.state().connection = Connection::Absent;
                return;
            };
            let mut state = line.state();
            state.preparing.clear();
            let closed = |set: Arc<Self>| set.closed.load(Ordering::SeqCst);
            if set.upgrade().is_none_or(closed) {
                state.connection = Connection::Absent;
                return;
            }
            state.connection = Connection::Ready(Arc::new(session), Instant::now());
            state.quiet = 0;
            line.open.store(true, Ordering::Relaxed);
        });
    }
}

impl Line {
    fn new() -> Self {
        Self {
            load: AtomicUsize::new(0),
            open: AtomicBool::new(false),
            state: Mutex::new(State {
                connection: Connection::Absent,
                calls: VecDeque::new(),
                preparing: HashSet::new(),
                spare: Vec::new(),
                answered: false,
                quiet: 0,
            }),
        }
    }

    fn start(self: &Arc<Self>, about: &About, params: &[&dyn Param]) -> Option<Arc<Flight>> {
        let mut state = self.state();
        let Connection::Ready(session, _) = &state.connection else {
            return None;
        };
        let session = Arc::clone(session);
        if session.is_closed() {
            self.disconnect(&mut state);
            return None;
        }
        let Some(prepared) = session.prepared(about) else {
            self.prepare(&mut state, session, about);
            return None;
        };
        // What cannot be written is told by the call on a connection of its own.
        let bound = prepared.bind(params).ok()?;
        let flight = Flight::new(
            state.spare.pop(),
            session.short(prepared, bound),
            Arc::clone(self),
        );
        // Sent and queued under one lock, so that the queue has the order of the wire.
        if flight.send() {
            state.calls.push_back((about.key(), Arc::clone(&flight)));
            self.load.fetch_add(1, Ordering::Relaxed);
        }
        drop(state);
        flight.advance();
        Some(flight)
    }

    /// In a task of its own, so that its answers are read.
    fn prepare(self: &Arc<Self>, state: &mut State, session: Arc<Session>, about: &About) {
        let key = about.key();
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if !state.preparing.insert(key) {
            return;
        }
        let (line, about) = (Arc::clone(self), *about);
        runtime.spawn(async move {
            // A failure is reported by the calls that meet it on connections of their own.
            if call::prepare(&session, &about).await.is_ok() {
                line.state().preparing.remove(&key);
            }
        });
    }

    fn answered(&self, flight: &Arc<Flight>) {
        let mut state = self.state();
        let before = state.calls.len();
        match state.calls.front() {
            Some((_, first)) if Arc::ptr_eq(first, flight) => {
                state.calls.pop_front();
            }
            _ => state.calls.retain(|(_, other)| !Arc::ptr_eq(other, flight)),
        }
        self.load
            .fetch_sub(before - state.calls.len(), Ordering::Relaxed);
        state.answered = true;
        if state.spare.len() < before {
            state.spare.push(Arc::clone(flight));
        }
        if state.quiet != 0 {
            state.quiet = 0;
            let ready = matches!(state.connection, Connection::Ready(..));
            self.open.store(ready, Ordering::Relaxed);
        }
    }

    /// The calls under way keep the connection as long as they need it.
    fn disconnect(&self, state: &mut State) {
        self.open.store(false, Ordering::Relaxed);
        if matches!(state.connection, Connection::Ready(..)) {
            state.connection = Connection::Absent;
        }
    }

    /// What is known of statements no longer holds.
    fn evict(&self) {
        let mut state = self.state();
        state.preparing.clear();
        if let Connection::Ready(session, _) = &state.connection {
            session.evict_all();
        }
    }

    /// Is there anything to watch? Sends the calls elsewhere that wait behind one whose answer does not come.
    fn look(&self, lifetime: Option<Duration>, closed: bool) -> bool {
        let mut waiting = Vec::new();
        let busy = {
            let mut state = self.state();
            if let Connection::Ready(session, since) = &state.connection
                && (session.is_closed() || lifetime.is_some_and(|limit| since.elapsed() >= limit))
            {
                self.disconnect(&mut state);
            }
            if state.calls.is_empty() || std::mem::take(&mut state.answered) {
                state.quiet = 0;
            } else {
                state.quiet += 1;
                // Once the handle is closed there is nowhere else to go.
                if state.quiet >= PATIENCE && !closed {
                    self.open.store(false, Ordering::Relaxed);
                    // The first is what they wait for. Of several of one statement it may be another, and the first has its answer, which the
                    // server sends when all have one: see `together`.
                    let mut first = state.calls.iter().map(|(statement, _)| statement);
                    let several = first.next() == first.next();
                    let flights = state.calls.iter().map(|(_, flight)| flight);
                    waiting.extend(flights.skip(usize::from(!several)).cloned());
                }
            }
            !state.calls.is_empty()
        };
        for flight in waiting {
            flight.send_elsewhere();
        }
        busy
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn watch(set: Weak<Set>, busy: Arc<Notify>) {
    loop {
        let Some(strong) = set.upgrade() else {
            return;
        };
        let mut calls = false;
        let closed = strong.closed.load(Ordering::SeqCst);
        for line in &strong.lines {
            calls |= line.look(strong.limits.lifetime, closed);
        }
        if calls {
            drop(strong);
            tokio::time::sleep(TICK).await;
            continue;
        }
        strong.watched.store(false, Ordering::SeqCst);
        // A call that came before the store has not woken anybody.
        let missed = strong
            .lines
            .iter()
            .any(|line| line.load.load(Ordering::SeqCst) != 0);
        if missed {
            strong.watched.store(true, Ordering::SeqCst);
            continue;
        }
        drop(strong);
        busy.notified().await;
    }
}

/// A call under way.
pub(crate) struct Flight {
    /// The wire has something, and nobody has looked yet.
    woken: AtomicBool,
    progress: Mutex<Progress>,
}

struct Progress {
    /// Its box is used again. Once it has ended, nothing is left in it.
    running: ReusableBoxFuture<'static, Result<Short, Failure>>,
    under_way: bool,
    line: Option<Arc<Line>>,
    outcome: Option<Result<Short, Failure>>,
    elsewhere: bool,
    /// Who waits.
    waker: Option<Waker>,
}

impl Flight {
    /// In `spare`, where nobody holds that any more.
    fn new(
        spare: Option<Arc<Self>>,
        running: impl Future<Output = Result<Short, Failure>> + Send + 'static,
        line: Arc<Line>,
    ) -> Arc<Self> {
        if let Some(mut flight) = spare
            && let Some(Self { woken, progress }) = Arc::get_mut(&mut flight)
        {
            *woken.get_mut() = false;
            let progress = progress.get_mut().unwrap_or_else(PoisonError::into_inner);
            progress.running.set(running);
            progress.under_way = true;
            progress.line = Some(line);
            progress.outcome = None;
            progress.elsewhere = false;
            progress.waker = None;
            return flight;
        }
        Arc::new(Self {
            woken: AtomicBool::new(false),
            progress: Mutex::new(Progress {
                running: ReusableBoxFuture::new(running),
                under_way: true,
                line: Some(line),
                outcome: None,
                elsewhere: false,
                waker: None,
            }),
        })
    }

    pub(crate) fn poll_answer(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let answer = self.look(cx);
        self.advance();
        answer
    }

    fn look(&self, cx: &Context<'_>) -> Poll<Answer> {
        let mut progress = self.lock();
        if let Some(outcome) = progress.outcome.take() {
            return Poll::Ready(Answer::Done(outcome));
        }
        if progress.elsewhere {
            return Poll::Ready(Answer::Elsewhere);
        }
        match &mut progress.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// The first poll. Is the answer still to come?
    fn send(self: &Arc<Self>) -> bool {
        self.step(&mut self.lock()).is_none()
    }

    /// Reads what has arrived.
    fn advance(self: &Arc<Self>) {
        while self.woken.load(Ordering::SeqCst) {
            let ended = {
                let mut progress = match self.progress.try_lock() {
                    Ok(progress) => progress,
                    Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                    // Whoever holds it looks again afterwards.
                    Err(TryLockError::WouldBlock) => return,
                };
                self.woken.store(false, Ordering::SeqCst);
                self.step(&mut progress)
            };
            if let Some(ended) = ended {
                ended.tell(self);
            }
        }
    }

    fn step(self: &Arc<Self>, progress: &mut Progress) -> Option<Ended> {
        if !progress.under_way {
            return None;
        }
        let waker = Waker::from(Arc::clone(self));
        match progress.running.poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => None,
            Poll::Ready(outcome) => {
                let passed_over = outcome.as_ref().err().is_some_and(Failure::is_passed_over);
                let stale = outcome.as_ref().err().is_some_and(|failure| {
                    failure.is_stale_statement() || failure.is_other_result()
                });
                let lost = outcome.as_ref().err().is_some_and(|failure| {
                    crate::error::Error::from_failure(failure).kind() == ErrorKind::ConnectionLost
                });
                progress.under_way = false;
                // Nothing that has an effect ran, and a connection of its own knows how to prepare again.
                progress.elsewhere |= stale || passed_over;
                progress.outcome = (!progress.elsewhere).then_some(outcome);
                Some(Ended {
                    line: progress.line.take(),
                    waker: progress.waker.take(),
                    stale,
                    lost,
                })
            }
        }
    }

    fn send_elsewhere(self: &Arc<Self>) {
        let waker = {
            let mut progress = self.lock();
            if !progress.under_way {
                return;
            }
            progress.elsewhere = true;
            progress.waker.take()
        };
        self.advance();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        // Nothing panics between two changes that belong together.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Flight {
    /// Called by the task that reads the connection, which thereby takes the answer off the wire itself.
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.advance();
    }
}

/// Who is to know of the end.
struct Ended {
    line: Option<Arc<Line>>,
    waker: Option<Waker>,
    stale: bool,
    lost: bool,
}

impl Ended {
    fn tell(self, flight: &Arc<Flight>) {
        if let Some(line) = self.line {
            line.answered(flight);
            if self.stale {
                line.evict();
            }
            if self.lost {
                line.disconnect(&mut line.state());
            }
        }
        if let Some(waker) = self.waker {
            waker.wake();
        }
    }
}
