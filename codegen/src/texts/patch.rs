//! An UPDATE that sets nothing: where every patch keeps, its rows are selected instead.
//!
//! `UPDATE users SET name = :name WHERE id = :id RETURNING id` has a second text, `SELECT id FROM users WHERE id = $1`: no row is written,
//! no trigger fires, nobody waits for a lock. An UPDATE has it that sets nothing but patches and the configured `updated_at`, and that means
//! the same as a SELECT in all else; any other runs as it is written.

use crate::config::{Config, SharedColumn};
use crate::parse::syntax::{Role, Statement};
use crate::scan::{Scanner, Token, TokenKind};
use crate::source::{Sources, Span, Spanned};

use super::{Choice, Group, Piece, Template, Texts};

/// What such a choice is called: the patches make it, and nobody else.
const WHAT: &str = "with";

/// Do the patches choose the text?
pub fn chooses(template: &Template) -> bool {
    template
        .choices
        .first()
        .is_some_and(|choice| choice.what == WHAT)
}

/// The texts of an UPDATE of patches, where nothing else makes it several.
pub fn derive(sources: &Sources, statement: &Statement, config: &Config, texts: &mut Texts) {
    let patch = statement
        .params
        .iter()
        .find(|param| matches!(param.role, Role::Patch { .. }));
    let Some(patch) = patch.filter(|_| !statement.faulty) else {
        return;
    };
    let at = patch.spans.first().copied().unwrap_or(statement.span);
    // Filters do not stand beside patches; the rule `filter-in-write` tells.
    if texts.own.template.is_some() {
        return;
    }
    let mut template = Template::of(statement);
    let Some(select) = unchanged(sources, &template, statement, config) else {
        return;
    };
    let update = std::mem::take(&mut template.pieces);
    template.pieces.push(Piece::Choice {
        number: 0,
        options: vec![update, select],
    });
    let options = ["a change", "no change"].map(|name| Spanned {
        value: name.to_owned(),
        span: at,
    });
    template.choices.push(Choice {
        what: WHAT,
        options: options.to_vec(),
    });
    texts.own = Group::several(sources, statement, None, template);
}

/// What is sent where nothing is set, in the place of the whole statement.
fn unchanged(
    sources: &Sources,
    template: &Template,
    statement: &Statement,
    config: &Config,
) -> Option<Vec<Piece>> {
    Reader::new(sources, statement).select(template, statement, config)
}

struct Reader<'a> {
    text: &'a str,
    whole: Span,
    /// Without blanks and comments, each with how many parentheses are around it.
    tokens: Vec<(Token, usize)>,
}

impl<'a> Reader<'a> {
    fn new(sources: &'a Sources, statement: &Statement) -> Self {
        let text = sources.text(statement.span);
        let mut depth = 0_usize;
        let tokens = Scanner::new(text)
            .filter(|token| !token.kind.is_blank())
            .map(|token| match token.kind {
                TokenKind::OpenParen | TokenKind::OpenBracket => {
                    depth += 1;
                    (token, depth - 1)
                }
                TokenKind::CloseParen | TokenKind::CloseBracket => {
                    depth = depth.saturating_sub(1);
                    (token, depth)
                }
                _ => (token, depth),
            })
            .collect();
        Self {
            text,
            whole: statement.span,
            tokens,
        }
    }

    fn is(&self, place: usize, word: &str) -> bool {
        self.tokens
            .get(place)
            .is_some_and(|(token, _)| token.is_word(self.text, word))
    }

    /// The first place, from one on, of a word outside of all parentheses.
    fn word(&self, from: usize, word: &str) -> Option<usize> {
        (from..self.tokens.len()).find(|&place| self.is(place, word) && self.tokens[place].1 == 0)
    }

    /// From one token to before another, or to the end.
    fn span(&self, from: usize, to: usize) -> Span {
        let start = self
            .tokens
            .get(from)
            .map_or(self.text.len(), |(token, _)| token.start);
        let end = to
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(start, |(token, _)| token.end.max(start));
        let origin = self.whole.start as usize;
        Span::new(self.whole.file, origin + start..origin + end)
    }

