//! Every row is held to what the schema says before the first is sent, and to nothing that the server would not hold it to.

use sqlmill_runtime::{Database, Error, ErrorKind, Patch};

use super::notes::{
    self, AddConstraint, AddNew, AddPartsConstraint, Adjust, Change, Computed, NewNote, NewPart,
    NewTouched, Put, Remove,
};
use super::types::Mood;

fn note(id: i32) -> NewNote<'static> {
    NewNote {
        id,
        slug: "abc",
        kind: None,
        title: None,
        size: None,
        mood: None,
        tags: None,
        low: None,
        high: None,
    }
}

/// Row, parameter and constraint of each fault.
fn told(error: &Error) -> Vec<(usize, &'static str, &'static str)> {
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(error.sqlstate(), None, "{error}");
    let faults = error.faults().iter();
    faults
        .map(|fault| (fault.row().unwrap(), fault.field(), fault.constraint()))
        .collect()
}

async fn titles(db: &Database, ids: &[i32]) -> Vec<Option<String>> {
    notes::titles(db, ids).await.unwrap()
}

#[tokio::test]
async fn the_faults_of_every_row_are_told() {
    let db = crate::database::of("held_many").await;
    let good = NewNote {
        kind: Some("tâche"),
        title: Some("äöüßé  "),
        size: Some("0.05".parse().unwrap()),
        mood: Some(Mood::Calm),
        ..note(1)
    };
    let bad = NewNote {
        id: 0,
        slug: "b",
        kind: Some("other"),
        title: Some("äöüßéà"),
        size: Some("0.04".parse().unwrap()),
        mood: Some(Mood::Cross),
        ..good
    };
    let rows = [good, bad, note(2), NewNote { slug: "ab", ..note(3) }];
    let error = notes::add(&db, &rows).await.unwrap_err();
    assert_eq!(
        told(&error),
        [
            (1, "id", "notes_id_check"),
            (1, "slug", "slug_check"),
            (1, "kind", "notes_kind_check"),
            (1, "title", "varchar(5)"),
            (1, "size", "notes_size_check"),
            (1, "mood", "notes_mood_check"),
            (3, "slug", "slug_check"),
        ]
    );
    assert_eq!(error.rows(), [1, 3]);
    assert!(error.violates(AddConstraint::SlugCheck));
    assert!(error.violates(AddConstraint::NotesMoodCheck));
    assert!(!error.violates(AddConstraint::NotesPkey));
    let words = error.to_string();
    assert!(
        words.contains("`slug`: a slug begins with a and has three characters (slug_check, row 3 from 0)"),
        "{words}"
    );
    assert!(!words.contains("other") && !words.contains("äöü"), "{words}");
    // What is left without these rows can be sent.
    let left: Vec<_> = (0..)
        .zip(rows)
        .filter(|(place, _)| !error.rows().contains(place))
        .map(|(_, row)| row)
        .collect();
    assert_eq!(notes::add(&db, &left).await.unwrap(), 2);

    // Arrays, and what compares columns, are the server's to judge.
    let tags = ["long"];
    let error = notes::add(&db, &[note(4), NewNote { tags: Some(&tags), ..note(5) }]).await;
    assert_eq!(error.unwrap_err().sqlstate(), Some("22001"));
    let ordered = NewNote { low: Some(2), high: Some(1), ..note(4) };
    let error = notes::add(&db, &[ordered]).await.unwrap_err();
    assert_eq!((error.faults().len(), error.rows().len()), (0, 0));
    assert!(error.violates(AddConstraint::NotesOrderCheck));
}

