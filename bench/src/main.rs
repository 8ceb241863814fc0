//! Calls side by side: sqlmill, hand-written tokio-postgres, and the peers, in one process, taking turns.
//!
//! `cargo xtask bench calls` and `bench dynamic` start a server, make what is generated, and run this. The schema is loaded already.

mod contender;
mod cornucopia_;
mod crowd;
mod diesel_;
mod diesel_async_;
mod dynamic;
mod hand;
mod measure;
mod ours;
mod side_by_side;
mod sql;
mod sqlx_;
mod trouble;

use contender::Failure;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["fill", url] => measure::fill(url),
        ["times", url, rounds] => measure::times(url, rounds.parse()?),
        ["run", url, contender, task, times] => measure::run(url, contender, task, times.parse()?),
        ["names"] => {
            measure::names();
            Ok(())
        }
        #[cfg(feature = "allocations")]
        ["allocations", url] => measure::allocations(url),
        ["crowd", url, seconds, rounds, workers] => {
            crowd::compare(url, seconds.parse()?, rounds.parse()?, workers.parse()?)
        }
        ["reads", url, contender, times] => crowd::reads(url, contender, times.parse()?),
        ["settings", url, seconds, rounds, workers] => {
            crowd::settings(url, seconds.parse()?, rounds.parse()?, workers.parse()?)
        }
        ["dynamic", url, rounds] => dynamic::compare(url, rounds.parse()?),
        ["trouble", url, seconds, rounds, workers] => {
            trouble::compare(url, seconds.parse()?, rounds.parse()?, workers.parse()?)
        }
        _ => Err(
            "usage: bench fill|times|run|names|allocations|crowd|reads|dynamic|settings|trouble URL …"
                .into(),
        ),
    }
}
