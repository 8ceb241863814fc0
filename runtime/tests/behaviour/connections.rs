//! The pool, lost connections, and what is left on a connection by who used it before.

use std::time::{Duration, Instant};

use sqlmill_runtime::{Database, ErrorKind, Execute, One, Statement};

use crate::support::TestDatabase;
use crate::{
    SCHEMA, add_note, backend, count_notes, list_notes, notes, one_connection, sleep, soon,
};

#[tokio::test]
async fn a_pool_without_a_free_connection_says_so() {
    let scratch = TestDatabase::new(SCHEMA);
    let db = Database::builder()
        .pool_size(2)
        .acquire_timeout(Duration::from_millis(100))
        .connect(&scratch.url())
        .await
        .unwrap();
    let (first, _second) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    let exhausted = count_notes(&db).await.unwrap_err();
    assert_eq!(exhausted.kind(), ErrorKind::PoolExhausted);
    assert_eq!(exhausted.query(), Some("notes::count_notes"));
    assert_eq!(
        exhausted.to_string(),
        "notes::count_notes (queries/notes.sql:7): no connection became free in time: all 2 connections of the pool stayed in \
         use for 100ms"
    );
    drop(first);
    assert_eq!(count_notes(&db).await.unwrap(), 0);
}

#[tokio::test]
async fn a_killed_backend_is_an_error_once() {
    let (scratch, db) = one_connection().await;
    let pid = backend(&db).await.unwrap();
    let (sleeping, ()) = tokio::join!(sleep(&db, 60.0), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        scratch.run(&format!("SELECT pg_terminate_backend({pid})"));
    });
    let lost = sleeping.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::ConnectionLost, "{lost}");
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
    assert_ne!(backend(&db).await.unwrap(), pid);
}

/// The first one is made by `connect`, and may lie idle for long.
#[tokio::test]
async fn a_connection_that_broke_before_it_was_used_is_replaced() {
    let (scratch, db) = one_connection().await;
    scratch.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid()",
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(count_notes(&db).await.unwrap(), 0);
}

