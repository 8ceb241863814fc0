//! What one condition says of another: which columns it rejects NULL in, and whether it implies an index's predicate.
//!
//! Both are syntactic and know few forms; what they do not know implies nothing.

use crate::catalog::oid::BOOL;
use std::collections::BTreeSet;

use super::rows::{operator_function, strip};
use super::walk;
use crate::catalog::{Catalog, Index, Oid};
use crate::describe::lower;
use crate::describe::tree::{BooleanTest, Expr};

pub(super) fn is_strict(catalog: &Catalog, function: Oid) -> bool {
    catalog
        .functions
        .get(&function)
        .is_some_and(|function| function.strict)
}

/// The columns that are not NULL wherever `expr`, as a condition, is true. `column` says which column an expression is.
pub(super) fn rejects_null<'e, C: Ord + Copy>(
    catalog: &Catalog,
    expr: &'e Expr,
    column: &dyn Fn(&'e Expr) -> Option<C>,
    found: &mut BTreeSet<C>,
) {
    match expr {
        Expr::And(args, _) => {
            for arg in args {
                rejects_null(catalog, arg, column, found);
            }
        }
        Expr::Or(args, _) => {
            let each = args.iter().map(|arg| {
                let mut set = BTreeSet::new();
                rejects_null(catalog, arg, column, &mut set);
                set
            });
            found.extend(
                each.reduce(|left, right| &left & &right)
                    .unwrap_or_default(),
            );
        }
        Expr::NullTest {
            arg,
            is_null: false,
            row: false,
            ..
        } => null_from(catalog, arg, column, found),
        Expr::BooleanTest {
            arg,
            kind: BooleanTest::IsTrue | BooleanTest::IsFalse | BooleanTest::IsNotUnknown,
            ..
        } => null_from(catalog, arg, column, found),
        // False for an empty array and NULL, and NULL otherwise: never true.
        Expr::ScalarArray {
            operator,
            function,
            any: true,
            args,
            ..
        } => {
            if is_strict(catalog, operator_function(catalog, *operator, *function)) {
                for arg in args {
                    null_from(catalog, arg, column, found);
                }
            }
        }
        _ => null_from(catalog, expr, column, found),
    }
}

/// The columns whose NULL makes `expr` NULL.
fn null_from<'e, C: Ord + Copy>(
    catalog: &Catalog,
    expr: &'e Expr,
    column: &dyn Fn(&'e Expr) -> Option<C>,
    found: &mut BTreeSet<C>,
) {
    if let Some(column) = column(expr) {
        found.insert(column);
        return;
    }
    let args = match expr {
        Expr::Op(operation)
            if !operation.returns_set
                && is_strict(
                    catalog,
                    operator_function(catalog, operation.operator, operation.function),
                ) =>
        {
            operation.args.as_slice()
        }
        Expr::Func(call) if !call.returns_set && is_strict(catalog, call.function) => {
            call.args.as_slice()
        }
        Expr::Not(arg, _)
        | Expr::Relabel { arg, .. }
        | Expr::Collate { arg, .. }
        | Expr::CoerceViaIo { arg, .. }
        | Expr::NamedArg { arg, .. } => std::slice::from_ref(arg.as_ref()),
        _ => return,
    };
    for arg in args {
        null_from(catalog, arg, column, found);
    }
}

/// The predicate of a partial index, as a tree whose Vars are of relation 1.
pub(super) fn predicate(index: &Index) -> Option<Expr> {
    let (nodes, _) = index.predicate.as_ref()?;
    lower::expression(nodes).ok()
}

/// The expression at a place among an index's keys where its column number is 0.
pub(super) fn key_expression(index: &Index, place: usize) -> Option<Expr> {
    let before = index
        .keys
        .iter()
        .take(place)
        .filter(|&&key| key == 0)
        .count();
    lower::expressions(index.expressions.as_ref()?)
        .ok()?
        .into_iter()
        .nth(before)
}

