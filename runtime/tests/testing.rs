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
    BulkExecute, BulkRows, Cursor, CursorPage, Database, Error, ErrorKind, Execute, Many, One,
    Optional, Page, Reader, Result, Rows, Scrolled, Statement, Writer,
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
        "text",
        "int8",
    );
    One::new(db, &ADD, (body,))
}

fn paged_notes(db: &impl Reader) -> Scrolled<'_, (), String> {
    static PAGED: Statement<(), String> = Statement::new(
        "notes::paged_notes",
        "queries/notes.sql:3",
        "SELECT body FROM notes ORDER BY body",
        "",
        "text",
    )
    .paged(&PAGES);
    sqlmill_runtime::pages! {
        PAGES {
            order " ORDER BY body" {
                after ["\nWHERE page.body > " (0) "\nORDER BY page.body\nLIMIT " (1)],
                before ["\nWHERE page.body < " (0) "\nORDER BY page.body DESC\nLIMIT " (1)],
                keys "body text" [0],
            }
        }
    }
    Scrolled::new(db, &PAGED, ())
}

fn list_notes(db: &impl Reader) -> Many<'_, (), String> {
    static LIST: Statement<(), String> = Statement::new(
        "notes::list_notes",
        "queries/notes.sql:2",
        "SELECT body FROM notes ORDER BY id",
        "",
        "text",
    );
    Many::new(db, &LIST, ())
}

fn get_note(db: &impl Reader, id: i64) -> Optional<'_, (i64,), String> {
    static GET: Statement<(i64,), String> = Statement::new(
        "notes::get_note",
        "queries/notes.sql:3",
        "SELECT body FROM notes WHERE id = $1",
        "int8",
        "text",
    );
    Optional::new(db, &GET, (id,))
}

