//! A query as the server analysed and rewrote it, the same for every version of PostgreSQL.
//!
//! The names are those of PostgreSQL's `parsenodes.h` and `primnodes.h`. `location` is a byte offset in the shipped
//! text, or `None` where the server says -1 (what came from a view or a default has none of its own). What `lower` did
//! not recognise is [`Expr::Other`] or [`RteKind::Other`] and must get the careful answer.

use crate::catalog::Oid;

pub type Location = Option<u32>;

#[derive(Debug, Clone)]
pub struct Query {
    pub command: Command,
    /// Of several that a rule made, the one whose result the client sees.
    pub can_set_tag: bool,
    /// Index in `rtable`, from 1; 0 for SELECT.
    pub result_relation: usize,
    pub ctes: Vec<Cte>,
    pub recursive: bool,
    /// Varnos count from 1: see [`Query::rte`].
    pub rtable: Vec<Rte>,
    pub join_tree: FromExpr,
    /// Of SELECT, the columns and junk; of INSERT and UPDATE, the assignments (`number` is the column's attnum).
    pub targets: Vec<Target>,
    pub on_conflict: Option<OnConflict>,
    pub returning: Vec<Target>,
    pub merge_actions: Vec<MergeAction>,
    /// MERGE's ON condition where the version keeps it apart (17 on); before, it is in the join tree.
    pub merge_join_condition: Option<Expr>,
    pub group: Vec<SortGroup>,
    pub grouping_sets: Vec<GroupingSet>,
    pub having: Option<Expr>,
    pub windows: Vec<Window>,
    /// DISTINCT or DISTINCT ON.
    pub distinct: Vec<SortGroup>,
    pub has_distinct_on: bool,
    pub sort: Vec<SortGroup>,
    pub limit_offset: Option<Expr>,
    pub limit_count: Option<Expr>,
    /// FETCH FIRST … WITH TIES.
    pub limit_with_ties: bool,
    pub row_marks: Vec<RowMark>,
    pub set_operation: Option<SetOperation>,
    pub with_check_options: Vec<Expr>,
    pub has_aggregates: bool,
    pub has_window_functions: bool,
    /// In the target list.
    pub has_set_returning_targets: bool,
    pub has_modifying_cte: bool,
    /// FOR UPDATE, FOR SHARE … written here or in a subquery.
    pub has_for_update: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Select,
    Update,
    Insert,
    Delete,
    Merge,
    Utility,
    /// A rule's DO INSTEAD NOTHING.
    Nothing,
    Unknown,
}

impl Query {
    pub fn rte(&self, index: usize) -> Option<&Rte> {
        self.rtable.get(index.checked_sub(1)?)
    }

    /// The columns that the client sees: not junk, in order.
    pub fn visible_targets(&self) -> impl Iterator<Item = &Target> {
        let list = if self.command == Command::Select {
            &self.targets
        } else {
            &self.returning
        };
        list.iter().filter(|target| !target.junk)
    }

    /// The target that a GROUP BY, ORDER BY or DISTINCT element points at.
    pub fn sort_group_target(&self, item: &SortGroup) -> Option<&Target> {
        self.targets
            .iter()
            .find(|target| target.sort_group_ref == item.reference)
    }
}

#[derive(Debug, Clone)]
pub struct Cte {
    pub name: String,
    pub query: Query,
    /// Refers to itself.
    pub recursive: bool,
    pub has_search: bool,
    pub has_cycle: bool,
    pub column_names: Vec<String>,
    pub location: Location,
}

/// A range table entry: what a FROM item is.
#[derive(Debug, Clone)]
pub struct Rte {
    pub kind: RteKind,
    /// The alias as written, or the relation's name.
    pub name: String,
    /// An alias was written.
    pub aliased: bool,
    pub column_names: Vec<String>,
    pub lateral: bool,
    /// False for the rewriter's own `old` and `new` of views, and for an INSERT's target.
    pub in_from: bool,
    /// Columns read, by attnum: 0 means the whole row; system columns are negative.
    pub selected: Vec<i16>,
    pub inserted: Vec<i16>,
    pub updated: Vec<i16>,
    /// Row security's conditions.
    pub security_quals: Vec<Expr>,
    /// The arguments of TABLESAMPLE and REPEATABLE.
    pub tablesample: Option<Vec<Expr>>,
}

