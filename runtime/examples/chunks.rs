//! In how many rows many rows of arrays travel best: the statement that `--@ bulk` ships, by hand, in parts of several sizes.
//!
//! `cargo run --release -p sqlmill-runtime --example chunks URL [ROWS] [ELEMENTS]`: milliseconds for all rows in one transaction, the
//! median of nine rounds in which the sizes take turns. The tables are made and dropped.

use std::error::Error;
use std::time::{Duration, Instant};

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

type Failure = Box<dyn Error + Send + Sync>;

const SIZES: [usize; 6] = [64, 128, 256, 512, 1024, 4096];
const ROUNDS: usize = 9;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("usage: chunks URL [ROWS] [ELEMENTS]")?;
    let rows: usize = args.next().map_or(Ok(10_000), |rows| rows.parse())?;
    let elements: usize = args.next().map_or(Ok(3), |elements| elements.parse())?;
    let (mut client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
    let driver = tokio::spawn(connection);
    println!("{rows} rows of {elements} elements");
    println!(
        "{:>10} {}",
        "",
        SIZES.map(|size| format!("{size:>8}")).join("")
    );
    let numbers: Vec<i64> = (0..rows * elements)
        .map(i64::try_from)
        .collect::<Result<_, _>>()?;
    let words: Vec<String> = numbers
        .iter()
        .map(|number| format!("word {number}"))
        .collect();
    compare(&mut client, "bigint", &numbers, (rows, elements)).await?;
    compare(&mut client, "text", &words, (rows, elements)).await?;
    drop(client);
    driver.await??;
    Ok(())
}

/// Of rows that have so many elements each.
async fn compare<T>(
    client: &mut Client,
    ty: &str,
    all: &[T],
    (rows, elements): (usize, usize),
) -> Result<(), Failure>
where
    T: ToSql + Sync,
{
    let table = format!("CREATE TEMP TABLE chunks (id int PRIMARY KEY, list {ty}[])");
    client.batch_execute(&table).await?;
    let insert = client
        .prepare(&format!(
            "INSERT INTO chunks (id, list) SELECT bulk.p1, ($2::{ty}[])[bulk.p3:bulk.p4]
             FROM unnest($1::int4[], $3::int4[], $4::int4[]) AS bulk (p1, p3, p4)"
        ))
        .await?;
    let mut times = vec![Vec::new(); SIZES.len()];
    for _ in 0..ROUNDS {
        for (&size, times) in SIZES.iter().zip(&mut times) {
            client.batch_execute("TRUNCATE chunks").await?;
            times.push(send(client, &insert, all, (rows, elements), size).await?);
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        let middle = times.get(ROUNDS / 2).copied().unwrap_or_default();
        format!("{:>8.1}", middle.as_secs_f64() * 1000.0)
    };
    let medians: Vec<String> = times.iter_mut().map(median).collect();
    println!("{:>10} {}", format!("{ty}[]"), medians.join(""));
    client.batch_execute("DROP TABLE chunks").await?;
    Ok(())
}

async fn send<T: ToSql + Sync>(
    client: &mut Client,
    insert: &Statement,
    all: &[T],
    (rows, elements): (usize, usize),
    size: usize,
) -> Result<Duration, Failure> {
    let started = Instant::now();
    let transaction = client.transaction().await?;
    let mut first = 0;
    for part in all.chunks(size * elements) {
        let count = part.len() / elements;
        let number = |number: usize| i32::try_from(number);
        let ids: Vec<i32> = (first..first + count)
            .map(number)
            .collect::<Result<_, _>>()?;
        let begins: Vec<i32> = (0..count)
            .map(|row| number(row * elements + 1))
            .collect::<Result<_, _>>()?;
        let ends: Vec<i32> = (1..=count)
            .map(|row| number(row * elements))
            .collect::<Result<_, _>>()?;
        transaction
            .execute(insert, &[&ids, &part, &begins, &ends])
            .await?;
        first += count;
    }
    transaction.commit().await?;
    if first != rows {
        return Err("not all rows were sent".into());
    }
    Ok(started.elapsed())
}
