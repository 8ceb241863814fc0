//! `numeric` of any size, and NaN and the infinities, as text.
//!
//! The form on the wire is told in `decimal.rs`.

use std::fmt;
use std::str::FromStr;

use super::{LENGTH, ParseError, Parts, oid, stands_for};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError};
use crate::wire::{Buffer, Type};

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xC000;
const INFINITE: u16 = 0xD000;
const NEGATIVE_INFINITE: u16 = 0xF000;
/// Decimal digits in a digit of the wire.
const WIDTH: usize = 4;
/// The server reads no more digits before the point, and no more behind it (`numeric.c`).
pub(super) const MOST_BEFORE: usize = 131_072;
pub(super) const MOST_BEHIND: usize = 16_383;

/// A `numeric` as PostgreSQL writes it, whatever its size: `-12.50`, `NaN`, `Infinity`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Numeric(String);

impl Numeric {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Numeric {
    type Err = ParseError;

    /// Reads digits with or without a point and a sign, and the three names.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        const WRONG: ParseError = ParseError::new("is not a decimal number");
        for name in ["NaN", "Infinity", "-Infinity"] {
            if text == name {
                return Ok(Self(text.to_owned()));
            }
        }
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text.strip_prefix('+').unwrap_or(text)),
        };
        let (before, behind) = match digits.split_once('.') {
            Some((before, behind)) => (before, Some(behind)),
            None => (digits, None),
        };
        let all = || before.bytes().chain(behind.unwrap_or_default().bytes());
        if all().next().is_none() || !all().all(|digit| digit.is_ascii_digit()) {
            return Err(WRONG);
        }
        let before = before.trim_start_matches('0');
        if before.len() > MOST_BEFORE || behind.is_some_and(|behind| behind.len() > MOST_BEHIND) {
            return Err(ParseError::new("has more digits than PostgreSQL can take"));
        }
        let before = if before.is_empty() { "0" } else { before };
        // There is no negative zero.
        let sign = if all().all(|digit| digit == b'0') {
            ""
        } else {
            sign
        };
        Ok(Self(match behind {
            Some(behind) if !behind.is_empty() => format!("{sign}{before}.{behind}"),
            _ => format!("{sign}{before}"),
        }))
    }
}

stands_for! { Numeric, |ty| ty.oid() == oid::NUMERIC }

impl Column<'_> for Numeric {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let count = usize::from(u16::from_be_bytes(parts.array()?));
        let weight = i16::from_be_bytes(parts.array()?);
        let sign = u16::from_be_bytes(parts.array()?);
        let scale = usize::from(u16::from_be_bytes(parts.array()?));
        let sign = match sign {
            POSITIVE => "",
            NEGATIVE => "-",
            NOT_A_NUMBER => return Ok(Self("NaN".to_owned())),
            INFINITE => return Ok(Self("Infinity".to_owned())),
            NEGATIVE_INFINITE => return Ok(Self("-Infinity".to_owned())),
            _ => return Err(LENGTH),
        };
        if scale > MOST_BEHIND {
            return Err(LENGTH);
        }
        let mut digits = String::with_capacity(count.min(parts.0.len() / 2) * WIDTH);
        for _ in 0..count {
            let digit = u16::from_be_bytes(parts.array()?);
            if digit > 9_999 {
                return Err(LENGTH);
            }
            digits.push_str(&format!("{digit:04}"));
        }
        parts.end()?;
        // How many of the digits stand before the point; what is not sent is zeros.
        let before = (i32::from(weight) + 1) * 4;
        let (zeros, before) = match usize::try_from(before) {
            Ok(before) => (0, before),
            Err(_) => (usize::try_from(-before).map_err(|_| LENGTH)?, 0),
        };
        let mut whole: String = digits.chars().take(before).collect();
        whole.extend(std::iter::repeat_n(
            '0',
            before.saturating_sub(digits.len()),
        ));
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let fraction: String = std::iter::repeat_n('0', zeros)
            .chain(digits.chars().skip(before))
            .chain(std::iter::repeat('0'))
            .take(scale)
            .collect();
        // There is no negative zero.
        let sign = match whole == "0" && fraction.bytes().all(|digit| digit == b'0') {
            true => "",
            false => sign,
        };
        Ok(Self(match scale {
            0 => format!("{sign}{whole}"),
            _ => format!("{sign}{whole}.{fraction}"),
        }))
    }
}

impl Param for Numeric {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        const TOO_WIDE: EncodeError = EncodeError::new("has more digits than PostgreSQL can take");
        let special = match self.0.as_str() {
            "NaN" => Some(NOT_A_NUMBER),
            "Infinity" => Some(INFINITE),
            "-Infinity" => Some(NEGATIVE_INFINITE),
            _ => None,
        };
        if let Some(sign) = special {
            for part in [0, 0, sign, 0] {
                out.put(&part.to_be_bytes());
            }
            return Ok(Encoded::Value);
        }
        let (sign, digits) = match self.0.strip_prefix('-') {
            Some(digits) => (NEGATIVE, digits),
            None => (POSITIVE, self.0.as_str()),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        // Digits of the wire are aligned at the decimal point.
        let mut text = "0".repeat((WIDTH - whole.len() % WIDTH) % WIDTH);
        text.push_str(whole);
        let before = text.len() / WIDTH;
        text.push_str(fraction);
        text.push_str(&"0".repeat((WIDTH - fraction.len() % WIDTH) % WIDTH));
        let mut groups: Vec<u16> = Vec::with_capacity(text.len() / WIDTH);
        let (chunks, _) = text.as_bytes().as_chunks::<WIDTH>();
        for chunk in chunks {
            let value = chunk
                .iter()
                .fold(0, |value, digit| value * 10 + u16::from(*digit - b'0'));
            groups.push(value);
        }
        let leading = groups.iter().take_while(|group| **group == 0).count();
        groups.drain(..leading);
        while groups.last() == Some(&0) {
            groups.pop();
        }
        let count = i16::try_from(groups.len()).map_err(|_| TOO_WIDE)?;
        let weight = i32::try_from(before).map_err(|_| TOO_WIDE)?
            - i32::try_from(leading).map_err(|_| TOO_WIDE)?
            - 1;
        let weight = if groups.is_empty() { 0 } else { weight };
        let weight = i16::try_from(weight).map_err(|_| TOO_WIDE)?;
        let scale = u16::try_from(fraction.len()).map_err(|_| TOO_WIDE)?;
        out.put(&count.to_be_bytes());
        out.put(&weight.to_be_bytes());
        out.put(&sign.to_be_bytes());
        out.put(&scale.to_be_bytes());
        for group in groups {
            out.put(&group.to_be_bytes());
        }
        Ok(Encoded::Value)
    }
}
