//! What can be left half-way. Each operation writes rows that bear its trial's mark, or none.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlmill_runtime::types::{Array, Dimension};
use sqlmill_runtime::{
    AnyStatement, BulkExecute, BulkRows, Database, Error, Execute, Isolation, Many, One, Optional,
    ReadTransaction, Reader, Replica, Result, Rows, Scrolled, Statement, Transaction, Writer,
};

pub(super) const SCHEMA: &str = "
CREATE TABLE ledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mark text NOT NULL,
    part text NOT NULL CHECK (part <> 'refused'),
    cells int[]
);
CREATE INDEX ON ledger (mark);
CREATE PROCEDURE put(mark text) LANGUAGE sql AS $$ INSERT INTO ledger (mark, part) VALUES (mark, 'inside') $$;
CREATE FUNCTION conflict() RETURNS int LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$;
CREATE TABLE books (id bigint PRIMARY KEY);
INSERT INTO books SELECT generate_series(1, 10);
CREATE TABLE marks (mark text PRIMARY KEY);
CREATE TABLE late (mark text REFERENCES marks DEFERRABLE INITIALLY DEFERRED);
";

pub(super) type Running<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// Something that a program awaits, and may stop awaiting.
pub(super) struct Operation<H> {
    pub(super) name: &'static str,
    pub(super) run: for<'a> fn(&'a H, &'a str) -> Running<'a>,
    /// How many rows it writes.
    pub(super) rows: i64,
    /// Where it is left, some of them may be there.
    pub(super) in_parts: bool,
    /// The server refuses it, and so the transaction that it is in.
    pub(super) refused: bool,
    /// It is about many rows, so that there are fewer trials.
    pub(super) heavy: bool,
}

impl<H> Clone for Operation<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Operation<H> {}

const fn op<H>(
    name: &'static str,
    rows: i64,
    run: for<'a> fn(&'a H, &'a str) -> Running<'a>,
) -> Operation<H> {
    Operation {
        name,
        run,
        rows,
        in_parts: false,
        refused: false,
        heavy: false,
    }
}

impl<H> Operation<H> {
    const fn in_parts(mut self) -> Self {
        self.in_parts = true;
        self
    }

    const fn refused(mut self) -> Self {
        self.refused = true;
        self
    }

    const fn heavy(mut self) -> Self {
        self.heavy = true;
        self
    }
}

pub(super) fn add<'a>(
    db: &'a impl Writer,
    mark: &'a str,
    part: &'a str,
) -> One<'a, (&'a str, &'a str), i64> {
    One::new(db, &ADD, (mark, part))
}

static ADD: Statement<(&str, &str), i64> = Statement::new(
    "ledger::add",
    "queries/ledger.sql:1",
    "INSERT INTO ledger (mark, part) VALUES ($1, $2) RETURNING id",
    "text text",
    "int8",
);

fn put<'a>(db: &'a impl Writer, mark: &'a str) -> Execute<'a, (&'a str,)> {
    static PUT: Statement<(&str,)> = Statement::new(
        "ledger::put",
        "queries/ledger.sql:4",
        "INSERT INTO ledger (mark, part) VALUES ($1, 'inside')",
        "text",
        "",
    );
    Execute::new(db, &PUT, (mark,))
}

fn call<'a>(db: &'a impl Writer, mark: &'a str) -> Execute<'a, (&'a str,)> {
    static CALL: Statement<(&str,)> = Statement::new(
        "ledger::call",
        "queries/ledger.sql:7",
        "CALL put($1)",
        "text",
        "",
    );
    Execute::new(db, &CALL, (mark,))
}

/// A hundred rows.
pub(super) fn many<'a>(db: &'a impl Writer, mark: &'a str) -> Many<'a, (&'a str,), i64> {
    static MANY: Statement<(&str,), i64> = Statement::new(
        "ledger::many",
        "queries/ledger.sql:10",
        "INSERT INTO ledger (mark, part) SELECT $1, 'inside' FROM generate_series(1, 100) RETURNING id",
        "text",
        "int8",
    );
    Many::new(db, &MANY, (mark,))
}

