//! A module in the shape that sqlmill generates, written by hand, and its use as a service uses it.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::{IpAddr, Ipv4Addr};

use sqlmill_runtime::types::{Decimal, Interval, Timestamp, Uuid, Value};
use sqlmill_runtime::{Database, ErrorKind};
use support::TestDatabase;

use database::types::{Address, AssetType};
use database::{assets, users};

const SCHEMA: &str = r#"
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE TYPE asset_type_enum AS ENUM ('chat', 'metric_file');
CREATE TYPE address AS (street text, zip text, kind asset_type_enum);
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email email NOT NULL UNIQUE,
    name text,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE TABLE assets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner uuid NOT NULL REFERENCES users,
    kind asset_type_enum NOT NULL,
    kinds asset_type_enum[] NOT NULL DEFAULT '{}',
    home address,
    homes address[] NOT NULL DEFAULT '{}',
    contacts email[] NOT NULL DEFAULT '{}',
    tags text[],
    price numeric NOT NULL DEFAULT 0,
    config jsonb NOT NULL DEFAULT '{}',
    lifetime interval,
    seen_from inet,
    CONSTRAINT price_is_not_negative CHECK (price >= 0)
);
"#;

/// What sqlmill writes for the schema above.
pub mod database {
    pub mod types {
        //! The types of the schema.

        /// The enum `public.asset_type_enum`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AssetType {
            Chat,
            MetricFile,
        }

        sqlmill_runtime::enumeration! {
            AssetType: "public"."asset_type_enum" { Chat = "chat", MetricFile = "metric_file" }
        }

        /// The composite type `public.address`.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Address {
            pub street: Option<String>,
            pub zip: Option<String>,
            pub kind: Option<AssetType>,
        }

        /// [`Address`], borrowed from the reply.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct AddressRef<'a> {
            pub street: Option<&'a str>,
            pub zip: Option<&'a str>,
            pub kind: Option<AssetType>,
        }

        sqlmill_runtime::composite! { Address, AddressRef: "public"."address" { street, zip, kind } }

        /// The domain `public.email`.
        pub type Email = String;
    }

    pub mod users {
        //! Queries of `queries/users.sql`.

        use sqlmill_runtime::types::{Timestamp, Uuid};
        use sqlmill_runtime::{Execute, Many, One, Optional, Reader, Statement, Writer};

        use super::types::Email;

        /// One user by id; soft-deleted ones only on request.
        pub fn get_user<'a>(db: &'a impl Reader, params: GetUser) -> Optional<'a, GetUser, User> {
            Optional::new(db, &GET_USER, params)
        }

        /// The parameters of [`get_user`].
        #[derive(Debug, Clone, Copy)]
        pub struct GetUser {
            /// not null: compared with `users.id`
            pub user_id: Uuid,
            pub include_deleted: bool,
        }

        sqlmill_runtime::params! { GetUser { user_id, include_deleted } }

        /// A row of [`get_user`].
        #[derive(Debug, Clone, PartialEq)]
        pub struct User {
            pub id: Uuid,
            pub email: Email,
            pub name: Option<String>,
            pub created_at: Timestamp,
        }

        /// [`User`], borrowed from the reply.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct UserRef<'a> {
            pub id: Uuid,
            pub email: &'a str,
            pub name: Option<&'a str>,
            pub created_at: Timestamp,
        }

        sqlmill_runtime::row! { User, UserRef { id, email, name, created_at } }

        static GET_USER: Statement<GetUser, User> = Statement::new(
            "users::get_user",
            "queries/users.sql:3",
            GET_USER_SQL,
            "uuid bool",
            "uuid text text timestamptz",
        );

        const GET_USER_SQL: &str = r#"SELECT id, email, name, created_at FROM users
