//! Futures that are left at every point where they can be: all of an operation is there or nothing, and what is around it goes on.
//!
//! Each trial polls one operation so many times, then drops it or keeps it without polling it again, and looks what is there. Operations are in a
//! table, and so are the ways in which they are left; every operation is left in every way.

mod operations;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use sqlmill_runtime::{
    Database, ErrorKind, Heard, Isolation, Reader, Replica, Result, Transaction,
};
use tokio::task::JoinSet;

use crate::support::TestDatabase;
use operations::{
    Ledger, Operation, Place, Running, SCHEMA, add, apart, find, is_nested_open, ledger,
    left_behind, many, on_a_database, on_a_replica, refused_here, within,
};

/// How a future is left.
#[derive(Debug, Clone, Copy)]
struct Way {
    polls: u32,
    between: Between,
    end: End,
}

/// What happens between two polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    /// The tasks of the runtime run; the server has hardly answered.
    Tasks,
    /// The server answers.
    Answers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Dropped right after the last poll.
    Dropped,
    /// Dropped when the answer to it is there.
    Answered,
    /// Kept until others have gone on.
    Kept,
}

const STYLES: &[(Between, End)] = &[
    (Between::Answers, End::Dropped),
    (Between::Answers, End::Answered),
    (Between::Answers, End::Kept),
    (Between::Tasks, End::Dropped),
];
const DROPPED_OR_KEPT: &[(Between, End)] = &[
    (Between::Answers, End::Dropped),
    (Between::Answers, End::Kept),
];
const DROPPED: &[(Between, End)] = &[(Between::Answers, End::Dropped)];
const KEPT: &[(Between, End)] = &[(Between::Answers, End::Kept)];

/// So many polls are enough for every operation to end, where the server answers between them.
const MOST: u32 = 200;

/// The others are left after so many at most.
const FEW: u32 = 6;

/// Every way, as long as the operation has not ended.
struct Ways {
    styles: &'static [(Between, End)],
    polls: u32,
}

impl Ways {
    fn new(styles: &'static [(Between, End)]) -> Self {
        Self { styles, polls: 0 }
    }

    fn now(&self) -> Option<Way> {
        let &(between, end) = self.styles.first()?;
        Some(Way {
            polls: self.polls,
            between,
            end,
        })
    }

    fn next(&mut self, ended: bool) {
        let Some(((between, _), rest)) = self.styles.split_first() else {
            return;
        };
        assert!(ended || self.polls < MOST, "it does not end");
        if ended || *between == Between::Tasks && self.polls >= FEW {
            self.styles = rest;
            // What was never polled was left already.
            self.polls = 1;
        } else {
            self.polls += 1;
        }
    }
}

enum Left<'a> {
    Ended(Result<()>),
    Panicked,
    Dropped,
    Kept(Running<'a>),
}

impl Left<'_> {
    fn has_ended(&self) -> bool {
        matches!(self, Self::Ended(_) | Self::Panicked)
    }

    /// What was kept until now is dropped.
    fn let_go(self) -> Left<'static> {
        match self {
            Self::Ended(outcome) => Left::Ended(outcome),
            Self::Panicked => Left::Panicked,
            Self::Dropped | Self::Kept(_) => Left::Dropped,
        }
    }
}

/// Time for an answer to arrive.
async fn answers() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<Poll<F::Output>> {
    std::future::poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            std::pin::Pin::new(&mut *future).poll(cx)
        }));
        Poll::Ready(polled.ok())
    })
    .await
}

