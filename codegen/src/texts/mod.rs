//! Every text that a query can send, derived from what the author wrote before the server is asked.
//!
//! A [`Template`] is the author's text in pieces, some of which depend on the call. What is emitted is the pieces; the runtime
//! joins them by the rule of `Template::join`. So that every text which can be sent was checked, [`Template::variants`] lists them
//! all, each is described, planned, proved and held against the rules as a statement of its own, and what callers rely on is the
//! weakest that was found of any ([`merge`]).
//!
//! To add a kind of text: recognise it in a file of this directory, build a template of it with [`Template::of`] and
//! [`Template::slice`], and return it from [`derive()`]: as the query's own, where a call sends one of its texts in place of the
//! author's, or as one beside it, with a name, where parameters or columns are others (a page's total).

pub mod bulk;
pub mod filters;
pub mod merge;
mod order;
pub mod patch;

use crate::catalog::Catalog;
use crate::diagnostic::Diagnostic;
use crate::model;
use crate::parse::syntax::{
    Directive, DirectiveKind, ParamUse, ParsedQuery, Replaced, Role, Statement,
};
use crate::source::{Sources, Span, Spanned};

/// What one query can send.
#[derive(Debug, Clone)]
pub struct Texts {
    /// A call of the query's function sends one of these.
    pub own: Group,
    /// Sent by other functions of the query.
    pub beside: Vec<Group>,
}

