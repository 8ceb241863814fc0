//! What the runtime reads: the values of columns as the server sends them, and as people write them.

use std::fmt::Display;
use std::str::FromStr;

use sqlmill_runtime::types::*;
use sqlmill_runtime::{Column, Value as Owned};

/// The first byte chooses the type, the rest is the value.
pub fn values(data: &[u8]) {
    if let Some((&choice, raw)) = data.split_first() {
        let all = readers();
        (all[usize::from(choice) % all.len()].1)(raw);
    }
}

/// A type's name, and a function that reads bytes as its value: was there one?
pub type Reader = (&'static str, fn(&[u8]) -> bool);

macro_rules! readers {
    ($($read:ident: $($rust:ty),+;)*) => {
        vec![$($((stringify!($rust), $read::<$rust> as fn(&[u8]) -> bool)),+),*]
    };
}

/// Of every type that the runtime has.
pub fn readers() -> Vec<Reader> {
    readers! {
        binary: (), bool, i8, i16, i32, i64, u32, u64, f32, f64, String, Vec<u8>, Value, Json<Vec<i32>>, Binary;
        binary: Ltree, Lquery, Ltxtquery, JsonPath, Hstore, Money, Interval;
        binary: Range<i32>, Range<String>, Multirange<i64>;
        binary: Vec<i32>, Vec<Option<String>>, Vec<Vec<u8>>, Vec<Range<Numeric>>, Array<i32>, Array<Option<String>>;
        binary: (i32,), (Option<i32>, Vec<String>), (Json<Value>, (Option<Hstore>, TsVector));
        binary: chrono::Timestamp, chrono::DateTime, chrono::Date, chrono::Time;
        binary: time::Timestamp, time::DateTime, time::Date, time::Time;
        binary: Timestamp, DateTime, Date, Time, Uuid, Decimal, bigdecimal::BigDecimal, IpAddr;
        binary: TsVector, TsQuery;
        with_text: Numeric, TimeTz, Network, MacAddr, MacAddr8, Bits, Lsn, Tid, Snapshot;
        with_text: Point, Line, Segment, Rectangle, Path, Polygon, Circle;
        text: Numeric, TimeTz, Network, MacAddr, MacAddr8, Bits, TsVector, TsQuery, Lsn, Tid, Snapshot;
        text: Point, Line, Segment, Rectangle, Path, Polygon, Circle;
    }
}

/// The value and its borrowed form agree about whether there is one.
fn binary<T: Owned>(raw: &[u8]) -> bool {
    let owned = T::decode(raw).is_ok();
    let borrowed = <T::Ref<'_> as Column<'_>>::decode(raw).is_ok();
    assert_eq!(owned, borrowed);
    owned
}

/// What was read can be written, and that means the same.
fn with_text<T: Owned + Display + FromStr>(raw: &[u8]) -> bool {
    if let Ok(value) = T::decode(raw) {
        says_the_same(&value);
    }
    binary::<T>(raw)
}

fn text<T: Display + FromStr>(raw: &[u8]) -> bool {
    let read = std::str::from_utf8(raw)
        .ok()
        .and_then(|text| text.parse::<T>().ok());
    if let Some(value) = &read {
        says_the_same(value);
    }
    read.is_some()
}

fn says_the_same<T: Display + FromStr>(value: &T) {
    let text = value.to_string();
    let again = text.parse::<T>().ok().map(|value| value.to_string());
    assert_eq!(again.as_deref(), Some(text.as_str()));
}
