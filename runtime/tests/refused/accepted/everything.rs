//! Beside what is refused: the same queries where they may run. Without it a broken case would pass as a refused one.

use sqlmill_runtime::{Database, Error, ReadTransaction, Replica, Result, Transaction};

pub async fn run(db: &Database, replica: &Replica, body: String) -> Result<()> {
    sqlmill_case::clear_notes(db).await?;
    sqlmill_case::count_notes(replica).await?;
    replica
        .transaction(|tx| async move { sqlmill_case::count_locked(&tx).await })
        .await?;
    db.retry(3)
        .transaction(|tx| async move {
            sqlmill_case::lock_notes(&tx).await?;
            sqlmill_case::count_locked(&tx).await
        })
        .await?;
    db.transaction(|tx| async move {
        drop((tx, body));
        Ok::<_, Error>(())
    })
    .await
}

pub async fn by_hand(tx: &Transaction, read: &ReadTransaction) -> Result<i64> {
    sqlmill_case::clear_notes(tx).await?;
    Ok(sqlmill_case::count_notes(read).await? + sqlmill_case::count_locked(tx).await?)
}
