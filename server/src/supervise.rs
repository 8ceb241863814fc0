//! Runs a program so that it ends when we do, however we end.
//!
//! A shell of its own process group stands between us and the program and reads a pipe that only we hold open. When
//! we drop it, exit, or are killed in any way, the kernel closes the pipe, and the shell stops the program. Being in
//! another process group, neither sees the Ctrl-C that a terminal sends to us.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::account::Account;
use super::find::Binaries;

/// What a stop may take before we give up waiting; the shell kills the program well before.
const LONGEST_STOP: Duration = Duration::from_secs(20);

/// `$1` is a directory to remove at the end, or empty; the rest is the command.
///
/// SIGINT is PostgreSQL's fast shutdown. The loop reads nothing: nobody writes to the pipe, it only ends.
const SHELL: &str = r#"
trap '' HUP INT QUIT TERM
remove=$1
shift
exec 3<&0 </dev/null
"$@" 3<&- >&2 &
program=$!
echo "$program"
exec >&2
(
    while read -r line; do :; done
    kill -INT "$program"
    tries=0
    while kill -0 "$program" && [ "$tries" -lt 50 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -QUIT "$program"
    sleep 2
    kill -KILL "$program"
) <&3 2>/dev/null &
watcher=$!
exec 3<&-
wait "$program"
code=$?
kill -KILL "$watcher"
wait "$watcher"
if [ -n "$remove" ]; then rm -rf "$remove"; fi
exit "$code"
"#;

/// A running program that is stopped when this is dropped.
#[derive(Debug)]
pub(super) struct Supervised {
    shell: Child,
    /// While it is open the program runs.
    alive: Option<ChildStdin>,
    /// The program's process.
    pub(super) process: u32,
}

impl Supervised {
    /// Starts `program`, with its output going to `log`. `remove` is a directory that must not outlive it.
    pub(super) fn start(
        binaries: &Binaries,
        account: Option<&Account>,
        program: &str,
        arguments: &[OsString],
        remove: Option<&Path>,
        log: File,
    ) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SHELL, "sqlmill"])
            .arg(remove.unwrap_or(Path::new("")))
            .arg(binaries.program(program))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        binaries.surround(&mut command, account);
        apart(&mut command);
        let mut shell = command.spawn()?;
        let alive = shell.stdin.take();
        let mut supervised = Self {
            shell,
            alive,
            process: 0,
        };
        let mut line = String::new();
        if let Some(output) = supervised.shell.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        supervised.process = line
            .trim()
            .parse()
            .map_err(|_| io::Error::other("/bin/sh did not start the server"))?;
        Ok(supervised)
    }

    /// `Some` once the program has ended.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.shell.try_wait()
    }

    /// Lets the program run to its end.
    pub(super) fn wait(&mut self) -> io::Result<ExitStatus> {
        // `Child::wait` closes the pipe only where it still owns it, and here it does not.
        self.shell.wait()
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.alive.take());
        let deadline = Instant::now() + LONGEST_STOP;
        while Instant::now() < deadline {
            match self.shell.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        // Nothing more can be done from here; the next run finds what is left through `postmaster.pid`.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Out of reach of the terminal's signals.
pub(super) fn apart(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    command.process_group(0);
}
