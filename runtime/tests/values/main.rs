//! Of every type: generated values go in as parameters and come back as columns, alone, in arrays of one and of two dimensions,
//! in domains, in ranges and in rows without a name, and are what they were. What PostgreSQL writes as text is read as the
//! same value, and what we write is read so by PostgreSQL.

#![allow(clippy::unwrap_used)]

mod damaged;
mod generate;
#[path = "../../../fuzz/src/values.rs"]
#[allow(unreachable_pub, reason = "another crate has it, too")]
mod readers;
mod seeds;
#[path = "../support/mod.rs"]
mod support;

use std::fmt::{Debug, Display};
use std::ops::Bound;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use generate::Generator;
use sqlmill_runtime::types::{
    Array, Bits, Circle, Date, DateTime, Decimal, Dimension, Hstore, Interval, IpAddr, Json,
    JsonPath, Line, Lquery, Lsn, Ltree, Ltxtquery, MacAddr, MacAddr8, Money, Multirange, Network,
    Numeric, Path, Point, Polygon, Range, Rectangle, Segment, Snapshot, Tid, Time, TimeTz,
    Timestamp, TsQuery, TsVector, Uuid, Value as Tree,
};
use sqlmill_runtime::{
    ANY, BulkExecute, Database, ErrorKind, Execute, Many, NoRows, One, Param, Row, Rows, SqlType,
    Statement, Value,
};
use support::TestDatabase;

/// A statement for one test's types; it lives as long as the program.
fn statement<P, R>(sql: &str) -> &'static Statement<P, R>
where
    P: sqlmill_runtime::Params,
    R: Row,
{
    let sql: &'static str = Box::leak(sql.to_owned().into_boxed_str());
    Box::leak(Box::new(Statement::new(
        "t::values",
        "queries/t.sql:1",
        sql,
        ANY,
        ANY,
    )))
}

/// Values of one type, through everything that can hold them.
async fn holds<T>(db: &Database, sql: &str, values: Vec<T>)
where
    T: Value + Param + Clone + PartialEq + Debug + Sync,
{
    let alone = statement::<(T,), Option<T>>(&format!("SELECT $1::{sql}"));
    for value in &values {
        let came = One::new(db, alone, (value.clone(),)).await.unwrap();
        assert_eq!(came.as_ref(), Some(value), "{sql}");
    }
    let mut with_nulls: Vec<Option<T>> = values.iter().cloned().map(Some).collect();
    with_nulls.insert(values.len() / 2, None);
    let list = statement::<(Vec<Option<T>>,), Vec<Option<T>>>(&format!("SELECT $1::{sql}[]"));
    for sent in [with_nulls.clone(), vec![None], Vec::new()] {
        let came = One::new(db, list, (sent.clone(),)).await.unwrap();
        assert_eq!(came, sent, "{sql}[]");
    }

    let grid = statement::<(Array<Option<T>>,), Array<Option<T>>>(&format!("SELECT $1::{sql}[]"));
    let width = u32::try_from(with_nulls.len()).unwrap();
    let dimensions = vec![
        Dimension {
            length: 2,
            first: -3,
        },
        Dimension {
            length: width,
            first: 1,
        },
    ];
    let twice: Vec<Option<T>> = with_nulls.iter().chain(&with_nulls).cloned().collect();
    let sent = Array::new(dimensions, twice).unwrap();
    let came = One::new(db, grid, (sent.clone(),)).await.unwrap();
    assert_eq!(came, sent, "{sql}[][]");
    assert_eq!(came.get(&[-2, 1]), Some(&with_nulls[0]));
    assert_eq!(came.get(&[-1, 1]), None);
    let first =
        statement::<(Array<Option<T>>,), Option<T>>(&format!("SELECT ($1::{sql}[])[-2][1]"));
    let came = One::new(db, first, (sent,)).await.unwrap();
    assert_eq!(came, with_nulls[0], "{sql}[][]");

    are_copied(db, sql, &with_nulls).await;

    type Named<T> = (Option<T>, Vec<Option<T>>, Option<i32>);
    let row = statement::<(T, Vec<Option<T>>), Named<T>>(&format!(
        "SELECT row($1::{sql}, $2::{sql}[], NULL::int)"
    ));
    let sent = (values[0].clone(), with_nulls.clone());
    let came = One::new(db, row, sent).await.unwrap();
    assert_eq!(
        came,
        (Some(values[0].clone()), with_nulls, None),
        "row of {sql}"
    );
}

