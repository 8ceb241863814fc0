//! Optional filters and flags: `(:p IS NULL OR <predicate>)`, `(:flag OR <predicate>)` and `(NOT :flag OR <predicate>)`, where it is one
//! of the conditions that WHERE, HAVING or ON joins by AND.
//!
//! With the parameter NULL the condition is true, whatever the predicate gives; with a value it is the predicate, in three-valued
//! logic too. So it is with a flag that is true, or false behind NOT. So the text without the filter has `true` in its place, and the
//! text with it the predicate alone: each has a plan and an index of its own. What is read here is text; that the server sees the
//! same is held against its tree by the rule `optional-filter`.

use crate::parse::syntax::{Field, Nullity, ParsedQuery, Statement, StructUse};
use crate::scan::{Scanner, Token, TokenKind};
use crate::source::{Sources, Span};

use super::{ALL_COMBINED, Filter, FilterKind, FilterPlace, MOST_FILTERS, Piece, Template};

/// The filters of a statement, in the order of the text, and then its flags.
pub(super) fn find(sources: &Sources, query: &ParsedQuery) -> Vec<Filter> {
    let statement = &query.statement;
    let Some(reader) = Reader::new(sources, statement) else {
        return Vec::new();
    };
    let mut places = reader.places();
    places.sort_by_key(|place| place.place.whole.start);
    let (flags, tests): (Vec<Found>, Vec<Found>) = places
        .into_iter()
        .partition(|found| found.kind == FilterKind::Flag);
    let mut filters = grouped(statement, tests);
    // What is used elsewhere is needed there, whether it is NULL or not.
    filters.retain(|filter| within(statement, filter.guard, filter));
    filters.truncate(MOST_FILTERS);
    for filter in &mut filters {
        filter.args = (0..statement.params.len())
            .filter(|&param| param != filter.guard && within(statement, param, filter))
            .collect();
    }
    if !reader.writes() {
        let flags = self::flags(query, &filters, flags);
        // More would take the plans of the filters that have one for every combination.
        let room = ALL_COMBINED.saturating_sub(filters.len());
        filters.extend(flags.into_iter().take(room));
    }
    filters
}

/// Conditions that would be optional filters if their parameter was not used elsewhere as well: each with its parameter, and where
/// else that stands.
pub fn used_elsewhere(sources: &Sources, statement: &Statement) -> Vec<(FilterPlace, usize, Span)> {
    let Some(reader) = Reader::new(sources, statement) else {
        return Vec::new();
    };
    let tests = reader
        .places()
        .into_iter()
        .filter(|found| found.kind == FilterKind::Optional);
    let mut found = Vec::new();
    for filter in grouped(statement, tests.collect()) {
        let outside = |at: &&Span| !filter.places.iter().any(|place| holds(place.whole, **at));
        let mut uses = statement.params[filter.guard].spans.iter();
        if let Some(&other) = uses.find(outside) {
            let places = filter.places.iter();
            found.extend(places.map(|&place| (place, filter.guard, other)));
        }
    }
    found.sort_by_key(|(place, ..)| place.whole.start);
    found
}

/// Does a condition test that parameter as an optional filter's does, whether it is one or not?
pub fn is_tested(sources: &Sources, statement: &Statement, name: &str) -> bool {
    let places = Reader::new(sources, statement).map(|reader| reader.places());
    let mut tests = places
        .iter()
        .flatten()
        .filter(|found| found.kind == FilterKind::Optional);
    tests.any(|found| statement.params[found.guard].name == name)
}