    fn select(
        &self,
        template: &Template,
        statement: &Statement,
        config: &Config,
    ) -> Option<Vec<Piece>> {
        let end = self.tokens.len();
        let update = self.word(0, "update")?;
        if update != 0 && !self.is(0, "with") {
            return None;
        }
        let set = self.word(update, "set")?;
        let returning = self.word(set, "returning");
        let condition = self.word(set, "where");
        let assigned = condition.or(returning).unwrap_or(end);
        if !self.only_patches(set + 1, assigned, statement, config)
            || condition.is_some_and(|at| self.is(at + 1, "current") && self.is(at + 2, "of"))
            || self.locks()
            || returning.is_some_and(|at| self.names_versions(at + 1))
        {
            return None;
        }
        let at = self.span(update, set);
        let ours = |text: &str| Piece::Ours(text.to_owned(), at);
        let mut pieces = template.slice(Span {
            end: at.start,
            ..self.whole
        });
        pieces.push(ours("SELECT"));
        if let Some(returning) = returning {
            pieces.push(ours(" "));
            pieces.extend(template.slice(self.span(returning + 1, end)));
        }
        pieces.push(ours("\nFROM "));
        pieces.extend(template.slice(self.span(update + 1, set)));
        if let Some(condition) = condition {
            pieces.push(ours("\n"));
            pieces.extend(template.slice(self.span(condition, returning.unwrap_or(end))));
        }
        Some(pieces)
    }

    /// Is each assignment a patch, or that of the column which says when a row was changed? A FROM list is no assignment.
    fn only_patches(&self, from: usize, to: usize, statement: &Statement, config: &Config) -> bool {
        let mut patches = 0;
        let mut start = from;
        while start < to {
            let stop = (start..to)
                .find(|&place| {
                    let (token, depth) = self.tokens[place];
                    depth == 0 && token.kind == TokenKind::Comma
                })
                .unwrap_or(to);
            if (start..stop).any(|place| self.tokens[place].1 == 0 && self.is(place, "from")) {
                return false;
            }
            let (column, _) = self.tokens[start];
            let value = self.tokens.get(start + 2).map(|(token, _)| *token);
            let patch = stop == start + 3
                && value.is_some_and(|value| {
                    value.kind == TokenKind::Param && self.is_patch(value, statement)
                });
            let is = |declared: &Option<SharedColumn>| {
                let name = declared.as_ref().map(|declared| &declared.column.value);
                name.is_some_and(|name| self.is_column(column, name))
            };
            // An UPDATE that deletes or restores rows sees those that a SELECT may not.
            if patch && !is(&config.soft_delete) {
                patches += 1;
            } else if patch || !is(&config.updated_at) {
                return false;
            }
            start = stop + 1;
        }
        patches > 0
    }

    fn is_patch(&self, token: Token, statement: &Statement) -> bool {
        let name = token.text(self.text).get(1..).unwrap_or_default();
        statement
            .params
            .iter()
            .any(|param| param.name == name && matches!(param.role, Role::Patch { .. }))
    }

    fn is_column(&self, token: Token, name: &str) -> bool {
        let text = token.text(self.text);
        match token.kind {
            TokenKind::Word => text.to_lowercase() == name,
            TokenKind::QuotedName => text.trim_matches('"').replace("\"\"", "\"") == name,
            _ => false,
        }
    }

    /// Does a subquery lock rows? The UPDATE does so to change them, and a SELECT to no purpose.
    fn locks(&self) -> bool {
        (0..self.tokens.len()).any(|place| {
            self.is(place, "for")
                && ["update", "share", "no", "key"]
                    .iter()
                    .any(|strength| self.is(place + 1, strength))
        })
    }

    /// `old.name`, `new.name`, or other names for them: what a SELECT does not have.
    fn names_versions(&self, from: usize) -> bool {
        let renamed = self.is(from, "with");
        let named = (from..self.tokens.len()).any(|place| {
            (self.is(place, "old") || self.is(place, "new"))
                && self
                    .tokens
                    .get(place + 1)
                    .is_some_and(|(token, _)| token.kind == TokenKind::Dot)
        });
        renamed || named
    }
}
