//! What the proofs say of NULL, held against real rows: on the version that is found and on those in the directories of
//! `SQLMILL_TEST_PG_DIRS`. The cases are in `nullability/cases.sql`.
//!
//! Every statement is run over rows made to betray it. A column that is proved never NULL and shows NULL is a failure, as
//! is a careful answer that nothing bears out. And each rule of inference must be needed: without it some statement's
//! proof is caught lying.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sqlmill::catalog::{Catalog, read};
use sqlmill::describe::pass::describe;
use sqlmill::describe::tree::Expr;
use sqlmill::describe::{Described, Statement};
use sqlmill::facts::{ColumnFacts, Facts};
use sqlmill::falsify::{Step, inside};
use sqlmill::prove::{Input, ParamOverride, Rules, functions, nullability, prove, rules};
use sqlmill::server::{Database, Options, Scratch, Server};
use sqlmill::wire::Connection;

#[derive(Debug, Clone, Default)]
struct Case {
    name: String,
    line: usize,
    from: u32,
    until: u32,
    setup: Vec<String>,
    runs: Vec<String>,
    betrays: Vec<String>,
    expect: Vec<Expect>,
    /// What is expected of parts of the columns.
    inside: Vec<(String, Mark)>,
    /// What each parameter may be.
    params: Option<Vec<Expect>>,
    sql: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Expect {
    null: Mark,
    elements: Option<Mark>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Never,
    /// May be, and is seen.
    Seen,
    /// May be by the proof, and is not seen.
    Careful,
    Always,
}

fn mark(text: char) -> Mark {
    match text {
        '!' => Mark::Never,
        '?' => Mark::Seen,
        '~' => Mark::Careful,
        '0' => Mark::Always,
        other => panic!("{other:?} is no mark"),
    }
}

fn expectations(text: &str) -> Vec<Expect> {
    text.split_whitespace()
        .map(|word| {
            let mut chars = word.chars();
            let null = mark(chars.next().unwrap());
            let rest: Vec<char> = chars.collect();
            let elements = match rest.as_slice() {
                [] => None,
                ['[', element, ']'] => Some(mark(*element)),
                other => panic!("{other:?}"),
            };
            Expect { null, elements }
        })
        .collect()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nullability")
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(directory().join("cases.sql")).unwrap();
    let mut found = Vec::new();
    let mut line = 1;
    for block in text.split("\n\n").skip(1) {
        line += 1;
        let mut case = Case {
            line,
            until: u32::MAX,
            ..Case::default()
        };
        for text in block.lines() {
            line += 1;
            let Some(head) = text.strip_prefix("-- ") else {
                if !case.sql.is_empty() {
                    case.sql.push('\n');
                }
                case.sql.push_str(text);
                continue;
            };
            if case.name.is_empty() {
                case.name = head.to_owned();
                continue;
            }
            let (word, rest) = head.split_once(' ').unwrap_or((head, ""));
            match word {
                "expect" => case.expect = expectations(rest),
                "inside" => {
                    case.inside = rest
                        .split_whitespace()
                        .map(|word| {
                            let (path, last) = word.split_at(word.len() - 1);
                            (path.to_owned(), mark(last.chars().next().unwrap()))
                        })
                        .collect();
                }
                "params" => case.params = Some(expectations(rest)),
                "betrays" => case.betrays.extend(rest.split(' ').map(str::to_owned)),
                "from" => case.from = rest.parse().unwrap(),
                "until" => case.until = rest.parse().unwrap(),
                "with" => case.setup.push(rest.to_owned()),
                "run" => case.runs.push(rest.to_owned()),
                other => panic!("{}: {other:?}", case.name),
            }
        }
        if case.sql.is_empty() {
            continue;
        }
        found.push(case);
    }
    let names: BTreeSet<&str> = found.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), found.len(), "two cases have one name");
    found
}

struct Site {
    major: u32,
    connection: Connection,
    catalog: Catalog,
    statements: Vec<(Case, Statement)>,
    _database: Database,
    _scratch: Scratch,
}

/// One per version at hand, with the schema, and with what each case needs besides.
fn sites() -> Vec<Site> {
    let mut binaries = vec![None];
    if let Some(more) = std::env::var_os("SQLMILL_TEST_PG_DIRS") {
        binaries.extend(std::env::split_paths(&more).map(Some));
    }
    binaries.into_iter().map(site).collect()
}

