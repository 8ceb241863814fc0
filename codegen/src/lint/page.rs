//! `page`: `--@ page` on what cannot be read in pages.
//!
//! A page reads some of a query's rows and counts all of them, from one text: a SELECT that returns many rows, only reads, locks
//! nothing and has no LIMIT of its own. Not waivable.

use super::Rule;
use super::context::Context;
use crate::diagnostic::Diagnostic;
use crate::pages;

pub(super) const RULE: Rule = Rule {
    name: "page",
    waivable: false,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let (Some(span), Some(facts)) = (context.query.parsed.page(), context.query.facts) else {
        return;
    };
    if let Some(misuse) = pages::misuse(context.query.described, facts) {
        found.push(
            Diagnostic::error("page", misuse.message)
                .at(span)
                .help(misuse.help),
        );
    }
    for reason in context.query.pages.iter().flat_map(|pages| &pages.refused) {
        found.push(
            Diagnostic::error("page", format!("it cannot be read in pages: {reason}"))
                .at(span)
                .help("put the query into a subquery: `SELECT * FROM (…) AS rows ORDER BY …`"),
        );
    }
}
