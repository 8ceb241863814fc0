//! Annotated SQL, read into data. Reading never stops at a fault: what was understood comes back, and every fault.

mod annotation;
mod names;
mod patch;
mod statement;
pub mod syntax;

use crate::diagnostic::Diagnostic;
use crate::scan::{BYTE_ORDER_MARK, Scanner, Token, TokenKind};
use crate::source::{FileId, Sources, Span, Spanned};

use annotation::{Head, Line, Marker};
use syntax::{Directive, DirectiveKind, Field, ParsedFile, ParsedQuery, StructUse, TypeAnnotation};

pub use names::{check_names, declare_rows, unused_types};

/// Reads one file. Whether names are declared, and once, is told by [`check_names`] over all files: a module may have many.
pub fn parse_file(sources: &Sources, file: FileId, module: &str) -> (ParsedFile, Vec<Diagnostic>) {
    let text = sources.get(file).text.as_str();
    let mut diagnostics = Vec::new();
    let tokens = read_tokens(file, text, &mut diagnostics);
    check_characters(file, text, &mut diagnostics);
    let mut parser = Parser {
        file,
        text,
        tokens,
        at: 0,
        above: Above::Nothing,
        previous: None,
        loose_doc: None,
        types: Vec::new(),
        queries: Vec::new(),
        diagnostics,
    };
    parser.run();
    let mut diagnostics = parser.diagnostics;
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.map(|span| span.start));
    let parsed = ParsedFile {
        file,
        module: module.to_owned(),
        types: parser.types,
        queries: parser.queries,
    };
    (parsed, diagnostics)
}

/// The annotation that the next statement or line belongs to.
enum Above {
    Nothing,
    /// The last of `types`.
    Type,
    Query(Box<Open>),
}

/// A `--!` line and those below it, still without a statement.
struct Open {
    /// `None` where the line was not understood; its faults are reported, its statement is not without annotation.
    head: Option<Head>,
    span: Span,
    docs: Vec<String>,
    attributes: Vec<Spanned<String>>,
    directives: Vec<Directive>,
}