fn add_in_time<'a>(db: &'a impl Writer, mark: &'a str) -> One<'a, (&'a str,), i64> {
    static IN_TIME: Statement<(&str,), i64> = Statement::new(
        "ledger::add_in_time",
        "queries/ledger.sql:13",
        "INSERT INTO ledger (mark, part) VALUES ($1, 'inside') RETURNING id",
        "text",
        "int8",
    )
    .timeout_ms(60_000);
    One::new(db, &IN_TIME, (mark,))
}

fn many_in_time<'a>(db: &'a impl Writer, mark: &'a str) -> Many<'a, (&'a str,), i64> {
    static IN_TIME: Statement<(&str,), i64> = Statement::new(
        "ledger::many_in_time",
        "queries/ledger.sql:16",
        "INSERT INTO ledger (mark, part) SELECT $1, 'inside' FROM generate_series(1, 10) RETURNING id",
        "text",
        "int8",
    )
    .timeout_ms(60_000);
    Many::new(db, &IN_TIME, (mark,))
}

fn conflict(db: &impl Reader) -> One<'_, (), i32> {
    static CONFLICT: Statement<(), i32> = Statement::new(
        "ledger::conflict",
        "queries/ledger.sql:19",
        "SELECT conflict()",
        "",
        "int4",
    );
    One::new(db, &CONFLICT, ())
}

/// Refused when it is committed.
fn add_late<'a>(db: &'a impl Writer, mark: &'a str) -> Execute<'a, (&'a str,)> {
    static LATE: Statement<(&str,)> = Statement::new(
        "ledger::add_late",
        "queries/ledger.sql:22",
        "INSERT INTO late (mark) VALUES ($1)",
        "text",
        "",
    );
    Execute::new(db, &LATE, (mark,))
}

pub(super) fn count(db: &impl Reader, mark: &str) -> impl Future<Output = Result<i64>> + Send {
    static COUNT: Statement<(String,), i64> = Statement::new(
        "ledger::count",
        "queries/ledger.sql:25",
        "SELECT count(*) FROM ledger WHERE mark = $1",
        "text",
        "int8",
    );
    One::new(db, &COUNT, (mark.to_owned(),))
}

pub(super) fn find(db: &impl Reader, id: i64) -> Optional<'_, (i64,), i64> {
    static FIND: Statement<(i64,), i64> = Statement::new(
        "books::find",
        "queries/books.sql:1",
        "SELECT id FROM books WHERE id = $1",
        "int8",
        "int8",
    )
    .shared();
    Optional::new(db, &FIND, (id,))
}

fn list(db: &impl Reader) -> Scrolled<'_, (), i64> {
    static LIST: Statement<(), i64> = Statement::new(
        "books::list",
        "queries/books.sql:4",
        "SELECT id FROM books ORDER BY id",
        "",
        "int8",
    )
    .paged(&LIST_PAGES);
    Scrolled::new(db, &LIST, ())
}

fn list_in_time(db: &impl Reader) -> Scrolled<'_, (), i64> {
    static LIST: Statement<(), i64> = Statement::new(
        "books::list_in_time",
        "queries/books.sql:7",
        "SELECT id FROM books ORDER BY id",
        "",
        "int8",
    )
    .timeout_ms(60_000)
    .paged(&LIST_PAGES);
    Scrolled::new(db, &LIST, ())
}

sqlmill_runtime::pages! {
    LIST_PAGES {
        order " ORDER BY id" {
            after ["\nWHERE page.id > " (0) "\nORDER BY page.id\nLIMIT " (1)],
            before ["\nWHERE page.id < " (0) "\nORDER BY page.id DESC\nLIMIT " (1)],
            keys "id int8" [0],
        }
    }
}

type Entry<'a> = (&'a str, &'a str);

