//! `bytea`.

use super::oid;
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

impl SqlType for [u8] {
    fn accepts(ty: Type<'_>) -> bool {
        ty.base().oid() == oid::BYTEA
    }
}

impl SqlType for Vec<u8> {
    fn accepts(ty: Type<'_>) -> bool {
        <[u8]>::accepts(ty)
    }
}

impl<'r> Column<'r> for &'r [u8] {
    #[inline]
    fn decode(raw: &'r [u8]) -> Result<Self, DecodeError> {
        Ok(raw)
    }
}

impl Column<'_> for Vec<u8> {
    #[inline]
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        Ok(raw.to_vec())
    }
}

impl Value for Vec<u8> {
    type Ref<'r> = &'r [u8];
}

impl Param for [u8] {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(self);
        Ok(Encoded::Value)
    }
}

impl Param for Vec<u8> {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        self.as_slice().encode(ty, out)
    }
}
