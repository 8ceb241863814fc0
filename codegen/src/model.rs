//! What is emitted, as pure data: names final, types resolved, order fixed. `resolve` fills it, `emit` and `manifest`
//! read it; it imports nothing of ours, so that a test can write one by hand.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The whole crate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The package's name: `database`.
    pub package: String,
    /// The line under `[dependencies]`, after `sqlmill-runtime = `: `{ workspace = true }`.
    pub runtime: String,
    pub packages: Packages,
    /// By name.
    pub modules: Vec<Module>,
    /// Row and insert types of whole tables, by name.
    pub tables: Vec<Table>,
    /// Enums, composites and domains, by name.
    pub types: Vec<TypeItem>,
    /// Behind the feature `testing`, where the package has it.
    pub testing: Option<Testing>,
    pub relied: Relied,
}

/// What of the schema the proofs and the rules for parameters rest on, beyond the types of each statement.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Relied {
    pub search_path: Vec<String>,
    /// By schema and table.
    pub not_null: BTreeMap<(String, String), BTreeSet<String>>,
    pub definitions: BTreeSet<Definition>,
}

/// A part of a table or of a domain, as the server writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Definition {
    pub schema: String,
    pub relation: String,
    pub part: Part,
    pub name: String,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Part {
    /// The type of a column.
    Column,
    /// A unique index.
    Key,
    Check,
}

/// How the crate is divided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Packages {
    /// All modules in one package.
    One,
    /// A package for each module below `modules/`, so that a change in one is not paid for by the others.
    PerModule {
        /// The package that holds them together: `database-modules`.
        modules: String,
        /// What each of them depends on: names and TOML values, as one of them has to say it.
        dependencies: Vec<(String, String)>,
    },
}

/// `src/users.rs`: the queries of `queries/users.sql` or `queries/users/*.sql`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Module {
    /// As Rust spells it: `users`, `r#type`.
    pub name: String,
    /// The files that it was made of.
    pub files: Vec<String>,
    /// In the author's order.
    pub queries: Vec<Query>,
}

/// One function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// As Rust spells it: `get_user`, `r#match`.
    pub name: String,
    /// As the author wrote it.
    pub written: String,
    pub file: String,
    pub line: u32,
    /// The author's words, a line each.
    pub docs: Vec<String>,
    /// `#[…]` as the author wrote it.
    pub attributes: Vec<String>,
    /// The author's, with `$n` for the parameters.
    pub sql: String,
    /// Of a query whose text depends on the call: what its texts are joined of.
    pub texts: Option<Vec<Piece>>,
    /// Of a query that takes many rows of parameters: the places of those that tell rows apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<Vec<usize>>,
    /// Of many rows: the places of those that are arrays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arrays: Vec<usize>,
    /// Of many rows: how more of them go than one statement takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied: Option<Copied>,
    pub handle: Handle,
    pub cardinality: Cardinality,
    pub cardinality_reason: String,
    pub access: Access,
    pub access_reason: String,
    /// May run on a connection that others use at the same time.
    pub shared: bool,
    /// How long it may run, where the author says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// In order of `$n`; of several texts, in the order that pieces count by.
    pub inputs: Vec<Value>,
    pub outputs: Vec<Value>,
    /// The fields of rows and objects within the row, named as the author would mark them: `posts[].title`.
    pub within: Vec<Value>,
    pub params: Params,
    pub result: QueryResult,
    /// Tables by their SQL name, with the columns.
    pub reads: BTreeMap<String, Vec<String>>,
    pub writes: BTreeMap<String, Written>,
    pub violations: Vec<Violation>,
    pub order: Vec<String>,
    /// Two rows never compare equal under `order`.
    pub order_total: bool,
    /// It is read in pages as well.
    pub pages: Option<Pages>,
    pub waivers: Vec<Waiver>,
    /// What parameters are held to before they are sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
    /// The structs that this query is the first of its module to use.
    pub declares: Declares,
}

/// COPY, with a column for each parameter in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    pub copy: String,
    /// The author's statement, of which the server says what types the columns have.
    pub row: String,
}

