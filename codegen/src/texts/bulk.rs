//! `--@ bulk`: one statement for many rows of parameters.
//!
//! The author writes the statement of one row. What ships takes an array for each parameter, and its text is the same whatever the number
//! of rows: `INSERT … SELECT … FROM unnest($1::int4[], $2::text[])`, `UPDATE … FROM unnest(…)`, `DELETE … USING unnest(…)`. The types of the
//! arrays are those that the server gave to the author's parameters, so that it is asked about that statement first.

use crate::catalog::{Catalog, ConstraintKind, Oid, Trigger, TypeKind};
use crate::describe::tree::{Command, ConflictAction, Expr, Query, RteKind};
use crate::describe::{Described, Statement as Server};
use crate::diagnostic::Diagnostic;
use crate::parse::syntax::{DirectiveKind, ParamUse, ParsedQuery, Role};
use crate::scan::{Scanner, Token, TokenKind};
use crate::source::{Sources, Span};

use super::{Group, Piece, Template, Text};

mod copy;

/// The name of the group.
pub const NAME: &str = "bulk";

/// The text of a query that has the directive, once the server has said what the author's statement is.
pub fn derive(
    sources: &Sources,
    catalog: &Catalog,
    query: &ParsedQuery,
    described: Option<&Described>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Group> {
    let at = directive(query)?;
    // What was refused is told of the author's statement.
    let Some(Described::Statement(server)) = described else {
        return None;
    };
    let reader = Reader::new(sources, query);
    match reader.group(catalog, query, server, at) {
        Ok(mut group) => {
            group.copy = copy::text(&reader, catalog, query, server);
            Some(group)
        }
        Err(finding) => {
            diagnostics.push(*finding);
            None
        }
    }
}

/// Where the query says that it takes many rows.
pub fn directive(query: &ParsedQuery) -> Option<Span> {
    query
        .directives
        .iter()
        .find(|directive| directive.kind == DirectiveKind::Bulk)
        .map(|directive| directive.span)
}

/// The places, among the parameters, of those that tell rows apart: no two rows of a call may have the same. Empty where any may.
pub fn keys(catalog: &Catalog, server: &Server) -> Vec<usize> {
    let Some(query) = server.queries.first() else {
        return Vec::new();
    };
    let mut keys = match query.command {
        Command::Insert => upserted(catalog, query).unwrap_or_default(),
        Command::Update => compared(catalog, server, query).unwrap_or_default(),
        _ => Vec::new(),
    };
    // In the order in which they are written, whatever that of the key's columns.
    keys.sort_unstable();
    keys.dedup();
    // The server finds those that are arrays.
    let arrays = arrays(catalog, server);
    match keys.iter().any(|key| arrays.contains(key)) {
        true => Vec::new(),
        false => keys,
    }
}

/// The places, among the parameters, of arrays: those of all rows are sent as one, and for each where it begins and ends.
pub fn arrays(catalog: &Catalog, server: &Server) -> Vec<usize> {
    let params = server.params.iter().enumerate();
    params
        .filter(|(_, oid)| is_array(catalog, **oid))
        .map(|(place, _)| place)
        .collect()
}

/// Domains over arrays are among them, as a cast of the slice holds it to them. It would cut elements to a length, which the server refuses in
/// what arrives: a domain that has one is left out.
fn is_array(catalog: &Catalog, oid: Oid) -> bool {
    let base = catalog.base_type(oid);
    let mut oid = oid;
    while let Some(found) = catalog.types.get(&oid)
        && let TypeKind::Domain(domain) = &found.kind
        && domain.type_mod < 0
        && oid != base
    {
        oid = domain.base;
    }
    let found = catalog.types.get(&oid);
    found.is_some_and(|found| matches!(found.kind, TypeKind::Array(_)))
}

/// The numbers of the parameters that say where a row's array begins and ends, behind those of the author.
fn bounds(catalog: &Catalog, server: &Server, place: usize) -> (usize, usize) {
    let arrays = arrays(catalog, server);
    let before = arrays.iter().filter(|&&other| other < place).count();
    let first = server.params.len() + 2 * before + 1;
    (first, first + 1)
}

type Refused = Box<Diagnostic>;

fn refused(at: Span, message: impl Into<String>, help: impl Into<String>) -> Refused {
    Box::new(Diagnostic::error("bulk", message).at(at).help(help))
}

struct Reader<'a> {
    sources: &'a Sources,
    statement: Span,
    text: &'a str,
    /// Without blanks and comments, each with how many parentheses are around it.
    tokens: Vec<(Token, usize)>,
}

