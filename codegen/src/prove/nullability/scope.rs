//! One query level: which outer joins can null each FROM item, which conditions undo them, and what grouping does.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use super::known::{Fact, Implied, Known, Outcome};
use super::{Prover, Value};
use crate::describe::tree::{
    Command, Expr, FromExpr, GroupingSet, GroupingSetKind, JoinItem, JoinKind, Location,
    MergeMatch, Query, RteKind,
};
use crate::prove::walk;

/// A query and what holds in it.
#[derive(Debug)]
pub(super) struct Scope<'f> {
    pub(super) query: &'f Query,
    /// Where the query stands.
    pub(super) parent: Option<Frame<'f>>,
    pub(super) joins: Joins,
    /// What WHERE and the joins reject, of the rows before grouping.
    pub(super) rows: Known<'f>,
    pub(super) grouping: Grouping<'f>,
    /// Set-returning calls in the select list.
    pub(super) set_returning: usize,
    /// What the columns of each range table entry are, found on demand.
    pub(super) columns: Vec<OnceCell<Vec<Value>>>,
    pub(super) ctes: Vec<OnceCell<Vec<Value>>>,
    /// What a recursive CTE is supposed to give while its own term is being looked at.
    pub(super) supposed: RefCell<Vec<Option<Vec<Value>>>>,
}

/// Where an expression stands: in a query, before or after grouping, under conditions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'f> {
    pub(super) scope: &'f Scope<'f>,
    /// After grouping: select list and HAVING, outside of aggregates.
    pub(super) grouped: bool,
    /// The conditions of the CASE arms and the AND and OR around it.
    pub(super) assumed: Option<&'f Assumed<'f>>,
    /// Outer joins that are supposed not to null, for the merged columns of FULL JOIN USING.
    pub(super) present: Option<&'f Present<'f>>,
    /// What CaseTest stands for.
    pub(super) case_test: Option<&'f Value>,
    /// What the subquery's columns stand for in the test of `x IN (SELECT …)`.
    pub(super) sublink: Option<&'f Value>,
    /// In what a statement assigns: the target's columns are those of the row as it was.
    pub(super) assigned: bool,
    /// In WITH: the rows of the query are not its rows.
    pub(super) apart: bool,
}

#[derive(Debug)]
pub(super) struct Assumed<'f> {
    pub(super) known: Known<'f>,
    pub(super) next: Option<&'f Assumed<'f>>,
}

#[derive(Debug)]
pub(super) struct Present<'f> {
    pub(super) join: usize,
    pub(super) next: Option<&'f Present<'f>>,
}

/// One side of one outer join that can be filled with NULLs.
#[derive(Debug, Clone)]
pub(super) struct Nuller {
    /// The join's own range table index; 0 for MERGE's.
    pub(super) join: usize,
    /// "right side of a LEFT JOIN at line 4"
    pub(super) text: String,
    /// A condition rejects the rows that it fills.
    pub(super) undone: bool,
}

#[derive(Debug, Default)]
pub(super) struct Joins {
    pub(super) nullers: Vec<Nuller>,
    /// By range table index: the nullers that it stands under, innermost first.
    pub(super) over: Vec<Vec<usize>>,
    /// By range table index: it is in the join tree, in a place that is known.
    pub(super) placed: Vec<bool>,
}

impl Joins {
    /// The nullers that no condition undoes, by number.
    pub(super) fn nulling(&self, rel: usize) -> impl Iterator<Item = (usize, &Nuller)> {
        self.over
            .get(rel)
            .into_iter()
            .flatten()
            .filter_map(|&id| Some((id, self.nullers.get(id)?)))
            .filter(|(_, nuller)| !nuller.undone)
    }

    /// Does the walk of the join tree know this join as one that can null `rel`?
    pub(super) fn knows(&self, rel: usize, join: usize) -> bool {
        self.over
            .get(rel)
            .into_iter()
            .flatten()
            .filter_map(|&id| self.nullers.get(id))
            .any(|nuller| nuller.join == join)
    }

