//! What `pg_dump -s` writes is split into statements that load, one by one, into the same schema.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;

use std::process::Stdio;

use cluster::Cluster;
use sqlmill::schema;
use sqlmill::source::Sources;
use sqlmill::wire::Connection;

/// What makes a splitter stumble.
const SCHEMA: &str = r#"
CREATE SCHEMA "odd;name";
CREATE TABLE "odd;name"."it's" (a text DEFAULT 'x;''y' COLLATE "C", "b;" int[] DEFAULT '{1,2}', CHECK (a <> E'\';'));
COMMENT ON TABLE "odd;name"."it's" IS E'a \\ b; ''c''
-- not a comment
\\. not the end of data
\\connect nowhere';
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, note text);
CREATE TABLE plain (id int PRIMARY KEY, n int);
CREATE FUNCTION modern(a int) RETURNS int LANGUAGE sql
BEGIN ATOMIC
    SELECT CASE WHEN a > 1 THEN CASE a WHEN 2 THEN 3 END ELSE 4 END;
    SELECT count(*)::int FROM plain;
END;
CREATE FUNCTION one_line(a int) RETURNS int LANGUAGE sql RETURN a + 1;
CREATE PROCEDURE nothing() LANGUAGE sql BEGIN ATOMIC END;
CREATE FUNCTION old() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    -- it's; $$ inside $$
    NEW.n := COALESCE(NEW.n, 0); RETURN NEW;
END
$body$;
CREATE TRIGGER stamp BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION old();
CREATE RULE twice AS ON INSERT TO plain DO ALSO (INSERT INTO log (note) VALUES ('a;'); DELETE FROM log WHERE id < 0; );
CREATE VIEW shown AS SELECT "b;"[1:2] AS part, a || ';' AS text FROM "odd;name"."it's";
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE TYPE mood AS ENUM ('sad;', 'it''s');
CREATE DOMAIN short AS text CHECK (VALUE ~ '^[^;]{1,3}$');
CREATE ROLE reader;
GRANT SELECT ON plain TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE reader GRANT SELECT ON TABLES TO PUBLIC;
CREATE POLICY own ON plain TO reader USING (n > 0);
"#;

fn load(connection: &mut Connection, path: &str, text: &str) {
    let mut sources = Sources::default();
    let file = sources.add(path, text);
    let (statements, found) = schema::split(&sources, file);
    assert!(found.is_empty(), "{found:?}");
    for statement in statements {
        if let Err(error) = connection.simple(statement.value) {
            panic!("{path}: {error}\n{}", statement.value);
        }
    }
}

/// `None` where no `pg_dump` of this machine dumps such a server: some packages of servers come without it, and an older
/// one refuses.
fn dump(cluster: &Cluster, database: &str) -> Option<String> {
    let sqlmill::wire::Address::SocketDirectory(directory) = cluster.target().address else {
        panic!("the cluster has a socket");
    };
    let output = cluster
        .client("pg_dump")
        .args(["-s", "-U", "postgres", "-d", database, "-h"])
        .arg(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    if complaint.contains("server version mismatch") {
        eprintln!("left out: {complaint}");
        return None;
    }
    assert!(output.status.success(), "{complaint}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// `\restrict` lines carry a random word.
fn lines(dump: &str) -> impl Iterator<Item = &str> {
    dump.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
}

/// The comment above each object.
fn objects(dump: &str) -> Vec<&str> {
    dump.lines()
        .filter(|line| line.starts_with("-- Name: "))
        .collect()
}

#[test]
fn a_dump_loads_into_the_schema_that_it_is_of() {
    let cluster = Cluster::trusting();
    let mut admin = cluster.connect();
    admin.simple("CREATE DATABASE first").unwrap();
    admin.simple("CREATE DATABASE second").unwrap();
    admin.simple("CREATE DATABASE third").unwrap();
    let connect =
        |database: &str| Connection::connect(&cluster.target().with_database(database)).unwrap();

    let domain = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema.sql");
    let mut first = connect("first");
    load(
        &mut first,
        "schema.sql",
        &std::fs::read_to_string(domain).unwrap(),
    );
    load(&mut first, "odd.sql", SCHEMA);
    let Some(dumped) = dump(&cluster, "first") else {
        return;
    };
    for part in [
        "BEGIN ATOMIC",
        "DO ( INSERT INTO",
        "\\. not the end of data",
        "CREATE TABLE public.users",
    ] {
        assert!(dumped.contains(part), "the dump lacks {part}");
    }

    load(&mut connect("second"), "dump.sql", &dumped);
    let second = dump(&cluster, "second").unwrap();
    assert_eq!(objects(&second), objects(&dumped));
    // PostgreSQL prints some expressions in another form once they were printed; after that they stay.
    load(&mut connect("third"), "second.sql", &second);
    let third = dump(&cluster, "third").unwrap();
    assert_eq!(third.lines().count(), second.lines().count());
    for (left, right) in lines(&third).zip(lines(&second)) {
        assert_eq!(left, right);
    }
}