/// As many as go by COPY, alone and in arrays.
async fn are_copied<T>(db: &Database, sql: &str, values: &[Option<T>])
where
    T: Value + Param + Clone + PartialEq + Debug + Sync,
{
    static TABLES: AtomicUsize = AtomicUsize::new(0);
    let table = format!("copied_{}", TABLES.fetch_add(1, Ordering::Relaxed));
    let create = statement::<(), NoRows>(&format!(
        "CREATE TABLE {table} (number int4, one {sql}, list {sql}[], how text DEFAULT current_query())"
    ));
    Execute::new(db, create, ()).await.unwrap();
    let leaked = |text: String| -> &'static str { text.leak() };
    type One<T> = (i32, Option<T>, Vec<Option<T>>);
    let add: Statement<Rows<'_, One<T>>> = Statement::new(
        "t::copied",
        "queries/t.sql:2",
        leaked(format!(
            "INSERT INTO {table} (number, one, list) SELECT p1, p2, ($3::{sql}[])[p4:p5] \
             FROM unnest($1::int4[], $2::{sql}[], $4::int4[], $5::int4[]) AS b (p1, p2, p4, p5)"
        )),
        ANY,
        ANY,
    )
    .arrays(&[2])
    .copied(
        leaked(format!(
            "COPY {table} (number, one, list) FROM STDIN (FORMAT binary)"
        )),
        leaked(format!(
            "INSERT INTO {table} (number, one, list) VALUES ($1, $2, $3)"
        )),
    );
    let of = |number: usize| {
        let list = values[..number % (values.len() + 1)].to_vec();
        (values[number % values.len()].clone(), list)
    };
    let rows: Vec<One<T>> = (0..300)
        .map(|number| {
            let (one, list) = of(number);
            (i32::try_from(number).unwrap(), one, list)
        })
        .collect();
    assert_eq!(BulkExecute::new(db, &add, &rows).await.unwrap(), 300);
    let read = statement::<(), (Option<T>, Vec<Option<T>>)>(&format!(
        "SELECT row(one, list) FROM {table} WHERE how LIKE 'COPY%' ORDER BY number"
    ));
    let stored = Many::new(db, read, ()).await.unwrap();
    assert_eq!(stored.len(), 300, "{sql}");
    for (number, stored) in stored.into_iter().enumerate() {
        assert_eq!(stored, of(number), "{sql}");
    }
}

/// What PostgreSQL writes as text of a value is a literal of that value.
async fn is_its_literal<T>(db: &Database, sql: &str, values: &[T])
where
    T: Value + Param + Clone + PartialEq + Debug + Sync,
{
    let written = statement::<(T,), String>(&format!("SELECT ($1::{sql})::text"));
    let read = statement::<(String,), T>(&format!("SELECT ($1::text)::{sql}"));
    let list = statement::<(Vec<T>,), String>(&format!("SELECT ($1::{sql}[])::text"));
    let lists = statement::<(String,), Vec<T>>(&format!("SELECT ($1::text)::{sql}[]"));
    for value in values {
        let text = One::new(db, written, (value.clone(),)).await.unwrap();
        let came = One::new(db, read, (text.clone(),)).await.unwrap();
        assert_eq!(&came, value, "{sql} `{text}`");
    }
    let text = One::new(db, list, (values.to_vec(),)).await.unwrap();
    let came = One::new(db, lists, (text.clone(),)).await.unwrap();
    assert_eq!(came, values, "{sql}[] `{text}`");
}

/// The text forms agree, both ways.
async fn reads_as_text<T>(db: &Database, sql: &str, values: &[T])
where
    T: Value + Param + Clone + PartialEq + Debug + Display + FromStr + Sync,
    T::Err: Debug,
{
    let written = statement::<(T,), String>(&format!("SELECT ($1::{sql})::text"));
    let read = statement::<(String,), T>(&format!("SELECT ($1::text)::{sql}"));
    for value in values {
        let text = One::new(db, written, (value.clone(),)).await.unwrap();
        assert_eq!(&text.parse::<T>().unwrap(), value, "{sql} `{text}`");
        let came = One::new(db, read, (value.to_string(),)).await.unwrap();
        assert_eq!(&came, value, "{sql} `{value}`");
        assert_eq!(&value.to_string().parse::<T>().unwrap(), value, "{sql}");
    }
}