struct Parser<'a> {
    file: FileId,
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    above: Above,
    /// The last query whose statement was read: its name and the place of the name.
    previous: Option<Spanned<String>>,
    /// The first of the doc lines right above, if they belong to nothing.
    loose_doc: Option<Span>,
    types: Vec<TypeAnnotation>,
    queries: Vec<ParsedQuery>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    fn run(&mut self) {
        while let Some(&token) = self.tokens.get(self.at) {
            match token.kind {
                TokenKind::Whitespace | TokenKind::BlockComment => self.at += 1,
                TokenKind::LineComment => {
                    self.at += 1;
                    self.comment(token);
                }
                TokenKind::Semicolon => {
                    self.at += 1;
                    self.empty_statement(token);
                }
                TokenKind::Backslash => {
                    self.at += 1;
                    self.diagnostics.push(
                        Diagnostic::error("syntax", "psql's backslash commands are not SQL")
                            .at(self.span(token))
                            .help("delete it: the queries are sent to the server, psql does not see them"),
                    );
                }
                _ => self.statement(),
            }
        }
        self.close();
    }

    fn span(&self, token: Token) -> Span {
        Span::new(self.file, token.range())
    }

    /// Is there nothing but blanks before it on its line?
    fn begins_line(&self, token: Token) -> bool {
        let before = self.text.get(..token.start).unwrap_or_default();
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        before
            .get(line..)
            .unwrap_or_default()
            .chars()
            .all(|letter| letter.is_whitespace() || letter == BYTE_ORDER_MARK)
    }

    /// A line comment between statements.
    fn comment(&mut self, token: Token) {
        let Some(marker) = Marker::of(token.text(self.text)) else {
            return;
        };
        if !self.begins_line(token) {
            match marker {
                Marker::Query | Marker::Type | Marker::Directive => {
                    self.diagnostics.push(hidden(marker, self.span(token)));
                }
                Marker::Owned | Marker::Borrowed | Marker::Doc => return,
            }
        }
        let loose_doc = self.loose_doc.take();
        match marker {
            Marker::Query => {
                self.close();
                if let Some(span) = loose_doc {
                    self.diagnostics.push(
                        Diagnostic::warning(
                            "annotation",
                            "a doc line above its `--!` line is lost",
                        )
                        .at(span)
                        .help(
                            "doc lines stand below the `--!` line; an ordinary comment is `-- …`",
                        ),
                    );
                }
                let head = self.line(token).query();
                self.above = Above::Query(Box::new(Open {
                    head,
                    span: self.span(token),
                    docs: Vec::new(),
                    attributes: Vec::new(),
                    directives: Vec::new(),
                }));
            }
            Marker::Type => {
                self.close();
                if let Some(annotation) = self.line(token).type_annotation() {
                    self.types.push(annotation);
                    self.above = Above::Type;
                }
            }
            Marker::Owned | Marker::Borrowed => self.attribute(token, marker),
            Marker::Directive => self.directive(token),
            Marker::Doc => {
                self.loose_doc = loose_doc;
                self.doc(token);
            }
        }
    }

    fn line(&mut self, token: Token) -> Line<'_> {
        Line::new(self.file, self.text, token.range(), &mut self.diagnostics)
    }

    /// What stands behind the marker, without blanks around it.
    fn content(&self, token: Token) -> Spanned<String> {
        let text = token.text(self.text).get(3..).unwrap_or_default();
        let start = token.start + 3 + (text.len() - text.trim_start().len());
        let value = text.trim();
        Spanned {
            value: value.to_owned(),
            span: Span::new(self.file, start..start + value.len()),
        }
    }

    fn attribute(&mut self, token: Token, marker: Marker) {
        let content = self.content(token);
        let span = self.span(token);
        if content.value.is_empty() {
            self.diagnostics.push(
                Diagnostic::error(
                    "annotation",
                    format!("`{}` without an attribute", marker.text()),
                )
                .at(span)
                .help(format!("write `{} allow(dead_code)`", marker.text())),
            );
            return;
        }
        match (&mut self.above, self.types.last_mut(), marker) {
            (Above::Type, Some(annotation), Marker::Borrowed) => {
                annotation.attributes.borrowed.push(content);
            }
            (Above::Type, Some(annotation), _) => annotation.attributes.owned.push(content),
            (Above::Query(open), _, Marker::Owned) => open.attributes.push(content),
            (Above::Query(_), _, _) => self.diagnostics.push(
                Diagnostic::error("annotation", "`--&` speaks of a struct, not of a query")
                    .at(span)
                    .help("put it below the `--:` line of the row's type"),
            ),
            (Above::Nothing | Above::Type, _, _) => self.diagnostics.push(
                Diagnostic::error(
                    "annotation",
                    format!("`{}` belongs to nothing", marker.text()),
                )
                .at(span)
                .help("an attribute stands below the `--!` or `--:` line that it is for"),
            ),
        }
    }

    fn directive(&mut self, token: Token) {
        let span = self.span(token);
        let kind = self.line(token).directive();
        let Above::Query(open) = &mut self.above else {
            self.diagnostics.push(
                Diagnostic::error("annotation", "a directive belongs to nothing")
                    .at(span)
                    .help("a directive stands below the `--!` line of its query, above the SQL"),
            );
            return;
        };
        let Some(kind) = kind else {
            return;
        };
        let rows = |kind: &DirectiveKind| {
            matches!(
                kind,
                DirectiveKind::One
                    | DirectiveKind::Optional
                    | DirectiveKind::Many
                    | DirectiveKind::Page
            )
        };
        let other = open
            .directives
            .iter()
            .find(|other| match (&other.kind, &kind) {
                (DirectiveKind::Allow { rule: a, .. }, DirectiveKind::Allow { rule: b, .. }) => {
                    a.value.replace('_', "-") == b.value.replace('_', "-")
                }
                (DirectiveKind::Timeout { .. }, DirectiveKind::Timeout { .. })
                | (DirectiveKind::Order { .. }, DirectiveKind::Order { .. }) => true,
                (a, b) => a == b || (rows(a) && rows(b)),
            });
        match other {
            Some(other) if other.kind == kind || !rows(&kind) => self.diagnostics.push(
                Diagnostic::error("annotation", "the same directive twice")
                    .at(span)
                    .related(other.span, "here already")
                    .help("keep one of the two"),
            ),
            Some(other) => self.diagnostics.push(
                Diagnostic::error("annotation", "two directives about the number of rows")
                    .at(span)
                    .related(other.span, "the other one")
                    .help("keep one of the two"),
            ),
            None => open.directives.push(Directive { kind, span }),
        }
    }

    fn doc(&mut self, token: Token) {
        let text = token.text(self.text).get(3..).unwrap_or_default();
        // A ruler, `-----`, is decoration wherever it stands.
        if !text.is_empty() && text.chars().all(|letter| letter == '-') {
            return;
        }
        match &mut self.above {
            Above::Query(open) => {
                let text = text.strip_prefix(' ').unwrap_or(text);
                open.docs.push(text.trim_end().to_owned());
            }
            Above::Nothing | Above::Type => {
                let span = self.span(token);
                self.loose_doc.get_or_insert(span);
            }
        }
    }

    /// Another annotation begins, or the file ends.
    fn close(&mut self) {
        if let Above::Query(open) = std::mem::replace(&mut self.above, Above::Nothing) {
            let name = match &open.head {
                Some(head) => format!("`{}` has no statement", head.name.value),
                None => "an annotation without a statement".to_owned(),
            };
            self.diagnostics.push(
                Diagnostic::error("missing-statement", name)
                    .at(open.span)
                    .help("write its SQL below the annotation, or delete the annotation"),
            );
        }
    }

    fn empty_statement(&mut self, semicolon: Token) {
        let diagnostic = match std::mem::replace(&mut self.above, Above::Nothing) {
            Above::Query(open) => Diagnostic::error(
                "missing-statement",
                open.head.map_or_else(
                    || "a query without SQL".to_owned(),
                    |head| format!("the SQL of `{}` is empty", head.name.value),
                ),
            )
            .related(open.span, "annotated here")
            .help("write its SQL before the semicolon, or delete both"),
            Above::Nothing | Above::Type => {
                Diagnostic::error("missing-statement", "a semicolon that ends nothing")
                    .help("delete it")
            }
        };
        self.diagnostics.push(diagnostic.at(self.span(semicolon)));
    }

    /// From the first token of a statement to its semicolon, to the annotation of the next one, or to the end of the file.
    fn statement(&mut self) {
        self.loose_doc = None;
        let start = self.at;
        let mut end = start;
        while let Some(&token) = self.tokens.get(self.at) {
            if token.kind == TokenKind::Semicolon {
                self.at += 1;
                break;
            }
            if token.kind == TokenKind::LineComment && self.ends_statement(token) {
                break;
            }
            self.at += 1;
            if !token.kind.is_blank() {
                end = self.at;
            }
        }
        let tokens = self.tokens.get(start..end).unwrap_or_default();
        match std::mem::replace(&mut self.above, Above::Nothing) {
            Above::Query(open) => {
                let patches: Vec<&Field> = match open.head.as_ref().map(|head| &head.params) {
                    Some(StructUse::Implicit(fields)) => patches(fields),
                    Some(StructUse::Inline(declared)) => patches(&declared.fields),
                    Some(StructUse::Named(_)) | None => Vec::new(),
                };
                let mut statement = statement::read(
                    self.file,
                    self.text,
                    tokens,
                    &patches,
                    &mut self.diagnostics,
                );
                // A comment without an end may be the last of it.
                let behind = self.tokens.get(end..self.at).unwrap_or_default();
                statement.faulty |= behind.iter().any(|token| !token.closed);
                if let Some(head) = open.head {
                    self.previous = Some(head.name.clone());
                    let query = ParsedQuery {
                        name: head.name,
                        params: head.params,
                        row: head.row,
                        docs: open.docs,
                        attributes: open.attributes,
                        directives: open.directives,
                        statement,
                    };
                    check_own_params(&query, head.params_span, &mut self.diagnostics);
                    self.queries.push(query);
                }
            }
            Above::Nothing | Above::Type => self.unannotated(start, end),
        }
    }

    fn unannotated(&mut self, start: usize, end: usize) {
        let first = self.tokens.get(start).map_or(0, |token| token.start);
        let last = self
            .tokens
            .get(start..end)
            .and_then(<[Token]>::last)
            .map_or(first, |token| token.end);
        // Its first line says which one it is.
        let text = self.text.get(first..last).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default().trim_end().len();
        let diagnostic = match &self.previous {
            Some(query) => Diagnostic::error(
                "missing-annotation",
                format!("a second statement under the annotation of `{}`", query.value),
            )
            .related(query.span, "this annotation is of the statement before")
            .help("give it a `--! name` line of its own, or make both one statement (`WITH … AS (…)`)"),
            None => Diagnostic::error("missing-annotation", "a statement without an annotation")
                .help("write a line `--! name` above it"),
        };
        self.diagnostics
            .push(diagnostic.at(Span::new(self.file, first..first + line)));
    }

    /// An annotation amid a statement is always reported. Where it looks like that of a next query, a semicolon is missing.
    fn ends_statement(&mut self, token: Token) -> bool {
        let Some(marker) = Marker::of(token.text(self.text)) else {
            return false;
        };
        let span = self.span(token);
        let begins_line = self.begins_line(token);
        match marker {
            Marker::Doc => false,
            Marker::Owned | Marker::Borrowed if !begins_line => false,
            Marker::Owned | Marker::Borrowed | Marker::Directive => {
                self.diagnostics.push(
                    Diagnostic::error(
                        "annotation",
                        format!("`{}` amid a statement", marker.text()),
                    )
                    .at(span)
                    .help(
                        "put it above the SQL, below the `--!` line; an ordinary comment is `-- …`",
                    ),
                );
                false
            }
            Marker::Query | Marker::Type if !begins_line => {
                self.diagnostics.push(hidden(marker, span));
                false
            }
            Marker::Query | Marker::Type => {
                // A quote or a comment that was cut off here is reported already.
                let before = self.tokens.get(..self.at).unwrap_or_default();
                let last = before
                    .iter()
                    .rfind(|token| !token.closed || !token.kind.is_blank());
                if last.is_some_and(|token| !token.closed) {
                    return true;
                }
                let ends = self.next_statement_begins();
                self.diagnostics.push(if ends {
                    Diagnostic::error("syntax", "the statement above this annotation has no end")
                        .at(span)
                        .help("end it with a `;`")
                } else {
                    Diagnostic::error(
                        "annotation",
                        format!("`{}` amid a statement", marker.text()),
                    )
                    .at(span)
                    .help("an ordinary comment is `-- …`")
                });
                ends
            }
        }
    }

    /// After the token here: nothing more, another annotation, or a word that begins a statement.
    fn next_statement_begins(&self) -> bool {
        const FIRST: [&str; 14] = [
            "select", "insert", "update", "delete", "with", "merge", "values", "table", "call",
            "truncate", "lock", "refresh", "set", "do",
        ];
        let next = self
            .tokens
            .get(self.at + 1..)
            .unwrap_or_default()
            .iter()
            .find(|token| match token.kind {
                TokenKind::Whitespace | TokenKind::BlockComment => false,
                TokenKind::LineComment => matches!(
                    Marker::of(token.text(self.text)),
                    Some(Marker::Query | Marker::Type)
                ),
                _ => true,
            });
        next.is_none_or(|token| {
            token.kind == TokenKind::LineComment
                || FIRST.iter().any(|word| token.is_word(self.text, word))
        })
    }
}

