//! Models written by hand, as text: rustfmt has nothing to change, and the text says what the model says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says that it failed by panicking"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use sqlmill::emit::{Files, emit};
use sqlmill::manifest::Manifest;
use sqlmill::model::*;

/// rustfmt's own output for the text, with its default style.
fn rustfmt(text: &str) -> String {
    let mut child = Command::new("rustfmt")
        .args([
            "--edition",
            "2024",
            "--style-edition",
            "2024",
            "--config",
            "newline_style=Unix",
        ])
        // Standard input has no directory in which `mod` could be looked for.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "rustfmt refuses:\n{text}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn assert_formatted(files: &Files) {
    for (path, text) in files {
        if !path.ends_with(".rs") {
            continue;
        }
        let formatted = rustfmt(text);
        let difference = text
            .lines()
            .zip(formatted.lines())
            .find(|(ours, theirs)| ours != theirs);
        assert!(
            *text == formatted,
            "{path}: ours and rustfmt's differ first at {difference:#?}\n{text}"
        );
    }
}

fn slot(ty: RustType, nullable: bool) -> Slot {
    Slot { ty, nullable }
}

fn value(name: &str, sql_type: &str, ty: RustType, nullable: bool) -> Value {
    Value {
        name: name.into(),
        field: name.into(),
        sql_type: sql_type.into(),
        spelled: sql_type.into(),
        slot: slot(ty, nullable),
        nullable,
        reason: if nullable {
            "may be null: the column allows it".into()
        } else {
            "declared NOT NULL".into()
        },
        as_declared: false,
        elements_reason: None,
        comment: None,
    }
}

fn field(value: &Value) -> Field {
    Field {
        name: value.field.clone(),
        slot: value.slot.clone(),
        docs: vec![],
    }
}

fn structure(name: &str, values: &[Value], borrows: bool) -> Struct {
    Struct {
        name: name.into(),
        docs: vec![],
        of: vec![],
        fields: values.iter().map(field).collect(),
        derives: vec![],
        attributes: vec![],
        varies: None,
        borrowed_attributes: vec![],
        borrows,
        nested: false,
        within: None,
        keys: Vec::new(),
    }
}

/// A query with its own structs where it needs any.
fn query(name: &str, pascal: &str, inputs: Vec<Value>, outputs: Vec<Value>) -> Query {
    let param_borrows = inputs.iter().any(|value| value.slot.ty.param_borrows());
    let row_borrows = outputs.iter().any(|value| value.slot.ty.row_borrows());
    let own = |name: String, borrows| StructName {
        name,
        home: Home::Module,
        borrows,
    };
    let row_name = format!("{pascal}Row");
    Query {
        name: name.into(),
        written: name.into(),
        file: "queries/users.sql".into(),
        line: 3,
        docs: vec!["What the author said.".into()],
        attributes: vec![],
        sql: "SELECT id, email\nFROM users\nWHERE id = $1".into(),
        texts: None,
        bulk: None,
        arrays: Vec::new(),
        copied: None,
        handle: Handle::Reader,
        cardinality: Cardinality::AtMostOne,
        cardinality_reason: "`users.id` is the primary key".into(),
        access: Access::Read,
        access_reason: "no part of it writes".into(),
        shared: true,
        timeout_ms: None,
        params: match inputs.len() {
            0 => Params::None,
            1 => Params::One,
            _ => Params::Struct {
                name: own(pascal.into(), param_borrows),
                reordered: false,
                documented: false,
            },
        },
        result: match outputs.len() {
            0 => QueryResult::Affected,
            1 => QueryResult::Scalar,
            _ => QueryResult::Struct(own(row_name.clone(), row_borrows)),
        },
        reads: BTreeMap::from([("users".into(), vec!["id".into(), "email".into()])]),
        writes: BTreeMap::new(),
        violations: vec![],
        order: vec![],
        order_total: false,
        pages: None,
        waivers: vec![],
        held: vec![],
        declares: Declares {
            params: (inputs.len() > 1).then(|| structure(pascal, &inputs, param_borrows)),
            row: (outputs.len() > 1).then(|| structure(&row_name, &outputs, row_borrows)),
            nested: Vec::new(),
            constraints: None,
        },
        inputs,
        outputs,
        within: Vec::new(),
    }
}

