//! Labels, fields and tables of any name go in and come out.

use super::types::{CrateType, OddSchemaXSélect};
use super::users;

const LABELS: [OddSchemaXSélect; 15] = [
    OddSchemaXSélect::Empty,
    OddSchemaXSélect::U20,
    OddSchemaXSélect::Self_,
    OddSchemaXSélect::Self2,
    OddSchemaXSélect::AB,
    OddSchemaXSélect::AB2,
    OddSchemaXSélect::Ab,
    OddSchemaXSélect::_1st,
    OddSchemaXSélect::日本,
    OddSchemaXSélect::U22,
    OddSchemaXSélect::U27,
    OddSchemaXSélect::U5C,
    OddSchemaXSélect::Fn,
    OddSchemaXSélect::É,
    OddSchemaXSélect::U21U3D,
];

#[tokio::test]
async fn every_label_and_every_field_comes_back() {
    let db = crate::database::of("names_oddities").await;
    let composite = CrateType {
        r#fn: Some(1),
        self_: Some(String::new()),
        a_b: None,
        a_b2: Some("\"',()\\".to_owned()),
        field_5: None,
        _1: Some(-1),
        日本: Some(3),
    };
    for (id, label) in (1..).zip(LABELS) {
        let row = users::Match {
            id,
            r#type: Some(&composite),
            日本: "é",
            r#fn: Some(id),
            str: Some("ref"),
            r: Some(label),
            r#gen: None,
            db: Some(-id),
            params: None,
        };
        users::r#match(&db, row).await.unwrap();
    }
    let labels = users::every_label(&db).await.unwrap();
    let came: Vec<_> = labels.iter().map(|row| row._1st).collect();
    assert_eq!(came, LABELS.map(Some));
    assert_eq!(labels[0].all_of_them.len(), LABELS.len());

    let rows = users::all_of_it(&db).await.unwrap();
    assert_eq!(rows.len(), LABELS.len());
    assert!(rows.iter().all(|row| row.r#type.as_ref() == Some(&composite)));
    let whole = users::whole_row(&db).await.unwrap();
    assert_eq!(whole.len(), LABELS.len());
    assert!(whole.iter().all(|row| row.some_thing_else == "é"));
    assert!(whole.iter().all(|row| row.db == row.self_.map(|own| -own)));

    let fifteenth = users::r#do(&db, 15).await.unwrap();
    assert_eq!(fifteenth, [15]);
}
