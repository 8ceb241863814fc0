//! May a column of the result be NULL, and why.
//!
//! Every expression is evaluated to a [`Value`]: what is known of it in every row that can come out. A query level is a
//! [`Scope`]: its outer joins null the columns of their nullable sides, and its conditions reject NULL, which undoes them.
//! Where nothing is known the answer is "may be NULL".

mod calls;
mod expression;
mod known;
mod same;
mod scope;

use std::collections::BTreeSet;

use super::{Input, functions};
use crate::catalog::{Column, Oid, Relation, RelationKind, TypeKind};
use crate::describe::tree::{
    Command, ConflictAction, Expr, Query, Rte, RteKind, SetKind, SetOperation, Target, Var,
    VarReturning,
};
use crate::facts::{ColumnFacts, ParamFacts, Proved};
use known::VarKey;
use scope::{Frame, Present, Scope};

/// One for each of the statement's columns. `params` are what [`super::params::params`] found: the proofs rely on them.
pub fn columns(input: &Input<'_>, params: &[ParamFacts]) -> Vec<ColumnFacts> {
    let prover = Prover { input, params };
    let values = input
        .visible_query()
        .map(|query| prover.query(query, None))
        .filter(|values| values.len() == input.statement.columns.len());
    let unknown =
        Value::may("may be null: the statement's result is made by a rule that is not understood");
    input
        .statement
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let value = values
                .as_ref()
                .and_then(|values| values.get(index))
                .unwrap_or(&unknown);
            prover.facts(value, column.type_oid)
        })
        .collect()
}

/// Of the values that a query stores: is each never NULL? `around`: the queries that it stands in, outermost first.
pub(super) fn never_null(
    input: &Input<'_>,
    params: &[ParamFacts],
    around: &[&Query],
    query: &Query,
    stored: &[Target],
) -> Vec<bool> {
    let prover = Prover { input, params };
    never_null_in(&prover, None, around, query, stored)
}

fn never_null_in(
    prover: &Prover<'_>,
    parent: Option<Frame<'_>>,
    around: &[&Query],
    query: &Query,
    stored: &[Target],
) -> Vec<bool> {
    if let [outermost, around @ ..] = around {
        let scope = Scope::new(prover, outermost, parent);
        return never_null_in(prover, Some(scope.input()), around, query, stored);
    }
    let scope = Scope::new(prover, query, parent);
    let frame = scope.input();
    stored
        .iter()
        .map(|target| prover.value(&target.expr, &frame).is_never())
        .collect()
}

/// The columns at which the server's own account of outer joins (16 on) is not what the walk of the join tree found: a
/// check for tests. Such columns are held to be nullable all the same.
pub fn disagreements(input: &Input<'_>) -> Vec<String> {
    let prover = Prover { input, params: &[] };
    let mut found = Vec::new();
    for query in &input.statement.queries {
        prover.disagreements(query, &mut found);
    }
    found
}

/// Can a value be NULL?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Null {
    Never,
    May,
    Always,
}

/// What is known of an expression's value.
#[derive(Debug, Clone)]
struct Value {
    null: Null,
    /// Of what is never or always NULL, the cause; else a whole sentence.
    why: String,
    /// May elements of the array be NULL, and a sentence on it. `None`: nothing is known.
    elements: Option<(bool, String)>,
    /// Of a composite, by attribute number, where they are known.
    fields: Vec<(i16, Value)>,
    /// The column of a table whose value this is, unchanged.
    origin: Option<(Oid, i16)>,
}

impl Value {
    fn new(null: Null, why: impl Into<String>) -> Self {
        Self {
            null,
            why: why.into(),
            elements: None,
            fields: Vec::new(),
            origin: None,
        }
    }

    fn never(why: impl Into<String>) -> Self {
        Self::new(Null::Never, why)
    }

    fn may(why: impl Into<String>) -> Self {
        Self::new(Null::May, why)
    }

    fn is_never(&self) -> bool {
        self.null == Null::Never
    }

