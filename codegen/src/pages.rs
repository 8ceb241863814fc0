//! `--@ page`: the texts that are made of a query to read it in pages, and what the server says of them.
//!
//! A page by number is the query's text with LIMIT and OFFSET behind it; the total counts the rows of the same text. A page by cursor
//! compares the columns that the text is ordered by with those of a row: what such a text may rely on is proved first, and
//! looked up again in the tree that the server makes of it. So there is a second round of questions, after the proofs. Of a
//! query with several texts, each that is sent has pages of its own; emitted is what is put behind a text, and the runtime
//! joins by the rule of [`crate::texts`].

use crate::catalog::oid::INT8;
use crate::catalog::{Catalog, Oid};
use crate::checked::CheckedGroup;
use crate::describe::tree::{Command, Expr, Query, RteKind, SetOperation, SortGroup};
use crate::describe::{Described, Statement};
use crate::facts::{Access, Cardinality, Facts};
use crate::model::{Piece, Way};
use crate::parse::syntax::ParsedQuery;
use crate::prove::walk::{self, Part};
use crate::prove::{self, Rules};
use crate::scan::{Scanner, TokenKind};

/// What `prove` calls a key that has no name.
const AN_EXPRESSION: &str = "an expression";

/// Why a query cannot be read in pages, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misuse {
    pub message: String,
    pub help: &'static str,
}

/// What is asked about: of each text that is sent, what is made of it.
#[derive(Debug, Clone)]
pub struct PageDrafts {
    drafts: Vec<Draft>,
}

/// Of one of a query's texts.
#[derive(Debug, Clone)]
struct Draft {
    /// Its place in the group.
    text: usize,
    /// What its order is called, where the caller chooses one.
    name: Option<String>,
    order: Order,
    /// A page, the total, and a page after and before a cursor where there are cursors.
    made: Vec<String>,
}

/// What a query's rows are read in pages by; other texts of the query can have other orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The end of the text that rows are counted and reached without: its ORDER BY, or nothing.
    pub clause: String,
    /// Rows can compare equal: why. Two rows of one page or of two are then in any order.
    pub unsettled: Option<String>,
    /// There is an ORDER BY.
    pub ordered: bool,
    /// Or why there are no pages by cursor, and what to write instead.
    pub cursor: Result<Cursor, String>,
}

/// How rows are reached from the values of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub keys: Vec<Key>,
    /// By which of the keys are NULL in that row: a bit for each that may be, in their order.
    pub after: Vec<Way>,
    pub before: Vec<Way>,
}

/// A column that rows are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its place in the row, from 0.
    pub column: usize,
    pub name: String,
    /// The SQL type, by name.
    pub sql_type: String,
    pub type_oid: Oid,
    pub descending: bool,
    pub nulls_first: bool,
    pub nullable: bool,
    /// The operator that the author's ORDER BY goes by.
    operator: Oid,
}

/// The pages of one query, once the server has seen their texts.
#[derive(Debug, Clone)]
pub struct Pages {
    /// No two have the same clause.
    pub orders: Vec<Order>,
    /// Of each text that is sent, its place in the group, and what is made of it.
    pub texts: Vec<PageTexts>,
    /// What the server, or a proof, has against pages by number: nothing may ship.
    pub refused: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct PageTexts {
    pub text: usize,
    /// A page, the total, and a page after and before a cursor where there are cursors: with the text of each.
    pub made: Vec<(String, Statement)>,
}

/// What is read in pages is read twice, and cut.
pub fn misuse(described: &Described, facts: &Facts) -> Option<Misuse> {
    let misuse = |message: &str, help: &'static str| {
        Some(Misuse {
            message: message.to_owned(),
            help,
        })
    };
    const SELECT: &str =
        "page a SELECT, and write the rows that it gives by their keys: `WHERE id = ANY(:ids)`";
    let statement = match described {
        Described::Statement(statement) => statement,
        Described::Utility(utility) => {
            return misuse(
                &format!("there are no pages of {}", utility.command),
                "remove the line",
            );
        }
        Described::Refused(_) | Described::Unasked => return None,
    };
    let mut queries = statement.queries.iter().filter(|query| query.can_set_tag);
    let query = match (queries.next(), queries.next(), statement.queries.len()) {
        (Some(query), None, 1) => query,
        _ => {
            return misuse(
                "there are no pages of what a rule makes several queries of",
                SELECT,
            );
        }
    };
    let verb = match query.command {
        Command::Select => None,
        Command::Update => Some("an UPDATE"),
        Command::Insert => Some("an INSERT"),
        Command::Delete => Some("a DELETE"),
        Command::Merge => Some("a MERGE"),
        Command::Utility | Command::Nothing | Command::Unknown => Some("this statement"),
    };
    if let Some(verb) = verb {
        return misuse(&format!("there are no pages of {verb}"), SELECT);
    }
    match facts.cardinality.value {
        Cardinality::Many => {}
        Cardinality::One | Cardinality::AtMostOne | Cardinality::None => {
            let mut found = misuse("there are no pages of one row", "remove the line")?;
            found.message = format!("{}: {}", found.message, facts.cardinality.reason);
            return Some(found);
        }
    }
    if query.has_for_update || !query.row_marks.is_empty() {
        return misuse(
            "a page does not lock its rows",
            "remove FOR UPDATE here, and lock the rows of the page by their keys in another query: `WHERE id = ANY(:ids) FOR UPDATE`",
        );
    }
    if query.limit_count.is_some() || query.limit_offset.is_some() {
        return misuse(
            "a query that is read in pages has no LIMIT or OFFSET of its own",
            "remove them: `.page(number, size)` sets both. To page the first rows only, put them in a subquery: `SELECT * FROM (… LIMIT 100) AS first ORDER BY …`",
        );
    }
    if facts.access.value == Access::Write {
        let mut found = misuse(
            "what writes has no pages, since a page reads its rows and counts them",
            "page a SELECT that only reads",
        )?;
        found.message = format!("{}: {}", found.message, facts.access.reason);
        return Some(found);
    }
    None
}

