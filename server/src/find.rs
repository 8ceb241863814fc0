//! Finds the programs of a PostgreSQL server on this machine.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Error;
use super::account::Account;

/// The oldest version whose query trees we read.
const OLDEST: u32 = 14;

/// The environment variable that names a directory to use and nothing else.
pub const DIRECTORY_VARIABLE: &str = "SQLMILL_PG_BIN";

/// A directory with `postgres` and `initdb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// Where they are.
    pub directory: PathBuf,
    /// `15.18`, `18beta1`.
    pub version: String,
    /// `15`
    pub major: u32,
}

impl Binaries {
    /// The programs in one directory, if they can be run.
    pub fn at(directory: &Path) -> Result<Self, Error> {
        only(
            directory,
            "the given directory",
            super::account::choose()?.as_ref(),
        )
    }

    /// Those to use: of `directory`, or of the one that `SQLMILL_PG_BIN` names, or the first that are found.
    pub fn find(directory: Option<&Path>) -> Result<Self, Error> {
        find(directory, super::account::choose()?.as_ref())
    }

    /// All that are found in the usual places and can be run.
    pub fn installed() -> Vec<Self> {
        let Ok(account) = super::account::choose() else {
            return Vec::new();
        };
        let mut seen = BTreeSet::new();
        [on_path, pg_config, usual_places]
            .into_iter()
            .flat_map(|places| places())
            .filter(|directory| has_programs(directory) && seen.insert(directory.clone()))
            .filter_map(|directory| inspect(&directory, account.as_ref()).ok())
            .collect()
    }

    /// Gives a command what the programs need: their libraries, a plain environment and the server's user.
    pub(super) fn surround(&self, command: &mut Command, account: Option<&Account>) {
        surround(command, &self.directory, account);
    }

    /// The path of a program of theirs.
    pub fn program(&self, program: &str) -> PathBuf {
        program_path(&self.directory, program)
    }
}

/// The server to use: `chosen`, or what `SQLMILL_PG_BIN` names, or the first that is found in the usual places.
pub(super) fn find(chosen: Option<&Path>, account: Option<&Account>) -> Result<Binaries, Error> {
    if let Some(directory) = chosen {
        return only(directory, "the given directory", account);
    }
    if let Some(directory) = std::env::var_os(DIRECTORY_VARIABLE).filter(|value| !value.is_empty())
    {
        return only(Path::new(&directory), DIRECTORY_VARIABLE, account);
    }
    let mut passed_over = Vec::new();
    let mut seen = BTreeSet::new();
    // Each is asked only where those before gave nothing: `pg_config` is a program to run.
    for places in [on_path, pg_config, usual_places] {
        for directory in places() {
            if !has_programs(&directory) || !seen.insert(directory.clone()) {
                continue;
            }
            match inspect(&directory, account) {
                Ok(found) => return Ok(found),
                Err(reason) => passed_over.push(format!("{}: {reason}", directory.display())),
            }
        }
    }
    Err(Error::NoServer { passed_over })
}

fn only(directory: &Path, named_by: &str, account: Option<&Account>) -> Result<Binaries, Error> {
    let refuse = |reason: String| Error::Binaries {
        directory: directory.to_owned(),
        named_by: named_by.to_owned(),
        reason,
    };
    // The server is started with another working directory.
    let absolute = std::path::absolute(directory).map_err(|error| refuse(error.to_string()))?;
    if !has_programs(&absolute) {
        return Err(refuse("it has no `postgres` and `initdb`".to_owned()));
    }
    inspect(&absolute, account).map_err(refuse)
}

fn has_programs(directory: &Path) -> bool {
    directory.is_absolute()
        && program_path(directory, "postgres").is_file()
        && program_path(directory, "initdb").is_file()
}

