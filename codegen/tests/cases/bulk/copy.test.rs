//! Many more rows than one statement takes, on a server: by COPY, and stored as by an INSERT.

use std::time::Duration;

use sqlmill_runtime::types::{Bits, DateTime, Decimal, Interval, Time, Timestamp};
use sqlmill_runtime::{Database, Error, ErrorKind};

use super::tables::{NewParted, NewStrict};
use super::types::{Address, Mood};
use super::users::{
    self, AddKinds, AddLists, AddOdd, AddPartedConstraint, AddPlain, AddStrictConstraint,
};

/// More than go in one statement, of whole rows and of lists.
const MANY: i32 = 5000;
const FEW: i32 = 4000;
const MANY_LISTS: i32 = 5000;
const FEW_LISTS: i32 = 120;

struct Kept {
    homes: [Address; 3],
    flags: [Bits; 2],
    more: [Bits; 3],
    docs: [serde_json::Value; 4],
}

impl Kept {
    fn new() -> Self {
        let home = |street: Option<&str>, zip: Option<&str>| Address {
            street: street.map(str::to_owned),
            zip: zip.map(str::to_owned),
        };
        Self {
            homes: [
                home(Some("a,\"(\\"), None),
                home(None, None),
                home(Some(""), Some("12345  ")),
            ],
            flags: ["101".parse().unwrap(), "000".parse().unwrap()],
            more: ["".parse().unwrap(), "1".parse().unwrap(), "1010".parse().unwrap()],
            docs: [
                serde_json::Value::Null,
                serde_json::json!({"a": [1.50, null, "\\N"]}),
                serde_json::json!([]),
                serde_json::json!("\t"),
            ],
        }
    }

    /// Each value beside each other one, and NULL; what has to be rounded, cut off and filled up is among them.
    fn row(&self, id: i32, n: i32) -> AddKinds<'_> {
        fn pick<T: Copy>(n: i32, divisor: i32, of: &[T]) -> Option<T> {
            let place = usize::try_from(n / divisor).unwrap() % (of.len() + 1);
            of.get(place).copied()
        }
        let decimal = |text: &str| -> Decimal { text.parse().unwrap() };
        let at = [
            Time::constant(23, 59, 58, 500_000_000),
            Time::constant(0, 0, 0, 499_999_000),
        ];
        let stamps = [
            DateTime::constant(1999, 12, 31, 23, 59, 59, 500_000_000),
            DateTime::constant(-1, 1, 1, 0, 0, 0, 0),
        ];
        let instants = [1, 1_499, 1_500, -2_500].map(|n| Timestamp::from_microsecond(n).unwrap());
        let span = |months, microseconds| Interval {
            months,
            days: -3,
            microseconds,
        };
        AddKinds {
            id,
            price: pick(n, 1, &["0", "1.005", "-1.015", "999999.994", "7"].map(decimal)),
            whole: pick(n, 2, &["0.5", "1.5", "-9999.4", "3"].map(decimal)),
            name: pick(n, 3, &["", "Ada", "abcde", "abc       ", "ÄÖÜßé", "\\N", "\\."]),
            code: pick(n, 4, &["", "ab", "abcd   ", "é"]),
            flags: pick(n, 5, &[&self.flags[0], &self.flags[1]]),
            more: pick(n, 6, &[&self.more[0], &self.more[1], &self.more[2]]),
            at: pick(n, 7, &at),
            stamp: pick(n, 8, &stamps),
            instant: pick(n, 9, &instants),
            span: pick(n, 10, &[span(1, 150_000), span(-14, -250_000), span(0, 0)]),
            mail: pick(n, 11, &["a@b", "@"]),
            nick: pick(n, 12, &["short", "a    "]),
            mood: pick(n, 13, &[Mood::Calm, Mood::Cross]),
            home: pick(n, 14, &[&self.homes[0], &self.homes[1], &self.homes[2]]),
            doc: pick(n, 15, &[&self.docs[0], &self.docs[1], &self.docs[2], &self.docs[3]]),
        }
    }
}

