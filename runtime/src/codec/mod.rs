//! The values that go in and out, in PostgreSQL's binary form.
//!
//! The forms are those of the server's `*_send` and `*_recv` functions (`src/backend/utils/adt` in its source). Decoding
//! trusts nothing: what does not fit is an error, never a panic and never another value.

mod array;
#[cfg(feature = "bigdecimal")]
mod bigdecimal;
mod bits;
mod bytes;
#[cfg(feature = "chrono")]
mod chrono;
mod composite;
mod decimal;
#[cfg(any(feature = "schemars", feature = "utoipa"))]
mod described;
mod document;
mod enumeration;
mod geometry;
mod interval;
mod json;
mod network;
mod number;
mod numeric;
mod range;
mod record;
mod search;
#[cfg(feature = "serde")]
mod serde_text;
mod system;
mod text;
mod time;
#[cfg(feature = "time")]
mod time_crate;
mod versioned;
mod wire;

pub use array::{Array, Dimension};
pub(crate) use array::{
    Slices, encode_as_one, encode_elements, encode_part, encode_parts, list, plain_length,
};
pub use bits::Bits;
pub use composite::{Composite, decode_composite, decode_composite_ref, encode_composite};
pub use composite::{Fields, accepts_composite};
pub use composite::{accepts_nested, decode_nested, decode_nested_ref};
pub use document::{FromJson, JsonText, Members};
pub use document::{accepts_json, decode_json, enumeration_from_json};
pub use enumeration::{Enumeration, TypeName};
pub use enumeration::{accepts_enumeration, decode_enumeration, encode_enumeration};
pub use geometry::{Circle, Line, Path, Point, Polygon, Rectangle, Segment};
pub use interval::Interval;
pub use json::Json;
pub use network::{MacAddr, MacAddr8, Network};
pub use numeric::Numeric;
pub use range::{Multirange, Range};
pub use search::{Lexeme, Position, TsQuery, TsVector, Weight};
pub use system::{Lsn, Money, Snapshot, Tid, TimeTz};
pub use versioned::{Hstore, JsonPath, Lquery, Ltree, Ltxtquery};
pub use wire::{Binary, Wire};

use crate::param::EncodeError;
use crate::row::DecodeError;
use crate::wire::Buffer;

/// The numbers of built-in types (`src/include/catalog/pg_type.dat` in PostgreSQL's source); they never change.
mod oid {
    pub(super) const BOOL: u32 = 16;
    pub(super) const BYTEA: u32 = 17;
    pub(super) const CHAR: u32 = 18;
    pub(super) const NAME: u32 = 19;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const REGPROC: u32 = 24;
    pub(super) const TEXT: u32 = 25;
    pub(super) const OID: u32 = 26;
    pub(super) const TID: u32 = 27;
    pub(super) const XID: u32 = 28;
    pub(super) const CID: u32 = 29;
    pub(super) const JSON: u32 = 114;
    pub(super) const XML: u32 = 142;
    pub(super) const POINT: u32 = 600;
    pub(super) const LSEG: u32 = 601;
    pub(super) const PATH: u32 = 602;
    pub(super) const BOX: u32 = 603;
    pub(super) const POLYGON: u32 = 604;
    pub(super) const LINE: u32 = 628;
    pub(super) const CIDR: u32 = 650;
    pub(super) const FLOAT4: u32 = 700;
    pub(super) const FLOAT8: u32 = 701;
    pub(super) const UNKNOWN: u32 = 705;
    pub(super) const CIRCLE: u32 = 718;
    pub(super) const MACADDR8: u32 = 774;
    pub(super) const MONEY: u32 = 790;
    pub(super) const MACADDR: u32 = 829;
    pub(super) const INET: u32 = 869;
    pub(super) const BPCHAR: u32 = 1042;
    pub(super) const VARCHAR: u32 = 1043;
    pub(super) const DATE: u32 = 1082;
    pub(super) const TIME: u32 = 1083;
    pub(super) const TIMESTAMP: u32 = 1114;
    pub(super) const TIMESTAMPTZ: u32 = 1184;
    pub(super) const INTERVAL: u32 = 1186;
    pub(super) const TIMETZ: u32 = 1266;
    pub(super) const BIT: u32 = 1560;
    pub(super) const VARBIT: u32 = 1562;
    pub(super) const NUMERIC: u32 = 1700;
    pub(super) const REFCURSOR: u32 = 1790;
    pub(super) const REGPROCEDURE: u32 = 2202;
    pub(super) const REGOPER: u32 = 2203;
    pub(super) const REGOPERATOR: u32 = 2204;
    pub(super) const REGCLASS: u32 = 2205;
    pub(super) const REGTYPE: u32 = 2206;
    pub(super) const RECORD: u32 = 2249;
    pub(super) const VOID: u32 = 2278;
    pub(super) const UUID: u32 = 2950;
    pub(super) const TXID_SNAPSHOT: u32 = 2970;
    pub(super) const PG_LSN: u32 = 3220;
    pub(super) const TSVECTOR: u32 = 3614;
    pub(super) const TSQUERY: u32 = 3615;
    pub(super) const REGCONFIG: u32 = 3734;
    pub(super) const REGDICTIONARY: u32 = 3769;
    pub(super) const JSONB: u32 = 3802;
    pub(super) const JSONPATH: u32 = 4072;
    pub(super) const REGNAMESPACE: u32 = 4089;
    pub(super) const REGROLE: u32 = 4096;
    pub(super) const REGCOLLATION: u32 = 4191;
    pub(super) const PG_SNAPSHOT: u32 = 5038;
    pub(super) const XID8: u32 = 5069;
}

