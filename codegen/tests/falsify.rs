//! The falsifier finds nothing where the rules hold, and objects when a rule of inference is taken away: so its silence says
//! something. It runs on the statements that the tests of the proofs are made of, over their rows and over random ones.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says that it failed by panicking"
)]

mod facts;

use std::collections::BTreeSet;

use facts::Bench;
use sqlmill::describe::{Described, Statement};
use sqlmill::facts::Facts;
use sqlmill::falsify::{
    Effort, Mark, Observation, OneRow, Reviewed, Subject, judge, observe, unreviewed,
};
use sqlmill::prove::{Rules, rules};

/// What it cannot show, and where it is shown instead. Some are for later versions than the one that is found.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("cte-writes", ACCESS),
    ("functions-write", ACCESS),
    ("locks-write", ACCESS),
    (
        "key-immediate",
        "each row is committed by itself: prove_rows",
    ),
    (
        "key-collation",
        "needs two strings that the collation takes for equal, by chance: prove_rows",
    ),
    (
        "json-keys-once",
        "of a key that stands twice the rows show one: prove_nullability",
    ),
    ("limit-ties", "needs rows that tie at the limit: prove_rows"),
    ("order-total", "rows are counted, not compared: prove_order"),
    (
        "equality-of-types",
        "needs a time zone and the day that it left out: prove_rows",
    ),
    ("json-query", "from 17: prove_nullability"),
    ("merge-old-new", "from 18: prove_nullability"),
    ("merge-source", "from 17: prove_nullability"),
    ("new-of-delete", "from 18: prove_nullability"),
    ("old-of-insert", "from 18: prove_nullability"),
    ("volatile-varies", "depends on random(): prove_rows"),
    (
        "unknown-node",
        "no SQL of today makes one: prove_nullability",
    ),
];

const ACCESS: &str = "what is proved to write runs in a transaction that may: prove_access";

struct Corpus {
    bench: Bench,
    statements: Vec<(String, Statement)>,
    seen: Vec<Observation>,
}

/// Statements that stand between comments and blank lines; `-- with …` is run before.
fn read(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut setup, mut statements, mut statement) = (Vec::new(), Vec::new(), String::new());
    for line in text.lines().chain([""]) {
        if line.is_empty() || line.starts_with("-- ") {
            if !statement.is_empty() {
                statements.push(std::mem::take(&mut statement));
            }
            setup.extend(line.strip_prefix("-- with ").map(str::to_owned));
        } else {
            statement.push_str(line);
            statement.push('\n');
        }
    }
    (setup, statements)
}

fn corpus(name: &str, schema: &str, cases: &str) -> Corpus {
    let (setup, texts) = read(cases);
    let mut bench = facts::benches(name, schema).remove(0);
    for sql in &setup {
        // What a version lacks is left out, with the statements that need it.
        let _ = bench.connection().simple(sql);
    }
    bench.catalog = sqlmill::catalog::read::read(bench.connection()).unwrap();
    let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
    let described = bench.describe(&borrowed);
    let statements: Vec<(String, Statement)> = texts
        .into_iter()
        .zip(described)
        .filter_map(|(text, described)| match described {
            Described::Statement(statement) if statement.plan_error.is_none() => {
                Some((text, statement))
            }
            Described::Statement(_)
            | Described::Utility(_)
            | Described::Refused(_)
            | Described::Unasked => None,
        })
        .collect();
    let proved = prove(&bench, &statements, &Rules::all());
    let catalog = bench.catalog.clone();
    let seen = observe(
        bench.connection(),
        &catalog,
        &subjects(&statements, &proved),
        Effort {
            rounds: 8,
            draws: 6,
            seed: 7,
        },
        &|_, _| true,
        &mut |_, _| {},
    )
    .unwrap();
    Corpus {
        bench,
        statements,
        seen,
    }
}

fn prove(bench: &Bench, statements: &[(String, Statement)], rules: &Rules) -> Vec<Facts> {
    statements
        .iter()
        .map(|(_, statement)| bench.prove(&Described::Statement(statement.clone()), rules))
        .collect()
}

