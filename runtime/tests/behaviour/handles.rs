//! What only reads cannot write: what the compiler cannot know, the server refuses.

use sqlmill_runtime::{Error, ErrorKind, Isolation, One, Reader, Statement, Transaction};

use crate::{add_note, count_notes, list_notes, notes, one_connection, soon};

/// A query that was taken for a read and writes, as one would that calls a function which lies.
fn sneak_in<'a>(db: &'a impl Reader, body: &'a str) -> One<'a, (&'a str,), i64> {
    static SNEAK_IN: Statement<(&str,), i64> = Statement::new(
        "notes::sneak_in",
        "queries/notes.sql:40",
        "INSERT INTO notes (body) VALUES ($1) RETURNING id",
        "text",
        "int8",
    );
    One::new(db, &SNEAK_IN, (body,))
}

fn setting<'a>(db: &'a impl Reader, name: &'a str) -> One<'a, (&'a str,), String> {
    static SETTING: Statement<(&str,), String> = Statement::new(
        "notes::setting",
        "queries/notes.sql:43",
        "SELECT pg_catalog.current_setting($1)",
        "text",
        "text",
    );
    One::new(db, &SETTING, (name,))
}

#[tokio::test]
async fn the_server_refuses_writes_on_a_replica() {
    let (scratch, db) = notes().await;
    add_note(&db, "kept").await.unwrap();
    let replica = scratch.replica().await.unwrap();
    assert_eq!(list_notes(&replica).await.unwrap(), ["kept"]);
    let refused = sneak_in(&replica, "never").await.unwrap_err();
    assert_eq!(refused.sqlstate(), Some("25006"));
    let refused = replica
        .transaction(|tx| async move {
            assert_eq!(count_notes(&tx).await?, 1);
            sneak_in(&tx, "never").await
        })
        .await
        .unwrap_err();
    assert_eq!(refused.sqlstate(), Some("25006"));
    assert_eq!(
        refused.to_string(),
        "notes::sneak_in (queries/notes.sql:40): the database refused: cannot execute INSERT in a read-only \
         transaction [25006]"
    );
    assert_eq!(list_notes(&db).await.unwrap(), ["kept"]);
}

#[tokio::test]
async fn the_server_refuses_writes_in_a_read_only_transaction() {
    let (_scratch, db) = one_connection().await;
    let tx = db.read_only().begin().await.unwrap();
    assert_eq!(
        sneak_in(&tx, "never").await.unwrap_err().sqlstate(),
        Some("25006")
    );
    tx.rollback().await.unwrap();
    let nested: Result<i64, Error> = db
        .read_only()
        .transaction(|tx| async move {
            tx.transaction(|inner| async move { sneak_in(&inner, "never").await })
                .await
        })
        .await;
    assert_eq!(nested.unwrap_err().sqlstate(), Some("25006"));
    // The connection is not read-only for whoever comes next.
    add_note(&db, "kept").await.unwrap();
}

#[tokio::test]
async fn a_transaction_is_as_it_was_asked_for() {
    let (scratch, db) = one_connection().await;
    let default = db.begin().await.unwrap();
    let serializable = async |tx: &Transaction| {
        (
            setting(tx, "transaction_isolation").await.unwrap(),
            setting(tx, "transaction_read_only").await.unwrap(),
        )
    };
    assert_eq!(
        serializable(&default).await,
        ("read committed".into(), "off".into())
    );
    drop(default);
    for (isolation, name) in [
        (Isolation::ReadCommitted, "read committed"),
        (Isolation::RepeatableRead, "repeatable read"),
        (Isolation::Serializable, "serializable"),
    ] {
        let tx = db.isolation(isolation).begin().await.unwrap();
        assert_eq!(serializable(&tx).await, (name.into(), "off".into()));
        drop(tx);
        let named = db
            .isolation(isolation)
            .transaction(|tx| async move { setting(&tx, "transaction_isolation").await })
            .await
            .unwrap();
        assert_eq!(named, name);
    }
    let report = db.read_only().deferrable().begin().await.unwrap();
    for (name, value) in [
        ("transaction_isolation", "serializable"),
        ("transaction_read_only", "on"),
        ("transaction_deferrable", "on"),
    ] {
        assert_eq!(setting(&report, name).await.unwrap(), value, "{name}");
    }
    drop(report);
    // And nothing of it stays behind.
    assert_eq!(
        setting(&db, "transaction_isolation").await.unwrap(),
        "read committed"
    );
    let replica = scratch.replica().await.unwrap();
    let tx = replica
        .isolation(Isolation::RepeatableRead)
        .begin()
        .await
        .unwrap();
    assert_eq!(setting(&tx, "transaction_read_only").await.unwrap(), "on");
}

