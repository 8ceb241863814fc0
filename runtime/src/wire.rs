//! The one module that names tokio-postgres: connections, statements, raw rows and what a server's error says.
//!
//! Everything above it knows only the types defined here, so that the wire beneath can change without a line of
//! generated code changing.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::TlsConnect;
#[cfg(feature = "tls")]
use tokio_postgres::tls::{ChannelBinding, TlsStream};
use tokio_postgres::types::{self as postgres, FromSql, IsNull, Kind, ToSql};
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, SimpleQueryMessage};

use crate::address::Address;
use crate::between::Between;
use crate::error::{Error, is_about_names};
use crate::files::Passwords;
use crate::listen::Ear;
use crate::param::{EncodeError, Encoded, Param};
use crate::partition::Key;
#[cfg(feature = "tls")]
use crate::socket::Socket;
use crate::socket::{self, Encrypted, HeldOpen, Place, Plain};
use crate::statement::{self, About};
use crate::tls::Tls;
use crate::together::{self, Switch, Together};
use crate::unnamed::{self, Unnamed};

mod copy;
mod driver;
mod short;

pub(crate) use copy::{CopyIn, CopySlot};
use driver::Driver;
pub(crate) use short::{Broken, Short};
use short::{Clerk, Desk};

/// Rows without a type of their own.
static RECORD: postgres::Type = postgres::Type::RECORD;

/// A type of the database, as the server described it.
#[derive(Clone, Copy)]
pub struct Type<'t>(&'t postgres::Type);

impl<'t> Type<'t> {
    /// The number of the type in `pg_type`; the same everywhere for built-in types only.
    pub fn oid(self) -> u32 {
        self.0.oid()
    }

    /// The schema that the type lives in.
    pub fn schema(self) -> &'t str {
        self.0.schema()
    }

    /// The name without the schema.
    pub fn name(self) -> &'t str {
        self.0.name()
    }

    /// What the type is once every domain is taken off it.
    pub fn base(self) -> Type<'t> {
        let mut inner = self.0;
        while let Kind::Domain(base) = inner.kind() {
            inner = base;
        }
        Type(inner)
    }

    /// The type of the elements, of an array or a domain over one.
    pub fn element(self) -> Option<Type<'t>> {
        match self.base().0.kind() {
            Kind::Array(element) => Some(Type(element)),
            // tokio-postgres takes it for a type that no value has.
            _ if *self.0 == postgres::Type::RECORD_ARRAY => Some(Type(&RECORD)),
            _ => None,
        }
    }

    /// The type of the bounds, of a range or a domain over one.
    pub fn range_of(self) -> Option<Type<'t>> {
        match self.base().0.kind() {
            Kind::Range(bound) => Some(Type(bound)),
            _ => None,
        }
    }

    /// The type of the bounds, of a multirange or a domain over one. Known of the built-in ones only.
    pub fn multirange_of(self) -> Option<Type<'t>> {
        match self.base().0.kind() {
            Kind::Multirange(bound) => Some(Type(bound)),
            _ => None,
        }
    }

    /// The types of the fields in their order, of a composite or a domain over one.
    pub fn fields(self) -> Option<impl ExactSizeIterator<Item = Type<'t>>> {
        match self.base().0.kind() {
            Kind::Composite(fields) => Some(fields.iter().map(|field| Type(field.type_()))),
            _ => None,
        }
    }

    /// Asks about a built-in type; of any other the answer is no.
    pub(crate) fn built_in(oid: u32, ask: impl FnOnce(Type<'_>) -> bool) -> bool {
        postgres::Type::from_oid(oid).is_some_and(|ty| ask(Type(&ty)))
    }

    /// A base type, as far as the driver knows.
    pub(crate) fn is_simple(self) -> bool {
        matches!(self.0.kind(), Kind::Simple)
    }

    /// Is it an enum, or a domain over one?
    pub fn is_enum(self) -> bool {
        matches!(self.base().0.kind(), Kind::Enum(_))
    }
}

impl fmt::Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Kind::Array(element) = self.0.kind() {
            return write!(f, "{}[]", Type(element));
        }
        match self.schema() {
            "pg_catalog" => f.write_str(self.name()),
            schema => write!(f, "{schema}.{}", self.name()),
        }
    }
}

impl fmt::Debug for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where the bytes of a parameter are written.
pub struct Buffer<'b>(&'b mut Vec<u8>);

impl Buffer<'_> {
    /// Appends bytes.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Appends values of one size, each made of an item.
    #[inline]
    pub(crate) fn put_each<T, const N: usize>(
        &mut self,
        items: &[T],
        mut bytes: impl FnMut(&T) -> [u8; N],
    ) {
        let start = self.0.len();
        self.0.resize(start + items.len() * N, 0);
        let (places, _) = self.0.split_at_mut(start).1.as_chunks_mut::<N>();
        for (place, item) in places.iter_mut().zip(items) {
            *place = bytes(item);
        }
    }

    /// There will be as many bytes more.
    #[inline]
    pub(crate) fn reserve(&mut self, length: usize) {
        self.0.reserve(length);
    }

    /// How much has been written so far; a mark for [`Buffer::patch`].
    #[inline]
    pub(crate) fn mark(&self) -> usize {
        self.0.len()
    }

    /// What was written since.
    pub(crate) fn since(&self, mark: usize) -> Option<&[u8]> {
        self.0.get(mark..)
    }

    /// Overwrites four bytes that were written at `mark`.
    #[inline]
    pub(crate) fn patch(&mut self, mark: usize, bytes: [u8; 4]) {
        if let Some(place) = self.0.get_mut(mark..mark + 4) {
            place.copy_from_slice(&bytes);
        }
    }
}

/// Writes a text or an integer as it is sent, whatever the statement that takes it.
pub(crate) fn written(value: &dyn Param, out: &mut Vec<u8>) -> Result<Encoded, EncodeError> {
    value.encode(Type(&postgres::Type::TEXT), &mut Buffer(out))
}

/// Writes a value apart from others.
pub(crate) fn write(
    value: &dyn Param,
    ty: Type<'_>,
    out: &mut Vec<u8>,
) -> Result<Encoded, EncodeError> {
    value.encode(ty, &mut Buffer(out))
}

/// Writes a value within others: its length, then its bytes.
pub(crate) fn write_part(
    value: &dyn Param,
    ty: Type<'_>,
    out: &mut Vec<u8>,
) -> Result<Encoded, EncodeError> {
    crate::codec::encode_part(value, ty, &mut Buffer(out))
}

impl fmt::Debug for Buffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buffer")
    }
}

