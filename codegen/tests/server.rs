//! The scratch server, tried on real servers.

#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use sqlmill::server::{Error, Options, SchemaStatement, Server, scratch};
use sqlmill::source::{Sources, Span};

/// A directory that is removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sqlmill-test-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    fn options(&self) -> Options {
        Options {
            cache: self.0.join("cache"),
            ..Options::default()
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The schema as the splitter gives it, one statement a line.
fn statements<'a>(sources: &mut Sources, lines: &'a [&'a str]) -> Vec<SchemaStatement<'a>> {
    let file = sources.add("schema.sql", lines.join("\n"));
    let mut start = 0;
    lines
        .iter()
        .map(|line| {
            let span = Span::new(file, start..start + line.len());
            start += line.len() + 1;
            SchemaStatement { value: line, span }
        })
        .collect()
}

/// Processes that have `text` among their arguments.
fn processes_with(text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(number) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(text) {
            found.push(number);
        }
    }
    found
}

fn first(connection: &mut sqlmill::wire::Connection, sql: &str) -> String {
    let rows = connection.simple(sql).unwrap();
    rows[0].first().unwrap_or("NULL").to_owned()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn a_schema_is_loaded_kept_and_cloned_and_nothing_runs_afterwards() {
    let directory = Temporary::new("basic");
    let mut sources = Sources::default();
    let schema = statements(
        &mut sources,
        &[
            "CREATE TABLE users (id int PRIMARY KEY, email text)",
            "ALTER TABLE users OWNER TO application",
            "CREATE ROLE reader",
            "GRANT SELECT ON users TO reader, \"Odd \"\"Role\"",
        ],
    );
    for run in 0..2 {
        let begun = Instant::now();
        let scratch = scratch(&directory.options(), &schema).unwrap();
        let mut connection = scratch.connect().unwrap();
        eprintln!("run {run}: {:?}", begun.elapsed());
        assert_eq!(first(&mut connection, "SELECT count(*) FROM users"), "0");
        assert_eq!(
            first(
                &mut connection,
                "SELECT tableowner FROM pg_tables WHERE tablename = 'users'"
            ),
            "application"
        );

        let one = scratch.fresh_database().unwrap();
        let two = scratch.fresh_database().unwrap();
        let mut writer = one.connect().unwrap();
        writer.simple("INSERT INTO users VALUES (1, 'a')").unwrap();
        assert_eq!(first(&mut writer, "SELECT count(*) FROM users"), "1");
        let mut other = two.connect().unwrap();
        assert_eq!(first(&mut other, "SELECT count(*) FROM users"), "0");
        drop((one, two));
        assert_eq!(
            first(
                &mut connection,
                "SELECT count(*) FROM pg_database WHERE datname LIKE 'fresh%'"
            ),
            "0"
        );
        assert!(!processes_with(&text(&directory.0)).is_empty());
        drop(connection);
        let begun = Instant::now();
        drop(scratch);
        eprintln!("stop {run}: {:?}", begun.elapsed());
        assert_eq!(processes_with(&text(&directory.0)), Vec::<u32>::new());
    }
}

#[test]
fn two_servers_at_once_have_data_of_their_own() {
    let directory = Temporary::new("two");
    let one = Server::start(&directory.options()).unwrap();
    let two = Server::start(&directory.options()).unwrap();
    let in_one = one.load(&[]).unwrap();
    let in_two = two.load(&[]).unwrap();
    assert_ne!(in_one.target().address, in_two.target().address);
    let mut connection = in_one.connect().unwrap();
    connection.simple("CREATE DATABASE only_in_one").unwrap();
    let mut connection = in_two.connect().unwrap();
    assert_eq!(
        first(
            &mut connection,
            "SELECT count(*) FROM pg_database WHERE datname = 'only_in_one'"
        ),
        "0"
    );
}

#[test]
fn a_fault_in_the_schema_is_shown_where_the_author_wrote_it() {
    let directory = Temporary::new("fault");
    let mut sources = Sources::default();
    let schema = statements(
        &mut sources,
        &[
            "CREATE TABLE é (id int)",
            "CREATE TABLE posts (id int, \"é\" text, author uuidd)",
            "CREATE INDEX ON posts (author)",
        ],
    );
    let Err(Error::Schema(faults)) = scratch(&directory.options(), &schema) else {
        panic!("it loaded");
    };
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].message, "type \"uuidd\" does not exist");
    assert_eq!(sources.text(faults[0].span.unwrap()), "uuidd");
    assert_eq!(sources.position(faults[0].span.unwrap()).line, 2);
}

#[test]
fn timing() {
    let directory = Temporary::new("timing");
    let scratch = scratch(&directory.options(), &[]).unwrap();
    let mut connection = scratch.connect().unwrap();
    for _ in 0..4 {
        let begun = Instant::now();
        let catalog = sqlmill::catalog::read::read(&mut connection).unwrap();
        eprintln!(
            "{:?} {} {} {} {} {} {}",
            begun.elapsed(),
            catalog.functions.len(),
            catalog.types.len(),
            catalog.relations.len(),
            catalog.operators.len(),
            catalog.indexes.len(),
            catalog.constraints.len()
        );
        for sql in ["select 1"] {
            let b = Instant::now();
            connection.simple(sql).unwrap();
            eprintln!("{sql} {:?}", b.elapsed());
        }
    }
}
