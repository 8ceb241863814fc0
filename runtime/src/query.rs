//! Queries that were called and wait to be awaited.

use std::fmt;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::batch::{self, Batched};
use crate::call::{self, Reply, Rows};
use crate::connections::Grant;
use crate::error::{Error, ErrorKind, Result};
use crate::handle::{Reader, Route};
use crate::lease::Lease;
use crate::param::{Params, Slots};
use crate::pool::Pool;
use crate::row::{Reading, Row};
use crate::statement::{About, NoRows, Origin, Statement};
use crate::stream::RowStream;
use crate::trace::{self, Watch, watched};
use crate::transaction::Core;
use crate::wire::{Broken, Short};

mod brief;
mod page;

use brief::{Affected, Asked, Brief};

pub use page::{CursorQuery, PageQuery, Pageable, Paged, Scrolled};

/// Exactly one row: awaits to `R`. No row is the error [`NotFound`](ErrorKind::NotFound).
pub type One<'a, P, R> = Query<'a, P, R, OneRow>;

/// At most one row: awaits to `Option<R>`. A second row is the error [`TooManyRows`](ErrorKind::TooManyRows).
pub type Optional<'a, P, R> = Query<'a, P, R, OptionalRow>;

/// Any number of rows: awaits to `Vec<R>`.
pub type Many<'a, P, R> = Query<'a, P, R, AllRows>;

/// A query that was called: nothing happens until it is awaited, or its [`stream`](Query::stream) is read.
///
/// It awaits to what was proved of the query: see [`One`], [`Optional`] and [`Many`]. [`one`](Query::one),
/// [`optional`](Query::optional) and [`all`](Query::all) ask for another form.
///
/// Dropped half-way it has run, as a whole, or not at all; its connection is cleaned up before anybody else gets it. In a transaction what
/// was sent runs on, and if it fails, the transaction has failed.
///
/// A query of one row at most allocates nothing for its state where a connection is free; others do so once, when they are first polled.
///
/// # Errors
///
/// What it awaits to is an error of one of these kinds, with the query's name and place: of the connection
/// ([`PoolExhausted`](ErrorKind::PoolExhausted), `Connect`, `Closed`, `ConnectionLost`), of the parameters
/// ([`InvalidInput`](ErrorKind::InvalidInput)), of the statement ([`Constraint`](ErrorKind::Constraint), `Retryable`, `Timeout`,
/// `SchemaChanged`, `Other`), of the rows ([`NotFound`](ErrorKind::NotFound), `TooManyRows`, `Decode`), and in a transaction that is over or has
/// failed [`Transaction`](ErrorKind::Transaction). One that was awaited before is `Other`.
#[must_use = "a query does nothing until it is awaited"]
pub struct Query<'a, P, R, S: Shape, M: Mapper<R> = Owned> {
    state: State<'a, P, M, S::Output<M::Output>>,
    row: PhantomData<fn() -> R>,
}

/// How far a call is.
pub enum State<'a, P, M, T> {
    Called(Call<'a, P, M>, Start<'a, P, M, T>),
    /// It was sent, and its answer is waited for.
    Asked(Asked<'a, P, M, T>),
    Running(Running<'a, T>),
    /// Between the two, and once it ended or was turned into something else.
    Taken,
}

/// Starts the call. It is kept as a function, so that `Future` can be implemented without a word about `P`: with bounds
/// that compare lifetimes there, futures that hold two such queries would be "not general enough" to be `Send`.
type Start<'a, P, M, T> = fn(Call<'a, P, M>) -> State<'a, P, M, T>;

/// A call under way.
type Running<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// What a generated function was called with.
#[derive(Debug)]
pub struct Call<'a, P, M> {
    request: Request<'a, P>,
    mapper: M,
}

#[derive(Debug)]
struct Request<'a, P> {
    route: Route<'a>,
    about: &'a About,
    params: P,
}

