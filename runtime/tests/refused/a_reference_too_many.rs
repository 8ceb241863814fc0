//~ queries do not run on `&Database`
//~ expected a `Database`, a `Replica` or a transaction
//~ queries take their handle by reference: `&db`, or `db` where it is a reference already

pub fn run(db: &sqlmill_runtime::Database) {
    let _ = sqlmill_case::count_notes(&db);
}
