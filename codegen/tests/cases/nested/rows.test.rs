//! Rows within rows are read as they were proved, on rows that would show it: nobody's posts, NULLs, altered tables.

use super::tables::{Altered, Post};
use super::types::{Address, Role};
use super::users::{self, Author, AuthorPost, AuthorPostWriter, LatestLatest, Rename, UserPost};

fn post(id: i32, title: &str, body: Option<&str>) -> UserPost {
    UserPost {
        id,
        title: title.into(),
        body: body.map(Into::into),
    }
}

fn whole(id: i32, author: i32, title: &str, tags: &[&str], body: Option<&str>, role: Role) -> Post {
    Post {
        id,
        author,
        title: title.into(),
        tags: tags.iter().map(|tag| Some((*tag).into())).collect(),
        body: body.map(Into::into),
        role,
    }
}

fn posts() -> [Post; 3] {
    [
        whole(10, 1, "one", &["a", "b c"], Some("text"), Role::Owner),
        whole(11, 1, "two", &[], None, Role::Guest),
        whole(12, 3, "three", &["x"], None, Role::Guest),
    ]
}

#[tokio::test]
async fn rows_within_rows() {
    let db = crate::database::of("nested_rows").await;
    let [one, two, three] = posts();

    let ann = users::get_user_with_posts(&db, 1).await.unwrap().unwrap();
    let expected = [post(10, "one", Some("text")), post(11, "two", None)];
    assert_eq!(ann.posts, expected);
    assert_eq!(users::list_posts(&db, 1).await.unwrap(), expected);
    let bob = users::get_user_with_posts(&db, 2).await.unwrap().unwrap();
    assert_eq!(bob.posts, []);
    let borrowed = users::get_user_with_posts(&db, 1)
        .map(|row| row.posts.iter().map(|post| post.title.len()).sum::<usize>())
        .await
        .unwrap();
    assert_eq!(borrowed, Some(6));

    let all = users::users_with_whole_posts(&db).await.unwrap();
    let all: Vec<_> = all.into_iter().map(|row| row.posts).collect();
    assert_eq!(
        all,
        [vec![one.clone(), two.clone()], vec![], vec![three.clone()]]
    );

    let any = users::users_with_any_post(&db).await.unwrap();
    let any: Vec<_> = any.into_iter().map(|row| (row.u.name, row.post)).collect();
    assert_eq!(
        any,
        [
            ("Ann".to_owned(), Some(one.clone())),
            ("Ann".to_owned(), Some(two.clone())),
            ("Bob".to_owned(), None),
            ("Cid".to_owned(), Some(three))
        ]
    );

    let maybe = users::users_with_maybe_posts(&db).await.unwrap();
    assert_eq!(maybe[1].posts, [None]);
    assert_eq!(maybe[0].posts.len(), 2);

    let latest = users::latest(&db).await.unwrap();
    let latest: Vec<_> = latest.into_iter().map(|row| row.latest).collect();
    let found = |title: &str| {
        Some(LatestLatest {
            title: title.into(),
            role: Role::Guest,
        })
    };
    assert_eq!(latest, [found("two"), None, found("three")]);
}

#[tokio::test]
async fn a_row_of_nulls_is_a_row() {
    let db = crate::database::of("nested_rows").await;
    let rows = users::bodies(&db).await.unwrap();
    let rows: Vec<_> = rows.into_iter().map(|row| (row.note, row.all_notes)).collect();
    let nothing = || users::BodiesAllNote { body: None };
    assert_eq!(
        rows,
        [
            (Some(users::BodiesNote { body: None }), vec![nothing()]),
            (None, vec![]),
            (None, vec![nothing()]),
        ]
    );
}

#[tokio::test]
async fn rows_within_rows_within_rows() {
    let db = crate::database::of("nested_rows").await;
    let tree = users::tree(&db).await.unwrap();
    let tree: Vec<Author> = tree.into_iter().map(|row| row.u).collect();
    let writer = |name: &str, bio: Option<&str>| {
        Some(AuthorPostWriter {
            name: name.into(),
            bio: bio.map(Into::into),
        })
    };
    assert_eq!(tree[1].posts, []);
    assert_eq!(
        tree[2],
        Author {
            id: 3,
            home: Some(Address {
                street: None,
                zip: None
            }),
            posts: vec![AuthorPost {
                title: "three".into(),
                tags: vec!["x".into()],
                writer: writer("Cid", None),
            }],
        }
    );
    assert_eq!(tree[0].posts[0].writer, writer("Ann", Some("b")));

    let pairs = users::pairs(&db).await.unwrap();
    assert_eq!(pairs[0].pair, (10, "one".into(), Some("text".into())));
    assert_eq!(pairs[0].names.len(), 3);
    assert_eq!(
        pairs[2].names[1],
        ("Bob".to_owned(), vec![Some("x".to_owned())])
    );

    let altered = users::altered_rows(&db).await.unwrap();
    let row = Altered {
        b: Some(2),
        c: "x".into(),
        d: 5,
        e: None,
    };
    assert_eq!(altered[0].x, row);
    assert_eq!(altered[0].all_of_them, [row]);

    let params = Rename {
        title: "new",
        id: 11,
    };
    let tx = db.begin().await.unwrap();
    let renamed = users::rename(&tx, params).await.unwrap().unwrap();
    assert_eq!(renamed.post, whole(11, 1, "new", &[], None, Role::Guest));

    let headlines = users::headlines(&tx).await.unwrap();
    assert_eq!(headlines[1].h.title, "new");
    drop(tx);
    let either = users::either(&db).await.unwrap();
    assert_eq!(either.len(), 6);
}

#[tokio::test]
async fn no_rows_are_null_and_not_empty() {
    let db = crate::database::of("nested_rows").await;
    let all = users::all_titles(&db, 99).await.unwrap();
    assert_eq!(all.array_agg, None);
    let all = users::all_titles(&db, 10).await.unwrap();
    assert_eq!(all.array_agg.unwrap()[1].title, "three");
}

#[tokio::test]
async fn every_statement_is_what_the_crate_was_made_for() {
    let db = crate::database::of("nested_rows").await;
    super::verify(&db).await.unwrap();
}
