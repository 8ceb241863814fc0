//! The values that go in and out, in PostgreSQL's binary form.
//!
//! The forms are those of the server's `*_send` and `*_recv` functions (`src/backend/utils/adt` in its source). Decoding
//! trusts nothing: what does not fit is an error, never a panic and never another value.

mod array;
mod bytes;
mod composite;
mod decimal;
mod enumeration;
mod interval;
mod json;
mod network;
mod number;
mod text;
mod time;

pub use composite::{Composite, decode_composite, decode_composite_ref, encode_composite};
pub use composite::{Fields, accepts_composite, expected_composite};
pub use enumeration::expected_enumeration;
pub use enumeration::{Enumeration, TypeName};
pub use enumeration::{accepts_enumeration, decode_enumeration, encode_enumeration};
pub use interval::Interval;

use crate::row::DecodeError;

/// The numbers of built-in types (`src/include/catalog/pg_type.dat` in PostgreSQL's source); they never change.
mod oid {
    pub(super) const BOOL: u32 = 16;
    pub(super) const BYTEA: u32 = 17;
    pub(super) const CHAR: u32 = 18;
    pub(super) const NAME: u32 = 19;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const TEXT: u32 = 25;
    pub(super) const OID: u32 = 26;
    pub(super) const XID: u32 = 28;
    pub(super) const CID: u32 = 29;
    pub(super) const JSON: u32 = 114;
    pub(super) const XML: u32 = 142;
    pub(super) const FLOAT4: u32 = 700;
    pub(super) const FLOAT8: u32 = 701;
    pub(super) const UNKNOWN: u32 = 705;
    pub(super) const INET: u32 = 869;
    pub(super) const BPCHAR: u32 = 1042;
    pub(super) const VARCHAR: u32 = 1043;
    pub(super) const DATE: u32 = 1082;
    pub(super) const TIME: u32 = 1083;
    pub(super) const TIMESTAMP: u32 = 1114;
    pub(super) const TIMESTAMPTZ: u32 = 1184;
    pub(super) const INTERVAL: u32 = 1186;
    pub(super) const NUMERIC: u32 = 1700;
    pub(super) const VOID: u32 = 2278;
    pub(super) const UUID: u32 = 2950;
    pub(super) const JSONB: u32 = 3802;
}

const LENGTH: DecodeError = DecodeError::new("has a length that its type does not have");

/// The bytes of a value of fixed size.
#[inline]
fn fixed<const N: usize>(raw: &[u8]) -> Result<[u8; N], DecodeError> {
    raw.try_into().map_err(|_| LENGTH)
}

/// Reads a value made of parts from its front.
struct Parts<'r>(&'r [u8]);

impl<'r> Parts<'r> {
    #[inline]
    fn take(&mut self, length: usize) -> Result<&'r [u8], DecodeError> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(LENGTH)?;
        self.0 = tail;
        Ok(head)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, tail) = self.0.split_first_chunk().ok_or(LENGTH)?;
        self.0 = tail;
        Ok(*head)
    }

    #[inline]
    fn i32(&mut self) -> Result<i32, DecodeError> {
        self.array().map(i32::from_be_bytes)
    }

    /// A length of four bytes and that many bytes; a length of -1 stands for NULL.
    #[inline]
    fn nullable(&mut self) -> Result<Option<&'r [u8]>, DecodeError> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| LENGTH)?;
                self.take(length).map(Some)
            }
        }
    }

    fn end(self) -> Result<(), DecodeError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(LENGTH)
        }
    }
}

/// What the server counts time from, 2000-01-01, in seconds of Unix time.
const EPOCH: i64 = 946_684_800;
