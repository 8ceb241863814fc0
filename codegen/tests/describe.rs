//! What servers say of statements, on every version that is at hand: the one that is found, and those in the directories
//! of `SQLMILL_TEST_PG_DIRS`.
//!
//! `node_text/<version>.txt` keeps the trees of `node_text/statements.sql`, so that every version's text is read by every
//! run. `UPDATE_EXPECT=1` writes them anew for the versions at hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::frontend;
use sqlmill::catalog::{Catalog, Domain, Oid, Type, TypeKind};
use sqlmill::describe::pass::{describe, describe_with_types};
use sqlmill::describe::tree::{Command, Expr, Query, RteKind};
use sqlmill::describe::{Described, Statement, lower, node};
use sqlmill::server::{Database, Options, Scratch, Server};
use sqlmill::wire::{Connection, Message};

/// A version and a database of its own with the schema of `node_text/schema.sql`.
struct Case {
    major: u32,
    connection: Connection,
    catalog: Catalog,
    _database: Database,
}

/// One per version at hand.
fn cases() -> Vec<Case> {
    static SERVERS: OnceLock<Vec<Scratch>> = OnceLock::new();
    let servers = SERVERS.get_or_init(|| {
        let mut found = vec![None];
        if let Some(more) = std::env::var_os("SQLMILL_TEST_PG_DIRS") {
            found.extend(std::env::split_paths(&more).map(Some));
        }
        found
            .into_iter()
            .map(|binaries| {
                let options = Options {
                    binaries,
                    cache: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("describe"),
                    ..Options::default()
                };
                Server::start(&options).unwrap().load(&[], &[]).unwrap()
            })
            .collect()
    });
    servers
        .iter()
        .map(|server| {
            let database = server.fresh_database().unwrap();
            let mut connection = database.connect().unwrap();
            connection.simple(&fixture("schema.sql")).unwrap();
            let catalog = catalog(&mut connection);
            Case {
                major: catalog.server_version / 10000,
                connection,
                catalog,
                _database: database,
            }
        })
        .collect()
}

/// As much of the catalog as describing needs.
fn catalog(connection: &mut Connection) -> Catalog {
    let rows = connection
        .simple(
            "SELECT current_setting('server_version_num');
             SELECT oid, typname, typbasetype FROM pg_type WHERE typtype = 'd'",
        )
        .unwrap();
    let mut catalog = Catalog {
        server_version: rows[0].first().unwrap().parse().unwrap(),
        search_path: vec!["public".to_owned()],
        ..Catalog::default()
    };
    for row in &rows[1].rows {
        let [Some(oid), Some(name), Some(base)] = row.as_slice() else {
            panic!("{row:?}");
        };
        let oid: Oid = oid.parse().unwrap();
        catalog.types.insert(
            oid,
            Type {
                oid,
                schema: "public".to_owned(),
                name: name.clone(),
                kind: TypeKind::Domain(Domain {
                    base: base.parse().unwrap(),
                    type_mod: -1,
                    not_null: false,
                    has_default: false,
                    checks: Vec::new(),
                }),
                array_oid: None,
                has_binary: true,
                comment: None,
            },
        );
    }
    catalog
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node_text")
}

fn fixture(name: &str) -> String {
    std::fs::read_to_string(directory().join(name)).unwrap()
}

struct Sample {
    name: String,
    from: u32,
    sql: String,
}

fn samples() -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    for line in fixture("statements.sql").lines().skip(1) {
        if let Some(head) = line.strip_prefix("-- ") {
            let (name, from) = head.split_once(' ').unwrap_or((head, "0"));
            samples.push(Sample {
                name: name.to_owned(),
                from: from.parse().unwrap(),
                sql: String::new(),
            });
        } else if let Some(sample) = samples.last_mut() {
            sample.sql.push_str(line);
        }
    }
    assert!(samples.len() > 50);
    samples
}

