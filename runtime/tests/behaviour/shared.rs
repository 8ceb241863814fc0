//! Short reads on shared connections: what would hold them up, and what must not.

use std::collections::HashSet;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use sqlmill_runtime::{Database, Error, ErrorKind, Execute, One, Optional, Reader, Statement};

use crate::support::TestDatabase;
use crate::{SCHEMA, soon};

const FIND: &str = "SELECT body FROM notes WHERE id = $1";

fn find(db: &impl Reader, id: i64) -> Optional<'_, (i64,), String> {
    static FIND_NOTE: Statement<(i64,), String> =
        Statement::new("notes::find", "queries/notes.sql:30", FIND, "int8", "text").shared();
    Optional::new(db, &FIND_NOTE, (id,))
}

/// Which connection it ran on, to tell shared ones from those of the pool.
fn find_backend(db: &impl Reader, id: i64) -> Optional<'_, (i64,), i32> {
    static FIND_BACKEND: Statement<(i64,), i32> = Statement::new(
        "notes::find_backend",
        "queries/notes.sql:33",
        "SELECT pg_backend_pid() FROM notes WHERE id = $1",
        "int8",
        "int4",
    )
    .shared();
    Optional::new(db, &FIND_BACKEND, (id,))
}

/// Of another table, which nobody locks.
fn find_other(db: &impl Reader, id: i64) -> Optional<'_, (i64,), i32> {
    static FIND_OTHER: Statement<(i64,), i32> = Statement::new(
        "others::find",
        "queries/others.sql:1",
        "SELECT pg_backend_pid() FROM others WHERE id = $1",
        "int8",
        "int4",
    )
    .shared();
    Optional::new(db, &FIND_OTHER, (id,))
}

/// A row that takes several reads from the socket, so that its answer comes in parts.
fn find_large(db: &impl Reader, id: i64) -> Optional<'_, (i64,), String> {
    static FIND_LARGE: Statement<(i64,), String> = Statement::new(
        "notes::find_large",
        "queries/notes.sql:36",
        "SELECT repeat(body, 5000000) FROM notes WHERE id = $1",
        "int8",
        "text",
    )
    .shared();
    Optional::new(db, &FIND_LARGE, (id,))
}

fn lock_notes(db: &impl Reader) -> Execute<'_, ()> {
    static LOCK: Statement<()> = Statement::new(
        "notes::lock",
        "queries/notes.sql:39",
        "LOCK TABLE notes IN ACCESS EXCLUSIVE MODE",
        "",
        "",
    );
    Execute::new(db, &LOCK, ())
}

/// When its transaction began, as the server says.
fn moment(db: &impl Reader, id: i64) -> One<'_, (i64,), String> {
    static MOMENT: Statement<(i64,), String> = Statement::new(
        "notes::moment",
        "queries/notes.sql:42",
        "SELECT now()::text || (1 / $1::bigint)::text || pg_backend_pid()",
        "int8",
        "text",
    )
    .shared();
    One::new(db, &MOMENT, (id,))
}

fn other_moment(db: &impl Reader, id: i64) -> One<'_, (i64,), String> {
    static OTHER_MOMENT: Statement<(i64,), String> = Statement::new(
        "notes::other_moment",
        "queries/notes.sql:45",
        "SELECT now()::text || (1 / $1::bigint)::text || pg_backend_pid() ",
        "int8",
        "text",
    )
    .shared();
    One::new(db, &OTHER_MOMENT, (id,))
}

/// One row in each table, and handles with one shared connection beside a pool of one, all statements prepared.
async fn shared() -> (TestDatabase, Database) {
    let scratch = TestDatabase::new(&format!(
        "{SCHEMA} CREATE TABLE others (id bigint PRIMARY KEY);"
    ));
    scratch.run("INSERT INTO notes (body) VALUES ('a'); INSERT INTO others VALUES (1)");
    let db = Database::builder()
        .pool_size(1)
        .shared_connections(1)
        .connect(&scratch.url())
        .await
        .unwrap();
    warm(&db).await;
    (scratch, db)
}

