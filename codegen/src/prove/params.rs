//! May a parameter be NULL, and why.
//!
//! What decides is what the statement does with it, in this order: what the author wrote beside it; a test that only NULL
//! gives a sense to (IS NULL, IS TRUE, IS DISTINCT FROM, an argument of COALESCE but the last); a NOT NULL column or domain that it
//! is stored in; a column that may be NULL; a function that takes NULL. Where nothing asks for NULL it is not null: a NULL
//! that is compared finds no row, and a NULL limit is none, neither of which anybody wants by accident. "Not null" is
//! always safe, since the type of the generated parameter then has no NULL; the proofs of columns rely on it.

use super::{Input, walk};
use crate::catalog::{Oid, TypeKind};
use crate::describe::tree::{
    Command, Expr, Location, Param, Query, RteKind, SetOperation, SubLinkKind, Target, Var,
};
use crate::facts::{ParamFacts, Proved};

/// One for each of the statement's parameters, `$1` first.
pub fn params(input: &Input<'_>) -> Vec<ParamFacts> {
    let mut walk = Walk {
        input,
        uses: Vec::new(),
    };
    for query in &input.statement.queries {
        walk.query(query, &[]);
    }
    let uses = walk.uses;
    input
        .statement
        .params
        .iter()
        .enumerate()
        .map(|(index, &type_oid)| {
            let number = index + 1;
            let own: Vec<&Use> = uses
                .iter()
                .filter(|(found, _)| *found == number)
                .map(|(_, found)| found)
                .collect();
            facts(input, number, type_oid, &own)
        })
        .collect()
}

/// What a statement does with a parameter in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Use {
    /// NULL means something here: "IS NULL", "COALESCE".
    Asked(&'static str, Location),
    Stored((Oid, i16)),
    /// Its elements are stored.
    StoredElements((Oid, i16)),
    /// Cast to a NOT NULL domain.
    Domain(Oid),
    /// An argument of a function that is not strict.
    Passed(String),
    /// With a column, or with something else.
    Compared(Option<(Oid, i16)>),
    /// It, or each of its elements, is held to be the same as what stands in the column, or another.
    Same((Oid, i16)),
    /// Its elements are compared.
    ComparedElements(Option<(Oid, i16)>),
    Limit,
}

fn facts(input: &Input<'_>, number: usize, type_oid: Oid, uses: &[&Use]) -> ParamFacts {
    let said = input.param_override(number);
    let stored: Vec<(Oid, i16)> = uses
        .iter()
        .filter_map(|found| match found {
            Use::Stored(column) => Some(*column),
            _ => None,
        })
        .collect();
    let compared = uses.iter().find_map(|found| match found {
        Use::Compared(Some(column)) | Use::ComparedElements(Some(column)) => Some(*column),
        _ => None,
    });
    let columns = |choose: &dyn Fn(&Use) -> Option<(Oid, i16)>| {
        let mut columns: Vec<_> = uses.iter().filter_map(|found| choose(found)).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    };
    let elements = input.catalog.element_type(type_oid).map(|_| {
        let nullable = uses.iter().find_map(|found| match found {
            Use::StoredElements(column) if !refuses_null(input, *column) => Some(*column),
            _ => None,
        });
        match (said.elements, nullable) {
            (Some(may), _) => Proved::new(may, "the author says so"),
            (None, Some(column)) => Proved::new(
                true,
                format!(
                    "elements may be null: stored in {}, which may be",
                    name(input, column)
                ),
            ),
            (None, None) => Proved::new(false, "elements are not null: nothing here asks for NULL"),
        }
    });
    ParamFacts {
        nullable: match said.nullable {
            Some(may) => Proved::new(may, "the author says so"),
            None => nullable(input, uses),
        },
        elements,
        origin: stored.first().copied().or(compared),
        tied: columns(&|found| match found {
            Use::Stored(column)
            | Use::StoredElements(column)
            | Use::Same(column)
            | Use::Compared(Some(column))
            | Use::ComparedElements(Some(column)) => Some(*column),
            _ => None,
        }),
        same: columns(&|found| match found {
            Use::Stored(column) | Use::StoredElements(column) | Use::Same(column) => Some(*column),
            _ => None,
        }),
        assigned: columns(&|found| match found {
            Use::Stored(column) => Some(*column),
            _ => None,
        }),
    }
}

