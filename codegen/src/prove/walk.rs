//! What stands directly below an expression or a query: the one list of children that the proofs walk by.

use crate::describe::tree::{Expr, FromExpr, JoinItem, Query, RteKind, Target, Var};

/// A part of a query: an expression, or a query of its own level.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    Expr(&'a Expr),
    /// A subquery, whose Vars of level 1 are ours.
    Query(&'a Query),
}

/// Calls `visit` with the direct parts of an expression.
pub(crate) fn below<'a>(expr: &'a Expr, visit: &mut dyn FnMut(Part<'a>)) {
    let mut one = |expr: &'a Expr| visit(Part::Expr(expr));
    match expr {
        Expr::Var(_)
        | Expr::Const(_)
        | Expr::Param(_)
        | Expr::Grouping { .. }
        | Expr::CaseTest { .. }
        | Expr::CoerceToDomainValue { .. }
        | Expr::SetToDefault { .. }
        | Expr::SqlValueFunction { .. }
        | Expr::NextValue { .. }
        | Expr::CurrentOf
        | Expr::MergeSupport { .. } => {}
        Expr::Op(operation) | Expr::Distinct(operation) | Expr::NullIf(operation) => {
            operation.args.iter().for_each(one);
        }
        Expr::ScalarArray { args, .. }
        | Expr::Coalesce { args, .. }
        | Expr::MinMax { args, .. }
        | Expr::Xml { args, .. }
        | Expr::And(args, _)
        | Expr::Or(args, _) => args.iter().for_each(one),
        Expr::Func(call) => call.args.iter().for_each(one),
        Expr::Aggregate(aggregate) => {
            aggregate.direct_args.iter().for_each(&mut one);
            aggregate
                .args
                .iter()
                .map(|target| &target.expr)
                .for_each(&mut one);
            aggregate.filter.iter().for_each(one);
        }
        Expr::WindowFunc(window) => {
            window.args.iter().for_each(&mut one);
            window.filter.iter().for_each(one);
        }
        Expr::Not(arg, _)
        | Expr::NullTest { arg, .. }
        | Expr::BooleanTest { arg, .. }
        | Expr::Relabel { arg, .. }
        | Expr::CoerceViaIo { arg, .. }
        | Expr::ConvertRowtype { arg, .. }
        | Expr::CoerceToDomain { arg, .. }
        | Expr::Collate { arg, .. }
        | Expr::FieldSelect { arg, .. }
        | Expr::NamedArg { arg, .. }
        | Expr::IsJson { arg } => one(arg),
        Expr::ArrayCoerce { arg, element, .. } => {
            one(arg);
            one(element);
        }
        Expr::SubLink(link) => {
            link.test.iter().for_each(one);
            visit(Part::Query(&link.query));
        }
        Expr::Case(case) => {
            case.arg.iter().for_each(&mut one);
            for (condition, result) in &case.whens {
                one(condition);
                one(result);
            }
            case.default.iter().for_each(one);
        }
        Expr::Array { elements, .. } => elements.iter().for_each(one),
        Expr::Row { fields, .. } => fields.iter().for_each(one),
        Expr::RowCompare { left, right, .. } => left.iter().chain(right).for_each(one),
        Expr::FieldStore { arg, values, .. } => {
            one(arg);
            values.iter().for_each(one);
        }
        Expr::Subscript(subscript) => {
            one(&subscript.container);
            subscript
                .upper
                .iter()
                .chain(&subscript.lower)
                .flatten()
                .for_each(&mut one);
            subscript.assignment.iter().for_each(one);
        }
        Expr::Returning { expr, .. } => one(expr),
        Expr::JsonConstructor(json) => {
            json.args.iter().for_each(&mut one);
            json.func.iter().for_each(&mut one);
            json.coercion.iter().for_each(one);
        }
        Expr::JsonQuery(json) => {
            one(&json.context);
            json.path.iter().for_each(&mut one);
            json.passing.iter().for_each(&mut one);
            for (_, default) in json.on_empty.iter().chain(&json.on_error) {
                default.iter().for_each(&mut one);
            }
        }
        Expr::JsonValue { raw, formatted } => {
            one(raw);
            formatted.iter().for_each(|formatted| one(formatted));
        }
        Expr::Other { children, .. } => children.iter().for_each(one),
        Expr::OtherQuery { query, .. } => visit(Part::Query(query)),
    }
}