impl<'a, P: Params + 'a, R: Row, S: Shape> Query<'a, P, R, S> {
    /// What a generated function returns.
    pub fn new(db: &'a impl Reader, statement: &'a Statement<P, R>, params: P) -> Self {
        Self::called(Call {
            request: Request::new(db, statement, params),
            mapper: Owned,
        })
    }

    /// Makes of each row what `map` makes of it. The row is borrowed from the reply: text and bytes are not copied.
    ///
    /// ```no_run
    /// # use sqlmill_runtime::{Database, Many, Result, Statement};
    /// # struct User { name: String }
    /// # struct UserRef<'a> { name: &'a str }
    /// # sqlmill_runtime::row! { User, UserRef { name } }
    /// # static LIST: Statement<(), User> = Statement::new("users::list_users", "queries/users.sql:1", "SELECT name FROM users", "", "text");
    /// # fn list_users(db: &Database) -> Many<'_, (), User> { Many::new(db, &LIST, ()) }
    /// # async fn run(db: &Database) -> Result<()> {
    /// let lengths: Vec<usize> = list_users(db).map(|user: UserRef<'_>| user.name.len()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn map<T, F>(self, map: F) -> Query<'a, P, R, S, Mapped<F, T>>
    where
        F: FnMut(R::Ref<'_>) -> T + Send + 'a,
        T: Send + 'a,
    {
        match self.state {
            State::Called(call, _) => Query::called(Call {
                request: call.request,
                mapper: Mapped(map, PhantomData),
            }),
            State::Asked(_) | State::Running(_) | State::Taken => Query::taken(),
        }
    }
}

impl<'a, P: Params + 'a, R: Row, S: Shape, M: Mapper<R> + Send + 'a> Query<'a, P, R, S, M> {
    /// Exactly one row: no row is the error [`NotFound`](ErrorKind::NotFound), a second one
    /// [`TooManyRows`](ErrorKind::TooManyRows).
    pub fn one(self) -> Query<'a, P, R, OneRow, M> {
        self.shape()
    }

    /// One row or none: a second one is the error [`TooManyRows`](ErrorKind::TooManyRows).
    pub fn optional(self) -> Query<'a, P, R, OptionalRow, M> {
        self.shape()
    }

    /// All rows.
    pub fn all(self) -> Query<'a, P, R, AllRows, M> {
        self.shape()
    }

    fn shape<T: Shape>(self) -> Query<'a, P, R, T, M> {
        match self.state {
            State::Called(call, _) => Query::called(call),
            State::Asked(_) | State::Running(_) | State::Taken => Query::taken(),
        }
    }

    /// The rows one by one, as they arrive: memory stays the same however many there are, and the server waits when the
    /// rows are not taken.
    ///
    /// The stream holds its connection itself and lives as long as the parameters do.
    pub fn stream<'s>(self) -> RowStream<'s, R, M>
    where
        P: 's,
    {
        match self.state {
            State::Called(call, _) => RowStream::open(
                call.request.route.given,
                call.request.about,
                call.request.params,
                call.mapper,
            ),
            State::Asked(_) | State::Running(_) | State::Taken => RowStream::spent(),
        }
    }

    fn called(call: Call<'a, P, M>) -> Self {
        Self {
            state: State::Called(call, S::start::<P, R, M>),
            row: PhantomData,
        }
    }

    /// Of a query that was polled and then turned into something else: what it awaits to is an error.
    fn taken() -> Self {
        Self {
            state: State::Taken,
            row: PhantomData,
        }
    }
}

#[cfg(feature = "testing")]
impl<P, R, S: Shape, M: Mapper<R>> Query<'_, P, R, S, M> {
    pub(crate) fn name(&self) -> &'static str {
        self.state.name()
    }
}

#[cfg(feature = "testing")]
impl<P> Execute<'_, P> {
    pub(crate) fn name(&self) -> &'static str {
        self.state.name()
    }
}

#[cfg(feature = "testing")]
impl<P, M, T> State<'_, P, M, T> {
    fn name(&self) -> &'static str {
        match self {
            Self::Called(call, _) => call.request.about.origin.name,
            // Nobody can say any more which one it was.
            Self::Asked(_) | Self::Running(_) | Self::Taken => "a query that was polled",
        }
    }
}

impl<P, M, T> batch::sealed::Batched for State<'_, P, M, T> {
    fn route(&mut self, pool: &Pool, line: &Arc<Core>) -> Result<()> {
        let Self::Called(call, _) = self else {
            return Ok(());
        };
        if call.request.route.set(pool, line) {
            return Ok(());
        }
        let detail = "it was called on another handle than the batch";
        Err(Error::with(ErrorKind::InvalidInput, detail).of(call.request.about.origin))
    }

    fn has_limit(&self) -> bool {
        matches!(self, Self::Called(call, _) if call.request.about.timeout.is_some())
    }
}

