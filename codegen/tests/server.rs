//! The scratch server, tried on real servers.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says that it failed by panicking"
)]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use sqlmill::server::{Error, Options, SchemaStatement, Server, developer, scratch};
use sqlmill::source::{Sources, Span};

/// A directory that is removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sqlmill-test-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
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

/// Clusters that tests share, each in a slot of its own, and that later runs find made.
fn shared_options() -> Options {
    Options {
        cache: Path::new(env!("CARGO_TARGET_TMPDIR")).join("clusters"),
        ..Options::default()
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
        let scratch = scratch(&directory.options(), &schema, &[]).unwrap();
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
    let one = Server::start(&shared_options()).unwrap();
    let two = Server::start(&shared_options()).unwrap();
    let in_one = one.load(&[], &[]).unwrap();
    let in_two = two.load(&[], &[]).unwrap();
    assert_ne!(in_one.target().address, in_two.target().address);
    let mut connection = in_one.connect().unwrap();
    connection
        .simple("DROP DATABASE IF EXISTS only_in_one")
        .unwrap();
    connection.simple("CREATE DATABASE only_in_one").unwrap();
    let mut connection = in_two.connect().unwrap();
    assert_eq!(
        first(
            &mut connection,
            "SELECT count(*) FROM pg_database WHERE datname = 'only_in_one'"
        ),
        "0"
    );
    drop(connection);
    let mut connection = in_one.connect().unwrap();
    connection.simple("DROP DATABASE only_in_one").unwrap();
}

#[test]
fn a_fault_in_the_schema_is_shown_where_the_author_wrote_it() {
    let mut sources = Sources::default();
    let schema = statements(
        &mut sources,
        &[
            "CREATE TABLE é (id int)",
            "CREATE TABLE posts (id int, \"é\" text, author uuidd)",
            "CREATE INDEX ON posts (author)",
            "CREATE FUNCTION newest() RETURNS posts LANGUAGE sql AS 'SELECT * FROM posts LIMIT 1'",
            "CREATE VIEW one AS SELECT newest()",
            "CREATE TABLE tags (id int, by uuidd)",
            "CREAT TABLE x (id int)",
            "CREATE TABLE fine (id int REFERENCES nobody)",
        ],
    );
    let Err(Error::Schema(faults)) = scratch(&shared_options(), &schema, &[]) else {
        panic!("it loaded");
    };
    // What fails for want of a table that failed is not told; a second slip is, even if it is the same one.
    let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "type \"uuidd\" does not exist",
            "type \"uuidd\" does not exist",
            "syntax error at or near \"CREAT\"",
            "relation \"nobody\" does not exist",
        ]
    );
    assert_eq!(
        faults[3].notes,
        ["3 other statements failed too, perhaps only for want of what failed before"]
    );
    assert_eq!(faults[0].message, "type \"uuidd\" does not exist");
    assert_eq!(sources.text(faults[0].span.unwrap()), "uuidd");
    assert_eq!(sources.position(faults[0].span.unwrap()).line, 2);
}

#[test]
fn a_transaction_that_fails_is_told_once_and_a_schema_of_faults_does_not_flood() {
    let mut sources = Sources::default();
    let mut lines = vec![
        "BEGIN",
        "CREATE TABLE a (id nothing)",
        "CREATE TABLE b (id int)",
        "COMMIT",
    ];
    let many: Vec<String> = (0..30)
        .map(|number| format!("CREATE TABLE t{number} (id missing{number})"))
        .collect();
    let schema = statements(&mut sources, &lines);
    let Err(Error::Schema(faults)) = scratch(&shared_options(), &schema, &[]) else {
        panic!("it loaded");
    };
    assert_eq!(faults.len(), 1);
    lines.extend(many.iter().map(String::as_str));
    let mut sources = Sources::default();
    let schema = statements(&mut sources, &lines);
    let Err(Error::Schema(faults)) = scratch(&shared_options(), &schema, &[]) else {
        panic!("it loaded");
    };
    assert_eq!(faults.len(), 20);
    assert!(faults[19].notes[0].starts_with("12 other statements failed"));
}

