//! A query with all that is known of it: what the author wrote, what Postgres said, what was proved.

use crate::describe::Described;
use crate::facts::Facts;
use crate::parse::syntax::{ParsedFile, ParsedQuery};

#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    pub file: &'a ParsedFile,
    /// One of the file's.
    pub parsed: &'a ParsedQuery,
    pub described: &'a Described,
    /// `None` where Postgres refused the statement or could not be asked for its tree.
    pub facts: Option<&'a Facts>,
}
