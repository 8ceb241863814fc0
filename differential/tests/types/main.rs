//! The same SQL through Cornucopia and through sqlmill gives the same Rust types, wherever Cornucopia gives any.
//!
//! The SQL is this repository's own queries and the cases of the compiler's tests, one query at a time. What differs stands in
//! `differences.toml`, with its reason; what differs and does not stand there fails, and what stands there and does not differ.

mod rust;
mod theirs;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use heck::ToUpperCamelCase as _;
use serde::Deserialize;
use sqlmill::config;
use sqlmill::manifest::Manifest;
use sqlmill::parse::syntax::ParsedFile;
use sqlmill::project::QueryFile;
use sqlmill::prove::Rules;
use sqlmill::server::{Options, Scratch, Server};
use sqlmill::source::Sources;
use sqlmill::wire::Address;
use sqlmill::{compile, parse, schema};

use rust::Type;

/// `differences.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Differences {
    /// Types that differ, wherever they occur.
    #[serde(rename = "type")]
    types: Vec<TypeDifference>,
    /// What Cornucopia does not generate.
    refused: Vec<Refused>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeDifference {
    cornucopia: String,
    sqlmill: String,
    #[expect(dead_code, reason = "for people")]
    why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    /// Part of what it says.
    error: String,
    /// Only of this query: `types/every::all`.
    query: Option<String>,
    #[expect(dead_code, reason = "for people")]
    why: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A schema, and queries by module.
struct Project {
    name: String,
    schema: String,
    queries: Vec<(String, String)>,
    /// `sqlmill.toml`
    settings: String,
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below a directory, in order.
fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn own() -> Project {
    let queries = root().join("queries");
    let module = |path: &Path| {
        let inner = path.strip_prefix(&queries).unwrap().with_extension("");
        inner.iter().next().unwrap().to_string_lossy().into_owned()
    };
    Project {
        name: "queries".to_owned(),
        schema: read(&root().join("schema.sql")),
        queries: files(&queries, "sql")
            .iter()
            .map(|path| (module(path), read(path)))
            .collect(),
        settings: read(&root().join("sqlmill.toml")),
    }
}

/// Cases that generate, and say nothing of types in a `sqlmill.toml`.
fn cases(directory: &Path) -> Vec<Project> {
    let mut projects = Vec::new();
    for path in files(directory, "sql") {
        let text = read(&path);
        let configured = text
            .split_once("-- ==== sqlmill.toml")
            .is_some_and(|(_, settings)| {
                settings
                    .lines()
                    .any(|line| !line.is_empty() && line != "compat = \"cornucopia\"")
            });
        let refused = path.with_extension("stderr").exists() && !path.with_extension("rs").exists();
        if configured || refused || text.contains("-- ==== requires ") {
            continue;
        }
        let name = path.with_extension("");
        let mut project = Project {
            name: name
                .strip_prefix(directory)
                .unwrap()
                .to_string_lossy()
                .into_owned(),
            schema: String::new(),
            queries: Vec::new(),
            settings: "compat = \"cornucopia\"\n".to_owned(),
        };
        for section in text.split("-- ==== ").skip(1) {
            let (title, body) = section.split_once('\n').unwrap_or((section, ""));
            match title.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["schema"] => body.clone_into(&mut project.schema),
                ["queries"] => project.queries.push(("users".to_owned(), body.to_owned())),
                ["queries", module] => project
                    .queries
                    .push(((*module).to_owned(), body.to_owned())),
                _ => {}
            }
        }
        projects.push(project);
    }
    projects
}

/// The database that holds a project's schema, what sqlmill made of it, and each query as a file of its own for Cornucopia.
struct Ours {
    scratch: Scratch,
    manifest: Manifest,
    /// What is emitted for the types of the schema.
    types: String,
    /// By module and name.
    texts: BTreeMap<(String, String), String>,
}

fn ours(server: &Server, project: &Project) -> Ours {
    let mut sources = Sources::default();
    let schema_file = sources.add("schema.sql", project.schema.as_str());
    let (statements, _) = schema::split(&sources, schema_file);
    let scratch = server
        .load(&statements, &[])
        .unwrap_or_else(|error| panic!("{}: {error}", project.name));
    let queries: Vec<QueryFile> = project
        .queries
        .iter()
        .enumerate()
        .map(|(index, (module, text))| QueryFile {
            file: sources.add(format!("queries/{module}/{index}.sql"), text.as_str()),
            module: module.clone(),
        })
        .collect();
    // Cornucopia's dates and times are chrono's.
    let settings = format!("date_time = \"chrono\"\n{}", project.settings);
    let settings = sources.add("sqlmill.toml", settings);
    let (config, _) = config::parse(&sources, settings);
    let parsed = parse(&sources, &queries);
    let mut texts = BTreeMap::new();
    for file in &parsed.files {
        texts.extend(alone(&sources, file));
    }
    let mut connection = scratch.connect().unwrap();
    let compiled = compile(&sources, &config, parsed, &mut connection, &Rules::all()).unwrap();
    let output = compiled
        .output
        .unwrap_or_else(|| panic!("{}: {:#?}", project.name, compiled.diagnostics));
    Ours {
        scratch,
        manifest: Manifest::read(&output["manifest.json"]).unwrap(),
        types: output.get("src/types.rs").cloned().unwrap_or_default(),
        texts,
    }
}

/// From its `--!` line to the end of its statement, below the `--:` lines of its file.
fn alone(sources: &Sources, file: &ParsedFile) -> Vec<((String, String), String)> {
    let text = sources.get(file.file).text.as_str();
    let types: String = text
        .lines()
        .filter(|line| line.trim_start().starts_with("--:"))
        .map(|line| format!("{line}\n"))
        .collect();
    let queries = file.queries.iter().map(|query| {
        let name = query.name.span.range();
        let start = text[..name.start].rfind("--!").unwrap();
        let end = query.statement.span.range().end;
        let key = (file.module.clone(), query.name.value.clone());
        (key, format!("{types}{};\n", &text[start..end]))
    });
    queries.collect()
}

/// What the runtime calls a type of another crate, and what the manifest calls a type of the schema.
fn aliases(ours: &Ours) -> BTreeMap<String, Type> {
    const NAMES: [(&str, &str); 9] = [
        ("Uuid", "uuid::Uuid"),
        ("Decimal", "rust_decimal::Decimal"),
        ("Value", "serde_json::Value"),
        ("IpAddr", "std::net::IpAddr"),
        (
            "sqlmill_runtime::types::chrono::Timestamp",
            "chrono::DateTime<chrono::Utc>",
        ),
        (
            "sqlmill_runtime::types::chrono::DateTime",
            "chrono::NaiveDateTime",
        ),
        ("sqlmill_runtime::types::chrono::Date", "chrono::NaiveDate"),
        ("sqlmill_runtime::types::chrono::Time", "chrono::NaiveTime"),
        ("bytes", "Vec<u8>"),
    ];
    let mut names: BTreeMap<String, Type> = NAMES
        .iter()
        .map(|(ours, path)| ((*ours).to_owned(), Type::read(path)))
        .collect();
    for ty in &ours.manifest.types {
        let meant = format!("schema::{}", ty.name.to_upper_camel_case());
        names.insert(ty.rust.clone(), Type::read(&meant));
    }
    // Domains, which may lie over each other.
    let domains: Vec<(String, Type)> = ours
        .types
        .split("pub type ")
        .skip(1)
        .filter_map(|part| part.split_once(';')?.0.split_once(" = "))
        .map(|(name, base)| (name.to_owned(), Type::read(base)))
        .collect();
    for _ in &domains {
        for (name, base) in &domains {
            names.insert(name.clone(), base.renamed(&names));
        }
    }
    names
}

/// `crate::types::Mood`, `crate::types::vault::Mood` and `super::PairParams` are types of the schema.
fn schema_types(manifest: &Manifest) -> BTreeMap<String, Type> {
    let mut names = BTreeMap::new();
    for ty in &manifest.types {
        let name = ty.name.to_upper_camel_case();
        let meant = Type::read(&format!("schema::{name}"));
        for path in ["crate::types::", "super::types::", "types::", "super::", ""] {
            for schema in [String::new(), format!("{}::", ty.schema)] {
                for view in ["", "Params", "Borrowed"] {
                    names.insert(format!("{path}{schema}{name}{view}"), meant.clone());
                }
            }
        }
    }
    names
}

fn connect(runtime: &tokio::runtime::Runtime, scratch: &Scratch) -> tokio_postgres::Client {
    let target = scratch.target();
    let mut config = tokio_postgres::Config::new();
    config
        .user(&target.user)
        .dbname(&target.database)
        .port(target.port);
    match &target.address {
        Address::Host(host) => config.host(host),
        Address::SocketDirectory(directory) => config.host_path(directory),
    };
    let (client, connection) = runtime
        .block_on(config.connect(tokio_postgres::NoTls))
        .unwrap();
    runtime.spawn(connection);
    client
}

#[test]
fn types_are_the_same() {
    let listed: Differences = toml::from_str(&read(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("differences.toml"),
    ))
    .unwrap();
    let mut types: BTreeMap<(Type, Type), bool> = BTreeMap::new();
    for found in &listed.types {
        types.insert(
            (Type::read(&found.cornucopia), Type::read(&found.sqlmill)),
            false,
        );
    }
    let mut refused = vec![false; listed.refused.len()];
    let mut faults: BTreeSet<String> = BTreeSet::new();
    let (mut compared, mut values, mut unsupported, mut unread) = (0, 0, 0, 0);

    let cache = root().join("target/sqlmill");
    let server = Server::start(&Options {
        cache,
        ..Options::default()
    })
    .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential");
    let mut projects = vec![own()];
    projects.extend(cases(&root().join("codegen/tests/cases")));
    projects.extend(cases(&root().join("differential/cases")));
    for project in &projects {
        let ours = ours(&server, project);
        let client = connect(&runtime, &ours.scratch);
        let names = aliases(&ours);
        let ours_types = schema_types(&ours.manifest);
        for query in &ours.manifest.queries {
            let place = format!("{}::{}::{}", project.name, query.module, query.name);
            let text = &ours.texts[&(query.module.clone(), query.name.clone())];
            let theirs = match theirs::generate(&client, &directory, text) {
                Ok(theirs) => theirs,
                // It gives no type then.
                Err(error) if error.contains("Couldn't register SQL type") => {
                    unsupported += 1;
                    continue;
                }
                Err(error) => {
                    let known = listed.refused.iter().position(|refused| {
                        error.contains(&refused.error)
                            && refused.query.as_ref().is_none_or(|query| place == *query)
                    });
                    match known {
                        Some(index) => refused[index] = true,
                        None => {
                            drop(faults.insert(format!("{place}: Cornucopia refuses it: {error}")))
                        }
                    }
                    unread += 1;
                    continue;
                }
            };
            compared += 1;
            let mut check = |what: &str, ours: &str, theirs: &Type| {
                values += 1;
                let ours = Type::read(ours).renamed(&names);
                let theirs = theirs.renamed(&ours_types);
                if ours == theirs {
                    return;
                }
                match differ(&theirs, &ours, &mut types) {
                    true => {}
                    false => drop(faults.insert(format!(
                        "{place}: {what}: Cornucopia has `{theirs}`, sqlmill `{ours}`"
                    ))),
                }
            };
            let columns = query.columns.iter().zip(&theirs.columns);
            for (ours, theirs) in columns {
                check(&ours.name, &ours.rust, theirs);
            }
            for (ours, (name, theirs)) in query.params.iter().zip(&theirs.params) {
                check(name, &ours.rust, theirs);
            }
            for ours in &ours.manifest.types {
                let fields = theirs.composites.get(&ours.name.to_upper_camel_case());
                for (ours, theirs) in ours.fields.iter().zip(fields.into_iter().flatten()) {
                    check(&ours.name, &ours.rust, theirs);
                }
            }
            if query.columns.len() != theirs.columns.len()
                || query.params.len() != theirs.params.len()
            {
                faults.insert(format!(
                    "{place}: another number of columns or parameters: {theirs:?}"
                ));
            }
        }
    }
    for ((theirs, ours), seen) in &types {
        if !seen {
            faults.insert(format!(
                "listed, and no longer so: Cornucopia has `{theirs}`, sqlmill `{ours}`"
            ));
        }
    }
    for (found, seen) in listed.refused.iter().zip(&refused) {
        if !seen {
            faults.insert(format!(
                "listed, and no longer refused: {} {:?}",
                found.error, found.query
            ));
        }
    }
    println!(
        "{compared} queries with {values} types are compared; of {unread} Cornucopia reads none, of {unsupported} it has no type"
    );
    assert!(faults.is_empty(), "{:#?}", faults);
    assert!(compared > 150, "{compared}");
}

/// Are two types the same but for listed differences? Those are marked as seen.
fn differ(theirs: &Type, ours: &Type, listed: &mut BTreeMap<(Type, Type), bool>) -> bool {
    if theirs == ours {
        return true;
    }
    if let Some(seen) = listed.get_mut(&(theirs.clone(), ours.clone())) {
        *seen = true;
        return true;
    }
    theirs.name == ours.name
        && theirs.args.len() == ours.args.len()
        && !ours.args.is_empty()
        && theirs
            .args
            .iter()
            .zip(&ours.args)
            .all(|(theirs, ours)| differ(theirs, ours, listed))
}
