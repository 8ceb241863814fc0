//! Errors name what a service can act on, and quote nothing that somebody typed.

use sqlmill_runtime::types::{Date, Timestamp};
use sqlmill_runtime::{
    Buffer, BulkExecute, ConstraintKind, EncodeError, Encoded, Error, ErrorKind, Execute, Many,
    One, Optional, Param, Params, Patch, Row, Rows, Statement, Type,
};

use crate::support::TestDatabase;
use crate::{add_note, count_notes, list_notes, notes, soon};

const PARTITIONED: &str = "
CREATE TABLE owners (id int PRIMARY KEY);
CREATE TABLE events (
    id int NOT NULL,
    day date NOT NULL,
    owner int REFERENCES owners (id),
    kind text NOT NULL CONSTRAINT kind_is_short CHECK (length(kind) < 5),
    CONSTRAINT events_key UNIQUE (id, day)
) PARTITION BY RANGE (day);
CREATE UNIQUE INDEX events_by_kind ON events (kind, day);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
    PARTITION BY RANGE (day);
CREATE TABLE events_2025_early PARTITION OF events_2025 FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
";

#[derive(Debug, Clone, Copy, PartialEq)]
enum EventConstraint {
    Key,
    ByKind,
    Owner,
    KindIsShort,
    KindNotNull,
}

sqlmill_runtime::constraints! {
    EventConstraint {
        Key = "public"."events" "events_key",
        ByKind = "public"."events" "events_by_kind",
        Owner = "public"."events" "events_owner_fkey",
        KindIsShort = "public"."events" "kind_is_short",
        KindNotNull = "public"."events" column "kind",
    }
}

type NewEvent<'a> = (i32, Date, Option<i32>, Option<&'a str>);

static ADD_EVENT: Statement<NewEvent<'_>> = Statement::new(
    "events::add_event",
    "queries/events.sql:1",
    "INSERT INTO events (id, day, owner, kind) VALUES ($1, $2, $3, $4)",
    "int4 date int4 text",
    "",
);

#[tokio::test]
async fn a_partition_violates_the_constraint_of_its_parent() {
    let scratch = TestDatabase::new(PARTITIONED);
    let db = scratch.connect_with(1).await.unwrap();
    let first = Date::constant(2024, 5, 1);
    let nested = Date::constant(2025, 5, 1);
    for day in [first, nested] {
        let add = |id, owner, kind| Execute::new(&db, &ADD_EVENT, (id, day, owner, kind));
        add(1, None, Some("a")).await.unwrap();
        let of = |error: Error| error.constraint::<EventConstraint>();
        // Twice: the second time the parent is known.
        for _ in 0..2 {
            let error = add(1, None, Some("b")).await.unwrap_err();
            assert_eq!(of(error), Some(EventConstraint::Key));
            let error = add(2, None, Some("a")).await.unwrap_err();
            assert_eq!(of(error), Some(EventConstraint::ByKind));
            let error = add(2, Some(7), Some("b")).await.unwrap_err();
            assert_eq!(of(error), Some(EventConstraint::Owner));
            let error = add(2, None, Some("too long")).await.unwrap_err();
            assert_eq!(of(error), Some(EventConstraint::KindIsShort));
            let error = add(2, None, None).await.unwrap_err();
            assert!(error.violates(EventConstraint::KindNotNull));
            assert!(!error.violates(EventConstraint::Key));
            assert_eq!(error.violation().unwrap().relation(), Some("events"));
        }
    }
}

