//! The rules: for each, what it objects to and where, and what it lets pass.

#![allow(clippy::unwrap_used, clippy::panic)]

mod facts;

use facts::{Bench, benches};
use sqlmill::config::{Config, SharedColumn};
use sqlmill::lint::{Findings, lint};
use sqlmill::prove::{Input, Rules, prove};
use sqlmill::source::{Sources, Span, Spanned};
use sqlmill::{checked::Checked, describe::Described, parse::parse_file};

const SCHEMA: &str = "
CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE, name text, deleted_at timestamptz);
CREATE TABLE posts (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, title text NOT NULL, deleted_at timestamptz);
CREATE TABLE tags (id int PRIMARY KEY, post_id int NOT NULL, label text);
CREATE TABLE audit (id int PRIMARY KEY, deleted_at timestamptz);
CREATE VIEW live_users AS SELECT * FROM users WHERE deleted_at IS NULL;
CREATE VIEW all_users AS SELECT * FROM users;
CREATE VIEW user_names AS SELECT id, name FROM users;
CREATE DOMAIN needed AS text NOT NULL;
CREATE TABLE filled (id int GENERATED ALWAYS AS IDENTITY, a text NOT NULL, b text NOT NULL DEFAULT '', c needed,
                     d text NOT NULL GENERATED ALWAYS AS ('x') STORED);
";

struct Linted {
    findings: Findings,
    sources: Sources,
}

impl Linted {
    /// Each finding as `rule: underlined text`.
    fn shown(&self) -> Vec<String> {
        self.findings
            .diagnostics
            .iter()
            .map(|found| format!("{}: {}", found.rule, self.sources.text(found.span.unwrap())))
            .collect()
    }

    fn help(&self) -> String {
        let all: Vec<&str> = self
            .findings
            .diagnostics
            .iter()
            .flat_map(|found| &found.help)
            .map(String::as_str)
            .collect();
        all.join("\n")
    }
}

fn run(bench: &mut Bench, text: &str) -> Linted {
    let mut sources = Sources::default();
    let file = sources.add("queries/q.sql", text);
    let config_file = sources.add("sqlmill.toml", "deleted_at audit");
    let (parsed, diagnostics) = parse_file(&sources, file, "q");
    assert!(diagnostics.is_empty(), "{text}\n{diagnostics:?}");
    let spanned = |range: std::ops::Range<usize>| {
        let span = Span::new(config_file, range);
        Spanned {
            value: sources.text(span).to_owned(),
            span,
        }
    };
    let config = Config {
        soft_delete: Some(SharedColumn {
            column: spanned(0..10),
            exclude: vec![spanned(11..16)],
        }),
        ..Config::default()
    };
    let statements: Vec<&str> = parsed
        .queries
        .iter()
        .map(|query| query.statement.sql.as_str())
        .collect();
    let described = bench.describe(&statements);
    let facts: Vec<_> = described
        .iter()
        .map(|described| match described {
            Described::Statement(statement) => Some(prove(&Input {
                catalog: &bench.catalog,
                statement,
                line: &|_| None,
                rules: &Rules::all(),
                param_names: &[],
                param_overrides: &[],
            })),
            Described::Utility(_) | Described::Refused(_) | Described::Unasked => None,
        })
        .collect();
    let checked: Vec<Checked<'_>> = parsed
        .queries
        .iter()
        .zip(&described)
        .zip(&facts)
        .map(|((query, described), facts)| Checked {
            file: &parsed,
            parsed: query,
            statement: &query.statement,
            params: &query.statement.params,
            groups: &[],
            text: None,
            filters: &[],
            choices: &[],
            described,
            facts: facts.as_ref(),
            pages: None,
        })
        .collect();
    let findings = lint(&sources, &bench.catalog, &config, &checked);
    Linted { findings, sources }
}

/// Statements, each with what is found: `rule: underlined text`.
fn hold(cases: &[(&str, &[&str])]) {
    for mut bench in benches("lint", SCHEMA) {
        let mut wrong = Vec::new();
        for (text, expected) in cases {
            let text = if text.contains("--!") {
                (*text).to_owned()
            } else {
                format!("--! q\n{text};\n")
            };
            let shown = run(&mut bench, &text).shown();
            if shown != *expected {
                wrong.push(format!("{text}expected {expected:?}\n   found {shown:?}"));
            }
        }
        assert!(
            wrong.is_empty(),
            "PostgreSQL {}\n{}",
            bench.major,
            wrong.join("\n\n")
        );
    }
}

