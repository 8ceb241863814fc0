//! The constraints that a write can break.
//!
//! What a trigger writes of its own accord is not followed: its text is not read. A key that `gen_random_uuid()` fills is
//! not expected to collide.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::strip;
use super::walk::{self, Part};
use super::{Input, nullability};
use crate::catalog::{
    Catalog, Constraint, ConstraintKind, Domain, Index, Oid, Relation, RelationKind, Trigger,
    TypeKind,
};
use crate::describe::tree::{
    Command, ConflictAction, Expr, OnConflict, Query, Rte, RteKind, Target,
};
use crate::facts::{ParamFacts, ReportedName, Violation, ViolationKind};

/// In order of table and constraint, each once. `params` says which parameters may be NULL.
pub fn violations<'a>(input: &'a Input<'a>, params: &'a [ParamFacts]) -> Vec<Violation> {
    let mut collector = Collector {
        input,
        params,
        around: Vec::new(),
        catalog: input.catalog,
        found: BTreeMap::new(),
        deleted: BTreeSet::new(),
        followed: BTreeSet::new(),
    };
    for (number, type_oid) in input.statement.params.iter().enumerate() {
        let nullable = params.get(number).is_none_or(|param| param.nullable.value);
        collector.domain(
            *type_oid,
            if nullable {
                Value::MayBeNull
            } else {
                Value::NotNull
            },
            &format!("{} is of the type", input.param_name(number + 1)),
        );
    }
    for query in &input.statement.queries {
        walk::everything(query, &mut |part| match part {
            Part::Query(part) => {
                // What writes is the statement itself, or stands in its WITH.
                let in_with = query
                    .ctes
                    .iter()
                    .any(|cte| std::ptr::eq(&raw const cte.query, part));
                collector.around = if in_with { vec![query] } else { Vec::new() };
                collector.query(part);
                for type_oid in part.rtable.iter().flat_map(made_in_from) {
                    collector.domain(*type_oid, Value::MayBeNull, "makes values of");
                }
            }
            Part::Expr(Expr::CoerceToDomain { arg, type_oid, .. }) => {
                let value = match strip(arg) {
                    Expr::Const(constant) if constant.is_null => Value::Null,
                    Expr::Const(_) => Value::NotNull,
                    Expr::Param(param)
                        if param
                            .number
                            .checked_sub(1)
                            .and_then(|place| params.get(place))
                            .is_some_and(|param| !param.nullable.value) =>
                    {
                        Value::NotNull
                    }
                    _ => Value::MayBeNull,
                };
                collector.domain(*type_oid, value, "casts to");
            }
            // What reads a text or a document makes values of whatever types are within its own.
            Part::Expr(Expr::CoerceViaIo { type_oid, .. }) => {
                collector.domain(*type_oid, Value::MayBeNull, "casts to");
            }
            Part::Expr(Expr::JsonQuery(json)) => {
                collector.domain(json.type_oid, Value::MayBeNull, "makes values of");
            }
            Part::Expr(Expr::Func(call))
                if collector
                    .catalog
                    .functions
                    .get(&call.function)
                    .is_some_and(|function| {
                        function.builtin && function.name.contains("_populate_record")
                    }) =>
            {
                collector.domain(call.type_oid, Value::MayBeNull, "makes values of");
            }
            Part::Expr(_) => {}
        });
    }
    let mut found: Vec<Violation> = collector.found.into_values().collect();
    for violation in &mut found {
        violation.elsewhere.sort();
        violation.elsewhere.dedup();
    }
    found.sort_by(|left, right| {
        (&left.relation_name, left.kind, &left.name).cmp(&(
            &right.relation_name,
            right.kind,
            &right.name,
        ))
    });
    found
}

/// The types of the columns that a document is read into: XMLTABLE, JSON_TABLE, `jsonb_to_record(…) AS (…)`.
fn made_in_from(rte: &Rte) -> Vec<&Oid> {
    match &rte.kind {
        RteKind::Functions { functions, .. } => functions
            .iter()
            .flat_map(|function| &function.column_types)
            .collect(),
        RteKind::TableFunction { column_types, .. } => column_types.iter().collect(),
        _ => Vec::new(),
    }
}

/// What a statement stores in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    /// Nothing is assigned and nothing is the default, or NULL is.
    Null,
    NotNull,
    MayBeNull,
    /// A fresh random uuid.
    Random,
}

/// The columns that a statement stores, and what.
struct Stored {
    values: BTreeMap<i16, Value>,
    /// A BEFORE trigger may replace any of them.
    any: bool,
    /// The foreign key whose action stores it: what it stores, it finds.
    by: Option<Oid>,
}

