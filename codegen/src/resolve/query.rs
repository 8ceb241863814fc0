//! One query at a time: its parameters and columns with the author's marks applied, before structs are shared.

use crate::catalog::{Column, Identity, Oid, TypeKind};
use crate::checked::Checked;
use crate::describe::{Described, ResultColumn};
use crate::diagnostic::Diagnostic;
use crate::facts::{self, ColumnFacts, Facts, Held, ParamFacts, Proved};
use crate::lint::Waiver;
use crate::model::{self, RustType, Slot, Value};
use crate::nearest::nearest;
use crate::pages::Pages;
use crate::parse::syntax::{
    self, DirectiveKind, Field, Nullity, ParamUse, ParsedQuery, Role, StructUse,
};
use crate::source::{Span, Spanned};
use crate::texts::{Filter, FilterKind, Template, bulk};

use super::nested::{At, Nested, Rows};
use super::tables::Tables;
use super::{Resolver, document, names};

/// A query whose types are known and whose structs are not.
pub(super) struct Draft<'a> {
    pub(super) parsed: &'a ParsedQuery,
    /// What the query's texts are made of, where there are several.
    pub(super) template: Option<&'a Template>,
    /// Where it takes many rows of parameters.
    pub(super) bulk: Option<Bulk<'a>>,
    pub(super) facts: &'a Facts,
    /// What the parameters are held to. Of many rows, those of each: the author's statement stores them as they are, and so does what
    /// ships.
    pub(super) held: &'a [Held],
    pub(super) waivers: Vec<model::Waiver>,
    pub(super) path: String,
    pub(super) line: u32,
    /// The function's name and the words of types that are named after it.
    pub(super) name: String,
    pub(super) pascal: String,
    pub(super) inputs: Vec<Value>,
    pub(super) outputs: Vec<Value>,
    /// The structs of rows within its rows.
    pub(super) nested: Vec<Nested>,
    /// Where the author says something of each parameter.
    pub(super) cardinality: Proved<model::Cardinality>,
    pub(super) handle: model::Handle,
    /// The table whose columns these are, all of them, unchanged and in order.
    pub(super) whole_row: Option<Oid>,
    /// The table that the parameters fill, every column that can be given.
    pub(super) whole_insert: Option<Oid>,
    pub(super) pages: Option<&'a Pages>,
}

/// A column or a field, as the server has it.
pub(super) struct Place<'p> {
    pub(super) name: &'p str,
    pub(super) oid: Oid,
    pub(super) facts: Option<&'p ColumnFacts>,
    /// It is the whole row, so that nobody asks for its name.
    pub(super) nameless: bool,
    /// In words for an error.
    pub(super) what: String,
}

/// What PostgreSQL calls an expression that it finds no name for.
const UNNAMED: &str = "?column?";

/// What the columns of one query have in common.
struct OutputOf<'q> {
    single: bool,
    pascal: &'q str,
}

/// What ships of a query that takes many rows of parameters.
pub(super) struct Bulk<'a> {
    pub(super) sql: &'a str,
    /// The places of the parameters that tell rows apart.
    pub(super) keys: Vec<usize>,
    /// And of those that are arrays.
    pub(super) arrays: Vec<usize>,
    pub(super) copy: Option<&'a str>,
}

impl<'a> Resolver<'a> {
    pub(super) fn draft(
        &mut self,
        tables: &mut Tables<'_>,
        checked: Checked<'a>,
        waivers: &[Waiver],
    ) -> Option<Draft<'a>> {
        let parsed = checked.parsed;
        let facts = checked.facts?;
        let (params, columns) = match checked.described {
            Described::Statement(statement) => (&statement.params, &statement.columns),
            Described::Utility(utility) => (&utility.params, &utility.columns),
            Described::Refused(_) | Described::Unasked => return None,
        };
        let Some((name, pascal)) =
            names::snake(&parsed.name.value).zip(names::pascal(&parsed.name.value))
        else {
            self.diagnostics.push(
                Diagnostic::error(
                    "name",
                    format!("`{}` cannot be the name of a query", parsed.name.value),
                )
                .at(parsed.name.span)
                .help("use a name with letters"),
            );
            return None;
        };
        let own = facts;
        let (bulk, columns, facts) = match bulk::directive(parsed) {
            None => (None, columns, facts),
            // Where there is none, the reason is told.
            Some(_) => self.bulk(checked)?,
        };
        let module = &checked.file.module;
        let said_params = syntax::fields(self.files, module, &parsed.params);
        let said_columns = syntax::fields(self.files, module, &parsed.row);

