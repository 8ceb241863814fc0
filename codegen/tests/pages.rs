//! Pages by cursor on a real server: an index bounds the scan, and what must not have cursors has none.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says that it failed by panicking"
)]

use std::path::PathBuf;

use sqlmill::config::Config;
use sqlmill::project::QueryFile;
use sqlmill::prove::Rules;
use sqlmill::server::{self, Options, Server};
use sqlmill::source::Sources;
use sqlmill::wire::Connection;
use sqlmill::{Compiled, compile, parse, schema};

const SCHEMA: &str = "
CREATE TABLE events (
    id bigint PRIMARY KEY,
    org int NOT NULL,
    at timestamptz NOT NULL,
    code text NOT NULL,
    tag char(4) NOT NULL,
    seen int,
    gone timestamptz
);
CREATE INDEX events_newest ON events (org, at DESC, id DESC) WHERE gone IS NULL;
CREATE INDEX events_mixed ON events (org, at DESC, id);
CREATE INDEX events_late ON events (at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX events_code ON events (code, id);
CREATE INDEX events_tag ON events (tag, id DESC);
CREATE INDEX events_seen ON events (seen, id);
CREATE INDEX events_seen_of_org ON events (org, seen DESC NULLS LAST, id DESC);
CREATE INDEX events_tag_seen ON events (tag, seen, id);
CREATE TABLE mixed (id int PRIMARY KEY, a int, b text, c int, e bool NOT NULL);
CREATE TABLE notes (id bigint PRIMARY KEY, event bigint NOT NULL REFERENCES events);
CREATE VIEW live AS SELECT id, org, at FROM events WHERE gone IS NULL;
";

fn compiled(queries: &str) -> (Compiled, Connection, server::Scratch) {
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sqlmill");
    let options = Options {
        cache,
        ..Options::default()
    };
    let server = Server::start(&options).unwrap();
    let mut sources = Sources::default();
    let schema_file = sources.add("schema.sql", SCHEMA);
    let file = sources.add("queries/events.sql", queries);
    let module = "events".to_owned();
    let (statements, found) = schema::split(&sources, schema_file);
    assert_eq!(found, []);
    let parsed = parse(&sources, &[QueryFile { file, module }]);
    let scratch = server.load(&statements, &[]).unwrap();
    let mut connection = scratch.connect().unwrap();
    let compiled = compile(
        &sources,
        &Config::default(),
        parsed,
        &mut connection,
        &Rules::all(),
    )
    .unwrap();
    (compiled, connection, scratch)
}

const QUERIES: &str = "
--! by_id
--@ page
SELECT id, code FROM events ORDER BY id;

--! newest
--@ page
SELECT id, at, code FROM events WHERE org = :org AND gone IS NULL ORDER BY at DESC, id DESC;

--! mixed
--@ page
SELECT id, at FROM events WHERE org = :org ORDER BY at DESC, id;

--! late
--@ page
SELECT id, at FROM events ORDER BY at DESC NULLS LAST, id DESC NULLS LAST;

--! by_code
--@ page
SELECT code, id FROM events ORDER BY code, id;

--! by_tag
--@ page
SELECT tag, id FROM events ORDER BY tag, id DESC;

--! joined
--@ page
SELECT e.at, e.id, n.id AS note
FROM events AS e
LEFT JOIN notes AS n ON n.event = e.id AND n.id = 1
WHERE e.org = :org AND e.gone IS NULL
ORDER BY e.at DESC, e.id DESC;

--! viewed
--@ page
SELECT id, at FROM live WHERE org = :org ORDER BY at DESC, id DESC;

--! seen
--@ page
SELECT seen, id FROM events ORDER BY seen, id;

--! seen_of_org
--@ page
SELECT seen, id FROM events WHERE org = :org ORDER BY seen DESC NULLS LAST, id DESC;

--! tag_and_seen
--@ page
SELECT tag, seen, id FROM events ORDER BY tag, seen, id;
";

#[test]
fn an_index_bounds_what_a_cursor_reads() {
    let (compiled, _, scratch) = compiled(QUERIES);
    let database = scratch.fresh_database().unwrap();
    let mut connection = database.connect().unwrap();
    assert_eq!(compiled.diagnostics, []);
    connection
        .simple(
            "INSERT INTO events
             SELECT n, n % 5, timestamptz '2024-01-01' + interval '1 minute' * (n / 3), md5(n::text), n % 100,
                 CASE WHEN n % 3 > 0 THEN n / 3 END,
                 CASE WHEN n % 10 = 0 THEN now() END
             FROM generate_series(1, 30000) AS n;
             ANALYZE events;
             SET plan_cache_mode = force_generic_plan",
        )
        .unwrap();
    for (index, checked) in compiled.checked().iter().enumerate() {
        let name = &checked.parsed.name.value;
        let pages = checked.pages.unwrap();
        let cursor = pages.orders[0].cursor.as_ref().unwrap();
        let [_, _, by_cursor @ ..] = pages.texts[0].made.as_slice() else {
            panic!("{name} has no cursors");
        };
        assert_eq!(by_cursor.len(), 2 << cursor.nulls().len());
        for (which, (sql, statement)) in by_cursor.iter().enumerate() {
            let prepared = format!("p{index}_{which}");
            connection
                .simple(&format!("PREPARE {prepared} AS {sql}"))
                .unwrap();
            let nulls = vec!["NULL"; statement.params.len()].join(", ");
            let plan = connection
                .simple(&format!("EXPLAIN EXECUTE {prepared}({nulls})"))
                .unwrap();
            let plan: Vec<String> = plan
                .into_iter()
                .flat_map(|rows| rows.rows)
                .flatten()
                .flatten()
                .collect();
            let plan = plan.join("\n");
            // The first of the keys is in the condition of the index, and nothing is sorted but ties, if anything.
            let key = &cursor.keys[0].name;
            let bounded = plan
                .lines()
                .filter(|line| line.contains("Index Cond") && line.contains(key.as_str()));
            // Rows that are NULL in the first key are looked for apart from the others.
            let parts = 1 + sql.matches("UNION ALL").count();
            assert_eq!(bounded.count(), parts, "{name}: {sql}\n{plan}");
            assert!(!plan.contains("Seq Scan"), "{name}: {sql}\n{plan}");
            // Sorted are ties, and a page of each part.
            assert!(
                !plan.contains(" Sort ") || plan.contains("Incremental Sort") || parts == 2,
                "{name}: {sql}\n{plan}"
            );
        }
    }
}

#[test]
fn what_cannot_be_sound_has_no_cursors() {
    let (compiled, ..) = compiled(
        "
--! too_many_nullable
--@ page
SELECT nullif(org, 1) AS a, nullif(org, 2) AS b, nullif(org, 3) AS c, seen, id FROM events ORDER BY a, b, c, seen, id;

--! hidden
--@ page
SELECT id FROM events ORDER BY at, id;

--! computed
--@ page
SELECT id, code FROM events ORDER BY lower(code), id;

--! other_operator
--@ page
SELECT code, id FROM events ORDER BY code USING ~<~, id;

--! other_collation
--@ page
SELECT code, id FROM events ORDER BY code COLLATE \"C\", id;

--! repeated
--@ page
SELECT id, id AS again FROM events ORDER BY id, again;

--! unordered
--@ page
--@ allow(page_order, \"any page will do\")
SELECT id FROM events;

--! tied
--@ page
--@ allow(page_order, \"any page will do\")
SELECT id, code FROM events ORDER BY code;

--! chosen
--@ page
--@ order(newest: at DESC, id; code: code, id; late: lower(code), id)
SELECT id, code FROM events;

--! filtered
--@ page
SELECT seen, id FROM events WHERE (:seen IS NULL OR seen = :seen) ORDER BY seen, id;

--! outer_joined
--@ page
SELECT e.id, n.id AS note FROM events AS e LEFT JOIN notes AS n ON n.event = e.id ORDER BY e.id, n.id;

--! of_functions
--@ page
SELECT id, code FROM events ORDER BY id, :text || code;

--! collated
--- The column itself is of that collation, and so is the comparison.
--@ page
SELECT code COLLATE \"C\" AS code, id FROM events ORDER BY 1, id;

--! computed_and_shown
--@ page
SELECT id, lower(code) AS low FROM events ORDER BY low, id;

--! stands_for_null
--@ page
SELECT id, coalesce(seen, -1) AS seen FROM events ORDER BY 2 DESC, id;
",
    );
    assert_eq!(compiled.diagnostics, []);
    let said: Vec<(String, Result<String, String>)> = compiled
        .checked()
        .iter()
        .map(|checked| {
            let pages = checked.pages.unwrap();
            let reasons = pages.without_cursors();
            let cursors = pages.orders.iter().flat_map(|order| &order.cursor);
            let cursors: Vec<String> = cursors.map(|cursor| cursor.order()).collect();
            (
                checked.parsed.name.value.clone(),
                match reasons.as_slice() {
                    [] => Ok(cursors.join(" | ")),
                    reasons => Err(reasons.join(" | ")),
                },
            )
        })
        .collect();
    let no = |name: &str, why: &str| (name.to_owned(), Err(why.to_owned()));
    let yes = |name: &str, order: &str| (name.to_owned(), Ok(order.to_owned()));
    assert_eq!(
        said,
        [
            no(
                "too_many_nullable",
                "4 of the columns that it is ordered by may be NULL, and 3 at most are followed; order by fewer, or by `coalesce(…)` that is \
                 selected under a name"
            ),
            no(
                "hidden",
                "it is ordered by `at`, which is not among its columns; select it as well"
            ),
            no(
                "computed",
                "it is ordered by `lower(code)`, which is not among its columns; select it under a name, `SELECT …, lower(code) AS key`, \
                 and write `ORDER BY key`"
            ),
            no(
                "other_operator",
                "it is ordered by `code` in another way than its type's own; order by it without USING"
            ),
            no(
                "other_collation",
                "it is ordered by `code` under another collation or type than that column has; select what it is ordered by under a name, \
                 `SELECT …, code COLLATE … AS key`, and write `ORDER BY key`"
            ),
            yes("repeated", "id int8, again int8"),
            no(
                "unordered",
                "it has no ORDER BY; end one in a unique key of the result, such as its `id`"
            ),
            no(
                "tied",
                "rows with equal keys are possible: nothing fixes `id` of `events`; end ORDER BY in a unique key of the result"
            ),
            no(
                "chosen",
                "in the order `late`, it is ordered by `lower(code)`, which is not among its columns; select it under a name, \
                 `SELECT …, lower(code) AS key`, and write `ORDER BY key` | in the order `newest`, it is ordered by `at`, which is not among \
                 its columns; select it as well"
            ),
            yes("filtered", "seen int4, id int8"),
            yes("outer_joined", "id int8, note int8"),
            no(
                "of_functions",
                "it is ordered by an expression, which is not among its columns; select it under a name, `SELECT …, … AS key`, and write \
                 `ORDER BY key`"
            ),
            yes("collated", "code text, id int8"),
            yes("computed_and_shown", "low text, id int8"),
            yes("stands_for_null", "seen int4 DESC, id int8"),
        ]
    );
}

/// A splitmix64: the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// Keys in any number, directions and places for NULL, over rows full of ties and NULLs.
fn random_order(dice: &mut Dice) -> String {
    // `e` is NOT NULL.
    let mut columns = vec!["a", "b", "c", "e"];
    let mut keys = Vec::new();
    for _ in 0..dice.below(5) {
        let column = columns.remove(dice.below(columns.len()));
        let direction = ["", " ASC", " DESC"][dice.below(3)];
        let nulls = ["", " NULLS FIRST", " NULLS LAST"][dice.below(3)];
        keys.push(format!("{column}{direction}{nulls}"));
    }
    keys.push(["id", "id DESC", "id NULLS FIRST"][dice.below(3)].to_owned());
    keys.join(", ")
}

/// From every row on, in both directions, a page by cursor is what the list has there.
#[test]
fn from_any_row_on_the_list_goes_on() {
    let seed = std::env::var("SQLMILL_TEST_SEED").map_or(1, |seed| seed.parse().unwrap());
    let dice = &mut Dice(seed);
    let orders: Vec<String> = (0..40).map(|_| random_order(dice)).collect();
    let mut queries = String::new();
    for (number, order) in orders.iter().enumerate() {
        queries += &format!(
            "--! q{number}\n--@ page\nSELECT a, b, c, e, id FROM mixed ORDER BY {order};\n\n"
        );
    }
    let (compiled, _, scratch) = compiled(&queries);
    assert_eq!(compiled.diagnostics, []);
    let database = scratch.fresh_database().unwrap();
    let mut connection = database.connect().unwrap();
    connection
        .simple(
            "INSERT INTO mixed SELECT n, CASE WHEN n % 3 > 0 THEN n % 2 END, (ARRAY['x', NULL, 'y', ''])[1 + n / 3 % 4],
                 CASE WHEN n % 5 > 1 THEN n % 3 END, n % 2 = 0
             FROM generate_series(1, 48) AS n",
        )
        .unwrap();
    for (checked, order) in compiled.checked().iter().zip(&orders) {
        let pages = checked.pages.unwrap();
        let cursor = pages.orders[0].cursor.as_ref().unwrap();
        let [_, _, by_cursor @ ..] = pages.texts[0].made.as_slice() else {
            panic!("{order} has no cursors");
        };
        let mut rows = |sql: &str| {
            let mut replies = connection.simple(sql).unwrap();
            replies.pop().unwrap().rows
        };
        let all = rows(&checked.statement.sql);
        for (place, row) in all.iter().enumerate() {
            let mut pattern = 0;
            for (bit, &key) in cursor.nulls().iter().enumerate() {
                pattern |= usize::from(row[cursor.keys[key].column].is_none()) << bit;
            }
            let limit = 1 + dice.below(all.len());
            let values = cursor.keys.iter().filter_map(|key| {
                let value = row[key.column].as_ref()?;
                Some(format!("'{value}'::{}", key.sql_type))
            });
            let values: Vec<String> = values.chain([limit.to_string()]).collect();
            let mut page = |backwards: usize| {
                let (text, _) = &by_cursor[2 * pattern + backwards];
                let numbered = values.iter().enumerate();
                let text = numbered.fold(text.clone(), |text, (index, value)| {
                    text.replace(&format!("${}", index + 1), value)
                });
                rows(&text)
            };
            let after = all[place + 1..].iter().take(limit);
            assert!(page(0).iter().eq(after), "after {row:?} by {order}");
            let before = all[..place].iter().rev().take(limit);
            assert!(page(1).iter().eq(before), "before {row:?} by {order}");
        }
    }
}
