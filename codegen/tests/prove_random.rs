//! Statements made at random, over rows made at random: no column that is proved never NULL may show NULL.
//!
//! `SQLMILL_TEST_RANDOM=20000` makes more of them, `SQLMILL_TEST_SEED` others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::path::PathBuf;

use sqlmill::catalog::read;
use sqlmill::describe::Described;
use sqlmill::describe::pass::describe;
use sqlmill::prove::{Input, Rules, nullability, prove};
use sqlmill::server::{Options, Server};

/// A generator of numbers that need not be good (an LCG, its upper bits).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.roll(list.len())]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Text,
    Bool,
}

const KINDS: [Kind; 3] = [Kind::Int, Kind::Text, Kind::Bool];
const TABLES: [&str; 4] = ["r1", "r2", "r3", "r4"];
const COLUMNS: [(&str, Kind); 6] = [
    ("a", Kind::Int),
    ("b", Kind::Int),
    ("c", Kind::Text),
    ("d", Kind::Text),
    ("e", Kind::Bool),
    ("f", Kind::Bool),
];

/// Rules that a few hundred statements show to be needed.
const CAUGHT: [&str; 13] = [
    "column-without-not-null",
    "left-join",
    "right-join",
    "outer-join-on",
    "or-either-arm",
    "union-either",
    "empty-group",
    "aggregate-skips-null",
    "window-frame",
    "lag-lead",
    "scalar-subquery-no-row",
    "case-else",
    "nullif",
];

/// A column that an expression can name.
type Column = (String, Kind);

struct Maker {
    dice: Dice,
    aliases: usize,
    major: u32,
}

impl Maker {
    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    fn kind(&mut self) -> Kind {
        KINDS[self.dice.roll(3)]
    }

