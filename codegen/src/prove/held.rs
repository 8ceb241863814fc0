//! What the schema demands of parameters that are stored as they are, where it can be asked without the server: the lengths of
//! `varchar`, and CHECKs of columns and domains of forms that mean exactly the same elsewhere.
//!
//! What is not known here is left to the server. Translated are comparisons of numbers, dates, times and of a text's length with
//! constants, equality of texts and of the labels of enums (under collations in which equal means the same bytes), IN, LIKE and simple
//! regular expressions with a constant pattern, booleans, IS NULL, AND, OR and NOT. Text of other types (`char(n)`, `citext`), times
//! that are rounded when they are stored and comparisons of columns with each other are not.

use crate::catalog::oid::{
    BOOL, DATE, FLOAT4, FLOAT8, INT2, INT4, INT8, NUMERIC, TEXT, TIME, TIMESTAMP, TIMESTAMPTZ,
    VARCHAR,
};
use crate::catalog::{Catalog, Column, ConstraintKind, Oid, Relation, RelationKind, TypeKind};
use crate::describe::lower;
use crate::describe::tree::{BooleanTest, Command, Expr, Query, RteKind, Target};
use crate::facts::Held;
use crate::model::{Comparison, Test};

use super::regex::{self, Case};
use super::{Input, walk};

/// The collations `C` and `POSIX`, the same on every server.
const C_COLLATIONS: [Oid; 2] = [950, 951];

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

