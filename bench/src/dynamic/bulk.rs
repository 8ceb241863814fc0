//! Many rows into a table with a key, by what each contender has for it; and COPY against arrays.

use std::cell::RefCell;
use std::pin::pin;

use cornucopia::queries::calls as cornucopia_calls;
use diesel::{Connection as _, Insertable};
use diesel::{ExecuteCopyFromDsl as _, RunQueryDsl as _};
use dynamic::Database;
use dynamic::events::{self, NewEvent};
use sqlx::{Connection as _, PgConnection, Postgres, QueryBuilder};
use tokio::runtime::Runtime;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Statement};

use super::{Entrant, connect, entrant, head, same, time, turns};
use crate::contender::Failure;

const UNNEST: &str = "INSERT INTO events (id, owner, name, note, active)
SELECT id, owner, name, note, active
FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::boolean[]) AS new (id, owner, name, note, active)";

const COPY: &str = "COPY events (id, owner, name, note, active) FROM STDIN BINARY";

/// A statement has at most 65,535 parameters, and a row five.
const ROWS_OF_VALUES: usize = 13_107;

/// As the runtime has it: so many rows travel in one statement.
const CHUNK: usize = 4_096;

mod schema {
    diesel::table! {
        events (id) {
            id -> BigInt,
            owner -> Integer,
            name -> Text,
            note -> Nullable<Text>,
            active -> Bool,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = schema::events, treat_none_as_default_value = false)]
struct DieselEvent<'a> {
    id: i64,
    owner: i32,
    name: &'a str,
    note: Option<&'a str>,
    active: bool,
}

/// What a service holds.
struct Event {
    id: i64,
    owner: i32,
    name: String,
    note: Option<String>,
    active: bool,
}

fn made_up(rows: usize) -> Vec<Event> {
    (0..rows as i64)
        .map(|id| Event {
            id,
            owner: (id % 97) as i32,
            name: format!("the event of number {id}"),
            note: (id % 3 != 0).then(|| format!("a note of {id}")),
            active: id % 2 == 0,
        })
        .collect()
}

/// The same rows, a column each.
struct Columns<'a> {
    ids: Vec<i64>,
    owners: Vec<i32>,
    names: Vec<&'a str>,
    notes: Vec<Option<&'a str>>,
    actives: Vec<bool>,
}

fn columns(events: &[Event]) -> Columns<'_> {
    Columns {
        ids: events.iter().map(|event| event.id).collect(),
        owners: events.iter().map(|event| event.owner).collect(),
        names: events.iter().map(|event| event.name.as_str()).collect(),
        notes: events.iter().map(|event| event.note.as_deref()).collect(),
        actives: events.iter().map(|event| event.active).collect(),
    }
}

pub(super) fn compare(
    runtime: &Runtime,
    url: &str,
    admin: &Client,
    rounds: usize,
) -> Result<(), Failure> {
    let rows = 10_000;
    let events = made_up(rows);
    println!("\n10,000 rows of five columns into a table with a key, all or none:\n");
    let ours = runtime.block_on(ours(url))?;
    let hand = RefCell::new(runtime.block_on(Hand::connect(url))?);
    let pool = deadpool_postgres::Pool::builder(deadpool_postgres::Manager::new(
        url.parse()?,
        tokio_postgres::NoTls,
    ))
    .max_size(1)
    .build()?;
    let sqlx = RefCell::new(runtime.block_on(PgConnection::connect(url))?);
    let diesel = RefCell::new(diesel::PgConnection::establish(url)?);
    let mut entrants = [
        entrant("sqlmill, `--@ bulk`", || {
            runtime.block_on(by_ours(&ours, &events))
        }),
        entrant("tokio-postgres, `unnest`", || {
            runtime.block_on(hand.borrow().unnest(&events))
        }),
        entrant("cornucopia, `unnest`", || {
            runtime.block_on(by_cornucopia(&pool, &events))
        }),
        entrant("sqlx, `unnest`", || {
            runtime.block_on(by_sqlx(&mut sqlx.borrow_mut(), &events))
        }),
        entrant("sqlx, `QueryBuilder::push_values`", || {
            runtime.block_on(by_query_builder(&mut sqlx.borrow_mut(), &events))
        }),
        entrant("diesel, `insert_into`", || {
            by_diesel(&mut diesel.borrow_mut(), &events)
        }),
        entrant("diesel, `copy_from`", || {
            by_diesel_copy(&mut diesel.borrow_mut(), &events)
        }),
    ];
    check(runtime, admin, &mut entrants, rows)?;
    let measured = turns(&mut entrants, rounds, 1, || truncate(runtime, admin))?;
    head(&[
        "",
        "wall time",
        "to the first",
        "client CPU",
        "to the first",
    ]);
    for one in measured {
        println!(
            "| {} | {} | {:.2} | {} | {:.2} |",
            one.name,
            time(one.wall),
            one.wall_ratio,
            time(one.cpu),
            one.cpu_ratio
        );
    }
    Ok(())
}

