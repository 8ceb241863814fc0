//! A database for each test, on a real server.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;
use std::ops::Deref;

use tokio::sync::Mutex;

use super::server::{Host, admin};
use crate::builder::Builder;
use crate::database::{Database, Replica};
use crate::error::{Error, Result};
use crate::handle::{Handle, Reader, Writer, sealed};
use crate::relied;

/// What a generated crate knows of its schema.
pub trait Schema {
    /// `schema.sql`
    const SQL: &'static str;
    /// The search path that the crate was generated under, as a list of names.
    const SEARCH_PATH: &'static [&'static str];
}

/// Of a [`TestDatabase`] whose schema was given with it.
#[derive(Debug, Clone, Copy)]
pub enum AnySchema {}

/// A database of one test's own, cloned from a template that holds the schema, and dropped with this handle. Tests may run at
/// the same time. The template is made when a schema is first met, and stays for the next run.
///
/// It is a [`Database`] wherever one is wanted: queries run on it, and `&test` is passed for `&Database`.
///
/// The server is the one that `DATABASE_URL` names, whose user must be allowed to create databases. Without it one is started
/// from the programs on this machine, once for the process; it ends when the process does.
///
/// A generated crate has a `TestDatabase` that knows the schema: `TestDatabase::new()`.
///
/// ```no_run
/// # async fn run() -> sqlmill_runtime::Result<()> {
/// use sqlmill_runtime::testing::TestDatabase;
///
/// let db = TestDatabase::with_schema("CREATE TABLE users (id bigint PRIMARY KEY)").await?;
/// db.ping().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "the database is dropped with this handle"]
pub struct TestDatabase<S = AnySchema> {
    db: Database,
    scratch: Scratch,
    search_path: &'static [&'static str],
    schema: PhantomData<fn() -> S>,
}

/// Nobody else takes it for theirs: it begins the name of each database.
const PREFIX: &str = "sqlmill_test";

impl TestDatabase {
    /// With the schema `sql`, as `schema.sql` has it.
    ///
    /// # Errors
    ///
    /// [`Connect`](crate::ErrorKind::Connect) where there is no server, or none that may be used; `Other` where the schema cannot be loaded, with
    /// the server's words.
    pub async fn with_schema(sql: &str) -> Result<Self> {
        Self::make(Host::find().await?, sql, &[]).await
    }

    /// As [`with_schema`](TestDatabase::with_schema), on the server at `url`.
    ///
    /// # Errors
    ///
    /// [`Connect`](crate::ErrorKind::Connect) where there is no server, or none that may be used; `Other` where the schema cannot be loaded, with
    /// the server's words.
    pub async fn with_schema_on(url: &str, sql: &str) -> Result<Self> {
        Self::make(Host::given(url), sql, &[]).await
    }
}

impl<S: Schema> TestDatabase<S> {
    /// With the crate's schema and no rows.
    ///
    /// # Errors
    ///
    /// [`Connect`](crate::ErrorKind::Connect) where there is no server, or none that may be used; `Other` where the schema cannot be loaded, with
    /// the server's words.
    pub async fn new() -> Result<Self> {
        Self::make(Host::find().await?, S::SQL, S::SEARCH_PATH).await
    }

    /// As [`new`](TestDatabase::new), on the server at `url`.
    ///
    /// # Errors
    ///
    /// [`Connect`](crate::ErrorKind::Connect) where there is no server, or none that may be used; `Other` where the schema cannot be loaded, with
    /// the server's words.
    pub async fn on(url: &str) -> Result<Self> {
        Self::make(Host::given(url), S::SQL, S::SEARCH_PATH).await
    }
}

