//! 64 tasks that read by key at once, over pools of 16 connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::contender::{Crowd, Failure};
use crate::measure::median;
use crate::{diesel_async_, hand, ours, sqlx_};

pub(crate) const TASKS: i64 = 64;
pub(crate) const CONNECTIONS: usize = 16;

/// Shared connections, and reads under way on each.
const SETTINGS: [(usize, usize); 8] = [
    (0, 1),
    (1, 64),
    (2, 16),
    (2, 32),
    (3, 32),
    (4, 16),
    (4, 32),
    (8, 8),
];

struct Entrant {
    name: String,
    measure: Box<Measure>,
    seen: Vec<Measured>,
}

type Measure = dyn Fn(&Runtime, Duration) -> Result<Measured, Failure>;

#[derive(Debug, Clone, Copy)]
struct Measured {
    /// Reads per second.
    rate: f64,
    /// In milliseconds.
    p99: f64,
    /// Of the client, in microseconds for each read.
    cpu: f64,
}

/// With no workers, all on one thread.
pub(crate) fn runtime(workers: usize) -> Result<Runtime, Failure> {
    Ok(match workers {
        0 => Builder::new_current_thread().enable_all().build()?,
        workers => Builder::new_multi_thread()
            .worker_threads(workers)
            .enable_all()
            .build()?,
    })
}

pub(crate) fn compare(
    url: &str,
    seconds: f64,
    rounds: usize,
    workers: usize,
) -> Result<(), Failure> {
    let runtime = runtime(workers)?;
    let time = Duration::from_secs_f64(seconds);
    let mut entrants = {
        let _guard = runtime.enter();
        vec![
            entrant("deadpool", hand::Pool::new(url, CONNECTIONS)?),
            entrant(
                "sqlmill",
                runtime.block_on(ours::Shared::connect(url, CONNECTIONS))?,
            ),
            entrant(
                "sqlx",
                runtime.block_on(sqlx_::Pool::connect(url, CONNECTIONS as u32))?,
            ),
            entrant("diesel-async", diesel_async_::Pool::new(url, CONNECTIONS)?),
        ]
    };
    in_turn(&runtime, &mut entrants, time, rounds)
}

/// The defaults are chosen by this.
pub(crate) fn settings(
    url: &str,
    seconds: f64,
    rounds: usize,
    workers: usize,
) -> Result<(), Failure> {
    let runtime = runtime(workers)?;
    let deadpool = {
        let _guard = runtime.enter();
        hand::Pool::new(url, CONNECTIONS)?
    };
    let mut entrants = vec![entrant("deadpool", deadpool)];
    for (connections, depth) in SETTINGS {
        let url = url.to_owned();
        entrants.push(Entrant {
            name: format!("{connections} of {depth}"),
            // The server has not as many connections as all of them together would take.
            measure: Box::new(move |runtime, time| {
                runtime.block_on(async {
                    let shared = ours::Shared::with(&url, CONNECTIONS, connections, depth).await?;
                    measure(&shared, time / 4).await?;
                    let measured = measure(&shared, time).await?;
                    shared.close().await;
                    Ok(measured)
                })
            }),
            seen: Vec::new(),
        });
    }
    let time = Duration::from_secs_f64(seconds);
    in_turn(&runtime, &mut entrants, time, rounds)
}

/// So many reads by each task on one thread, to be counted from outside. `none` has no shared connections: most reads wait for one of the 16.
pub(crate) fn reads(url: &str, contender: &str, times: usize) -> Result<(), Failure> {
    runtime(0)?.block_on(async {
        match contender {
            "deadpool" => read(&hand::Pool::new(url, CONNECTIONS)?, times).await,
            "none" => read(&ours::Shared::with(url, CONNECTIONS, 0, 1).await?, times).await,
            "sqlmill" => read(&ours::Shared::connect(url, CONNECTIONS).await?, times).await,
            _ => Err("the contenders are deadpool, none and sqlmill".into()),
        }
    })
}

async fn read<C: Crowd>(crowd: &C, times: usize) -> Result<(), Failure> {
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let crowd = crowd.clone();
            tokio::spawn(async move {
                for _ in 0..times {
                    crowd.by_key(task + 1).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

fn in_turn(
    runtime: &Runtime,
    entrants: &mut [Entrant],
    time: Duration,
    rounds: usize,
) -> Result<(), Failure> {
    for entrant in &*entrants {
        // Connections and statements are made.
        (entrant.measure)(runtime, time / 2)?;
    }
    for _ in 0..rounds {
        for entrant in &mut *entrants {
            let measured = (entrant.measure)(runtime, time)?;
            entrant.seen.push(measured);
        }
    }
    let base = entrants[0].seen.clone();
    println!("| | reads a second | to deadpool | p99, ms | client CPU a read, µs |");
    println!("|---|---|---|---|---|");
    for entrant in entrants {
        let rate = median(entrant.seen.iter().map(|seen| seen.rate).collect());
        let ratio = entrant.seen.iter().zip(&base).map(|(a, b)| a.rate / b.rate);
        let p99 = median(entrant.seen.iter().map(|seen| seen.p99).collect());
        let cpu = median(entrant.seen.iter().map(|seen| seen.cpu).collect());
        println!(
            "| {} | {rate:.0} | {:.2} | {p99:.1} | {cpu:.1} |",
            entrant.name,
            median(ratio.collect())
        );
    }
    Ok(())
}

fn entrant<C: Crowd>(name: impl Into<String>, crowd: C) -> Entrant {
    Entrant {
        name: name.into(),
        measure: Box::new(move |runtime, time| runtime.block_on(measure(&crowd, time))),
        seen: Vec::new(),
    }
}

async fn measure<C: Crowd>(crowd: &C, time: Duration) -> Result<Measured, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let (began, cpu_before) = (Instant::now(), cpu_time()?);
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (crowd, stop) = (crowd.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut took = Vec::new();
                let mut id = task * 97;
                while !stop.load(Ordering::Relaxed) {
                    id = (id + 7919) % 10_000;
                    let began = Instant::now();
                    let name = crowd.by_key(id + 1).await?;
                    took.push(began.elapsed());
                    if name != Some(format!("item {}", id + 1)) {
                        return Err("a wrong row".into());
                    }
                }
                Ok::<_, Failure>(took)
            })
        })
        .collect();
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let rate = took.len() as f64 / began.elapsed().as_secs_f64();
    let cpu = cpu_time()?.saturating_sub(cpu_before);
    took.sort_unstable();
    let p99 = took.get(took.len() * 99 / 100).copied().unwrap_or_default();
    Ok(Measured {
        rate,
        p99: p99.as_secs_f64() * 1e3,
        cpu: cpu.as_secs_f64() * 1e6 / took.len() as f64,
    })
}

/// Of all threads. Linux counts it in hundredths of a second, behind the program's name in parentheses.
fn cpu_time() -> Result<Duration, Failure> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = text.rsplit_once(')').ok_or("an empty stat")?;
    let mut ticks = 0;
    for field in fields.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<u64>()?;
    }
    Ok(Duration::from_millis(10 * ticks))
}
