//! A PgBouncer in front of the tests' server, one for each test that asks.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlmill::wire::Address;

use super::TestDatabase;

/// It ends with the test.
#[derive(Debug)]
pub struct Pgbouncer {
    child: Child,
    directory: PathBuf,
    port: u16,
    user: String,
    database: String,
}

/// Says why there is none. Where `SQLMILL_EXPECT_PGBOUNCER` is set, that is a failure.
fn program() -> Option<&'static str> {
    let found = [
        "/usr/sbin/pgbouncer",
        "/usr/bin/pgbouncer",
        "/usr/local/bin/pgbouncer",
    ];
    let found = found.into_iter().find(|path| Path::new(path).exists());
    if found.is_none() {
        assert!(
            std::env::var_os("SQLMILL_EXPECT_PGBOUNCER").is_none(),
            "PgBouncer is missing"
        );
        eprintln!("skipped: PgBouncer is not installed (apt-get install pgbouncer)");
    }
    found
}

impl Pgbouncer {
    /// `sessions`: how many it has on the server.
    pub fn start(scratch: &TestDatabase, sessions: u32) -> Option<Self> {
        let program = program()?;
        let target = scratch.database.target();
        let Address::SocketDirectory(server) = &target.address else {
            eprintln!("skipped: the server has no socket");
            return None;
        };
        // Not as root, which it refuses: as whoever the server runs.
        let owner = std::fs::metadata(server.join(format!(".s.PGSQL.{}", target.port))).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let directory = std::env::temp_dir().join(format!("sqlmill_pgbouncer_{port}"));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir(&directory).unwrap();
        std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).unwrap();
        let users = directory.join("users.txt");
        std::fs::write(&users, format!("\"{}\" \"\"\n", target.user)).unwrap();
        let configuration = directory.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={} port={} user={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir = {}\nauth_type = trust\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = {sessions}\nmax_client_conn = 200\nserver_login_retry = 0\n",
            server.display(),
            target.port,
            target.user,
            directory.display(),
            users.display(),
        );
        std::fs::write(&configuration, text).unwrap();
        let mut command = Command::new(program);
        if owner.uid() != std::fs::metadata(&directory).unwrap().uid() {
            chown(&directory, Some(owner.uid()), Some(owner.gid())).unwrap();
            command.uid(owner.uid()).gid(owner.gid());
        }
        let child = command
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(directory.join("log")).unwrap())
            .spawn()
            .unwrap();
        let this = Self {
            child,
            directory,
            port,
            user: target.user.clone(),
            database: target.database.clone(),
        };
        let listens = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        assert!(listens, "PgBouncer does not listen");
        Some(this)
    }

    pub fn url(&self) -> String {
        self.at("127.0.0.1")
    }

    /// By its socket.
    pub fn local_url(&self) -> String {
        self.at(&self.directory.display().to_string())
    }

    fn at(&self, host: &str) -> String {
        let (port, user, database) = (self.port, &self.user, &self.database);
        format!("host='{host}' port={port} user='{user}' dbname='{database}'")
    }
}

impl Drop for Pgbouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