#[derive(Debug, Clone)]
pub enum RteKind {
    Relation {
        oid: Oid,
        /// pg_class.relkind
        relkind: char,
        /// False where ONLY was written.
        inherits: bool,
    },
    Subquery {
        query: Box<Query>,
        /// The view that this was, where it was one.
        view: Option<Oid>,
        security_barrier: bool,
    },
    Join {
        kind: JoinKind,
        /// USING's merged columns come first.
        merged: usize,
        /// What each of the join's columns is, in terms of its inputs.
        columns: Vec<Expr>,
    },
    Functions {
        functions: Vec<RangeFunction>,
        ordinality: bool,
    },
    TableFunction {
        /// XMLTABLE or JSON_TABLE; its expressions.
        expressions: Vec<Expr>,
        column_types: Vec<Oid>,
        /// Columns declared NOT NULL, from 0.
        not_null_columns: Vec<usize>,
        /// The FOR ORDINALITY column, from 0.
        ordinality_column: Option<usize>,
    },
    Values {
        rows: Vec<Vec<Expr>>,
    },
    Cte {
        name: String,
        levels_up: usize,
        self_reference: bool,
    },
    NamedTuplestore,
    /// `SELECT 1`, and what a rule left of a target.
    Result,
    /// 18: the grouping expressions; Vars of grouped targets point at it.
    Group {
        expressions: Vec<Expr>,
    },
    Other(String),
}

#[derive(Debug, Clone)]
pub struct RangeFunction {
    pub expr: Expr,
    pub column_count: usize,
    /// Column definition list: `AS t(a int, b text)`.
    pub column_types: Vec<Oid>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Full,
    Right,
    /// Only in plans; careful answer.
    Other,
}

/// FROM list and WHERE.
#[derive(Debug, Clone, Default)]
pub struct FromExpr {
    pub items: Vec<JoinItem>,
    pub quals: Option<Expr>,
}

#[derive(Debug, Clone)]
pub enum JoinItem {
    Rel(usize),
    Join(Box<JoinExpr>),
    /// The rewriter nests them.
    From(Box<FromExpr>),
    Other(String),
}

#[derive(Debug, Clone)]
pub struct JoinExpr {
    pub kind: JoinKind,
    pub left: JoinItem,
    pub right: JoinItem,
    pub quals: Option<Expr>,
    /// The join's own range table entry; 0 if none.
    pub rtindex: usize,
}

#[derive(Debug, Clone)]
pub struct Target {
    pub expr: Expr,
    /// From 1; in INSERT and UPDATE, the attnum that is assigned.
    pub number: i16,
    pub name: Option<String>,
    pub sort_group_ref: u32,
    pub original_table: Oid,
    pub original_column: i16,
    pub junk: bool,
}

