//! The FROM items of a query, and the conditions that each one's rows must meet: for the rules.

use std::collections::BTreeSet;

use super::block::{Block, Side};
use super::{Prover, Scope, Seeds};
use crate::catalog::Catalog;
use crate::describe::tree::{Expr, Query};
use crate::prove::Rules;

/// A FROM item, and the conditions that its rows must meet.
#[derive(Debug)]
pub(crate) struct Reading<'q> {
    pub(crate) rel: usize,
    /// True of each row of the item that takes part in the result: in WHERE and the ON of inner joins, or, on the
    /// nullable side of an outer join, in that join's own ON.
    pub(crate) conditions: Vec<&'q Expr>,
    /// Conditions of WHERE, where the item is on the nullable side of an outer join and may be absent: they see NULLs
    /// for an absent row, and remove the row that it was to be joined to.
    pub(crate) after_the_join: Vec<&'q Expr>,
    /// What stands in the ON of the innermost outer join that may leave the item out.
    pub(crate) on: Option<&'q Expr>,
}

/// The FROM items of a query, those of its subqueries left out.
pub(crate) fn readings<'q>(catalog: &Catalog, query: &'q Query) -> Vec<Reading<'q>> {
    let rules = Rules::all();
    let prover = Prover::new(catalog, &rules);
    let scope = Scope::top(query);
    let seeds = Seeds::new();
    let block = Block::new(&prover, &scope, &seeds);
    let state = block.closed();
    let open = |sides: &[Side]| -> BTreeSet<Side> {
        sides
            .iter()
            .copied()
            .filter(|side| !state.present.contains(side))
            .collect()
    };
    let items: Vec<(usize, BTreeSet<Side>)> = block
        .leaves
        .iter()
        .map(|leaf| (leaf.rel, open(&leaf.sides)))
        .collect();
    items
        .into_iter()
        .map(|(rel, sides)| {
            let mut reading = Reading {
                rel,
                conditions: Vec::new(),
                after_the_join: Vec::new(),
                on: None,
            };
            for condition in &block.conditions {
                let under = open(&condition.under);
                if under == sides {
                    reading.conditions.push(condition.expr);
                } else if under.is_subset(&sides) {
                    reading.after_the_join.push(condition.expr);
                }
            }
            if !sides.is_empty() {
                reading.on = reading.conditions.first().copied();
            }
            reading
        })
        .collect()
}
