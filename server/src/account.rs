//! The user that the server runs as: PostgreSQL refuses to run as root.

use std::path::Path;
use std::process::Command;

use super::Error;

/// An unprivileged user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Users that a system has for such work, the fittest first.
#[cfg(unix)]
const FITTING: [&str; 4] = ["postgres", "_postgres", "pgsql", "nobody"];

/// Whom to run the server as; `None` if as ourselves.
#[cfg(unix)]
pub(super) fn choose() -> Result<Option<Account>, Error> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let text = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut accounts = parse_passwd(&text);
    if accounts.is_empty() {
        // A minimal container may have no such file. Any number but 0 will do.
        accounts.push(Account {
            name: "user 65534".to_owned(),
            uid: 65534,
            gid: 65534,
        });
    }
    // In a user namespace not every user of the file exists.
    accounts
        .into_iter()
        .find(|account| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", ":"]);
            run_as(&mut command, Some(account));
            command.status().is_ok_and(|status| status.success())
        })
        .map(Some)
        .ok_or(Error::NoAccount)
}

#[cfg(not(unix))]
pub(super) fn choose() -> Result<Option<Account>, Error> {
    Ok(None)
}

#[cfg(unix)]
fn parse_passwd(text: &str) -> Vec<Account> {
    let mut accounts: Vec<(usize, Account)> = text
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let uid = number(fields.nth(1)?)?;
            let gid = number(fields.next()?)?;
            let rank = FITTING
                .iter()
                .position(|fitting| *fitting == name)
                .unwrap_or(FITTING.len());
            (uid != 0).then(|| {
                let name = name.to_owned();
                (rank, Account { name, uid, gid })
            })
        })
        .collect();
    accounts.sort_by_key(|(rank, _)| *rank);
    accounts.into_iter().map(|(_, account)| account).collect()
}

/// macOS writes the number of `nobody` as -2.
#[cfg(unix)]
fn number(text: &str) -> Option<u32> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned))
}

/// Also leaves root's other groups, which std does where it changes the user.
#[cfg(unix)]
pub(super) fn run_as(command: &mut Command, account: Option<&Account>) {
    use std::os::unix::process::CommandExt;

    if let Some(account) = account {
        command.gid(account.gid).uid(account.uid);
        command.env_remove("HOME").current_dir("/");
    }
}

#[cfg(not(unix))]
pub(super) fn run_as(_: &mut Command, _: Option<&Account>) {}

/// Whether the server's user can enter `directory`. Asked by trying: every directory above it counts, and so do
/// access lists.
#[cfg(unix)]
pub(super) fn can_enter(account: Option<&Account>, directory: &Path) -> bool {
    let Some(account) = account else {
        return true;
    };
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "cd \"$1\" 2>/dev/null", "sh"])
        .arg(directory);
    run_as(&mut command, Some(account));
    command.status().is_ok_and(|status| status.success())
}

#[cfg(not(unix))]
pub(super) fn can_enter(_: Option<&Account>, _: &Path) -> bool {
    true
}

/// Makes a directory that only the server's user (and root) can enter. Fails where something has that name.
#[cfg(unix)]
pub(super) fn private_directory(
    directory: &Path,
    account: Option<&Account>,
) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, chown};

    std::fs::DirBuilder::new().mode(0o700).create(directory)?;
    match account {
        Some(account) => chown(directory, Some(account.uid), Some(account.gid)),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn private_directory(directory: &Path, _: Option<&Account>) -> std::io::Result<()> {
    std::fs::create_dir(directory)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_fittest_user_comes_first_and_root_never() {
        let accounts = parse_passwd(
            "root:x:0:0:root:/root:/bin/bash\n\
             toor:x:0:0::/:/bin/sh\n\
             daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
             nobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false\n\
             damaged line\n\
             postgres:x:101:104::/var/lib/postgresql:/bin/bash\n",
        );
        let names: Vec<&str> = accounts.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["postgres", "nobody", "daemon"]);
        assert_eq!((accounts[0].uid, accounts[0].gid), (101, 104));
        assert_eq!(accounts[1].uid, u32::MAX - 1);
    }
}
