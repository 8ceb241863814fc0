//! What the scratch database holds, read once per run. Plain data; `read` fills it.

pub mod oid;
pub mod read;

use std::collections::{BTreeMap, BTreeSet};

pub type Oid = u32;

#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// `server_version_num`: 150018.
    pub server_version: u32,
    /// The search_path that names and proofs hold under, `pg_catalog` left out.
    pub search_path: Vec<String>,
    /// Tables, partitioned tables, views, materialized views, foreign tables, sequences; of user schemas and, where the
    /// rewriter can show them, of `pg_catalog` and `information_schema`.
    pub relations: BTreeMap<Oid, Relation>,
    pub types: BTreeMap<Oid, Type>,
    /// The labels of enums, by the oid that stands for one in a constant.
    pub labels: BTreeMap<Oid, String>,
    pub functions: BTreeMap<Oid, Function>,
    pub operators: BTreeMap<Oid, Operator>,
    /// Functions that are not PostgreSQL's own and that comparing, sorting or hashing values of a type calls: a type, and
    /// what its operator classes or its range type name.
    pub comparers: Vec<(Oid, Oid)>,
    /// The functions that an aggregate which is not PostgreSQL's own is made of.
    pub aggregates: BTreeMap<Oid, Vec<Oid>>,
    /// `pg_cast`, by source and target.
    pub casts: BTreeMap<(Oid, Oid), Cast>,
    /// By oid; those of domains too.
    pub constraints: BTreeMap<Oid, Constraint>,
    /// Indexes by their own relation's oid.
    pub indexes: BTreeMap<Oid, Index>,
    pub triggers: Vec<Trigger>,
    /// Of row security, those that reads are subject to.
    pub policies: Vec<Policy>,
    /// Under these, strings of different bytes can be equal (`pg_collation.collisdeterministic` is false).
    pub nondeterministic_collations: BTreeSet<Oid>,
    /// pg_rewrite rules other than views' `_RETURN`, by relation.
    pub rules: BTreeMap<Oid, Vec<String>>,
}

