//! Optional filters: a text for each combination against the statement as it is written.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, SimpleQueryMessage, Statement};

use super::{connect, entrant, head, same, time, turns};
use crate::contender::Failure;

const ORGANIZATION: i32 = 7;
const AUTHOR: i32 = 4_320;
const STATUS: &str = "draft";
/// The first of March 2026.
const SINCE: u64 = 1_772_323_200;

/// Author, state, date.
type Present = [bool; 3];

const COMBINATIONS: [(&str, Present); 4] = [
    ("none", [false; 3]),
    ("author: 5 rows", [true, false, false]),
    ("state: every tenth row", [false, true, false]),
    ("author, state and date", [true; 3]),
];

/// Before anything is timed.
const CALLS_BEFORE: usize = 12;

struct Query {
    name: &'static str,
    what: &'static str,
    /// As the author of null-guards writes it.
    written: &'static str,
}

const QUERIES: [Query; 2] = [
    Query {
        name: "reports::list_reports",
        what: "newest 20",
        written: "SELECT id, name, status
FROM reports
WHERE organization_id = $1
  AND ($2::integer IS NULL OR author_id = $2)
  AND ($3::text IS NULL OR status = $3)
  AND ($4::timestamptz IS NULL OR updated_at >= $4)
ORDER BY updated_at DESC, id DESC
LIMIT 20",
    },
    Query {
        name: "reports::count_reports",
        what: "count",
        written: "SELECT count(*)
FROM reports
WHERE organization_id = $1
  AND ($2::integer IS NULL OR author_id = $2)
  AND ($3::text IS NULL OR status = $3)
  AND ($4::timestamptz IS NULL OR updated_at >= $4)",
    },
];

const CONDITIONS: [&str; 3] = ["author_id = $", "status = $", "updated_at >= $"];

impl Query {
    /// The text that sqlmill sends for a combination.
    fn text(&self, present: Present) -> Result<&'static str, Failure> {
        dynamic::texts_sent()
            .into_iter()
            .find(|(name, text)| {
                let has = CONDITIONS.map(|condition| text.contains(condition));
                *name == self.name && has == present
            })
            .map(|(_, text)| text)
            .ok_or_else(|| format!("no text of {} for {present:?}", self.name).into())
    }
}

/// A connection, and statements by the combinations that they are for.
struct Asking {
    client: Client,
    statements: Vec<Statement>,
    written: bool,
}

impl Asking {
    async fn each_its_text(url: &str, query: &Query) -> Result<Self, Failure> {
        let client = connect(url).await?;
        let mut statements = Vec::new();
        for (_, present) in COMBINATIONS {
            statements.push(client.prepare(query.text(present)?).await?);
        }
        Self::asked(client, statements, false).await
    }

    async fn as_written(url: &str, query: &Query, plans: &str) -> Result<Self, Failure> {
        let client = connect(url).await?;
        let set = format!("SET plan_cache_mode = {plans}");
        client.batch_execute(&set).await?;
        let statement = client.prepare(query.written).await?;
        Self::asked(client, vec![statement; COMBINATIONS.len()], true).await
    }

    /// Some calls of all combinations in turn are behind it: the sixth decides about the plan of a statement.
    async fn asked(
        client: Client,
        statements: Vec<Statement>,
        written: bool,
    ) -> Result<Self, Failure> {
        let asking = Self {
            client,
            statements,
            written,
        };
        for call in 0..CALLS_BEFORE {
            asking.ask(call % COMBINATIONS.len()).await?;
        }
        Ok(asking)
    }

    /// The first column.
    async fn ask(&self, combination: usize) -> Result<Vec<i64>, Failure> {
        let (_, present) = COMBINATIONS[combination];
        let since = UNIX_EPOCH + Duration::from_secs(SINCE);
        let values: [&(dyn ToSql + Sync); 3] = [&AUTHOR, &STATUS, &since];
        let absent: [&(dyn ToSql + Sync); 3] = [&None::<i32>, &None::<&str>, &None::<SystemTime>];
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&ORGANIZATION];
        for ((value, none), present) in values.into_iter().zip(absent).zip(present) {
            if present {
                params.push(value);
            } else if self.written {
                params.push(none);
            }
        }
        let rows = self
            .client
            .query(&self.statements[combination], &params)
            .await?;
        let ids: Result<Vec<i64>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        Ok(ids?)
    }
}