/// Parameters that were written down: they do not borrow from what they were made of.
#[derive(Default)]
pub(crate) struct Bound {
    /// Of each value its length, as the protocol has it, and its bytes.
    bytes: Vec<u8>,
    count: usize,
}

/// So much may stay allocated for the parameters of the next call.
const KEPT: usize = 64 * 1024;

impl Bound {
    /// Writes down other ones.
    fn write(
        &mut self,
        params: &[&dyn Param],
        types: &[postgres::Type],
    ) -> Result<(), EncodeError> {
        self.bytes.clear();
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
        self.count = params.len();
        let mut types = types.iter();
        for param in params {
            let mark = self.bytes.len();
            self.bytes.extend_from_slice(&NULL);
            // Where there are more values than the statement takes, the driver says so.
            let Some(ty) = types.next() else {
                continue;
            };
            let mut out = Buffer(&mut self.bytes);
            if param.encode(Type(ty), &mut out)? == Encoded::Value {
                let length = i32::try_from(out.mark() - mark - 4);
                let length =
                    length.map_err(|_| EncodeError::new("is longer than the protocol allows"))?;
                out.patch(mark, length.to_be_bytes());
            }
        }
        Ok(())
    }

    pub(crate) fn values(&self) -> Values<'_> {
        Values {
            rest: &self.bytes,
            left: self.count,
        }
    }
}

const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// One value of [`Bound`]; `None` is NULL.
pub(crate) struct Value<'b>(Option<&'b [u8]>);

impl fmt::Debug for Value<'_> {
    // tokio-postgres logs parameters at debug level through this; values must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        _: &postgres::Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self.0 {
            Some(bytes) => {
                out.put_slice(bytes);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &postgres::Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        ty: &postgres::Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

/// The values of [`Bound`] in order. A named iterator: a closure here would make the futures "not general enough" to be
/// `Send`.
pub(crate) struct Values<'b> {
    rest: &'b [u8],
    left: usize,
}

impl<'b> Iterator for Values<'b> {
    type Item = Value<'b>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (length, rest) = self.rest.split_first_chunk()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.rest = rest;
            return Some(Value(None));
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Value(Some(value)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Values<'_> {}

/// The bytes of one value of a row; `None` for NULL.
struct Raw<'r>(Option<&'r [u8]>);

impl<'r> FromSql<'r> for Raw<'r> {
    fn from_sql(
        _: &postgres::Type,
        raw: &'r [u8],
    ) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Raw(Some(raw)))
    }

    fn from_sql_null(_: &postgres::Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Raw(None))
    }

    fn accepts(_: &postgres::Type) -> bool {
        true
    }
}

/// One row of a reply, still in the buffer it came in.
#[derive(Debug)]
pub(crate) struct RawRow(tokio_postgres::Row);

impl RawRow {
    /// The bytes of the column at `index`; `None` when the row has no such column.
    #[inline]
    pub(crate) fn value(&self, index: usize) -> Option<Option<&[u8]>> {
        self.0
            .try_get::<usize, Raw<'_>>(index)
            .ok()
            .map(|raw| raw.0)
    }

    pub(crate) fn column_name(&self, index: usize) -> Option<&str> {
        self.0.columns().get(index).map(|column| column.name())
    }
}

/// The rows of a reply as they arrive. It must be pinned to be read; [`next_row`] does that.
pub(crate) type RawRows = tokio_postgres::RowStream;

pub(crate) fn next_row(
    rows: Pin<&mut RawRows>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<RawRow, Failure>>> {
    rows.poll_next(cx)
        .map(|next| next.map(|row| row.map(RawRow).map_err(Failure::from)))
}

/// A statement prepared on one connection.
#[derive(Clone)]
pub(crate) struct Prepared(tokio_postgres::Statement);

impl Prepared {
    /// Writes the parameters down.
    pub(crate) fn bind(&self, params: &[&dyn Param]) -> Result<Bound, EncodeError> {
        let mut bound = Bound::default();
        bound.write(params, self.0.params())?;
        Ok(bound)
    }

    pub(crate) fn params(&self) -> impl ExactSizeIterator<Item = Type<'_>> {
        self.0.params().iter().map(Type)
    }

    pub(crate) fn columns(&self) -> impl ExactSizeIterator<Item = (&str, Type<'_>)> {
        self.0
            .columns()
            .iter()
            .map(|column| (column.name(), Type(column.type_())))
    }
}

/// Hashes addresses. Nobody outside chooses them, so mixing their bits is enough.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, address: usize) {
        // The multiplier of Fibonacci hashing: it spreads aligned addresses over the high bits.
        self.0 = (self.0 ^ address as u64)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(32);
    }
}

/// The statements that a connection holds. Each costs the server a plan, so there is a bound.
struct Statements {
    known: HashMap<statement::Key, (Prepared, u64), BuildHasherDefault<AddressHasher>>,
    /// Counts uses: what was used longest ago goes first.
    clock: u64,
    most: usize,
}

impl Statements {
    fn get(&mut self, key: &statement::Key) -> Option<Prepared> {
        let (prepared, used) = self.known.get_mut(key)?;
        self.clock += 1;
        *used = self.clock;
        Some(prepared.clone())
    }

    fn put(&mut self, key: statement::Key, prepared: Prepared) {
        if self.known.len() >= self.most && !self.known.contains_key(&key) {
            let oldest = self.known.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                // Dropped, it is closed on the server as well, once nobody uses it.
                self.known.remove(&oldest);
            }
        }
        self.clock += 1;
        self.known.insert(key, (prepared, self.clock));
    }
}

/// A connection to the server, with the statements that were prepared on it.
pub(crate) struct Session {
    client: Arc<Client>,
    tls: Tls,
    /// Where the socket leads.
    place: Place,
    /// Behind a pooler: what stands between the driver and the socket.
    encrypted: Option<Encrypted>,
    reading: Reading,
    statements: Mutex<Statements>,
    /// Asks for short answers, at that desk.
    clerk: Mutex<Clerk>,
    desk: Arc<Desk>,
    since: Instant,
    /// Does the server get the names of the queries?
    named: bool,
    #[cfg(feature = "tracing")]
    scene: Arc<crate::trace::Scene>,
}

/// Who reads and writes.
enum Reading {
    /// Whoever waits, or a task for as long as that is asked for.
    Caller(Arc<Driver>),
    /// This task.
    Task(AbortHandle),
}

impl Reading {
    fn cut_off(&self) {
        match self {
            Self::Caller(driver) => driver.close(),
            Self::Task(task) => task.abort(),
        }
    }
}

/// Closes a connection at once.
pub(crate) struct Cutter(Reading);

impl Cutter {
    pub(crate) fn cut_off(&self) {
        self.0.cut_off();
    }
}

