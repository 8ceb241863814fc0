//! Calls on one connection, one after another: times, client CPU, allocations.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::contender::{Contender, Failure, PlainItem, PlainLine};
use crate::cornucopia_::Cornucopia;
use crate::diesel_::Diesel;
use crate::diesel_async_::DieselAsync;
use crate::hand::Hand;
use crate::ours::Ours;
use crate::sqlx_::Sqlx;

const ITEMS: i64 = 10_000;
const LINES: i64 = 5_000;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    ByKey,
    Rows(i64),
    Join,
    InsertOne,
    Insert(usize),
}

/// With how often it is done in one go, so that each takes some milliseconds.
const TASKS: [(&str, Task, usize); 7] = [
    ("by key", Task::ByKey, 400),
    ("100 rows", Task::Rows(100), 150),
    ("10,000 rows", Task::Rows(ITEMS), 4),
    ("join, 5,000", Task::Join, 4),
    ("insert 1", Task::InsertOne, 300),
    ("insert 100", Task::Insert(100), 60),
    ("insert 1,000", Task::Insert(1_000), 8),
];

struct Runner {
    name: &'static str,
    run: Box<dyn FnMut(Task, usize) -> Result<(), Failure>>,
}

/// The first is what the others are compared with.
fn runners(url: &str) -> Result<Vec<Runner>, Failure> {
    let runtime = Rc::new(Builder::new_current_thread().enable_all().build()?);
    Ok(vec![
        runner::<Hand>(&runtime, url)?,
        runner::<Ours>(&runtime, url)?,
        runner::<Cornucopia>(&runtime, url)?,
        runner::<Sqlx>(&runtime, url)?,
        runner::<Diesel>(&runtime, url)?,
        runner::<DieselAsync>(&runtime, url)?,
    ])
}

const NAMES: [&str; 6] = [
    Hand::NAME,
    Ours::NAME,
    Cornucopia::NAME,
    Sqlx::NAME,
    Diesel::NAME,
    DieselAsync::NAME,
];

/// Who there is and what they do, for `run`.
pub(crate) fn names() {
    println!("{}", NAMES.join("|"));
    println!("{}", TASKS.map(|(name, ..)| name).join("|"));
}

fn runner<C: Contender + 'static>(runtime: &Rc<Runtime>, url: &str) -> Result<Runner, Failure> {
    let mut contender = runtime.block_on(C::connect(url))?;
    runtime.block_on(check(&mut contender))?;
    let runtime = Rc::clone(runtime);
    let ids: Vec<i64> = (0..1_000).collect();
    let names: Vec<String> = ids.iter().map(|id| format!("name {id}")).collect();
    let run = move |task, times| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        runtime.block_on(async {
            for turn in 0..times {
                perform(&mut contender, task, turn, &ids, &names).await?;
            }
            Ok(())
        })
    };
    Ok(Runner {
        name: C::NAME,
        run: Box::new(run),
    })
}

async fn perform<C: Contender>(
    contender: &mut C,
    task: Task,
    turn: usize,
    ids: &[i64],
    names: &[&str],
) -> Result<(), Failure> {
    let (found, expected) = match task {
        Task::ByKey => {
            let item = contender.by_key(1 + turn as i64 % ITEMS).await?;
            (usize::from(item.is_some()), 1)
        }
        Task::Rows(last) => (contender.items(last).await?.len(), last as usize),
        Task::Join => (contender.lines().await?.len(), LINES as usize),
        Task::InsertOne => (
            contender.insert_one(ids[turn % 1_000], names[0]).await? as usize,
            1,
        ),
        Task::Insert(rows) => {
            let inserted = contender.insert_many(&ids[..rows], &names[..rows]).await?;
            (inserted as usize, rows)
        }
    };
    if found == expected {
        Ok(())
    } else {
        Err(format!("{}: {found} rows where {expected} are", C::NAME).into())
    }
}

/// Every value of every row, before anything is timed.
async fn check<C: Contender>(contender: &mut C) -> Result<(), Failure> {
    let same = |what: &str, is: bool| match is {
        true => Ok(()),
        false => Err(format!("{}: wrong rows for {what}", C::NAME)),
    };
    let found: Vec<PlainItem> = contender.items(ITEMS).await?.iter().map(C::plain).collect();
    let expected: Vec<PlainItem> = (1..=ITEMS).map(item).collect();
    same("the items", found == expected)?;
    let found = contender.by_key(77).await?.as_ref().map(C::plain);
    same("an item", found == Some(item(77)))?;
    same("no item", contender.by_key(ITEMS + 1).await?.is_none())?;
    let found: Vec<PlainLine> = contender.lines().await?.iter().map(C::plain_line).collect();
    let expected: Vec<PlainLine> = (1..=LINES).map(line).collect();
    same("the join", found == expected)?;
    same("an insert", contender.insert_one(1, "one").await? == 1)?;
    same(
        "inserts",
        contender.insert_many(&[2, 3], &["two", "three"]).await? == 2,
    )?;
    Ok(())
}

fn item(id: i64) -> PlainItem {
    let email = (id % 3 != 0).then(|| format!("user{id}@example.org"));
    (
        id,
        format!("item {id}"),
        email,
        (id % 100) as i32,
        id % 2 == 0,
    )
}

fn line(id: i64) -> PlainLine {
    (
        id,
        format!("title {id}"),
        format!("author {}", 1 + id % 100),
    )
}

