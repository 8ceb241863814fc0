//! Gives nodes their types: node text of any supported version in, [`tree`](super::tree) out.
//!
//! A kind that is not known becomes `Other` with what lies in it. A known kind that lacks a field it always had is an
//! error: the server is not one that this program was made for, and a guess could prove too much.
//!
//! One small function a kind: they call each other as deep as the tree is, and their frames add up.

use std::str::FromStr;

use super::node::{self, Node, ReadError, Value};
use super::tree::{
    Aggregate, BooleanTest, Case, Command, ConflictAction, Const, Cte, Expr, FromExpr, FuncCall,
    GroupingSet, GroupingSetKind, JoinExpr, JoinItem, JoinKind, JsonConstructor, JsonQuery,
    Location, MergeAction, MergeMatch, OnConflict, Operation, Param, Query, RangeFunction, RowMark,
    Rte, RteKind, SetKind, SetOperation, SortGroup, SubLink, SubLinkKind, Subscript, Target, Var,
    VarReturning, Window, WindowFunc,
};
use crate::catalog::Oid;

/// `FirstLowInvalidHeapAttributeNumber` of `access/sysattr.h`: sets of columns count from here, so that system columns
/// fit in.
const FIRST_LOW_INVALID_ATTRIBUTE: i64 = -7;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{kind} has no field `{field}` of the form that is known")]
    Field { kind: String, field: &'static str },
    #[error("{expected} was expected where {found} is")]
    Unexpected {
        expected: &'static str,
        found: String,
    },
}

type Result<T> = std::result::Result<T, TreeError>;

/// The trees of one `rewritten parse tree` notice, its lines joined.
pub fn queries(text: &str) -> Result<Vec<Query>> {
    let value = node::read(text)?;
    let Some(items) = value.items() else {
        return Err(unexpected("a list of queries", &value));
    };
    items.iter().map(query).collect()
}

/// An expression that the catalog stores, such as `pg_index.indpred`.
pub fn expression(text: &str) -> Result<Expr> {
    expr(&node::read(text)?)
}

/// A list of expressions that the catalog stores, such as `pg_index.indexprs`.
pub fn expressions(text: &str) -> Result<Vec<Expr>> {
    let value = node::read(text)?;
    let Some(items) = value.items() else {
        return Err(unexpected("a list of expressions", &value));
    };
    items.iter().map(expr).collect()
}

fn query(value: &Value<'_>) -> Result<Query> {
    let node = node_of(value, "QUERY", "a query")?;
    let permissions = match node.get("rteperminfos") {
        Some(list) => list
            .items()
            .ok_or_else(|| field_error(node, "rteperminfos"))?,
        // Before 16, each entry has its own.
        None => &[],
    };
    let rtable = items(node, "rtable")?
        .iter()
        .map(|entry| rte(entry, permissions))
        .collect::<Result<_>>()?;
    Ok(Query {
        command: command(node)?,
        can_set_tag: flag(node, "canSetTag")?,
        result_relation: number(node, "resultRelation")?,
        recursive: flag(node, "hasRecursive")?,
        has_aggregates: flag(node, "hasAggs")?,
        has_window_functions: flag(node, "hasWindowFuncs")?,
        has_set_returning_targets: flag(node, "hasTargetSRFs")?,
        has_distinct_on: flag(node, "hasDistinctOn")?,
        has_modifying_cte: flag(node, "hasModifyingCTE")?,
        has_for_update: flag(node, "hasForUpdate")?,
        ctes: list(node, "cteList", cte)?,
        rtable,
        join_tree: match required(node, "jointree")? {
            // A utility statement's, and what a rule's DO INSTEAD NOTHING leaves.
            Value::Null => FromExpr::default(),
            value => from_expr(value)?,
        },
        merge_actions: match node.get("mergeActionList") {
            Some(_) => list(node, "mergeActionList", merge_action)?,
            None => Vec::new(),
        },
        merge_join_condition: match node.get("mergeJoinCondition") {
            Some(value) => optional(value)?,
            None => None,
        },
        targets: list(node, "targetList", target)?,
        on_conflict: match required(node, "onConflict")? {
            Value::Null => None,
            value => Some(on_conflict(value)?),
        },
        returning: list(node, "returningList", target)?,
        group: list(node, "groupClause", sort_group)?,
        grouping_sets: list(node, "groupingSets", grouping_set)?,
        having: optional_expr(node, "havingQual")?,
        windows: list(node, "windowClause", window)?,
        distinct: list(node, "distinctClause", sort_group)?,
        sort: list(node, "sortClause", sort_group)?,
        limit_offset: optional_expr(node, "limitOffset")?,
        limit_count: optional_expr(node, "limitCount")?,
        // LIMIT_OPTION_WITH_TIES is 1; what is not COUNT, 0, may give more rows than it says.
        limit_with_ties: number::<u32>(node, "limitOption")? > 0,
        row_marks: list(node, "rowMarks", row_mark)?,
        set_operation: match required(node, "setOperations")? {
            Value::Null => None,
            value => Some(set_operation(value)?),
        },
        with_check_options: list(node, "withCheckOptions", |value| {
            let node = node_of(value, "WITHCHECKOPTION", "a check option")?;
            optional_expr(node, "qual")
        })?
        .into_iter()
        // A view without WHERE has nothing to check.
        .flatten()
        .collect(),
    })
}

