//! What is known of the built-in functions: which never return NULL, and when. Everything that is not listed may.
//!
//! `never_null.txt` has the strict functions that give a value for all values. It was drawn up from the sources of 15, 17
//! and 18 (no `PG_RETURN_NULL` and no passing on of another call's NULL), gone through by hand, and is tried out on every
//! server by a test that calls each function. An entry counts where the function's oid and its name are both the same: the
//! oids of built-in functions are part of PostgreSQL's sources and do not differ between servers.

use crate::catalog::oid::{ANYMULTIRANGE, FIRST_OF_AUTHORS, TSVECTOR};
use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::catalog::{Function, FunctionKind, Oid};

const NEVER_NULL: &str = include_str!("never_null.txt");

/// Objects with smaller oids are made by initdb (`FirstNormalObjectId`).
pub(crate) fn is_initial(oid: Oid) -> bool {
    oid != 0 && oid < FIRST_OF_AUTHORS
}

/// When a function returns NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NullWhen {
    Never,
    /// Where one of its arguments is.
    AnyArgument,
    /// Where one of its first arguments is, as many as are said.
    First(usize),
    /// Where all of its arguments are.
    AllArguments,
    /// Whenever it likes.
    Unknown,
}

/// Of a function that is called for one value.
pub fn null_when(function: &Function, variadic: bool) -> NullWhen {
    if !function.builtin || function.kind != FunctionKind::Function || function.returns_set {
        return NullWhen::Unknown;
    }
    if function.strict {
        return if is_reviewed(function) {
            NullWhen::AnyArgument
        } else {
            NullWhen::Unknown
        };
    }
    match function.name.as_str() {
        // Given an array for their arguments, they give NULL for a NULL array.
        "concat" | "json_build_array" | "json_build_object" | "jsonb_build_array"
        | "jsonb_build_object" | "num_nulls" | "num_nonnulls" => {
            if variadic {
                NullWhen::AnyArgument
            } else {
                NullWhen::Never
            }
        }
        "concat_ws" | "format" => {
            if variadic {
                NullWhen::AnyArgument
            } else {
                NullWhen::First(1)
            }
        }
        "quote_nullable" | "pg_typeof" | "array_append" | "array_prepend" | "int4range"
        | "int8range" | "numrange" | "daterange" | "tsrange" | "tstzrange" => NullWhen::Never,
        "array_cat" => NullWhen::AllArguments,
        "array_positions" | "array_remove" | "array_replace" | "string_to_array" => {
            NullWhen::First(1)
        }
        "array_to_string" => NullWhen::First(2),
        "array_fill" | "set_config" | "overlaps" => NullWhen::AnyArgument,
        _ => NullWhen::Unknown,
    }
}

/// The strict functions of `never_null.txt`.
pub(crate) fn is_reviewed(function: &Function) -> bool {
    static TABLE: OnceLock<BTreeMap<Oid, &'static str>> = OnceLock::new();
    let table = TABLE.get_or_init(|| never_null().map(|entry| (entry.oid, entry.name)).collect());
    table
        .get(&function.oid)
        .is_some_and(|name| *name == function.name)
}

/// A line of `never_null.txt`.
#[derive(Debug, Clone, Copy)]
pub struct Reviewed {
    pub oid: Oid,
    pub name: &'static str,
    /// `int4,text`: the names of the arguments' types.
    pub arguments: &'static str,
}

/// The strict functions that give a value for all values.
pub fn never_null() -> impl Iterator<Item = Reviewed> {
    NEVER_NULL.lines().filter_map(|line| {
        let (oid, call) = line.split_once(' ')?;
        let (name, arguments) = call.strip_suffix(')')?.split_once('(')?;
        Some(Reviewed {
            oid: oid.parse().ok()?,
            name,
            arguments,
        })
    })
}

/// When an aggregate returns NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregateNull {
    Never,
    /// Where there is no row.
    NoRow,
    /// Where there is no row in which its arguments, as many as are said, are not NULL.
    NoValue(usize),
    Unknown,
}

