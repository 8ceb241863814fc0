//! `json` and `jsonb`: as `serde_json::Value`, or as a type of the author's in [`Json`].

use serde_core::Serialize;
use serde_core::de::DeserializeOwned;
use serde_json::Value as Tree;

use super::oid;
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

/// The version that starts a `jsonb` on the wire. No JSON text starts with this byte, so a value tells which it is.
const JSONB_VERSION: u8 = 1;

impl SqlType for Tree {
    fn accepts(ty: Type<'_>) -> bool {
        matches!(ty.base().oid(), oid::JSON | oid::JSONB)
    }
}

impl Column<'_> for Tree {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        serde_json::from_slice(text(raw))
            .map_err(|_| DecodeError::new("is JSON that serde_json does not read"))
    }
}

pub(super) fn text(raw: &[u8]) -> &[u8] {
    raw.strip_prefix(&[JSONB_VERSION]).unwrap_or(raw)
}

impl Value for Tree {
    type Ref<'r> = Self;
}

impl Param for Tree {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        write(self, ty, out)
    }
}

fn write(
    value: &impl Serialize,
    ty: Type<'_>,
    out: &mut Buffer<'_>,
) -> Result<Encoded, EncodeError> {
    if ty.base().oid() == oid::JSONB {
        out.put(&[JSONB_VERSION]);
    }
    serde_json::to_writer(Writer(out), value)
        .map_err(|_| EncodeError::new("cannot be written as JSON"))?;
    Ok(Encoded::Value)
}

/// A `json` or `jsonb` of a known shape: any type that serde reads and writes. A parameter is a `Json<&T>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Json<T>(pub T);

impl<T> std::ops::Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> std::ops::DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Json<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> SqlType for Json<T> {
    fn accepts(ty: Type<'_>) -> bool {
        Tree::accepts(ty)
    }
}

impl<T: DeserializeOwned> Column<'_> for Json<T> {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        serde_json::from_slice(text(raw))
            .map(Self)
            .map_err(|_| DecodeError::new("is JSON of another shape than its Rust type"))
    }
}

impl<T: DeserializeOwned + Send + 'static> Value for Json<T> {
    type Ref<'r> = Self;
}

impl<T: Serialize + Send + Sync> Param for Json<T> {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        write(&self.0, ty, out)
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
