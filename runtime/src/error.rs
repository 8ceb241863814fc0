//! What can go wrong, in the terms that a service acts on.
//!
//! An error shows the query's name and where it is written, the kind and the names of constraints, columns and types. It
//! never shows a value, the SQL, or the server's DETAIL, which quotes values; of the server's messages it shows those
//! that are known to quote none.

use std::fmt;
use std::time::Duration;

use crate::constraint::{Constraint, ConstraintKind, Rule, Violation};
use crate::held::Held;
use crate::param::{self, EncodeError, Params};
use crate::row::DecodeError;
use crate::statement::{About, Mismatch, Origin};
use crate::wire::{Failure, ServerError};

/// The result of everything that talks to the database.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A query or a transaction failed. One pointer wide.
///
/// ```
/// use sqlmill_runtime::{Error, ErrorKind};
///
/// fn status(error: &Error) -> u16 {
///     match error.kind() {
///         ErrorKind::NotFound => 404,
///         ErrorKind::Constraint => 409,
///         ErrorKind::InvalidInput => 422,
///         ErrorKind::PoolExhausted | ErrorKind::Connect | ErrorKind::ConnectionLost => 503,
///         _ => 500,
///     }
/// }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    /// What happened, where the kind's own words would say too much.
    words: Option<&'static str>,
    query: Option<Origin>,
    sqlstate: Option<String>,
    violation: Option<Violation>,
    /// The parameter that the server could not take: its `$n`, and its name.
    parameter: Option<(u16, Option<&'static str>)>,
    /// What parameters were found wrong before anything was sent, and how many faults more there are.
    faults: Vec<Fault>,
    more_faults: usize,
    /// Completes the sentence; holds no value.
    detail: Option<String>,
    /// What to do next, where neither the kind nor the detail says it.
    advice: Option<&'static str>,
    rows: Vec<usize>,
}

/// So many faults stand in the words of an error.
const SHOWN: usize = 20;

/// A parameter that breaks a rule of the schema.
#[derive(Clone, Copy)]
pub struct Fault {
    rule: &'static Held,
    row: Option<usize>,
}

impl Fault {
    pub(crate) fn of(rule: &'static Held, row: Option<usize>) -> Self {
        Self { rule, row }
    }

    /// The parameter's name.
    pub fn field(&self) -> &'static str {
        self.rule.field
    }

    /// Of a query that was given many rows of parameters: the place of the row, from 0.
    pub fn row(&self) -> Option<usize> {
        self.row
    }

    /// The constraint's name, or the type that has the limit: `varchar(255)`.
    pub fn constraint(&self) -> &'static str {
        self.rule.constraint
    }

    /// The constraint's COMMENT, or else what it demands.
    pub fn message(&self) -> &'static str {
        self.rule.message
    }

    /// What the rule stands in.
    pub(crate) fn place(&self) -> (&'static str, &'static str) {
        (self.rule.schema, self.rule.relation)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({self})")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}`: {} ({}",
            self.field(),
            self.message(),
            self.constraint()
        )?;
        match self.row {
            Some(row) => write!(f, ", row {row} from 0)"),
            None => f.write_str(")"),
        }
    }
}

/// Faults as they are found.
#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) all: Vec<Fault>,
    /// Those that are not kept.
    more: usize,
    /// The rows that have some, each once.
    rows: Vec<usize>,
}

impl Faults {
    /// Past the first `most`, one for each rule is kept, so that it is known which are broken.
    pub(crate) fn add(&mut self, rule: &'static Held, row: usize, most: usize) {
        if self.rows.last() != Some(&row) {
            self.rows.push(row);
        }
        let known = |fault: &Fault| std::ptr::eq(fault.rule, rule);
        if self.all.len() >= most && self.all.iter().any(known) {
            self.more += 1;
        } else {
            self.all.push(Fault::of(rule, Some(row)));
        }
    }

    pub(crate) fn or_none(self, about: &About) -> Result<()> {
        if self.all.is_empty() {
            return Ok(());
        }
        let mut error = Error::new(ErrorKind::InvalidInput);
        error.0.faults = self.all;
        error.0.more_faults = self.more;
        error.0.rows = self.rows;
        Err(error.of(about.origin))
    }
}

