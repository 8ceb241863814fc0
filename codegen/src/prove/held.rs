//! What the schema demands of parameters that are stored as they are, where it can be asked without the server: the lengths of
//! `varchar`, and CHECKs of columns and domains of forms that mean exactly the same elsewhere.
//!
//! What is not known here is left to the server. Translated are comparisons of integers and of a text's length with constants,
//! equality of texts and IN (under collations in which equal means the same bytes), LIKE with a constant pattern, IS NULL, AND,
//! OR and NOT. Text of other types (`char(n)`, `citext`), numbers that are rounded when they are stored, dates and patterns of
//! regular expressions are not.

use crate::catalog::{Catalog, ConstraintKind, Oid, Relation, RelationKind, TypeKind};
use crate::describe::lower;
use crate::describe::tree::{Command, Const, Expr, Query, RteKind, Target};
use crate::facts::Held;
use crate::model::{Comparison, Test};

use super::{Input, walk};

const INT2: Oid = 21;
const INT4: Oid = 23;
const INT8: Oid = 20;
const TEXT: Oid = 25;
const VARCHAR: Oid = 1043;

pub(super) fn held(input: &Input<'_>) -> Vec<Held> {
    let mut stored = Vec::new();
    for query in &input.statement.queries {
        assignments(input.catalog, query, &mut stored);
    }
    stored.sort_unstable();
    stored.dedup();
    let mut found = Vec::new();
    for (stored, column) in stored {
        demands(input.catalog, stored, column, &mut found);
    }
    found.sort_by(|a, b| (a.param, &a.constraint).cmp(&(b.param, &b.constraint)));
    found.dedup();
    found
}

/// A parameter, and the one that says whether it is stored at all.
type Stored = (usize, Option<usize>);

/// Parameters and the columns that they are stored in, with nothing done to them on the way.
fn assignments(catalog: &Catalog, query: &Query, stored: &mut Vec<(Stored, (Oid, i16))>) {
    if query.result_relation != 0
        && let Some(RteKind::Relation { oid, .. }) =
            query.rte(query.result_relation).map(|rte| &rte.kind)
        && catalog
            .relations
            .get(oid)
            .is_some_and(|relation| is_plain(catalog, relation))
    {
        let writes = matches!(query.command, Command::Insert | Command::Update);
        let conflict = query.on_conflict.iter().flat_map(|conflict| &conflict.set);
        let targets = query.targets.iter().filter(|_| writes).chain(conflict);
        stored.extend(
            targets.filter_map(|target| Some((bare(catalog, target)?, (*oid, target.number)))),
        );
    }
    walk::parts(query, &mut |part| {
        if let walk::Part::Query(inner) = part {
            assignments(catalog, inner, stored);
        }
    });
}

/// What is stored in it, or in its partitions, is what the statement says, and its constraints hold for each of its rows.
fn is_plain(catalog: &Catalog, relation: &Relation) -> bool {
    let mut whole = catalog
        .relations
        .values()
        .filter(|other| other.oid == relation.oid || other.parents.contains(&relation.oid));
    !relation.has_inheritance_children
        && whole.all(|part| {
            let before = catalog.triggers.iter().any(|trigger| {
                trigger.relation == part.oid
                    && trigger.enabled
                    && trigger.is_row()
                    && !is_after(trigger)
            });
            // The CHECKs of a foreign table are believed, not asked.
            let is_table = matches!(
                part.kind,
                RelationKind::Table | RelationKind::PartitionedTable
            );
            is_table && !before && !catalog.rules.contains_key(&part.oid)
        })
}

fn is_after(trigger: &crate::catalog::Trigger) -> bool {
    !trigger.is_before() && !trigger.is_instead()
}