/// A rule of the schema for a parameter that is stored as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The parameter's place among what is bound, from 0.
    pub place: usize,
    /// Of a patch, the place of what says whether it is stored at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<usize>,
    pub field: String,
    /// Of the table, or of the domain.
    pub schema: String,
    pub relation: String,
    pub constraint: String,
    pub message: String,
    pub test: Test,
}

/// A condition on one value, as `sqlmill_runtime::Test` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    AtMost(u32),
    Cut(u32, Box<Test>),
    Length(Comparison, i64),
    Integer(Comparison, i64),
    /// With a number as Rust writes it.
    Float(Comparison, String),
    /// With a number, and to how many places behind the point a value is rounded.
    Numeric(Comparison, String, Option<u16>),
    IsTrue,
    OneOf(Vec<String>),
    Like(String),
    Matches(Pattern),
    Trimmed(Box<Test>),
    Ascii(Box<Test>),
    IsNull,
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
}

/// A regular expression, as `sqlmill_runtime::Pattern` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    Begin,
    End,
    Text(String),
    In(Vec<(char, char)>),
    NotIn(Vec<(char, char)>),
    Row(Vec<Pattern>),
    Either(Vec<Pattern>),
    Times(u16, Option<u16>, Box<Pattern>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

/// A part of a query's texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    Text(String),
    /// The number of a parameter, which a text counts by the parameters that it uses: by its place among [`Query::inputs`].
    Param(usize),
    /// An optional filter, or the condition of a flag; `true` where it is absent.
    Filter {
        number: usize,
        /// It is there where the flag of that number is false.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unless: bool,
        present: Vec<Piece>,
        /// For the combinations that have no text of their own.
        as_written: Vec<Piece>,
    },
    /// One of several.
    Choice {
        number: usize,
        options: Vec<Vec<Piece>>,
    },
}

/// What is put behind a query's text for its pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    /// By the clause that the text ends in.
    pub orders: Vec<PageOrder>,
    /// The default size and the largest, where they are not the runtime's.
    pub sizes: Option<(i64, i64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenOrder", into = "WrittenOrder")]
pub struct PageOrder {
    /// The end of the text that rows are counted and reached without.
    pub clause: String,
    /// Or why there are no pages by cursor.
    pub cursor: Result<CursorPages, String>,
}

/// As the manifest has it.
#[derive(Serialize, Deserialize)]
struct WrittenOrder {
    clause: String,
    cursor: Option<CursorPages>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cursor_reason: Option<String>,
}

impl From<PageOrder> for WrittenOrder {
    fn from(order: PageOrder) -> Self {
        let (cursor, cursor_reason) = match order.cursor {
            Ok(cursor) => (Some(cursor), None),
            Err(reason) => (None, Some(reason)),
        };
        Self {
            clause: order.clause,
            cursor,
            cursor_reason,
        }
    }
}

impl From<WrittenOrder> for PageOrder {
    fn from(order: WrittenOrder) -> Self {
        Self {
            clause: order.clause,
            cursor: order
                .cursor
                .ok_or_else(|| order.cursor_reason.unwrap_or_default()),
        }
    }
}

/// What is put behind the text, as a subquery, for the rows from a place on. Parameters are those that a page adds: the values of the keys
/// that are not NULL, and then LIMIT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// Of rows that lie one behind the other.
    pub conditions: Vec<Vec<Piece>>,
    /// ORDER BY and LIMIT.
    pub tail: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorPages {
    /// By which of the keys are NULL: a bit for each that may be.
    pub after: Vec<Way>,
    pub before: Vec<Way>,
    /// The places, among the keys, of those that may be NULL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nulls: Vec<usize>,
    /// `created_at timestamptz DESC, id uuid`
    pub keys: String,
    /// The places of the keys among the columns.
    pub columns: Vec<usize>,
}

/// What stands below a function.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Declares {
    pub params: Option<Struct>,
    pub row: Option<Struct>,
    /// Of rows within the row, the outer ones first.
    pub nested: Vec<Struct>,
    pub constraints: Option<ConstraintEnum>,
}

/// Who may run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handle {
    Reader,
    Writer,
    Transaction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cardinality {
    None,
    One,
    AtMostOne,
    Many,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    Read,
    Write,
}

