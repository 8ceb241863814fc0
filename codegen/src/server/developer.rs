//! A server for a developer to play with: it stays until it is stopped, with the schema loaded and a URL to print.
//!
//! Its data lasts as long as it runs. Like every private server it listens on a socket that only its user can reach.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use super::account::{self, Account};
use super::cluster::{self, Cluster, Postmaster};
use super::{Error, Options, SchemaStatement, find, load, system};
use crate::wire::{Connection, Target};

/// The one slot of such servers.
const SLOT: &str = "dev";

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
pub fn start(options: &Options, schema: &[SchemaStatement<'_>]) -> Result<Running, Error> {
    let account = account::choose()?;
    let account = account.as_ref();
    if let Some(found) = find_running(options, account)? {
        let key = super::schema_key("", schema);
        let current = Connection::connect(&found.target())
            .and_then(|mut connection| loaded_key(&mut connection))?;
        return Ok(Running {
            url: found.url(),
            ran_already: true,
            schema_is_current: current.as_deref() == Some(key.as_str()),
        });
    }
    let binaries = find::find(options.binaries.as_deref(), account)?;
    let cluster = Cluster::open_named(&options.cache, &binaries, account, |number| {
        (number == 0).then(|| SLOT.to_owned())
    })?;
    if !cluster.is_sound(account)? {
        cluster.make(&binaries, account)?;
    }
    let started = Found {
        postmaster: system::start_lasting(&cluster, &binaries, account)?,
        directory: cluster.directory(),
    };
    fill(&started.target(), schema).inspect_err(|_| started.end(account))?;
    Ok(Running {
        url: started.url(),
        ran_already: false,
        schema_is_current: true,
    })
}

/// Stops it and forgets its data. False where none runs.
pub fn stop(options: &Options) -> Result<bool, Error> {
    let account = account::choose()?;
    match find_running(options, account.as_ref())? {
        Some(found) => {
            found.end(account.as_ref());
            Ok(true)
        }
        None => Ok(false),
    }
}

/// Its URL, which psql and tokio-postgres accept. `None` where none runs.
pub fn url(options: &Options) -> Result<Option<String>, Error> {
    let account = account::choose()?;
    Ok(find_running(options, account.as_ref())?.map(|found| found.url()))
}

/// Opens psql on it, with more arguments if need be. On Unix psql takes the place of this process: the terminal's
/// Ctrl-C is for psql alone, which cancels a query with it.
pub fn psql(options: &Options, arguments: &[String]) -> Result<ExitStatus, Error> {
    let Some(url) = url(options)? else {
        return Err(Error::NotRunning);
    };
    let account = account::choose()?;
    let beside = find::find(options.binaries.as_deref(), account.as_ref())
        .map(|binaries| binaries.program("psql"))
        .ok()
        .filter(|program| program.is_file());
    let mut command = Command::new(beside.unwrap_or_else(|| "psql".into()));
    command.arg(url).args(arguments);
    system::become_program(command).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Error::NoPsql,
        _ => Error::Io {
            doing: "cannot run psql".to_owned(),
            source,
        },
    })
}

struct Found {
    directory: PathBuf,
    postmaster: Postmaster,
}

/// Of whatever version: the programs may have changed since it was started.
fn find_running(options: &Options, account: Option<&Account>) -> Result<Option<Found>, Error> {
    for home in cluster::existing_homes(&options.cache, account) {
        for entry in fs::read_dir(&home).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if !name.starts_with("pg") || !name.ends_with(&format!("-{SLOT}")) {
                continue;
            }
            let directory = entry.path();
            let data = directory.join("data");
            if let Some(postmaster) = cluster::postmaster_of(&data)
                && postmaster.ready
                && system::is_running(&directory, &postmaster, account)
            {
                return Ok(Some(Found {
                    directory,
                    postmaster,
                }));
            }
        }
    }
    Ok(None)
}

impl Found {
    fn target(&self) -> Target {
        system::target(&self.directory, &self.postmaster).with_database(DATABASE)
    }

    fn url(&self) -> String {
        system::url(&self.directory, &self.postmaster, DATABASE)
    }

    fn end(&self, account: Option<&Account>) {
        system::end(&self.directory, &self.postmaster, account);
        // The next start makes it anew.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn fill(target: &Target, schema: &[SchemaStatement<'_>]) -> Result<(), Error> {
    let key = super::schema_key("", schema);
    let mut maintenance = Connection::connect(&target.with_database("postgres"))?;
    load::load_making_roles(target, &mut maintenance, schema)?.close()?;
    maintenance.simple(&format!(
        "COMMENT ON DATABASE {DATABASE} IS 'sqlmill: {key}'"
    ))?;
    Ok(())
}

fn loaded_key(connection: &mut Connection) -> Result<Option<String>, crate::wire::Error> {
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
