//! What parameters are held to before they are sent, against what the server says of the same values.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/mod.rs"]
mod support;

use sqlmill::checked::Checked;
use sqlmill::config::Config;
use sqlmill::model;
use sqlmill::parse::syntax::Role;
use sqlmill::project::QueryFile;
use sqlmill::prove::Rules;
use sqlmill::source::Sources;
use sqlmill_runtime::{
    ANY, Buffer, BulkExecute, Comparison, Database, EncodeError, Encoded, Error, ErrorKind,
    Execute, Fault, Held, Param, Params, Patch, Pattern, Result, Rows, Statement, Test, Type,
};

/// Types and conditions of a column `v`; `VALUE` in domains. All of them are translated.
const TEXTS: [(&str, &str); 46] = [
    ("text", "CHECK (length(v) <= 3)"),
    ("text", "CHECK (char_length(v) BETWEEN 1 AND 3)"),
    ("text", "CHECK (3 > character_length(v) OR v IS NULL)"),
    ("text", "CHECK (v = 'a')"),
    ("text", "CHECK (v <> 'a' AND v <> '')"),
    ("text", "CHECK (v IN ('a', 'é', '日本'))"),
    ("text", "CHECK (v NOT IN ('a', 'b '))"),
    ("text", "CHECK (v IS NOT NULL)"),
    ("text", "CHECK (v IS NULL OR v LIKE '%@%')"),
    ("text", "CHECK (v LIKE 'a%')"),
    ("text", "CHECK (v NOT LIKE '_b%')"),
    ("text", "CHECK (v LIKE '%\\%')"),
    ("text", "CHECK (v LIKE E'%\\\\%%')"),
    ("text", "CHECK (v LIKE '%a%b_')"),
    ("text", "CHECK (NOT (length(v) > 2 AND v LIKE '%b'))"),
    ("text COLLATE \"C\"", "CHECK (v = 'a' OR v IN ('b', 'ab'))"),
    ("varchar(3)", ""),
    ("varchar(3)", "CHECK (length(v) <> 2)"),
    ("varchar(4)", "CHECK (v IN ('a', 'b   ', 'abcd'))"),
    ("varchar", "CHECK (v LIKE 'a_')"),
    ("short", ""),
    ("shorter", "CHECK (v <> 'ab')"),
    ("limited", ""),
    (
        "text",
        "CHECK (v IS NULL OR (length(v) > 0 AND (v NOT LIKE '% %' OR v = ' ')))",
    ),
    ("text", "CHECK (btrim(v) <> '')"),
    ("text", "CHECK (length(trim(v)) BETWEEN 1 AND 2)"),
    ("varchar(4)", "CHECK (trim(both from v) IN ('a', 'ab'))"),
    ("text", "CHECK (v ~ '^[a-b]+$')"),
    ("text", "CHECK (v !~ '^[a-b]+$')"),
    ("text", "CHECK (v ~ 'a')"),
    ("text", "CHECK (v ~ '^(a|b|é)*$')"),
    ("text", "CHECK (v ~ '^.{2,3}$')"),
    ("text", "CHECK (v ~ '^[^ab]')"),
    ("text", "CHECK (v ~ '[日é]$')"),
    ("text", "CHECK (v ~ '^([a-b]+@)?[^@\\\\]+$')"),
    ("text", "CHECK (v ~ '^a|b$')"),
    ("text", "CHECK (v ~ '^(?:a(?:b|%)){1,}')"),
    ("text", "CHECK (v ~ '^[]a%-]+$')"),
    ("text", "CHECK (v ~ '\\\\')"),
    ("text", r"CHECK (v ~ '^\n*$')"),
    ("text", r"CHECK (v ~ '^\w+$')"),
    ("text", "CHECK (v !~ '^[[:lower:]]+$')"),
    ("text", r"CHECK (v IS NOT NULL AND v ~ '[^\w]')"),
    ("text", "CHECK (v ~* '^[A-B]+$')"),
    ("text", "CHECK (v !~* '^a.*B')"),
    ("text COLLATE \"C\"", "CHECK (v ~* '^[^h-j]*$')"),
];

