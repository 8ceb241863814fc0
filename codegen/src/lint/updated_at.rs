//! `updated-at`: an UPDATE sets the column that says when the row was changed last.
//!
//! Who reads the column believes it. The rule is off until `[updated_at]` of the configuration names the column; a BEFORE trigger that runs
//! on UPDATE may set it, and silences the rule for its table. Nothing is rewritten. Waivable.

use super::Rule;
use super::context::Context;
use crate::catalog::{Column, Oid, RelationKind};
use crate::describe::tree::{Command, ConflictAction, Query, RteKind, Target};
use crate::diagnostic::Diagnostic;
use crate::prove::walk::{self, Part};

pub(super) const RULE: Rule = Rule {
    name: "updated-at",
    waivable: true,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for query in context.queries() {
        walk::everything(query, &mut |part| {
            let Part::Query(query) = part else { return };
            let Some(rte) = query.rte(query.result_relation) else {
                return;
            };
            let RteKind::Relation { oid, .. } = rte.kind else {
                return;
            };
            let Some(column) = column(context, oid) else {
                return;
            };
            let sets = |targets: &[Target]| {
                targets
                    .iter()
                    .any(|target| !target.junk && target.number == column.number)
            };
            let Some(verb) = updates(query, sets) else {
                return;
            };
            let table = context.catalog.relation_name(oid);
            let bare = context
                .catalog
                .relations
                .get(&oid)
                .map_or(rte.name.as_str(), |relation| &relation.name);
            let alias = rte.aliased.then_some(rte.name.as_str());
            found.push(
                Diagnostic::error(
                    RULE.name,
                    format!(
                        "this {verb} of `{table}` leaves `{}` as it was",
                        column.name
                    ),
                )
                .at(context.table(bare, alias, &[]))
                .label(format!("has `{}`", column.name))
                .help(format!("add `{} = now()` to the SET list", column.name))
                .help("if the change does not count as one, `--@ allow(updated_at, \"why\")`"),
            );
        });
    }
}

/// What changes rows without setting the column, if anything does.
fn updates(query: &Query, sets: impl Fn(&[Target]) -> bool) -> Option<&'static str> {
    match query.command {
        Command::Update if !sets(&query.targets) => Some("UPDATE"),
        Command::Insert => query
            .on_conflict
            .as_ref()
            .is_some_and(|conflict| {
                conflict.action == ConflictAction::Update && !sets(&conflict.set)
            })
            .then_some("ON CONFLICT DO UPDATE"),
        Command::Merge => query
            .merge_actions
            .iter()
            .any(|action| action.command == Command::Update && !sets(&action.targets))
            .then_some("MERGE … THEN UPDATE"),
        Command::Update
        | Command::Select
        | Command::Delete
        | Command::Utility
        | Command::Nothing
        | Command::Unknown => None,
    }
}

/// The configured column of a table, where the table has it and nothing else may set it.
fn column<'a>(context: &Context<'a>, oid: Oid) -> Option<&'a Column> {
    let declared = context.config.updated_at.as_ref()?;
    let relation = context.catalog.relations.get(&oid)?;
    let table = matches!(
        relation.kind,
        RelationKind::Table | RelationKind::PartitionedTable | RelationKind::ForeignTable
    );
    let full = format!("{}.{}", relation.schema, relation.name);
    let name = context.catalog.relation_name(oid);
    let excluded = declared
        .exclude
        .iter()
        .any(|excluded| excluded.value == full || excluded.value == name);
    let trigger = context.catalog.triggers.iter().any(|trigger| {
        trigger.enabled
            && trigger.relation == oid
            && trigger.is_row()
            && trigger.is_before()
            && trigger.on_update()
    });
    if !table || excluded || trigger {
        return None;
    }
    relation
        .column_named(&declared.column.value)
        .filter(|column| column.generated.is_none())
}