#[tokio::test]
async fn a_snapshot_stays_as_it_was() {
    let (_scratch, db) = notes().await;
    let snapshot = db
        .read_only()
        .isolation(Isolation::RepeatableRead)
        .begin()
        .await
        .unwrap();
    assert_eq!(count_notes(&snapshot).await.unwrap(), 0);
    add_note(&db, "later").await.unwrap();
    assert_eq!(count_notes(&snapshot).await.unwrap(), 0);
    assert_eq!(count_notes(&db).await.unwrap(), 1);
}

/// A handler of a web framework: what it returns must be Send, whatever it captures and however it is nested.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_work_in_spawned_tasks() {
    let (scratch, db) = notes().await;
    let replica = scratch.replica().await.unwrap();
    let task = tokio::spawn(async move {
        let (name, others) = ("one".to_owned(), vec!["two".to_owned(), "three".to_owned()]);
        let (name, others) = (&name, &others[..]);
        let ids = db
            .transaction(|tx| async move {
                let first = add_note(&tx, name).await?;
                let second = tx
                    .transaction(|inner| async move { add_note(&inner, &others[0]).await })
                    .await?;
                Ok::<_, Error>((first, second))
            })
            .await?;
        assert_eq!(ids, (1, 2));
        let last = db
            .isolation(Isolation::Serializable)
            .retry(2)
            .transaction(|tx| async move { add_note(&tx, &others[1]).await })
            .await?;
        assert_eq!(last, 3);
        let tx = db.begin().await?;
        add_note(&tx, name).await.unwrap_err();
        tx.rollback().await?;
        let read = replica
            .retry(1)
            .transaction(|tx| async move { tokio::try_join!(list_notes(&tx), count_notes(&tx)) })
            .await?;
        assert_eq!(read.0.len(), 3);
        db.read_only()
            .transaction(|tx| async move {
                let mut names = list_notes(&tx).stream();
                let mut seen = 0;
                while let Some(name) = names.next().await {
                    seen += name?.len();
                }
                Ok(seen)
            })
            .await
    });
    let seen: Result<usize, Error> = soon(task).await.unwrap();
    assert_eq!(seen.unwrap(), "onetwothree".len());
}

#[tokio::test]
async fn a_conflict_is_retried() {
    let (_scratch, db) = notes().await;
    add_note(&db, "a").await.unwrap();
    let attempts = &std::sync::atomic::AtomicU32::new(0);
    let rival = &db;
    let seen = soon(
        db.isolation(Isolation::RepeatableRead)
            .retry(3)
            .transaction(|tx| async move {
                let attempt = attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let before = count_notes(&tx).await?;
                if attempt < 2 {
                    rename(rival, &format!("a{attempt}")).await?;
                }
                rename(&tx, "mine").await?;
                Ok::<_, Error>((attempt, before))
            }),
    )
    .await
    .unwrap();
    assert_eq!(seen, (2, 1));
    assert_eq!(list_notes(&db).await.unwrap(), ["mine"]);
}

/// The closure's own error type says nothing of retries.
#[tokio::test]
async fn a_conflict_is_retried_whatever_the_closure_makes_of_it() {
    let (_scratch, db) = notes().await;
    add_note(&db, "a").await.unwrap();
    for (retries, expected) in [(0, 1), (2, 3)] {
        let attempts = &std::sync::atomic::AtomicU32::new(0);
        let rival = &db;
        let failed: Result<(), Box<dyn std::error::Error>> = soon(
            db.isolation(Isolation::RepeatableRead)
                .retry(retries)
                .transaction(|tx| async move {
                    attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    rename(&tx, "before").await.ok();
                    Err("as the test wants")?;
                    Ok(())
                }),
        )
        .await;
        assert_eq!(failed.unwrap_err().to_string(), "as the test wants");
        // No conflict: run once.
        assert_eq!(attempts.swap(0, std::sync::atomic::Ordering::Relaxed), 1);

        let failed = soon(
            db.isolation(Isolation::RepeatableRead)
                .retry(retries)
                .transaction(|tx| async move {
                    let attempt = attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    count_notes(&tx).await.map_err(|_| Mine)?;
                    rename(rival, &format!("{attempt}"))
                        .await
                        .map_err(|_| Mine)?;
                    rename(&tx, "mine").await.map_err(|_| Mine)?;
                    Ok::<_, Mine>(())
                }),
        )
        .await;
        assert_eq!(failed, Err(Mine));
        assert_eq!(
            attempts.load(std::sync::atomic::Ordering::Relaxed),
            expected
        );
    }
}

