//! JSON whose keys are known: objects as structs, as long as each value's text in JSON says exactly what the value is.

use crate::catalog::oid::{JSON, JSONB};
use crate::catalog::{Oid, TypeKind};
use crate::diagnostic::Diagnostic;
use crate::facts::{ColumnFacts, JsonFacts, Proved};
use crate::model::{RustType, Slot, Value};
use crate::parse::syntax::Field;

use super::nested::{At, Nested, Part, Rows, Told, derived_name, unknown};
use super::query::{is_named, marked};
use super::{Resolver, names};

/// The name that leaves JSON as it is.
const PLAIN: &str = "Value";

impl Resolver<'_> {
    /// The type of a column of JSON. `None`: `Value`, as of any JSON.
    pub(super) fn document(
        &mut self,
        rows: &mut Rows<'_, '_>,
        json: &JsonFacts,
        at: At<'_>,
    ) -> Result<Option<RustType>, Told> {
        if is_plain(at) {
            return Ok(None);
        }
        let ty = self.json_of(rows, json, at, false)?;
        let is_object = match &ty {
            RustType::Object(_) => true,
            // An array of anything else would be read as one of the database's.
            RustType::Array(element) => matches!(element.ty, RustType::Object(_)),
            _ => false,
        };
        if is_object {
            return Ok(Some(ty));
        }
        let Some(written) = at.said.and_then(|said| said.row.as_ref()) else {
            return Ok(None);
        };
        self.diagnostics.push(
            Diagnostic::error(
                "annotation",
                format!("`{}` is no object whose keys are known, so it takes no struct", at.path),
            )
            .at(written.span)
            .help("`json_build_object` takes keys that are written out, each once: `json_build_object('id', id)`"),
        );
        Err(Told)
    }

    fn json_of(
        &mut self,
        rows: &mut Rows<'_, '_>,
        json: &JsonFacts,
        at: At<'_>,
        many: bool,
    ) -> Result<RustType, Told> {
        match json {
            JsonFacts::Object(members) => {
                let said = said_inside(at);
                let parts: Vec<Part<'_>> = members
                    .iter()
                    .map(|(key, oid, facts)| part(key, *oid, facts.clone(), None, said))
                    .collect();
                self.object(rows, &parts, at, many)
            }
            JsonFacts::Array(oid, facts) => Ok(RustType::Array(Box::new(Slot {
                ty: self.in_json(rows, *oid, facts, at, true)?,
                nullable: facts.nullable.value,
            }))),
            JsonFacts::Of(oid, facts) => self.in_json(rows, *oid, facts, at, many),
        }
    }

    /// A SQL value that `to_json` has written.
    fn in_json(
        &mut self,
        rows: &mut Rows<'_, '_>,
        oid: Oid,
        facts: &ColumnFacts,
        at: At<'_>,
        many: bool,
    ) -> Result<RustType, Told> {
        let catalog = self.catalog;
        let base = catalog.base_type(oid);
        if self.is_cast_by_author(base) || is_plain(at) {
            return Ok(RustType::Json);
        }
        if let Some(json) = &facts.json {
            return self.json_of(rows, json, at, many);
        }
        let origin = facts.origin;
        if let Some(element) = catalog.element_type(base) {
            let dimensions = origin
                .and_then(|(relation, number)| catalog.relations.get(&relation)?.column(number))
                .map_or(0, |column| column.dimensions);
            if dimensions > 1 {
                return Ok(RustType::Json);
            }
            let nullable = facts
                .elements
                .as_ref()
                .is_none_or(|elements| elements.value);
            let inside = ColumnFacts {
                origin: None,
                elements: None,
                ..facts.clone()
            };
            return Ok(RustType::Array(Box::new(Slot {
                ty: self.in_json(rows, element, &inside, at, true)?,
                nullable,
            })));
        }
        let said = said_inside(at);
        match catalog.types.get(&base).map(|found| &found.kind) {
            Some(TypeKind::Composite { relation, fields }) => {
                let column = |name: &str| {
                    let relation = catalog.relations.get(relation)?;
                    Some((relation.oid, relation.column_named(name)?.number))
                };
                let parts: Vec<Part<'_>> = fields
                    .iter()
                    .enumerate()
                    .map(|(number, field)| {
                        let facts = facts.fields.get(number).cloned().unwrap_or_else(unknown);
                        part(
                            &field.name,
                            field.type_oid,
                            facts,
                            column(&field.name),
                            said,
                        )
                    })
                    .collect();
                self.object(rows, &parts, at, many)
            }
            Some(TypeKind::Pseudo) if !facts.record.is_empty() => {
                let parts: Vec<Part<'_>> = facts
                    .record
                    .iter()
                    .zip(&facts.fields)
                    .map(|((name, oid), facts)| part(name, *oid, facts.clone(), None, said))
                    .collect();
                self.object(rows, &parts, at, many)
            }
            _ => Ok(match self.types.place(base, origin.as_slice()) {
                Ok(ty) if is_exact(&ty) => ty,
                _ => RustType::Json,
            }),
        }
    }

    /// `Json` where its keys make no struct.
    fn object(
        &mut self,
        rows: &mut Rows<'_, '_>,
        parts: &[Part<'_>],
        at: At<'_>,
        many: bool,
    ) -> Result<RustType, Told> {
        self.unknown_parts(parts, at);
        let fields: Vec<Option<String>> =
            parts.iter().map(|part| names::snake(&part.name)).collect();
        let distinct = fields
            .iter()
            .enumerate()
            .all(|(index, field)| field.is_some() && !fields[..index].contains(field));
        if !distinct {
            return Ok(RustType::Json);
        }
        let written = at.said.and_then(|said| said.row.as_ref());
        let name = match written {
            Some(written) => names::of_author(&written.value),
            None => derived_name(at, many),
        };
        let place = rows.nested.len();
        let mut values = Vec::new();
        for (part, field) in parts.iter().zip(fields) {
            let path = format!("{}.{}", at.path, part.name);
            let inside = At {
                span: part.said.map_or(at.span, |said| said.span),
                said: part.said,
                path: &path,
                parent: &name,
            };
            let mut facts = part.facts.clone();
            facts.origin = facts.origin.or(part.comment_of);
            let ty = self.in_json(rows, part.type_oid, &facts, inside, false)?;
            let nullable = marked(
                part.said.and_then(|said| said.nullity),
                Some(&facts.nullable),
            );
            values.push(Value {
                name: part.name.clone(),
                field: field.unwrap_or_default(),
                sql_type: self.catalog.type_name(part.type_oid),
                spelled: self.catalog.spelled(part.type_oid),
                slot: Slot {
                    ty,
                    nullable: nullable.value,
                },
                nullable: nullable.value,
                reason: nullable.reason,
                as_declared: part.said.is_none()
                    && facts
                        .origin
                        .and_then(|origin| self.column(origin))
                        .is_some_and(|column| self.column_nullable(column) == nullable.value),
                elements_reason: elements_reason(&facts),
                comment: self.comment(facts.origin),
            });
        }
        rows.nested.insert(
            place,
            Nested {
                name: name.clone(),
                written: written.cloned(),
                path: at.path.to_owned(),
                values,
                json: true,
            },
        );
        Ok(RustType::Object(name))
    }

    /// An author's cast to JSON says what the value looks like there.
    fn is_cast_by_author(&self, base: Oid) -> bool {
        base != JSON
            && base != JSONB
            && [JSON, JSONB]
                .into_iter()
                .any(|json| self.catalog.casts.contains_key(&(base, json)))
    }
}

