//! Odd names reach the database as they are there.

use super::types::{OptionType, Select};
use super::{r#fn, r#type};

#[tokio::test]
async fn labels_and_fields_with_odd_names_come_back() {
    let db = crate::database::of("names_keywords").await;
    for kind in [
        Select::Self_,
        Select::Self2,
        Select::Empty,
        Select::U2B,
        Select::InProgress,
        Select::Done2,
        Select::_2x,
    ] {
        let extra = OptionType {
            r#type: Some("t".into()),
            _2fa: Some(2),
            zip_code: None,
        };
        let new = r#fn::Insert {
            r#type: "x",
            _2fa: true,
            kind,
            extra: Some(&extra),
        };
        r#fn::insert(&db, new).await.unwrap();
        let rows = r#type::r#match(&db).await.unwrap();
        let last = rows.last().unwrap();
        assert_eq!((last.kind, last.extra.as_ref()), (kind, Some(&extra)));
    }
}