impl<'a> Reader<'a> {
    fn new(sources: &'a Sources, query: &ParsedQuery) -> Self {
        let statement = query.statement.span;
        let text = sources.text(statement);
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
            sources,
            statement,
            text,
            tokens,
        }
    }

    /// The place of a word outside of all parentheses.
    fn word(&self, word: &str) -> Option<usize> {
        self.tokens
            .iter()
            .position(|(token, depth)| *depth == 0 && token.is_word(self.text, word))
    }

    fn begins_with(&self, word: &str) -> bool {
        self.word(word) == Some(0)
    }

    fn span(&self, from: usize, to: usize) -> Span {
        let start = self.tokens.get(from).map_or(0, |(token, _)| token.start);
        let end = self.tokens.get(to).map_or(start, |(token, _)| token.end);
        let from = self.statement.start as usize;
        Span::new(self.statement.file, from + start..from + end)
    }

    fn group(
        &self,
        catalog: &Catalog,
        query: &ParsedQuery,
        server: &Server,
        at: Span,
    ) -> Result<Group, Refused> {
        if let Some((first, second)) = rows_twice(query) {
            return Err(Box::new(
                Diagnostic::error(
                    "bulk",
                    "`--@ bulk` gives a row for each, however many there are",
                )
                .at(second)
                .related(first, "takes many rows")
                .help("delete this line"),
            ));
        }
        let params = &query.statement.params;
        match params
            .iter()
            .filter(|param| param.role != Role::Switch)
            .count()
        {
            0 => {
                return Err(refused(
                    at,
                    "a statement without parameters is the same for every row",
                    "delete the directive",
                ));
            }
            1 => {
                let name = &params[0].name;
                return Err(refused(
                    at,
                    "rows of one parameter are a list",
                    format!(
                        "take the list itself: `= ANY(:{name})` in a WHERE, `SELECT unnest(:{name}::text[])` for an INSERT"
                    ),
                ));
            }
            _ => {}
        }
        let template = Template::of(&query.statement);
        let pieces = if self.begins_with("insert") {
            self.insert(catalog, query, server, &template)?
        } else if self.begins_with("update") {
            let by_key = server
                .queries
                .first()
                .map_or(Err(None), |query| compared(catalog, server, query));
            match by_key {
                Ok(_) => {}
                Err(None) => {
                    return Err(refused(
                        at,
                        "this UPDATE does not choose its row by a key",
                        "compare every column of a unique key with a parameter in its WHERE: two rows could change one row of the table, and which of them wins is chance",
                    ));
                }
                Err(Some(place)) => {
                    let param = params.get(place);
                    return Err(refused(
                        param
                            .and_then(|param| param.spans.first().copied())
                            .unwrap_or(at),
                        format!(
                            "the key `:{}` may equal another one that has other bytes",
                            param.map_or("", |param| &param.name)
                        ),
                        "as 1.0 and 1.00 do: both would change one row of the table, and which of them wins is chance. Compare a key of integers, texts, uuids, times or enums, or take the arrays yourself: `FROM (SELECT DISTINCT ON (…) … FROM unnest(:ids::numeric[], …)) AS given`",
                    ));
                }
            }
            self.joined(catalog, server, &template, "from", "FROM")?
        } else if self.begins_with("delete") {
            self.joined(catalog, server, &template, "using", "USING")?
        } else {
            let help = match server.queries.first().map(|query| query.command) {
                Some(Command::Select) => {
                    "`--@ bulk` is for INSERT, UPDATE and DELETE; a SELECT takes a list, `= ANY(:ids)`"
                }
                _ => {
                    "`--@ bulk` is for one INSERT, UPDATE or DELETE without WITH; take the arrays yourself, `FROM unnest(:ids::uuid[], …)`"
                }
            };
            return Err(refused(
                at,
                "this statement has no form for many rows",
                help,
            ));
        };
        let mut template = template;
        template.pieces = pieces;
        // Each array has its parameter's number, wherever it stands first.
        let (mut statement, _) =
            template.join(self.sources, &query.statement, &super::Variant::default());
        let mut params = params.clone();
        for place in arrays(catalog, server) {
            params.extend(["begins", "ends"].map(|what| ParamUse {
                name: format!("{} {what}", params[place].name),
                spans: params[place].spans.clone(),
                role: Role::Value,
            }));
        }
        statement.params.clone_from(&params);
        Ok(Group {
            name: Some(NAME),
            params: params.clone(),
            template: None,
            texts: vec![Text {
                statement,
                variant: super::Variant::default(),
                places: (0..params.len()).collect(),
                when: "for many rows".to_owned(),
                sent: false,
                by_flag: false,
            }],
            copy: None,
        })
    }

    /// `VALUES (…)` becomes a SELECT.
    fn insert(
        &self,
        catalog: &Catalog,
        query: &ParsedQuery,
        server: &Server,
        template: &Template,
    ) -> Result<Vec<Piece>, Refused> {
        let values = self.word("values").filter(|&values| {
            let opens = self.tokens.get(values + 1);
            opens.is_some_and(|(token, _)| token.kind == TokenKind::OpenParen)
        });
        let Some(values) = values else {
            return Err(refused(
                self.span(0, 0),
                "this INSERT has no VALUES",
                "`--@ bulk` is for `INSERT … VALUES (…)` of one row; a SELECT takes the arrays itself, `FROM unnest(:ids::uuid[], …)`",
            ));
        };
        let close = (values + 2..self.tokens.len())
            .find(|&place| self.tokens.get(place).is_some_and(|(_, depth)| *depth == 0))
            .unwrap_or(values + 1);
        let another = self.tokens.get(close + 1);
        if another.is_some_and(|(token, _)| token.kind == TokenKind::Comma) {
            return Err(refused(
                self.span(close + 2, close + 2),
                "`--@ bulk` is for one row of VALUES",
                "write the row once: every row of the slice becomes one like it",
            ));
        }
        for place in values + 2..close {
            if let Some((token, 1)) = self.tokens.get(place)
                && token.is_word(self.text, "default")
            {
                return Err(refused(
                    self.span(place, place),
                    "a DEFAULT has no form for many rows",
                    "leave the column out; or, where some rows give a value, write `coalesce(:name, <the default>)`",
                ));
            }
        }
        let inner = Span {
            start: self.span(values + 1, values + 1).end,
            end: self.span(close, close).start,
            ..self.statement
        };
        for param in &query.statement.params {
            if let Some(&outside) = param
                .spans
                .iter()
                .find(|at| at.start < inner.start || at.end > inner.end)
            {
                return Err(refused(
                    outside,
                    format!("`:{}` stands outside of VALUES", param.name),
                    "for many rows ON CONFLICT and RETURNING see what is inserted: write `excluded.column`, or the column",
                ));
            }
        }
        let row = self.span(values, close);
        let mut pieces = template.slice(Span {
            end: row.start,
            ..self.statement
        });
        pieces.push(Piece::Ours("SELECT ".to_owned(), row));
        pieces.extend(self.columns_of(catalog, server, template.slice(inner)));
        let ordered = self.word("returning").is_some();
        pieces.push(Piece::Ours("\nFROM ".to_owned(), row));
        pieces.extend(self.unnest(catalog, server, template, row, ordered)?);
        if ordered {
            pieces.push(Piece::Ours("\nORDER BY bulk.position".to_owned(), row));
        }
        pieces.extend(template.slice(Span {
            start: row.end,
            ..self.statement
        }));
        Ok(pieces)
    }

    /// The rows stand beside the table.
    fn joined(
        &self,
        catalog: &Catalog,
        server: &Server,
        template: &Template,
        taken: &str,
        keyword: &str,
    ) -> Result<Vec<Piece>, Refused> {
        // `DELETE FROM` has the word at its second place.
        let other = self
            .tokens
            .iter()
            .enumerate()
            .skip(2)
            .find(|(_, (token, depth))| *depth == 0 && token.is_word(self.text, taken));
        let distinct = |place: usize| {
            place
                .checked_sub(1)
                .and_then(|before| self.tokens.get(before))
                .is_some_and(|(token, _)| token.is_word(self.text, "distinct"))
        };
        if let Some((place, _)) = other.filter(|(place, _)| !distinct(*place)) {
            return Err(refused(
                self.span(place, place),
                format!("a statement with {keyword} has no form for many rows"),
                format!(
                    "take the arrays yourself: `{keyword} unnest(:ids::uuid[], …) AS given (id, …), …`"
                ),
            ));
        }
        let Some(condition) = self.word("where") else {
            return Err(refused(
                self.span(0, 0),
                "without WHERE each row of parameters would be for every row of the table",
                "add a WHERE that compares a unique key with parameters",
            ));
        };
        if let Some(returning) = self.word("returning") {
            for place in returning + 1..self.tokens.len() {
                let before = self.tokens.get(place - 1).map(|(token, _)| *token);
                let bare = before.is_some_and(|before| {
                    before.kind == TokenKind::Comma || before.is_word(self.text, "returning")
                });
                if let Some((token, 0)) = self.tokens.get(place)
                    && bare
                    && token.text(self.text) == "*"
                {
                    return Err(refused(
                        self.span(place, place),
                        "`RETURNING *` would return the parameters as well",
                        "name the columns",
                    ));
                }
            }
        }
        let at = self.span(condition, condition);
        let before = template.slice(Span {
            end: at.start,
            ..self.statement
        });
        let mut pieces = self.columns_of(catalog, server, before);
        pieces.push(Piece::Ours(format!("{keyword} "), at));
        pieces.extend(self.unnest(catalog, server, template, at, false)?);
        pieces.push(Piece::Ours("\n".to_owned(), at));
        let behind = template.slice(Span {
            start: at.start,
            ..self.statement
        });
        pieces.extend(self.columns_of(catalog, server, behind));
        Ok(pieces)
    }

    /// Parameters become columns of the rows; composites, which unnest would take apart, elements of their arrays.
    fn columns_of(&self, catalog: &Catalog, server: &Server, pieces: Vec<Piece>) -> Vec<Piece> {
        let column = |piece| match piece {
            Piece::Param(place, at) => match server.params.get(place) {
                Some(&oid) if is_array(catalog, oid) => {
                    let array = flat(catalog, oid).unwrap_or_default();
                    let (begins, ends) = bounds(catalog, server, place);
                    let (begins, ends) = (column(begins - 1), column(ends - 1));
                    let slice = format!("(${}::{array})[bulk.{begins}:bulk.{ends}]", place + 1);
                    let domain = catalog.base_type(oid) != oid;
                    let cast = domain.then(|| format!("::{}", named(catalog, oid)));
                    Piece::Ours(slice + &cast.unwrap_or_default(), at)
                }
                Some(&oid) if is_composite(catalog, oid) => {
                    let array = array(catalog, oid).unwrap_or_default();
                    let element = format!("(${}::{array})[bulk.position]", place + 1);
                    Piece::Ours(element, at)
                }
                _ => Piece::Ours(format!("bulk.{}", column(place)), at),
            },
            other => other,
        };
        pieces.into_iter().map(column).collect()
    }

    /// `unnest($1::int4[], $2::text[]) AS bulk (p1, p2)`
    fn unnest(
        &self,
        catalog: &Catalog,
        server: &Server,
        template: &Template,
        at: Span,
        ordered: bool,
    ) -> Result<Vec<Piece>, Refused> {
        let ours = |text: String| Piece::Ours(text, at);
        let mut arrays = Vec::new();
        let mut whole = None;
        let mut names = Vec::new();
        for (place, (param, &oid)) in template.params.iter().zip(&server.params).enumerate() {
            let at = param.spans.first().copied().unwrap_or(at);
            if is_array(catalog, oid) && flat(catalog, oid).is_some() {
                let (begins, ends) = bounds(catalog, server, place);
                for bound in [begins, ends] {
                    if !arrays.is_empty() {
                        arrays.push(ours(", ".to_owned()));
                    }
                    arrays.push(Piece::Ours(format!("${bound}::int4[]"), at));
                    names.push(column(bound - 1));
                }
                continue;
            }
            let array = array(catalog, oid).ok_or_else(|| {
                refused(
                    at,
                    format!(
                        "`:{}` is a `{}`, and arrays of it cannot be taken apart again",
                        param.name,
                        catalog.type_name(oid)
                    ),
                    "cast it to a type that has an array type, or to an array, `:name::text[]`; or call the query for each row, as a batch",
                )
            })?;
            let array = format!("${}::{array}", place + 1);
            if is_composite(catalog, oid) {
                whole = Some(Piece::Ours(array, at));
                continue;
            }
            if !arrays.is_empty() {
                arrays.push(ours(", ".to_owned()));
            }
            arrays.push(Piece::Ours(array, at));
            names.push(column(place));
        }
        let ordered = ordered || whole.is_some();
        if ordered {
            names.push("position".to_owned());
        }
        let mut pieces = Vec::new();
        match whole {
            // Of composites alone.
            Some(array) if arrays.is_empty() => {
                pieces.push(ours("generate_subscripts(".to_owned()));
                pieces.push(array);
                pieces.push(ours(", 1)".to_owned()));
            }
            _ => {
                pieces.push(ours("unnest(".to_owned()));
                pieces.extend(arrays);
                let ordinality = if ordered { " WITH ORDINALITY" } else { "" };
                pieces.push(ours(format!("){ordinality}")));
            }
        }
        pieces.push(ours(format!(" AS bulk ({})", names.join(", "))));
        Ok(pieces)
    }
}

