//! A mixed load while the world around it breaks: backends are killed, the server crashes and recovers, result types change, futures
//! are dropped at random, the pool is too small. `cargo xtask chaos` runs it for longer.
//!
//! What each write was told is kept in a ledger, and held against the tables at the end: nothing that was acknowledged is lost, nothing
//! that was refused is there, nothing is there twice. A wrong row, a hang, and a connection that is dirty or leaked fail it as well.
//! That it can fail is tested, too: each kind of fault is made once on purpose (`--inject`), and has to be told.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and this one tells what it did"
)]

#[path = "support/mod.rs"]
mod support;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlmill_runtime::types::Uuid;
use sqlmill_runtime::{
    BulkExecute, Database, Error, ErrorKind, Execute, Many, One, Optional, Reader, Result, Rows,
    Statement,
};
use support::TestDatabase;

const SCHEMA: &str = "
CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL);
INSERT INTO accounts SELECT n, 1000 FROM generate_series(1, 32) AS n;
-- Without a key, so that what is written twice is there twice.
CREATE TABLE writes (key uuid NOT NULL);
CREATE TABLE items (id bigint PRIMARY KEY, label varchar(40) NOT NULL);
INSERT INTO items SELECT n, 'label ' || n FROM generate_series(1, 500) AS n;
";

const ACCOUNTS: u64 = 32;
const ITEMS: u64 = 500;
const WORKERS: u64 = 24;
const POOL: usize = 6;
/// Nothing takes so long that is not stuck.
const HANG: Duration = Duration::from_secs(60);

static ITEM: Statement<(i64,), String> = Statement::new(
    "chaos::item",
    "chaos.rs:1",
    "SELECT label FROM items WHERE id = $1",
    "int8",
    "text",
)
.shared();
static ITEMS_FROM: Statement<(i64,), Item> = Statement::new(
    "chaos::items_from",
    "chaos.rs:2",
    "SELECT id, label FROM items WHERE id >= $1 ORDER BY id",
    "int8",
    "int8 text",
);
static MOVE: Statement<(i64, i64)> = Statement::new(
    "chaos::move",
    "chaos.rs:3",
    "UPDATE accounts SET balance = balance + $2 WHERE id = $1",
    "int8 int8",
    "",
);
static WRITE: Statement<(Uuid,)> = Statement::new(
    "chaos::write",
    "chaos.rs:4",
    "INSERT INTO writes (key) VALUES ($1)",
    "uuid",
    "",
);
static WRITE_ALL: Statement<Rows<'_, (Uuid,)>> = Statement::new(
    "chaos::write_all",
    "chaos.rs:5",
    "INSERT INTO writes (key) SELECT unnest($1::uuid[])",
    "uuid[]",
    "",
)
.copied(
    "COPY writes (key) FROM STDIN (FORMAT binary)",
    "INSERT INTO writes (key) VALUES ($1)",
);
static SLEEP: Statement<(f64,), ()> = Statement::new(
    "chaos::sleep",
    "chaos.rs:6",
    "SELECT pg_sleep($1)",
    "float8",
    "void",
);
/// What somebody left behind: a setting or a lock of a transaction, or the transaction itself.
static DIRT: Statement<(), String> = Statement::new(
    "chaos::dirt",
    "chaos.rs:7",
    "SELECT coalesce(nullif(current_setting('chaos.tenant', true), ''), '')
        || (SELECT string_agg(' lock', '') FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
            HAVING count(*) > 0 UNION ALL SELECT '' LIMIT 1)
        || CASE WHEN pg_current_xact_id_if_assigned() IS NULL THEN '' ELSE ' transaction' END","","text");

static LEFT_BEHIND: Statement<(), String> = Statement::new(
    "chaos::left_behind",
    "chaos.rs:8",
    "SELECT set_config('chaos.tenant', 'left behind', false)",
    "",
    "text",
);

#[derive(Debug)]
struct Item {
    id: i64,
    label: String,
}

sqlmill_runtime::row! { Item { id, label } }

/// Numbers that are the same with the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn key(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.next(), self.next())
    }
}

/// What the writer of a key was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Done,
    Refused,
    Unknown,
}

/// What is made wrong once, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Injected {
    /// A write is acknowledged and not made.
    Lost,
    /// It is made twice.
    Doubled,
    /// It was refused, and is made all the same.
    Refused,
    /// A read gives another row.
    Row,
    /// One of a list is left out.
    Skipped,
    /// A transaction is never ended.
    Leaked,
    /// A setting stays on a connection of the pool.
    Dirty,
    /// A step never ends.
    Hang,
}