/// Texts with the same parameters and columns, of which a call sends one.
#[derive(Debug, Clone)]
pub struct Group {
    /// `None` for the query's own.
    pub name: Option<&'static str>,
    /// All parameters of all texts. What a struct binds has this order, and the facts of the group as well.
    pub params: Vec<ParamUse>,
    /// `None` where there is one text, the author's.
    pub template: Option<Template>,
    pub texts: Vec<Text>,
    /// Of many rows: the COPY that takes more of them than one statement does.
    pub copy: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Text {
    pub statement: Statement,
    pub variant: Variant,
    /// By `$n`, the place among the group's parameters.
    pub places: Vec<usize>,
    /// When it is sent, for the author: "with the filter `name`". Empty where that goes without saying.
    pub when: String,
    /// The others are only held against PostgreSQL: to see what the author's own text means.
    pub sent: bool,
    /// A flag of the call has left its condition out of it, or made it stand alone.
    pub by_flag: bool,
}

/// The author's text in pieces.
#[derive(Debug, Clone)]
pub struct Template {
    pub params: Vec<ParamUse>,
    pub pieces: Vec<Piece>,
    pub filters: Vec<Filter>,
    pub choices: Vec<Choice>,
    /// Flags where they are values, which would have no type without the conditions that they open.
    pub values_of_flags: Vec<Span>,
}

/// An optional filter, or a flag.
#[derive(Debug, Clone)]
pub struct Filter {
    pub kind: FilterKind,
    /// As the parameter whose NULL means that it is absent, or as the flag.
    pub name: String,
    /// That parameter's place.
    pub guard: usize,
    /// Other parameters that stand in this filter only.
    pub args: Vec<usize>,
    pub places: Vec<FilterPlace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterKind {
    /// Its parameter is NULL where it is absent.
    Optional,
    /// Its parameter is a boolean.
    Flag,
}

/// `(:p IS NULL OR <predicate>)`, `(:flag OR <predicate>)`
#[derive(Debug, Clone, Copy)]
pub struct FilterPlace {
    /// With the parentheses.
    pub whole: Span,
    /// `:p`
    pub guard: Span,
    /// `:p IS NULL`, `NOT :flag`
    pub test: Span,
    pub predicate: Span,
    /// Of a flag: it stands behind NOT.
    pub negated: bool,
}

/// What a caller chooses one of.
#[derive(Debug, Clone)]
pub struct Choice {
    /// "in the order"
    pub what: &'static str,
    /// What each option is called, and where it is written.
    pub options: Vec<Spanned<String>>,
}

#[derive(Debug, Clone)]
pub enum Piece {
    /// The author's bytes. No parameter is among them.
    Author(Span),
    /// Ours, in the place of the author's.
    Ours(String, Span),
    /// By its place among the template's parameters.
    Param(usize, Span),
    /// The filter of that number; where it is absent, `true` stands there.
    Filter {
        number: usize,
        /// It is there where the bit of that number is not set.
        unless: bool,
        present: Vec<Piece>,
        /// For the combinations that have no text of their own.
        as_written: Vec<Piece>,
        at: Span,
    },
    /// The choice of that number.
    Choice {
        number: usize,
        options: Vec<Vec<Piece>>,
    },
}

/// Which pieces are sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variant {
    /// A bit for each filter: it is present, or the flag is true.
    pub filters: u32,
    pub as_written: bool,
    /// The flags are as the author wrote them, and the filters as above.
    pub flags_as_written: bool,
    /// The option of each choice.
    pub choices: Vec<usize>,
}

/// So many filters have a text for every combination. The runtime has the same bound.
pub const ALL_COMBINED: usize = 6;

/// What there is a bit for.
pub const MOST_FILTERS: usize = 31;

/// The texts of one query. `catalog` is the schema's; nothing was asked about the statement yet.
pub fn derive(
    sources: &Sources,
    catalog: &Catalog,
    query: &ParsedQuery,
    diagnostics: &mut Vec<Diagnostic>,
) -> Texts {
    let _ = catalog;
    let statement = &query.statement;
    let single = || Texts {
        own: Group::single(statement),
        beside: Vec::new(),
    };
    if statement.faulty {
        return single();
    }
    let mut template = Template::of(statement);
    let bulk = |directive: &Directive| directive.kind == DirectiveKind::Bulk;
    if !query.directives.iter().any(bulk) {
        // Of many rows each would have filters of its own.
        template.filters = filters::find(sources, query);
        template.values_of_flags = filters::values_of_flags(sources, &template);
    }
    if statement
        .params
        .iter()
        .any(|param| param.role != Role::Value)
    {
        for filter in template.filters.drain(..) {
            let places = filter.places.iter();
            diagnostics.extend(places.map(|place| {
                Diagnostic::error(
                    "filter-in-write",
                    format!(
                        "the optional filter `{}` stands beside patches",
                        filter.name
                    ),
                )
                .at(place.whole)
                .label("where it is absent, every row is hit that the rest lets through")
                .help("make the parameter a required one")
            }));
        }
    }
    let mut edits: Vec<(Span, Vec<Piece>)> = Vec::new();
    for (number, filter) in template.filters.iter().enumerate() {
        for place in &filter.places {
            edits.push((place.whole, vec![filters::piece(&template, number, place)]));
        }
    }
    if let Some((directive, options)) = order::of(&query.directives) {
        let edit = order::edit(
            sources,
            &template,
            statement,
            directive,
            options,
            diagnostics,
        );
        if let Some(edit) = edit {
            edits.push(edit);
            template.choices.push(Choice {
                what: "in the order",
                options: options.iter().map(|option| option.name.clone()).collect(),
            });
        }
    }
    if edits.is_empty() {
        return single();
    }
    template.edit(statement.span, edits);
    Texts {
        own: Group::several(sources, statement, None, template),
        beside: Vec::new(),
    }
}

/// What stands behind ORDER BY in each order that a query offers.
pub fn order_keys(directives: &[Directive]) -> impl Iterator<Item = Span> {
    let (_, options) = order::of(directives).unzip();
    options.unwrap_or_default().iter().map(|option| option.sql)
}

impl Texts {
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        std::iter::once(&self.own).chain(&self.beside)
    }
}

impl Group {
    /// The author's statement as it is.
    pub fn single(statement: &Statement) -> Self {
        Self {
            name: None,
            params: statement.params.clone(),
            template: None,
            texts: vec![Text {
                statement: statement.clone(),
                variant: Variant::default(),
                places: (0..statement.params.len()).collect(),
                when: String::new(),
                sent: true,
                by_flag: false,
            }],
            copy: None,
        }
    }

    /// All texts of a template.
    pub fn several(
        sources: &Sources,
        statement: &Statement,
        name: Option<&'static str>,
        template: Template,
    ) -> Self {
        let mut texts = Vec::new();
        for (variant, sent) in template.variants() {
            let (joined, places) = template.join(sources, statement, &variant);
            texts.push(Text {
                statement: joined,
                places,
                when: template.when(&variant),
                by_flag: template.flags() != 0 && !variant.as_written && !variant.flags_as_written,
                variant,
                sent,
            });
        }
        Self {
            name,
            params: template.params.clone(),
            template: Some(template),
            texts,
            copy: None,
        }
    }
}

