//! Structs: which queries share one, what it is called, and that no two things of a module have one name.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Oid;
use crate::diagnostic::Diagnostic;
use crate::model::{Declares, Field, Home, Query, RustType, Slot, Struct, StructName, Value};
use crate::parse::syntax::{self, StructAttributes, StructUse};
use crate::source::Span;

use super::nested::Nested;
use super::query::{Draft, texts};
use super::tables::Tables;
use super::{Resolver, names};
use crate::texts::patch;

/// Who has a name in a module, for the error that names both.
#[derive(Default)]
struct Claims {
    types: BTreeMap<String, (String, Span)>,
    /// Structs that stand below a function already.
    declared: BTreeSet<(Side, String)>,
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
                let both_params = [other, what]
                    .iter()
                    .all(|what| what.starts_with("the parameters of"));
                let mut finding = Diagnostic::error(
                    "name-collision",
                    format!("{other} and {what} would both be `{name}` in Rust"),
                )
                .at(at)
                .related(*first, "the first one")
                .help(match what.starts_with("the rows in") {
                    true => "name its struct by the column that it stands in: `--! query : (column: Name)`, `(column.field: Name)`",
                    false => "rename one of the queries, or name its struct in the `--!` line",
                });
                if both_params {
                    finding = finding.help(
                        "queries with optional filters, or orders to choose from, share no struct: its methods say what the one sends",
                    );
                }
                diagnostics.push(finding);
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
    /// One of the module's shared ones.
    Shared(Struct),
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
        let mut claims = Claims::default();
        let rows = self.shared(tables, &mut drafts, Side::Row);
        let params = self.shared(tables, &mut drafts, Side::Params);
        let mut queries = Vec::new();
        for draft in &drafts {
            let mut declares = Declares::default();
            let plan = self.plan(tables, draft, &rows, Side::Row);
            let row = self.place(&mut claims, draft, plan, Side::Row, &mut declares.row);
            let plan = self.plan(tables, draft, &params, Side::Params);
            let param = self.place(&mut claims, draft, plan, Side::Params, &mut declares.params);
            for nested in &draft.nested {
                let plan = Self::nested_plan(draft, nested, &rows);
                let mut declared = None;
                self.place_nested(&mut claims, draft, nested, plan, &mut declared);
                declares.nested.extend(declared);
            }
            if let Some(found) = self.constraints(draft) {
                let what = format!("the constraints of `{}`", draft.parsed.name.value);
                let at = draft.parsed.name.span;
                claims.claim(&found.name, &what, at, &mut self.diagnostics);
                declares.constraints = Some(found);
            }
            queries.push(self.query(draft, row, param, &params, tables, declares));
        }
        queries
    }

    /// Claims the names of a struct, and declares it below the first function that uses it.
    fn place(
        &mut self,
        claims: &mut Claims,
        draft: &Draft<'_>,
        plan: Plan,
        side: Side,
        declares: &mut Option<Struct>,
    ) -> Option<StructName> {
        let query = &draft.parsed.name;
        let named = declared_name(side.used(draft.parsed));
        let owner = format!("the {} of `{}`", side.noun(), query.value);
        let at = named.map_or(query.span, |(_, span)| span);
        self.declare(claims, plan, owner, at, side, declares)
    }

    fn place_nested(
        &mut self,
        claims: &mut Claims,
        draft: &Draft<'_>,
        nested: &Nested,
        plan: Plan,
        declares: &mut Option<Struct>,
    ) {
        let query = &draft.parsed.name;
        let owner = format!("the rows in `{}` of `{}`", nested.path, query.value);
        let at = nested.written.as_ref().map_or(query.span, |name| name.span);
        self.declare(claims, plan, owner, at, Side::Row, declares);
    }

    fn declare(
        &mut self,
        claims: &mut Claims,
        plan: Plan,
        owner: String,
        at: Span,
        side: Side,
        declares: &mut Option<Struct>,
    ) -> Option<StructName> {
        let (structure, what) = match plan {
            Plan::Bare => return None,
            Plan::Table(name) => return Some(name),
            Plan::Own(structure) => (structure, owner),
            Plan::Shared(structure) => {
                let what = format!("the {} `{}`", side.kind(), structure.name);
                (structure, what)
            }
        };
        claims.claim(&structure.name, &what, at, &mut self.diagnostics);
        if side == Side::Row && structure.borrows {
            let name = format!("{}Ref", structure.name);
            let what = format!("the borrowed form of {what}");
            claims.claim(&name, &what, at, &mut self.diagnostics);
        }
        if let Some(order) = structure.varies.as_ref().and_then(|it| it.order.as_ref()) {
            let what = format!("the orders of {what}");
            claims.claim(&order.name, &what, at, &mut self.diagnostics);
        }
        let name = StructName {
            name: structure.name.clone(),
            home: Home::Module,
            borrows: structure.borrows,
        };
        if claims.declared.insert((side, structure.name.clone())) {
            *declares = Some(structure);
        }
        Some(name)
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
        let mut users: BTreeMap<String, Vec<User>> = BTreeMap::new();
        for (index, draft) in drafts.iter().enumerate() {
            // Filters and orders are one query's own.
            if side == Side::Params && draft.template.is_some() {
                continue;
            }
            if let Some((name, at)) = declared_name(side.used(draft.parsed)) {
                users.entry(name.to_owned()).or_default().push(User {
                    draft: index,
                    nested: None,
                    at,
                });
            }
            for (place, nested) in side.nested(draft).iter().enumerate() {
                if let Some(name) = &nested.written {
                    users.entry(name.value.clone()).or_default().push(User {
                        draft: index,
                        nested: Some(place),
                        at: name.span,
                    });
                }
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
            let mut fields: Vec<Field> = first.values(drafts, side).iter().map(field).collect();
            if fields.is_empty() {
                // Of parameters that are declared and not there the reader told.
                if side == Side::Row {
                    self.row_of_nothing(&drafts[first.draft], &name);
                }
                continue;
            }
            let json = first.is_json(drafts);
            for &other in &users[1..] {
                if other.is_json(drafts) != json {
                    self.two_forms(&name, drafts, [first, other]);
                    continue;
                }
                self.merge(&name, &mut fields, drafts, [first, other], side);
            }
            for &user in &users {
                for value in user.values_mut(drafts, side) {
                    if let Some(field) = fields.iter().find(|field| field.name == value.field) {
                        value.slot = field.slot.clone();
                    }
                }
            }
            let attributes = self.attributes(drafts[first.draft].parsed, &name, side);
            let mut of: Vec<String> = Vec::new();
            for user in &users {
                let function = &drafts[user.draft].name;
                if !of.contains(function) {
                    of.push(function.clone());
                }
            }
            let nested = users.iter().any(|user| user.nested.is_some());
            let borrows = !json && side.borrows(&fields);
            let keys = first.keys(drafts);
            shared.insert(
                name.clone(),
                Struct {
                    name: names::of_author(&name),
                    docs: Vec::new(),
                    of,
                    fields,
                    derives: texts(&attributes.derives),
                    attributes: texts(&attributes.owned),
                    varies: None,
                    borrowed_attributes: texts(&attributes.borrowed),
                    borrows,
                    nested,
                    within: None,
                    keys,
                },
            );
        }
        shared
    }

    fn two_forms(&mut self, name: &str, drafts: &[Draft<'_>], [first, other]: [User; 2]) {
        self.diagnostics.push(
            Diagnostic::error(
                "struct-mismatch",
                format!(
                    "`{}` and `{}` cannot share `{name}`: one is read from JSON and the other is not",
                    first.name(drafts),
                    other.name(drafts)
                ),
            )
            .at(other.at)
            .related(first.at, format!("as `{}` has it", first.name(drafts)))
            .help("give one of them another name"),
        );
    }

    fn row_of_nothing(&mut self, draft: &Draft<'_>, name: &str) {
        let at = declared_name(&draft.parsed.row).map_or(draft.parsed.name.span, |(_, span)| span);
        self.diagnostics.push(
            Diagnostic::error(
                "annotation",
                format!(
                    "`{}` returns no rows, so `{name}` names nothing",
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
        drafts: &[Draft<'_>],
        [first, other]: [User; 2],
        side: Side,
    ) {
        let noun = side.element();
        let values = other.values(drafts, side);
        let first_values = first.values(drafts, side);
        let (first_name, other_name) = (first.name(drafts), other.name(drafts));
        let (related, at) = (first.at, other.at);
        let mut differ = |message: String| {
            self.diagnostics.push(
                Diagnostic::error(
                    "struct-mismatch",
                    format!(
                        "`{}` and `{}` cannot share `{name}`: {message}",
                        first_name, other_name
                    ),
                )
                .at(at)
                .related(related, format!("as `{first_name}` has it"))
                .help(format!(
                    "give `{other_name}` a struct of another name, or make the {noun}s the same"
                )),
            );
        };
        for field in fields.iter() {
            if !values.iter().any(|value| value.field == field.name) {
                return differ(format!(
                    "only `{}` has the {noun} `{}`",
                    first_name, field.name
                ));
            }
        }
        for value in values {
            if !fields.iter().any(|field| field.name == value.field) {
                return differ(format!(
                    "only `{}` has the {noun} `{}`",
                    other_name, value.name
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
                    let first = first_values.iter().find(|found| found.field == value.field);
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
    pub(super) fn attributes<'q>(
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
            StructUse::Inline(annotation) if annotation.name.value == name => {
                &annotation.attributes
            }
            StructUse::Inline(_) | StructUse::Named(_) | StructUse::Implicit(_) => self
                .files
                .iter()
                .filter(|file| {
                    file.file == parsed.statement.span.file || self.same_module(file, parsed)
                })
                .flat_map(|file| &file.types)
                .find(|declared| declared.name.value == name)
                .map_or(&NONE, |declared| &declared.attributes),
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
        users: &[User],
    ) -> Option<Oid> {
        let table = users
            .first()
            .and_then(|user| drafts[user.draft].whole_row)?;
        let same = users
            .iter()
            .all(|user| user.nested.is_none() && drafts[user.draft].whole_row == Some(table));
        let plain = users.iter().all(|user| {
            let attributes = self.attributes(drafts[user.draft].parsed, name, Side::Row);
            attributes.derives.is_empty()
                && attributes.owned.is_empty()
                && attributes.borrowed.is_empty()
        });
        (same
            && plain
            && self
                .row_name(tables, table)
                .is_some_and(|row| row == names::of_author(name)))
        .then_some(table)
    }

    fn plan(
        &mut self,
        tables: &mut Tables<'_>,
        draft: &Draft<'_>,
        shared: &BTreeMap<String, Struct>,
        side: Side,
    ) -> Plan {
        if let (Side::Params, Some(template)) = (side, draft.template)
            && !patch::chooses(template)
            && !(template.is_by_flags() && draft.inputs.len() == 1)
        {
            return Plan::Own(self.varied(draft, template));
        }
        let used = side.used(draft.parsed);
        if let Some((name, _)) = declared_name(used) {
            if let Some(found) = shared.get(name) {
                return Plan::Shared(found.clone());
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
        // A row within a row is read from one column, a row from several: alone it would be mistaken for the latter.
        let is_value = !values.iter().any(|value| value.slot.ty.holds_nested());
        if values.is_empty() || (values.len() == 1 && is_value) {
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
            && let Some(name) = self.table_insert(tables, table, values, draft.bulk.is_some())
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
            varies: None,
            borrowed_attributes: Vec::new(),
            borrows,
            nested: false,
            within: None,
            keys: Vec::new(),
        })
    }

    /// The struct of rows within a query's rows.
    fn nested_plan(draft: &Draft<'_>, nested: &Nested, shared: &BTreeMap<String, Struct>) -> Plan {
        if let Some(written) = &nested.written {
            return shared
                .get(&written.value)
                .map_or(Plan::Bare, |found| Plan::Shared(found.clone()));
        }
        let fields: Vec<Field> = nested.values.iter().map(field).collect();
        let borrows = !nested.json && Side::Row.borrows(&fields);
        Plan::Own(Struct {
            name: nested.name.clone(),
            docs: Vec::new(),
            of: vec![draft.name.clone()],
            fields,
            derives: Vec::new(),
            attributes: Vec::new(),
            borrowed_attributes: Vec::new(),
            borrows,
            varies: None,
            nested: true,
            within: Some(nested.path.clone()),
            keys: nested.keys(),
        })
    }
}

/// One use of a struct that the author named.
#[derive(Debug, Clone, Copy)]
struct User {
    draft: usize,
    /// Of the rows within its rows, which.
    nested: Option<usize>,
    /// Where the name stands.
    at: Span,
}

impl User {
    fn values<'d>(self, drafts: &'d [Draft<'_>], side: Side) -> &'d [Value] {
        match self.nested {
            Some(place) => &drafts[self.draft].nested[place].values,
            None => side.values(&drafts[self.draft]),
        }
    }

    fn values_mut<'d>(self, drafts: &'d mut [Draft<'_>], side: Side) -> &'d mut [Value] {
        match self.nested {
            Some(place) => &mut drafts[self.draft].nested[place].values,
            None => side.values_mut(&mut drafts[self.draft]),
        }
    }

    fn is_json(self, drafts: &[Draft<'_>]) -> bool {
        self.nested
            .is_some_and(|place| drafts[self.draft].nested[place].json)
    }

    fn keys(self, drafts: &[Draft<'_>]) -> Vec<String> {
        self.nested
            .map_or(Vec::new(), |place| drafts[self.draft].nested[place].keys())
    }

    /// `get_user`, `get_user.organizations`
    fn name(self, drafts: &[Draft<'_>]) -> String {
        let draft = &drafts[self.draft];
        let query = &draft.parsed.name.value;
        match self.nested {
            Some(place) => format!("{query}.{}", draft.nested[place].path),
            None => query.clone(),
        }
    }
}

/// Parameters or rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
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

    fn nested<'d>(self, draft: &'d Draft<'_>) -> &'d [Nested] {
        match self {
            Self::Params => &[],
            Self::Row => &draft.nested,
        }
    }

    pub(super) fn borrows(self, fields: &[Field]) -> bool {
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

pub(super) fn field(value: &Value) -> Field {
    Field {
        name: value.field.clone(),
        slot: value.slot.clone(),
        docs: value.comment.iter().cloned().collect(),
    }
}

pub(super) fn push_paragraph(docs: &mut Vec<String>, text: &str) {
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
        (RustType::Grid(a), RustType::Grid(b)) => RustType::Grid(Box::new(union(a, b)?)),
        (a, b) if a == b => a.clone(),
        (a, b) if matches!(a, RustType::Domain { .. }) || matches!(b, RustType::Domain { .. }) => {
            let slot = |ty: &RustType| Slot {
                ty: ty.base().clone(),
                nullable: false,
            };
            union(&slot(a), &slot(b))?.ty
        }
        // Where only one is known to be a table's key, neither says that it is.
        (RustType::Id { base: a, .. }, RustType::Id { base: b, .. }) if a == b => (**a).clone(),
        (RustType::Id { base, .. }, other) | (other, RustType::Id { base, .. })
            if **base == *other =>
        {
            other.clone()
        }
        _ => return None,
    };
    Some(Slot {
        ty,
        nullable: a.nullable || b.nullable,
    })
}
