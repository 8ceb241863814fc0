//! A server of our own, on a socket that nobody else can reach.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};

use super::account::{self, Account};
use super::cluster::Cluster;
use super::find::{self, Binaries};
use super::supervise::Supervised;
use super::{Error, Options, SchemaStatement, load};
use crate::wire::{Address, Connection, Target};

/// Raised when schemas must be loaded differently, so that databases that were kept are not used.
const LOADER: &str = "1";

/// Databases with older schemas are dropped beyond this many.
const KEPT: usize = 8;

/// Says that a database's schema was loaded to its end.
const COMPLETE: &str = "sqlmill: complete";

#[derive(Debug)]
pub(super) struct Private {
    target: Target,
    binaries: Binaries,
    fresh: AtomicU32,
    /// Loading is one at a time: it creates roles and databases by name.
    loading: Mutex<()>,
    // Dropped in this order: the server ends before another run may take its cluster.
    _running: Supervised,
    _cluster: Cluster,
}

impl Private {
    pub(super) fn start(options: &Options) -> Result<Self, Error> {
        let account = account::choose()?;
        let binaries = find::find(options.binaries.as_deref(), account.as_ref())?;
        let cluster = Cluster::open(&options.cache, &binaries, account.as_ref())?;
        // Where it does not start, something is wrong with its files, however sound they looked.
        if cluster.is_sound(account.as_ref())?
            && let Ok((running, target)) = start(&cluster, &binaries, account.as_ref())
        {
            return Ok(Self::new(target, binaries, running, cluster));
        }
        cluster.make(&binaries, account.as_ref())?;
        let (running, target) = start(&cluster, &binaries, account.as_ref())?;
        Ok(Self::new(target, binaries, running, cluster))
    }

    fn new(target: Target, binaries: Binaries, running: Supervised, cluster: Cluster) -> Self {
        Self {
            target,
            binaries,
            fresh: AtomicU32::new(0),
            loading: Mutex::new(()),
            _running: running,
            _cluster: cluster,
        }
    }

    pub(super) fn version(&self) -> &str {
        &self.binaries.version
    }

    /// A database with the schema, and a connection to it.
    pub(super) fn load(
        &self,
        schema: &[SchemaStatement<'_>],
    ) -> Result<(Target, Connection), Error> {
        let target = self
            .target
            .with_database(format!("schema_{}", self.key(schema)));
        let connection = self.ensure(&target, schema)?;
        Ok((target, connection))
    }

    /// A copy of a database that nobody is connected to.
    pub(super) fn fresh_database(&self, schema: &[SchemaStatement<'_>]) -> Result<Target, Error> {
        let template = self
            .target
            .with_database(format!("template_{}", self.key(schema)));
        let number = self.fresh.fetch_add(1, Ordering::Relaxed);
        let name = format!("fresh_{}_{number}", std::process::id());
        let _one = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut maintenance = Connection::connect(&self.target)?;
        if !is_complete(&mut maintenance, &template.database)? {
            drop(self.ensure_locked(&template, schema)?);
        }
        maintenance.simple(&format!(
            "CREATE DATABASE {name} TEMPLATE {}",
            template.database
        ))?;
        Ok(self.target.with_database(name))
    }

    /// What cannot be dropped now is dropped by the next run that takes this cluster.
    pub(super) fn drop_database(&self, name: &str) {
        if let Ok(mut maintenance) = Connection::connect(&self.target) {
            let _ = maintenance.simple(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }

    fn key(&self, schema: &[SchemaStatement<'_>]) -> String {
        let mut hash = Sha256::new();
        hash.update(LOADER);
        hash.update(&self.binaries.version);
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

    fn ensure(&self, target: &Target, schema: &[SchemaStatement<'_>]) -> Result<Connection, Error> {
        let _one = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        self.ensure_locked(target, schema)
    }

    /// A connection to the named database, loaded if it was not there.
    fn ensure_locked(
        &self,
        target: &Target,
        schema: &[SchemaStatement<'_>],
    ) -> Result<Connection, Error> {
        // Connecting is also the quickest way to ask whether it is there.
        if let Ok(mut connection) = Connection::connect(target)
            && is_complete(&mut connection, &target.database)?
        {
            return Ok(connection);
        }
        let mut maintenance = Connection::connect(&self.target)?;
        drop_old(&mut maintenance)?;
        loop {
            let name = &target.database;
            maintenance.simple(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
            maintenance.simple(&format!("CREATE DATABASE {name} TEMPLATE template0"))?;
            let known = roles(&mut maintenance)?;
            let mut connection = Connection::connect(target)?;
            match load::load(&mut connection, schema, &known)? {
                load::Outcome::Loaded => {
                    connection.simple(&format!("COMMENT ON DATABASE {name} IS '{COMPLETE}'"))?;
                    drop(connection);
                    // The schema's own SET commands are not to hold for those who ask.
                    return Ok(Connection::connect(target)?);
                }
                load::Outcome::MissingRoles(roles) => {
                    for role in roles {
                        let quoted = role.replace('"', "\"\"");
                        maintenance.simple(&format!("CREATE ROLE \"{quoted}\" NOLOGIN"))?;
                    }
                }
                load::Outcome::Refused(faults) => {
                    drop(connection);
                    let _ =
                        maintenance.simple(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                    return Err(Error::Schema(faults));
                }
            }
        }
    }
}

fn start(
    cluster: &Cluster,
    binaries: &Binaries,
    account: Option<&Account>,
) -> Result<(Supervised, Target), Error> {
    let (running, socket) = cluster.start(binaries, account)?;
    let mut target = Target::new(Address::SocketDirectory(socket), "postgres");
    // What the server prints of each statement's tree is for us; its log is for what keeps it from working.
    target
        .options
        .push(("log_min_messages".to_owned(), "fatal".to_owned()));
    Ok((running, target))
}

fn is_complete(connection: &mut Connection, database: &str) -> Result<bool, Error> {
    let rows = connection.simple(&format!(
        "SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database \
         WHERE datname = '{database}'"
    ))?;
    Ok(rows.first().and_then(|rows| rows.first()) == Some(COMPLETE))
}

fn roles(connection: &mut Connection) -> Result<BTreeSet<String>, Error> {
    let rows = connection.simple("SELECT rolname FROM pg_catalog.pg_roles")?;
    Ok(rows
        .into_iter()
        .flat_map(|rows| rows.rows)
        .filter_map(|row| row.into_iter().next().flatten())
        .collect())
}

/// The cluster is ours alone, so that databases of earlier runs are nobody's.
fn drop_old(maintenance: &mut Connection) -> Result<(), Error> {
    let rows = maintenance.simple(
        "SELECT datname FROM pg_catalog.pg_database \
         WHERE datname ~ '^(schema|template)_[0-9a-f]{24}$' ORDER BY oid DESC",
    )?;
    let names: Vec<String> = rows
        .into_iter()
        .flat_map(|rows| rows.rows)
        .filter_map(|row| row.into_iter().next().flatten())
        .collect();
    for name in names.iter().skip(KEPT) {
        // In use by another test of this process: it stays.
        let _ = maintenance.simple(&format!("DROP DATABASE IF EXISTS {name}"));
    }
    Ok(())
}
