//! What is said of the built-in functions, tried by calling them: on the version that is found and on those in the
//! directories of `SQLMILL_TEST_PG_DIRS`. Every function that is said never to return NULL is called with the odd values
//! of its types: empty, zero, infinite, not a number, NULL where NULL is said not to matter.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use sqlmill::catalog::{Catalog, Function, FunctionKind, Oid, read};
use sqlmill::prove::functions::{self, AggregateNull, ArrayElements, NullWhen, SetColumn};
use sqlmill::server::{Database, Options, Scratch, Server};
use sqlmill::wire::Connection;

/// Values of a type, by its name, without the cast.
const SAMPLES: &[(&str, &[&str])] = &[
    ("int2", &["0", "-1", "7", "32767"]),
    ("int4", &["0", "-1", "1", "3", "1000000"]),
    ("int8", &["0", "-1", "5", "9223372036854775807"]),
    ("float4", &["0", "'NaN'", "'Infinity'", "-2.5"]),
    ("float8", &["0", "'NaN'", "'-Infinity'", "1.5", "0.5"]),
    ("numeric", &["0", "'NaN'", "1.50", "-7", "'Infinity'"]),
    (
        "text",
        &[
            "''",
            "'a'",
            "'Abc def'",
            "'UTC'",
            "'[1,2]'",
            "'day'",
            "'UTF8'",
            "'pg_class'",
            "'hex'",
            "'SELECT'",
            "'NFC'",
        ],
    ),
    ("bpchar", &["''", "'a'", "'x y'"]),
    ("varchar", &["''", "'ab'"]),
    ("name", &["''", "'abc'", "'postgres'", "'LATIN1'"]),
    ("char", &["''", "'a'"]),
    ("bool", &["true", "false"]),
    ("bytea", &["''", "'\\x0102'"]),
    ("date", &["'infinity'", "'2020-01-31'", "'-infinity'"]),
    (
        "timestamp",
        &["'infinity'", "'2020-01-31 10:00'", "'-infinity'"],
    ),
    (
        "timestamptz",
        &["'infinity'", "'2020-01-31 10:00+02'", "'-infinity'"],
    ),
    ("time", &["'00:00'", "'24:00'"]),
    ("timetz", &["'00:00+01'"]),
    ("interval", &["'0'", "'1 day'", "'-3 months'"]),
    ("uuid", &["'00000000-0000-0000-0000-000000000000'"]),
    (
        "json",
        &["'null'", "'{}'", "'[]'", "'[1,null]'", "'{\"a\":null}'"],
    ),
    (
        "jsonb",
        &[
            "'null'",
            "'{}'",
            "'[]'",
            "'[1,null]'",
            "'{\"a\":null,\"b\":2}'",
            "'\"x\"'",
        ],
    ),
    ("jsonpath", &["'$'", "'$.a'", "'$[*]'", "'$.x == 1'"]),
    ("point", &["'(0,0)'", "'(1,NaN)'"]),
    ("lseg", &["'((0,0),(0,0))'", "'((0,0),(1,1))'"]),
    ("line", &["'{1,2,3}'", "'{0,1,0}'"]),
    ("box", &["'((0,0),(1,1))'", "'((5,5),(6,6))'"]),
    ("path", &["'[(0,0),(1,1)]'", "'((0,0),(1,1),(2,0))'"]),
    ("polygon", &["'((0,0),(1,1),(2,0))'", "'((0,0))'"]),
    ("circle", &["'<(0,0),1>'", "'<(5,5),0>'"]),
    ("inet", &["'10.0.0.1'", "'::1/64'"]),
    ("cidr", &["'10.0.0.0/8'", "'::/0'"]),
    ("macaddr", &["'08:00:2b:01:02:03'"]),
    ("macaddr8", &["'08:00:2b:ff:fe:03:04:05'"]),
    ("bit", &["'1'", "'0'"]),
    ("varbit", &["''", "'101'"]),
    ("money", &["'0'", "'-1.50'"]),
    ("oid", &["0", "1259", "10"]),
    ("regclass", &["'pg_class'"]),
    ("xid", &["'1'"]),
    ("xid8", &["'1'"]),
    ("cid", &["'1'"]),
    ("tid", &["'(0,1)'"]),
    ("oidvector", &["''", "'1 2'"]),
    ("pg_lsn", &["'0/0'", "'16/B374D848'"]),
    ("tsvector", &["''", "'a:1 b:2'"]),
    ("tsquery", &["''", "'a'", "'a & !b'"]),
    ("regconfig", &["'english'"]),
    ("regdictionary", &["'simple'"]),
    ("pg_snapshot", &["'10:20:10,14,15'"]),
    ("txid_snapshot", &["'10:20:10,14,15'"]),
    ("int4range", &["'empty'", "'[1,2)'"]),
    ("int8range", &["'empty'", "'(,)'"]),
    ("numrange", &["'empty'", "'[1,)'"]),
    ("daterange", &["'empty'"]),
    ("tsrange", &["'empty'"]),
    ("tstzrange", &["'empty'"]),
    ("_text", &["'{}'", "'{NULL}'", "'{a}'", "'{a,b}'"]),
    ("_int4", &["'{}'", "'{NULL,1}'", "'{1,2}'", "'{1}'"]),
    ("_float4", &["'{0.1,0.2,0.3,1}'"]),
    ("_float8", &["'{0.5}'"]),
    ("_bytea", &["'{}'"]),
    ("_name", &["'{}'"]),
    ("_oid", &["'{}'"]),
    ("_char", &["'{}'", "'{a}'"]),
    ("_int4range", &["'{}'", "'{empty}'"]),
    ("_int8range", &["'{}'"]),
    ("_numrange", &["'{}'"]),
    ("_daterange", &["'{}'"]),
    ("_tsrange", &["'{}'"]),
    ("_tstzrange", &["'{}'"]),
];

