//! What is known of a value.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::json::Json;
use crate::catalog::Oid;

/// Can a value be NULL?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    Never,
    May,
    Always,
}

/// What is known of an expression's value.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) null: Null,
    /// Of what is never or always NULL, the cause; else a whole sentence.
    pub(super) why: String,
    /// May elements of the array be NULL, and a sentence on it. `None`: nothing is known.
    pub(super) elements: Option<(bool, String)>,
    /// Of a composite, or of the composites in an array, by attribute number, where they are known.
    pub(super) fields: Vec<(i16, Value)>,
    /// Of rows without a type of their own: what their fields are called, and of which types.
    pub(super) record: Option<Rc<[(String, Oid)]>>,
    /// Of JSON: what it is made of, where that is known.
    pub(super) json: Option<Rc<Json>>,
    /// An array without elements: whatever is said of its elements holds.
    pub(super) empty: bool,
    /// The column of a table whose value this is, unchanged.
    pub(super) origin: Option<(Oid, i16)>,
}

impl Value {
    pub(super) fn new(null: Null, why: impl Into<String>) -> Self {
        Self {
            null,
            why: why.into(),
            elements: None,
            fields: Vec::new(),
            record: None,
            json: None,
            empty: false,
            origin: None,
        }
    }

    pub(super) fn never(why: impl Into<String>) -> Self {
        Self::new(Null::Never, why)
    }

    pub(super) fn may(why: impl Into<String>) -> Self {
        Self::new(Null::May, why)
    }

    pub(super) fn is_never(&self) -> bool {
        self.null == Null::Never
    }

    /// A composite's field, by attribute number.
    pub(super) fn field(&self, number: i16) -> Option<&Value> {
        self.fields
            .iter()
            .find(|(field, _)| *field == number)
            .map(|(_, value)| value)
    }

    /// The same value where it is known not to be NULL.
    pub(super) fn known(mut self, why: &str) -> Self {
        if !self.is_never() {
            self.null = Null::Never;
            why.clone_into(&mut self.why);
        }
        self
    }

    /// The same value where it can be missing as a whole.
    pub(super) fn missing(mut self, why: impl Into<String>) -> Self {
        if self.null != Null::Always {
            self.null = Null::May;
            self.why = why.into();
        }
        self
    }

    /// What is always NULL, where it is one case of several.
    pub(super) fn demoted(mut self) -> Self {
        if self.null == Null::Always {
            self.null = Null::May;
            self.why = format!("may be null: {}", self.why);
        }
        self
    }

    /// The reason, for use within another.
    pub(super) fn because(&self) -> &str {
        self.why.strip_prefix("may be null: ").unwrap_or(&self.why)
    }

    /// The same nullability, of a value of another kind.
    pub(super) fn bare(self) -> Self {
        Self {
            elements: None,
            fields: Vec::new(),
            record: None,
            json: None,
            empty: false,
            origin: None,
            ..self
        }
    }

    /// The value is that of one of two, and it is not known which.
    pub(super) fn either(self, other: Self) -> Self {
        let elements = match (self.elements, other.elements) {
            (Some((true, why)), Some(_)) | (Some(_), Some((true, why))) => Some((true, why)),
            (Some((false, why)), Some((false, _))) => Some((false, why)),
            // NULL has no elements.
            (known, None) if other.null == Null::Always => known,
            (None, known) if self.null == Null::Always => known,
            _ => None,
        };
        let origin = self.origin.filter(|origin| other.origin == Some(*origin));
        // NULL has no fields, and an array without elements none that could differ.
        let nothing = |value: Null, empty: bool| value == Null::Always || empty;
        let (none, other_none) = (
            nothing(self.null, self.empty),
            nothing(other.null, other.empty),
        );
        let (fields, record, json) = if other_none {
            (self.fields, self.record, self.json)
        } else if none {
            (other.fields, other.record, other.json)
        } else {
            let json = self.json.zip(other.json);
            (
                merge_fields(self.fields, other.fields),
                same_record(self.record, other.record),
                json.and_then(|(left, right)| Json::either(&left, &right)),
            )
        };
        let (null, why) = match (self.null, other.null) {
            (Null::Never, Null::Never) if self.why == other.why => (Null::Never, self.why),
            (Null::Never, Null::Never) => (Null::Never, format!("{}; {}", self.why, other.why)),
            (Null::Always, Null::Always) => (Null::Always, self.why),
            (Null::May, _) => (Null::May, self.why),
            (_, Null::May) => (Null::May, other.why),
            (Null::Always, Null::Never) => (Null::May, format!("may be null: {}", self.why)),
            (Null::Never, Null::Always) => (Null::May, format!("may be null: {}", other.why)),
        };
        Self {
            null,
            why,
            elements,
            fields,
            record,
            json,
            empty: none && other_none && (self.empty || other.empty),
            origin,
        }
    }

    /// The value with what is known of the rows in another, one that holds them or that it holds.
    pub(super) fn with_rows_of(mut self, other: Value) -> Self {
        self.fields = other.fields;
        self.record = other.record;
        self
    }
}

/// Rows without a type are alike where their fields are of the same types; the first says what these are called.
fn same_record(
    left: Option<Rc<[(String, Oid)]>>,
    right: Option<Rc<[(String, Oid)]>>,
) -> Option<Rc<[(String, Oid)]>> {
    let right = right?;
    left.filter(|left| {
        let types =
            |record: &[(String, Oid)]| record.iter().map(|(_, oid)| *oid).collect::<Vec<_>>();
        types(left) == types(&right)
    })
}

fn merge_fields(left: Vec<(i16, Value)>, right: Vec<(i16, Value)>) -> Vec<(i16, Value)> {
    let mut right: BTreeMap<i16, Value> = right.into_iter().collect();
    left.into_iter()
        .filter_map(|(number, left)| Some((number, left.either(right.remove(&number)?))))
        .collect()
}
