//! Calls of which one row at most, or a number of rows, is of interest: by far the most. Where a connection and the prepared
//! statement are at hand, such a call needs no future of its own: it is the state that the query holds.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::call::{self, Reply, Rows};
use crate::connections::{Claim, Grant, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::handle::Handle;
use crate::held;
use crate::lease::Lease;
use crate::param::{Param, Params, Slots};
use crate::row::{Reading, Row};
use crate::shared::{Answer, Flight};
use crate::statement::About;
use crate::trace::{self, Watch, watched};
use crate::wire::{Broken, Short};

use super::{Call, Mapper, Request, Running, State};

/// What such calls differ in.
pub(super) trait Brief<'a, P, M, T> {
    /// The end of a call that was answered.
    fn finish(call: Call<'a, P, M>, short: Short) -> Result<T>;

    /// The call the long way, on the connection that was granted, if one was: it may have to make it, or to prepare the statement.
    fn long(
        call: Call<'a, P, M>,
        granted: Option<Grant>,
    ) -> impl Future<Output = Result<T>> + Send + 'a;

    /// The rest of a call that was not answered.
    fn recover(
        call: Call<'a, P, M>,
        lease: Lease,
        broken: Broken,
    ) -> impl Future<Output = Result<T>> + Send + 'a;

    /// What is told of it.
    fn rows(value: &T) -> trace::Rows;
}

/// A call under way.
pub struct Asked<'a, P, M, T> {
    call: Call<'a, P, M>,
    course: Course,
    watch: Watch,
    go_on: GoOn<'a, P, M, T>,
}

enum Course {
    /// All connections are in use.
    Waiting(Ticket),
    /// On a connection of its own.
    Own(Lease),
    Shared(Arc<Flight>),
    Ended,
}

/// Kept as a function for the reason that [`Start`](super::Start) gives.
type GoOn<'a, P, M, T> = fn(Call<'a, P, M>, Watch, Event) -> Next<'a, P, M, T>;

enum Event {
    Granted(Grant),
    Answered(Short),
    Broken(Lease, Broken),
    Failed(Error),
    Elsewhere,
}

enum Next<'a, P, M, T> {
    Asked(Asked<'a, P, M, T>),
    Running(Running<'a, T>),
    Done(Result<T>),
}

/// What could be done at once.
enum Sent {
    On(Course),
    /// It takes the long way.
    Long(Option<Grant>),
}

/// Sends the call at once, where it can be sent.
pub(super) fn start<'a, P, M, T, B>(call: Call<'a, P, M>) -> State<'a, P, M, T>
where
    P: Params + 'a,
    M: 'a,
    T: 'a,
    B: Brief<'a, P, M, T> + 'a,
{
    let mut watch = call.request.watch();
    let sent = watch.within(|| {
        let Request {
            route,
            about,
            params,
        } = &call.request;
        send(route.handle(), about, Slots::sent(params, about).as_slice())
    });
    match sent {
        Ok(Sent::On(course)) => State::Asked(Asked {
            call,
            course,
            watch,
            go_on: go_on::<P, M, T, B>,
        }),
        Ok(Sent::Long(granted)) => {
            State::Running(watched(watch, Box::pin(B::long(call, granted)), B::rows))
        }
        Err(error) => {
            let error = error.of(call.request.about.origin);
            watch.end(trace::Rows::Returned(0), Some(&error));
            State::Running(Box::pin(async move { Err(error) }))
        }
    }
}

fn send(handle: Handle<'_>, about: &About, params: &[&dyn Param]) -> Result<Sent> {
    let Handle::Pool(pool) = handle else {
        return Ok(Sent::Long(None));
    };
    #[cfg(feature = "testing")]
    if pool.mock().is_some() {
        return Ok(Sent::Long(None));
    }
    if about.timeout.is_some() {
        return Ok(Sent::Long(None));
    }
    if about.shared
        && let Some(flight) = pool.shared().start(about, params)
    {
        return Ok(Sent::On(Course::Shared(flight)));
    }
    if !about.held.is_empty() {
        held::hold(about, params)?;
    }
    match pool.claim()? {
        Claim::Granted(grant) => send_on(grant, about, params),
        Claim::Waiting(ticket) => Ok(Sent::On(Course::Waiting(ticket))),
    }
}

