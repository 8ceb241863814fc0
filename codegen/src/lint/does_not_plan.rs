//! `does-not-plan`: PostgreSQL understands the statement and cannot run it.
//!
//! An ON CONFLICT that names no unique key, a FOR UPDATE on the side of a join that may be absent: PREPARE accepts them, and
//! every execution fails. An ON CONFLICT that looks at a deferrable key is planned too, and fails at the first row. Not
//! waivable.

use super::Rule;
use super::context::Context;
use super::postgres::server_error;
use crate::catalog::{Catalog, Index};
use crate::describe::Described;
use crate::describe::tree::{Query, RteKind};
use crate::diagnostic::Diagnostic;
use crate::prove::walk::{self, Part};

pub(super) const RULE: Rule = Rule {
    name: "does-not-plan",
    waivable: false,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if let Described::Statement(statement) = context.query.described
        && let Some(error) = &statement.plan_error
    {
        found.push(server_error(context, "does-not-plan", error).note(
            "the statement parses, and PostgreSQL refuses to plan it: every execution would fail",
        ));
    }
    for query in context.queries() {
        walk::everything(query, &mut |part| {
            if let Part::Query(query) = part
                && let Some(index) = deferrable_arbiter(context.catalog, query)
            {
                let table = context.catalog.relation_name(index.relation);
                found.push(
                    Diagnostic::error(
                        "does-not-plan",
                        format!(
                            "ON CONFLICT would look at `{}`, which is deferrable",
                            index.name
                        ),
                    )
                    .at(context.table(&table, None, &[]))
                    .label("inserts into a table with a deferrable key")
                    .note("PostgreSQL refuses the first row that is inserted: every execution would fail")
                    .help("name the columns of another unique key, or make this one NOT DEFERRABLE"),
                );
            }
        });
    }
}

/// Where columns are named, the server has found a key that is not deferrable.
fn deferrable_arbiter<'a>(catalog: &'a Catalog, query: &Query) -> Option<&'a Index> {
    let conflict = query.on_conflict.as_ref()?;
    let Some(&RteKind::Relation { oid, .. }) =
        query.rte(query.result_relation).map(|rte| &rte.kind)
    else {
        return None;
    };
    catalog.indexes.values().find(|index| {
        index.relation == oid
            && !index.immediate
            && if conflict.constraint == 0 {
                conflict.arbiter_elements.is_empty()
            } else {
                index.constraint == Some(conflict.constraint)
            }
    })
}