#[tokio::test]
async fn a_transaction_on_a_killed_backend_is_over() {
    let (scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    add_note(&tx, "gone").await.unwrap();
    let pid = backend(&tx).await.unwrap();
    scratch.run(&format!("SELECT pg_terminate_backend({pid})"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let lost = add_note(&tx, "gone too").await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::ConnectionLost, "{lost}");
    let commit = tx.commit().await.unwrap_err();
    // It was not sent: there is no doubt.
    assert!(
        matches!(
            commit.kind(),
            ErrorKind::ConnectionLost | ErrorKind::Transaction
        ),
        "{commit}"
    );
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
}

/// Known before COMMIT is sent, it leaves nothing open.
#[tokio::test]
async fn a_transaction_whose_connection_broke_before_commit_is_rolled_back() {
    let (scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    add_note(&tx, "gone").await.unwrap();
    let pid = backend(&tx).await.unwrap();
    scratch.run(&format!("SELECT pg_terminate_backend({pid})"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let lost = soon(tx.commit()).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::ConnectionLost);
    assert_eq!(
        lost.to_string(),
        "the connection to the database was lost: before COMMIT was sent, so it was rolled back"
    );
    // So does a nested one, with the whole.
    let tx = soon(db.begin()).await.unwrap();
    let pid = backend(&tx).await.unwrap();
    let nested = tx.savepoint().await.unwrap();
    add_note(&nested, "gone").await.unwrap();
    scratch.run(&format!("SELECT pg_terminate_backend({pid})"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let lost = soon(nested.commit()).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::ConnectionLost, "{lost}");
    drop(tx);
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
    assert_eq!(db.pool_status().open, 1);
}

/// As tests do that keep a handle in a `static`: each has a runtime of its own, which ends with it.
#[test]
fn a_handle_outlives_the_runtime_that_it_was_made_in() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let first = runtime();
    let (_scratch, db) = first.block_on(async {
        let (scratch, db) = one_connection().await;
        add_note(&db, "a").await.unwrap();
        (scratch, db)
    });
    let kept = first.block_on(db.begin()).unwrap();
    drop(first);
    let second = runtime();
    second.block_on(async {
        // What was open there is lost, and says so.
        let lost = soon(count_notes(&kept)).await.unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::ConnectionLost, "{lost}");
        soon(kept.commit()).await.unwrap_err();
        assert_eq!(soon(count_notes(&db)).await.unwrap(), 1);
        let tx = soon(db.begin()).await.unwrap();
        add_note(&tx, "b").await.unwrap();
        soon(tx.commit()).await.unwrap();
    });
    drop(second);
    runtime().block_on(async {
        assert_eq!(soon(count_notes(&db)).await.unwrap(), 2);
        soon(db.close()).await;
    });
}

#[tokio::test]
async fn close_may_be_dropped_and_asked_for_again() {
    let (_scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    add_note(&tx, "kept").await.unwrap();
    for _ in 0..3 {
        let closing = tokio::time::timeout(Duration::from_millis(30), db.close()).await;
        assert!(closing.is_err());
    }
    // Nobody gets a connection any more, whoever waits for the end.
    assert_eq!(db.begin().await.unwrap_err().kind(), ErrorKind::Closed);
    soon(tx.commit()).await.unwrap();
    soon(async { tokio::join!(db.close(), db.close()) }).await;
    assert_eq!(db.pool_status().open, 0);
}

#[derive(Debug)]
struct Failed(Option<sqlmill_runtime::Error>);

impl From<sqlmill_runtime::Error> for Failed {
    fn from(error: sqlmill_runtime::Error) -> Self {
        Self(Some(error))
    }
}

/// Dropped at whatever moment, a transaction leaves neither a note nor a connection that is not clean.
#[tokio::test]
async fn transactions_are_dropped_at_every_moment() {
    let (scratch, db) = one_connection().await;
    let whole = || async {
        db.transaction(|tx| async move {
            add_note(&tx, "one").await?;
            tx.transaction(|inner| async move {
                add_note(&inner, "two").await?;
                let twice = inner
                    .transaction(|third| async move { add_note(&third, "two").await })
                    .await;
                assert_eq!(twice.unwrap_err().kind(), ErrorKind::Constraint);
                count_notes(&inner).await
            })
            .await?;
            count_notes(&tx).await?;
            Err::<(), _>(Failed(None))
        })
        .await
    };
    let mut polls = 0;
    loop {
        let mut left = polls;
        let mut running = Box::pin(whole());
        // Dropped after so many polls.
        let ended = soon(std::future::poll_fn(|cx| {
            if left == 0 {
                return std::task::Poll::Ready(false);
            }
            left -= 1;
            running.as_mut().poll(cx).map(|ended| {
                assert!(ended.unwrap_err().0.is_none());
                true
            })
        }));
        if ended.await {
            break;
        }
        drop(running);
        assert_eq!(soon(count_notes(&db)).await.unwrap(), 0, "after {polls}");
        polls += 1;
    }
    assert!(polls > 5, "{polls}");
    let status = db.pool_status();
    assert_eq!((status.open, status.idle, status.waiting), (1, 1, 0));
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE '%transaction%'";
    assert_eq!(scratch.run(open)[0][0].as_deref(), Some("0"));
}

#[tokio::test]
async fn a_forgotten_query_is_cancelled() {
    let (_scratch, db) = one_connection().await;
    let stopped = tokio::time::timeout(Duration::from_millis(100), sleep(&db, 60.0)).await;
    assert!(stopped.is_err());
    let start = Instant::now();
    assert_eq!(count_notes(&db).await.unwrap(), 0);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_forgotten_quick_query_keeps_its_connection() {
    let (_scratch, db) = one_connection().await;
    let before = backend(&db).await.unwrap();
    sleep(&db, 0.0).await.unwrap();
    for _ in 0..20 {
        // Sent by the first poll, and then dropped.
        let mut query = sleep(&db, 0.01);
        let sent = std::future::poll_fn(|cx| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut query).poll(cx).is_pending())
        });
        assert!(sent.await);
        drop(query);
    }
    assert_eq!(backend(&db).await.unwrap(), before);
}

#[tokio::test]
async fn a_statement_is_prepared_once_for_each_connection() {
    let (_scratch, db) = one_connection().await;
    static PREPARED: Statement<(), i64> = Statement::new(
        "notes::prepared",
        "queries/notes.sql:30",
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT body FROM notes%'",
        "",
        "int8",
    );
    for _ in 0..3 {
        list_notes(&db).await.unwrap();
    }
    db.transaction(|tx| async move { list_notes(&tx).await })
        .await
        .unwrap();
    assert_eq!(One::new(&db, &PREPARED, ()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_changed_result_type_is_prepared_again() {
    let scratch = TestDatabase::new("CREATE TABLE t (id int PRIMARY KEY, v varchar(10) NOT NULL)");
    let db = scratch.connect_with(1).await.unwrap();
    static INSERT: Statement<(&str,), String> = Statement::new(
        "t::insert",
        "queries/t.sql:1",
        "INSERT INTO t SELECT coalesce(max(id), 0) + 1, $1 FROM t RETURNING v",
        "text",
        "text",
    );
    let written = One::new(&db, &INSERT, ("a",)).await.unwrap();
    assert_eq!(written, "a");
    scratch.run("ALTER TABLE t ALTER v TYPE text");
    let written = One::new(&db, &INSERT, ("b",)).await.unwrap();
    assert_eq!(written, "b");
    assert_eq!(
        scratch.run("SELECT count(*) FROM t")[0][0].as_deref(),
        Some("2")
    );

    // Within a transaction there is no second try; the next one succeeds.
    scratch.run("ALTER TABLE t ALTER v TYPE varchar(20)");
    let tx = db.begin().await.unwrap();
    let changed = One::new(&tx, &INSERT, ("c",)).await.unwrap_err();
    assert_eq!(changed.kind(), ErrorKind::SchemaChanged, "{changed}");
    assert_eq!(
        changed.to_string(),
        "t::insert (queries/t.sql:1): the schema was changed since the statement was prepared; run the transaction again [0A000]"
    );
    drop(tx);
    let written = One::new(&db, &INSERT, ("c",)).await.unwrap();
    assert_eq!(written, "c");

    // To a type that the crate does not know.
    scratch.run("ALTER TABLE t ALTER v TYPE bytea USING v::bytea");
    let changed = One::new(&db, &INSERT, ("d",)).await.unwrap_err();
    assert_eq!(changed.kind(), ErrorKind::SchemaChanged, "{changed}");
}

#[tokio::test]
async fn a_statement_that_is_gone_is_prepared_again() {
    let (_scratch, db) = one_connection().await;
    static DEALLOCATE: Statement<()> = Statement::new(
        "notes::deallocate",
        "queries/notes.sql:33",
        "DEALLOCATE ALL",
        "",
        "",
    );
    list_notes(&db).await.unwrap();
    Execute::new(&db, &DEALLOCATE, ()).await.unwrap();
    assert!(list_notes(&db).await.unwrap().is_empty());
}

#[tokio::test]
async fn other_types_than_the_crate_knows_are_named() {
    let (_scratch, db) = notes().await;
    static COLUMN: Statement<(), (/* a bigint */)> = Statement::new(
        "notes::column",
        "queries/notes.sql:40",
        "SELECT id FROM notes", "", "void");
    let changed = One::new(&db, &COLUMN, ()).await.unwrap_err();
    assert_eq!(
        changed.to_string(),
        "notes::column (queries/notes.sql:40): the database is not what this crate was compiled for: \
         column 1 `id`: the crate has void, the database int8; migrate the database, or generate the crate anew"
    );
    static PARAMETER: Statement<(i64, i32), i64> = Statement::new(
        "notes::parameter",
        "queries/notes.sql:43",
        "SELECT id FROM notes WHERE id = $1 AND body = $2",
        "int8 int4",
        "int8",
    );
    let changed = One::new(&db, &PARAMETER, (1, 2)).await.unwrap_err();
    assert_eq!(changed.kind(), ErrorKind::SchemaChanged);
    assert!(
        changed
            .to_string()
            .ends_with("parameter 2: the crate has int4, the database text; migrate the database, or generate the crate anew"),
        "{changed}"
    );
    static COUNT: Statement<()> = Statement::new(
        "notes::count",
        "queries/notes.sql:46",
        "SELECT id FROM notes",
        "",
        "",
    );
    let changed = Execute::new(&db, &COUNT, ()).await.unwrap_err();
    assert!(
        changed
            .to_string()
            .contains(": the crate has 0 columns, the database 1; "),
        "{changed}"
    );
    // The connection is none the worse for it.
    assert_eq!(count_notes(&db).await.unwrap(), 0);
}

#[tokio::test]
async fn the_search_path_is_pinned() {
    let scratch = TestDatabase::new("CREATE SCHEMA \"a b\"; CREATE TABLE \"a b\".hidden (id int)");
    static COUNT: Statement<(), i64> = Statement::new(
        "t::count",
        "queries/t.sql:9",
        "SELECT count(*) FROM hidden",
        "",
        "int8",
    );
    let db = scratch.connect().await.unwrap();
    let missing = One::new(&db, &COUNT, ()).await.unwrap_err();
    assert_eq!(missing.sqlstate(), Some("42P01"));
    let db = Database::builder()
        .search_path("\"a b\", public")
        .connect(&scratch.url())
        .await
        .unwrap();
    assert_eq!(One::new(&db, &COUNT, ()).await.unwrap(), 0);
}

#[tokio::test]
async fn connecting_says_what_is_wrong_and_no_password() {
    let scratch = TestDatabase::new(SCHEMA);
    let wrong = Database::connect("postgres//nonsense:sesame@")
        .await
        .unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Connect);
    assert!(!format!("{wrong:?}").contains("sesame"));
    let nobody = Database::connect("postgres://u:sesame@127.0.0.1:1/x")
        .await
        .unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::Connect);
    assert!(nobody.to_string().contains("refused"), "{nobody}");
    let url = format!("{} dbname=missing password=sesame", scratch.url());
    let missing = Database::connect(&url).await.unwrap_err();
    assert_eq!(missing.sqlstate(), Some("3D000"));
    assert!(
        missing.to_string().contains("\"missing\" does not exist"),
        "{missing}"
    );

    let url = format!("{} password=sesame", scratch.url());
    let db = Database::connect(&url).await.unwrap();
    assert!(!format!("{db:?}").contains("sesame"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_a_pool() {
    let scratch = TestDatabase::new(SCHEMA);
    let db = scratch.connect_with(3).await.unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                for m in 0..10 {
                    add_note(&db, &format!("{n} {m}")).await?;
                }
                count_notes(&db).await
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.unwrap().unwrap();
    }
    assert_eq!(count_notes(&db).await.unwrap(), 640);
}

fn setting<'a>(db: &'a Database, name: &'a str) -> One<'a, (&'a str,), String> {
    static SETTING: Statement<(&str,), String> = Statement::new(
        "t::setting",
        "queries/t.sql:30",
        "SELECT pg_catalog.current_setting($1)",
        "text",
        "text",
    );
    One::new(db, &SETTING, (name,))
}

#[tokio::test]
async fn sessions_begin_with_what_was_set() {
    let scratch = TestDatabase::new(SCHEMA);
    let db = Database::builder()
        .application_name("front desk")
        .statement_timeout(Duration::from_millis(300))
        .lock_timeout(Duration::from_secs(3))
        .setting("work_mem", "7MB")
        .connect(&scratch.url())
        .await
        .unwrap();
    for (name, value) in [
        ("application_name", "front desk"),
        ("statement_timeout", "300ms"),
        ("lock_timeout", "3s"),
        ("work_mem", "7MB"),
    ] {
        assert_eq!(setting(&db, name).await.unwrap(), value);
    }
    let slow = soon(sleep(&db, 60.0)).await.unwrap_err();
    assert_eq!(slow.kind(), ErrorKind::Timeout);
    assert_eq!(
        slow.to_string(),
        "notes::sleep (queries/notes.sql:13): took too long, and was cancelled by the server: canceling statement \
         due to statement timeout [57014]"
    );
}

#[tokio::test]
async fn the_first_host_that_fits_is_taken() {
    let scratch = TestDatabase::new(SCHEMA);
    let url = scratch.url();
    let hosts = |attributes: &str| {
        let url = url.replacen("host='", "host='127.0.0.1,", 1);
        let (before, port) = url.split_once("port=").unwrap();
        format!("{before}port=1,{port} target_session_attrs={attributes}")
    };
    for attributes in ["any", "read-write", "primary", "prefer-standby"] {
        let db = Database::connect(&hosts(attributes)).await.unwrap();
        assert_eq!(count_notes(&db).await.unwrap(), 0);
    }
    // It is no standby, whatever the handle may do.
    for attributes in ["read-only", "standby"] {
        let none = sqlmill_runtime::Replica::connect(&hosts(attributes))
            .await
            .unwrap_err();
        assert_eq!(none.kind(), ErrorKind::Connect, "{none}");
        let reason = match attributes {
            "read-only" => ": it is not read only, and `target_session_attrs` asks for another",
            _ => ": it is not a standby, and `target_session_attrs` asks for another",
        };
        assert!(none.to_string().ends_with(reason), "{none}");
    }
    let unknown = Database::connect(&hosts("sesame")).await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "cannot connect to the database: the address cannot be used: its parameter `target_session_attrs` has a \
         value that cannot be"
    );
}

#[tokio::test]
async fn idle_and_old_connections_are_closed() {
    let scratch = TestDatabase::new(SCHEMA);
    let count = || {
        scratch.run("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'retired'")[0]
            [0]
        .clone()
    };
    for builder in [
        Database::builder()
            .idle_timeout(Duration::from_millis(300))
            .max_lifetime(None),
        Database::builder()
            .idle_timeout(None)
            .max_lifetime(Duration::from_millis(300)),
    ] {
        let db = builder
            .application_name("retired")
            .connect(&scratch.url())
            .await
            .unwrap();
        let (one, two) = tokio::try_join!(db.begin(), db.begin()).unwrap();
        assert_eq!(count().as_deref(), Some("2"));
        drop((one, two));
        soon(async {
            while count().as_deref() != Some("0") {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        assert_eq!(count_notes(&db).await.unwrap(), 0);
        drop(db);
    }
}

#[tokio::test]
async fn a_url_says_where_and_errors_say_it_back() {
    let nobody = Database::connect("postgres://u:sesame@127.0.0.1:1/x")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        nobody
            .starts_with("cannot connect to the database: 127.0.0.1:1: error connecting to server"),
        "{nobody}"
    );
    #[cfg(not(feature = "tls"))]
    {
        let error = Database::connect("postgres://u:sesame@127.0.0.1:1/x?sslmode=verify-full")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("the feature `tls`"), "{error}");
    }
}

/// Whoever waits gets the connection at once, so it is never idle.
#[tokio::test]
async fn an_old_connection_is_closed_though_it_is_always_in_use() {
    let scratch = TestDatabase::new(SCHEMA);
    let db = Database::builder()
        .pool_size(1)
        .max_lifetime(Duration::from_millis(300))
        .connect(&scratch.url())
        .await
        .unwrap();
    let first = backend(&db).await.unwrap();
    let busy = async || {
        while backend(&db).await.unwrap() == first {
            sleep(&db, 0.01).await.unwrap();
        }
    };
    soon(async { tokio::join!(busy(), busy(), busy()) }).await;
    assert_eq!(db.pool_status().open, 1);
}

#[cfg(unix)]
#[tokio::test]
async fn sockets_are_found_in_directories_with_blanks() {
    let scratch = TestDatabase::new(SCHEMA);
    let value = |sql: &str| scratch.run(sql)[0][0].clone().unwrap();
    let directory = value("SHOW unix_socket_directories");
    let place = std::env::temp_dir().join(format!("sqlmill it's %41 {}", std::process::id()));
    let _ = std::fs::remove_file(&place);
    std::os::unix::fs::symlink(directory, &place).unwrap();
    let shown = place.display().to_string();
    let (port, user) = (value("SHOW port"), value("SELECT current_user"));
    let database = value("SELECT current_database()");
    let written = shown
        .replace('%', "%25")
        .replace('/', "%2F")
        .replace(' ', "%20");
    let quoted = shown.replace('\'', "\\'");
    let all = [
        format!("postgres://{user}@{written}:{port}/{database}"),
        format!("postgresql:///{database}?host={written}&port={port}&user={user}"),
        format!("host = '{quoted}' port={port} user={user} dbname={database}"),
    ];
    let mut found = Vec::new();
    for url in &all {
        found.push(Database::connect(url).await);
    }
    std::fs::remove_file(&place).unwrap();
    for (url, db) in all.iter().zip(found) {
        let db = db.unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(count_notes(&db).await.unwrap(), 0);
    }
}

mod listed {
    use sqlmill_runtime::types::Uuid;
    use sqlmill_runtime::{NoRows, Statement};

    static RIGHT: Statement<(i64,), String> = Statement::new(
        "notes::right",
        "queries/notes.sql:50",
        "SELECT body FROM notes WHERE id = $1",
        "int8",
        "text",
    );
    static OTHER_COLUMN: Statement<(i64,), Uuid> = Statement::new(
        "notes::other_column",
        "queries/notes.sql:51",
        "SELECT body FROM notes WHERE id = $1",
        "int8",
        "uuid",
    );
    static OTHER_PARAMETER: Statement<(bool,), String> = Statement::new(
        "notes::other_parameter",
        "queries/notes.sql:52",
        "SELECT body FROM notes WHERE id = $1",
        "bool",
        "text",
    );
    static GONE: Statement<(), NoRows> = Statement::new(
        "notes::gone",
        "queries/notes.sql:53",
        "DELETE FROM gone",
        "",
        "",
    );
    sqlmill_runtime::statements! { LISTED: OTHER_COLUMN, RIGHT, GONE, OTHER_PARAMETER }

    pub(crate) mod right {
        use sqlmill_runtime::Statement;

        static COUNT: Statement<(), i64> = Statement::new(
            "notes::count",
            "queries/notes.sql:54",
            "SELECT count(*) FROM notes",
            "",
            "int8",
        );
        sqlmill_runtime::statements! { RIGHT: COUNT }
    }
}

mod crate_of_one {
    use super::listed::right;
    sqlmill_runtime::verify! { right::RIGHT }
}

mod crate_of_two {
    use super::listed;
    use super::listed::right;
    sqlmill_runtime::verify! { listed::LISTED, right::RIGHT }
}

#[tokio::test]
async fn verify_names_every_query_that_does_not_fit() {
    let (_scratch, db) = one_connection().await;
    crate_of_one::verify(&db).await.unwrap();
    let found = crate_of_two::verify(&db).await.unwrap_err();
    let server = db.health().await.unwrap().server_version;
    assert_eq!(
        found.to_string().replace(
            &format!("the server is PostgreSQL {server}"),
            "which server"
        ),
        "notes::other_column (queries/notes.sql:51): the database is not what this crate was compiled for: column 1 \
         `body`: the crate has uuid, the database text\n\
         notes::gone (queries/notes.sql:53): the database is not what this crate was compiled for: relation \"gone\" \
         does not exist; which server [42P01]\n\
         notes::other_parameter (queries/notes.sql:52): the database is not what this crate was compiled for: \
         parameter 1: the crate has bool, the database int8"
    );
    assert_eq!(found.errors().len(), 3);
    // Nothing is left behind, and the connection is there for the next.
    assert_eq!(soon(prepared(&db)).await, 0);
}

/// How many statements the connection holds, but for the one that asks.
async fn prepared(db: &Database) -> i64 {
    static PREPARED: Statement<(), i64> = Statement::new(
        "t::prepared",
        "queries/t.sql:31",
        "SELECT count(*) FROM pg_prepared_statements WHERE statement NOT LIKE '%pg_prepared_statements%' \
         AND statement NOT LIKE '%pg_catalog%'",
        "",
        "int8",
    );
    One::new(db, &PREPARED, ()).await.unwrap()
}

#[tokio::test]
async fn the_server_is_told_the_names_of_queries() {
    let scratch = TestDatabase::new(SCHEMA);
    static ACTIVITY: Statement<(), String> = Statement::new(
        "t::activity",
        "queries/t*/t.sql:40",
        "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()",
        "",
        "text",
    );
    let db = Database::builder()
        .query_names(true)
        .connect(&scratch.url())
        .await
        .unwrap();
    assert_eq!(
        One::new(&db, &ACTIVITY, ()).await.unwrap(),
        "/* t::activity queries/t* /t.sql:40 */ SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    );
}

#[tokio::test]
async fn the_statement_cache_is_bounded() {
    let scratch = TestDatabase::new(SCHEMA);
    let db = Database::builder()
        .pool_size(1)
        .statement_cache(2)
        .connect(&scratch.url())
        .await
        .unwrap();
    for _ in 0..3 {
        count_notes(&db).await.unwrap();
        add_note(&db, "x").await.unwrap();
        list_notes(&db).await.unwrap();
        backend(&db).await.unwrap();
        crate::clear_notes(&db).await.unwrap();
    }
    assert!(prepared(&db).await <= 2);
}

#[tokio::test]
async fn close_waits_for_what_is_under_way() {
    let (_scratch, db) = notes().await;
    let tx = db.begin().await.unwrap();
    add_note(&tx, "kept").await.unwrap();
    assert_eq!(db.pool_status().open - db.pool_status().idle, 1);
    let closing = tokio::spawn({
        let db = db.clone();
        async move { db.close().await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!closing.is_finished());
    let refused = count_notes(&db).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Closed);
    assert_eq!(db.ping().await.unwrap_err().kind(), ErrorKind::Closed);
    add_note(&tx, "too").await.unwrap();
    tx.commit().await.unwrap();
    soon(closing).await.unwrap();
    assert_eq!(db.pool_status().open, 0);
    let again = _scratch.connect().await.unwrap();
    again.ping().await.unwrap();
    assert_eq!(list_notes(&again).await.unwrap(), ["kept", "too"]);
    // A primary lags behind nobody.
    assert_eq!(_scratch.replica().await.unwrap().lag().await.unwrap(), None);
}

#[tokio::test]
async fn who_waits_longest_is_served_first() {
    let (_scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    let (sender, mut served) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..5 {
        let (caller, sender) = (db.clone(), sender.clone());
        tokio::spawn(async move {
            count_notes(&caller).await.unwrap();
            sender.send(number).unwrap();
        });
        let waiting = || db.pool_status().waiting == number + 1;
        while !waiting() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    tx.commit().await.unwrap();
    for number in 0..5 {
        assert_eq!(soon(served.recv()).await, Some(number));
    }
}

#[tokio::test]
async fn who_gives_up_waiting_takes_nothing_along() {
    let (_scratch, db) = one_connection().await;
    for _ in 0..20 {
        let tx = db.begin().await.unwrap();
        let waiting = db.clone();
        let waiting = tokio::spawn(async move { count_notes(&waiting).await });
        while db.pool_status().waiting == 0 {
            tokio::task::yield_now().await;
        }
        // The connection is on its way to it, and it is not there any more.
        drop(tx);
        tokio::task::yield_now().await;
        waiting.abort();
        assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
    }
    let _ = soon(count_notes(&db)).await.unwrap();
    let status = db.pool_status();
    assert_eq!((status.open, status.idle, status.waiting), (1, 1, 0));
}

#[tokio::test]
async fn a_connection_that_breaks_while_nobody_uses_it_is_not_given_out() {
    let (scratch, db) = one_connection().await;
    for _ in 0..3 {
        let pid = backend(&db).await.unwrap();
        scratch.run(&format!("SELECT pg_terminate_backend({pid})"));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
        assert_ne!(backend(&db).await.unwrap(), pid);
    }
}

/// A task attends to the connection in a transaction, and the calls themselves outside: none may miss the other's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_goes_from_transactions_to_calls_and_back() {
    let (_scratch, db) = one_connection().await;
    let callers = (0..4).map(|_| {
        let db = db.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                let tx = db.begin().await?;
                tokio::try_join!(backend(&tx), count_notes(&tx))?;
                drop(tx);
                tokio::try_join!(backend(&db), count_notes(&db))?;
                list_notes(&db).await?;
            }
            Ok::<_, sqlmill_runtime::Error>(())
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        tokio::time::timeout(Duration::from_secs(60), caller)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

/// Each holds its connection until it is polled again, and no more.
#[tokio::test]
async fn calls_that_are_polled_once_and_kept_hold_up_nobody_else() {
    let scratch = TestDatabase::new(SCHEMA);
    let db = Database::builder()
        .pool_size(3)
        .connect(&scratch.url())
        .await
        .unwrap();
    for _ in 0..3 {
        let mut one = Box::pin(count_notes(&db));
        let mut many = Box::pin(list_notes(&db));
        std::future::poll_fn(|cx| {
            assert!(one.as_mut().poll(cx).is_pending());
            assert!(many.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        for _ in 0..10 {
            assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
        }
        assert_eq!(soon(one).await.unwrap(), 0);
        assert!(soon(many).await.unwrap().is_empty());
    }
}

/// One timer serves all who wait, and each has his own time.
#[tokio::test]
async fn who_waits_too_long_is_told_when_his_time_is_over() {
    let scratch = TestDatabase::new(SCHEMA);
    let limit = Duration::from_millis(400);
    let db = Database::builder()
        .pool_size(1)
        .acquire_timeout(limit)
        .connect(&scratch.url())
        .await
        .unwrap();
    // Twice, as the timer has nobody to serve in between.
    for _ in 0..2 {
        let tx = db.begin().await.unwrap();
        // At the head of the queue, and gone.
        let gave_up = tokio::time::timeout(Duration::from_millis(20), count_notes(&db));
        assert!(gave_up.await.is_err());
        let late = |after: u64| {
            let db = db.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(after)).await;
                let start = Instant::now();
                let kind = match after {
                    0 => count_notes(&db).await.map(drop),
                    150 => list_notes(&db).await.map(drop),
                    _ => db.begin().await.map(drop),
                };
                (kind.unwrap_err().kind(), start.elapsed())
            }
        };
        let waited = tokio::join!(late(0), late(150), late(300));
        for (kind, time) in [waited.0, waited.1, waited.2] {
            assert_eq!(kind, ErrorKind::PoolExhausted);
            assert!(time >= limit && time < limit * 3, "{time:?}");
        }
        assert_eq!(db.pool_status().waiting, 0);
        tx.commit().await.unwrap();
        assert_eq!(count_notes(&db).await.unwrap(), 0);
    }
}

/// The timer of those who wait runs where the first of them does.
#[tokio::test]
async fn who_waits_is_told_although_the_runtime_of_another_ends() {
    let scratch = TestDatabase::new(SCHEMA);
    let db = Database::builder()
        .pool_size(1)
        .acquire_timeout(Duration::from_secs(1))
        .connect(&scratch.url())
        .await
        .unwrap();
    let _tx = db.begin().await.unwrap();
    let (ended, end) = std::sync::mpsc::channel::<()>();
    let elsewhere = db.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(async move { count_notes(&elsewhere).await });
        end.recv().unwrap();
    });
    let waiting = |count| {
        let db = db.clone();
        async move {
            while db.pool_status().waiting < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    soon(waiting(1)).await;
    let here = db.clone();
    let here = tokio::spawn(async move { count_notes(&here).await });
    soon(waiting(2)).await;
    ended.send(()).unwrap();
    thread.join().unwrap();
    let error = soon(here).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PoolExhausted, "{error}");
}
