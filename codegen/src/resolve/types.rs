//! PostgreSQL's types as Rust's, and those of the schema that queries use.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Oid, Type, TypeKind};
use crate::config::Config;
use crate::facts::ColumnFacts;
use crate::model::{
    CompositeItem, DomainItem, Field, RustType, Slot, TypeItem, TypeItemKind, Variant,
};
use crate::parse::syntax;

use super::names;

/// What has no Rust type.
#[derive(Debug)]
pub(super) struct Unsupported {
    /// `tsvector`, `numrange`
    pub(super) name: String,
    pub(super) why: &'static str,
}

/// Said where a type has no Rust type.
pub(super) const SUPPORTED: &str = "supported are bool, int2, int4, int8, float4, float8, numeric, text, varchar, char, name, citext, \
     \"char\", bytea, uuid, json, jsonb, date, time, timestamp, timestamptz, interval, inet, oid, and enums, composites, domains and \
     arrays of these";

pub(super) struct Types<'a> {
    catalog: &'a Catalog,
    /// Names of all enums, composites and domains that a query could use.
    names: BTreeMap<Oid, String>,
    resolved: BTreeMap<Oid, RustType>,
    used: BTreeSet<Oid>,
    /// Of a composite's fields, by number: may it be NULL in some place where it is read?
    nullable: BTreeMap<(Oid, usize), bool>,
    /// What the author says of a composite's fields wherever it stands: `--: address(street!)`.
    described: BTreeMap<(Oid, usize), bool>,
}

impl<'a> Types<'a> {
    pub(super) fn new(catalog: &'a Catalog, config: &'a Config) -> Self {
        Self {
            catalog,
            names: type_names(catalog, config),
            resolved: BTreeMap::new(),
            used: BTreeSet::new(),
            nullable: BTreeMap::new(),
            described: BTreeMap::new(),
        }
    }

    /// A `--:` line, if it has the name of a composite type.
    pub(super) fn describe(&mut self, name: &str, said: &[syntax::Field]) {
        for (&oid, found) in &self.catalog.types {
            let TypeKind::Composite { fields, .. } = &found.kind else {
                continue;
            };
            if found.name != name || !self.catalog.search_path.contains(&found.schema) {
                continue;
            }
            for said in said {
                let number = fields
                    .iter()
                    .position(|field| field.name == said.name.value);
                if let (Some(number), Some(nullity)) = (number, said.nullity) {
                    self.described.insert((oid, number), nullity.is_nullable());
                }
            }
        }
    }

    pub(super) fn resolve(&mut self, oid: Oid) -> Result<RustType, Unsupported> {
        if let Some(found) = self.resolved.get(&oid) {
            return Ok(found.clone());
        }
        let catalog = self.catalog;
        let Some(found) = catalog.types.get(&oid) else {
            return Err(self.unsupported(oid, "the catalog does not have it"));
        };
        let ty = match &found.kind {
            TypeKind::Base | TypeKind::Pseudo => match base(found) {
                Some(ty) => ty,
                None if found.name == "record" => {
                    return Err(self.unsupported(
                        oid,
                        "an anonymous row has no named fields; cast it to a composite type",
                    ));
                }
                None => return Err(self.unsupported(oid, "")),
            },
            TypeKind::Range(_) | TypeKind::Multirange(_) => return Err(self.unsupported(oid, "")),
            &TypeKind::Array(element) => {
                // Arrays read from tables may hold NULL whatever the element type says.
                RustType::Array(Box::new(Slot {
                    ty: self.resolve(element)?,
                    nullable: true,
                }))
            }
            TypeKind::Enum(_) => RustType::Enum(self.name(oid)?),
            TypeKind::Composite { fields, .. } => {
                let mut borrows = false;
                for field in fields {
                    borrows |= self.resolve(field.type_oid)?.row_borrows();
                }
                RustType::Composite {
                    name: self.name(oid)?,
                    borrows,
                }
            }
            TypeKind::Domain(domain) => RustType::Domain {
                name: self.name(oid)?,
                base: Box::new(self.resolve(domain.base)?),
            },
        };
        if matches!(
            found.kind,
            TypeKind::Enum(_) | TypeKind::Composite { .. } | TypeKind::Domain(_)
        ) {
            self.used.insert(oid);
        }
        self.resolved.insert(oid, ty.clone());
        Ok(ty)
    }

