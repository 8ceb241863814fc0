//! Every query of a crate held against the live database, before the first of them is needed.

use std::fmt;
use std::sync::Arc;

use crate::call;
use crate::error::{Error, ErrorKind, Result};
use crate::handle::{Handle, Reader};
use crate::relied::{self, Looked, Relied};
use crate::statement::{About, Statement};

/// A [`Statement`], whatever its types: what [`statements!`](crate::statements) lists.
pub trait AnyStatement: sealed::AnyStatement + Sync {}

mod sealed {
    use super::About;

    pub trait AnyStatement {
        fn known(&self) -> Vec<About>;
    }
}

impl<P, R> sealed::AnyStatement for Statement<P, R> {
    fn known(&self) -> Vec<About> {
        self.every()
    }
}

impl<P, R> AnyStatement for Statement<P, R> {}

/// The queries that do not fit the database, and what else of it they rely on and is different.
pub struct VerifyError {
    errors: Vec<Error>,
}

impl VerifyError {
    /// An error for each query, with its name and what is different; then one for each other thing, of no query.
    pub fn errors(&self) -> &[Error] {
        &self.errors
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index != 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.errors).finish()
    }
}

impl std::error::Error for VerifyError {}

/// So many are under way at once: enough to hide the round trips, few enough to hold no more than one connection's buffer.
const AT_ONCE: usize = 64;

/// Prepares every statement and compares its types, and what else of the schema the crate relies on; see [`verify!`](crate::verify).
#[doc(hidden)]
pub async fn verify(
    db: &impl Reader,
    modules: &[&[&'static dyn AnyStatement]],
    relied: Option<&'static Relied>,
) -> Result<(), VerifyError> {
    let handle = db.handle();
    let own = match handle {
        Handle::Pool(pool) => {
            let lease = pool.lease().await?;
            lease.session()?.attend();
            Some(Arc::new(lease))
        }
        Handle::Transaction(_) => None,
    };
    // Asked for anew each time: the connection of a transaction is held by nobody who may not come back.
    let lease = || match (&own, handle) {
        (Some(lease), _) => Ok(Arc::clone(lease)),
        (None, Handle::Pool(_)) => Err(Error::new(ErrorKind::ConnectionLost)),
        (None, Handle::Transaction(transaction)) => transaction.lease(),
    };
    let mut statements = known(modules).into_iter();
    // It travels with the first of the statements.
    let relied = relied.unwrap_or(&Relied::NOTHING);
    let looking = tokio::spawn({
        let lease = lease()?;
        async move { relied::look(&lease, relied).await }
    });
    let mut running = tokio::task::JoinSet::new();
    let mut errors = Vec::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((index, about)) = statements.next()
        {
            let lease = lease()?;
            running.spawn(async move {
                let outcome = call::verify(&lease, &about).await;
                (index, outcome)
            });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((_, Ok(())))) => {}
            Some(Ok((index, Err(error)))) => errors.push((index, error)),
            // The tasks do not panic; a runtime that shuts down drops them.
            Some(Err(_)) => return Err(Error::new(ErrorKind::ConnectionLost).into()),
        }
    }
    let looked = looking.await;
    let looked = match looked.unwrap_or_else(|_| Err(Error::new(ErrorKind::ConnectionLost))) {
        Ok(looked) => looked,
        Err(error) if errors.is_empty() => return Err(error.into()),
        // In a transaction that a query has failed, nothing more can be asked.
        Err(_) => Looked::default(),
    };
    errors.sort_by_key(|(index, _)| *index);
    // Of a query of several texts one error will do.
    errors.dedup_by_key(|(index, _)| *index);
    // An older server may not know what a query calls.
    let told = |error: Error| match error.sqlstate() {
        Some(_) if !looked.server.is_empty() => error
            .without_advice()
            .noting(&format!("the server is PostgreSQL {}", looked.server)),
        _ => error.without_advice(),
    };
    let errors: Vec<Error> = errors
        .into_iter()
        .map(|(_, error)| told(error))
        .chain(looked.different)
        .collect();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(VerifyError { errors }),
    }
}

/// The texts to prepare, each with the number of its statement. As a list: an iterator's closures would keep the future that holds them from
/// being `Send` enough for a spawned task.
fn known(modules: &[&[&'static dyn AnyStatement]]) -> Vec<(usize, About)> {
    let statements = modules.iter().copied().flatten().enumerate();
    let texts = statements.flat_map(|(index, statement)| {
        let texts = statement.known().into_iter();
        texts.map(move |about| (index, about))
    });
    texts.collect()
}

/// The texts of all statements, by the names of their queries; see [`verify!`](crate::verify).
#[doc(hidden)]
pub fn texts_sent(modules: &[&[&'static dyn AnyStatement]]) -> Vec<(&'static str, &'static str)> {
    let statements = modules.iter().copied().flatten();
    let known = statements.flat_map(|statement| statement.known());
    known
        .flat_map(|about| about.texts().map(move |text| (about.origin.name, text)))
        .collect()
}

impl From<Error> for VerifyError {
    fn from(error: Error) -> Self {
        Self {
            errors: vec![error],
        }
    }
}