#[test]
fn a_transaction_that_nothing_ends_is_told_where_it_begins() {
    for (lines, open) in [
        (
            &[
                "CREATE TABLE a (id int)",
                "begin",
                "CREATE TABLE b (id int)",
            ][..],
            true,
        ),
        (
            &[
                "BEGIN",
                "CREATE TABLE a (id int)",
                "COMMIT",
                "CREATE TABLE b (id int)",
            ],
            false,
        ),
    ] {
        let mut sources = Sources::default();
        let schema = statements(&mut sources, lines);
        let loaded = scratch(&shared_options(), &schema, &[]);
        if open {
            let Err(Error::Schema(faults)) = loaded else {
                panic!("it loaded");
            };
            assert_eq!(faults.len(), 1);
            assert_eq!(sources.text(faults[0].span.unwrap()), "begin");
        } else {
            assert!(loaded.is_ok());
        }
    }
}

/// What a test runs in a process of its own, to be ended in some way: the test program starts itself again, for this
/// "test" alone. Without the variable it does nothing.
#[test]
fn in_a_process_of_its_own() {
    let Ok(mode) = std::env::var("SQLMILL_TEST_MODE") else {
        return;
    };
    let options = Options {
        cache: std::env::var_os("SQLMILL_TEST_CACHE").unwrap().into(),
        url: std::env::var("SQLMILL_TEST_URL").ok(),
        ..Options::default()
    };
    let mut sources = Sources::default();
    let schema = statements(&mut sources, &["CREATE TABLE t (id int PRIMARY KEY)"]);
    match mode.as_str() {
        "db start" => {
            let schema = statements(&mut sources, &SHOP);
            developer::start(&options, &schema, &["shop".to_owned()]).unwrap();
            println!("ready");
            return;
        }
        "db psql" => {
            let arguments = [
                "-Xqt",
                "-c",
                "SELECT 'counted ' || count(*) FROM t",
                "-c",
                "\\echo ready",
            ];
            developer::psql(&options, &arguments.map(str::to_owned)).unwrap();
            unreachable!("psql has taken the place of this process");
        }
        _ => {}
    }
    let begun = Instant::now();
    let scratch = scratch(&options, &schema, &[]).unwrap();
    let mut connection = scratch.connect().unwrap();
    assert_eq!(first(&mut connection, "SELECT count(*) FROM t"), "0");
    eprintln!("{:?}", begun.elapsed());
    println!("address {:?}", scratch.target().address);
    println!("database {}", scratch.target().database);
    println!("data {}", first(&mut connection, "SHOW data_directory"));
    println!("ready");
    match mode.as_str() {
        "wait" => std::thread::sleep(Duration::from_secs(60)),
        "panic" => panic!("as a test wants it"),
        "exit" => std::process::exit(3),
        _ => {}
    }
}

/// The process above, once it is ready.
struct Other {
    child: Child,
    said: Vec<String>,
}

impl Other {
    fn command(mode: &str, cache: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["in_a_process_of_its_own", "--exact", "--nocapture"])
            .env("SQLMILL_TEST_MODE", mode)
            .env("SQLMILL_TEST_CACHE", cache)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut said = Vec::new();
        for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
            let line = line.unwrap();
            if line == "ready" {
                return Self { child, said };
            }
            said.push(line);
        }
        child.wait().unwrap();
        let mut errors = String::new();
        child.stderr.unwrap().read_to_string(&mut errors).unwrap();
        panic!("it was never ready: {said:?}\n{errors}");
    }

    fn value(&self, name: &str) -> String {
        self.said
            .iter()
            .find_map(|line| {
                // The test harness prints the test's name before its first line.
                let (_, rest) = line.split_once(name)?;
                rest.strip_prefix(' ')
            })
            .unwrap()
            .to_owned()
    }

    fn socket_directory(&self) -> PathBuf {
        let shown = self.value("address");
        let (_, rest) = shown.split_once('"').unwrap();
        PathBuf::from(rest.split_once('"').unwrap().0)
    }

    fn signal(&self, signal: Signal) {
        kill_process(pid(self.child.id()), signal).unwrap();
    }
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}