/// Who is to read and write a new connection.
enum Readers {
    Callers,
    Task(Option<Arc<Ear>>),
    /// A task, for reads that travel together where the switch says so.
    Together(Switch),
}

impl Drop for Session {
    fn drop(&mut self) {
        // It would wait for the answers to all that was asked, however long they take.
        self.cut_off();
    }
}

impl Session {
    pub(crate) fn prepared(&self, about: &About) -> Option<Prepared> {
        self.statements().get(&about.key())
    }

    pub(crate) async fn prepare(&self, about: &About) -> Result<Prepared, Failure> {
        let prepared = if self.named {
            let sql = about.named_sql();
            self.wait_for(self.client.prepare(&sql)).await?
        } else {
            self.wait_for(self.client.prepare(about.sql)).await?
        };
        Ok(Prepared(prepared))
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn scene(&self) -> Arc<crate::trace::Scene> {
        Arc::clone(&self.scene)
    }

    /// Remembers a statement whose types were checked.
    pub(crate) fn keep(&self, about: &About, prepared: Prepared) {
        self.statements().put(about.key(), prepared);
    }

    /// Forgets all statements and all that is known of types: after a change of the schema both may be wrong.
    pub(crate) fn evict_all(&self) {
        self.statements().known.clear();
        self.client.clear_type_cache();
    }

    fn statements(&self) -> std::sync::MutexGuard<'_, Statements> {
        // The map is whole between any two calls, so a panic elsewhere cannot have left it half-changed.
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the statement at the first poll; the rows then arrive in [`RawRows`]. It is to be awaited by
    /// [`wait_for`](Self::wait_for).
    pub(crate) async fn query(
        &self,
        prepared: &Prepared,
        bound: &Bound,
    ) -> Result<RawRows, Failure> {
        Ok(self.client.query_raw(&prepared.0, bound.values()).await?)
    }

    /// Awaits answers, and reads and writes meanwhile.
    pub(crate) async fn wait_for<F: Future>(&self, answer: F) -> F::Output {
        match &self.reading {
            Reading::Caller(driver) => driver.wait_for(answer).await,
            Reading::Task(_) => answer.await,
        }
    }

    /// The next row of an answer.
    pub(crate) fn poll_row(
        &self,
        mut rows: Pin<&mut RawRows>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<RawRow, Failure>>> {
        match &self.reading {
            Reading::Caller(driver) => {
                driver.poll(&mut false, |cx| next_row(rows.as_mut(), cx), cx)
            }
            Reading::Task(_) => next_row(rows, cx),
        }
    }

    /// Runs text without parameters, sent at the first poll.
    pub(crate) async fn run(&self, sql: &str) -> Result<(), Failure> {
        Ok(self.wait_for(self.client.batch_execute(sql)).await?)
    }

    /// As `run`, to be awaited with others by [`wait_for`](Self::wait_for).
    pub(crate) async fn run_with_others(&self, sql: &str) -> Result<(), Failure> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// As `run`, of a connection that a task attends to. Waiting for the answer does not keep the session.
    pub(crate) fn run_attended(
        &self,
        sql: String,
    ) -> impl Future<Output = Result<(), Failure>> + Send + use<> {
        let client = Arc::clone(&self.client);
        async move { Ok(client.batch_execute(&sql).await?) }
    }

    /// Sends text without parameters and does not wait: whoever uses the connection next, or a task, reads the answer and drops it.
    pub(crate) fn send(&self, sql: &str) {
        let sending = pin!(self.client.batch_execute(sql));
        // The first poll puts the message into the connection's unbounded queue; dropping the future afterwards takes
        // nothing back.
        let _ = sending.poll(&mut Context::from_waker(Waker::noop()));
    }

    /// Writes down the parameters of a statement that was prepared, for [`poll_short`](Self::poll_short).
    pub(crate) fn bind_short(
        &self,
        prepared: Prepared,
        params: &[&dyn Param],
    ) -> Result<(), EncodeError> {
        self.desk.put(prepared, params)
    }

    /// Sends what was written down, at the first poll, and reads the answer, of which one row is of interest.
    pub(crate) fn poll_short(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let driver = match &self.reading {
            Reading::Caller(driver) => Some(&**driver),
            Reading::Task(_) => None,
        };
        // Nothing panics between two changes that belong together.
        let clerk = self.clerk.get_mut();
        let clerk = clerk.unwrap_or_else(PoisonError::into_inner);
        clerk.poll(&self.desk, &self.client, driver, cx)
    }

    /// The answer that was read.
    pub(crate) fn take_short(&self) -> Result<Short, Broken> {
        match self.desk.take_answer() {
            Some(answer) => answer,
            None => Err(Broken::Failed(Failure::Gone)),
        }
    }

    /// Nobody wants the answers to what was asked.
    pub(crate) fn forget(&self) {
        self.clerk().forget();
        self.desk.forget();
        self.rest();
    }

    /// Nobody waits for it any more.
    #[inline]
    pub(crate) fn rest(&self) {
        if let Reading::Caller(driver) = &self.reading {
            driver.leave();
            driver.rest();
        }
    }

    /// From here on a task reads and writes, until it is at rest: several may wait at once.
    pub(crate) fn attend(&self) {
        if let Reading::Caller(driver) = &self.reading {
            driver.attend();
        }
    }

    /// Can it be given to somebody? What the server said meanwhile is read first.
    #[inline]
    pub(crate) fn is_alive(&self) -> bool {
        if let Reading::Caller(driver) = &self.reading {
            driver.look();
        }
        !self.is_closed()
    }

    /// When it was made.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    fn clerk(&self) -> std::sync::MutexGuard<'_, Clerk> {
        // Nothing panics between two changes that belong together.
        self.clerk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// What cancels on this connection, for when the session itself is in use.
    pub(crate) fn canceller(&self) -> Canceller {
        Canceller {
            token: self.client.cancel_token(),
            tls: self.tls.clone(),
            place: self.place.clone(),
            encrypted: self.encrypted,
        }
    }

    /// What cuts it off, for when the session itself is in use.
    pub(crate) fn cutter(&self) -> Cutter {
        Cutter(match &self.reading {
            Reading::Caller(driver) => Reading::Caller(Arc::clone(driver)),
            Reading::Task(task) => Reading::Task(task.clone()),
        })
    }

    /// Closes the connection at once: who waits for an answer is told so.
    pub(crate) fn cut_off(&self) {
        self.reading.cut_off();
    }

    /// Do sessions begin with these parameters? Behind a pooler nobody can set them for good.
    async fn check_settings(&self, settings: &[(String, String)]) -> Result<(), Failure> {
        let types = [postgres::Type::TEXT, postgres::Type::TEXT];
        for (name, value) in settings {
            let asked = async {
                let statement = self.client.prepare_typed(SETTING, &types).await?;
                self.client.query_one(&statement, &[name, value]).await
            };
            let row = self.wait_for(asked).await?;
            let (is, should): (Option<String>, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
            let bare = |text: Option<String>| text.unwrap_or_default().replace(' ', "");
            if bare(is) != bare(should) {
                return Err(Failure::Unfit(format!(
                    "sessions begin with another `{name}` than was asked for; behind a transaction pooler it belongs to \
                     the role: ALTER ROLE … SET {name} = …"
                )));
            }
        }
        Ok(())
    }

    /// Will this server do?
    async fn check_server(&self, wanted: Wanted) -> Result<(), Failure> {
        if matches!(wanted, Wanted::Any | Wanted::PreferStandby) {
            return Ok(());
        }
        let asked = self.client.simple_query(SERVER);
        let answers = self.wait_for(asked).await?;
        let row = answers.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((row.get(0) == Some("t"), row.get(1) == Some("on")))
            }
            _ => None,
        });
        let unfit = match (wanted, row) {
            (_, None) => Some("says nothing of itself"),
            (Wanted::ReadWrite, Some((_, true))) => Some("does not allow writes"),
            (Wanted::ReadOnly, Some((_, false))) => Some("is not read only"),
            (Wanted::Primary, Some((true, _))) => Some("is a standby"),
            (Wanted::Standby, Some((false, _))) => Some("is not a standby"),
            (
                Wanted::Any
                | Wanted::PreferStandby
                | Wanted::ReadWrite
                | Wanted::ReadOnly
                | Wanted::Primary
                | Wanted::Standby,
                Some(_),
            ) => None,
        };
        match unfit {
            Some(what) => Err(Failure::Unfit(format!(
                "it {what}, and `target_session_attrs` asks for another"
            ))),
            None => Ok(()),
        }
    }