/// Neither a savepoint nor a closure that says nothing of it hides a conflict.
#[tokio::test]
async fn a_conflict_is_retried_wherever_it_met_the_transaction() {
    let (_scratch, db) = notes().await;
    add_note(&db, "a").await.unwrap();
    let attempts = &std::sync::atomic::AtomicU32::new(0);
    let rival = &db;
    let attempt = || attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    // In a nested transaction.
    let nested = db.isolation(Isolation::RepeatableRead).retry(3);
    soon(nested.transaction(|tx| async move {
        let attempt = attempt();
        count_notes(&tx).await?;
        if attempt < 2 {
            rename(rival, &format!("nested {attempt}")).await?;
        }
        tx.transaction(|inner| async move { rename(&inner, "mine").await })
            .await
    }))
    .await
    .unwrap();
    assert_eq!(attempts.swap(0, std::sync::atomic::Ordering::Relaxed), 3);
    assert_eq!(list_notes(&db).await.unwrap(), ["mine"]);

    // Ignored.
    let ignored = db.isolation(Isolation::RepeatableRead).retry(3);
    soon(ignored.transaction(|tx| async move {
        let attempt = attempt();
        count_notes(&tx).await?;
        if attempt < 2 {
            rename(rival, &format!("ignored {attempt}")).await?;
        }
        let _ = rename(&tx, "again mine").await;
        Ok::<_, Error>(())
    }))
    .await
    .unwrap();
    assert_eq!(attempts.swap(0, std::sync::atomic::Ordering::Relaxed), 3);
    assert_eq!(list_notes(&db).await.unwrap(), ["again mine"]);

    // Ignored to the end, it is told.
    let ignored = db.isolation(Isolation::RepeatableRead).retry(1);
    let failed = soon(ignored.transaction(|tx| async move {
        let attempt = attempt();
        count_notes(&tx).await?;
        rename(rival, &format!("ignored {attempt}")).await?;
        let _ = rename(&tx, "never").await;
        Ok::<_, Error>(())
    }))
    .await
    .unwrap_err();
    assert_eq!(attempts.swap(0, std::sync::atomic::Ordering::Relaxed), 2);
    assert_eq!(
        failed.to_string(),
        "conflicts with another transaction, which can be retried: a statement in it failed for that, so it was rolled \
         back instead of committed"
    );

    // One that a nested transaction has taken back, and that the closure has done without, is none.
    let taken_back = db.isolation(Isolation::RepeatableRead).retry(3);
    soon(taken_back.transaction(|tx| async move {
        let attempt = attempt();
        count_notes(&tx).await?;
        rename(rival, &format!("taken back {attempt}")).await?;
        let conflict = tx
            .transaction(|inner| async move { rename(&inner, "never").await })
            .await;
        assert!(conflict.unwrap_err().is_retryable());
        add_note(&tx, "beside").await
    }))
    .await
    .unwrap();
    assert_eq!(attempts.swap(0, std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(list_notes(&db).await.unwrap(), ["taken back 0", "beside"]);
}

#[derive(Debug, PartialEq)]
struct Mine;

impl From<Error> for Mine {
    fn from(_: Error) -> Self {
        Self
    }
}

/// Serializable transactions can fail as late as at COMMIT.
#[tokio::test]
async fn a_conflict_at_commit_is_retried() {
    let (_scratch, db) = notes().await;
    let attempts = &std::sync::atomic::AtomicU32::new(0);
    let rival = &db;
    soon(
        db.isolation(Isolation::Serializable)
            .retry(3)
            .transaction(|tx| async move {
                let attempt = attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                count_notes(&tx).await?;
                if attempt == 0 {
                    // Write skew: each counts what the other adds.
                    let other = rival.isolation(Isolation::Serializable).begin().await?;
                    count_notes(&other).await?;
                    add_note(&other, "rival").await?;
                    add_note(&tx, "mine").await?;
                    other.commit().await?;
                } else {
                    add_note(&tx, "mine").await?;
                }
                Ok::<_, Error>(())
            }),
    )
    .await
    .unwrap();
    assert_eq!(attempts.load(std::sync::atomic::Ordering::Relaxed), 2);
    assert_eq!(list_notes(&db).await.unwrap(), ["rival", "mine"]);
}

fn rename<'a>(
    db: &'a impl sqlmill_runtime::Writer,
    body: &'a str,
) -> sqlmill_runtime::Execute<'a, (&'a str,)> {
    static RENAME: Statement<(&str,)> = Statement::new(
        "notes::rename",
        "queries/notes.sql:46",
        "UPDATE notes SET body = $1 WHERE id = 1",
        "text",
        "",
    );
    sqlmill_runtime::Execute::new(db, &RENAME, (body,))
}

#[tokio::test]
async fn what_is_no_conflict_is_not_retried() {
    let (scratch, db) = one_connection().await;
    scratch.run("ALTER TABLE notes ADD CONSTRAINT one CHECK (id < 2)");
    let refused = db
        .isolation(Isolation::Serializable)
        .retry(5)
        .transaction(|tx| async move {
            assert_eq!(add_note(&tx, "one").await?, 1, "a second attempt");
            add_note(&tx, "two").await
        })
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Constraint);
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
}