fn nullable(input: &Input<'_>, uses: &[&Use]) -> Proved<bool> {
    let first =
        |choose: &dyn Fn(&Use) -> Option<Proved<bool>>| uses.iter().find_map(|found| choose(found));
    let asked = first(&|found| match found {
        Use::Asked(test, location) => Some(Proved::new(
            true,
            format!("may be null: {test}{}", input.at(*location)),
        )),
        _ => None,
    });
    let refused = || {
        first(&|found| match found {
            Use::Stored(column) if refuses_null(input, *column) => Some(Proved::new(
                false,
                format!(
                    "not null: stored in {}, which is NOT NULL",
                    name(input, *column)
                ),
            )),
            Use::Domain(oid) => Some(Proved::new(
                false,
                format!(
                    "not null: cast to `{}`, which refuses NULL",
                    input.catalog.type_name(*oid)
                ),
            )),
            _ => None,
        })
    };
    let accepted = || {
        first(&|found| match found {
            Use::Stored(column) => Some(Proved::new(
                true,
                format!(
                    "may be null: stored in {}, which may be",
                    name(input, *column)
                ),
            )),
            _ => None,
        })
    };
    let passed = || {
        first(&|found| match found {
            Use::Passed(function) => Some(Proved::new(
                true,
                format!("may be null: passed to `{function}`, which takes NULL"),
            )),
            _ => None,
        })
    };
    let compared = || {
        first(&|found| match found {
            Use::Compared(Some(column)) | Use::ComparedElements(Some(column)) => Some(Proved::new(
                false,
                format!("not null: compared with {}", name(input, *column)),
            )),
            Use::Limit => Some(Proved::new(false, "not null: a limit")),
            _ => None,
        })
    };
    asked
        .or_else(refused)
        .or_else(accepted)
        .or_else(passed)
        .or_else(compared)
        .unwrap_or_else(|| Proved::new(false, "not null: nothing here asks for NULL"))
}

/// New rows cannot hold NULL in this column.
fn refuses_null(input: &Input<'_>, (relation, number): (Oid, i16)) -> bool {
    input
        .catalog
        .relations
        .get(&relation)
        .and_then(|relation| relation.column(number))
        .is_some_and(|column| {
            column.insert_not_null || not_null_domain(input, column.type_oid).is_some()
        })
}

/// The first NOT NULL domain of a type, going down.
fn not_null_domain(input: &Input<'_>, type_oid: Oid) -> Option<Oid> {
    let mut oid = type_oid;
    for _ in 0..64 {
        match input.catalog.types.get(&oid).map(|found| &found.kind) {
            Some(TypeKind::Domain(domain)) if domain.not_null => return Some(oid),
            Some(TypeKind::Domain(domain)) => oid = domain.base,
            _ => return None,
        }
    }
    None
}

fn name(input: &Input<'_>, (relation, number): (Oid, i16)) -> String {
    let table = input.catalog.relation_name(relation);
    let column = input
        .catalog
        .relations
        .get(&relation)
        .and_then(|relation| relation.column(number));
    match column {
        Some(column) => format!("`{table}.{}`", column.name),
        None => format!("`{table}`"),
    }
}

struct Walk<'w> {
    input: &'w Input<'w>,
    uses: Vec<(usize, Use)>,
}

impl<'w> Walk<'w> {
    fn add(&mut self, param: &Param, found: Use) {
        self.uses.push((param.number, found));
    }

