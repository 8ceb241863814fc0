//! `bench gen`: what generating and compiling a thousand queries costs, beside Cornucopia on the same SQL, in one run.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::chores::root;
use crate::synthetic;

type Failure = Box<dyn std::error::Error>;

/// The release of Cornucopia that is measured beside.
const CORNUCOPIA: &str = "1.0.1";

/// One contender's project on disk.
struct Project {
    directory: PathBuf,
}

pub(crate) fn generate(files: usize, rounds: u32, alone: bool) -> Result<(), Failure> {
    let home = root().join("target/bench/gen");
    let project = Project {
        directory: home.join("project"),
    };
    let _ = fs::remove_dir_all(&project.directory);
    synthetic::write(&project.directory, files)?;
    let queries = files * synthetic::QUERIES_PER_FILE;
    println!(
        "{queries} queries in {files} files; medians of {rounds} rounds, contenders interleaved\n"
    );

    let mut contenders: Vec<Box<dyn Contender>> = vec![
        Box::new(Sqlmill::new(&project, &home, false)?),
        Box::new(Sqlmill::new(&project, &home, true)?),
    ];
    if !alone {
        contenders.push(Box::new(Cornucopia::new(&project, &home)));
    }
    for contender in &mut contenders {
        contender.prepare()?;
    }
    let mut results: BTreeMap<(usize, &str), Vec<f64>> = BTreeMap::new();
    for round in 0..rounds {
        for (index, contender) in contenders.iter_mut().enumerate() {
            for (name, value) in measure(contender.as_mut(), &project, round)? {
                results.entry((index, name)).or_default().push(value);
            }
        }
    }
    report(&contenders, results);
    Ok(())
}

trait Contender {
    fn name(&self) -> &'static str;
    /// Installs, and builds what the generated crate depends on.
    fn prepare(&mut self) -> Result<(), Failure>;
    /// Forgets what makes later runs fast, where there is such a thing.
    fn forget(&mut self) -> Result<bool, Failure>;
    fn generate(&mut self) -> Result<Run, Failure>;
    fn krate(&self) -> &Path;
    /// All that is generated.
    fn packages(&self) -> Vec<String>;
    fn target(&self) -> PathBuf;
}

struct Run {
    seconds: f64,
    peak_megabytes: f64,
}

const STEPS: [&str; 11] = [
    "generate, cold (s)",
    "generate, warm (s)",
    "peak memory (MB)",
    "lines",
    "code lines a query",
    "check, clean (s)",
    "build, clean (s)",
    "generate after one change (s)",
    "check after one change (s)",
    "generate, nothing changed (s)",
    "check, nothing changed (s)",
];

fn measure(
    contender: &mut dyn Contender,
    project: &Project,
    round: u32,
) -> Result<Vec<(&'static str, f64)>, Failure> {
    let mut found = Vec::new();
    project.change_one(None)?;
    if contender.forget()? {
        found.push((STEPS[0], contender.generate()?.seconds));
    } else {
        contender.generate()?;
    }
    let warm = contender.generate()?;
    found.push((STEPS[1], warm.seconds));
    found.push((STEPS[2], warm.peak_megabytes));
    let (mut lines, mut code) = (0, 0);
    for directory in ["src", "modules"] {
        let (more, more_code) = count_lines(&contender.krate().join(directory))?;
        (lines, code) = (lines + more, code + more_code);
    }
    found.push((STEPS[3], lines as f64));
    let queries =
        fs::read_dir(project.directory.join("queries"))?.count() * synthetic::QUERIES_PER_FILE;
    found.push((STEPS[4], code as f64 / queries as f64));
    for (step, command) in [(STEPS[5], "check"), (STEPS[6], "build")] {
        let packages = contender.packages();
        let mut clean = vec!["clean", "--quiet"];
        clean.extend(packages.iter().flat_map(|name| ["--package", name]));
        cargo(contender, &clean)?;
        found.push((step, cargo(contender, &[command, "--quiet"])?));
    }
    cargo(contender, &["check", "--quiet"])?;
    project.change_one(Some(round))?;
    found.push((STEPS[7], contender.generate()?.seconds));
    found.push((STEPS[8], cargo(contender, &["check", "--quiet"])?));
    found.push((STEPS[9], contender.generate()?.seconds));
    found.push((STEPS[10], cargo(contender, &["check", "--quiet"])?));
    Ok(found)
}

