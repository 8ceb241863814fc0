//! Queries that were called and wait to be awaited.

use std::fmt;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::call;
use crate::error::{Error, ErrorKind, Result};
use crate::handle::{Handle, Reader};
use crate::param::{Params, Slots};
use crate::row::{Reading, Row};
use crate::statement::{About, NoRows, Statement};
use crate::stream::RowStream;

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
/// The future allocates once, when it is first polled, for the state of the call.
#[must_use = "a query does nothing until it is awaited"]
pub struct Query<'a, P, R, S: Shape, M: Mapper<R> = Owned> {
    state: State<'a, P, M, S::Output<M::Output>>,
    row: PhantomData<fn() -> R>,
}

enum State<'a, P, M, T> {
    Called(Call<'a, P>, M),
    Running(Running<'a, T>),
    /// Between the two, and once it was turned into something else.
    Taken,
}

/// A call under way.
pub(crate) type Running<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

struct Call<'a, P> {
    handle: Handle<'a>,
    about: &'a About,
    params: P,
}

impl<'a, P: Params, R: Row, S: Shape> Query<'a, P, R, S> {
    /// What a generated function returns.
    pub fn new(db: &'a impl Reader, statement: &'a Statement<P, R>, params: P) -> Self {
        Self {
            state: State::Called(
                Call {
                    handle: db.handle(),
                    about: statement.about(),
                    params,
                },
                Owned,
            ),
            row: PhantomData,
        }
    }

    /// Makes of each row what `map` makes of it. The row is borrowed from the reply: text and bytes are not copied.
    ///
    /// ```no_run
    /// # use sqlmill_runtime::{Database, Many, Result, Statement};
    /// # struct User { name: String }
    /// # struct UserRef<'a> { name: &'a str }
    /// # sqlmill_runtime::row! { User, UserRef { name } }
    /// # static LIST: Statement<(), User> = Statement::new("users::list_users", "queries/users.sql:1", "SELECT name FROM users");
    /// # fn list_users(db: &Database) -> Many<'_, (), User> { Many::new(db, &LIST, ()) }
    /// # async fn run(db: &Database) -> Result<()> {
    /// let lengths: Vec<usize> = list_users(db).map(|user: UserRef<'_>| user.name.len()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn map<T, F>(self, map: F) -> Query<'a, P, R, S, Mapped<F, T>>
    where
        F: FnMut(R::Ref<'_>) -> T + Send,
        T: Send,
    {
        let state = match self.state {
            State::Called(call, Owned) => State::Called(call, Mapped(map, PhantomData)),
            State::Running(_) | State::Taken => State::Taken,
        };
        Query {
            state,
            row: PhantomData,
        }
    }
}

impl<'a, P, R, S: Shape, M: Mapper<R>> Query<'a, P, R, S, M> {
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
        let state = match self.state {
            State::Called(call, mapper) => State::Called(call, mapper),
            State::Running(_) | State::Taken => State::Taken,
        };
        Query {
            state,
            row: PhantomData,
        }
    }

    /// The rows one by one, as they arrive: memory stays the same however many there are, and the server waits when the
    /// rows are not taken.
    ///
    /// The stream holds its connection itself and lives as long as the parameters do.
    pub fn stream<'s>(self) -> RowStream<'s, R, M>
    where
        P: Params + Send + 's,
    {
        match self.state {
            State::Called(call, mapper) => {
                RowStream::open(call.handle, call.about, call.params, mapper)
            }
            State::Running(_) | State::Taken => RowStream::ended(),
        }
    }
}

// The call is moved out of the query when it starts, and the running future is behind a pointer.
impl<P, R, S: Shape, M: Mapper<R>> Unpin for Query<'_, P, R, S, M> {}

impl<'a, P, R, S, M> Future for Query<'a, P, R, S, M>
where
    P: Params + Send + 'a,
    R: Row,
    S: Shape,
    M: Mapper<R> + Send + 'a,
{
    type Output = Result<S::Output<M::Output>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Called(..) = self.state
            && let State::Called(call, mapper) = std::mem::replace(&mut self.state, State::Taken)
        {
            self.state = State::Running(S::run::<P, R, M>(
                call.handle,
                call.about,
                call.params,
                mapper,
            ));
        }
        match &mut self.state {
            State::Running(running) => running.as_mut().poll(cx),
            State::Called(..) | State::Taken => Poll::Pending,
        }
    }
}

impl<P, R, S: Shape, M: Mapper<R>> fmt::Debug for Query<'_, P, R, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Query");
        if let State::Called(call, _) = &self.state {
            debug.field("name", &call.about.origin.name);
        }
        debug.finish_non_exhaustive()
    }
}