    /// `around` are the queries that this one stands in, outermost first.
    fn query(&mut self, query: &Query, around: &[&Query]) {
        let mut stack = around.to_vec();
        stack.push(query);
        if query.result_relation != 0
            && let Some(RteKind::Relation { oid, .. }) =
                query.rte(query.result_relation).map(|rte| &rte.kind)
        {
            let writes = matches!(query.command, Command::Insert | Command::Update);
            let conflict = query.on_conflict.iter().flat_map(|conflict| &conflict.set);
            let merge = query
                .merge_actions
                .iter()
                .filter(|action| matches!(action.command, Command::Insert | Command::Update))
                .flat_map(|action| &action.targets);
            let targets = query.targets.iter().filter(|_| writes);
            for target in targets.chain(conflict).chain(merge) {
                self.assignment(target, *oid, &stack);
            }
        }
        for limit in query.limit_count.iter().chain(&query.limit_offset) {
            if let Some(param) = self.param(limit) {
                self.add(param, Use::Limit);
            }
        }
        walk::parts(query, &mut |part| match part {
            walk::Part::Expr(expr) => self.expr(expr, &stack),
            walk::Part::Query(query) => self.query(query, &stack),
        });
    }

    fn assignment(&mut self, target: &Target, relation: Oid, stack: &[&Query]) {
        if !target.junk {
            self.stored(&target.expr, (relation, target.number), stack, 0);
        }
    }

    /// `expr` is stored in a column: which parameters arrive there unchanged?
    fn stored(&mut self, expr: &Expr, column: (Oid, i16), stack: &[&Query], depth: usize) {
        if depth > 32 {
            return;
        }
        if let Some(param) = self.param(expr) {
            self.add(param, Use::Stored(column));
            return;
        }
        match without_casts(expr) {
            Expr::Var(var) => self.stored_var(var, column, stack, depth),
            Expr::Case(case) => {
                let results = case.whens.iter().map(|(_, result)| result);
                for result in results.chain(&case.default) {
                    self.stored(result, column, stack, depth + 1);
                }
            }
            Expr::NullIf(operation) => {
                if let Some(first) = operation.args.first() {
                    self.stored(first, column, stack, depth + 1);
                }
            }
            Expr::SubLink(link) if link.kind == SubLinkKind::Expr => {
                self.stored_output(&link.query, 1, column, stack, depth);
            }
            Expr::Func(call) if call.returns_set && self.is_unnest(call.function) => {
                if let Some(param) = call.args.first().and_then(|arg| self.param(arg)) {
                    self.add(param, Use::StoredElements(column));
                }
            }
            _ => {}
        }
    }

    fn stored_var(&mut self, var: &Var, column: (Oid, i16), stack: &[&Query], depth: usize) {
        let Some(at) = stack.len().checked_sub(var.levels_up + 1) else {
            return;
        };
        let (Some(query), Ok(number)) = (stack.get(at), usize::try_from(var.column)) else {
            return;
        };
        let (Some(rte), Some(index), Some(here)) =
            (query.rte(var.rel), number.checked_sub(1), stack.get(..=at))
        else {
            return;
        };
        match &rte.kind {
            RteKind::Values { rows } => {
                for expr in rows.iter().filter_map(|row| row.get(index)) {
                    self.stored(expr, column, here, depth + 1);
                }
            }
            RteKind::Subquery { query, .. } => {
                self.stored_output(query, number, column, here, depth);
            }
            RteKind::Cte {
                name, levels_up, ..
            } => {
                if let Some((cte, around)) = cte(here, name, *levels_up) {
                    self.stored_output(cte, number, column, around, depth);
                }
            }
            RteKind::Join { columns, .. } => {
                if let Some(expr) = columns.get(index) {
                    self.stored(expr, column, here, depth + 1);
                }
            }
            RteKind::Functions { functions, .. } => {
                // One column each: what `unnest` of several arrays becomes.
                if let Some(Expr::Func(call)) = functions.get(index).map(|found| &found.expr)
                    && functions.iter().all(|found| found.column_count == 1)
                    && self.is_unnest(call.function)
                    && let Some(param) = call.args.first().and_then(|arg| self.param(arg))
                {
                    self.add(param, Use::StoredElements(column));
                }
            }
            RteKind::Relation { .. }
            | RteKind::TableFunction { .. }
            | RteKind::NamedTuplestore
            | RteKind::Result
            | RteKind::Group { .. }
            | RteKind::Other(_) => {}
        }
    }

