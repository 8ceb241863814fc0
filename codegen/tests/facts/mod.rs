//! Servers with a schema, and what is proved of statements on them: for the tests of proofs and rules.
//!
//! The server that is found, and those in the directories of `SQLMILL_TEST_PG_DIRS`.

#![allow(dead_code)]

use std::path::PathBuf;

use sqlmill::catalog::{Catalog, read};
use sqlmill::describe::Described;
use sqlmill::describe::pass::describe;
use sqlmill::facts::Facts;
use sqlmill::prove::{Input, Rules, prove};
use sqlmill::server::{Database, Options, Scratch, Server};
use sqlmill::wire::Connection;

pub(crate) struct Bench {
    pub(crate) major: u32,
    pub(crate) catalog: Catalog,
    connection: Connection,
    _database: Database,
    _scratch: Scratch,
}

/// One per version at hand, each with a database that `schema` was loaded into.
pub(crate) fn benches(name: &str, schema: &str) -> Vec<Bench> {
    let mut binaries = vec![None];
    if let Some(more) = std::env::var_os("SQLMILL_TEST_PG_DIRS") {
        binaries.extend(std::env::split_paths(&more).map(Some));
    }
    binaries
        .into_iter()
        .map(|binaries| bench(name, schema, binaries))
        .collect()
}

fn bench(name: &str, schema: &str, binaries: Option<PathBuf>) -> Bench {
    let options = Options {
        binaries,
        cache: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name),
        ..Options::default()
    };
    let scratch = Server::start(&options).unwrap().load(&[], &[]).unwrap();
    let database = scratch.fresh_database().unwrap();
    let mut connection = database.connect().unwrap();
    connection.simple(schema).unwrap();
    let catalog = read::read(&mut connection).unwrap();
    Bench {
        major: catalog.server_version / 10000,
        catalog,
        connection,
        _database: database,
        _scratch: scratch,
    }
}

impl Bench {
    pub(crate) fn describe(&mut self, statements: &[&str]) -> Vec<Described> {
        describe(&mut self.connection, &self.catalog, statements).unwrap()
    }

    pub(crate) fn prove(&self, described: &Described, rules: &Rules) -> Facts {
        let Described::Statement(statement) = described else {
            panic!("{described:?}");
        };
        prove(&Input {
            catalog: &self.catalog,
            statement,
            line: &|_| Some(1),
            rules,
            param_names: &[],
            param_overrides: &[],
        })
    }

    pub(crate) fn facts(&mut self, sql: &str) -> Facts {
        let described = self.describe(&[sql]);
        self.prove(&described[0], &Rules::all())
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Runs a statement after some others, in a transaction that is rolled back: the rows, as text.
    pub(crate) fn rows(
        &mut self,
        before: &str,
        sql: &str,
        args: &str,
    ) -> Result<Vec<Vec<Option<String>>>, String> {
        let execute = if args.is_empty() {
            "EXECUTE tested".to_owned()
        } else {
            format!("EXECUTE tested({args})")
        };
        let text = format!("BEGIN; {before}; PREPARE tested AS {sql}; {execute}");
        let result = self.connection.simple(&text);
        self.connection.simple("ROLLBACK; DEALLOCATE ALL").unwrap();
        result
            .map(|mut results| results.pop().unwrap().rows)
            .map_err(|error| format!("{sql}: {error}"))
    }

    /// The error of a statement, `None` where it succeeds. `after` is for what comes only then, such as a COMMIT's.
    pub(crate) fn refusal(
        &mut self,
        before: &str,
        sql: &str,
        after: &str,
    ) -> Option<sqlmill::describe::ServerError> {
        let result = self
            .connection
            .simple(&format!("BEGIN; {before}; {sql}; {after}"));
        self.connection.simple("ROLLBACK").unwrap();
        result.err().map(|error| error.server().unwrap().clone())
    }
}
