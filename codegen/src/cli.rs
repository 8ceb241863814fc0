//! The command line. A project's own xtask is three lines:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     sqlmill::cli::main()
//! }
//! ```

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::checked::{Checked, CheckedGroup};
use crate::config::Config;
use crate::describe::{Described, ResultColumn};
use crate::diagnostic::{Diagnostic, Severity};
use crate::explain::explain;
use crate::falsify::{self, Effort, Mark, OneRow, Reviewed, Subject};
use crate::parse::syntax::{self, Nullity, ParsedFile};
use crate::project::{self, Layout, Loaded};
use crate::prove::Rules;
use crate::server::{self, Scratch, developer};
use crate::source::{FileId, Sources, Span};
use crate::texts::bulk;
use crate::write::{self, Written};
use crate::{Compiled, Parsed, compile, drivers, parse, render, resolve, schema};

/// sqlmill compiles annotated SQL files and a schema into a checked Rust crate.
#[derive(Debug, Parser)]
#[command(name = "sqlmill", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compile the schema and the queries into the crate
    ///
    /// Loads the schema into a scratch database, has PostgreSQL check every query, proves what callers may rely on, and
    /// writes the crate. Starts a private PostgreSQL for it and stops it again; nothing has to run. When there are errors,
    /// all of them are shown and nothing is written.
    Gen(Gen),
    /// Say whether the crate is what the sources say, and whether it is the only door; needs no database
    ///
    /// Compares hashes in the crate's manifest.json with the schema, the queries and the generated files, and fails when
    /// another package of the workspace depends on a PostgreSQL driver.
    Check(Check),
    /// Show everything that was proved of a query, with the reasons
    Explain(Explain),
    /// Try to catch the proofs lying: run every query on adversarial rows
    ///
    /// Fills a scratch database with rows that careless reasoning does not expect, runs every query many times, and
    /// fails when a value proved not null is NULL, a row count is not as proved, a query proved to read writes, or a constraint
    /// breaks that was not foreseen. Queries that returned no row and columns that were never NULL are listed; those named
    /// with a reason in falsify.toml are not.
    Falsify(Falsify),
    /// A PostgreSQL of your own to play with, the schema loaded
    Db(Db),
}

/// Where the project is. Paths on the command line are relative to the working directory.
#[derive(Debug, Clone, Args)]
struct Project {
    /// The configuration [default: the nearest sqlmill.toml, here or above]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The schema [default: schema.sql beside sqlmill.toml]
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// The directory of the queries [default: queries beside sqlmill.toml]
    #[arg(long, value_name = "DIR")]
    queries: Option<PathBuf>,
    /// The directory of the generated crate [default: generated beside sqlmill.toml]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How findings are shown
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    format: Format,
}

#[derive(Debug, Clone, Args)]
struct Server {
    /// Use this server, in a scratch database that is dropped at the end, instead of starting one
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for people, on standard error
    Human,
    /// An array of objects, on standard output
    Json,
    /// GitHub's workflow commands, on standard output
    Github,
}

#[derive(Debug, Args)]
pub struct Gen {
    #[command(flatten)]
    project: Project,
    #[command(flatten)]
    server: Server,
    /// Write nothing; fail if anything would change
    #[arg(long)]
    locked: bool,
    /// Show no more than errors
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    project: Project,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// The query, as `users::get_user`; a module's name explains all of its queries
    query: String,
    #[command(flatten)]
    project: Project,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Args)]
pub struct Falsify {
    /// Only this query, as `users::get_user`, or this module
    query: Option<String>,
    #[command(flatten)]
    project: Project,
    #[command(flatten)]
    server: Server,
    /// Rounds of random rows
    #[arg(long, default_value_t = Effort::default().rounds, value_name = "N")]
    rounds: u32,
    /// Draws of parameters for each query and round
    #[arg(long, default_value_t = Effort::default().draws, value_name = "N")]
    draws: u32,
    /// The same seed makes the same rows
    #[arg(long, default_value_t = Effort::default().seed, value_name = "N")]
    seed: u64,
}

#[derive(Debug, Args)]
pub struct Db {
    #[command(subcommand)]
    action: DbAction,
}

