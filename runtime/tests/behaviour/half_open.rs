//! Sockets that stay open and carry nothing any more: the other side has vanished, and nobody says so.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlmill_runtime::{Database, ErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

use crate::deadlines::limited;
use crate::support::TestDatabase;
use crate::{SCHEMA, add_note, count_notes, soon};

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

/// The network, and the port that leads through it.
async fn network(scratch: &TestDatabase) -> (Arc<Network>, u16) {
    let value = |sql: &str| scratch.run(sql)[0][0].clone().unwrap();
    let directory = value("SHOW unix_socket_directories");
    let socket = PathBuf::from(directory).join(format!(".s.PGSQL.{}", value("SHOW port")));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
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

#[tokio::test]
async fn a_query_with_a_limit_ends_and_the_pool_recovers() {
    let scratch = TestDatabase::new(SCHEMA);
    let (network, port) = network(&scratch).await;
    let url = scratch.url();
    let rest = url.split_once(" user=").unwrap().1;
    let db = Database::builder()
        .pool_size(1)
        .shared_connections(0)
        .connect_timeout(Duration::from_secs(1))
        .acquire_timeout(Duration::from_secs(5))
        .connect(&format!("host=127.0.0.1 port={port} user={rest}"))
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
