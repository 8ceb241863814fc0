//! What the parts of an expression make of it.

use crate::catalog::oid::RECORD;
use std::rc::Rc;

use super::json;
use super::known::{Fact, Implied, Known, Outcome};
use super::same::Same;
use super::scope::{Assumed, Frame, Scope};
use super::{Null, Prover, Value};
use crate::catalog::{Oid, TypeKind};
use crate::describe::tree::{
    Case, Command, Const, Expr, JsonConstructor, JsonQuery, Operation, Query, RteKind, SubLink,
    SubLinkKind, Subscript,
};
use crate::prove::casts::type_of;

impl Prover<'_> {
    /// What an expression gives in every row.
    pub(super) fn value(&self, expr: &Expr, frame: &Frame<'_>) -> Value {
        if let Expr::Var(var) = expr {
            return self.var(var, frame);
        }
        if frame.grouped {
            if let Some(why) = frame.scope.grouping.having.expr(self, expr) {
                return self.bare(expr, frame).known(why);
            }
            let nulled = frame
                .scope
                .grouping
                .nulled
                .iter()
                .any(|nulled| self.same(nulled, expr) != Same::No);
            if nulled {
                return self
                    .bare(expr, frame)
                    .missing("may be null: not every grouping set groups by it");
            }
        }
        let value = self.bare(expr, frame);
        if value.is_never() {
            return value;
        }
        match self.known_expr(expr, frame) {
            Some(why) => value.known(&why),
            None => value,
        }
    }

    /// Conditions that reject NULL in this very expression.
    fn known_expr(&self, expr: &Expr, frame: &Frame<'_>) -> Option<String> {
        if !matches!(
            expr,
            Expr::Op(_)
                | Expr::Func(_)
                | Expr::NullIf(_)
                | Expr::CoerceViaIo { .. }
                | Expr::Subscript(_)
                | Expr::FieldSelect { .. }
                | Expr::Coalesce { .. }
                | Expr::MinMax { .. }
        ) {
            return None;
        }
        let mut assumed = frame.assumed;
        while let Some(here) = assumed {
            if let Some(why) = here.known.expr(self, expr) {
                return Some(why.to_string());
            }
            assumed = here.next;
        }
        if frame.sets_hide() {
            return None;
        }
        frame
            .rows_known(self)?
            .expr(self, expr)
            .map(ToString::to_string)
    }

    /// The expression by itself, before what conditions say of it as a whole.
    fn bare(&self, expr: &Expr, frame: &Frame<'_>) -> Value {
        match expr {
            Expr::Var(var) => self.var(var, frame),
            Expr::Const(constant) => self.constant(constant),
            Expr::Param(param) => self.param(param.number, frame),
            Expr::Op(operation) => self.operation(operation, frame),
            Expr::Distinct(operation) => self.distinct(operation),
            Expr::NullIf(operation) => self.null_if(operation, frame),
            Expr::ScalarArray {
                operator,
                function,
                args,
                ..
            } => self.scalar_array(*operator, *function, args, frame),
            Expr::Func(call) => self.function_call(call, frame),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, frame),
            Expr::WindowFunc(window) => self.window_function(window, frame),
            Expr::Grouping { .. } => Value::never("GROUPING is a number"),
            Expr::And(args, _) => self.logic(args, Outcome::NotFalse, frame),
            Expr::Or(args, _) => self.logic(args, Outcome::NotTrue, frame),
            Expr::Not(arg, _) => self.value(arg, frame).bare(),
            Expr::SubLink(link) => self.sub_link(link, frame),
            Expr::Case(case) => self.case(case, frame),
            Expr::CaseTest { .. } => frame.case_test.cloned().unwrap_or_else(|| {
                Value::may("may be null: a value that is compared is not understood")
            }),
            Expr::Array {
                elements,
                multidims,
                ..
            } => self.array(elements, *multidims, frame),
            Expr::Row {
                fields,
                type_oid,
                column_names,
                ..
            } => {
                let mut value = Value::never("a row that is written out");
                value.record = self.record_of(*type_oid, column_names, fields);
                value.fields = (1..)
                    .zip(fields)
                    .filter(|(number, _)| self.has_attribute(*type_oid, *number))
                    .map(|(number, field)| (number, self.value(field, frame)))
                    .collect();
                value
            }
            Expr::RowCompare {
                operators,
                left,
                right,
                ..
            } => {
                if !operators
                    .iter()
                    .all(|&operator| self.is_builtin_strict(operator))
                {
                    return Value::may("may be null: compares rows with an operator of a user");
                }
                // The pairs after one that differs are not looked at.
                self.first_null(left.iter().chain(right), frame)
                    .map(Value::demoted)
                    .unwrap_or_else(|| Value::never("compares values that are not null"))
            }
            Expr::Coalesce { args, location, .. } => {
                let at = self.input.at(*location);
                self.first_of(args, frame, "COALESCE", &at)
            }
            Expr::MinMax {
                args,
                greatest,
                location,
                ..
            } => {
                let at = self.input.at(*location);
                let name = if *greatest { "GREATEST" } else { "LEAST" };
                let mut value = self.first_of(args, frame, name, &at);
                value.elements = None;
                value.with_rows_of(Value::may(""))
            }
            Expr::NullTest { .. } => Value::never("IS NULL is true or false"),
            Expr::BooleanTest { .. } => Value::never("IS TRUE and its kin are true or false"),
            Expr::Relabel { arg, type_oid, .. } => {
                let mut value = self.value(arg, frame);
                value.origin = None;
                if self.input.catalog.element_type(*type_oid).is_none() {
                    value.elements = None;
                }
                value
            }
            Expr::CoerceViaIo { arg, type_oid, .. } => {
                let arg_is_json = type_of(self.input.catalog, arg).is_some_and(json::is_json);
                let value = self.value(arg, frame);
                let json = value.json.clone().filter(|_| arg_is_json);
                let mut value = value.bare();
                if json::is_json(*type_oid) && arg_is_json {
                    value.json = json;
                    value
                } else if self.has_strict_input(*type_oid) {
                    value
                } else {
                    let name = self.input.catalog.type_name(*type_oid);
                    value.missing(format!(
                        "may be null: what `{name}` reads from text is its own affair"
                    ))
                }
            }
            Expr::ArrayCoerce { arg, element, .. } => self.array_coerce(arg, element, frame),
            Expr::ConvertRowtype { arg, .. } => self.value(arg, frame).bare(),
            Expr::CoerceToDomain { arg, type_oid, .. } => {
                let mut value = self.value(arg, frame);
                value.origin = None;
                if !value.is_never() && self.is_not_null_domain(*type_oid) {
                    let name = self.input.catalog.type_name(*type_oid);
                    return value.known(&format!("the cast to `{name}` refuses NULL"));
                }
                value
            }
            Expr::CoerceToDomainValue { .. } => {
                Value::may("may be null: the value that a domain checks")
            }
            Expr::Collate { arg, .. } => {
                let mut value = self.value(arg, frame);
                value.origin = None;
                value
            }
            Expr::SetToDefault { .. } => Value::may("may be null: a DEFAULT"),
            Expr::SqlValueFunction { op, .. } => self.sql_value_function(*op),
            Expr::FieldSelect { arg, field, .. } => self.field(arg, *field, frame),
            Expr::FieldStore { .. } => Value::may("may be null: a changed composite"),
            Expr::Subscript(subscript) => self.subscript(subscript, frame),
            Expr::NextValue { .. } => Value::never("a sequence's next value"),
            Expr::NamedArg { arg, .. } => self.value(arg, frame),
            Expr::CurrentOf => Value::may("may be null: WHERE CURRENT OF"),
            Expr::Returning {
                old,
                levels_up,
                expr,
            } => self.returning(*old, *levels_up, expr, frame),
            Expr::MergeSupport { .. } => Value::never("merge_action() names the action"),
            Expr::JsonConstructor(json) => self.json_constructor(json, frame),
            Expr::JsonQuery(json) => self.json_query(json, frame),
            Expr::IsJson { arg } => self.value(arg, frame).bare(),
            Expr::JsonValue { raw, formatted } => {
                let raw = self.value(raw, frame).bare();
                match formatted {
                    Some(formatted) if raw.is_never() => self
                        .value(
                            formatted,
                            &Frame {
                                case_test: Some(&raw),
                                ..*frame
                            },
                        )
                        .bare(),
                    _ => raw,
                }
            }
            Expr::Xml { .. } => {
                if self.holds("xml") {
                    Value::may("may be null: XML functions can give NULL")
                } else {
                    Value::never("XML")
                }
            }
            Expr::Other { kind, children, .. } => match frame.sublink {
                Some(value) if kind == "PARAM_SUBLINK" => value.clone(),
                _ if self.holds("unknown-node") => Value::may(format!(
                    "may be null: sqlmill does not know what {kind} gives{}",
                    if children.is_empty() {
                        ""
                    } else {
                        " for its arguments"
                    }
                )),
                _ => Value::never(kind.clone()),
            },
            Expr::OtherQuery { kind, .. } => {
                if self.holds("unknown-node") {
                    Value::may(format!(
                        "may be null: sqlmill does not know what {kind} gives"
                    ))
                } else {
                    Value::never(kind.clone())
                }
            }
        }
    }

    /// The names and types of an anonymous row's fields.
    fn record_of(
        &self,
        type_oid: Oid,
        names: &[String],
        fields: &[Expr],
    ) -> Option<Rc<[(String, Oid)]>> {
        if type_oid != RECORD || names.len() != fields.len() {
            return None;
        }
        let types = fields
            .iter()
            .map(|field| type_of(self.input.catalog, field));
        names
            .iter()
            .zip(types)
            .map(|(name, type_oid)| Some((name.clone(), type_oid?)))
            .collect()
    }

    /// The server writes NULL where an attribute was dropped. An anonymous row has all that is written.
    fn has_attribute(&self, type_oid: Oid, number: i16) -> bool {
        match self
            .input
            .catalog
            .types
            .get(&type_oid)
            .map(|found| &found.kind)
        {
            Some(TypeKind::Composite { fields, .. }) if self.holds("dropped-attributes") => {
                fields.iter().any(|field| field.number == number)
            }
            _ => true,
        }
    }

    fn constant(&self, constant: &Const) -> Value {
        if constant.is_null {
            return if self.holds("null-constant") {
                Value::new(Null::Always, "a constant NULL")
            } else {
                Value::never("a constant")
            };
        }
        let mut value = Value::never("a constant");
        value.empty = json::is_empty_array(constant);
        if self.input.catalog.element_type(constant.type_oid).is_some() {
            value.elements = Some(match array_has_nulls(constant) {
                Some(false) => (
                    false,
                    "elements are not null: a constant without NULL".to_owned(),
                ),
                _ if !self.holds("array-constant") => (false, "a constant".to_owned()),
                _ => (
                    true,
                    "elements may be null: a constant that holds NULL".to_owned(),
                ),
            });
            value.empty = array_is_empty(constant);
        }
        value
    }

    fn param(&self, number: usize, frame: &Frame<'_>) -> Value {
        let name = self.input.param_name(number);
        let facts = number
            .checked_sub(1)
            .and_then(|index| self.params.get(index));
        let mut value = match facts {
            Some(facts) if !facts.nullable.value => {
                Value::never(format!("the parameter `{name}` is not null"))
            }
            _ if !self.holds("nullable-parameter") => Value::never("a parameter"),
            _ => Value::may(format!("may be null: the parameter `{name}` may be")),
        };
        value.elements = facts
            .and_then(|facts| facts.elements.as_ref())
            .map(|elements| {
                let may = elements.value && self.holds("nullable-parameter");
                (may, format!("elements are those of the parameter `{name}`"))
            });
        if value.is_never() {
            return value;
        }
        // A condition at any level around speaks of the same parameter.
        let mut at = Some(*frame);
        while let Some(here) = at {
            let mut assumed = here.assumed;
            while let Some(list) = assumed {
                if let Some(why) = list.known.param(number) {
                    return value.known(why);
                }
                assumed = list.next;
            }
            let having = here
                .grouped
                .then(|| here.scope.grouping.having.param(number))
                .flatten();
            let rows = here.rows_known(self).and_then(|rows| rows.param(number));
            if let Some(why) = having.or(rows) {
                return value.known(why);
            }
            at = here.scope.parent;
        }
        value
    }

    /// What `=` says of two values that are not NULL, turned round. An author's own may say NULL; one in C is believed.
    fn distinct(&self, operation: &Operation) -> Value {
        let oid = self.operator_function(operation.operator, operation.function);
        let function = self.input.catalog.functions.get(&oid);
        let says_so = function.is_some_and(|function| function.builtin || function.language == "c");
        if says_so || !self.holds("user-functions") {
            Value::never("IS DISTINCT FROM is true or false")
        } else {
            let name = self.operator_name(operation.operator);
            Value::may(format!(
                "may be null: IS DISTINCT FROM compares by `{name}`, which is not built in"
            ))
        }
    }

    fn null_if(&self, operation: &Operation, frame: &Frame<'_>) -> Value {
        let first = operation.args.first().map(|arg| self.value(arg, frame));
        match first {
            Some(value) if value.null == Null::Always || !self.holds("nullif") => value.bare(),
            _ => {
                let at = self.input.at(operation.location);
                Value::may(format!(
                    "may be null: NULLIF{at} gives NULL for equal values"
                ))
            }
        }
    }

    /// The first argument that may be NULL.
    pub(super) fn first_null<'e>(
        &self,
        args: impl Iterator<Item = &'e Expr>,
        frame: &Frame<'_>,
    ) -> Option<Value> {
        let mut found: Option<Value> = None;
        for arg in args {
            let value = self.value(arg, frame);
            match value.null {
                Null::Never => {}
                Null::Always => return Some(value.bare()),
                Null::May => found = found.or_else(|| Some(value.bare())),
            }
        }
        found
    }

    fn scalar_array(
        &self,
        operator: Oid,
        function: Oid,
        args: &[Expr],
        frame: &Frame<'_>,
    ) -> Value {
        let [left, array] = args else {
            return Value::may("may be null: a comparison that is not understood");
        };
        let function = self.operator_function(operator, function);
        if !self.never_null_of_values(function) {
            return Value::may(format!(
                "may be null: the operator {} is not a reviewed built-in",
                self.operator_name(operator)
            ));
        }
        let array = self.value(array, frame);
        if !array.is_never() {
            return array.bare();
        }
        let left = self.value(left, frame);
        if !left.is_never() {
            // Nothing is compared with an empty array.
            return left.bare().demoted();
        }
        if self.holds("any-over-nulls") && array.elements.as_ref().is_none_or(|(may, _)| *may) {
            return Value::may(
                "may be null: an element of the array may be, and then nothing is equal to it",
            );
        }
        Value::never("compares values that are not null")
    }

    /// AND is NULL only where some arm is and no arm is false; OR where no arm is true.
    fn logic(&self, args: &[Expr], others: Outcome, frame: &Frame<'_>) -> Value {
        // What each arm says of each other one is the square of their number.
        const MOST_ARMS: usize = 64;
        let query = frame.scope.query;
        for (index, arg) in args.iter().enumerate() {
            let mut known = Known::default();
            let why: Rc<str> = "the conditions beside it reject NULL".into();
            for (other, expr) in args.iter().enumerate() {
                if other == index || args.len() > MOST_ARMS || frame.sets_hide() {
                    continue;
                }
                if let Implied::Facts(facts) = self.implied(query, expr, others, None) {
                    known.learn(facts, &why);
                }
            }
            let assumed = Assumed {
                known,
                next: frame.assumed,
            };
            let value = self.value(
                arg,
                &Frame {
                    assumed: Some(&assumed),
                    ..*frame
                },
            );
            if !value.is_never() {
                let value = value.bare().demoted();
                return if self.holds("three-valued-logic") {
                    value
                } else {
                    Value::never("a condition")
                };
            }
        }
        Value::never("a condition over values that are not null")
    }

    fn first_of(&self, args: &[Expr], frame: &Frame<'_>, name: &str, at: &str) -> Value {
        let values: Vec<Value> = args.iter().map(|arg| self.value(arg, frame)).collect();
        let never = values.iter().find(|value| value.is_never());
        let null = match never {
            Some(value) => (
                Null::Never,
                format!(
                    "{name}{at} falls back on a value that is not null ({})",
                    value.why
                ),
            ),
            None if values.iter().all(|value| value.null == Null::Always) => {
                (Null::Always, format!("every argument of {name}{at} is"))
            }
            None if !self.holds("coalesce-all-null") => (Null::Never, name.to_owned()),
            None => (
                Null::May,
                format!("may be null: every argument of {name}{at} may be"),
            ),
        };
        let mut value = values
            .into_iter()
            .reduce(Value::either)
            .unwrap_or_else(|| Value::may("may be null"));
        (value.null, value.why) = null;
        value.origin = None;
        value
    }

    fn case(&self, case: &Case, frame: &Frame<'_>) -> Value {
        let query = frame.scope.query;
        let at = self.input.at(case.location);
        let compared = case.arg.as_ref();
        let why: Rc<str> =
            format!("its arm of the CASE{at} is taken only where it is not null").into();
        let mut before: Vec<Fact<'_>> = Vec::new();
        let mut found: Option<Value> = None;
        let mut arm = |expr: &Expr, facts: Vec<Fact<'_>>| {
            let mut known = Known::default();
            if !frame.sets_hide() {
                known.learn(facts, &why);
            }
            let assumed = Assumed {
                known,
                next: frame.assumed,
            };
            let value = self.value(
                expr,
                &Frame {
                    assumed: Some(&assumed),
                    ..*frame
                },
            );
            found = Some(match found.take() {
                Some(found) => found.either(value),
                None => value,
            });
        };
        for (condition, result) in &case.whens {
            match self.implied(query, condition, Outcome::True, compared) {
                Implied::Facts(facts) => {
                    arm(result, before.iter().copied().chain(facts).collect());
                }
                // The arm is never taken; looked at all the same.
                Implied::Impossible => arm(result, before.clone()),
            }
            let passed = if self.holds("case-passes-null") {
                Outcome::NotTrue
            } else {
                Outcome::False
            };
            if let Implied::Facts(facts) = self.implied(query, condition, passed, compared) {
                before.extend(facts);
            }
        }
        // The server itself writes ELSE NULL where the author has no ELSE.
        let written = case.default.as_ref().filter(|default| {
            !matches!(
                default,
                Expr::Const(Const {
                    is_null: true,
                    location: None,
                    ..
                })
            )
        });
        match written {
            Some(default) => arm(default, before),
            None if self.holds("case-else") => {
                let none = Value::new(Null::Always, format!("CASE{at} without ELSE"));
                found = Some(match found {
                    Some(found) => found.either(none),
                    None => none,
                });
            }
            None => {}
        }
        found.unwrap_or_else(|| Value::may("may be null: CASE without arms"))
    }

    fn array(&self, elements: &[Expr], multidims: bool, frame: &Frame<'_>) -> Value {
        let mut value = Value::never("an array that is written out");
        value.empty = elements.is_empty();
        let mut may = None;
        let mut rows: Option<Value> = None;
        for element in elements {
            let element = self.value(element, frame);
            rows = Some(match rows.take() {
                None => element.clone(),
                Some(rows) if self.holds("fields-of-every-element") => rows.either(element.clone()),
                Some(rows) => rows,
            });
            if multidims {
                // A missing sub-array is left out.
                match element.elements {
                    Some((false, _)) => {}
                    Some((true, why)) => may = may.or(Some(why)),
                    None if element.null == Null::Always => {}
                    None => {
                        may = may.or(Some(
                            "elements may be null: nothing is known of them".to_owned(),
                        ))
                    }
                }
            } else if !element.is_never() {
                may = may.or_else(|| Some(format!("elements may be null: {}", element.because())));
            }
        }
        value.elements = Some(match may {
            Some(why) if self.holds("array-elements") => (true, why),
            _ => (
                false,
                "elements are not null: each that is written is not".to_owned(),
            ),
        });
        match rows {
            Some(rows) => value.with_rows_of(rows),
            None => value,
        }
    }

    fn array_coerce(&self, arg: &Expr, element: &Expr, frame: &Frame<'_>) -> Value {
        let mut value = self.value(arg, frame);
        value.origin = None;
        value.fields = Vec::new();
        value.record = None;
        if let Some((false, why)) = &value.elements {
            let test = Value::never("an element that is not null");
            let cast = self.value(
                element,
                &Frame {
                    case_test: Some(&test),
                    ..*frame
                },
            );
            value.elements = Some(if cast.is_never() {
                (false, why.clone())
            } else {
                (true, format!("elements may be null: {}", cast.because()))
            });
        }
        value
    }

    fn sql_value_function(&self, op: u32) -> Value {
        const CURRENT_CATALOG: u32 = 13;
        const CURRENT_SCHEMA: u32 = 14;
        match op {
            0..=CURRENT_CATALOG => Value::never("the session always has it"),
            CURRENT_SCHEMA if !self.holds("current-schema") => Value::never("the session's schema"),
            CURRENT_SCHEMA => Value::may(
                "may be null: CURRENT_SCHEMA is, where no schema of the search_path exists",
            ),
            _ => Value::may("may be null: a value of the session that is not known"),
        }
    }

    fn field(&self, arg: &Expr, number: i16, frame: &Frame<'_>) -> Value {
        let row = self.value(arg, frame);
        match row.field(number).cloned() {
            Some(value) if row.is_never() => value,
            Some(value) => {
                let row = row.demoted();
                value.missing(row.why)
            }
            None if self.holds("composite-fields") => {
                Value::may("may be null: nothing holds a composite's field to be not null")
            }
            None => Value::never("a field"),
        }
    }

    fn subscript(&self, subscript: &Subscript, frame: &Frame<'_>) -> Value {
        let container = self.value(&subscript.container, frame);
        let is_array = self
            .input
            .catalog
            .element_type(subscript.container_type)
            .is_some();
        let is_slice = subscript.lower.iter().any(Option::is_some)
            || !subscript.lower.is_empty()
            || subscript.upper.iter().any(Option::is_none);
        if subscript.assignment.is_none()
            && is_slice
            && self.is_true_array(subscript.container_type)
        {
            // Out of bounds a slice is empty.
            let bounds = subscript.upper.iter().chain(&subscript.lower).flatten();
            let null = self.first_null(bounds, frame);
            let mut value = match (container.is_never(), null) {
                (true, None) => Value::never("a slice of an array that is not null"),
                (true, Some(bound)) => bound,
                (false, _) => container.clone().bare(),
            };
            value.elements = container.elements;
            return value;
        }
        if self.holds("subscript") {
            Value::may(if is_array {
                "may be null: the array may have no such element"
            } else {
                "may be null: the value may have no such part"
            })
        } else {
            Value::never("a part")
        }
    }

    /// Not one of the fixed-length types that can be subscripted, such as `point`.
    fn is_true_array(&self, type_oid: Oid) -> bool {
        let base = self.input.catalog.base_type(type_oid);
        matches!(
            self.input.catalog.types.get(&base).map(|found| &found.kind),
            Some(TypeKind::Array(_))
        )
    }

    /// `old.x` and `new.x` in what a view or a rule made of them: NULL where the row is not there.
    fn returning(&self, old: bool, levels_up: usize, expr: &Expr, frame: &Frame<'_>) -> Value {
        let mut scope = frame.scope;
        for _ in 0..levels_up {
            match scope.parent {
                Some(parent) => scope = parent.scope,
                None => return Value::may("may be null: a row that is not understood"),
            }
        }
        let value = self.value(expr, frame);
        let there = match (scope.query.command, old) {
            (Command::Update, _) | (Command::Insert, false) | (Command::Delete, true) => true,
            (Command::Insert, true) => !self.holds("old-of-insert"),
            (Command::Delete, false) => !self.holds("new-of-delete"),
            _ => !self.holds("merge-old-new"),
        };
        if there {
            value
        } else {
            value.missing(if old {
                "may be null: there may be no old row"
            } else {
                "may be null: there may be no new row"
            })
        }
    }

    fn json_constructor(&self, json: &JsonConstructor, frame: &Frame<'_>) -> Value {
        let mut made = match (json.kind, &json.func) {
            // JSON_OBJECT and JSON_ARRAY.
            (1 | 2, _) => Value::never("a JSON constructor always makes a value"),
            // JSON_OBJECTAGG and JSON_ARRAYAGG.
            (3 | 4, Some(func)) => {
                let value = self.value(func, frame);
                let json = value.json.clone();
                Value {
                    json,
                    ..value.bare()
                }
            }
            // JSON(…), JSON_SCALAR and JSON_SERIALIZE.
            (5..=7, _) => self
                .first_null(json.args.iter(), frame)
                .unwrap_or_else(|| Value::never("made of a value that is not null")),
            _ => Value::may("may be null: a JSON constructor that is not known"),
        };
        made.json = self.json_of_constructor(json, &made, frame);
        match &json.coercion {
            Some(coercion) => self
                .value(
                    coercion,
                    &Frame {
                        case_test: Some(&made),
                        ..*frame
                    },
                )
                .bare(),
            None => made,
        }
    }

    fn json_query(&self, json: &JsonQuery, frame: &Frame<'_>) -> Value {
        const EXISTS: u32 = 0;
        // JsonBehaviorType: ERROR, TRUE and FALSE.
        const TOLD: [u32; 3] = [1, 3, 4];
        let path_is_constant = matches!(&json.path, Some(Expr::Const(path)) if !path.is_null);
        let told = matches!(&json.on_error, Some((behavior, _)) if TOLD.contains(behavior));
        if json.op == EXISTS && path_is_constant && told {
            let context = self.value(&json.context, frame);
            if context.is_never() {
                return Value::never("JSON_EXISTS of a document that is not null");
            }
            return context.bare();
        }
        if self.holds("json-query") {
            Value::may("may be null: the JSON document may lack it")
        } else {
            Value::never("a part of a JSON document")
        }
    }

    fn sub_link(&self, link: &SubLink, frame: &Frame<'_>) -> Value {
        let at = self.input.at(link.location);
        match link.kind {
            SubLinkKind::Exists => Value::never("EXISTS is true or false"),
            SubLinkKind::Array => {
                let column = self.query(&link.query, Some(*frame)).into_iter().next();
                let mut value = Value::never("ARRAY of a subquery is empty where no row is found");
                value.elements = column.as_ref().map(|column| {
                    if column.is_never() {
                        (false, format!("elements are not null: {}", column.why))
                    } else {
                        let nested = self.holds("array-elements");
                        (
                            nested,
                            format!("elements may be null: {}", column.because()),
                        )
                    }
                });
                if self.gathers_arrays(&link.query) {
                    value.elements = None;
                    return value;
                }
                match column {
                    Some(column) => value.with_rows_of(column),
                    None => value,
                }
            }
            SubLinkKind::Expr => {
                let mut columns = self.query(&link.query, Some(*frame));
                let column = if columns.len() == 1 {
                    columns.pop()
                } else {
                    None
                };
                let Some(value) = column else {
                    return Value::may("may be null: a subquery that is not understood");
                };
                // A grouped expression inside may be one that a grouping set of a query around leaves out.
                if self.under_nulled_expression(frame) {
                    return value
                        .missing("may be null: not every grouping set groups by what it reads");
                }
                if self.holds("scalar-subquery-no-row") && !self.has_a_row(&link.query) {
                    return value.missing(format!("may be null: the subquery{at} may find no row"));
                }
                value
            }
            SubLinkKind::Any | SubLinkKind::All => {
                let columns = self.query(&link.query, Some(*frame));
                let column = columns
                    .into_iter()
                    .reduce(Value::either)
                    .unwrap_or_else(|| {
                        Value::may("may be null: a subquery that is not understood")
                    });
                let column = if self.holds("any-over-nulls") {
                    column.bare()
                } else {
                    Value::never("compared")
                };
                let Some(test) = &link.test else {
                    return Value::may("may be null: a comparison that is not understood");
                };
                self.value(
                    test,
                    &Frame {
                        sublink: Some(&column),
                        ..*frame
                    },
                )
                .bare()
                .demoted()
            }
            SubLinkKind::RowCompare => {
                if self.holds("scalar-subquery-no-row") {
                    Value::may(format!("may be null: the subquery{at} may find no row"))
                } else {
                    Value::never("a comparison")
                }
            }
            SubLinkKind::MultiExpr | SubLinkKind::Unknown => {
                Value::may("may be null: a subquery that is not understood")
            }
        }
    }

    /// ARRAY over arrays gives one array more deeply nested, whose elements are theirs.
    fn gathers_arrays(&self, query: &Query) -> bool {
        query.visible_targets().next().is_some_and(|target| {
            type_of(self.input.catalog, &target.expr)
                .is_none_or(|type_oid| self.input.catalog.element_type(type_oid).is_some())
        })
    }

    fn under_nulled_expression(&self, frame: &Frame<'_>) -> bool {
        let mut at = Some(*frame);
        while let Some(here) = at {
            let nulls = here.grouped
                && here
                    .scope
                    .grouping
                    .nulled
                    .iter()
                    .any(|expr| !matches!(expr, Expr::Var(_)));
            if nulls {
                return true;
            }
            at = here.scope.parent;
        }
        false
    }

    /// The query gives a row, whatever the tables hold.
    fn has_a_row(&self, query: &Query) -> bool {
        if query.command != Command::Select
            || query.set_operation.is_some()
            || query.having.is_some()
            || query.limit_offset.is_some()
            || query
                .limit_count
                .as_ref()
                .is_some_and(|limit| !is_positive(limit))
            || query.targets.iter().any(|target| {
                crate::prove::walk::any_expression(&target.expr, &|expr| match expr {
                    Expr::Func(call) => call.returns_set,
                    Expr::Op(operation) => operation.returns_set,
                    _ => false,
                })
            })
        {
            return false;
        }
        let grouped = !query.group.is_empty() || !query.grouping_sets.is_empty();
        if query.has_aggregates && !grouped {
            return true;
        }
        if grouped || query.join_tree.quals.is_some() || !query.row_marks.is_empty() {
            return false;
        }
        query.join_tree.items.iter().all(|item| match item {
            crate::describe::tree::JoinItem::Rel(rel) => query.rte(*rel).is_some_and(|rte| {
                rte.security_quals.is_empty()
                    && rte.tablesample.is_none()
                    && match &rte.kind {
                        RteKind::Subquery { query, .. } => self.has_a_row(query),
                        RteKind::Values { rows } => !rows.is_empty(),
                        RteKind::Result => true,
                        RteKind::Relation { .. }
                        | RteKind::Join { .. }
                        | RteKind::Functions { .. }
                        | RteKind::TableFunction { .. }
                        | RteKind::Cte { .. }
                        | RteKind::NamedTuplestore
                        | RteKind::Group { .. }
                        | RteKind::Other(_) => false,
                    }
            }),
            crate::describe::tree::JoinItem::Join(_)
            | crate::describe::tree::JoinItem::From(_)
            | crate::describe::tree::JoinItem::Other(_) => false,
        })
    }

    /// The arguments of an aggregate, which are looked at row by row.
    pub(super) fn row_frame<'f>(frame: &Frame<'f>) -> Frame<'f> {
        let scope: &'f Scope<'f> = frame.scope;
        Frame {
            case_test: frame.case_test,
            sublink: frame.sublink,
            assigned: frame.assigned,
            ..scope.input()
        }
    }
}

