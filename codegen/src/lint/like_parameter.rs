//! `like-parameter`: a bare parameter as the pattern of LIKE.
//!
//! `%` and `_` in a user's text are wildcards there: a search for `50%` finds everything that begins with 50. Use
//! `starts_with(…)`, `position(… in …) > 0`, or escape the text with `replace`. Where callers are meant to write patterns, waive the
//! rule. A warning. Waivable.

use super::Rule;
use super::context::{Context, bare_param};
use crate::describe::tree::Expr;
use crate::diagnostic::Diagnostic;
use crate::prove::walk::{self, Part};

pub(super) const RULE: Rule = Rule {
    name: "like-parameter",
    waivable: true,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for query in context.queries() {
        walk::everything(query, &mut |part| {
            let Part::Expr(Expr::Op(operation)) = part else {
                return;
            };
            let word = match context
                .catalog
                .operators
                .get(&operation.operator)
                .map(|operator| operator.name.as_str())
            {
                Some("~~") => "LIKE",
                Some("!~~") => "NOT LIKE",
                Some("~~*") => "ILIKE",
                Some("!~~*") => "NOT ILIKE",
                _ => return,
            };
            let [_, pattern] = operation.args.as_slice() else {
                return;
            };
            let Some(param) = bare_param(pattern) else {
                return;
            };
            let name = context.name_of(param);
            let span = context
                .at(param.location)
                .or_else(|| context.at(operation.location))
                .unwrap_or_else(|| context.head());
            found.push(
                Diagnostic::warning(
                    "like-parameter",
                    format!("`{name}` is a pattern here: `%` and `_` in it match anything"),
                )
                .at(span)
                .label(format!("the pattern of {word}"))
                .help(format!(
                    "for a prefix write `starts_with(…, {name})`, for any place `position({name} in …) > 0`"
                ))
                .help("if callers write patterns, `--@ allow(like_parameter, \"why\")`"),
            );
        });
    }
}
