//! `config`: what `sqlmill.toml` names must be there. A misspelt column would turn a rule off without a word.

use crate::catalog::{Catalog, Relation, RelationKind};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::nearest::nearest;
use crate::source::Spanned;

const RULE: &str = "config";

/// One finding for each name in the configuration that the schema does not have.
pub(super) fn check(catalog: &Catalog, config: &Config) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let tables: Vec<&Relation> = catalog
        .relations
        .values()
        .filter(|relation| is_table(relation))
        .collect();
    for (name, span) in config.search_path.iter().zip(&config.search_path_spans) {
        if !catalog.search_path.contains(name) {
            let schema = Spanned {
                value: name.clone(),
                span: *span,
            };
            let schemas = tables.iter().map(|table| table.schema.as_str());
            found.push(unknown(&schema, "the schema file makes no schema", schemas));
        }
    }
    let shared = || config.soft_delete.iter().chain(&config.updated_at);
    for declared in shared() {
        let columns = || {
            tables
                .iter()
                .flat_map(|table| &table.columns)
                .map(|column| column.name.as_str())
        };
        if !columns().any(|name| name == declared.column.value) {
            found.push(unknown(
                &declared.column,
                "no table has a column",
                columns(),
            ));
        }
    }
    let names: Vec<String> = tables
        .iter()
        .flat_map(|table| {
            [
                catalog.relation_name(table.oid),
                format!("{}.{}", table.schema, table.name),
            ]
        })
        .collect();
    let excluded = shared().flat_map(|declared| &declared.exclude);
    for table in excluded.chain(config.tables.iter().map(|entry| &entry.table)) {
        if !names.contains(&table.value) {
            found.push(unknown(
                table,
                "the schema has no table",
                names.iter().map(String::as_str),
            ));
        }
    }
    found
}

fn is_table(relation: &Relation) -> bool {
    !relation.schema.starts_with("pg_")
        && relation.schema != "information_schema"
        && match relation.kind {
            RelationKind::Table
            | RelationKind::PartitionedTable
            | RelationKind::View
            | RelationKind::MaterializedView
            | RelationKind::ForeignTable => true,
            RelationKind::Sequence | RelationKind::Composite | RelationKind::Other => false,
        }
}

fn unknown<'a>(
    name: &Spanned<String>,
    what: &str,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let diagnostic = Diagnostic::error(RULE, format!("{what} `{}`", name.value)).at(name.span);
    match nearest(&name.value, known) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help("correct the name, or remove the line"),
    }
}
