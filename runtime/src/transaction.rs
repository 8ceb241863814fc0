//! Transactions and, nested in them, savepoints.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use crate::batch::{Answers, Batch};
use crate::begin::Isolation;
use crate::error::{Error, ErrorKind, Result, kind_of};
use crate::incoming::{Incoming, wait_for};
use crate::lease::Lease;
use crate::partition::trace_to_root;
use crate::pool::Pool;

use crate::wire::{CopySlot, Failure};

/// A transaction, on a connection of its own.
///
/// Queries take it by reference and may run at the same time: `tokio::try_join!(first(&tx), second(&tx))` sends both
/// before it waits for either. Dropping the handle rolls back, without waiting for it. What was polled before and kept is the error
/// [`Transaction`](crate::ErrorKind::Transaction) then.
///
/// A transaction within a transaction, by [`Transaction::savepoint`] or [`Transaction::transaction`], is a savepoint. While
/// it is open, queries on the outer handle are refused: they would be rolled back with it.
///
/// `Transaction` alone is one that may write; [`ReadTransaction`] only reads.
pub struct Transaction<A: Access = ReadWrite> {
    core: Core,
    access: PhantomData<fn() -> A>,
}

/// A transaction that only reads: what writes does not compile with it, and the server refuses it as well.
pub type ReadTransaction = Transaction<ReadOnly>;

/// What a transaction may do: [`ReadWrite`] or [`ReadOnly`].
pub trait Access: sealed::Access {}

/// Reading and writing.
#[derive(Debug, Clone, Copy)]
pub enum ReadWrite {}

/// Reading only.
#[derive(Debug, Clone, Copy)]
pub enum ReadOnly {}

mod sealed {
    pub trait Access: 'static {
        const READ_ONLY: bool;
    }
}

impl Access for ReadWrite {}
impl sealed::Access for ReadWrite {
    const READ_ONLY: bool = false;
}

impl Access for ReadOnly {}
impl sealed::Access for ReadOnly {
    const READ_ONLY: bool = true;
}

impl<A: Access> Transaction<A> {
    /// `sql` is a BEGIN, with the isolation level if there is one.
    pub(crate) async fn begin(
        pool: &Pool,
        sql: &str,
        isolation: Option<Isolation>,
    ) -> Result<Self> {
        Ok(Self::of(Core::begin(pool, sql, isolation).await?))
    }

    fn of(core: Core) -> Self {
        Self {
            core,
            access: PhantomData,
        }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Sends queries one behind the other without waiting for one before the next is sent, and awaits to what each awaits to, in their
    /// order. When one fails, so do those behind it: the server refuses them, as
    /// [`Transaction`](crate::ErrorKind::Transaction) errors. Of a future that is dropped, the queries that were sent run.
    ///
    /// ```no_run
    /// # use sqlmill_runtime::{Database, Execute, Result, Statement, Writer};
    /// # static TOUCH: Statement<(i64,)> = Statement::new("users::touch_user", "queries/users.sql:1", "UPDATE users SET seen = now() WHERE id = $1", "int8", "");
    /// # fn touch_user(db: &impl Writer, id: i64) -> Execute<'_, (i64,)> { Execute::new(db, &TOUCH, (id,)) }
    /// # async fn run(db: &Database, ids: &[i64]) -> Result<()> {
    /// let tx = db.begin().await?;
    /// let touched = tx.batch(ids.iter().map(|&id| touch_user(&tx, id))).await;
    /// let touched: Vec<u64> = touched.into_iter().collect::<Result<_>>()?;
    /// assert_eq!(touched.len(), ids.len());
    /// tx.commit().await
    /// # }
    /// ```
    pub fn batch<'a, T, Q>(&'a self, queries: impl IntoIterator<Item = Q>) -> Answers<'a, T>
    where
        T: Send + 'a,
        Q: Future<Output = Result<T>> + Unpin + Send + 'a,
    {
        let queries: Vec<Q> = queries.into_iter().collect();
        Box::pin(async move {
            let mut batch = Batch::new(&self.core);
            for query in queries {
                batch.send(query).await;
            }
            batch.end().await
        })
    }

    /// Starts a transaction within this one: a savepoint. Dropping the handle rolls back to it, as does dropping this future half-way.
    ///
    /// # Errors
    ///
    /// [`Transaction`](crate::ErrorKind::Transaction) where this one is over or has failed; [`ConnectionLost`](crate::ErrorKind::ConnectionLost).
    pub async fn savepoint(&self) -> Result<Self> {
        Ok(Self::of(self.core.savepoint().await?))
    }