    fn undo(&mut self, rel: usize) {
        for &id in self.over.get(rel).into_iter().flatten() {
            if let Some(nuller) = self.nullers.get_mut(id) {
                nuller.undone = true;
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Grouping<'f> {
    /// There is GROUP BY, HAVING or an aggregate.
    pub(super) grouped: bool,
    /// A group of no rows at all can come out.
    pub(super) may_be_empty: bool,
    /// Grouping expressions that some grouping set leaves out: NULL there.
    pub(super) nulled: Vec<&'f Expr>,
    /// What HAVING rejects.
    pub(super) having: Known<'f>,
}

/// A condition of the join tree.
struct Qual<'f> {
    expr: &'f Expr,
    clause: &'static str,
    /// It holds in the rows that none of these filled with NULLs.
    under: Vec<usize>,
}

impl<'f> Scope<'f> {
    pub(super) fn new(prover: &Prover<'_>, query: &'f Query, parent: Option<Frame<'f>>) -> Self {
        let count = query.rtable.len() + 1;
        let mut walk = Walk {
            prover,
            joins: Joins {
                nullers: Vec::new(),
                over: vec![Vec::new(); count],
                placed: vec![false; count],
            },
            quals: Vec::new(),
        };
        // MERGE's sources are joined to its target by the statement itself.
        let mut under = Vec::new();
        if query.command == Command::Merge && can_lack_source(query) && prover.holds("merge-source")
        {
            walk.joins.nullers.push(Nuller {
                join: 0,
                text: "a row of the target may match no row of the source of MERGE".to_owned(),
                undone: false,
            });
            under.push(0);
        }
        let where_holds = query.command != Command::Merge;
        walk.from(&query.join_tree, &under, where_holds);
        let Walk {
            mut joins, quals, ..
        } = walk;
        let rows = settle(prover, query, &mut joins, &quals);
        Self {
            query,
            parent,
            joins,
            rows,
            grouping: grouping(prover, query),
            set_returning: listed(query).map(count_set_returning).sum(),
            columns: (0..count).map(|_| OnceCell::new()).collect(),
            ctes: query.ctes.iter().map(|_| OnceCell::new()).collect(),
            supposed: RefCell::new(vec![None; query.ctes.len()]),
        }
    }

    /// The select list, or RETURNING.
    pub(super) fn output(&'f self) -> Frame<'f> {
        Frame {
            scope: self,
            grouped: self.grouping.grouped,
            assumed: None,
            present: None,
            case_test: None,
            sublink: None,
            assigned: false,
            apart: false,
        }
    }

    /// FROM, and the arguments of aggregates.
    pub(super) fn input(&'f self) -> Frame<'f> {
        Frame {
            grouped: false,
            ..self.output()
        }
    }

    /// WITH, whose queries run by themselves: a row that comes of none, or what they write, knows nothing of our WHERE.
    pub(super) fn with(&'f self) -> Frame<'f> {
        Frame {
            apart: true,
            ..self.input()
        }
    }
}

impl<'f> Frame<'f> {
    /// Grouping sets put NULL where what they group by stood. A condition on an expression then says nothing of its parts,
    /// which may be NULL while the expression, grouped by itself, is not; nor the other way round.
    pub(super) fn sets_hide(&self) -> bool {
        self.grouped && !self.scope.grouping.nulled.is_empty()
    }

    /// What WHERE rejects holds of what is looked at here.
    pub(super) fn rows_known(&self, prover: &Prover<'_>) -> Option<&'f Known<'f>> {
        // One row comes of no rows, and of it WHERE says nothing.
        let about_no_row = self.grouped && self.scope.grouping.may_be_empty;
        ((!about_no_row || !prover.holds("empty-group-knows-nothing"))
            && (!self.apart || !prover.holds("with-stands-apart")))
        .then_some(&self.scope.rows)
    }
}

impl Present<'_> {
    pub(super) fn has(list: Option<&Present<'_>>, join: usize) -> bool {
        let mut next = list;
        while let Some(present) = next {
            if present.join == join {
                return true;
            }
            next = present.next;
        }
        false
    }
}

struct Walk<'w, 'p, 'f> {
    prover: &'w Prover<'p>,
    joins: Joins,
    quals: Vec<Qual<'f>>,
}

impl<'f> Walk<'_, '_, 'f> {
    fn from(&mut self, from: &'f FromExpr, under: &[usize], where_holds: bool) {
        for item in &from.items {
            self.item(item, under);
        }
        if let Some(expr) = &from.quals
            && where_holds
        {
            self.quals.push(Qual {
                expr,
                clause: "WHERE",
                under: under.to_vec(),
            });
        }
    }

    fn item(&mut self, item: &'f JoinItem, under: &[usize]) {
        match item {
            JoinItem::Rel(rel) => self.place(*rel, under),
            JoinItem::From(from) => self.from(from, under, true),
            // Its range table entries stay without a place, and get the careful answer.
            JoinItem::Other(_) => {}
            JoinItem::Join(join) => {
                let quals_at = join.quals.as_ref().and_then(place);
                let mut nuller = |text: &str| {
                    let at = self.prover.input.at(quals_at);
                    self.joins.nullers.push(Nuller {
                        join: join.rtindex,
                        text: format!("{text}{at}"),
                        undone: false,
                    });
                    self.joins.nullers.len() - 1
                };
                let below = |id: Option<usize>| {
                    let mut list: Vec<usize> = id.into_iter().collect();
                    list.extend_from_slice(under);
                    list
                };
                let (left_nuller, right_nuller) = match join.kind {
                    JoinKind::Inner => (None, None),
                    JoinKind::Left => (None, Some(nuller("right side of a LEFT JOIN"))),
                    JoinKind::Right => (Some(nuller("left side of a RIGHT JOIN")), None),
                    JoinKind::Full => (
                        Some(nuller("left side of a FULL JOIN")),
                        Some(nuller("right side of a FULL JOIN")),
                    ),
                    JoinKind::Other => (
                        Some(nuller("side of a join that is not known")),
                        Some(nuller("side of a join that is not known")),
                    ),
                };
                let rule = match join.kind {
                    JoinKind::Inner => None,
                    JoinKind::Left => Some("left-join"),
                    JoinKind::Right => Some("right-join"),
                    JoinKind::Full => Some("full-join"),
                    JoinKind::Other => Some("unknown-node"),
                };
                let holds = rule.is_none_or(|rule| self.prover.holds(rule));
                let (left_under, right_under) = if holds {
                    (below(left_nuller), below(right_nuller))
                } else {
                    (below(None), below(None))
                };
                self.item(&join.left, &left_under);
                self.item(&join.right, &right_under);
                self.place(join.rtindex, under);
                if let Some(expr) = &join.quals {
                    // ON of an outer join says nothing of rows that it did not match.
                    let mut both = Vec::new();
                    if self.prover.holds("outer-join-on") {
                        both.extend(left_nuller);
                        both.extend(right_nuller);
                    }
                    both.extend_from_slice(under);
                    self.quals.push(Qual {
                        expr,
                        clause: "ON",
                        under: both,
                    });
                }
            }
        }
    }

    fn place(&mut self, rel: usize, under: &[usize]) {
        if let Some(placed) = self.joins.placed.get_mut(rel) {
            *placed = true;
        }
        if let Some(over) = self.joins.over.get_mut(rel) {
            *over = under.to_vec();
        }
    }
}

/// Takes what the conditions reject, until nothing new follows: a condition that rejects NULL in a column undoes the
/// outer joins that could have filled it, and then their own ON conditions hold too.
fn settle<'f>(
    prover: &Prover<'_>,
    query: &'f Query,
    joins: &mut Joins,
    quals: &[Qual<'f>],
) -> Known<'f> {
    let mut known = Known::default();
    let mut open: Vec<&Qual<'f>> = quals.iter().collect();
    loop {
        let (ready, waiting): (Vec<_>, Vec<_>) = open.into_iter().partition(|qual| {
            qual.under
                .iter()
                .all(|&id| joins.nullers.get(id).is_some_and(|nuller| nuller.undone))
        });
        if ready.is_empty() {
            return known;
        }
        open = waiting;
        for qual in ready {
            for condition in conjuncts(qual.expr) {
                let why = rejects(prover, query, condition, qual.clause);
                let Implied::Facts(facts) = prover.implied(query, condition, Outcome::True, None)
                else {
                    continue;
                };
                for fact in facts {
                    if let Fact::Var(key) = fact
                        && key.levels_up == 0
                    {
                        joins.undo(key.rel);
                    }
                    if let Fact::Expr(expr) = fact
                        && is_of_target(query, expr)
                    {
                        continue;
                    }
                    known.add(fact, &why);
                }
            }
        }
    }
}

/// Of the row that a statement writes, WHERE spoke before it was written.
fn is_of_target(query: &Query, expr: &Expr) -> bool {
    query.result_relation != 0
        && query.command != Command::Delete
        && walk::any_expression(
            expr,
            &|expr| matches!(expr, Expr::Var(var) if var.levels_up == 0 && var.rel == query.result_relation),
        )
}

fn grouping<'f>(prover: &Prover<'_>, query: &'f Query) -> Grouping<'f> {
    let grouped = query.has_aggregates
        || !query.group.is_empty()
        || !query.grouping_sets.is_empty()
        || query.having.is_some();
    let mut found = Grouping {
        grouped,
        may_be_empty: grouped
            && if query.grouping_sets.is_empty() {
                query.group.is_empty()
            } else {
                query.grouping_sets.iter().all(may_be_empty)
            },
        nulled: Vec::new(),
        having: Known::default(),
    };
    if !query.grouping_sets.is_empty() && prover.holds("grouping-sets") {
        let mut always = BTreeSet::new();
        for set in &query.grouping_sets {
            always.extend(in_every_set(set));
        }
        found.nulled = query
            .targets
            .iter()
            .filter(|target| {
                query
                    .group
                    .iter()
                    .any(|group| group.reference == target.sort_group_ref)
                    && !always.contains(&target.sort_group_ref)
            })
            .map(|target| &target.expr)
            .collect();
    }
    let hidden = !found.nulled.is_empty();
    for condition in query.having.iter().flat_map(conjuncts).filter(|_| !hidden) {
        let why = rejects(prover, query, condition, "HAVING");
        if let Implied::Facts(facts) = prover.implied(query, condition, Outcome::True, None) {
            for fact in facts {
                found.having.add(fact, &why);
            }
        }
    }
    found
}

/// The expressions that every set of this element groups by.
fn in_every_set(set: &GroupingSet) -> BTreeSet<u32> {
    match set.kind {
        GroupingSetKind::Simple => set.references.iter().copied().collect(),
        GroupingSetKind::Sets => set
            .sets
            .iter()
            .map(in_every_set)
            .reduce(|left, right| &left & &right)
            .unwrap_or_default(),
        GroupingSetKind::Empty
        | GroupingSetKind::Rollup
        | GroupingSetKind::Cube
        | GroupingSetKind::Unknown => BTreeSet::new(),
    }
}

fn may_be_empty(set: &GroupingSet) -> bool {
    match set.kind {
        GroupingSetKind::Simple => set.references.is_empty(),
        GroupingSetKind::Sets => set.sets.iter().any(may_be_empty),
        GroupingSetKind::Empty
        | GroupingSetKind::Rollup
        | GroupingSetKind::Cube
        | GroupingSetKind::Unknown => true,
    }
}

/// May RETURNING show a row of the target that has no row of the source?
fn can_lack_source(query: &Query) -> bool {
    query.merge_actions.iter().any(|action| {
        matches!(
            action.match_kind,
            MergeMatch::NotMatchedBySource | MergeMatch::Unknown
        ) && action.command != Command::Nothing
    })
}

/// The select list, and what GROUP BY computes for it.
fn listed(query: &Query) -> impl Iterator<Item = &Expr> {
    let grouped = query.rtable.iter().filter_map(|rte| match &rte.kind {
        RteKind::Group { expressions } => Some(expressions),
        _ => None,
    });
    let targets = query.targets.iter().map(|target| &target.expr);
    targets.chain(grouped.flatten())
}

fn count_set_returning(expr: &Expr) -> usize {
    let here = match expr {
        Expr::Func(call) => usize::from(call.returns_set),
        Expr::Op(operation) => usize::from(operation.returns_set),
        _ => 0,
    };
    let mut below = 0;
    walk::below(expr, &mut |part| {
        if let walk::Part::Expr(expr) = part {
            below += count_set_returning(expr);
        }
    });
    here + below
}

/// The conditions that AND ties together.
pub(super) fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::And(args, _) => args.iter().flat_map(conjuncts).collect(),
        _ => vec![expr],
    }
}

