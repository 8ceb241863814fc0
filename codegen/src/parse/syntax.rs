//! What the author wrote, as data. Nothing here was checked against a schema.

use crate::source::{FileId, Span, Spanned};

/// One `.sql` file under `queries/`.
#[derive(Debug, Clone)]
pub struct ParsedFile {
    pub file: FileId,
    /// The Rust module: `queries/users.sql` and `queries/users/*.sql` are both `users`. Not yet checked as an identifier.
    pub module: String,
    pub types: Vec<TypeAnnotation>,
    pub queries: Vec<ParsedQuery>,
}

/// `--: Name(field?, …) : Derive, …`, a row or parameter struct that queries share.
#[derive(Debug, Clone)]
pub struct TypeAnnotation {
    pub name: Spanned<String>,
    pub fields: Vec<Field>,
    pub attributes: StructAttributes,
}

/// What stands beside a struct's name: derives after the second colon, `--#` and `--&` lines.
#[derive(Debug, Clone, Default)]
pub struct StructAttributes {
    pub derives: Vec<Spanned<String>>,
    /// `--#`: on the owned struct (on a query: on the function).
    pub owned: Vec<Spanned<String>>,
    /// `--&`: on the borrowed struct.
    pub borrowed: Vec<Spanned<String>>,
}

