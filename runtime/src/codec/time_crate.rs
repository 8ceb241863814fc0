//! `timestamptz`, `timestamp`, `date` and `time`, as the types of the crate `time`.

use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

use super::time::{DAY, RANGE, SECOND, TOO_FAR, finite, finite_days, time_of_day};
use super::{EPOCH, fixed, oid, stands_for};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError};
use crate::wire::{Buffer, Type};

stands_for! { OffsetDateTime, |ty| ty.oid() == oid::TIMESTAMPTZ }
stands_for! { PrimitiveDateTime, |ty| ty.oid() == oid::TIMESTAMP }
stands_for! { Date, |ty| ty.oid() == oid::DATE }
stands_for! { Time, |ty| ty.oid() == oid::TIME }

/// 2000-01-01
const FIRST_DAY: i64 = 2_451_545;

fn date(days: i64) -> Result<Date, DecodeError> {
    let day = FIRST_DAY.checked_add(days).ok_or(RANGE)?;
    let day = i32::try_from(day).map_err(|_| RANGE)?;
    Date::from_julian_day(day).map_err(|_| RANGE)
}

fn time(microseconds: i64) -> Result<Time, DecodeError> {
    let (seconds, nanoseconds) = time_of_day(microseconds)?;
    let part = |value: u32| u8::try_from(value).map_err(|_| RANGE);
    Time::from_hms_nano(
        part(seconds / 3_600)?,
        part(seconds / 60 % 60)?,
        part(seconds % 60)?,
        nanoseconds,
    )
    .map_err(|_| RANGE)
}

impl Column<'_> for OffsetDateTime {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let unix = i128::from(finite(raw)?) + i128::from(EPOCH * SECOND);
        Self::from_unix_timestamp_nanos(unix * 1_000).map_err(|_| RANGE)
    }
}

impl Column<'_> for PrimitiveDateTime {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let microseconds = finite(raw)?;
        Ok(Self::new(
            date(microseconds.div_euclid(DAY))?,
            time(microseconds.rem_euclid(DAY))?,
        ))
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

fn days(date: Date) -> i64 {
    i64::from(date.to_julian_day()) - FIRST_DAY
}

fn microseconds(time: Time) -> i64 {
    let (hours, minutes, seconds, nanoseconds) = time.as_hms_nano();
    let seconds = i64::from(hours) * 3_600 + i64::from(minutes) * 60 + i64::from(seconds);
    seconds * SECOND + i64::from(nanoseconds) / 1_000
}

impl Param for OffsetDateTime {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        // Towards the past, before 1970 too.
        let unix = self.unix_timestamp_nanos().div_euclid(1_000);
        let moment = i64::try_from(unix - i128::from(EPOCH * SECOND)).map_err(|_| TOO_FAR)?;
        out.put(&moment.to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Param for PrimitiveDateTime {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let moment = days(self.date())
            .checked_mul(DAY)
            .and_then(|days| days.checked_add(microseconds(self.time())))
            .ok_or(TOO_FAR)?;
        out.put(&moment.to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Param for Date {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let days = i32::try_from(days(*self)).map_err(|_| TOO_FAR)?;
        out.put(&days.to_be_bytes());
        Ok(Encoded::Value)
    }
}

impl Param for Time {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(&microseconds(*self).to_be_bytes());
        Ok(Encoded::Value)
    }
}
