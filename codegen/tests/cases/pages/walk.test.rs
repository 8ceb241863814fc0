//! All pages together are the whole list, in its order, whichever way they are walked.

use std::fmt::Debug;

use sqlmill_runtime::{
    Cursor, Database, Error, ErrorKind, Isolation, Pageable, Params, Query, Row, Scrolled,
};

use tokio::sync::{Mutex, MutexGuard};

use super::users::{self, Chosen, ChosenOrder, Fill, FillNotes, OfOrg};

/// NaN is no equal of itself.
fn shown<T: Debug>(rows: &[T]) -> Vec<String> {
    rows.iter().map(|row| format!("{row:?}")).collect()
}

async fn by_number<'a, P, R, S>(list: impl Fn() -> Query<'a, P, R, S>)
where
    P: Params + 'a,
    R: Row + Debug,
    S: Pageable,
    Query<'a, P, R, S>: Future<Output = Result<Vec<R>, Error>>,
{
    let all = shown(&list().await.unwrap());
    for size in [1, 3, 7, 1000] {
        let mut seen = Vec::new();
        for number in 1.. {
            let page = list().page(number, size).await.unwrap();
            assert_eq!(page.total, all.len() as i64);
            assert_eq!((page.page, page.page_size), (number, size));
            let empty = page.items.is_empty();
            seen.extend(shown(&page.items));
            assert_eq!(page.has_more, seen.len() < all.len() && !empty);
            if !page.has_more {
                break;
            }
        }
        assert_eq!(seen, all);
    }
    let beyond = list().page(5000, 20).consistent().await.unwrap();
    assert!(beyond.items.is_empty() && !beyond.has_more);
    assert_eq!(beyond.total, all.len() as i64);
    let first = list().page(None::<i64>, None).await.unwrap();
    assert_eq!((first.page, first.page_size), (1, 20));
    assert_eq!(shown(&first.items), all[..all.len().min(20)]);
}

async fn by_cursor<'a, P, R>(list: impl Fn() -> Scrolled<'a, P, R>)
where
    P: Params + 'a,
    R: Row + Debug,
{
    let all = shown(&list().await.unwrap());
    for size in [1, 4, 1000] {
        let mut page = list().first(size).await.unwrap();
        assert_eq!(page.previous, None);
        let mut seen = shown(&page.items);
        let mut pages = 1;
        while let Some(next) = &page.next {
            // As a client sends it.
            let next: Cursor = next.to_string().parse().unwrap();
            page = list().after(&next, size).await.unwrap();
            assert!(!page.items.is_empty());
            assert!(page.previous.is_some());
            seen.extend(shown(&page.items));
            pages += 1;
        }
        assert_eq!(seen, all, "forwards by {size}");
        assert_eq!(pages, all.len().div_ceil(size as usize).max(1));

        let mut seen: Vec<String> = shown(&page.items);
        while let Some(previous) = &page.previous {
            let back = list().before(previous, size).await.unwrap();
            assert!(back.next.is_some() || back.items.is_empty());
            seen.splice(0..0, shown(&back.items));
            page = back;
        }
        assert_eq!(seen, all, "backwards by {size}");
    }
}

async fn walk<'a, P, R>(list: impl Fn() -> Scrolled<'a, P, R>)
where
    P: Params + 'a,
    R: Row + Debug,
{
    by_number(&list).await;
    by_cursor(&list).await;
}

/// The tests share one database: one at a time.
static TURN: Mutex<()> = Mutex::const_new(());

async fn filled(seed: i64, count: i32) -> (Database, MutexGuard<'static, ()>) {
    let turn = TURN.lock().await;
    let db = crate::database::of("pages_walk").await;
    users::clear_notes(&db).await.unwrap();
    users::clear(&db).await.unwrap();
    users::fill(&db, Fill { seed, count }).await.unwrap();
    if count > 0 {
        let notes = FillNotes {
            items: count / 2 + 1,
            count: 2 * count,
        };
        users::fill_notes(&db, notes).await.unwrap();
    }
    (db, turn)
}

async fn walk_all(db: &Database) {
    walk(|| users::by_id(db)).await;
    walk(|| users::by_id_backwards(db)).await;
    walk(|| users::newest(db)).await;
    walk(|| users::by_mood(db)).await;
    walk(|| users::by_everything(db)).await;
    walk(|| users::with_notes(db)).await;
    walk(|| users::kinds(db)).await;
    walk(|| users::first_of_kind(db)).await;
    walk(|| users::all_ids(db)).await;
    walk(|| users::busy(db, 1)).await;
    walk(|| users::labels(db)).await;
    walk(|| users::of_org(db, org(1, "k1"))).await;
    walk(|| users::by_rank(db)).await;
    walk(|| users::by_rank_nulls_last(db)).await;
    walk(|| users::by_rank_upwards(db)).await;
    walk(|| users::by_rank_nulls_first(db)).await;
    walk(|| users::by_kind_and_rank(db, 2)).await;
    walk(|| users::by_kind_and_rank_nulls_last(db, 2)).await;
    walk(|| users::by_two(db)).await;
    walk(|| users::by_note(db)).await;
    walk(|| users::best_of_kind(db)).await;
    for order in [ChosenOrder::Kind, ChosenOrder::Rank, ChosenOrder::Newest] {
        for all in [false, true] {
            let chosen = Chosen::new(all).order(order);
            walk(|| users::chosen(db, chosen)).await;
            walk(|| users::chosen(db, chosen.kind("k1"))).await;
            walk(|| users::chosen(db, chosen.above(5).kind("k2"))).await;
        }
    }
    by_number(|| users::by_hidden(db)).await;
}

