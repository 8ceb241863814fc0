//! A page and its total, sent together, and one after the other.

use dynamic::Database;
use dynamic::reports::{self, PageOfAuthor};
use tokio::runtime::Runtime;

use super::{entrant, head, network, same, time, turns};
use crate::contender::Failure;

const AUTHOR: i32 = 4_320;
const SIZE: i64 = 20;

pub(super) fn compare(runtime: &Runtime, url: &str, rounds: usize) -> Result<(), Failure> {
    println!("\nA page of 20 and the total of 50:\n");
    head(&["", "together", "one after the other"]);
    let config: tokio_postgres::Config = url.parse()?;
    let (Some(tokio_postgres::config::Host::Unix(directory)), Some(port)) =
        (config.get_hosts().first(), config.get_ports().first())
    else {
        return Err("the server does not listen at a Unix socket".into());
    };
    let socket = format!("{}/.s.PGSQL.{port}", directory.display());
    let port = runtime.block_on(network::slow(socket))?;
    let far = format!(
        "postgresql://{}@127.0.0.1:{port}/{}",
        config.get_user().unwrap_or_default(),
        config.get_dbname().unwrap_or_default()
    );
    for (name, url, times) in [
        ("Unix socket", url, 100),
        ("network, 1 ms each way", &far, 20),
    ] {
        let builder = Database::builder().pool_size(1).shared_connections(0);
        let db = runtime.block_on(builder.connect(url))?;
        let expected = runtime.block_on(apart(&db))?;
        same(name, expected == runtime.block_on(together(&db))?)?;
        same(name, expected.0.len() == 20 && expected.1 == 50)?;
        let mut entrants = [
            entrant("together", || runtime.block_on(together(&db)).map(drop)),
            entrant("apart", || runtime.block_on(apart(&db)).map(drop)),
        ];
        let measured = turns(&mut entrants, rounds, times, || Ok(()))?;
        let (together, apart) = (&measured[0], &measured[1]);
        println!(
            "| {name} | {} | {} ({:.2}) |",
            time(together.wall),
            time(apart.wall),
            apart.wall_ratio
        );
    }
    Ok(())
}

async fn together(db: &Database) -> Result<(Vec<i64>, i64), Failure> {
    let page = reports::of_author(db, AUTHOR).page(2, SIZE).await?;
    let ids = page.items.iter().map(|report| report.id).collect();
    Ok((ids, page.total))
}

async fn apart(db: &Database) -> Result<(Vec<i64>, i64), Failure> {
    let page = PageOfAuthor {
        author_id: AUTHOR,
        size: SIZE,
        start: SIZE,
    };
    let items = reports::page_of_author(db, page).await?;
    let total = reports::count_of_author(db, AUTHOR).await?;
    Ok((items.iter().map(|report| report.id).collect(), total))
}
