//! A PostgreSQL server to ask: found on this machine and started privately, or one that the author names. Nothing of it
//! is left behind.

pub mod developer;
mod load;
mod named;
mod private;
mod url;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::diagnostic::Diagnostic;
use crate::wire;

pub use crate::schema::SchemaStatement;
use sqlmill_server::random_name;
pub use sqlmill_server::{Binaries, DIRECTORY_VARIABLE};

/// Which server to use and where to keep what is worth keeping.
#[derive(Clone, Default)]
pub struct Options {
    /// A server of the author's: `postgres://…` or `host=… user=…`. Without it a private one is started.
    pub url: Option<String>,
    /// The directory of the server's programs. Without it they are looked for.
    pub binaries: Option<PathBuf>,
    /// Where clusters are kept between runs: `target/sqlmill`.
    pub cache: PathBuf,
}

impl Options {
    /// For a server of ours.
    fn private(&self) -> sqlmill_server::Options {
        sqlmill_server::Options {
            binaries: self.binaries.clone(),
            cache: self.cache.clone(),
            settings: Vec::new(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            // It may hold a password.
            .field("url", &self.url.as_ref().map(|_| "[redacted]"))
            .field("binaries", &self.binaries)
            .field("cache", &self.cache)
            .finish()
    }
}

/// A running server. Clones share it; it stops when the last of them, and of the databases from it, is dropped.
#[derive(Debug, Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

#[derive(Debug)]
enum Inner {
    Private(private::Private),
    Named(named::Named),
}

/// A database that has the schema.
#[derive(Debug)]
pub struct Scratch {
    target: wire::Target,
    statements: Vec<(crate::source::Span, String)>,
    search_path: Vec<String>,
    /// The connection that was used last, to be used again.
    idle: Mutex<Option<wire::Connection>>,
    server: Server,
}

/// A database of its own, dropped at the end.
#[derive(Debug)]
pub struct Database {
    target: wire::Target,
    server: Server,
}

/// Starts a server and loads the schema.
pub fn scratch(
    options: &Options,
    schema: &[SchemaStatement<'_>],
    search_path: &[String],
) -> Result<Scratch, Error> {
    Server::start(options)?.load(schema, search_path)
}

impl Server {
    pub fn start(options: &Options) -> Result<Self, Error> {
        let inner = match options.url.as_deref().filter(|url| !url.trim().is_empty()) {
            Some(url) => Inner::Named(named::Named::start(url)?),
            None => Inner::Private(private::Private::start(options)?),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// `15.18`
    pub fn version(&self) -> &str {
        match &*self.inner {
            Inner::Private(server) => server.version(),
            Inner::Named(server) => server.version(),
        }
    }

    /// A database with the schema loaded. The same schema is loaded once and kept: what is given out is for reading.
    /// Whoever writes takes [`Scratch::fresh_database`]. Names are looked up in the schemas of the search path, or where the
    /// server would look if it is empty.
    pub fn load(
        &self,
        schema: &[SchemaStatement<'_>],
        search_path: &[String],
    ) -> Result<Scratch, Error> {
        let (target, connection) = match &*self.inner {
            Inner::Private(server) => server.load(schema, search_path)?,
            Inner::Named(server) => server.load(schema, search_path)?,
        };
        Ok(Scratch {
            target,
            search_path: search_path.to_vec(),
            statements: schema
                .iter()
                .map(|statement| (statement.span, statement.value.to_owned()))
                .collect(),
            idle: Mutex::new(Some(connection)),
            server: self.clone(),
        })
    }
}

impl Scratch {
    pub fn target(&self) -> &wire::Target {
        &self.target
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A connection to the database with the schema; the first is open already.
    pub fn connect(&self) -> Result<wire::Connection, Error> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match idle {
            Some(connection) => Ok(connection),
            None => Ok(wire::Connection::connect(&self.target)?),
        }
    }

    /// A database of one's own with the schema and no rows.
    pub fn fresh_database(&self) -> Result<Database, Error> {
        let schema: Vec<SchemaStatement<'_>> = self
            .statements
            .iter()
            .map(|(span, sql)| SchemaStatement {
                value: sql.as_str(),
                span: *span,
            })
            .collect();
        Ok(Database {
            target: match &*self.server.inner {
                Inner::Private(server) => server.fresh_database(&schema, &self.search_path)?,
                Inner::Named(server) => server.fresh_database(&schema, &self.search_path)?,
            },
            server: self.server.clone(),
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(idle.take());
        match &*self.server.inner {
            // Kept for the next run.
            Inner::Private(server) => server.release(&self.target.database),
            Inner::Named(server) => server.drop_database(&self.target.database),
        }
    }
}

impl Database {
    pub fn target(&self) -> &wire::Target {
        &self.target
    }

    pub fn connect(&self) -> Result<wire::Connection, Error> {
        Ok(wire::Connection::connect(&self.target)?)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match &*self.server.inner {
            Inner::Private(server) => server.drop_database(&self.target.database),
            Inner::Named(server) => server.drop_database(&self.target.database),
        }
    }
}

const DISK_FULL: &str = "53100";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A private one cannot be started.
    #[error(transparent)]
    Private(#[from] sqlmill_server::Error),
    #[error("{doing}: {source}")]
    Io { doing: String, source: io::Error },
    /// The reason never holds the URL's text: it may hold a password.
    #[error("the server's URL cannot be used: {reason}")]
    Url { reason: String },
    #[error("the named server does not let us in: {source}")]
    Connect { user: String, source: wire::Error },
    #[error("the named server is PostgreSQL {version}: 14 is the oldest that sqlmill reads")]
    TooOld { version: String },
    #[error("the named server does not let \"{user}\" make a scratch database: {said}")]
    NoCreateDatabase { user: String, said: String },
    #[error("no developer's server runs")]
    NotRunning,
    #[error("psql is not installed")]
    NoPsql,
    #[error(transparent)]
    Wire(#[from] wire::Error),
    /// The schema has faults, each with its place.
    #[error("the schema cannot be loaded")]
    Schema(Vec<Diagnostic>),
}

impl Error {
    fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// What the author is told.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let plain = || Diagnostic::error("server", self.to_string());
        vec![match self {
            Self::Schema(faults) => return faults.clone(),
            Self::Private(error) => {
                let mut diagnostic = plain();
                for note in error.notes() {
                    diagnostic = diagnostic.note(note);
                }
                for line in error.help().into_iter().chain(named_instead(error)) {
                    diagnostic = diagnostic.help(line);
                }
                diagnostic
            }
            Self::Connect { user, source } => {
                let mut diagnostic = plain();
                let advice = match source.server() {
                    Some(said) => named::advice(said, user),
                    None => vec![
                        "check that it runs, and its host and port".to_owned(),
                        "or leave `--url` and DATABASE_URL out: a private server is started"
                            .to_owned(),
                    ],
                };
                for line in advice {
                    diagnostic = diagnostic.help(line);
                }
                diagnostic
            }
            Self::Url { .. } => plain().help(
                "write `postgres://user:password@host:port/database` or `host=… user=… dbname=…`",
            ),
            Self::TooOld { .. } => {
                plain().help("name a newer server, or leave `--url` and DATABASE_URL out")
            }
            Self::NoCreateDatabase { user, .. } => plain()
                .help(format!("allow it: `ALTER ROLE \"{user}\" CREATEDB`"))
                .help("or leave `--url` and DATABASE_URL out: a private server is started"),
            Self::NotRunning => plain().help("start it: `db start`"),
            Self::NoPsql => {
                plain().help("install PostgreSQL's client, or use the URL that `db url` prints")
            }
            Self::Wire(error) if error.server().is_some_and(|said| said.code == DISK_FULL) => {
                plain().help("the server's disk is full")
            }
            Self::Io { .. } | Self::Wire(_) => plain(),
        }]
    }
}

/// Where a server of the author's would do.
fn named_instead(error: &sqlmill_server::Error) -> Option<String> {
    use sqlmill_server::Error::{Binaries, Io, NoAccount, NoPlace, NoServer, Program};

    let advice = match error {
        NoServer { .. } => {
            "or name a running server: `--url postgres://user@host/database`, or DATABASE_URL; its data is left alone"
        }
        NoAccount => "or name a server: `--url postgres://user@host/database`",
        Binaries { .. } | NoPlace { .. } | Io { .. } | Program { .. } => return None,
    };
    Some(advice.to_owned())
}

/// Where a server of ours is.
fn target(place: &sqlmill_server::Place) -> wire::Target {
    let address = match &place.address {
        sqlmill_server::Address::Host(host) => wire::Address::Host(host.clone()),
        sqlmill_server::Address::SocketDirectory(directory) => {
            wire::Address::SocketDirectory(directory.clone())
        }
    };
    let mut target = wire::Target::new(address, &place.user);
    target.port = place.port;
    target.password = place.password.as_ref().map(wire::Password::new);
    target
}

/// Raised when schemas must be loaded differently, so that databases that were kept are not used.
const LOADER: &str = "1";

fn first_column(answers: Vec<wire::Rows>) -> Vec<String> {
    answers
        .into_iter()
        .flat_map(|rows| rows.rows)
        .filter_map(|row| row.into_iter().next().flatten())
        .collect()
}

/// Equal where a loaded database can stand for the schema.
fn schema_key(version: &str, schema: &[SchemaStatement<'_>], search_path: &[String]) -> String {
    let mut hash = Sha256::new();
    hash.update(LOADER);
    hash.update(version);
    hash.update(wire::search_path(search_path));
    for statement in schema {
        hash.update(statement.value.len().to_le_bytes());
        hash.update(statement.value);
    }
    hash.finalize()
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
