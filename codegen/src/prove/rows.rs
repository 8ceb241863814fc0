//! Can a query give more than one row, and does it always give one? The engine behind cardinality and total orders.
//!
//! The question is put about the set R of rows that a query block gives, perhaps under assumptions ("the sort keys of
//! all rows are equal"). A row of a join is told by the rows that it joins, so R has at most one row when every FROM item
//! is *single* in R: the same row of it (or, for the nullable side of an outer join, its absence) takes part in all of
//! R. An item is single when the columns of one of its unique keys are *the same* throughout R, which follows from
//! equalities that hold on R. An outer join's ON holds only where its nullable side is *present*.

use std::collections::{BTreeMap, BTreeSet};

use super::implication;
use super::walk::{self, Part};
use super::{Input, Rules};
use crate::catalog::{Catalog, FunctionKind, Index, Oid, RelationKind, Volatility};
use crate::describe::tree::{
    BooleanTest, Command, ConflictAction, Expr, GroupingSetKind, JoinExpr, JoinItem, JoinKind,
    Query, Rte, RteKind, SetKind, SetOperation, SortGroup, SubLinkKind, Target, Var,
};

/// At most one row and why, or why not.
pub(super) type Verdict = Result<String, String>;

/// A query and the ones around it, to find what a CTE's name means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'s> {
    query: &'s Query,
    outer: Option<&'s Scope<'s>>,
}

impl<'s> Scope<'s> {
    pub(super) fn top(query: &'s Query) -> Self {
        Self { query, outer: None }
    }

    fn up(&'s self, levels: usize) -> Option<&'s Scope<'s>> {
        let mut scope = self;
        for _ in 0..levels {
            scope = scope.outer?;
        }
        Some(scope)
    }
}

/// A column, or an output of a subquery, has one value throughout R.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Same {
    how: How,
    not_null: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum How {
    /// The very same value, or NULL in every row.
    Exact,
    /// Equal, or all NULL, by these operator families, each with the nondeterministic collation that it compares
    /// by (0: bytes tell). Numbers such as 1.0 and 1.00 are equal and still two values.
    Under(BTreeSet<(Oid, Oid)>),
}

/// What is assumed of a query's targets, by their place in `Query::targets` (or `returning`).
pub(super) type Seeds = BTreeMap<usize, Same>;

#[derive(Clone, Copy)]
pub(super) struct Prover<'p> {
    catalog: &'p Catalog,
    rules: &'p Rules,
}

impl<'p> Prover<'p> {
    pub(super) fn new(input: &'p Input<'p>) -> Self {
        Self {
            catalog: input.catalog,
            rules: input.rules,
        }
    }

    /// Has the query at most one row, when `seeds` hold?
    pub(super) fn at_most_one(&self, scope: &Scope<'_>, seeds: &Seeds) -> Verdict {
        let query = scope.query;
        match query.command {
            Command::Select => self.select_at_most_one(scope, seeds),
            Command::Insert | Command::Update | Command::Delete | Command::Merge => {
                self.modification_at_most_one(scope, seeds)
            }
            Command::Nothing => Ok("a rule makes it do nothing".to_owned()),
            Command::Utility | Command::Unknown => {
                Err("the statement is of an unknown kind".to_owned())
            }
        }
    }

    fn select_at_most_one(&self, scope: &Scope<'_>, seeds: &Seeds) -> Verdict {
        let query = scope.query;
        if let Some(limit) = self.constant_limit(query)
            && limit <= 1
            && (!query.limit_with_ties || limit == 0 || !self.rules.holds("limit-ties"))
        {
            return Ok(format!("LIMIT {limit}"));
        }
        if let Some(operation) = &query.set_operation {
            return self.set_at_most_one(scope, operation, seeds);
        }
        let block = Block::new(self, scope, seeds);
        let state = block.closed();
        if !query.distinct.is_empty()
            && query
                .distinct
                .iter()
                .all(|item| block.group_is_same(&state, item))
        {
            return Ok("DISTINCT leaves one row: its columns are fixed".to_owned());
        }
        if query.has_set_returning_targets && self.rules.holds("set-returning-target") {
            return Err("a function in the select list returns a set".to_owned());
        }
        match self.grouping(query) {
            Grouping::None => block.verdict(&state),
            Grouping::One => Ok("an aggregate over all rows".to_owned()),
            Grouping::By(items) => {
                match items.iter().find(|item| !block.group_is_same(&state, item)) {
                    None => Ok("one group: what GROUP BY names is fixed".to_owned()),
                    Some(item) => block.verdict(&state).map_err(|_| {
                        let text = query.sort_group_target(item).map_or_else(
                            || "a key".to_owned(),
                            |target| describe_target(query, target),
                        );
                        format!("one row for each value of {text} in GROUP BY")
                    }),
                }
            }
            Grouping::Several => Err("GROUP BY has several grouping sets".to_owned()),
        }
    }

    fn set_at_most_one(
        &self,
        scope: &Scope<'_>,
        operation: &SetOperation,
        seeds: &Seeds,
    ) -> Verdict {
        match operation {
            SetOperation::Leaf(rel) => match scope.query.rte(*rel).map(|rte| &rte.kind) {
                Some(RteKind::Subquery { query, .. }) => {
                    let inner = Scope {
                        query,
                        outer: Some(scope),
                    };
                    self.at_most_one(&inner, &by_column(query, seeds))
                }
                _ => Err("a part of the set operation is not known".to_owned()),
            },
            SetOperation::Node {
                kind,
                all,
                left,
                right,
                column_types,
                column_collations,
                groups,
            } => {
                let distinct_and_seeded = !all
                    && groups.len() == column_types.len()
                    && groups.iter().enumerate().all(|(column, group)| {
                        let collation = column_collations.get(column).copied().unwrap_or(0);
                        seeds
                            .get(&column)
                            .is_some_and(|same| self.same_under(same, group.equality, collation))
                    });
                if distinct_and_seeded {
                    return Ok("the set operation removes duplicates".to_owned());
                }
                match kind {
                    SetKind::Except => self.set_at_most_one(scope, left, seeds),
                    SetKind::Intersect => self
                        .set_at_most_one(scope, left, seeds)
                        .or_else(|_| self.set_at_most_one(scope, right, seeds)),
                    SetKind::Union if !self.rules.holds("union-adds") => {
                        self.set_at_most_one(scope, left, seeds)
                    }
                    SetKind::Union => Err("UNION adds the rows of both sides".to_owned()),
                    SetKind::Unknown => Err("the set operation is not known".to_owned()),
                }
            }
            SetOperation::Other(_) => Err("the set operation is not known".to_owned()),
        }
    }

    fn modification_at_most_one(&self, scope: &Scope<'_>, seeds: &Seeds) -> Verdict {
        let query = scope.query;
        let target = query.result_relation;
        // RETURNING's Vars of the target are its new row, of which WHERE says nothing; so the seeds are used only for
        // the keys of what was written.
        let no_seeds = Seeds::new();
        let block = Block::new(self, scope, &no_seeds);
        if query.command == Command::Insert {
            if query.has_set_returning_targets && self.rules.holds("set-returning-target") {
                return Err("a function in the inserted values returns a set".to_owned());
            }
            let state = block.closed();
            let verdict = block.verdict(&state);
            if let Ok(reason) = verdict {
                let values = block.leaves.is_empty() || reason == INSERTS_ONE;
                return Ok(if values {
                    INSERTS_ONE.to_owned()
                } else {
                    format!("{INSERTS_ONE}: {reason}")
                });
            }
            return self.written_key(query, seeds).or(verdict);
        }
        if query.command == Command::Merge {
            return self.merge_at_most_one(&block);
        }
        let state = block.closed();
        if let Some(reason) = state.single.get(&target) {
            return Ok(reason.clone());
        }
        block
            .verdict(&state)
            .or_else(|_| self.written_key(query, seeds))
            .map_err(|_| block.why_many(&state, target))
    }