fn inspect(directory: &Path, account: Option<&Account>) -> Result<Binaries, String> {
    let mut command = Command::new(program_path(directory, "postgres"));
    surround(&mut command, directory, account);
    let output =
        command
            .arg("-V")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| match account {
                Some(account) => format!("`postgres` cannot be run as {}: {error}", account.name),
                None => format!("`postgres` cannot be run: {error}"),
            })?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "`postgres -V` failed: {}",
            complaint.lines().next().unwrap_or("no reason given")
        ));
    }
    let (version, major) =
        parse_version(&text).ok_or_else(|| format!("`postgres -V` says `{}`", text.trim()))?;
    if major < OLDEST {
        return Err(format!("PostgreSQL {version} is older than {OLDEST}"));
    }
    Ok(Binaries {
        directory: directory.to_owned(),
        version,
        major,
    })
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`
fn parse_version(text: &str) -> Option<(String, u32)> {
    let (_, rest) = text.split_once(')')?;
    let version = rest.split_whitespace().next()?;
    let digits = version.len()
        - version
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .len();
    let major = version.get(..digits)?.parse().ok()?;
    Some((version.to_owned(), major))
}

fn program_path(directory: &Path, program: &str) -> PathBuf {
    directory.join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
}

fn surround(command: &mut Command, directory: &Path, account: Option<&Account>) {
    plain_environment(command);
    if let Some(libraries) = own_libraries(directory) {
        let mut value: OsString = libraries.into();
        if let Some(rest) = std::env::var_os("LD_LIBRARY_PATH").filter(|rest| !rest.is_empty()) {
            value.push(":");
            value.push(rest);
        }
        command.env("LD_LIBRARY_PATH", value);
    }
    super::account::run_as(command, account);
}

/// The user's own settings for clients and servers must not reach a server that is ours, and its messages are read:
/// they are to be English whatever the user's language.
fn plain_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PG") || text.starts_with("LC_") || text == "LANG" || text == "LANGUAGE"
        {
            command.env_remove(&name);
        }
    }
    command.env("LC_ALL", "C").env("TZ", "UTC");
}

/// A server that was unpacked by hand brings its libraries in `../lib`; an installed one finds them by itself.
fn own_libraries(directory: &Path) -> Option<PathBuf> {
    if !cfg!(all(unix, not(target_os = "macos"))) || directory == Path::new("/usr/bin") {
        return None;
    }
    let libraries = directory.parent()?.join("lib");
    libraries.join("libpq.so.5").exists().then_some(libraries)
}

fn on_path() -> Vec<PathBuf> {
    std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default()
}

/// Where systems put servers, the newest first.
fn usual_places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    if cfg!(windows) {
        for variable in ["ProgramFiles", "ProgramW6432", "ProgramFiles(x86)"] {
            if let Some(programs) = std::env::var_os(variable) {
                places.extend(versions(
                    &Path::new(&programs).join("PostgreSQL"),
                    "",
                    "bin",
                ));
            }
        }
        return places;
    }
    // Debian and Ubuntu.
    places.extend(versions(Path::new("/usr/lib/postgresql"), "", "bin"));
    // Red Hat, Fedora, SUSE: the PostgreSQL project's packages.
    places.extend(versions(Path::new("/usr"), "pgsql-", "bin"));
    places.extend(versions(Path::new("/usr/lib"), "postgresql", "bin"));
    places.extend(versions(Path::new("/usr/libexec"), "postgresql", ""));
    // Homebrew on Apple silicon, on Intel, on Linux.
    for prefix in [
        "/opt/homebrew/opt",
        "/usr/local/opt",
        "/home/linuxbrew/.linuxbrew/opt",
    ] {
        places.extend(versions(Path::new(prefix), "postgresql@", "bin"));
    }
    let app = Path::new("/Applications/Postgres.app/Contents/Versions");
    places.push(app.join("latest/bin"));
    places.extend(versions(app, "", "bin"));
    // MacPorts, EnterpriseDB's installer, and a server built by hand.
    places.extend(versions(Path::new("/opt/local/lib"), "postgresql", "bin"));
    places.extend(versions(Path::new("/Library/PostgreSQL"), "", "bin"));
    places.push(PathBuf::from("/usr/local/pgsql/bin"));
    places
}

fn pg_config() -> Vec<PathBuf> {
    Command::new("pg_config")
        .arg("--bindir")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map(|text| vec![PathBuf::from(text.trim())])
        .unwrap_or_default()
}

/// `<base>/<prefix><number>/<below>`, the highest number first.
fn versions(base: &Path, prefix: &str, below: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(base) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path().join(below)))
        })
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_every_builder() {
        let read = |text| parse_version(text);
        assert_eq!(
            read("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(("15.18".to_owned(), 15))
        );
        assert_eq!(
            read("postgres (PostgreSQL) 18beta1\n"),
            Some(("18beta1".to_owned(), 18))
        );
        assert_eq!(
            read("postgres (PostgreSQL) 9.6.24\n"),
            Some(("9.6.24".to_owned(), 9))
        );
        assert_eq!(read("command not found"), None);
    }

    #[test]
    fn the_newest_version_comes_first() {
        let base = std::env::temp_dir().join(format!("sqlmill-find-{}", std::process::id()));
        for name in ["9", "14", "16", "150", "readme"] {
            std::fs::create_dir_all(base.join(name)).unwrap();
        }
        let names: Vec<String> = versions(&base, "", "bin")
            .iter()
            .map(|path| path.strip_prefix(&base).unwrap().display().to_string())
            .collect();
        std::fs::remove_dir_all(&base).unwrap();
        assert_eq!(names, ["150/bin", "16/bin", "14/bin", "9/bin"]);
    }
}