fn model(queries: Vec<Query>) -> Model {
    Model {
        package: "database".into(),
        runtime: "\"0.1\"".into(),
        packages: Packages::One,
        modules: vec![Module {
            name: "users".into(),
            files: vec!["queries/users.sql".into()],
            queries,
        }],
        tables: vec![],
        types: vec![],
        testing: None,
        relied: Relied::default(),
    }
}

fn get_user() -> Query {
    query(
        "get_user",
        "GetUser",
        vec![
            value("user_id", "uuid", RustType::Uuid, false),
            value("include_deleted", "boolean", RustType::Bool, false),
        ],
        vec![
            value("id", "uuid", RustType::Uuid, false),
            value("email", "text", RustType::Text, false),
            value("name", "text", RustType::Text, true),
        ],
    )
}

#[test]
fn a_module_reads_as_if_written_by_hand() {
    let files = emit(&model(vec![get_user()]));
    assert_formatted(&files);
    let expected = r#"// @generated by sqlmill from queries/users.sql; do not edit

//! Queries of `queries/users.sql`.

use sqlmill_runtime::types::Uuid;
use sqlmill_runtime::{Optional, Reader, Statement};

/// What the author said.
///
/// ```sql
/// SELECT id, email
/// FROM users
/// WHERE id = $1
/// ```
///
/// Returns at most one row: `users.id` is the primary key.
///
/// Reads `users`. May share a connection.
///
/// Parameters:
///
/// - `user_id`, `include_deleted`: declared NOT NULL
///
/// Columns:
///
/// - `id`, `email`: declared NOT NULL
/// - `name`: may be null: the column allows it
pub fn get_user(db: &impl Reader, params: GetUser) -> Optional<'_, GetUser, GetUserRow> {
    Optional::new(db, &GET_USER, params)
}

#[derive(Debug, Clone, Copy)]
pub struct GetUser {
    pub user_id: Uuid,
    pub include_deleted: bool,
}

sqlmill_runtime::params! { GetUser { user_id, include_deleted } }

#[derive(Debug, Clone, PartialEq)]
pub struct GetUserRow {
    pub id: Uuid,
    pub email: String,
    pub name: Option<String>,
}

/// [`GetUserRow`], borrowed from the reply.
#[derive(Debug)]
pub struct GetUserRowRef<'a> {
    pub id: Uuid,
    pub email: &'a str,
    pub name: Option<&'a str>,
}

sqlmill_runtime::row! { GetUserRow, GetUserRowRef { id, email, name } }

static GET_USER: Statement<GetUser, GetUserRow> = Statement::new(
    "users::get_user",
    "queries/users.sql:3",
    GET_USER_SQL,
    "uuid boolean",
    "uuid text text",
)
.shared();
const GET_USER_SQL: &str = r"SELECT id, email
FROM users
WHERE id = $1";

sqlmill_runtime::statements! { USERS_STATEMENTS: GET_USER }
"#;
    assert_eq!(files["src/users.rs"], expected);
}

#[test]
fn an_empty_project_is_a_crate_too() {
    let empty = Model {
        modules: vec![],
        ..model(vec![])
    };
    let files = emit(&empty);
    assert_formatted(&files);
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        ["Cargo.toml", "src/lib.rs", "src/types.rs"]
    );
    assert_formatted(&emit(&model(vec![])));
}

