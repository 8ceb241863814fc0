//! One call of a query: a connection, the statement prepared on it, the request, and the rows as they arrive.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::connections::Grant;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::handle::Handle;
use crate::held;
use crate::incoming::{Incoming, wait_for};
use crate::lease::Lease;
use crate::param::Param;
use crate::partition::{trace_apart, trace_to_root};
use crate::pool::Pool;
use crate::row::{DecodeError, Reading};
use crate::statement::{About, Origin};
use crate::transaction::Core;
use crate::wire::{Broken, CopyIn, Failure, Prepared, RawRow, RawRows, Session};

/// What a call holds while its rows arrive.
pub(crate) struct Reply {
    origin: Origin,
    deadline: Option<Deadline>,
    connection: Connection,
}

enum Connection {
    /// The rows are with the caller.
    Own(Lease),
    /// The connection stays the transaction's: a reply that is kept must not hold it.
    Transaction(Core, Weak<Lease>, Arc<Incoming>),
}

/// The rows of a reply on a connection of its own. It must be pinned to be read.
pub(crate) type Rows = Option<RawRows>;

/// Sends the query and waits until the server has accepted it.
pub(crate) async fn open(
    handle: Handle<'_>,
    about: &About,
    params: &[&dyn Param],
) -> Result<(Rows, Reply)> {
    open_on(handle, None, about, params).await
}

/// As `open`, on the connection that was granted, if one was.
pub(crate) async fn open_on(
    handle: Handle<'_>,
    granted: Option<Grant>,
    about: &About,
    params: &[&dyn Param],
) -> Result<(Rows, Reply)> {
    if !about.held.is_empty() {
        held::hold(about, params)?;
    }
    let opened = match (handle, about.timeout) {
        (Handle::Pool(pool), None) => match lease(pool, granted).await {
            Ok(lease) => open_own(&lease, about, params)
                .await
                .map(|rows| (rows, Connection::Own(lease), None)),
            Err(error) => Err(error),
        },
        (Handle::Transaction(transaction), None) => open_within(transaction, about, params, None)
            .await
            .map(|(rows, connection)| (rows, connection, None)),
        (_, Some(limit)) => Box::pin(open_timed(handle, about, params, limit)).await,
    };
    match opened {
        Ok((rows, connection, deadline)) => {
            let reply = Reply {
                origin: about.origin,
                deadline,
                connection,
            };
            Ok((rows, reply))
        }
        Err(error) => Err(error.of(about.origin)),
    }
}

async fn lease(pool: &Pool, granted: Option<Grant>) -> Result<Lease> {
    match granted {
        Some(grant) => pool.redeem(grant).await,
        None => pool.lease().await,
    }
}

/// As `open`, cancelled when it takes longer than `limit`, counted from when it is sent.
async fn open_timed(
    handle: Handle<'_>,
    about: &About,
    params: &[&dyn Param],
    limit: Duration,
) -> Result<(Rows, Connection, Option<Deadline>)> {
    match handle {
        Handle::Pool(pool) => {
            let mut lease = pool.lease().await?;
            let deadline = Deadline::watching(limit, &mut lease)?;
            let opening = open_own(&lease, about, params);
            let expire = |cx: &mut Context<'_>| deadline.poll(&lease, cx);
            let rows = in_time(&deadline, expire, opening, |_| Poll::Ready(())).await?;
            Ok((rows, Connection::Own(lease), Some(deadline)))
        }
        Handle::Transaction(transaction) => {
            let lease = Arc::downgrade(&transaction.lease()?);
            let deadline = Deadline::new(limit);
            let progress = Progress::default();
            let opening = open_within(transaction, about, params, Some(&progress));
            let turn = |cx: &mut Context<'_>| match progress.sent.get() {
                Some(incoming) => transaction.poll_before(Some(incoming), cx),
                // Nothing else can be what the server works on.
                None if progress.prepares.load(Ordering::Relaxed) => {
                    transaction.poll_before(None, cx)
                }
                None => Poll::Pending,
            };
            let expire = |cx: &mut Context<'_>| deadline.poll_within(&lease, cx);
            let (rows, connection) = in_time(&deadline, expire, opening, turn).await?;
            Ok((rows, connection, Some(deadline)))
        }
    }
}