impl Template {
    /// The author's statement.
    pub fn of(statement: &Statement) -> Self {
        let mut template = Self {
            params: statement.params.clone(),
            pieces: Vec::new(),
            filters: Vec::new(),
            choices: Vec::new(),
            values_of_flags: Vec::new(),
        };
        template.pieces = template.slice(statement.span);
        template
    }

    /// A run of the author's text, which begins and ends within no parameter.
    pub fn slice(&self, span: Span) -> Vec<Piece> {
        let mut uses: Vec<(usize, Span)> = self
            .params
            .iter()
            .enumerate()
            .flat_map(|(place, param)| param.spans.iter().map(move |&at| (place, at)))
            .filter(|(_, at)| at.start >= span.start && at.end <= span.end)
            .collect();
        uses.sort_by_key(|(_, at)| at.start);
        let mut pieces = Vec::new();
        let mut from = span.start;
        let author = |start: u32, end: u32| Piece::Author(Span { start, end, ..span });
        for (place, at) in uses {
            if from < at.start {
                pieces.push(author(from, at.start));
            }
            match self.params.get(place).map(|param| &param.role) {
                Some(Role::Patch { column }) => pieces.extend([
                    Piece::Ours("CASE WHEN ".to_owned(), at),
                    Piece::Param(place + 1, at),
                    Piece::Ours(" THEN ".to_owned(), at),
                    Piece::Param(place, at),
                    Piece::Ours(format!(" ELSE {column} END"), at),
                ]),
                Some(Role::Value | Role::Switch) | None => {
                    pieces.push(Piece::Param(place, at));
                    if self.values_of_flags.contains(&at) {
                        pieces.push(Piece::Ours("::bool".to_owned(), at));
                    }
                }
            }
            from = at.end;
        }
        if from < span.end {
            pieces.push(author(from, span.end));
        }
        pieces
    }

    /// Puts pieces in the place of runs of the author's text, which do not overlap.
    pub fn edit(&mut self, whole: Span, mut edits: Vec<(Span, Vec<Piece>)>) {
        edits.sort_by_key(|(span, _)| (span.start, span.end));
        let mut pieces = Vec::new();
        let mut from = whole.start;
        let between = |start: u32, end: u32| {
            self.slice(Span {
                start,
                end,
                ..whole
            })
        };
        for (span, edit) in edits {
            pieces.extend(between(from, span.start));
            pieces.extend(edit);
            from = span.end;
        }
        pieces.extend(between(from, whole.end));
        self.pieces = pieces;
    }

    /// Every variant, and whether it is ever sent. The first is what the author wrote, as far as that can be said.
    pub fn variants(&self) -> Vec<(Variant, bool)> {
        let filters = self.filters.len().min(MOST_FILTERS);
        let all = (1_u32 << filters) - 1;
        let every = filters <= ALL_COMBINED;
        let mut variants: Vec<(Variant, bool)> = Vec::new();
        let set = |filters: u32| Variant {
            filters,
            ..Variant::default()
        };
        if filters > 0 {
            let written = Variant {
                as_written: true,
                ..Variant::default()
            };
            variants.push((written, !every));
        }
        // What the rules of rows that are left out look at: whoever sets a flag asks for them.
        let flags = self.flags();
        if flags != 0 && flags != all {
            let filtered = (0..=all).filter(|filters| filters & flags == 0);
            variants.extend(filtered.map(|filters| {
                let variant = Variant {
                    filters,
                    flags_as_written: true,
                    ..Variant::default()
                };
                (variant, false)
            }));
        }
        if every {
            variants.extend((0..=all).map(|filters| (set(filters), true)));
        } else {
            variants.push((set(0), true));
            for first in 0..filters {
                variants
                    .extend((first..filters).map(|second| (set(1 << first | 1 << second), true)));
            }
            variants.push((set(all), true));
        }
        for choice in &self.choices {
            variants = variants
                .into_iter()
                .flat_map(|(variant, sent)| {
                    (0..choice.options.len()).map(move |option| {
                        let mut variant = variant.clone();
                        variant.choices.push(option);
                        (variant, sent)
                    })
                })
                .collect();
        }
        variants
    }

    /// Does nothing but flags decide which text is sent?
    pub fn is_by_flags(&self) -> bool {
        let mut filters = self.filters.iter();
        self.choices.is_empty() && filters.all(|filter| filter.kind == FilterKind::Flag)
    }

    /// The bits of the filters that are flags.
    fn flags(&self) -> u32 {
        let numbered = (0..MOST_FILTERS).zip(&self.filters);
        numbered
            .filter(|(_, filter)| filter.kind == FilterKind::Flag)
            .fold(0, |flags, (number, _)| flags | 1 << number)
    }

