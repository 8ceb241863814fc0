//! Does the statement write, and may it run on a shared connection?
//!
//! A function that PostgreSQL calls STABLE can write through a volatile one that it calls, so volatility is believed only
//! of what was reviewed: the built-ins, and functions of extensions that are written in C.

use crate::catalog::oid::{INTERNAL, JSON, RECORD};
use std::collections::{BTreeMap, BTreeSet};

use super::casts::{self, Conversion};
use super::rows::operator_function;
use super::walk::{self, Part};
use super::{Input, functions};
use crate::catalog::{
    Cast, Catalog, Function, FunctionKind, Oid, RelationKind, Type, TypeKind, Volatility,
};
use crate::describe::tree::{Command, Expr, Location, Query, RteKind, SetOperation, SortGroup};
use crate::describe::{Utility, lower};
use crate::facts::{Access, Proved, Write};

pub fn access(input: &Input<'_>) -> Proved<Access> {
    match effects(input).writes.into_iter().min() {
        Some((_, reason)) => Proved::new(Access::Write, reason),
        None => Proved::new(
            Access::Read,
            "no write, no lock, and no function outside the reviewed ones",
        ),
    }
}

pub fn pure_read(input: &Input<'_>) -> Proved<bool> {
    let effects = effects(input);
    match effects.writes.into_iter().chain(effects.impure).min() {
        Some((_, reason)) => Proved::new(false, reason),
        None => Proved::new(
            true,
            "it takes no lock and calls nothing that depends on the session",
        ),
    }
}

/// What runs and is not read here: functions of the author's, triggers on the tables that are written. The constraints that
/// it can break are not foreseen.
pub fn unread_code(input: &Input<'_>, writes: &BTreeMap<Oid, Write>) -> Option<String> {
    let mut found: Vec<(Rank, String)> = effects(input).writes;
    found.retain(|(rank, _)| matches!(rank, Rank::Call | Rank::Unknown));
    let called = found.into_iter().min().map(|(_, reason)| reason);
    called.or_else(|| {
        let mut triggers = input.catalog.triggers.iter();
        let trigger =
            triggers.find(|trigger| trigger.enabled && writes.contains_key(&trigger.relation))?;
        let table = input.catalog.relation_name(trigger.relation);
        Some(format!("the trigger `{}` of `{table}` runs", trigger.name))
    })
}

/// Of what has no tree: SHOW reads. EXPLAIN may run what it explains, and without ANALYZE the planner still calls the
/// functions that it takes for constant.
pub fn utility(utility: &Utility) -> Proved<Access> {
    match utility.command.as_str() {
        "SHOW" => Proved::new(Access::Read, "SHOW reads a setting"),
        command => Proved::new(Access::Write, format!("{command} may write")),
    }
}

/// What speaks against a read, and against a pure one. The least is the one to report: what the author wrote before
/// what it calls.
#[derive(Default)]
struct Effects {
    writes: Vec<(Rank, String)>,
    impure: Vec<(Rank, String)>,
    /// The domains whose conditions were looked at, and the tables whose policies were.
    domains: BTreeSet<Oid>,
    tables: BTreeSet<Oid>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Command,
    Lock,
    Call,
    Unknown,
}

fn effects(input: &Input<'_>) -> Effects {
    let mut effects = Effects::default();
    let found = &mut effects;
    if input.statement.queries.is_empty() {
        found
            .writes
            .push((Rank::Unknown, "the server showed no query tree".to_owned()));
    }
    // A value of a domain is checked when it arrives.
    for &type_oid in &input.statement.params {
        of_type(input, type_oid, None, found);
    }
    for (place, query) in input.statement.queries.iter().enumerate() {
        of_query(input, query, place == 0, found);
        walk::parts(query, &mut |part| of_part(input, part, found));
    }
    effects
}

fn of_part(input: &Input<'_>, part: Part<'_>, found: &mut Effects) {
    let mut open = vec![part];
    while let Some(part) = open.pop() {
        match part {
            Part::Query(query) => {
                of_query(input, query, false, found);
                walk::parts(query, &mut |part| open.push(part));
            }
            Part::Expr(expr) => {
                of_expression(input, expr, found);
                walk::below(expr, &mut |part| open.push(part));
            }
        }
    }
}