    /// Rows that one command wrote, told apart by a key among the seeded columns of RETURNING. A row is written at most
    /// once by a command, so the table's unique keys hold among them; triggers could write again, and then nothing is said.
    fn written_key(&self, query: &Query, seeds: &Seeds) -> Verdict {
        let refuse = || Err("nothing tells the written rows apart".to_owned());
        let target = query.result_relation;
        let Some(RteKind::Relation { oid, inherits, .. }) = query.rte(target).map(|rte| &rte.kind)
        else {
            return refuse();
        };
        if self.has_triggers(*oid) {
            return refuse();
        }
        let mut fixed = BTreeMap::new();
        for (index, same) in seeds {
            if let Some(Expr::Var(var)) = query
                .returning
                .get(*index)
                .map(|target| strip(&target.expr))
                && var.rel == target
                && var.levels_up == 0
                && (query.command == Command::Delete
                    || var.returning != crate::describe::tree::VarReturning::Old)
            {
                fixed.insert(var.column, same.clone());
            }
        }
        self.indexes(*oid, *inherits)
            .filter(|index| index.predicate.is_none())
            .find(|index| {
                self.index_is_same(index, true, |_, column| {
                    let same = fixed.get(&column)?;
                    let not_null = same.not_null || self.base_not_null(*oid, column);
                    Some((same.clone(), not_null))
                })
            })
            .map_or_else(refuse, |index| Ok(self.index_reason(index)))
    }

    fn merge_at_most_one(&self, block: &Block<'_, '_, 'p>) -> Verdict {
        let query = block.scope.query;
        if query.merge_actions.iter().any(|action| {
            action.match_kind == crate::describe::tree::MergeMatch::NotMatchedBySource
                || action.match_kind == crate::describe::tree::MergeMatch::Unknown
        }) {
            return Err("WHEN NOT MATCHED BY SOURCE acts on any number of rows".to_owned());
        }
        // The ON condition must not be taken to restrict the source: a source row that does not match is inserted.
        let mut source = Block {
            leaves: block
                .leaves
                .iter()
                .filter(|leaf| leaf.rel != query.result_relation)
                .cloned()
                .collect(),
            conditions: Vec::new(),
            ..block.clone()
        };
        let state = source.closed();
        let reason = source.verdict(&state)?;
        source.leaves.push(Leaf {
            rel: query.result_relation,
            sides: Vec::new(),
        });
        source.conditions.clone_from(&block.conditions);
        if let Some(on) = &query.merge_join_condition {
            source.add_conditions(on, &[]);
        }
        let mut state = state;
        source.close(&mut state, None);
        source
            .verdict(&state)
            .map(|_| format!("merges one row: {reason}"))
    }

    /// Has the query at least one row, whatever the tables hold? Only what is proved; the seeds of
    /// [`Self::at_most_one`] have no part in it.
    pub(super) fn at_least_one(&self, scope: &Scope<'_>) -> bool {
        let query = scope.query;
        match query.command {
            Command::Select => {}
            Command::Insert => {
                return self.insert_gives_all_rows(query) && self.source_gives_a_row(scope);
            }
            Command::Update
            | Command::Delete
            | Command::Merge
            | Command::Utility
            | Command::Nothing
            | Command::Unknown => return false,
        }
        if query.limit_count.is_some() && self.constant_limit(query).is_none_or(|limit| limit < 1) {
            // A parameter may be 0.
            if !is_null_constant(query.limit_count.as_ref()) && self.rules.holds("limit-zero") {
                return false;
            }
        }
        if query.limit_offset.as_ref().is_some_and(|offset| {
            constant_integer(self.catalog, offset) != Some(0) && !is_null_constant(Some(offset))
        }) && self.rules.holds("offset-skips")
        {
            return false;
        }
        // SKIP LOCKED passes over rows, and so does the second look that READ COMMITTED takes after waiting for a lock.
        if (!query.row_marks.is_empty() || query.has_for_update)
            && self.rules.holds("locked-rows-skipped")
        {
            return false;
        }
        if let Some(operation) = &query.set_operation {
            return self.set_gives_a_row(scope, operation);
        }
        if query.has_set_returning_targets {
            return false;
        }
        if query.having.is_some() && self.rules.holds("having-filters") {
            return false;
        }
        match self.grouping(query) {
            Grouping::One => true,
            Grouping::None | Grouping::By(_) => self.source_gives_a_row(scope),
            Grouping::Several => has_empty_set(query),
        }
    }

    fn set_gives_a_row(&self, scope: &Scope<'_>, operation: &SetOperation) -> bool {
        match operation {
            SetOperation::Leaf(rel) => match scope.query.rte(*rel).map(|rte| &rte.kind) {
                Some(RteKind::Subquery { query, .. }) => self.at_least_one(&Scope {
                    query,
                    outer: Some(scope),
                }),
                _ => false,
            },
            SetOperation::Node {
                kind: SetKind::Union,
                left,
                right,
                ..
            } => self.set_gives_a_row(scope, left) || self.set_gives_a_row(scope, right),
            SetOperation::Node { .. } | SetOperation::Other(_) => false,
        }
    }

    /// FROM and WHERE give at least one row.
    fn source_gives_a_row(&self, scope: &Scope<'_>) -> bool {
        let tree = &scope.query.join_tree;
        (tree.quals.is_none() || !self.rules.holds("where-filters"))
            && tree
                .items
                .iter()
                .all(|item| self.item_gives_a_row(scope, item))
    }

    fn item_gives_a_row(&self, scope: &Scope<'_>, item: &JoinItem) -> bool {
        match item {
            JoinItem::Rel(rel) => self.rel_gives_a_row(scope, *rel),
            JoinItem::Join(join) => {
                let left = || self.item_gives_a_row(scope, &join.left);
                let right = || self.item_gives_a_row(scope, &join.right);
                match join.kind {
                    JoinKind::Inner => join.quals.is_none() && left() && right(),
                    JoinKind::Left => left(),
                    JoinKind::Right => right(),
                    JoinKind::Full => left() || right(),
                    JoinKind::Other => false,
                }
            }
            JoinItem::From(inner) => {
                inner.quals.is_none()
                    && inner
                        .items
                        .iter()
                        .all(|item| self.item_gives_a_row(scope, item))
            }
            JoinItem::Other(_) => false,
        }
    }

    fn rel_gives_a_row(&self, scope: &Scope<'_>, rel: usize) -> bool {
        let Some(rte) = scope.query.rte(rel) else {
            return false;
        };
        if rte.tablesample || !rte.security_quals.is_empty() {
            return false;
        }
        match &rte.kind {
            RteKind::Subquery { query, .. } => self.at_least_one(&Scope {
                query,
                outer: Some(scope),
            }),
            RteKind::Values { rows } => !rows.is_empty(),
            RteKind::Functions { functions, .. } => functions
                .iter()
                .any(|function| !returns_set(&function.expr)),
            RteKind::Cte {
                name,
                levels_up,
                self_reference: false,
            } => find_cte(scope, name, *levels_up).is_some_and(|inner| self.at_least_one(&inner)),
            RteKind::Result => true,
            RteKind::Cte { .. }
            | RteKind::Relation { .. }
            | RteKind::Join { .. }
            | RteKind::TableFunction { .. }
            | RteKind::NamedTuplestore
            | RteKind::Group { .. }
            | RteKind::Other(_) => false,
        }
    }