fn report(contenders: &[Box<dyn Contender>], mut results: BTreeMap<(usize, &str), Vec<f64>>) {
    print!("| |");
    contenders
        .iter()
        .for_each(|contender| print!(" {} |", contender.name()));
    print!("\n|---|");
    contenders.iter().for_each(|_| print!("---|"));
    println!();
    for step in STEPS {
        print!("| {step} |");
        for index in 0..contenders.len() {
            match results.get_mut(&(index, step)) {
                Some(values) => print!(" {} |", shown(median(values))),
                None => print!(" |"),
            }
        }
        println!();
    }
}

fn shown(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Project {
    /// Puts one file back as it was made, or changes one query's SQL.
    fn change_one(&self, round: Option<u32>) -> io::Result<()> {
        let text = synthetic::queries_of(0);
        let text = match round {
            None => text,
            Some(round) => text.replacen("LIMIT 10", &format!("LIMIT {}", 11 + round), 1),
        };
        fs::write(self.directory.join("queries/domain_00.sql"), text)
    }
}

struct Sqlmill {
    /// A package for each module.
    split: bool,
    project: PathBuf,
    krate: PathBuf,
    program: PathBuf,
    cache: PathBuf,
}

impl Sqlmill {
    fn new(project: &Project, home: &Path, split: bool) -> Result<Self, Failure> {
        let name = if split { "sqlmill-split" } else { "sqlmill" };
        Ok(Self {
            split,
            project: project.directory.clone(),
            krate: home.join(name),
            program: env::current_exe()?,
            // A cache of its own, so that making it cold disturbs nobody.
            cache: home.join("cache"),
        })
    }

    fn config(&self) -> PathBuf {
        let name = if self.split {
            "split.toml"
        } else {
            "sqlmill.toml"
        };
        self.project.join(name)
    }
}

impl Contender for Sqlmill {
    fn name(&self) -> &'static str {
        match self.split {
            true => "sqlmill, split",
            false => "sqlmill",
        }
    }

    fn prepare(&mut self) -> Result<(), Failure> {
        let _ = fs::remove_dir_all(&self.krate);
        self.generate()?;
        let manifest = self.krate.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)?;
        if !text.contains("[workspace]") {
            let runtime = root().join("runtime");
            let text = text
                .lines()
                .map(|line| match line.starts_with("sqlmill-runtime") {
                    true => format!(
                        "sqlmill-runtime = {{ path = {:?} }}",
                        runtime.display().to_string()
                    ),
                    false => line.to_owned(),
                })
                .collect::<Vec<_>>()
                .join("\n");
            fs::write(&manifest, format!("{text}\n\n[workspace]\n"))?;
            self.generate()?;
        }
        cargo(self, &["build", "--quiet"])?;
        cargo(self, &["check", "--quiet"])?;
        Ok(())
    }

    fn forget(&mut self) -> Result<bool, Failure> {
        let _ = fs::remove_dir_all(&self.cache);
        Ok(true)
    }

    fn generate(&mut self) -> Result<Run, Failure> {
        let mut command = Command::new(&self.program);
        command
            .args(["gen", "--quiet", "--config"])
            .arg(self.config())
            .arg("--schema")
            .arg(self.project.join("schema.sql"))
            .arg("--queries")
            .arg(self.project.join("queries"))
            .arg("--out")
            .arg(&self.krate)
            .env("CARGO_TARGET_DIR", &self.cache)
            .env_remove("DATABASE_URL")
            .current_dir(&self.project);
        run(command)
    }

    fn krate(&self) -> &Path {
        &self.krate
    }

    fn packages(&self) -> Vec<String> {
        let modules = fs::read_dir(self.krate.join("modules"))
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("Cargo.toml").is_file())
            .map(|entry| format!("database-{}", entry.file_name().to_string_lossy()));
        let mut packages: Vec<String> = modules.collect();
        if self.split {
            packages.push("database-modules".to_owned());
        }
        packages.push("database".to_owned());
        packages
    }

    fn target(&self) -> PathBuf {
        self.krate.join("target")
    }
}

/// Cornucopia against a server that already runs and holds the schema: it is not charged for starting one.
struct Cornucopia {
    project: PathBuf,
    krate: PathBuf,
    database: Option<crate::chores::Database>,
}

