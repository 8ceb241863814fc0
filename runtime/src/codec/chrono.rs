//! `timestamptz`, `timestamp`, `date` and `time`, as chrono's types.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};

use super::time::{DAY, RANGE, SECOND, TOO_FAR, finite, finite_days, time_of_day};
use super::{EPOCH, fixed, oid, stands_for};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError};
use crate::wire::{Buffer, Type};

stands_for! { DateTime<Utc>, |ty| ty.oid() == oid::TIMESTAMPTZ }
stands_for! { NaiveDateTime, |ty| ty.oid() == oid::TIMESTAMP }
stands_for! { NaiveDate, |ty| ty.oid() == oid::DATE }
stands_for! { NaiveTime, |ty| ty.oid() == oid::TIME }

fn unix(raw: &[u8]) -> Result<DateTime<Utc>, DecodeError> {
    let unix = finite(raw)?.checked_add(EPOCH * SECOND).ok_or(RANGE)?;
    DateTime::from_timestamp_micros(unix).ok_or(RANGE)
}

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default()
}

impl Column<'_> for DateTime<Utc> {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        unix(raw)
    }
}

impl Column<'_> for NaiveDateTime {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        unix(raw).map(|moment| moment.naive_utc())
    }
}

impl Column<'_> for NaiveDate {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let days = TimeDelta::try_days(finite_days(raw)?).ok_or(RANGE)?;
        first_day().checked_add_signed(days).ok_or(RANGE)
    }
}

impl Column<'_> for NaiveTime {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let (seconds, nanoseconds) = time_of_day(i64::from_be_bytes(fixed(raw)?))?;
        Self::from_num_seconds_from_midnight_opt(seconds, nanoseconds).ok_or(RANGE)
    }
}

/// A leap second is one past the last of its minute.
fn microseconds(time: NaiveTime) -> i64 {
    i64::from(time.num_seconds_from_midnight()) * SECOND + i64::from(time.nanosecond()) / 1_000
}

fn days(date: NaiveDate) -> i64 {
    date.signed_duration_since(first_day()).num_days()
}

impl Param for DateTime<Utc> {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        self.naive_utc().encode(ty, out)
    }
}

impl Param for NaiveDateTime {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let moment = days(self.date())
            .checked_mul(DAY)
            .and_then(|days| days.checked_add(microseconds(self.time())))
            .ok_or(TOO_FAR)?;
        out.put(&moment.to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Param for NaiveDate {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let days = i32::try_from(days(*self)).map_err(|_| TOO_FAR)?;
        out.put(&days.to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Param for NaiveTime {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(&microseconds(*self).to_be_bytes());
        Ok(Encoded::Value)
    }
}