fn command(node: &Node<'_>) -> Result<Command> {
    let mut number: u32 = number(node, "commandType")?;
    // MERGE came with 15 and moved what follows it.
    if node.kind == "QUERY" && node.get("mergeActionList").is_none() && number > 4 {
        number += 1;
    }
    Ok(match number {
        1 => Command::Select,
        2 => Command::Update,
        3 => Command::Insert,
        4 => Command::Delete,
        5 => Command::Merge,
        6 => Command::Utility,
        7 => Command::Nothing,
        _ => Command::Unknown,
    })
}

fn cte(value: &Value<'_>) -> Result<Cte> {
    let node = node_of(value, "COMMONTABLEEXPR", "a WITH query")?;
    Ok(Cte {
        name: text(node, "ctename")?,
        recursive: flag(node, "cterecursive")?,
        has_search: present(node, "search_clause")?,
        has_cycle: present(node, "cycle_clause")?,
        column_names: names(required(node, "ctecolnames")?)
            .ok_or_else(|| field_error(node, "ctecolnames"))?,
        location: location(node)?,
        query: query(required(node, "ctequery")?)?,
    })
}

fn rte(value: &Value<'_>, permissions: &[Value<'_>]) -> Result<Rte> {
    let node = node_of(value, "RANGETBLENTRY", "a range table entry")?;
    let eref = node_of(required(node, "eref")?, "ALIAS", "an alias")?;
    let kind = rte_kind(node)?;
    let mut entry = Rte {
        name: text(eref, "aliasname")?,
        aliased: present(node, "alias")?,
        column_names: names(required(eref, "colnames")?)
            .ok_or_else(|| field_error(eref, "colnames"))?,
        lateral: flag(node, "lateral")?,
        in_from: flag(node, "inFromCl")?,
        selected: Vec::new(),
        inserted: Vec::new(),
        updated: Vec::new(),
        security_quals: list(node, "securityQuals", expr)?,
        tablesample: match node.get("tablesample") {
            None | Some(Value::Null) => None,
            Some(value) => Some(table_sample(value)?),
        },
        kind,
    };
    let holder = match node.get("perminfoindex") {
        None if node.get("selectedCols").is_some() => Some(node),
        // 16 and 17 leave the field out of entries that cannot have permissions.
        None => None,
        Some(_) => match number::<usize>(node, "perminfoindex")?.checked_sub(1) {
            None => None,
            Some(index) => match permissions.get(index) {
                Some(value) => Some(node_of(value, "RTEPERMISSIONINFO", "permissions")?),
                None => return Err(field_error(node, "perminfoindex")),
            },
        },
    };
    if let Some(holder) = holder {
        entry.selected = columns(holder, "selectedCols")?;
        entry.inserted = columns(holder, "insertedCols")?;
        entry.updated = columns(holder, "updatedCols")?;
    }
    name_old_view(&mut entry);
    Ok(entry)
}

/// Before 16 an expanded view is known by the entry `old` of its own range table, which `ApplyRetrieveRule` also gives
/// the columns that are read of it.
fn name_old_view(entry: &mut Rte) {
    let RteKind::Subquery {
        query,
        view: view @ None,
        ..
    } = &mut entry.kind
    else {
        return;
    };
    if let Some(Rte {
        kind: RteKind::Relation {
            oid, relkind: 'v', ..
        },
        name,
        in_from: false,
        selected,
        ..
    }) = query.rtable.first_mut()
        && name == "old"
    {
        *view = Some(*oid);
        if entry.selected.is_empty() {
            entry.selected = std::mem::take(selected);
        }
    }
}

fn rte_kind(node: &Node<'_>) -> Result<RteKind> {
    let kind: u32 = number(node, "rtekind")?;
    Ok(match kind {
        0 => RteKind::Relation {
            oid: number(node, "relid")?,
            relkind: text(node, "relkind")?.chars().next().unwrap_or(' '),
            inherits: flag(node, "inh")?,
        },
        1 => RteKind::Subquery {
            query: Box::new(query(required(node, "subquery")?)?),
            view: match node.get("relid") {
                Some(_) => Some(number(node, "relid")?).filter(|&oid: &Oid| oid != 0),
                None => None,
            },
            security_barrier: flag(node, "security_barrier")?,
        },
        2 => RteKind::Join {
            kind: join_kind(node)?,
            merged: number(node, "joinmergedcols")?,
            // A column that was dropped since leaves a hole.
            columns: list(node, "joinaliasvars", |value| match value {
                Value::Null => Ok(Expr::Other {
                    kind: "DROPPED".to_owned(),
                    children: Vec::new(),
                    location: None,
                }),
                value => expr(value),
            })?,
        },
        3 => RteKind::Functions {
            functions: list(node, "functions", range_function)?,
            ordinality: flag(node, "funcordinality")?,
        },
        4 => table_function(required(node, "tablefunc")?)?,
        5 => RteKind::Values {
            rows: list(node, "values_lists", |row| match row.items() {
                Some(row) => row.iter().map(expr).collect(),
                None => Err(unexpected("a row", row)),
            })?,
        },
        6 => RteKind::Cte {
            name: text(node, "ctename")?,
            levels_up: number(node, "ctelevelsup")?,
            self_reference: flag(node, "self_reference")?,
        },
        7 => RteKind::NamedTuplestore,
        8 => RteKind::Result,
        9 => RteKind::Group {
            expressions: list(node, "groupexprs", expr)?,
        },
        other => RteKind::Other(format!("range table entry of kind {other}")),
    })
}

