//! Statements made at random, with filters and flags in every place that may have them and in some that may not: what is sent for a
//! call gives the rows of the statement as its author wrote it, for every combination.
//!
//! `SQLMILL_TEST_SEED` and `SQLMILL_TEST_ROUNDS` make it look elsewhere and longer.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says that it failed by panicking"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use sqlmill::checked::CheckedGroup;
use sqlmill::config::Config;
use sqlmill::describe::Described;
use sqlmill::diagnostic::Severity;
use sqlmill::facts::Cardinality;
use sqlmill::parse;
use sqlmill::project::QueryFile;
use sqlmill::prove::Rules;
use sqlmill::server::{Options, Server};
use sqlmill::source::Sources;
use sqlmill::texts::{ALL_COMBINED, FilterKind, Text};
use sqlmill::wire::{Connection, Rows};
use sqlmill::{compile, schema};

const SCHEMA: &str = "
CREATE TABLE t (id int PRIMARY KEY, a int, b int NOT NULL, c text, d bool);
CREATE TABLE u (id int PRIMARY KEY, t_id int, a int, b int NOT NULL, c text, d bool);
CREATE UNIQUE INDEX u_live ON u (t_id, b) WHERE d IS NULL;
";

/// Few values, and NULLs among them.
const ROWS: &str = "
INSERT INTO t SELECT n, CASE WHEN n % 4 > 0 THEN n % 3 END, n % 2, (ARRAY['x', 'y', '', NULL])[1 + n % 4],
    CASE n % 3 WHEN 0 THEN true WHEN 1 THEN false END
FROM generate_series(0, 20) AS n;
INSERT INTO u SELECT n, CASE WHEN n % 5 > 0 THEN n * 7 % 23 END, CASE WHEN n % 3 > 0 THEN n % 4 END, n % 3,
    (ARRAY['x', NULL, 'y'])[1 + n % 3], CASE n % 4 WHEN 0 THEN true WHEN 3 THEN false END
FROM generate_series(0, 25) AS n
ON CONFLICT DO NOTHING;
";

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

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick(&mut self, list: &[&str]) -> String {
        list[self.below(list.len())].to_owned()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Text,
    Bool,
}

impl Kind {
    fn sql(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Text => "text",
            Self::Bool => "bool",
        }
    }
}

/// One statement, and the parameters that it has.
struct Maker<'d> {
    dice: &'d mut Dice,
    params: BTreeMap<String, Kind>,
    aliases: usize,
    /// How many filters and flags may still come.
    left: usize,
    /// More filters than have a text for every combination, side by side.
    many: bool,
}

