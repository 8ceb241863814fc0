//! What follows for NULL when a condition holds: the columns, parameters and expressions that it rejects NULL in.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Prover;
use super::same::Same;
use super::scope::Scope;
use crate::describe::tree::{
    BooleanTest, Case, Const, Expr, Operation, Query, RteKind, SubLinkKind, Var, VarReturning,
};

/// A column of the query `levels_up` above: its range table index and its number. In RETURNING the old row and the new
/// one have the same, and what is known of one says nothing of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct VarKey {
    pub(super) levels_up: usize,
    pub(super) rel: usize,
    pub(super) column: i16,
    pub(super) returning: VarReturning,
}

impl VarKey {
    pub(super) fn of(var: &Var) -> Self {
        Self {
            levels_up: var.levels_up,
            rel: var.rel,
            column: var.column,
            returning: var.returning,
        }
    }

    /// As WHERE and the joins of its own query speak of it, which know no old row and no new one.
    pub(super) fn in_from(var: &Var) -> Self {
        Self {
            levels_up: 0,
            returning: VarReturning::Default,
            ..Self::of(var)
        }
    }
}

/// Something that is not NULL.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fact<'f> {
    Var(VarKey),
    Param(usize),
    Expr(&'f Expr),
}

/// What follows from a condition.
#[derive(Debug, Clone)]
pub(super) enum Implied<'f> {
    /// The condition cannot hold, so that everything follows.
    Impossible,
    Facts(Vec<Fact<'f>>),
}

impl<'f> Implied<'f> {
    fn nothing() -> Self {
        Self::Facts(Vec::new())
    }

    fn both(self, other: Self) -> Self {
        match (self, other) {
            (Self::Facts(mut left), Self::Facts(right)) => {
                left.extend(right);
                Self::Facts(left)
            }
            _ => Self::Impossible,
        }
    }
}

/// Facts with the reason that each holds for.
#[derive(Debug, Clone, Default)]
pub(super) struct Known<'f> {
    vars: BTreeMap<VarKey, Rc<str>>,
    params: BTreeMap<usize, Rc<str>>,
    exprs: Vec<(&'f Expr, Rc<str>)>,
}

impl<'f> Known<'f> {
    pub(super) fn add(&mut self, fact: Fact<'f>, why: &Rc<str>) {
        match fact {
            Fact::Var(key) => {
                self.vars.entry(key).or_insert_with(|| why.clone());
            }
            Fact::Param(number) => {
                self.params.entry(number).or_insert_with(|| why.clone());
            }
            Fact::Expr(expr) => self.exprs.push((expr, why.clone())),
        }
    }

    pub(super) fn learn(&mut self, facts: Vec<Fact<'f>>, why: &Rc<str>) {
        for fact in facts {
            self.add(fact, why);
        }
    }

    pub(super) fn var(&self, key: VarKey) -> Option<&Rc<str>> {
        self.vars.get(&key)
    }

    /// The FROM items of the query itself whose row is there.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> {
        let ours = |key: &&VarKey| key.levels_up == 0 && key.column == 0;
        self.vars.keys().filter(ours).map(|key| key.rel)
    }

    pub(super) fn param(&self, number: usize) -> Option<&Rc<str>> {
        self.params.get(&number)
    }

    pub(super) fn expr(&self, prover: &Prover<'_>, expr: &Expr) -> Option<&Rc<str>> {
        self.exprs
            .iter()
            .find(|(known, _)| prover.same(known, expr) == Same::Yes)
            .map(|(_, why)| why)
    }
}

/// What is supposed of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    True,
    False,
    /// False or NULL.
    NotTrue,
    /// True or NULL.
    NotFalse,
    NotNull,
}

impl Outcome {
    /// Of a condition that is never NULL.
    fn without_null(self) -> Self {
        match self {
            Self::NotTrue => Self::False,
            Self::NotFalse => Self::True,
            Self::True | Self::False | Self::NotNull => self,
        }
    }
}

