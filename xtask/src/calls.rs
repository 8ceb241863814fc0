//! `bench calls` and `bench dynamic`: what a call costs beside the peers. Makes what is generated in `bench/`, starts a server, and
//! runs `bench` on it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bench::install_cornucopia;
use crate::chores::{self, root};

type Failure = Box<dyn std::error::Error>;

pub(crate) fn compare(rounds: u32, quick: bool) -> Result<(), Failure> {
    let (home, database) = prepare()?;
    let url = database.url.as_str();
    let program = build(&home, &[])?;
    let counting = build(&home, &["--features", "allocations"])?;

    run(&program, &["fill", url])?;
    println!(
        "\n{rounds} rounds, contenders in turn: wall time / client CPU; below the first line, the median of the ratios to it\n"
    );
    run(&program, &["times", url, &rounds.to_string()])?;
    println!("\nallocations of a call\n");
    run(&counting, &["allocations", url])?;
    for workers in ["0", "2"] {
        let threads = if workers == "0" {
            "one thread"
        } else {
            "two workers"
        };
        println!("\n64 tasks that read by key, 16 connections, {threads}\n");
        run(&program, &["crowd", url, "1", &rounds.to_string(), workers])?;
        println!("\nthe same in trouble\n");
        run(
            &program,
            &["trouble", url, "1", &rounds.to_string(), workers],
        )?;
    }
    if !quick {
        println!(
            "\ninstructions of a call in the client, thousands; below the first line, the ratios to it\n"
        );
        instructions(&program, url)?;
    }
    Ok(())
}

pub(crate) fn dynamic(rounds: u32) -> Result<(), Failure> {
    let (home, database) = prepare()?;
    let program = build(&home, &[])?;
    println!(
        "{rounds} rounds, contenders in turn: medians, and in parentheses the medians of the ratios in a round"
    );
    run(&program, &["dynamic", &database.url, &rounds.to_string()])
}

pub(crate) fn shared(rounds: u32) -> Result<(), Failure> {
    let (home, database) = prepare()?;
    let url = database.url.as_str();
    let program = build(&home, &[])?;
    run(&program, &["fill", url])?;
    for (workers, threads) in [("0", "one thread"), ("2", "two workers")] {
        println!("\n64 tasks that read by key, 16 connections, {threads}\n");
        run(
            &program,
            &["settings", url, "1", &rounds.to_string(), workers],
        )?;
    }
    Ok(())
}

/// What is built is there, and a database with the schema.
fn prepare() -> Result<(PathBuf, chores::Database), Failure> {
    let home = root().join("bench");
    libpq()?;
    let database = chores::database(&home.join("schema.sql"))?;
    let _ = std::fs::remove_dir_all(home.join("generated"));
    generate(&home, &database.url)?;
    println!("building: some minutes the first time");
    Ok((home, database))
}

/// diesel links against libpq, which no crate brings.
fn libpq() -> Result<(), Failure> {
    let found = Command::new("pg_config")
        .arg("--libdir")
        .output()
        .ok()
        .map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
        .is_some_and(|directory| {
            directory.join("libpq.so").exists() || cfg!(not(target_os = "linux"))
        });
    if found {
        Ok(())
    } else {
        Err("diesel needs libpq and its headers: `apt-get install libpq-dev`, or your system's package of them".into())
    }
}

fn generate(home: &Path, url: &str) -> Result<(), Failure> {
    let sqlmill = |config| -> Result<Command, Failure> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["gen", "--quiet", "--config", config]);
        Ok(command)
    };
    let mut cornucopia = Command::new(install_cornucopia()?);
    cornucopia.args([
        "live",
        "--queries-path",
        "queries",
        "--destination",
        "generated/cornucopia",
        url,
    ]);
    for mut command in [
        sqlmill("sqlmill.toml")?,
        sqlmill("dynamic.toml")?,
        cornucopia,
    ] {
        if !command
            .current_dir(home)
            .stdin(Stdio::null())
            .status()?
            .success()
        {
            return Err(format!("{command:?} failed").into());
        }
    }
    Ok(())
}

/// Each set of features has a directory of its own, so that neither build undoes the other.
fn build(home: &Path, features: &[&str]) -> Result<PathBuf, Failure> {
    let target = home.join("target");
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["build", "--release", "--quiet"])
        .args(features)
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(home);
    if !command.status()?.success() {
        return Err("the benchmark does not build".into());
    }
    let built = target.join("release/bench");
    let program = target.join(if features.is_empty() {
        "bench"
    } else {
        "bench-counting"
    });
    std::fs::copy(built, &program)?;
    Ok(program)
}

fn run(program: &Path, arguments: &[&str]) -> Result<(), Failure> {
    if Command::new(program).args(arguments).status()?.success() {
        Ok(())
    } else {
        Err(format!("{} {} failed", program.display(), arguments.join(" ")).into())
    }
}

/// By valgrind, of two runs that differ in the number of calls, so that starting does not count.
fn instructions(program: &Path, url: &str) -> Result<(), Failure> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not installed: not counted");
        return Ok(());
    }
    let names = Command::new(program).arg("names").output()?;
    let names = String::from_utf8(names.stdout)?;
    let mut lines = names
        .lines()
        .map(|line| line.split('|').collect::<Vec<_>>());
    let (contenders, tasks) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );
    let mut rows = vec![Vec::new(); contenders.len()];
    for task in &tasks {
        let times = match *task {
            // How often a call waits is chance, and each wait is some hundred instructions.
            "by key" | "insert 1" => 1000,
            many if many.contains(',') => 5,
            _ => 100,
        };
        let mut first = None;
        for (contender, row) in contenders.iter().zip(&mut rows) {
            let few = count(program, &["run", url, contender, task, &times.to_string()])?;
            let many = count(
                program,
                &["run", url, contender, task, &(3 * times).to_string()],
            )?;
            let each = many.saturating_sub(few) as f64 / f64::from(2 * times);
            row.push(match first {
                None => {
                    first = Some(each);
                    format!("{:.1}", each / 1000.0)
                }
                Some(first) => format!("{:.2}", each / first),
            });
        }
    }
    println!(
        "| | {} |\n|---|{}",
        tasks.join(" | "),
        "---|".repeat(tasks.len())
    );
    for (contender, row) in contenders.iter().zip(&rows) {
        println!("| {contender} | {} |", row.join(" | "));
    }
    Ok(())
}

fn count(program: &Path, arguments: &[&str]) -> Result<u64, Failure> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(arguments)
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, number)| number.trim().parse().ok());
    match collected {
        Some(number) if output.status.success() => Ok(number),
        _ => Err(format!("valgrind: {text}").into()),
    }
}
