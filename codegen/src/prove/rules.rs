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

/// In [`ALL`], the rules about NULL stand from this one on.
pub const FIRST_ABOUT_NULL: &str = "column-without-not-null";

/// Every rule and what it says.
pub const ALL: &[(&str, &str)] = &[
    // Rows: cardinality and order.
    (
        "conflict-skips",
        "ON CONFLICT DO NOTHING, and DO UPDATE … WHERE, leave rows out of RETURNING",
    ),
    (
        "equality-of-types",
        "two values may equal one of another type: by the time zone",
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
    (
        "side-varies",
        "what LATERAL or a volatile function decides differs from row to row, and so whether an outer join finds its row",
    ),
    ("cte-writes", "an INSERT, UPDATE or DELETE in WITH writes"),
    (
        "functions-write",
        "a function outside the reviewed ones writes",
    ),
    ("locks-write", "FOR UPDATE and FOR SHARE count as writing"),
    ("where-filters", "WHERE can remove the only row"),
    // NULL: columns.
    (
        "column-without-not-null",
        "a column that is not NOT NULL may be NULL",
    ),
    (
        "not-null-validated",
        "a NOT NULL that was not validated, or that a child table lacks, holds for new rows only",
    ),
    (
        "domain-not-null",
        "a NOT NULL domain does not keep NULL out of a column",
    ),
    (
        "foreign-table",
        "nobody holds a foreign table to its NOT NULL",
    ),
    (
        "instead-of-trigger",
        "what RETURNING shows of a view is what its trigger returned",
    ),
    ("stored-elements", "a stored array may hold NULL"),
    (
        "composite-fields",
        "a field of a stored composite may be NULL",
    ),
    (
        "dropped-attributes",
        "ROW(…) of a composite has a NULL where an attribute was dropped",
    ),
    // NULL: joins and conditions.
    ("left-join", "a LEFT JOIN fills its right side with NULLs"),
    ("right-join", "a RIGHT JOIN fills its left side with NULLs"),
    ("full-join", "a FULL JOIN fills both sides with NULLs"),
    (
        "full-join-using",
        "a merged column of a FULL JOIN is NULL where either side's can be",
    ),
    (
        "outer-join-on",
        "the ON of an outer join holds only in the rows that it matched",
    ),
    (
        "presence-of-one-side",
        "a row that is there undoes only the outer joins that could have left it out",
    ),
    (
        "or-either-arm",
        "OR rejects only what all of its arms reject",
    ),
    (
        "not-turns-round",
        "NOT (a AND b) rejects other NULLs than a AND b",
    ),
    (
        "null-test-sense",
        "IS NULL rejects no NULL, and NOT (x IS NOT NULL) neither",
    ),
    ("is-not-true-admits-null", "IS NOT TRUE holds for NULL"),
    (
        "distinct-takes-null",
        "IS [NOT] DISTINCT FROM holds for NULLs too",
    ),
    (
        "all-of-empty-array",
        "x <> ALL (array) holds for a NULL x where the array is empty",
    ),
    (
        "all-of-no-rows",
        "x > ALL (SELECT …) holds for a NULL x where no row is found",
    ),
    (
        "strict-only",
        "only a strict function rejects NULL in its arguments",
    ),
    // NULL: query levels.
    (
        "union-either",
        "a column of UNION may be NULL where it may be in either side",
    ),
    (
        "unseen-casts",
        "a set operation casts its sides, perhaps by an author's function",
    ),
    ("except-left", "EXCEPT says nothing of its left side"),
    (
        "values-any-row",
        "a column of VALUES may be NULL where it may be in any row",
    ),
    (
        "recursive-term",
        "a recursive CTE may give NULL through its recursive term",
    ),
    (
        "grouping-sets",
        "what a grouping set leaves out is NULL in its rows",
    ),
    ("empty-group", "an aggregate over no rows is NULL"),
    (
        "empty-group-knows-nothing",
        "of the one row that comes of no rows, WHERE says nothing",
    ),
    (
        "with-stands-apart",
        "WITH is evaluated for itself: the WHERE behind it says nothing of it",
    ),
    ("aggregate-filter", "FILTER may leave an aggregate no rows"),
    (
        "aggregate-skips-null",
        "an aggregate over nothing but NULL is NULL",
    ),
    (
        "sample-statistics",
        "variance, stddev, corr and their kin are NULL for one row",
    ),
    (
        "user-aggregates",
        "an aggregate that is not built in may return NULL",
    ),
    (
        "window-frame",
        "a frame that need not hold its own row may be empty",
    ),
    (
        "frame-exclude",
        "EXCLUDE CURRENT ROW and EXCLUDE GROUP may empty the frame",
    ),
    (
        "lag-lead",
        "lag and lead without a default look past the ends",
    ),
    (
        "nth-value",
        "a frame may hold fewer rows than nth_value asks for",
    ),
    ("ntile", "ntile of NULL is NULL"),
    (
        "scalar-subquery-no-row",
        "a scalar subquery that finds no row is NULL",
    ),
    (
        "uneven-sets",
        "of several sets in one list the shorter are filled with NULLs",
    ),
    (
        "set-values",
        "jsonb_each_text and its kin give NULL for a JSON null",
    ),
    (
        "table-function",
        "columns of XMLTABLE and JSON_TABLE may be NULL",
    ),
    // NULL: what is written.
    (
        "update-new-values",
        "the WHERE of an UPDATE says nothing of the new values",
    ),
    (
        "before-trigger",
        "a BEFORE trigger may change any column of the row",
    ),
    ("old-of-insert", "an INSERT has no old row"),
    ("new-of-delete", "a DELETE leaves no new row"),
    (
        "merge-source",
        "a MERGE that acts where the source has no row shows NULLs for it",
    ),
    (
        "merge-old-new",
        "a MERGE may have no old row, or no new one",
    ),
    // NULL: expressions.
    ("null-constant", "NULL is NULL"),
    (
        "nullable-parameter",
        "a parameter that may be NULL makes what is made of it NULL",
    ),
    (
        "reviewed-functions",
        "a built-in function outside the reviewed ones may return NULL",
    ),
    (
        "user-functions",
        "a function that is not built in may return NULL",
    ),
    ("strict-gives-null", "a strict function of NULL is NULL"),
    (
        "non-strict-conditions",
        "concat_ws, format, array_cat and their kin give NULL for some NULLs",
    ),
    (
        "extract-of-infinity",
        "most fields of an infinite date are NULL",
    ),
    (
        "case-else",
        "CASE without ELSE is NULL where no arm is taken",
    ),
    (
        "case-passes-null",
        "an arm of CASE is passed over where its condition is NULL",
    ),
    (
        "coalesce-all-null",
        "COALESCE, GREATEST and LEAST of NULLs are NULL",
    ),
    ("nullif", "NULLIF gives NULL for equal values"),
    (
        "three-valued-logic",
        "AND and OR may be NULL where an arm may be",
    ),
    (
        "any-over-nulls",
        "x = ANY (…) is NULL where NULL is among the values and none is equal",
    ),
    ("subscript", "an array may have no such element"),
    (
        "array-elements",
        "an array holds the NULLs that it was made of",
    ),
    ("array-constant", "a constant array may hold NULL"),
    (
        "fields-of-every-element",
        "the rows of an array may be NULL in different fields",
    ),
    (
        "current-schema",
        "CURRENT_SCHEMA is NULL where no schema of the path exists",
    ),
    (
        "json-query",
        "JSON_VALUE and JSON_QUERY are NULL for what the document lacks",
    ),
    (
        "json-keys-once",
        "of a key that stands twice in an object either value may be read",
    ),
    ("xml", "XML functions may give NULL"),
    ("unknown-node", "what sqlmill does not know may be NULL"),
];