    /// The same of an output column of a query.
    fn stored_output(
        &mut self,
        query: &Query,
        number: usize,
        column: (Oid, i16),
        around: &[&Query],
        depth: usize,
    ) {
        if depth > 32 {
            return;
        }
        let mut stack = around.to_vec();
        stack.push(query);
        if let Some(operation) = &query.set_operation {
            for leaf in leaves(operation) {
                if let Some(RteKind::Subquery { query, .. }) = query.rte(leaf).map(|rte| &rte.kind)
                {
                    self.stored_output(query, number, column, &stack, depth + 1);
                }
            }
            return;
        }
        if let Some(target) = query.visible_targets().nth(number - 1) {
            self.stored(&target.expr, column, &stack, depth + 1);
        }
    }

    fn expr(&mut self, expr: &Expr, stack: &[&Query]) {
        self.domains(expr);
        match expr {
            Expr::NullTest { arg, location, .. } => {
                if let Some(param) = self.param(arg) {
                    self.add(param, Use::Asked("tested by IS NULL", *location));
                }
            }
            Expr::BooleanTest { arg, .. } => {
                if let Some(param) = self.param(arg) {
                    let test = "tested by IS TRUE or its kin, which take NULL for a value";
                    self.add(param, Use::Asked(test, None));
                }
            }
            Expr::Distinct(operation) => {
                for arg in &operation.args {
                    if let Some(param) = self.param(arg) {
                        let test = "compared by IS DISTINCT FROM, which takes NULL for a value";
                        self.add(param, Use::Asked(test, operation.location));
                    }
                }
                self.same(&operation.args, stack);
            }
            Expr::Coalesce { args, location, .. } => {
                // The last is what is fallen back on.
                for arg in args.iter().rev().skip(1) {
                    if let Some(param) = self.param(arg) {
                        self.add(param, Use::Asked("COALESCE falls back from it", *location));
                    }
                }
            }
            Expr::Op(operation) => {
                let name = self.operator(operation.operator);
                if is_equality(name) {
                    self.same(&operation.args, stack);
                }
                if let [left, right] = operation.args.as_slice() {
                    let compares = matches!(name, "=" | "<>" | "<" | "<=" | ">" | ">=");
                    for (one, other) in [(left, right), (right, left)] {
                        if let Some(param) = self.param(one) {
                            let column = if compares {
                                self.column(other, stack)
                            } else {
                                None
                            };
                            self.add(param, Use::Compared(column));
                        }
                    }
                }
            }
            Expr::ScalarArray { operator, args, .. } => {
                if let [left, array] = args.as_slice() {
                    let column = self.column(left, stack);
                    let same = column.filter(|_| is_equality(self.operator(*operator)));
                    if let Some(param) = self.param(array) {
                        self.add(param, Use::ComparedElements(column));
                        self.add_same(param, same);
                    }
                    if let Expr::Array { elements, .. } = without_casts(array) {
                        for element in elements {
                            if let Some(param) = self.param(element) {
                                self.add(param, Use::Compared(column));
                                self.add_same(param, same);
                            }
                        }
                    }
                }
            }
            Expr::SubLink(link) => {
                if let Some(Expr::Op(operation)) = &link.test
                    && let [left, _] = operation.args.as_slice()
                    && let Some(param) = self.param(left)
                {
                    let mut inner = stack.to_vec();
                    inner.push(&link.query);
                    let column = link
                        .query
                        .visible_targets()
                        .next()
                        .and_then(|target| self.column(&target.expr, &inner));
                    self.add(param, Use::Compared(column));
                    let equal = is_equality(self.operator(operation.operator));
                    self.add_same(param, column.filter(|_| equal));
                }
            }
            Expr::RowCompare { left, right, .. } => {
                for (left, right) in left.iter().zip(right) {
                    for (one, other) in [(left, right), (right, left)] {
                        if let Some(param) = self.param(one) {
                            let column = self.column(other, stack);
                            self.add(param, Use::Compared(column));
                        }
                    }
                }
            }
            Expr::Func(call) if !is_cast(call.format) => {
                let function = self.input.catalog.functions.get(&call.function);
                if let Some(function) = function.filter(|function| {
                    !(function.strict || function.builtin && is_about_values(&function.name))
                }) {
                    let args = call.args.iter().flat_map(|arg| match arg {
                        // VARIADIC "any" and VARIADIC arrays are gathered by the parser.
                        Expr::Array { elements, .. } if !call.variadic => elements.iter().collect(),
                        other => vec![other],
                    });
                    for arg in args {
                        if let Some(param) = self.param(arg) {
                            self.add(param, Use::Passed(function.name.clone()));
                        }
                    }
                }
            }
            Expr::JsonConstructor(json) => {
                for arg in &json.args {
                    let arg = match arg {
                        Expr::JsonValue { raw, .. } => raw,
                        other => other,
                    };
                    if let Some(param) = self.param(arg) {
                        self.add(param, Use::Passed("JSON constructor".to_owned()));
                    }
                }
            }
            _ => {}
        }
        walk::below(expr, &mut |part| match part {
            walk::Part::Expr(expr) => self.expr(expr, stack),
            walk::Part::Query(query) => self.query(query, stack),
        });
    }

