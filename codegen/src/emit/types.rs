//! Enums, composites and domains of the schema.

use std::collections::BTreeSet;

use crate::model::{CompositeItem, DomainItem, Struct, TypeItem, TypeItemKind, Variant};

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
        TypeItemKind::Enum(variants) => enumeration(w, item, variants),
        TypeItemKind::Composite(composite) => self::composite(w, scope, item, composite),
        TypeItemKind::Domain(domain) => self::domain(w, scope, item, domain),
    }
}

fn qualified(item: &TypeItem) -> String {
    format!(
        "{}.{}",
        layout::string(&item.schema),
        layout::string(&item.sql)
    )
}

fn enumeration(w: &mut Writer, item: &TypeItem, variants: &[Variant]) {
    w.doc(documentation(item, "enum", &[]));
    let derives = [
        "Debug",
        "Clone",
        "Copy",
        "PartialEq",
        "Eq",
        "PartialOrd",
        "Ord",
        "Hash",
    ];
    layout::derive(w, &derives.map(str::to_owned));
    if variants.is_empty() {
        w.line(format!("pub enum {} {{}}", item.name));
    } else {
        w.block(format!("pub enum {}", item.name), |w| {
            for variant in variants {
                w.line(format!("{},", variant.name));
            }
        });
    }
    w.blank();
    let labels: Vec<String> = variants
        .iter()
        .map(|variant| format!("{} = {}", variant.name, layout::string(&variant.label)))
        .collect();
    let head = format!("{}: {}", item.name, qualified(item));
    layout::braced(w, "sqlmill_runtime::enumeration!", &head, &labels);
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
        derives: Vec::new(),
        attributes: Vec::new(),
        borrowed_attributes: Vec::new(),
        borrows: composite.borrows,
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
