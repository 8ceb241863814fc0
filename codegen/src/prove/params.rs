//! May a parameter be NULL, and why.

use super::Input;
use crate::facts::{ParamFacts, Proved};

/// One for each of the statement's parameters, `$1` first.
pub fn params(input: &Input<'_>) -> Vec<ParamFacts> {
    input
        .statement
        .params
        .iter()
        .map(|&type_oid| ParamFacts {
            nullable: Proved::new(true, "not proved"),
            elements: input
                .catalog
                .element_type(type_oid)
                .map(|_| Proved::new(true, "not proved")),
            origin: None,
            assigned: Vec::new(),
        })
        .collect()
}
