//! What a person reads when the world is not as it should be: rights, passwords, a schema that is behind, a full disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sqlmill_runtime::{Database, ErrorKind, Execute, One, Statement};

use crate::support::TestDatabase;
use crate::{SCHEMA, add_note, count_notes, list_notes, soon};

fn text(scratch: &TestDatabase, sql: &str) -> String {
    scratch.run(sql)[0][0].clone().unwrap()
}

/// A role of this test's own, dropped at the end.
struct Role<'a> {
    scratch: &'a TestDatabase,
    name: String,
}

impl<'a> Role<'a> {
    fn new(scratch: &'a TestDatabase, options: &str) -> Self {
        let name = format!("role_of_{}", text(scratch, "SELECT current_database()"));
        scratch.run(&format!("CREATE ROLE {name} LOGIN {options}"));
        Self { scratch, name }
    }

    fn url(&self) -> String {
        format!("{} user={}", self.scratch.url(), self.name)
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        self.scratch
            .run(&format!("DROP OWNED BY {name}; DROP ROLE {name}"));
    }
}

#[tokio::test]
async fn a_role_without_rights_is_told_what_it_may_not() {
    let scratch = TestDatabase::new(SCHEMA);
    let role = Role::new(&scratch, "");
    let db = Database::connect(&role.url()).await.unwrap();
    let denied = list_notes(&db).await.unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::Other);
    assert_eq!(
        denied.to_string(),
        "notes::list_notes (queries/notes.sql:4): the database refused: permission denied for table notes [42501]"
    );
    // No other kind in a transaction, nor where a statement was prepared before the right was taken away.
    let tx = db.begin().await.unwrap();
    let denied = list_notes(&tx).await.unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::Other, "{denied}");
    drop(tx);
    scratch.run(&format!("GRANT SELECT ON notes TO {}", role.name));
    list_notes(&db).await.unwrap();
    scratch.run(&format!("REVOKE SELECT ON notes FROM {}", role.name));
    let tx = db.begin().await.unwrap();
    for denied in [
        list_notes(&db).await.unwrap_err(),
        list_notes(&tx).await.unwrap_err(),
    ] {
        assert_eq!(denied.kind(), ErrorKind::Other, "{denied}");
        assert!(
            denied
                .to_string()
                .ends_with("the database refused: permission denied for table notes [42501]"),
            "{denied}"
        );
    }
    drop(tx);
    scratch.run("CREATE SCHEMA closed; CREATE TABLE closed.t (id int)");
    static CLOSED: Statement<(), i64> = Statement::new(
        "closed::count",
        "queries/closed.sql:1",
        "SELECT count(*) FROM closed.t",
        "",
        "int8",
    );
    let denied = One::new(&db, &CLOSED, ()).await.unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::Other);
    assert!(
        denied
            .to_string()
            .ends_with("the database refused: permission denied for schema closed [42501]"),
        "{denied}"
    );
    drop(db);
    scratch.run(
        "DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM public', current_database()); END $$",
    );
    let denied = Database::connect(&role.url()).await.unwrap_err();
    let said = denied.to_string();
    assert_eq!(denied.kind(), ErrorKind::Connect);
    assert!(
        said.contains(": permission denied for database \"") && said.ends_with("[42501]"),
        "{said}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_repeated() {
    let scratch = TestDatabase::new(SCHEMA);
    let role = Role::new(&scratch, "PASSWORD 'sesame'");
    let file = PathBuf::from(text(&scratch, "SHOW hba_file"));
    let Ok(before) = fs::read_to_string(&file) else {
        eprintln!("skipped: pg_hba.conf belongs to somebody else");
        return;
    };
    let rules = format!(
        "local all {0} scram-sha-256\nhost all {0} all scram-sha-256\n",
        role.name
    );
    fs::write(&file, format!("{rules}{before}")).unwrap();
    scratch.run("SELECT pg_reload_conf()");
    let connect = async |password: &str| {
        let builder = Database::builder().password(password);
        builder.connect(&role.url()).await
    };
    // The server takes the rules over in its own time.
    soon(async {
        while connect("open").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let wrong = connect("open").await.unwrap_err();
    let none = Database::connect(&role.url()).await.unwrap_err();
    let right = connect("sesame").await;
    // From a password file, where a socket counts as localhost.
    let passwords = std::env::temp_dir().join(format!("sqlmill_{}", role.name));
    fs::write(&passwords, format!("localhost:*:*:{}:sesame\n", role.name)).unwrap();
    fs::set_permissions(&passwords, PermissionsExt::from_mode(0o600)).unwrap();
    let by_file = format!("{} passfile='{}'", role.url(), passwords.display());
    let by_file = Database::connect(&by_file).await;
    fs::remove_file(&passwords).unwrap();
    fs::write(&file, before).unwrap();
    scratch.run("SELECT pg_reload_conf()");
    right.unwrap();
    by_file.unwrap();
    assert_eq!(wrong.kind(), ErrorKind::Connect);
    let said = wrong.to_string();
    assert!(
        said.ends_with(&format!(
            ": password authentication failed for user \"{}\" [28P01]",
            role.name
        )),
        "{said}"
    );
    assert!(!said.contains("open"), "{said}");
    assert!(none.to_string().contains("password missing"), "{none}");
}

/// Queries of a crate that some migrations, or a newer server, are missing for.
mod behind {
    use sqlmill_runtime::{NoRows, Statement};

    macro_rules! query {
        ($name:ident, $called:literal, $place:literal, $sql:literal) => {
            pub(super) static $name: Statement<(), NoRows> =
                Statement::new($called, $place, $sql, "", "");
        };
    }

    query! { TABLE, "tags::clear", "queries/tags.sql:1", "DELETE FROM tags" }
    query! { COLUMN, "notes::untitle", "queries/notes.sql:80", "UPDATE notes SET title = ''" }
    query! { TYPE, "notes::mood", "queries/notes.sql:83", "DELETE FROM notes WHERE body = 'x'::mood::text" }
    query! { LABEL, "notes::letters", "queries/notes.sql:86", "DELETE FROM notes WHERE kind = 'letter'" }
    query! { FUNCTION, "notes::slugs", "queries/notes.sql:89", "DELETE FROM notes WHERE body = slug(body)" }
    query! { SCHEMA, "audit::clear", "queries/audit.sql:1", "DELETE FROM audit.log" }
    query! { SYNTAX, "notes::newer", "queries/notes.sql:92", "UPSERT notes" }
    query! { BUILT_IN, "notes::counted", "queries/notes.sql:95", "DELETE FROM notes WHERE regexp_count(body, 'x') > 3" }
    // Found out when it is planned.
    query! { CONSTRAINT, "notes::put", "queries/notes.sql:98", "INSERT INTO notes (body) VALUES ('x') ON CONFLICT (kind) DO NOTHING" }
    query! { FINE, "notes::clear", "queries/notes.sql:101", "DELETE FROM notes" }

    sqlmill_runtime::statements! {
        BEHIND: TABLE, COLUMN, TYPE, LABEL, FUNCTION, SCHEMA, SYNTAX, BUILT_IN, CONSTRAINT, FINE
    }
}

mod crate_behind {
    use super::behind;

    sqlmill_runtime::verify! { behind::BEHIND }
}

#[tokio::test]
async fn a_schema_that_is_behind_is_named() {
    let scratch = TestDatabase::new(&format!(
        "CREATE TYPE kind AS ENUM ('memo'); {SCHEMA} ALTER TABLE notes ADD kind kind;"
    ));
    let db = scratch.connect_with(1).await.unwrap();
    let version = db.health().await.unwrap().server_version;
    let major: u32 = version.split(['.', ' ']).next().unwrap().parse().unwrap();
    const MISSING: &str = "is a migration missing?";
    const EITHER: &str = "is a migration missing, or the server older?";
    let mut behind = vec![
        (
            &behind::TABLE,
            "relation \"tags\" does not exist",
            MISSING,
            "42P01",
        ),
        (
            &behind::COLUMN,
            "column \"title\" of relation \"notes\" does not exist",
            MISSING,
            "42703",
        ),
        (
            &behind::TYPE,
            "type \"mood\" does not exist",
            EITHER,
            "42704",
        ),
        (
            &behind::LABEL,
            "invalid input value for enum kind: \"letter\"",
            MISSING,
            "22P02",
        ),
        (
            &behind::FUNCTION,
            "function slug(text) does not exist",
            EITHER,
            "42883",
        ),
        (
            &behind::SCHEMA,
            "relation \"audit.log\" does not exist",
            MISSING,
            "42P01",
        ),
        (
            &behind::SYNTAX,
            "syntax error at or near \"UPSERT\"",
            "is the server older?",
            "42601",
        ),
    ];
    if major < 15 {
        // What 15 brought.
        let said = "function regexp_count(text, unknown) does not exist";
        behind.push((&behind::BUILT_IN, said, EITHER, "42883"));
    }
    let place = |query: &Statement<()>| format!("{} ({})", query.name(), query.location());
    let words = "the database is not what this crate was compiled for";

    // At boot, each with the server that refused it.
    let expected: Vec<String> = behind
        .iter()
        .map(|(query, said, _, sqlstate)| {
            let place = place(query);
            format!("{place}: {words}: {said}; the server is PostgreSQL {version} [{sqlstate}]")
        })
        .collect();
    let found = crate_behind::verify(&db).await.unwrap_err();
    assert_eq!(found.to_string(), expected.join("\n"));

    // By a call, with what to do; in a transaction as well, which has failed then.
    behind.push((
        &behind::CONSTRAINT,
        "there is no unique or exclusion constraint matching the ON CONFLICT specification",
        MISSING,
        "42P10",
    ));
    for (query, said, advice, sqlstate) in behind {
        let expected = format!("{}: {words}: {said}; {advice} [{sqlstate}]", place(query));
        let error = Execute::new(&db, query, ()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.kind(), ErrorKind::SchemaChanged);
        let tx = db.begin().await.unwrap();
        let error = Execute::new(&tx, query, ()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        let failed = tx.commit().await.unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Transaction);
    }
    assert_eq!(count_notes(&db).await.unwrap(), 0);
    Execute::new(&db, &behind::FINE, ()).await.unwrap();
}

/// A small file system of this test's own.
struct Disk(PathBuf);

impl Disk {
    fn mount() -> Result<Self, String> {
        let directory = std::env::temp_dir().join(format!("sqlmill_disk_{}", std::process::id()));
        fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m,mode=0777", "tmpfs"])
            .arg(&directory)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Ok(Self(directory)),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    use std::os::unix::fs::{MetadataExt, chown};

    let disk = match Disk::mount() {
        Ok(disk) => disk,
        Err(reason) => return eprintln!("skipped: no file system can be mounted: {reason}"),
    };
    let scratch = TestDatabase::new(SCHEMA);
    let data = fs::metadata(text(&scratch, "SHOW data_directory")).unwrap();
    let space = disk.0.join("space");
    fs::create_dir(&space).unwrap();
    fs::set_permissions(&space, PermissionsExt::from_mode(0o700)).unwrap();
    chown(&space, Some(data.uid()), Some(data.gid())).unwrap();
    let name = format!("space_of_{}", text(&scratch, "SELECT current_database()"));
    scratch.run(&format!(
        "CREATE TABLESPACE {name} LOCATION '{}'",
        space.display()
    ));
    scratch.run(&format!(
        "CREATE TABLE big (body text) TABLESPACE {name}; ALTER TABLE big ALTER body SET STORAGE PLAIN"
    ));
    static FILL: Statement<(i32,)> = Statement::new(
        "big::fill",
        "queries/big.sql:1",
        "INSERT INTO big SELECT repeat('x', 4000) FROM generate_series(1, $1)",
        "int4",
        "",
    );
    let db = scratch.connect_with(1).await.unwrap();
    let full = Execute::new(&db, &FILL, (5000,)).await.unwrap_err();
    assert_eq!(full.sqlstate(), Some("53100"));
    let said = full.to_string();
    assert!(
        said.starts_with(
            "big::fill (queries/big.sql:1): the database refused: could not extend file \""
        ) && said.ends_with("No space left on device [53100]"),
        "{said}"
    );
    // Others go on, and so does the connection.
    add_note(&db, "still here").await.unwrap();
    assert_eq!(count_notes(&db).await.unwrap(), 1);
    drop(db);
    scratch.run("DROP TABLE big");
    scratch.run(&format!("DROP TABLESPACE {name}"));
}
