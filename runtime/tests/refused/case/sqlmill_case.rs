//! Queries as sqlmill generates them, for the cases beside this directory.

use sqlmill_runtime::{Execute, InTransaction, One, Reader, Statement, Transaction, Writer};

pub fn count_notes(db: &impl Reader) -> One<'_, (), i64> {
    One::new(db, &COUNT, ())
}

pub fn clear_notes(db: &impl Writer) -> Execute<'_, ()> {
    Execute::new(db, &CLEAR, ())
}

pub fn count_locked(db: &impl InTransaction) -> One<'_, (), i64> {
    One::new(db, &COUNT, ())
}

pub fn lock_notes(db: &Transaction) -> Execute<'_, ()> {
    Execute::new(db, &CLEAR, ())
}

static COUNT: Statement<(), i64> = Statement::new("n::count", "n.sql:1", "SELECT count(*) FROM n","","int8");
static CLEAR: Statement<()> = Statement::new("n::clear", "n.sql:2", "DELETE FROM n","","");
