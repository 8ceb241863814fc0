//! What is told of queries, and that no value is.

#![cfg(feature = "tracing")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlmill_runtime::{Database, Execute, Many, One, Optional, Statement};
use support::TestDatabase;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

type Fields = BTreeMap<String, String>;

/// Remembers spans and events, in the order in which they began.
#[derive(Default, Clone)]
struct Memory(Arc<Mutex<Vec<(String, Fields)>>>);

struct Visitor<'a>(&'a mut Fields);

impl Visit for Visitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Subscriber for Memory {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("sqlmill")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::new();
        span.record(&mut Visitor(&mut fields));
        let mut all = self.0.lock().unwrap();
        all.push((span.metadata().target().to_owned(), fields));
        Id::from_u64(all.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let index = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Visitor(&mut self.0.lock().unwrap()[index].1));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Visitor(&mut fields));
        self.0
            .lock()
            .unwrap()
            .push((event.metadata().target().to_owned(), fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Memory {
    fn of(&self, target: &str) -> Vec<Fields> {
        let all = self.0.lock().unwrap();
        let found = all.iter().filter(|(found, _)| found == target);
        found.map(|(_, fields)| fields.clone()).collect()
    }
}

static NUMBERS: Statement<(i32,), i32> = Statement::new(
    "t::numbers",
    "queries/t.sql:7",
    "SELECT n FROM generate_series(1, $1) AS n",
    "int4",
    "int4",
);
static DIVIDE: Statement<(i32,), i32> = Statement::new(
    "t::divide",
    "queries/t.sql:9",
    "SELECT 1000 / $1",
    "int4",
    "int4",
)
.shared();
static DELETE: Statement<()> = Statement::new(
    "t::delete",
    "queries/t.sql:11",
    "DELETE FROM t WHERE id <= 2",
    "",
    "",
);
static NAP: Statement<(f64,), ()> = Statement::new(
    "t::nap",
    "queries/t.sql:13",
    "SELECT pg_sleep($1)",
    "float8",
    "void",
);

#[tokio::test]
async fn each_query_has_a_span() {
    let scratch = TestDatabase::new(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3);",
    );
    let memory = Memory::default();
    let _guard = tracing::subscriber::set_default(memory.clone());
    let db = Database::builder()
        .slow_query(Duration::from_millis(200))
        .connect(&scratch.url())
        .await
        .unwrap();
    assert_eq!(Many::new(&db, &NUMBERS, (4711,)).await.unwrap().len(), 4711);
    assert_eq!(Execute::new(&db, &DELETE, ()).await.unwrap(), 2);
    Optional::new(&db, &DIVIDE, (0,)).await.unwrap_err();
    let tx = db.begin().await.unwrap();
    let mut rows = Many::new(&tx, &NUMBERS, (3,)).stream();
    while rows.next().await.is_some() {}
    tx.rollback().await.unwrap();
    let dropped = tokio::time::timeout(Duration::from_millis(1), One::new(&db, &NAP, (9.0,)));
    dropped.await.unwrap_err();
    One::new(&db, &NAP, (0.25,)).await.unwrap();

    let spans = memory.of("sqlmill");
    let names: Vec<&str> = spans
        .iter()
        .map(|span| span["otel.name"].as_str())
        .collect();
    assert_eq!(
        names,
        [
            "t::numbers",
            "t::delete",
            "t::divide",
            "t::numbers",
            "t::nap",
            "t::nap"
        ]
    );
    let first = &spans[0];
    let field = |span: &Fields, key: &str| span.get(key).cloned();
    for (key, value) in [
        ("otel.kind", "client"),
        ("db.system.name", "postgresql"),
        ("db.query.summary", "t::numbers"),
        ("db.response.returned_rows", "4711"),
        ("code.file.path", "queries/t.sql"),
        ("code.line.number", "7"),
        ("server.port", "5432"),
    ] {
        assert_eq!(field(first, key).as_deref(), Some(value), "{key}");
    }
    let url = scratch.url();
    assert!(url.contains(&format!("host='{}'", first["server.address"])));
    assert!(url.contains(&format!("dbname='{}'", first["db.namespace"])));
    assert_eq!(field(first, "error.type"), None);
    assert_eq!(spans[1]["sqlmill.affected_rows"], "2");
    assert_eq!(spans[2]["db.response.status_code"], "22012");
    assert_eq!(spans[2]["error.type"], "22012");
    assert_eq!(spans[2]["otel.status_code"], "ERROR");
    assert_eq!(spans[3]["db.response.returned_rows"], "3");
    assert_eq!(spans[4]["error.type"], "dropped");

    let slow = memory.of("sqlmill::slow");
    assert_eq!(slow.len(), 1);
    assert_eq!(slow[0]["db.query.summary"], "t::nap");
    assert_eq!(slow[0]["location"], "queries/t.sql:13");
    assert!(slow[0]["duration_ms"].parse::<u64>().unwrap() >= 200);

    let pool = memory.of("sqlmill::pool");
    assert_eq!(pool[0]["gauge.db.client.connection.max"], "16");
    // The parameter 4711 is the number of rows as well; no other value is anywhere.
    for fields in memory.0.lock().unwrap().iter() {
        assert!(!format!("{fields:?}").contains("0.25"));
    }
}
