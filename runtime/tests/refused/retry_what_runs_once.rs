//~ captured by this `FnMut` closure

use sqlmill_runtime::{Database, Error, Result};

pub async fn run(db: &Database, body: String) -> Result<()> {
    db.retry(3)
        .transaction(|tx| async move {
            drop((tx, body));
            Ok::<_, Error>(())
        })
        .await
}
