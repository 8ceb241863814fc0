//! `json` and `jsonb` whose keys are known, read without loss: objects as structs, as `to_json` writes their values.
//!
//! The text of each value is read by the type that it has in Rust: a number that went through a `f64` would be another.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use rust_decimal::Decimal;
use serde_core::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::Value as Tree;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::enumeration::Enumeration;
use super::json::{Json, text};
use super::utf8;
use crate::row::DecodeError;
use crate::sql_type::SqlType;
use crate::wire::Type;

const SHAPE: DecodeError = DecodeError::new("is JSON of another shape than this crate knows");
const NULL: DecodeError = DecodeError::new("is JSON with a null where none can be");
const VALUE: DecodeError =
    DecodeError::new("is JSON with a value that its Rust type does not hold");
const NUMBER: DecodeError =
    DecodeError::new("is JSON with a number that its Rust type does not hold");

/// The text of one value within a document, which is not null.
#[derive(Debug, Clone, Copy)]
pub struct JsonText<'r>(&'r str);

/// A value that is read from JSON.
pub trait FromJson: Sized {
    /// Reads the text of a value that is not null.
    ///
    /// # Errors
    ///
    /// It is JSON of another shape, or a value that the Rust type does not hold.
    fn from_json(json: JsonText<'_>) -> Result<Self, DecodeError>;

    /// What stands for null, and for a key that is not there.
    ///
    /// # Errors
    ///
    /// There is nothing that stands for null.
    fn from_null() -> Result<Self, DecodeError> {
        Err(NULL)
    }
}

fn read<T: FromJson>(json: &str) -> Result<T, DecodeError> {
    match json {
        "null" => T::from_null(),
        json => T::from_json(JsonText(json)),
    }
}

impl<'r> JsonText<'r> {
    /// The members of an object.
    ///
    /// # Errors
    ///
    /// It is no object.
    pub fn members(self) -> Result<Members<'r>, DecodeError> {
        serde_json::from_str(self.0).map_err(|_| SHAPE)
    }

    fn string(self) -> Result<Cow<'r, str>, DecodeError> {
        match self
            .0
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
        {
            Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
            Some(_) => serde_json::from_str(self.0)
                .map(Cow::Owned)
                .map_err(|_| SHAPE),
            None => Err(SHAPE),
        }
    }

    fn parse<T: std::str::FromStr>(self) -> Result<T, DecodeError> {
        self.0.parse().map_err(|_| SHAPE)
    }

    fn parse_string<T: std::str::FromStr>(self) -> Result<T, DecodeError> {
        self.string()?.parse().map_err(|_| VALUE)
    }

    #[doc(hidden)]
    pub fn label(self) -> Result<Cow<'r, str>, DecodeError> {
        self.string()
    }
}

/// The members of an object.
pub struct Members<'r>(Vec<(Cow<'r, str>, &'r RawValue)>);

impl fmt::Debug for Members<'_> {
    // Values must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Members")
    }
}

impl Members<'_> {
    /// The value of a key; one that is not there counts as null. `unfit` is the reason that names the key.
    ///
    /// # Errors
    ///
    /// As [`FromJson::from_json`] and [`FromJson::from_null`].
    pub fn get<T: FromJson>(&self, key: &str, unfit: &'static str) -> Result<T, DecodeError> {
        let read = match self.0.iter().find(|(name, _)| name == key) {
            Some((_, value)) => read(value.get()),
            None => T::from_null(),
        };
        // The innermost key is the one at fault.
        read.map_err(
            |error| match [SHAPE, NULL, VALUE, NUMBER].contains(&error) {
                true => DecodeError::new(unfit),
                false => error,
            },
        )
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or_default());
                while let Some(member) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((member.0.0, member.1));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// A key, borrowed where it holds no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }

        deserializer.deserialize_str(Reader)
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: JsonText<'_>) -> Result<Self, DecodeError> {
        T::from_json(json).map(Some)
    }

    fn from_null() -> Result<Self, DecodeError> {
        Ok(None)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: JsonText<'_>) -> Result<Self, DecodeError> {
        let elements: Vec<&RawValue> = serde_json::from_str(json.0).map_err(|_| SHAPE)?;
        elements
            .into_iter()
            .map(|element| read(element.get()))
            .collect()
    }
}

/// Numbers and truth values, which are as Rust writes them.
macro_rules! plain {
    ($($rust:ty),*) => {
        $(impl FromJson for $rust {
            fn from_json(json: JsonText<'_>) -> Result<Self, DecodeError> {
                json.parse()
            }
        })*
    };
}

plain! { bool, i16, i32, i64 }

/// Numbers, but NaN and the infinities are strings.
macro_rules! floats {
    ($($rust:ty),*) => {
        $(impl FromJson for $rust {
            fn from_json(json: JsonText<'_>) -> Result<Self, DecodeError> {
                match json.0.starts_with('"') {
                    true => json.parse_string(),
                    false => json.parse(),
                }
            }
        })*
    };
}

floats! { f32, f64 }

/// Strings that the type's own text form is.
macro_rules! strings {
    ($($rust:ty),*) => {
        $(impl FromJson for $rust {
            fn from_json(json: JsonText<'_>) -> Result<Self, DecodeError> {
                json.parse_string()
            }
        })*
    };
}

strings! { Uuid, Timestamp, DateTime, Date, Time }

impl FromJson for String {
    fn from_json(json: JsonText<'_>) -> Result<Self, DecodeError> {
        json.string().map(Cow::into_owned)
    }
}

impl FromJson for Decimal {
    fn from_json(json: JsonText<'_>) -> Result<Self, DecodeError> {
        // What has more digits is refused, not rounded.
        Decimal::from_str_exact(json.0).map_err(|_| NUMBER)
    }
}

impl FromJson for Tree {
    fn from_json(json: JsonText<'_>) -> Result<Self, DecodeError> {
        serde_json::from_str(json.0).map_err(|_| SHAPE)
    }

    fn from_null() -> Result<Self, DecodeError> {
        Ok(Self::Null)
    }
}

impl<T: DeserializeOwned> FromJson for Json<T> {
    fn from_json(json: JsonText<'_>) -> Result<Self, DecodeError> {
        serde_json::from_str(json.0)
            .map(Self)
            .map_err(|_| DecodeError::new("is JSON of another shape than its Rust type"))
    }

    fn from_null() -> Result<Self, DecodeError> {
        Self::from_json(JsonText("null"))
    }
}

#[doc(hidden)]
pub fn enumeration_from_json<T: Enumeration>(json: JsonText<'_>) -> Result<T, DecodeError> {
    super::decode_enumeration(json.string()?.as_bytes())
}

#[doc(hidden)]
pub fn accepts_json(ty: Type<'_>) -> bool {
    Tree::accepts(ty)
}

#[doc(hidden)]
pub fn decode_json<T: FromJson>(raw: &[u8]) -> Result<T, DecodeError> {
    read(utf8(text(raw))?.trim())
}
