//! Which queries may share a connection: what is said to be short looks at a handful of rows in tables of thousands, under the plan for
//! any parameters.

#![allow(clippy::unwrap_used, clippy::panic)]

mod facts;

use facts::{Bench, benches};
use sqlmill::prove::Rules;

const SCHEMA: &str = "
CREATE TABLE org (id int PRIMARY KEY, name text NOT NULL, slug varchar(40) UNIQUE, owner_id int);
CREATE TABLE usr (id int PRIMARY KEY, email text NOT NULL, org_id int NOT NULL, referrer_id int, deleted_at timestamptz);
CREATE UNIQUE INDEX usr_email ON usr (email) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX usr_lower_email ON usr (lower(email));
CREATE TABLE member (usr_id int, org_id int, role text NOT NULL, PRIMARY KEY (usr_id, org_id));
CREATE TABLE post (id bigint PRIMARY KEY, usr_id int NOT NULL, title text NOT NULL);
CREATE TABLE word (word text COLLATE \"C\" PRIMARY KEY, n int NOT NULL);
CREATE TABLE coded (code int, at timestamptz, note text);
CREATE UNIQUE INDEX coded_coalesced ON coded (coalesce(code, -1));
CREATE UNIQUE INDEX coded_noted ON coded (at) WHERE at IS NOT NULL AND note = 'x';
CREATE TABLE parted (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
CREATE TABLE parent (id int PRIMARY KEY, v int);
CREATE TABLE child () INHERITS (parent);
CREATE DOMAIN id_of AS int CHECK (VALUE > 0);
CREATE TABLE domained (id id_of PRIMARY KEY, v int);
CREATE TABLE guarded (id int PRIMARY KEY, owner text);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY guard ON guarded USING (owner = current_user);
CREATE VIEW live AS SELECT id, email AS address, org_id FROM usr WHERE deleted_at IS NULL;
CREATE VIEW live_with_org AS SELECT l.id, l.address, o.name AS org FROM live l LEFT JOIN org o ON o.id = l.org_id;
CREATE VIEW barrier WITH (security_barrier) AS SELECT id, email FROM usr;
CREATE VIEW sorted AS SELECT id, email FROM usr ORDER BY email;
CREATE MATERIALIZED VIEW mat AS SELECT id, email FROM usr;
CREATE UNIQUE INDEX mat_id ON mat (id);
CREATE SEQUENCE counter;
CREATE FUNCTION settings_of(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT $1';
INSERT INTO org SELECT n, 'org' || n, 'org' || n, n FROM generate_series(1, 5000) AS n;
INSERT INTO usr SELECT n, 'User' || n || '@x.y', n, CASE WHEN n > 1 THEN n - 1 END, NULL FROM generate_series(1, 5000) AS n;
INSERT INTO member SELECT n, n, 'admin' FROM generate_series(1, 5000) AS n;
INSERT INTO post SELECT n, n % 50, 't' FROM generate_series(1, 5000) AS n;
INSERT INTO word SELECT 'w' || n, n FROM generate_series(1, 5000) AS n;
INSERT INTO coded SELECT n, now() + n * interval '1 s', 'x' FROM generate_series(1, 5000) AS n;
INSERT INTO parted SELECT n, 1 + n % 2, 'v' FROM generate_series(1, 5000) AS n;
INSERT INTO parent SELECT n, n FROM generate_series(1, 5000) AS n;
INSERT INTO child SELECT n, n FROM generate_series(1, 5000) AS n;
INSERT INTO domained SELECT n, n FROM generate_series(1, 5000) AS n;
INSERT INTO guarded SELECT n, 'x' FROM generate_series(1, 5000) AS n;
REFRESH MATERIALIZED VIEW mat;
ANALYZE;
";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    /// It may share, and looks at a handful of rows.
    Shared,
    /// It looks at thousands.
    Long,
    /// It needs a connection of its own for another reason, or its shape is not known to be short.
    Own,
}
use Expected::{Long, Own, Shared};

/// With the arguments, and of what may not share a part of the reason.
const CASES: &[(Expected, &str, &str, &str)] = &[
    (Shared, "SELECT email FROM usr WHERE id = $1", "7", ""),
    (
        Shared,
        "SELECT email FROM usr WHERE 7 = id AND org_id > 3",
        "",
        "",
    ),
    (Shared, "SELECT title FROM post WHERE id = $1::int", "7", ""),
    (
        Shared,
        "SELECT role FROM member WHERE usr_id = $1 AND org_id = $2",
        "7, 7",
        "",
    ),
    (
        Own,
        "SELECT role FROM member WHERE usr_id = $1 AND org_id = usr_id",
        "7",
        "whole unique key",
    ),
    (Shared, "SELECT name FROM org WHERE slug = $1", "'org7'", ""),
    (Shared, "SELECT v FROM domained WHERE id = $1", "7", ""),
    (Shared, "SELECT email FROM mat WHERE id = $1", "7", ""),
    (
        Shared,
        "SELECT v FROM parted WHERE id = $1 AND k = $2",
        "6, 1",
        "",
    ),
    (Shared, "SELECT v FROM ONLY parent WHERE id = $1", "7", ""),
    (Shared, "SELECT n FROM word WHERE word = $1", "'w7'", ""),
    (
        Shared,
        "SELECT id FROM usr WHERE email = $1 AND deleted_at IS NULL",
        "'User7@x.y'",
        "",
    ),
    (
        Shared,
        "SELECT id FROM usr WHERE lower(email) = lower($1)",
        "'User7@x.y'",
        "",
    ),
    (
        Own,
        "SELECT code FROM coded WHERE coalesce(code, -1) = $1",
        "7",
        "several rows",
    ),
    (
        Shared,
        "SELECT code FROM coded WHERE at = $1 AND note = 'x'",
        "now()",
        "",
    ),
    (
        Shared,
        "SELECT u.email, o.name FROM usr u JOIN org o ON o.id = u.org_id WHERE u.id = $1",
        "7",
        "",
    ),
    (
        Shared,
        "SELECT u.email, o.name FROM usr u LEFT JOIN org o ON o.id = u.org_id WHERE u.id = $1",
        "7",
        "",
    ),
    (
        Shared,
        "SELECT u.email, o.name FROM org o RIGHT JOIN usr u ON o.id = u.org_id WHERE u.id = $1",
        "7",
        "",
    ),
    (
        Shared,
        "SELECT u.email FROM usr u LEFT JOIN org o ON o.id = u.org_id WHERE o.id = $1 AND u.id = o.owner_id",
        "7",
        "",
    ),
    (
        Shared,
        "SELECT u.email FROM usr u LEFT JOIN (org o JOIN usr w ON w.id = o.owner_id) ON o.id = u.org_id WHERE u.id = $1",
        "7",
        "",
    ),
    (
        Shared,
        "SELECT p.title, u.email, r.email FROM post p JOIN usr u ON u.id = p.usr_id LEFT JOIN usr r ON r.id = u.referrer_id WHERE p.id = $1",
        "7",
        "",
    ),
    (
        Own,
        "SELECT u.email FROM usr u LEFT JOIN usr r ON r.id = u.referrer_id LEFT JOIN org o ON o.id = coalesce(r.org_id, $2) WHERE u.id = $1",
        "7, 1",
        "`org` is not looked up",
    ),
    (Shared, "SELECT address FROM live WHERE id = $1", "7", ""),
    (
        Shared,
        "SELECT id FROM live WHERE address = $1",
        "'User7@x.y'",
        "",
    ),
    (
        Shared,
        "SELECT address, org FROM live_with_org WHERE id = $1",
        "7",
        "",
    ),
    (
        Shared,
        "SELECT x.e FROM (SELECT id AS i, upper(email) AS e FROM usr) x WHERE x.i = $1",
        "7",
        "",
    ),
    (
        Shared,
        "SELECT email, (SELECT name FROM org WHERE org.id = usr.org_id) FROM usr WHERE id = $1",
        "7",
        "",
    ),
    (
        Shared,
        "SELECT email FROM usr WHERE id = $1 AND EXISTS (SELECT FROM member m WHERE m.usr_id = usr.id AND m.org_id = usr.org_id)",
        "7",
        "",
    ),
    (
        Shared,
        "SELECT EXISTS (SELECT FROM usr WHERE id = $1)",
        "7",
        "",
    ),
    (
        Shared,
        "SELECT email FROM usr u JOIN member m USING (org_id) WHERE u.id = $1 AND m.usr_id = u.id",
        "7",
        "",
    ),
    (Shared, "SELECT 1 AS one, now() AS at, current_user", "", ""),
    (
        Shared,
        "SELECT email FROM usr WHERE id = $1 ORDER BY email",
        "7",
        "",
    ),
    // One row, and all of them looked at.
    (Long, "SELECT count(*) FROM usr", "", "an aggregate"),
    (Long, "SELECT max(title) FROM post", "", "an aggregate"),
    (
        Long,
        "SELECT email FROM usr ORDER BY email LIMIT 1",
        "",
        "LIMIT",
    ),
    (
        Long,
        "SELECT title FROM post WHERE title = 'z' LIMIT 1",
        "",
        "LIMIT",
    ),
    (
        Long,
        "SELECT id FROM usr WHERE id = $1 AND EXISTS (SELECT FROM post WHERE title = 'z')",
        "7",
        "`post` is not looked up",
    ),
    (
        Long,
        "SELECT id, (SELECT count(*) FROM post) FROM usr WHERE id = $1",
        "7",
        "an aggregate",
    ),
    (
        Long,
        "SELECT id FROM usr WHERE id = $1 AND id NOT IN (SELECT usr_id FROM post)",
        "1",
        "`post` is not looked up",
    ),
    // An anti-join: at most one row, by the key of the row that is not there.
    (
        Long,
        "SELECT o.id FROM org o LEFT JOIN post p ON p.title = o.name WHERE o.id = $1 AND p.id IS NULL",
        "7",
        "`post` is not looked up",
    ),
    (
        Long,
        "SELECT DISTINCT org_id FROM usr WHERE org_id = $1",
        // Of none: the first of what is all the same is enough for newer planners.
        "9999",
        "DISTINCT",
    ),
    (
        Long,
        "SELECT org_id FROM usr WHERE org_id = $1 GROUP BY org_id",
        "7",
        "GROUP BY",
    ),
    (
        Long,
        "WITH w AS MATERIALIZED (SELECT * FROM usr) SELECT email FROM w WHERE id = $1",
        "7",
        "WITH",
    ),
    (
        Long,
        "SELECT n FROM (SELECT count(*) AS n FROM usr) x",
        "",
        "an aggregate",
    ),
    (
        Long,
        "SELECT r FROM (SELECT id, row_number() OVER (ORDER BY email) AS r FROM usr) x WHERE id = $1",
        "7",
        "a window function",
    ),
    // The index has another collation, so it does not serve, though equal is equal.
    (
        Long,
        "SELECT n FROM word WHERE word = $1 COLLATE \"POSIX\"",
        "'w7'",
        "`word` is not looked up",
    ),
    (
        Long,
        "SELECT u.id, o.id FROM usr u FULL JOIN org o ON o.id = u.id WHERE coalesce(u.id, o.id) = $1",
        "7",
        "several rows",
    ),
    (
        Long,
        "SELECT sum(id) FROM usr WHERE org_id = $1 HAVING count(*) > 0",
        "7",
        "an aggregate",
    ),
    (
        Own,
        "SELECT id FROM usr WHERE id = $1 EXCEPT SELECT usr_id FROM post",
        "1",
        "a set operation",
    ),
    (
        Own,
        "SELECT email FROM usr WHERE org_id = $1",
        "7",
        "several rows",
    ),
    (
        Own,
        "SELECT email FROM usr WHERE id = ANY($1)",
        "'{7}'",
        "several rows",
    ),
    (
        Own,
        "SELECT v FROM parent WHERE id = $1",
        "7",
        "several rows",
    ),
    (
        Own,
        "SELECT email FROM usr WHERE id = $1 FOR UPDATE",
        "7",
        "locks rows",
    ),
    (
        Own,
        "SELECT email FROM usr WHERE id = $1 FOR KEY SHARE",
        "7",
        "locks rows",
    ),
    (Own, "SELECT currval('counter')", "", "currval"),
    (
        Own,
        "SELECT email FROM usr WHERE id = currval('counter')",
        "",
        "currval",
    ),
    (
        Own,
        "SELECT set_config('app.x', 'y', false)",
        "",
        "set_config",
    ),
    (
        Own,
        "SELECT current_setting('app.x')",
        "",
        "current_setting",
    ),
    (Own, "SELECT pg_advisory_lock(1)", "", "pg_advisory_lock"),
    (
        Own,
        "SELECT pg_try_advisory_lock(1)",
        "",
        "pg_try_advisory_lock",
    ),
    (Own, "SELECT pg_backend_pid()", "", "pg_backend_pid"),
    (Own, "SELECT pg_sleep($1)", "0", "pg_sleep"),
    (
        Own,
        "SELECT email, random() FROM usr WHERE id = $1",
        "7",
        "random",
    ),
    (
        Own,
        "SELECT settings_of(id) FROM usr WHERE id = $1",
        "7",
        "settings_of",
    ),
    (
        Own,
        "SELECT owner FROM guarded WHERE id = $1",
        "7",
        "row security",
    ),
    (Own, "SELECT generate_series(1, $1)", "3", "several rows"),
    (
        Own,
        "SELECT u.email FROM usr u, generate_series(1, $1) g WHERE u.id = g",
        "1",
        "several rows",
    ),
    (
        Own,
        "SELECT email FROM usr TABLESAMPLE bernoulli (50) WHERE id = $1",
        "7",
        "TABLESAMPLE",
    ),
    (
        Own,
        "SELECT x.id FROM barrier x WHERE x.id = $1",
        "7",
        "a security barrier",
    ),
    (
        Own,
        "SELECT x.id FROM sorted x WHERE x.id = $1",
        "7",
        "ORDER BY in a subquery",
    ),
    (
        Own,
        "INSERT INTO org (id, name) VALUES (0, 'x') RETURNING id",
        "",
        "inserts into",
    ),
    (
        Own,
        "WITH w AS (DELETE FROM org WHERE id = $1 RETURNING id) SELECT id FROM w",
        "7",
        "deletes from",
    ),
    // Not the WHERE but the ON says which row the kept side has no part in.
    (
        Own,
        "SELECT a.id FROM usr a LEFT JOIN usr b ON a.id = $1 AND b.id = 7",
        "7",
        "several rows",
    ),
    (
        Own,
        "SELECT id FROM usr WHERE email = $1",
        "'User7@x.y'",
        "several rows",
    ),
    (
        Own,
        "SELECT a.id FROM usr a JOIN usr b ON b.id = a.id JOIN usr c ON c.id = a.id JOIN usr d ON d.id = a.id \
         JOIN usr e ON e.id = a.id JOIN usr f ON f.id = a.id JOIN usr g ON g.id = a.id JOIN usr h ON h.id = a.id \
         JOIN usr i ON i.id = a.id WHERE a.id = $1",
        "7",
        "it joins 9 tables",
    ),
    // Only where the row is absent does the key's expression have the value.
    (
        Long,
        "SELECT u.id FROM usr u LEFT JOIN coded c ON c.note = u.email WHERE u.id = $1 AND coalesce(c.code, -1) = -1",
        "7",
        "several rows",
    ),
    // What is known of a row that may be absent does not lead to a row that it is joined to.
    (
        Long,
        "SELECT a.id FROM usr a LEFT JOIN org b ON b.id = $1 WHERE a.id = coalesce(b.owner_id, 0)",
        "7",
        "several rows",
    ),
];

/// The rows that the plan for any parameters looked at, those that a filter took away included.
fn looked_at(bench: &mut Bench, sql: &str, args: &str) -> f64 {
    let execute = if args.is_empty() {
        "EXECUTE tested".to_owned()
    } else {
        format!("EXECUTE tested({args})")
    };
    let text = format!(
        "SET plan_cache_mode = force_generic_plan; PREPARE tested AS {sql}; \
         EXPLAIN (ANALYZE, TIMING off, FORMAT json) {execute}"
    );
    let result = bench.connection().simple(&text);
    bench.connection().simple("DEALLOCATE ALL").unwrap();
    let rows = result.unwrap().pop().unwrap().rows;
    let text = rows[0][0].clone().unwrap();
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    rows_of(&plan[0]["Plan"])
}

fn rows_of(node: &serde_json::Value) -> f64 {
    let number = |key: &str| node[key].as_f64().unwrap_or(0.0);
    let below: f64 = node["Plans"]
        .as_array()
        .map_or(0.0, |plans| plans.iter().map(rows_of).sum());
    let here = number("Actual Rows")
        + number("Rows Removed by Filter")
        + number("Rows Removed by Join Filter");
    here * number("Actual Loops") + below
}

#[test]
fn what_may_share_a_connection_is_short_whatever_the_tables_hold() {
    for mut bench in benches("prove_short", SCHEMA) {
        let statements: Vec<&str> = CASES.iter().map(|(_, sql, _, _)| *sql).collect();
        let described = bench.describe(&statements);
        let mut wrong = Vec::new();
        for ((expected, sql, args, reason), described) in CASES.iter().zip(&described) {
            let facts = bench.prove(described, &Rules::all());
            let shared = facts.shared;
            if shared.value != (*expected == Shared)
                || !(shared.value || shared.reason.contains(reason))
            {
                wrong.push(format!("{sql}\n  {}: {}", shared.value, shared.reason));
            }
            if *expected == Own && !shared.value {
                continue;
            }
            let rows = looked_at(&mut bench, sql, args);
            if (shared.value && rows > 30.0) || (*expected == Long && rows < 1000.0) {
                wrong.push(format!(
                    "{sql}\n  {expected:?}, and it looks at {rows} rows"
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
