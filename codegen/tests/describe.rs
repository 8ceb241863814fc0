//! What servers say of statements, on every version that is at hand: the one that is found, and those in the directories
//! of `SQLMILL_TEST_PG_DIRS`.
//!
//! `node_text/<version>.txt` keeps the trees of `node_text/statements.sql`, so that every version's text is read by every
//! run. `UPDATE_EXPECT=1` writes them anew for the versions at hand.

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
                Server::start(&options).unwrap().load(&[]).unwrap()
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