    /// RETURNING has a row for each row of the source.
    fn insert_gives_all_rows(&self, query: &Query) -> bool {
        if query.has_set_returning_targets {
            return false;
        }
        let Some(RteKind::Relation { oid, .. }) =
            query.rte(query.result_relation).map(|rte| &rte.kind)
        else {
            return false;
        };
        let Some(relation) = self.catalog.relations.get(oid) else {
            return false;
        };
        if !matches!(
            relation.kind,
            RelationKind::Table | RelationKind::PartitionedTable
        ) {
            return false;
        }
        let mut trigger_events: Vec<fn(&crate::catalog::Trigger) -> bool> =
            vec![crate::catalog::Trigger::on_insert];
        match &query.on_conflict {
            None => {}
            Some(conflict) => match conflict.action {
                ConflictAction::Update if conflict.condition.is_none() => {
                    trigger_events.push(crate::catalog::Trigger::on_update);
                }
                ConflictAction::Update | ConflictAction::Nothing | ConflictAction::Unknown => {
                    if self.rules.holds("conflict-skips") {
                        return false;
                    }
                }
            },
        }
        // A BEFORE trigger that returns NULL leaves the row out; a partition may have its own.
        let mut tables = self.with_children(*oid);
        tables.push(*oid);
        !self.rules.holds("trigger-skips")
            || !self.catalog.triggers.iter().any(|trigger| {
                tables.contains(&trigger.relation)
                    && trigger.enabled
                    && trigger.is_row()
                    && (trigger.is_before() || trigger.is_instead())
                    && trigger_events.iter().any(|event| event(trigger))
            })
    }

    fn with_children(&self, parent: Oid) -> Vec<Oid> {
        self.catalog
            .relations
            .values()
            .filter(|relation| self.descends(relation.oid, parent, 0))
            .map(|relation| relation.oid)
            .collect()
    }

    fn descends(&self, child: Oid, ancestor: Oid, depth: usize) -> bool {
        depth < 64
            && self.catalog.relations.get(&child).is_some_and(|relation| {
                relation
                    .parents
                    .iter()
                    .any(|&parent| parent == ancestor || self.descends(parent, ancestor, depth + 1))
            })
    }

    fn has_triggers(&self, table: Oid) -> bool {
        let mut tables = self.with_children(table);
        tables.push(table);
        self.catalog
            .triggers
            .iter()
            .any(|trigger| trigger.enabled && tables.contains(&trigger.relation))
            || self.catalog.rules.contains_key(&table)
    }

    fn grouping<'q>(&self, query: &'q Query) -> Grouping<'q> {
        if query.grouping_sets.is_empty() {
            if query.group.is_empty() {
                return if query.has_aggregates || query.having.is_some() {
                    Grouping::One
                } else {
                    Grouping::None
                };
            }
            return Grouping::By(query.group.iter().collect());
        }
        if !self.rules.holds("grouping-sets-rows") {
            return Grouping::One;
        }
        // `GROUP BY a, ()` is a product of one set each; anything else may give several rows whatever is fixed.
        let mut items = Vec::new();
        for set in &query.grouping_sets {
            match set.kind {
                GroupingSetKind::Empty => {}
                GroupingSetKind::Simple => {
                    for reference in &set.references {
                        match query.group.iter().find(|item| item.reference == *reference) {
                            Some(item) => items.push(item),
                            None => return Grouping::Several,
                        }
                    }
                }
                GroupingSetKind::Rollup
                | GroupingSetKind::Cube
                | GroupingSetKind::Sets
                | GroupingSetKind::Unknown => return Grouping::Several,
            }
        }
        if items.is_empty() {
            Grouping::One
        } else {
            Grouping::By(items)
        }
    }

    fn constant_limit(&self, query: &Query) -> Option<i64> {
        let limit = query.limit_count.as_ref()?;
        if !self.rules.holds("limit-constant") && matches!(strip(limit), Expr::Param(_)) {
            return Some(1);
        }
        constant_integer(self.catalog, limit)
    }

    /// Unique indexes that hold for all rows that a scan of the relation can give.
    fn indexes(&self, relation: Oid, inherits: bool) -> impl Iterator<Item = &'p Index> {
        let found = self.catalog.relations.get(&relation);
        let covers_children = found.is_some_and(|found| {
            !inherits
                || found.kind == RelationKind::PartitionedTable
                || !found.has_inheritance_children
                || !self.rules.holds("key-of-inheritance-parent")
        });
        let deferrable_counts = !self.rules.holds("key-immediate");
        self.catalog.indexes.values().filter(move |index| {
            index.relation == relation
                && covers_children
                && index.unique
                && index.valid
                && (index.immediate || deferrable_counts)
                && !index.keys.is_empty()
        })
    }

    /// Every key column has the same value in all rows, and no two rows can share it. `present`: the row is surely there.
    fn index_is_same(
        &self,
        index: &Index,
        present: bool,
        fixed: impl Fn(usize, i16) -> Option<(Same, bool)>,
    ) -> bool {
        let mut any_not_null = false;
        let mut any_null = false;
        let mut matched = 0;
        for (place, &key) in index.keys.iter().enumerate() {
            let Some((same, not_null)) = fixed(place, key) else {
                if self.rules.holds("key-whole") {
                    return false;
                }
                continue;
            };
            let family = index.families.get(place).copied().unwrap_or(0);
            let collation = index.collations.get(place).copied().unwrap_or(0);
            if !self.same_in_family(&same, &[family], collation) {
                return false;
            }
            matched += 1;
            if not_null {
                any_not_null = true;
            } else {
                any_null = true;
            }
        }
        if matched == 0 {
            return false;
        }
        // A unique key admits several NULLs, unless it says NULLS NOT DISTINCT. Even then a row that is absent (the
        // nullable side of an outer join) is not told from one whose key is NULL, unless some column is surely not.
        !any_null
            || (index.nulls_not_distinct && (any_not_null || present))
            || !self.rules.holds("key-nulls")
    }

    fn base_not_null(&self, relation: Oid, column: i16) -> bool {
        self.catalog
            .relations
            .get(&relation)
            .and_then(|relation| relation.column(column))
            .is_some_and(|column| column.not_null)
    }

    fn index_reason(&self, index: &Index) -> String {
        let columns = self.key_names(index);
        let table = self.catalog.relation_name(index.relation);
        let what = if index.primary {
            "the primary key"
        } else if index.predicate.is_some() {
            "unique where the condition holds"
        } else {
            "unique"
        };
        match columns.as_slice() {
            [column] => format!("`{table}.{column}` is {what}"),
            _ => format!("`({})` of `{table}` is {what}", columns.join(", ")),
        }
    }

    fn key_names(&self, index: &Index) -> Vec<String> {
        let relation = self.catalog.relations.get(&index.relation);
        index
            .keys
            .iter()
            .map(|&key| {
                relation
                    .and_then(|relation| relation.column(key))
                    .map_or_else(|| "an expression".to_owned(), |column| column.name.clone())
            })
            .collect()
    }

    /// The nondeterministic collation, or 0: all others tell strings apart by their bytes.
    fn collation(&self, collation: Oid) -> Oid {
        if self.rules.holds("key-collation")
            && self
                .catalog
                .nondeterministic_collations
                .contains(&collation)
        {
            collation
        } else {
            0
        }
    }

    fn same_under(&self, same: &Same, equality: Oid, collation: Oid) -> bool {
        self.catalog
            .operators
            .get(&equality)
            .is_some_and(|operator| {
                self.same_in_family(same, &operator.equality_families, collation)
            })
    }

    fn same_in_family(&self, same: &Same, families: &[Oid], collation: Oid) -> bool {
        let collation = self.collation(collation);
        match &same.how {
            How::Exact => true,
            How::Under(ways) => {
                ways.iter().any(|(family, by)| {
                    // Equal by bytes is equal by any collation.
                    families.contains(family) && (*by == 0 || *by == collation)
                }) || !self.rules.holds("key-operator-family")
            }
        }
    }

    /// What sorting by `item` leaves unsaid of a target: all its values are equal, or NULL.
    pub(super) fn equal_under(&self, query: &Query, item: &SortGroup) -> Option<(usize, Same)> {
        let place = query
            .targets
            .iter()
            .position(|target| target.sort_group_ref == item.reference)?;
        let operator = self.catalog.operators.get(&item.equality)?;
        let collation = self.collation(collation_of(&query.targets.get(place)?.expr));
        Some((
            place,
            Same {
                how: How::Under(
                    operator
                        .equality_families
                        .iter()
                        .map(|&family| (family, collation))
                        .collect(),
                ),
                not_null: false,
            },
        ))
    }

    fn is_volatile(&self, function: Oid) -> bool {
        self.catalog
            .functions
            .get(&function)
            .is_none_or(|function| {
                function.volatility == Volatility::Volatile
                    || function.kind != FunctionKind::Function
            })
    }

    /// Is a function that can give another value at each call used here? What is not known counts as one.
    fn has_volatile(&self, query: &Query) -> bool {
        let mut found = false;
        walk::everything(query, &mut |part| {
            let Part::Expr(expr) = part else { return };
            found = found
                || match expr {
                    Expr::Op(operation) | Expr::Distinct(operation) | Expr::NullIf(operation) => {
                        self.is_volatile(operator_function(
                            self.catalog,
                            operation.operator,
                            operation.function,
                        ))
                    }
                    Expr::ScalarArray {
                        operator, function, ..
                    } => self.is_volatile(operator_function(self.catalog, *operator, *function)),
                    Expr::Func(call) => self.is_volatile(call.function),
                    Expr::Aggregate(_) | Expr::WindowFunc(_) => false,
                    Expr::NextValue { .. } | Expr::CurrentOf => true,
                    Expr::Other { kind, .. } => kind != "PARAM_SUBLINK",
                    Expr::OtherQuery { .. } => true,
                    _ => false,
                };
        });
        found
    }
}

