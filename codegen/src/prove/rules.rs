//! The rules of inference, by name, so that a test can take one away and see the falsifier object.

use std::collections::BTreeSet;

/// The careful steps. With one disabled, `prove` takes the convenient answer in its place: that is unsound on purpose
/// and for tests only.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    disabled: BTreeSet<&'static str>,
}

impl Rules {
    /// All rules hold: the only form that generation uses.
    pub fn all() -> Self {
        Self::default()
    }

    /// For tests: all but one.
    pub fn without(rule: &'static str) -> Self {
        Self {
            disabled: BTreeSet::from([rule]),
        }
    }

    pub fn holds(&self, rule: &'static str) -> bool {
        debug_assert!(
            ALL.iter().any(|(name, _)| *name == rule),
            "{rule} is not in the list of rules"
        );
        !self.disabled.contains(rule)
    }
}

/// Every rule and what it says.
pub const ALL: &[(&str, &str)] = &[];
