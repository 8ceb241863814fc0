//! Notifications, and what the server says of itself.

#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::time::Duration;

#[cfg(unix)]
use sqlmill::{server, wire::Address};
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

/// Reads until the notification `last`: they come in order, each once and on its channel, and where one is missing a gap was told before
/// the next. How many are missing, and how many gaps there were?
async fn read_until(listener: &mut Listener, mut after: u32, last: u32) -> (u32, u32) {
    let (mut missing, mut gaps, mut gap) = (0, 0, false);
    while after < last {
        match next(listener).await.unwrap() {
            Heard::Gap => {
                gaps += 1;
                gap = true;
            }
            Heard::Notification { channel, payload } => {
                let (kind, number) = payload.split_once(' ').unwrap();
                assert_eq!(channel, kind, "on another channel");
                let number: u32 = number.parse().unwrap();
                assert!(number > after, "{number} comes after {after}");
                assert!(
                    gap || number == after + 1,
                    "{number} comes after {after}, and no gap between"
                );
                missing += number - after - 1;
                (after, gap) = (number, false);
            }
        }
    }
    (missing, gaps)
}

fn kind(number: u32) -> &'static str {
    ["orders", "users"][(number % 2) as usize]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_heard_twice_while_backends_are_killed() {
    let (scratch, db) = notes().await;
    let mut listener = db.listen(["orders", "users"]).await.unwrap();
    let mut after = 0;
    let mut gaps = 0;
    for _ in 0..10 {
        let sending = async {
            for number in after + 1..=after + 40 {
                let kind = kind(number);
                notify(&db, kind, &format!("{kind} {number}")).await;
                if number % 40 == 20 {
                    // And waits until they are gone.
                    scratch.run(
                        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
                         WHERE query LIKE 'LISTEN%' AND datname = current_database()",
                    );
                }
            }
            // The last one is heard.
            let listens = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle' \
                           AND datname = current_database()";
            while scratch.run(listens).is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let (kind, last) = (kind(after + 41), after + 41);
            notify(&db, kind, &format!("{kind} {last}")).await;
        };
        let (heard, ()) =
            soon(async { tokio::join!(read_until(&mut listener, after, after + 41), sending) })
                .await;
        gaps += heard.1;
        after += 41;
    }
    // Each break was told.
    assert_eq!(gaps, 10);
}

/// A directory of sockets that is another one today than tomorrow.
#[cfg(unix)]
struct Home(PathBuf);

#[cfg(unix)]
impl Home {
    fn new(name: &str) -> Self {
        let home = std::env::temp_dir().join(format!("sqlmill-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir(&home).unwrap();
        Self(home)
    }

    fn link(&self) -> PathBuf {
        self.0.join("socket")
    }

    fn lead_to(&self, directory: &Path) {
        let _ = std::fs::remove_file(self.link());
        std::os::unix::fs::symlink(directory, self.link()).unwrap();
    }
}

#[cfg(unix)]
impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Stopped at once, and started again: on another socket, to which the same name leads.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_outlives_a_restart_of_the_server() {
    let home = Home::new("restart");
    let options = server::Options {
        cache: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("restarted"),
        ..server::Options::default()
    };
    let start = || {
        let scratch = server::scratch(&options, &[], &[]).unwrap();
        let Address::SocketDirectory(socket) = &scratch.target().address else {
            panic!("not on a socket");
        };
        home.lead_to(socket);
        scratch
    };
    let scratch = start();
    let target = scratch.target().clone();
    let url = format!(
        "host='{}' port={} user='{}' dbname='{}'",
        home.link().display(),
        target.port,
        target.user,
        target.database
    );
    let db = Database::connect(&url).await.unwrap();
    let mut listener = db.listen(["orders", "users"]).await.unwrap();
    for number in 1..=3 {
        let kind = kind(number);
        notify(&db, kind, &format!("{kind} {number}")).await;
    }
    assert_eq!(read_until(&mut listener, 0, 3).await, (0, 0));

    let mut connection = scratch.connect().unwrap();
    let rows = connection.simple("SELECT pg_read_file('postmaster.pid')");
    let text = rows.unwrap().remove(0).rows.remove(0).remove(0).unwrap();
    let pid = text.lines().next().unwrap().to_owned();
    let killed = std::process::Command::new("kill")
        .args(["-QUIT", &pid])
        .status();
    assert!(killed.unwrap().success());
    // It is not in the way of those who want to notify.
    let refused = soon(async {
        loop {
            match db.ping().await {
                Ok(()) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) if error.kind() == ErrorKind::ConnectionLost => {}
                Err(error) => break error,
            }
        }
    })
    .await;
    assert_eq!(refused.kind(), ErrorKind::Connect, "{refused}");
    let nothing = tokio::time::timeout(Duration::from_millis(300), listener.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    drop((connection, scratch));

    let _scratch = tokio::task::block_in_place(start);
    assert_eq!(next(&mut listener).await, Some(Heard::Gap));
    for number in 4..=6 {
        let kind = kind(number);
        notify(&db, kind, &format!("{kind} {number}")).await;
    }
    assert_eq!(read_until(&mut listener, 3, 6).await, (0, 0));
    // There is one connection that listens.
    let mut connection = _scratch.connect().unwrap();
    let listening = connection.simple(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()",
    );
    assert_eq!(listening.unwrap()[0].rows[0][0].as_deref(), Some("1"));
    db.close().await;
    assert_eq!(next(&mut listener).await, None);
}

/// Also while it waits for a server to connect to.
#[cfg(unix)]
#[tokio::test]
async fn a_listener_without_a_server_ends_with_its_handle() {
    let scratch = TestDatabase::new(SCHEMA);
    let home = Home::new("alone");
    let directory = scratch.run("SHOW unix_socket_directories")[0][0].clone();
    home.lead_to(directory.unwrap().as_ref());
    let url = scratch.url();
    let rest = url.split_once(" port=").unwrap().1;
    let url = format!("host='{}' port={rest}", home.link().display());
    let db = Database::connect(&url).await.unwrap();
    let mut listener = db.listen(["orders"]).await.unwrap();
    std::fs::remove_file(home.link()).unwrap();
    scratch.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' \
         AND datname = current_database()",
    );
    // Its pauses have become long by then.
    tokio::time::sleep(Duration::from_millis(3500)).await;
    db.close().await;
    let ended = tokio::time::timeout(Duration::from_secs(2), listener.next()).await;
    assert_eq!(ended.unwrap(), None);
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
