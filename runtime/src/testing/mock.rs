//! A database that is none: it answers each query with what a test gave it.

use std::any::Any;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bulk::{BulkExecute, BulkRows};
use crate::constraint::Constraint;
use crate::database::{Database, Replica};
use crate::error::{Error, ErrorKind, Result};
use crate::page::{CursorPage, Page};
use crate::pool::Pool;
use crate::query::{CursorQuery, Execute, PageQuery, Query, Shape};
use crate::row::Row;
use crate::statement::Origin;

/// Answers queries without a server. It takes part as a [`Database`] or a [`Replica`]; transactions on them begin and end,
/// and undo nothing.
///
/// An expectation is the call of the query itself, which does nothing until it is awaited; what it may be answered with
/// follows from its type. Each answers once, in the order in which they were given, whatever the parameters. A query that
/// nobody expects is an error, and [`verify`](Mock::verify) fails while expectations are left.
///
/// ```
/// # use sqlmill_runtime::{Database, Optional, Reader, Result, Statement};
/// # static GET_NAME: Statement<(i64,), String> = Statement::new("users::get_name", "queries/users.sql:1", "SELECT name FROM users WHERE id = $1", "int8", "text");
/// # fn get_name(db: &impl Reader, id: i64) -> Optional<'_, (i64,), String> { Optional::new(db, &GET_NAME, (id,)) }
/// use sqlmill_runtime::testing::Mock;
///
/// async fn greeting(db: &Database, id: i64) -> Result<String> {
///     let name = get_name(db, id).await?;
///     Ok(format!("Hello {}", name.as_deref().unwrap_or("stranger")))
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let mock = Mock::new();
/// let db = mock.database();
/// mock.expect(get_name(&db, 1)).returns(Some("Ada".to_owned()));
/// assert_eq!(greeting(&db, 1).await?, "Hello Ada");
/// mock.verify();
/// # Ok::<_, sqlmill_runtime::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Mock {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// By the query's name.
    answers: HashMap<&'static str, VecDeque<Answer>>,
    /// Queries that nobody expected.
    unexpected: Vec<&'static str>,
}

/// `Vec<R>` for the rows, `Page<R>` or `CursorPage<R>` for a page, `u64` for the number of rows that were affected.
type Answer = Result<Box<dyn Any + Send>>;

impl Mock {
    /// Without any expectation.
    pub fn new() -> Self {
        Self::default()
    }

    /// The database that answers.
    pub fn database(&self) -> Database {
        Database::over(Pool::of_mock(self))
    }

    /// The replica that answers.
    pub fn replica(&self) -> Replica {
        Replica::over(Pool::of_mock(self))
    }

    /// Expects a query, whatever its parameters.
    pub fn expect<Q: Answerable>(&self, query: Q) -> Expectation<'_, Q> {
        Expectation {
            mock: self,
            name: query.name(),
            query,
        }
    }

    /// Panics when a query was expected and did not come, or came and was not expected.
    #[expect(clippy::panic, reason = "it is how a test fails")]
    #[track_caller]
    pub fn verify(&self) {
        let state = self.state();
        let mut left: Vec<&str> = state
            .answers
            .iter()
            .filter(|(_, answers)| !answers.is_empty())
            .map(|(name, _)| *name)
            .collect();
        left.sort_unstable();
        if !left.is_empty() {
            panic!("expected, but never called: {}", left.join(", "));
        }
        if !state.unexpected.is_empty() {
            panic!("called, but not expected: {}", state.unexpected.join(", "));
        }
    }

    fn push(&self, name: &'static str, answer: Answer) {
        let mut state = self.state();
        state.answers.entry(name).or_default().push_back(answer);
    }

    /// The answer to a query; `T` is what the kind of query is answered with.
    pub(crate) fn answer<T: 'static>(&self, origin: Origin) -> Result<T> {
        let mut state = self.state();
        let answer = state
            .answers
            .get_mut(origin.name)
            .and_then(VecDeque::pop_front);
        let Some(answer) = answer else {
            state.unexpected.push(origin.name);
            let detail = "the mock does not expect this query";
            return Err(Error::with(ErrorKind::Other, detail).of(origin));
        };
        match answer.map_err(|error| error.of(origin))?.downcast() {
            Ok(value) => Ok(*value),
            Err(_) => {
                let detail = "the mock has an answer for another query of this name";
                Err(Error::with(ErrorKind::Other, detail).of(origin))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mock")
    }
}

