//! What a call costs beside the same call written by hand against tokio-postgres, with a statement prepared before.
//!
//! `cost URL hand|ours|shared|held by_key|insert|rows|bulk CALLS`, to be run under `valgrind --tool=callgrind` (instructions) or
//! `valgrind` (allocations) with two numbers of calls: the difference is what the calls cost, whatever the start costs.
//! The tables are made when they are not there. `bulk` is 10,000 rows of five columns, of which the server stores none; `held` asks three
//! rules of each.

use std::error::Error;

use sqlmill_runtime::types::Uuid;
use sqlmill_runtime::{BulkExecute, Database, Execute, Many, Optional, Rows, Statement};

struct User {
    id: Uuid,
    email: String,
    name: Option<String>,
    age: i32,
}

impl User {
    /// Looks at every field, so that none is optimized away.
    fn weight(&self) -> usize {
        let name = self.name.as_ref().map_or(0, String::len);
        let age = usize::try_from(self.age).unwrap_or_default();
        usize::from(self.id.as_bytes()[15]) + self.email.len() + name + age
    }
}

#[allow(dead_code)]
struct UserRef<'a> {
    id: Uuid,
    email: &'a str,
    name: Option<&'a str>,
    age: i32,
}

sqlmill_runtime::row! { User, UserRef { id, email, name, age } }

const BY_KEY: &str = "SELECT id, email, name, age FROM cost_users WHERE id = $1";
const INSERT: &str = "INSERT INTO cost_log (id, email, age) VALUES ($1, $2, $3)";
const ROWS: &str = "SELECT id, email, name, age FROM cost_users LIMIT $1";

static BY_KEY_STATEMENT: Statement<(Uuid,), User> = Statement::new(
    "cost::by_key",
    "examples/cost.rs:1",
    BY_KEY,
    "uuid",
    "uuid text text int4",
);
static SHARED_STATEMENT: Statement<(Uuid,), User> = Statement::new(
    "cost::by_key",
    "examples/cost.rs:1",
    BY_KEY,
    "uuid",
    "uuid text text int4",
)
.shared();
static INSERT_STATEMENT: Statement<(Uuid, &str, i32)> = Statement::new(
    "cost::insert",
    "examples/cost.rs:2",
    INSERT,
    "uuid text int4",
    "",
);
static ROWS_STATEMENT: Statement<(i64,), User> = Statement::new(
    "cost::rows",
    "examples/cost.rs:3",
    ROWS,
    "int8",
    "uuid text text int4",
);

const BULK: &str = "INSERT INTO cost_events (id, owner, name, note, active)
SELECT bulk.p1, bulk.p2, bulk.p3, bulk.p4, bulk.p5
FROM unnest($1::int8[], $2::int4[], $3::text[], $4::text[], $5::bool[]) AS bulk (p1, p2, p3, p4, p5) WHERE bulk.p1 < 0";

type Event<'a> = (i64, i32, &'a str, Option<&'a str>, bool);

static BULK_STATEMENT: Statement<Rows<'_, Event<'_>>> = Statement::new(
    "cost::bulk",
    "examples/cost.rs:4",
    BULK,
    "int8[] int4[] text[] text[] bool[]",
    "",
);
static HELD_STATEMENT: Statement<Rows<'_, Event<'_>>> = Statement::new(
    "cost::bulk",
    "examples/cost.rs:4",
    BULK,
    "int8[] int4[] text[] text[] bool[]",
    "",
)
.held(EVENT_HELD);
sqlmill_runtime::held! {
    EVENT_HELD
    1 "owner" "public"."cost_events" "owner_check" "an owner": Integer(Greater, 0);
    2 "name" "public"."cost_events" "varchar(255)" "at most 255 characters": AtMost(255);
    2 "name" "public"."cost_events" "name_check" "not empty": Not(&OneOf(&[""]));
}

