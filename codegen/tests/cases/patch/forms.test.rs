//! What keep, set and clear do to a row.

use sqlmill_runtime::{Database, Error, ErrorKind, Patch};

use super::types::{Address, Mood};
use super::users::{
    self, Changed, PutPerson, Rename, RenameLed, UpdatePerson, UpdatePersonConstraint,
    UpdatePersonRow,
};

async fn put(db: &Database, id: i32) {
    let person = PutPerson::new(id, "Ada");
    users::put_person(db, person).await.unwrap();
}

async fn stored(db: &Database, id: i32) -> UpdatePersonRow {
    users::update_person(db, UpdatePerson::new(id))
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn each_patch_keeps_sets_or_clears_its_column_alone() {
    let db = crate::database::of("patch_forms").await;
    put(&db, 1).await;
    let tags = ["a", "b"];
    let home = Address {
        street: Some("Long".to_owned()),
        zip: None,
    };
    let all = UpdatePerson::new(1)
        .bio("first")
        .mail("a@b")
        .tag("new")
        .code("abc")
        .mood(Mood::Cross)
        .tags(&tags)
        .home(&home);
    let row = users::update_person(&db, all).await.unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.tag.as_str()), ("Ada", "new"));
    assert_eq!(row.mail.as_deref(), Some("a@b"));

    let one = UpdatePerson::new(1).clear_bio().name("Bea");
    let row = users::update_person(&db, one).await.unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.bio.as_deref()), ("Bea", None));
    assert_eq!((row.mail.as_deref(), row.code.as_deref()), (Some("a@b"), Some("abc")));
    assert_eq!(stored(&db, 1).await, row);

    let literal = UpdatePerson {
        bio: Patch::Set(Some("again")),
        mail: Patch::clear(),
        ..UpdatePerson::new(1)
    };
    let row = users::update_person(&db, literal).await.unwrap().unwrap();
    assert_eq!((row.bio.as_deref(), row.mail), (Some("again"), None));
}

/// `varchar(3)`, a domain over `varchar(5)`, a domain with a CHECK: as strict as without the CASE, and silent when kept.
#[tokio::test]
async fn lengths_and_domains_hold_as_they_do_without_a_patch() {
    let db = crate::database::of("patch_forms").await;
    put(&db, 2).await;
    let refused = |patch: UpdatePerson<'static>| {
        let db = db.clone();
        async move {
            let answer: Result<_, Error> = users::update_person(&db, patch).await;
            answer.unwrap_err()
        }
    };
    let long = refused(UpdatePerson::new(2).code("abcd")).await;
    assert_eq!(long.kind(), ErrorKind::InvalidInput);
    let long = refused(UpdatePerson::new(2).tag("abcdef")).await;
    assert_eq!(long.kind(), ErrorKind::InvalidInput);
    let domain = refused(UpdatePerson::new(2).mail("nowhere")).await;
    assert_eq!(
        domain.constraint::<UpdatePersonConstraint>(),
        Some(UpdatePersonConstraint::EmailCheck)
    );
    let row = stored(&db, 2).await;
    assert_eq!((row.code, row.tag.as_str()), (None, "none"));
}

#[tokio::test]
async fn a_patch_stands_in_a_conflict_clause_beside_a_join_and_in_a_cte() {
    let db = crate::database::of("patch_forms").await;
    put(&db, 3).await;
    let again = PutPerson::new(3, "ignored");
    let row = users::put_person(&db, again).await.unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.bio), ("Ada", None));
    let again = again.old_name("Cleo").old_bio("new");
    let row = users::put_person(&db, again).await.unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.bio.as_deref()), ("Cleo", Some("new")));

    assert_eq!(users::rename(&db, Rename::new(3).name("Dora")).await.unwrap(), 1);
    assert_eq!(users::rename(&db, Rename::new(99).name("Dora")).await.unwrap(), 0);
    let changed = Changed { name: Patch::Keep, id: 3 };
    assert_eq!(users::changed(&db, changed).await.unwrap().unwrap().name, "Dora");
    let none = RenameLed::new(1).name("Eve").mixed(1);
    assert_eq!(users::rename_led(&db, none).await.unwrap(), None);
}