/// A type, how it is sent, a condition, and values on both sides of it.
const OTHERS: [(&str, &str, &str, &[&str]); 40] = [
    ("int", "int4send", "CHECK (v > 0)", NUMBERS),
    ("int", "int4send", "CHECK (v BETWEEN -1 AND 10)", NUMBERS),
    ("int", "int4send", "CHECK (10 >= v AND v <> 3)", NUMBERS),
    ("int", "int4send", "CHECK (v IN (1, 3, 7))", NUMBERS),
    ("int", "int4send", "CHECK (v NOT IN (1, 3))", NUMBERS),
    (
        "bigint",
        "int8send",
        "CHECK (v < 5000000000)",
        &["1", "5000000000", "4999999999"],
    ),
    ("bigint", "int8send", "CHECK (v >= -1)", NUMBERS),
    ("bigint", "int8send", "CHECK (3 < v)", NUMBERS),
    (
        "smallint",
        "int2send",
        "CHECK (v IS NULL OR NOT v = 7)",
        NUMBERS,
    ),
    (
        "int",
        "int4send",
        "CHECK (v < 2000000000000 AND v < 4)",
        NUMBERS,
    ),
    ("positive", "int4send", "CHECK (v <= 3)", NUMBERS),
    ("numeric", "numeric_send", "CHECK (v > 0)", DECIMALS),
    ("numeric", "numeric_send", "CHECK (v <= 1.5)", DECIMALS),
    (
        "numeric",
        "numeric_send",
        "CHECK (v BETWEEN -0.05 AND 1000000)",
        DECIMALS,
    ),
    ("numeric", "numeric_send", "CHECK (v <> 'NaN')", DECIMALS),
    (
        "numeric",
        "numeric_send",
        "CHECK (v < 'Infinity' AND v > '-Infinity')",
        DECIMALS,
    ),
    (
        "numeric",
        "numeric_send",
        "CHECK (v IN (0, 1.50, 12345678901234567890.5))",
        DECIMALS,
    ),
    ("numeric", "numeric_send", "CHECK (0.00001 > v)", DECIMALS),
    (
        "numeric",
        "numeric_send",
        "CHECK (v <> 3000000000000)",
        DECIMALS,
    ),
    ("numeric(3, 1)", "numeric_send", "CHECK (v > 0)", ROUNDED),
    (
        "numeric(3, 1)",
        "numeric_send",
        "CHECK (v <> 0.1 AND v < 10)",
        ROUNDED,
    ),
    ("numeric(5)", "numeric_send", "CHECK (v = 1)", ROUNDED),
    ("price", "numeric_send", "CHECK (v <= 1)", ROUNDED),
    ("float8", "float8send", "CHECK (v > 0)", FLOATS),
    ("float8", "float8send", "CHECK (v <= 0.1)", FLOATS),
    (
        "float8",
        "float8send",
        "CHECK (v <> 'NaN' AND v >= '-Infinity')",
        FLOATS,
    ),
    (
        "float8",
        "float8send",
        "CHECK (-1.5 < v AND v < 'Infinity')",
        FLOATS,
    ),
    ("float4", "float4send", "CHECK (v > 0)", FLOATS),
    ("float4", "float4send", "CHECK (v < 0.1)", FLOATS),
    (
        "float4",
        "float4send",
        "CHECK (v = '0.1' OR v = 'NaN')",
        FLOATS,
    ),
    ("date", "date_send", "CHECK (v >= '2000-02-29')", DATES),
    (
        "date",
        "date_send",
        "CHECK (v < DATE '1999-12-31' OR v = 'infinity')",
        DATES,
    ),
    (
        "timestamp",
        "timestamp_send",
        "CHECK (v > '2000-02-29 00:00:00.000001')",
        MOMENTS,
    ),
    (
        "timestamptz",
        "timestamptz_send",
        "CHECK (v <= '2000-02-29 01:00+01')",
        MOMENTS,
    ),
    (
        "time",
        "time_send",
        "CHECK (v BETWEEN '09:00' AND '17:00')",
        &["08:59:59.999999", "09:00", "17:00:00.000001", "24:00"],
    ),
    ("boolean", "boolsend", "CHECK (v)", &["true", "false"]),
    (
        "boolean",
        "boolsend",
        "CHECK (v IS NOT TRUE AND v IS NOT UNKNOWN)",
        &["true", "false"],
    ),
    (
        "boolean",
        "boolsend",
        "CHECK (NOT v OR v IS NULL)",
        &["true", "false"],
    ),
    (
        "mood",
        "enum_send",
        "CHECK (v <> 'cross')",
        &["calm", "cross", "sad é"],
    ),
    (
        "mood",
        "enum_send",
        "CHECK (v IN ('calm', 'sad é') AND v = ANY (ARRAY['calm', 'cross']::mood[]))",
        &["calm", "cross", "sad é"],
    ),
];