    /// Does each statement of a transaction see what was committed before it, if nobody says otherwise?
    async fn is_read_committed(&self) -> Result<bool, Failure> {
        let asked = self
            .client
            .simple_query("SHOW default_transaction_isolation");
        let answers = self.wait_for(asked).await?;
        let mut rows = answers.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(rows.next() == Some("read committed"))
    }

    /// What a server says of itself.
    pub(crate) async fn state(&self) -> Result<ServerState, Failure> {
        let row = self.wait_for(self.client.query_one(STATE, &[])).await?;
        let seconds: Option<f64> = row.try_get(1)?;
        Ok(ServerState {
            standby: row.try_get(0)?,
            lag: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            version: row.try_get(2)?,
            read_only: row.try_get(3)?,
        })
    }

    /// What the catalog says of relations and types: their parts, each with its kind, schema, relation, name and definition.
    pub(crate) async fn parts(
        &self,
        schemas: &[&str],
        relations: &[&str],
    ) -> Result<Vec<[String; 5]>, Failure> {
        let types = [postgres::Type::TEXT_ARRAY, postgres::Type::TEXT_ARRAY];
        let asked = async {
            let statement = self.client.prepare_typed(PARTS, &types).await?;
            let params: [&(dyn ToSql + Sync); 2] = [&schemas, &relations];
            self.client.query(&statement, &params).await
        };
        let rows = self.wait_for(asked).await?;
        let part = |row: &tokio_postgres::Row| -> Result<[String; 5], Failure> {
            Ok([
                row.try_get(0)?,
                row.try_get(1)?,
                row.try_get(2)?,
                row.try_get(3)?,
                row.try_get(4)?,
            ])
        };
        rows.iter().map(part).collect()
    }

    /// Where a constraint of a partition comes from: the topmost table and the name that the constraint has there.
    pub(crate) async fn root_constraint(
        &self,
        (schema, table, constraint): &Key,
    ) -> Result<Option<Key>, Failure> {
        let text = [
            postgres::Type::TEXT,
            postgres::Type::TEXT,
            postgres::Type::TEXT,
        ];
        let asked = async {
            let statement = self.client.prepare_typed(ROOT_CONSTRAINT, &text).await?;
            self.client
                .query_opt(&statement, &[schema, table, constraint])
                .await
        };
        match self.wait_for(asked).await? {
            None => Ok(None),
            Some(row) => Ok(Some((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))),
        }
    }
}

/// Is it a standby, and are its transactions read-only?
const SERVER: &str = "\
SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')";

/// The value that a parameter has, and how the server writes the one that it should have: `300ms` for `300`. It has that for this
/// statement only.
const SETTING: &str = "\
SELECT pg_catalog.current_setting($1, true), pg_catalog.set_config($1, $2, true)";

/// Asks the server to cancel what runs on a connection.
pub(crate) struct Canceller {
    token: tokio_postgres::CancelToken,
    tls: Tls,
    place: Place,
    encrypted: Option<Encrypted>,
}

impl Canceller {
    /// Returns when it was sent, or could not be: the caller throws the connection away either way.
    pub(crate) async fn cancel(self) {
        const PATIENCE: Duration = Duration::from_secs(10);
        let _ = tokio::time::timeout(PATIENCE, self.send(PATIENCE)).await;
    }

    async fn send(self, limit: Duration) -> Result<(), Failure> {
        let (socket, place) = self.place.open(limit).await?;
        if let Some(encrypted) = self.encrypted {
            let mut socket = HeldOpen(socket.plain(&place, &self.tls, encrypted).await?);
            self.token.cancel_query_raw(&mut socket, NoTls).await?;
            socket.closed().await;
            return Ok(());
        }
        match self.tls {
            #[cfg(feature = "tls")]
            Tls::Rustls(mut connect) if !place.is_local() => {
                let tls = connector::<Socket>(&mut connect, &place.name)?;
                self.token.cancel_query_raw(socket, tls).await?;
            }
            #[cfg(feature = "tls")]
            Tls::Rustls(_) => self.token.cancel_query_raw(socket, NoTls).await?,
            Tls::None => self.token.cancel_query_raw(socket, NoTls).await?,
        }
        Ok(())
    }
}

/// Nothing to replay is no lag, however long ago the last change was. Before the first replayed one nothing is known.
const STATE: &str = "\
SELECT pg_catalog.pg_is_in_recovery(), CASE
    WHEN NOT pg_catalog.pg_is_in_recovery() THEN NULL
    WHEN pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() THEN 0
    ELSE EXTRACT(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())
END::float8, pg_catalog.current_setting('server_version'), pg_catalog.current_setting('transaction_read_only')::bool";

