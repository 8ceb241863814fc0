//! Constraints that a write can violate.

use std::fmt;

use crate::error::Fault;

/// An enum of the constraints that a query can violate; see [`constraints!`](crate::constraints).
pub trait Constraint: Copy + PartialEq + 'static {
    /// Every variant with the constraint that it stands for.
    const ALL: &'static [(Self, Rule)];
}

/// A constraint of the schema that a crate was compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    schema: &'static str,
    relation: &'static str,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Named(&'static str),
    NotNull(&'static str),
    DomainNotNull,
}

impl Rule {
    /// A constraint by its name; `relation` is its table, or its domain.
    pub const fn named(
        schema: &'static str,
        relation: &'static str,
        constraint: &'static str,
    ) -> Self {
        Self {
            schema,
            relation,
            what: What::Named(constraint),
        }
    }

    /// NOT NULL of a column.
    pub const fn not_null(schema: &'static str, table: &'static str, column: &'static str) -> Self {
        Self {
            schema,
            relation: table,
            what: What::NotNull(column),
        }
    }

    /// NOT NULL of a domain.
    pub const fn domain_not_null(schema: &'static str, domain: &'static str) -> Self {
        Self {
            schema,
            relation: domain,
            what: What::DomainNotNull,
        }
    }

    /// As if the server had reported it.
    #[cfg(feature = "testing")]
    pub(crate) fn violation(&self) -> Violation {
        let own = |text: &str| Some(text.to_owned());
        let (kind, column, constraint) = match self.what {
            // The name alone does not tell the kind; most that callers look at are unique.
            What::Named(name) => (ConstraintKind::Unique, None, own(name)),
            What::NotNull(column) => (ConstraintKind::NotNull, own(column), None),
            What::DomainNotNull => (ConstraintKind::NotNull, None, None),
        };
        Violation {
            kind,
            schema: own(self.schema),
            relation: own(self.relation),
            column,
            constraint,
        }
    }

    pub(crate) fn is_broken_by(&self, fault: &Fault) -> bool {
        fault.place() == (self.schema, self.relation)
            && self.what == What::Named(fault.constraint())
    }

    pub(crate) fn is(&self, violation: &Violation) -> bool {
        let same = |ours: &str, theirs: &Option<String>| theirs.as_deref() == Some(ours);
        same(self.schema, &violation.schema)
            && same(self.relation, &violation.relation)
            && match self.what {
                What::Named(name) => same(name, &violation.constraint),
                // From 18 on NOT NULL has a name, which the server does not report; the column stays.
                What::NotNull(column) => {
                    violation.kind == ConstraintKind::NotNull && same(column, &violation.column)
                }
                What::DomainNotNull => violation.kind == ConstraintKind::NotNull,
            }
    }
}

/// What sort of constraint was violated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConstraintKind {
    /// UNIQUE, PRIMARY KEY or a unique index.
    Unique,
    /// FOREIGN KEY, from either side.
    ForeignKey,
    /// CHECK of a table or a domain.
    Check,
    /// NOT NULL of a column or a domain.
    NotNull,
    /// EXCLUDE.
    Exclusion,
    /// No partition takes the row, or not the one that was written to.
    Partition,
}

impl fmt::Display for ConstraintKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unique => "unique constraint",
            Self::ForeignKey => "foreign key",
            Self::Check => "check constraint",
            Self::NotNull => "not-null constraint",
            Self::Exclusion => "exclusion constraint",
            Self::Partition => "partition bounds",
        })
    }
}

/// A constraint that was violated, as the server names it. One that the crate does not know has a name all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub(crate) kind: ConstraintKind,
    pub(crate) schema: Option<String>,
    pub(crate) relation: Option<String>,
    pub(crate) column: Option<String>,
    pub(crate) constraint: Option<String>,
}

impl Violation {
    /// The sort of constraint.
    pub fn kind(&self) -> ConstraintKind {
        self.kind
    }

    /// The schema of the table or domain.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The table, of a partition the topmost; of a domain's constraint the domain.
    pub fn relation(&self) -> Option<&str> {
        self.relation.as_deref()
    }

    /// The column, of a NOT NULL.
    pub fn column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// The name of the constraint; NOT NULL has none before PostgreSQL 18, and partition bounds never.
    pub fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(name) = &self.constraint {
            write!(f, " `{name}`")?;
        }
        match (&self.relation, &self.column) {
            (Some(relation), Some(column)) => write!(f, " of `{relation}.{column}`"),
            (Some(relation), None) => write!(f, " of `{relation}`"),
            (None, _) => Ok(()),
        }
    }
}