/// Of an array in JSON, or an array that becomes one.
pub(super) fn elements_reason(facts: &ColumnFacts) -> Option<String> {
    match &facts.json {
        Some(JsonFacts::Array(_, element)) => {
            let Proved { value, reason } = &element.nullable;
            let are = if *value { "elements:" } else { "elements are" };
            (!reason.is_empty()).then(|| format!("{are} {reason}"))
        }
        Some(JsonFacts::Of(_, value)) => elements_reason(value),
        Some(JsonFacts::Object(_)) => None,
        None => {
            let reason = facts.elements.as_ref().map(|elements| &elements.reason);
            reason.filter(|reason| !reason.is_empty()).cloned()
        }
    }
}

fn part<'a>(
    name: &str,
    type_oid: Oid,
    facts: ColumnFacts,
    comment_of: Option<(Oid, i16)>,
    said: &'a [Field],
) -> Part<'a> {
    Part {
        name: name.to_owned(),
        type_oid,
        facts,
        comment_of,
        said: said.iter().find(|said| is_named(said, name)),
    }
}

fn said_inside<'r>(at: At<'r>) -> &'r [Field] {
    at.said.map_or(&[][..], |said| said.inner.as_slice())
}

fn is_plain(at: At<'_>) -> bool {
    at.said
        .and_then(|said| said.row.as_ref())
        .is_some_and(|row| row.value == PLAIN)
}

/// What `to_json` writes of it is read back without loss.
fn is_exact(ty: &RustType) -> bool {
    match ty {
        RustType::Bool
        | RustType::I16
        | RustType::I32
        | RustType::I64
        | RustType::F32
        | RustType::F64
        | RustType::Decimal
        | RustType::Text
        | RustType::Uuid
        | RustType::Date
        | RustType::Time
        | RustType::DateTime
        | RustType::Timestamp
        | RustType::Json
        | RustType::Shaped(_)
        | RustType::Enum(_)
        | RustType::OpenEnum(_) => true,
        RustType::Id { base, .. } => is_exact(base),
        _ => false,
    }
}
