//! What the rules look at: one query, and where in the author's text its parts stand.

use std::ops::Range;

use crate::catalog::{Catalog, Column, Oid, RelationKind};
use crate::checked::Checked;
use crate::config::Config;
use crate::describe::Described;
use crate::describe::tree::{Expr, Location, Param, Query};
use crate::parse::syntax::ParsedFile;
use crate::prove::walk::{self, Part};
use crate::scan::{Scanner, Token, TokenKind};
use crate::source::{Sources, Span};

pub(super) struct Context<'a> {
    pub(super) sources: &'a Sources,
    pub(super) catalog: &'a Catalog,
    pub(super) config: &'a Config,
    pub(super) query: Checked<'a>,
    all: &'a [Checked<'a>],
    /// Of the shipped SQL, without blanks and comments.
    tokens: Vec<Token>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        sources: &'a Sources,
        catalog: &'a Catalog,
        config: &'a Config,
        all: &'a [Checked<'a>],
        query: Checked<'a>,
    ) -> Self {
        Self {
            sources,
            catalog,
            config,
            query,
            all,
            tokens: Scanner::new(&query.statement.sql)
                .filter(|token| !token.kind.is_blank())
                .collect(),
        }
    }

    fn sql(&self) -> &'a str {
        &self.query.statement.sql
    }

    /// The trees of the statement; none where it was refused or did not plan, since it says little then.
    pub(super) fn queries(&self) -> &'a [Query] {
        match self.query.described {
            Described::Statement(statement) if statement.plan_error.is_none() => &statement.queries,
            Described::Statement(_)
            | Described::Utility(_)
            | Described::Refused(_)
            | Described::Unasked => &[],
        }
    }

    /// Every query file of the module, for the types that are declared in them.
    pub(super) fn files(&self) -> Vec<&'a ParsedFile> {
        let mut files: Vec<&ParsedFile> = Vec::new();
        for other in self.all {
            if other.file.module == self.query.file.module
                && !files.iter().any(|file| std::ptr::eq(*file, other.file))
            {
                files.push(other.file);
            }
        }
        files
    }

    // --- the soft-delete column

    /// The column that marks deleted rows of a table, where the configuration declares one and the table has it.
    pub(super) fn soft_delete(&self, relation: Oid) -> Option<&'a Column> {
        let declared = self.config.soft_delete.as_ref()?;
        let relation = self.catalog.relations.get(&relation)?;
        if !matches!(
            relation.kind,
            RelationKind::Table
                | RelationKind::PartitionedTable
                | RelationKind::ForeignTable
                | RelationKind::MaterializedView
        ) {
            return None;
        }
        let full = format!("{}.{}", relation.schema, relation.name);
        let name = self.catalog.relation_name(relation.oid);
        if declared
            .exclude
            .iter()
            .any(|excluded| excluded.value == full || excluded.value == name)
        {
            return None;
        }
        relation.column_named(&declared.column.value)
    }

    // --- places

    /// A parameter, as the author wrote it.
    pub(super) fn name_of(&self, param: &Param) -> String {
        let place = param.number.checked_sub(1);
        place
            .and_then(|place| self.query.params.get(place))
            .map_or_else(
                || format!("${}", param.number),
                |used| format!(":{}", used.name),
            )
    }

    /// The statement's first word.
    pub(super) fn head(&self) -> Span {
        match self.tokens.first() {
            Some(token) => self.span(token.range()),
            None => self.query.parsed.name.span,
        }
    }

    pub(super) fn span(&self, shipped: Range<usize>) -> Span {
        self.query.statement.author_span(shipped)
    }

    /// The token at a place of the shipped text; at its end, the last one.
    pub(super) fn at(&self, location: Location) -> Option<Span> {
        let offset = location? as usize;
        let token = self
            .tokens
            .iter()
            .find(|token| token.end > offset)
            .or(self.tokens.last())?;
        Some(self.span(token.range()))
    }

    pub(super) fn line(&self, span: Span) -> u32 {
        self.sources.position(span).line
    }

    /// Where a table is named as a FROM item or as the target of a write. The tree does not say; the text is searched for
    /// the table's name, with the alias if there is one. Of several such places it is the one whose parentheses hold the
    /// most of `uses`, and the tightest of those.
    pub(super) fn table(&self, name: &str, alias: Option<&str>, uses: &[u32]) -> Span {
        let mut best: Option<(usize, std::cmp::Reverse<usize>, Range<usize>)> = None;
        for (place, token) in self.tokens.iter().enumerate() {
            if !self.names(*token, name) || !self.opens_a_table(place) {
                continue;
            }
            let mut end = token.end;
            if let Some(alias) = alias {
                let mut next = place + 1;
                if self
                    .tokens
                    .get(next)
                    .is_some_and(|token| token.is_word(self.sql(), "as"))
                {
                    next += 1;
                }
                match self.tokens.get(next) {
                    Some(token) if self.names(*token, alias) => end = token.end,
                    _ => continue,
                }
            }
            let around = self.select_around(place);
            let held = uses
                .iter()
                .filter(|&&use_at| around.contains(&(use_at as usize)))
                .count();
            let candidate = (held, std::cmp::Reverse(around.len()), token.start..end);
            if best
                .as_ref()
                .is_none_or(|(most, tightest, _)| (held, candidate.1) > (*most, *tightest))
            {
                best = Some(candidate);
            }
        }
        best.map_or_else(|| self.head(), |(_, _, range)| self.span(range))
    }

    /// After a word or a comma that a table may follow, its schema left out.
    fn opens_a_table(&self, place: usize) -> bool {
        let mut before = place;
        if before >= 2
            && self
                .tokens
                .get(before - 1)
                .is_some_and(|token| token.kind == TokenKind::Dot)
        {
            before -= 2;
        }
        let Some(token) = before
            .checked_sub(1)
            .and_then(|place| self.tokens.get(place))
        else {
            return false;
        };
        matches!(token.kind, TokenKind::Comma | TokenKind::OpenParen)
            || [
                "from", "join", "into", "update", "using", "only", "table", "truncate",
            ]
            .iter()
            .any(|word| token.is_word(self.sql(), word))
    }

    fn names(&self, token: Token, name: &str) -> bool {
        let text = token.text(self.sql());
        match token.kind {
            TokenKind::Word => text.to_lowercase() == name,
            TokenKind::QuotedName => text.trim_matches('"').replace("\"\"", "\"") == name,
            _ => false,
        }
    }

    /// The innermost parentheses around a token that hold a SELECT, WITH, INSERT …; or the whole text.
    fn select_around(&self, place: usize) -> Range<usize> {
        let mut depth = 0_usize;
        for (at, token) in self.tokens.iter().enumerate().take(place).rev() {
            match token.kind {
                TokenKind::CloseParen => depth += 1,
                TokenKind::OpenParen if depth > 0 => depth -= 1,
                TokenKind::OpenParen => {
                    let opens = self.tokens.get(at + 1).is_some_and(|token| {
                        [
                            "select", "with", "insert", "update", "delete", "merge", "values",
                        ]
                        .iter()
                        .any(|word| token.is_word(self.sql(), word))
                    });
                    if opens {
                        return token.start..self.closing(at);
                    }
                }
                _ => {}
            }
        }
        0..self.sql().len()
    }

    fn closing(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for token in self.tokens.iter().skip(open) {
            match token.kind {
                TokenKind::OpenParen => depth += 1,
                TokenKind::CloseParen => {
                    depth -= 1;
                    if depth == 0 {
                        return token.end;
                    }
                }
                _ => {}
            }
        }
        self.sql().len()
    }

    /// The words of a statement that has no tree, with their places.
    pub(super) fn words(&self) -> impl Iterator<Item = (&'a str, Range<usize>)> + '_ {
        let sql = self.sql();
        self.tokens
            .iter()
            .filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName))
            .map(move |token| (token.text(sql), token.range()))
    }
}