/// A column that is NOT NULL only for what is stored from now on (`NOT VALID`, 18) may be NULL. A unique index that is checked at the end
/// of a transaction, or was not finished, is no key.
const PARTS: &str = "\
WITH asked AS (
    SELECT n.oid AS schema, n.nspname, a.relname
    FROM unnest($1, $2) a (nspname, relname)
    JOIN pg_catalog.pg_namespace n ON n.nspname = a.nspname
), relation AS (
    SELECT asked.nspname, c.relname, c.oid
    FROM asked JOIN pg_catalog.pg_class c ON c.relnamespace = asked.schema AND c.relname = asked.relname
), type AS (
    SELECT asked.nspname, t.typname, t.oid
    FROM asked JOIN pg_catalog.pg_type t ON t.typnamespace = asked.schema AND t.typname = asked.relname
)
SELECT 'column', r.nspname::text, r.relname::text, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)
FROM relation r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'not null', r.nspname, r.relname, a.attname, ''
FROM relation r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND a.attnotnull
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint c
    WHERE c.conrelid = r.oid AND c.contype = 'n' AND c.conkey = ARRAY[a.attnum] AND NOT c.convalidated
)
UNION ALL
SELECT 'key', r.nspname, r.relname, i.relname, CASE WHEN x.indisvalid AND x.indimmediate
    THEN pg_catalog.pg_get_indexdef(i.oid) ELSE '' END
FROM relation r JOIN pg_catalog.pg_index x ON x.indrelid = r.oid AND x.indisunique
JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
UNION ALL
SELECT 'check', r.nspname, r.relname, c.conname, pg_catalog.pg_get_constraintdef(c.oid)
FROM relation r JOIN pg_catalog.pg_constraint c ON c.conrelid = r.oid AND c.contype = 'c'
UNION ALL
SELECT 'check', t.nspname, t.typname, c.conname, pg_catalog.pg_get_constraintdef(c.oid)
FROM type t JOIN pg_catalog.pg_constraint c ON c.contypid = t.oid
UNION ALL
SELECT 'label', t.nspname, t.typname, e.enumlabel, ''
FROM type t JOIN pg_catalog.pg_enum e ON e.enumtypid = t.oid
UNION ALL
SELECT 'schema', '', '', s.name, ''
FROM unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY s (name, place)
UNION ALL
SELECT 'server', '', '', '', pg_catalog.current_setting('server_version')";

/// A unique constraint of a partition has an index of its own with a name of its own, whose root is the parent's index;
/// foreign keys are tied by `conparentid`; CHECK and NOT NULL keep name and column.
const ROOT_CONSTRAINT: &str = "\
WITH RECURSIVE relation AS (
    SELECT c.oid, coalesce(pg_catalog.pg_partition_root(c.oid), c.oid) AS root
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2
), up AS (
    SELECT k.conname, k.conparentid, k.conindid, k.contype, k.conrelid, 0 AS height
    FROM pg_catalog.pg_constraint k JOIN relation r ON k.conrelid = r.oid
    WHERE k.conname = $3
    UNION ALL
    SELECT k.conname, k.conparentid, k.conindid, k.contype, k.conrelid, up.height + 1
    FROM up JOIN pg_catalog.pg_constraint k ON k.oid = up.conparentid
), top AS (
    SELECT conname::text AS name, conrelid, contype FROM up ORDER BY height DESC LIMIT 1
), top_index AS (
    SELECT coalesce(ri.relname, i.relname)::text AS name
    FROM relation r
    JOIN pg_catalog.pg_index x ON x.indrelid = r.oid
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid AND i.relname = $3
    LEFT JOIN pg_catalog.pg_class ri ON ri.oid = pg_catalog.pg_partition_root(i.oid)
)
SELECT n.nspname::text, c.relname::text,
       coalesce((SELECT name FROM top), (SELECT name FROM top_index), $3)
FROM relation r
JOIN pg_catalog.pg_class c ON c.oid = coalesce((SELECT conrelid FROM top WHERE contype <> 'c'), r.root)
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace";

/// See [`Session::state`].
pub(crate) struct ServerState {
    pub(crate) standby: bool,
    /// Of a standby.
    pub(crate) lag: Option<Duration>,
    pub(crate) version: String,
    pub(crate) read_only: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

/// Servers of which one is taken, and what every session there begins with.
#[derive(Clone)]
pub(crate) struct Target {
    address: Address,
    servers: Arc<[Server]>,
    wanted: Wanted,
    /// In an order of their own for each connection.
    shuffled: bool,
    connect_timeout: Option<Duration>,
    tls: Tls,
    /// How many statements a connection holds at most.
    statements: usize,
    /// Run when a connection was made.
    greeting: Option<&'static str>,
    /// Behind a transaction pooler.
    pooled: Option<Pooled>,
    named: bool,
    #[cfg(feature = "tracing")]
    scene: Arc<crate::trace::Scene>,
}

/// One of the servers, and how to get in there.
#[derive(Clone)]
struct Server {
    place: Place,
    config: tokio_postgres::Config,
}

/// Which of the servers will do: `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    /// If there is one; else any.
    PreferStandby,
}

impl Wanted {
    fn of(address: &mut Address) -> Result<Self, String> {
        let wanted = address.take("target_session_attrs");
        Ok(match wanted.as_deref() {
            None | Some("any") => Self::Any,
            Some("read-write") => Self::ReadWrite,
            Some("read-only") => Self::ReadOnly,
            Some("primary") => Self::Primary,
            Some("standby") => Self::Standby,
            Some("prefer-standby") => Self::PreferStandby,
            Some(_) => {
                return Err(
                    "its parameter `target_session_attrs` has a value that cannot be".to_owned(),
                );
            }
        })
    }
}

/// What is different behind a transaction pooler.
#[derive(Clone)]
struct Pooled {
    encrypted: Encrypted,
    /// Session parameters that the role or the database must bring.
    settings: Vec<(String, String)>,
}

