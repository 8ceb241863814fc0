//! Through PgBouncer in transaction mode, where no two statements need meet the same session.

use std::time::Duration;

use sqlmill_runtime::types::Uuid;
use sqlmill_runtime::{
    Database, ErrorKind, Execute, Many, One, Optional, Reader, Statement, Writer,
};

use crate::support::TestDatabase;
use crate::support::pgbouncer::Pgbouncer;
use crate::{add_note, backend, count_notes, list_notes, sleep, soon};

const SCHEMA: &str = "
CREATE TABLE notes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body text NOT NULL UNIQUE
);
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TYPE place AS (street text, moods mood[]);
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE TABLE people (
    id uuid PRIMARY KEY,
    mood mood NOT NULL,
    place place NOT NULL,
    email email NOT NULL
);
";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Sad,
    Glad,
}

sqlmill_runtime::enumeration! { Mood: "public"."mood" { Sad = "sad", Glad = "glad" } }

#[derive(Debug, Clone, PartialEq)]
struct Place {
    street: Option<String>,
    moods: Option<Vec<Option<Mood>>>,
}

sqlmill_runtime::composite! { Place: "public"."place" { street, moods } }

#[derive(Debug, Clone, PartialEq)]
struct Person {
    mood: Mood,
    place: Place,
    email: String,
}

sqlmill_runtime::row! { Person { mood, place, email } }

fn add_person<'a>(
    db: &'a impl Writer,
    params: (Uuid, Mood, Place, &'static str),
) -> Execute<'a, (Uuid, Mood, Place, &'static str)> {
    static ADD: Statement<(Uuid, Mood, Place, &str)> = Statement::new(
        "people::add",
        "queries/people.sql:1",
        "INSERT INTO people (id, mood, place, email) VALUES ($1, $2, $3, $4)",
        "uuid public.mood public.place(text,public.mood[]) text",
        "",
    );
    Execute::new(db, &ADD, params)
}

fn person(db: &impl Reader, id: Uuid, mood: Mood) -> Optional<'_, (Uuid, Mood), Person> {
    static GET: Statement<(Uuid, Mood), Person> = Statement::new(
        "people::get",
        "queries/people.sql:2",
        "SELECT mood, place, email FROM people WHERE id = $1 AND mood = $2",
        "uuid public.mood",
        "public.mood public.place(text,public.mood[]) text",
    )
    .shared();
    Optional::new(db, &GET, (id, mood))
}

/// `None` where there is no PgBouncer.
async fn pooled() -> Option<(TestDatabase, Pgbouncer, Database)> {
    let scratch = TestDatabase::new(SCHEMA);
    let pooler = Pgbouncer::start(&scratch, 2)?;
    let db = Database::builder()
        .transaction_pooler(true)
        .pool_size(8)
        .connect(&pooler.url())
        .await
        .unwrap();
    Some((scratch, pooler, db))
}

