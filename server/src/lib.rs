//! A private PostgreSQL server, from the programs that are found on this machine. It listens where nobody else can reach it, its
//! data is worth nothing, and nothing of it is left running.
//!
//! No connection is made here: [`Place`] says where the server is, and the caller's own client goes there.
//!
//! ```no_run
//! use sqlmill_server::{Options, Server};
//!
//! let options = Options { cache: "target/sqlmill".into(), ..Options::default() };
//! let server = Server::start(&options)?;
//! println!("{}", server.place().url("postgres"));
//! // It stops when `server` is dropped, and when this process ends in any other way.
//! # Ok::<_, sqlmill_server::Error>(())
//! ```

mod account;
mod cluster;
mod find;
mod lasting;
mod place;
#[cfg(unix)]
mod supervise;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;
use std::path::PathBuf;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use account::Account;
use cluster::Cluster;
use system::Supervised;

pub use find::{Binaries, DIRECTORY_VARIABLE};
pub use lasting::{Lasting, become_program};
pub use place::{Address, Place};

/// Which programs to use and where to keep what is worth keeping.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The directory of the server's programs. Without it they are looked for.
    pub binaries: Option<PathBuf>,
    /// Where clusters are kept between runs: `target/sqlmill`.
    pub cache: PathBuf,
    /// Settings beyond those of every private server: `("max_connections", "500")`.
    pub settings: Vec<(String, String)>,
}

/// A running server, which stops when this is dropped. Its databases are there again for the next run that takes the same cluster.
#[derive(Debug)]
pub struct Server {
    place: Place,
    binaries: Binaries,
    // Dropped in this order: the server ends before another run may take its cluster.
    _running: Supervised,
    cluster: Cluster,
}

impl Server {
    /// Starts it, in a cluster that no other run uses, made by `initdb` if need be.
    pub fn start(options: &Options) -> Result<Self, Error> {
        let account = account::choose()?;
        let account = account.as_ref();
        let binaries = find::find(options.binaries.as_deref(), account)?;
        let cluster = Cluster::open(&options.cache, &binaries, account)?;
        // Where it does not start, something is wrong with its files, however sound they looked.
        if cluster.is_sound(account)?
            && let Ok((running, place)) = launch(&cluster, &binaries, account, options)
        {
            return Ok(Self::new(place, binaries, running, cluster));
        }
        cluster.make(&binaries, account)?;
        let (running, place) = launch(&cluster, &binaries, account, options)?;
        Ok(Self::new(place, binaries, running, cluster))
    }

    fn new(place: Place, binaries: Binaries, running: Supervised, cluster: Cluster) -> Self {
        Self {
            place,
            binaries,
            _running: running,
            cluster,
        }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// `15.18`
    pub fn version(&self) -> &str {
        &self.binaries.version
    }

    /// `15`
    pub fn major(&self) -> u32 {
        self.binaries.major
    }

    /// Its files do not do what they should: the next run is to make new ones.
    pub fn distrust(&self) {
        self.cluster.distrust();
    }
}

fn launch(
    cluster: &Cluster,
    binaries: &Binaries,
    account: Option<&Account>,
    options: &Options,
) -> Result<(Supervised, Place), Error> {
    let (running, postmaster) = system::start(cluster, binaries, account, &options.settings)?;
    let place = system::place(&cluster.directory(), &postmaster);
    Ok((running, place))
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None was found.
    #[error("no PostgreSQL server was found on this machine")]
    NoServer {
        /// Directories that hold one that will not do, and why.
        passed_over: Vec<String>,
    },
    /// The directory that was named will not do.
    #[error("{named_by}, {}, cannot be used: {reason}", directory.display())]
    Binaries {
        /// The directory.
        directory: PathBuf,
        /// Who named it.
        named_by: String,
        /// Why it will not do.
        reason: String,
    },
    /// Nobody to run it as.
    #[error("PostgreSQL does not run as root, and no other user of this machine can be used")]
    NoAccount,
    /// Nowhere to keep its files.
    #[error("there is no directory to keep the scratch server in")]
    NoPlace {
        /// Each that was tried, and why it will not do.
        reasons: Vec<String>,
    },
    /// The operating system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What.
        doing: String,
        /// Why.
        source: io::Error,
    },
    /// A program of the server's failed.
    #[error("{doing}")]
    Program {
        /// Which, at what.
        doing: String,
        /// The end of what it printed.
        output: String,
    },
}

const DISK_FULL: &str = "the disk is full: a scratch server takes 50 MB";

impl Error {
    fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// What else is known, a line each.
    pub fn notes(&self) -> Vec<String> {
        match self {
            Self::NoServer { passed_over } => passed_over.clone(),
            Self::NoPlace { reasons } => reasons.clone(),
            Self::Program { output, .. } => output.lines().map(str::to_owned).collect(),
            Self::Binaries { .. } | Self::NoAccount | Self::Io { .. } => Vec::new(),
        }
    }

    /// What to do about it, a line each.
    pub fn help(&self) -> Vec<String> {
        let lines: &[&str] = match self {
            Self::NoServer { .. } => {
                return vec![
                    how_to_install(),
                    format!("or say where it is: `{DIRECTORY_VARIABLE}=/path/to/postgresql/bin`"),
                ];
            }
            Self::Binaries { .. } => {
                &["name a directory that holds `postgres` and `initdb`, of version 14 or later"]
            }
            Self::NoAccount => &["run as another user"],
            Self::NoPlace { .. } => {
                &["make one of these writable, or set TMPDIR to a directory that is"]
            }
            Self::Program { output, .. } if output.contains("No space left on device") => {
                &[DISK_FULL]
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => &[DISK_FULL],
            Self::Program { .. } | Self::Io { .. } => &[],
        };
        lines.iter().map(|&line| line.to_owned()).collect()
    }
}

/// How to get one, on this system.
fn how_to_install() -> String {
    if cfg!(windows) {
        return "install it: `winget install PostgreSQL.PostgreSQL.17`".to_owned();
    }
    if cfg!(target_os = "macos") {
        return "install it: `brew install postgresql@17`, or Postgres.app".to_owned();
    }
    let has = |program: &str| std::path::Path::new("/usr/bin").join(program).exists();
    let command = if has("apt-get") {
        "sudo apt-get install postgresql"
    } else if has("dnf") {
        "sudo dnf install postgresql-server"
    } else if has("zypper") {
        "sudo zypper install postgresql-server"
    } else if has("pacman") {
        "sudo pacman -S postgresql"
    } else if std::path::Path::new("/sbin/apk").exists() {
        "apk add postgresql"
    } else {
        "your system's package of the PostgreSQL server"
    };
    format!("install it: `{command}` (it need not run)")
}

/// Sixteen characters that nobody else has.
pub fn random_name() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};

    // Each `RandomState` has keys of its own from the system's source of randomness.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())
}