async fn leave(mut future: Running<'_>, way: Way) -> Left<'_> {
    for number in 0..way.polls {
        match way.between {
            _ if number == 0 => {}
            Between::Tasks => tokio::task::yield_now().await,
            Between::Answers => answers().await,
        }
        match poll_once(&mut future).await {
            Some(Poll::Ready(outcome)) => return Left::Ended(outcome),
            Some(Poll::Pending) => {}
            None => return Left::Panicked,
        }
    }
    match way.end {
        End::Dropped => {}
        End::Answered => answers().await,
        End::Kept => return Left::Kept(future),
    }
    Left::Dropped
}

/// Fails a trial that hangs.
async fn soon<F: Future>(future: F) -> F::Output {
    let limit = Duration::from_secs(10);
    let soon = tokio::time::timeout(limit, future).await;
    soon.expect("it takes too long")
}

/// Of the rows of an operation that was left so.
fn check<H>(operation: &Operation<H>, way: Way, left: &Left<'_>, found: i64) {
    let all = operation.rows;
    let fits = match left {
        Left::Ended(Ok(())) => found == all,
        Left::Ended(Err(error)) => {
            assert!(operation.refused, "{error}");
            found == 0
        }
        Left::Dropped | Left::Kept(_) if way.polls == 0 => found == 0,
        Left::Dropped | Left::Kept(_) | Left::Panicked => {
            found == 0 || found == all || operation.in_parts && found < all
        }
    };
    assert!(fits, "{found} of {all} rows are there");
}

/// Whoever is next on the connection finds it as if nothing had been.
async fn check_clean(db: &impl Reader) {
    assert_eq!(soon(left_behind(db)).await.unwrap(), "");
}

/// Says of a trial that fails which one it was.
struct Trial(String);

impl Trial {
    fn new<H>(operation: &Operation<H>, way: Way, with: impl fmt::Debug) -> Self {
        Self(format!("{}: {way:?}, {with:?}", operation.name))
    }

    fn mark(&self) -> &str {
        &self.0
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the trial was {}", self.0);
        }
    }
}

/// What becomes of the transaction that an operation was left in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoesOn,
    Commits,
    RollsBack,
    IsDropped,
}

const THEN: [Then; 4] = [
    Then::GoesOn,
    Then::Commits,
    Then::RollsBack,
    Then::IsDropped,
];

const NOTHING: Ledger = Ledger {
    before: 0,
    inside: 0,
    after: 0,
    nested: false,
};

/// The next statement on `tx`, after an operation that was left: the number of rows that it adds.
async fn go_on(
    tx: &Transaction,
    mark: &str,
    part: &str,
    operation: &Operation<Transaction>,
    kept: bool,
) -> i64 {
    match soon(add(tx, mark, part)).await {
        Ok(_) => 1,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Transaction, "{error}");
            let is_open = kept && is_nested_open(&error);
            assert!(is_open || operation.refused, "{error}");
            0
        }
    }
}

/// Ends `tx`, in which there are so many rows from after the operation, and looks what is there.
async fn end(
    db: &Database,
    tx: Transaction,
    then: Then,
    mark: &str,
    operation: &Operation<Transaction>,
    after: i64,
) -> Option<i64> {
    let committed = match then {
        Then::GoesOn | Then::Commits => match soon(tx.commit()).await {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Transaction, "{error}");
                assert!(operation.refused, "{error}");
                false
            }
        },
        Then::RollsBack => {
            soon(tx.rollback()).await.unwrap();
            false
        }
        Then::IsDropped => {
            drop(tx);
            false
        }
    };
    check_clean(db).await;
    let found = soon(ledger(db, mark)).await.unwrap();
    if !committed {
        assert_eq!(found, NOTHING);
        return None;
    }
    assert_eq!((found.before, found.after), (1, after));
    assert!(!found.nested, "a savepoint is left");
    Some(found.inside)
}

async fn begin(db: &Database, mark: &str) -> Transaction {
    let snapshot = db.isolation(Isolation::RepeatableRead);
    let tx = soon(snapshot.begin()).await.unwrap();
    soon(add(&tx, mark, "before")).await.unwrap();
    tx
}

async fn left_in_a_transaction(
    db: &Database,
    operation: &Operation<Transaction>,
    way: Way,
    then: Then,
    mark: &str,
) -> bool {
    let tx = begin(db, mark).await;
    let left = leave((operation.run)(&tx, mark), way).await;
    let mut after = 0;
    if matches!(left, Left::Kept(_)) {
        after += go_on(&tx, mark, "after", operation, true).await;
    }
    let left = left.let_go();
    if then == Then::GoesOn {
        after += go_on(&tx, mark, "after", operation, false).await;
    }
    if let Left::Ended(Err(error)) = &left {
        assert!(operation.refused, "{error}");
    }
    if let Some(inside) = end(db, tx, then, mark, operation, after).await {
        check(operation, way, &left, inside);
    }
    left.has_ended()
}