    /// `$1::email`, where the domain is NOT NULL.
    fn domains(&mut self, expr: &Expr) {
        if let Expr::CoerceToDomain { arg, type_oid, .. } = expr
            && let Some(domain) = not_null_domain(self.input, *type_oid)
            && let Some(param) = self.param(arg)
        {
            self.add(param, Use::Domain(domain));
        }
    }

    /// One of the two is a parameter and the other a column.
    fn same(&mut self, args: &[Expr], stack: &[&Query]) {
        if let [left, right] = args {
            for (one, other) in [(left, right), (right, left)] {
                if let Some(param) = self.param(one) {
                    self.add_same(param, self.column(other, stack));
                }
            }
        }
    }

    fn add_same(&mut self, param: &Param, column: Option<(Oid, i16)>) {
        if let Some(column) = column {
            self.add(param, Use::Same(column));
        }
    }

    fn operator(&self, operator: Oid) -> &'w str {
        let found = self.input.catalog.operators.get(&operator);
        found.map_or("", |operator| operator.name.as_str())
    }

    /// A parameter, through casts.
    fn param<'e>(&self, expr: &'e Expr) -> Option<&'e Param> {
        match without_casts(expr) {
            Expr::Param(param) => Some(param),
            _ => None,
        }
    }

    fn is_unnest(&self, function: Oid) -> bool {
        self.input
            .catalog
            .functions
            .get(&function)
            .is_some_and(|function| function.builtin && function.name == "unnest")
    }

    /// The column of a table that an expression is, unchanged, through subqueries, views and CTEs.
    fn column(&self, expr: &Expr, stack: &[&Query]) -> Option<(Oid, i16)> {
        column_of(expr, stack, 0)
    }
}

