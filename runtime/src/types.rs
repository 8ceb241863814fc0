//! The Rust types that stand for the types of the database.
//!
//! | PostgreSQL | Rust |
//! |---|---|
//! | `boolean` | `bool` |
//! | `"char"`, `smallint`, `integer`, `bigint` | `i8`, `i16`, `i32`, `i64` |
//! | `oid` and the `reg…` types | `u32` |
//! | `real`, `double precision` | `f32`, `f64` |
//! | `numeric` | [`Decimal`], or [`Numeric`] |
//! | `text`, `varchar`, `char`, `name`, `citext`, `xml`, `refcursor` | `String`, `&str` |
//! | `bytea` | `Vec<u8>`, `&[u8]` |
//! | `bit`, `varbit` | [`Bits`] |
//! | `uuid` | [`Uuid`] |
//! | `json`, `jsonb` | [`Value`], or [`Json`] |
//! | `jsonpath` | [`JsonPath`] |
//! | `timestamptz`, `timestamp`, `date`, `time` | [`Timestamp`], [`DateTime`], [`Date`], [`Time`] |
//! | `timetz` | [`TimeTz`] |
//! | `interval` | [`Interval`] |
//! | `inet` | [`IpAddr`], or [`Network`] |
//! | `cidr` | [`Network`] |
//! | `macaddr`, `macaddr8` | [`MacAddr`], [`MacAddr8`] |
//! | `point`, `line`, `lseg`, `box` | [`Point`], [`Line`], [`Segment`], [`Rectangle`] |
//! | `path`, `polygon`, `circle` | [`Path`], [`Polygon`], [`Circle`] |
//! | `tsvector`, `tsquery` | [`TsVector`], [`TsQuery`] |
//! | `ltree`, `lquery`, `ltxtquery` | [`Ltree`], [`Lquery`], [`Ltxtquery`] |
//! | `hstore` | [`Hstore`] |
//! | `money` | [`Money`] |
//! | `pg_lsn`, `xid8`, `tid`, `pg_snapshot` | [`Lsn`], `u64`, [`Tid`], [`Snapshot`] |
//! | ranges, multiranges | [`Range<T>`](Range), [`Multirange<T>`](Multirange) |
//! | `void` | `()` |
//! | arrays | `Vec<T>`, `&[T]`; `Vec<Option<T>>` where elements may be NULL; [`Array<T>`](Array) for several dimensions |
//! | `row(…)` | a tuple |
//! | domains | the type that they are over |

pub use std::net::IpAddr;

pub use jiff::Timestamp;
pub use jiff::civil::{Date, DateTime, Time};
pub use rust_decimal::Decimal;
pub use serde_json::Value;
pub use uuid::Uuid;

pub use crate::codec::{
    Array, Binary, Bits, Circle, Dimension, Hstore, Interval, Json, JsonPath, Lexeme, Line, Lquery,
    Lsn, Ltree, Ltxtquery, MacAddr, MacAddr8, Money, Multirange, Network, Numeric, ParseError,
    Path, Point, Polygon, Position, Range, Rectangle, Segment, Snapshot, Tid, TimeTz, TsQuery,
    TsVector, Weight,
};

/// With the feature `chrono`: what stands for dates and times where the configuration says `date_time = "chrono"`.
#[cfg(feature = "chrono")]
pub mod chrono {
    pub use chrono::{NaiveDate as Date, NaiveDateTime as DateTime, NaiveTime as Time};

    /// A `timestamptz`.
    pub type Timestamp = chrono::DateTime<chrono::Utc>;
}

/// With the feature `time`: what stands for dates and times where the configuration says `date_time = "time"`.
#[cfg(feature = "time")]
pub mod time {
    pub use time::{Date, OffsetDateTime as Timestamp, PrimitiveDateTime as DateTime, Time};
}

/// With the feature `bigdecimal`: what stands for `numeric` where the configuration says `numeric = "bigdecimal"`.
#[cfg(feature = "bigdecimal")]
pub mod bigdecimal {
    pub use bigdecimal::BigDecimal;
}
