//! What stands in one annotation line: the grammar of `--!`, `--:` and `--@`.

use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::nearest::nearest;
use crate::scan::{Scanner, TokenKind};
use crate::source::{FileId, Span, Spanned};

use super::names;
use super::syntax::{
    DirectiveKind, Field, Nullity, OrderOption, StructAttributes, StructUse, TypeAnnotation,
};

/// The marker of an annotation line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// `--!`
    Query,
    /// `--:`
    Type,
    /// `--#`
    Owned,
    /// `--&`
    Borrowed,
    /// `--@`
    Directive,
    /// `---`
    Doc,
}

impl Marker {
    /// Of a line comment.
    pub(super) fn of(comment: &str) -> Option<Self> {
        match comment.as_bytes().get(2)? {
            b'!' => Some(Self::Query),
            b':' => Some(Self::Type),
            b'#' => Some(Self::Owned),
            b'&' => Some(Self::Borrowed),
            b'@' => Some(Self::Directive),
            b'-' => Some(Self::Doc),
            _ => None,
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Query => "--!",
            Self::Type => "--:",
            Self::Owned => "--#",
            Self::Borrowed => "--&",
            Self::Directive => "--@",
            Self::Doc => "---",
        }
    }
}

/// A `--!` line.
pub(super) struct Head {
    pub(super) name: Spanned<String>,
    pub(super) params: StructUse,
    pub(super) params_span: Span,
    pub(super) row: StructUse,
}

/// Reads one line from after its marker. A fault ends the line: what was read before it is kept where it stands for itself.
pub(super) struct Line<'a> {
    file: FileId,
    text: &'a str,
    at: usize,
    end: usize,
    diagnostics: &'a mut Vec<Diagnostic>,
}

/// A fault was reported; the rest of the line says nothing.
pub(super) struct Reported;