fn range_function(value: &Value<'_>) -> Result<RangeFunction> {
    let node = node_of(value, "RANGETBLFUNCTION", "a function in FROM")?;
    Ok(RangeFunction {
        column_count: number(node, "funccolcount")?,
        column_types: numbers(node, "funccoltypes")?,
        expr: expr(required(node, "funcexpr")?)?,
    })
}

fn table_function(value: &Value<'_>) -> Result<RteKind> {
    let node = node_of(value, "TABLEFUNC", "a table function")?;
    // All that it computes, in whatever field a version keeps it.
    let mut expressions = Vec::new();
    for (field, value) in node.fields() {
        // How JSON_TABLE walks: paths, which are constants.
        if field != "plan" {
            children(value, &mut expressions)?;
        }
    }
    let not_null_columns = numbers(node, "notnulls")?;
    let ordinality_column = match node.get("plan") {
        None | Some(Value::Null) => number::<i32>(node, "ordinalitycol")?.try_into().ok(),
        Some(Value::Node(plan)) => json_ordinality(node, plan)?,
        Some(_) => None,
    };
    Ok(RteKind::TableFunction {
        expressions,
        column_types: numbers(node, "coltypes")?,
        not_null_columns,
        ordinality_column,
    })
}

/// JSON_TABLE numbers the rows in the column that has no expression. With NESTED paths, an outer join by nature, such a
/// column may also be NULL.
fn json_ordinality(node: &Node<'_>, plan: &Node<'_>) -> Result<Option<usize>> {
    let flat = plan.kind == "JSONTABLEPATHSCAN" && plan.get("child") == Some(&Value::Null);
    if !flat {
        return Ok(None);
    }
    let columns = items(node, "colvalexprs")?;
    let mut holes = columns
        .iter()
        .enumerate()
        .filter(|(_, value)| **value == Value::Null)
        .map(|(index, _)| index);
    Ok(holes.next().filter(|_| holes.next().is_none()))
}

fn join_kind(node: &Node<'_>) -> Result<JoinKind> {
    Ok(match number::<u32>(node, "jointype")? {
        0 => JoinKind::Inner,
        1 => JoinKind::Left,
        2 => JoinKind::Full,
        3 => JoinKind::Right,
        _ => JoinKind::Other,
    })
}

fn from_expr(value: &Value<'_>) -> Result<FromExpr> {
    let node = node_of(value, "FROMEXPR", "a FROM clause")?;
    Ok(FromExpr {
        items: list(node, "fromlist", join_item)?,
        quals: optional_expr(node, "quals")?,
    })
}

fn join_item(value: &Value<'_>) -> Result<JoinItem> {
    let Some(node) = value.node() else {
        return Err(unexpected("a FROM item", value));
    };
    Ok(match node.kind {
        "RANGETBLREF" => JoinItem::Rel(number(node, "rtindex")?),
        "JOINEXPR" => JoinItem::Join(Box::new(join_expr(node)?)),
        "FROMEXPR" => JoinItem::From(Box::new(from_expr(value)?)),
        other => JoinItem::Other(other.to_owned()),
    })
}

fn join_expr(node: &Node<'_>) -> Result<JoinExpr> {
    Ok(JoinExpr {
        kind: join_kind(node)?,
        left: join_item(required(node, "larg")?)?,
        right: join_item(required(node, "rarg")?)?,
        quals: optional_expr(node, "quals")?,
        rtindex: number(node, "rtindex")?,
    })
}

fn target(value: &Value<'_>) -> Result<Target> {
    let node = node_of(value, "TARGETENTRY", "a target")?;
    Ok(Target {
        number: number(node, "resno")?,
        name: required(node, "resname")?
            .text()
            .map(std::borrow::Cow::into_owned),
        sort_group_ref: number(node, "ressortgroupref")?,
        original_table: number(node, "resorigtbl")?,
        original_column: number(node, "resorigcol")?,
        junk: flag(node, "resjunk")?,
        expr: expr(required(node, "expr")?)?,
    })
}

fn on_conflict(value: &Value<'_>) -> Result<OnConflict> {
    let node = node_of(value, "ONCONFLICTEXPR", "ON CONFLICT")?;
    Ok(OnConflict {
        action: match number::<u32>(node, "action")? {
            1 => ConflictAction::Nothing,
            2 => ConflictAction::Update,
            _ => ConflictAction::Unknown,
        },
        arbiter_elements: list(node, "arbiterElems", |value| {
            let node = node_of(value, "INFERENCEELEM", "an arbiter")?;
            expr(required(node, "expr")?)
        })?,
        arbiter_collations: list(node, "arbiterElems", |value| {
            number(
                node_of(value, "INFERENCEELEM", "an arbiter")?,
                "infercollid",
            )
        })?,
        arbiter_class: list(node, "arbiterElems", |value| {
            number::<Oid>(
                node_of(value, "INFERENCEELEM", "an arbiter")?,
                "inferopclass",
            )
        })?
        .iter()
        .any(|&class| class != 0),
        arbiter_where: optional_expr(node, "arbiterWhere")?,
        constraint: number(node, "constraint")?,
        set: list(node, "onConflictSet", target)?,
        condition: optional_expr(node, "onConflictWhere")?,
        excluded: number(node, "exclRelIndex")?,
    })
}