impl Stored {
    fn touches(&self, column: i16) -> bool {
        self.any || self.values.contains_key(&column)
    }

    fn may_be_null(&self, column: i16) -> bool {
        self.any
            || matches!(
                self.values.get(&column),
                Some(Value::Null | Value::MayBeNull)
            )
    }

    /// Surely NULL, so that no key and no reference is checked.
    fn is_null(&self, column: i16) -> bool {
        !self.any && self.values.get(&column) == Some(&Value::Null)
    }

    fn is_random(&self, column: i16) -> bool {
        !self.any && self.values.get(&column) == Some(&Value::Random)
    }
}

struct Collector<'a> {
    input: &'a Input<'a>,
    params: &'a [ParamFacts],
    /// The queries that the one at hand stands in.
    around: Vec<&'a Query>,
    catalog: &'a Catalog,
    found: BTreeMap<(Oid, ViolationKind, String), Violation>,
    /// Tables whose DELETE was followed to those that reference them.
    deleted: BTreeSet<Oid>,
    /// Changes that were, with what they store, and whether a trigger may store anything.
    followed: BTreeSet<Change>,
}

/// Of a table: what is stored in which columns, and whether a trigger may store anything.
type Change = (Oid, Vec<(i16, Value)>, bool);

/// How a row comes to be checked by the constraints of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Insert,
    Update,
    /// It moves from another partition of this table.
    Arrival(Oid),
}

impl<'a> Collector<'a> {
    fn query(&mut self, query: &Query) {
        match query.command {
            Command::Insert | Command::Update | Command::Delete | Command::Merge => {}
            Command::Select | Command::Utility | Command::Nothing | Command::Unknown => return,
        }
        let Some(&RteKind::Relation { oid, inherits, .. }) =
            query.rte(query.result_relation).map(|rte| &rte.kind)
        else {
            return;
        };
        let Some(table) = self.catalog.relations.get(&oid) else {
            return;
        };
        // A view's INSTEAD OF trigger writes what it likes; a foreign table's constraints are the other server's.
        if !matches!(
            table.kind,
            RelationKind::Table | RelationKind::PartitionedTable
        ) {
            return;
        }
        let name = self.catalog.relation_name(oid);
        match query.command {
            Command::Insert => {
                let stored = self.inserted(table, query, &query.targets);
                self.insert(
                    oid,
                    &stored,
                    query.on_conflict.as_ref(),
                    &format!("inserts into `{name}`"),
                );
                if let Some(conflict) = &query.on_conflict
                    && !conflict.set.is_empty()
                {
                    let stored = self.updated(table, true, query, &conflict.set);
                    self.update(oid, true, &stored, &format!("updates `{name}` on conflict"));
                }
            }
            Command::Update => {
                let stored = self.updated(table, inherits, query, &query.targets);
                self.update(oid, inherits, &stored, &format!("updates `{name}`"));
            }
            Command::Delete => self.delete(oid, inherits, &format!("deletes from `{name}`")),
            Command::Merge => {
                for action in &query.merge_actions {
                    match action.command {
                        Command::Insert => {
                            let stored = self.inserted(table, query, &action.targets);
                            self.insert(oid, &stored, None, &format!("inserts into `{name}`"));
                        }
                        Command::Update => {
                            let stored = self.updated(table, inherits, query, &action.targets);
                            self.update(oid, inherits, &stored, &format!("updates `{name}`"));
                        }
                        Command::Delete => {
                            self.delete(oid, inherits, &format!("deletes from `{name}`"))
                        }
                        Command::Select
                        | Command::Merge
                        | Command::Utility
                        | Command::Nothing
                        | Command::Unknown => {}
                    }
                }
            }
            Command::Select | Command::Utility | Command::Nothing | Command::Unknown => {}
        }
    }

    // --- what is stored

    fn inserted(&mut self, table: &Relation, query: &Query, targets: &[Target]) -> Stored {
        let mut stored = self.assigned(table, query, targets);
        for column in &table.columns {
            stored
                .values
                .entry(column.number)
                .or_insert(if column.generated.is_some() {
                    Value::MayBeNull
                } else {
                    Value::Null
                });
        }
        stored.any =
            self.has_before_trigger(&self.with_children(table.oid, true), Trigger::on_insert);
        stored
    }

