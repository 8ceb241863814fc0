//! Rows one by one.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::call::{self, Reply, Rows};
use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::param::{Params, Slots};
use crate::query::{Mapper, Owned};
use crate::row::{Reading, Row};
use crate::statement::About;
use crate::trace::{self, Watch};

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
    /// What a mock answered with.
    #[cfg(feature = "testing")]
    mocked: std::collections::VecDeque<R>,
    /// Rows that were given out.
    number: u64,
    watch: Watch,
    row: PhantomData<fn() -> R>,
}

type Running<'s, T> = Pin<Box<dyn Future<Output = T> + Send + 's>>;

enum State<'s> {
    Opening(Running<'s, Result<Open>>),
    Open(Open),
    Failing(Running<'static, Error>),
    Ended,
}

struct Open {
    rows: Pin<Box<Rows>>,
    reply: Reply,
}

impl<'s, R: Row, M> RowStream<'s, R, M> {
    pub(crate) fn open<P: Params + 's>(
        handle: Handle<'_>,
        about: &About,
        params: P,
        mapper: M,
    ) -> Self {
        #[cfg(feature = "testing")]
        if let Some(mock) = handle.mock() {
            let rows = mock.and_then(|mock| {
                crate::held::hold(about, Slots::sent(&params, about).as_slice())?;
                mock.answer::<Vec<R>>(about.origin)
            });
            let (mocked, state) = match rows {
                Ok(rows) => (rows.into(), State::Ended),
                Err(error) => (
                    Default::default(),
                    State::Failing(Box::pin(std::future::ready(error))),
                ),
            };
            return Self {
                state,
                mapper: Some(mapper),
                mocked,
                number: 0,
                watch: Watch::none(),
                row: PhantomData,
            };
        }
        let watch = Watch::start(handle, about);
        let handle = handle.to_owned();
        let about = *about;
        let opening = async move {
            let slots = Slots::sent(&params, &about);
            let opened = call::open(handle.borrow(), &about, slots.as_slice()).await;
            let (rows, reply) = opened.map_err(|error| error.naming(&about, &params))?;
            Ok(Open {
                rows: Box::pin(rows),
                reply,
            })
        };
        Self {
            state: State::Opening(Box::pin(opening)),
            mapper: Some(mapper),
            #[cfg(feature = "testing")]
            mocked: Default::default(),
            number: 0,
            watch,
            row: PhantomData,
        }
    }

    /// Of a query that was polled before.
    pub(crate) fn spent() -> Self {
        Self {
            state: State::Failing(Box::pin(std::future::ready(Error::spent()))),
            mapper: None,
            #[cfg(feature = "testing")]
            mocked: Default::default(),
            number: 0,
            watch: Watch::none(),
            row: PhantomData,
        }
    }
}

impl<R: Row, M: Mapper<R>> RowStream<'_, R, M> {
    /// The next row, or `None` at the end. Dropped half-way, no row is lost.
    ///
    /// ```no_run
    /// # use sqlmill_runtime::{Database, Many, Result, Statement};
    /// # static LIST: Statement<(), String> = Statement::new("users::list_names", "queries/users.sql:1", "SELECT name FROM users", "", "text");
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
        #[cfg(feature = "testing")]
        if let Some(row) = self.mocked.pop_front()
            && let Some(value) = self.mapper.as_mut().and_then(|mapper| mapper.owned(row))
        {
            return Poll::Ready(Some(Ok(value)));
        }
        loop {
            match &mut self.state {
                State::Opening(opening) => {
                    match ready!(self.watch.within(|| opening.as_mut().poll(cx))) {
                        Ok(open) => self.state = State::Open(open),
                        Err(error) => return self.end(error),
                    }
                }
                State::Open(Open { rows, reply }) => {
                    match ready!(self.watch.within(|| reply.poll_next(rows.as_mut(), cx))) {
                        None => {
                            self.watch.end(trace::Rows::Returned(self.number), None);
                            self.state = State::Ended;
                            return Poll::Ready(None);
                        }
                        Some(Ok(row)) => {
                            let Some(mapper) = &mut self.mapper else {
                                return Poll::Ready(None);
                            };
                            self.number += 1;
                            let read = |reading: &mut Reading<'_>| mapper.read(reading);
                            match reply.read(&row, self.number, read) {
                                Ok(value) => return Poll::Ready(Some(Ok(value))),
                                Err(error) => return self.end(error),
                            }
                        }
                        Some(Err(failure)) => {
                            if let State::Open(Open { reply, .. }) =
                                std::mem::replace(&mut self.state, State::Ended)
                            {
                                self.state = State::Failing(Box::pin(async move {
                                    reply.failed(&failure).await
                                }));
                            }
                        }
                    }
                }
                State::Failing(failing) => {
                    let error = ready!(failing.as_mut().poll(cx));
                    return self.end(error);
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }

    fn end(&mut self, error: Error) -> Poll<Option<Result<M::Output>>> {
        let rows = trace::Rows::Returned(self.number);
        self.watch.end(rows, Some(&error));
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
