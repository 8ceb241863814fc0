//! `soft-delete-filter`: a read of a table with the soft-delete column that says nothing of that column.
//!
//! Deleted rows come back: a removed flag is shown, children of a deleted parent are found. Each place that names such a table
//! needs its own condition: `deleted_at IS NULL`, `(:include_deleted OR deleted_at IS NULL)`, or any other that speaks of the
//! column. For the inner side of a LEFT JOIN it belongs in the ON: in WHERE it would remove the rows of the other side. What reads
//! a view or a CTE may filter for it. Whoever sets a flag asks for deleted rows, so that the text which a flag takes the condition from is
//! not looked at, but the one that has the flag. An upsert says what becomes of a deleted row: it sets the column, or its WHERE speaks of it.
//! Waivable.

use std::collections::BTreeSet;

use super::Rule;
use super::context::{Context, first_location, quoted, uses};
use super::decides::{speaks_of, way_around};
use crate::catalog::{Column, Oid};
use crate::describe::tree::{
    Command, ConflictAction, Expr, JoinItem, MergeMatch, Query, Rte, RteKind, SetOperation,
    SortGroup, Target,
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
    let by_flag = context.query.text.is_some_and(|(text, _)| text.by_flag);
    if context.config.soft_delete.is_none() || by_flag {
        return;
    }
    let mut finder = Finder {
        context,
        found: Vec::new(),
    };
    for query in context.queries() {
        finder.query(query, &Restricted::default(), &[], None);
    }
    for diagnostic in finder.found {
        // A CTE is looked at for each place that reads it.
        if !found.contains(&diagnostic) {
            found.push(diagnostic);
        }
    }
}