/// A condition that the catalog stores. The places in it are those of the schema's text; the author's is where it is asked.
fn of_condition(
    input: &Input<'_>,
    text: &str,
    what: &str,
    location: Location,
    found: &mut Effects,
) {
    match lower::expression(text) {
        Ok(condition) => {
            let line = input.line_of(location);
            let line: &dyn Fn(u32) -> Option<u32> = &|_| line;
            let within = Input { line, ..*input };
            of_part(&within, Part::Expr(&condition), found);
        }
        Err(_) => found
            .writes
            .push((Rank::Unknown, format!("{what} is not understood"))),
    }
}

fn of_query(input: &Input<'_>, query: &Query, top: bool, found: &mut Effects) {
    let verb = match query.command {
        Command::Select => None,
        Command::Insert => Some("inserts into"),
        Command::Update => Some("updates"),
        Command::Delete => Some("deletes from"),
        Command::Merge => Some("merges into"),
        Command::Nothing => None,
        Command::Utility | Command::Unknown => {
            found.writes.push((
                Rank::Unknown,
                "the statement is of an unknown kind".to_owned(),
            ));
            None
        }
    };
    if let Some(verb) = verb
        && (top || input.rules.holds("cte-writes"))
    {
        let table = match query.rte(query.result_relation).map(|rte| &rte.kind) {
            Some(RteKind::Relation { oid, .. }) => {
                format!("`{}`", input.catalog.relation_name(*oid))
            }
            _ => "a table".to_owned(),
        };
        found
            .writes
            .push((Rank::Command, format!("{verb} {table}")));
    }
    if (!query.row_marks.is_empty() || query.has_for_update) && input.rules.holds("locks-write") {
        found
            .writes
            .push((Rank::Lock, "FOR UPDATE or FOR SHARE locks rows".to_owned()));
    }
    for rte in &query.rtable {
        match &rte.kind {
            RteKind::Other(kind) => found.writes.push((
                Rank::Unknown,
                format!("a part of FROM is not known ({kind})"),
            )),
            RteKind::Relation { oid, .. } => of_relation(input, *oid, found),
            RteKind::Functions { functions, .. } => {
                for type_oid in functions.iter().flat_map(|function| &function.column_types) {
                    of_type(input, *type_oid, None, found);
                }
            }
            RteKind::TableFunction { column_types, .. } => {
                for type_oid in column_types {
                    of_type(input, *type_oid, None, found);
                }
            }
            _ => {}
        }
    }
    let windows = query
        .windows
        .iter()
        .flat_map(|window| window.partition.iter().chain(&window.order));
    let mut groups = Vec::new();
    if let Some(operation) = &query.set_operation {
        of_set_operation(input, query, operation, &mut groups, found);
    }
    for SortGroup {
        equality, ordering, ..
    } in query
        .group
        .iter()
        .chain(&query.distinct)
        .chain(&query.sort)
        .chain(windows)
        .chain(groups)
    {
        for operator in [equality, ordering] {
            if *operator != 0 {
                of_function(
                    input,
                    operator_function(input.catalog, *operator, 0),
                    None,
                    found,
                );
            }
        }
    }
}

fn of_relation(input: &Input<'_>, oid: Oid, found: &mut Effects) {
    let catalog = input.catalog;
    let Some(relation) = catalog.relations.get(&oid) else {
        return;
    };
    let name = catalog.relation_name(oid);
    if relation.kind == RelationKind::ForeignTable {
        found
            .impure
            .push((Rank::Call, format!("`{name}` lies on another server")));
    }
    // The policies are not in the tree, which is that of a role that they do not bind.
    if relation.row_security && found.tables.insert(oid) {
        found.impure.push((
            Rank::Call,
            format!("the row security of `{name}` shows each role its own rows"),
        ));
        for policy in &catalog.policies {
            if policy.relation == oid
                && let Some(using) = &policy.using
            {
                let what = format!("the policy `{}` of `{name}`", policy.name);
                of_condition(input, using, &what, None, found);
            }
        }
    }
}

/// The equality that tells rows apart, and the casts of the sides, which the tree does not show.
fn of_set_operation<'q>(
    input: &Input<'_>,
    query: &'q Query,
    operation: &'q SetOperation,
    equality: &mut Vec<&'q SortGroup>,
    found: &mut Effects,
) {
    let SetOperation::Node {
        left,
        right,
        column_types,
        groups,
        ..
    } = operation
    else {
        return;
    };
    equality.extend(groups);
    for side in [left, right] {
        let own = casts::side_types(input.catalog, query, side);
        for (index, &to) in column_types.iter().enumerate() {
            let conversion = match own.get(index) {
                Some(&Some(from)) => casts::conversion(input.catalog, from, to),
                _ => Conversion::Unknown,
            };
            of_conversion(input, &conversion, found);
        }
        of_set_operation(input, query, side, equality, found);
    }
}