    fn updated(
        &mut self,
        table: &Relation,
        inherits: bool,
        query: &Query,
        targets: &[Target],
    ) -> Stored {
        let mut stored = self.assigned(table, query, targets);
        // What a generated column is made of is not known: any assignment may change it.
        for column in table
            .columns
            .iter()
            .filter(|column| column.generated.is_some())
        {
            stored
                .values
                .entry(column.number)
                .or_insert(Value::MayBeNull);
        }
        stored.any =
            self.has_before_trigger(&self.with_children(table.oid, inherits), Trigger::on_update);
        stored
    }

    fn assigned(&mut self, table: &Relation, query: &Query, targets: &[Target]) -> Stored {
        let mut values = BTreeMap::new();
        let never_null =
            nullability::never_null(self.input, self.params, &self.around, query, targets);
        for (target, never_null) in targets.iter().zip(never_null) {
            if target.junk || target.number <= 0 {
                continue;
            }
            let never_null = never_null || is_checked_already(table, query, &target.expr);
            let value = value_of(self.catalog, &target.expr, never_null);
            values.insert(target.number, value);
        }
        Stored {
            values,
            any: false,
            by: None,
        }
    }

    fn has_before_trigger(&self, tables: &[Oid], event: fn(&Trigger) -> bool) -> bool {
        self.catalog.triggers.iter().any(|trigger| {
            trigger.enabled
                && trigger.is_row()
                && trigger.is_before()
                && event(trigger)
                && tables.contains(&trigger.relation)
        })
    }

    fn with_children(&self, table: Oid, inherits: bool) -> Vec<Oid> {
        let mut tables = vec![table];
        let mut next = 0;
        while let Some(&parent) = tables.get(next).filter(|_| inherits) {
            for relation in self.catalog.relations.values() {
                if relation.parents.contains(&parent) && !tables.contains(&relation.oid) {
                    tables.push(relation.oid);
                }
            }
            next += 1;
        }
        tables
    }

    /// Where rows of the table lie: itself, and its partitions. Rows that are inserted into an inheritance parent stay.
    fn with_partitions(&self, table: Oid) -> Vec<Oid> {
        let partitioned = self
            .catalog
            .relations
            .get(&table)
            .is_some_and(|relation| relation.kind == RelationKind::PartitionedTable);
        self.with_children(table, partitioned)
    }

    // --- events

    fn insert(&mut self, table: Oid, stored: &Stored, conflict: Option<&OnConflict>, reason: &str) {
        for holder in self.with_partitions(table) {
            let stored = &self.translate(table, holder, stored);
            self.keys(holder, reason, |catalog, index| {
                index_columns(catalog, index).is_none_or(|columns| {
                    let null = index
                        .keys
                        .iter()
                        .any(|&key| key > 0 && stored.is_null(key) && !index.nulls_not_distinct);
                    let random = index
                        .keys
                        .iter()
                        .any(|&key| key > 0 && stored.is_random(key));
                    columns.is_empty() || !(null || random)
                }) && !conflict.is_some_and(|conflict| swallows(catalog, table, conflict, index))
            });
            self.rows_checks(holder, stored, Event::Insert, reason);
        }
    }

    fn update(&mut self, table: Oid, inherits: bool, stored: &Stored, reason: &str) {
        let tables = self.with_children(table, inherits);
        let moves = self.moves(&tables, table, stored);
        for &holder in &tables {
            let arrives = moves && holder != table;
            let stored = &Stored {
                any: stored.any || (moves && self.has_before_trigger(&tables, Trigger::on_insert)),
                ..self.translate(table, holder, stored)
            };
            self.keys(holder, reason, |catalog, index| {
                index_columns(catalog, index)
                    .is_none_or(|columns| columns.iter().any(|&column| stored.touches(column)))
                    || (arrives && parents_index(catalog, table, index).is_none())
            });
            self.rows_checks(holder, stored, Event::Update, reason);
            if arrives {
                let arrived = self.arrived(table, holder, stored);
                self.rows_checks(holder, &arrived, Event::Arrival(table), reason);
            }
            self.referenced_changes(holder, stored, reason);
        }
    }

    /// Can rows come to lie in another partition?
    fn moves(&self, tables: &[Oid], table: Oid, stored: &Stored) -> bool {
        tables.iter().any(|&partitioned| {
            let stored = self.translate(table, partitioned, stored);
            self.catalog
                .relations
                .get(&partitioned)
                .is_some_and(|relation| {
                    relation
                        .partition_key
                        .iter()
                        .any(|&column| column == 0 || stored.touches(column))
                })
        })
    }

