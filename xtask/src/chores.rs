//! What a developer of this repository runs, and CI with it.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::{Parser, Subcommand};
use sqlmill::server::{Binaries, DIRECTORY_VARIABLE, Options, Scratch, Server};
use sqlmill::source::Sources;
use sqlmill::wire::{Address, Target};
use sqlmill::{cli, schema};

use crate::{bench, calls, servers};

/// sqlmill compiles annotated SQL files into a checked Rust crate.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    max_term_width = 100
)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    #[command(flatten)]
    Sqlmill(cli::Command),
    /// Run every test, on a real PostgreSQL that the tests start themselves
    Test {
        /// On these versions: `14,18`, or `all`. Those that the machine has not are fetched
        #[arg(long, value_name = "VERSIONS", value_parser = versions)]
        pg: Option<Versions>,
        /// Passed on to `cargo test`: a test's name, or `-- --nocapture`
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "ARG"
        )]
        rest: Vec<String>,
    },
    /// Break the world around a mixed load, and hold what was written against a ledger
    ///
    /// On a private server that it starts and stops: reads, transactions and bulk writes, while backends are killed, the server crashes and
    /// recovers, result types change, futures are dropped at random and the pool is too small. Prints what happened how often; exits with 1
    /// when a write that was acknowledged is lost or there twice, one that was refused is there, a row is wrong, something hangs, or a connection
    /// is dirty or leaked.
    Chaos {
        /// For how many seconds the load runs; looking at what is left takes some more
        #[arg(long, default_value_t = 30, value_name = "N")]
        seconds: u64,
        /// The same seed makes the same choices; how they interleave is up to the machine. Printed where it is not given
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
        /// Make one thing wrong on purpose, and break nothing else, to see it fail
        #[arg(long, value_name = "FAULT", value_parser = ["lost", "doubled", "refused", "row", "skipped", "leaked", "dirty", "hang"])]
        inject: Option<String>,
    },
    /// Run what CI runs: format, lints, tests, docs, and whether `generated/` is fresh
    Ci,
    /// Measure
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Generating and compiling a made-up project, beside Cornucopia on the same SQL
    Gen {
        /// Files of 20 queries
        #[arg(long, default_value_t = 50, value_name = "N")]
        files: usize,
        /// Rounds; the medians are shown
        #[arg(long, default_value_t = 3, value_name = "N")]
        rounds: u32,
        /// Without Cornucopia, which `cargo install` builds the first time
        #[arg(long)]
        alone: bool,
    },
    /// Calls, beside hand-written tokio-postgres, Cornucopia, sqlx, diesel and diesel-async
    ///
    /// One row by key, 100 and 10,000 rows, a join, inserts of 1, 100 and 1,000 rows: wall time, client CPU, allocations and
    /// instructions. Then 64 tasks that read by key, and the same with slow reads, row locks and futures that nobody polls, beside
    /// deadpool's pool.
    ///
    /// Prints Markdown, as docs/benchmarks.md has it. Every contender's rows are checked before anything is timed; then they take
    /// turns in every round. The first run builds the peers, which takes minutes. diesel needs libpq-dev, and instructions valgrind.
    Calls {
        /// Rounds of each; medians of the ratios in a round are shown
        #[arg(long, default_value_t = 15, value_name = "N")]
        rounds: u32,
        /// Leave out the counts of instructions, which take minutes
        #[arg(long)]
        quick: bool,
    },
    /// 64 tasks that read by key, with other numbers of shared connections and of reads on each than the defaults
    Shared {
        /// Rounds of each, of a second; medians are shown
        #[arg(long, default_value_t = 5, value_name = "N")]
        rounds: u32,
    },
    /// What depends on the call: optional filters, pages, many rows at once, COPY
    ///
    /// Optional filters on a table of a million rows: a text for each combination against the statement as it is written, with the
    /// server's plans. A page and its total sent together against one after the other, over a Unix socket and over a network that
    /// is a millisecond away. 10,000 rows at once by sqlmill, Cornucopia, sqlx and diesel. COPY BINARY against arrays, from 100 rows
    /// to 100,000.
    ///
    /// Prints Markdown, as docs/benchmarks.md has it. Every contender's rows are checked before anything is timed; then they take turns
    /// in every round. The first run builds the peers, which takes minutes; later ones some two minutes. diesel needs libpq-dev.
    Dynamic {
        /// Rounds of each; medians are shown
        #[arg(long, default_value_t = 9, value_name = "N")]
        rounds: u32,
    },
}

