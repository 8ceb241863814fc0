//! Do two expressions give the same value, wherever both are evaluated for one row?

use super::Prover;
use crate::catalog::{Oid, Volatility};
use crate::describe::tree::Expr;
use crate::prove::functions::{self, AggregateNull};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    Yes,
    No,
    /// Of one form, and not known well enough to say.
    Maybe,
}

impl Same {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Maybe, _) | (_, Self::Maybe) => Self::Maybe,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    fn when(equal: bool) -> Self {
        if equal { Self::Yes } else { Self::No }
    }
}

impl Prover<'_> {
    pub(super) fn same(&self, left: &Expr, right: &Expr) -> Same {
        match (left, right) {
            (Expr::Var(left), Expr::Var(right)) => Same::when(
                left.rel == right.rel
                    && left.column == right.column
                    && left.levels_up == right.levels_up
                    && left.returning == right.returning,
            ),
            (Expr::Const(left), Expr::Const(right)) => Same::when(
                left.type_oid == right.type_oid
                    && left.is_null == right.is_null
                    && left.value == right.value,
            ),
            (Expr::Param(left), Expr::Param(right)) => Same::when(left.number == right.number),
            (Expr::Op(left), Expr::Op(right)) | (Expr::NullIf(left), Expr::NullIf(right)) => {
                if left.operator != right.operator {
                    return Same::No;
                }
                let function = self.operator_function(left.operator, left.function);
                self.repeatable(function)
                    .and(Same::when(left.collation == right.collation))
                    .and(self.same_lists(&left.args, &right.args))
            }
            (Expr::Func(left), Expr::Func(right)) => {
                if left.function != right.function || left.variadic != right.variadic {
                    return Same::No;
                }
                self.repeatable(left.function)
                    .and(self.same_lists(&left.args, &right.args))
            }
            (
                Expr::Relabel {
                    arg: left,
                    type_oid: left_type,
                    ..
                },
                Expr::Relabel {
                    arg: right,
                    type_oid: right_type,
                    ..
                },
            ) => Same::when(left_type == right_type).and(self.same(left, right)),
            (
                Expr::CoerceViaIo {
                    arg: left,
                    type_oid: left_type,
                    ..
                },
                Expr::CoerceViaIo {
                    arg: right,
                    type_oid: right_type,
                    ..
                },
            ) => Same::when(left_type == right_type)
                .and(if self.has_strict_input(*left_type) {
                    Same::Yes
                } else {
                    Same::Maybe
                })
                .and(self.same(left, right)),
            (
                Expr::FieldSelect {
                    arg: left,
                    field: left_field,
                    ..
                },
                Expr::FieldSelect {
                    arg: right,
                    field: right_field,
                    ..
                },
            ) => Same::when(left_field == right_field).and(self.same(left, right)),
            (Expr::Subscript(left), Expr::Subscript(right)) => {
                let bounds = |left: &[Option<Expr>], right: &[Option<Expr>]| {
                    if left.len() != right.len() {
                        return Same::No;
                    }
                    left.iter()
                        .zip(right)
                        .fold(Same::Yes, |same, bound| match bound {
                            (Some(left), Some(right)) => same.and(self.same(left, right)),
                            (None, None) => same,
                            _ => Same::No,
                        })
                };
                let known = left.assignment.is_none()
                    && right.assignment.is_none()
                    && self.has_strict_subscript(left.container_type);
                if known { Same::Yes } else { Same::Maybe }
                    .and(self.same(&left.container, &right.container))
                    .and(bounds(&left.upper, &right.upper))
                    .and(bounds(&left.lower, &right.lower))
            }
            (
                Expr::Coalesce {
                    args: left,
                    type_oid: left_type,
                    ..
                },
                Expr::Coalesce {
                    args: right,
                    type_oid: right_type,
                    ..
                },
            ) => Same::when(left_type == right_type).and(self.same_lists(left, right)),
            (
                Expr::MinMax {
                    args: left,
                    greatest: left_greatest,
                    ..
                },
                Expr::MinMax {
                    args: right,
                    greatest: right_greatest,
                    ..
                },
            ) => Same::when(left_greatest == right_greatest).and(self.same_lists(left, right)),
            (Expr::Aggregate(left), Expr::Aggregate(right)) => {
                if left.function != right.function {
                    return Same::No;
                }
                let plain = left.levels_up == 0
                    && right.levels_up == 0
                    && left.filter.is_none()
                    && right.filter.is_none()
                    && left.direct_args.is_empty()
                    && right.direct_args.is_empty()
                    && left.kind == 'n';
                let args = if left.args.len() == right.args.len() {
                    left.args
                        .iter()
                        .zip(&right.args)
                        .fold(Same::Yes, |same, (left, right)| {
                            same.and(self.same(&left.expr, &right.expr))
                        })
                } else {
                    Same::No
                };
                let repeatable = if plain && self.is_builtin(left.function) {
                    Same::Yes
                } else {
                    Same::Maybe
                };
                // DISTINCT changes which rows count, never whether there is one; but it can leave too few for some.
                let alike = left.distinct == right.distinct
                    || self
                        .input
                        .catalog
                        .functions
                        .get(&left.function)
                        .is_some_and(|function| {
                            functions::aggregate_null(function) != AggregateNull::Unknown
                        });
                repeatable
                    .and(if alike { Same::Yes } else { Same::Maybe })
                    .and(args)
            }
            (left, right) => {
                if std::mem::discriminant(left) == std::mem::discriminant(right) {
                    Same::Maybe
                } else {
                    Same::No
                }
            }
        }
    }

    fn same_lists(&self, left: &[Expr], right: &[Expr]) -> Same {
        if left.len() != right.len() {
            return Same::No;
        }
        left.iter()
            .zip(right)
            .fold(Same::Yes, |same, (left, right)| {
                same.and(self.same(left, right))
            })
    }

    /// A built-in that gives the same for the same arguments. What a user's function promises of itself is not checked by
    /// the server, and a stable one may look up what another session changes meanwhile.
    fn repeatable(&self, function: Oid) -> Same {
        let repeatable = self
            .input
            .catalog
            .functions
            .get(&function)
            .is_some_and(|function| {
                let by_settings = matches!(
                    function.name.as_str(),
                    "to_char" | "date_part" | "extract" | "date_trunc" | "timezone"
                );
                function.builtin
                    && !function.returns_set
                    && match function.volatility {
                        Volatility::Immutable => true,
                        Volatility::Stable => by_settings,
                        Volatility::Volatile => false,
                    }
            });
        if repeatable { Same::Yes } else { Same::Maybe }
    }
}
