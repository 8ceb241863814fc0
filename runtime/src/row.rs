//! Rows: how the columns of a reply become a Rust value.

use std::fmt;

use crate::codec;
use crate::sql_type::SqlType;
use crate::wire::RawRow;

/// What a query returns: a struct by [`row!`](crate::row), or the type of a single column.
///
/// `read` and `borrow` first take every column and then build the value, so that the same code that reads a reply also
/// tells the runtime the types of all columns, with no reply at hand.
pub trait Row: Sized + Send + 'static {
    /// The row with text and bytes borrowed from the reply.
    type Ref<'r>;

    /// Takes the columns from left to right.
    fn read<'r, S: Source<'r>>(source: &mut S) -> Option<Self>;

    /// As `read`, borrowing from the reply.
    fn borrow<'r, S: Source<'r>>(source: &mut S) -> Option<Self::Ref<'r>>;
}

/// Where a row's or a composite's columns come from.
pub trait Source<'r> {
    /// The next column. `None` when it cannot be read, or when only its type is looked at; the source knows why.
    fn column<T: Column<'r>>(&mut self, name: &'static str) -> Option<T>;
}

/// A value that a column can be read into.
pub trait Column<'r>: SqlType + Sized {
    /// Reads the value's bytes, in the server's binary form.
    ///
    /// # Errors
    ///
    /// The bytes are no value of that type, or one that the Rust type does not hold.
    fn decode(raw: &'r [u8]) -> Result<Self, DecodeError>;

    /// What stands for NULL.
    ///
    /// # Errors
    ///
    /// There is nothing that stands for NULL.
    fn null() -> Result<Self, DecodeError> {
        Err(DecodeError::new("is NULL"))
    }

    /// Reads a list of such values.
    ///
    /// # Errors
    ///
    /// The bytes are no value of that type, or one that the Rust type does not hold.
    fn decode_list(raw: &'r [u8]) -> Result<Vec<Self>, DecodeError> {
        codec::list(raw)
    }

    /// As `decode_list`, where elements may be NULL.
    ///
    /// # Errors
    ///
    /// The bytes are no value of that type, or one that the Rust type does not hold.
    fn decode_options(raw: &'r [u8]) -> Result<Vec<Option<Self>>, DecodeError> {
        codec::list(raw)
    }

    /// Reads the value or NULL.
    ///
    /// # Errors
    ///
    /// The bytes are no value of that type, or one that the Rust type does not hold.
    #[inline]
    fn decode_nullable(raw: Option<&'r [u8]>) -> Result<Self, DecodeError> {
        match raw {
            Some(raw) => Self::decode(raw),
            None => Self::null(),
        }
    }
}

impl<'r, T: Column<'r>> Column<'r> for Option<T> {
    #[inline]
    fn decode(raw: &'r [u8]) -> Result<Self, DecodeError> {
        T::decode(raw).map(Some)
    }

    fn null() -> Result<Self, DecodeError> {
        Ok(None)
    }

    fn decode_list(raw: &'r [u8]) -> Result<Vec<Self>, DecodeError> {
        T::decode_options(raw)
    }
}

/// A value that owns its data, and so can be a whole row when the query has one column.
pub trait Value: for<'r> Column<'r> + Send + 'static {
    /// The value with text and bytes borrowed from the reply.
    type Ref<'r>: Column<'r>;
}

impl<T: Value> Value for Option<T> {
    type Ref<'r> = Option<T::Ref<'r>>;
}

impl<T: Value> Row for T {
    type Ref<'r> = <T as Value>::Ref<'r>;

    fn read<'r, S: Source<'r>>(source: &mut S) -> Option<Self> {
        source.column("value")
    }

    fn borrow<'r, S: Source<'r>>(source: &mut S) -> Option<Self::Ref<'r>> {
        source.column("value")
    }
}

/// Why a value could not be read. It never holds the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError(&'static str);

impl DecodeError {
    /// `reason` completes a sentence that begins with the column: "is NULL", "has more than one dimension".
    pub const fn new(reason: &'static str) -> Self {
        Self(reason)
    }

    /// The reason.
    pub const fn reason(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for DecodeError {}

/// Reads one row of a reply by position.
#[derive(Debug)]
pub struct Reading<'r> {
    row: &'r RawRow,
    next: usize,
    pub(crate) failure: Option<(usize, DecodeError)>,
}

impl<'r> Reading<'r> {
    pub(crate) fn new(row: &'r RawRow) -> Self {
        Self {
            row,
            next: 0,
            failure: None,
        }
    }
}

impl<'r> Source<'r> for Reading<'r> {
    #[inline]
    fn column<T: Column<'r>>(&mut self, _: &'static str) -> Option<T> {
        let index = self.next;
        self.next += 1;
        let value = match self.row.value(index) {
            Some(raw) => T::decode_nullable(raw),
            None => Err(DecodeError::new("is missing")),
        };
        match value {
            Ok(value) => Some(value),
            Err(error) => {
                self.failure.get_or_insert((index, error));
                None
            }
        }
    }
}
