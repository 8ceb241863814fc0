//! The Rust types that stand for the types of the database.
//!
//! | PostgreSQL | Rust |
//! |---|---|
//! | `boolean` | `bool` |
//! | `"char"`, `smallint`, `integer`, `bigint` | `i8`, `i16`, `i32`, `i64` |
//! | `oid` | `u32` |
//! | `real`, `double precision` | `f32`, `f64` |
//! | `numeric` | [`Decimal`] |
//! | `text`, `varchar`, `char`, `name`, `citext`, `xml` | `String`, `&str` |
//! | `bytea` | `Vec<u8>`, `&[u8]` |
//! | `uuid` | [`Uuid`] |
//! | `json`, `jsonb` | [`Value`] |
//! | `timestamptz`, `timestamp`, `date`, `time` | [`Timestamp`], [`DateTime`], [`Date`], [`Time`] |
//! | `interval` | [`Interval`] |
//! | `inet` | [`IpAddr`] |
//! | `void` | `()` |
//! | arrays | `Vec<T>`, `&[T]`; `Vec<Option<T>>` where elements may be NULL |
//! | domains | the type that they are over |

pub use std::net::IpAddr;

pub use jiff::Timestamp;
pub use jiff::civil::{Date, DateTime, Time};
pub use rust_decimal::Decimal;
pub use serde_json::Value;
pub use uuid::Uuid;

pub use crate::codec::Interval;