    /// The whole row that comes from another partition.
    fn arrived(&self, table: Oid, holder: Oid, stored: &Stored) -> Stored {
        let mut values = stored.values.clone();
        let relations = &self.catalog.relations;
        if let (Some(table), Some(holder)) = (relations.get(&table), relations.get(&holder)) {
            for column in &holder.columns {
                let never_null = table
                    .column_named(&column.name)
                    .is_some_and(|column| column.not_null);
                values.entry(column.number).or_insert(if never_null {
                    Value::NotNull
                } else {
                    Value::MayBeNull
                });
            }
        }
        Stored {
            values,
            any: stored.any,
            by: stored.by,
        }
    }

    fn delete(&mut self, table: Oid, inherits: bool, reason: &str) {
        for holder in self.with_children(table, inherits) {
            if !self.deleted.insert(holder) {
                continue;
            }
            for constraint in self.incoming(holder) {
                let ConstraintKind::ForeignKey {
                    columns,
                    on_delete,
                    delete_columns,
                    ..
                } = &constraint.kind
                else {
                    continue;
                };
                let child = self.catalog.relation_name(constraint.relation);
                let because = format!("{reason}, which `{child}` references");
                let set = if delete_columns.is_empty() {
                    columns
                } else {
                    delete_columns
                };
                let all = |value| set.iter().map(|&column| (column, value)).collect();
                match on_delete {
                    'c' => self.delete(
                        constraint.relation,
                        true,
                        &format!("{reason}, and with it from `{child}`"),
                    ),
                    'n' => self.referencing(constraint, all(Value::Null), &because),
                    'd' => self.set_defaults(constraint, all(Value::MayBeNull), &because),
                    _ => self.add(constraint, ViolationKind::ForeignKey, &because),
                }
            }
        }
    }

    /// Keys that others reference get new values.
    fn referenced_changes(&mut self, table: Oid, stored: &Stored, reason: &str) {
        let values = stored
            .values
            .iter()
            .map(|(&column, &value)| (column, value));
        if !self.followed.insert((table, values.collect(), stored.any)) {
            return;
        }
        for constraint in self.incoming(table) {
            let ConstraintKind::ForeignKey {
                columns,
                referenced,
                on_update,
                ..
            } = &constraint.kind
            else {
                continue;
            };
            if !referenced.iter().any(|&column| stored.touches(column)) {
                continue;
            }
            let child = self.catalog.relation_name(constraint.relation);
            let because = format!("{reason}, which `{child}` references");
            let all = |value| columns.iter().map(|&column| (column, value)).collect();
            match on_update {
                'c' => {
                    let values = columns
                        .iter()
                        .zip(referenced)
                        .map(|(&column, &key)| (column, self.handed_on(table, key, stored)))
                        .collect();
                    self.referencing(constraint, values, &because);
                }
                'n' => self.referencing(constraint, all(Value::Null), &because),
                'd' => self.set_defaults(constraint, all(Value::MayBeNull), &because),
                _ => self.add(constraint, ViolationKind::ForeignKey, &because),
            }
        }
    }

    /// What ON UPDATE CASCADE hands on of a referenced column. One that keeps its value is not NULL: a row references it.
    fn handed_on(&self, table: Oid, column: i16, stored: &Stored) -> Value {
        let never_null = self
            .catalog
            .relations
            .get(&table)
            .and_then(|relation| relation.column(column))
            .is_some_and(|column| column.insert_not_null);
        if never_null {
            Value::NotNull
        } else if stored.is_null(column) {
            Value::Null
        } else if stored.may_be_null(column) {
            Value::MayBeNull
        } else {
            Value::NotNull
        }
    }

    /// A default may name a row that is not there.
    fn set_defaults(
        &mut self,
        constraint: &'a Constraint,
        values: BTreeMap<i16, Value>,
        reason: &str,
    ) {
        self.add(constraint, ViolationKind::ForeignKey, reason);
        self.referencing(constraint, values, reason);
    }

    /// The action of a foreign key changes the rows that reference.
    fn referencing(
        &mut self,
        constraint: &'a Constraint,
        values: BTreeMap<i16, Value>,
        reason: &str,
    ) {
        let ConstraintKind::ForeignKey { columns, .. } = &constraint.kind else {
            return;
        };
        let is_full = constraint.definition.contains("MATCH FULL");
        let stored_in = |column| values.get(column).copied().unwrap_or(Value::NotNull);
        let finds = !is_full
            || columns
                .iter()
                .all(|column| stored_in(column) == Value::Null)
            || columns
                .iter()
                .all(|column| stored_in(column) == Value::NotNull);
        let tables = self.with_children(constraint.relation, true);
        let stored = Stored {
            any: self.has_before_trigger(&tables, Trigger::on_update),
            by: finds.then_some(constraint.oid),
            values,
        };
        self.update(constraint.relation, true, &stored, reason);
    }

