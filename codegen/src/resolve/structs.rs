//! Structs: which queries share one, what it is called, and that no two things of a module have one name.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Column, Oid, TypeKind};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::facts::{Facts, Violation, ViolationKind};
use crate::model::{
    self, ConstraintEnum, ConstraintTarget, ConstraintVariant, Declares, Field, Home, Params,
    Query, QueryResult, RustType, Slot, Struct, StructName, Table, Value,
};
use crate::parse::syntax::{self, StructAttributes, StructUse};
use crate::source::Span;

use super::query::{Draft, texts};
use super::{Resolver, names};

/// Row and insert types of whole tables, over all modules.
pub(super) struct Tables<'a> {
    config: &'a Config,
    rows: BTreeMap<Oid, Option<Struct>>,
    /// By table: the first query's parameters define it.
    inserts: BTreeMap<Oid, Struct>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self {
            config,
            rows: BTreeMap::new(),
            inserts: BTreeMap::new(),
        }
    }

    /// What `tables.rs` holds, by name.
    pub(super) fn finish(self, resolver: &mut Resolver<'_>) -> Vec<Table> {
        let mut tables: BTreeMap<String, Table> = BTreeMap::new();
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        let mut inserts = self.inserts;
        let oids: BTreeSet<Oid> = self.rows.keys().chain(inserts.keys()).copied().collect();
        for oid in oids {
            let sql = resolver.catalog.relation_name(oid);
            let row = self.rows.get(&oid).cloned().flatten();
            let insert = inserts.remove(&oid);
            let mut claimed: Vec<String> = Vec::new();
            if let Some(row) = &row {
                claimed.push(row.name.clone());
                if row.borrows {
                    claimed.push(format!("{}Ref", row.name));
                }
            }
            claimed.extend(insert.as_ref().map(|insert| insert.name.clone()));
            let Some(name) = claimed.first().cloned() else {
                continue;
            };
            for claim in claimed {
                if let Some(other) = taken.insert(claim.clone(), sql.clone()) {
                    resolver.diagnostics.push(
                        Diagnostic::error(
                            "name-collision",
                            format!("the tables `{other}` and `{sql}` would both have a type `{claim}` in Rust"),
                        )
                        .help(format!("name the row type of one of them: in sqlmill.toml, `[tables]`, `\"{sql}\" = \"…\"`")),
                    );
                }
            }
            tables.insert(
                name.clone(),
                Table {
                    name,
                    sql,
                    row,
                    insert,
                },
            );
        }
        tables.into_values().collect()
    }
}

/// Past this many the runtime has no tuple to bind a reordered struct by.
const LONGEST_TUPLE: usize = 32;

/// Who has a name in a module, for the error that names both.
struct Claims {
    types: BTreeMap<String, (String, Span)>,
}

impl Claims {
    fn claim(&mut self, name: &str, what: &str, at: Span, diagnostics: &mut Vec<Diagnostic>) {
        if names::hides_prelude(name) {
            diagnostics.push(
                Diagnostic::error(
                    "name",
                    format!(
                        "{what} cannot be called `{name}`: Rust's own `{name}` would be hidden"
                    ),
                )
                .at(at)
                .help("use another name"),
            );
        }
        if let Some((other, first)) = self.types.get(name) {
            if other != what {
                diagnostics.push(
                    Diagnostic::error(
                        "name-collision",
                        format!("{other} and {what} would both be `{name}` in Rust"),
                    )
                    .at(at)
                    .related(*first, "the first one")
                    .help("rename one of the queries, or name its struct in the `--!` line"),
                );
            }
            return;
        }
        self.types.insert(name.to_owned(), (what.to_owned(), at));
    }
}

/// The struct that a query uses, and what it is made of.
enum Plan {
    /// No struct.
    Bare,
    Own(Struct),
    /// By its name among the module's shared ones.
    Shared(String),
    Table(StructName),
}

