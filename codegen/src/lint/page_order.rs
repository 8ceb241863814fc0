//! `page-order`: a page of rows whose order is not settled.
//!
//! Rows that compare equal come in any order, another one each time: a row can be on two pages, and another one on none. End the order in
//! a unique key of the result. Without any ORDER BY it is an error, otherwise a warning. Waivable.

use super::Rule;
use super::context::Context;
use crate::diagnostic::Diagnostic;
use crate::parse::syntax::DirectiveKind;

pub(super) const RULE: Rule = Rule {
    name: "page-order",
    waivable: true,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let (Some(span), Some(pages)) = (context.query.parsed.page(), context.query.pages) else {
        return;
    };
    // `order-ties` tells of each order by its name.
    let mut directives = context.query.parsed.directives.iter();
    if directives.any(|directive| matches!(directive.kind, DirectiveKind::Order { .. })) {
        return;
    }
    let name = &context.query.parsed.name.value;
    for order in &pages.orders {
        let Some(reason) = &order.unsettled else {
            continue;
        };
        let diagnostic = if order.ordered {
            Diagnostic::warning(
                "page-order",
                format!("rows of `{name}` may tie, so that its pages can skip and repeat them"),
            )
            .note(reason.clone())
        } else {
            Diagnostic::error(
                "page-order",
                format!("the pages of `{name}` have no order: any row can be on any page"),
            )
        };
        found.push(
            diagnostic
                .at(span)
                .help("end ORDER BY in the columns of a unique key of the result, such as its `id`")
                .help("if it does not matter, `--@ allow(page_order, \"why\")`"),
        );
    }
}