pub(super) fn compare(runtime: &Runtime, url: &str, rounds: usize) -> Result<(), Failure> {
    println!("\nOptional filters, a million rows, by tokio-postgres:\n");
    head(&[
        "",
        "a text for each",
        "as written",
        "as written, one plan for all",
    ]);
    for query in &QUERIES {
        let each = runtime.block_on(Asking::each_its_text(url, query))?;
        let written = runtime.block_on(Asking::as_written(url, query, "auto"))?;
        let one_plan = runtime.block_on(Asking::as_written(url, query, "force_generic_plan"))?;
        for (place, (name, _)) in COMBINATIONS.iter().enumerate() {
            let ask = |asking: &Asking| runtime.block_on(asking.ask(place));
            let expected = ask(&each)?;
            same(name, expected.first().is_some_and(|&first| first > 0))?;
            same(
                name,
                ask(&written)? == expected && ask(&one_plan)? == expected,
            )?;
            let mut entrants = [
                entrant("each", || ask(&each).map(drop)),
                entrant("written", || ask(&written).map(drop)),
                entrant("one plan", || ask(&one_plan).map(drop)),
            ];
            let measured = turns(&mut entrants, rounds, 20, || Ok(()))?;
            let cells: Vec<String> = measured
                .iter()
                .enumerate()
                .map(|(place, one)| match place {
                    0 => time(one.wall),
                    _ => format!("{} ({:.2})", time(one.wall), one.wall_ratio),
                })
                .collect();
            println!("| {}, {name} | {} |", query.what, cells.join(" | "));
        }
    }
    println!(
        "\nWhat the server does, by its own account, after {CALLS_BEFORE} calls of all combinations in turn:\n"
    );
    head(&[
        "",
        "a text for each",
        "as written",
        "as written, one plan for all",
    ]);
    for query in &QUERIES {
        runtime.block_on(plans(url, query))?;
    }
    Ok(())
}

/// The texts are those that the two forms send.
async fn plans(url: &str, query: &Query) -> Result<(), Failure> {
    let client = connect(url).await?;
    let prepare = |name: &str, text: &str| format!("PREPARE {name} AS {text}");
    for name in ["written", "one_plan"] {
        client.batch_execute(&prepare(name, query.written)).await?;
    }
    let values = [
        AUTHOR.to_string(),
        format!("'{STATUS}'"),
        format!("to_timestamp({SINCE})"),
    ];
    let mut calls = Vec::new();
    for (place, &(name, present)) in COMBINATIONS.iter().enumerate() {
        let each = format!("each{place}");
        client
            .batch_execute(&prepare(&each, query.text(present)?))
            .await?;
        let (mut own, mut all) = (
            vec![ORGANIZATION.to_string()],
            vec![ORGANIZATION.to_string()],
        );
        for (value, present) in values.iter().zip(present) {
            if present {
                own.push(value.clone());
                all.push(value.clone());
            } else {
                all.push("NULL".to_owned());
            }
        }
        let call = |name: &str, values: &[String]| format!("EXECUTE {name}({})", values.join(", "));
        calls.push((
            name,
            call(&each, &own),
            call("written", &all),
            call("one_plan", &all),
        ));
    }
    for (_, each, written, _) in calls.iter().cycle().take(CALLS_BEFORE) {
        client.simple_query(each).await?;
        client.simple_query(written).await?;
    }
    for (name, each, written, one_plan) in &calls {
        let each = explain(&client, each).await?;
        let written = explain(&client, written).await?;
        client
            .batch_execute("SET plan_cache_mode = force_generic_plan")
            .await?;
        let one_plan = explain(&client, one_plan).await?;
        client.batch_execute("RESET plan_cache_mode").await?;
        println!(
            "| {}, {name} | {each} | {written} | {one_plan} |",
            query.what
        );
    }
    let counted = client
        .query_one(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 'written'",
            &[],
        )
        .await?;
    let (shared, own): (i64, i64) = (counted.try_get(0)?, counted.try_get(1)?);
    println!(
        "| {}: calls with the plan for all, and with their own | | {shared}, {own} | |",
        query.what
    );
    Ok(())
}

/// Where the rows come from, and how many were looked at in vain.
async fn explain(client: &Client, call: &str) -> Result<String, Failure> {
    let explain = format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {call}");
    let mut scans: Vec<String> = Vec::new();
    for message in client.simple_query(&explain).await? {
        let SimpleQueryMessage::Row(row) = message else {
            continue;
        };
        let line = row
            .get(0)
            .unwrap_or_default()
            .trim()
            .trim_start_matches("->");
        if let Some((node, _)) = line.split_once(" (actual") {
            let node = node.trim();
            if node.contains("Scan") {
                let node = node.strip_suffix(" on reports").unwrap_or(node);
                let node = node.replace(" Scan", "").replace(" using", "");
                scans.push(node.replace(" on ", " "));
            }
        } else if let Some((_, removed)) = line.split_once("Rows Removed by Filter: ")
            && let Some(scan) = scans.last_mut()
        {
            scan.push_str(&format!(", {removed} rows in vain"));
        }
    }
    Ok(scans.join("; "))
}
