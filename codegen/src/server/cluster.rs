//! The data of a private server: made once with `initdb`, kept between runs, one for each run that goes on at a time.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::account::{self, Account};
use super::find::Binaries;
use super::supervise::Supervised;
use super::{Error, developer};

/// Raised when clusters must be made differently, so that old ones are not used.
const FORMAT: &str = "1";

/// More runs at a time than this are told to wait their turn.
const SLOTS: u32 = 64;

/// Socket addresses hold 104 bytes on macOS and 108 on Linux, a final zero among them.
const LONGEST_SOCKET: usize = 100;

/// A cluster that is ours alone while this lives.
#[derive(Debug)]
pub(super) struct Cluster {
    /// `pg15.18-1a2b3c4d-0`
    name: String,
    /// Where clusters are kept. Ours; the server's user can enter it but not write.
    home: PathBuf,
    /// Held for its lock.
    _lock: File,
}

/// What `postmaster.pid` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Postmaster {
    pub(super) process: u32,
    pub(super) port: u16,
    pub(super) socket_directory: PathBuf,
    pub(super) ready: bool,
}

impl Cluster {
    /// Takes the first free slot under `cache`, or under the temporary directory where `cache` will not do.
    pub(super) fn open(
        cache: &Path,
        binaries: &Binaries,
        account: Option<&Account>,
    ) -> Result<Self, Error> {
        Self::open_named(cache, binaries, account, |number| match number {
            0..SLOTS => Some(number.to_string()),
            _ => None,
        })
    }

