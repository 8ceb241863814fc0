//! A database for each test, on a real server.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use crate::builder::Builder;
use crate::database::{Database, Replica};
use crate::error::{Error, ErrorKind, Result};

/// A database of one test's own, cloned from a template that holds the schema, and dropped with this handle. Tests may run at
/// the same time. The template is made when a schema is first met, and stays for the next run.
///
/// The server is the one that `DATABASE_URL` names (`cargo xtask db start` makes one, `cargo xtask db url` prints where it
/// is); its user must be allowed to create databases.
///
/// ```no_run
/// # async fn run() -> sqlmill_runtime::Result<()> {
/// use sqlmill_runtime::testing::TestDatabase;
///
/// let scratch = TestDatabase::new("CREATE TABLE users (id bigint PRIMARY KEY)").await?;
/// let db = scratch.connect().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "the database is dropped with this handle"]
pub struct TestDatabase {
    server: String,
    name: String,
}

/// Nobody else takes it for theirs: it begins the name of each database.
const PREFIX: &str = "sqlmill_test";

impl TestDatabase {
    /// With the schema `sql`, as `schema.sql` has it: `include_str!("../schema.sql")`.
    pub async fn new(sql: &str) -> Result<Self> {
        let Ok(server) = std::env::var("DATABASE_URL") else {
            return Err(Error::with(
                ErrorKind::Connect,
                "DATABASE_URL names no server for tests: `cargo xtask db start` makes one, `cargo xtask db url` prints it",
            ));
        };
        Self::on(&server, sql).await
    }

    /// As [`new`](TestDatabase::new), on the server at `url`.
    pub async fn on(url: &str, sql: &str) -> Result<Self> {
        let admin = Builder::default().pool_size(1).connect(url).await?;
        let template = format!("{PREFIX}_template_{:016x}", fingerprint(sql));
        let name = format!("{PREFIX}_{}_{:016x}", std::process::id(), random());
        let clone = format!("CREATE DATABASE {name} TEMPLATE {template}");
        match admin.pool().run(&clone).await {
            Err(error) if error.sqlstate() == Some(NO_SUCH_DATABASE) => {
                make_template(&admin, url, &template, sql).await?;
                admin.pool().run(&clone).await?;
            }
            cloned => cloned?,
        }
        Ok(Self {
            server: url.to_owned(),
            name,
        })
    }

    /// A handle to it.
    pub async fn connect(&self) -> Result<Database> {
        self.builder().connect(&self.server).await
    }

    /// A read-only handle to it.
    pub async fn connect_replica(&self) -> Result<Replica> {
        self.builder().connect_replica(&self.server).await
    }

    /// The settings of a handle to it; [`Builder::connect`] takes [`server`](TestDatabase::server).
    pub fn builder(&self) -> Builder {
        Builder::default().pool_size(4).database(&self.name)
    }

    /// Where it is.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }
}

const NO_SUCH_DATABASE: &str = "3D000";
/// The second when another one commits at the same moment.
const ALREADY_THERE: [&str; 2] = ["42P04", "23505"];

/// Half a template must never be taken for a whole one: it gets its name when it is done. Of several processes that make the
/// same one, the first gives the name.
async fn make_template(admin: &Database, url: &str, template: &str, sql: &str) -> Result<()> {
    let draft = format!("{PREFIX}_draft_{:016x}", random());
    admin
        .pool()
        .run(&format!("CREATE DATABASE {draft}"))
        .await?;
    let made = match load(url, &draft, sql).await {
        Ok(()) => {
            let rename = format!("ALTER DATABASE {draft} RENAME TO {template}");
            admin.pool().run(&rename).await
        }
        Err(error) => Err(error),
    };
    if made.is_err() {
        let drop = format!("DROP DATABASE {draft} WITH (FORCE)");
        admin.pool().run(&drop).await?;
    }
    match made {
        Err(error)
            if error
                .sqlstate()
                .is_some_and(|code| ALREADY_THERE.contains(&code)) =>
        {
            Ok(())
        }
        made => made,
    }
}

async fn load(url: &str, name: &str, sql: &str) -> Result<()> {
    let db = Builder::default()
        .pool_size(1)
        .database(name)
        .connect(url)
        .await?;
    // pg_dump writes lines for psql.
    let sql: String = sql
        .lines()
        .filter(|line| !line.starts_with('\\'))
        .flat_map(|line| [line, "\n"])
        .collect();
    let loaded = db.pool().run(&sql).await;
    db.close().await;
    loaded
}

/// FNV-1a: the same in every process and every version of Rust.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn random() -> u64 {
    RandomState::new().hash_one(0)
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A test may end in a panic, or outside of any runtime.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok()?;
            runtime.block_on(async {
                let admin = Builder::default()
                    .pool_size(1)
                    .connect(&server)
                    .await
                    .ok()?;
                let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                admin.pool().run(&sql).await.ok()
            })
        });
        let _ = dropping.join();
    }
}

impl fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestDatabase").field(&self.name).finish()
    }
}
