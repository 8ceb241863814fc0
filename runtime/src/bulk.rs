//! Many rows of parameters in one statement: an array for each column, whatever the number of rows.

mod copy;

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use crate::call;
use crate::codec::Slices;
use crate::error::{Error, Result};
use crate::handle::{Handle, Writer};
use crate::held;
use crate::param::{EncodeError, Encoded, Param, Params, Slots};
use crate::row::Row;
use crate::statement::{About, NoRows, Statement};
use crate::transaction::{Core, ReadWrite, Transaction};
use crate::wire::{Buffer, Type};

/// So many rows travel in one statement. Past it memory grows, on both sides, and time does not shrink.
const CHUNK: usize = 4096;

/// Where rows have arrays: the server looks for each from the beginning of them all. Measured by `examples/chunks.rs`.
const CHUNK_OF_ARRAYS: usize = 128;

/// The rows of one statement, turned into columns.
pub struct Rows<'a, P> {
    columns: Vec<Column<'a>>,
    /// For each column of arrays, where they begin and where they end.
    bounds: Vec<Bounds>,
    row: PhantomData<fn() -> P>,
}

impl<'a, P: Params> Rows<'a, P> {
    fn of(rows: &'a [P], first: usize, about: &About, seen: &Arc<Mutex<Seen>>) -> Self {
        let (values, width) = Slots::of_all(rows);
        let values = Arc::new(values);
        let mut columns: Vec<Column<'a>> = (0..width)
            .map(|place| Column {
                values: Arc::clone(&values),
                width,
                place,
                first,
                key: None,
                parts: None,
            })
            .collect();
        let known = Arc::new(Keys {
            first,
            rows: Mutex::default(),
            seen: Arc::clone(seen),
        });
        let keys = about.keys;
        for (place, key) in keys.iter().enumerate() {
            if let Some(column) = columns.get_mut(usize::from(*key)) {
                column.key = Some(Key {
                    known: Arc::clone(&known),
                    begins: place == 0,
                    ends: place + 1 == keys.len(),
                });
            }
        }
        let mut bounds = Vec::new();
        for place in about.arrays {
            if let Some(column) = columns.get_mut(usize::from(*place)) {
                let parts = Arc::new(Mutex::default());
                column.parts = Some(Arc::clone(&parts));
                bounds.extend([false, true].map(|ends| Bounds {
                    parts: Arc::clone(&parts),
                    ends,
                }));
            }
        }
        Self {
            columns,
            bounds,
            row: PhantomData,
        }
    }
}

impl<P: Params> Params for Rows<'_, P> {
    fn bind<'p>(&'p self, slots: &mut Slots<'p>) {
        for column in &self.columns {
            slots.push(column);
        }
        for bounds in &self.bounds {
            slots.push(bounds);
        }
    }
}

impl<P> fmt::Debug for Rows<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rows")
    }
}

/// One parameter of all rows, as an array.
struct Column<'a> {
    /// All values of all rows, row by row.
    values: Arc<Vec<&'a dyn Param>>,
    /// How many a row has.
    width: usize,
    /// Which of them it is, from 0.
    place: usize,
    /// What the first row is counted as.
    first: usize,
    key: Option<Key>,
    /// Of arrays, which are sent as one.
    parts: Option<Arc<Mutex<Slices>>>,
}

/// Where the arrays of one column begin, or end. It is written after they are.
struct Bounds {
    parts: Arc<Mutex<Slices>>,
    ends: bool,
}

impl Param for Bounds {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let places = parts
            .iter()
            .map(|part| part.map(|(first, last)| if self.ends { last } else { first }));
        places.collect::<Vec<Option<i32>>>().encode(ty, out)
    }
}

/// The column is one of those that tell rows apart.
struct Key {
    known: Arc<Keys>,
    begins: bool,
    ends: bool,
}

/// The keys of all rows, as far as their columns are written. A key with a NULL is like no other.
struct Keys {
    first: usize,
    rows: Mutex<Vec<Option<Vec<u8>>>>,
    seen: Arc<Mutex<Seen>>,
}

/// The keys of the call's rows that were written, those of statements before included, with the row of each.
type Seen = HashMap<Vec<u8>, usize>;

impl<'a> Column<'a> {
    fn values(&self) -> impl ExactSizeIterator<Item = &&'a dyn Param> {
        let own = self.values.get(self.place..).unwrap_or_default();
        own.iter().step_by(self.width.max(1))
    }

    /// The same of no rows.
    fn clear(&mut self) {
        self.values = Arc::default();
    }
}

