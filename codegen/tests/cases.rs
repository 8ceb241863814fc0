//! One file is one case: `cases/<area>/<case>.sql` holds a schema and queries, and beside it lies what comes of them: `.rs`, the
//! emitted modules, or `.stderr`, the findings. `UPDATE_EXPECT=1` writes what came; read the difference.
//!
//! Sections begin with `-- ==== schema`, `-- ==== queries <module>` (`users` where no module is named), `-- ==== sqlmill.toml`.
//! A case with errors has a `.stderr` only; one with warnings has both.
//!
//! A case that `-- ==== requires <extension>` runs where the server has it. `<case>.author.rs` is the module `author` of what was
//! emitted: types that the author of `[types]` wrote.
//!
//! `<case>.test.rs` is a module of tests that call what was emitted, on a database of their own (`crate::database::of("<area>_<case>")`).

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says that it failed by panicking"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlmill::config::{self, Config};
use sqlmill::emit::Files;
use sqlmill::manifest::Manifest;
use sqlmill::project::QueryFile;
use sqlmill::prove::Rules;
use sqlmill::server::{self, Options, Scratch, Server};
use sqlmill::source::{FileId, Sources};
use sqlmill::wire::{Address, Target};
use sqlmill::{compile, parse, render, schema};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Below the workspace's target directory, so that its builds are kept.
fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cases")
}

struct Case {
    /// `emit/keywords`
    name: String,
    path: PathBuf,
    sections: Vec<(String, String)>,
}

fn cases() -> Vec<Case> {
    let filter = std::env::var("CASE").unwrap_or_default();
    let mut cases = Vec::new();
    let mut areas: Vec<PathBuf> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    areas.sort();
    for area in areas {
        let mut files: Vec<PathBuf> = fs::read_dir(&area)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for path in files
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        {
            let name = path
                .with_extension("")
                .strip_prefix(directory())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if name.contains(&filter) {
                let sections = sections(&name, &fs::read_to_string(&path).unwrap());
                cases.push(Case {
                    name,
                    path,
                    sections,
                });
            }
        }
    }
    assert!(!cases.is_empty(), "no case has `{filter}` in its name");
    cases
}

fn sections(name: &str, text: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(title) = line.strip_prefix("-- ==== ") {
            sections.push((title.trim().to_owned(), String::new()));
        } else if let Some((_, body)) = sections.last_mut() {
            body.push_str(line);
        } else {
            assert!(
                line.trim().is_empty() || line.starts_with("-- "),
                "{name}: text above the first section"
            );
        }
    }
    sections
}

struct Outcome {
    /// `None` where there were errors.
    files: Option<Files>,
    findings: String,
    scratch: Option<Scratch>,
    /// The texts that were checked, by query.
    sent: Vec<(String, String)>,
}

/// What a case emitted, to be compiled with that of the others.
struct Emitted {
    files: Files,
    author: Option<String>,
    sent: Vec<(String, String)>,
    /// Tests that call it, and the database that they run on.
    tests: Option<(String, server::Database)>,
}

/// An extension that the case requires and the server has not.
fn missing<'c>(server: &Server, case: &'c Case) -> Option<&'c str> {
    let titles = case.sections.iter().map(|(title, _)| title);
    let mut required = titles
        .filter_map(|title| title.strip_prefix("requires "))
        .peekable();
    required.peek()?;
    let scratch = server.load(&[], &[]).ok()?;
    let mut connection = scratch.connect().ok()?;
    required.find(|extension| {
        let sql = format!("SELECT 1 FROM pg_available_extensions WHERE name = '{extension}'");
        let rows = connection.simple(&sql).unwrap();
        rows.iter().all(|result| result.rows.is_empty())
    })
}