fn holds(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// Where flags stand that guard no condition there, and have no cast.
pub(super) fn values_of_flags(sources: &Sources, template: &Template) -> Vec<Span> {
    let flags = template
        .filters
        .iter()
        .filter(|filter| filter.kind == FilterKind::Flag);
    let uses = flags.flat_map(|flag| {
        let spans = template.params[flag.guard].spans.iter();
        spans.filter(|&&at| flag.places.iter().all(|place| place.guard != at))
    });
    let cast = |at: &Span| {
        let rest = sources.get(at.file).text.get(at.end as usize..);
        rest.is_some_and(|rest| rest.trim_start().starts_with("::"))
    };
    uses.copied().filter(|at| !cast(at)).collect()
}

/// By their parameters.
fn grouped(statement: &Statement, places: Vec<Found>) -> Vec<Filter> {
    let mut filters: Vec<Filter> = Vec::new();
    for found in places {
        match filters
            .iter_mut()
            .find(|filter| filter.guard == found.guard)
        {
            Some(filter) => filter.places.push(found.place),
            None => filters.push(Filter {
                kind: found.kind,
                name: statement.params[found.guard].name.clone(),
                guard: found.guard,
                args: Vec::new(),
                places: vec![found.place],
            }),
        }
    }
    filters
}

/// Flags, whose values may be bound elsewhere as well.
fn flags(query: &ParsedQuery, filters: &[Filter], mut places: Vec<Found>) -> Vec<Filter> {
    let holds = |outer: &FilterPlace, inner: &FilterPlace| holds(outer.whole, inner.whole);
    // Within a flag's condition, a filter goes before it; and of two flags the outer one.
    places.retain(|found| {
        let mut places = filters.iter().flat_map(|filter| &filter.places);
        !places.any(|place| holds(&found.place, place))
    });
    let mut outer: Vec<Found> = Vec::new();
    for found in places {
        if !outer.iter().any(|other| holds(&other.place, &found.place)) {
            outer.push(found);
        }
    }
    let said: &[Field] = match &query.params {
        StructUse::Implicit(fields) => fields,
        StructUse::Inline(annotation) => &annotation.fields,
        // One struct for several queries says nothing of the texts of one.
        StructUse::Named(_) => return Vec::new(),
    };
    let may_be_null = |flag: &Filter| {
        said.iter()
            .any(|field| field.name.value == flag.name && field.nullity == Some(Nullity::Nullable))
    };
    let mut flags = grouped(&query.statement, outer);
    flags.retain(|flag| !may_be_null(flag));
    flags
}

/// Does the parameter stand in the filter only?
fn within(statement: &Statement, param: usize, filter: &Filter) -> bool {
    let uses = &statement.params[param].spans;
    let inside = |at: &Span| filter.places.iter().any(|place| holds(place.whole, *at));
    !uses.is_empty() && uses.iter().all(inside)
}

/// What stands in the place of a filter.
pub(super) fn piece(template: &Template, number: usize, place: &FilterPlace) -> Piece {
    let FilterPlace {
        whole,
        test,
        predicate,
        negated,
        ..
    } = *place;
    let flag = template.filters[number].kind == FilterKind::Flag;
    let opening = Span {
        end: whole.start + 1,
        ..whole
    };
    let closing = Span {
        start: whole.end - 1,
        ..whole
    };
    let ours = |text: &str| Piece::Ours(text.to_owned(), test);
    let mut present = vec![Piece::Author(opening)];
    present.extend(template.slice(predicate));
    present.push(Piece::Author(closing));
    // The predicate first: it is what a parameter without a cast takes its type from. Where the text is sent, the test that stands first
    // is also asked first: the predicate may fail on rows that it is not meant for, such as a cast of what is no number. What `false AND`
    // begins is read, and gone before there is a plan.
    let sent = template.filters.len() > ALL_COMBINED;
    let mut as_written = vec![Piece::Author(opening)];
    if sent && test.start < predicate.start {
        as_written.push(ours("false AND ("));
        as_written.extend(template.slice(predicate));
        as_written.push(ours(") OR "));
        as_written.extend(template.slice(test));
        as_written.push(ours(" OR "));
        as_written.extend(template.slice(predicate));
    } else {
        as_written.extend(template.slice(predicate));
        as_written.push(ours(" OR "));
        as_written.extend(template.slice(test));
    }
    as_written.push(Piece::Author(closing));
    Piece::Filter {
        number,
        unless: flag && !negated,
        present,
        as_written: match flag {
            true => template.slice(whole),
            false => as_written,
        },
        at: whole,
    }
}

struct Found {
    kind: FilterKind,
    guard: usize,
    place: FilterPlace,
}

/// Tokens of one level: within parentheses, or of the statement as a whole.
struct Level {
    from: usize,
    to: usize,
    /// `FILTER (WHERE …)` of an aggregate decides about what is counted, not about rows.
    filterable: bool,
    /// It is itself one of the conditions that are joined by AND.
    condition: bool,
}

struct Reader<'a> {
    text: &'a str,
    /// Without blanks and comments; places count from the start of the statement.
    tokens: Vec<Token>,
    /// Of an opening bracket, where it closes.
    pairs: Vec<Option<usize>>,
    statement: &'a Statement,
}