impl<'a> Line<'a> {
    /// `comment` is the place of the whole comment in `text`.
    pub(super) fn new(
        file: FileId,
        text: &'a str,
        comment: Range<usize>,
        diagnostics: &'a mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            file,
            text,
            at: comment.start + 3,
            end: comment.end,
            diagnostics,
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range)
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark);
        if found {
            self.at += mark.len();
        }
        found
    }

    /// Reports what stands here in place of what is expected.
    fn expected(&mut self, what: &str, help: &str) -> Reported {
        let rest = self.rest();
        let word = rest
            .char_indices()
            .find(|(_, letter)| !is_name(*letter))
            .map_or(rest.len(), |(at, _)| at);
        let len = word.max(rest.chars().next().map_or(0, char::len_utf8));
        let found = match rest.get(..len).unwrap_or_default() {
            "" => "the line ends here".to_owned(),
            found => format!("found `{found}`"),
        };
        // Point at the last character where the line ends: there is always one to underline.
        let start = if len == 0 {
            self.text
                .get(..self.at)
                .and_then(|before| before.chars().next_back())
                .map_or(self.at, |letter| self.at - letter.len_utf8())
        } else {
            self.at
        };
        self.diagnostics.push(
            Diagnostic::error("annotation", format!("expected {what}"))
                .at(self.span(start..self.at + len))
                .label(found)
                .help(help),
        );
        self.at = self.end;
        Reported
    }

    fn plain_name(&mut self) -> Option<Spanned<String>> {
        let rest = self.rest();
        let len = rest
            .char_indices()
            .find(|(_, letter)| !is_name(*letter))
            .map_or(rest.len(), |(at, _)| at);
        (len > 0).then(|| {
            let start = self.at;
            self.at += len;
            Spanned {
                value: rest.get(..len).unwrap_or_default().to_owned(),
                span: self.span(start..self.at),
            }
        })
    }

    /// `name` or `"any name"`, in which `""` stands for a quote.
    fn name(&mut self) -> Result<Option<Spanned<String>>, Reported> {
        let start = self.at;
        if !self.take("\"") {
            return Ok(self.plain_name());
        }
        let mut value = String::new();
        loop {
            let Some(letter) = self.peek() else {
                self.at = start;
                return Err(self.expected("a quoted name that ends", "close it with `\"`"));
            };
            self.at += letter.len_utf8();
            if letter == '"' && !self.take("\"") {
                break;
            }
            value.push(letter);
        }
        if value.is_empty() {
            self.at = start;
            return Err(self.expected("a name", "a quoted name may not be empty"));
        }
        Ok(Some(Spanned {
            value,
            span: self.span(start..self.at),
        }))
    }

    fn end_of_line(&mut self, after: &str) -> Result<(), Reported> {
        self.blanks();
        if self.rest().is_empty() {
            return Ok(());
        }
        let start = self.at;
        let reported = self.expected(
            &format!("the end of the line after {after}"),
            "an annotation takes one line of its own",
        );
        if let Some(diagnostic) = self.diagnostics.last_mut() {
            let rest = self.text.get(start..self.end).unwrap_or_default();
            diagnostic.span = Some(Span::new(self.file, start..start + rest.trim_end().len()));
            diagnostic.label = "not understood".to_owned();
        }
        Err(reported)
    }

    fn nullity(&mut self, nullable: &str, not_null: &str) -> Option<Nullity> {
        if self.take(nullable) {
            Some(Nullity::Nullable)
        } else if self.take(not_null) {
            Some(Nullity::NotNull)
        } else {
            None
        }
    }

    /// `name?[?].inner?`; after the name of an array of composites also `[].inner?`; of a patch `name~`; `name?[?]: Name`.
    fn field(&mut self) -> Result<Field, Reported> {
        let start = self.at;
        let Some(name) = self.name()? else {
            return Err(self.expected(
                "the name of a column or parameter",
                "write `(name?, other!)`: `?` where NULL may come, `!` where it may not",
            ));
        };
        let patch = self.take("~");
        let nullity = self.nullity("?", "!");
        if !patch && nullity.is_some() && self.peek() == Some('~') {
            return Err(self.expected("`~` before the other mark", PATCHES));
        }
        let elements = self.nullity("[?]", "[!]");
        let mut inner = Vec::new();
        let path = self.at;
        self.take("[]");
        let mut row = None;
        if self.take(".") {
            inner.push(self.field()?);
        } else if self.at != path {
            return Err(self.expected("`.` and a field's name after `[]`", ELEMENTS));
        } else {
            self.blanks();
            if self.take(":") {
                self.blanks();
                let Some(name) = self.plain_name() else {
                    return Err(self.expected(
                        "the name of a struct after the colon",
                        "write `(posts: Post)`: what each row in the column `posts` is in Rust",
                    ));
                };
                row = Some(name);
            } else {
                self.at = path;
            }
        }
        Ok(Field {
            name,
            patch,
            nullity,
            elements,
            inner,
            row,
            span: self.span(start..self.at),
        })
    }

    /// `(field, …)`, a trailing comma allowed.
    fn fields(&mut self) -> Result<Option<Vec<Field>>, Reported> {
        if !self.take("(") {
            return Ok(None);
        }
        let mut fields: Vec<Field> = Vec::new();
        loop {
            self.blanks();
            if self.take(")") {
                return Ok(Some(fields));
            }
            let field = self.field()?;
            merge(&mut fields, field, self.diagnostics);
            self.blanks();
            if !self.take(",") && self.peek() != Some(')') {
                let help = match self.peek() {
                    Some('[') => ELEMENTS,
                    Some('~') => PATCHES,
                    _ => "part the names with commas: `(name?, other!)`",
                };
                return Err(self.expected("`,` or `)`", help));
            }
        }
    }

    /// `~` says what a statement does with a parameter, so it stands beside that statement.
    fn no_patches(&mut self, fields: &[Field], what: &str) {
        for field in fields {
            if field.patch {
                self.diagnostics.push(
                    Diagnostic::error("patch", format!("`~` on {what}"))
                        .at(field.span)
                        .help(format!(
                            "it marks a parameter of an UPDATE: write it in the `--!` line, `--! query ({}~)`",
                            field.name.value
                        )),
                );
            }
            self.no_patches(&field.inner, what);
        }
    }

    /// The params or the row: `Name`, `(fields)`, `Name(fields)` or nothing.
    fn struct_use(&mut self) -> Result<StructUse, Reported> {
        let name = self.plain_name();
        self.blanks();
        let fields = self.fields()?;
        Ok(match (name, fields) {
            (None, fields) => StructUse::Implicit(fields.unwrap_or_default()),
            (Some(name), None) => StructUse::Named(name),
            (Some(name), Some(fields)) => {
                names::check_rust_name(&name, "a type", self.diagnostics);
                StructUse::Inline(TypeAnnotation {
                    name,
                    fields,
                    attributes: StructAttributes::default(),
                })
            }
        })
    }

    /// `: path::To, Other`
    fn derives(&mut self) -> Result<Vec<Spanned<String>>, Reported> {
        self.blanks();
        if !self.take(":") {
            return Ok(Vec::new());
        }
        let mut derives = Vec::new();
        self.blanks();
        while !self.rest().is_empty() {
            let start = self.at;
            loop {
                if self.plain_name().is_none() {
                    return Err(self.expected(
                        "the path of a trait to derive",
                        "write `: Default, serde::Serialize`",
                    ));
                }
                if !self.take("::") {
                    break;
                }
            }
            derives.push(Spanned {
                value: self.text.get(start..self.at).unwrap_or_default().to_owned(),
                span: self.span(start..self.at),
            });
            self.blanks();
            if !self.take(",") {
                break;
            }
            self.blanks();
        }
        Ok(derives)
    }

    /// `--! name params : row : derives`. `None` where not even the name is understood.
    pub(super) fn query(&mut self) -> Option<Head> {
        const HELP: &str = "write `--! name`, or `--! name (parameters) : Row (columns)`";
        self.blanks();
        let Some(name) = self.plain_name() else {
            self.expected("the name of a query", HELP);
            return None;
        };
        names::check_rust_name(&name, "a query", self.diagnostics);
        self.blanks();
        let start = self.at;
        let mut head = Head {
            params_span: name.span,
            name,
            params: StructUse::Implicit(Vec::new()),
            row: StructUse::Implicit(Vec::new()),
        };
        let _ = self.query_structs(&mut head, start);
        Some(head)
    }

    fn query_structs(&mut self, head: &mut Head, start: usize) -> Result<(), Reported> {
        head.params = self.struct_use()?;
        if let StructUse::Implicit(fields) | StructUse::Inline(TypeAnnotation { fields, .. }) =
            &head.params
        {
            for field in fields {
                self.no_patches(&field.inner, "a field of a composite");
            }
        }
        self.blanks();
        if !self.rest().is_empty() && self.peek() != Some(':') {
            // Whatever stands here, the name before it was hardly meant for the parameters.
            head.params = StructUse::Implicit(Vec::new());
            return self.end_of_line("the query's parameters; its row stands behind a colon");
        }
        let written = self.text.get(start..self.at).unwrap_or_default();
        if !written.trim().is_empty() {
            head.params_span = self.span(start..start + written.trim_end().len());
        }
        if self.take(":") {
            self.blanks();
            head.row = self.struct_use()?;
            match &head.row {
                StructUse::Implicit(fields) => self.no_patches(fields, "a column"),
                StructUse::Inline(row) => self.no_patches(&row.fields, "a column"),
                StructUse::Named(_) => {}
            }
            let at = self.at;
            let derives = self.derives()?;
            match &mut head.row {
                StructUse::Inline(row) => row.attributes.derives = derives,
                StructUse::Implicit(_) | StructUse::Named(_) if derives.is_empty() => {}
                StructUse::Implicit(_) | StructUse::Named(_) => {
                    let end = self.at;
                    self.diagnostics.push(
                        Diagnostic::error("annotation", "derives belong to a type that is declared")
                            .at(self.span(at..end))
                            .help("name the row here, `: Row() : Derive`, or put the derives on its `--:` line"),
                    );
                }
            }
        }
        self.end_of_line("the query's parameters and row")
    }

    /// `--: Name(fields) : derives`
    pub(super) fn type_annotation(&mut self) -> Option<TypeAnnotation> {
        const HELP: &str = "write `--: Name(field?)`, or `--: Name() : Derive`";
        self.blanks();
        let name = match self.name() {
            Ok(Some(name)) => name,
            Ok(None) => {
                self.expected("the name of a type", HELP);
                return None;
            }
            Err(Reported) => return None,
        };
        // A quoted name is that of a composite type of the schema, which may be any.
        if !self
            .text
            .get(name.span.range())
            .is_some_and(|text| text.starts_with('"'))
        {
            names::check_rust_name(&name, "a type", self.diagnostics);
        }
        let mut annotation = TypeAnnotation {
            name,
            fields: Vec::new(),
            attributes: StructAttributes::default(),
        };
        let _ = self.type_rest(&mut annotation);
        Some(annotation)
    }

    fn type_rest(&mut self, annotation: &mut TypeAnnotation) -> Result<(), Reported> {
        self.blanks();
        match self.fields()? {
            Some(fields) => {
                self.no_patches(&fields, "a field of a shared type");
                annotation.fields = fields;
            }
            None => {
                return Err(self.expected(
                    "`(` after the name of the type",
                    "write `--: Name(field?)`; with nothing to say of its fields, `--: Name()`",
                ));
            }
        }
        annotation.attributes.derives = self.derives()?;
        self.end_of_line("the type")
    }

    /// `--@ name` or `--@ allow(rule, "reason")`
    pub(super) fn directive(&mut self) -> Option<DirectiveKind> {
        self.blanks();
        let Some(name) = self.plain_name() else {
            self.expected("the name of a directive", &known_directives());
            return None;
        };
        let kind = match name.value.as_str() {
            "one" => DirectiveKind::One,
            "optional" => DirectiveKind::Optional,
            "many" => DirectiveKind::Many,
            "bulk" => DirectiveKind::Bulk,
            "page" => DirectiveKind::Page,
            "transaction" => DirectiveKind::Transaction,
            "timeout" => self.timeout().ok()?,
            "order" => self.order().ok()?,
            "allow" => self.allow().ok()?,
            _ => {
                let mut diagnostic = Diagnostic::error(
                    "unknown-directive",
                    format!("there is no directive `{}`", name.value),
                )
                .at(name.span);
                diagnostic = match nearest(&name.value, DIRECTIVES.iter().copied()) {
                    Some(known) => diagnostic.help(format!("did you mean `{known}`?")),
                    None => diagnostic.help(known_directives()),
                };
                self.diagnostics.push(diagnostic);
                return None;
            }
        };
        // A directive with something behind it is not taken for the directive alone.
        self.end_of_line(&format!("`{}`", name.value)).ok()?;
        Some(kind)
    }

    /// `2s`
    fn timeout(&mut self) -> Result<DirectiveKind, Reported> {
        const HELP: &str =
            "write `--@ timeout 2s`; the units are `ms`, `s`, `min`, `h`, `d`, as in PostgreSQL";
        self.blanks();
        let start = self.at;
        while self.peek().is_some_and(|letter| letter.is_ascii_digit()) {
            self.at += 1;
        }
        let number = self.text.get(start..self.at).unwrap_or_default();
        if number.is_empty() {
            return Err(self.expected("how long it may run, after `timeout`", HELP));
        }
        self.blanks();
        let unit_start = self.at;
        while self
            .peek()
            .is_some_and(|letter| letter.is_ascii_alphabetic())
        {
            self.at += 1;
        }
        let unit = self.text.get(unit_start..self.at).unwrap_or_default();
        let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            self.at = unit_start;
            return Err(self.expected("a unit", HELP));
        };
        let milliseconds = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*unit));
        match milliseconds {
            Some(milliseconds @ 1..=LONGEST) => Ok(DirectiveKind::Timeout { milliseconds }),
            Some(0) => {
                self.at = start;
                Err(self.expected(
                    "a time that is not zero",
                    "without the line there is no limit but the session's `statement_timeout`",
                ))
            }
            _ => {
                self.at = start;
                Err(self.expected("a time of 24 days at most", HELP))
            }
        }
    }

    /// `(newest: created_at DESC, id; name: lower(name), id)`
    fn order(&mut self) -> Result<DirectiveKind, Reported> {
        const HELP: &str = "write `--@ order(newest: created_at DESC, id; name: lower(name), id)`";
        self.blanks();
        if !self.take("(") {
            return Err(self.expected("`(` after `order`", HELP));
        }
        let mut options: Vec<OrderOption> = Vec::new();
        loop {
            self.blanks();
            let Some(name) = self.plain_name() else {
                return Err(self.expected("the name of an order", HELP));
            };
            names::check_rust_name(&name, "an order", self.diagnostics);
            if options.iter().any(|other| other.name.value == name.value) {
                self.diagnostics.push(
                    Diagnostic::error("order", format!("two orders named `{}`", name.value))
                        .at(name.span)
                        .help("name them apart"),
                );
            }
            self.blanks();
            if !self.take(":") {
                return Err(self.expected("`:` and the keys of the order", HELP));
            }
            let (sql, end) = self.order_keys(HELP)?;
            options.push(OrderOption { name, sql });
            if end == TokenKind::CloseParen {
                return Ok(DirectiveKind::Order { options });
            }
        }
    }

    /// SQL up to a `;` or the closing parenthesis, which is taken as well.
    fn order_keys(&mut self, help: &str) -> Result<(Span, TokenKind), Reported> {
        self.blanks();
        let line = self.text.get(..self.end).unwrap_or_default();
        let mut scanner = Scanner::new(line);
        scanner.seek(self.at);
        let (start, mut end) = (self.at, self.at);
        let mut depth = 0_u32;
        let mut qualified = false;
        for token in scanner {
            match token.kind {
                TokenKind::OpenParen | TokenKind::OpenBracket => depth += 1,
                TokenKind::Semicolon | TokenKind::CloseParen if depth == 0 => {
                    self.at = token.start;
                    if end == start {
                        return Err(self.expected("the keys of the order", help));
                    }
                    self.at = token.end;
                    return Ok((self.span(start..end), token.kind));
                }
                TokenKind::CloseParen | TokenKind::CloseBracket => depth = depth.saturating_sub(1),
                TokenKind::Param => {
                    self.at = token.start;
                    return Err(self.expected(
                        "columns and expressions over them",
                        "an order takes no parameters; give each order that there is a name",
                    ));
                }
                TokenKind::Word
                    if depth == 0
                        && !qualified
                        && ["limit", "offset", "fetch", "for"]
                            .iter()
                            .any(|word| token.is_word(line, word)) =>
                {
                    self.at = token.start;
                    return Err(self.expected(
                        "the keys of an order and nothing else",
                        "LIMIT, OFFSET and FOR stand at the end of the statement, for all orders",
                    ));
                }
                _ => {}
            }
            if !token.closed {
                break;
            }
            if !token.kind.is_blank() {
                end = token.end;
                qualified = token.kind == TokenKind::Dot;
            }
        }
        self.at = self.end;
        Err(self.expected("`)` after the orders", help))
    }

    /// `(rule, "reason")`
    fn allow(&mut self) -> Result<DirectiveKind, Reported> {
        const HELP: &str = "write `--@ allow(rule, \"reason\")`";
        self.blanks();
        if !self.take("(") {
            return Err(self.expected("`(` after `allow`", HELP));
        }
        self.blanks();
        let start = self.at;
        while self
            .peek()
            .is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
        {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.expected("the name of a rule", HELP));
        }
        let rule = Spanned {
            value: self.text.get(start..self.at).unwrap_or_default().to_owned(),
            span: self.span(start..self.at),
        };
        self.blanks();
        if !self.take(",") {
            return Err(self.expected("`,` and the reason in double quotes", HELP));
        }
        self.blanks();
        let reason = self.reason(HELP)?;
        self.blanks();
        if !self.take(")") {
            return Err(self.expected("`)` after the reason", HELP));
        }
        Ok(DirectiveKind::Allow { rule, reason })
    }

    /// A text in double quotes; `\"` and `\\` stand for a quote and a backslash.
    fn reason(&mut self, help: &str) -> Result<Spanned<String>, Reported> {
        let start = self.at;
        if !self.take("\"") {
            return Err(self.expected("the reason in double quotes", help));
        }
        let mut value = String::new();
        loop {
            if self.take("\\\"") {
                value.push('"');
            } else if self.take("\\\\") {
                value.push('\\');
            } else if self.take("\"") {
                break;
            } else if let Some(letter) = self.peek() {
                self.at += letter.len_utf8();
                value.push(letter);
            } else {
                self.at = start;
                return Err(
                    self.expected("a reason that ends", "close it with `\"` on the same line")
                );
            }
        }
        let span = self.span(start..self.at);
        if value.trim().is_empty() {
            self.diagnostics.push(
                Diagnostic::error("annotation", "a waiver without a reason")
                    .at(span)
                    .help(
                        "say why the rule does not hold here: the next reader has only this line",
                    ),
            );
            return Err(Reported);
        }
        Ok(Spanned { value, span })
    }
}