/// A query without rows that was called: awaits to the number of rows that it affected.
#[must_use = "a query does nothing until it is awaited"]
pub struct Execute<'a, P> {
    state: State<'a, P, (), u64>,
}

impl<'a, P: Params> Execute<'a, P> {
    /// What a generated function returns.
    pub fn new(db: &'a impl Reader, statement: &'a Statement<P, NoRows>, params: P) -> Self {
        Self {
            state: State::Called(
                Call {
                    handle: db.handle(),
                    about: statement.about(),
                    params,
                },
                (),
            ),
        }
    }
}

impl<P> Unpin for Execute<'_, P> {}

impl<'a, P: Params + Send + 'a> Future for Execute<'a, P> {
    type Output = Result<u64>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Called(..) = self.state
            && let State::Called(call, ()) = std::mem::replace(&mut self.state, State::Taken)
        {
            self.state = State::Running(Box::pin(async move {
                let slots = Slots::of(&call.params);
                call::execute(call.handle, call.about, slots.as_slice()).await
            }));
        }
        match &mut self.state {
            State::Running(running) => running.as_mut().poll(cx),
            State::Called(..) | State::Taken => Poll::Pending,
        }
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

impl Shape for OneRow {}
impl Shape for OptionalRow {}
impl Shape for AllRows {}

mod sealed {
    use super::{About, Handle, Mapper, Params, Row, Running};

    pub trait Shape {
        type Output<T>;

        fn run<'a, P, R, M>(
            handle: Handle<'a>,
            about: &'a About,
            params: P,
            mapper: M,
        ) -> Running<'a, Self::Output<M::Output>>
        where
            P: Params + Send + 'a,
            R: Row,
            M: Mapper<R> + Send + 'a;
    }
}

impl sealed::Shape for OneRow {
    type Output<T> = T;

    fn run<'a, P, R, M>(
        handle: Handle<'a>,
        about: &'a About,
        params: P,
        mapper: M,
    ) -> Running<'a, M::Output>
    where
        P: Params + Send + 'a,
        R: Row,
        M: Mapper<R> + Send + 'a,
    {
        Box::pin(async move {
            match at_most_one(handle, about, params, mapper).await? {
                Some(value) => Ok(value),
                None => Err(Error::new(ErrorKind::NotFound).of(about.origin)),
            }
        })
    }
}

impl sealed::Shape for OptionalRow {
    type Output<T> = Option<T>;

    fn run<'a, P, R, M>(
        handle: Handle<'a>,
        about: &'a About,
        params: P,
        mapper: M,
    ) -> Running<'a, Option<M::Output>>
    where
        P: Params + Send + 'a,
        R: Row,
        M: Mapper<R> + Send + 'a,
    {
        Box::pin(at_most_one(handle, about, params, mapper))
    }
}

impl sealed::Shape for AllRows {
    type Output<T> = Vec<T>;

    fn run<'a, P, R, M>(
        handle: Handle<'a>,
        about: &'a About,
        params: P,
        mut mapper: M,
    ) -> Running<'a, Vec<M::Output>>
    where
        P: Params + Send + 'a,
        R: Row,
        M: Mapper<R> + Send + 'a,
    {
        Box::pin(async move {
            let (rows, mut reply) = {
                let slots = Slots::of(&params);
                call::open(handle, about, slots.as_slice()).await?
            };
            let mut rows = pin!(rows);
            let mut values = Vec::new();
            while let Some(row) = reply.next(rows.as_mut()).await? {
                values.push(reply.read(&row, |reading| mapper.read(reading))?);
            }
            Ok(values)
        })
    }
}

async fn at_most_one<P: Params, R: Row, M: Mapper<R>>(
    handle: Handle<'_>,
    about: &About,
    params: P,
    mut mapper: M,
) -> Result<Option<M::Output>> {
    let (rows, mut reply) = {
        let slots = Slots::of(&params);
        call::open(handle, about, slots.as_slice()).await?
    };
    let mut rows = pin!(rows);
    let Some(row) = reply.next(rows.as_mut()).await? else {
        return Ok(None);
    };
    // To the end: a statement can still fail after its first row.
    if reply.next(rows.as_mut()).await?.is_some() {
        return Err(reply.too_many_rows());
    }
    reply.read(&row, |reading| mapper.read(reading)).map(Some)
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
    }
}

impl<R: Row> sealed_mapper::Mapper<R> for Owned {
    type Output = R;

    fn read(&mut self, row: &mut Reading<'_>) -> Option<R> {
        R::read(row)
    }
}

impl<R: Row, T: Send, F: FnMut(R::Ref<'_>) -> T + Send> sealed_mapper::Mapper<R> for Mapped<F, T> {
    type Output = T;

    fn read(&mut self, row: &mut Reading<'_>) -> Option<T> {
        R::borrow(row).map(&mut self.0)
    }
}
