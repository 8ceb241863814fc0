//! Notifications: `LISTEN` and `NOTIFY`.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::Stream;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::query::One;
use crate::statement::Statement;
use crate::transaction::{ReadWrite, Transaction};
use crate::wire::{Session, Target};

/// So many notifications wait in memory for who reads them. Those that come beyond are lost, which is told.
const MOST: usize = 10_000;

/// How long after a failed attempt to connect another one is made, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// How often it looks whether the handle was closed.
const LOOK: Duration = Duration::from_secs(1);

/// How often the connection is asked for a sign of life.
const PULSE: Duration = Duration::from_secs(30);

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Somebody notified a channel.
    Notification {
        /// The channel.
        channel: String,
        /// What came with it; empty where nothing did.
        payload: String,
    },
    /// Notifications may have been lost: the connection broke and was made again, or too many waited to be read. Whoever keeps
    /// something up to date by notifications now reads it anew.
    Gap,
}

/// What is heard on some channels, as it comes; see [`Database::listen`].
///
/// It is a [`Stream`], and has a [`next`](Listener::next) of its own. It ends when the handle is closed. Dropping it closes its
/// connection.
#[must_use = "nobody hears what is not read"]
pub struct Listener {
    queue: Arc<Queue>,
    task: AbortHandle,
}

/// What was heard and not read.
#[derive(Default)]
struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    heard: VecDeque<Heard>,
    /// Connections that were made so far. Only the last of them is heard: what an earlier one still holds may come a second time.
    connections: u64,
    /// Something may have been lost before what comes next.
    gap: bool,
    closed: bool,
    waker: Option<Waker>,
}

/// Where one connection puts what it hears.
pub(crate) struct Ear {
    queue: Arc<Queue>,
    connection: u64,
    /// The connection is gone.
    broken: Notify,
}

impl Queue {
    /// Of the next connection. Those before it are not heard any more.
    fn ear(self: &Arc<Self>) -> Arc<Ear> {
        let mut state = self.state();
        state.gap = state.connections > 0;
        state.connections += 1;
        Arc::new(Ear {
            queue: Arc::clone(self),
            connection: state.connections,
            broken: Notify::new(),
        })
    }

    fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        wake(state);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl State {
    /// One gap says it all.
    fn tell_gap(&mut self) {
        if std::mem::take(&mut self.gap) && self.heard.back() != Some(&Heard::Gap) {
            self.heard.push_back(Heard::Gap);
        }
    }
}

impl Ear {
    pub(crate) fn hear(&self, channel: &str, payload: &str) {
        let mut state = self.queue.state();
        if state.connections != self.connection {
            return;
        }
        state.tell_gap();
        if state.heard.len() >= MOST {
            state.gap = true;
            state.tell_gap();
        } else {
            state.heard.push_back(Heard::Notification {
                channel: channel.to_owned(),
                payload: payload.to_owned(),
            });
        }
        wake(state);
    }

    /// From here on everything is heard.
    fn listens(&self) {
        let mut state = self.queue.state();
        state.tell_gap();
        wake(state);
    }

