//! All faults are told at once, as the server would name them; what is stored under a condition is the server's to judge.

use sqlmill_runtime::ErrorKind;

use super::notes::{
    self, AddConstraint, Keep, NewEntry, NewNote, NewPart, Rename, Retitle, RetitleFound,
};
use super::types::{Date, Mood};

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
    // So are updates that set nothing but patches; a patch that keeps has nothing to be asked of.
    let error = notes::retitle(&db, Retitle::new(1).kind("other"))
        .await
        .unwrap_err();
    let told: Vec<String> = error.faults().iter().map(ToString::to_string).collect();
    assert_eq!(told, ["`kind`: memo or \"tâche\" (notes_kind_check)"]);
    let kept = notes::retitle(&db, Retitle::new(1)).await.unwrap();
    assert_eq!(kept, 1);
    let since = Date::constant(2000, 1, 1);
    let entry = NewEntry {
        code: Some("abc-12"),
        rate: Some("9.54".parse().unwrap()),
        share: Some(0.25),
        since: Some(since),
        mood: Some(Mood::Calm),
        open: Some(true),
    };
    notes::enter(&db, entry).await.unwrap();
    let keep = notes::keep(&db, Keep::new(since)).await.unwrap();
    assert_eq!(keep, [Some("abc-12".to_owned())]);
    let error = notes::keep(&db, Keep::new(since).clear_code())
        .await
        .unwrap_err();
    assert_eq!(error.faults().len(), 1, "{error}");
    let wrong = NewEntry {
        code: Some("abc-"),
        rate: Some("9.55".parse().unwrap()),
        share: Some(f64::NAN),
        since: Some(Date::constant(1999, 12, 31)),
        mood: Some(Mood::Cross),
        open: Some(false),
    };
    let error = notes::enter(&db, wrong).await.unwrap_err();
    let fields: Vec<&str> = error.faults().iter().map(|fault| fault.field()).collect();
    assert_eq!(fields, ["code", "rate", "share", "since", "mood", "open"]);
    // Whichever filters are present.
    for low in [None, Some(0)] {
        let params = RetitleFound {
            title: Some("too long"),
            low,
            ..RetitleFound::new(1)
        };
        let error = notes::retitle_found(&db, params).await.unwrap_err();
        assert_eq!(error.faults().len(), 1, "{error}");
        let params = RetitleFound {
            title: Some("short"),
            low,
            ..RetitleFound::new(1)
        };
        assert_eq!(notes::retitle_found(&db, params).await.unwrap(), Some(1));
    }
    notes::touch(&db, Some("")).await.unwrap();
    notes::touch_part(&db, Some("")).await.unwrap();
    let part = NewPart {
        id: Some(0),
        name: Some(""),
    };
    let error = notes::add_part(&db, part).await.unwrap_err();
    assert_eq!(error.faults().len(), 2, "{error}");
}