/// What is made of a query's own texts; nothing where it is misuse.
pub fn draft(catalog: &Catalog, query: &ParsedQuery, own: &CheckedGroup) -> Option<PageDrafts> {
    query.page()?;
    let template = own.group.template.as_ref();
    let mut drafts: Vec<Draft> = Vec::new();
    for (place, (text, described, facts)) in own.texts().enumerate() {
        if !text.sent {
            continue;
        }
        let (Described::Statement(statement), Some(facts)) = (described, facts) else {
            return None;
        };
        if statement.plan_error.is_some() || misuse(described, facts).is_some() {
            return None;
        }
        let choices = template.map_or(&[][..], |template| &template.choices);
        let chosen = choices.first().zip(text.variant.choices.first());
        let name = chosen.and_then(|(choice, &chosen)| choice.options.get(chosen));
        drafts.push(Draft {
            text: place,
            name: name.map(|name| name.value.clone()),
            order: order(catalog, &text.statement.sql, statement, facts)?,
            made: Vec::new(),
        });
    }
    one_cursor_for_each_order(&mut drafts);
    for draft in &mut drafts {
        if let Some(text) = own.group.texts.get(draft.text) {
            let statement = &text.statement;
            draft.made = made(&statement.sql, statement.params.len(), &draft.order);
        }
    }
    Some(PageDrafts { drafts })
}

/// A filter can prove a key not NULL that is NULL without it. What is emitted for an order is of all texts that have it: there the
/// key may be NULL.
fn one_cursor_for_each_order(drafts: &mut [Draft]) {
    let mut known: Vec<(String, Vec<Key>)> = Vec::new();
    for Draft { order, .. } in drafts.iter() {
        let Ok(cursor) = &order.cursor else { continue };
        match known.iter_mut().find(|(clause, _)| *clause == order.clause) {
            None => known.push((order.clause.clone(), cursor.keys.clone())),
            Some((_, keys)) => {
                for (key, other) in keys.iter_mut().zip(&cursor.keys) {
                    key.nullable |= other.nullable;
                }
            }
        }
    }
    for Draft { order, .. } in drafts.iter_mut() {
        let (Ok(cursor), Some((_, keys))) = (
            &order.cursor,
            known.iter().find(|(clause, _)| *clause == order.clause),
        ) else {
            continue;
        };
        let nullable = keys.iter().map(|key| key.nullable);
        let mut own = cursor.keys.clone();
        for (key, nullable) in own.iter_mut().zip(nullable) {
            key.nullable |= nullable;
        }
        order.cursor = Cursor::over(own);
    }
}

impl PageDrafts {
    /// In the order of the answers that [`judge`] wants.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let made = self.drafts.iter().flat_map(|draft| &draft.made);
        made.map(String::as_str)
    }
}

fn order(catalog: &Catalog, sql: &str, statement: &Statement, facts: &Facts) -> Option<Order> {
    let [query] = statement.queries.as_slice() else {
        return None;
    };
    let clause = match order_by(sql) {
        Some(at) if counts_without_order(query) => sql.get(at..).unwrap_or_default(),
        _ => "",
    };
    let total = &facts.order.total;
    Some(Order {
        clause: clause.to_owned(),
        unsettled: (!total.value).then(|| total.reason.clone()),
        ordered: !query.sort.is_empty(),
        cursor: cursor(catalog, statement, query, facts),
    })
}

/// The rule by which the runtime joins them as well; `params` is how many the text has.
fn made(sql: &str, params: usize, order: &Order) -> Vec<String> {
    let rows = sql.strip_suffix(&order.clause).unwrap_or(sql);
    let mut made = vec![
        format!("{sql}\nLIMIT ${} OFFSET ${}", params + 1, params + 2),
        format!("SELECT count(*) FROM (\n{rows}\n) AS page"),
    ];
    if let Ok(cursor) = &order.cursor {
        for (after, before) in cursor.after.iter().zip(&cursor.before) {
            made.extend([after, before].map(|way| joined(rows, way, params)));
        }
    }
    made
}