fn of_conversion(input: &Input<'_>, conversion: &Conversion, found: &mut Effects) {
    match conversion {
        Conversion::None => {}
        Conversion::Function(function) => of_function(input, *function, None, found),
        Conversion::Text(type_oid) => of_type(input, *type_oid, None, found),
        Conversion::Elements(of_each) => of_conversion(input, of_each, found),
        Conversion::Unknown => found.writes.push((
            Rank::Unknown,
            "a set operation casts what is not known".to_owned(),
        )),
    }
}

fn of_expression(input: &Input<'_>, expr: &Expr, found: &mut Effects) {
    of_comparing(input, expr, found);
    match expr {
        Expr::Op(operation) | Expr::Distinct(operation) | Expr::NullIf(operation) => of_function(
            input,
            operator_function(input.catalog, operation.operator, operation.function),
            operation.location,
            found,
        ),
        Expr::ScalarArray {
            operator,
            function,
            location,
            ..
        } => of_function(
            input,
            operator_function(input.catalog, *operator, *function),
            *location,
            found,
        ),
        Expr::RowCompare { operators, .. } => {
            for operator in operators {
                of_function(
                    input,
                    operator_function(input.catalog, *operator, 0),
                    None,
                    found,
                );
            }
        }
        Expr::Func(call) => {
            of_function(input, call.function, call.location, found);
            of_arguments(input, call.function, &call.args, call.location, found);
            // What makes a row or an array of text or JSON makes its domains too.
            of_type(input, call.type_oid, call.location, found);
        }
        Expr::Aggregate(aggregate) => {
            of_function(input, aggregate.function, aggregate.location, found);
            let args = aggregate.args.iter().map(|target| &target.expr);
            of_arguments(input, aggregate.function, args, aggregate.location, found);
        }
        Expr::WindowFunc(window) => {
            of_function(input, window.function, window.location, found);
            of_arguments(input, window.function, &window.args, window.location, found);
        }
        Expr::NextValue { .. } => found
            .writes
            .push((Rank::Call, "it advances a sequence".to_owned())),
        Expr::CoerceToDomain {
            type_oid, location, ..
        }
        | Expr::CoerceViaIo {
            type_oid, location, ..
        } => of_type(input, *type_oid, *location, found),
        // The server reads a constant's text anew for each connection.
        Expr::Const(constant) if !constant.is_null => {
            of_type(input, constant.type_oid, constant.location, found);
        }
        Expr::JsonQuery(json) => of_type(input, json.type_oid, None, found),
        Expr::JsonConstructor(json) => {
            of_type(input, json.type_oid, None, found);
            for arg in &json.args {
                made_json(input, arg, None, found);
            }
        }
        Expr::CurrentOf => found.impure.push((
            Rank::Call,
            "WHERE CURRENT OF needs a cursor of the session".to_owned(),
        )),
        Expr::Other { kind, location, .. } if kind != "PARAM_SUBLINK" => found.writes.push((
            Rank::Unknown,
            format!("an expression{} is not known ({kind})", input.at(*location)),
        )),
        Expr::OtherQuery { kind, .. } => found.writes.push((
            Rank::Unknown,
            format!("an expression is not known ({kind})"),
        )),
        _ => {}
    }
}

fn of_function(input: &Input<'_>, oid: Oid, location: Location, found: &mut Effects) {
    let at = input.at(location);
    let Some(function) = input.catalog.functions.get(&oid) else {
        found.writes.push((
            Rank::Unknown,
            format!("it calls a function that is not known{at}"),
        ));
        return;
    };
    let name = if function.builtin {
        function.name.clone()
    } else {
        format!("{}.{}", function.schema, function.name)
    };
    match review(input.catalog, function) {
        Review::Pure => {}
        Review::Reads => found.impure.push((
            Rank::Call,
            format!("it calls `{name}`{at}, whose answer changes from call to call or by session"),
        )),
        Review::Writes => {
            if function.builtin || input.rules.holds("functions-write") {
                found.writes.push((
                    Rank::Call,
                    if function.builtin {
                        format!("it calls `{name}`{at}, which changes or may change something")
                    } else {
                        format!("it calls `{name}`{at}, which is not one of the reviewed built-ins")
                    },
                ));
            }
        }
    }
}

