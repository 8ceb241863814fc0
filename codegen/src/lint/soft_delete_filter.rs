//! `soft-delete-filter`: a read of a table with the soft-delete column that says nothing of that column.
//!
//! Deleted rows come back: a removed flag is shown, children of a deleted parent are found. Each place that names such a table
//! needs its own condition: `deleted_at IS NULL`, `(:include_deleted OR deleted_at IS NULL)`, or any other that speaks of the
//! column. For the inner side of a LEFT JOIN it belongs in the ON: in WHERE it would remove the rows of the other side. What reads
//! a view or a CTE may filter for it. An upsert says what becomes of a deleted row: it sets the column, or its WHERE speaks of it.
//! Waivable.

use std::collections::BTreeSet;

use super::Rule;
use super::context::{Context, first_location, quoted, uses};
use crate::catalog::{Column, Oid};
use crate::describe::tree::{
    Command, ConflictAction, Expr, Query, Rte, RteKind, SetOperation, Target,
};
use crate::diagnostic::Diagnostic;
use crate::prove::rows::{Reading, readings, resolve};
use crate::prove::walk::{self, Part};
use crate::source::Span;

pub(super) const RULE: Rule = Rule {
    name: "soft-delete-filter",
    waivable: true,
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if context.config.soft_delete.is_none() {
        return;
    }
    let mut finder = Finder {
        context,
        found: Vec::new(),
    };
    for query in context.queries() {
        finder.query(query, &BTreeSet::new(), &[], None);
    }
    for diagnostic in finder.found {
        // A CTE is looked at for each place that reads it.
        if !found.contains(&diagnostic) {
            found.push(diagnostic);
        }
    }
}

/// The view within which the finder is, as the author named it.
#[derive(Clone)]
struct View {
    name: String,
    span: Span,
}

struct Finder<'c, 'a> {
    context: &'c Context<'a>,
    found: Vec<Diagnostic>,
}