fn run(server: &Server, case: &Case) -> Outcome {
    let mut sources = Sources::default();
    let mut queries: Vec<QueryFile> = Vec::new();
    let mut schema_file: Option<FileId> = None;
    let mut settings = Config::default();
    let mut found = Vec::new();
    for (title, text) in &case.sections {
        let words: Vec<&str> = title.split_whitespace().collect();
        match words.as_slice() {
            ["schema"] => schema_file = Some(sources.add("schema.sql", text.as_str())),
            ["sqlmill.toml"] => {
                let file = sources.add("sqlmill.toml", text.as_str());
                let (parsed, diagnostics) = config::parse(&sources, file);
                settings = parsed;
                found.extend(diagnostics);
            }
            ["queries"] | ["queries", _] => {
                let module = words.get(1).copied().unwrap_or("users");
                let count = queries
                    .iter()
                    .filter(|query| query.module == module)
                    .count();
                let path = if count == 0 {
                    format!("queries/{module}.sql")
                } else {
                    format!("queries/{module}/{count}.sql")
                };
                let file = sources.add(path, text.as_str());
                queries.push(QueryFile {
                    file,
                    module: module.to_owned(),
                });
            }
            ["requires", _] => {}
            _ => panic!("{}: unknown section `{title}`", case.name),
        }
    }
    let schema_file = schema_file.unwrap_or_else(|| sources.add("schema.sql", ""));
    let (statements, diagnostics) = schema::split(&sources, schema_file);
    found.extend(diagnostics);
    let parsed = parse(&sources, &queries);
    let scratch = match server.load(&statements, &settings.search_path) {
        Ok(scratch) => scratch,
        Err(server::Error::Schema(diagnostics)) => {
            found.extend(diagnostics);
            return Outcome {
                files: None,
                findings: render::human(&sources, &found, false),
                scratch: None,
                sent: Vec::new(),
            };
        }
        Err(error) => panic!("{}: {error}", case.name),
    };
    let mut connection = scratch.connect().unwrap();
    let compiled = compile(&sources, &settings, parsed, &mut connection, &Rules::all()).unwrap();
    let sent = compiled.texts_sent().into_iter();
    let mut sent: Vec<(String, String)> =
        sent.map(|(name, text)| (name, text.to_owned())).collect();
    sent.sort();
    found.extend(compiled.diagnostics);
    Outcome {
        files: compiled.output,
        findings: render::human(&sources, &found, false),
        scratch: Some(scratch),
        sent,
    }
}

/// The modules, types and tables in one text; the root and the rest only where a case is about them.
fn shown(case: &Case, files: &Files) -> String {
    let mut out = String::new();
    for (path, text) in files {
        let wanted = match path.as_str() {
            "Cargo.toml" => false,
            "src/lib.rs" => case.name.starts_with("root/"),
            "manifest.json" => case.name.starts_with("manifest/"),
            "src/types.rs" => {
                text.contains("pub enum")
                    || text.contains("pub struct")
                    || text.contains("pub type")
            }
            _ => true,
        };
        if wanted {
            if !out.is_empty() {
                out.push('\n');
            }
            write!(out, "// ==== {path}\n{text}").unwrap();
        }
    }
    out
}