fn subjects<'a>(statements: &'a [(String, Statement)], proved: &'a [Facts]) -> Vec<Subject<'a>> {
    statements
        .iter()
        .zip(proved)
        .map(|((text, statement), facts)| Subject {
            name: text,
            sql: text,
            when: "",
            params: &[],
            statement,
            facts,
            marks: &[],
            pages: None,
            one_row: None,
        })
        .collect()
}

impl Corpus {
    /// What the falsifier says of the proofs under these rules.
    fn lies(&self, rules: &Rules) -> Vec<String> {
        let proved = prove(&self.bench, &self.statements, rules);
        subjects(&self.statements, &proved)
            .iter()
            .zip(&self.seen)
            .flat_map(|(subject, seen)| {
                judge(&self.bench.catalog, subject, subject.facts, seen)
                    .into_iter()
                    .map(|found| format!("{}    {}", subject.name, found.message))
            })
            .collect()
    }
}

#[test]
fn it_is_silent_while_the_rules_hold_and_objects_when_one_is_gone() {
    let corpora = [
        corpus(
            "falsify-nulls",
            include_str!("nullability/schema.sql"),
            include_str!("nullability/cases.sql"),
        ),
        corpus(
            "falsify-rows",
            include_str!("facts/rows_schema.sql"),
            include_str!("facts/rows_cases.sql"),
        ),
    ];
    let statements: usize = corpora.iter().map(|corpus| corpus.statements.len()).sum();
    assert!(statements > 300, "only {statements} statements were tried");
    let returned = corpora
        .iter()
        .flat_map(|corpus| &corpus.seen)
        .filter(|seen| seen.rows > 0);
    let returned = returned.count();
    assert!(
        returned * 10 > statements * 8,
        "only {returned} of {statements} returned rows"
    );

    let lies: Vec<String> = corpora
        .iter()
        .flat_map(|corpus| corpus.lies(&Rules::all()))
        .collect();
    assert!(lies.is_empty(), "{}", lies.join("\n"));

    let silent: BTreeSet<&str> = rules::ALL
        .iter()
        .map(|(rule, _)| *rule)
        .filter(|rule| {
            corpora
                .iter()
                .all(|corpus| corpus.lies(&Rules::without(rule)).is_empty())
        })
        .collect();
    let listed: BTreeSet<&str> = NOT_SHOWN.iter().map(|(rule, _)| *rule).collect();
    let unlisted: Vec<&&str> = silent.difference(&listed).collect();
    assert!(
        unlisted.is_empty(),
        "the falsifier does not notice that these are gone: {unlisted:?}"
    );
}

/// The author's `!` is held against the rows as the proofs are, and asks for no NULL where there is none.
#[test]
fn marks_are_held_against_the_rows() {
    let mut bench = facts::benches(
        "falsify-marks",
        "CREATE TABLE notes (id int PRIMARY KEY, v int, list int[])",
    )
    .remove(0);
    let sql = "SELECT id, v, coalesce(v, NULL) AS w, list FROM notes";
    let described = bench.describe(&[sql]).remove(0);
    let facts = bench.prove(&described, &Rules::all());
    let Described::Statement(statement) = &described else {
        panic!("{described:?}");
    };
    let mark = |column, elements| Mark { column, elements };
    let marks = [mark(1, false), mark(3, true)];
    let subject = Subject {
        name: "m::q",
        sql,
        when: "",
        params: &[],
        statement,
        facts: &facts,
        marks: &marks,
        pages: None,
        one_row: None,
    };
    let seen = seen(&mut bench, subject);
    let said = |text: &str, subject: &Subject<'_>| {
        unreviewed(subject, &seen, &Reviewed::parse(text).unwrap())
    };
    let broken = said("", &subject);
    assert_eq!(broken.len(), 2, "{broken:?}");
    for (text, column) in broken.iter().zip(["v", "list"]) {
        assert!(text.starts_with(&format!(
            "the author's `!` on `m::q.{column}` does not hold"
        )));
    }
    let listed = "[marked]\n\"m::q.v\" = \"why\"\n\"m::q.list\" = \"why\"\n\"m::q.w\" = \"why\"";
    let needless = said(listed, &subject);
    assert_eq!(needless.len(), 1, "{needless:?}");
    assert!(
        needless[0].contains("`m::q.w` is listed under marked"),
        "{needless:?}"
    );

    // Of what was never NULL, only what has no mark is asked.
    let mut never = seen.clone();
    never.columns[1].null = None;
    let marked = unreviewed(&subject, &never, &Reviewed::default());
    assert!(
        !marked.iter().any(|text| text.contains("m::q.v")),
        "{marked:?}"
    );
    let unmarked = Subject {
        marks: &[],
        ..subject
    };
    let asked = unreviewed(&unmarked, &never, &Reviewed::default());
    assert!(
        asked
            .iter()
            .any(|text| text.contains("`m::q.v` may be NULL")),
        "{asked:?}"
    );
}

