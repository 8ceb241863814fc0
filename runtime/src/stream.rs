//! Rows one by one.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use futures_core::Stream;

use crate::call::{self, Reply};
use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::param::{Params, Slots};
use crate::query::{Mapper, Owned};
use crate::row::{Reading, Row};
use crate::statement::About;
use crate::wire::{Failure, RawRow, RawRows};

/// The rows of a query as they arrive; see [`Query::stream`](crate::Query::stream).
///
/// It is a [`Stream`], and has a [`next`](RowStream::next) of its own. After an error it ends. When it is dropped before
/// its end, the connection is cleaned up in the background.
///
/// In a transaction, another query on the same handle first reads the rest of the stream into memory: both share one
/// connection.
#[must_use = "a stream does nothing until it is read"]
pub struct RowStream<'s, R, M = Owned> {
    state: State<'s>,
    mapper: Option<M>,
    /// Rows that were given out.
    number: u64,
    row: PhantomData<fn() -> R>,
}

type Running<'s, T> = Pin<Box<dyn Future<Output = T> + Send + 's>>;

enum State<'s> {
    Opening(Running<'s, Result<Arc<Incoming>>>),
    Open(Arc<Incoming>),
    Failing(Running<'static, Error>),
    Ended,
}

impl<'s, R, M> RowStream<'s, R, M> {
    pub(crate) fn open<P: Params + 's>(
        handle: Handle<'_>,
        about: &About,
        params: P,
        mapper: M,
    ) -> Self {
        let handle = handle.to_owned();
        let about = *about;
        let opening = async move {
            let slots = Slots::of(&params);
            let (rows, reply) = call::open(handle.borrow(), &about, slots.as_slice()).await?;
            Ok(Incoming::new(rows, reply))
        };
        Self {
            state: State::Opening(Box::pin(opening)),
            mapper: Some(mapper),
            number: 0,
            row: PhantomData,
        }
    }

    pub(crate) fn ended() -> Self {
        Self {
            state: State::Ended,
            mapper: None,
            number: 0,
            row: PhantomData,
        }
    }
}

impl<R: Row, M: Mapper<R>> RowStream<'_, R, M> {
    /// The next row, or `None` at the end.
    ///
    /// ```no_run
    /// # use sqlmill_runtime::{Database, Many, Result, Statement};
    /// # static LIST: Statement<(), String> = Statement::new("users::list_names", "queries/users.sql:1", "SELECT name FROM users");
    /// # fn list_names(db: &Database) -> Many<'_, (), String> { Many::new(db, &LIST, ()) }
    /// # async fn run(db: &Database) -> Result<()> {
    /// let mut names = list_names(db).stream();
    /// while let Some(name) = names.next().await {
    ///     println!("{}", name?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<Result<M::Output>> {
        poll_fn(|cx| self.poll_row(cx)).await
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<M::Output>>> {
        loop {
            match &mut self.state {
                State::Opening(opening) => match ready!(opening.as_mut().poll(cx)) {
                    Ok(open) => self.state = State::Open(open),
                    Err(error) => return self.end(error),
                },
                State::Open(incoming) => match ready!(incoming.poll_next(cx)) {
                    None => {
                        self.state = State::Ended;
                        return Poll::Ready(None);
                    }
                    Some(Ok(row)) => {
                        let Some(mapper) = &mut self.mapper else {
                            return Poll::Ready(None);
                        };
                        self.number += 1;
                        let read = |reading: &mut Reading<'_>| mapper.read(reading);
                        match incoming.reply.read(&row, self.number, read) {
                            Ok(value) => return Poll::Ready(Some(Ok(value))),
                            Err(error) => return self.end(error),
                        }
                    }
                    Some(Err(failure)) => {
                        let incoming = Arc::clone(incoming);
                        self.state = State::Failing(Box::pin(async move {
                            incoming.reply.failed(&failure).await
                        }));
                    }
                },
                State::Failing(failing) => {
                    let error = ready!(failing.as_mut().poll(cx));
                    return self.end(error);
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }

    fn end(&mut self, error: Error) -> Poll<Option<Result<M::Output>>> {
        self.state = State::Ended;
        Poll::Ready(Some(Err(error)))
    }
}

// The futures are behind pointers, and the mapper is never pinned.
impl<R, M> Unpin for RowStream<'_, R, M> {}

impl<R: Row, M: Mapper<R>> Stream for RowStream<'_, R, M> {
    type Item = Result<M::Output>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_row(cx)
    }
}

impl<R, M> fmt::Debug for RowStream<'_, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowStream")
    }
}

/// Rows that may be read ahead.
///
/// On a connection answers come in order, and a row that nobody takes holds up all that follow. On a connection of its own
/// a stream may do that: it is how the server is made to wait. In a transaction another query would wait for ever for rows
/// that its own caller is to take next, so it first reads the stream's rest into memory.
pub(crate) struct Incoming {
    reply: Reply,
    rows: Mutex<Rows>,
    waiting: Arc<Waiting>,
}

struct Rows {
    wire: Pin<Box<RawRows>>,
    ahead: VecDeque<RawRow>,
    /// The wire has given its last.
    ended: bool,
    failure: Option<Failure>,
}

impl Incoming {
    fn new(rows: RawRows, reply: Reply) -> Arc<Self> {
        let incoming = Arc::new(Self {
            reply,
            rows: Mutex::new(Rows {
                wire: Box::pin(rows),
                ahead: VecDeque::new(),
                ended: false,
                failure: None,
            }),
            waiting: Arc::default(),
        });
        if let Some(transaction) = incoming.reply.transaction() {
            transaction.add_stream(&incoming);
        }
        incoming
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Result<RawRow, Failure>>> {
        let mut rows = self.rows();
        if let Some(row) = rows.ahead.pop_front() {
            return Poll::Ready(Some(Ok(row)));
        }
        if rows.ended {
            return Poll::Ready(rows.failure.take().map(Err));
        }
        let next = ready!(self.poll_wire(&mut rows, cx));
        if let Some(Err(_)) | None = &next {
            rows.ended = true;
        }
        Poll::Ready(next)
    }

    /// Reads everything that is left into memory.
    pub(crate) fn poll_ahead(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut rows = self.rows();
        while !rows.ended {
            match ready!(self.poll_wire(&mut rows, cx)) {
                Some(Ok(row)) => rows.ahead.push_back(row),
                Some(Err(failure)) => {
                    rows.ended = true;
                    rows.failure = Some(failure);
                }
                None => rows.ended = true,
            }
        }
        Poll::Ready(())
    }

    fn poll_wire(
        &self,
        rows: &mut Rows,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<RawRow, Failure>>> {
        self.waiting.add(cx.waker());
        let waker = Waker::from(Arc::clone(&self.waiting));
        self.reply
            .poll_next(rows.wire.as_mut(), &mut Context::from_waker(&waker))
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing panics between two changes that belong together.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
