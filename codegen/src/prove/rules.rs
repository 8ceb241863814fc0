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
pub const ALL: &[(&str, &str)] = &[
    // Rows: cardinality and order.
    (
        "conflict-skips",
        "ON CONFLICT DO NOTHING, and DO UPDATE … WHERE, leave rows out of RETURNING",
    ),
    ("equality-operator", "only btree equality fixes a column"),
    (
        "grouping-sets-rows",
        "each grouping set has rows of its own",
    ),
    (
        "having-filters",
        "HAVING can remove the row of an aggregate",
    ),
    (
        "join-multiplies",
        "every FROM item must be single, not just one",
    ),
    (
        "key-collation",
        "a nondeterministic collation takes different strings for equal",
    ),
    (
        "key-immediate",
        "a deferrable key allows duplicates until COMMIT",
    ),
    ("key-nulls", "a unique key admits several NULLs"),
    (
        "key-of-inheritance-parent",
        "a key of an inheritance parent does not hold for its children",
    ),
    (
        "key-operator-family",
        "the comparison must be the equality of the key's index",
    ),
    ("key-whole", "every column of a key must be fixed"),
    ("limit-constant", "LIMIT with a parameter proves nothing"),
    ("limit-ties", "WITH TIES gives more rows than the limit"),
    ("limit-zero", "LIMIT with a parameter may give no row"),
    ("locked-rows-skipped", "FOR UPDATE can leave rows out"),
    ("offset-skips", "OFFSET can skip the only row"),
    (
        "order-total",
        "only sort keys that hold a key of the result tell all rows apart",
    ),
    (
        "outer-join-condition",
        "the ON of an outer join says nothing of the kept side",
    ),
    (
        "partial-key",
        "a partial unique index counts only where its predicate holds",
    ),
    (
        "set-returning-target",
        "a set-returning function in the select list multiplies rows",
    ),
    (
        "trigger-skips",
        "a BEFORE trigger that returns NULL leaves its row out",
    ),
    ("union-adds", "UNION adds the rows of its sides"),
    (
        "volatile-varies",
        "a volatile function gives another value for each row",
    ),
    ("cte-writes", "an INSERT, UPDATE or DELETE in WITH writes"),
    (
        "functions-write",
        "a function outside the reviewed ones writes",
    ),
    ("locks-write", "FOR UPDATE and FOR SHARE count as writing"),
    ("where-filters", "WHERE can remove the only row"),
];
