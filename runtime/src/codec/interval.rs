//! `interval`.

use super::{Parts, oid};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

/// An `interval` as PostgreSQL keeps it: months, days and microseconds apart, since a month has no fixed number of
/// days and a day no fixed number of hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Interval {
    /// Whole months; twelve to a year.
    pub months: i32,
    /// Whole days.
    pub days: i32,
    /// The rest.
    pub microseconds: i64,
}

impl SqlType for Interval {
    fn accepts(ty: Type<'_>) -> bool {
        ty.base().oid() == oid::INTERVAL
    }
}

impl Column<'_> for Interval {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let microseconds = i64::from_be_bytes(parts.array()?);
        let days = parts.i32()?;
        let months = parts.i32()?;
        parts.end()?;
        Ok(Self {
            months,
            days,
            microseconds,
        })
    }
}

impl Value for Interval {
    type Ref<'r> = Self;
}

impl Param for Interval {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(&self.microseconds.to_be_bytes());
        out.put(&self.days.to_be_bytes());
        out.put(&self.months.to_be_bytes());
        Ok(Encoded::Value)
    }
}