const NUMBERS: &[&str] = &["-2", "-1", "0", "1", "3", "4", "7", "10", "11", "32000"];
const DECIMALS: &[&str] = &[
    "-Infinity",
    "-100",
    "-0.05",
    "-0.0500001",
    "0",
    "0.00",
    "0.000001",
    "0.00001",
    "1.5",
    "1.50",
    "1.500001",
    "9999",
    "10000",
    "1000000",
    "1000000.1",
    "3000000000000",
    "12345678901234567890.5",
    "12345678901234567890.51",
    "1e-20",
    "1e30",
    "Infinity",
    "NaN",
];
const ROUNDED: &[&str] = &[
    "-0.05",
    "-0.04",
    "0",
    "0.04",
    "0.049999999",
    "0.05",
    "0.06",
    "0.1",
    "0.149",
    "0.15",
    "0.5",
    "1",
    "1.04",
    "1.05",
    "1.4999",
    "9.94",
    "9.95",
    "99.94",
    "NaN",
];
const FLOATS: &[&str] = &[
    "-Infinity",
    "-1.5",
    "-1.4999999",
    "-0",
    "0",
    "1e-30",
    "0.1",
    "0.10000001",
    "0.099999994",
    "1",
    "Infinity",
    "NaN",
];
const DATES: &[&str] = &[
    "-infinity",
    "4713-01-01 BC",
    "1999-12-30",
    "1999-12-31",
    "2000-01-01",
    "2000-02-28",
    "2000-02-29",
    "2000-03-01",
    "infinity",
];
const MOMENTS: &[&str] = &[
    "-infinity",
    "1999-12-31 23:59:59.999999",
    "2000-02-29 00:00:00",
    "2000-02-29 00:00:00.000001",
    "2000-02-29 00:00:00.000002",
    "infinity",
];

const DOMAINS: &str = "
CREATE DOMAIN short AS text CHECK (length(VALUE) <= 3);
CREATE DOMAIN shorter AS short CHECK (VALUE LIKE 'a%');
CREATE DOMAIN limited AS varchar(2) CHECK (VALUE <> 'a');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN picture AS text CHECK (VALUE ~ '^\\ma');
CREATE DOMAIN price AS numeric(3, 1) CHECK (VALUE > 0);
CREATE TYPE mood AS ENUM ('calm', 'cross', 'sad é');
";

/// What is left to the server.
const LEFT: [(&str, &str); 22] = [
    ("char(3)", "CHECK (v <> 'a')"),
    ("text", "CHECK (lower(v) = v)"),
    ("text", "CHECK (v ~ '^\\s')"),
    ("text", "CHECK (v ~ 'a+?')"),
    ("text", "CHECK (v ~ '(a)\\1')"),
    ("text", "CHECK (v ~ '(?i)a')"),
    ("text", "CHECK (v ~ '[[:punct:]]')"),
    ("text", "CHECK (v ~* '^[a-z]+$')"),
    ("text", "CHECK (v ~* 'é')"),
    ("text", "CHECK (v < 'b')"),
    ("text COLLATE loose", "CHECK (v = 'a')"),
    ("picture", ""),
    ("text", "CHECK (octet_length(v) < 3)"),
    ("text", "CHECK (v ~ v)"),
    ("int", "CHECK (v > 0.5)"),
    ("numeric", "CHECK (v > 0.5::float8)"),
    ("numeric", "CHECK (round(v) = v)"),
    ("date", "CHECK (v < now())"),
    ("date", "CHECK (v < timestamp '2000-01-01')"),
    ("timestamptz(3)", "CHECK (v < '2000-01-01 UTC')"),
    ("timestamptz", "CHECK (v::date < '2000-01-01')"),
    ("mood", "CHECK (v < 'sad é')"),
];

struct Column {
    /// Of a table without others.
    one: Asked,
    /// Beside a key `n`, filled and patched by `--@ bulk`.
    insert: Asked,
    update: Asked,
    table: String,
}

/// What ships, and what is held of its parameters.
#[derive(Debug, Clone, Copy)]
struct Asked {
    sql: &'static str,
    held: &'static [Held],
}

impl Asked {
    const fn held<P: Params>(self) -> Statement<P> {
        self.plain().held(self.held)
    }

