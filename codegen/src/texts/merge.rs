//! What holds of every text of a group: the weakest that was found of any.

use std::collections::BTreeSet;

use crate::catalog::Catalog;
use crate::checked::CheckedGroup;
use crate::describe::{Described, ResultColumn, Statement};
use crate::diagnostic::Diagnostic;
use crate::facts::{
    Access, Cardinality, ColumnFacts, Facts, Held, JsonFacts, Order, OrderKey, ParamFacts, Proved,
};

use super::{Group, Text};

/// A group with what holds whichever of its texts is sent.
pub fn merged(
    catalog: &Catalog,
    mut group: CheckedGroup,
    diagnostics: &mut Vec<Diagnostic>,
) -> CheckedGroup {
    if group.group.template.is_some() {
        let described = described(catalog, &group.group, &group.described, diagnostics);
        let facts = facts(&group.group, &group.facts);
        group.merged = Some((described, facts));
    }
    group
}

/// What the server says of a group as a whole, its parameters in the group's order. Texts that disagree are told.
fn described(
    catalog: &Catalog,
    group: &Group,
    described: &[Described],
    diagnostics: &mut Vec<Diagnostic>,
) -> Described {
    let mut params = vec![None; group.params.len()];
    let mut columns: Option<(&Text, &[ResultColumn])> = None;
    let mut merged = Statement {
        params: Vec::new(),
        columns: Vec::new(),
        queries: Vec::new(),
        plan_error: None,
    };
    for (text, described) in group.texts.iter().zip(described) {
        let statement = match described {
            Described::Statement(statement) => statement,
            // The rules tell it, of the text that it is said of.
            other => return other.clone(),
        };
        for (&place, &found) in text.places.iter().zip(&statement.params) {
            let Some(known) = params.get_mut(place) else {
                continue;
            };
            let before = *known.get_or_insert(found);
            if before != found {
                *known = Some(before);
                let param = &group.params[place];
                let span = param.spans.first().copied();
                let message = format!(
                    "`:{}` is {} in one form of the statement, and {} {}",
                    param.name,
                    named(catalog, before),
                    named(catalog, found),
                    text.when
                );
                let finding = Diagnostic::error("texts-differ", message)
                    .at(span.unwrap_or(text.statement.span))
                    .help(format!(
                        "say which it is, at each place: `:{}::{}`",
                        param.name,
                        catalog.type_name(before)
                    ));
                once(diagnostics, finding);
            }
        }
        match columns {
            None => columns = Some((text, &statement.columns)),
            Some((_, first)) if same_columns(first, &statement.columns) => {}
            Some(_) => once(
                diagnostics,
                Diagnostic::error(
                    "texts-differ",
                    format!("the columns are others {}", text.when),
                )
                .at(text.statement.span)
                .help("cast them in the SQL, so that their types depend on nothing"),
            ),
        }
        if merged.plan_error.is_none() {
            merged.plan_error.clone_from(&statement.plan_error);
        }
        if merged.queries.is_empty() {
            merged.queries.clone_from(&statement.queries);
        }
    }
    merged.params = params.into_iter().map(Option::unwrap_or_default).collect();
    merged.columns = columns.map_or_else(Vec::new, |(_, columns)| columns.to_vec());
    Described::Statement(merged)
}

/// Of one place, the first text that differs is enough.
fn once(diagnostics: &mut Vec<Diagnostic>, finding: Diagnostic) {
    let known = |other: &Diagnostic| other.rule == finding.rule && other.span == finding.span;
    if !diagnostics.iter().any(known) {
        diagnostics.push(finding);
    }
}

fn named(catalog: &Catalog, oid: u32) -> String {
    format!("a `{}`", catalog.type_name(oid))
}

fn same_columns(a: &[ResultColumn], b: &[ResultColumn]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| a.name == b.name && a.type_oid == b.type_oid)
}

