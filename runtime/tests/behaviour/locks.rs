//! Advisory locks of sessions: held across transactions, and never by a connection that somebody else gets.

use std::time::Duration;

use sqlmill_runtime::{Database, ErrorKind};
use tokio::time::{sleep, timeout};

use super::support::TestDatabase;

const LOCKS: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = \
                     (SELECT oid FROM pg_database WHERE datname = current_database())";

fn locks(scratch: &TestDatabase) -> String {
    scratch.run(LOCKS)[0][0].clone().unwrap()
}

/// The server learns of a closed socket a moment later.
async fn locks_become(scratch: &TestDatabase, expected: &str) {
    for _ in 0..500 {
        if locks(scratch) == expected {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(locks(scratch), expected);
}

#[tokio::test]
async fn a_lock_is_held_until_it_is_released_or_dropped() {
    let scratch = TestDatabase::new("");
    // It needs no connection of the pool.
    let db = scratch.connect_with(1).await.unwrap();
    let tx = db.begin().await.unwrap();
    for key in [7, -1, i64::MIN, i64::MAX] {
        let lock = db.session_lock(key).await.unwrap();
        lock.check().await.unwrap();
        assert!(!tx.try_advisory_lock(key).await.unwrap(), "{key}");
        assert!(db.try_session_lock(key).await.unwrap().is_none());
        lock.release().await.unwrap();
        assert!(tx.try_advisory_lock(key).await.unwrap(), "{key}");
    }
    tx.rollback().await.unwrap();
    let lock = db.try_session_lock(7).await.unwrap().unwrap();
    assert_eq!(locks(&scratch), "1");
    drop(lock);
    locks_become(&scratch, "0").await;
    assert_eq!(db.pool_status().open, 1);
}

#[tokio::test]
async fn who_gives_up_waiting_gets_no_lock() {
    let scratch = TestDatabase::new("");
    let db = scratch.connect().await.unwrap();
    let first = db.session_lock(7).await.unwrap();
    let waiting = timeout(Duration::from_millis(200), db.session_lock(7));
    assert!(waiting.await.is_err());
    // Nobody waits any more, and nobody takes it once it is free.
    locks_become(&scratch, "1").await;
    let second = tokio::spawn({
        let db = db.clone();
        async move { db.session_lock(7).await }
    });
    locks_become(&scratch, "2").await;
    first.release().await.unwrap();
    let second = second.await.unwrap().unwrap();
    second.check().await.unwrap();
    drop(second);
    locks_become(&scratch, "0").await;

    let impatient = Database::builder().lock_timeout(Duration::from_millis(100));
    let impatient = impatient.connect(&scratch.url()).await.unwrap();
    let _first = db.session_lock(7).await.unwrap();
    let error = impatient.session_lock(7).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(
        error.to_string(),
        "Database::session_lock (sqlmill-runtime): took too long, and was cancelled by the server: canceling statement due to \
         lock timeout [55P03]"
    );
}

#[tokio::test]
async fn a_lock_whose_connection_broke_is_lost() {
    let scratch = TestDatabase::new("");
    let db = scratch.connect().await.unwrap();
    let lock = db.session_lock(7).await.unwrap();
    scratch.run(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = \
         (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    let error = lock.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(
        error.to_string().starts_with(
            "SessionLock::check (sqlmill-runtime): the connection to the database was lost"
        ),
        "{error}"
    );
    let again = db.try_session_lock(7).await.unwrap();
    assert!(again.is_some());
    assert_eq!(
        lock.release().await.unwrap_err().kind(),
        ErrorKind::ConnectionLost
    );
    db.close().await;
    let error = db.session_lock(8).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    // Closing the handle does not take away what is held.
    again.unwrap().check().await.unwrap();
}
