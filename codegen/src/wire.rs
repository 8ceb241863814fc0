//! A small blocking PostgreSQL client: start-up, simple queries, and pipelines whose replies are seen in order.
//!
//! It exists because notices carry the query trees: they must be read in their place between the replies, and nothing
//! but what we send may run in between. No TLS and no COPY; the server is a scratch one or one that the author names.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{DataRowBody, ErrorFields, RowDescriptionBody};
use postgres_protocol::message::frontend;

pub use postgres_protocol::message::backend::Message;

use crate::describe::ServerError;

/// What is written ahead of any reading without a second thread. Every socket buffer holds more, so that the write
/// returns even when the server reads none of it.
const DIRECT_WRITE: usize = 4 * 1024;

/// A larger message is a damaged stream, not a reply: the server itself refuses to build a longer string.
const LARGEST_MESSAGE: usize = 1 << 30;

/// Where a server is and who we are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub address: Address,
    pub port: u16,
    pub user: String,
    pub password: Option<Password>,
    pub database: String,
    /// Settings of the session, by name.
    pub options: Vec<(String, String)>,
    pub connect_timeout: Duration,
    /// How long one reply may take; `None` waits for ever.
    pub read_timeout: Option<Duration>,
}

/// As `SET search_path` takes it.
pub fn search_path(schemas: &[String]) -> String {
    let quoted: Vec<String> = schemas
        .iter()
        .map(|schema| format!("\"{}\"", schema.replace('"', "\"\"")))
        .collect();
    quoted.join(", ")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A name or an address, over TCP.
    Host(String),
    /// The directory that holds `.s.PGSQL.<port>`.
    SocketDirectory(PathBuf),
}

/// Shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl Target {
    /// With port 5432, no password, and the database named as the user is.
    pub fn new(address: Address, user: impl Into<String>) -> Self {
        let user = user.into();
        Self {
            address,
            port: 5432,
            database: user.clone(),
            user,
            password: None,
            options: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Some(Duration::from_secs(120)),
        }
    }

    #[must_use]
    pub fn with_database(&self, database: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            ..self.clone()
        }
    }

    /// Names without a schema are looked up in these, in place of where the server would; unless there are none.
    pub fn with_search_path(mut self, schemas: &[String]) -> Self {
        if !schemas.is_empty() {
            self.options.retain(|(name, _)| name != "search_path");
            self.options
                .push(("search_path".to_owned(), search_path(schemas)));
        }
        self
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{doing}: {source}")]
    Io {
        /// "cannot connect to …", "cannot read from the server".
        doing: String,
        source: io::Error,
    },
    #[error("{}", .0.message)]
    Server(Box<ServerError>),
    /// The server said what we do not understand, or asks for what we do not speak.
    #[error("{0}")]
    Protocol(String),
}

impl Error {
    /// What the server said, if it was the server.
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Server(error) => Some(error),
            Self::Io { .. } | Self::Protocol(_) => None,
        }
    }
}

/// What one statement of a simple query gave back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Empty for a statement that returns no rows.
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
    /// `SELECT 3`, `CREATE TABLE`.
    pub tag: String,
}

impl Rows {
    /// The value in the first column of the first row.
    pub fn first(&self) -> Option<&str> {
        self.rows.first()?.first()?.as_deref()
    }
}

/// A notice, warning or log message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// `LOG`, `NOTICE`, `WARNING`: never translated.
    pub severity: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

/// A connection. Dropping it says goodbye.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    incoming: BytesMut,
    /// Since the last [`Connection::take_notices`].
    notices: Vec<Notice>,
    settings: Vec<(String, String)>,
    process_id: i32,
    /// A reply was lost, so that what comes next cannot be told apart.
    broken: bool,
}

impl Connection {
    pub fn connect(target: &Target) -> Result<Self, Error> {
        let stream = Stream::open(target)?;
        stream
            .set_timeout(Some(target.connect_timeout))
            .map_err(io_error("cannot set the time-out of the connection"))?;
        let mut connection = Self {
            stream,
            incoming: BytesMut::with_capacity(64 * 1024),
            notices: Vec::new(),
            settings: Vec::new(),
            process_id: 0,
            broken: false,
        };
        connection.start(target)?;
        connection
            .stream
            .set_timeout(target.read_timeout)
            .map_err(io_error("cannot set the time-out of the connection"))?;
        Ok(connection)
    }