/// LIMIT 1 and the like.
fn is_positive(limit: &Expr) -> bool {
    const INTEGERS: [Oid; 3] = [20, 21, 23];
    const IMPLICIT_CAST: u32 = 2;
    match limit {
        Expr::Const(constant) if !constant.is_null && INTEGERS.contains(&constant.type_oid) => {
            constant
                .value
                .get(..8)
                .and_then(|bytes| <[u8; 8]>::try_from(bytes).ok())
                .is_some_and(|bytes| i64::from_le_bytes(bytes) > 0)
        }
        // LIMIT ALL
        Expr::Const(constant) => constant.is_null,
        Expr::Func(call) if call.format == IMPLICIT_CAST => {
            call.args.len() == 1 && call.args.iter().all(is_positive)
        }
        Expr::Relabel { arg, .. } => is_positive(arg),
        _ => false,
    }
}

/// `ArrayType.ndim` is 0.
fn array_is_empty(constant: &Const) -> bool {
    constant.length == -1
        && constant
            .value
            .get(4..8)
            .is_some_and(|dimensions| dimensions == [0; 4])
}

/// The array in a constant has a bitmap of NULLs: `ArrayType.dataoffset` is not 0.
fn array_has_nulls(constant: &Const) -> Option<bool> {
    let offset = constant.value.get(8..12)?;
    (constant.length == -1).then(|| offset.iter().any(|&byte| byte != 0))
}