pub(crate) fn main() -> ExitCode {
    let arguments = match cli::arguments::<Arguments>() {
        Ok(arguments) => arguments,
        Err(told) => return told,
    };
    match arguments.command {
        Task::Sqlmill(command) => cli::run(command),
        Task::Test { pg: None, rest } => status(test(&rest, None, &[])),
        Task::Test {
            pg: Some(Versions(majors)),
            rest,
        } => status(test_on(&majors, &rest)),
        Task::Chaos {
            seconds,
            seed,
            inject,
        } => status(chaos(seconds, seed, inject)),
        Task::Ci => status(ci()),
        Task::Bench {
            what:
                Bench::Gen {
                    files,
                    rounds,
                    alone,
                },
        } => measured(bench::generate(files, rounds, alone)),
        Task::Bench {
            what: Bench::Calls { rounds, quick },
        } => measured(calls::compare(rounds, quick)),
        Task::Bench {
            what: Bench::Dynamic { rounds },
        } => measured(calls::dynamic(rounds)),
        Task::Bench {
            what: Bench::Shared { rounds },
        } => measured(calls::shared(rounds)),
    }
}

fn measured(outcome: Result<(), Box<dyn std::error::Error>>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn status(passed: bool) -> ExitCode {
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

fn chaos(seconds: u64, seed: Option<u64>, inject: Option<String>) -> bool {
    let seed = seed.unwrap_or_else(|| {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        now.as_secs()
    });
    let arguments = [
        "test",
        "--package",
        "sqlmill-runtime",
        "--all-features",
        "--test",
        "chaos",
        "nothing_is_lost_doubled_or_left_behind",
        "--",
        "--nocapture",
    ];
    let (seconds, seed) = (seconds.to_string(), seed.to_string());
    let mut environment = vec![
        ("SQLMILL_CHAOS_SECONDS", seconds.as_str()),
        ("SQLMILL_CHAOS_SEED", seed.as_str()),
        // What is wrong is a sentence; where the test says it is no help.
        ("RUST_BACKTRACE", "0"),
    ];
    if let Some(inject) = &inject {
        environment.push(("SQLMILL_CHAOS_INJECT", inject));
    }
    cargo("chaos", &arguments, &environment)
}

/// What `--pg` says.
#[derive(Debug, Clone)]
struct Versions(Vec<u32>);

fn versions(text: &str) -> Result<Versions, String> {
    servers::parse(text).map(Versions)
}

/// On one server, or on the first that is found. Tests that compare versions look at `others` too.
fn test(rest: &[String], server: Option<&Binaries>, others: &[Binaries]) -> bool {
    let mut arguments = vec!["test", "--workspace", "--all-features", "--no-fail-fast"];
    arguments.extend(rest.iter().map(String::as_str));
    let Some(server) = server else {
        return cargo("tests", &arguments, &[]);
    };
    let bin = server.directory.to_string_lossy();
    let title = format!("tests on PostgreSQL {}", server.version);
    let others: Vec<_> = others
        .iter()
        .map(|other| other.directory.to_string_lossy())
        .collect();
    let others = others.join(":");
    let mut environment = vec![(DIRECTORY_VARIABLE, &*bin)];
    if !others.is_empty() {
        environment.push(("SQLMILL_TEST_PG_DIRS", &others));
    }
    cargo(&title, &arguments, &environment)
}

/// Every version is tried, whatever came of those before it.
fn test_on(majors: &[u32], rest: &[String]) -> bool {
    let mut passed = Vec::new();
    for &major in majors {
        passed.push(match servers::of(major) {
            Ok(server) => test(rest, Some(&server), &[]),
            Err(error) => {
                eprintln!("PostgreSQL {major}: {error}");
                false
            }
        });
    }
    println!();
    for (major, passed) in majors.iter().zip(&passed) {
        println!(
            "{:>12}  {}",
            format!("PostgreSQL {major}"),
            if *passed { "passed" } else { "FAILED" }
        );
    }
    passed.iter().all(|passed| *passed)
}

/// The whole suite on the oldest version and on the newest, what compares versions on all; or on what the machine has
/// where none can be had.
fn ci_tests() -> Vec<(String, bool)> {
    let mut servers = Vec::new();
    for major in servers::majors() {
        match servers::of(major) {
            Ok(server) => servers.push(server),
            Err(error) => println!("\n== PostgreSQL {major} is left out: {error}"),
        }
    }
    let title = |server: &Binaries| format!("tests on {}", server.major);
    match servers.as_slice() {
        [] => vec![("tests".to_owned(), test(&[], None, &[]))],
        [only] => vec![(title(only), test(&[], Some(only), &[]))],
        [oldest, between @ .., newest] => vec![
            (title(oldest), test(&[], Some(oldest), &[])),
            (title(newest), test(&[], Some(newest), between)),
        ],
    }
}

/// Every step runs, whatever the ones before it found; the tests come last so that their closing lines end the output.
fn ci() -> bool {
    let lints = [
        "clippy",
        "--workspace",
        "--all-features",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    let docs = ["doc", "--workspace", "--all-features", "--no-deps"];
    // A workspace of its own, so that `cargo test` here does not build Cornucopia.
    let differential = [
        "test",
        "--manifest-path",
        "differential/Cargo.toml",
        "--target-dir",
        "target/differential",
    ];
    let first = [
        ("format", cargo("format", &["fmt", "--all", "--check"], &[])),
        ("lints", cargo("lints", &lints, &[])),
        (
            "docs",
            cargo("docs", &docs, &[("RUSTDOCFLAGS", "-D warnings")]),
        ),
        (
            "fresh",
            own("is generated/ what the sources say?", &["gen", "--locked"]),
        ),
        ("check", own("is it the only door?", &["check"])),
        (
            "falsify",
            own("do the proofs hold on adversarial rows?", &["falsify"]),
        ),
        ("dependencies", deny()),
        (
            "differential",
            cargo("types beside Cornucopia's", &differential, &[]),
        ),
    ];
    let mut steps: Vec<(String, bool)> = first
        .into_iter()
        .map(|(name, passed)| (name.to_owned(), passed))
        .collect();
    steps.extend(ci_tests());
    println!();
    for (name, passed) in &steps {
        println!(
            "{:>12}  {}",
            name,
            if *passed { "passed" } else { "FAILED" }
        );
    }
    steps.iter().all(|(_, passed)| *passed)
}

/// cargo-deny is not part of a toolchain; without it `check` still holds the one rule that is ours.
fn deny() -> bool {
    let found = Command::new("cargo")
        .args(["deny", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        println!(
            "cargo-deny is not installed, so deny.toml is not checked (cargo install cargo-deny --locked)"
        );
        return true;
    }
    cargo(
        "dependencies",
        &["deny", "check", "bans", "licenses", "sources"],
        &[],
    )
}

fn cargo(title: &str, arguments: &[&str], environment: &[(&str, &str)]) -> bool {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    step(title, &program, arguments, environment)
}

/// One of sqlmill's commands, by this program.
fn own(title: &str, arguments: &[&str]) -> bool {
    match env::current_exe() {
        Ok(program) => step(title, program.as_os_str(), arguments, &[]),
        Err(error) => {
            eprintln!("cannot find this program's own file: {error}");
            false
        }
    }
}

fn step(title: &str, program: &OsStr, arguments: &[&str], environment: &[(&str, &str)]) -> bool {
    println!(
        "\n== {title}: {} {}",
        Path::new(program).display(),
        arguments.join(" ")
    );
    let started = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status();
    let passed = match status {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("cannot run {}: {error}", Path::new(program).display());
            false
        }
    };
    println!(
        "== {title}: {} in {:.1} s",
        if passed { "passed" } else { "FAILED" },
        started.elapsed().as_secs_f64()
    );
    passed
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or_else(|| Path::new("."))
        .to_owned()
}

/// A scratch database for a program that takes a URL. Dropped with this.
pub(crate) struct Database {
    pub(crate) url: String,
    _scratch: Scratch,
}

pub(crate) fn database(schema_path: &Path) -> Result<Database, Box<dyn std::error::Error>> {
    let mut sources = Sources::default();
    let file = sources.add(
        schema_path.display().to_string(),
        std::fs::read_to_string(schema_path)?,
    );
    let (statements, _) = schema::split(&sources, file);
    let options = Options {
        cache: root().join("target/sqlmill"),
        ..Options::default()
    };
    let scratch = Server::start(&options)?.load(&statements, &[])?;
    Ok(Database {
        url: url(scratch.target()),
        _scratch: scratch,
    })
}

fn url(target: &Target) -> String {
    match &target.address {
        Address::Host(host) => format!(
            "postgresql://{}@{host}:{}/{}",
            target.user, target.port, target.database
        ),
        Address::SocketDirectory(directory) => {
            let host = directory.display();
            format!(
                "postgresql:///{}?user={}&host={host}&port={}",
                target.database, target.user, target.port
            )
        }
    }
}