impl Target {
    /// What is wrong with the address is told without any of its values.
    pub(crate) fn new(
        mut address: Address,
        settings: &[(String, String)],
        passwords: &Passwords,
        statements: usize,
    ) -> Result<Self, String> {
        let shown = address.clone();
        for (key, value) in settings {
            let mut options = address.take("options").unwrap_or_default();
            append_option(&mut options, key, value);
            address.set("options", options);
        }
        let tls = Tls::of(&mut address)?;
        let wanted = Wanted::of(&mut address)?;
        let places = socket::places(&mut address)?;
        let connect_timeout = socket::number(&mut address, "connect_timeout")?;
        let shuffled = match address.take("load_balance_hosts").as_deref() {
            None | Some("disable") => false,
            Some("random") => true,
            Some(_) => {
                return Err(
                    "its parameter `load_balance_hosts` has a value that cannot be".to_owned(),
                );
            }
        };
        let mut text = String::new();
        for (key, value) in address.parameters() {
            let value = value.replace('\\', "\\\\").replace('\'', "\\'");
            let parameter = format!("{key}='{value}' ");
            // One by one, so that what is refused can be named.
            if parameter.parse::<tokio_postgres::Config>().is_err() {
                return Err(format!("its parameter `{key}` has a value that cannot be"));
            }
            text += &parameter;
        }
        let config: tokio_postgres::Config = text
            .parse()
            .map_err(|_| "its parameters do not go together".to_owned())?;
        let servers = places.into_iter().map(|place| {
            let mut config = config.clone();
            if place.is_local() {
                // A server never encrypts there.
                config.ssl_mode(SslMode::Disable);
            }
            if config.get_password().is_none()
                && let Some(password) =
                    passwords.find(&place, config.get_dbname(), config.get_user())
            {
                config.password(password);
            }
            Server { place, config }
        });
        Ok(Self {
            servers: servers.collect(),
            wanted,
            shuffled,
            connect_timeout: connect_timeout.map(|limit| Duration::from_secs(limit.into())),
            address: shown,
            tls,
            statements,
            greeting: None,
            pooled: None,
            named: false,
            #[cfg(feature = "tracing")]
            scene: Arc::default(),
        })
    }

    #[cfg(feature = "testing")]
    pub(crate) fn nowhere() -> Self {
        Self {
            address: Address::default(),
            servers: Arc::new([]),
            wanted: Wanted::Any,
            shuffled: false,
            connect_timeout: None,
            tls: Tls::None,
            statements: 0,
            greeting: None,
            pooled: None,
            named: false,
            #[cfg(feature = "tracing")]
            scene: Arc::default(),
        }
    }

    pub(crate) fn connect_timeout(&self) -> Option<Duration> {
        self.connect_timeout
    }

    /// The servers, for those who read errors: `db.example.com:5432`.
    pub(crate) fn place(&self) -> String {
        let places = self.servers.iter().map(|server| server.place.to_string());
        places.collect::<Vec<_>>().join(", ")
    }

    /// Somebody was there, and then said nothing.
    pub(crate) fn no_answer(&self) -> Error {
        Error::connect(format!("{} did not answer in time", self.place()), None)
    }

    /// Makes every session read-only. Not by a start-up option: `target_session_attrs` shall tell what the server is.
    pub(crate) fn read_only(&mut self) {
        self.greeting = Some("SET default_transaction_read_only = on");
    }

    /// Leaves the session alone: a transaction pooler gives it to somebody else.
    pub(crate) fn behind_pooler(&mut self, settings: &[(String, String)]) -> Result<(), String> {
        if self.wanted != Wanted::Any {
            return Err(
                "`target_session_attrs` says nothing of the servers behind a transaction pooler"
                    .to_owned(),
            );
        }
        let mode = self
            .servers
            .iter()
            .map(|server| (!server.place.is_local()).then(|| server.config.get_ssl_mode()));
        let encrypted = match mode.flatten().next() {
            _ if !self.tls.encrypts() => Encrypted::Never,
            None | Some(SslMode::Disable) => Encrypted::Never,
            Some(SslMode::Prefer) => Encrypted::WhereItCan,
            Some(_) => Encrypted::Always,
        };
        // What the driver sees is not encrypted any more.
        let mut servers = self.servers.to_vec();
        for server in &mut servers {
            server.config.ssl_mode(SslMode::Disable);
        }
        self.servers = servers.into();
        self.pooled = Some(Pooled {
            encrypted,
            settings: settings.to_vec(),
        });
        Ok(())
    }

    /// A connection for one call or one transaction at a time.
    pub(crate) async fn connect(&self, limit: Duration) -> Result<Session, Error> {
        self.connect_for(&Readers::Callers, limit).await
    }

    /// A connection that a task reads and writes: for many calls at a time, or when nobody waits.
    pub(crate) async fn connect_attended(&self, limit: Duration) -> Result<Session, Error> {
        self.connect_for(&Readers::Task(None), limit).await
    }

    /// As `connect_attended`, where all that is asked are reads.
    pub(crate) async fn connect_shared(&self, limit: Duration) -> Result<Session, Error> {
        let readers = Readers::Together(Switch::default());
        self.connect_for(&readers, limit).await
    }

    /// A connection whose notifications go to `ear`.
    pub(crate) async fn connect_listening(
        &self,
        ear: Arc<Ear>,
        limit: Duration,
    ) -> Result<Session, Error> {
        self.connect_for(&Readers::Task(Some(ear)), limit).await
    }

    pub(crate) fn is_pooled(&self) -> bool {
        self.pooled.is_some()
    }

    /// Tries one server after the other. One that does not answer leaves time for the others.
    async fn connect_for(&self, readers: &Readers, limit: Duration) -> Result<Session, Error> {
        let end = tokio::time::Instant::now() + limit;
        let mut order: Vec<&Server> = self.servers.iter().collect();
        if self.shuffled {
            // The keys of a hash map are random, and so is the hash of anything under them.
            let random = RandomState::new();
            order.sort_by_cached_key(|server| random.hash_one(server.place.to_string()));
        }
        let attempts: Vec<(&Server, Wanted)> = match self.wanted {
            Wanted::PreferStandby => [Wanted::Standby, Wanted::Any]
                .into_iter()
                .flat_map(|wanted| order.iter().map(move |server| (*server, wanted)))
                .collect(),
            wanted => order.into_iter().map(|server| (server, wanted)).collect(),
        };
        let (mut said, mut sqlstate) = (Vec::<String>::new(), None);
        for (index, (server, wanted)) in attempts.iter().enumerate() {
            let left = u32::try_from(attempts.len() - index).unwrap_or(u32::MAX);
            let share = end.saturating_duration_since(tokio::time::Instant::now()) / left;
            let connecting = self.connect_to(server, *wanted, readers, share);
            let failed = match tokio::time::timeout(share, connecting).await {
                Ok(Ok(session)) => return Ok(session),
                Ok(Err(failure)) => {
                    let code = failure.server().map(|server| server.sqlstate.to_owned());
                    sqlstate = code.or(sqlstate);
                    format!("{}: {}", server.place, failure.connecting())
                }
                Err(_) => format!("{} did not answer in time", server.place),
            };
            if !said.contains(&failed) {
                said.push(failed);
            }
        }
        Err(Error::connect(said.join("; "), sqlstate))
    }