impl<'a> Resolver<'a> {
    /// The queries of one module.
    pub(super) fn finish(
        &mut self,
        tables: &mut Tables<'_>,
        mut drafts: Vec<Draft<'_>>,
    ) -> Vec<Query> {
        self.distinct_functions(&drafts);
        let mut claims = Claims {
            types: BTreeMap::new(),
        };
        let rows = self.shared(tables, &mut drafts, Side::Row);
        let params = self.shared(tables, &mut drafts, Side::Params);

        let mut declared: BTreeSet<(Side, String)> = BTreeSet::new();
        let mut queries = Vec::new();
        for index in 0..drafts.len() {
            let row = self.plan(tables, &drafts[index], &rows, Side::Row);
            let param = self.plan(tables, &drafts[index], &params, Side::Params);
            let draft = &mut drafts[index];
            let mut declares = Declares::default();
            let mut place = |plan: Plan,
                             side: Side,
                             declares: &mut Option<Struct>,
                             diagnostics: &mut Vec<Diagnostic>| {
                let (structure, what, at) = match plan {
                    Plan::Bare => return None,
                    Plan::Table(name) => return Some(name),
                    Plan::Own(structure) => {
                        let what = format!("the {} of `{}`", side.noun(), draft.parsed.name.value);
                        (structure, what, draft.parsed.name.span)
                    }
                    Plan::Shared(name) => {
                        let shared = match side {
                            Side::Row => rows.get(&name),
                            Side::Params => params.get(&name),
                        }?;
                        let at = declared_name(side.used(draft.parsed))
                            .map_or(draft.parsed.name.span, |(_, span)| span);
                        (shared.clone(), format!("the {} `{name}`", side.kind()), at)
                    }
                };
                let name = StructName {
                    name: structure.name.clone(),
                    home: Home::Module,
                    borrows: structure.borrows,
                };
                claims.claim(&structure.name, &what, at, diagnostics);
                if side == Side::Row && structure.borrows {
                    claims.claim(
                        &format!("{}Ref", structure.name),
                        &format!("the borrowed form of {what}"),
                        at,
                        diagnostics,
                    );
                }
                if declared.insert((side, structure.name.clone())) {
                    *declares = Some(structure);
                }
                Some(name)
            };
            let row_name = place(row, Side::Row, &mut declares.row, &mut self.diagnostics);
            let param_name = place(
                param,
                Side::Params,
                &mut declares.params,
                &mut self.diagnostics,
            );
            let draft = &drafts[index];
            if let Some(found) = self.constraints(draft) {
                let what = format!("the constraints of `{}`", draft.parsed.name.value);
                claims.claim(
                    &found.name,
                    &what,
                    draft.parsed.name.span,
                    &mut self.diagnostics,
                );
                declares.constraints = Some(found);
            }
            queries.push(self.query(draft, row_name, param_name, &params, tables, declares));
        }
        queries
    }

