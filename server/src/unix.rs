//! How a private server runs on Unix: on a socket in a private directory, ended by its pid.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::Error;
use super::account::{self, Account};
use super::cluster::{Cluster, LASTING, Postmaster, SETTINGS, temporary_directories};
use super::find::Binaries;
use super::place::{Address, Place};
pub(super) use super::supervise::Supervised;

/// Socket addresses hold 104 bytes on macOS and 108 on Linux, a final zero among them.
const LONGEST_SOCKET: usize = 100;

const SOCKET_PREFIX: &str = "sqlmill-";

/// What initdb is told of authentication: only the server's own user can reach the socket, and nothing else is
/// listened on.
pub(super) fn authentication(_: &Path) -> Result<Vec<OsString>, Error> {
    Ok(vec!["--auth=trust".into()])
}

/// Runs a program to its end, or to ours.
pub(super) fn run(
    binaries: &Binaries,
    account: Option<&Account>,
    program: &str,
    arguments: &[OsString],
    log: File,
) -> io::Result<ExitStatus> {
    Supervised::start(binaries, account, program, arguments, None, log)?.wait()
}

/// Starts the server and waits until it takes connections. It ends when we do.
pub(super) fn start(
    cluster: &Cluster,
    binaries: &Binaries,
    account: Option<&Account>,
    settings: &[(String, String)],
) -> Result<(Supervised, Postmaster), Error> {
    let socket = socket_directory(account)?;
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let arguments = arguments(&cluster.data(), &socket, &settings);
    let mut running = cluster
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
        .inspect_err(|_| remove_socket_directory(&socket))?;
    let process = running.process;
    let postmaster = cluster.await_ready(|found| found.process == process, || running.ended())?;
    Ok((running, postmaster))
}

/// Starts the server so that it outlives us.
pub(super) fn start_lasting(
    cluster: &Cluster,
    binaries: &Binaries,
    account: Option<&Account>,
) -> Result<Postmaster, Error> {
    let socket = socket_directory(account)?;
    let arguments = arguments(&cluster.data(), &socket, &LASTING);
    cluster
        .new_log()
        .and_then(|log| {
            let mut child = spawn_apart(binaries, account, &arguments, log)
                .map_err(Error::io("cannot run the server".to_owned()))?;
            let process = child.id();
            cluster.await_ready(|found| found.process == process, || child.try_wait())
        })
        .inspect_err(|_| remove_socket_directory(&socket))
}

/// Out of reach of our terminal.
fn spawn_apart(
    binaries: &Binaries,
    account: Option<&Account>,
    arguments: &[OsString],
    log: File,
) -> io::Result<Child> {
    let mut command = Command::new(binaries.program("postgres"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    binaries.surround(&mut command, account);
    super::supervise::apart(&mut command);
    command.spawn()
}

fn arguments(data: &Path, socket: &Path, more: &[(&str, &str)]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![
        "-D".into(),
        data.into(),
        "-k".into(),
        socket.into(),
        "-p".into(),
        "5432".into(),
    ];
    let closed = [
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
    ];
    for (name, value) in closed.iter().chain(&SETTINGS).chain(more) {
        arguments.extend(["-c".into(), format!("{name}={value}").into()]);
    }
    arguments
}

/// How to reach the server of a cluster's directory.
pub(super) fn place(_: &Path, postmaster: &Postmaster) -> Place {
    Place {
        address: Address::SocketDirectory(postmaster.socket_directory.clone()),
        port: postmaster.port,
        user: "postgres".to_owned(),
        password: None,
    }
}

/// Ends a server that was left running, if it still runs.
pub(super) fn end(directory: &Path, left: &Postmaster, account: Option<&Account>) {
    if let Some(process) = i32::try_from(left.process).ok().and_then(Pid::from_raw) {
        for (signal, patience) in [
            (Signal::INT, Duration::from_secs(5)),
            (Signal::QUIT, Duration::from_secs(2)),
            (Signal::KILL, Duration::from_secs(2)),
        ] {
            if !is_running(directory, left, account) {
                break;
            }
            let _ = kill_process(process, signal);
            let deadline = Instant::now() + patience;
            while is_running(directory, left, account) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
    remove_socket_directory(&left.socket_directory);
}

/// A process number is used again: a server's working directory is its data directory, or its command names it.
pub(super) fn is_running(directory: &Path, found: &Postmaster, account: Option<&Account>) -> bool {
    let data = directory.join("data");
    if Path::new("/proc/self/cwd").exists() {
        return fs::read_link(format!("/proc/{}/cwd", found.process))
            .is_ok_and(|cwd| fs::canonicalize(data).is_ok_and(|data| cwd == data));
    }
    let mut command = Command::new("ps");
    command.args(["-ww", "-o", "command=", "-p", &found.process.to_string()]);
    account::run_as(&mut command, account);
    command.output().is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).contains(&*data.to_string_lossy())
    })
}

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

fn new_socket_directory(directory: &Path, account: Option<&Account>) -> Result<(), String> {
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

/// Only one of ours: the path comes from a file.
fn remove_socket_directory(directory: &Path) {
    let is_ours = directory
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(SOCKET_PREFIX));
    if is_ours && directory.is_absolute() {
        let _ = fs::remove_dir_all(directory);
    }
}

/// Makes a directory in a place where others can write too, or accepts the one that we made before.
pub(super) fn own_directory(path: &Path) -> Result<(), String> {
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
    if found.uid() != geteuid().as_raw() || found.mode() & 0o022 != 0 {
        return Err("it belongs to somebody else".to_owned());
    }
    Ok(())
}

/// Keeps the users of a shared temporary directory apart.
pub(super) fn user_suffix() -> String {
    format!("-{}", geteuid().as_raw())
}

/// Lets psql take the place of this process: the terminal's Ctrl-C is then for psql alone, which cancels a query with
/// it.
pub(super) fn become_program(mut command: Command) -> io::Result<ExitStatus> {
    use std::os::unix::process::CommandExt;

    Err(command.exec())
}
