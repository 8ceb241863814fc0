//! The crowd in trouble: of each task's calls one in a hundred takes 200 ms, one updates a row that somebody else has locked half of the
//! time, and one is a read whose future is polled once and then left alone for 20 ms.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::contender::{Failure, Troubled};
use crate::crowd::{CONNECTIONS, TASKS, runtime};
use crate::measure::median;
use crate::{hand, ours};

/// What is locked half of the time, and read like the others.
const LOCKED: i64 = 1;
const LOCK: Duration = Duration::from_millis(50);
const LEFT_ALONE: Duration = Duration::from_millis(20);
/// Nothing here takes so long.
const HANGS: Duration = Duration::from_secs(60);

/// Of the reads by key, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Measured {
    rate: f64,
    p50: f64,
    p99: f64,
    longest: f64,
}

pub(crate) fn compare(
    url: &str,
    seconds: f64,
    rounds: usize,
    workers: usize,
) -> Result<(), Failure> {
    let runtime = runtime(workers)?;
    let time = Duration::from_secs_f64(seconds);
    let (deadpool, shared) = {
        let _guard = runtime.enter();
        (
            hand::Pool::new(url, CONNECTIONS)?,
            runtime.block_on(ours::Shared::connect(url, CONNECTIONS))?,
        )
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    measure(&runtime, &deadpool, time / 2)?;
    measure(&runtime, &shared, time / 2)?;
    for _ in 0..rounds {
        first.push(measure(&runtime, &deadpool, time)?);
        second.push(measure(&runtime, &shared, time)?);
    }
    println!("| | reads a second | median, ms | p99, ms | longest, ms |");
    println!("|---|---|---|---|---|");
    for (name, seen) in [("deadpool", first), ("sqlmill", second)] {
        let of = |value: fn(&Measured) -> f64| median(seen.iter().map(value).collect());
        println!(
            "| {name} | {:.0} | {:.1} | {:.1} | {:.1} |",
            of(|seen| seen.rate),
            of(|seen| seen.p50),
            of(|seen| seen.p99),
            of(|seen| seen.longest),
        );
    }
    Ok(())
}

fn measure<C: Troubled>(runtime: &Runtime, crowd: &C, time: Duration) -> Result<Measured, Failure> {
    runtime.block_on(async {
        match tokio::time::timeout(HANGS, run(crowd, time)).await {
            Ok(measured) => measured,
            Err(_) => Err("it hangs".into()),
        }
    })
}

async fn run<C: Troubled>(crowd: &C, time: Duration) -> Result<Measured, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let holder = tokio::spawn({
        let (crowd, stop) = (crowd.clone(), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                crowd.hold(LOCKED, LOCK).await?;
                tokio::time::sleep(LOCK).await;
            }
            Ok::<_, Failure>(())
        }
    });
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (crowd, stop) = (crowd.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut took = Vec::new();
                let mut id = task * 97;
                // Not all at the same time.
                let mut turn = task * 100 / TASKS;
                while !stop.load(Ordering::Relaxed) {
                    id = (id + 7919) % 10_000;
                    turn = (turn + 1) % 100;
                    let began = Instant::now();
                    let name = match turn {
                        0 => {
                            crowd.nap().await?;
                            continue;
                        }
                        33 => {
                            crowd.touch(LOCKED).await?;
                            continue;
                        }
                        66 => left_alone(crowd.by_key(id + 1)).await?,
                        _ => {
                            let name = crowd.by_key(id + 1).await?;
                            took.push(began.elapsed());
                            name
                        }
                    };
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
    holder.await??;
    took.sort_unstable();
    let at = |place: usize| {
        let place = place.min(took.len().saturating_sub(1));
        took.get(place)
            .map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    };
    Ok(Measured {
        rate,
        p50: at(took.len() / 2),
        p99: at(took.len() * 99 / 100),
        longest: at(took.len()),
    })
}

async fn left_alone<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
    tokio::time::sleep(LEFT_ALONE).await;
    match polled {
        Poll::Ready(value) => value,
        Poll::Pending => future.await,
    }
}