fn merge_action(value: &Value<'_>) -> Result<MergeAction> {
    let node = node_of(value, "MERGEACTION", "an action of MERGE")?;
    let match_kind = if node.get("matchKind").is_some() {
        match number::<u32>(node, "matchKind")? {
            0 => MergeMatch::Matched,
            1 => MergeMatch::NotMatchedBySource,
            2 => MergeMatch::NotMatchedByTarget,
            _ => MergeMatch::Unknown,
        }
    } else if flag(node, "matched")? {
        MergeMatch::Matched
    } else {
        MergeMatch::NotMatchedByTarget
    };
    Ok(MergeAction {
        match_kind,
        command: command(node)?,
        condition: optional_expr(node, "qual")?,
        targets: list(node, "targetList", target)?,
    })
}

fn sort_group(value: &Value<'_>) -> Result<SortGroup> {
    let node = node_of(value, "SORTGROUPCLAUSE", "a sort key")?;
    Ok(SortGroup {
        reference: number(node, "tleSortGroupRef")?,
        equality: number(node, "eqop")?,
        ordering: number(node, "sortop")?,
        nulls_first: flag(node, "nulls_first")?,
        reverse: match node.get("reverse_sort") {
            Some(_) => Some(flag(node, "reverse_sort")?),
            None => None,
        },
    })
}

fn grouping_set(value: &Value<'_>) -> Result<GroupingSet> {
    let node = node_of(value, "GROUPINGSET", "a grouping set")?;
    let kind = match number::<u32>(node, "kind")? {
        0 => GroupingSetKind::Empty,
        1 => GroupingSetKind::Simple,
        2 => GroupingSetKind::Rollup,
        3 => GroupingSetKind::Cube,
        4 => GroupingSetKind::Sets,
        _ => GroupingSetKind::Unknown,
    };
    let (mut references, mut sets) = (Vec::new(), Vec::new());
    match kind {
        GroupingSetKind::Simple => references = numbers(node, "content")?,
        GroupingSetKind::Empty | GroupingSetKind::Unknown => {}
        GroupingSetKind::Rollup | GroupingSetKind::Cube | GroupingSetKind::Sets => {
            sets = list(node, "content", grouping_set)?;
        }
    }
    Ok(GroupingSet {
        kind,
        references,
        sets,
    })
}

fn window(value: &Value<'_>) -> Result<Window> {
    let node = node_of(value, "WINDOWCLAUSE", "a window")?;
    Ok(Window {
        reference: number(node, "winref")?,
        partition: list(node, "partitionClause", sort_group)?,
        order: list(node, "orderClause", sort_group)?,
        frame_options: number(node, "frameOptions")?,
        start_offset: optional_expr(node, "startOffset")?,
        end_offset: optional_expr(node, "endOffset")?,
    })
}

fn row_mark(value: &Value<'_>) -> Result<RowMark> {
    let node = node_of(value, "ROWMARKCLAUSE", "a row lock")?;
    Ok(RowMark {
        rtindex: number(node, "rti")?,
        strength: number(node, "strength")?,
        pushed_down: flag(node, "pushedDown")?,
    })
}

fn set_operation(value: &Value<'_>) -> Result<SetOperation> {
    let Some(node) = value.node() else {
        return Err(unexpected("a set operation", value));
    };
    Ok(match node.kind {
        "RANGETBLREF" => SetOperation::Leaf(number(node, "rtindex")?),
        "SETOPERATIONSTMT" => SetOperation::Node {
            kind: match number::<u32>(node, "op")? {
                1 => SetKind::Union,
                2 => SetKind::Intersect,
                3 => SetKind::Except,
                _ => SetKind::Unknown,
            },
            all: flag(node, "all")?,
            left: Box::new(set_operation(required(node, "larg")?)?),
            right: Box::new(set_operation(required(node, "rarg")?)?),
            column_types: numbers(node, "colTypes")?,
            column_collations: numbers(node, "colCollations")?,
            groups: list(node, "groupClauses", sort_group)?,
        },
        other => SetOperation::Other(other.to_owned()),
    })
}

