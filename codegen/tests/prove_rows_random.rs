//! Statements made at random over small tables full of duplicates and NULLs: no claim about rows or orders may break.
//!
//! `SQLMILL_TEST_SEED` and `SQLMILL_TEST_ROUNDS` make it look elsewhere and longer.

#![allow(clippy::unwrap_used, clippy::panic)]

mod facts;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use facts::{Bench, benches};
use sqlmill::describe::Described;
use sqlmill::facts::Cardinality;
use sqlmill::prove::Rules;

/// All columns are integers, so that any may be compared with any.
const SCHEMA: &str = "
CREATE TABLE a (id int PRIMARY KEY, x int, y int NOT NULL);
CREATE TABLE b (id int NOT NULL, x int UNIQUE, y int);
CREATE TABLE c (id int, x int, y int NOT NULL, UNIQUE (id, x));
CREATE TABLE d (id int NOT NULL, x int, y int);
CREATE UNIQUE INDEX d_live ON d (id) WHERE x IS NULL;
CREATE UNIQUE INDEX d_some ON d (y) WHERE x > 1;
CREATE TABLE e (id int NOT NULL, x int NOT NULL, y int, PRIMARY KEY (id, x));
CREATE VIEW va AS SELECT id, x, y FROM a WHERE x IS NOT NULL;
CREATE VIEW vg AS SELECT y AS id, max(x) AS x, count(*)::int AS y FROM e GROUP BY y;
";

/// A splitmix64: the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// One statement, and the aliases that it has given out.
struct Maker<'d> {
    dice: &'d mut Dice,
    aliases: usize,
}

const COLUMNS: &[&str] = &["id", "x", "y"];

