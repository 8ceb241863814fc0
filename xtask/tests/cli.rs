//! The command line as a person or a program meets it: exit codes, formats, and what is refused before anything runs.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says that it failed by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory of its own, with a schema and a query.
struct Project(PathBuf);

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Project {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sqlmill-cli-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("queries")).unwrap();
        let project = Self(path.canonicalize().unwrap());
        project.put(
            "schema.sql",
            "CREATE TABLE t (id int PRIMARY KEY, name text);\n",
        );
        project.put("queries/t.sql", "--! all_names\nSELECT name FROM t;\n");
        project
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(arguments)
            .current_dir(&self.0)
            .env_remove("DATABASE_URL")
            .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")))
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn has(&self, path: &str) -> bool {
        self.0.join(path).exists()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn exit_codes_tell_done_from_findings_from_could_not_run() {
    let project = Project::new("codes");
    let code = |arguments: &[&str]| project.run(arguments).code;
    assert_eq!(code(&["gen", "--locked"]), 1, "nothing is there yet");
    assert!(!project.has("generated"));
    assert_eq!(code(&["check"]), 1);
    assert_eq!(code(&["gen"]), 0);
    assert_eq!(code(&["gen", "--locked"]), 0);
    assert_eq!(code(&["check"]), 0);
    assert_eq!(code(&["explain", "t::all_names"]), 0);
    assert_eq!(code(&["explain", "t::al_names"]), 2);
    assert_eq!(code(&["gen", "--nonsense"]), 2);
    assert_eq!(code(&["db", "url"]), 2);
    assert_eq!(code(&["gen", "--config", "nowhere.toml"]), 2);
    assert_eq!(code(&["gen", "--schema", "nowhere.sql"]), 2);
    assert_eq!(code(&["gen", "--queries", "nowhere"]), 2);
    assert_eq!(code(&["check", "--queries", "nowhere"]), 2);
    assert_eq!(code(&["gen", "--url", "host=127.0.0.1 port=1"]), 2);
    project.put("generated/src/t.rs", "// somebody's own\n");
    assert_eq!(code(&["check"]), 1);
    assert_eq!(
        code(&["gen"]),
        2,
        "it would overwrite a file that it did not write"
    );
    project.put("queries/t.sql", "--! all_names\nSELECT nope FROM t;\n");
    assert_eq!(code(&["gen"]), 1);
    assert_eq!(code(&["explain", "t::all_names"]), 1);
    project.put("schema.sql", "CREATE TABLE t (id nope);\n");
    assert_eq!(code(&["gen"]), 1);
}

#[test]
fn what_stops_a_run_comes_in_the_format_that_was_asked_for() {
    let project = Project::new("formats");
    for arguments in [
        &["gen", "--config", "nowhere.toml"][..],
        &["gen", "--schema", "nowhere.sql"],
        &["gen", "--url", "host=127.0.0.1 port=1"],
        &["gen", "--out", "queries"],
        &["gen", "--locked"],
        &["explain", "t::nothing"],
        &["db", "url"],
        &["gen", "--lockd"],
        &["explain"],
        &["nonsense"],
        &["falsify", "--rounds", "many"],
    ] {
        let ran = project.run(&[arguments, &["--format", "json"]].concat());
        assert!(ran.err.is_empty(), "{arguments:?}: {}", ran.err);
        // One array, and something in it.
        assert!(
            ran.out.starts_with("[\n  {") && ran.out.ends_with("  }\n]\n"),
            "{}",
            ran.out
        );
        assert_eq!(ran.out.matches("\n]").count(), 1, "{}", ran.out);
        let ran = project.run(&[arguments, &["--format", "github"]].concat());
        assert!(
            ran.err.is_empty() && ran.out.starts_with("::error"),
            "{}",
            ran.out
        );
    }
    let ran = project.run(&["gen", "--lockd", "--format=json"]);
    assert_eq!(ran.code, 2);
    for said in [
        r#""rule": "usage""#,
        r#""message": "unexpected argument '--lockd' found""#,
        r#""a similar argument exists: '--locked'""#,
        r#""Usage: cargo xtask gen "#,
    ] {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
    // For people as clap says it, and so is what was asked for.
    let ran = project.run(&["gen", "--lockd", "--format", "human"]);
    assert!(ran.out.is_empty() && ran.err.starts_with("error: unexpected argument"));
    let ran = project.run(&["gen", "--help", "--format", "json"]);
    assert!(
        ran.code == 0 && ran.out.starts_with("Compile the schema"),
        "{}",
        ran.out
    );
    assert_eq!(
        project.run(&["gen", "--quiet", "--format", "json"]).out,
        "[]\n"
    );
    let ran = project.run(&["explain", "t", "--format", "json"]);
    assert!(
        ran.err.is_empty() && ran.out.starts_with("[\n  {") && ran.out.contains("t::all_names"),
        "{}",
        ran.out
    );
    project.put("generated/src/t.rs", "// somebody's own\n");
    let ran = project.run(&["gen", "--format", "json"]);
    assert!(
        ran.err.is_empty() && ran.out.contains("was not written by sqlmill"),
        "{}",
        ran.out
    );
}

#[test]
fn the_crate_gets_a_directory_of_its_own() {
    let project = Project::new("out");
    project.put("db/.keep", "");
    std::os::unix::fs::symlink(project.0.join("queries"), project.0.join("link")).unwrap();
    for (out, why) in [
        ("queries", "is the directory of the queries"),
        ("queries/generated", "lies among the queries"),
        ("./queries/../queries", "is the directory of the queries"),
        ("link", "is the directory of the queries"),
        ("link/new", "lies among the queries"),
        (".", "holds the schema"),
        ("db/..", "holds the schema"),
        ("new/../../", "holds the schema"),
        ("/", "holds the schema"),
    ] {
        project.put("sqlmill.toml", &format!("out = \"{out}\"\n"));
        let ran = project.run(&["gen"]);
        assert_eq!(ran.code, 2, "{out}");
        assert!(
            ran.err.contains(why) && ran.err.contains("sqlmill.toml:1:7"),
            "{}",
            ran.err
        );
    }
    for path in [
        "manifest.json",
        "Cargo.toml",
        "src",
        "queries/src",
        "queries/generated",
    ] {
        assert!(!project.has(path), "{path}");
    }
    // Beside the sources is fine, and elsewhere too.
    for out in ["db/crate", "crates/database", "queries2"] {
        project.put("sqlmill.toml", &format!("out = \"{out}\"\n"));
        let ran = project.run(&["gen"]);
        assert_eq!(ran.code, 0, "{out}: {}", ran.err);
        assert!(project.has(&format!("{out}/src/t.rs")));
    }
}

#[test]
fn what_is_no_text_is_refused() {
    let project = Project::new("no-text");
    project.put(
        "queries/crlf.sql",
        "\u{feff}--! a\r\nSELECT nope\r\nFROM t;\r\n",
    );
    fs::write(
        project.0.join("queries/latin.sql"),
        b"--! a\nSELECT '\xe9';\n",
    )
    .unwrap();
    let ran = project.run(&["gen"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("queries/latin.sql is not UTF-8: line 2"),
        "{}",
        ran.err
    );
    fs::remove_file(project.0.join("queries/latin.sql")).unwrap();
    let ran = project.run(&["gen"]);
    assert!(ran.err.contains("queries/crlf.sql:2:8"), "{}", ran.err);
    fs::remove_file(project.0.join("queries/crlf.sql")).unwrap();
    // Nothing would ever come out of a pipe.
    let pipe = project.0.join("queries/pipe.sql");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let ran = project.run(&["gen"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("queries/pipe.sql: it is not a file"),
        "{}",
        ran.err
    );
}

#[test]
fn what_a_killed_run_left_is_swept_up() {
    let project = Project::new("swept");
    assert_eq!(project.run(&["gen"]).code, 0);
    let left = ["Cargo.toml", "manifest.json", "src/t.rs", "src/gone.rs"]
        .map(|path| format!("generated/{path}.sqlmill-unfinished"));
    for left in &left {
        project.put(left, "half of it");
    }
    assert_eq!(project.run(&["gen"]).code, 0);
    for left in &left {
        assert!(!project.has(left), "{left}");
    }
}

/// The README's example, in a project with this repository's schema: what it is said to print is what is printed.
#[test]
fn the_readme_shows_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let readme = file("README.md");
    let example = readme.split("```sql\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let project = Project::new("readme");
    project.put("schema.sql", &file("schema.sql"));
    project.put("sqlmill.toml", "[soft_delete]\ncolumn = \"deleted_at\"\n");
    fs::remove_file(project.0.join("queries/t.sql")).unwrap();
    let shows = |text: &str| {
        let indented: Vec<String> = text
            .trim_end()
            .lines()
            .map(|line| format!("    {line}").trim_end().to_owned())
            .collect();
        let indented = indented.join("\n");
        assert!(
            readme.contains(&indented),
            "README.md does not show this:\n{indented}"
        );
    };

    project.put("queries/users.sql", example);
    let ran = project.run(&["explain", "users::get_user_by_email"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    shows(&ran.out);

    let forgotten = example.replace(" AND deleted_at IS NULL", "");
    assert_ne!(forgotten, example);
    project.put("queries/users.sql", &forgotten);
    let ran = project.run(&["gen"]);
    assert_eq!(ran.code, 1);
    shows(&ran.err);
    assert!(!project.has("generated"));
}