    pub(super) fn open_named(
        cache: &Path,
        binaries: &Binaries,
        account: Option<&Account>,
        slot: impl Fn(u32) -> Option<String>,
    ) -> Result<Self, Error> {
        let build = short_hash(&binaries.directory.to_string_lossy());
        let base = format!("pg{}-{build}", binaries.version);
        let mut reasons = Vec::new();
        for home in homes(cache, account) {
            match home.and_then(|home| take_slot(&home, &base, &slot)) {
                Ok(cluster) => return Ok(cluster),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(Error::NoPlace { reasons })
    }

    pub(super) fn directory(&self) -> PathBuf {
        self.home.join(&self.name)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.directory().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.home.join(format!("{}.log", self.name))
    }

    /// The boot in which the cluster was last used. It is not ours to trust after another: nothing was synced.
    fn boot_path(&self) -> PathBuf {
        self.home.join(format!("{}.boot", self.name))
    }

    pub(super) fn new_log(&self) -> Result<File, Error> {
        let path = self.log_path();
        File::create(&path).map_err(Error::io(format!("cannot write {}", path.display())))
    }

    /// The last lines of what the server's programs printed.
    pub(super) fn log_tail(&self) -> String {
        let text = fs::read(self.log_path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines
            .get(lines.len().saturating_sub(12)..)
            .unwrap_or_default()
            .join("\n")
    }

    /// Whether it can be started as it is. Ends a server that a killed run left behind.
    pub(super) fn is_sound(&self, account: Option<&Account>) -> Result<bool, Error> {
        if let Some(left) = self.postmaster() {
            end_process(&left, &self.data(), account);
            remove_socket_directory(&left.socket_directory);
        }
        let made_in = fs::read_to_string(self.boot_path()).unwrap_or_default();
        // A server that stopped as it should takes its `postmaster.pid` away. Without that, and with fsync off, the
        // files cannot be trusted.
        Ok(made_in == boot()
            && self.data().join("PG_VERSION").is_file()
            && !self.data().join("postmaster.pid").exists())
    }

    /// The next run is to make it anew.
    pub(super) fn distrust(&self) {
        let _ = fs::remove_file(self.boot_path());
    }

    /// Makes it anew, all or nothing.
    pub(super) fn make(&self, binaries: &Binaries, account: Option<&Account>) -> Result<(), Error> {
        self.distrust();
        let directory = self.directory();
        self.remove_leftovers();
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(Error::io(format!(
                "cannot remove the damaged cluster {}",
                directory.display()
            )))?;
        }
        let making = self
            .home
            .join(format!("{}.making-{}", self.name, super::random_name()));
        let result = self.initialize(&making, binaries, account).and_then(|()| {
            fs::rename(&making, &directory)
                .map_err(Error::io(format!("cannot make {}", directory.display())))?;
            fs::write(self.boot_path(), boot()).map_err(Error::io(format!(
                "cannot write {}",
                self.boot_path().display()
            )))
        });
        if result.is_err() {
            let _ = fs::remove_dir_all(&making);
        }
        result
    }

    fn remove_leftovers(&self) {
        let prefix = format!("{}.making-", self.name);
        for entry in fs::read_dir(&self.home).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn initialize(
        &self,
        making: &Path,
        binaries: &Binaries,
        account: Option<&Account>,
    ) -> Result<(), Error> {
        account::private_directory(making, account)
            .map_err(Error::io(format!("cannot make {}", making.display())))?;
        let data = making.join("data");
        // C.UTF-8 orders as C does and knows letters beyond ASCII. From 17 on the server brings it; before, the
        // system may not have it.
        let locales: &[&[&str]] = if binaries.major >= 17 {
            &[&[
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            ]]
        } else {
            &[&["--locale=C", "--lc-ctype=C.UTF-8"], &["--locale=C"]]
        };
        let mut output = String::new();
        for locale in locales {
            let mut arguments: Vec<OsString> = vec!["-D".into(), data.clone().into()];
            arguments.extend(
                [
                    "--username=postgres",
                    "--encoding=UTF8",
                    // Only its own user can reach the socket, and nothing else is listened on.
                    "--auth=trust",
                    "--no-sync",
                    "--no-instructions",
                    "--wal-segsize=1",
                ]
                .map(OsString::from),
            );
            arguments.extend(locale.iter().map(OsString::from));
            let log = self.new_log()?;
            let status = Supervised::start(binaries, account, "initdb", &arguments, None, log)
                .and_then(|mut running| running.wait())
                .map_err(Error::io("cannot run initdb".to_owned()))?;
            if status.success() {
                return Ok(());
            }
            output = self.log_tail();
            let _ = fs::remove_dir_all(&data);
        }
        Err(Error::Program {
            doing: format!("initdb of PostgreSQL {} failed", binaries.version),
            output,
        })
    }

    /// Starts the server and waits until it takes connections. Gives the socket's directory too.
    pub(super) fn start(
        &self,
        binaries: &Binaries,
        account: Option<&Account>,
    ) -> Result<(Supervised, PathBuf), Error> {
        let socket = socket_directory(account)?;
        let arguments = server_arguments(&self.data(), &socket);
        let mut running = self
            .new_log()
            .and_then(|log| {
                Supervised::start(
                    binaries,
                    account,
                    "postgres",
                    &arguments,
                    Some(&socket),
                    log,
                )
                .map_err(Error::io("cannot run the server".to_owned()))
            })
            .inspect_err(|_| {
                let _ = fs::remove_dir_all(&socket);
            })?;
        let process = running.process;
        self.await_ready(process, || running.ended())?;
        Ok((running, socket))
    }

    /// Starts the server so that it outlives us.
    pub(super) fn start_detached(
        &self,
        binaries: &Binaries,
        account: Option<&Account>,
    ) -> Result<Postmaster, Error> {
        let socket = socket_directory(account)?;
        let mut arguments = server_arguments(&self.data(), &socket);
        arguments.extend(["-c".into(), "autovacuum=on".into()]);
        let started = self.new_log().and_then(|log| {
            let mut child = developer::spawn_detached(binaries, account, &arguments, log)
                .map_err(Error::io("cannot run the server".to_owned()))?;
            self.await_ready(child.id(), || child.try_wait())
        });
        started.inspect_err(|_| remove_socket_directory(&socket))
    }

    fn await_ready(
        &self,
        process: u32,
        mut ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Postmaster, Error> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(found) = self.postmaster()
                && found.ready
                && found.process == process
            {
                return Ok(found);
            }
            let ended = ended().map_err(Error::io("cannot watch the server".to_owned()))?;
            if let Some(status) = ended {
                return Err(Error::Program {
                    doing: format!("the PostgreSQL server did not start ({status})"),
                    output: self.log_tail(),
                });
            }
            if Instant::now() > deadline {
                return Err(Error::Program {
                    doing: "the PostgreSQL server was not ready within a minute".to_owned(),
                    output: self.log_tail(),
                });
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn postmaster(&self) -> Option<Postmaster> {
        postmaster_of(&self.data())
    }
}

pub(super) fn postmaster_of(data: &Path) -> Option<Postmaster> {
    read_postmaster(&fs::read_to_string(data.join("postmaster.pid")).ok()?)
}

/// Only one of ours: the path comes from a file.
pub(super) fn remove_socket_directory(directory: &Path) {
    let is_ours = directory
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(SOCKET_PREFIX));
    if is_ours && directory.is_absolute() {
        let _ = fs::remove_dir_all(directory);
    }
}

/// Lines, from 1: process, data directory, start time, port, socket directory, address, shared memory, status.
fn read_postmaster(text: &str) -> Option<Postmaster> {
    let mut lines = text.lines();
    let process = lines.next()?.trim().parse().ok()?;
    Some(Postmaster {
        process,
        port: lines.nth(2).and_then(|line| line.parse().ok()).unwrap_or(0),
        socket_directory: lines.next().unwrap_or_default().into(),
        ready: lines.nth(2).is_some_and(|line| line.trim() == "ready"),
    })
}

fn take_slot(
    home: &Path,
    base: &str,
    slot: &impl Fn(u32) -> Option<String>,
) -> Result<Cluster, String> {
    for number in 0.. {
        let Some(slot) = slot(number) else { break };
        let name = format!("{base}-{slot}");
        let path = home.join(format!("{name}.lock"));
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {
                return Ok(Cluster {
                    name,
                    home: home.to_owned(),
                    _lock: lock,
                });
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(format!("{}: {error}", path.display()));
            }
        }
    }
    Err(format!("{}: every place is in use", home.display()))
}

/// Directories that may keep clusters, the best first, made if need be; or why not.
pub(super) fn homes<'a>(
    cache: &'a Path,
    account: Option<&'a Account>,
) -> impl Iterator<Item = Result<PathBuf, String>> + 'a {
    let own = std::iter::once_with(move || {
        let cache = std::path::absolute(cache).map_err(|error| error.to_string())?;
        fs::create_dir_all(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;
        if account::can_enter(account, &cache) {
            return Ok(cache);
        }
        Err(format!(
            "{}: {} may not enter it",
            cache.display(),
            account.map_or("its user", |account| &account.name)
        ))
    });
    let temporary = temporary_directories().into_iter().map(move |temporary| {
        // The same for every run of this checkout, and another for each of its users.
        let mut key = cache.to_string_lossy().into_owned();
        if let Some(account) = account {
            key.push_str(&format!(" {}", account.uid));
        }
        let home = temporary.join(format!(
            "sqlmill-cache-{}{}",
            short_hash(&key),
            user_suffix()
        ));
        own_directory(&home).map_err(|reason| format!("{}: {reason}", home.display()))?;
        if account::can_enter(account, &home) {
            Ok(home)
        } else {
            Err(format!(
                "{}: the server's user may not enter it",
                home.display()
            ))
        }
    });
    own.chain(temporary)
}

fn temporary_directories() -> Vec<PathBuf> {
    let mut places = vec![std::env::temp_dir()];
    if cfg!(unix) {
        places.extend(["/tmp", "/var/tmp"].map(PathBuf::from));
    }
    let mut distinct = Vec::new();
    for place in places {
        if place.is_absolute() && !distinct.contains(&place) {
            distinct.push(place);
        }
    }
    distinct
}

#[cfg(unix)]
fn user_suffix() -> String {
    format!("-{}", rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn user_suffix() -> String {
    String::new()
}

/// Makes a directory in a place where others can write too, or accepts the one that we made before.
#[cfg(unix)]
fn own_directory(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    match fs::DirBuilder::new().mode(0o711).create(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.to_string()),
    }
    let found = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !found.is_dir() {
        return Err("it is no directory".to_owned());
    }
    if found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o022 != 0 {
        return Err("it belongs to somebody else".to_owned());
    }
    Ok(())
}

#[cfg(not(unix))]
fn own_directory(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| error.to_string())
}

const SOCKET_PREFIX: &str = "sqlmill-";

/// A new private directory with a path short enough for a socket.
fn socket_directory(account: Option<&Account>) -> Result<PathBuf, Error> {
    let mut reasons = Vec::new();
    for place in temporary_directories() {
        let directory = place.join(format!("{SOCKET_PREFIX}{}", super::random_name()));
        match new_socket_directory(&directory, account) {
            Ok(()) => return Ok(directory),
            Err(reason) => reasons.push(format!("{}: {reason}", place.display())),
        }
    }
    Err(Error::NoPlace { reasons })
}

pub(super) fn new_socket_directory(
    directory: &Path,
    account: Option<&Account>,
) -> Result<(), String> {
    if directory.join(".s.PGSQL.5432").as_os_str().len() > LONGEST_SOCKET {
        return Err("its path is too long for a socket".to_owned());
    }
    account::private_directory(directory, account).map_err(|error| error.to_string())?;
    if account::can_enter(account, directory) {
        return Ok(());
    }
    let _ = fs::remove_dir(directory);
    Err("the server's user may not enter it".to_owned())
}

/// Settings of a server whose data nobody will miss.
pub(super) fn server_arguments(data: &Path, socket: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![
        "-D".into(),
        data.into(),
        "-k".into(),
        socket.into(),
        "-p".into(),
        "5432".into(),
    ];
    for setting in [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "max_logical_replication_workers=0",
        "autovacuum=off",
        "bgwriter_lru_maxpages=0",
        "checkpoint_timeout=1d",
        "max_wal_size=1GB",
        "shared_buffers=32MB",
        "huge_pages=off",
        "max_connections=100",
        // Schemas of many thousand tables are cloned and dropped in one transaction.
        "max_locks_per_transaction=256",
        "jit=off",
        "timezone=UTC",
        "log_timezone=UTC",
        "logging_collector=off",
        "log_destination=stderr",
    ] {
        arguments.extend(["-c".into(), setting.into()]);
    }
    arguments
}

/// Ends a server that was left running on `data`, if it still runs.
#[cfg(unix)]
pub(super) fn end_process(left: &Postmaster, data: &Path, account: Option<&Account>) {
    use rustix::process::{Pid, Signal, kill_process};

    let Some(process) = i32::try_from(left.process).ok().and_then(Pid::from_raw) else {
        return;
    };
    let runs = || is_running(left, data, account);
    for (signal, patience) in [
        (Signal::INT, Duration::from_secs(5)),
        (Signal::QUIT, Duration::from_secs(2)),
        (Signal::KILL, Duration::from_secs(2)),
    ] {
        if !runs() {
            return;
        }
        let _ = kill_process(process, signal);
        let deadline = Instant::now() + patience;
        while runs() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A process number is used again: a server's working directory is its data directory, or its command names it.
#[cfg(unix)]
pub(super) fn is_running(found: &Postmaster, data: &Path, account: Option<&Account>) -> bool {
    if Path::new("/proc/self/cwd").exists() {
        return fs::read_link(format!("/proc/{}/cwd", found.process))
            .is_ok_and(|cwd| fs::canonicalize(data).is_ok_and(|data| cwd == data));
    }
    let mut command = std::process::Command::new("ps");
    command.args(["-ww", "-o", "command=", "-p", &found.process.to_string()]);
    account::run_as(&mut command, account);
    command.output().is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).contains(&*data.to_string_lossy())
    })
}

/// What changes when the machine starts anew; empty where the system does not say.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!("{FORMAT} {}", id.trim())
}

pub(super) fn short_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
