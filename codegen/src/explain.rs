//! What was proved of one query, as text for a person: `cargo xtask explain users::get_user`.

use std::fmt::Write as _;

use crate::catalog::Catalog;
use crate::checked::Checked;
use crate::describe::Described;
use crate::facts::{Access, Cardinality, ColumnFacts, Facts, Proved};
use crate::parse::syntax::Role;
use crate::source::Sources;

/// Every fact of one query, with its reason.
pub fn explain(
    sources: &Sources,
    catalog: &Catalog,
    checked: &Checked<'_>,
    facts: &Facts,
) -> String {
    let query = checked.parsed;
    let module = &checked.file.module;
    let place = sources.position(query.name.span);
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{module}::{}  {}:{}:{}\n",
        query.name.value,
        sources.get(query.name.span.file).path,
        place.line,
        place.column
    );
    for line in query.statement.sql.lines() {
        let _ = writeln!(text, "    {line}");
    }
    let _ = writeln!(text);
    let sent: usize = checked
        .groups
        .iter()
        .map(|group| group.group.texts.iter().filter(|text| text.sent).count())
        .sum();
    if sent > 1 {
        let _ = writeln!(text, "one of {sent} texts is sent; this holds of each:\n");
    }
    fact(
        &mut text,
        "rows",
        cardinality(facts.cardinality.value),
        &facts.cardinality.reason,
    );
    fact(
        &mut text,
        "access",
        match facts.access.value {
            Access::Read => "reads only",
            Access::Write => "writes",
        },
        &facts.access.reason,
    );
    fact(
        &mut text,
        "shared",
        if facts.shared.value { "yes" } else { "no" },
        &facts.shared.reason,
    );
    params(&mut text, catalog, checked, facts);
    columns(&mut text, catalog, checked, facts);
    tables(&mut text, catalog, facts);
    if !facts.violations.is_empty() {
        let _ = writeln!(text, "\ncan violate");
        for violation in &facts.violations {
            let _ = writeln!(
                text,
                "  {} on {}: {}",
                violation.name, violation.relation_name, violation.reason
            );
        }
    }
    if let Some(code) = &facts.unread_code {
        let _ = writeln!(text, "\nother constraints may break too: {code}");
    }
    order(&mut text, facts);
    pages(&mut text, checked);
    text
}

fn pages(text: &mut String, checked: &Checked<'_>) {
    let Some(pages) = checked.pages else { return };
    let reasons = pages.without_cursors();
    for reason in &reasons {
        let _ = writeln!(text, "\npages    by number; not by cursor: {reason}");
    }
    if !reasons.is_empty() {
        return;
    }
    for cursor in pages.orders.iter().flat_map(|order| &order.cursor) {
        let keys = cursor.order();
        let _ = writeln!(text, "\npages    by number, and by cursor over {keys}");
    }
}

fn cardinality(value: Cardinality) -> &'static str {
    match value {
        Cardinality::None => "none",
        Cardinality::One => "exactly one",
        Cardinality::AtMostOne => "at most one",
        Cardinality::Many => "any number",
    }
}

fn fact(text: &mut String, name: &str, value: &str, reason: &str) {
    let _ = writeln!(text, "{name:<8} {value}: {reason}");
}

/// The reason says itself which it is, most of the time.
fn nullable(proved: &Proved<bool>) -> String {
    let word = if proved.value {
        "may be null"
    } else {
        "not null"
    };
    if proved.reason.contains(word) {
        proved.reason.clone()
    } else {
        format!("{word}: {}", proved.reason)
    }
}