const INSERTS_ONE: &str = "inserts one row";

/// The rows that grouping leaves.
enum Grouping<'q> {
    None,
    /// One row, whatever there is.
    One,
    By(Vec<&'q SortGroup>),
    Several,
}

/// Some grouping set is empty, and so has a row whatever there is.
fn has_empty_set(query: &Query) -> bool {
    matches!(
        query.grouping_sets.as_slice(),
        [set] if matches!(set.kind, GroupingSetKind::Rollup | GroupingSetKind::Cube)
            || set.sets.iter().any(|inner| inner.kind == GroupingSetKind::Empty)
    )
}

/// One side of an outer join that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Side {
    join: usize,
    right: bool,
}

#[derive(Debug, Clone)]
struct Leaf {
    rel: usize,
    /// All must be present for the leaf to be.
    sides: Vec<Side>,
}

#[derive(Debug, Clone)]
struct OuterJoin {
    id: usize,
    kind: JoinKind,
    /// The sides of other joins that this one is within.
    within: Vec<Side>,
    left: BTreeSet<usize>,
    right: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
struct Condition<'q> {
    expr: &'q Expr,
    /// It holds where all of these are present.
    under: Vec<Side>,
}

/// FROM and WHERE of one query, taken apart.
#[derive(Clone)]
struct Block<'b, 'q, 'p> {
    prover: Prover<'p>,
    scope: &'b Scope<'q>,
    seeds: &'b Seeds,
    leaves: Vec<Leaf>,
    joins: Vec<OuterJoin>,
    conditions: Vec<Condition<'q>>,
    /// Something in FROM was not recognised.
    unknown: bool,
}

/// What is known of R so far. It only grows.
#[derive(Debug, Clone, Default)]
struct State {
    present: BTreeSet<Side>,
    same: BTreeMap<(usize, i16), Same>,
    not_null: BTreeSet<(usize, i16)>,
    single: BTreeMap<usize, String>,
    /// Single, and its columns' values are the same too. A function's row is single though its value may differ.
    exact: BTreeSet<usize>,
}

impl<'b, 'q, 'p> Block<'b, 'q, 'p> {
    fn new(prover: &Prover<'p>, scope: &'b Scope<'q>, seeds: &'b Seeds) -> Self {
        let mut block = Self {
            prover: *prover,
            scope,
            seeds,
            leaves: Vec::new(),
            joins: Vec::new(),
            conditions: Vec::new(),
            unknown: false,
        };
        let query = scope.query;
        let mut rels = BTreeSet::new();
        for item in &query.join_tree.items {
            block.add(item, &[], &mut rels);
        }
        if let Some(quals) = &query.join_tree.quals {
            block.add_conditions(quals, &[]);
        }
        // A HAVING that uses no aggregate says of the group what WHERE would say of its rows.
        if let Some(having) = &query.having
            && query.grouping_sets.is_empty()
            && !query.group.is_empty()
            && !walk::any_expression(having, &|expr| {
                matches!(
                    expr,
                    Expr::Aggregate(_) | Expr::SubLink(_) | Expr::Grouping { .. }
                )
            })
        {
            block.add_conditions(having, &[]);
        }
        block
    }

    fn add(&mut self, item: &'q JoinItem, sides: &[Side], rels: &mut BTreeSet<usize>) {
        match item {
            JoinItem::Rel(rel) => {
                rels.insert(*rel);
                self.leaves.push(Leaf {
                    rel: *rel,
                    sides: sides.to_vec(),
                });
            }
            JoinItem::Join(join) => self.add_join(join, sides, rels),
            JoinItem::From(inner) => {
                for item in &inner.items {
                    self.add(item, sides, rels);
                }
                if let Some(quals) = &inner.quals {
                    self.add_conditions(quals, sides);
                }
            }
            JoinItem::Other(_) => self.unknown = true,
        }
    }