    fn name(&self, oid: Oid) -> Result<String, Unsupported> {
        self.names
            .get(&oid)
            .cloned()
            .ok_or_else(|| self.unsupported(oid, "nothing of its name can stand in Rust"))
    }

    fn unsupported(&self, oid: Oid, why: &'static str) -> Unsupported {
        Unsupported {
            name: self.catalog.type_name(oid),
            why,
        }
    }

    /// A place where a value of this type is read: what is known there of a composite's fields. `said` is what the author
    /// wrote of them.
    pub(super) fn read(&mut self, oid: Oid, facts: Option<&ColumnFacts>, said: &[syntax::Field]) {
        let catalog = self.catalog;
        let base = catalog.base_type(oid);
        match catalog.types.get(&base).map(|found| &found.kind) {
            // Of the rows in an array nothing is known.
            Some(&TypeKind::Array(element)) => self.read(element, None, said),
            Some(TypeKind::Composite { fields, .. }) => {
                for (number, field) in fields.iter().enumerate() {
                    let known = facts.and_then(|facts| facts.fields.get(number));
                    let said = said.iter().find(|said| said.name.value == field.name);
                    let nullable = said.and_then(|said| said.nullity).map_or_else(
                        || known.is_none_or(|known| known.nullable.value),
                        syntax::Nullity::is_nullable,
                    );
                    *self.nullable.entry((base, number)).or_default() |= nullable;
                    let inner = said.map_or(&[][..], |said| said.inner.as_slice());
                    self.read(field.type_oid, known, inner);
                }
            }
            _ => {}
        }
    }

    /// The composite beneath domains and arrays.
    pub(super) fn composite(&self, oid: Oid) -> Option<&'a Type> {
        let base = self.catalog.base_type(oid);
        let found = self.catalog.types.get(&base)?;
        match found.kind {
            TypeKind::Array(element) => self.composite(element),
            TypeKind::Composite { .. } => Some(found),
            _ => None,
        }
    }

    /// The types that queries use, and places where two have one name: both SQL names.
    pub(super) fn items(mut self) -> (Vec<TypeItem>, Vec<(String, String, String)>) {
        let catalog = self.catalog;
        let mut items = BTreeMap::new();
        let mut clashes = Vec::new();
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        for oid in self.used.clone() {
            let Some(found) = catalog.types.get(&oid) else {
                continue;
            };
            let Some(item) = self.item(oid, found) else {
                continue;
            };
            let sql = catalog.type_name(oid);
            let mut names = vec![item.name.clone()];
            if matches!(&item.kind, TypeItemKind::Composite(composite) if composite.borrows) {
                names.push(format!("{}Ref", item.name));
            }
            for name in names {
                if let Some(other) = taken.insert(name.clone(), sql.clone()) {
                    clashes.push((name, other, sql.clone()));
                }
            }
            items.insert((item.name.clone(), sql), item);
        }
        (items.into_values().collect(), clashes)
    }

    fn item(&mut self, oid: Oid, found: &Type) -> Option<TypeItem> {
        let catalog = self.catalog;
        let name = self.names.get(&oid)?.clone();
        let kind = match &found.kind {
            TypeKind::Enum(labels) => TypeItemKind::Enum(
                names::variants(labels)
                    .into_iter()
                    .zip(labels)
                    .map(|(name, label)| Variant {
                        name,
                        label: label.clone(),
                    })
                    .collect(),
            ),
            TypeKind::Composite { relation, fields } => {
                let mut taken = BTreeSet::new();
                let mut borrows = false;
                let mut resolved = Vec::new();
                for (number, field) in fields.iter().enumerate() {
                    let ty = self.resolve(field.type_oid).ok()?;
                    borrows |= ty.row_borrows();
                    let comment = catalog
                        .relations
                        .get(relation)
                        .and_then(|relation| relation.column_named(&field.name))
                        .and_then(|column| column.comment.clone());
                    let rust = names::snake(&field.name)
                        .unwrap_or_else(|| format!("field_{}", number + 1));
                    let slot = Slot {
                        ty,
                        nullable: self
                            .described
                            .get(&(oid, number))
                            .or_else(|| self.nullable.get(&(oid, number)))
                            .copied()
                            .unwrap_or(true),
                    };
                    resolved.push((
                        field.name.clone(),
                        Field {
                            name: names::numbered(rust, &mut taken),
                            slot,
                            docs: comment.into_iter().collect(),
                        },
                    ));
                }
                TypeItemKind::Composite(CompositeItem {
                    fields: resolved,
                    borrows,
                })
            }
            TypeKind::Domain(domain) => TypeItemKind::Domain(DomainItem {
                base: self.resolve(domain.base).ok()?,
                base_sql: catalog.type_name(domain.base),
                checks: domain
                    .checks
                    .iter()
                    .map(|check| check.definition.clone())
                    .collect(),
                not_null: domain.not_null,
            }),
            TypeKind::Base
            | TypeKind::Array(_)
            | TypeKind::Range(_)
            | TypeKind::Multirange(_)
            | TypeKind::Pseudo => return None,
        };
        let comment = found.comment.clone().or_else(|| match &found.kind {
            TypeKind::Composite { relation, .. } => catalog
                .relations
                .get(relation)
                .and_then(|relation| relation.comment.clone()),
            _ => None,
        });
        Some(TypeItem {
            name,
            schema: found.schema.clone(),
            sql: found.name.clone(),
            docs: comment.into_iter().collect(),
            kind,
        })
    }
}