    const fn plain<P: Params>(self) -> Statement<P> {
        Statement::new("q", "q.sql", self.sql, ANY, ANY)
    }
}

/// The columns in tables of their own, and what is held of each.
fn columns(of: &[(&str, &str)], server: &support::TestDatabase) -> Vec<Column> {
    let mut schema = String::new();
    let mut queries = String::new();
    for (index, (ty, check)) in of.iter().enumerate() {
        schema.push_str(&format!(
            "CREATE TABLE t{index} (v {ty} {check});
             CREATE TABLE many{index} (n int PRIMARY KEY, v {ty} {check});\n"
        ));
        queries.push_str(&format!(
            "--! one{index}\nINSERT INTO t{index} (v) VALUES (:v);\n\
             --! insert{index}\n--@ bulk\nINSERT INTO many{index} (n, v) VALUES (:n, :v);\n\
             --! update{index} (v~)\n--@ bulk\nUPDATE many{index} SET v = :v WHERE n = :n;\n"
        ));
    }
    server.run(&schema);
    let mut sources = Sources::default();
    let file = sources.add("queries/q.sql", queries);
    let module = "q".to_owned();
    let parsed = sqlmill::parse(&sources, &[QueryFile { file, module }]);
    let mut connection = server.wire();
    let config = Config::default();
    let compiled =
        sqlmill::compile(&sources, &config, parsed, &mut connection, &Rules::all()).unwrap();
    assert!(compiled.output.is_some(), "{:?}", compiled.diagnostics);
    let queries: Vec<Asked> = compiled.checked().iter().map(asked).collect();
    let (queries, _) = queries.as_chunks::<3>();
    let columns = queries.iter().enumerate();
    columns
        .map(|(index, &[one, insert, update])| Column {
            one,
            insert,
            update,
            table: format!("many{index}"),
        })
        .collect()
}

/// As the generated crate has it: of many rows what holds of each is said of the author's statement.
fn asked(query: &Checked<'_>) -> Asked {
    let bulk = query.groups.iter().find(|group| group.group.name.is_some());
    let switch = |place: usize| {
        let next = query.params.get(place + 1)?;
        (next.role == Role::Switch).then_some(place + 1)
    };
    let held = query.facts.unwrap().held.iter().map(|held| Held {
        place: held.param - 1,
        switch: switch(held.param - 1),
        field: "v",
        schema: text(&held.schema),
        relation: text(&held.relation),
        constraint: text(&held.constraint),
        message: text(&held.message),
        test: test(&held.test),
    });
    Asked {
        sql: text(match bulk {
            Some(bulk) => &bulk.group.texts[0].statement.sql,
            None => &query.statement.sql,
        }),
        held: lasting(held.collect()),
    }
}

fn lasting<T>(items: Vec<T>) -> &'static [T] {
    Box::leak(items.into_boxed_slice())
}

