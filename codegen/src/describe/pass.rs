//! Asks the server about every statement: types and trees in one pipelined pass, plans in a second.
//!
//! Nothing is executed. The passes are two because SQL functions that planning reads print trees of their own, which
//! nothing tells from the statement's: printing is off when plans are made.

use std::collections::HashMap;
use std::sync::mpsc;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{ErrorFields, NoticeResponseBody};
use postgres_protocol::message::frontend;

use super::lower::{self, TreeError};
use super::node::{self, MAX_DEPTH, ReadError};
use super::tree::Query;
use super::{Described, ResultColumn, ServerError, Statement, Utility};
use crate::catalog::{Catalog, Oid};
use crate::wire::{self, Connection, Error, Message, server_error};

/// Of the notice that `elog_node_display` sends; never translated.
const TREE_MESSAGE: &[u8] = b"rewritten parse tree:";

/// From here on, EXPLAIN plans a statement without values for its parameters.
const HAS_GENERIC_PLAN: u32 = 16_00_00;

const EXPLAIN_GENERIC: &str = "EXPLAIN (GENERIC_PLAN, COSTS OFF) ";

/// What the server says of each of `statements`, in their order. Each is one statement; where it is several or none,
/// the server says so.
pub fn describe(
    connection: &mut Connection,
    catalog: &Catalog,
    statements: &[&str],
) -> Result<Vec<Described>, Error> {
    describe_with_types(connection, catalog, statements, &[])
}

/// Like [`describe`], with the types of parameters that the author declared: a list for each statement (missing ones
/// are empty), 0 where the server shall choose.
pub fn describe_with_types(
    connection: &mut Connection,
    catalog: &Catalog,
    statements: &[&str],
    types: &[Vec<Oid>],
) -> Result<Vec<Described>, Error> {
    let requests: Vec<Request<'_>> = statements
        .iter()
        .enumerate()
        .map(|(index, sql)| Request {
            sql,
            types: types.get(index).map_or(&[], Vec::as_slice),
        })
        .collect();
    set_up(connection, catalog)?;
    std::thread::scope(|scope| {
        let (trees, arriving) = mpsc::channel();
        let lowering = std::thread::Builder::new()
            .name("trees".to_owned())
            .stack_size(LOWERING_STACK)
            .spawn_scoped(scope, || lower_all(arriving))
            .map_err(|source| Error::Io {
                doing: "cannot start a thread".to_owned(),
                source,
            })?;
        let answers = ask(connection, catalog, &requests, trees);
        let Ok(mut lowered) = lowering.join() else {
            return Err(Error::Protocol("reading the trees failed".to_owned()));
        };
        let answers = answers?.into_iter().enumerate();
        Ok(answers
            .map(|(index, answer)| conclude(answer, lowered.remove(&index)))
            .collect())
    })
}

/// Lowering recurses as deep as a tree is, [`MAX_DEPTH`] levels at most, in frames of a few hundred bytes to some
/// kilobytes.
const LOWERING_STACK: usize = 64 << 20;

/// The tree of a statement, as it was sent.
type Tree = (usize, Vec<u8>);

type Lowered = Result<Vec<Query>, TreeError>;

/// In a thread of its own: it costs about what the server's part does, and goes on while the server plans.
fn lower_all(arriving: mpsc::Receiver<Tree>) -> HashMap<usize, Lowered> {
    arriving
        .into_iter()
        .map(|(index, tree)| (index, lower::queries(&node::unwrap_lines(&tree))))
        .collect()
}

fn ask(
    connection: &mut Connection,
    catalog: &Catalog,
    requests: &[Request<'_>],
    trees: mpsc::Sender<Tree>,
) -> Result<Vec<Answer>, Error> {
    let mut answers = parse_all(connection, catalog, requests, trees)?;
    connection.simple("SET debug_print_rewritten = off; SET client_min_messages = warning")?;
    // Of the statement that turned the printing off.
    connection.take_notices();
    plan_all(connection, catalog, requests, &mut answers)?;
    connection.simple(TEAR_DOWN)?;
    Ok(answers)
}

struct Request<'a> {
    sql: &'a str,
    types: &'a [Oid],
}

/// Planning evaluates immutable functions, and
/// stable ones for its estimates: they may neither write nor run for long.
const SET_UP: &str = "SET default_transaction_read_only = on;
SET statement_timeout = '10s'; SET plan_cache_mode = force_generic_plan; SET debug_pretty_print = off;
SET debug_print_parse = off; SET debug_print_plan = off; SET client_min_messages = log;
SET debug_print_rewritten = on";

