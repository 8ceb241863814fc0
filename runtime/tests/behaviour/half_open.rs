//! Sockets that stay open and carry nothing any more: the other side has vanished, and nobody says so.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlmill_runtime::{Database, Error, ErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

use crate::deadlines::limited;
use crate::support::TestDatabase;
use crate::{SCHEMA, add_note, count_notes, sleep, soon};

/// Between the client and the server.
#[derive(Default)]
struct Network {
    /// Connections before this one carry nothing.
    broken_before: AtomicUsize,
    made: AtomicUsize,
    /// New ones carry nothing either.
    down: AtomicBool,
}

impl Network {
    fn carries(&self, number: usize) -> bool {
        number >= self.broken_before.load(Ordering::SeqCst) && !self.down.load(Ordering::SeqCst)
    }

    fn break_all(&self) {
        let made = self.made.load(Ordering::SeqCst);
        self.broken_before.store(made, Ordering::SeqCst);
    }

    /// What is read while it does not carry is swallowed.
    async fn copy(
        self: Arc<Self>,
        number: usize,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) {
        let mut buffer = vec![0; 8192];
        while let Ok(count) = from.read(&mut buffer).await {
            if count == 0 && self.carries(number) {
                return;
            }
            if count == 0 {
                // Nor does anybody hear that a side has closed.
                std::future::pending::<()>().await;
            }
            if self.carries(number) && to.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    }
}

fn socket(scratch: &TestDatabase) -> PathBuf {
    let value = |sql: &str| scratch.run(sql)[0][0].clone().unwrap();
    let directory = value("SHOW unix_socket_directories");
    PathBuf::from(directory).join(format!(".s.PGSQL.{}", value("SHOW port")))
}

/// The network, and the port that leads through it.
async fn network(scratch: &TestDatabase) -> (Arc<Network>, u16) {
    network_to(socket(scratch)).await
}

async fn network_to(socket: PathBuf) -> (Arc<Network>, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    network_of(listener, socket)
}

fn network_of(listener: TcpListener, socket: PathBuf) -> (Arc<Network>, u16) {
    let port = listener.local_addr().unwrap().port();
    let network = Arc::new(Network::default());
    let all = Arc::clone(&network);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let number = all.made.fetch_add(1, Ordering::SeqCst);
            let Ok(server) = UnixStream::connect(&socket).await else {
                continue;
            };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(Arc::clone(&all).copy(number, from_client, to_server));
            tokio::spawn(Arc::clone(&all).copy(number, from_server, to_client));
        }
    });
    (network, port)
}

/// The user and the database.
fn rest(scratch: &TestDatabase) -> String {
    let url = scratch.url();
    format!("user={}", url.split_once(" user=").unwrap().1)
}

#[tokio::test]
async fn a_query_with_a_limit_ends_and_the_pool_recovers() {
    let scratch = TestDatabase::new(SCHEMA);
    let (network, port) = network(&scratch).await;
    let rest = rest(&scratch);
    let db = Database::builder()
        .pool_size(1)
        .shared_connections(0)
        .connect_timeout(Duration::from_secs(1))
        .acquire_timeout(Duration::from_secs(5))
        .connect(&format!("host=127.0.0.1 port={port} {rest}"))
        .await
        .unwrap();
    add_note(&db, "before").await.unwrap();

    // The connection is idle when the other side vanishes.
    network.break_all();
    let start = Instant::now();
    let lost = soon(limited(&db, 0.0)).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Timeout);
    assert_eq!(
        lost.to_string(),
        "notes::limited (queries/notes.sql:60): took too long: its limit is 1s, and no answer \
         came to the cancellation"
    );
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
    // The connection is given up: the next one is another.
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 1);
    assert_eq!(db.pool_status().open, 1);

    // In a transaction it is the same, and the transaction is over.
    let tx = db.begin().await.unwrap();
    add_note(&tx, "undone").await.unwrap();
    network.break_all();
    let lost = soon(limited(&tx, 0.0)).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Timeout);
    let over = soon(tx.commit()).await.unwrap_err();
    assert!(
        matches!(
            over.kind(),
            ErrorKind::OutcomeUnknown | ErrorKind::ConnectionLost | ErrorKind::Transaction
        ),
        "{over}"
    );
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 1);

    // Nobody answers new connections either, and then they do again.
    network.down.store(true, Ordering::SeqCst);
    soon(limited(&db, 0.0)).await.unwrap_err();
    let nobody = soon(count_notes(&db)).await.unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::Connect);
    assert_eq!(
        nobody.to_string(),
        format!(
            "notes::count_notes (queries/notes.sql:7): cannot connect to the database: 127.0.0.1:{port} did not answer in time"
        )
    );
    network.down.store(false, Ordering::SeqCst);
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_commit_that_nobody_answers_has_an_end() {
    let scratch = TestDatabase::new(SCHEMA);
    let (network, port) = network(&scratch).await;
    let db = Database::builder()
        .pool_size(1)
        .commit_timeout(Duration::from_millis(500))
        .connect(&format!("host=127.0.0.1 port={port} {}", rest(&scratch)))
        .await
        .unwrap();
    db.transaction(|tx| async move { add_note(&tx, "before").await })
        .await
        .unwrap();
    let attempts = &AtomicUsize::new(0);
    let broken = &network;
    let start = Instant::now();
    let unknown = soon(db.retry(5).transaction(|tx| async move {
        attempts.fetch_add(1, Ordering::SeqCst);
        add_note(&tx, "perhaps").await?;
        broken.break_all();
        Ok::<_, Error>(())
    }))
    .await
    .unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(unknown.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(
        unknown.to_string(),
        "the connection was lost during COMMIT, and nobody knows whether the transaction took effect: no answer came within \
         500ms; look before it is done again"
    );
    // Whoever runs it again may do it twice.
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
    // What is nested is no COMMIT, and the next one is on another connection.
    let tx = soon(db.begin()).await.unwrap();
    let nested = tx.savepoint().await.unwrap();
    add_note(&nested, "after").await.unwrap();
    nested.commit().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 2);
}

