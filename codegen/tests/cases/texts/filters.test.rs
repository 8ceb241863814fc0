//! What is sent with and without each filter gives the rows of the statement as its author wrote it.

use sqlmill_runtime::types::Timestamp;

use super::notes::{self, ListNotes, ListNotesAsWritten, NewNote, Seven, SevenAsWritten};
use super::types::Kind;

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

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        let place = self.below(values.len() as u64);
        values[usize::try_from(place).unwrap()]
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(3) > 0).then(|| value(self))
    }
}

const TITLES: [&str; 5] = ["Plan", "a plan", "other", "", "PLAN b"];

fn moment(day: i32) -> Timestamp {
    format!("2026-01-{:02}T00:00:00Z", day + 1).parse().unwrap()
}

#[tokio::test]
async fn every_combination_gives_the_rows_of_the_statement_as_written() {
    let db = crate::database::of("texts_filters").await;
    let dice = &mut Dice(7);
    for id in 0..3 {
        let team = notes::NewTeam { id, name: dice.of(&TITLES) };
        notes::add_team(&db, team).await.unwrap();
    }
    for id in 0..300 {
        let tags = [dice.of(&TITLES), dice.of(&TITLES)];
        let note = NewNote {
            id,
            team_id: dice.number(3),
            title: dice.of(&TITLES),
            body: dice.maybe(|dice| dice.of(&TITLES)),
            kind: dice.of(&[Kind::Bug, Kind::Idea]),
            tags: &tags,
            size: dice.maybe(|dice| dice.number(9)),
            created_at: moment(dice.number(9)),
            deleted_at: dice.maybe(|dice| moment(dice.number(9))),
        };
        notes::add_note(&db, note).await.unwrap();
    }

    let mut rows = 0;
    for round in 0..20 {
        for present in 0..8 {
            let has = |filter: i32| present & 1 << filter != 0;
            let kinds = [dice.of(&[Kind::Bug, Kind::Idea])];
            let written = ListNotesAsWritten {
                team_id: dice.number(3),
                include_deleted: round % 2 == 0,
                title: has(0).then(|| dice.of(&TITLES)),
                kinds: has(1).then_some(&kinds),
                above: has(2).then(|| dice.number(9)),
                below: has(2).then(|| dice.number(12)),
                at_most: 100,
            };
            let mut asked = ListNotes::new(written.team_id, written.include_deleted, 100);
            if let Some(title) = written.title {
                asked = asked.title(title);
            }
            if let Some(kinds) = written.kinds {
                asked = asked.kinds(kinds);
            }
            if let Some((above, below)) = written.above.zip(written.below) {
                asked = asked.above(above, below);
            }
            let row = |row: notes::ListNotesRow| (row.id, row.title, row.body);
            let found = notes::list_notes(&db, asked).await.unwrap();
            let expected = notes::list_notes_as_written(&db, written).await.unwrap();
            rows += found.len();
            let found: Vec<_> = found.into_iter().map(row).collect();
            let row = |row: notes::ListNotesAsWrittenRow| (row.id, row.title, row.body);
            let expected: Vec<_> = expected.into_iter().map(row).collect();
            assert_eq!(found, expected, "{written:?}");
        }
    }
    assert!(rows > 500, "{rows}");

    // Past six filters, combinations that were not checked are sent as they are written.
    for present in 0..128 {
        let has = |filter: i32| present & 1 << filter != 0;
        let written = SevenAsWritten {
            id: has(0).then(|| dice.number(300)),
            team: has(1).then(|| dice.number(3)),
            title: has(2).then(|| dice.of(&TITLES)),
            body: has(3).then(|| dice.of(&TITLES)),
            size: has(4).then(|| dice.number(9)),
            since: has(5).then(|| moment(dice.number(4))),
            until: has(5).then(|| moment(6)),
            tag: has(6).then(|| dice.of(&TITLES)),
        };
        let asked = Seven {
            id: written.id,
            team: written.team,
            title: written.title,
            body: written.body,
            size: written.size,
            since: written.since.zip(written.until),
            tag: written.tag,
        };
        let mut found = notes::seven(&db, asked).await.unwrap();
        let mut expected = notes::seven_as_written(&db, written).await.unwrap();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{written:?}");
    }

    // Also under a plan that is kept for all values, as a statement may have after some calls.
    let three = notes::Numbered::default().first(0).last(299).size(3);
    let tx = db.begin().await.unwrap();
    tx.set_local("plan_cache_mode", "force_generic_plan").await.unwrap();
    assert!(!notes::numbered(&tx, three).await.unwrap().is_empty());
    assert!(notes::numbered(&tx, three.least(1)).await.is_err());
    drop(tx);

    // Without filters, and with what comes of them.
    assert_eq!(notes::bodies(&db, notes::Bodies::default()).await.unwrap().len(), 300);
    let bodies = notes::bodies(&db, notes::Bodies::default().body("other")).await.unwrap();
    assert!(bodies.iter().all(|body| body.as_deref() == Some("other")));
    let team = notes::ById::default().id(1).least(0).tag("other").kind(Kind::Bug);
    assert_eq!(notes::by_id(&db, team).await.unwrap().len(), 1);
    let of_team = notes::parenthesised(&db, notes::Parenthesised::default().team(1)).await.unwrap();
    let sized = notes::Parenthesised::default().team(1).size(3);
    let sized = notes::parenthesised(&db, sized).await.unwrap();
    assert!(!sized.is_empty() && sized.len() < of_team.len() && of_team.len() < 300);
    let named = notes::Either::default().name("other");
    let named = notes::either(&db, named).await.unwrap();
    assert!(!named.is_empty() && named.len() < 303);
    let copied = notes::copy_notes(&db, notes::CopyNotes::new(1000).kind(Kind::Bug)).await;
    assert!(copied.unwrap() < 300);
    super::verify(&db).await.unwrap();
}