fn column(place: usize) -> String {
    format!("p{}", place + 1)
}

/// An array's own type, as a cast names it.
fn flat(catalog: &Catalog, oid: Oid) -> Option<String> {
    array(catalog, catalog.element_type(oid)?)
}

/// The array type over a type, as a cast names it: by the catalog's own name, since `char` and `bit` mean one character to the grammar.
fn array(catalog: &Catalog, oid: Oid) -> Option<String> {
    let found = catalog.types.get(&oid)?;
    found.array_oid?;
    if catalog.element_type(oid).is_some() {
        return None;
    }
    Some(format!("{}[]", named(catalog, oid)))
}

fn named(catalog: &Catalog, oid: Oid) -> String {
    let Some(found) = catalog.types.get(&oid) else {
        return String::new();
    };
    let name = quoted(&found.name);
    let on_path = found.schema == "pg_catalog" || catalog.search_path.contains(&found.schema);
    if on_path {
        name
    } else {
        format!("{}.{name}", quoted(&found.schema))
    }
}

fn is_composite(catalog: &Catalog, oid: Oid) -> bool {
    let base = catalog.types.get(&catalog.base_type(oid));
    base.is_some_and(|base| matches!(base.kind, TypeKind::Composite { .. }))
}

fn quoted(name: &str) -> String {
    let plain = !matches!(name, "char" | "bit")
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
        && !name.starts_with(|letter: char| letter.is_ascii_digit());
    if plain {
        name.to_owned()
    } else {
        in_quotes(name)
    }
}

