//! `order-ties`: an order to choose (`--@ order(…)`) under which rows can tie.
//!
//! Rows that tie come in any order, another one each time: a list jumps, and pages repeat rows or leave some out. End each order in
//! a unique key that is not NULL. A warning. Waivable.

use super::Rule;
use super::context::Context;
use crate::diagnostic::Diagnostic;

pub(super) const RULE: Rule = Rule {
    name: "order-ties",
    waivable: true,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let Some((text, facts)) = context.query.text else {
        return;
    };
    for (choice, &chosen) in context.query.choices.iter().zip(&text.variant.choices) {
        let (Some(option), Some(facts)) = (choice.options.get(chosen), facts) else {
            continue;
        };
        if text.sent && !facts.order.total.value {
            found.push(
                Diagnostic::warning(
                    "order-ties",
                    format!("rows can tie in the order `{}`", option.value),
                )
                .at(option.span)
                .note(facts.order.total.reason.clone())
                .help("end it in a unique key"),
            );
        }
    }
}
