//! Queries that are sent one behind the other, and answered in their order.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use crate::database::{Database, Replica};
use crate::error::{Error, Result};
use crate::pool::Pool;
use crate::transaction::Core;

/// What [`Database::batch`] takes: calls of generated functions, as they are or with another form of answer, such as `.all()`.
pub trait Batched: Future<Output = Result<Self::Answer>> + Unpin + sealed::Batched {
    /// What the query awaits to.
    type Answer;
}

pub(crate) mod sealed {
    use std::sync::Arc;

    use crate::error::Result;
    use crate::pool::Pool;
    use crate::transaction::Core;

    pub trait Batched {
        /// Sends the query on a connection that was taken from its pool: an error if its handle is another one.
        fn route(&mut self, pool: &Pool, line: &Arc<Core>) -> Result<()>;

        /// Has it a time limit?
        fn has_limit(&self) -> bool;
    }
}

/// What the queries of a batch await to. It says nothing of the iterator that they came from, whose closure would keep a future that
/// holds it from being `Send` enough for a spawned task.
pub(crate) type Answers<'a, T> = Pin<Box<dyn Future<Output = Vec<Result<T>>> + Send + 'a>>;

/// So many queries are sent and not answered, at most: the server and the client keep as many answers.
const WINDOW: usize = 256;

/// Queries under way on one connection.
pub(crate) struct Batch<'c, T, Q> {
    core: &'c Core,
    sent: VecDeque<Sent<T, Q>>,
    answers: Vec<Result<T>>,
}

enum Sent<T, Q> {
    Asked(Q),
    Answered(Result<T>),
}

impl<'c, T, Q: Future<Output = Result<T>> + Unpin> Batch<'c, T, Q> {
    pub(crate) fn new(core: &'c Core) -> Self {
        Self {
            core,
            sent: VecDeque::new(),
            answers: Vec::new(),
        }
    }

    /// Sends a query, behind those that were sent before.
    pub(crate) async fn send(&mut self, mut query: Q) {
        let before = self.core.sent();
        // Preparing its statement may take a while. Until it is sent, none behind it is.
        let answer = poll_fn(|cx| match Pin::new(&mut query).poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if self.core.sent() != before => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let sent = match answer.await {
            Some(answer) => Sent::Answered(answer),
            None => Sent::Asked(query),
        };
        self.sent.push_back(sent);
        if self.sent.len() >= WINDOW {
            self.answer_first().await;
        }
    }

    /// Waits for all that were sent.
    pub(crate) async fn end(mut self) -> Vec<Result<T>> {
        while !self.sent.is_empty() {
            self.answer_first().await;
        }
        self.answers
    }

    async fn answer_first(&mut self) {
        let answer = match self.sent.front_mut() {
            Some(Sent::Asked(query)) => query.await,
            Some(Sent::Answered(_)) | None => match self.sent.pop_front() {
                Some(Sent::Answered(answer)) => return self.answers.push(answer),
                Some(Sent::Asked(_)) | None => return,
            },
        };
        self.sent.pop_front();
        self.answers.push(answer);
    }
}

impl Database {
    /// Sends queries on one connection, one behind the other without waiting for one before the next is sent, and awaits to what each
    /// awaits to, in their order.
    ///
    /// Each query is what it would be alone, a transaction of its own: when one fails, those before it have taken effect, and those behind
    /// it run all the same. For all or nothing there is [`Transaction::batch`](crate::Transaction::batch). A query with a time limit is
    /// sent when those before it were answered, on a connection of its own. Of a future that is dropped, the queries that were
    /// sent may have run.
    ///
    /// ```no_run
    /// # use sqlmill_runtime::{Database, Execute, Result, Statement, Writer};
    /// # static TOUCH: Statement<(i64,)> = Statement::new("users::touch_user", "queries/users.sql:1", "UPDATE users SET seen = now() WHERE id = $1", "int8", "");
    /// # fn touch_user(db: &impl Writer, id: i64) -> Execute<'_, (i64,)> { Execute::new(db, &TOUCH, (id,)) }
    /// # async fn run(db: &Database, ids: &[i64]) {
    /// let touched = db.batch(ids.iter().map(|&id| touch_user(db, id))).await;
    /// for (id, touched) in ids.iter().zip(touched) {
    ///     if let Err(error) = touched {
    ///         println!("{id}: {error}");
    ///     }
    /// }
    /// # }
    /// ```
    pub fn batch<'a, Q>(&'a self, queries: impl IntoIterator<Item = Q>) -> Answers<'a, Q::Answer>
    where
        Q: Batched<Answer: Send> + Send + 'a,
    {
        let queries: Vec<Q> = queries.into_iter().collect();
        Box::pin(batch(self.pool(), queries))
    }
}

impl Replica {
    /// Sends reads on one connection, one behind the other: see [`Database::batch`].
    pub fn batch<'a, Q>(&'a self, queries: impl IntoIterator<Item = Q>) -> Answers<'a, Q::Answer>
    where
        Q: Batched<Answer: Send> + Send + 'a,
    {
        let queries: Vec<Q> = queries.into_iter().collect();
        Box::pin(batch(self.pool(), queries))
    }
}

async fn batch<Q: Batched>(pool: &Pool, queries: Vec<Q>) -> Vec<Result<Q::Answer>> {
    let mut queries = queries.into_iter().peekable();
    let mut answers = Vec::new();
    while let Some(next) = queries.peek() {
        // What is cancelled must not be somebody else's; and a mock has no connection.
        if next.has_limit() || is_mocked(pool) {
            if let Some(query) = queries.next() {
                answers.push(query.await);
            }
            continue;
        }
        let line = match Core::line(pool).await {
            Ok(line) => Arc::new(line),
            Err(error) => {
                answers.extend(unsent(error, queries.count()));
                return answers;
            }
        };
        let mut batch = Batch::new(&line);
        while let Some(mut query) = queries.next_if(|query| !query.has_limit()) {
            match query.route(pool, &line) {
                Ok(()) => batch.send(query).await,
                Err(error) => batch.sent.push_back(Sent::Answered(Err(error))),
            }
        }
        answers.extend(batch.end().await);
    }
    answers
}

#[cfg(feature = "testing")]
fn is_mocked(pool: &Pool) -> bool {
    pool.mock().is_some()
}

#[cfg(not(feature = "testing"))]
fn is_mocked(_: &Pool) -> bool {
    false
}

/// There is no connection for any of them.
fn unsent<T>(error: Error, count: usize) -> Vec<Result<T>> {
    let kind = error.kind();
    let first = std::iter::once(Err(error));
    let others = (1..count).map(|_| Err(Error::with(kind, "the batch got no connection")));
    first.chain(others).collect()
}