fn org(org: i32, kind: &str) -> OfOrg<'_> {
    OfOrg {
        org,
        any_kind: kind.is_empty(),
        kind,
    }
}

#[tokio::test]
async fn pages_are_the_list_cut_up() {
    for (seed, count) in [(1, 30), (7, 9), (0, 1), (0, 0)] {
        let (db, _turn) = filled(seed, count).await;
        walk_all(&db).await;
    }
}

#[tokio::test]
async fn a_cursor_is_of_one_query_and_its_parameters() {
    let (db, _turn) = filled(3, 40).await;
    let page = users::of_org(&db, org(1, "")).first(2).await.unwrap();
    let next = page.next.unwrap();
    users::of_org(&db, org(1, ""))
        .after(&next, 2)
        .await
        .unwrap();
    let refused = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        error.to_string()
    };
    for other in [org(2, ""), org(1, "k1")] {
        let error = users::of_org(&db, other).after(&next, 2).await.unwrap_err();
        let text = refused(error);
        assert!(text.contains("of another query or of other parameters"), "{text}");
        // The value of no parameter and no row.
        assert!(!text.contains("k1"), "{text}");
    }
    refused(users::by_id(&db).after(&next, 2).await.unwrap_err());
    // The same number of keys, of the same types.
    let other = users::first_of_kind(&db).first(1).await.unwrap();
    let error = users::of_org(&db, org(1, ""))
        .before(&other.next.unwrap(), 2)
        .await
        .unwrap_err();
    refused(error);
    // One of this query, with any character changed, or cut anywhere.
    let text = next.to_string();
    let mut damaged: Vec<String> = (0..text.len()).map(|end| text[..end].to_owned()).collect();
    damaged.push(format!("{text}AAAA"));
    for (place, was) in text.char_indices() {
        for other in ['A', 'B', 'Q', 'g', '_'] {
            if other != was {
                damaged.push(format!("{}{other}{}", &text[..place], &text[place + 1..]));
            }
        }
    }
    for damaged in damaged {
        let error = match damaged.parse::<Cursor>() {
            Err(error) => error,
            Ok(cursor) => {
                let list = users::of_org(&db, org(1, ""));
                list.after(&cursor, 2).await.unwrap_err()
            }
        };
        refused(error);
    }
}