/// By hand, so that nothing but the way of the rows differs.
pub(super) fn copy(
    runtime: &Runtime,
    url: &str,
    admin: &Client,
    rounds: usize,
) -> Result<(), Failure> {
    println!(
        "\nCOPY BINARY against arrays, both by tokio-postgres; in parentheses to the first:\n"
    );
    head(&[
        "rows",
        "`unnest`",
        "`unnest`, 4,096 rows a statement",
        "COPY BINARY",
        "client CPU of the three",
    ]);
    for rows in [100, 1_000, 3_000, 10_000, 100_000] {
        let events = made_up(rows);
        let hand = RefCell::new(runtime.block_on(Hand::connect(url))?);
        let mut entrants = [
            entrant("unnest", || runtime.block_on(hand.borrow().unnest(&events))),
            entrant("chunks", || {
                runtime.block_on(hand.borrow_mut().chunks(&events))
            }),
            entrant("copy", || runtime.block_on(hand.borrow().copy(&events))),
        ];
        check(runtime, admin, &mut entrants, rows)?;
        let times = (20_000 / rows).clamp(1, 20);
        let measured = turns(&mut entrants, rounds, times, || truncate(runtime, admin))?;
        let cells: Vec<String> = measured
            .iter()
            .enumerate()
            .map(|(place, one)| match place {
                0 => time(one.wall),
                _ => format!("{} ({:.2})", time(one.wall), one.wall_ratio),
            })
            .collect();
        let cpu: Vec<String> = measured.iter().map(|one| time(one.cpu)).collect();
        println!("| {rows} | {} | {} |", cells.join(" | "), cpu.join(", "));
    }
    Ok(())
}

fn truncate(runtime: &Runtime, admin: &Client) -> Result<(), Failure> {
    Ok(runtime.block_on(admin.batch_execute("TRUNCATE events"))?)
}