    fn table(&mut self) -> &'static str {
        self.dice.pick(&TABLES)
    }

    fn constant(&mut self, kind: Kind) -> String {
        if self.dice.one_in(12) {
            return match kind {
                Kind::Int => "NULL::int",
                Kind::Text => "NULL::text",
                Kind::Bool => "NULL::boolean",
            }
            .to_owned();
        }
        match kind {
            Kind::Int => self.dice.roll(3).to_string(),
            Kind::Text => format!("'{}'", self.dice.pick(&["x", "y", ""])),
            Kind::Bool => self.dice.pick(&["true", "false"]).to_owned(),
        }
    }

    fn column(&mut self, columns: &[Column], kind: Kind) -> Option<String> {
        let fit: Vec<&Column> = columns.iter().filter(|(_, found)| *found == kind).collect();
        if fit.is_empty() {
            None
        } else {
            Some(fit[self.dice.roll(fit.len())].0.clone())
        }
    }

    fn leaf(&mut self, columns: &[Column], kind: Kind) -> String {
        if self.dice.one_in(5) {
            self.constant(kind)
        } else {
            self.column(columns, kind)
                .unwrap_or_else(|| self.constant(kind))
        }
    }

    fn value(&mut self, columns: &[Column], kind: Kind, depth: usize) -> String {
        if depth == 0 || self.dice.one_in(3) {
            return self.leaf(columns, kind);
        }
        let deeper = depth - 1;
        match self.dice.roll(12) {
            0 | 1 => {
                let mut text = "CASE".to_owned();
                for _ in 0..=self.dice.roll(2) {
                    let condition = self.condition(columns, deeper);
                    let result = self.value(columns, kind, deeper);
                    write!(text, " WHEN {condition} THEN {result}").unwrap();
                }
                if !self.dice.one_in(3) {
                    let result = self.value(columns, kind, deeper);
                    write!(text, " ELSE {result}").unwrap();
                }
                text + " END"
            }
            2 => {
                let test = self.kind();
                let arg = self.value(columns, test, deeper);
                let (one, two) = (self.leaf(columns, test), self.value(columns, kind, deeper));
                let other = self.value(columns, kind, deeper);
                format!("CASE {arg} WHEN {one} THEN {two} ELSE {other} END")
            }
            3 | 4 => {
                let one = self.value(columns, kind, deeper);
                let two = self.value(columns, kind, deeper);
                format!("coalesce({one}, {two})")
            }
            5 => {
                let one = self.value(columns, kind, deeper);
                let two = self.leaf(columns, kind);
                format!("nullif({one}, {two})")
            }
            6 => {
                let one = self.value(columns, kind, deeper);
                let two = self.value(columns, kind, deeper);
                let name = self.dice.pick(&["greatest", "least"]);
                format!("{name}({one}, {two})")
            }
            7 => {
                let query = self.scalar(columns, kind, deeper);
                format!("({query})")
            }
            _ => match kind {
                Kind::Int => {
                    let one = self.value(columns, Kind::Int, deeper);
                    match self.dice.roll(4) {
                        0 => format!("abs({one})"),
                        1 => {
                            let text = self.value(columns, Kind::Text, deeper);
                            format!("length({text})")
                        }
                        2 => format!("(ARRAY[{one}, 1])[1]"),
                        _ => {
                            let two = self.value(columns, Kind::Int, deeper);
                            format!("({one} + {two})")
                        }
                    }
                }
                Kind::Text => {
                    let one = self.value(columns, Kind::Text, deeper);
                    match self.dice.roll(5) {
                        0 => format!("upper({one})"),
                        1 => {
                            let int = self.value(columns, Kind::Int, deeper);
                            format!("({int})::text")
                        }
                        2 => format!("substring({one}, 'x')"),
                        3 => {
                            let two = self.value(columns, Kind::Int, deeper);
                            format!("concat({one}, {two})")
                        }
                        _ => {
                            let two = self.value(columns, Kind::Text, deeper);
                            format!("({one} || {two})")
                        }
                    }
                }
                Kind::Bool => format!("({})", self.condition(columns, deeper)),
            },
        }
    }

    fn condition(&mut self, columns: &[Column], depth: usize) -> String {
        let deeper = depth.saturating_sub(1);
        let kind = self.kind();
        if depth > 0 && self.dice.one_in(2) {
            let one = self.condition(columns, deeper);
            return match self.dice.roll(9) {
                0..=2 => {
                    let two = self.condition(columns, deeper);
                    format!("({one} AND {two})")
                }
                3..=5 => {
                    let two = self.condition(columns, deeper);
                    format!("({one} OR {two})")
                }
                6 => format!("(NOT {one})"),
                7 => {
                    let test = self.dice.pick(&[
                        "IS TRUE",
                        "IS NOT TRUE",
                        "IS FALSE",
                        "IS NOT FALSE",
                        "IS UNKNOWN",
                        "IS NOT UNKNOWN",
                    ]);
                    format!("(({one}) {test})")
                }
                _ => format!("coalesce({one}, false)"),
            };
        }
        let value = self.value(columns, kind, deeper);
        match self.dice.roll(13) {
            0..=3 => {
                let other = self.value(columns, kind, deeper);
                let operator = self.dice.pick(&["=", "<>", "<", ">="]);
                format!("({value} {operator} {other})")
            }
            4 => format!("({value} IS NULL)"),
            5 | 6 => format!("({value} IS NOT NULL)"),
            7 => {
                let other = self.value(columns, kind, deeper);
                let not = self.dice.pick(&["", "NOT "]);
                format!("({value} IS {not}DISTINCT FROM {other})")
            }
            8 => {
                let (one, two) = (self.leaf(columns, kind), self.leaf(columns, kind));
                let not = self.dice.pick(&["", "NOT "]);
                format!("({value} {not}IN ({one}, {two}))")
            }
            9 => {
                let array = match kind {
                    Kind::Int => {
                        self.dice
                            .pick(&["'{}'::int[]", "'{1,NULL}'::int[]", "'{1,2}'::int[]"])
                    }
                    Kind::Text => self.dice.pick(&["'{}'::text[]", "'{x,NULL}'::text[]"]),
                    Kind::Bool => self.dice.pick(&["'{}'::boolean[]", "'{t}'::boolean[]"]),
                };
                let test = self.dice.pick(&["= ANY", "<> ALL", "= ALL", "<> ANY"]);
                format!("({value} {test} ({array}))")
            }
            10 => {
                let query = self.one_column(columns, kind, deeper);
                let test = self.dice.pick(&["IN", "NOT IN", "= ALL", "> ANY"]);
                format!("({value} {test} ({query}))")
            }
            11 => {
                let query = self.one_column(columns, kind, deeper);
                format!("EXISTS ({query})")
            }
            _ => {
                let other = self.value(columns, kind, deeper);
                let kind = self.kind();
                let (one, two) = (self.leaf(columns, kind), self.leaf(columns, kind));
                format!("(({value}, {one}) <= ({other}, {two}))")
            }
        }
    }

    /// A subquery that gives one row at most.
    fn scalar(&mut self, outer: &[Column], kind: Kind, depth: usize) -> String {
        let alias = self.alias();
        let table = self.table();
        let inner = of_table(&alias);
        let mut columns = inner.clone();
        columns.extend_from_slice(outer);
        let condition = if self.dice.one_in(2) {
            let condition = self.condition(&columns, depth.min(1));
            format!(" WHERE {condition}")
        } else {
            String::new()
        };
        match self.dice.roll(4) {
            0 => {
                let value = self.value(&columns, kind, depth.min(1));
                format!("SELECT {value} FROM {table} {alias}{condition} LIMIT 1")
            }
            1 => {
                let value = self.value(outer, kind, depth.min(1));
                format!("SELECT {value}")
            }
            _ => {
                let aggregate = self.aggregate(&inner, kind);
                let having = if self.dice.one_in(5) {
                    " HAVING count(*) > 1"
                } else {
                    ""
                };
                format!("SELECT {aggregate} FROM {table} {alias}{condition}{having}")
            }
        }
    }

    fn one_column(&mut self, outer: &[Column], kind: Kind, depth: usize) -> String {
        let alias = self.alias();
        let table = self.table();
        let mut columns = of_table(&alias);
        let value = self.leaf(&columns, kind);
        columns.extend_from_slice(outer);
        let condition = self.condition(&columns, depth.min(1));
        format!("SELECT {value} FROM {table} {alias} WHERE {condition}")
    }

    fn aggregate(&mut self, columns: &[Column], kind: Kind) -> String {
        let filter = if self.dice.one_in(5) {
            let condition = self.condition(columns, 0);
            format!(" FILTER (WHERE {condition})")
        } else {
            String::new()
        };
        let value = self.value(columns, kind, 1);
        match kind {
            Kind::Int => match self.dice.roll(6) {
                0 => format!("count(*){filter}"),
                1 => format!("sum({value}){filter}"),
                2 => format!("(max({value}){filter} + count(*))"),
                3 | 4 => {
                    let name = self.dice.pick(&["sum", "stddev", "var_pop"]);
                    let distinct = self.dice.pick(&["", "DISTINCT "]);
                    let value = self.leaf(columns, Kind::Int);
                    format!("{name}({distinct}{value}){filter}")
                }
                _ => format!("min({value}){filter}"),
            },
            Kind::Text => match self.dice.roll(3) {
                0 => format!("string_agg({value}, ','){filter}"),
                1 => format!("(array_agg({value}){filter})::text"),
                _ => format!("max({value}){filter}"),
            },
            Kind::Bool => {
                let name = self.dice.pick(&["bool_and", "bool_or"]);
                format!("{name}({value}){filter}")
            }
        }
    }

    fn window(&mut self, columns: &[Column], kind: Kind) -> String {
        let value = self.value(columns, kind, 1);
        let order = self.leaf(columns, Kind::Int);
        let frame = self.dice.pick(&[
            "",
            " ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING",
            " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
            " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW",
            " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
            " GROUPS BETWEEN 1 FOLLOWING AND 2 FOLLOWING",
            " ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING EXCLUDE TIES",
            " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING EXCLUDE GROUP",
        ]);
        let partition = if self.dice.one_in(3) {
            let value = self.leaf(columns, Kind::Text);
            format!("PARTITION BY {value} ")
        } else {
            String::new()
        };
        let over = format!("OVER ({partition}ORDER BY {order}{frame})");
        match self.dice.roll(6) {
            0 => format!("lag({value}) {over}"),
            1 => {
                let other = self.value(columns, kind, 0);
                format!("lead({value}, 1, {other}) {over}")
            }
            2 => format!("first_value({value}) {over}"),
            3 => format!("last_value({value}) {over}"),
            4 => format!("nth_value({value}, 2) {over}"),
            _ => match kind {
                Kind::Int => format!("sum({value}) {over}"),
                Kind::Text => format!("max({value}) {over}"),
                Kind::Bool => format!("bool_or({value}) {over}"),
            },
        }
    }

    /// A FROM item, and what it offers. `outer` are columns that LATERAL may see.
    fn item(&mut self, outer: &[Column], depth: usize) -> (String, Vec<Column>) {
        if depth == 0 || self.dice.one_in(4) {
            let alias = self.alias();
            let table = self.table();
            return (format!("{table} {alias}"), of_table(&alias));
        }
        match self.dice.roll(9) {
            0 | 1 => {
                let alias = self.alias();
                let lateral = self.dice.one_in(2);
                let seen = if lateral { outer } else { &[] };
                let (query, kinds) = self.query(seen, depth - 1);
                let columns = numbered(&alias, &kinds);
                let names: Vec<String> = (1..=kinds.len()).map(|n| format!("c{n}")).collect();
                let lateral = if lateral { "LATERAL " } else { "" };
                (
                    format!("{lateral}({query}) {alias} ({})", names.join(", ")),
                    columns,
                )
            }
            2 => {
                let alias = self.alias();
                let kind = self.kind();
                let rows: Vec<String> = (0..=self.dice.roll(2))
                    .map(|_| {
                        let (one, two) = (self.constant(kind), self.constant(Kind::Int));
                        format!("({one}, {two})")
                    })
                    .collect();
                (
                    format!("(VALUES {}) {alias} (c1, c2)", rows.join(", ")),
                    numbered(&alias, &[kind, Kind::Int]),
                )
            }
            3 => {
                // USING: the merged column has the join's own name.
                let (left, right, join) = (self.alias(), self.alias(), self.alias());
                let (one, two) = (self.table(), self.table());
                let kind = self
                    .dice
                    .pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
                let column = self.dice.roll(4);
                let (name, of) = COLUMNS[column];
                let mut columns = vec![(format!("{join}.c1"), of)];
                let mut names = vec!["c1".to_owned()];
                for _ in 0..2 {
                    for (index, (_, kind)) in COLUMNS.iter().enumerate() {
                        if index != column {
                            names.push(format!("c{}", names.len() + 1));
                            columns.push((format!("{join}.c{}", names.len()), *kind));
                        }
                    }
                }
                (
                    format!(
                        "({one} {left} {kind} {two} {right} USING ({name})) AS {join} ({})",
                        names.join(", ")
                    ),
                    columns,
                )
            }
            _ => {
                let (left, mut columns) = self.item(outer, depth - 1);
                let kind = self.dice.roll(5);
                let mut seen = outer.to_vec();
                // RIGHT and FULL JOIN allow no LATERAL reference to their left side.
                if kind < 2 {
                    seen.extend_from_slice(&columns);
                }
                let (right, more) = self.item(if kind < 3 { &seen } else { &[] }, depth - 1);
                if kind == 4 {
                    // The server joins FULL only on plain equality.
                    let of = self.kind();
                    if let (Some(one), Some(two)) =
                        (self.column(&columns, of), self.column(&more, of))
                    {
                        columns.extend(more);
                        return (
                            format!("({left} FULL JOIN {right} ON {one} = {two})"),
                            columns,
                        );
                    }
                }
                columns.extend(more);
                let word = ["JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "LEFT JOIN"][kind];
                let word = if kind >= 3 && right.contains("LATERAL") {
                    "JOIN"
                } else {
                    word
                };
                let condition = self.condition(&columns, 1);
                (format!("({left} {word} {right} ON {condition})"), columns)
            }
        }
    }

    fn query(&mut self, outer: &[Column], depth: usize) -> (String, Vec<Kind>) {
        let kinds: Vec<Kind> = (0..=self.dice.roll(3)).map(|_| self.kind()).collect();
        if depth > 0 && self.dice.one_in(6) {
            let one = self.select(outer, &kinds, depth - 1);
            let two = self.select(outer, &kinds, depth - 1);
            let word = self
                .dice
                .pick(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]);
            return (format!("({one}) {word} ({two})"), kinds);
        }
        (self.select(outer, &kinds, depth), kinds)
    }

    fn select(&mut self, outer: &[Column], kinds: &[Kind], depth: usize) -> String {
        let with = if depth > 0 && self.dice.one_in(8) {
            let (query, of) = self.query(&[], depth - 1);
            let names: Vec<String> = (1..=of.len()).map(|n| format!("c{n}")).collect();
            let name = self.alias();
            Some((name, names, query, of))
        } else {
            None
        };
        let (mut from, mut columns) = self.item(outer, depth);
        let mut head = String::new();
        if let Some((name, names, query, of)) = with {
            let alias = self.alias();
            head = format!("WITH {name} ({}) AS ({query}) ", names.join(", "));
            let more = numbered(&alias, &of);
            if self.dice.one_in(2) {
                columns.extend(more);
                from = format!("{from} LEFT JOIN {name} {alias} ON true");
            } else {
                columns.extend(more);
                from = format!("{from}, {name} {alias}");
            }
        }
        let mut seen = columns.clone();
        seen.extend_from_slice(outer);
        let mut text = format!(" FROM {from}");
        if self.dice.one_in(2) {
            let condition = self.condition(&seen, 2);
            write!(text, " WHERE {condition}").unwrap();
        }
        let targets: Vec<String> = match self.dice.roll(5) {
            // Groups.
            0 => {
                let keys: Vec<Column> = (0..=self.dice.roll(2))
                    .map(|_| {
                        let kind = self.kind();
                        let key = self
                            .column(&columns, kind)
                            .unwrap_or_else(|| columns[0].0.clone());
                        let kind = columns
                            .iter()
                            .find(|(name, _)| *name == key)
                            .map_or(kind, |(_, kind)| *kind);
                        (key, kind)
                    })
                    .collect();
                let names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
                let list = names.join(", ");
                let by = match self.dice.roll(6) {
                    0 => format!("ROLLUP ({list})"),
                    1 => format!("CUBE ({list})"),
                    2 => format!("GROUPING SETS (({list}), ({}))", names[0]),
                    3 => format!("GROUPING SETS (({list}), ())"),
                    _ => list,
                };
                write!(text, " GROUP BY {by}").unwrap();
                if self.dice.one_in(3) {
                    let condition = if self.dice.one_in(2) {
                        self.condition(&keys, 1)
                    } else {
                        let aggregate = self.aggregate(&columns, Kind::Int);
                        let test = self.dice.pick(&[">= 0", "IS NOT NULL", "IS NULL"]);
                        format!("{aggregate} {test}")
                    };
                    write!(text, " HAVING {condition}").unwrap();
                }
                kinds
                    .iter()
                    .map(|&kind| {
                        if self.dice.one_in(2) {
                            self.value(&keys, kind, 1)
                        } else {
                            self.aggregate(&columns, kind)
                        }
                    })
                    .collect()
            }
            // One row.
            1 if self.dice.one_in(2) => kinds
                .iter()
                .map(|&kind| {
                    if self.dice.one_in(4) {
                        self.value(outer, kind, 1)
                    } else {
                        self.aggregate(&columns, kind)
                    }
                })
                .collect(),
            2 => kinds.iter().map(|&kind| self.window(&seen, kind)).collect(),
            _ => kinds
                .iter()
                .map(|&kind| self.value(&seen, kind, 2))
                .collect(),
        };
        let distinct = if self.dice.one_in(10) {
            "DISTINCT "
        } else {
            ""
        };
        format!("{head}SELECT {distinct}{}{text}", targets.join(", "))
    }

    /// What RETURNING gives: of 18 on with the old row and the new one.
    fn returning(&mut self, seen: &[Column], rows: &[&str]) -> String {
        let mut seen = seen.to_vec();
        for row in rows.iter().filter(|_| self.major >= 18) {
            seen.extend(of_table(row));
        }
        let values: Vec<String> = (0..3)
            .map(|_| {
                let kind = self.kind();
                self.value(&seen, kind, 2)
            })
            .collect();
        values.join(", ")
    }

    /// From 17 on, with RETURNING.
    fn merge(&mut self) -> String {
        let table = self.table();
        let target = of_table("r");
        let (item, source) = self.item(&[], 1);
        let mut both = target.clone();
        both.extend_from_slice(&source);
        let condition = self.condition(&both, 1);
        let mut text = format!("MERGE INTO {table} r USING {item} ON {condition}");
        for (when, seen) in [
            ("MATCHED", &both),
            ("NOT MATCHED", &source),
            ("NOT MATCHED BY SOURCE", &target),
        ] {
            if self.dice.one_in(3) {
                continue;
            }
            let condition = self.condition(seen, 0);
            let (column, kind) = COLUMNS[self.dice.roll(6)];
            let value = self.value(seen, kind, 1);
            let action = if when == "NOT MATCHED" {
                let values: Vec<String> = COLUMNS
                    .iter()
                    .map(|(_, kind)| self.value(seen, *kind, 0))
                    .collect();
                format!("INSERT VALUES ({})", values.join(", "))
            } else if self.dice.one_in(3) {
                "DELETE".to_owned()
            } else {
                format!("UPDATE SET {column} = {value}")
            };
            write!(text, " WHEN {when} AND {condition} THEN {action}").unwrap();
        }
        // A subquery that reads a row that is not there ends the server (18.4).
        let mut rows = Vec::new();
        if !text.contains("INSERT") {
            rows.push("old");
        }
        if !text.contains("DELETE") {
            rows.push("new");
        }
        let returned = self.returning(&both, &rows);
        format!("{text} WHEN MATCHED THEN DO NOTHING RETURNING {returned}, r.b, r.d")
    }

    fn statement(&mut self) -> String {
        self.aliases = 0;
        match self.dice.roll(13) {
            3 if self.major >= 17 => self.merge(),
            0 => {
                let table = self.table();
                let columns = of_table("r");
                let (item, more) = self.item(&[], 1);
                let mut seen = columns.clone();
                seen.extend(more);
                let (column, kind) = COLUMNS[self.dice.roll(6)];
                let value = self.value(&seen, kind, 1);
                let condition = self.condition(&seen, 1);
                let returned = self.returning(&seen, &["old", "new"]);
                format!(
                    "UPDATE {table} r SET {column} = {value} FROM {item} WHERE {condition} RETURNING {returned}, r.b, r.d"
                )
            }
            1 => {
                let table = self.table();
                let mut seen = of_table("r");
                let (item, more) = self.item(&[], 1);
                seen.extend(more);
                let condition = self.condition(&seen, 1);
                // As above.
                let returned = self.returning(&seen, &["old"]);
                format!(
                    "DELETE FROM {table} r USING {item} WHERE {condition} RETURNING {returned}, r.b, r.d"
                )
            }
            2 => {
                let table = self.table();
                let query = self.select(
                    &[],
                    &[
                        Kind::Int,
                        Kind::Int,
                        Kind::Text,
                        Kind::Text,
                        Kind::Bool,
                        Kind::Bool,
                    ],
                    1,
                );
                format!("INSERT INTO {table} {query} RETURNING a, b, c, d, e, f")
            }
            _ => self.query(&[], 3).0,
        }
    }
}

