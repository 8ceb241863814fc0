//! The row that INSERT, UPDATE, DELETE or MERGE writes, as RETURNING shows it.

use std::collections::BTreeSet;

use super::scope::Frame;
use super::{Null, Prover, Value};
use crate::catalog::{Oid, Relation, RelationKind};
use crate::describe::tree::{Command, ConflictAction, Query, RteKind, Target, Var, VarReturning};

impl<'p> Prover<'p> {
    /// Does what WHERE rejects hold of this column as it is looked at here? Of a row that the statement writes, WHERE
    /// spoke before it was written.
    pub(super) fn trusts(&self, var: &Var, at: &Frame<'_>) -> bool {
        let query = at.scope.query;
        if query.result_relation == 0 || var.rel != query.result_relation {
            return true;
        }
        if at.assigned {
            return query.command == Command::Update;
        }
        match (query.command, var.returning) {
            (Command::Delete, VarReturning::Default | VarReturning::Old)
            | (Command::Update, VarReturning::Old) => true,
            (Command::Update, VarReturning::Default | VarReturning::New) => {
                !self.holds("update-new-values") || self.stays(query, var.column)
            }
            _ => false,
        }
    }

    /// An UPDATE leaves this column of its target as it was.
    pub(super) fn stays(&self, query: &Query, column: i16) -> bool {
        let assigned = query.targets.iter().any(|target| target.number == column);
        let Some(relation) = self.target(query) else {
            return false;
        };
        !assigned
            && !self.is_generated(relation, column)
            && !self.is_foreign(relation)
            && !self.has_row_trigger(relation.oid)
    }

    pub(super) fn target(&self, query: &Query) -> Option<&'p Relation> {
        match query.rte(query.result_relation)?.kind {
            RteKind::Relation { oid, .. } => self.input.catalog.relations.get(&oid),
            _ => None,
        }
    }

    /// A trigger can change a row of this table, or of one below it, before it is written.
    pub(super) fn has_row_trigger(&self, relation: Oid) -> bool {
        if !self.holds("before-trigger") {
            return false;
        }
        self.input.catalog.triggers.iter().any(|trigger| {
            trigger.enabled
                && trigger.is_row()
                && (trigger.is_before() || trigger.is_instead())
                && self.is_below(trigger.relation, relation)
        })
    }

    /// The column is computed, here or (until 15) in a table below, which has it by its name. What is not in the catalog
    /// counts too.
    fn is_generated(&self, relation: &Relation, number: i16) -> bool {
        let Some(column) = relation.column(number) else {
            return true;
        };
        let has_children =
            relation.kind == RelationKind::PartitionedTable || relation.has_inheritance_children;
        column.generated.is_some()
            || (has_children
                && self.input.catalog.relations.values().any(|other| {
                    other
                        .column_named(&column.name)
                        .is_some_and(|column| column.generated.is_some())
                        && self.is_below(other.oid, relation.oid)
                }))
    }

    /// A partition or a child table, at any depth, or the table itself.
    pub(super) fn is_below(&self, relation: Oid, above: Oid) -> bool {
        let mut open = vec![relation];
        let mut seen = BTreeSet::new();
        while let Some(oid) = open.pop() {
            if oid == above {
                return true;
            }
            if seen.insert(oid)
                && let Some(found) = self.input.catalog.relations.get(&oid)
            {
                open.extend(&found.parents);
            }
        }
        false
    }

    /// Rows of this table, or of one below it, lie on another server, which nobody holds to a NOT NULL.
    pub(super) fn is_foreign(&self, relation: &Relation) -> bool {
        relation.kind == RelationKind::ForeignTable
            || ((relation.kind == RelationKind::PartitionedTable
                || relation.has_inheritance_children)
                && self.input.catalog.relations.values().any(|other| {
                    other.kind == RelationKind::ForeignTable
                        && self.is_below(other.oid, relation.oid)
                }))
    }

    /// A column of the row that INSERT, UPDATE, DELETE or MERGE writes.
    pub(super) fn of_target(&self, var: &Var, at: &Frame<'_>, value: Value) -> Value {
        let query = at.scope.query;
        if at.assigned {
            return value;
        }
        let label = self.label(query, var.rel, var.column);
        let updates_on_conflict = query
            .on_conflict
            .as_ref()
            .is_some_and(|conflict| conflict.action != ConflictAction::Nothing);
        match (query.command, var.returning) {
            (Command::Insert, VarReturning::Old) if self.holds("old-of-insert") => {
                if updates_on_conflict {
                    value.missing(format!("old {label} may be null: the row may be new"))
                } else {
                    Value::new(Null::Always, "an INSERT has no old row")
                }
            }
            (Command::Delete, VarReturning::New) if self.holds("new-of-delete") => {
                Value::new(Null::Always, "a DELETE leaves no new row")
            }
            (Command::Merge, VarReturning::Old | VarReturning::New) => {
                if self.holds("merge-old-new") {
                    value.missing(format!(
                        "{label} may be null: MERGE may insert or delete the row"
                    ))
                } else {
                    value
                }
            }
            (Command::Insert | Command::Update, VarReturning::Default | VarReturning::New)
                if !value.is_never() || value.elements.is_some() =>
            {
                match self.assigned(query, var.column, at) {
                    Some(assigned) => {
                        let why = format!("{label} is set to a value that is not null");
                        let mut value = value.known(&why);
                        value.elements = assigned.elements.or(value.elements);
                        value
                    }
                    None => value,
                }
            }
            _ => value,
        }
    }

    /// What an INSERT or UPDATE sets a column to, where that is never NULL and nothing changes it on the way.
    pub(super) fn assigned(&self, query: &Query, column: i16, at: &Frame<'_>) -> Option<Value> {
        let written = self.written(query, &query.targets, column, at)?;
        match &query.on_conflict {
            None => Some(written),
            Some(conflict) => match conflict.action {
                ConflictAction::Nothing => Some(written),
                ConflictAction::Update => {
                    Some(written.either(self.written(query, &conflict.set, column, at)?))
                }
                ConflictAction::Unknown => None,
            },
        }
    }

    /// A column of EXCLUDED: what the INSERT would have written.
    pub(super) fn proposed(&self, query: &Query, column: i16, at: &Frame<'_>) -> Option<Value> {
        self.written(query, &query.targets, column, at)
    }

    /// What one list of assignments gives to a column.
    fn written(
        &self,
        query: &Query,
        list: &[Target],
        column: i16,
        at: &Frame<'_>,
    ) -> Option<Value> {
        let relation = self.target(query)?;
        let is_table = matches!(
            relation.kind,
            RelationKind::Table | RelationKind::PartitionedTable
        );
        if !is_table
            || self.is_foreign(relation)
            || self.has_row_trigger(relation.oid)
            || self.is_generated(relation, column)
        {
            return None;
        }
        let frame = Frame {
            assigned: true,
            ..at.scope.input()
        };
        let mut found = list
            .iter()
            .filter(|target| !target.junk && target.number == column);
        match (found.next(), found.next()) {
            (Some(target), None) => Some(self.value(&target.expr, &frame)).filter(Value::is_never),
            _ => None,
        }
    }
}