/// What becomes of the nested transaction that an operation was left in, before anything is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nested {
    Commits,
    RollsBack,
    IsDropped,
    /// Its own end is left half-way.
    HalfCommits,
    HalfRollsBack,
    StaysOpen,
}

const NESTED: [Nested; 6] = [
    Nested::Commits,
    Nested::RollsBack,
    Nested::IsDropped,
    Nested::HalfCommits,
    Nested::HalfRollsBack,
    Nested::StaysOpen,
];

async fn left_in_a_nested_one(
    db: &Database,
    operation: &Operation<Transaction>,
    way: Way,
    (nested_then, then): (Nested, Then),
    mark: &str,
) -> bool {
    let tx = begin(db, mark).await;
    let nested = soon(tx.savepoint()).await.unwrap();
    let left = leave((operation.run)(&nested, mark), way).await;
    if matches!(left, Left::Kept(_)) {
        go_on(&nested, mark, "between", operation, true).await;
    }
    let left = left.let_go();
    let ended = left.has_ended();
    // Whether its rows may be there, and whether they must not.
    let mut kept = false;
    let mut failed = false;
    match nested_then {
        Nested::Commits => match soon(nested.commit()).await {
            Ok(()) => kept = true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Transaction, "{error}");
                assert!(operation.refused, "{error}");
            }
        },
        Nested::RollsBack => soon(nested.rollback()).await.unwrap(),
        Nested::IsDropped => drop(nested),
        Nested::HalfCommits => {
            let mut commit: Running<'_> = Box::pin(nested.commit());
            let _ = poll_once(&mut commit).await;
            drop(commit);
            kept = true;
            failed = operation.refused;
        }
        Nested::HalfRollsBack => {
            let mut rollback: Running<'_> = Box::pin(nested.rollback());
            let _ = poll_once(&mut rollback).await;
        }
        Nested::StaysOpen => {
            let refused = soon(tx.commit()).await.unwrap_err();
            assert!(is_nested_open(&refused), "{refused}");
            check_clean(db).await;
            drop(nested);
            check_clean(db).await;
            assert_eq!(soon(ledger(db, mark)).await.unwrap(), NOTHING);
            return ended;
        }
    }
    let mut after = 0;
    let operation = &Operation {
        refused: failed,
        ..*operation
    };
    if then == Then::GoesOn {
        after += go_on(&tx, mark, "after", operation, false).await;
    }
    match end(db, tx, then, mark, operation, after).await {
        None => {}
        Some(inside) if kept => check(operation, way, &left, inside),
        Some(inside) => assert_eq!(inside, 0),
    }
    ended
}

