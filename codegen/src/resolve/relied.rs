//! What of the schema the proofs rest on: what `verify` looks for in a live database.

use crate::catalog::RelationKind;
use crate::facts::{Facts, Held};
use crate::model::{Definition, Part};

use super::Resolver;

impl Resolver<'_> {
    /// Adds what the facts of a query rest on, and what its parameters are held to.
    pub(super) fn rely(&mut self, facts: &Facts, held: &[Held]) {
        for (oid, columns) in &facts.reads {
            let Some(relation) = self.catalog.relations.get(oid).filter(|relation| {
                let kept = matches!(
                    relation.kind,
                    RelationKind::Table | RelationKind::PartitionedTable
                );
                kept && is_schemas(&relation.schema)
            }) else {
                continue;
            };
            let not_null = |number: &i16| {
                let column = relation.column(*number)?;
                column.not_null.then(|| column.name.clone())
            };
            // A row as a whole is all of its columns.
            let found: Vec<String> = match columns.contains(&0) {
                true => relation
                    .columns
                    .iter()
                    .filter_map(|column| not_null(&column.number))
                    .collect(),
                false => columns.iter().filter_map(not_null).collect(),
            };
            if !found.is_empty() {
                let table = (relation.schema.clone(), relation.name.clone());
                self.relied.not_null.entry(table).or_default().extend(found);
            }
        }
        for oid in &facts.keys {
            let Some(index) = self.catalog.indexes.get(oid) else {
                continue;
            };
            if let Some(relation) = self.catalog.relations.get(&index.relation)
                && is_schemas(&relation.schema)
            {
                self.relied.definitions.insert(Definition {
                    schema: relation.schema.clone(),
                    relation: relation.name.clone(),
                    part: Part::Key,
                    name: index.name.clone(),
                    text: index.definition.clone(),
                });
            }
        }
        for held in held {
            let mut add = |part, name: &str, text: &str| {
                self.relied.definitions.insert(Definition {
                    schema: held.schema.clone(),
                    relation: held.relation.clone(),
                    part,
                    name: name.to_owned(),
                    text: text.to_owned(),
                });
            };
            if let Some(definition) = &held.definition {
                add(Part::Check, &held.constraint, definition);
            }
            if let Some((column, ty)) = &held.declared {
                add(Part::Column, column, ty);
            }
        }
    }
}

/// Of the author's, not PostgreSQL's own.
fn is_schemas(schema: &str) -> bool {
    !["pg_catalog", "information_schema"].contains(&schema)
}