const BULK: Statement<Rows<'_, Entry<'_>>> = Statement::new(
    "ledger::bulk",
    "queries/ledger.sql:34",
    "INSERT INTO ledger (mark, part) SELECT * FROM unnest($1::text[], $2::text[])",
    "text[] text[]",
    "",
)
.copied(
    r#"COPY ledger ("mark", "part") FROM STDIN (FORMAT binary)"#,
    "INSERT INTO ledger (mark, part) VALUES ($1, $2)",
)
.held(BULK_HELD);
sqlmill_runtime::held! {
    BULK_HELD
    1 "part" "public"."ledger" "part_length" "at most 20 characters": AtMost(20);
}

fn bulk<'a>(db: &'a impl Writer, rows: &'a [Entry<'a>]) -> BulkExecute<'a, Entry<'a>> {
    static PLAIN: Statement<Rows<'_, Entry<'_>>> = BULK;
    BulkExecute::new(db, &PLAIN, rows)
}

fn bulk_in_time<'a>(db: &'a impl Writer, rows: &'a [Entry<'a>]) -> BulkExecute<'a, Entry<'a>> {
    static IN_TIME: Statement<Rows<'_, Entry<'_>>> = BULK.timeout_ms(60_000);
    BulkExecute::new(db, &IN_TIME, rows)
}

type Cells<'a> = (&'a str, Array<i32>);

/// So few go in one statement that three hundred are three.
fn bulk_cells<'a>(db: &'a impl Writer, rows: &'a [Cells<'a>]) -> BulkRows<'a, Cells<'a>, i64> {
    static BULK: Statement<Rows<'_, Cells<'_>>, i64> = Statement::new(
        "ledger::bulk_cells",
        "queries/ledger.sql:37",
        "INSERT INTO ledger (mark, part, cells) SELECT bulk.p1, 'inside', ($2::int4[])[bulk.p3:bulk.p4] \
         FROM unnest($1::text[], $3::int4[], $4::int4[]) AS bulk (p1, p3, p4) RETURNING id",
        "text[] int4[] int4[] int4[]",
        "int8",
    )
    .arrays(&[1]);
    BulkRows::new(db, &BULK, rows)
}

fn entries(mark: &str, count: usize) -> Vec<Entry<'_>> {
    vec![(mark, "inside"); count]
}

fn cells(mark: &str, count: usize) -> Vec<Cells<'_>> {
    let two = [Dimension {
        length: 2,
        first: 1,
    }];
    let array = Array::new(two.to_vec(), vec![1, 2]).unwrap();
    vec![(mark, array); count]
}

/// A lock of the trial's own.
fn key(mark: &str) -> i64 {
    mark.bytes()
        .fold(7, |key, byte| key * 31 % 1_000_003 + i64::from(byte) * 2)
}

static KNOWN: &[&dyn AnyStatement] = &[&ADD];
static UNKNOWN: Statement<(), i32> = Statement::new(
    "ledger::unknown",
    "queries/ledger.sql:40",
    "SELECT unknown FROM ledger",
    "",
    "int4",
);

async fn verify(db: &impl Reader) -> Result<()> {
    if let Err(error) = sqlmill_runtime::verify(db, &[KNOWN], None).await {
        assert!(error.to_string().contains("it is over"), "{error}");
    }
    Ok(())
}

/// Of a query that the server does not know.
async fn verify_in_vain(db: &impl Reader) -> Result<()> {
    let error = sqlmill_runtime::verify(db, &[&[&UNKNOWN as &dyn AnyStatement]], None).await;
    error.unwrap_err();
    Ok(())
}

