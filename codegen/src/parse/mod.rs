//! Annotated SQL, read into data.

pub mod syntax;
