//! What was proved of each query, with reasons. `prove` fills it; nothing here computes.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Oid;
use crate::model::Test;

/// A fact and why it holds, in words for the author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved<T> {
    pub value: T,
    /// One sentence without a full stop: "`posts.title` may be null: right side of a LEFT JOIN at line 4".
    pub reason: String,
}

impl<T> Proved<T> {
    pub fn new(value: T, reason: impl Into<String>) -> Self {
        Self {
            value,
            reason: reason.into(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Facts {
    pub columns: Vec<ColumnFacts>,
    pub params: Vec<ParamFacts>,
    pub cardinality: Proved<Cardinality>,
    pub access: Proved<Access>,
    /// The query is a read that any connection answers alike: no lock, no function outside the reviewed built-ins, nothing
    /// that touches the session.
    pub pure_read: Proved<bool>,
    /// It is a pure read of at most one row that is soon answered, so it may run on a connection that others use at the same time.
    pub shared: Proved<bool>,
    pub reads: BTreeMap<Oid, BTreeSet<i16>>,
    pub writes: BTreeMap<Oid, Write>,
    pub violations: Vec<Violation>,
    /// Code that is not read runs as well, so that other constraints may break too: which, in a sentence.
    pub unread_code: Option<String>,
    pub order: Order,
    /// What parameters are held to that are stored as they are.
    pub held: Vec<Held>,
    /// The unique indexes that the proofs rest on, and those that ON CONFLICT names.
    pub keys: BTreeSet<Oid>,
}

/// What the schema demands of a parameter, in a form that can be asked without the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// `$n`
    pub param: usize,
    /// `$m` of `CASE WHEN $m THEN $n ELSE column END`: where it is false nothing is stored.
    pub switch: Option<usize>,
    /// Of the table, or of the domain.
    pub schema: String,
    pub relation: String,
    pub constraint: String,
    /// Its COMMENT, or else what it demands.
    pub message: String,
    pub test: Test,
    /// Of a CHECK, pg_get_constraintdef.
    pub definition: Option<String>,
    /// The column's name and its type, where its length or its places behind the point matter.
    pub declared: Option<(String, String)>,
}

#[derive(Debug, Clone)]
pub struct ColumnFacts {
    pub nullable: Proved<bool>,
    /// May the elements of the array be NULL? `None` for what is no array.
    pub elements: Option<Proved<bool>>,
    /// The value is always NULL, whatever the rows: `!` on it is an error.
    pub always_null: bool,
    /// Of a composite, or of the composites in an array, by field, where more is known than the type says; empty otherwise.
    pub fields: Vec<ColumnFacts>,
    /// Of rows without a type of their own, alone or in an array: the names and types of `fields`; empty otherwise.
    pub record: Vec<(String, Oid)>,
    /// Of JSON: what it is made of, where that is known.
    pub json: Option<JsonFacts>,
    /// The column of a base table whose value this is, unchanged.
    pub origin: Option<(Oid, i16)>,
}

/// What JSON is made of: SQL values, as `to_json` writes them, with their types.
#[derive(Debug, Clone)]
pub enum JsonFacts {
    /// By key, in order.
    Object(Vec<(String, Oid, ColumnFacts)>),
    /// Of any length: the elements.
    Array(Oid, Box<ColumnFacts>),
    /// One value.
    Of(Oid, Box<ColumnFacts>),
}

#[derive(Debug, Clone)]
pub struct ParamFacts {
    pub nullable: Proved<bool>,
    /// May elements of an array parameter be NULL (they are compared or stored where NULL may stand)?
    pub elements: Option<Proved<bool>>,
    /// The column that it is compared with or assigned to, bare.
    pub origin: Option<(Oid, i16)>,
    /// It is stored, unchanged, in these columns.
    pub assigned: Vec<(Oid, i16)>,
    /// It, or each of its elements, is stored in these columns or compared with them.
    pub tied: Vec<(Oid, i16)>,
    /// Of those, the ones that it is stored in or held to be the same as, or another than.
    pub same: Vec<(Oid, i16)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cardinality {
    /// The statement returns no rows by its form: an INSERT without RETURNING.
    None,
    One,
    AtMostOne,
    Many,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    Read,
    Write,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Write {
    pub insert: bool,
    pub update: bool,
    pub delete: bool,
    /// Columns that are assigned; empty for a DELETE.
    pub columns: BTreeSet<i16>,
}

/// A constraint that the statement can break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// `users_email_key`; of NOT NULL, which has no name before 18, the column's name.
    pub name: String,
    pub kind: ViolationKind,
    pub relation: Oid,
    pub relation_name: String,
    pub columns: Vec<String>,
    /// Under which names else the server may report it: a partition has constraints of its own, named apart; a domain's are reported as those
    /// of the domain over it.
    pub elsewhere: Vec<ReportedName>,
    /// The constraint's COMMENT.
    pub comment: Option<String>,
    /// "inserts into `users`", "deletes from `users`, which `posts` references".
    pub reason: String,
}

/// What stands in an error's fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReportedName {
    pub schema: String,
    /// Or the domain.
    pub table: String,
    /// The constraint's name; of NOT NULL, the column's.
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ViolationKind {
    Unique,
    ForeignKey,
    Check,
    NotNull,
    Exclusion,
    /// A domain's CHECK or NOT NULL.
    Domain,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub keys: Vec<OrderKey>,
    /// Two rows of the result never compare equal under the keys.
    pub total: Proved<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderKey {
    /// As the author would say it: `created_at`, `lower(name)`, or `column 2`.
    pub text: String,
    pub descending: bool,
    pub nulls_first: bool,
    pub nullable: bool,
    /// Its place among the result's columns, from 0.
    pub column: Option<usize>,
}
