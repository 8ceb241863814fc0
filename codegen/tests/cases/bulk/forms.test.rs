//! Many rows of parameters, on a server.

use sqlmill_runtime::types::Bits;
use sqlmill_runtime::{Database, ErrorKind, Patch};

use super::types::{Address, AppSize, Mood};
use super::users::{
    self, AddListsConstraint, AddPeople, AddPeopleConstraint, ChangeLists, ChangePeople,
    FillStock, FirstStock, NewLists, NewNote, NewStock, RemoveFew, RemoveLists, RemoveStock, SetStock,
    SetStockOfItem,
};

fn person(id: i32, name: &str) -> AddPeople<'_> {
    AddPeople {
        id,
        name,
        bio: None,
        mail: None,
        mood: None,
        home: None,
        grade: None,
        flags: None,
        code: None,
        size: None,
    }
}

async fn names(db: &Database, ids: &[i32]) -> Vec<(String, Option<String>)> {
    let kept: Vec<ChangePeople<'_>> = ids.iter().map(|&id| ChangePeople::new(id)).collect();
    let mut rows = users::change_people(db, &kept).await.unwrap();
    rows.sort_by_key(|row| row.id);
    rows.into_iter().map(|row| (row.name, row.bio)).collect()
}

#[tokio::test]
async fn values_of_every_kind_arrive_and_none_is_null() {
    let db = crate::database::of("bulk_forms").await;
    let home = Address {
        street: Some("Long".to_owned()),
        zip: None,
    };
    let flags: Bits = "101".parse().unwrap();
    let full = AddPeople {
        bio: Some("{a,\"b"),
        mail: Some("a@b"),
        mood: Some(Mood::Cross),
        home: Some(&home),
        grade: Some(i8::try_from(b'x').unwrap()),
        flags: Some(&flags),
        code: Some("ab"),
        size: Some(AppSize::M),
        ..person(1, "Ada")
    };
    let rows = [full, person(2, "Ben"), AddPeople { id: 3, ..full }];
    assert_eq!(users::add_people(&db, &rows).await.unwrap(), 3);
    let stored = names(&db, &[1, 2, 3]).await;
    assert_eq!(stored[0], ("Ada".to_owned(), Some("{a,\"b".to_owned())));
    assert_eq!(stored[1], ("Ben".to_owned(), None));
    assert_eq!(stored[2], stored[0]);

    let notes = ["one", "two", "three"].map(|body| NewNote { body, author: "Ben" });
    let made = users::add_notes(&db, &notes).await.unwrap();
    let bodies: Vec<_> = made.iter().map(|note| note.body.as_deref()).collect();
    assert_eq!(bodies, [Some("ONE"), Some("TWO"), Some("THREE")]);
    assert!(made.is_sorted_by_key(|note| note.id));
}

#[tokio::test]
async fn no_rows_are_no_question() {
    let db = crate::database::of("bulk_forms").await;
    assert_eq!(users::add_people(&db, &[]).await.unwrap(), 0);
    assert_eq!(users::add_notes(&db, &[]).await.unwrap(), []);
    let transaction = db.begin().await.unwrap();
    assert_eq!(users::remove_stock(&transaction, &[]).await.unwrap(), 0);
}

#[tokio::test]
async fn an_error_has_the_number_of_its_row() {
    let db = crate::database::of("bulk_forms").await;
    let mut rows = vec![person(30_000, "Fine"); 5000];
    rows[4321].bio = Some("\0");
    let transaction = db.begin().await.unwrap();
    let note = |body| NewNote { body, author: "Ada" };
    let error = users::add_notes(&transaction, &[note("a"), note("\0")]).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.rows()), (ErrorKind::InvalidInput, &[1][..]));
    for (id, row) in (30_000..).zip(&mut rows) {
        row.id = id;
    }
    let error = users::add_people(&db, &rows).await.unwrap_err();
    assert_eq!(error.rows(), [4321]);
    assert_eq!(
        error.to_string().split(": ").last(),
        Some("a parameter holds the character NUL, which PostgreSQL cannot store in text ($3, row 4321 from 0)")
    );
    assert_eq!(names(&db, &[30_000]).await, []);
}

