//! Arrays of one dimension: `Vec<T>` out, `&[T]` in.

use std::borrow::Cow;

use super::Parts;
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

impl<T: SqlType> SqlType for [T] {
    fn accepts(ty: Type<'_>) -> bool {
        ty.element().is_some_and(T::accepts)
    }

    fn expected() -> Cow<'static, str> {
        Cow::Owned(format!("{}[]", T::expected()))
    }
}

impl<T: SqlType> SqlType for Vec<T> {
    fn accepts(ty: Type<'_>) -> bool {
        <[T]>::accepts(ty)
    }

    fn expected() -> Cow<'static, str> {
        <[T]>::expected()
    }
}

impl<'r, T: Column<'r>> Column<'r> for Vec<T> {
    fn decode(raw: &'r [u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let dimensions = parts.i32()?;
        // Whether there are NULLs, and the type of the elements: the first shows in the elements, the second was
        // checked when the statement was prepared.
        parts.take(8)?;
        match dimensions {
            0 => {
                parts.end()?;
                Ok(Vec::new())
            }
            1 => {
                let length = usize::try_from(parts.i32()?)
                    .map_err(|_| DecodeError::new("is an array of negative length"))?;
                // The number of the first element is of no meaning in Rust.
                parts.take(4)?;
                // An element has at least four bytes of length, so a wrong count cannot ask for more than arrived.
                let mut elements = Vec::with_capacity(length.min(parts.0.len() / 4));
                for _ in 0..length {
                    elements.push(match parts.nullable()? {
                        Some(raw) => T::decode(raw)?,
                        None => T::null()
                            .map_err(|_| DecodeError::new("holds an element that is NULL"))?,
                    });
                }
                parts.end()?;
                Ok(elements)
            }
            _ => Err(DecodeError::new("is an array of more than one dimension")),
        }
    }
}

impl<T: Value> Value for Vec<T> {
    type Ref<'r> = Vec<T::Ref<'r>>;
}

const TOO_LONG: EncodeError = EncodeError::new("is longer than PostgreSQL can take");

impl<T: Param> Param for [T] {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let Some(element) = ty.element() else {
            return Err(EncodeError::new(
                "is an array where the database takes none",
            ));
        };
        let length = i32::try_from(self.len()).map_err(|_| TOO_LONG)?;
        let dimensions = i32::from(length != 0);
        out.put(&dimensions.to_be_bytes());
        let nulls = out.mark();
        out.put(&0_i32.to_be_bytes());
        out.put(&element.oid().to_be_bytes());
        if length == 0 {
            return Ok(Encoded::Value);
        }
        out.put(&length.to_be_bytes());
        out.put(&1_i32.to_be_bytes());
        for value in self {
            if encode_part(value, element, out)? == Encoded::Null {
                out.patch(nulls, 1_i32.to_be_bytes());
            }
        }
        Ok(Encoded::Value)
    }
}

impl<T: Param> Param for Vec<T> {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        self.as_slice().encode(ty, out)
    }
}

/// A value within a value: its length, then its bytes.
pub(super) fn encode_part(
    value: &(impl Param + ?Sized),
    ty: Type<'_>,
    out: &mut Buffer<'_>,
) -> Result<Encoded, EncodeError> {
    let mark = out.mark();
    out.put(&(-1_i32).to_be_bytes());
    let encoded = value.encode(ty, out)?;
    if encoded == Encoded::Value {
        let length = out.mark().saturating_sub(mark + 4);
        let length = i32::try_from(length).map_err(|_| TOO_LONG)?;
        out.patch(mark, length.to_be_bytes());
    }
    Ok(encoded)
}