/// By the names that `--inject` takes, with what has to be told of each.
const INJECTED: [(&str, Injected, &str); 8] = [
    (
        "lost",
        Injected::Lost,
        " was told Done and is there 0 times",
    ),
    (
        "doubled",
        Injected::Doubled,
        " was told Done and is there 2 times",
    ),
    (
        "refused",
        Injected::Refused,
        " was told Refused and is there 1 times",
    ),
    ("row", Injected::Row, "item "),
    ("skipped", Injected::Skipped, "instead of item "),
    ("leaked", Injected::Leaked, "leaked: "),
    (
        "dirty",
        Injected::Dirty,
        "a connection is dirty: left behind",
    ),
    ("hang", Injected::Hang, "a step hangs"),
];

#[derive(Default)]
struct World {
    inject: Option<Injected>,
    injected: AtomicBool,
    stop: AtomicBool,
    ledger: Mutex<HashMap<Uuid, Told>>,
    counts: Mutex<BTreeMap<String, u64>>,
    faults: Mutex<Vec<String>>,
    steps: AtomicU64,
}

impl World {
    fn count(&self, what: impl Into<String>) {
        *self.counts.lock().unwrap().entry(what.into()).or_default() += 1;
    }

    fn fault(&self, what: String) {
        self.faults.lock().unwrap().push(what);
    }

    fn note(&self, keys: &[Uuid], told: Told) {
        let mut ledger = self.ledger.lock().unwrap();
        for key in keys {
            ledger.insert(*key, told);
        }
    }

    /// Is this to be made wrong, now?
    fn injects(&self, what: Injected) -> bool {
        self.inject == Some(what) && !self.injected.swap(true, Ordering::SeqCst)
    }

