//! How many reads by key a second 64 tasks get through: a pool alone, beside one that shares connections for short reads.
//!
//! `shared URL SECONDS [WORKERS]`: both in one run, in turns. The table is made when it is not there.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlmill_runtime::{Database, Execute, Optional, Statement};

static MAKE: Statement<()> = Statement::new(
    "shared::make",
    "examples/shared.rs:1",
    "CREATE TABLE IF NOT EXISTS shared_users (id bigint PRIMARY KEY, name text NOT NULL)",
    "",
    "",
);
static FILL: Statement<()> = Statement::new(
    "shared::fill",
    "examples/shared.rs:2",
    "INSERT INTO shared_users SELECT n, 'user' || n FROM generate_series(0, 9999) AS n ON CONFLICT DO NOTHING",
    "",
    "",
);
static BY_KEY: Statement<(i64,), String> = Statement::new(
    "shared::by_key",
    "examples/shared.rs:3",
    "SELECT name FROM shared_users WHERE id = $1",
    "int8",
    "text",
)
.shared();

const TASKS: i64 = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (url, seconds, workers) = match args.as_slice() {
        [url, seconds] => (url, seconds.parse()?, 0),
        [url, seconds, workers] => (url, seconds.parse()?, workers.parse()?),
        _ => return Err("usage: shared URL SECONDS [WORKERS]".into()),
    };
    let runtime = match workers {
        0 => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?,
        workers => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .enable_all()
            .build()?,
    };
    runtime.block_on(compare(url, Duration::from_secs_f64(seconds)))
}

async fn compare(url: &str, time: Duration) -> Result<(), Box<dyn Error>> {
    let db = Database::connect(url).await?;
    Execute::new(&db, &MAKE, ()).await?;
    Execute::new(&db, &FILL, ()).await?;
    let mut candidates = Vec::new();
    for (shared, depth) in [(0, 1), (1, 32), (1, 64), (2, 16), (2, 32), (4, 16), (4, 32)] {
        let db = Database::builder()
            .pool_size(16)
            .shared_connections(shared)
            .shared_depth(depth)
            .connect(url)
            .await?;
        candidates.push((shared, depth, db, Vec::new()));
    }
    for round in 0..4 {
        for (_, _, db, rates) in &mut candidates {
            let measured = measure(db, time).await?;
            // The first round prepares.
            if round != 0 {
                rates.push(measured);
            }
        }
    }
    for (shared, depth, _, rates) in &mut candidates {
        rates.sort_unstable();
        println!("{shared} shared, {depth} deep: {rates:?} (reads a second, p99 in µs)");
    }
    Ok(())
}

async fn measure(db: &Database, time: Duration) -> Result<(u64, u128), Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (db, stop) = (db.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut took = Vec::new();
                let mut id = task * 97;
                while !stop.load(Ordering::Relaxed) {
                    id = (id + 7919) % 10_000;
                    let began = Instant::now();
                    Optional::new(&db, &BY_KEY, (id,)).await?;
                    took.push(began.elapsed());
                }
                Ok::<_, sqlmill_runtime::Error>(took)
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
    took.sort_unstable();
    let p99 = took.get(took.len() * 99 / 100).copied().unwrap_or_default();
    Ok((rate as u64, p99.as_micros()))
}
