//! `does-not-plan`: PostgreSQL understands the statement and cannot run it.
//!
//! An ON CONFLICT that names no unique key, a FOR UPDATE on the side of a join that may be absent: PREPARE accepts them, and
//! every execution fails. Not waivable.

use super::Rule;
use super::context::Context;
use super::postgres::server_error;
use crate::describe::Described;
use crate::diagnostic::Diagnostic;

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
}
