//! A place in a query's order, for a client to keep: the values of the order's keys in the server's own bytes.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, ErrorKind, Result};
use crate::param::{EncodeError, Encoded, Param};
use crate::texts::Variant;
use crate::wire::{Buffer, RawRow, Type};

/// A place in a query's order; see [`Query::after`](crate::Query::after).
///
/// As text it is of letters, digits, `-` and `_`, to be handed to a client and parsed again. It holds the values of the columns
/// that the query is ordered by, readable for who wants to: it is no secret, and no permission either, since the
/// query's own parameters still hold. It serves the query that it came from, called with the same parameters.
///
/// ```
/// use sqlmill_runtime::{Cursor, ErrorKind};
///
/// let error = "no cursor".parse::<Cursor>().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Of the query, its order, its parameters, and the values.
    fingerprint: u64,
    /// The keys' values; `None` for NULL.
    values: Vec<Option<Vec<u8>>>,
}

/// The first byte, of the form that this file writes.
const FORM: u8 = 1;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![FORM];
        bytes.extend(self.fingerprint.to_be_bytes());
        for value in &self.values {
            // As the protocol has it: the length, −1 for NULL.
            let length = value.as_ref().map(|value| i32::try_from(value.len()));
            let length = length.map_or(-1, |length| length.unwrap_or(i32::MAX));
            bytes.extend(length.to_be_bytes());
            bytes.extend(value.iter().flatten());
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let damaged = || Error::with(ErrorKind::InvalidInput, "this is no cursor");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged())?;
        read(&bytes).ok_or_else(damaged)
    }
}

fn read(bytes: &[u8]) -> Option<Cursor> {
    let (&form, bytes) = bytes.split_first()?;
    let (fingerprint, mut bytes) = bytes.split_first_chunk()?;
    if form != FORM {
        return None;
    }
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = i32::from_be_bytes(*length);
        bytes = rest;
        if length == -1 {
            values.push(None);
            continue;
        }
        let (value, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
        values.push(Some(value.to_vec()));
        bytes = rest;
    }
    Some(Cursor {
        fingerprint: u64::from_be_bytes(*fingerprint),
        values,
    })
}

impl fmt::Debug for Cursor {
    // The values are the rows' own, and do not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursor")
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| serde::de::Error::custom("this is no cursor"))
    }
}

impl Cursor {
    /// What it holds, as parameters; and which of the keys that may be NULL are, by a bit for each. What they are a cursor of is looked at
    /// by [`CursorEnd`].
    pub(crate) fn values<'c>(
        &'c self,
        keys: usize,
        nulls: &[usize],
    ) -> Result<(usize, Vec<CursorValue<'c>>)> {
        let null = |place: &usize| matches!(self.values.get(*place), Some(None));
        let absent = self.values.iter().filter(|value| value.is_none()).count();
        let expected = nulls.iter().filter(|place| null(place)).count();
        if self.values.len() != keys || absent != expected {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "a parameter ".to_owned() + OTHER,
            ));
        }
        let bits = (0_usize..).zip(nulls);
        let pattern = bits
            .filter(|(_, place)| null(place))
            .fold(0, |pattern, (bit, _)| pattern | 1 << bit);
        let values = self.values.iter().flatten();
        Ok((pattern, values.map(|value| CursorValue(value)).collect()))
    }
}

/// The place of a row, which a call with these parameters returned.
pub(crate) fn of_row(trace: &Trace, row: &RawRow, columns: &[usize]) -> Cursor {
    let values = columns
        .iter()
        .map(|&column| row.value(column).flatten().map(<[u8]>::to_vec));
    let values: Vec<_> = values.collect();
    Cursor {
        fingerprint: trace.fingerprint(&values),
        values,
    }
}

const OTHER: &str = "is a cursor of another query or of other parameters, or is damaged";

/// One value of a cursor on its way out.
pub(crate) struct CursorValue<'c>(&'c [u8]);

impl Param for CursorValue<'_> {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(self.0);
        Ok(Encoded::Value)
    }
}

/// The last parameter, LIMIT, which is written only if the cursor is one of this call.
pub(crate) struct CursorEnd<'c> {
    pub(crate) cursor: &'c Cursor,
    pub(crate) trace: &'c Trace,
    pub(crate) limit: i64,
}