fn of_table(alias: &str) -> Vec<Column> {
    COLUMNS
        .iter()
        .map(|(name, kind)| (format!("{alias}.{name}"), *kind))
        .collect()
}

fn numbered(alias: &str, kinds: &[Kind]) -> Vec<Column> {
    kinds
        .iter()
        .zip(1..)
        .map(|(kind, number)| (format!("{alias}.c{number}"), *kind))
        .collect()
}

/// Few values, so that rows meet; some tables without rows.
fn rows(dice: &mut Dice) -> String {
    let mut sql = format!("TRUNCATE {};", TABLES.join(", "));
    for table in TABLES {
        for _ in 0..dice.roll(5) {
            let mut one = |required: bool, values: &[&'static str]| {
                if !required && dice.one_in(2) {
                    "NULL"
                } else {
                    dice.pick(values)
                }
            };
            let ints = ["0", "1", "2"];
            let texts = ["'x'", "'y'", "''"];
            let flags = ["true", "false"];
            let row = [
                one(true, &ints),
                one(false, &ints),
                one(true, &texts),
                one(false, &texts),
                one(true, &flags),
                one(false, &flags),
            ];
            write!(sql, "INSERT INTO {table} VALUES ({});", row.join(", ")).unwrap();
        }
    }
    sql
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn random_statements_keep_what_is_proved_of_them() {
    let count = number("SQLMILL_TEST_RANDOM", 1000);
    let seed = number("SQLMILL_TEST_SEED", 1);
    let mut binaries = vec![None];
    if let Some(more) = std::env::var_os("SQLMILL_TEST_PG_DIRS") {
        binaries.extend(std::env::split_paths(&more).map(Some));
    }
    for binaries in binaries {
        let options = Options {
            binaries,
            cache: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("nullability"),
            ..Options::default()
        };
        let scratch = Server::start(&options).unwrap().load(&[], &[]).unwrap();
        let database = scratch.fresh_database().unwrap();
        let mut connection = database.connect().unwrap();
        for table in TABLES {
            connection
                .simple(&format!(
                    "CREATE TABLE {table} (a int NOT NULL, b int, c text NOT NULL, d text, e boolean NOT NULL, f boolean)"
                ))
                .unwrap();
        }
        let catalog = read::read(&mut connection).unwrap();
        let mut maker = Maker {
            dice: Dice(seed),
            aliases: 0,
            major: catalog.server_version / 10_000,
        };
        let statements: Vec<String> = (0..count).map(|_| maker.statement()).collect();
        let texts: Vec<&str> = statements.iter().map(String::as_str).collect();
        let described = describe(&mut connection, &catalog, &texts).unwrap();
        let rules = Rules::all();
        let mut proved = Vec::new();
        let mut refused = Vec::new();
        for (sql, described) in statements.iter().zip(&described) {
            match described {
                Described::Statement(statement) if statement.plan_error.is_none() => {
                    let input = Input {
                        catalog: &catalog,
                        statement,
                        line: &|_| Some(1),
                        rules: &rules,
                        param_names: &[],
                        param_overrides: &[],
                    };
                    let disagreements = nullability::disagreements(&input);
                    assert!(disagreements.is_empty(), "{sql}\n{disagreements:?}");
                    proved.push((sql, prove(&input).columns, statement));
                }
                Described::Statement(statement) => refused.push(format!(
                    "{}\n{sql}",
                    statement.plan_error.as_ref().unwrap().message
                )),
                Described::Refused(error) => refused.push(format!("{}\n{sql}", error.message)),
                Described::Utility(_) | Described::Unasked => panic!("{sql}"),
            }
        }
        let mut dice = Dice(seed + 7);
        let mut seen = vec![(0_usize, Vec::<bool>::new()); proved.len()];
        for _ in 0..12 {
            connection.simple(&rows(&mut dice)).unwrap();
            for ((sql, columns, _), (total, nulls)) in proved.iter().zip(&mut seen) {
                let results = match connection.simple(&format!("BEGIN; {sql}; ROLLBACK")) {
                    Ok(results) => results,
                    Err(error) => {
                        assert!(error.server().is_some(), "{error}: {sql}");
                        connection.simple("ROLLBACK").unwrap();
                        continue;
                    }
                };
                nulls.resize(columns.len(), false);
                for row in results.into_iter().flat_map(|result| result.rows) {
                    *total += 1;
                    for (index, value) in row.iter().enumerate() {
                        if value.is_none() {
                            nulls[index] = true;
                            assert!(
                                columns[index].nullable.value,
                                "column {} of\n{sql}\nis NULL, and {}",
                                index + 1,
                                columns[index].nullable.reason
                            );
                        } else {
                            assert!(
                                !columns[index].always_null,
                                "column {} of\n{sql}",
                                index + 1
                            );
                        }
                    }
                }
            }
        }
        let (mut never, mut may, mut timid, mut empty) = (0, 0, 0, 0);
        for ((sql, columns, _), (total, nulls)) in proved.iter().zip(&seen) {
            if *total == 0 {
                empty += 1;
                continue;
            }
            for (index, (column, &null)) in columns.iter().zip(nulls).enumerate() {
                if !column.nullable.value {
                    never += 1;
                } else if null {
                    may += 1;
                } else {
                    timid += 1;
                    if std::env::var_os("SQLMILL_TEST_TIMID").is_some() && *total > 40 {
                        eprintln!("{}: {}\n  {sql}", index + 1, column.nullable.reason);
                    }
                }
            }
        }
        eprintln!(
            "{}: {} statements, {} refused, {empty} without rows; columns: {never} not null, {may} seen NULL, {timid} neither",
            catalog.server_version,
            proved.len(),
            refused.len()
        );
        // Were a rule wrong, would these statements show it?
        let lies_without = |rule: &'static str| {
            let rules = Rules::without(rule);
            proved
                .iter()
                .zip(&seen)
                .any(|((_, _, statement), (_, nulls))| {
                    let input = Input {
                        catalog: &catalog,
                        statement,
                        line: &|_| Some(1),
                        rules: &rules,
                        param_names: &[],
                        param_overrides: &[],
                    };
                    let columns = nullability::columns(&input, &[]);
                    columns
                        .iter()
                        .zip(nulls)
                        .any(|(column, &null)| null && !column.nullable.value)
                })
        };
        let blind: Vec<&str> = CAUGHT
            .into_iter()
            .filter(|rule| !lies_without(rule))
            .collect();
        assert!(blind.is_empty() || count < 1000, "not caught: {blind:?}");
        if std::env::var_os("SQLMILL_TEST_REFUSED").is_some() {
            for text in &refused {
                eprintln!("{text}");
            }
        }
        assert!(
            refused.len() * 5 < statements.len(),
            "{}",
            refused.join("\n")
        );
        assert!(empty * 3 < proved.len());
        assert!(never > 100 || count < 100);
    }
}