/// What sort of error it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A parameter cannot be stored or computed with: too long, out of range, not of the form that its type has.
    InvalidInput,
    /// No row where one was expected.
    NotFound,
    /// More than one row where at most one was expected.
    TooManyRows,
    /// A constraint of the schema; [`Error::violation`] has its name.
    Constraint,
    /// A serialization failure or a deadlock: the whole transaction may succeed when it is run again.
    Retryable,
    /// The statement took too long, or waited too long for a lock, and the server cancelled it; also when somebody asked it
    /// to, which the server does not tell apart, and when `NOWAIT` met a lock.
    Timeout,
    /// No connection of the pool became free in time.
    PoolExhausted,
    /// No connection could be made: wrong address, wrong password, no server.
    Connect,
    /// The handle was closed by its `close`.
    Closed,
    /// The connection broke, or the server shut down. What was under way outside a transaction may have been done.
    ConnectionLost,
    /// The types of the database are not those that the crate was compiled for.
    SchemaChanged,
    /// A value of a reply does not fit its Rust type.
    Decode,
    /// The connection broke after COMMIT was sent: the transaction may be committed or not.
    OutcomeUnknown,
    /// The transaction cannot be used: it is over, or a statement in it failed, or one nested in it is still open.
    Transaction,
    /// Anything else; [`Error::sqlstate`] has the server's code.
    Other,
}

impl Error {
    /// The sort of error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The query that failed: `users::get_user`. `None` when it was no query, but a COMMIT or the like.
    pub fn query(&self) -> Option<&'static str> {
        self.0.query.map(|about| about.name)
    }

    /// Where the query is written: `queries/users.sql:3`.
    pub fn location(&self) -> Option<&'static str> {
        self.0.query.map(|about| about.location)
    }

    /// The server's code, such as `23505`.
    pub fn sqlstate(&self) -> Option<&str> {
        self.0.sqlstate.as_deref()
    }

    /// The constraint that was violated, by its names.
    pub fn violation(&self) -> Option<&Violation> {
        self.0.violation.as_ref()
    }

    /// Of a query that was given many rows of parameters: those at fault, from 0. All rows that break a rule of the schema are here; where
    /// a value cannot be sent, the first. Empty where nobody knows, as when it was the server that found the fault.
    pub fn rows(&self) -> &[usize] {
        &self.0.rows
    }

    /// Was it this constraint?
    ///
    /// ```
    /// # #[derive(Clone, Copy, PartialEq)]
    /// # enum CreateUserConstraint { UsersEmailKey }
    /// # sqlmill_runtime::constraints! { CreateUserConstraint { UsersEmailKey = "public"."users" "users_email_key" } }
    /// # fn taken(error: sqlmill_runtime::Error) -> bool {
    /// error.violates(CreateUserConstraint::UsersEmailKey)
    /// # }
    /// ```
    pub fn violates<C: Constraint>(&self, constraint: C) -> bool {
        C::ALL
            .iter()
            .any(|(variant, rule)| *variant == constraint && self.breaks(rule))
    }

    /// Which of a query's constraints it was. `None` when it was none, or one that the crate does not know. Of several that
    /// parameters were found to break before they were sent, it is one.
    pub fn constraint<C: Constraint>(&self) -> Option<C> {
        C::ALL
            .iter()
            .find(|(_, rule)| self.breaks(rule))
            .map(|(variant, _)| *variant)
    }

    fn breaks(&self, rule: &Rule) -> bool {
        self.0
            .violation
            .as_ref()
            .is_some_and(|found| rule.is(found))
            || self.0.faults.iter().any(|fault| rule.is_broken_by(fault))
    }

    /// The field of the parameter struct whose value the server could not take, where it says which, and where the parameters have names: a value
    /// that its type does not have, such as a label that is not one of the enum's. What a statement then makes of a value, such as
    /// casts, has no name to the server.
    pub fn parameter(&self) -> Option<&'static str> {
        self.0.parameter?.1
    }

    /// What is wrong with the parameters, all of it, where rules of the schema were broken that are known before anything is sent.
    /// The kind is [`InvalidInput`](ErrorKind::InvalidInput) then. Of many rows of parameters these are the first hundred, and the first that
    /// breaks each rule; [`rows`](Self::rows) has all rows at fault.
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }

    /// How many faults of many rows there are beside [`faults`](Self::faults).
    pub fn more_faults(&self) -> usize {
        self.0.more_faults
    }

    /// May the same transaction succeed when it is run again?
    pub fn is_retryable(&self) -> bool {
        self.0.kind == ErrorKind::Retryable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(about) = inner.query {
            write!(f, "{} ({}): ", about.name, about.location)?;
        }
        match &inner.violation {
            Some(violation) => write!(f, "violates {violation}")?,
            None => f.write_str(inner.words.unwrap_or(inner.kind.words()))?,
        }
        if let Some(detail) = &inner.detail {
            write!(f, ": {detail}")?;
        }
        match inner.parameter {
            Some((_, Some(name))) => write!(f, ": the value of `{name}`")?,
            Some((number, None)) => write!(f, ": the value of `${number}`")?,
            None => {}
        }
        for (index, fault) in inner.faults.iter().take(SHOWN).enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            write!(f, "{fault}")?;
        }
        match inner.faults.len().saturating_sub(SHOWN) + inner.more_faults {
            0 => {}
            more => write!(f, "; and {more} more")?,
        }
        if let Some(advice) = inner.advice {
            write!(f, "; {advice}")?;
        }
        match &inner.sqlstate {
            Some(sqlstate) => write!(f, " [{sqlstate}]"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {self})", self.0.kind)
    }
}

