//! Row structs, their borrowed twins, and parameter structs.

use std::collections::BTreeSet;

use crate::model::{Field, RustType, Slot, Struct};

use super::spell::{self, Form, Scope};
use super::writer::{WIDTH, Writer};
use super::{doc, layout, varies};

/// clippy's `too_many_arguments` begins above this.
const MOST_ARGUMENTS: usize = 7;

pub(super) fn row_names(row: &Struct, names: &mut BTreeSet<String>) {
    names.insert(row.name.clone());
    if row.borrows {
        names.insert(borrowed_name(row));
    }
}

/// Its own words, and whose it is.
fn documentation(of: &Struct, what: &str) -> Vec<String> {
    let mut lines = doc::markdown(&of.docs);
    let links: Vec<String> = of
        .of
        .iter()
        .map(|function| doc::function(function))
        .collect();
    let owners = match links.as_slice() {
        [] => return lines,
        [a, b, c, _, ..] => format!("{a}, {b}, {c} and others"),
        _ => links.join(", "),
    };
    if !lines.is_empty() {
        lines.push(String::new());
    }
    let whose = match &of.within {
        Some(column) => format!("What {} of {owners} holds.", doc::names(&[column])),
        None => format!("{what} {owners}."),
    };
    lines.extend(doc::wrapped(&whose));
    lines
}

fn borrowed_name(row: &Struct) -> String {
    format!("{}Ref", row.name)
}

/// The owned struct, the borrowed one where it differs, and the macro that decodes both.
pub(super) fn row(w: &mut Writer, scope: &mut Scope, row: &Struct) {
    w.doc(documentation(row, "A row of"));
    layout::derive(w, &derives(&["Debug", "Clone", "PartialEq"], &row.derives));
    attributes(w, &row.attributes);
    fields(
        w,
        scope,
        &format!("pub struct {}", row.name),
        &row.fields,
        Form::Owned,
    );
    if row.borrows {
        w.blank();
        borrowed(w, scope, row);
    }
    w.blank();
    if !row.keys.is_empty() {
        let members: Vec<String> = row
            .fields
            .iter()
            .zip(&row.keys)
            .map(|(field, key)| format!("{} = {}", field.name, layout::string(key)))
            .collect();
        layout::braced(w, "sqlmill_runtime::json!", &row.name, &members);
        return;
    }
    let head = if row.borrows {
        format!("{}, {}", row.name, borrowed_name(row))
    } else {
        row.name.clone()
    };
    layout::braced(w, "sqlmill_runtime::row!", &head, &names(&row.fields));
    if row.nested {
        w.line(format!("sqlmill_runtime::nested! {{ {head} }}"));
    }
}

fn borrowed(w: &mut Writer, scope: &mut Scope, row: &Struct) {
    w.doc([format!("[`{}`], borrowed from the reply.", row.name)]);
    // What is derived is most of what rustc has to check in a generated crate: a row that lives for one closure is neither copied nor
    // compared.
    layout::derive(w, &derives(&["Debug"], &[]));
    attributes(w, &row.borrowed_attributes);
    let head = format!("pub struct {}<'a>", borrowed_name(row));
    fields(w, scope, &head, &row.fields, Form::Row("'a"));
}

/// A parameter struct and the macro that binds it.
/// `selects`: where nothing is set, another text is sent.
pub(super) fn params(w: &mut Writer, scope: &mut Scope, params: &Struct, selects: bool) {
    w.doc(documentation(params, "The parameters of"));
    let ours: &[&str] = if defaults(params) {
        &["Debug", "Clone", "Copy", "Default"]
    } else {
        &["Debug", "Clone", "Copy"]
    };
    layout::derive(w, &derives(ours, &params.derives));
    attributes(w, &params.attributes);
    let lifetime = if params.borrows { "<'a>" } else { "" };
    let head = format!("pub struct {}{lifetime}", params.name);
    match params
        .varies
        .as_ref()
        .and_then(|varies| varies.order.as_ref())
    {
        None => fields(w, scope, &head, &params.fields, Form::Param("'a")),
        Some(order) => w.block(&head, |w| {
            field_lines(w, scope, &params.fields, Form::Param("'a"));
            w.doc(["The first, unless another is chosen."]);
            layout::field(w, &order.field, &order.name);
        }),
    }
    if let Some(varies) = &params.varies {
        varies::methods(w, scope, params, varies);
    }
    w.blank();
    let head = if params.borrows {
        format!("{}<'_>", params.name)
    } else {
        params.name.clone()
    };
    if let Some(varies) = &params.varies {
        varies::binding(w, &head, varies);
        if let Some(order) = &varies.order {
            w.blank();
            varies::orders(w, params, order);
        }
        return;
    }
    if selects {
        let kept: Vec<String> = params
            .fields
            .iter()
            .filter(|field| patched(field).is_some())
            .map(|field| field.name.clone())
            .collect();
        w.block("sqlmill_runtime::params!", |w| {
            layout::braces(w, &head, &names(&params.fields));
            layout::braces(w, "kept", &kept);
        });
    } else {
        layout::braced(w, "sqlmill_runtime::params!", &head, &names(&params.fields));
    }
    patches(w, scope, params);
}

/// What can be left out altogether: an insert type that demands nothing, a list of patches.
fn defaults(params: &Struct) -> bool {
    (params.of.is_empty() || params.varies.is_some())
        && params.fields.iter().all(|field| field.slot.nullable)
        || params.fields.iter().all(|field| patched(field).is_some())
}

/// What a patch sets.
fn patched(field: &Field) -> Option<&Slot> {
    match &field.slot.ty {
        RustType::Patch(value) => Some(value),
        _ => None,
    }
}