        let mut inputs = Vec::new();
        let mut wanted = 0;
        for (index, (param, &oid)) in checked.params.iter().zip(params).enumerate() {
            // Its value's type holds it.
            if param.role == Role::Switch {
                continue;
            }
            wanted += 1;
            let said = said_params
                .iter()
                .find(|said| said.name.value == param.name);
            let at = param.spans.first().copied().unwrap_or(parsed.name.span);
            let facts = own.params.get(index);
            inputs.extend(match param.role {
                Role::Patch { .. } => self.patch(&param.name, oid, facts, said, at),
                Role::Value | Role::Switch => self.input(&param.name, oid, facts, said, at),
            });
        }
        let single = columns.len() == 1 && matches!(parsed.row, StructUse::Implicit(_));
        let of = OutputOf {
            single,
            pascal: &pascal,
        };
        let mut rows = Rows {
            parsed,
            tables,
            nested: Vec::new(),
        };
        let mut outputs = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            let said = said_columns
                .iter()
                .find(|said| is_named(said, &column.name));
            let facts = facts.columns.get(index);
            outputs.extend(self.output(&mut rows, (index, column), facts, said, &of));
        }
        let nested = rows.nested;
        self.unknown_columns(parsed, columns, said_columns);
        let complete = inputs.len() == wanted && outputs.len() == columns.len();
        if !complete {
            return None;
        }
        if !self.distinct_fields(parsed, &inputs, columns, &outputs) {
            return None;
        }
        let texts = checked.groups.first();
        let template = texts.and_then(|texts| texts.group.template.as_ref());
        for filter in template.into_iter().flat_map(|template| &template.filters) {
            let input = &mut inputs[filter.guard];
            match filter.kind {
                FilterKind::Optional => self.guard(filter, input, said_params),
                FilterKind::Flag => self.flag(filter, input),
            }
        }

        let source = self.sources.get(checked.file.file);
        let marked = !said_columns.is_empty();
        Some(Draft {
            parsed,
            template,
            bulk,
            facts,
            held: &own.held,
            waivers: waivers
                .iter()
                .map(|waiver| model::Waiver {
                    rule: waiver.rule.to_owned(),
                    reason: waiver.reason.clone(),
                })
                .collect(),
            path: source.path.clone(),
            line: source.position(parsed.name.span.start as usize).line,
            name,
            pascal,
            cardinality: cardinality(parsed, facts),
            handle: handle(parsed, facts),
            whole_row: if marked {
                None
            } else {
                self.whole_row(columns, facts)
            },
            whole_insert: self.whole_insert(checked.params, own),
            pages: checked.pages,
            inputs,
            outputs,
            nested,
        })
    }

    /// What ships of a query with `--@ bulk`, and what comes back of it.
    fn bulk(
        &self,
        checked: Checked<'a>,
    ) -> Option<(Option<Bulk<'a>>, &'a Vec<ResultColumn>, &'a Facts)> {
        let group = checked.beside(bulk::NAME)?;
        let (Described::Statement(statement), Some(facts)) = group.whole() else {
            return None;
        };
        let Described::Statement(own) = checked.described else {
            return None;
        };
        let shipped = Bulk {
            sql: &group.group.texts.first()?.statement.sql,
            keys: bulk::keys(self.catalog, own),
            arrays: bulk::arrays(self.catalog, own),
            copy: group.group.copy.as_deref(),
        };
        Some((Some(shipped), &statement.columns, facts))
    }

    /// `name~`. To the server the parameter has the base of a column's domain, because a CASE has; here it has the domain.
    fn patch(
        &mut self,
        name: &str,
        oid: Oid,
        facts: Option<&ParamFacts>,
        said: Option<&Field>,
        at: Span,
    ) -> Option<Value> {
        let column = facts
            .and_then(|facts| facts.assigned.first())
            .and_then(|&assigned| self.column(assigned));
        let declared = column
            .map(|column| column.type_oid)
            .filter(|&declared| self.catalog.base_type(declared) == oid)
            .unwrap_or(oid);
        if let (Some(column), Some(said)) = (column, said)
            && said.nullity == Some(Nullity::Nullable)
            && !self.column_nullable(column)
        {
            self.diagnostics.push(
                Diagnostic::error(
                    "patch",
                    format!(
                        "`{name}~?` could set `{}` to NULL, which it refuses",
                        column.name
                    ),
                )
                .at(said.span)
                .help(format!(
                    "write `{name}~`: of a NOT NULL column a patch keeps or sets, and cannot clear"
                )),
            );
        }
        let mut value = self.input(name, declared, facts, said, at)?;
        value.slot = Slot {
            ty: RustType::Patch(Box::new(value.slot)),
            nullable: false,
        };
        Some(value)
    }

    fn input(
        &mut self,
        name: &str,
        oid: Oid,
        facts: Option<&ParamFacts>,
        said: Option<&Field>,
        at: Span,
    ) -> Option<Value> {
        let tied = facts.map_or(&[][..], |facts| facts.tied.as_slice());
        let same = facts.map_or(&[][..], |facts| facts.same.as_slice());
        let ty = self.ty(oid, tied, same, at, &format!("the parameter `{name}`"))?;
        let nullable = marked(
            said.and_then(|said| said.nullity),
            facts.map(|facts| &facts.nullable),
        );
        let elements = facts.and_then(|facts| facts.elements.as_ref());
        let elements_said = said.and_then(|said| said.elements);
        let (ty, elements_reason) = self.with_elements(ty, oid, elements_said, elements, said, at);
        let origin =
            facts.and_then(|facts| facts.origin.or_else(|| facts.assigned.first().copied()));
        Some(Value {
            name: name.to_owned(),
            field: names::snake(name)?,
            sql_type: self.catalog.type_name(oid),
            spelled: self.catalog.spelled(oid),
            slot: Slot {
                ty,
                nullable: nullable.value,
            },
            nullable: nullable.value,
            reason: nullable.reason,
            as_declared: said.is_none()
                && facts.is_some_and(|facts| match facts.assigned.as_slice() {
                    [stored] => self
                        .column(*stored)
                        .is_some_and(|column| self.column_nullable(column) == nullable.value),
                    _ => false,
                }),
            elements_reason,
            comment: self.comment(origin),
        })
    }

    /// The parameter whose NULL means that a filter is absent.
    fn guard(&mut self, filter: &Filter, input: &mut Value, said: &[Field]) {
        let not_null = said
            .iter()
            .find(|said| said.name.value == filter.name && said.nullity == Some(Nullity::NotNull));
        if let Some(said) = not_null {
            self.diagnostics.push(
                Diagnostic::error(
                    "annotation",
                    format!("`{}` is NULL where its filter is absent", filter.name),
                )
                .at(said.span)
                .help("remove the `!`: where the filter is there, the parameter has a value")
                .help("if it is always there, remove the test for NULL from the SQL"),
            );
        }
        input.slot.nullable = false;
        input.nullable = false;
        input.as_declared = false;
        "an optional filter".clone_into(&mut input.reason);
    }

    /// A flag decides by its value which text is sent.
    fn flag(&mut self, filter: &Filter, input: &mut Value) {
        if *input.slot.ty.base() != RustType::Bool {
            let at = filter.places.first().map(|place| place.guard);
            self.diagnostics.extend(at.map(|at| {
                Diagnostic::error(
                    "optional-filter",
                    format!(
                        "the flag `{}` is a `{}` elsewhere",
                        filter.name, input.sql_type
                    ),
                )
                .at(at)
                .help("give the flag a name of its own, or cast it to boolean at each place")
            }));
        }
        input.slot.nullable = false;
        input.nullable = false;
        input.as_declared = false;
        input.reason = match filter.places.first() {
            None => "a flag".to_owned(),
            Some(place) => {
                let predicate = self.sources.text(place.predicate);
                let predicate: Vec<&str> = predicate.split_whitespace().collect();
                format!(
                    "a flag: where it is {}, `{}` must hold",
                    place.negated,
                    predicate.join(" ")
                )
            }
        };
    }

    fn output(
        &mut self,
        rows: &mut Rows<'_, '_>,
        (index, column): (usize, &ResultColumn),
        facts: Option<&ColumnFacts>,
        said: Option<&Field>,
        draft: &OutputOf<'_>,
    ) -> Option<Value> {
        let origin = facts.and_then(|facts| facts.origin);
        let place = Place {
            name: &column.name,
            oid: self.declared_type(column, origin),
            facts,
            nameless: draft.single,
            what: if column.name == UNNAMED {
                format!("column {} of `{}`", index + 1, rows.parsed.name.value)
            } else {
                format!("the column `{}`", column.name)
            },
        };
        let at = At {
            span: said.map_or(rows.parsed.name.span, |said| said.span),
            said,
            path: &column.name,
            parent: draft.pascal,
        };
        self.value(rows, place, at)
    }

    /// A column, or a field of a row within one.
    pub(super) fn value(
        &mut self,
        rows: &mut Rows<'_, '_>,
        place: Place<'_>,
        at: At<'_>,
    ) -> Option<Value> {
        let (oid, facts, said) = (place.oid, place.facts, at.said);
        let origin = facts.and_then(|facts| facts.origin);
        let nested = self.nested(rows, oid, facts, at).ok()?;
        let inner = said.map_or(&[][..], |said| said.inner.as_slice());
        let ty = match nested {
            Some(ty) => ty,
            None => {
                self.unknown_inner(oid, inner);
                self.types.read(oid, facts, inner);
                self.ty(
                    oid,
                    origin.as_slice(),
                    origin.as_slice(),
                    at.span,
                    &place.what,
                )?
            }
        };
        let nullable = if ty == RustType::Unit {
            Proved::new(false, "`void` has no value that could be missing")
        } else {
            marked(
                said.and_then(|said| said.nullity),
                facts.map(|facts| &facts.nullable),
            )
        };
        let elements = facts.and_then(|facts| facts.elements.as_ref());
        let elements_said = said.and_then(|said| said.elements);
        let (ty, elements_reason) =
            self.with_elements(ty, oid, elements_said, elements, said, at.span);
        let elements_reason = elements_reason.or_else(|| match (&ty, facts) {
            (RustType::Array(_), Some(facts)) => document::elements_reason(facts),
            _ => None,
        });
        let unnamed = place.name == UNNAMED;
        let nameless = place.nameless && !ty.holds_nested();
        let field = match names::snake(place.name) {
            Some(field) if nameless || !unnamed => field,
            None if nameless => String::new(),
            Some(_) | None => {
                let message = match unnamed {
                    true => format!("{} has no name", place.what),
                    false => format!("{} has no name that Rust can take", place.what),
                };
                self.diagnostics.push(
                    Diagnostic::error("name", message)
                        .at(at.span)
                        .help("name it in the SQL with AS"),
                );
                return None;
            }
        };
        Some(Value {
            name: place.name.to_owned(),
            field,
            sql_type: self.catalog.type_name(oid),
            spelled: self.catalog.spelled(oid),
            slot: Slot {
                ty,
                nullable: nullable.value,
            },
            nullable: nullable.value,
            as_declared: said.is_none()
                && origin.is_some_and(|origin| {
                    self.column(origin)
                        .is_some_and(|column| self.column_nullable(column) == nullable.value)
                }),
            reason: nullable.reason,
            elements_reason,
            comment: self.comment(origin),
        })
    }

    pub(super) fn column(&self, (relation, number): (Oid, i16)) -> Option<&'a Column> {
        self.catalog.relations.get(&relation)?.column(number)
    }

    /// The server describes a column of a domain by the domain's base.
    fn declared_type(&self, column: &ResultColumn, origin: Option<(Oid, i16)>) -> Oid {
        let declared = origin
            .and_then(|origin| self.column(origin))
            .map(|found| found.type_oid);
        match declared {
            Some(declared)
                if self.catalog.base_type(declared) == self.catalog.base_type(column.type_oid) =>
            {
                declared
            }
            _ => column.type_oid,
        }
    }

    fn ty(
        &mut self,
        oid: Oid,
        columns: &[(Oid, i16)],
        same: &[(Oid, i16)],
        at: Span,
        what: &str,
    ) -> Option<RustType> {
        match self.types.tied(oid, columns, same) {
            Ok(ty) => Some(ty),
            Err(unsupported) => {
                let name = self.catalog.type_name(oid);
                let mut diagnostic = Diagnostic::error(
                    "unsupported-type",
                    format!("{what} has the type `{name}`, which has no Rust type"),
                )
                .at(at);
                if unsupported.oid != oid {
                    diagnostic = diagnostic.note(format!("it holds a `{}`", unsupported.name));
                }
                if !unsupported.why.is_empty() {
                    diagnostic = diagnostic.note(unsupported.why);
                }
                if unsupported.configurable {
                    diagnostic = diagnostic
                        .help(format!(
                            "name one of yours in sqlmill.toml: `[types]`, `\"{}\" = \"your_crate::Type\"`",
                            unsupported.name
                        ))
                        .help(format!(
                            "or take its bytes as they are: `\"{}\" = \"bytes\"`",
                            unsupported.name
                        ));
                }
                self.diagnostics
                    .push(diagnostic.help("or cast it in the SQL to another type, such as text"));
                None
            }
        }
    }

    /// An array's type with what is known of its elements.
    fn with_elements(
        &mut self,
        ty: RustType,
        oid: Oid,
        mark: Option<Nullity>,
        proved: Option<&Proved<bool>>,
        said: Option<&Field>,
        at: Span,
    ) -> (RustType, Option<String>) {
        if self.catalog.element_type(oid).is_none() {
            if let (Some(_), Some(said)) = (mark, said) {
                self.diagnostics.push(
                    Diagnostic::error(
                        "annotation",
                        format!(
                            "`{}` is no array, so it has no elements to mark",
                            said.name.value
                        ),
                    )
                    .at(at)
                    .help("write `?` or `!` without brackets"),
                );
            }
            return (ty, None);
        }
        let elements = marked(mark, proved);
        let ty = match ty {
            RustType::Array(slot) => RustType::Array(Box::new(Slot {
                nullable: elements.value,
                ..*slot
            })),
            RustType::Grid(slot) => RustType::Grid(Box::new(Slot {
                nullable: elements.value,
                ..*slot
            })),
            // The alias of a domain over an array says that elements may be NULL.
            RustType::Domain { base, .. } if !elements.value => match *base {
                RustType::Array(slot) => RustType::Array(Box::new(Slot {
                    nullable: false,
                    ..*slot
                })),
                base => base,
            },
            other => other,
        };
        (
            ty,
            Some(elements.reason).filter(|reason| !reason.is_empty()),
        )
    }

    pub(super) fn comment(&self, origin: Option<(Oid, i16)>) -> Option<String> {
        self.column(origin?)?.comment.clone()
    }

    fn unknown_columns(&mut self, parsed: &ParsedQuery, columns: &[ResultColumn], said: &[Field]) {
        for said in said {
            if columns.iter().any(|column| is_named(said, &column.name)) {
                continue;
            }
            let known = || columns.iter().map(|column| column.name.as_str());
            let help = match nearest(&said.name.value, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if columns.is_empty() => "the statement returns no rows".to_owned(),
                None => {
                    let all: Vec<String> = known().map(|name| format!("`{name}`")).collect();
                    format!("its columns are {}", all.join(", "))
                }
            };
            let mut diagnostic = Diagnostic::error(
                "unknown-column",
                format!(
                    "`{}` returns no column `{}`",
                    parsed.name.value, said.name.value
                ),
            );
            // A shared struct is declared elsewhere.
            diagnostic = match &parsed.row {
                StructUse::Named(name) => {
                    diagnostic.at(name.span).related(said.span, "declared here")
                }
                StructUse::Implicit(_) | StructUse::Inline(_) => diagnostic.at(said.span),
            };
            self.diagnostics.push(diagnostic.help(help));
        }
    }

    fn unknown_inner(&mut self, oid: Oid, said: &[Field]) {
        for said in said {
            let Some(composite) = self.types.composite(oid) else {
                self.diagnostics.push(
                    Diagnostic::error(
                        "annotation",
                        format!(
                            "`{}` is a field of a value that is no composite",
                            said.name.value
                        ),
                    )
                    .at(said.span)
                    .help("remove the mark"),
                );
                continue;
            };
            let TypeKind::Composite { fields, .. } = &composite.kind else {
                continue;
            };
            match fields.iter().find(|field| field.name == said.name.value) {
                Some(field) => self.unknown_inner(field.type_oid, &said.inner),
                None => {
                    let known = || fields.iter().map(|field| field.name.as_str());
                    let all: Vec<String> = known().map(|name| format!("`{name}`")).collect();
                    self.diagnostics.push(
                        Diagnostic::error(
                            "unknown-column",
                            format!(
                                "the type `{}` has no field `{}`",
                                composite.name, said.name.value
                            ),
                        )
                        .at(said.span)
                        .help(match nearest(&said.name.value, known()) {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => format!("its fields are {}", all.join(", ")),
                        }),
                    );
                }
            }
        }
    }

    /// No two parameters and no two columns are one field.
    fn distinct_fields(
        &mut self,
        parsed: &ParsedQuery,
        inputs: &[Value],
        columns: &[ResultColumn],
        outputs: &[Value],
    ) -> bool {
        let before = self.diagnostics.len();
        for (index, input) in inputs.iter().enumerate() {
            if let Some(other) = inputs[..index]
                .iter()
                .find(|other| other.field == input.field)
            {
                let span = |name: &str| {
                    let found = parsed
                        .statement
                        .params
                        .iter()
                        .find(|param| param.name == name);
                    found
                        .and_then(|found| found.spans.first().copied())
                        .unwrap_or(parsed.name.span)
                };
                self.diagnostics.push(
                    Diagnostic::error(
                        "name-collision",
                        format!(
                            "the parameters `{}` and `{}` would both be `{}` in Rust",
                            other.name, input.name, input.field
                        ),
                    )
                    .at(span(&input.name))
                    .related(span(&other.name), "the first one")
                    .help("rename one of them"),
                );
            }
        }
        for (index, output) in outputs.iter().enumerate() {
            let Some(other) = outputs[..index]
                .iter()
                .find(|other| other.field == output.field)
            else {
                continue;
            };
            let message = if other.name == output.name {
                format!(
                    "`{}` returns two columns named `{}`",
                    parsed.name.value, output.name
                )
            } else {
                format!(
                    "the columns `{}` and `{}` would both be `{}` in Rust",
                    other.name, output.name, output.field
                )
            };
            self.diagnostics.push(
                Diagnostic::error("name-collision", message)
                    .at(parsed.name.span)
                    .label(format!("it has {} columns", columns.len()))
                    .help("name them apart in the SQL with AS"),
            );
        }
        self.diagnostics.len() == before
    }

    fn whole_row(&self, columns: &[ResultColumn], facts: &Facts) -> Option<Oid> {
        let &(table, _) = facts.columns.first()?.origin.as_ref()?;
        let relation = self.catalog.relations.get(&table)?;
        let same = columns.len() > 1
            && columns.len() == relation.columns.len()
            && facts.columns.len() == columns.len()
            && relation
                .columns
                .iter()
                .zip(columns)
                .zip(&facts.columns)
                .all(|((declared, column), facts)| {
                    facts.origin == Some((table, declared.number))
                        && column.name == declared.name
                        && (!facts.nullable.value || self.column_nullable(declared))
                });
        same.then_some(table)
    }

    /// May a stored row have NULL there?
    pub(super) fn column_nullable(&self, column: &Column) -> bool {
        let mut oid = column.type_oid;
        let mut domain_not_null = false;
        // The bound is against a damaged catalog.
        for _ in 0..64 {
            match self.catalog.types.get(&oid).map(|found| &found.kind) {
                Some(TypeKind::Domain(domain)) => {
                    domain_not_null |= domain.not_null;
                    oid = domain.base;
                }
                _ => break,
            }
        }
        !column.not_null && !domain_not_null
    }

    /// An INSERT into one table whose parameters are its columns, all that can be given.
    fn whole_insert(&self, params: &[ParamUse], facts: &Facts) -> Option<Oid> {
        let mut inserted = facts.writes.iter().filter(|(_, write)| write.insert);
        let (&table, write) = inserted.next()?;
        if inserted.next().is_some() || facts.writes.len() != 1 {
            return None;
        }
        let relation = self.catalog.relations.get(&table)?;
        let mut insertable = relation.columns.iter().filter(|column| {
            column.generated.is_none() && column.identity != Some(Identity::Always)
        });
        let mut count = 0;
        let all = insertable.all(|column| {
            count += 1;
            write.columns.contains(&column.number)
                && params.iter().zip(&facts.params).any(|(param, facts)| {
                    let elsewhere = facts
                        .assigned
                        .iter()
                        .any(|&(other, number)| other == table && number != column.number);
                    param.name == column.name && !elsewhere
                })
        });
        (all && count == params.len() && count > 1).then_some(table)
    }
}

