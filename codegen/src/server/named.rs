//! A server that the author names: scratch databases with unique names, dropped at the end.
//!
//! One advisory lock is held while we live. Its key is in the databases' names, so that a later run can tell those of
//! a run that was killed from those in use, whatever database each run is connected to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};

use super::{Error, SchemaStatement, first_column, load, random_name};
use crate::describe::ServerError;
use crate::wire::{self, Connection, Target};

const OLDEST: u32 = 14_00_00;

#[derive(Debug)]
pub(super) struct Named {
    target: Target,
    version: String,
    /// `sqlmill_<process>_<key>`
    prefix: String,
    counter: AtomicU32,
    /// Holds the lock.
    _alive: Mutex<Connection>,
    /// Made once, for each schema that was asked for.
    templates: Mutex<BTreeMap<String, String>>,
    made: Arc<Made>,
}

/// The databases that are to be dropped.
#[derive(Debug)]
struct Made {
    target: Target,
    names: Mutex<BTreeSet<String>>,
}

/// Of every named server of this process, for the handler of Ctrl-C.
static ALL: Mutex<Vec<Weak<Made>>> = Mutex::new(Vec::new());
static HANDLER: Once = Once::new();

impl Named {
    pub(super) fn start(text: &str) -> Result<Self, Error> {
        let mut target = super::url::parse(text, &|name| std::env::var(name).ok())
            .map_err(|reason| Error::Url { reason })?;
        let mut connection = Connection::connect(&target).map_err(|source| Error::Connect {
            user: target.user.clone(),
            source,
        })?;
        let (version, is_superuser) = about(&mut connection)?;
        if is_superuser {
            // The trees that describing asks for would fill the server's log too.
            target
                .options
                .push(("log_min_messages".to_owned(), "fatal".to_owned()));
        }
        let key = random_name();
        // An idle session that the server ends would lose the lock.
        connection.simple(&format!(
            "SET idle_session_timeout = 0; SELECT pg_catalog.pg_advisory_lock({})",
            lock_key(&key).ok_or_else(|| wire::Error::Protocol("no random number".to_owned()))?
        ))?;
        drop_abandoned(&mut connection)?;
        let made = Arc::new(Made {
            target: target.clone(),
            names: Mutex::new(BTreeSet::new()),
        });
        drop_on_interrupt(&made);
        Ok(Self {
            target,
            version,
            prefix: format!("sqlmill_{}_{key}", std::process::id()),
            counter: AtomicU32::new(0),
            _alive: Mutex::new(connection),
            templates: Mutex::new(BTreeMap::new()),
            made,
        })
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn load(
        &self,
        schema: &[SchemaStatement<'_>],
        search_path: &[String],
    ) -> Result<(Target, Connection), Error> {
        let name = self.make("template0")?;
        let target = self
            .target
            .with_database(&name)
            .with_search_path(search_path);
        let loaded = self
            .load_into(&target, schema)
            .and_then(|()| Ok(Connection::connect(&target)?));
        match loaded {
            Ok(connection) => Ok((target, connection)),
            Err(error) => {
                self.drop_database(&name);
                Err(error)
            }
        }
    }

    fn load_into(&self, target: &Target, schema: &[SchemaStatement<'_>]) -> Result<(), Error> {
        let mut connection = Connection::connect(target)?;
        match load::load(&mut connection, schema, &load::Roles::Theirs)? {
            load::Outcome::Loaded => Ok(connection.close()?),
            // Only asked for where roles are ours to make.
            load::Outcome::MissingRoles(_) => Ok(()),
            load::Outcome::Refused(faults) => Err(Error::Schema(faults)),
        }
    }

    pub(super) fn fresh_database(
        &self,
        schema: &[SchemaStatement<'_>],
        search_path: &[String],
    ) -> Result<Target, Error> {
        let target = self.target.clone().with_search_path(search_path);
        let mut templates = lock(&self.templates);
        let key = super::schema_key(&self.version, schema, search_path);
        let template = match templates.get(&key) {
            Some(template) => template.clone(),
            None => {
                let name = self.make("template0")?;
                self.load_into(&target.with_database(&name), schema)
                    .inspect_err(|_| self.drop_database(&name))?;
                templates.insert(key, name.clone());
                name
            }
        };
        Ok(target.with_database(self.make(&template)?))
    }

    fn make(&self, template: &str) -> Result<String, Error> {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}_{number}", self.prefix);
        // Whatever the server's own encoding and locale are: C goes with every encoding.
        let locale = match template {
            "template0" => " ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
            _ => "",
        };
        let mut connection = Connection::connect(&self.target)?;
        // Held while the database is made, so that an interrupt waits for it and then drops it.
        let mut names = lock(&self.made.names);
        connection
            .simple(&format!(
                "CREATE DATABASE {name} TEMPLATE {template}{locale}"
            ))
            .map_err(|error| match error.server() {
                Some(said) if said.code == INSUFFICIENT_PRIVILEGE => Error::NoCreateDatabase {
                    user: self.target.user.clone(),
                    said: said.message.clone(),
                },
                Some(_) | None => Error::Wire(error),
            })?;
        names.insert(name.clone());
        Ok(name)
    }

    pub(super) fn drop_database(&self, name: &str) {
        let mut names = lock(&self.made.names);
        if names.remove(name) {
            drop_databases(&self.target, &BTreeSet::from([name.to_owned()]));
        }
    }
}

const INSUFFICIENT_PRIVILEGE: &str = "42501";

impl Drop for Named {
    fn drop(&mut self) {
        let mut names = lock(&self.made.names);
        drop_databases(&self.target, &names);
        names.clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What cannot be dropped now is dropped by a later run.
fn drop_databases(target: &Target, names: &BTreeSet<String>) {
    if names.is_empty() {
        return;
    }
    if let Ok(mut connection) = Connection::connect(target) {
        for name in names {
            let _ = connection.simple(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

fn drop_on_interrupt(made: &Arc<Made>) {
    lock(&ALL).push(Arc::downgrade(made));
    HANDLER.call_once(|| {
        // Where the program has a handler of its own, that one decides; what stays is dropped by a later run.
        let _ = ctrlc::set_handler(|| {
            for made in lock(&ALL).iter().filter_map(Weak::upgrade) {
                let names = lock(&made.names);
                drop_databases(&made.target, &names);
                // Never given back: nothing is made any more.
                std::mem::forget(names);
            }
            std::process::exit(130);
        });
    });
}

/// The version, and whether we may do everything.
fn about(connection: &mut Connection) -> Result<(String, bool), Error> {
    let rows = connection.simple(
        "SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.current_setting('server_version'), \
         pg_catalog.current_setting('is_superuser')",
    )?;
    let mut values = rows
        .into_iter()
        .flat_map(|rows| rows.rows)
        .flatten()
        .map(Option::unwrap_or_default);
    let number: u32 = values.next().unwrap_or_default().parse().unwrap_or(0);
    let text = values.next().unwrap_or_default();
    let version = text.split(' ').next().unwrap_or_default().to_owned();
    if number < OLDEST {
        return Err(Error::TooOld { version });
    }
    Ok((version, values.next().as_deref() == Some("on")))
}

/// Drops databases of runs that were killed before they could.
fn drop_abandoned(connection: &mut Connection) -> Result<(), Error> {
    // The names first: a run takes its lock before it makes a database.
    let names = first_column(connection.simple(
        r"SELECT datname FROM pg_catalog.pg_database
          WHERE datname ~ '^sqlmill_[0-9]+_[0-9a-f]{16}_[0-9]+$'
            AND pg_catalog.pg_has_role(datdba, 'USAGE')",
    )?);
    if names.is_empty() {
        return Ok(());
    }
    // `objsubid` is 1 for a key of 64 bits, of which `classid` is the upper half.
    let held: BTreeSet<String> = first_column(connection.simple(
        "SELECT (classid::int8 << 32) | objid::int8 FROM pg_catalog.pg_locks
         WHERE locktype = 'advisory' AND objsubid = 1",
    )?)
    .into_iter()
    .collect();
    for name in names {
        let key = name.split('_').nth(2).and_then(lock_key);
        if key.is_some_and(|key| !held.contains(&key.to_string())) {
            // Another run may be dropping it.
            let _ = connection.simple(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
    Ok(())
}

fn lock_key(random: &str) -> Option<i64> {
    u64::from_str_radix(random, 16).ok().map(u64::cast_signed)
}

/// What to do when the server does not let us in.
pub(super) fn advice(error: &ServerError, user: &str) -> Vec<String> {
    match error.code.as_str() {
        "28P01" | "28000" => vec![format!(
            "check the password of \"{user}\": it may stand in the URL or in PGPASSWORD"
        )],
        "3D000" => {
            vec!["name a database that exists: it is only connected to, and left alone".to_owned()]
        }
        _ => Vec::new(),
    }
}