/// Several conditions are of rows that lie one behind the other, so that each reads a part of an index.
fn joined(rows: &str, way: &Way, params: usize) -> String {
    let text = |pieces: &[Piece]| -> String {
        let text = pieces.iter().map(|piece| match piece {
            Piece::Text(more) => more.clone(),
            Piece::Param(place) => format!("${}", params + place + 1),
            Piece::Filter { .. } | Piece::Choice { .. } => String::new(),
        });
        text.collect()
    };
    let tail = text(&way.tail);
    let parts: Vec<String> = way
        .conditions
        .iter()
        .map(|condition| {
            format!(
                "SELECT * FROM (\n{rows}\n) AS page{}{tail}",
                text(condition)
            )
        })
        .collect();
    match parts.as_slice() {
        [one] => one.clone(),
        parts => format!(
            "SELECT * FROM (\n({})\n) AS page{tail}",
            parts.join(")\nUNION ALL\n(")
        ),
    }
}

impl Cursor {
    /// The keys that have values in a row of that pattern.
    fn given(&self, pattern: usize) -> impl Iterator<Item = &Key> {
        let nulls = nulls(&self.keys, pattern);
        let keys = self.keys.iter().zip(nulls);
        keys.filter(|(_, null)| !null).map(|(key, _)| key)
    }

    /// The places of the keys that may be NULL.
    pub fn nulls(&self) -> Vec<usize> {
        let keys = self.keys.iter().enumerate();
        keys.filter(|(_, key)| key.nullable)
            .map(|(place, _)| place)
            .collect()
    }

    /// `created_at timestamptz DESC, id uuid`: a cursor is of this order or refused.
    pub fn order(&self) -> String {
        let keys: Vec<String> = self
            .keys
            .iter()
            .map(|key| format!("{} {}{}", key.name, key.sql_type, key.direction(false)))
            .collect();
        keys.join(", ")
    }
}

impl Key {
    /// `page.name`
    fn written(&self) -> String {
        let plain = self
            .name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            && !self.name.starts_with(|first: char| first.is_ascii_digit());
        if plain {
            format!("page.{}", self.name)
        } else {
            format!("page.\"{}\"", self.name.replace('"', "\"\""))
        }
    }

    /// As ORDER BY has it. Of a key that is never NULL too, an index with another place for NULLs would not serve.
    fn direction(&self, backwards: bool) -> String {
        let descending = self.descending != backwards;
        let nulls_first = self.nulls_first != backwards;
        let mut text = String::new();
        if descending {
            text += " DESC";
        }
        if nulls_first != descending {
            text += if nulls_first {
                " NULLS FIRST"
            } else {
                " NULLS LAST"
            };
        }
        text
    }
}

/// Where the last clause begins, from the end of what stands before it: an ORDER BY outside of all parentheses, without
/// parameters, whose numbers would be left out.
fn order_by(sql: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut tokens = Vec::new();
    for token in Scanner::new(sql).filter(|token| !token.kind.is_blank()) {
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket => depth += 1,
            TokenKind::CloseParen | TokenKind::CloseBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens.push((token, depth));
    }
    let begins = |at: &usize| match tokens.get(at.saturating_sub(1)..at + 2) {
        Some([(before, _), (order, 0), (by, 0)]) => {
            order.is_word(sql, "order")
                && by.is_word(sql, "by")
                // `table.order` and `AS order` are names.
                && before.kind != TokenKind::Dot
                && !before.is_word(sql, "as")
        }
        _ => false,
    };
    let at = (1..tokens.len()).rev().find(begins)?;
    let mut behind = tokens.get(at..)?.iter();
    if behind.any(|(token, _)| token.kind == TokenKind::Positional) {
        return None;
    }
    tokens.get(at - 1).map(|(before, _)| before.end)
}

/// Are there the same rows, and as many, without the ORDER BY? DISTINCT ON keeps the first by it; functions in it that return sets,
/// and aggregates without GROUP BY, change how many rows there are.
fn counts_without_order(query: &Query) -> bool {
    !query.has_distinct_on
        && !query.has_set_returning_targets
        && (!query.has_aggregates || !query.group.is_empty())
}

fn cursor(
    catalog: &Catalog,
    statement: &Statement,
    query: &Query,
    facts: &Facts,
) -> Result<Cursor, String> {
    if query.sort.is_empty() {
        return Err(
            "it has no ORDER BY; end one in a unique key of the result, such as its `id`"
                .to_owned(),
        );
    }
    if !facts.order.total.value {
        return Err(format!(
            "{}; end ORDER BY in a unique key of the result",
            facts.order.total.reason
        ));
    }
    let mut keys = Vec::new();
    for (key, item) in facts.order.keys.iter().zip(&query.sort) {
        let column = key
            .column
            .and_then(|place| Some((place, statement.columns.get(place)?)));
        let Some((place, column)) = column else {
            return Err(hidden(query, item, &key.text));
        };
        let same_name = |other: &&crate::describe::ResultColumn| other.name == column.name;
        if statement.columns.iter().filter(same_name).count() > 1 {
            return Err(format!(
                "it has two columns `{}`; name one of them otherwise, with AS",
                column.name
            ));
        }
        keys.push(Key {
            column: place,
            name: column.name.clone(),
            sql_type: catalog.type_name(column.type_oid),
            type_oid: column.type_oid,
            descending: key.descending,
            nulls_first: key.nulls_first,
            nullable: key.nullable,
            operator: item.ordering,
        });
    }
    if keys.len() != query.sort.len() {
        return Err(
            "a key of its order is not understood; order by columns of the result".to_owned(),
        );
    }
    Cursor::over(keys)
}

