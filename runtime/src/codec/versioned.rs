//! Types that travel as text behind a version byte: `ltree`, `lquery`, `ltxtquery` and `jsonpath`; and `hstore`.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use super::array::encode_part;
use super::{LENGTH, Parts, TOO_LONG, oid, stands_for, utf8};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

/// The only version there is.
const VERSION: u8 = 1;

macro_rules! versioned {
    ($name:ident, $sql:literal, |$ty:ident| $accepts:expr, $example:literal) => {
        #[doc = concat!("A `", $sql, "`, as text: `", $example, "`. The server says whether the text is one.")]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        pub struct $name(pub String);

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        stands_for! { $name, |$ty| $accepts }

        impl Column<'_> for $name {
            fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
                let text = raw.strip_prefix(&[VERSION]).ok_or(LENGTH)?;
                utf8(text).map(|text| Self(text.to_owned()))
            }
        }

        impl Param for $name {
            fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
                out.put(&[VERSION]);
                self.0.encode(ty, out)
            }
        }
    };
}

// Types of extensions have no number of their own.
versioned! { Ltree, "ltree", |ty| ty.name() == "ltree", "Top.Science.Astronomy" }
versioned! { Lquery, "lquery", |ty| ty.name() == "lquery", "*.Astronomy.*" }
versioned! { Ltxtquery, "ltxtquery", |ty| ty.name() == "ltxtquery", "Europe & !Transportation" }
versioned! { JsonPath, "jsonpath", |ty| ty.oid() == oid::JSONPATH, "$.\"a\"[*]" }

/// An `hstore`: texts by key, some of them NULL.
pub type Hstore = BTreeMap<String, Option<String>>;

impl SqlType for Hstore {
    fn accepts(ty: Type<'_>) -> bool {
        ty.base().name() == "hstore"
    }
}

impl Column<'_> for Hstore {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let count = parts.i32()?;
        let mut pairs = Self::new();
        for _ in 0..count {
            let key = String::decode(parts.nullable()?.ok_or(LENGTH)?)?;
            let value = parts.nullable()?.map(String::decode).transpose()?;
            pairs.insert(key, value);
        }
        parts.end()?;
        Ok(pairs)
    }
}

impl Value for Hstore {
    type Ref<'r> = Self;
}

impl Param for Hstore {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let count = i32::try_from(self.len()).map_err(|_| TOO_LONG)?;
        out.put(&count.to_be_bytes());
        for (key, value) in self {
            encode_part(key, ty, out)?;
            encode_part(value, ty, out)?;
        }
        Ok(Encoded::Value)
    }
}
