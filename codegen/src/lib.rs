//! sqlmill compiles annotated SQL files and a schema into a checked Rust crate. PostgreSQL itself is the front end.

pub mod catalog;
pub mod checked;
pub mod config;
pub mod describe;
pub mod diagnostic;
pub mod drivers;
pub mod emit;
pub mod explain;
pub mod facts;
pub mod falsify;
pub mod lint;
pub mod model;
pub mod nearest;
pub mod parse;
pub mod project;
pub mod prove;
pub mod render;
pub mod scan;
pub mod schema;
pub mod server;
pub mod source;
pub mod wire;
pub mod write;