/// The CHECKs of the domains in a type, which run where a value of it is made of text or of another's parts.
fn of_type(input: &Input<'_>, type_oid: Oid, location: Location, found: &mut Effects) {
    for oid in types_within(input.catalog, type_oid) {
        let Some(Type {
            kind: TypeKind::Domain(domain),
            ..
        }) = input.catalog.types.get(&oid)
        else {
            continue;
        };
        if !found.domains.insert(oid) {
            continue;
        }
        let name = input.catalog.type_name(oid);
        for check in &domain.checks {
            let what = format!(
                "the check `{}` of `{name}`{}",
                check.name,
                input.at(location)
            );
            of_condition(input, &check.condition, &what, location, found);
        }
    }
}

/// Sorting, hashing and comparing rows, arrays and ranges call what the operator classes of the types within name, and the
/// tree names none of it. Any value of such a type counts.
fn of_comparing(input: &Input<'_>, expr: &Expr, found: &mut Effects) {
    let catalog = input.catalog;
    if catalog.comparers.is_empty() {
        return;
    }
    let Some(type_oid) = casts::type_of(catalog, expr) else {
        return;
    };
    let within = types_within(catalog, type_oid);
    for (_, function) in catalog
        .comparers
        .iter()
        .filter(|(of_type, _)| within.contains(of_type))
        .filter(|(_, function)| !serves_the_server(catalog, *function))
    {
        of_function(input, *function, None, found);
    }
}

/// In C, and called by access methods and aggregation alone, as it takes what only they can give. Extensions leave the volatility
/// of these out, which makes them volatile.
fn serves_the_server(catalog: &Catalog, function: Oid) -> bool {
    catalog
        .functions
        .get(&function)
        .is_some_and(|function| function.language == "c" && function.arguments.contains(&INTERNAL))
}

/// What a function does with the types of its arguments beyond taking values of them.
fn of_arguments<'e>(
    input: &Input<'_>,
    function: Oid,
    args: impl IntoIterator<Item = &'e Expr>,
    location: Location,
    found: &mut Effects,
) {
    let Some(function) = input.catalog.functions.get(&function) else {
        return;
    };
    if !function.builtin || !function.name.contains("json") {
        return;
    }
    for arg in args {
        // The first argument says which row is to be made, and may be NULL.
        if function.name.contains("populate_record") {
            match casts::type_of(input.catalog, arg) {
                Some(type_oid) => of_type(input, type_oid, location, found),
                None => found.writes.push((
                    Rank::Unknown,
                    format!("`{}` makes a row that is not known", function.name),
                )),
            }
        }
        made_json(input, arg, location, found);
    }
}

/// JSON is made of a value by the author's cast to `json`, if its type has one; arrays and composites are taken apart.
fn made_json(input: &Input<'_>, value: &Expr, location: Location, found: &mut Effects) {
    let catalog = input.catalog;
    let type_oid = casts::type_of(catalog, value).unwrap_or(RECORD);
    let within = types_within(catalog, type_oid);
    for (&(from, to), cast) in &catalog.casts {
        let is_whole = || {
            !matches!(
                catalog.types.get(&from).map(|known| &known.kind),
                Some(TypeKind::Array(_) | TypeKind::Composite { .. })
            )
        };
        if to == JSON
            && !functions::is_initial(from)
            && is_whole()
            && (within.contains(&from) || within.contains(&RECORD))
            && let Cast::Function(function) = cast
        {
            of_function(input, *function, location, found);
        }
    }
}