fn pairs(tokens: &[Token]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; tokens.len()];
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket => open.push(index),
            TokenKind::CloseParen | TokenKind::CloseBracket => {
                if let Some(start) = open.pop() {
                    pairs[start] = Some(index);
                }
            }
            _ => {}
        }
    }
    pairs
}

/// What ends a list of conditions.
const ENDS: [&str; 20] = [
    "group",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
    "window",
    "union",
    "intersect",
    "except",
    "returning",
    "join",
    "left",
    "right",
    "inner",
    "full",
    "cross",
    "natural",
    "using",
    "when",
];

impl<'a> Reader<'a> {
    /// `None` where there can be nothing: most statements need not be looked at.
    fn new(sources: &'a Sources, statement: &'a Statement) -> Option<Self> {
        if statement.params.is_empty() {
            return None;
        }
        let text = sources.text(statement.span);
        let tokens: Vec<Token> = Scanner::new(text)
            .filter(|token| !token.kind.is_blank())
            .collect();
        Some(Self {
            text,
            pairs: pairs(&tokens),
            tokens,
            statement,
        })
    }

    fn places(&self) -> Vec<Found> {
        let mut found = Vec::new();
        let mut levels = vec![Level {
            from: 0,
            to: self.tokens.len(),
            filterable: true,
            condition: false,
        }];
        while let Some(level) = levels.pop() {
            self.level(&level, &mut levels, &mut found);
        }
        found
    }

    fn is(&self, index: usize, word: &str) -> bool {
        self.tokens
            .get(index)
            .is_some_and(|token| token.is_word(self.text, word))
    }

    fn kind(&self, index: usize) -> Option<TokenKind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    /// `left` and `right` are functions as well.
    fn ends(&self, index: usize) -> bool {
        ENDS.iter().any(|word| self.is(index, word))
            && self.kind(index + 1) != Some(TokenKind::OpenParen)
            || self.is(index, "where")
            || self.is(index, "having")
            || self.is(index, "on")
            || self.is(index, "using")
            || self.kind(index) == Some(TokenKind::Comma)
    }

