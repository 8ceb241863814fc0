//! Notifications: `LISTEN` and `NOTIFY`.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
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
    ear: Arc<Ear>,
    task: AbortHandle,
}

/// Where the connection puts what it hears.
#[derive(Default)]
pub(crate) struct Ear {
    state: Mutex<State>,
    /// The connection is gone.
    broken: Notify,
}

#[derive(Default)]
struct State {
    heard: VecDeque<Heard>,
    closed: bool,
    waker: Option<Waker>,
}

impl Ear {
    pub(crate) fn hear(&self, channel: &str, payload: &str) {
        self.put(Heard::Notification {
            channel: channel.to_owned(),
            payload: payload.to_owned(),
        });
    }

    fn put(&self, heard: Heard) {
        let waker = {
            let mut state = self.state();
            // One gap says it all.
            let full = state.heard.len() >= MOST || heard == Heard::Gap;
            if !full {
                state.heard.push_back(heard);
            } else if state.heard.back() != Some(&Heard::Gap) {
                state.heard.push_back(Heard::Gap);
            }
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The connection that put things here is gone.
    pub(crate) fn broke(&self) {
        self.broken.notify_one();
    }

    fn close(&self) {
        let waker = {
            let mut state = self.state();
            state.closed = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        let ear = Arc::new(Ear::default());
        let session = attempt(&target, &ear, &sql, limit).await?;
        let keeping = keep(session, target, Arc::clone(&ear), sql, limit, closed);
        Ok(Self {
            ear,
            task: tokio::spawn(keeping).abort_handle(),
        })
    }

    /// What is heard next; `None` when the handle was closed.
    pub async fn next(&mut self) -> Option<Heard> {
        poll_fn(|cx| self.poll_heard(cx)).await
    }

    fn poll_heard(&self, cx: &Context<'_>) -> Poll<Option<Heard>> {
        let mut state = self.ear.state();
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

async fn attempt(target: &Target, ear: &Arc<Ear>, sql: &str, limit: Duration) -> Result<Session> {
    let session = target.connect_listening(Arc::clone(ear), limit).await?;
    match tokio::time::timeout(limit, session.run(sql)).await {
        Ok(Ok(())) => Ok(session),
        Ok(Err(failure)) => Err(Error::from_failure(&failure).told(&failure)),
        Err(_) => Err(target.no_answer()),
    }
}

/// Connects again whenever the connection breaks.
async fn keep(
    mut session: Session,
    target: Target,
    ear: Arc<Ear>,
    sql: String,
    limit: Duration,
    closed: impl Fn() -> bool,
) {
    loop {
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
        let mut pause = PAUSES.0;
        session = loop {
            if closed() {
                return ear.close();
            }
            match attempt(&target, &ear, &sql, limit).await {
                Ok(session) => break session,
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(PAUSES.1);
        };
        ear.put(Heard::Gap);
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