/// "`WHERE p.title = …` at line 5 rejects NULL"
fn rejects(prover: &Prover<'_>, query: &Query, condition: &Expr, clause: &str) -> Rc<str> {
    let at = prover.input.at(place(condition));
    let column = |expr: &Expr| prover.column_as_written(query, expr);
    let text = match condition {
        Expr::Op(operation) => {
            let operator = prover.operator_name(operation.operator);
            match operation.args.as_slice() {
                [left, right] => match (column(left), column(right)) {
                    (Some(left), Some(right)) => Some(format!("{left} {operator} {right}")),
                    (Some(left), None) => Some(format!("{left} {operator} …")),
                    (None, Some(right)) => Some(format!("… {operator} {right}")),
                    (None, None) => None,
                },
                _ => None,
            }
        }
        Expr::NullTest {
            arg,
            is_null: false,
            ..
        } => column(arg).map(|arg| format!("{arg} IS NOT NULL")),
        Expr::ScalarArray {
            args, any: true, ..
        } => args
            .first()
            .and_then(column)
            .map(|left| format!("{left} = ANY …")),
        _ => column(condition),
    };
    match text {
        Some(text) => format!("`{clause} {text}`{at} rejects NULL").into(),
        None => format!("the {clause} condition{at} rejects NULL").into(),
    }
}

