//! Unique keys: which hold for all rows of a scan, and when their columns are the same throughout.

use super::{How, Prover, Same, collation_of};
use crate::catalog::{Index, Oid, Operator, RelationKind};
use crate::describe::tree::{Query, SortGroup};
use crate::prove::functions;

impl<'p> Prover<'p> {
    /// Unique indexes that hold for all rows that a scan of the relation can give.
    pub(in crate::prove) fn indexes(
        &self,
        relation: Oid,
        inherits: bool,
    ) -> impl Iterator<Item = &'p Index> {
        let found = self.catalog.relations.get(&relation);
        let covers_children = found.is_some_and(|found| {
            !inherits
                || found.kind == RelationKind::PartitionedTable
                || !found.has_inheritance_children
                || !self.rules.holds("key-of-inheritance-parent")
        });
        let deferrable_counts = !self.rules.holds("key-immediate");
        let indexes = self.unique.get(&relation).map_or(&[][..], Vec::as_slice);
        indexes.iter().copied().filter(move |index| {
            covers_children
                && index.valid
                && (index.immediate || deferrable_counts)
                && !index.keys.is_empty()
        })
    }

    /// Every key column has the same value in all rows, and no two rows can share it. `present`: the row is surely there.
    pub(super) fn index_is_same(
        &self,
        index: &Index,
        present: bool,
        fixed: impl Fn(usize, i16) -> Option<(Same, bool)>,
    ) -> bool {
        let mut any_not_null = false;
        let mut any_null = false;
        let mut matched = 0;
        for (place, &key) in index.keys.iter().enumerate() {
            let Some((same, not_null)) = fixed(place, key) else {
                if self.rules.holds("key-whole") {
                    return false;
                }
                continue;
            };
            let family = index.families.get(place).copied().unwrap_or(0);
            let collation = index.collations.get(place).copied().unwrap_or(0);
            if !self.same_in_family(&same, &[family], collation) {
                return false;
            }
            matched += 1;
            if not_null {
                any_not_null = true;
            } else {
                any_null = true;
            }
        }
        if matched == 0 {
            return false;
        }
        // A unique key admits several NULLs, unless it says NULLS NOT DISTINCT. Even then a row that is absent (the
        // nullable side of an outer join) is not told from one whose key is NULL, unless some column is surely not.
        !any_null
            || (index.nulls_not_distinct && (any_not_null || present))
            || !self.rules.holds("key-nulls")
    }

    pub(super) fn base_not_null(&self, relation: Oid, column: i16) -> bool {
        self.catalog
            .relations
            .get(&relation)
            .and_then(|relation| relation.column(column))
            .is_some_and(|column| column.not_null)
    }

    /// Why an index fixes its rows; it counts as used from then on.
    pub(super) fn index_reason(&self, index: &Index) -> String {
        self.uses(index);
        let columns = self.key_names(index);
        let table = self.catalog.relation_name(index.relation);
        let what = if index.primary {
            "the primary key"
        } else if index.predicate.is_some() {
            "unique where the condition holds"
        } else {
            "unique"
        };
        match columns.as_slice() {
            [column] => format!("`{table}.{column}` is {what}"),
            _ => format!("`({})` of `{table}` is {what}", columns.join(", ")),
        }
    }

    pub(in crate::prove) fn uses(&self, index: &Index) {
        self.used.borrow_mut().insert(index.oid);
    }

    pub(super) fn key_names(&self, index: &Index) -> Vec<String> {
        let relation = self.catalog.relations.get(&index.relation);
        index
            .keys
            .iter()
            .map(|&key| {
                relation
                    .and_then(|relation| relation.column(key))
                    .map_or_else(|| "an expression".to_owned(), |column| column.name.clone())
            })
            .collect()
    }

    /// The nondeterministic collation, or 0: all others tell strings apart by their bytes.
    pub(super) fn collation(&self, collation: Oid) -> Oid {
        if self.rules.holds("key-collation")
            && self
                .catalog
                .nondeterministic_collations
                .contains(&collation)
        {
            collation
        } else {
            0
        }
    }

    /// What it says that an operator gives true: equality by these families, each with the collation.
    pub(super) fn ways(&self, operator: &Operator, collation: Oid) -> Vec<(Oid, Oid)> {
        if !self.is_transitive(operator) && self.rules.holds("equality-of-types") {
            return Vec::new();
        }
        let collation = self.collation(collation);
        operator
            .equality_families
            .iter()
            .map(|&family| (family, collation))
            .collect()
    }

    /// Are two values that equal a third the same to their key? Between types that is so where the one type's values are
    /// the other's. A timestamp or a date equals a timestamptz by the time zone of the session, in which an hour of local
    /// time, or a day, may stand for the same moment as another.
    fn is_transitive(&self, operator: &Operator) -> bool {
        const ALIKE: &[&[&str]] = &[
            &["int2", "int4", "int8"],
            &["float4", "float8"],
            &["date", "timestamp"],
            &["name", "text"],
        ];
        if operator.left == operator.right {
            return true;
        }
        let name = |type_oid: Oid| {
            self.catalog
                .types
                .get(&type_oid)
                .filter(|_| functions::is_initial(type_oid))
                .map(|found| found.name.as_str())
        };
        let (Some(left), Some(right)) = (name(operator.left), name(operator.right)) else {
            return false;
        };
        ALIKE
            .iter()
            .any(|types| types.contains(&left) && types.contains(&right))
    }

    pub(super) fn same_under(&self, same: &Same, equality: Oid, collation: Oid) -> bool {
        self.catalog
            .operators
            .get(&equality)
            .is_some_and(|operator| {
                self.same_in_family(same, &operator.equality_families, collation)
            })
    }

    pub(super) fn same_in_family(&self, same: &Same, families: &[Oid], collation: Oid) -> bool {
        let collation = self.collation(collation);
        match &same.how {
            How::Exact => true,
            How::Under(ways) => {
                ways.iter().any(|(family, by)| {
                    // Equal by bytes is equal by any collation.
                    families.contains(family) && (*by == 0 || *by == collation)
                }) || !self.rules.holds("key-operator-family")
            }
        }
    }

    /// What sorting by `item` leaves unsaid of a target: all its values are equal, or NULL.
    pub(in crate::prove) fn equal_under(
        &self,
        query: &Query,
        item: &SortGroup,
    ) -> Option<(usize, Same)> {
        let place = query
            .targets
            .iter()
            .position(|target| target.sort_group_ref == item.reference)?;
        let operator = self.catalog.operators.get(&item.equality)?;
        let collation = collation_of(&query.targets.get(place)?.expr);
        Some((
            place,
            Same {
                how: How::Under(self.ways(operator, collation).into_iter().collect()),
                not_null: false,
            },
        ))
    }
}