async fn database() -> (TestDatabase, Database) {
    let scratch = TestDatabase::new(
        "CREATE EXTENSION ltree; CREATE EXTENSION hstore; CREATE EXTENSION citext;
         CREATE DOMAIN small AS int CHECK (VALUE < 1000);
         CREATE DOMAIN smaller AS small CHECK (VALUE < 100);
         CREATE DOMAIN smalls AS small[];
         CREATE DOMAIN weeks AS daterange;
         CREATE TYPE textrange AS RANGE (subtype = text);",
    );
    let db = scratch.connect().await.unwrap();
    (scratch, db)
}

const COUNT: usize = 20;

macro_rules! values {
    ($db:expr, $sql:literal, $rust:ty, |$generator:ident| $make:expr) => {{
        let $generator = &mut Generator::new($sql);
        let values: Vec<$rust> = (0..COUNT).map(|_| $make).collect();
        holds($db, $sql, values.clone()).await;
        is_its_literal($db, $sql, &values).await;
        values
    }};
}

macro_rules! texts {
    ($db:expr, $sql:literal, $rust:ty, |$generator:ident| $make:expr) => {{
        let values = values!($db, $sql, $rust, |$generator| $make);
        reads_as_text($db, $sql, &values).await;
    }};
}

#[tokio::test]
async fn numbers() {
    let (_scratch, db) = database().await;
    let db = &db;
    texts!(db, "int2", i16, |g| g.integer() as i16);
    texts!(db, "int4", i32, |g| g.integer() as i32);
    texts!(db, "int8", i64, |g| g.integer());
    texts!(db, "oid", u32, |g| g.integer() as u32);
    texts!(db, "xid8", u64, |g| g.integer() as u64);
    texts!(db, "float4", f32, |g| g.float() as f32);
    texts!(db, "float8", f64, |g| g.float());
    texts!(db, "numeric", Decimal, |g| g.decimal());
    texts!(db, "numeric", Numeric, |g| g.numeric());
    values!(db, "money", Money, |g| Money(g.integer()));
    values!(db, "bool", bool, |g| g.coin());
    // Before version 16 the text of one beyond ASCII is no valid text, and that of zero is empty in all of them.
    values!(db, "\"char\"", i8, |g| 1 + (g.below(127) as i8));
    let all = (i8::MIN..=i8::MAX).collect();
    holds(db, "\"char\"", all).await;
}

/// They are numbers to us, and names of what there is to the server.
#[tokio::test]
async fn references() {
    let (_scratch, db) = database().await;
    let db = &db;
    values!(db, "regclass", u32, |g| [1247, 1249, 1255, 1259]
        [g.below(4) as usize]);
    values!(db, "regtype", u32, |g| [16, 23, 1007, 1184]
        [g.below(4) as usize]);
    values!(db, "regproc", u32, |g| [1242, 1243, 42, 43]
        [g.below(4) as usize]);
    values!(db, "regprocedure", u32, |g| [1242, 1243, 42, 43]
        [g.below(4) as usize]);
    values!(db, "regoperator", u32, |g| [96, 97, 521, 551]
        [g.below(4) as usize]);
    values!(db, "regnamespace", u32, |g| [11, 99, 2200]
        [g.below(3) as usize]);
    values!(db, "regrole", u32, |g| [10, 3373, 3374]
        [g.below(3) as usize]);
    values!(db, "regcollation", u32, |g| [100, 950, 951]
        [g.below(3) as usize]);
    values!(db, "regconfig", u32, |g| 3748 + g.below(1) as u32);
    values!(db, "regdictionary", u32, |g| 3765 + g.below(1) as u32);
    // An operator's name alone is that of several.
    holds(db, "regoper", vec![96_u32, 97]).await;
    texts!(db, "xid", u32, |g| g.integer() as u32);
    texts!(db, "cid", u32, |g| g.integer() as u32);
}

