//! Row and insert types of whole tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Column, Oid};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::model::{Field, Home, Slot, Struct, StructName, Table, Value};

use super::structs::{Side, field, push_paragraph};
use super::{Resolver, names};

/// Row and insert types of whole tables, over all modules.
pub(super) struct Tables<'a> {
    config: &'a Config,
    rows: BTreeMap<Oid, Option<Struct>>,
    /// By table: the first query's parameters define it.
    pub(super) inserts: BTreeMap<Oid, Struct>,
    /// Whose rows stand within other rows.
    nested: BTreeSet<Oid>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self {
            config,
            rows: BTreeMap::new(),
            inserts: BTreeMap::new(),
            nested: BTreeSet::new(),
        }
    }

    /// A row of the table stands within another row.
    pub(super) fn nest(&mut self, table: Oid) {
        self.nested.insert(table);
    }

    /// What `tables.rs` holds, by name.
    pub(super) fn finish(self, resolver: &mut Resolver<'_>) -> Vec<Table> {
        let mut tables: BTreeMap<String, Table> = BTreeMap::new();
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        let mut inserts = self.inserts;
        let oids: BTreeSet<Oid> = self.rows.keys().chain(inserts.keys()).copied().collect();
        for oid in oids {
            let sql = resolver.catalog.relation_name(oid);
            let mut row = self.rows.get(&oid).cloned().flatten();
            if let Some(row) = &mut row {
                row.nested = self.nested.contains(&oid);
            }
            let insert = inserts.remove(&oid);
            let mut claimed: Vec<String> = Vec::new();
            if let Some(row) = &row {
                claimed.push(row.name.clone());
                if row.borrows {
                    claimed.push(format!("{}Ref", row.name));
                }
            }
            claimed.extend(insert.as_ref().map(|insert| insert.name.clone()));
            let Some(name) = claimed.first().cloned() else {
                continue;
            };
            for claim in claimed {
                if let Some(other) = taken.insert(claim.clone(), sql.clone()) {
                    resolver.diagnostics.push(
                        Diagnostic::error(
                            "name-collision",
                            format!("the tables `{other}` and `{sql}` would both have a type `{claim}` in Rust"),
                        )
                        .help(format!("name the row type of one of them: in sqlmill.toml, `[tables]`, `\"{sql}\" = \"…\"`")),
                    );
                }
            }
            tables.insert(
                name.clone(),
                Table {
                    name,
                    sql,
                    row,
                    insert,
                },
            );
        }
        tables.into_values().collect()
    }
}

impl Resolver<'_> {
    pub(super) fn row_name(&self, tables: &Tables<'_>, table: Oid) -> Option<String> {
        let relation = self.catalog.relations.get(&table)?;
        names::row_type(
            self.catalog,
            tables.config,
            &relation.schema,
            &relation.name,
        )
    }

    /// The row type of a table, declared once.
    pub(super) fn table_row(&mut self, tables: &mut Tables<'_>, table: Oid) -> Option<StructName> {
        if !tables.rows.contains_key(&table) {
            let row = self.table_struct(tables, table);
            tables.rows.insert(table, row);
        }
        let row = tables.rows.get(&table)?.as_ref()?;
        Some(StructName {
            name: row.name.clone(),
            home: Home::Tables,
            borrows: row.borrows,
        })
    }

    fn table_struct(&mut self, tables: &Tables<'_>, table: Oid) -> Option<Struct> {
        let catalog = self.catalog;
        let relation = catalog.relations.get(&table)?;
        let name = self.row_name(tables, table)?;
        let mut fields = Vec::new();
        for column in &relation.columns {
            self.types.read(column.type_oid, None, &[]);
            fields.push(Field {
                name: names::snake(&column.name)?,
                slot: Slot {
                    ty: self
                        .types
                        .place(column.type_oid, &[(table, column.number)])
                        .ok()?,
                    nullable: self.column_nullable(column),
                },
                docs: column.comment.iter().cloned().collect(),
            });
        }
        let borrows = Side::Row.borrows(&fields);
        let what = format!("A row of `{}`.", catalog.relation_name(table));
        let mut docs: Vec<String> = relation.comment.iter().cloned().collect();
        push_paragraph(&mut docs, &what);
        Some(Struct {
            name,
            docs,
            of: Vec::new(),
            fields,
            derives: Vec::new(),
            attributes: Vec::new(),
            varies: None,
            borrowed_attributes: Vec::new(),
            borrows,
            nested: false,
            within: None,
            keys: Vec::new(),
        })
    }

    /// The insert type of a table; `None` where another query's differs, or where rows that are sent as they are have another order.
    pub(super) fn table_insert(
        &mut self,
        tables: &mut Tables<'_>,
        table: Oid,
        values: &[Value],
        as_written: bool,
    ) -> Option<StructName> {
        let catalog = self.catalog;
        let relation = catalog.relations.get(&table)?;
        let name = format!("New{}", self.row_name(tables, table)?);
        let place = |value: &Value| {
            relation
                .columns
                .iter()
                .position(|column: &Column| column.name == value.name)
        };
        if as_written && !values.iter().map(place).is_sorted() {
            return None;
        }
        let mut ordered: Vec<&Value> = values.iter().collect();
        ordered.sort_by_key(|value| place(value));
        let fields: Vec<Field> = ordered
            .into_iter()
            .map(|value| Field {
                docs: relation
                    .column_named(&value.name)
                    .and_then(|column| column.comment.clone())
                    .into_iter()
                    .collect(),
                ..field(value)
            })
            .collect();
        let borrows = Side::Params.borrows(&fields);
        let made = Struct {
            name,
            docs: vec![format!("A new row of `{}`.", catalog.relation_name(table))],
            of: Vec::new(),
            fields,
            derives: Vec::new(),
            attributes: Vec::new(),
            varies: None,
            borrowed_attributes: Vec::new(),
            borrows,
            nested: false,
            within: None,
            keys: Vec::new(),
        };
        let found = tables.inserts.entry(table).or_insert_with(|| made.clone());
        (*found == made).then_some(StructName {
            name: made.name,
            home: Home::Tables,
            borrows,
        })
    }
}
