//! What a developer of this repository runs, and CI with it.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::{Parser, Subcommand};
use sqlmill::cli;

/// sqlmill compiles annotated SQL files into a checked Rust crate.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
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
        /// Passed on to `cargo test`: a test's name, or `-- --nocapture`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARG")]
        rest: Vec<String>,
    },
    /// Run what CI runs: format, lints, tests, docs, and whether `generated/` is fresh
    Ci,
}

pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Task::Sqlmill(command) => cli::run(command),
        Task::Test { rest } => status(test(&rest)),
        Task::Ci => status(ci()),
    }
}

fn status(passed: bool) -> ExitCode {
    if passed { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn test(rest: &[String]) -> bool {
    let mut arguments = vec!["test", "--workspace"];
    arguments.extend(rest.iter().map(String::as_str));
    cargo("tests", &arguments, &[])
}

/// Every step runs, whatever the ones before it found; the tests come last so that their closing lines end the output.
fn ci() -> bool {
    let denied = [("RUSTFLAGS", "-D warnings")];
    let documented = [("RUSTDOCFLAGS", "-D warnings")];
    let steps: [(&str, bool); 6] = [
        ("format", cargo("format", &["fmt", "--all", "--check"], &[])),
        ("lints", cargo("lints", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])),
        ("docs", cargo("docs", &["doc", "--workspace", "--no-deps"], &documented)),
        ("fresh", own("is generated/ what the sources say?", &["gen", "--locked"]) && own("check", &["check"])),
        ("dependencies", deny()),
        ("tests", cargo("tests", &["test", "--workspace"], &denied[..0])),
    ];
    println!();
    for (name, passed) in &steps {
        println!("{:>12}  {}", name, if *passed { "passed" } else { "FAILED" });
    }
    steps.iter().all(|(_, passed)| *passed)
}

/// cargo-deny is not part of a toolchain; without it `check` still holds the one rule that is ours.
fn deny() -> bool {
    let found = Command::new("cargo").args(["deny", "--version"]).output().is_ok_and(|output| output.status.success());
    if !found {
        println!("cargo-deny is not installed, so deny.toml is not checked (cargo install cargo-deny --locked)");
        return true;
    }
    cargo("dependencies", &["deny", "check", "bans", "licenses", "sources"], &[])
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
    println!("\n== {title}: {} {}", Path::new(program).display(), arguments.join(" "));
    let started = Instant::now();
    let status = Command::new(program).args(arguments).envs(environment.iter().copied()).current_dir(root()).status();
    let passed = match status {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("cannot run {}: {error}", Path::new(program).display());
            false
        }
    };
    println!("== {title}: {} in {:.1} s", if passed { "passed" } else { "FAILED" }, started.elapsed().as_secs_f64());
    passed
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new(".")).to_owned()
}
