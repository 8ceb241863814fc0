//! `missing-where`: an UPDATE or DELETE without WHERE hits every row of the table.
//!
//! Mostly that is a condition forgotten. Write the condition; `WHERE true` says that every row is meant. Waivable.

use super::Rule;
use super::context::{Context, first_location};
use crate::describe::tree::{Command, Expr, RteKind};
use crate::diagnostic::Diagnostic;
use crate::prove::walk::{self, Part};

pub(super) const RULE: Rule = Rule {
    name: "missing-where",
    waivable: true,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for query in context.queries() {
        walk::everything(query, &mut |part| {
            let Part::Query(query) = part else { return };
            let verb = match query.command {
                Command::Update => "UPDATE",
                Command::Delete => "DELETE",
                Command::Select
                | Command::Insert
                | Command::Merge
                | Command::Utility
                | Command::Nothing
                | Command::Unknown => return,
            };
            // A view's own condition is not the author's: it has no place in the text.
            let written = query.join_tree.quals.as_ref().is_some_and(|quals| {
                first_location(quals).is_some()
                    || walk::any_expression(quals, &|expr| matches!(expr, Expr::CurrentOf))
            });
            if written {
                return;
            }
            let Some(rte) = query.rte(query.result_relation) else {
                return;
            };
            let RteKind::Relation { oid, .. } = rte.kind else {
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
                    "missing-where",
                    format!("this {verb} hits every row of `{table}`"),
                )
                .at(context.table(bare, alias, &[]))
                .label("no WHERE")
                .help("add a WHERE; `WHERE true` if every row is meant"),
            );
        });
    }
}