    fn level(&self, level: &Level, levels: &mut Vec<Level>, found: &mut Vec<Found>) {
        let inside = |open: usize, filterable: bool, condition: bool| Level {
            from: open + 1,
            to: self.pairs[open].unwrap_or(self.tokens.len()),
            filterable,
            condition,
        };
        let mut filterable = level.filterable;
        // Of the list of conditions that is read: whether there is one, what may be filters in it, and what takes that back.
        let (mut listed, mut alternatives) = (level.condition, false);
        let mut candidates: Vec<(usize, Option<Found>)> = Vec::new();
        let (mut cases, mut betweens) = (0_u32, 0_u32);
        // A condition begins here.
        let mut begins = level.condition;
        let mut index = level.from;
        loop {
            let over = index >= level.to;
            if over || self.ends(index) {
                for (open, candidate) in candidates.drain(..) {
                    // Within a flag's condition there may be filters.
                    let looked_into = match &candidate {
                        Some(candidate) => alternatives || candidate.kind == FilterKind::Flag,
                        None => true,
                    };
                    if looked_into {
                        let condition = candidate.is_none() && !alternatives;
                        levels.push(inside(open, true, condition));
                    }
                    found.extend(candidate.filter(|_| !alternatives));
                }
                if over {
                    return;
                }
                (listed, alternatives, begins) = (false, false, false);
                betweens = 0;
            }
            let first = begins;
            begins = false;
            if self.pairs[index].is_some() {
                let close = self.pairs[index].unwrap_or(level.to);
                let behind = close + 1;
                let ends = behind >= level.to
                    || self.is(behind, "and")
                    || self.is(behind, "or")
                    || self.ends(behind);
                if first && listed && filterable && cases == 0 && ends {
                    candidates.push((index, self.candidate(index, close)));
                } else {
                    let aggregate = index > level.from && self.is(index - 1, "filter");
                    levels.push(inside(index, !aggregate, false));
                }
                index = behind;
                continue;
            }
            if self.is(index, "where") || self.is(index, "having") {
                (listed, begins) = (true, true);
            } else if self.is(index, "on") {
                if self.is(index + 1, "conflict") {
                    // From here on, conditions choose a key and rows that are there already.
                    filterable = false;
                } else if !(index > level.from && self.is(index - 1, "distinct")) {
                    (listed, begins) = (true, true);
                }
            } else if self.is(index, "or") {
                alternatives |= cases == 0;
            } else if self.is(index, "case") {
                cases += 1;
            } else if self.is(index, "end") {
                cases = cases.saturating_sub(1);
            } else if self.is(index, "between") {
                betweens += 1;
            } else if self.is(index, "and") {
                if betweens > 0 {
                    betweens -= 1;
                } else {
                    begins = cases == 0;
                }
            }
            index += 1;
        }
    }

    /// Is there an UPDATE, a DELETE or a MERGE in it? `FOR UPDATE` is none; a name like that counts as one.
    fn writes(&self) -> bool {
        (0..self.tokens.len()).any(|index| {
            let locks = index > 0
                && (self.is(index - 1, "for")
                    || self.is(index - 1, "key") && self.is(index, "update"));
            let writes = ["update", "delete", "merge"];
            !locks && writes.iter().any(|word| self.is(index, word))
        })
    }

    /// What stands between the parentheses, if it is a test for NULL, or a flag, and a predicate.
    fn candidate(&self, open: usize, close: usize) -> Option<Found> {
        let mut ors = Vec::new();
        let mut cases = 0_u32;
        let mut index = open + 1;
        while index < close {
            if self.is(index, "or") && cases == 0 {
                ors.push(index);
            } else if self.is(index, "case") {
                cases += 1;
            } else if self.is(index, "end") {
                cases = cases.saturating_sub(1);
            }
            index = self.pairs[index].unwrap_or(index) + 1;
        }
        let (&first, &last) = (ors.first()?, ors.last()?);
        let mut edges = vec![open];
        edges.extend(&ors);
        edges.push(close);
        let parts = || edges.windows(2).map(|pair| (pair[0] + 1, pair[1]));
        let tests = parts()
            .filter(|&(from, to)| self.guard(from, to).is_some())
            .count();
        let flags = parts()
            .filter(|&(from, to)| self.flag(from, to).is_some())
            .count();
        // Of two tests neither is the other's predicate, and one amid the predicate is one more way to do without it.
        let kind = match (tests, flags) {
            (1, _) => FilterKind::Optional,
            (0, 1) => FilterKind::Flag,
            _ => return None,
        };
        let guard = |from: usize, to: usize| match kind {
            FilterKind::Optional => self.guard(from, to).map(|guard| (guard, false)),
            FilterKind::Flag => self.flag(from, to),
        };
        let (((guard, at), negated), test, predicate) =
            match (guard(open + 1, first), guard(last + 1, close)) {
                (Some(guard), None) => (guard, (open + 1, first), (first + 1, close)),
                (None, Some(guard)) => (guard, (last + 1, close), (open + 1, last)),
                _ => return None,
            };
        let place = FilterPlace {
            whole: self.span(open, close + 1)?,
            guard: at,
            test: self.span(test.0, test.1)?,
            predicate: self.span(predicate.0, predicate.1)?,
            negated,
        };
        Some(Found { kind, guard, place })
    }

