//! Every query of `queries/`, called against a real PostgreSQL, on rows that betray a wrong one: another tenant's,
//! deleted ones, NULLs, duplicates, empty lists, the page after the last.
//!
//! `DATABASE_URL` names a server to use; without it one is started from the binaries on this machine. Each test has a
//! database of its own, cloned from one with the schema loaded.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

mod chats;
mod dashboards;
mod datasets;
mod integrations;
mod kit;
mod knowledge;
mod library;
mod messages;
mod metrics;
mod organizations;
mod readme;
mod reports;
mod sharing;
mod texts;
mod users;

/// A query that no test calls is a query that nobody knows to work.
#[test]
fn every_query_is_called() {
    let crate_root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(crate_root.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let tests: String = std::fs::read_dir(crate_root.join("tests/queries"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let uncalled: Vec<&str> = manifest["queries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|query| query["name"].as_str())
        .filter(|name| !tests.contains(&format!("{name}(")))
        .collect();
    assert!(uncalled.is_empty(), "no test calls {uncalled:?}");
}