/// The number of the parameter, below nothing but what an assignment does by itself: it fits lengths and enters domains.
fn bare(catalog: &Catalog, target: &Target) -> Option<Stored> {
    if target.junk {
        return None;
    }
    let mut expr = &target.expr;
    let mut switch = None;
    loop {
        expr = match expr {
            Expr::Param(param) => return Some((param.number, switch)),
            // A patch.
            Expr::Case(case) if switch.is_none() && case.arg.is_none() => {
                match (case.whens.as_slice(), &case.default) {
                    ([(Expr::Param(set), value)], Some(Expr::Var(kept)))
                        if kept.column == target.number =>
                    {
                        switch = Some(set.number);
                        value
                    }
                    _ => return None,
                }
            }
            Expr::Relabel { arg, .. } | Expr::CoerceToDomain { arg, .. } => arg,
            Expr::Func(call) => match call.args.as_slice() {
                [value, Expr::Const(_), Expr::Const(explicit)]
                    if is_builtin(catalog, call.function, "varchar")
                        && explicit.value.first() == Some(&0) =>
                {
                    value
                }
                _ => return None,
            },
            _ => return None,
        };
    }
}

fn is_builtin(catalog: &Catalog, function: Oid, name: &str) -> bool {
    catalog
        .functions
        .get(&function)
        .is_some_and(|found| found.builtin && found.name == name)
}

fn demands(catalog: &Catalog, (param, switch): Stored, column: (Oid, i16), found: &mut Vec<Held>) {
    let Some((relation, declared)) = catalog
        .relations
        .get(&column.0)
        .and_then(|relation| Some((relation, relation.column(column.1)?)))
    else {
        return;
    };
    let base = catalog.base_type(declared.type_oid);
    if ![INT2, INT4, INT8, TEXT, VARCHAR].contains(&base) {
        return;
    }
    let mut limit = length_limit(base, declared.type_mod);
    let mut held = Vec::new();
    // The domains, from the outermost to the one over the base type.
    let mut oid = declared.type_oid;
    while let Some(outer) = catalog.types.get(&oid)
        && let TypeKind::Domain(domain) = &outer.kind
    {
        limit = limit.or(length_limit(base, domain.type_mod));
        for check in &domain.checks {
            let comment = catalog
                .constraints
                .values()
                .find(|constraint| {
                    constraint.relation == 0
                        && constraint.name == check.name
                        && constraint.definition == check.definition
                })
                .and_then(|constraint| constraint.comment.clone());
            let is_value = |expr: &Expr| matches!(expr, Expr::CoerceToDomainValue { .. });
            if let Some(test) = translated(catalog, &check.condition, &is_value) {
                held.push(Demand {
                    schema: &outer.schema,
                    relation: &outer.name,
                    constraint: check.name.clone(),
                    message: message(comment.as_deref(), &check.definition),
                    test,
                });
            }
        }
        oid = domain.base;
    }
    for constraint in catalog.constraints.values() {
        let ConstraintKind::Check { columns } = &constraint.kind else {
            continue;
        };
        if constraint.relation != relation.oid || !constraint.enforced || *columns != [column.1] {
            continue;
        }
        let is_value = |expr: &Expr| {
            matches!(expr, Expr::Var(var)
                if var.rel == 1 && var.levels_up == 0 && var.column == column.1)
        };
        let condition = constraint.condition.as_deref().unwrap_or_default();
        if let Some(test) = translated(catalog, condition, &is_value) {
            held.push(Demand {
                schema: &relation.schema,
                relation: &relation.name,
                constraint: constraint.name.clone(),
                message: message(constraint.comment.as_deref(), &constraint.definition),
                test,
            });
        }
    }
    if let Some(most) = limit {
        // Blanks beyond the limit are cut off before anything is checked.
        for demand in &mut held {
            demand.test = Test::Cut(most, Box::new(demand.test.clone()));
        }
        held.push(Demand {
            schema: &relation.schema,
            relation: &relation.name,
            constraint: format!("varchar({most})"),
            message: format!("at most {most} characters"),
            test: Test::AtMost(most),
        });
    }
    found.extend(held.into_iter().map(|demand| Held {
        param,
        switch,
        schema: demand.schema.to_owned(),
        relation: demand.relation.to_owned(),
        constraint: demand.constraint,
        message: demand.message,
        test: demand.test,
    }));
}