/// The places at which a query, or one below it, uses columns of one of its FROM items.
pub(super) fn uses(query: &Query, rel: usize) -> Vec<u32> {
    let mut found = Vec::new();
    walk::parts(query, &mut |part| collect_uses(part, rel, 0, &mut found));
    found
}

fn collect_uses(part: Part<'_>, rel: usize, depth: usize, found: &mut Vec<u32>) {
    match part {
        Part::Expr(Expr::Var(var)) => {
            if var.rel == rel && var.levels_up == depth {
                found.extend(var.location);
            }
        }
        Part::Expr(expr) => walk::below(expr, &mut |part| collect_uses(part, rel, depth, found)),
        Part::Query(query) => {
            walk::parts(query, &mut |part| collect_uses(part, rel, depth + 1, found))
        }
    }
}

/// A place in the author's text that the expression, or something in it, stands at: the first. What came from a view has
/// none.
pub(super) fn first_location(expr: &Expr) -> Location {
    let mut found: Location = None;
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        let here = match expr {
            Expr::Var(var) => var.location,
            Expr::Const(constant) => constant.location,
            Expr::Param(param) => param.location,
            Expr::Op(operation) | Expr::Distinct(operation) | Expr::NullIf(operation) => {
                operation.location
            }
            Expr::Func(call) => call.location,
            Expr::SubLink(link) => link.location,
            Expr::NullTest { location, .. } | Expr::BooleanTest { location, .. } => *location,
            _ => None,
        };
        found = match (found, here) {
            (Some(first), Some(here)) => Some(first.min(here)),
            (first, here) => first.or(here),
        };
        walk::below(expr, &mut |part| {
            if let Part::Expr(expr) = part {
                open.push(expr);
            }
        });
    }
    found
}

/// A name as SQL text needs it.
pub(super) fn quoted(name: &str) -> String {
    let plain = name
        .chars()
        .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
        && !name.starts_with(|letter: char| letter.is_ascii_digit());
    if plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A parameter and nothing more, but for a cast that changes no bytes and a collation.
pub(super) fn bare_param(mut expr: &Expr) -> Option<&Param> {
    while let Expr::Relabel { arg, .. } | Expr::Collate { arg, .. } = expr {
        expr = arg;
    }
    match expr {
        Expr::Param(param) => Some(param),
        _ => None,
    }
}
