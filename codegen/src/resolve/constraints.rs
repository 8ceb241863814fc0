//! The constraints that a query can violate, as an enum of its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::TypeKind;
use crate::facts::{Facts, Held, Violation, ViolationKind};
use crate::model::{self, ConstraintEnum, ConstraintTarget, ConstraintVariant};
use crate::parse::syntax::{ParamUse, Role};

use super::query::Draft;
use super::structs::push_paragraph;
use super::{Resolver, names};

impl Resolver<'_> {
    pub(super) fn constraints(&self, draft: &Draft<'_>) -> Option<ConstraintEnum> {
        let found: Vec<(&Violation, ConstraintTarget)> = draft
            .facts
            .violations
            .iter()
            .filter_map(|violation| Some((violation, self.target(violation)?)))
            .collect();
        if found.is_empty() {
            return None;
        }
        let plain = |violation: &Violation| match violation.kind {
            ViolationKind::NotNull => {
                let column = violation.columns.first().unwrap_or(&violation.name);
                names::pascal(&format!(
                    "{}_{column}_not_null",
                    violation.relation_name.replace('.', "_")
                ))
            }
            ViolationKind::Domain if violation.name == type_part(&violation.relation_name) => {
                names::pascal(&format!("{}_not_null", violation.name))
            }
            ViolationKind::Unique
            | ViolationKind::ForeignKey
            | ViolationKind::Check
            | ViolationKind::Exclusion
            | ViolationKind::Domain => names::pascal(&violation.name),
        };
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (violation, _) in &found {
            *counts
                .entry(plain(violation).unwrap_or_default())
                .or_default() += 1;
        }
        let mut taken = BTreeSet::new();
        let mut variants = Vec::new();
        for (violation, target) in found {
            let name = plain(violation).unwrap_or_else(|| "Unnamed".to_owned());
            // Names of constraints are unique only within their table.
            let name = match counts.get(&name) {
                Some(1) => name,
                _ => {
                    let table = names::pascal(&violation.relation_name).unwrap_or_default();
                    format!("{table}{name}")
                }
            };
            let mut docs: Vec<String> = violation.comment.iter().cloned().collect();
            let what = if violation.columns.is_empty() {
                format!(
                    "A {} of `{}`",
                    kind(violation.kind),
                    violation.relation_name
                )
            } else {
                let columns: Vec<String> = violation
                    .columns
                    .iter()
                    .map(|column| format!("`{column}`"))
                    .collect();
                format!(
                    "The {} of `{}` on {}",
                    kind(violation.kind),
                    violation.relation_name,
                    columns.join(", ")
                )
            };
            push_paragraph(&mut docs, &format!("{what}."));
            let name = if name == "Self" {
                "Self_".to_owned()
            } else {
                name
            };
            variants.push(ConstraintVariant {
                name: names::numbered(name, &mut taken),
                docs,
                also: also(violation, &target),
                target,
            });
        }
        Some(ConstraintEnum {
            name: format!("{}Constraint", draft.pascal),
            variants,
        })
    }

    /// How the server names it.
    fn target(&self, violation: &Violation) -> Option<ConstraintTarget> {
        if violation.kind == ViolationKind::Domain {
            let found = self.catalog.types.values().find(|found| {
                matches!(found.kind, TypeKind::Domain(_))
                    && self.catalog.type_name(found.oid) == violation.relation_name
            })?;
            return Some(ConstraintTarget::Type {
                schema: found.schema.clone(),
                ty: found.name.clone(),
                name: (violation.name != found.name).then(|| violation.name.clone()),
            });
        }
        let relation = self.catalog.relations.get(&violation.relation)?;
        let (schema, table) = (relation.schema.clone(), relation.name.clone());
        Some(if violation.kind == ViolationKind::NotNull {
            ConstraintTarget::Column {
                schema,
                table,
                column: violation.columns.first().unwrap_or(&violation.name).clone(),
            }
        } else {
            ConstraintTarget::Constraint {
                schema,
                table,
                name: violation.name.clone(),
            }
        })
    }
}

/// Partitions are traced to their table by the runtime; domains are not.
fn also(violation: &Violation, target: &ConstraintTarget) -> Vec<ConstraintTarget> {
    let ConstraintTarget::Type { name, .. } = target else {
        return Vec::new();
    };
    let elsewhere = violation.elsewhere.iter();
    elsewhere
        .map(|reported| ConstraintTarget::Type {
            schema: reported.schema.clone(),
            ty: reported.table.clone(),
            name: name.clone(),
        })
        .collect()
}

fn type_part(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, name)| name)
}

pub(super) fn violations(facts: &Facts) -> Vec<model::Violation> {
    facts
        .violations
        .iter()
        .map(|violation| model::Violation {
            name: violation.name.clone(),
            kind: kind(violation.kind).to_owned(),
            table: violation.relation_name.clone(),
            columns: violation.columns.clone(),
            reason: violation.reason.clone(),
        })
        .collect()
}

fn kind(kind: ViolationKind) -> &'static str {
    match kind {
        ViolationKind::Unique => "unique key",
        ViolationKind::ForeignKey => "foreign key",
        ViolationKind::Check => "check constraint",
        ViolationKind::NotNull => "not-null constraint",
        ViolationKind::Exclusion => "exclusion constraint",
        ViolationKind::Domain => "domain constraint",
    }
}

/// What parameters are held to, by their places and names.
pub(super) fn held(held: &[Held], params: &[ParamUse]) -> Vec<model::Held> {
    held.iter()
        .filter_map(|held| {
            let place = held.param.checked_sub(1)?;
            // Whether a patch is stored is its own switch's business; a value that is stored under conditions may be any.
            let switch = match params.get(place)?.role {
                Role::Value => None,
                Role::Patch { .. } => Some(held.param + 1),
                Role::Switch => return None,
            };
            if held.switch != switch {
                return None;
            }
            Some(model::Held {
                place,
                switch: held.switch.and_then(|switch| switch.checked_sub(1)),
                field: params.get(place)?.name.clone(),
                schema: held.schema.clone(),
                relation: held.relation.clone(),
                constraint: held.constraint.clone(),
                message: held.message.clone(),
                test: held.test.clone(),
            })
        })
        .collect()
}
