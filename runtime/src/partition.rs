//! Constraints of partitions, told as those of the table that a crate knows.
//!
//! A partition has unique indexes of its own, with names of their own, and is reported as the table. Partitions come and
//! go while a service runs, so the database is asked where a violated constraint comes from, once for each.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

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

/// Replaces the names of a violated constraint by those of the topmost table. `session` is a connection that can be
/// asked; a failed transaction's cannot, and another is made for it.
pub(crate) async fn trace_to_root(lease: &Lease, session: Option<&Session>, error: &mut Error) {
    if error.violation().is_some() {
        // The state of a look-up is large, and hardly ever needed.
        Box::pin(trace(lease, session, error)).await;
    }
}

async fn trace(lease: &Lease, session: Option<&Session>, error: &mut Error) {
    let Some(violation) = error.violation_mut() else {
        return;
    };
    let (Some(schema), Some(relation)) = (&violation.schema, &violation.relation) else {
        return;
    };
    let pool = lease.pool();
    let key = (
        schema.clone(),
        relation.clone(),
        violation.constraint.clone(),
    );
    let root = match pool.partitions().get(&key) {
        Some(root) => root,
        None => {
            let limit = pool.connect_timeout();
            let looking = async {
                match session {
                    Some(session) => session.root_constraint(&key).await.ok(),
                    None => {
                        let session = pool.target().connect(limit).await.ok()?;
                        session.root_constraint(&key).await.ok()
                    }
                }
            };
            // A failed look-up must not hide the error: the names stay those of the partition.
            let found = match tokio::time::timeout(limit, looking).await {
                Ok(Some(found)) => found,
                Ok(None) => return,
                Err(_) => {
                    // Its answer may still come.
                    return lease.abandon();
                }
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
}
