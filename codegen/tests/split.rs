//! A crate that has a package for each module: it compiles, it is used as one crate is, and a changed query touches one package.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says that it failed by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlmill::config::Config;
use sqlmill::diagnostic::Diagnostic;
use sqlmill::emit::Files;
use sqlmill::project::{self, Layout, QueryFile};
use sqlmill::prove::Rules;
use sqlmill::server::{Options, Server};
use sqlmill::source::Sources;
use sqlmill::write::{Written, write};
use sqlmill::{compile, parse, schema};

const SCHEMA: &str = "
    CREATE TYPE state AS ENUM ('draft', 'done');
    CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE);
    CREATE TABLE tasks (id bigint PRIMARY KEY, owner bigint NOT NULL REFERENCES users, state state NOT NULL);
";

/// `modules` and `src` are names of what is there already, `type` is a keyword, and two modules have a `get_one`.
const MODULES: [(&str, &str); 4] = [
    (
        "users",
        "--! get_one\nSELECT * FROM users WHERE id = :id;\n\n--! add_user\nINSERT INTO users (email) VALUES (:email) RETURNING id;\n",
    ),
    (
        "modules",
        "--! get_one\nSELECT id, state FROM tasks WHERE id = :id;\n",
    ),
    (
        "type",
        "--! tasks_in\nSELECT t.id, t.state, u.email FROM tasks t JOIN users u ON u.id = t.owner WHERE t.state = :state ORDER BY t.id;\n",
    ),
    (
        "src",
        "--! owner_of\nSELECT * FROM users WHERE id = (SELECT owner FROM tasks WHERE id = :task);\n",
    ),
];

fn directory(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("split")
        .join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// What `gen` makes of the modules, with the `Cargo.toml` that lies in `out`, if any.
fn generate(
    server: &Server,
    out: &Path,
    split: bool,
    modules: &[(&str, &str)],
) -> (Files, Vec<Diagnostic>) {
    let mut sources = Sources::default();
    let schema_file = sources.add("schema.sql", SCHEMA);
    let queries: Vec<QueryFile> = modules
        .iter()
        .map(|(module, text)| QueryFile {
            file: sources.add(format!("queries/{module}.sql"), *text),
            module: (*module).to_owned(),
        })
        .collect();
    let layout = Layout {
        root: out.to_owned(),
        schema: out.join("schema.sql"),
        queries: out.join("queries"),
        out: out.to_owned(),
    };
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../runtime")
        .canonicalize()
        .unwrap();
    let package = project::package(&layout).unwrap();
    let config = Config {
        split,
        runtime: Some(runtime.to_str().unwrap().to_owned()),
        dependencies: package.dependencies,
        testing: package.testing.then(|| project::schema_from_src(&layout)),
        ..Config::default()
    };
    let (statements, _) = schema::split(&sources, schema_file);
    let parsed = parse(&sources, &queries);
    let scratch = server.load(&statements, &[]).unwrap();
    let mut connection = scratch.connect().unwrap();
    let compiled = compile(&sources, &config, parsed, &mut connection, &Rules::all()).unwrap();
    let output = compiled.output;
    (
        output.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics)),
        compiled.diagnostics,
    )
}

fn server() -> Server {
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cases/sqlmill");
    Server::start(&Options {
        cache,
        ..Options::default()
    })
    .unwrap()
}