/// How far a query with a limit has come in its transaction.
#[derive(Default)]
struct Progress {
    /// The server was asked to prepare it, and has not answered.
    prepares: AtomicBool,
    sent: OnceLock<Arc<Incoming>>,
}

/// `turn` is ready when nothing that was sent before is left: what runs is then what a cancellation is to meet. `expire` cancels it
/// when the time is over, and is ready when it was given up.
pub(crate) async fn in_time<T>(
    deadline: &Deadline,
    mut expire: impl FnMut(&mut Context<'_>) -> Poll<()>,
    opening: impl Future<Output = Result<T>>,
    mut turn: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> Result<T> {
    let mut opening = pin!(opening);
    let opened = poll_fn(|cx| match opening.as_mut().poll(cx) {
        Poll::Pending if turn(cx).is_pending() => {
            deadline.pause();
            Poll::Pending
        }
        Poll::Pending => {
            ready!(expire(cx));
            Poll::Ready(Err(Error::new(ErrorKind::Timeout)))
        }
        opened => opened,
    });
    opened.await.map_err(|error| deadline.explain(error))
}

/// As `open`, of a call that was sent on its connection and not answered.
pub(crate) async fn open_after(
    lease: Lease,
    about: &About,
    params: &[&dyn Param],
    broken: Broken,
) -> Result<(Rows, Reply)> {
    let origin = about.origin;
    match broken {
        Broken::Refused(failure) => {
            let outcome = Err(Refused::Failure(failure));
            let rows = accepted(&lease, about, params, outcome).await;
            let rows = rows.map_err(|error| error.of(origin))?;
            Ok((rows, Reply::own(origin, lease)))
        }
        Broken::Failed(failure) => {
            lease.arrive();
            Err(Reply::own(origin, lease).failed(&failure).await)
        }
    }
}

/// Waits for the number of rows that a query affected.
pub(crate) async fn count(rows: Rows, reply: &Reply) -> Result<u64> {
    let mut rows = pin!(rows);
    while reply.next(rows.as_mut()).await?.is_some() {}
    Ok(reply.rows_affected(rows.as_mut()).unwrap_or_default())
}

async fn open_own(lease: &Lease, about: &About, params: &[&dyn Param]) -> Result<Rows> {
    let session = lease.session()?;
    lease.depart();
    let outcome = send(session, about, params).await;
    accepted(lease, about, params, outcome).await
}

/// Tries again where that may help.
async fn accepted(
    lease: &Lease,
    about: &About,
    params: &[&dyn Param],
    mut outcome: Result<RawRows, Refused>,
) -> Result<Rows> {
    let session = lease.session()?;
    if let Err(Refused::Failure(failure)) = &outcome
        && (failure.is_stale_statement() || (failure.is_other_result() && about.shared))
    {
        // Nothing ran, as the server refused to bind, or only a read. What else was prepared before the change may be stale as well.
        session.evict_all();
        outcome = Box::pin(send(session, about, params)).await;
    }
    let mut error = match outcome {
        Ok(rows) => return Ok(Some(rows)),
        Err(Refused::Mismatch(error)) => error,
        Err(Refused::Prepare(failure)) => lease.prepare_error(&failure),
        Err(Refused::Failure(failure)) if failure.is_other_result() => {
            // It ran, so there is no second try.
            session.evict_all();
            lease.error(&failure).into_other_result()
        }
        Err(Refused::Failure(failure)) => {
            let error = lease.error(&failure);
            match failure.lacks() {
                Some(sqlstate) => {
                    session.evict_all();
                    error.into_missing(sqlstate)
                }
                None => error,
            }
        }
    };
    trace_to_root(lease, session, &mut error).await;
    lease.arrive();
    Err(error)
}

async fn open_within(
    transaction: &Core,
    about: &About,
    params: &[&dyn Param],
    progress: Option<&Progress>,
) -> Result<(Rows, Connection)> {
    let (prepared, new) = {
        let lease = transaction.lease()?;
        let known = lease.session()?.prepared(about);
        match known {
            Some(prepared) => (Ok(prepared), false),
            None => {
                let prepares = |yes| {
                    if let Some(progress) = progress {
                        progress.prepares.store(yes, Ordering::Relaxed);
                    }
                };
                prepares(true);
                let prepared = Box::pin(prepare_within(transaction, lease, about, true)).await;
                prepares(false);
                (prepared, true)
            }
        }
    };
    // It may be over by now.
    let lease = transaction.lease()?;
    let prepared = prepared.map_err(|refused| unprepared_within(transaction, &lease, refused))?;
    let bound = prepared.bind(params).map_err(Error::encoding)?;
    lease.depart();
    let incoming = Incoming::new(Arc::clone(&lease), prepared, bound);
    if let Some(progress) = progress {
        let _ = progress.sent.set(Arc::clone(&incoming));
    }
    // A future that nobody polls any more keeps the connection from nobody.
    let lease = {
        let held = lease;
        Arc::downgrade(&held)
    };
    let sent = transaction.send(&incoming).await;
    let failure = match sent {
        Ok(Ok(())) => {
            return Ok((
                None,
                Connection::Transaction(transaction.share(), lease, incoming),
            ));
        }
        Ok(Err(failure)) => failure,
        Err(error) => {
            // It was not sent.
            incoming.unsent();
            return Err(error);
        }
    };
    let stale = failure.is_stale_statement();
    if (stale || failure.is_other_result())
        && let Some(lease) = lease.upgrade()
    {
        lease.session()?.evict_all();
    }
    if stale && transaction.is_line() {
        // Nothing ran, as the server refused to bind. What was prepared before the change is forgotten, so there is one second try.
        return Box::pin(open_within(transaction, about, params, progress)).await;
    }
    let mut error = refused_within(transaction, &lease, &failure).await;
    if stale {
        // A second try would only hear that the transaction has failed.
        error = match failure.lacks() {
            Some(sqlstate) if new => error.into_missing(sqlstate),
            _ => error.into_schema_changed(),
        };
    } else if failure.is_other_result() {
        error = error.into_other_result();
    }
    Err(error)
}

/// Prepares in a task of its own: a reply that the caller, once polled, never came back for would hold up all others.
async fn prepare_within(
    transaction: &Core,
    held: Arc<Lease>,
    about: &About,
    keep: bool,
) -> Result<Prepared, Refused> {
    let about = *about;
    let mut preparing = tokio::spawn(async move {
        held.depart();
        let session = held.session().map_err(Refused::Mismatch)?;
        let prepared = match keep {
            true => prepare(session, &about).await,
            false => prepare_and_check(session, &about).await,
        };
        if let Err(Refused::Prepare(failure) | Refused::Failure(failure)) = &prepared {
            // The caller may be gone, and the transaction has failed all the same.
            held.refuse(failure);
        }
        held.arrive();
        prepared
    });
    let prepared = wait_for(
        |cx| Pin::new(&mut preparing).poll(cx),
        |cx| transaction.poll_before(None, cx),
    );
    // The task does not panic; a runtime that shuts down drops it.
    prepared
        .await
        .unwrap_or(Err(Refused::Failure(Failure::Gone)))
}

fn unprepared_within(transaction: &Core, lease: &Lease, refused: Refused) -> Error {
    match refused {
        Refused::Mismatch(error) => error,
        Refused::Prepare(failure) | Refused::Failure(failure) => {
            transaction.failed(&failure);
            lease.prepare_error(&failure)
        }
    }
}

/// Prepares a statement whatever was prepared before, and does not remember it: its types are those that the server has now. `None` where
/// they are not those that the crate was compiled for.
pub(crate) async fn prepare_anew(transaction: &Core, about: &About) -> Result<Option<Prepared>> {
    let prepared = prepare_within(transaction, transaction.lease()?, about, false).await;
    match prepared {
        Ok(prepared) => Ok(Some(prepared)),
        Err(Refused::Mismatch(_)) => Ok(None),
        Err(refused) => {
            let lease = transaction.lease()?;
            Err(unprepared_within(transaction, &lease, refused))
        }
    }
}

/// A COPY under way.
pub(crate) struct Copying<'t> {
    transaction: &'t Core,
    lease: Weak<Lease>,
    copy: CopyIn,
}

/// Waits until the server asks for the rows.
pub(crate) async fn begin_copy<'t>(transaction: &'t Core, about: &About) -> Result<Copying<'t>> {
    let known = transaction.lease()?.session()?.prepared(about);
    let prepared = match known {
        Some(prepared) => Ok(prepared),
        None => prepare_within(transaction, transaction.lease()?, about, true).await,
    };
    let held = transaction.lease()?;
    let prepared = prepared.map_err(|refused| unprepared_within(transaction, &held, refused))?;
    let lease = Arc::downgrade(&held);
    // In a task of its own: nobody may leave before the server has answered.
    let within = transaction.share();
    let begun = tokio::spawn(async move {
        held.depart();
        let session = held.session()?;
        let begun = within.ask_within(pin!(session.copy_in(&prepared))).await;
        let begun = begun.inspect_err(|_| held.arrive())?;
        match &begun {
            Ok(copy) => within.copies(copy.slot()),
            Err(failure) => {
                held.refuse(failure);
                held.abandon();
            }
        }
        Ok(begun)
    });
    // The task does not panic; a runtime that shuts down drops it.
    let failure = match begun.await.unwrap_or(Ok(Err(Failure::Gone)))? {
        Ok(copy) => {
            return Ok(Copying {
                transaction,
                lease,
                copy,
            });
        }
        Err(failure) => failure,
    };
    let error = refused_within(transaction, &lease, &failure).await;
    Err(match failure.is_stale_statement() {
        true => error.into_schema_changed(),
        false => error,
    })
}

