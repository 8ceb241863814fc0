//! What the runtime promises, tried on a real server. One binary, so that one server serves all.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[cfg(unix)]
mod bad_input;
mod batches;
mod bulk;
mod connections;
mod copies;
mod deadlines;
mod dropped;
mod errors;
#[cfg(unix)]
mod half_open;
mod handles;
mod listening;
mod locks;
#[cfg(unix)]
mod pooler;
mod rows;
mod shared;
mod spelled;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod texts;
mod transactions;

use sqlmill_runtime::{Database, Execute, Many, One, Reader, Statement, Writer};

/// A table to write to, and the queries that most tests need.
pub const SCHEMA: &str = "
CREATE TABLE notes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body text NOT NULL UNIQUE
);
";

pub fn add_note<'a>(db: &'a impl Writer, body: &'a str) -> One<'a, (&'a str,), i64> {
    One::new(db, &ADD_NOTE, (body,))
}

static ADD_NOTE: Statement<(&str,), i64> = Statement::new(
    "notes::add_note",
    "queries/notes.sql:1",
    "INSERT INTO notes (body) VALUES ($1) RETURNING id",
    "text",
    "int8",
);

pub fn list_notes(db: &impl Reader) -> Many<'_, (), String> {
    Many::new(db, &LIST_NOTES, ())
}

static LIST_NOTES: Statement<(), String> = Statement::new(
    "notes::list_notes",
    "queries/notes.sql:4",
    "SELECT body FROM notes ORDER BY id",
    "",
    "text",
);

pub fn count_notes(db: &impl Reader) -> One<'_, (), i64> {
    One::new(db, &COUNT_NOTES, ())
}

static COUNT_NOTES: Statement<(), i64> = Statement::new(
    "notes::count_notes",
    "queries/notes.sql:7",
    "SELECT count(*) FROM notes",
    "",
    "int8",
);

pub fn clear_notes(db: &impl Writer) -> Execute<'_, ()> {
    Execute::new(db, &CLEAR_NOTES, ())
}

static CLEAR_NOTES: Statement<()> = Statement::new(
    "notes::clear_notes",
    "queries/notes.sql:10",
    "DELETE FROM notes",
    "",
    "",
);

pub fn sleep(db: &impl Reader, seconds: f64) -> One<'_, (f64,), ()> {
    One::new(db, &SLEEP, (seconds,))
}

static SLEEP: Statement<(f64,), ()> = Statement::new(
    "notes::sleep",
    "queries/notes.sql:13",
    "SELECT pg_sleep($1)",
    "float8",
    "void",
);

pub fn backend(db: &impl Reader) -> One<'_, (), i32> {
    One::new(db, &BACKEND, ())
}

static BACKEND: Statement<(), i32> = Statement::new(
    "notes::backend",
    "queries/notes.sql:16",
    "SELECT pg_backend_pid()",
    "",
    "int4",
);

pub async fn notes() -> (support::TestDatabase, Database) {
    let scratch = support::TestDatabase::new(SCHEMA);
    let db = scratch.connect().await.unwrap();
    (scratch, db)
}

/// With one connection, so that what is left behind on it is met by the next query.
pub async fn one_connection() -> (support::TestDatabase, Database) {
    let scratch = support::TestDatabase::new(SCHEMA);
    let db = scratch.connect_with(1).await.unwrap();
    (scratch, db)
}

/// Fails a test that hangs.
pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(std::time::Duration::from_secs(20), future)
        .await
        .expect("hangs")
}