/// What is prepared in the sessions of the server.
async fn left_behind(db: &Database) -> i64 {
    static LEFT: Statement<(), i64> = Statement::new(
        "t::left",
        "queries/t.sql:1",
        "SELECT count(*) FROM pg_prepared_statements WHERE name <> ''",
        "",
        "int8",
    );
    let mut left = 0;
    for _ in 0..8 {
        left += One::new(db, &LEFT, ()).await.unwrap();
    }
    left
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_of_the_schema_go_through_a_transaction_pooler() {
    let Some((_scratch, pooler, db)) = pooled().await else {
        return;
    };
    let place = Place {
        street: Some("Main".to_owned()),
        moods: Some(vec![Some(Mood::Glad), None]),
    };
    let expected = Person {
        mood: Mood::Sad,
        place: place.clone(),
        email: "a@b.c".to_owned(),
    };
    let ids: Vec<Uuid> = (1..=20).map(Uuid::from_u128).collect();
    for id in &ids {
        add_person(&db, (*id, Mood::Sad, place.clone(), "a@b.c"))
            .await
            .unwrap();
    }
    let by_socket = Database::builder()
        .transaction_pooler(true)
        .pool_size(8)
        .connect(&pooler.local_url())
        .await
        .unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let db = if n % 2 == 0 {
                db.clone()
            } else {
                by_socket.clone()
            };
            let (ids, expected) = (ids.clone(), expected.clone());
            tokio::spawn(async move {
                for id in ids {
                    let found = person(&db, id, Mood::Sad).await.unwrap();
                    assert_eq!(found.as_ref(), Some(&expected));
                    assert_eq!(person(&db, id, Mood::Glad).await.unwrap(), None);
                    let tx = db.begin().await.unwrap();
                    assert_eq!(person(&tx, id, Mood::Sad).await.unwrap(), found);
                    let (one, two) = tokio::try_join!(count_notes(&tx), backend(&tx)).unwrap();
                    assert!(one >= 0 && two > 0);
                    tx.commit().await.unwrap();
                    if n == 0 {
                        add_note(&db, &id.to_string()).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.unwrap();
    }
    assert_eq!(count_notes(&db).await.unwrap(), 20);
    assert_eq!(left_behind(&db).await, 0);
    let taken = add_note(&db, &ids[0].to_string()).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Constraint);
    db.ping().await.unwrap();
    db.close().await;
}

/// The test above would fail if the mode did nothing.
#[tokio::test]
async fn without_the_mode_statements_are_missed() {
    let Some((_scratch, pooler, _db)) = pooled().await else {
        return;
    };
    let plain = Database::builder()
        .pool_size(8)
        .connect(&pooler.url())
        .await
        .unwrap();
    let calls = (0..8).map(|_| {
        let db = plain.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                let tx = db.begin().await?;
                list_notes(&tx).await?;
                // So that several are open at once, and the pooler's connections change hands.
                tokio::time::sleep(Duration::from_millis(1)).await;
                tx.commit().await?;
            }
            Ok::<_, sqlmill_runtime::Error>(())
        })
    });
    let mut failed = 0;
    for call in calls.collect::<Vec<_>>() {
        failed += usize::from(soon(call).await.unwrap().is_err());
    }
    assert_ne!(failed, 0);
}

