//! JSON is read as it was proved, without loss.

use super::types::{Role, Value};
use super::users::{
    self, LastPostLast, PostsOfSubqueryPost, PostsOfSubqueryPostAuthor, UsersWithPostsPost,
};

#[tokio::test]
async fn objects_are_structs() {
    let db = crate::database::of("nested_json").await;
    let all = users::users_with_posts(&db).await.unwrap();
    let one = UsersWithPostsPost {
        id: 9_007_199_254_740_993,
        title: "one\n".into(),
        tags: vec![Some("a".into()), Some("b c".into()), None],
        role: Role::InDoubt,
    };
    assert_eq!(all[0].posts[0], one);
    assert_eq!(all[0].posts[1].tags, []);
    assert_eq!(all[1].posts, []);
    let borrowed = users::users_with_posts(&db)
        .map(|row| row.posts.len())
        .await
        .unwrap();
    assert_eq!(borrowed, [2, 0]);

    let last = users::last_post(&db).await.unwrap();
    let found = LastPostLast {
        title: "one\n".into(),
        published: true,
    };
    assert_eq!(last[0].last, Some(found));
    assert_eq!(last[1].last, None);

    let maybe = users::maybe_posts(&db).await.unwrap();
    assert_eq!(maybe[1].titles, Value::Array(vec![Value::Null]));
    assert_eq!(maybe[1].found, [None]);
    assert_eq!(maybe[0].found.len(), 2);
}

#[tokio::test]
async fn values_lose_nothing() {
    let db = crate::database::of("nested_json").await;
    let posts: Vec<_> = users::whole_posts(&db).await.unwrap();
    let (one, two) = (&posts[0], &posts[1]);
    assert_eq!(one.id, 9_007_199_254_740_993);
    assert_eq!(
        one.price.unwrap().to_string(),
        "12345678901234567890.12345678"
    );
    assert_eq!((one.weight, one.small), (Some(0.1), Some(0.1)));
    assert_eq!(one.key.unwrap().as_u128(), 7);
    assert_eq!(
        one.at.unwrap(),
        "2024-01-02T01:04:05.123456Z".parse().unwrap()
    );
    assert_eq!(one.local.unwrap(), "2024-01-02T03:04:05".parse().unwrap());
    assert_eq!(one.day.unwrap(), "2024-02-29".parse().unwrap());
    assert_eq!(one.clock.unwrap(), "23:59:59.5".parse().unwrap());
    assert_eq!(one.bytes, Some(Value::String("\\x0102".into())));
    assert!(two.weight.unwrap().is_nan());
    assert_eq!(two.small, Some(f32::NEG_INFINITY));
    assert_eq!((two.at, two.price, &two.body), (None, None, &None));

    let posts: Vec<PostsOfSubqueryPost> = users::posts_of_subquery(&db).await.unwrap();
    assert_eq!(
        posts[1].author,
        PostsOfSubqueryPostAuthor {
            name: "Ann \"A\" \\ é".into(),
            email: Some("a@x".into()),
            config: Some(serde_json::json!({"a": null})),
        }
    );

    let plain = users::plain(&db).await.unwrap();
    assert_eq!(plain[0].a, serde_json::json!({"id": 1}));
    assert!(plain[0].b.is_object() && plain[0].c.is_object());
    super::verify(&db).await.unwrap();
}

/// The key, not the value, is told of what a Rust type cannot hold.
#[tokio::test]
async fn the_key_of_an_unfit_value_is_told() {
    let db = crate::database::of("nested_json").await;
    let error = users::unfit(&db).await.unwrap_err();
    assert_eq!(error.kind(), sqlmill_runtime::ErrorKind::Decode);
    assert_eq!(
        error.to_string(),
        "users::unfit (queries/users.sql:34): cannot read the reply: column 1 `found` of row 2 is JSON whose `at` does not fit its Rust type"
    );
}
