//! The crate's builder pins the search path. Without it the server's own is another, and `verify` says so.

use super::items;

#[tokio::test]
async fn names_are_looked_up_where_they_were() {
    let db = crate::database::connect(super::builder(), "root_search_path").await;
    super::verify(&db).await.unwrap();
    let item = items::NewItem { id: 1, name: "one" };
    assert_eq!(items::add(&db, item).await.unwrap(), 1);
    assert_eq!(items::names(&db).await.unwrap(), ["one"]);
    assert!(items::names_of_public(&db).await.unwrap().is_empty());
    assert!(items::notes(&db).await.unwrap().is_empty());

    let other = crate::database::of("root_search_path").await;
    let told = super::verify(&other).await.unwrap_err().to_string();
    assert!(
        told.contains("the search_path is `public`, and the crate has its names from `shop, Old Shop, public`: connect by `builder()`"),
        "{told}"
    );
}