#[tokio::test]
async fn each_form_of_statement_holds_its_rows() {
    let db = crate::database::of("held_many").await;
    let new = |id, title| AddNew { id, slug: "abc", title };
    assert_eq!(notes::add_new(&db, &[new(11, Some("one")), new(12, None)]).await.unwrap(), [11, 12]);
    // The server checks a row before it looks for conflicts, and so it is held.
    let error = notes::add_new(&db, &[new(13, None), new(11, Some("too long"))]).await;
    assert_eq!(told(&error.unwrap_err()), [(1, "title", "varchar(5)")]);

    let put = |id, title| Put { id, slug: "abc", title: Some(title) };
    let error = notes::put(&db, &[put(11, "too long"), put(0, "")]).await.unwrap_err();
    assert_eq!(told(&error), [(0, "title", "varchar(5)"), (1, "id", "notes_id_check")]);
    // What is computed of it and of the row that is there is not asked.
    let error = notes::put(&db, &[put(11, "four")]).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("22001"), "{error}");
    assert_eq!(notes::put(&db, &[put(11, "x"), put(14, "new")]).await.unwrap(), 2);
    assert_eq!(titles(&db, &[11, 14]).await, [Some("xone".to_owned()), Some("new".to_owned())]);

    let adjust = |id, kind| Adjust { kind: Some(kind), size: None, id, low: None };
    assert_eq!(notes::adjust(&db, &[adjust(11, "memo"), adjust(9_999, "memo")]).await.unwrap(), 1);
    let error = notes::adjust(&db, &[adjust(11, "memo"), adjust(9_999, "other")]).await;
    assert_eq!(told(&error.unwrap_err()), [(1, "kind", "notes_kind_check")]);

    let change = Change::new;
    let rows = [
        change(11).title("too long").slug("abcd"),
        change(12).clear_kind(),
        change(14).slug("b").kind("other"),
        Change { title: Patch::Keep, ..change(13) },
    ];
    let error = notes::change(&db, &rows).await.unwrap_err();
    assert_eq!(
        told(&error),
        [(0, "title", "varchar(5)"), (2, "slug", "slug_check"), (2, "kind", "notes_kind_check")]
    );
    let rows = [rows[1], rows[3], change(11).title("short").slug("abcd")];
    assert_eq!(notes::change(&db, &rows).await.unwrap().len(), 2);
    assert_eq!(titles(&db, &[11, 12]).await, [Some("short".to_owned()), None]);

    let remove = |id, title| Remove { id, title };
    let removed = notes::remove(&db, &[remove(11, "short"), remove(12, "longer than any")]).await;
    assert_eq!(removed.unwrap(), 1);
}

#[tokio::test]
async fn what_is_not_stored_as_it_is_is_not_asked() {
    let db = crate::database::of("held_many").await;
    let computed = Computed { id: 21, slug: "bc", short: true, title: Some("too long") };
    assert_eq!(notes::computed(&db, &[computed]).await.unwrap(), 1);
    let touched = [1, 2].map(|id| NewTouched { id, name: Some("") });
    assert_eq!(notes::touch(&db, &touched).await.unwrap(), 2);
    let part = |id, name| NewPart { id: Some(id), name: Some(name) };
    let error = notes::add_parts(&db, &[part(1, "one"), part(0, ""), part(2, "four")]).await;
    let error = error.unwrap_err();
    assert_eq!(
        told(&error),
        [(1, "id", "parts_id_check"), (1, "name", "parts_name_check"), (2, "name", "varchar(3)")]
    );
    assert!(error.violates(AddPartsConstraint::PartsNameCheck));
}

/// A fault in the last of more rows than travel at once leaves a transaction as it was, and whoever looks at the table sees none.
#[tokio::test]
async fn a_fault_in_the_last_row_is_found_before_the_first_is_sent() {
    let db = crate::database::of("held_many").await;
    let mut rows: Vec<_> = (30_000..40_000).map(note).collect();
    rows.push(NewNote { title: Some("too long"), ..note(40_000) });
    let transaction = db.begin().await.unwrap();
    let error = notes::add(&transaction, &rows).await.unwrap_err();
    assert_eq!(told(&error), [(10_000, "title", "varchar(5)")]);
    rows.pop();
    assert_eq!(notes::add(&transaction, &rows).await.unwrap(), 10_000);
    transaction.commit().await.unwrap();
    assert_eq!(titles(&db, &[30_000, 39_999, 40_000]).await.len(), 2);
}