    /// How long to wait for what should have happened. What is wrong on purpose is not worth a minute.
    fn patience(&self, otherwise: Duration) -> Duration {
        match self.inject {
            Some(_) => Duration::from_secs(3),
            None => otherwise,
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// An error that the chaos explains.
    fn expected(&self, error: &Error) {
        self.count(format!("error {:?}", error.kind()));
        let explained = match error.kind() {
            ErrorKind::ConnectionLost
            | ErrorKind::Connect
            | ErrorKind::PoolExhausted
            | ErrorKind::Retryable
            | ErrorKind::OutcomeUnknown
            | ErrorKind::Transaction => true,
            // Only of what reads the table whose type changes, and only in a transaction.
            ErrorKind::SchemaChanged => error.query().is_some_and(|name| name.contains("item")),
            _ => false,
        };
        if !explained {
            self.fault(format!("an error that nothing explains: {error}"));
        }
    }
}

fn told<T>(outcome: &Result<T>) -> Told {
    match outcome {
        Ok(_) => Told::Done,
        Err(error) => match error.kind() {
            ErrorKind::ConnectionLost | ErrorKind::OutcomeUnknown | ErrorKind::Timeout => {
                Told::Unknown
            }
            _ => Told::Refused,
        },
    }
}

async fn item(world: &World, db: &impl Reader, id: u64) -> Result<()> {
    let asked = if world.injects(Injected::Row) {
        id % ITEMS + 1
    } else {
        id
    };
    let found = Optional::new(db, &ITEM, (asked as i64,)).await?;
    if found.as_deref() != Some(format!("label {id}").as_str()) {
        world.fault(format!("item {id} is {found:?}"));
    }
    Ok(())
}

async fn items(world: &World, db: &impl Reader, from: u64, until: u64) -> Result<()> {
    let mut rows = Many::new(db, &ITEMS_FROM, (from as i64,)).stream();
    let mut expected = from;
    if from < ITEMS && world.injects(Injected::Skipped) {
        rows.next().await;
    }
    while let Some(row) = rows.next().await {
        let row = row?;
        if row.id != expected as i64 || row.label != format!("label {expected}") {
            world.fault(format!("instead of item {expected} came {row:?}"));
        }
        expected += 1;
        if expected == until {
            // The rest is left unread.
            return Ok(());
        }
    }
    if expected != ITEMS + 1 {
        world.fault(format!("the items from {from} ended before {expected}"));
    }
    Ok(())
}

/// Money from one account to another, and a key for the ledger.
async fn transfer(
    db: &Database,
    key: Uuid,
    from: u64,
    to: u64,
    amount: u64,
    pause: u64,
) -> Result<()> {
    let amount = amount as i64;
    db.retry(3)
        .transaction(move |tx| async move {
            tx.set_local("chaos.tenant", "somebody").await?;
            tx.advisory_lock(key.as_u64_pair().0 as i64).await?;
            Execute::new(&tx, &MOVE, (from as i64, -amount)).await?;
            if pause != 0 {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            let (moved, written) = tokio::join!(
                Execute::new(&tx, &MOVE, (to as i64, amount)),
                Execute::new(&tx, &WRITE, (key,))
            );
            moved?;
            written?;
            if pause % 3 == 1 {
                let nested = tx.savepoint().await?;
                Execute::new(&nested, &MOVE, (to as i64, 1)).await?;
                drop(nested);
            }
            Ok(())
        })
        .await
}

/// One step of a worker. What it writes stands in the ledger as unknown before, so that a step that is dropped is accounted for.
async fn step(world: &World, db: &Database, mut random: Random) {
    if world.injects(Injected::Hang) {
        std::future::pending::<()>().await;
    }
    if world.injects(Injected::Leaked) {
        std::mem::forget(db.begin().await);
    }
    if world.injects(Injected::Dirty) {
        One::new(db, &LEFT_BEHIND, ()).await.expect("a setting");
    }
    let outcome = match random.below(10) {
        0..=2 => item(world, db, 1 + random.below(ITEMS)).await,
        // In a transaction a changed type is an error.
        3 => {
            let id = 1 + random.below(ITEMS);
            db.read_only()
                .transaction(|tx| async move {
                    item(world, &tx, id).await?;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    item(world, &tx, id).await
                })
                .await
        }
        4 => items(world, db, 1 + random.below(ITEMS), 2 + random.below(ITEMS)).await,
        5 => {
            // As many as go by COPY, now and then.
            let count = if random.below(30) == 0 { 5_000 } else { 50 };
            let rows: Vec<(Uuid,)> = (0..count).map(|_| (random.key(),)).collect();
            let keys: Vec<Uuid> = rows.iter().map(|(key,)| *key).collect();
            world.note(&keys, Told::Unknown);
            let outcome = BulkExecute::new(db, &WRITE_ALL, &rows).await;
            world.note(&keys, told(&outcome));
            if count > 50 {
                world.count(format!("by COPY: {:?}", told(&outcome)));
            }
            outcome.map(drop)
        }
        6 => {
            let key = random.key();
            world.note(&[key], Told::Unknown);
            let mut outcome = Ok(1);
            if !world.injects(Injected::Lost) {
                outcome = Execute::new(db, &WRITE, (key,)).await;
            }
            if outcome.is_ok() && world.injects(Injected::Doubled) {
                outcome = Execute::new(db, &WRITE, (key,)).await;
            }
            world.note(&[key], told(&outcome));
            if outcome.is_ok() && world.injects(Injected::Refused) {
                world.note(&[key], Told::Refused);
            }
            outcome.map(drop)
        }
        7 | 8 => {
            let (key, from) = (random.key(), 1 + random.below(ACCOUNTS));
            let to = 1 + from % ACCOUNTS;
            world.note(&[key], Told::Unknown);
            let (amount, pause) = (random.below(10), random.below(20).saturating_sub(12));
            let outcome = transfer(db, key, from, to, amount, pause).await;
            // COMMIT was not sent, or was refused, unless it says otherwise.
            let told = match &outcome {
                Err(error) if error.kind() == ErrorKind::ConnectionLost => Told::Refused,
                outcome => told(outcome),
            };
            world.note(&[key], told);
            outcome
        }
        _ => match One::new(db, &DIRT, ()).await {
            Ok(dirt) if dirt.is_empty() => Ok(()),
            Ok(dirt) => {
                world.fault(format!("a connection is dirty: {dirt}"));
                Ok(())
            }
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(()) => world.count("steps that succeeded"),
        Err(error) => world.expected(&error),
    }
}

async fn worker(world: Arc<World>, db: Database, mut random: Random) {
    while !world.stopped() {
        world.steps.fetch_add(1, Ordering::Relaxed);
        let step = step(&world, &db, Random(random.next() | 1));
        // What is wrong on purpose is not dropped.
        if world.inject.is_none() && random.below(5) == 0 {
            let patience = Duration::from_micros(random.below(15_000));
            if tokio::time::timeout(patience, step).await.is_err() {
                world.count("futures dropped");
            }
        } else if tokio::time::timeout(world.patience(HANG), step)
            .await
            .is_err()
        {
            world.fault("a step hangs".to_owned());
            return;
        }
        if random.below(40) == 0 {
            // Holds a connection for nothing: the pool is small.
            let nap = One::new(&db, &SLEEP, (0.1,)).await;
            if let Err(error) = nap {
                world.expected(&error);
            }
        }
    }
}

/// Breaks things, on connections of its own.
async fn breaker(world: Arc<World>, admin: Database, mut random: Random) {
    static KILL: Statement<(i64,)> = Statement::new(
        "breaker::kill",
        "chaos.rs:20",
        "SELECT FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chaos'
         ORDER BY md5(pid::text || $1) LIMIT 4) AS killed","int8","");
    static WIDER: Statement<()> = Statement::new(
        "breaker::wider",
        "chaos.rs:21",
        "ALTER TABLE items ALTER label TYPE text",
        "",
        "",
    );
    static NARROWER: Statement<()> = Statement::new(
        "breaker::narrower",
        "chaos.rs:22",
        "ALTER TABLE items ALTER label TYPE varchar(40)",
        "",
        "",
    );
    static BACKEND: Statement<(), i32> = Statement::new(
        "breaker::backend",
        "chaos.rs:23",
        "SELECT pg_backend_pid()",
        "",
        "int4",
    );
    let mut crash = Instant::now() + Duration::from_secs(2);
    while !world.stopped() {
        tokio::time::sleep(Duration::from_millis(20 + random.below(150))).await;
        let done = match random.below(3) {
            _ if Instant::now() >= crash => {
                crash = Instant::now() + Duration::from_secs(6);
                match One::new(&admin, &BACKEND, ()).await {
                    // The server ends all its sessions and recovers.
                    Ok(pid) => {
                        let killed = std::process::Command::new("kill")
                            .args(["-KILL", &pid.to_string()])
                            .status();
                        world.count("server crashes");
                        killed.map(drop).map_err(|error| panic!("kill: {error}"))
                    }
                    Err(error) => Err(error),
                }
            }
            0 | 1 => {
                world.count("times backends were killed");
                Execute::new(&admin, &KILL, (random.next() as i64,))
                    .await
                    .map(drop)
            }
            _ => {
                world.count("changes of a result type");
                let change = if random.below(2) == 0 {
                    &WIDER
                } else {
                    &NARROWER
                };
                Execute::new(&admin, change, ()).await.map(drop)
            }
        };
        if done.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().expect("a number"))
}

#[test]
fn nothing_is_lost_doubled_or_left_behind() {
    let seconds = setting("SQLMILL_CHAOS_SECONDS", 5);
    let seed = setting("SQLMILL_CHAOS_SEED", 1);
    let inject = std::env::var("SQLMILL_CHAOS_INJECT").ok().map(|name| {
        let found = INJECTED.iter().find(|(known, _, _)| *known == name);
        found
            .map(|(_, injected, _)| *injected)
            .expect("a fault that can be injected")
    });
    println!("chaos: {seconds} s, seed {seed}");
    let (world, faults) = world(seconds, seed, inject);
    for (what, count) in world.counts.lock().unwrap().iter() {
        println!("{count:>9}  {what}");
    }
    let first = faults.iter().take(10).cloned().collect::<Vec<_>>();
    assert!(
        faults.is_empty(),
        "seed {seed}, {} faults:\n{}",
        faults.len(),
        first.join("\n")
    );
}

#[test]
fn each_fault_is_found() {
    for (name, inject, expected) in INJECTED {
        let (world, faults) = world(1, 1, Some(inject));
        assert!(world.injected.load(Ordering::SeqCst), "{name} was not made");
        assert!(
            faults.iter().any(|fault| fault.contains(expected)),
            "{name}: {faults:?}"
        );
        let unrelated = ["an error that nothing explains"];
        assert!(
            !faults
                .iter()
                .any(|fault| unrelated.iter().any(|text| fault.contains(text))),
            "{name}: {faults:?}"
        );
    }
}

/// The world when all is over, and what was wrong. Where something is made wrong, nothing else breaks.
fn world(seconds: u64, seed: u64, inject: Option<Injected>) -> (Arc<World>, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let world = Arc::new(World {
        inject,
        ..World::default()
    });
    runtime.block_on(run(Arc::clone(&world), seconds, seed));
    // What hangs, hangs in a task.
    runtime.shutdown_background();
    let faults = world.faults.lock().unwrap().clone();
    (world, faults)
}

async fn run(world: Arc<World>, seconds: u64, seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let scratch = TestDatabase::new(SCHEMA);
    let db = Database::builder()
        .application_name("chaos")
        .pool_size(POOL)
        .acquire_timeout(Duration::from_secs(3))
        // A crash of the server must lose nothing that was acknowledged.
        .setting("synchronous_commit", "on")
        .connect(&scratch.url())
        .await
        .unwrap();
    let admin = Database::builder()
        .pool_size(1)
        .shared_connections(0)
        .lock_timeout(Duration::from_millis(500))
        .connect(&scratch.url())
        .await
        .unwrap();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..WORKERS {
        let random = Random(random.next() | 1);
        workers.spawn(worker(Arc::clone(&world), db.clone(), random));
    }
    let random = Random(random.next() | 1);
    let breaking = (world.inject.is_none())
        .then(|| breaker(Arc::clone(&world), admin.clone(), random))
        .map(tokio::spawn);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    world.stop.store(true, Ordering::SeqCst);
    let ended = tokio::time::timeout(HANG, async {
        while let Some(worker) = workers.join_next().await {
            worker.expect("a worker panicked");
        }
        if let Some(breaking) = breaking {
            breaking.await.expect("the breaker panicked");
        }
    });
    if ended.await.is_err() {
        return world.fault("the workers do not end".to_owned());
    }
    settle(&world, &db, &admin).await;
    audit(&world, &admin).await;
}

/// Asks until the server is there again.
async fn eventually<T, F: Future<Output = Result<T>>>(ask: impl Fn() -> F) -> T {
    let end = Instant::now() + HANG;
    loop {
        match ask().await {
            Ok(value) => return value,
            Err(error) => assert!(
                Instant::now() < end,
                "the server does not come back: {error}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Is every connection back, and every session without a transaction? Does the pool still give them all?
async fn settle(world: &World, db: &Database, admin: &Database) {
    static OPEN: Statement<(), i64> = Statement::new(
        "chaos::open",
        "chaos.rs:30",
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'chaos' AND state <> 'idle'",
        "",
        "int8",
    );
    static SESSIONS: Statement<(), i64> = Statement::new(
        "chaos::sessions",
        "chaos.rs:31",
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'chaos'",
        "",
        "int8",
    );
    let end = Instant::now() + world.patience(Duration::from_secs(20));
    loop {
        let status = db.pool_status();
        let open = eventually(|| One::new(admin, &OPEN, ())).await;
        if status.open == status.idle && status.waiting == 0 && open == 0 {
            break;
        }
        if Instant::now() >= end {
            world.fault(format!("leaked: {status:?}, sessions at work: {open}"));
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Each of them, all at once.
    let mut transactions = Vec::new();
    let leaked = usize::from(world.inject == Some(Injected::Leaked));
    for _ in leaked..POOL {
        let tx = eventually(|| db.begin()).await;
        if let Err(error) = item(world, &tx, 1).await {
            world.expected(&error);
        }
        transactions.push(tx);
    }
    drop(transactions);
    for _ in 0..4 * POOL {
        match One::new(db, &DIRT, ()).await {
            Ok(dirt) if dirt.is_empty() => {}
            outcome => world.fault(format!("when all was over: {outcome:?}")),
        }
    }
    if tokio::time::timeout(world.patience(HANG), db.close())
        .await
        .is_err()
    {
        world.fault("close does not end".to_owned());
    }
    let end = Instant::now() + world.patience(Duration::from_secs(10));
    while eventually(|| One::new(admin, &SESSIONS, ())).await != 0 {
        if Instant::now() >= end {
            world.fault("sessions are left when all is closed".to_owned());
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Holds the tables against the ledger.
async fn audit(world: &World, admin: &Database) {
    static WRITTEN: Statement<(), Uuid> = Statement::new(
        "chaos::written",
        "chaos.rs:40",
        "SELECT key FROM writes",
        "",
        "uuid",
    );
    static MONEY: Statement<(), i64> = Statement::new(
        "chaos::money",
        "chaos.rs:41",
        "SELECT sum(balance)::bigint FROM accounts",
        "",
        "int8",
    );
    let mut written: HashMap<Uuid, u32> = HashMap::new();
    for key in eventually(|| Many::new(admin, &WRITTEN, ())).await {
        *written.entry(key).or_default() += 1;
    }
    let ledger = world.ledger.lock().unwrap().clone();
    for (key, told) in &ledger {
        let times = written.remove(key).unwrap_or_default();
        match (told, times) {
            (Told::Done, 1) | (Told::Refused, 0) | (Told::Unknown, 0 | 1) => {
                world.count(format!("writes {told:?}, in the table {times}"));
            }
            _ => world.fault(format!(
                "{key} was told {told:?} and is there {times} times"
            )),
        }
    }
    if !written.is_empty() {
        world.fault(format!("{} keys are in no ledger", written.len()));
    }
    let money = eventually(|| One::new(admin, &MONEY, ())).await;
    if money != (ACCOUNTS * 1000) as i64 {
        world.fault(format!("there is {money} in all"));
    }
    world.count("audits");
}