    /// The same value where it is known not to be NULL.
    fn known(mut self, why: &str) -> Self {
        if !self.is_never() {
            self.null = Null::Never;
            why.clone_into(&mut self.why);
        }
        self
    }

    /// The same value where it can be missing as a whole.
    fn missing(mut self, why: impl Into<String>) -> Self {
        if self.null != Null::Always {
            self.null = Null::May;
            self.why = why.into();
        }
        self
    }

    /// What is always NULL, where it is one case of several.
    fn demoted(mut self) -> Self {
        if self.null == Null::Always {
            self.null = Null::May;
            self.why = format!("may be null: {}", self.why);
        }
        self
    }

    /// The reason, for use within another.
    fn because(&self) -> &str {
        self.why.strip_prefix("may be null: ").unwrap_or(&self.why)
    }

    /// The value is that of one of two, and it is not known which.
    fn either(self, other: Self) -> Self {
        let elements = match (self.elements, other.elements) {
            (Some((true, why)), Some(_)) | (Some(_), Some((true, why))) => Some((true, why)),
            (Some((false, why)), Some((false, _))) => Some((false, why)),
            // NULL has no elements.
            (known, None) if other.null == Null::Always => known,
            (None, known) if self.null == Null::Always => known,
            _ => None,
        };
        let origin = self.origin.filter(|origin| other.origin == Some(*origin));
        let fields = if other.null == Null::Always {
            self.fields
        } else if self.null == Null::Always {
            other.fields
        } else {
            merge_fields(self.fields, other.fields)
        };
        let (null, why) = match (self.null, other.null) {
            (Null::Never, Null::Never) if self.why == other.why => (Null::Never, self.why),
            (Null::Never, Null::Never) => (Null::Never, format!("{}; {}", self.why, other.why)),
            (Null::Always, Null::Always) => (Null::Always, self.why),
            (Null::May, _) => (Null::May, self.why),
            (_, Null::May) => (Null::May, other.why),
            (Null::Always, Null::Never) => (Null::May, format!("may be null: {}", self.why)),
            (Null::Never, Null::Always) => (Null::May, format!("may be null: {}", other.why)),
        };
        Self {
            null,
            why,
            elements,
            fields,
            origin,
        }
    }
}

fn merge_fields(left: Vec<(i16, Value)>, right: Vec<(i16, Value)>) -> Vec<(i16, Value)> {
    if left.len() != right.len() {
        return Vec::new();
    }
    left.into_iter()
        .zip(right)
        .map(|((number, left), (_, right))| (number, left.either(right)))
        .collect()
}

#[derive(Clone, Copy)]
struct Prover<'p> {
    input: &'p Input<'p>,
    params: &'p [ParamFacts],
}

impl<'p> Prover<'p> {
    fn holds(&self, rule: &'static str) -> bool {
        self.input.rules.holds(rule)
    }

    fn facts(&self, value: &Value, type_oid: Oid) -> ColumnFacts {
        let reason = match value.null {
            Null::Never => format!("not null: {}", value.why),
            Null::May => value.why.clone(),
            Null::Always => format!("always null: {}", value.why),
        };
        let element = self.input.catalog.element_type(type_oid);
        let field_types = match self
            .input
            .catalog
            .types
            .get(&self.input.catalog.base_type(type_oid))
            .map(|found| &found.kind)
        {
            Some(TypeKind::Composite { fields, .. }) => fields.as_slice(),
            _ => &[],
        };
        ColumnFacts {
            nullable: Proved::new(!value.is_never(), reason),
            elements: element.map(|_| match &value.elements {
                Some((may, why)) => Proved::new(*may, why.clone()),
                None => Proved::new(true, "elements may be null: nothing is known of them"),
            }),
            always_null: value.null == Null::Always,
            fields: value
                .fields
                .iter()
                .enumerate()
                .map(|(index, (_, field))| {
                    let type_oid = field_types.get(index).map_or(0, |field| field.type_oid);
                    self.facts(field, type_oid)
                })
                .collect(),
            origin: value.origin,
        }
    }