#[tokio::test]
async fn transactions_streams_and_dropped_futures_leave_nothing() {
    let Some((_scratch, _pooler, db)) = pooled().await else {
        return;
    };
    drop(db.begin().await.unwrap());
    let tx = db.begin().await.unwrap();
    add_note(&tx, "one").await.unwrap();
    let nested = tx.savepoint().await.unwrap();
    add_note(&nested, "two").await.unwrap();
    drop(nested);
    tx.commit().await.unwrap();
    let lost = db.begin().await.unwrap();
    add_note(&lost, "three").await.unwrap();
    drop(lost);
    assert_eq!(list_notes(&db).await.unwrap(), ["one"]);

    static NUMBERS: Statement<(i32,), i32> = Statement::new(
        "t::numbers",
        "queries/t.sql:2",
        "SELECT n FROM generate_series(1, $1) AS n",
        "int4",
        "int4",
    );
    let mut rows = Many::new(&db, &NUMBERS, (100_000,)).stream();
    for n in 1..=10 {
        assert_eq!(rows.next().await.unwrap().unwrap(), n);
    }
    drop(rows);
    let all = Many::new(&db, &NUMBERS, (100_000,)).await.unwrap();
    assert_eq!(all.len(), 100_000);

    for _ in 0..10 {
        let stopped = tokio::time::timeout(Duration::from_millis(5), sleep(&db, 60.0)).await;
        assert!(stopped.is_err());
    }
    static LIMITED: Statement<(f64,), ()> = Statement::new(
        "t::limited",
        "queries/t.sql:3",
        "SELECT pg_sleep($1)",
        "float8",
        "void",
    )
    .timeout_ms(200);
    let slow = soon(One::new(&db, &LIMITED, (60.0,))).await.unwrap_err();
    // Where it still waited for a session, PgBouncer answers to the cancellation by closing the connection.
    assert_eq!(slow.kind(), ErrorKind::Timeout, "{slow}");
    for _ in 0..4 {
        assert_eq!(soon(count_notes(&db)).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_changed_schema_is_met() {
    let Some((scratch, _pooler, db)) = pooled().await else {
        return;
    };
    static ADD: Statement<(&str,), String> = Statement::new(
        "notes::add",
        "queries/notes.sql:70",
        "INSERT INTO notes (body) VALUES ($1) RETURNING body",
        "text",
        "text",
    );
    static GET: Statement<(i64,), String> = Statement::new(
        "notes::get",
        "queries/notes.sql:71",
        "SELECT body FROM notes WHERE id = $1",
        "int8",
        "text",
    )
    .shared();
    for n in 0..8 {
        One::new(&db, &ADD, (n.to_string().as_str(),))
            .await
            .unwrap();
        Optional::new(&db, &GET, (1,)).await.unwrap();
    }
    // To a type that the crate knows as well. The write is done, and not done twice.
    scratch.run("ALTER TABLE notes ALTER body TYPE varchar(40)");
    let told = One::new(&db, &ADD, ("after",)).await.unwrap_err();
    assert_eq!(
        told.to_string(),
        "notes::add (queries/notes.sql:70): the database is not what this crate was compiled for: the types of its \
         columns changed; what it does was done [0A000]"
    );
    let count = scratch.run("SELECT count(*) FROM notes");
    assert_eq!(count[0][0].as_deref(), Some("9"));
    assert_eq!(
        Optional::new(&db, &GET, (1,)).await.unwrap().as_deref(),
        Some("0")
    );
    soon(async {
        // One connection after the other learns of it.
        while One::new(&db, &ADD, (Uuid::from_u128(1).to_string().as_str(),))
            .await
            .is_err()
        {
            scratch.run("DELETE FROM notes WHERE body LIKE '00%'");
        }
    })
    .await;

    // Types that are made anew have other numbers.
    let place = Place {
        street: None,
        moods: None,
    };
    add_person(&db, (Uuid::from_u128(1), Mood::Sad, place.clone(), "a@b.c"))
        .await
        .unwrap();
    assert!(
        person(&db, Uuid::from_u128(1), Mood::Sad)
            .await
            .unwrap()
            .is_some()
    );
    scratch.run(
        "DROP TABLE people; DROP TYPE place; DROP TYPE mood; CREATE TYPE mood AS ENUM ('sad', 'glad'); \
         CREATE TYPE place AS (street text, moods mood[]); CREATE TABLE people (id uuid PRIMARY KEY, mood mood NOT NULL, \
         place place NOT NULL, email email NOT NULL)",
    );
    add_person(&db, (Uuid::from_u128(1), Mood::Sad, place, "a@b.c"))
        .await
        .unwrap();
    assert!(
        person(&db, Uuid::from_u128(1), Mood::Sad)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn what_a_session_must_begin_with_is_looked_at() {
    let Some((scratch, pooler, _db)) = pooled().await else {
        return;
    };
    let builder = || Database::builder().transaction_pooler(true);
    let missing = builder()
        .search_path("app,public")
        .connect(&pooler.url())
        .await
        .unwrap_err();
    assert_eq!(
        missing
            .to_string()
            .split_once(": ")
            .unwrap()
            .1
            .split_once(": ")
            .unwrap()
            .1,
        "sessions begin with another `search_path` than was asked for; behind a transaction pooler it belongs to the role: \
         ALTER ROLE … SET search_path = …"
    );
    scratch.run(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = app, public', current_database()); \
         EXECUTE format('ALTER DATABASE %I SET statement_timeout = 9000', current_database()); END $$",
    );
    let fresh = Pgbouncer::start(&scratch, 2).unwrap();
    let db = builder()
        .search_path("app,public")
        .statement_timeout(Duration::from_secs(9))
        .connect(&fresh.url())
        .await
        .unwrap();
    assert_eq!(count_notes(&db).await.unwrap(), 0);

    let refused = builder()
        .connect(&format!("{} target_session_attrs=read-write", pooler.url()))
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("`target_session_attrs` says nothing"),
        "{refused}"
    );
    let refused = db.session_lock(1).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .ends_with("connect past it, or take `Transaction::advisory_lock`"),
        "{refused}"
    );
    // The first host does not answer.
    let url = pooler.url().replacen("host='", "host='127.0.0.1,", 1);
    let (before, port) = url.split_once("port=").unwrap();
    let db = builder()
        .connect(&format!("{before}port=1,{port}"))
        .await
        .unwrap();
    assert_eq!(count_notes(&db).await.unwrap(), 0);
}
