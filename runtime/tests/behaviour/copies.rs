//! Many rows by COPY, and all that can come between.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlmill_runtime::{
    Buffer, BulkExecute, Database, EncodeError, Encoded, ErrorKind, Many, One, Param, Reader, Rows,
    Statement, Type, Writer,
};

use crate::support::TestDatabase;
#[cfg(unix)]
use crate::support::pgbouncer::Pgbouncer;
use crate::{backend, sleep, soon};

/// A row with the number 13 is slow.
const SCHEMA: &str = "
CREATE TABLE items (number int NOT NULL, body text, how text NOT NULL DEFAULT current_query());
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.number = 13 THEN
        PERFORM pg_sleep(60);
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER wait BEFORE INSERT ON items FOR EACH ROW WHEN (new.number = 13) EXECUTE FUNCTION wait();
";

type Item<'a> = (i32, &'a str);

fn add<'a>(db: &'a impl Writer, rows: &'a [Item<'a>]) -> BulkExecute<'a, Item<'a>> {
    BulkExecute::new(db, &ADD, rows)
}

static ADD: Statement<Rows<'_, Item<'_>>> = Statement::new(
    "items::add",
    "queries/items.sql:1",
    "INSERT INTO items (number, body) SELECT bulk.p1, bulk.p2 FROM unnest($1::int4[], $2::text[]) AS bulk (p1, p2)",
    "int4[] text[]",
    "",
)
.copied(COPY, ROW);
const COPY: &str = r#"COPY items ("number", "body") FROM STDIN (FORMAT binary)"#;
const ROW: &str = "INSERT INTO items (number, body) VALUES ($1, $2)";

fn add_in_time<'a>(db: &'a impl Writer, rows: &'a [Item<'a>]) -> BulkExecute<'a, Item<'a>> {
    static ADD: Statement<Rows<'_, Item<'_>>> = Statement::new(
        "items::add_in_time",
        "queries/items.sql:5",
        "INSERT INTO items (number, body) SELECT * FROM unnest($1::int4[], $2::text[])",
        "int4[] text[]",
        "",
    )
    .timeout_ms(2000)
    .copied(COPY, ROW);
    BulkExecute::new(db, &ADD, rows)
}

/// By the first letters of what stored them.
fn ways(db: &impl Reader) -> Many<'_, (), Way> {
    static WAYS: Statement<(), Way> = Statement::new(
        "items::ways",
        "queries/items.sql:9",
        "SELECT substr(how, 1, 4), count(*) FROM items GROUP BY 1 ORDER BY 1",
        "",
        "text int8",
    );
    Many::new(db, &WAYS, ())
}

fn echo(db: &impl Reader, number: i32) -> One<'_, (i32,), i32> {
    static ECHO: Statement<(i32,), i32> = Statement::new(
        "items::echo",
        "queries/items.sql:12",
        "SELECT $1::int4",
        "int4",
        "int4",
    );
    One::new(db, &ECHO, (number,))
}

fn items(count: i32) -> Vec<Item<'static>> {
    (100..100 + count).map(|number| (number, "body")).collect()
}

#[derive(Debug, Clone, PartialEq)]
struct Way {
    how: String,
    count: i64,
}

sqlmill_runtime::row! { Way { how, count } }

fn way(how: &str, count: i64) -> Way {
    Way {
        how: how.to_owned(),
        count,
    }
}

async fn one_connection() -> (TestDatabase, Database) {
    let scratch = TestDatabase::new(SCHEMA);
    let db = scratch.connect_with(1).await.unwrap();
    (scratch, db)
}

#[tokio::test]
async fn what_is_more_than_one_statement_goes_by_copy() {
    let (_scratch, db) = one_connection().await;
    let rows = items(140_000);
    assert_eq!(add(&db, &rows[..4096]).await.unwrap(), 4096);
    assert_eq!(add(&db, &rows[..4097]).await.unwrap(), 4097);
    assert_eq!(add(&db, &rows).await.unwrap(), 140_000);
    let expected = [way("COPY", 144_097), way("INSE", 4096)];
    assert_eq!(ways(&db).await.unwrap(), expected);

    let tx = db.begin().await.unwrap();
    assert_eq!(add(&tx, &rows).await.unwrap(), 140_000);
    let nested = tx.savepoint().await.unwrap();
    assert_eq!(add(&nested, &rows).await.unwrap(), 140_000);
    nested.rollback().await.unwrap();
    assert_eq!(add(&tx, &rows[..10]).await.unwrap(), 10);
    let inside = [way("COPY", 284_097), way("INSE", 4106)];
    assert_eq!(ways(&tx).await.unwrap(), inside);
    tx.rollback().await.unwrap();
    assert_eq!(ways(&db).await.unwrap(), expected);
    assert_eq!(ADD.texts_sent()[1..], [COPY, ROW]);
}