/// Calls, on any handle that writes.
pub(super) fn calls<H: Writer + 'static>() -> Vec<Operation<H>> {
    vec![
        op("one", 1, |db, mark| {
            Box::pin(async move { add(db, mark, "inside").await.map(drop) })
        }),
        op("optional", 1, |db, mark| {
            Box::pin(async move { add(db, mark, "inside").optional().await.map(drop) })
        }),
        op("execute", 1, |db, mark| {
            Box::pin(async move { put(db, mark).await.map(drop) })
        }),
        op("call", 1, |db, mark| {
            Box::pin(async move { call(db, mark).await.map(drop) })
        }),
        op("many", 100, |db, mark| {
            Box::pin(async move { many(db, mark).await.map(drop) })
        }),
        op("a part of a stream", 100, |db, mark| {
            Box::pin(async move {
                let mut stream = many(db, mark).stream();
                for _ in 0..3 {
                    stream.next().await.unwrap()?;
                }
                Ok(())
            })
        }),
        op("a stream to its end", 100, |db, mark| {
            Box::pin(async move {
                let mut stream = many(db, mark).stream();
                while let Some(row) = stream.next().await {
                    row?;
                }
                Ok(())
            })
        }),
        op("one in time", 1, |db, mark| {
            Box::pin(async move { add_in_time(db, mark).await.map(drop) })
        }),
        op("many in time", 10, |db, mark| {
            Box::pin(async move { many_in_time(db, mark).await.map(drop) })
        }),
        op("two at once", 101, |db, mark| {
            Box::pin(async move { tokio::try_join!(many(db, mark), put(db, mark)).map(drop) })
        })
        .in_parts(),
        op("refused", 0, |db, mark| {
            Box::pin(async move { add(db, mark, "refused").await.map(drop) })
        })
        .refused(),
        op("a panic in a row", 100, |db, mark| {
            Box::pin(async move {
                let map = |id: i64| assert_eq!(id, 0, "as the test wants");
                many(db, mark).map(map).await.map(drop)
            })
        }),
        op("bulk of one statement", 3, |db, mark| {
            Box::pin(async move { bulk(db, &entries(mark, 3)).await.map(drop) })
        }),
        op("bulk of several statements", 300, |db, mark| {
            Box::pin(async move { bulk_cells(db, &cells(mark, 300)).await.map(drop) })
        })
        .heavy(),
        op("bulk by copy", 4100, |db, mark| {
            Box::pin(async move { bulk(db, &entries(mark, 4100)).await.map(drop) })
        })
        .heavy(),
        op("bulk that is refused late", 0, |db, mark| {
            Box::pin(async move {
                let mut rows = entries(mark, 4100);
                rows[4000].1 = "refused";
                bulk_in_time(db, &rows).await.map(drop)
            })
        })
        .refused()
        .heavy(),
        op("a page", 0, |db, _| {
            Box::pin(async move { list(db).page(1, 5).await.map(drop) })
        }),
        op("a page in time", 0, |db, _| {
            Box::pin(async move { list_in_time(db).page(1, 5).await.map(drop) })
        }),
        op("pages by cursor", 0, |db, _| {
            Box::pin(async move {
                let first = list(db).first(2).await?;
                match &first.next {
                    Some(next) => list(db).after(next, 2).await.map(drop),
                    None => Ok(()),
                }
            })
        }),
        op("a short read", 0, |db, _| {
            Box::pin(async move {
                assert_eq!(find(db, 2).await?, Some(2));
                Ok(())
            })
        }),
        op("short reads together", 0, |db, _| {
            Box::pin(async move {
                let found = tokio::try_join!(find(db, 3), find(db, 99), find(db, 4))?;
                assert_eq!(found, (Some(3), None, Some(4)));
                Ok(())
            })
        }),
        op("verify", 0, |db, _| {
            Box::pin(async move { verify(db).await })
        }),
    ]
}

