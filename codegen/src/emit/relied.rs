//! What `verify` looks for in a live database beside the types of each statement.

use std::collections::BTreeMap;

use crate::model::{Definition, Model, Part, TypeItemKind};

use super::layout;
use super::writer::Writer;

/// What the list is called.
pub(super) const NAME: &str = "RELIED";

pub(super) fn is_empty(model: &Model) -> bool {
    model.relied.search_path.is_empty()
}

pub(super) fn relied(w: &mut Writer, model: &Model) {
    let string = layout::string;
    let relied = &model.relied;
    w.block("sqlmill_runtime::relied!", |w| {
        let path: Vec<String> = relied.search_path.iter().map(|name| string(name)).collect();
        w.line(format!("{NAME}: search_path [{}];", path.join(", ")));
        let enums: BTreeMap<(&str, &str), (&str, Vec<String>)> = model
            .types
            .iter()
            .filter_map(|ty| match &ty.kind {
                TypeItemKind::Enum(item) => {
                    let labels = item.variants.iter().map(|variant| string(&variant.label));
                    // One that keeps what it does not know may have more.
                    let kind = match item.unknown {
                        Some(_) => "open_labels",
                        None => "labels",
                    };
                    let place = (ty.schema.as_str(), ty.sql.as_str());
                    Some((place, (kind, labels.collect())))
                }
                _ => None,
            })
            .collect();
        for ((schema, name), (kind, labels)) in enums {
            let place = format!("{}.{}", string(schema), string(name));
            w.line(format!("{kind} {place} [{}];", labels.join(", ")));
        }
        for ((schema, table), columns) in &relied.not_null {
            let place = format!("{}.{}", string(schema), string(table));
            let columns: Vec<String> = columns.iter().map(|column| string(column)).collect();
            w.line(format!("not_null {place} [{}];", columns.join(", ")));
        }
        for definition in &relied.definitions {
            let Definition {
                schema,
                relation,
                part,
                name,
                text,
            } = definition;
            let part = match part {
                Part::Column => "column",
                Part::Key => "key",
                Part::Check => "check",
            };
            let place = format!("{}.{}", string(schema), string(relation));
            w.line(format!("{part} {place} {} {};", string(name), string(text)));
        }
    });
}
