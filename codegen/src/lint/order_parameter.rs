//! `order-parameter`: a bare parameter in ORDER BY.
//!
//! A parameter is a value, and the same one for every row: it orders nothing, whatever name of a column the caller puts into it. Name the orders
//! that there are, `--@ order(…)`. A warning. Waivable.

use super::Rule;
use super::context::{Context, bare_param};
use crate::diagnostic::Diagnostic;
use crate::prove::walk::{self, Part};

pub(super) const RULE: Rule = Rule {
    name: "order-parameter",
    waivable: true,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for query in context.queries() {
        walk::everything(query, &mut |part| {
            let Part::Query(query) = part else {
                return;
            };
            for item in &query.sort {
                // What is selected as well may be one of several parts' columns.
                let target = query.sort_group_target(item).filter(|target| target.junk);
                let Some(param) = target.and_then(|target| bare_param(&target.expr)) else {
                    continue;
                };
                let name = context.name_of(param);
                found.push(
                    Diagnostic::warning(
                        "order-parameter",
                        format!("`{name}` orders nothing: it is one value, the same for every row"),
                    )
                    .at(context.at(param.location).unwrap_or_else(|| context.head()))
                    .help("a parameter cannot name a column; let the caller choose: `--@ order(newest: created_at DESC, id; name: name, id)`")
                    .help("if it is meant, `--@ allow(order_parameter, \"why\")`"),
                );
            }
        });
    }
}