#[test]
fn soft_delete_filter() {
    hold(&[
        (
            "SELECT name FROM users WHERE id = :id",
            &["soft-delete-filter: users"],
        ),
        ("SELECT name FROM users", &["soft-delete-filter: users"]),
        (
            "SELECT name FROM users WHERE id = :id AND deleted_at IS NULL",
            &[],
        ),
        (
            "SELECT name FROM users WHERE id = :id AND (:all OR deleted_at IS NULL)",
            &[],
        ),
        (
            "SELECT name FROM users WHERE id = :id AND (deleted_at IS NULL OR :all::boolean)",
            &[],
        ),
        (
            "SELECT name FROM users WHERE id = :id AND (name = 'x' OR deleted_at IS NULL)",
            &["soft-delete-filter: name"],
        ),
        (
            "SELECT name FROM users WHERE id = :id OR deleted_at IS NULL",
            &["soft-delete-filter: id"],
        ),
        (
            "SELECT name FROM users WHERE id = :id AND (deleted_at IS NULL OR deleted_at > :since)",
            &[],
        ),
        ("SELECT name FROM users WHERE deleted_at IS NOT NULL", &[]),
        ("SELECT name FROM users WHERE deleted_at < :before", &[]),
        (
            "SELECT name, deleted_at FROM users WHERE id = :id",
            &["soft-delete-filter: users"],
        ),
        ("SELECT label FROM tags WHERE id = :id", &[]),
        ("SELECT id FROM audit", &[]),
        // Joins.
        (
            "SELECT p.title FROM posts p JOIN users u ON u.id = p.user_id WHERE p.deleted_at IS NULL",
            &["soft-delete-filter: users u"],
        ),
        (
            "SELECT p.title FROM posts AS p JOIN users AS u ON u.id = p.user_id AND u.deleted_at IS NULL WHERE p.deleted_at IS NULL",
            &[],
        ),
        (
            "SELECT p.title FROM posts p, users u WHERE u.id = p.user_id AND u.deleted_at IS NULL AND p.deleted_at IS NULL",
            &[],
        ),
        (
            "SELECT u.name, p.title FROM users u LEFT JOIN posts p ON p.user_id = u.id WHERE u.deleted_at IS NULL",
            &["soft-delete-filter: posts p"],
        ),
        (
            "SELECT u.name, p.title FROM users u LEFT JOIN posts p ON p.user_id = u.id AND p.deleted_at IS NULL WHERE u.deleted_at IS NULL",
            &[],
        ),
        // In WHERE it removes users whose post is deleted.
        (
            "SELECT u.name, p.title FROM users u LEFT JOIN posts p ON p.user_id = u.id WHERE u.deleted_at IS NULL AND p.deleted_at IS NULL",
            &["soft-delete-filter: p"],
        ),
        // What else WHERE says of the post makes it an inner join.
        (
            "SELECT u.name, p.title FROM users u LEFT JOIN posts p ON p.user_id = u.id WHERE u.deleted_at IS NULL AND p.deleted_at IS NULL AND p.id = 1",
            &[],
        ),
        // An ON says nothing of the side that is kept.
        (
            "SELECT u.name FROM users u LEFT JOIN tags t ON t.id = u.id AND u.deleted_at IS NULL",
            &["soft-delete-filter: users u"],
        ),
        (
            "SELECT u.name FROM posts p RIGHT JOIN users u ON p.user_id = u.id AND p.deleted_at IS NULL WHERE u.deleted_at IS NULL",
            &[],
        ),
        (
            "SELECT u.name FROM users u LEFT JOIN (posts p JOIN tags t ON t.post_id = p.id) ON p.user_id = u.id WHERE u.deleted_at IS NULL",
            &["soft-delete-filter: posts p"],
        ),
        (
            "SELECT u.name FROM users u LEFT JOIN (posts p JOIN tags t ON t.post_id = p.id AND p.deleted_at IS NULL) ON p.user_id = u.id WHERE u.deleted_at IS NULL",
            &[],
        ),
        // The same table twice.
        (
            "SELECT a.name FROM users a JOIN users b ON b.id = a.id WHERE a.deleted_at IS NULL",
            &["soft-delete-filter: users b"],
        ),
        // Subqueries.
        (
            "SELECT name FROM users WHERE deleted_at IS NULL AND EXISTS (SELECT FROM posts WHERE user_id = users.id)",
            &["soft-delete-filter: posts"],
        ),
        (
            "SELECT name, (SELECT count(*) FROM posts p WHERE p.user_id = u.id AND p.deleted_at IS NULL) AS posts FROM users u WHERE u.deleted_at IS NULL",
            &[],
        ),
        (
            "SELECT id FROM tags WHERE post_id IN (SELECT id FROM posts)",
            &["soft-delete-filter: posts"],
        ),
        (
            "SELECT name FROM (SELECT name FROM users) u",
            &["soft-delete-filter: users"],
        ),
        (
            "SELECT name FROM (SELECT name, deleted_at FROM users) u WHERE deleted_at IS NULL",
            &[],
        ),
        (
            "SELECT name FROM users WHERE deleted_at IS NULL UNION ALL SELECT title FROM posts",
            &["soft-delete-filter: posts"],
        ),
        (
            "SELECT x.n FROM (SELECT name AS n, deleted_at AS d FROM users UNION ALL SELECT title, deleted_at FROM posts) x WHERE x.d IS NULL",
            &[],
        ),
        // CTEs.
        (
            "WITH u AS (SELECT * FROM users) SELECT name FROM u WHERE deleted_at IS NULL",
            &[],
        ),
        (
            "WITH u AS (SELECT * FROM users) SELECT name FROM u",
            &["soft-delete-filter: users"],
        ),
        (
            "WITH u AS (SELECT * FROM users) SELECT a.name FROM u a JOIN u b ON a.id = b.id WHERE a.deleted_at IS NULL",
            &["soft-delete-filter: users"],
        ),
        (
            "WITH RECURSIVE t AS (SELECT id, deleted_at FROM users UNION ALL SELECT t.id, t.deleted_at FROM t WHERE false) SELECT id FROM t WHERE deleted_at IS NULL",
            &["soft-delete-filter: users"],
        ),
        // Views.
        ("SELECT name FROM live_users", &[]),
        (
            "SELECT name FROM all_users",
            &["soft-delete-filter: all_users"],
        ),
        ("SELECT name FROM all_users WHERE deleted_at IS NULL", &[]),
        (
            "SELECT a.name FROM user_names a",
            &["soft-delete-filter: user_names a"],
        ),
        // Writes.
        (
            "UPDATE users SET name = :name WHERE id = :id",
            &["soft-delete-filter: users"],
        ),
        (
            "UPDATE users SET name = :name WHERE id = :id AND deleted_at IS NULL",
            &[],
        ),
        (
            "UPDATE users SET deleted_at = now() WHERE id = :id",
            &["soft-delete-filter: users"],
        ),
        ("UPDATE users SET deleted_at = NULL WHERE id = :id", &[]),
        (
            "UPDATE tags SET label = p.title FROM posts p WHERE p.id = tags.post_id",
            &["soft-delete-filter: posts p"],
        ),
        (
            "DELETE FROM tags USING posts p WHERE p.id = tags.post_id",
            &["soft-delete-filter: posts p"],
        ),
        ("INSERT INTO users (id, email) VALUES (:id, :email)", &[]),
        (
            "INSERT INTO tags (id, post_id) SELECT id, id FROM posts",
            &["soft-delete-filter: posts"],
        ),
        (
            "INSERT INTO tags (id, post_id) SELECT id, id FROM posts WHERE deleted_at IS NULL",
            &[],
        ),
        (
            "INSERT INTO users (id, email) VALUES (:id, :email) ON CONFLICT (email) DO UPDATE SET name = 'x'",
            &["soft-delete-filter: users"],
        ),
        (
            "INSERT INTO users (id, email) VALUES (:id, :email) ON CONFLICT (email) DO UPDATE SET name = 'x', deleted_at = NULL",
            &[],
        ),
        (
            "INSERT INTO users (id, email) VALUES (:id, :email) ON CONFLICT (email) DO UPDATE SET name = 'x' WHERE users.deleted_at IS NULL",
            &[],
        ),
        (
            "INSERT INTO users (id, email) VALUES (:id, :email) ON CONFLICT DO NOTHING",
            &[],
        ),
        (
            "WITH gone AS (UPDATE users SET name = NULL WHERE id = :id RETURNING id) SELECT id FROM gone",
            &["soft-delete-filter: users"],
        ),
        // Waived.
        (
            "--! q\n--@ allow(soft_delete_filter, \"all of them\")\nSELECT name FROM users;\n",
            &[],
        ),
    ]);
}

