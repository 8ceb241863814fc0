//! Booleans, numbers, oids, uuids and `void`: values of fixed size.

use uuid::Uuid;

use super::{fixed, oid};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

/// A Rust type whose bytes are the server's, in network order.
macro_rules! fixed_size {
    ($($rust:ty: $name:literal = $($oid:ident)|+, $decode:expr, $encode:expr;)*) => { $(
        impl SqlType for $rust {
            fn accepts(ty: Type<'_>) -> bool {
                matches!(ty.base().oid(), $(oid::$oid)|+)
            }
        }

        impl Column<'_> for $rust {
            #[inline]
            fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
                Ok($decode(fixed(raw)?))
            }
        }

        impl Value for $rust {
            type Ref<'r> = Self;
        }

        impl Param for $rust {
            #[inline]
            fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
                out.put(&$encode(*self));
                Ok(Encoded::Value)
            }

            fn encode_all(
                values: &[Self],
                _: Type<'_>,
                out: &mut Buffer<'_>,
            ) -> Result<Encoded, EncodeError> {
                const SIZE: usize = size_of::<$rust>();
                out.put_each(values, |value| {
                    let mut bytes = [0; 4 + SIZE];
                    let (length, rest) = bytes.split_at_mut(4);
                    length.copy_from_slice(&(SIZE as u32).to_be_bytes());
                    rest.copy_from_slice(&$encode(*value));
                    bytes
                });
                Ok(Encoded::Value)
            }
        }
    )* };
}

fixed_size! {
    bool: "bool" = BOOL, |[byte]: [u8; 1]| byte != 0, |value| [u8::from(value)];
    i8: "\"char\"" = CHAR, i8::from_be_bytes, i8::to_be_bytes;
    i16: "int2" = INT2, i16::from_be_bytes, i16::to_be_bytes;
    i32: "int4" = INT4, i32::from_be_bytes, i32::to_be_bytes;
    i64: "int8" = INT8, i64::from_be_bytes, i64::to_be_bytes;
    u32: "oid" = OID | XID | CID | REGPROC | REGPROCEDURE | REGOPER | REGOPERATOR | REGCLASS | REGTYPE | REGCONFIG
        | REGDICTIONARY | REGNAMESPACE | REGROLE | REGCOLLATION, u32::from_be_bytes, u32::to_be_bytes;
    f32: "float4" = FLOAT4, f32::from_be_bytes, f32::to_be_bytes;
    f64: "float8" = FLOAT8, f64::from_be_bytes, f64::to_be_bytes;
    Uuid: "uuid" = UUID, Uuid::from_bytes, Uuid::into_bytes;
}

impl SqlType for () {
    fn accepts(ty: Type<'_>) -> bool {
        ty.base().oid() == oid::VOID
    }
}

impl Column<'_> for () {
    fn decode(_: &[u8]) -> Result<Self, DecodeError> {
        Ok(())
    }

    /// A function that returns void sends NULL where it is written in SQL, and an empty value where it is not.
    fn null() -> Result<Self, DecodeError> {
        Ok(())
    }
}

impl Value for () {
    type Ref<'r> = Self;
}
