//! `numeric`, as `rust_decimal::Decimal`.
//!
//! On the wire: the number of digits, the weight of the first, the sign, the digits after the decimal point, then the
//! digits to the base of 10,000 (`numeric_send` in `numeric.c`). `Decimal` holds 96 bits and 28 digits after the point:
//! what it cannot hold exactly is an error.

use rust_decimal::Decimal;

use super::{Parts, oid};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xC000;
const BASE: u128 = 10_000;
/// Decimal digits in a digit of the wire.
const WIDTH: i32 = 4;
const TOO_WIDE: DecodeError = DecodeError::new(
    "has more digits than its Rust type holds (28 after the point, 96 bits in all)",
);

impl SqlType for Decimal {
    fn accepts(ty: Type<'_>) -> bool {
        ty.base().oid() == oid::NUMERIC
    }
}

impl Column<'_> for Decimal {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let count = i16::from_be_bytes(parts.array()?);
        let weight = i16::from_be_bytes(parts.array()?);
        let sign = u16::from_be_bytes(parts.array()?);
        let scale = u32::from(u16::from_be_bytes(parts.array()?));
        let negative = match sign {
            POSITIVE => false,
            NEGATIVE => true,
            NOT_A_NUMBER => {
                return Err(DecodeError::new("is NaN, which its Rust type cannot hold"));
            }
            _ => {
                return Err(DecodeError::new(
                    "is infinite, which its Rust type cannot hold",
                ));
            }
        };
        let mut digits: u128 = 0;
        for _ in 0..count {
            let digit = u16::from_be_bytes(parts.array()?);
            digits = digits
                .checked_mul(BASE)
                .and_then(|digits| digits.checked_add(u128::from(digit)))
                .ok_or(TOO_WIDE)?;
        }
        parts.end()?;
        // Past 28 places a value is still exact when the rest are zeros.
        let scale = scale.min(Self::MAX_SCALE);
        // The power of ten of the last digit that was sent, seen from the last place of the result.
        let shift = (i32::from(weight) - i32::from(count) + 1) * WIDTH
            + i32::try_from(scale).map_err(|_| TOO_WIDE)?;
        if digits != 0 {
            let power = 10_u128.checked_pow(shift.unsigned_abs()).ok_or(TOO_WIDE)?;
            digits = if shift >= 0 {
                digits.checked_mul(power).ok_or(TOO_WIDE)?
            } else if digits.is_multiple_of(power) {
                digits / power
            } else {
                return Err(TOO_WIDE);
            };
        }
        let digits = i128::try_from(digits).map_err(|_| TOO_WIDE)?;
        let digits = if negative { -digits } else { digits };
        Self::try_from_i128_with_scale(digits, scale).map_err(|_| TOO_WIDE)
    }
}

impl Value for Decimal {
    type Ref<'r> = Self;
}

impl Param for Decimal {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        const WIDTH: u32 = 4;
        let scale = self.scale();
        let mut rest = self.mantissa().unsigned_abs();
        // Digits of the wire are aligned at the decimal point, so the last one is filled with zeros.
        let padding = (WIDTH - scale % WIDTH) % WIDTH;
        let after_point = (scale + padding) / WIDTH;
        let mut digits = smallvec::SmallVec::<[u16; 16]>::new();
        // 28 places and 96 bits: the first digit takes the padding, so nothing overflows.
        if rest != 0 && padding != 0 {
            let keep = 10_u128.pow(WIDTH - padding);
            let digit = (rest % keep) * 10_u128.pow(padding);
            digits.push(u16::try_from(digit).unwrap_or_default());
            rest /= keep;
        }
        while rest != 0 {
            digits.push(u16::try_from(rest % BASE).unwrap_or_default());
            rest /= BASE;
        }
        let count = i16::try_from(digits.len()).unwrap_or_default();
        let weight = count - i16::try_from(after_point).unwrap_or_default() - 1;
        let sign = if self.is_sign_negative() && count != 0 {
            NEGATIVE
        } else {
            POSITIVE
        };
        out.put(&count.to_be_bytes());
        out.put(&weight.to_be_bytes());
        out.put(&sign.to_be_bytes());
        out.put(&u16::try_from(scale).unwrap_or_default().to_be_bytes());
        for digit in digits.iter().rev() {
            out.put(&digit.to_be_bytes());
        }
        Ok(Encoded::Value)
    }
}
