//! FROM and WHERE of one query, taken apart: which FROM items are single, and why.

use std::collections::{BTreeMap, BTreeSet};

use super::{How, Prover, Same, Scope, Seeds, Verdict};
use super::{collation_of, find_cte, operator_function, resolve, returns_set};
use crate::catalog::{Index, Oid};
use crate::describe::tree::{
    BooleanTest, Command, Expr, JoinExpr, JoinItem, JoinKind, Query, Rte, RteKind, SortGroup,
    SubLinkKind, Var,
};
use crate::prove::implication;
use crate::prove::walk::{self, Part};

/// One side of an outer join that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Side {
    join: usize,
    right: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) rel: usize,
    /// All must be present for the leaf to be.
    pub(super) sides: Vec<Side>,
    /// Whether it is single depends on nothing but what is known of its own columns and its presence.
    alone: bool,
}

#[derive(Debug, Clone)]
pub(super) struct OuterJoin {
    id: usize,
    kind: JoinKind,
    /// The sides of other joins that this one is within.
    within: Vec<Side>,
    left: BTreeSet<usize>,
    right: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
pub(super) struct Condition<'q> {
    pub(super) expr: &'q Expr,
    /// It holds where all of these are present.
    pub(super) under: Vec<Side>,
    /// Where it holds, these are not NULL.
    rejects_null: BTreeSet<(usize, i16)>,
    /// The FROM items whose columns it uses.
    rels: BTreeSet<usize>,
}

/// FROM and WHERE of one query, taken apart.
#[derive(Clone)]
pub(super) struct Block<'b, 'q, 'p> {
    prover: &'b Prover<'p>,
    pub(super) scope: &'b Scope<'q>,
    seeds: &'b Seeds,
    pub(super) leaves: Vec<Leaf>,
    /// By the FROM item, its place among the leaves.
    places: BTreeMap<usize, usize>,
    joins: Vec<OuterJoin>,
    pub(super) conditions: Vec<Condition<'q>>,
    /// Something in FROM was not recognised.
    unknown: bool,
}

/// What is known of R so far. It only grows.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) present: BTreeSet<Side>,
    same: BTreeMap<(usize, i16), Same>,
    not_null: BTreeSet<(usize, i16)>,
    pub(super) single: BTreeMap<usize, String>,
    /// Single, and its columns' values are the same too. A function's row is single though its value may differ.
    exact: BTreeSet<usize>,
    clock: u32,
    /// When something new was last known of a FROM item.
    changed_at: BTreeMap<usize, u32>,
    /// When a condition, by its place among the block's, was last looked at.
    learned_at: BTreeMap<usize, u32>,
    /// When a FROM item was last looked at.
    checked_at: BTreeMap<usize, u32>,
}

impl State {
    /// The innermost is the likeliest to be missing, and the last.
    fn are_present(&self, sides: &[Side]) -> bool {
        sides.iter().rev().all(|side| self.present.contains(side))
    }

    fn touch(&mut self, rel: usize) {
        self.clock += 1;
        self.changed_at.insert(rel, self.clock);
    }

    /// Is there anything new of what the condition is about?
    fn is_news_for(&self, place: usize, condition: &Condition<'_>) -> bool {
        self.learned_at
            .get(&place)
            .is_none_or(|&at| condition.rels.iter().any(|rel| self.has_changed(*rel, at)))
    }

    /// Could the answer for the FROM item be another than the last?
    fn is_open(&self, leaf: &Leaf) -> bool {
        !self.single.contains_key(&leaf.rel)
            && self
                .checked_at
                .get(&leaf.rel)
                .is_none_or(|&at| !leaf.alone || self.has_changed(leaf.rel, at))
    }

    fn has_changed(&self, rel: usize, since: u32) -> bool {
        self.changed_at.get(&rel).is_some_and(|&at| at > since)
    }

    /// The block has got other conditions and FROM items.
    pub(super) fn look_again(&mut self) {
        self.learned_at.clear();
        self.checked_at.clear();
    }
}

/// Between the parts of a reason.
const AND: &str = ", and ";