/// What there is within a transaction only.
pub(super) fn within() -> Vec<Operation<Transaction>> {
    let mut all = calls();
    all.extend([
        op::<Transaction>("a batch", 3, |tx, mark| {
            Box::pin(async move {
                let added = tx.batch([(); 3].map(|()| put(tx, mark))).await;
                added.into_iter().try_for_each(|added| added.map(drop))
            })
        })
        .in_parts(),
        op("a consistent page", 0, |tx, _| {
            Box::pin(async move { list(tx).page(1, 5).consistent().await.map(drop) })
        }),
        op("settings and locks", 0, |tx, mark| {
            Box::pin(async move {
                tx.set_local("drops.tenant", "x").await?;
                tx.advisory_lock(key(mark)).await?;
                tx.try_advisory_lock(key(mark) + 1).await.map(drop)
            })
        }),
        op("notify", 0, |tx, mark| {
            Box::pin(async move { tx.notify("ledger", mark).await })
        }),
        op("verify in vain", 0, |tx, _| {
            Box::pin(async move { verify_in_vain(tx).await })
        })
        .refused(),
        op("a savepoint, dropped", 0, |tx, mark| {
            Box::pin(async move {
                let nested = tx.savepoint().await?;
                add(&nested, mark, "inside").await.map(drop)
            })
        }),
        op("a savepoint, committed", 2, |tx, mark| {
            Box::pin(async move {
                let nested = tx.savepoint().await?;
                add(&nested, mark, "inside").await?;
                put(&nested, mark).await?;
                nested.commit().await
            })
        }),
        op("a savepoint, rolled back", 0, |tx, mark| {
            Box::pin(async move {
                let nested = tx.savepoint().await?;
                add(&nested, mark, "inside").await?;
                nested.rollback().await
            })
        }),
        op("an empty savepoint", 0, |tx, _| {
            Box::pin(async move { tx.savepoint().await?.commit().await })
        }),
        op("savepoints in each other", 3, |tx, mark| {
            Box::pin(async move {
                let outer = tx.savepoint().await?;
                add(&outer, mark, "inside").await?;
                let inner = outer.savepoint().await?;
                add(&inner, mark, "inside").await?;
                inner.commit().await?;
                let inner = outer.savepoint().await?;
                add(&inner, mark, "inside").await?;
                inner.rollback().await?;
                add(&outer, mark, "inside").await?;
                outer.commit().await
            })
        }),
        op("a nested closure", 2, |tx, mark| {
            Box::pin(async move {
                let (one, two) = (mark.to_owned(), mark.to_owned());
                tx.transaction(|nested| async move {
                    add(&nested, &one, "inside").await?;
                    nested
                        .transaction(|inner| async move { put(&inner, &two).await })
                        .await
                })
                .await
                .map(drop)
            })
        }),
        op("a nested closure that fails", 0, |tx, mark| {
            Box::pin(async move {
                let own = mark.to_owned();
                let failed = tx
                    .transaction(|nested| async move {
                        add(&nested, &own, "inside").await?;
                        add(&nested, &own, "refused").await
                    })
                    .await;
                failed.unwrap_err();
                Ok(())
            })
        }),
        op("a nested closure that panics", 0, |tx, mark| {
            Box::pin(async move {
                let own = mark.to_owned();
                tx.transaction(|nested| async move {
                    add(&nested, &own, "inside").await?;
                    assert_eq!(own, "", "as the test wants");
                    Ok(())
                })
                .await
            })
        }),
        op("a savepoint with a bulk in it", 3, |tx, mark| {
            Box::pin(async move {
                let nested = tx.savepoint().await?;
                bulk(&nested, &entries(mark, 3)).await?;
                nested.commit().await
            })
        }),
    ]);
    all
}