#[derive(Debug, Subcommand)]
enum DbAction {
    /// Start it, load the schema, and print its URL; it stays until `db stop`
    Start(Project),
    /// Stop it and forget its data
    Stop(Project),
    /// Open psql on it
    Psql {
        #[command(flatten)]
        project: Project,
        /// Passed on to psql
        #[arg(last = true, value_name = "ARG")]
        rest: Vec<String>,
    },
    /// Print its URL
    Url(Project),
}

/// Done, findings, could not run: 0, 1, 2. Wrong arguments are 2 as well.
pub fn main() -> ExitCode {
    match arguments::<Arguments>() {
        Ok(arguments) => run(arguments.command),
        Err(told) => told,
    }
}

/// Reads the arguments of a program. What is wrong with them is told in the format that they ask for, as any finding is; help and the
/// version are for people, whatever they ask for.
pub fn arguments<A: Parser>() -> Result<A, ExitCode> {
    let error = match A::try_parse() {
        Ok(arguments) => return Ok(arguments),
        Err(error) => error,
    };
    let format = match error.use_stderr() {
        true => format_of(env::args_os().skip(1)),
        false => Format::Human,
    };
    // Where it cannot be written, the exit code says it.
    match format {
        Format::Human => {
            let _ = error.print();
        }
        Format::Json | Format::Github => {
            let _ = show(&Sources::default(), &[usage(&error)], format);
        }
    }
    Err(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)))
}

/// The format that arguments ask for which could not be read as a whole.
fn format_of(arguments: impl Iterator<Item = OsString>) -> Format {
    let mut found = Format::Human;
    let mut next_is_format = false;
    for argument in arguments {
        let Some(argument) = argument.to_str() else {
            continue;
        };
        let value = match argument.strip_prefix("--format=") {
            Some(value) => Some(value),
            None => next_is_format.then_some(argument),
        };
        if let Some(format) = value.and_then(|value| Format::from_str(value, true).ok()) {
            found = format;
        }
        next_is_format = argument == "--format";
    }
    found
}

/// clap's words: what is wrong, how the command is used, and tips.
fn usage(error: &clap::Error) -> Diagnostic {
    let text = error.to_string();
    let mut parts = text.split("\n\n").map(|part| {
        let words: Vec<&str> = part.split_whitespace().collect();
        words.join(" ")
    });
    let first = parts.next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(&first);
    let mut diagnostic = Diagnostic::error("usage", message);
    for part in parts.filter(|part| !part.is_empty()) {
        diagnostic = match part.strip_prefix("tip: ") {
            Some(tip) => diagnostic.help(tip),
            None if part.starts_with("Usage: ") => diagnostic.note(part),
            None => diagnostic.help(part),
        };
    }
    diagnostic
}

/// Runs one command, for a program with commands of its own beside sqlmill's.
pub fn run(command: Command) -> ExitCode {
    let format = command.project().format;
    let result = match command {
        Command::Gen(arguments) => generate(&arguments),
        Command::Check(arguments) => check_project(&arguments),
        Command::Explain(arguments) => explain_query(&arguments),
        Command::Falsify(arguments) => falsify_project(&arguments),
        Command::Db(arguments) => db(&arguments.action),
    };
    let verdict = result.unwrap_or_else(|failure| {
        // Where even this cannot be written, the exit code says it.
        let _ = show(&failure.sources, &failure.diagnostics, format);
        Verdict::CouldNotRun
    });
    match verdict {
        Verdict::Done => ExitCode::SUCCESS,
        Verdict::Findings => ExitCode::from(1),
        Verdict::CouldNotRun => ExitCode::from(2),
    }
}