    /// The columns that a query gives.
    fn query(&self, query: &Query, parent: Option<Frame<'_>>) -> Vec<Value> {
        let scope = Scope::new(self, query, parent);
        self.output(&scope)
    }

    fn output(&self, scope: &Scope<'_>) -> Vec<Value> {
        match &scope.query.set_operation {
            Some(operation) => self.set_operation(scope, operation),
            None => {
                let frame = scope.output();
                scope
                    .query
                    .visible_targets()
                    .map(|target| self.value(&target.expr, &frame))
                    .collect()
            }
        }
    }

    fn set_operation(&self, scope: &Scope<'_>, operation: &SetOperation) -> Vec<Value> {
        match operation {
            SetOperation::Leaf(rel) => self.rte_columns(scope, *rel).to_vec(),
            SetOperation::Node {
                kind, left, right, ..
            } => {
                let left = self.set_operation(scope, left);
                let right = self.set_operation(scope, right);
                if left.len() != right.len() {
                    return vec![
                        Value::may("may be null: the set operation is not understood");
                        left.len()
                    ];
                }
                left.into_iter()
                    .zip(right)
                    .map(|(left, right)| self.combine(*kind, left, right))
                    .collect()
            }
            SetOperation::Other(_) => scope
                .query
                .visible_targets()
                .map(|_| Value::may("may be null: the set operation is not understood"))
                .collect(),
        }
    }

    fn combine(&self, kind: SetKind, left: Value, right: Value) -> Value {
        match kind {
            SetKind::Union | SetKind::Unknown => {
                if self.holds("union-either") {
                    left.either(right)
                } else {
                    left
                }
            }
            // A row that comes out is in both, and NULL is told apart from all else.
            SetKind::Intersect => match (left.is_never(), right.is_never()) {
                (false, true) => {
                    let why = right.why.clone();
                    left.known(&format!(
                        "INTERSECT keeps only rows of both sides, and {why}"
                    ))
                }
                _ => left,
            },
            SetKind::Except => {
                if right.is_never() && !self.holds("except-left") {
                    return left.known(&right.why);
                }
                left
            }
        }
    }