/// An operation in the closure of a transaction, kept beyond the end of that.
async fn kept_past_the_end(
    db: &Database,
    operation: &Operation<Transaction>,
    way: Way,
    then: Then,
    nested: bool,
    mark: &str,
) -> bool {
    type Slot = Arc<Mutex<Option<Left<'static>>>>;
    async fn body(
        tx: Transaction,
        run: for<'a> fn(&'a Transaction, &'a str) -> Running<'a>,
        way: Way,
        then: Then,
        mark: String,
        slot: Slot,
    ) -> Result<()> {
        let tx = Arc::new(tx);
        let within = (Arc::clone(&tx), mark.clone());
        let left = leave(
            Box::pin(async move { run(&within.0, &within.1).await }),
            way,
        );
        let left = left.await;
        *slot.lock().unwrap() = Some(left);
        match then {
            Then::GoesOn => add(&*tx, &mark, "after").await.map(drop),
            Then::Commits => Ok(()),
            Then::RollsBack => refused_here(&*tx).await,
            Then::IsDropped => std::future::pending().await,
        }
    }
    let slot = Slot::default();
    let (run, own, place) = (operation.run, mark.to_owned(), Arc::clone(&slot));
    let snapshot = db.isolation(Isolation::RepeatableRead);
    let transaction = snapshot.transaction(|tx| async move {
        add(&tx, &own, "before").await?;
        match nested {
            false => body(tx, run, way, then, own, place).await,
            true => {
                let inner = own.clone();
                tx.transaction(|nested| body(nested, run, way, then, inner, place))
                    .await?;
                add(&tx, &own, "later").await.map(drop)
            }
        }
    });
    let mut transaction: Running<'_> = Box::pin(transaction);
    let outcome = soon(async {
        loop {
            tokio::select! {
                outcome = &mut transaction => break Some(outcome),
                () = answers() => {}
            }
            if then == Then::IsDropped && slot.lock().unwrap().is_some() {
                break None;
            }
        }
    });
    let outcome = outcome.await;
    drop(transaction);
    let left = slot.lock().unwrap().take().unwrap();
    // Nobody polls what was kept, and nobody waits for it.
    check_clean(db).await;
    let found = soon(ledger(db, mark)).await.unwrap();
    match outcome {
        Some(Ok(())) => {
            assert_eq!(found.before, 1);
            check(operation, way, &left, found.inside);
        }
        Some(Err(error)) => {
            assert_eq!(found, NOTHING);
            let open = is_nested_open(&error) && matches!(left, Left::Kept(_));
            assert!(
                then == Then::RollsBack || open || operation.refused,
                "{error}"
            );
        }
        None => assert_eq!(found, NOTHING),
    }
    let ended = left.has_ended();
    if let Left::Kept(mut kept) = left {
        // It has an end, too.
        let _ = soon(&mut kept).await;
        check_clean(db).await;
        assert_eq!(soon(ledger(db, mark)).await.unwrap(), found);
    }
    ended
}

/// An operation on a handle: alone on its only connection, or kept while others have another one.
async fn left_on_a_handle<H: Reader>(
    (one, two): (&H, &H),
    db: &Database,
    operation: &Operation<H>,
    way: Way,
    mark: &str,
) -> bool {
    let handle = match way.end {
        End::Kept => two,
        End::Dropped | End::Answered => one,
    };
    let left = leave((operation.run)(handle, mark), way).await;
    if let Left::Kept(_) = left {
        check_clean(handle).await;
        assert_eq!(soon(find(handle, 1)).await.unwrap(), Some(1));
    }
    let left = left.let_go();
    check_clean(handle).await;
    assert_eq!(soon(find(handle, 1)).await.unwrap(), Some(1));
    if let End::Kept = way.end {
        soon(async { tokio::join!(check_clean(handle), check_clean(handle)) }).await;
    }
    let found = soon(ledger(db, mark)).await.unwrap();
    check(operation, way, &left, found.inside);
    left.has_ended()
}

/// So many operations are tried at once.
const AT_ONCE: usize = 6;

/// All of them, or one in turn where that is enough.
fn some<T: Copy>(all: impl AsRef<[T]>, way: Way, few: bool) -> Vec<T> {
    let all = all.as_ref();
    let turn = way.polls as usize % all.len();
    let turns = all
        .iter()
        .enumerate()
        .filter(|(index, _)| !few || *index == turn);
    turns.map(|(_, one)| *one).collect()
}

/// All kinds of handles, but for what prepares anew each time.
fn kinds<H>(operation: &Operation<H>) -> &'static [Statements] {
    match operation.heavy {
        true => &[Statements::Prepared],
        false => &[
            Statements::Prepared,
            Statements::Unprepared,
            Statements::Unnamed,
        ],
    }
}

/// Runs a task for each operation.
async fn each<H: 'static, F>(operations: Vec<Operation<H>>, trials: impl Fn(Operation<H>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut failed = 0;
    for operation in operations {
        if running.len() >= AT_ONCE {
            failed += usize::from(running.join_next().await.unwrap().is_err());
        }
        running.spawn(trials(operation));
    }
    while let Some(ended) = running.join_next().await {
        failed += usize::from(ended.is_err());
    }
    assert_eq!(failed, 0, "so many operations leave what they must not");
}

fn scratch() -> Arc<TestDatabase> {
    Arc::new(TestDatabase::new(SCHEMA))
}

