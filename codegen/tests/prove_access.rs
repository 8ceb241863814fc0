//! What a statement writes and reads: claims of reading are held against a transaction that may not write.

#![allow(clippy::unwrap_used, clippy::panic)]

mod facts;

use std::collections::BTreeMap;

use facts::{Bench, benches};
use sqlmill::catalog::Oid;
use sqlmill::describe::Described;
use sqlmill::facts::Access;
use sqlmill::prove::access::utility as utility_access;
use sqlmill::prove::{Input, Rules, prove};

const SCHEMA: &str = "
CREATE TABLE usr (id int PRIMARY KEY, email text NOT NULL UNIQUE, name text, org_id int);
CREATE TABLE org (id int PRIMARY KEY, name text, settings jsonb);
CREATE TABLE log (id int PRIMARY KEY, note text) ;
CREATE TABLE parted (id int, k int, v text DEFAULT 'x') PARTITION BY LIST (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE VIEW usr_view AS SELECT id, upper(name) AS name FROM usr WHERE org_id IS NOT NULL;
CREATE VIEW plain_view AS SELECT id, name FROM usr;
CREATE SEQUENCE counter;
CREATE FUNCTION writes() RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN PERFORM really_writes(); RETURN 1; END';
CREATE FUNCTION really_writes() RETURNS void VOLATILE LANGUAGE sql AS 'INSERT INTO log VALUES (1)';
CREATE FUNCTION pure(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION pure_agg(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + $2';
CREATE AGGREGATE plus (int) (SFUNC = pure_agg, STYPE = int, INITCOND = 0);
CREATE AGGREGATE plus_built_in (int) (SFUNC = int4pl, STYPE = int, INITCOND = 0);
CREATE AGGREGATE plus_of_both (int) (SFUNC = int4pl, STYPE = int, INITCOND = 0, COMBINEFUNC = pure_agg);
CREATE OPERATOR +# (LEFTARG = int, RIGHTARG = int, FUNCTION = pure_agg);
CREATE FUNCTION is_fine(text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE DOMAIN checked AS text CHECK (is_fine(VALUE));
CREATE DOMAIN counted AS text CHECK (nextval('counter') > 0);
CREATE DOMAIN simple AS text CHECK (VALUE <> '');
CREATE TYPE pair AS (a int, b int);
CREATE FUNCTION to_pair(int) RETURNS pair IMMUTABLE LANGUAGE sql AS 'SELECT ROW($1, $1)::pair';
CREATE CAST (int AS pair) WITH FUNCTION to_pair(int);
CREATE VIEW writing_view AS SELECT writes() AS w;
";

#[derive(Debug, PartialEq, Clone, Copy)]
enum Expected {
    /// A read that may run anywhere.
    Pure,
    /// A read that needs a connection of its own.
    Read,
    Write,
}
use Expected::{Pure, Read, Write};

const CASES: &[(Expected, &str)] = &[
    (Write, "SELECT id FROM usr TABLESAMPLE bernoulli (writes())"),
    (Pure, "SELECT id FROM usr TABLESAMPLE bernoulli (50)"),
    (Write, "SELECT id FROM usr WHERE name = $1::checked"),
    (Write, "SELECT id FROM usr WHERE name = $1::counted"),
    (
        Pure,
        "SELECT id, lower(email) FROM usr WHERE id = 1 ORDER BY email",
    ),
    (
        Pure,
        "SELECT count(*), max(name), array_agg(id) FROM usr GROUP BY org_id",
    ),
    (
        Pure,
        "SELECT id, row_number() OVER (PARTITION BY org_id ORDER BY id) FROM usr",
    ),
    (Pure, "SELECT name FROM usr_view WHERE id = 1"),
    (Pure, "SELECT now(), current_date, current_user"),
    (
        Pure,
        "SELECT settings -> 'a', jsonb_build_object('a', 1), to_jsonb(org) FROM org",
    ),
    (Pure, "SELECT generate_series(1, 3), unnest(ARRAY[1])"),
    (Pure, "SELECT 'x'::simple AS s"),
    (
        Pure,
        "SELECT id FROM usr WHERE name LIKE 'a%' AND id = ANY(ARRAY[1]) AND email ~ 'x'",
    ),
    (
        Pure,
        "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 3) SELECT n FROM c",
    ),
    (
        Pure,
        "SELECT DISTINCT ON (org_id) id FROM usr ORDER BY org_id, id",
    ),
    (
        Pure,
        "SELECT (SELECT count(*) FROM org) AS n, EXISTS (SELECT FROM usr) AS e",
    ),
    (
        Read,
        "SELECT table_name, column_name, data_type FROM information_schema.columns",
    ),
    (Pure, "SELECT relname FROM pg_class"),
    (Read, "SELECT pid FROM pg_locks"),
    (Read, "SELECT random()"),
    (Read, "SELECT gen_random_uuid()"),
    (Read, "SELECT clock_timestamp()"),
    (Read, "SELECT current_setting('search_path')"),
    (Read, "SELECT pg_backend_pid()"),
    (Read, "SELECT pg_sleep(0)"),
    (Read, "SELECT pg_total_relation_size('usr')"),
    (Read, "SELECT id FROM usr ORDER BY random() LIMIT 1"),
    (Write, "INSERT INTO org (id) VALUES (9)"),
    (Write, "UPDATE usr SET name = 'x' WHERE id = 1"),
    (Write, "DELETE FROM usr WHERE id = 1"),
    (
        Write,
        "WITH gone AS (DELETE FROM usr RETURNING id) SELECT id FROM gone",
    ),
    (Write, "SELECT id FROM usr FOR UPDATE"),
    (Write, "SELECT id FROM (SELECT id FROM usr FOR SHARE) x"),
    (
        Write,
        "SELECT id FROM org WHERE id IN (SELECT id FROM usr FOR KEY SHARE)",
    ),
    (Write, "SELECT nextval('counter')"),
    (Write, "SELECT setval('counter', 5)"),
    (Write, "SELECT set_config('a.b', 'c', false)"),
    (Write, "SELECT pg_advisory_lock(1)"),
    (Write, "SELECT pg_notify('a', 'b')"),
    (Write, "SELECT lo_create(0)"),
    (Write, "SELECT pg_current_xact_id()"),
    (Write, "SELECT query_to_xml('SELECT 1', true, true, '')"),
    // A STABLE function that writes through another; and what is only not known not to.
    (Write, "SELECT writes()"),
    (Write, "SELECT id FROM usr WHERE id = writes()"),
    (Write, "SELECT w FROM writes() AS w"),
    (Write, "SELECT w FROM writing_view"),
    (Write, "SELECT count(writes()) FROM usr"),
    (Write, "SELECT id FROM usr ORDER BY writes()"),
    (Write, "SELECT id FROM usr LIMIT writes()"),
    (
        Write,
        "SELECT u.id FROM usr u JOIN org o ON o.id = writes()",
    ),
    (Write, "SELECT CASE WHEN id = 1 THEN writes() END FROM usr"),
    (Write, "SELECT sum(id) FILTER (WHERE writes() = 1) FROM usr"),
    (
        Write,
        "SELECT ARRAY[writes()], ROW(writes()), coalesce(writes(), 1), (ARRAY[1])[writes()]",
    ),
    (Write, "VALUES (1), (writes())"),
    (Write, "SELECT pure(1)"),
    (Write, "SELECT plus(id) FROM usr"),
    (Write, "SELECT plus_of_both(id) FROM usr"),
    (Pure, "SELECT plus_built_in(id) FROM usr"),
    (Write, "SELECT 1 +# 2"),
    (Write, "SELECT id::pair FROM usr"),
    (Write, "SELECT name::checked FROM usr"),
];

fn found(bench: &Bench, described: &Described) -> (Expected, String) {
    let facts = bench.prove(described, &Rules::all());
    match (facts.access.value, facts.pure_read.value) {
        (Access::Read, true) => (Pure, facts.access.reason),
        (Access::Read, false) => (Read, facts.pure_read.reason),
        (Access::Write, false) => (Write, facts.access.reason),
        (Access::Write, true) => panic!("a pure read that writes"),
    }
}

#[test]
fn what_writes_is_said_to() {
    for mut bench in benches("prove_access", SCHEMA) {
        let statements: Vec<&str> = CASES.iter().map(|(_, sql)| *sql).collect();
        let described = bench.describe(&statements);
        let mut wrong = Vec::new();
        for ((expected, sql), described) in CASES.iter().zip(&described) {
            let (found, reason) = found(&bench, described);
            if found != *expected {
                wrong.push(format!("{sql}\n  {found:?}: {reason}"));
            }
            // What is said to read runs where nothing may be written.
            let refusal = bench.refusal("SET TRANSACTION READ ONLY", sql, "SELECT");
            if let Some(error) = refusal.filter(|_| found != Write) {
                wrong.push(format!("{sql}\n  {found:?}, and yet: {}", error.message));
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

#[test]
fn without_a_rule_a_write_passes_for_a_read() {
    for mut bench in benches("prove_access", SCHEMA) {
        let statements: Vec<&str> = CASES.iter().map(|(_, sql)| *sql).collect();
        let described = bench.describe(&statements);
        for rule in ["cte-writes", "functions-write", "locks-write"] {
            let passes = CASES
                .iter()
                .zip(&described)
                .any(|((expected, sql), described)| {
                    *expected == Write
                        && bench.prove(described, &Rules::without(rule)).access.value
                            == Access::Read
                        && bench
                            .refusal(
                                "SET TRANSACTION READ ONLY; INSERT INTO usr VALUES (1, 'a')",
                                sql,
                                "SELECT",
                            )
                            .is_some()
                });
            assert!(passes, "{rule}");
        }
    }
}

/// A function that writes, in the places where no call is to be seen.
const HIDDEN: &str = "
CREATE TABLE log (x text);
CREATE SEQUENCE counter;
CREATE TABLE usr (id int PRIMARY KEY, name text);
INSERT INTO usr VALUES (1, 'x');
CREATE FUNCTION logit(t text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (t); RETURN true; END';
CREATE DOMAIN inner_logged AS text CHECK (logit(VALUE));
CREATE DOMAIN logged AS text CHECK ((VALUE::inner_logged) <> '');
CREATE TYPE holder AS (a int, f logged);
CREATE TYPE numbered AS (n int);
CREATE FUNCTION to_numbered(int) RETURNS numbered LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); RETURN ROW($1)::numbered; END';
CREATE CAST (int AS numbered) WITH FUNCTION to_numbered(int);
CREATE DOMAIN by_cast AS int CHECK ((VALUE::numbered).n > 0);
CREATE TYPE mood AS (m int);
CREATE FUNCTION mood_json(mood) RETURNS json LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); RETURN 1; END';
CREATE CAST (mood AS json) WITH FUNCTION mood_json(mood);
CREATE TYPE label AS ENUM ('a', 'b');
CREATE FUNCTION label_json(label) RETURNS json LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); RETURN 1; END';
CREATE CAST (label AS json) WITH FUNCTION label_json(label);
CREATE TYPE metres AS (n int);
CREATE TYPE feet AS (n int);
CREATE FUNCTION to_feet(metres) RETURNS feet LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); RETURN ROW(1)::feet; END';
CREATE CAST (metres AS feet) WITH FUNCTION to_feet(metres) AS IMPLICIT;
CREATE TABLE guarded (id int, name text);
INSERT INTO guarded VALUES (1, 'x');
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY guard ON guarded USING (logit(name));
CREATE TABLE indirect (id int);
INSERT INTO indirect VALUES (1);
ALTER TABLE indirect ENABLE ROW LEVEL SECURITY;
CREATE POLICY guard ON indirect USING (id IN (SELECT id FROM guarded));
CREATE TABLE calm (id int, owner text);
INSERT INTO calm VALUES (1, 'x');
ALTER TABLE calm ENABLE ROW LEVEL SECURITY;
CREATE POLICY guard ON calm USING (owner <> current_user);
CREATE VIEW calm_view AS SELECT id FROM calm;
CREATE DOMAIN fine AS text CHECK (length(VALUE) < 100 AND VALUE ~ 'x');
CREATE TYPE fine_holder AS (f fine);
CREATE TYPE plain AS (a int, b text);
CREATE TYPE ranked AS ENUM ('a', 'b');
CREATE FUNCTION ranked_cmp(a ranked, b ranked) RETURNS int LANGUAGE plpgsql AS
  'BEGIN INSERT INTO log VALUES (1); RETURN enum_cmp(a, b); END';
CREATE FUNCTION ranked_lt(a ranked, b ranked) RETURNS boolean LANGUAGE sql AS 'SELECT enum_lt(a, b)';
CREATE FUNCTION ranked_eq(a ranked, b ranked) RETURNS boolean LANGUAGE sql AS 'SELECT enum_eq(a, b)';
CREATE OPERATOR < (LEFTARG = ranked, RIGHTARG = ranked, FUNCTION = ranked_lt);
CREATE OPERATOR = (LEFTARG = ranked, RIGHTARG = ranked, FUNCTION = ranked_eq);
CREATE OPERATOR CLASS ranked_ops DEFAULT FOR TYPE ranked USING btree AS
  OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 ranked_cmp(ranked, ranked);
CREATE TYPE loose AS (n int);
CREATE FUNCTION loose_touches(a loose, b loose) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); RETURN true; END';
CREATE OPERATOR &&& (LEFTARG = loose, RIGHTARG = loose, FUNCTION = loose_touches);
CREATE OPERATOR CLASS loose_ops DEFAULT FOR TYPE loose USING brin AS
  OPERATOR 3 &&&,
  FUNCTION 1 brin_inclusion_opcinfo(internal),
  FUNCTION 2 brin_inclusion_add_value(internal, internal, internal, internal),
  FUNCTION 3 brin_inclusion_consistent(internal, internal, internal),
  FUNCTION 4 brin_inclusion_union(internal, internal, internal);
CREATE TABLE loose_ones (v loose);
INSERT INTO loose_ones VALUES (ROW(1));
";

/// From this version on.
const HIDDEN_CASES: &[(u32, Expected, &str)] = &[
    (14, Write, "SELECT 'x'::text::logged"),
    (14, Write, "SELECT ('(1,x)'::text::holder).f"),
    (14, Write, "SELECT '(1,x)'::holder"),
    (14, Write, "SELECT '{x}'::logged[]"),
    (14, Write, "SELECT ARRAY[name]::logged[] FROM usr"),
    (
        14,
        Write,
        "SELECT name::text[]::logged[] FROM (VALUES ('{x}')) v (name)",
    ),
    (
        14,
        Write,
        "SELECT (jsonb_populate_record(NULL::holder, '{\"f\": \"x\"}')).f",
    ),
    (
        14,
        Write,
        "SELECT a FROM json_populate_recordset(NULL::holder, '[{\"f\": \"x\"}]')",
    ),
    (
        14,
        Write,
        "SELECT r.a FROM jsonb_to_record('{\"f\": \"x\"}') AS r (a int, f logged)",
    ),
    (
        14,
        Write,
        "SELECT r.a FROM json_to_recordset('[{\"f\": {\"f\": \"x\"}}]') AS r (a int, f holder)",
    ),
    (
        14,
        Write,
        "SELECT a FROM xmltable('/a' PASSING '<a><f>x</f></a>' COLUMNS a int, f logged)",
    ),
    (14, Write, "SELECT id::by_cast FROM usr"),
    (14, Write, "SELECT domain_in('x', 'logged'::regtype, -1)"),
    (16, Write, "SELECT pg_input_is_valid('x', 'logged')"),
    (
        16,
        Write,
        "SELECT message FROM pg_input_error_info('x', 'logged')",
    ),
    (
        17,
        Write,
        "SELECT jsonb_populate_record_valid(NULL::holder, '{\"f\": \"x\"}')",
    ),
    (
        17,
        Write,
        "SELECT json_value('\"x\"', '$' RETURNING logged)",
    ),
    (
        17,
        Write,
        "SELECT json_query('{\"f\": \"x\"}', '$' RETURNING holder)",
    ),
    (
        17,
        Write,
        "SELECT a FROM json_table('{\"f\": \"x\"}', '$' COLUMNS (a int PATH '$.a', f logged PATH '$.f'))",
    ),
    // A composite is taken apart, whatever casts there are.
    (14, Pure, "SELECT to_jsonb(ROW(1)::mood)"),
    (
        14,
        Write,
        "SELECT to_json(label) FROM (VALUES ('a'::label)) v (label)",
    ),
    (
        14,
        Write,
        "SELECT to_json(v) FROM (VALUES ('a'::label)) v (label)",
    ),
    (14, Write, "SELECT json_agg(ARRAY['a'::label]) FROM usr"),
    (14, Write, "SELECT jsonb_build_object('a', 'b'::label)"),
    (
        14,
        Write,
        "SELECT jsonb_object_agg(id, 'b'::label) FROM usr",
    ),
    (14, Write, "SELECT row_to_json(ROW('b'::label))"),
    (14, Write, "SELECT json_agg('b'::label) OVER () FROM usr"),
    (16, Write, "SELECT json_array('b'::label)"),
    (16, Write, "SELECT json_objectagg(id : 'b'::label) FROM usr"),
    (17, Write, "SELECT json_scalar('b'::label)"),
    (
        14,
        Write,
        "SELECT ROW(1)::metres UNION ALL SELECT ROW(1)::feet",
    ),
    (
        14,
        Write,
        "SELECT ARRAY[ROW(1)::metres] UNION ALL SELECT ARRAY[ROW(1)::feet]",
    ),
    (
        14,
        Write,
        "(SELECT ROW(1)::metres UNION ALL SELECT ROW(2)::metres) UNION ALL SELECT ROW(1)::feet",
    ),
    // An operator class that only an index would call, and there is none.
    (14, Pure, "SELECT v FROM loose_ones"),
    (14, Write, "SELECT v FROM loose_ones WHERE v &&& v"),
    (
        14,
        Write,
        "SELECT v FROM (VALUES ('a'::ranked), ('b')) x (v) ORDER BY v",
    ),
    (
        14,
        Write,
        "SELECT v < w FROM (VALUES (ARRAY['a'::ranked], ARRAY['b'::ranked])) x (v, w)",
    ),
    (14, Write, "SELECT id FROM guarded"),
    (14, Write, "SELECT id FROM indirect"),
    (
        14,
        Write,
        "SELECT id FROM usr WHERE EXISTS (SELECT FROM guarded)",
    ),
    (14, Read, "SELECT id FROM calm"),
    (14, Read, "SELECT id FROM calm_view"),
    (
        14,
        Pure,
        "SELECT 'x'::fine, ('(x)'::text::fine_holder).f, '(x)'::fine_holder",
    ),
    (
        14,
        Pure,
        "SELECT to_jsonb(u), jsonb_build_object('a', id), json_agg(name) OVER () FROM usr u",
    ),
    (
        14,
        Pure,
        "SELECT (jsonb_populate_record(NULL::plain, '{}')).a",
    ),
    (
        14,
        Pure,
        "SELECT id FROM usr UNION SELECT 1.5 UNION ALL SELECT 2::bigint",
    ),
];

#[test]
fn writes_that_no_call_shows_are_said() {
    for mut bench in benches("prove_access", HIDDEN) {
        let cases: Vec<&(u32, Expected, &str)> = HIDDEN_CASES
            .iter()
            .filter(|(from, _, _)| *from <= bench.major)
            .collect();
        let statements: Vec<&str> = cases.iter().map(|(_, _, sql)| *sql).collect();
        let described = bench.describe(&statements);
        let mut wrong = Vec::new();
        for ((_, expected, sql), described) in cases.iter().zip(&described) {
            let (found, reason) = match described {
                // A constant is read while the statement is described, which may not write either.
                Described::Refused(error) if error.code == "25006" => (Write, String::new()),
                described => found(&bench, described),
            };
            if found != *expected {
                wrong.push(format!("{sql}\n  {found:?}: {reason}"));
            }
            // The role is one that row security binds.
            let before = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO pg_monitor; SET LOCAL ROLE pg_monitor; \
                          SET TRANSACTION READ ONLY";
            let refusal = bench.refusal(before, sql, "SELECT");
            let writes = refusal.as_ref().is_some_and(|error| error.code == "25006");
            if writes != (*expected == Write) {
                wrong.push(format!("{sql}\n  the server: {refusal:?}"));
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

/// Places in a domain's CHECK are those of the schema's text: what is told is the line of the cast.
#[test]
fn a_call_in_a_check_is_told_at_the_line_of_the_cast() {
    for mut bench in benches("prove_access_lines", HIDDEN) {
        let line_break = "\n".repeat(30);
        let sql = format!("SELECT id{line_break}FROM usr WHERE name::inner_logged = 'x'");
        let statement = bench.describe(&[&sql]).remove(0);
        let line = |at: u32| {
            let before = sql.get(..at as usize)?;
            u32::try_from(before.matches('\n').count()).ok()
        };
        let Described::Statement(statement) = &statement else {
            panic!("{statement:?}");
        };
        let input = Input {
            catalog: &bench.catalog,
            statement,
            line: &line,
            rules: &Rules::all(),
            param_names: &[],
            param_overrides: &[],
        };
        // From 17 on the server tells no places.
        let place = if bench.major < 17 { " at line 30" } else { "" };
        assert_eq!(
            prove(&input).access.reason,
            format!("it calls `public.logit`{place}, which is not one of the reviewed built-ins")
        );
    }
}

#[test]
fn explain_may_run_what_it_explains() {
    for mut bench in benches("prove_access", HIDDEN) {
        let statements = [
            "EXPLAIN (U&\"\\0061nalyze\") INSERT INTO log VALUES ('x')",
            // The planner takes it for constant.
            "EXPLAIN SELECT folded('x')",
            "SHOW search_path",
        ];
        bench
            .connection()
            .simple(
                "CREATE FUNCTION folded(t text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN logit(t); END'",
            )
            .unwrap();
        let described = bench.describe(&statements);
        for (sql, described) in statements.iter().zip(&described) {
            let Described::Utility(utility) = described else {
                panic!("{described:?}");
            };
            let refused = bench.refusal("SET TRANSACTION READ ONLY", sql, "SELECT");
            let writes = utility_access(utility).value == Access::Write;
            assert_eq!(writes, refused.is_some(), "{sql}");
        }
    }
}

fn named(bench: &Bench, oid: Oid, columns: impl IntoIterator<Item = i16>) -> String {
    let relation = &bench.catalog.relations[&oid];
    let names: Vec<&str> = columns
        .into_iter()
        .map(|number| relation.column(number).unwrap().name.as_str())
        .collect();
    format!("{}({})", relation.name, names.join(" "))
}

/// Tables and columns read, and written.
const REACH: &[(&str, &[&str], &[&str])] = &[
    (
        "SELECT id, name FROM usr WHERE org_id = 1",
        &["usr(id name org_id)"],
        &[],
    ),
    ("SELECT count(*) FROM usr", &["usr()"], &[]),
    ("SELECT u FROM usr u", &["usr(id email name org_id)"], &[]),
    (
        "SELECT u.name, o.name FROM usr u JOIN org o ON o.id = u.org_id",
        &["usr(name org_id)", "org(id name)"],
        &[],
    ),
    (
        "SELECT name FROM usr NATURAL JOIN org",
        &["usr(id name)", "org(id name)"],
        &[],
    ),
    (
        "SELECT id FROM usr JOIN org USING (id) ORDER BY email",
        &["usr(id email)", "org(id)"],
        &[],
    ),
    ("SELECT name FROM usr_view", &["usr(id name org_id)"], &[]),
    (
        "SELECT id FROM usr WHERE EXISTS (SELECT FROM org WHERE org.id = usr.org_id)",
        &["usr(id org_id)", "org(id)"],
        &[],
    ),
    (
        "WITH c AS (SELECT email FROM usr) SELECT email FROM c",
        &["usr(email)"],
        &[],
    ),
    (
        "SELECT org_id, count(*) FROM usr GROUP BY org_id HAVING max(name) > 'a'",
        &["usr(name org_id)"],
        &[],
    ),
    (
        "INSERT INTO org (id, name) VALUES (1, 'x')",
        &[],
        &["insert org(id name)"],
    ),
    (
        "INSERT INTO org (id, name) VALUES (1, 'x') RETURNING id",
        &["org(id)"],
        &["insert org(id name)"],
    ),
    (
        "INSERT INTO org (id, name) SELECT id, email FROM usr",
        &["usr(id email)"],
        &["insert org(id name)"],
    ),
    (
        "INSERT INTO org (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE org.settings IS NULL",
        &["org(id settings)"],
        &["insert update org(id name)"],
    ),
    (
        "INSERT INTO parted (id, k) VALUES (1, 1)",
        &[],
        &["insert parted(id k)"],
    ),
    (
        "UPDATE usr SET name = 'x' WHERE id = 1",
        &["usr(id)"],
        &["update usr(name)"],
    ),
    (
        "UPDATE usr SET name = o.name FROM org o WHERE o.id = usr.org_id",
        &["usr(org_id)", "org(id name)"],
        &["update usr(name)"],
    ),
    (
        "UPDATE usr SET (name, email) = (SELECT name, name FROM org WHERE id = 1)",
        &["org(id name)"],
        &["update usr(email name)"],
    ),
    (
        "UPDATE plain_view SET name = 'x' WHERE id = 1",
        &["usr(id name)"],
        &["update usr(name)"],
    ),
    (
        "DELETE FROM usr WHERE id = 1",
        &["usr(id)"],
        &["delete usr()"],
    ),
    (
        "WITH gone AS (DELETE FROM usr RETURNING id) INSERT INTO log (id) SELECT id FROM gone",
        &["usr(id)"],
        &["delete usr()", "insert log(id)"],
    ),
    ("SELECT 1 AS a", &[], &[]),
];

#[test]
fn reach_names_tables_and_columns() {
    for mut bench in benches("prove_access", SCHEMA) {
        let mut wrong = Vec::new();
        for (sql, reads, writes) in REACH {
            let facts = bench.facts(sql);
            let sorted = |list: Vec<String>| -> BTreeMap<String, ()> {
                list.into_iter().map(|text| (text, ())).collect()
            };
            let found_reads = sorted(
                facts
                    .reads
                    .iter()
                    .map(|(oid, columns)| named(&bench, *oid, columns.iter().copied()))
                    .collect(),
            );
            let found_writes = sorted(
                facts
                    .writes
                    .iter()
                    .map(|(oid, write)| {
                        let mut text = String::new();
                        for (is, word) in [
                            (write.insert, "insert "),
                            (write.update, "update "),
                            (write.delete, "delete "),
                        ] {
                            if is {
                                text.push_str(word);
                            }
                        }
                        text + &named(&bench, *oid, write.columns.iter().copied())
                    })
                    .collect(),
            );
            let owned =
                |list: &[&str]| sorted(list.iter().map(|text| (*text).to_owned()).collect());
            if found_reads != owned(reads) || found_writes != owned(writes) {
                wrong.push(format!(
                    "{sql}\n  reads {:?}\n  writes {:?}",
                    found_reads.keys(),
                    found_writes.keys()
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