    /// The columns of a range table entry, before outer joins and conditions of this level.
    fn rte_columns<'f>(&self, scope: &'f Scope<'f>, rel: usize) -> &'f [Value] {
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

    fn compute_columns<'f>(&self, scope: &'f Scope<'f>, rel: usize, rte: &Rte) -> Vec<Value> {
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

    fn cte(
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

    fn cte_columns(&self, owner: &Scope<'_>, index: usize) -> Vec<Value> {
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

    /// A column of the query at `frame`, or of one around it.
    fn var(&self, var: &Var, frame: &Frame<'_>) -> Value {
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
    fn known_here(&self, key: VarKey, at: &Frame<'_>) -> Option<String> {
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
    fn column(&self, var: &Var, at: &Frame<'_>) -> Value {
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
            .and_then(|rows| {
                rows.var(VarKey {
                    levels_up: 0,
                    ..VarKey::of(var)
                })
            })
            .filter(|_| self.trusts(var, at));
        let stored = self.stored(var, at);
        if let Some(why) = known {
            return stored.known(why);
        }
        let nulling = scope
            .joins
            .nulling(var.rel)
            .find(|nuller| !Present::has(at.present, nuller.join));
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

    fn is_nulled_by_grouping(&self, var: &Var, scope: &Scope<'_>) -> bool {
        scope.grouping.nulled.iter().any(|expr| {
            matches!(expr, Expr::Var(nulled)
                if nulled.levels_up == 0 && nulled.rel == var.rel && nulled.column == var.column)
        })
    }

    /// Does what WHERE rejects hold of this column as it is looked at here? Of a row that the statement writes, WHERE
    /// spoke before it was written.
    fn trusts(&self, var: &Var, at: &Frame<'_>) -> bool {
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
    fn stays(&self, query: &Query, column: i16) -> bool {
        let assigned = query.targets.iter().any(|target| target.number == column);
        let Some(relation) = self.target(query) else {
            return false;
        };
        let plain = relation
            .column(column)
            .is_some_and(|column| column.generated.is_none());
        !assigned && plain && !self.is_foreign(relation) && !self.has_row_trigger(relation.oid)
    }

    fn target(&self, query: &Query) -> Option<&'p Relation> {
        match query.rte(query.result_relation)?.kind {
            RteKind::Relation { oid, .. } => self.input.catalog.relations.get(&oid),
            _ => None,
        }
    }

    /// A trigger can change a row of this table, or of one below it, before it is written.
    fn has_row_trigger(&self, relation: Oid) -> bool {
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

    /// A partition or a child table, at any depth, or the table itself.
    fn is_below(&self, relation: Oid, above: Oid) -> bool {
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
    fn is_foreign(&self, relation: &Relation) -> bool {
        relation.kind == RelationKind::ForeignTable
            || ((relation.kind == RelationKind::PartitionedTable
                || relation.has_inheritance_children)
                && self.input.catalog.relations.values().any(|other| {
                    other.kind == RelationKind::ForeignTable
                        && self.is_below(other.oid, relation.oid)
                }))
    }

    /// The value of a column where its row is there.
    fn stored(&self, var: &Var, at: &Frame<'_>) -> Value {
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

    fn of_row(&self, var: &Var, at: &Frame<'_>, rte: &Rte) -> Value {
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

    /// A column of the row that INSERT, UPDATE, DELETE or MERGE writes.
    fn of_target(&self, var: &Var, at: &Frame<'_>, value: Value) -> Value {
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
    fn assigned(&self, query: &Query, column: i16, at: &Frame<'_>) -> Option<Value> {
        let relation = self.target(query)?;
        let is_table = matches!(
            relation.kind,
            RelationKind::Table | RelationKind::PartitionedTable
        );
        if !is_table
            || self.is_foreign(relation)
            || self.has_row_trigger(relation.oid)
            || relation.column(column)?.generated.is_some()
        {
            return None;
        }
        let frame = Frame {
            assigned: true,
            ..at.scope.input()
        };
        let in_list = |targets: &[Target]| {
            let mut found = targets
                .iter()
                .filter(|target| !target.junk && target.number == column);
            match (found.next(), found.next()) {
                (Some(target), None) => {
                    Some(self.value(&target.expr, &frame)).filter(Value::is_never)
                }
                _ => None,
            }
        };
        let written = in_list(&query.targets)?;
        match &query.on_conflict {
            None => Some(written),
            Some(conflict) => match conflict.action {
                ConflictAction::Nothing => Some(written),
                ConflictAction::Update => Some(written.either(in_list(&conflict.set)?)),
                ConflictAction::Unknown => None,
            },
        }
    }

    fn table_column(&self, query: &Query, rel: usize, oid: Oid, number: i16) -> Value {
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

    fn declared(&self, relation: &Relation, column: &Column, label: &str) -> Value {
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

    fn is_not_null_domain(&self, type_oid: Oid) -> bool {
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

    fn whole_row(&self, var: &Var, at: &Frame<'_>, rte: &Rte) -> Value {
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

    /// A field of a whole row: what conditions say of the column holds of it too, what outer joins do is said of the row.
    fn column_of_row(&self, field: &Var, at: &Frame<'_>, rte: &Rte) -> Value {
        let value = self.of_row(field, at, rte);
        let known = at
            .rows_known(self)
            .and_then(|rows| rows.var(VarKey::of(field)))
            .filter(|_| self.trusts(field, at));
        match known {
            Some(why) => value.known(why),
            None => value,
        }
    }

    /// A column of a join: one of its sides', or, merged by USING, whichever side is there.
    fn join_column(&self, at: &Frame<'_>, rel: usize, number: i16) -> Value {
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
            Expr::Coalesce { args, .. }
                if index < *merged && kind.is_some_and(scope::is_full_join) =>
            {
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

    /// `` `users.email` ``: the table's name, or the alias where the table is there more than once.
    fn label(&self, query: &Query, rel: usize, column: i16) -> String {
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
    fn column_as_written(&self, query: &Query, expr: &Expr) -> Option<String> {
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

    fn operator_name(&self, operator: Oid) -> &'p str {
        self.input
            .catalog
            .operators
            .get(&operator)
            .map_or("?", |operator| operator.name.as_str())
    }

    /// What a stored view says of an operator may leave its function out.
    fn operator_function(&self, operator: Oid, function: Oid) -> Oid {
        if function != 0 {
            return function;
        }
        self.input
            .catalog
            .operators
            .get(&operator)
            .map_or(0, |operator| operator.function)
    }

    fn is_strict(&self, function: Oid) -> bool {
        self.input
            .catalog
            .functions
            .get(&function)
            .is_some_and(|function| function.strict)
    }

    fn is_builtin(&self, function: Oid) -> bool {
        self.input
            .catalog
            .functions
            .get(&function)
            .is_some_and(|function| function.builtin)
    }

    fn is_builtin_strict(&self, operator: Oid) -> bool {
        let function = self.operator_function(operator, 0);
        self.is_builtin(function) && self.is_strict(function)
    }

    /// The type's input function makes NULL of NULL, and of nothing else.
    fn has_strict_input(&self, type_oid: Oid) -> bool {
        match self.input.catalog.types.get(&type_oid) {
            Some(found) => match found.kind {
                TypeKind::Base => functions::is_initial(type_oid),
                TypeKind::Array(_)
                | TypeKind::Enum(_)
                | TypeKind::Composite { .. }
                | TypeKind::Range(_)
                | TypeKind::Multirange(_) => true,
                TypeKind::Domain(_) | TypeKind::Pseudo => false,
            },
            None => functions::is_initial(type_oid),
        }
    }

    /// NULL or out of bounds gives NULL; and NULL for a container does.
    fn has_strict_subscript(&self, container: Oid) -> bool {
        const JSONB: Oid = 3802;
        container == JSONB || self.input.catalog.element_type(container).is_some()
    }

    fn disagreements(&self, query: &Query, found: &mut Vec<String>) {
        use super::walk;
        let scope = Scope::new(self, query, None);
        // In the select list and in RETURNING the outer joins of the whole FROM are at work.
        for target in query.visible_targets() {
            let mut open = vec![&target.expr];
            while let Some(expr) = open.pop() {
                if let Expr::Var(var) = expr
                    && var.levels_up == 0
                {
                    let mut said: Vec<usize> = var
                        .nulling_rels
                        .iter()
                        .copied()
                        .filter(|&join| {
                            !matches!(
                                query.rte(join).map(|rte| &rte.kind),
                                Some(RteKind::Group { .. })
                            )
                        })
                        .collect();
                    let mut walked: Vec<usize> = scope
                        .joins
                        .over
                        .get(var.rel)
                        .into_iter()
                        .flatten()
                        .filter_map(|&id| scope.joins.nullers.get(id))
                        .map(|nuller| nuller.join)
                        .filter(|&join| join != 0)
                        .collect();
                    said.sort_unstable();
                    said.dedup();
                    walked.sort_unstable();
                    walked.dedup();
                    if said != walked && self.input.catalog.server_version >= 160_000 {
                        found.push(format!(
                            "{}: the server says {said:?}, the walk {walked:?}",
                            self.label(query, var.rel, var.column)
                        ));
                    }
                }
                walk::below(expr, &mut |part| {
                    if let walk::Part::Expr(expr) = part {
                        open.push(expr);
                    }
                });
            }
        }
        walk::parts(query, &mut |part| {
            if let walk::Part::Query(query) = part {
                self.disagreements(query, found);
            }
        });
    }
}

fn same_knowledge(left: &Value, right: &Value) -> bool {
    left.null == right.null
        && left.elements.as_ref().map(|(may, _)| *may)
            == right.elements.as_ref().map(|(may, _)| *may)
        && left.origin == right.origin
        && left.fields.len() == right.fields.len()
        && left
            .fields
            .iter()
            .zip(&right.fields)
            .all(|((_, left), (_, right))| same_knowledge(left, right))
}