/// Compares a text with the file, or writes it. Returns what differs.
fn expect(path: &Path, actual: Option<&str>) -> Option<String> {
    let expected = fs::read_to_string(path).ok();
    let actual = actual.filter(|text| !text.is_empty());
    if expected.as_deref() == actual {
        return None;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        match actual {
            Some(actual) => fs::write(path, actual).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        return None;
    }
    let (expected, actual) = (expected.unwrap_or_default(), actual.unwrap_or_default());
    let first = expected
        .lines()
        .zip(actual.lines())
        .position(|(a, b)| a != b);
    let line = first.unwrap_or_else(|| expected.lines().count().min(actual.lines().count()));
    let context = |text: &str| {
        text.lines()
            .skip(line)
            .take(6)
            .collect::<Vec<_>>()
            .join("\n    ")
    };
    Some(format!(
        "{} differs from line {}:\n  expected\n    {}\n  came\n    {}",
        path.display(),
        line + 1,
        context(&expected),
        context(actual)
    ))
}

/// All cases, then all that was emitted, compiled: as one crate, so that it takes one run of the compiler.
#[test]
fn every_case_gives_what_lies_beside_it_and_compiles() {
    let options = Options {
        cache: target().join("sqlmill"),
        ..Options::default()
    };
    let server = Server::start(&options).unwrap();
    let mut failures = Vec::new();
    let mut emitted: BTreeMap<String, Emitted> = BTreeMap::new();
    for case in cases() {
        if let Some(extension) = missing(&server, &case) {
            println!("{} is left out: the server has no `{extension}`", case.name);
            continue;
        }
        let outcome = run(&server, &case);
        let text = outcome.files.as_ref().map(|files| shown(&case, files));
        failures.extend(expect(&case.path.with_extension("rs"), text.as_deref()));
        failures.extend(expect(
            &case.path.with_extension("stderr"),
            Some(&outcome.findings),
        ));
        if let Some(files) = outcome.files {
            let manifest = &files["manifest.json"];
            let read = Manifest::read(manifest).unwrap();
            assert_eq!(
                read.text(),
                *manifest,
                "{}: the manifest does not survive reading",
                case.name
            );
            let tests = fs::read_to_string(case.path.with_extension("test.rs")).ok();
            let tests = tests.map(|text| {
                let database = outcome.scratch.as_ref().unwrap().fresh_database();
                (text, database.unwrap())
            });
            let author = fs::read_to_string(case.path.with_extension("author.rs")).ok();
            let emission = Emitted {
                files,
                author,
                sent: outcome.sent,
                tests,
            };
            emitted.insert(case.name.replace(['/', '-'], "_"), emission);
        }
    }
    assert!(
        failures.is_empty(),
        "{}\n\nUPDATE_EXPECT=1 accepts what came",
        failures.join("\n\n")
    );
    if std::env::var_os("UPDATE_EXPECT").is_none() || std::env::var_os("CASE").is_none() {
        formatted(&emitted);
        compiled(&emitted);
    }
}

/// rustfmt would change nothing.
fn formatted(emitted: &BTreeMap<String, Emitted>) {
    let root = target().join("formatted");
    let _ = fs::remove_dir_all(&root);
    let mut roots = Vec::new();
    for (name, Emitted { files, .. }) in emitted {
        for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".rs")) {
            let full = root.join(name).join(path);
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            fs::write(&full, text).unwrap();
            if path == "src/lib.rs" {
                roots.push(full);
            }
        }
    }
    let output = Command::new("rustfmt")
        .args([
            "--check",
            "--edition",
            "2024",
            "--style-edition",
            "2024",
            "--config",
            "newline_style=Unix",
        ])
        .args(&roots)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "rustfmt would change\n{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