    async fn connect_to(
        &self,
        server: &Server,
        wanted: Wanted,
        readers: &Readers,
        limit: Duration,
    ) -> Result<Session, Failure> {
        let (socket, place) = server.place.open(limit).await?;
        if let Some(pooled) = &self.pooled {
            let socket: Plain = socket.plain(&place, &self.tls, pooled.encrypted).await?;
            let connecting = server
                .config
                .connect_raw(Between::new(socket, Unnamed::new()), NoTls);
            let (client, connection) = connecting.await?;
            let mut session = self.session(client, read(connection, readers), place);
            session.encrypted = Some(pooled.encrypted);
            session.check_settings(&pooled.settings).await?;
            return Ok(session);
        }
        let together = match readers {
            Readers::Together(switch) => Some(switch),
            Readers::Callers | Readers::Task(_) => None,
        };
        let config = &server.config;
        let (client, reading) = match (&self.tls, together) {
            #[cfg(feature = "tls")]
            (Tls::Rustls(connect), together) if !place.is_local() => {
                let tls = connector::<Socket>(&mut connect.clone(), &place.name)?;
                match together {
                    Some(switch) => {
                        let socket = Between::new(socket, Together::new(Arc::clone(switch)));
                        let tls = TogetherConnect(tls, Arc::clone(switch));
                        begin(config, socket, tls, readers).await?
                    }
                    None => begin(config, socket, tls, readers).await?,
                }
            }
            (_, Some(switch)) => {
                let socket = Between::new(socket, Together::new(Arc::clone(switch)));
                begin(config, socket, NoTls, readers).await?
            }
            (_, None) => begin(config, socket, NoTls, readers).await?,
        };
        let session = self.session(client, reading, place);
        session.check_server(wanted).await?;
        // Behind a pooler it would be somebody else's session: there it is left to the types and to `BEGIN READ ONLY`.
        if let Some(greeting) = self.greeting {
            session.run(greeting).await?;
        }
        if let Some(switch) = together {
            switch.store(session.is_read_committed().await?, Ordering::Relaxed);
        }
        Ok(session)
    }

    fn session(&self, client: Client, reading: Reading, place: Place) -> Session {
        Session {
            client: Arc::new(client),
            tls: self.tls.clone(),
            place,
            encrypted: None,
            reading,
            statements: Mutex::new(Statements {
                known: HashMap::default(),
                clock: 0,
                most: self.statements,
            }),
            clerk: Mutex::new(Clerk::new()),
            desk: Arc::default(),
            since: Instant::now(),
            named: self.named,
            #[cfg(feature = "tracing")]
            scene: self.scene(),
        }
    }

    /// Sends the name of each query before its text.
    pub(crate) fn name_queries(&mut self, yes: bool) {
        self.named = yes;
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn scene(&self) -> Arc<crate::trace::Scene> {
        Arc::clone(&self.scene)
    }

    /// What takes longer than `slow` is told.
    #[cfg(feature = "tracing")]
    pub(crate) fn set_scene(&mut self, slow: Option<Duration>) {
        let first = self.servers.first();
        let config = first.map(|server| &server.config);
        let database = config.and_then(|config| config.get_dbname().or(config.get_user()));
        self.scene = Arc::new(crate::trace::Scene {
            database: database.unwrap_or_default().to_owned(),
            address: first.map_or_else(String::new, |server| server.place.name.clone()),
            port: first.map_or(5432, |server| server.place.port()),
            slow,
        });
    }
}

/// Encrypts what goes through a socket.
#[cfg_attr(
    not(feature = "tls"),
    expect(unused_variables, reason = "there is none")
)]
pub(crate) async fn encrypt(tls: &Tls, socket: Plain, name: &str) -> io::Result<Plain> {
    match tls {
        Tls::None => Ok(socket),
        #[cfg(feature = "tls")]
        Tls::Rustls(connect) => {
            use tokio_postgres::tls::TlsConnect;

            let connect = connector::<Plain>(&mut connect.clone(), name)?;
            let socket = connect.connect(socket).await.map_err(io::Error::other)?;
            Ok(Box::new(socket))
        }
    }
}

/// What encrypts a socket to a server of that name.
#[cfg(feature = "tls")]
fn connector<S>(
    connect: &mut tokio_postgres_rustls::MakeRustlsConnect,
    name: &str,
) -> io::Result<<tokio_postgres_rustls::MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<S>>::TlsConnect>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    use tokio_postgres::tls::MakeTlsConnect;

    MakeTlsConnect::<S>::make_tls_connect(connect, name).map_err(io::Error::other)
}

/// Encrypts what goes together, and not beneath it.
#[cfg(feature = "tls")]
struct TogetherConnect<T>(T, Switch);

#[cfg(feature = "tls")]
impl<S, T> TlsConnect<Between<S, Together>> for TogetherConnect<T>
where
    T: TlsConnect<S>,
    T::Future: Send + 'static,
{
    type Stream = Between<T::Stream, Together>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, socket: Between<S, Together>) -> Self::Future {
        let Self(connect, switch) = self;
        let encrypted = connect.connect(socket.into_stream());
        Box::pin(async move { Ok(Between::new(encrypted.await?, Together::new(switch))) })
    }
}

#[cfg(feature = "tls")]
impl<S: TlsStream + Unpin> TlsStream for Between<S, Together> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream().channel_binding()
    }
}

/// Makes a connection of a socket.
async fn begin<S, T>(
    config: &tokio_postgres::Config,
    socket: S,
    tls: T,
    readers: &Readers,
) -> Result<(Client, Reading), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: TlsConnect<S>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect_raw(socket, tls).await?;
    Ok((client, read(connection, readers)))
}

fn read<S, T>(connection: Connection<S, T>, readers: &Readers) -> Reading
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match readers {
        Readers::Callers => {
            let driver = Driver::new(Box::new(connection), tokio::runtime::Handle::current());
            Reading::Caller(Arc::new(driver))
        }
        Readers::Task(ear) => Reading::Task(drive(connection, ear.clone())),
        Readers::Together(_) => Reading::Task(drive(connection, None)),
    }
}

/// Reads and writes for a client as long as there is one. Notices are dropped: they can quote values.
fn drive<S, T>(mut connection: Connection<S, T>, ear: Option<Arc<Ear>>) -> AbortHandle
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let driving = async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let (AsyncMessage::Notification(heard), Some(ear)) = (message, &ear) {
                ear.hear(heard.channel(), heard.payload());
            }
        }
        if let Some(ear) = ear {
            ear.broke();
        }
    };
    tokio::spawn(driving).abort_handle()
}

