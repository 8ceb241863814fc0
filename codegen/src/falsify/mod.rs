//! Tries to catch the proofs lying: fills the tables with rows that careless reasoning does not expect, runs the queries,
//! and holds what comes back against what was proved.
//!
//! It can only find faults, never show that there are none; but what it finds is a fact. [`observe`] touches the
//! database and knows nothing of proofs; [`judge`] is pure, so that one set of observations serves for any set of facts.

mod fill;
pub mod inside;
mod paging;
mod reviewed;
mod run;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Oid};
use crate::describe::Statement;
use crate::facts::{Access, Cardinality, Facts};
use crate::pages::{Order, PageTexts};
use crate::parse::syntax::ParamUse;
use crate::wire;

pub use inside::Step;
pub use reviewed::{Reviewed, unreviewed};
pub use run::observe;

/// One query to try.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// `users::get_user`
    pub name: &'a str,
    /// The shipped text, and when it is sent where it is one of several.
    pub sql: &'a str,
    pub when: &'a str,
    /// By `$n`, the first at 0; empty where no parameter has another role than to be a value.
    pub params: &'a [ParamUse],
    pub statement: &'a Statement,
    /// Only used to draw parameters that match rows and to know which may be NULL.
    pub facts: &'a Facts,
    /// What the author says of columns in place of the proof.
    pub marks: &'a [Mark],
    /// What it is read in pages by.
    pub pages: Option<(&'a PageTexts, &'a Order)>,
    /// Of a text that takes an array for each parameter: what one row of parameters is drawn by.
    pub one_row: Option<OneRow<'a>>,
}

/// The statement as its author wrote it, for one row.
#[derive(Debug, Clone, Copy)]
pub struct OneRow<'a> {
    pub statement: &'a Statement,
    pub facts: &'a Facts,
}

/// `name!` or `name[!]` on a column: by its place, never NULL, or without NULL among its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub column: usize,
    pub elements: bool,
}

/// How hard to try.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Rounds with random rows, after those with the schema's own rows, no rows, all-NULL rows and no NULLs.
    pub rounds: u32,
    /// Draws of parameters for each query and round.
    pub draws: u32,
    pub seed: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            rounds: 30,
            draws: 12,
            seed: 1,
        }
    }
}

/// What one query did, over all runs.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// Runs that ended without an error.
    pub runs: u64,
    /// Rows of all runs.
    pub rows: u64,
    /// The fewest and the most rows of one run.
    pub fewest: Option<u64>,
    pub most: u64,
    pub columns: Vec<ColumnObservation>,
    /// Constraints that the server says were broken, with an example of the parameters.
    pub broken: BTreeMap<Broken, String>,
    /// A read-only transaction refused it.
    pub writes: Option<String>,
    /// The total or a page was not what the list makes expected: which, and the parameters.
    pub pages: Option<(&'static str, String)>,
    /// Other errors by SQLSTATE, the first of each.
    pub errors: BTreeMap<String, String>,
    /// Parameters of the run with the fewest rows, and with the most.
    pub fewest_with: String,
    pub most_with: String,
}

#[derive(Debug, Clone, Default)]
pub struct ColumnObservation {
    /// Parameters of a run in which it was NULL.
    pub null: Option<String>,
    /// … in which that part of it was NULL.
    pub inside: BTreeMap<Vec<Step>, String>,
    /// It was not NULL in some run.
    pub seen: bool,
}

/// As the server reports it. The table is qualified.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Broken {
    pub table: Option<String>,
    pub column: Option<String>,
    pub constraint: Option<String>,
    pub code: String,
}

/// Something proved that is not so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Falsified {
    /// What was claimed and what happened, in one sentence.
    pub message: String,
    /// The parameters that showed it.
    pub example: String,
}