impl Maker<'_> {
    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    fn column(&mut self, of: &[String]) -> String {
        let place = self.dice.below(of.len());
        format!("{}.{}", of[place], self.dice.pick(COLUMNS))
    }

    fn condition(&mut self, of: &[String], outer: &[String]) -> String {
        let left = self.column(of);
        match self.dice.below(13) {
            0..=4 => {
                let right = self.column(of);
                format!("{left} = {right}")
            }
            12 => {
                let alias = self.alias();
                let table = self.dice.pick(&["a", "b", "e"]);
                let inner = self.column(std::slice::from_ref(&alias));
                let right = self.column(of);
                match self.dice.below(3) {
                    0 => format!("{left} IN (SELECT {inner} FROM {table} {alias})"),
                    1 => format!("{left} = (SELECT max({inner}) FROM {table} {alias})"),
                    _ => format!(
                        "EXISTS (SELECT FROM {table} {alias} WHERE {inner} = {right} AND {left} = 1)"
                    ),
                }
            }
            5..=7 => {
                let value = self.dice.below(3);
                format!("{left} = {value}")
            }
            8 => format!("{left} IS NULL"),
            9 => {
                let value = self.dice.below(3);
                format!("{left} IS NOT DISTINCT FROM {value}")
            }
            10 if !outer.is_empty() => {
                let right = self.column(outer);
                format!("{left} = {right}")
            }
            _ => {
                let (first, second) = (self.column(of), self.column(of));
                match self.dice.below(5) {
                    0 => format!("({left} = 1 OR {first} = {second})"),
                    1 => format!("{left} > 1"),
                    2 => format!("coalesce({left}, 0) = 1"),
                    3 => format!("{left} IS NOT NULL"),
                    _ => format!("NOT {left} = {first}"),
                }
            }
        }
    }

    fn conditions(&mut self, of: &[String], outer: &[String]) -> String {
        let count = 1 + self.dice.below(3);
        let list: Vec<String> = (0..count).map(|_| self.condition(of, outer)).collect();
        list.join(" AND ")
    }

    /// A FROM item, and the aliases that it shows.
    fn item(&mut self, depth: usize, outer: &[String]) -> (String, Vec<String>) {
        if depth > 0 && self.dice.below(10) < 6 {
            let (left, mut shown) = self.item(depth - 1, outer);
            let (right, more) = self.item(depth - 1, outer);
            let kind = self.dice.pick(&[
                "JOIN",
                "JOIN",
                "LEFT JOIN",
                "LEFT JOIN",
                "RIGHT JOIN",
                "FULL JOIN",
                "CROSS JOIN",
            ]);
            let (first, second) = (self.column(&shown), self.column(&more));
            shown.extend(more);
            let on = match kind {
                "CROSS JOIN" => String::new(),
                // A FULL JOIN needs an equality of both sides, and no more is always taken.
                "FULL JOIN" => format!(" ON {first} = {second}"),
                _ if self.dice.one_in(2) => format!(" ON {first} = {second}"),
                _ => format!(" ON {}", self.conditions(&shown, outer)),
            };
            return (format!("({left} {kind} {right}{on})"), shown);
        }
        let alias = self.alias();
        let text = match self.dice.below(17) {
            0..=9 => format!(
                "{} {alias}",
                self.dice.pick(&["a", "b", "c", "d", "e", "va", "vg"])
            ),
            10 if depth > 0 => format!("({}) {alias}", self.query(depth - 1, &[])),
            11 => format!(
                "(VALUES ({}, 1, NULL::int)) {alias}(id, x, y)",
                self.dice.below(3)
            ),
            12 if depth > 0 => format!(
                "(({}) {} ({})) {alias}",
                self.query(0, &[]),
                self.dice
                    .pick(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]),
                self.query(0, &[])
            ),
            // Each part has a constant of its own, or not quite.
            14 => {
                let constants = ["1", "2", "'1'::bigint", "'2'::smallint"];
                let tables = ["a", "b", "e"];
                format!(
                    "(SELECT {} AS id, id AS x, y FROM {} UNION ALL SELECT {}, id, y FROM {}) {alias}",
                    self.dice.pick(&constants),
                    self.dice.pick(&tables),
                    self.dice.pick(&constants),
                    self.dice.pick(&tables)
                )
            }
            15 => {
                let table = self.dice.pick(&["a", "b", "e"]);
                let sets = self.dice.pick(&[
                    "ROLLUP (id)",
                    "GROUPING SETS ((id), ())",
                    "GROUPING SETS ((id, x), (id))",
                    "id, x HAVING x = 1",
                    "id, GROUPING SETS ((x))",
                ]);
                let x = if sets.contains('x') { "x" } else { "max(x)" };
                format!(
                    "(SELECT id, {x} AS x, count(*)::int AS y FROM {table} GROUP BY {sets}) {alias}"
                )
            }
            16 => format!(
                "(SELECT id, generate_series(0, {}) AS x, y FROM {}) {alias}",
                self.dice.below(2),
                self.dice.pick(&["a", "b", "e"])
            ),
            _ => format!("{} {alias}", self.dice.pick(&["a", "b", "e"])),
        };
        (text, vec![alias])
    }

    /// A query of three integers, `id`, `x`, `y`.
    fn query(&mut self, depth: usize, outer: &[String]) -> String {
        let (mut from, mut shown) = self.item(depth, outer);
        if depth > 0 && self.dice.one_in(6) {
            let inner = self.query(0, &shown);
            let alias = self.alias();
            let _ = write!(from, " CROSS JOIN LATERAL ({inner}) {alias}");
            shown.push(alias);
        }
        // An outer join that what LATERAL gives decides, beside the rest.
        if depth > 0 && self.dice.one_in(5) {
            let (one, two) = (self.alias(), self.alias());
            let key = self.column(&shown);
            let table = self.dice.pick(&["a", "b", "e"]);
            let (row, value) = (self.dice.below(3), self.dice.below(3));
            let _ = write!(
                from,
                ", LATERAL (SELECT {key} AS id, 1 AS x, 1 AS y LIMIT 1) {one} LEFT JOIN {table} {two} ON {two}.id = {row} AND {one}.id = {value}"
            );
            shown.push(one);
            shown.push(two);
        }
        let (first, second, third) = (
            self.column(&shown),
            self.column(&shown),
            self.column(&shown),
        );
        let condition = if self.dice.one_in(4) {
            String::new()
        } else {
            format!(" WHERE {}", self.conditions(&shown, outer))
        };
        match self.dice.below(10) {
            0 => format!(
                "SELECT {first} AS id, max({second}) AS x, count(*)::int AS y FROM {from}{condition} GROUP BY {first}"
            ),
            1 => format!(
                "SELECT {first} AS id, {second} AS x, count(*)::int AS y FROM {from}{condition} GROUP BY {first}, {second}"
            ),
            2 => format!(
                "SELECT max({first}) AS id, min({second}) AS x, count(*)::int AS y FROM {from}{condition}"
            ),
            3 => format!(
                "SELECT DISTINCT {first} AS id, {second} AS x, {third} AS y FROM {from}{condition}"
            ),
            4 => format!(
                "SELECT DISTINCT ON ({first}) {first} AS id, {second} AS x, {third} AS y FROM {from}{condition} ORDER BY {first}"
            ),
            5 => format!(
                "SELECT {first} AS id, {second} AS x, {third} AS y FROM {from}{condition} LIMIT {}",
                self.dice.below(3)
            ),
            _ => {
                format!("SELECT {first} AS id, {second} AS x, {third} AS y FROM {from}{condition}")
            }
        }
    }

    /// With an order over what it gives.
    fn statement(&mut self) -> String {
        let depth = self.dice.below(3);
        let mut query = self.query(depth, &[]);
        if self.dice.one_in(8) {
            let (one, two) = (self.alias(), self.alias());
            let shown = [one.clone(), two.clone()];
            let conditions = self.conditions(&shown, &[]);
            let (first, second, third) = (
                self.column(&shown),
                self.column(&shown),
                self.column(&shown),
            );
            query = format!(
                "WITH w AS ({query}) SELECT {first} AS id, {second} AS x, {third} AS y FROM w {one} LEFT JOIN w {two} ON {conditions}"
            );
        }
        let order = self.dice.pick(&["id", "x", "id, x", "y, id", "x, y, id"]);
        if query.contains("LIMIT") || query.contains("DISTINCT ON") {
            let alias = self.alias();
            return format!(
                "SELECT {alias}.id, {alias}.x, {alias}.y FROM ({query}) {alias} ORDER BY {order}"
            );
        }
        format!("{query} ORDER BY {order}")
    }
}