impl Maker<'_> {
    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("r{}", self.aliases)
    }

    fn param(&mut self, kind: Kind) -> String {
        let name = format!("p{}", self.params.len() + 1);
        self.params.insert(name.clone(), kind);
        name
    }

    /// One that is there already, now and then.
    fn known(&mut self, kind: Kind) -> Option<String> {
        let of_kind: Vec<String> = self
            .params
            .iter()
            .filter(|(_, known)| **known == kind)
            .map(|(name, _)| name.clone())
            .collect();
        let known = of_kind.get(self.dice.below(6));
        known.cloned()
    }

    fn column(&mut self, of: &[String], kind: Kind) -> String {
        let alias = of[self.dice.below(of.len())].clone();
        let column = match kind {
            Kind::Int => self.dice.pick(&["id", "a", "b"]),
            Kind::Text => "c".to_owned(),
            Kind::Bool => "d".to_owned(),
        };
        format!("{alias}.{column}")
    }

    /// A condition without parameters.
    fn plain(&mut self, of: &[String]) -> String {
        let int = self.column(of, Kind::Int);
        let text = self.column(of, Kind::Text);
        match self.dice.below(7) {
            0 => format!("{int} >= {}", self.dice.below(2)),
            1 => format!("{int} IS NOT NULL"),
            2 => format!("({int} > 0 OR {text} = 'x')"),
            3 => format!("{int} IS DISTINCT FROM 7"),
            4 => format!("{int} BETWEEN 0 AND 30"),
            5 => format!("{text} <> 'z'"),
            _ => "true".to_owned(),
        }
    }

    /// What stands beside the test: it says the type of the parameter.
    fn predicate(&mut self, of: &[String], name: &str, kind: Kind, depth: usize) -> String {
        let column = self.column(of, kind);
        let other = self.plain(of);
        match self.dice.below(11) {
            0 => format!("{column} IS NOT DISTINCT FROM :{name}"),
            1 => format!("NOT {column} = :{name}"),
            2 => format!("{column} = :{name} OR {other}"),
            3 => format!("{other} AND {column} = :{name}"),
            4 => format!("CASE WHEN {other} THEN {column} = :{name} END"),
            5 => format!("{column} = ANY (ARRAY[:{name}, {column}])"),
            6 => {
                let more = match self.known(Kind::Int) {
                    Some(known) if self.dice.one_in(2) => known,
                    _ => self.param(Kind::Int),
                };
                let int = self.column(of, Kind::Int);
                format!("{column} = :{name} AND {int} BETWEEN 0 AND :{more}")
            }
            7 if depth > 0 => {
                let alias = self.alias();
                let inner = self.column(std::slice::from_ref(&alias), kind);
                let outer = self.column(of, Kind::Int);
                let more = match self.dice.one_in(2) {
                    true => format!(" AND {}", self.filter(std::slice::from_ref(&alias), 0)),
                    false => String::new(),
                };
                format!(
                    "EXISTS (SELECT FROM u {alias} WHERE {inner} = :{name} AND {alias}.t_id <= {outer}{more})"
                )
            }
            8 => format!("{column} IN (:{name}, NULL)"),
            9 => format!("({column}, 1) = (:{name}, 1)"),
            _ => format!("{column} = :{name}"),
        }
    }

    fn test(&mut self, name: &str, kind: Kind) -> String {
        let sql = kind.sql();
        match self.dice.below(6) {
            5 => format!("((:{name} IS NULL))"),
            0 => format!(":{name}::{sql} IS NULL"),
            1 => format!("CAST(:{name} AS {sql}) IS NULL"),
            2 => format!(":{name} ISNULL"),
            _ => format!(":{name} IS NULL"),
        }
    }

    /// A filter or a flag, in parentheses.
    fn filter(&mut self, of: &[String], depth: usize) -> String {
        if self.left == 0 {
            return self.plain(of);
        }
        self.left -= 1;
        if !self.many && self.dice.one_in(3) {
            let name = self
                .known(Kind::Bool)
                .unwrap_or_else(|| self.param(Kind::Bool));
            let flag = self.dice.pick(&[
                ":?",
                "NOT :?",
                ":?::boolean",
                "(NOT :?)",
                "CAST(:? AS bool)",
                "NOT :?::bool",
            ]);
            let flag = flag.replace('?', &name);
            let plain = self.plain(of);
            let condition = match self.dice.below(4) {
                0 => {
                    let least = self.param(Kind::Int);
                    let int = self.column(of, Kind::Int);
                    format!("{int} > :{least}")
                }
                1 if depth > 0 => {
                    let alias = self.alias();
                    let inner = self.filter(std::slice::from_ref(&alias), 0);
                    format!("EXISTS (SELECT FROM u {alias} WHERE {alias}.b = 1 AND {inner})")
                }
                _ => plain,
            };
            return match self.dice.one_in(2) {
                true => format!("({condition} OR {flag})"),
                false => format!("({flag} OR {condition})"),
            };
        }
        let kind = match self.dice.below(5) {
            0 | 1 => Kind::Text,
            _ => Kind::Int,
        };
        // Once in a while a second place of the same filter, or what guards none because it is used elsewhere.
        let known = self.known(kind).filter(|_| !self.many);
        let name = known.unwrap_or_else(|| self.param(kind));
        let test = self.test(&name, kind);
        let predicate = self.predicate(of, &name, kind, depth);
        match self.dice.one_in(2) {
            true => format!("({predicate} OR {test})"),
            false => format!("({test} OR {predicate})"),
        }
    }

    /// What only looks like a filter.
    fn look_alike(&mut self, of: &[String]) -> String {
        let name = self.param(Kind::Int);
        let column = self.column(of, Kind::Int);
        let guarded = format!("(:{name}::int IS NULL OR {column} = :{name})");
        let plain = self.plain(of);
        match self.dice.below(6) {
            0 => format!("NOT {guarded}"),
            1 => format!("({plain} OR {guarded})"),
            2 => format!("CASE WHEN {plain} AND {guarded} THEN true ELSE {plain} END"),
            3 => format!("{guarded} IS NOT FALSE"),
            4 => format!("(({plain}) BETWEEN false AND {guarded})"),
            _ => format!("(({guarded} OR {plain}) AND {plain})"),
        }
    }

    fn conditions(&mut self, of: &[String], least: usize) -> String {
        let more = if self.many { 6 } else { 0 };
        let count = least + more + self.dice.below(3);
        let list: Vec<String> = (0..count)
            .map(|_| match self.dice.below(8) {
                0 => self.plain(of),
                1 => self.look_alike(of),
                2 => {
                    let (one, two) = (self.filter(of, 1), self.plain(of));
                    format!("({two} AND {one})")
                }
                3 => format!("({})", self.filter(of, 1)),
                _ => self.filter(of, 1),
            })
            .collect();
        match list.is_empty() {
            true => "true".to_owned(),
            false => list.join(" AND "),
        }
    }

    fn select(&mut self) -> String {
        let (one, two) = (self.alias(), self.alias());
        let (first, both) = (vec![one.clone()], vec![one.clone(), two.clone()]);
        match self.dice.below(9) {
            0 => {
                let conditions = self.conditions(&first, 1);
                let columns = self.dice.pick(&["id", "id, a", "a, c", "d, b, id", "c"]);
                format!("SELECT {columns} FROM t AS {one} WHERE {conditions}")
            }
            1 | 2 => {
                let join = self
                    .dice
                    .pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
                // A FULL JOIN wants something to merge or hash by, and `true` is not in its way.
                let on = match join.starts_with("FULL") {
                    true => String::new(),
                    false => format!(" AND {}", self.conditions(&both, 1)),
                };
                let conditions = self.conditions(&both, 0);
                format!(
                    "SELECT {one}.id, {one}.c, {two}.id AS other, {two}.b FROM t {one} {join} u {two} \
                     ON {one}.id = {two}.t_id{on} WHERE {conditions}"
                )
            }
            3 => {
                let conditions = self.conditions(&both, 0);
                let counted = self.look_alike(&both);
                let on = self.filter(&both, 0);
                let having = match self.dice.below(3) {
                    0 => {
                        let least = self.param(Kind::Int);
                        format!("(count({two}.id) >= :{least} OR :{least} IS NULL)")
                    }
                    1 => {
                        let (flag, least) = (self.param(Kind::Bool), self.param(Kind::Int));
                        format!("(NOT :{flag} OR max({one}.a) > :{least}) AND count(*) > 0")
                    }
                    _ => {
                        let name = self.param(Kind::Int);
                        format!("count(*) > 0 AND (:{name}::int IS NULL OR {one}.a = :{name})")
                    }
                };
                format!(
                    "SELECT {one}.a, count({two}.id) AS n, count(*) FILTER (WHERE {counted}) AS some \
                     FROM t {one} LEFT JOIN u {two} ON {two}.t_id = {one}.id AND {on} WHERE {conditions} \
                     GROUP BY {one}.a HAVING {having}"
                )
            }
            4 => {
                let inner = self.conditions(&first, 1);
                let outer = self.conditions(&both, 1);
                format!(
                    "WITH w AS (SELECT id, a, b, c, d FROM t AS {one} WHERE {inner}) SELECT {one}.id, {two}.c FROM w AS {one} \
                     LEFT JOIN u AS {two} ON {two}.b = {one}.b WHERE {outer}"
                )
            }
            5 => {
                let (left, right) = (
                    self.conditions(&first, 1),
                    self.conditions(std::slice::from_ref(&two), 1),
                );
                let operator = self
                    .dice
                    .pick(&["UNION ALL", "UNION", "EXCEPT", "INTERSECT"]);
                format!(
                    "SELECT {one}.a, {one}.c FROM t {one} WHERE {left} {operator} SELECT {two}.a, {two}.c FROM u {two} WHERE {right}"
                )
            }
            6 => {
                let inner = self.conditions(&[two.clone(), one.clone()], 1);
                let outer = self.conditions(&first, 0);
                let on = self.filter(&both, 0);
                format!(
                    "SELECT {one}.id, {two}.id AS other, {two}.n FROM t {one} LEFT JOIN LATERAL (SELECT *, {two}.a + 1 AS n FROM u {two} \
                     WHERE {two}.t_id = {one}.id AND {inner}) {two} ON {on} WHERE {outer}"
                )
            }
            7 => {
                let (inner, outer) = (
                    self.conditions(std::slice::from_ref(&two), 1),
                    self.conditions(&first, 1),
                );
                format!(
                    "SELECT {one}.id, (SELECT max({two}.b) FROM u {two} WHERE {two}.t_id = {one}.id AND {inner}) AS most, \
                     count(*) OVER (PARTITION BY {one}.a ORDER BY {one}.id) AS place FROM t {one} WHERE {outer}"
                )
            }
            _ => {
                let (seed, step) = (self.conditions(&first, 0), self.conditions(&both, 1));
                format!(
                    "WITH RECURSIVE w AS (SELECT {one}.id, {one}.a, {one}.b, {one}.c, {one}.d FROM t {one} WHERE {one}.id < 5 AND {seed} \
                     UNION SELECT {one}.id, {two}.a, {two}.b, {two}.c, {two}.d FROM w {one} JOIN u {two} ON {two}.id = {one}.id + 1 \
                     WHERE {step}) SELECT id, a, c FROM w"
                )
            }
        }
    }
}