impl Copying<'_> {
    /// Hands rows over once there is room. What the server says of them shows at the end.
    pub(crate) async fn send(&mut self, rows: Vec<u8>) -> Result<()> {
        let sent = self.copy.send(rows).await;
        sent.map_err(|failure| match self.lease.upgrade() {
            Some(lease) => lease.error(&failure),
            None => Error::from_failure(&failure),
        })
    }

    /// The number of rows that were stored.
    pub(crate) async fn end(self) -> Result<u64> {
        let stored = self.copy.end().await;
        if let Some(lease) = self.lease.upgrade() {
            lease.arrive();
        }
        match stored {
            Ok(stored) => Ok(stored),
            Err(failure) => Err(refused_within(self.transaction, &self.lease, &failure).await),
        }
    }
}

async fn refused_within(transaction: &Core, lease: &Weak<Lease>, failure: &Failure) -> Error {
    let (mut error, pool) = {
        let Some(lease) = lease.upgrade() else {
            return Error::from_failure(failure);
        };
        transaction.failed(failure);
        (lease.error(failure), Arc::clone(lease.pool()))
    };
    // It takes a while, and keeps the connection from nobody.
    trace_apart(&pool, &mut error).await;
    error
}

pub(crate) enum Refused {
    /// The types of the statement are not those that the crate was compiled for.
    Mismatch(Error),
    /// The server did not prepare the statement.
    Prepare(Failure),
    Failure(Failure),
}