fn within(patience: Duration, what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < patience,
            "not within {patience:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn nothing_runs_after_the_process_however_it_ends() {
    let directory = Temporary::new("endings");
    let cache = directory.0.join("cache");
    let runs = || !processes_with(&text(&directory.0)).is_empty();
    for (mode, signal) in [
        ("wait", Some(Signal::KILL)),
        ("wait", Some(Signal::TERM)),
        ("wait", Some(Signal::INT)),
        ("panic", None),
        ("exit", None),
    ] {
        let mut other = Other::start(&mut Other::command(mode, &cache));
        let socket = other.socket_directory();
        if let Some(signal) = signal {
            assert!(runs());
            assert!(socket.exists());
            other.signal(signal);
        }
        let status = other.child.wait().unwrap();
        assert_eq!(status.signal(), signal.map(Signal::as_raw), "{mode}");
        within(
            Duration::from_secs(2),
            &format!("{mode} {signal:?}: the server ends"),
            || !runs(),
        );
        assert!(!socket.exists(), "{}", socket.display());
    }
    // Every ending was clean: one cluster, made once.
    let data = PathBuf::from(Other::start(&mut Other::command("exit", &cache)).value("data"));
    let made = std::fs::metadata(data.join("PG_VERSION")).unwrap();
    let first_used = std::fs::metadata(&directory.0).unwrap();
    assert!(made.mtime() - first_used.mtime() < 10);
    within(Duration::from_secs(2), "the last server ends", || !runs());
}

#[test]
fn a_terminal_interrupt_reaches_the_process_and_not_the_server() {
    let directory = Temporary::new("group");
    let mut command = Other::command("wait", &directory.0.join("cache"));
    command.process_group(0);
    let mut other = Other::start(&mut command);
    // As a terminal does it: to every process of the group.
    rustix::process::kill_process_group(pid(other.child.id()), Signal::INT).unwrap();
    assert_eq!(
        other.child.wait().unwrap().signal(),
        Some(Signal::INT.as_raw())
    );
    within(Duration::from_secs(2), "the server ends", || {
        processes_with(&text(&directory.0)).is_empty()
    });
    let mut printed = String::new();
    other
        .child
        .stderr
        .unwrap()
        .read_to_string(&mut printed)
        .unwrap();
    assert_eq!(printed.lines().count(), 1, "{printed}");
}

#[test]
fn a_server_whose_watcher_was_killed_too_is_found_and_ended() {
    let directory = Temporary::new("stale");
    let cache = directory.0.join("cache");
    let mut other = Other::start(&mut Other::command("wait", &cache));
    let socket = other.socket_directory();
    let mut servers = Vec::new();
    for process in processes_with(&text(&cache)) {
        let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap();
        match name.trim() {
            "sh" | "dash" | "bash" => kill_process(pid(process), Signal::KILL).unwrap(),
            "postgres" => servers.push(process),
            _ => {}
        }
    }
    other.signal(Signal::KILL);
    other.child.wait().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(servers.len(), 1);
    assert_eq!(processes_with(&text(&cache)), servers);
    assert!(socket.exists());

    let scratch = scratch(&directory.options(), &[], &[]).unwrap();
    let mut connection = scratch.connect().unwrap();
    assert_eq!(
        first(&mut connection, "SHOW data_directory"),
        other.value("data")
    );
    assert!(!socket.exists());
    assert!(
        processes_with(&text(&cache))
            .iter()
            .all(|one| !servers.contains(one))
    );
}