WHERE id = $1 AND ($2 OR deleted_at IS NULL)"#;

        /// A new user.
        pub fn create_user<'a>(
            db: &'a impl Writer,
            params: CreateUser<'a>,
        ) -> One<'a, CreateUser<'a>, User> {
            One::new(db, &CREATE_USER, params)
        }

        /// The parameters of [`create_user`].
        #[derive(Debug, Clone, Copy)]
        pub struct CreateUser<'a> {
            pub email: &'a str,
            pub name: Option<&'a str>,
        }

        sqlmill_runtime::params! { CreateUser<'_> { email, name } }

        /// The constraints that [`create_user`] can violate.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CreateUserConstraint {
            UsersEmailKey,
            EmailCheck,
        }

        sqlmill_runtime::constraints! {
            CreateUserConstraint {
                UsersEmailKey = "public"."users" "users_email_key",
                EmailCheck = "public"."email" "email_check",
            }
        }

        static CREATE_USER: Statement<CreateUser<'_>, User> = Statement::new(
            "users::create_user",
            "queries/users.sql:9",
            CREATE_USER_SQL,
            "text text",
            "uuid text text timestamptz",
        );

        const CREATE_USER_SQL: &str = r#"INSERT INTO users (email, name) VALUES ($1, $2)
RETURNING id, email, name, created_at"#;

        /// Users by a list of ids.
        pub fn get_users<'a>(
            db: &'a impl Reader,
            user_ids: &'a [Uuid],
        ) -> Many<'a, (&'a [Uuid],), User> {
            Many::new(db, &GET_USERS, (user_ids,))
        }

        static GET_USERS: Statement<(&[Uuid],), User> = Statement::new(
            "users::get_users",
            "queries/users.sql:14",
            GET_USERS_SQL,
            "uuid[]",
            "uuid text text timestamptz",
        );

        const GET_USERS_SQL: &str = r#"SELECT id, email, name, created_at FROM users
WHERE id = ANY($1) ORDER BY email"#;

        /// How many users there are.
        pub fn count_users(db: &impl Reader) -> One<'_, (), i64> {
            One::new(db, &COUNT_USERS, ())
        }

        static COUNT_USERS: Statement<(), i64> = Statement::new(
            "users::count_users",
            "queries/users.sql:18",
            COUNT_USERS_SQL,
            "",
            "int8",
        );

        const COUNT_USERS_SQL: &str = r#"SELECT count(*) FROM users"#;

        /// The names of all users.
        pub fn list_names(db: &impl Reader) -> Many<'_, (), Option<String>> {
            Many::new(db, &LIST_NAMES, ())
        }

        static LIST_NAMES: Statement<(), Option<String>> = Statement::new(
            "users::list_names",
            "queries/users.sql:21",
            LIST_NAMES_SQL,
            "",
            "text",
        );

        const LIST_NAMES_SQL: &str = r#"SELECT name FROM users ORDER BY email"#;

        /// Renames a user.
        pub fn rename_user<'a>(
            db: &'a impl Writer,
            params: RenameUser<'a>,
        ) -> Execute<'a, (Option<&'a str>, Uuid)> {
            let bound = (params.name, params.user_id);
            Execute::new(db, &RENAME_USER, bound)
        }

        /// The parameters of [`rename_user`].
        #[derive(Debug, Clone, Copy)]
        pub struct RenameUser<'a> {
            pub user_id: Uuid,
            pub name: Option<&'a str>,
        }

        static RENAME_USER: Statement<(Option<&str>, Uuid)> = Statement::new(
            "users::rename_user",
            "queries/users.sql:24",
            RENAME_USER_SQL,
            "text uuid",
            "",
        );

        const RENAME_USER_SQL: &str = r#"UPDATE users SET name = $1 WHERE id = $2"#;
    }

    pub mod assets {
        //! Queries of `queries/assets.sql`.

        use sqlmill_runtime::types::{Decimal, Interval, IpAddr, Uuid, Value};
        use sqlmill_runtime::{One, Optional, Reader, Statement, Writer};

        use super::types::{Address, AddressRef, AssetType};

        /// A new asset.
        pub fn create_asset<'a>(
            db: &'a impl Writer,
            params: CreateAsset<'a>,
        ) -> One<'a, CreateAsset<'a>, i64> {
            One::new(db, &CREATE_ASSET, params)
        }

        /// The parameters of [`create_asset`].
        #[derive(Debug, Clone, Copy)]
        pub struct CreateAsset<'a> {
            pub owner: Uuid,
            pub kind: AssetType,
            pub kinds: &'a [AssetType],
            pub home: Option<&'a Address>,
            pub homes: &'a [Address],
            pub contacts: &'a [&'a str],
            pub tags: Option<&'a [Option<&'a str>]>,
            pub price: Decimal,
            pub config: &'a Value,
            pub lifetime: Option<Interval>,
            pub seen_from: Option<IpAddr>,
        }

        sqlmill_runtime::params! {
            CreateAsset<'_> {
                owner,
                kind,
                kinds,
                home,
                homes,
                contacts,
                tags,
                price,
                config,
                lifetime,
                seen_from,
            }
        }

        /// The constraints that [`create_asset`] can violate.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CreateAssetConstraint {
            AssetsOwnerFkey,
            PriceIsNotNegative,
        }

        sqlmill_runtime::constraints! {
            CreateAssetConstraint {
                AssetsOwnerFkey = "public"."assets" "assets_owner_fkey",
                PriceIsNotNegative = "public"."assets" "price_is_not_negative",
            }
        }

        static CREATE_ASSET: Statement<CreateAsset<'_>, i64> = Statement::new(
            "assets::create_asset",
            "queries/assets.sql:1",
            CREATE_ASSET_SQL,
            "uuid public.asset_type_enum public.asset_type_enum[] public.address(text,text,public.asset_type_enum) public.address(text,text,public.asset_type_enum)[] text[] text[] numeric jsonb interval inet",
            "int8",
        );

        const CREATE_ASSET_SQL: &str = r#"INSERT INTO assets
    (owner, kind, kinds, home, homes, contacts, tags, price, config, lifetime, seen_from)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