async fn send(session: &Session, about: &About, params: &[&dyn Param]) -> Result<RawRows, Refused> {
    let prepared = match session.prepared(about) {
        Some(prepared) => prepared,
        // Boxed, like all that happens once for each connection: the state of a call stays small.
        None => Box::pin(prepare(session, about)).await?,
    };
    let bound = prepared
        .bind(params)
        .map_err(|error| Refused::Mismatch(Error::encoding(error)))?;
    let asked = session.query(&prepared, &bound);
    session.wait_for(asked).await.map_err(Refused::Failure)
}

/// Prepares the statement and compares its types with those that the crate was compiled for: from then on rows are read
/// by position, without looking at types.
pub(crate) async fn prepare(session: &Session, about: &About) -> Result<Prepared, Refused> {
    let prepared = prepare_and_check(session, about).await?;
    session.keep(about, prepared.clone());
    Ok(prepared)
}

async fn prepare_and_check(session: &Session, about: &About) -> Result<Prepared, Refused> {
    let prepared = session.prepare(about).await.map_err(Refused::Prepare)?;
    about
        .check(&prepared)
        .map_err(|mismatch| Refused::Mismatch(Error::mismatch(&mismatch)))?;
    Ok(prepared)
}

/// Prepares the statement and compares its types, and forgets it again.
pub(crate) async fn verify(lease: &Lease, about: &About) -> Result<()> {
    let session = lease.session()?;
    lease.depart();
    let prepared = session.prepare(about).await;
    lease.arrive();
    if let Err(failure) = &prepared {
        // A transaction has failed by that.
        lease.refuse(failure);
    }
    match prepared {
        Ok(prepared) => about
            .check(&prepared)
            .map_err(|mismatch| Error::mismatch(&mismatch).of(about.origin)),
        Err(failure) => Err(lease.prepare_error(&failure).of(about.origin)),
    }
}