    /// Runs `body` in a transaction within this one: kept when it returns `Ok`, rolled back to its start when it returns
    /// an error, panics or is dropped half-way.
    ///
    /// # Errors
    ///
    /// What `body` returns; [`Transaction`](crate::ErrorKind::Transaction) where this one is over or has failed, or where a statement failed that `body`
    /// ignored; [`ConnectionLost`](crate::ErrorKind::ConnectionLost).
    pub async fn transaction<T, E, F, B>(&self, body: B) -> Result<T, E>
    where
        B: FnOnce(Self) -> F,
        F: Future<Output = Result<T, E>> + Send,
        E: From<Error>,
    {
        match self.savepoint().await?.run(body).await {
            Outcome::Done(result) => result,
            Outcome::Conflict(error) => Err(error),
        }
    }

    /// Makes the work permanent; of a nested transaction, makes it a part of the outer one.
    ///
    /// When a statement of the transaction failed there is nothing to commit: it is rolled back, and that is an error. Dropped half-way, it
    /// has happened or not; what it was nested in goes on either way, unless a statement had failed that nobody saw: then that has failed, too.
    ///
    /// # Errors
    ///
    /// [`Transaction`](crate::ErrorKind::Transaction) where a statement of it had failed, or [`Retryable`](crate::ErrorKind::Retryable) where that was a conflict: it is
    /// rolled back then. `Constraint` and `Retryable` of what is checked last. [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) where the answer
    /// was lost: it may be committed or not.
    pub async fn commit(self) -> Result<()> {
        self.core.commit().await
    }

    /// Undoes the work, and waits until the server has done so. Dropped half-way, it is undone all the same.
    ///
    /// # Errors
    ///
    /// [`Transaction`](crate::ErrorKind::Transaction) where it is over. [`ConnectionLost`](crate::ErrorKind::ConnectionLost): it is rolled back then, too.
    pub async fn rollback(self) -> Result<()> {
        self.core.rollback().await
    }

    pub(crate) async fn run<T, E, F, B>(self, body: B) -> Outcome<T, E>
    where
        B: FnOnce(Self) -> F,
        F: Future<Output = Result<T, E>> + Send,
        E: From<Error>,
    {
        let outcome = body(Self::of(self.core.share())).await;
        // Whether to run it again is a question of the outermost one. A nested one is kept by nobody who may not come back.
        let lease = match self.core.level {
            0 => self.core.state().lease.clone(),
            _ => None,
        };
        match outcome {
            Ok(value) => match self.core.commit().await {
                Ok(()) => Outcome::Done(Ok(value)),
                Err(error) if error.is_retryable() => Outcome::Conflict(error.into()),
                Err(error) => Outcome::Done(Err(error.into())),
            },
            Err(error) => {
                // The body's error is the one to tell; a connection that cannot roll back is lost, and so rolled back.
                let _ = self.core.rollback().await;
                // The body's error may have any type. What the server said is known here, also of what was nested in it.
                if lease.is_some_and(|lease| lease.has_conflicted()) {
                    Outcome::Conflict(error)
                } else {
                    Outcome::Done(Err(error))
                }
            }
        }
    }
}

impl<A: Access> fmt::Debug for Transaction<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.core.state();
        f.debug_struct("Transaction")
            .field("read_only", &A::READ_ONLY)
            .field("nested", &(self.core.level != 0))
            .field("open", &state.open.contains(&self.core.level))
            .finish_non_exhaustive()
    }
}

/// How a transaction ended that ran a closure.
pub(crate) enum Outcome<T, E> {
    Done(Result<T, E>),
    /// It conflicted with another one: it may succeed when it is run again.
    Conflict(E),
}

/// A transaction, whatever it may do.
pub struct Core {
    shared: Arc<Mutex<State>>,
    /// Which of the nested transactions this handle stands for.
    level: u64,
    /// Does dropping the handle end the transaction? A handle given to a closure ends with the closure instead.
    owner: bool,
    /// What was asked for when it began; `None` is what the server is configured to.
    isolation: Option<Isolation>,
}