pub fn aggregate_null(function: &Function) -> AggregateNull {
    if !function.builtin || function.kind != FunctionKind::Aggregate {
        return AggregateNull::Unknown;
    }
    match function.name.as_str() {
        "count" | "regr_count" => AggregateNull::Never,
        "array_agg"
        | "json_agg"
        | "jsonb_agg"
        | "json_object_agg"
        | "jsonb_object_agg"
        | "json_object_agg_unique"
        | "jsonb_object_agg_unique" => AggregateNull::NoRow,
        "sum"
        | "avg"
        | "min"
        | "max"
        | "bool_and"
        | "bool_or"
        | "every"
        | "bit_and"
        | "bit_or"
        | "bit_xor"
        | "any_value"
        | "range_agg"
        | "range_intersect_agg"
        | "var_pop"
        | "stddev_pop"
        | "string_agg"
        | "json_agg_strict"
        | "jsonb_agg_strict"
        | "mode" => AggregateNull::NoValue(1),
        "covar_pop"
        | "regr_avgx"
        | "regr_avgy"
        | "regr_sxx"
        | "regr_sxy"
        | "regr_syy"
        | "json_object_agg_strict"
        | "jsonb_object_agg_strict"
        | "json_object_agg_unique_strict"
        | "jsonb_object_agg_unique_strict" => AggregateNull::NoValue(2),
        // A fraction that is NULL gives NULL; its direct argument counts too.
        "percentile_cont" | "percentile_disc" => AggregateNull::NoValue(1),
        // Of one row, or of equal values, the sample statistics are NULL: variance, stddev, var_samp, stddev_samp,
        // covar_samp, corr, regr_slope, regr_intercept, regr_r2.
        _ => AggregateNull::Unknown,
    }
}

/// A statistic of a sample, which one row is too few for.
pub(crate) fn needs_two_rows(function: &Function) -> bool {
    function.builtin
        && matches!(
            function.name.as_str(),
            "variance"
                | "stddev"
                | "var_samp"
                | "stddev_samp"
                | "covar_samp"
                | "corr"
                | "regr_slope"
                | "regr_intercept"
                | "regr_r2"
        )
}

/// A column of what a set-returning function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetColumn {
    Never,
    May,
    /// NULL where an element of its first argument is.
    Element,
    /// An array that is never NULL and whose elements may be.
    ArrayOfMay,
}

/// The columns of a reviewed set-returning function; `None` of others.
pub fn set_columns(function: &Function) -> Option<&'static [SetColumn]> {
    use SetColumn::{ArrayOfMay, Element, May, Never};
    if !function.builtin || !function.returns_set {
        return None;
    }
    Some(match function.name.as_str() {
        "generate_series"
        | "generate_subscripts"
        | "json_array_elements"
        | "jsonb_array_elements"
        | "json_object_keys"
        | "jsonb_object_keys"
        | "jsonb_path_query"
        | "jsonb_path_query_tz"
        | "regexp_split_to_table" => &[Never],
        "json_array_elements_text" | "jsonb_array_elements_text" => &[May],
        "json_each" | "jsonb_each" => &[Never, Never],
        "json_each_text" | "jsonb_each_text" => &[Never, May],
        "regexp_matches" => &[ArrayOfMay],
        // The third argument names a text that is taken for NULL.
        "string_to_table" if function.arguments.len() == 2 => &[Never],
        "string_to_table" => &[May],
        "unnest" => match function.arguments.first() {
            Some(&TSVECTOR) => &[Never, May, May],
            Some(&ANYMULTIRANGE) => &[Never],
            _ => &[Element],
        },
        _ => return None,
    })
}

/// What is known of the elements of the array that a function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArrayElements {
    Never,
    /// Those of these arguments: an array's elements, or the value itself.
    Of(&'static [usize]),
    Unknown,
}

pub fn array_elements(function: &Function) -> ArrayElements {
    if !function.builtin {
        return ArrayElements::Unknown;
    }
    match function.name.as_str() {
        // With a third argument, a text that is taken for NULL.
        "string_to_array" if function.arguments.len() == 2 => ArrayElements::Never,
        "regexp_split_to_array"
        | "tsvector_to_array"
        | "parse_ident"
        | "array_positions"
        | "current_schemas"
        | "pg_blocking_pids" => ArrayElements::Never,
        "array_append" | "array_prepend" | "array_cat" => ArrayElements::Of(&[0, 1]),
        "array_remove" | "trim_array" | "array_shuffle" | "array_sample" | "array_sort"
        | "array_reverse" => ArrayElements::Of(&[0]),
        "array_replace" => ArrayElements::Of(&[0, 2]),
        "array_fill" => ArrayElements::Of(&[0]),
        _ => ArrayElements::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_functions_is_read_whole() {
        let lines = NEVER_NULL.lines().count();
        assert_eq!(never_null().count(), lines);
        let mut oids: Vec<Oid> = never_null().map(|entry| entry.oid).collect();
        oids.sort_unstable();
        oids.dedup();
        assert_eq!(oids.len(), lines, "an oid stands twice");
        assert!(oids.iter().all(|&oid| is_initial(oid)));
    }
}