    // --- constraints

    fn keys(
        &mut self,
        table: Oid,
        reason: &str,
        can_break: impl Fn(&'a Catalog, &'a Index) -> bool,
    ) {
        let catalog = self.catalog;
        for index in catalog
            .indexes
            .values()
            .filter(|index| index.relation == table)
        {
            let constraint = index
                .constraint
                .and_then(|oid| catalog.constraints.get(&oid));
            let kind = match constraint.map(|constraint| &constraint.kind) {
                Some(ConstraintKind::Exclusion { .. }) => ViolationKind::Exclusion,
                _ if index.unique => ViolationKind::Unique,
                _ => continue,
            };
            if !can_break(catalog, index) {
                continue;
            }
            match constraint {
                Some(constraint) => self.add(constraint, kind, reason),
                None => self.add_index(index, reason),
            }
        }
    }

    /// Outgoing foreign keys, CHECKs and NOT NULL.
    fn rows_checks(&mut self, table: Oid, stored: &Stored, event: Event, reason: &str) {
        let catalog = self.catalog;
        // A row that moves has met what all partitions are held to.
        let is_met = |collector: &Self, constraint: &'a Constraint| match event {
            Event::Insert | Event::Update => false,
            Event::Arrival(from) => {
                let above = collector.root(constraint).relation;
                collector.with_children(above, true).contains(&from)
            }
        };
        for constraint in catalog
            .constraints
            .values()
            .filter(|constraint| constraint.relation == table && constraint.enforced)
        {
            if is_met(self, constraint) {
                continue;
            }
            match &constraint.kind {
                ConstraintKind::ForeignKey { columns, .. } => {
                    // MATCH SIMPLE asks nothing of a key that is partly NULL.
                    let null = |column: &i16| stored.is_null(*column);
                    let exempt = if constraint.definition.contains("MATCH FULL") {
                        columns.iter().all(null)
                    } else {
                        columns.iter().any(null)
                    };
                    let finds = stored.by == Some(constraint.oid) && !stored.any;
                    if columns.iter().any(|&column| stored.touches(column)) && !exempt && !finds {
                        self.add(constraint, ViolationKind::ForeignKey, reason);
                    }
                }
                ConstraintKind::Check { columns } => {
                    // 0 is the whole row; system columns are below.
                    if event != Event::Update
                        || columns.is_empty()
                        || columns
                            .iter()
                            .any(|&column| column <= 0 || stored.touches(column))
                    {
                        self.add(constraint, ViolationKind::Check, reason);
                    }
                }
                ConstraintKind::PrimaryKey { .. }
                | ConstraintKind::Unique { .. }
                | ConstraintKind::NotNull { .. }
                | ConstraintKind::Exclusion { .. }
                | ConstraintKind::Trigger => {}
            }
        }
        let Some(relation) = catalog.relations.get(&table) else {
            return;
        };
        for column in &relation.columns {
            if column.insert_not_null && stored.may_be_null(column.number) {
                self.add_not_null(relation, column.number, &column.name, reason);
            }
            let value = if stored.any {
                Value::MayBeNull
            } else if let Some(&value) = stored.values.get(&column.number) {
                value
            } else {
                continue;
            };
            if !matches!(event, Event::Arrival(_)) {
                let what = format!(
                    "stores into `{}.{}`, of the type",
                    relation.name, column.name
                );
                self.domain(column.type_oid, value, &what);
            }
        }
    }

    fn incoming(&self, table: Oid) -> Vec<&'a Constraint> {
        self.catalog
            .constraints
            .values()
            .filter(|constraint| {
                constraint.enforced
                    && matches!(constraint.kind, ConstraintKind::ForeignKey { references, .. } if references == table)
            })
            .collect()
    }

    /// A domain's CHECKs and NOT NULL, and those of the domains beneath it and within it.
    fn domain(&mut self, type_oid: Oid, value: Value, what: &str) {
        let catalog = self.catalog;
        let mut seen = BTreeSet::new();
        // With the domain that the server names, which is the outermost of a chain of them.
        let mut open = vec![(type_oid, value, false, None)];
        while let Some((oid, value, within, outermost)) = open.pop() {
            let Some(known) = catalog.types.get(&oid).filter(|_| seen.insert(oid)) else {
                continue;
            };
            // What is NULL as a whole has no parts.
            let mut part = |oid: Oid| {
                if value != Value::Null {
                    open.push((oid, Value::MayBeNull, true, None));
                }
            };
            let domain: &Domain = match &known.kind {
                TypeKind::Domain(domain) => domain,
                TypeKind::Array(inner) | TypeKind::Range(inner) | TypeKind::Multirange(inner) => {
                    part(*inner);
                    continue;
                }
                TypeKind::Composite { fields, .. } => {
                    fields.iter().for_each(|field| part(field.type_oid));
                    continue;
                }
                TypeKind::Base | TypeKind::Enum(_) | TypeKind::Pseudo => continue,
            };
            let reported = outermost.unwrap_or(oid);
            open.push((domain.base, value, within, Some(reported)));
            let type_name = catalog.type_name(oid);
            let reason = if within {
                let whole = catalog.type_name(type_oid);
                format!("{what} `{whole}`, which holds `{type_name}`")
            } else {
                format!("{what} `{type_name}`")
            };
            let mut names: Vec<String> = domain
                .checks
                .iter()
                .map(|check| check.name.clone())
                .collect();
            if domain.not_null && matches!(value, Value::Null | Value::MayBeNull) {
                names.push(known.name.clone());
            }
            for name in names {
                let entry = self
                    .found
                    .entry((oid, ViolationKind::Domain, name.clone()))
                    .or_insert_with(|| Violation {
                        name: name.clone(),
                        kind: ViolationKind::Domain,
                        relation: 0,
                        relation_name: type_name.clone(),
                        columns: Vec::new(),
                        elsewhere: Vec::new(),
                        comment: known.comment.clone(),
                        reason: reason.clone(),
                    });
                if let Some(named) = catalog.types.get(&reported).filter(|_| reported != oid) {
                    entry.elsewhere.push(ReportedName {
                        schema: named.schema.clone(),
                        table: named.name.clone(),
                        name,
                    });
                }
            }
        }
    }

    // --- answers

    fn add(&mut self, constraint: &'a Constraint, kind: ViolationKind, reason: &str) {
        let catalog = self.catalog;
        let root = self.root(constraint);
        let columns = columns_of(catalog, root);
        let entry = self
            .found
            .entry((root.relation, kind, root.name.clone()))
            .or_insert_with(|| Violation {
                name: root.name.clone(),
                kind,
                relation: root.relation,
                relation_name: catalog.relation_name(root.relation),
                columns,
                elsewhere: Vec::new(),
                comment: root.comment.clone(),
                reason: if root.deferrable {
                    format!("{reason}; perhaps only at COMMIT, it is deferrable")
                } else {
                    reason.to_owned()
                },
            });
        if root.oid != constraint.oid
            && let Some(relation) = catalog.relations.get(&constraint.relation)
        {
            entry.elsewhere.push(ReportedName {
                schema: relation.schema.clone(),
                table: relation.name.clone(),
                name: constraint.name.clone(),
            });
        }
    }

    /// The parent's constraint that a partition's implements. CHECKs are inherited under one name.
    fn root(&self, constraint: &'a Constraint) -> &'a Constraint {
        let catalog = self.catalog;
        let mut root = constraint;
        // The bound is against a damaged catalog.
        for _ in 0..64 {
            match catalog.constraints.get(&root.parent) {
                Some(parent) => root = parent,
                None => break,
            }
        }
        if !matches!(root.kind, ConstraintKind::Check { .. }) {
            return root;
        }
        for _ in 0..64 {
            let parents = catalog
                .relations
                .get(&root.relation)
                .map_or(&[][..], |relation| &relation.parents);
            let above = catalog.constraints.values().find(|candidate| {
                parents.contains(&candidate.relation)
                    && candidate.name == root.name
                    && matches!(candidate.kind, ConstraintKind::Check { .. })
            });
            match above {
                Some(above) => root = above,
                None => break,
            }
        }
        root
    }

    fn add_index(&mut self, index: &'a Index, reason: &str) {
        let catalog = self.catalog;
        let mut root = index;
        // Partitions' indexes have no entry that names their parent's; the columns and the condition tell.
        for _ in 0..64 {
            let parents = catalog
                .relations
                .get(&root.relation)
                .map_or(&[][..], |relation| &relation.parents);
            let above = catalog.indexes.values().find(|candidate| {
                parents.contains(&candidate.relation)
                    && catalog
                        .relations
                        .get(&candidate.relation)
                        .is_some_and(|relation| relation.kind == RelationKind::PartitionedTable)
                    && candidate.unique
                    && candidate.constraint.is_none()
                    && key_names(catalog, candidate) == key_names(catalog, root)
                    && candidate.predicate.as_ref().map(|(_, sql)| sql)
                        == root.predicate.as_ref().map(|(_, sql)| sql)
            });
            match above {
                Some(above) => root = above,
                None => break,
            }
        }
        let entry = self
            .found
            .entry((root.relation, ViolationKind::Unique, root.name.clone()))
            .or_insert_with(|| Violation {
                name: root.name.clone(),
                kind: ViolationKind::Unique,
                relation: root.relation,
                relation_name: catalog.relation_name(root.relation),
                columns: key_names(catalog, root),
                elsewhere: Vec::new(),
                comment: None,
                reason: reason.to_owned(),
            });
        if root.oid != index.oid
            && let Some(relation) = catalog.relations.get(&index.relation)
        {
            entry.elsewhere.push(ReportedName {
                schema: relation.schema.clone(),
                table: relation.name.clone(),
                name: index.name.clone(),
            });
        }
    }

    fn add_not_null(&mut self, relation: &'a Relation, number: i16, column: &str, reason: &str) {
        let catalog = self.catalog;
        let mut root = relation;
        // The bound is against a damaged catalog.
        for _ in 0..64 {
            let above = root
                .parents
                .iter()
                .filter_map(|parent| catalog.relations.get(parent))
                .find(|parent| {
                    parent
                        .column_named(column)
                        .is_some_and(|column| column.insert_not_null)
                });
            match above {
                Some(above) => root = above,
                None => break,
            }
        }
        let comment = catalog
            .constraints
            .values()
            .find(|constraint| {
                constraint.relation == root.oid
                    && matches!(constraint.kind, ConstraintKind::NotNull { column } if column == number)
            })
            .and_then(|constraint| constraint.comment.clone());
        let entry = self
            .found
            .entry((root.oid, ViolationKind::NotNull, column.to_owned()))
            .or_insert_with(|| Violation {
                name: column.to_owned(),
                kind: ViolationKind::NotNull,
                relation: root.oid,
                relation_name: catalog.relation_name(root.oid),
                columns: vec![column.to_owned()],
                elsewhere: Vec::new(),
                comment,
                reason: reason.to_owned(),
            });
        if root.oid != relation.oid {
            entry.elsewhere.push(ReportedName {
                schema: relation.schema.clone(),
                table: relation.name.clone(),
                name: column.to_owned(),
            });
        }
    }

    /// The same columns, by the numbers that a child gives them.
    fn translate(&self, from: Oid, to: Oid, stored: &Stored) -> Stored {
        let (Some(from), Some(to)) = (
            self.catalog.relations.get(&from),
            self.catalog.relations.get(&to),
        ) else {
            return Stored {
                values: BTreeMap::new(),
                any: true,
                by: None,
            };
        };
        Stored {
            values: stored
                .values
                .iter()
                .filter_map(|(&number, &value)| {
                    let column = to.column_named(&from.column(number)?.name)?;
                    Some((column.number, value))
                })
                .collect(),
            any: stored.any,
            by: stored.by,
        }
    }
}