struct State {
    /// Who answers instead of a server.
    #[cfg(feature = "testing")]
    mock: Option<crate::testing::Mock>,
    /// `None` once the transaction is over.
    lease: Option<Arc<Lease>>,
    /// The transactions that are open, outermost first.
    open: Vec<u64>,
    next: u64,
    /// The queries whose replies have not ended, in the order in which they were sent.
    in_flight: VecDeque<Weak<Incoming>>,
    /// How many queries were sent.
    sent: u64,
    /// There is no transaction: each query is one of its own, and only the connection is theirs together.
    line: bool,
    /// The server refused a statement, so it will refuse all others up to the rollback.
    failed: Option<Refusal>,
    /// A COPY under way, and the transaction that it belongs to.
    copying: Option<(u64, Weak<CopySlot>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// Because of another transaction.
    Conflict,
    Other,
}

impl Core {
    async fn begin(pool: &Pool, sql: &str, isolation: Option<Isolation>) -> Result<Self> {
        #[cfg(feature = "testing")]
        if let Some(mock) = pool.mock() {
            return Ok(Self::of_mock(mock));
        }
        let lease = Arc::new(pool.lease().await?);
        let transaction = Self {
            shared: Arc::new(Mutex::new(State {
                lease: Some(Arc::clone(&lease)),
                ..State::new()
            })),
            level: 0,
            owner: true,
            isolation,
        };
        // Queries that run at the same time must not depend on each other being polled.
        if let Ok(session) = lease.session() {
            session.attend();
        }
        // From here on the handle's drop rolls back, also when this future is dropped while BEGIN is under way.
        ask(&lease, sql)
            .await
            .map_err(|failure| lease.error(&failure))?;
        Ok(transaction)
    }

    /// A connection for the queries of a batch, each of which is a transaction of its own.
    pub(crate) async fn line(pool: &Pool) -> Result<Self> {
        let lease = pool.lease().await?;
        if let Ok(session) = lease.session() {
            session.attend();
        }
        Ok(Self {
            shared: Arc::new(Mutex::new(State {
                lease: Some(Arc::new(lease)),
                line: true,
                ..State::new()
            })),
            level: 0,
            owner: true,
            isolation: None,
        })
    }

