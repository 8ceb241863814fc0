//! Streams: in order, held back, and no trouble for others when they are left.

use std::time::Duration;

use sqlmill_runtime::{Error, Many, Reader, RowStream, Statement};

use crate::{add_note, backend, count_notes, one_connection, soon};

fn numbers(db: &impl Reader, up_to: i32) -> Many<'_, (i32,), i32> {
    static NUMBERS: Statement<(i32,), i32> = Statement::new(
        "numbers::numbers",
        "queries/numbers.sql:1",
        "SELECT n FROM generate_series(1, $1) AS n",
        "int4",
        "int4",
    );
    Many::new(db, &NUMBERS, (up_to,))
}

fn wide(db: &impl Reader) -> Many<'_, (), String> {
    static WIDE: Statement<(), String> = Statement::new(
        "numbers::wide",
        "queries/numbers.sql:4",
        "SELECT repeat(n::text, 1000) FROM generate_series(1000, 200000) AS n",
        "",
        "text",
    );
    Many::new(db, &WIDE, ())
}

#[tokio::test]
async fn every_row_comes_once_and_in_order() {
    let (_scratch, db) = one_connection().await;
    let mut stream = numbers(&db, 100_000).stream();
    let mut expected = 1;
    while let Some(number) = stream.next().await {
        assert_eq!(number.unwrap(), expected);
        expected += 1;
    }
    assert_eq!(expected, 100_001);
    assert!(stream.next().await.is_none());
    drop(stream);
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_stream_left_half_way_leaves_the_connection_usable() {
    let (_scratch, db) = one_connection().await;
    let mut stream = numbers(&db, 100_000).stream();
    assert_eq!(stream.next().await.unwrap().unwrap(), 1);
    drop(stream);
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
    // So much that it is cheaper to give the connection up than to read the rest.
    let mut stream = wide(&db).stream();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
    // Never read at all.
    drop(numbers(&db, 10).stream());
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
}

#[tokio::test]
async fn the_server_waits_for_a_slow_reader() {
    let (scratch, db) = one_connection().await;
    let pid = backend(&db).await.unwrap();
    let mut stream = wide(&db).stream();
    stream.next().await.unwrap().unwrap();
    let sql = format!("SELECT wait_event FROM pg_stat_activity WHERE pid = {pid}");
    for _ in 0..100 {
        if scratch.run(&sql)[0][0].as_deref() == Some("ClientWrite") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server sends on though nobody reads");
}

#[tokio::test]
async fn other_queries_run_between_the_rows_of_a_transaction() {
    let (_scratch, db) = one_connection().await;
    let whole = db.transaction(|tx| async move {
        let mut stream = numbers(&tx, 50_000).stream();
        let mut seen = 0;
        while let Some(number) = stream.next().await {
            let number = number?;
            seen += 1;
            assert_eq!(number, seen);
            if number % 10_000 == 1 {
                add_note(&tx, &number.to_string()).await?;
            }
        }
        assert_eq!(seen, 50_000);
        count_notes(&tx).await
    });
    assert_eq!(soon(whole).await.unwrap(), 5);
}

#[tokio::test]
async fn a_stream_and_a_query_share_a_transaction_in_two_tasks() {
    let (_scratch, db) = one_connection().await;
    let whole = db.transaction(|tx| async move {
        let mut stream = numbers(&tx, 50_000).stream();
        let reading = async {
            let mut sum = 0_i64;
            while let Some(number) = stream.next().await {
                sum += i64::from(number?);
                tokio::task::yield_now().await;
            }
            Ok::<_, Error>(sum)
        };
        let writing = async {
            for n in 0..20 {
                add_note(&tx, &n.to_string()).await?;
            }
            Ok::<_, Error>(())
        };
        let (sum, ()) = tokio::try_join!(reading, writing)?;
        assert_eq!(sum, 50_000 * 50_001 / 2);
        count_notes(&tx).await
    });
    assert_eq!(soon(whole).await.unwrap(), 20);
}

#[tokio::test]
async fn a_stream_can_be_moved_into_a_task() {
    let (_scratch, db) = one_connection().await;
    let stream: RowStream<'static, i32> = numbers(&db, 10).stream();
    drop(db);
    let task = tokio::spawn(async move {
        let mut stream = stream;
        let mut sum = 0;
        while let Some(number) = stream.next().await {
            sum += number?;
        }
        Ok::<_, Error>(sum)
    });
    assert_eq!(task.await.unwrap().unwrap(), 55);
}

#[tokio::test]
async fn rows_are_mapped_as_they_come() {
    let (_scratch, db) = one_connection().await;
    let mut longest = 0;
    let mut stream = wide(&db)
        .map(|text: &str| {
            longest = longest.max(text.len());
            text.len()
        })
        .stream();
    assert_eq!(stream.next().await.unwrap().unwrap(), 4000);
    drop(stream);
    assert_eq!(longest, 4000);
}

#[tokio::test]
async fn an_error_between_rows_ends_the_stream() {
    static INVERSES: Statement<(), i32> = Statement::new(
        "numbers::inverses",
        "queries/numbers.sql:7",
        "SELECT 10 / (3 - n) FROM generate_series(1, 9) AS n",
        "",
        "int4",
    );
    let (_scratch, db) = one_connection().await;
    let mut stream = Many::new(&db, &INVERSES, ()).stream();
    assert_eq!(stream.next().await.unwrap().unwrap(), 5);
    assert_eq!(stream.next().await.unwrap().unwrap(), 10);
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.sqlstate(), Some("22012"));
    assert!(stream.next().await.is_none());
    drop(stream);
    assert_eq!(soon(count_notes(&db)).await.unwrap(), 0);
    assert_eq!(
        Many::new(&db, &INVERSES, ()).await.unwrap_err().sqlstate(),
        Some("22012")
    );
}
