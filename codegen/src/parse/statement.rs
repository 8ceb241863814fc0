//! The SQL of one query: `:name` becomes `$n`, and what cannot be a parameter is reported.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::scan::{Token, TokenKind};
use crate::source::{FileId, Span};

use super::patch::{self, Place};
use super::syntax::{Field, ParamUse, Replaced, Role, Statement};

/// What encloses a token, as far as colons and parameters care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// `[ … ]`: a colon parts the bounds of a slice.
    Bracket,
    /// `json_object( … )` and `json_objectagg( … )`: a colon parts key and value.
    Json,
    /// `position( … )`: `IN` is followed by an operand.
    Position,
    Paren,
}

struct Reader<'a> {
    file: FileId,
    text: &'a str,
    diagnostics: &'a mut Vec<Diagnostic>,
    enclosing: Vec<Inside>,
    statement: Statement,
    /// The names so far, and the places of their first use.
    names: BTreeMap<String, usize>,
    /// Of the parameters that are patches, by the places of their tokens.
    patches: BTreeMap<usize, Place>,
    /// How much of the author's text is in `statement.sql`.
    shipped_to: usize,
}

/// The tokens are those of one statement: the first and the last are not blank, and no semicolon is among them.
pub(super) fn read(
    file: FileId,
    text: &str,
    tokens: &[Token],
    patches: &[&Field],
    diagnostics: &mut Vec<Diagnostic>,
) -> Statement {
    let start = tokens.first().map_or(0, |token| token.start);
    let end = tokens.last().map_or(start, |token| token.end);
    let known = diagnostics.len();
    let mut reader = Reader {
        file,
        text,
        diagnostics,
        enclosing: Vec::new(),
        statement: Statement {
            span: Span::new(file, start..end),
            sql: String::with_capacity(end - start),
            faulty: false,
            params: Vec::new(),
            replaced: Vec::new(),
            shortened: Vec::new(),
        },
        names: BTreeMap::new(),
        patches: patch::places(text, tokens, patches),
        shipped_to: start,
    };
    let mut before: Option<Token> = None;
    let mut word_before: Option<Token> = None;
    for (index, &token) in tokens.iter().enumerate() {
        if token.kind.is_blank() {
            continue;
        }
        let next = tokens.get(index + 1).copied();
        reader.token(token, before, word_before, next);
        word_before = before;
        before = Some(token);
    }
    reader.ship(end);
    reader.check_case();
    let written = text.get(start..end).unwrap_or_default();
    reader.statement.faulty = reader.diagnostics.len() > known
        || tokens.iter().any(|token| !token.closed)
        || super::refused_characters(written).next().is_some();
    reader.statement
}