/// What there is on a database only.
pub(super) fn on_a_database() -> Vec<Operation<Database>> {
    let mut all = calls();
    all.extend([
        op::<Database>("a batch", 3, |db, mark| {
            Box::pin(async move {
                let added = db.batch([(); 3].map(|()| put(db, mark))).await;
                added.into_iter().try_for_each(|added| added.map(drop))
            })
        })
        .in_parts(),
        op::<Database>("a batch with limits", 3, |db, mark| {
            Box::pin(async move {
                let added = db.batch([(); 3].map(|()| add_in_time(db, mark))).await;
                added.into_iter().try_for_each(|added| added.map(drop))
            })
        })
        .in_parts(),
        op("a consistent page", 0, |db, _| {
            Box::pin(async move { list(db).page(1, 5).consistent().await.map(drop) })
        }),
        op("verify in vain", 0, |db, _| {
            Box::pin(async move { verify_in_vain(db).await })
        }),
        op("ping", 0, |db, _| Box::pin(async move { db.ping().await })),
        op("health", 0, |db, _| {
            Box::pin(async move { db.health().await.map(drop) })
        }),
        op("begin, dropped", 0, |db, mark| {
            Box::pin(async move {
                let tx = db.begin().await?;
                add(&tx, mark, "inside").await.map(drop)
            })
        }),
        op("begin, committed", 2, |db, mark| {
            Box::pin(async move {
                let tx = db.isolation(Isolation::RepeatableRead).begin().await?;
                tokio::try_join!(add(&tx, mark, "inside"), put(&tx, mark))?;
                tx.commit().await
            })
        }),
        op("begin, rolled back", 0, |db, mark| {
            Box::pin(async move {
                let tx = db.begin().await?;
                tx.set_local("drops.tenant", "x").await?;
                tx.advisory_lock(key(mark)).await?;
                add(&tx, mark, "inside").await?;
                tx.rollback().await
            })
        }),
        op::<Database>("begin, refused at commit", 0, |db, mark| {
            Box::pin(async move {
                let tx = db.begin().await?;
                add(&tx, mark, "inside").await?;
                add_late(&tx, mark).await?;
                tx.commit().await
            })
        })
        .refused(),
        op("begin, to read only", 0, |db, mark| {
            Box::pin(async move {
                let tx = db.read_only().deferrable().begin().await?;
                count(&tx, mark).await?;
                tx.commit().await
            })
        }),
        op("a closure", 2, |db, mark| {
            Box::pin(async move {
                let own = mark.to_owned();
                db.transaction(|tx| async move {
                    add(&tx, &own, "inside").await?;
                    let own = own.clone();
                    tx.transaction(|nested| async move { put(&nested, &own).await })
                        .await
                })
                .await
                .map(drop)
            })
        }),
        op::<Database>("a closure that fails", 0, |db, mark| {
            Box::pin(async move {
                let own = mark.to_owned();
                db.transaction(|tx| async move {
                    add(&tx, &own, "inside").await?;
                    add(&tx, &own, "refused").await
                })
                .await
                .map(drop)
            })
        })
        .refused(),
        op("a closure that panics", 0, |db, mark| {
            Box::pin(async move {
                let own = mark.to_owned();
                db.transaction(|tx| async move {
                    add(&tx, &own, "inside").await?;
                    assert_eq!(own, "", "as the test wants");
                    Ok(())
                })
                .await
            })
        }),
        op("a closure that runs twice", 1, |db, mark| {
            Box::pin(async move {
                let again = AtomicBool::new(false);
                let again = &again;
                db.retry(1)
                    .transaction(|tx| async move {
                        add(&tx, mark, "inside").await?;
                        match again.swap(true, Ordering::Relaxed) {
                            true => Ok(()),
                            false => conflict(&tx).await.map(drop),
                        }
                    })
                    .await
            })
        }),
    ]);
    all
}

/// On a handle that only reads.
pub(super) fn on_a_replica() -> Vec<Operation<Replica>> {
    vec![
        op::<Replica>("one", 0, |db, mark| {
            Box::pin(async move { count(db, mark).await.map(drop) })
        }),
        op("many", 0, |db, _| {
            Box::pin(async move { list(db).await.map(drop) })
        }),
        op("a consistent page", 0, |db, _| {
            Box::pin(async move { list(db).page(1, 5).consistent().await.map(drop) })
        }),
        op("a batch", 0, |db, _| {
            Box::pin(async move {
                let found = db.batch([1, 2, 3].map(|id| find(db, id))).await;
                found.into_iter().try_for_each(|found| found.map(drop))
            })
        }),
        op("lag", 0, |db, _| {
            Box::pin(async move { db.lag().await.map(drop) })
        }),
        op("begin, committed", 0, |db, mark| {
            Box::pin(async move {
                let tx: ReadTransaction = db.isolation(Isolation::RepeatableRead).begin().await?;
                tx.set_local("drops.tenant", "x").await?;
                let nested = tx.savepoint().await?;
                count(&nested, mark).await?;
                nested.commit().await?;
                tx.commit().await
            })
        }),
        op("a closure", 0, |db, mark| {
            Box::pin(async move {
                let page = db
                    .retry(1)
                    .transaction(|tx| async move {
                        tx.try_advisory_lock(key(mark)).await?;
                        list(&tx).page(1, 5).await
                    })
                    .await;
                page.map(drop)
            })
        }),
    ]
}

