//! Advisory locks that outlive transactions, each on a connection of its own.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use crate::call::{self, Refused};
use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::param::Param;
use crate::row::Row;
use crate::statement::Statement;
use crate::wire::{Failure, Session, Target, next_row};

/// A lock by number, held until it is released or dropped; see [`Database::session_lock`].
///
/// It has a connection of its own beside the pool, which nobody else ever gets. Dropping it closes the connection, and the server gives
/// the lock to the next one. When the connection breaks the lock is lost, which the holder learns by asking: [`check`](Self::check).
#[must_use = "dropping it releases the lock"]
pub struct SessionLock {
    /// `None` of a mock's.
    held: Option<Held>,
}

struct Held {
    session: Session,
    place: String,
    key: i64,
    /// The server was asked for the lock and has not answered yet.
    waits: bool,
}

impl Database {
    /// Waits for the lock `key` and holds it on a connection of its own, across transactions and beside all queries: for work that one
    /// of several processes shall do. All who take locks by number must agree on what the numbers mean; those of a transaction
    /// ([`Transaction::advisory_lock`](crate::Transaction::advisory_lock)) are the same locks.
    ///
    /// ```no_run
    /// # async fn run(db: sqlmill_runtime::Database) -> sqlmill_runtime::Result<()> {
    /// const NIGHTLY: i64 = 1;
    /// if let Some(lock) = db.try_session_lock(NIGHTLY).await? {
    ///     // … as many transactions as it takes …
    ///     lock.check().await?; // still ours?
    ///     lock.release().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Dropping the future while it waits gives up the place in the queue.
    ///
    /// # Errors
    ///
    /// [`Timeout`](ErrorKind::Timeout) after the `lock_timeout` or the `statement_timeout` of the builder, if there is one; `Connect`
    /// and `ConnectionLost`. Behind a transaction pooler it is refused, as there is no session that could hold it.
    pub async fn session_lock(&self, key: i64) -> Result<SessionLock> {
        let Some(mut held) = Held::connect(self, key).await? else {
            return Ok(SessionLock { held: None });
        };
        held.waits = true;
        held.ask(&LOCK).await?;
        held.waits = false;
        Ok(SessionLock { held: Some(held) })
    }

    /// As [`session_lock`](Self::session_lock), without waiting: `None` when somebody else holds it.
    ///
    /// # Errors
    ///
    /// [`Connect`](ErrorKind::Connect) and `ConnectionLost`; behind a transaction pooler it is refused.
    pub async fn try_session_lock(&self, key: i64) -> Result<Option<SessionLock>> {
        let Some(held) = Held::connect(self, key).await? else {
            return Ok(Some(SessionLock { held: None }));
        };
        let got = held.ask(&TRY_LOCK).await?;
        Ok(got.then_some(SessionLock { held: Some(held) }))
    }
}

impl SessionLock {
    /// Asks the server for a sign of life: a lock whose connection broke may be somebody else's by now. Dropped half-way, the lock is held on.
    ///
    /// # Errors
    ///
    /// [`ConnectionLost`](ErrorKind::ConnectionLost): the lock is lost.
    pub async fn check(&self) -> Result<()> {
        match &self.held {
            Some(held) => held.ask(&HOLDS).await.and_then(|holds| match holds {
                true => Ok(()),
                false => Err(Error::with(ErrorKind::ConnectionLost, "the lock is lost")),
            }),
            None => Ok(()),
        }
    }

    /// Gives the lock up, and waits until it is free. Dropped half-way, it is given up all the same.
    ///
    /// # Errors
    ///
    /// [`ConnectionLost`](ErrorKind::ConnectionLost): it was lost before.
    pub async fn release(self) -> Result<()> {
        match &self.held {
            Some(held) => held.ask(&UNLOCK).await.map(drop),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for SessionLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionLock")
    }
}

impl Held {
    /// `None` where a mock answers.
    async fn connect(db: &Database, key: i64) -> Result<Option<Self>> {
        let Some((target, limit)) = db.pool().apart()? else {
            return Ok(None);
        };
        if target.is_pooled() {
            return Err(Error::with(
                ErrorKind::Other,
                "a transaction pooler has no session that could hold a lock: connect past it, or take `Transaction::advisory_lock`",
            ));
        }
        let session = connect(&target, limit).await?;
        Ok(Some(Self {
            session,
            place: target.place(),
            key,
            waits: false,
        }))
    }

    async fn ask<R: Row>(&self, statement: &'static Statement<(i64,), R>) -> Result<R> {
        let about = statement.about();
        let prepared = call::prepare(&self.session, about).await;
        let prepared = prepared.map_err(|refused| match refused {
            Refused::Mismatch(error) => error,
            Refused::Prepare(failure) | Refused::Failure(failure) => self.error(&failure),
        });
        let params: [&dyn Param; 1] = [&self.key];
        let prepared = prepared.map_err(|error| error.of(about.origin))?;
        let bound = prepared
            .bind(&params)
            .map_err(|error| Error::encoding(error).of(about.origin))?;
        let row = async {
            let mut rows = pin!(self.session.query(&prepared, &bound).await?);
            let mut first = None;
            while let Some(row) = poll_fn(|cx| next_row(rows.as_mut(), cx)).await {
                first = first.or(Some(row?));
            }
            Ok::<_, Failure>(first)
        };
        let row = row.await.map_err(|failure| self.error(&failure));
        match row.map_err(|error| error.of(about.origin))? {
            Some(row) => call::read_row(about.origin, &row, 1, |reading| R::read(reading)),
            None => Err(Error::new(ErrorKind::NotFound).of(about.origin)),
        }
    }

    fn error(&self, failure: &Failure) -> Error {
        let error = Error::from_failure(failure);
        match error.kind() {
            ErrorKind::ConnectionLost => error.noting(&self.place),
            _ => error,
        }
    }
}

// The session closes its socket when it is dropped; the server ends it then, and with it the lock.
impl Drop for Held {
    fn drop(&mut self) {
        // A backend that waits for a lock does not look at its socket: it would take the lock once it is free.
        if self.waits
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(self.session.canceller().cancel());
        }
    }
}

async fn connect(target: &Target, limit: Duration) -> Result<Session> {
    let session = target.connect_attended(limit).await?;
    // Nothing is sent for as long as the lock is held.
    let prepared = tokio::time::timeout(limit, session.run("SET idle_session_timeout = 0")).await;
    match prepared {
        Ok(Ok(())) => Ok(session),
        Ok(Err(failure)) => Err(Error::from_failure(&failure)),
        Err(_) => Err(target.no_answer()),
    }
}

static LOCK: Statement<(i64,), ()> = Statement::new(
    "Database::session_lock",
    "sqlmill-runtime",
    "SELECT pg_catalog.pg_advisory_lock($1)",
    "int8",
    "void",
);
static TRY_LOCK: Statement<(i64,), bool> = Statement::new(
    "Database::try_session_lock",
    "sqlmill-runtime",
    "SELECT pg_catalog.pg_try_advisory_lock($1)",
    "int8",
    "bool",
);
static UNLOCK: Statement<(i64,), bool> = Statement::new(
    "SessionLock::release",
    "sqlmill-runtime",
    "SELECT pg_catalog.pg_advisory_unlock($1)",
    "int8",
    "bool",
);
/// The server keeps the number in two halves.
static HOLDS: Statement<(i64,), bool> = Statement::new(
    "SessionLock::check",
    "sqlmill-runtime",
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid() AND granted \
     AND objsubid = 1 AND classid::int8 << 32 | objid::int8 = $1)",
    "int8",
    "bool",
);