    fn distinct_functions(&mut self, drafts: &[Draft<'_>]) {
        let mut first: BTreeMap<&str, &Draft<'_>> = BTreeMap::new();
        for draft in drafts {
            match first.get(draft.name.as_str()) {
                Some(other) if other.parsed.name.value != draft.parsed.name.value => {
                    self.diagnostics.push(
                        Diagnostic::error(
                            "name-collision",
                            format!(
                                "the queries `{}` and `{}` would both be `{}` in Rust",
                                other.parsed.name.value, draft.parsed.name.value, draft.name
                            ),
                        )
                        .at(draft.parsed.name.span)
                        .related(other.parsed.name.span, "the first one")
                        .help("rename one of them"),
                    )
                }
                // The parser told of two queries of one name.
                Some(_) => {}
                None => {
                    first.insert(&draft.name, draft);
                }
            }
        }
    }

    /// The structs that the author named, by name, each merged over the queries that use it. Rows that are a table's own
    /// row type are left out: see [`Self::plan`].
    fn shared(
        &mut self,
        tables: &Tables<'_>,
        drafts: &mut [Draft<'_>],
        side: Side,
    ) -> BTreeMap<String, Struct> {
        let mut users: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, draft) in drafts.iter().enumerate() {
            if let Some((name, _)) = declared_name(side.used(draft.parsed)) {
                users.entry(name.to_owned()).or_default().push(index);
            }
        }
        let mut shared = BTreeMap::new();
        for (name, users) in users {
            if side == Side::Row && self.table_of(tables, drafts, &name, &users).is_some() {
                continue;
            }
            let Some(&first) = users.first() else {
                continue;
            };
            let mut fields: Vec<Field> = side.values(&drafts[first]).iter().map(field).collect();
            if fields.is_empty() {
                self.names_nothing(&drafts[first], &name, side);
                continue;
            }
            for &other in &users[1..] {
                self.merge(&name, &mut fields, &drafts[first], &drafts[other], side);
            }
            for &user in &users {
                for value in side.values_mut(&mut drafts[user]) {
                    if let Some(field) = fields.iter().find(|field| field.name == value.field) {
                        value.slot = field.slot.clone();
                    }
                }
            }
            let attributes = self.attributes(drafts[first].parsed, &name, side);
            let of = users
                .iter()
                .map(|&user| drafts[user].name.clone())
                .collect();
            let borrows = side.borrows(&fields);
            shared.insert(
                name.clone(),
                Struct {
                    name: names::pascal(&name)
                        .filter(|pascal| *pascal == name)
                        .unwrap_or(name),
                    docs: Vec::new(),
                    of,
                    fields,
                    derives: texts(&attributes.derives),
                    attributes: texts(&attributes.owned),
                    borrowed_attributes: texts(&attributes.borrowed),
                    borrows,
                },
            );
        }
        shared
    }

    fn names_nothing(&mut self, draft: &Draft<'_>, name: &str, side: Side) {
        let at =
            declared_name(side.used(draft.parsed)).map_or(draft.parsed.name.span, |(_, span)| span);
        let what = match side {
            Side::Row => "returns no rows",
            Side::Params => "takes no parameters",
        };
        self.diagnostics.push(
            Diagnostic::error(
                "annotation",
                format!(
                    "`{}` {what}, so `{name}` names nothing",
                    draft.parsed.name.value
                ),
            )
            .at(at)
            .help("remove the name"),
        );
    }

    /// Adds another query's columns to a shared struct: they must be the same, and may be NULL where they may be in either.
    fn merge(
        &mut self,
        name: &str,
        fields: &mut [Field],
        first: &Draft<'_>,
        other: &Draft<'_>,
        side: Side,
    ) {
        let noun = side.element();
        let values = side.values(other);
        let (first_name, other_name) = (&first.parsed.name, &other.parsed.name);
        let at = declared_name(side.used(other.parsed)).map_or(other_name.span, |(_, span)| span);
        let related =
            declared_name(side.used(first.parsed)).map_or(first_name.span, |(_, span)| span);
        let mut differ = |message: String| {
            self.diagnostics.push(
                Diagnostic::error(
                    "struct-mismatch",
                    format!(
                        "`{}` and `{}` cannot share `{name}`: {message}",
                        first_name.value, other_name.value
                    ),
                )
                .at(at)
                .related(related, format!("as `{}` has it", first_name.value))
                .help(format!(
                    "give `{}` a struct of another name, or make the {noun}s the same",
                    other_name.value
                )),
            );
        };
        for field in fields.iter() {
            if !values.iter().any(|value| value.field == field.name) {
                return differ(format!(
                    "only `{}` has the {noun} `{}`",
                    first_name.value, field.name
                ));
            }
        }
        for value in values {
            if !fields.iter().any(|field| field.name == value.field) {
                return differ(format!(
                    "only `{}` has the {noun} `{}`",
                    other_name.value, value.name
                ));
            }
        }
        for (index, value) in values.iter().enumerate() {
            let Some(at) = fields.iter().position(|field| field.name == value.field) else {
                continue;
            };
            if at != index && side == Side::Row {
                return differ(format!(
                    "the {noun} `{}` is number {} in the one and number {} in the other",
                    value.name,
                    at + 1,
                    index + 1
                ));
            }
            let field = &mut fields[at];
            match union(&field.slot, &value.slot) {
                Some(slot) => field.slot = slot,
                None => {
                    let first = side
                        .values(first)
                        .iter()
                        .find(|found| found.field == value.field);
                    return differ(format!(
                        "the {noun} `{}` is `{}` in the one and `{}` in the other",
                        value.name,
                        first.map_or("", |found| found.sql_type.as_str()),
                        value.sql_type
                    ));
                }
            }
        }
    }

    /// The attributes of a named struct, from its declaration.
    fn attributes<'q>(
        &self,
        parsed: &'q syntax::ParsedQuery,
        name: &str,
        side: Side,
    ) -> &'q StructAttributes
    where
        'a: 'q,
    {
        static NONE: StructAttributes = StructAttributes {
            derives: Vec::new(),
            owned: Vec::new(),
            borrowed: Vec::new(),
        };
        match side.used(parsed) {
            StructUse::Inline(annotation) => &annotation.attributes,
            StructUse::Named(_) => self
                .files
                .iter()
                .filter(|file| {
                    file.file == parsed.statement.span.file || self.same_module(file, parsed)
                })
                .flat_map(|file| &file.types)
                .find(|declared| declared.name.value == name)
                .map_or(&NONE, |declared| &declared.attributes),
            StructUse::Implicit(_) => &NONE,
        }
    }

