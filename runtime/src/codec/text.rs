//! Text and the types that look like it.

use super::{oid, utf8};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

impl SqlType for str {
    fn accepts(ty: Type<'_>) -> bool {
        let ty = ty.base();
        match ty.oid() {
            oid::TEXT
            | oid::VARCHAR
            | oid::BPCHAR
            | oid::NAME
            | oid::UNKNOWN
            | oid::XML
            | oid::REFCURSOR => true,
            // An extension's type has no number of its own.
            _ => ty.name() == "citext",
        }
    }
}

impl SqlType for String {
    fn accepts(ty: Type<'_>) -> bool {
        str::accepts(ty)
    }
}

impl<'r> Column<'r> for &'r str {
    #[inline]
    fn decode(raw: &'r [u8]) -> Result<Self, DecodeError> {
        utf8(raw)
    }
}

impl Column<'_> for String {
    #[inline]
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        <&str>::decode(raw).map(str::to_owned)
    }
}

impl Value for String {
    type Ref<'r> = &'r str;
}

impl Param for str {
    #[inline]
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        if self.as_bytes().contains(&0) {
            return Err(EncodeError::new(
                "holds the character NUL, which PostgreSQL cannot store in text",
            ));
        }
        out.put(self.as_bytes());
        Ok(Encoded::Value)
    }
}

impl Param for String {
    #[inline]
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        self.as_str().encode(ty, out)
    }
}
