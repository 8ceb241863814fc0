//! One query: the function, its structs, its constraints, its statement.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Access, Cardinality, ConstraintEnum, ConstraintTarget, Handle, Held, Module, Pages, Params,
    Pattern, Piece, Query, QueryResult, RustType, Test, Value, Way,
};

use super::spell::{self, Form, Scope};
use super::structs;
use super::writer::{WIDTH, Writer};
use super::{doc, layout};

pub(super) fn query(
    w: &mut Writer,
    scope: &mut Scope,
    statics: &Statics,
    module: &Module,
    query: &Query,
) {
    function(w, scope, statics, query);
    let declares = &query.declares;
    if let Some(params) = &declares.params {
        w.blank();
        structs::params(w, scope, params, selects_where_kept(query));
    }
    if let Some(row) = &declares.row {
        w.blank();
        structs::row(w, scope, row);
    }
    for row in &declares.nested {
        w.blank();
        structs::row(w, scope, row);
    }
    if let Some(found) = &declares.constraints {
        w.blank();
        constraints(w, query, found);
    }
    w.blank();
    statement(w, scope, statics, module, query);
}

/// Has it a text for where no patch sets anything?
fn selects_where_kept(query: &Query) -> bool {
    let chooses = |piece: &Piece| matches!(piece, Piece::Choice { .. });
    let patches = |input: &Value| matches!(input.slot.ty, RustType::Patch(_));
    query.texts.iter().flatten().any(chooses) && query.inputs.iter().any(patches)
}

fn function(w: &mut Writer, scope: &mut Scope, statics: &Statics, query: &Query) {
    w.doc(documentation(query));
    for attribute in &query.attributes {
        w.line(format!("#[{attribute}]"));
    }
    let shape = Shape::new(scope, query, Lifetimes::Named);
    let (handle, awaitable) = (shape.handle, shape.awaitable);
    let (generics, borrow, lifetime) = if shape.borrows {
        ("<'a>", "&'a ", "'a")
    } else {
        ("", "&", "'_")
    };
    let mut args = vec![format!("db: {borrow}{handle}")];
    args.extend(shape.arg.clone());
    let mut returned = vec![layout::Argument::Plain(lifetime.to_owned()), shape.params];
    returned.extend(shape.row.map(layout::Argument::Plain));
    let returns = layout::Generic {
        head: awaitable.clone(),
        args: returned,
    };
    let head = format!("pub fn {}{generics}", query.name);
    layout::signature(w, &head, &args, &returns, |w| {
        let statement = format!("&{}", statics.statement(&query.name));
        if shape.tuple.is_empty() {
            let call = ["db".to_owned(), statement, shape.bound];
            layout::call(w, &format!("{awaitable}::new"), &call);
        } else {
            layout::tuple(w, "let bound = ", &shape.tuple, ";");
            let call = ["db".to_owned(), statement, "bound".to_owned()];
            layout::call(w, &format!("{awaitable}::new"), &call);
        }
    });
}

/// How the lifetime of parameters is written.
#[derive(Debug, Clone, Copy)]
enum Lifetimes {
    /// `'a`
    Named,
    /// Left out, or `'_`.
    Elided,
}

/// What the function takes and gives, spelled.
struct Shape {
    handle: String,
    awaitable: String,
    /// A parameter has a lifetime, so the function names one.
    borrows: bool,
    arg: Option<String>,
    /// The type that is bound.
    params: layout::Argument,
    /// The expression that is bound.
    bound: String,
    /// The elements where a struct's fields are bound one by one.
    tuple: Vec<String>,
    row: Option<String>,
}