/// The unique indexes that ON CONFLICT names: without them the server refuses to plan the statement.
pub fn arbiters(input: &Input<'_>) -> BTreeSet<Oid> {
    let catalog = input.catalog;
    let mut found = BTreeSet::new();
    for query in &input.statement.queries {
        walk::everything(query, &mut |part| {
            if let Part::Query(query) = part
                && let Some(conflict) = &query.on_conflict
                && (conflict.constraint != 0 || !conflict.arbiter_elements.is_empty())
                && let Some(&RteKind::Relation { oid, .. }) =
                    query.rte(query.result_relation).map(|rte| &rte.kind)
            {
                let named = catalog.indexes.iter().filter(|(_, index)| {
                    index.relation == oid && index.unique && swallows(catalog, oid, conflict, index)
                });
                found.extend(named.map(|(oid, _)| *oid));
            }
        });
    }
    found
}

/// ON CONFLICT takes the conflict on this index.
fn swallows(catalog: &Catalog, table: Oid, conflict: &OnConflict, index: &Index) -> bool {
    if conflict.action == ConflictAction::Unknown {
        return false;
    }
    if conflict.constraint == 0 && conflict.arbiter_elements.is_empty() {
        return conflict.action == ConflictAction::Nothing;
    }
    let Some(index) = parents_index(catalog, table, index) else {
        return false;
    };
    if conflict.constraint != 0 {
        return index.constraint == Some(conflict.constraint);
    }
    if !fits(conflict, index) {
        return false;
    }
    // An index with expressions or a condition is surely the arbiter when no other has its shape: the server found one.
    if index.predicate.is_none() && !index.keys.contains(&0) && !conflict.arbiter_class {
        return true;
    }
    catalog
        .indexes
        .values()
        .filter(|other| {
            other.relation == index.relation && other.unique && other.valid && fits(conflict, other)
        })
        .count()
        == 1
}