    /// Runs one or several statements and returns what each gave, as text. The first error ends it.
    pub fn simple(&mut self, sql: &str) -> Result<Vec<Rows>, Error> {
        let mut out = BytesMut::new();
        frontend::query(sql, &mut out).map_err(io_error("this SQL cannot be sent"))?;
        // The server reads all of a query before it answers, so that writing first cannot lock up.
        self.check()?;
        self.write(&out)?;

        let mut all = Vec::new();
        let mut current = Rows::default();
        let mut failure = None;
        loop {
            match self.read()? {
                Message::RowDescription(body) => current.columns = column_names(&body)?,
                Message::DataRow(body) => current.rows.push(text_row(&body)?),
                Message::CommandComplete(body) => {
                    let mut done = std::mem::take(&mut current);
                    body.tag().map_err(malformed)?.clone_into(&mut done.tag);
                    all.push(done);
                }
                Message::EmptyQueryResponse => {}
                Message::ErrorResponse(body) => {
                    failure = Some(server_error(body.fields(), sql)?);
                }
                Message::CopyInResponse(_) => {
                    let mut out = BytesMut::new();
                    frontend::copy_fail("COPY FROM STDIN has no data here", &mut out)
                        .map_err(io_error("cannot refuse the COPY"))?;
                    self.write(&out)?;
                }
                Message::CopyOutResponse(_) | Message::CopyData(_) | Message::CopyDone => {}
                Message::NoticeResponse(body) => {
                    let notice = notice(body.fields())?;
                    self.notices.push(notice);
                }
                Message::ReadyForQuery(_) => break,
                _ => return Err(self.unexpected("a simple query")),
            }
        }
        match failure {
            Some(error) => Err(Error::Server(Box::new(error))),
            None => Ok(all),
        }
    }

    /// Sends `messages` (any number, each built with [`frontend`]) and hands every reply to `reply`, notices in their
    /// places among them, until the server has been ready `ready` times: once for each Sync or simple query sent.
    ///
    /// A second thread does the writing. The server stops reading while its replies are not taken, and its replies are
    /// larger than what we send by a factor that nothing bounds (a view can expand to any size), so that no fixed size
    /// of batch is safe.
    pub fn pipeline(
        &mut self,
        messages: &[u8],
        ready: usize,
        mut reply: impl FnMut(Message) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.check()?;
        if messages.len() <= DIRECT_WRITE {
            self.write(messages)?;
            return self.replies(ready, &mut reply);
        }
        let mut writer = self
            .stream
            .duplicate()
            .map_err(io_error("cannot write to the server"))?;
        std::thread::scope(|scope| {
            let writing = scope.spawn(move || writer.write_all(messages));
            let result = self.replies(ready, &mut reply);
            if result.is_err() {
                // The writer may be waiting for a server that waits for us.
                self.broken = true;
                self.stream.shutdown();
            }
            let written = writing.join();
            result?;
            match written {
                Ok(written) => written.map_err(io_error("cannot write to the server")),
                Err(_) => Err(Error::Protocol("writing to the server failed".to_owned())),
            }
        })
    }

    /// What the server told us besides, in order.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// A setting that the server reports by itself, such as `server_version`.
    pub fn setting(&self, name: &str) -> Option<&str> {
        let (_, value) = self.settings.iter().rev().find(|(key, _)| key == name)?;
        Some(value)
    }

    /// The server's process for this connection.
    pub fn process_id(&self) -> i32 {
        self.process_id
    }