/// The tree of a statement as the server sends it, without any reading of ours.
fn raw_tree(connection: &mut Connection, sql: &str) -> Vec<u8> {
    let mut out = BytesMut::new();
    frontend::parse("", sql, [], &mut out).unwrap();
    frontend::sync(&mut out);
    let mut tree = None;
    connection
        .pipeline(&out, 1, |message| {
            match message {
                Message::NoticeResponse(body) => {
                    let mut fields = body.fields();
                    while let Some(field) = fields.next().unwrap() {
                        if field.type_() == b'D' {
                            tree = Some(field.value_bytes().to_vec());
                        }
                    }
                }
                Message::ErrorResponse(body) => {
                    let error = sqlmill::wire::server_error(body.fields(), sql).unwrap();
                    panic!("{sql}: {error:?}");
                }
                _ => {}
            }
            Ok(())
        })
        .unwrap();
    tree.unwrap()
}

/// `== name` before each tree.
fn parse_trees(text: &str) -> BTreeMap<String, String> {
    text.split("== ")
        .skip(1)
        .map(|block| {
            let (name, tree) = block.split_once('\n').unwrap();
            (name.to_owned(), tree.to_owned())
        })
        .collect()
}

#[test]
fn the_kept_trees_are_what_servers_send_today() {
    for mut case in cases() {
        case.connection
            .simple("SET client_min_messages = log; SET debug_pretty_print = off; SET debug_print_rewritten = on")
            .unwrap();
        let mut text = String::new();
        for sample in samples() {
            if sample.from <= case.major {
                let tree = raw_tree(&mut case.connection, &sample.sql);
                text.push_str(&format!("== {}\n", sample.name));
                text.push_str(&String::from_utf8(tree).unwrap());
            }
        }
        let path = directory().join(format!("{}.txt", case.major));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        // Oids and the like differ between minor versions; the kinds and the fields do not.
        assert_eq!(shape(&kept), shape(&text), "version {}", case.major);
    }
}

fn shape(text: &str) -> BTreeMap<String, Vec<String>> {
    parse_trees(text)
        .into_iter()
        .map(|(name, tree)| {
            let tree = node::unwrap_lines(tree.as_bytes());
            let words = tree
                .split_whitespace()
                .map(|word| word.trim_start_matches(['(', ')', '{', '}']))
                .filter(|word| {
                    word.starts_with(|first: char| first == ':' || first.is_ascii_uppercase())
                })
                .map(str::to_owned)
                .collect();
            (name, words)
        })
        .collect()
}

#[test]
fn every_version_s_trees_are_read_and_nothing_in_them_is_unknown() {
    let mut versions = 0;
    for major in 14..=18 {
        let trees = parse_trees(&fixture(&format!("{major}.txt")));
        let expected: Vec<String> = samples()
            .into_iter()
            .filter(|sample| sample.from <= major)
            .map(|sample| sample.name)
            .collect();
        assert_eq!(trees.len(), expected.len(), "version {major}");
        for (name, tree) in trees {
            let text = node::unwrap_lines(tree.as_bytes());
            let queries =
                lower::queries(&text).unwrap_or_else(|error| panic!("{major} {name}: {error}"));
            let shown = format!("{queries:?}");
            for word in ["Other", "Unknown", "PARAM_EXEC"] {
                // The comparison in `x IN (SELECT …)` points at the subquery's columns, `SET (a, b) = (SELECT …)` too.
                let shown = shown
                    .replace("Other { kind: \"PARAM_SUBLINK\"", "")
                    .replace("Other { kind: \"PARAM_MULTIEXPR\"", "")
                    .replace("kind: IsUnknown", "");
                if let Some(at) = shown.find(word) {
                    let end = (at + 80).min(shown.len());
                    panic!("{major} {name}: {}", &shown[at..end]);
                }
            }
        }
        versions += 1;
    }
    assert_eq!(versions, 5);
}

fn statement(described: &Described) -> &Statement {
    match described {
        Described::Statement(statement) => statement,
        other => panic!("{other:?}"),
    }
}

fn only(described: &Described) -> &Query {
    match statement(described).queries.as_slice() {
        [query] => query,
        other => panic!("{} queries", other.len()),
    }
}

