//! May a column of the result be NULL, and why.
//!
//! Every expression is evaluated to a `Value`: what is known of it in every row that can come out. A query level is a
//! `Scope`: its outer joins null the columns of their nullable sides, and its conditions reject NULL, which undoes them.
//! Where nothing is known the answer is "may be NULL".

mod calls;
mod column;
mod expression;
mod json;
mod known;
mod range;
mod same;
mod scope;
mod value;
mod written;

use super::casts::{Conversion, conversion, side_types};
use super::{Input, functions};
use crate::catalog::oid::JSONB;
use crate::catalog::{Oid, TypeKind};
use crate::describe::tree::{Expr, Query, RteKind, SetKind, SetOperation, Target};
use crate::facts::{ColumnFacts, JsonFacts, ParamFacts, Proved};
use json::Json;
use scope::{Frame, Scope};
use value::{Null, Value};

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

/// Of the values that a query stores: is each never NULL? `around`: the queries in whose WITH it stands, outermost first.
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
        return never_null_in(prover, Some(scope.with()), around, query, stored);
    }
    let scope = Scope::new(prover, query, parent);
    let frame = Frame {
        assigned: true,
        ..scope.input()
    };
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
        let catalog = self.input.catalog;
        let element = catalog.element_type(type_oid);
        let row = catalog.base_type(element.unwrap_or(type_oid));
        // Of a named composite, the attributes that it still has; those of an anonymous row are counted.
        let record = value.record.as_deref().unwrap_or_default();
        let fields: Vec<(Option<&Value>, Oid)> =
            match catalog.types.get(&row).map(|found| &found.kind) {
                _ if value.fields.is_empty() => Vec::new(),
                Some(TypeKind::Composite { fields, .. }) => fields
                    .iter()
                    .enumerate()
                    .map(|(place, field)| {
                        let found = if self.holds("dropped-attributes") {
                            value.field(field.number)
                        } else {
                            value.fields.get(place).map(|(_, value)| value)
                        };
                        (found, field.type_oid)
                    })
                    .collect(),
                _ if record.is_empty() => value
                    .fields
                    .iter()
                    .map(|(_, field)| (Some(field), 0))
                    .collect(),
                _ => (1..)
                    .zip(record)
                    .map(|(number, (_, type_oid))| (value.field(number), *type_oid))
                    .collect(),
            };
        let unknown = Value::may("may be null: nothing is known of the field");
        ColumnFacts {
            nullable: Proved::new(!value.is_never(), reason),
            elements: element.map(|_| match &value.elements {
                Some((may, why)) => Proved::new(*may, why.clone()),
                None => Proved::new(true, "elements may be null: nothing is known of them"),
            }),
            always_null: value.null == Null::Always,
            fields: fields
                .into_iter()
                .map(|(field, type_oid)| self.facts(field.unwrap_or(&unknown), type_oid))
                .collect(),
            record: record.to_vec(),
            json: value.json.as_deref().map(|json| self.json_facts(json)),
            origin: value.origin,
        }
    }

    fn json_facts(&self, json: &Json) -> JsonFacts {
        match json {
            Json::Object(members) => JsonFacts::Object(
                members
                    .iter()
                    .map(|(key, oid, value)| (key.clone(), *oid, self.facts(value, *oid)))
                    .collect(),
            ),
            Json::Array(oid, value) => JsonFacts::Array(*oid, Box::new(self.facts(value, *oid))),
            Json::Of(oid, value) => JsonFacts::Of(*oid, Box::new(self.facts(value, *oid))),
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
                kind,
                left,
                right,
                column_types,
                ..
            } => {
                let left = self.side(scope, left, column_types);
                let right = self.side(scope, right, column_types);
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

    /// One side of a set operation, as values of the types that its columns have.
    fn side(&self, scope: &Scope<'_>, side: &SetOperation, types: &[Oid]) -> Vec<Value> {
        let own = side_types(self.input.catalog, scope.query, side);
        self.set_operation(scope, side)
            .into_iter()
            .enumerate()
            .map(|(index, value)| match (own.get(index), types.get(index)) {
                (Some(Some(from)), Some(to)) if from == to => value,
                (Some(Some(from)), Some(to)) => self.cast_unseen(value, *from, *to),
                _ if !self.holds("unseen-casts") => value,
                _ => Value::may("may be null: a set operation casts it, to what is not known"),
            })
            .collect()
    }

    fn cast_unseen(&self, mut value: Value, from: Oid, to: Oid) -> Value {
        let catalog = self.input.catalog;
        if !self.holds("unseen-casts") {
            return value;
        }
        let casts = || {
            let (from, to) = (catalog.type_name(from), catalog.type_name(to));
            format!("a set operation casts it from `{from}` to `{to}`")
        };
        let conversion = conversion(catalog, from, to);
        value.origin = None;
        value.fields = Vec::new();
        value.record = None;
        value.json = None;
        if let Conversion::Elements(of_each) = &conversion {
            if let Some((may, why)) = &mut value.elements
                && !self.is_faithful(of_each)
            {
                *may = true;
                *why = format!("elements may be null: {}", casts());
            }
            return value;
        }
        if conversion != Conversion::None {
            value.elements = None;
        }
        if self.is_faithful(&conversion) {
            value
        } else {
            value.missing(format!("may be null: {}", casts()))
        }
    }

    /// It makes NULL of nothing but NULL.
    fn is_faithful(&self, conversion: &Conversion) -> bool {
        match conversion {
            Conversion::None => true,
            Conversion::Function(function) => self.never_null_of_values(*function),
            Conversion::Text(type_oid) => self.has_strict_input(*type_oid),
            Conversion::Elements(of_each) => self.is_faithful(of_each),
            Conversion::Unknown => false,
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