impl Param for Column<'_> {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let faulty =
            |(row, error): (usize, EncodeError)| error.in_row(self.place, self.first + row);
        if let Some(parts) = &self.parts {
            let found = crate::codec::encode_as_one(self.values(), ty, out).map_err(faulty)?;
            *parts.lock().unwrap_or_else(PoisonError::into_inner) = found;
            return Ok(Encoded::Value);
        }
        let values = self.values();
        let Some(key) = &self.key else {
            return crate::codec::encode_elements(values, ty, out, |_, _| {}).map_err(faulty);
        };
        let mut keys = key.begin(values.len());
        let encoded = crate::codec::encode_elements(values, ty, out, |row, written| {
            if let Some(key) = keys.get_mut(row) {
                append(key, written);
            }
        });
        let encoded = encoded.map_err(faulty)?;
        key.end(keys)?;
        Ok(encoded)
    }
}

/// Lengths stand before the bytes, so that no two keys run into one.
fn append(key: &mut Option<Vec<u8>>, written: Option<&[u8]>) {
    match written {
        None => *key = None,
        Some(written) => {
            if let Some(key) = key {
                key.extend_from_slice(&written.len().to_be_bytes());
                key.extend_from_slice(written);
            }
        }
    }
}

impl Key {
    fn begin(&self, rows: usize) -> Vec<Option<Vec<u8>>> {
        if self.begins {
            return vec![Some(Vec::new()); rows];
        }
        let mut known = self
            .known
            .rows
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *known)
    }

    fn end(&self, keys: Vec<Option<Vec<u8>>>) -> Result<(), EncodeError> {
        if !self.ends {
            *self
                .known
                .rows
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = keys;
            return Ok(());
        }
        let mut seen = self
            .known
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        seen.reserve(keys.len());
        for (row, key) in keys.into_iter().enumerate() {
            let row = self.known.first + row;
            // A statement that is sent once more has the same rows.
            if let Some(key) = key
                && let Some(other) = seen.insert(key, row)
                && other != row
            {
                return Err(EncodeError::same_key(other, row));
            }
        }
        Ok(())
    }
}

/// A query that was called with many rows of parameters, and whose rows come back: awaits to all of them, in the order of the
/// parameters. Its errors are those of [`BulkExecute`].
#[must_use = "a query does nothing until it is awaited"]
pub struct BulkRows<'a, P, R> {
    state: State<'a, P, Vec<R>>,
}

/// A query that was called with many rows of parameters: awaits to the number of rows that it affected. Dropped half-way it has written all
/// of them or none, also in a transaction, which goes on.
///
/// # Errors
///
/// Those of a [`Query`](crate::Query), and none of the rows is written then; [`Error::rows`] has the places in the slice where they are
/// known. Of more rows than one statement takes, outside a transaction, also
/// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown).
#[must_use = "a query does nothing until it is awaited"]
pub struct BulkExecute<'a, P> {
    state: State<'a, P, u64>,
}

enum State<'a, P, T> {
    Called(Call<'a, P>, fn(Call<'a, P>) -> Running<'a, T>),
    Running(Running<'a, T>),
    Taken,
}

struct Call<'a, P> {
    handle: Handle<'a>,
    about: &'a About,
    rows: &'a [P],
}

type Running<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl<'a, P: Params + 'a, R: Row> BulkRows<'a, P, R> {
    /// What a generated function returns.
    pub fn new(
        db: &'a impl Writer,
        statement: &'a Statement<Rows<'a, P>, R>,
        rows: &'a [P],
    ) -> Self {
        let call = Call {
            handle: db.handle(),
            about: statement.about(),
            rows,
        };
        Self {
            state: State::Called(call, all_rows::<P, R>),
        }
    }
}

fn all_rows<'a, P: Params + 'a, R: Row>(call: Call<'a, P>) -> Running<'a, Vec<R>> {
    Box::pin(async move {
        #[cfg(feature = "testing")]
        if let Some(mock) = call.handle.mock() {
            let mock = mock?;
            held::hold_rows(call.about, call.rows).await?;
            return mock.answer(call.about.origin);
        }
        let mut all = Vec::new();
        call.run(&mut all).await?;
        Ok(all)
    })
}

impl<'a, P: Params + 'a> BulkExecute<'a, P> {
    /// What a generated function returns.
    pub fn new(
        db: &'a impl Writer,
        statement: &'a Statement<Rows<'a, P>, NoRows>,
        rows: &'a [P],
    ) -> Self {
        let call = Call {
            handle: db.handle(),
            about: statement.about(),
            rows,
        };
        Self {
            state: State::Called(call, affected::<P>),
        }
    }
}