#[tokio::test]
async fn the_server_gets_the_name_of_the_query() {
    let scratch = TestDatabase::new(SCHEMA);
    let builder = Database::builder().query_names(true);
    let db = builder.connect(&scratch.url()).await.unwrap();
    add(&db, &items(5000)).await.unwrap();
    let how = scratch.run("SELECT DISTINCT how FROM items");
    let named = format!("/* items::add queries/items.sql:1 */ {COPY}");
    assert_eq!(how, [[Some(named)]]);
}

#[tokio::test]
async fn the_table_is_that_of_the_statement() {
    let scratch = TestDatabase::new(SCHEMA);
    scratch.run("CREATE SCHEMA other; CREATE TABLE other.items (LIKE items INCLUDING ALL)");
    let builder = Database::builder().search_path("other");
    let db = builder.connect(&scratch.url()).await.unwrap();
    add(&db, &items(5000)).await.unwrap();
    let counts = "SELECT (SELECT count(*) FROM other.items), (SELECT count(*) FROM items)";
    let counts = scratch.run(counts);
    assert_eq!(counts, [[Some("5000".to_owned()), Some("0".to_owned())]]);
}

/// COPY would store other bits, or none: the statement converts values, or the server refuses it.
#[tokio::test]
async fn a_column_that_changed_is_not_filled_blindly() {
    let (scratch, db) = one_connection().await;
    let rows = items(5000);
    assert_eq!(add(&db, &rows).await.unwrap(), 5000);
    let before = backend(&db).await.unwrap();
    scratch.run("DROP TRIGGER wait ON items");
    for ty in ["real", "bigint", "numeric", "int"] {
        scratch.run(&format!(
            "ALTER TABLE items ALTER number TYPE {ty}; TRUNCATE items"
        ));
        assert_eq!(add(&db, &rows).await.unwrap(), 5000);
        let sum = scratch.run("SELECT sum(number)::int FROM items");
        assert_eq!(sum, [[Some("12997500".to_owned())]], "{ty}");
        let way = if ty == "int" { "COPY" } else { "INSE" };
        assert_eq!(ways(&db).await.unwrap()[0].how, way, "{ty}");
    }
    scratch.run("ALTER TABLE items DROP number; ALTER TABLE items ADD number uuid; TRUNCATE items");
    let changed = add(&db, &rows).await.unwrap_err();
    assert_eq!(changed.kind(), ErrorKind::SchemaChanged, "{changed}");
    scratch.run("ALTER TABLE items RENAME body TO words");
    let changed = add(&db, &rows).await.unwrap_err();
    assert_eq!(changed.kind(), ErrorKind::SchemaChanged, "{changed}");
    assert_eq!(changed.query(), Some("items::add"));
    assert_eq!(backend(&db).await.unwrap(), before);
    assert_eq!(ways(&db).await.unwrap(), []);
}