impl<'p> Prover<'p> {
    /// What follows when `expr`, an expression of `query`, has this outcome. `case` is what a simple CASE around it
    /// compares.
    pub(super) fn implied<'f>(
        &self,
        query: &'f Query,
        expr: &'f Expr,
        outcome: Outcome,
        case: Option<&'f Expr>,
    ) -> Implied<'f> {
        use Outcome::{False, NotFalse, NotNull, NotTrue, True};
        let go = |arg: &'f Expr, outcome: Outcome| self.implied(query, arg, outcome, case);
        match expr {
            Expr::Const(constant) => constant_implies(constant, outcome),
            Expr::And(args, _) => match outcome {
                True => self.all(args, |arg| go(arg, True)),
                NotFalse => self.all(args, |arg| go(arg, NotFalse)),
                False => self.any(args, |arg| go(arg, False)),
                NotTrue => self.any(args, |arg| go(arg, NotTrue)),
                NotNull => {
                    let is_false = self.any(args, |arg| go(arg, False));
                    self.either(is_false, self.all(args, |arg| go(arg, True)))
                }
            },
            Expr::Or(args, _) => match outcome {
                // Either arm may be the one that is true.
                True if !self.holds("or-either-arm") => self.all(args, |arg| go(arg, True)),
                True => self.any(args, |arg| go(arg, True)),
                NotFalse => self.any(args, |arg| go(arg, NotFalse)),
                False => self.all(args, |arg| go(arg, False)),
                NotTrue => self.all(args, |arg| go(arg, NotTrue)),
                NotNull => {
                    let is_true = self.any(args, |arg| go(arg, True));
                    self.either(is_true, self.all(args, |arg| go(arg, False)))
                }
            },
            Expr::Not(arg, _) => go(
                arg,
                match outcome {
                    True if !self.holds("not-turns-round") => True,
                    True => False,
                    False => True,
                    NotTrue => NotFalse,
                    NotFalse => NotTrue,
                    NotNull => NotNull,
                },
            ),
            Expr::NullTest { arg, is_null, .. } => match (is_null, outcome.without_null()) {
                (true, False) | (false, True) => go(arg, NotNull),
                (false, False) if !self.holds("null-test-sense") => go(arg, NotNull),
                (true, True) if !self.holds("null-test-sense") => go(arg, NotNull),
                _ => Implied::nothing(),
            },
            Expr::BooleanTest { arg, kind, .. } => match (kind, outcome.without_null()) {
                (BooleanTest::IsTrue, True) | (BooleanTest::IsNotTrue, False) => go(arg, True),
                (BooleanTest::IsTrue, False) | (BooleanTest::IsNotTrue, True) => {
                    if self.holds("is-not-true-admits-null") {
                        go(arg, NotTrue)
                    } else {
                        go(arg, False)
                    }
                }
                (BooleanTest::IsFalse, True) | (BooleanTest::IsNotFalse, False) => go(arg, False),
                (BooleanTest::IsFalse, False) | (BooleanTest::IsNotFalse, True) => {
                    go(arg, NotFalse)
                }
                (BooleanTest::IsUnknown, False) | (BooleanTest::IsNotUnknown, True) => {
                    go(arg, NotNull)
                }
                _ => Implied::nothing(),
            },
            Expr::Distinct(operation) => match outcome.without_null() {
                // Not distinct from what is not NULL is not NULL.
                False => self.not_distinct(query, operation, case),
                _ if !self.holds("distinct-takes-null") => {
                    self.all(&operation.args, |arg| self.not_null(query, arg, case))
                }
                _ => Implied::nothing(),
            },
            Expr::ScalarArray {
                operator,
                function,
                any,
                args,
                ..
            } => {
                let (Some(left), Some(array), true) = (
                    args.first(),
                    args.get(1),
                    matches!(outcome, True | False | NotNull),
                ) else {
                    return Implied::nothing();
                };
                let mut facts = self.not_null(query, array, case);
                // Over an empty array ANY is false and ALL is true, whatever stands on the left.
                let compared = (*any && outcome == True)
                    || (!*any && outcome == False)
                    || has_elements(array)
                    || !self.holds("all-of-empty-array");
                if compared && self.is_strict(self.operator_function(*operator, *function)) {
                    facts = facts.both(self.not_null(query, left, case));
                }
                facts
            }
            Expr::SubLink(link) => match (link.kind, outcome, &link.test) {
                (SubLinkKind::Any, True, Some(test)) => {
                    go(test, True).both(self.a_row_of(&link.query))
                }
                (SubLinkKind::Exists, True, _) => self.a_row_of(&link.query),
                // True over no rows.
                (SubLinkKind::All, True, Some(test)) if !self.holds("all-of-no-rows") => {
                    go(test, True)
                }
                (SubLinkKind::All, False, Some(test)) => go(test, False),
                _ => Implied::nothing(),
            },
            Expr::RowCompare {
                operators,
                left,
                right,
                ..
            } => {
                let strict = operators
                    .first()
                    .is_some_and(|&operator| self.is_builtin_strict(operator));
                match (left.first(), right.first(), outcome) {
                    // The first pair is always compared, the others only where it is equal.
                    (Some(left), Some(right), True | False | NotNull) if strict => self
                        .not_null(query, left, case)
                        .both(self.not_null(query, right, case)),
                    _ => Implied::nothing(),
                }
            }
            Expr::Coalesce { args, .. } => match outcome {
                True | False => self.any(args, |arg| go(arg, outcome)),
                NotNull => self.any(args, |arg| self.not_null(query, arg, case)),
                NotTrue | NotFalse => Implied::nothing(),
            },
            Expr::Case(inner) => self.case_implies(query, inner, outcome, case),
            _ => match outcome {
                True | False | NotNull => self.not_null(query, expr, case),
                NotTrue | NotFalse => Implied::nothing(),
            },
        }
    }

    /// What a row of this subquery says of the query around it.
    fn a_row_of<'f>(&self, query: &Query) -> Implied<'f> {
        let scope = Scope::new(self, query, None);
        if query.set_operation.is_some()
            || (scope.grouping.may_be_empty && self.holds("empty-group-knows-nothing"))
        {
            return Implied::nothing();
        }
        let outer = scope.rows.vars.keys().filter_map(|key| {
            let levels_up = key.levels_up.checked_sub(1)?;
            Some(Fact::Var(VarKey { levels_up, ..*key }))
        });
        let params = scope.rows.params.keys().map(|&number| Fact::Param(number));
        Implied::Facts(outer.chain(params).collect())
    }

    /// What follows when `expr` is not NULL.
    fn not_null<'f>(
        &self,
        query: &'f Query,
        expr: &'f Expr,
        case: Option<&'f Expr>,
    ) -> Implied<'f> {
        let go = |arg: &'f Expr| self.not_null(query, arg, case);
        let itself = || Implied::Facts(vec![Fact::Expr(expr)]);
        match expr {
            Expr::Var(var) => {
                // Where a column is not NULL its row is there.
                let key = VarKey::of(var);
                let row = VarKey { column: 0, ..key };
                let fact = Implied::Facts(vec![Fact::Var(key), Fact::Var(row)]);
                match self.join_alias(query, var) {
                    Some(column) => fact.both(go(column)),
                    None => fact,
                }
            }
            Expr::Param(param) => Implied::Facts(vec![Fact::Param(param.number)]),
            Expr::Op(operation) => {
                let function = self.operator_function(operation.operator, operation.function);
                self.call_not_null(expr, &operation.args, function, operation.returns_set, go)
            }
            Expr::Func(call) => {
                self.call_not_null(expr, &call.args, call.function, call.returns_set, go)
            }
            Expr::NullIf(operation) => match operation.args.first() {
                Some(arg) => itself().both(go(arg)),
                None => itself(),
            },
            Expr::Relabel { arg, .. }
            | Expr::ArrayCoerce { arg, .. }
            | Expr::ConvertRowtype { arg, .. }
            | Expr::CoerceToDomain { arg, .. }
            | Expr::Collate { arg, .. }
            | Expr::NamedArg { arg, .. } => go(arg),
            // A user's own type may have an input function that makes something of NULL.
            Expr::CoerceViaIo { arg, type_oid, .. } if self.has_strict_input(*type_oid) => {
                itself().both(go(arg))
            }
            Expr::Subscript(subscript)
                if subscript.assignment.is_none()
                    && self.has_strict_subscript(subscript.container_type) =>
            {
                let bounds = subscript
                    .upper
                    .iter()
                    .chain(&subscript.lower)
                    .flatten()
                    .map(go);
                bounds.fold(itself().both(go(&subscript.container)), Implied::both)
            }
            Expr::FieldSelect { arg, .. } => itself().both(go(arg)),
            Expr::Aggregate(_) => itself(),
            Expr::CaseTest { .. } => match case {
                Some(arg) => self.not_null(query, arg, None),
                None => Implied::nothing(),
            },
            Expr::Coalesce { args, .. } | Expr::MinMax { args, .. } => {
                itself().both(self.any(args, go))
            }
            Expr::Case(inner) => self.case_implies(query, inner, Outcome::NotNull, case),
            Expr::Const(constant) if constant.is_null => Implied::Impossible,
            Expr::And(..)
            | Expr::Or(..)
            | Expr::Not(..)
            | Expr::ScalarArray { .. }
            | Expr::RowCompare { .. } => self.implied(query, expr, Outcome::NotNull, case),
            _ => Implied::nothing(),
        }
    }

    fn call_not_null<'f>(
        &self,
        expr: &'f Expr,
        args: &'f [Expr],
        function: crate::catalog::Oid,
        returns_set: bool,
        go: impl Fn(&'f Expr) -> Implied<'f>,
    ) -> Implied<'f> {
        if returns_set {
            return Implied::nothing();
        }
        let itself = Implied::Facts(vec![Fact::Expr(expr)]);
        if self.is_strict(function) || !self.holds("strict-only") {
            args.iter().map(go).fold(itself, Implied::both)
        } else {
            itself
        }
    }

    /// `a IS NOT DISTINCT FROM b` where one of the two is a constant.
    fn not_distinct<'f>(
        &self,
        query: &'f Query,
        operation: &'f Operation,
        case: Option<&'f Expr>,
    ) -> Implied<'f> {
        let is_value = |expr: &Expr| matches!(expr, Expr::Const(constant) if !constant.is_null);
        match operation.args.as_slice() {
            [left, right] if is_value(right) || !self.holds("distinct-takes-null") => {
                self.not_null(query, left, case)
            }
            [left, right] if is_value(left) => self.not_null(query, right, case),
            _ => Implied::nothing(),
        }
    }

    fn case_implies<'f>(
        &self,
        query: &'f Query,
        case: &'f Case,
        outcome: Outcome,
        around: Option<&'f Expr>,
    ) -> Implied<'f> {
        if matches!(outcome, Outcome::NotTrue | Outcome::NotFalse) {
            return Implied::nothing();
        }
        // The value that this CASE compares hides the one of a CASE around it.
        if case.arg.is_some() && around.is_some() {
            return Implied::nothing();
        }
        let compared = case.arg.as_ref().or(around);
        let mut before = Implied::nothing();
        let mut found = match &case.default {
            Some(_) => None,
            None => Some(Implied::Impossible),
        };
        for (condition, result) in &case.whens {
            let taken = before
                .clone()
                .both(self.implied(query, condition, Outcome::True, compared))
                .both(self.implied(query, result, outcome, around));
            found = Some(match found {
                Some(found) => self.either(found, taken),
                None => taken,
            });
            before = before.both(self.implied(query, condition, Outcome::NotTrue, compared));
        }
        if let Some(default) = &case.default {
            let taken = before.both(self.implied(query, default, outcome, around));
            found = Some(match found {
                Some(found) => self.either(found, taken),
                None => taken,
            });
        }
        found.unwrap_or_else(Implied::nothing)
    }

    /// What a column of a join's own range table entry stands for, where both belong to `query`.
    fn join_alias<'f>(&self, query: &'f Query, var: &Var) -> Option<&'f Expr> {
        if var.levels_up != 0 {
            return None;
        }
        match &query.rte(var.rel)?.kind {
            RteKind::Join { columns, .. } => {
                columns.get(usize::try_from(var.column).ok()?.checked_sub(1)?)
            }
            _ => None,
        }
    }

    fn all<'f>(&self, args: &'f [Expr], each: impl Fn(&'f Expr) -> Implied<'f>) -> Implied<'f> {
        args.iter()
            .map(each)
            .fold(Implied::nothing(), Implied::both)
    }

    fn any<'f>(&self, args: &'f [Expr], each: impl Fn(&'f Expr) -> Implied<'f>) -> Implied<'f> {
        args.iter()
            .map(each)
            .fold(Implied::Impossible, |left, right| self.either(left, right))
    }

    /// What follows when one of two is the case and it is not known which.
    fn either<'f>(&self, left: Implied<'f>, right: Implied<'f>) -> Implied<'f> {
        match (left, right) {
            (Implied::Impossible, other) | (other, Implied::Impossible) => other,
            (Implied::Facts(left), Implied::Facts(right)) => Implied::Facts(
                left.into_iter()
                    .filter(|fact| right.iter().any(|other| self.same_fact(fact, other)))
                    .collect(),
            ),
        }
    }

    fn same_fact(&self, left: &Fact<'_>, right: &Fact<'_>) -> bool {
        match (left, right) {
            (Fact::Var(left), Fact::Var(right)) => left == right,
            (Fact::Param(left), Fact::Param(right)) => left == right,
            (Fact::Expr(left), Fact::Expr(right)) => self.same(left, right) == Same::Yes,
            _ => false,
        }
    }
}

fn constant_implies<'f>(constant: &Const, outcome: Outcome) -> Implied<'f> {
    const BOOL: u32 = 16;
    let possible = if constant.is_null {
        matches!(outcome, Outcome::NotTrue | Outcome::NotFalse)
    } else if constant.type_oid != BOOL {
        true
    } else {
        let value = constant.value.first().is_some_and(|&byte| byte != 0);
        match outcome {
            Outcome::True | Outcome::NotFalse => value,
            Outcome::False | Outcome::NotTrue => !value,
            Outcome::NotNull => true,
        }
    };
    if possible {
        Implied::nothing()
    } else {
        Implied::Impossible
    }
}

/// An array that is written out and has an element.
fn has_elements(array: &Expr) -> bool {
    matches!(
        array,
        Expr::Array { elements, multidims: false, .. } if !elements.is_empty()
    )
}