impl std::error::Error for Error {}

impl ErrorKind {
    fn words(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid input",
            Self::NotFound => {
                "no row found, where one was expected: `.optional()` takes none as well"
            }
            Self::TooManyRows => {
                "more than one row found, where at most one was expected: `.all()` takes any number"
            }
            Self::Constraint => "violates a constraint",
            Self::Retryable => "conflicts with another transaction, which can be retried",
            Self::Timeout => "took too long, and was cancelled by the server",
            Self::PoolExhausted => "no connection became free in time",
            Self::Connect => "cannot connect to the database",
            Self::Closed => "the handle was closed",
            Self::ConnectionLost => "the connection to the database was lost",
            Self::SchemaChanged => "the database is not what this crate was compiled for",
            Self::Decode => "cannot read the reply",
            Self::OutcomeUnknown => {
                "the connection was lost during COMMIT, and nobody knows whether the transaction took effect"
            }
            Self::Transaction => "the transaction cannot be used",
            Self::Other => "the database refused",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            words: None,
            query: None,
            sqlstate: None,
            violation: None,
            parameter: None,
            faults: Vec::new(),
            more_faults: 0,
            detail: None,
            advice: None,
            rows: Vec::new(),
        }))
    }

    pub(crate) fn with(kind: ErrorKind, detail: impl Into<String>) -> Self {
        let mut error = Self::new(kind);
        error.0.detail = Some(detail.into());
        error
    }

    pub(crate) fn of(mut self, query: Origin) -> Self {
        self.0.query = Some(query);
        self
    }

    /// With the server's words: of text that holds nobody's values.
    pub(crate) fn told(mut self, failure: &Failure) -> Self {
        if let Some(server) = failure.server() {
            self.0.detail = Some(server.message.to_owned());
        }
        self
    }

    /// The query was cancelled because it ran longer than its `--@ timeout`.
    pub(crate) fn past_limit(mut self, limit: Duration) -> Self {
        if self.kind() == ErrorKind::Timeout {
            self.0.detail = Some(format!("its limit is {limit:?}"));
        }
        self
    }

    /// So it was, and the server did not answer to that either.
    pub(crate) fn no_answer_within(limit: Duration) -> Self {
        let detail = format!("its limit is {limit:?}, and no answer came to the cancellation");
        let mut error = Self::with(ErrorKind::Timeout, detail);
        error.0.words = Some("took too long");
        error
    }

    /// A call was awaited to its end, or polled and then turned into something else, and is awaited again.
    pub(crate) fn spent() -> Self {
        let mut error = Self::new(ErrorKind::Other);
        error.0.words = Some("the query was awaited before: call its function again");
        error
    }

    #[cfg(feature = "testing")]
    pub(crate) fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// With more words behind what is said.
    pub(crate) fn noting(mut self, more: &str) -> Self {
        let detail = self.0.detail.get_or_insert_default();
        if !detail.is_empty() {
            detail.push_str("; ");
        }
        detail.push_str(more);
        self
    }

    #[cfg(feature = "testing")]
    pub(crate) fn violating<C: Constraint>(constraint: C) -> Self {
        let mut error = Self::new(ErrorKind::Constraint);
        let rule = C::ALL.iter().find(|(variant, _)| *variant == constraint);
        error.0.violation = rule.map(|(_, rule)| rule.violation());
        error
    }

    pub(crate) fn violation_mut(&mut self) -> Option<&mut Violation> {
        self.0.violation.as_mut()
    }

    /// In a transaction: the server no longer has the statement as it was prepared.
    pub(crate) fn into_schema_changed(mut self) -> Self {
        self.0.kind = ErrorKind::SchemaChanged;
        self.0.words = Some("the schema was changed since the statement was prepared");
        self.0.advice = Some("run the transaction again");
        self
    }

    /// The database lacks something that the statement needs.
    pub(crate) fn into_missing(mut self, sqlstate: &str) -> Self {
        self.0.kind = ErrorKind::SchemaChanged;
        self.0.advice = Some(match sqlstate {
            "42601" => "is the server older?",
            // A function, a type.
            "42883" | "42704" => "is a migration missing, or the server older?",
            _ => "is a migration missing?",
        });
        self
    }

    /// Its reply has other types than when the statement was prepared, which only shows when it has run.
    pub(crate) fn into_other_result(mut self) -> Self {
        self.0.kind = ErrorKind::SchemaChanged;
        self.0.detail = Some("the types of its columns changed; what it does was done".to_owned());
        self
    }

    pub(crate) fn mismatch(mismatch: &Mismatch) -> Self {
        let mut error = Self::with(ErrorKind::SchemaChanged, mismatch.to_string());
        error.0.advice = Some("migrate the database, or generate the crate anew");
        error
    }

    /// Among others of its sort.
    pub(crate) fn without_advice(mut self) -> Self {
        self.0.advice = None;
        self
    }

    pub(crate) fn decode(error: DecodeError, column: &str, index: usize, row: u64) -> Self {
        let column = format!("column {} `{column}` of row {row} {error}", index + 1);
        Self::with(ErrorKind::Decode, column)
    }

    /// No server could be connected to; `detail` says why.
    pub(crate) fn connect(detail: String, sqlstate: Option<String>) -> Self {
        let mut error = Self::with(ErrorKind::Connect, detail);
        error.0.sqlstate = sqlstate;
        error
    }

    /// The outcome of COMMIT is known only when the server answered.
    pub(crate) fn of_commit(mut self) -> Self {
        if self.kind() == ErrorKind::ConnectionLost {
            self.0.kind = ErrorKind::OutcomeUnknown;
            self.0.advice = Some("look before it is done again");
        }
        self
    }

    pub(crate) fn from_failure(failure: &Failure) -> Self {
        if let Some(server) = failure.server() {
            return Self::from_server(&server);
        }
        if let Some(error) = failure.encoding() {
            return Self::encoding(*error);
        }
        match (failure.io(), failure) {
            (Some(io), _) => Self::with(ErrorKind::ConnectionLost, io.kind().to_string()),
            (None, Failure::NoAnswer(limit)) => Self::with(
                ErrorKind::ConnectionLost,
                format!("no answer came within {limit:?}"),
            ),
            (None, Failure::Over) => Self::over(),
            (None, _) => Self::new(ErrorKind::ConnectionLost),
        }
    }

    /// Of a transaction.
    pub(crate) fn over() -> Self {
        Self::with(ErrorKind::Transaction, "it is over")
    }

    pub(crate) fn encoding(error: EncodeError) -> Self {
        let mut found = Self::with(ErrorKind::InvalidInput, format!("a parameter {error}"));
        found.0.rows = error.rows().collect();
        found
    }

    /// With the name of the parameter that it is about.
    pub(crate) fn naming<P: Params>(mut self, about: &About, params: &P) -> Self {
        if let Some((number, name)) = &mut self.0.parameter {
            let index = usize::from(*number).saturating_sub(1);
            let place = match about.params {
                None => Some(index),
                Some(places) => places.get(index).map(|&place| usize::from(place)),
            };
            *name = place.and_then(|place| param::name(params, place));
        }
        self
    }

    /// It is that of a statement that the caller does not know.
    pub(crate) fn without_parameter(mut self) -> Self {
        self.0.parameter = None;
        self
    }

    fn from_server(server: &ServerError<'_>) -> Self {
        let kind = kind_of(server.sqlstate);
        let mut error = Self::new(kind);
        if matches!(kind, ErrorKind::InvalidInput | ErrorKind::Constraint) {
            error.0.parameter = server.parameter.map(|number| (number, None));
        }
        error.0.sqlstate = Some(server.sqlstate.to_owned());
        if kind == ErrorKind::Constraint {
            error.0.violation = violation(server);
        }
        if shows_message(server.sqlstate, server.message) {
            error.0.detail = Some(server.message.to_owned());
        }
        error
    }

    /// The server refused to prepare the statement. It has seen no values yet, so its message quotes none.
    pub(crate) fn prepare(failure: &Failure) -> Self {
        let mut error = Self::from_failure(failure);
        if let Some(server) = failure.server() {
            error.0.detail = Some(server.message.to_owned());
            // It was prepared when the crate was generated: so its constants were values of their types (class 22), such as labels of
            // an enum.
            if is_about_names(server.sqlstate) || server.sqlstate.starts_with("22") {
                error = error.into_missing(server.sqlstate);
            }
        }
        error
    }
}

