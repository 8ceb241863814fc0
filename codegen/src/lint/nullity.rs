//! `not-null-always-null` and `nullable-needless`: what the author says of a column's nullity against what is proved.
//!
//! `name!` on a column that is always NULL is an error: every row would fail to decode. `name?` on a column that is never NULL is a
//! hint: callers unwrap for nothing. Neither is waivable.

use super::Rule;
use super::context::Context;
use crate::describe::Described;
use crate::diagnostic::Diagnostic;
use crate::facts::ColumnFacts;
use crate::parse::syntax::{Field, Nullity, StructUse};

pub(super) const ALWAYS_NULL: Rule = Rule {
    name: "not-null-always-null",
    waivable: false,
    check: always_null,
};

pub(super) const NEEDLESS: Rule = Rule {
    name: "nullable-needless",
    waivable: false,
    check: needless,
};

fn always_null(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for (field, facts) in fields(context) {
        if field.nullity == Some(Nullity::NotNull) && facts.always_null {
            found.push(
                Diagnostic::error(
                    "not-null-always-null",
                    format!("`{}` is NULL in every row", field.name.value),
                )
                .at(field.span)
                .label("`!` says that it never is")
                .note(facts.nullable.reason.clone())
                .help("remove the `!`"),
            );
        }
    }
}

fn needless(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    // A type that queries share may need the mark for another of them.
    if matches!(context.query.parsed.row, StructUse::Named(_)) {
        return;
    }
    for (field, facts) in fields(context) {
        if field.nullity == Some(Nullity::Nullable) && !facts.nullable.value {
            found.push(
                Diagnostic::hint(
                    "nullable-needless",
                    format!("`{}` is never NULL", field.name.value),
                )
                .at(field.span)
                .note(facts.nullable.reason.clone())
                .help("remove the `?`"),
            );
        }
    }
}

/// What the author says of the row's fields, and what is proved of the columns of those names.
fn fields<'a>(context: &Context<'a>) -> Vec<(&'a Field, &'a ColumnFacts)> {
    let (Some(facts), Described::Statement(statement)) =
        (context.query.facts, context.query.described)
    else {
        return Vec::new();
    };
    let said: &[Field] = match &context.query.parsed.row {
        StructUse::Implicit(fields) => fields,
        StructUse::Inline(annotation) => &annotation.fields,
        StructUse::Named(name) => context
            .files()
            .into_iter()
            .flat_map(|file| &file.types)
            .find(|declared| declared.name.value == name.value)
            .map_or(&[], |declared| declared.fields.as_slice()),
    };
    said.iter()
        .filter_map(|field| {
            let place = statement
                .columns
                .iter()
                .position(|column| column.name == field.name.value)?;
            Some((field, facts.columns.get(place)?))
        })
        .collect()
}
