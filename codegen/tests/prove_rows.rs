//! How many rows: what is proved of each statement, and what the server gives for rows that were chosen to betray it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod facts;

use std::collections::BTreeSet;

use facts::{Bench, benches};
use sqlmill::describe::Described;
use sqlmill::facts::Cardinality;
use sqlmill::prove::{Rules, rules};

const SCHEMA: &str = include_str!("facts/rows_schema.sql");
const DATA: &str = include_str!("facts/rows_data.sql");
const CASES: &str = include_str!("facts/rows_cases.sql");

struct Case {
    line: usize,
    /// `one`, `optional`, `many` (and several rows are seen), `open` (not provable, and perhaps never several), `none`.
    expected: String,
    from: u32,
    args: String,
    sql: String,
}

/// `-- <expected> [from <major>] [(<args>)]`, then the statement.
fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in CASES.lines().enumerate() {
        if let Some(head) = line.strip_prefix("-- ") {
            let (head, args) = head.split_once(" (").unwrap_or((head, ""));
            let mut words = head.split_whitespace();
            let expected = words.next().unwrap().to_owned();
            let from = match (words.next(), words.next()) {
                (Some("from"), Some(major)) => major.parse().unwrap(),
                (None, None) => 0,
                other => panic!("line {}: {other:?}", number + 1),
            };
            cases.push(Case {
                line: number + 1,
                expected,
                from,
                args: args.strip_suffix(')').unwrap_or(args).to_owned(),
                sql: String::new(),
            });
        } else if !line.trim().is_empty() && !line.starts_with("--") {
            let sql = &mut cases.last_mut().unwrap().sql;
            sql.push_str(line);
            sql.push('\n');
        }
    }
    assert!(cases.len() > 100, "{} cases", cases.len());
    cases
}

fn refused(described: &Described) -> Option<&str> {
    match described {
        Described::Statement(statement) => statement
            .plan_error
            .as_ref()
            .map(|error| error.message.as_str()),
        Described::Utility(_) => Some("a utility"),
        Described::Refused(error) => Some(&error.message),
        Described::Unasked => Some("not asked"),
    }
}

/// The number of rows on empty tables, and on the full ones.
fn observed(bench: &mut Bench, case: &Case) -> Result<(usize, usize), String> {
    let empty = bench.rows("SELECT", &case.sql, &case.args)?.len();
    let full = bench.rows(DATA, &case.sql, &case.args)?.len();
    Ok((empty, full))
}

fn allows(cardinality: Cardinality, (empty, full): (usize, usize)) -> bool {
    match cardinality {
        Cardinality::None => empty == 0 && full == 0,
        Cardinality::One => empty == 1 && full == 1,
        Cardinality::AtMostOne => empty <= 1 && full <= 1,
        Cardinality::Many => true,
    }
}

#[test]
fn cardinality_is_what_the_rows_show() {
    for mut bench in benches("prove_rows", SCHEMA) {
        let cases: Vec<Case> = cases()
            .into_iter()
            .filter(|case| case.from <= bench.major)
            .collect();
        let statements: Vec<&str> = cases.iter().map(|case| case.sql.as_str()).collect();
        let described = bench.describe(&statements);
        let mut wrong = Vec::new();
        for (case, described) in cases.iter().zip(&described) {
            if let Some(error) = refused(described) {
                wrong.push(format!("line {}: {error}", case.line));
                continue;
            }
            let fact = bench.prove(described, &Rules::all()).cardinality;
            let seen = match observed(&mut bench, case) {
                Ok(seen) => seen,
                Err(error) => {
                    wrong.push(format!("line {}: {error}", case.line));
                    continue;
                }
            };
            let expected = match case.expected.as_str() {
                "one" => Cardinality::One,
                "optional" => Cardinality::AtMostOne,
                "many" | "open" => Cardinality::Many,
                "none" => Cardinality::None,
                other => panic!("line {}: {other}", case.line),
            };
            let shown = match case.expected.as_str() {
                // Neither is the claim broken, nor could a stronger one be made.
                "optional" => seen.0.min(seen.1) == 0,
                "many" => seen.0.max(seen.1) > 1,
                _ => true,
            };
            if fact.value != expected || !allows(fact.value, seen) || !shown {
                wrong.push(format!(
                    "line {}: expected {}, proved {:?} ({}), saw {seen:?} rows\n{}",
                    case.line, case.expected, fact.value, fact.reason, case.sql
                ));
            }
        }
        assert!(
            wrong.is_empty(),
            "PostgreSQL {}\n{}",
            bench.major,
            wrong.join("\n")
        );
    }
}