    /// One text, with the places of its parameters.
    fn join(
        &self,
        sources: &Sources,
        statement: &Statement,
        variant: &Variant,
    ) -> (Statement, Vec<usize>) {
        let mut joined = Joined {
            sources,
            variant,
            statement: Statement {
                span: statement.span,
                sql: String::with_capacity(statement.sql.len()),
                faulty: false,
                params: Vec::new(),
                replaced: Vec::new(),
                shortened: Vec::new(),
            },
            places: Vec::new(),
            author: statement.span.start,
        };
        joined.pieces(self, &self.pieces);
        (joined.statement, joined.places)
    }

    /// "with the filters `a` and `b`"
    fn when(&self, variant: &Variant) -> String {
        let mut parts = Vec::new();
        if variant.as_written {
            parts.push("as it is written".to_owned());
        } else {
            let of = |kind: FilterKind| {
                let filters = self.filters.iter().enumerate();
                filters.filter(move |(_, filter)| filter.kind == kind)
            };
            let is_set = |number: usize| variant.filters & (1 << number) != 0;
            if of(FilterKind::Optional).next().is_some() {
                let present: Vec<String> = of(FilterKind::Optional)
                    .filter(|(number, _)| is_set(*number))
                    .map(|(_, filter)| format!("`{}`", filter.name))
                    .collect();
                parts.push(match present.as_slice() {
                    [] => "without filters".to_owned(),
                    [one] => format!("with the filter {one}"),
                    [most @ .., last] => format!("with the filters {} and {last}", most.join(", ")),
                });
            }
            for (number, flag) in of(FilterKind::Flag) {
                parts.push(match is_set(number) {
                    _ if variant.flags_as_written => continue,
                    true => format!("with the flag `{}`", flag.name),
                    false => format!("without the flag `{}`", flag.name),
                });
            }
        }
        for (choice, &chosen) in self.choices.iter().zip(&variant.choices) {
            let name = choice.options.get(chosen).map_or("", |name| &name.value);
            parts.push(format!("{} `{name}`", choice.what));
        }
        parts.join(", ")
    }
}

/// A text under way.
struct Joined<'a> {
    sources: &'a Sources,
    variant: &'a Variant,
    statement: Statement,
    places: Vec<usize>,
    /// Where in the author's file the next byte would come from, if nothing is said of it.
    author: u32,
}

impl Joined<'_> {
    fn pieces(&mut self, template: &Template, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Author(span) => self.author(*span),
                Piece::Ours(text, at) => self.ours(text, *at),
                Piece::Param(place, at) => {
                    let known = self.places.iter().position(|known| known == place);
                    let index = known.unwrap_or_else(|| {
                        self.places.push(*place);
                        let param = template.params.get(*place);
                        self.statement.params.push(ParamUse {
                            name: param.map_or_else(String::new, |param| param.name.clone()),
                            spans: Vec::new(),
                            role: param.map_or(Role::Value, |param| param.role.clone()),
                        });
                        self.places.len() - 1
                    });
                    self.statement.params[index].spans.push(*at);
                    self.ours(&format!("${}", index + 1), *at);
                }
                Piece::Filter {
                    number,
                    unless,
                    present,
                    as_written,
                    at,
                } => {
                    let is_flag = template.flags() & (1 << number) != 0;
                    if self.variant.as_written || is_flag && self.variant.flags_as_written {
                        self.pieces(template, as_written);
                    } else if (self.variant.filters & (1 << number) != 0) != *unless {
                        self.pieces(template, present);
                    } else {
                        self.ours("true", *at);
                    }
                }
                Piece::Choice { number, options } => {
                    let chosen = self.variant.choices.get(*number).copied();
                    if let Some(option) = options.get(chosen.unwrap_or_default()) {
                        self.pieces(template, option);
                    }
                }
            }
        }
    }

    fn at(&self) -> u32 {
        u32::try_from(self.statement.sql.len()).unwrap_or(u32::MAX)
    }

    fn author(&mut self, span: Span) {
        if span.start != self.author {
            // From here on, places are counted from there.
            let here = Span {
                end: span.start,
                ..span
            };
            self.statement.replaced.push(Replaced {
                at: self.at(),
                len: 0,
                span: here,
            });
        }
        let mut rest = self.sources.text(span);
        while let Some(at) = rest.find("\r\n") {
            let (line, after) = rest.split_at(at);
            self.statement.sql.push_str(line);
            let end = self.at();
            self.statement.shortened.push(end);
            self.statement.sql.push('\n');
            rest = after.get(2..).unwrap_or_default();
        }
        self.statement.sql.push_str(rest);
        self.author = span.end;
    }

    fn ours(&mut self, text: &str, at: Span) {
        self.statement.replaced.push(Replaced {
            at: self.at(),
            len: u32::try_from(text.len()).unwrap_or(u32::MAX),
            span: at,
        });
        self.statement.sql.push_str(text);
        self.author = at.end;
    }
}

