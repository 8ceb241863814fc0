//~ Replica` cannot do
//~ expected a `Database` or a `Transaction`

pub fn run(replica: &sqlmill_runtime::Replica) {
    let _ = sqlmill_case::clear_notes(replica);
}
