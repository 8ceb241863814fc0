//! A PostgreSQL server for one test program: made in a temporary directory, stopped and removed when dropped.
//!
//! `SQLMILL_PG_BIN` names another server than the one found, as it does for sqlmill itself.

#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use sqlmill::wire::{Address, Connection, Target};

pub(crate) struct Cluster {
    directory: PathBuf,
    root: PathBuf,
}

impl Cluster {
    /// `hba` is what stands in `pg_hba.conf`.
    pub(crate) fn start(hba: &str) -> Self {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("sqlmill-test-{}-{number}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let cluster = Self {
            directory,
            root: server_root(),
        };
        if is_root() {
            run(Command::new("chown").arg("nobody").arg(&cluster.directory));
        }
        let data = cluster.directory.join("data");
        run(cluster
            .command("initdb")
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"])
            .args(["--locale=C", "-D"])
            .arg(&data));
        let hba_file = data.join("pg_hba.conf");
        std::fs::write(&hba_file, hba).unwrap();
        let options = format!(
            "-c fsync=off -c listen_addresses='' -c unix_socket_directories='{}' -c max_stack_depth=2MB",
            cluster.directory.display()
        );
        run(cluster
            .command("pg_ctl")
            .args(["start", "-w", "-s", "-D"])
            .arg(&data)
            .arg("-o")
            .arg(options)
            .arg("-l")
            .arg(cluster.directory.join("log")));
        cluster
    }

    pub(crate) fn trusting() -> Self {
        Self::start("local all all trust\n")
    }

    pub(crate) fn target(&self) -> Target {
        let mut target = Target::new(Address::SocketDirectory(self.directory.clone()), "postgres");
        target.read_timeout = Some(Duration::from_secs(60));
        target
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::connect(&self.target()).unwrap()
    }

    /// A client's program: the server's own, or another's where it brings none.
    pub(crate) fn client(&self, program: &str) -> Command {
        if self.root.join("bin").join(program).exists() {
            return self.command(program);
        }
        let mut command = self.run(Path::new(program));
        command.env_remove("LD_LIBRARY_PATH");
        command
    }

    /// A program of the server, run as its user.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.run(&self.root.join("bin").join(program))
    }

    fn run(&self, path: &Path) -> Command {
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"])
                .arg(path);
            command
        } else {
            Command::new(path)
        };
        command
            .env("LD_LIBRARY_PATH", self.root.join("lib"))
            .current_dir(&self.directory)
            .stdout(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self
            .command("pg_ctl")
            .args(["stop", "-m", "immediate", "-s", "-D"])
            .arg(self.directory.join("data"))
            .status();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

fn is_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| {
        let output = Command::new("id").arg("-u").output().unwrap();
        output.stdout.trim_ascii() == b"0"
    })
}

fn server_root() -> PathBuf {
    if let Some(bin) = std::env::var_os("SQLMILL_PG_BIN") {
        return Path::new(&bin).parent().unwrap().to_owned();
    }
    let debian = Path::new("/usr/lib/postgresql");
    let newest = std::fs::read_dir(debian)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("bin/initdb").exists())
        .max();
    newest.expect("a PostgreSQL server under /usr/lib/postgresql, or SQLMILL_PG_BIN")
}
