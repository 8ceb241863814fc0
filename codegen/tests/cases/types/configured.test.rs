//! Values of the author's types go in and come out; labels that the crate does not know are kept.

use std::collections::BTreeMap;

use sqlmill_runtime::types::{Array, Binary, Json, Uuid};

use super::types::{Mood, OrganizationId, UserId};
use super::users;

#[tokio::test]
async fn values_of_the_author_s_types_go_in_and_come_out() {
    let db = crate::database::of("types_configured").await;
    let organization: OrganizationId = users::add_organization(&db, None).await.unwrap();
    let config: BTreeMap<String, i32> = [("a".to_owned(), 1)].into();
    let cells = Array::of_rows(vec![vec![1, 2], vec![3, 4]]).unwrap();
    let (embedding, mood) = (Binary(vec![0, 255]), Mood::Unknown);
    let price = "1e0".replace("e0", ".0000000000000000000000000000000000000000001");
    let price = price.parse().unwrap();
    let history = [Json(&config)];
    let user = users::NewUser {
        organization_id: organization,
        config: Json(&config),
        history: &history,
        seen: Some("10.0.0.0/8".parse().unwrap()),
        mood: &mood,
        embedding: Some(&embedding),
        price: &price,
        cells: &cells,
    };
    let id: UserId = users::add_user(&db, user).await.unwrap();
    let all = users::all_users(&db).await.unwrap();
    let [came] = all.as_slice() else {
        panic!("{} users", all.len());
    };
    assert_eq!((came.id, came.organization_id), (id, organization));
    assert_eq!((&came.config.0, &came.history), (&config, &vec![Some(Json(config.clone()))]));
    assert_eq!((came.seen, &came.mood), (user.seen, &mood));
    assert_eq!((&came.embedding, &came.price), (&Some(embedding), &price));
    assert_eq!(came.cells.get(&[2, 2]), Some(&Some(4)));

    users::add_profile(&db, users::NewProfile { user_id: id, code: "x" })
        .await
        .unwrap();
    let other = BTreeMap::new();
    let found = users::UsersByIds {
        ids: &[id],
        config: Json(&other),
    };
    let found = users::users_by_ids(&db, found).await.unwrap();
    assert_eq!((found[0].id, &found[0].config.0), (id, &config));
    let same = users::SameOrAnother {
        same: Some(id),
        other: UserId(0),
        others: &[UserId(1000)],
        one: id,
        two: UserId(0),
    };
    assert_eq!(users::same_or_another(&db, same).await.unwrap(), 1);
    // Which comes first is asked of the number, not of a user.
    assert_eq!(users::users_after(&db, Some(0)).await.unwrap(), [id]);
    assert_eq!(id.to_string(), id.0.to_string());
    let _: Uuid = organization.0;

    // A label that was added since: the variant of that name was taken.
    let label = Mood::Unknown_("brand new".to_owned());
    assert_eq!((label.label(), Mood::Unknown.label()), ("brand new", "Unknown"));
    assert_eq!(serde_json::to_string(&Mood::Happy).unwrap(), "\"happy\"");
}
