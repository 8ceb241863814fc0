//! What the generated crate offers for tests: its schema, and factories of the rows of the tables that queries name.

use std::collections::BTreeSet;

use heck::ToSnakeCase;

use crate::catalog::{Oid, Relation, RelationKind};
use crate::checked::Checked;
use crate::config::Config;
use crate::model::{Factory, Field, Home, RustType, Slot, Struct, StructName, Table, Testing};

use super::{Resolver, names};

/// What `testing.rs` has besides.
const TAKEN: [&str; 5] = ["Schema", "TestDatabase", "Mock", "Expectation", "Give"];

impl Resolver<'_> {
    /// `None` where the owner's `Cargo.toml` has no feature `testing`.
    pub(super) fn testing(
        &mut self,
        config: &Config,
        checked: &[Checked<'_>],
        tables: &[Table],
    ) -> Option<Testing> {
        let schema = config.testing.clone()?;
        let named: BTreeSet<Oid> = checked
            .iter()
            .filter_map(|query| query.facts)
            .flat_map(|facts| facts.reads.keys().chain(facts.writes.keys()).copied())
            .collect();
        let mut taken: BTreeSet<String> = TAKEN.map(str::to_owned).into();
        taken.extend(
            tables
                .iter()
                .filter_map(|table| Some(table.row.as_ref()?.name.clone())),
        );
        // What only tests mention is not worth a type in the crate.
        let used = self.types.used();
        let mut factories: Vec<Factory> = named
            .into_iter()
            .filter_map(|oid| self.factory(config, oid, tables, &used, &mut taken))
            .collect();
        self.types.forget(used);
        factories.sort_by(|a, b| a.function.cmp(&b.function));
        Some(Testing {
            schema,
            search_path: config.search_path.clone(),
            factories,
        })
    }

    fn factory(
        &mut self,
        config: &Config,
        table: Oid,
        tables: &[Table],
        used: &super::types::Used,
        taken: &mut BTreeSet<String>,
    ) -> Option<Factory> {
        let catalog = self.catalog;
        let relation = catalog.relations.get(&table)?;
        let is_table = matches!(
            relation.kind,
            RelationKind::Table | RelationKind::PartitionedTable
        );
        if !is_table || relation.is_partition {
            return None;
        }
        let sql = catalog.relation_name(table);
        let shared = tables
            .iter()
            .find(|table| table.sql == sql)
            .and_then(|table| table.row.as_ref());
        let mut columns = Vec::new();
        for (index, column) in relation.columns.iter().enumerate() {
            let field = match shared {
                Some(row) => row.fields.get(index)?.clone(),
                None => match self.own_field(relation, index, used) {
                    Some(field) => field,
                    None => continue,
                },
            };
            columns.push((column.name.clone(), field));
        }
        if columns.is_empty() {
            return None;
        }
        let (row, declares) = match shared {
            Some(row) => (
                StructName {
                    name: row.name.clone(),
                    home: Home::Tables,
                    borrows: row.borrows,
                },
                None,
            ),
            None => {
                let name = names::row_type(catalog, config, &relation.schema, &relation.name)?;
                let row = own_row(names::numbered(name, taken), &sql, &columns);
                (
                    StructName {
                        name: row.name.clone(),
                        home: Home::Module,
                        borrows: row.borrows,
                    },
                    Some(row),
                )
            }
        };
        Some(Factory {
            function: names::snake(&row.name.to_snake_case())?,
            name: format!("{}Factory", row.name),
            schema: relation.schema.clone(),
            table: relation.name.clone(),
            row,
            declares,
            columns,
        })
    }

    /// A column whose type the crate has anyway.
    fn own_field(
        &mut self,
        relation: &Relation,
        index: usize,
        used: &super::types::Used,
    ) -> Option<Field> {
        let column = relation.columns.get(index)?;
        let ty = self
            .types
            .place(column.type_oid, &[(relation.oid, column.number)])
            .ok()?;
        // Of a composite's fields it is not known here whether they may be NULL.
        if has_composite(&ty) || !self.types.needs_nothing_but(used) {
            self.types.forget(used.clone());
            return None;
        }
        Some(Field {
            name: names::snake(&column.name)?,
            slot: Slot {
                ty,
                nullable: self.column_nullable(column),
            },
            docs: column.comment.iter().cloned().collect(),
        })
    }
}

fn own_row(name: String, sql: &str, columns: &[(String, Field)]) -> Struct {
    let fields = columns.iter().map(|(_, field)| Field {
        docs: Vec::new(),
        ..field.clone()
    });
    Struct {
        name,
        docs: vec![format!("A row of `{sql}`, as a factory makes it.")],
        of: Vec::new(),
        fields: fields.collect(),
        derives: Vec::new(),
        attributes: Vec::new(),
        borrowed_attributes: Vec::new(),
        // Nobody reads many of them.
        borrows: false,
        nested: false,
        within: None,
        varies: None,
        keys: Vec::new(),
    }
}

fn has_composite(ty: &RustType) -> bool {
    match ty {
        RustType::Composite { .. } => true,
        RustType::Array(element) | RustType::Grid(element) => has_composite(&element.ty),
        RustType::Range(inner) | RustType::Multirange(inner) => has_composite(inner),
        RustType::Domain { base, .. } | RustType::Id { base, .. } => has_composite(base),
        RustType::Tuple(fields) => fields.iter().any(|field| has_composite(&field.ty)),
        _ => false,
    }
}
