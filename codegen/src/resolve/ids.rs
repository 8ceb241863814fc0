//! `ids = "newtype"`: which columns hold the key of which table.
//!
//! The column of a table's own single-column primary key does, and every column that a foreign key leads from there. A column that
//! leads to the keys of two tables holds neither's.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, ConstraintKind, Oid};
use crate::config::{self, Config};

use super::names;

#[derive(Debug, Default)]
pub(super) struct Ids {
    /// The table whose key a column holds.
    tables: BTreeMap<(Oid, i16), Oid>,
    /// `UserId`, by table.
    names: BTreeMap<Oid, String>,
}

impl Ids {
    pub(super) fn new(catalog: &Catalog, config: &Config) -> Self {
        let mut ids = Self::default();
        if config.ids == config::Ids::Plain {
            return ids;
        }
        let mut keys = BTreeSet::new();
        let mut leads: BTreeMap<(Oid, i16), BTreeSet<(Oid, i16)>> = BTreeMap::new();
        for constraint in catalog.constraints.values() {
            match &constraint.kind {
                ConstraintKind::PrimaryKey { columns, .. } => {
                    if let [column] = columns.as_slice() {
                        keys.insert((constraint.relation, *column));
                    }
                }
                ConstraintKind::ForeignKey {
                    columns,
                    references,
                    referenced,
                    ..
                } => {
                    for (column, target) in columns.iter().zip(referenced) {
                        leads
                            .entry((constraint.relation, *column))
                            .or_default()
                            .insert((*references, *target));
                    }
                }
                ConstraintKind::Unique { .. }
                | ConstraintKind::Check { .. }
                | ConstraintKind::NotNull { .. }
                | ConstraintKind::Exclusion { .. }
                | ConstraintKind::Trigger => {}
            }
        }
        for &column in keys.iter().chain(leads.keys()) {
            let ends = ends(column, &keys, &leads);
            let tables: BTreeSet<Oid> = ends
                .iter()
                .map(|&(table, _)| root(catalog, table))
                .collect();
            if let [table] = tables.into_iter().collect::<Vec<_>>().as_slice() {
                ids.tables.insert(column, *table);
            }
        }
        for &table in ids.tables.values() {
            let name = catalog.relations.get(&table).and_then(|relation| {
                names::row_type(catalog, config, &relation.schema, &relation.name)
            });
            ids.names
                .extend(name.map(|name| (table, format!("{name}Id"))));
        }
        ids
    }

    /// The table whose key stands in the column.
    pub(super) fn of(&self, column: (Oid, i16)) -> Option<Oid> {
        self.tables.get(&column).copied()
    }

    pub(super) fn name(&self, table: Oid) -> Option<&str> {
        self.names.get(&table).map(String::as_str)
    }
}

/// The keys at the far ends of foreign keys. A key that is itself a foreign key is the other table's, and keys that lead to
/// each other in a ring are nobody's.
fn ends(
    start: (Oid, i16),
    keys: &BTreeSet<(Oid, i16)>,
    leads: &BTreeMap<(Oid, i16), BTreeSet<(Oid, i16)>>,
) -> BTreeSet<(Oid, i16)> {
    let mut seen = BTreeSet::new();
    let mut ends = BTreeSet::new();
    let mut open = vec![start];
    while let Some(column) = open.pop() {
        if !seen.insert(column) {
            continue;
        }
        // A table that refers to itself by its own key is where it began.
        let next = leads.get(&column).into_iter().flatten();
        let next: Vec<_> = next.copied().filter(|target| *target != column).collect();
        if next.is_empty() && keys.contains(&column) {
            ends.insert(column);
        }
        open.extend(next);
    }
    ends
}

/// Partitions hold rows of their table.
fn root(catalog: &Catalog, table: Oid) -> Oid {
    let mut table = table;
    // The bound is against a damaged catalog.
    for _ in 0..64 {
        match catalog.relations.get(&table) {
            Some(relation) if relation.is_partition => match relation.parents.first() {
                Some(&parent) => table = parent,
                None => break,
            },
            _ => break,
        }
    }
    table
}
