//! Rows within rows: a whole row as a value, alone or in an array. Where it comes unchanged from a table it is the table's row
//! type; a row without a type of its own has a struct that is named after the query and the column, or by the author.

use crate::catalog::{Oid, TypeKind};
use crate::diagnostic::Diagnostic;
use crate::facts::{ColumnFacts, Proved};
use crate::model::{Home, RustType, Slot, StructName, Value};
use crate::nearest::nearest;
use crate::parse::syntax::{Field, ParsedQuery};
use crate::source::{Span, Spanned};

use super::query::{Place, is_named};
use super::tables::Tables;
use super::{Resolver, names};

/// Past this many the runtime has no tuple.
const LONGEST_TUPLE: usize = 12;

/// The struct of a row within a row of a query.
pub(super) struct Nested {
    /// As Rust has it.
    pub(super) name: String,
    /// Where the author names it.
    pub(super) written: Option<Spanned<String>>,
    /// The column, and the fields on the way to it: `organizations.teams`.
    pub(super) path: String,
    pub(super) values: Vec<Value>,
    /// It is an object in JSON.
    pub(super) json: bool,
}

impl Nested {
    /// Of an object in JSON, its keys.
    pub(super) fn keys(&self) -> Vec<String> {
        let keys = self.values.iter().map(|value| value.name.clone());
        if self.json {
            keys.collect()
        } else {
            Vec::new()
        }
    }
}

/// The rows within the rows of one query, as they are found.
pub(super) struct Rows<'r, 't> {
    pub(super) parsed: &'r ParsedQuery,
    pub(super) tables: &'r mut Tables<'t>,
    pub(super) nested: Vec<Nested>,
}

/// Where a value stands in a query's row.
#[derive(Clone, Copy)]
pub(super) struct At<'r> {
    pub(super) span: Span,
    /// What the author says of it.
    pub(super) said: Option<&'r Field>,
    /// `organizations.teams`
    pub(super) path: &'r str,
    /// What its struct is called without a word from the author, the last word apart: `GetUserOrganization`.
    pub(super) parent: &'r str,
}

/// An error that was reported.
pub(super) struct Told;

/// The parts of a row.
pub(super) struct Part<'a> {
    pub(super) name: String,
    pub(super) type_oid: Oid,
    pub(super) facts: ColumnFacts,
    pub(super) comment_of: Option<(Oid, i16)>,
    pub(super) said: Option<&'a Field>,
}