/// Is a statement refused for what it names: tables, columns, types, functions? Rights are another matter (42501).
pub(crate) fn is_about_names(sqlstate: &str) -> bool {
    (sqlstate.starts_with("42") && sqlstate != "42501") || sqlstate == "3F000"
}

/// The codes are those of PostgreSQL's appendix A.
pub(crate) fn kind_of(sqlstate: &str) -> ErrorKind {
    match sqlstate {
        "40001" | "40P01" => ErrorKind::Retryable,
        "57014" | "55P03" => ErrorKind::Timeout,
        // Shut down by an administrator, a crash, a dropped database, an idle timeout.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" => ErrorKind::ConnectionLost,
        "25P02" => ErrorKind::Transaction,
        // An open transaction was idle or lasted too long, and the server closed the connection.
        "25P03" | "25P04" => ErrorKind::ConnectionLost,
        _ => match sqlstate.get(..2) {
            Some("22") => ErrorKind::InvalidInput,
            Some("23") => ErrorKind::Constraint,
            Some("08") => ErrorKind::ConnectionLost,
            _ => ErrorKind::Other,
        },
    }
}

fn violation(server: &ServerError<'_>) -> Option<Violation> {
    let kind = match server.sqlstate {
        "23502" => ConstraintKind::NotNull,
        "23503" | "23001" => ConstraintKind::ForeignKey,
        "23505" => ConstraintKind::Unique,
        "23514" if server.constraint.is_none() && server.table.is_some() => {
            ConstraintKind::Partition
        }
        "23514" => ConstraintKind::Check,
        "23P01" => ConstraintKind::Exclusion,
        _ => return None,
    };
    let own = |text: Option<&str>| text.map(str::to_owned);
    Some(Violation {
        kind,
        schema: own(server.schema),
        relation: own(server.table.or(server.data_type)),
        column: own(server.column),
        constraint: own(server.constraint),
    })
}