/// `None` where nothing was proved of one of the texts.
fn facts(group: &Group, facts: &[Option<Facts>]) -> Option<Facts> {
    let mut merged: Option<Facts> = None;
    let mut held = Vec::new();
    for (text, facts) in group.texts.iter().zip(facts) {
        let facts = facts.as_ref()?;
        if !text.sent {
            continue;
        }
        let mut facts = facts.clone();
        held.push((text, std::mem::take(&mut facts.held)));
        facts.params = match text.variant.as_written {
            // There NULL stands for a filter that is absent, and says nothing of one that is present.
            true => placed(group, text, &[]),
            false => placed(group, text, &facts.params),
        };
        merged = Some(match merged {
            None => facts,
            Some(merged) => weaker(merged, facts),
        });
    }
    merged.map(|merged| Facts {
        held: held_by_all(held),
        ..merged
    })
}

/// What a parameter is held to in every text that has it, by its place in the group.
fn held_by_all(texts: Vec<(&Text, Vec<Held>)>) -> Vec<Held> {
    let texts: Vec<(&Text, Vec<Held>)> = texts
        .into_iter()
        .map(|(text, held)| {
            let of_group = |number: usize| Some(text.places.get(number.checked_sub(1)?)? + 1);
            let placed = held.into_iter().filter_map(|mut held| {
                held.param = of_group(held.param)?;
                if let Some(switch) = held.switch {
                    held.switch = Some(of_group(switch)?);
                }
                Some(held)
            });
            (text, placed.collect())
        })
        .collect();
    let mut all: Vec<Held> = Vec::new();
    for rule in texts.iter().flat_map(|(_, held)| held) {
        let everywhere = texts
            .iter()
            .all(|(text, held)| held.contains(rule) || !text.places.contains(&(rule.param - 1)));
        if everywhere && !all.contains(rule) {
            all.push(rule.clone());
        }
    }
    all
}

/// In the group's order; what a text has not is left to the others.
fn placed(group: &Group, text: &Text, params: &[ParamFacts]) -> Vec<ParamFacts> {
    let mut placed: Vec<ParamFacts> = group.params.iter().map(|_| absent()).collect();
    for (&place, facts) in text.places.iter().zip(params) {
        if let Some(slot) = placed.get_mut(place) {
            slot.clone_from(facts);
        }
    }
    placed
}

const ABSENT: &str = "it stands in no text";

fn absent() -> ParamFacts {
    ParamFacts {
        nullable: Proved::new(false, ABSENT),
        elements: None,
        origin: None,
        assigned: Vec::new(),
        tied: Vec::new(),
        same: Vec::new(),
    }
}

/// What both claim.
fn weaker(mut a: Facts, b: Facts) -> Facts {
    // Without columns, what matters is the number of rows affected, or found.
    let counted = |facts: &Facts| facts.cardinality.value == Cardinality::None;
    if !counted(&a) && (counted(&b) || a.cardinality.value < b.cardinality.value) {
        a.cardinality = b.cardinality;
    }
    if b.access.value == Access::Write && a.access.value == Access::Read {
        a.access = b.access;
    }
    if !b.pure_read.value && a.pure_read.value {
        a.pure_read = b.pure_read;
    }
    if !b.shared.value && a.shared.value {
        a.shared = b.shared;
    }
    a.columns = zip(a.columns, b.columns, column);
    a.params = zip(a.params, b.params, param);
    for (table, columns) in b.reads {
        a.reads.entry(table).or_default().extend(columns);
    }
    for (table, write) in b.writes {
        let known = a.writes.entry(table).or_default();
        known.insert |= write.insert;
        known.update |= write.update;
        known.delete |= write.delete;
        known.columns.extend(write.columns);
    }
    a.keys.extend(b.keys);
    for violation in b.violations {
        let same = |known: &&mut crate::facts::Violation| {
            known.name == violation.name
                && known.relation == violation.relation
                && known.kind == violation.kind
        };
        match a.violations.iter_mut().find(same) {
            None => a.violations.push(violation),
            Some(known) => {
                let all: BTreeSet<_> = known
                    .elsewhere
                    .drain(..)
                    .chain(violation.elsewhere)
                    .collect();
                known.elsewhere = all.into_iter().collect();
            }
        }
    }
    a.unread_code = a.unread_code.or(b.unread_code);
    a.order = order(a.order, b.order);
    a
}