impl Shape {
    fn new(scope: &mut Scope, query: &Query, lifetimes: Lifetimes) -> Self {
        let (parameter, anonymous) = match lifetimes {
            Lifetimes::Named => (Form::Param("'a"), "<'a>"),
            Lifetimes::Elided => (Form::Param(""), "<'_>"),
        };
        let handle = match query.handle {
            Handle::Reader => format!("impl {}", scope.runtime("Reader")),
            Handle::Writer => format!("impl {}", scope.runtime("Writer")),
            Handle::Transaction => match query.access {
                Access::Read => format!("impl {}", scope.runtime("InTransaction")),
                Access::Write => scope.runtime("Transaction"),
            },
        };
        let (awaitable, row) = match &query.result {
            QueryResult::Affected => ("Execute", None),
            QueryResult::Scalar => (
                awaitable(query),
                query
                    .outputs
                    .first()
                    .map(|column| spell::slot(scope, &column.slot, Form::Owned)),
            ),
            QueryResult::Struct(name) => (awaitable(query), Some(spell::struct_name(scope, name))),
        };
        let awaitable = match (&query.bulk, &query.result) {
            (None, _) => awaitable,
            (Some(_), QueryResult::Affected) => "BulkExecute",
            (Some(_), QueryResult::Scalar | QueryResult::Struct(_)) => "BulkRows",
        };
        let awaitable = scope.runtime(awaitable);
        let mut shape = Self {
            handle,
            awaitable,
            borrows: false,
            arg: None,
            params: layout::Argument::Plain("()".to_owned()),
            bound: "()".to_owned(),
            tuple: Vec::new(),
            row,
        };
        match &query.params {
            Params::None => {}
            Params::One | Params::Flag | Params::Patch => {
                if let Some(input) = query.inputs.first() {
                    shape.borrows = input.slot.ty.param_borrows();
                    let ty = spell::slot(scope, &input.slot, parameter);
                    shape.arg = Some(format!("{}: {ty}", input.field));
                    shape.params = layout::Argument::Tuple(vec![ty]);
                    shape.bound = format!("({},)", input.field);
                    if query.params == Params::Flag {
                        let flag = scope.runtime("Flag");
                        shape.bound = format!("{flag}({})", input.field);
                        shape.params = layout::Argument::Plain(flag);
                    }
                    if let (Params::Patch, RustType::Patch(value)) = (&query.params, &input.slot.ty)
                    {
                        let only = scope.runtime("OnlyPatch");
                        let value = spell::slot(scope, value, parameter);
                        shape.bound = format!("{only}({})", input.field);
                        shape.params = layout::Argument::Plain(format!("{only}<{value}>"));
                    }
                }
            }
            Params::Struct {
                name, reordered, ..
            } if query.bulk.is_some() => {
                shape.borrows = true;
                let lifetime = if name.borrows { anonymous } else { "" };
                let row = format!("{}{lifetime}", spell::struct_name(scope, name));
                shape.arg = Some(match lifetimes {
                    Lifetimes::Named => format!("rows: &'a [{row}]"),
                    Lifetimes::Elided => format!("rows: &[{row}]"),
                });
                shape.params = layout::Argument::Plain(match lifetimes {
                    Lifetimes::Named => row,
                    Lifetimes::Elided => format!("{}<'_, {row}>", scope.runtime("Rows")),
                });
                shape.bound = "rows".to_owned();
            }
            Params::Struct {
                name, reordered, ..
            } => {
                shape.borrows = name.borrows;
                let lifetime = if name.borrows { anonymous } else { "" };
                let spelled = spell::struct_name(scope, name);
                shape.arg = Some(format!("params: {spelled}{lifetime}"));
                shape.params = layout::Argument::Plain(format!("{spelled}{lifetime}"));
                shape.bound = "params".to_owned();
                if *reordered {
                    let types: Vec<String> = query
                        .inputs
                        .iter()
                        .map(|input| spell::slot(scope, &input.slot, parameter))
                        .collect();
                    shape.params = layout::Argument::Tuple(types);
                    shape.tuple = query
                        .inputs
                        .iter()
                        .map(|input| format!("params.{}", input.field))
                        .collect();
                }
            }
        }
        shape
    }
}

fn awaitable(query: &Query) -> &'static str {
    match (query.cardinality, &query.pages) {
        (Cardinality::None, _) => "Execute",
        (Cardinality::One, _) => "One",
        (Cardinality::AtMostOne, _) => "Optional",
        (Cardinality::Many, None) => "Many",
        (Cardinality::Many, Some(pages))
            if pages.orders.iter().any(|order| order.cursor.is_err()) =>
        {
            "Paged"
        }
        (Cardinality::Many, Some(_)) => "Scrolled",
    }
}