#[test]
fn every_sample_is_described_and_planned() {
    for mut case in cases() {
        let samples: Vec<Sample> = samples()
            .into_iter()
            .filter(|sample| sample.from <= case.major)
            .collect();
        let statements: Vec<&str> = samples.iter().map(|sample| &*sample.sql).collect();
        let described = describe(&mut case.connection, &case.catalog, &statements).unwrap();
        assert_eq!(described.len(), samples.len());
        for (sample, described) in samples.iter().zip(&described) {
            let statement = statement(described);
            let refused = statement.plan_error.as_ref().map(|error| &*error.code);
            // The view has a LEFT JOIN, which FOR UPDATE reaches.
            let expected = (sample.name == "view").then_some("0A000");
            assert_eq!(refused, expected, "{} {}", case.major, sample.name);
            // The columns that the server announces are those of the query that answers.
            let answering: Vec<&Query> = statement
                .queries
                .iter()
                .filter(|query| query.can_set_tag)
                .collect();
            match answering.as_slice() {
                [] => assert!(statement.columns.is_empty()),
                [query] => {
                    let names: Vec<&str> = query
                        .visible_targets()
                        .map(|target| target.name.as_deref().unwrap_or("?column?"))
                        .collect();
                    let announced: Vec<&str> = statement
                        .columns
                        .iter()
                        .map(|column| &*column.name)
                        .collect();
                    assert_eq!(names, announced, "{} {}", case.major, sample.name);
                }
                _ => panic!("{}", sample.name),
            }
        }
    }
}

#[test]
fn types_columns_and_relations_come_out_the_same_on_every_version() {
    for mut case in cases() {
        let sql = "SELECT a.name AS who, $1 + 1 FROM authors a WHERE a.id = $2";
        let described = describe(&mut case.connection, &case.catalog, &[sql]).unwrap();
        let statement = statement(&described[0]);
        assert_eq!(statement.params, [23, 23]);
        let names: Vec<&str> = statement
            .columns
            .iter()
            .map(|column| &*column.name)
            .collect();
        assert_eq!(names, ["who", "?column?"]);
        assert_eq!(statement.columns[0].type_oid, 25);
        assert_eq!(statement.columns[1].table, 0);
        let query = only(&described[0]);
        assert_eq!(query.command, Command::Select);
        assert!(query.can_set_tag);

        let authors = query.rte(1).unwrap();
        assert_eq!((authors.name.as_str(), authors.aliased), ("a", true));
        assert_eq!(authors.column_names, ["id", "name", "title"]);
        assert_eq!(authors.selected, [1, 2], "version {}", case.major);
        let RteKind::Subquery {
            query: inner,
            view: Some(view),
            ..
        } = &authors.kind
        else {
            panic!("version {}: {:?}", case.major, authors.kind);
        };
        assert_eq!(statement.columns[0].table, *view);

        // The view in the view, and the base tables below with what is read of them.
        let living = inner
            .rtable
            .iter()
            .find(|entry| entry.in_from && entry.name == "u")
            .unwrap();
        let RteKind::Subquery {
            query: innermost,
            view: Some(_),
            ..
        } = &living.kind
        else {
            panic!("version {}: {:?}", case.major, living.kind);
        };
        let users = innermost.rtable.iter().find(|entry| entry.in_from).unwrap();
        assert!(matches!(
            users.kind,
            RteKind::Relation {
                relkind: 'r',
                inherits: true,
                ..
            }
        ));
        assert_eq!(users.selected, [1, 2, 3, 9], "version {}", case.major);
    }
}

#[test]
fn what_is_written_is_seen() {
    for mut case in cases() {
        let described = describe(
            &mut case.connection,
            &case.catalog,
            &[
                "UPDATE users SET name = $1 WHERE id = $2 RETURNING id",
                "INSERT INTO posts (author, title) VALUES ($1, $2)",
                "INSERT INTO users (mail) VALUES ($1)",
                "INSERT INTO ruled VALUES (1, 'x')",
                "UPDATE ruled SET note = 'x'",
                "DELETE FROM ruled",
                "SELECT users FROM users",
            ],
        )
        .unwrap();
        let update = only(&described[0]);
        let target = update.rte(update.result_relation).unwrap();
        assert_eq!((&*target.updated, &*target.selected), (&[3][..], &[1][..]));
        assert_eq!(statement(&described[0]).params, [25, 23]);

        let insert = only(&described[1]);
        let target = insert.rte(insert.result_relation).unwrap();
        assert_eq!(
            (&*target.inserted, &*target.selected),
            (&[2, 3][..], &[][..])
        );

        let email = case
            .catalog
            .types
            .values()
            .find(|found| found.name == "email")
            .unwrap();
        assert_eq!(statement(&described[2]).params, [email.oid]);

        let commands = |at: usize| -> Vec<(Command, bool)> {
            statement(&described[at])
                .queries
                .iter()
                .map(|query| (query.command, query.can_set_tag))
                .collect()
        };
        assert_eq!(
            commands(3),
            [(Command::Insert, true), (Command::Insert, false)]
        );
        assert_eq!(
            commands(4),
            [(Command::Utility, false), (Command::Update, true)]
        );
        assert_eq!(commands(5), []);
        let whole = only(&described[6]);
        assert_eq!(whole.rte(1).unwrap().selected, [0]);
    }
}

