//! All faults are told at once, as the server would name them; what is stored under a condition is the server's to judge.

use sqlmill_runtime::ErrorKind;

use super::notes::{self, AddConstraint, NewNote, NewPart, Rename, Retitle};

#[tokio::test]
async fn faults_are_told_before_anything_is_sent() {
    let db = crate::database::of("held_forms").await;
    let good = NewNote {
        id: 1,
        slug: "abc",
        kind: Some("tâche"),
        title: Some("three  "),
        size: None,
        low: None,
        high: None,
    };
    let bad = NewNote {
        id: 0,
        slug: "b",
        kind: Some("other"),
        title: Some("too long"),
        ..good
    };
    let error = notes::add(&db, bad).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let told: Vec<String> = error.faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "`id`: must satisfy CHECK (((id >= 1) AND (id <= 99))) (notes_id_check)",
            "`slug`: a slug begins with a and has three characters (slug_check)",
            "`kind`: memo or \"tâche\" (notes_kind_check)",
            "`title`: at most 5 characters (varchar(5))",
        ]
    );
    assert!(error.violates(AddConstraint::SlugCheck));
    assert!(error.violates(AddConstraint::NotesKindCheck));
    notes::add(&db, good).await.unwrap();

    let rename = Rename::new(1).title("too long");
    let error = notes::rename(&db, rename).await.unwrap_err();
    assert_eq!(error.faults().len(), 1, "{error}");
    notes::rename(&db, Rename::new(1).clear_title())
        .await
        .unwrap();
    // Where nothing may be set, another text is sent: the server judges.
    let error = notes::retitle(&db, Retitle::new(1).kind("other"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Constraint);
    assert!(error.faults().is_empty());
    notes::touch(&db, Some("")).await.unwrap();
    notes::touch_part(&db, Some("")).await.unwrap();
    let part = NewPart {
        id: Some(0),
        name: Some(""),
    };
    let error = notes::add_part(&db, part).await.unwrap_err();
    assert_eq!(error.faults().len(), 2, "{error}");
}