/// The functions that fill a struct of patches.
fn patches(w: &mut Writer, scope: &mut Scope, params: &Struct) {
    let mut setters = Vec::new();
    for field in &params.fields {
        let Some(value) = patched(field) else {
            continue;
        };
        let plain = field.name.strip_prefix("r#").unwrap_or(&field.name);
        let clear = format!("clear_{plain}");
        let free = params.fields.iter().all(|other| other.name != clear);
        let ty = spell::ty(scope, &value.ty, Form::Param("'a"));
        setters.push(match (value.nullable, free) {
            (true, true) => format!("{} or {clear}: {ty},", field.name),
            (true, false) => format!("{}: Option<{ty}>,", field.name),
            (false, _) => format!("{}: {ty},", field.name),
        });
    }
    // `new` is the one that keeps everything.
    if setters.is_empty() || params.fields.iter().any(|field| field.name == "new") {
        return;
    }
    let given: Vec<String> = params
        .fields
        .iter()
        .filter(|field| patched(field).is_none())
        .map(|field| {
            let ty = spell::slot(scope, &field.slot, Form::Param("'a"));
            format!("{}: {ty}", field.name)
        })
        .collect();
    let lifetime = if params.borrows { "<'a>" } else { "" };
    w.blank();
    w.block("sqlmill_runtime::patches!", |w| {
        let name = format!("{}{lifetime}", params.name);
        let head = format!("{name}: new({})", given.join(", "));
        let setters = |w: &mut Writer| {
            for setter in &setters {
                w.line(setter);
            }
        };
        if given.len() > MOST_ARGUMENTS {
            w.block(name, setters);
        } else if w.indent() + layout::width(&head) + 2 <= WIDTH {
            w.block(head, setters);
        } else {
            w.line(format!("{name}: new("));
            w.indented(|w| {
                for given in &given {
                    w.line(format!("{given},"));
                }
            });
            w.block(")", setters);
        }
    });
}

/// `new` with what is required; the rest is `None`. Where all is optional there is `Default`, and past seven arguments a
/// list of positions would hide mistakes.
pub(super) fn constructor(w: &mut Writer, scope: &mut Scope, params: &Struct) {
    let required: Vec<&Field> = params
        .fields
        .iter()
        .filter(|field| !field.slot.nullable)
        .collect();
    if required.is_empty()
        || required.len() == params.fields.len()
        || required.len() > MOST_ARGUMENTS
    {
        return;
    }
    w.blank();
    let head = if params.borrows {
        format!("impl<'a> {}<'a>", params.name)
    } else {
        format!("impl {}", params.name)
    };
    let lifetime_used = required.iter().any(|field| field.slot.ty.param_borrows());
    let head = if params.borrows && !lifetime_used {
        format!("impl {}<'_>", params.name)
    } else {
        head
    };
    w.block(head, |w| {
        w.doc(["With what has no default; the rest is `None`."]);
        let args: Vec<String> = required
            .iter()
            .map(|field| {
                format!(
                    "{}: {}",
                    field.name,
                    spell::slot(scope, &field.slot, Form::Param("'a"))
                )
            })
            .collect();
        let returns = layout::Generic {
            head: "Self".to_owned(),
            args: Vec::new(),
        };
        layout::signature(w, "pub const fn new", &args, &returns, |w| {
            let values: Vec<String> = params
                .fields
                .iter()
                .map(|field| {
                    if field.slot.nullable {
                        format!("{}: None", field.name)
                    } else {
                        field.name.clone()
                    }
                })
                .collect();
            layout::struct_literal(w, "Self", &values);
        });
    });
}

fn fields(w: &mut Writer, scope: &mut Scope, head: &str, fields: &[Field], form: Form<'_>) {
    if fields.is_empty() {
        w.line(format!("{head} {{}}"));
        return;
    }
    w.block(head, |w| field_lines(w, scope, fields, form));
}

fn field_lines(w: &mut Writer, scope: &mut Scope, fields: &[Field], form: Form<'_>) {
    for field in fields {
        // The twin's fields would only repeat the owned struct's words.
        if !matches!(form, Form::Row(_)) {
            w.doc(doc::markdown(&field.docs));
        }
        let ty = spell::slot(scope, &field.slot, form);
        layout::field(w, &field.name, &ty);
    }
}

fn names(fields: &[Field]) -> Vec<String> {
    fields.iter().map(|field| field.name.clone()).collect()
}

pub(super) fn attributes(w: &mut Writer, attributes: &[String]) {
    for attribute in attributes {
        w.line(format!("#[{attribute}]"));
    }
}

/// Ours, then the author's that are not among them.
pub(super) fn derives(ours: &[&str], theirs: &[String]) -> Vec<String> {
    let mut all: Vec<String> = ours.iter().map(|&name| name.to_owned()).collect();
    for name in theirs {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
    all
}

/// The twin of a composite, for `types`.
pub(super) fn composite(w: &mut Writer, scope: &mut Scope, item: &Struct, target: &str) {
    w.doc(doc::markdown(&item.docs));
    layout::derive(w, &derives(&["Debug", "Clone", "PartialEq"], &item.derives));
    attributes(w, &item.attributes);
    fields(
        w,
        scope,
        &format!("pub struct {}", item.name),
        &item.fields,
        Form::Owned,
    );
    if item.borrows {
        w.blank();
        borrowed(w, scope, item);
    }
    w.blank();
    let head = if item.borrows {
        format!("{}, {}: {target}", item.name, borrowed_name(item))
    } else {
        format!("{}: {target}", item.name)
    };
    layout::braced(
        w,
        "sqlmill_runtime::composite!",
        &head,
        &names(&item.fields),
    );
}