const ELEMENTS: &str =
    "`name[?]` speaks of an array's elements, `name[].field?` of a field of each element";

const PATCHES: &str = "a patch is `name~`; `name~!` is one that never sets NULL";

const DIRECTIVES: [&str; 9] = [
    "allow",
    "one",
    "optional",
    "many",
    "bulk",
    "page",
    "transaction",
    "timeout",
    "order",
];

/// PostgreSQL's own, as in `statement_timeout`, and how many milliseconds each is.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// As for `statement_timeout`, which is an int of milliseconds.
const LONGEST: u64 = i32::MAX as u64;

fn known_directives() -> String {
    format!(
        "the directives are {}",
        DIRECTIVES.map(|name| format!("`{name}`")).join(", ")
    )
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// `(a.x?, a.y?)` says two things about one field; `(a?, a!)` and `(a?, a?)` are slips.
fn merge(fields: &mut Vec<Field>, field: Field, diagnostics: &mut Vec<Diagnostic>) {
    let Some(first) = fields
        .iter_mut()
        .find(|other| other.name.value == field.name.value)
    else {
        fields.push(field);
        return;
    };
    let conflict =
        |a: Option<Nullity>, b: Option<Nullity>| matches!((a, b), (Some(a), Some(b)) if a != b);
    let says_the_same = first.inner.is_empty() && field.inner.is_empty()
        || first.row.is_some() && field.row.is_some();
    if says_the_same
        || first.patch != field.patch
        || conflict(first.nullity, field.nullity)
        || conflict(first.elements, field.elements)
    {
        diagnostics.push(
            Diagnostic::error(
                "duplicate-name",
                format!("`{}` stands here twice", field.name.value),
            )
            .at(field.span)
            .related(first.span, "here already")
            .help("keep one of the two"),
        );
        return;
    }
    first.nullity = first.nullity.or(field.nullity);
    first.elements = first.elements.or(field.elements);
    first.row = first.row.take().or(field.row);
    for inner in field.inner {
        merge(&mut first.inner, inner, diagnostics);
    }
}
