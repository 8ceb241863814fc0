//! PostgreSQL's types as Rust's, and those of the schema that queries use.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, CompositeField, Oid, RelationKind, Type, TypeKind};
use crate::config::{Config, DateTimes, Numerics, RustAs, TypeRule};
use crate::diagnostic::Diagnostic;
use crate::facts::ColumnFacts;
use crate::model::{
    CompositeItem, DomainItem, EnumItem, Field, RustType, Slot, TypeItem, TypeItemKind, Variant,
};
use crate::parse::syntax;

use super::ids::Ids;
use super::names;
use super::overrides::Rules;

/// What has no Rust type.
#[derive(Debug)]
pub(super) struct Unsupported {
    pub(super) oid: Oid,
    /// `tsvector`, `numrange`
    pub(super) name: String,
    pub(super) why: &'static str,
    /// A line of `[types]` would give it one.
    pub(super) configurable: bool,
}

pub(super) struct Types<'a> {
    catalog: &'a Catalog,
    config: &'a Config,
    rules: Rules<'a>,
    ids: Ids,
    /// Names of all enums, composites and domains that a query could use.
    names: BTreeMap<Oid, String>,
    resolved: BTreeMap<Oid, RustType>,
    used: BTreeSet<Oid>,
    used_ids: BTreeMap<Oid, RustType>,
    /// Of a composite's fields, by number: may it be NULL in some place where it is read?
    nullable: BTreeMap<(Oid, usize), bool>,
    /// What the author says of a composite's fields wherever it stands: `--: address(street!)`.
    described: BTreeMap<(Oid, usize), bool>,
}

/// Of which types the crate has items.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Used {
    types: BTreeSet<Oid>,
    ids: BTreeMap<Oid, RustType>,
}