/// A query that is expected and waits for its answer.
#[must_use = "without an answer nothing is expected"]
pub struct Expectation<'m, Q> {
    mock: &'m Mock,
    name: &'static str,
    query: Q,
}

impl<Q: Answerable> Expectation<'_, Q> {
    /// Answers with what the query awaits to.
    pub fn returns(self, answer: Q::Output) {
        self.mock.push(self.name, Ok(self.query.boxed(answer)));
    }

    /// Fails, in a way that no query can bring about by itself: a lost connection, a conflict.
    pub fn fails(self, kind: ErrorKind) {
        self.mock.push(self.name, Err(Error::new(kind)));
    }

    /// Fails because of a constraint.
    pub fn violates<C: Constraint>(self, constraint: C) {
        self.mock.push(self.name, Err(Error::violating(constraint)));
    }
}

impl<Q> fmt::Debug for Expectation<'_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expectation").field(&self.name).finish()
    }
}

/// A query as a generated function returns it.
pub trait Answerable: sealed::Answerable {}

mod sealed {
    use super::Any;

    pub trait Answerable {
        type Output;

        fn name(&self) -> &'static str;
        fn boxed(&self, answer: Self::Output) -> Box<dyn Any + Send>;
    }
}

impl<P, R: Row, S: Shape> Answerable for Query<'_, P, R, S> {}

impl<P, R: Row, S: Shape> sealed::Answerable for Query<'_, P, R, S> {
    type Output = S::Output<R>;

    fn name(&self) -> &'static str {
        Query::name(self)
    }

    fn boxed(&self, answer: Self::Output) -> Box<dyn Any + Send> {
        Box::new(S::rows(answer))
    }
}

impl<P, R: Row> Answerable for BulkRows<'_, P, R> {}

impl<P, R: Row> sealed::Answerable for BulkRows<'_, P, R> {
    type Output = Vec<R>;

    fn name(&self) -> &'static str {
        BulkRows::name(self)
    }

    fn boxed(&self, answer: Vec<R>) -> Box<dyn Any + Send> {
        Box::new(answer)
    }
}

impl<P, R: Row> Answerable for PageQuery<'_, P, R> {}

impl<P, R: Row> sealed::Answerable for PageQuery<'_, P, R> {
    type Output = Page<R>;

    fn name(&self) -> &'static str {
        PageQuery::name(self)
    }

    fn boxed(&self, answer: Page<R>) -> Box<dyn Any + Send> {
        Box::new(answer)
    }
}

impl<P> Answerable for BulkExecute<'_, P> {}

impl<P> sealed::Answerable for BulkExecute<'_, P> {
    type Output = u64;

    fn name(&self) -> &'static str {
        BulkExecute::name(self)
    }

    fn boxed(&self, answer: u64) -> Box<dyn Any + Send> {
        Box::new(answer)
    }
}

impl<P, R: Row> Answerable for CursorQuery<'_, P, R> {}

impl<P, R: Row> sealed::Answerable for CursorQuery<'_, P, R> {
    type Output = CursorPage<R>;

    fn name(&self) -> &'static str {
        CursorQuery::name(self)
    }

    fn boxed(&self, answer: CursorPage<R>) -> Box<dyn Any + Send> {
        Box::new(answer)
    }
}

impl<P> Answerable for Execute<'_, P> {}

impl<P> sealed::Answerable for Execute<'_, P> {
    type Output = u64;

    fn name(&self) -> &'static str {
        Execute::name(self)
    }

    fn boxed(&self, answer: u64) -> Box<dyn Any + Send> {
        Box::new(answer)
    }
}
