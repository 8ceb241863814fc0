//! Answers of which one row at most is of interest, read by a future that is made once for each connection: a call allocates none
//! and moves none.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;
use smallvec::SmallVec;
use tokio_postgres::Client;

use super::driver::Driver;
use super::{Bound, Failure, Prepared, RawRow, Session, Value};
use crate::param::{EncodeError, Param};

/// Such an answer.
#[derive(Default)]
pub(crate) struct Short {
    pub(crate) row: Option<RawRow>,
    /// There were more rows after all.
    pub(crate) more: bool,
    pub(crate) affected: Option<u64>,
}

/// Why there is no answer.
pub(crate) enum Broken {
    /// The server did not accept the parameters: nothing ran.
    Refused(Failure),
    /// It failed while it ran.
    Failed(Failure),
}

/// Asks one thing after another.
pub(super) struct Clerk {
    /// Made when it is first needed, and again when an answer was not waited for.
    work: Option<Work>,
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a question is put, and its answer.
#[derive(Default)]
pub(super) struct Desk {
    papers: Mutex<Papers>,
    sent: AtomicBool,
    answered: AtomicBool,
}

#[derive(Default)]
struct Papers {
    bound: Bound,
    asked: Option<Prepared>,
    answer: Option<Result<Short, Broken>>,
}

impl Clerk {
    pub(super) const fn new() -> Self {
        Self { work: None }
    }

    /// Without a `driver`, a task reads and writes.
    pub(super) fn poll(
        &mut self,
        desk: &Arc<Desk>,
        client: &Arc<Client>,
        driver: Option<&Driver>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let work = self
            .work
            .get_or_insert_with(|| Box::pin(work(Arc::clone(desk), Arc::clone(client))));
        let Some(driver) = driver else {
            return poll_work(work, desk, cx);
        };
        let mut sent = desk.sent.swap(true, Ordering::Relaxed);
        driver.poll(&mut sent, |cx| poll_work(work, desk, cx), cx)
    }

    pub(super) fn forget(&mut self) {
        self.work = None;
    }
}

fn poll_work(work: &mut Work, desk: &Desk, cx: &mut Context<'_>) -> Poll<()> {
    // It never ends.
    let _ = work.as_mut().poll(cx);
    match desk.answered.load(Ordering::Relaxed) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    }
}

async fn work(desk: Arc<Desk>, client: Arc<Client>) {
    let mut answered = false;
    loop {
        // After an answer nothing more was asked yet.
        let (prepared, bound) = poll_fn(|_| match std::mem::take(&mut answered) {
            true => Poll::Pending,
            false => desk.take(),
        })
        .await;
        // As a slice, of which the driver makes lists without asking for each how many there are.
        let mut values = SmallVec::<[Value<'_>; 8]>::new();
        for value in bound.values() {
            values.push(value);
        }
        let answer = match client.query_raw(&prepared.0, values.iter()).await {
            Ok(rows) => {
                let mut rows = pin!(rows);
                let mut short = Short::default();
                loop {
                    match poll_fn(|cx| rows.as_mut().poll_next(cx)).await {
                        Some(Ok(row)) => short.add(row),
                        Some(Err(error)) => break Err(Broken::Failed(error.into())),
                        None => {
                            short.affected = rows.rows_affected();
                            break Ok(short);
                        }
                    }
                }
            }
            Err(error) => Err(Broken::Refused(error.into())),
        };
        drop(values);
        desk.answer(answer, bound);
        answered = true;
    }
}

impl Short {
    fn add(&mut self, row: tokio_postgres::Row) {
        if self.row.is_none() {
            self.row = Some(RawRow(row));
        } else {
            self.more = true;
        }
    }
}

impl Desk {
    pub(super) fn put(&self, prepared: Prepared, params: &[&dyn Param]) -> Result<(), EncodeError> {
        let mut papers = self.papers();
        papers.bound.write(params, prepared.0.params())?;
        papers.asked = Some(prepared);
        self.sent.store(false, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn take_answer(&self) -> Option<Result<Short, Broken>> {
        self.answered.store(false, Ordering::Relaxed);
        self.papers().answer.take()
    }

    pub(super) fn forget(&self) {
        self.papers().asked = None;
        drop(self.take_answer());
    }

    fn take(&self) -> Poll<(Prepared, Bound)> {
        let mut papers = self.papers();
        match papers.asked.take() {
            Some(prepared) => Poll::Ready((prepared, std::mem::take(&mut papers.bound))),
            None => Poll::Pending,
        }
    }

    /// Gives back what the parameters were written into, to be used again.
    fn answer(&self, answer: Result<Short, Broken>, bound: Bound) {
        let mut papers = self.papers();
        papers.bound = bound;
        papers.answer = Some(answer);
        self.answered.store(true, Ordering::Relaxed);
    }

    fn papers(&self) -> MutexGuard<'_, Papers> {
        // Nothing panics between two changes that belong together.
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// An answer of one row at most, awaited by itself. It keeps alive what it needs.
    pub(crate) async fn short(
        self: Arc<Self>,
        prepared: Prepared,
        bound: Bound,
    ) -> Result<Short, Failure> {
        let mut rows = pin!(self.query(&prepared, &bound).await?);
        // To the end: a statement can still fail after its first row.
        let mut short = Short::default();
        while let Some(row) = poll_fn(|cx| rows.as_mut().poll_next(cx)).await {
            short.add(row?);
        }
        short.affected = rows.rows_affected();
        Ok(short)
    }
}
