//! Ranges and multiranges.
//!
//! On the wire: a byte of flags, then each finite bound with its length (`range_send` in `rangetypes.c`); a multirange is a
//! count, then each range with its length.

use std::fmt;
use std::ops::Bound;

use super::array::encode_part;
use super::{LENGTH, Parts, TOO_LONG, sized};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

// `RANGE_EMPTY` and its neighbours in `src/include/utils/rangetypes.h`.
const EMPTY: u8 = 0x01;
const LOWER_INCLUDED: u8 = 0x02;
const UPPER_INCLUDED: u8 = 0x04;
const NO_LOWER: u8 = 0x08;
const NO_UPPER: u8 = 0x10;

/// A range of the database: `int4range`, `tstzrange`, or one of the schema's own.
///
/// The server gives ranges of whole numbers and of days back with the lower bound included and the upper one excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Range<T> {
    /// It holds nothing.
    Empty,
    /// What lies between two bounds.
    Bounds {
        /// Where it begins.
        lower: Bound<T>,
        /// Where it ends.
        upper: Bound<T>,
    },
}

impl<T> Range<T> {
    /// From a range as Rust writes it: `(1..5)`, `(1..=5)`, `(..5)`.
    pub fn of(bounds: impl std::ops::RangeBounds<T>) -> Self
    where
        T: Clone,
    {
        Self::Bounds {
            lower: bounds.start_bound().cloned(),
            upper: bounds.end_bound().cloned(),
        }
    }
}

impl<T> From<std::ops::Range<T>> for Range<T> {
    fn from(range: std::ops::Range<T>) -> Self {
        Self::Bounds {
            lower: Bound::Included(range.start),
            upper: Bound::Excluded(range.end),
        }
    }
}

/// As PostgreSQL writes it: `[1,5)`, `empty`.
impl<T: fmt::Display> fmt::Display for Range<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Bounds { lower, upper } = self else {
            return f.write_str("empty");
        };
        match lower {
            Bound::Included(value) => write!(f, "[{}", quoted(value))?,
            Bound::Excluded(value) => write!(f, "({}", quoted(value))?,
            Bound::Unbounded => f.write_str("(")?,
        }
        f.write_str(",")?;
        match upper {
            Bound::Included(value) => write!(f, "{}]", quoted(value)),
            Bound::Excluded(value) => write!(f, "{})", quoted(value)),
            Bound::Unbounded => f.write_str(")"),
        }
    }
}

fn quoted(value: &impl fmt::Display) -> String {
    let text = value.to_string();
    let special = |letter: char| "()[],\"\\".contains(letter) || letter.is_whitespace();
    if !text.is_empty() && !text.contains(special) {
        return text;
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

impl<T: SqlType> SqlType for Range<T> {
    fn accepts(ty: Type<'_>) -> bool {
        ty.range_of().is_some_and(T::accepts)
    }
}

impl<T: for<'r> Column<'r>> Column<'_> for Range<T> {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let [flags] = parts.array()?;
        if flags & EMPTY != 0 {
            parts.end()?;
            return Ok(Self::Empty);
        }
        let mut bound = |infinite: u8, included: u8| {
            if flags & infinite != 0 {
                return Ok(Bound::Unbounded);
            }
            let value = T::decode(parts.nullable()?.ok_or(LENGTH)?)?;
            Ok(if flags & included != 0 {
                Bound::Included(value)
            } else {
                Bound::Excluded(value)
            })
        };
        let lower = bound(NO_LOWER, LOWER_INCLUDED)?;
        let upper = bound(NO_UPPER, UPPER_INCLUDED)?;
        parts.end()?;
        Ok(Self::Bounds { lower, upper })
    }
}

impl<T: for<'r> Column<'r> + Send + 'static> Value for Range<T> {
    type Ref<'r> = Self;
}

const NO_RANGE: EncodeError = EncodeError::new("is a range where the database takes none");

impl<T: Param> Param for Range<T> {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        self.put(ty.range_of().ok_or(NO_RANGE)?, out)?;
        Ok(Encoded::Value)
    }
}

impl<T: Param> Range<T> {
    fn put(&self, element: Type<'_>, out: &mut Buffer<'_>) -> Result<(), EncodeError> {
        let Self::Bounds { lower, upper } = self else {
            out.put(&[EMPTY]);
            return Ok(());
        };
        let flags = |bound: &Bound<T>, infinite: u8, included: u8| match bound {
            Bound::Included(_) => included,
            Bound::Excluded(_) => 0,
            Bound::Unbounded => infinite,
        };
        out.put(&[flags(lower, NO_LOWER, LOWER_INCLUDED) | flags(upper, NO_UPPER, UPPER_INCLUDED)]);
        for bound in [lower, upper] {
            let (Bound::Included(value) | Bound::Excluded(value)) = bound else {
                continue;
            };
            if encode_part(value, element, out)? == Encoded::Null {
                return Err(EncodeError::new("has a bound that is NULL"));
            }
        }
        Ok(())
    }
}

/// A multirange of the database. The server gives its ranges back in order, joined where they touch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Multirange<T>(pub Vec<Range<T>>);

/// As PostgreSQL writes it: `{[1,5),[7,9)}`.
impl<T: fmt::Display> fmt::Display for Multirange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            range.fmt(f)?;
        }
        f.write_str("}")
    }
}

impl<T: SqlType> SqlType for Multirange<T> {
    fn accepts(ty: Type<'_>) -> bool {
        ty.multirange_of().is_some_and(T::accepts)
    }
}

impl<T: for<'r> Column<'r>> Column<'_> for Multirange<T> {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let count = usize::try_from(parts.i32()?).map_err(|_| LENGTH)?;
        let mut ranges = Vec::with_capacity(count.min(parts.0.len() / 5));
        for _ in 0..count {
            ranges.push(Range::decode(parts.nullable()?.ok_or(LENGTH)?)?);
        }
        parts.end()?;
        Ok(Self(ranges))
    }
}

impl<T: for<'r> Column<'r> + Send + 'static> Value for Multirange<T> {
    type Ref<'r> = Self;
}

impl<T: Param> Param for Multirange<T> {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let element = ty.multirange_of().ok_or(NO_RANGE)?;
        let count = i32::try_from(self.0.len()).map_err(|_| TOO_LONG)?;
        out.put(&count.to_be_bytes());
        for range in &self.0 {
            sized(out, |out| range.put(element, out))?;
        }
        Ok(Encoded::Value)
    }
}