impl Reader<'_> {
    fn span(&self, token: Token) -> Span {
        Span::new(self.file, token.range())
    }

    fn is_word(&self, token: Option<Token>, words: &[&str]) -> bool {
        token.is_some_and(|token| words.iter().any(|word| token.is_word(self.text, word)))
    }

    fn token(
        &mut self,
        token: Token,
        before: Option<Token>,
        two_before: Option<Token>,
        next: Option<Token>,
    ) {
        match token.kind {
            TokenKind::OpenBracket => self.enclosing.push(Inside::Bracket),
            TokenKind::OpenParen => self.enclosing.push(
                if self.is_word(before, &["json_object", "json_objectagg"]) {
                    Inside::Json
                } else if self.is_word(before, &["position"]) {
                    Inside::Position
                } else {
                    Inside::Paren
                },
            ),
            TokenKind::CloseBracket | TokenKind::CloseParen => {
                self.enclosing.pop();
            }
            TokenKind::Param => self.param(token, before, two_before, next),
            TokenKind::Positional => self.diagnostics.push(
                Diagnostic::error("parameter", "parameters have names here, not numbers")
                    .at(self.span(token))
                    .help("write `:name`; sqlmill numbers them"),
            ),
            TokenKind::Colon => self.colon(token, next),
            TokenKind::Backslash => self.diagnostics.push(
                Diagnostic::error("syntax", "psql's backslash commands are not SQL")
                    .at(self.span(token))
                    .help("delete it: the queries are sent to the server, psql does not see them"),
            ),
            TokenKind::Whitespace
            | TokenKind::LineComment
            | TokenKind::BlockComment
            | TokenKind::Word
            | TokenKind::QuotedName
            | TokenKind::String
            | TokenKind::DollarString
            | TokenKind::Number
            | TokenKind::Operator
            | TokenKind::Cast
            | TokenKind::Assign
            | TokenKind::Arrow
            | TokenKind::DotDot
            | TokenKind::Dot
            | TokenKind::Comma
            | TokenKind::Semicolon
            | TokenKind::Unknown => {}
        }
    }

    /// A colon by itself parts the bounds of a slice or a JSON key from its value; PostgreSQL has no other use for it.
    fn colon(&mut self, token: Token, next: Option<Token>) {
        if matches!(self.enclosing.last(), Some(Inside::Bracket | Inside::Json)) {
            return;
        }
        let diagnostic = match next.map(|next| next.kind) {
            Some(TokenKind::QuotedName | TokenKind::String) => Diagnostic::error(
                "parameter",
                "the name of a parameter is not quoted",
            )
            .help(
                "write `:name`: values never become part of the text, so there is nothing to quote",
            ),
            Some(TokenKind::Number) => Diagnostic::error(
                "parameter",
                "the name of a parameter begins with a letter or `_`",
            )
            .help("write `:name`"),
            _ => Diagnostic::error("parameter", "a colon without a name")
                .help("a parameter is `:name`, with no blank after the colon"),
        };
        let place = match next {
            Some(next) if !next.kind.is_blank() => self.span(token).to(self.span(next)),
            _ => self.span(token),
        };
        self.diagnostics.push(diagnostic.at(place));
    }

    fn param(
        &mut self,
        token: Token,
        before: Option<Token>,
        two_before: Option<Token>,
        next: Option<Token>,
    ) {
        let text = self.text;
        let name = token.text(text).get(1..).unwrap_or_default();
        if let Some(diagnostic) = self
            .ambiguous(name, before)
            .or_else(|| self.misplaced(name, token, before, two_before, next))
            .or_else(|| misnamed(name))
        {
            self.diagnostics.push(diagnostic.at(self.span(token)));
        }
        let span = self.span(token);
        let column = match self.patches.remove(&token.start) {
            Some(Place::Column(column)) => Some(column),
            Some(Place::Fault(diagnostic)) => {
                self.diagnostics.push(diagnostic.at(span));
                None
            }
            None => None,
        };
        let index = match self.names.get(name) {
            Some(&index) => {
                if column.is_some() {
                    self.patched_twice(name, index, span);
                }
                index
            }
            None => {
                let index = self.statement.params.len();
                self.names.insert(name.to_owned(), index);
                let mut add = |role: Role| {
                    self.statement.params.push(ParamUse {
                        name: name.to_owned(),
                        spans: Vec::new(),
                        role,
                    });
                };
                match column.clone() {
                    Some(column) => {
                        add(Role::Patch { column });
                        add(Role::Switch);
                    }
                    None => add(Role::Value),
                }
                index
            }
        };
        if let Some(param) = self.statement.params.get_mut(index) {
            param.spans.push(span);
        }
        self.ship(token.start);
        let value = index + 1;
        let shipped = match column {
            Some(column) => format!("CASE WHEN ${} THEN ${value} ELSE {column} END", value + 1),
            None => format!("${value}"),
        };
        self.statement.replaced.push(Replaced {
            at: offset(self.statement.sql.len()),
            len: offset(shipped.len()),
            span,
        });
        self.statement.sql.push_str(&shipped);
        self.shipped_to = token.end;
    }

    /// A patch of two columns would be two decisions under one name.
    fn patched_twice(&mut self, name: &str, index: usize, span: Span) {
        let Some(first) = self.statement.params.get(index) else {
            return;
        };
        if matches!(first.role, Role::Patch { .. })
            && let Some(&there) = first.spans.first()
        {
            self.diagnostics.push(
                Diagnostic::error("patch", format!("the patch `:{name}` stands here twice"))
                    .at(span)
                    .related(there, "the first place")
                    .help("a patch is of one column: give the other one a parameter of its own"),
            );
        }
    }

    /// In `a[lo:hi]` and `json_object('k':v)` PostgreSQL sees a colon and a column, psql and other tools a parameter. The
    /// latter could not stand right behind an operand, so the former is what runs; but it is rarely what is meant.
    fn ambiguous(&self, name: &str, before: Option<Token>) -> Option<Diagnostic> {
        let before = before.filter(|&token| ends_operand(token, self.text))?;
        let left = before.text(self.text);
        let left = if left.len() > 20 || left.contains('\n') {
            "…"
        } else {
            left
        };
        match self.enclosing.last()? {
            Inside::Bracket => Some(
                Diagnostic::error(
                    "parameter",
                    format!("`:{name}` in a slice may be a column or a parameter"),
                )
                .label("a bound behind a colon, or a parameter?")
                .help(format!("for the parameter write `[{left} : :{name}]`"))
                .help(format!("for the column write `[{left} : {name}]`")),
            ),
            Inside::Json => Some(
                Diagnostic::error(
                    "parameter",
                    format!("`:{name}` behind a JSON key may be a column or a parameter"),
                )
                .label("a value behind a colon, or a parameter?")
                .help(format!("for the parameter write `{left} : :{name}`"))
                .help(format!("for the column write `{left} : {name}`")),
            ),
            Inside::Position | Inside::Paren => None,
        }
    }

    /// A parameter stands for a value and nothing else; and `$1` may not melt into what is before it.
    fn misplaced(
        &self,
        name: &str,
        token: Token,
        before: Option<Token>,
        two_before: Option<Token>,
        next: Option<Token>,
    ) -> Option<Diagnostic> {
        let before = before?;
        let touches = before.end == token.start
            && matches!(
                before.kind,
                TokenKind::Word | TokenKind::Number | TokenKind::Positional
            );
        if touches {
            return Some(
                Diagnostic::error("parameter", format!("`:{name}` needs a blank before it"))
                    .label(format!("runs into `{}`", before.text(self.text)))
                    .help("the parameter becomes `$1`, which PostgreSQL would read as part of the word before it"),
            );
        }
        let before_text = before.text(self.text);
        let wrong = |message: String, help: String| {
            Some(Diagnostic::error("parameter", message).help(help))
        };
        if before.kind == TokenKind::Dot
            || self.is_word(
                Some(before),
                &["into", "join", "table", "update", "as", "collate"],
            )
            || (self.is_word(Some(before), &["from"]) && self.is_word(two_before, &["delete"]))
            || next.is_some_and(|next| next.kind == TokenKind::OpenParen)
        {
            return wrong(
                format!("`:{name}` stands where PostgreSQL wants a name"),
                "a parameter is a value; names of tables, columns and functions are part of the text".to_owned(),
            );
        }
        if before.kind == TokenKind::Cast {
            return wrong(
                format!("`:{name}` stands where PostgreSQL wants a type"),
                "a parameter is a value; the type of a cast is part of the text".to_owned(),
            );
        }
        if self.is_word(Some(before), &["in"]) && self.enclosing.last() != Some(&Inside::Position) {
            return wrong(
                format!("`IN :{name}` is not SQL"),
                format!(
                    "for a list of any length write `= ANY(:{name})`, and `<> ALL(:{name})` for NOT IN"
                ),
            );
        }
        if self.is_word(
            Some(before),
            &["interval", "date", "time", "timestamp", "timestamptz"],
        ) {
            return wrong(
                format!("`{before_text}` takes a literal, not a parameter"),
                format!("write `:{name}::{}`", before_text.to_ascii_lowercase()),
            );
        }
        None
    }

    /// Two names that differ in case only would be one in SQL, and one field in Rust.
    fn check_case(&mut self) {
        let mut first: BTreeMap<String, &ParamUse> = BTreeMap::new();
        let authors = self.statement.params.iter();
        for param in authors.filter(|param| param.role != Role::Switch) {
            let Some(other) = first.insert(param.name.to_lowercase(), param) else {
                continue;
            };
            let (Some(&here), Some(&there)) = (param.spans.first(), other.spans.first()) else {
                continue;
            };
            self.diagnostics.push(
                Diagnostic::error(
                    "parameter",
                    format!(
                        "`:{}` and `:{}` differ only in case",
                        param.name, other.name
                    ),
                )
                .at(here)
                .related(there, "the other one")
                .help("write both alike, or give them different names"),
            );
        }
    }

    /// Copies the author's text up to a place.
    fn ship(&mut self, end: usize) {
        let mut rest = self.text.get(self.shipped_to..end).unwrap_or_default();
        while let Some(at) = rest.find("\r\n") {
            let (line, after) = rest.split_at(at);
            self.statement.sql.push_str(line);
            self.statement
                .shortened
                .push(offset(self.statement.sql.len()));
            self.statement.sql.push('\n');
            rest = after.get(2..).unwrap_or_default();
        }
        self.statement.sql.push_str(rest);
        self.shipped_to = end;
    }
}

