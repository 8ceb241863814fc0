//! `json` and `jsonb`.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::oid;
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

/// The version that starts a `jsonb` on the wire. No JSON text starts with this byte, so a value tells which it is.
const JSONB_VERSION: u8 = 1;

impl SqlType for Json {
    fn accepts(ty: Type<'_>) -> bool {
        matches!(ty.base().oid(), oid::JSON | oid::JSONB)
    }

    fn expected() -> Cow<'static, str> {
        Cow::Borrowed("jsonb")
    }
}

impl Column<'_> for Json {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let text = raw.strip_prefix(&[JSONB_VERSION]).unwrap_or(raw);
        serde_json::from_slice(text)
            .map_err(|_| DecodeError::new("is JSON that serde_json does not read"))
    }
}

impl Value for Json {
    type Ref<'r> = Self;
}

impl Param for Json {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        if ty.base().oid() == oid::JSONB {
            out.put(&[JSONB_VERSION]);
        }
        serde_json::to_writer(Writer(out), self)
            .map_err(|_| EncodeError::new("cannot be written as JSON"))?;
        Ok(Encoded::Value)
    }
}

struct Writer<'w, 'b>(&'w mut Buffer<'b>);

impl std::io::Write for Writer<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