#[tokio::test]
async fn in_a_transaction_too() {
    let scratch = TestDatabase::new(PARTITIONED);
    let db = scratch.connect_with(1).await.unwrap();
    let day = Date::constant(2025, 5, 1);
    let error = db
        .transaction(|tx| async move {
            Execute::new(&tx, &ADD_EVENT, (1, day, None, Some("a"))).await?;
            Execute::new(&tx, &ADD_EVENT, (1, day, None, Some("b"))).await
        })
        .await
        .unwrap_err();
    assert!(error.violates(EventConstraint::Key), "{error}");
    // A partition that was made while the service runs.
    scratch.run(
        "CREATE TABLE late PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    );
    let day = Date::constant(2026, 5, 1);
    let add = |kind| Execute::new(&db, &ADD_EVENT, (1, day, None, Some(kind)));
    add("a").await.unwrap();
    assert!(add("b").await.unwrap_err().violates(EventConstraint::Key));
}

#[tokio::test]
async fn a_row_between_partitions_and_an_unknown_constraint_stay_representable() {
    let scratch = TestDatabase::new(PARTITIONED);
    let db = scratch.connect().await.unwrap();
    let day = Date::constant(1999, 1, 1);
    let error = Execute::new(&db, &ADD_EVENT, (1, day, None, Some("a")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Constraint);
    assert_eq!(error.constraint::<EventConstraint>(), None);
    assert_eq!(error.violation().unwrap().constraint(), None);
    assert_eq!(error.violation().unwrap().kind(), ConstraintKind::Partition);
    assert_eq!(
        error.to_string(),
        "events::add_event (queries/events.sql:1): violates partition bounds of `events` [23514]"
    );
    scratch.run("ALTER TABLE events ADD CONSTRAINT recent CHECK (day > '2024-02-01')");
    let day = Date::constant(2024, 1, 1);
    let error = Execute::new(&db, &ADD_EVENT, (1, day, None, Some("a")))
        .await
        .unwrap_err();
    assert_eq!(error.constraint::<EventConstraint>(), None);
    let violation = error.violation().unwrap();
    assert_eq!(violation.kind(), ConstraintKind::Check);
    assert_eq!(violation.constraint(), Some("recent"));
}

const SECRET: &str = "hunter2";

async fn failure<P: Params + Send, R: Row + std::fmt::Debug>(
    db: &sqlmill_runtime::Database,
    statement: &Statement<P, R>,
    params: P,
) -> Error {
    Many::new(db, statement, params).await.unwrap_err()
}

/// Each with the text in a parameter or a row, and of every kind that PostgreSQL quotes it for.
#[tokio::test]
async fn no_error_quotes_a_value() {
    let scratch = TestDatabase::new(
        "CREATE TYPE mood AS ENUM ('happy');
         CREATE DOMAIN short AS text CHECK (length(VALUE) < 3);
         CREATE TABLE t (v text PRIMARY KEY CHECK (v <> 'bad'), n int NOT NULL DEFAULT 0,
                         CONSTRAINT positive CHECK (n >= 0));
         INSERT INTO t VALUES ('hunter2');
         CREATE FUNCTION refuse(v text) RETURNS text LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'no % here', v USING DETAIL = v, HINT = v; END $$;",
    );
    let db = scratch.connect().await.unwrap();
    macro_rules! text {
        ($name:literal, $sql:literal) => {{
            static STATEMENT: Statement<(&str,), String> =
                Statement::new($name, "queries/t.sql:1", $sql, "text", "text");
            failure(&db, &STATEMENT, (SECRET,)).await
        }};
    }
    let errors = [
        (
            text!("t::unique", "INSERT INTO t VALUES ($1) RETURNING v"),
            ErrorKind::Constraint,
        ),
        (
            text!(
                "t::check",
                "INSERT INTO t (v, n) VALUES ($1, -1) RETURNING v"
            ),
            ErrorKind::Constraint,
        ),
        (
            text!(
                "t::null",
                "INSERT INTO t (v, n) VALUES ($1, NULL) RETURNING v"
            ),
            ErrorKind::Constraint,
        ),
        (
            text!("t::integer", "SELECT ($1::text)::int::text"),
            ErrorKind::InvalidInput,
        ),
        (
            text!("t::moment", "SELECT ($1::text)::timestamptz::text"),
            ErrorKind::InvalidInput,
        ),
        (
            text!("t::json", "SELECT ($1::text)::json::text"),
            ErrorKind::InvalidInput,
        ),
        (
            text!("t::mood", "SELECT ($1::text)::mood::text"),
            ErrorKind::InvalidInput,
        ),
        (
            text!("t::domain", "SELECT ($1::text)::short::text"),
            ErrorKind::Constraint,
        ),
        (text!("t::raised", "SELECT refuse($1)"), ErrorKind::Other),
        (
            text!("t::role", "SELECT set_config('role', $1, false)"),
            ErrorKind::InvalidInput,
        ),
        (
            text!("t::relation", "SELECT ($1::text)::regclass::text"),
            ErrorKind::Other,
        ),
        (
            text!("t::pattern", "SELECT regexp_replace('x', $1 || '(', 'y')"),
            ErrorKind::InvalidInput,
        ),
        (
            text!(
                "t::syntax",
                "SELECT query_to_xml('SELEC ' || $1, true, true, '')::text"
            ),
            ErrorKind::Other,
        ),
        (
            text!("t::wide", "SELECT v FROM t WHERE v = $1 AND n = 1 / n"),
            ErrorKind::InvalidInput,
        ),
    ];
    for (error, kind) in &errors {
        for shown in [
            error.to_string(),
            format!("{error:?}"),
            format!("{error:#?}"),
        ] {
            assert!(!shown.contains(SECRET), "{shown}");
            assert!(
                !shown.contains("SELECT") && !shown.contains("INSERT"),
                "{shown}"
            );
            assert!(shown.contains("queries/t.sql:1"), "{shown}");
        }
        assert_eq!(error.kind(), *kind, "{error}");
        assert!(std::error::Error::source(error).is_none());
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_names_column_and_row() {
    let (_scratch, db) = notes().await;
    static MOMENTS: Statement<(), Timestamp> = Statement::new(
        "t::moments",
        "queries/t.sql:5",
        "SELECT CASE n WHEN 3 THEN 'infinity' ELSE now() END AS at FROM generate_series(1, 4) AS n",
        "",
        "timestamptz",
    );
    let error = Many::new(&db, &MOMENTS, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(
        error.to_string(),
        "t::moments (queries/t.sql:5): cannot read the reply: \
         column 1 `at` of row 3 is infinite, which its Rust type cannot hold"
    );
    let mut stream = Many::new(&db, &MOMENTS, ()).stream();
    for _ in 0..2 {
        stream.next().await.unwrap().unwrap();
    }
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("row 3"), "{error}");

    // The proof said that it cannot be NULL, and it is.
    static NULL: Statement<(), i32> = Statement::new(
        "t::null",
        "queries/t.sql:8",
        "SELECT NULL::int AS n",
        "",
        "int4",
    );
    let error = One::new(&db, &NULL, ()).await.unwrap_err();
    assert!(
        error.to_string().ends_with("column 1 `n` of row 1 is NULL"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cancelled_statement_is_told_from_others() {
    let (_scratch, db) = notes().await;
    static LIMIT: Statement<(), String> = Statement::new(
        "t::limit",
        "queries/t.sql:11",
        "SELECT set_config('statement_timeout', '50ms', true)",
        "",
        "text",
    );
    let error = db
        .transaction(|tx| async move {
            One::new(&tx, &LIMIT, ()).await?;
            crate::sleep(&tx, 60.0).await
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

/// What happened, where, and what to do next, on one line.
#[tokio::test]
async fn the_short_kinds_say_what_to_do() {
    let (_scratch, db) = notes().await;
    static FIND: Statement<(&str,), i64> = Statement::new(
        "notes::find",
        "queries/notes.sql:110",
        "SELECT id FROM notes WHERE body LIKE $1",
        "text",
        "int8",
    );
    add_note(&db, "hunter1").await.unwrap();
    add_note(&db, "hunter2").await.unwrap();
    let tx = db.begin().await.unwrap();
    let none = "notes::find (queries/notes.sql:110): no row found, where one was expected: `.optional()` takes none as well";
    let many = "notes::find (queries/notes.sql:110): more than one row found, where at most one was expected: `.all()` takes \
                any number";
    // Twice, as the first call of a statement goes another way.
    for _ in 0..2 {
        for (kind, said, error) in [
            (
                ErrorKind::NotFound,
                none,
                One::new(&db, &FIND, ("x",)).await,
            ),
            (
                ErrorKind::NotFound,
                none,
                One::new(&tx, &FIND, ("x",)).await,
            ),
            (
                ErrorKind::TooManyRows,
                many,
                One::new(&db, &FIND, ("h%",)).await,
            ),
            (
                ErrorKind::TooManyRows,
                many,
                One::new(&tx, &FIND, ("h%",)).await,
            ),
            (
                ErrorKind::TooManyRows,
                many,
                Many::new(&db, &FIND, ("h%",)).one().await,
            ),
        ] {
            let error = error.unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, said));
            assert_eq!(format!("{error:?}"), format!("Error({kind:?}, {said})"));
        }
        let error = Optional::new(&db, &FIND, ("h%",)).await.unwrap_err();
        assert_eq!(error.to_string(), many);
    }
    tx.commit().await.unwrap();
    db.close().await;
    assert_eq!(
        count_notes(&db).await.unwrap_err().to_string(),
        "notes::count_notes (queries/notes.sql:7): the handle was closed"
    );
}

/// Once it has ended there is nothing left to await, and no other answer to be had: an error, and no hang.
#[tokio::test]
async fn a_query_is_awaited_once() {
    let (_scratch, db) = notes().await;
    add_note(&db, "a").await.unwrap();
    let said = "the query was awaited before: call its function again";
    let again = async |error: Result<(), Error>| {
        let error = error.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Other, said)
        );
    };
    for _ in 0..2 {
        let mut one = count_notes(&db);
        assert_eq!((&mut one).await.unwrap(), 1);
        again(soon(&mut one).await.map(drop)).await;
        again(soon(one.optional()).await.map(drop)).await;
        let mut many = list_notes(&db);
        assert_eq!((&mut many).await.unwrap(), ["a"]);
        again(soon(&mut many).await.map(drop)).await;
        let mut rows = many.stream();
        again(soon(rows.next()).await.unwrap().map(drop)).await;
        assert!(rows.next().await.is_none());
    }
    // Half-way, as in a `select!` that goes on with another form.
    let mut polled = list_notes(&db);
    let sent = std::future::poll_fn(|cx| {
        std::task::Poll::Ready(std::pin::Pin::new(&mut polled).poll(cx).is_pending())
    });
    assert!(sent.await);
    again(soon(polled.one()).await.map(drop)).await;
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 1);
}

const MOODS: &str = "
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE people (id int PRIMARY KEY, mood mood, name text, size int);
INSERT INTO people VALUES (1, 'glad');
";

/// A label as its bytes: of an enum that has got others since the crate was compiled, say.
#[derive(Debug, Clone, Copy)]
struct Mood(&'static str);

impl Param for Mood {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(self.0.as_bytes());
        Ok(Encoded::Value)
    }
}

#[derive(Debug, Clone, Copy)]
struct Person {
    id: i32,
    r#mood: Mood,
}

sqlmill_runtime::params! { Person { id, r#mood } }

static IN_A_MOOD: Statement<Person, i32> = Statement::new(
    "people::in_a_mood",
    "queries/people.sql:1",
    "SELECT id FROM people WHERE id = $1 AND mood = $2",
    "int4 public.mood",
    "int4",
);
static SHARED_MOOD: Statement<Person, i32> = Statement::new(
    "people::shared_mood",
    "queries/people.sql:2",
    "SELECT id FROM people WHERE id = $1 AND mood = $2",
    "int4 public.mood",
    "int4",
)
.shared();
static MOOD_BY_TUPLE: Statement<(Mood, i32), i32> = Statement::new(
    "people::mood_by_tuple",
    "queries/people.sql:3",
    "SELECT id FROM people WHERE mood = $1 AND id = $2",
    "public.mood int4",
    "int4",
);

#[derive(Debug, Clone, Copy)]
struct Change {
    name: Patch<Option<&'static str>>,
    mood: Patch<Mood>,
    size: i32,
    id: i32,
}

sqlmill_runtime::params! { Change { name, mood, size, id } }

static CHANGE: Statement<Change> = Statement::new(
    "people::change",
    "queries/people.sql:4",
    "UPDATE people SET name = CASE WHEN $2 THEN $1 ELSE people.name END, mood = CASE WHEN $4 THEN $3 ELSE people.mood END, \
     size = $5 WHERE id = $6",
    "text bool public.mood bool int4 int4",
    "",
);

#[derive(Debug, Clone, Copy)]
struct Filtered {
    name: Option<&'static str>,
    mood: Option<Mood>,
}

sqlmill_runtime::params! {
    Filtered { name, mood }
    filters { name, mood }
    choices {}
}

static FILTERED: Statement<Filtered, i32> = Statement::several(
    "people::filtered",
    "queries/people.sql:5",
    &FILTERED_SQL,
    "text public.mood",
    "int4",
);
sqlmill_runtime::texts! {
    FILTERED_SQL {
        "SELECT id FROM people WHERE "
        [0: "name = " (0)]
        " AND "
        [1: "mood = " (1)]
    }
}

static MANY: Statement<Rows<'_, Person>> = Statement::new(
    "people::many",
    "queries/people.sql:6",
    "INSERT INTO people (id, mood) SELECT * FROM unnest($1::int4[], $2::mood[])",
    "int4[] public.mood[]",
    "",
);

static CAST: Statement<(i32, &str), i32> = Statement::new(
    "people::cast",
    "queries/people.sql:7",
    "SELECT $1 + $2::text::int",
    "int4 text",
    "int4",
);

/// PostgreSQL says which value it could not receive, and only of those.
#[tokio::test]
async fn a_value_that_the_server_cannot_receive_has_the_name_of_its_parameter() {
    let scratch = TestDatabase::new(MOODS);
    let db = scratch.connect_with(2).await.unwrap();
    let secret = Mood("$1 s3cret");
    let person = Person {
        id: 1,
        mood: secret,
    };
    let expect = |error: &Error, name: Option<&str>, said: &str| {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(error.parameter(), name, "{error}");
        let text = error.to_string();
        assert!(text.ends_with(said), "{text}");
        assert!(!format!("{error:?}{text}").contains("s3cret"), "{error:?}");
    };
    let named = "): invalid input: the value of `mood` [22P02]";

    // On a connection of its own: not prepared yet, prepared, as rows, and as a stream.
    for _ in 0..2 {
        let error = Optional::new(&db, &IN_A_MOOD, person).await.unwrap_err();
        expect(&error, Some("mood"), named);
    }
    let error = Many::new(&db, &IN_A_MOOD, person).await.unwrap_err();
    expect(&error, Some("mood"), named);
    let mut stream = Many::new(&db, &IN_A_MOOD, person).stream();
    let error = stream.next().await.unwrap().unwrap_err();
    expect(&error, Some("mood"), named);

    // On a shared one, once there is one.
    let glad = Person {
        id: 1,
        mood: Mood("glad"),
    };
    for _ in 0..50 {
        let found = Optional::new(&db, &SHARED_MOOD, glad).await;
        assert_eq!(found.unwrap(), Some(1));
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let error = Optional::new(&db, &SHARED_MOOD, person).await.unwrap_err();
    expect(&error, Some("mood"), named);

    // In a transaction, and joined.
    let tx = db.begin().await.unwrap();
    let (fine, error) = tokio::join!(
        Optional::new(&tx, &IN_A_MOOD, glad),
        Optional::new(&tx, &IN_A_MOOD, person)
    );
    assert_eq!(fine.unwrap(), Some(1));
    expect(&error.unwrap_err(), Some("mood"), named);
    drop(tx);

    // Without names, by its place in the statement.
    let by_tuple = Optional::new(&db, &MOOD_BY_TUPLE, (secret, 1)).await;
    let error = by_tuple.unwrap_err();
    expect(&error, None, "): invalid input: the value of `$1` [22P02]");

    // A patch is two of the statement's.
    let change = Change {
        name: Patch::Keep,
        mood: Patch::Set(secret),
        size: 3,
        id: 1,
    };
    let error = Execute::new(&db, &CHANGE, change).await.unwrap_err();
    expect(&error, Some("mood"), named);

    // Of several texts each has its own numbers.
    for name in [None, Some("Ada")] {
        let filtered = Filtered {
            name,
            mood: Some(secret),
        };
        let error = Many::new(&db, &FILTERED, filtered).await.unwrap_err();
        expect(&error, Some("mood"), named);
    }

    // Many rows may travel by COPY, which does not say so.
    let error = BulkExecute::new(&db, &MANY, &[glad, person]).await;
    expect(&error.unwrap_err(), None, "): invalid input [22P02]");

    // A cast that the statement makes of a value is none of the parameter's.
    let error = One::new(&db, &CAST, (1, "$1 s3cret")).await.unwrap_err();
    expect(&error, None, "): invalid input [22P02]");
    assert_eq!(count_people(&scratch), 1);
}

fn count_people(scratch: &TestDatabase) -> usize {
    scratch.run("SELECT 1 FROM people").len()
}