/// A name that Rust cannot spell.
fn misnamed(name: &str) -> Option<Diagnostic> {
    let mut letters = name.chars();
    let begins = letters
        .next()
        .is_some_and(|letter| letter.is_alphabetic() || letter == '_');
    // `self`, `super` and `crate` get another name in Rust.
    let why = if name == "_" {
        "Rust reserves this name"
    } else if begins && letters.all(|letter| letter.is_alphanumeric() || letter == '_') {
        return None;
    } else {
        "a name has only letters, digits and `_`, and does not begin with a digit"
    };
    Some(
        Diagnostic::error(
            "name",
            format!("`{name}` cannot be the name of a parameter"),
        )
        .label(why)
        .help("use another name"),
    )
}

/// Can PostgreSQL's grammar have an operand end with this token? Of the words, all but those behind which an operand stands.
fn ends_operand(token: Token, text: &str) -> bool {
    const LEAD: [&str; 26] = [
        "and",
        "or",
        "not",
        "like",
        "ilike",
        "to",
        "escape",
        "zone",
        "from",
        "in",
        "is",
        "between",
        "symmetric",
        "asymmetric",
        "case",
        "when",
        "then",
        "else",
        "overlaps",
        "any",
        "some",
        "all",
        "select",
        "value",
        "key",
        "operator",
    ];
    match token.kind {
        TokenKind::Word => !LEAD.iter().any(|word| token.is_word(text, word)),
        TokenKind::QuotedName
        | TokenKind::String
        | TokenKind::DollarString
        | TokenKind::Number
        | TokenKind::Param
        | TokenKind::Positional
        | TokenKind::CloseParen
        | TokenKind::CloseBracket => true,
        TokenKind::Whitespace
        | TokenKind::LineComment
        | TokenKind::BlockComment
        | TokenKind::Operator
        | TokenKind::Colon
        | TokenKind::Cast
        | TokenKind::Assign
        | TokenKind::Arrow
        | TokenKind::DotDot
        | TokenKind::Dot
        | TokenKind::Comma
        | TokenKind::Semicolon
        | TokenKind::OpenParen
        | TokenKind::OpenBracket
        | TokenKind::Backslash
        | TokenKind::Unknown => false,
    }
}

fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
