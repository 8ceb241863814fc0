//! Short reads whose rows are wanted in memory: one, or two that are sent together on one connection.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::begin::Isolation;
use crate::call::{self, Refused};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::handle::Handle;
use crate::lease::Lease;
use crate::param::Param;
use crate::statement::About;
use crate::transaction::Core;
use crate::wire::{Bound, Failure, Prepared, RawRow, Session, next_row};

/// What to send.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'p> {
    pub(crate) about: &'p About,
    pub(crate) params: &'p [&'p dyn Param],
}

/// What two statements see of others that commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Snapshot {
    /// Each what was committed before it.
    Each,
    /// The same.
    One,
}

/// The rows of one statement.
pub(crate) async fn one(handle: Handle<'_>, ask: Ask<'_>) -> Result<Vec<RawRow>> {
    let (rows, reply) = call::open(handle, ask.about, ask.params).await?;
    let mut rows = pin!(rows);
    let mut read = Vec::new();
    while let Some(row) = reply.next(rows.as_mut()).await? {
        read.push(row);
    }
    Ok(read)
}

/// The rows of two statements, both sent before either is waited for.
pub(crate) async fn both(
    handle: Handle<'_>,
    first: Ask<'_>,
    second: Ask<'_>,
    snapshot: Snapshot,
) -> Result<(Vec<RawRow>, Vec<RawRow>)> {
    match handle {
        Handle::Transaction(transaction) => {
            if snapshot == Snapshot::One {
                check_isolation(transaction)?;
            }
            let (mut first, mut second) = (pin!(one(handle, first)), pin!(one(handle, second)));
            let (first, second) = join([first.as_mut(), second.as_mut()]).await;
            Ok((first?, second?))
        }
        Handle::Pool(pool) => {
            let mut lease = pool.lease().await?;
            let deadline = match first.about.timeout {
                Some(limit) => Some(Deadline::watching(limit, &mut lease)?),
                None => None,
            };
            let reading = on_lease(&lease, first, second, snapshot);
            match deadline {
                None => reading.await,
                Some(deadline) => {
                    let expire = |cx: &mut Context<'_>| deadline.poll(&lease, cx);
                    call::in_time(&deadline, expire, reading, |_| Poll::Ready(())).await
                }
            }
        }
    }
}

async fn on_lease(
    lease: &Lease,
    first: Ask<'_>,
    second: Ask<'_>,
    snapshot: Snapshot,
) -> Result<(Vec<RawRow>, Vec<RawRow>)> {
    let session = lease.session()?;
    lease.depart();
    let mut outcome = on_session(session, first, second, snapshot).await;
    if let Err(Refused::Failure(failure)) = &outcome
        && failure.is_stale_statement()
    {
        session.evict_all();
        outcome = Box::pin(on_session(session, first, second, snapshot)).await;
    }
    lease.arrive();
    outcome.map_err(|refused| error(lease, refused))
}

fn error(lease: &Lease, refused: Refused) -> Error {
    match refused {
        Refused::Mismatch(error) => error,
        Refused::Prepare(failure) => lease.prepare_error(&failure),
        Refused::Failure(failure) => lease.error(&failure),
    }
}

fn check_isolation(transaction: &Core) -> Result<()> {
    match transaction.isolation() {
        Some(Isolation::RepeatableRead | Isolation::Serializable) => Ok(()),
        Some(Isolation::ReadCommitted) | None => Err(Error::with(
            ErrorKind::Transaction,
            "a consistent page needs one that was begun with `Isolation::RepeatableRead`: in this one each statement sees what was \
             committed before it",
        )),
    }
}

/// Everything is in the connection's queue after the first poll, so that a transaction that was begun also ends, whatever
/// becomes of this future.
async fn on_session(
    session: &Session,
    first: Ask<'_>,
    second: Ask<'_>,
    snapshot: Snapshot,
) -> Result<(Vec<RawRow>, Vec<RawRow>), Refused> {
    let (one, two) = (
        prepared(session, first).await?,
        prepared(session, second).await?,
    );
    let snapshot = snapshot == Snapshot::One;
    let mut begin = pin!(run(session, snapshot, BEGIN));
    let bound = |prepared: &Prepared, ask: Ask<'_>| {
        let bound = prepared.bind(ask.params);
        bound.map_err(|error| Refused::Mismatch(Error::encoding(error)))
    };
    let (first, second) = (bound(&one, first)?, bound(&two, second)?);
    let mut one = pin!(rows(session, &one, &first));
    let mut two = pin!(rows(session, &two, &second));
    let mut commit = pin!(run(session, snapshot, "COMMIT"));
    let (mut begun, mut committed) = (None, None);
    let reading = &mut pin!(join([one.as_mut(), two.as_mut()]));
    let mut read = None;
    let all = poll_fn(|cx| {
        poll_once(begin.as_mut(), &mut begun, cx);
        poll_once(reading.as_mut(), &mut read, cx);
        poll_once(commit.as_mut(), &mut committed, cx);
        match begun.is_some() && read.is_some() && committed.is_some() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    });
    session.wait_for(all).await;
    let (Some(begun), Some((one, two)), Some(committed)) = (begun, read, committed) else {
        return Err(Refused::Failure(Failure::Gone));
    };
    begun.map_err(Refused::Failure)?;
    // The first failure: what comes after it fails because of it.
    let (one, two) = (
        one.map_err(Refused::Failure)?,
        two.map_err(Refused::Failure)?,
    );
    committed.map_err(Refused::Failure)?;
    Ok((one, two))
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

async fn prepared(session: &Session, ask: Ask<'_>) -> Result<Prepared, Refused> {
    match session.prepared(ask.about) {
        Some(prepared) => Ok(prepared),
        None => Box::pin(call::prepare(session, ask.about)).await,
    }
}

async fn run(session: &Session, wanted: bool, sql: &str) -> Result<(), Failure> {
    match wanted {
        true => session.run_with_others(sql).await,
        false => Ok(()),
    }
}

async fn rows(
    session: &Session,
    prepared: &Prepared,
    bound: &Bound,
) -> Result<Vec<RawRow>, Failure> {
    let mut rows = pin!(session.query(prepared, bound).await?);
    let mut read = Vec::new();
    while let Some(row) = poll_fn(|cx| next_row(rows.as_mut(), cx)).await {
        read.push(row?);
    }
    Ok(read)
}

/// Runs two futures at the same time, the first one first.
async fn join<F: Future>([mut first, mut second]: [Pin<&mut F>; 2]) -> (F::Output, F::Output) {
    let (mut one, mut two) = (None, None);
    poll_fn(|cx| {
        poll_once(first.as_mut(), &mut one, cx);
        poll_once(second.as_mut(), &mut two, cx);
        match (one.take(), two.take()) {
            (Some(one), Some(two)) => Poll::Ready((one, two)),
            (still, waiting) => {
                (one, two) = (still, waiting);
                Poll::Pending
            }
        }
    })
    .await
}

fn poll_once<F: Future>(
    future: Pin<&mut F>,
    outcome: &mut Option<F::Output>,
    cx: &mut Context<'_>,
) {
    if outcome.is_none()
        && let Poll::Ready(value) = future.poll(cx)
    {
        *outcome = Some(value);
    }
}