    #[cfg(feature = "testing")]
    fn of_mock(mock: &crate::testing::Mock) -> Self {
        Self {
            shared: Arc::new(Mutex::new(State {
                mock: Some(mock.clone()),
                ..State::new()
            })),
            level: 0,
            owner: true,
            isolation: None,
        }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn mock(&self) -> Option<Result<crate::testing::Mock>> {
        let state = self.state();
        let mock = state.mock.clone()?;
        Some(self.check(&state).map(|()| mock))
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn scene(&self) -> Option<Arc<crate::trace::Scene>> {
        let lease = self.state().lease.clone()?;
        lease.session().ok().map(|session| session.scene())
    }

    /// Ends a transaction that no server knows of.
    #[cfg(feature = "testing")]
    fn end_mocked(&self) -> Option<Result<()>> {
        let mocked = self.mock()?;
        Some(match mocked {
            Ok(_) if !self.owner => Err(ends_with_its_closure()),
            Ok(_) => {
                self.state().close(self.level);
                Ok(())
            }
            Err(error) => Err(error),
        })
    }

    pub(crate) async fn savepoint(&self) -> Result<Self> {
        #[cfg(feature = "testing")]
        if let Some(mocked) = self.mock() {
            mocked?;
            let mut state = self.state();
            state.next += 1;
            let level = state.next;
            state.open.push(level);
            return Ok(Self {
                shared: Arc::clone(&self.shared),
                level,
                owner: true,
                isolation: self.isolation,
            });
        }
        let level = {
            let mut state = self.state();
            state.next += 1;
            state.next
        };
        // The handle is there first, so that dropping this future half-way rolls back.
        let nested = Self {
            shared: Arc::clone(&self.shared),
            level,
            owner: true,
            isolation: self.isolation,
        };
        let lease = Arc::downgrade(&self.lease()?);
        let sql = format!("SAVEPOINT sqlmill_{level}");
        let request = pin!(ask_nested(lease, sql));
        match self
            .ask_and(request, |state| state.open.push(level))
            .await?
        {
            Ok(()) => Ok(nested),
            Err(failure) => {
                // There is no savepoint to roll back to, and what failed before is still the reason.
                {
                    let mut state = self.state();
                    let before = state.failed;
                    state.close(level);
                    state.failed = before;
                }
                self.failed(&failure);
                Err(self.error(&failure))
            }
        }
    }

    pub(crate) async fn commit(self) -> Result<()> {
        #[cfg(feature = "testing")]
        if let Some(ended) = self.end_mocked() {
            return ended;
        }
        self.check_end()?;
        let failed = self.state().failed;
        if let Some(refusal) = failed {
            self.rollback().await?;
            return Err(not_committed(refusal));
        }
        if self.level != 0 {
            return self.release_savepoint().await;
        }
        let lease = self.lease()?;
        // What was never sent did not take effect.
        if lease.session()?.is_closed() {
            lease.abandon();
            return Err(Error::with(
                ErrorKind::ConnectionLost,
                "before COMMIT was sent, so it was rolled back",
            ));
        }
        // In a failed transaction COMMIT rolls back and says so only in its tag. Where nobody may have seen an answer, as of a
        // dropped future, a first statement turns that into an error.
        let sql = if lease.is_unsettled() || lease.has_refused() {
            "SELECT 1; COMMIT"
        } else {
            "COMMIT"
        };
        let request = pin!(in_time(&lease, ask(&lease, sql)));
        let outcome = self.ask_and(request, |state| state.close(0)).await?;
        self.release().await;
        let Err(failure) = outcome else {
            return Ok(());
        };
        let mut error = lease.error(&failure).of_commit();
        if let Ok(session) = lease.session() {
            if error.kind() == ErrorKind::Transaction {
                lease.depart();
                session.send("ROLLBACK");
                error = not_committed(match lease.has_conflicted() {
                    true => Refusal::Conflict,
                    false => Refusal::Other,
                });
            }
            lease.depart();
            trace_to_root(&lease, session, &mut error).await;
            lease.arrive();
        }
        Err(error)
    }

    /// From the moment when this is sent the savepoint is none to roll back to, also where nobody waits for the answer.
    async fn release_savepoint(&self) -> Result<()> {
        let lease = Arc::downgrade(&self.lease()?);
        let sql = format!("RELEASE SAVEPOINT sqlmill_{}", self.level);
        let request = pin!(ask_nested(lease, sql));
        let mut outer = None;
        let outcome = self
            .ask_and(request, |state| {
                outer = state.around(self.level);
                state.close(self.level);
            })
            .await?;
        let Err(failure) = outcome else {
            return Ok(());
        };
        // It is still there, unless what is around it has ended meanwhile.
        let state = self.state();
        if outer.is_some_and(|outer| state.open.contains(&outer))
            && let Some(lease) = &state.lease
            && let Ok(session) = lease.session()
        {
            lease.depart();
            session.send(&self.rollback_sql());
        }
        drop(state);
        Err(self.error(&failure))
    }

    async fn rollback(self) -> Result<()> {
        #[cfg(feature = "testing")]
        if let Some(ended) = self.end_mocked() {
            return ended;
        }
        self.check_end()?;
        let sql = self.rollback_sql();
        if self.level != 0 {
            let lease = Arc::downgrade(&self.lease()?);
            let request = pin!(ask_nested(lease, sql));
            let outcome = self
                .ask_and(request, |state| state.close(self.level))
                .await?;
            self.release().await;
            return outcome.map_err(|failure| self.error(&failure));
        }
        let lease = self.lease()?;
        let request = pin!(ask(&lease, &sql));
        let outcome = self.ask_and(request, |state| state.close(0)).await?;
        self.release().await;
        outcome.map_err(|failure| lease.error(&failure))
    }

    pub(crate) fn sent(&self) -> u64 {
        self.state().sent
    }

    pub(crate) fn is_line(&self) -> bool {
        self.state().line
    }

    pub(crate) fn isolation(&self) -> Option<Isolation> {
        self.isolation
    }

    /// The connection, when this is the innermost open transaction.
    pub(crate) fn lease(&self) -> Result<Arc<Lease>> {
        let state = self.state();
        self.check(&state)?;
        state.lease.clone().ok_or_else(Error::over)
    }

    /// Can it be ended?
    fn check_end(&self) -> Result<()> {
        if !self.owner {
            return Err(ends_with_its_closure());
        }
        self.check(&self.state())
    }

    fn error(&self, failure: &Failure) -> Error {
        match &self.state().lease {
            Some(lease) => lease.error(failure),
            None => Error::from_failure(failure),
        }
    }

    fn check(&self, state: &State) -> Result<()> {
        if state.open.last() == Some(&self.level) {
            Ok(())
        } else if state.open.contains(&self.level) {
            Err(Error::with(
                ErrorKind::Transaction,
                "a transaction nested in it is still open",
            ))
        } else {
            Err(Error::over())
        }
    }

    /// Sends a query at a moment when the transaction is open and cannot end: what arrived after COMMIT would run outside
    /// of it, on a connection that may be somebody else's. Then waits until the server has accepted it.
    pub(crate) async fn send(&self, incoming: &Arc<Incoming>) -> Result<Result<(), Failure>> {
        let mut sent = false;
        let poll = |cx: &mut Context<'_>| {
            if sent {
                return incoming.poll_accepted(cx).map(Ok);
            }
            sent = true;
            let mut state = self.state();
            if let Err(error) = self.check(&state) {
                return Poll::Ready(Err(error));
            }
            state.in_flight.push_back(Arc::downgrade(incoming));
            state.sent += 1;
            incoming.poll_accepted(cx).map(Ok)
        };
        wait_for(poll, |cx| self.poll_before(Some(incoming), cx)).await
    }

    /// Runs `request`, which sends when it is first polled, under the same condition.
    pub(crate) async fn ask_within<F: Future>(&self, request: Pin<&mut F>) -> Result<F::Output> {
        self.ask_and(request, |_| ()).await
    }

    /// Runs `request`, which sends when it is first polled, under the same condition; `change` is a change of the state
    /// that holds from then on.
    async fn ask_and<F: Future>(
        &self,
        mut request: Pin<&mut F>,
        change: impl FnOnce(&mut State),
    ) -> Result<F::Output> {
        let mut change = Some(change);
        let poll = |cx: &mut Context<'_>| {
            let Some(change) = change.take() else {
                return request.as_mut().poll(cx).map(Ok);
            };
            let mut state = self.state();
            if let Err(error) = self.check(&state) {
                return Poll::Ready(Err(error));
            }
            let sent = request.as_mut().poll(cx);
            change(&mut state);
            sent.map(Ok)
        };
        wait_for(poll, |cx| self.poll_before(None, cx)).await
    }