/// `GET_USER`, `GET_USER_SQL` and, of what is read in pages, `GET_USER_PAGES`: no two of one module alike.
pub(super) struct Statics {
    by_query: BTreeMap<String, Names>,
}

struct Names {
    statement: String,
    text: String,
    pages: Option<String>,
    rules: String,
    copied: Option<[String; 2]>,
}

impl Statics {
    pub(super) fn new(module: &str, queries: &[Query]) -> Self {
        let mut taken = BTreeSet::from([list_name(module)]);
        let mut by_query = BTreeMap::new();
        let mut statements = Vec::new();
        for query in queries {
            let plain = query.name.strip_prefix("r#").unwrap_or(&query.name);
            statements.push((query, free(plain.to_uppercase(), &mut taken)));
        }
        // A query may be called `get_user_sql`.
        for (query, statement) in statements {
            let text = free(format!("{statement}_SQL"), &mut taken);
            let pages = query
                .pages
                .as_ref()
                .map(|_| free(format!("{statement}_PAGES"), &mut taken));
            let rules = free(format!("{statement}_HELD"), &mut taken);
            let copied = query.copied.as_ref().map(|_| {
                ["COPY", "ROW"].map(|what| free(format!("{statement}_{what}"), &mut taken))
            });
            let names = Names {
                statement,
                text,
                pages,
                rules,
                copied,
            };
            by_query.insert(query.name.clone(), names);
        }
        Self { by_query }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.by_query.values().flat_map(|names| {
            let each = [&names.statement, &names.text, &names.rules].map(String::clone);
            let copied = names.copied.iter().flatten().cloned();
            each.into_iter().chain(names.pages.clone()).chain(copied)
        })
    }

    /// All statements, as a list that the crate is verified by.
    pub(super) fn list(&self, w: &mut Writer, module: &str, queries: &[Query]) {
        let names: Vec<String> = queries
            .iter()
            .map(|query| self.statement(&query.name).to_owned())
            .collect();
        layout::filled(
            w,
            "sqlmill_runtime::statements!",
            Some(&list_name(module)),
            &names,
        );
    }

    fn statement(&self, query: &str) -> &str {
        self.by_query
            .get(query)
            .map_or("", |names| &names.statement)
    }

    fn text(&self, query: &str) -> &str {
        self.by_query.get(query).map_or("", |names| &names.text)
    }

    fn pages(&self, query: &str) -> Option<&str> {
        self.by_query.get(query)?.pages.as_deref()
    }

    fn rules(&self, query: &str) -> &str {
        self.by_query.get(query).map_or("", |names| &names.rules)
    }

    fn copied(&self, query: &str) -> Option<&[String; 2]> {
        self.by_query.get(query)?.copied.as_ref()
    }
}

/// What a module's list of statements is called: modules are re-exported side by side, so it has the module's name.
pub(super) fn list_name(module: &str) -> String {
    let plain = module.strip_prefix("r#").unwrap_or(module);
    format!("{}_STATEMENTS", plain.to_uppercase())
}

fn free(mut name: String, taken: &mut BTreeSet<String>) -> String {
    while !taken.insert(name.clone()) {
        name.push('_');
    }
    name
}