impl Cornucopia {
    fn new(project: &Project, home: &Path) -> Self {
        Self {
            project: project.directory.clone(),
            krate: home.join("cornucopia"),
            database: None,
        }
    }
}

fn tools() -> PathBuf {
    root().join("target/bench/tools")
}

/// Its program, built once.
pub(crate) fn install_cornucopia() -> Result<PathBuf, Failure> {
    let program = tools().join("bin/cornucopia");
    if program.exists() {
        return Ok(program);
    }
    println!("installing cornucopia {CORNUCOPIA}");
    let status = Command::new("cargo")
        .args(["install", "cornucopia", "--quiet", "--locked", "--version"])
        .arg(CORNUCOPIA)
        .arg("--root")
        .arg(tools())
        .status()?;
    if !status.success() {
        return Err("cargo install cornucopia failed".into());
    }
    Ok(program)
}

impl Contender for Cornucopia {
    fn name(&self) -> &'static str {
        "cornucopia 1.0.1, live"
    }

    fn prepare(&mut self) -> Result<(), Failure> {
        install_cornucopia()?;
        self.database = Some(crate::chores::database(&self.project.join("schema.sql"))?);
        let _ = fs::remove_dir_all(&self.krate);
        self.generate()?;
        cargo(self, &["build", "--quiet"])?;
        cargo(self, &["check", "--quiet"])?;
        Ok(())
    }

    fn forget(&mut self) -> Result<bool, Failure> {
        Ok(false)
    }

    fn generate(&mut self) -> Result<Run, Failure> {
        let url = self
            .database
            .as_ref()
            .map(|database| database.url.clone())
            .unwrap_or_default();
        let mut command = Command::new(install_cornucopia()?);
        command
            .args(["live", "--queries-path"])
            .arg(self.project.join("queries"))
            .arg("--destination")
            .arg(&self.krate)
            .arg(url)
            .current_dir(&self.project);
        let run = run(command)?;
        // It makes the directory anew each time; a workspace of its own keeps it out of ours.
        let manifest = self.krate.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)?;
        fs::write(&manifest, format!("{text}\n[workspace]\n"))?;
        Ok(run)
    }

    fn krate(&self) -> &Path {
        &self.krate
    }

    fn packages(&self) -> Vec<String> {
        vec!["cornucopia".to_owned()]
    }

    /// Not inside the crate: that directory is removed by every run.
    fn target(&self) -> PathBuf {
        self.krate.with_extension("target")
    }
}

/// Seconds of one cargo command on the contender's crate.
fn cargo(contender: &dyn Contender, arguments: &[&str]) -> Result<f64, Failure> {
    let started = Instant::now();
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .arg("--manifest-path")
        .arg(contender.krate().join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", contender.target())
        .status()?;
    let seconds = started.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!(
            "cargo {} failed for {}",
            arguments.join(" "),
            contender.name()
        )
        .into());
    }
    Ok(seconds)
}

/// Runs a program and watches its memory, as Linux reports it.
fn run(mut command: Command) -> Result<Run, Failure> {
    let started = Instant::now();
    let mut child = command.stdin(Stdio::null()).spawn()?;
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let watch = thread::spawn(move || {
        let mut peak = 0.0_f64;
        // The file is gone with the process; a zombie has no VmHWM line.
        while let Some(megabytes) = fs::read_to_string(&status)
            .ok()
            .as_deref()
            .and_then(high_water_mark)
        {
            peak = peak.max(megabytes);
            thread::sleep(Duration::from_millis(2));
        }
        peak
    });
    let status = child.wait()?;
    let seconds = started.elapsed().as_secs_f64();
    let peak_megabytes = watch.join().unwrap_or_default();
    if !status.success() {
        return Err(format!("{command:?} failed").into());
    }
    Ok(Run {
        seconds,
        peak_megabytes,
    })
}

fn high_water_mark(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// Lines of Rust in all, and those that hold code: neither blank nor a comment.
fn count_lines(directory: &Path) -> io::Result<(usize, usize)> {
    let (mut lines, mut code) = (0, 0);
    if !directory.is_dir() {
        return Ok((0, 0));
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            let (more, more_code) = count_lines(&path)?;
            (lines, code) = (lines + more, code + more_code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            lines += text.lines().count();
            code += text
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with("//"))
                .count();
        }
    }
    Ok((lines, code))
}