/// `name?`, `name!`, `name?[?]`, `name?.inner?`, `name~`, `name: Name`.
#[derive(Debug, Clone)]
pub struct Field {
    pub name: Spanned<String>,
    /// `~`: a parameter that may leave its column as it is.
    pub patch: bool,
    pub nullity: Option<Nullity>,
    /// `[?]` or `[!]`: of the elements of an array.
    pub elements: Option<Nullity>,
    /// `.inner?`: of a composite's fields.
    pub inner: Vec<Field>,
    /// `: Name`: the struct of a row within a row, or of each in an array.
    pub row: Option<Spanned<String>>,
    /// All of it, marks included.
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nullity {
    /// `?`
    Nullable,
    /// `!`
    NotNull,
}

impl Nullity {
    pub fn is_nullable(self) -> bool {
        self == Self::Nullable
    }
}

/// What the author says of a struct's fields, where it is declared in the module, in whichever of its files.
pub fn fields<'a>(files: &'a [ParsedFile], module: &str, used: &'a StructUse) -> &'a [Field] {
    match used {
        StructUse::Implicit(fields) => fields,
        StructUse::Inline(annotation) => &annotation.fields,
        StructUse::Named(name) => files
            .iter()
            .filter(|file| file.module == module)
            .flat_map(|file| &file.types)
            .find(|declared| declared.name.value == name.value)
            .map_or(&[], |declared| declared.fields.as_slice()),
    }
}

/// The structs that the author names for rows within rows, at any depth.
pub fn nested_names(fields: &[Field]) -> Vec<&Spanned<String>> {
    fields
        .iter()
        .flat_map(|field| field.row.iter().chain(nested_names(&field.inner)))
        .collect()
}

/// What stands in the place of the parameters, and of the row, of a `--!` line.
#[derive(Debug, Clone)]
pub enum StructUse {
    /// Nothing written, or only `(fields)`: sqlmill names it.
    Implicit(Vec<Field>),
    /// `Name`: declared by a `--:` line of the same module.
    Named(Spanned<String>),
    /// `Name(fields) : derives`: declared here. `Name()` too.
    Inline(TypeAnnotation),
}

#[derive(Debug, Clone)]
pub struct ParsedQuery {
    pub name: Spanned<String>,
    pub params: StructUse,
    pub row: StructUse,
    /// `---` lines, without the marker and one space.
    pub docs: Vec<String>,
    /// `--#` lines below the `--!` line: attributes of the function.
    pub attributes: Vec<Spanned<String>>,
    pub directives: Vec<Directive>,
    pub statement: Statement,
}

impl ParsedQuery {
    /// Where `--@ page` stands.
    pub fn page(&self) -> Option<Span> {
        let mut directives = self.directives.iter();
        directives
            .find(|directive| directive.kind == DirectiveKind::Page)
            .map(|directive| directive.span)
    }
}

/// A `--@` line.
#[derive(Debug, Clone)]
pub struct Directive {
    pub kind: DirectiveKind,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectiveKind {
    /// `--@ allow(rule, "reason")`. The rule's name is checked by `lint`; `_` and `-` mean the same.
    Allow {
        rule: Spanned<String>,
        reason: Spanned<String>,
    },
    /// `--@ one`: the author says that there is exactly one row.
    One,
    /// `--@ optional`: the author says that there is at most one row.
    Optional,
    /// `--@ many`: the author wants a list whatever the proof says.
    Many,
    /// `--@ bulk`: takes many rows of parameters.
    Bulk,
    /// `--@ order(newest: created_at DESC, id; name: lower(name), id)`: the caller chooses, the first by default.
    Order { options: Vec<OrderOption> },
    /// `--@ page`: many rows, which are also read in pages.
    Page,
    /// `--@ transaction`: takes only a transaction.
    Transaction,
    /// `--@ timeout 2s`: cancelled when it runs longer.
    Timeout { milliseconds: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderOption {
    pub name: Spanned<String>,
    /// What stands behind ORDER BY.
    pub sql: Span,
}

/// The SQL. Its blanks and comments at either end, and the semicolon, do not ship.
#[derive(Debug, Clone)]
pub struct Statement {
    /// From the first token to the last, without the semicolon.
    pub span: Span,
    /// What ships: the author's bytes with `:name` replaced by `$n`, and by a CASE where it is a patch.
    pub sql: String,
    /// It has faults that are reported: the server would only repeat them.
    pub faulty: bool,
    /// In order of first use, the switch of a patch behind its value; `$n` is the element at `n - 1`.
    pub params: Vec<ParamUse>,
    /// Where each stands in `sql`, in order.
    pub replaced: Vec<Replaced>,
    /// Byte offsets in `sql` of the line ends that the author's file has as CR LF. They ship as LF: rustc refuses a bare CR in a
    /// raw string and reads CR LF as LF, and a checkout's line ends may not change what runs.
    pub shortened: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamUse {
    pub name: String,
    /// Each `:name`, colon included.
    pub spans: Vec<Span>,
    pub role: Role,
}

/// What a `$n` is to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A value.
    Value,
    /// The value of a patch, `name~`, and its column as it is: `users.name`. The next parameter is its switch.
    Patch { column: String },
    /// Is the patch before it set? It has the patch's name, and is no parameter of the author's.
    Switch,
}

/// One `:name` that became `$n`, or, of a patch, the CASE around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced {
    /// Byte offset of what stands in its place in the shipped text, and its length.
    pub at: u32,
    pub len: u32,
    /// Of `:name` in the author's file.
    pub span: Span,
}

impl Statement {
    /// The place in the author's file of a byte offset in the shipped text.
    pub fn author_offset(&self, shipped: usize) -> usize {
        let (mut from, mut author) = (0, self.span.start as usize);
        for replaced in &self.replaced {
            let (at, end) = (
                replaced.at as usize,
                replaced.at as usize + replaced.len as usize,
            );
            if shipped < at {
                break;
            }
            if shipped < end {
                return replaced.span.start as usize;
            }
            (from, author) = (end, replaced.span.end as usize);
        }
        let before = |offset: usize| {
            self.shortened
                .partition_point(|&line_end| (line_end as usize) < offset)
        };
        author + (shipped - from) + (before(shipped) - before(from))
    }

    /// A span of the author's file from a byte range of the shipped text.
    pub fn author_span(&self, shipped: std::ops::Range<usize>) -> Span {
        let start = self.author_offset(shipped.start);
        let end = self.author_offset(shipped.end).max(start);
        Span::new(self.span.file, start..end)
    }
}
