//! Many calls at once: in their order, on one connection, each with an answer of its own.

use std::time::Duration;

use sqlmill_runtime::{Database, ErrorKind, Execute, One, Reader, Statement, Writer};

use crate::support::TestDatabase;
use crate::{
    SCHEMA, add_note, backend, clear_notes, count_notes, list_notes, notes, one_connection, sleep,
    soon,
};

/// Writes a note after some time.
fn late_note<'a>(db: &'a impl Writer, body: &'a str, seconds: f64) -> One<'a, (&'a str, f64), i64> {
    static LATE: Statement<(&str, f64), i64> = Statement::new(
        "notes::late_note",
        "queries/notes.sql:70",
        "INSERT INTO notes (body) SELECT $1 FROM pg_sleep($2) RETURNING id",
        "text float8",
        "int8",
    );
    One::new(db, &LATE, (body, seconds))
}

#[tokio::test]
async fn each_query_has_its_answer_in_order_and_is_a_transaction_of_its_own() {
    let (_scratch, db) = notes().await;
    let bodies = ["a", "b", "a", "c"];
    let added = db.batch(bodies.map(|body| add_note(&db, body))).await;
    let kinds: Vec<_> = added
        .iter()
        .map(|added| added.as_ref().map_err(|error| error.kind()))
        .collect();
    // The refused one has used up a number.
    assert_eq!(kinds, [Ok(&1), Ok(&2), Err(ErrorKind::Constraint), Ok(&4)]);
    assert_eq!(list_notes(&db).await.unwrap(), ["a", "b", "c"]);
    let error = added[2].as_ref().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("notes::add_note (queries/notes.sql:1): "),
        "{error}"
    );

    let none: [One<'_, (), i64>; 0] = [];
    assert!(db.batch(none).await.is_empty());
    let cleared = db.batch([clear_notes(&db), clear_notes(&db)]).await;
    let cleared: Vec<u64> = cleared.into_iter().map(Result::unwrap).collect();
    assert_eq!(cleared, [3, 0]);
}

#[tokio::test]
async fn all_are_sent_on_one_connection_before_the_first_is_answered() {
    let (_scratch, db) = notes().await;
    // More than are under way at once.
    let pids = db.batch((0..1000).map(|_| backend(&db))).await;
    let first = *pids[0].as_ref().unwrap();
    assert_eq!(pids.len(), 1000);
    assert!(pids.iter().all(|pid| *pid.as_ref().unwrap() == first));

    // Dropped while the first runs: what was sent behind it runs, and the connection is clean for the next.
    let (_scratch, db) = one_connection().await;
    late_note(&db, "before", 0.0).await.unwrap();
    let waits = [("a", 0.05), ("b", 0.0), ("c", 0.0)];
    let batch = db.batch(waits.map(|(body, seconds)| late_note(&db, body, seconds)));
    let dropped = tokio::time::timeout(Duration::from_millis(20), batch).await;
    assert!(dropped.is_err());
    assert_eq!(
        soon(list_notes(&db)).await.unwrap(),
        ["before", "a", "b", "c"]
    );
    assert_eq!(db.pool_status().open, 1);

    // One that nobody waits for is cancelled, and its connection closed.
    let batch = db.batch(["d", "e"].map(|body| late_note(&db, body, 60.0)));
    assert!(
        tokio::time::timeout(Duration::from_millis(20), batch)
            .await
            .is_err()
    );
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 4);
}

#[tokio::test]
async fn what_must_be_prepared_first_keeps_its_place() {
    static LAST: Statement<(), i64> = Statement::new(
        "notes::last",
        "queries/notes.sql:75",
        "INSERT INTO notes (body) SELECT count(*) || ' before' FROM notes RETURNING id",
        "",
        "int8",
    );
    static FIRST: Statement<(), i64> = Statement::new(
        "notes::first",
        "queries/notes.sql:76",
        "INSERT INTO notes (body) SELECT 'first of ' || count(*) + 1 FROM notes RETURNING id",
        "",
        "int8",
    );
    let (_scratch, db) = one_connection().await;
    One::new(&db, &LAST, ()).await.unwrap();
    // The one is known to the server, the other is not.
    let both = db
        .batch([One::new(&db, &FIRST, ()), One::new(&db, &LAST, ())])
        .await;
    assert!(both.iter().all(Result::is_ok), "{both:?}");
    assert_eq!(
        list_notes(&db).await.unwrap(),
        ["0 before", "first of 2", "2 before"]
    );
}

