//! `postgres`: PostgreSQL refuses the statement.
//!
//! The message, DETAIL and HINT are the server's own, at the place in the author's text that it names. Not waivable.

use super::Rule;
use super::context::{Context, quoted};
use crate::describe::{Described, ServerError};
use crate::diagnostic::Diagnostic;
use crate::parse::syntax::ParamUse;
use crate::prove::functions;
use crate::texts::filters;

pub(super) const RULE: Rule = Rule {
    name: "postgres",
    waivable: false,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if let Described::Refused(error) = context.query.described {
        found.push(server_error(context, "postgres", error));
    }
}

/// What the server said, for the author.
pub(super) fn server_error(
    context: &Context<'_>,
    rule: &'static str,
    error: &ServerError,
) -> Diagnostic {
    let untyped = untyped_parameter(context, error);
    let span = error
        .position
        .and_then(|position| u32::try_from(position).ok())
        .and_then(|position| context.at(Some(position)))
        .or_else(|| untyped.and_then(|(_, param)| param.spans.first().copied()))
        .unwrap_or_else(|| context.head());
    let message = match untyped {
        Some((number, param)) => error.message.replace(number, &format!("`:{}`", param.name)),
        None => error.message.clone(),
    };
    let mut diagnostic = Diagnostic::error(rule, message).at(span);
    if let Some((_, param)) = untyped {
        let name = &param.name;
        diagnostic = diagnostic.help(format!(
            "say of which type it is: `:{name}::text`, `:{name}::int`, …"
        ));
        if is_tested_in_vain(context, param) {
            diagnostic = diagnostic.help(format!(
                "an optional filter is `(:{name} IS NULL OR <condition>)`, in parentheses of its own, as one of the conditions that WHERE, HAVING or ON joins by AND"
            ));
        }
    }
    if let Some(elsewhere) = in_another_schema(context, error) {
        diagnostic = diagnostic.help(format!(
            "there is `{elsewhere}`: name it so, or add its schema to `search_path` in sqlmill.toml"
        ));
    }
    if let Some(detail) = &error.detail {
        diagnostic = diagnostic.note(detail.clone());
    }
    match &error.hint {
        Some(hint) => diagnostic.help(hint.clone()),
        None => diagnostic,
    }
}

/// The parameter whose type the server cannot tell, or takes for two, and the `$n` that it names it by.
fn untyped_parameter<'c>(
    context: &Context<'c>,
    error: &'c ServerError,
) -> Option<(&'c str, &'c ParamUse)> {
    const INDETERMINATE_DATATYPE: &str = "42P18";
    const AMBIGUOUS_PARAMETER: &str = "42P08";
    if ![INDETERMINATE_DATATYPE, AMBIGUOUS_PARAMETER].contains(&error.code.as_str()) {
        return None;
    }
    let number = error
        .message
        .split(|letter: char| letter != '$' && !letter.is_ascii_digit())
        .find(|word| word.starts_with('$'))?;
    let place: usize = number.get(1..)?.parse().ok()?;
    let param = context.query.statement.params.get(place.checked_sub(1)?)?;
    Some((number, param))
}

/// `:p IS NULL`, of what is no optional filter because of the place where it stands.
fn is_tested_in_vain(context: &Context<'_>, param: &ParamUse) -> bool {
    let asks = param.spans.iter().any(|at| {
        let text = &context.sources.get(at.file).text;
        let behind = text.get(at.end as usize..).unwrap_or_default();
        behind.split_whitespace().next().is_some_and(|word| {
            let asks = ["is", "isnull", "notnull"];
            asks.iter().any(|ask| word.eq_ignore_ascii_case(ask))
        })
    });
    let author = &context.query.parsed.statement;
    asks && !filters::is_tested(context.sources, author, &param.name)
}

/// The relation that was meant, where it is in a schema that is not searched.
fn in_another_schema(context: &Context<'_>, error: &ServerError) -> Option<String> {
    const UNDEFINED_TABLE: &str = "42P01";
    if error.code != UNDEFINED_TABLE {
        return None;
    }
    let name = error.message.split('"').nth(1)?;
    let searched = &context.catalog.search_path;
    let mut found = context.catalog.relations.values().filter(|relation| {
        relation.name == name
            && !functions::is_initial(relation.oid)
            && !searched.contains(&relation.schema)
    });
    match (found.next(), found.next()) {
        (Some(relation), None) => Some(format!(
            "{}.{}",
            quoted(&relation.schema),
            quoted(&relation.name)
        )),
        _ => None,
    }
}