impl Command {
    fn project(&self) -> &Project {
        match self {
            Self::Gen(Gen { project, .. })
            | Self::Check(Check { project })
            | Self::Explain(Explain { project, .. })
            | Self::Falsify(Falsify { project, .. })
            | Self::Db(Db {
                action: DbAction::Start(project),
            })
            | Self::Db(Db {
                action: DbAction::Stop(project),
            })
            | Self::Db(Db {
                action: DbAction::Url(project),
            })
            | Self::Db(Db {
                action: DbAction::Psql { project, .. },
            }) => project,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Done,
    Findings,
    CouldNotRun,
}

impl Verdict {
    fn of(diagnostics: &[Diagnostic]) -> Self {
        let mut errors = diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .peekable();
        if errors.peek().is_none() {
            Self::Done
        } else if errors.any(|found| found.rule == project::UNREADABLE) {
            Self::CouldNotRun
        } else {
            Self::Findings
        }
    }
}

/// Why a command could not run, to be shown as findings are. A command fails before it shows findings, so that a program reads
/// one array.
struct Failure {
    /// What the diagnostics point into.
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
}

impl Failure {
    fn of(diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            sources: Sources::default(),
            diagnostics,
        }
    }
}

impl<E: Into<Box<dyn std::error::Error>>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        // Whoever reads has had enough (`explain … | head`).
        let hung_up = error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        if hung_up {
            return Self::of(Vec::new());
        }
        Self::of(vec![Diagnostic::error("run", error.to_string())])
    }
}

/// A project, read from disk.
struct Opened {
    layout: Layout,
    config: Config,
    sources: Sources,
    loaded: Loaded,
    /// Of the configuration and of reading.
    diagnostics: Vec<Diagnostic>,
    format: Format,
}

impl Project {
    fn open(&self) -> Result<Opened, Failure> {
        let here = env::current_dir()
            .map_err(|error| format!("cannot tell the working directory: {error}"))?;
        let config_path = match &self.config {
            Some(path) => Some(here.join(path)),
            None => here
                .ancestors()
                .map(|above| above.join("sqlmill.toml"))
                .find(|path| path.is_file()),
        };
        let root = config_path
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(&here)
            .to_owned();
        let mut sources = Sources::default();
        let mut diagnostics = Vec::new();
        let mut config = match &config_path {
            None => Config::default(),
            Some(path) => {
                let text = fs::read_to_string(path)
                    .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                let name = path
                    .strip_prefix(&root)
                    .unwrap_or(path)
                    .to_string_lossy()
                    .into_owned();
                let file = sources.add(name, text);
                let (config, found) = crate::config::parse(&sources, file);
                diagnostics.extend(found);
                config
            }
        };
        if config.runtime.is_none() {
            config.runtime = own_runtime();
        }
        let place = |given: &Option<PathBuf>, configured: &str| match given {
            Some(path) => here.join(path),
            None => root.join(configured),
        };
        let layout = Layout {
            schema: place(&self.schema, &config.schema),
            queries: place(&self.queries, &config.queries),
            out: place(&self.out, &config.out),
            root,
        };
        if let Some(mut fault) = layout.fault() {
            if let (None, Some(span)) = (&self.out, config.out_span) {
                fault = fault.at(span);
            }
            return Err(Failure {
                sources,
                diagnostics: vec![fault],
            });
        }
        let package = project::package(&layout)?;
        config.dependencies = package.dependencies;
        config.testing = package.testing.then(|| project::schema_from_src(&layout));
        let mut loaded = project::load(&layout, &mut sources);
        diagnostics.append(&mut loaded.diagnostics);
        Ok(Opened {
            layout,
            config,
            sources,
            loaded,
            diagnostics,
            format: self.format,
        })
    }
}

impl Opened {
    /// Shows the findings and says what they mean for the exit code.
    fn report(&self, diagnostics: &[Diagnostic]) -> Result<Verdict, Failure> {
        show(&self.sources, diagnostics, self.format)?;
        Ok(Verdict::of(diagnostics))
    }

    fn server_options(&self, url: Option<&str>) -> server::Options {
        server::Options {
            url: url.map(str::to_owned),
            binaries: None,
            cache: cache_directory(&self.layout.root),
        }
    }