    fn add_join(&mut self, join: &'q JoinExpr, sides: &[Side], rels: &mut BTreeSet<usize>) {
        let id = self.joins.len();
        let (left_side, right_side) = (
            Side {
                join: id,
                right: false,
            },
            Side {
                join: id,
                right: true,
            },
        );
        let (left_nullable, right_nullable) = match join.kind {
            JoinKind::Inner => (false, false),
            JoinKind::Left => (false, true),
            JoinKind::Right => (true, false),
            JoinKind::Full => (true, true),
            JoinKind::Other => {
                self.unknown = true;
                (true, true)
            }
        };
        self.joins.push(OuterJoin {
            id,
            kind: join.kind,
            within: sides.to_vec(),
            left: BTreeSet::new(),
            right: BTreeSet::new(),
        });
        let with = |nullable: bool, side: Side| {
            let mut list = sides.to_vec();
            if nullable {
                list.push(side);
            }
            list
        };
        let (mut left, mut right) = (BTreeSet::new(), BTreeSet::new());
        self.add(&join.left, &with(left_nullable, left_side), &mut left);
        self.add(&join.right, &with(right_nullable, right_side), &mut right);
        if let Some(quals) = &join.quals {
            let mut under = sides.to_vec();
            if self.prover.rules.holds("outer-join-condition") {
                if left_nullable {
                    under.push(left_side);
                }
                if right_nullable {
                    under.push(right_side);
                }
            }
            self.add_conditions(quals, &under);
        }
        rels.extend(&left);
        rels.extend(&right);
        if let Some(found) = self.joins.get_mut(id) {
            found.left = left;
            found.right = right;
        }
    }

    fn add_conditions(&mut self, expr: &'q Expr, under: &[Side]) {
        match expr {
            Expr::And(args, _) => {
                for arg in args {
                    self.add_conditions(arg, under);
                }
            }
            _ => self.conditions.push(Condition {
                expr,
                under: under.to_vec(),
            }),
        }
    }