/// Of a partition's index, the one of the table that the statement names; `None` where it is the partition's alone.
fn parents_index<'a>(catalog: &'a Catalog, table: Oid, index: &'a Index) -> Option<&'a Index> {
    if index.relation == table {
        return Some(index);
    }
    catalog.indexes.values().find(|candidate| {
        candidate.relation == table
            && candidate.unique == index.unique
            && candidate.families == index.families
            && candidate.collations == index.collations
            && key_names(catalog, candidate) == key_names(catalog, index)
            && candidate.predicate.as_ref().map(|(_, sql)| sql)
                == index.predicate.as_ref().map(|(_, sql)| sql)
    })
}

/// The arbiter's columns are the index's; expressions are only counted.
fn fits(conflict: &OnConflict, index: &Index) -> bool {
    let mut expressions = 0;
    let mut columns = BTreeSet::new();
    for (element, &collation) in conflict
        .arbiter_elements
        .iter()
        .zip(&conflict.arbiter_collations)
    {
        match strip(element) {
            Expr::Var(var) if var.column > 0 => {
                let has_it = collation == 0
                    || index
                        .keys
                        .iter()
                        .zip(&index.collations)
                        .any(|(&key, &by)| key == var.column && by == collation);
                if !has_it {
                    return false;
                }
                columns.insert(var.column);
            }
            _ => expressions += 1,
        }
    }
    let keys: BTreeSet<i16> = index.keys.iter().copied().filter(|&key| key > 0).collect();
    index.unique
        && index.valid
        && keys == columns
        && index.keys.iter().filter(|&&key| key == 0).count() == expressions
}

