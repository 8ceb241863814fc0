//! `lock-without-transaction`: a SELECT that locks, outside of a transaction.
//!
//! A lock lasts until its transaction ends, and a statement by itself is one: the rows that FOR UPDATE returned are anybody's again
//! before the caller has seen them. `--@ transaction` makes the function take a transaction. Where the statement itself writes, the
//! lock serves that. Waivable: FOR UPDATE NOWAIT may just ask who is there.

use super::Rule;
use super::context::Context;
use crate::describe::tree::{Command, Expr, Query};
use crate::diagnostic::Diagnostic;
use crate::parse::syntax::DirectiveKind;
use crate::prove::walk::{self, Part};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    name: "lock-without-transaction",
    waivable: true,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut directives = context.query.parsed.directives.iter();
    if directives.any(|directive| directive.kind == DirectiveKind::Transaction) {
        return;
    }
    for query in context.queries() {
        let (mut writes, mut locks_rows) = (false, false);
        let mut call_at = None;
        walk::everything(query, &mut |part| match part {
            Part::Query(query) => {
                writes |= query.command != Command::Select;
                locks_rows |= locks(query);
            }
            Part::Expr(Expr::Func(call)) => {
                let function = context.catalog.functions.get(&call.function);
                if let Some(function) = function
                    && function.builtin
                    && function.name.contains("advisory_xact_lock")
                {
                    call_at = Some(call.location);
                }
            }
            _ => {}
        });
        if writes {
            continue;
        }
        let (what, span) = match call_at {
            _ if locks_rows => ("the rows are locked", locking_clause(context)),
            Some(location) => ("the lock is held", context.at(location)),
            None => continue,
        };
        found.push(
            Diagnostic::error(
                RULE.name,
                format!("{what} until the statement ends, and no longer"),
            )
            .at(span.unwrap_or_else(|| context.head()))
            .help("add `--@ transaction`: the function then takes a transaction, and the lock lasts until its end"),
        );
    }
}

fn locks(query: &Query) -> bool {
    !query.row_marks.is_empty() || query.has_for_update
}

/// The `FOR` of `FOR UPDATE`.
fn locking_clause(context: &Context<'_>) -> Option<Span> {
    let words: Vec<_> = context.words().collect();
    let place = words.windows(2).find_map(|pair| match pair {
        [(first, range), (second, _)]
            if first.eq_ignore_ascii_case("for")
                && ["update", "share", "no", "key"]
                    .iter()
                    .any(|word| second.eq_ignore_ascii_case(word)) =>
        {
            Some(range.start)
        }
        _ => None,
    });
    context.at(u32::try_from(place?).ok())
}
