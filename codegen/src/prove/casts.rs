//! Types of expressions, and the casts that the tree does not show: a set operation's columns have one type, and the
//! planner casts what each side gives to it.

use crate::catalog::oid::{BOOL, INT4};
use crate::catalog::{Cast, Catalog, Oid};
use crate::describe::tree::{Expr, Query, RteKind, SetOperation, SubLinkKind};

/// What turns a value into one of another type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Conversion {
    /// Nothing does anything.
    None,
    Function(Oid),
    /// The input function of this type reads the value's text.
    Text(Oid),
    /// Each element of an array is converted.
    Elements(Box<Conversion>),
    Unknown,
}

pub(super) fn conversion(catalog: &Catalog, from: Oid, to: Oid) -> Conversion {
    let (from, target) = (catalog.base_type(from), catalog.base_type(to));
    if from == target {
        return Conversion::None;
    }
    match catalog.casts.get(&(from, target)) {
        Some(Cast::Binary) => Conversion::None,
        Some(Cast::Function(function)) => Conversion::Function(*function),
        Some(Cast::InOut) => Conversion::Text(target),
        None => match (catalog.element_type(from), catalog.element_type(target)) {
            (Some(from), Some(to)) => Conversion::Elements(Box::new(conversion(catalog, from, to))),
            _ => Conversion::Unknown,
        },
    }
}

/// The types of the columns of one side of a set operation; `None` where the tree does not say.
pub(super) fn side_types(
    catalog: &Catalog,
    query: &Query,
    side: &SetOperation,
) -> Vec<Option<Oid>> {
    match side {
        SetOperation::Node { column_types, .. } => column_types.iter().copied().map(Some).collect(),
        SetOperation::Leaf(rel) => match query.rte(*rel).map(|rte| &rte.kind) {
            Some(RteKind::Subquery { query, .. }) => query
                .visible_targets()
                .map(|target| type_of(catalog, &target.expr))
                .collect(),
            _ => Vec::new(),
        },
        SetOperation::Other(_) => Vec::new(),
    }
}

/// The type of an expression, where the node says it.
pub(super) fn type_of(catalog: &Catalog, expr: &Expr) -> Option<Oid> {
    match expr {
        Expr::Var(var) => Some(var.type_oid),
        Expr::Const(constant) => Some(constant.type_oid),
        Expr::Param(param) => Some(param.type_oid),
        Expr::Op(operation) | Expr::NullIf(operation) => Some(operation.type_oid),
        Expr::Func(call) => Some(call.type_oid),
        Expr::Aggregate(aggregate) => Some(aggregate.type_oid),
        Expr::WindowFunc(window) => Some(window.type_oid),
        Expr::Case(case) => Some(case.type_oid),
        Expr::Subscript(subscript) => Some(subscript.type_oid),
        Expr::JsonConstructor(json) => Some(json.type_oid),
        Expr::JsonQuery(json) => Some(json.type_oid),
        Expr::Array { type_oid, .. }
        | Expr::Row { type_oid, .. }
        | Expr::Coalesce { type_oid, .. }
        | Expr::MinMax { type_oid, .. }
        | Expr::Relabel { type_oid, .. }
        | Expr::CoerceViaIo { type_oid, .. }
        | Expr::ArrayCoerce { type_oid, .. }
        | Expr::ConvertRowtype { type_oid, .. }
        | Expr::CoerceToDomain { type_oid, .. }
        | Expr::CoerceToDomainValue { type_oid }
        | Expr::CaseTest { type_oid }
        | Expr::SetToDefault { type_oid }
        | Expr::SqlValueFunction { type_oid, .. }
        | Expr::FieldSelect { type_oid, .. }
        | Expr::FieldStore { type_oid, .. }
        | Expr::NextValue { type_oid, .. }
        | Expr::MergeSupport { type_oid }
        | Expr::Xml { type_oid, .. } => Some(*type_oid),
        Expr::Collate { arg, .. } | Expr::NamedArg { arg, .. } => type_of(catalog, arg),
        Expr::Returning { expr, .. } => type_of(catalog, expr),
        Expr::JsonValue { raw, formatted } => type_of(catalog, formatted.as_deref().unwrap_or(raw)),
        Expr::Grouping { .. } => Some(INT4),
        Expr::And(..)
        | Expr::Or(..)
        | Expr::Not(..)
        | Expr::Distinct(_)
        | Expr::ScalarArray { .. }
        | Expr::RowCompare { .. }
        | Expr::NullTest { .. }
        | Expr::BooleanTest { .. }
        | Expr::CurrentOf
        | Expr::IsJson { .. } => Some(BOOL),
        Expr::SubLink(link) => {
            let column = || {
                let target = link.query.visible_targets().next()?;
                type_of(catalog, &target.expr)
            };
            match link.kind {
                SubLinkKind::Exists
                | SubLinkKind::All
                | SubLinkKind::Any
                | SubLinkKind::RowCompare => Some(BOOL),
                SubLinkKind::Expr => column(),
                SubLinkKind::Array => {
                    let column = column()?;
                    match catalog.element_type(column) {
                        Some(_) => Some(column),
                        None => catalog.types.get(&column)?.array_oid,
                    }
                }
                SubLinkKind::MultiExpr | SubLinkKind::Unknown => None,
            }
        }
        Expr::Other { .. } | Expr::OtherQuery { .. } => None,
    }
}