RETURNING id"#;

        /// One asset by id.
        pub fn get_asset(db: &impl Reader, asset_id: i64) -> Optional<'_, (i64,), Asset> {
            Optional::new(db, &GET_ASSET, (asset_id,))
        }

        /// A row of [`get_asset`].
        #[derive(Debug, Clone, PartialEq)]
        pub struct Asset {
            pub id: i64,
            pub owner: Uuid,
            pub kind: AssetType,
            pub kinds: Vec<AssetType>,
            pub home: Option<Address>,
            pub homes: Vec<Address>,
            pub contacts: Vec<String>,
            pub tags: Option<Vec<Option<String>>>,
            pub price: Decimal,
            pub config: Value,
            pub lifetime: Option<Interval>,
            pub seen_from: Option<IpAddr>,
        }

        /// [`Asset`], borrowed from the reply.
        #[derive(Debug, Clone, PartialEq)]
        pub struct AssetRef<'a> {
            pub id: i64,
            pub owner: Uuid,
            pub kind: AssetType,
            pub kinds: Vec<AssetType>,
            pub home: Option<AddressRef<'a>>,
            pub homes: Vec<AddressRef<'a>>,
            pub contacts: Vec<&'a str>,
            pub tags: Option<Vec<Option<&'a str>>>,
            pub price: Decimal,
            pub config: Value,
            pub lifetime: Option<Interval>,
            pub seen_from: Option<IpAddr>,
        }

        sqlmill_runtime::row! {
            Asset, AssetRef {
                id,
                owner,
                kind,
                kinds,
                home,
                homes,
                contacts,
                tags,
                price,
                config,
                lifetime,
                seen_from,
            }
        }

        static GET_ASSET: Statement<(i64,), Asset> = Statement::new(
            "assets::get_asset",
            "queries/assets.sql:8",
            GET_ASSET_SQL,
            "int8",
            "int8 uuid public.asset_type_enum public.asset_type_enum[] public.address(text,text,public.asset_type_enum) public.address(text,text,public.asset_type_enum)[] text[] text[] numeric jsonb interval inet",
        );

        const GET_ASSET_SQL: &str = r#"SELECT id, owner, kind, kinds, home, homes, contacts, tags, price, config,
    lifetime, seen_from
