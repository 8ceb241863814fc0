//! May the query share a connection with others? Everybody there waits for whoever is in front, so it must be a read that is answered
//! soon, however large the tables grow.
//!
//! That is proved apart from the number of rows: a query can return one row and look at a million, to aggregate them, to find that
//! there is none, or because its key is compared in a way that no index serves. A query is short when each of its tables is looked up by
//! a whole unique key, compared with constants, parameters, outer columns, and columns of tables that were looked up
//! before. PostgreSQL considers every order of up to eight tables (`join_collapse_limit`), so it finds that one.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::Prover;
use super::walk::{self, Part};
use super::{Input, implication};
use crate::catalog::{Index, Oid};
use crate::describe::tree::{
    Command, Expr, FromExpr, JoinExpr, JoinItem, JoinKind, Query, RteKind,
};
use crate::facts::{Cardinality, Proved};

pub fn shared(
    input: &Input<'_>,
    cardinality: &Proved<Cardinality>,
    pure_read: &Proved<bool>,
    used: &mut BTreeSet<Oid>,
) -> Proved<bool> {
    let no = |reason: &str| Proved::new(false, reason);
    if !pure_read.value {
        return pure_read.clone();
    }
    match cardinality.value {
        Cardinality::One | Cardinality::AtMostOne => {}
        Cardinality::None => return no("it returns no rows"),
        Cardinality::Many => return no("it may return several rows"),
    }
    let ([_], Some(query)) = (input.statement.queries.as_slice(), input.visible_query()) else {
        return no("a rule makes several queries of the statement");
    };
    match lookups(input, query) {
        Ok(found) => {
            used.extend(found);
            Proved::new(
                true,
                "each table is looked up by a key, nothing is locked, and nothing depends on the session",
            )
        }
        Err(reason) => Proved::new(false, reason),
    }
}

/// `join_collapse_limit` and `from_collapse_limit`: beyond it the planner keeps to the order that was written.
const MOST_TABLES: usize = 8;

/// The indexes that serve them.
fn lookups(input: &Input<'_>, query: &Query) -> Result<BTreeSet<Oid>, String> {
    let prover = Prover::new(input.catalog, input.rules);
    let mut tables = looked_up(&prover, input, query)?;
    let mut below = Vec::new();
    walk::everything(query, &mut |part| match part {
        Part::Expr(Expr::SubLink(link)) => below.push(&link.query),
        Part::Expr(_) | Part::Query(_) => {}
    });
    for query in below {
        tables += looked_up(&prover, input, query)?;
    }
    if tables > MOST_TABLES {
        return Err(format!(
            "it joins {tables} tables: the planner considers every order of {MOST_TABLES} at most"
        ));
    }
    Ok(prover.used())
}

/// How many tables the query has, each of them looked up by a key. Subqueries in expressions are left out.
fn looked_up(prover: &Prover<'_>, input: &Input<'_>, query: &Query) -> Result<usize, String> {
    let mut block = Block {
        prover,
        input,
        levels: Vec::new(),
        tables: Vec::new(),
        conditions: Vec::new(),
        sides: 0,
    };
    block.add_query(query, &[])?;
    let mut found: Vec<bool> = vec![false; block.tables.len()];
    loop {
        let next = (0..block.tables.len()).find(|&table| {
            !found.get(table).is_some_and(|found| *found) && block.finds(table, &found)
        });
        match next.and_then(|table| found.get_mut(table)) {
            Some(table) => *table = true,
            None => break,
        }
    }
    match found.iter().position(|found| !found) {
        None => Ok(found.len()),
        Some(table) => {
            let table = block.tables.get(table).map_or(0, |table| table.oid);
            let name = input.catalog.relation_name(table);
            Err(format!("`{name}` is not looked up by a whole unique key"))
        }
    }
}

/// FROM and WHERE of a query, with what the planner pulls up into them: views and subqueries in FROM.
struct Block<'b, 'q, 'p> {
    prover: &'b Prover<'p>,
    input: &'b Input<'b>,
    levels: Vec<Level<'q>>,
    tables: Vec<Table>,
    conditions: Vec<Condition<'q>>,
    /// How many sides of outer joins there are that may be absent.
    sides: usize,
}