#[tokio::test]
async fn a_key_that_stands_twice_is_found_however_far_apart() {
    let db = crate::database::of("bulk_forms").await;
    let mut rows: Vec<_> = (0..9_000).map(|item| NewStock { shop: 3, item, count: 1 }).collect();
    rows[8_999].item = 5;
    let error = users::count_stock(&db, &rows).await.unwrap_err();
    assert_eq!((error.kind(), error.rows()), (ErrorKind::InvalidInput, &[5, 8_999][..]));
    let set = |row: &NewStock| SetStock { count: Some(2), shop: row.shop, item: row.item };
    let mut set: Vec<_> = rows.iter().map(set).collect();
    let error = users::set_stock(&db, &set).await.unwrap_err();
    assert_eq!(error.rows(), [5, 8_999]);
    rows[8_999].item = 8_999;
    set[8_999].item = 8_999;
    assert_eq!(users::count_stock(&db, &rows).await.unwrap(), 9_000, "nothing was left of what failed");
    assert_eq!(users::set_stock(&db, &set).await.unwrap(), 9_000);
}

#[tokio::test]
async fn an_upsert_adds_and_refuses_a_key_twice() {
    let db = crate::database::of("bulk_forms").await;
    let item = |item, count| NewStock { shop: 1, item, count };
    assert_eq!(users::count_stock(&db, &[item(1, 5), item(2, 6)]).await.unwrap(), 2);
    assert_eq!(users::count_stock(&db, &[item(2, 1), item(3, 1)]).await.unwrap(), 2);
    let twice = [item(7, 1), item(8, 1), item(9, 1), item(8, 2)];
    let error = users::count_stock(&db, &twice).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.rows(), [1, 3]);
    assert!(error.to_string().contains("the key of two rows"), "{error}");

    let first = |item, count| FirstStock { shop: 1, item, count };
    let rows = [first(2, None), first(7, None), first(7, Some(1)), first(6, Some(1))];
    let made = users::first_stock(&db, &rows).await.unwrap();
    let made: Vec<_> = made.iter().map(|row| (row.item, row.count)).collect();
    assert_eq!(made, [(7, 7), (6, 1)], "what was there is left out");

    let set = |item, count| SetStock { count: Some(count), shop: 1, item };
    assert_eq!(users::set_stock(&db, &[set(1, 5), set(2, 9), set(99, 9)]).await.unwrap(), 1);
    let error = users::set_stock(&db, &[set(1, 5), set(1, 6)]).await.unwrap_err();
    assert_eq!(error.rows(), [0, 1]);
    let of_item = |item, count| SetStockOfItem { count, item, shop: 1 };
    let error = users::set_stock_of_item(&db, &[of_item(1, 5), of_item(2, 5), of_item(1, 6)]).await.unwrap_err();
    assert_eq!((error.kind(), error.rows()), (ErrorKind::InvalidInput, &[0, 2][..]));
    let fill = |item| FillStock { count: 4, item, shop: 9 };
    assert_eq!(users::fill_stock(&db, &[fill(1), fill(2)]).await.unwrap(), 2);
    let of_nine = |item, count| SetStock { count: Some(count), shop: 9, item };
    assert_eq!(users::set_stock(&db, &[of_nine(1, 4), of_nine(2, 5)]).await.unwrap(), 1);
    let gone = [1, 2, 3, 6, 7, 99].map(|item| RemoveStock { shop: 1, item });
    let transaction = db.begin().await.unwrap();
    assert_eq!(users::remove_stock(&transaction, &gone).await.unwrap(), 5);
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn each_row_keeps_sets_or_clears_for_itself() {
    let db = crate::database::of("bulk_forms").await;
    let rows = [person(11, "Ada"), person(12, "Ben"), person(13, "Cyn")];
    users::add_people(&db, &rows).await.unwrap();
    let changes = [
        ChangePeople::new(11).bio("new"),
        ChangePeople::new(12).name("Bea").bio("gone"),
        ChangePeople { bio: Patch::clear(), ..ChangePeople::new(13) },
        ChangePeople::new(999).name("Nobody".get(..5).unwrap()),
    ];
    assert_eq!(users::change_people(&db, &changes).await.unwrap().len(), 3);
    users::change_people(&db, &[ChangePeople::new(12).clear_bio()]).await.unwrap();
    let owned = |name: &str, bio: Option<&str>| (name.to_owned(), bio.map(str::to_owned));
    assert_eq!(
        names(&db, &[11, 12, 13]).await,
        [owned("Ada", Some("new")), owned("Bea", None), owned("Cyn", None)]
    );
}