/// A parameter or a column: what Postgres calls it, what Rust calls it, and why it may be NULL or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The SQL name.
    pub name: String,
    /// As Rust spells it.
    pub field: String,
    /// The SQL type: `uuid`, `text[]`, `vault.kind`.
    pub sql_type: String,
    /// As the runtime compares it: without domains, `public.mood`, `public.address(text,text)`.
    pub spelled: String,
    /// As the struct has it that it stands in: a shared one may allow NULL where this query does not.
    pub slot: Slot,
    pub nullable: bool,
    pub reason: String,
    /// It is a column of a table, and may be NULL just where that may.
    pub as_declared: bool,
    /// Of an array: why its elements may be NULL or not.
    pub elements_reason: Option<String>,
    /// `COMMENT ON` the column that it is, or that it is compared with or stored in.
    pub comment: Option<String>,
}

/// A type and whether NULL may stand in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    pub ty: RustType,
    pub nullable: bool,
}

/// Every type that generated code names. `emit::spell` is the one place that writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RustType {
    /// `void`
    Unit,
    Bool,
    /// `"char"`
    I8,
    I16,
    I32,
    I64,
    /// `oid`
    U32,
    /// `xid8`
    U64,
    F32,
    F64,
    Decimal,
    Text,
    Bytes,
    Uuid,
    Json,
    Date,
    Time,
    /// `timestamp`: no zone.
    DateTime,
    /// `timestamptz`
    Timestamp,
    Interval,
    IpAddr,
    /// Any other type of `sqlmill_runtime::types` that takes no parameters: `MacAddr`, `chrono::Date`.
    Scalar {
        name: String,
        copies: bool,
    },
    /// `json` and `jsonb` of a shape that the author names: `crate_types::UserConfig`.
    Shaped(String),
    /// A type of the author's, by its path, and the path of its borrowed form.
    Custom {
        path: String,
        borrowed: Option<String>,
    },
    /// Of a newtype's own: [`TypeItemKind::Id`].
    Id {
        name: String,
        base: Box<RustType>,
    },
    Array(Box<Slot>),
    /// An array of any number of dimensions.
    Grid(Box<Slot>),
    Range(Box<RustType>),
    Multirange(Box<RustType>),
    /// A parameter that may leave its column as it is; the slot is NULL to set NULL.
    Patch(Box<Slot>),
    /// A row without a type of its own, and without names.
    Tuple(Vec<Slot>),
    /// A row within a row.
    Nested(StructName),
    /// An object in JSON whose keys are known.
    Object(String),
    /// Of [`Model::types`].
    Enum(String),
    /// The same, with a place for labels that it does not know.
    OpenEnum(String),
    Composite {
        name: String,
        /// Its borrowed form differs: `AddressRef<'_>`.
        borrows: bool,
    },
    Domain {
        name: String,
        base: Box<RustType>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Params {
    None,
    /// Passed as itself.
    One,
    /// A flag, passed as itself, by which a call chooses its text.
    Flag,
    /// A patch, passed as itself: where it keeps, another text is sent.
    Patch,
    Struct {
        name: StructName,
        /// The struct's fields stand in another order than this query's `$n`: they are bound one by one.
        reordered: bool,
        /// The struct is this query's own, and its fields say what was proved of them.
        documented: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryResult {
    /// No rows: the number of rows affected.
    Affected,
    /// The only column.
    Scalar,
    Struct(StructName),
}

/// Where a struct is declared and what it looks like from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StructName {
    pub name: String,
    pub home: Home,
    /// A row has a borrowed twin; a parameter struct has a lifetime.
    pub borrows: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Home {
    /// The query's own module.
    Module,
    /// `crate::tables`
    Tables,
}

/// A row struct or a parameter struct.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Struct {
    pub name: String,
    /// What the author or the catalog says of it.
    pub docs: Vec<String>,
    /// The functions that it belongs to, as Rust spells them; none for a table's.
    pub of: Vec<String>,
    pub fields: Vec<Field>,
    /// Beyond ours: `serde::Serialize`.
    pub derives: Vec<String>,
    /// `--#`: of the owned struct.
    pub attributes: Vec<String>,
    /// `--&`: of the borrowed struct.
    pub borrowed_attributes: Vec<String>,
    /// As in [`StructName::borrows`].
    pub borrows: bool,
    /// Of a row: it stands within other rows.
    pub nested: bool,
    /// Of rows that stand nowhere else: the column of the one query that holds them.
    pub within: Option<String>,
    /// Of an object in JSON: its keys, one for each field.
    pub keys: Vec<String>,
    /// Of parameters by which a call chooses its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub varies: Option<Varies>,
}

/// How parameters choose a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Varies {
    /// What is bound, in the order that [`Piece::Param`] counts by: a field, or a part of one.
    pub bound: Vec<(String, Option<usize>)>,
    /// By their numbers.
    pub filters: Vec<FilterItem>,
    /// The fields of the flags, whose numbers come behind those of the filters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    pub order: Option<OrderItem>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FilterItem {
    /// The field, and the method that sets it.
    pub field: String,
    /// The author's condition.
    pub predicate: String,
    /// What the method takes. One is the field's own value.
    pub parts: Vec<(String, Slot)>,
}

/// An enum of orders, the default first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderItem {
    /// The field, and the method that sets it.
    pub field: String,
    pub name: String,
    pub options: Vec<OrderOption>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderOption {
    pub variant: String,
    pub written: String,
    /// What stands behind ORDER BY.
    pub keys: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// As Rust spells it.
    pub name: String,
    pub slot: Slot,
    pub docs: Vec<String>,
}

/// Of one table: what `tables.rs` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The row's name.
    pub name: String,
    /// `public.users`
    pub sql: String,
    pub row: Option<Struct>,
    pub insert: Option<Struct>,
}

