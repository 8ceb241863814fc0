//! Composite types of the database.

use std::fmt;

use super::array::encode_part;
use super::enumeration::TypeName;
use super::{LENGTH, Parts, oid};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Row, Source};
use crate::wire::{Buffer, Type};

/// A Rust struct that stands for a composite type of the database; see [`composite!`](crate::composite).
pub trait Composite: Sized + Send + Sync + 'static {
    /// The type in the database.
    const TYPE: TypeName;

    /// The struct with text and bytes borrowed from the reply.
    type Ref<'r>;

    /// Takes the fields in order.
    fn read<'r, S: Source<'r>>(source: &mut S) -> Option<Self>;

    /// As `read`, borrowing from the reply.
    fn borrow<'r, S: Source<'r>>(source: &mut S) -> Option<Self::Ref<'r>>;

    /// Writes the fields in order.
    fn write(&self, fields: &mut Fields<'_, '_, '_>);
}

#[doc(hidden)]
pub fn accepts_composite<T: Composite>(ty: Type<'_>) -> bool {
    T::TYPE.is(ty.base())
}

/// A row within a row: a composite, or a row without a type, which says what it holds in every value.
#[doc(hidden)]
pub fn accepts_nested(ty: Type<'_>) -> bool {
    ty.oid() == oid::RECORD || ty.fields().is_some()
}

#[doc(hidden)]
pub fn decode_nested<T: Row>(raw: &[u8]) -> Result<T, DecodeError> {
    let mut source = FieldValues::open(raw)?;
    let value = T::read(&mut source);
    source.close(value)
}

#[doc(hidden)]
pub fn decode_nested_ref<T: Row>(raw: &[u8]) -> Result<T::Ref<'_>, DecodeError> {
    let mut source = FieldValues::open(raw)?;
    let value = T::borrow(&mut source);
    source.close(value)
}

#[doc(hidden)]
pub fn decode_composite<T: Composite>(raw: &[u8]) -> Result<T, DecodeError> {
    let mut source = FieldValues::open(raw)?;
    let value = T::read(&mut source);
    source.close(value)
}

#[doc(hidden)]
pub fn decode_composite_ref<T: Composite>(raw: &[u8]) -> Result<T::Ref<'_>, DecodeError> {
    let mut source = FieldValues::open(raw)?;
    let value = T::borrow(&mut source);
    source.close(value)
}

/// The form of `record_send`: the number of fields, then of each its type, its length and its bytes.
pub(super) struct FieldValues<'r> {
    parts: Parts<'r>,
    left: usize,
    failure: Option<DecodeError>,
}

impl<'r> FieldValues<'r> {
    pub(super) fn open(raw: &'r [u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let left = parts.length()?;
        Ok(Self {
            parts,
            left,
            failure: None,
        })
    }

    pub(super) fn field<T: Column<'r>>(&mut self) -> Result<T, DecodeError> {
        if self.left == 0 {
            return Err(DecodeError::new(
                "is a composite with fewer fields than this crate knows: its type was changed",
            ));
        }
        self.left -= 1;
        let oid = u32::from_be_bytes(self.parts.array()?);
        // ALTER TYPE does not disturb a prepared statement, so the type is looked at in every value.
        if Type::built_in(oid, |ty| !T::accepts(ty)) {
            return Err(DecodeError::new(
                "is a composite with a field of another type than this crate knows: its type was changed",
            ));
        }
        match self.parts.nullable()? {
            Some(raw) => T::decode(raw),
            None => {
                T::null().map_err(|_| DecodeError::new("is a composite with a field that is NULL"))
            }
        }
    }

    pub(super) fn close<T>(self, value: Option<T>) -> Result<T, DecodeError> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        if self.left != 0 {
            return Err(DecodeError::new(
                "is a composite with more fields than this crate knows: its type was changed",
            ));
        }
        self.parts.end()?;
        value.ok_or(LENGTH)
    }
}

impl<'r> Source<'r> for FieldValues<'r> {
    fn column<T: Column<'r>>(&mut self, _: &'static str) -> Option<T> {
        if self.failure.is_some() {
            return None;
        }
        match self.field() {
            Ok(value) => Some(value),
            Err(error) => {
                self.failure = Some(error);
                None
            }
        }
    }
}

/// The fields of a composite value on its way out.
pub struct Fields<'f, 't, 'b> {
    types: &'f mut dyn Iterator<Item = Type<'t>>,
    out: &'f mut Buffer<'b>,
    outcome: Result<(), EncodeError>,
}

impl Fields<'_, '_, '_> {
    /// Appends the next field.
    pub fn push(&mut self, value: &dyn Param) {
        if self.outcome.is_err() {
            return;
        }
        self.outcome = match self.types.next() {
            Some(ty) => {
                self.out.put(&ty.oid().to_be_bytes());
                encode_part(value, ty, self.out).map(|_| ())
            }
            None => Err(OTHER_SHAPE),
        };
    }
}

impl fmt::Debug for Fields<'_, '_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields")
    }
}

const OTHER_SHAPE: EncodeError =
    EncodeError::new("is a composite of another shape than the database has");

#[doc(hidden)]
pub fn encode_composite<T: Composite>(
    value: &T,
    ty: Type<'_>,
    out: &mut Buffer<'_>,
) -> Result<Encoded, EncodeError> {
    let Some(mut types) = ty.fields() else {
        return Err(OTHER_SHAPE);
    };
    let count = i32::try_from(types.len()).map_err(|_| OTHER_SHAPE)?;
    out.put(&count.to_be_bytes());
    let mut fields = Fields {
        types: &mut types,
        out,
        outcome: Ok(()),
    };
    value.write(&mut fields);
    fields.outcome?;
    if types.next().is_some() {
        return Err(OTHER_SHAPE);
    }
    Ok(Encoded::Value)
}