/// Adds `-c key=value`. The server splits the options at white space; a backslash takes its meaning away.
fn append_option(options: &mut String, key: &str, value: &str) {
    if !options.is_empty() {
        options.push(' ');
    }
    options.push_str("-c ");
    options.push_str(key);
    options.push('=');
    for character in value.chars() {
        if character.is_whitespace() || character == '\\' {
            options.push('\\');
        }
        options.push(character);
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// What went wrong on the wire. It may hold values in its text, so nothing of it is shown but what the methods give.
pub(crate) enum Failure {
    Driver(tokio_postgres::Error),
    /// There is no connection any more.
    Gone,
    /// Nobody waited longer: the connection was cut off.
    NoAnswer(Duration),
    /// The transaction that it was asked in is over.
    Over,
    /// No socket could be had.
    Socket(io::Error),
    /// The server is there, and its sessions are not what they have to be. The text holds no values.
    Unfit(String),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Socket(error)
    }
}

/// What the server says of an error, without the texts that can quote values.
#[derive(Debug)]
pub(crate) struct ServerError<'e> {
    pub(crate) sqlstate: &'e str,
    pub(crate) message: &'e str,
    pub(crate) schema: Option<&'e str>,
    pub(crate) table: Option<&'e str>,
    pub(crate) column: Option<&'e str>,
    pub(crate) data_type: Option<&'e str>,
    pub(crate) constraint: Option<&'e str>,
    /// The `$n` whose value could not be received.
    pub(crate) parameter: Option<u16>,
}

/// What the last line of an error's context says where a value could not be received, in the server's language: "unnamed portal
/// parameter $2". All else that a context says can quote values, so nothing else of it is read. What other lines can hold (SQL, what
/// was sent, names) comes with quotes, signs or digits beside.
fn parameter_of(context: &str) -> Option<u16> {
    let line = context.lines().next_back()?;
    let (before, rest) = line.split_once('$')?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
    let is_word = |c: char| c.is_alphabetic() || c == ' ';
    let apart = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphabetic());
    let plain = before.chars().chain(after.chars()).all(is_word)
        && before.contains(is_word)
        && apart(before.chars().next_back())
        && apart(after.chars().next());
    number.parse().ok().filter(|number| plain && *number > 0)
}

impl Failure {
    fn driver(&self) -> Option<&tokio_postgres::Error> {
        match self {
            Self::Driver(error) => Some(error),
            Self::Gone | Self::NoAnswer(_) | Self::Over | Self::Socket(_) | Self::Unfit(_) => None,
        }
    }

    fn database(&self) -> Option<&tokio_postgres::error::DbError> {
        self.driver()?.as_db_error()
    }

    pub(crate) fn server(&self) -> Option<ServerError<'_>> {
        let error = self.database()?;
        Some(ServerError {
            sqlstate: error.code().code(),
            message: error.message(),
            schema: error.schema(),
            table: error.table(),
            column: error.column(),
            data_type: error.datatype(),
            constraint: error.constraint(),
            parameter: error.where_().and_then(parameter_of),
        })
    }

    /// Of the answer to Bind, when nothing has run yet: the server no longer has the statement as it was prepared. Its
    /// result type changed (a general SQLSTATE and a translated message; the routine is its own), or it is gone.
    pub(crate) fn is_stale_statement(&self) -> bool {
        self.database().is_some_and(|error| {
            *error.code() == SqlState::INVALID_SQL_STATEMENT_NAME
                || (*error.code() == SqlState::FEATURE_NOT_SUPPORTED
                    && error.routine() == Some("RevalidateCachedQuery"))
                // It was prepared, and now names or types are wrong: what it names was changed since.
                || is_about_names(error.code().code())
        })
    }

    /// As `is_stale_statement`, of a statement that was prepared just before: the database lacks what it needs, which shows only when it
    /// is planned.
    pub(crate) fn lacks(&self) -> Option<&str> {
        let sqlstate = self.database()?.code().code();
        is_about_names(sqlstate).then_some(sqlstate)
    }

    /// Of a reply whose columns have other types than when the statement was prepared. Unlike a statement that is stale it was
    /// run: see [`unnamed`](crate::unnamed).
    pub(crate) fn is_other_result(&self) -> bool {
        self.database().is_some_and(|error| {
            error.routine() == Some(unnamed::ROUTINE)
                && *error.code() == SqlState::FEATURE_NOT_SUPPORTED
        })
    }

    /// Of a read that was passed over, since one that travelled with it failed: see [`together`](crate::together).
    pub(crate) fn is_passed_over(&self) -> bool {
        self.database()
            .is_some_and(|error| error.routine() == Some(together::ROUTINE))
    }

    /// The parameter could not be written; the reason names no value.
    pub(crate) fn encoding(&self) -> Option<&EncodeError> {
        self.driver()?.source()?.downcast_ref()
    }

    /// Of errors without a word from the server: the operating system's reason, which holds no values.
    pub(crate) fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Driver(error) => error.source()?.downcast_ref(),
            Self::Socket(error) => Some(error),
            Self::Gone | Self::NoAnswer(_) | Self::Over | Self::Unfit(_) => None,
        }
    }

    /// What a failed attempt to connect says; made before any value was sent.
    pub(crate) fn connecting(&self) -> String {
        let error = match self {
            Self::Driver(error) => error,
            Self::Gone => return "the connection is gone".to_owned(),
            Self::NoAnswer(limit) => return format!("no answer came within {limit:?}"),
            Self::Over => return "it is over".to_owned(),
            Self::Socket(error) => return format!("error connecting to server: {error}"),
            Self::Unfit(text) => return text.clone(),
        };
        match (error.as_db_error(), error.source()) {
            (Some(error), _) => error.message().to_owned(),
            (None, Some(source)) => format!("{error}: {source}"),
            (None, None) => error.to_string(),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sqlstate = self.database().map(|error| error.code());
        f.debug_tuple("Failure").field(&sqlstate).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_says_which_parameter_it_was_or_nothing() {
        for (context, number) in [
            ("unnamed portal parameter $2", Some(2)),
            (
                "JSON data, line 1: {\"a\": $1...\nunnamed portal parameter $12",
                Some(12),
            ),
            ("Parameter $3 in unbenanntem Portal", Some(3)),
            ("無名ポータルのパラメータ $4", Some(4)),
            ("未命名门户参数$5", Some(5)),
            ("unnamed portal with parameters: $1 = '0'", None),
            ("unnamed portal parameter $1 = '...'", None),
            ("unnamed portal parameter $2\nanything else", None),
            ("JSON data, line 1: $1", None),
            ("$1", None),
            ("SQL statement \"SELECT $1\"", None),
            ("PL/pgSQL function f$1() line 1 at RAISE", None),
            ("function f$1", None),
            ("parameter $", None),
            ("parameter $0", None),
            ("parameter $99999", None),
            ("parameter $1x", None),
            ("parameters $1 and $2", None),
            ("", None),
        ] {
            assert_eq!(parameter_of(context), number, "{context}");
        }
    }
}