/// Values of a pseudo-type, whole.
const POLYMORPHIC: &[(&str, &[&str])] = &[
    (
        "anyarray",
        &["'{}'::int[]", "'{1,NULL}'::int[]", "'{{1},{2}}'::int[]"],
    ),
    ("anycompatiblearray", &["'{}'::int[]", "'{1,2}'::int[]"]),
    ("anyelement", &["1", "'a'::text", "row(1,null)"]),
    ("anynonarray", &["1", "'x'::text"]),
    ("anycompatible", &["1", "-1"]),
    ("anyenum", &["'x'::moods", "'y'::moods"]),
    (
        "anyrange",
        &[
            "'empty'::int4range",
            "'(,)'::int4range",
            "'[1,3)'::int4range",
        ],
    ),
    (
        "anymultirange",
        &[
            "'{}'::int4multirange",
            "'{(,)}'::int4multirange",
            "'{[1,3)}'::int4multirange",
        ],
    ),
    ("anycompatiblerange", &["'empty'::int4range"]),
    ("anycompatiblemultirange", &["'{}'::int4multirange"]),
    ("record", &["row(1,null)", "row(null,null)"]),
    ("any", &["1", "'x'::text"]),
];

/// Called alone they wait, need a sequence, or change what others see.
const NOT_CALLED: [&str; 12] = [
    "pg_sleep",
    "setval",
    "nextval",
    "currval",
    "lastval",
    "setseed",
    "set_config",
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_advisory_xact_lock",
    "pg_advisory_xact_lock_shared",
    "repeat",
];

struct Site {
    connection: Connection,
    catalog: Catalog,
    _database: Database,
    _scratch: Scratch,
}

fn sites() -> Vec<Site> {
    let mut binaries = vec![None];
    if let Some(more) = std::env::var_os("SQLMILL_TEST_PG_DIRS") {
        binaries.extend(std::env::split_paths(&more).map(Some));
    }
    binaries
        .into_iter()
        .map(|binaries| {
            let options = Options {
                binaries,
                cache: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("nullability"),
                ..Options::default()
            };
            let scratch = Server::start(&options).unwrap().load(&[], &[]).unwrap();
            let database = scratch.fresh_database().unwrap();
            let mut connection = database.connect().unwrap();
            connection
                .simple(
                    "SET client_min_messages = error;
                     CREATE TYPE moods AS ENUM ('x', 'y');
                     CREATE TABLE tried (what text, call text, said text);
                     -- What a call gives: NULL, something, or an error, which is neither.
                     CREATE FUNCTION try(what text, call text) RETURNS void LANGUAGE plpgsql AS $$
                     DECLARE is_null boolean;
                     BEGIN
                         EXECUTE call INTO is_null;
                         INSERT INTO tried VALUES
                             (what, call, CASE WHEN is_null THEN 'null' WHEN is_null IS NULL THEN 'none' ELSE 'value' END);
                     EXCEPTION WHEN OTHERS THEN
                         INSERT INTO tried VALUES (what, call, 'error');
                     END $$;",
                )
                .unwrap();
            let catalog = read::read(&mut connection).unwrap();
            Site {
                connection,
                catalog,
                _database: database,
                _scratch: scratch,
            }
        })
        .collect()
}

