//! Vectors go in, come out, and are searched for.

use super::author::Embedding;
use super::users;

#[tokio::test]
async fn vectors_are_stored_and_found() {
    let db = crate::database::of("types_pgvector").await;
    let near = Embedding(vec![1.0, 0.5, -2.0]);
    let far = Embedding(vec![9.0, 9.0, 9.0]);
    let mut ids = Vec::new();
    for embedding in [&near, &far] {
        let document = users::NewDocument {
            body: "text",
            embedding,
            older: Some(std::slice::from_ref(&far)),
        };
        ids.push(users::add_document(&db, document).await.unwrap());
    }
    let target = Embedding(vec![1.0, 0.5, -1.0]);
    let nearest = users::NearestDocuments {
        target: &target,
        count: 2,
    };
    let found = users::nearest_documents(&db, nearest).await.unwrap();
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
    assert_eq!((&found[0].embedding, &found[1].embedding), (&near, &far));
    assert_eq!(found[0].distance, Some(1.0));

    let similar = users::similar_documents(&db, &target).await.unwrap();
    assert_eq!((similar[0].id, &similar[0].older), (ids[0], &Some(vec![Some(far)])));
    let mean = users::mean_embedding(&db).await.unwrap();
    assert_eq!(mean, Some(Embedding(vec![5.0, 4.75, 3.5])));
}
