//! What we think of each query: the rules, and the waivers that the author wrote against them.

use crate::catalog::Catalog;
pub use crate::checked::Checked;
use crate::diagnostic::Diagnostic;
use crate::source::Sources;

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

/// Holds every query against every rule.
pub fn lint(sources: &Sources, catalog: &Catalog, queries: &[Checked<'_>]) -> Findings {
    let _ = (sources, catalog);
    Findings {
        diagnostics: Vec::new(),
        waivers: vec![Vec::new(); queries.len()],
    }
}