impl<P, R, S: Shape, M: Mapper<R>> Batched for Query<'_, P, R, S, M> {
    type Answer = S::Output<M::Output>;
}

impl<P, R, S: Shape, M: Mapper<R>> batch::sealed::Batched for Query<'_, P, R, S, M> {
    fn route(&mut self, pool: &Pool, line: &Arc<Core>) -> Result<()> {
        self.state.route(pool, line)
    }

    fn has_limit(&self) -> bool {
        self.state.has_limit()
    }
}

impl<P> Batched for Execute<'_, P> {
    type Answer = u64;
}

impl<P> batch::sealed::Batched for Execute<'_, P> {
    fn route(&mut self, pool: &Pool, line: &Arc<Core>) -> Result<()> {
        self.state.route(pool, line)
    }

    fn has_limit(&self) -> bool {
        self.state.has_limit()
    }
}

// The call is moved out of the query when it starts, and the running future is behind a pointer.
impl<P, R, S: Shape, M: Mapper<R>> Unpin for Query<'_, P, R, S, M> {}

impl<P, R, S: Shape, M: Mapper<R>> Future for Query<'_, P, R, S, M> {
    type Output = Result<S::Output<M::Output>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.state.poll(cx)
    }
}

impl<P, M, T> State<'_, P, M, T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if let Self::Called(..) = self
            && let Self::Called(call, start) = std::mem::replace(self, Self::Taken)
        {
            *self = start(call);
        }
        match self {
            Self::Asked(_) => self.poll_asked(cx),
            Self::Running(running) => {
                let answer = ready!(running.as_mut().poll(cx));
                // A future that has ended must not be polled again.
                *self = Self::Taken;
                Poll::Ready(answer)
            }
            Self::Called(..) | Self::Taken => Poll::Ready(Err(Error::spent())),
        }
    }
}

impl<P, M, T> fmt::Debug for State<'_, P, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

impl<P, R, S: Shape, M: Mapper<R>> fmt::Debug for Query<'_, P, R, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Query");
        if let State::Called(call, _) = &self.state {
            debug.field("name", &call.request.about.origin.name);
        }
        debug.finish_non_exhaustive()
    }
}

/// A query without rows that was called: awaits to the number of rows that it affected. Its errors are those of a [`Query`].
#[must_use = "a query does nothing until it is awaited"]
pub struct Execute<'a, P> {
    state: State<'a, P, (), u64>,
}

impl<'a, P: Params + 'a> Execute<'a, P> {
    /// What a generated function returns.
    pub fn new(db: &'a impl Reader, statement: &'a Statement<P, NoRows>, params: P) -> Self {
        let call = Call {
            request: Request::new(db, statement, params),
            mapper: (),
        };
        Self {
            state: State::Called(call, brief::start::<P, (), u64, Affected>),
        }
    }
}

impl<P> Unpin for Execute<'_, P> {}

impl<P> Future for Execute<'_, P> {
    type Output = Result<u64>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.state.poll(cx)
    }
}

impl<P> fmt::Debug for Execute<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Execute")
    }
}

/// How many rows a query awaits to: [`OneRow`], [`OptionalRow`] or [`AllRows`].
pub trait Shape: sealed::Shape {}

/// Exactly one row.
#[derive(Debug, Clone, Copy)]
pub enum OneRow {}

/// One row or none.
#[derive(Debug, Clone, Copy)]
pub enum OptionalRow {}

/// All rows.
#[derive(Debug, Clone, Copy)]
pub enum AllRows {}

/// All rows, or a page of them by number.
#[derive(Debug, Clone, Copy)]
pub enum PagedRows {}

/// All rows, or a page of them by number or by cursor.
#[derive(Debug, Clone, Copy)]
pub enum ScrolledRows {}

impl Shape for OneRow {}
impl Shape for OptionalRow {}
impl Shape for AllRows {}

mod sealed {
    use super::{Call, Mapper, Params, Row, State};

    pub trait Shape {
        type Output<T>;

        /// What was given as an answer, as rows.
        #[cfg(feature = "testing")]
        fn rows<T>(answer: Self::Output<T>) -> Vec<T>;

        fn start<'a, P, R, M>(call: Call<'a, P, M>) -> State<'a, P, M, Self::Output<M::Output>>
        where
            P: Params + 'a,
            R: Row,
            M: Mapper<R> + Send + 'a;
    }
}