const TEAR_DOWN: &str = "RESET standard_conforming_strings; RESET default_transaction_read_only;
RESET statement_timeout; RESET plan_cache_mode; RESET debug_pretty_print; RESET debug_print_parse;
RESET debug_print_plan; RESET client_min_messages; RESET debug_print_rewritten";

fn set_up(connection: &mut Connection, catalog: &Catalog) -> Result<(), Error> {
    let path = wire::search_path(&catalog.search_path).replace('\'', "''");
    // Spares the server's log the trees. Only a superuser may, and nothing depends on it.
    match connection.simple("SET log_min_messages = panic") {
        Ok(_) | Err(Error::Server(_)) => {}
        Err(error) => return Err(error),
    }
    // What the language's scanner assumes; first, since a text is cut up under the setting that holds when it arrives.
    connection.simple("SET standard_conforming_strings = on")?;
    connection.simple(&format!(
        "SELECT pg_catalog.set_config('search_path', '{path}', false)"
    ))?;
    connection.simple(SET_UP)?;
    connection.take_notices();
    Ok(())
}

/// What came back for one statement, its tree apart.
#[derive(Default)]
struct Answer {
    kind: AnswerKind,
    params: Vec<Oid>,
    columns: Vec<ResultColumn>,
    plan_error: Option<ServerError>,
}

#[derive(Default)]
enum AnswerKind {
    /// No tree: nothing stands there.
    #[default]
    Empty,
    /// To be planned.
    Query,
    /// By its first word.
    Utility(String),
    Refused(ServerError),
}