FROM assets WHERE id = $1"#;
    }
}

async fn connect() -> (TestDatabase, Database) {
    let scratch = TestDatabase::new(SCHEMA);
    let db = scratch.connect().await.unwrap();
    (scratch, db)
}

async fn user(db: &Database, email: &str) -> users::User {
    let params = users::CreateUser { email, name: None };
    users::create_user(db, params).await.unwrap()
}

#[tokio::test]
async fn a_row_comes_back_as_it_was_written() {
    let (_scratch, db) = connect().await;
    let params = users::CreateUser {
        email: "ann@example.org",
        name: Some("Änn"),
    };
    let made = users::create_user(&db, params).await.unwrap();
    assert_eq!(made.email, "ann@example.org");
    assert_eq!(made.name.as_deref(), Some("Änn"));
    let params = users::GetUser {
        user_id: made.id,
        include_deleted: false,
    };
    let found = users::get_user(&db, params).await.unwrap();
    assert_eq!(found, Some(made.clone()));
    let now = Timestamp::now();
    assert!(now.duration_since(made.created_at).as_secs().abs() < 60);
}

#[tokio::test]
async fn every_type_comes_back_as_it_was_written() {
    let (_scratch, db) = connect().await;
    let owner = user(&db, "ann@example.org").await.id;
    let home = Address {
        street: Some("Main \"Street\", 1".to_owned()),
        zip: None,
        kind: Some(AssetType::MetricFile),
    };
    let homes = [
        home.clone(),
        Address {
            street: None,
            zip: Some(String::new()),
            kind: None,
        },
    ];
    let config = serde_json::json!({"a": [1, 2.5, null, "ü"]});
    let params = assets::CreateAsset {
        owner,
        kind: AssetType::Chat,
        kinds: &[AssetType::MetricFile, AssetType::Chat],
        home: Some(&home),
        homes: &homes,
        contacts: &["a@b", "c@d"],
        tags: Some(&[Some("x"), None]),
        price: Decimal::new(-12_345_670, 6).abs(),
        config: &config,
        lifetime: Some(Interval {
            months: 14,
            days: -3,
            microseconds: 1,
        }),
        seen_from: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    };
    let id = assets::create_asset(&db, params).await.unwrap();
    let found = assets::get_asset(&db, id).one().await.unwrap();
    assert_eq!(
        found,
        assets::Asset {
            id,
            owner,
            kind: AssetType::Chat,
            kinds: vec![AssetType::MetricFile, AssetType::Chat],
            home: Some(home.clone()),
            homes: homes.to_vec(),
            contacts: vec!["a@b".to_owned(), "c@d".to_owned()],
            tags: Some(vec![Some("x".to_owned()), None]),
            price: Decimal::new(12_345_670, 6),
            config: config.clone(),
            lifetime: params.lifetime,
            seen_from: params.seen_from,
        }
    );
    let borrowed = assets::get_asset(&db, id)
        .one()
        .map(|asset: assets::AssetRef<'_>| {
            let streets: Vec<bool> = asset
                .homes
                .iter()
                .map(|home| home.street.is_some())
                .collect();
            let street = asset.home.and_then(|home| home.street).map(str::len);
            (
                streets,
                street,
                asset.contacts.join(","),
                asset.tags.map(|tags| tags.len()),
            )
        })
        .await
        .unwrap();
    let street = home.street.as_deref().map(str::len);
    assert_eq!(
        borrowed,
        (vec![true, false], street, "a@b,c@d".to_owned(), Some(2))
    );
}