/// The fields that are marked with `~`.
fn patches(fields: &[Field]) -> Vec<&Field> {
    fields.iter().filter(|field| field.patch).collect()
}

fn hidden(marker: Marker, span: Span) -> Diagnostic {
    Diagnostic::error(
        "annotation",
        format!("`{}` behind other text on its line", marker.text()),
    )
    .at(span)
    .help("an annotation takes a line of its own; an ordinary comment is `-- …`")
}

/// What a query declares of its own parameters stands in its SQL.
fn check_own_params(query: &ParsedQuery, span: Span, diagnostics: &mut Vec<Diagnostic>) {
    let fields = match &query.params {
        StructUse::Implicit(fields) => fields,
        StructUse::Inline(annotation) => &annotation.fields,
        StructUse::Named(_) => &Vec::new(),
    };
    let named = !matches!(query.params, StructUse::Implicit(_));
    if named && query.statement.params.is_empty() {
        diagnostics.push(
            Diagnostic::error(
                "unused-parameter",
                format!(
                    "`{}` declares parameters and its SQL has none",
                    query.name.value
                ),
            )
            .at(span)
            .help("delete the declaration, or use `:name` in the SQL"),
        );
        return;
    }
    names::check_params(query, fields, None, diagnostics);
}

/// Tokens of the whole file. A quote that runs over the annotation of a next query lacks its end, whatever closes it later, and
/// so does a comment that nothing closes: reading goes on at that annotation. (A comment that is closed may hold queries that
/// somebody put aside.)
fn read_tokens(file: FileId, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Token> {
    let mut scanner = Scanner::new(text);
    let mut tokens = Vec::new();
    while let Some(mut token) = scanner.next() {
        let what = match token.kind {
            TokenKind::String => "string",
            TokenKind::DollarString => "dollar-quoted string",
            TokenKind::QuotedName => "quoted name",
            TokenKind::BlockComment if !token.closed => "comment",
            _ => {
                tokens.push(token);
                continue;
            }
        };
        let opening = Span::new(file, token.opening(text));
        let unclosed = Diagnostic::error(
            "syntax",
            format!("the {what} that begins here does not end"),
        );
        let close = match token.kind {
            TokenKind::BlockComment => "close it with `*/`; comments nest".to_owned(),
            TokenKind::QuotedName => "close it with `\"`".to_owned(),
            TokenKind::DollarString => {
                format!(
                    "close it with `{}`",
                    text.get(opening.range()).unwrap_or_default()
                )
            }
            _ => "close it with `'`; a quote inside is written twice".to_owned(),
        };
        if let Some((line, mark)) = annotation_inside(token, text) {
            let close = match token.kind {
                TokenKind::BlockComment => close,
                _ => "close it before the annotation; a text that has such a line is written with `E'\\n--!'`".to_owned(),
            };
            diagnostics.push(
                unclosed
                    .at(opening)
                    .related(
                        Span::new(file, line + mark..line + mark + 3),
                        "it runs over this annotation",
                    )
                    .help(close),
            );
            token.end = line;
            token.closed = false;
            scanner.seek(line);
        } else if !token.closed {
            diagnostics.push(unclosed.at(opening).help(close));
        }
        tokens.push(token);
    }
    tokens
}

/// The start of the first later line of the token that begins with `--!` or `--:`, and the length of its indent.
fn annotation_inside(token: Token, text: &str) -> Option<(usize, usize)> {
    let inside = token.text(text);
    let mut start = 0;
    while let Some(at) = inside.get(start..)?.find('\n') {
        start += at + 1;
        let line = inside.get(start..)?;
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let line = line.get(indent..)?;
        if line.starts_with("--!") || line.starts_with("--:") {
            return Some((token.start + start, indent));
        }
    }
    None
}

/// Characters that cannot ship: PostgreSQL takes no NUL; rustc refuses a bare CR in a string and characters that change the
/// direction of text (what a reader sees is then not what runs).
fn check_characters(file: FileId, text: &str, diagnostics: &mut Vec<Diagnostic>) {
    for (at, letter) in refused_characters(text) {
        let (what, help) = match letter {
            '\0' => ("a NUL character", "delete it: PostgreSQL stores no NUL"),
            '\r' => (
                "a carriage return that ends no line",
                "end lines with LF or CR LF; in a string write `E'\\r'`",
            ),
            _ => (
                "a character that changes the direction of the text",
                "delete it; in a string write `E'\\u202e'`",
            ),
        };
        diagnostics.push(
            Diagnostic::error("syntax", what)
                .at(Span::new(file, at..at + letter.len_utf8()))
                .label(format!("U+{:04X}", u32::from(letter)))
                .help(help),
        );
    }
}

/// One search each: most texts hold none of them.
fn refused_characters(text: &str) -> impl Iterator<Item = (usize, char)> {
    let letters = ['\0', '\r']
        .into_iter()
        .chain(DIRECTION.into_iter().flatten());
    letters
        .flat_map(move |letter| text.match_indices(letter).map(move |(at, _)| (at, letter)))
        .filter(move |&(at, letter)| letter != '\r' || text.as_bytes().get(at + 1) != Some(&b'\n'))
}

/// The embeddings, overrides and isolates of Unicode's bidirectional algorithm.
const DIRECTION: [std::ops::RangeInclusive<char>; 2] =
    ['\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