/// What is looked at is the cursor, also where no value of it is sent.
#[tokio::test]
async fn a_cursor_of_nothing_but_null_is_of_its_call_too() {
    let (db, _turn) = filled(3, 40).await;
    let page = users::ranks(&db, 2).first(1).await.unwrap();
    assert_eq!(page.items[0].rank, None);
    let next = page.next.unwrap();
    let rest = users::ranks(&db, 2).after(&next, 10).await.unwrap();
    assert!(!rest.items.is_empty() && rest.items.iter().all(|row| row.rank.is_some()));
    let error = users::ranks(&db, 1).after(&next, 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

/// A filter makes a key one that is never NULL; the pages of all calls are those of one query all the same.
#[tokio::test]
async fn a_filter_on_a_key_that_may_be_null() {
    let (db, _turn) = filled(3, 40).await;
    for rank in [None, Some(2)] {
        walk(|| users::of_rank(&db, users::OfRank { rank })).await;
    }
}

#[tokio::test]
async fn rows_that_go_meanwhile_move_no_others() {
    for order in [ChosenOrder::Kind, ChosenOrder::Rank, ChosenOrder::Newest] {
        for backwards in [false, true] {
            let (db, _turn) = filled(5, 60).await;
            users::clear_notes(&db).await.unwrap();
            let list = || users::chosen(&db, Chosen::new(true).order(order));
            let all: Vec<i64> = list().await.unwrap().into_iter().map(|row| row.id).collect();
            // Forwards from the first row; backwards from the last but one, in the order turned round.
            let turned: Vec<i64> = match backwards {
                false => all.clone(),
                true => all.iter().rev().copied().collect(),
            };
            let start = list().first(if backwards { 59 } else { 1 }).await.unwrap();
            let mut place = start.next.unwrap();
            let mut at = usize::from(backwards);
            let mut gone = Vec::new();
            loop {
                // The row that the cursor is of, and the next one.
                for &id in turned[at..].iter().take(2) {
                    users::remove(&db, id).await.unwrap();
                    gone.push(id);
                }
                let page = match backwards {
                    false => list().after(&place, 3).await.unwrap(),
                    true => list().before(&place, 3).await.unwrap(),
                };
                let mut seen: Vec<i64> = page.items.iter().map(|row| row.id).collect();
                if backwards {
                    seen.reverse();
                }
                let rest = turned[at + 1..].iter().filter(|id| !gone.contains(id));
                let expected: Vec<i64> = rest.copied().take(3).collect();
                assert_eq!(seen, expected, "{order:?} {backwards}");
                let next = if backwards { page.previous } else { page.next };
                let Some(next) = next else { break };
                place = next;
                at = turned.iter().position(|id| seen.last() == Some(id)).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_cursor_is_of_one_order_and_its_filters() {
    let (db, _turn) = filled(3, 40).await;
    let chosen = Chosen::new(true).above(3);
    let page = users::chosen(&db, chosen).first(2).await.unwrap();
    let next = page.next.unwrap();
    users::chosen(&db, chosen).after(&next, 2).await.unwrap();
    for other in [
        Chosen::new(true),
        Chosen::new(false).above(3),
        chosen.above(4),
        chosen.kind("k1"),
        chosen.order(ChosenOrder::Rank),
        chosen.order(ChosenOrder::Newest),
    ] {
        let error = users::chosen(&db, other).after(&next, 2).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{other:?}: {error}");
        let error = users::chosen(&db, other).before(&next, 2).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{other:?}: {error}");
    }
}

#[tokio::test]
async fn a_page_that_is_dropped_leaves_the_connection_clean() {
    let (db, _turn) = filled(3, 40).await;
    let all = shown(&users::by_rank(&db).await.unwrap());
    let first = users::by_rank(&db).first(5).await.unwrap();
    for round in 0..40 {
        let wait = std::time::Duration::from_micros(50 * round);
        let _ = tokio::time::timeout(wait, users::by_rank(&db).page(2, 5)).await;
        let _ = tokio::time::timeout(wait, users::by_rank(&db).page(2, 5).consistent()).await;
        let next = first.next.as_ref().unwrap();
        let _ = tokio::time::timeout(wait, users::by_rank(&db).after(next, 5)).await;
        let page = users::by_rank(&db).page(1, 40).consistent().await.unwrap();
        assert_eq!((shown(&page.items), page.total), (all.clone(), 40));
    }
    // Outside of any transaction, as the next call expects it.
    let tx = db.begin().await.unwrap();
    users::by_rank(&tx).page(1, 5).await.unwrap();
    let _ = tokio::time::timeout(std::time::Duration::ZERO, users::by_rank(&tx).page(2, 5)).await;
    assert_eq!(users::by_rank(&tx).await.unwrap().len(), 40);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn numbers_and_sizes_are_bounded() {
    let (db, _turn) = filled(3, 4).await;
    let kind = |error: Error| error.kind();
    for (number, size) in [(0, 20), (-1, 20), (1, 0), (1, -5), (1, 1001), (i64::MAX, 1000)] {
        let error = users::by_id(&db).page(number, size).await.unwrap_err();
        assert_eq!(kind(error), ErrorKind::InvalidInput, "{number} {size}");
    }
    let error = users::by_id(&db).page(i64::MAX, 2).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "users::by_id (queries/users.sql:28): invalid input: there is no page of so high a number"
    );
    let error = users::by_id(&db).page(1, 1001).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "users::by_id (queries/users.sql:28): invalid input: a page has from 1 to 1000 rows"
    );
    let error = users::by_id(&db).first(0).await.unwrap_err();
    assert_eq!(kind(error), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn rows_are_mapped_and_streamed_as_before() {
    let (db, _turn) = filled(3, 10).await;
    let page = users::of_org(&db, org(1, ""))
        .map(|row: users::OfOrgRowRef<'_>| row.kind.len())
        .page(1, 2)
        .await
        .unwrap();
    assert_eq!(page.items, [3, 3]);
    let scrolled = users::by_id(&db).map(|row| row.id).first(3).await.unwrap();
    assert_eq!(scrolled.items, [1, 2, 3]);
    let mut stream = users::by_id(&db).stream();
    let mut count = 0;
    while let Some(row) = stream.next().await {
        row.unwrap();
        count += 1;
    }
    assert_eq!(count, 10);
}

#[tokio::test]
async fn in_a_transaction() {
    let (db, _turn) = filled(3, 10).await;
    let tx = db.begin().await.unwrap();
    let page = users::by_id(&tx).page(2, 3).await.unwrap();
    assert_eq!((page.items.len(), page.total), (3, 10));
    by_cursor(|| users::newest(&tx)).await;
    let error = users::by_id(&tx).page(1, 3).consistent().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transaction);
    assert!(error.to_string().contains("RepeatableRead"), "{error}");
    tx.commit().await.unwrap();
    for isolation in [Isolation::RepeatableRead, Isolation::Serializable] {
        let tx = db.isolation(isolation).begin().await.unwrap();
        let page = users::by_id(&tx).page(4, 3).consistent().await.unwrap();
        assert_eq!((page.items.len(), page.total), (1, 10));
        let nested = tx.savepoint().await.unwrap();
        users::by_id(&nested).page(4, 3).consistent().await.unwrap();
    }
}