#[test]
fn locations_are_places_in_the_text_that_was_sent() {
    for mut case in cases() {
        let sql = "SELECT 'äöü', $1::text FROM users u LEFT JOIN posts p ON p.author = u.id WHERE u.name = $2";
        let described = describe(&mut case.connection, &case.catalog, &[sql]).unwrap();
        let query = only(&described[0]);
        let Some(Expr::Op(quals)) = &query.join_tree.quals else {
            panic!("{query:?}");
        };
        let [Expr::Var(name), Expr::Param(param)] = quals.args.as_slice() else {
            panic!("{quals:?}");
        };
        let rest = |at: Option<u32>| &sql[at.unwrap() as usize..];
        assert_eq!(rest(name.location), "u.name = $2");
        assert_eq!(rest(quals.location), "= $2");
        assert_eq!(rest(param.location), "$2");
    }
}

#[test]
fn refusals_name_their_place_and_the_others_are_described() {
    for mut case in cases() {
        let statements = [
            "SELECT 'ä', nothing FROM users",
            "SELECT 1",
            "SELEC 1",
            "",
            "SELECT 1; SELECT 2",
            "SELECT $1",
            "SELECT \0",
            "SELECT count(*) FROM posts -- a comment at the end",
            "SELECT 1 /* a comment */",
        ];
        let described = describe(&mut case.connection, &case.catalog, &statements).unwrap();
        let error = |at: usize| match &described[at] {
            Described::Refused(error) => error,
            other => panic!("{at}: {other:?}"),
        };
        assert_eq!(error(0).code, "42703");
        assert_eq!(
            &statements[0][error(0).position.unwrap()..],
            "nothing FROM users"
        );
        assert_eq!(error(2).code, "42601");
        assert_eq!(error(2).position, Some(0));
        assert_eq!(error(4).code, "42601");
        assert_eq!(statement(&described[5]).params, [25]);
        assert!(error(6).message.contains("NUL"));
        for at in [1, 5, 7, 8] {
            assert_eq!(statement(&described[at]).plan_error, None, "{at}");
        }
        assert_eq!(error(3).message, "there is no statement");
    }
}

#[test]
fn what_parses_but_cannot_be_planned_is_found_out() {
    for mut case in cases() {
        let statements = [
            "INSERT INTO posts (author, title) VALUES ($1, 'ä') ON CONFLICT (title) DO NOTHING",
            "SELECT u.id FROM users u LEFT JOIN posts p ON p.author = u.id FOR UPDATE OF p -- 'ä'",
            "INSERT INTO users (mail) VALUES ($1)",
            "SELECT 1 / 0",
        ];
        let described = describe(&mut case.connection, &case.catalog, &statements).unwrap();
        let codes: Vec<Option<&str>> = described
            .iter()
            .map(|described| {
                statement(described)
                    .plan_error
                    .as_ref()
                    .map(|error| &*error.code)
            })
            .collect();
        assert_eq!(
            codes,
            [Some("42P10"), Some("0A000"), None, Some("22012")],
            "version {}",
            case.major
        );
    }
}

