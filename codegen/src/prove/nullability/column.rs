//! A column, as an expression names it: where it comes from, and what joins, grouping and conditions make of it.

use super::known::VarKey;
use super::scope::{Frame, Present, Scope};
use super::{Prover, Value};
use crate::catalog::{Column, Oid, Relation, RelationKind, TypeKind};
use crate::describe::tree::{Expr, Query, Rte, RteKind, Var};

impl Prover<'_> {
    /// A column of the query at `frame`, or of one around it.
    pub(super) fn var(&self, var: &Var, frame: &Frame<'_>) -> Value {
        let mut at = *frame;
        let mut key = VarKey::of(var);
        // A fact of a level between holds of the rows that come through it.
        let mut known = None;
        loop {
            known = known.or_else(|| self.known_here(key, &at));
            if key.levels_up == 0 {
                break;
            }
            if let Some(rows) = at.rows_known(self) {
                known = known.or_else(|| rows.var(key).map(ToString::to_string));
            }
            let Some(parent) = at.scope.parent else {
                return Value::may("may be null: a column of a query that is not understood");
            };
            at = parent;
            key.levels_up -= 1;
        }
        let value = self.column(var, &at);
        match known {
            Some(why) if self.trusts(var, &at) => value.known(&why),
            _ => value,
        }
    }

    /// What CASE, AND, OR and HAVING around the expression say.
    pub(super) fn known_here(&self, key: VarKey, at: &Frame<'_>) -> Option<String> {
        let mut assumed = at.assumed;
        while let Some(here) = assumed {
            if let Some(why) = here.known.var(key) {
                return Some(why.to_string());
            }
            assumed = here.next;
        }
        at.grouped
            .then(|| at.scope.grouping.having.var(key))
            .flatten()
            .map(ToString::to_string)
    }

    /// A column of the query of `at` itself.
    pub(super) fn column(&self, var: &Var, at: &Frame<'_>) -> Value {
        let scope = at.scope;
        let query = scope.query;
        let label = self.label(query, var.rel, var.column);
        if at.grouped && self.is_nulled_by_grouping(var, scope) {
            let value = self.stored(var, at);
            return value.missing(format!(
                "{label} may be null: not every grouping set groups by it"
            ));
        }
        let known = at
            .rows_known(self)
            .and_then(|rows| rows.var(VarKey::in_from(var)))
            .filter(|_| self.trusts(var, at));
        let stored = self.stored(var, at);
        if let Some(why) = known {
            return stored.known(why);
        }
        let nulling = scope
            .joins
            .nulling(var.rel)
            .find(|&(id, nuller)| !Present::has(at.present, nuller.join) && !self.is_undone(id, at))
            .map(|(_, nuller)| nuller);
        if let Some(nuller) = nulling {
            return stored.missing(format!("{label} may be null: {}", nuller.text));
        }
        // 16 on the server says which outer joins null a column. One that the walk does not know is believed.
        let unknown = var.nulling_rels.iter().any(|&join| {
            !scope.joins.knows(var.rel, join)
                && !matches!(
                    query.rte(join).map(|rte| &rte.kind),
                    Some(RteKind::Group { .. })
                )
        });
        if unknown
            && var.levels_up == 0
            && self.holds("left-join")
            && self.holds("right-join")
            && self.holds("full-join")
        {
            return stored.missing(format!(
                "{label} may be null: the server says that an outer join can null it"
            ));
        }
        stored
    }

    /// The conditions around the expression speak of a row that this side of a join would have filled with NULLs.
    fn is_undone(&self, nuller: usize, at: &Frame<'_>) -> bool {
        let joins = &at.scope.joins;
        let mut assumed = at.assumed;
        while let Some(here) = assumed {
            let undone = here.known.rows().any(|rel| {
                rel != at.scope.query.result_relation
                    && (!self.holds("presence-of-one-side")
                        || joins
                            .over
                            .get(rel)
                            .is_some_and(|over| over.contains(&nuller)))
            });
            if undone {
                return true;
            }
            assumed = here.next;
        }
        false
    }

    pub(super) fn is_nulled_by_grouping(&self, var: &Var, scope: &Scope<'_>) -> bool {
        scope.grouping.nulled.iter().any(|expr| {
            matches!(expr, Expr::Var(nulled)
                if nulled.levels_up == 0 && nulled.rel == var.rel && nulled.column == var.column)
        })
    }

    /// The value of a column where its row is there.
    pub(super) fn stored(&self, var: &Var, at: &Frame<'_>) -> Value {
        let scope = at.scope;
        let query = scope.query;
        let Some(rte) = query.rte(var.rel) else {
            return Value::may("may be null: a column that is not understood");
        };
        let is_target = query.result_relation != 0 && var.rel == query.result_relation;
        let value = self.of_row(var, at, rte);
        if is_target {
            return self.of_target(var, at, value);
        }
        let excluded = query.on_conflict.as_ref().map(|conflict| conflict.excluded);
        if excluded == Some(var.rel)
            && let Some(proposed) = self.proposed(query, var.column, at)
        {
            return proposed;
        }
        let has_place = scope.joins.placed.get(var.rel).copied().unwrap_or(false)
            || matches!(rte.kind, RteKind::Group { .. })
            // A set operation's columns stand for those of its first side.
            || query.set_operation.is_some();
        if has_place {
            value
        } else {
            let label = self.label(query, var.rel, var.column);
            value.missing(format!("{label} may be null: it is not read from FROM"))
        }
    }

    pub(super) fn of_row(&self, var: &Var, at: &Frame<'_>, rte: &Rte) -> Value {
        if var.column == 0 {
            return self.whole_row(var, at, rte);
        }
        match &rte.kind {
            RteKind::Relation { oid, .. } => {
                self.table_column(at.scope.query, var.rel, *oid, var.column)
            }
            RteKind::Join { .. } => self.join_column(at, var.rel, var.column),
            RteKind::Group { expressions } => {
                let expr = usize::try_from(var.column)
                    .ok()
                    .and_then(|number| expressions.get(number.checked_sub(1)?));
                match expr {
                    Some(expr) => self.value(expr, &at.scope.input()),
                    None => Value::may("may be null: a grouped column that is not understood"),
                }
            }
            _ => usize::try_from(var.column)
                .ok()
                .and_then(|number| {
                    self.rte_columns(at.scope, var.rel)
                        .get(number.checked_sub(1)?)
                })
                .cloned()
                .unwrap_or_else(|| {
                    let label = self.label(at.scope.query, var.rel, var.column);
                    Value::may(format!(
                        "{label} may be null: what it is read from is not understood"
                    ))
                }),
        }
    }

    pub(super) fn table_column(&self, query: &Query, rel: usize, oid: Oid, number: i16) -> Value {
        let label = self.label(query, rel, number);
        let Some(relation) = self.input.catalog.relations.get(&oid) else {
            return Value::may(format!(
                "{label} may be null: its table is not in the catalog"
            ));
        };
        if number < 0 {
            return match relation.kind {
                RelationKind::Table
                | RelationKind::PartitionedTable
                | RelationKind::MaterializedView
                | RelationKind::Sequence => Value::never(format!("{label} is a system column")),
                RelationKind::View
                | RelationKind::ForeignTable
                | RelationKind::Composite
                | RelationKind::Other => {
                    Value::may(format!("{label} may be null: not a table of this server"))
                }
            };
        }
        let Some(column) = relation.column(number) else {
            return Value::may(format!("{label} may be null: it is not in the catalog"));
        };
        let mut value = self.declared(relation, column, &label);
        value.origin = Some((oid, number));
        if self.input.catalog.element_type(column.type_oid).is_some() {
            value.elements = Some(if self.holds("stored-elements") {
                (
                    true,
                    format!("elements of {label} may be null: the type does not forbid it"),
                )
            } else {
                (false, String::new())
            });
        }
        value
    }

    pub(super) fn declared(&self, relation: &Relation, column: &Column, label: &str) -> Value {
        if column.insert_not_null && self.is_foreign(relation) {
            return if self.holds("foreign-table") {
                Value::may(format!(
                    "{label} may be null: nobody holds a foreign table to its NOT NULL"
                ))
            } else {
                Value::never(format!("{label} is NOT NULL"))
            };
        }
        match relation.kind {
            // The target of a statement whose work INSTEAD OF triggers do.
            RelationKind::View if self.holds("instead-of-trigger") => {
                return Value::may(format!(
                    "{label} may be null: a trigger makes the view's rows"
                ));
            }
            RelationKind::View => return Value::never(format!("{label} is of a view")),
            RelationKind::Table
            | RelationKind::PartitionedTable
            | RelationKind::MaterializedView
            | RelationKind::Sequence
            | RelationKind::ForeignTable
            | RelationKind::Composite
            | RelationKind::Other => {}
        }
        if column.not_null {
            return Value::never(format!("{label} is NOT NULL"));
        }
        if !self.holds("column-without-not-null") {
            return Value::never(format!("{label} is a column"));
        }
        if column.insert_not_null {
            if !self.holds("not-null-validated") {
                return Value::never(format!("{label} is NOT NULL"));
            }
            return Value::may(format!(
                "{label} may be null: its NOT NULL does not hold for every row (not validated, or not in a child table)"
            ));
        }
        if self.is_not_null_domain(column.type_oid) {
            // A row of NULLs from an outer join can be stored past the domain's check.
            if !self.holds("domain-not-null") {
                return Value::never(format!("{label} is of a NOT NULL domain"));
            }
            return Value::may(format!(
                "{label} may be null: its domain is NOT NULL, which the server does not check everywhere; the column is not"
            ));
        }
        Value::may(format!("{label} may be null: the column allows NULL"))
    }

    pub(super) fn is_not_null_domain(&self, type_oid: Oid) -> bool {
        let mut oid = type_oid;
        for _ in 0..64 {
            match self.input.catalog.types.get(&oid).map(|found| &found.kind) {
                Some(TypeKind::Domain(domain)) if domain.not_null => return true,
                Some(TypeKind::Domain(domain)) => oid = domain.base,
                _ => return false,
            }
        }
        false
    }

    /// `` `users.email` ``: the table's name, or the alias where the table is there more than once.
    pub(super) fn label(&self, query: &Query, rel: usize, column: i16) -> String {
        let Some(rte) = query.rte(rel) else {
            return "a column".to_owned();
        };
        let (table, column) = match &rte.kind {
            RteKind::Relation { oid, .. } => {
                let several = query
                    .rtable
                    .iter()
                    .filter(|other| {
                        matches!(&other.kind, RteKind::Relation { oid: other, .. } if other == oid)
                    })
                    .count()
                    > 1;
                let name = if several && rte.aliased {
                    rte.name.clone()
                } else {
                    self.input.catalog.relation_name(*oid)
                };
                let column_name = self
                    .input
                    .catalog
                    .relations
                    .get(oid)
                    .and_then(|relation| relation.column(column))
                    .map(|column| column.name.clone());
                (name, column_name)
            }
            RteKind::Group { expressions } => {
                let expr = usize::try_from(column)
                    .ok()
                    .and_then(|number| expressions.get(number.checked_sub(1)?));
                return match expr {
                    Some(Expr::Var(var)) if var.levels_up == 0 && var.rel != rel => {
                        self.label(query, var.rel, var.column)
                    }
                    _ => "a grouped expression".to_owned(),
                };
            }
            RteKind::Subquery { .. }
            | RteKind::Join { .. }
            | RteKind::Functions { .. }
            | RteKind::TableFunction { .. }
            | RteKind::Values { .. }
            | RteKind::Cte { .. }
            | RteKind::NamedTuplestore
            | RteKind::Result
            | RteKind::Other(_) => {
                let name = usize::try_from(column)
                    .ok()
                    .and_then(|number| rte.column_names.get(number.checked_sub(1)?))
                    .cloned();
                (rte.name.clone(), name)
            }
        };
        match column {
            Some(column) => format!("`{table}.{column}`"),
            None => format!("`{table}`"),
        }
    }

    /// `p.title`, where the expression is a column of this query, through casts.
    pub(super) fn column_as_written(&self, query: &Query, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Var(var) if var.levels_up == 0 && var.column > 0 => {
                let rte = query.rte(var.rel)?;
                let name = match &rte.kind {
                    RteKind::Relation { oid, .. } => self
                        .input
                        .catalog
                        .relations
                        .get(oid)?
                        .column(var.column)?
                        .name
                        .clone(),
                    _ => rte
                        .column_names
                        .get(usize::try_from(var.column).ok()?.checked_sub(1)?)?
                        .clone(),
                };
                Some(if rte.name.is_empty() || rte.name.starts_with("unnamed_") {
                    name
                } else {
                    format!("{}.{name}", rte.name)
                })
            }
            Expr::Relabel { arg, .. } | Expr::Collate { arg, .. } => {
                self.column_as_written(query, arg)
            }
            _ => None,
        }
    }
}
