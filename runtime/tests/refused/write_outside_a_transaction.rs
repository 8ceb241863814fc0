//~ expected `&Transaction`, found `&Database`

pub fn run(db: &sqlmill_runtime::Database) {
    let _ = sqlmill_case::lock_notes(db);
}
