//! Rows come in the order that is chosen.

use super::notes::{self, AllIds, AllIdsOrder, ListNotes, ListNotesOrder};

#[tokio::test]
async fn rows_come_in_the_order_that_is_chosen() {
    let db = crate::database::of("texts_order").await;
    for (id, title, size) in [(1, "b", Some(3)), (2, "C", None), (3, "a", Some(1))] {
        notes::add_note(&db, notes::AddNote { id, title, size }).await.unwrap();
    }
    let ids = async |order| {
        let rows = notes::list_notes(&db, ListNotes::new(9).order(order)).await;
        rows.unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(ListNotesOrder::Newest).await, [3, 2, 1]);
    assert_eq!(ids(ListNotesOrder::Title).await, [3, 1, 2]);
    assert_eq!(ids(ListNotesOrder::Size).await, [2, 3, 1]);
    let one = ListNotes::new(9).title("b").order(ListNotesOrder::Size);
    assert_eq!(notes::list_notes(&db, one).await.unwrap().len(), 1);
    assert_eq!(notes::all_ids(&db, AllIds::default()).await.unwrap(), [1, 2, 3]);
    let down = AllIds { order: AllIdsOrder::Down };
    assert_eq!(notes::all_ids(&db, down).await.unwrap(), [3, 2, 1]);
}
