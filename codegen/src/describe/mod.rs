//! What the server says of each statement, as data. `wire` speaks the protocol, `node` reads tree text, `lower` makes
//! the typed [`tree`] of it.

pub mod lower;
pub mod node;
pub mod pass;
pub mod tree;

use crate::catalog::Oid;

/// The server's answer to one statement.
#[derive(Debug, Clone)]
pub enum Described {
    Statement(Statement),
    /// CALL, TRUNCATE, REFRESH …: what can be neither parsed for types nor explained.
    Utility(Utility),
    Refused(ServerError),
    /// The reader refused it before: not asked.
    Unasked,
}

#[derive(Debug, Clone)]
pub struct Statement {
    /// The types that the server chose for `$1 …`.
    pub params: Vec<Oid>,
    /// Empty where no rows come back.
    pub columns: Vec<ResultColumn>,
    /// What the rewriter made of it: one query, or several where rules are.
    pub queries: Vec<tree::Query>,
    /// What planning said where it refused.
    pub plan_error: Option<ServerError>,
}

#[derive(Debug, Clone)]
pub struct Utility {
    /// The statement's first word, in capitals: `CALL`, `TRUNCATE`, `EXPLAIN`.
    pub command: String,
    pub params: Vec<Oid>,
    /// SHOW, EXPLAIN, FETCH, EXECUTE and CALL with OUT parameters return rows.
    pub columns: Vec<ResultColumn>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultColumn {
    pub name: String,
    pub type_oid: Oid,
    pub type_mod: i32,
    /// 0 where the column is an expression.
    pub table: Oid,
    pub column: i16,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerError {
    pub code: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// Byte offset in the text that was sent (the protocol counts characters from one; this is converted).
    pub position: Option<usize>,
    /// The table that the error is about, with its schema: `public.users`.
    pub table: Option<String>,
    pub column: Option<String>,
    pub constraint: Option<String>,
}