/// What the facts claim against what was seen.
pub fn judge(
    catalog: &Catalog,
    subject: &Subject<'_>,
    facts: &Facts,
    seen: &Observation,
) -> Vec<Falsified> {
    let mut found = Vec::new();
    judge_columns(subject, facts, seen, &mut found);
    let claim = &facts.cardinality;
    let mut cardinality = |says: &str, rows: u64, example: &str| {
        found.push(Falsified {
            message: format!(
                "proved to return {says} ({}), but a run returned {rows}",
                claim.reason
            ),
            example: example.to_owned(),
        });
    };
    match claim.value {
        Cardinality::None if seen.most > 0 => cardinality("no rows", seen.most, &seen.most_with),
        Cardinality::One | Cardinality::AtMostOne if seen.most > 1 => {
            cardinality("at most one row", seen.most, &seen.most_with);
        }
        Cardinality::One if seen.fewest == Some(0) => {
            cardinality("exactly one row", 0, &seen.fewest_with)
        }
        Cardinality::None | Cardinality::One | Cardinality::AtMostOne | Cardinality::Many => {}
    }
    if let (Access::Read, Some(example)) = (facts.access.value, &seen.writes) {
        found.push(Falsified {
            message: format!(
                "proved to read only ({}), but a read-only transaction refused it",
                facts.access.reason
            ),
            example: example.clone(),
        });
    }
    if let Some((what, example)) = &seen.pages {
        found.push(Falsified {
            message: format!("{what} is not what it is of the rows of the whole list"),
            example: example.clone(),
        });
    }
    for (broken, example) in &seen.broken {
        if facts.unread_code.is_none() && !expects(catalog, facts, broken) {
            let name = broken
                .constraint
                .as_deref()
                .or(broken.column.as_deref())
                .unwrap_or("a constraint");
            let table = broken.table.as_deref().unwrap_or("a domain");
            found.push(Falsified {
                message: format!("broke `{name}` of {table}, which is not among the violations that were proved possible"),
                example: example.clone(),
            });
        }
    }
    found
}

fn judge_columns(
    subject: &Subject<'_>,
    facts: &Facts,
    seen: &Observation,
    found: &mut Vec<Falsified>,
) {
    for (index, (fact, observed)) in facts.columns.iter().zip(&seen.columns).enumerate() {
        let name = subject
            .statement
            .columns
            .get(index)
            .map_or("?", |column| column.name.as_str());
        if let (false, Some(example)) = (fact.nullable.value, &observed.null) {
            found.push(Falsified {
                message: format!(
                    "column `{name}` was proved not null ({}), but a run returned NULL",
                    fact.nullable.reason
                ),
                example: example.clone(),
            });
        }
        if fact.always_null && observed.seen {
            found.push(Falsified {
                message: format!(
                    "column `{name}` was proved always NULL, but a run returned a value"
                ),
                example: String::new(),
            });
        }
        for (path, example) in &observed.inside {
            if let Some(fact) = inside::proved(fact, path)
                && !fact.value
            {
                found.push(Falsified {
                    message: format!(
                        "{} of `{name}` was proved not null ({}), but it was NULL",
                        inside::name(path),
                        fact.reason
                    ),
                    example: example.clone(),
                });
            }
        }
    }
}

/// Is the broken constraint among those that the facts list? A partition reports its own: its parents' count. A domain's
/// NOT NULL has no name to look for.
fn expects(catalog: &Catalog, facts: &Facts, broken: &Broken) -> bool {
    if broken.constraint.is_none() && broken.column.is_none() {
        return true;
    }
    let names = match &broken.constraint {
        Some(name) => with_parents(catalog, broken.table.as_deref(), name),
        None => broken.column.iter().cloned().collect(),
    };
    facts.violations.iter().any(|violation| {
        names.contains(&violation.name)
            || (broken.code == "23502"
                && broken
                    .column
                    .as_ref()
                    .is_some_and(|column| violation.columns.contains(column)))
    })
}

fn with_parents(catalog: &Catalog, table: Option<&str>, name: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::from([name.to_owned()]);
    let on_table = |relation: Oid| {
        table.is_none_or(|table| {
            catalog
                .relations
                .get(&relation)
                .is_some_and(|found| format!("{}.{}", found.schema, found.name) == table)
        })
    };
    let mut next = catalog.constraints.values().find(|constraint| {
        constraint.name == name && (constraint.relation == 0 || on_table(constraint.relation))
    });
    while let Some(constraint) = next {
        names.insert(constraint.name.clone());
        next = catalog.constraints.get(&constraint.parent);
    }
    names
}

/// What the runs did not show, for a person to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unseen {
    /// The query returned no row in any run.
    pub no_rows: bool,
    /// Columns that may be NULL by proof and never were, by place.
    pub never_null: Vec<usize>,
}

pub fn unseen(subject: &Subject<'_>, seen: &Observation) -> Unseen {
    let facts = subject.facts;
    let is_marked = |column: usize| {
        let mark = Mark {
            column,
            elements: false,
        };
        subject.marks.contains(&mark)
    };
    let returns = facts.cardinality.value != Cardinality::None;
    let no_rows = returns && seen.rows == 0;
    let never_null = facts
        .columns
        .iter()
        .zip(&seen.columns)
        .enumerate()
        .filter(|(index, (fact, observed))| {
            let may_be = fact.nullable.value && !is_marked(*index);
            !no_rows && may_be && observed.null.is_none()
        })
        .map(|(index, _)| index)
        .collect();
    Unseen {
        no_rows,
        never_null,
    }
}

/// The connection broke, or the tables could not be emptied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Wire(#[from] wire::Error),
}
