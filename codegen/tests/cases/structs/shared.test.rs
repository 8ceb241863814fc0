//! A struct that two queries fill in different orders reaches both as each means it.

use super::posts::{self, Rename, Search};

#[tokio::test]
async fn a_shared_struct_is_bound_in_each_query_s_own_order() {
    let db = crate::database::of("structs_shared").await;
    for id in 1..=2 {
        let added = posts::add(
            &db,
            posts::Add {
                id,
                title: "a",
                author: id * 10,
            },
        )
        .await
        .unwrap();
        assert_eq!(added, 1);
    }
    let search = Search {
        title: Some("a"),
        author: 20,
    };
    assert_eq!(posts::list_posts(&db, search).await.unwrap()[0].id, 2);
    assert_eq!(posts::list_bodies(&db, search).await.unwrap()[0].id, 2);
    assert_eq!(
        posts::rename(&db, Rename { title: "b", id: 2 })
            .await
            .unwrap(),
        1
    );
    assert_eq!(posts::get_post(&db, 2).await.unwrap().unwrap().title, "b");
}