/// Calls `visit` with the direct parts of a query: its expressions, its CTEs and the subqueries of its range table.
///
/// What a join's range table entry says of its columns is left out: it names every column of both sides, used or not.
pub(crate) fn parts<'a>(query: &'a Query, visit: &mut dyn FnMut(Part<'a>)) {
    for cte in &query.ctes {
        visit(Part::Query(&cte.query));
    }
    for rte in &query.rtable {
        for qual in &rte.security_quals {
            visit(Part::Expr(qual));
        }
        for argument in rte.tablesample.iter().flatten() {
            visit(Part::Expr(argument));
        }
        match &rte.kind {
            RteKind::Subquery { query, .. } => visit(Part::Query(query)),
            RteKind::Functions { functions, .. } => {
                for function in functions {
                    visit(Part::Expr(&function.expr));
                }
            }
            RteKind::TableFunction { expressions, .. } => {
                expressions.iter().for_each(|expr| visit(Part::Expr(expr)));
            }
            RteKind::Values { rows } => {
                rows.iter()
                    .flatten()
                    .for_each(|expr| visit(Part::Expr(expr)));
            }
            RteKind::Group { expressions } => {
                expressions.iter().for_each(|expr| visit(Part::Expr(expr)));
            }
            RteKind::Relation { .. }
            | RteKind::Join { .. }
            | RteKind::Cte { .. }
            | RteKind::NamedTuplestore
            | RteKind::Result
            | RteKind::Other(_) => {}
        }
    }
    from(&query.join_tree, visit);
    let targets = |list: &'a [Target], visit: &mut dyn FnMut(Part<'a>)| {
        for target in list {
            visit(Part::Expr(&target.expr));
        }
    };
    targets(&query.targets, visit);
    if let Some(conflict) = &query.on_conflict {
        for expr in conflict
            .arbiter_elements
            .iter()
            .chain(&conflict.arbiter_where)
            .chain(&conflict.condition)
        {
            visit(Part::Expr(expr));
        }
        targets(&conflict.set, visit);
    }
    targets(&query.returning, visit);
    for action in &query.merge_actions {
        action
            .condition
            .iter()
            .for_each(|expr| visit(Part::Expr(expr)));
        targets(&action.targets, visit);
    }
    let windows = query
        .windows
        .iter()
        .flat_map(|window| window.start_offset.iter().chain(&window.end_offset));
    for expr in query
        .merge_join_condition
        .iter()
        .chain(&query.having)
        .chain(&query.limit_offset)
        .chain(&query.limit_count)
        .chain(&query.with_check_options)
        .chain(windows)
    {
        visit(Part::Expr(expr));
    }
}

fn from<'a>(from_expr: &'a FromExpr, visit: &mut dyn FnMut(Part<'a>)) {
    for join_item in &from_expr.items {
        item(join_item, visit);
    }
    from_expr
        .quals
        .iter()
        .for_each(|expr| visit(Part::Expr(expr)));
}

fn item<'a>(join_item: &'a JoinItem, visit: &mut dyn FnMut(Part<'a>)) {
    match join_item {
        JoinItem::Rel(_) | JoinItem::Other(_) => {}
        JoinItem::Join(join) => {
            item(&join.left, visit);
            item(&join.right, visit);
            join.quals.iter().for_each(|expr| visit(Part::Expr(expr)));
        }
        JoinItem::From(inner) => from(inner, visit),
    }
}

/// Calls `visit` with every query and every expression at and below `query`, at any depth, each once.
pub(crate) fn everything<'a>(query: &'a Query, visit: &mut dyn FnMut(Part<'a>)) {
    everything_in(Part::Query(query), visit);
}

/// The same of an expression or a query.
pub(crate) fn everything_in<'a>(part: Part<'a>, visit: &mut dyn FnMut(Part<'a>)) {
    let mut open = vec![part];
    while let Some(part) = open.pop() {
        visit(part);
        match part {
            Part::Expr(expr) => below(expr, &mut |part| open.push(part)),
            Part::Query(query) => parts(query, &mut |part| open.push(part)),
        }
    }
}

/// Is there, at or below `expr`, subqueries left out, an expression that `is` accepts?
pub(crate) fn any_expression(expr: &Expr, is: &dyn Fn(&Expr) -> bool) -> bool {
    if is(expr) {
        return true;
    }
    let mut found = false;
    below(expr, &mut |part| {
        if let Part::Expr(expr) = part {
            found = found || any_expression(expr, is);
        }
    });
    found
}

/// Does the query, or one below it, use a column or an aggregate of a level that lies `depth` or more above it? A CTE of
/// such a level does not count: it is evaluated once.
pub(crate) fn refers_out(query: &Query, depth: usize) -> bool {
    let mut found = false;
    parts(query, &mut |part| {
        found = found || part_refers_out(part, depth)
    });
    found
}

fn part_refers_out(part: Part<'_>, depth: usize) -> bool {
    let expr = match part {
        Part::Expr(expr) => expr,
        Part::Query(query) => return refers_out(query, depth + 1),
    };
    match expr {
        Expr::Var(var) if var.levels_up >= depth => return true,
        Expr::Aggregate(aggregate) if aggregate.levels_up >= depth => return true,
        Expr::Returning { levels_up, .. } if *levels_up >= depth => return true,
        _ => {}
    }
    let mut found = false;
    below(expr, &mut |part| {
        found = found || part_refers_out(part, depth)
    });
    found
}

/// The Vars at and below a part that belong to the query `depth` levels above it.
pub(crate) fn vars_of_level<'a>(part: Part<'a>, depth: usize, found: &mut Vec<&'a Var>) {
    match part {
        Part::Expr(Expr::Var(var)) => {
            if var.levels_up == depth {
                found.push(var);
            }
        }
        Part::Expr(expr) => below(expr, &mut |part| {
            vars_of_level(part, depth_of(part, depth), found)
        }),
        Part::Query(query) => parts(query, &mut |part| {
            vars_of_level(part, depth_of(part, depth), found)
        }),
    }
}

fn depth_of(part: Part<'_>, depth: usize) -> usize {
    match part {
        Part::Expr(_) => depth,
        Part::Query(_) => depth + 1,
    }
}