    /// Reads into memory what was sent before `own`: its reply cannot arrive before those are taken.
    pub(crate) fn poll_before(
        &self,
        own: Option<&Arc<Incoming>>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut read: Option<Arc<Incoming>> = None;
        loop {
            let first = {
                let mut state = self.state();
                if let Some(read) = read.take()
                    && state
                        .in_flight
                        .front()
                        .is_some_and(|first| std::ptr::eq(first.as_ptr(), Arc::as_ptr(&read)))
                {
                    state.in_flight.pop_front();
                }
                loop {
                    match state.in_flight.front().map(Weak::upgrade) {
                        None => return Poll::Ready(()),
                        Some(Some(first)) => break first,
                        Some(None) => state.in_flight.pop_front(),
                    };
                }
            };
            if own.is_some_and(|own| Arc::ptr_eq(own, &first)) {
                return Poll::Ready(());
            }
            std::task::ready!(first.poll_ahead(cx));
            read = Some(first);
        }
    }

    /// From here on the connection takes rows and does nothing else, until `copy` has ended or this transaction has.
    pub(crate) fn copies(&self, copy: &Arc<CopySlot>) {
        let mut state = self.state();
        if state.open.contains(&self.level) {
            state.copying = Some((self.level, Arc::downgrade(copy)));
        } else {
            copy.leave();
        }
    }

    /// Lets go of the connection wherever a reply is kept that nobody reads. All of them have arrived by now.
    async fn release(&self) {
        poll_fn(|cx| self.poll_before(None, cx)).await;
    }

    /// A statement failed. Whatever comes next on this connection fails too, until a rollback.
    pub(crate) fn failed(&self, failure: &Failure) {
        let Some(server) = failure.server() else {
            return;
        };
        let refusal = if kind_of(server.sqlstate) == ErrorKind::Retryable {
            Refusal::Conflict
        } else {
            Refusal::Other
        };
        let mut state = self.state();
        if let Some(lease) = &state.lease {
            lease.refuse(failure);
        }
        // What is refused after the first failure is refused because of it.
        state.failed.get_or_insert(refusal);
    }

    /// Another handle to the same transaction, which does not end it.
    pub(crate) fn share(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            level: self.level,
            owner: false,
            isolation: self.isolation,
        }
    }