impl Resolver<'_> {
    /// The type of a value that is a row of a known shape, or an array of such rows. `None`: it has a type of another kind.
    pub(super) fn nested(
        &mut self,
        rows: &mut Rows<'_, '_>,
        oid: Oid,
        facts: Option<&ColumnFacts>,
        at: At<'_>,
    ) -> Result<Option<RustType>, Told> {
        let catalog = self.catalog;
        let element = catalog.element_type(oid);
        let row = catalog.base_type(element.unwrap_or(oid));
        let written = at.said.and_then(|said| said.row.as_ref());
        let inner = at.said.map_or(&[][..], |said| said.inner.as_slice());
        if let Some(json) = facts.and_then(|facts| facts.json.as_ref())
            && !self.types.is_ruled(oid)
        {
            return self.document(rows, json, at);
        }
        let known = facts.map_or(&[][..], |facts| facts.fields.as_slice());
        let wrap = |ty: RustType| match element {
            Some(_) => RustType::Array(Box::new(Slot { ty, nullable: true })),
            None => ty,
        };
        let parts: Vec<Part<'_>> = match catalog.types.get(&row).map(|found| &found.kind) {
            Some(TypeKind::Composite { relation, fields }) if !self.types.is_ruled(row) => {
                let stored = inner.is_empty() && self.is_stored_row(*relation, known);
                let row_name = self.row_name(rows.tables, *relation);
                let as_table = match written {
                    None => stored,
                    Some(written) => stored && row_name == Some(names::of_author(&written.value)),
                };
                if as_table && let Some(name) = self.table_row(rows.tables, *relation) {
                    rows.tables.nest(*relation);
                    return Ok(Some(wrap(RustType::Nested(name))));
                }
                if written.is_none() {
                    return Ok(None);
                }
                let column = |name: &str| {
                    let relation = catalog.relations.get(relation)?;
                    Some((relation.oid, relation.column_named(name)?.number))
                };
                fields
                    .iter()
                    .enumerate()
                    .map(|(number, field)| Part {
                        name: field.name.clone(),
                        type_oid: field.type_oid,
                        facts: known.get(number).cloned().unwrap_or_else(unknown),
                        comment_of: column(&field.name),
                        said: inner.iter().find(|said| is_named(said, &field.name)),
                    })
                    .collect()
            }
            Some(TypeKind::Pseudo) if facts.is_some_and(|facts| !facts.record.is_empty()) => facts
                .iter()
                .flat_map(|facts| facts.record.iter().zip(&facts.fields))
                .map(|((name, type_oid), facts)| Part {
                    name: name.clone(),
                    type_oid: *type_oid,
                    facts: facts.clone(),
                    comment_of: None,
                    said: inner.iter().find(|said| is_named(said, name)),
                })
                .collect(),
            _ => {
                let Some(written) = written else {
                    return Ok(None);
                };
                self.diagnostics.push(
                    Diagnostic::error(
                        "annotation",
                        format!(
                            "`{}` is no row whose columns are known, so it takes no struct",
                            at.path
                        ),
                    )
                    .at(written.span)
                    .label(format!("it is of the type `{}`", catalog.type_name(oid)))
                    .help("a whole row has names: `ARRAY(SELECT p FROM (SELECT id, title FROM posts …) p)`"),
                );
                return Err(Told);
            }
        };
        self.unknown_parts(&parts, at);
        let unnamed = (1..)
            .zip(&parts)
            .all(|(number, part)| part.name == format!("f{number}"));
        let as_tuple = unnamed && written.is_none() && parts.len() <= LONGEST_TUPLE;
        let name = match written {
            Some(written) => names::of_author(&written.value),
            None => derived_name(at, element.is_some()),
        };
        let place = rows.nested.len();
        let values = self.parts(rows, &parts, at, &name)?;
        if as_tuple {
            let slots = values.into_iter().map(|value| value.slot).collect();
            return Ok(Some(wrap(RustType::Tuple(slots))));
        }
        let borrows = values.iter().any(|value| value.slot.ty.row_borrows());
        // Before the rows within it: a reader meets the outer ones first.
        rows.nested.insert(
            place,
            Nested {
                name: name.clone(),
                written: written.cloned(),
                path: at.path.to_owned(),
                values,
                json: false,
            },
        );
        Ok(Some(wrap(RustType::Nested(StructName {
            name,
            home: Home::Module,
            borrows,
        }))))
    }

    fn parts(
        &mut self,
        rows: &mut Rows<'_, '_>,
        parts: &[Part<'_>],
        at: At<'_>,
        parent: &str,
    ) -> Result<Vec<Value>, Told> {
        let mut values: Vec<Value> = Vec::new();
        for part in parts {
            let path = format!("{}.{}", at.path, part.name);
            let mut facts = part.facts.clone();
            facts.origin = facts.origin.or(part.comment_of);
            let place = Place {
                name: &part.name,
                oid: part.type_oid,
                facts: Some(&facts),
                // Within a tuple nobody sees the name.
                nameless: false,
                what: format!("the field `{path}`"),
            };
            let at = At {
                span: part.said.map_or(at.span, |said| said.span),
                said: part.said,
                path: &path,
                parent,
            };
            let value = self.value(rows, place, at).ok_or(Told)?;
            if let Some(other) = values.iter().find(|other| other.field == value.field) {
                self.diagnostics.push(
                    Diagnostic::error(
                        "name-collision",
                        if other.name == value.name {
                            format!("`{}` has two fields named `{}`", path_of(&path), value.name)
                        } else {
                            format!(
                                "the fields `{}` and `{}` of `{}` would both be `{}` in Rust",
                                other.name,
                                value.name,
                                path_of(&path),
                                value.field
                            )
                        },
                    )
                    .at(at.span)
                    .help("name them apart in the SQL with AS"),
                );
                return Err(Told);
            }
            values.push(value);
        }
        Ok(values)
    }

    /// The row has what the table holds it to: no field may be NULL whose column may not.
    fn is_stored_row(&self, relation: Oid, known: &[ColumnFacts]) -> bool {
        let Some(relation) = self.catalog.relations.get(&relation) else {
            return false;
        };
        relation.kind.is_stored()
            && known.len() == relation.columns.len()
            && relation
                .columns
                .iter()
                .zip(known)
                .all(|(column, facts)| !facts.nullable.value || self.column_nullable(column))
    }

    pub(super) fn unknown_parts(&mut self, parts: &[Part<'_>], at: At<'_>) {
        let said = at.said.map_or(&[][..], |said| said.inner.as_slice());
        for said in said {
            if parts.iter().any(|part| is_named(said, &part.name)) {
                continue;
            }
            let known = || parts.iter().map(|part| part.name.as_str());
            let all: Vec<String> = known().map(|name| format!("`{name}`")).collect();
            self.diagnostics.push(
                Diagnostic::error(
                    "unknown-column",
                    format!("`{}` has no field `{}`", at.path, said.name.value),
                )
                .at(said.span)
                .help(match nearest(&said.name.value, known()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its fields are {}", all.join(", ")),
                }),
            );
        }
    }
}

/// What is known of each field within, all the way in.
pub(super) fn fields(outputs: &[Value], nested: &[Nested]) -> Vec<Value> {
    let mut found = Vec::new();
    for output in outputs {
        add_fields(output, &output.name, &output.name, nested, &mut found);
    }
    found
}

/// `name` is what the value is called, `path` the same without the brackets of arrays.
fn add_fields(value: &Value, name: &str, path: &str, nested: &[Nested], found: &mut Vec<Value>) {
    let (mut ty, mut name) = (&value.slot.ty, name.to_owned());
    while let RustType::Array(element) = ty {
        ty = &element.ty;
        name.push_str("[]");
    }
    // A table's row says of itself what it holds.
    let Some(row) = nested.iter().find(|row| row.path == path) else {
        return;
    };
    for field in &row.values {
        let name = format!("{name}.{}", field.name);
        found.push(Value {
            name: name.clone(),
            ..field.clone()
        });
        let path = format!("{path}.{}", field.name);
        add_fields(field, &name, &path, nested, found);
    }
}

/// `GetUserOrganization` for the column `organizations` of `get_user`.
pub(super) fn derived_name(at: At<'_>, many: bool) -> String {
    let last = at.path.rsplit('.').next().unwrap_or_default();
    let word = if many {
        names::singular_of(last)
    } else {
        last.to_owned()
    };
    format!("{}{}", at.parent, names::pascal(&word).unwrap_or_default())
}

/// What a field stands in.
fn path_of(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(above, _)| above)
}

pub(super) fn unknown() -> ColumnFacts {
    ColumnFacts {
        nullable: Proved::new(true, "nothing is known of it"),
        elements: None,
        always_null: false,
        fields: Vec::new(),
        record: Vec::new(),
        json: None,
        origin: None,
    }
}
