//~ this query runs only in a transaction, and `Database` is none
//~ expected a `Transaction` or a `ReadTransaction`

pub fn run(db: &sqlmill_runtime::Database) {
    let _ = sqlmill_case::count_locked(db);
}
