//! Values go out and come back as PostgreSQL understands them, at the edges too.

use std::net::IpAddr;

use sqlmill_runtime::types::{Date, DateTime, Decimal, Interval, Time, Timestamp, Value};
use sqlmill_runtime::{ANY, Database, ErrorKind, One, Param, SqlType, Statement};

use crate::notes;
use crate::support::TestDatabase;

/// Sends the value and has the server write it as text, then sends the text and has the server write it as a value.
macro_rules! both_ways {
    ($db:expr, $rust:ty, $sql:literal, $value:expr, $text:expr) => {{
        static WRITTEN: Statement<($rust,), String> = Statement::new(
            "t::written",
            "queries/t.sql:1",
            concat!("SELECT ($1::", $sql, ")::text"),
            ANY,
            "text",
        );
        static READ: Statement<(&str,), $rust> = Statement::new(
            "t::read",
            "queries/t.sql:2",
            concat!("SELECT ($1::text)::", $sql),
            "text",
            ANY,
        );
        let value: $rust = $value;
        let text: &str = $text;
        let written = One::new($db, &WRITTEN, (value.clone(),)).await.unwrap();
        assert_eq!(written, text);
        let read = One::new($db, &READ, (text,)).await.unwrap();
        assert_eq!(read, value);
    }};
}

macro_rules! unreadable {
    ($db:expr, $rust:ty, $sql:expr, $reason:expr) => {{
        static READ: Statement<(), $rust> =
            Statement::new("t::read", "queries/t.sql:2", $sql, "", ANY);
        let error = One::new($db, &READ, ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert!(error.to_string().contains($reason), "{error}");
    }};
}

#[tokio::test]
async fn numbers() {
    let (_scratch, db) = notes().await;
    let db = &db;
    both_ways!(db, i16, "int2", i16::MIN, "-32768");
    both_ways!(db, i32, "int4", i32::MIN, "-2147483648");
    both_ways!(db, i64, "int8", i64::MIN, "-9223372036854775808");
    both_ways!(db, u32, "oid", u32::MAX, "4294967295");
    both_ways!(db, f32, "float4", 1.5e-30, "1.5e-30");
    both_ways!(db, f64, "float8", f64::INFINITY, "Infinity");
    both_ways!(db, i8, "\"char\"", 65, "A");
    both_ways!(db, bool, "bool", true, "true");
    static NOT_A_NUMBER: Statement<(), f64> = Statement::new(
        "t::nan",
        "queries/t.sql:3",
        "SELECT 'NaN'::float8",
        "",
        "float8",
    );
    assert!(One::new(db, &NOT_A_NUMBER, ()).await.unwrap().is_nan());
}

#[tokio::test]
async fn decimals() {
    let (_scratch, db) = notes().await;
    let db = &db;
    for text in [
        "0",
        "0.00",
        "1",
        "-1",
        "10000",
        "9999",
        "0.1",
        "0.0001",
        "0.00010",
        "-0.00001",
        "123456789.987654321",
        "100000000",
        "12345678901234567890",
        "0.0000000000000000000000000001",
        "79228162514264337593543950335",
        "-79228162514264337593543950335",
        "7.9228162514264337593543950335",
        "1000000.000000",
        "10.10",
        "40000",
        "400000000.0000",
    ] {
        let value: Decimal = text.parse().unwrap();
        both_ways!(db, Decimal, "numeric", value, text);
    }
    // More places than the type has, and all of them zeros.
    static ZEROS: Statement<(), Decimal> = Statement::new(
        "t::zeros",
        "queries/t.sql:3",
        "SELECT 1.5::numeric(50, 40)",
        "",
        "numeric",
    );
    assert_eq!(One::new(db, &ZEROS, ()).await.unwrap(), Decimal::new(15, 1));
    unreadable!(db, Decimal, "SELECT 'NaN'::numeric", "NaN");
    unreadable!(
        db,
        Decimal,
        "SELECT 79228162514264337593543950336::numeric",
        "more digits"
    );
    unreadable!(
        db,
        Decimal,
        "SELECT 0.00000000000000000000000000001::numeric",
        "more digits"
    );
    unreadable!(db, Decimal, "SELECT 10::numeric ^ 1000", "more digits");
}

/// A walk over many values, each compared with what the server says.
#[tokio::test]
async fn decimals_of_all_sizes() {
    let (_scratch, db) = notes().await;
    let mut state: u128 = 0x1234_5678_9ABC_DEF1;
    for _ in 0..500 {
        // A linear congruential generator: the values only need to be various.
        state = state
            .wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645)
            .wrapping_add(1);
        let digits = (state >> 32) & ((1 << 96) - 1);
        let digits = digits >> (state >> 8 & 0x5F);
        let scale = u32::try_from(state >> 16 & 0x1F).unwrap().min(28);
        let sign = if state & 0x80 == 0 { 1 } else { -1 };
        let value = Decimal::from_i128_with_scale(sign * i128::try_from(digits).unwrap(), scale);
        let text = value.abs().to_string();
        let text = if value.is_sign_negative() && !value.is_zero() {
            format!("-{text}")
        } else {
            text
        };
        both_ways!(&db, Decimal, "numeric", value, &text);
    }
}