fn parse_all(
    connection: &mut Connection,
    catalog: &Catalog,
    requests: &[Request<'_>],
    trees: mpsc::Sender<Tree>,
) -> Result<Vec<Answer>, Error> {
    let mut out = BytesMut::new();
    let mut answers: Vec<Answer> = Vec::with_capacity(requests.len());
    // Those that can be sent: a text with a NUL cannot.
    let mut sent: Vec<usize> = Vec::with_capacity(requests.len());
    for (index, request) in requests.iter().enumerate() {
        let mut answer = Answer::default();
        if request.sql.contains('\0') {
            answer.kind = AnswerKind::Refused(ServerError {
                message: "the statement holds a NUL character".to_owned(),
                ..ServerError::default()
            });
        } else {
            frontend::parse("", request.sql, request.types.iter().copied(), &mut out)
                .and_then(|()| frontend::describe(b'S', "", &mut out))
                .map_err(unsendable)?;
            frontend::sync(&mut out);
            sent.push(index);
        }
        answers.push(answer);
    }

    let mut at = 0;
    connection.pipeline(&out, sent.len(), |message| {
        let Some(&index) = sent.get(at) else {
            return Err(Error::Protocol("more replies than statements".to_owned()));
        };
        let (request, answer) = (&requests[index], &mut answers[index]);
        match message {
            Message::NoticeResponse(body) => {
                if let Some(tree) = tree(&body)? {
                    answer.kind = if is_utility(catalog, &tree) {
                        AnswerKind::Utility(first_word(request.sql))
                    } else {
                        // The other end goes away only when its thread panics, and that is seen at the end.
                        let _ = trees.send((index, tree));
                        AnswerKind::Query
                    };
                }
            }
            Message::ParameterDescription(body) => {
                answer.params = body.parameters().collect().map_err(malformed)?;
            }
            Message::RowDescription(body) => {
                answer.columns = body
                    .fields()
                    .map(|field| {
                        Ok(ResultColumn {
                            name: field.name().to_owned(),
                            type_oid: field.type_oid(),
                            type_mod: field.type_modifier(),
                            table: field.table_oid(),
                            column: field.column_id(),
                        })
                    })
                    .collect()
                    .map_err(malformed)?;
            }
            Message::ErrorResponse(body) => {
                answer.kind = AnswerKind::Refused(server_error(body.fields(), request.sql)?);
            }
            Message::ReadyForQuery(_) => at += 1,
            _ => {}
        }
        Ok(())
    })?;
    Ok(answers)
}

/// A utility statement's tree is one query of that kind. Where rules made several queries, one of them can be NOTIFY.
fn is_utility(catalog: &Catalog, tree: &[u8]) -> bool {
    // MERGE took the number with 15.
    let prefix = if catalog.server_version < 15_00_00 {
        "({QUERY :commandType 5 "
    } else {
        "({QUERY :commandType 6 "
    };
    tree.starts_with(prefix.as_bytes())
        && !matches!(lower::queries(&node::unwrap_lines(tree)), Ok(queries) if queries.len() > 1)
}

fn conclude(answer: Answer, lowered: Option<Lowered>) -> Described {
    match (answer.kind, lowered) {
        (AnswerKind::Refused(error), _) => Described::Refused(error),
        (AnswerKind::Utility(command), _) => Described::Utility(Utility {
            command,
            params: answer.params,
            columns: answer.columns,
        }),
        (AnswerKind::Query, Some(Ok(queries))) => Described::Statement(Statement {
            params: answer.params,
            columns: answer.columns,
            queries,
            plan_error: answer.plan_error,
        }),
        (AnswerKind::Query, Some(Err(error))) => Described::Refused(unusable(&error)),
        (AnswerKind::Empty, _) | (AnswerKind::Query, None) => Described::Refused(ServerError {
            message: "there is no statement".to_owned(),
            ..ServerError::default()
        }),
    }
}

fn unusable(error: &TreeError) -> ServerError {
    match error {
        TreeError::Read(ReadError::TooDeep) => ServerError {
            // statement_too_complex
            code: "54001".to_owned(),
            message: format!("the statement nests more than {MAX_DEPTH} levels deep"),
            hint: Some(
                "A long chain of operators or of UNIONs counts a level or two for each: use an array or VALUES."
                    .to_owned(),
            ),
            ..ServerError::default()
        },
        TreeError::Read(ReadError::Malformed { .. })
        | TreeError::Field { .. }
        | TreeError::Unexpected { .. } => ServerError {
            message: format!("the server's tree of this statement cannot be read: {error}"),
            hint: Some("Is the server one of PostgreSQL 14 to 18?".to_owned()),
            ..ServerError::default()
        },
    }
}

/// Plans what was parsed and notes what planning refuses.
fn plan_all(
    connection: &mut Connection,
    catalog: &Catalog,
    requests: &[Request<'_>],
    answers: &mut [Answer],
) -> Result<(), Error> {
    let mut out = BytesMut::new();
    let mut sent: Vec<Planning> = Vec::new();
    for (index, (request, answer)) in requests.iter().zip(answers.iter()).enumerate() {
        let AnswerKind::Query = answer.kind else {
            continue;
        };
        let declared = request.types.iter().any(|&oid| oid != 0);
        if catalog.server_version >= HAS_GENERIC_PLAN && !declared {
            // The line break ends a comment that the statement may end in.
            let sql = format!("{EXPLAIN_GENERIC}{}\n", request.sql);
            frontend::query(&sql, &mut out).map_err(unsendable)?;
            sent.push(Planning {
                index,
                ready: 1,
                prefix: EXPLAIN_GENERIC.len(),
            });
        } else {
            plan_by_execute(catalog, request.sql, &answer.params, &mut out)?;
            sent.push(Planning {
                index,
                ready: 2,
                prefix: 0,
            });
        }
    }

    let ready = sent.iter().map(|planning| planning.ready).sum();
    let mut waiting = sent.iter();
    let mut current = waiting.next();
    let mut left = current.map_or(0, |planning| planning.ready);
    connection.pipeline(&out, ready, |message| {
        let Some(planning) = current else {
            return Err(Error::Protocol("more replies than statements".to_owned()));
        };
        match message {
            Message::ErrorResponse(body) => {
                let error = plan_error(body.fields(), requests[planning.index].sql, planning)?;
                // The first: a statement that was not prepared cannot be executed either.
                answers[planning.index].plan_error.get_or_insert(error);
            }
            Message::ReadyForQuery(_) => {
                left -= 1;
                if left == 0 {
                    current = waiting.next();
                    left = current.map_or(0, |planning| planning.ready);
                }
            }
            _ => {}
        }
        Ok(())
    })
}

struct Planning {
    index: usize,
    /// How often the server will say that it is ready.
    ready: usize,
    /// Bytes of our own before the author's text.
    prefix: usize,
}

/// Prepares with every type given, and has the generic plan explained with NULLs. A domain that refuses NULL would
/// refuse the value, so that its base type is declared.
fn plan_by_execute(
    catalog: &Catalog,
    sql: &str,
    params: &[Oid],
    out: &mut BytesMut,
) -> Result<(), Error> {
    const NAME: &str = "sqlmill";
    let types = params.iter().map(|&oid| catalog.base_type(oid));
    let nulls = if params.is_empty() {
        String::new()
    } else {
        format!("({})", vec!["NULL"; params.len()].join(", "))
    };
    frontend::close(b'S', NAME, out)
        .and_then(|()| frontend::parse(NAME, sql, types, out))
        .map_err(unsendable)?;
    frontend::sync(out);
    frontend::query(&format!("EXPLAIN (COSTS OFF) EXECUTE {NAME}{nulls}"), out).map_err(unsendable)
}

/// An error of planning, its place moved back into the author's text.
fn plan_error(
    fields: ErrorFields<'_>,
    sql: &str,
    planning: &Planning,
) -> Result<ServerError, Error> {
    if planning.prefix == 0 {
        return Ok(explain_timeout(server_error(fields, sql)?));
    }
    let mut error = server_error(fields, &format!("{EXPLAIN_GENERIC}{sql}\n"))?;
    error.position = error
        .position
        .and_then(|at| at.checked_sub(planning.prefix))
        .map(|at| at.min(sql.len()));
    Ok(explain_timeout(error))
}

fn explain_timeout(mut error: ServerError) -> ServerError {
    // query_canceled
    if error.code == "57014" && error.hint.is_none() {
        error.hint = Some("Planning this statement took more than 10 seconds.".to_owned());
    }
    error
}

/// The tree that a notice carries, if it carries one. In bytes: a line break can part a character.
fn tree(body: &NoticeResponseBody) -> Result<Option<Vec<u8>>, Error> {
    let mut fields = body.fields();
    let mut is_tree = false;
    while let Some(field) = fields.next().map_err(malformed)? {
        match field.type_() {
            b'M' => is_tree = field.value_bytes() == TREE_MESSAGE,
            b'D' if is_tree => return Ok(Some(field.value_bytes().to_vec())),
            _ => {}
        }
    }
    Ok(None)
}

/// Would the server take rows by this COPY? It gets none.
pub fn begins_copy(connection: &mut Connection, copy: &str) -> Result<bool, Error> {
    match connection.simple(copy) {
        // query_canceled: it asked for rows, and was told that there are none.
        Err(Error::Server(error)) => Ok(error.code == "57014"),
        Err(error) => Err(error),
        Ok(_) => Ok(false),
    }
}

/// `CALL`; the text begins with the statement's first token.
fn first_word(sql: &str) -> String {
    sql.chars()
        .take_while(|character| character.is_alphabetic())
        .flat_map(char::to_uppercase)
        .collect()
}

fn unsendable(source: std::io::Error) -> Error {
    Error::Io {
        doing: "a statement cannot be sent".to_owned(),
        source,
    }
}

fn malformed(source: std::io::Error) -> Error {
    Error::Protocol(format!("the server's reply cannot be read: {source}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_at(character: usize, sql: &str, prefix: usize) -> Option<usize> {
        let mut body = format!("SERROR\0C42601\0Mwrong\0P{character}\0\0").into_bytes();
        let mut message = vec![b'E'];
        message.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        message.append(&mut body);
        let parsed = Message::parse(&mut BytesMut::from(&*message)).unwrap();
        let Some(Message::ErrorResponse(body)) = parsed else {
            panic!();
        };
        let planning = Planning {
            index: 0,
            ready: 1,
            prefix,
        };
        plan_error(body.fields(), sql, &planning).unwrap().position
    }

    #[test]
    fn places_are_moved_back_over_what_stands_before_the_author_s_text() {
        let sql = "SELECT 'äö', x";
        let before = EXPLAIN_GENERIC.len();
        assert_eq!(error_at(before + 14, sql, before), sql.find('x'));
        assert_eq!(error_at(before + 1, sql, before), Some(0));
        assert_eq!(error_at(1, sql, before), None);
        assert_eq!(error_at(before + 15, sql, before), Some(sql.len()));
        assert_eq!(error_at(before + 16, sql, before), Some(sql.len()));
        assert_eq!(error_at(14, sql, 0), sql.find('x'));
    }

    #[test]
    fn a_utility_is_named_by_its_first_word() {
        assert_eq!(first_word("call f($1)"), "CALL");
        assert_eq!(first_word("REFRESH\nMATERIALIZED VIEW v"), "REFRESH");
    }
}
