//! Can a query give more than one row, and does it always give one? The engine behind cardinality and total orders.
//!
//! The question is put about the set R of rows that a query block gives, perhaps under assumptions ("the sort keys of
//! all rows are equal"). A row of a join is told by the rows that it joins, so R has at most one row when every FROM item
//! is *single* in R: the same row of it (or, for the nullable side of an outer join, its absence) takes part in all of
//! R. An item is single when the columns of one of its unique keys are *the same* throughout R, which follows from
//! equalities that hold on R. An outer join's ON holds only where its nullable side is *present*.

mod block;
mod keys;
mod readings;

use crate::catalog::oid::{INT2, INT4, INT8};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::walk::{self, Part};
use super::{Rules, functions};
use crate::catalog::{Catalog, FunctionKind, Index, Oid, RelationKind, TypeKind, Volatility};
use crate::describe::tree::{
    Command, ConflictAction, Expr, GroupingSetKind, JoinItem, JoinKind, Query, RteKind, SetKind,
    SetOperation, SortGroup, Target, VarReturning,
};
use block::Block;
pub(crate) use readings::{Reading, readings};

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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Same {
    how: How,
    not_null: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    /// The very same value, or NULL in every row.
    Exact,
    /// Equal, or all NULL, by these operator families, each with the nondeterministic collation that it compares
    /// by (0: bytes tell). Numbers such as 1.0 and 1.00 are equal and still two values.
    Under(BTreeSet<(Oid, Oid)>),
}

/// What is assumed of a query's targets, by their place in `Query::targets` (or `returning`).
pub(super) type Seeds = BTreeMap<usize, Same>;

/// Answers for one statement: a query that is used several times, a CTE, is looked into once for each set of seeds.
pub(super) struct Prover<'p> {
    catalog: &'p Catalog,
    rules: &'p Rules,
    /// The unique indexes of each table.
    unique: BTreeMap<Oid, Vec<&'p Index>>,
    /// Queries by their address: where a query stands says what its CTEs mean.
    known: RefCell<BTreeMap<(*const Query, Seeds), Verdict>>,
    known_to_give_a_row: RefCell<BTreeMap<*const Query, bool>>,
    /// The indexes that a proof named.
    used: RefCell<BTreeSet<Oid>>,
    steps: Cell<u32>,
}

/// Looks at a condition or a FROM item before the rest is given the careful answer. The largest statements that people
/// write take some thousands; this many take seconds.
const STEPS: u32 = 200_000;

impl<'p> Prover<'p> {
    pub(super) fn new(catalog: &'p Catalog, rules: &'p Rules) -> Self {
        let mut unique: BTreeMap<Oid, Vec<&Index>> = BTreeMap::new();
        for index in catalog.indexes.values().filter(|index| index.unique) {
            unique.entry(index.relation).or_default().push(index);
        }
        Self {
            catalog,
            rules,
            unique,
            known: RefCell::default(),
            known_to_give_a_row: RefCell::default(),
            used: RefCell::default(),
            steps: Cell::new(0),
        }
    }

    /// The indexes that what was proved rests on.
    pub(super) fn used(self) -> BTreeSet<Oid> {
        self.used.into_inner()
    }

    /// Counts a step; false where there have been too many.
    fn step(&self) -> bool {
        let steps = self.steps.get().saturating_add(1);
        self.steps.set(steps);
        steps < STEPS
    }

    /// Has the query at most one row, when `seeds` hold?
    pub(super) fn at_most_one(&self, scope: &Scope<'_>, seeds: &Seeds) -> Verdict {
        let key = (std::ptr::from_ref(scope.query), seeds.clone());
        if let Some(verdict) = self.known.borrow().get(&key) {
            return verdict.clone();
        }
        let verdict = if self.step() {
            self.look_at_most_one(scope, seeds)
        } else {
            Err("the statement is too large to tell".to_owned())
        };
        self.known.borrow_mut().insert(key, verdict.clone());
        verdict
    }