/// The server answers twice to a COPY that it refuses, and nobody may get the second answer for his own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_refused_costs_its_connection() {
    let scratch = TestDatabase::new(SCHEMA);
    let role = format!("writer_{}", std::process::id());
    scratch.run(&format!(
        "CREATE ROLE {role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
         ALTER TABLE items ENABLE ROW LEVEL SECURITY;
         CREATE POLICY writing ON items FOR INSERT WITH CHECK (number > 0);
         CREATE POLICY reading ON items FOR SELECT USING (true)"
    ));
    let builder = Database::builder()
        .pool_size(1)
        .setting("role", role.as_str());
    let db = builder.connect(&scratch.url()).await.unwrap();
    let rows = items(5000);
    assert_eq!(add(&db, &rows[..4096]).await.unwrap(), 4096);
    let before = backend(&db).await.unwrap();
    let refused = soon(add(&db, &rows)).await.unwrap_err();
    assert_eq!(refused.sqlstate(), Some("0A000"), "{refused}");
    assert_eq!(refused.query(), Some("items::add"));
    assert_eq!(echo(&db, 7).await.unwrap(), 7);
    assert_ne!(backend(&db).await.unwrap(), before);

    let tx = db.begin().await.unwrap();
    let nested = tx.savepoint().await.unwrap();
    let refused = soon(add(&nested, &rows)).await.unwrap_err();
    assert_eq!(refused.sqlstate(), Some("0A000"), "{refused}");
    let lost = echo(&nested, 8).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::ConnectionLost);
    drop((nested, tx));

    // Left at any moment.
    for step in 0..80 {
        let limit = Duration::from_micros(step * 40);
        let tx = db.begin().await.unwrap();
        let refused = tokio::time::timeout(limit, add(&tx, &rows)).await;
        let answers = tokio::join!(echo(&tx, 1), echo(&tx, 2), echo(&tx, 3));
        for (expected, answer) in [(1, answers.0), (2, answers.1), (3, answers.2)] {
            match answer {
                Ok(answer) => assert_eq!(answer, expected),
                Err(lost) => assert!(
                    matches!(
                        lost.kind(),
                        ErrorKind::ConnectionLost | ErrorKind::Transaction
                    ),
                    "{lost}"
                ),
            }
        }
        drop(tx);
        assert!(!matches!(refused, Ok(Ok(_))));
        let _ = tokio::time::timeout(limit, add(&db, &rows)).await;
        let number = i32::try_from(step).unwrap();
        assert_eq!(soon(echo(&db, number)).await.unwrap(), number);
    }
    assert_eq!(ways(&db).await.unwrap(), [way("INSE", 4096)]);
    scratch.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_stores_nothing_and_leaves_nothing() {
    let (_scratch, db) = one_connection().await;
    let rows = items(100_000);
    let all_or_none = |kept: &[Way]| kept.is_empty() || kept == [way("COPY", 100_000)];
    let mut dropped = 0;
    for step in 0..40 {
        let limit = Duration::from_micros(step * step * 100);
        let tx = db.begin().await.unwrap();
        echo(&tx, 0).await.unwrap();
        let adding = tokio::time::timeout(limit, add(&tx, &rows)).await;
        assert_eq!(soon(echo(&tx, 5)).await.unwrap(), 5);
        match adding {
            Ok(added) => assert_eq!(added.unwrap(), 100_000),
            Err(_) => {
                dropped += 1;
                // Of one that was dropped while it was made a part of the transaction, nobody knows.
                assert!(all_or_none(&ways(&tx).await.unwrap()));
            }
        }
        tx.rollback().await.unwrap();
        let adding = tokio::time::timeout(limit, add(&db, &rows)).await;
        dropped += usize::from(adding.is_err());
        assert_eq!(soon(echo(&db, 6)).await.unwrap(), 6);
        if adding.is_ok() {
            break;
        }
        // Of one that was dropped while COMMIT was under way, nobody knows.
        let kept = ways(&db).await.unwrap();
        assert!(all_or_none(&kept), "{kept:?}");
        if !kept.is_empty() {
            break;
        }
    }
    assert!(dropped > 10, "{dropped}");
}

#[tokio::test]
async fn a_limit_holds() {
    let (scratch, db) = one_connection().await;
    let mut rows = items(5000);
    assert_eq!(add_in_time(&db, &rows).await.unwrap(), 5000);
    rows[2000].0 = 13;
    let start = Instant::now();
    let slow = soon(add_in_time(&db, &rows)).await.unwrap_err();
    assert_eq!(
        slow.to_string(),
        "items::add_in_time (queries/items.sql:5): took too long, and was cancelled by the server: its limit is \
         2s [57014]"
    );
    assert!(start.elapsed() < Duration::from_secs(10));
    let tx = db.begin().await.unwrap();
    let nested = tx.savepoint().await.unwrap();
    let slow = soon(add_in_time(&nested, &rows)).await.unwrap_err();
    assert_eq!(slow.kind(), ErrorKind::Timeout);
    nested.rollback().await.unwrap();
    add(&tx, &items(4100)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ways(&db).await.unwrap(), [way("COPY", 9100)]);

    // A dropped one is not waited for.
    let stopped = tokio::time::timeout(Duration::from_millis(200), add(&db, &rows)).await;
    assert!(stopped.is_err());
    assert_eq!(soon(echo(&db, 1)).await.unwrap(), 1);
    drop(scratch);
}