    /// Says goodbye and waits until the server's process is gone: a database can be copied only when nobody is
    /// connected, and the server looks again only after a tenth of a second.
    pub fn close(mut self) -> Result<(), Error> {
        self.check()?;
        let mut out = BytesMut::new();
        frontend::terminate(&mut out);
        self.write(&out)?;
        self.broken = true;
        let mut rest = [0; 1024];
        while self
            .stream
            .read(&mut rest)
            .map_err(io_error("cannot wait for the server's process to end"))?
            > 0
        {}
        Ok(())
    }

    fn start(&mut self, target: &Target) -> Result<(), Error> {
        let mut parameters = vec![
            ("user", target.user.as_str()),
            ("database", target.database.as_str()),
            ("client_encoding", "UTF8"),
            ("application_name", "sqlmill"),
        ];
        parameters.extend(
            target
                .options
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let mut out = BytesMut::new();
        frontend::startup_message(parameters, &mut out)
            .map_err(io_error("the connection's settings cannot be sent"))?;
        self.write(&out)?;
        self.authenticate(target)?;
        loop {
            match self.read()? {
                Message::BackendKeyData(body) => self.process_id = body.process_id(),
                Message::NoticeResponse(body) => {
                    let notice = notice(body.fields())?;
                    self.notices.push(notice);
                }
                Message::ErrorResponse(body) => return Err(refused(body.fields())?),
                Message::ReadyForQuery(_) => return Ok(()),
                _ => return Err(self.unexpected("the start of a connection")),
            }
        }
    }

    fn authenticate(&mut self, target: &Target) -> Result<(), Error> {
        let password = || {
            target
                .password
                .as_ref()
                .map(|password| password.0.as_bytes())
                .ok_or_else(|| {
                    Error::Protocol(format!(
                        "the server wants a password for user \"{}\" and none was given",
                        target.user
                    ))
                })
        };
        let mut scram: Option<ScramSha256> = None;
        loop {
            let mut out = BytesMut::new();
            match self.read()? {
                Message::AuthenticationOk => return Ok(()),
                Message::AuthenticationCleartextPassword => {
                    frontend::password_message(password()?, &mut out)
                        .map_err(io_error("the password cannot be sent"))?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(target.user.as_bytes(), password()?, body.salt());
                    frontend::password_message(hash.as_bytes(), &mut out)
                        .map_err(io_error("the password cannot be sent"))?;
                }
                Message::AuthenticationSasl(body) => {
                    let offered: Vec<String> = body
                        .mechanisms()
                        .map(|name| Ok(name.to_owned()))
                        .collect()
                        .map_err(malformed)?;
                    if !offered.iter().any(|name| name == SCRAM_SHA_256) {
                        return Err(Error::Protocol(format!(
                            "the server offers only {} as authentication; {SCRAM_SHA_256} is needed",
                            offered.join(", ")
                        )));
                    }
                    let exchange = ScramSha256::new(password()?, ChannelBinding::unsupported());
                    frontend::sasl_initial_response(SCRAM_SHA_256, exchange.message(), &mut out)
                        .map_err(io_error("the authentication cannot be sent"))?;
                    scram = Some(exchange);
                }
                Message::AuthenticationSaslContinue(body) => {
                    let exchange = scram.as_mut().ok_or_else(out_of_turn)?;
                    exchange
                        .update(body.data())
                        .map_err(io_error("the server's authentication does not hold"))?;
                    frontend::sasl_response(exchange.message(), &mut out)
                        .map_err(io_error("the authentication cannot be sent"))?;
                }
                Message::AuthenticationSaslFinal(body) => {
                    let exchange = scram.as_mut().ok_or_else(out_of_turn)?;
                    exchange
                        .finish(body.data())
                        .map_err(io_error("the server's authentication does not hold"))?;
                }
                Message::ErrorResponse(body) => return Err(refused(body.fields())?),
                Message::NoticeResponse(body) => {
                    let notice = notice(body.fields())?;
                    self.notices.push(notice);
                }
                _ => {
                    return Err(Error::Protocol(
                        "the server asks for an authentication other than trust, password, md5 and \
                         scram-sha-256"
                            .to_owned(),
                    ));
                }
            }
            self.write(&out)?;
        }
    }

    fn replies(
        &mut self,
        ready: usize,
        reply: &mut impl FnMut(Message) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut left = ready;
        while left > 0 {
            let message = self.read()?;
            if matches!(message, Message::ReadyForQuery(_)) {
                left -= 1;
            }
            if let Err(error) = reply(message) {
                self.broken = true;
                return Err(error);
            }
        }
        Ok(())
    }

    /// The next message but for settings and notifications, which can come at any time.
    fn read(&mut self) -> Result<Message, Error> {
        loop {
            match Message::parse(&mut self.incoming) {
                Ok(Some(Message::ParameterStatus(body))) => {
                    let name = body.name().map_err(malformed)?.to_owned();
                    let value = body.value().map_err(malformed)?.to_owned();
                    self.settings.retain(|(key, _)| *key != name);
                    self.settings.push((name, value));
                }
                Ok(Some(Message::NotificationResponse(_))) => {}
                Ok(Some(message)) => return Ok(message),
                Ok(None) => self.fill()?,
                Err(source) => {
                    self.broken = true;
                    return Err(malformed(source));
                }
            }
        }
    }

    fn fill(&mut self) -> Result<(), Error> {
        if let Some(&[first, second, third, fourth]) = self.incoming.get(1..5)
            && u32::from_be_bytes([first, second, third, fourth]) as usize > LARGEST_MESSAGE
        {
            self.broken = true;
            return Err(Error::Protocol(
                "what answers there is not a PostgreSQL server".to_owned(),
            ));
        }
        let held = self.incoming.len();
        // `Message::parse` reserved what the message still needs; more spares system calls.
        self.incoming.reserve(32 * 1024);
        let room = self.incoming.capacity();
        self.incoming.resize(room, 0);
        let got = loop {
            match self.stream.read(&mut self.incoming[held..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                got => break got,
            }
        };
        self.incoming
            .truncate(held + got.as_ref().copied().unwrap_or(0));
        match got {
            Ok(0) => {
                self.broken = true;
                Err(Error::Io {
                    doing: "cannot read from the server".to_owned(),
                    source: io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "it closed the connection",
                    ),
                })
            }
            Ok(_) => Ok(()),
            Err(source) => {
                self.broken = true;
                let doing = match source.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                        "the server did not answer in time"
                    }
                    _ => "cannot read from the server",
                };
                Err(io_error(doing)(source))
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes).map_err(|source| {
            self.broken = true;
            io_error("cannot write to the server")(source)
        })
    }

