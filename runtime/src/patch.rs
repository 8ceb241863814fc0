//! Parameters that may leave a column as it is.

use crate::param::{Bind, EncodeError, Encoded, Param, Params, Slots};
use crate::texts::Variant;
use crate::wire::{Buffer, Type};

/// What an UPDATE does with one column: a parameter `name~` of a query.
///
/// Of a NOT NULL column it is a `Patch<T>`, which keeps or sets. Of a column that may be NULL it is a `Patch<Option<T>>`, which can
/// [`clear`](Patch::clear) as well.
///
/// ```
/// use sqlmill_runtime::Patch;
///
/// let kept: Patch<bool> = Patch::Keep;
/// let named: Patch<Option<&str>> = Patch::Set(Some("Ada"));
/// let unnamed: Patch<Option<&str>> = Patch::clear();
/// assert!(kept.is_keep());
/// assert_ne!(named, unnamed);
/// ```
///
/// With the feature `serde` a field of this type tells a key that is missing from one that is `null`. The field takes
/// `#[serde(default)]`; without it a missing key is an error. `null` for a `Patch<T>` is an error, too. To be written, a field takes
/// `#[serde(skip_serializing_if = "Patch::is_keep")]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Patch<T> {
    /// The column stays as it is.
    #[default]
    Keep,
    /// The column gets this value.
    Set(T),
}

impl<T> Patch<T> {
    /// Sets where there is a value, and keeps where there is none.
    pub fn from_option(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }

    /// Does the column stay as it is?
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The same, of a reference to the value.
    pub const fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Set(value) => Patch::Set(value),
        }
    }

    /// The same, of what `map` makes of the value: `patch.as_ref().map(String::as_str)`.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Set(value) => Patch::Set(map(value)),
        }
    }

    /// The value that is set.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<T> Patch<Option<T>> {
    /// The column is set to NULL.
    pub const fn clear() -> Self {
        Self::Set(None)
    }

    /// Is the column set to NULL?
    pub const fn is_clear(&self) -> bool {
        matches!(self, Self::Set(None))
    }
}

/// A value and its switch: `CASE WHEN $2 THEN $1 ELSE column END`.
impl<T: Param> Bind for Patch<T> {
    fn bind<'p>(&'p self, slots: &mut Slots<'p>) {
        match self {
            Self::Keep => {
                slots.push(&Nothing);
                slots.push_second(&false);
            }
            Self::Set(value) => {
                slots.push(value);
                slots.push_second(&true);
            }
        }
    }
}

/// The only parameter of a query, a patch: where it keeps, another text is sent.
#[derive(Debug, Clone, Copy)]
pub struct OnlyPatch<T>(pub Patch<T>);

impl<T: Param> Params for OnlyPatch<T> {
    const VARIES: bool = true;

    fn variant(&self) -> Variant {
        Variant::default().choice(0, u8::from(self.0.is_keep()))
    }

    fn bind<'p>(&'p self, slots: &mut Slots<'p>) {
        self.0.bind(slots);
    }
}

/// In place of a value that is not looked at.
struct Nothing;

impl Param for Nothing {
    fn encode(&self, _: Type<'_>, _: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        Ok(Encoded::Null)
    }
}

#[cfg(feature = "serde")]
mod json {
    use std::fmt;
    use std::marker::PhantomData;

    use serde::de::{Deserialize, Deserializer, Visitor};
    use serde::ser::{Error, Serialize, Serializer};

    use super::Patch;

    impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            // Asked for an option, serde would take a missing key for `null`.
            deserializer.deserialize_newtype_struct("Patch", Value(PhantomData))
        }
    }

    struct Value<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Value<T> {
        type Value = Patch<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a value to set")
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(
            self,
            deserializer: D,
        ) -> Result<Patch<T>, D::Error> {
            T::deserialize(deserializer).map(Patch::Set)
        }
    }

    impl<T: Serialize> Serialize for Patch<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self {
                Self::Set(value) => value.serialize(serializer),
                Self::Keep => Err(S::Error::custom(
                    "a patch that keeps is not written: `#[serde(skip_serializing_if = \"Patch::is_keep\")]`",
                )),
            }
        }
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::Patch;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Body {
        #[serde(default, skip_serializing_if = "Patch::is_keep")]
        name: Patch<Option<String>>,
        #[serde(default, skip_serializing_if = "Patch::is_keep")]
        active: Patch<bool>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Strict {
        name: Patch<Option<String>>,
    }

    fn read(text: &str) -> Result<Body, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_missing_key_keeps_and_null_clears() {
        let body = |name, active| Ok(Body { name, active });
        assert_eq!(read("{}"), body(Patch::Keep, Patch::Keep));
        assert_eq!(read(r#"{"name": null}"#), body(Patch::clear(), Patch::Keep));
        assert_eq!(
            read(r#"{"name": "Ada", "active": false}"#),
            body(Patch::Set(Some("Ada".to_owned())), Patch::Set(false))
        );
        for text in ["{}", r#"{"name":null}"#, r#"{"name":"Ada","active":true}"#] {
            let body = read(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(serde_json::to_string(&body).ok().as_deref(), Some(text));
        }
    }

    #[test]
    fn null_for_a_column_that_refuses_it_is_an_error() {
        let error = read(r#"{"active": null}"#).err().unwrap_or_default();
        assert!(
            error.starts_with("invalid type: null, expected a boolean"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_key_is_never_taken_for_null() {
        let error = serde_json::from_str::<Strict>("{}").map_err(|error| error.to_string());
        let error = error.err().unwrap_or_default();
        assert!(error.starts_with("missing field `name`"), "{error}");
        let kept = Strict { name: Patch::Keep };
        assert!(serde_json::to_string(&kept).is_err());
    }
}
