//! What procedures give back arrives as a row; one that commits does so outside of transactions.

use sqlmill_runtime::ErrorKind;

use super::tallies::{self, DescribeRow, Known, Tallied, Tally, TallyRow};
use super::types::Mood;

#[tokio::test]
async fn procedures_give_a_row() {
    let db = crate::database::of("language_call").await;
    super::verify(&db).await.unwrap();
    let tally = Tally {
        name: "a",
        total: -1,
        by: 4,
    };
    let row = |total| TallyRow {
        name: Some("a".to_owned()),
        total: Some(total),
    };
    assert_eq!(tallies::tally(&db, tally).await.unwrap(), row(4));
    assert_eq!(tallies::tally(&db, tally).await.unwrap(), row(8));
    let known = Known {
        name: "a",
        total: None,
        by: 1,
    };
    let tallied = Tallied {
        name: "a".to_owned(),
        total: 9,
    };
    assert_eq!(tallies::known(&db, known).await.unwrap(), tallied);
    let described = DescribeRow {
        total: Some(9),
        mood: Some(Mood::Cross),
    };
    assert_eq!(tallies::describe(&db, "a").await.unwrap(), described);
    assert_eq!(tallies::double(&db, 21).await.unwrap(), Some(42));

    // In a transaction it is undone with it.
    let tx = db.begin().await.unwrap();
    tallies::forget(&tx, "a").await.unwrap();
    let gone = DescribeRow {
        total: None,
        mood: None,
    };
    assert_eq!(tallies::describe(&tx, "a").await.unwrap(), gone);
    tx.rollback().await.unwrap();
    assert_eq!(tallies::describe(&db, "a").await.unwrap(), described);

    // A procedure that commits cannot do it in somebody's transaction.
    tallies::in_steps(&db).await.unwrap();
    let steps = tallies::describe(&db, "steps").await.unwrap();
    assert_eq!(steps.total, Some(2));
    tallies::forget(&db, "steps").await.unwrap();
    let tx = db.begin().await.unwrap();
    let error = tallies::in_steps(&tx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert_eq!(error.sqlstate(), Some("2D000"));
}