    fn check(&self) -> Result<(), Error> {
        if self.broken {
            return Err(Error::Protocol(
                "this connection failed before and cannot be used".to_owned(),
            ));
        }
        Ok(())
    }

    fn unexpected(&mut self, place: &str) -> Error {
        self.broken = true;
        Error::Protocol(format!("the server's reply does not belong in {place}"))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.broken {
            let mut out = BytesMut::new();
            frontend::terminate(&mut out);
            // The server also notices the closed socket; this only spares it a line in its log.
            let _ = self.stream.write_all(&out);
        }
    }
}

/// What went wrong in `sql`, with the place as a byte offset in it.
pub fn server_error(fields: ErrorFields<'_>, sql: &str) -> Result<ServerError, Error> {
    let mut error = ServerError::default();
    let mut schema = None;
    each_field(fields, |kind, value| match kind {
        b'C' => error.code = value,
        b'M' => error.message = value,
        b'D' => error.detail = Some(value),
        b'H' => error.hint = Some(value),
        b'P' => error.position = value.parse().ok().and_then(|place| byte_offset(sql, place)),
        b's' => schema = Some(value),
        b't' => error.table = Some(value),
        b'c' => error.column = Some(value),
        b'n' => error.constraint = Some(value),
        _ => {}
    })?;
    error.table = error
        .table
        .zip(schema)
        .map(|(table, schema)| format!("{schema}.{table}"));
    Ok(error)
}