    /// A scratch database with the schema; `None` where the schema has faults, which are then in `diagnostics`.
    fn scratch(
        &self,
        url: Option<&str>,
        schema: FileId,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<Option<Scratch>, Failure> {
        let (statements, found) = schema::split(&self.sources, schema);
        diagnostics.extend(found);
        if Verdict::of(diagnostics) != Verdict::Done {
            return Ok(None);
        }
        let options = self.server_options(url);
        match server::scratch(&options, &statements, &self.config.search_path) {
            Ok(scratch) => Ok(Some(scratch)),
            Err(server::Error::Schema(faults)) => {
                diagnostics.extend(faults);
                Ok(None)
            }
            // None of these points into a file.
            Err(error) => Err(Failure::of(error.diagnostics())),
        }
    }
}

/// The runtime beside this program's source, while that is still there: it has this program's version, released or not.
fn own_runtime() -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()?
        .join("runtime");
    let here = path.join("Cargo.toml").is_file();
    here.then(|| path.to_string_lossy().replace('\\', "/"))
}

/// Where clusters are kept: the target directory of the build that this program came from.
fn cache_directory(root: &Path) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR")
        .map(PathBuf::from)
        .or_else(|| {
            let program = env::current_exe().ok()?;
            program
                .ancestors()
                .find(|above| above.join("CACHEDIR.TAG").is_file())
                .map(Path::to_owned)
        });
    target
        .unwrap_or_else(|| root.join("target"))
        .join("sqlmill")
}

fn show(sources: &Sources, diagnostics: &[Diagnostic], format: Format) -> Result<(), Failure> {
    match format {
        Format::Human => {
            let color = io::stderr().is_terminal()
                && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            io::stderr().write_all(render::human(sources, diagnostics, color).as_bytes())?;
        }
        Format::Json => io::stdout().write_all(render::json(sources, diagnostics).as_bytes())?,
        Format::Github => {
            io::stdout().write_all(render::github(sources, diagnostics).as_bytes())?
        }
    }
    Ok(())
}

/// A line that says what goes on, on a terminal only, and only when it takes a while.
fn progress(message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar.set_message(message);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Everything that a query goes through, but for the writing.
struct Understood {
    compiled: Option<Compiled>,
    diagnostics: Vec<Diagnostic>,
    scratch: Option<Scratch>,
}

fn understand(opened: &Opened, url: Option<&str>) -> Result<Understood, Failure> {
    let Parsed {
        files,
        diagnostics: found,
    } = parse(&opened.sources, &opened.loaded.queries);
    let mut diagnostics = opened.diagnostics.clone();
    let mut understood = Understood {
        compiled: None,
        diagnostics: Vec::new(),
        scratch: None,
    };
    let Some(schema) = opened.loaded.schema else {
        diagnostics.extend(found);
        understood.diagnostics = diagnostics;
        return Ok(understood);
    };
    let bar = progress("Starting PostgreSQL and loading the schema");
    let scratch = opened.scratch(url, schema, &mut diagnostics)?;
    bar.set_message("Checking the queries");
    match scratch {
        None => diagnostics.extend(found),
        Some(scratch) => {
            let mut connection = scratch.connect()?;
            let parsed = Parsed {
                files,
                diagnostics: found,
            };
            let mut compiled = compile(
                &opened.sources,
                &opened.config,
                parsed,
                &mut connection,
                &Rules::all(),
            )?;
            diagnostics.append(&mut compiled.diagnostics);
            understood = Understood {
                compiled: Some(compiled),
                diagnostics: Vec::new(),
                scratch: Some(scratch),
            };
        }
    }
    bar.finish_and_clear();
    understood.diagnostics = diagnostics;
    Ok(understood)
}

fn generate(arguments: &Gen) -> Result<Verdict, Failure> {
    let started = Instant::now();
    let opened = arguments.project.open()?;
    let understood = understand(&opened, arguments.server.url.as_deref())?;
    let mut diagnostics = understood.diagnostics;
    let (Some(compiled), Verdict::Done) = (understood.compiled, Verdict::of(&diagnostics)) else {
        return opened.report(&diagnostics);
    };
    let Some(output) = &compiled.output else {
        return opened.report(&diagnostics);
    };
    let queries = compiled.groups.len();
    if arguments.locked {
        let changes = write::changes(&opened.layout.out, output)?;
        diagnostics.extend(changes.changed.iter().chain(&changes.removed).map(|path| {
            let path = project::shown(&opened.layout, &opened.layout.out.join(path));
            Diagnostic::error("stale", format!("{path} would change"))
        }));
        if let (false, Some(last)) = (changes.is_empty(), diagnostics.pop()) {
            diagnostics.push(last.help(crate::check::RUN_GEN));
        }
        return opened.report(&diagnostics);
    }
    let written = write::write(&opened.layout.out, output)?;
    let verdict = opened.report(&diagnostics)?;
    if !arguments.quiet {
        let out = project::shown(&opened.layout, &opened.layout.out);
        eprintln!(
            "{}",
            summary(
                queries,
                compiled.files.len(),
                &written,
                &out,
                started.elapsed()
            )
        );
    }
    Ok(verdict)
}

fn summary(
    queries: usize,
    files: usize,
    written: &Written,
    out: &str,
    elapsed: Duration,
) -> String {
    let what = match (written.changed.len(), written.removed.len()) {
        (0, 0) => "nothing changed".to_owned(),
        (changed, 0) => format!("{} written", count(changed, "file")),
        (changed, removed) => format!("{} written, {removed} removed", count(changed, "file")),
    };
    format!(
        "{} in {} compiled into {out}: {what} ({:.2} s)",
        count(queries, "query"),
        count(files, "file"),
        elapsed.as_secs_f64()
    )
}

fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}