#[test]
fn a_damaged_or_half_made_cluster_is_made_anew() {
    let directory = Temporary::new("damaged");
    let mut sources = Sources::default();
    let schema = statements(&mut sources, &["CREATE TABLE t (id int PRIMARY KEY)"]);
    let run = || {
        let scratch = scratch(&directory.options(), &schema, &[])?;
        let mut connection = scratch.connect()?;
        assert_eq!(first(&mut connection, "SELECT count(*) FROM t"), "0");
        Ok::<_, Error>(PathBuf::from(first(&mut connection, "SHOW data_directory")))
    };
    let data = run().unwrap();
    let slot = data.parent().unwrap().to_owned();

    std::fs::write(data.join("global/pg_control"), "damaged").unwrap();
    assert_eq!(run().unwrap(), data);
    std::fs::remove_file(data.join("PG_VERSION")).unwrap();
    assert_eq!(run().unwrap(), data);
    std::fs::remove_dir_all(data.join("base")).unwrap();
    // What the server notices only when it is asked may cost one run.
    let _ = run();
    assert_eq!(run().unwrap(), data);
    std::fs::remove_dir_all(&slot).unwrap();
    let half_made = slot.with_file_name(format!(
        "{}.making-0123",
        slot.file_name().unwrap().to_str().unwrap()
    ));
    std::fs::create_dir_all(half_made.join("data")).unwrap();
    assert_eq!(run().unwrap(), data);
    assert!(!half_made.exists());
}

#[test]
fn root_may_keep_its_checkout_to_itself() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let directory = Temporary::new("closed");
    std::fs::set_permissions(&directory.0, std::fs::Permissions::from_mode(0o700)).unwrap();
    let data = |server: &Server| {
        let scratch = server.load(&[], &[]).unwrap();
        PathBuf::from(first(
            &mut scratch.connect().unwrap(),
            "SHOW data_directory",
        ))
    };
    let server = Server::start(&directory.options()).unwrap();
    let place = data(&server);
    drop(server);
    assert!(!place.starts_with(&directory.0), "{}", place.display());
    assert!(place.starts_with("/tmp"), "{}", place.display());
    let made = std::fs::metadata(place.join("PG_VERSION"))
        .unwrap()
        .ctime_nsec();

    let server = Server::start(&directory.options()).unwrap();
    assert_eq!(data(&server), place, "found again");
    drop(server);
    let still = std::fs::metadata(place.join("PG_VERSION"))
        .unwrap()
        .ctime_nsec();
    assert_eq!(made, still, "not made anew");
    std::fs::remove_dir_all(place.parent().unwrap().parent().unwrap()).unwrap();
}

#[test]
fn an_ordinary_user_without_a_home_and_with_a_long_temporary_directory() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let directory = Temporary::new("ordinary");
    let long = directory.0.join("a-name-that-is-long-".repeat(5));
    std::fs::create_dir(&long).unwrap();
    let cache = directory.0.join("cache");
    std::fs::create_dir(&cache).unwrap();
    let closed = directory.0.join("closed");
    std::fs::create_dir(&closed).unwrap();
    for own in [&long, &cache] {
        chown(own, Some(65534), Some(65534)).unwrap();
    }
    let run = |cache: &Path| {
        let mut command = Other::command("", cache);
        command
            .uid(65534)
            .gid(65534)
            .env_remove("HOME")
            .env("TMPDIR", &long);
        let mut other = Other::start(&mut command);
        let values = (other.socket_directory(), PathBuf::from(other.value("data")));
        assert!(other.child.wait().unwrap().success());
        values
    };
    let (socket, data) = run(&cache);
    assert!(socket.starts_with("/tmp") && !socket.starts_with(&long));
    assert!(data.starts_with(&cache));
    // A target directory that cannot be written.
    let (_, data) = run(&closed.join("target"));
    assert!(data.starts_with(&long), "{}", data.display());
}

/// The URL of a server, for those who name one.
fn url_of(server: &Server) -> String {
    let scratch = server.load(&[], &[]).unwrap();
    match &scratch.target().address {
        sqlmill::wire::Address::SocketDirectory(path) => {
            format!("postgres://postgres@/postgres?host={}", path.display())
        }
        sqlmill::wire::Address::Host(host) => panic!("{host}"),
    }
}

