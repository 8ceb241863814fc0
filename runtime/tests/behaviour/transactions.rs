//! Transactions end as they should, however they are left.

use std::time::Duration;

use sqlmill_runtime::{Error, ErrorKind, Result, Transaction};

use crate::{
    add_note, backend, clear_notes, count_notes, list_notes, notes, one_connection, sleep, soon,
};

#[tokio::test]
async fn ok_commits_and_an_error_rolls_back() {
    let (_scratch, db) = one_connection().await;
    let id = db
        .transaction(|tx| async move { add_note(&tx, "kept").await })
        .await
        .unwrap();
    assert_eq!(id, 1);

    #[derive(Debug, PartialEq)]
    enum Refused {
        Mine,
        Database,
    }
    impl From<Error> for Refused {
        fn from(_: Error) -> Self {
            Self::Database
        }
    }
    let outcome: Result<(), Refused> = db
        .transaction(|tx| async move {
            add_note(&tx, "gone").await?;
            assert_eq!(count_notes(&tx).await?, 2);
            Err(Refused::Mine)
        })
        .await;
    assert_eq!(outcome, Err(Refused::Mine));
    assert_eq!(list_notes(&db).await.unwrap(), ["kept"]);
}

#[tokio::test]
async fn a_handle_commits_rolls_back_or_is_dropped() {
    let (_scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    add_note(&tx, "kept").await.unwrap();
    tx.commit().await.unwrap();
    let tx = db.begin().await.unwrap();
    add_note(&tx, "gone").await.unwrap();
    tx.rollback().await.unwrap();
    let tx = db.begin().await.unwrap();
    add_note(&tx, "gone").await.unwrap();
    drop(tx);
    assert_eq!(soon(list_notes(&db)).await.unwrap(), ["kept"]);
}

#[tokio::test]
async fn a_panic_rolls_back() {
    let (_scratch, db) = one_connection().await;
    let task = tokio::spawn({
        let db = db.clone();
        async move {
            db.transaction(|tx| async move {
                add_note(&tx, "gone").await?;
                if count_notes(&tx).await? == 1 {
                    panic!("as the test wants");
                }
                Ok::<_, Error>(())
            })
            .await
        }
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_dropped_future_rolls_back() {
    let (_scratch, db) = one_connection().await;
    let transaction = db.transaction(|tx| async move {
        add_note(&tx, "gone").await?;
        sleep(&tx, 60.0).await
    });
    let stopped = tokio::time::timeout(Duration::from_millis(200), transaction).await;
    assert!(stopped.is_err());
    // The sleeping query is cancelled: nobody waits a minute for it.
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
}

#[tokio::test]
async fn the_rollback_is_sent_though_nobody_polls() {
    let (scratch, db) = notes().await;
    let tx = db.begin().await.unwrap();
    add_note(&tx, "gone").await.unwrap();
    let backend = backend(&tx).await.unwrap();
    // A thread without a runtime.
    std::thread::spawn(move || drop(tx)).join().unwrap();
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE pid = {backend} AND xact_start IS NOT NULL"
    );
    for _ in 0..100 {
        if scratch.run(&sql)[0][0].as_deref() == Some("0") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the transaction is still open");
}

#[tokio::test]
async fn begin_dropped_half_way_leaves_no_transaction() {
    let (_scratch, db) = one_connection().await;
    for _ in 0..20 {
        let mut begin = Box::pin(db.begin());
        // The first poll sends BEGIN.
        let _ = futures_poll_once(&mut begin).await;
        drop(begin);
        assert_eq!(soon(add_note_and_clear(&db)).await.unwrap(), 1);
    }
}

async fn add_note_and_clear(db: &sqlmill_runtime::Database) -> Result<u64> {
    add_note(db, "x").await?;
    clear_notes(db).await
}

async fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
    std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx)))
        .await
}