#[derive(Debug, Clone)]
pub struct OnConflict {
    pub action: ConflictAction,
    pub arbiter_elements: Vec<Expr>,
    /// Of each element: the collation that is asked for, 0 if none.
    pub arbiter_collations: Vec<Oid>,
    /// Some element asks for an operator class.
    pub arbiter_class: bool,
    pub arbiter_where: Option<Expr>,
    pub constraint: Oid,
    pub set: Vec<Target>,
    pub condition: Option<Expr>,
    /// The range table entry of EXCLUDED.
    pub excluded: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictAction {
    Nothing,
    Update,
    Unknown,
}

#[derive(Debug, Clone)]
pub struct MergeAction {
    pub match_kind: MergeMatch,
    pub command: Command,
    pub condition: Option<Expr>,
    pub targets: Vec<Target>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeMatch {
    Matched,
    NotMatchedBySource,
    NotMatchedByTarget,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortGroup {
    /// `sort_group_ref` of a target.
    pub reference: u32,
    pub equality: Oid,
    pub ordering: Oid,
    pub nulls_first: bool,
    /// DESC, where the version says (18 on); otherwise from `ordering`.
    pub reverse: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupingSet {
    pub kind: GroupingSetKind,
    /// Sort group references (of Simple).
    pub references: Vec<u32>,
    pub sets: Vec<GroupingSet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupingSetKind {
    Empty,
    Simple,
    Rollup,
    Cube,
    Sets,
    Unknown,
}

#[derive(Debug, Clone)]
pub struct Window {
    pub reference: u32,
    pub partition: Vec<SortGroup>,
    pub order: Vec<SortGroup>,
    /// FRAMEOPTION_ bits of parsenodes.h.
    pub frame_options: u32,
    pub start_offset: Option<Expr>,
    pub end_offset: Option<Expr>,
}

#[derive(Debug, Clone)]
pub struct RowMark {
    pub rtindex: usize,
    /// LockClauseStrength: 1 KEY SHARE, 2 SHARE, 3 NO KEY UPDATE, 4 UPDATE.
    pub strength: u32,
    pub pushed_down: bool,
}

#[derive(Debug, Clone)]
pub enum SetOperation {
    Node {
        kind: SetKind,
        all: bool,
        left: Box<SetOperation>,
        right: Box<SetOperation>,
        column_types: Vec<Oid>,
        /// `colCollations`: under which rows are told apart.
        column_collations: Vec<Oid>,
        /// `groupClauses`: the equality under which rows are told apart; empty for ALL.
        groups: Vec<SortGroup>,
    },
    /// A subquery of the range table.
    Leaf(usize),
    Other(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetKind {
    Union,
    Intersect,
    Except,
    Unknown,
}

#[derive(Debug, Clone)]
pub enum Expr {
    Var(Var),
    Const(Const),
    Param(Param),
    /// OPEXPR.
    Op(Operation),
    /// `a IS DISTINCT FROM b`.
    Distinct(Operation),
    /// NULLIF.
    NullIf(Operation),
    /// `a = ANY (array)`, `a <> ALL (array)`, IN lists.
    ScalarArray {
        operator: Oid,
        function: Oid,
        /// `inputcollid`
        collation: Oid,
        any: bool,
        args: Vec<Expr>,
        location: Location,
    },
    Func(FuncCall),
    Aggregate(Box<Aggregate>),
    WindowFunc(Box<WindowFunc>),
    /// GROUPING(…)
    Grouping {
        location: Location,
    },
    And(Vec<Expr>, Location),
    Or(Vec<Expr>, Location),
    Not(Box<Expr>, Location),
    SubLink(Box<SubLink>),
    Case(Box<Case>),
    /// The value that a simple CASE compares.
    CaseTest {
        type_oid: Oid,
    },
    Array {
        type_oid: Oid,
        element_type: Oid,
        elements: Vec<Expr>,
        multidims: bool,
        location: Location,
    },
    Row {
        type_oid: Oid,
        fields: Vec<Expr>,
        column_names: Vec<String>,
        location: Location,
    },
    /// `(a, b) < (c, d)`; kind is RowCompareType: 1 <, 2 <=, 3 =, 4 >=, 5 >, 6 <>.
    RowCompare {
        kind: u32,
        operators: Vec<Oid>,
        left: Vec<Expr>,
        right: Vec<Expr>,
    },
    Coalesce {
        type_oid: Oid,
        args: Vec<Expr>,
        location: Location,
    },
    /// GREATEST and LEAST.
    MinMax {
        type_oid: Oid,
        args: Vec<Expr>,
        greatest: bool,
        location: Location,
    },
    NullTest {
        arg: Box<Expr>,
        is_null: bool,
        row: bool,
        location: Location,
    },
    BooleanTest {
        arg: Box<Expr>,
        kind: BooleanTest,
        location: Location,
    },
    Relabel {
        arg: Box<Expr>,
        type_oid: Oid,
        type_mod: i32,
        location: Location,
    },
    CoerceViaIo {
        arg: Box<Expr>,
        type_oid: Oid,
        location: Location,
    },
    /// An array cast, element by element.
    ArrayCoerce {
        arg: Box<Expr>,
        element: Box<Expr>,
        type_oid: Oid,
        location: Location,
    },
    ConvertRowtype {
        arg: Box<Expr>,
        type_oid: Oid,
        location: Location,
    },
    CoerceToDomain {
        arg: Box<Expr>,
        type_oid: Oid,
        location: Location,
    },
    CoerceToDomainValue {
        type_oid: Oid,
    },
    Collate {
        arg: Box<Expr>,
        collation: Oid,
    },
    /// DEFAULT in VALUES.
    SetToDefault {
        type_oid: Oid,
    },
    SqlValueFunction {
        op: u32,
        type_oid: Oid,
        location: Location,
    },
    FieldSelect {
        arg: Box<Expr>,
        field: i16,
        type_oid: Oid,
    },
    FieldStore {
        arg: Box<Expr>,
        values: Vec<Expr>,
        fields: Vec<i16>,
        type_oid: Oid,
    },
    Subscript(Box<Subscript>),
    NextValue {
        sequence: Oid,
        type_oid: Oid,
    },
    NamedArg {
        arg: Box<Expr>,
        name: String,
    },
    CurrentOf,
    /// 18: `old.x` and `new.x` wrap, in what rules and views made of them.
    Returning {
        old: bool,
        levels_up: usize,
        expr: Box<Expr>,
    },
    /// 17: MERGE_ACTION().
    MergeSupport {
        type_oid: Oid,
    },
    JsonConstructor(Box<JsonConstructor>),
    /// JSON_VALUE, JSON_QUERY, JSON_EXISTS.
    JsonQuery(Box<JsonQuery>),
    /// `x IS JSON`.
    IsJson {
        arg: Box<Expr>,
    },
    /// JsonValueExpr: what is formatted, and the coerced form.
    JsonValue {
        raw: Box<Expr>,
        formatted: Option<Box<Expr>>,
    },
    Xml {
        op: u32,
        args: Vec<Expr>,
        type_oid: Oid,
    },
    /// What this program does not know. Its own expressions are kept, for reach.
    Other {
        kind: String,
        children: Vec<Expr>,
        location: Location,
    },
    /// A subquery in a place that is not known.
    OtherQuery {
        kind: String,
        query: Box<Query>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Var {
    /// Index in the range table of the query `levels_up` above.
    pub rel: usize,
    /// 0 is the whole row; negative are system columns.
    pub column: i16,
    pub type_oid: Oid,
    pub type_mod: i32,
    /// `varcollid`: 0 where the type has none.
    pub collation: Oid,
    pub levels_up: usize,
    /// 16 on: the outer joins that can make it NULL; empty before.
    pub nulling_rels: Vec<usize>,
    pub returning: VarReturning,
    pub location: Location,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VarReturning {
    Default,
    Old,
    New,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Const {
    pub type_oid: Oid,
    pub type_mod: i32,
    pub is_null: bool,
    pub by_value: bool,
    /// The datum's bytes: by value, eight of them, little end first on the server's machine; by reference, with the
    /// varlena header (four bytes) where `length` is -1.
    pub value: Vec<u8>,
    pub length: i32,
    pub location: Location,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// `$n`, from 1. Other kinds of PARAM are [`Expr::Other`] (SubLink outputs are [`Expr::Other`] with kind `PARAM_SUBLINK`).
    pub number: usize,
    pub type_oid: Oid,
    pub location: Location,
}

#[derive(Debug, Clone)]
pub struct Operation {
    pub operator: Oid,
    /// 0 in what a stored view or rule says on some versions: ask the catalog's operator then.
    pub function: Oid,
    /// `inputcollid`: what a comparison compares by.
    pub collation: Oid,
    pub type_oid: Oid,
    pub returns_set: bool,
    pub args: Vec<Expr>,
    pub location: Location,
}

#[derive(Debug, Clone)]
pub struct FuncCall {
    pub function: Oid,
    pub type_oid: Oid,
    pub returns_set: bool,
    /// VARIADIC was written, so the last argument is an array.
    pub variadic: bool,
    /// CoercionForm: 0 a call, 1 a written cast, 2 an implicit cast, 3 SQL syntax such as EXTRACT.
    pub format: u32,
    pub args: Vec<Expr>,
    pub location: Location,
}

#[derive(Debug, Clone)]
pub struct Aggregate {
    pub function: Oid,
    pub type_oid: Oid,
    /// WITHIN GROUP's direct arguments.
    pub direct_args: Vec<Expr>,
    /// Junk (ORDER BY within the call) included, as targets.
    pub args: Vec<Target>,
    pub filter: Option<Expr>,
    pub star: bool,
    pub distinct: bool,
    pub levels_up: usize,
    /// 'n' normal, 'o' ordered-set, 'h' hypothetical.
    pub kind: char,
    pub location: Location,
}

#[derive(Debug, Clone)]
pub struct WindowFunc {
    pub function: Oid,
    pub type_oid: Oid,
    pub args: Vec<Expr>,
    pub filter: Option<Expr>,
    /// `Window::reference`.
    pub window: u32,
    pub star: bool,
    /// An aggregate used as a window function.
    pub aggregate: bool,
    /// 19: IGNORE NULLS; careful answer when true.
    pub ignore_nulls: bool,
    pub location: Location,
}

#[derive(Debug, Clone)]
pub struct SubLink {
    pub kind: SubLinkKind,
    /// Of ANY, ALL and ROWCOMPARE: the comparison, with PARAM_SUBLINK for the subquery's columns.
    pub test: Option<Expr>,
    pub operator_name: Vec<String>,
    pub query: Query,
    pub location: Location,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubLinkKind {
    Exists,
    All,
    Any,
    RowCompare,
    /// A scalar subquery.
    Expr,
    /// `UPDATE … SET (a, b) = (SELECT …)`.
    MultiExpr,
    Array,
    Unknown,
}

#[derive(Debug, Clone)]
pub struct Case {
    pub type_oid: Oid,
    pub arg: Option<Expr>,
    /// Condition and result.
    pub whens: Vec<(Expr, Expr)>,
    /// `None`: ELSE NULL.
    pub default: Option<Expr>,
    pub location: Location,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BooleanTest {
    IsTrue,
    IsNotTrue,
    IsFalse,
    IsNotFalse,
    IsUnknown,
    IsNotUnknown,
}

#[derive(Debug, Clone)]
pub struct Subscript {
    pub container: Expr,
    pub container_type: Oid,
    /// Of the result.
    pub type_oid: Oid,
    /// `None` elements: an omitted bound of a slice.
    pub upper: Vec<Option<Expr>>,
    /// Not empty for a slice.
    pub lower: Vec<Option<Expr>>,
    /// The value, in an assignment.
    pub assignment: Option<Expr>,
}

#[derive(Debug, Clone)]
pub struct JsonConstructor {
    /// JsonConstructorType: 1 JSON_OBJECT, 2 JSON_ARRAY, 3 JSON_OBJECTAGG, 4 JSON_ARRAYAGG, 5 parse, 6 scalar, 7 serialize.
    pub kind: u32,
    pub args: Vec<Expr>,
    /// The function call that does it, where the server shows one.
    pub func: Option<Expr>,
    /// The cast to the RETURNING type.
    pub coercion: Option<Expr>,
    pub type_oid: Oid,
}

#[derive(Debug, Clone)]
pub struct JsonQuery {
    /// JsonExprOp: 0 EXISTS, 1 QUERY, 2 VALUE, 3 TABLE.
    pub op: u32,
    pub context: Expr,
    pub path: Option<Expr>,
    pub passing: Vec<Expr>,
    pub type_oid: Oid,
    /// JsonBehaviorType of ON EMPTY and ON ERROR, with the default expression.
    pub on_empty: Option<(u32, Option<Expr>)>,
    pub on_error: Option<(u32, Option<Expr>)>,
}