/// The query itself, or one that was pulled up.
struct Level<'q> {
    query: &'q Query,
    /// By the place in its range table, a place among the levels.
    pulled_up: BTreeMap<usize, usize>,
    /// By the place in its range table, a place among the tables.
    tables: BTreeMap<usize, usize>,
}

struct Table {
    oid: Oid,
    inherits: bool,
    /// The sides of outer joins that it is within, from the outermost on.
    sides: Vec<usize>,
}

struct Condition<'q> {
    level: usize,
    expr: &'q Expr,
    /// The sides of outer joins that it is asked within.
    sides: Vec<usize>,
}

impl<'q> Block<'_, 'q, '_> {
    fn add_query(&mut self, query: &'q Query, sides: &[usize]) -> Result<usize, String> {
        let level = self.levels.len();
        // The planner pulls up no subquery with an order of its own.
        if let Some(part) = looks_at_more(query)
            .or_else(|| (level != 0 && !query.sort.is_empty()).then_some("ORDER BY in a subquery"))
        {
            return Err(format!("{part} may look at as many rows as there are"));
        }
        self.levels.push(Level {
            query,
            pulled_up: BTreeMap::new(),
            tables: BTreeMap::new(),
        });
        self.add_from(level, &query.join_tree, sides)?;
        Ok(level)
    }

    fn add_from(
        &mut self,
        level: usize,
        from: &'q FromExpr,
        sides: &[usize],
    ) -> Result<(), String> {
        for item in &from.items {
            self.add_item(level, item, sides)?;
        }
        if let Some(quals) = &from.quals {
            self.add_conditions(level, quals, sides);
        }
        Ok(())
    }

    fn add_item(
        &mut self,
        level: usize,
        item: &'q JoinItem,
        sides: &[usize],
    ) -> Result<(), String> {
        match item {
            JoinItem::Rel(rel) => self.add_rel(level, *rel, sides),
            JoinItem::Join(join) => self.add_join(level, join, sides),
            JoinItem::From(from) => self.add_from(level, from, sides),
            JoinItem::Other(_) => Err("a part of FROM is not known".to_owned()),
        }
    }

    fn add_join(
        &mut self,
        level: usize,
        join: &'q JoinExpr,
        sides: &[usize],
    ) -> Result<(), String> {
        let mut within = sides.to_vec();
        let (left, right) = match join.kind {
            JoinKind::Inner => (sides, sides),
            JoinKind::Left | JoinKind::Right => {
                within.push(self.sides);
                self.sides += 1;
                if join.kind == JoinKind::Left {
                    (sides, within.as_slice())
                } else {
                    (within.as_slice(), sides)
                }
            }
            // No index leads from one side to the other and back.
            JoinKind::Full => {
                return Err("FULL JOIN may look at as many rows as there are".to_owned());
            }
            JoinKind::Other => return Err("a part of FROM is not known".to_owned()),
        };
        self.add_item(level, &join.left, left)?;
        self.add_item(level, &join.right, right)?;
        if let Some(quals) = &join.quals {
            self.add_conditions(level, quals, &within);
        }
        Ok(())
    }

    fn add_rel(&mut self, level: usize, rel: usize, sides: &[usize]) -> Result<(), String> {
        let unknown = || "a part of FROM is not known".to_owned();
        let query = self.levels.get(level).ok_or_else(unknown)?.query;
        let rte = query.rte(rel).ok_or_else(unknown)?;
        if rte.tablesample.is_some() {
            return Err("TABLESAMPLE may look at as many rows as there are".to_owned());
        }
        if !rte.security_quals.is_empty() {
            return Err("row security decides which rows there are".to_owned());
        }
        match &rte.kind {
            RteKind::Relation { oid, inherits, .. } => {
                let place = self.tables.len();
                self.tables.push(Table {
                    oid: *oid,
                    inherits: *inherits,
                    sides: sides.to_vec(),
                });
                if let Some(level) = self.levels.get_mut(level) {
                    level.tables.insert(rel, place);
                }
                Ok(())
            }
            // Conditions do not get into it before its own.
            RteKind::Subquery {
                security_barrier: true,
                ..
            } => Err("a security barrier may look at as many rows as there are".to_owned()),
            RteKind::Subquery { .. } if rte.lateral => {
                Err("LATERAL may look at as many rows as there are".to_owned())
            }
            RteKind::Subquery { query, .. } => {
                let inner = self.add_query(query, sides)?;
                if let Some(level) = self.levels.get_mut(level) {
                    level.pulled_up.insert(rel, inner);
                }
                Ok(())
            }
            RteKind::Result => Ok(()),
            RteKind::Functions { .. } | RteKind::TableFunction { .. } | RteKind::Values { .. } => {
                Err("a function or VALUES in FROM may give any number of rows".to_owned())
            }
            RteKind::Join { .. }
            | RteKind::Cte { .. }
            | RteKind::NamedTuplestore
            | RteKind::Group { .. }
            | RteKind::Other(_) => Err(unknown()),
        }
    }