    /// The connection that put things here is gone.
    pub(crate) fn broke(&self) {
        self.broken.notify_one();
    }
}

impl Database {
    /// Listens on channels, on a connection of its own beside the pool. When that breaks it is made again, and
    /// [`Heard::Gap`] says that notifications may have been lost in between.
    ///
    /// ```no_run
    /// # async fn run(db: sqlmill_runtime::Database) -> sqlmill_runtime::Result<()> {
    /// use sqlmill_runtime::Heard;
    ///
    /// let mut listener = db.listen(["orders"]).await?;
    /// while let Some(heard) = listener.next().await {
    ///     match heard {
    ///         Heard::Notification { payload, .. } => println!("order {payload}"),
    ///         Heard::Gap => println!("read all orders anew"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Connect`](ErrorKind::Connect) where no connection can be made, [`Closed`](ErrorKind::Closed), and `Other` behind a transaction pooler. Later
    /// breaks are no errors, but gaps.
    pub async fn listen<C: AsRef<str>>(
        &self,
        channels: impl IntoIterator<Item = C>,
    ) -> Result<Listener> {
        let mut sql = String::new();
        for channel in channels {
            // A name of the caller's, quoted as an identifier: LISTEN takes no parameters.
            let name = channel.as_ref().replace('"', "\"\"");
            sql += &format!("LISTEN \"{name}\";");
        }
        self.pool().listen(sql).await
    }
}

impl Transaction<ReadWrite> {
    /// Notifies those who [listen](Database::listen) on a channel, when the transaction commits. The payload has fewer than 8000 bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) where the payload is too long or the channel has no name; [`Transaction`](ErrorKind::Transaction) where
    /// this one is over or has failed; [`ConnectionLost`](ErrorKind::ConnectionLost).
    pub async fn notify(&self, channel: &str, payload: &str) -> Result<()> {
        if self.is_mocked() {
            return Ok(());
        }
        One::new(self, &NOTIFY, (channel, payload)).await
    }
}

static NOTIFY: Statement<(&str, &str), ()> = Statement::new(
    "Transaction::notify",
    "sqlmill-runtime",
    "SELECT pg_catalog.pg_notify($1, $2)",
    "text text",
    "void",
);

impl Listener {
    /// Connects and begins to listen; from then on it keeps at it.
    pub(crate) async fn open(
        target: Target,
        sql: String,
        limit: Duration,
        closed: impl Fn() -> bool + Send + 'static,
    ) -> Result<Self> {
        if target.is_pooled() {
            return Err(Error::with(
                ErrorKind::Other,
                "a transaction pooler has no session that could listen: connect past it",
            ));
        }
        let queue = Arc::<Queue>::default();
        let connection = attempt(&target, &queue, &sql, limit).await?;
        let keeping = keep(connection, target, Arc::clone(&queue), sql, limit, closed);
        Ok(Self {
            queue,
            task: tokio::spawn(keeping).abort_handle(),
        })
    }

    /// What is heard next; `None` when the handle was closed. Dropped half-way, nothing is lost.
    pub async fn next(&mut self) -> Option<Heard> {
        poll_fn(|cx| self.poll_heard(cx)).await
    }

    fn poll_heard(&self, cx: &Context<'_>) -> Poll<Option<Heard>> {
        let mut state = self.queue.state();
        if let Some(heard) = state.heard.pop_front() {
            return Poll::Ready(Some(heard));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

async fn attempt(
    target: &Target,
    queue: &Arc<Queue>,
    sql: &str,
    limit: Duration,
) -> Result<(Session, Arc<Ear>)> {
    let ear = queue.ear();
    let session = target.connect_listening(Arc::clone(&ear), limit).await?;
    match tokio::time::timeout(limit, session.run(sql)).await {
        Ok(Ok(())) => {
            ear.listens();
            Ok((session, ear))
        }
        Ok(Err(failure)) => Err(Error::from_failure(&failure).told(&failure)),
        Err(_) => Err(target.no_answer()),
    }
}

/// Connects again whenever the connection breaks.
async fn keep(
    mut connection: (Session, Arc<Ear>),
    target: Target,
    queue: Arc<Queue>,
    sql: String,
    limit: Duration,
    closed: impl Fn() -> bool,
) {
    loop {
        let (session, ear) = connection;
        let mut since = Instant::now();
        while !session.is_closed() && !closed() {
            let _ = tokio::time::timeout(LOOK, ear.broken.notified()).await;
            if since.elapsed() >= PULSE {
                since = Instant::now();
                // An answer that does not come is a connection whose other end vanished.
                if !matches!(
                    tokio::time::timeout(limit, session.run("")).await,
                    Ok(Ok(()))
                ) {
                    break;
                }
            }
        }
        drop(session);
        let mut pause = PAUSES.0;
        connection = loop {
            if closed() {
                return queue.close();
            }
            if let Ok(made) = attempt(&target, &queue, &sql, limit).await {
                break made;
            }
            let next = Instant::now() + pause;
            while Instant::now() < next && !closed() {
                tokio::time::sleep_until(next.min(Instant::now() + LOOK)).await;
            }
            pause = (pause * 2).min(PAUSES.1);
        };
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stream for Listener {
    type Item = Heard;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Heard>> {
        self.poll_heard(cx)
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
