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
mod knowledge;
mod library;
mod messages;
mod metrics;
mod organizations;
mod reports;
mod sharing;
mod users;
