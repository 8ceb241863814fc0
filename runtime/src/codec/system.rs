//! Types of the server's own affairs: `pg_lsn`, `xid8`, `tid`, `pg_snapshot`, and `money` and `timetz`, which nobody should use.

use std::fmt;
use std::str::FromStr;

use super::{LENGTH, ParseError, Parts, TOO_LONG, fixed, oid, stands_for};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError};
use crate::wire::{Buffer, Type};

/// A `pg_lsn`, a place in the write-ahead log: `16/B374D848`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl FromStr for Lsn {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const WRONG: ParseError = ParseError::new("is not of the form 16/B374D848");
        let half = |text| u32::from_str_radix(text, 16).map_err(|_| WRONG);
        let (high, low) = text.split_once('/').ok_or(WRONG)?;
        Ok(Self(u64::from(half(high)?) << 32 | u64::from(half(low)?)))
    }
}

/// A `money` value in the smallest unit of the server's currency: cents, where `lc_monetary` has two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Money(pub i64);

/// A `tid`, the place of a row's version in its table: `(0,1)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tid {
    /// The page of the table.
    pub block: u32,
    /// The number on the page.
    pub offset: u16,
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.block, self.offset)
    }
}

impl FromStr for Tid {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parsed = || {
            let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
            let (block, offset) = inner.split_once(',')?;
            Some(Self {
                block: block.parse().ok()?,
                offset: offset.parse().ok()?,
            })
        };
        parsed().ok_or(ParseError::new("is not of the form (0,1)"))
    }
}

/// A `time with time zone`. It has no date, so the offset cannot follow daylight saving: `timestamptz` is what is meant nearly
/// always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TimeTz {
    /// Microseconds since midnight; 24:00:00 is a value of its own.
    pub microseconds: i64,
    /// Seconds east of Greenwich.
    pub offset: i32,
}

impl TimeTz {
    /// Is it one that PostgreSQL can store?
    fn exists(self) -> bool {
        (0..=DAY).contains(&self.microseconds) && self.offset.unsigned_abs() < FARTHEST
    }
}

/// In microseconds.
const DAY: i64 = 86_400_000_000;
/// `TZDISP_LIMIT` in `src/include/datatype/timestamp.h`: no offset has sixteen hours.
const FARTHEST: u32 = 16 * 3_600;

impl fmt::Display for TimeTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.microseconds / 1_000_000;
        write!(
            f,
            "{:02}:{:02}:{:02}.{:06}",
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60,
            self.microseconds % 1_000_000
        )?;
        let sign = if self.offset < 0 { '-' } else { '+' };
        let offset = self.offset.unsigned_abs();
        write!(
            f,
            "{sign}{:02}:{:02}:{:02}",
            offset / 3_600,
            offset / 60 % 60,
            offset % 60
        )
    }
}

impl FromStr for TimeTz {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parsed = || {
            let split = text.find(['+', '-'])?;
            let (time, zone) = text.split_at_checked(split)?;
            let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
            if fraction.len() > 6 {
                return None;
            }
            let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
            let east: i32 = clock(zone.get(1..)?)?.try_into().ok()?;
            let time = Self {
                microseconds: clock(whole)? * 1_000_000 + fraction,
                offset: if zone.starts_with('-') { -east } else { east },
            };
            time.exists().then_some(time)
        };
        parsed().ok_or(ParseError::new("is not of the form 12:34:56+02"))
    }
}

/// Seconds of `12`, `12:34` or `12:34:56`.
fn clock(text: &str) -> Option<i64> {
    let mut seconds = 0;
    let mut unit = 3_600;
    for part in text.split(':') {
        let number: u8 = part.parse().ok()?;
        if unit == 0 || number >= 60 {
            return None;
        }
        seconds += i64::from(number) * unit;
        unit /= 60;
    }
    Some(seconds)
}

/// A `pg_snapshot`: which transactions were seen to be over. `10:20:10,14,15`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Snapshot {
    /// All transactions before this one were over.
    pub xmin: u64,
    /// This one and all after it had not begun.
    pub xmax: u64,
    /// Between the two, those that were still running, in order.
    pub in_progress: Vec<u64>,
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin, self.xmax)?;
        for (index, id) in self.in_progress.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{id}")?;
        }
        Ok(())
    }
}

impl FromStr for Snapshot {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parsed = || {
            let (xmin, rest) = text.split_once(':')?;
            let (xmax, rest) = rest.split_once(':')?;
            let ids = rest.split(',').filter(|id| !id.is_empty());
            Some(Self {
                xmin: xmin.parse().ok()?,
                xmax: xmax.parse().ok()?,
                in_progress: ids.map(|id| id.parse().ok()).collect::<Option<_>>()?,
            })
        };
        parsed().ok_or(ParseError::new("is not of the form 10:20:10,14,15"))
    }
}

stands_for! { Lsn, |ty| ty.oid() == oid::PG_LSN }
stands_for! { Money, |ty| ty.oid() == oid::MONEY }
stands_for! { Tid, |ty| ty.oid() == oid::TID }
stands_for! { TimeTz, |ty| ty.oid() == oid::TIMETZ }
stands_for! { Snapshot, |ty| matches!(ty.oid(), oid::PG_SNAPSHOT | oid::TXID_SNAPSHOT) }
stands_for! { u64, |ty| ty.oid() == oid::XID8 }

impl Column<'_> for Lsn {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self(u64::from_be_bytes(fixed(raw)?)))
    }
}

impl Param for Lsn {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(&self.0.to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Column<'_> for u64 {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self::from_be_bytes(fixed(raw)?))
    }
}

impl Param for u64 {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(&self.to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Column<'_> for Money {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self(i64::from_be_bytes(fixed(raw)?)))
    }
}

impl Param for Money {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(&self.0.to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Column<'_> for Tid {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let block = u32::from_be_bytes(parts.array()?);
        let offset = u16::from_be_bytes(parts.array()?);
        parts.end()?;
        Ok(Self { block, offset })
    }
}

impl Param for Tid {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(&self.block.to_be_bytes());
        out.put(&self.offset.to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Column<'_> for TimeTz {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let microseconds = parts.i64()?;
        // The server counts seconds west.
        let west = parts.i32()?;
        parts.end()?;
        let time = Self {
            microseconds,
            offset: west.checked_neg().ok_or(LENGTH)?,
        };
        match time.exists() {
            true => Ok(time),
            false => Err(DecodeError::new("is no time of a day")),
        }
    }
}

impl Param for TimeTz {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        if !self.exists() {
            return Err(EncodeError::new("is a time that PostgreSQL cannot store"));
        }
        out.put(&self.microseconds.to_be_bytes());
        out.put(&(-self.offset).to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Column<'_> for Snapshot {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let count = parts.length()?;
        let mut number = || parts.array().map(u64::from_be_bytes);
        let (xmin, xmax) = (number()?, number()?);
        if parts.0.len() / 8 != count {
            return Err(LENGTH);
        }
        let ids = (0..count).map(|_| parts.array().map(u64::from_be_bytes));
        let in_progress = ids.collect::<Result<_, _>>()?;
        parts.end()?;
        Ok(Self {
            xmin,
            xmax,
            in_progress,
        })
    }
}

impl Param for Snapshot {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let count = i32::try_from(self.in_progress.len()).map_err(|_| TOO_LONG)?;
        out.put(&count.to_be_bytes());
        for id in [self.xmin, self.xmax].iter().chain(&self.in_progress) {
            out.put(&id.to_be_bytes());
        }
        Ok(Encoded::Value)
    }
}