#[track_caller]
fn cargo(project: &Path, arguments: &[&str]) {
    let output = Command::new(env!("CARGO"))
        .arg(arguments[0])
        .args(["--offline", "--quiet"])
        .args(&arguments[1..])
        .current_dir(project)
        .env(
            "CARGO_TARGET_DIR",
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cases/build"),
        )
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo {arguments:?}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_package_for_each_module_reads_as_one_crate_does() {
    let server = server();
    let project = directory("one");
    let out = project.join("generated");
    let (files, _) = generate(&server, &out, true, &MODULES);
    write(&out, &files).unwrap();

    // A workspace that names the crate alone.
    fs::write(
        project.join("Cargo.toml"),
        "[workspace]\nresolver = \"3\"\nmembers = [\"generated\", \"service\"]\n\n[workspace.lints.rust]\nwarnings = \"deny\"\n",
    )
    .unwrap();
    fs::copy(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"),
        project.join("Cargo.lock"),
    )
    .unwrap();
    fs::create_dir_all(project.join("service/src")).unwrap();
    fs::write(
        project.join("service/Cargo.toml"),
        "[package]\nname = \"service\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lints]\nworkspace = true\n\n\
         [dependencies]\ndatabase = { path = \"../generated\" }\n",
    )
    .unwrap();
    fs::write(
        project.join("service/src/lib.rs"),
        "use database::types::State;\nuse database::{Database, Error, User, users};\n\n\
         pub async fn run(db: &Database) -> Result<(Option<User>, usize), Error> {\n    \
         let id = database::add_user(db, \"a@b.c\").await?;\n    \
         let user = users::get_one(db, id).await?;\n    \
         let task = database::modules::get_one(db, 1).await?;\n    \
         let tasks = database::r#type::tasks_in(db, State::Draft).await?;\n    \
         let owner = database::src::owner_of(db, 1).await?;\n    \
         Ok((user.or(owner), tasks.len() + usize::from(task.is_some())))\n}\n",
    )
    .unwrap();
    cargo(&project, &["clippy", "--workspace", "--", "-D", "warnings"]);
    let output = Command::new("rustfmt")
        .args(["--check", "--edition", "2024"])
        .args(
            files
                .keys()
                .filter(|path| path.ends_with(".rs"))
                .map(|path| out.join(path)),
        )
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "rustfmt would change\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn a_changed_query_touches_its_package_and_the_manifest() {
    let server = server();
    let out = directory("change");
    write(&out, &generate(&server, &out, true, &MODULES).0).unwrap();
    let mut modules = MODULES;
    modules[1].1 = "--! get_one\nSELECT id, state FROM tasks WHERE id = :id AND state = 'done';\n";
    let written = write(&out, &generate(&server, &out, true, &modules).0).unwrap();
    assert_eq!(
        written.changed,
        ["modules/modules/src/lib.rs", "manifest.json"]
    );
    assert!(written.removed.is_empty());

    // A module that is gone leaves nothing, and what is its owner's stays.
    fs::write(out.join("modules/modules/notes.txt"), "mine").unwrap();
    let written = write(&out, &generate(&server, &out, true, &MODULES[2..]).0).unwrap();
    assert!(!out.join("modules/users").exists(), "{written:?}");
    assert!(out.join("modules/modules/notes.txt").exists());
    assert!(!out.join("modules/modules/Cargo.toml").exists());
}

#[test]
fn the_packages_depend_on_what_their_owner_depends_on() {
    let server = server();
    let out = directory("owner");
    fs::write(
        out.join("Cargo.toml"),
        "[package]\nname = \"database\"\n\n[dependencies]\nsqlmill-runtime = { workspace = true, features = [\"x\"] }\n\
         app-types = { path = \"./../app\" }\nserde = \"1\"\n",
    )
    .unwrap();
    let (files, diagnostics) = generate(&server, &out, true, &MODULES[..1]);
    let package = &files["modules/users/Cargo.toml"];
    for line in [
        "app-types = { path = \"../../../app\" }\n",
        "serde = \"1\"\n",
        "sqlmill-runtime = { features = [\"x\"], workspace = true }\n",
        "database-types = { path = \"../types\" }\n",
        "database-tables = { path = \"../tables\" }\n",
    ] {
        assert!(package.contains(line), "no {line:?} in\n{package}");
    }
    let [missing] = diagnostics.as_slice() else {
        panic!("{diagnostics:?}");
    };
    assert!(
        missing
            .message
            .contains("does not depend on `database-modules`"),
        "{missing:?}"
    );

    let line = "database-modules = { path = \"modules\" }\n";
    let manifest = fs::read_to_string(out.join("Cargo.toml")).unwrap();
    fs::write(out.join("Cargo.toml"), format!("{manifest}{line}")).unwrap();
    let (files, diagnostics) = generate(&server, &out, true, &MODULES[..1]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let package = &files["modules/users/Cargo.toml"];
    assert!(!package.contains("database-modules ="), "{package}");

    // Back to one package: all but the owner's file goes.
    write(&out, &files).unwrap();
    let (files, diagnostics) = generate(&server, &out, false, &MODULES[..1]);
    let [left] = diagnostics.as_slice() else {
        panic!("{diagnostics:?}");
    };
    assert!(
        left.message.contains("`split = false` does without"),
        "{left:?}"
    );
    let written: Written = write(&out, &files).unwrap();
    assert!(
        written.removed.contains(&"modules/Cargo.toml".to_owned()),
        "{written:?}"
    );
    assert!(!out.join("modules").exists());
}