    fn rte(&self, rel: usize) -> Option<&'q Rte> {
        self.scope.query.rte(rel)
    }

    /// All that follows from the conditions and the seeds.
    fn closed(&self) -> State {
        let mut state = State::default();
        let query = self.scope.query;
        for (&index, same) in self.seeds {
            if let Some(target) = query.targets.get(index)
                && let Some(column) = self.column(&target.expr)
            {
                self.add_same(&mut state, column, same.clone());
            }
        }
        self.close(&mut state, None);
        state
    }

    fn close(&self, state: &mut State, within: Option<Side>) {
        loop {
            let mut changed = false;
            for condition in &self.conditions {
                if condition
                    .under
                    .iter()
                    .all(|side| state.present.contains(side))
                {
                    changed |= self.learn(condition.expr, state);
                }
            }
            for leaf in &self.leaves {
                if !state.single.contains_key(&leaf.rel)
                    && let Some((reason, exact)) = self.leaf_single(leaf, state)
                {
                    state.single.insert(leaf.rel, reason);
                    if exact {
                        state.exact.insert(leaf.rel);
                    }
                    changed = true;
                }
            }
            for join in &self.joins {
                if within.is_none_or(|side| join.within.contains(&side)) {
                    changed |= self.try_sides(join, state);
                }
            }
            if !changed {
                break;
            }
        }
    }

    /// With one side of an outer join single, the other has at most one row in R, or is absent, when that follows where
    /// it is present.
    fn try_sides(&self, join: &OuterJoin, state: &mut State) -> bool {
        if !join.within.iter().all(|side| state.present.contains(side)) {
            return false;
        }
        let mut changed = false;
        for right in [true, false] {
            let side = Side {
                join: join.id,
                right,
            };
            let (rels, kept) = if right {
                (&join.right, &join.left)
            } else {
                (&join.left, &join.right)
            };
            let nullable = match join.kind {
                JoinKind::Inner | JoinKind::Other => false,
                JoinKind::Left => right,
                JoinKind::Right => !right,
                // Once one side is known to be present, the other is that of a left join.
                JoinKind::Full => state.present.contains(&Side {
                    join: join.id,
                    right: !right,
                }),
            };
            if !nullable
                || state.present.contains(&side)
                || rels.iter().all(|rel| state.single.contains_key(rel))
                || !kept.iter().all(|rel| state.single.contains_key(rel))
            {
                continue;
            }
            let mut there = state.clone();
            there.present.insert(side);
            self.close(&mut there, Some(side));
            if rels.iter().all(|rel| there.single.contains_key(rel)) {
                for rel in rels {
                    if let Some(reason) = there.single.get(rel)
                        && state.single.insert(*rel, reason.clone()).is_none()
                    {
                        changed = true;
                    }
                    if there.exact.contains(rel) {
                        state.exact.insert(*rel);
                    }
                }
            }
        }
        changed
    }

    fn verdict(&self, state: &State) -> Verdict {
        if self.unknown {
            return Err("a part of FROM is not known".to_owned());
        }
        let missing = self
            .leaves
            .iter()
            .find(|leaf| !state.single.contains_key(&leaf.rel));
        if let Some(leaf) = missing {
            if !self.prover.rules.holds("join-multiplies") && !state.single.is_empty() {
                return Ok("not all FROM items are limited".to_owned());
            }
            return Err(self.why_many(state, leaf.rel));
        }
        let mut reasons: Vec<&str> = Vec::new();
        for leaf in &self.leaves {
            if let Some(reason) = state.single.get(&leaf.rel)
                && !reason.is_empty()
                && !reasons.contains(&reason.as_str())
            {
                reasons.push(reason);
            }
        }
        Ok(if reasons.is_empty() {
            if self.leaves.is_empty() {
                "a SELECT without FROM".to_owned()
            } else {
                "what stands in FROM gives one row".to_owned()
            }
        } else {
            reasons.join(", and ")
        })
    }

    fn why_many(&self, state: &State, rel: usize) -> String {
        let Some(rte) = self.rte(rel) else {
            return "a FROM item is not known".to_owned();
        };
        let name = &rte.name;
        match &rte.kind {
            RteKind::Relation { oid, inherits, .. } => {
                let mut keys: Vec<String> = self
                    .prover
                    .indexes(*oid, *inherits)
                    .filter(|index| {
                        index.predicate.is_none() && index.keys.iter().all(|&key| key > 0)
                    })
                    .map(|index| {
                        let missing: Vec<String> = index
                            .keys
                            .iter()
                            .zip(self.prover.key_names(index))
                            .filter(|(key, _)| self.same(state, rel, **key).is_none())
                            .map(|(_, name)| format!("`{name}`"))
                            .collect();
                        missing.join(" and ")
                    })
                    .filter(|text| !text.is_empty())
                    .collect();
                keys.dedup();
                if keys.is_empty() {
                    format!("`{name}` has no unique key that the conditions fix")
                } else {
                    format!("nothing fixes {} of `{name}`", keys.join(", or "))
                }
            }
            RteKind::Functions { .. } | RteKind::TableFunction { .. } => {
                format!("`{name}` is a function that returns a set")
            }
            RteKind::Values { .. } => "VALUES has several rows".to_owned(),
            RteKind::Subquery { query, .. } => {
                let inner = Scope {
                    query,
                    outer: Some(self.scope),
                };
                let seeds = self.seeds_for(query, rel, state);
                match self.prover.at_most_one(&inner, &seeds) {
                    // The server names what the author did not: `*SELECT*`, `unnamed_subquery`.
                    Err(reason) if name.starts_with('*') || name == "unnamed_subquery" => reason,
                    Err(reason) => format!("in `{name}`, {reason}"),
                    Ok(_) => format!("`{name}` may have several rows"),
                }
            }
            RteKind::Cte {
                name: cte,
                levels_up,
                ..
            } => match find_cte(self.scope, cte, *levels_up) {
                Some(inner) => {
                    let seeds = self.seeds_for(inner.query, rel, state);
                    match self.prover.at_most_one(&inner, &seeds) {
                        Err(reason) => format!("in `{cte}`, {reason}"),
                        Ok(_) => format!("`{cte}` may have several rows"),
                    }
                }
                None => format!("`{cte}` may have several rows"),
            },
            RteKind::Join { .. }
            | RteKind::NamedTuplestore
            | RteKind::Result
            | RteKind::Group { .. }
            | RteKind::Other(_) => format!("`{name}` may have several rows"),
        }
    }

    // --- what is the same throughout R

    /// The column of a FROM item that an expression is, unchanged.
    fn column(&self, expr: &'q Expr) -> Option<(usize, i16)> {
        match self.resolve(expr) {
            Expr::Var(var) if var.levels_up == 0 && var.column > 0 => Some((var.rel, var.column)),
            _ => None,
        }
    }

    fn resolve(&self, expr: &'q Expr) -> &'q Expr {
        resolve(self.scope.query, expr)
    }

    fn is_present(&self, state: &State, rel: usize) -> bool {
        self.leaves
            .iter()
            .find(|leaf| leaf.rel == rel)
            .is_some_and(|leaf| leaf.sides.iter().all(|side| state.present.contains(side)))
    }

    fn same(&self, state: &State, rel: usize, column: i16) -> Option<Same> {
        let not_null = self.is_not_null(state, rel, column);
        if state.exact.contains(&rel) {
            return Some(Same {
                how: How::Exact,
                not_null,
            });
        }
        state.same.get(&(rel, column)).map(|same| Same {
            how: same.how.clone(),
            not_null: same.not_null || not_null,
        })
    }

    fn is_not_null(&self, state: &State, rel: usize, column: i16) -> bool {
        state.not_null.contains(&(rel, column))
            || (self.is_present(state, rel)
                && matches!(
                    self.rte(rel).map(|rte| &rte.kind),
                    Some(RteKind::Relation { oid, .. }) if self.prover.base_not_null(*oid, column)
                ))
    }

    /// Same by the values that the rows give it: a constant, a parameter, an outer query's column, or what is computed
    /// from such without a volatile function.
    fn is_exact(&self, state: &State, expr: &'q Expr) -> bool {
        let all = |args: &'q [Expr]| args.iter().all(|arg| self.is_exact(state, arg));
        let stable = |function: Oid| {
            !self.prover.is_volatile(function) || !self.prover.rules.holds("volatile-varies")
        };
        let operator = |operator: Oid, function: Oid| {
            stable(operator_function(self.prover.catalog, operator, function))
        };
        match self.resolve(expr) {
            Expr::Const(_) | Expr::Param(_) | Expr::SqlValueFunction { .. } => true,
            Expr::Var(var) => {
                var.levels_up > 0
                    || self
                        .same(state, var.rel, var.column)
                        .is_some_and(|same| same.how == How::Exact)
            }
            Expr::Op(operation) | Expr::Distinct(operation) | Expr::NullIf(operation) => {
                !operation.returns_set
                    && operator(operation.operator, operation.function)
                    && all(&operation.args)
            }
            Expr::ScalarArray {
                operator: oid,
                function,
                args,
                ..
            } => operator(*oid, *function) && all(args),
            Expr::Func(call) => !call.returns_set && stable(call.function) && all(&call.args),
            Expr::And(args, _)
            | Expr::Or(args, _)
            | Expr::Coalesce { args, .. }
            | Expr::MinMax { args, .. } => all(args),
            Expr::Array { elements, .. } => all(elements),
            Expr::Row { fields, .. } => all(fields),
            Expr::Not(arg, _)
            | Expr::NullTest { arg, .. }
            | Expr::BooleanTest { arg, .. }
            | Expr::CoerceViaIo { arg, .. }
            | Expr::CoerceToDomain { arg, .. }
            | Expr::FieldSelect { arg, .. }
            | Expr::Relabel { arg, .. }
            | Expr::Collate { arg, .. }
            | Expr::NamedArg { arg, .. } => self.is_exact(state, arg),
            Expr::Subscript(subscript) => {
                subscript.assignment.is_none()
                    && self.is_exact(state, &subscript.container)
                    && subscript
                        .upper
                        .iter()
                        .chain(&subscript.lower)
                        .flatten()
                        .all(|bound| self.is_exact(state, bound))
            }
            Expr::SubLink(link) => {
                link.kind == SubLinkKind::Expr
                    && !walk::refers_out(&link.query, 1)
                    && !self.prover.has_volatile(&link.query)
            }
            // With an argument, the conditions hold nodes that stand for it.
            Expr::Case(case) => {
                case.arg.is_none()
                    && case.whens.iter().all(|(condition, result)| {
                        self.is_exact(state, condition) && self.is_exact(state, result)
                    })
                    && case
                        .default
                        .iter()
                        .all(|default| self.is_exact(state, default))
            }
            _ => false,
        }
    }

    fn add_same(&self, state: &mut State, column: (usize, i16), same: Same) -> bool {
        let mut changed = false;
        if same.not_null {
            changed |= self.add_not_null(state, column);
        }
        match state.same.get_mut(&column) {
            None => {
                state.same.insert(column, same);
                true
            }
            Some(known) => {
                if same.not_null && !known.not_null {
                    known.not_null = true;
                    changed = true;
                }
                match (&mut known.how, same.how) {
                    (How::Exact, _) => {}
                    (how @ How::Under(_), How::Exact) => {
                        *how = How::Exact;
                        changed = true;
                    }
                    (How::Under(ways), How::Under(more)) => {
                        let before = ways.len();
                        ways.extend(more);
                        changed |= ways.len() != before;
                    }
                }
                changed
            }
        }
    }

    /// A column that is not NULL belongs to a row that is there.
    fn add_not_null(&self, state: &mut State, (rel, column): (usize, i16)) -> bool {
        let mut changed = state.not_null.insert((rel, column));
        if let Some(leaf) = self.leaves.iter().find(|leaf| leaf.rel == rel) {
            for side in &leaf.sides {
                changed |= state.present.insert(*side);
            }
        }
        changed
    }

    /// Takes in a condition that is true of every row of R.
    fn learn(&self, expr: &'q Expr, state: &mut State) -> bool {
        let mut changed = false;
        let mut rejected = BTreeSet::new();
        implication::rejects_null(
            self.prover.catalog,
            expr,
            &|expr| self.column(expr),
            &mut rejected,
        );
        for column in rejected {
            changed |= self.add_not_null(state, column);
        }
        let exact = |not_null| Same {
            how: How::Exact,
            not_null,
        };
        match expr {
            Expr::And(args, _) => {
                for arg in args {
                    changed |= self.learn(arg, state);
                }
            }
            Expr::Op(operation) => {
                if let [left, right] = operation.args.as_slice()
                    && let Some(operator) = self.prover.catalog.operators.get(&operation.operator)
                    && operator.is_btree_equality
                    && implication::is_strict(self.prover.catalog, operator.function)
                {
                    let ways: Vec<(Oid, Oid)> = operator
                        .equality_families
                        .iter()
                        .map(|&family| (family, self.prover.collation(operation.collation)))
                        .collect();
                    changed |= self.equate(state, left, right, &ways, true);
                    changed |= self.equate(state, right, left, &ways, true);
                } else if !self.prover.rules.holds("equality-operator") {
                    for column in operation.args.iter().filter_map(|arg| self.column(arg)) {
                        changed |= self.add_same(state, column, exact(true));
                    }
                }
            }
            Expr::Not(arg, _) => match arg.as_ref() {
                // IS NOT DISTINCT FROM
                Expr::Distinct(operation) => {
                    if let [left, right] = operation.args.as_slice()
                        && let Some(operator) =
                            self.prover.catalog.operators.get(&operation.operator)
                        && operator.is_btree_equality
                    {
                        let ways: Vec<(Oid, Oid)> = operator
                            .equality_families
                            .iter()
                            .map(|&family| (family, self.prover.collation(operation.collation)))
                            .collect();
                        changed |= self.equate(state, left, right, &ways, false);
                        changed |= self.equate(state, right, left, &ways, false);
                    }
                }
                arg => {
                    if let Some(column) = self.column(arg) {
                        changed |= self.add_same(state, column, exact(true));
                    }
                }
            },
            Expr::NullTest {
                arg,
                is_null: true,
                row: false,
                ..
            } => {
                if let Some(column) = self.column(arg) {
                    changed |= self.add_same(state, column, exact(false));
                }
            }
            Expr::BooleanTest {
                arg,
                kind: BooleanTest::IsTrue | BooleanTest::IsFalse,
                ..
            } => {
                if let Some(column) = self.column(arg) {
                    changed |= self.add_same(state, column, exact(true));
                }
            }
            // A boolean column as a condition.
            Expr::Var(_) | Expr::Relabel { .. } => {
                if let Some(column) = self.column(expr) {
                    changed |= self.add_same(state, column, exact(true));
                }
            }
            _ => {}
        }
        changed
    }

    /// `column` equals `other` throughout R; if `other` is the same throughout, so is the column.
    fn equate(
        &self,
        state: &mut State,
        column: &'q Expr,
        other: &'q Expr,
        ways: &[(Oid, Oid)],
        not_null: bool,
    ) -> bool {
        let Some(column) = self.column(column) else {
            return false;
        };
        let how = if self.is_exact(state, other) {
            How::Under(ways.iter().copied().collect())
        } else {
            let Some((rel, number)) = self.column(other) else {
                return false;
            };
            let Some(same) = self.same(state, rel, number) else {
                return false;
            };
            match same.how {
                How::Exact => How::Under(ways.iter().copied().collect()),
                How::Under(known) => {
                    let mut both = BTreeSet::new();
                    for &(family, by) in ways {
                        for &(other_family, other_by) in &known {
                            // The coarser of the two equalities is what is left; two different nondeterministic
                            // collations have nothing in common.
                            if family == other_family
                                && (by == 0 || other_by == 0 || by == other_by)
                            {
                                both.insert((family, by.max(other_by)));
                            }
                        }
                    }
                    How::Under(both)
                }
            }
        };
        if matches!(&how, How::Under(ways) if ways.is_empty()) {
            return false;
        }
        self.add_same(state, column, Same { how, not_null })
    }

    /// Does a GROUP BY or DISTINCT element have the same value throughout R?
    fn group_is_same(&self, state: &State, item: &SortGroup) -> bool {
        let query = self.scope.query;
        let Some(place) = query
            .targets
            .iter()
            .position(|target| target.sort_group_ref == item.reference)
        else {
            return false;
        };
        let Some(target) = query.targets.get(place) else {
            return false;
        };
        let collation = collation_of(&target.expr);
        if self
            .seeds
            .get(&place)
            .is_some_and(|same| self.prover.same_under(same, item.equality, collation))
            || self.is_exact(state, &target.expr)
        {
            return true;
        }
        self.column(&target.expr)
            .and_then(|(rel, column)| self.same(state, rel, column))
            .is_some_and(|same| self.prover.same_under(&same, item.equality, collation))
    }

    // --- FROM items

    /// The same row of the item, or its absence, takes part in all of R; and are its columns' values the same too?
    fn leaf_single(&self, leaf: &Leaf, state: &State) -> Option<(String, bool)> {
        let rel = leaf.rel;
        let rte = self.rte(rel)?;
        let present = self.is_present(state, rel);
        match &rte.kind {
            RteKind::Relation { oid, inherits, .. } => {
                let index = self.prover.indexes(*oid, *inherits).find(|index| {
                    let applies = index.predicate.is_none()
                        || !self.prover.rules.holds("partial-key")
                        || (present && self.predicate_holds(index, rel, state));
                    applies
                        && self.prover.index_is_same(index, present, |place, column| {
                            // A function that takes NULL could give the same for a row that is absent.
                            if column == 0 {
                                if !present {
                                    return None;
                                }
                                return Some((
                                    self.expression_same(state, rel, index, place)?,
                                    true,
                                ));
                            }
                            let same = self.same(state, rel, column)?;
                            // Where the row is absent all of its columns are NULL, and so told from any row with this
                            // column: what counts is that no row of the table has a NULL.
                            let not_null = same.not_null || self.prover.base_not_null(*oid, column);
                            Some((same, not_null))
                        })
                })?;
                Some((self.prover.index_reason(index), true))
            }
            RteKind::Subquery { query, .. } if present => {
                let inner = Scope {
                    query,
                    outer: Some(self.scope),
                };
                let seeds = self.seeds_for(query, rel, state);
                let reason = self.prover.at_most_one(&inner, &seeds).ok()?;
                let exact = !self.prover.has_volatile(query) && self.outer_vars_exact(query, state);
                Some((reason, exact))
            }
            RteKind::Cte {
                name,
                levels_up,
                self_reference: false,
            } if present => {
                let inner = find_cte(self.scope, name, *levels_up)?;
                let seeds = self.seeds_for(inner.query, rel, state);
                let reason = self.prover.at_most_one(&inner, &seeds).ok()?;
                Some((reason, true))
            }
            RteKind::Functions { functions, .. } if present => {
                if functions.iter().any(|function| returns_set(&function.expr)) {
                    return None;
                }
                let exact = functions
                    .iter()
                    .all(|function| self.is_exact(state, &function.expr));
                Some((String::new(), exact))
            }
            RteKind::Values { rows } if present && rows.len() <= 1 => {
                let exact = rows.iter().flatten().all(|expr| self.is_exact(state, expr));
                Some((String::new(), exact))
            }
            RteKind::Result => Some((String::new(), true)),
            RteKind::Subquery { .. }
            | RteKind::Cte { .. }
            | RteKind::Functions { .. }
            | RteKind::Values { .. }
            | RteKind::Join { .. }
            | RteKind::TableFunction { .. }
            | RteKind::NamedTuplestore
            | RteKind::Group { .. }
            | RteKind::Other(_) => None,
        }
    }

    /// What is known of the columns of a subquery, as assumptions about its targets.
    fn seeds_for(&self, query: &Query, rel: usize, state: &State) -> Seeds {
        let list = if query.command == Command::Select {
            &query.targets
        } else {
            &query.returning
        };
        list.iter()
            .enumerate()
            .filter(|(_, target)| !target.junk)
            .filter_map(|(place, target)| {
                state
                    .same
                    .get(&(rel, target.number))
                    .map(|same| (place, same.clone()))
            })
            .collect()
    }

    /// A subquery that looks at its neighbours (LATERAL) gives the same row only where what it looks at is the same.
    fn outer_vars_exact(&self, query: &'q Query, state: &State) -> bool {
        let mut vars: Vec<&'q Var> = Vec::new();
        walk::vars_of_level(Part::Query(query), 1, &mut vars);
        vars.is_empty()
            || (query.limit_count.is_none()
                && vars.iter().all(|var| {
                    self.same(state, var.rel, var.column)
                        .is_some_and(|same| same.how == How::Exact)
                }))
    }

    /// `lower(email) = lower($1)`, for an index on `lower(email)`.
    fn expression_same(
        &self,
        state: &State,
        rel: usize,
        index: &Index,
        place: usize,
    ) -> Option<Same> {
        let key = implication::key_expression(index, place)?;
        let own = |expr| match self.resolve(expr) {
            Expr::Var(var) if var.levels_up == 0 && var.rel == rel => Some(var.column),
            _ => None,
        };
        let mut ways = BTreeSet::new();
        for condition in &self.conditions {
            let Expr::Op(operation) = condition.expr else {
                continue;
            };
            let Some(operator) = self.prover.catalog.operators.get(&operation.operator) else {
                continue;
            };
            let [left, right] = operation.args.as_slice() else {
                continue;
            };
            let equates = operator.is_btree_equality
                && implication::is_strict(self.prover.catalog, operator.function)
                && condition
                    .under
                    .iter()
                    .all(|side| state.present.contains(side))
                && [(left, right), (right, left)]
                    .into_iter()
                    .any(|(ours, other)| {
                        implication::same_expression(&own, ours, &key)
                            && self.is_exact(state, other)
                    });
            if equates {
                let by = self.prover.collation(operation.collation);
                ways.extend(
                    operator
                        .equality_families
                        .iter()
                        .map(|&family| (family, by)),
                );
            }
        }
        (!ways.is_empty()).then_some(Same {
            how: How::Under(ways),
            not_null: true,
        })
    }

    fn predicate_holds(&self, index: &Index, rel: usize, state: &State) -> bool {
        let Some(predicate) = implication::predicate(index) else {
            return false;
        };
        let known: Vec<&Expr> = self
            .conditions
            .iter()
            .filter(|condition| {
                condition
                    .under
                    .iter()
                    .all(|side| state.present.contains(side))
            })
            .map(|condition| condition.expr)
            .collect();
        implication::implies(
            self.prover.catalog,
            &known,
            &|expr| match self.resolve(expr) {
                Expr::Var(var) if var.levels_up == 0 && var.rel == rel => Some(var.column),
                _ => None,
            },
            &|column| self.is_not_null(state, rel, column),
            &predicate,
        )
    }
}