fn expr(value: &Value<'_>) -> Result<Expr> {
    let Some(node) = value.node() else {
        return Err(unexpected("an expression", value));
    };
    // As bytes, so that a build without optimisation compares in place.
    let lower: fn(&Node<'_>) -> Result<Expr> = match node.kind.as_bytes() {
        b"VAR" => var,
        b"CONST" => constant,
        b"PARAM" => param,
        b"OPEXPR" => |node| operation(node).map(Expr::Op),
        b"DISTINCTEXPR" => |node| operation(node).map(Expr::Distinct),
        b"NULLIFEXPR" => |node| operation(node).map(Expr::NullIf),
        b"SCALARARRAYOPEXPR" => scalar_array,
        b"FUNCEXPR" => func,
        b"AGGREF" => aggregate,
        b"WINDOWFUNC" => window_func,
        b"GROUPINGFUNC" => |node| {
            Ok(Expr::Grouping {
                location: location(node)?,
            })
        },
        b"BOOLEXPR" => boolean,
        b"SUBLINK" => sub_link,
        b"CASEEXPR" => case,
        b"CASETESTEXPR" => |node| {
            Ok(Expr::CaseTest {
                type_oid: number(node, "typeId")?,
            })
        },
        b"ARRAYEXPR" => array,
        b"ROWEXPR" => row,
        b"ROWCOMPAREEXPR" => row_compare,
        b"COALESCEEXPR" => coalesce,
        b"MINMAXEXPR" => min_max,
        b"NULLTEST" => null_test,
        b"BOOLEANTEST" => boolean_test,
        b"RELABELTYPE" => relabel,
        b"COERCEVIAIO" => coerce_via_io,
        b"ARRAYCOERCEEXPR" => array_coerce,
        b"CONVERTROWTYPEEXPR" => convert_rowtype,
        b"COERCETODOMAIN" => coerce_to_domain,
        b"COERCETODOMAINVALUE" => |node| {
            Ok(Expr::CoerceToDomainValue {
                type_oid: number(node, "typeId")?,
            })
        },
        b"COLLATEEXPR" => collate,
        b"SETTODEFAULT" => |node| {
            Ok(Expr::SetToDefault {
                type_oid: number(node, "typeId")?,
            })
        },
        b"SQLVALUEFUNCTION" => sql_value_function,
        b"FIELDSELECT" => field_select,
        b"FIELDSTORE" => field_store,
        b"SUBSCRIPTINGREF" => subscript,
        b"NEXTVALUEEXPR" => |node| {
            Ok(Expr::NextValue {
                sequence: number(node, "seqid")?,
                type_oid: number(node, "typeId")?,
            })
        },
        b"NAMEDARGEXPR" => |node| {
            Ok(Expr::NamedArg {
                name: text(node, "name")?,
                arg: boxed(node, "arg")?,
            })
        },
        b"CURRENTOFEXPR" => |_| Ok(Expr::CurrentOf),
        b"RETURNINGEXPR" => returning,
        b"MERGESUPPORTFUNC" => |node| {
            Ok(Expr::MergeSupport {
                type_oid: number(node, "msftype")?,
            })
        },
        b"JSONCONSTRUCTOREXPR" => json_constructor,
        b"JSONEXPR" => json_query,
        b"JSONISPREDICATE" => |node| {
            Ok(Expr::IsJson {
                arg: boxed(node, "expr")?,
            })
        },
        b"JSONVALUEEXPR" => json_value,
        b"XMLEXPR" => xml,
        b"QUERY" => return other_query(value, "QUERY"),
        _ => other,
    };
    lower(node)
}

fn var(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::Var(Var {
        rel: number(node, "varno")?,
        column: number(node, "varattno")?,
        type_oid: number(node, "vartype")?,
        type_mod: number(node, "vartypmod")?,
        collation: number(node, "varcollid")?,
        nulling_rels: match node.get("varnullingrels") {
            Some(_) => numbers(node, "varnullingrels")?,
            None => Vec::new(),
        },
        levels_up: number(node, "varlevelsup")?,
        returning: match node.get("varreturningtype") {
            None => VarReturning::Default,
            Some(_) => match number::<u32>(node, "varreturningtype")? {
                0 => VarReturning::Default,
                1 => VarReturning::Old,
                2 => VarReturning::New,
                _ => return Err(field_error(node, "varreturningtype")),
            },
        },
        location: location(node)?,
    }))
}

fn constant(node: &Node<'_>) -> Result<Expr> {
    let is_null = flag(node, "constisnull")?;
    Ok(Expr::Const(Const {
        type_oid: number(node, "consttype")?,
        type_mod: number(node, "consttypmod")?,
        length: number(node, "constlen")?,
        by_value: flag(node, "constbyval")?,
        is_null,
        location: location(node)?,
        value: match node.bytes("constvalue") {
            Some(bytes) => bytes.to_vec(),
            None if is_null => Vec::new(),
            None => return Err(field_error(node, "constvalue")),
        },
    }))
}

fn param(node: &Node<'_>) -> Result<Expr> {
    let kind = match number::<u32>(node, "paramkind")? {
        0 => {
            return Ok(Expr::Param(Param {
                number: number(node, "paramid")?,
                type_oid: number(node, "paramtype")?,
                location: location(node)?,
            }));
        }
        1 => "PARAM_EXEC",
        2 => "PARAM_SUBLINK",
        3 => "PARAM_MULTIEXPR",
        _ => "PARAM",
    };
    Ok(Expr::Other {
        kind: kind.to_owned(),
        children: Vec::new(),
        location: location(node)?,
    })
}

