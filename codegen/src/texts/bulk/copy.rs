//! COPY BINARY, for so many rows that arrays take longer.
//!
//! A row that comes so is read by the receive functions of its columns' types, with their modifiers: what an INSERT of a bare parameter
//! does as well, in two steps. Of anything else the answer here is no, and many rows go as arrays, however many they are.

use crate::catalog::{Catalog, Column, Identity, RelationKind, Trigger};
use crate::describe::Statement as Server;
use crate::describe::tree::{Command, Expr};
use crate::parse::syntax::{ParamUse, ParsedQuery};
use crate::scan::TokenKind;

use super::Reader;

/// `COPY … FROM STDIN (FORMAT binary)`, with a column for each parameter in their order. `None` where rows that come so may not be stored
/// as the author's statement stores them.
pub(super) fn text(
    reader: &Reader<'_>,
    catalog: &Catalog,
    query: &ParsedQuery,
    server: &Server,
) -> Option<String> {
    let params = &query.statement.params;
    let [tree] = server.queries.as_slice() else {
        return None;
    };
    let plain = tree.command == Command::Insert
        && tree.on_conflict.is_none()
        && tree.returning.is_empty()
        && tree.ctes.is_empty()
        && tree.with_check_options.is_empty()
        // Of a view there would be its table, too.
        && tree.rtable.len() == 1
        && reader.word("overriding").is_none();
    if !plain || !is_bare(reader, params) {
        return None;
    }
    let relation = catalog.relations.get(&super::target(tree)?)?;
    let stored = matches!(
        relation.kind,
        RelationKind::Table | RelationKind::PartitionedTable
    );
    // They fire for each statement, and rows that come so are cut into other statements.
    let by_statement = |trigger: &Trigger| {
        trigger.relation == relation.oid
            && trigger.enabled
            && trigger.on_insert()
            && !trigger.is_row()
    };
    if !stored
        || relation.row_security
        || catalog.rules.contains_key(&relation.oid)
        || catalog.triggers.iter().any(by_statement)
    {
        return None;
    }
    let columns = (0..params.len()).map(|place| {
        let mut targets = tree.targets.iter();
        let target = targets.find(|target| stored_as_it_is(&target.expr) == Some(place))?;
        let column = relation.column(target.number)?;
        let same = server.params.get(place) == Some(&column.type_oid);
        (same && takes_what_is_given(catalog, column)).then(|| super::in_quotes(&column.name))
    });
    let columns: Vec<String> = columns.collect::<Option<_>>()?;
    Some(format!(
        "COPY {} ({}) FROM STDIN (FORMAT binary)",
        table(reader)?,
        columns.join(", ")
    ))
}

/// The table as it is written, so that it is looked up as that of the INSERT is.
fn table(reader: &Reader<'_>) -> Option<String> {
    let mut tokens = reader.tokens.iter().map(|(token, _)| token).skip(2);
    let mut table = String::new();
    loop {
        let part = tokens
            .next()
            .filter(|part| matches!(part.kind, TokenKind::Word | TokenKind::QuotedName))?;
        table.push_str(part.text(reader.text));
        match tokens.next() {
            Some(dot) if dot.kind == TokenKind::Dot => table.push('.'),
            _ => return Some(table),
        }
    }
}

/// Are the values of the row parameters and nothing else, each once?
fn is_bare(reader: &Reader<'_>, params: &[ParamUse]) -> bool {
    let Some(values) = reader.word("values") else {
        return false;
    };
    let inner = reader.tokens.iter().skip(values + 2);
    let inner: Vec<TokenKind> = inner
        .take_while(|(_, depth)| *depth > 0)
        .map(|(token, _)| token.kind)
        .collect();
    let mut each = inner.chunks(2);
    let bare = each.all(|part| {
        matches!(
            part,
            [TokenKind::Param] | [TokenKind::Param, TokenKind::Comma]
        )
    });
    bare && inner.len() + 1 == 2 * params.len() && params.iter().all(|param| param.spans.len() == 1)
}

/// The place of a parameter that is stored under no other conversion than to the length of its column. A bare one has no other, and what is
/// stored in a part of a column is none of these.
fn stored_as_it_is(expr: &Expr) -> Option<usize> {
    /// COERCE_IMPLICIT_CAST
    const IMPLICIT: u32 = 2;
    match expr {
        Expr::Param(param) => param.number.checked_sub(1),
        Expr::Relabel { arg, .. }
        | Expr::CoerceToDomain { arg, .. }
        | Expr::ArrayCoerce { arg, .. } => stored_as_it_is(arg),
        Expr::Func(call) if call.format == IMPLICIT => stored_as_it_is(call.args.first()?),
        _ => None,
    }
}

/// COPY stores values in columns that an INSERT may not name. Modifiers of an extension's type may mean one thing to its cast and another to
/// its receive function.
fn takes_what_is_given(catalog: &Catalog, column: &Column) -> bool {
    let found = catalog.types.get(&column.type_oid);
    let built_in = found.is_some_and(|found| found.schema == "pg_catalog");
    column.generated.is_none()
        && column.identity != Some(Identity::Always)
        && (column.type_mod < 0 || built_in)
}
