//! Constraints of partitions, told as those of the table that a crate knows.
//!
//! A partition has unique indexes of its own, with names of their own, and is reported as the table. Partitions come and
//! go while a service runs, so the database is asked where a violated constraint comes from, once for each.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::error::Elapsed;

use crate::connections::Connections;
use crate::error::Error;
use crate::lease::Lease;
use crate::wire::Session;

/// The schema, the table and the constraint, where it has a name.
pub(crate) type Key = (String, String, Option<String>);

/// The constraints that were looked up, with where they come from.
#[derive(Default)]
pub(crate) struct Partitions(Mutex<HashMap<Key, Key>>);

/// Past this many the memory starts over; a schema has fewer, a service that makes partitions for years may not.
const REMEMBERED: usize = 10_000;

impl Partitions {
    fn get(&self, key: &Key) -> Option<Key> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).cloned()
    }

    fn put(&self, key: Key, root: Key) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, root);
    }
}

/// Replaces the names of a violated constraint by those of the topmost table. `session` is the connection of the lease, which can be asked.
pub(crate) async fn trace_to_root(lease: &Lease, session: &Session, error: &mut Error) {
    if error.violation().is_some() {
        let looking = |key| async move { session.root_constraint(&key).await.ok() };
        // The state of a look-up is large, and hardly ever needed.
        if Box::pin(trace(lease.pool(), looking, error)).await.is_err() {
            // Its answer may still come.
            lease.abandon();
        }
    }
}

/// The same where the connection is a failed transaction's, which cannot be asked: another is made for it.
pub(crate) async fn trace_apart(pool: &Connections, error: &mut Error) {
    if error.violation().is_some() {
        let looking = |key| async move {
            let session = pool.target().connect(pool.connect_timeout()).await.ok()?;
            session.root_constraint(&key).await.ok()
        };
        let _ = Box::pin(trace(pool, looking, error)).await;
    }
}

/// An error where no answer came in time.
async fn trace<F>(
    pool: &Connections,
    looking: impl FnOnce(Key) -> F,
    error: &mut Error,
) -> Result<(), Elapsed>
where
    F: Future<Output = Option<Option<Key>>>,
{
    let Some(violation) = error.violation_mut() else {
        return Ok(());
    };
    let (Some(schema), Some(relation)) = (&violation.schema, &violation.relation) else {
        return Ok(());
    };
    let key = (
        schema.clone(),
        relation.clone(),
        violation.constraint.clone(),
    );
    let root = match pool.partitions().get(&key) {
        Some(root) => root,
        None => {
            let looked = tokio::time::timeout(pool.connect_timeout(), looking(key.clone()));
            // A failed look-up must not hide the error: the names stay those of the partition.
            let Some(found) = looked.await? else {
                return Ok(());
            };
            // A domain is no table.
            let root = found.unwrap_or_else(|| key.clone());
            pool.partitions().put(key, root.clone());
            root
        }
    };
    violation.schema = Some(root.0);
    violation.relation = Some(root.1);
    violation.constraint = root.2;
    Ok(())
}