#[derive(Debug, Clone)]
pub struct Relation {
    pub oid: Oid,
    pub schema: String,
    pub name: String,
    pub kind: RelationKind,
    /// In order of attnum, dropped ones left out.
    pub columns: Vec<Column>,
    /// Is a partition of, or inherits from; nearest first.
    pub parents: Vec<Oid>,
    pub is_partition: bool,
    /// Some table inherits from it (partitions apart).
    pub has_inheritance_children: bool,
    pub row_security: bool,
    pub comment: Option<String>,
    /// Of the row type.
    pub type_oid: Oid,
    /// Of a partitioned table; 0 where the key is an expression.
    pub partition_key: Vec<i16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    Table,
    PartitionedTable,
    View,
    MaterializedView,
    ForeignTable,
    Sequence,
    Composite,
    Other,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub number: i16,
    pub name: String,
    pub type_oid: Oid,
    pub type_mod: i32,
    /// Rows cannot hold NULL: attnotnull with every such constraint validated (`NOT NULL … NOT VALID` of 18 does not
    /// count), in the relation and in all that inherit from it. Domains' own NOT NULL is in [`Domain`].
    pub not_null: bool,
    /// attnotnull as it stands: what an INSERT must satisfy.
    pub insert_not_null: bool,
    /// Has a DEFAULT, is an identity, or a serial; or its domain has a default.
    pub has_default: bool,
    pub generated: Option<Generated>,
    pub identity: Option<Identity>,
    /// As it was declared: `int[][]` has two. Nothing holds values to it.
    pub dimensions: i32,
    pub comment: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generated {
    Stored,
    Virtual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    Always,
    ByDefault,
}

#[derive(Debug, Clone)]
pub struct Type {
    pub oid: Oid,
    pub schema: String,
    pub name: String,
    pub kind: TypeKind,
    /// The array type over this one.
    pub array_oid: Option<Oid>,
    /// Its values can be sent and read in binary form.
    pub has_binary: bool,
    pub comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TypeKind {
    Base,
    /// Its element type.
    Array(Oid),
    /// Its labels, in order.
    Enum(Vec<String>),
    /// Also the row types of tables and views (`relation` is theirs).
    Composite {
        relation: Oid,
        fields: Vec<CompositeField>,
    },
    Domain(Domain),
    /// Its subtype.
    Range(Oid),
    /// Its range type.
    Multirange(Oid),
    /// `void`, `record`, `anyelement` …
    Pseudo,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CompositeField {
    /// Its attnum: one that was dropped leaves a hole.
    pub number: i16,
    pub name: String,
    pub type_oid: Oid,
    pub type_mod: i32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    pub base: Oid,
    pub type_mod: i32,
    /// Of this domain alone; a base that is a domain has its own.
    pub not_null: bool,
    pub has_default: bool,
    /// Of this domain alone.
    pub checks: Vec<DomainCheck>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DomainCheck {
    pub name: String,
    /// `CHECK (VALUE ~ '…')`
    pub definition: String,
    /// Node text of the condition (`pg_constraint.conbin`).
    pub condition: String,
    pub validated: bool,
}

#[derive(Debug, Clone)]
pub struct Function {
    pub oid: Oid,
    pub schema: String,
    pub name: String,
    pub kind: FunctionKind,
    pub strict: bool,
    pub volatility: Volatility,
    pub returns_set: bool,
    pub return_type: Oid,
    pub arguments: Vec<Oid>,
    /// `(integer, text)`: the identity arguments, for keys such as `pg_catalog.lower(text)`.
    pub signature: String,
    /// Made by initdb: oid below 16384 and in pg_catalog.
    pub builtin: bool,
    pub language: String,
    /// Names of the result's columns of a function that returns a table or has OUT parameters, and their types.
    pub outputs: Vec<(String, Oid)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    Function,
    Procedure,
    Aggregate,
    Window,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// How a value of one type becomes one of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    Function(Oid),
    /// By way of text.
    InOut,
    /// As it is.
    Binary,
}

#[derive(Debug, Clone)]
pub struct Operator {
    pub oid: Oid,
    pub name: String,
    pub function: Oid,
    pub left: Oid,
    pub right: Oid,
    /// A member of some btree operator class as `=`: equality that unique keys understand.
    pub is_btree_equality: bool,
    /// The operator families in which it is btree equality.
    pub equality_families: Vec<Oid>,
    /// The operator families in which it is one of btree's `<`, `<=`, `>=` and `>`.
    pub order_families: Vec<Oid>,
}

#[derive(Debug, Clone)]
pub struct Constraint {
    pub oid: Oid,
    pub name: String,
    pub schema: String,
    /// 0 for a domain's.
    pub relation: Oid,
    pub kind: ConstraintKind,
    pub deferrable: bool,
    pub validated: bool,
    /// 18's NOT ENFORCED is false.
    pub enforced: bool,
    /// 18's WITHOUT OVERLAPS, or a foreign key with PERIOD: the last column is matched by overlap, not by equality.
    pub period: bool,
    /// The constraint of the parent table that this one implements, 0 if none (`conparentid`).
    pub parent: Oid,
    pub comment: Option<String>,
    /// pg_get_constraintdef.
    pub definition: String,
    /// Of a CHECK, its node text (`conbin`).
    pub condition: Option<String>,
}

#[derive(Debug, Clone)]
pub enum ConstraintKind {
    PrimaryKey {
        columns: Vec<i16>,
        index: Oid,
    },
    Unique {
        columns: Vec<i16>,
        index: Oid,
    },
    ForeignKey {
        columns: Vec<i16>,
        references: Oid,
        referenced: Vec<i16>,
        on_delete: char,
        /// Those that SET NULL or SET DEFAULT sets on DELETE; empty where it sets all.
        delete_columns: Vec<i16>,
        on_update: char,
    },
    Check {
        columns: Vec<i16>,
    },
    NotNull {
        column: i16,
    },
    Exclusion {
        index: Oid,
    },
    Trigger,
}

#[derive(Debug, Clone)]
pub struct Index {
    pub oid: Oid,
    pub name: String,
    pub schema: String,
    pub relation: Oid,
    pub unique: bool,
    pub primary: bool,
    /// Checked at once; false for one of a deferrable constraint.
    pub immediate: bool,
    /// Usable and complete.
    pub valid: bool,
    pub nulls_not_distinct: bool,
    /// Key columns only; 0 where the key is an expression.
    pub keys: Vec<i16>,
    /// Operator families of the key columns.
    pub families: Vec<Oid>,
    /// Collations of the key columns, 0 where the type has none.
    pub collations: Vec<Oid>,
    /// Node text of the predicate of a partial index (`pg_index.indpred`), and the SQL of it.
    pub predicate: Option<(String, String)>,
    /// Node text of the expressions (`pg_index.indexprs`).
    pub expressions: Option<String>,
    /// The constraint that it implements.
    pub constraint: Option<Oid>,
    pub definition: String,
}

#[derive(Debug, Clone)]
pub struct Trigger {
    pub relation: Oid,
    pub name: String,
    /// pg_trigger.tgtype: 1 row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate, 64 instead.
    pub kind: i16,
    pub enabled: bool,
    pub function: Oid,
}

/// A policy of row security.
#[derive(Debug, Clone)]
pub struct Policy {
    pub relation: Oid,
    pub name: String,
    /// Node text of its USING (`pg_policy.polqual`).
    pub using: Option<String>,
}

impl RelationKind {
    /// Its rows are kept, and held to what it says of its columns.
    pub fn is_stored(self) -> bool {
        match self {
            Self::Table | Self::PartitionedTable | Self::MaterializedView => true,
            Self::View | Self::ForeignTable | Self::Sequence | Self::Composite | Self::Other => {
                false
            }
        }
    }
}

impl Trigger {
    pub fn is_row(&self) -> bool {
        self.kind & 1 != 0
    }

    pub fn is_before(&self) -> bool {
        self.kind & 2 != 0
    }

    pub fn is_instead(&self) -> bool {
        self.kind & 64 != 0
    }

    pub fn on_insert(&self) -> bool {
        self.kind & 4 != 0
    }

    pub fn on_delete(&self) -> bool {
        self.kind & 8 != 0
    }

    pub fn on_update(&self) -> bool {
        self.kind & 16 != 0
    }
}

impl Relation {
    pub fn column(&self, number: i16) -> Option<&Column> {
        self.columns.iter().find(|column| column.number == number)
    }

    pub fn column_named(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Catalog {
    /// The type beneath all domains.
    pub fn base_type(&self, oid: Oid) -> Oid {
        let mut oid = oid;
        // Domains cannot be cyclic; the bound is against a damaged catalog.
        for _ in 0..64 {
            match self.types.get(&oid).map(|found| &found.kind) {
                Some(TypeKind::Domain(domain)) => oid = domain.base,
                _ => break,
            }
        }
        oid
    }

    /// The element type of an array, or of a domain over one.
    pub fn element_type(&self, oid: Oid) -> Option<Oid> {
        match self
            .types
            .get(&self.base_type(oid))
            .map(|found| &found.kind)
        {
            Some(&TypeKind::Array(element)) => Some(element),
            _ => None,
        }
    }

    /// A name as SQL needs it under the pinned search_path: `users`, `vault.secrets`.
    pub fn relation_name(&self, oid: Oid) -> String {
        self.relations.get(&oid).map_or_else(
            || format!("relation {oid}"),
            |found| self.qualified(&found.schema, &found.name),
        )
    }

    pub fn type_name(&self, oid: Oid) -> String {
        self.types.get(&oid).map_or_else(
            || format!("type {oid}"),
            |found| match found.kind {
                TypeKind::Array(element) => format!("{}[]", self.type_name(element)),
                _ => self.qualified(&found.schema, &found.name),
            },
        )
    }

    /// A type as generated code lists it for the check at prepare: without its domains, a composite with its fields, and with one
    /// spelling for types that a Rust type reads alike. The runtime's `type_list::spelled` is the other half.
    pub fn spelled(&self, oid: Oid) -> String {
        let base = self.base_type(oid);
        let Some(found) = self.types.get(&base) else {
            return format!("type {oid}");
        };
        let name = found.name.as_str();
        match found.kind {
            TypeKind::Array(element) => format!("{}[]", self.spelled(element)),
            _ if found.schema == "pg_catalog" => alike(name).to_owned(),
            // An extension's, which may be installed into any schema; the driver knows no more of a multirange.
            TypeKind::Base | TypeKind::Multirange(_) if name == "citext" => "text".to_owned(),
            TypeKind::Base | TypeKind::Multirange(_) => quoted(name),
            TypeKind::Composite { ref fields, .. } => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|field| self.spelled(field.type_oid))
                    .collect();
                let (schema, fields) = (quoted(&found.schema), fields.join(","));
                format!("{schema}.{}({fields})", quoted(name))
            }
            _ => format!("{}.{}", quoted(&found.schema), quoted(name)),
        }
    }

    fn qualified(&self, schema: &str, name: &str) -> String {
        if schema == "pg_catalog" || self.search_path.iter().any(|on_path| on_path == schema) {
            name.to_owned()
        } else {
            format!("{schema}.{name}")
        }
    }
}

/// The spelling of a built-in type.
fn alike(name: &str) -> &str {
    match name {
        "varchar" | "bpchar" | "name" | "unknown" | "xml" | "refcursor" => "text",
        "json" => "jsonb",
        "bit" => "varbit",
        "txid_snapshot" => "pg_snapshot",
        "int2vector" => "int2[]",
        "oidvector" => "oid[]",
        "xid" | "cid" | "regproc" | "regprocedure" | "regoper" | "regoperator" | "regclass"
        | "regtype" | "regconfig" | "regdictionary" | "regnamespace" | "regrole"
        | "regcollation" => "oid",
        _ => name,
    }
}

fn quoted(name: &str) -> String {
    let plain =
        |letter: char| letter == '_' || letter.is_ascii_lowercase() || letter.is_ascii_digit();
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}
