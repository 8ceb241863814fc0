//! `connection-state`: a statement that leaves its connection other than it found it, or that talks past the protocol of queries.
//!
//! Connections are shared: what BEGIN, SET, LISTEN or DECLARE leave behind, the next caller meets. COPY from and to the client is a
//! conversation that no function here holds. SET LOCAL and its like end with their transaction, so they are for `--@ transaction`.
//! Not waivable.

use super::Rule;
use super::context::Context;
use crate::describe::Described;
use crate::diagnostic::Diagnostic;
use crate::parse::syntax::DirectiveKind;

pub(super) const RULE: Rule = Rule {
    name: "connection-state",
    waivable: false,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let Described::Utility(utility) = context.query.described else {
        return;
    };
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
