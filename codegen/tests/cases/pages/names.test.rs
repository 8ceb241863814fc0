//! Pages by number and by cursor are the list, whatever its columns are called.

use std::fmt::Debug;

use sqlmill_runtime::{Params, Row, Scrolled};

use super::q::{self, Chosen, ChosenOrder, Either, EitherOrder, Grouped, GroupedOrder, Viewed, ViewedOrder};

async fn walk<'a, P, R>(list: impl Fn() -> Scrolled<'a, P, R>) -> usize
where
    P: Params + 'a,
    R: Row + Debug + PartialEq,
{
    let all = list().await.unwrap();
    let mut page = list().first(4).await.unwrap();
    let mut seen = page.items;
    while let Some(next) = &page.next {
        page = list().after(next, 4).await.unwrap();
        seen.extend(page.items);
    }
    assert_eq!(seen, all);
    let second = list().page(2, 4).await.unwrap();
    assert_eq!(second.total, all.len() as i64);
    assert_eq!(second.items, all.into_iter().skip(4).take(4).collect::<Vec<_>>());
    second.total.try_into().unwrap()
}

#[tokio::test]
async fn names_are_names() {
    let db = crate::database::of("pages_names").await;
    q::fill(&db).await.unwrap();
    for order in [ChosenOrder::Self_, ChosenOrder::Type, ChosenOrder::Fn] {
        let all = Chosen::default().order_by(order);
        assert_eq!(walk(|| q::chosen(&db, all)).await, 30);
        assert_eq!(walk(|| q::chosen(&db, all.new_("new"))).await, 6);
        assert_eq!(walk(|| q::chosen(&db, all.order("o1").r#type("t1"))).await, 5);
    }
    assert_eq!(walk(|| q::quoted(&db)).await, 30);
    for order in [ViewedOrder::A, ViewedOrder::B] {
        let all = Viewed::new(false, 1).order(order);
        assert_eq!(walk(|| q::viewed(&db, all)).await, 24);
        let some = Viewed::new(true, 1).order(order).r#type("t0");
        assert_eq!(walk(|| q::viewed(&db, some)).await, 4);
    }
    for order in [GroupedOrder::Most, GroupedOrder::Type] {
        let all = Grouped::default().order(order);
        assert_eq!(walk(|| q::grouped(&db, all)).await, 3);
        assert_eq!(walk(|| q::grouped(&db, all.a(0).least(6))).await, 2);
    }
    for order in [EitherOrder::Up, EitherOrder::Down] {
        let all = Either::default().order(order);
        assert_eq!(walk(|| q::either(&db, all)).await, 31);
        assert!(walk(|| q::either(&db, all.a(1).b("t1"))).await > 10);
    }
    assert_eq!(walk(|| q::all_of_it(&db)).await, 24);
    let ordered = q::Ordered::default().in_order(q::OrderedOrder::Down).order("o1").order_by("t1");
    assert_eq!(walk(|| q::ordered(&db, ordered)).await, 5);
    super::verify(&db).await.unwrap();
}