fn base(found: &Type) -> Option<RustType> {
    // Extensions may live in any schema.
    if found.name == "citext" {
        return Some(RustType::Text);
    }
    if found.schema != "pg_catalog" {
        return None;
    }
    Some(match found.name.as_str() {
        "void" => RustType::Unit,
        "bool" => RustType::Bool,
        "char" => RustType::I8,
        "int2" => RustType::I16,
        "int4" => RustType::I32,
        "int8" => RustType::I64,
        "oid" => RustType::U32,
        "float4" => RustType::F32,
        "float8" => RustType::F64,
        "numeric" => RustType::Decimal,
        "text" | "varchar" | "bpchar" | "name" => RustType::Text,
        "bytea" => RustType::Bytes,
        "uuid" => RustType::Uuid,
        "json" | "jsonb" => RustType::Json,
        "date" => RustType::Date,
        "time" => RustType::Time,
        "timestamp" => RustType::DateTime,
        "timestamptz" => RustType::Timestamp,
        "interval" => RustType::Interval,
        "inet" => RustType::IpAddr,
        _ => return None,
    })
}

/// Names of the schema's types. The ending `_enum` says nothing that Rust does not say, and goes, unless another type has
/// the shorter name. A schema that is not on the search path goes in front.
fn type_names(catalog: &Catalog, config: &Config) -> BTreeMap<Oid, String> {
    let mut full: BTreeMap<Oid, String> = BTreeMap::new();
    let mut short: BTreeMap<String, Vec<Oid>> = BTreeMap::new();
    let mut names = BTreeMap::new();
    for (&oid, found) in &catalog.types {
        let of_table = match &found.kind {
            TypeKind::Enum(_) | TypeKind::Domain(_) => None,
            TypeKind::Composite { relation, .. } => catalog.relations.get(relation),
            _ => continue,
        };
        if matches!(found.schema.as_str(), "pg_catalog" | "information_schema") {
            continue;
        }
        // A table's row as a value: `SELECT u FROM users u`. Its fields may be NULL where the table's columns may not.
        if let Some(table) = of_table
            && table.kind != crate::catalog::RelationKind::Composite
        {
            if let Some(row) = names::row_type(catalog, config, &table.schema, &table.name) {
                names.insert(oid, format!("{row}Record"));
            }
            continue;
        }
        let on_path = catalog.search_path.contains(&found.schema);
        let prefix = if on_path {
            String::new()
        } else {
            format!("{}_", found.schema)
        };
        let Some(long) = names::pascal(&format!("{prefix}{}", found.name)) else {
            continue;
        };
        let stem = found.name.strip_suffix("_enum").unwrap_or(&found.name);
        let brief = names::pascal(&format!("{prefix}{stem}")).unwrap_or_else(|| long.clone());
        short.entry(brief).or_default().push(oid);
        full.insert(oid, long);
    }
    for (brief, oids) in short {
        for &oid in &oids {
            let name = match oids.as_slice() {
                [_] => brief.clone(),
                _ => full.get(&oid).cloned().unwrap_or_default(),
            };
            names.insert(oid, names::type_name(name, "Type"));
        }
    }
    names
}