/// Until every statement runs on a shared connection: the first calls find none, or find them unprepared there.
async fn warm(db: &Database) {
    // The pool's only connection is taken, so whatever is answered was answered elsewhere.
    let held = soon(db.begin()).await.unwrap();
    soon(async {
        loop {
            let answers = tokio::time::timeout(Duration::from_millis(100), async {
                find(db, 1).await.unwrap();
                find_backend(db, 1).await.unwrap();
                find_other(db, 1).await.unwrap();
                find_large(db, 0).await.unwrap();
                moment(db, 1).await.unwrap();
                other_moment(db, 1).await.unwrap();
            });
            if answers.await.is_ok() {
                break;
            }
        }
    })
    .await;
    soon(held.rollback()).await.unwrap();
}

pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx))).await
}

#[tokio::test]
async fn close_waits_for_reads_on_shared_connections() {
    let (_scratch, db) = shared().await;
    let held = db.begin().await.unwrap();
    lock_notes(&held).await.unwrap();
    let read = |id| {
        let db = db.clone();
        tokio::spawn(async move { find(&db, id).await })
    };
    let first = read(1);
    let second = tokio::spawn({
        let db = db.clone();
        async move { find_backend(&db, 1).await.map(|_| None) }
    });
    while db.pool_status().waiting == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The second one has moved to the queue of the pool by now, which nobody gets anything of any more.
    let last = read(1);
    let closing = tokio::spawn({
        let db = db.clone();
        async move { db.close().await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!closing.is_finished());
    held.commit().await.unwrap();
    soon(closing).await.unwrap();
    // Each was answered or refused by then, and the first one was under way.
    assert!(first.is_finished());
    assert_eq!(soon(first).await.unwrap().unwrap().as_deref(), Some("a"));
    for refused in [second, last] {
        let refused = soon(refused).await.unwrap();
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn short_reads_need_no_connection_of_the_pool() {
    let (_scratch, db) = shared().await;
    let held = db.begin().await.unwrap();
    let (one, none) = soon(async { tokio::join!(find(&db, 1), find(&db, 2)) }).await;
    assert_eq!((one.unwrap().as_deref(), none.unwrap()), (Some("a"), None));
    assert_eq!(
        soon(find(&db, 2).one()).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let length = soon(find(&db, 1).map(str::len)).await.unwrap();
    assert_eq!(length, Some(1));
    // In a transaction they see what it wrote: they run on its connection.
    let body = soon(async {
        crate::add_note(&held, "mine").await?;
        find(&held, 2).await
    });
    assert_eq!(body.await.unwrap().as_deref(), Some("mine"));
}

/// All at once on the shared connection: the pool has none to give.
async fn moments(db: &Database, which: &[bool]) -> Vec<String> {
    let held = soon(db.begin()).await.unwrap();
    let reads = which.iter().map(|other| match other {
        true => other_moment(db, 1),
        false => moment(db, 1),
    });
    let mut reads: Vec<_> = reads.collect();
    for read in &mut reads {
        assert!(poll_once(read).await.is_pending());
    }
    let mut moments = Vec::new();
    for read in reads {
        moments.push(soon(read).await.unwrap());
    }
    held.rollback().await.unwrap();
    moments
}

fn distinct(moments: &[String]) -> usize {
    moments.iter().collect::<HashSet<_>>().len()
}

/// Of one statement and nothing else between them they are one transaction, which ends with the last of them.
#[tokio::test]
async fn reads_of_one_statement_travel_together() {
    let (scratch, db) = shared().await;
    let first = moments(&db, &[false; 30]).await;
    assert_eq!(distinct(&first), 1, "{first:?}");
    assert_ne!(first, moments(&db, &[false; 30]).await);
    let to_and_fro: Vec<bool> = (0..30).map(|number| number % 2 == 0).collect();
    assert_eq!(distinct(&moments(&db, &to_and_fro).await), 30);

    // One snapshot for all of them would not be what each asked for.
    for level in ["repeatable read", "serializable"] {
        let builder = Database::builder()
            .pool_size(1)
            .shared_connections(1)
            .setting("default_transaction_isolation", level);
        let db = builder.connect(&scratch.url()).await.unwrap();
        warm(&db).await;
        assert_eq!(distinct(&moments(&db, &[false; 30]).await), 30, "{level}");
    }
}

/// The server passes over those behind it, which are asked again.
#[tokio::test]
async fn a_read_that_fails_is_the_only_one_that_does() {
    let (_scratch, db) = shared().await;
    for failing in [0, 1, 14, 28, 29] {
        let mut reads: Vec<_> = (0..30)
            .map(|number| moment(&db, i64::from(number != failing)))
            .collect();
        for read in &mut reads {
            assert!(poll_once(read).await.is_pending());
        }
        for (number, read) in (0..).zip(reads) {
            match soon(read).await {
                Ok(moment) => {
                    assert_ne!(number, failing);
                    assert!(!moment.is_empty());
                }
                Err(failed) => {
                    assert_eq!((number, failed.sqlstate()), (failing, Some("22012")));
                }
            }
        }
    }
    warm(&db).await;
}

/// Those that are done are not told before all are: they are asked elsewhere meanwhile.
#[tokio::test]
async fn one_that_is_slow_holds_up_nobody_it_travels_with() {
    static SLEEP: Statement<(f64,), String> = Statement::new(
        "notes::sleep",
        "queries/notes.sql:48",
        "SELECT now()::text || pg_sleep($1)",
        "float8",
        "text",
    )
    .shared();
    let (_scratch, db) = shared().await;
    let sleep = |seconds: f64| One::new(&db, &SLEEP, (seconds,));
    soon(async {
        loop {
            let (one, other) = tokio::try_join!(sleep(0.0), sleep(0.0)).unwrap();
            if one == other {
                break;
            }
        }
    })
    .await;
    let began = std::time::Instant::now();
    let mut reads = [0.0, 0.0, 3.0, 0.0].map(sleep);
    for read in &mut reads {
        assert!(poll_once(read).await.is_pending());
    }
    let [first, second, slow, last] = reads;
    // The pool has one connection, which the slow one takes once it is asked elsewhere.
    for read in [first, second, last] {
        soon(read).await.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(2), "they wait");
    soon(slow).await.unwrap();
}

#[tokio::test]
async fn a_kept_or_dropped_future_stalls_nobody() {
    let (_scratch, db) = shared().await;
    let mut kept = find_large(&db, 1);
    assert!(poll_once(&mut kept).await.is_pending());
    let mut dropped = find_large(&db, 1);
    assert!(poll_once(&mut dropped).await.is_pending());
    drop(dropped);
    assert!(soon(find_backend(&db, 1)).await.unwrap().is_some());
    // On the shared connection, behind both.
    warm(&db).await;
    let body = soon(kept).await.unwrap();
    assert_eq!(body.map(|body| body.len()), Some(5_000_000));
}

#[tokio::test]
async fn a_read_behind_a_lock_is_the_only_one_to_wait() {
    let (scratch, db) = shared().await;
    let mine = soon(find_other(&db, 1)).await.unwrap();
    let locker = scratch.connect().await.unwrap();
    let lock = locker.begin().await.unwrap();
    soon(lock_notes(&lock)).await.unwrap();
    let reader = db.clone();
    let blocked = tokio::spawn(async move { find(&reader, 1).await });
    tokio::task::yield_now().await;
    // Behind it on the same connection, and moved.
    let others = soon(async { tokio::try_join!(find_other(&db, 1), find_other(&db, 1)) });
    let (first, second) = others.await.unwrap();
    assert!(first.is_some() && first == second && first != mine);
    // While it lasts nobody queues there any more.
    let began = std::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(soon(find_other(&db, 1)).await.unwrap(), first);
    }
    assert!(began.elapsed() < Duration::from_millis(400), "they queue");
    assert!(!blocked.is_finished());
    lock.rollback().await.unwrap();
    let body = soon(blocked).await.unwrap().unwrap();
    assert_eq!(body.as_deref(), Some("a"));
    // And it is used again.
    soon(async { while find_other(&db, 1).await.unwrap() != mine {} }).await;
}

#[tokio::test]
async fn a_statement_timeout_ends_a_read_that_waits_for_a_lock() {
    let (scratch, _) = shared().await;
    let db = Database::builder()
        .shared_connections(1)
        .lock_timeout(Duration::from_millis(300))
        .connect(&scratch.url())
        .await
        .unwrap();
    warm_one(&db).await;
    let locker = scratch.connect().await.unwrap();
    let lock = locker.begin().await.unwrap();
    soon(lock_notes(&lock)).await.unwrap();
    let error: Error = soon(find(&db, 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("notes::find"), "{error}");
}

async fn warm_one(db: &Database) {
    for _ in 0..20 {
        soon(find(db, 1)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_killed_shared_connection_is_an_error_once() {
    let (scratch, db) = shared().await;
    let mine = soon(find_backend(&db, 1)).await.unwrap().unwrap();
    let locker = scratch.connect().await.unwrap();
    let lock = locker.begin().await.unwrap();
    soon(lock_notes(&lock)).await.unwrap();
    let mut waiting = find(&db, 1);
    assert!(poll_once(&mut waiting).await.is_pending());
    scratch.run(&format!("SELECT pg_terminate_backend({mine})"));
    let error = soon(waiting).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    lock.rollback().await.unwrap();
    // The pool answers at once, and a new connection is made.
    let next = soon(find_backend(&db, 1)).await.unwrap().unwrap();
    assert_ne!(next, mine);
    warm(&db).await;
}

#[tokio::test]
async fn a_changed_result_type_is_prepared_again() {
    let (scratch, db) = shared().await;
    assert_eq!(soon(find(&db, 1)).await.unwrap().as_deref(), Some("a"));
    // To and fro: the server refuses the old plan when its result is described otherwise.
    scratch.run("ALTER TABLE notes ALTER body TYPE varchar(10)");
    assert_eq!(soon(find(&db, 1)).await.unwrap().as_deref(), Some("a"));
    scratch.run("DISCARD ALL");
    warm(&db).await;
}

#[tokio::test]
async fn more_than_may_be_under_way_takes_the_pool() {
    let (scratch, _) = shared().await;
    let db = Database::builder()
        .pool_size(2)
        .shared_connections(1)
        .shared_depth(1)
        .connect(&scratch.url())
        .await
        .unwrap();
    warm_one(&db).await;
    let mut first = find_large(&db, 1);
    let _ = poll_once(&mut first).await;
    let bodies = soon(async {
        let reads = (0..50).map(|_| {
            let db = db.clone();
            tokio::spawn(async move { find(&db, 1).await })
        });
        let reads: Vec<_> = reads.collect();
        for read in reads {
            assert_eq!(read.await.unwrap().unwrap().as_deref(), Some("a"));
        }
    });
    bodies.await;
    soon(first).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_caller_gets_its_own_answer() {
    let (scratch, db) = shared().await;
    scratch.run("INSERT INTO notes (body) SELECT 'n' || n FROM generate_series(2, 500) AS n");
    let tasks: Vec<_> = (0..64_i64)
        .map(|task| {
            let db = db.clone();
            tokio::spawn(async move {
                for turn in 0..200 {
                    let id = 2 + (task * 7 + turn) % 499;
                    if turn % 17 == 0 {
                        // Dropped half-way.
                        let mut gone = find(&db, id);
                        let _ = poll_once(&mut gone).await;
                    }
                    let body = find(&db, id).await.unwrap();
                    assert_eq!(body, Some(format!("n{id}")));
                }
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.unwrap();
    }
    warm(&db).await;
}

#[tokio::test]
async fn closing_waits_for_nobody_to_come() {
    let (_scratch, db) = shared().await;
    soon(db.close()).await;
    assert_eq!(
        soon(find(&db, 1)).await.unwrap_err().kind(),
        ErrorKind::Closed
    );
}