#[tokio::test]
async fn nested_transactions_are_savepoints() {
    let (_scratch, db) = one_connection().await;
    db.transaction(|tx| async move {
        add_note(&tx, "outer").await?;
        tx.transaction(|inner| async move {
            add_note(&inner, "kept").await?;
            let innermost = inner.savepoint().await?;
            add_note(&innermost, "gone").await?;
            innermost.rollback().await
        })
        .await?;
        let failed: Result<i64> = tx
            .transaction(|inner| async move {
                add_note(&inner, "gone").await?;
                add_note(&inner, "outer").await
            })
            .await;
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Constraint);
        drop(tx.savepoint().await?);
        add_note(&tx, "last").await
    })
    .await
    .unwrap();
    assert_eq!(list_notes(&db).await.unwrap(), ["outer", "kept", "last"]);
}

#[tokio::test]
async fn the_outer_handle_waits_for_the_nested_one() {
    let (_scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    let nested = tx.savepoint().await.unwrap();
    let refused = count_notes(&tx).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Transaction);
    assert!(refused.to_string().contains("nested"), "{refused}");
    add_note(&nested, "kept").await.unwrap();
    nested.commit().await.unwrap();
    assert_eq!(count_notes(&tx).await.unwrap(), 1);

    // What ends takes with it what is nested.
    let nested = tx.savepoint().await.unwrap();
    drop(tx);
    let over = count_notes(&nested).await.unwrap_err();
    assert_eq!(over.kind(), ErrorKind::Transaction);
    drop(nested);
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
}

/// It is a part of the outer one from the moment when that was sent, whoever waits for the answer.
#[tokio::test]
async fn a_nested_commit_that_is_dropped_leaves_the_outer_one_as_it_is() {
    let (_scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    let nested = tx.savepoint().await.unwrap();
    add_note(&nested, "nested").await.unwrap();
    let mut commit = Box::pin(nested.commit());
    assert!(futures_poll_once(&mut commit).await.is_pending());
    drop(commit);
    add_note(&tx, "outer").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(list_notes(&db).await.unwrap(), ["nested", "outer"]);

    // Nothing is a part of anything where a statement has failed, whether somebody saw that or not.
    for dropped in [false, true] {
        let tx = db.begin().await.unwrap();
        add_note(&tx, "more").await.unwrap();
        let nested = tx.savepoint().await.unwrap();
        let mut unseen = add_note(&nested, "more");
        let _ = futures_poll_once(&mut unseen).await;
        drop(unseen);
        let mut commit = Box::pin(nested.commit());
        if dropped {
            assert!(futures_poll_once(&mut commit).await.is_pending());
            drop(commit);
            let failed = tx.commit().await.unwrap_err();
            assert_eq!(failed.kind(), ErrorKind::Transaction, "{failed}");
        } else {
            let failed = commit.await.unwrap_err();
            assert_eq!(failed.kind(), ErrorKind::Transaction, "{failed}");
            assert_eq!(count_notes(&tx).await.unwrap(), 3);
            tx.rollback().await.unwrap();
        }
        assert_eq!(soon(count_notes(&db)).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn a_handle_that_outlives_its_transaction_gives_an_error() {
    let (_scratch, db) = one_connection().await;
    let escaped: Transaction = db
        .transaction(|tx| async move {
            add_note(&tx, "kept").await?;
            Ok::<_, Error>(tx)
        })
        .await
        .unwrap();
    let refused = add_note(&escaped, "never").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Transaction);
    assert_eq!(refused.query(), Some("notes::add_note"));
    let refused = escaped.savepoint().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Transaction);
    // The connection is back in the pool though the handle lives.
    assert_eq!(soon(list_notes(&db)).await.unwrap(), ["kept"]);
    drop(escaped);
    assert_eq!(soon(list_notes(&db)).await.unwrap(), ["kept"]);
}

#[tokio::test]
async fn a_closure_ends_its_transaction_itself() {
    let (_scratch, db) = one_connection().await;
    let refused = db
        .transaction(|tx| async move { tx.commit().await })
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Transaction);
    assert!(refused.to_string().contains("closure"), "{refused}");
}

#[tokio::test]
async fn a_failed_transaction_is_not_reported_as_committed() {
    let (_scratch, db) = one_connection().await;
    let outcome = db
        .transaction(|tx| async move {
            add_note(&tx, "twice").await?;
            let _ignored = add_note(&tx, "twice").await;
            Ok::<_, Error>(())
        })
        .await;
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Transaction);
    assert_eq!(count_notes(&db).await.unwrap(), 0);

    // Nobody saw this statement fail.
    let tx = db.begin().await.unwrap();
    add_note(&tx, "twice").await.unwrap();
    let mut unseen = add_note(&tx, "twice");
    let _ = futures_poll_once(&mut unseen).await;
    drop(unseen);
    assert_eq!(
        tx.commit().await.unwrap_err().kind(),
        ErrorKind::Transaction
    );
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);

    // And this one did not fail.
    let tx = db.begin().await.unwrap();
    let mut unseen = add_note(&tx, "once");
    let _ = futures_poll_once(&mut unseen).await;
    drop(unseen);
    tx.commit().await.unwrap();
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 1);
}