fn check_project(arguments: &Check) -> Result<Verdict, Failure> {
    let mut opened = arguments.project.open()?;
    let mut diagnostics = std::mem::take(&mut opened.diagnostics);
    let inputs: BTreeMap<&str, &str> = opened
        .sources
        .iter()
        .map(|(_, file)| (file.path.as_str(), file.text.as_str()))
        .collect();
    diagnostics.extend(crate::check::check(&inputs, &opened.layout.out));
    diagnostics.extend(drivers::check(&opened.layout.root, &mut opened.sources)?);
    let verdict = opened.report(&diagnostics)?;
    if verdict == Verdict::Done && opened.format == Format::Human {
        eprintln!(
            "{} is fresh, and the only door to the database",
            project::shown(&opened.layout, &opened.layout.out)
        );
    }
    Ok(verdict)
}

fn explain_query(arguments: &Explain) -> Result<Verdict, Failure> {
    let opened = arguments.project.open()?;
    let understood = understand(&opened, arguments.server.url.as_deref())?;
    let Some(compiled) = &understood.compiled else {
        return opened.report(&understood.diagnostics);
    };
    let mut found = false;
    let mut explained = Vec::new();
    for checked in compiled.checked() {
        if !selected(
            &arguments.query,
            &checked.file.module,
            &checked.parsed.name.value,
        ) {
            continue;
        }
        found = true;
        let span = checked.parsed.statement.span;
        let inside = |diagnostic: &&Diagnostic| {
            diagnostic.span.is_some_and(|at| {
                at.file == span.file
                    && at.start >= checked.parsed.name.span.start
                    && at.end <= span.end
            })
        };
        explained.extend(understood.diagnostics.iter().filter(inside).cloned());
        if let Some(facts) = checked.facts {
            let text = explain(&opened.sources, &compiled.catalog, &checked, facts);
            match opened.format {
                Format::Human => writeln!(io::stdout(), "{text}")?,
                Format::Json | Format::Github => explained.push(
                    Diagnostic::hint("explain", text.trim_end()).at(checked.parsed.name.span),
                ),
            }
        }
    }
    if !found {
        let names: Vec<String> = compiled
            .checked()
            .iter()
            .map(|checked| format!("{}::{}", checked.file.module, checked.parsed.name.value))
            .collect();
        let near = crate::nearest::nearest(&arguments.query, names.iter().map(String::as_str));
        let advice = near.map_or_else(
            || "name one as module::query".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        return Err(format!("there is no query {}; {advice}", arguments.query).into());
    }
    opened.report(&explained)
}

/// `users` selects all of a module, `users::get_user` one query.
fn selected(wanted: &str, module: &str, query: &str) -> bool {
    match wanted.split_once("::") {
        Some((wanted_module, wanted_query)) => wanted_module == module && wanted_query == query,
        None => wanted == module,
    }
}

fn falsify_project(arguments: &Falsify) -> Result<Verdict, Failure> {
    let opened = arguments.project.open()?;
    let understood = understand(&opened, arguments.server.url.as_deref())?;
    let (Some(compiled), Some(scratch), Verdict::Done) = (
        &understood.compiled,
        &understood.scratch,
        Verdict::of(&understood.diagnostics),
    ) else {
        return opened.report(&understood.diagnostics);
    };
    let reviewed = reviewed(&opened.layout.root)?;
    let checked = compiled.checked();
    let chosen: Vec<(String, Vec<Mark>, &Checked<'_>)> = checked
        .iter()
        .filter(|checked| {
            let (module, query) = (&checked.file.module, &checked.parsed.name.value);
            arguments
                .query
                .as_ref()
                .is_none_or(|wanted| selected(wanted, module, query))
        })
        .map(|checked| {
            (
                format!("{}::{}", checked.file.module, checked.parsed.name.value),
                marks(&compiled.files, checked),
                checked,
            )
        })
        .collect();
    // Each text is tried: what was proved of all of them is judged by each.
    let (subjects, spans): (Vec<Subject<'_>>, Vec<Span>) = chosen
        .iter()
        .flat_map(|(name, marks, checked)| {
            let texts = checked.groups.iter().flat_map(CheckedGroup::texts);
            let many_rows = checked.beside(bulk::NAME);
            texts
                .enumerate()
                .filter_map(move |(place, (text, described, facts))| {
                    let (Described::Statement(statement), Some(facts)) = (described, facts) else {
                        return None;
                    };
                    let span = checked.parsed.name.span;
                    // The query's own texts are the first.
                    let own = checked.groups.first()?.group.texts.len();
                    let many_rows = many_rows.filter(|_| place >= own);
                    if !text.sent && many_rows.is_none() {
                        return None;
                    }
                    let one_row = match (many_rows, checked.described, checked.facts) {
                        (Some(_), Described::Statement(statement), Some(facts)) => {
                            Some(OneRow { statement, facts })
                        }
                        _ => None,
                    };
                    let pages = checked.pages.filter(|_| place < own);
                    let pages = pages.and_then(|pages| pages.of_text(place, &text.statement.sql));
                    let subject = Subject {
                        name,
                        sql: &text.statement.sql,
                        when: &text.when,
                        params: &text.statement.params,
                        statement,
                        facts,
                        marks,
                        pages,
                        one_row,
                    };
                    Some((subject, span))
                })
        })
        .unzip();
    let effort = Effort {
        rounds: arguments.rounds,
        draws: arguments.draws,
        seed: arguments.seed,
    };
    let listed = reviewed.clone().unwrap_or_default();
    // Of several texts the first shows what the rows can be.
    let mut first = None;
    let shows: Vec<bool> = subjects
        .iter()
        .map(|subject| {
            let again = first.replace(subject.name) == Some(subject.name);
            !again && subject.one_row.is_none()
        })
        .collect();
    let bar = progress("Running the queries on adversarial rows");
    let database = scratch.fresh_database()?;
    let seen = falsify::observe(
        &mut database.connect()?,
        &compiled.catalog,
        &subjects,
        effort,
        &|index, seen| {
            let text = subjects
                .get(index)
                .filter(|_| shows.get(index) == Some(&true));
            text.is_none_or(|subject| falsify::unreviewed(subject, seen, &listed).is_empty())
        },
        &mut |round, of| {
            bar.set_message(format!(
                "Running the queries on adversarial rows: round {round} of {of}"
            ));
        },
    )?;
    bar.finish_and_clear();

    let mut diagnostics = Vec::new();
    for (((subject, seen), &span), shows) in subjects.iter().zip(&seen).zip(&spans).zip(shows) {
        for found in falsify::judge(&compiled.catalog, subject, subject.facts, seen) {
            let diagnostic = Diagnostic::error("falsified", format!("`{}`: {}", subject.name, found.message))
                .at(span)
                .help("this is a fault in sqlmill's proofs: please report it with the query and the tables");
            let when = match subject.when {
                "" => String::new(),
                when => format!("{when}, "),
            };
            let with = format!("{when}with the parameters ({})", found.example);
            diagnostics.push(if found.example.is_empty() {
                diagnostic
            } else {
                diagnostic.note(with)
            });
        }
        if !shows {
            continue;
        }
        for message in falsify::unreviewed(subject, seen, &listed) {
            // With a list, what is not on it is a finding.
            let severity = if reviewed.is_some() {
                Severity::Error
            } else {
                Severity::Warning
            };
            diagnostics.push(
                Diagnostic::new(severity, "not-seen", message)
                    .at(span)
                    .help("once you are sure that it is right, name it in falsify.toml with the reason"),
            );
        }
    }
    let verdict = opened.report(&diagnostics)?;
    let runs = seen.iter().map(|seen| seen.runs).sum::<u64>();
    eprintln!(
        "{} of {} tried in {runs} runs",
        count(subjects.len(), "text"),
        count(chosen.len(), "query")
    );
    Ok(verdict)
}

/// The author's `!` on columns.
fn marks(files: &[ParsedFile], checked: &Checked<'_>) -> Vec<Mark> {
    let Described::Statement(statement) = checked.described else {
        return Vec::new();
    };
    let mut marks = Vec::new();
    for said in syntax::fields(files, &checked.file.module, &checked.parsed.row) {
        let named = |column: &ResultColumn| resolve::is_named(said, &column.name);
        let Some(column) = statement.columns.iter().position(named) else {
            continue;
        };
        for (mark, elements) in [(said.nullity, false), (said.elements, true)] {
            if mark == Some(Nullity::NotNull) {
                marks.push(Mark { column, elements });
            }
        }
    }
    marks
}

/// `falsify.toml` beside `sqlmill.toml`, where there is one.
fn reviewed(root: &Path) -> Result<Option<Reviewed>, Failure> {
    let path = root.join("falsify.toml");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let reviewed =
                Reviewed::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(Some(reviewed))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read {}: {error}", path.display()).into()),
    }
}

fn db(action: &DbAction) -> Result<Verdict, Failure> {
    let (DbAction::Start(project)
    | DbAction::Stop(project)
    | DbAction::Url(project)
    | DbAction::Psql { project, .. }) = action;
    let opened = project.open()?;
    let options = opened.server_options(None);
    let refused = |error: server::Error| -> Result<Verdict, Failure> {
        match error {
            server::Error::Schema(faults) => opened.report(&faults),
            error => Err(Failure::of(error.diagnostics())),
        }
    };
    match action {
        DbAction::Start(_) => {
            let Some(schema) = opened.loaded.schema else {
                return opened.report(&opened.diagnostics);
            };
            let (statements, found) = schema::split(&opened.sources, schema);
            if Verdict::of(&found) != Verdict::Done {
                return opened.report(&found);
            }
            let bar = progress("Starting PostgreSQL and loading the schema");
            let running = developer::start(&options, &statements, &opened.config.search_path);
            bar.finish_and_clear();
            match running {
                Ok(running) => {
                    println!("{}", running.url);
                    if !running.schema_is_current {
                        eprintln!(
                            "it runs with an older schema: `db stop` forgets its data, `db start` loads the new one"
                        );
                    }
                    Ok(Verdict::Done)
                }
                Err(error) => refused(error),
            }
        }
        DbAction::Stop(_) => match developer::stop(&options) {
            Ok(true) => Ok(Verdict::Done),
            Ok(false) => {
                eprintln!("{NOT_RUNNING}");
                Ok(Verdict::Done)
            }
            Err(error) => refused(error),
        },
        DbAction::Url(_) => match developer::url(&options) {
            Ok(Some(url)) => {
                println!("{url}");
                Ok(Verdict::Done)
            }
            Ok(None) => Err(NOT_RUNNING.into()),
            Err(error) => refused(error),
        },
        DbAction::Psql { rest, .. } => match developer::psql(&options, rest) {
            Ok(status) if status.success() => Ok(Verdict::Done),
            Ok(_) => Ok(Verdict::Findings),
            Err(error) => refused(error),
        },
    }
}

const NOT_RUNNING: &str = "no developer's server runs; `db start` starts one";
