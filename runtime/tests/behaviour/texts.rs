//! Statements of several texts: each call sends the one that its parameters ask for, and binds what that one uses.

use sqlmill_runtime::{Many, Params, Slots, Statement, Variant, texts};

use crate::notes;

struct Numbers<'a> {
    above: i32,
    below: Option<i32>,
    name: Option<&'a str>,
    descending: bool,
}

impl Params for Numbers<'_> {
    const VARIES: bool = true;

    fn variant(&self) -> Variant {
        Variant::default()
            .filter(0, self.below.is_some())
            .filter(1, self.name.is_some())
            .choice(0, self.descending.into())
    }

    fn bind<'p>(&'p self, slots: &mut Slots<'p>) {
        slots.push(&self.name);
        slots.push(&self.above);
        slots.push(&self.below);
    }
}

texts! {
    NUMBERS_SQL {
        "SELECT n FROM generate_series(1, 9) AS s(n) WHERE "
        [1: "(n::text = " (0) "::text)"] " AND n > " (1) " AND " [0: "(n < " (2) " AND n <> " (1) " + 1)"]
        " ORDER BY " {0: ["n"] ["n DESC"]}
    }
}

static NUMBERS: Statement<Numbers<'_>, i32> = Statement::several(
    "t::numbers",
    "queries/t.sql:1",
    &NUMBERS_SQL,
    "text int4 int4",
    "int4",
);

#[tokio::test]
async fn a_call_sends_the_text_that_its_parameters_ask_for() {
    let (_database, db) = notes().await;
    let ask = async |above, below, name, descending| {
        let params = Numbers {
            above,
            below,
            name,
            descending,
        };
        Many::<_, i32>::new(&db, &NUMBERS, params).await.unwrap()
    };
    // Twice, so that statements which are prepared already are met as well.
    for _ in 0..2 {
        assert_eq!(ask(6, None, None, false).await, [7, 8, 9]);
        assert_eq!(ask(6, None, None, true).await, [9, 8, 7]);
        assert_eq!(ask(2, Some(6), None, false).await, [4, 5]);
        assert_eq!(ask(2, Some(6), Some("5"), true).await, [5]);
        assert_eq!(ask(2, None, Some("3"), true).await, [3]);
    }
    assert_eq!(NUMBERS.texts_sent().len(), 8);
}

#[tokio::test]
async fn all_texts_are_verified() {
    texts! {
        BROKEN_SQL { "SELECT 1 WHERE " [0: "(" (0) "::int4 < nowhere)"] }
    }
    struct Below(Option<i32>);
    impl Params for Below {
        const VARIES: bool = true;
        fn variant(&self) -> Variant {
            Variant::default().filter(0, self.0.is_some())
        }
        fn bind<'p>(&'p self, slots: &mut Slots<'p>) {
            slots.push(&self.0);
        }
    }
    static BROKEN: Statement<Below, i32> =
        Statement::several("t::broken", "queries/t.sql:2", &BROKEN_SQL, "int4", "int4");
    sqlmill_runtime::statements! { T_STATEMENTS: NUMBERS, BROKEN }

    let (_database, db) = notes().await;
    assert_eq!(
        Many::<_, i32>::new(&db, &BROKEN, Below(None))
            .await
            .unwrap(),
        [1]
    );
    let error = sqlmill_runtime::verify(&db, &[T_STATEMENTS], None)
        .await
        .unwrap_err();
    let queries: Vec<_> = error.errors().iter().map(|error| error.query()).collect();
    assert_eq!(queries, [Some("t::broken")]);
}