/// Everyone leaves the same rows behind.
fn check(
    runtime: &Runtime,
    admin: &Client,
    entrants: &mut [Entrant<'_>],
    rows: usize,
) -> Result<(), Failure> {
    let found = "SELECT count(*), md5(string_agg(events::text, ',' ORDER BY id)) FROM events";
    let mut first: Option<String> = None;
    for entrant in entrants {
        truncate(runtime, admin)?;
        (entrant.work)()?;
        let row = runtime.block_on(admin.query_one(found, &[]))?;
        let (count, digest): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
        same(entrant.name, count == rows as i64)?;
        same(entrant.name, first.get_or_insert(digest.clone()) == &digest)?;
    }
    Ok(())
}

async fn ours(url: &str) -> Result<Database, Failure> {
    let builder = Database::builder().pool_size(1).shared_connections(0);
    Ok(builder.connect(url).await?)
}

async fn by_ours(db: &Database, events: &[Event]) -> Result<(), Failure> {
    let rows: Vec<NewEvent<'_>> = events
        .iter()
        .map(|event| NewEvent {
            id: event.id,
            owner: event.owner,
            name: &event.name,
            note: event.note.as_deref(),
            active: event.active,
        })
        .collect();
    events::insert_events(db, &rows).await?;
    Ok(())
}

async fn by_cornucopia(pool: &deadpool_postgres::Pool, events: &[Event]) -> Result<(), Failure> {
    let client = pool.get().await?;
    let Columns {
        ids,
        owners,
        names,
        notes,
        actives,
    } = columns(events);
    cornucopia_calls::insert_events()
        .bind(&client, &ids, &owners, &names, &notes, &actives)
        .await?;
    Ok(())
}

async fn by_sqlx(connection: &mut PgConnection, events: &[Event]) -> Result<(), Failure> {
    let columns = columns(events);
    sqlx::query(UNNEST)
        .bind(&columns.ids)
        .bind(&columns.owners)
        .bind(&columns.names)
        .bind(&columns.notes)
        .bind(&columns.actives)
        .execute(connection)
        .await?;
    Ok(())
}

async fn by_query_builder(connection: &mut PgConnection, events: &[Event]) -> Result<(), Failure> {
    let mut transaction = connection.begin().await?;
    for chunk in events.chunks(ROWS_OF_VALUES) {
        let mut builder: QueryBuilder<Postgres> =
            QueryBuilder::new("INSERT INTO events (id, owner, name, note, active) ");
        builder.push_values(chunk, |mut row, event| {
            row.push_bind(event.id)
                .push_bind(event.owner)
                .push_bind(&event.name)
                .push_bind(&event.note)
                .push_bind(event.active);
        });
        builder.build().execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

fn diesel_rows(events: &[Event]) -> Vec<DieselEvent<'_>> {
    events
        .iter()
        .map(|event| DieselEvent {
            id: event.id,
            owner: event.owner,
            name: &event.name,
            note: event.note.as_deref(),
            active: event.active,
        })
        .collect()
}

fn by_diesel(connection: &mut diesel::PgConnection, events: &[Event]) -> Result<(), Failure> {
    connection.transaction(|connection| {
        for chunk in events.chunks(ROWS_OF_VALUES) {
            diesel::insert_into(schema::events::table)
                .values(diesel_rows(chunk))
                .execute(connection)?;
        }
        Ok(())
    })
}

fn by_diesel_copy(connection: &mut diesel::PgConnection, events: &[Event]) -> Result<(), Failure> {
    let _: usize = diesel::copy_from(schema::events::table)
        .from_insertable(diesel_rows(events))
        .execute(connection)?;
    Ok(())
}

struct Hand {
    client: Client,
    unnest: Statement,
    copy: Statement,
}

impl Hand {
    async fn connect(url: &str) -> Result<Self, Failure> {
        let client = connect(url).await?;
        Ok(Self {
            unnest: client.prepare(UNNEST).await?,
            copy: client.prepare(COPY).await?,
            client,
        })
    }

    async fn unnest(&self, events: &[Event]) -> Result<(), Failure> {
        let columns = columns(events);
        self.client.execute(&self.unnest, &arrays(&columns)).await?;
        Ok(())
    }

    async fn chunks(&mut self, events: &[Event]) -> Result<(), Failure> {
        if events.len() <= CHUNK {
            return self.unnest(events).await;
        }
        let transaction = self.client.transaction().await?;
        for chunk in events.chunks(CHUNK) {
            let columns = columns(chunk);
            transaction.execute(&self.unnest, &arrays(&columns)).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn copy(&self, events: &[Event]) -> Result<(), Failure> {
        let types = [Type::INT8, Type::INT4, Type::TEXT, Type::TEXT, Type::BOOL];
        let sink = self.client.copy_in(&self.copy).await?;
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        for event in events {
            let row: [&(dyn ToSql + Sync); 5] = [
                &event.id,
                &event.owner,
                &event.name,
                &event.note,
                &event.active,
            ];
            writer.as_mut().write(&row).await?;
        }
        writer.finish().await?;
        Ok(())
    }
}

fn arrays<'a>(columns: &'a Columns<'_>) -> [&'a (dyn ToSql + Sync); 5] {
    [
        &columns.ids,
        &columns.owners,
        &columns.names,
        &columns.notes,
        &columns.actives,
    ]
}