struct Demand<'c> {
    schema: &'c str,
    relation: &'c str,
    constraint: String,
    message: String,
    test: Test,
}

/// The COMMENT, or else the condition: `must satisfy CHECK (…)`.
fn message(comment: Option<&str>, definition: &str) -> String {
    comment.map_or_else(|| format!("must satisfy {definition}"), str::to_owned)
}

/// `n` of `varchar(n)`.
fn length_limit(base: Oid, type_mod: i32) -> Option<u32> {
    let limit = u32::try_from(type_mod.checked_sub(4)?).ok()?;
    (base == VARCHAR && type_mod >= 4).then_some(limit)
}

fn translated(
    catalog: &Catalog,
    condition: &str,
    is_value: &dyn Fn(&Expr) -> bool,
) -> Option<Test> {
    let expr = lower::expression(condition).ok()?;
    Translator { catalog, is_value }.test(&expr)
}

struct Translator<'t> {
    catalog: &'t Catalog,
    is_value: &'t dyn Fn(&Expr) -> bool,
}

impl Translator<'_> {
    fn test(&self, expr: &Expr) -> Option<Test> {
        match expr {
            Expr::And(args, _) => Some(Test::All(self.tests(args)?)),
            Expr::Or(args, _) => Some(Test::Any(self.tests(args)?)),
            Expr::Not(arg, _) => Some(not(self.test(arg)?)),
            Expr::NullTest {
                arg,
                is_null,
                row: false,
                ..
            } if self.is_value(arg) => Some(match is_null {
                true => Test::IsNull,
                false => not(Test::IsNull),
            }),
            Expr::Op(operation) if !operation.returns_set => {
                let function = super::rows::operator_function(
                    self.catalog,
                    operation.operator,
                    operation.function,
                );
                let name = self.builtin(function)?;
                let [left, right] = operation.args.as_slice() else {
                    return None;
                };
                let (value, constant, turned) = match (left, right) {
                    (value, Expr::Const(constant)) => (value, constant, false),
                    (Expr::Const(constant), value) => (value, constant, true),
                    _ => return None,
                };
                if constant.is_null {
                    return None;
                }
                match name {
                    "texteq" | "textne"
                        if self.is_value(value) && self.is_bytewise(operation.collation) =>
                    {
                        let one = Test::OneOf(vec![text(constant)?]);
                        Some(if name == "texteq" { one } else { not(one) })
                    }
                    "textlike" | "textnlike"
                        if !turned
                            && self.is_value(value)
                            && self.is_bytewise(operation.collation) =>
                    {
                        let like = Test::Like(pattern(text(constant)?)?);
                        Some(if name == "textlike" { like } else { not(like) })
                    }
                    _ => {
                        let comparison = comparison(name)?;
                        let comparison = if turned {
                            mirrored(comparison)
                        } else {
                            comparison
                        };
                        let number = integer(constant)?;
                        if self.is_value(value) {
                            return Some(Test::Integer(comparison, number));
                        }
                        self.is_length(value)
                            .then_some(Test::Length(comparison, number))
                    }
                }
            }
            Expr::ScalarArray {
                operator,
                function,
                collation,
                any,
                args,
                ..
            } => {
                let function = super::rows::operator_function(self.catalog, *operator, *function);
                let name = self.builtin(function)?;
                let [value, list] = args.as_slice() else {
                    return None;
                };
                if !self.is_value(value) || !self.is_bytewise(*collation) {
                    return None;
                }
                let texts = Test::OneOf(texts(list)?);
                match (name, any) {
                    ("texteq", true) => Some(texts),
                    ("textne", false) => Some(not(texts)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn tests(&self, args: &[Expr]) -> Option<Vec<Test>> {
        args.iter().map(|arg| self.test(arg)).collect()
    }

    /// The value itself, as a text or an integer.
    fn is_value(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Relabel { arg, type_oid, .. }
                if [INT2, INT4, INT8, TEXT, VARCHAR].contains(type_oid) =>
            {
                self.is_value(arg)
            }
            _ => (self.is_value)(expr),
        }
    }

    fn is_length(&self, expr: &Expr) -> bool {
        let Expr::Func(call) = expr else {
            return false;
        };
        let known = self
            .catalog
            .functions
            .get(&call.function)
            .is_some_and(|found| {
                found.builtin
                    && ["length", "char_length", "character_length"].contains(&found.name.as_str())
                    && found.arguments == [TEXT]
            });
        known && matches!(call.args.as_slice(), [arg] if self.is_value(arg))
    }

    fn builtin(&self, function: Oid) -> Option<&str> {
        let found = self.catalog.functions.get(&function)?;
        found.builtin.then_some(found.name.as_str())
    }

    fn is_bytewise(&self, collation: Oid) -> bool {
        !self
            .catalog
            .nondeterministic_collations
            .contains(&collation)
    }
}

fn not(test: Test) -> Test {
    Test::Not(Box::new(test))
}

/// Of integers of whatever two sizes: `int4ge`, `int48lt`.
fn comparison(function: &str) -> Option<Comparison> {
    let rest = function.strip_prefix("int")?;
    let operator = rest.trim_start_matches(['2', '4', '8']);
    let sizes = rest.len() - operator.len();
    if !(1..=2).contains(&sizes) {
        return None;
    }
    Some(match operator {
        "lt" => Comparison::Less,
        "le" => Comparison::LessOrEqual,
        "eq" => Comparison::Equal,
        "ne" => Comparison::NotEqual,
        "ge" => Comparison::GreaterOrEqual,
        "gt" => Comparison::Greater,
        _ => return None,
    })
}

/// With the sides changed.
fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::Equal | Comparison::NotEqual => comparison,
    }
}

fn integer(constant: &Const) -> Option<i64> {
    let bytes = constant.value.as_slice();
    match constant.type_oid {
        INT2 => Some(i16::from_le_bytes(bytes.get(..2)?.try_into().ok()?).into()),
        INT4 => Some(i32::from_le_bytes(bytes.get(..4)?.try_into().ok()?).into()),
        INT8 => Some(i64::from_le_bytes(bytes.get(..8)?.try_into().ok()?)),
        _ => None,
    }
}

fn text(constant: &Const) -> Option<String> {
    let is_text = [TEXT, VARCHAR].contains(&constant.type_oid) && constant.length == -1;
    if !is_text || constant.is_null {
        return None;
    }
    String::from_utf8(constant.value.get(4..)?.to_vec()).ok()
}

/// `ARRAY['a', 'b']`, whatever its elements are called.
fn texts(list: &Expr) -> Option<Vec<String>> {
    match list {
        Expr::Relabel { arg, .. } => texts(arg),
        Expr::ArrayCoerce { arg, element, .. } if matches!(**element, Expr::Relabel { .. }) => {
            texts(arg)
        }
        Expr::Array {
            elements,
            multidims: false,
            ..
        } => elements
            .iter()
            .map(|element| {
                let mut element = element;
                while let Expr::Relabel { arg, .. } = element {
                    element = arg;
                }
                match element {
                    Expr::Const(constant) => text(constant),
                    _ => None,
                }
            })
            .collect(),
        _ => None,
    }
}

/// A pattern that ends in half an escape is an error of the server's, in some cases.
fn pattern(text: String) -> Option<String> {
    let escapes = text.len() - text.trim_end_matches('\\').len();
    escapes.is_multiple_of(2).then_some(text)
}
