//! `[types]` of the configuration, held against the schema: which type, domain or column each line is about.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Oid, RelationKind};
use crate::config::{Config, TypeRule};
use crate::diagnostic::Diagnostic;
use crate::nearest::nearest;

pub(super) struct Rules<'a> {
    types: BTreeMap<Oid, &'a TypeRule>,
    columns: BTreeMap<(Oid, i16), &'a TypeRule>,
    pub(super) complaints: Vec<Diagnostic>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(catalog: &Catalog, config: &'a Config) -> Self {
        let mut rules = Self {
            types: BTreeMap::new(),
            columns: BTreeMap::new(),
            complaints: Vec::new(),
        };
        for rule in &config.types {
            let columns = columns_named(catalog, &rule.name.value);
            let types = types_named(catalog, &rule.name.value);
            if columns.is_empty() && types.is_empty() {
                rules.unknown(catalog, rule);
            }
            for column in columns {
                rules.columns.insert(column, rule);
            }
            for oid in types {
                rules.types.insert(oid, rule);
            }
        }
        rules
    }

    pub(super) fn of_type(&self, oid: Oid) -> Option<&'a TypeRule> {
        self.types.get(&oid).copied()
    }

    pub(super) fn column(&self, column: (Oid, i16)) -> Option<&'a TypeRule> {
        self.columns.get(&column).copied()
    }

    fn unknown(&mut self, catalog: &Catalog, rule: &TypeRule) {
        let columns = catalog.relations.values().flat_map(|relation| {
            let table = catalog.relation_name(relation.oid);
            let columns = relation.columns.iter();
            columns.map(move |column| format!("{table}.{}", column.name))
        });
        let types = catalog.types.values().map(|found| found.name.clone());
        let known: Vec<String> = columns.chain(types).collect();
        let name = &rule.name;
        let diagnostic = Diagnostic::error(
            "config",
            format!("the schema has no type and no column `{}`", name.value),
        )
        .at(name.span);
        self.complaints.push(
            match nearest(&name.value, known.iter().map(String::as_str)) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help("correct the name, or remove the line"),
            },
        );
    }

    /// The line asks for what such values cannot be.
    pub(super) fn unfit(&mut self, rule: &TypeRule, sql: &str) {
        let Some(rust) = &rule.rust else {
            return;
        };
        let diagnostic = Diagnostic::error("config", format!("a `{sql}` cannot be that"))
            .at(rust.span)
            .help("`network` is for inet and cidr, `array` for arrays, `text` for numeric");
        if !self
            .complaints
            .iter()
            .any(|other| other.span == diagnostic.span)
        {
            self.complaints.push(diagnostic);
        }
    }
}

/// `table.column`, with or without the schema.
fn columns_named(catalog: &Catalog, name: &str) -> Vec<(Oid, i16)> {
    let tables = catalog.relations.values().filter(|relation| {
        matches!(
            relation.kind,
            RelationKind::Table
                | RelationKind::PartitionedTable
                | RelationKind::ForeignTable
                | RelationKind::View
                | RelationKind::MaterializedView
                | RelationKind::Composite
        )
    });
    let mut found = Vec::new();
    for relation in tables {
        for table in [
            catalog.relation_name(relation.oid),
            format!("{}.{}", relation.schema, relation.name),
        ] {
            let column = name
                .strip_prefix(table.as_str())
                .and_then(|rest| rest.strip_prefix('.'))
                .and_then(|column| relation.column_named(column));
            found.extend(column.map(|column| (relation.oid, column.number)));
        }
    }
    found
}

/// `type` or `schema.type`. Extensions may live in any schema.
fn types_named(catalog: &Catalog, name: &str) -> Vec<Oid> {
    let types = catalog.types.iter();
    types
        .filter(|(oid, found)| {
            catalog.type_name(**oid) == name
                || format!("{}.{}", found.schema, found.name) == name
                || (found.schema == "pg_catalog" && found.name == name)
        })
        .map(|(oid, _)| *oid)
        .collect()
}