/// Whoever asked is gone when the server refuses; what it refused was read by somebody else, or by a task.
#[tokio::test]
async fn a_refusal_that_nobody_saw_is_not_reported_as_committed() {
    static MISSING: sqlmill_runtime::Statement<(), String> = sqlmill_runtime::Statement::new(
        "notes::missing",
        "queries/notes.sql:27",
        "SELECT missing FROM notes",
        "",
        "text",
    );
    static DIVIDED: sqlmill_runtime::Statement<(), i32> = sqlmill_runtime::Statement::new(
        "notes::divided",
        "queries/notes.sql:28",
        "SELECT 1 / (length(body) - 6) FROM notes",
        "",
        "int4",
    );
    let pause = || tokio::time::sleep(Duration::from_millis(100));
    let (_scratch, db) = one_connection().await;
    // It is not prepared.
    let tx = db.begin().await.unwrap();
    add_note(&tx, "undone").await.unwrap();
    let mut missing = sqlmill_runtime::Many::new(&tx, &MISSING, ());
    assert!(futures_poll_once(&mut missing).await.is_pending());
    pause().await;
    drop(missing);
    let failed = soon(tx.commit()).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Transaction, "{failed}");
    assert_eq!(
        failed.to_string(),
        "the transaction cannot be used: a statement in it failed, so it was rolled back instead of committed"
    );
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);

    // It is kept, and what it was told is read by one that is dropped.
    let tx = db.begin().await.unwrap();
    add_note(&tx, "undone").await.unwrap();
    sqlmill_runtime::Many::new(&tx, &DIVIDED, ())
        .await
        .unwrap_err();
    tx.rollback().await.unwrap();
    let tx = db.begin().await.unwrap();
    add_note(&tx, "undone").await.unwrap();
    let mut kept = sqlmill_runtime::Many::new(&tx, &DIVIDED, ()).stream();
    assert!(
        futures_poll_once(&mut Box::pin(kept.next()))
            .await
            .is_pending()
    );
    pause().await;
    let mut reads_ahead = sqlmill_runtime::Many::new(&tx, &MISSING, ());
    assert!(futures_poll_once(&mut reads_ahead).await.is_pending());
    pause().await;
    drop(reads_ahead);
    let failed = soon(tx.commit()).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Transaction, "{failed}");
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);

    // What a savepoint has taken back is no reason.
    let tx = db.begin().await.unwrap();
    add_note(&tx, "kept 6").await.unwrap();
    let nested = tx.savepoint().await.unwrap();
    let mut unseen = sqlmill_runtime::Many::new(&nested, &DIVIDED, ()).stream();
    assert!(
        futures_poll_once(&mut Box::pin(unseen.next()))
            .await
            .is_pending()
    );
    pause().await;
    nested.rollback().await.unwrap();
    soon(tx.commit()).await.unwrap();
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 1);
}

