//! Loads the schema, statement by statement, and says in the author's file what the server objects to.

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;
use postgres_protocol::message::frontend;

use super::{Error, SchemaStatement, first_column};
use crate::describe::ServerError;
use crate::diagnostic::Diagnostic;
use crate::scan::{Scanner, TokenKind};
use crate::source::Span;
use crate::wire::{self, Connection, Message, Target};

/// Whose the roles of the server are.
#[derive(Debug)]
pub(super) enum Roles {
    /// Ours: what is missing is made. These were there before; the schema may create them all the same, since a private
    /// server keeps roles from load to load.
    Ours(BTreeSet<String>),
    /// Somebody else's: what is missing is a fault.
    Theirs,
}

/// What became of a load that the server could follow.
#[derive(Debug)]
pub(super) enum Outcome {
    Loaded,
    /// These roles are named and do not exist; with what to say where one cannot be made.
    MissingRoles(BTreeMap<String, Diagnostic>),
    Refused(Vec<Diagnostic>),
}

const DUPLICATE_OBJECT: &str = "42710";
const UNDEFINED_OBJECT: &str = "42704";

/// Runs every statement, each in a transaction of its own, as psql does.
pub(super) fn load(
    connection: &mut Connection,
    schema: &[SchemaStatement<'_>],
    roles: &Roles,
) -> Result<Outcome, Error> {
    let failures = run(connection, schema)?;
    let failures: Vec<_> = match roles {
        Roles::Theirs => failures,
        Roles::Ours(known) => failures
            .into_iter()
            .filter(|(_, error)| {
                error.code != DUPLICATE_OBJECT
                    || quoted_after(&error.message, "role ")
                        .is_none_or(|role| !known.contains(&role))
            })
            .collect(),
    };
    if let Roles::Ours(_) = roles {
        let missing: BTreeMap<String, Diagnostic> = failures
            .iter()
            .rev()
            .filter_map(|(statement, error)| {
                Some((missing_role(error)?, refusal(statement, error, roles)))
            })
            .collect();
        if !missing.is_empty() {
            return Ok(Outcome::MissingRoles(missing));
        }
    }
    if failures.is_empty() {
        return Ok(match left_open(connection, schema)? {
            Some(statement) => Outcome::Refused(vec![uncommitted(statement)]),
            None => Outcome::Loaded,
        });
    }
    let (told, silent) = causes(&failures);
    let mut faults: Vec<Diagnostic> = told
        .into_iter()
        .map(|(statement, error)| refusal(statement, error, roles))
        .collect();
    if let (Some(last), 1..) = (faults.last_mut(), silent) {
        let them = match silent {
            1 => "another statement".to_owned(),
            more => format!("{more} other statements"),
        };
        last.notes.push(format!(
            "{them} failed too, perhaps only for want of what failed before"
        ));
    }
    Ok(Outcome::Refused(faults))
}

/// The BEGIN of a transaction that nothing ends. What stands behind it would be gone with this connection.
fn left_open<'s>(
    connection: &mut Connection,
    schema: &'s [SchemaStatement<'s>],
) -> Result<Option<&'s SchemaStatement<'s>>, Error> {
    let begins = |statement: &&SchemaStatement<'_>| {
        let first = Scanner::new(statement.value).find(|token| !token.kind.is_blank());
        let word = first.map_or("", |token| token.text(statement.value));
        word.eq_ignore_ascii_case("begin") || word.eq_ignore_ascii_case("start")
    };
    let Some(last) = schema.iter().rfind(begins) else {
        return Ok(None);
    };
    match connection.simple("SAVEPOINT sqlmill_open") {
        Ok(_) => Ok(Some(last)),
        // Only in a transaction can there be one.
        Err(wire::Error::Server(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn uncommitted(statement: &SchemaStatement<'_>) -> Diagnostic {
    let end = statement.span.start as usize + token_length(statement.value);
    Diagnostic::error(
        "schema",
        "the transaction that begins here is not committed",
    )
    .at(Span::new(
        statement.span.file,
        statement.span.start as usize..end,
    ))
    .help("write `COMMIT;` at its end: what it makes is lost otherwise")
}

/// More are told at the next run.
const MOST_FAULTS: usize = 20;

const SYNTAX_ERROR: &str = "42601";
const TRANSACTION_ABORTED: &str = "25P02";

/// The failures that are faults of their own, and how many are left out. A statement that misses what one before it failed to
/// make says so by name: all names in its message stand in that statement, and that one did not miss them itself.
fn causes<'f, 's>(failures: &'f [Failure<'s>]) -> (Vec<&'f Failure<'s>>, usize) {
    let mut told: Vec<&Failure<'_>> = Vec::new();
    let mut before: Vec<(BTreeSet<String>, BTreeSet<String>)> = Vec::new();
    for failure in failures {
        let (statement, error) = failure;
        let missed = quoted_names(&error.message);
        let follows = error.code == TRANSACTION_ABORTED
            || (error.code != SYNTAX_ERROR
                && !missed.is_empty()
                && before.iter().any(|(words, missing)| {
                    missed.is_subset(words) && missed.is_disjoint(missing)
                }));
        if !follows && told.len() < MOST_FAULTS {
            told.push(failure);
        }
        before.push((words(statement.value), missed));
    }
    let silent = failures.len() - told.len();
    (told, silent)
}

/// `users` and `public` of `relation "public.users" does not exist`, `f` of `function f(integer) does not exist`.
fn quoted_names(message: &str) -> BTreeSet<String> {
    let quoted = message.split('"').skip(1).step_by(2);
    let called = message
        .split(' ')
        .filter_map(|word| word.split_once('('))
        .map(|(name, _)| name);
    quoted
        .chain(called)
        .flat_map(|name| name.split('.'))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The names that a statement holds, as PostgreSQL reads them.
fn words(sql: &str) -> BTreeSet<String> {
    Scanner::new(sql)
        .filter_map(|token| match token.kind {
            TokenKind::Word => Some(token.text(sql).to_lowercase()),
            TokenKind::QuotedName => Some(token.text(sql).trim_matches('"').replace("\"\"", "\"")),
            _ => None,
        })
        .collect()
}

/// Makes the target's database on a server of ours, with the roles that the schema names. Gives the connection that
/// loaded it.
pub(super) fn load_making_roles(
    target: &Target,
    maintenance: &mut Connection,
    schema: &[SchemaStatement<'_>],
) -> Result<Connection, Error> {
    let name = &target.database;
    loop {
        maintenance.simple(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        create(maintenance, name, "template0")?;
        let known = first_column(maintenance.simple("SELECT rolname FROM pg_catalog.pg_roles")?);
        let mut connection = Connection::connect(target)?;
        match load(
            &mut connection,
            schema,
            &Roles::Ours(known.into_iter().collect()),
        )? {
            Outcome::Loaded => return Ok(connection),
            Outcome::MissingRoles(roles) => {
                drop(connection);
                for (role, fault) in roles {
                    let quoted = role.replace('"', "\"\"");
                    maintenance
                        .simple(&format!("CREATE ROLE \"{quoted}\" NOLOGIN"))
                        .map_err(|error| {
                            Error::Schema(vec![
                                fault.note(format!("it cannot be made either: {error}")),
                            ])
                        })?;
                }
            }
            Outcome::Refused(faults) => {
                drop(connection);
                let _ = maintenance.simple(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                return Err(Error::Schema(faults));
            }
        }
    }
}

/// Makes a database on a server of ours.
pub(super) fn create(
    maintenance: &mut Connection,
    name: &str,
    template: &str,
) -> Result<(), Error> {
    // Since 15 the server may copy through its log, which spares others a checkpoint. Here there are no others, a
    // checkpoint without fsync is cheap, and copying the files takes a third of the time.
    let strategy = match maintenance.setting("server_version") {
        Some(version) if !version.starts_with("14") => " STRATEGY FILE_COPY",
        Some(_) | None => "",
    };
    maintenance.simple(&format!(
        "CREATE DATABASE {name} TEMPLATE {template}{strategy}"
    ))?;
    Ok(())
}

type Failure<'s> = (&'s SchemaStatement<'s>, ServerError);

fn run<'s>(
    connection: &mut Connection,
    schema: &'s [SchemaStatement<'s>],
) -> Result<Vec<Failure<'s>>, Error> {
    let mut failures = Vec::new();
    if schema
        .iter()
        .any(|statement| mentions_copy(statement.value))
    {
        for statement in schema {
            match connection.simple(statement.value) {
                Ok(_) => {}
                Err(wire::Error::Server(error)) => failures.push((statement, *error)),
                Err(error) => return Err(error.into()),
            }
        }
        return Ok(failures);
    }
    let mut messages = BytesMut::new();
    for statement in schema {
        frontend::query(statement.value, &mut messages).map_err(Error::io(
            "the schema cannot be sent: it holds a zero byte".to_owned(),
        ))?;
    }
    let mut at = 0;
    connection.pipeline(&messages, schema.len(), |message| {
        match message {
            Message::ReadyForQuery(_) => at += 1,
            Message::ErrorResponse(body) => {
                if let Some(statement) = schema.get(at) {
                    let error = wire::server_error(body.fields(), statement.value)?;
                    failures.push((statement, error));
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(failures)
}

/// COPY FROM STDIN would take the statements behind it for its data.
fn mentions_copy(sql: &str) -> bool {
    sql.as_bytes()
        .windows(4)
        .any(|word| word.eq_ignore_ascii_case(b"copy"))
}

fn missing_role(error: &ServerError) -> Option<String> {
    if error.code != UNDEFINED_OBJECT || !error.message.ends_with("does not exist") {
        return None;
    }
    quoted_after(&error.message, "role ")
}

/// The `x` of `role "x" …`.
fn quoted_after(message: &str, word: &str) -> Option<String> {
    let rest = message.strip_prefix(word)?.strip_prefix('"')?;
    let (name, _) = rest.rsplit_once('"')?;
    Some(name.to_owned())
}

fn refusal(statement: &SchemaStatement<'_>, error: &ServerError, roles: &Roles) -> Diagnostic {
    let mut diagnostic =
        Diagnostic::error("postgres", error.message.clone()).at(place(statement, error));
    if let Some(detail) = &error.detail {
        diagnostic = diagnostic.note(detail.clone());
    }
    if let Some(hint) = &error.hint {
        diagnostic = diagnostic.help(hint.clone());
    }
    for line in advice(error, roles) {
        diagnostic = diagnostic.help(line);
    }
    diagnostic
}

/// The token that the server points at, or else the statement's first line.
fn place(statement: &SchemaStatement<'_>, error: &ServerError) -> Span {
    let sql = statement.value;
    let start = statement.span.start as usize;
    let (from, to) = match error.position {
        Some(position) => (
            position,
            position + token_length(sql.get(position..).unwrap_or_default()),
        ),
        None => (
            0,
            sql.lines()
                .next()
                .map_or(sql.len(), |line| line.trim_end().len()),
        ),
    };
    Span::new(statement.span.file, start + from..start + to)
}

pub(super) fn token_length(text: &str) -> usize {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => text
            .char_indices()
            .skip(1)
            .find(|&(_, c)| c == quote)
            .map_or(1, |(at, _)| at + 1),
        Some(first) if word(first) => text.find(|c| !word(c)).unwrap_or(text.len()),
        Some(first) => first.len_utf8(),
        None => 0,
    }
}

fn advice(error: &ServerError, roles: &Roles) -> Vec<String> {
    if let Some(role) = missing_role(error)
        && matches!(roles, Roles::Theirs)
    {
        return vec![
            format!("create it on that server: `CREATE ROLE \"{role}\" NOLOGIN`"),
            "or leave `--url` and DATABASE_URL out: a private server makes such roles itself"
                .to_owned(),
        ];
    }
    // `could not open extension control file "/…/postgis.control": No such file or directory` up to 15, and
    // `extension "postgis" is not available` since.
    let extension = quoted_after(&error.message, "extension ")
        .filter(|_| error.message.ends_with("is not available"))
        .or_else(|| {
            let path = quoted_after(&error.message, "could not open extension control file ")?;
            let name = path.rsplit('/').next()?.strip_suffix(".control")?;
            Some(name.to_owned())
        });
    match extension {
        Some(name) => vec![
            format!(
                "install the extension for the server that sqlmill runs: {}",
                package_of(&name)
            ),
            "or name a server that has it: `--url postgres://user@host/database`".to_owned(),
        ],
        None => Vec::new(),
    }
}

/// What Debian's and Red Hat's packages of well-known extensions are called.
fn package_of(extension: &str) -> String {
    let package = match extension {
        "postgis"
        | "postgis_raster"
        | "postgis_topology"
        | "postgis_sfcgal"
        | "postgis_tiger_geocoder"
        | "address_standardizer" => "postgresql-<version>-postgis-3",
        "vector" => "postgresql-<version>-pgvector",
        "pg_cron" => "postgresql-<version>-cron",
        "pg_partman" => "postgresql-<version>-partman",
        "hypopg" => "postgresql-<version>-hypopg",
        "rum" => "postgresql-<version>-rum",
        "age" => "postgresql-<version>-age",
        "citus" => "postgresql-<version>-citus",
        "timescaledb" => "timescaledb-2-postgresql-<version>",
        "pgaudit" => "postgresql-<version>-pgaudit",
        "pg_repack" => "postgresql-<version>-repack",
        "plpython3u" => "postgresql-plpython3-<version>",
        "plperl" | "plperlu" => "postgresql-plperl-<version>",
        "pltcl" | "pltclu" => "postgresql-pltcl-<version>",
        "plv8" => "postgresql-<version>-plv8",
        "amcheck" | "bloom" | "btree_gin" | "btree_gist" | "citext" | "cube" | "dblink"
        | "earthdistance" | "file_fdw" | "fuzzystrmatch" | "hstore" | "intarray" | "isn" | "lo"
        | "ltree" | "moddatetime" | "pageinspect" | "pg_stat_statements" | "pg_trgm"
        | "pgcrypto" | "pgrowlocks" | "pgstattuple" | "postgres_fdw" | "seg" | "tablefunc"
        | "unaccent" | "uuid-ossp" | "xml2" => {
            return format!(
                "`{extension}` is one of PostgreSQL's own, in the package `postgresql-contrib`"
            );
        }
        _ => return format!("the package that brings `{extension}`"),
    };
    format!("`{package}` on Debian and Ubuntu, or your system's like")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_underlined_whole() {
        assert_eq!(token_length("users (id)"), 5);
        assert_eq!(token_length("\"my table\" x"), 10);
        assert_eq!(token_length("é_1,"), 4);
        assert_eq!(token_length(") x"), 1);
        assert_eq!(token_length(""), 0);
    }

    #[test]
    fn role_names_are_taken_from_messages() {
        let error = |code: &str, message: &str| ServerError {
            code: code.to_owned(),
            message: message.to_owned(),
            detail: None,
            hint: None,
            position: None,
            table: None,
            column: None,
            constraint: None,
        };
        assert_eq!(
            missing_role(&error("42704", "role \"a \"b\"\" does not exist")),
            Some("a \"b\"".to_owned())
        );
        assert_eq!(
            missing_role(&error("42704", "type \"x\" does not exist")),
            None
        );
        assert_eq!(
            missing_role(&error("28000", "role \"x\" does not exist")),
            None
        );
    }
}
