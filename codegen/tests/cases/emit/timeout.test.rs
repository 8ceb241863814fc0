//! The limit holds on the server.

use sqlmill_runtime::ErrorKind;

use super::users;

#[tokio::test]
async fn what_runs_too_long_is_cancelled() {
    let db = crate::database::of("emit_timeout").await;
    users::nap(&db, 0.0).await.unwrap();
    let slow = users::nap(&db, 60.0).await.unwrap_err();
    assert_eq!(slow.kind(), ErrorKind::Timeout);
    assert!(slow.to_string().contains("its limit is 300ms"), "{slow}");
}
