//! `postgres`: PostgreSQL refuses the statement.
//!
//! The message, DETAIL and HINT are the server's own, at the place in the author's text that it names. Not waivable.

use super::Rule;
use super::context::Context;
use crate::describe::{Described, ServerError};
use crate::diagnostic::Diagnostic;

pub(super) const RULE: Rule = Rule {
    name: "postgres",
    waivable: false,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if let Described::Refused(error) = context.query.described {
        found.push(server_error(context, "postgres", error));
    }
}

/// What the server said, for the author.
pub(super) fn server_error(
    context: &Context<'_>,
    rule: &'static str,
    error: &ServerError,
) -> Diagnostic {
    let span = error
        .position
        .and_then(|position| u32::try_from(position).ok())
        .and_then(|position| context.at(Some(position)))
        .unwrap_or_else(|| context.head());
    let mut diagnostic = Diagnostic::error(rule, error.message.clone()).at(span);
    if let Some(detail) = &error.detail {
        diagnostic = diagnostic.note(detail.clone());
    }
    match &error.hint {
        Some(hint) => diagnostic.help(hint.clone()),
        None => diagnostic,
    }
}