/// As psql would have it: values in the places of the parameters.
fn with_values(sql: &str, mut value: impl FnMut(&str) -> String, mark: char) -> String {
    let mut text = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find(mark) {
        let (before, after) = rest.split_at(at);
        text.push_str(before);
        let after = &after[1..];
        // `::`
        if let Some(cast) = after.strip_prefix(mark) {
            text.push_str("::");
            rest = cast;
            continue;
        }
        let end = after
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(after.len());
        text.push_str(&value(&after[..end]));
        rest = &after[end..];
    }
    text + rest
}

fn literal(kind: Kind, value: Option<&String>) -> String {
    match value {
        Some(value) => format!("('{value}'::{})", kind.sql()),
        None => format!("(NULL::{})", kind.sql()),
    }
}

fn rows(connection: &mut Connection, sql: &str) -> Vec<Vec<Option<String>>> {
    let mut replies = connection
        .simple(sql)
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
    let Rows { mut rows, .. } = replies.pop().unwrap();
    rows.sort();
    rows
}

/// What a call with these filters and flags sends.
fn sent(group: &CheckedGroup, bits: u32) -> &Text {
    let texts = || group.group.texts.iter().filter(|text| text.sent);
    let own = texts().find(|text| {
        text.variant.filters == bits && !text.variant.as_written && !text.variant.flags_as_written
    });
    own.or_else(|| texts().find(|text| text.variant.as_written))
        .unwrap()
}