/// Sends it on the connection that was granted, if there is one and the statement is prepared on it.
fn send_on(grant: Grant, about: &About, params: &[&dyn Param]) -> Result<Sent> {
    let Grant::Connection(lease) = grant else {
        return Ok(Sent::Long(Some(grant)));
    };
    let session = lease.session()?;
    let Some(prepared) = session.prepared(about) else {
        return Ok(Sent::Long(Some(Grant::Connection(lease))));
    };
    session
        .bind_short(prepared, params)
        .map_err(Error::encoding)?;
    lease.depart();
    Ok(Sent::On(Course::Own(lease)))
}

impl Course {
    fn poll(&mut self, watch: &Watch, cx: &mut Context<'_>) -> Poll<Event> {
        let answer = match self {
            Self::Waiting(ticket) => {
                return ticket.poll(cx).map(|turn| match turn {
                    Ok(grant) => Event::Granted(grant),
                    Err(error) => Event::Failed(error),
                });
            }
            Self::Own(lease) => {
                let session = match lease.session_mut() {
                    Ok(session) => session,
                    Err(error) => return Poll::Ready(Event::Failed(error)),
                };
                ready!(watch.within(|| session.poll_short(cx)));
                session.take_short()
            }
            Self::Shared(flight) => match ready!(watch.within(|| flight.poll_answer(cx))) {
                Answer::Done(Ok(short)) => return Poll::Ready(Event::Answered(short)),
                Answer::Done(Err(failure)) => {
                    return Poll::Ready(Event::Failed(Error::from_failure(&failure)));
                }
                Answer::Elsewhere => return Poll::Ready(Event::Elsewhere),
            },
            Self::Ended => return Poll::Pending,
        };
        let Self::Own(lease) = std::mem::replace(self, Self::Ended) else {
            return Poll::Pending;
        };
        Poll::Ready(match answer {
            Ok(short) => {
                // The connection goes back before the row is read.
                lease.arrive();
                Event::Answered(short)
            }
            Err(broken) => Event::Broken(lease, broken),
        })
    }
}

fn go_on<'a, P, M, T, B>(call: Call<'a, P, M>, mut watch: Watch, event: Event) -> Next<'a, P, M, T>
where
    P: Params + 'a,
    M: 'a,
    T: 'a,
    B: Brief<'a, P, M, T> + 'a,
{
    let outcome = match event {
        Event::Granted(grant) => {
            let sent = watch.within(|| {
                let Request { about, params, .. } = &call.request;
                send_on(grant, about, Slots::sent(params, about).as_slice())
            });
            match sent {
                Ok(Sent::On(course)) => {
                    return Next::Asked(Asked {
                        call,
                        course,
                        watch,
                        go_on: go_on::<P, M, T, B>,
                    });
                }
                Ok(Sent::Long(granted)) => {
                    let long = Box::pin(B::long(call, granted));
                    return Next::Running(watched(watch, long, B::rows));
                }
                Err(error) => Err(error.of(call.request.about.origin)),
            }
        }
        Event::Answered(short) => B::finish(call, short),
        Event::Failed(error) => {
            let error = error.of(call.request.about.origin);
            Err(call.request.naming(error))
        }
        Event::Broken(lease, broken) => {
            let recovering = Box::pin(B::recover(call, lease, broken));
            return Next::Running(watched(watch, recovering, B::rows));
        }
        Event::Elsewhere => {
            return Next::Running(watched(watch, Box::pin(B::long(call, None)), B::rows));
        }
    };
    match &outcome {
        Ok(value) => watch.end(B::rows(value), None),
        Err(error) => watch.end(trace::Rows::Returned(0), Some(error)),
    }
    Next::Done(outcome)
}