fn in_quotes(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `--@ bulk` beside `--@ one` or `--@ optional`.
fn rows_twice(query: &ParsedQuery) -> Option<(Span, Span)> {
    let other = query
        .directives
        .iter()
        .find(|directive| matches!(directive.kind, DirectiveKind::One | DirectiveKind::Optional))?;
    Some((directive(query)?, other.span))
}

/// Of an upsert: the parameters that are stored in the columns of the key that may conflict, where all are parameters.
fn upserted(catalog: &Catalog, query: &Query) -> Option<Vec<usize>> {
    let conflict = query.on_conflict.as_ref()?;
    let table = target(query)?;
    // A trigger may make another key of it, and a partial index may not hold for both rows.
    let changed = |trigger: &Trigger| {
        trigger.enabled
            && trigger.relation == table
            && trigger.is_row()
            && trigger.is_before()
            && trigger.on_insert()
    };
    if conflict.action != ConflictAction::Update
        || conflict.arbiter_where.is_some()
        || catalog.triggers.iter().any(changed)
    {
        return None;
    }
    let columns: Vec<i16> = if conflict.constraint == 0 {
        conflict
            .arbiter_elements
            .iter()
            .map(|element| match element {
                Expr::Var(var) => Some(var.column),
                _ => None,
            })
            .collect::<Option<_>>()?
    } else {
        let constraint = catalog.constraints.get(&conflict.constraint)?;
        match constraint.kind {
            ConstraintKind::PrimaryKey { ref columns, .. }
            | ConstraintKind::Unique { ref columns, .. } => columns.clone(),
            _ => return None,
        }
    };
    columns
        .iter()
        .map(|&column| {
            let target = query
                .targets
                .iter()
                .find(|target| target.number == column)?;
            param(&target.expr)
        })
        .collect()
}

/// Of an UPDATE: the parameters that a unique key is compared with. Without one the error; where a parameter of it may equal another one that has
/// other bytes, that one's place.
fn compared(
    catalog: &Catalog,
    server: &Server,
    query: &Query,
) -> Result<Vec<usize>, Option<usize>> {
    let table = target(query).ok_or(None)?;
    // The column, the parameter, and whether equal values of it have the same bytes.
    let mut equal: Vec<(i16, usize, bool)> = Vec::new();
    let quals = query.join_tree.quals.as_ref().ok_or(None)?;
    let conjuncts = match quals {
        Expr::And(all, _) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    for conjunct in conjuncts {
        let Expr::Op(operation) = conjunct else {
            continue;
        };
        let operator = catalog.operators.get(&operation.operator);
        let caseless = &catalog.nondeterministic_collations;
        if let [left, right] = operation.args.as_slice()
            && let Some(operator) = operator.filter(|operator| operator.name == "=")
        {
            for (one, other) in [(left, right), (right, left)] {
                if let Some(column) = of_target(one, query.result_relation)
                    && let Some(place) = param(other)
                {
                    let told = operator.is_btree_equality
                        && !caseless.contains(&operation.collation)
                        && server
                            .params
                            .get(place)
                            .is_some_and(|&oid| told_by_bytes(catalog, oid));
                    equal.push((column, place, told));
                }
            }
        }
    }
    let keys = catalog.indexes.values().filter(|index| {
        index.relation == table
            && index.unique
            && index.immediate
            && index.valid
            && index.predicate.is_none()
    });
    let keys: Vec<Vec<(usize, bool)>> = keys
        .filter_map(|index| {
            let of_column = |key: &i16| {
                let of_key = equal.iter().filter(|(column, ..)| column == key);
                let (_, place, told) = of_key.max_by_key(|(.., told)| *told)?;
                Some((*place, *told))
            };
            index.keys.iter().map(of_column).collect()
        })
        .collect();
    let untold = keys.iter().flatten().find(|(_, told)| !told);
    let told = keys
        .iter()
        .filter(|key| key.iter().all(|(_, told)| *told))
        .min_by_key(|key| key.len());
    told.map(|key| key.iter().map(|(place, _)| *place).collect())
        .ok_or(untold.map(|(place, _)| *place))
}

/// Types of which two values that are equal are sent as the same bytes. Numbers such as 1.0 and 1.00, floats, intervals, ranges and JSON are not.
fn told_by_bytes(catalog: &Catalog, oid: Oid) -> bool {
    const TYPES: &[&str] = &[
        "bool",
        "bytea",
        "char",
        "date",
        "int2",
        "int4",
        "int8",
        "macaddr",
        "macaddr8",
        "money",
        "name",
        "oid",
        "pg_lsn",
        "text",
        "time",
        "timestamp",
        "timestamptz",
        "uuid",
        "varchar",
        "xid8",
    ];
    let base = catalog.types.get(&catalog.base_type(oid));
    base.is_some_and(|base| {
        matches!(base.kind, TypeKind::Enum(_))
            || base.schema == "pg_catalog" && TYPES.contains(&base.name.as_str())
    })
}

fn target(query: &Query) -> Option<Oid> {
    match query.rte(query.result_relation)?.kind {
        RteKind::Relation { oid, .. } => Some(oid),
        _ => None,
    }
}

fn of_target(expr: &Expr, target: usize) -> Option<i16> {
    match expr {
        Expr::Var(var) if var.rel == target && var.levels_up == 0 => Some(var.column),
        Expr::Relabel { arg, .. } => of_target(arg, target),
        _ => None,
    }
}

/// The place of a parameter that stands there unchanged.
fn param(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Param(param) => param.number.checked_sub(1),
        Expr::Relabel { arg, .. } | Expr::CoerceToDomain { arg, .. } => param(arg),
        _ => None,
    }
}
