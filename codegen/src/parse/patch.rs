//! Patches: where `name~` parameters stand, and what their columns are called there.
//!
//! `SET name = :name` ships as `SET name = CASE WHEN $2 THEN $1 ELSE users.name END`. The server gives `$1` the column's type, as it
//! would without the CASE, and coerces the result as it does any assigned value: lengths, precisions and domains hold as they would.
//! The column is qualified by the table's name or alias, because beside ON CONFLICT's `excluded` or a FROM list a bare one may be
//! ambiguous.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::scan::{Token, TokenKind};

use super::syntax::Field;

/// What a patch's parameter is, by the place of its token in the text.
pub(super) enum Place {
    /// The column as it is, to be put behind ELSE: `users.name`.
    Column(String),
    /// It cannot be a patch here.
    Fault(Diagnostic),
}

/// What stands between two parentheses, or outside of all.
#[derive(Default)]
struct Level {
    /// What the table of an INSERT is called in its ON CONFLICT clause.
    inserted: Option<String>,
    /// What the table of the statement is called whose SET comes next, or whose SET list this is.
    target: Option<String>,
    in_set: bool,
}

/// The places of all parameters that are patches. `tokens` are those of one statement.
pub(super) fn places(text: &str, tokens: &[Token], patches: &[&Field]) -> BTreeMap<usize, Place> {
    let mut places = BTreeMap::new();
    if patches.is_empty() {
        return places;
    }
    let tokens: Vec<Token> = tokens
        .iter()
        .copied()
        .filter(|token| !token.kind.is_blank())
        .collect();
    let reader = Reader { text, tokens };
    let mut levels = vec![Level::default()];
    for at in 0..reader.tokens.len() {
        let Some(token) = reader.get(at) else { break };
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket => levels.push(Level::default()),
            TokenKind::CloseParen | TokenKind::CloseBracket if levels.len() > 1 => {
                levels.pop();
            }
            TokenKind::Word => {
                if let Some(level) = levels.last_mut() {
                    reader.word(at, level);
                }
            }
            TokenKind::Param => {
                let name = token.text(text).get(1..).unwrap_or_default();
                let patch = patches.iter().find(|field| field.name.value == name);
                if let (Some(_), Some(level)) = (patch, levels.last()) {
                    places.insert(token.start, reader.place(name, at, level));
                }
            }
            _ => {}
        }
    }
    places
}

struct Reader<'a> {
    text: &'a str,
    /// Without blanks and comments.
    tokens: Vec<Token>,
}

impl Reader<'_> {
    fn get(&self, at: usize) -> Option<Token> {
        self.tokens.get(at).copied()
    }

    fn before(&self, at: usize, back: usize) -> Option<Token> {
        at.checked_sub(back).and_then(|at| self.get(at))
    }

    fn is_word(&self, token: Option<Token>, word: &str) -> bool {
        token.is_some_and(|token| token.is_word(self.text, word))
    }

    fn word(&self, at: usize, level: &mut Level) {
        let is = |word: &str| self.is_word(self.get(at), word);
        let before = self.before(at, 1);
        if is("update") {
            let begins = before.is_none_or(|before| {
                matches!(before.kind, TokenKind::OpenParen | TokenKind::CloseParen)
            });
            if begins {
                *level = Level {
                    target: self.table(at + 1),
                    ..Level::default()
                };
            } else if self.is_word(before, "do") {
                level.target = level.inserted.clone();
                level.in_set = false;
            } else if self.is_word(before, "then") {
                // Of MERGE.
                level.target = None;
                level.in_set = false;
            }
        } else if is("into") && self.is_word(before, "insert") {
            *level = Level {
                inserted: self.table(at + 1),
                ..Level::default()
            };
        } else if is("set") {
            level.in_set = level.target.is_some();
        } else if is("where")
            || is("returning")
            || is("from") && !self.is_word(before, "distinct")
            || is("when")
        {
            level.in_set = false;
        }
    }

    /// What a table is called after `UPDATE` or `INSERT INTO`: its alias, or its name without the schema.
    fn table(&self, mut at: usize) -> Option<String> {
        let is_name = |token: Token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName);
        if self.is_word(self.get(at), "only") {
            at += 1;
        }
        let wrapped = self.get(at)?.kind == TokenKind::OpenParen;
        if wrapped {
            at += 1;
        }
        let mut name = self.get(at).filter(|&token| is_name(token))?;
        at += 1;
        while self
            .get(at)
            .is_some_and(|token| token.kind == TokenKind::Dot)
        {
            name = self.get(at + 1).filter(|&token| is_name(token))?;
            at += 2;
        }
        if wrapped {
            at += 1;
        }
        if self
            .get(at)
            .is_some_and(|token| token.text(self.text) == "*")
        {
            at += 1;
        }
        if self.is_word(self.get(at), "as") {
            name = self.get(at + 1).filter(|&token| is_name(token))?;
        } else if let Some(next) = self.get(at)
            && is_name(next)
            && ![
                "set",
                "default",
                "values",
                "select",
                "overriding",
                "with",
                "table",
            ]
            .iter()
            .any(|word| next.is_word(self.text, word))
        {
            // An INSERT takes an alias only behind AS; what else stands there, the server refuses.
            name = next;
        }
        Some(name.text(self.text).to_owned())
    }

    /// `SET column = :name`, with nothing around the parameter.
    fn place(&self, name: &str, at: usize, level: &Level) -> Place {
        let fault = |message: String, help: String| {
            Place::Fault(Diagnostic::error("patch", message).help(help))
        };
        let assigned = self
            .before(at, 1)
            .is_some_and(|token| token.text(self.text) == "=");
        let column = self
            .before(at, 2)
            .filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName));
        let opens = |token: Option<Token>| {
            self.is_word(token, "set") || token.is_some_and(|token| token.kind == TokenKind::Comma)
        };
        let ends = self.get(at + 1).is_none_or(|next| {
            matches!(next.kind, TokenKind::Comma | TokenKind::CloseParen)
                || ["from", "where", "returning"]
                    .iter()
                    .any(|word| next.is_word(self.text, word))
        });
        let Some(target) = level.target.as_ref().filter(|_| level.in_set) else {
            return fault(
                format!("the patch `:{name}` is no value of a SET list"),
                format!(
                    "`{name}~` stands as `SET column = :{name}`, with nothing around it, in an UPDATE or in ON CONFLICT DO UPDATE, and nowhere else; what is compared or inserted is a parameter of another name"
                ),
            );
        };
        let subscripted = assigned
            && self.before(at, 2).is_some_and(|token| {
                token.kind == TokenKind::CloseBracket
                    || column.is_some()
                        && self
                            .before(at, 3)
                            .is_some_and(|dot| dot.kind == TokenKind::Dot)
            });
        if subscripted {
            return fault(
                format!("the patch `:{name}` is assigned to a part of a column"),
                format!(
                    "a patch keeps or sets whole columns: write `SET column = :{name}`, or take away the `~`"
                ),
            );
        }
        match column {
            Some(column) if assigned && opens(self.before(at, 3)) && ends => {
                Place::Column(format!("{target}.{}", column.text(self.text)))
            }
            _ => fault(
                format!("the patch `:{name}` is not the whole value of a column"),
                format!(
                    "write `SET column = :{name}`, with nothing around the parameter, or take away the `~`"
                ),
            ),
        }
    }
}
