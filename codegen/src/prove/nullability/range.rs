//! The columns of what stands in FROM.

use super::known::VarKey;
use super::scope::{Frame, Present, Scope, is_full_join};
use super::{Prover, Value};
use crate::catalog::Oid;
use crate::catalog::oid::RECORD;
use crate::describe::tree::{Expr, Query, Rte, RteKind, SetOperation, Var};
use crate::prove::casts::type_of;

impl Prover<'_> {
    /// The columns of a range table entry, before outer joins and conditions of this level.
    pub(super) fn rte_columns<'f>(&self, scope: &'f Scope<'f>, rel: usize) -> &'f [Value] {
        let Some(cell) = scope.columns.get(rel) else {
            return &[];
        };
        if let Some(found) = cell.get() {
            return found;
        }
        let found = scope
            .query
            .rte(rel)
            .map(|rte| self.compute_columns(scope, rel, rte))
            .unwrap_or_default();
        cell.get_or_init(|| found)
    }

    pub(super) fn compute_columns<'f>(
        &self,
        scope: &'f Scope<'f>,
        rel: usize,
        rte: &Rte,
    ) -> Vec<Value> {
        let frame = scope.input();
        let named = |index: usize| {
            let column = rte
                .column_names
                .get(index)
                .map_or("?column?", String::as_str);
            format!("`{}.{column}`", rte.name)
        };
        match &rte.kind {
            RteKind::Subquery { query, .. } => self.query(query, Some(frame)),
            RteKind::Values { rows } => {
                let width = rows.first().map_or(0, Vec::len);
                (0..width)
                    .map(|column| {
                        let mut values = rows
                            .iter()
                            .filter_map(|row| row.get(column))
                            .map(|expr| self.value(expr, &frame));
                        let first = values.next().unwrap_or_else(|| {
                            Value::may("may be null: VALUES has no such column")
                        });
                        if self.holds("values-any-row") {
                            values.fold(first, Value::either)
                        } else {
                            first
                        }
                    })
                    .collect()
            }
            RteKind::Cte {
                name,
                levels_up,
                self_reference,
            } => self.cte(scope, name, *levels_up, *self_reference),
            RteKind::Functions {
                functions,
                ordinality,
            } => self.function_columns(&frame, rte, functions, *ordinality),
            RteKind::TableFunction {
                not_null_columns,
                ordinality_column,
                ..
            } => (0..rte.column_names.len())
                .map(|index| {
                    if not_null_columns.contains(&index) {
                        Value::never(format!("{} is declared NOT NULL", named(index)))
                    } else if *ordinality_column == Some(index) || !self.holds("table-function") {
                        Value::never(format!("{} counts the rows", named(index)))
                    } else {
                        Value::may(format!(
                            "{} may be null: the document may lack it",
                            named(index)
                        ))
                    }
                })
                .collect(),
            RteKind::Group { expressions } => expressions
                .iter()
                .map(|expr| self.value(expr, &frame))
                .collect(),
            RteKind::Join { columns, .. } => (1..=columns.len())
                .filter_map(|number| i16::try_from(number).ok())
                .map(|number| self.join_column(&frame, rel, number))
                .collect(),
            // By column number, which a list would get wrong where a column was dropped.
            RteKind::Relation { .. } => Vec::new(),
            RteKind::NamedTuplestore | RteKind::Result | RteKind::Other(_) => Vec::new(),
        }
    }

    pub(super) fn cte(
        &self,
        scope: &Scope<'_>,
        name: &str,
        levels_up: usize,
        self_reference: bool,
    ) -> Vec<Value> {
        let mut owner = scope;
        for _ in 0..levels_up {
            match owner.parent {
                Some(parent) => owner = parent.scope,
                None => return Vec::new(),
            }
        }
        let Some(index) = owner.query.ctes.iter().position(|cte| cte.name == name) else {
            return Vec::new();
        };
        if self_reference {
            return owner
                .supposed
                .borrow()
                .get(index)
                .cloned()
                .flatten()
                .unwrap_or_default();
        }
        let Some(cell) = owner.ctes.get(index) else {
            return Vec::new();
        };
        if let Some(found) = cell.get() {
            return found.clone();
        }
        let found = self.cte_columns(owner, index);
        cell.get_or_init(|| found).clone()
    }

    pub(super) fn cte_columns(&self, owner: &Scope<'_>, index: usize) -> Vec<Value> {
        let Some(cte) = owner.query.ctes.get(index) else {
            return Vec::new();
        };
        if !cte.recursive {
            return self.query(&cte.query, Some(owner.with()));
        }
        let Some(SetOperation::Node { left, right, .. }) = &cte.query.set_operation else {
            return Vec::new();
        };
        // The first term is right of itself. What the recursive term adds is right where what it reads is; so suppose
        // the least, and widen until nothing is added.
        let mut supposed = {
            let scope = Scope::new(self, &cte.query, Some(owner.with()));
            self.set_operation(&scope, left)
        };
        if !self.holds("recursive-term") {
            return supposed;
        }
        for _ in 0..=supposed.len() * 4 {
            if let Some(slot) = owner.supposed.borrow_mut().get_mut(index) {
                *slot = Some(supposed.clone());
            }
            let added = {
                let scope = Scope::new(self, &cte.query, Some(owner.with()));
                self.set_operation(&scope, right)
            };
            if let Some(slot) = owner.supposed.borrow_mut().get_mut(index) {
                *slot = None;
            }
            if added.len() != supposed.len() {
                break;
            }
            let widened: Vec<Value> = supposed
                .iter()
                .cloned()
                .zip(added)
                .map(|(before, added)| before.either(added))
                .collect();
            if widened
                .iter()
                .zip(&supposed)
                .all(|(after, before)| same_knowledge(after, before))
            {
                return supposed;
            }
            supposed = widened;
        }
        supposed
            .iter()
            .map(|_| Value::may("may be null: the recursive query is not understood"))
            .collect()
    }

    /// A column of a join: one of its sides', or, merged by USING, whichever side is there.
    pub(super) fn join_column(&self, at: &Frame<'_>, rel: usize, number: i16) -> Value {
        let unknown = || Value::may("may be null: a joined column that is not understood");
        let Some(RteKind::Join {
            merged, columns, ..
        }) = at.scope.query.rte(rel).map(|rte| &rte.kind)
        else {
            return unknown();
        };
        let Some(index) = usize::try_from(number).ok().and_then(|n| n.checked_sub(1)) else {
            return unknown();
        };
        let Some(expr) = columns.get(index) else {
            return unknown();
        };
        let kind = at.scope.query.rte(rel).map(|rte| &rte.kind);
        match expr {
            Expr::Coalesce { args, .. } if index < *merged && kind.is_some_and(is_full_join) => {
                // In every row one side of this join is there: not null where both are, each in its own rows.
                let present = Present {
                    join: rel,
                    next: at.present,
                };
                let frame = Frame {
                    present: Some(&present),
                    assumed: None,
                    ..*at
                };
                let sides = args.iter().map(|arg| self.value(arg, &frame));
                let merged = if self.holds("full-join-using") {
                    sides.reduce(Value::either)
                } else {
                    sides.reduce(|left, right| if left.is_never() { left } else { right })
                };
                let mut merged = merged.unwrap_or_else(unknown);
                merged.origin = None;
                merged
            }
            _ => self.value(expr, at),
        }
    }

    pub(super) fn whole_row(&self, var: &Var, at: &Frame<'_>, rte: &Rte) -> Value {
        let label = self.label(at.scope.query, var.rel, 0);
        let numbers: Vec<i16> = match &rte.kind {
            RteKind::Relation { oid, .. } => self
                .input
                .catalog
                .relations
                .get(oid)
                .map(|relation| {
                    relation
                        .columns
                        .iter()
                        .map(|column| column.number)
                        .collect()
                })
                .unwrap_or_default(),
            RteKind::Subquery { .. } | RteKind::Values { .. } | RteKind::Cte { .. } => (1..)
                .take(self.rte_columns(at.scope, var.rel).len())
                .collect(),
            // A function may give NULL for a row; what a join's row is where the join is nulled varies by version.
            RteKind::Functions { .. }
            | RteKind::Join { .. }
            | RteKind::TableFunction { .. }
            | RteKind::NamedTuplestore
            | RteKind::Result
            | RteKind::Group { .. }
            | RteKind::Other(_) => {
                return Value::may(format!("{label} may be null: a row that is not a table's"));
            }
        };
        let is_view = matches!(rte.kind, RteKind::Relation { relkind: 'v', .. });
        let mut value = if is_view {
            Value::may(format!(
                "{label} may be null: a trigger makes the view's rows"
            ))
        } else {
            Value::never(format!("{label} is a row that is there"))
        };
        if var.type_oid == RECORD {
            value.record = self
                .column_types(at.scope, rte)
                .filter(|types| types.len() <= rte.column_names.len())
                .map(|types| rte.column_names.iter().cloned().zip(types).collect());
        }
        value.fields = numbers
            .into_iter()
            .map(|number| {
                let field = Var {
                    column: number,
                    levels_up: 0,
                    ..var.clone()
                };
                (number, self.column_of_row(&field, at, rte))
            })
            .collect();
        value
    }

    /// The types of the columns of a subquery, a CTE or VALUES.
    fn column_types(&self, scope: &Scope<'_>, rte: &Rte) -> Option<Vec<Oid>> {
        let catalog = self.input.catalog;
        match &rte.kind {
            RteKind::Subquery { query, .. } => self.output_types(query),
            RteKind::Cte {
                name, levels_up, ..
            } => {
                let mut owner = scope;
                for _ in 0..*levels_up {
                    owner = owner.parent?.scope;
                }
                let cte = owner.query.ctes.iter().find(|cte| cte.name == *name)?;
                self.output_types(&cte.query)
            }
            RteKind::Values { rows } => rows
                .first()?
                .iter()
                .map(|expr| type_of(catalog, expr))
                .collect(),
            _ => None,
        }
    }

    fn output_types(&self, query: &Query) -> Option<Vec<Oid>> {
        match &query.set_operation {
            Some(SetOperation::Node { column_types, .. }) => Some(column_types.clone()),
            Some(SetOperation::Leaf(_) | SetOperation::Other(_)) => None,
            None => query
                .visible_targets()
                .map(|target| type_of(self.input.catalog, &target.expr))
                .collect(),
        }
    }

    /// A field of a whole row: what conditions say of the column holds of it too, what outer joins do is said of the row.
    pub(super) fn column_of_row(&self, field: &Var, at: &Frame<'_>, rte: &Rte) -> Value {
        let value = self.of_row(field, at, rte);
        let known = at
            .rows_known(self)
            .and_then(|rows| rows.var(VarKey::in_from(field)))
            .filter(|_| self.trusts(field, at));
        match known {
            Some(why) => value.known(why),
            None => value,
        }
    }
}

fn same_knowledge(left: &Value, right: &Value) -> bool {
    left.null == right.null
        && left.elements.as_ref().map(|(may, _)| *may)
            == right.elements.as_ref().map(|(may, _)| *may)
        && left.origin == right.origin
        && left.record == right.record
        && match (&left.json, &right.json) {
            (Some(left), Some(right)) => left.same_knowledge(right, &same_knowledge),
            (None, None) => true,
            _ => false,
        }
        && left.fields.len() == right.fields.len()
        && left
            .fields
            .iter()
            .zip(&right.fields)
            .all(|((_, left), (_, right))| same_knowledge(left, right))
}
