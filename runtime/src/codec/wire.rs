//! Types of the author's own, and values whose bytes are left as they are.

use super::stands_for;
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError};
use crate::wire::{Buffer, Type};

/// A type of yours that reads and writes the binary form of a type of the database; see [`wire!`](crate::wire).
pub trait Wire: Sized + Send + Sync + 'static {
    /// The name of the type in the database, without its schema.
    const TYPE: &'static str;

    /// Reads the value's bytes, in the server's binary form.
    ///
    /// # Errors
    ///
    /// The bytes are no value of that type, or one that the Rust type does not hold.
    fn read(raw: &[u8]) -> Result<Self, DecodeError>;

    /// Appends the value in the server's binary form.
    ///
    /// # Errors
    ///
    /// It is a value that the type of the database does not hold.
    fn write(&self, out: &mut Buffer<'_>) -> Result<(), EncodeError>;
}

/// A value of any type as the server sends it, such as the EWKB of a `geometry`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Binary(pub Vec<u8>);

stands_for! { Binary, |_ty| true }

impl Column<'_> for Binary {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self(raw.to_vec()))
    }
}

impl Param for Binary {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(&self.0);
        Ok(Encoded::Value)
    }
}
