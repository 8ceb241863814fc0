//! Enums, composites and domains of the schema.

use std::collections::BTreeSet;

use crate::model::{CompositeItem, DomainItem, EnumItem, RustType, Struct, TypeItem, TypeItemKind};

use super::spell::{self, Form, Scope};
use super::structs;
use super::writer::Writer;
use super::{doc, layout};

pub(super) fn names(items: &[TypeItem]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for item in items {
        names.insert(item.name.clone());
        if matches!(&item.kind, TypeItemKind::Composite(composite) if composite.borrows) {
            names.insert(format!("{}Ref", item.name));
        }
    }
    names
}

pub(super) fn item(w: &mut Writer, scope: &mut Scope, item: &TypeItem) {
    match &item.kind {
        TypeItemKind::Enum(found) => enumeration(w, item, found),
        TypeItemKind::Composite(composite) => self::composite(w, scope, item, composite),
        TypeItemKind::Domain(domain) => self::domain(w, scope, item, domain),
        TypeItemKind::Id(base) => id(w, scope, item, base),
    }
}

fn qualified(item: &TypeItem) -> String {
    format!(
        "{}.{}",
        layout::string(&item.schema),
        layout::string(&item.sql)
    )
}

fn enumeration(w: &mut Writer, item: &TypeItem, found: &EnumItem) {
    w.doc(documentation(item, "enum", &[]));
    let copy: &[&str] = if found.unknown.is_none() {
        &["Copy"]
    } else {
        &[]
    };
    let ours = [
        &["Debug", "Clone"][..],
        copy,
        &["PartialEq", "Eq", "PartialOrd", "Ord", "Hash"],
    ];
    layout::derive(w, &structs::derives(&ours.concat(), &item.derives));
    structs::attributes(w, &item.attributes);
    if found.variants.is_empty() && found.unknown.is_none() {
        w.line(format!("pub enum {} {{}}", item.name));
    } else {
        w.block(format!("pub enum {}", item.name), |w| {
            for variant in &found.variants {
                w.line(format!("{},", variant.name));
            }
            if let Some(unknown) = &found.unknown {
                w.doc(["A label that this crate does not know."]);
                w.line(format!("{unknown}(String),"));
            }
        });
    }
    w.blank();
    let labels: Vec<String> = found
        .variants
        .iter()
        .map(|variant| format!("{} = {}", variant.name, layout::string(&variant.label)))
        .collect();
    let head = match &found.unknown {
        None => format!("{}: {}", item.name, qualified(item)),
        Some(unknown) => format!("{} | {unknown}: {}", item.name, qualified(item)),
    };
    layout::braced(w, "sqlmill_runtime::enumeration!", &head, &labels);
}

/// A number or a text that no other table's key can be mistaken for.
fn id(w: &mut Writer, scope: &mut Scope, item: &TypeItem, base: &RustType) {
    let of = doc::names(&[format!("{}.{}", item.schema, item.sql)]);
    w.doc([format!("The key of {of}.")]);
    let copy: &[&str] = if base.is_copy() { &["Copy"] } else { &[] };
    let ours = [
        &["Debug", "Clone"][..],
        copy,
        &["PartialEq", "Eq", "PartialOrd", "Ord", "Hash"],
    ];
    layout::derive(w, &structs::derives(&ours.concat(), &item.derives));
    structs::attributes(w, &item.attributes);
    let inner = spell::ty(scope, base, Form::Owned);
    w.line(format!("pub struct {}(pub {inner});", item.name));
    w.blank();
    w.line(format!(
        "sqlmill_runtime::newtype! {{ {}({inner}) }}",
        item.name
    ));
}

fn composite(w: &mut Writer, scope: &mut Scope, item: &TypeItem, composite: &CompositeItem) {
    let as_struct = Struct {
        name: item.name.clone(),
        docs: documentation(item, "composite type", &[]),
        of: Vec::new(),
        fields: composite
            .fields
            .iter()
            .map(|(_, field)| field.clone())
            .collect(),
        derives: item.derives.clone(),
        attributes: item.attributes.clone(),
        varies: None,
        borrowed_attributes: Vec::new(),
        borrows: composite.borrows,
        nested: false,
        within: None,
        keys: Vec::new(),
    };
    structs::composite(w, scope, &as_struct, &qualified(item));
}

fn domain(w: &mut Writer, scope: &mut Scope, item: &TypeItem, domain: &DomainItem) {
    let mut facts = vec![format!("Over `{}`", domain.base_sql)];
    if domain.not_null {
        facts.push("NOT NULL".to_owned());
    }
    facts.extend(domain.checks.iter().map(|check| doc::names(&[check])));
    w.doc(documentation(
        item,
        "domain",
        &[format!("{}.", facts.join(", "))],
    ));
    let base = spell::ty(scope, &domain.base, Form::Owned);
    w.line(format!("pub type {} = {base};", item.name));
}

/// The COMMENT, or else what it is.
fn documentation(item: &TypeItem, kind: &str, more: &[String]) -> Vec<String> {
    let mut lines = if item.docs.is_empty() {
        vec![format!(
            "The {kind} {}.",
            doc::names(&[format!("{}.{}", item.schema, item.sql)])
        )]
    } else {
        item.docs.clone()
    };
    for line in more {
        lines.push(String::new());
        lines.push(line.clone());
    }
    lines = doc::markdown(&lines);
    lines
}