impl Template {
    /// For the model: runs of text as they are sent.
    pub fn sent_pieces(&self, sources: &Sources) -> Vec<model::Piece> {
        model_pieces(sources, &self.pieces, self.filters.len() > ALL_COMBINED)
    }
}

/// `written`: combinations are sent that have no text of their own.
fn model_pieces(sources: &Sources, pieces: &[Piece], written: bool) -> Vec<model::Piece> {
    let mut found: Vec<model::Piece> = Vec::new();
    let text = |found: &mut Vec<model::Piece>, more: &str| match found.last_mut() {
        Some(model::Piece::Text(text)) => text.push_str(more),
        _ => found.push(model::Piece::Text(more.to_owned())),
    };
    for piece in pieces {
        match piece {
            Piece::Author(span) => text(&mut found, &sources.text(*span).replace("\r\n", "\n")),
            Piece::Ours(ours, _) => text(&mut found, ours),
            Piece::Param(place, _) => found.push(model::Piece::Param(*place)),
            Piece::Filter {
                number,
                unless,
                present,
                as_written,
                ..
            } => found.push(model::Piece::Filter {
                number: *number,
                unless: *unless,
                present: model_pieces(sources, present, written),
                as_written: match written {
                    true => model_pieces(sources, as_written, written),
                    false => Vec::new(),
                },
            }),
            Piece::Choice { number, options } => found.push(model::Piece::Choice {
                number: *number,
                options: options
                    .iter()
                    .map(|option| model_pieces(sources, option, written))
                    .collect(),
            }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse_file;

    #[test]
    fn a_text_is_joined_of_pieces_and_keeps_its_places() {
        let text = "--! q\r\nSELECT :x, a\r\nFROM t WHERE (:p IS NULL OR a = :p + :x) AND b = :y";
        let mut sources = Sources::default();
        let file = sources.add("q.sql", text);
        let (parsed, found) = parse_file(&sources, file, "q");
        assert_eq!(found, []);
        let span = |part: &str| {
            let start = text.find(part).unwrap();
            Span::new(file, start..start + part.len())
        };
        let whole = span("(:p IS NULL OR a = :p + :x)");
        let mut diagnostics = Vec::new();
        let catalog = Catalog::default();
        let texts = derive(&sources, &catalog, &parsed.queries[0], &mut diagnostics);
        assert_eq!(diagnostics, []);
        let group = texts.own;
        let sql: Vec<&str> = group
            .texts
            .iter()
            .map(|text| text.statement.sql.as_str())
            .collect();
        assert_eq!(
            sql,
            [
                "SELECT $1, a\nFROM t WHERE (a = $2 + $1 OR $2 IS NULL) AND b = $3",
                "SELECT $1, a\nFROM t WHERE true AND b = $2",
                "SELECT $1, a\nFROM t WHERE (a = $2 + $1) AND b = $3",
            ]
        );
        let places: Vec<&[usize]> = group.texts.iter().map(|text| &*text.places).collect();
        assert_eq!(places, [&[0, 1, 2][..], &[0, 2], &[0, 1, 2]]);
        assert_eq!(group.texts[0].when, "as it is written");
        assert!(!group.texts[0].sent && group.texts[1].sent && group.texts[2].sent);
        for joined in &group.texts {
            let statement = &joined.statement;
            for part in ["SELECT", "FROM t", "AND b", "b = ", "a = ", "IS NULL"] {
                if let Some(at) = statement.sql.find(part) {
                    let expected = text.find(part).unwrap();
                    assert_eq!(
                        statement.author_offset(at),
                        expected,
                        "{part} of {statement:?}"
                    );
                }
            }
            if let Some(at) = statement.sql.find("true") {
                assert_eq!(statement.author_offset(at), whole.start as usize);
            }
        }
    }
}