    fn same_module(&self, file: &syntax::ParsedFile, parsed: &syntax::ParsedQuery) -> bool {
        self.files
            .iter()
            .any(|own| own.file == parsed.statement.span.file && own.module == file.module)
    }

    /// The table whose row type a named struct is: all its queries return the table's whole row, it has the row type's name,
    /// and the author asks nothing more of it.
    fn table_of(
        &self,
        tables: &Tables<'_>,
        drafts: &[Draft<'_>],
        name: &str,
        users: &[usize],
    ) -> Option<Oid> {
        let table = users.first().and_then(|&user| drafts[user].whole_row)?;
        let same = users
            .iter()
            .all(|&user| drafts[user].whole_row == Some(table));
        let plain = users.iter().all(|&user| {
            let attributes = self.attributes(drafts[user].parsed, name, Side::Row);
            attributes.derives.is_empty()
                && attributes.owned.is_empty()
                && attributes.borrowed.is_empty()
        });
        (same && plain && self.row_name(tables, table).is_some_and(|row| row == name))
            .then_some(table)
    }

    fn row_name(&self, tables: &Tables<'_>, table: Oid) -> Option<String> {
        let relation = self.catalog.relations.get(&table)?;
        names::row_type(
            self.catalog,
            tables.config,
            &relation.schema,
            &relation.name,
        )
    }

    fn plan(
        &mut self,
        tables: &mut Tables<'_>,
        draft: &Draft<'_>,
        shared: &BTreeMap<String, Struct>,
        side: Side,
    ) -> Plan {
        let used = side.used(draft.parsed);
        if let Some((name, _)) = declared_name(used) {
            if shared.contains_key(name) {
                return Plan::Shared(name.to_owned());
            }
            // Named, and not among the shared: a table's row type, or an error that was told.
            return match (side, draft.whole_row) {
                (Side::Row, Some(table)) => self
                    .table_row(tables, table)
                    .map_or(Plan::Bare, Plan::Table),
                _ => Plan::Bare,
            };
        }
        let values = side.values(draft);
        if values.len() < 2 {
            return Plan::Bare;
        }
        if side == Side::Row
            && let Some(table) = draft.whole_row
            && let Some(name) = self.table_row(tables, table)
        {
            return Plan::Table(name);
        }
        if side == Side::Params
            && let Some(table) = draft.whole_insert
            && let Some(name) = self.table_insert(tables, table, values)
        {
            return Plan::Table(name);
        }
        let name = match side {
            Side::Row => format!("{}Row", draft.pascal),
            Side::Params => names::type_name(draft.pascal.clone(), "Params"),
        };
        let mut fields: Vec<Field> = values.iter().map(field).collect();
        if side == Side::Params {
            for (field, value) in fields.iter_mut().zip(values) {
                push_paragraph(&mut field.docs, &value.reason);
            }
        }
        let borrows = side.borrows(&fields);
        Plan::Own(Struct {
            name,
            docs: Vec::new(),
            of: vec![draft.name.clone()],
            fields,
            derives: Vec::new(),
            attributes: Vec::new(),
            borrowed_attributes: Vec::new(),
            borrows,
        })
    }

    /// The row type of a table, declared once.
    fn table_row(&mut self, tables: &mut Tables<'_>, table: Oid) -> Option<StructName> {
        if !tables.rows.contains_key(&table) {
            let row = self.table_struct(tables, table);
            tables.rows.insert(table, row);
        }
        let row = tables.rows.get(&table)?.as_ref()?;
        Some(StructName {
            name: row.name.clone(),
            home: Home::Tables,
            borrows: row.borrows,
        })
    }

    fn table_struct(&mut self, tables: &Tables<'_>, table: Oid) -> Option<Struct> {
        let catalog = self.catalog;
        let relation = catalog.relations.get(&table)?;
        let name = self.row_name(tables, table)?;
        let mut fields = Vec::new();
        for column in &relation.columns {
            self.types.read(column.type_oid, None, &[]);
            fields.push(Field {
                name: names::snake(&column.name)?,
                slot: Slot {
                    ty: self.types.resolve(column.type_oid).ok()?,
                    nullable: self.column_nullable(column),
                },
                docs: column.comment.iter().cloned().collect(),
            });
        }
        let borrows = Side::Row.borrows(&fields);
        let what = format!("A row of `{}`.", catalog.relation_name(table));
        let mut docs: Vec<String> = relation.comment.iter().cloned().collect();
        push_paragraph(&mut docs, &what);
        Some(Struct {
            name,
            docs,
            of: Vec::new(),
            fields,
            derives: Vec::new(),
            attributes: Vec::new(),
            borrowed_attributes: Vec::new(),
            borrows,
        })
    }

    /// The insert type of a table; `None` where another query's differs.
    fn table_insert(
        &mut self,
        tables: &mut Tables<'_>,
        table: Oid,
        values: &[Value],
    ) -> Option<StructName> {
        let catalog = self.catalog;
        let relation = catalog.relations.get(&table)?;
        let name = format!("New{}", self.row_name(tables, table)?);
        let place = |value: &Value| {
            relation
                .columns
                .iter()
                .position(|column: &Column| column.name == value.name)
        };
        let mut ordered: Vec<&Value> = values.iter().collect();
        ordered.sort_by_key(|value| place(value));
        let fields: Vec<Field> = ordered
            .into_iter()
            .map(|value| Field {
                docs: relation
                    .column_named(&value.name)
                    .and_then(|column| column.comment.clone())
                    .into_iter()
                    .collect(),
                ..field(value)
            })
            .collect();
        let borrows = Side::Params.borrows(&fields);
        let made = Struct {
            name,
            docs: vec![format!("A new row of `{}`.", catalog.relation_name(table))],
            of: Vec::new(),
            fields,
            derives: Vec::new(),
            attributes: Vec::new(),
            borrowed_attributes: Vec::new(),
            borrows,
        };
        let found = tables.inserts.entry(table).or_insert_with(|| made.clone());
        (*found == made).then(|| StructName {
            name: made.name,
            home: Home::Tables,
            borrows,
        })
    }

    fn query(
        &mut self,
        draft: &Draft<'_>,
        row: Option<StructName>,
        params: Option<StructName>,
        shared: &BTreeMap<String, Struct>,
        tables: &Tables<'_>,
        declares: Declares,
    ) -> Query {
        let facts = draft.facts;
        let order_of = |name: &StructName| -> Vec<String> {
            let fields = match name.home {
                Home::Module => shared.get(&name.name).map(|found| &found.fields),
                Home::Tables => tables
                    .inserts
                    .values()
                    .find(|insert| insert.name == name.name)
                    .map(|insert| &insert.fields),
            };
            fields.map_or(Vec::new(), |fields| {
                fields.iter().map(|field| field.name.clone()).collect()
            })
        };
        let params = match params {
            Some(name) => {
                let order = order_of(&name);
                let own: Vec<&String> = draft.inputs.iter().map(|input| &input.field).collect();
                let reordered = !order.is_empty() && !order.iter().eq(own);
                if reordered && draft.inputs.len() > LONGEST_TUPLE {
                    self.diagnostics.push(
                        Diagnostic::error(
                            "struct-mismatch",
                            format!("`{}` uses the parameters of `{}` in another order than the first query does", draft.parsed.name.value, name.name),
                        )
                        .at(draft.parsed.name.span)
                        .note(format!("of more than {LONGEST_TUPLE} parameters the order must be the same"))
                        .help("give it a struct of its own"),
                    );
                }
                let documented = declares.params.as_ref().is_some_and(|_| order.is_empty());
                Params::Struct {
                    name,
                    reordered,
                    documented,
                }
            }
            None if draft.inputs.is_empty() => Params::None,
            None => Params::One,
        };
        let mut inputs = draft.inputs.clone();
        if let (Params::One, Some(input)) = (&params, inputs.first_mut())
            && input.field == "db"
        {
            // The handle has the name already.
            input.field = "db_".to_owned();
        }
        let result = match row {
            Some(name) => QueryResult::Struct(name),
            None if draft.outputs.is_empty() => QueryResult::Affected,
            None => QueryResult::Scalar,
        };
        Query {
            name: draft.name.clone(),
            written: draft.parsed.name.value.clone(),
            file: draft.path.clone(),
            line: draft.line,
            docs: draft.parsed.docs.clone(),
            attributes: texts(&draft.parsed.attributes),
            sql: draft.parsed.statement.sql.clone(),
            handle: draft.handle,
            cardinality: draft.cardinality.value,
            cardinality_reason: draft.cardinality.reason.clone(),
            access: match facts.access.value {
                crate::facts::Access::Read => model::Access::Read,
                crate::facts::Access::Write => model::Access::Write,
            },
            access_reason: facts.access.reason.clone(),
            pure_read: facts.pure_read.value,
            inputs,
            outputs: draft.outputs.clone(),
            params,
            result,
            reads: facts
                .reads
                .iter()
                .map(|(&table, columns)| {
                    (
                        self.catalog.relation_name(table),
                        self.column_names(table, columns),
                    )
                })
                .collect(),
            writes: facts
                .writes
                .iter()
                .map(|(&table, write)| {
                    let kinds = [
                        (write.insert, "insert"),
                        (write.update, "update"),
                        (write.delete, "delete"),
                    ];
                    let written = model::Written {
                        kinds: kinds
                            .iter()
                            .filter(|(is, _)| *is)
                            .map(|(_, kind)| (*kind).to_owned())
                            .collect(),
                        columns: self.column_names(table, &write.columns),
                    };
                    (self.catalog.relation_name(table), written)
                })
                .collect(),
            violations: violations(facts),
            order: facts
                .order
                .keys
                .iter()
                .map(|key| {
                    let direction = if key.descending { " DESC" } else { "" };
                    format!("{}{direction}", key.text)
                })
                .collect(),
            order_total: facts.order.total.value,
            waivers: draft.waivers.clone(),
            declares,
        }
    }

    fn column_names(&self, table: Oid, columns: &BTreeSet<i16>) -> Vec<String> {
        let relation = self.catalog.relations.get(&table);
        columns
            .iter()
            .filter_map(|&number| Some(relation?.column(number)?.name.clone()))
            .collect()
    }

    fn constraints(&self, draft: &Draft<'_>) -> Option<ConstraintEnum> {
        let found: Vec<(&Violation, ConstraintTarget)> = draft
            .facts
            .violations
            .iter()
            .filter_map(|violation| Some((violation, self.target(violation)?)))
            .collect();
        if found.is_empty() {
            return None;
        }
        let plain = |violation: &Violation| match violation.kind {
            ViolationKind::NotNull => {
                let column = violation.columns.first().unwrap_or(&violation.name);
                names::pascal(&format!(
                    "{}_{column}_not_null",
                    violation.relation_name.replace('.', "_")
                ))
            }
            ViolationKind::Domain if violation.name == type_part(&violation.relation_name) => {
                names::pascal(&format!("{}_not_null", violation.name))
            }
            ViolationKind::Unique
            | ViolationKind::ForeignKey
            | ViolationKind::Check
            | ViolationKind::Exclusion
            | ViolationKind::Domain => names::pascal(&violation.name),
        };
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (violation, _) in &found {
            *counts
                .entry(plain(violation).unwrap_or_default())
                .or_default() += 1;
        }
        let mut taken = BTreeSet::new();
        let mut variants = Vec::new();
        for (violation, target) in found {
            let name = plain(violation).unwrap_or_else(|| "Unnamed".to_owned());
            // Names of constraints are unique only within their table.
            let name = match counts.get(&name) {
                Some(1) => name,
                _ => {
                    let table = names::pascal(&violation.relation_name).unwrap_or_default();
                    format!("{table}{name}")
                }
            };
            let mut docs: Vec<String> = violation.comment.iter().cloned().collect();
            let what = if violation.columns.is_empty() {
                format!(
                    "A {} of `{}`",
                    kind(violation.kind),
                    violation.relation_name
                )
            } else {
                let columns: Vec<String> = violation
                    .columns
                    .iter()
                    .map(|column| format!("`{column}`"))
                    .collect();
                format!(
                    "The {} of `{}` on {}",
                    kind(violation.kind),
                    violation.relation_name,
                    columns.join(", ")
                )
            };
            push_paragraph(&mut docs, &format!("{what}."));
            let name = if name == "Self" {
                "Self_".to_owned()
            } else {
                name
            };
            variants.push(ConstraintVariant {
                name: names::numbered(name, &mut taken),
                docs,
                target,
            });
        }
        Some(ConstraintEnum {
            name: format!("{}Constraint", draft.pascal),
            variants,
        })
    }

    /// How the server names it.
    fn target(&self, violation: &Violation) -> Option<ConstraintTarget> {
        if violation.kind == ViolationKind::Domain {
            let found = self.catalog.types.values().find(|found| {
                matches!(found.kind, TypeKind::Domain(_))
                    && self.catalog.type_name(found.oid) == violation.relation_name
            })?;
            return Some(ConstraintTarget::Type {
                schema: found.schema.clone(),
                ty: found.name.clone(),
                name: (violation.name != found.name).then(|| violation.name.clone()),
            });
        }
        let relation = self.catalog.relations.get(&violation.relation)?;
        let (schema, table) = (relation.schema.clone(), relation.name.clone());
        Some(if violation.kind == ViolationKind::NotNull {
            ConstraintTarget::Column {
                schema,
                table,
                column: violation.columns.first().unwrap_or(&violation.name).clone(),
            }
        } else {
            ConstraintTarget::Constraint {
                schema,
                table,
                name: violation.name.clone(),
            }
        })
    }
}

fn type_part(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, name)| name)
}