fn text(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn test(of: &model::Test) -> Test {
    let tests = |tests: &[model::Test]| lasting(tests.iter().map(test).collect());
    let by = |comparison: model::Comparison| match comparison {
        model::Comparison::Less => Comparison::Less,
        model::Comparison::LessOrEqual => Comparison::LessOrEqual,
        model::Comparison::Equal => Comparison::Equal,
        model::Comparison::NotEqual => Comparison::NotEqual,
        model::Comparison::GreaterOrEqual => Comparison::GreaterOrEqual,
        model::Comparison::Greater => Comparison::Greater,
    };
    match of {
        model::Test::AtMost(most) => Test::AtMost(*most),
        model::Test::Cut(most, inner) => Test::Cut(*most, &lasting(vec![test(inner)])[0]),
        model::Test::Length(comparison, number) => Test::Length(by(*comparison), *number),
        model::Test::Integer(comparison, number) => Test::Integer(by(*comparison), *number),
        model::Test::Float(comparison, number) => Test::Float(
            by(*comparison),
            match number.as_str() {
                "f64::NAN" => f64::NAN,
                "f64::INFINITY" => f64::INFINITY,
                "f64::NEG_INFINITY" => f64::NEG_INFINITY,
                number => number.parse().unwrap(),
            },
        ),
        model::Test::Numeric(comparison, number, places) => {
            Test::Numeric(by(*comparison), text(number), *places)
        }
        model::Test::IsTrue => Test::IsTrue,
        model::Test::Matches(of) => Test::Matches(&lasting(vec![pattern(of)])[0]),
        model::Test::Trimmed(inner) => Test::Trimmed(&lasting(vec![test(inner)])[0]),
        model::Test::Ascii(inner) => Test::Ascii(&lasting(vec![test(inner)])[0]),
        model::Test::OneOf(texts) => {
            Test::OneOf(lasting(texts.iter().map(|item| text(item)).collect()))
        }
        model::Test::Like(pattern) => Test::Like(text(pattern)),
        model::Test::IsNull => Test::IsNull,
        model::Test::All(inner) => Test::All(tests(inner)),
        model::Test::Any(inner) => Test::Any(tests(inner)),
        model::Test::Not(inner) => Test::Not(&lasting(vec![test(inner)])[0]),
    }
}

fn pattern(of: &model::Pattern) -> Pattern {
    let all = |of: &[model::Pattern]| lasting(of.iter().map(pattern).collect());
    match of {
        model::Pattern::Begin => Pattern::Begin,
        model::Pattern::End => Pattern::End,
        model::Pattern::Text(of) => Pattern::Text(text(of)),
        model::Pattern::In(ranges) => Pattern::In(lasting(ranges.clone())),
        model::Pattern::NotIn(ranges) => Pattern::NotIn(lasting(ranges.clone())),
        model::Pattern::Row(parts) => Pattern::Row(all(parts)),
        model::Pattern::Either(parts) => Pattern::Either(all(parts)),
        model::Pattern::Times(least, most, part) => {
            Pattern::Times(*least, *most, &all(std::slice::from_ref(&**part))[0])
        }
    }
}

/// Bytes as they are, or NULL.
#[derive(Debug, Clone, Copy)]
struct Raw(Option<&'static [u8]>);

impl Param for Raw {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let Some(bytes) = self.0 else {
            return Ok(Encoded::Null);
        };
        out.put(bytes);
        Ok(Encoded::Value)
    }
}

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % bound
    }

    fn of<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }
}

/// Was a value refused before it was sent? And would the server have refused it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Verdict {
    before: bool,
    server: bool,
}

async fn verdict<P: Params + Copy + 'static>(db: &Database, column: &Column, value: P) -> Verdict {
    let plain: Statement<P> = column.one.plain();
    let held: Statement<P> = column.one.held();
    let server = Execute::new(db, &plain, value).await;
    let before = Execute::new(db, &held, value).await;
    if let Err(error) = &server {
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::Constraint | ErrorKind::InvalidInput),
            "{error}"
        );
    }
    let refused = match &before {
        Err(error) => {
            assert!(!error.faults().is_empty() || server.is_err(), "{error}");
            !error.faults().is_empty()
        }
        Ok(_) => false,
    };
    Verdict {
        before: refused,
        server: server.is_err(),
    }
}

/// Of many rows just those are named whose value was refused alone, and the server takes the others.
async fn compare_many<V: Param + Copy + 'static>(
    db: &Database,
    what: &str,
    column: &Column,
    judged: &[(V, Verdict)],
) {
    let rows: Vec<(i32, V)> = (0..)
        .zip(judged)
        .map(|(n, (value, _))| (n, *value))
        .collect();
    let (held, plain) = (column.insert.held(), column.insert.plain());
    let refused = |verdict: &Verdict| verdict.before;
    let undone = db.begin().await.unwrap();
    check_many(
        what,
        BulkExecute::new(&undone, &held, &rows).await,
        judged.iter().map(|(_, verdict)| refused(verdict)),
    );
    drop(undone);
    let (bad, good): (Vec<_>, Vec<_>) = rows
        .iter()
        .zip(judged)
        .partition(|(_, (_, verdict))| verdict.server);
    let good: Vec<(i32, V)> = good.into_iter().map(|(row, _)| *row).collect();
    let made = BulkExecute::new(db, &held, &good).await;
    assert_eq!(made.unwrap(), good.len() as u64, "{what}");
    for (row, _) in bad.iter().take(5) {
        let alone = BulkExecute::new(db, &plain, std::slice::from_ref(*row)).await;
        assert!(alone.is_err(), "{what}");
    }

    // Every fourth row keeps what is there, and nothing is asked of it.
    let Some(&(_, there)) = good.first() else {
        return;
    };
    let delete = Asked {
        sql: text(&format!("DELETE FROM {}", column.table)),
        held: &[],
    };
    Execute::new(db, &delete.plain(), ()).await.unwrap();
    let first: Vec<(i32, V)> = rows.iter().map(|(n, _)| (*n, there)).collect();
    BulkExecute::new(db, &held, &first).await.unwrap();
    let patches: Vec<(Patch<V>, i32)> = rows
        .iter()
        .map(|&(n, value)| match n % 4 {
            3 => (Patch::Keep, n),
            _ => (Patch::Set(value), n),
        })
        .collect();
    let held = column.update.held();
    let keeps = |patch: &Patch<V>| matches!(patch, Patch::Keep);
    check_many(
        what,
        BulkExecute::new(db, &held, &patches).await,
        patches
            .iter()
            .zip(judged)
            .map(|((patch, _), (_, verdict))| !keeps(patch) && refused(verdict)),
    );
    let good: Vec<(Patch<V>, i32)> = patches
        .iter()
        .zip(judged)
        .filter(|((patch, _), (_, verdict))| keeps(patch) || !verdict.server)
        .map(|(patch, _)| *patch)
        .collect();
    let changed = BulkExecute::new(db, &held, &good).await;
    assert_eq!(changed.unwrap(), good.len() as u64, "{what}");
}