/// Names of every length, so that each line crosses the limit somewhere, at each of its joints.
#[test]
fn rustfmt_changes_nothing_at_any_length() {
    let types = [
        RustType::Uuid,
        RustType::Text,
        RustType::Json,
        RustType::Array(Box::new(slot(RustType::Text, true))),
        RustType::Enum("SomeKindOfState".into()),
        RustType::Composite {
            name: "PostalAddress".into(),
            borrows: true,
        },
    ];
    for length in 1..75 {
        let name: String = format!("q{}", "uery_name_".repeat(12))[..length]
            .trim_end_matches('_')
            .into();
        let pascal = format!("Q{}", "ueryName".repeat(14))[..length].to_owned();
        let mut queries = Vec::new();
        for count in [0, 1, 2, 5] {
            let values = |prefix: &str| -> Vec<Value> {
                (0..count)
                    .map(|index| {
                        // PostgreSQL cuts names at 63 bytes.
                        let name = &name[..name.len().min(58)];
                        let name = format!("{prefix}{index}_{name}");
                        value(
                            &name,
                            "x",
                            types[(index + length) % types.len()].clone(),
                            index % 2 == 1,
                        )
                    })
                    .collect()
            };
            let suffix = format!("{name}{count}");
            let mut query = query(
                &suffix,
                &format!("{pascal}{count}"),
                values("in"),
                values("out"),
            );
            query.handle = [Handle::Reader, Handle::Writer, Handle::Transaction][length % 3];
            query.cardinality = [Cardinality::One, Cardinality::Many][length % 2];
            query.shared = length % 3 != 0;
            query.timeout_ms = (length % 5 < 2).then_some(250);
            query.sql = match length % 4 {
                0 => "x".repeat(length),
                1 => format!("{}\ny", "x".repeat(length)),
                2 => format!("'\\' \"{}\"#", "x".repeat(length)),
                _ => format!("a  \n{}\n  z", "x".repeat(length)),
            };
            if let Some(row) = &mut query.declares.row {
                row.derives = vec!["serde::Serialize".into(), format!("X{pascal}")];
            }
            if count > 1 {
                if let Params::Struct { reordered, .. } = &mut query.params {
                    *reordered = length % 5 == 0;
                }
                query.declares.constraints = Some(ConstraintEnum {
                    name: format!("{pascal}{count}Constraint"),
                    variants: vec![ConstraintVariant {
                        name: "UsersEmailKey".into(),
                        docs: vec![],
                        also: Vec::new(),
                        target: ConstraintTarget::Column {
                            schema: "public".into(),
                            table: "users".into(),
                            column: name.clone(),
                        },
                    }],
                });
            }
            queries.push(query);
        }
        let required = value(&format!("a_{name}"), "text", RustType::Text, false);
        let optional = value("b", "text", RustType::Text, true);
        let mut all = model(queries);
        all.tables = vec![Table {
            name: pascal.clone(),
            sql: "public.x".into(),
            row: Some(structure(
                &format!("{pascal}T"),
                &[required.clone(), optional.clone()],
                true,
            )),
            insert: Some(structure(
                &format!("New{pascal}T"),
                &[required, optional],
                true,
            )),
        }];
        assert_formatted(&emit(&all));
    }
}

#[test]
fn imports_are_sorted_as_rustfmt_sorts_them() {
    let names = [
        "S3Integration",
        "S10Row",
        "S2Row",
        "SRow",
        "A1",
        "A01",
        "A10",
        "A1B",
        "Ab",
        "AB",
        "B2c10",
        "B2c9",
        "Zeta",
        "Alpha",
        "LongLongLongName1",
        "LongLongLongName2",
        "X1Y2Z3",
        "X1Y2Z10",
    ];
    let mut all = model(vec![query(
        "q",
        "Q",
        vec![],
        names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                value(
                    &format!("c{index}"),
                    "x",
                    RustType::Enum((*name).into()),
                    false,
                )
            })
            .collect(),
    )]);
    all.modules.extend(
        [
            "r#type", "a10", "a2", "s3_x", "s_x", "tz", "z_users", "users2",
        ]
        .map(|name| Module {
            name: name.into(),
            files: vec![format!("queries/{name}.sql")],
            queries: vec![
                query(
                    "list",
                    "List",
                    vec![],
                    vec![value("x", "int", RustType::I32, false)],
                ),
                query(
                    &format!("only_{}", name.trim_start_matches("r#")),
                    "Only",
                    vec![],
                    vec![],
                ),
            ],
        }),
    );
    assert_formatted(&emit(&all));
}

#[test]
#[ignore = "prints how long a thousand queries take"]
fn a_thousand_queries() {
    let queries = (0..1000).map(|index| Query {
        name: format!("get_user_{index}"),
        ..get_user()
    });
    let model = model(queries.collect());
    let start = std::time::Instant::now();
    let files = emit(&model);
    let emitted = start.elapsed();
    let manifest = Manifest::new(&model, [], &files).text();
    let size: usize = files.values().map(String::len).sum();
    eprintln!(
        "{size} bytes in {emitted:?}, {} of the manifest in {:?}",
        manifest.len(),
        start.elapsed() - emitted
    );
}
