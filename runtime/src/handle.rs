//! What queries run on.

use std::sync::Arc;

use crate::database::{Database, Replica};
use crate::pool::Pool;
use crate::transaction::{Access, Core, ReadWrite, Transaction};

/// A handle that can read: a [`Database`], a [`Replica`] or a transaction of either kind.
#[diagnostic::on_unimplemented(
    message = "queries do not run on `{Self}`",
    label = "expected a `Database`, a `Replica` or a transaction",
    note = "queries take their handle by reference: `&db`, or `db` where it is a reference already"
)]
pub trait Reader: sealed::Handle {}

/// A handle that can write as well: a [`Database`] or a [`Transaction`].
#[diagnostic::on_unimplemented(
    message = "this query writes, which `{Self}` cannot do",
    label = "expected a `Database` or a `Transaction`"
)]
pub trait Writer: Reader {}

/// A transaction of either kind: what a query that only reads takes when it makes sense only in a transaction.
#[diagnostic::on_unimplemented(
    message = "this query runs only in a transaction, and `{Self}` is none",
    label = "expected a `Transaction` or a `ReadTransaction`"
)]
pub trait InTransaction: Reader {}

impl Reader for Database {}
impl Writer for Database {}
impl Reader for Replica {}
impl<A: Access> Reader for Transaction<A> {}
impl<A: Access> InTransaction for Transaction<A> {}
impl Writer for Transaction<ReadWrite> {}

/// The handle behind a [`Reader`], so that nothing beyond the generated function is generic over it.
#[derive(Debug, Clone, Copy)]
pub enum Handle<'a> {
    Pool(&'a Pool),
    Transaction(&'a Core),
}

impl Handle<'_> {
    /// Who answers instead of a server, if anybody does.
    #[cfg(feature = "testing")]
    pub(crate) fn mock(self) -> Option<crate::error::Result<crate::testing::Mock>> {
        match self {
            Self::Pool(pool) => pool.mock().cloned().map(Ok),
            Self::Transaction(transaction) => transaction.mock(),
        }
    }

    /// What is told of every query.
    #[cfg(feature = "tracing")]
    pub(crate) fn scene(self) -> Option<Arc<crate::trace::Scene>> {
        match self {
            Self::Pool(pool) => Some(pool.target().scene()),
            Self::Transaction(transaction) => transaction.scene(),
        }
    }

    /// The same handle, for what outlives the reference.
    pub(crate) fn to_owned(self) -> OwnedHandle {
        match self {
            Self::Pool(pool) => OwnedHandle::Pool(pool.clone()),
            Self::Transaction(transaction) => OwnedHandle::Transaction(transaction.share()),
        }
    }
}

/// What one call runs on: the handle that it was given, or the connection of the batch that sends it.
#[derive(Debug)]
pub(crate) struct Route<'a> {
    pub(crate) given: Handle<'a>,
    line: Option<Arc<Core>>,
}

impl<'a> Route<'a> {
    pub(crate) fn given(handle: Handle<'a>) -> Self {
        Self {
            given: handle,
            line: None,
        }
    }

    /// Sends the call on a connection that was taken from its own pool.
    pub(crate) fn set(&mut self, pool: &Pool, line: &Arc<Core>) -> bool {
        let own = matches!(self.given, Handle::Pool(given) if given.is(pool));
        if own {
            self.line = Some(Arc::clone(line));
        }
        own
    }

    pub(crate) fn handle(&self) -> Handle<'_> {
        match &self.line {
            Some(line) => Handle::Transaction(line),
            None => self.given,
        }
    }
}

pub(crate) enum OwnedHandle {
    Pool(Pool),
    Transaction(Core),
}

impl OwnedHandle {
    pub(crate) fn borrow(&self) -> Handle<'_> {
        match self {
            Self::Pool(pool) => Handle::Pool(pool),
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
        Handle::Pool(self.pool())
    }
}

impl sealed::Handle for Replica {
    fn handle(&self) -> Handle<'_> {
        Handle::Pool(self.pool())
    }
}

impl<A: Access> sealed::Handle for Transaction<A> {
    fn handle(&self) -> Handle<'_> {
        Handle::Transaction(self.core())
    }
}