/// Do the conditions in `known`, all of them true, imply `predicate` of a row?
///
/// `column` says which column of that row an expression of `known` is; `not_null`, which of its columns surely are not.
pub(super) fn implies<'e>(
    catalog: &Catalog,
    known: &[&'e Expr],
    column: &dyn Fn(&'e Expr) -> Option<i16>,
    not_null: &dyn Fn(i16) -> bool,
    predicate: &Expr,
) -> bool {
    let all = |args: &[Expr]| {
        args.iter()
            .all(|arg| implies(catalog, known, column, not_null, arg))
    };
    match predicate {
        Expr::And(args, _) => return all(args),
        Expr::Or(args, _)
            if args
                .iter()
                .any(|arg| implies(catalog, known, column, not_null, arg)) =>
        {
            return true;
        }
        Expr::NullTest {
            arg,
            is_null: false,
            row: false,
            ..
        } => {
            if let Some(tested) = own_column(arg) {
                let rejected = known.iter().any(|condition| {
                    let mut set = BTreeSet::new();
                    rejects_null(catalog, condition, column, &mut set);
                    set.contains(&tested)
                });
                if rejected || not_null(tested) {
                    return true;
                }
            }
        }
        // `status IN ('a', 'b')` follows from `status = 'a'`.
        Expr::ScalarArray {
            operator,
            collation,
            any: true,
            args,
            ..
        } => {
            if let [tested, Expr::Array { elements, .. }] = args.as_slice()
                && let Some(tested) = own_column(tested)
                && known.iter().any(|condition| {
                    matches!(condition, Expr::Op(operation)
                        if operation.operator == *operator
                            && operation.collation == *collation
                            && matches!(operation.args.as_slice(), [left, right]
                                if column(left) == Some(tested)
                                    && elements.iter().any(|element| equal(column, right, element))))
                })
            {
                return true;
            }
        }
        _ => {}
    }
    known
        .iter()
        .any(|condition| holds_in(catalog, condition, column, predicate))
}

/// `condition` says `predicate`, itself or in one of the parts that AND joins.
fn holds_in<'e>(
    catalog: &Catalog,
    condition: &'e Expr,
    column: &dyn Fn(&'e Expr) -> Option<i16>,
    predicate: &Expr,
) -> bool {
    if let Expr::And(args, _) = condition {
        return args
            .iter()
            .any(|arg| holds_in(catalog, arg, column, predicate));
    }
    if same_expression(column, condition, predicate) {
        return true;
    }
    match (
        boolean(catalog, condition, column),
        boolean(catalog, predicate, &own_column),
    ) {
        (Some(said), Some(asked)) => said == asked,
        _ => false,
    }
}

/// `x`, `x = true`, `x IS TRUE`: the column and its value.
fn boolean<'e>(
    catalog: &Catalog,
    expr: &'e Expr,
    column: &dyn Fn(&'e Expr) -> Option<i16>,
) -> Option<(i16, bool)> {
    match expr {
        Expr::Not(arg, _) => column(arg).map(|column| (column, false)),
        Expr::BooleanTest {
            arg,
            kind: BooleanTest::IsTrue,
            ..
        } => column(arg).map(|column| (column, true)),
        Expr::BooleanTest {
            arg,
            kind: BooleanTest::IsFalse,
            ..
        } => column(arg).map(|column| (column, false)),
        Expr::Op(operation) => {
            let operator = catalog.operators.get(&operation.operator)?;
            match operation.args.as_slice() {
                [tested, Expr::Const(value)]
                    if operator.is_btree_equality && value.type_oid == BOOL && !value.is_null =>
                {
                    let value = value.value.first().is_some_and(|&byte| byte != 0);
                    column(tested).map(|column| (column, value))
                }
                _ => None,
            }
        }
        _ => column(expr).map(|column| (column, true)),
    }
}

/// A column of the index's own table, in its predicate.
fn own_column(expr: &Expr) -> Option<i16> {
    match strip(expr) {
        Expr::Var(var) if var.levels_up == 0 && var.column > 0 => Some(var.column),
        _ => None,
    }
}

/// The same expression, the query's columns read as the index's. Only forms that mean the same wherever they stand.
pub(super) fn same_expression<'e>(
    column: &dyn Fn(&'e Expr) -> Option<i16>,
    ours: &'e Expr,
    theirs: &Expr,
) -> bool {
    // By another collation, lower() and the like give other strings.
    let collated =
        |expr: &Expr| walk::any_expression(expr, &|expr| matches!(expr, Expr::Collate { .. }));
    !collated(ours) && !collated(theirs) && equal(column, ours, theirs)
}

fn equal<'e>(column: &dyn Fn(&'e Expr) -> Option<i16>, ours: &'e Expr, theirs: &Expr) -> bool {
    if let Some(theirs) = own_column(theirs) {
        return column(ours) == Some(theirs);
    }
    let all = |ours: &'e [Expr], theirs: &[Expr]| {
        ours.len() == theirs.len()
            && ours
                .iter()
                .zip(theirs)
                .all(|(ours, theirs)| equal(column, ours, theirs))
    };
    match (ours, theirs) {
        (Expr::Const(ours), Expr::Const(theirs)) => {
            ours.type_oid == theirs.type_oid
                && ours.is_null == theirs.is_null
                && ours.value == theirs.value
        }
        (Expr::Op(ours), Expr::Op(theirs)) => {
            ours.operator == theirs.operator
                && ours.collation == theirs.collation
                && all(&ours.args, &theirs.args)
        }
        (Expr::Func(ours), Expr::Func(theirs)) => {
            ours.function == theirs.function && all(&ours.args, &theirs.args)
        }
        (Expr::Not(ours, _), Expr::Not(theirs, _)) => equal(column, ours, theirs),
        (Expr::And(ours, _), Expr::And(theirs, _)) | (Expr::Or(ours, _), Expr::Or(theirs, _)) => {
            all(ours, theirs)
        }
        (
            Expr::NullTest {
                arg: ours,
                is_null: ours_null,
                row: ours_row,
                ..
            },
            Expr::NullTest {
                arg: theirs,
                is_null: theirs_null,
                row: theirs_row,
                ..
            },
        ) => ours_null == theirs_null && ours_row == theirs_row && equal(column, ours, theirs),
        (
            Expr::BooleanTest {
                arg: ours,
                kind: ours_kind,
                ..
            },
            Expr::BooleanTest {
                arg: theirs,
                kind: theirs_kind,
                ..
            },
        ) => ours_kind == theirs_kind && equal(column, ours, theirs),
        (
            Expr::ScalarArray {
                operator: ours_operator,
                collation: ours_collation,
                any: ours_any,
                args: ours_args,
                ..
            },
            Expr::ScalarArray {
                operator: theirs_operator,
                collation: theirs_collation,
                any: theirs_any,
                args: theirs_args,
                ..
            },
        ) => {
            ours_operator == theirs_operator
                && ours_collation == theirs_collation
                && ours_any == theirs_any
                && all(ours_args, theirs_args)
        }
        (
            Expr::Array {
                elements: ours,
                type_oid: ours_type,
                ..
            },
            Expr::Array {
                elements: theirs,
                type_oid: theirs_type,
                ..
            },
        ) => ours_type == theirs_type && all(ours, theirs),
        (
            Expr::Relabel {
                arg: ours,
                type_oid: ours_type,
                ..
            },
            Expr::Relabel {
                arg: theirs,
                type_oid: theirs_type,
                ..
            },
        ) => ours_type == theirs_type && equal(column, ours, theirs),
        _ => false,
    }
}
