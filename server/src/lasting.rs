//! A server that stays until it is stopped, one for each cache. Its data lasts as long as it runs.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use super::account::{self, Account};
use super::cluster::{self, Cluster, Postmaster};
use super::{Error, Options, Place, find, system};

/// The one slot of such servers.
const SLOT: &str = "dev";

/// A server that goes on without us.
#[derive(Debug)]
pub struct Lasting {
    directory: PathBuf,
    postmaster: Postmaster,
    account: Option<Account>,
}

impl Lasting {
    /// Starts it; [`find`](Lasting::find) tells first whether it runs.
    pub fn start(options: &Options) -> Result<Self, Error> {
        let account = account::choose()?;
        let binaries = find::find(options.binaries.as_deref(), account.as_ref())?;
        let cluster = Cluster::open_named(&options.cache, &binaries, account.as_ref(), |number| {
            (number == 0).then(|| SLOT.to_owned())
        })?;
        if !cluster.is_sound(account.as_ref())? {
            cluster.make(&binaries, account.as_ref())?;
        }
        Ok(Self {
            postmaster: system::start_lasting(&cluster, &binaries, account.as_ref())?,
            directory: cluster.directory(),
            account,
        })
    }

    /// The one that runs, of whatever version: the programs may have changed since it was started.
    pub fn find(options: &Options) -> Result<Option<Self>, Error> {
        let account = account::choose()?;
        for home in cluster::existing_homes(&options.cache, account.as_ref()) {
            for entry in fs::read_dir(&home).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if !name.starts_with("pg") || !name.ends_with(&format!("-{SLOT}")) {
                    continue;
                }
                let directory = entry.path();
                if let Some(postmaster) = cluster::postmaster_of(&directory.join("data"))
                    && postmaster.ready
                    && system::is_running(&directory, &postmaster, account.as_ref())
                {
                    return Ok(Some(Self {
                        directory,
                        postmaster,
                        account,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        system::place(&self.directory, &self.postmaster)
    }

    /// Stops it and forgets its data.
    pub fn stop(self) {
        system::end(&self.directory, &self.postmaster, self.account.as_ref());
        // The next start makes it anew.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Runs a client in place of this process, where the system can do that: the terminal's Ctrl-C is then for the client alone,
/// which cancels a query with it.
pub fn become_program(command: Command) -> io::Result<ExitStatus> {
    system::become_program(command)
}
