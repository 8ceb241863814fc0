//! Many rows of parameters.

use sqlmill_runtime::types::{Array, Dimension};
use sqlmill_runtime::{BulkExecute, ErrorKind, Many, Rows, Statement};

use crate::support::TestDatabase;

static ADD: Statement<Rows<'_, (i32, Option<Array<i32>>)>> = Statement::new(
    "grids::add",
    "queries/grids.sql:1",
    "INSERT INTO grids (id, cells) SELECT bulk.p1, ($2::int4[])[bulk.p3:bulk.p4] \
     FROM unnest($1::int4[], $3::int4[], $4::int4[]) AS bulk (p1, p3, p4)",
    "int4[] int4[] int4[] int4[]",
    "",
)
.arrays(&[1]);

static LIST: Statement<(), Option<Array<i32>>> = Statement::new(
    "grids::list",
    "queries/grids.sql:5",
    "SELECT cells FROM grids ORDER BY id",
    "",
    "int4[]",
);

fn array(dimensions: &[(u32, i32)], elements: &[i32]) -> Option<Array<i32>> {
    let dimensions = dimensions.iter();
    let dimensions = dimensions.map(|&(length, first)| Dimension { length, first });
    Some(Array::new(dimensions.collect(), elements.to_vec()).unwrap())
}

#[tokio::test]
async fn arrays_that_no_slice_can_be_are_refused_by_row_and_parameter() {
    let scratch = TestDatabase::new("CREATE TABLE grids (id int PRIMARY KEY, cells int[])");
    let db = scratch.connect().await.unwrap();
    let plain = array(&[(2, 1)], &[1, 2]);
    let others = [
        array(&[(2, 1), (2, 1)], &[1, 2, 3, 4]),
        array(&[(1, 1), (1, 1)], &[1]),
        array(&[(2, 0)], &[1, 2]),
        array(&[(2, 2)], &[1, 2]),
    ];
    for other in others {
        // Past the rows that travel at once.
        let mut rows: Vec<_> = (0..9_000).map(|id| (id, plain.clone())).collect();
        rows[8_999].1 = other;
        let error = BulkExecute::new(&db, &ADD, &rows).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.rows(), [8_999]);
        assert_eq!(
            error.to_string(),
            "grids::add (queries/grids.sql:1): invalid input: a parameter is an array of several dimensions, or one that does not \
             begin at 1, and many rows take no such array ($2, row 8999 from 0)"
        );
        let stored = Many::new(&db, &LIST, ()).await.unwrap();
        assert_eq!(stored, []);
    }
    let rows = [(1, plain), (2, None), (3, array(&[], &[]))];
    assert_eq!(BulkExecute::new(&db, &ADD, &rows).await.unwrap(), 3);
    let stored = Many::new(&db, &LIST, ()).await.unwrap();
    assert!(stored.iter().eq(rows.iter().map(|(_, cells)| cells)));
}