/// A parameter that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Stored {
    param: usize,
    /// The one that says whether it is stored at all.
    switch: Option<usize>,
    /// Of a `numeric` that is rounded on its way, the type modifier that it is rounded by.
    rounded: Option<i32>,
}

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
    let mut rounded = None;
    loop {
        expr = match expr {
            Expr::Param(param) => {
                return Some(Stored {
                    param: param.number,
                    switch,
                    rounded,
                });
            }
            // A patch.
            Expr::Case(case) if switch.is_none() && case.arg.is_none() => {
                match (case.whens.as_slice(), case.default.as_ref().map(relabeled)) {
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
                // Rounded twice is not rounded once.
                [value, Expr::Const(places)]
                    if rounded.is_none() && is_builtin(catalog, call.function, "numeric") =>
                {
                    let places = places.value.get(..4)?.try_into().ok()?;
                    rounded = Some(i32::from_le_bytes(places));
                    value
                }
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

/// Of a column of a domain a CASE has what the domain is over.
fn relabeled(expr: &Expr) -> &Expr {
    match expr {
        Expr::Relabel { arg, .. } => relabeled(arg),
        other => other,
    }
}

fn is_builtin(catalog: &Catalog, function: Oid, name: &str) -> bool {
    catalog
        .functions
        .get(&function)
        .is_some_and(|found| found.builtin && found.name == name)
}

fn demands(catalog: &Catalog, stored: Stored, column: (Oid, i16), found: &mut Vec<Held>) {
    let Some((relation, declared)) = catalog
        .relations
        .get(&column.0)
        .and_then(|relation| Some((relation, relation.column(column.1)?)))
    else {
        return;
    };
    let base = catalog.base_type(declared.type_oid);
    let known = [
        BOOL,
        INT2,
        INT4,
        INT8,
        FLOAT4,
        FLOAT8,
        NUMERIC,
        TEXT,
        VARCHAR,
        DATE,
        TIME,
        TIMESTAMP,
        TIMESTAMPTZ,
    ];
    if !known.contains(&base) && !is_enum(catalog, base) {
        return;
    }
    let Some(places) = rounding(catalog, base, declared, stored.rounded) else {
        return;
    };
    let translated = |condition: &str, is_value: &dyn Fn(&Expr) -> bool| {
        let expr = lower::expression(condition).ok()?;
        let translator = Translator {
            catalog,
            base,
            places,
            is_value,
        };
        translator.test(&expr)
    };
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
            if let Some(test) = translated(&check.condition, &is_value) {
                held.push(Demand {
                    schema: &outer.schema,
                    relation: &outer.name,
                    constraint: check.name.clone(),
                    message: message(comment.as_deref(), &check.definition),
                    definition: Some(check.definition.clone()),
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
        if let Some(test) = translated(condition, &is_value) {
            held.push(Demand {
                schema: &relation.schema,
                relation: &relation.name,
                constraint: constraint.name.clone(),
                message: message(constraint.comment.as_deref(), &constraint.definition),
                definition: Some(constraint.definition.clone()),
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
            definition: None,
            test: Test::AtMost(most),
        });
    }
    // A domain's own length never changes.
    let own = match base {
        VARCHAR => {
            length_limit(base, declared.type_mod).map(|most| format!("character varying({most})"))
        }
        NUMERIC if declared.type_mod >= 4 => {
            places.map(|places| format!("numeric({},{places})", (declared.type_mod - 4) >> 16))
        }
        _ => None,
    };
    let own = own.map(|own| (declared.name.clone(), own));
    found.extend(held.into_iter().map(|demand| Held {
        param: stored.param,
        switch: stored.switch,
        schema: demand.schema.to_owned(),
        relation: demand.relation.to_owned(),
        constraint: demand.constraint,
        message: demand.message,
        test: demand.test,
        definition: demand.definition,
        declared: own.clone(),
    }));
}

struct Demand<'c> {
    schema: &'c str,
    relation: &'c str,
    constraint: String,
    message: String,
    definition: Option<String>,
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

fn is_enum(catalog: &Catalog, oid: Oid) -> bool {
    let found = catalog.types.get(&oid);
    found.is_some_and(|found| matches!(found.kind, TypeKind::Enum(_)))
}

/// To how many places behind the point a `numeric` is rounded when it is stored, if it is. `None` where values are rounded in ways
/// that are not known here, or by something else than the column.
#[expect(clippy::option_option, reason = "rounded or not, known or not")]
fn rounding(
    catalog: &Catalog,
    base: Oid,
    declared: &Column,
    rounded: Option<i32>,
) -> Option<Option<u16>> {
    let mut type_mod = declared.type_mod;
    let mut oid = declared.type_oid;
    while let Some(found) = catalog.types.get(&oid)
        && let TypeKind::Domain(domain) = &found.kind
    {
        if type_mod < 0 {
            type_mod = domain.type_mod;
        }
        oid = domain.base;
    }
    if rounded.is_some_and(|rounded| rounded != type_mod) {
        return None;
    }
    match base {
        _ if type_mod < 0 => Some(None),
        // Some versions round to the left of the point, too.
        NUMERIC => {
            let places = u16::try_from((type_mod - 4) & 0x7ff).ok()?;
            (places <= 1000).then_some(Some(places))
        }
        TIME | TIMESTAMP | TIMESTAMPTZ => None,
        _ => Some(None),
    }
}

struct Translator<'t> {
    catalog: &'t Catalog,
    /// The column's type, below its domains.
    base: Oid,
    /// To how many places behind the point it is rounded.
    places: Option<u16>,
    is_value: &'t dyn Fn(&Expr) -> bool,
}

/// What of the value is looked at.
#[derive(Clone, Copy)]
enum View {
    Whole,
    /// Without blanks at both ends.
    Trimmed,
}

impl View {
    fn of(self, test: Test) -> Test {
        match self {
            Self::Whole => test,
            Self::Trimmed => Test::Trimmed(Box::new(test)),
        }
    }
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
            Expr::BooleanTest { arg, kind, .. } if self.is_boolean(arg) => {
                let is = |test: Test| Test::All(vec![not(Test::IsNull), test]);
                Some(match kind {
                    BooleanTest::IsTrue => is(Test::IsTrue),
                    BooleanTest::IsNotTrue => not(is(Test::IsTrue)),
                    BooleanTest::IsFalse => is(not(Test::IsTrue)),
                    BooleanTest::IsNotFalse => not(is(not(Test::IsTrue))),
                    BooleanTest::IsUnknown => Test::IsNull,
                    BooleanTest::IsNotUnknown => not(Test::IsNull),
                })
            }
            Expr::Op(operation) if !operation.returns_set => {
                let name = self.operator(operation.operator, operation.function)?;
                let [left, right] = operation.args.as_slice() else {
                    return None;
                };
                self.compared(name, left, right, operation.collation)
                    .or_else(|| {
                        let (name, turned) = turned(name)?;
                        self.compared(&format!("{name}{turned}"), right, left, operation.collation)
                    })
            }
            Expr::ScalarArray {
                operator,
                function,
                collation,
                any,
                args,
                ..
            } => {
                let name = self.operator(*operator, *function)?;
                let [value, list] = args.as_slice() else {
                    return None;
                };
                let tests = elements(list)?
                    .iter()
                    .map(|element| self.compared(name, value, element, *collation))
                    .collect::<Option<Vec<Test>>>()?;
                match (tests.is_empty(), any) {
                    (true, _) => None,
                    (false, true) => Some(any_of(tests)),
                    (false, false) => Some(all_of(tests)),
                }
            }
            _ if self.is_boolean(expr) => Some(Test::IsTrue),
            _ => None,
        }
    }

    fn tests(&self, args: &[Expr]) -> Option<Vec<Test>> {
        args.iter().map(|arg| self.test(arg)).collect()
    }

    /// The value, compared by an operator's function with a constant on the right.
    fn compared(&self, function: &str, value: &Expr, other: &Expr, collation: Oid) -> Option<Test> {
        if let Some(length) = self.length(value) {
            let comparison = comparison(function, &["int4", "int48", "int42"])?;
            return Some(length.of(Test::Length(comparison, integer(self.catalog, other)?)));
        }
        let view = self.view(value)?;
        if [TEXT, VARCHAR].contains(&self.base) {
            if !self.is_bytewise(collation) {
                return None;
            }
            let constant = text(other)?;
            let case = match C_COLLATIONS.contains(&collation) {
                true => Case::InsensitiveInC,
                false => Case::Insensitive,
            };
            let (test, positive) = match function {
                "texteq" => (Test::OneOf(vec![constant]), true),
                "textne" => (Test::OneOf(vec![constant]), false),
                "textlike" => (Test::Like(pattern(constant)?), true),
                "textnlike" => (Test::Like(pattern(constant)?), false),
                "textregexeq" => (matches(&constant, Case::Sensitive)?, true),
                "textregexne" => (matches(&constant, Case::Sensitive)?, false),
                "texticregexeq" => (matches(&constant, case)?, true),
                "texticregexne" => (matches(&constant, case)?, false),
                _ => return None,
            };
            let test = view.of(test);
            return Some(if positive { test } else { not(test) });
        }
        if is_enum(self.catalog, self.base) {
            let comparison = comparison(function, &["enum_"])?;
            let label = Test::OneOf(vec![self.label(other)?]);
            return match comparison {
                Comparison::Equal => Some(label),
                Comparison::NotEqual => Some(not(label)),
                _ => None,
            };
        }
        match self.base {
            BOOL => {
                let test = match constant(other, BOOL)?.first()? {
                    0 => not(Test::IsTrue),
                    _ => Test::IsTrue,
                };
                match comparison(function, &["bool"])? {
                    Comparison::Equal => Some(test),
                    Comparison::NotEqual => Some(not(test)),
                    _ => None,
                }
            }
            INT2 | INT4 | INT8 => {
                let sizes = [
                    "int2", "int4", "int8", "int24", "int42", "int28", "int82", "int48", "int84",
                ];
                let comparison = comparison(function, &sizes)?;
                Some(Test::Integer(comparison, integer(self.catalog, other)?))
            }
            DATE | TIME | TIMESTAMP | TIMESTAMPTZ => {
                let prefix = match self.base {
                    DATE => "date_",
                    TIME => "time_",
                    TIMESTAMP => "timestamp_",
                    _ => "timestamptz_",
                };
                let comparison = comparison(function, &[prefix])?;
                let value = constant(other, self.base)?;
                let moment = match self.base {
                    DATE => i32::from_le_bytes(value.get(..4)?.try_into().ok()?).into(),
                    _ => i64::from_le_bytes(value.get(..8)?.try_into().ok()?),
                };
                Some(Test::Integer(comparison, moment))
            }
            NUMERIC => {
                let comparison = comparison(function, &["numeric_"])?;
                let other = numeric(self.catalog, other)?;
                Some(Test::Numeric(comparison, other, self.places))
            }
            FLOAT4 | FLOAT8 => {
                let comparison = comparison(function, &["float4", "float48", "float8"])?;
                let other = float(self.catalog, other)?;
                Some(Test::Float(comparison, spelled(other)))
            }
            _ => None,
        }
    }

    /// The value itself, in its own type or as a text.
    fn is_value(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Relabel { arg, type_oid, .. } if [TEXT, VARCHAR].contains(type_oid) => {
                [TEXT, VARCHAR].contains(&self.base) && self.is_value(arg)
            }
            // A domain as what it is over.
            Expr::Relabel { arg, type_oid, .. } if *type_oid == self.base => self.is_value(arg),
            _ => (self.is_value)(expr),
        }
    }

    fn is_boolean(&self, expr: &Expr) -> bool {
        self.base == BOOL && self.is_value(expr)
    }

    fn view(&self, expr: &Expr) -> Option<View> {
        if self.is_value(expr) {
            return Some(View::Whole);
        }
        let arg = self.call(expr, &["btrim"])?;
        self.is_value(arg).then_some(View::Trimmed)
    }

    /// What the length is of.
    fn length(&self, expr: &Expr) -> Option<View> {
        let arg = self.call(expr, &["length", "char_length", "character_length"])?;
        self.view(arg)
    }

    /// The argument of a built-in function of one text.
    fn call<'e>(&self, expr: &'e Expr, names: &[&str]) -> Option<&'e Expr> {
        let Expr::Func(call) = expr else {
            return None;
        };
        let found = self.catalog.functions.get(&call.function)?;
        let known =
            found.builtin && names.contains(&found.name.as_str()) && found.arguments == [TEXT];
        match call.args.as_slice() {
            [arg] if known => Some(arg),
            _ => None,
        }
    }

    /// The name of a built-in operator's function.
    fn operator(&self, operator: Oid, function: Oid) -> Option<&str> {
        let function = super::rows::operator_function(self.catalog, operator, function);
        let found = self.catalog.functions.get(&function)?;
        found.builtin.then_some(found.name.as_str())
    }

    fn label(&self, expr: &Expr) -> Option<String> {
        let value = constant(expr, self.base)?;
        let oid = Oid::from_le_bytes(value.get(..4)?.try_into().ok()?);
        self.catalog.labels.get(&oid).cloned()
    }

    fn is_bytewise(&self, collation: Oid) -> bool {
        !self
            .catalog
            .nondeterministic_collations
            .contains(&collation)
    }
}

/// Of equalities of texts, one of them all.
fn any_of(tests: Vec<Test>) -> Test {
    let mut all = Vec::new();
    for test in &tests {
        match test {
            Test::OneOf(texts) => all.extend(texts.iter().cloned()),
            _ => return Test::Any(tests),
        }
    }
    Test::OneOf(all)
}

fn all_of(tests: Vec<Test>) -> Test {
    let mut all = Vec::new();
    for test in &tests {
        match test {
            Test::Not(inner) => match &**inner {
                Test::OneOf(texts) => all.extend(texts.iter().cloned()),
                _ => return Test::All(tests),
            },
            _ => return Test::All(tests),
        }
    }
    not(Test::OneOf(all))
}

fn not(test: Test) -> Test {
    Test::Not(Box::new(test))
}

fn matches(pattern: &str, case: Case) -> Option<Test> {
    let regex = regex::read(pattern, case)?;
    let test = Test::Matches(regex.pattern);
    Some(match regex.ascii {
        true => Test::Ascii(Box::new(test)),
        false => test,
    })
}

const COMPARISONS: [(&str, Comparison); 6] = [
    ("lt", Comparison::Less),
    ("le", Comparison::LessOrEqual),
    ("eq", Comparison::Equal),
    ("ne", Comparison::NotEqual),
    ("ge", Comparison::GreaterOrEqual),
    ("gt", Comparison::Greater),
];

/// `int4ge` and `int48ge` are the same comparison of types that their names begin with.
fn comparison(function: &str, types: &[&str]) -> Option<Comparison> {
    let operator = types.iter().find_map(|ty| {
        let operator = function.strip_prefix(ty)?;
        COMPARISONS.iter().find(|(name, _)| *name == operator)
    })?;
    Some(operator.1)
}

/// The name of the function that says the same with the sides changed: its types, and its comparison.
fn turned(function: &str) -> Option<(String, &'static str)> {
    let types = function.get(..function.len().checked_sub(2)?)?;
    let turned = match function.get(types.len()..)? {
        "lt" => "gt",
        "le" => "ge",
        "ge" => "le",
        "gt" => "lt",
        "eq" => "eq",
        "ne" => "ne",
        _ => return None,
    };
    let types = match types {
        "int24" => "int42",
        "int42" => "int24",
        "int28" => "int82",
        "int82" => "int28",
        "int48" => "int84",
        "int84" => "int48",
        "float48" => "float84",
        "float84" => "float48",
        same => same,
    };
    Some((types.to_owned(), turned))
}

/// The bytes of a constant of a type.
fn constant(expr: &Expr, ty: Oid) -> Option<&[u8]> {
    match expr {
        Expr::Const(constant) if constant.type_oid == ty && !constant.is_null => {
            Some(&constant.value)
        }
        _ => None,
    }
}

/// The argument of a cast by a built-in function: `(0)::numeric`.
fn cast<'e>(catalog: &Catalog, expr: &'e Expr, names: &[&str]) -> Option<&'e Expr> {
    match expr {
        Expr::Func(call)
            if names
                .iter()
                .any(|name| is_builtin(catalog, call.function, name)) =>
        {
            match call.args.as_slice() {
                [arg] => Some(arg),
                _ => None,
            }
        }
        _ => None,
    }
}