fn check_many(what: &str, told: Result<u64>, refused: impl Iterator<Item = bool>) {
    let refused = refused.enumerate().filter(|(_, refused)| *refused);
    let refused: Vec<usize> = refused.map(|(row, _)| row).collect();
    let faulty = match &told {
        Err(error) if !error.faults().is_empty() => error.rows(),
        // What is left to the server may be wrong all the same.
        Ok(_) | Err(_) => &[],
    };
    assert_eq!(faulty, refused, "{what}: {told:?}");
}

#[tokio::test]
async fn the_verdict_is_the_servers() {
    let server = support::TestDatabase::new(DOMAINS);
    let db = server.connect().await.unwrap();
    let columns = columns(&TEXTS, &server);
    for ((ty, check), column) in TEXTS.iter().zip(&columns) {
        assert!(
            !column.one.held.is_empty(),
            "{ty} {check} is not translated"
        );
    }
    let values = texts();
    for ((ty, check), column) in TEXTS.iter().zip(&columns) {
        compare(&db, &format!("{ty} {check}"), column, &values, true).await;
    }
}

/// Texts of these letters, and some more.
fn texts() -> Vec<Option<&'static str>> {
    let letters = [
        "", "a", "b", "é", "日本", " ", "%", "@", "\\", "_", "A", "B", "\n",
    ];
    let mut values: Vec<Option<&'static str>> = vec![
        None,
        Some("abcd"),
        Some("b   "),
        Some("日本語の"),
        Some("ab@é"),
        Some("hij"),
        Some("HIJ"),
        Some("I"),
        Some("_1"),
        Some("aaa"),
        Some("ab"),
    ];
    let mut random = Random(7);
    for _ in 0..120 {
        let length = random.below(5);
        let value: String = (0..length).map(|_| random.of(&letters)).collect();
        values.push(Some(text(&value)));
    }
    values
}

