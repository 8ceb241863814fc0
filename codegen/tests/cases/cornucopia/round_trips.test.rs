//! What Cornucopia's users store and read: composites in composites and in arrays, domains, names with dots, types of another
//! schema, structs that queries share.

use super::parcels;
use super::types::{
    Animal, ElsewhereHouse, House, KindOf, LabelOf, Owner, Rarely, Size, Sticker, Tag,
};

fn owners() -> Vec<Option<Owner>> {
    let owner = |name: &str, pets: &[Animal]| Owner {
        name: Some(name.to_owned()),
        pets: Some(pets.iter().copied().map(Some).collect()),
    };
    vec![
        Some(owner("Ada, \"(the first)\"", &[Animal::Cat, Animal::Magpie])),
        Some(owner("", &[])),
        None,
    ]
}

#[tokio::test]
async fn what_goes_in_comes_out() {
    let db = crate::database::of("cornucopia_round_trips").await;
    let size = Size {
        width: Some(42),
        height: Some(1.5),
    };
    let flat = Size {
        width: None,
        height: Some(f64::INFINITY),
    };
    // One struct for two queries that take its fields in another order.
    let visible = parcels::ParcelParams {
        name: "visible",
        price: Some(2.5),
        size: &size,
    };
    let hidden = parcels::ParcelParams {
        name: "hidden",
        price: None,
        size: &flat,
    };
    let visible: parcels::Id = parcels::new_visible(&db, visible).await.unwrap();
    let hidden: parcels::Id = parcels::new_hidden(&db, hidden).await.unwrap();
    let all: Vec<parcels::Parcel> = parcels::parcels(&db).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].id, all[0].price, &all[0].size), (visible.id, Some(2.5), &size));
    assert_eq!((all[1].id, all[1].price, &all[1].size), (hidden.id, None, &flat));
    let one = parcels::parcel_by_id(&db, hidden.id).await.unwrap();
    assert_eq!(one.as_ref(), all.get(1));

    let json = serde_json::json!({ "a": [null, "b"] });
    let tag = Tag {
        slug: Some("word".to_owned()),
        extra: Some(json.clone()),
        amount: Some(7),
        extras: Some(vec![Some(json), None]),
    };
    let sticker = Sticker {
        number: Some(1),
        words: None,
    };
    let label = LabelOf {
        kind_is: Some(KindOf::TwoDots),
    };
    let house = House {
        owners: Some(owners()),
        guests: Some(vec![Some(Animal::Dog), None]),
        door: Some("door".to_owned()),
    };
    let other = ElsewhereHouse {
        owners: Some(owners()),
        guests: None,
        door: None,
    };
    let values = parcels::PutValues {
        tag: Some(&tag),
        sticker: Some(&sticker),
        label: Some(&label),
        notes: Some(&[Some("first"), None]),
        houses: Some(std::slice::from_ref(&house)),
        other: Some(&other),
        id: visible.id,
    };
    assert_eq!(parcels::put_values(&db, values).await.unwrap(), 1);
    let came = parcels::values(&db, visible.id).await.unwrap().unwrap();
    assert_eq!((&came.tag, &came.sticker), (&Some(tag), &Some(sticker.clone())));
    assert_eq!(came.label_of, Some(label));
    assert_eq!(came.notes, Some(vec![Some("first".to_owned()), None]));
    assert_eq!((came.houses, came.other), (Some(vec![Some(house)]), Some(other)));
    let nothing = parcels::values(&db, hidden.id).await.unwrap().unwrap();
    assert_eq!((nothing.tag, nothing.houses), (None, None));
    let stickers = parcels::single_nested(&db).await.unwrap();
    assert_eq!(stickers, Some(vec![sticker]));

    let rarely = Rarely {
        first: Some(3),
        second: None,
    };
    let put = parcels::PutRarely {
        rarely: Some(&rarely),
        id: hidden.id,
    };
    parcels::put_rarely(&db, put).await.unwrap();
    assert_eq!(parcels::rarely(&db).await.unwrap(), [Some(rarely)]);
}

#[tokio::test]
async fn parameters_are_used_as_often_and_in_the_order_that_the_sql_says() {
    let db = crate::database::of("cornucopia_round_trips").await;
    assert!(parcels::called(&db, &["none", "such"]).await.unwrap().is_empty());
    assert_eq!(parcels::used_twice(&db, "longer").await.unwrap(), 0);
    parcels::new_counter(&db).await.unwrap();
    parcels::in_another_order(&db, parcels::InAnotherOrder { c: 7, a: 8 }).await.unwrap();
    let counters = parcels::counters(&db).await.unwrap();
    let counters = &counters[0];
    assert_eq!((counters.c, counters.a, counters.z, counters.r), (7, 8, 8, 7));
    let texts = parcels::r#typeof(&db).await.unwrap();
    assert_eq!(
        [&*texts.r#trait, &*texts.r#fn, &*texts.r#dyn],
        ["the; --! \"end\"", "it's :this", ":that"]
    );
}
