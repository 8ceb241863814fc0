//! What we think of each query: the rules, and the waivers that the author wrote against them.
//!
//! Each rule has a file of its own. Its doc comment says what the rule is for; `docs/rules.md` is the same for readers.

mod cardinality;
mod configuration;
mod connection_state;
mod context;
mod decides;
mod does_not_plan;
mod hard_delete;
mod insert_omits_not_null;
mod like_parameter;
mod lock_without_transaction;
mod missing_where;
mod nullity;
mod optional_filter;
mod order_parameter;
mod order_ties;
mod page;
mod page_order;
mod postgres;
mod soft_delete_filter;
mod updated_at;

use crate::catalog::Catalog;
pub use crate::checked::Checked;
use crate::config::Config;
use crate::describe::Described;
use crate::diagnostic::{Diagnostic, Severity};
use crate::nearest::nearest;
use crate::parse::syntax::{Directive, DirectiveKind};
use crate::source::Sources;
use context::Context;

/// What the rules found.
#[derive(Debug, Default)]
pub struct Findings {
    pub diagnostics: Vec<Diagnostic>,
    /// For each query, in the order given, the waivers that silenced something.
    pub waivers: Vec<Vec<Waiver>>,
}

/// `--@ allow(rule, "reason")`, where it was needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// In kebab-case.
    pub rule: &'static str,
    pub reason: String,
}

/// One rule: its findings bear its name.
struct Rule {
    name: &'static str,
    /// `--@ allow(…)` silences it.
    waivable: bool,
    check: fn(&Context<'_>, &mut Vec<Diagnostic>),
}

const RULES: &[Rule] = &[
    postgres::RULE,
    does_not_plan::RULE,
    connection_state::RULE,
    lock_without_transaction::RULE,
    soft_delete_filter::RULE,
    hard_delete::RULE,
    missing_where::RULE,
    updated_at::RULE,
    insert_omits_not_null::RULE,
    cardinality::RULE,
    nullity::ALWAYS_NULL,
    nullity::NEEDLESS,
    like_parameter::RULE,
    optional_filter::RULE,
    optional_filter::IN_WRITE,
    order_ties::RULE,
    order_parameter::RULE,
    page::RULE,
    page_order::RULE,
];

/// The names of all rules, and whether they can be waived: for help texts.
pub fn rules() -> impl Iterator<Item = (&'static str, bool)> {
    RULES.iter().map(|rule| (rule.name, rule.waivable))
}

/// Holds every query against every rule.
pub fn lint(
    sources: &Sources,
    catalog: &Catalog,
    config: &Config,
    queries: &[Checked<'_>],
) -> Findings {
    let mut findings = Findings {
        diagnostics: configuration::check(catalog, config),
        ..Findings::default()
    };
    for query in queries {
        let texts: Vec<(&str, Context<'_>)> = query
            .texts()
            .into_iter()
            .map(|(when, text)| (when, Context::new(sources, catalog, config, queries, text)))
            .collect();
        let waivers = one(&texts, &mut findings.diagnostics);
        findings.waivers.push(waivers);
    }
    findings
}

/// What a rule finds in any of the texts, each finding once. Where the author's own text has it not, it says which has.
fn found(rule: &Rule, texts: &[(&str, Context<'_>)]) -> Vec<Diagnostic> {
    let mut all: Vec<Diagnostic> = Vec::new();
    for (index, (when, context)) in texts.iter().enumerate() {
        let mut found = Vec::new();
        (rule.check)(context, &mut found);
        for finding in found {
            let known = |other: &Diagnostic| {
                (other.span, &other.message) == (finding.span, &finding.message)
            };
            if all.iter().any(known) {
                continue;
            }
            all.push(match when {
                &"" => finding,
                _ if index == 0 => finding,
                when => finding.note(format!("so it is where the statement is sent {when}")),
            });
        }
    }
    all
}

fn one(texts: &[(&str, Context<'_>)], diagnostics: &mut Vec<Diagnostic>) -> Vec<Waiver> {
    let mut waivers = Vec::new();
    let mut used: Vec<&Directive> = Vec::new();
    let Some((_, context)) = texts.first() else {
        return waivers;
    };
    for rule in RULES {
        let found = found(rule, texts);
        let waiver = allows(context).find(|(_, name, _)| name == rule.name);
        match waiver {
            Some((directive, _, reason)) if rule.waivable && !found.is_empty() => {
                used.push(directive);
                waivers.push(Waiver {
                    rule: rule.name,
                    reason: reason.to_owned(),
                });
            }
            _ if context.config.cornucopia => {
                diagnostics.extend(found.into_iter().filter_map(moved_in))
            }
            _ => diagnostics.extend(found),
        }
    }
    // Of a statement that was refused, the other rules had nothing to see.
    let seen = texts.iter().all(|(_, text)| match text.query.described {
        Described::Statement(statement) => statement.plan_error.is_none(),
        Described::Utility(_) => true,
        Described::Refused(_) | Described::Unasked => false,
    });
    for (directive, name, _) in allows(context) {
        if used.iter().any(|used| std::ptr::eq(*used, directive)) {
            continue;
        }
        let known = RULES.iter().find(|rule| rule.name == name);
        let finding = match known {
            None => {
                let waivable = RULES
                    .iter()
                    .filter(|rule| rule.waivable)
                    .map(|rule| rule.name);
                let mut finding =
                    Diagnostic::error("unknown-rule", format!("there is no rule `{name}`"));
                finding = match nearest(&name, waivable.clone()) {
                    Some(near) => {
                        finding.help(format!("did you mean `{}`?", near.replace('-', "_")))
                    }
                    None => finding.help(format!(
                        "the rules that can be waived: {}",
                        waivable
                            .map(|name| name.replace('-', "_"))
                            .collect::<Vec<_>>()
                            .join(", ")
                    )),
                };
                finding
            }
            Some(rule) if !rule.waivable => {
                Diagnostic::error("unknown-rule", format!("`{name}` cannot be waived"))
                    .help("remove the line, and do what the rule says")
            }
            Some(_) if !seen => continue,
            Some(_) => Diagnostic::error(
                "unused-waiver",
                format!("this waives nothing: `{name}` has no objection here"),
            )
            .help("remove the line, so that the rule guards the query again"),
        };
        diagnostics.push(finding.at(directive.span));
    }
    waivers
}

/// With `compat = "cornucopia"`: its users wrote `?` where a column is never NULL, to say `Option`, and nobody asked them for a WHERE.
fn moved_in(mut found: Diagnostic) -> Option<Diagnostic> {
    if found.rule == nullity::NEEDLESS.name {
        return None;
    }
    if found.rule == missing_where::RULE.name {
        found.severity = Severity::Warning;
    }
    Some(found)
}

/// The waivers of a query, with the rule's name in kebab-case.
fn allows<'a>(context: &Context<'a>) -> impl Iterator<Item = (&'a Directive, String, &'a str)> {
    context
        .query
        .parsed
        .directives
        .iter()
        .filter_map(|directive| match &directive.kind {
            DirectiveKind::Allow { rule, reason } => Some((
                directive,
                rule.value.replace('_', "-"),
                reason.value.as_str(),
            )),
            DirectiveKind::One
            | DirectiveKind::Optional
            | DirectiveKind::Many
            | DirectiveKind::Bulk
            | DirectiveKind::Page
            | DirectiveKind::Transaction
            | DirectiveKind::Timeout { .. }
            | DirectiveKind::Order { .. } => None,
        })
}