impl Reply {
    fn own(origin: Origin, lease: Lease) -> Self {
        Self {
            origin,
            deadline: None,
            connection: Connection::Own(lease),
        }
    }

    /// The next row, or `None` at the end.
    pub(crate) async fn next(&self, mut rows: Pin<&mut Rows>) -> Result<Option<RawRow>> {
        match poll_fn(|cx| self.poll_next(rows.as_mut(), cx)).await {
            None => Ok(None),
            Some(Ok(row)) => Ok(Some(row)),
            Some(Err(failure)) => Err(Box::pin(self.failed(&failure)).await),
        }
    }

    /// As `next`. A failure is to be turned into an error by `failed`.
    pub(crate) fn poll_next(
        &self,
        rows: Pin<&mut Rows>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<RawRow, Failure>>> {
        match &self.connection {
            Connection::Own(lease) => {
                let Some(rows) = rows.as_pin_mut() else {
                    return Poll::Ready(None);
                };
                let next = match lease.session() {
                    Ok(session) => session.poll_row(rows, cx),
                    Err(_) => return Poll::Ready(Some(Err(Failure::Gone))),
                };
                if next.is_pending()
                    && let Some(deadline) = &self.deadline
                    && deadline.poll(lease, cx).is_ready()
                {
                    return Poll::Ready(Some(Err(Failure::Gone)));
                }
                if let Poll::Ready(Some(Err(_)) | None) = &next {
                    lease.arrive();
                }
                next
            }
            Connection::Transaction(transaction, lease, incoming) => {
                let next = incoming.poll_next(cx);
                if next.is_pending() {
                    let turn = transaction.poll_before(Some(incoming), cx);
                    if turn.is_ready()
                        && let Some(deadline) = &self.deadline
                        && deadline.poll_within(lease, cx).is_ready()
                    {
                        return Poll::Ready(Some(Err(Failure::Gone)));
                    }
                }
                next
            }
        }
    }

    /// Of a reply that was read to its end.
    pub(crate) fn rows_affected(&self, rows: Pin<&mut Rows>) -> Option<u64> {
        match &self.connection {
            Connection::Own(_) => rows.as_pin_mut()?.rows_affected(),
            Connection::Transaction(_, _, incoming) => incoming.rows_affected(),
        }
    }

    /// Turns a failure between rows into an error.
    pub(crate) async fn failed(&self, failure: &Failure) -> Error {
        let error = match &self.connection {
            Connection::Own(lease) => {
                let mut error = lease.error(failure);
                if let Ok(session) = lease.session() {
                    lease.depart();
                    trace_to_root(lease, session, &mut error).await;
                    lease.arrive();
                }
                error
            }
            Connection::Transaction(transaction, lease, _) => {
                refused_within(transaction, lease, failure).await
            }
        };
        let error = match &self.deadline {
            Some(deadline) => deadline.explain(error),
            None => error,
        };
        error.of(self.origin)
    }

    /// Reads a row; `number` counts from 1.
    pub(crate) fn read<T>(
        &self,
        row: &RawRow,
        number: u64,
        read: impl FnOnce(&mut Reading<'_>) -> Option<T>,
    ) -> Result<T> {
        read_row(self.origin, row, number, read)
    }

    pub(crate) fn too_many_rows(&self) -> Error {
        Error::new(ErrorKind::TooManyRows).of(self.origin)
    }
}

/// Reads a row; `number` counts from 1.
pub(crate) fn read_row<T>(
    origin: Origin,
    row: &RawRow,
    number: u64,
    read: impl FnOnce(&mut Reading<'_>) -> Option<T>,
) -> Result<T> {
    let mut reading = Reading::new(row);
    let value = read(&mut reading);
    match (value, reading.failure) {
        (Some(value), None) => Ok(value),
        (_, failure) => Err(unreadable(origin, row, number, failure)),
    }
}

#[cold]
fn unreadable(
    origin: Origin,
    row: &RawRow,
    number: u64,
    failure: Option<(usize, DecodeError)>,
) -> Error {
    let (index, error) = failure.unwrap_or((0, DecodeError::new("is missing")));
    let column = row.column_name(index).unwrap_or("?");
    Error::decode(error, column, index, number).of(origin)
}
