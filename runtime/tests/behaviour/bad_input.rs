//! What a person reads when the world is not as it should be: rights, passwords, a schema that is behind, a full disk.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sqlmill_runtime::{Database, ErrorKind, Execute, One, Statement};

use crate::support::TestDatabase;
use crate::{SCHEMA, add_note, count_notes, list_notes, one_connection, soon};

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
    fs::write(&file, before).unwrap();
    scratch.run("SELECT pg_reload_conf()");
    right.unwrap();
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

#[tokio::test]
async fn a_schema_that_is_behind_is_named() {
    let (_scratch, db) = one_connection().await;
    static COLUMN: Statement<(&str,)> = Statement::new(
        "notes::add_titled",
        "queries/notes.sql:80",
        "INSERT INTO notes (title) VALUES ($1)",
        "text",
        "",
    );
    static TABLE: Statement<(), i64> = Statement::new(
        "tags::count",
        "queries/tags.sql:1",
        "SELECT count(*) FROM tags",
        "",
        "int8",
    );
    static TYPE: Statement<(), i64> = Statement::new(
        "notes::mood",
        "queries/notes.sql:83",
        "SELECT count(*) FROM notes WHERE body = 'x'::mood::text",
        "",
        "int8",
    );
    let column = Execute::new(&db, &COLUMN, ("x",)).await.unwrap_err();
    assert_eq!(
        column.to_string(),
        "notes::add_titled (queries/notes.sql:80): the database is not what this crate was compiled for: column \
         \"title\" of relation \"notes\" does not exist [42703]"
    );
    let table = One::new(&db, &TABLE, ()).await.unwrap_err();
    assert_eq!(table.kind(), ErrorKind::SchemaChanged);
    assert!(
        table
            .to_string()
            .ends_with("relation \"tags\" does not exist [42P01]")
    );
    let missing = One::new(&db, &TYPE, ()).await.unwrap_err();
    assert!(
        missing
            .to_string()
            .ends_with("type \"mood\" does not exist [42704]")
    );
    // In a transaction as well, which is over then.
    let tx = db.begin().await.unwrap();
    let table = One::new(&tx, &TABLE, ()).await.unwrap_err();
    assert_eq!(table.kind(), ErrorKind::SchemaChanged);
    assert_eq!(
        tx.commit().await.unwrap_err().kind(),
        ErrorKind::Transaction
    );
    assert_eq!(count_notes(&db).await.unwrap(), 0);
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
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

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