/// The names of the types, which the catalog has only as far as a schema uses them.
fn type_names(connection: &mut Connection) -> BTreeMap<Oid, String> {
    connection
        .simple("SELECT oid, typname FROM pg_type")
        .unwrap()
        .remove(0)
        .rows
        .into_iter()
        .map(|row| {
            let [Some(oid), Some(name)] = row.as_slice() else {
                panic!("{row:?}");
            };
            (oid.parse().unwrap(), name.clone())
        })
        .collect()
}

fn samples(name: &str) -> Vec<String> {
    if let Some((_, values)) = POLYMORPHIC.iter().find(|(found, _)| *found == name) {
        return values.iter().map(|value| (*value).to_owned()).collect();
    }
    let cast = match name.strip_prefix('_') {
        Some("char") => "\"char\"[]".to_owned(),
        Some(element) => format!("{element}[]"),
        None if name == "char" => "\"char\"".to_owned(),
        None => name.to_owned(),
    };
    SAMPLES
        .iter()
        .find(|(found, _)| *found == name)
        .map(|(_, values)| {
            values
                .iter()
                .map(|value| format!("({value})::{cast}"))
                .collect()
        })
        .unwrap_or_default()
}

fn null_of(name: &str) -> String {
    match name {
        "any" | "anynonarray" => "NULL::text".to_owned(),
        "anyelement" | "anycompatible" => "NULL::int".to_owned(),
        "anyarray" | "anycompatiblearray" => "NULL::int[]".to_owned(),
        _ => samples(name)
            .first()
            .and_then(|value| value.rsplit_once("::"))
            .map_or("NULL".to_owned(), |(_, cast)| format!("NULL::{cast}")),
    }
}

/// Combinations of arguments, not more than some; odd ones first as they come.
fn combinations(options: &[Vec<String>]) -> Vec<String> {
    const MOST: usize = 24;
    let all: usize = options.iter().map(Vec::len).product();
    let step = (all / MOST).max(1);
    (0..all)
        .step_by(step)
        .map(|mut number| {
            let mut args = Vec::new();
            for list in options {
                args.push(list[number % list.len()].clone());
                number /= list.len();
            }
            args.join(", ")
        })
        .collect()
}

fn arguments(
    function: &Function,
    names: &BTreeMap<Oid, String>,
    may_be_null: impl Fn(usize) -> bool,
) -> Vec<String> {
    let options: Vec<Vec<String>> = function
        .arguments
        .iter()
        .enumerate()
        .map(|(index, oid)| {
            let name = names.get(oid).map_or("", String::as_str);
            let mut values = samples(name);
            if may_be_null(index) {
                values.insert(0, null_of(name));
            }
            values
        })
        .collect();
    combinations(&options)
}

struct Attempt {
    what: String,
    call: String,
}

/// Makes the calls and gives those that were NULL, and for how many functions there was a value.
fn attempt(connection: &mut Connection, attempts: &[Attempt]) -> (Vec<String>, usize) {
    connection.simple("TRUNCATE tried").unwrap();
    for chunk in attempts.chunks(400) {
        let mut script = String::new();
        for Attempt { what, call } in chunk {
            let (what, call) = (what.replace('\'', "''"), call.replace('\'', "''"));
            write!(script, "SELECT try('{what}', '{call}');").unwrap();
        }
        connection.simple(&script).unwrap();
    }
    let nulls = connection
        .simple("SELECT call FROM tried WHERE said = 'null' ORDER BY 1")
        .unwrap()
        .remove(0)
        .rows
        .into_iter()
        .map(|row| row[0].clone().unwrap())
        .collect();
    let tried = connection
        .simple("SELECT count(DISTINCT what) FROM tried WHERE said = 'value'")
        .unwrap();
    (nulls, tried[0].first().unwrap().parse().unwrap())
}

#[test]
fn functions_that_are_said_to_give_values_do() {
    for mut site in sites() {
        let names = type_names(&mut site.connection);
        let mut attempts = Vec::new();
        let mut wanted = 0;
        for function in site.catalog.functions.values() {
            let name = &function.name;
            if !function.builtin || NOT_CALLED.contains(&name.as_str()) {
                continue;
            }
            let when = functions::null_when(function, false);
            if when == NullWhen::Unknown {
                continue;
            }
            wanted += 1;
            let what = format!("{name}{}", function.signature);
            let lists = match when {
                NullWhen::Never => vec![arguments(function, &names, |_| true)],
                NullWhen::First(count) => vec![arguments(function, &names, |index| index >= count)],
                // All but one.
                NullWhen::AllArguments => (0..function.arguments.len())
                    .map(|one| arguments(function, &names, |index| index != one))
                    .collect(),
                NullWhen::AnyArgument | NullWhen::Unknown => {
                    vec![arguments(function, &names, |_| false)]
                }
            };
            for args in lists.into_iter().flatten() {
                attempts.push(Attempt {
                    what: what.clone(),
                    call: format!("SELECT num_nulls(pg_catalog.\"{name}\"({args})) = 1"),
                });
            }
        }
        // One that does give NULL, to see that NULL is seen.
        let control = "SELECT num_nulls(pg_catalog.array_length('{}'::int[], 1)) = 1".to_owned();
        attempts.push(Attempt {
            what: "control".to_owned(),
            call: control.clone(),
        });
        let (nulls, tried) = attempt(&mut site.connection, &attempts);
        assert_eq!(nulls, [control], "{}", site.catalog.server_version);
        // The others gave errors only: privileges of objects that are not there and the like.
        assert!(
            tried > 1200 && tried * 100 > wanted * 90,
            "{tried} of {wanted} tried"
        );
    }
}