impl Param for CursorEnd<'_> {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        // The query's own parameters stand before it, so all of them are known by now.
        let Cursor {
            fingerprint,
            values,
        } = self.cursor;
        if *fingerprint != self.trace.fingerprint(values) {
            return Err(EncodeError::new(OTHER));
        }
        self.limit.encode(ty, out)
    }
}

/// Notes what a query is called with, so that cursors of other calls can be told. The hash is the same in every process and every
/// version, since cursors outlive both.
pub(crate) struct Trace {
    query: u64,
    hash: AtomicU64,
}

impl Trace {
    pub(crate) fn new(name: &str, keys: &str, variant: Variant) -> Self {
        let query = fnv(fnv(FNV_START, name.as_bytes()), &[0]);
        let query = fnv(fnv(query, keys.as_bytes()), &variant.bits().to_be_bytes());
        Self {
            query,
            hash: AtomicU64::new(query),
        }
    }

    /// The parameters, to be bound in their order.
    pub(crate) fn params<'t>(&'t self, params: &[&'t dyn Param]) -> Vec<TracedParam<'t>> {
        let params = params.iter().enumerate();
        params
            .map(|(index, param)| TracedParam {
                trace: self,
                param: *param,
                first: index == 0,
            })
            .collect()
    }

    /// Of what the query was called with, and a row's keys.
    fn fingerprint(&self, values: &[Option<Vec<u8>>]) -> u64 {
        let called = self.hash.load(Ordering::Relaxed);
        values
            .iter()
            .fold(called, |hash, value| with(hash, value.as_deref()))
    }
}

/// A parameter whose bytes are noted as they are written.
pub(crate) struct TracedParam<'t> {
    trace: &'t Trace,
    param: &'t dyn Param,
    /// A statement that the server no longer knew is sent a second time.
    first: bool,
}

impl Param for TracedParam<'_> {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let mark = out.mark();
        let encoded = self.param.encode(ty, out)?;
        let hash = match self.first {
            true => self.trace.query,
            false => self.trace.hash.load(Ordering::Relaxed),
        };
        let bytes = out.since(mark).unwrap_or_default();
        let value = match encoded {
            Encoded::Value => Some(bytes),
            Encoded::Null => None,
        };
        self.trace.hash.store(with(hash, value), Ordering::Relaxed);
        Ok(encoded)
    }
}

/// A hash, and one value more. The length goes before it, so that no two lists of values are one text.
fn with(hash: u64, value: Option<&[u8]>) -> u64 {
    let length = value.map_or(u64::MAX, |value| value.len() as u64);
    fnv(fnv(hash, &length.to_be_bytes()), value.unwrap_or_default())
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: it guards against mistakes, not against forgery, which would gain nothing.
fn fnv(mut hash: u64, bytes: &[u8]) -> u64 {
    for &byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_being_text() {
        let cursor = Cursor {
            fingerprint: 0xfedc_ba98_7654_3210,
            values: vec![Some(vec![0, 255, 7]), None, Some(Vec::new())],
        };
        let text = cursor.to_string();
        assert_eq!(text.parse::<Cursor>().unwrap(), cursor);
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
        assert_eq!(format!("{cursor:?}"), "Cursor");
        for length in 0..text.len() {
            // A part of it is refused, or is another cursor; it never panics.
            let _ = text[..length].parse::<Cursor>();
        }
        for broken in ["", "AQ", "!!!!", "AgAAAAAAAAAA", "AQAAAAAAAAAAAAAABQ"] {
            let error = broken.parse::<Cursor>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{broken}");
        }
    }

    #[test]
    fn one_bit_is_enough_to_tell() {
        let trace = Trace::new("users::list", "id int8", Variant::default());
        let values = vec![Some(vec![0, 0, 7]), None, Some(vec![1; 40])];
        let cursor = Cursor {
            fingerprint: trace.fingerprint(&values),
            values,
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor.to_string()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            if let Some(read) = read(&other) {
                assert_ne!(read.fingerprint, trace.fingerprint(&read.values), "{bit}");
            }
        }
        for length in 0..bytes.len() {
            if let Some(read) = read(&bytes[..length]) {
                assert_ne!(
                    read.fingerprint,
                    trace.fingerprint(&read.values),
                    "{length}"
                );
            }
        }
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // Of the reference implementation's test vectors.
        assert_eq!(fnv(FNV_START, b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(FNV_START, b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv(FNV_START, b"foobar"), 0x8594_4171_f739_67e8);
    }
}