    /// `:flag`, `NOT :flag`, `:flag::boolean`, `CAST(:flag AS bool)`: the parameter, where it stands, and whether behind NOT.
    fn flag(&self, from: usize, to: usize) -> Option<((usize, Span), bool)> {
        let (from, to) = self.bare(from, to);
        let negated = self.is(from, "not");
        let from = from + usize::from(negated);
        let is_bool = |index: usize| self.is(index, "bool") || self.is(index, "boolean");
        let at = if self.kind(from) == Some(TokenKind::Param) {
            let bare = to == from + 1;
            let cast =
                to == from + 3 && self.kind(from + 1) == Some(TokenKind::Cast) && is_bool(from + 2);
            (bare || cast).then_some(from)?
        } else {
            let cast = to == from + 6
                && self.is(from, "cast")
                && self.kind(from + 1) == Some(TokenKind::OpenParen)
                && self.kind(from + 2) == Some(TokenKind::Param)
                && self.is(from + 3, "as")
                && is_bool(from + 4)
                && self.pairs[from + 1] == Some(from + 5);
            cast.then_some(from + 2)?
        };
        Some((self.param(at)?, negated))
    }

    /// `:p IS NULL`, `:p::text IS NULL`, `CAST(:p AS text) IS NULL`: the parameter, and where it stands.
    fn guard(&self, from: usize, to: usize) -> Option<(usize, Span)> {
        let (from, to) = self.bare(from, to);
        let behind = if to > from && self.is(to - 1, "isnull") {
            to - 1
        } else if to > from + 1 && self.is(to - 1, "null") && self.is(to - 2, "is") {
            to - 2
        } else {
            return None;
        };
        let is_type = |from: usize, to: usize| {
            from < to
                && (from..to).all(|index| {
                    matches!(
                        self.kind(index),
                        Some(
                            TokenKind::Word
                                | TokenKind::QuotedName
                                | TokenKind::Dot
                                | TokenKind::Number
                                | TokenKind::OpenParen
                                | TokenKind::CloseParen
                                | TokenKind::OpenBracket
                                | TokenKind::CloseBracket
                                | TokenKind::Comma
                        )
                    )
                })
        };
        let at = if self.kind(from) == Some(TokenKind::Param) {
            let bare = behind == from + 1;
            let cast = self.kind(from + 1) == Some(TokenKind::Cast) && is_type(from + 2, behind);
            (bare || cast).then_some(from)?
        } else {
            let cast = self.is(from, "cast")
                && self.kind(from + 1) == Some(TokenKind::OpenParen)
                && self.pairs[from + 1] == Some(behind.checked_sub(1)?)
                && self.kind(from + 2) == Some(TokenKind::Param)
                && self.is(from + 3, "as")
                && is_type(from + 4, behind - 1);
            cast.then_some(from + 2)?
        };
        self.param(at)
    }

    /// Without parentheses around it.
    fn bare(&self, mut from: usize, mut to: usize) -> (usize, usize) {
        while self.kind(from) == Some(TokenKind::OpenParen)
            && to > from + 1
            && self.pairs[from] == Some(to - 1)
        {
            (from, to) = (from + 1, to - 1);
        }
        (from, to)
    }

    fn param(&self, at: usize) -> Option<(usize, Span)> {
        let span = self.span(at, at + 1)?;
        let params = &self.statement.params;
        let param = params
            .iter()
            .position(|param| param.spans.contains(&span))?;
        Some((param, span))
    }

    /// In the author's file; `None` of no tokens.
    fn span(&self, from: usize, to: usize) -> Option<Span> {
        let first = self.tokens.get(from)?;
        let last = self.tokens.get(from..to)?.last()?;
        let start = self.statement.span.start as usize;
        Some(Span::new(
            self.statement.span.file,
            start + first.start..start + last.end,
        ))
    }
}