/// Arrays of every shape arrive as they do alone.
#[tokio::test]
async fn arrays_are_not_flattened() {
    let db = crate::database::of("bulk_forms").await;
    let home = |street: &str| Address { street: Some(street.to_owned()), zip: None };
    let homes = [Some(home("a,\"(")), None, Some(Address { street: None, zip: None })];
    let number = |text: &str| text.parse().unwrap();
    let numbers = [Some(number("1.50")), None, Some(number("0")), Some(number("-0.000001"))];
    let words = [Some("{"), Some(""), None, Some("NULL"), Some("\"\\é")];
    let moods = [Some(Mood::Calm), None, Some(Mood::Cross)];
    let raw: [Option<&[u8]>; 3] = [Some(b"\0\xff"), None, Some(b"")];
    let rows = |from: i32| -> Vec<NewLists<'_>> {
        // Each length, and NULL, beside each other one; more rows than travel at once.
        let row = |n: i32| {
            let cut = |length: usize| usize::try_from(n).unwrap() / 3 % (length + 1);
            let some = |divisor: i32| n % divisor != 0;
            NewLists {
                id: from + n,
                texts: &words[..cut(5)],
                numbers: some(2).then(|| &numbers[cut(4)..]),
                moods: some(3).then(|| &moods[..cut(3)]),
                homes: some(5).then(|| &homes[cut(3)..]),
                raw: some(7).then(|| &raw[..cut(3)]),
                names: some(4).then(|| &words[1..=cut(3)]),
                few: some(6).then(|| &words[cut(3) + 2..]),
                sent: "yes",
            }
        };
        (0..700).map(row).collect()
    };
    let many = rows(100_000);
    let made = users::add_lists(&db, &many).await.unwrap();
    assert!(made.iter().copied().eq(100_000..100_700));
    for row in rows(0) {
        users::add_list(&db, row).await.unwrap();
    }
    assert_eq!(users::differing_lists(&db).await.unwrap(), [0; 0]);

    // The server finds what is too long, and the statement is all or nothing.
    let long = [Some("too long")];
    let mut faulty = rows(200_000);
    faulty[650].names = Some(&long);
    let error = users::add_lists(&db, &faulty).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("22001"), "{error}");
    assert!(users::list_texts(&db, 200_000).await.unwrap().is_none());
    faulty[650].names = None;
    faulty[650].few = Some(&words);
    let error = users::add_lists(&db, &faulty).await.unwrap_err();
    // The server names the domain that it was, and not the one over which that is.
    assert_eq!(error.violation().unwrap().constraint(), Some("words_check"));
    faulty[650].few = Some(&[Some("none")]);
    let error = users::add_lists(&db, &faulty).await.unwrap_err();
    assert!(error.violates(AddListsConstraint::FewCheck), "{error}");
    faulty[650].few = None;
    let nul = [Some("ok"), Some("\0")];
    faulty[650].names = Some(&nul);
    let error = users::add_lists(&db, &faulty).await.unwrap_err();
    assert_eq!(error.rows(), [650]);

    // Patches, and what compares arrays.
    let five = ["a", "", "NULL", "{}", "é"];
    let set = ChangeLists::new(100_001, &[]).texts(&five).clear_moods();
    let other: [&[u8]; 1] = [b"elsewhere"];
    let keep = ChangeLists::new(100_004, &other);
    let changed = users::change_lists(&db, &[set, keep]).await.unwrap();
    assert_eq!(changed, 1, "every array holds what is empty");
    let stored = users::list_texts(&db, 100_004).await.unwrap().unwrap();
    assert_eq!(stored.texts, [Some("{".to_owned())]);
    let set = ChangeLists { raw: &other, ..set };
    assert_eq!(users::change_lists(&db, &[keep, set]).await.unwrap(), 2);
    let stored = users::list_texts(&db, 100_001).await.unwrap().unwrap();
    assert_eq!(stored.texts.len(), 5);
    assert_eq!(stored.moods, None);
    let of = |id, few| RemoveFew { id, few };
    let gone = [of(100_003, &["NULL", "\"\\é"]), of(100_004, &["NULL"]), of(100_009, &[])];
    assert_eq!(users::remove_few(&db, &gone).await.unwrap(), 2);
    let gone = [&five[..], &[]].map(|texts| RemoveLists { numbers: &[], texts });
    users::remove_lists(&db, &gone).await.unwrap();
}