/// Each careful step is needed: without it some statement is said to give fewer rows than it does.
#[test]
fn every_rule_of_rows_is_needed() {
    let elsewhere = [
        "order-total",
        "cte-writes",
        "functions-write",
        "locks-write",
    ];
    let about_rows: BTreeSet<&str> = rules::ALL
        .iter()
        .map(|(name, _)| *name)
        .take_while(|name| *name != rules::FIRST_ABOUT_NULL)
        .filter(|name| !elsewhere.contains(name))
        .collect();
    assert!(about_rows.len() > 20);
    for mut bench in benches("prove_rows", SCHEMA) {
        let cases: Vec<Case> = cases()
            .into_iter()
            .filter(|case| case.from <= bench.major)
            .collect();
        let statements: Vec<&str> = cases.iter().map(|case| case.sql.as_str()).collect();
        let described = bench.describe(&statements);
        let seen: Vec<(usize, usize)> = cases
            .iter()
            .map(|case| observed(&mut bench, case).unwrap())
            .collect();
        for &rule in &about_rows {
            let rules = Rules::without(rule);
            let betrayed = described.iter().zip(&seen).any(|(described, seen)| {
                !allows(bench.prove(described, &rules).cardinality.value, *seen)
            });
            assert!(betrayed, "nothing betrays the absence of {rule}");
        }
    }
}

/// What is used several times is looked into once: the proofs count their steps and give up after too many, and the
/// depths here would take more than that by far, were each step to double the work.
#[test]
fn large_statements_are_told() {
    let start = "WITH c0 AS (SELECT id, name FROM usr WHERE id = $1)";
    let chain = |each: &dyn Fn(usize) -> String| -> String {
        (1..60)
            .map(|number| format!(", c{number} AS ({})", each(number)))
            .collect()
    };
    let twice = chain(&|number| {
        let before = number - 1;
        format!("SELECT a.id, b.name FROM c{before} a JOIN c{before} b ON b.id = a.id")
    });
    let fibonacci = chain(&|number| {
        let (before, further) = (number - 1, number.saturating_sub(2));
        format!("SELECT a.id, b.name FROM c{before} a LEFT JOIN c{further} b ON b.id = a.id")
    });
    let left: String = (1..60)
        .map(|number| {
            let before = number - 1;
            format!(" LEFT JOIN usr u{number} ON u{number}.id = u{before}.org_id")
        })
        .collect();
    let mut right = "usr u60".to_owned();
    for number in (0..60).rev() {
        let after = number + 1;
        right = format!(
            "(usr u{number} LEFT JOIN {right} ON u{after}.id = u{number}.org_id LEFT JOIN org o{number} ON o{number}.id = u{number}.org_id)"
        );
    }
    let mut nested = "SELECT id, name FROM usr WHERE id = $1".to_owned();
    for _ in 0..20 {
        nested = format!("SELECT x.id, x.name FROM ({nested}) x LEFT JOIN usr ON usr.id = x.id");
    }
    let statements = [
        (format!("{start}{twice} SELECT id FROM c59"), true),
        (format!("{start}{fibonacci} SELECT id FROM c59"), true),
        (
            format!("SELECT u0.id FROM usr u0{left} WHERE u0.id = $1"),
            true,
        ),
        (format!("SELECT u0.id FROM {right} WHERE u0.id = $1"), true),
        (nested.clone(), true),
        (
            format!("{start}{twice} SELECT id FROM c59").replace("id = $1", "name = $1"),
            false,
        ),
        (nested.replace("id = $1", "name = $1"), false),
    ];
    for mut bench in benches("prove_rows", SCHEMA) {
        for (sql, one) in &statements {
            let facts = bench.facts(sql);
            let expected = if *one {
                Cardinality::AtMostOne
            } else {
                Cardinality::Many
            };
            assert_eq!(
                facts.cardinality.value, expected,
                "{sql}: {}",
                facts.cardinality.reason
            );
            assert!(!facts.cardinality.reason.contains("too large"), "{sql}");
            assert!(
                facts.cardinality.reason.len() < 1000,
                "{sql}: {}",
                facts.cardinality.reason
            );
            let by_key = bench.facts(&format!("{sql} ORDER BY 1")).order.total;
            assert!(by_key.value, "{sql}: {}", by_key.reason);
        }
    }
}

/// A trigger of the other server may leave a row out.
#[test]
fn a_row_for_a_foreign_partition_may_not_come_back() {
    for mut bench in benches("prove_rows", SCHEMA) {
        let mut rows = |sql| bench.facts(sql).cardinality.value;
        assert_eq!(
            rows("INSERT INTO mixed VALUES (1, 1) RETURNING id"),
            Cardinality::AtMostOne
        );
        assert_eq!(
            rows("INSERT INTO mixed_here VALUES (1, 1) RETURNING id"),
            Cardinality::One
        );
    }
}