/// Through casts that change no bytes, and through the columns of joins and groups, to what is behind.
pub(crate) fn resolve<'q>(query: &'q Query, expr: &'q Expr) -> &'q Expr {
    let mut expr = strip(expr);
    // Joins nest as deep as FROM does; the bound is against a tree that names itself.
    for _ in 0..256 {
        let Expr::Var(var) = expr else { break };
        if var.levels_up != 0 {
            break;
        }
        let inner = match query.rte(var.rel).map(|rte| &rte.kind) {
            Some(RteKind::Join { columns, .. }) => element(columns, var.column),
            Some(RteKind::Group { expressions }) => element(expressions, var.column),
            _ => None,
        };
        match inner {
            Some(inner) => expr = strip(inner),
            None => break,
        }
    }
    expr
}

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
    let prover = Prover {
        catalog,
        rules: &rules,
    };
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

/// The seeds of a set operation's columns, as seeds of the targets of one of its leaves.
fn by_column(query: &Query, seeds: &Seeds) -> Seeds {
    let list = if query.command == Command::Select {
        &query.targets
    } else {
        &query.returning
    };
    list.iter()
        .enumerate()
        .filter(|(_, target)| !target.junk)
        .zip(0..)
        .filter_map(|((place, _), column)| seeds.get(&column).map(|same| (place, same.clone())))
        .collect()
}