/// What `testing.rs` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Testing {
    /// The schema file, as a path from `src/`.
    pub schema: String,
    /// The schemas that names are looked up in.
    pub search_path: Vec<String>,
    /// By the function's name.
    pub factories: Vec<Factory>,
}

/// Of one table: what makes rows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Factory {
    /// As Rust spells it: `user`.
    pub function: String,
    /// `UserFactory`
    pub name: String,
    pub schema: String,
    pub table: String,
    /// What it makes; declared here where it is not the table's row type.
    pub row: StructName,
    pub declares: Option<Struct>,
    /// The row's columns, in order, with the SQL name of each.
    pub columns: Vec<(String, Field)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeItem {
    pub name: String,
    pub schema: String,
    /// The SQL name; of an id, the table's.
    pub sql: String,
    pub docs: Vec<String>,
    /// Beyond ours: `serde::Serialize`.
    pub derives: Vec<String>,
    pub attributes: Vec<String>,
    pub kind: TypeItemKind,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeItemKind {
    Enum(EnumItem),
    Composite(CompositeItem),
    Domain(DomainItem),
    /// The key of one table: what it is made of.
    Id(RustType),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnumItem {
    pub variants: Vec<Variant>,
    /// The variant that keeps a label which the crate does not know.
    pub unknown: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    pub name: String,
    pub label: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompositeItem {
    /// With the SQL name of each.
    pub fields: Vec<(String, Field)>,
    pub borrows: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainItem {
    pub base: RustType,
    /// The SQL name of what it is over.
    pub base_sql: String,
    /// `CHECK (VALUE ~ '…')`
    pub checks: Vec<String>,
    pub not_null: bool,
}

/// The constraints that one query can violate, as an enum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConstraintEnum {
    pub name: String,
    pub variants: Vec<ConstraintVariant>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConstraintVariant {
    pub name: String,
    pub docs: Vec<String>,
    pub target: ConstraintTarget,
    /// How else the error may tell it: a domain's constraints are reported as those of a domain over it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<ConstraintTarget>,
}

/// How the server's error tells which one it was. The runtime traces what a partition reports to its topmost table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintTarget {
    Constraint {
        schema: String,
        table: String,
        name: String,
    },
    /// NOT NULL: the error names the column.
    Column {
        schema: String,
        table: String,
        column: String,
    },
    /// A domain's: the error names the type, and the constraint unless it is NOT NULL.
    Type {
        schema: String,
        ty: String,
        name: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// As `violations` of the manifest has it.
    pub name: String,
    /// `unique`, `foreign key`, `check`, `not null`, `exclusion`, `domain`
    pub kind: String,
    pub table: String,
    pub columns: Vec<String>,
    pub reason: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// `insert`, `update`, `delete`
    pub kinds: Vec<String>,
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    pub rule: String,
    pub reason: String,
}

impl RustType {
    /// The type beneath domains.
    pub fn base(&self) -> &Self {
        match self {
            Self::Domain { base, .. } => base.base(),
            _ => self,
        }
    }

    /// The form in a borrowed row has a lifetime.
    pub fn row_borrows(&self) -> bool {
        match self {
            Self::Text | Self::Bytes => true,
            Self::Composite { borrows, .. } => *borrows,
            Self::Nested(name) => name.borrows,
            Self::Array(element) => element.ty.row_borrows(),
            Self::Domain { base, .. } => base.row_borrows(),
            Self::Custom { borrowed, .. } => borrowed.is_some(),
            Self::Grid(element) => element.ty.row_borrows(),
            Self::Tuple(fields) => fields.iter().any(|field| field.ty.row_borrows()),
            Self::Json
            | Self::Patch(_)
            | Self::Scalar { .. }
            | Self::Object(_)
            | Self::Shaped(_)
            | Self::Id { .. }
            | Self::Range(_)
            | Self::Multirange(_)
            | Self::OpenEnum(_)
            | Self::U64
            | Self::Unit
            | Self::Bool
            | Self::I8
            | Self::I16
            | Self::I32
            | Self::I64
            | Self::U32
            | Self::F32
            | Self::F64
            | Self::Decimal
            | Self::Uuid
            | Self::Date
            | Self::Time
            | Self::DateTime
            | Self::Timestamp
            | Self::Interval
            | Self::IpAddr
            | Self::Enum(_) => false,
        }
    }

    /// It is a row within a row, or holds some.
    pub fn holds_nested(&self) -> bool {
        match self {
            Self::Nested(_) => true,
            Self::Array(element) | Self::Grid(element) => element.ty.holds_nested(),
            Self::Tuple(fields) => fields.iter().any(|field| field.ty.holds_nested()),
            _ => false,
        }
    }

    /// The form as a parameter has a lifetime.
    pub fn param_borrows(&self) -> bool {
        match self {
            Self::Patch(value) => value.ty.param_borrows(),
            Self::Tuple(fields) => fields.iter().any(|field| field.ty.param_borrows()),
            _ => !self.is_copy(),
        }
    }

    /// A slice of parameters holds owned values: borrowing each would make callers build a second list.
    pub fn owned_in_slices(&self) -> bool {
        match self.base() {
            Self::Text | Self::Bytes | Self::Shaped(_) => false,
            base => !base.is_copy(),
        }
    }

    /// The owned form is Copy.
    pub fn is_copy(&self) -> bool {
        match self {
            Self::Text
            | Self::Bytes
            | Self::Json
            | Self::Shaped(_)
            | Self::Custom { .. }
            | Self::Array(_)
            | Self::Grid(_)
            | Self::Multirange(_)
            | Self::Tuple(_)
            | Self::Nested(_)
            | Self::Object(_)
            | Self::OpenEnum(_)
            | Self::Composite { .. } => false,
            Self::Patch(value) => value.ty.is_copy(),
            Self::Scalar { copies, .. } => *copies,
            Self::Domain { base, .. } | Self::Id { base, .. } | Self::Range(base) => base.is_copy(),
            Self::Unit
            | Self::Bool
            | Self::I8
            | Self::I16
            | Self::I32
            | Self::I64
            | Self::U32
            | Self::U64
            | Self::F32
            | Self::F64
            | Self::Decimal
            | Self::Uuid
            | Self::Date
            | Self::Time
            | Self::DateTime
            | Self::Timestamp
            | Self::Interval
            | Self::IpAddr
            | Self::Enum(_) => true,
        }
    }
}