#[test]
fn aggregates_that_are_said_to_give_values_do() {
    for mut site in sites() {
        let names = type_names(&mut site.connection);
        let mut attempts = Vec::new();
        for function in site.catalog.functions.values() {
            let name = &function.name;
            let within_group = matches!(
                name.as_str(),
                "mode" | "percentile_cont" | "percentile_disc"
            );
            if !function.builtin || function.kind != FunctionKind::Aggregate || within_group {
                continue;
            }
            let what = format!("{name}{}", function.signature);
            // One row is the hardest: the statistics of a sample want two.
            let rows = match functions::aggregate_null(function) {
                AggregateNull::Unknown => continue,
                AggregateNull::Never => {
                    vec![("WHERE false", arguments(function, &names, |_| true))]
                }
                AggregateNull::NoRow => vec![("", arguments(function, &names, |_| true))],
                AggregateNull::NoValue(count) => {
                    vec![("", arguments(function, &names, |index| index >= count))]
                }
            };
            for (condition, list) in rows {
                for args in list {
                    let args = if args.is_empty() {
                        "*".to_owned()
                    } else {
                        args
                    };
                    attempts.push(Attempt {
                        what: what.clone(),
                        call: format!(
                            "SELECT num_nulls(pg_catalog.\"{name}\"({args})) = 1 FROM (SELECT 1) one {condition}"
                        ),
                    });
                }
            }
        }
        let (nulls, tried) = attempt(&mut site.connection, &attempts);
        assert!(
            nulls.is_empty(),
            "{}:\n{}",
            site.catalog.server_version,
            nulls.join("\n")
        );
        assert!(tried > 80, "{tried}");
    }
}

#[test]
fn sets_and_arrays_that_are_said_to_hold_values_do() {
    for mut site in sites() {
        let names = type_names(&mut site.connection);
        let mut attempts = Vec::new();
        for function in site.catalog.functions.values() {
            let name = &function.name;
            let what = format!("{name}{}", function.signature);
            if let Some(columns) = functions::set_columns(function) {
                let list: Vec<String> = (1..=columns.len()).map(|n| format!("c{n}")).collect();
                let never: Vec<&str> = columns
                    .iter()
                    .zip(&list)
                    .filter(|(column, _)| {
                        matches!(column, SetColumn::Never | SetColumn::ArrayOfMay)
                    })
                    .map(|(_, name)| name.as_str())
                    .collect();
                if never.is_empty() {
                    continue;
                }
                for args in arguments(function, &names, |_| false) {
                    // In a select list a long series is cut short.
                    let rows = if list.len() == 1 {
                        format!("SELECT pg_catalog.\"{name}\"({args}) AS c1 LIMIT 50")
                    } else {
                        format!(
                            "SELECT * FROM pg_catalog.\"{name}\"({args}) AS t ({})",
                            list.join(", ")
                        )
                    };
                    attempts.push(Attempt {
                        what: what.clone(),
                        call: format!(
                            "SELECT bool_or(num_nulls({}) > 0) FROM ({rows}) t",
                            never.join(", ")
                        ),
                    });
                }
            }
            if functions::array_elements(function) == ArrayElements::Never && !function.returns_set
            {
                for args in arguments(function, &names, |_| false) {
                    attempts.push(Attempt {
                        what: what.clone(),
                        call: format!(
                            "SELECT array_position(pg_catalog.\"{name}\"({args}), NULL) IS NOT NULL"
                        ),
                    });
                }
            }
        }
        let (nulls, tried) = attempt(&mut site.connection, &attempts);
        assert!(
            nulls.is_empty(),
            "{}:\n{}",
            site.catalog.server_version,
            nulls.join("\n")
        );
        assert!(tried > 20, "{tried}");
    }
}