impl sealed::Shape for OneRow {
    type Output<T> = T;

    #[cfg(feature = "testing")]
    fn rows<T>(answer: T) -> Vec<T> {
        vec![answer]
    }

    fn start<'a, P, R, M>(call: Call<'a, P, M>) -> State<'a, P, M, M::Output>
    where
        P: Params + 'a,
        R: Row,
        M: Mapper<R> + Send + 'a,
    {
        brief::start::<P, M, M::Output, Rowed<Self, R>>(call)
    }
}

/// A query of rows.
struct Rowed<S, R>(PhantomData<fn() -> (S, R)>);

impl<'a, P, R, M> Brief<'a, P, M, M::Output> for Rowed<OneRow, R>
where
    P: Params + 'a,
    R: Row,
    M: Mapper<R> + Send + 'a,
{
    fn finish(call: Call<'a, P, M>, short: Short) -> Result<M::Output> {
        let origin = call.request.about.origin;
        found(origin, brief::read_short(call, &short)?)
    }

    async fn long(call: Call<'a, P, M>, granted: Option<Grant>) -> Result<M::Output> {
        let origin = call.request.about.origin;
        found(origin, brief::at_most_one(call, granted).await?)
    }

    async fn recover(call: Call<'a, P, M>, lease: Lease, broken: Broken) -> Result<M::Output> {
        let origin = call.request.about.origin;
        found(origin, brief::at_most_one_after(call, lease, broken).await?)
    }

    fn rows(_: &M::Output) -> trace::Rows {
        trace::Rows::Returned(1)
    }
}

fn found<T>(origin: Origin, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::new(ErrorKind::NotFound).of(origin))
}

impl sealed::Shape for OptionalRow {
    type Output<T> = Option<T>;

    #[cfg(feature = "testing")]
    fn rows<T>(answer: Option<T>) -> Vec<T> {
        answer.into_iter().collect()
    }

    fn start<'a, P, R, M>(call: Call<'a, P, M>) -> State<'a, P, M, Option<M::Output>>
    where
        P: Params + 'a,
        R: Row,
        M: Mapper<R> + Send + 'a,
    {
        brief::start::<P, M, Option<M::Output>, Rowed<Self, R>>(call)
    }
}

impl<'a, P, R, M> Brief<'a, P, M, Option<M::Output>> for Rowed<OptionalRow, R>
where
    P: Params + 'a,
    R: Row,
    M: Mapper<R> + Send + 'a,
{
    fn finish(call: Call<'a, P, M>, short: Short) -> Result<Option<M::Output>> {
        brief::read_short(call, &short)
    }

    fn long(
        call: Call<'a, P, M>,
        granted: Option<Grant>,
    ) -> impl Future<Output = Result<Option<M::Output>>> + Send + 'a {
        brief::at_most_one(call, granted)
    }

    fn recover(
        call: Call<'a, P, M>,
        lease: Lease,
        broken: Broken,
    ) -> impl Future<Output = Result<Option<M::Output>>> + Send + 'a {
        brief::at_most_one_after(call, lease, broken)
    }

    fn rows(row: &Option<M::Output>) -> trace::Rows {
        trace::Rows::Returned(u64::from(row.is_some()))
    }
}

impl sealed::Shape for AllRows {
    type Output<T> = Vec<T>;

    #[cfg(feature = "testing")]
    fn rows<T>(answer: Vec<T>) -> Vec<T> {
        answer
    }

    fn start<'a, P, R, M>(mut call: Call<'a, P, M>) -> State<'a, P, M, Vec<M::Output>>
    where
        P: Params + 'a,
        R: Row,
        M: Mapper<R> + Send + 'a,
    {
        let watch = call.request.watch();
        let running = Box::pin(async move {
            #[cfg(feature = "testing")]
            if let Some(rows) = mocked(&mut call) {
                return rows;
            }
            let (rows, reply) = call.request.open(None).await?;
            let mut rows = pin!(rows);
            let mut values = Vec::new();
            while let Some(row) = reply.next(rows.as_mut()).await? {
                let number = values.len() as u64 + 1;
                values.push(reply.read(&row, number, |reading| call.mapper.read(reading))?);
            }
            Ok(values)
        });
        State::Running(watched(watch, running, |values: &Vec<_>| {
            trace::Rows::Returned(values.len() as u64)
        }))
    }
}