fn operation(node: &Node<'_>) -> Result<Operation> {
    Ok(Operation {
        operator: number(node, "opno")?,
        function: number(node, "opfuncid")?,
        type_oid: number(node, "opresulttype")?,
        returns_set: flag(node, "opretset")?,
        collation: number(node, "inputcollid")?,
        args: list(node, "args", expr)?,
        location: location(node)?,
    })
}

fn scalar_array(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::ScalarArray {
        operator: number(node, "opno")?,
        function: number(node, "opfuncid")?,
        any: flag(node, "useOr")?,
        collation: number(node, "inputcollid")?,
        args: list(node, "args", expr)?,
        location: location(node)?,
    })
}

fn func(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::Func(FuncCall {
        function: number(node, "funcid")?,
        type_oid: number(node, "funcresulttype")?,
        returns_set: flag(node, "funcretset")?,
        variadic: flag(node, "funcvariadic")?,
        format: number(node, "funcformat")?,
        args: list(node, "args", expr)?,
        location: location(node)?,
    }))
}

fn aggregate(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::Aggregate(Box::new(Aggregate {
        function: number(node, "aggfnoid")?,
        type_oid: number(node, "aggtype")?,
        direct_args: list(node, "aggdirectargs", expr)?,
        args: list(node, "args", target)?,
        distinct: present(node, "aggdistinct")?,
        filter: optional_expr(node, "aggfilter")?,
        star: flag(node, "aggstar")?,
        kind: text(node, "aggkind")?.chars().next().unwrap_or(' '),
        levels_up: number(node, "agglevelsup")?,
        location: location(node)?,
    })))
}

fn window_func(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::WindowFunc(Box::new(WindowFunc {
        function: number(node, "winfnoid")?,
        type_oid: number(node, "wintype")?,
        args: list(node, "args", expr)?,
        filter: optional_expr(node, "aggfilter")?,
        window: number(node, "winref")?,
        star: flag(node, "winstar")?,
        aggregate: flag(node, "winagg")?,
        ignore_nulls: match node.get("ignore_nulls") {
            None => false,
            Some(value) => !matches!(value.token(), Some("0" | "false")),
        },
        location: location(node)?,
    })))
}

fn boolean(node: &Node<'_>) -> Result<Expr> {
    let location = location(node)?;
    let mut args = list(node, "args", expr)?;
    match required(node, "boolop")?.token() {
        Some("and") => Ok(Expr::And(args, location)),
        Some("or") => Ok(Expr::Or(args, location)),
        Some("not") if args.len() == 1 => match args.pop() {
            Some(arg) => Ok(Expr::Not(Box::new(arg), location)),
            None => Err(field_error(node, "args")),
        },
        _ => Err(field_error(node, "boolop")),
    }
}

fn sub_link(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::SubLink(Box::new(SubLink {
        kind: match number::<u32>(node, "subLinkType")? {
            0 => SubLinkKind::Exists,
            1 => SubLinkKind::All,
            2 => SubLinkKind::Any,
            3 => SubLinkKind::RowCompare,
            4 => SubLinkKind::Expr,
            5 => SubLinkKind::MultiExpr,
            6 => SubLinkKind::Array,
            _ => SubLinkKind::Unknown,
        },
        test: optional_expr(node, "testexpr")?,
        operator_name: names(required(node, "operName")?)
            .ok_or_else(|| field_error(node, "operName"))?,
        query: query(required(node, "subselect")?)?,
        location: location(node)?,
    })))
}

fn case(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::Case(Box::new(Case {
        type_oid: number(node, "casetype")?,
        arg: optional_expr(node, "arg")?,
        whens: list(node, "args", |value| {
            let node = node_of(value, "CASEWHEN", "WHEN")?;
            Ok((
                expr(required(node, "expr")?)?,
                expr(required(node, "result")?)?,
            ))
        })?,
        default: optional_expr(node, "defresult")?,
        location: location(node)?,
    })))
}

fn array(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::Array {
        type_oid: number(node, "array_typeid")?,
        element_type: number(node, "element_typeid")?,
        elements: list(node, "elements", expr)?,
        multidims: flag(node, "multidims")?,
        location: location(node)?,
    })
}

fn row(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::Row {
        fields: list(node, "args", expr)?,
        type_oid: number(node, "row_typeid")?,
        column_names: names(required(node, "colnames")?)
            .ok_or_else(|| field_error(node, "colnames"))?,
        location: location(node)?,
    })
}

fn row_compare(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::RowCompare {
        // 18 calls it cmptype and counts the same.
        kind: match node.get("rctype") {
            Some(_) => number(node, "rctype")?,
            None => number(node, "cmptype")?,
        },
        operators: numbers(node, "opnos")?,
        left: list(node, "largs", expr)?,
        right: list(node, "rargs", expr)?,
    })
}

fn coalesce(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::Coalesce {
        type_oid: number(node, "coalescetype")?,
        args: list(node, "args", expr)?,
        location: location(node)?,
    })
}

fn min_max(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::MinMax {
        type_oid: number(node, "minmaxtype")?,
        greatest: match number::<u32>(node, "op")? {
            0 => true,
            1 => false,
            _ => return Err(field_error(node, "op")),
        },
        args: list(node, "args", expr)?,
        location: location(node)?,
    })
}

