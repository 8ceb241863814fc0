//! `bit` and `varbit`.

use std::fmt;
use std::str::FromStr;

use super::{ParseError, Parts, TOO_LONG, oid, stands_for};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError};
use crate::wire::{Buffer, Type};

/// A string of bits: `1011`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bits {
    /// The first bit is the highest of the first byte; bits past the end are zero.
    bytes: Vec<u8>,
    length: usize,
}

impl Bits {
    /// How many bits there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// No bits at all.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bit at `index`, from 0.
    pub fn get(&self, index: usize) -> Option<bool> {
        let byte = self.bytes.get(index / 8)?;
        (index < self.length).then_some(byte & (0x80 >> (index % 8)) != 0)
    }

    /// All bits, in order.
    pub fn iter(&self) -> impl Iterator<Item = bool> + '_ {
        (0..self.length).filter_map(|index| self.get(index))
    }
}

impl FromIterator<bool> for Bits {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> Self {
        let mut all = Self::default();
        for bit in bits {
            if all.length.is_multiple_of(8) {
                all.bytes.push(0);
            }
            if bit && let Some(last) = all.bytes.last_mut() {
                *last |= 0x80 >> (all.length % 8);
            }
            all.length += 1;
        }
        all
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for bit in self.iter() {
            f.write_str(if bit { "1" } else { "0" })?;
        }
        Ok(())
    }
}

impl FromStr for Bits {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.chars()
            .map(|letter| match letter {
                '0' => Ok(false),
                '1' => Ok(true),
                _ => Err(ParseError::new("has other characters than 0 and 1")),
            })
            .collect()
    }
}

stands_for! { Bits, |ty| matches!(ty.oid(), oid::BIT | oid::VARBIT) }

impl Column<'_> for Bits {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let length = parts.length()?;
        let mut bytes = parts.take(length.div_ceil(8))?.to_vec();
        parts.end()?;
        // Equality looks at whole bytes.
        if let Some(last) = bytes.last_mut()
            && !length.is_multiple_of(8)
        {
            *last &= !(0xFF >> (length % 8));
        }
        Ok(Self { bytes, length })
    }
}

impl Param for Bits {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let length = i32::try_from(self.length).map_err(|_| TOO_LONG)?;
        out.put(&length.to_be_bytes());
        out.put(&self.bytes);
        Ok(Encoded::Value)
    }
}