fn integer(catalog: &Catalog, expr: &Expr) -> Option<i64> {
    if let Some(arg) = cast(catalog, expr, &["int8"]) {
        return integer(catalog, arg);
    }
    let Expr::Const(constant) = expr else {
        return None;
    };
    if constant.is_null {
        return None;
    }
    let bytes = constant.value.as_slice();
    match constant.type_oid {
        INT2 => Some(i16::from_le_bytes(bytes.get(..2)?.try_into().ok()?).into()),
        INT4 => Some(i32::from_le_bytes(bytes.get(..4)?.try_into().ok()?).into()),
        INT8 => Some(i64::from_le_bytes(bytes.get(..8)?.try_into().ok()?)),
        _ => None,
    }
}

fn float(catalog: &Catalog, expr: &Expr) -> Option<f64> {
    if let Some(arg) = cast(catalog, expr, &["float4"]) {
        let text = decimal(catalog, arg)?;
        let single: f32 = text.parse().ok()?;
        return single.is_finite().then(|| single.into());
    }
    if let Some(arg) = cast(catalog, expr, &["float8"]) {
        let number: f64 = decimal(catalog, arg)?.parse().ok()?;
        return number.is_finite().then_some(number);
    }
    if let Some(value) = constant(expr, FLOAT4) {
        return Some(f32::from_le_bytes(value.get(..4)?.try_into().ok()?).into());
    }
    let value = constant(expr, FLOAT8)?;
    Some(f64::from_le_bytes(value.get(..8)?.try_into().ok()?))
}

