//! The tables and columns that a statement reads and writes.

use std::collections::{BTreeMap, BTreeSet};

use super::Input;
use super::walk::{self, Part};
use crate::catalog::{Catalog, Oid};
use crate::describe::tree::{Command, Expr, Query, Rte, RteKind, Target, Var};
use crate::facts::Write;

/// Tables behind views instead of the views: their columns as the view uses them.
pub fn reads(input: &Input<'_>) -> BTreeMap<Oid, BTreeSet<i16>> {
    let mut reads = Reads {
        catalog: input.catalog,
        found: BTreeMap::new(),
    };
    for query in &input.statement.queries {
        reads.query(query, &mut Vec::new());
    }
    reads.found
}

/// Cascades are not writes of the statement; see `violations`.
pub fn writes(input: &Input<'_>) -> BTreeMap<Oid, Write> {
    let mut found: BTreeMap<Oid, Write> = BTreeMap::new();
    for query in &input.statement.queries {
        walk::everything(query, &mut |part| {
            if let Part::Query(query) = part
                && let Some((oid, rte)) = target(query)
            {
                let write = found.entry(oid).or_default();
                match query.command {
                    Command::Insert => insert(query, rte, write),
                    Command::Update => {
                        write.update = true;
                        write.columns.extend(assigned(&query.targets));
                    }
                    Command::Delete => write.delete = true,
                    Command::Merge => merge(query, write),
                    Command::Select | Command::Utility | Command::Nothing | Command::Unknown => {}
                }
            }
        });
    }
    found
}

fn target(query: &Query) -> Option<(Oid, &Rte)> {
    match query.command {
        Command::Insert | Command::Update | Command::Delete | Command::Merge => {}
        Command::Select | Command::Utility | Command::Nothing | Command::Unknown => return None,
    }
    let rte = query.rte(query.result_relation)?;
    match rte.kind {
        RteKind::Relation { oid, .. } => Some((oid, rte)),
        _ => None,
    }
}

fn insert(query: &Query, rte: &Rte, write: &mut Write) {
    write.insert = true;
    // The targets hold the defaults too; what the author assigns is in the permissions.
    if rte.inserted.is_empty() {
        write.columns.extend(assigned(&query.targets));
    } else {
        write
            .columns
            .extend(rte.inserted.iter().filter(|&&column| column > 0));
    }
    if let Some(conflict) = &query.on_conflict
        && !conflict.set.is_empty()
    {
        write.update = true;
        write.columns.extend(assigned(&conflict.set));
    }
}

fn merge(query: &Query, write: &mut Write) {
    for action in &query.merge_actions {
        match action.command {
            Command::Insert => write.insert = true,
            Command::Update => write.update = true,
            Command::Delete => write.delete = true,
            Command::Nothing
            | Command::Select
            | Command::Merge
            | Command::Utility
            | Command::Unknown => {}
        }
        write.columns.extend(assigned(&action.targets));
    }
}

pub(super) fn assigned(targets: &[Target]) -> impl Iterator<Item = i16> {
    targets
        .iter()
        .filter(|target| !target.junk && target.number > 0)
        .map(|target| target.number)
}

struct Reads<'a> {
    catalog: &'a Catalog,
    found: BTreeMap<Oid, BTreeSet<i16>>,
}

impl<'a> Reads<'a> {
    fn query(&mut self, query: &'a Query, around: &mut Vec<&'a Query>) {
        around.push(query);
        let excluded = query
            .on_conflict
            .as_ref()
            .map_or(0, |conflict| conflict.excluded);
        for (index, rte) in (1..).zip(&query.rtable) {
            if index == excluded {
                continue;
            }
            if let Some(oid) = table(rte) {
                if rte.in_from {
                    self.found.entry(oid).or_default();
                }
                for &column in &rte.selected {
                    self.column(oid, column);
                }
            }
        }
        walk::parts(query, &mut |part| self.part(part, around));
        around.pop();
    }

    fn part(&mut self, part: Part<'a>, around: &mut Vec<&'a Query>) {
        match part {
            Part::Query(query) => self.query(query, around),
            Part::Expr(Expr::Var(var)) => self.var(var, around),
            Part::Expr(expr) => walk::below(expr, &mut |part| self.part(part, around)),
        }
    }

    fn var(&mut self, var: &Var, around: &mut Vec<&'a Query>) {
        let Some(level) = around.len().checked_sub(var.levels_up + 1) else {
            return;
        };
        let Some(&query) = around.get(level) else {
            return;
        };
        if query
            .on_conflict
            .as_ref()
            .is_some_and(|conflict| conflict.excluded == var.rel)
        {
            return;
        }
        let Some(rte) = query.rte(var.rel) else {
            return;
        };
        if let Some(oid) = table(rte) {
            self.column(oid, var.column);
        } else if let RteKind::Join { columns, .. } = &rte.kind {
            let place = usize::try_from(var.column)
                .ok()
                .and_then(|column| column.checked_sub(1));
            let mut inner: Vec<&'a Query> = around.iter().take(level + 1).copied().collect();
            match place {
                Some(place) => {
                    if let Some(column) = columns.get(place) {
                        self.part(Part::Expr(column), &mut inner);
                    }
                }
                // The whole row of the join.
                None => {
                    for column in columns {
                        self.part(Part::Expr(column), &mut inner);
                    }
                }
            }
        }
    }

    fn column(&mut self, oid: Oid, column: i16) {
        let columns = self.found.entry(oid).or_default();
        if column > 0 {
            columns.insert(column);
        } else if column == 0
            && let Some(relation) = self.catalog.relations.get(&oid)
        {
            columns.extend(relation.columns.iter().map(|column| column.number));
        }
    }
}

/// What stores rows; a view has been replaced by its query, and leaves only names behind.
fn table(rte: &Rte) -> Option<Oid> {
    match rte.kind {
        RteKind::Relation { oid, relkind, .. } if relkind != 'v' && relkind != 'c' => Some(oid),
        _ => None,
    }
}