fn params(text: &mut String, catalog: &Catalog, checked: &Checked<'_>, facts: &Facts) {
    let types = match checked.described {
        Described::Statement(statement) => &statement.params,
        Described::Utility(utility) => &utility.params,
        Described::Refused(_) | Described::Unasked => return,
    };
    if checked.params.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nparameters");
    for (index, param) in checked.params.iter().enumerate() {
        let mark = match param.role {
            Role::Value => "",
            Role::Patch { .. } => "~",
            Role::Switch => continue,
        };
        let kind = types
            .get(index)
            .map_or_else(String::new, |&oid| catalog.type_name(oid));
        let Some(facts) = facts.params.get(index) else {
            continue;
        };
        let _ = writeln!(
            text,
            "  :{}{mark} {kind}: {}",
            param.name,
            nullable(&facts.nullable)
        );
        if let Some(elements) = &facts.elements {
            let _ = writeln!(text, "    elements {}", nullable(elements));
        }
    }
}

fn columns(text: &mut String, catalog: &Catalog, checked: &Checked<'_>, facts: &Facts) {
    let columns = match checked.described {
        Described::Statement(statement) => &statement.columns,
        Described::Utility(utility) => &utility.columns,
        Described::Refused(_) | Described::Unasked => return,
    };
    if columns.is_empty() {
        return;
    }
    let _ = writeln!(text, "\ncolumns");
    for (column, facts) in columns.iter().zip(&facts.columns) {
        let _ = writeln!(
            text,
            "  {} {}: {}",
            column.name,
            catalog.type_name(column.type_oid),
            nullable(&facts.nullable)
        );
        inside(text, facts, 2);
    }
}

fn inside(text: &mut String, facts: &ColumnFacts, depth: usize) {
    let indent = "  ".repeat(depth);
    if let Some(elements) = &facts.elements {
        let _ = writeln!(text, "{indent}elements {}", nullable(elements));
    }
    for (index, field) in facts.fields.iter().enumerate() {
        let name = match facts.record.get(index) {
            Some((name, _)) => format!("`{name}`"),
            None => (index + 1).to_string(),
        };
        let _ = writeln!(text, "{indent}field {name} {}", nullable(&field.nullable));
        inside(text, field, depth + 1);
    }
}

fn tables(text: &mut String, catalog: &Catalog, facts: &Facts) {
    if !facts.reads.is_empty() {
        let _ = writeln!(text, "\nreads");
        for (&table, columns) in &facts.reads {
            let _ = writeln!(
                text,
                "  {} ({})",
                catalog.relation_name(table),
                names(catalog, table, columns.iter().copied())
            );
        }
    }
    if !facts.writes.is_empty() {
        let _ = writeln!(text, "\nwrites");
        for (&table, write) in &facts.writes {
            let verbs: Vec<&str> = [
                ("insert", write.insert),
                ("update", write.update),
                ("delete", write.delete),
            ]
            .into_iter()
            .filter_map(|(verb, does)| does.then_some(verb))
            .collect();
            let _ = writeln!(
                text,
                "  {}: {} ({})",
                catalog.relation_name(table),
                verbs.join(", "),
                names(catalog, table, write.columns.iter().copied())
            );
        }
    }
}

fn names(catalog: &Catalog, table: u32, columns: impl Iterator<Item = i16>) -> String {
    let relation = catalog.relations.get(&table);
    let names: Vec<String> = columns
        .map(
            |number| match relation.and_then(|relation| relation.column(number)) {
                Some(column) => column.name.clone(),
                None if number == 0 => "whole row".to_owned(),
                None => format!("system column {number}"),
            },
        )
        .collect();
    names.join(", ")
}

fn order(text: &mut String, facts: &Facts) {
    let order = &facts.order;
    if order.keys.is_empty() {
        return;
    }
    let keys: Vec<String> = order
        .keys
        .iter()
        .map(|key| {
            format!(
                "{}{}",
                key.text,
                if key.descending { " descending" } else { "" }
            )
        })
        .collect();
    let _ = writeln!(
        text,
        "\norder    {}; {}: {}",
        keys.join(", "),
        if order.total.value {
            "no two rows tie"
        } else {
            "rows may tie"
        },
        order.total.reason
    );
}