impl<S> TestDatabase<S> {
    async fn make(host: Host, sql: &str, search_path: &'static [&'static str]) -> Result<Self> {
        let admin = admin(&host.url).await?;
        let template = format!("{PREFIX}_template_{:016x}", fingerprint(sql));
        let name = format!("{PREFIX}_{}_{:016x}", std::process::id(), random());
        let clone = format!(
            "CREATE DATABASE {name} TEMPLATE {template}{}",
            host.strategy
        );
        if !cloned(&admin, &clone).await? {
            // One at a time within a process: the others find it made.
            let _making = MAKING.lock().await;
            if !cloned(&admin, &clone).await? {
                make_template(&admin, &host, &template, sql).await?;
                admin.pool().run(&clone).await?;
            }
        }
        let scratch = Scratch { host, name };
        let builder = settings(&scratch.name, search_path);
        Ok(Self {
            db: builder.connect(&scratch.host.url).await?,
            scratch,
            search_path,
            schema: PhantomData,
        })
    }

    /// Another handle to it, with connections of its own.
    ///
    /// # Errors
    ///
    /// [`Connect`](crate::ErrorKind::Connect).
    pub async fn connect(&self) -> Result<Database> {
        self.builder().connect(self.server()).await
    }

    /// A read-only handle to it.
    ///
    /// # Errors
    ///
    /// [`Connect`](crate::ErrorKind::Connect).
    pub async fn connect_replica(&self) -> Result<Replica> {
        self.builder().connect_replica(self.server()).await
    }

    /// The settings of a handle to it; [`Builder::connect`] takes [`server`](TestDatabase::server).
    pub fn builder(&self) -> Builder {
        settings(&self.scratch.name, self.search_path)
    }

    /// Where it is.
    pub fn server(&self) -> &str {
        &self.scratch.host.url
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.scratch.name
    }
}

fn settings(name: &str, search_path: &'static [&'static str]) -> Builder {
    relied::under(search_path).pool_size(4).database(name)
}

impl<S> Deref for TestDatabase<S> {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.db
    }
}

impl<S> sealed::Handle for TestDatabase<S> {
    fn handle(&self) -> Handle<'_> {
        self.db.handle()
    }
}

impl<S> Reader for TestDatabase<S> {}
impl<S> Writer for TestDatabase<S> {}

const NO_SUCH_DATABASE: &str = "3D000";
/// The second when another one commits at the same moment.
const ALREADY_THERE: [&str; 2] = ["42P04", "23505"];
const UNDEFINED_OBJECT: &str = "42704";

/// False where there is no template yet.
async fn cloned(admin: &Database, clone: &str) -> Result<bool> {
    match admin.pool().run(clone).await {
        Ok(()) => Ok(true),
        Err(error) if error.sqlstate() == Some(NO_SUCH_DATABASE) => Ok(false),
        Err(error) => Err(error),
    }
}

static MAKING: Mutex<()> = Mutex::const_new(());

/// Half a template must never be taken for a whole one: it gets its name when it is done. Of several processes that make the
/// same one, the first gives the name.
async fn make_template(admin: &Database, host: &Host, template: &str, sql: &str) -> Result<()> {
    let draft = format!("{PREFIX}_draft_{:016x}", random());
    let pool = admin.pool();
    loop {
        let create = format!(
            "CREATE DATABASE {draft} TEMPLATE template0{}",
            host.strategy
        );
        pool.run(&create).await?;
        let made = match load(&host.url, &draft, sql).await {
            Ok(()) => {
                let rename = format!("ALTER DATABASE {draft} RENAME TO {template}");
                pool.run(&rename).await
            }
            Err(error) => Err(error),
        };
        let Err(error) = made else { return Ok(()) };
        pool.run(&format!("DROP DATABASE {draft} WITH (FORCE)"))
            .await?;
        if let Some(role) = missing_role(&error).filter(|_| host.ours) {
            let role = role.replace('"', "\"\"");
            pool.run(&format!("CREATE ROLE \"{role}\" NOLOGIN")).await?;
            continue;
        }
        return match error.sqlstate() {
            Some(code) if ALREADY_THERE.contains(&code) => Ok(()),
            _ => Err(error),
        };
    }
}

/// The name in `role "x" does not exist`.
fn missing_role(error: &Error) -> Option<&str> {
    if error.sqlstate() != Some(UNDEFINED_OBJECT) {
        return None;
    }
    let name = error.detail()?.strip_prefix("role \"")?;
    name.strip_suffix("\" does not exist")
}

async fn load(url: &str, name: &str, sql: &str) -> Result<()> {
    let db = Builder::default()
        .pool_size(1)
        .shared_connections(0)
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

/// A database that is dropped with this.
struct Scratch {
    host: Host,
    name: String,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let server = self.host.url.clone();
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A test may end in a panic, or outside of any runtime.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok()?;
            runtime.block_on(async {
                let admin = admin(&server).await.ok()?;
                admin.pool().run(&sql).await.ok()
            })
        });
        let _ = dropping.join();
    }
}

impl<S> fmt::Debug for TestDatabase<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestDatabase").field(&self.name()).finish()
    }
}
