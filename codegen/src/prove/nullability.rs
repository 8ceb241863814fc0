//! May a column of the result be NULL, and why.

use super::Input;
use crate::facts::{ColumnFacts, ParamFacts, Proved};

/// One for each of the statement's columns. `params` are what [`super::params::params`] found: the proofs rely on them.
pub fn columns(input: &Input<'_>, params: &[ParamFacts]) -> Vec<ColumnFacts> {
    let _ = params;
    input
        .statement
        .columns
        .iter()
        .map(|column| ColumnFacts {
            nullable: Proved::new(true, "not proved"),
            elements: input
                .catalog
                .element_type(column.type_oid)
                .map(|_| Proved::new(true, "not proved")),
            always_null: false,
            fields: Vec::new(),
            origin: None,
        })
        .collect()
}