/// A handle, and where it leads.
pub(super) struct Place {
    pub(super) db: Database,
    pub(super) url: String,
}

/// What has a connection of its own beside the pool.
pub(super) fn apart() -> Vec<Operation<Place>> {
    vec![
        op::<Place>("connect", 0, |place, _| {
            Box::pin(async move {
                let builder = Database::builder().pool_size(1).shared_connections(0);
                let db = builder.connect(&place.url).await?;
                db.ping().await
            })
        }),
        op("listen", 0, |place, mark| {
            Box::pin(async move {
                let mut listener = place.db.listen(["ledger"]).await?;
                let tx = place.db.begin().await?;
                tx.notify("ledger", mark).await?;
                tx.commit().await?;
                listener.next().await.unwrap();
                Ok(())
            })
        }),
        op("a lock", 0, |place, mark| {
            Box::pin(async move { place.db.session_lock(key(mark)).await.map(drop) })
        }),
        op("a lock that is tried", 0, |place, mark| {
            Box::pin(async move {
                let lock = place.db.try_session_lock(key(mark)).await?.unwrap();
                lock.check().await?;
                lock.release().await
            })
        }),
    ]
}

/// An error that the server does not know of.
pub(super) async fn refused_here(db: &impl Reader) -> Result<()> {
    list(db).page(0, 5).await.map(drop)
}

/// What would meet the next one who gets the connection. A setting that lasts as long as the transaction tells whether there is one.
pub(super) async fn left_behind(db: &impl Reader) -> Result<String> {
    static LEFT: Statement<(), String> = Statement::new(
        "ledger::left_behind",
        "queries/ledger.sql:43",
        "SELECT concat_ws(', ',
             CASE WHEN current_setting('drops.asked', true) <> '' THEN 'a transaction' END,
             CASE WHEN EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory') THEN 'a lock' END,
             CASE WHEN (SELECT count(*) FROM pg_cursors) > 1 THEN 'a portal' END,
             CASE WHEN current_setting('drops.tenant', true) <> '' THEN 'a setting' END,
             nullif(current_setting('transaction_isolation'), 'read committed'),
             CASE WHEN current_setting('transaction_read_only') <> current_setting('default_transaction_read_only')
                  THEN 'another access mode' END,
             nullif(set_config('drops.asked', 'x', true), 'x')
         )",
        "",
        "text",
    );
    let (once, twice) = (
        One::new(db, &LEFT, ()).await?,
        One::new(db, &LEFT, ()).await?,
    );
    Ok(once + &twice)
}

/// Kinds of rows that bear a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ledger {
    pub(super) before: i64,
    pub(super) inside: i64,
    pub(super) after: i64,
    /// Were those from before and from after written in different transactions, nested ones included?
    pub(super) nested: bool,
}

sqlmill_runtime::row! { Ledger { before, inside, after, nested } }

pub(super) fn ledger<'a>(db: &'a impl Reader, mark: &'a str) -> One<'a, (&'a str,), Ledger> {
    static LEDGER: Statement<(&str,), Ledger> = Statement::new(
        "ledger::ledger",
        "queries/ledger.sql:46",
        "SELECT count(*) FILTER (WHERE part = 'before'), count(*) FILTER (WHERE part = 'inside'),
                count(*) FILTER (WHERE part = 'after'),
                count(DISTINCT xmin::text) FILTER (WHERE part IN ('before', 'after')) > 1
         FROM ledger WHERE mark = $1",
        "text",
        "int8 int8 int8 bool",
    );
    One::new(db, &LEDGER, (mark,))
}

pub(super) fn is_nested_open(error: &Error) -> bool {
    error.to_string().contains("nested in it is still open")
}