#[test]
fn every_way_for_a_condition_to_hold_decides() {
    hold(&[
        (
            "SELECT name FROM users WHERE (deleted_at IS NULL OR name = 'x') IS TRUE",
            &["soft-delete-filter: name"],
        ),
        (
            "SELECT name FROM users WHERE (deleted_at IS NULL OR name = 'x') IS NOT FALSE",
            &["soft-delete-filter: name"],
        ),
        (
            "SELECT name FROM users WHERE NOT (deleted_at IS NOT NULL AND id > 5)",
            &["soft-delete-filter: id"],
        ),
        (
            "SELECT name FROM users WHERE (deleted_at IS NOT NULL AND id > 5) IS NOT TRUE",
            &["soft-delete-filter: id"],
        ),
        (
            "SELECT name FROM users WHERE true OR deleted_at IS NULL",
            &["soft-delete-filter: true"],
        ),
        (
            "SELECT name FROM users WHERE coalesce(deleted_at > now(), true)",
            &[],
        ),
        // A column of the query around looks at rows, too.
        (
            "SELECT t.id FROM tags t WHERE EXISTS (SELECT FROM posts p WHERE p.id = t.post_id AND (t.label = 'x' OR p.deleted_at IS NULL))",
            &["soft-delete-filter: t"],
        ),
        (
            "SELECT t.id, p.id AS post FROM tags t, LATERAL (SELECT id FROM posts WHERE id = t.post_id AND (t.label = 'x' OR deleted_at IS NULL)) p",
            &["soft-delete-filter: t"],
        ),
        (
            "SELECT name FROM users WHERE :all OR (id > 0 AND (deleted_at IS NULL OR name = 'x'))",
            &["soft-delete-filter: name"],
        ),
        (
            "SELECT name FROM users WHERE CASE WHEN id > 5 THEN true ELSE deleted_at IS NULL END",
            &["soft-delete-filter: id"],
        ),
        (
            "SELECT name FROM users WHERE CASE WHEN deleted_at IS NULL THEN true ELSE id > 5 END",
            &[],
        ),
        (
            "SELECT name FROM users WHERE coalesce(deleted_at IS NULL, id > 5)",
            &["soft-delete-filter: id"],
        ),
        // Each way speaks of the column, or a flag opens it.
        (
            "SELECT name FROM users WHERE NOT (deleted_at IS NOT NULL OR id > 5)",
            &[],
        ),
        (
            "SELECT name FROM users WHERE (deleted_at IS NULL AND id > 5) IS TRUE",
            &[],
        ),
        (
            "SELECT name FROM users WHERE (:all OR deleted_at IS NULL) IS TRUE",
            &[],
        ),
        (
            "SELECT name FROM users WHERE CASE WHEN :all THEN true ELSE deleted_at IS NULL END",
            &[],
        ),
        (
            "SELECT name FROM users WHERE CASE WHEN deleted_at IS NULL THEN id > 5 ELSE false END",
            &[],
        ),
        (
            "SELECT name FROM users WHERE CASE WHEN deleted_at IS NOT NULL THEN false ELSE id > 5 END",
            &[],
        ),
        (
            "SELECT name FROM users WHERE CASE WHEN deleted_at IS NULL THEN id > 5 END",
            &[],
        ),
        (
            "SELECT name FROM users WHERE :all OR (id > 0 AND (deleted_at IS NULL OR deleted_at > now()))",
            &[],
        ),
    ]);
}

