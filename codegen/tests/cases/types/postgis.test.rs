//! Shapes go in and come out as EWKB, and places are found by distance.

use sqlmill_runtime::types::Binary;

use super::users;

/// `POINT(1 2)`: little endian, a point, two numbers.
fn point() -> Binary {
    let mut bytes = vec![1, 1, 0, 0, 0];
    bytes.extend([1.0_f64, 2.0].map(f64::to_le_bytes).concat());
    Binary(bytes)
}

#[tokio::test]
async fn places_are_stored_and_found() {
    let db = crate::database::of("types_postgis").await;
    let shape = point();
    let place = users::AddPlace {
        longitude: 13.4,
        latitude: 52.5,
        shape: Some(&shape),
        shapes: Some(&[shape.clone(), shape.clone()]),
    };
    let id = users::add_place(&db, place).await.unwrap();
    let all = users::places(&db).await.unwrap();
    assert_eq!(all[0].shape, Some(shape.clone()));
    assert_eq!(all[0].shapes, Some(vec![Some(shape.clone()), Some(shape)]));
    for (meters, found) in [(20_000.0, 1), (10.0, 0)] {
        let near = users::PlacesNear {
            longitude: 13.5,
            latitude: 52.5,
            meters,
        };
        let near = users::places_near(&db, near).await.unwrap();
        assert_eq!(near.len(), found);
        for place in near {
            assert_eq!((place.id, place.longitude, place.latitude), (id, Some(13.4), Some(52.5)));
            assert_eq!(place.shape.as_deref(), Some("POINT(1 2)"));
        }
    }
}