#[tokio::test]
async fn a_lock_is_waited_for_within_its_limit() {
    let scratch = TestDatabase::new(SCHEMA);
    let builder = Database::builder()
        .pool_size(1)
        .lock_timeout(Duration::from_millis(200));
    let db = builder.connect(&scratch.url()).await.unwrap();
    let rows = items(5000);
    let before = backend(&db).await.unwrap();
    let mut holder = scratch.wire();
    holder.simple("BEGIN; LOCK items").unwrap();
    let waited = soon(add(&db, &rows)).await.unwrap_err();
    assert_eq!(waited.sqlstate(), Some("55P03"), "{waited}");
    let tx = db.begin().await.unwrap();
    let nested = tx.savepoint().await.unwrap();
    let waited = soon(add(&nested, &rows)).await.unwrap_err();
    assert_eq!(waited.kind(), ErrorKind::Timeout);
    nested.rollback().await.unwrap();
    assert_eq!(echo(&tx, 1).await.unwrap(), 1);
    holder.simple("ROLLBACK").unwrap();
    assert_eq!(add(&tx, &rows).await.unwrap(), 5000);
    tx.commit().await.unwrap();
    assert_eq!(backend(&db).await.unwrap(), before);
}

#[tokio::test]
async fn a_killed_backend_is_told() {
    let (scratch, db) = one_connection().await;
    let mut rows = items(200_000);
    rows[150_000].0 = 13;
    for within in [false, true] {
        let tx = db.begin().await.unwrap();
        let pid = backend(&tx).await.unwrap();
        let tx = match within {
            true => Some(tx),
            false => {
                tx.rollback().await.unwrap();
                None
            }
        };
        let adding = async {
            match &tx {
                Some(tx) => add(tx, &rows).await,
                None => add(&db, &rows).await,
            }
        };
        let killing = async {
            let sleeping = format!(
                "SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'PgSleep'"
            );
            while scratch.run(&sleeping).is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            scratch.run(&format!("SELECT pg_terminate_backend({pid})"));
        };
        let (lost, ()) = soon(async { tokio::join!(adding, killing) }).await;
        let lost = lost.unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::ConnectionLost, "{lost}");
        assert_eq!(lost.query(), Some("items::add"));
        drop(tx);
        assert_eq!(soon(ways(&db)).await.unwrap(), []);
    }
}

/// A text of which is counted how often it was written.
struct Counted(&'static str);

static WRITTEN: AtomicUsize = AtomicUsize::new(0);

impl Param for Counted {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        WRITTEN.fetch_add(self.0.len(), Ordering::Relaxed);
        self.0.encode(ty, out)
    }
}

/// What the server does not take yet is not written down: 200 MB of rows are on their way in a few.
#[tokio::test]
async fn rows_are_written_as_the_server_takes_them() {
    let (_scratch, db) = one_connection().await;
    static ADD: Statement<Rows<'_, (i32, Counted)>> = Statement::new(
        "items::add_counted",
        "queries/items.sql:15",
        "INSERT INTO items (number, body) SELECT * FROM unnest($1::int4[], $2::text[])",
        "int4[] text[]",
        "",
    )
    .copied(COPY, ROW);
    let body: &'static str = "x".repeat(20_000).leak();
    let mut rows: Vec<(i32, Counted)> = (0..10_000).map(|_| (1, Counted(body))).collect();
    rows[10].0 = 13;
    let adding = tokio::time::timeout(Duration::from_secs(1), BulkExecute::new(&db, &ADD, &rows));
    assert!(adding.await.is_err());
    let written = WRITTEN.load(Ordering::Relaxed);
    assert!(written < 4_000_000, "{written}");
    assert_eq!(soon(ways(&db)).await.unwrap(), []);
}

/// Others of the transaction that were sent before are answered, whoever waits for them.
#[tokio::test]
async fn what_was_sent_before_is_read_first() {
    let (_scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    let rows = items(5000);
    let adding = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        add(&tx, &rows).await
    };
    let (slept, added) = tokio::join!(sleep(&tx, 0.3), adding);
    slept.unwrap();
    assert_eq!(added.unwrap(), 5000);
    tx.commit().await.unwrap();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_a_transaction_pooler_rows_go_as_arrays() {
    let scratch = TestDatabase::new(SCHEMA);
    let Some(pooler) = Pgbouncer::start(&scratch, 2) else {
        return;
    };
    let builder = Database::builder().transaction_pooler(true);
    let db = builder.connect(&pooler.url()).await.unwrap();
    let mut rows = items(10_000);
    assert_eq!(add(&db, &rows).await.unwrap(), 10_000);
    rows[9000].1 = "\0";
    assert_eq!(add(&db, &rows).await.unwrap_err().rows(), [9000]);
    assert_eq!(ways(&db).await.unwrap(), [way("INSE", 10_000)]);
}
