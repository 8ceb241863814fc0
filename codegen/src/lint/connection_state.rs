//! `connection-state`: a statement that leaves its connection other than it found it, or that talks past the protocol of queries.
//!
//! Connections are shared: what BEGIN, SET, LISTEN or DECLARE leave behind, the next caller meets. COPY from and to the client is a
//! conversation that no function here holds. SET LOCAL and its like end with their transaction, so they are for `--@ transaction`.
//! Temporary tables, the advisory locks of a session and `set_config(…, false)` stay with the connection as well. Not waivable.

use super::Rule;
use super::context::Context;
use crate::describe::tree::{Const, Expr, FuncCall};
use crate::describe::{Described, Utility};
use crate::diagnostic::Diagnostic;
use crate::parse::syntax::DirectiveKind;
use crate::prove::walk::{self, Part};

pub(super) const RULE: Rule = Rule {
    name: "connection-state",
    waivable: false,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if let Described::Utility(utility) = context.query.described {
        of_utility(context, utility, found);
    }
    for query in context.queries() {
        walk::everything(query, &mut |part| {
            if let Part::Expr(Expr::Func(call)) = part {
                of_call(context, call, found);
            }
        });
    }
}

fn of_call(context: &Context<'_>, call: &FuncCall, found: &mut Vec<Diagnostic>) {
    let Some(function) = context
        .catalog
        .functions
        .get(&call.function)
        .filter(|function| function.builtin)
    else {
        return;
    };
    let (why, help) = match function.name.as_str() {
        "pg_advisory_lock"
        | "pg_advisory_lock_shared"
        | "pg_try_advisory_lock"
        | "pg_try_advisory_lock_shared"
        | "pg_advisory_unlock"
        | "pg_advisory_unlock_shared"
        | "pg_advisory_unlock_all" => (
            "is about a lock of the session, which others use after it",
            "callers take one by `db.session_lock(key)`, on a connection of its own, or `tx.advisory_lock(key)`, which ends with the \
             transaction",
        ),
        "set_config" if !call.args.get(2).is_some_and(is_true) => (
            "changes the session, which others use after it",
            "write `true` for its last argument, and `--@ transaction`; or `tx.set_local(…)`",
        ),
        _ => return,
    };
    found.push(
        Diagnostic::error(RULE.name, format!("`{}` {why}", function.name))
            .at(context.at(call.location).unwrap_or_else(|| context.head()))
            .help(help),
    );
}

fn is_true(expr: &Expr) -> bool {
    matches!(expr, Expr::Const(Const { is_null: false, value, .. }) if value.first() == Some(&1))
}

fn of_utility(context: &Context<'_>, utility: &Utility, found: &mut Vec<Diagnostic>) {
    let words: Vec<String> = context
        .words()
        .map(|(word, _)| word.to_ascii_uppercase())
        .collect();
    let second = words.get(1).map_or("", String::as_str);
    let says = |word: &str| words.iter().any(|other| other == word);
    let (why, help) = match utility.command.as_str() {
        "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" | "SAVEPOINT" | "RELEASE" => (
            "begins or ends a transaction on a connection that others use after it",
            "the caller does that: `db.transaction(…)`, `db.begin()`, `tx.savepoint()`",
        ),
        "PREPARE" if second == "TRANSACTION" => (
            "ends a transaction on a connection that others use after it",
            "transactions in two phases have no form here",
        ),
        "SET" if matches!(second, "LOCAL" | "TRANSACTION" | "CONSTRAINTS") => {
            let mut directives = context.query.parsed.directives.iter();
            if directives.any(|directive| directive.kind == DirectiveKind::Transaction) {
                return;
            }
            (
                "says something of its transaction, and outside of one does nothing",
                "add `--@ transaction`: callers then need one",
            )
        }
        "SET" | "RESET" | "DISCARD" | "LOAD" => (
            "changes the session, which others use after it",
            "write `SET LOCAL …` with `--@ transaction`, or `ALTER ROLE … SET …` in the database",
        ),
        "LISTEN" | "UNLISTEN" => (
            "changes the session, which others use after it",
            "callers hear notifications by `db.listen([…])`, on a connection of its own",
        ),
        "PREPARE" | "EXECUTE" | "DEALLOCATE" => (
            "is about prepared statements, which are the connection's own",
            "write the statement itself: every query is prepared once for each connection",
        ),
        "DECLARE" | "FETCH" | "MOVE" | "CLOSE" => (
            "is about a cursor, which lives on one connection",
            "write the SELECT itself; callers read it row by row with `.stream()`",
        ),
        "CREATE" | "SELECT" | "WITH" if makes_temporary(&words) => (
            "makes what the session keeps until it ends, and others use it after this",
            "use a subquery, a CTE or a table of the schema",
        ),
        "COPY" if says("STDIN") || says("STDOUT") => (
            "exchanges data with the client in a way that queries do not",
            "write a SELECT, which `.stream()` reads row by row, or an INSERT … SELECT FROM unnest(…)",
        ),
        _ => return,
    };
    found.push(
        Diagnostic::error(RULE.name, format!("{} {why}", utility.command))
            .at(context.head())
            .help(help),
    );
}

/// CREATE TEMP …, SELECT … INTO TEMP …, and the schema of temporary tables by its name.
fn makes_temporary(words: &[String]) -> bool {
    let is_temporary = |word: &String| matches!(word.as_str(), "TEMP" | "TEMPORARY");
    let first = words.first().map(String::as_str);
    let kind = |word: &&String| matches!(word.as_str(), "TABLE" | "VIEW" | "SEQUENCE");
    let creates = first == Some("CREATE")
        && (words
            .iter()
            .take_while(|word| !kind(word))
            .any(is_temporary)
            || words.iter().take(6).any(|word| word == "PG_TEMP"));
    let after_into = || {
        words
            .iter()
            .skip_while(|word| *word != "INTO")
            .skip(1)
            .take(2)
            .any(is_temporary)
    };
    creates || (first != Some("CREATE") && after_into())
}