fn clear_notes(db: &impl Writer) -> Execute<'_, ()> {
    static CLEAR: Statement<()> = Statement::new(
        "notes::clear_notes",
        "queries/notes.sql:4",
        "DELETE FROM notes",
        "",
        "",
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
        TestDatabase::with_schema_on(&url, SCHEMA),
        TestDatabase::with_schema_on(&url, SCHEMA),
        TestDatabase::with_schema_on(&url, SCHEMA)
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
    // Of this schema and of the other that tests here use.
    let templates = there("sqlmill\\_test\\_template%");
    assert!(["1", "2"].contains(&templates.as_str()), "{templates}");
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
    let error = TestDatabase::with_schema_on(
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

/// Nothing is given: the server is started for this process.
#[tokio::test]
async fn a_server_is_started_where_none_is_named() {
    if std::env::var_os("DATABASE_URL").is_some() {
        return;
    }
    let schema = "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL UNIQUE);
                  GRANT SELECT ON notes TO \"a reader\"";
    let (one, two) = tokio::try_join!(
        TestDatabase::with_schema(schema),
        TestDatabase::with_schema(schema)
    )
    .unwrap();
    // It is a database itself, and lends itself as one.
    add_note(&one, "mine").await.unwrap();
    let lent: &Database = &one;
    assert_eq!(list_notes(lent).await.unwrap(), ["mine"]);
    assert!(list_notes(&two).await.unwrap().is_empty());
    let tx = two.begin().await.unwrap();
    add_note(&tx, "undone").await.unwrap();
    drop(tx);
    assert!(list_notes(&two).await.unwrap().is_empty());
}

#[allow(unreachable_pub)]
mod rows {
    #[derive(Debug, PartialEq)]
    pub struct Team {
        pub id: i32,
        pub name: String,
    }

    #[derive(Debug, PartialEq)]
    pub struct Person {
        pub id: i64,
        pub email: String,
        pub team_id: i32,
        pub level: String,
        pub short: String,
        pub r#type: String,
        pub nickname: Option<String>,
    }

    #[derive(Debug, PartialEq)]
    pub struct Task {
        pub team_id: i32,
        pub number: i64,
        pub author_id: i64,
        pub reviewer_id: Option<i64>,
        pub due: sqlmill_runtime::types::Timestamp,
        pub parent: Option<i64>,
    }

    #[derive(Debug, PartialEq)]
    pub struct Odd {
        pub id: i64,
        pub shape: String,
    }

    sqlmill_runtime::row! { Team { id, name } }
    sqlmill_runtime::row! { Person { id, email, team_id, level, short, r#type, nickname } }
    sqlmill_runtime::row! { Task { team_id, number, author_id, reviewer_id, due, parent } }
    sqlmill_runtime::row! { Odd { id, shape } }

    sqlmill_runtime::factory! { team, TeamFactory -> Team: "public"."teams" { id: i32, name: &'a str } }
    sqlmill_runtime::factory! {
        person, PersonFactory -> Person: "public"."people" {
            id: i64, email: &'a str, team_id: i32, level: &'a str, short: &'a str, r#type("type"): &'a str,
            nickname: Option<&'a str>,
        }
    }
    sqlmill_runtime::factory! {
        task, TaskFactory -> Task: "public"."tasks" {
            team_id: i32, number: i64, author_id: i64, reviewer_id: Option<i64>,
            due: sqlmill_runtime::types::Timestamp, parent: Option<i64>,
        }
    }
    sqlmill_runtime::factory! { odd, OddFactory -> Odd: "public"."odd" { id: i64, shape: &'a str } }
    sqlmill_runtime::factory! { chicken, ChickenFactory -> i64: "public"."chickens" { id: i64 } }
    sqlmill_runtime::factory! { bounded, BoundedFactory -> String: "public"."bounded" { code: &'a str } }
}

const PEOPLE: &str = "
CREATE TYPE kind AS ENUM ('first', 'second');
CREATE DOMAIN label AS varchar(2) NOT NULL;
CREATE TABLE teams (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    team_id int NOT NULL REFERENCES teams (id),
    level varchar(3) NOT NULL,
    short label,
    type text NOT NULL DEFAULT 'person',
    nickname text,
    UNIQUE (team_id, id)
);
CREATE TABLE tasks (
    team_id int NOT NULL REFERENCES teams (id),
    number bigint NOT NULL,
    author_id bigint NOT NULL,
    reviewer_id bigint,
    due timestamptz NOT NULL,
    parent bigint,
    kind kind NOT NULL,
    tags text[] NOT NULL,
    at jsonb NOT NULL,
    span int4range NOT NULL,
    PRIMARY KEY (team_id, number),
    FOREIGN KEY (team_id, author_id) REFERENCES people (team_id, id),
    FOREIGN KEY (team_id, reviewer_id) REFERENCES people (team_id, id)
);
CREATE TABLE odd (id bigint DEFAULT 1, shape polygon NOT NULL);
CREATE TABLE chickens (id bigint PRIMARY KEY, egg bigint NOT NULL);
CREATE TABLE eggs (id bigint PRIMARY KEY, chicken bigint NOT NULL REFERENCES chickens);
ALTER TABLE chickens ADD FOREIGN KEY (egg) REFERENCES eggs;
CREATE TABLE bounded (code text NOT NULL CHECK (code = 'x'));
";

#[tokio::test]
async fn a_factory_makes_up_what_is_not_given() {
    let server = support::TestDatabase::new("");
    let db = TestDatabase::with_schema_on(&server.url(), PEOPLE)
        .await
        .unwrap();
    let one = rows::person().insert(&db).await.unwrap();
    let two = rows::person().insert(&db).await.unwrap();
    assert!(one.email.ends_with("@example.com"), "{one:?}");
    assert_ne!((&one.email, one.team_id), (&two.email, two.team_id));
    assert!(one.level.len() <= 3 && one.short.len() <= 2, "{one:?}");
    assert_eq!((one.r#type.as_str(), &one.nickname), ("person", &None));

    // What is given is kept: text from a `String`, NULL, a key that the table would have made.
    let nickname = "Ada".to_owned();
    let ada = rows::person()
        .id(1000)
        .nickname(&nickname)
        .r#type("robot")
        .team_id(two.team_id)
        .insert(&db)
        .await
        .unwrap();
    assert_eq!((ada.id, ada.team_id), (1000, two.team_id));
    assert_eq!(ada.nickname.as_deref(), Some("Ada"));
    assert_eq!(ada.r#type, "robot");
    let none = rows::person().nickname(None).insert(&db).await.unwrap();
    assert_eq!(none.nickname, None);

    // What two references share is one row: the author is of the task's team, be it made up or given.
    let task = rows::task().insert(&db).await.unwrap();
    assert_eq!(task.reviewer_id, None);
    let given = rows::team().name("Lambda").insert(&db).await.unwrap();
    let task = rows::task()
        .team_id(given.id)
        .number(7)
        .insert(&db)
        .await
        .unwrap();
    assert_eq!((task.team_id, task.number), (given.id, 7));

    // In a transaction, too.
    let tx = db.begin().await.unwrap();
    rows::team().id(-1).insert(&tx).await.unwrap();
    tx.rollback().await.unwrap();
    rows::team().id(-1).insert(&db).await.unwrap();
}

#[tokio::test]
async fn a_factory_says_what_it_needs() {
    let server = support::TestDatabase::new("");
    let db = TestDatabase::with_schema_on(&server.url(), PEOPLE)
        .await
        .unwrap();
    let odd = rows::odd().insert(&db).await.unwrap_err();
    assert_eq!(
        odd.to_string(),
        "the database refused: no value for `odd.shape` of type polygon can be made up: give one"
    );
    let circle = rows::chicken().insert(&db).await.unwrap_err().to_string();
    assert!(
        circle.contains("needs rows that need one of its kind: give `"),
        "{circle}"
    );
    let bounded = rows::bounded().insert(&db).await.unwrap_err();
    assert_eq!(
        bounded.to_string(),
        "testing (a factory): violates check constraint `bounded_code_check` of `bounded`: \
         a row of `bounded`, with `code` made up [23514]"
    );
    let made = rows::bounded().code("x").insert(&db).await.unwrap();
    assert_eq!(made, "x");
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
async fn a_mock_answers_batches_and_pages() {
    let mock = Mock::new();
    let db = mock.database();
    mock.expect(add_note(&db, "")).returns(1);
    mock.expect(add_note(&db, ""))
        .violates(AddNoteConstraint::NotesBodyKey);
    let added = db.batch(["a", "b"].map(|body| add_note(&db, body))).await;
    assert_eq!(*added[0].as_ref().unwrap(), 1);
    let taken = added[1].as_ref().unwrap_err();
    assert!(taken.violates(AddNoteConstraint::NotesBodyKey));

    let page = Page {
        items: vec!["a".to_owned()],
        total: 3,
        page: 2,
        page_size: 1,
        has_more: true,
    };
    mock.expect(paged_notes(&db).page(1, 20))
        .returns(page.clone());
    assert_eq!(paged_notes(&db).page(2, 1).await.unwrap(), page);
    mock.expect(paged_notes(&db).page(1, 20))
        .fails(ErrorKind::Timeout);
    let slow = paged_notes(&db).page(2, 1).consistent().await.unwrap_err();
    assert_eq!(slow.kind(), ErrorKind::Timeout);

    let cursor: Cursor = "AQAAAAAAAAAA".parse().unwrap();
    let first = CursorPage {
        items: vec!["a".to_owned()],
        next: Some(cursor.clone()),
        previous: None,
    };
    mock.expect(paged_notes(&db).first(1))
        .returns(first.clone());
    mock.expect(paged_notes(&db).first(1))
        .returns(first.clone());
    assert_eq!(paged_notes(&db).first(1).await.unwrap(), first);
    let after = paged_notes(&db).after(&cursor, 1).await.unwrap();
    assert_eq!(after.items, ["a"]);
    // The whole list is another answer.
    mock.expect(paged_notes(&db)).returns(Vec::new());
    assert_eq!(paged_notes(&db).await.unwrap(), [""; 0]);
    // What cannot be asked for is refused as it is without a mock.
    let size = paged_notes(&db).page(1, 2_000).await.unwrap_err();
    assert_eq!(size.kind(), ErrorKind::InvalidInput);
    mock.verify();
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

#[tokio::test]
async fn a_mock_answers_nothing_to_what_would_not_be_sent() {
    sqlmill_runtime::held! {
        TITLE_HELD
        0 "title" "public"."notes" "varchar(3)" "at most 3 characters": AtMost(3);
    }
    static RETITLE: Statement<(&str,)> = Statement::new(
        "notes::retitle",
        "queries/notes.sql:4",
        "UPDATE notes SET title = $1",
        "varchar",
        "",
    )
    .held(TITLE_HELD);
    static RETURNED: Statement<(&str,), String> = Statement::new(
        "notes::retitle_all",
        "queries/notes.sql:5",
        "UPDATE notes SET title = $1 RETURNING title",
        "varchar",
        "varchar",
    )
    .held(TITLE_HELD);
    static ADD: Statement<Rows<'_, (&str, i32)>> = Statement::new(
        "notes::add_many",
        "queries/notes.sql:6",
        "INSERT INTO notes (title, id) SELECT bulk.p1, bulk.p2 FROM unnest($1::varchar[], $2::int4[]) AS bulk (p1, p2)",
        "varchar[] int4[]",
        "",
    )
    .held(TITLE_HELD);
    static ADDED: Statement<Rows<'_, (&str, i32)>, i32> = Statement::new(
        "notes::added",
        "queries/notes.sql:7",
        "INSERT INTO notes (title, id) SELECT bulk.p1, bulk.p2 FROM unnest($1::varchar[], $2::int4[]) AS bulk (p1, p2) RETURNING id",
        "varchar[] int4[]",
        "int4",
    )
    .held(TITLE_HELD);
    let retitle = |db, title| Execute::new(db, &RETITLE, (title,));
    let mock = Mock::new();
    let db = &mock.database();
    mock.expect(retitle(db, "whatever is expected")).returns(2);
    let error = retitle(db, "long").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.faults().len(), 1);
    // The expectation is still there.
    assert_eq!(retitle(db, "new").await.unwrap(), 2);
    let error = Many::new(db, &RETURNED, ("long",)).await.unwrap_err();
    assert_eq!(error.faults().len(), 1);
    let mut stream = Many::new(db, &RETURNED, ("long",)).stream();
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.faults().len(), 1);
    let (good, bad) = ([("new", 1), ("", 2)], [("new", 1), ("long", 2)]);
    mock.expect(BulkExecute::new(db, &ADD, &good)).returns(2);
    mock.expect(BulkRows::new(db, &ADDED, &good))
        .returns(vec![1, 2]);
    let error = BulkExecute::new(db, &ADD, &bad).await.unwrap_err();
    assert_eq!(error.rows(), [1]);
    let error = BulkRows::new(db, &ADDED, &bad).await.unwrap_err();
    assert_eq!(error.rows(), [1]);
    assert_eq!(BulkExecute::new(db, &ADD, &good).await.unwrap(), 2);
    assert_eq!(BulkRows::new(db, &ADDED, &good).await.unwrap(), [1, 2]);
    mock.verify();
}

fn panic_of(run: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}