fn null_test(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::NullTest {
        arg: boxed(node, "arg")?,
        is_null: match number::<u32>(node, "nulltesttype")? {
            0 => true,
            1 => false,
            _ => return Err(field_error(node, "nulltesttype")),
        },
        row: flag(node, "argisrow")?,
        location: location(node)?,
    })
}

fn boolean_test(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::BooleanTest {
        arg: boxed(node, "arg")?,
        kind: match number::<u32>(node, "booltesttype")? {
            0 => BooleanTest::IsTrue,
            1 => BooleanTest::IsNotTrue,
            2 => BooleanTest::IsFalse,
            3 => BooleanTest::IsNotFalse,
            4 => BooleanTest::IsUnknown,
            5 => BooleanTest::IsNotUnknown,
            _ => return Err(field_error(node, "booltesttype")),
        },
        location: location(node)?,
    })
}

fn relabel(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::Relabel {
        arg: boxed(node, "arg")?,
        type_oid: number(node, "resulttype")?,
        type_mod: number(node, "resulttypmod")?,
        location: location(node)?,
    })
}

fn coerce_via_io(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::CoerceViaIo {
        arg: boxed(node, "arg")?,
        type_oid: number(node, "resulttype")?,
        location: location(node)?,
    })
}

fn array_coerce(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::ArrayCoerce {
        arg: boxed(node, "arg")?,
        element: boxed(node, "elemexpr")?,
        type_oid: number(node, "resulttype")?,
        location: location(node)?,
    })
}

fn convert_rowtype(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::ConvertRowtype {
        arg: boxed(node, "arg")?,
        type_oid: number(node, "resulttype")?,
        location: location(node)?,
    })
}

fn coerce_to_domain(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::CoerceToDomain {
        arg: boxed(node, "arg")?,
        type_oid: number(node, "resulttype")?,
        location: location(node)?,
    })
}

fn collate(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::Collate {
        arg: boxed(node, "arg")?,
        collation: number(node, "collOid")?,
    })
}

fn sql_value_function(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::SqlValueFunction {
        op: number(node, "op")?,
        type_oid: number(node, "type")?,
        location: location(node)?,
    })
}

fn field_select(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::FieldSelect {
        arg: boxed(node, "arg")?,
        field: number(node, "fieldnum")?,
        type_oid: number(node, "resulttype")?,
    })
}

fn field_store(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::FieldStore {
        arg: boxed(node, "arg")?,
        values: list(node, "newvals", expr)?,
        fields: numbers(node, "fieldnums")?,
        type_oid: number(node, "resulttype")?,
    })
}

fn subscript(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::Subscript(Box::new(Subscript {
        container_type: number(node, "refcontainertype")?,
        type_oid: number(node, "refrestype")?,
        upper: list(node, "refupperindexpr", optional)?,
        lower: list(node, "reflowerindexpr", optional)?,
        container: expr(required(node, "refexpr")?)?,
        assignment: optional_expr(node, "refassgnexpr")?,
    })))
}

fn returning(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::Returning {
        levels_up: number(node, "retlevelsup")?,
        old: flag(node, "retold")?,
        expr: boxed(node, "retexpr")?,
    })
}

fn json_constructor(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::JsonConstructor(Box::new(JsonConstructor {
        kind: number(node, "type")?,
        args: list(node, "args", expr)?,
        func: optional_expr(node, "func")?,
        coercion: optional_expr(node, "coercion")?,
        type_oid: json_returning(node)?,
    })))
}

fn json_query(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::JsonQuery(Box::new(JsonQuery {
        op: number(node, "op")?,
        context: expr(required(node, "formatted_expr")?)?,
        path: optional_expr(node, "path_spec")?,
        type_oid: json_returning(node)?,
        passing: list(node, "passing_values", expr)?,
        on_empty: json_behavior(node, "on_empty")?,
        on_error: json_behavior(node, "on_error")?,
    })))
}

fn json_returning(node: &Node<'_>) -> Result<Oid> {
    let returning = node_of(
        required(node, "returning")?,
        "JSONRETURNING",
        "a RETURNING clause",
    )?;
    number(returning, "typid")
}

fn json_behavior(node: &Node<'_>, field: &'static str) -> Result<Option<(u32, Option<Expr>)>> {
    match required(node, field)? {
        Value::Null => Ok(None),
        value => {
            let node = node_of(value, "JSONBEHAVIOR", "ON EMPTY or ON ERROR")?;
            Ok(Some((number(node, "btype")?, optional_expr(node, "expr")?)))
        }
    }
}

fn json_value(node: &Node<'_>) -> Result<Expr> {
    Ok(Expr::JsonValue {
        raw: boxed(node, "raw_expr")?,
        formatted: optional_expr(node, "formatted_expr")?.map(Box::new),
    })
}

fn xml(node: &Node<'_>) -> Result<Expr> {
    let mut args = list(node, "named_args", expr)?;
    args.append(&mut list(node, "args", expr)?);
    Ok(Expr::Xml {
        op: number(node, "op")?,
        type_oid: number(node, "type")?,
        args,
    })
}