    fn look_at_most_one(&self, scope: &Scope<'_>, seeds: &Seeds) -> Verdict {
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
        let sets = query.has_set_returning_targets && self.rules.holds("set-returning-target");
        let grouping = self.grouping(query);
        if matches!(grouping, Grouping::One) && !sets {
            return Ok("an aggregate over all rows".to_owned());
        }
        let block = Block::new(self, scope, seeds);
        let state = block.closed();
        // With ORDER BY a set in the select list is only made after DISTINCT ON, and what grouping sets put NULL in place of
        // is not what WHERE fixed.
        if !query.distinct.is_empty()
            && !query.has_set_returning_targets
            && !matches!(grouping, Grouping::Several)
            && query
                .distinct
                .iter()
                .all(|item| block.group_is_same(&state, item))
        {
            return Ok("DISTINCT leaves one row: its columns are fixed".to_owned());
        }
        if sets {
            return Err("a function in the select list returns a set".to_owned());
        }
        match grouping {
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
                    SetKind::Union => self.one_branch(scope, operation, seeds),
                    SetKind::Unknown => Err("the set operation is not known".to_owned()),
                }
            }
            SetOperation::Other(_) => Err("the set operation is not known".to_owned()),
        }
    }

    /// Each part of the UNION has a constant of its own in a column that is the same throughout: only one of them gives
    /// rows.
    fn one_branch(&self, scope: &Scope<'_>, operation: &SetOperation, seeds: &Seeds) -> Verdict {
        let adds = || Err("UNION adds the rows of both sides".to_owned());
        let mut leaves = Vec::new();
        if !union_leaves(scope.query, operation, &mut leaves) {
            return adds();
        }
        let told_apart = seeds.iter().any(|(&column, same)| {
            self.tells_bytes(same)
                && leaves
                    .iter()
                    .map(|leaf| {
                        let target = leaf.visible_targets().nth(column)?;
                        match strip(&target.expr) {
                            Expr::Const(constant)
                                if !constant.is_null
                                    && self.is_told_by_bytes(constant.type_oid) =>
                            {
                                Some((constant.type_oid, constant.value.as_slice()))
                            }
                            _ => None,
                        }
                    })
                    .collect::<Option<BTreeSet<_>>>()
                    .is_some_and(|constants| {
                        // Constants of several types are cast to one, and may be equal then.
                        let types: BTreeSet<Oid> = constants.iter().map(|(oid, _)| *oid).collect();
                        constants.len() == leaves.len() && types.len() == 1
                    })
        });
        if !told_apart {
            return adds();
        }
        for leaf in leaves {
            let inner = Scope {
                query: leaf,
                outer: Some(scope),
            };
            self.at_most_one(&inner, &by_column(leaf, seeds))?;
        }
        Ok(
            "only one part of the UNION has the constant, and each gives at most one row"
                .to_owned(),
        )
    }

    /// Values that are equal in this way have the same bytes, if their type is one of those below.
    fn tells_bytes(&self, same: &Same) -> bool {
        match &same.how {
            How::Exact => true,
            How::Under(ways) => ways
                .iter()
                .any(|&(family, by)| by == 0 && functions::is_initial(family)),
        }
    }

    fn is_told_by_bytes(&self, type_oid: Oid) -> bool {
        const TYPES: &[&str] = &["bool", "int2", "int4", "int8", "text", "varchar", "uuid"];
        self.catalog
            .types
            .get(&type_oid)
            .is_some_and(|known| match known.kind {
                TypeKind::Enum(_) => true,
                _ => functions::is_initial(type_oid) && TYPES.contains(&known.name.as_str()),
            })
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
                && (var.returning == VarReturning::Default
                    || (var.returning == VarReturning::Old) == (query.command == Command::Delete))
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
        let mut source = block.source_of_merge(query.result_relation);
        let mut state = source.closed();
        let reason = source.verdict(&state)?;
        source.join_target(query.result_relation, block);
        if let Some(on) = &query.merge_join_condition {
            source.add_conditions(on, &[]);
        }
        state.look_again();
        source.close(&mut state, None);
        source
            .verdict(&state)
            .map(|_| format!("merges one row: {reason}"))
    }

    /// Has the query at least one row, whatever the tables hold? Only what is proved; the seeds of
    /// [`Self::at_most_one`] have no part in it.
    pub(super) fn at_least_one(&self, scope: &Scope<'_>) -> bool {
        let key = std::ptr::from_ref(scope.query);
        if let Some(&known) = self.known_to_give_a_row.borrow().get(&key) {
            return known;
        }
        let found = self.look_at_least_one(scope);
        self.known_to_give_a_row.borrow_mut().insert(key, found);
        found
    }

    fn look_at_least_one(&self, scope: &Scope<'_>) -> bool {
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
        if !query.row_marks.is_empty() || query.has_for_update {
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
        if rte.tablesample.is_some() || !rte.security_quals.is_empty() {
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
        // What another server does with a row is its own affair.
        let is_foreign = |table: &Oid| {
            let found = self.catalog.relations.get(table);
            found.is_none_or(|found| found.kind == RelationKind::ForeignTable)
        };
        if tables.iter().any(is_foreign) {
            return false;
        }
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
    fn has_volatile(&self, part: Part<'_>) -> bool {
        let mut found = false;
        walk::everything_in(part, &mut |part| {
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

/// The queries that UNIONs put together; false where something else is among them.
fn union_leaves<'q>(
    query: &'q Query,
    operation: &'q SetOperation,
    leaves: &mut Vec<&'q Query>,
) -> bool {
    match operation {
        SetOperation::Leaf(rel) => match query.rte(*rel).map(|rte| &rte.kind) {
            Some(RteKind::Subquery { query, .. }) => {
                leaves.push(query);
                true
            }
            _ => false,
        },
        SetOperation::Node {
            kind: SetKind::Union,
            left,
            right,
            ..
        } => union_leaves(query, left, leaves) && union_leaves(query, right, leaves),
        SetOperation::Node { .. } | SetOperation::Other(_) => false,
    }
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
    if let Some(name) = column_name(query, &target.expr) {
        return format!("`{name}`");
    }
    match &target.name {
        Some(name) if !target.junk && name != "?column?" => format!("`{name}`"),
        _ => "an expression".to_owned(),
    }
}

fn column_name<'q>(query: &'q Query, expr: &Expr) -> Option<&'q str> {
    let Expr::Var(var) = strip(expr) else {
        return None;
    };
    if var.levels_up != 0 {
        return None;
    }
    let place = usize::try_from(var.column).ok()?.checked_sub(1)?;
    let rte = query.rte(var.rel)?;
    match &rte.kind {
        // From 18 on what is grouped by is in an entry of its own, where nothing that is not selected has a name.
        RteKind::Group { expressions } => column_name(query, expressions.get(place)?),
        _ => rte.column_names.get(place).map(String::as_str),
    }
}