struct Seen {
    calls: usize,
    rows: usize,
    /// By how many filters and flags a statement has.
    statements: BTreeMap<usize, usize>,
    as_written: usize,
    refused: usize,
}

fn setting(name: &str, default: usize) -> usize {
    let given = std::env::var(name).ok();
    given.map_or(default, |given| given.parse().unwrap())
}

fn look(statements: &[(String, BTreeMap<String, Kind>)], dice: &mut Dice) -> Seen {
    let mut queries = String::new();
    for (number, (sql, _)) in statements.iter().enumerate() {
        write!(queries, "--! q{number}\n{sql};\n\n").unwrap();
    }
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sqlmill");
    let server = Server::start(&Options {
        cache,
        ..Options::default()
    })
    .unwrap();
    let mut sources = Sources::default();
    let schema_file = sources.add("schema.sql", SCHEMA);
    let file = sources.add("queries/all.sql", queries);
    let module = "all".to_owned();
    let (schema, found) = schema::split(&sources, schema_file);
    assert_eq!(found, []);
    let parsed = parse(&sources, &[QueryFile { file, module }]);
    let scratch = server.load(&schema, &[]).unwrap();
    let mut connection = scratch.connect().unwrap();
    let compiled = compile(
        &sources,
        &Config::default(),
        parsed,
        &mut connection,
        &Rules::all(),
    )
    .unwrap();
    let database = scratch.fresh_database().unwrap();
    let mut connection = database.connect().unwrap();
    connection.simple(ROWS).unwrap();

    // What is refused must be refused by the server; a filter that we take for none says so at the place.
    for found in &compiled.diagnostics {
        let expected = ["postgres", "texts-differ", "does-not-plan"].contains(&found.rule);
        let place = found.span.map(|span| sources.position(span).line as usize);
        let statement = place.and_then(|line| statements.get((line - 1) / 3));
        assert!(
            expected || found.severity != Severity::Error,
            "{found:?}\n{statement:?}"
        );
    }
    let mut seen = Seen {
        calls: 0,
        rows: 0,
        statements: BTreeMap::new(),
        as_written: 0,
        refused: 0,
    };
    for (checked, (sql, kinds)) in compiled.checked().iter().zip(statements) {
        let group = &checked.groups[0];
        let answered = |described: &Described| match described {
            Described::Statement(statement) => statement.plan_error.is_none(),
            Described::Refused(_) | Described::Utility(_) | Described::Unasked => false,
        };
        let (_, facts) = group.whole();
        let Some(facts) = facts.filter(|_| group.described.iter().all(answered)) else {
            seen.refused += 1;
            continue;
        };
        let template = group.group.template.as_ref();
        let filters = template.map_or(&[][..], |template| &template.filters);
        *seen.statements.entry(filters.len()).or_default() += 1;
        let named = |place: usize| group.group.params[place].name.as_str();
        let all = 1_u32 << filters.len();
        let some = if all > 64 { 100 } else { all };
        for round in 0..2 {
            for bits in 0..some {
                let bits = match all > 64 {
                    true => u32::try_from(dice.below(all as usize)).unwrap(),
                    false => bits,
                };
                let mut values: BTreeMap<&str, Option<String>> = BTreeMap::new();
                for (name, kind) in kinds {
                    let value = match kind {
                        Kind::Int => dice.below(4).to_string(),
                        Kind::Text => dice.pick(&["x", "y", "", "z"]),
                        Kind::Bool => dice.pick(&["true", "false"]),
                    };
                    values.insert(name, Some(value));
                }
                // Those of no filter may be NULL, unless something says that they are not; flags are not.
                for (name, kind) in kinds {
                    let used = filters
                        .iter()
                        .any(|filter| named(filter.guard) == name.as_str());
                    if !used && *kind != Kind::Bool && round == 1 && dice.one_in(4) {
                        values.insert(name, None);
                    }
                }
                for (number, filter) in filters.iter().enumerate() {
                    let given = bits & 1 << number != 0;
                    let guard = named(filter.guard);
                    match filter.kind {
                        FilterKind::Optional if given => {
                            // A value, whatever was said above.
                            assert!(values[guard].is_some());
                        }
                        FilterKind::Optional => {
                            values.insert(guard, None);
                            for &arg in &filter.args {
                                values.insert(named(arg), None);
                            }
                        }
                        FilterKind::Flag => {
                            values.insert(guard, Some(given.to_string()));
                        }
                    }
                }
                let author =
                    with_values(sql, |name| literal(kinds[name], values[name].as_ref()), ':');
                let text = match template {
                    Some(_) => sent(group, bits),
                    None => &group.group.texts[0],
                };
                seen.as_written += usize::from(text.variant.as_written);
                let shipped = with_values(
                    &text.statement.sql,
                    |number| {
                        let place = text.places[number.parse::<usize>().unwrap() - 1];
                        let name = named(place);
                        literal(kinds[name], values[name].as_ref())
                    },
                    '$',
                );
                let expected = rows(&mut connection, &author);
                let found = rows(&mut connection, &shipped);
                assert_eq!(found, expected, "\n{author}\n{shipped}");
                seen.calls += 1;
                seen.rows += found.len();
                if !matches!(facts.cardinality.value, Cardinality::Many) {
                    assert!(found.len() <= 1, "{}: {shipped}", facts.cardinality.reason);
                }
                for row in &found {
                    for (value, claim) in row.iter().zip(&facts.columns) {
                        assert!(
                            value.is_some() || claim.nullable.value,
                            "{}: {shipped}",
                            claim.nullable.reason
                        );
                    }
                }
            }
        }
    }
    seen
}

#[test]
fn every_combination_gives_the_rows_of_the_statement_as_written() {
    let seed = setting("SQLMILL_TEST_SEED", 1);
    let dice = &mut Dice(seed as u64);
    let statements: Vec<_> = (0..setting("SQLMILL_TEST_ROUNDS", 160))
        .map(|number| {
            // Every eighth has more than have a text for every combination.
            let many = number % 8 == 0;
            let left = match many {
                true => ALL_COMBINED + 3,
                false => 1 + dice.below(5),
            };
            let mut maker = Maker {
                dice: &mut *dice,
                params: BTreeMap::new(),
                aliases: 0,
                left,
                many,
            };
            let sql = maker.select();
            (sql, maker.params)
        })
        .collect();
    let seen = look(&statements, dice);
    println!(
        "{} calls, {} rows, {:?} statements by filters, {} as written, {} refused",
        seen.calls, seen.rows, seen.statements, seen.as_written, seen.refused
    );
    assert!(seen.refused * 4 < statements.len(), "{}", seen.refused);
    assert!(seen.rows > 2 * seen.calls);
}