/// The outputs of a subquery, by place among its targets, that a query around it has a condition on.
#[derive(Clone, Default)]
struct Restricted {
    /// The condition decides which rows are looked at.
    outputs: BTreeSet<usize>,
    /// The condition comes after the subquery has chosen among its rows.
    too_late: BTreeSet<usize>,
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
    fn query(
        &mut self,
        query: &'a Query,
        restricted: &Restricted,
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
                        let late = passes(query, &restricted.too_late, reading.rel, column.number);
                        self.table(query, (rte, *oid, column), &reading, view, late);
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
                        let mut passed = passed_down(query, &reading, &cte.query, restricted);
                        if cte.recursive {
                            // What is removed at the end was gone through before.
                            passed.too_late.append(&mut passed.outputs);
                        }
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
                self.query(&cte.query, &Restricted::default(), &scopes, view);
            }
        }
        self.on_conflict(query);
        self.merge(query);
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
            Part::Query(query) => self.query(query, &Restricted::default(), scopes, view),
        });
    }

    fn set_operation(
        &mut self,
        query: &'a Query,
        operation: &'a SetOperation,
        restricted: &Restricted,
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
        filtered_late: bool,
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
        } else if let Some(around) = reading
            .conditions
            .iter()
            .filter(|condition| speaks(query, condition, reading.rel, column.number))
            .find_map(|condition| {
                way_around(condition, &|expr| {
                    is_column(query, expr, reading.rel, column.number)
                })
            })
        {
            let span = context
                .at(first_location(around))
                .unwrap_or_else(|| context.head());
            Diagnostic::error(
                RULE.name,
                format!("this part of the condition lets deleted rows of `{table}` through"),
            )
            .at(span)
            .label(format!("holds whatever `{}` is", column.name))
            .help(format!(
                "put the condition in parentheses and add `AND {wanted}`"
            ))
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
        if filtered_late {
            diagnostic = diagnostic.note(
                "the condition around this subquery comes too late: LIMIT, DISTINCT ON, a window or the recursion has looked at deleted rows by then",
            );
        }
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
        let decided = sets(&conflict.set, column.number)
            || conflict
                .condition
                .iter()
                .chain(&conflict.arbiter_where)
                .any(|condition| restricts(query, condition, query.result_relation, column.number));
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
            .label("deleted rows are not left out")
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

    /// Each WHEN … THEN UPDATE says what becomes of a row that is deleted.
    fn merge(&mut self, query: &Query) {
        let (Command::Merge, Some(rte)) = (query.command, query.rte(query.result_relation)) else {
            return;
        };
        let RteKind::Relation { oid, .. } = rte.kind else {
            return;
        };
        let Some(column) = self.context.soft_delete(oid) else {
            return;
        };
        let decides =
            |condition: &Expr| restricts(query, condition, query.result_relation, column.number);
        let matched = query.merge_join_condition.as_ref().is_some_and(decides)
            || query.join_tree.quals.as_ref().is_some_and(decides)
            || query
                .join_tree
                .items
                .iter()
                .any(|item| joined_by(item, &decides));
        let undecided = query.merge_actions.iter().any(|action| {
            let chosen = match action.match_kind {
                MergeMatch::Matched => matched,
                // The rows that did not match are among those that the ON left out.
                MergeMatch::NotMatchedBySource | MergeMatch::Unknown => false,
                MergeMatch::NotMatchedByTarget => true,
            };
            action.command == Command::Update
                && !chosen
                && !sets(&action.targets, column.number)
                && !action.condition.as_ref().is_some_and(decides)
        });
        if !undecided {
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
        let (name, marker) = (quoted(&rte.name), quoted(&column.name));
        self.found.push(
            Diagnostic::error(
                RULE.name,
                format!("MERGE may update a deleted row of `{table}`, and leave it deleted"),
            )
            .at(span)
            .label("deleted rows are not left out")
            .help(format!("write `WHEN MATCHED AND {name}.{marker} IS NULL THEN UPDATE …` to leave deleted rows alone"))
            .help(format!("or add `{marker} = NULL` to the SET to bring the row back"))
            .help("or `--@ allow(soft_delete_filter, \"why\")`"),
        );
    }
}

/// Does the condition of one of these joins say so?
fn joined_by(item: &JoinItem, decides: &dyn Fn(&Expr) -> bool) -> bool {
    match item {
        JoinItem::Rel(_) | JoinItem::Other(_) => false,
        JoinItem::Join(join) => join.quals.as_ref().is_some_and(decides),
        JoinItem::From(from) => {
            from.quals.as_ref().is_some_and(decides)
                || from.items.iter().any(|item| joined_by(item, decides))
        }
    }
}

/// The query, or one around it, decides about the column; or it is not a read.
fn decided(query: &Query, column: &Column, reading: &Reading<'_>, restricted: &Restricted) -> bool {
    if reading.rel == query.result_relation {
        match query.command {
            // `hard-delete` speaks of DELETE, `merge` and `on_conflict` of what the others update.
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
    filters(query, reading, column.number)
        || passes(query, &restricted.outputs, reading.rel, column.number)
}

/// Do the conditions of the query decide about a column of the FROM item?
fn filters(query: &Query, reading: &Reading<'_>, column: i16) -> bool {
    let decides = |condition: &Expr| restricts(query, condition, reading.rel, column);
    if query.command != Command::Merge || reading.rel == query.result_relation {
        return reading.conditions.iter().any(|expr| decides(expr));
    }
    // The ON of MERGE leaves out no row of the source: those that do not match are inserted. Until 16 it stands where a WHERE
    // would.
    let mut on = Vec::new();
    for expr in query
        .merge_join_condition
        .iter()
        .chain(&query.join_tree.quals)
    {
        conjuncts(expr, &mut on);
    }
    let is_on = |expr: &Expr| on.iter().any(|part| std::ptr::eq(*part, expr));
    let mut of_source = reading.conditions.iter().filter(|expr| !is_on(expr));
    if of_source.any(|expr| decides(expr)) {
        return true;
    }
    let matched = on.iter().any(|expr| decides(expr));
    query
        .merge_actions
        .iter()
        .filter(|action| action.command != Command::Nothing)
        .all(|action| match action.match_kind {
            MergeMatch::Matched if matched => true,
            // There is no row of the source.
            MergeMatch::NotMatchedBySource => true,
            MergeMatch::Matched | MergeMatch::NotMatchedByTarget | MergeMatch::Unknown => {
                action.condition.as_ref().is_some_and(decides)
            }
        })
}

fn conjuncts<'e>(expr: &'e Expr, found: &mut Vec<&'e Expr>) {
    match expr {
        Expr::And(parts, _) => parts.iter().for_each(|part| conjuncts(part, found)),
        _ => found.push(expr),
    }
}

/// The outputs of a subquery that the query around it has a condition on, or passes on to one that has.
fn passed_down(
    query: &Query,
    reading: &Reading<'_>,
    inner: &Query,
    restricted: &Restricted,
) -> Restricted {
    let list = if inner.command == Command::Select {
        &inner.targets
    } else {
        &inner.returning
    };
    let mut passed = Restricted::default();
    for (place, target) in list.iter().enumerate().filter(|(_, target)| !target.junk) {
        let decides = filters(query, reading, target.number)
            || passes(query, &restricted.outputs, reading.rel, target.number);
        if decides && !chooses_before(inner, target) {
            passed.outputs.insert(place);
        } else if decides || passes(query, &restricted.too_late, reading.rel, target.number) {
            passed.too_late.insert(place);
        }
    }
    passed
}

/// Is a condition on this output another one than the same condition within? What LIMIT, DISTINCT ON and windows choose or count
/// depends on rows that the condition would remove, unless it takes all or none of what they look at together. Grouping sets put
/// NULL in the column's place.
fn chooses_before(query: &Query, target: &Target) -> bool {
    let among = |keys: &[SortGroup]| {
        keys.iter()
            .any(|key| key.reference == target.sort_group_ref && target.sort_group_ref != 0)
    };
    query.limit_count.is_some()
        || query.limit_offset.is_some()
        || !query.grouping_sets.is_empty()
        || (query.has_distinct_on && !among(&query.distinct))
        || (query.has_window_functions
            && !query.windows.iter().all(|window| among(&window.partition)))
}

/// One of the outputs is the column, or an answer that its value decides: `deleted_at IS NULL AS live`.
fn passes(query: &Query, outputs: &BTreeSet<usize>, rel: usize, column: i16) -> bool {
    let over_rows = |expr: &Expr| matches!(expr, Expr::Aggregate(_) | Expr::WindowFunc(_));
    outputs
        .iter()
        .filter_map(|&place| query.targets.get(place))
        .any(|target| {
            restricts(query, resolve(query, &target.expr), rel, column)
                && !walk::any_expression(&target.expr, &over_rows)
        })
}

fn is_column(query: &Query, expr: &Expr, rel: usize, column: i16) -> bool {
    matches!(resolve(query, expr), Expr::Var(var) if var.levels_up == 0 && var.rel == rel && var.column == column)
}

fn speaks(query: &Query, expr: &Expr, rel: usize, column: i16) -> bool {
    speaks_of(expr, &|expr| is_column(query, expr, rel, column))
}

/// Does the condition decide about the column?
fn restricts(query: &Query, condition: &Expr, rel: usize, column: i16) -> bool {
    way_around(condition, &|expr| is_column(query, expr, rel, column)).is_none()
}

fn sets(targets: &[Target], column: i16) -> bool {
    targets.iter().any(|target| target.number == column)
}

fn sets_to_null(targets: &[Target], column: i16) -> bool {
    targets.iter().any(|target| {
        target.number == column && matches!(&target.expr, Expr::Const(constant) if constant.is_null)
    })
}