fn other(node: &Node<'_>) -> Result<Expr> {
    let mut inner = Vec::new();
    for (_, value) in node.fields() {
        children(value, &mut inner)?;
    }
    Ok(Expr::Other {
        kind: node.kind.to_owned(),
        children: inner,
        location: match node.get("location") {
            Some(_) => location(node)?,
            None => None,
        },
    })
}

fn other_query(value: &Value<'_>, kind: &str) -> Result<Expr> {
    Ok(Expr::OtherQuery {
        kind: kind.to_owned(),
        query: Box::new(query(value)?),
    })
}

/// Each node in a value, as an expression.
fn children(value: &Value<'_>, into: &mut Vec<Expr>) -> Result<()> {
    match value {
        Value::Null | Value::Token(_) | Value::Bytes(_) => {}
        Value::Node(_) => into.push(expr(value)?),
        Value::List(list) => {
            for item in &list.items {
                children(item, into)?;
            }
        }
    }
    Ok(())
}

fn required<'n, 'a>(node: &'n Node<'a>, field: &'static str) -> Result<&'n Value<'a>> {
    node.get(field).ok_or_else(|| field_error(node, field))
}

fn items<'n, 'a>(node: &'n Node<'a>, field: &'static str) -> Result<&'n [Value<'a>]> {
    required(node, field)?
        .items()
        .ok_or_else(|| field_error(node, field))
}

fn list<'a, T>(
    node: &Node<'a>,
    field: &'static str,
    lower: impl Fn(&Value<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let items = items(node, field)?;
    let mut lowered = Vec::with_capacity(items.len());
    for item in items {
        lowered.push(lower(item)?);
    }
    Ok(lowered)
}

/// TABLESAMPLE's arguments, REPEATABLE's among them.
fn table_sample(value: &Value<'_>) -> Result<Vec<Expr>> {
    let node = node_of(value, "TABLESAMPLECLAUSE", "tablesample")?;
    let mut arguments = list(node, "args", expr)?;
    arguments.extend(optional_expr(node, "repeatable")?);
    Ok(arguments)
}

fn boxed(node: &Node<'_>, field: &'static str) -> Result<Box<Expr>> {
    expr(required(node, field)?).map(Box::new)
}

fn optional_expr(node: &Node<'_>, field: &'static str) -> Result<Option<Expr>> {
    optional(required(node, field)?)
}

fn optional(value: &Value<'_>) -> Result<Option<Expr>> {
    match value {
        Value::Null => Ok(None),
        value => expr(value).map(Some),
    }
}

fn present(node: &Node<'_>, field: &'static str) -> Result<bool> {
    Ok(*required(node, field)? != Value::Null)
}

fn flag(node: &Node<'_>, field: &'static str) -> Result<bool> {
    match required(node, field)?.token() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => Err(field_error(node, field)),
    }
}

fn number<T: FromStr>(node: &Node<'_>, field: &'static str) -> Result<T> {
    required(node, field)?
        .token()
        .and_then(|token| token.parse().ok())
        .ok_or_else(|| field_error(node, field))
}

fn numbers<T: FromStr>(node: &Node<'_>, field: &'static str) -> Result<Vec<T>> {
    items(node, field)?
        .iter()
        .map(|item| item.token().and_then(|token| token.parse().ok()))
        .collect::<Option<_>>()
        .ok_or_else(|| field_error(node, field))
}

/// A set of columns, by attnum.
fn columns(node: &Node<'_>, field: &'static str) -> Result<Vec<i16>> {
    numbers::<i32>(node, field)?
        .into_iter()
        .map(|bit| {
            i16::try_from(i64::from(bit) + FIRST_LOW_INVALID_ATTRIBUTE)
                .map_err(|_| field_error(node, field))
        })
        .collect()
}

fn text(node: &Node<'_>, field: &'static str) -> Result<String> {
    match required(node, field)? {
        Value::Null => Ok(String::new()),
        value => value
            .text()
            .map(std::borrow::Cow::into_owned)
            .ok_or_else(|| field_error(node, field)),
    }
}

fn names(value: &Value<'_>) -> Option<Vec<String>> {
    value
        .items()?
        .iter()
        .map(|item| item.text().map(std::borrow::Cow::into_owned))
        .collect()
}

fn location(node: &Node<'_>) -> Result<Location> {
    let at: i64 = number(node, "location")?;
    Ok(u32::try_from(at).ok())
}

fn node_of<'n, 'a>(
    value: &'n Value<'a>,
    kind: &str,
    expected: &'static str,
) -> Result<&'n Node<'a>> {
    match value.node() {
        Some(node) if node.kind == kind => Ok(node),
        _ => Err(unexpected(expected, value)),
    }
}

fn field_error(node: &Node<'_>, field: &'static str) -> TreeError {
    TreeError::Field {
        kind: node.kind.to_owned(),
        field,
    }
}

fn unexpected(expected: &'static str, value: &Value<'_>) -> TreeError {
    TreeError::Unexpected {
        expected,
        found: match value {
            Value::Null => "nothing".to_owned(),
            Value::Token(token) => format!("`{}`", token.chars().take(40).collect::<String>()),
            Value::Bytes(_) => "bytes".to_owned(),
            Value::Node(node) => node.kind.to_owned(),
            Value::List(_) => "a list".to_owned(),
        },
    }
}