#[test]
fn utility_statements_are_told_apart() {
    for mut case in cases() {
        let statements = [
            "CALL act($1)",
            "TRUNCATE users",
            "EXPLAIN SELECT * FROM users WHERE id = 1",
            "SHOW work_mem",
            "CREATE TABLE made AS SELECT 1 AS one",
            "SELECT 1 AS one INTO made",
            "DECLARE c CURSOR FOR SELECT 1",
            "REFRESH MATERIALIZED VIEW nothing",
            "NOTIFY x",
            "LISTEN x",
            "BEGIN",
            "SET work_mem = '1MB'",
            "COPY users TO STDOUT",
            "LOCK TABLE users",
            "DO $$ BEGIN END $$",
            "VALUES (1)",
            "TABLE users",
        ];
        let described = describe(&mut case.connection, &case.catalog, &statements).unwrap();
        let shown: Vec<(&str, usize)> = described
            .iter()
            .map(|described| match described {
                Described::Utility(utility) => (&*utility.command, utility.columns.len()),
                Described::Statement(statement) => ("", statement.columns.len()),
                Described::Refused(error) => panic!("{error:?}"),
                Described::Unasked => panic!("it was asked"),
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("CALL", 1),
                ("TRUNCATE", 0),
                ("EXPLAIN", 1),
                ("SHOW", 1),
                ("CREATE", 0),
                ("SELECT", 0),
                ("DECLARE", 0),
                ("REFRESH", 0),
                ("NOTIFY", 0),
                ("LISTEN", 0),
                ("BEGIN", 0),
                ("SET", 0),
                ("COPY", 0),
                ("LOCK", 0),
                ("DO", 0),
                ("", 1),
                ("", 9),
            ],
            "version {}",
            case.major
        );
        let tables = case
            .connection
            .simple("SELECT count(*) FROM pg_class WHERE relname = 'made'")
            .unwrap();
        assert_eq!(tables[0].first(), Some("0"));
    }
}

#[test]
fn declared_types_are_used_and_zeros_are_inferred() {
    for mut case in cases() {
        let statements = ["SELECT $1, $2 + 1", "SELECT $1"];
        let described = describe_with_types(
            &mut case.connection,
            &case.catalog,
            &statements,
            &[vec![1184, 0]],
        )
        .unwrap();
        assert_eq!(statement(&described[0]).params, [1184, 23]);
        assert_eq!(statement(&described[0]).plan_error, None);
        assert_eq!(statement(&described[1]).params, [25]);
    }
}

#[test]
fn nothing_is_executed_and_the_session_is_left_as_it_was() {
    for mut case in cases() {
        case.connection
            .simple(
                "CREATE SEQUENCE counter;
                 CREATE FUNCTION bump() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT nextval('counter') $$;",
            )
            .unwrap();
        let before = settings(&mut case.connection);
        let described = describe(
            &mut case.connection,
            &case.catalog,
            &[
                "SELECT nextval('counter')",
                "INSERT INTO log VALUES ('x')",
                "SELECT count(*) FROM posts WHERE id < bump()",
                "WITH w AS (DELETE FROM log RETURNING note) SELECT * FROM w",
            ],
        )
        .unwrap();
        // The estimate calls what calls itself stable, and the read-only transaction stops it.
        let planned: Vec<Option<&str>> = described
            .iter()
            .map(|described| {
                statement(described)
                    .plan_error
                    .as_ref()
                    .map(|error| &*error.code)
            })
            .collect();
        assert_eq!(planned[..2], [None, None]);
        let rows = case
            .connection
            .simple("SELECT is_called FROM counter; SELECT count(*) FROM log")
            .unwrap();
        assert_eq!(rows[0].first(), Some("f"));
        assert_eq!(rows[1].first(), Some("0"));
        assert_eq!(settings(&mut case.connection), before);
        case.connection
            .simple("INSERT INTO log VALUES ('y')")
            .unwrap();
        assert_eq!(case.connection.take_notices(), []);
    }
}

fn settings(connection: &mut Connection) -> Vec<Vec<Option<String>>> {
    let mut rows = connection
        .simple("SELECT name, setting FROM pg_settings WHERE name NOT IN ('search_path', 'log_min_messages') ORDER BY 1")
        .unwrap();
    rows.remove(0).rows
}

#[test]
fn names_mean_what_they_mean_on_the_pinned_path() {
    for mut case in cases() {
        case.connection
            .simple(
                "CREATE SCHEMA \"O'Neil, \"\"x\"\"\";
                 CREATE TABLE \"O'Neil, \"\"x\"\"\".log (other int)",
            )
            .unwrap();
        let on_public = describe(&mut case.connection, &case.catalog, &["TABLE log"]).unwrap();
        case.catalog.search_path = vec!["O'Neil, \"x\"".to_owned(), "public".to_owned()];
        let on_other = describe(&mut case.connection, &case.catalog, &["TABLE log"]).unwrap();
        assert_eq!(statement(&on_public[0]).columns[0].name, "note");
        assert_eq!(statement(&on_other[0]).columns[0].name, "other");
    }
}

