//! `timestamptz`, `timestamp`, `date` and `time`, as jiff's types.
//!
//! The server counts microseconds (days, for dates) from 2000-01-01. Its range is wider than jiff's and has infinities:
//! what jiff cannot hold is an error. jiff counts nanoseconds: what is below a microsecond is cut off on the way out.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Span, Timestamp};

use super::{EPOCH, fixed, oid};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const DAY: i64 = 86_400 * SECOND;
const INFINITE: DecodeError = DecodeError::new("is infinite, which its Rust type cannot hold");
pub(super) const RANGE: DecodeError =
    DecodeError::new("is outside the years that its Rust type can hold");

macro_rules! moment {
    ($($rust:ty = $name:literal $oid:ident;)*) => { $(
        impl SqlType for $rust {
            fn accepts(ty: Type<'_>) -> bool {
                ty.base().oid() == oid::$oid
            }
        }

        impl Value for $rust {
            type Ref<'r> = Self;
        }
    )* };
}

moment! {
    Timestamp = "timestamptz" TIMESTAMPTZ;
    DateTime = "timestamp" TIMESTAMP;
    Date = "date" DATE;
    Time = "time" TIME;
}

/// Microseconds since 2000-01-01, unless infinite.
pub(super) fn finite(raw: &[u8]) -> Result<i64, DecodeError> {
    match i64::from_be_bytes(fixed(raw)?) {
        i64::MAX | i64::MIN => Err(INFINITE),
        microseconds => Ok(microseconds),
    }
}

/// Days since 2000-01-01, unless infinite.
pub(super) fn finite_days(raw: &[u8]) -> Result<i64, DecodeError> {
    match i32::from_be_bytes(fixed(raw)?) {
        i32::MAX | i32::MIN => Err(INFINITE),
        days => Ok(i64::from(days)),
    }
}

/// Microseconds of Unix time.
fn unix(microseconds: i64) -> Result<Timestamp, DecodeError> {
    let unix = microseconds.checked_add(EPOCH * SECOND).ok_or(RANGE)?;
    Timestamp::from_microsecond(unix).map_err(|_| RANGE)
}

impl Column<'_> for Timestamp {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        unix(finite(raw)?)
    }
}

impl Column<'_> for DateTime {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let microseconds = finite(raw)?;
        let date = date(microseconds.div_euclid(DAY))?;
        let time = time(microseconds.rem_euclid(DAY))?;
        Ok(date.to_datetime(time))
    }
}

impl Column<'_> for Date {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        date(finite_days(raw)?)
    }
}

impl Column<'_> for Time {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        time(i64::from_be_bytes(fixed(raw)?))
    }
}

fn date(days: i64) -> Result<Date, DecodeError> {
    let span = Span::new().try_days(days).map_err(|_| RANGE)?;
    FIRST_DAY.checked_add(span).map_err(|_| RANGE)
}

const NOT_A_TIME: DecodeError = DecodeError::new("is 24:00:00, which its Rust type cannot hold");

/// Seconds of the day, and nanoseconds. PostgreSQL has a 24:00:00, which is no time of day elsewhere.
pub(super) fn time_of_day(microseconds: i64) -> Result<(u32, u32), DecodeError> {
    if !(0..DAY).contains(&microseconds) {
        return Err(NOT_A_TIME);
    }
    let part = |value: i64| u32::try_from(value).map_err(|_| NOT_A_TIME);
    Ok((
        part(microseconds / SECOND)?,
        part(microseconds % SECOND * 1_000)?,
    ))
}

fn time(microseconds: i64) -> Result<Time, DecodeError> {
    let (seconds, nanoseconds) = time_of_day(microseconds)?;
    let part = |value: u32| i8::try_from(value).map_err(|_| NOT_A_TIME);
    Time::new(
        part(seconds / 3_600)?,
        part(seconds / 60 % 60)?,
        part(seconds % 60)?,
        i32::try_from(nanoseconds).map_err(|_| NOT_A_TIME)?,
    )
    .map_err(|_| NOT_A_TIME)
}

const FIRST_DAY: Date = Date::constant(2000, 1, 1);
pub(super) const TOO_FAR: EncodeError = EncodeError::new("is outside what PostgreSQL can store");

impl Param for Timestamp {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        // Towards the past, before 1970 too.
        let unix = self.as_nanosecond().div_euclid(1_000);
        let unix = i64::try_from(unix).map_err(|_| TOO_FAR)?;
        out.put(&(unix - EPOCH * SECOND).to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Param for DateTime {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let microseconds = days(self.date())? * DAY + microseconds_of_day(self.time());
        out.put(&microseconds.to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Param for Date {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let days = i32::try_from(days(*self)?).map_err(|_| TOO_FAR)?;
        out.put(&days.to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Param for Time {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(&microseconds_of_day(*self).to_be_bytes());
        Ok(Encoded::Value)
    }
}

fn days(date: Date) -> Result<i64, EncodeError> {
    let span = FIRST_DAY.until(date).map_err(|_| TOO_FAR)?;
    Ok(i64::from(span.get_days()))
}

fn microseconds_of_day(time: Time) -> i64 {
    let seconds =
        i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    seconds * SECOND + i64::from(time.subsec_nanosecond()) / 1_000
}