#[tokio::test]
async fn many_rows_are_stored_as_few_are() {
    let db = crate::database::of("bulk_copy").await;
    let kept = Kept::new();
    let rows = |from: i32, count: i32| -> Vec<AddKinds<'_>> {
        (0..count).map(|n| kept.row(from + n, n)).collect()
    };
    assert_eq!(users::add_kinds(&db, &rows(0, FEW)).await.unwrap(), 4000);
    assert_eq!(users::add_kinds(&db, &rows(100_000, MANY)).await.unwrap(), 5000);
    assert_eq!(users::differing(&db).await.unwrap(), [0; 0]);

    let words = [Some("{"), Some(""), None, Some("NULL"), Some("\"\\é")];
    let prices: Vec<Option<Decimal>> = ["1.25", "-0.05", "12345.649"]
        .iter()
        .map(|text| Some(text.parse().unwrap()))
        .collect();
    let nicks = [Some("a   "), Some("abc"), None];
    let moods = [Some(Mood::Calm), None, Some(Mood::Cross)];
    let lists = |from: i32, count: i32| -> Vec<AddLists<'_>> {
        let row = |n: i32| {
            let cut = |length: usize| usize::try_from(n).unwrap() / 3 % (length + 1);
            AddLists {
                id: from + n,
                texts: (n % 3 != 0).then(|| &words[..cut(5)]),
                prices: (n % 4 != 0).then(|| &prices[cut(3)..]),
                nicks: (n % 5 != 0).then(|| &nicks[..cut(3)]),
                moods: (n % 7 != 0).then(|| &moods[cut(3)..]),
            }
        };
        (0..count).map(row).collect()
    };
    let few = lists(50_000, FEW_LISTS);
    assert_eq!(users::add_lists(&db, &few).await.unwrap(), 120);
    let many = lists(150_000, MANY_LISTS);
    assert_eq!(users::add_lists(&db, &many).await.unwrap(), 5000);
    assert_eq!(users::differing(&db).await.unwrap(), [0; 0]);
    let ways = users::ways(&db).await.unwrap();
    let ways: Vec<_> = ways.iter().map(|way| (way.how.as_str(), way.count)).collect();
    assert_eq!(ways, [("COPY", 10_000), ("INSE", 4120)]);

    let odd: Vec<_> = (0..MANY).map(|number| AddOdd { text: Some("text"), number }).collect();
    users::add_odd(&db, &odd).await.unwrap();
    assert_eq!(users::count_odd(&db).await.unwrap(), 5000);
}

fn strict(id: i32) -> NewStrict<'static> {
    NewStrict {
        id,
        parent: 1,
        late: None,
        part: None,
        mail: None,
        sure: 1,
        name: None,
        price: None,
        flags: None,
    }
}

/// As they are told, but for the number of the row and, where a statement has parameters, which of them it was.
fn said(error: &Error) -> String {
    let mut told = error.to_string();
    if let Some(parameter) = error.parameter() {
        told = told.replace(&format!(": the value of `{parameter}`"), "");
    }
    format!(
        "{told} {:?} {:?} {:?} {:?}",
        error.kind(),
        error.sqlstate(),
        error.violation(),
        error.query()
    )
}

