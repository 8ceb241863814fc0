//! `optional-filter`: what reads like an optional filter is none on the server.
//!
//! `(:p IS NULL OR …)` is sent without its test for NULL, and `true` in its place where the parameter is absent; so is `(:flag OR …)`.
//! That is right where the parentheses hold one whole condition of WHERE, HAVING or ON, and `IS NULL` asks whether there is a value. The
//! server's tree says whether it is so. Not waivable. A hint tells of what would be a filter if its parameter stood there only.
//!
//! `filter-in-write`: an optional filter in a statement that updates or deletes. Where it is absent, every row is hit that the other
//! conditions let through, which is rarely what a caller who left it out has meant. Waivable.

use std::collections::BTreeMap;

use super::Rule;
use super::context::Context;
use crate::describe::tree::{Command, Expr, FromExpr, JoinItem, Query};
use crate::diagnostic::Diagnostic;
use crate::prove::functions;
use crate::prove::walk::{self, Part};
use crate::texts::{FilterKind, filters};

pub(super) const RULE: Rule = Rule {
    name: "optional-filter",
    waivable: false,
    check,
};

pub(super) const IN_WRITE: Rule = Rule {
    name: "filter-in-write",
    waivable: true,
    check: in_write,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let author = &context.query.parsed.statement;
    for (place, param, other) in filters::used_elsewhere(context.sources, author) {
        let name = &author.params[param].name;
        found.push(
            Diagnostic::hint(
                "optional-filter",
                format!("`:{name}` is used elsewhere as well, so that this is no optional filter"),
            )
            .at(place.whole)
            .label("sent as it is written: one plan, whether it is NULL or not")
            .related(other, "the other use")
            .help("give the other use a parameter of its own"),
        );
    }
    if context.query.filters.is_empty() || context.queries().is_empty() {
        return;
    }
    let mut tests: BTreeMap<usize, Test> = BTreeMap::new();
    for query in context.queries() {
        walk::everything(query, &mut |part| {
            if let Part::Query(query) = part {
                conditions(query, &mut |condition| {
                    if let Expr::Or(operands, _) = condition {
                        operands
                            .iter()
                            .for_each(|operand| test(context, operand, &mut tests));
                    }
                });
            }
        });
    }
    for filter in context.query.filters {
        for place in &filter.places {
            let name = &filter.name;
            // Of a parameter that has its type from `CAST(:p AS …)`, the server says that it stands where the cast does.
            let within = place.test.start as usize..=place.guard.start as usize;
            let seen = tests.range(within).next_back().map(|(_, test)| test);
            match (filter.kind, seen) {
                (FilterKind::Optional, Some(Test::Null { plain: true })) => {}
                (FilterKind::Flag, Some(Test::Flag { negated })) if *negated == place.negated => {}
                (FilterKind::Flag, _) => found.push(
                    Diagnostic::error(
                        "optional-filter",
                        format!("the flag `{name}` opens no condition of its own"),
                    )
                    .at(place.whole)
                    .help("a flag is a boolean, before or behind one of the conditions that WHERE, HAVING or ON joins by AND"),
                ),
                (FilterKind::Optional, Some(Test::Null { plain: false })) => found.push(
                    Diagnostic::error(
                        "optional-filter",
                        format!("`:{name} IS NULL` does not ask whether there is a value"),
                    )
                    .at(place.test)
                    .note("a composite IS NULL where all of its fields are, and a cast may give NULL for a value")
                    .help(format!("test a parameter of a plain type, without a cast or cast to its own type; or write `(NOT :with_{name} OR …)`")),
                ),
                (FilterKind::Optional, Some(Test::Flag { .. }) | None) => found.push(
                    Diagnostic::error(
                        "optional-filter",
                        format!("the optional filter `{name}` is no condition of its own"),
                    )
                    .at(place.whole)
                    .help("an optional filter is one of the conditions that WHERE, HAVING or ON joins by AND"),
                ),
            }
        }
    }
}

/// What a condition asks of a parameter, by whose place it is known.
enum Test {
    /// `IS NULL`: is it for the absence of a value?
    Null {
        plain: bool,
    },
    Flag {
        negated: bool,
    },
}

