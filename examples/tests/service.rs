//! The service under test: on a database of each test's own, and on a mock without any.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use database::testing::{self, Mock, TestDatabase};
use database::users::{self, CreateUser, GetUser};
use database::{Database, ErrorKind, types::Uuid};
use serde_json::{Value, json};
use tower::ServiceExt;

async fn ask(db: &Database, request: Request<Body>) -> (StatusCode, String) {
    let router: Router = example::router(db.clone());
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn look(db: &Database, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (status, body) = ask(db, request).await;
    (status, serde_json::from_str(&body).unwrap_or(json!(body)))
}

async fn sign_up(db: &Database, email: &str, organization: &str) -> (StatusCode, Value) {
    let new = json!({"email": email, "name": "Ada", "organization": organization});
    let request = Request::post("/users")
        .header("content-type", "application/json")
        .body(Body::from(new.to_string()))
        .unwrap();
    let (status, body) = ask(db, request).await;
    (status, serde_json::from_str(&body).unwrap_or(json!(body)))
}

// README: test
#[tokio::test]
async fn who_signs_up_is_a_member_and_nobody_signs_up_twice() {
    let db = TestDatabase::new().await.unwrap();
    let (status, made) = sign_up(&db, "ada@acme.com", "Acme").await;
    assert_eq!(status, StatusCode::CREATED);
    let id: Uuid = made["user_id"].as_str().unwrap().parse().unwrap();
    let member = users::get_user_organizations(&db, id).await.unwrap();
    assert_eq!(member[0].name, "Acme");

    let (status, told) = sign_up(&db, "ada@acme.com", "Other").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(told, "this address has an account");
}
// end

#[tokio::test]
async fn half_a_sign_up_leaves_nothing() {
    let db = TestDatabase::new().await.unwrap();
    testing::organization()
        .name("Acme")
        .insert(&db)
        .await
        .unwrap();
    let (status, told) = sign_up(&db, "ada@acme.com", "Acme").await;
    assert_eq!(
        (status, told),
        (StatusCode::CONFLICT, json!("an organization has this name"))
    );
    assert_eq!(users::count_users(&db).await.unwrap(), 0);
}

#[tokio::test]
async fn people_are_found_and_listed() {
    let db = TestDatabase::new().await.unwrap();
    let ada = testing::user()
        .email("ada@acme.com")
        .insert(&db)
        .await
        .unwrap();
    for _ in 0..20 {
        testing::user().insert(&db).await.unwrap();
    }
    let (status, found) = look(&db, &format!("/users/{}", ada.id)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(found["email"], "ada@acme.com");
    let (_, page) = look(&db, "/users").await;
    assert_eq!(page["total"], 21);
    assert_eq!(page["items"].as_array().unwrap().len(), 20);
    let (_, page) = look(&db, "/users?page=2").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);

    users::delete_user(&db, ada.id).await.unwrap();
    let (status, _) = look(&db, &format!("/users/{}", ada.id)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = look(&db, "/users/ada").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let db = TestDatabase::new().await.unwrap();
    let (status, told) = sign_up(&db, "", "Acme").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(told, "email: an address has 1 to 320 characters");
    let (_, told) = sign_up(&db, "ada@acme.com", &"x".repeat(201)).await;
    assert_eq!(told, "name: a name has 1 to 200 characters");
    assert_eq!(users::count_users(&db).await.unwrap(), 0);
    let (status, _) = sign_up(&db, "a\0da@acme.com", "Acme").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_lost_database_is_a_503() {
    let mock = Mock::new();
    let db = mock.database();
    let anyone = CreateUser {
        email: "",
        name: None,
    };
    mock.expect(users::create_user(&db, anyone))
        .fails(ErrorKind::ConnectionLost);
    let (status, _) = sign_up(&db, "ada@acme.com", "Acme").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    mock.verify();
}

#[tokio::test]
async fn nobody_is_a_404() {
    let mock = Mock::new();
    let db = mock.database();
    let anyone = GetUser {
        user_id: Uuid::nil(),
        include_deleted: false,
    };
    mock.expect(users::get_user(&db, anyone)).returns(None);
    let (status, _) = look(&db, &format!("/users/{}", Uuid::nil())).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    mock.verify();
}
