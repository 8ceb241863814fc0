//! A server of our own, on a socket that nobody else can reach.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Error, Options, SchemaStatement, first_column, load};
use crate::wire::{Connection, Target};

/// Databases with older schemas are dropped beyond this many.
const KEPT: usize = 16;

/// Dropping takes time that somebody waits for.
const DROPPED_AT_ONCE: usize = 2;

/// Says that a database's schema was loaded to its end.
const COMPLETE: &str = "sqlmill: complete";

#[derive(Debug)]
pub(super) struct Private {
    target: Target,
    fresh: AtomicU32,
    /// What begins the names of databases that are made for one user each.
    fresh_prefix: String,
    /// Loading is one at a time: it creates roles and databases by name. How many users each database has.
    in_use: Mutex<BTreeMap<String, usize>>,
    server: sqlmill_server::Server,
}

impl Private {
    pub(super) fn start(options: &Options) -> Result<Self, Error> {
        let server = sqlmill_server::Server::start(&options.private())?;
        let mut target = super::target(server.place());
        // What the server prints of each statement's tree is for us; its log is for what keeps it from working.
        target
            .options
            .push(("log_min_messages".to_owned(), "fatal".to_owned()));
        Ok(Self {
            target,
            fresh: AtomicU32::new(0),
            fresh_prefix: format!("fresh_{}_", super::random_name()),
            in_use: Mutex::new(BTreeMap::new()),
            server,
        })
    }

    pub(super) fn version(&self) -> &str {
        self.server.version()
    }

    /// A database with the schema, and a connection to it.
    pub(super) fn load(
        &self,
        schema: &[SchemaStatement<'_>],
        search_path: &[String],
    ) -> Result<(Target, Connection), Error> {
        let target = self
            .target
            .with_database(format!("schema_{}", self.key(schema, search_path)))
            .with_search_path(search_path);
        let mut in_use = self.in_use();
        let connection = self
            .ensure(&target, schema, &in_use)
            .inspect_err(|error| self.doubt(error))?;
        *in_use.entry(target.database.clone()).or_default() += 1;
        Ok((target, connection))
    }

    /// What the server refuses to do for us can be the fault of its files, and then the next run makes new ones.
    fn doubt(&self, error: &Error) {
        if matches!(error, Error::Wire(_)) {
            self.server.distrust();
        }
    }

    /// One user of a database that `load` gave is done.
    pub(super) fn release(&self, name: &str) {
        let mut in_use = self.in_use();
        if let Some(users) = in_use.get_mut(name) {
            *users -= 1;
            if *users == 0 {
                in_use.remove(name);
            }
        }
    }

    fn in_use(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of a database that nobody is connected to.
    pub(super) fn fresh_database(
        &self,
        schema: &[SchemaStatement<'_>],
        search_path: &[String],
    ) -> Result<Target, Error> {
        let template = self
            .target
            .with_database(format!("template_{}", self.key(schema, search_path)))
            .with_search_path(search_path);
        let number = self.fresh.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}{number}", self.fresh_prefix);
        let in_use = self.in_use();
        let mut maintenance = Connection::connect(&self.target)?;
        if !is_complete(&mut maintenance, &template.database)? {
            self.ensure(&template, schema, &in_use)?.close()?;
        }
        load::create(&mut maintenance, &name, &template.database)?;
        Ok(template.with_database(name))
    }

    /// What cannot be dropped now is dropped by the next run that takes this cluster.
    pub(super) fn drop_database(&self, name: &str) {
        if let Ok(mut maintenance) = Connection::connect(&self.target) {
            let _ = maintenance.simple(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }

    fn key(&self, schema: &[SchemaStatement<'_>], search_path: &[String]) -> String {
        super::schema_key(self.server.version(), schema, search_path)
    }

    /// A connection to the named database, loaded if it was not there.
    fn ensure(
        &self,
        target: &Target,
        schema: &[SchemaStatement<'_>],
        in_use: &BTreeMap<String, usize>,
    ) -> Result<Connection, Error> {
        // Connecting is also the quickest way to ask whether it is there.
        if let Ok(mut connection) = Connection::connect(target)
            && is_complete(&mut connection, &target.database)?
        {
            return Ok(connection);
        }
        let mut maintenance = Connection::connect(&self.target)?;
        drop_old(&mut maintenance, in_use, &self.fresh_prefix)?;
        let mut connection = load::load_making_roles(target, &mut maintenance, schema)?;
        connection.simple(&format!(
            "COMMENT ON DATABASE {} IS '{COMPLETE}'",
            target.database
        ))?;
        drop(connection);
        // The schema's own SET commands are not to hold for those who ask.
        Ok(Connection::connect(target)?)
    }
}

fn is_complete(connection: &mut Connection, database: &str) -> Result<bool, Error> {
    let rows = connection.simple(&format!(
        "SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database \
         WHERE datname = '{database}'"
    ))?;
    Ok(rows.first().and_then(|rows| rows.first()) == Some(COMPLETE))
}

/// Makes room: the cluster is ours alone, so that databases of earlier runs are nobody's.
fn drop_old(
    maintenance: &mut Connection,
    in_use: &BTreeMap<String, usize>,
    own_prefix: &str,
) -> Result<(), Error> {
    let kept = first_column(maintenance.simple(
        "SELECT datname FROM pg_catalog.pg_database \
         WHERE datname ~ '^(schema|template)_[0-9a-f]{24}$' ORDER BY oid DESC",
    )?);
    let left = first_column(maintenance.simple(
        "SELECT datname FROM pg_catalog.pg_database WHERE datname ~ '^fresh_[0-9a-f]+_[0-9]+$'",
    )?);
    let surplus = kept
        .iter()
        .filter(|name| !in_use.contains_key(*name))
        .skip(KEPT)
        .take(DROPPED_AT_ONCE);
    let abandoned = left.iter().filter(|name| !name.starts_with(own_prefix));
    for name in surplus.chain(abandoned) {
        let _ = maintenance.simple(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    }
    Ok(())
}