fn scratch_databases(server: &Server) -> String {
    let scratch = server.load(&[], &[]).unwrap();
    first(
        &mut scratch.connect().unwrap(),
        r"SELECT count(*) FROM pg_database WHERE datname LIKE 'sqlmill\_%'",
    )
}

#[test]
fn a_named_server_gets_its_scratch_databases_dropped() {
    let server = Server::start(&shared_options()).unwrap();
    let options = Options {
        url: Some(url_of(&server)),
        ..Options::default()
    };
    let mut sources = Sources::default();
    let schema = statements(&mut sources, &["CREATE TABLE t (id int PRIMARY KEY)"]);

    let one = scratch(&options, &schema, &[]).unwrap();
    let two = scratch(&options, &schema, &[]).unwrap();
    assert_ne!(one.target().database, two.target().database);
    assert!(one.target().database.starts_with("sqlmill_"));
    assert_eq!(
        first(&mut one.connect().unwrap(), "SELECT count(*) FROM t"),
        "0"
    );
    assert_eq!(
        first(&mut one.connect().unwrap(), "SHOW server_encoding"),
        "UTF8"
    );
    let fresh = one.fresh_database().unwrap();
    let another = one.fresh_database().unwrap();
    fresh
        .connect()
        .unwrap()
        .simple("INSERT INTO t VALUES (1)")
        .unwrap();
    assert_eq!(
        first(&mut another.connect().unwrap(), "SELECT count(*) FROM t"),
        "0"
    );
    assert_eq!(scratch_databases(&server), "5");
    drop((fresh, another, one));
    assert_eq!(scratch_databases(&server), "1");
    drop(two);
    assert_eq!(scratch_databases(&server), "0");

    // Roles of that server are not ours to make.
    let schema = statements(
        &mut sources,
        &["CREATE TABLE t (id int)", "GRANT SELECT ON t TO stranger"],
    );
    let Err(Error::Schema(faults)) = scratch(&options, &schema, &[]) else {
        panic!("it loaded");
    };
    assert_eq!(faults[0].message, "role \"stranger\" does not exist");
    assert!(faults[0].help[0].contains("CREATE ROLE \"stranger\" NOLOGIN"));
    assert_eq!(scratch_databases(&server), "0");
}

#[test]
fn a_named_server_is_left_clean_by_runs_that_are_cut_short() {
    let server = Server::start(&shared_options()).unwrap();
    let url = url_of(&server);
    let command = || {
        let mut command = Other::command("wait", Path::new("/nonexistent"));
        command.env("SQLMILL_TEST_URL", &url);
        command
    };
    for signal in [Signal::INT, Signal::TERM] {
        let mut other = Other::start(&mut command());
        assert_eq!(scratch_databases(&server), "1");
        other.signal(signal);
        assert_eq!(other.child.wait().unwrap().code(), Some(130));
        assert_eq!(scratch_databases(&server), "0");
    }
    let mut other = Other::start(&mut command());
    other.signal(Signal::KILL);
    other.child.wait().unwrap();
    assert_eq!(scratch_databases(&server), "1");

    // The next run drops it, and not that of a run that goes on.
    let mut running = Other::start(&mut command());
    assert_eq!(scratch_databases(&server), "1");
    let next = Server::start(&Options {
        url: Some(url.clone()),
        ..Options::default()
    })
    .unwrap();
    assert_eq!(scratch_databases(&server), "1");
    drop(next);
    running.signal(Signal::INT);
    running.child.wait().unwrap();
    assert_eq!(scratch_databases(&server), "0");
}