fn key_names(catalog: &Catalog, index: &Index) -> Vec<String> {
    let relation = catalog.relations.get(&index.relation);
    index
        .keys
        .iter()
        .filter_map(|&key| Some(relation?.column(key)?.name.clone()))
        .collect()
}

/// Every column that an index's entry depends on, its condition's included; `None` where that is not known.
fn index_columns(catalog: &Catalog, index: &Index) -> Option<BTreeSet<i16>> {
    let _ = catalog;
    let mut columns: BTreeSet<i16> = index.keys.iter().copied().filter(|&key| key > 0).collect();
    let texts = index
        .predicate
        .iter()
        .map(|(nodes, _)| nodes)
        .chain(&index.expressions);
    for text in texts {
        for after in text.split(":varattno ").skip(1) {
            let number: i16 = after.split_whitespace().next()?.parse().ok()?;
            // The whole row.
            if number == 0 {
                return None;
            }
            columns.insert(number);
        }
    }
    Some(columns)
}

fn columns_of(catalog: &Catalog, constraint: &Constraint) -> Vec<String> {
    let relation = catalog.relations.get(&constraint.relation);
    let name = |column: &i16| Some(relation?.column(*column)?.name.clone());
    match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. }
        | ConstraintKind::Unique { columns, .. }
        | ConstraintKind::ForeignKey { columns, .. }
        | ConstraintKind::Check { columns } => columns.iter().filter_map(name).collect(),
        ConstraintKind::NotNull { column } => name(column).into_iter().collect(),
        ConstraintKind::Exclusion { index } => catalog
            .indexes
            .get(index)
            .map(|index| key_names(catalog, index))
            .unwrap_or_default(),
        ConstraintKind::Trigger => Vec::new(),
    }
}

/// `excluded.email`: the row that was to be inserted has passed its NOT NULLs when DO UPDATE sees it.
fn is_checked_already(table: &Relation, query: &Query, expr: &Expr) -> bool {
    let (Expr::Var(var), Some(conflict)) = (strip(expr), &query.on_conflict) else {
        return false;
    };
    var.levels_up == 0
        && var.rel == conflict.excluded
        && table
            .column(var.column)
            .is_some_and(|column| column.insert_not_null)
}

/// What an assigned expression stores.
fn value_of(catalog: &Catalog, expr: &Expr, never_null: bool) -> Value {
    match strip(expr) {
        Expr::Const(constant) if constant.is_null => Value::Null,
        Expr::Func(call)
            if catalog
                .functions
                .get(&call.function)
                .is_some_and(|function| {
                    function.builtin && RANDOM.contains(&function.name.as_str())
                }) =>
        {
            Value::Random
        }
        _ if never_null => Value::NotNull,
        _ => Value::MayBeNull,
    }
}

const RANDOM: &[&str] = &["gen_random_uuid", "uuidv4", "uuidv7"];
