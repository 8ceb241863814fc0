//! Time limits of single queries.

use std::process::Command;
use std::time::{Duration, Instant};

use sqlmill_runtime::{Database, ErrorKind, Many, One, Reader, Statement};

use crate::{SCHEMA, add_note, backend, count_notes, one_connection, sleep, soon};

/// Its limit is one second.
pub(crate) fn limited(db: &impl Reader, seconds: f64) -> One<'_, (f64,), ()> {
    static LIMITED: Statement<(f64,), ()> = Statement::new(
        "notes::limited",
        "queries/notes.sql:60",
        "SELECT pg_sleep($1)",
        "float8",
        "void",
    )
    .timeout_ms(1_000);
    One::new(db, &LIMITED, (seconds,))
}

const SAID: &str = "notes::limited (queries/notes.sql:60): took too long, and was cancelled by the server: its limit is 1s \
                    [57014]";

#[tokio::test]
async fn a_query_past_its_limit_is_cancelled() {
    let (scratch, db) = one_connection().await;
    let before = backend(&db).await.unwrap();
    limited(&db, 0.01).await.unwrap();
    assert_eq!(backend(&db).await.unwrap(), before);

    let start = Instant::now();
    let slow = soon(limited(&db, 60.0)).await.unwrap_err();
    assert_eq!(slow.kind(), ErrorKind::Timeout);
    assert_eq!(slow.to_string(), SAID);
    assert!(start.elapsed() < Duration::from_secs(10));
    // Another connection: a cancellation that comes late can hit nobody.
    let after = backend(&db).await.unwrap();
    assert_ne!(after, before);
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active' \
                    AND pid <> pg_backend_pid() AND datname = current_database()";
    assert_eq!(scratch.run(sleeping)[0][0].as_deref(), Some("0"));
    // The others have no limit.
    sleep(&db, 1.2).await.unwrap();
}

#[tokio::test]
async fn a_limit_in_a_transaction_meets_the_query_itself() {
    let (_scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    add_note(&tx, "kept").await.unwrap();
    // What was sent before takes longer than the limit, and is not cancelled for it.
    let (first, second) = tokio::join!(sleep(&tx, 1.5), limited(&tx, 0.01));
    first.unwrap();
    second.unwrap();
    tx.commit().await.unwrap();

    // Nor is what is sent while its statement waits to be prepared, which that one then waits behind.
    let (_scratch, db) = one_connection().await;
    let before = backend(&db).await.unwrap();
    sleep(&db, 0.0).await.unwrap();
    let tx = db.begin().await.unwrap();
    add_note(&tx, "kept").await.unwrap();
    let (first, second) = tokio::join!(limited(&tx, 0.01), sleep(&tx, 1.5));
    first.unwrap();
    second.unwrap();

    let nested = tx.savepoint().await.unwrap();
    let slow = soon(limited(&nested, 60.0)).await.unwrap_err();
    assert_eq!(slow.to_string(), SAID);
    nested.rollback().await.unwrap();
    // The transaction goes on, and its connection is then given up.
    add_note(&tx, "too").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count_notes(&db).await.unwrap(), 2);
    assert_ne!(backend(&db).await.unwrap(), before);
}

#[tokio::test]
async fn the_rows_of_a_stream_come_within_the_limit() {
    let (_scratch, db) = one_connection().await;
    static SLOW: Statement<(), i32> = Statement::new(
        "notes::slow",
        "queries/notes.sql:63",
        "SELECT n FROM generate_series(1, 2000) AS n, pg_sleep(0.001 + n * 0)",
        "",
        "int4",
    )
    .timeout_ms(1_000);
    let mut rows = Many::new(&db, &SLOW, ()).stream();
    let failed = soon(async {
        loop {
            match rows.next().await.unwrap() {
                Ok(_) => {}
                Err(error) => break error,
            }
        }
    })
    .await;
    assert_eq!(failed.kind(), ErrorKind::Timeout, "{failed}");
    assert_eq!(count_notes(&db).await.unwrap(), 0);
}

#[tokio::test]
async fn a_future_dropped_past_its_limit_leaves_nothing() {
    let (_scratch, db) = one_connection().await;
    let stopped = tokio::time::timeout(Duration::from_millis(1_001), limited(&db, 60.0)).await;
    drop(stopped);
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
}

/// A server that answers to nothing, not even to the cancellation.
#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let scratch = crate::support::TestDatabase::new(SCHEMA);
    let db = Database::builder()
        .pool_size(1)
        .connect(&scratch.url())
        .await
        .unwrap();
    let pid = backend(&db).await.unwrap();
    let signal = |name: &str| {
        let kill = Command::new("kill").args([name, &pid.to_string()]).status();
        assert!(kill.unwrap().success());
    };
    let (outcome, ()) = tokio::join!(soon(limited(&db, 60.0)), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        signal("-STOP");
    });
    signal("-CONT");
    let slow = outcome.unwrap_err();
    assert_eq!(slow.kind(), ErrorKind::Timeout);
    assert_eq!(
        slow.to_string(),
        "notes::limited (queries/notes.sql:60): took too long: its limit is 1s, \
         and no answer came to the cancellation"
    );
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
}