const EVENTS: usize = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, who, what, calls] = args.as_slice() else {
        return Err("usage: cost URL hand|ours|shared|held by_key|insert|rows|bulk CALLS".into());
    };
    let calls: usize = calls.parse()?;
    let key = Uuid::from_u128(7);
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    let driver = tokio::spawn(connection);
    client
        .batch_execute(
            "CREATE UNLOGGED TABLE IF NOT EXISTS cost_users
                 (id uuid PRIMARY KEY, email text NOT NULL, name text, age int NOT NULL);
             CREATE UNLOGGED TABLE IF NOT EXISTS cost_log
                 (id uuid NOT NULL, email text NOT NULL, age int NOT NULL);
             CREATE UNLOGGED TABLE IF NOT EXISTS cost_events
                 (id int8 NOT NULL, owner int NOT NULL, name text NOT NULL, note text, active bool NOT NULL);
             INSERT INTO cost_users SELECT lpad(to_hex(n), 32, '0')::uuid, 'user' || n || '@example.org',
                 CASE WHEN n % 2 = 0 THEN 'Name ' || n END, n
             FROM generate_series(1, 1000) AS n ON CONFLICT DO NOTHING;",
        )
        .await?;
    let names: Vec<String> = (0..EVENTS).map(|n| format!("event number {n}")).collect();
    let event = |(n, name): (u16, &'static str)| {
        let note = (n % 3 != 0).then_some("something that was said of it");
        (i64::from(n), i32::from(n % 100) + 1, name, note, n % 2 == 0)
    };
    let names = names.into_iter().map(|name| &*name.leak());
    let events: Vec<Event<'static>> = (0_u16..).zip(names).map(event).collect();
    let mut seen = 0_usize;
    match who.as_str() {
        "hand" => {
            let by_key = client.prepare(BY_KEY).await?;
            let insert = client.prepare(INSERT).await?;
            let rows = client.prepare(ROWS).await?;
            let bulk = client.prepare(BULK).await?;
            for _ in 0..calls {
                match what.as_str() {
                    "by_key" => {
                        if let Some(row) = client.query_opt(&by_key, &[&Key(key)]).await? {
                            seen += by_hand(&row)?.weight();
                        }
                    }
                    "insert" => {
                        let email = "somebody@example.org";
                        client
                            .execute(&insert, &[&Key(key), &email, &7_i32])
                            .await?;
                        seen += 1;
                    }
                    "bulk" => {
                        let ids: Vec<i64> = events.iter().map(|event| event.0).collect();
                        let owners: Vec<i32> = events.iter().map(|event| event.1).collect();
                        let names: Vec<&str> = events.iter().map(|event| event.2).collect();
                        let notes: Vec<Option<&str>> = events.iter().map(|event| event.3).collect();
                        let active: Vec<bool> = events.iter().map(|event| event.4).collect();
                        client
                            .execute(&bulk, &[&ids, &owners, &names, &notes, &active])
                            .await?;
                        seen += events.len();
                    }
                    _ => {
                        let rows = client.query(&rows, &[&1000_i64]).await?;
                        let users = rows.iter().map(by_hand).collect::<Result<Vec<_>, _>>()?;
                        seen += users.len();
                    }
                }
            }
        }
        _ => {
            let db = Database::builder().pool_size(1).connect(url).await?;
            let by_key = match who.as_str() {
                "shared" => &SHARED_STATEMENT,
                _ => &BY_KEY_STATEMENT,
            };
            let bulk = match who.as_str() {
                "held" => &HELD_STATEMENT,
                _ => &BULK_STATEMENT,
            };
            for _ in 0..calls {
                match what.as_str() {
                    "by_key" => {
                        let query = Optional::new(&db, by_key, (key,));
                        seen += query.await?.map_or(0, |user| user.weight());
                    }
                    "insert" => {
                        let params = (key, "somebody@example.org", 7);
                        Execute::new(&db, &INSERT_STATEMENT, params).await?;
                        seen += 1;
                    }
                    "bulk" => {
                        BulkExecute::new(&db, bulk, &events).await?;
                        seen += events.len();
                    }
                    _ => {
                        let users = Many::new(&db, &ROWS_STATEMENT, (1000,)).await?;
                        seen += users.len();
                    }
                }
            }
        }
    }
    println!("{seen}");
    drop(client);
    driver.await??;
    Ok(())
}

fn by_hand(row: &tokio_postgres::Row) -> Result<User, tokio_postgres::Error> {
    Ok(User {
        id: row.try_get::<_, Key>(0)?.0,
        email: row.try_get(1)?,
        name: row.try_get(2)?,
        age: row.try_get(3)?,
    })
}

/// A uuid as postgres-types' feature would read it.
#[derive(Debug)]
struct Key(Uuid);

impl tokio_postgres::types::ToSql for Key {
    fn to_sql(
        &self,
        _: &tokio_postgres::types::Type,
        out: &mut bytes::BytesMut,
    ) -> Result<tokio_postgres::types::IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(tokio_postgres::types::IsNull::No)
    }

    tokio_postgres::types::accepts!(UUID);
    tokio_postgres::types::to_sql_checked!();
}

impl<'r> tokio_postgres::types::FromSql<'r> for Key {
    fn from_sql(
        _: &tokio_postgres::types::Type,
        raw: &'r [u8],
    ) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Uuid::from_slice(raw)?))
    }

    tokio_postgres::types::accepts!(UUID);
}
