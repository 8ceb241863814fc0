//! `testing`: a database for each test, and factories of rows.

use std::collections::BTreeSet;

use crate::model::{Factory, Testing};

use super::spell::{self, Form, Places, Scope};
use super::writer::Writer;
use super::{layout, marker, structs, with_body};

/// What it takes from the runtime.
const RUNTIME_NAMES: [&str; 3] = ["Expectation", "Give", "Mock"];

pub(super) fn testing(testing: &Testing) -> String {
    let mut own: BTreeSet<String> = RUNTIME_NAMES
        .into_iter()
        .chain(["Schema", "TestDatabase"])
        .map(str::to_owned)
        .collect();
    for factory in &testing.factories {
        own.insert(factory.name.clone());
        if let Some(row) = &factory.declares {
            structs::row_names(row, &mut own);
        }
    }
    // Under the crate's root there are `types` and `tables`, however the crate is divided.
    let mut scope = Scope::new(own, None, &Places::default());
    let mut body = Writer::default();
    body.line(
        "/// A database of one test's own, with the schema of this crate: `TestDatabase::new()`.",
    );
    body.line("pub type TestDatabase = sqlmill_runtime::testing::TestDatabase<Schema>;");
    body.blank();
    body.line("/// The schema that this crate was generated from.");
    body.line("#[derive(Debug, Clone, Copy)]");
    body.line("pub enum Schema {}");
    body.blank();
    body.block("impl sqlmill_runtime::testing::Schema for Schema", |w| {
        let path = layout::string(&testing.schema);
        w.line(format!("const SQL: &'static str = include_str!({path});"));
        let schemas = testing.search_path.iter();
        let schemas: Vec<String> = schemas.map(|name| layout::string(name)).collect();
        w.line(format!(
            "const SEARCH_PATH: &'static [&'static str] = &[{}];",
            schemas.join(", ")
        ));
    });
    for factory in &testing.factories {
        body.blank();
        self::factory(&mut body, &mut scope, factory);
    }
    let mut w = Writer::default();
    w.line(marker("the schema"));
    w.blank();
    w.module_doc([
        "For tests: a database for each, rows in it, or a mock without a server.",
        "",
        "A factory begins a row (`user()`), takes what matters (`.email(…)`), makes up the rest and inserts it (`.insert(&db)`).",
    ]);
    w.blank();
    layout::use_list(
        &mut w,
        "pub ",
        "sqlmill_runtime::testing",
        &RUNTIME_NAMES.map(str::to_owned),
    );
    with_body(w, Some(&scope), body)
}

fn factory(w: &mut Writer, scope: &mut Scope, factory: &Factory) {
    if let Some(row) = &factory.declares {
        structs::row(w, scope, row);
        w.blank();
    }
    let row = spell::struct_name(scope, &factory.row);
    let columns: Vec<String> = factory
        .columns
        .iter()
        .map(|(sql, field)| {
            let ty = spell::slot(scope, &field.slot, Form::Param("'a"));
            // What inserts the row has the name already.
            let name = match field.name.as_str() {
                "insert" => "insert_",
                name => name,
            };
            match name == sql {
                true => format!("{name}: {ty}"),
                false => format!("{name}({}): {ty}", layout::string(sql)),
            }
        })
        .collect();
    let head = format!(
        "{}, {} -> {row}: {}.{}",
        factory.function,
        factory.name,
        layout::string(&factory.schema),
        layout::string(&factory.table)
    );
    layout::braced(w, "sqlmill_runtime::factory!", &head, &columns);
}
