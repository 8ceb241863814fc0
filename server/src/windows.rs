//! How a private server runs on Windows: on a loopback port, with a password that only its files hold.
//!
//! `pg_ctl` starts it, because `postgres` refuses an administrator's rights and `pg_ctl` gives them up. There are no
//! process groups as on Unix: a command interpreter waits for its input to end, which it does when we do, and then has
//! `pg_ctl` stop the server.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::windows::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::Error;
use super::account::Account;
use super::cluster::{Cluster, LASTING, Postmaster, SETTINGS};
use super::find::Binaries;
use super::place::{Address, Place};

/// `CREATE_NO_WINDOW` and `CREATE_NEW_PROCESS_GROUP`: Ctrl-C in our console is not for them.
const APART: u32 = 0x0800_0000 | 0x0000_0200;

const LONGEST_STOP: Duration = Duration::from_secs(20);

/// What has the server stopped when this is dropped.
#[derive(Debug)]
pub(super) struct Supervised {
    interpreter: Child,
    alive: Option<ChildStdin>,
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.alive.take());
        let deadline = Instant::now() + LONGEST_STOP;
        while Instant::now() < deadline {
            match self.interpreter.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
    }
}

/// What initdb is told of authentication.
pub(super) fn authentication(making: &Path) -> Result<Vec<OsString>, Error> {
    let path = password_path(making);
    // Its directory is new, and the target directory is its owner's.
    let password = format!("{}{}", super::random_name(), super::random_name());
    fs::write(&path, password).map_err(Error::io(format!("cannot write {}", path.display())))?;
    let mut from = OsString::from("--pwfile=");
    from.push(path);
    Ok(vec!["--auth=scram-sha-256".into(), from])
}

fn password_path(directory: &Path) -> std::path::PathBuf {
    directory.join("password")
}

fn password(directory: &Path) -> String {
    fs::read_to_string(password_path(directory)).unwrap_or_default()
}

/// Runs a program to its end.
pub(super) fn run(
    binaries: &Binaries,
    account: Option<&Account>,
    program: &str,
    arguments: &[OsString],
    log: File,
) -> io::Result<ExitStatus> {
    let mut command = Command::new(binaries.program(program));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .creation_flags(APART);
    binaries.surround(&mut command, account);
    command.status()
}

/// Starts the server and waits until it takes connections. It ends when we do.
pub(super) fn start(
    cluster: &Cluster,
    binaries: &Binaries,
    account: Option<&Account>,
    settings: &[(String, String)],
) -> Result<(Supervised, Postmaster), Error> {
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let postmaster = launch(cluster, binaries, account, &settings)?;
    // `/s` takes the outer quotes away and leaves the rest as it is.
    let line = format!(
        "/d /s /c \"more >nul 2>nul & \"{}\" stop -D \"{}\" -m fast -s >nul 2>nul\"",
        binaries.program("pg_ctl").display(),
        cluster.data().display()
    );
    let mut command = Command::new("cmd");
    command
        .raw_arg(line)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .creation_flags(APART);
    binaries.surround(&mut command, account);
    let mut interpreter = command.spawn().map_err(|error| {
        end(&cluster.directory(), &postmaster, account);
        Error::io("cannot watch the server".to_owned())(error)
    })?;
    let alive = interpreter.stdin.take();
    Ok((Supervised { interpreter, alive }, postmaster))
}

/// Starts the server so that it outlives us.
pub(super) fn start_lasting(
    cluster: &Cluster,
    binaries: &Binaries,
    account: Option<&Account>,
) -> Result<Postmaster, Error> {
    launch(cluster, binaries, account, &LASTING)
}

fn launch(
    cluster: &Cluster,
    binaries: &Binaries,
    account: Option<&Account>,
    more: &[(&str, &str)],
) -> Result<Postmaster, Error> {
    let port = free_port().map_err(Error::io("there is no free port".to_owned()))?;
    // Read after `postgresql.conf`, so that it prevails.
    let path = cluster.data().join("postgresql.auto.conf");
    let port_text = port.to_string();
    let mut text = String::new();
    let reached = [
        ("listen_addresses", "127.0.0.1"),
        ("port", port_text.as_str()),
        ("unix_socket_directories", ""),
    ];
    for (name, value) in reached.iter().chain(&SETTINGS).chain(more) {
        text.push_str(&format!("{name} = '{value}'\n"));
    }
    fs::write(&path, text).map_err(Error::io(format!("cannot write {}", path.display())))?;
    drop(cluster.new_log()?);
    let mut command = Command::new(binaries.program("pg_ctl"));
    command
        .args(["start", "-s", "-w", "-t", "60", "-D"])
        .arg(cluster.data())
        .arg("-l")
        .arg(cluster.log_path())
        // The server would inherit them, and whoever reads their other end would wait for it.
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .creation_flags(APART);
    binaries.surround(&mut command, account);
    let status = command
        .status()
        .map_err(Error::io("cannot run pg_ctl".to_owned()))?;
    cluster.await_ready(
        |found| found.port == port,
        || Ok((!status.success()).then_some(status)),
    )
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// How to reach the server of a cluster's directory.
pub(super) fn place(directory: &Path, postmaster: &Postmaster) -> Place {
    Place {
        address: Address::Host("127.0.0.1".to_owned()),
        port: postmaster.port,
        user: "postgres".to_owned(),
        password: Some(password(directory)),
    }
}

/// Ends a server that was left running, if it still runs.
pub(super) fn end(directory: &Path, left: &Postmaster, account: Option<&Account>) {
    if !is_running(directory, left, account) {
        return;
    }
    let _ = Command::new("taskkill")
        .args(["/F", "/T", "/PID", &left.process.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .creation_flags(APART)
        .status();
    let deadline = Instant::now() + Duration::from_secs(5);
    while is_running(directory, left, account) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A process number is used again, and so is a port: a server of that number that also listens there is taken for ours.
pub(super) fn is_running(_: &Path, found: &Postmaster, _: Option<&Account>) -> bool {
    let filter = format!("PID eq {}", found.process);
    let listed = Command::new("tasklist")
        .args(["/NH", "/FI", &filter, "/FI", "IMAGENAME eq postgres.exe"])
        .stdin(Stdio::null())
        .creation_flags(APART)
        .output();
    let address = (Ipv4Addr::LOCALHOST, found.port).into();
    listed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("postgres.exe"))
        && TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok()
}

/// Makes a directory, or accepts the one that is there: the temporary directory is the user's own.
pub(super) fn own_directory(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| error.to_string())
}

pub(super) fn user_suffix() -> String {
    String::new()
}

pub(super) fn become_program(mut command: Command) -> io::Result<ExitStatus> {
    command.status()
}
