//! `numeric`, as `bigdecimal::BigDecimal`.

use bigdecimal::BigDecimal;

use super::numeric::{MOST_BEFORE, MOST_BEHIND, Numeric};
use super::{oid, stands_for};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError};
use crate::wire::{Buffer, Type};

stands_for! { BigDecimal, |ty| ty.oid() == oid::NUMERIC }

impl Column<'_> for BigDecimal {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let text = Numeric::decode(raw)?;
        text.as_str()
            .parse()
            .map_err(|_| DecodeError::new("is NaN or infinite, which its Rust type cannot hold"))
    }
}

impl Param for BigDecimal {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        const TOO_WIDE: EncodeError = EncodeError::new("has more digits than PostgreSQL can take");
        // A short number can have a very long text: 1e1000000000.
        let scale = self.fractional_digit_count();
        let fits =
            |count: i64, most: usize| usize::try_from(count).is_ok_and(|count| count <= most);
        if !fits(scale.max(0), MOST_BEHIND) || !fits(scale.saturating_neg().max(0), MOST_BEFORE) {
            return Err(TOO_WIDE);
        }
        let text: Numeric = self.to_plain_string().parse().map_err(|_| TOO_WIDE)?;
        text.encode(ty, out)
    }
}