pub(crate) fn is_named(said: &Field, column: &str) -> bool {
    said.name.value == column || names::snake(column).is_some_and(|snake| snake == said.name.value)
}

/// The author's mark, or else the proof, or else the careful answer.
pub(super) fn marked(mark: Option<Nullity>, proved: Option<&Proved<bool>>) -> Proved<bool> {
    match (mark, proved) {
        (Some(Nullity::Nullable), _) => Proved::new(true, "the author's `?`"),
        (Some(Nullity::NotNull), _) => Proved::new(false, "the author's `!`"),
        (None, Some(proved)) => proved.clone(),
        (None, None) => Proved::new(true, "nothing is known of it"),
    }
}

fn cardinality(parsed: &ParsedQuery, facts: &Facts) -> Proved<model::Cardinality> {
    let proved = match facts.cardinality.value {
        facts::Cardinality::None => model::Cardinality::None,
        facts::Cardinality::One => model::Cardinality::One,
        facts::Cardinality::AtMostOne => model::Cardinality::AtMostOne,
        facts::Cardinality::Many => model::Cardinality::Many,
    };
    let said = parsed
        .directives
        .iter()
        .find_map(|directive| match directive.kind {
            DirectiveKind::One => Some((model::Cardinality::One, "one")),
            DirectiveKind::Optional => Some((model::Cardinality::AtMostOne, "optional")),
            DirectiveKind::Many => Some((model::Cardinality::Many, "many")),
            DirectiveKind::Page => Some((model::Cardinality::Many, "page")),
            DirectiveKind::Bulk
            | DirectiveKind::Transaction
            | DirectiveKind::Timeout { .. }
            | DirectiveKind::Order { .. }
            | DirectiveKind::Allow { .. } => None,
        });
    match said {
        Some((said, word)) if said != proved && proved != model::Cardinality::None => {
            Proved::new(said, format!("the author's `--@ {word}`"))
        }
        _ => Proved::new(proved, facts.cardinality.reason.clone()),
    }
}

pub(super) fn timeout(parsed: &ParsedQuery) -> Option<u64> {
    parsed
        .directives
        .iter()
        .find_map(|directive| match directive.kind {
            DirectiveKind::Timeout { milliseconds } => Some(milliseconds),
            _ => None,
        })
}

fn handle(parsed: &ParsedQuery, facts: &Facts) -> model::Handle {
    let transaction = parsed
        .directives
        .iter()
        .any(|directive| directive.kind == DirectiveKind::Transaction);
    match facts.access.value {
        _ if transaction => model::Handle::Transaction,
        facts::Access::Read => model::Handle::Reader,
        facts::Access::Write => model::Handle::Writer,
    }
}

/// The texts of attributes and derives.
pub(super) fn texts(spanned: &[Spanned<String>]) -> Vec<String> {
    spanned.iter().map(|one| one.value.clone()).collect()
}
