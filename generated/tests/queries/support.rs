//! A database for each test, and the people and things that the tests tell of.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use database::Database;
use database::chats::{self, CreateChat};
use database::dashboards::{self, CreateDashboard};
use database::library::{self, AddFavorite};
use database::metrics::{self, CreateMetrics};
use database::organizations::{self, AddMember, CreateOrganization};
use database::reports::{self, CreateReport};
use database::types::{AssetType, UserOrganizationRole};
use database::users::{self, CreateUser};
use serde_json::json;
use sqlmill::config::Config;
use sqlmill::prove::Rules;
use sqlmill::server::{self, Scratch};
use sqlmill::source::Sources;
use sqlmill::wire::{Address, Connection, Target};
use sqlmill::{Compiled, Parsed};

pub(crate) use database::types::Uuid;

/// Two tenants. Ada administers Acme, Ben is a member of it and has given no name; Cyn administers Globex; Dan's account
/// is closed, and he belongs nowhere.
pub(crate) struct World {
    pub(crate) db: Database,
    url: String,
    pub(crate) acme: Uuid,
    pub(crate) globex: Uuid,
    pub(crate) ada: Uuid,
    pub(crate) ben: Uuid,
    pub(crate) cyn: Uuid,
    pub(crate) dan: Uuid,
    /// For what no query does: to look behind the curtain, and to set up what nobody should.
    raw: Mutex<Connection>,
    /// Dropped last, and the databases with them.
    _fresh: server::Database,
    _template: Arc<Scratch>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let template = template();
        let fresh = template.fresh_database().unwrap();
        let raw = Mutex::new(fresh.connect().unwrap());
        let url = address(fresh.target());
        let db = Database::connect(&url).await.unwrap();
        let user = async |email, name| {
            users::create_user(&db, CreateUser { email, name })
                .await
                .unwrap()
                .id
        };
        let organization = async |name| {
            let new = CreateOrganization {
                name,
                domain: None,
                domains: None,
            };
            organizations::create_organization(&db, new)
                .await
                .unwrap()
                .id
        };
        let (acme, globex) = (organization("Acme").await, organization("Globex").await);
        let ada = user("ada@acme.com", Some("Ada")).await;
        let ben = user("ben@acme.com", None).await;
        let cyn = user("cyn@globex.com", Some("Cyn")).await;
        let dan = user("dan@acme.com", None).await;
        users::delete_user(&db, dan).await.unwrap();

