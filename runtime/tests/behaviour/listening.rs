//! Notifications, and what the server says of itself.

use std::time::Duration;

use sqlmill_runtime::{Database, ErrorKind, Heard, Listener, ServerRole};

use crate::support::TestDatabase;
use crate::{SCHEMA, notes, soon};

async fn notify(db: &Database, channel: &str, payload: &str) {
    let tx = db.begin().await.unwrap();
    tx.notify(channel, payload).await.unwrap();
    tx.commit().await.unwrap();
}

fn heard(channel: &str, payload: &str) -> Option<Heard> {
    Some(Heard::Notification {
        channel: channel.to_owned(),
        payload: payload.to_owned(),
    })
}

async fn next(listener: &mut Listener) -> Option<Heard> {
    soon(listener.next()).await
}

#[tokio::test]
async fn what_is_notified_is_heard() {
    let (_scratch, db) = notes().await;
    let mut listener = db.listen(["orders", "a \"b\""]).await.unwrap();
    notify(&db, "orders", "1").await;
    notify(&db, "other", "2").await;
    notify(&db, "a \"b\"", "").await;
    // What is rolled back is not told.
    let tx = db.begin().await.unwrap();
    tx.notify("orders", "3").await.unwrap();
    tx.rollback().await.unwrap();
    notify(&db, "orders", "Ünïcode").await;
    assert_eq!(next(&mut listener).await, heard("orders", "1"));
    assert_eq!(next(&mut listener).await, heard("a \"b\"", ""));
    assert_eq!(next(&mut listener).await, heard("orders", "Ünïcode"));

    let tx = db.begin().await.unwrap();
    let long = tx.notify("orders", &"x".repeat(8000)).await.unwrap_err();
    assert_eq!(long.kind(), ErrorKind::InvalidInput, "{long}");
}

#[tokio::test]
async fn a_gap_is_told() {
    let (scratch, db) = notes().await;
    let mut listener = db.listen(["orders"]).await.unwrap();
    scratch.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' \
         AND datname = current_database()",
    );
    assert_eq!(next(&mut listener).await, Some(Heard::Gap));
    // From here on it hears again.
    notify(&db, "orders", "after").await;
    assert_eq!(next(&mut listener).await, heard("orders", "after"));

    // More than anybody keeps in memory.
    scratch.run(
        "DO $$ BEGIN FOR n IN 1..10100 LOOP PERFORM pg_notify('orders', n::text); END LOOP; END $$",
    );
    soon(async {
        let mut count = 0;
        loop {
            match listener.next().await.unwrap() {
                Heard::Notification { payload, .. } => {
                    count += 1;
                    assert_eq!(payload, count.to_string());
                }
                Heard::Gap => break,
            }
            if count == 1 {
                // The rest arrives in the meantime.
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        assert!((10_000..=10_001).contains(&count), "{count}");
    })
    .await;
    let closing = db.clone();
    closing.close().await;
    soon(async { while listener.next().await.is_some() {} }).await;
    assert_eq!(
        db.listen(["x"]).await.unwrap_err().kind(),
        ErrorKind::Closed
    );
}

#[tokio::test]
async fn the_server_says_what_it_is() {
    let scratch = TestDatabase::new(SCHEMA);
    let db = scratch.connect().await.unwrap();
    let health = db.health().await.unwrap();
    assert_eq!(health.role, ServerRole::Primary);
    assert_eq!(health.lag, None);
    assert!(
        health
            .server_version
            .starts_with(|first: char| first.is_ascii_digit())
    );
    assert!(health.round_trip < Duration::from_secs(10));
    assert_eq!((health.pool.open, health.pool.idle), (1, 1));
    let replica = scratch.replica().await.unwrap();
    assert_eq!(replica.health().await.unwrap().role, ServerRole::ReadOnly);
    db.close().await;
    assert_eq!(db.health().await.unwrap_err().kind(), ErrorKind::Closed);
}
