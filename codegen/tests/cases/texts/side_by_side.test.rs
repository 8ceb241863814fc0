//! The Rust of docs/dynamic.md. What stands between the markers is there word for word.

use sqlmill_runtime::{Database, ErrorKind, Result};

use super::reports::{
    self, AddReport, CountOfStock, FindReports, GetReport, NewComment,
    NewStock, SearchReports, SearchReportsOrder, UpdateReport,
};

async fn world() -> (Database, [i64; 3]) {
    let db = crate::database::of("texts_side_by_side").await;
    let mut ids = [0; 3];
    let rows = [("b", None, "final", 3), ("a", Some("why"), "draft", 5), ("a b", None, "draft", 7)];
    for (id, (title, note, status, size)) in ids.iter_mut().zip(rows) {
        let new = AddReport { team_id: 7, title, note, status, size };
        *id = reports::add_report(&db, new).await.unwrap();
    }
    let foreign = AddReport { team_id: 8, title: "a", note: None, status: "draft", size: 5 };
    reports::add_report(&db, foreign).await.unwrap();
    (db, ids)
}

fn ids(found: &[reports::Report]) -> Vec<i64> {
    found.iter().map(|report| report.id).collect()
}

#[tokio::test]
async fn what_is_shown_does_what_it_says() {
    let (db, [first, second, third]) = world().await;
    reading(db.clone(), [first, second, third]).await.unwrap();
    writing(db, [first, second, third]).await.unwrap();
}

async fn reading(db: Database, [first, second, third]: [i64; 3]) -> Result<()> {
    let (team_id, id) = (7, second);
    // dynamic.md: filters
    let drafts = FindReports::new(team_id).status("draft");
    let found = reports::find_reports(&db, drafts.title("b")).await?;
    // end
    assert_eq!(ids(&found), [third]);
    assert_eq!(ids(&reports::find_reports(&db, FindReports::new(7)).await?), [first, second, third]);

    // dynamic.md: search
    let search = SearchReports::new(team_id)
        .least(4)
        .order(SearchReportsOrder::Title);
    let found = reports::search_reports(&db, search).await?;
    // end
    assert_eq!(ids(&found), [second, third]);

    // dynamic.md: flag
    let params = GetReport { id, include_deleted: false };
    let report = reports::get_report(&db, params).await?;
    // end
    assert_eq!(report.map(|report| report.title), Some("a".to_owned()));

    let (a, b) = (first, third);
    // dynamic.md: list
    let found = reports::get_reports(&db, &[a, b]).await?;
    // end
    assert_eq!(ids(&found), [first, third]);
    assert!(reports::get_reports(&db, &[]).await?.is_empty());

    // dynamic.md: page
    let page = reports::list_reports(&db, team_id).page(2, 2).await?;
    let (items, total, more) = (page.items, page.total, page.has_more);
    // end
    assert_eq!((ids(&items), total, more), (vec![first], 3, false));

    // dynamic.md: cursor
    let start = reports::list_reports(&db, team_id).first(2).await?;
    if let Some(cursor) = &start.next {
        let rest = reports::list_reports(&db, team_id).after(cursor, 2).await?;
        // end
        assert_eq!(ids(&rest.items), [first]);
    }
    assert_eq!(ids(&start.items), [second, third]);
    Ok(())
}

async fn writing(db: Database, [first, second, third]: [i64; 3]) -> Result<()> {
    let id = second;
    // dynamic.md: patch
    let change = UpdateReport::new(id).title("c").clear_note();
    let changed = reports::update_report(&db, change).await?;
    // end
    assert_eq!(changed, 1);
    let params = GetReport { id, include_deleted: false };
    let report = reports::get_report(&db, params).await?.unwrap();
    assert_eq!((report.title.as_str(), report.note), ("c", None));

    // dynamic.md: bulk
    let new = [
        NewComment { report_id: id, body: "first" },
        NewComment { report_id: id, body: "second" },
    ];
    let inserted = reports::add_comments(&db, &new).await?;
    // end
    assert_eq!(inserted, 2);

    // dynamic.md: upsert
    let rows = [
        NewStock { shop: 1, item: 1, count: 5 },
        NewStock { shop: 1, item: 2, count: 3 },
    ];
    reports::add_stock(&db, &rows).await?;
    // end
    reports::add_stock(&db, &rows).await?;
    assert_eq!(reports::count_of_stock(&db, CountOfStock { shop: 1, item: 2 }).await?, Some(6));
    let twice = reports::add_stock(&db, &[rows[0], rows[0]]).await;
    assert!(twice.is_err_and(|error| error.kind() == ErrorKind::InvalidInput));

    // dynamic.md: nested
    let report = reports::get_discussed_report(&db, id).await?;
    let bodies = report.map(|report| report.comments.into_iter().map(|comment| comment.body));
    // end
    assert_eq!(bodies.unwrap().collect::<Vec<_>>(), ["first", "second"]);
    let silent = reports::get_discussed_report(&db, first).await?.unwrap();
    assert_eq!(silent.comments, []);

    assert_eq!(reports::remove_report(&db, third).await?, 1);
    assert_eq!(reports::get_discussed_report(&db, third).await?, None);
    let params = GetReport { id: third, include_deleted: true };
    assert_eq!(reports::get_report(&db, params).await?.unwrap().id, third);
    Ok(())
}