/// It takes connections and says nothing, as a server does that hangs, or one whose machine is gone behind a proxy.
#[tokio::test]
async fn a_host_that_says_nothing_leaves_time_for_the_next() {
    let scratch = TestDatabase::new(SCHEMA);
    let (_network, port) = network(&scratch).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = silent.local_addr().unwrap().port();
    let connect = async |hosts: &str| {
        let builder = Database::builder().connect_timeout(Duration::from_secs(3));
        let url = format!("{hosts} {}", rest(&scratch));
        soon(builder.connect(&url)).await
    };
    let db = connect(&format!("host=127.0.0.1,127.0.0.1 port={dead},{port}"))
        .await
        .unwrap();
    assert_eq!(count_notes(&db).await.unwrap(), 0);
    // Each is told with its own reason.
    let nobody = connect(&format!("host=127.0.0.1,localhost port={dead},1"))
        .await
        .unwrap_err();
    let said = nobody.to_string();
    assert!(
        said.starts_with(&format!(
            "cannot connect to the database: 127.0.0.1:{dead} did not answer in time; localhost:1: error connecting to server: "
        )),
        "{said}"
    );
}

#[tokio::test]
async fn a_host_may_be_an_address_of_ipv6() {
    let scratch = TestDatabase::new(SCHEMA);
    let listener = match TcpListener::bind("[::1]:0").await {
        Ok(listener) => listener,
        Err(error) => return eprintln!("skipped: no IPv6 here: {error}"),
    };
    let (_network, port) = network_of(listener, socket(&scratch));
    let part = |name: &str| {
        let sql = format!("SELECT current_{name}");
        scratch.run(&sql)[0][0].clone().unwrap()
    };
    let (user, database) = (part("user"), part("database()"));
    for url in [
        format!("postgres://{user}@[::1]:{port}/{database}"),
        format!("host=::1 port={port} user={user} dbname={database}"),
        format!("hostaddr=::1 port={port} user={user} dbname={database}"),
        format!("host=db.example.com hostaddr=::1 port={port} user={user} dbname={database}"),
    ] {
        let db = soon(Database::connect(&url)).await.unwrap();
        assert_eq!(count_notes(&db).await.unwrap(), 0);
    }
    let closed = format!("postgres://{user}@[::1]:1/{database}");
    let said = Database::connect(&closed).await.unwrap_err().to_string();
    assert!(
        said.starts_with("cannot connect to the database: [::1]:1: error connecting to server: "),
        "{said}"
    );
}

/// What only the operating system notices, in a network of its own that can be taken down: `unshare` makes it, as this same test in
/// another process.
#[cfg(target_os = "linux")]
#[test]
fn the_operating_system_notices_within_what_is_set() {
    const MARK: &str = "SQLMILL_TEST_NETWORK";
    if let Ok(target) = std::env::var(MARK) {
        return inside_a_network(&target);
    }
    let scratch = TestDatabase::new(SCHEMA);
    let target = format!("{}\n{}", socket(&scratch).display(), rest(&scratch));
    let own = std::env::current_exe().unwrap();
    let run = |arguments: &[&str]| {
        std::process::Command::new("unshare")
            .args(arguments)
            .env(MARK, &target)
            .output()
    };
    let up = ["sh", "-c", "ip link set lo up"];
    let namespace = ["-n", "-rn"].into_iter().find(|namespace| {
        let tried = run(&[&[*namespace], &up[..]].concat());
        tried.is_ok_and(|output| output.status.success())
    });
    let Some(namespace) = namespace else {
        return eprintln!("skipped: `unshare` and `ip` make no network here");
    };
    let name = "half_open::the_operating_system_notices_within_what_is_set";
    let own = own.display().to_string();
    let ran = run(&[namespace, &own, "--exact", name, "--nocapture"]).unwrap();
    let said =
        String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

#[cfg(target_os = "linux")]
fn inside_a_network(target: &str) {
    let (socket, rest) = target.split_once('\n').unwrap();
    let link = |state: &str| {
        let mut command = std::process::Command::new("ip");
        let set = command.args(["link", "set", "lo", state]).status();
        assert!(set.unwrap().success());
    };
    link("up");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (_network, port) = network_to(socket.into()).await;
        let connect = async |parameters: &str| {
            link("up");
            let url = format!("host=127.0.0.1 port={port} {rest} {parameters}");
            let builder = Database::builder().pool_size(1).shared_connections(0);
            soon(builder.connect(&url)).await.unwrap()
        };
        // What was sent is not acknowledged.
        let db = connect("tcp_user_timeout=1500").await;
        let tx = db.begin().await.unwrap();
        add_note(&tx, "perhaps").await.unwrap();
        link("down");
        let start = Instant::now();
        let unknown = soon(tx.commit()).await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::OutcomeUnknown, "{unknown}");
        assert!(start.elapsed() < Duration::from_secs(10));

        // It was, and then nothing comes.
        let db = connect(
            "keepalives_idle=1 keepalives_interval=1 keepalives_count=2 tcp_user_timeout=0",
        )
        .await;
        let start = Instant::now();
        let (lost, ()) = tokio::join!(soon(sleep(&db, 60.0)), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            link("down");
        });
        let lost = lost.unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::ConnectionLost, "{lost}");
        assert!(start.elapsed() < Duration::from_secs(12));
        link("up");
        assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
    });
}