/// How a handle has its statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Statements {
    Prepared,
    /// The cache holds one, so that nearly every call prepares its own.
    Unprepared,
    /// As through a transaction pooler.
    Unnamed,
}

impl Statements {
    /// In which ways operations are left. What is not prepared waits more often, and what has no name differs only below.
    fn styles(self) -> &'static [(Between, End)] {
        match self {
            Self::Prepared => STYLES,
            Self::Unprepared => DROPPED_OR_KEPT,
            Self::Unnamed => DROPPED,
        }
    }
}

/// With so many connections.
async fn connect(scratch: &TestDatabase, connections: usize, statements: Statements) -> Database {
    let builder = Database::builder()
        .pool_size(connections)
        .shared_connections(1);
    let builder = match statements {
        Statements::Prepared => builder,
        Statements::Unprepared => builder
            .statement_cache(1)
            .commit_timeout(Duration::from_secs(60)),
        Statements::Unnamed => builder.transaction_pooler(true),
    };
    builder.connect(&scratch.url()).await.unwrap()
}

#[tokio::test]
async fn in_a_transaction() {
    let scratch = scratch();
    each(within(), |operation| {
        let scratch = Arc::clone(&scratch);
        async move {
            for &statements in kinds(&operation) {
                let db = connect(&scratch, 1, statements).await;
                let mut ways = Ways::new(statements.styles());
                while let Some(way) = ways.now() {
                    let mut ended = false;
                    let few = operation.heavy || statements != Statements::Prepared;
                    for then in some(THEN, way, few) {
                        let trial = Trial::new(&operation, way, (then, statements));
                        ended =
                            left_in_a_transaction(&db, &operation, way, then, trial.mark()).await;
                    }
                    ways.next(ended);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn in_a_nested_transaction() {
    let scratch = scratch();
    each(within(), |operation| {
        let scratch = Arc::clone(&scratch);
        async move {
            let db = connect(&scratch, 1, Statements::Prepared).await;
            let mut ways = Ways::new(STYLES);
            while let Some(way) = ways.now() {
                let mut ended = false;
                for nested in some(NESTED, way, operation.heavy) {
                    let next = way.polls + nested as u32;
                    let outer = Way { polls: next, ..way };
                    for then in some([Then::GoesOn, Then::Commits, Then::RollsBack], outer, true) {
                        let ends = (nested, then);
                        let trial = Trial::new(&operation, way, ends);
                        ended =
                            left_in_a_nested_one(&db, &operation, way, ends, trial.mark()).await;
                    }
                }
                ways.next(ended);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn beyond_the_end_of_a_closure() {
    let scratch = scratch();
    let no_panics = within()
        .into_iter()
        .filter(|one| !one.name.contains("panic"));
    each(no_panics.collect(), |operation| {
        let scratch = Arc::clone(&scratch);
        async move {
            for &statements in kinds(&operation) {
                let db = connect(&scratch, 1, statements).await;
                let mut ways = Ways::new(KEPT);
                while let Some(way) = ways.now() {
                    let mut ended = false;
                    let few = operation.heavy || statements != Statements::Prepared;
                    for then in some(THEN, way, few) {
                        for nested in [false, true] {
                            let trial = Trial::new(&operation, way, (then, nested, statements));
                            ended =
                                kept_past_the_end(&db, &operation, way, then, nested, trial.mark())
                                    .await;
                        }
                    }
                    ways.next(ended);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn on_a_handle_that_writes() {
    let scratch = scratch();
    each(on_a_database(), |operation| {
        let scratch = Arc::clone(&scratch);
        async move {
            for &statements in kinds(&operation) {
                let one = connect(&scratch, 1, statements).await;
                let two = connect(&scratch, 4, statements).await;
                let mut ways = Ways::new(statements.styles());
                while let Some(way) = ways.now() {
                    let trial = Trial::new(&operation, way, statements);
                    let ended =
                        left_on_a_handle((&one, &two), &one, &operation, way, trial.mark()).await;
                    ways.next(ended);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn on_a_handle_that_reads() {
    let scratch = scratch();
    each(on_a_replica(), |operation| {
        let scratch = Arc::clone(&scratch);
        async move {
            let db = connect(&scratch, 1, Statements::Prepared).await;
            let builder = || Replica::builder().shared_connections(1);
            let url = scratch.url();
            let one = builder().pool_size(1).connect_replica(&url).await.unwrap();
            let two = builder().pool_size(2).connect_replica(&url).await.unwrap();
            let mut ways = Ways::new(STYLES);
            while let Some(way) = ways.now() {
                let trial = Trial::new(&operation, way, "replica");
                let ended =
                    left_on_a_handle((&one, &two), &db, &operation, way, trial.mark()).await;
                ways.next(ended);
            }
        }
    })
    .await;
}

/// Those that wait for the only connection, and those that were given it and do not know yet.
#[tokio::test]
async fn in_the_queue() {
    let scratch = scratch();
    each(on_a_database(), |operation| {
        let scratch = Arc::clone(&scratch);
        async move {
            let db = connect(&scratch, 1, Statements::Prepared).await;
            for given in [false, true] {
                let held = soon(db.begin()).await.unwrap();
                let way = Way {
                    polls: 1,
                    between: Between::Answers,
                    end: End::Kept,
                };
                let trial = Trial::new(&operation, way, given);
                let left = leave((operation.run)(&db, trial.mark()), way).await;
                if given {
                    soon(held.rollback()).await.unwrap();
                    drop(left);
                } else {
                    drop(left);
                    soon(held.rollback()).await.unwrap();
                }
                check_clean(&db).await;
                let found = soon(ledger(&db, trial.mark())).await.unwrap();
                assert_eq!(found, NOTHING);
            }
        }
    })
    .await;
}

/// Those for which a connection is made.
#[tokio::test]
async fn while_a_connection_is_made() {
    let scratch = scratch();
    let db = connect(&scratch, 1, Statements::Prepared).await;
    let others =
        "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for operation in on_a_database() {
        if !["one", "begin, committed"].contains(&operation.name) {
            continue;
        }
        let mut ways = Ways::new(STYLES);
        while let Some(way) = ways.now() {
            scratch.run(&format!("SELECT pg_terminate_backend(pid) {others}"));
            while !scratch.run(&format!("SELECT 1 {others}")).is_empty() {
                answers().await;
            }
            // A process goes before its socket is closed.
            tokio::time::sleep(Duration::from_millis(10)).await;
            let trial = Trial::new(&operation, way, "without a connection");
            let left = leave((operation.run)(&db, trial.mark()), way)
                .await
                .let_go();
            check_clean(&db).await;
            let found = soon(ledger(&db, trial.mark())).await.unwrap();
            check(&operation, way, &left, found.inside);
            assert_eq!(db.pool_status().open, 1);
            ways.next(left.has_ended());
        }
    }
}

/// What has a connection of its own leaves none, and no lock.
#[tokio::test]
async fn apart_from_the_pool() {
    let scratch = scratch();
    let db = Database::builder().pool_size(1).shared_connections(0);
    let db = db.connect(&scratch.url()).await.unwrap();
    let place = Place {
        db,
        url: scratch.url(),
    };
    let left_over = "SELECT count(*) FROM pg_stat_activity a WHERE datname = current_database() AND pid <> pg_backend_pid()
                     UNION ALL SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
                     (SELECT oid FROM pg_database WHERE datname = current_database())";
    let only_the_pool = [[Some("1".to_owned())], [Some("0".to_owned())]];
    for operation in apart() {
        let mut ways = Ways::new(STYLES);
        while let Some(way) = ways.now() {
            let trial = Trial::new(&operation, way, "");
            let left = leave((operation.run)(&place, trial.mark()), way).await;
            if let Left::Kept(_) = left {
                // It may have the pool's connection.
                let other = Database::builder().pool_size(1).shared_connections(0);
                let other = soon(other.connect(&place.url)).await.unwrap();
                check_clean(&other).await;
            }
            let left = left.let_go();
            check_clean(&place.db).await;
            // The server learns of a closed socket a moment later.
            soon(async {
                while scratch.run(left_over) != only_the_pool {
                    answers().await;
                }
            })
            .await;
            check(&operation, way, &left, 0);
            ways.next(left.has_ended());
        }
    }
}

/// Dropping what waits for the next row or notification loses none.
#[tokio::test]
async fn between_rows_and_notifications() {
    let scratch = scratch();
    let db = connect(&scratch, 1, Statements::Prepared).await;
    let tx = db.begin().await.unwrap();
    let mut listener = scratch
        .connect()
        .await
        .unwrap()
        .listen(["ledger"])
        .await
        .unwrap();
    for polls in 1..4 {
        for waits in [false, true] {
            let mut rows = many(&tx, "rows").stream();
            let mut before = None;
            let mut number = 0;
            loop {
                let mut next = Box::pin(rows.next());
                let mut polled = Poll::Pending;
                for _ in 0..polls {
                    polled = poll_once(&mut next).await.unwrap();
                    if polled.is_ready() {
                        break;
                    }
                    if waits {
                        answers().await;
                    } else {
                        tokio::task::yield_now().await;
                    }
                }
                drop(next);
                let Poll::Ready(next) = polled else { continue };
                let Some(id) = next else { break };
                let id = id.unwrap();
                assert!(before.is_none_or(|before| before + 1 == id));
                (before, number) = (Some(id), number + 1);
            }
            assert_eq!(number, 100);
        }
    }
    tx.commit().await.unwrap();
    for number in 0..20 {
        let tx = db.begin().await.unwrap();
        tx.notify("ledger", &number.to_string()).await.unwrap();
        tx.commit().await.unwrap();
        if number % 2 == 0 {
            answers().await;
        }
        let mut next = Box::pin(listener.next());
        let polled = poll_once(&mut next).await.unwrap();
        drop(next);
        let heard = match polled {
            Poll::Ready(heard) => heard,
            Poll::Pending => soon(listener.next()).await,
        };
        let expected = Heard::Notification {
            channel: "ledger".to_owned(),
            payload: number.to_string(),
        };
        assert_eq!(heard, Some(expected));
    }
}

/// Whoever asks for a lock and leaves holds it on; it is gone only when it was given up.
#[tokio::test]
async fn while_a_lock_is_held() {
    let scratch = scratch();
    let db = connect(&scratch, 1, Statements::Prepared).await;
    for polls in 0..3 {
        for waits in [false, true] {
            let lock = soon(db.session_lock(1)).await.unwrap();
            let mut check = Box::pin(lock.check());
            for _ in 0..polls {
                let _ = poll_once(&mut check).await.unwrap();
                if waits {
                    answers().await;
                }
            }
            drop(check);
            soon(lock.check()).await.unwrap();
            assert!(soon(db.try_session_lock(1)).await.unwrap().is_none());
            let mut release = Box::pin(lock.release());
            if polls > 0 {
                assert!(poll_once(&mut release).await.unwrap().is_pending());
            }
            drop(release);
            soon(db.session_lock(1))
                .await
                .unwrap()
                .check()
                .await
                .unwrap();
            check_clean(&db).await;
        }
    }
}

/// Once it was polled the handle is closed, whoever waits for that.
#[tokio::test]
async fn while_a_handle_is_closed() {
    let scratch = scratch();
    for polls in 0..4 {
        for kept in [false, true] {
            let db = connect(&scratch, 2, Statements::Prepared).await;
            soon(find(&db, 1)).await.unwrap();
            let tx = begin(&db, &format!("closed {polls} {kept}")).await;
            let mut close = Box::pin(db.close());
            for _ in 0..polls {
                assert!(poll_once(&mut close).await.unwrap().is_pending());
                answers().await;
            }
            let close = kept.then_some(close);
            // What is open may end.
            soon(add(&tx, "closed", "after")).await.unwrap();
            soon(tx.commit()).await.unwrap();
            let asked = soon(find(&db, 1)).await;
            match polls {
                0 => assert_eq!(asked.unwrap(), Some(1)),
                _ => assert_eq!(asked.unwrap_err().kind(), ErrorKind::Closed),
            }
            soon(db.close()).await;
            drop(close);
            assert_eq!(soon(db.ping()).await.unwrap_err().kind(), ErrorKind::Closed);
            assert_eq!(db.pool_status().open, 0);
        }
    }
}