/// The first place of an expression that the author wrote.
pub(super) fn place(expr: &Expr) -> Location {
    let own = match expr {
        Expr::Var(var) => var.location,
        Expr::Const(constant) => constant.location,
        Expr::Param(param) => param.location,
        Expr::Op(operation) | Expr::Distinct(operation) | Expr::NullIf(operation) => {
            operation.location
        }
        Expr::Func(call) => call.location,
        Expr::Aggregate(aggregate) => aggregate.location,
        Expr::WindowFunc(window) => window.location,
        Expr::SubLink(link) => link.location,
        Expr::Case(case) => case.location,
        Expr::Grouping { location }
        | Expr::And(_, location)
        | Expr::Or(_, location)
        | Expr::Not(_, location)
        | Expr::ScalarArray { location, .. }
        | Expr::Array { location, .. }
        | Expr::Row { location, .. }
        | Expr::Coalesce { location, .. }
        | Expr::MinMax { location, .. }
        | Expr::NullTest { location, .. }
        | Expr::BooleanTest { location, .. }
        | Expr::Relabel { location, .. }
        | Expr::CoerceViaIo { location, .. }
        | Expr::ArrayCoerce { location, .. }
        | Expr::ConvertRowtype { location, .. }
        | Expr::CoerceToDomain { location, .. }
        | Expr::SqlValueFunction { location, .. }
        | Expr::Other { location, .. } => *location,
        _ => None,
    };
    if own.is_some() {
        return own;
    }
    let mut found = None;
    walk::below(expr, &mut |part| {
        if let walk::Part::Expr(expr) = part
            && let Some(at) = place(expr)
        {
            found = Some(found.map_or(at, |before: u32| before.min(at)));
        }
    });
    found
}

/// Is this a range table entry of a join that keeps both sides?
pub(super) fn is_full_join(kind: &RteKind) -> bool {
    matches!(
        kind,
        RteKind::Join {
            kind: JoinKind::Full,
            ..
        }
    )
}