/// What is observed of one statement.
fn seen(bench: &mut Bench, subject: Subject<'_>) -> Observation {
    let catalog = bench.catalog.clone();
    observe(
        bench.connection(),
        &catalog,
        &[subject],
        Effort::default(),
        &|_, _| true,
        &mut |_, _| {},
    )
    .unwrap()
    .remove(0)
}

/// What a patch that keeps sends in the place of an UPDATE without RETURNING: its rows have no columns, and none comes back.
#[test]
fn rows_without_columns_are_none() {
    let mut bench = facts::benches("falsify-no-columns", "CREATE TABLE people (id int)").remove(0);
    let sql = "SELECT FROM people";
    let described = bench.describe(&[sql]).remove(0);
    let facts = bench.prove(&described, &Rules::all());
    let Described::Statement(statement) = &described else {
        panic!("{described:?}");
    };
    let subject = Subject {
        name: "m::q",
        sql,
        when: "with `no change`",
        params: &[],
        statement,
        facts: &facts,
        marks: &[],
        pages: None,
        one_row: None,
    };
    let seen = seen(&mut bench, subject);
    assert!(seen.runs > 0);
    assert_eq!(judge(&bench.catalog, &subject, &facts, &seen), []);
}

/// Of a text that takes arrays several rows are drawn, and none; each as the statement of one row would have it.
#[test]
fn many_rows_are_drawn_as_one_row_is() {
    let mut bench = facts::benches(
        "falsify-many-rows",
        "CREATE TYPE mood AS ENUM ('calm', 'cross');
         CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, bio text, mood mood, CHECK (name <> bio))",
    )
    .remove(0);
    let one = "INSERT INTO people (id, name, bio, mood) VALUES ($1, $2, $3, $4) RETURNING id, bio";
    let many = "INSERT INTO people (id, name, bio, mood) SELECT b.p1, b.p2, b.p3, b.p4
        FROM unnest($1::int4[], $2::text[], $3::text[], $4::mood[]) AS b (p1, p2, p3, p4) RETURNING id, bio";
    let [of_one, of_many] = bench.describe(&[one, many]).try_into().unwrap();
    let one_facts = bench.prove(&of_one, &Rules::all());
    let facts = bench.prove(&of_many, &Rules::all());
    let (Described::Statement(of_one), Described::Statement(of_many)) = (&of_one, &of_many) else {
        panic!("{of_one:?} {of_many:?}");
    };
    let subject = Subject {
        name: "m::q",
        sql: many,
        when: "for many rows",
        params: &[],
        statement: of_many,
        facts: &facts,
        marks: &[],
        pages: None,
        one_row: Some(OneRow {
            statement: of_one,
            facts: &one_facts,
        }),
    };
    let seen = seen(&mut bench, subject);
    assert_eq!(seen.errors, [].into());
    assert!(seen.fewest == Some(0) && seen.most > 2, "{seen:?}");
    assert!(seen.columns[1].null.is_some(), "{seen:?}");
    let broken = seen
        .broken
        .keys()
        .filter_map(|broken| broken.constraint.as_deref());
    let broken: BTreeSet<&str> = broken.collect();
    assert_eq!(broken, ["people_check", "people_pkey"].into());
    assert_eq!(judge(&bench.catalog, &subject, &facts, &seen), []);

    // What is said of one row does not hold of many.
    let lies = judge(&bench.catalog, &subject, &one_facts, &seen);
    assert!(
        lies.iter()
            .any(|lie| lie.message.contains("at most one row")),
        "{lies:?}"
    );
}
