//! What goes in comes out.

use sqlmill_runtime::types::{
    Array, Circle, Hstore, Line, Lsn, Money, Multirange, Point, Range, Rectangle, Segment, Tid,
    TimeTz,
};

use super::tables::NewEverything;
use super::types::Place;
use super::users;

#[tokio::test]
async fn what_goes_in_comes_out() {
    let db = crate::database::of("types_more").await;
    let point = Point { x: 1.0, y: -2.5 };
    let place = Place {
        spot: Some(point),
        net: Some("10.0.0.0/8".parse().unwrap()),
        terms: Some("'a':1B 'b'".parse().unwrap()),
        span: Some(Range::Empty),
    };
    let (five, any) = ("10110".parse().unwrap(), "1".parse().unwrap());
    let path = "[(0,0),(1,1)]".parse().unwrap();
    let polygon = "((0,0),(1,1))".parse().unwrap();
    let vector = "'fat':2 'rat':3A".parse().unwrap();
    let query = "'fat' & !'cat'".parse().unwrap();
    let snapshot = "10:20:10,14".parse().unwrap();
    let (json_path, tree) = ("$.\"a\"".into(), "Top.Science".into());
    let pairs: Hstore = [("a".to_owned(), None)].into();
    let texts = Range::from("a".to_owned().."b".to_owned());
    let numbers = Multirange(vec![Range::from(1..3), Range::from(7..9)]);
    let grid = Array::of_rows(vec![vec![1, 2], vec![3, 4]]).unwrap();
    let new = NewEverything {
        a: Money(123),
        b: &five,
        c: &any,
        d: "10.1.0.0/16".parse().unwrap(),
        e: "08:00:2b:01:02:03".parse().unwrap(),
        f: "08:00:2b:01:02:03:04:05".parse().unwrap(),
        g: point,
        h: Line {
            a: 1.0,
            b: -1.0,
            c: 0.0,
        },
        i: Segment {
            start: point,
            end: point,
        },
        j: Rectangle {
            high: Point { x: 3.0, y: 3.0 },
            low: point,
        },
        k: &path,
        l: &polygon,
        m: Circle {
            center: point,
            radius: 2.0,
        },
        n: &vector,
        o: &query,
        p: &json_path,
        q: Lsn(7),
        r: 9,
        s: TimeTz {
            microseconds: 1,
            offset: 3_600,
        },
        t: &snapshot,
        u: 1259,
        v: Tid {
            block: 1,
            offset: 2,
        },
        w: &tree,
        x: &pairs,
        y: Range::from(1..5),
        z: Range::Empty,
        aa: Range::of(..),
        bb: &texts,
        cc: &numbers,
        dd: Range::Empty,
        ee: &place,
        ff: "<a/>",
        gg: &grid,
        hh: &[Range::from(1..2)],
        ii: &[point],
        jj: std::slice::from_ref(&place),
        kk: Some(std::slice::from_ref(&query)),
        ll: None,
        mm: None,
        nn: None,
    };
    assert_eq!(users::insert_everything(&db, new).await.unwrap(), 1);
    let rows = users::everything(&db).await.unwrap();
    let [came] = rows.as_slice() else {
        panic!("{} rows", rows.len());
    };
    assert_eq!((came.a, &came.b, &came.c), (new.a, &five, &any));
    assert_eq!((came.d, came.e, came.f), (new.d, new.e, new.f));
    assert_eq!((came.g, came.h, came.i, came.j), (point, new.h, new.i, new.j));
    assert_eq!((&came.k, &came.l, came.m), (&path, &polygon, new.m));
    assert_eq!((&came.n, &came.o, &came.p), (&vector, &query, &json_path));
    assert_eq!((came.q, came.r, came.s), (new.q, new.r, new.s));
    assert_eq!((&came.t, came.u, came.v), (&snapshot, new.u, new.v));
    assert_eq!((&came.w, &came.x), (&tree, &pairs));
    assert_eq!((came.y, came.z, came.aa), (new.y, new.z, new.aa));
    assert_eq!((&came.bb, &came.cc, came.dd), (&texts, &numbers, new.dd));
    assert_eq!((&came.ee, came.ff.as_str()), (&place, "<a/>"));
    assert_eq!(came.gg.get(&[2, 1]), Some(&Some(3)));
    assert_eq!((&came.hh[0], &came.ii[0]), (&Some(new.hh[0]), &Some(point)));
    assert_eq!((&came.jj[0], &came.kk), (&Some(place), &Some(vec![Some(query)])));

    // Alone, the column of a table is what it was declared as.
    let fat = "fat".parse().unwrap();
    let matching = users::Matching {
        query: &fat,
        span: Range::from(4..9),
        grid: &grid,
    };
    assert_eq!(users::matching(&db, matching).await.unwrap(), [vector]);
}