fn violations(facts: &Facts) -> Vec<model::Violation> {
    facts
        .violations
        .iter()
        .map(|violation| model::Violation {
            name: violation.name.clone(),
            kind: kind(violation.kind).to_owned(),
            table: violation.relation_name.clone(),
            columns: violation.columns.clone(),
            reason: violation.reason.clone(),
        })
        .collect()
}

fn kind(kind: ViolationKind) -> &'static str {
    match kind {
        ViolationKind::Unique => "unique key",
        ViolationKind::ForeignKey => "foreign key",
        ViolationKind::Check => "check constraint",
        ViolationKind::NotNull => "not-null constraint",
        ViolationKind::Exclusion => "exclusion constraint",
        ViolationKind::Domain => "domain constraint",
    }
}

/// Parameters or rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Params,
    Row,
}

impl Side {
    fn used(self, parsed: &syntax::ParsedQuery) -> &StructUse {
        match self {
            Self::Params => &parsed.params,
            Self::Row => &parsed.row,
        }
    }

    fn values<'d>(self, draft: &'d Draft<'_>) -> &'d [Value] {
        match self {
            Self::Params => &draft.inputs,
            Self::Row => &draft.outputs,
        }
    }

    fn values_mut<'d>(self, draft: &'d mut Draft<'_>) -> &'d mut [Value] {
        match self {
            Self::Params => &mut draft.inputs,
            Self::Row => &mut draft.outputs,
        }
    }