/// Each value is refused beforehand just if the server refuses it. There are some of both.
async fn compare(
    db: &Database,
    what: &str,
    column: &Column,
    values: &[Option<&'static str>],
    both: bool,
) {
    // Beyond ASCII some patterns are the server's to judge.
    let in_ascii = format!("{:?}", column.one.held).contains("Ascii(");
    let (mut refused, mut accepted) = (0, 0);
    let mut judged = Vec::new();
    for value in values {
        let verdict = verdict(db, column, (*value,)).await;
        let here = !in_ascii || value.is_none_or(str::is_ascii);
        assert!(
            verdict.before == verdict.server || (!here && !verdict.before),
            "{value:?} in {what}: {verdict:?}: {:?}",
            column.one.held
        );
        match verdict.server {
            true => refused += 1,
            false => accepted += 1,
        }
        judged.push((*value, verdict));
    }
    compare_many(db, what, column, &judged).await;
    if both {
        assert!(
            refused > 0 && accepted > 0,
            "{what}: {refused} refused, {accepted} accepted"
        );
    }
}

#[tokio::test]
async fn the_verdict_on_patterns_of_any_kind_is_the_servers() {
    let server = support::TestDatabase::new("");
    let db = server.connect().await.unwrap();
    let mut random = Random(11);
    let checks: Vec<String> = (0..150)
        .map(|_| {
            let pattern = generated(&mut random, 2).replace('\'', "");
            let operator = random.of(&["~", "!~", "~", "~*"]);
            format!("CHECK (v {operator} '{pattern}')")
        })
        .collect();
    let of: Vec<(&str, &str)> = checks
        .iter()
        .map(|check| ("text", check.as_str()))
        .collect();
    let columns = columns(&of, &server);
    let values: Vec<_> = texts().into_iter().take(60).collect();
    let mut translated = 0;
    for (check, column) in checks.iter().zip(&columns) {
        if !column.one.held.is_empty() {
            translated += 1;
            compare(&db, check, column, &values, false).await;
        }
    }
    assert!(translated > 75, "{translated}");
}

/// A pattern that is none on some occasions.
fn generated(random: &mut Random, depth: usize) -> String {
    let atoms = [
        "a",
        "b",
        "é",
        "@",
        " ",
        "_",
        ".",
        "[ab]",
        "[^a]",
        "[a-b_]",
        "[é-日]",
        "[%@-]",
        "\\.",
        "\\w",
        "\\d",
        "[[:alpha:]_]",
        "[^\\w ]",
        "\\n",
        "\\\\",
        "%",
    ];
    let quantifiers = ["", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,}"];
    let mut pattern = random.of(&["^", "", "^"]).to_owned();
    for _ in 0..=random.below(3) {
        match random.below(4) {
            0 if depth > 0 => {
                let open = random.of(&["(", "(?:"]);
                pattern.push_str(&format!("{open}{})", generated(random, depth - 1)));
            }
            _ => pattern.push_str(random.of(&atoms)),
        }
        pattern.push_str(random.of(&quantifiers));
    }
    if depth > 0 && random.below(5) == 0 {
        pattern.push_str(&format!("|{}", generated(random, depth - 1)));
    }
    pattern.push_str(random.of(&["$", "", "$"]));
    pattern
}

#[tokio::test]
async fn the_verdict_on_other_types_is_the_servers() {
    let server = support::TestDatabase::new(DOMAINS);
    let db = server.connect().await.unwrap();
    let of: Vec<(&str, &str)> = OTHERS
        .iter()
        .map(|(ty, _, check, _)| (*ty, *check))
        .collect();
    let columns = columns(&of, &server);
    for ((ty, send, check, values), column) in OTHERS.iter().zip(&columns) {
        assert!(
            !column.one.held.is_empty(),
            "{ty} {check} is not translated"
        );
        // What is stored may be rounded; what is sent is not.
        let sent = match *ty {
            "positive" => "int",
            "price" => "numeric",
            other => other.split('(').next().unwrap(),
        };
        let (mut refused, mut accepted) = (0, 0);
        let mut judged = Vec::new();
        for value in values.iter().map(Some).chain([None]) {
            let bytes = value.map(|value| {
                let sql = format!("SELECT encode({send}('{value}'::{sent}), 'hex')");
                hex(server.run(&sql)[0][0].as_deref().unwrap())
            });
            let verdict = verdict(&db, column, (Raw(bytes),)).await;
            assert_eq!(
                verdict.before, verdict.server,
                "{value:?} in {ty} {check}: {:?}",
                column.one.held
            );
            match verdict.server {
                true => refused += 1,
                false => accepted += 1,
            }
            judged.push((Raw(bytes), verdict));
        }
        compare_many(&db, &format!("{ty} {check}"), column, &judged).await;
        // Of some every value is accepted, or NULL alone.
        assert!(
            refused > 0 && accepted > 0,
            "{ty} {check}: {refused} refused, {accepted} accepted"
        );
    }
}

fn hex(text: &str) -> &'static [u8] {
    lasting(
        (0..text.len() / 2)
            .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
            .collect(),
    )
}