/// The errors of a running statement whose message, in the server's sources, is made of names of the schema and numbers
/// only. Class 22, class 42 and RAISE quote values: a relation that does not exist may be one that a parameter names.
fn shows_message(sqlstate: &str, message: &str) -> bool {
    match sqlstate {
        // Transactions, locks, cancellation.
        "25001" | "25006" | "25P01" | "25P02" | "25P03" | "25P04" | "40001" | "40P01" | "55P03"
        | "57014" | "26000" => true,
        // "there is no unique or exclusion constraint matching the ON CONFLICT specification"
        "42P10" => true,
        // "permission denied for table users"; "to set role" would go on with what was given.
        "42501" => message.starts_with("permission denied for "),
        // Out of resources; shut down.
        _ => sqlstate.starts_with("53") || sqlstate.starts_with("57P"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    const KINDS: [ErrorKind; 15] = [
        ErrorKind::InvalidInput,
        ErrorKind::NotFound,
        ErrorKind::TooManyRows,
        ErrorKind::Constraint,
        ErrorKind::Retryable,
        ErrorKind::Timeout,
        ErrorKind::PoolExhausted,
        ErrorKind::Connect,
        ErrorKind::Closed,
        ErrorKind::ConnectionLost,
        ErrorKind::SchemaChanged,
        ErrorKind::Decode,
        ErrorKind::OutcomeUnknown,
        ErrorKind::Transaction,
        ErrorKind::Other,
    ];

    #[test]
    fn each_kind_is_one_line_with_the_place_of_its_query() {
        let origin = Origin {
            name: "users::get_user",
            location: "queries/users.sql:3",
        };
        for kind in KINDS {
            let bare = Error::new(kind);
            assert_eq!(bare.to_string(), kind.words());
            assert_eq!(bare.query(), None);
            let error = Error::with(kind, "the detail").of(origin);
            let said = error.to_string();
            let expected = format!(
                "users::get_user (queries/users.sql:3): {}: the detail",
                kind.words()
            );
            assert_eq!(said, expected);
            assert!(!said.contains('\n'));
            assert_eq!(format!("{error:?}"), format!("Error({kind:?}, {said})"));
            assert_eq!(format!("{error:#?}"), format!("{error:?}"));
            assert!(std::error::Error::source(&error).is_none());
            assert_eq!(error.query(), Some("users::get_user"));
            assert_eq!(error.location(), Some("queries/users.sql:3"));
            assert_eq!(error.is_retryable(), kind == ErrorKind::Retryable);
        }
    }
}