#[tokio::test]
async fn texts() {
    let (_scratch, db) = database().await;
    let db = &db;
    values!(db, "text", String, |g| g.text());
    values!(db, "varchar", String, |g| g.text());
    values!(db, "citext", String, |g| g.text());
    values!(db, "name", String, |g| g.word());
    values!(db, "bpchar", String, |g| g.word());
    values!(db, "char(70)", String, |g| format!("{:70}", g.word()));
    values!(db, "refcursor", String, |g| g.text());
    values!(db, "xml", String, |g| format!("<a>{}</a>", g.word()));
    values!(db, "bytea", Vec<u8>, |g| g.bytes());
    values!(db, "jsonb", Tree, |g| g.json());
    values!(db, "json", Tree, |g| g.json());
    values!(db, "jsonb", Json<Vec<(String, Option<i64>)>>, |g| Json(
        vec![(g.text(), None), (g.text(), Some(g.integer()))]
    ));
    values!(db, "jsonpath", JsonPath, |g| {
        JsonPath(format!("$.\"{}\"[{}]", g.word(), g.below(9)))
    });
    values!(db, "ltree", Ltree, |g| Ltree(format!("Top.{}", g.word())));
    values!(db, "lquery", Lquery, |g| Lquery(format!("*.{}", g.word())));
    values!(db, "ltxtquery", Ltxtquery, |g| {
        Ltxtquery(format!("{} & !{}", g.word(), g.word()))
    });
    values!(db, "hstore", Hstore, |g| {
        (0..g.below(4))
            .map(|_| (g.text(), g.coin().then(|| g.text())))
            .collect()
    });
    texts!(db, "uuid", Uuid, |g| Uuid::from_u64_pair(
        g.integer() as u64,
        g.integer() as u64
    ));
    texts!(db, "varbit", Bits, |g| (0..g.below(40))
        .map(|_| g.coin())
        .collect());
    texts!(db, "bit(11)", Bits, |g| (0..11).map(|_| g.coin()).collect());
}

#[tokio::test]
async fn times() {
    let (_scratch, db) = database().await;
    let db = &db;
    texts!(db, "timestamptz", Timestamp, |g| g.timestamp());
    texts!(db, "timestamp", DateTime, |g| g
        .date()
        .to_datetime(g.time()));
    texts!(db, "date", Date, |g| g.date());
    texts!(db, "time", Time, |g| g.time());
    texts!(db, "timetz", TimeTz, |g| TimeTz {
        microseconds: g.below(86_400_000_001) as i64,
        offset: g.below(115_000) as i32 - 57_500,
    });
    values!(db, "interval", Interval, |g| Interval {
        months: g.integer() as i32 / 100,
        days: g.integer() as i32,
        microseconds: g.integer() / 100,
    });
    // The server does not read the text of the largest ones itself.
    let most = |months, days, microseconds| Interval {
        months,
        days,
        microseconds,
    };
    let ends = [
        most(i32::MAX - 1, i32::MAX, i64::MAX),
        most(i32::MIN + 1, i32::MIN, i64::MIN),
        most(i32::MAX, i32::MIN, 0),
    ];
    holds(db, "interval", ends.to_vec()).await;
}