    fn borrows(self, fields: &[Field]) -> bool {
        fields.iter().any(|field| match self {
            Self::Params => field.slot.ty.param_borrows(),
            Self::Row => field.slot.ty.row_borrows(),
        })
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Params => "parameters",
            Self::Row => "row",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Params => "parameter struct",
            Self::Row => "row struct",
        }
    }

    fn element(self) -> &'static str {
        match self {
            Self::Params => "parameter",
            Self::Row => "column",
        }
    }
}

/// The author's name for a struct.
fn declared_name(used: &StructUse) -> Option<(&str, Span)> {
    match used {
        StructUse::Implicit(_) => None,
        StructUse::Named(name) => Some((&name.value, name.span)),
        StructUse::Inline(annotation) => Some((&annotation.name.value, annotation.name.span)),
    }
}

fn field(value: &Value) -> Field {
    Field {
        name: value.field.clone(),
        slot: value.slot.clone(),
        docs: value.comment.iter().cloned().collect(),
    }
}

fn push_paragraph(docs: &mut Vec<String>, text: &str) {
    if text.is_empty() {
        return;
    }
    if !docs.is_empty() {
        docs.push(String::new());
    }
    docs.push(text.to_owned());
}

/// The type that holds both: NULL where either may be, the base where only one is a domain.
fn union(a: &Slot, b: &Slot) -> Option<Slot> {
    let ty = match (&a.ty, &b.ty) {
        (RustType::Array(a), RustType::Array(b)) => RustType::Array(Box::new(union(a, b)?)),
        (a, b) if a == b => a.clone(),
        (a, b) if matches!(a, RustType::Domain { .. }) || matches!(b, RustType::Domain { .. }) => {
            let slot = |ty: &RustType| Slot {
                ty: ty.base().clone(),
                nullable: false,
            };
            union(&slot(a), &slot(b))?.ty
        }
        _ => return None,
    };
    Some(Slot {
        ty,
        nullable: a.nullable || b.nullable,
    })
}
