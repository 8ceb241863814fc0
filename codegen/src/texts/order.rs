//! The order that a caller chooses: `--@ order(newest: created_at DESC, id; name: lower(name), id)`.

use crate::diagnostic::Diagnostic;
use crate::parse::syntax::{Directive, DirectiveKind, OrderOption, Statement};
use crate::scan::{Scanner, Token, TokenKind};
use crate::source::{Sources, Span};

use super::{Piece, Template};

/// Where ORDER BY is put, and what is put there.
pub(super) fn edit(
    sources: &Sources,
    template: &Template,
    statement: &Statement,
    directive: &Directive,
    options: &[OrderOption],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(Span, Vec<Piece>)> {
    let text = sources.text(statement.span);
    let tokens: Vec<Token> = Scanner::new(text)
        .filter(|token| !token.kind.is_blank())
        .collect();
    let first = |words: &[&str]| {
        let first = tokens.first()?;
        let is = words.iter().any(|word| first.is_word(text, word));
        (is || first.kind == TokenKind::OpenParen).then_some(())
    };
    if first(&["select", "with", "values", "table"]).is_none() {
        diagnostics.push(
            Diagnostic::error("order", "only a query has an order that can be chosen")
                .at(directive.span)
                .help("remove the line; what a statement returns can be ordered in `WITH … AS (…) SELECT`"),
        );
        return None;
    }
    let start = statement.span.start as usize;
    let mut depth = 0_u32;
    let mut end = text.len();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket => depth += 1,
            TokenKind::CloseParen | TokenKind::CloseBracket => depth = depth.saturating_sub(1),
            TokenKind::Word if depth == 0 => {
                let next = tokens.get(index + 1);
                if token.is_word(text, "order") && next.is_some_and(|next| next.is_word(text, "by"))
                {
                    diagnostics.push(
                        Diagnostic::error("order", "the statement has an ORDER BY of its own")
                            .at(Span::new(
                                statement.span.file,
                                start + token.start..start + token.end,
                            ))
                            .related(directive.span, "the orders to choose from")
                            .help("make it one of them, and delete it here"),
                    );
                    return None;
                }
                let before = index.checked_sub(1).and_then(|before| tokens.get(before));
                // `plan.limit` and `AS limit` are names.
                let named = before.is_some_and(|before| {
                    before.kind == TokenKind::Dot || before.is_word(text, "as")
                });
                let clause = ["limit", "offset", "fetch", "for"]
                    .iter()
                    .any(|word| token.is_word(text, word));
                if clause && !named && end == text.len() {
                    end = before.map_or(0, |before| before.end);
                }
            }
            _ => {}
        }
    }
    let at = Span::new(statement.span.file, start + end..start + end);
    let options = options.iter().map(|option| template.slice(option.sql));
    Some((
        at,
        vec![
            Piece::Ours("\nORDER BY ".to_owned(), at),
            Piece::Choice {
                number: 0,
                options: options.collect(),
            },
        ],
    ))
}

/// The orders that a query offers, and the line that says so.
pub(super) fn of(directives: &[Directive]) -> Option<(&Directive, &[OrderOption])> {
    directives
        .iter()
        .find_map(|directive| match &directive.kind {
            DirectiveKind::Order { options } => Some((directive, options.as_slice())),
            _ => None,
        })
}