/// The rows that [`item`] and [`line`] say.
pub(crate) fn fill(url: &str) -> Result<(), Failure> {
    admin(
        url,
        &format!(
            "TRUNCATE items, books, authors, entries;
             INSERT INTO items SELECT n, 'item ' || n, CASE WHEN n % 3 <> 0 THEN 'user' || n || '@example.org' END,
                 n % 100, n % 2 = 0
             FROM generate_series(1, {ITEMS}) AS n;
             INSERT INTO authors SELECT n, 'author ' || n FROM generate_series(1, 100) AS n;
             INSERT INTO books SELECT n, 1 + n % 100, 'title ' || n FROM generate_series(1, {LINES}) AS n;
             ANALYZE;"
        ),
    )
}

fn admin(url: &str, sql: &str) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        let driver = tokio::spawn(connection);
        client.batch_execute(sql).await?;
        drop(client);
        driver.await??;
        Ok(())
    })
}

/// One contender at one task, for a profiler.
pub(crate) fn run(url: &str, contender: &str, task: &str, times: usize) -> Result<(), Failure> {
    let (_, task, _) = TASKS
        .into_iter()
        .find(|(name, ..)| *name == task)
        .ok_or("no such task")?;
    let runtime = Rc::new(Builder::new_current_thread().enable_all().build()?);
    // A service has timers, and each wait looks at them. Some contenders bring one; so all have one.
    runtime.spawn(async { tokio::time::sleep(Duration::from_secs(3600)).await });
    let mut runner = match contender {
        Hand::NAME => runner::<Hand>(&runtime, url)?,
        Ours::NAME => runner::<Ours>(&runtime, url)?,
        Cornucopia::NAME => runner::<Cornucopia>(&runtime, url)?,
        Sqlx::NAME => runner::<Sqlx>(&runtime, url)?,
        Diesel::NAME => runner::<Diesel>(&runtime, url)?,
        DieselAsync::NAME => runner::<DieselAsync>(&runtime, url)?,
        _ => return Err("no such contender".into()),
    };
    (runner.run)(task, times)
}

/// Wall time and client CPU, each as the median of the ratios to the first contender in the same round.
pub(crate) fn times(url: &str, rounds: usize) -> Result<(), Failure> {
    let mut runners = runners(url)?;
    let count = runners.len();
    let mut cells = vec![vec![String::new(); TASKS.len()]; count];
    for (column, (_, task, times)) in TASKS.into_iter().enumerate() {
        let mut wall = vec![Vec::new(); count];
        let mut cpu = vec![Vec::new(); count];
        for runner in &mut runners {
            (runner.run)(task, times)?;
        }
        for round in 0..rounds {
            admin(url, "TRUNCATE entries")?;
            // Nobody is always behind the same one.
            for place in 0..count {
                let index = (place + round) % count;
                let (began, cpu_before) = (Instant::now(), cpu_time()?);
                (runners[index].run)(task, times)?;
                let took = began.elapsed();
                let worked = cpu_time()?.saturating_sub(cpu_before);
                wall[index].push(took.as_secs_f64());
                cpu[index].push(worked.as_secs_f64());
            }
        }
        let micros = |seconds: &[f64]| median(seconds.to_vec()) * 1e6 / times as f64;
        for index in 0..count {
            cells[index][column] = if index == 0 {
                format!("{:.1} / {:.1} µs", micros(&wall[0]), micros(&cpu[0]))
            } else {
                let ratio = |values: &[Vec<f64>]| {
                    let ratios = values[index].iter().zip(&values[0]).map(|(a, b)| a / b);
                    median(ratios.collect())
                };
                format!("{:.2} / {:.2}", ratio(&wall), ratio(&cpu))
            };
        }
    }
    table(&runners, &cells);
    Ok(())
}

/// Allocations of one call, in all threads: there is one.
#[cfg(feature = "allocations")]
pub(crate) fn allocations(url: &str) -> Result<(), Failure> {
    let mut runners = runners(url)?;
    let mut cells = vec![vec![String::new(); TASKS.len()]; runners.len()];
    for (column, (_, task, _)) in TASKS.into_iter().enumerate() {
        for (index, runner) in runners.iter_mut().enumerate() {
            const TIMES: usize = 20;
            (runner.run)(task, TIMES)?;
            let mut count = |times| {
                let mut outcome = Ok(());
                let counted = allocation_counter::measure(|| outcome = (runner.run)(task, times));
                outcome.map(|()| counted.count_total as f64)
            };
            // What starting takes is in both.
            let (few, many) = (count(TIMES)?, count(3 * TIMES)?);
            cells[index][column] = format!("{:.0}", (many - few) / (2 * TIMES) as f64);
        }
    }
    table(&runners, &cells);
    Ok(())
}

fn table(runners: &[Runner], cells: &[Vec<String>]) {
    let heads = TASKS.map(|(name, ..)| name).join(" | ");
    println!("| | {heads} |");
    println!("|---|{}", "---|".repeat(TASKS.len()));
    for (runner, cells) in runners.iter().zip(cells) {
        println!("| {} | {} |", runner.name, cells.join(" | "));
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Of this thread, as Linux counts it: nanoseconds on a processor come first.
pub(crate) fn cpu_time() -> Result<Duration, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().ok_or("an empty schedstat")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}