fn test(context: &Context<'_>, operand: &Expr, tests: &mut BTreeMap<usize, Test>) {
    let (mut flag, negated) = match operand {
        Expr::Not(inner, _) => (&**inner, true),
        plain => (plain, false),
    };
    // Of one that is no boolean elsewhere another error tells.
    while let Expr::CoerceViaIo { arg, .. } | Expr::Relabel { arg, .. } = flag {
        flag = arg;
    }
    if let Expr::Param(param) = flag
        && let Some(location) = param.location
    {
        let place = context.query.statement.author_offset(location as usize);
        tests.insert(place, Test::Flag { negated });
        return;
    }
    let Expr::NullTest {
        arg,
        is_null: true,
        row,
        ..
    } = operand
    else {
        return;
    };
    // Casts that give NULL for NULL alone.
    let mut inner = &**arg;
    let mut plain = !row;
    loop {
        inner = match inner {
            Expr::Relabel { arg, .. }
            | Expr::CoerceToDomain { arg, .. }
            | Expr::CoerceViaIo { arg, .. }
            | Expr::ArrayCoerce { arg, .. } => arg,
            Expr::Func(call) if !call.args.is_empty() => {
                let known = context.catalog.functions.get(&call.function);
                plain &= known.is_some_and(|known| known.strict && functions::is_reviewed(known));
                &call.args[0]
            }
            other => {
                inner = other;
                break;
            }
        };
    }
    if let Expr::Param(param) = inner
        && let Some(location) = param.location
    {
        let place = context.query.statement.author_offset(location as usize);
        tests.insert(place, Test::Null { plain });
    }
}

/// The conditions that WHERE, HAVING and ON of one query join by AND.
fn conditions<'a>(query: &'a Query, visit: &mut dyn FnMut(&'a Expr)) {
    from(&query.join_tree, visit);
    for condition in query.having.iter().chain(&query.merge_join_condition) {
        joined(condition, visit);
    }
}

fn from<'a>(tree: &'a FromExpr, visit: &mut dyn FnMut(&'a Expr)) {
    tree.items.iter().for_each(|item| join(item, visit));
    if let Some(condition) = &tree.quals {
        joined(condition, visit);
    }
}

fn join<'a>(item: &'a JoinItem, visit: &mut dyn FnMut(&'a Expr)) {
    match item {
        JoinItem::Join(found) => {
            join(&found.left, visit);
            join(&found.right, visit);
            if let Some(condition) = &found.quals {
                joined(condition, visit);
            }
        }
        JoinItem::From(found) => from(found, visit),
        JoinItem::Rel(_) | JoinItem::Other(_) => {}
    }
}

fn joined<'a>(condition: &'a Expr, visit: &mut dyn FnMut(&'a Expr)) {
    match condition {
        Expr::And(all, _) => all.iter().for_each(|one| joined(one, visit)),
        one => visit(one),
    }
}

fn in_write(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if context.query.filters.is_empty() {
        return;
    }
    let mut writes = None;
    for query in context.queries() {
        walk::everything(query, &mut |part| {
            if let Part::Query(query) = part {
                match query.command {
                    Command::Update => writes = Some("an UPDATE"),
                    Command::Delete => writes = Some("a DELETE"),
                    Command::Merge => writes = Some("a MERGE"),
                    Command::Unknown => writes = Some("a statement that is not understood"),
                    Command::Select | Command::Insert | Command::Utility | Command::Nothing => {}
                }
            }
        });
    }
    let Some(command) = writes else {
        return;
    };
    // Flags stand there as they are written, and are none of them.
    for filter in context.query.filters {
        for place in &filter.places {
            found.push(
                Diagnostic::error(
                    "filter-in-write",
                    format!("the optional filter `{}` stands in {command}", filter.name),
                )
                .at(place.whole)
                .label("where it is absent, every row is hit that the rest lets through")
                .help("make the parameter a required one, or write a statement for each case")
                .help("if that is meant, `--@ allow(filter_in_write, \"why\")`"),
            );
        }
    }
}
