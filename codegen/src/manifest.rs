//! `manifest.json`: the contract that `check`, `diff` and `docs` read, and the hashes that tell without a database whether the
//! crate is what the sources say.
//!
//! Keys are in alphabetical order, queries by module and name, types by name: the same input gives the same bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::emit::{Files, plain, plain_param};
use crate::model::{
    Access, Cardinality, Model, Module, Pages, Piece, Query, Slot, TypeItem, TypeItemKind, Value,
    Waiver,
};

/// Where it lies, below the output directory.
pub const PATH: &str = "manifest.json";

/// Who writes it, with the version: another version may write other text for the same sources.
pub const GENERATOR: &str = concat!("sqlmill ", env!("CARGO_PKG_VERSION"));

/// Of the manifest's form.
pub const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub generator: String,
    /// SHA-256 of every file read, by path as messages have it.
    pub inputs: BTreeMap<String, String>,
    /// SHA-256 of every file written but this one and `Cargo.toml`, by path below the output directory.
    pub outputs: BTreeMap<String, String>,
    pub queries: Vec<QueryEntry>,
    pub types: Vec<TypeEntry>,
    pub version: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryEntry {
    pub access: Access,
    pub cardinality: Cardinality,
    pub columns: Vec<ValueEntry>,
    pub file: String,
    pub line: u32,
    pub module: String,
    pub name: String,
    /// Of a query that is read in pages: what is put behind its text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pages: Option<Pages>,
    pub params: Vec<ValueEntry>,
    /// By table.
    pub reads: BTreeMap<String, Vec<String>>,
    /// May run on a connection that others use at the same time.
    #[serde(default)]
    pub shared: bool,
    pub sql: String,
    /// Where the text that is sent depends on the call: what it is joined of. A parameter is told by its place among `params`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub texts: Vec<Piece>,
    /// Names of constraints; of NOT NULL the column's, as `users.email`.
    pub violations: Vec<String>,
    pub waivers: Vec<Waiver>,
    /// By table; empty for a DELETE.
    pub writes: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueEntry {
    pub name: String,
    pub nullable: bool,
    pub reason: String,
    pub rust: String,
    #[serde(rename = "type")]
    pub ty: String,
}

/// A type of the schema that queries use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeEntry {
    /// Of a domain: the type that it is over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base: Option<String>,
    /// Of a composite.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub fields: Vec<FieldEntry>,
    /// `enum`, `composite`, `domain`
    pub kind: String,
    /// Of an enum.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub labels: Vec<String>,
    pub name: String,
    pub rust: String,
    pub schema: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldEntry {
    pub name: String,
    pub nullable: bool,
    pub rust: String,
}

impl Manifest {
    /// Of a model, the files that were read, and the files that were made of it.
    pub fn new<'s>(
        model: &Model,
        inputs: impl IntoIterator<Item = (&'s str, &'s str)>,
        files: &Files,
    ) -> Self {
        let mut queries: Vec<QueryEntry> = model
            .modules
            .iter()
            .flat_map(|module| module.queries.iter().map(|query| entry(module, query)))
            .collect();
        queries.sort_by(|a, b| (&a.module, &a.name).cmp(&(&b.module, &b.name)));
        let mut types: Vec<TypeEntry> = model.types.iter().map(type_entry).collect();
        types.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        Self {
            generator: GENERATOR.to_owned(),
            inputs: inputs
                .into_iter()
                .map(|(path, text)| (path.to_owned(), hash(text)))
                .collect(),
            // `Cargo.toml` is its owner's once it exists.
            outputs: files
                .iter()
                .filter(|(path, _)| !matches!(path.as_str(), "Cargo.toml" | PATH))
                .map(|(path, text)| (path.clone(), hash(text)))
                .collect(),
            queries,
            types,
            version: VERSION,
        }
    }

    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Pretty, with a line break at the end.
    pub fn text(&self) -> String {
        // Writing to a string fails only where a map has keys that are no strings, and there is none.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// SHA-256 in hexadecimal. Line ends count as LF, so that a checkout that rewrites them changes nothing.
pub fn hash(text: &str) -> String {
    let digest = if text.contains('\r') {
        Sha256::digest(text.replace("\r\n", "\n"))
    } else {
        Sha256::digest(text)
    };
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn entry(module: &Module, query: &Query) -> QueryEntry {
    let name = |module: &str| module.strip_prefix("r#").unwrap_or(module).to_owned();
    QueryEntry {
        access: query.access,
        cardinality: query.cardinality,
        columns: query
            .outputs
            .iter()
            .map(|value| value_entry(value, plain))
            .collect(),
        file: query.file.clone(),
        line: query.line,
        module: name(&module.name),
        name: query.written.clone(),
        pages: query.pages.clone(),
        params: query
            .inputs
            .iter()
            .map(|value| value_entry(value, plain_param))
            .collect(),
        reads: query.reads.clone(),
        shared: query.shared,
        sql: query.sql.clone(),
        texts: query.texts.clone().unwrap_or_default(),
        violations: query
            .violations
            .iter()
            .map(|found| found.name.clone())
            .collect(),
        waivers: query.waivers.clone(),
        writes: query
            .writes
            .iter()
            .map(|(table, written)| (table.clone(), written.columns.clone()))
            .collect(),
    }
}

fn value_entry(value: &Value, spell: fn(&Slot) -> String) -> ValueEntry {
    ValueEntry {
        name: value.name.clone(),
        nullable: value.nullable,
        reason: value.reason.clone(),
        rust: spell(&value.slot),
        ty: value.sql_type.clone(),
    }
}

fn type_entry(item: &TypeItem) -> TypeEntry {
    let mut entry = TypeEntry {
        base: None,
        fields: Vec::new(),
        kind: String::new(),
        labels: Vec::new(),
        name: item.sql.clone(),
        rust: item.name.clone(),
        schema: item.schema.clone(),
    };
    match &item.kind {
        TypeItemKind::Enum(found) => {
            "enum".clone_into(&mut entry.kind);
            entry.labels = found
                .variants
                .iter()
                .map(|variant| variant.label.clone())
                .collect();
        }
        TypeItemKind::Composite(composite) => {
            "composite".clone_into(&mut entry.kind);
            entry.fields = composite
                .fields
                .iter()
                .map(|(name, field)| FieldEntry {
                    name: name.clone(),
                    nullable: field.slot.nullable,
                    rust: plain(&field.slot),
                })
                .collect();
        }
        TypeItemKind::Domain(domain) => {
            "domain".clone_into(&mut entry.kind);
            entry.base = Some(domain.base_sql.clone());
        }
        TypeItemKind::Id(base) => {
            "id".clone_into(&mut entry.kind);
            entry.base = Some(plain(&Slot {
                ty: base.clone(),
                nullable: false,
            }));
        }
    }
    entry
}