fn zip<T>(a: Vec<T>, b: Vec<T>, weaker: fn(T, T) -> T) -> Vec<T> {
    a.into_iter().zip(b).map(|(a, b)| weaker(a, b)).collect()
}

/// May be NULL if it may be in either.
fn nullable(a: Proved<bool>, b: Proved<bool>) -> Proved<bool> {
    if a.value {
        a
    } else if b.value {
        b
    } else {
        a
    }
}

fn elements(a: Option<Proved<bool>>, b: Option<Proved<bool>>) -> Option<Proved<bool>> {
    a.zip(b).map(|(a, b)| nullable(a, b))
}

fn column(a: ColumnFacts, b: ColumnFacts) -> ColumnFacts {
    ColumnFacts {
        nullable: nullable(a.nullable, b.nullable),
        elements: elements(a.elements, b.elements),
        always_null: a.always_null && b.always_null,
        // Where one says nothing, nothing is known.
        fields: zip(a.fields, b.fields, column),
        record: if a.record == b.record {
            a.record
        } else {
            Vec::new()
        },
        json: a.json.zip(b.json).and_then(|(a, b)| json(a, b)),
        origin: a.origin.filter(|origin| b.origin == Some(*origin)),
    }
}

/// What both say that it is made of.
fn json(a: JsonFacts, b: JsonFacts) -> Option<JsonFacts> {
    Some(match (a, b) {
        (JsonFacts::Object(a), JsonFacts::Object(b)) => {
            let alike =
                a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.0 == b.0 && a.1 == b.1);
            if !alike {
                return None;
            }
            let members = zip(a, b, |a, b| (a.0, a.1, column(a.2, b.2)));
            JsonFacts::Object(members)
        }
        (JsonFacts::Array(oid, a), JsonFacts::Array(other, b)) if oid == other => {
            JsonFacts::Array(oid, Box::new(column(*a, *b)))
        }
        (JsonFacts::Of(oid, a), JsonFacts::Of(other, b)) if oid == other => {
            JsonFacts::Of(oid, Box::new(column(*a, *b)))
        }
        _ => return None,
    })
}

fn param(a: ParamFacts, b: ParamFacts) -> ParamFacts {
    if a.nullable.reason == ABSENT {
        return b;
    }
    if b.nullable.reason == ABSENT {
        return a;
    }
    let union = |mut a: Vec<_>, b: Vec<_>| {
        for one in b {
            if !a.contains(&one) {
                a.push(one);
            }
        }
        a
    };
    ParamFacts {
        nullable: nullable(a.nullable, b.nullable),
        elements: elements(a.elements, b.elements),
        origin: a.origin.or(b.origin),
        assigned: union(a.assigned, b.assigned),
        tied: union(a.tied, b.tied),
        same: union(a.same, b.same),
    }
}

/// The keys that both have, from the first.
fn order(mut a: Order, b: Order) -> Order {
    let plain = |key: &OrderKey| OrderKey {
        nullable: true,
        ..key.clone()
    };
    let same = a
        .keys
        .iter()
        .zip(&b.keys)
        .take_while(|(a, b)| plain(a) == plain(b))
        .count();
    let differ = same != a.keys.len() || same != b.keys.len();
    a.keys.truncate(same);
    for (key, other) in a.keys.iter_mut().zip(&b.keys) {
        key.nullable |= other.nullable;
    }
    if differ {
        a.total = Proved::new(false, "the order depends on the call");
    } else if !b.total.value {
        a.total = b.total;
    }
    a
}
