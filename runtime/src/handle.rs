//! What queries run on.

use crate::database::Database;
use crate::transaction::Transaction;

/// A handle that can read: a [`Database`] or a [`Transaction`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handle that queries can run on",
    label = "expected `Database` or `Transaction`"
)]
pub trait Reader: sealed::Handle {}

/// A handle that can write as well.
#[diagnostic::on_unimplemented(
    message = "the query writes, and `{Self}` cannot",
    label = "expected `Database` or `Transaction`"
)]
pub trait Writer: Reader {}

impl Reader for Database {}
impl Writer for Database {}
impl Reader for Transaction {}
impl Writer for Transaction {}

/// The handle behind a [`Reader`], so that nothing beyond the generated function is generic over it.
#[derive(Debug, Clone, Copy)]
pub enum Handle<'a> {
    Database(&'a Database),
    Transaction(&'a Transaction),
}

impl Handle<'_> {
    /// The same handle, for what outlives the reference.
    pub(crate) fn to_owned(self) -> OwnedHandle {
        match self {
            Self::Database(database) => OwnedHandle::Database(database.clone()),
            Self::Transaction(transaction) => OwnedHandle::Transaction(transaction.share()),
        }
    }
}

pub(crate) enum OwnedHandle {
    Database(Database),
    Transaction(Transaction),
}

impl OwnedHandle {
    pub(crate) fn borrow(&self) -> Handle<'_> {
        match self {
            Self::Database(database) => Handle::Database(database),
            Self::Transaction(transaction) => Handle::Transaction(transaction),
        }
    }
}

pub(crate) mod sealed {
    pub trait Handle: Send + Sync {
        fn handle(&self) -> super::Handle<'_>;
    }
}

impl sealed::Handle for Database {
    fn handle(&self) -> Handle<'_> {
        Handle::Database(self)
    }
}

impl sealed::Handle for Transaction {
    fn handle(&self) -> Handle<'_> {
        Handle::Transaction(self)
    }
}
