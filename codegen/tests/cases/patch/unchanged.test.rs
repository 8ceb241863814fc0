//! What a call sends that sets nothing.

use sqlmill_runtime::Patch;

use super::users::{
    self, Change, ChangeAndCount, ChangeInScope, ChangeOfATeam, ChangeSilently, Put,
};

#[tokio::test]
async fn where_nothing_is_set_no_row_is_written() {
    let db = crate::database::of("patch_unchanged").await;
    users::put(&db, Put { id: 1, name: "Ada" }).await.unwrap();
    let updates = async || users::count_updates(&db, "Ada").await.unwrap();
    let change = Change::new(1, "a note");
    let kept = users::change(&db, change).await.unwrap().unwrap();
    assert_eq!((kept.id, kept.name.as_str()), (1, "Ada"));
    assert_eq!(kept.note, "a note");
    assert_eq!((kept.updated_at, updates().await), (None, 0));
    let missing = Change::new(99, "");
    assert_eq!(users::change(&db, missing).await.unwrap(), None);

    let changed = users::change(&db, change.bio("new")).await.unwrap().unwrap();
    assert!(changed.updated_at.is_some());
    assert_eq!(updates().await, 1);
    // Setting what is there already is a change.
    users::change(&db, change.name("Ada")).await.unwrap();
    assert_eq!(updates().await, 2);

    let silent = ChangeSilently::new(None, 1);
    assert_eq!(users::change_silently(&db, silent).await.unwrap(), 1);
    let missing = ChangeSilently::new(None, 99);
    assert_eq!(users::change_silently(&db, missing).await.unwrap(), 0);
    assert_eq!(updates().await, 2);
    assert_eq!(users::change_silently(&db, silent.clear_bio()).await.unwrap(), 1);
    assert_eq!(updates().await, 3);

    let scope = ChangeInScope::new(2);
    let found = users::change_in_scope(&db, scope).await.unwrap();
    assert!(found.is_some());
    assert_eq!(updates().await, 3);
    let found = users::change_in_scope(&db, scope.bio("x")).await.unwrap();
    assert_eq!(found.unwrap().bio.as_deref(), Some("x"));
    assert_eq!(updates().await, 4);

    // These do more than their patches say, or can do it to a row once only.
    users::change_and_count(&db, ChangeAndCount::new(1)).await.unwrap();
    assert_eq!(updates().await, 5);
    assert_eq!(users::change_of_a_team(&db, ChangeOfATeam::new(1)).await.unwrap(), 0);
}

#[tokio::test]
async fn no_trigger_hears_of_a_change_that_sets_nothing() {
    let db = crate::database::of("patch_unchanged").await;
    users::put_guarded(&db, users::PutGuarded { id: 1, name: "Ada" }).await.unwrap();
    let nothing = users::ChangeGuarded::new(1);
    let kept = users::change_guarded(&db, nothing).await.unwrap().unwrap();
    assert_eq!((kept.loud.as_str(), kept.rows), ("Ada!", 1));
    assert_eq!(kept.upper_name.as_deref(), Some("ADA"));
    // Nor where there is no row: a trigger of the statement would.
    let nobody = users::ChangeGuarded::new(2);
    assert_eq!(users::change_guarded(&db, nobody).await.unwrap(), None);
    for change in [nothing.clear_nick(), nobody.name("Bea")] {
        assert!(users::change_guarded(&db, change).await.is_err(), "{change:?}");
    }

    let visible = users::ChangeVisible::new(1);
    assert_eq!(users::change_visible(&db, visible).await.unwrap(), 1);
    assert_eq!(users::change_visible(&db, users::ChangeVisible::new(0)).await.unwrap(), 0);
    assert!(users::change_visible(&db, visible.nick("a")).await.is_err());
    assert_eq!(users::change_only(&db, Patch::Keep).await.unwrap().unwrap().name, "Ada");
    assert!(users::change_only(&db, Patch::Set("Bea")).await.is_err());
    assert_eq!(users::change_only_nick(&db, Patch::Keep).await.unwrap(), 1);
    assert!(users::change_only_nick(&db, Patch::clear()).await.is_err());

    // These update, whatever is kept: the trigger of the statement hears of it.
    assert!(users::change_locked(&db, users::ChangeLocked::new("Ada")).await.is_err());
    let new = users::UpsertGuarded::new(3, "Cid");
    assert!(users::upsert_guarded(&db, new).await.is_err());
}