/// As Rust has it.
fn spelled(number: f64) -> String {
    if number.is_nan() {
        "f64::NAN".to_owned()
    } else if number == f64::INFINITY {
        "f64::INFINITY".to_owned()
    } else if number == f64::NEG_INFINITY {
        "f64::NEG_INFINITY".to_owned()
    } else {
        format!("{number:?}")
    }
}

fn numeric(catalog: &Catalog, expr: &Expr) -> Option<String> {
    match cast(catalog, expr, &["numeric"]) {
        Some(arg) => Some(integer(catalog, arg)?.to_string()),
        None => stored_numeric(constant(expr, NUMERIC)?),
    }
}

/// A finite number, an integer or a `numeric`.
fn decimal(catalog: &Catalog, expr: &Expr) -> Option<String> {
    let text = match integer(catalog, expr) {
        Some(integer) => integer.to_string(),
        None => stored_numeric(constant(expr, NUMERIC)?)?,
    };
    text.ends_with(|last: char| last.is_ascii_digit())
        .then_some(text)
}

/// As it is stored, behind the length: `NumericChoice` of PostgreSQL's `numeric.c`.
fn stored_numeric(value: &[u8]) -> Option<String> {
    let mut words = value
        .get(4..)?
        .chunks_exact(2)
        .map(|word| word.try_into().map(u16::from_le_bytes).unwrap_or_default());
    let head = words.next()?;
    match head {
        0xC000 => return Some("NaN".to_owned()),
        0xD000 => return Some("Infinity".to_owned()),
        0xF000 => return Some("-Infinity".to_owned()),
        _ => {}
    }
    let (negative, scale, weight) = if head & 0x8000 != 0 {
        // Seven bits, the first of them the sign.
        let weight = i32::from(head & 0x3F) - i32::from(head & 0x40);
        (
            head & 0x2000 != 0,
            usize::from((head & 0x1F80) >> 7),
            weight,
        )
    } else {
        let weight = i32::from(words.next()?.cast_signed());
        (head & 0x4000 != 0, usize::from(head & 0x3FFF), weight)
    };
    let groups: Vec<u16> = words.collect();
    let group = |power: i32| {
        let place = usize::try_from(weight - power).ok();
        place
            .and_then(|place| groups.get(place))
            .copied()
            .unwrap_or_default()
    };
    let mut text = String::from(if negative { "-" } else { "" });
    let whole: String = (0..=weight.max(0))
        .rev()
        .map(|power| format!("{:04}", group(power)))
        .collect();
    let digits = whole.trim_start_matches('0');
    text.push_str(if digits.is_empty() { "0" } else { digits });
    if scale > 0 {
        let mut fraction = String::new();
        let mut power = -1;
        while fraction.len() < scale {
            fraction.push_str(&format!("{:04}", group(power)));
            power -= 1;
        }
        fraction.truncate(scale);
        text.push('.');
        text.push_str(&fraction);
    }
    Some(text)
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Relabel { arg, type_oid, .. } if [TEXT, VARCHAR].contains(type_oid) => text(arg),
        Expr::Const(constant) => {
            let is_text = [TEXT, VARCHAR].contains(&constant.type_oid) && constant.length == -1;
            if !is_text || constant.is_null {
                return None;
            }
            String::from_utf8(constant.value.get(4..)?.to_vec()).ok()
        }
        _ => None,
    }
}

/// `ARRAY['a', 'b']`, whatever its elements are called.
fn elements(list: &Expr) -> Option<&[Expr]> {
    match list {
        Expr::Relabel { arg, .. } => elements(arg),
        Expr::ArrayCoerce { arg, element, .. } if matches!(**element, Expr::Relabel { .. }) => {
            elements(arg)
        }
        Expr::Array {
            elements,
            multidims: false,
            ..
        } => Some(elements),
        _ => None,
    }
}

/// A pattern that ends in half an escape is an error of the server's, in some cases.
fn pattern(text: String) -> Option<String> {
    let escapes = text.len() - text.trim_end_matches('\\').len();
    escapes.is_multiple_of(2).then_some(text)
}
