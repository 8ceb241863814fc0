//! With the feature `serde`: what has a text form is written and read as that text, and an array is as large as it says.

use serde_core::de::{Deserialize, Deserializer, Error as _};
use serde_core::ser::{Serialize, Serializer};

use super::array::{Array, Dimension};
use super::bits::Bits;
use super::geometry::{Circle, Line, Path, Point, Polygon, Rectangle, Segment};
use super::network::{MacAddr, MacAddr8, Network};
use super::numeric::Numeric;
use super::search::{TsQuery, TsVector};
use super::system::{Lsn, Snapshot, Tid, TimeTz};

macro_rules! as_text {
    ($($name:ident)*) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    )* };
}

as_text! {
    Bits Circle Line Path Point Polygon Rectangle Segment MacAddr MacAddr8 Network Numeric TsQuery TsVector Lsn Snapshot Tid TimeTz
}

#[derive(serde::Deserialize)]
struct Unchecked<T> {
    dimensions: Vec<Dimension>,
    elements: Vec<T>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unchecked {
            dimensions,
            elements,
        } = Unchecked::deserialize(deserializer)?;
        Self::new(dimensions, elements).ok_or_else(|| {
            D::Error::custom("the number of elements is not what the dimensions say")
        })
    }
}