fn site(binaries: Option<PathBuf>) -> Site {
    let options = Options {
        binaries,
        cache: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("nullability"),
        ..Options::default()
    };
    let scratch = Server::start(&options).unwrap().load(&[], &[]).unwrap();
    let database = scratch.fresh_database().unwrap();
    let mut connection = database.connect().unwrap();
    let schema = std::fs::read_to_string(directory().join("schema.sql")).unwrap();
    connection.simple(&schema).unwrap();
    let version = connection
        .simple("SELECT current_setting('server_version_num')")
        .unwrap();
    let major = version[0].first().unwrap().parse::<u32>().unwrap() / 10_000;
    let cases: Vec<Case> = cases()
        .into_iter()
        .filter(|case| (case.from..=case.until).contains(&major))
        .collect();
    for case in &cases {
        for setup in &case.setup {
            connection
                .simple(setup)
                .unwrap_or_else(|error| panic!("{major}: {}: {error}", case.name));
        }
    }
    let catalog = read::read(&mut connection).unwrap();
    let texts: Vec<&str> = cases.iter().map(|case| case.sql.as_str()).collect();
    let described = describe(&mut connection, &catalog, &texts).unwrap();
    let (mut statements, mut refused) = (Vec::new(), Vec::new());
    for (case, described) in cases.into_iter().zip(described) {
        match described {
            Described::Statement(statement) if statement.plan_error.is_none() => {
                statements.push((case, statement));
            }
            other => refused.push(format!("{major}: {}: {other:?}", case.name)),
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    Site {
        major,
        connection,
        catalog,
        statements,
        _database: database,
        _scratch: scratch,
    }
}

fn facts(catalog: &Catalog, statement: &Statement, rules: &Rules) -> Facts {
    prove(&input(catalog, statement, rules))
}

fn input<'a>(catalog: &'a Catalog, statement: &'a Statement, rules: &'a Rules) -> Input<'a> {
    Input {
        catalog,
        statement,
        line: &|_| Some(1),
        rules,
        param_names: &[],
        param_overrides: &[],
    }
}

type Rows = Vec<Vec<Option<String>>>;

/// What the statement gives, over all its runs; what it writes is undone.
fn run(connection: &mut Connection, case: &Case) -> Result<Rows, String> {
    let mut rows = Vec::new();
    let once = [String::new()];
    let runs = if case.runs.is_empty() {
        once.as_slice()
    } else {
        case.runs.as_slice()
    };
    for arguments in runs {
        let call = if arguments.is_empty() {
            String::new()
        } else {
            format!("({arguments})")
        };
        let script = format!(
            "BEGIN; PREPARE the_case AS {}; EXECUTE the_case{call}; DEALLOCATE the_case; ROLLBACK",
            case.sql
        );
        let results = connection.simple(&script).map_err(|error| {
            connection.simple("ROLLBACK; DEALLOCATE ALL").unwrap();
            error.to_string()
        })?;
        for result in results {
            rows.extend(result.rows);
        }
    }
    Ok(rows)
}

/// The columns, from 0, that are said to be not null and are, as a whole or in a part.
fn lies(
    catalog: &Catalog,
    statement: &Statement,
    columns: &[ColumnFacts],
    rows: &Rows,
) -> Vec<usize> {
    columns
        .iter()
        .enumerate()
        .filter(|(index, column)| {
            let type_oid = statement.columns[*index].type_oid;
            rows.iter().any(|row| match row[*index].as_deref() {
                None => !column.nullable.value,
                Some(text) => {
                    column.always_null
                        || inside::nulls(catalog, type_oid, column, text)
                            .iter()
                            .any(|path| {
                                inside::proved(column, path).is_some_and(|proved| !proved.value)
                            })
                }
            })
        })
        .map(|(index, _)| index)
        .collect()
}

/// `2[].1`: the first field of an element of the second column.
fn path(text: &str) -> (usize, Vec<Step>) {
    let mut numbers = text.replace("[]", ".[]");
    numbers = numbers.replace("..", ".");
    let mut parts = numbers.split('.');
    let column = parts.next().unwrap().parse::<usize>().unwrap() - 1;
    let steps = parts.map(|part| match part {
        "[]" => Step::Element,
        number => Step::Field(number.parse::<usize>().unwrap() - 1),
    });
    (column, steps.collect())
}

