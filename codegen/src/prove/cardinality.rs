//! How many rows can come back?

use super::Input;
use super::rows::{Prover, Scope, Seeds};
use crate::describe::Utility;
use crate::facts::{Cardinality, Proved};

pub fn cardinality(input: &Input<'_>) -> Proved<Cardinality> {
    if input.statement.columns.is_empty() {
        return Proved::new(Cardinality::None, "the statement returns no rows");
    }
    // Rules can answer with another query than the one that was written, or with none.
    let ([_], Some(query)) = (input.statement.queries.as_slice(), input.visible_query()) else {
        return Proved::new(
            Cardinality::Many,
            "a rule makes several queries of the statement",
        );
    };
    let prover = Prover::new(input.catalog, input.rules);
    let scope = Scope::top(query);
    match prover.at_most_one(&scope, &Seeds::new()) {
        Err(reason) => Proved::new(Cardinality::Many, reason),
        Ok(reason) if prover.at_least_one(&scope) => Proved::new(Cardinality::One, reason),
        Ok(reason) => Proved::new(Cardinality::AtMostOne, reason),
    }
}

/// Of what has no tree. CALL gives its OUT parameters as one row; what SHOW, EXPLAIN, FETCH and EXECUTE give is open.
pub fn utility(utility: &Utility) -> Proved<Cardinality> {
    if utility.columns.is_empty() {
        Proved::new(Cardinality::None, "the statement returns no rows")
    } else if utility.command == "CALL" {
        Proved::new(Cardinality::One, "the OUT parameters of a procedure")
    } else {
        Proved::new(
            Cardinality::Many,
            format!("nothing is known of the rows of {}", utility.command),
        )
    }
}