pub fn notice(fields: ErrorFields<'_>) -> Result<Notice, Error> {
    let mut notice = Notice {
        severity: String::new(),
        message: String::new(),
        detail: None,
        hint: None,
    };
    each_field(fields, |kind, value| match kind {
        b'V' => notice.severity = value,
        b'M' => notice.message = value,
        b'D' => notice.detail = Some(value),
        b'H' => notice.hint = Some(value),
        _ => {}
    })?;
    Ok(notice)
}

fn each_field(mut fields: ErrorFields<'_>, mut each: impl FnMut(u8, String)) -> Result<(), Error> {
    while let Some(field) = fields.next().map_err(malformed)? {
        // Before the encoding is agreed (a refused connection) the text can be in the server's own.
        each(
            field.type_(),
            String::from_utf8_lossy(field.value_bytes()).into_owned(),
        );
    }
    Ok(())
}

/// The protocol counts characters from 1. One past the end is a place too: "syntax error at end of input".
fn byte_offset(sql: &str, place: usize) -> Option<usize> {
    let before = place.checked_sub(1)?;
    sql.char_indices()
        .map(|(at, _)| at)
        .chain(std::iter::once(sql.len()))
        .nth(before)
}

fn column_names(body: &RowDescriptionBody) -> Result<Vec<String>, Error> {
    body.fields()
        .map(|field| Ok(field.name().to_owned()))
        .collect()
        .map_err(malformed)
}

fn text_row(body: &DataRowBody) -> Result<Vec<Option<String>>, Error> {
    let buffer = body.buffer();
    let mut row = Vec::new();
    let mut ranges = body.ranges();
    while let Some(range) = ranges.next().map_err(malformed)? {
        let value = match range {
            None => None,
            Some(range) => {
                let bytes = buffer.get(range).ok_or_else(out_of_turn)?;
                let text = std::str::from_utf8(bytes).map_err(|_| {
                    Error::Protocol("the server sent text that is not UTF-8".to_owned())
                })?;
                Some(text.to_owned())
            }
        };
        row.push(value);
    }
    Ok(row)
}

fn refused(fields: ErrorFields<'_>) -> Result<Error, Error> {
    Ok(Error::Server(Box::new(server_error(fields, "")?)))
}

fn out_of_turn() -> Error {
    Error::Protocol("the server's reply is out of turn".to_owned())
}

fn malformed(source: io::Error) -> Error {
    Error::Protocol(format!("the server's reply cannot be read: {source}"))
}

fn io_error(doing: &str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io {
        doing: doing.to_owned(),
        source,
    }
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    fn open(target: &Target) -> Result<Self, Error> {
        match &target.address {
            Address::Host(host) => {
                let place = format!("cannot connect to {host}:{}", target.port);
                let addresses = (host.as_str(), target.port)
                    .to_socket_addrs()
                    .map_err(io_error(&place))?;
                let mut failure =
                    io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                for address in addresses {
                    match TcpStream::connect_timeout(&address, target.connect_timeout) {
                        Ok(stream) => {
                            stream.set_nodelay(true).map_err(io_error(&place))?;
                            return Ok(Self::Tcp(stream));
                        }
                        Err(error) => failure = error,
                    }
                }
                Err(io_error(&place)(failure))
            }
            #[cfg(unix)]
            Address::SocketDirectory(directory) => {
                let path = directory.join(format!(".s.PGSQL.{}", target.port));
                UnixStream::connect(&path)
                    .map(Self::Unix)
                    .map_err(io_error(&format!("cannot connect to {}", path.display())))
            }
            #[cfg(not(unix))]
            Address::SocketDirectory(_) => Err(Error::Protocol(
                "Unix sockets are not available on this system: name a host".to_owned(),
            )),
        }
    }

    fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => {
                stream.set_read_timeout(timeout)?;
                stream.set_write_timeout(timeout)
            }
            #[cfg(unix)]
            Self::Unix(stream) => {
                stream.set_read_timeout(timeout)?;
                stream.set_write_timeout(timeout)
            }
        }
    }

    fn duplicate(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    fn shutdown(&self) {
        // It is closed already, or is by this.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            #[cfg(unix)]
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            #[cfg(unix)]
            Self::Unix(stream) => stream.flush(),
        }
    }
}
