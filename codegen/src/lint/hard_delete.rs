//! `hard-delete`: rows of a table with the soft-delete column are not deleted, they are marked.
//!
//! DELETE, MERGE … THEN DELETE and TRUNCATE lose what others may still ask for, in the table itself and in those that ON DELETE
//! CASCADE empties with it. Set the column instead. Where the rows must
//! go, as for the right to erasure, waive the rule and say why. Waivable.

use super::Rule;
use super::context::Context;
use crate::catalog::{ConstraintKind, Oid, RelationKind};
use crate::describe::Described;
use crate::describe::tree::{Command, RteKind};
use crate::diagnostic::Diagnostic;
use crate::prove::walk::{self, Part};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    name: "hard-delete",
    waivable: true,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for query in context.queries() {
        walk::everything(query, &mut |part| {
            let Part::Query(query) = part else { return };
            let deletes = match query.command {
                Command::Delete => true,
                Command::Merge => query
                    .merge_actions
                    .iter()
                    .any(|action| action.command == Command::Delete),
                Command::Select
                | Command::Insert
                | Command::Update
                | Command::Utility
                | Command::Nothing
                | Command::Unknown => false,
            };
            if let Some(rte) = query.rte(query.result_relation).filter(|_| deletes)
                && let RteKind::Relation { oid, .. } = rte.kind
            {
                let bare = context
                    .catalog
                    .relations
                    .get(&oid)
                    .map_or(rte.name.as_str(), |relation| &relation.name);
                let alias = rte.aliased.then_some(rte.name.as_str());
                report(
                    context,
                    oid,
                    "deletes rows of",
                    || context.table(bare, alias, &[]),
                    found,
                );
                let on_delete = |action: char| action == CASCADE;
                cascades(
                    context,
                    oid,
                    on_delete,
                    || context.table(bare, alias, &[]),
                    found,
                );
            }
        });
    }
    if let Described::Utility(utility) = context.query.described
        && utility.command == "TRUNCATE"
    {
        let all = context
            .words()
            .any(|(word, _)| word.eq_ignore_ascii_case("cascade"));
        for (word, range) in context.words().skip(1) {
            let name = word.trim_matches('"');
            let table = context.catalog.relations.values().find(|relation| {
                relation.name.eq_ignore_ascii_case(name)
                    && matches!(
                        relation.kind,
                        RelationKind::Table | RelationKind::PartitionedTable
                    )
            });
            if let Some(table) = table {
                let span = || context.span(range.clone());
                report(context, table.oid, "empties", span, found);
                cascades(context, table.oid, |_| all, span, found);
            }
        }
    }
}

/// `confdeltype` of ON DELETE CASCADE.
const CASCADE: char = 'c';

/// The tables whose rows go with those of `oid`, along foreign keys whose action says so.
fn cascades(
    context: &Context<'_>,
    oid: Oid,
    goes: impl Fn(char) -> bool,
    span: impl Fn() -> Span,
    found: &mut Vec<Diagnostic>,
) {
    let mut reached = vec![oid];
    let mut next = 0;
    while let Some(&table) = reached.get(next) {
        next += 1;
        for constraint in context.catalog.constraints.values() {
            if let ConstraintKind::ForeignKey {
                references,
                on_delete,
                ..
            } = constraint.kind
                && references == table
                && goes(on_delete)
                && !reached.contains(&constraint.relation)
            {
                reached.push(constraint.relation);
            }
        }
    }
    for &other in reached.iter().skip(1) {
        let Some(column) = context.soft_delete(other) else {
            continue;
        };
        let (table, other) = (
            context.catalog.relation_name(oid),
            context.catalog.relation_name(other),
        );
        found.push(
            Diagnostic::error(
                RULE.name,
                format!("with rows of `{table}` go those of `{other}` that refer to them, whose deleted rows are kept and marked"),
            )
            .at(span())
            .label(format!("`{other}` has `{}`, and a foreign key that cascades", column.name))
            .help(format!("mark the rows of `{other}`, and keep those of `{table}`; or let the foreign key be ON DELETE RESTRICT"))
            .help("if the rows must go, `--@ allow(hard_delete, \"why\")`"),
        );
    }
}

fn report(
    context: &Context<'_>,
    oid: Oid,
    verb: &str,
    span: impl Fn() -> Span,
    found: &mut Vec<Diagnostic>,
) {
    let Some(column) = context.soft_delete(oid) else {
        return;
    };
    let table = context.catalog.relation_name(oid);
    found.push(
        Diagnostic::error(
            "hard-delete",
            format!("this {verb} `{table}`, whose deleted rows are kept and marked"),
        )
        .at(span())
        .label(format!("has `{}`", column.name))
        .help(format!(
            "write `UPDATE {table} SET {} = now() WHERE …`",
            column.name
        ))
        .help("if the rows must go, `--@ allow(hard_delete, \"why\")`"),
    );
}