impl<'a> Finder<'_, 'a> {
    /// `restricted`: the outputs, by place among the targets, that a query around this one has a condition on.
    fn query(
        &mut self,
        query: &'a Query,
        restricted: &BTreeSet<usize>,
        around: &[&'a Query],
        view: Option<&View>,
    ) {
        let mut scopes = around.to_vec();
        scopes.push(query);
        if let Some(operation) = &query.set_operation {
            self.set_operation(query, operation, restricted, &scopes, view);
        }
        for reading in readings(self.context.catalog, query) {
            let Some(rte) = query.rte(reading.rel) else {
                continue;
            };
            match &rte.kind {
                RteKind::Relation { oid, .. } => {
                    if let Some(column) = self.context.soft_delete(*oid)
                        && !decided(query, column, &reading, restricted)
                    {
                        self.table(query, (rte, *oid, column), &reading, view);
                    }
                }
                RteKind::Subquery {
                    query: inner,
                    view: oid,
                    ..
                } => {
                    let passed = passed_down(query, &reading, inner, restricted);
                    let named = oid.map(|oid| self.view(query, rte, oid, reading.rel));
                    self.query(inner, &passed, &scopes, view.or(named.as_ref()));
                }
                RteKind::Cte {
                    name,
                    levels_up,
                    self_reference: false,
                } => {
                    let owner = scopes.len().checked_sub(levels_up + 1);
                    let cte = owner
                        .and_then(|owner| scopes.get(owner))
                        .and_then(|owner| owner.ctes.iter().find(|cte| cte.name == *name));
                    // One that writes is looked at once, where it is defined.
                    if let (Some(owner), Some(cte)) = (owner, cte)
                        && cte.query.command == Command::Select
                    {
                        let passed = passed_down(query, &reading, &cte.query, restricted);
                        self.query(
                            &cte.query,
                            &passed,
                            scopes.get(..=owner).unwrap_or_default(),
                            view,
                        );
                    }
                }
                RteKind::Cte { .. }
                | RteKind::Join { .. }
                | RteKind::Functions { .. }
                | RteKind::TableFunction { .. }
                | RteKind::Values { .. }
                | RteKind::NamedTuplestore
                | RteKind::Result
                | RteKind::Group { .. }
                | RteKind::Other(_) => {}
            }
        }
        for cte in &query.ctes {
            if cte.query.command != Command::Select {
                self.query(&cte.query, &BTreeSet::new(), &scopes, view);
            }
        }
        self.on_conflict(query);
        walk::parts(query, &mut |part| {
            if let Part::Expr(expr) = part {
                self.subqueries(expr, &scopes, view);
            }
        });
    }

    /// Subqueries in expressions: nothing around them filters for them.
    fn subqueries(&mut self, expr: &'a Expr, scopes: &[&'a Query], view: Option<&View>) {
        walk::below(expr, &mut |part| match part {
            Part::Expr(expr) => self.subqueries(expr, scopes, view),
            Part::Query(query) => self.query(query, &BTreeSet::new(), scopes, view),
        });
    }

    fn set_operation(
        &mut self,
        query: &'a Query,
        operation: &'a SetOperation,
        restricted: &BTreeSet<usize>,
        scopes: &[&'a Query],
        view: Option<&View>,
    ) {
        match operation {
            SetOperation::Leaf(rel) => {
                if let Some(RteKind::Subquery { query: inner, .. }) =
                    query.rte(*rel).map(|rte| &rte.kind)
                {
                    self.query(inner, restricted, scopes, view);
                }
            }
            SetOperation::Node { left, right, .. } => {
                self.set_operation(query, left, restricted, scopes, view);
                self.set_operation(query, right, restricted, scopes, view);
            }
            SetOperation::Other(_) => {}
        }
    }

    fn view(&self, query: &Query, rte: &Rte, oid: Oid, rel: usize) -> View {
        let bare = self
            .context
            .catalog
            .relations
            .get(&oid)
            .map_or(rte.name.as_str(), |relation| &relation.name);
        View {
            name: self.context.catalog.relation_name(oid),
            span: self.context.table(
                bare,
                rte.aliased.then_some(rte.name.as_str()),
                &uses(query, rel),
            ),
        }
    }

    /// Nothing decides about the column.
    fn table(
        &mut self,
        query: &'a Query,
        (rte, oid, column): (&Rte, Oid, &Column),
        reading: &Reading<'a>,
        view: Option<&View>,
    ) {
        let context = self.context;
        let table = context.catalog.relation_name(oid);
        let bare = context
            .catalog
            .relations
            .get(&oid)
            .map_or(rte.name.as_str(), |relation| &relation.name);
        let alone = query.rtable.iter().filter(|rte| rte.in_from).count() <= 1
            && (query.command == Command::Select || query.join_tree.items.len() <= 1);
        let wanted = if alone && !rte.aliased {
            format!("{} IS NULL", quoted(&column.name))
        } else {
            format!("{}.{} IS NULL", quoted(&rte.name), quoted(&column.name))
        };
        let late = reading
            .after_the_join
            .iter()
            .copied()
            .find(|condition| restricts(query, condition, reading.rel, column.number));
        let mut diagnostic = if let Some(view) = view {
            Diagnostic::error(
                RULE.name,
                format!("the view `{}` reads `{table}` without a condition on `{}`", view.name, column.name),
            )
            .at(view.span)
            .label("deleted rows come back")
            .help(format!("add `{wanted}` to the view's definition, or filter the column here if the view shows it"))
        } else if let Some(late) = late {
            let span = context
                .at(first_location(late))
                .unwrap_or_else(|| context.head());
            Diagnostic::error(
                RULE.name,
                format!("`{}` is filtered after the outer join: where it is deleted, the other side's row is lost too", rte.name),
            )
            .at(span)
            .label("WHERE sees the joined row")
            .help(match self.on_line(reading) {
                Some(line) => format!("move `{wanted}` to the ON at line {line}"),
                None => format!("move `{wanted}` to the ON of the join"),
            })
        } else if let Some(let_through) = reading
            .conditions
            .iter()
            .find(|condition| speaks_of(query, condition, reading.rel, column.number))
        {
            let part = match let_through {
                Expr::Or(parts, _) => parts
                    .iter()
                    .find(|part| !speaks_of(query, part, reading.rel, column.number)),
                _ => None,
            };
            let span = context
                .at(first_location(part.unwrap_or(let_through)))
                .unwrap_or_else(|| context.head());
            Diagnostic::error(
                RULE.name,
                format!("this part of an OR lets deleted rows of `{table}` through"),
            )
            .at(span)
            .label(format!("holds whatever `{}` is", column.name))
            .help(format!("put the OR in parentheses and add `AND {wanted}`"))
        } else {
            let what = if query.command == Command::Update && reading.rel == query.result_relation {
                "updated"
            } else {
                "read"
            };
            Diagnostic::error(
                RULE.name,
                format!(
                    "`{table}` is {what} without a condition on `{}`",
                    column.name
                ),
            )
            .at(context.table(
                bare,
                rte.aliased.then_some(rte.name.as_str()),
                &uses(query, reading.rel),
            ))
            .label("deleted rows are among them")
            .help(
                match (
                    self.on_line(reading),
                    reading.on.is_some(),
                    &query.join_tree.quals,
                ) {
                    (Some(line), _, _) => format!("add `AND {wanted}` to the ON at line {line}"),
                    (None, true, _) => format!("add `AND {wanted}` to the ON of the join"),
                    (None, false, Some(Expr::Or(..))) => {
                        format!("put the WHERE in parentheses and add `AND {wanted}`")
                    }
                    (None, false, Some(_)) => format!("add `AND {wanted}` to the WHERE"),
                    (None, false, None) => format!("add `WHERE {wanted}`"),
                },
            )
        };
        diagnostic = diagnostic
            .help("if deleted rows are meant too, `--@ allow(soft_delete_filter, \"why\")`");
        self.found.push(diagnostic);
    }

    fn on_line(&self, reading: &Reading<'_>) -> Option<u32> {
        let span = self.context.at(first_location(reading.on?))?;
        Some(self.context.line(span))
    }

    fn on_conflict(&mut self, query: &Query) {
        let (Command::Insert, Some(conflict), Some(rte)) = (
            query.command,
            &query.on_conflict,
            query.rte(query.result_relation),
        ) else {
            return;
        };
        let RteKind::Relation { oid, .. } = rte.kind else {
            return;
        };
        let Some(column) = self.context.soft_delete(oid) else {
            return;
        };
        let mentions = |expr: &Expr| {
            walk::any_expression(
                expr,
                &|expr| matches!(expr, Expr::Var(var) if var.column == column.number),
            )
        };
        let decided = conflict
            .set
            .iter()
            .any(|target| target.number == column.number)
            || conflict
                .condition
                .iter()
                .chain(&conflict.arbiter_where)
                .any(mentions);
        if conflict.action != ConflictAction::Update || decided {
            return;
        }
        let table = self.context.catalog.relation_name(oid);
        let bare = self
            .context
            .catalog
            .relations
            .get(&oid)
            .map_or(rte.name.as_str(), |relation| &relation.name);
        let span = self
            .context
            .table(bare, rte.aliased.then_some(rte.name.as_str()), &[]);
        self.found.push(
            Diagnostic::error(
                RULE.name,
                format!("ON CONFLICT may update a deleted row of `{table}`, and leave it deleted"),
            )
            .at(span)
            .label(format!("nothing is said of `{}`", column.name))
            .help(format!(
                "add `{} = NULL` to the SET to bring the row back",
                quoted(&column.name)
            ))
            .help(format!(
                "or add `WHERE {}.{} IS NULL` to leave deleted rows alone",
                quoted(&rte.name),
                quoted(&column.name)
            ))
            .help("or `--@ allow(soft_delete_filter, \"why\")`"),
        );
    }
}