#[tokio::test]
async fn after_a_failure_everything_fails_until_the_savepoint() {
    let (_scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    add_note(&tx, "kept").await.unwrap();
    let nested = tx.savepoint().await.unwrap();
    add_note(&nested, "kept").await.unwrap_err();
    let refused = count_notes(&nested).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Transaction);
    assert_eq!(refused.sqlstate(), Some("25P02"));
    nested.rollback().await.unwrap();
    assert_eq!(count_notes(&tx).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(count_notes(&db).await.unwrap(), 1);
}

#[tokio::test]
async fn queries_on_one_transaction_run_joined() {
    let (_scratch, db) = one_connection().await;
    db.transaction(|tx| async move {
        let (first, second, third) = tokio::try_join!(
            add_note(&tx, "one"),
            add_note(&tx, "two"),
            add_note(&tx, "three")
        )?;
        assert_eq!([first, second, third].iter().sum::<i64>(), 6);
        let (rows, count) = tokio::try_join!(list_notes(&tx), count_notes(&tx))?;
        assert_eq!((rows.len(), count), (3, 3));
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let tx = &tx;
                async move { add_note(tx, &format!("{n}")).await }
            })
            .collect();
        for task in tasks {
            task.await?;
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    assert_eq!(count_notes(&db).await.unwrap(), 53);
}

#[tokio::test]
async fn queries_on_one_transaction_travel_together() {
    let (_scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    add_note(&tx, "prepared").await.unwrap();
    let mut queries = ["a", "b", "c"].map(|body| add_note(&tx, body));
    for query in &mut queries {
        assert!(futures_poll_once(query).await.is_pending());
    }
    // Each was sent when it was first polled, so all lie before this one, and none holds it up.
    assert_eq!(soon(count_notes(&tx)).await.unwrap(), 4);
    drop(queries);
    soon(tx.commit()).await.unwrap();
    assert_eq!(soon(list_notes(&db)).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_runs_outside_a_transaction_that_ends_meanwhile() {
    let (_scratch, db) = one_connection().await;
    for _ in 0..50 {
        let late = db
            .transaction(|tx| async move {
                Ok::<_, Error>(tokio::spawn(async move {
                    let mut done = 0;
                    while add_note(&tx, &format!("{done}")).await.is_ok() {
                        done += 1;
                    }
                    done
                }))
            })
            .await
            .unwrap();
        let done = soon(late).await.unwrap();
        // Each one that was reported is there, and at most one whose answer came as the transaction ended.
        let stored = clear_notes(&db).await.unwrap();
        assert_eq!(stored, done);
    }
}

#[tokio::test]
async fn a_deferred_constraint_fails_the_commit() {
    let (scratch, db) = one_connection().await;
    scratch.run("ALTER TABLE notes DROP CONSTRAINT notes_body_key");
    scratch
        .run("ALTER TABLE notes ADD CONSTRAINT later UNIQUE (body) DEFERRABLE INITIALLY DEFERRED");
    let error = db
        .transaction(|tx| async move {
            add_note(&tx, "twice").await?;
            add_note(&tx, "twice").await
        })
        .await
        .unwrap_err();
    assert_eq!(error.violation().unwrap().constraint(), Some("later"));
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_conflict_can_be_retried() {
    let (scratch, db) = notes().await;
    scratch.run("INSERT INTO notes (body) VALUES ('a'), ('b')");
    let (first, second) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    touch(&first, 1).await.unwrap();
    touch(&second, 2).await.unwrap();
    let (one, other) = tokio::join!(touch(&first, 2), touch(&second, 1));
    let deadlock = one.and(other).unwrap_err();
    assert!(deadlock.is_retryable());
    assert_eq!(deadlock.sqlstate(), Some("40P01"));
}

fn touch(db: &impl sqlmill_runtime::Writer, id: i64) -> sqlmill_runtime::Execute<'_, (i64,)> {
    static TOUCH: sqlmill_runtime::Statement<(i64,)> = sqlmill_runtime::Statement::new(
        "notes::touch",
        "queries/notes.sql:20",
        "UPDATE notes SET body = body || '!' WHERE id = $1",
        "int8",
        "",
    );
    sqlmill_runtime::Execute::new(db, &TOUCH, (id,))
}

fn numbers(db: &impl sqlmill_runtime::Reader, upto: i64) -> sqlmill_runtime::Many<'_, (i64,), i64> {
    static NUMBERS: sqlmill_runtime::Statement<(i64,), i64> = sqlmill_runtime::Statement::new(
        "notes::numbers",
        "queries/notes.sql:23",
        "SELECT generate_series(1, $1::bigint)",
        "int8",
        "int8",
    );
    sqlmill_runtime::Many::new(db, &NUMBERS, (upto,))
}

/// More than fits into any buffer on the way.
const LARGE: i64 = 200_000;

#[tokio::test]
async fn a_query_that_is_polled_once_and_kept_stalls_nobody() {
    let (_scratch, db) = one_connection().await;
    // Once with statements to prepare, once with statements that are.
    for _ in 0..2 {
        let tx = db.begin().await.unwrap();
        let mut kept = numbers(&tx, LARGE);
        let _ = futures_poll_once(&mut kept).await;
        assert_eq!(soon(count_notes(&tx)).await.unwrap(), 0);
        let mut also_kept = numbers(&tx, LARGE);
        let _ = futures_poll_once(&mut also_kept).await;
        let nested = soon(tx.savepoint()).await.unwrap();
        assert!(soon(add_note(&nested, "x")).await.unwrap() > 0);
        soon(nested.commit()).await.unwrap();
        assert_eq!(soon(also_kept).await.unwrap().len() as i64, LARGE);
        let rows = soon(kept).await.unwrap();
        assert_eq!(rows.len() as i64, LARGE);
        assert_eq!(rows.last(), Some(&LARGE));
        clear_notes(&tx).await.unwrap();
        soon(tx.commit()).await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_that_is_kept_holds_neither_the_commit_nor_the_connection() {
    let (_scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    let mut kept = numbers(&tx, LARGE).stream();
    assert_eq!(kept.next().await.unwrap().unwrap(), 1);
    add_note(&tx, "kept").await.unwrap();
    soon(tx.commit()).await.unwrap();
    assert_eq!(soon(list_notes(&db)).await.unwrap(), ["kept"]);
    // What was read ahead is still there to be taken.
    let mut rest = 0;
    while let Some(number) = kept.next().await {
        number.unwrap();
        rest += 1;
    }
    assert_eq!(rest, LARGE - 1);
}

#[tokio::test]
async fn a_failure_of_a_query_that_nobody_reads_fails_the_commit() {
    let (_scratch, db) = one_connection().await;
    let tx = db.begin().await.unwrap();
    add_note(&tx, "a").await.unwrap();
    let mut numbers = numbers(&tx, LARGE).stream();
    assert_eq!(numbers.next().await.unwrap().unwrap(), 1);
    let mut kept = add_note(&tx, "a");
    let _ = futures_poll_once(&mut kept).await;
    let refused = soon(count_notes(&tx)).await.unwrap_err();
    assert_eq!(refused.sqlstate(), Some("25P02"));
    assert_eq!(soon(kept).await.unwrap_err().kind(), ErrorKind::Constraint);
    drop(numbers);
    assert_eq!(
        soon(tx.commit()).await.unwrap_err().kind(),
        ErrorKind::Transaction
    );
}

#[tokio::test]
async fn settings_and_locks_end_with_the_transaction() {
    let (_scratch, db) = notes().await;
    static TENANT: sqlmill_runtime::Statement<(), Option<String>> = sqlmill_runtime::Statement::new(
        "notes::tenant",
        "queries/notes.sql:26",
        "SELECT nullif(current_setting('app.tenant', true), '')",
        "",
        "text",
    );
    let first = db.begin().await.unwrap();
    first.set_local("app.tenant", "it's").await.unwrap();
    assert_eq!(
        sqlmill_runtime::One::new(&first, &TENANT, ())
            .await
            .unwrap(),
        Some("it's".to_owned())
    );
    first.advisory_lock(7).await.unwrap();
    let second = db.begin().await.unwrap();
    assert!(!second.try_advisory_lock(7).await.unwrap());
    assert!(second.try_advisory_lock(8).await.unwrap());
    first.commit().await.unwrap();
    assert!(second.try_advisory_lock(7).await.unwrap());
    second.rollback().await.unwrap();
    for _ in 0..2 {
        let seen = sqlmill_runtime::One::new(&db, &TENANT, ()).await.unwrap();
        assert_eq!(seen, None);
    }
    let unknown = db.begin().await.unwrap();
    let refused = unknown.set_local("no_such_thing", "x").await.unwrap_err();
    assert_eq!(refused.sqlstate(), Some("42704"));
}