fn column_of(expr: &Expr, stack: &[&Query], depth: usize) -> Option<(Oid, i16)> {
    if depth > 32 {
        return None;
    }
    match expr {
        Expr::Relabel { arg, .. } | Expr::Collate { arg, .. } => column_of(arg, stack, depth + 1),
        Expr::Var(var) => {
            let at = stack.len().checked_sub(var.levels_up + 1)?;
            let query = stack.get(at)?;
            let here = stack.get(..=at)?;
            let number = usize::try_from(var.column)
                .ok()
                .filter(|&number| number > 0)?;
            match &query.rte(var.rel)?.kind {
                RteKind::Relation { oid, .. } => Some((*oid, var.column)),
                RteKind::Subquery { query, .. } => output_column(query, number, here, depth),
                RteKind::Cte {
                    name,
                    levels_up,
                    self_reference: false,
                } => {
                    let (cte, around) = cte(here, name, *levels_up)?;
                    output_column(cte, number, around, depth)
                }
                RteKind::Join { columns, .. } => {
                    column_of(columns.get(number - 1)?, here, depth + 1)
                }
                RteKind::Group { expressions } => {
                    column_of(expressions.get(number - 1)?, here, depth + 1)
                }
                RteKind::Cte { .. }
                | RteKind::Values { .. }
                | RteKind::Functions { .. }
                | RteKind::TableFunction { .. }
                | RteKind::NamedTuplestore
                | RteKind::Result
                | RteKind::Other(_) => None,
            }
        }
        _ => None,
    }
}

fn output_column(
    query: &Query,
    number: usize,
    around: &[&Query],
    depth: usize,
) -> Option<(Oid, i16)> {
    if query.set_operation.is_some() {
        return None;
    }
    let mut stack = around.to_vec();
    stack.push(query);
    let target = query.visible_targets().nth(number - 1)?;
    column_of(&target.expr, &stack, depth + 1)
}

/// The query of a CTE, and the queries that it stands in.
fn cte<'s, 'q>(
    stack: &'s [&'q Query],
    name: &str,
    levels_up: usize,
) -> Option<(&'q Query, &'s [&'q Query])> {
    let at = stack.len().checked_sub(levels_up + 1)?;
    let owner: &'q Query = stack.get(at)?;
    let cte = owner.ctes.iter().find(|cte| cte.name == name)?;
    Some((&cte.query, stack.get(..=at)?))
}

fn leaves(operation: &SetOperation) -> Vec<usize> {
    match operation {
        SetOperation::Leaf(rel) => vec![*rel],
        SetOperation::Node { left, right, .. } => {
            let mut found = leaves(left);
            found.extend(leaves(right));
            found
        }
        SetOperation::Other(_) => Vec::new(),
    }
}

/// Is it asked whether two values are the same, and not which comes first?
fn is_equality(operator: &str) -> bool {
    matches!(operator, "=" | "<>")
}

/// CoercionForm: a written cast or an implicit one.
fn is_cast(format: u32) -> bool {
    matches!(format, 1 | 2)
}

fn without_casts(expr: &Expr) -> &Expr {
    match expr {
        Expr::Relabel { arg, .. }
        | Expr::CoerceViaIo { arg, .. }
        | Expr::ArrayCoerce { arg, .. }
        | Expr::CoerceToDomain { arg, .. }
        | Expr::Collate { arg, .. }
        | Expr::NamedArg { arg, .. } => without_casts(arg),
        Expr::Func(call) if is_cast(call.format) && !call.returns_set => match call.args.first() {
            Some(arg) => without_casts(arg),
            None => expr,
        },
        _ => expr,
    }
}

/// Built-ins that take NULL and yet are meant for values.
fn is_about_values(function: &str) -> bool {
    matches!(
        function,
        "array_append"
            | "array_prepend"
            | "array_cat"
            | "array_remove"
            | "array_replace"
            | "array_position"
            | "array_positions"
            | "array_fill"
            | "array_to_string"
            | "string_to_array"
            | "overlaps"
            | "set_config"
            | "pg_typeof"
            | "pg_notify"
    )
}