impl<'b, 'q, 'p> Block<'b, 'q, 'p> {
    pub(super) fn new(prover: &'b Prover<'p>, scope: &'b Scope<'q>, seeds: &'b Seeds) -> Self {
        let mut block = Self {
            prover,
            scope,
            seeds,
            leaves: Vec::new(),
            places: BTreeMap::new(),
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
                self.add_leaf(*rel, sides);
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

    fn add_leaf(&mut self, rel: usize, sides: &[Side]) {
        // A key with an expression or a condition is held against all that stands in WHERE and ON.
        let alone = match self.rte(rel).map(|rte| &rte.kind) {
            Some(RteKind::Relation { oid, inherits, .. }) => self
                .prover
                .indexes(*oid, *inherits)
                .all(|index| index.predicate.is_none() && !index.keys.contains(&0)),
            _ => false,
        };
        self.places.insert(rel, self.leaves.len());
        self.leaves.push(Leaf {
            rel,
            sides: sides.to_vec(),
            alone,
        });
    }

    fn leaf(&self, rel: usize) -> Option<&Leaf> {
        self.leaves.get(*self.places.get(&rel)?)
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

    pub(super) fn add_conditions(&mut self, expr: &'q Expr, under: &[Side]) {
        match expr {
            Expr::And(args, _) => {
                for arg in args {
                    self.add_conditions(arg, under);
                }
            }
            _ => {
                let mut rejected = BTreeSet::new();
                implication::rejects_null(
                    self.prover.catalog,
                    expr,
                    &|expr| self.column(expr),
                    &mut rejected,
                );
                let mut rels = BTreeSet::new();
                self.rels_of(expr, &mut rels);
                self.conditions.push(Condition {
                    expr,
                    under: under.to_vec(),
                    rejects_null: rejected,
                    rels,
                });
            }
        }
    }

    fn rels_of(&self, expr: &'q Expr, rels: &mut BTreeSet<usize>) {
        let expr = self.resolve(expr);
        if let Expr::Var(var) = expr
            && var.levels_up == 0
        {
            rels.insert(var.rel);
        }
        walk::below(expr, &mut |part| {
            if let Part::Expr(expr) = part {
                self.rels_of(expr, rels);
            }
        });
    }

    /// Of MERGE: its FROM items without the target, and without its conditions.
    pub(super) fn source_of_merge(&self, target: usize) -> Self {
        let mut source = self.clone();
        source.leaves.retain(|leaf| leaf.rel != target);
        source.places = source.leaves.iter().map(|leaf| leaf.rel).zip(0..).collect();
        source.conditions.clear();
        source
    }

    /// Puts the target back, with the conditions of the whole.
    pub(super) fn join_target(&mut self, target: usize, whole: &Self) {
        self.add_leaf(target, &[]);
        self.conditions.clone_from(&whole.conditions);
    }

    fn rte(&self, rel: usize) -> Option<&'q Rte> {
        self.scope.query.rte(rel)
    }

    /// All that follows from the conditions and the seeds.
    pub(super) fn closed(&self) -> State {
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

    pub(super) fn close(&self, state: &mut State, within: Option<Side>) {
        loop {
            self.settle(state);
            let mut changed = false;
            // What is known of an inner join helps with those around it.
            for join in self.joins.iter().rev() {
                if within.is_none_or(|side| join.within.contains(&side)) {
                    changed |= self.try_sides(join, state);
                }
            }
            if !changed {
                break;
            }
        }
    }

    /// What follows without a look into the outer joins.
    fn settle(&self, state: &mut State) {
        let mut changed = true;
        while changed {
            changed = false;
            for (place, condition) in self.conditions.iter().enumerate() {
                if state.is_news_for(place, condition)
                    && state.are_present(&condition.under)
                    && self.prover.step()
                {
                    state.learned_at.insert(place, state.clock);
                    changed |= self.learn(condition, state);
                }
            }
            for leaf in &self.leaves {
                if !state.is_open(leaf) || !self.prover.step() {
                    continue;
                }
                state.checked_at.insert(leaf.rel, state.clock);
                if let Some((reason, exact)) = self.leaf_single(leaf, state) {
                    state.single.insert(leaf.rel, reason);
                    if exact {
                        state.exact.insert(leaf.rel);
                    }
                    state.touch(leaf.rel);
                    changed = true;
                }
            }
        }
    }

    /// With one side of an outer join single, the other has at most one row in R, or is absent, when that follows where
    /// it is present.
    fn try_sides(&self, join: &OuterJoin, state: &mut State) -> bool {
        if !state.are_present(&join.within) {
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
            self.add_present(&mut there, side);
            self.close(&mut there, Some(side));
            if rels.iter().all(|rel| there.single.contains_key(rel)) {
                // What a LATERAL subquery or a volatile function decides may differ from row to row, and with it whether the
                // side is there.
                let is_settled = kept.iter().all(|rel| state.exact.contains(rel))
                    && rels.iter().all(|rel| there.exact.contains(rel))
                    && !self.is_volatile_within(side);
                for rel in rels {
                    if let Some(reason) = there.single.get(rel)
                        && state.single.insert(*rel, reason.clone()).is_none()
                    {
                        changed = true;
                    }
                    if is_settled
                        || (there.exact.contains(rel) && !self.prover.rules.holds("side-varies"))
                    {
                        state.exact.insert(*rel);
                    }
                    state.touch(*rel);
                }
            }
        }
        changed
    }

    fn is_volatile_within(&self, side: Side) -> bool {
        self.conditions
            .iter()
            .filter(|condition| condition.under.contains(&side))
            .any(|condition| self.prover.has_volatile(Part::Expr(condition.expr)))
    }

    pub(super) fn verdict(&self, state: &State) -> Verdict {
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
            // Each part once: a CTE's reasons come again with every use of it.
            for part in state
                .single
                .get(&leaf.rel)
                .into_iter()
                .flat_map(|reason| reason.split(AND))
            {
                if !part.is_empty() && !reasons.contains(&part) {
                    reasons.push(part);
                }
            }
        }
        Ok(if reasons.is_empty() {
            if self.leaves.is_empty() {
                "a SELECT without FROM".to_owned()
            } else {
                "what stands in FROM gives one row".to_owned()
            }
        } else {
            reasons.join(AND)
        })
    }

    pub(super) fn why_many(&self, state: &State, rel: usize) -> String {
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
        self.leaf(rel)
            .is_some_and(|leaf| state.are_present(&leaf.sides))
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
                    && !self.prover.has_volatile(Part::Query(&link.query))
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
        changed |= match state.same.get_mut(&column) {
            None => {
                state.same.insert(column, same);
                true
            }
            Some(known) => {
                let mut changed = false;
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
        };
        if changed {
            state.touch(column.0);
        }
        changed
    }

    /// A column that is not NULL belongs to a row that is there.
    fn add_not_null(&self, state: &mut State, (rel, column): (usize, i16)) -> bool {
        let mut changed = state.not_null.insert((rel, column));
        if changed {
            state.touch(rel);
        }
        if let Some(leaf) = self.leaf(rel) {
            for &side in &leaf.sides {
                changed |= self.add_present(state, side);
            }
        }
        changed
    }

    fn add_present(&self, state: &mut State, side: Side) -> bool {
        let new = state.present.insert(side);
        if new {
            for leaf in self.leaves.iter().filter(|leaf| leaf.sides.contains(&side)) {
                state.touch(leaf.rel);
            }
        }
        new
    }

    /// Takes in a condition that is true of every row of R.
    fn learn(&self, condition: &Condition<'q>, state: &mut State) -> bool {
        let mut changed = false;
        for &column in &condition.rejects_null {
            changed |= self.add_not_null(state, column);
        }
        let expr = condition.expr;
        let exact = |not_null| Same {
            how: How::Exact,
            not_null,
        };
        match expr {
            Expr::Op(operation) => {
                if let [left, right] = operation.args.as_slice()
                    && let Some(operator) = self.prover.catalog.operators.get(&operation.operator)
                    && operator.is_btree_equality
                    && implication::is_strict(self.prover.catalog, operator.function)
                {
                    let ways = self.prover.ways(operator, operation.collation);
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
                        let ways = self.prover.ways(operator, operation.collation);
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
    pub(super) fn group_is_same(&self, state: &State, item: &SortGroup) -> bool {
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
                let exact = !self.prover.has_volatile(Part::Query(query))
                    && self.outer_vars_exact(query, state);
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
                && state.are_present(&condition.under)
                && [(left, right), (right, left)]
                    .into_iter()
                    .any(|(ours, other)| {
                        implication::same_expression(&own, ours, &key)
                            && self.is_exact(state, other)
                    });
            if equates {
                ways.extend(self.prover.ways(operator, operation.collation));
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
            .filter(|condition| state.are_present(&condition.under))
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