#[tokio::test]
async fn moments() {
    let (_scratch, db) = notes().await;
    let db = &db;
    static UTC: Statement<(), String> = Statement::new(
        "t::utc",
        "queries/t.sql:3",
        "SELECT set_config('TimeZone', 'UTC', false)",
        "",
        "text",
    );
    let db1 = &_scratch.connect_with(1).await.unwrap();
    One::new(db1, &UTC, ()).await.unwrap();
    let timestamp = |text: &str| text.parse::<Timestamp>().unwrap();
    both_ways!(
        db1,
        Timestamp,
        "timestamptz",
        timestamp("2024-02-29T12:34:56.123456Z"),
        "2024-02-29 12:34:56.123456+00"
    );
    both_ways!(
        db1,
        Timestamp,
        "timestamptz",
        timestamp("1969-12-31T23:59:59.999999Z"),
        "1969-12-31 23:59:59.999999+00"
    );
    both_ways!(
        db1,
        Timestamp,
        "timestamptz",
        timestamp("0001-01-01T00:00:00Z"),
        "0001-01-01 00:00:00+00"
    );
    both_ways!(
        db,
        DateTime,
        "timestamp",
        DateTime::constant(1999, 12, 31, 23, 59, 59, 999_999_000),
        "1999-12-31 23:59:59.999999"
    );
    both_ways!(
        db,
        DateTime,
        "timestamp",
        DateTime::constant(2000, 1, 1, 0, 0, 0, 0),
        "2000-01-01 00:00:00"
    );
    both_ways!(
        db,
        DateTime,
        "timestamp",
        DateTime::constant(9999, 12, 31, 23, 59, 59, 0),
        "9999-12-31 23:59:59"
    );
    both_ways!(db, Date, "date", Date::constant(1, 1, 1), "0001-01-01");
    both_ways!(
        db,
        Date,
        "date",
        Date::constant(-4712, 1, 1),
        "4713-01-01 BC"
    );
    both_ways!(db, Date, "date", Date::constant(9999, 12, 31), "9999-12-31");
    both_ways!(
        db,
        Time,
        "time",
        Time::constant(23, 59, 59, 999_999_000),
        "23:59:59.999999"
    );
    both_ways!(db, Time, "time", Time::midnight(), "00:00:00");
    both_ways!(
        db,
        Interval,
        "interval",
        Interval {
            months: -14,
            days: 3,
            microseconds: -1
        },
        "-1 years -2 mons +3 days -00:00:00.000001"
    );
    unreadable!(db, Timestamp, "SELECT 'infinity'::timestamptz", "infinite");
    unreadable!(db, Timestamp, "SELECT '-infinity'::timestamptz", "infinite");
    unreadable!(
        db,
        Timestamp,
        "SELECT '294276-12-31 23:59:59.999999+00'::timestamptz",
        "outside the years"
    );
    unreadable!(db, DateTime, "SELECT 'infinity'::timestamp", "infinite");
    unreadable!(
        db,
        DateTime,
        "SELECT '10000-01-01'::timestamp",
        "outside the years"
    );
    unreadable!(db, Date, "SELECT '-infinity'::date", "infinite");
    unreadable!(
        db,
        Date,
        "SELECT '5874897-12-31'::date",
        "outside the years"
    );
    unreadable!(db, Time, "SELECT '24:00:00'::time", "24:00:00");
    // Below a microsecond jiff goes and PostgreSQL does not.
    static WRITTEN: Statement<(Timestamp,), Timestamp> = Statement::new(
        "t::written",
        "queries/t.sql:1",
        "SELECT $1::timestamptz",
        "timestamptz",
        "timestamptz",
    );
    let fine = timestamp("1960-01-01T00:00:00.000000999Z");
    assert_eq!(
        One::new(db, &WRITTEN, (fine,)).await.unwrap(),
        timestamp("1960-01-01T00:00:00Z")
    );
    // What jiff holds and PostgreSQL does not is the server's to refuse.
    let error = One::new(db, &WRITTEN, (Timestamp::MIN,)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn text_bytes_and_the_rest() {
    let scratch = TestDatabase::new("CREATE EXTENSION citext");
    let db = &scratch.connect().await.unwrap();
    both_ways!(
        db,
        String,
        "text",
        "ü\u{1F600}\n".to_owned(),
        "ü\u{1F600}\n"
    );
    both_ways!(db, String, "varchar(5)", "abc".to_owned(), "abc");
    both_ways!(db, String, "name", "abc".to_owned(), "abc");
    both_ways!(db, String, "citext", "AbC".to_owned(), "AbC");
    both_ways!(db, Vec<u8>, "bytea", vec![0, 255], "\\x00ff");
    both_ways!(
        db,
        Value,
        "jsonb",
        serde_json::json!({"a": [1, null]}),
        "{\"a\": [1, null]}"
    );
    both_ways!(
        db,
        Value,
        "json",
        serde_json::json!({"a": [1, null]}),
        "{\"a\":[1,null]}"
    );
    both_ways!(db, IpAddr, "inet", "::1".parse().unwrap(), "::1/128");
    both_ways!(
        db,
        IpAddr,
        "inet",
        "10.1.2.3".parse().unwrap(),
        "10.1.2.3/32"
    );
    both_ways!(db, Option<i32>, "int4", Some(1), "1");
    unreadable!(db, IpAddr, "SELECT '10.0.0.0/8'::inet", "is a network");
    static PADDED: Statement<(), String> = Statement::new(
        "t::padded",
        "queries/t.sql:4",
        "SELECT 'a'::char(3)",
        "",
        "text",
    );
    assert_eq!(One::new(db, &PADDED, ()).await.unwrap(), "a  ");
    static LITERAL: Statement<(), String> =
        Statement::new("t::literal", "queries/t.sql:5", "SELECT 'a'", "", "text");
    assert_eq!(One::new(db, &LITERAL, ()).await.unwrap(), "a");
    static ECHO: Statement<(&str,), String> = Statement::new(
        "t::echo",
        "queries/t.sql:6",
        "SELECT $1::text",
        "text",
        "text",
    );
    let error = One::new(db, &ECHO, ("a\0b",)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("NUL"), "{error}");
    let long = "x".repeat(3_000_000);
    assert_eq!(One::new(db, &ECHO, (&long,)).await.unwrap(), long);
}

#[tokio::test]
async fn arrays() {
    let (_scratch, db) = notes().await;
    let db = &db;
    both_ways!(db, Vec<i32>, "int4[]", vec![1, -2], "{1,-2}");
    both_ways!(db, Vec<i32>, "int4[]", vec![], "{}");
    both_ways!(
        db,
        Vec<Option<String>>,
        "text[]",
        vec![Some("a,b".to_owned()), None],
        "{\"a,b\",NULL}"
    );
    both_ways!(db, Vec<Vec<u8>>, "bytea[]", vec![vec![1]], "{\"\\\\x01\"}");
    both_ways!(db, Option<Vec<i64>>, "int8[]", Some(vec![7]), "{7}");
    unreadable!(
        db,
        Vec<i32>,
        "SELECT '{{1,2},{3,4}}'::int[]",
        "more than one dimension"
    );
    unreadable!(
        db,
        Vec<i32>,
        "SELECT '{1,NULL}'::int[]",
        "element that is NULL"
    );
    // Where an array begins is of no meaning in Rust.
    static FROM_ZERO: Statement<(), Vec<i32>> = Statement::new(
        "t::from_zero",
        "queries/t.sql:4",
        "SELECT '[0:1]={5,6}'::int[]",
        "",
        "int4[]",
    );
    assert_eq!(One::new(db, &FROM_ZERO, ()).await.unwrap(), [5, 6]);
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Happy,
    Sad,
}

sqlmill_runtime::enumeration! { Mood: "public"."mood" { Happy = "happy", Sad = "sad ' one" } }

#[derive(Debug, Clone, PartialEq)]
struct Pair {
    n: i32,
    mood: Option<Mood>,
    short: String,
    moods: Vec<Mood>,
}

#[derive(Debug, Clone, PartialEq)]
struct PairRef<'a> {
    n: i32,
    mood: Option<Mood>,
    short: &'a str,
    moods: Vec<Mood>,
}

sqlmill_runtime::composite! { Pair, PairRef: "public"."pair" { n, mood, short, moods } }

const USER_TYPES: &str = "
CREATE TYPE mood AS ENUM ('happy', 'sad '' one', 'new');
CREATE DOMAIN short AS text CHECK (length(VALUE) < 10);
CREATE DOMAIN shorter AS short;
CREATE DOMAIN some_moods AS mood[];
CREATE TYPE pair AS (n int, mood mood, short shorter, moods some_moods);
CREATE DOMAIN big_pair AS pair CHECK ((VALUE).n > 10);
CREATE TABLE boxes (short shorter, shorts shorter[], pair big_pair, pairs pair[], moods some_moods);
";

#[tokio::test]
async fn types_of_the_schema() {
    let scratch = TestDatabase::new(USER_TYPES);
    let db = &scratch.connect().await.unwrap();
    both_ways!(db, Mood, "mood", Mood::Sad, "sad ' one");
    both_ways!(
        db,
        Vec<Mood>,
        "mood[]",
        vec![Mood::Happy, Mood::Sad],
        "{happy,\"sad ' one\"}"
    );
    both_ways!(db, Vec<Mood>, "some_moods", vec![Mood::Happy], "{happy}");
    both_ways!(db, String, "shorter", "abc".to_owned(), "abc");
    let pair = Pair {
        n: 11,
        mood: Some(Mood::Happy),
        short: "x".to_owned(),
        moods: vec![Mood::Happy],
    };
    both_ways!(db, Pair, "pair", pair.clone(), "(11,happy,x,{happy})");
    both_ways!(db, Pair, "big_pair", pair.clone(), "(11,happy,x,{happy})");
    let pairs = vec![Some(pair.clone()), None];
    both_ways!(
        db,
        Vec<Option<Pair>>,
        "pair[]",
        pairs,
        "{\"(11,happy,x,{happy})\",NULL}"
    );

    // Bare parameters have the domain's type, not its base.
    type Values = (
        &'static str,
        &'static [&'static str],
        &'static Pair,
        &'static [Pair],
        &'static [Mood],
    );
    static INSERT: Statement<Values> = Statement::new(
        "t::insert",
        "queries/t.sql:7",
        "INSERT INTO boxes VALUES ($1, $2, $3, $4, $5)",
        ANY,
        "",
    );
    let params = (
        "a",
        &["b", "c"][..],
        &pair,
        std::slice::from_ref(&pair),
        &[Mood::Happy][..],
    );
    sqlmill_runtime::Execute::new(db, &INSERT, params)
        .await
        .unwrap();
    static SHORTS: Statement<(), Vec<String>> = Statement::new(
        "t::shorts",
        "queries/t.sql:8",
        "SELECT shorts FROM boxes",
        "",
        "text[]",
    );
    assert_eq!(One::new(db, &SHORTS, ()).await.unwrap(), ["b", "c"]);
    static PAIR: Statement<(), Pair> = Statement::new(
        "t::pair",
        "queries/t.sql:9",
        "SELECT pair FROM boxes",
        "",
        "public.pair(int4,public.mood,text,public.mood[])",
    );
    assert_eq!(One::new(db, &PAIR, ()).await.unwrap(), pair);
    let short = One::new(db, &PAIR, ())
        .map(|pair: PairRef<'_>| pair.short.len())
        .await
        .unwrap();
    assert_eq!(short, 1);
    let too_long = One::new(db, &ECHO_SHORT, ("much too long",))
        .await
        .unwrap_err();
    assert_eq!(
        too_long.violation().unwrap().constraint(),
        Some("short_check")
    );

    unreadable!(
        db,
        Mood,
        "SELECT 'new'::mood",
        "label that this crate does not know"
    );
    unreadable!(
        db,
        Pair,
        "SELECT ROW(NULL, NULL, 'x', '{}')::pair",
        "field that is NULL"
    );
}

static ECHO_SHORT: Statement<(&str,), String> = Statement::new(
    "t::echo_short",
    "queries/t.sql:10",
    "SELECT $1::shorter",
    "text",
    "text",
);

#[tokio::test]
async fn a_composite_that_was_altered_is_not_misread() {
    let scratch = TestDatabase::new(
        "CREATE TYPE mood AS ENUM ('happy'); CREATE TYPE pair AS (n int, mood mood, short text, moods mood[]);
         CREATE FUNCTION one() RETURNS pair LANGUAGE plpgsql AS
         'DECLARE p pair; BEGIN p.n := 1; p.short := ''x''; p.moods := ''{}''; RETURN p; END';",
    );
    let db = &scratch.connect_with(1).await.unwrap();
    static PAIR: Statement<(), Pair> = Statement::new(
        "t::pair",
        "queries/t.sql:9",
        "SELECT one()",
        "",
        "public.pair(int4,public.mood,text,public.mood[])",
    );
    assert_eq!(One::new(db, &PAIR, ()).await.unwrap().n, 1);
    scratch.run("ALTER TYPE pair ADD ATTRIBUTE extra int");
    let error = One::new(db, &PAIR, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("more fields"), "{error}");
    scratch
        .run("ALTER TYPE pair DROP ATTRIBUTE extra; ALTER TYPE pair ALTER ATTRIBUTE n TYPE bigint");
    let error = One::new(db, &PAIR, ()).await.unwrap_err();
    assert!(
        error.to_string().contains("field of another type"),
        "{error}"
    );
    // On a new connection it shows when the statement is prepared.
    let db = &scratch.connect().await.unwrap();
    let error = One::new(db, &PAIR, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SchemaChanged);
}

/// What can be moved into a task, and out of one.
#[test]
fn everything_is_send() {
    fn send<T: Send>(_: &T) {}
    fn is_send<T: Send + Sync + 'static>() {}
    is_send::<Database>();
    is_send::<sqlmill_runtime::Transaction>();
    is_send::<sqlmill_runtime::Error>();
    fn check(db: Database) {
        send(&crate::add_note(&db, "x"));
        send(&crate::list_notes(&db));
        send(&crate::list_notes(&db).stream());
        send(&crate::clear_notes(&db));
        send(&db.begin());
        send(&db.transaction(|tx| async move { crate::count_notes(&tx).await }));
        drop(tokio::spawn(async move {
            let ids = vec![1, 2];
            db.transaction(|tx| async move {
                let first = crate::add_note(&tx, "x").await?;
                tx.transaction(|tx| async move { crate::count_notes(&tx).await })
                    .await?;
                let (a, b) = tokio::try_join!(crate::count_notes(&tx), crate::list_notes(&tx))?;
                Ok::<_, sqlmill_runtime::Error>((first, ids, a, b))
            })
            .await
        }));
    }
    let _ = check;
    fn param<T: Param + SqlType>() {}
    param::<&[Option<&str>]>();
    param::<Option<&Value>>();
    param::<&[&[u8]]>();
}
