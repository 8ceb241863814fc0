//! Does the statement write, and may it run on a shared connection?
//!
//! A function that PostgreSQL calls STABLE can write through a volatile one that it calls, so volatility is believed only
//! of what was reviewed: the built-ins, and functions of extensions that are written in C.

use std::collections::BTreeMap;

use super::rows::operator_function;
use super::walk::{self, Part};
use super::{Input, functions};
use crate::catalog::{Function, FunctionKind, Oid, RelationKind, TypeKind, Volatility};
use crate::describe::Utility;
use crate::describe::tree::{Command, Expr, Location, Query, RteKind, SortGroup};
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

/// Of what has no tree: SHOW reads, and so does EXPLAIN, unless it runs what it explains.
pub fn utility(utility: &Utility, sql: &str) -> Proved<Access> {
    match utility.command.as_str() {
        "SHOW" => Proved::new(Access::Read, "SHOW reads a setting"),
        // The word may stand anywhere among the options, or be part of a name: then it is refused for nothing.
        "EXPLAIN" if !sql.to_ascii_lowercase().contains("analy") => {
            Proved::new(Access::Read, "EXPLAIN runs nothing")
        }
        command => Proved::new(Access::Write, format!("{command} may write")),
    }
}

/// What speaks against a read, and against a pure one. The least is the one to report: what the author wrote before
/// what it calls.
#[derive(Default)]
struct Effects {
    writes: Vec<(Rank, String)>,
    impure: Vec<(Rank, String)>,
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
        of_domain(input, type_oid, None, found);
    }
    for (place, query) in input.statement.queries.iter().enumerate() {
        walk::everything(query, &mut |part| match part {
            Part::Query(part) => {
                of_query(input, part, place == 0 && std::ptr::eq(part, query), found)
            }
            Part::Expr(expr) => of_expression(input, expr, found),
        });
    }
    effects
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
            RteKind::Relation { oid, .. }
                if input
                    .catalog
                    .relations
                    .get(oid)
                    .is_some_and(|relation| relation.kind == RelationKind::ForeignTable) =>
            {
                found.impure.push((
                    Rank::Call,
                    format!(
                        "`{}` lies on another server",
                        input.catalog.relation_name(*oid)
                    ),
                ));
            }
            _ => {}
        }
    }
    let windows = query
        .windows
        .iter()
        .flat_map(|window| window.partition.iter().chain(&window.order));
    for SortGroup {
        equality, ordering, ..
    } in query
        .group
        .iter()
        .chain(&query.distinct)
        .chain(&query.sort)
        .chain(windows)
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

fn of_expression(input: &Input<'_>, expr: &Expr, found: &mut Effects) {
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
        Expr::Func(call) => of_function(input, call.function, call.location, found),
        Expr::Aggregate(aggregate) => {
            of_function(input, aggregate.function, aggregate.location, found)
        }
        Expr::WindowFunc(window) => of_function(input, window.function, window.location, found),
        Expr::NextValue { .. } => found
            .writes
            .push((Rank::Call, "it advances a sequence".to_owned())),
        Expr::CoerceToDomain {
            type_oid, location, ..
        } => of_domain(input, *type_oid, *location, found),
        Expr::CoerceViaIo {
            type_oid, location, ..
        } => of_domain(input, *type_oid, *location, found),
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
    match review(function) {
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

/// The CHECKs of a domain are run by a cast to it, and may call what they like. Their text is all that the catalog has:
/// a name in it that is that of a function outside the reviewed ones counts as a call.
fn of_domain(input: &Input<'_>, type_oid: Oid, location: Location, found: &mut Effects) {
    let catalog = input.catalog;
    let mut oid = type_oid;
    // The bound is against a damaged catalog.
    for _ in 0..64 {
        let Some(TypeKind::Domain(domain)) = catalog.types.get(&oid).map(|known| &known.kind)
        else {
            break;
        };
        for check in &domain.checks {
            let suspects = catalog.functions.values().filter(|function| {
                let clean = if function.builtin {
                    Review::Reads
                } else {
                    Review::Pure
                };
                review(function) > clean && mentions(&check.definition, &function.name)
            });
            let called = catalog.operators.values().filter_map(|operator| {
                let stands = check.definition.contains(&operator.name);
                stands
                    .then(|| catalog.functions.get(&operator.function))
                    .flatten()
            });
            let called =
                called.filter(|function| !function.builtin && review(function) > Review::Pure);
            if let Some(function) = suspects.chain(called).next() {
                of_function(input, function.oid, location, found);
            }
        }
        oid = domain.base;
    }
}

/// Does the name stand in the text as a word?
fn mentions(text: &str, name: &str) -> bool {
    let word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text
            .get(at + name.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(word) && !after.is_some_and(word)
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Review {
    /// The same answer for the same input within a statement, whatever the session.
    Pure,
    /// Changes nothing.
    Reads,
    Writes,
}

fn review(function: &Function) -> Review {
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
    // Only a superuser can make a function in C, and extensions that people use label them with care; those that run
    // SQL text are listed.
    // An aggregate's own language says nothing of the functions that it is made of.
    let trusted = matches!(function.language.as_str(), "c" | "internal")
        && function.kind != FunctionKind::Aggregate;
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

/// Not volatile, and yet they write (a transaction id) or run SQL that they are given or find.
const RUNS_SQL: &[&str] = &[
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "database_to_xml",
    "database_to_xml_and_xmlschema",
    "database_to_xmlschema",
    "pg_current_xact_id",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
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