/// What is ordered by is no column of the result.
fn hidden(query: &Query, item: &SortGroup, text: &str) -> String {
    let own = query
        .sort_group_target(item)
        .and_then(|target| source(&target.expr));
    let mut shown = query.visible_targets().map(|target| source(&target.expr));
    if own.is_some() && shown.any(|shown| shown == own) {
        return format!(
            "it is ordered by `{text}` under another collation or type than that column has; select what it is ordered by under a name, \
             `SELECT …, {text} COLLATE … AS key`, and write `ORDER BY key`"
        );
    }
    match text {
        AN_EXPRESSION => format!(
            "it is ordered by {text}, which is not among its columns; select it under a name, `SELECT …, … AS key`, and write \
             `ORDER BY key`"
        ),
        call if call.contains('(') => format!(
            "it is ordered by `{text}`, which is not among its columns; select it under a name, `SELECT …, {text} AS key`, and write \
             `ORDER BY key`"
        ),
        column => format!(
            "it is ordered by `{column}`, which is not among its columns; select it as well"
        ),
    }
}

/// The column that an expression is, whatever its collation is said to be.
fn source(mut expr: &Expr) -> Option<(usize, i16)> {
    while let Expr::Relabel { arg, .. }
    | Expr::Collate { arg, .. }
    | Expr::CoerceToDomain { arg, .. } = expr
    {
        expr = arg;
    }
    match expr {
        Expr::Var(var) if var.levels_up == 0 => Some((var.rel, var.column)),
        _ => None,
    }
}

impl Cursor {
    /// Or what there is against it.
    fn over(keys: Vec<Key>) -> Result<Self, String> {
        let nullable = keys.iter().filter(|key| key.nullable).count();
        if nullable > MOST_NULLABLE {
            return Err(format!(
                "{nullable} of the columns that it is ordered by may be NULL, and {MOST_NULLABLE} at most are followed; order by fewer, or \
                 by `coalesce(…)` that is selected under a name"
            ));
        }
        let ways = |backwards: bool| -> Vec<Way> {
            let patterns = 0..1 << nullable;
            let ways = patterns.map(|pattern| way(&keys, pattern, backwards));
            ways.collect()
        };
        let (after, before) = (ways(false), ways(true));
        Ok(Self {
            keys,
            after,
            before,
        })
    }
}

/// Each doubles the texts.
const MOST_NULLABLE: usize = 3;

/// By key: is it NULL in a row of that pattern?
fn nulls(keys: &[Key], pattern: usize) -> Vec<bool> {
    let mut bits = 0..;
    let nulls = keys.iter().map(|key| {
        let bit = key.nullable.then(|| bits.next()).flatten();
        bit.is_some_and(|bit: usize| pattern >> bit & 1 == 1)
    });
    nulls.collect()
}

/// A key with what a row has there.
#[derive(Clone, Copy)]
struct Place<'k> {
    key: &'k Key,
    /// The parameter that has its value; `None` where it is NULL.
    value: Option<usize>,
    backwards: bool,
}

impl Place<'_> {
    fn operator(&self) -> &'static str {
        if self.key.descending != self.backwards {
            "<"
        } else {
            ">"
        }
    }

    /// Do the rows that are NULL there come behind all others?
    fn nulls_behind(&self) -> bool {
        self.key.nullable && self.key.nulls_first == self.backwards
    }
}

/// The rows beyond one of that pattern.
fn way(keys: &[Key], pattern: usize, backwards: bool) -> Way {
    let mut numbers = 0..;
    let places: Vec<Place<'_>> = keys
        .iter()
        .zip(nulls(keys, pattern))
        .map(|(key, null)| Place {
            key,
            value: (!null).then(|| numbers.next()).flatten(),
            backwards,
        })
        .collect();
    let order: Vec<String> = keys
        .iter()
        .map(|key| format!("{}{}", key.written(), key.direction(backwards)))
        .collect();
    let tail = vec![
        Piece::Text(format!("\nORDER BY {}\nLIMIT ", order.join(", "))),
        Piece::Param(numbers.next().unwrap_or_default()),
    ];
    let condition = |of: &dyn Fn(&mut Vec<Piece>)| {
        let mut pieces = vec![Piece::Text("\nWHERE ".to_owned())];
        of(&mut pieces);
        pieces
    };
    let mut conditions = Vec::new();
    // An index has the rows with NULL in the first key at one end, in a part of their own.
    if let [first, rest @ ..] = places.as_slice() {
        let name = first.key.written();
        match first.value {
            Some(_) => {
                conditions.push(condition(&|pieces| beyond(&runs(&places, true), pieces)));
                if first.nulls_behind() {
                    conditions.push(condition(&|pieces| add(pieces, &format!("{name} IS NULL"))));
                }
            }
            None => {
                conditions.push(condition(&|pieces| {
                    add(pieces, &format!("{name} IS NULL AND "));
                    in_parentheses(&runs(rest, false), pieces);
                }));
                if !first.nulls_behind() {
                    let others = format!("{name} IS NOT NULL");
                    conditions.push(condition(&|pieces| add(pieces, &others)));
                }
            }
        }
    }
    Way { conditions, tail }
}