#[tokio::test]
async fn within_a_transaction_a_failure_is_told_to_those_behind_it() {
    let (_scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    let added = tx
        .batch(["a", "a", "b", "c"].map(|body| add_note(&tx, body)))
        .await;
    let kinds: Vec<_> = added
        .iter()
        .map(|added| added.as_ref().map_err(|error| error.kind()))
        .collect();
    assert_eq!(
        kinds,
        [
            Ok(&1),
            Err(ErrorKind::Constraint),
            Err(ErrorKind::Transaction),
            Err(ErrorKind::Transaction)
        ]
    );
    assert_eq!(
        added[3].as_ref().unwrap_err().to_string(),
        "notes::add_note (queries/notes.sql:1): the transaction cannot be used: current transaction is aborted, commands \
         ignored until end of transaction block [25P02]"
    );
    assert_eq!(
        tx.commit().await.unwrap_err().kind(),
        ErrorKind::Transaction
    );
    assert_eq!(list_notes(&db).await.unwrap(), [""; 0]);

    let tx = db.begin().await.unwrap();
    let batch = tx.batch(["a", "b"].map(|body| late_note(&tx, body, 60.0)));
    assert!(
        tokio::time::timeout(Duration::from_millis(20), batch)
            .await
            .is_err()
    );
    drop(tx);
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_query_with_a_limit_waits_for_its_turn_and_other_handles_are_refused() {
    static LIMITED: Statement<(f64,), ()> = Statement::new(
        "notes::limited",
        "queries/notes.sql:80",
        "SELECT pg_sleep($1)",
        "float8",
        "void",
    )
    .timeout_ms(100);
    let (_scratch, db) = one_connection().await;
    let limited = |seconds| One::new(&db, &LIMITED, (seconds,));
    let slept = [
        limited(0.0),
        sleep(&db, 0.0),
        limited(60.0),
        sleep(&db, 0.0),
        limited(0.0),
    ];
    let slept = soon(db.batch(slept)).await;
    let kinds: Vec<_> = slept
        .iter()
        .map(|slept| slept.as_ref().map_err(|error| error.kind()))
        .collect();
    assert_eq!(
        kinds,
        [Ok(&()), Ok(&()), Err(ErrorKind::Timeout), Ok(&()), Ok(&())]
    );

    let (_other, other) = notes().await;
    let mixed = db
        .batch([count_notes(&db), count_notes(&other), count_notes(&db)])
        .await;
    assert!(mixed[0].is_ok() && mixed[2].is_ok());
    assert_eq!(
        mixed[1].as_ref().unwrap_err().to_string(),
        "notes::count_notes (queries/notes.sql:7): invalid input: it was called on another handle than the batch"
    );
    let tx = other.begin().await.unwrap();
    assert!(other.batch([count_notes(&tx)]).await[0].is_err());
}

#[tokio::test]
async fn what_was_prepared_before_a_change_is_prepared_again() {
    static DEALLOCATE: Statement<()> = Statement::new(
        "notes::deallocate",
        "queries/notes.sql:33",
        "DEALLOCATE ALL",
        "",
        "",
    );
    let (_scratch, db) = one_connection().await;
    add_note(&db, "a").await.unwrap();
    Execute::new(&db, &DEALLOCATE, ()).await.unwrap();
    let added = db
        .batch(["b", "c", "d"].map(|body| add_note(&db, body)))
        .await;
    assert!(added.iter().all(Result::is_ok), "{added:?}");
    assert_eq!(list_notes(&db).await.unwrap(), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn without_a_connection_every_query_has_an_error() {
    let scratch = TestDatabase::new(SCHEMA);
    let db = Database::builder()
        .pool_size(1)
        .acquire_timeout(Duration::from_millis(50))
        .connect(&scratch.url())
        .await
        .unwrap();
    let tx = db.begin().await.unwrap();
    let added = db.batch(["a", "b"].map(|body| add_note(&db, body))).await;
    let kinds: Vec<_> = added
        .iter()
        .map(|added| added.as_ref().unwrap_err().kind())
        .collect();
    assert_eq!(kinds, [ErrorKind::PoolExhausted; 2]);
    drop(tx);
}

/// As handlers of a web framework are: the future is `Send`, and borrows what it is called with.
#[tokio::test]
async fn a_batch_compiles_in_a_spawned_task() {
    let (_scratch, db) = notes().await;
    let task = tokio::spawn(async move {
        let bodies = ["a".to_owned(), "b".to_owned()];
        let added = db
            .batch(bodies.iter().map(|body| add_note(&db, body)))
            .await;
        added.len() + count_all(&db).await
    });
    assert_eq!(task.await.unwrap(), 4);
}

async fn count_all(db: &impl Reader) -> usize {
    list_notes(db).await.unwrap().len()
}