#[test]
fn a_condition_around_a_subquery_counts_where_the_subquery_chooses_nothing() {
    hold(&[
        (
            "SELECT id FROM (SELECT DISTINCT ON (user_id) id, deleted_at FROM posts ORDER BY user_id, id) p WHERE p.deleted_at IS NULL",
            &["soft-delete-filter: posts"],
        ),
        (
            "SELECT id FROM (SELECT id, deleted_at FROM posts ORDER BY id LIMIT 3) p WHERE p.deleted_at IS NULL",
            &["soft-delete-filter: posts"],
        ),
        (
            "SELECT id FROM (SELECT id, deleted_at FROM posts ORDER BY id OFFSET 3) p WHERE p.deleted_at IS NULL",
            &["soft-delete-filter: posts"],
        ),
        (
            "SELECT id FROM (SELECT id, deleted_at, count(*) OVER (PARTITION BY user_id) FROM posts) p WHERE p.deleted_at IS NULL",
            &["soft-delete-filter: posts"],
        ),
        (
            "WITH p AS (SELECT deleted_at, count(*) FROM posts GROUP BY ROLLUP (deleted_at)) SELECT count FROM p WHERE deleted_at IS NULL",
            &["soft-delete-filter: posts"],
        ),
        (
            "WITH p AS (SELECT id, deleted_at FROM posts ORDER BY id LIMIT 3), q AS (SELECT * FROM p) SELECT id FROM q WHERE deleted_at IS NULL",
            &["soft-delete-filter: posts"],
        ),
        (
            "WITH RECURSIVE p AS (SELECT id, deleted_at FROM posts WHERE id = :id UNION ALL \
             SELECT n.id, n.deleted_at FROM p JOIN posts n ON n.user_id = p.id) SELECT id FROM p WHERE deleted_at IS NULL",
            &["soft-delete-filter: posts", "soft-delete-filter: posts n"],
        ),
        (
            "SELECT id FROM (SELECT id, deleted_at IS NULL OR id > 5 AS live FROM users) u WHERE live",
            &["soft-delete-filter: users"],
        ),
        (
            "SELECT c FROM (SELECT count(*) FILTER (WHERE deleted_at IS NULL) AS c FROM users) u WHERE c > 1",
            &["soft-delete-filter: users"],
        ),
        // The same rows are looked at together whether the condition stands within or without.
        (
            "SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM users) u WHERE live",
            &[],
        ),
        (
            "SELECT id FROM (SELECT id, deleted_at IS NOT NULL AS dead FROM users) u WHERE NOT dead",
            &[],
        ),
        (
            "SELECT id FROM (SELECT DISTINCT ON (deleted_at) id, deleted_at FROM posts ORDER BY deleted_at, id) p WHERE p.deleted_at IS NULL",
            &[],
        ),
        (
            "SELECT id FROM (SELECT id, deleted_at, count(*) OVER (PARTITION BY deleted_at) FROM posts) p WHERE p.deleted_at IS NULL",
            &[],
        ),
        (
            "SELECT n FROM (SELECT deleted_at, count(*) AS n FROM posts GROUP BY deleted_at) p WHERE deleted_at IS NULL",
            &[],
        ),
        (
            "SELECT id FROM (SELECT DISTINCT id, deleted_at FROM posts) p WHERE deleted_at IS NULL",
            &[],
        ),
    ]);
}

