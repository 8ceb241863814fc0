//! What is sent with each flag set or not gives the rows of the statement as its author wrote it.

use sqlmill_runtime::types::Timestamp;

use super::notes::{self, GetNote, ListNotes, ListNotesAsWritten, NewNote, NewTeam};

/// The same numbers each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn number(&mut self, bound: u64) -> i32 {
        i32::try_from(self.below(bound)).unwrap()
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(3) > 0).then(|| value(self))
    }
}

const TITLES: [&str; 3] = ["plan", "other", ""];

#[tokio::test]
async fn every_combination_of_flags_gives_the_rows_of_the_statement_as_written() {
    let db = crate::database::of("texts_flags").await;
    let dice = &mut Dice(11);
    let deleted: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for id in 0..4 {
        let deleted_at = (id == 3).then_some(deleted);
        notes::add_team(&db, NewTeam { id, name: "team", deleted_at }).await.unwrap();
    }
    for id in 0..200 {
        let note = NewNote {
            id,
            team_id: dice.number(4),
            title: dice.maybe(|dice| TITLES[usize::try_from(dice.below(3)).unwrap()]),
            size: dice.maybe(|dice| dice.number(6)),
            hidden: dice.maybe(|dice| dice.below(2) == 0),
            deleted_at: (dice.below(3) == 0).then_some(deleted),
        };
        notes::add_note(&db, note).await.unwrap();
    }

    let mut rows = 0;
    for set in 0..128 {
        let has = |place: i32| set & 1 << place != 0;
        let written = ListNotesAsWritten {
            only_big: has(0),
            least: dice.number(4),
            include_deleted: has(1),
            only_hidden: has(2),
            title: has(3).then_some("plan"),
            any_size: has(4),
            size: has(5).then(|| dice.number(6)),
            never: has(6),
        };
        let asked = ListNotes {
            only_big: written.only_big,
            least: written.least,
            include_deleted: written.include_deleted,
            only_hidden: written.only_hidden,
            title: written.title,
            any_size: written.any_size,
            size: written.size,
            never: written.never,
        };
        let row = |row: notes::ListNotesRow| (row.id, row.team, row.asked, row.n);
        let found = notes::list_notes(&db, asked).await.unwrap();
        let found: Vec<_> = found.into_iter().map(row).collect();
        let row = |row: notes::ListNotesAsWrittenRow| (row.id, row.team, row.asked, row.n);
        let expected = notes::list_notes_as_written(&db, written).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(row).collect();
        rows += found.len();
        assert_eq!(found, expected, "{written:?}");
    }
    assert!(rows > 500, "{rows}");

    // Of one row, and of one parameter.
    let all = notes::count_notes(&db, true).await.unwrap();
    let kept = notes::count_notes(&db, false).await.unwrap();
    assert!(all == 200 && kept < 180 && kept > 80, "{all} {kept}");
    let mut found = 0;
    for id in 0..200 {
        let get = |include_deleted| notes::get_note(&db, GetNote { id, include_deleted });
        assert!(get(true).await.unwrap().is_some());
        found += i64::from(get(false).await.unwrap().is_some());
    }
    assert_eq!(found, kept);
    assert_eq!(notes::maybe(&db, None).await.unwrap().len(), usize::try_from(kept).unwrap());

    let sizes = async |any_size, small| {
        notes::cast_first(&db, notes::CastFirst { any_size, small }).await.unwrap().len()
    };
    let (all, some) = (sizes(true, false).await, sizes(false, false).await);
    assert_eq!(all, usize::try_from(kept).unwrap());
    assert!(some < all && sizes(false, true).await < some && sizes(true, true).await < all);

    let visible = |include_deleted| notes::Visible { team_id: 1, include_deleted };
    let (all, kept) = (notes::first_visible(&db, visible(true)), notes::second_visible(&db, visible(false)));
    let (all, kept) = (all.await.unwrap().len(), kept.await.unwrap().len());
    assert!(all > kept && kept > 0);
    let resize = |include_deleted| notes::Resize { team_id: 1, size: Some(9), include_deleted };
    let (few, many) = (notes::resize(&db, resize(false)), notes::resize(&db, resize(true)));
    assert_eq!(few.await.unwrap(), u64::try_from(kept).unwrap());
    assert_eq!(many.await.unwrap(), u64::try_from(all).unwrap());

    let copy = |offset, hidden| notes::copy_notes(&db, notes::CopyNotes { offset, hidden });
    let (some, all) = (copy(1000, false).await.unwrap(), copy(2000, true).await.unwrap());
    assert!(some > 0 && some < all, "{some} {all}");
    super::verify(&db).await.unwrap();
}
