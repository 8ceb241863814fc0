//! For tests: a database of their own on a real server, rows in it, or no database at all. Behind the feature `testing`.

mod database;
mod factory;
mod mock;
mod server;

pub use database::{AnySchema, Schema, TestDatabase};
#[doc(hidden)]
pub use factory::Draft;
pub use factory::Give;
pub use mock::{Answerable, Expectation, Mock};