const LENGTH: DecodeError = DecodeError::new("has a length that its type does not have");

/// Why a text is not a value of its type. It never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseError(&'static str);

impl ParseError {
    const fn new(reason: &'static str) -> Self {
        Self(reason)
    }
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the text {}", self.0)
    }
}

impl std::error::Error for ParseError {}

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

    #[inline]
    fn length(&mut self) -> Result<usize, DecodeError> {
        usize::try_from(self.i32()?).map_err(|_| LENGTH)
    }

    #[inline]
    fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_be_bytes)
    }

    #[inline]
    fn f64(&mut self) -> Result<f64, DecodeError> {
        self.array().map(f64::from_be_bytes)
    }

    /// Text that a zero byte ends.
    fn c_string(&mut self) -> Result<&'r str, DecodeError> {
        let length = self.0.iter().position(|byte| *byte == 0).ok_or(LENGTH)?;
        let text = self.take(length)?;
        self.take(1)?;
        utf8(text)
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

const TOO_LONG: EncodeError = EncodeError::new("is longer than PostgreSQL can take");

fn utf8(raw: &[u8]) -> Result<&str, DecodeError> {
    // A database in SQL_ASCII holds whatever bytes it was given.
    std::str::from_utf8(raw).map_err(|_| DecodeError::new("is not valid UTF-8"))
}

/// What `write` appends, behind its length.
fn sized(
    out: &mut Buffer<'_>,
    write: impl FnOnce(&mut Buffer<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let mark = out.mark();
    out.put(&[0; 4]);
    write(out)?;
    let length = out.mark().saturating_sub(mark + 4);
    let length = i32::try_from(length).map_err(|_| TOO_LONG)?;
    out.patch(mark, length.to_be_bytes());
    Ok(())
}

/// What every type of fixed meaning has: which types of the database it stands for, and itself as its borrowed form.
macro_rules! stands_for {
    ($rust:ty, |$ty:ident| $accepts:expr) => {
        impl $crate::sql_type::SqlType for $rust {
            fn accepts(ty: $crate::wire::Type<'_>) -> bool {
                let $ty = ty.base();
                $accepts
            }
        }

        impl $crate::row::Value for $rust {
            type Ref<'r> = Self;
        }
    };
}
use stands_for;

/// What the server counts time from, 2000-01-01, in seconds of Unix time.
const EPOCH: i64 = 946_684_800;
