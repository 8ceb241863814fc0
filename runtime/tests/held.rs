//! What parameters are held to before they are sent, against what the server says of the same values.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/mod.rs"]
mod support;

use sqlmill::config::Config;
use sqlmill::model;
use sqlmill::project::QueryFile;
use sqlmill::prove::Rules;
use sqlmill::source::Sources;
use sqlmill_runtime::{
    ANY, Comparison, Database, ErrorKind, Execute, Held, Params, Statement, Test,
};

/// Types and conditions of a column `v`; `VALUE` in domains. All of them are translated.
const TEXTS: [(&str, &str); 24] = [
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
];

const INTEGERS: [(&str, &str); 8] = [
    ("int", "CHECK (v > 0)"),
    ("int", "CHECK (v BETWEEN -1 AND 10)"),
    ("int", "CHECK (10 >= v AND v <> 3)"),
    ("bigint", "CHECK (v < 5000000000)"),
    ("bigint", "CHECK (v >= -1)"),
    ("smallint", "CHECK (v IS NULL OR NOT v = 7)"),
    ("int", "CHECK (v < 2000000000000)"),
    ("positive", "CHECK (v <= 3)"),
];

const DOMAINS: &str = "
CREATE DOMAIN short AS text CHECK (length(VALUE) <= 3);
CREATE DOMAIN shorter AS short CHECK (VALUE LIKE 'a%');
CREATE DOMAIN limited AS varchar(2) CHECK (VALUE <> 'a');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN picture AS text CHECK (VALUE ~ '^a');
";

/// What is left to the server.
const LEFT: [(&str, &str); 9] = [
    ("char(3)", "CHECK (v <> 'a')"),
    ("text", "CHECK (lower(v) = v)"),
    ("text", "CHECK (v ~ '^a')"),
    ("text", "CHECK (v < 'b')"),
    ("text COLLATE loose", "CHECK (v = 'a')"),
    ("picture", ""),
    ("numeric(3, 1)", "CHECK (v < 5)"),
    ("text", "CHECK (octet_length(v) < 3)"),
    ("float8", "CHECK (v > 0)"),
];

struct Column {
    table: String,
    held: &'static [Held],
}

/// The columns in tables of their own, and what is held of each.
fn columns(of: &[(&str, &str)], server: &support::TestDatabase) -> Vec<Column> {
    let mut schema = String::new();
    let mut queries = String::new();
    for (index, (ty, check)) in of.iter().enumerate() {
        schema.push_str(&format!("CREATE TABLE t{index} (v {ty} {check});\n"));
        queries.push_str(&format!(
            "--! q{index}\nINSERT INTO t{index} (v) VALUES (:v);\n"
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
    compiled
        .checked()
        .iter()
        .enumerate()
        .map(|(index, query)| Column {
            table: format!("t{index}"),
            held: lasting(
                query
                    .facts
                    .unwrap()
                    .held
                    .iter()
                    .map(|held| Held {
                        place: held.param - 1,
                        field: "v",
                        schema: text(&held.schema),
                        relation: text(&held.relation),
                        constraint: text(&held.constraint),
                        message: text(&held.message),
                        test: test(&held.test),
                    })
                    .collect(),
            ),
        })
        .collect()
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

/// Was it refused before it was sent? And would the server have refused it?
async fn verdicts<P: Params + Copy + 'static>(
    db: &Database,
    column: &Column,
    value: P,
) -> (bool, bool) {
    let sql = text(&format!("INSERT INTO {} (v) VALUES ($1)", column.table));
    let plain: Statement<P> = Statement::new("q", "q.sql", sql, ANY, ANY);
    let held: Statement<P> = Statement::new("q", "q.sql", sql, ANY, ANY).held(column.held);
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
    (refused, server.is_err())
}

#[tokio::test]
async fn the_verdict_is_the_servers() {
    let server = support::TestDatabase::new(DOMAINS);
    let db = server.connect().await.unwrap();
    let columns = columns(&TEXTS, &server);
    for ((ty, check), column) in TEXTS.iter().zip(&columns) {
        assert!(!column.held.is_empty(), "{ty} {check} is not translated");
    }
    // All texts of up to four of these, and some more.
    let letters = ["", "a", "b", "é", "日本", " ", "%", "@", "\\", "_"];
    let mut values: Vec<Option<&'static str>> =
        vec![None, Some("abcd"), Some("b   "), Some("日本語の")];
    let mut seed = 7_u64;
    for _ in 0..120 {
        let mut value = String::new();
        for _ in 0..4 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            value.push_str(letters[(seed >> 33) as usize % letters.len()]);
        }
        values.push(Some(text(&value)));
    }
    for ((ty, check), column) in TEXTS.iter().zip(&columns) {
        for value in &values {
            let (before, server) = verdicts(&db, column, (*value,)).await;
            assert_eq!(
                before, server,
                "{value:?} in {ty} {check}: {:?}",
                column.held
            );
        }
    }
}

#[tokio::test]
async fn the_verdict_on_integers_is_the_servers() {
    let server = support::TestDatabase::new(DOMAINS);
    let db = server.connect().await.unwrap();
    let columns = columns(&INTEGERS, &server);
    for ((ty, check), column) in INTEGERS.iter().zip(&columns) {
        assert!(!column.held.is_empty(), "{ty} {check} is not translated");
        for value in [
            None,
            Some(-2),
            Some(-1),
            Some(0),
            Some(1),
            Some(3),
            Some(4),
            Some(7),
            Some(10),
            Some(11),
        ] {
            let (before, server) = match *ty {
                "bigint" => verdicts(&db, column, (value.map(i64::from),)).await,
                "smallint" => verdicts(&db, column, (value.map(|value: i32| value as i16),)).await,
                _ => verdicts(&db, column, (value,)).await,
            };
            assert_eq!(
                before, server,
                "{value:?} in {ty} {check}: {:?}",
                column.held
            );
        }
    }
}

#[tokio::test]
async fn what_does_not_mean_the_same_is_left_to_the_server() {
    let server = support::TestDatabase::new(DOMAINS);
    let columns = columns(&LEFT, &server);
    for ((ty, check), column) in LEFT.iter().zip(&columns) {
        assert!(column.held.is_empty(), "{ty} {check}: {:?}", column.held);
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