/// The type, and those that its values are made of.
fn types_within(catalog: &Catalog, type_oid: Oid) -> BTreeSet<Oid> {
    let mut found = BTreeSet::new();
    let mut open = vec![type_oid];
    while let Some(oid) = open.pop() {
        if !found.insert(oid) {
            continue;
        }
        match catalog.types.get(&oid).map(|known| &known.kind) {
            Some(TypeKind::Array(inner) | TypeKind::Range(inner) | TypeKind::Multirange(inner)) => {
                open.push(*inner);
            }
            Some(TypeKind::Domain(domain)) => open.push(domain.base),
            Some(TypeKind::Composite { fields, .. }) => {
                open.extend(fields.iter().map(|field| field.type_oid));
            }
            Some(TypeKind::Base | TypeKind::Enum(_) | TypeKind::Pseudo) | None => {}
        }
    }
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Review {
    /// The same answer for the same input within a statement, whatever the session.
    Pure,
    /// Changes nothing.
    Reads,
    Writes,
}

fn review(catalog: &Catalog, function: &Function) -> Review {
    let name = function.name.as_str();
    // initdb makes the information schema too, and its few functions read the catalog.
    if function.schema == "information_schema" && functions::is_initial(function.oid) {
        return Review::Pure;
    }
    if function.builtin {
        if RUNS_SQL.contains(&name) {
            return Review::Writes;
        }
        return match function.volatility {
            Volatility::Volatile
                if HARMLESS.contains(&name) || name.starts_with("pg_stat_get_") =>
            {
                Review::Reads
            }
            Volatility::Volatile => Review::Writes,
            Volatility::Immutable | Volatility::Stable if OF_THE_SESSION.contains(&name) => {
                Review::Reads
            }
            Volatility::Immutable | Volatility::Stable => Review::Pure,
        };
    }
    // An aggregate is what it is made of.
    if function.kind == FunctionKind::Aggregate {
        let reviewed = |part: &Oid| match catalog.functions.get(part) {
            Some(_) if serves_the_server(catalog, *part) => Review::Pure,
            Some(part) if part.kind != FunctionKind::Aggregate => review(catalog, part),
            _ => Review::Writes,
        };
        let parts = catalog.aggregates.get(&function.oid);
        let worst = parts.and_then(|parts| parts.iter().map(reviewed).max());
        return worst.unwrap_or(Review::Writes);
    }
    // Only a superuser can make a function in C, and extensions that people use label them with care; those that run
    // SQL text are listed.
    let trusted = matches!(function.language.as_str(), "c" | "internal");
    if trusted && function.volatility != Volatility::Volatile && !EXTENSIONS_RUN_SQL.contains(&name)
    {
        return Review::Pure;
    }
    Review::Writes
}

/// Volatile, and still they change nothing.
const HARMLESS: &[&str] = &[
    "clock_timestamp",
    "current_query",
    "currval",
    "gen_random_uuid",
    "lastval",
    "pg_blocking_pids",
    "pg_collation_actual_version",
    "pg_current_wal_flush_lsn",
    "pg_current_wal_insert_lsn",
    "pg_current_wal_lsn",
    "pg_database_size",
    "pg_indexes_size",
    "pg_is_in_recovery",
    "pg_is_wal_replay_paused",
    "pg_jit_available",
    "pg_last_wal_receive_lsn",
    "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp",
    "pg_lock_status",
    "pg_notification_queue_usage",
    "pg_partition_ancestors",
    "pg_partition_tree",
    "pg_relation_size",
    "pg_sequence_last_value",
    "pg_sleep",
    "pg_sleep_for",
    "pg_sleep_until",
    "pg_table_size",
    "pg_tablespace_size",
    "pg_total_relation_size",
    "pg_xact_commit_timestamp",
    "pg_xact_status",
    "random",
    "random_normal",
    "timeofday",
    "txid_status",
    "uuidv4",
    "uuidv7",
];

/// Not volatile, and yet they write (a transaction id), run SQL that they are given or find, or read text as a type that
/// they are told, whose CHECKs may call anything.
const RUNS_SQL: &[&str] = &[
    "array_in",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "database_to_xml",
    "database_to_xml_and_xmlschema",
    "database_to_xmlschema",
    "domain_in",
    "multirange_in",
    "pg_current_xact_id",
    "pg_input_error_info",
    "pg_input_is_valid",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "range_in",
    "record_in",
    "schema_to_xml",
    "schema_to_xml_and_xmlschema",
    "schema_to_xmlschema",
    "table_to_xml",
    "table_to_xml_and_xmlschema",
    "table_to_xmlschema",
    "ts_rewrite",
    "ts_stat",
    "txid_current",
];

/// Their answer depends on the connection that asks.
const OF_THE_SESSION: &[&str] = &[
    "current_setting",
    "get_current_ts_config",
    "inet_client_addr",
    "inet_client_port",
    "inet_server_addr",
    "inet_server_port",
    "pg_backend_pid",
    "pg_client_encoding",
    "pg_current_snapshot",
    "pg_current_xact_id_if_assigned",
    "pg_cursor",
    "pg_is_other_temp_schema",
    "pg_listening_channels",
    "pg_my_temp_schema",
    "pg_prepared_statement",
    "pg_show_all_settings",
    "pg_trigger_depth",
    "txid_current_if_assigned",
    "txid_current_snapshot",
];

/// Functions in C of PostgreSQL's own extensions (tablefunc, xml2) that run the SQL text that they are given.
const EXTENSIONS_RUN_SQL: &[&str] = &[
    "connectby",
    "crosstab",
    "crosstab2",
    "crosstab3",
    "crosstab4",
    "xpath_table",
];