/// The query, or one around it, decides about the column; or it is not a read.
fn decided(
    query: &Query,
    column: &Column,
    reading: &Reading<'_>,
    restricted: &BTreeSet<usize>,
) -> bool {
    if reading.rel == query.result_relation {
        match query.command {
            // `hard-delete` speaks of these; MERGE and INSERT read their target only to find what conflicts.
            Command::Delete | Command::Merge | Command::Insert => return true,
            // What brings rows back is for the deleted ones.
            Command::Update if sets_to_null(&query.targets, column.number) => return true,
            Command::Update
            | Command::Select
            | Command::Utility
            | Command::Nothing
            | Command::Unknown => {}
        }
    }
    reading
        .conditions
        .iter()
        .any(|condition| restricts(query, condition, reading.rel, column.number))
        || passes(query, restricted, reading.rel, column.number)
}

/// The outputs of a subquery that the query around it has a condition on, or passes on to one that has.
fn passed_down(
    query: &Query,
    reading: &Reading<'_>,
    inner: &Query,
    restricted: &BTreeSet<usize>,
) -> BTreeSet<usize> {
    let list = if inner.command == Command::Select {
        &inner.targets
    } else {
        &inner.returning
    };
    list.iter()
        .enumerate()
        .filter(|(_, target)| !target.junk)
        .filter(|(_, target)| {
            reading
                .conditions
                .iter()
                .any(|condition| restricts(query, condition, reading.rel, target.number))
                || passes(query, restricted, reading.rel, target.number)
        })
        .map(|(place, _)| place)
        .collect()
}

/// One of the restricted outputs is the column.
fn passes(query: &Query, restricted: &BTreeSet<usize>, rel: usize, column: i16) -> bool {
    restricted
        .iter()
        .filter_map(|&place| query.targets.get(place))
        .any(|target| is_column(query, &target.expr, rel, column))
}

fn is_column(query: &Query, expr: &Expr, rel: usize, column: i16) -> bool {
    matches!(resolve(query, expr), Expr::Var(var) if var.levels_up == 0 && var.rel == rel && var.column == column)
}

fn speaks_of(query: &Query, expr: &Expr, rel: usize, column: i16) -> bool {
    walk::any_expression(expr, &|expr| is_column(query, expr, rel, column))
}

/// Does the condition decide about the column? It speaks of it; and where it is an OR, so does each part that looks at the row.
fn restricts(query: &Query, condition: &Expr, rel: usize, column: i16) -> bool {
    let speaks = |expr: &Expr| speaks_of(query, expr, rel, column);
    match condition {
        Expr::Or(parts, _) => {
            let looks_at_rows = |expr: &Expr| {
                walk::any_expression(expr, &|expr| {
                    matches!(expr, Expr::Var(var) if var.levels_up == 0)
                        || matches!(expr, Expr::SubLink(_))
                })
            };
            parts.iter().any(speaks)
                && parts
                    .iter()
                    .all(|part| speaks(part) || !looks_at_rows(part))
        }
        _ => speaks(condition),
    }
}

fn sets_to_null(targets: &[Target], column: i16) -> bool {
    targets.iter().any(|target| {
        target.number == column && matches!(&target.expr, Expr::Const(constant) if constant.is_null)
    })
}
