//! `cardinality`: `--@ one` or `--@ optional` on a query that may give more rows.
//!
//! Taking the first of many rows is an answer by chance. Compare every column of a unique key, or write ORDER BY and LIMIT 1 to
//! say which row is meant. Where the data promise what the schema does not, waive the rule: the call fails if a second row
//! comes. Waivable.

use super::Rule;
use super::context::Context;
use crate::diagnostic::Diagnostic;
use crate::facts::Cardinality;
use crate::parse::syntax::DirectiveKind;

pub(super) const RULE: Rule = Rule {
    name: "cardinality",
    waivable: true,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let Some(facts) = context.query.facts else {
        return;
    };
    for directive in &context.query.parsed.directives {
        let said = match directive.kind {
            DirectiveKind::One => "one",
            DirectiveKind::Optional => "optional",
            DirectiveKind::Many
            | DirectiveKind::Bulk
            | DirectiveKind::Page
            | DirectiveKind::Transaction
            | DirectiveKind::Timeout { .. }
            | DirectiveKind::Order { .. }
            | DirectiveKind::Allow { .. } => continue,
        };
        let name = &context.query.parsed.name.value;
        match facts.cardinality.value {
            Cardinality::One | Cardinality::AtMostOne => {}
            Cardinality::Many => found.push(
                Diagnostic::error("cardinality", format!("`{name}` may give more than one row"))
                    .at(directive.span)
                    .label(format!("`{said}` is not proved"))
                    .note(facts.cardinality.reason.clone())
                    .help("compare every column of a unique key, or say which row is meant with ORDER BY and LIMIT 1")
                    .help("if the data promise it, `--@ allow(cardinality, \"why\")`"),
            ),
            Cardinality::None => found.push(
                Diagnostic::error("cardinality", format!("`{name}` gives no rows"))
                    .at(directive.span)
                    .help("add RETURNING, or remove the line"),
            ),
        }
    }
}