/// Neighbours of one direction, which one comparison of rows takes together. One that may be NULL stands alone, but for the first: what
/// is NULL there has a part of its own.
fn runs<'p, 'k>(places: &'p [Place<'k>], from_the_first: bool) -> Vec<&'p [Place<'k>]> {
    let mut runs: Vec<&[Place<'_>]> = Vec::new();
    let mut start = 0;
    for end in 1..=places.len() {
        let ends = match (places.get(end - 1), places.get(end)) {
            (Some(a), Some(b)) => {
                a.operator() != b.operator()
                    || b.key.nullable
                    || a.key.nullable && !(from_the_first && end == 1)
                    || a.value.is_none()
            }
            _ => true,
        };
        if ends {
            runs.extend(places.get(start..end));
            start = end;
        }
    }
    runs
}

fn add(pieces: &mut Vec<Piece>, more: &str) {
    match pieces.last_mut() {
        _ if more.is_empty() => {}
        Some(Piece::Text(text)) => text.push_str(more),
        _ => pieces.push(Piece::Text(more.to_owned())),
    }
}

fn in_parentheses(runs: &[&[Place<'_>]], pieces: &mut Vec<Piece>) {
    let comparison = match runs {
        [run] => run.iter().all(|place| !place.key.nullable),
        _ => false,
    };
    let (open, close) = if comparison { ("", "") } else { ("(", ")") };
    add(pieces, open);
    match runs {
        [[place], rest @ ..] if place.key.nullable => beyond_nullable(place, rest, pieces),
        _ => beyond(runs, pieces),
    }
    add(pieces, close);
}

/// The condition for rows beyond those values. An index bounds the scan by the first comparison; of directions that differ, that
/// is `<=`, and the rest tells the ties apart. Of a first key that may be NULL, the rows where it is are not meant.
fn beyond(runs: &[&[Place<'_>]], pieces: &mut Vec<Piece>) {
    let [run @ [first, ..], rest @ ..] = runs else {
        return add(pieces, "false");
    };
    let operator = first.operator();
    if rest.is_empty() {
        return compared(run, operator, pieces);
    }
    compared(run, &format!("{operator}="), pieces);
    add(pieces, " AND (");
    compared(run, operator, pieces);
    add(pieces, " OR ");
    in_parentheses(rest, pieces);
    add(pieces, ")");
}

/// As `beyond`, of ties in what stands before: rows where the key is NULL are meant as well.
fn beyond_nullable(place: &Place<'_>, rest: &[&[Place<'_>]], pieces: &mut Vec<Piece>) {
    let name = place.key.written();
    let alone: &[Place<'_>] = &[*place];
    if place.value.is_some() {
        compared(alone, place.operator(), pieces);
        if place.nulls_behind() {
            add(pieces, &format!(" OR {name} IS NULL"));
        }
        if !rest.is_empty() {
            add(pieces, " OR (");
            compared(alone, &format!("{}=", place.operator()), pieces);
            add(pieces, " AND ");
            in_parentheses(rest, pieces);
            add(pieces, ")");
        }
    } else if place.nulls_behind() {
        add(pieces, &format!("{name} IS NULL AND "));
        in_parentheses(rest, pieces);
    } else {
        add(pieces, &format!("{name} IS NOT NULL"));
        if !rest.is_empty() {
            add(pieces, " OR ");
            in_parentheses(rest, pieces);
        }
    }
}

fn compared(run: &[Place<'_>], operator: &str, pieces: &mut Vec<Piece>) {
    let names: Vec<String> = run.iter().map(|place| place.key.written()).collect();
    let (open, close) = if run.len() > 1 { ("(", ")") } else { ("", "") };
    add(
        pieces,
        &format!("{open}{}{close} {operator} {open}", names.join(", ")),
    );
    for (index, place) in run.iter().enumerate() {
        if index > 0 {
            add(pieces, ", ");
        }
        pieces.extend(place.value.map(Piece::Param));
    }
    add(pieces, close);
}

/// What follows from what the server said of the drafts' texts.
pub fn judge(
    catalog: &Catalog,
    rules: &Rules,
    own: &CheckedGroup,
    drafts: PageDrafts,
    answers: Vec<Described>,
) -> Pages {
    let mut pages = Pages {
        orders: Vec::new(),
        texts: Vec::new(),
        refused: Vec::new(),
    };
    let mut answers = answers.into_iter();
    for mut draft in drafts.drafts {
        let answers: Vec<Described> = answers.by_ref().take(draft.made.len()).collect();
        let Some(Described::Statement(statement)) = own.described.get(draft.text) else {
            continue;
        };
        let mut seen = Vec::new();
        for (place, (described, sql)) in answers.into_iter().zip(draft.made).enumerate() {
            match sound(catalog, rules, statement, &draft.order, place, described) {
                Ok(found) => seen.push((sql, found)),
                Err(reason) if place > 1 => draft.order.cursor = Err(reason),
                Err(reason) => pages.refused.push(reason),
            }
        }
        if let Err(reason) = &mut draft.order.cursor {
            seen.truncate(2);
            if let Some(name) = &draft.name {
                *reason = format!("in the order `{name}`, {reason}");
            }
        }
        pages.texts.push(PageTexts {
            text: draft.text,
            made: seen,
        });
        pages.add(draft.order);
    }
    pages.refused.sort();
    pages.refused.dedup();
    // A clause that any text ends in is the last to be looked for.
    pages
        .orders
        .sort_by_key(|order| std::cmp::Reverse(order.clause.len()));
    pages
}

impl Pages {
    /// Why there are no pages by cursor, of each order that has none: then the query has none.
    pub fn without_cursors(&self) -> Vec<&str> {
        let cursors = self.orders.iter().map(|order| order.cursor.as_ref());
        let mut reasons: Vec<&str> = cursors
            .filter_map(Result::err)
            .map(String::as_str)
            .collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }

    /// Of the text at that place of the query's own group.
    pub fn of_text(&self, place: usize, sql: &str) -> Option<(&PageTexts, &Order)> {
        let texts = self.texts.iter().find(|texts| texts.text == place)?;
        let mut orders = self.orders.iter();
        let order = orders.find(|order| sql.ends_with(&order.clause))?;
        Some((texts, order))
    }

    /// What holds of every text that has the clause.
    fn add(&mut self, order: Order) {
        let same = |known: &&mut Order| known.clause == order.clause;
        let Some(known) = self.orders.iter_mut().find(same) else {
            return self.orders.push(order);
        };
        known.unsettled = known.unsettled.take().or(order.unsettled);
        known.ordered &= order.ordered;
        match (&known.cursor, order.cursor) {
            (Ok(one), Ok(other)) if *one != other => {
                known.cursor = Err(
                    "what it is ordered by depends on the filters; order by columns that do not"
                        .to_owned(),
                );
            }
            (Ok(_), Err(reason)) => known.cursor = Err(reason),
            (Ok(_) | Err(_), _) => {}
        }
    }
}

/// Is the text of that place what it was made for?
fn sound(
    catalog: &Catalog,
    rules: &Rules,
    statement: &Statement,
    order: &Order,
    place: usize,
    described: Described,
) -> Result<Statement, String> {
    const WHAT: [&str; 4] = [
        "a page",
        "the total",
        "a page after a cursor",
        "a page before a cursor",
    ];
    // Those by cursor come in pairs.
    let kind = if place < 2 { place } else { 2 + place % 2 };
    let what = WHAT.get(kind).copied().unwrap_or("a page");
    let found = match described {
        Described::Statement(found) => found,
        Described::Refused(error) => {
            return Err(format!(
                "the server refuses the text of {what}: {}",
                error.message
            ));
        }
        Described::Utility(_) | Described::Unasked => {
            return Err(format!("the server does not know the text of {what}"));
        }
    };
    if let Some(error) = &found.plan_error {
        return Err(format!(
            "the server does not plan the text of {what}: {}",
            error.message
        ));
    }
    let access = prove::access::access(&prove::Input {
        catalog,
        statement: &found,
        line: &|_| None,
        rules,
        param_names: &[],
        param_overrides: &[],
    });
    if access.value == Access::Write {
        return Err(format!("the text of {what} writes: {}", access.reason));
    }
    checked(catalog, statement, order, place, &found)?;
    Ok(found)
}

fn checked(
    catalog: &Catalog,
    statement: &Statement,
    order: &Order,
    place: usize,
    found: &Statement,
) -> Result<(), String> {
    let own = found.params.get(..statement.params.len());
    if own != Some(statement.params.as_slice()) {
        return Err("its parameters have other types in a page".to_owned());
    }
    let added = found
        .params
        .get(statement.params.len()..)
        .unwrap_or_default();
    let same_columns = || {
        let names = |columns: &[crate::describe::ResultColumn]| -> Vec<(String, Oid)> {
            columns
                .iter()
                .map(|column| (column.name.clone(), column.type_oid))
                .collect()
        };
        if names(&found.columns) == names(&statement.columns) {
            Ok(())
        } else {
            Err("its columns are other ones in a page".to_owned())
        }
    };
    match (place, &order.cursor) {
        (0, _) => {
            same_columns()?;
            if added != [INT8, INT8] {
                return Err("LIMIT and OFFSET do not take an int8".to_owned());
            }
        }
        (1, _) => {
            let [column] = found.columns.as_slice() else {
                return Err("the total is not one column".to_owned());
            };
            if column.type_oid != INT8 || !added.is_empty() {
                return Err("the total is not an int8".to_owned());
            }
        }
        (_, Ok(cursor)) => {
            same_columns()?;
            let Some((&INT8, values)) = added.split_last() else {
                return Err("LIMIT does not take an int8".to_owned());
            };
            let (pattern, backwards) = ((place - 2) / 2, place % 2 == 1);
            if cursor.given(pattern).count() != values.len() {
                return Err("its values are not all compared".to_owned());
            }
            for (key, &value) in cursor.given(pattern).zip(values) {
                if !same_bytes(catalog, key.type_oid, value) {
                    return Err(format!(
                        "`{}` is compared as `{}`, not as the `{}` that it is",
                        key.name,
                        catalog.type_name(value),
                        key.sql_type
                    ));
                }
            }
            let [query] = found.queries.as_slice() else {
                return Err("a rule makes several queries of it".to_owned());
            };
            keeps_order(catalog, cursor, pattern, backwards, query)?;
        }
        (_, Err(_)) => {}
    }
    Ok(())
}

/// Do values of the one type have the form of the other?
fn same_bytes(catalog: &Catalog, column: Oid, value: Oid) -> bool {
    /// `text` and `varchar`
    const TEXTS: [Oid; 2] = [25, 1043];
    let (column, value) = (catalog.base_type(column), catalog.base_type(value));
    column == value || (TEXTS.contains(&column) && TEXTS.contains(&value))
}

/// Does the text sort by the operators that the author's does, and compare by those of the same family? It names neither:
/// the server chose them.
fn keeps_order(
    catalog: &Catalog,
    cursor: &Cursor,
    pattern: usize,
    backwards: bool,
    query: &Query,
) -> Result<(), String> {
    sorts(catalog, cursor, backwards, query)?;
    let ways = if backwards {
        &cursor.before
    } else {
        &cursor.after
    };
    let parts = match ways.get(pattern).map_or(0, |way| way.conditions.len()) {
        1 => vec![query],
        _ => parts(query),
    };
    let mut comparisons = Vec::new();
    for part in parts {
        sorts(catalog, cursor, backwards, part)?;
        if let Some(quals) = &part.join_tree.quals {
            comparisons_in(quals, &mut comparisons);
        }
    }
    if comparisons.is_empty() && cursor.given(pattern).next().is_some() {
        return Err("nothing is compared".to_owned());
    }
    for (left, operator) in comparisons {
        let key = column_of(left)
            .and_then(|column| cursor.keys.iter().find(|key| key.column + 1 == column));
        let Some(key) = key else {
            return Err("something else than a key is compared".to_owned());
        };
        if !one_family(catalog, key.operator, operator) {
            return Err(other_order(key));
        }
    }
    Ok(())
}

fn other_order(key: &Key) -> String {
    format!(
        "it is ordered by `{}` in another way than its type's own; order by it without USING",
        key.name
    )
}

fn sorts(catalog: &Catalog, cursor: &Cursor, backwards: bool, query: &Query) -> Result<(), String> {
    if query.sort.len() != cursor.keys.len() {
        return Err("its order names a column twice; name it once".to_owned());
    }
    for (key, item) in cursor.keys.iter().zip(&query.sort) {
        let sorts_by_key = query
            .visible_targets()
            .position(|target| target.sort_group_ref == item.reference)
            == Some(key.column);
        if !sorts_by_key || !same_order(catalog, key, item, backwards) {
            return Err(other_order(key));
        }
    }
    Ok(())
}

/// What a UNION ALL within the query is made of.
fn parts(query: &Query) -> Vec<&Query> {
    let union = query.rtable.iter().find_map(|rte| match &rte.kind {
        RteKind::Subquery { query, .. } => query.set_operation.as_ref().map(|of| (&**query, of)),
        _ => None,
    });
    let Some((union, operation)) = union else {
        return Vec::new();
    };
    let mut leaves = Vec::new();
    let mut open = vec![operation];
    while let Some(operation) = open.pop() {
        match operation {
            SetOperation::Leaf(rel) => leaves.push(*rel),
            SetOperation::Node { left, right, .. } => open.extend([&**left, &**right]),
            SetOperation::Other(_) => {}
        }
    }
    let leaves = leaves
        .into_iter()
        .filter_map(|rel| match &union.rte(rel)?.kind {
            RteKind::Subquery { query, .. } => Some(&**query),
            _ => None,
        });
    leaves.collect()
}

fn same_order(catalog: &Catalog, key: &Key, item: &SortGroup, backwards: bool) -> bool {
    if item.nulls_first == (key.nulls_first == backwards) {
        return false;
    }
    match backwards {
        false => item.ordering == key.operator,
        true => item.ordering != key.operator && one_family(catalog, key.operator, item.ordering),
    }
}

/// Do both compare within one btree operator family? What is unequal by the one is then unequal by the other.
fn one_family(catalog: &Catalog, a: Oid, b: Oid) -> bool {
    let families = |operator: &Oid| {
        catalog
            .operators
            .get(operator)
            .map(|found| &found.order_families)
    };
    let (Some(a), Some(b)) = (families(&a), families(&b)) else {
        return false;
    };
    a.iter().any(|family| b.contains(family))
}

fn comparisons_in<'a>(expr: &'a Expr, found: &mut Vec<(&'a Expr, Oid)>) {
    match expr {
        Expr::Op(operation) => {
            if let Some(left) = operation.args.first() {
                found.push((left, operation.operator));
            }
        }
        Expr::RowCompare {
            operators, left, ..
        } => found.extend(left.iter().zip(operators.iter().copied())),
        _ => walk::below(expr, &mut |part| {
            if let Part::Expr(expr) = part {
                comparisons_in(expr, found);
            }
        }),
    }
}

/// The number of the subquery's column that an expression is.
fn column_of(mut expr: &Expr) -> Option<usize> {
    while let Expr::Relabel { arg, .. } = expr {
        expr = arg;
    }
    match expr {
        Expr::Var(var) if var.levels_up == 0 => usize::try_from(var.column).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_clause_is_found() {
        let rest = |sql: &str| order_by(sql).map(|at| sql[at..].to_owned());
        let is = |sql: &str, expected: &str| assert_eq!(rest(sql).as_deref(), Some(expected));
        is("SELECT a FROM t\nORDER BY a", "\nORDER BY a");
        is(
            "SELECT a FROM t -- why\norder  by a",
            " -- why\norder  by a",
        );
        is(
            "SELECT a, row_number() OVER (ORDER BY b) FROM t ORDER BY a",
            " ORDER BY a",
        );
        is("SELECT 1 AS order ORDER BY 1", " ORDER BY 1");
        for none in [
            "SELECT a FROM t",
            "(SELECT a FROM t ORDER BY a)",
            "SELECT t.order by FROM t",
            "SELECT a AS order",
            "SELECT a FROM t ORDER BY a + $1",
            "SELECT 'x ORDER BY a' FROM t",
            "SELECT \"order\" by FROM t",
        ] {
            assert_eq!(rest(none), None, "{none}");
        }
    }

    fn key(name: &str, descending: bool) -> Key {
        Key {
            column: 0,
            name: name.to_owned(),
            sql_type: "int8".to_owned(),
            type_oid: INT8,
            descending,
            nulls_first: descending,
            nullable: false,
            operator: 0,
        }
    }

    fn conditions(keys: &[Key], pattern: usize, backwards: bool) -> Vec<String> {
        let text = |pieces: &Vec<Piece>| {
            let written = pieces.iter().map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Param(place) => format!("${}", place + 1),
                other => format!("{other:?}"),
            });
            let text: String = written.collect();
            text.trim_start_matches("\nWHERE ").to_owned()
        };
        let way = way(keys, pattern, backwards);
        way.conditions.iter().map(text).collect()
    }

    fn condition(keys: &[Key], backwards: bool) -> String {
        conditions(keys, 0, backwards).join(" and then ")
    }

    #[test]
    fn a_condition_begins_with_what_bounds_the_scan() {
        let keys = [key("a", false), key("b", false), key("C d", true)];
        assert_eq!(condition(&keys[..1], false), "page.a > $1");
        assert_eq!(condition(&keys[..2], true), "(page.a, page.b) < ($1, $2)");
        assert_eq!(
            condition(&keys, false),
            "(page.a, page.b) >= ($1, $2) AND ((page.a, page.b) > ($1, $2) OR page.\"C d\" < $3)"
        );
        let mixed = [key("a", true), key("b", false), key("c", true)];
        assert_eq!(
            condition(&mixed, false),
            "page.a <= $1 AND (page.a < $1 OR (page.b >= $2 AND (page.b > $2 OR page.c < $3)))"
        );
    }

    #[test]
    fn rows_with_null_have_a_part_of_their_own() {
        let nullable = |name: &str, descending: bool| Key {
            nullable: true,
            ..key(name, descending)
        };
        // NULL comes last.
        let keys = [nullable("a", false), key("b", false)];
        assert_eq!(
            conditions(&keys, 0, false),
            ["(page.a, page.b) > ($1, $2)", "page.a IS NULL"]
        );
        assert_eq!(conditions(&keys, 0, true), ["(page.a, page.b) < ($1, $2)"]);
        assert_eq!(
            conditions(&keys, 1, false),
            ["page.a IS NULL AND page.b > $1"]
        );
        assert_eq!(
            conditions(&keys, 1, true),
            ["page.a IS NULL AND page.b < $1", "page.a IS NOT NULL"]
        );
        let later = [key("a", true), nullable("b", false), key("c", true)];
        assert_eq!(
            conditions(&later, 0, false),
            [
                "page.a <= $1 AND (page.a < $1 OR (page.b > $2 OR page.b IS NULL OR (page.b >= $2 AND page.c < $3)))"
            ]
        );
        assert_eq!(
            conditions(&later, 0, true),
            ["page.a >= $1 AND (page.a > $1 OR (page.b < $2 OR (page.b <= $2 AND page.c > $3)))"]
        );
        assert_eq!(
            conditions(&later, 1, false),
            ["page.a <= $1 AND (page.a < $1 OR (page.b IS NULL AND page.c < $2))"]
        );
        assert_eq!(
            conditions(&later, 1, true),
            ["page.a >= $1 AND (page.a > $1 OR (page.b IS NOT NULL OR page.c > $2))"]
        );
        let last = [key("a", false), nullable("b", false)];
        assert_eq!(
            conditions(&last, 1, false),
            ["page.a >= $1 AND (page.a > $1 OR (page.b IS NULL AND (false)))"]
        );
        let both = [nullable("a", true), nullable("b", true), key("c", true)];
        assert_eq!(
            conditions(&both, 3, false),
            [
                "page.a IS NULL AND (page.b IS NOT NULL OR page.c < $1)",
                "page.a IS NOT NULL"
            ]
        );
        // Neighbours of one direction are not compared together behind a NULL.
        let three = [nullable("a", false), nullable("b", false), key("c", false)];
        assert_eq!(
            conditions(&three, 1, false),
            [
                "page.a IS NULL AND (page.b > $1 OR page.b IS NULL OR (page.b >= $1 AND page.c > $2))"
            ]
        );
    }
}
