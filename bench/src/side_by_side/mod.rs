//! The peers' code of `docs/dynamic.md`, so that it compiles. Nothing here runs.

#![allow(dead_code, reason = "shown in docs/dynamic.md")]

mod by_diesel;
mod by_sqlx;
