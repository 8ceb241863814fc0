//! What depends on the call: optional filters, pages, and many rows at once.

mod bulk;
mod filters;
mod network;
mod pages;

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

use crate::contender::Failure;
use crate::measure::{cpu_time, median};

/// All of it, as Markdown.
pub(crate) fn compare(url: &str, rounds: usize) -> Result<(), Failure> {
    let runtime = Rc::new(Builder::new_current_thread().enable_all().build()?);
    let admin = runtime.block_on(connect(url))?;
    fill(&runtime, &admin)?;
    filters::compare(&runtime, url, rounds)?;
    pages::compare(&runtime, url, rounds)?;
    bulk::compare(&runtime, url, &admin, rounds)?;
    bulk::copy(&runtime, url, &admin, rounds)
}

async fn connect(url: &str) -> Result<Client, Failure> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A million reports: ten organizations, 20,000 authors of 50 each, three states of which one is rare.
fn fill(runtime: &Runtime, admin: &Client) -> Result<(), Failure> {
    let sql = "TRUNCATE reports;
        INSERT INTO reports
        SELECT n, n % 10, n / 10 % 20000,
            CASE WHEN n % 100 = 7 THEN 'draft' WHEN n % 2 = 0 THEN 'final' ELSE 'shared' END, 'report ' || n,
            '2026-01-01'::timestamptz + make_interval(secs => hashint8(n) % 10000000)
        FROM generate_series(1, 1000000) AS n;
        VACUUM ANALYZE reports";
    for statement in sql.split(';') {
        runtime.block_on(admin.batch_execute(statement))?;
    }
    Ok(())
}

/// Who does a piece of work, and how.
struct Entrant<'a> {
    name: &'static str,
    work: Box<dyn FnMut() -> Result<(), Failure> + 'a>,
}

fn entrant<'a>(name: &'static str, work: impl FnMut() -> Result<(), Failure> + 'a) -> Entrant<'a> {
    Entrant {
        name,
        work: Box::new(work),
    }
}

/// Wall time and client CPU of one piece of work.
struct Measured {
    name: &'static str,
    /// Seconds, the median.
    wall: f64,
    cpu: f64,
    /// The median of the ratios to the first entrant of the same round.
    wall_ratio: f64,
    cpu_ratio: f64,
}

/// Entrants in turn in each round, and nobody always behind the same one. `before` is not timed.
fn turns(
    entrants: &mut [Entrant<'_>],
    rounds: usize,
    times: usize,
    mut before: impl FnMut() -> Result<(), Failure>,
) -> Result<Vec<Measured>, Failure> {
    let count = entrants.len();
    let mut wall = vec![Vec::new(); count];
    let mut cpu = vec![Vec::new(); count];
    for round in 0..=rounds {
        for place in 0..count {
            let index = (place + round) % count;
            let (mut took, mut worked) = (Duration::ZERO, Duration::ZERO);
            for _ in 0..times {
                before()?;
                let (began, cpu_before) = (Instant::now(), cpu_time()?);
                (entrants[index].work)()?;
                took += began.elapsed();
                worked += cpu_time()?.saturating_sub(cpu_before);
            }
            // The first round prepares statements and warms what there is to warm.
            if round > 0 {
                wall[index].push(took.as_secs_f64() / times as f64);
                cpu[index].push(worked.as_secs_f64() / times as f64);
            }
        }
    }
    let ratio = |values: &[Vec<f64>], index: usize| {
        let ratios = values[index].iter().zip(&values[0]).map(|(a, b)| a / b);
        median(ratios.collect())
    };
    Ok((0..count)
        .map(|index| Measured {
            name: entrants[index].name,
            wall: median(wall[index].clone()),
            cpu: median(cpu[index].clone()),
            wall_ratio: ratio(&wall, index),
            cpu_ratio: ratio(&cpu, index),
        })
        .collect())
}

/// In microseconds or milliseconds.
fn time(seconds: f64) -> String {
    if seconds < 0.001 {
        format!("{:.0} µs", seconds * 1e6)
    } else if seconds < 0.1 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{:.0} ms", seconds * 1e3)
    }
}

fn head(cells: &[&str]) {
    println!("| {} |", cells.join(" | "));
    println!("|{}", "---|".repeat(cells.len()));
}

fn same(what: &str, is: bool) -> Result<(), Failure> {
    match is {
        true => Ok(()),
        false => Err(format!("wrong rows: {what}").into()),
    }
}
