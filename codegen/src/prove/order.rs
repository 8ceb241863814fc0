//! The sort keys of the result, and whether they tell every two rows apart.

use std::collections::BTreeSet;

use super::Input;
use super::rows::{Prover, Scope, Seeds, describe_target, strip};
use crate::catalog::{Catalog, Oid};
use crate::describe::tree::{Command, Expr, Query, RteKind, SortGroup, Target};
use crate::facts::{ColumnFacts, Order, OrderKey, Proved};

/// With the unique indexes that tell rows apart.
pub fn order(input: &Input<'_>, columns: &[ColumnFacts]) -> (Order, BTreeSet<Oid>) {
    let mut used = BTreeSet::new();
    let order = proved(input, columns, &mut used);
    (order, used)
}

fn proved(input: &Input<'_>, columns: &[ColumnFacts], used: &mut BTreeSet<Oid>) -> Order {
    let ([_], Some(query)) = (input.statement.queries.as_slice(), input.visible_query()) else {
        return Order {
            keys: Vec::new(),
            total: Proved::new(false, "a rule makes several queries of the statement"),
        };
    };
    if query.command != Command::Select {
        return Order {
            keys: Vec::new(),
            total: Proved::new(false, "RETURNING has no order"),
        };
    }
    let prover = Prover::new(input.catalog, input.rules);
    let scope = Scope::top(query);
    // If rows whose keys are all equal are one row, the keys tell every two rows apart.
    let mut seeds = Seeds::new();
    if input.rules.holds("order-total") {
        seeds.extend(
            query
                .sort
                .iter()
                .filter_map(|item| prover.equal_under(query, item)),
        );
    } else {
        seeds.extend(
            query
                .sort
                .iter()
                .chain(&query.group)
                .filter_map(|item| prover.equal_under(query, item)),
        );
    }
    let total = match prover.at_most_one(&scope, &seeds) {
        Ok(reason) => {
            used.extend(prover.used());
            Proved::new(true, reason)
        }
        Err(_) if query.sort.is_empty() => Proved::new(false, "there is no ORDER BY"),
        Err(reason) => Proved::new(
            false,
            format!("rows with equal keys are possible: {reason}"),
        ),
    };
    Order {
        keys: query
            .sort
            .iter()
            .filter_map(|item| {
                let target = query.sort_group_target(item)?;
                Some(key(input.catalog, query, item, target, columns))
            })
            .collect(),
        total,
    }
}

fn key(
    catalog: &Catalog,
    query: &Query,
    item: &SortGroup,
    target: &Target,
    columns: &[ColumnFacts],
) -> OrderKey {
    let column = query
        .visible_targets()
        .position(|visible| visible.sort_group_ref == item.reference);
    let nullable = match column.and_then(|column| columns.get(column)) {
        Some(facts) => facts.nullable.value,
        None => !is_plainly_not_null(catalog, query, &target.expr),
    };
    OrderKey {
        text: text(catalog, query, target, column),
        descending: item.reverse.unwrap_or_else(|| {
            catalog
                .operators
                .get(&item.ordering)
                .is_some_and(|operator| operator.name == ">" || operator.name == "~>~")
        }),
        nulls_first: item.nulls_first,
        nullable,
        column,
    }
}

/// A NOT NULL column of a table that no outer join can take away.
fn is_plainly_not_null(catalog: &Catalog, query: &Query, expr: &Expr) -> bool {
    let Expr::Var(var) = strip(expr) else {
        return false;
    };
    if var.levels_up != 0
        || !query.grouping_sets.is_empty()
        || !query.join_tree.items.iter().any(
            |item| matches!(item, crate::describe::tree::JoinItem::Rel(rel) if *rel == var.rel),
        )
    {
        return false;
    }
    match query.rte(var.rel).map(|rte| &rte.kind) {
        Some(RteKind::Relation { oid, .. }) => catalog
            .relations
            .get(oid)
            .and_then(|relation| relation.column(var.column))
            .is_some_and(|column| column.not_null),
        _ => false,
    }
}

fn text(catalog: &Catalog, query: &Query, target: &Target, column: Option<usize>) -> String {
    if let Some(text) = written(catalog, query, &target.expr) {
        return text;
    }
    match (&target.name, column) {
        (Some(name), Some(_)) if name != "?column?" => name.clone(),
        (_, Some(column)) => format!("column {}", column + 1),
        (_, None) => describe_target(query, target),
    }
}

/// Columns and calls of functions on them, as SQL.
fn written(catalog: &Catalog, query: &Query, expr: &Expr) -> Option<String> {
    match strip(expr) {
        Expr::Var(var) if var.levels_up == 0 => {
            let place = usize::try_from(var.column).ok()?.checked_sub(1)?;
            let rte = query.rte(var.rel)?;
            if let RteKind::Group { expressions } = &rte.kind {
                return written(catalog, query, expressions.get(place)?);
            }
            if let RteKind::Join { columns, .. } = &rte.kind {
                return written(catalog, query, columns.get(place)?);
            }
            rte.column_names.get(place).cloned()
        }
        Expr::Func(call) if call.format == 0 => {
            let name = &catalog.functions.get(&call.function)?.name;
            let args: Option<Vec<String>> = call
                .args
                .iter()
                .map(|arg| written(catalog, query, arg))
                .collect();
            Some(format!("{name}({})", args?.join(", ")))
        }
        _ => None,
    }
}
