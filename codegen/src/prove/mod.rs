//! Facts from trees and the catalog. Pure: nothing here asks the server or reads a file.
//!
//! Each file of this module proves one kind of fact; [`prove`] puts them together. A fact that cannot be proved gets the
//! careful answer: may be NULL, many rows, writes.

pub mod access;
pub mod cardinality;
mod casts;
pub mod functions;
mod held;
mod implication;
pub mod nullability;
pub mod order;
pub mod params;
pub mod reach;
mod regex;
pub(crate) mod rows;
pub mod rules;
pub mod short;
pub mod violations;
pub(crate) mod walk;

use crate::catalog::Catalog;
use crate::describe::Statement;
use crate::describe::tree::{Location, Query};
use crate::facts::Facts;

pub use rules::Rules;

/// What a regular expression looks for, if that can be said outside of the server.
pub(crate) fn pattern_of(text: &str) -> Option<crate::model::Pattern> {
    regex::read(text, regex::Case::Sensitive).map(|regex| regex.pattern)
}

/// What every proof starts from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    pub catalog: &'a Catalog,
    pub statement: &'a Statement,
    /// The author's line of a byte offset in the shipped text.
    pub line: &'a dyn Fn(u32) -> Option<u32>,
    pub rules: &'a Rules,
    /// By `$n`, the first at 0; may be shorter than the statement's parameters, or empty.
    pub param_names: &'a [String],
    /// What the author says of parameters, by `$n`, the first at 0; may be shorter, or empty.
    pub param_overrides: &'a [ParamOverride],
}

/// `name?`, `name!`, `name[?]`, `name[!]` on a parameter: `true` is "may be NULL".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParamOverride {
    pub nullable: Option<bool>,
    pub elements: Option<bool>,
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Input")
            .field("statement", self.statement)
            .finish_non_exhaustive()
    }
}

impl<'a> Input<'a> {
    /// The author's line of a place in the tree.
    pub fn line_of(&self, location: Location) -> Option<u32> {
        location.and_then(|offset| (self.line)(offset))
    }

    /// ` at line 4`, or nothing where the place is not the author's.
    pub fn at(&self, location: Location) -> String {
        self.line_of(location)
            .map_or_else(String::new, |line| format!(" at line {line}"))
    }

    /// The query whose result the client sees. Rules can make several of one statement; `None` where it is not plain
    /// which of them answers.
    pub fn visible_query(&self) -> Option<&'a Query> {
        let mut tagged = self
            .statement
            .queries
            .iter()
            .filter(|query| query.can_set_tag);
        match (tagged.next(), tagged.next()) {
            (Some(query), None) => Some(query),
            _ => None,
        }
    }

    /// `:name`, or `$n` where there is no name.
    pub fn param_name(&self, number: usize) -> String {
        number
            .checked_sub(1)
            .and_then(|index| self.param_names.get(index))
            .map_or_else(|| format!("${number}"), |name| format!(":{name}"))
    }

    pub fn param_override(&self, number: usize) -> ParamOverride {
        number
            .checked_sub(1)
            .and_then(|index| self.param_overrides.get(index))
            .copied()
            .unwrap_or_default()
    }
}

/// Everything that follows from one statement.
pub fn prove(input: &Input<'_>) -> Facts {
    let params = params::params(input);
    let columns = nullability::columns(input, &params);
    let (reads, writes) = (reach::reads(input), reach::writes(input));
    let (cardinality, mut keys) = cardinality::cardinality(input);
    let (order, ordering) = order::order(input, &columns);
    keys.extend(ordering);
    keys.extend(violations::arbiters(input));
    let pure_read = access::pure_read(input);
    Facts {
        shared: short::shared(input, &cardinality, &pure_read, &mut keys),
        cardinality,
        access: access::access(input),
        pure_read,
        violations: violations::violations(input, &params),
        unread_code: access::unread_code(input, &writes),
        order,
        held: held::held(input),
        keys,
        columns,
        params,
        reads,
        writes,
    }
}