/// With the feature `serde` the types of other crates are text in JSON, as jiff's are.
#[test]
fn chosen_types_are_text_in_json() {
    use sqlmill_runtime::types;

    fn both<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq>(value: &T) -> String {
        let json = serde_json::to_string(value).unwrap();
        assert!(
            serde_json::from_str::<T>(&json).unwrap() == *value,
            "{json}"
        );
        json
    }
    let day = types::chrono::Date::from_ymd_opt(2024, 2, 29).unwrap();
    let clock = types::chrono::Time::from_hms_opt(1, 2, 3).unwrap();
    assert_eq!(both(&day), r#""2024-02-29""#);
    assert_eq!(both(&clock), r#""01:02:03""#);
    assert_eq!(both(&day.and_time(clock)), r#""2024-02-29T01:02:03""#);
    assert_eq!(
        both(&day.and_time(clock).and_utc()),
        r#""2024-02-29T01:02:03Z""#
    );
    let day = types::time::Date::from_ordinal_date(2024, 60).unwrap();
    let clock = types::time::Time::from_hms(1, 2, 3).unwrap();
    assert_eq!(both(&day), r#""2024-02-29""#);
    assert_eq!(both(&clock), r#""01:02:03.0""#);
    assert_eq!(both(&day.with_time(clock)), r#""2024-02-29 01:02:03.0""#);
    assert!(both(&day.with_time(clock).assume_utc()).starts_with(r#""2024-02-29 01:02:03.0 +00"#));
    let number: bigdecimal::BigDecimal = "1.50".parse().unwrap();
    assert_eq!(both(&number), r#""1.50""#);
}

/// The same values by other crates' types; text forms are those crates' own.
#[tokio::test]
async fn types_that_are_chosen_by_configuration() {
    let (_scratch, db) = database().await;
    let db = &db;
    values!(db, "timestamptz", chrono::DateTime<chrono::Utc>, |g| {
        chrono::DateTime::from_timestamp_micros(g.timestamp().as_microsecond()).unwrap()
    });
    values!(db, "timestamp", chrono::NaiveDateTime, |g| {
        let moment = g.timestamp().as_microsecond();
        chrono::DateTime::from_timestamp_micros(moment)
            .unwrap()
            .naive_utc()
    });
    values!(db, "date", chrono::NaiveDate, |g| g
        .date()
        .to_string()
        .parse()
        .unwrap());
    values!(db, "time", chrono::NaiveTime, |g| g
        .time()
        .to_string()
        .parse()
        .unwrap());
    values!(db, "timestamptz", time::OffsetDateTime, |g| {
        time::OffsetDateTime::from_unix_timestamp_nanos(g.timestamp().as_nanosecond()).unwrap()
    });
    values!(db, "timestamp", time::PrimitiveDateTime, |g| {
        let nanoseconds = g.timestamp().as_nanosecond();
        let moment = time::OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap();
        time::PrimitiveDateTime::new(moment.date(), moment.time())
    });
    values!(db, "date", time::Date, |g| {
        time::Date::from_julian_day(2_000_000 + g.below(900_000) as i32).unwrap()
    });
    values!(db, "time", time::Time, |g| {
        let time = g.time();
        let (hour, minute, second) = (time.hour() as u8, time.minute() as u8, time.second() as u8);
        time::Time::from_hms_nano(hour, minute, second, time.subsec_nanosecond() as u32).unwrap()
    });
    texts!(db, "numeric", bigdecimal::BigDecimal, |g| loop {
        if let Ok(number) = g.numeric().as_str().parse() {
            break number;
        }
    });
    // They agree with jiff about what a moment is.
    let text = statement::<(chrono::DateTime<chrono::Utc>,), String>(
        "SELECT to_char($1::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
    );
    let moment = chrono::DateTime::from_timestamp_micros(-1).unwrap();
    let came = One::new(db, text, (moment,)).await.unwrap();
    assert_eq!(came, "1969-12-31 23:59:59.999999");
    let text = statement::<(time::OffsetDateTime,), String>(
        "SELECT to_char($1::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
    );
    let moment = time::OffsetDateTime::from_unix_timestamp_nanos(-1_000).unwrap();
    let came = One::new(db, text, (moment,)).await.unwrap();
    assert_eq!(came, "1969-12-31 23:59:59.999999");
    for sql in [
        "SELECT 'infinity'::timestamptz",
        "SELECT '290000-01-01'::timestamptz",
    ] {
        let chrono = statement::<(), chrono::DateTime<chrono::Utc>>(sql);
        assert_eq!(
            One::new(db, chrono, ()).await.unwrap_err().kind(),
            ErrorKind::Decode
        );
        let time = statement::<(), time::OffsetDateTime>(sql);
        assert_eq!(
            One::new(db, time, ()).await.unwrap_err().kind(),
            ErrorKind::Decode
        );
    }
}

#[tokio::test]
async fn addresses_and_places() {
    let (_scratch, db) = database().await;
    let db = &db;
    values!(db, "inet", IpAddr, |g| g.address());
    // Text leaves the prefix out where it is an address's own.
    texts!(db, "inet", Network, |g| Network {
        prefix: g.below(33) as u8,
        address: g.address(),
    });
    texts!(db, "cidr", Network, |g| g.network());
    texts!(db, "macaddr", MacAddr, |g| MacAddr(g.array()));
    texts!(db, "macaddr8", MacAddr8, |g| MacAddr8(g.array()));
    texts!(db, "point", Point, |g| g.point());
    texts!(db, "line", Line, |g| Line {
        a: g.float(),
        b: 1.5,
        c: g.float()
    });
    texts!(db, "lseg", Segment, |g| Segment {
        start: g.point(),
        end: g.point()
    });
    texts!(db, "path", Path, |g| Path {
        closed: g.coin(),
        points: g.points()
    });
    texts!(db, "polygon", Polygon, |g| Polygon { points: g.points() });
    texts!(db, "circle", Circle, |g| Circle {
        center: g.point(),
        radius: g.float().abs()
    });
    // The separator of arrays of boxes is another, which is of no meaning in the binary form.
    texts!(db, "box", Rectangle, |g| {
        let (a, b) = (g.point(), g.point());
        Rectangle {
            high: Point {
                x: a.x.max(b.x),
                y: a.y.max(b.y),
            },
            low: Point {
                x: a.x.min(b.x),
                y: a.y.min(b.y),
            },
        }
    });
}

#[tokio::test]
async fn searches_and_the_server_s_own() {
    let (_scratch, db) = database().await;
    let db = &db;
    texts!(db, "tsvector", TsVector, |g| g.vector());
    let generator = &mut Generator::new("tsquery");
    let queries: Vec<TsQuery> = (0..COUNT).map(|_| generator.query()).collect();
    holds(db, "tsquery", queries.clone()).await;
    // Parentheses that change nothing are left out of the text, so it is the text that is compared.
    let written = statement::<(TsQuery,), String>("SELECT ($1::tsquery)::text");
    for query in queries {
        let text = One::new(db, written, (query.clone(),)).await.unwrap();
        assert_eq!(text, query.to_string());
        let read: TsQuery = text.parse().unwrap();
        assert_eq!(read.to_string(), text);
    }
    texts!(db, "pg_lsn", Lsn, |g| Lsn(g.integer() as u64));
    texts!(db, "tid", Tid, |g| Tid {
        block: g.integer() as u32,
        offset: g.integer() as u16
    });
    texts!(db, "pg_snapshot", Snapshot, |g| {
        let xmin = g.below(1 << 40) + 1;
        let mut in_progress = vec![xmin + 1, xmin + 1 + g.below(9)];
        in_progress.dedup();
        Snapshot {
            xmin,
            xmax: xmin + 20,
            in_progress,
        }
    });
}

#[tokio::test]
async fn ranges() {
    let (_scratch, db) = database().await;
    let db = &db;
    values!(db, "int4range", Range<i32>, |g| g
        .discrete(|g| g.below(1 << 20) as i32));
    values!(db, "int8range", Range<i64>, |g| g
        .discrete(|g| g.below(1 << 40) as i64));
    values!(db, "daterange", Range<Date>, |g| g.discrete(|g| g.date()));
    values!(db, "numrange", Range<Decimal>, |g| g.range(|g| g.decimal()));
    values!(db, "tsrange", Range<DateTime>, |g| g
        .range(|g| g.date().to_datetime(g.time())));
    values!(db, "tstzrange", Range<Timestamp>, |g| g
        .range(|g| g.timestamp()));
    values!(db, "textrange", Range<String>, |g| g.range(|g| g.text()));
    values!(db, "int4multirange", Multirange<i32>, |g| g
        .multirange(|at| at));
    let day = |day: i32| Date::constant(2024, 1, 1).saturating_add(jiff::Span::new().days(day));
    values!(db, "datemultirange", Multirange<Date>, |g| g
        .multirange(day));
    values!(db, "int8multirange", Multirange<i64>, |g| g
        .multirange(i64::from));
    values!(db, "nummultirange", Multirange<Decimal>, |g| g
        .multirange(Decimal::from));
    values!(db, "tsmultirange", Multirange<DateTime>, |g| g
        .multirange(|at| day(at).into()));
    values!(db, "tstzmultirange", Multirange<Timestamp>, |g| g
        .multirange(|at| { Timestamp::from_second(at.into()).unwrap() }));
    // The text that we write means the same to the server.
    let read = statement::<(String,), Range<String>>("SELECT ($1::text)::textrange");
    let generator = &mut Generator::new("text");
    for _ in 0..COUNT {
        let range = generator.range(Generator::text);
        let came = One::new(db, read, (range.to_string(),)).await.unwrap();
        assert_eq!(came, range);
    }
    let read = statement::<(String,), Multirange<i32>>("SELECT ($1::text)::int4multirange");
    let range = generator.multirange(|at| at);
    let came = One::new(db, read, (range.to_string(),)).await.unwrap();
    assert_eq!(came, range);
    let closed = Range::Bounds {
        lower: Bound::Included(1),
        upper: Bound::Included(4),
    };
    assert_eq!(Range::of(1..=4), closed);
}

#[tokio::test]
async fn domains_are_what_they_are_over() {
    let (_scratch, db) = database().await;
    let db = &db;
    holds(db, "smaller", vec![1, -7, 99]).await;
    let until = Range::Bounds {
        lower: Bound::Unbounded,
        upper: Bound::Excluded(Date::constant(2024, 1, 1)),
    };
    let weeks = vec![Range::Empty, until];
    holds(db, "weeks", weeks).await;
    let smalls = statement::<(Vec<i32>,), Vec<Option<i32>>>("SELECT $1::smalls");
    let came = One::new(db, smalls, (vec![1, 2],)).await.unwrap();
    assert_eq!(came, [Some(1), Some(2)]);
}

#[tokio::test]
async fn what_a_type_cannot_hold_is_an_error() {
    let (_scratch, db) = database().await;
    let db = &db;
    async fn unreadable<T: Value + Debug>(db: &Database, sql: &str, reason: &str) {
        let error = One::new(db, statement::<(), T>(sql), ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    async fn unsendable<T: Param + SqlType + Debug + 'static>(
        db: &Database,
        sql: &str,
        value: T,
        reason: &str,
    ) {
        let sent = statement::<(T,), bool>(&format!("SELECT $1::{sql} IS NULL"));
        let error = One::new(db, sent, (value,)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    unreadable::<IpAddr>(db, "SELECT '10.0.0.0/8'::inet", "is a network").await;
    unreadable::<Vec<i32>>(db, "SELECT '{{1},{2}}'::int[]", "more than one dimension").await;
    unreadable::<Decimal>(db, "SELECT 'NaN'::numeric", "NaN").await;
    unreadable::<Json<i32>>(db, "SELECT '\"x\"'::jsonb", "another shape").await;
    unreadable::<(i32, i32)>(db, "SELECT row(1)", "fewer fields").await;
    unreadable::<(i32,)>(db, "SELECT row(1, 2)", "more fields").await;
    unreadable::<(i32,)>(db, "SELECT row('a'::text)", "another type").await;
    unreadable::<Range<Date>>(db, "SELECT daterange('infinity', NULL)", "infinite").await;
    unreadable::<Date>(db, "SELECT '-infinity'::date", "infinite").await;
    unreadable::<Timestamp>(db, "SELECT 'infinity'::timestamptz", "infinite").await;
    unreadable::<DateTime>(db, "SELECT 'infinity'::timestamp", "infinite").await;
    unreadable::<Vec<Date>>(db, "SELECT '{2024-01-01,infinity}'::date[]", "infinite").await;
    for sql in [
        "SELECT '5874897-12-31'::date",
        "SELECT '4713-01-01 BC'::date",
    ] {
        let read = One::new(db, statement::<(), Date>(sql), ()).await;
        assert!(
            read.is_ok() || read.unwrap_err().kind() == ErrorKind::Decode,
            "{sql}"
        );
    }
    unreadable::<Timestamp>(db, "SELECT '294276-12-31 23:59:59Z'::timestamptz", "").await;
    unreadable::<DateTime>(db, "SELECT '294276-12-31'::timestamp", "").await;
    unreadable::<Time>(db, "SELECT '24:00'::time", "").await;
    unreadable::<Decimal>(db, "SELECT 1e40::numeric", "").await;
    unsendable(
        db,
        "polygon",
        Polygon { points: Vec::new() },
        "has no points",
    )
    .await;
    for (microseconds, offset) in [(-1, 0), (86_400_000_001, 0), (0, 57_600), (0, i32::MIN)] {
        let time = TimeTz {
            microseconds,
            offset,
        };
        unsendable(db, "timetz", time, "cannot store").await;
    }
    assert!("24:00:00.000001+00".parse::<TimeTz>().is_err());
    let network = Network {
        address: "10.0.0.0".parse().unwrap(),
        prefix: 40,
    };
    unsendable(db, "cidr", network, "longer prefix").await;
    assert_eq!(
        Array::new(
            vec![Dimension {
                length: 3,
                first: 1
            }],
            vec![1, 2]
        ),
        None
    );
    assert_eq!(Array::of_rows(vec![vec![1], vec![]]), None);
    for wrong in ["", "1.", "x", "1e5", "--1"] {
        assert_eq!(wrong.parse::<Numeric>().is_ok(), wrong == "1.", "{wrong}");
    }
    for wrong in ["a b", "a &", "& a", "(a", "a)", "'a", "a <x> b", "!"] {
        assert!(wrong.parse::<TsQuery>().is_err(), "{wrong}");
    }
    for wrong in ["a:0x", "'a", "a:1,", ":1"] {
        assert!(wrong.parse::<TsVector>().is_err(), "{wrong}");
    }
}
