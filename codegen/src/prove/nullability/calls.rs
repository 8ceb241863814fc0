//! What functions, aggregates and window functions give.

use super::known::{Implied, Known, Outcome};
use super::scope::{Assumed, Frame, place};
use super::{Null, Prover, Value};
use crate::catalog::oid::{DATE, FIRST_OF_AUTHORS, INTERVAL, RECORD, TEXT, TIMESTAMP, TIMESTAMPTZ};
use crate::catalog::{Function, Oid};
use crate::describe::tree::{
    Aggregate, Const, Expr, FuncCall, Operation, RangeFunction, Rte, Window, WindowFunc,
};
use crate::prove::casts::type_of;
use crate::prove::functions::{self, AggregateNull, ArrayElements, NullWhen, SetColumn};

impl Prover<'_> {
    fn function(&self, oid: Oid) -> Option<&Function> {
        self.input.catalog.functions.get(&oid)
    }

    /// A built-in that gives NULL for nothing but NULL.
    pub(super) fn never_null_of_values(&self, function: Oid) -> bool {
        !self.holds("reviewed-functions")
            || self.function(function).is_some_and(|function| {
                !matches!(functions::null_when(function, false), NullWhen::Unknown)
            })
    }

    pub(super) fn operation(&self, operation: &Operation, frame: &Frame<'_>) -> Value {
        let oid = self.operator_function(operation.operator, operation.function);
        let name = self.operator_name(operation.operator);
        self.call(oid, name, &operation.args, false, frame)
    }

    pub(super) fn function_call(&self, call: &FuncCall, frame: &Frame<'_>) -> Value {
        let name = self
            .function(call.function)
            .map_or("?", |function| function.name.as_str());
        if call.returns_set {
            return self.set_in_target(call, name, frame);
        }
        if let Some(value) = self.date_part(call, name, frame) {
            return value;
        }
        self.call(call.function, name, &call.args, call.variadic, frame)
    }

    fn call(
        &self,
        oid: Oid,
        name: &str,
        args: &[Expr],
        variadic: bool,
        frame: &Frame<'_>,
    ) -> Value {
        let Some(function) = self.function(oid) else {
            return Value::may(format!("may be null: `{name}` is not in the catalog"));
        };
        let values: Vec<Value> = args.iter().map(|arg| self.value(arg, frame)).collect();
        if function.strict
            && let Some(null) = values.iter().find(|value| value.null == Null::Always)
        {
            return null.clone().bare();
        }
        // `quote_literal(anyelement)` and `text || anything` are SQL functions that cast to text: of a type that is not
        // built in, the author's own cast may do it, and give NULL.
        let casts_by_author = [1285, 2003, 2004].contains(&oid)
            && args.iter().any(|arg| {
                type_of(self.input.catalog, arg).is_none_or(|type_oid| type_oid >= FIRST_OF_AUTHORS)
            });
        let when = match functions::null_when(function, variadic) {
            _ if casts_by_author => NullWhen::Unknown,
            NullWhen::Unknown if !function.builtin && !self.holds("user-functions") => {
                NullWhen::AnyArgument
            }
            NullWhen::Unknown if function.builtin && !self.holds("reviewed-functions") => {
                NullWhen::AnyArgument
            }
            NullWhen::AnyArgument if !self.holds("strict-gives-null") => NullWhen::Never,
            NullWhen::First(_) | NullWhen::AllArguments if !self.holds("non-strict-conditions") => {
                NullWhen::Never
            }
            when => when,
        };
        let first = |list: &[Value]| first_null(list).map(Value::demoted);
        let null = match when {
            NullWhen::Never => None,
            // Where a strict function's argument is always NULL, that was said above.
            NullWhen::AnyArgument => first(&values),
            NullWhen::First(count) => first(values.get(..count).unwrap_or(&values)),
            NullWhen::AllArguments if values.iter().any(Value::is_never) => None,
            NullWhen::AllArguments => first(&values),
            NullWhen::Unknown if function.builtin => {
                Some(Value::may(format!("may be null: `{name}` can return NULL")))
            }
            NullWhen::Unknown => Some(Value::may(format!(
                "may be null: `{name}` is not built in, and what it returns is not known"
            ))),
        };
        let mut value = match null {
            Some(null) => null,
            None => Value::never(match (when, values.as_slice()) {
                (NullWhen::AnyArgument, [arg]) => {
                    format!("`{name}` returns NULL only for NULL, and {}", arg.why)
                }
                (NullWhen::AnyArgument | NullWhen::First(_), [_, ..]) => {
                    format!("`{name}` of values that are not null")
                }
                _ => format!("`{name}` never returns NULL"),
            }),
        };
        value.elements = self.elements_of_call(function, args, &values);
        value.json = self.json_of_call(function, args, &values, variadic);
        value
    }

    fn elements_of_call(
        &self,
        function: &Function,
        args: &[Expr],
        values: &[Value],
    ) -> Option<(bool, String)> {
        match functions::array_elements(function) {
            ArrayElements::Never => Some((
                false,
                format!(
                    "elements are not null: `{}` makes none that is",
                    function.name
                ),
            )),
            ArrayElements::Of(places) => {
                let mut may = None;
                let chosen = places
                    .iter()
                    .filter_map(|&place| args.get(place).zip(values.get(place)));
                for (arg, value) in chosen {
                    let is_array = type_of(self.input.catalog, arg)
                        .and_then(|type_oid| self.input.catalog.element_type(type_oid))
                        .is_some();
                    match (is_array, &value.elements) {
                        _ if value.null == Null::Always && is_array => {}
                        (true, Some((false, _))) => {}
                        (true, Some((true, why))) => may = may.or_else(|| Some(why.clone())),
                        (true, None) => return None,
                        (false, _) if value.is_never() => {}
                        (false, _) => {
                            may = may.or_else(|| {
                                Some(format!("elements may be null: {}", value.because()))
                            });
                        }
                    }
                }
                Some(match may {
                    Some(why) if self.holds("array-elements") => (true, why),
                    _ => (
                        false,
                        "elements are not null: what it is made of is not".to_owned(),
                    ),
                })
            }
            ArrayElements::Unknown => None,
        }
    }

    /// EXTRACT and `date_part` give NULL for most fields of an infinite date; these have a value even there.
    fn date_part(&self, call: &FuncCall, name: &str, frame: &Frame<'_>) -> Option<Value> {
        let function = self.function(call.function)?;
        if !function.builtin || !matches!(name, "extract" | "date_part") {
            return None;
        }
        let [Expr::Const(field), value] = call.args.as_slice() else {
            return None;
        };
        let field = text_of(field)?.to_lowercase();
        let monotonic: &[&str] = match *function.arguments.get(1)? {
            DATE | TIMESTAMP | TIMESTAMPTZ => &[
                "year",
                "decade",
                "century",
                "millennium",
                "julian",
                "isoyear",
                "epoch",
            ],
            INTERVAL => &["epoch", "year", "decade", "century", "millennium", "hour"],
            _ => return None,
        };
        if !monotonic.contains(&field.as_str()) && self.holds("extract-of-infinity") {
            return None;
        }
        let value = self.value(value, frame);
        Some(if value.is_never() {
            Value::never(format!("every date has its {field}, and {}", value.why))
        } else {
            value.bare()
        })
    }

    /// A set-returning function in the select list.
    fn set_in_target(&self, call: &FuncCall, name: &str, frame: &Frame<'_>) -> Value {
        if frame.scope.set_returning > 1 && self.holds("uneven-sets") {
            return Value::may(format!(
                "may be null: `{name}` is one of several sets, and the shorter are filled up"
            ));
        }
        let columns = self
            .function(call.function)
            .and_then(functions::set_columns);
        match columns {
            Some([column]) => self.set_column(*column, name, &call.args, frame),
            Some(_) => Value::never(format!("`{name}` gives rows")),
            None => Value::may(format!("may be null: what `{name}` gives is not known")),
        }
    }

    fn set_column(&self, column: SetColumn, name: &str, args: &[Expr], frame: &Frame<'_>) -> Value {
        match column {
            SetColumn::Never => Value::never(format!("`{name}` gives no NULL")),
            SetColumn::May if !self.holds("set-values") => Value::never(name.to_owned()),
            SetColumn::May => Value::may(format!("may be null: `{name}` can give NULL")),
            SetColumn::ArrayOfMay => {
                let mut value = Value::never(format!("`{name}` gives no NULL"));
                value.elements = Some((
                    self.holds("array-elements"),
                    format!("elements may be null: `{name}` gives NULL for what was not matched"),
                ));
                value
            }
            SetColumn::Element => {
                let array = args.first().map(|arg| self.value(arg, frame));
                match array.and_then(|array| array.elements) {
                    Some((false, why)) => Value::never(why),
                    Some((true, why)) if self.holds("array-elements") => Value::may(format!(
                        "may be null: {}",
                        why.strip_prefix("elements may be null: ").unwrap_or(&why)
                    )),
                    None if self.holds("array-elements") => {
                        Value::may("may be null: nothing is known of the array's elements")
                    }
                    _ => Value::never("an element"),
                }
            }
        }
    }

    /// Functions in FROM.
    pub(super) fn function_columns(
        &self,
        frame: &Frame<'_>,
        rte: &Rte,
        list: &[RangeFunction],
        ordinality: bool,
    ) -> Vec<Value> {
        let mut found = Vec::new();
        let uneven = list.len() > 1 && self.holds("uneven-sets");
        for function in list {
            for value in self.range_function(function, frame) {
                found.push(if uneven {
                    value.missing(format!(
                        "`{}` may be null: of several functions in FROM the shorter are filled up",
                        rte.name
                    ))
                } else {
                    value
                });
            }
        }
        if ordinality {
            found.push(Value::never("WITH ORDINALITY counts the rows"));
        }
        found
    }

    fn range_function(&self, function: &RangeFunction, frame: &Frame<'_>) -> Vec<Value> {
        let unknown = || {
            vec![
                Value::may("may be null: what the function in FROM gives is not known");
                function.column_count
            ]
        };
        if !function.column_types.is_empty() {
            return unknown();
        }
        let Expr::Func(call) = &function.expr else {
            let is_set = matches!(&function.expr, Expr::Op(operation) if operation.returns_set);
            return if function.column_count == 1 && !is_set {
                vec![self.value(&function.expr, frame)]
            } else {
                unknown()
            };
        };
        let Some(known) = self.function(call.function) else {
            return unknown();
        };
        if !call.returns_set {
            let is_composite = self.is_composite(call.type_oid);
            return if function.column_count == 1 && !is_composite {
                vec![self.value(&function.expr, frame)]
            } else {
                unknown()
            };
        }
        match functions::set_columns(known) {
            Some(columns) if columns.len() == function.column_count => {
                // Elements that are composites come as their fields.
                if self.is_composite(call.type_oid) && columns == [SetColumn::Element] {
                    return unknown();
                }
                columns
                    .iter()
                    .map(|column| self.set_column(*column, &known.name, &call.args, frame))
                    .collect()
            }
            _ => unknown(),
        }
    }

    fn is_composite(&self, type_oid: Oid) -> bool {
        let base = self.input.catalog.base_type(type_oid);
        base == RECORD
            || matches!(
                self.input.catalog.types.get(&base).map(|found| &found.kind),
                Some(crate::catalog::TypeKind::Composite { .. })
            )
    }

    pub(super) fn aggregate(&self, aggregate: &Aggregate, frame: &Frame<'_>) -> Value {
        let Some(function) = self.function(aggregate.function) else {
            return Value::may("may be null: an aggregate that is not in the catalog");
        };
        let name = &function.name;
        if functions::aggregate_null(function) == AggregateNull::Never {
            return Value::never(format!("`{name}` of no rows is 0"));
        }
        if aggregate.levels_up > 0 {
            return Value::may(format!(
                "may be null: `{name}` is of a query around this one"
            ));
        }
        let args: Vec<&Expr> = aggregate
            .args
            .iter()
            .filter(|target| !target.junk)
            .map(|target| &target.expr)
            .collect();
        // Only rows that FILTER lets through reach the arguments.
        let mut known = Known::default();
        if let Some(filter) = &aggregate.filter
            && let Implied::Facts(facts) =
                self.implied(frame.scope.query, filter, Outcome::True, None)
        {
            let at = self.input.at(place(filter));
            known.learn(
                facts,
                &format!("the FILTER{at} of `{name}` rejects NULL").into(),
            );
        }
        let assumed = Assumed { known, next: None };
        let rows = Frame {
            assumed: Some(&assumed),
            ..Self::row_frame(frame)
        };
        let values: Vec<Value> = args.iter().map(|arg| self.value(arg, &rows)).collect();
        let gathered = self.gathered(function, &args, &values);
        let value = if aggregate.filter.is_some() && self.holds("aggregate-filter") {
            Value::may(format!("may be null: FILTER may leave `{name}` no rows"))
        } else if frame.scope.grouping.may_be_empty && self.holds("empty-group") {
            Value::may(format!("may be null: `{name}` of no rows is NULL"))
        } else {
            self.of_rows(function, &values, &aggregate.direct_args, &rows)
        };
        let mut value = holding(value, gathered);
        value.json = self.json_of_aggregate(function, &args, &values);
        value
    }

    /// What an aggregate gives of one row or more.
    fn of_rows(
        &self,
        function: &Function,
        values: &[Value],
        direct: &[Expr],
        rows: &Frame<'_>,
    ) -> Value {
        let name = &function.name;
        match functions::aggregate_null(function) {
            AggregateNull::Never => Value::never(format!("`{name}` of no rows is 0")),
            AggregateNull::NoRow => Value::never(format!("`{name}` has at least one row")),
            AggregateNull::NoValue(_) if !self.holds("aggregate-skips-null") => {
                Value::never(name.clone())
            }
            AggregateNull::NoValue(count) => {
                let is_array = direct.iter().any(|arg| {
                    type_of(self.input.catalog, arg)
                        .is_none_or(|type_oid| self.input.catalog.element_type(type_oid).is_some())
                });
                let null = first_null(values.get(..count).unwrap_or(values))
                    .or_else(|| self.first_null(direct.iter(), rows));
                match null {
                    Some(null) => {
                        let because = null.because().to_owned();
                        Value::may(format!("may be null: `{name}` passes over NULL: {because}"))
                    }
                    None if is_array => {
                        Value::may(format!("may be null: `{name}` of several fractions"))
                    }
                    None => Value::never(format!(
                        "`{name}` has at least one row, and its argument is not null"
                    )),
                }
            }
            AggregateNull::Unknown if functions::needs_two_rows(function) => {
                if self.holds("sample-statistics") {
                    Value::may(format!("may be null: `{name}` of one row is NULL"))
                } else {
                    Value::never(name.clone())
                }
            }
            AggregateNull::Unknown if function.builtin => {
                Value::may(format!("may be null: `{name}` can return NULL"))
            }
            AggregateNull::Unknown => {
                if self.holds("user-aggregates") {
                    Value::may(format!(
                        "may be null: the aggregate `{name}` is not built in, and what it returns is not known"
                    ))
                } else {
                    Value::never(name.clone())
                }
            }
        }
    }

    /// The elements of what `array_agg` gathers.
    fn gathered(&self, function: &Function, args: &[&Expr], values: &[Value]) -> Option<Gathered> {
        let ([arg], [value]) = (args, values) else {
            return None;
        };
        if !function.builtin || function.name != "array_agg" {
            return None;
        }
        let is_array = type_of(self.input.catalog, arg)
            .is_none_or(|type_oid| self.input.catalog.element_type(type_oid).is_some());
        let elements = if is_array {
            value.elements.clone()
        } else if value.is_never() {
            Some((false, format!("elements are not null: {}", value.why)))
        } else {
            Some((
                self.holds("array-elements"),
                format!("elements may be null: {}", value.because()),
            ))
        };
        Some(Gathered {
            elements,
            rows: value.clone(),
        })
    }

    pub(super) fn window_function(&self, call: &WindowFunc, frame: &Frame<'_>) -> Value {
        // What CASE or AND says of the row at hand says nothing of the rows that the window looks at.
        let frame = &Frame {
            assumed: None,
            ..*frame
        };
        let Some(function) = self.function(call.function) else {
            return Value::may("may be null: a window function that is not in the catalog");
        };
        let name = &function.name;
        let window = frame
            .scope
            .query
            .windows
            .iter()
            .find(|window| window.reference == call.window);
        let at = self.input.at(call.location);
        // The frame of the row at hand may hold no row.
        let full = window.is_some_and(|window| self.holds_current_row(window));
        let args: Vec<&Expr> = call.args.iter().collect();
        if call.aggregate {
            let values: Vec<Value> = args.iter().map(|arg| self.value(arg, frame)).collect();
            let value = if functions::aggregate_null(function) == AggregateNull::Never {
                Value::never(format!("`{name}` of no rows is 0"))
            } else if call.filter.is_some() && self.holds("aggregate-filter") {
                Value::may(format!("may be null: FILTER may leave `{name}` no rows"))
            } else if !full {
                Value::may(format!(
                    "may be null: the window's frame{at} may hold no row"
                ))
            } else {
                self.of_rows(function, &values, &[], frame)
            };
            return holding(value, self.gathered(function, &args, &values));
        }
        if !function.builtin {
            return Value::may(format!(
                "may be null: the window function `{name}` is not built in"
            ));
        }
        match name.as_str() {
            "row_number" | "rank" | "dense_rank" | "percent_rank" | "cume_dist" => {
                Value::never(format!("`{name}` numbers every row"))
            }
            "ntile" => match self.first_null(args.into_iter(), frame) {
                Some(null) if self.holds("ntile") => null,
                _ => Value::never(format!("`{name}` numbers every row")),
            },
            "lag" | "lead" => {
                if call.ignore_nulls || (args.len() < 3 && self.holds("lag-lead")) {
                    return Value::may(format!(
                        "may be null: `{name}`{at} may look past the first or the last row"
                    ));
                }
                match self.first_null(args.into_iter(), frame) {
                    Some(null) => null.demoted(),
                    None => Value::never(format!("`{name}` has a default that is not null")),
                }
            }
            "first_value" | "last_value" => {
                if !full || call.ignore_nulls {
                    return Value::may(format!(
                        "may be null: the window's frame{at} may hold no row"
                    ));
                }
                match self.first_null(args.into_iter(), frame) {
                    Some(null) => null.demoted(),
                    None => Value::never("the window's frame holds the row itself"),
                }
            }
            "nth_value" if !self.holds("nth-value") => Value::never(name.clone()),
            "nth_value" => Value::may(format!(
                "may be null: the window's frame{at} may hold too few rows"
            )),
            _ => Value::may(format!("may be null: `{name}` can return NULL")),
        }
    }

    /// The frame always holds the row that it is the frame of.
    fn holds_current_row(&self, window: &Window) -> bool {
        const RANGE: u32 = 0x2;
        const START_UNBOUNDED_PRECEDING: u32 = 0x20;
        const END_UNBOUNDED_FOLLOWING: u32 = 0x100;
        const START_CURRENT_ROW: u32 = 0x200;
        const END_CURRENT_ROW: u32 = 0x400;
        const START_OFFSET_PRECEDING: u32 = 0x800;
        const END_OFFSET_FOLLOWING: u32 = 0x4000;
        const EXCLUDE_CURRENT_ROW: u32 = 0x8000;
        const EXCLUDE_GROUP: u32 = 0x1_0000;
        let options = window.frame_options;
        let mut starts = START_UNBOUNDED_PRECEDING | START_CURRENT_ROW;
        let mut ends = END_UNBOUNDED_FOLLOWING | END_CURRENT_ROW;
        // How far a RANGE reaches is up to the type's own arithmetic.
        if options & RANGE == 0 {
            starts |= START_OFFSET_PRECEDING;
            ends |= END_OFFSET_FOLLOWING;
        }
        let bounded = options & starts != 0 && options & ends != 0;
        let excluded = options & (EXCLUDE_CURRENT_ROW | EXCLUDE_GROUP) != 0;
        (bounded || !self.holds("window-frame")) && (!excluded || !self.holds("frame-exclude"))
    }
}

/// What an aggregate puts into its array.
struct Gathered {
    elements: Option<(bool, String)>,
    /// The value that is gathered: what is known of its fields is known of each element's.
    rows: Value,
}

fn holding(mut value: Value, gathered: Option<Gathered>) -> Value {
    let Some(gathered) = gathered else {
        return value;
    };
    value.elements = gathered.elements;
    value.with_rows_of(gathered.rows)
}

/// The first that may be NULL; one that always is before all others.
fn first_null(values: &[Value]) -> Option<Value> {
    values
        .iter()
        .find(|value| value.null == Null::Always)
        .or_else(|| values.iter().find(|value| value.null == Null::May))
        .map(|value| value.clone().bare())
}

/// The text in a constant of type `text`.
fn text_of(constant: &Const) -> Option<String> {
    if constant.is_null || constant.type_oid != TEXT {
        return None;
    }
    String::from_utf8(constant.value.get(4..)?.to_vec()).ok()
}