fn find_cte<'s>(scope: &'s Scope<'s>, name: &str, levels_up: usize) -> Option<Scope<'s>> {
    let owner = scope.up(levels_up)?;
    let cte = owner.query.ctes.iter().find(|cte| cte.name == name)?;
    (!cte.recursive).then_some(Scope {
        query: &cte.query,
        outer: Some(owner),
    })
}

fn element(list: &[Expr], number: i16) -> Option<&Expr> {
    list.get(usize::try_from(number).ok()?.checked_sub(1)?)
}

/// Without what changes no bytes: casts between types of one representation, COLLATE, argument names.
pub(super) fn strip(expr: &Expr) -> &Expr {
    let mut expr = expr;
    while let Expr::Relabel { arg, .. }
    | Expr::Collate { arg, .. }
    | Expr::CoerceToDomain { arg, .. }
    | Expr::NamedArg { arg, .. } = expr
    {
        expr = arg;
    }
    expr
}

fn collation_of(expr: &Expr) -> Oid {
    match expr {
        Expr::Collate { collation, .. } => *collation,
        Expr::Relabel { arg, .. }
        | Expr::CoerceToDomain { arg, .. }
        | Expr::NamedArg { arg, .. } => collation_of(arg),
        Expr::Var(var) => var.collation,
        _ => 0,
    }
}

pub(super) fn operator_function(catalog: &Catalog, operator: Oid, function: Oid) -> Oid {
    if function != 0 {
        return function;
    }
    catalog
        .operators
        .get(&operator)
        .map_or(0, |operator| operator.function)
}

/// Does the expression give a set? In FROM, what is no function gives one row.
fn returns_set(expr: &Expr) -> bool {
    walk::any_expression(expr, &|expr| match expr {
        Expr::Func(call) => call.returns_set,
        Expr::Op(operation) => operation.returns_set,
        Expr::Other { .. } | Expr::OtherQuery { .. } => true,
        _ => false,
    })
}

fn is_null_constant(expr: Option<&Expr>) -> bool {
    matches!(expr.map(strip), Some(Expr::Const(constant)) if constant.is_null)
}

const INT8: Oid = 20;
const INT2: Oid = 21;
const INT4: Oid = 23;

/// A whole number that is written out, perhaps widened by an implicit cast.
fn constant_integer(catalog: &Catalog, expr: &Expr) -> Option<i64> {
    match strip(expr) {
        Expr::Const(constant) if !constant.is_null && constant.by_value => {
            let bytes: [u8; 8] = constant.value.get(..8)?.try_into().ok()?;
            match constant.type_oid {
                INT8 => Some(i64::from_le_bytes(bytes)),
                INT4 => Some(i64::from(i32::from_le_bytes([
                    bytes[0], bytes[1], bytes[2], bytes[3],
                ]))),
                INT2 => Some(i64::from(i16::from_le_bytes([bytes[0], bytes[1]]))),
                _ => None,
            }
        }
        Expr::Func(call) => {
            let function = catalog.functions.get(&call.function)?;
            match call.args.as_slice() {
                [arg]
                    if function.builtin
                        && matches!(function.name.as_str(), "int8" | "int4" | "int2") =>
                {
                    constant_integer(catalog, arg)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// A target as the author would name it.
pub(super) fn describe_target(query: &Query, target: &Target) -> String {
    if let Expr::Var(var) = strip(&target.expr)
        && var.levels_up == 0
        && let Some(name) = usize::try_from(var.column)
            .ok()
            .and_then(|column| column.checked_sub(1))
            .and_then(|column| query.rte(var.rel)?.column_names.get(column))
    {
        return format!("`{name}`");
    }
    match &target.name {
        Some(name) if !target.junk && name != "?column?" => format!("`{name}`"),
        _ => "an expression".to_owned(),
    }
}
