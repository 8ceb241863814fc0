//! The data of a private server: made once with `initdb`, kept between runs, one for each run that goes on at a time.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::account::{self, Account};
use super::find::Binaries;
use super::{Error, system};

/// Raised when clusters must be made differently, so that old ones are not used.
const FORMAT: &str = "1";

/// More runs at a time than this are told to wait their turn.
const SLOTS: u32 = 64;

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

    pub(super) fn log_path(&self) -> PathBuf {
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
        if let Some(left) = postmaster_of(&self.data()) {
            system::end(&self.directory(), &left, account);
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
                    "--no-sync",
                    "--no-instructions",
                    "--wal-segsize=1",
                ]
                .map(OsString::from),
            );
            arguments.extend(locale.iter().map(OsString::from));
            arguments.extend(system::authentication(making)?);
            let status = system::run(binaries, account, "initdb", &arguments, self.new_log()?)
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

    /// Waits until the server that was started takes connections.
    pub(super) fn await_ready(
        &self,
        is_ours: impl Fn(&Postmaster) -> bool,
        mut ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Postmaster, Error> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(found) = postmaster_of(&self.data())
                && found.ready
                && is_ours(&found)
            {
                return Ok(found);
            }
            let ended = ended().map_err(Error::io("cannot watch the server".to_owned()))?;
            if let Some(status) = ended {
                return Err(self.failure(format!("the PostgreSQL server did not start ({status})")));
            }
            if Instant::now() > deadline {
                return Err(self.failure("the PostgreSQL server was not ready within a minute"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// With the end of what the program printed.
    pub(super) fn failure(&self, doing: impl Into<String>) -> Error {
        Error::Program {
            doing: doing.into(),
            output: self.log_tail(),
        }
    }
}

pub(super) fn postmaster_of(data: &Path) -> Option<Postmaster> {
    read_postmaster(&fs::read_to_string(data.join("postmaster.pid")).ok()?)
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
fn homes<'a>(
    cache: &'a Path,
    account: Option<&'a Account>,
) -> impl Iterator<Item = Result<PathBuf, String>> + 'a {
    home_paths(cache, account)
        .into_iter()
        .enumerate()
        .map(move |(rank, home)| {
            let made = if rank == 0 {
                fs::create_dir_all(&home).map_err(|error| error.to_string())
            } else {
                system::own_directory(&home)
            };
            let allowed = made.and_then(|()| {
                if account::can_enter(account, &home) {
                    return Ok(());
                }
                let user = account.map_or("its user", |account| &account.name);
                Err(format!("{user}, who runs the server, may not enter it"))
            });
            match allowed {
                Ok(()) => Ok(home),
                Err(reason) => Err(format!("{}: {reason}", home.display())),
            }
        })
}

/// The same that are there already, and ours.
pub(super) fn existing_homes(cache: &Path, account: Option<&Account>) -> Vec<PathBuf> {
    let mut homes = home_paths(cache, account);
    let mut rank = 0;
    homes.retain(|home| {
        rank += 1;
        home.is_dir() && (rank == 1 || system::own_directory(home).is_ok())
    });
    homes
}

/// First `cache` itself, then places in temporary directories: the same for every run of this checkout, and others for
/// each of its users.
fn home_paths(cache: &Path, account: Option<&Account>) -> Vec<PathBuf> {
    let cache = std::path::absolute(cache).unwrap_or_else(|_| cache.to_owned());
    let mut key = cache.to_string_lossy().into_owned();
    if let Some(account) = account {
        key.push_str(&format!(" {}", account.uid));
    }
    let name = format!(
        "sqlmill-cache-{}{}",
        short_hash(&key),
        system::user_suffix()
    );
    let temporary = temporary_directories()
        .into_iter()
        .map(|place| place.join(&name));
    std::iter::once(cache).chain(temporary).collect()
}

pub(super) fn temporary_directories() -> Vec<PathBuf> {
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

/// Settings of a server whose data nobody will miss.
pub(super) const SETTINGS: [(&str, &str); 20] = [
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_logical_replication_workers", "0"),
    ("autovacuum", "off"),
    ("bgwriter_lru_maxpages", "0"),
    ("checkpoint_timeout", "1d"),
    ("min_wal_size", "32MB"),
    ("max_wal_size", "128MB"),
    ("shared_buffers", "32MB"),
    ("huge_pages", "off"),
    ("max_connections", "100"),
    // Schemas of many thousand tables are cloned and dropped in one transaction.
    ("max_locks_per_transaction", "256"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
];

/// What a server that lasts has besides: plans worth looking at.
pub(super) const LASTING: [(&str, &str); 1] = [("autovacuum", "on")];

/// What changes when the machine starts anew; empty where the system does not say.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!("{FORMAT} {}", id.trim())
}

/// FNV-1a: the same in every process. It keeps directories apart, no more.
fn short_hash(text: &str) -> String {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("{hash:08x}")
}
