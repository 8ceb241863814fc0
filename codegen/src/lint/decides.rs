//! Does a condition decide about a column? It does if every way for it to hold speaks of the column, or is opened by what looks at
//! no row, such as a flag: `(:include_deleted OR deleted_at IS NULL)` does, `(public OR deleted_at IS NULL)` does not.

use crate::describe::tree::{BooleanTest, Case, Expr};
use crate::prove::walk;

/// Is it the column?
pub(super) type IsColumn<'f> = &'f dyn Fn(&Expr) -> bool;

pub(super) fn speaks_of(expr: &Expr, is_column: IsColumn<'_>) -> bool {
    walk::any_expression(expr, is_column)
}

/// The part by which the condition holds whatever the column is; `None` where it decides.
pub(super) fn way_around<'e>(condition: &'e Expr, is_column: IsColumn<'_>) -> Option<&'e Expr> {
    Search { is_column }.way(condition, true)
}

struct Search<'f> {
    is_column: IsColumn<'f>,
}

impl Search<'_> {
    fn speaks(&self, expr: &Expr) -> bool {
        speaks_of(expr, self.is_column)
    }

    /// A way for the expression to be true, or false, that the column has no part in.
    fn way<'e>(&self, expr: &'e Expr, truth: bool) -> Option<&'e Expr> {
        match (expr, truth) {
            (Expr::And(parts, _), true) | (Expr::Or(parts, _), false) => {
                self.all_of(expr, parts, truth)
            }
            (Expr::Or(parts, _), true)
            | (Expr::And(parts, _), false)
            | (Expr::Coalesce { args: parts, .. }, _) => self.any_of(expr, parts, truth),
            (Expr::Not(arg, _), _) => self.way(arg, !truth),
            (Expr::BooleanTest { arg, kind, .. }, _) => match kind {
                BooleanTest::IsTrue | BooleanTest::IsNotFalse => self.way(arg, truth),
                BooleanTest::IsFalse | BooleanTest::IsNotTrue => self.way(arg, !truth),
                BooleanTest::IsUnknown | BooleanTest::IsNotUnknown => self.leaf(expr),
            },
            (Expr::Case(case), _) if case.arg.is_none() => self.case(expr, case, truth),
            _ => self.leaf(expr),
        }
    }

    fn leaf<'e>(&self, expr: &'e Expr) -> Option<&'e Expr> {
        (!self.speaks(expr)).then_some(expr)
    }

    /// All of them hold: one that decides is enough. Of the ways around the others, that around one that speaks of the column
    /// says the most.
    fn all_of<'e>(&self, expr: &'e Expr, parts: &'e [Expr], truth: bool) -> Option<&'e Expr> {
        let mut around = None;
        for part in parts {
            let way = self.way(part, truth)?;
            if around.is_none() && self.speaks(part) {
                around = Some(way);
            }
        }
        around.or(Some(expr))
    }

    /// One of them holds: each decides, or is for the caller to say.
    fn any_of<'e>(&self, expr: &'e Expr, parts: &'e [Expr], truth: bool) -> Option<&'e Expr> {
        if !self.speaks(expr) {
            return Some(expr);
        }
        // `true OR …` leaves nothing for the caller to say.
        let always = !matches!(expr, Expr::Coalesce { .. });
        parts
            .iter()
            .filter(|part| looks_at_rows(part) || (always && is_constant(part, truth)))
            .find_map(|part| self.way(part, truth))
    }

    /// The first condition that holds picks the result: a branch decides by its condition, by its result, or by what the
    /// conditions before it were not.
    fn case<'e>(&self, expr: &'e Expr, case: &'e Case, truth: bool) -> Option<&'e Expr> {
        if !self.speaks(expr) {
            return Some(expr);
        }
        let mut decided = false;
        for (condition, result) in &case.whens {
            let taken = !is_never(result, truth) && looks_at_rows(condition);
            if taken
                && !decided
                && self.way(condition, true).is_some()
                && self.way(result, truth).is_some()
            {
                return Some(condition);
            }
            decided = decided || self.way(condition, false).is_none();
        }
        let default = case
            .default
            .as_ref()
            .filter(|default| !is_never(default, truth))?;
        if decided {
            return None;
        }
        self.way(default, truth)
    }
}

fn looks_at_rows(expr: &Expr) -> bool {
    walk::any_expression(expr, &|expr| {
        matches!(expr, Expr::Var(_) | Expr::SubLink(_))
    })
}

fn is_constant(expr: &Expr, truth: bool) -> bool {
    matches!(expr, Expr::Const(constant) if !constant.is_null
        && constant.type_oid == BOOL && (constant.value.first() == Some(&1)) == truth)
}

/// A constant that is not this truth value: NULL, or the other one.
fn is_never(expr: &Expr, truth: bool) -> bool {
    matches!(expr, Expr::Const(constant) if constant.is_null
        || (constant.type_oid == BOOL && (constant.value.first() == Some(&1)) != truth))
}

const BOOL: crate::catalog::Oid = 16;