#[test]
fn proofs_hold_on_real_rows_and_are_not_timid() {
    let mut failures = Vec::new();
    for mut site in sites() {
        for (case, statement) in std::mem::take(&mut site.statements) {
            let facts = facts(&site.catalog, &statement, &Rules::all());
            let found = match run(&mut site.connection, &case) {
                Ok(rows) => judge(&site.catalog, &case, &statement, &facts, &rows),
                Err(error) => vec![error],
            };
            for failure in found {
                failures.push(format!(
                    "{} (line {} of cases.sql, version {}): {failure}",
                    case.name, case.line, site.major
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn judge(
    catalog: &Catalog,
    case: &Case,
    statement: &Statement,
    facts: &Facts,
    rows: &Rows,
) -> Vec<String> {
    let mut failures = Vec::new();
    if rows.is_empty() {
        failures.push("no row comes back".to_owned());
    }
    if facts.columns.len() != case.expect.len() {
        failures.push(format!(
            "{} columns, {} expected",
            facts.columns.len(),
            case.expect.len()
        ));
        return failures;
    }
    for index in lies(catalog, statement, &facts.columns, rows) {
        failures.push(format!(
            "UNSOUND column {}: {:?}",
            index + 1,
            facts.columns[index]
        ));
    }
    let is_null_inside = |(column, path): &(usize, Vec<Step>)| {
        let type_oid = statement.columns[*column].type_oid;
        rows.iter().any(|row| {
            let text = row[*column].as_deref();
            text.is_some_and(|text| {
                inside::nulls(catalog, type_oid, &facts.columns[*column], text).contains(path)
            })
        })
    };
    for (text, mark) in &case.inside {
        let path = path(text);
        let proved = inside::proved(&facts.columns[path.0], &path.1);
        if proved.map(|proved| proved.value) != Some(*mark != Mark::Never) {
            failures.push(format!("{text}: expected {mark:?}, proved: {proved:?}"));
        }
        if *mark != Mark::Never && (*mark == Mark::Seen) != is_null_inside(&path) {
            failures.push(format!("{text}: {mark:?}, and NULL was or was not seen"));
        }
    }
    for (index, (column, expect)) in facts.columns.iter().zip(&case.expect).enumerate() {
        let seen = rows.iter().any(|row| row[index].is_none());
        let may = column.nullable.value;
        if may != (expect.null != Mark::Never)
            || column.always_null != (expect.null == Mark::Always)
        {
            failures.push(format!(
                "column {}: expected {:?}, proved: {}",
                index + 1,
                expect.null,
                column.nullable.reason
            ));
        }
        let asked = matches!(expect.null, Mark::Seen | Mark::Always);
        if expect.null != Mark::Never && asked != seen {
            failures.push(format!(
                "column {}: {:?}, and NULL was seen: {seen}",
                index + 1,
                expect.null
            ));
        }
        if let Some(mark) = expect.elements {
            let may = column.elements.as_ref().map(|elements| elements.value);
            if may != Some(mark != Mark::Never) {
                failures.push(format!(
                    "elements of column {}: expected {mark:?}, proved: {:?}",
                    index + 1,
                    column.elements
                ));
            }
            let seen = is_null_inside(&(index, vec![Step::Element]));
            if mark != Mark::Never && (mark == Mark::Seen) != seen {
                failures.push(format!(
                    "elements of column {}: {mark:?}, and NULL was seen: {seen}",
                    index + 1
                ));
            }
        }
    }
    for (index, expect) in case.params.iter().flatten().enumerate() {
        let param = &facts.params[index];
        if param.nullable.value != (expect.null != Mark::Never) {
            failures.push(format!(
                "parameter {}: expected {:?}, proved: {}",
                index + 1,
                expect.null,
                param.nullable.reason
            ));
        }
        if let Some(mark) = expect.elements
            && param.elements.as_ref().map(|elements| elements.value) != Some(mark != Mark::Never)
        {
            failures.push(format!(
                "elements of parameter {}: expected {mark:?}, proved: {:?}",
                index + 1,
                param.elements
            ));
        }
    }
    failures
}

/// Each rule about NULL, taken away, makes some proof lie about rows that are there: a rule that nothing needs is not
/// tested, or not a rule.
#[test]
fn every_rule_is_needed() {
    let about_null: BTreeSet<&str> = rules::ALL
        .iter()
        .map(|(name, _)| *name)
        .skip_while(|name| *name != rules::FIRST_ABOUT_NULL)
        .collect();
    let mut caught: BTreeMap<String, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut majors = BTreeSet::new();
    let mut wanted = BTreeMap::new();
    for mut site in sites() {
        majors.insert(site.major);
        for (case, statement) in std::mem::take(&mut site.statements) {
            let rows = run(&mut site.connection, &case).unwrap_or_default();
            for rule in &case.betrays {
                let name = rules::ALL
                    .iter()
                    .map(|(name, _)| *name)
                    .find(|name| name == rule)
                    .unwrap_or_else(|| panic!("{}: no rule {rule}", case.name));
                wanted.entry(name.to_owned()).or_insert(case.from);
                let facts = facts(&site.catalog, &statement, &Rules::without(name));
                if lies(&site.catalog, &statement, &facts.columns, &rows).is_empty() {
                    failures.push(format!(
                        "{} (version {}): without {rule} the proof is still true",
                        case.name, site.major
                    ));
                } else {
                    *caught.entry(rule.clone()).or_default() += 1;
                }
            }
        }
    }
    // No SQL of today has a node that is not known: one is put in the place of a column that shows NULL.
    let (rule, lied) = unknown_node_betrays();
    if lied {
        caught.insert(rule, 1);
    }
    // What only a version that is not at hand can show is left out.
    let newest = majors.last().copied().unwrap_or_default();
    for case in cases() {
        if case.from > newest {
            for rule in case.betrays {
                wanted.entry(rule.clone()).or_insert(case.from);
                caught.entry(rule).or_default();
            }
        }
    }
    for rule in about_null {
        if !caught.contains_key(rule) {
            failures.push(format!("no case betrays the rule {rule}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn unknown_node_betrays() -> (String, bool) {
    const RULE: &str = "unknown-node";
    let mut site = site(None);
    let (case, mut statement) = std::mem::take(&mut site.statements).swap_remove(0);
    let rows = run(&mut site.connection, &case).unwrap();
    let last = statement.queries[0].targets.last_mut().unwrap();
    last.expr = Expr::Other {
        kind: "NEWEXPR".to_owned(),
        children: Vec::new(),
        location: None,
    };
    let careful = facts(&site.catalog, &statement, &Rules::all());
    assert!(lies(&site.catalog, &statement, &careful.columns, &rows).is_empty());
    let facts = facts(&site.catalog, &statement, &Rules::without(RULE));
    let found = lies(&site.catalog, &statement, &facts.columns, &rows);
    (RULE.to_owned(), !found.is_empty())
}

/// The time that a proof takes grows with the statement, not with the power of its depth.
#[test]
fn deep_statements_are_proved_at_once() {
    let mut site = site(None);
    let nest = |depth: usize, seed: &str, wrap: &dyn Fn(&str) -> String| {
        (0..depth).fold(seed.to_owned(), |text, _| wrap(&text))
    };
    let calls = nest(60, "name", &|text| format!("lower({text})"));
    let appended = nest(40, "tags", &|text| format!("array_append({text}, name)"));
    let coalesced = nest(40, "name", &|text| format!("coalesce({text}, name)"));
    let cases = nest(14, "name = 'x'", &|text| {
        format!("CASE WHEN {text} THEN age > 1 ELSE name IS NULL END")
    });
    let logic = nest(14, "age > 1", &|text| {
        format!("((({text}) AND name = 'x') OR NOT (age < 3))")
    });
    let many: Vec<String> = (0..400)
        .map(|n| format!("(age = {n} AND name = '{n}')"))
        .collect();
    let subqueries = nest(10, "name", &|text| {
        format!("(SELECT {text} || title FROM posts LIMIT 1)")
    });
    let statements: Vec<String> = [&calls, &appended, &coalesced, &subqueries]
        .into_iter()
        .map(|value| format!("SELECT {value} FROM users WHERE {value} IS NOT NULL"))
        .chain(
            [cases, logic, many.join(" OR ")]
                .into_iter()
                .map(|condition| format!("SELECT ({condition}), age FROM users WHERE {condition}")),
        )
        .collect();
    let texts: Vec<&str> = statements.iter().map(String::as_str).collect();
    let described = describe(&mut site.connection, &site.catalog, &texts).unwrap();
    for (sql, described) in texts.iter().zip(&described) {
        let Described::Statement(statement) = described else {
            panic!("{described:?}");
        };
        let started = std::time::Instant::now();
        let found = facts(&site.catalog, statement, &Rules::all());
        let took = started.elapsed();
        assert!(!found.columns.is_empty());
        assert!(took.as_secs() < 3, "{took:?}: {:.60}", sql);
    }
}

/// What the author writes beside a parameter is believed, of the parameter and of the columns that are made of it.
#[test]
fn what_the_author_says_of_parameters_is_believed() {
    let mut site = site(None);
    let sql = "SELECT $1::int + 1, $2::int + 1, ARRAY[$1::int], $3::int = ANY ($4::int[]) FROM users WHERE $2 IS NULL OR id = $1";
    let described = describe(&mut site.connection, &site.catalog, &[sql]).unwrap();
    let Described::Statement(statement) = &described[0] else {
        panic!("{described:?}");
    };
    let all = Rules::all();
    let nullable = |overrides: &[ParamOverride]| -> Vec<bool> {
        let facts = prove(&Input {
            param_overrides: overrides,
            ..input(&site.catalog, statement, &all)
        });
        let params = facts.params.iter().map(|param| param.nullable.value);
        let columns = facts.columns.iter().map(|column| column.nullable.value);
        let elements = facts.columns[2]
            .elements
            .iter()
            .map(|elements| elements.value);
        params.chain(columns).chain(elements).collect()
    };
    let says = |nullable| ParamOverride {
        nullable: Some(nullable),
        elements: None,
    };
    let nothing = ParamOverride::default();
    assert_eq!(
        nullable(&[]),
        [false, true, false, false, false, true, false, false, false]
    );
    assert_eq!(
        nullable(&[says(true), says(false)]),
        [true, false, false, false, true, false, false, false, true]
    );
    let elements = ParamOverride {
        nullable: None,
        elements: Some(true),
    };
    assert_eq!(
        nullable(&[nothing, nothing, nothing, elements]),
        [false, true, false, false, false, true, false, true, false]
    );
}

/// A parameter that the author says is there is not NULL in the column that it is stored in, though that may be NULL.
#[test]
fn what_is_stored_of_a_marked_parameter_is_not_null() {
    let mut site = site(None);
    let statements = [
        "INSERT INTO notes (id, v) VALUES ($1, $2) RETURNING v",
        "INSERT INTO notes (id, v) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET v = excluded.v RETURNING v",
        "INSERT INTO notes (id, v) SELECT $1, $2 RETURNING v",
        "INSERT INTO notes (id, v) VALUES ($1, $2), ($1 + 1, $2) RETURNING v",
        "UPDATE notes SET v = $2 WHERE id = $1 RETURNING v",
        "WITH n AS (UPDATE notes SET v = $2 WHERE id = $1 RETURNING v) SELECT v FROM n",
    ];
    let described = describe(&mut site.connection, &site.catalog, &statements).unwrap();
    let all = Rules::all();
    for (sql, described) in statements.iter().zip(&described) {
        let Described::Statement(statement) = described else {
            panic!("{described:?}");
        };
        for marked in [true, false] {
            let there = ParamOverride {
                nullable: marked.then_some(false),
                elements: None,
            };
            let facts = prove(&Input {
                param_overrides: &[ParamOverride::default(), there],
                ..input(&site.catalog, statement, &all)
            });
            assert_eq!(facts.columns[0].nullable.value, !marked, "{sql}");
        }
    }
}

/// From 16 on the server says itself which outer joins can null a column: the walk of the join tree finds the same.
#[test]
fn the_walk_of_joins_agrees_with_the_server() {
    let mut failures = Vec::new();
    for site in sites() {
        let all = Rules::all();
        for (case, statement) in &site.statements {
            for text in nullability::disagreements(&input(&site.catalog, statement, &all)) {
                failures.push(format!("{} (version {}): {text}", case.name, site.major));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn reviewed_functions_are_what_the_server_has() {
    for mut site in sites() {
        let rows = site
            .connection
            .simple(
                "SELECT p.oid, p.proname, p.proisstrict, p.proretset, p.prokind,
                        coalesce((SELECT string_agg(t.typname, ',' ORDER BY a.n)
                                  FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, n)
                                  JOIN pg_type t ON t.oid = a.type), '')
                 FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace",
            )
            .unwrap();
        let there: BTreeMap<u32, Vec<String>> = rows[0]
            .rows
            .iter()
            .map(|row| {
                let row: Vec<String> = row.iter().cloned().map(Option::unwrap).collect();
                (row[0].parse().unwrap(), row)
            })
            .collect();
        let mut found = 0;
        for entry in functions::never_null() {
            let Some(row) = there.get(&entry.oid).filter(|row| row[1] == entry.name) else {
                continue;
            };
            found += 1;
            assert_eq!(
                (row[2].as_str(), row[3].as_str(), row[4].as_str()),
                ("t", "f", "f"),
                "{entry:?}"
            );
        }
        assert!(found > 1300, "{}: only {found}", site.major);
    }
}