/// Whatever is wrong with a row is told of many as it is of few, and nothing is stored of either.
#[tokio::test]
async fn errors_are_the_same() {
    let db = crate::database::of("bulk_copy").await;
    let four: Bits = "1010".parse().unwrap();
    let faults: Vec<(&str, NewStrict<'_>)> = vec![
        ("23505", strict(5)),
        ("23503", NewStrict { parent: 2, ..strict(99_999) }),
        ("23503", NewStrict { late: Some(2), ..strict(99_999) }),
        ("23514", NewStrict { part: Some(4), ..strict(99_999) }),
        ("23514", NewStrict { part: Some(2), ..strict(99_999) }),
        ("23514", NewStrict { mail: Some("none"), ..strict(99_999) }),
        ("23514", NewStrict { sure: 0, ..strict(99_999) }),
        ("22001", NewStrict { name: Some("too long"), ..strict(99_999) }),
        ("22003", NewStrict { price: Some("99.995".parse().unwrap()), ..strict(99_999) }),
        ("22026", NewStrict { flags: Some(&four), ..strict(99_999) }),
        ("BULK1", strict(666)),
    ];
    for (sqlstate, fault) in faults {
        let mut errors = Vec::new();
        for count in [10, MANY] {
            let mut rows: Vec<_> = (1000..1000 + count).map(strict).collect();
            rows.push(strict(5));
            rows.push(fault);
            let error = users::add_strict(&db, &rows).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some(sqlstate), "{error}");
            errors.push(said(&error));
            assert_eq!(users::count_strict(&db).await.unwrap().count, 0);
        }
        assert_eq!(errors[0], errors[1]);
    }
    // An exclusion, of two rows far apart.
    let mut rows: Vec<_> = (0..70_000).map(|id| strict(1000 + id)).collect();
    rows[1].part = Some(1);
    rows[69_999].part = Some(1);
    let error = users::add_strict(&db, &rows).await.unwrap_err();
    assert!(error.violates(AddStrictConstraint::StrictApart), "{error}");

    // What a trigger changes and leaves out.
    let rows: Vec<_> = (600..600 + MANY).map(strict).collect();
    let rows: Vec<_> = rows.into_iter().filter(|row| row.id != 666).collect();
    assert_eq!(users::add_strict(&db, &rows).await.unwrap(), 4998);
    let stored = users::count_strict(&db).await.unwrap();
    assert_eq!((stored.count, stored.min), (4998, Some(-668)));
    users::clear_strict(&db).await.unwrap();

    // A NOT NULL that the parameter's type does not know of.
    let rows: Vec<_> = (0..MANY).map(|id| NewParted { id: Some(id), body: "b" }).collect();
    assert_eq!(users::add_parted(&db, &rows).await.unwrap(), 5000);
    let rows: Vec<_> = (7000..7000 + MANY).map(|id| NewParted { id: Some(id), body: "b" }).collect();
    let mut twice = rows.clone();
    twice[4999].id = Some(4999);
    for rows in [&twice[..], &twice[4990..]] {
        let error = users::add_parted(&db, rows).await.unwrap_err();
        assert!(error.violates(AddPartedConstraint::PartedKey), "{error}");
    }
    assert_eq!(users::add_parted(&db, &rows).await.unwrap(), 5000);
    let nowhere: Vec<_> = (15_001..20_001).map(|id| NewParted { id: Some(id), body: "b" }).collect();
    let errors = [&nowhere[..], &nowhere[4990..]].map(|rows| {
        let db = &db;
        async move { said(&users::add_parted(db, rows).await.unwrap_err()) }
    });
    let [many, few] = errors;
    assert_eq!(many.await, few.await);
}

/// A fault that is found here has the number of its row, and leaves the caller's transaction as it was.
#[tokio::test]
async fn a_fault_leaves_the_transaction() {
    let db = crate::database::of("bulk_copy").await;
    let mut rows = vec![AddPlain { id: Some(1), body: Some("b") }; 70_000];
    rows[69_000].body = Some("\0");
    let error = users::add_plain(&db, &rows).await.unwrap_err();
    assert_eq!((error.kind(), error.rows()), (ErrorKind::InvalidInput, &[69_000][..]));
    let transaction = db.begin().await.unwrap();
    let error = users::add_plain(&transaction, &rows).await.unwrap_err();
    assert_eq!(error.rows(), [69_000]);
    assert_eq!(error.query(), Some("users::add_plain"));
    rows.truncate(MANY as usize);
    assert_eq!(users::add_plain(&transaction, &rows).await.unwrap(), 5000);
    assert_eq!(users::add_plain(&transaction, &rows[..7]).await.unwrap(), 7);
    transaction.commit().await.unwrap();
    assert_eq!(plain(&db).await, [("COPY".to_owned(), 5000), ("INSE".to_owned(), 7)]);
    dropped(&db, &rows).await;
}

async fn plain(db: &Database) -> Vec<(String, i64)> {
    let ways = users::plain_ways(db).await.unwrap();
    ways.into_iter().map(|way| (way.how, way.count)).collect()
}

/// Dropped at any moment, it stores nothing, and the transaction goes on.
async fn dropped(db: &Database, rows: &[AddPlain<'_>]) {
    let before = plain(db).await;
    let many: Vec<_> = rows.iter().copied().cycle().take(200_000).collect();
    let mut stopped = 0;
    for step in 0..30 {
        let transaction = db.begin().await.unwrap();
        let adding = users::add_plain(&transaction, &many);
        let limit = Duration::from_micros(step * step * 200);
        stopped += usize::from(tokio::time::timeout(limit, adding).await.is_err());
        users::add_strict(&transaction, &[strict(7)]).await.unwrap();
        transaction.rollback().await.unwrap();
        let adding = users::add_plain(db, &many);
        if tokio::time::timeout(limit, adding).await.is_ok() {
            break;
        }
        stopped += 1;
    }
    assert!(stopped > 10, "{stopped}");
    let mut after = plain(db).await;
    // The last one may have come to its end.
    after[0].1 %= 200_000;
    assert_eq!(after, before);
}
