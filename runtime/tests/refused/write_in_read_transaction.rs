//~ ReadOnly>` cannot do
//~ expected a `Database` or a `Transaction`

pub async fn run(db: &sqlmill_runtime::Database) -> sqlmill_runtime::Result<u64> {
    db.read_only()
        .transaction(|tx| async move { sqlmill_case::clear_notes(&tx).await })
        .await
}