fn statement(w: &mut Writer, scope: &mut Scope, statics: &Statics, module: &Module, query: &Query) {
    let (name, text) = (statics.statement(&query.name), statics.text(&query.name));
    let plain = module.name.strip_prefix("r#").unwrap_or(&module.name);
    // In a static the lifetimes that are left out are `'static`.
    let shape = Shape::new(scope, query, Lifetimes::Elided);
    let ty = layout::Generic {
        head: scope.runtime("Statement"),
        args: std::iter::once(shape.params)
            .chain(shape.row.map(layout::Argument::Plain))
            .collect(),
    };
    let pages = query.pages.as_ref().zip(statics.pages(&query.name));
    let held = statics.rules(&query.name);
    let copied = query.copied.as_ref().zip(statics.copied(&query.name));
    let (constructor, argument) = match &query.texts {
        None => ("new", text.to_owned()),
        Some(_) => ("several", format!("&{text}")),
    };
    let args = [
        layout::string(&format!("{plain}::{}", query.written)),
        layout::string(&format!("{}:{}", query.file, query.line)),
        argument,
        match query.bulk {
            Some(_) => types_of_rows(query),
            None => types(&query.inputs),
        },
        types(&query.outputs),
    ];
    let mut methods = Vec::new();
    if query.shared {
        methods.push("shared()".to_owned());
    }
    if let Some(limit) = query.timeout_ms {
        methods.push(format!("timeout_ms({})", grouped(limit)));
    }
    if let Some((_, name)) = pages {
        methods.push(format!("paged(&{name})"));
    }
    if !query.arrays.is_empty() {
        let places: Vec<String> = query.arrays.iter().map(usize::to_string).collect();
        methods.push(format!("arrays(&[{}])", places.join(", ")));
    }
    if let Some(keys) = query.bulk.as_ref().filter(|keys| !keys.is_empty()) {
        let keys: Vec<String> = keys.iter().map(usize::to_string).collect();
        methods.push(format!("keyed(&[{}])", keys.join(", ")));
    }
    if let Some((_, [copy, row])) = copied {
        methods.push(format!("copied({copy}, {row})"));
    }
    if !query.held.is_empty() {
        methods.push(format!("held({held})"));
    }
    layout::static_call(
        w,
        &format!("static {name}"),
        &ty,
        &format!("{}::{constructor}", ty.head),
        &args,
        &methods,
    );
    if !query.held.is_empty() {
        self::held(w, held, &query.held);
        w.blank();
    }
    match &query.texts {
        None => layout::text_const(w, text, &query.sql),
        Some(pieces) => w.block("sqlmill_runtime::texts!", |w| {
            w.block(text, |w| texts(w, pieces));
        }),
    }
    if let Some((texts, [copy, row])) = copied {
        layout::text_const(w, copy, &texts.copy);
        layout::text_const(w, row, &texts.row);
    }
    if let Some((pages, name)) = pages {
        w.blank();
        self::pages(w, name, pages);
    }
}

/// What is put behind the text for its pages.
fn pages(w: &mut Writer, name: &str, pages: &Pages) {
    let string = layout::string;
    w.block("sqlmill_runtime::pages!", |w| {
        w.block(name, |w| {
            for order in &pages.orders {
                let head = format!("order {}", string(&order.clause));
                let Ok(cursor) = &order.cursor else {
                    w.line(format!("{head} {{}}"));
                    continue;
                };
                w.block(head, |w| {
                    let columns: Vec<String> =
                        cursor.columns.iter().map(usize::to_string).collect();
                    for (name, ways) in [("after", &cursor.after), ("before", &cursor.before)] {
                        match ways.as_slice() {
                            [way] => w.line(format!("{name} [{}],", of_one_part(way))),
                            ways => {
                                w.line(format!("{name} {{"));
                                w.indented(|w| ways.iter().for_each(|way| self::way(w, way)));
                                w.line("}");
                            }
                        }
                    }
                    if !cursor.nulls.is_empty() {
                        let nulls: Vec<String> =
                            cursor.nulls.iter().map(usize::to_string).collect();
                        w.line(format!("nulls [{}],", nulls.join(", ")));
                    }
                    let keys = string(&cursor.keys);
                    w.line(format!("keys {keys} [{}],", columns.join(", ")));
                });
            }
            if let Some((default, most)) = pages.sizes {
                w.line(format!("sizes {default} {most}"));
            }
        });
    });
}

fn of_one_part(way: &Way) -> String {
    let mut pieces: Vec<Piece> = Vec::new();
    for piece in way.conditions.iter().flatten().chain(&way.tail) {
        match (pieces.last_mut(), piece) {
            (Some(Piece::Text(text)), Piece::Text(more)) => text.push_str(more),
            _ => pieces.push(piece.clone()),
        }
    }
    quoted(&pieces)
}