/// Rows of values from 0 to 2 and NULL; what a key refuses is left out.
fn fill(bench: &mut Bench, dice: &mut Dice) {
    let mut text = "BEGIN; TRUNCATE a, b, c, d, e;".to_owned();
    for table in ["a", "b", "c", "d", "e"] {
        let rows = dice.below(6);
        for _ in 0..rows {
            let mut value = || match dice.below(4) {
                3 => "NULL".to_owned(),
                number => number.to_string(),
            };
            let values = [value(), value(), value()].join(", ");
            let _ = write!(
                text,
                "DO $$BEGIN INSERT INTO {table} VALUES ({values}); EXCEPTION WHEN OTHERS THEN END$$;"
            );
        }
    }
    bench
        .connection()
        .simple(&format!("{text} COMMIT"))
        .unwrap();
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

struct Run {
    broken: Vec<String>,
    /// Statements that were claimed to give at most one row, and to be in a total order, by more than that.
    few: usize,
    total: usize,
}

fn run(bench: &mut Bench, dice: &mut Dice, statements: usize, rules: &Rules) -> Run {
    let texts: Vec<String> = (0..statements)
        .map(|_| Maker { dice, aliases: 0 }.statement())
        .collect();
    let described = bench.describe(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let mut claims = Vec::new();
    for (text, described) in texts.iter().zip(&described) {
        match described {
            Described::Statement(statement) if statement.plan_error.is_none() => {}
            // A FULL JOIN whose condition the planner cannot merge.
            Described::Statement(_) => continue,
            other => panic!("{text}\n{other:?}"),
        }
        let facts = bench.prove(described, rules);
        claims.push((text, facts));
    }
    let few = claims
        .iter()
        .filter(|(_, facts)| facts.cardinality.value != Cardinality::Many)
        .count();
    let total = claims
        .iter()
        .filter(|(_, facts)| {
            facts.order.total.value && facts.cardinality.value == Cardinality::Many
        })
        .count();
    let mut broken = Vec::new();
    for _ in 0..12 {
        fill(bench, dice);
        for (text, facts) in &claims {
            let rows = bench.connection().simple(text).unwrap().pop().unwrap().rows;
            let allowed = match facts.cardinality.value {
                Cardinality::None => rows.is_empty(),
                Cardinality::One => rows.len() == 1,
                Cardinality::AtMostOne => rows.len() <= 1,
                Cardinality::Many => true,
            };
            if !allowed {
                broken.push(format!(
                    "{text}\n  {:?}: {} rows",
                    facts.cardinality,
                    rows.len()
                ));
            }
            if facts.order.total.value {
                let keys: BTreeSet<Vec<&Option<String>>> = rows
                    .iter()
                    .map(|row| {
                        let columns = facts.order.keys.iter().map(|key| key.column.unwrap());
                        columns.map(|column| &row[column]).collect()
                    })
                    .collect();
                if keys.len() != rows.len() {
                    broken.push(format!(
                        "{text}\n  {:?}, and yet rows tie: {rows:?}",
                        facts.order.total
                    ));
                }
            }
        }
    }
    Run { broken, few, total }
}

#[test]
fn no_claim_breaks() {
    for mut bench in benches("prove_rows_random", SCHEMA) {
        let seed = number("SQLMILL_TEST_SEED", 1);
        let rounds = number("SQLMILL_TEST_ROUNDS", 4);
        for round in 0..rounds {
            let mut dice = Dice(seed.wrapping_mul(1000).wrapping_add(round));
            let run = run(&mut bench, &mut dice, 250, &Rules::all());
            assert!(
                run.broken.is_empty(),
                "PostgreSQL {}, seed {seed}, round {round}\n{}",
                bench.major,
                run.broken.join("\n")
            );
            assert!(run.few > 20 && run.total > 20, "{} {}", run.few, run.total);
        }
    }
}

/// It would notice.
#[test]
fn a_missing_rule_is_found() {
    for mut bench in benches("prove_rows_random", SCHEMA) {
        for rule in [
            "key-nulls",
            "outer-join-condition",
            "partial-key",
            "key-whole",
            "join-multiplies",
            "side-varies",
        ] {
            let found = (0..8).any(|round| {
                !run(&mut bench, &mut Dice(round), 250, &Rules::without(rule))
                    .broken
                    .is_empty()
            });
            assert!(found, "{rule}");
        }
    }
}