/// The rows that a mock answers with, if there is one.
#[cfg(feature = "testing")]
fn mocked<P: Params, R: Row, M: Mapper<R>>(
    call: &mut Call<'_, P, M>,
) -> Option<Result<Vec<M::Output>>> {
    let origin = call.request.about.origin;
    let rows = match call.request.route.given.mock()? {
        Ok(mock) => call
            .request
            .hold()
            .and_then(|()| mock.answer::<Vec<R>>(origin)),
        Err(error) => Err(error.of(origin)),
    };
    Some(rows.and_then(|rows| owned(&mut call.mapper, rows).map_err(|error| error.of(origin))))
}

/// What becomes of rows that are there already.
#[cfg(feature = "testing")]
fn owned<R: Row, M: Mapper<R>>(mapper: &mut M, rows: Vec<R>) -> Result<Vec<M::Output>> {
    let detail = "a mock has no reply that `map` could borrow from";
    rows.into_iter()
        .map(|row| {
            mapper
                .owned(row)
                .ok_or_else(|| Error::with(ErrorKind::Other, detail))
        })
        .collect()
}

impl<'a, P: Params> Request<'a, P> {
    fn new<R: Row>(db: &'a impl Reader, statement: &'a Statement<P, R>, params: P) -> Self {
        Self {
            route: Route::given(db.handle()),
            about: statement.sent(&params),
            params,
        }
    }

    /// What is told of the call.
    fn watch(&self) -> Watch {
        Watch::start(self.route.given, self.about)
    }

    /// What a mock asks before it answers.
    #[cfg(feature = "testing")]
    fn hold(&self) -> Result<()> {
        crate::held::hold(self.about, Slots::sent(&self.params, self.about).as_slice())
    }

    /// On the connection that was granted, if one was.
    async fn open(&self, granted: Option<Grant>) -> Result<(Rows, Reply)> {
        let slots = Slots::sent(&self.params, self.about);
        let opened =
            call::open_on(self.route.handle(), granted, self.about, slots.as_slice()).await;
        opened.map_err(|error| self.naming(error))
    }

    /// As `open`, of a call that was sent and not answered.
    async fn open_after(&self, lease: Lease, broken: Broken) -> Result<(Rows, Reply)> {
        let slots = Slots::sent(&self.params, self.about);
        let opened = call::open_after(lease, self.about, slots.as_slice(), broken).await;
        opened.map_err(|error| self.naming(error))
    }

    /// Says which parameter it was, if it was one.
    #[cold]
    fn naming(&self, error: Error) -> Error {
        error.naming(self.about, &self.params)
    }
}

/// What becomes of each row.
pub trait Mapper<R>: sealed_mapper::Mapper<R> {}

/// The row itself, owning its data.
#[derive(Debug, Clone, Copy)]
pub struct Owned;

/// What a function makes of the borrowed row.
pub struct Mapped<F, T>(F, PhantomData<fn() -> T>);

impl<F, T> fmt::Debug for Mapped<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mapped")
    }
}

impl<R: Row> Mapper<R> for Owned {}
impl<R: Row, T: Send, F: FnMut(R::Ref<'_>) -> T + Send> Mapper<R> for Mapped<F, T> {}

mod sealed_mapper {
    use super::Reading;

    pub trait Mapper<R> {
        type Output: Send;

        fn read(&mut self, row: &mut Reading<'_>) -> Option<Self::Output>;

        /// Of a row that is there already.
        #[cfg(feature = "testing")]
        fn owned(&mut self, row: R) -> Option<Self::Output>;
    }
}

impl<R: Row> sealed_mapper::Mapper<R> for Owned {
    type Output = R;

    fn read(&mut self, row: &mut Reading<'_>) -> Option<R> {
        R::read(row)
    }

    #[cfg(feature = "testing")]
    fn owned(&mut self, row: R) -> Option<R> {
        Some(row)
    }
}

impl<R: Row, T: Send, F: FnMut(R::Ref<'_>) -> T + Send> sealed_mapper::Mapper<R> for Mapped<F, T> {
    type Output = T;

    fn read(&mut self, row: &mut Reading<'_>) -> Option<T> {
        R::borrow(row).map(&mut self.0)
    }

    #[cfg(feature = "testing")]
    fn owned(&mut self, _: R) -> Option<T> {
        None
    }
}