#[test]
fn trees_of_any_size_arrive_whole_and_too_deep_ones_are_refused() {
    for mut case in cases() {
        case.connection
            .simple("SET max_stack_depth = '6MB'")
            .unwrap();
        let wide = (0..10_000)
            .map(|number| format!("id = {number}"))
            .collect::<Vec<_>>()
            .join(" OR ");
        let wide = format!("SELECT id FROM users WHERE {wide}");
        let deep = format!("SELECT {}'x'", "'a' || ".repeat(4000));
        let unions = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(6_000));
        let some_unions = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(1_000));
        let statements = [&*wide, &*deep, &*unions, &*some_unions];
        let described = describe(&mut case.connection, &case.catalog, &statements).unwrap();
        let query = only(&described[0]);
        assert!(matches!(&query.join_tree.quals, Some(Expr::Or(args, _)) if args.len() == 10_000));
        for at in [1, 2] {
            let Described::Refused(error) = &described[at] else {
                panic!();
            };
            assert_eq!(error.code, "54001", "{error:?}");
        }
        assert_eq!(only(&described[3]).rtable.len(), 1_001);
    }
}

#[test]
fn garbled_trees_are_errors_and_never_panics() {
    let mut random = Random(0x5eed);
    let (mut read, mut refused) = (0, 0);
    for major in 14..=18 {
        for (_, tree) in parse_trees(&fixture(&format!("{major}.txt"))) {
            for _ in 0..6 {
                let mut bytes = tree.clone().into_bytes();
                for _ in 0..=random.below(3) {
                    garble(&mut bytes, &mut random);
                }
                match lower::queries(&node::unwrap_lines(&bytes)) {
                    Ok(_) => read += 1,
                    Err(_) => refused += 1,
                }
            }
        }
    }
    // Some hit a constant's byte or a location and leave a tree that can be read.
    assert!(read > 100, "{read} read");
    assert!(refused > 1000, "{refused} refused");
}

fn garble(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(40)).min(bytes.len());
    match random.below(6) {
        0 => bytes.truncate(at.max(1)),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        3 => bytes[at] = b"(){}<>:\\\"[] \n-9z\xff\xc3"[random.below(18)],
        4 => {
            let digits = bytes[at..end].iter().position(u8::is_ascii_digit);
            if let Some(digit) = digits {
                bytes.splice(at + digit..=at + digit, *b"-99999999999");
            }
        }
        _ => bytes[at..end].reverse(),
    }
}

/// xorshift64
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }
}

#[test]
fn what_is_just_not_too_deep_can_be_read_and_dropped_on_any_thread() {
    for mut case in cases() {
        let concatenated = |terms: usize| format!("SELECT {}$1", "'a' || ".repeat(terms));
        let (fits, too_deep) = (concatenated(2_490), concatenated(2_510));
        let statements = [&*fits, &*too_deep];
        let described = describe(&mut case.connection, &case.catalog, &statements).unwrap();
        assert_eq!(only(&described[0]).targets.len(), 1);
        assert!(matches!(&described[1], Described::Refused(error) if error.code == "54001"));
    }
}

#[test]
fn index_predicates_and_expressions_are_read() {
    for mut case in cases() {
        let rows = case
            .connection
            .simple(
                "CREATE UNIQUE INDEX partial ON users (lower(name), (id + 1)) WHERE deleted_at IS NULL AND mood = 'glad';
                 SELECT indpred, indexprs FROM pg_index WHERE indexrelid = 'partial'::regclass",
            )
            .unwrap();
        let [Some(predicate), Some(expressions)] = rows[1].rows[0].as_slice() else {
            panic!("{rows:?}");
        };
        let predicate = lower::expression(predicate).unwrap();
        assert!(
            matches!(&predicate, Expr::And(args, _) if matches!(args.as_slice(), [Expr::NullTest { .. }, Expr::Op(_)])),
            "{predicate:?}"
        );
        let expressions = lower::expressions(expressions).unwrap();
        assert!(matches!(
            expressions.as_slice(),
            [Expr::Func(_), Expr::Op(_)]
        ));
    }
}