/// Conditions, and the tail behind each.
fn way(w: &mut Writer, way: &Way) {
    let conditions: Vec<String> = way
        .conditions
        .iter()
        .map(|pieces| format!("[{}]", quoted(pieces)))
        .collect();
    let tail = quoted(&way.tail);
    w.line(format!("[{} tail [{tail}]]", conditions.join(" ")));
}

/// Text and parameters, on one line.
fn quoted(pieces: &[Piece]) -> String {
    let pieces: Vec<String> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => layout::string(text),
            other => piece_on_a_line(other),
        })
        .collect();
    pieces.join(" ")
}

/// The types of the database, for the check when the statement is prepared.
fn types(values: &[Value]) -> String {
    let spelled: Vec<String> = values
        .iter()
        .map(|value| match value.slot.ty {
            // With its switch.
            RustType::Patch(_) => format!("{} bool", value.spelled),
            _ => value.spelled.clone(),
        })
        .collect();
    layout::string(&spelled.join(" "))
}

/// An array for each parameter. Those that are arrays are one, and two more say where each begins and ends.
fn types_of_rows(query: &Query) -> String {
    let mut spelled: Vec<String> = Vec::new();
    for value in &query.inputs {
        let of = match query.arrays.contains(&spelled.len()) {
            true => "",
            false => "[]",
        };
        spelled.push(format!("{}{of}", value.spelled));
        if matches!(value.slot.ty, RustType::Patch(_)) {
            spelled.push("bool[]".to_owned());
        }
    }
    spelled.extend(query.arrays.iter().map(|_| "int4[] int4[]".to_owned()));
    layout::string(&spelled.join(" "))
}

/// What parameters are held to.
fn held(w: &mut Writer, name: &str, rules: &[Held]) {
    w.block("sqlmill_runtime::held!", |w| {
        w.line(name);
        for rule in rules {
            let string = |text: &str| layout::string(text);
            let place = match rule.switch {
                Some(switch) => format!("{} if {switch}", rule.place),
                None => rule.place.to_string(),
            };
            w.line(format!(
                "{place} {} {}.{} {} {}: {};",
                string(&rule.field),
                string(&rule.schema),
                string(&rule.relation),
                string(&rule.constraint),
                string(&rule.message),
                test(&rule.test)
            ));
        }
    });
}

fn test(of: &Test) -> String {
    let list = |tests: &[Test]| tests.iter().map(test).collect::<Vec<_>>().join(", ");
    match of {
        Test::AtMost(most) => format!("AtMost({most})"),
        Test::Cut(most, inner) => format!("Cut({most}, &{})", test(inner)),
        Test::Length(comparison, number) => format!("Length({comparison:?}, {number})"),
        Test::Integer(comparison, number) => format!("Integer({comparison:?}, {number})"),
        Test::Float(comparison, number) => format!("Float({comparison:?}, {number})"),
        Test::Numeric(comparison, number, places) => {
            format!(
                "Numeric({comparison:?}, {}, {places:?})",
                layout::string(number)
            )
        }
        Test::IsTrue => "IsTrue".to_owned(),
        Test::OneOf(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| layout::string(text)).collect();
            format!("OneOf(&[{}])", texts.join(", "))
        }
        Test::Like(pattern) => format!("Like({})", layout::string(pattern)),
        Test::Matches(of) => format!("Matches(&{})", pattern(of)),
        Test::Trimmed(inner) => format!("Trimmed(&{})", test(inner)),
        Test::Ascii(inner) => format!("Ascii(&{})", test(inner)),
        Test::IsNull => "IsNull".to_owned(),
        Test::All(tests) => format!("All(&[{}])", list(tests)),
        Test::Any(tests) => format!("Any(&[{}])", list(tests)),
        Test::Not(inner) => format!("Not(&{})", test(inner)),
    }
}

