//! What the crates that sqlmill generates call: connections, queries, rows, transactions and errors.
//!
//! A consumer sees [`Database`], [`Replica`], [`Transaction`], [`Error`] and what a query awaits to. The rest is for generated code,
//! which stays thin: a [`Statement`], the structs, and one call a query.
//!
//! ```no_run
//! use sqlmill_runtime::types::Uuid;
//! use sqlmill_runtime::{Database, Optional, Reader, Statement};
//!
//! // What sqlmill generates, shortened.
//! pub struct User {
//!     pub id: Uuid,
//!     pub email: String,
//! }
//!
//! pub struct UserRef<'a> {
//!     pub id: Uuid,
//!     pub email: &'a str,
//! }
//!
//! sqlmill_runtime::row! { User, UserRef { id, email } }
//!
//! pub fn get_user<'a>(db: &'a impl Reader, id: Uuid) -> Optional<'a, (Uuid,), User> {
//!     Optional::new(db, &GET_USER, (id,))
//! }
//!
//! static GET_USER: Statement<(Uuid,), User> = Statement::new(
//!     "users::get_user",
//!     "queries/users.sql:3",
//!     "SELECT id, email FROM users WHERE id = $1",
//!     "uuid",
//!     "uuid text",
//! );
//!
//! // What a service writes.
//! # async fn run(id: Uuid) -> sqlmill_runtime::Result<()> {
//! let db = Database::connect("postgres://app@localhost/shop").await?;
//! if let Some(user) = get_user(&db, id).await? {
//!     println!("{}", user.email);
//! }
//! # Ok(())
//! # }
//! ```

// What a caller meets when it goes wrong is a part of what a function is.
#![warn(clippy::missing_errors_doc)]

mod address;
mod batch;
mod begin;
mod between;
mod builder;
mod bulk;
mod call;
mod codec;
mod connections;
mod constraint;
mod database;
mod deadline;
mod error;
mod files;
mod handle;
mod held;
mod incoming;
mod lease;
mod listen;
mod lock;
mod macros;
mod page;
mod param;
mod partition;
mod patch;
mod pool;
mod query;
mod relied;
mod row;
mod session;
mod shared;
mod socket;
mod sql_type;
mod statement;
mod stream;
#[cfg(feature = "testing")]
pub mod testing;
mod texts;
mod tls;
mod together;
mod trace;
mod transaction;
mod type_list;
pub mod types;
mod unnamed;
mod verify;
mod wire;

pub use batch::Batched;
pub use begin::{Isolation, RetriedTransaction, TransactionOptions};
pub use builder::Builder;
pub use bulk::{BulkExecute, BulkRows, Rows};
pub use constraint::{Constraint, ConstraintKind, Rule, Violation};
pub use database::{Database, Replica};
pub use error::{Error, ErrorKind, Fault, Result};
pub use handle::{InTransaction, Reader, Writer};
pub use held::{Comparison, Held, Pattern, Test};
pub use listen::{Heard, Listener};
pub use lock::SessionLock;
pub use page::cursor::Cursor;
pub use page::{CursorPage, OrDefault, Page, Pages};
pub use patch::{OnlyPatch, Patch};
pub use pool::{Health, PoolStatus, ServerRole};
pub use query::{
    AllRows, CursorQuery, Execute, Many, Mapped, Mapper, One, OneRow, Optional, OptionalRow, Owned,
    PageQuery, Pageable, Paged, PagedRows, Query, Scrolled, ScrolledRows, Shape,
};
pub use stream::RowStream;
pub use transaction::{Access, ReadOnly, ReadTransaction, ReadWrite, Transaction};

pub use verify::{AnyStatement, VerifyError};

pub use codec::{Composite, Enumeration, Fields, FromJson, JsonText, Members, TypeName, Wire};
pub use param::{Bind, EncodeError, Encoded, Param, Params, Slots};
pub use row::{Column, DecodeError, Row, Source, Value};
pub use sql_type::SqlType;
pub use statement::{NoRows, Statement};
pub use texts::{Flag, Given, Piece, Texts, Variant};
pub use wire::{Buffer, Type};

#[doc(hidden)]
pub use codec::{
    accepts_composite, accepts_enumeration, accepts_json, accepts_nested, decode_composite,
    decode_composite_ref, decode_enumeration, decode_json, decode_nested, decode_nested_ref,
    encode_composite, encode_enumeration, enumeration_from_json,
};
#[doc(hidden)]
pub use page::{Cursors, Order, Way};
#[doc(hidden)]
pub use relied::{Part, Relied, builder};
#[doc(hidden)]
pub use type_list::ANY;
#[doc(hidden)]
pub use verify::{texts_sent, verify};