    fn rollback_sql(&self) -> String {
        match self.level {
            0 => "ROLLBACK".to_owned(),
            level => {
                format!("ROLLBACK TO SAVEPOINT sqlmill_{level}; RELEASE SAVEPOINT sqlmill_{level}")
            }
        }
    }

    /// Ends a nested transaction as a single statement ends that did not succeed: without a trace, or with the whole transaction failed
    /// where the server has refused something.
    pub(crate) fn leave(self) {
        let mut state = self.state();
        if let Some(failed) = state.failed {
            state.close(self.level);
            state.failed = Some(failed);
        }
        drop(state);
        self.roll_back_now();
    }

    /// Sends the rollback without waiting for the answer.
    fn roll_back_now(&self) {
        let mut state = self.state();
        if !state.open.contains(&self.level) {
            return;
        }
        if let Some(lease) = &state.lease
            && let Ok(session) = lease.session()
            && !state.line
        {
            lease.depart();
            session.send(&self.rollback_sql());
        }
        state.close(self.level);
    }

    /// It is over, and nobody waits for anything: queries that are kept without being polled do not keep the connection.
    fn let_go(&self) {
        let left = std::mem::take(&mut self.state().in_flight);
        for incoming in left.iter().filter_map(Weak::upgrade) {
            incoming.leave();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment or one truncation, so a panic leaves nothing half-done.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// One transaction is open, and nothing was sent.
    fn new() -> Self {
        Self {
            #[cfg(feature = "testing")]
            mock: None,
            lease: None,
            open: vec![0],
            next: 0,
            in_flight: VecDeque::new(),
            sent: 0,
            line: false,
            failed: None,
            copying: None,
        }
    }

    /// The transaction that `level` is nested in.
    fn around(&self, level: u64) -> Option<u64> {
        let place = self.open.iter().position(|open| *open == level)?;
        self.open.get(place.checked_sub(1)?).copied()
    }

    /// Ends a transaction and all that are nested in it.
    fn close(&mut self, level: u64) {
        if let Some(index) = self.open.iter().position(|open| *open == level) {
            self.open.truncate(index);
        }
        self.failed = None;
        if let Some((level, copy)) = &self.copying
            && !self.open.contains(level)
        {
            if let Some(copy) = copy.upgrade() {
                copy.leave();
            }
            self.copying = None;
        }
        if self.open.is_empty() {
            self.lease = None;
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if !self.owner {
            return;
        }
        self.roll_back_now();
        if self.level == 0 {
            self.let_go();
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transaction")
    }
}

fn ends_with_its_closure() -> Error {
    Error::with(
        ErrorKind::Transaction,
        "it ends with its closure: return `Ok` to commit, an error to roll back",
    )
}

/// A transaction that was to be committed, and that the server had given up before.
fn not_committed(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Conflict => Error::with(
            ErrorKind::Retryable,
            "a statement in it failed for that, so it was rolled back instead of committed",
        ),
        Refusal::Other => Error::with(
            ErrorKind::Transaction,
            "a statement in it failed, so it was rolled back instead of committed",
        ),
    }
}

/// Waits for the answer to COMMIT as long as somebody has said; then the connection is cut off. It is not cancelled: that would
/// leave open what became of it as well, and later.
async fn in_time(
    lease: &Lease,
    asking: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let Some(limit) = lease.pool().commit_timeout() else {
        return asking.await;
    };
    match tokio::time::timeout(limit, asking).await {
        Ok(outcome) => outcome,
        Err(_) => {
            lease.abandon();
            if let Ok(session) = lease.session() {
                session.cut_off();
            }
            Err(Failure::NoAnswer(limit))
        }
    }
}

/// As `ask`, of what is nested in a transaction: whoever keeps the future without polling it does not keep the connection.
async fn ask_nested(lease: Weak<Lease>, sql: String) -> Result<(), Failure> {
    let answer = {
        let lease = lease.upgrade().ok_or(Failure::Over)?;
        let session = lease.session().map_err(|_| Failure::Gone)?;
        lease.depart();
        session.run_attended(sql)
    };
    let outcome = answer.await;
    if let Some(lease) = lease.upgrade() {
        lease.arrive();
    }
    outcome
}

async fn ask(lease: &Lease, sql: &str) -> Result<(), Failure> {
    let Ok(session) = lease.session() else {
        return Ok(());
    };
    lease.depart();
    let outcome = session.run(sql).await;
    lease.arrive();
    outcome
}