fn pattern(of: &Pattern) -> String {
    let list = |of: &[Pattern]| of.iter().map(pattern).collect::<Vec<_>>().join(", ");
    let ranges = |of: &[(char, char)]| {
        let ranges: Vec<String> = of.iter().map(|range| format!("{range:?}")).collect();
        ranges.join(", ")
    };
    match of {
        Pattern::Begin => "Begin".to_owned(),
        Pattern::End => "End".to_owned(),
        Pattern::Text(text) => format!("Text({})", layout::string(text)),
        Pattern::In(of) => format!("In(&[{}])", ranges(of)),
        Pattern::NotIn(of) => format!("NotIn(&[{}])", ranges(of)),
        Pattern::Row(parts) => format!("Row(&[{}])", list(parts)),
        Pattern::Either(parts) => format!("Either(&[{}])", list(parts)),
        Pattern::Times(least, most, part) => {
            format!("Times({least}, {most:?}, &{})", pattern(part))
        }
    }
}

/// Pieces, each on lines of its own, and those within a short one beside each other.
fn texts(w: &mut Writer, pieces: &[Piece]) {
    for piece in pieces {
        let line = piece_on_a_line(piece);
        if !line.contains('\n') && layout::width(&line) + w.indent() <= WIDTH {
            w.line(line);
            continue;
        }
        match piece {
            Piece::Text(_) | Piece::Param(_) => w.verbatim(&line),
            Piece::Filter {
                number,
                unless,
                present,
                as_written,
            } => {
                w.line(format!("[{}{number}:", not(*unless)));
                w.indented(|w| {
                    texts(w, present);
                    if !as_written.is_empty() {
                        w.line("else");
                        texts(w, as_written);
                    }
                });
                w.line("]");
            }
            Piece::Choice { number, options } => {
                w.line(format!("{{{number}:"));
                w.indented(|w| {
                    for option in options {
                        w.line("[");
                        w.indented(|w| texts(w, option));
                        w.line("]");
                    }
                });
                w.line("}");
            }
        }
    }
}

/// Of what is there where a flag is false.
fn not(unless: bool) -> &'static str {
    if unless { "!" } else { "" }
}

fn piece_on_a_line(piece: &Piece) -> String {
    let all = |pieces: &[Piece]| {
        let pieces: Vec<String> = pieces.iter().map(piece_on_a_line).collect();
        pieces.join(" ")
    };
    match piece {
        Piece::Text(text) => layout::literal(text),
        Piece::Param(place) => format!("({place})"),
        Piece::Filter {
            number,
            unless,
            present,
            as_written,
        } if as_written.is_empty() => format!("[{}{number}: {}]", not(*unless), all(present)),
        Piece::Filter {
            number,
            present,
            as_written,
            ..
        } => format!("[{number}: {} else {}]", all(present), all(as_written)),
        Piece::Choice { number, options } => {
            let options: Vec<String> = options
                .iter()
                .map(|option| format!("[{}]", all(option)))
                .collect();
            format!("{{{number}: {}}}", options.join(" "))
        }
    }
}

/// A number as Clippy likes to read it: `2_000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index != 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

fn constraints(w: &mut Writer, query: &Query, found: &ConstraintEnum) {
    w.doc([format!("What {} can violate.", doc::function(&query.name))]);
    layout::derive(
        w,
        &["Debug", "Clone", "Copy", "PartialEq", "Eq", "Hash"].map(str::to_owned),
    );
    w.block(format!("pub enum {}", found.name), |w| {
        for variant in &found.variants {
            w.doc(doc::markdown(&variant.docs));
            w.line(format!("{},", variant.name));
        }
    });
    w.blank();
    w.block("sqlmill_runtime::constraints!", |w| {
        w.block(&found.name, |w| {
            for variant in &found.variants {
                for reported in std::iter::once(&variant.target).chain(&variant.also) {
                    w.line(format!("{} = {},", variant.name, target(reported)));
                }
            }
        });
    });
}

fn target(target: &ConstraintTarget) -> String {
    let string = layout::string;
    match target {
        ConstraintTarget::Constraint {
            schema,
            table,
            name,
        } => format!("{}.{} {}", string(schema), string(table), string(name)),
        ConstraintTarget::Column {
            schema,
            table,
            column,
        } => format!(
            "{}.{} column {}",
            string(schema),
            string(table),
            string(column)
        ),
        // A domain stands where a table would.
        ConstraintTarget::Type {
            schema,
            ty,
            name: Some(name),
        } => format!("{}.{} {}", string(schema), string(ty), string(name)),
        ConstraintTarget::Type {
            schema,
            ty,
            name: None,
        } => format!("{}.{} domain", string(schema), string(ty)),
    }
}