/// clippy and rustdoc have nothing to say of it, beyond what the cases' authors wrote themselves.
fn compiled(emitted: &BTreeMap<String, Emitted>) {
    let root = target().join("compiled");
    let source = root.join("src");
    let _ = fs::remove_dir_all(&source);
    fs::create_dir_all(&source).unwrap();
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../runtime")
        .canonicalize()
        .unwrap();
    fs::write(
        root.join("Cargo.toml"),
        format!(
            "[package]\nname = \"cases\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
             [dependencies]\nsqlmill-runtime = {{ path = {runtime:?}, features = [\"schemars\", \"serde\", \"utoipa\"] }}\n\
             schemars = {{ version = \"1\", default-features = false, features = [\"derive\", \"std\"] }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n\
             utoipa = {{ version = \"6\", features = [\"decimal\", \"jiff_0_2\", \"uuid\"] }}\n\n\
             [dev-dependencies]\nserde_json = {{ version = \"1\", default-features = false, features = [\"std\"] }}\n\
             tokio = {{ version = \"1\", default-features = false, features = [\"macros\", \"rt\"] }}\n\n\
             [lints.rust]\nwarnings = \"deny\"\nunsafe_code = \"forbid\"\nmissing_debug_implementations = \"warn\"\n\
             unreachable_pub = \"warn\"\nunused_qualifications = \"warn\"\n\n[lints.rustdoc]\nall = \"deny\"\n\n\
             [lints.clippy]\nall = \"deny\"\n\n[workspace]\n"
        ),
    )
    .unwrap();
    // The workspace's lock file, so that nothing is looked up.
    fs::copy(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"),
        root.join("Cargo.lock"),
    )
    .unwrap();
    let mut lib = String::from("//! What all cases emit.\n");
    let mut databases = Vec::new();
    for (name, emission) in emitted {
        let Emitted {
            files,
            author,
            sent,
            tests,
        } = emission;
        writeln!(lib, "\npub mod {name};").unwrap();
        for (path, text) in files {
            let Some(path) = path.strip_prefix("src/") else {
                continue;
            };
            let path = if path == "lib.rs" { "mod.rs" } else { path };
            let full = source.join(name).join(path);
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            // Each case is a crate of its own, here a module.
            let mut text = text.replace("crate::", &format!("crate::{name}::"));
            if path == "mod.rs" && author.is_some() {
                text.push_str("\npub mod author;\n");
            }
            if path == "mod.rs" {
                text.push_str("\n#[cfg(test)]\nmod sent;\n");
            }
            if path == "mod.rs" && tests.is_some() {
                text.push_str("\n#[cfg(test)]\nmod test;\n");
            }
            fs::write(full, text).unwrap();
        }
        fs::write(source.join(name).join("sent.rs"), same_texts(sent)).unwrap();
        if let Some(text) = author {
            fs::write(source.join(name).join("author.rs"), text).unwrap();
        }
        if let Some((text, database)) = tests {
            fs::write(source.join(name).join("test.rs"), text).unwrap();
            databases.push((format!("CASE_{name}"), address(database.target())));
        }
    }
    if !databases.is_empty() {
        lib.push_str(
        "\n#[cfg(test)]\nmod database {\n    pub(crate) async fn of(case: &str) -> sqlmill_runtime::Database {\n        \
         connect(sqlmill_runtime::Database::builder(), case).await\n    }\n\n    \
         pub(crate) async fn connect(builder: sqlmill_runtime::Builder, case: &str) -> sqlmill_runtime::Database {\n        \
         let address = std::env::var(format!(\"CASE_{case}\")).unwrap();\n        \
         builder.connect(&address).await.unwrap()\n    }\n}\n",
    );
    }
    fs::write(source.join("lib.rs"), lib).unwrap();
    for (command, flags) in [
        ("clippy", &["--all-targets"][..]),
        ("doc", &["--no-deps"][..]),
        ("test", &["--lib"][..]),
    ] {
        let output = Command::new(env!("CARGO"))
            .arg(command)
            .args(flags)
            .args(["--offline", "--quiet", "--manifest-path"])
            .arg(root.join("Cargo.toml"))
            .env("CARGO_TARGET_DIR", target().join("build"))
            .envs(databases.iter().map(|(name, address)| (name, address)))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "cargo {command}:\n{}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        if command == "test" {
            let summary = text(&output.stdout);
            let passed = summary
                .split_once("test result: ok. ")
                .and_then(|(_, rest)| rest.split(' ').next()?.parse::<usize>().ok());
            assert!(
                passed >= Some(databases.len()),
                "{} files of tests, and {summary}",
                databases.len()
            );
        }
    }
}

/// A test that the texts which the runtime joins are, byte for byte, those that the server was shown.
fn same_texts(checked: &[(String, String)]) -> String {
    let mut test = String::from(
        "#[test]\nfn the_texts_that_are_sent_are_those_that_were_checked() {\n    let mut sent = super::texts_sent();\n    \
         sent.sort_unstable();\n    let checked: &[(&str, &str)] = &[\n",
    );
    for text in checked {
        writeln!(test, "        {text:?},").unwrap();
    }
    test.push_str(
        "    ];\n    for (sent, checked) in sent.iter().zip(checked) {\n        assert_eq!(sent, checked);\n    }\n    \
         assert_eq!(sent.len(), checked.len());\n}\n",
    );
    test
}

/// As libpq takes it.
fn address(target: &Target) -> String {
    let host = match &target.address {
        Address::Host(host) => host.clone(),
        Address::SocketDirectory(path) => path.display().to_string(),
    };
    format!(
        "host='{host}' port={} user={} dbname={}",
        target.port, target.user, target.database
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
