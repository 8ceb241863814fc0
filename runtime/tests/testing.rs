//! The kit for tests: a database for each on a real server, and a mock without one.

#![cfg(feature = "testing")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[path = "support/mod.rs"]
mod support;

use sqlmill_runtime::testing::{Mock, TestDatabase};
use sqlmill_runtime::{
    Database, Error, ErrorKind, Execute, Many, One, Optional, Reader, Result, Statement, Writer,
};

const SCHEMA: &str = "\\restrict abc
CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL UNIQUE);
INSERT INTO notes (body) VALUES ('seed');
";

fn add_note<'a>(db: &'a impl Writer, body: &'a str) -> One<'a, (&'a str,), i64> {
    static ADD: Statement<(&str,), i64> = Statement::new(
        "notes::add_note",
        "queries/notes.sql:1",
        "INSERT INTO notes (body) VALUES ($1) RETURNING id",
    );
    One::new(db, &ADD, (body,))
}

fn list_notes(db: &impl Reader) -> Many<'_, (), String> {
    static LIST: Statement<(), String> = Statement::new(
        "notes::list_notes",
        "queries/notes.sql:2",
        "SELECT body FROM notes ORDER BY id",
    );
    Many::new(db, &LIST, ())
}

fn get_note(db: &impl Reader, id: i64) -> Optional<'_, (i64,), String> {
    static GET: Statement<(i64,), String> = Statement::new(
        "notes::get_note",
        "queries/notes.sql:3",
        "SELECT body FROM notes WHERE id = $1",
    );
    Optional::new(db, &GET, (id,))
}

fn clear_notes(db: &impl Writer) -> Execute<'_, ()> {
    static CLEAR: Statement<()> = Statement::new(
        "notes::clear_notes",
        "queries/notes.sql:4",
        "DELETE FROM notes",
    );
    Execute::new(db, &CLEAR, ())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AddNoteConstraint {
    NotesBodyKey,
}

sqlmill_runtime::constraints! {
    AddNoteConstraint { NotesBodyKey = "public"."notes" "notes_body_key" }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_test_has_a_database_of_its_own() {
    let server = support::TestDatabase::new("");
    let url = server.url();
    // All at once, when there is no template yet.
    let (one, two, three) = tokio::try_join!(
        TestDatabase::on(&url, SCHEMA),
        TestDatabase::on(&url, SCHEMA),
        TestDatabase::on(&url, SCHEMA)
    )
    .unwrap();
    assert_ne!(one.name(), two.name());
    let (first, second) = (one.connect().await.unwrap(), two.connect().await.unwrap());
    add_note(&first, "mine").await.unwrap();
    assert_eq!(list_notes(&first).await.unwrap(), ["seed", "mine"]);
    assert_eq!(list_notes(&second).await.unwrap(), ["seed"]);
    let replica = three.connect_replica().await.unwrap();
    assert_eq!(list_notes(&replica).await.unwrap(), ["seed"]);

    let there = |name: &str| {
        let sql = format!("SELECT count(*) FROM pg_database WHERE datname LIKE '{name}'");
        server.run(&sql)[0][0].clone().unwrap()
    };
    assert_eq!(there("sqlmill\\_test\\_template%"), "1");
    no_drafts(&server).await;
    // Dropped although there are connections.
    let name = one.name().to_owned();
    assert_eq!(there(&name), "1");
    drop(one);
    assert_eq!(there(&name), "0");
    drop((two, three));
    server.run("DROP DATABASE IF EXISTS nothing");
}

#[tokio::test]
async fn a_schema_that_cannot_be_loaded_says_why_and_leaves_nothing() {
    let server = support::TestDatabase::new("");
    let error = TestDatabase::on(
        &server.url(),
        "CREATE TABLE t (id bigint);\nCREATE TABEL u ();",
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("\"TABEL\""), "{error}");
    no_drafts(&server).await;
}

/// The tests share a server, so another one's may be there for a while.
async fn no_drafts(server: &support::TestDatabase) {
    let sql = "SELECT count(*) FROM pg_database WHERE datname LIKE 'sqlmill\\_test\\_draft%'";
    for _ in 0..500 {
        if server.run(sql)[0][0].as_deref() == Some("0") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("a draft is left");
}

/// What a service does.
async fn rename(db: &Database, id: i64, body: &str) -> Result<Option<i64>> {
    db.transaction(|tx| async move {
        let Some(old) = get_note(&tx, id).await? else {
            return Ok(None);
        };
        assert_eq!(old, "old");
        clear_notes(&tx).await?;
        let nested = tx.savepoint().await?;
        let id = add_note(&nested, body).await?;
        nested.commit().await?;
        Ok(Some(id))
    })
    .await
}

#[tokio::test]
async fn a_mock_answers_by_the_query() {
    let mock = Mock::new();
    let db = mock.database();
    mock.expect(get_note(&db, 1))
        .returns(Some("old".to_owned()));
    mock.expect(clear_notes(&db)).returns(1);
    mock.expect(add_note(&db, "")).returns(7);
    assert_eq!(rename(&db, 1, "new").await.unwrap(), Some(7));
    mock.verify();

    mock.expect(get_note(&db, 1)).returns(None);
    assert_eq!(rename(&db, 1, "new").await.unwrap(), None);

    mock.expect(add_note(&db, ""))
        .violates(AddNoteConstraint::NotesBodyKey);
    let taken = add_note(&db, "x").await.unwrap_err();
    assert!(taken.violates(AddNoteConstraint::NotesBodyKey));
    assert_eq!(
        taken.to_string(),
        "notes::add_note (queries/notes.sql:1): violates unique constraint `notes_body_key` of `notes`"
    );

    mock.expect(get_note(&db, 1)).fails(ErrorKind::Timeout);
    assert_eq!(
        get_note(&db, 1).await.unwrap_err().kind(),
        ErrorKind::Timeout
    );

    // Other forms of the same query, and a stream.
    mock.expect(list_notes(&db))
        .returns(vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!(
        list_notes(&db).one().await.unwrap_err().kind(),
        ErrorKind::TooManyRows
    );
    mock.expect(list_notes(&db))
        .returns(vec!["a".to_owned(), "b".to_owned()]);
    let replica = mock.replica();
    let mut stream = list_notes(&replica).stream();
    assert_eq!(stream.next().await.unwrap().unwrap(), "a");
    assert_eq!(stream.next().await.unwrap().unwrap(), "b");
    assert!(stream.next().await.is_none());
    mock.verify();
    db.ping().await.unwrap();
}

#[tokio::test]
async fn a_mock_refuses_what_nobody_expects() {
    let mock = Mock::new();
    let db = mock.database();
    let refused = list_notes(&db).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "notes::list_notes (queries/notes.sql:2): the database refused: the mock does not expect this query"
    );
    let complaint = panic_of(|| mock.verify());
    assert_eq!(complaint, "called, but not expected: notes::list_notes");

    let mock = Mock::new();
    let db = mock.database();
    mock.expect(clear_notes(&db)).returns(0);
    let complaint = panic_of(|| mock.verify());
    assert_eq!(complaint, "expected, but never called: notes::clear_notes");

    // Transactions end as real ones do.
    let tx = db.begin().await.unwrap();
    let over = db
        .transaction(|tx| async move { Ok::<_, Error>(tx) })
        .await
        .unwrap();
    assert_eq!(
        clear_notes(&over).await.unwrap_err().kind(),
        ErrorKind::Transaction
    );
    tx.rollback().await.unwrap();
}

fn panic_of(run: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}