fn affected<'a, P: Params + 'a>(call: Call<'a, P>) -> Running<'a, u64> {
    Box::pin(async move {
        #[cfg(feature = "testing")]
        if let Some(mock) = call.handle.mock() {
            let mock = mock?;
            held::hold_rows(call.about, call.rows).await?;
            return mock.answer(call.about.origin);
        }
        call.run::<NoRows>(&mut Vec::new()).await
    })
}

impl<P: Params> Call<'_, P> {
    /// The number of rows that were affected; those that came back are added.
    async fn run<R: Row>(&self, all: &mut Vec<R>) -> Result<u64> {
        // All rows, before the first of them is sent.
        held::hold_rows(self.about, self.rows).await?;
        let of_query = |error: Error| error.of(self.about.origin);
        match self.handle {
            // One statement is a transaction by itself, and of no rows there is nothing to ask.
            Handle::Pool(pool) if self.rows.len() > self.chunk() => {
                let transaction = Transaction::<ReadWrite>::begin(pool, "BEGIN", None)
                    .await
                    .map_err(of_query)?;
                let affected = self.parts(transaction.core(), all).await?;
                transaction.commit().await.map_err(of_query)?;
                Ok(affected)
            }
            // A fault that is found here leaves the caller's transaction as it was, of one statement or of several.
            Handle::Transaction(transaction) if self.rows.len() > self.chunk() => {
                let parts = transaction.savepoint().await.map_err(of_query)?;
                match self.parts(&parts, all).await {
                    Ok(affected) => {
                        parts.commit().await.map_err(of_query)?;
                        Ok(affected)
                    }
                    Err(error) => {
                        parts.leave();
                        Err(error)
                    }
                }
            }
            Handle::Pool(_) | Handle::Transaction(_) => self.chunks(self.handle, all).await,
        }
    }

    /// More rows than one statement takes, in a transaction of their own.
    async fn parts<R: Row>(&self, transaction: &Core, all: &mut Vec<R>) -> Result<u64> {
        if let Some(copied) = self.about.copied
            && copy::works(transaction)
            && let Some(stored) = self.copies(transaction, copied).await?
        {
            return Ok(stored);
        }
        self.chunks(Handle::Transaction(transaction), all).await
    }

    fn chunk(&self) -> usize {
        match self.about.arrays {
            [] => CHUNK,
            _ => CHUNK_OF_ARRAYS,
        }
    }

    async fn chunks<R: Row>(&self, handle: Handle<'_>, all: &mut Vec<R>) -> Result<u64> {
        let mut affected = 0;
        let size = self.chunk();
        let about = self.about.of_columns();
        let seen = Arc::default();
        for (number, chunk) in self.rows.chunks(size).enumerate() {
            let rows = Rows::of(chunk, number * size, self.about, &seen);
            let slots = Slots::of(&rows);
            let opened = call::open(handle, &about, slots.as_slice()).await;
            // By COPY nobody would know it.
            let (replied, reply) = opened.map_err(Error::without_parameter)?;
            let mut replied = pin!(replied);
            while let Some(row) = reply.next(replied.as_mut()).await? {
                let number = all.len() as u64 + 1;
                all.push(reply.read(&row, number, |reading| R::read(reading))?);
            }
            affected += reply.rows_affected(replied.as_mut()).unwrap_or_default();
        }
        Ok(affected)
    }
}

impl<P, T> State<'_, P, T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if let Self::Called(..) = self
            && let Self::Called(call, start) = std::mem::replace(self, Self::Taken)
        {
            *self = Self::Running(start(call));
        }
        match self {
            Self::Running(running) => {
                let answer = ready!(running.as_mut().poll(cx));
                // A future that has ended must not be polled again.
                *self = Self::Taken;
                Poll::Ready(answer)
            }
            Self::Called(..) | Self::Taken => Poll::Ready(Err(Error::spent())),
        }
    }

    #[cfg(feature = "testing")]
    fn name(&self) -> &'static str {
        match self {
            Self::Called(call, _) => call.about.origin.name,
            Self::Running(_) | Self::Taken => "a query that was polled",
        }
    }
}

// The call is moved out when it starts, and the running future is behind a pointer.
impl<P, R> Unpin for BulkRows<'_, P, R> {}
impl<P> Unpin for BulkExecute<'_, P> {}

impl<P, R> Future for BulkRows<'_, P, R> {
    type Output = Result<Vec<R>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.state.poll(cx)
    }
}

impl<P> Future for BulkExecute<'_, P> {
    type Output = Result<u64>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.state.poll(cx)
    }
}

#[cfg(feature = "testing")]
impl<P, R> BulkRows<'_, P, R> {
    pub(crate) fn name(&self) -> &'static str {
        self.state.name()
    }
}

#[cfg(feature = "testing")]
impl<P> BulkExecute<'_, P> {
    pub(crate) fn name(&self) -> &'static str {
        self.state.name()
    }
}

impl<P, R> fmt::Debug for BulkRows<'_, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BulkRows")
    }
}

impl<P> fmt::Debug for BulkExecute<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BulkExecute")
    }
}