/// More rows than travel in one statement, and a fault in the last of them.
#[tokio::test]
async fn all_rows_or_none() {
    let db = crate::database::of("bulk_forms").await;
    let mut rows: Vec<_> = (1000..11_000).map(|id| person(id, "Many")).collect();
    rows.push(person(1000, "Again"));
    let error = users::add_people(&db, &rows).await.unwrap_err();
    assert!(error.violates(AddPeopleConstraint::PeoplePkey), "{error}");
    assert_eq!(names(&db, &[1000, 5000]).await, []);
    rows.pop();
    rows.push(person(11_000, "too long"));
    let error = users::add_people(&db, &rows).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    rows.pop();
    assert_eq!(users::add_people(&db, &rows).await.unwrap(), 10_000);
    assert_eq!(names(&db, &[1000, 5000, 10_999]).await.len(), 3);

    let transaction = db.begin().await.unwrap();
    let more: Vec<_> = (20_000..25_000).map(|id| person(id, "More")).collect();
    assert_eq!(users::add_people(&transaction, &more).await.unwrap(), 5000);
    transaction.rollback().await.unwrap();
    assert_eq!(names(&db, &[20_000, 24_999]).await, []);

    // A fault that is found before a part is sent leaves the transaction good, and nothing of the parts before it.
    let transaction = db.begin().await.unwrap();
    users::add_people(&transaction, &[person(26_000, "Kept")]).await.unwrap();
    let mut faulty = more.clone();
    faulty.push(AddPeople { bio: Some("\0"), ..person(25_999, "Bad") });
    let error = users::add_people(&transaction, &faulty).await.unwrap_err();
    assert_eq!(error.rows(), [5000]);
    transaction.commit().await.unwrap();
    assert_eq!(names(&db, &[20_000, 24_999, 26_000]).await.len(), 1);

    // What the server refuses fails the transaction, as it does for fewer rows.
    let transaction = db.begin().await.unwrap();
    let mut twice = more.clone();
    twice.push(person(20_000, "Again"));
    let error = users::add_people(&transaction, &twice).await.unwrap_err();
    assert!(error.violates(AddPeopleConstraint::PeoplePkey), "{error}");
    let over = users::add_people(&transaction, &[person(27_000, "Late")]).await;
    assert_eq!(over.unwrap_err().kind(), ErrorKind::Transaction);
    let over = transaction.commit().await.unwrap_err();
    assert_eq!(over.kind(), ErrorKind::Transaction);
    assert_eq!(names(&db, &[20_000, 27_000]).await, []);

    // Dropped half-way, nothing of it stays.
    let transaction = db.begin().await.unwrap();
    let many: Vec<_> = (30_000..60_000).map(|id| person(id, "More")).collect();
    let adding = users::add_people(&transaction, &many);
    let dropped = tokio::time::timeout(std::time::Duration::from_millis(60), adding).await;
    if dropped.is_err() {
        users::add_people(&transaction, &[person(26_001, "Kept")]).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(names(&db, &[30_000, 34_096, 38_192, 26_001]).await.len(), 1);
    }
}