/// The author's words, the SQL, and what was proved.
fn documentation(query: &Query) -> Vec<String> {
    let mut lines = doc::markdown(&query.docs);
    let mut paragraph = |found: Vec<String>| {
        if !found.is_empty() {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend(found);
        }
    };
    paragraph(doc::sql(&query.sql));

    if let Some(keys) = &query.bulk {
        let names = keys.iter().filter_map(|&place| {
            let mut at = 0;
            let input = query.inputs.iter().find(|input| {
                let here = at;
                at += if matches!(input.slot.ty, RustType::Patch(_)) {
                    2
                } else {
                    1
                };
                here == place
            });
            input.map(|input| &input.field)
        });
        let names: Vec<&String> = names.collect();
        let twice = match names.as_slice() {
            [] => String::new(),
            names => format!(" No two have the same {}.", doc::names(names)),
        };
        paragraph(doc::sentence(&format!(
            "Takes many rows of parameters at once, all or none.{twice}{}",
            match query.copied {
                Some(_) => " More than one statement takes go by COPY.",
                None => "",
            }
        )));
    }
    let reason = &query.cardinality_reason;
    paragraph(doc::sentence(&match query.cardinality {
        Cardinality::None => "Returns how many rows it affected.".to_owned(),
        Cardinality::One => with_reason("Returns exactly one row", reason),
        Cardinality::AtMostOne => with_reason("Returns at most one row", reason),
        Cardinality::Many => with_reason("Returns any number of rows", reason),
    }));
    let varies = query
        .declares
        .params
        .as_ref()
        .and_then(|params| params.varies.as_ref());
    if let Some(varies) = varies {
        let filters: Vec<&String> = varies.filters.iter().map(|filter| &filter.field).collect();
        if !filters.is_empty() {
            let text = "where one is absent, `true` is sent in its place";
            paragraph(doc::sentence(&format!(
                "Optional filters: {}; {text}.",
                doc::names(&filters)
            )));
        }
        if let Some(order) = &varies.order {
            let orders: Vec<&String> = order.options.iter().map(|one| &one.variant).collect();
            paragraph(doc::sentence(&format!(
                "Ordered as the caller chooses: {}.",
                doc::names(&orders)
            )));
        }
    }
    if selects_where_kept(query) {
        paragraph(doc::sentence(
            "Where nothing is set, the rows are selected and none is written.",
        ));
    }
    if !query.order.is_empty() {
        let total = if query.order_total {
            ""
        } else {
            "; rows may be equal under it"
        };
        paragraph(doc::sentence(&format!(
            "Ordered by {}{total}.",
            doc::names(&query.order)
        )));
    }
    if let Some(pages) = &query.pages {
        let cursors = pages.orders.iter().map(|order| order.cursor.as_ref());
        let (keys, reasons): (Vec<_>, Vec<_>) = cursors.partition(Result::is_ok);
        let keys: Vec<String> = keys
            .into_iter()
            .flatten()
            .map(|cursor| doc::names(&[&cursor.keys]))
            .collect();
        let mut reasons: Vec<&str> = reasons
            .into_iter()
            .filter_map(Result::err)
            .map(String::as_str)
            .collect();
        reasons.dedup();
        paragraph(doc::sentence(&match reasons.as_slice() {
            [] => format!(
                "Read in pages by number, and by cursor over {}.",
                keys.join("; ")
            ),
            reasons => format!(
                "Read in pages by number. Not by cursor: {}.",
                reasons.join("; and ")
            ),
        }));
    }
    paragraph(doc::sentence(&reach(query)));
    if let Some(limit) = query.timeout_ms {
        paragraph(doc::sentence(&format!(
            "Is cancelled when it takes longer than {}.",
            spelled(limit)
        )));
    }
    if !matches!(
        query.params,
        Params::Struct {
            documented: true,
            ..
        }
    ) {
        paragraph(nullability("Parameters", &query.inputs));
    }
    let columns = query.outputs.iter().chain(&query.within);
    paragraph(nullability("Columns", columns));

    if !query.violations.is_empty() {
        let mut found = vec!["Can violate:".to_owned(), String::new()];
        for violation in &query.violations {
            let name = if violation.kind == "not-null constraint" {
                let columns = violation.columns.join(", ");
                doc::names(&[format!("{}.{columns}", violation.table)])
            } else {
                doc::names(&[&violation.name])
            };
            found.extend(doc::item(&format!(
                "{name} ({}): {}",
                violation.kind, violation.reason
            )));
        }
        paragraph(found);
    }
    if !query.held.is_empty() {
        let asked = match query.bulk {
            Some(_) => "Asked of each row before anything is sent:",
            None => "Asked before anything is sent:",
        };
        let mut found = vec![asked.to_owned(), String::new()];
        for rule in &query.held {
            let names = doc::names(&[&rule.field, &rule.constraint]);
            found.extend(doc::item(&format!("{names}: {}", rule.message)));
        }
        paragraph(found);
    }
    if !query.waivers.is_empty() {
        let mut found = Vec::new();
        for waiver in &query.waivers {
            let rule = doc::names(&[&waiver.rule]);
            found.extend(doc::item(&format!("Allowed: {rule}, {}", waiver.reason)));
        }
        paragraph(found);
    }
    lines
}

