//! `insert-omits-not-null`: an INSERT leaves out a NOT NULL column that has no default.
//!
//! Every execution fails, and neither PREPARE nor EXPLAIN says so. Name the column, or give it a default. Where a BEFORE
//! trigger fills it, waive the rule. Waivable.

use std::collections::BTreeSet;

use super::Rule;
use super::context::Context;
use crate::catalog::{Catalog, Oid, Relation, RelationKind, TypeKind};
use crate::describe::tree::{Command, RteKind, Target};
use crate::diagnostic::Diagnostic;
use crate::prove::walk::{self, Part};

pub(super) const RULE: Rule = Rule {
    name: "insert-omits-not-null",
    waivable: true,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for query in context.queries() {
        walk::everything(query, &mut |part| {
            let Part::Query(query) = part else { return };
            let inserts: Vec<&[Target]> = match query.command {
                Command::Insert => vec![&query.targets],
                Command::Merge => query
                    .merge_actions
                    .iter()
                    .filter(|action| action.command == Command::Insert)
                    .map(|action| action.targets.as_slice())
                    .collect(),
                Command::Select
                | Command::Update
                | Command::Delete
                | Command::Utility
                | Command::Nothing
                | Command::Unknown => return,
            };
            let Some(rte) = query.rte(query.result_relation) else {
                return;
            };
            let RteKind::Relation { oid, .. } = rte.kind else {
                return;
            };
            let Some(table) = context.catalog.relations.get(&oid) else {
                return;
            };
            if !matches!(
                table.kind,
                RelationKind::Table | RelationKind::PartitionedTable
            ) {
                return;
            }
            for targets in inserts {
                let missing = missing(context.catalog, table, targets);
                if missing.is_empty() {
                    continue;
                }
                let name = context.catalog.relation_name(oid);
                let list = missing
                    .iter()
                    .map(|column| format!("`{column}`"))
                    .collect::<Vec<_>>()
                    .join(", ");
                let what = if missing.len() == 1 {
                    "which is NOT NULL and has no default"
                } else {
                    "which are NOT NULL and have no default"
                };
                let alias = rte.aliased.then_some(rte.name.as_str());
                found.push(
                    Diagnostic::error(
                        "insert-omits-not-null",
                        format!("this INSERT into `{name}` leaves out {list}, {what}"),
                    )
                    .at(context.table(&table.name, alias, &[]))
                    .label("every execution fails")
                    .help(format!("add {list} to the columns"))
                    .help(
                        "if a BEFORE trigger fills it, `--@ allow(insert_omits_not_null, \"why\")`",
                    ),
                );
            }
        });
    }
}

/// The rewriter has put every default among the targets; what is not there gets NULL.
fn missing<'a>(catalog: &Catalog, table: &'a Relation, targets: &[Target]) -> Vec<&'a str> {
    let assigned: BTreeSet<i16> = targets.iter().map(|target| target.number).collect();
    table
        .columns
        .iter()
        .filter(|column| {
            (column.insert_not_null || domain_not_null(catalog, column.type_oid))
                && column.generated.is_none()
                && !assigned.contains(&column.number)
        })
        .map(|column| column.name.as_str())
        .collect()
}

fn domain_not_null(catalog: &Catalog, oid: Oid) -> bool {
    let mut oid = oid;
    // The bound is against a damaged catalog.
    for _ in 0..64 {
        match catalog.types.get(&oid).map(|known| &known.kind) {
            Some(TypeKind::Domain(domain)) if domain.not_null => return true,
            Some(TypeKind::Domain(domain)) => oid = domain.base,
            _ => break,
        }
    }
    false
}