#[test]
fn a_named_server_that_will_not_do_is_explained() {
    let server = Server::start(&shared_options()).unwrap();
    let url = url_of(&server);
    server
        .load(&[], &[])
        .unwrap()
        .connect()
        .unwrap()
        .simple("DROP ROLE IF EXISTS visitor; CREATE ROLE visitor LOGIN")
        .unwrap();
    let told = |url: String| {
        let options = Options {
            url: Some(url),
            ..Options::default()
        };
        let error = scratch(&options, &[], &[]).unwrap_err();
        let diagnostic = error.diagnostics().remove(0);
        format!("{}\n{}", diagnostic.message, diagnostic.help.join("\n"))
    };
    let said = told(url.replace("postgres@", "visitor:hunter2@"));
    assert!(said.contains("ALTER ROLE \"visitor\" CREATEDB"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let said = told(url.replace("/postgres?", "/nowhere?"));
    assert!(said.contains("\"nowhere\" does not exist"), "{said}");
    let said = told("postgres://me:hunter2@127.0.0.1:1/x".to_owned());
    assert!(said.contains("cannot connect"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_directory_without_a_server_is_refused() {
    let directory = Temporary::new("empty");
    let options = Options {
        binaries: Some(directory.0.clone()),
        ..directory.options()
    };
    let error = Server::start(&options).unwrap_err();
    assert!(matches!(
        error,
        Error::Private(sqlmill_server::Error::Binaries { .. })
    ));
    let none = sqlmill_server::Error::NoServer {
        passed_over: vec![],
    };
    let help = Error::from(none).diagnostics().remove(0).help.join("\n");
    assert!(help.contains("install") && help.contains("--url"), "{help}");
}

#[test]
fn a_missing_extension_is_explained() {
    let mut sources = Sources::default();
    let schema = statements(
        &mut sources,
        &["CREATE TABLE t (id int)", "CREATE EXTENSION timescaledb"],
    );
    let Err(Error::Schema(faults)) = scratch(&shared_options(), &schema, &[]) else {
        panic!("it loaded");
    };
    assert_eq!(sources.position(faults[0].span.unwrap()).line, 2);
    let help = faults[0].help.join("\n");
    assert!(help.contains("timescaledb"), "{help}");
}

/// Loaded under the search path `shop`, under which psql finds the table as well.
const SHOP: [&str; 2] = ["CREATE SCHEMA shop", "CREATE TABLE t (id int PRIMARY KEY)"];

#[test]
fn a_developers_server_stays_until_it_is_stopped() {
    let directory = Temporary::new("developer");
    let options = directory.options();
    let runs = || !processes_with(&text(&directory.0)).is_empty();
    assert_eq!(developer::url(&options).unwrap(), None);
    assert!(matches!(
        developer::psql(&options, &[]),
        Err(Error::NotRunning)
    ));
    let mut other = Other::start(&mut Other::command("db start", &options.cache));
    assert!(other.child.wait().unwrap().success());
    std::thread::sleep(Duration::from_millis(200));
    assert!(runs());

    let mut sources = Sources::default();
    let schema = statements(&mut sources, &SHOP);
    let path = ["shop".to_owned()];
    let again = developer::start(&options, &schema, &path).unwrap();
    assert!(again.ran_already && again.schema_is_current);
    assert_eq!(developer::url(&options).unwrap(), Some(again.url.clone()));
    let changed = statements(&mut sources, &["CREATE TABLE other (id int)"]);
    assert!(
        !developer::start(&options, &changed, &path)
            .unwrap()
            .schema_is_current
    );

    let psql = Other::start(&mut Other::command("db psql", &options.cache));
    assert_eq!(psql.value("counted"), "0");
    // The URL is one that others read as well.
    let named = Server::start(&Options {
        url: Some(again.url.clone()),
        ..Options::default()
    });
    drop(named.unwrap());

    assert!(developer::stop(&options).unwrap());
    assert!(!runs());
    let socket = again.url.split_once("host=").unwrap().1;
    assert!(socket.starts_with("/tmp/sqlmill-") && !Path::new(socket).exists());
    assert!(!developer::stop(&options).unwrap());
    assert_eq!(developer::url(&options).unwrap(), None);
}
