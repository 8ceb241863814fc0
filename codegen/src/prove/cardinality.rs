//! How many rows can come back?

use std::collections::BTreeSet;

use super::Input;
use super::rows::{Prover, Scope, Seeds};
use crate::catalog::Oid;
use crate::describe::Utility;
use crate::facts::{Cardinality, Proved};

/// With the unique indexes that the proof rests on.
pub fn cardinality(input: &Input<'_>) -> (Proved<Cardinality>, BTreeSet<Oid>) {
    let mut used = BTreeSet::new();
    let proved = proved(input, &mut used);
    (proved, used)
}

fn proved(input: &Input<'_>, used: &mut BTreeSet<Oid>) -> Proved<Cardinality> {
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
        Ok(reason) => {
            let cardinality = match prover.at_least_one(&scope) {
                true => Cardinality::One,
                false => Cardinality::AtMostOne,
            };
            used.extend(prover.used());
            Proved::new(cardinality, reason)
        }
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