impl<'a> Types<'a> {
    pub(super) fn new(catalog: &'a Catalog, config: &'a Config) -> Self {
        Self {
            catalog,
            config,
            rules: Rules::new(catalog, config),
            ids: Ids::new(catalog, config),
            names: type_names(catalog, config),
            resolved: BTreeMap::new(),
            used: BTreeSet::new(),
            used_ids: BTreeMap::new(),
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

    /// The type of what stands in a column.
    pub(super) fn place(
        &mut self,
        oid: Oid,
        columns: &[(Oid, i16)],
    ) -> Result<RustType, Unsupported> {
        self.tied(oid, columns, columns)
    }

    /// The type of a value that is, or is compared with, or is stored in these columns: they may have types of their own. A key
    /// it is only if it is the `same` as one.
    pub(super) fn tied(
        &mut self,
        oid: Oid,
        columns: &[(Oid, i16)],
        same: &[(Oid, i16)],
    ) -> Result<RustType, Unsupported> {
        for &column in columns {
            let Some(rule) = self.rules.column(column) else {
                continue;
            };
            let Some(declared) = self.column_type(column) else {
                continue;
            };
            let base = self.catalog.base_type(declared);
            if self.catalog.base_type(oid) == base {
                return self.ruled(rule, oid);
            }
            if self
                .catalog
                .element_type(oid)
                .map(|element| self.catalog.base_type(element))
                == Some(base)
            {
                return Ok(array(self.ruled(rule, base)?));
            }
        }
        let ids: BTreeSet<Oid> = columns
            .iter()
            .filter_map(|&column| self.ids.of(column))
            .collect();
        // What is compared with the keys of two tables is the key of neither.
        if let [table] = ids.into_iter().collect::<Vec<_>>().as_slice()
            && let Some(&column) = same
                .iter()
                .find(|&&column| self.ids.of(column) == Some(*table))
            && let Some(declared) = self.column_type(column)
        {
            let base = self.catalog.base_type(declared);
            if self.catalog.base_type(oid) == base {
                return self.id(*table, base);
            }
            if self
                .catalog
                .element_type(oid)
                .map(|element| self.catalog.base_type(element))
                == Some(base)
            {
                return Ok(array(self.id(*table, base)?));
            }
        }
        let dimensions = columns
            .first()
            .and_then(|&(relation, number)| self.catalog.relations.get(&relation)?.column(number))
            .map_or(0, |column| column.dimensions);
        match self.resolve(oid)? {
            RustType::Array(element) if dimensions > 1 => Ok(RustType::Grid(element)),
            ty => Ok(ty),
        }
    }

    fn column_type(&self, (relation, number): (Oid, i16)) -> Option<Oid> {
        Some(
            self.catalog
                .relations
                .get(&relation)?
                .column(number)?
                .type_oid,
        )
    }

    /// The key of a table as a type of its own, where such values can be one.
    fn id(&mut self, table: Oid, oid: Oid) -> Result<RustType, Unsupported> {
        let base = self.resolve(oid)?.base().clone();
        let fits = matches!(
            base,
            RustType::Uuid
                | RustType::Text
                | RustType::I16
                | RustType::I32
                | RustType::I64
                | RustType::Decimal
        );
        let Some(name) = self.ids.name(table).filter(|_| fits) else {
            return Ok(base);
        };
        let name = name.to_owned();
        self.used_ids.insert(table, base.clone());
        Ok(RustType::Id {
            name,
            base: Box::new(base),
        })
    }

    /// A type as a line of `[types]` has it.
    fn ruled(&mut self, rule: &'a TypeRule, oid: Oid) -> Result<RustType, Unsupported> {
        let base = self.catalog.base_type(oid);
        let Some(rust) = &rule.rust else {
            return self.plain(oid);
        };
        let element = self.catalog.element_type(base);
        let name = self
            .catalog
            .types
            .get(&base)
            .map_or("", |found| found.name.as_str());
        let scalar = |name: &str, copies| RustType::Scalar {
            name: name.to_owned(),
            copies,
        };
        let found = match (&rust.value, element) {
            (RustAs::Array, Some(element)) => RustType::Grid(Box::new(Slot {
                ty: self.resolve(element)?,
                nullable: true,
            })),
            // What is said of an array is said of its elements.
            (_, Some(element)) => array(self.ruled(rule, element)?),
            (RustAs::Network, None) if matches!(name, "inet" | "cidr") => scalar("Network", true),
            (RustAs::Text, None) if name == "numeric" => scalar("Numeric", false),
            (RustAs::Bytes, None) => scalar("Binary", false),
            (RustAs::Path(path), None) if matches!(name, "json" | "jsonb") => {
                RustType::Shaped(path.clone())
            }
            (RustAs::Path(path), None) => RustType::Custom {
                path: path.clone(),
                borrowed: rule.borrowed.clone(),
            },
            (RustAs::Network | RustAs::Text | RustAs::Array, None) => {
                self.rules.unfit(rule, name);
                return self.plain(oid);
            }
        };
        Ok(found)
    }

    pub(super) fn resolve(&mut self, oid: Oid) -> Result<RustType, Unsupported> {
        if let Some(found) = self.resolved.get(&oid) {
            return Ok(found.clone());
        }
        let ty = match self.rules.of_type(oid) {
            Some(rule) => self.ruled(rule, oid)?,
            None => self.plain(oid)?,
        };
        self.resolved.insert(oid, ty.clone());
        Ok(ty)
    }

    /// The type without what the configuration says of this one.
    fn plain(&mut self, oid: Oid) -> Result<RustType, Unsupported> {
        let catalog = self.catalog;
        let Some(found) = catalog.types.get(&oid) else {
            return Err(self.unsupported(oid, "the catalog does not have it", false));
        };
        let ty = match &found.kind {
            TypeKind::Base | TypeKind::Pseudo => match base(found, self.config) {
                Some(ty) => ty,
                None if found.name == "record" => {
                    return Err(self.unsupported(
                        oid,
                        "nothing tells what its fields are; select them, or cast it to a composite type",
                        false,
                    ));
                }
                None if !found.has_binary => {
                    return Err(self.unsupported(
                        oid,
                        "PostgreSQL has no binary form of it, which is how values travel",
                        false,
                    ));
                }
                None => return Err(self.unsupported(oid, "", true)),
            },
            &TypeKind::Range(bound) => RustType::Range(Box::new(self.resolve(bound)?)),
            &TypeKind::Multirange(range) => {
                match catalog.types.get(&range).map(|found| &found.kind) {
                    Some(&TypeKind::Range(bound)) if found.schema == "pg_catalog" => {
                        RustType::Multirange(Box::new(self.resolve(bound)?))
                    }
                    _ => {
                        return Err(self.unsupported(
                            oid,
                            "tokio-postgres does not know multiranges of a schema's own; \
                         `ARRAY(SELECT unnest(…))` gives the ranges",
                            false,
                        ));
                    }
                }
            }
            // Arrays read from tables may hold NULL whatever the element type says.
            &TypeKind::Array(element) => array(self.resolve(element)?),
            TypeKind::Enum(_) => {
                let name = self.name(oid)?;
                let keeps = |rule: &&TypeRule| rule.keep_unknown;
                match self.rules.of_type(oid).filter(keeps) {
                    Some(_) => RustType::OpenEnum(name),
                    None => RustType::Enum(name),
                }
            }
            TypeKind::Composite { fields, relation } => {
                let mut borrows = false;
                for field in fields {
                    borrows |= self.field(*relation, field)?.row_borrows();
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
        Ok(ty)
    }

    /// The configuration has a type of its own for it.
    pub(super) fn is_ruled(&self, oid: Oid) -> bool {
        self.rules
            .of_type(oid)
            .is_some_and(|rule| rule.rust.is_some())
    }

    /// A field of a composite: of a table's row, it is a column of the table.
    fn field(&mut self, relation: Oid, field: &CompositeField) -> Result<RustType, Unsupported> {
        let column = self
            .catalog
            .relations
            .get(&relation)
            .filter(|relation| relation.kind != RelationKind::Composite)
            .and_then(|relation| relation.column_named(&field.name))
            .map(|column| (relation, column.number));
        self.place(field.type_oid, column.as_slice())
    }

    pub(super) fn used(&self) -> Used {
        Used {
            types: self.used.clone(),
            ids: self.used_ids.clone(),
        }
    }

    /// Nothing was asked for since that had no item.
    pub(super) fn needs_nothing_but(&self, used: &Used) -> bool {
        self.used == used.types && self.used_ids == used.ids
    }

    /// Takes back what was asked for since.
    pub(super) fn forget(&mut self, used: Used) {
        // What was resolved since would not be noticed as used the next time.
        if self.used != used.types {
            self.resolved.clear();
        }
        self.used = used.types;
        self.used_ids = used.ids;
    }

    /// What is wrong with `[types]`.
    pub(super) fn complaints(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.rules.complaints)
    }

    fn name(&self, oid: Oid) -> Result<String, Unsupported> {
        self.names
            .get(&oid)
            .cloned()
            .ok_or_else(|| self.unsupported(oid, "nothing of its name can stand in Rust", true))
    }

    fn unsupported(&self, oid: Oid, why: &'static str, configurable: bool) -> Unsupported {
        Unsupported {
            oid,
            name: self.catalog.type_name(oid),
            why,
            configurable,
        }
    }

    /// A place where a value of this type is read: what is known there of a composite's fields. `said` is what the author
    /// wrote of them.
    pub(super) fn read(&mut self, oid: Oid, facts: Option<&ColumnFacts>, said: &[syntax::Field]) {
        let catalog = self.catalog;
        let base = catalog.base_type(oid);
        match catalog.types.get(&base).map(|found| &found.kind) {
            // What is known of the rows in an array is known of each.
            Some(&TypeKind::Array(element)) => self.read(element, facts, said),
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
        for (table, base) in std::mem::take(&mut self.used_ids) {
            let sql = catalog.relation_name(table);
            if let Some(item) = self.id_item(table, base) {
                if let Some(other) = taken.insert(item.name.clone(), sql.clone()) {
                    clashes.push((item.name.clone(), other, sql.clone()));
                }
                items.insert((item.name.clone(), sql), item);
            }
        }
        (items.into_values().collect(), clashes)
    }

    fn id_item(&self, table: Oid, base: RustType) -> Option<TypeItem> {
        let relation = self.catalog.relations.get(&table)?;
        Some(TypeItem {
            name: self.ids.name(table)?.to_owned(),
            schema: relation.schema.clone(),
            sql: relation.name.clone(),
            docs: Vec::new(),
            derives: self.config.derives.types.clone(),
            attributes: self.config.derives.attributes(),
            kind: TypeItemKind::Id(base),
        })
    }

    fn item(&mut self, oid: Oid, found: &Type) -> Option<TypeItem> {
        let catalog = self.catalog;
        let name = self.names.get(&oid)?.clone();
        let kind = match &found.kind {
            TypeKind::Enum(labels) => {
                let variants: Vec<Variant> = names::variants(labels)
                    .into_iter()
                    .zip(labels)
                    .map(|(name, label)| Variant {
                        name,
                        label: label.clone(),
                    })
                    .collect();
                let keeps = self
                    .rules
                    .of_type(oid)
                    .is_some_and(|rule| rule.keep_unknown);
                let mut unknown = "Unknown".to_owned();
                while variants.iter().any(|variant| variant.name == unknown) {
                    unknown.push('_');
                }
                TypeItemKind::Enum(EnumItem {
                    variants,
                    unknown: keeps.then_some(unknown),
                })
            }
            TypeKind::Composite { relation, fields } => {
                let mut taken = BTreeSet::new();
                let mut borrows = false;
                let mut resolved = Vec::new();
                for (number, field) in fields.iter().enumerate() {
                    let ty = self.field(*relation, field).ok()?;
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
        let mut derives = self.config.derives.types.clone();
        let mut attributes = self.config.derives.attributes();
        if let Some(rule) = self.rules.of_type(oid) {
            derives.extend(rule.derives.iter().cloned());
            attributes.extend(rule.attributes.iter().cloned());
        }
        Some(TypeItem {
            name,
            schema: found.schema.clone(),
            sql: found.name.clone(),
            docs: comment.into_iter().collect(),
            derives,
            attributes,
            kind,
        })
    }
}

fn array(element: RustType) -> RustType {
    RustType::Array(Box::new(Slot {
        ty: element,
        nullable: true,
    }))
}

fn base(found: &Type, config: &Config) -> Option<RustType> {
    let scalar = |name: &str, copies| {
        Some(RustType::Scalar {
            name: name.to_owned(),
            copies,
        })
    };
    if found.schema != "pg_catalog" {
        // Extensions may live in any schema.
        return match found.name.as_str() {
            "citext" => Some(RustType::Text),
            "ltree" => scalar("Ltree", false),
            "lquery" => scalar("Lquery", false),
            "ltxtquery" => scalar("Ltxtquery", false),
            "hstore" => scalar("Hstore", false),
            _ => None,
        };
    }
    let moment = |jiff: RustType, name: &str| match config.date_time {
        DateTimes::Jiff => Some(jiff),
        DateTimes::Chrono => scalar(&format!("chrono::{name}"), true),
        DateTimes::Time => scalar(&format!("time::{name}"), true),
    };
    let vector = |ty: RustType| {
        RustType::Array(Box::new(Slot {
            ty,
            nullable: false,
        }))
    };
    Some(match found.name.as_str() {
        "void" => RustType::Unit,
        "bool" => RustType::Bool,
        "char" => RustType::I8,
        "int2" => RustType::I16,
        "int4" => RustType::I32,
        "int8" => RustType::I64,
        "oid" | "xid" | "cid" | "regproc" | "regprocedure" | "regoper" | "regoperator"
        | "regclass" | "regtype" | "regconfig" | "regdictionary" | "regnamespace" | "regrole"
        | "regcollation" => RustType::U32,
        "xid8" => RustType::U64,
        "int2vector" => vector(RustType::I16),
        "oidvector" => vector(RustType::U32),
        "float4" => RustType::F32,
        "float8" => RustType::F64,
        "numeric" => match config.numeric {
            Numerics::RustDecimal => RustType::Decimal,
            Numerics::BigDecimal => return scalar("bigdecimal::BigDecimal", false),
            Numerics::Text => return scalar("Numeric", false),
        },
        "text" | "varchar" | "bpchar" | "name" | "xml" | "refcursor" | "unknown" => RustType::Text,
        "bytea" => RustType::Bytes,
        "uuid" => RustType::Uuid,
        "json" | "jsonb" => RustType::Json,
        "date" => return moment(RustType::Date, "Date"),
        "time" => return moment(RustType::Time, "Time"),
        "timestamp" => return moment(RustType::DateTime, "DateTime"),
        "timestamptz" => return moment(RustType::Timestamp, "Timestamp"),
        "interval" => RustType::Interval,
        "inet" => RustType::IpAddr,
        "cidr" => return scalar("Network", true),
        "macaddr" => return scalar("MacAddr", true),
        "macaddr8" => return scalar("MacAddr8", true),
        "timetz" => return scalar("TimeTz", true),
        "money" => return scalar("Money", true),
        "bit" | "varbit" => return scalar("Bits", false),
        "point" => return scalar("Point", true),
        "line" => return scalar("Line", true),
        "lseg" => return scalar("Segment", true),
        "box" => return scalar("Rectangle", true),
        "path" => return scalar("Path", false),
        "polygon" => return scalar("Polygon", false),
        "circle" => return scalar("Circle", true),
        "tsvector" => return scalar("TsVector", false),
        "tsquery" => return scalar("TsQuery", false),
        "jsonpath" => return scalar("JsonPath", false),
        "pg_lsn" => return scalar("Lsn", true),
        "tid" => return scalar("Tid", true),
        "pg_snapshot" | "txid_snapshot" => return scalar("Snapshot", false),
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
            && table.kind != RelationKind::Composite
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
