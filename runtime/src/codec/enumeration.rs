//! Enums of the database.

use crate::param::{EncodeError, Encoded};
use crate::row::DecodeError;
use crate::wire::{Buffer, Type};

/// The name of a type in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeName {
    schema: &'static str,
    name: &'static str,
}

impl TypeName {
    /// The name as the catalog has it, not quoted.
    pub const fn new(schema: &'static str, name: &'static str) -> Self {
        Self { schema, name }
    }

    pub(super) fn is(self, ty: Type<'_>) -> bool {
        ty.name() == self.name && ty.schema() == self.schema
    }

    #[doc(hidden)]
    pub fn is_enum(self, ty: Type<'_>) -> bool {
        let ty = ty.base();
        ty.is_enum() && self.is(ty)
    }
}

/// A Rust enum that stands for an enum of the database; see [`enumeration!`](crate::enumeration).
pub trait Enumeration: Copy + Send + Sync + 'static {
    /// The type in the database.
    const TYPE: TypeName;

    /// Every label with its variant.
    const LABELS: &'static [(&'static str, Self)];

    /// The label of the variant.
    fn label(self) -> &'static str;
}

#[doc(hidden)]
pub fn accepts_enumeration<T: Enumeration>(ty: Type<'_>) -> bool {
    T::TYPE.is_enum(ty)
}

#[doc(hidden)]
pub fn decode_enumeration<T: Enumeration>(raw: &[u8]) -> Result<T, DecodeError> {
    T::LABELS
        .iter()
        .find(|(label, _)| label.as_bytes() == raw)
        .map(|(_, variant)| *variant)
        .ok_or(DecodeError::new(
            "has an enum label that this crate does not know",
        ))
}

#[doc(hidden)]
pub fn encode_enumeration<T: Enumeration>(
    value: T,
    out: &mut Buffer<'_>,
) -> Result<Encoded, EncodeError> {
    out.put(value.label().as_bytes());
    Ok(Encoded::Value)
}
