//! A server for a developer to play with: it stays until it is stopped, with the schema loaded and a URL to print.
//!
//! Its data lasts as long as it runs. Like every private server it listens on a socket that only its user can reach.

use std::io;
use std::process::{Command, ExitStatus};

use sqlmill_server::{Binaries, Lasting, become_program};

use super::{Error, Options, SchemaStatement, load};
use crate::wire::{self, Connection, Target};

const DATABASE: &str = "app";

/// A server that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// `postgresql://postgres@/app?host=/tmp/sqlmill-…`
    pub url: String,
    /// It ran before we were asked.
    pub ran_already: bool,
    /// It has the schema as it is now. A server that ran already keeps what it was started with.
    pub schema_is_current: bool,
}

/// Starts it with the schema, unless it runs.
pub fn start(
    options: &Options,
    schema: &[SchemaStatement<'_>],
    search_path: &[String],
) -> Result<Running, Error> {
    if let Some(found) = find(options)? {
        let key = super::schema_key("", schema, search_path);
        let current = Connection::connect(&target(&found))
            .and_then(|mut connection| loaded_key(&mut connection))?;
        return Ok(Running {
            url: found.place().url(DATABASE),
            ran_already: true,
            schema_is_current: current.as_deref() == Some(key.as_str()),
        });
    }
    let started = Lasting::start(&options.private())?;
    let url = started.place().url(DATABASE);
    if let Err(error) = fill(&target(&started), schema, search_path) {
        started.stop();
        return Err(error);
    }
    Ok(Running {
        url,
        ran_already: false,
        schema_is_current: true,
    })
}

/// Stops it and forgets its data. False where none runs.
pub fn stop(options: &Options) -> Result<bool, Error> {
    let found = find(options)?;
    Ok(found.map(Lasting::stop).is_some())
}

/// Its URL, which psql and tokio-postgres accept. `None` where none runs.
pub fn url(options: &Options) -> Result<Option<String>, Error> {
    Ok(find(options)?.map(|found| found.place().url(DATABASE)))
}

fn find(options: &Options) -> Result<Option<Lasting>, Error> {
    Ok(Lasting::find(&options.private())?)
}

fn target(server: &Lasting) -> Target {
    super::target(&server.place()).with_database(DATABASE)
}

/// Opens psql on it, with more arguments if need be. On Unix psql takes the place of this process: the terminal's
/// Ctrl-C is for psql alone, which cancels a query with it.
pub fn psql(options: &Options, arguments: &[String]) -> Result<ExitStatus, Error> {
    let Some(url) = url(options)? else {
        return Err(Error::NotRunning);
    };
    let beside = Binaries::find(options.binaries.as_deref())
        .map(|binaries| binaries.program("psql"))
        .ok()
        .filter(|program| program.is_file());
    let mut command = Command::new(beside.unwrap_or_else(|| "psql".into()));
    command.arg(url).args(arguments);
    become_program(command).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Error::NoPsql,
        _ => Error::Io {
            doing: "cannot run psql".to_owned(),
            source,
        },
    })
}

fn fill(
    target: &Target,
    schema: &[SchemaStatement<'_>],
    search_path: &[String],
) -> Result<(), Error> {
    let key = super::schema_key("", schema, search_path);
    let mut maintenance = Connection::connect(&target.with_database("postgres"))?;
    let loader = target.clone().with_search_path(search_path);
    load::load_making_roles(&loader, &mut maintenance, schema)?.close()?;
    if !search_path.is_empty() {
        // For whoever connects with the URL.
        maintenance.simple(&format!(
            "ALTER DATABASE {DATABASE} SET search_path = {}",
            wire::search_path(search_path)
        ))?;
    }
    maintenance.simple(&format!(
        "COMMENT ON DATABASE {DATABASE} IS 'sqlmill: {key}'"
    ))?;
    Ok(())
}

fn loaded_key(connection: &mut Connection) -> Result<Option<String>, wire::Error> {
    let answers = connection.simple(
        "SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database \
         WHERE datname = pg_catalog.current_database()",
    )?;
    Ok(answers
        .first()
        .and_then(|rows| rows.first())
        .and_then(|comment| comment.strip_prefix("sqlmill: "))
        .map(str::to_owned))
}