        let world = Self {
            db,
            url,
            acme,
            globex,
            ada,
            ben,
            cyn,
            dan,
            raw,
            _fresh: fresh,
            _template: template,
        };
        world
            .member(ada, acme, UserOrganizationRole::WorkspaceAdmin)
            .await;
        world.member(ben, acme, UserOrganizationRole::Querier).await;
        world
            .member(cyn, globex, UserOrganizationRole::Viewer)
            .await;
        world
    }

    /// For a handle of another kind.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The rows of the last statement, as text.
    pub(crate) fn sql(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let mut replies = self.raw.lock().unwrap().simple(sql).unwrap();
        replies.pop().unwrap().rows
    }

    /// What the generator makes of queries, on this database.
    pub(crate) fn compile(
        &self,
        sources: &Sources,
        config: &Config,
        parsed: Parsed,
        rules: &Rules,
    ) -> Compiled {
        let mut connection = self.raw.lock().unwrap();
        sqlmill::compile(sources, config, parsed, &mut connection, rules).unwrap()
    }

    /// The only value of the only row.
    pub(crate) fn scalar(&self, sql: &str) -> String {
        let [row] = self.sql(sql).try_into().unwrap();
        let [value] = row.try_into().unwrap();
        value.unwrap()
    }

    pub(crate) fn uuid(&self, sql: &str) -> Uuid {
        self.scalar(sql).parse().unwrap()
    }

    pub(crate) fn delete(&self, table: &str, id: Uuid) {
        self.sql(&format!(
            "UPDATE {table} SET deleted_at = now() WHERE id = '{id}'"
        ));
    }

    pub(crate) fn restore(&self, table: &str, id: Uuid) {
        self.sql(&format!(
            "UPDATE {table} SET deleted_at = NULL WHERE id = '{id}'"
        ));
    }

    pub(crate) async fn member(
        &self,
        user_id: Uuid,
        organization_id: Uuid,
        role: UserOrganizationRole,
    ) {
        let new = AddMember {
            user_id,
            organization_id,
            role,
            added_by: user_id,
        };
        organizations::add_member(&self.db, new).await.unwrap();
    }

    pub(crate) fn team(&self, organization: Uuid, members: &[Uuid]) -> Uuid {
        let team = self.uuid(&format!(
            "INSERT INTO teams (name, organization_id, created_by) VALUES (gen_random_uuid(), '{organization}', '{}')
             RETURNING id",
            self.ada
        ));
        for member in members {
            self.sql(&format!(
                "INSERT INTO teams_to_users (team_id, user_id) VALUES ('{team}', '{member}')"
            ));
        }
        team
    }

    pub(crate) fn data_source(&self, organization: Uuid, name: &str) -> Uuid {
        self.uuid(&format!(
            "INSERT INTO data_sources (name, type, secret_id, organization_id, created_by, updated_by)
             VALUES ('{name}', 'postgres', gen_random_uuid(), '{organization}', '{0}', '{0}') RETURNING id",
            self.ada
        ))
    }

    pub(crate) fn dataset(&self, source: Uuid, name: &str) -> Uuid {
        self.uuid(&format!(
            "INSERT INTO datasets
                (name, database_name, type, definition, schema, data_source_id, organization_id, created_by, updated_by)
             SELECT '{name}', '{name}', 'table', '', 'public', id, organization_id, created_by, created_by
             FROM data_sources WHERE id = '{source}' RETURNING id"
        ))
    }

    pub(crate) async fn chat(&self, organization_id: Uuid, user_id: Uuid, title: &str) -> Uuid {
        let new = CreateChat {
            title,
            organization_id,
            user_id,
        };
        chats::create_chat(&self.db, new).await.unwrap().id
    }

    /// A message with an id that sorts as `number` does.
    pub(crate) fn message(&self, chat: Uuid, user: Uuid, number: u8) -> Uuid {
        let id = Uuid::from_u128(u128::from(number));
        self.sql(&format!(
            "INSERT INTO messages (id, chat_id, created_by, title) VALUES ('{id}', '{chat}', '{user}', 'Title')"
        ));
        id
    }

    pub(crate) async fn metric(&self, source: Uuid, name: &str) -> Uuid {
        let metrics = json!([{
            "name": name, "file_name": "metric.yml", "content": {}, "data_source_id": source.to_string(),
        }]);
        let new = CreateMetrics {
            metrics: &metrics,
            organization_id: self.acme,
            user_id: self.ada,
        };
        metrics::create_metrics(&self.db, new).await.unwrap()[0].id
    }

    pub(crate) async fn dashboard(&self, organization_id: Uuid, name: &str) -> Uuid {
        let content = json!({"rows": []});
        let new = CreateDashboard {
            name,
            file_name: "dashboard.yml",
            content: &content,
            organization_id,
            user_id: self.ada,
        };
        dashboards::create_dashboard(&self.db, new)
            .await
            .unwrap()
            .id
    }

    pub(crate) async fn report(&self, organization_id: Uuid, name: &str, content: &str) -> Uuid {
        let new = CreateReport {
            name,
            content,
            organization_id,
            user_id: self.ada,
        };
        reports::create_report(&self.db, new).await.unwrap().id
    }

    pub(crate) async fn report_of(&self, user_id: Uuid, organization_id: Uuid, name: &str) -> Uuid {
        let new = CreateReport {
            name,
            content: "",
            organization_id,
            user_id,
        };
        reports::create_report(&self.db, new).await.unwrap().id
    }

    pub(crate) fn collection(&self, organization: Uuid, name: &str) -> Uuid {
        self.uuid(&format!(
            "INSERT INTO collections (name, organization_id, created_by, updated_by)
             VALUES ('{name}', '{organization}', '{0}', '{0}') RETURNING id",
            self.ada
        ))
    }

    pub(crate) async fn favorite(&self, user_id: Uuid, asset_type: AssetType, asset_id: Uuid) {
        let new = AddFavorite {
            user_id,
            asset_id,
            asset_type,
        };
        library::add_favorite(&self.db, new).await.unwrap();
    }

    /// Puts a metric on a dashboard or into a report.
    pub(crate) fn link(&self, table: &str, column: &str, metric: Uuid, container: Uuid) {
        self.sql(&format!(
            "INSERT INTO {table} (metric_file_id, {column}, created_by) VALUES ('{metric}', '{container}', '{}')",
            self.ada
        ));
    }
}

/// A database with the schema, which all tests clone. On a server of one's own it is dropped with the last test that uses it;
/// a private server lives as long as this process, so that it starts once.
fn template() -> Arc<Scratch> {
    static SHARED: Mutex<Weak<Scratch>> = Mutex::new(Weak::new());
    static KEPT: OnceLock<Arc<Scratch>> = OnceLock::new();

    let mut shared = SHARED.lock().unwrap();
    if let Some(template) = shared.upgrade() {
        return template;
    }
    let template = Arc::new(load());
    *shared = Arc::downgrade(&template);
    if given().is_none() {
        KEPT.get_or_init(|| Arc::clone(&template));
    }
    template
}

fn load() -> Scratch {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let schema = std::fs::read_to_string(root.join("schema.sql")).unwrap();
    let mut sources = Sources::default();
    let file = sources.add("schema.sql", schema);
    let (statements, faults) = sqlmill::schema::split(&sources, file);
    assert!(faults.is_empty(), "{faults:?}");
    let options = server::Options {
        url: given(),
        binaries: None,
        cache: root.join("target/sqlmill"),
    };
    server::scratch(&options, &statements, &[]).unwrap()
}

fn given() -> Option<String> {
    std::env::var("DATABASE_URL").ok()
}

/// Where the runtime finds the database: on the server that was given, with its password, or on the private one.
fn address(target: &Target) -> String {
    let name = &target.database;
    match given() {
        Some(url) if url.contains("://") => {
            let (place, options) = url.split_once('?').unwrap_or((&url, ""));
            let (scheme, rest) = place.split_once("://").unwrap();
            let server = rest.split('/').next().unwrap();
            format!("{scheme}://{server}/{name}?{options}")
        }
        Some(settings) => format!("{settings} dbname='{name}'"),
        None => {
            let host = match &target.address {
                Address::Host(host) => host.clone(),
                Address::SocketDirectory(directory) => directory.display().to_string(),
            };
            format!(
                "host='{host}' port={} user='{}' dbname='{name}'",
                target.port, target.user
            )
        }
    }
}