#[test]
fn an_upsert_says_what_becomes_of_a_deleted_row() {
    const INSERT: &str = "INSERT INTO users (id, email) VALUES (:id, :email) ON CONFLICT (id) DO UPDATE SET name = 'x'";
    let text = |condition: &str| format!("{INSERT} WHERE {condition}");
    let (own, or, other, flag) = (
        text("users.deleted_at IS NULL"),
        text("users.deleted_at IS NULL OR users.id > 5"),
        text("excluded.deleted_at IS NULL"),
        text("users.deleted_at IS NULL OR :all"),
    );
    hold(&[
        (INSERT, &["soft-delete-filter: users"]),
        (&own, &[]),
        (&flag, &[]),
        (&or, &["soft-delete-filter: users"]),
        (&other, &["soft-delete-filter: users"]),
    ]);
}

/// MERGE reads its source whole: what does not match by ON is inserted.
fn of_source<'f>(found: &'f [&'f str]) -> [(String, &'f [&'f str]); 6] {
    let on = "MERGE INTO tags t USING users s ON t.id = s.id";
    let live = "s.deleted_at IS NULL";
    let update = "THEN UPDATE SET label = 'x'";
    let insert = "THEN INSERT (id, post_id) VALUES (s.id, 1)";
    [
        (format!("{on} WHEN MATCHED {update}"), found),
        (format!("{on} AND {live} WHEN MATCHED {update}"), &[]),
        (format!("{on} AND {live} WHEN NOT MATCHED {insert}"), found),
        (
            format!("{on} AND {live} WHEN MATCHED {update} WHEN NOT MATCHED AND {live} {insert}"),
            &[],
        ),
        (
            format!("{on} AND {live} WHEN MATCHED {update} WHEN NOT MATCHED THEN DO NOTHING"),
            &[],
        ),
        (
            format!(
                "MERGE INTO tags t USING (SELECT id FROM users WHERE deleted_at IS NULL) s ON t.id = s.id WHEN NOT MATCHED {insert}"
            ),
            &[],
        ),
    ]
}

#[test]
fn a_merge_says_what_becomes_of_a_deleted_row() {
    const ON: &str = "MERGE INTO users u USING (VALUES (1)) v (id) ON u.id = v.id";
    const INSERT: &str = "WHEN NOT MATCHED THEN INSERT (id, email) VALUES (v.id, 'x')";
    let found: &[&str] = &["soft-delete-filter: users u"];
    let cases: [(String, &[&str]); 6] = [
        (
            format!("{ON} WHEN MATCHED THEN UPDATE SET name = 'x' {INSERT}"),
            found,
        ),
        (
            format!(
                "{ON} WHEN MATCHED AND (u.deleted_at IS NULL OR u.id > 5) THEN UPDATE SET name = 'x' {INSERT}"
            ),
            found,
        ),
        (
            format!(
                "{ON} WHEN MATCHED AND u.deleted_at IS NULL THEN UPDATE SET name = 'x' {INSERT}"
            ),
            &[],
        ),
        (
            format!(
                "{ON} AND u.deleted_at IS NULL WHEN MATCHED THEN UPDATE SET name = 'x' {INSERT}"
            ),
            &[],
        ),
        (
            format!("{ON} WHEN MATCHED THEN UPDATE SET name = 'x', deleted_at = NULL {INSERT}"),
            &[],
        ),
        (format!("{ON} WHEN MATCHED THEN DO NOTHING {INSERT}"), &[]),
    ];
    for mut bench in benches("lint_merge", SCHEMA) {
        if bench.major < 15 {
            continue;
        }
        for (text, expected) in of_source(&["soft-delete-filter: users s"]) {
            let shown = run(&mut bench, &format!("--! q\n{text};\n")).shown();
            assert_eq!(shown, expected, "PostgreSQL {}: {text}", bench.major);
        }
        // Servers come in any order: what one of them knows is not asked of the next.
        let by_source: Option<(String, &[&str])> = (bench.major >= 17).then(|| {
            let text = format!(
                "{ON} AND u.deleted_at IS NULL WHEN NOT MATCHED BY SOURCE THEN UPDATE SET name = 'x' {INSERT}"
            );
            (text, found)
        });
        for (text, expected) in cases.iter().chain(&by_source) {
            let shown = run(&mut bench, &format!("--! q\n{text};\n")).shown();
            assert_eq!(shown, *expected, "PostgreSQL {}: {text}", bench.major);
        }
    }
}

#[test]
fn a_delete_takes_what_cascades_from_it() {
    const SCHEMA: &str = "
CREATE TABLE audit (id int PRIMARY KEY, deleted_at timestamptz);
CREATE TABLE orgs (id int PRIMARY KEY);
CREATE TABLE teams (id int PRIMARY KEY, org int REFERENCES orgs ON DELETE CASCADE);
CREATE TABLE members (id int PRIMARY KEY, team int REFERENCES teams ON DELETE CASCADE, deleted_at timestamptz);
CREATE TABLE guests (id int PRIMARY KEY, org int REFERENCES orgs, deleted_at timestamptz);
CREATE TABLE visits (id int PRIMARY KEY, guest int REFERENCES guests ON DELETE SET NULL, deleted_at timestamptz);
";
    let cases: [(&str, &[&str]); 6] = [
        (
            "DELETE FROM orgs WHERE id = :id",
            &["with rows of `orgs` go those of `members` that refer to them"],
        ),
        (
            "DELETE FROM teams WHERE id = :id",
            &["with rows of `teams` go those of `members` that refer to them"],
        ),
        (
            "DELETE FROM guests WHERE id = :id",
            &["this deletes rows of `guests`"],
        ),
        ("TRUNCATE visits, orgs", &["this empties `visits`"]),
        (
            "TRUNCATE orgs CASCADE",
            &[
                "with rows of `orgs` go those of `members` that refer to them",
                "with rows of `orgs` go those of `guests` that refer to them",
                "with rows of `orgs` go those of `visits` that refer to them",
            ],
        ),
        ("UPDATE orgs SET id = :to WHERE id = :from", &[]),
    ];
    for mut bench in benches("lint_cascades", SCHEMA) {
        for (text, expected) in cases {
            let linted = run(&mut bench, &format!("--! q\n{text};\n"));
            let mut shown: Vec<&str> = linted
                .findings
                .diagnostics
                .iter()
                .map(|found| found.message.split(',').next().unwrap())
                .collect();
            let mut expected = expected.to_vec();
            shown.sort_unstable();
            expected.sort_unstable();
            assert_eq!(shown, expected, "PostgreSQL {}: {text}", bench.major);
        }
    }
}

#[test]
fn soft_delete_filter_says_where() {
    for mut bench in benches("lint", SCHEMA) {
        let on = run(
            &mut bench,
            "--! q\nSELECT u.name, p.title\nFROM users u\nLEFT JOIN posts p\n  ON p.user_id = u.id\nWHERE u.deleted_at IS NULL;\n",
        );
        assert!(
            on.help()
                .contains("add `AND p.deleted_at IS NULL` to the ON at line 5"),
            "{}",
            on.help()
        );
        let late = run(
            &mut bench,
            "--! q\nSELECT u.name, p.title\nFROM users u\nLEFT JOIN posts p\n  ON p.user_id = u.id\nWHERE u.deleted_at IS NULL AND p.deleted_at IS NULL;\n",
        );
        assert!(
            late.help()
                .contains("move `p.deleted_at IS NULL` to the ON at line 5"),
            "{}",
            late.help()
        );
        let bare = run(&mut bench, "--! q\nSELECT name FROM users;\n");
        assert!(
            bare.help().contains("add `WHERE deleted_at IS NULL`"),
            "{}",
            bare.help()
        );
        let more = run(&mut bench, "--! q\nSELECT name FROM users WHERE id = 1;\n");
        assert!(
            more.help()
                .contains("add `AND deleted_at IS NULL` to the WHERE"),
            "{}",
            more.help()
        );
        // The place is that of the reading, not of another that filters.
        let second = run(
            &mut bench,
            "--! q\nSELECT name FROM users WHERE deleted_at IS NULL\n  AND id IN (SELECT id FROM users WHERE name = 'x');\n",
        );
        let span = second.findings.diagnostics[0].span.unwrap();
        assert_eq!(second.sources.position(span).line, 3);
    }
}

#[test]
fn hard_delete() {
    hold(&[
        ("DELETE FROM users WHERE id = :id", &["hard-delete: users"]),
        (
            "DELETE FROM users AS u WHERE u.id = :id",
            &["hard-delete: users AS u"],
        ),
        ("DELETE FROM tags WHERE id = :id", &[]),
        ("DELETE FROM audit WHERE id = :id", &[]),
        (
            "DELETE FROM live_users WHERE id = :id",
            &["hard-delete: DELETE"],
        ),
        (
            "WITH gone AS (DELETE FROM posts WHERE id = :id RETURNING id) SELECT id FROM gone",
            &["hard-delete: posts"],
        ),
        ("TRUNCATE tags, users", &["hard-delete: users"]),
        ("TRUNCATE tags", &[]),
        (
            "--! q\n--@ allow(hard_delete, \"erasure\")\nDELETE FROM users WHERE id = :id;\n",
            &[],
        ),
        (
            "--! q\n--@ allow(hard-delete, \"erasure\")\nTRUNCATE users;\n",
            &[],
        ),
    ]);
}

#[test]
fn connection_state() {
    let refused = |word| [format!("connection-state: {word}")];
    for mut bench in benches("lint_connection", SCHEMA) {
        let mut hold = |text: &str, expected: &[String]| {
            let shown = run(&mut bench, &format!("--! q\n{text};\n")).shown();
            assert_eq!(shown, expected, "PostgreSQL {}: {text}", bench.major);
        };
        for text in [
            "BEGIN",
            "START TRANSACTION",
            "COMMIT",
            "END",
            "ROLLBACK",
            "ABORT",
            "SAVEPOINT a",
            "RELEASE a",
            "PREPARE TRANSACTION 'a'",
            "SET work_mem = 1",
            "SET SESSION work_mem = 1",
            "RESET work_mem",
            "DISCARD ALL",
            "LISTEN a",
            "UNLISTEN a",
            "PREPARE a AS SELECT 1",
            "DEALLOCATE ALL",
            "DECLARE c CURSOR FOR SELECT 1",
            "CLOSE c",
            "COPY users FROM STDIN",
            "copy (SELECT 1) to stdout",
            "SET LOCAL work_mem = 1",
            "SET CONSTRAINTS ALL DEFERRED",
            "CREATE TEMP TABLE new AS SELECT 1 AS a",
            "CREATE LOCAL TEMPORARY TABLE new (id int)",
            "CREATE OR REPLACE TEMP VIEW new AS SELECT 1 AS a",
            "CREATE TABLE pg_temp.new (id int)",
            "SELECT id INTO TEMP new FROM users",
            "WITH one AS (SELECT 1 AS a) SELECT a INTO TEMPORARY TABLE new FROM one",
        ] {
            hold(text, &refused(text.split(' ').next().unwrap()));
        }
        for (text, place) in [
            ("SELECT pg_advisory_lock(1)", "pg_advisory_lock"),
            (
                "SELECT pg_try_advisory_lock_shared(1, 2) AS got",
                "pg_try_advisory_lock_shared",
            ),
            ("SELECT set_config('a.b', 'c', false)", "set_config"),
            (
                "SELECT id, set_config('a.b', 'c', :here) FROM users WHERE deleted_at IS NULL",
                "set_config",
            ),
        ] {
            hold(text, &refused(place));
        }
        for text in [
            "NOTIFY a",
            "SHOW work_mem",
            "LOCK users",
            "COPY users TO '/dev/null'",
            "CREATE TABLE new (id int)",
            "CREATE TABLE new (temp int)",
            "CREATE TABLE temp AS SELECT 1 AS temp",
            "VACUUM users",
            "SELECT set_config('a.b', 'c', true)",
            "DO 'BEGIN END'",
        ] {
            hold(text, &[]);
        }
        for text in ["SET LOCAL work_mem = 1", "SELECT pg_advisory_xact_lock(1)"] {
            let text = format!("--! q\n--@ transaction\n{text};\n");
            assert!(run(&mut bench, &text).shown().is_empty());
        }
    }
}

#[test]
fn missing_where() {
    hold(&[
        ("UPDATE tags SET label = 'x'", &["missing-where: tags"]),
        (
            "UPDATE tags AS t SET label = 'x'",
            &["missing-where: tags AS t"],
        ),
        (
            "UPDATE tags SET label = 'x' FROM audit",
            &["missing-where: tags"],
        ),
        ("UPDATE tags SET label = 'x' WHERE id = :id", &[]),
        ("UPDATE tags SET label = 'x' WHERE true", &[]),
        ("DELETE FROM tags", &["missing-where: tags"]),
        ("DELETE FROM tags WHERE label IS NULL", &[]),
        (
            "UPDATE live_users SET name = 'x'",
            &["missing-where: UPDATE"],
        ),
        (
            "WITH gone AS (DELETE FROM tags RETURNING id) SELECT id FROM gone",
            &["missing-where: tags"],
        ),
        (
            "--! q\n--@ allow(missing_where, \"all\")\nDELETE FROM tags;\n",
            &[],
        ),
    ]);
}

#[test]
fn insert_omits_not_null() {
    hold(&[
        (
            "INSERT INTO users (id) VALUES (:id)",
            &["insert-omits-not-null: users"],
        ),
        ("INSERT INTO users (id, email) VALUES (:id, :email)", &[]),
        (
            "INSERT INTO users (email) VALUES (:email)",
            &["insert-omits-not-null: users"],
        ),
        (
            "INSERT INTO users DEFAULT VALUES",
            &["insert-omits-not-null: users"],
        ),
        (
            "INSERT INTO users (id, email) VALUES (:id, DEFAULT)",
            &["insert-omits-not-null: users"],
        ),
        ("INSERT INTO filled (a, c) VALUES (:a, :c)", &[]),
        (
            "INSERT INTO filled (a) VALUES (:a)",
            &["insert-omits-not-null: filled"],
        ),
        (
            "INSERT INTO filled (c) VALUES (:c)",
            &["insert-omits-not-null: filled"],
        ),
        (
            "INSERT INTO users SELECT :id::int",
            &["insert-omits-not-null: users"],
        ),
        (
            "--! q\n--@ allow(insert_omits_not_null, \"a trigger\")\nINSERT INTO users (id) VALUES (:id);\n",
            &[],
        ),
    ]);
}

#[test]
fn cardinality() {
    hold(&[
        (
            "--! q\n--@ optional\nSELECT label FROM tags WHERE id = :id;\n",
            &[],
        ),
        (
            "--! q\n--@ one\nSELECT label FROM tags WHERE id = :id;\n",
            &[],
        ),
        (
            "--! q\n--@ one\nSELECT label FROM tags WHERE post_id = :id;\n",
            &["cardinality: --@ one"],
        ),
        (
            "--! q\n--@ optional\nSELECT label FROM tags;\n",
            &["cardinality: --@ optional"],
        ),
        ("--! q\n--@ many\nSELECT label FROM tags;\n", &[]),
        (
            "--! q\n--@ one\nDELETE FROM tags WHERE id = :id;\n",
            &["cardinality: --@ one"],
        ),
        (
            "--! q\n--@ one\n--@ allow(cardinality, \"there is one\")\nSELECT label FROM tags WHERE post_id = :id;\n",
            &[],
        ),
    ]);
}

#[test]
fn what_postgres_refuses() {
    hold(&[
        ("SELECT nothing FROM tags", &["postgres: nothing"]),
        ("SELECT id FROM tagz", &["postgres: tagz"]),
        ("SELECT id FROM tags WHERE id = :id +", &["postgres: +"]),
        (
            "INSERT INTO tags (id, post_id) VALUES (:id, 1) ON CONFLICT (label) DO NOTHING",
            &["does-not-plan: INSERT"],
        ),
        (
            "SELECT t.id FROM tags t LEFT JOIN audit a ON a.id = t.id FOR UPDATE",
            &["does-not-plan: SELECT"],
        ),
        // A waiver cannot be judged where nothing was seen.
        (
            "--! q\n--@ allow(missing_where, \"x\")\nSELECT nothing FROM tags;\n",
            &["postgres: nothing"],
        ),
    ]);
}

#[test]
fn nullity() {
    hold(&[
        (
            "--! q : (a!)\nSELECT NULL::int AS a, 1 AS b;\n",
            &["not-null-always-null: a!"],
        ),
        ("--! q : (label!)\nSELECT label, id FROM tags;\n", &[]),
        (
            "--! q : (id?)\nSELECT label, id FROM tags;\n",
            &["nullable-needless: id?"],
        ),
        ("--! q : (label?)\nSELECT label, id FROM tags;\n", &[]),
    ]);
}

#[test]
fn like_parameter() {
    hold(&[
        (
            "SELECT id FROM tags WHERE label LIKE :what",
            &["like-parameter: :what"],
        ),
        (
            "SELECT id FROM tags WHERE label ILIKE :what",
            &["like-parameter: :what"],
        ),
        (
            "SELECT id FROM tags WHERE label NOT LIKE :what::text",
            &["like-parameter: :what"],
        ),
        ("SELECT id FROM tags WHERE label LIKE 'a%'", &[]),
        ("SELECT id FROM tags WHERE starts_with(label, :what)", &[]),
        (
            "SELECT id FROM tags WHERE label LIKE replace(:what, '%', '\\%') || '%'",
            &[],
        ),
        (
            "--! q\n--@ allow(like_parameter, \"patterns\")\nSELECT id FROM tags WHERE label LIKE :what;\n",
            &[],
        ),
    ]);
}

#[test]
fn order_parameter() {
    hold(&[
        (
            "SELECT id FROM tags ORDER BY :key, id",
            &["order-parameter: :key"],
        ),
        (
            "SELECT id FROM (SELECT id FROM tags ORDER BY :key::text DESC LIMIT 5) t",
            &["order-parameter: :key"],
        ),
        (
            "SELECT id FROM tags ORDER BY CASE WHEN :by_label THEN label END, id",
            &[],
        ),
        (
            "SELECT id, :rank::int AS rank FROM tags UNION ALL SELECT id, 0 FROM tags ORDER BY rank, id",
            &[],
        ),
        (
            "SELECT id, :rank::int AS rank FROM tags ORDER BY rank, id",
            &[],
        ),
    ]);
}

#[test]
fn waivers() {
    hold(&[
        (
            "--! q\n--@ allow(hard_delete, \"why\")\nSELECT id FROM tags;\n",
            &["unused-waiver: --@ allow(hard_delete, \"why\")"],
        ),
        (
            "--! q\n--@ allow(hard_delet, \"why\")\nSELECT id FROM tags;\n",
            &["unknown-rule: --@ allow(hard_delet, \"why\")"],
        ),
        (
            "--! q\n--@ allow(postgres, \"why\")\nSELECT id FROM tags;\n",
            &["unknown-rule: --@ allow(postgres, \"why\")"],
        ),
        // It silences its own rule and no other.
        (
            "--! q\n--@ allow(hard_delete, \"why\")\nDELETE FROM users;\n",
            &["missing-where: users"],
        ),
    ]);
    for mut bench in benches("lint", SCHEMA) {
        let text = "--! a\nSELECT id FROM tags;\n\n--! b\n--@ allow(hard_delete, \"erasure\")\nDELETE FROM users WHERE id = :id;\n";
        let findings = run(&mut bench, text).findings;
        assert!(findings.waivers[0].is_empty());
        assert_eq!(findings.waivers[1].len(), 1);
        assert_eq!(findings.waivers[1][0].rule, "hard-delete");
        assert_eq!(findings.waivers[1][0].reason, "erasure");
    }
}

/// Each rule is documented, with whether it can be waived.
#[test]
fn every_rule_is_documented() {
    let docs = include_str!("../../docs/rules.md");
    for (rule, waivable) in sqlmill::lint::rules() {
        let row = docs
            .lines()
            .find(|line| line.starts_with("| [") && line.contains(&format!("`{rule}`")))
            .unwrap_or_else(|| panic!("{rule} is not in docs/rules.md"));
        assert!(
            row.ends_with(if waivable { "| yes |" } else { "| no |" }),
            "{row}"
        );
    }
}