#[tokio::test]
async fn what_does_not_mean_the_same_is_left_to_the_server() {
    let server = support::TestDatabase::new(DOMAINS);
    let columns = columns(&LEFT, &server);
    for ((ty, check), column) in LEFT.iter().zip(&columns) {
        assert!(
            column.one.held.is_empty(),
            "{ty} {check}: {:?}",
            column.one.held
        );
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AddNoteConstraint {
    NotesBodyKey,
    NotesBodyCheck,
}

sqlmill_runtime::constraints! {
    AddNoteConstraint {
        NotesBodyKey = "public"."notes" "notes_body_key",
        NotesBodyCheck = "public"."notes" "notes_body_check",
    }
}

#[tokio::test]
async fn all_faults_are_told_at_once_and_no_value() {
    static ADD: Statement<(&str, &str)> = Statement::new(
        "notes::add_note",
        "queries/notes.sql:1",
        "this is never sent",
        ANY,
        ANY,
    )
    .held(ADD_NOTE_HELD);
    sqlmill_runtime::held! {
        ADD_NOTE_HELD
        0 "title" "public"."notes" "varchar(3)" "at most 3 characters": AtMost(3);
        1 "body" "public"."notes" "notes_body_check" "a body mentions somebody": Like("%@%");
    }
    let server = support::TestDatabase::new("");
    let db = server.connect().await.unwrap();
    let error = Execute::new(&db, &ADD, ("secret", "hidden"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "notes::add_note (queries/notes.sql:1): invalid input: `title`: at most 3 characters (varchar(3)); \
         `body`: a body mentions somebody (notes_body_check)"
    );
    let fields: Vec<&str> = error.faults().iter().map(|fault| fault.field()).collect();
    assert_eq!(fields, ["title", "body"]);
    // It has the name that it would have if the server had said it.
    assert!(error.violates(AddNoteConstraint::NotesBodyCheck));
    assert_eq!(
        error.constraint::<AddNoteConstraint>(),
        Some(AddNoteConstraint::NotesBodyCheck)
    );
}

static ADD_MANY: Statement<Rows<'_, (&str, i32)>> = Statement::new(
    "notes::add_many",
    "queries/notes.sql:5",
    "this is never sent",
    ANY,
    ANY,
)
.held(ADD_MANY_HELD);
sqlmill_runtime::held! {
    ADD_MANY_HELD
    0 "title" "public"."notes" "varchar(3)" "at most 3 characters": AtMost(3);
    0 "title" "public"."notes" "notes_title_check" "not empty": Not(&OneOf(&[""]));
    1 "size" "public"."notes" "notes_size_check" "not negative": Integer(GreaterOrEqual, 0);
}

fn places(error: &Error) -> Vec<(usize, &'static str)> {
    let place = |fault: &Fault| (fault.row().unwrap(), fault.field());
    error.faults().iter().map(place).collect()
}

#[tokio::test]
async fn the_faults_of_all_rows_are_told_before_the_first_is_sent() {
    let server = support::TestDatabase::new("");
    let db = server.connect().await.unwrap();
    // More than travel at once, and the last of them is one of those at fault.
    let mut rows = vec![("ok", 1); 10_000];
    rows[3] = ("hidden", -1);
    rows[9_999] = ("", 7);
    let error = BulkExecute::new(&db, &ADD_MANY, &rows).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.rows(), [3, 9_999]);
    assert_eq!(
        places(&error),
        [(3, "title"), (3, "size"), (9_999, "title")]
    );
    assert_eq!(error.more_faults(), 0);
    assert_eq!(
        error.to_string(),
        "notes::add_many (queries/notes.sql:5): invalid input: `title`: at most 3 characters (varchar(3), row 3 from 0); \
         `size`: not negative (notes_size_check, row 3 from 0); `title`: not empty (notes_title_check, row 9999 from 0)"
    );
    // A transaction is as it was.
    let transaction = db.begin().await.unwrap();
    let error = BulkExecute::new(&transaction, &ADD_MANY, &rows).await;
    assert_eq!(error.unwrap_err().rows(), [3, 9_999]);
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn of_very_many_faults_each_rule_and_each_row_is_told() {
    let server = support::TestDatabase::new("");
    let db = server.connect().await.unwrap();
    let mut rows = vec![("long", 1); 5_000];
    rows[4_000] = ("", -1);
    rows[4_001] = ("fit", 1);
    let error = BulkExecute::new(&db, &ADD_MANY, &rows).await.unwrap_err();
    assert_eq!(error.rows().len(), 4_999);
    assert!(!error.rows().contains(&4_001));
    assert_eq!(error.faults().len(), 102);
    assert_eq!(error.more_faults(), 4_999 + 1 - 102);
    let places = places(&error);
    assert_eq!(places[..2], [(0, "title"), (1, "title")]);
    assert_eq!(places[100..], [(4_000, "title"), (4_000, "size")]);
    let words = error.to_string();
    assert!(
        words.ends_with("(varchar(3), row 19 from 0); and 4980 more"),
        "{words}"
    );
}
