//! A real server for the tests: one for each test binary, and a database of its own for each test.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

#[cfg(unix)]
pub mod pgbouncer;

use std::path::PathBuf;
use std::sync::OnceLock;

use sqlmill::server::{self, Options, Server};
use sqlmill::source::Sources;
use sqlmill::wire::Address;
use sqlmill_runtime::{Database, Replica, Result};

/// A database that is dropped at the end, with the schema that was asked for.
#[derive(Debug)]
pub struct TestDatabase {
    database: server::Database,
}

static SERVER: OnceLock<Server> = OnceLock::new();

fn server() -> &'static Server {
    SERVER.get_or_init(|| {
        let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sqlmill");
        let options = Options {
            cache,
            ..Options::default()
        };
        Server::start(&options).unwrap()
    })
}

impl TestDatabase {
    pub fn new(schema: &str) -> Self {
        let mut sources = Sources::default();
        let file = sources.add("schema.sql", schema);
        let (statements, findings) = sqlmill::schema::split(&sources, file);
        assert!(findings.is_empty(), "{findings:?}");
        let database = server()
            .load(&statements, &[])
            .and_then(|scratch| scratch.fresh_database())
            .unwrap();
        Self { database }
    }

    /// As libpq takes it.
    pub fn url(&self) -> String {
        let target = self.database.target();
        let host = match &target.address {
            Address::Host(host) => host.clone(),
            Address::SocketDirectory(path) => path.display().to_string(),
        };
        format!(
            "host='{host}' port={} user='{}' dbname='{}'",
            target.port, target.user, target.database
        )
    }

    pub async fn connect(&self) -> Result<Database> {
        Database::connect(&self.url()).await
    }

    pub async fn replica(&self) -> Result<Replica> {
        Replica::connect(&self.url()).await
    }

    /// With so many connections at most.
    pub async fn connect_with(&self, connections: usize) -> Result<Database> {
        Database::builder()
            .pool_size(connections)
            .connect(&self.url())
            .await
    }

    /// A connection past the runtime.
    pub fn wire(&self) -> sqlmill::wire::Connection {
        self.database.connect().unwrap()
    }

    /// Runs SQL past the runtime, on a connection of its own.
    pub fn run(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let mut connection = self.database.connect().unwrap();
        let results = connection.simple(sql).unwrap();
        results.into_iter().flat_map(|rows| rows.rows).collect()
    }
}
