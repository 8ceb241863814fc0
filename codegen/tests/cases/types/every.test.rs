//! What goes in comes out, whole and borrowed.

use sqlmill_runtime::types::{Date, DateTime, Interval, Time, Timestamp, Uuid};

use super::types::{Address, Mood, Point2};
use super::users::{self, NewEverything};

fn row<'a>(
    address: &'a Address,
    homes: &'a [Address],
    json: &'a serde_json::Value,
) -> NewEverything<'a> {
    NewEverything {
        a: true,
        b: i16::MIN,
        c: i32::MAX,
        d: i64::MIN,
        e: 1.5,
        f: -2.25,
        g: "123.4500".parse().unwrap(),
        h: "text",
        i: "ten chars.",
        j: "abc",
        k: "name",
        l: -3,
        m: &[0, 255, 7],
        n: Uuid::from_u128(7),
        o: json,
        p: json,
        q: Date::constant(2024, 2, 29),
        r: Time::constant(23, 59, 59, 123_456_000),
        s: DateTime::constant(1999, 12, 31, 1, 2, 3, 0),
        t: Timestamp::UNIX_EPOCH,
        u: Interval {
            months: 1,
            days: -2,
            microseconds: 3,
        },
        v: "2001:db8::1".parse().unwrap(),
        w: u32::MAX,
        x: Mood::Sad,
        y: address,
        z: address.spot.as_ref().unwrap(),
        aa: "a@b.c",
        bb: 1,
        cc: &["x", ""],
        dd: &[1, -1],
        ee: &[],
        ff: &[Mood::Happy, Mood::Sad],
        gg: homes,
        hh: std::slice::from_ref(json),
        ii: &["d@e.f"],
        jj: None,
        kk: None,
    }
}

#[tokio::test]
async fn every_type_survives_the_way_there_and_back() {
    let db = crate::database::of("types_every").await;
    let address = Address {
        street: Some("Main".into()),
        zip: Some("a@b.c".into()),
        spot: Some(Point2 {
            x: Some(1.0),
            y: None,
        }),
        moods: Some(vec![Some(Mood::Sad), None]),
    };
    let empty = Address {
        street: None,
        zip: None,
        spot: None,
        moods: None,
    };
    let json = serde_json::json!({"a": [1, null, "b"]});
    let homes = [address.clone(), empty];
    let new = row(&address, &homes, &json);
    assert_eq!(users::insert_everything(&db, new).await.unwrap(), 1);

    let rows = users::everything(&db).await.unwrap();
    let [came] = rows.as_slice() else {
        panic!("{} rows", rows.len());
    };
    assert_eq!(
        (came.a, came.b, came.c, came.d),
        (true, i16::MIN, i32::MAX, i64::MIN)
    );
    assert_eq!((came.e, came.f, came.g), (1.5, -2.25, new.g));
    assert_eq!(came.g.to_string(), "123.4500");
    assert_eq!(
        [&came.h, &came.i, &came.j, &came.k],
        ["text", "ten chars.", "abc", "name"]
    );
    assert_eq!((came.l, came.m.as_slice(), came.n), (-3, new.m, new.n));
    assert_eq!((&came.o, &came.p), (&json, &json));
    assert_eq!(
        (came.q, came.r, came.s, came.t),
        (new.q, new.r, new.s, new.t)
    );
    assert_eq!(
        (came.u, came.v, came.w, came.x),
        (new.u, new.v, new.w, new.x)
    );
    assert_eq!((&came.y, &came.z), (&address, new.z));
    assert_eq!((came.aa.as_str(), came.bb), ("a@b.c", 1));
    assert_eq!(came.cc, [Some("x".to_owned()), Some(String::new())]);
    assert_eq!(came.dd, [Some(1), Some(-1)]);
    assert!(came.ee.is_empty());
    assert_eq!(came.ff, [Some(Mood::Happy), Some(Mood::Sad)]);
    assert_eq!(came.gg, homes.clone().map(Some));
    assert_eq!(came.hh, [Some(json.clone())]);
    assert_eq!(came.ii, [Some("d@e.f".to_owned())]);
    assert_eq!((&came.jj, came.kk), (&None, None));

    // The borrowed row says the same.
    let borrowed = users::everything(&db).map(|row| {
        (
            row.h.to_owned(),
            row.m.to_owned(),
            row.y.street.map(str::to_owned),
            row.gg.len(),
            row.cc.len(),
        )
    });
    assert_eq!(
        borrowed.await.unwrap(),
        [(
            "text".to_owned(),
            vec![0, 255, 7],
            Some("Main".to_owned()),
            2,
            2
        )]
    );

    // A whole row as a value, composites alone, and a function that returns nothing.
    let whole = users::whole(&db).await.unwrap();
    assert_eq!((whole[0].a, &whole[0].y), (true, &address));
    let parts = users::scalars(&db).await.unwrap();
    assert_eq!(
        (&parts[0].y, parts[0].gg.as_slice()),
        (&address, homes.as_slice())
    );
    users::nothing(&db, "payload").await.unwrap();
}