impl<'a, P, M, T> State<'a, P, M, T> {
    /// Polls a call that is under way here.
    pub(super) fn poll_asked(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        loop {
            let Self::Asked(asked) = self else {
                return Poll::Pending;
            };
            let event = ready!(asked.course.poll(&asked.watch, cx));
            let Self::Asked(asked) = std::mem::replace(self, Self::Taken) else {
                return Poll::Pending;
            };
            let Asked {
                call, watch, go_on, ..
            } = asked;
            match go_on(call, watch, event) {
                Next::Asked(asked) => *self = Self::Asked(asked),
                Next::Running(mut running) => {
                    let polled = running.as_mut().poll(cx);
                    if polled.is_pending() {
                        *self = Self::Running(running);
                    }
                    return polled;
                }
                Next::Done(outcome) => return Poll::Ready(outcome),
            }
        }
    }
}

/// No row, or the one that there is.
pub(super) fn read_short<P, R: Row, M: Mapper<R>>(
    mut call: Call<'_, P, M>,
    short: &Short,
) -> Result<Option<M::Output>> {
    let origin = call.request.about.origin;
    if short.more {
        return Err(Error::new(ErrorKind::TooManyRows).of(origin));
    }
    let read = |reading: &mut Reading<'_>| call.mapper.read(reading);
    let row = short.row.as_ref();
    row.map(|row| call::read_row(origin, row, 1, read))
        .transpose()
}

/// As `read_short`, of a call that took the long way.
pub(super) async fn at_most_one<P: Params, R: Row, M: Mapper<R>>(
    mut call: Call<'_, P, M>,
    granted: Option<Grant>,
) -> Result<Option<M::Output>> {
    #[cfg(feature = "testing")]
    if let Some(rows) = super::mocked(&mut call) {
        let mut rows = rows?.into_iter();
        let first = rows.next();
        return match rows.next() {
            None => Ok(first),
            Some(_) => Err(Error::new(ErrorKind::TooManyRows).of(call.request.about.origin)),
        };
    }
    let (rows, reply) = call.request.open(granted).await?;
    read_long(&mut call.mapper, rows, &reply).await
}

/// As `at_most_one`, of a call that was not answered.
pub(super) async fn at_most_one_after<P: Params, R: Row, M: Mapper<R>>(
    mut call: Call<'_, P, M>,
    lease: Lease,
    broken: Broken,
) -> Result<Option<M::Output>> {
    let (rows, reply) = call.request.open_after(lease, broken).await?;
    read_long(&mut call.mapper, rows, &reply).await
}

async fn read_long<R: Row, M: Mapper<R>>(
    mapper: &mut M,
    rows: Rows,
    reply: &Reply,
) -> Result<Option<M::Output>> {
    let mut rows = pin!(rows);
    let Some(row) = reply.next(rows.as_mut()).await? else {
        return Ok(None);
    };
    // To the end: a statement can still fail after its first row.
    if reply.next(rows.as_mut()).await?.is_some() {
        return Err(reply.too_many_rows());
    }
    reply
        .read(&row, 1, |reading| mapper.read(reading))
        .map(Some)
}

/// A query without rows.
pub(super) struct Affected;

impl<'a, P: Params + 'a> Brief<'a, P, (), u64> for Affected {
    fn finish(_: Call<'a, P, ()>, short: Short) -> Result<u64> {
        Ok(short.affected.unwrap_or_default())
    }

    async fn long(call: Call<'a, P, ()>, granted: Option<Grant>) -> Result<u64> {
        #[cfg(feature = "testing")]
        if let Some(mock) = call.request.route.given.mock() {
            let mock = mock?;
            call.request.hold()?;
            return mock.answer(call.request.about.origin);
        }
        let (rows, reply) = call.request.open(granted).await?;
        call::count(rows, &reply).await
    }

    async fn recover(call: Call<'a, P, ()>, lease: Lease, broken: Broken) -> Result<u64> {
        let (rows, reply) = call.request.open_after(lease, broken).await?;
        call::count(rows, &reply).await
    }

    fn rows(affected: &u64) -> trace::Rows {
        trace::Rows::Affected(*affected)
    }
}

impl<P, M, T> fmt::Debug for Asked<'_, P, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked")
    }
}
