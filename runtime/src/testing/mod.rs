//! For tests: a database of their own on a real server, or none at all. Behind the feature `testing`.

mod mock;
mod scratch;

pub use mock::{Answerable, Expectation, Mock};
pub use scratch::TestDatabase;