#[tokio::test]
async fn a_query_awaits_to_what_was_asked_for() {
    let (_scratch, db) = connect().await;
    let none = users::GetUser {
        user_id: Uuid::nil(),
        include_deleted: true,
    };
    assert_eq!(users::get_user(&db, none).await.unwrap(), None);
    let missing = users::get_user(&db, none).one().await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(missing.query(), Some("users::get_user"));

    let ann = user(&db, "ann@example.org").await;
    let bob = user(&db, "bob@example.org").await;
    assert_eq!(users::count_users(&db).await.unwrap(), 2);
    let ids = [bob.id, ann.id];
    let both = users::get_users(&db, &ids).await.unwrap();
    assert_eq!(both, [ann.clone(), bob.clone()]);
    let many = users::get_users(&db, &ids).one().await.unwrap_err();
    assert_eq!(many.kind(), ErrorKind::TooManyRows);
    let many = users::get_users(&db, &ids).optional().await.unwrap_err();
    assert_eq!(many.kind(), ErrorKind::TooManyRows);
    let one = users::get_users(&db, &ids[..1]).one().await.unwrap();
    assert_eq!(one, bob);
    assert!(users::get_users(&db, &[]).await.unwrap().is_empty());

    let rename = users::RenameUser {
        user_id: ann.id,
        name: Some("Ann"),
    };
    assert_eq!(users::rename_user(&db, rename).await.unwrap(), 1);
    let names = users::list_names(&db).await.unwrap();
    assert_eq!(names, [Some("Ann".to_owned()), None]);
    let lengths = users::list_names(&db)
        .map(|name| name.map_or(0, str::len))
        .await
        .unwrap();
    assert_eq!(lengths, [3, 0]);
    let mut stream = users::get_users(&db, &ids).stream();
    assert_eq!(
        stream.next().await.unwrap().unwrap().name.as_deref(),
        Some("Ann")
    );
    assert_eq!(stream.next().await.unwrap().unwrap(), bob);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_violated_constraint_has_its_name() {
    let (_scratch, db) = connect().await;
    let owner = user(&db, "ann@example.org").await.id;
    let params = users::CreateUser {
        email: "ann@example.org",
        name: None,
    };
    let taken = users::create_user(&db, params).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Constraint);
    assert!(taken.violates(users::CreateUserConstraint::UsersEmailKey));
    assert!(!taken.violates(users::CreateUserConstraint::EmailCheck));
    assert_eq!(
        taken.to_string(),
        "users::create_user (queries/users.sql:9): violates unique constraint `users_email_key` of `users` [23505]"
    );

    let params = users::CreateUser {
        email: "no address",
        name: None,
    };
    let refused = users::create_user(&db, params).await.unwrap_err();
    assert_eq!(
        refused.constraint(),
        Some(users::CreateUserConstraint::EmailCheck)
    );

    let asset = assets::CreateAsset {
        owner,
        kind: AssetType::Chat,
        kinds: &[],
        home: None,
        homes: &[],
        contacts: &[],
        tags: None,
        price: Decimal::NEGATIVE_ONE,
        config: &Value::Null,
        lifetime: None,
        seen_from: None,
    };
    let negative = assets::create_asset(&db, asset).await.unwrap_err();
    assert!(negative.violates(assets::CreateAssetConstraint::PriceIsNotNegative));
    let asset = assets::CreateAsset {
        owner: Uuid::nil(),
        price: Decimal::ONE,
        ..asset
    };
    let nobody = assets::create_asset(&db, asset).await.unwrap_err();
    assert!(nobody.violates(assets::CreateAssetConstraint::AssetsOwnerFkey));
}

#[tokio::test]
async fn a_transaction_is_committed_or_rolled_back() {
    let (_scratch, db) = connect().await;
    let made = db
        .transaction(|tx| async move {
            let params = users::CreateUser {
                email: "ann@example.org",
                name: None,
            };
            let made = users::create_user(&tx, params).await?;
            let (count, names) = tokio::try_join!(users::count_users(&tx), users::list_names(&tx))?;
            assert_eq!((count, names.len()), (1, 1));
            Ok::<_, sqlmill_runtime::Error>(made)
        })
        .await
        .unwrap();
    assert_eq!(made.email, "ann@example.org");

    let tx = db.begin().await.unwrap();
    let params = users::CreateUser {
        email: "bob@example.org",
        name: None,
    };
    users::create_user(&tx, params).await.unwrap();
    drop(tx);
    assert_eq!(users::count_users(&db).await.unwrap(), 1);
}
