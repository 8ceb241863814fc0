//! Time limits of single queries.

use std::process::Command;
use std::time::{Duration, Instant};

use sqlmill_runtime::{Database, ErrorKind, Many, One, Reader, Statement};

use crate::shared::poll_once;
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

/// Wide rows, more than any buffer holds. Its limit is one second.
fn wide(db: &impl Reader) -> Many<'_, (), String> {
    static WIDE: Statement<(), String> = Statement::new(
        "notes::wide",
        "queries/notes.sql:66",
        "SELECT repeat(n::text, 1000) FROM generate_series(1000, 200000) AS n",
        "",
        "text",
    )
    .timeout_ms(1_000);
    Many::new(db, &WIDE, ())
}

const CUT_OFF: &str = "took too long: its limit is 1s, and no answer came to the cancellation";

#[tokio::test]
async fn a_stream_past_its_limit_that_nobody_reads_gives_its_connection_back() {
    let (scratch, db) = one_connection().await;
    let before = backend(&db).await.unwrap();
    let start = Instant::now();
    let mut kept = wide(&db).stream();
    kept.next().await.unwrap().unwrap();
    // The one connection.
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
    assert!(start.elapsed() < Duration::from_secs(10));
    let after = backend(&db).await.unwrap();
    assert_ne!(after, before);
    let status = db.pool_status();
    assert_eq!((status.open, status.idle), (1, 1));
    let gone = format!("SELECT 1 FROM pg_stat_activity WHERE pid = {before}");
    soon(async {
        while !scratch.run(&gone).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    // What had come can be read, and then it is told.
    let error = soon(async {
        loop {
            match kept.next().await.unwrap() {
                Ok(_) => {}
                Err(error) => break error,
            }
        }
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().ends_with(CUT_OFF), "{error}");
    assert!(soon(kept.next()).await.is_none());
    // It takes nothing along that is not its own.
    drop(kept);
    assert_eq!(backend(&db).await.unwrap(), after);
    let status = db.pool_status();
    assert_eq!((status.open, status.idle), (1, 1));
}

#[tokio::test]
async fn a_call_past_its_limit_that_nobody_polls_gives_its_connection_back() {
    let (scratch, db) = one_connection().await;
    let mut kept = limited(&db, 60.0);
    let sleeping = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active' \
                    AND pid <> pg_backend_pid() AND datname = current_database()";
    while scratch.run(sleeping).is_empty() {
        assert!(poll_once(&mut kept).await.is_pending());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let start = Instant::now();
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(scratch.run(sleeping).is_empty());
    let error = soon(kept).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    // Nothing is left that somebody would wait for.
    let mut another = wide(&db).stream();
    another.next().await.unwrap().unwrap();
    soon(db.close()).await;
}

#[tokio::test]
async fn rows_that_are_there_already_do_not_outlast_the_limit() {
    let (_scratch, db) = one_connection().await;
    let start = Instant::now();
    let mut rows = wide(&db).stream();
    let error = soon(async {
        loop {
            match rows.next().await.unwrap() {
                Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => break error,
            }
        }
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
}

#[tokio::test]
async fn who_ends_in_time_is_not_cut_off() {
    let (_scratch, db) = one_connection().await;
    let before = backend(&db).await.unwrap();
    limited(&db, 0.0).await.unwrap();
    let mut kept = limited_numbers(&db).stream();
    while let Some(number) = kept.next().await {
        number.unwrap();
    }
    // Read in part and left.
    let mut left = limited_numbers(&db).stream();
    left.next().await.unwrap().unwrap();
    drop(left);
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert_eq!(backend(&db).await.unwrap(), before);
    drop(kept);
    assert_eq!(backend(&db).await.unwrap(), before);
}

fn limited_numbers(db: &impl Reader) -> Many<'_, (), i32> {
    static NUMBERS: Statement<(), i32> = Statement::new(
        "notes::limited_numbers",
        "queries/notes.sql:69",
        "SELECT n FROM generate_series(1, 10) AS n",
        "",
        "int4",
    )
    .timeout_ms(1_000);
    Many::new(db, &NUMBERS, ())
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
