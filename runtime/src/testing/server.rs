//! The server that test databases are on: the one that `DATABASE_URL` names, or one of this process's own.

use sqlmill_server::{Options, Server};
use tokio::sync::OnceCell;

use crate::builder::Builder;
use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::query::Many;
use crate::statement::Statement;

/// Where to make databases, and how.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) url: String,
    /// Nobody else uses it: its roles are ours to make.
    pub(super) ours: bool,
    /// What CREATE DATABASE says of copying.
    pub(super) strategy: &'static str,
}

/// Started once for the process. It is never dropped: the server ends with the process, however that ends.
static SERVER: OnceCell<Server> = OnceCell::const_new();

/// Tests run side by side, each with some connections.
const CONNECTIONS: &str = "400";

impl Host {
    /// What `DATABASE_URL` names, or else a server that is started now, unless it runs already.
    pub(super) async fn find() -> Result<Self> {
        match std::env::var("DATABASE_URL") {
            Ok(url) if !url.trim().is_empty() => Ok(Self::given(&url)),
            _ => Self::start().await,
        }
    }

    pub(super) fn given(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ours: false,
            strategy: "",
        }
    }

    async fn start() -> Result<Self> {
        let server = SERVER.get_or_try_init(started).await?;
        Ok(Self {
            url: server.place().url("postgres"),
            ours: true,
            // A checkpoint without fsync is cheap, and copying files takes a third of the time of copying through the log.
            strategy: match server.major() {
                ..15 => "",
                15.. => " STRATEGY FILE_COPY",
            },
        })
    }
}

async fn started() -> Result<Server> {
    let options = Options {
        binaries: None,
        cache: cache(),
        settings: vec![("max_connections".to_owned(), CONNECTIONS.to_owned())],
    };
    let server = tokio::task::spawn_blocking(move || Server::start(&options))
        .await
        .map_err(|_| Error::with(ErrorKind::Connect, "the server was not started"))?
        .map_err(|error| refused(&error))?;
    drop_old(&server.place().url("postgres")).await?;
    Ok(server)
}

/// `target/sqlmill`, where the compiler keeps its clusters as well; tests run from within the target directory.
fn cache() -> std::path::PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program
        .ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").is_file());
    match target {
        Some(target) => target.join("sqlmill"),
        None => std::env::temp_dir().join("sqlmill"),
    }
}

fn refused(error: &sqlmill_server::Error) -> Error {
    let mut lines = vec![error.to_string()];
    lines.extend(error.notes());
    lines.extend(error.help());
    if matches!(error, sqlmill_server::Error::NoServer { .. }) {
        lines.push("or name a running server in DATABASE_URL; its data is left alone".to_owned());
    }
    Error::with(ErrorKind::Connect, lines.join("\n  "))
}

/// The cluster is ours alone: what tests that were killed left there is nobody's, and of templates the newest are enough.
async fn drop_old(url: &str) -> Result<()> {
    static OLD: Statement<(), String> = Statement::new(
        "testing",
        "sqlmill-runtime",
        "SELECT datname::text FROM pg_catalog.pg_database
         WHERE datname ~ '^sqlmill_test_([0-9]+|draft)_'
         UNION ALL
         (SELECT datname::text FROM pg_catalog.pg_database
          WHERE datname ~ '^sqlmill_test_template_'
          ORDER BY oid DESC OFFSET 16)",
        "",
        "text",
    );
    let admin = admin(url).await?;
    let old: Vec<String> = Many::new(&admin, &OLD, ()).await?;
    for name in old {
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        admin.pool().run(&drop).await?;
    }
    admin.close().await;
    Ok(())
}

/// A handle for making and dropping databases.
pub(super) async fn admin(url: &str) -> Result<Database> {
    let builder = Builder::default().pool_size(1).shared_connections(0);
    builder.connect(url).await
}