    fn add_conditions(&mut self, level: usize, expr: &'q Expr, sides: &[usize]) {
        if let Expr::And(args, _) = expr {
            for arg in args {
                self.add_conditions(level, arg, sides);
            }
        } else {
            self.conditions.push(Condition {
                level,
                expr,
                sides: sides.to_vec(),
            });
        }
    }

    /// Can the table be looked up, once those in `found` are?
    fn finds(&self, place: usize, found: &[bool]) -> bool {
        let Some(table) = self.tables.get(place) else {
            return false;
        };
        let mut indexes = self.prover.indexes(table.oid, table.inherits);
        let found = indexes.find(|index| {
            (0..index.keys.len()).all(|key| self.is_bound(place, table, index, key, found))
                && self.applies(place, table, index)
        });
        if let Some(index) = found {
            self.prover.uses(index);
        }
        found.is_some()
    }

    /// Is the key of the index compared with what is known by then, in the way that the index is sorted by?
    fn is_bound(
        &self,
        place: usize,
        table: &Table,
        index: &Index,
        key: usize,
        found: &[bool],
    ) -> bool {
        let family = index.families.get(key).copied().unwrap_or(0);
        let collation = index.collations.get(key).copied().unwrap_or(0);
        let expression = match index.keys.get(key) {
            Some(0) => match implication::key_expression(index, key) {
                Some(expression) => Some(expression),
                None => return false,
            },
            _ => None,
        };
        let is_key = |level, expr: &'q Expr| match &expression {
            None => index.keys.get(key).map(|&column| (place, column)) == self.column(level, expr),
            Some(expression) => implication::same_expression(
                &|expr| self.column_of(place, level, expr),
                expr,
                expression,
            ),
        };
        self.conditions.iter().any(|condition| {
            let Expr::Op(operation) = condition.expr else {
                return false;
            };
            let [left, right] = operation.args.as_slice() else {
                return false;
            };
            let serves = self
                .input
                .catalog
                .operators
                .get(&operation.operator)
                .is_some_and(|operator| {
                    operator.equality_families.contains(&family)
                        && implication::is_strict(self.input.catalog, operator.function)
                });
            // What is asked of a column further out than its row may be absent makes an inner join of the outer one, by the
            // strict comparison. An expression may hide that the row is absent.
            let is_asked = if expression.is_some() {
                condition.sides == table.sides
            } else {
                is_within(&condition.sides, &table.sides)
            };
            serves
                && is_asked
                && (collation == 0 || operation.collation == collation)
                && [(left, right), (right, left)]
                    .into_iter()
                    .any(|(ours, other)| {
                        is_key(condition.level, ours)
                            && self.is_known(condition.level, other, table, found)
                    })
        })
    }

    /// Is the value known by the time that the table is looked up?
    fn is_known(&self, level: usize, other: &'q Expr, table: &Table, found: &[bool]) -> bool {
        // A bare column of a row that may be absent makes an inner join of that outer one, by the comparison.
        if let Some((place, _)) = self.column(level, other) {
            return found.get(place).is_some_and(|found| *found);
        }
        self.is_made_of_known(level, other, table, found)
    }

    fn is_made_of_known(
        &self,
        level: usize,
        expr: &'q Expr,
        table: &Table,
        found: &[bool],
    ) -> bool {
        let (level, expr) = self.resolve(level, expr);
        match expr {
            Expr::Var(var) if var.levels_up > 0 => true,
            Expr::Var(var) => self.table(level, var.rel).is_some_and(|place| {
                found.get(place).is_some_and(|found| *found)
                    && self
                        .tables
                        .get(place)
                        .is_some_and(|other| is_within(&other.sides, &table.sides))
            }),
            Expr::SubLink(_) | Expr::Other { .. } | Expr::OtherQuery { .. } => false,
            expr => {
                let mut all = true;
                walk::below(expr, &mut |part| {
                    all = all
                        && matches!(part, Part::Expr(expr) if self.is_made_of_known(level, expr, table, found));
                });
                all
            }
        }
    }

    /// Of a partial index: its condition stands in the query as it is, or says that a key that is compared is not NULL.
    fn applies(&self, place: usize, table: &Table, index: &Index) -> bool {
        if index.predicate.is_none() {
            return true;
        }
        let Some(predicate) = implication::predicate(index) else {
            return false;
        };
        let parts = match &predicate {
            Expr::And(args, _) => args.as_slice(),
            one => std::slice::from_ref(one),
        };
        parts.iter().all(|part| {
            let not_null = matches!(part, Expr::NullTest { arg, is_null: false, row: false, .. }
                if matches!(arg.as_ref(), Expr::Var(var) if index.keys.contains(&var.column)));
            not_null
                || self.conditions.iter().any(|condition| {
                    condition.sides == table.sides
                        && implication::same_expression(
                            &|expr| self.column_of(place, condition.level, expr),
                            condition.expr,
                            part,
                        )
                })
        })
    }

    fn table(&self, level: usize, rel: usize) -> Option<usize> {
        self.levels.get(level)?.tables.get(&rel).copied()
    }

    fn column(&self, level: usize, expr: &'q Expr) -> Option<(usize, i16)> {
        match self.resolve(level, expr) {
            (level, Expr::Var(var)) if var.levels_up == 0 && var.column > 0 => {
                Some((self.table(level, var.rel)?, var.column))
            }
            _ => None,
        }
    }

    fn column_of(&self, place: usize, level: usize, expr: &'q Expr) -> Option<i16> {
        let (found, column) = self.column(level, expr)?;
        (found == place).then_some(column)
    }

    /// Through the columns of joins and of what was pulled up, and through casts that change no bytes. Not through those to
    /// a domain, nor through COLLATE: an index does not serve what is behind them.
    fn resolve(&self, level: usize, expr: &'q Expr) -> (usize, &'q Expr) {
        let (mut level, mut expr) = (level, expr);
        // The bound is against a tree that names itself.
        for _ in 0..256 {
            let inner = match expr {
                Expr::Relabel { arg, .. } => Some((level, arg.as_ref())),
                Expr::Var(var) if var.levels_up == 0 => self.behind(level, var.rel, var.column),
                _ => None,
            };
            match inner {
                Some(inner) => (level, expr) = inner,
                None => break,
            }
        }
        (level, expr)
    }

    fn behind(&self, level: usize, rel: usize, column: i16) -> Option<(usize, &'q Expr)> {
        let own = self.levels.get(level)?;
        let place = usize::try_from(column).ok()?.checked_sub(1)?;
        if let RteKind::Join { columns, .. } = &own.query.rte(rel)?.kind {
            return Some((level, columns.get(place)?));
        }
        let inner = *own.pulled_up.get(&rel)?;
        let target = self
            .levels
            .get(inner)?
            .query
            .visible_targets()
            .find(|target| target.number == column)?;
        Some((inner, &target.expr))
    }
}

/// Are all of `inner`'s sides among `outer`'s?
fn is_within(inner: &[usize], outer: &[usize]) -> bool {
    inner.iter().all(|side| outer.contains(side))
}

/// What may look at more rows than it gives.
fn looks_at_more(query: &Query) -> Option<&'static str> {
    let parts = [
        (query.command != Command::Select, "what is no SELECT"),
        (!query.ctes.is_empty(), "WITH"),
        (query.has_aggregates, "an aggregate"),
        (
            !query.group.is_empty() || !query.grouping_sets.is_empty() || query.having.is_some(),
            "GROUP BY",
        ),
        (!query.distinct.is_empty(), "DISTINCT"),
        (
            query.limit_count.is_some() || query.limit_offset.is_some(),
            "LIMIT",
        ),
        (query.set_operation.is_some(), "a set operation"),
        (
            query.has_window_functions || !query.windows.is_empty(),
            "a window function",
        ),
        (
            query.has_set_returning_targets,
            "a function that returns a set",
        ),
        (
            !query.row_marks.is_empty() || query.has_for_update,
            "FOR UPDATE",
        ),
    ];
    parts.into_iter().find_map(|(is, part)| is.then_some(part))
}