/// A time limit in the largest unit that is whole.
fn spelled(milliseconds: u64) -> String {
    let units = [(3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")];
    let whole = units
        .iter()
        .find(|(unit, _)| milliseconds.is_multiple_of(*unit));
    let (unit, name) = whole.copied().unwrap_or((1, "ms"));
    format!("{} {name}", milliseconds / unit)
}

fn with_reason(fact: &str, reason: &str) -> String {
    if reason.is_empty() {
        format!("{fact}.")
    } else {
        format!("{fact}: {reason}.")
    }
}

fn reach(query: &Query) -> String {
    let mut parts = Vec::new();
    let tables: Vec<&String> = query.reads.keys().collect();
    if !tables.is_empty() {
        parts.push(format!("Reads {}.", doc::names(&tables)));
    }
    for (table, written) in &query.writes {
        let table = doc::names(&[table]);
        let kinds = written.kinds.join(", ");
        if written.columns.is_empty() {
            parts.push(format!("Writes {table} ({kinds})."));
        } else {
            let columns = doc::names(&written.columns);
            parts.push(format!("Writes {table} ({kinds}): {columns}."));
        }
    }
    if parts.is_empty() || (query.access == Access::Write && query.writes.is_empty()) {
        let kind = match query.access {
            Access::Read => "Only reads",
            Access::Write => "Counts as a write",
        };
        parts.push(with_reason(kind, &query.access_reason));
    }
    if query.shared {
        parts.push("May share a connection.".to_owned());
    }
    parts.join(" ")
}

/// Why each may be NULL or not: first those that are as the table declares them, then by reason.
fn nullability<'v>(title: &str, values: impl IntoIterator<Item = &'v Value>) -> Vec<String> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for value in values {
        let mut reason = match (value.as_declared, value.nullable) {
            (true, true) => "may be null, as declared".to_owned(),
            (true, false) => "not null, as declared".to_owned(),
            (false, _) => value.reason.clone(),
        };
        if let Some(elements) = &value.elements_reason {
            reason = format!("{reason}; {elements}");
        }
        match groups.iter_mut().find(|(found, _)| *found == reason) {
            Some((_, names)) => names.push(&value.name),
            None => groups.push((reason, vec![&value.name])),
        }
    }
    if groups.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!("{title}:"), String::new()];
    for (reason, names) in groups {
        let names = doc::names(&names);
        lines.extend(match reason.as_str() {
            "" => doc::item(&names),
            reason => doc::item(&format!("{names}: {reason}")),
        });
    }
    lines
}
