//! Holds the pages of a query against its whole list: the total counts it, and pages are slices of it.

use super::values::{Dice, quote};
use super::{Error, Observation, Subject};
use crate::wire::{self, Connection};

type Rows = Vec<Vec<Option<String>>>;

const WHAT: [&str; 4] = ["page", "count", "after", "before"];

/// Prepares what pages are read by. What is refused now is noted as an error of the query.
pub(super) fn prepare(
    connection: &mut Connection,
    index: usize,
    subject: &Subject<'_>,
) -> Result<(), wire::Error> {
    let made = subject.pages.iter().flat_map(|(texts, _)| &texts.made);
    for ((sql, _), what) in made.zip(WHAT) {
        connection.simple(&format!("PREPARE falsify_{index}_{what} AS {sql}\n"))?;
    }
    Ok(())
}

/// Runs them in the transaction in which the list had these rows.
pub(super) fn compare(
    connection: &mut Connection,
    index: usize,
    subject: &Subject<'_>,
    rows: &Rows,
    arguments: &[String],
    dice: &mut Dice,
    seen: &mut Observation,
) -> Result<(), Error> {
    let Some((texts, order)) = subject.pages else {
        return Ok(());
    };
    let mut run = |what: &str, more: &[String]| -> Result<Option<Rows>, Error> {
        let all: Vec<&str> = arguments.iter().chain(more).map(String::as_str).collect();
        let list = match all.as_slice() {
            [] => String::new(),
            all => format!("({})", all.join(", ")),
        };
        match connection.simple(&format!("EXECUTE falsify_{index}_{what}{list}")) {
            Ok(results) => Ok(results.into_iter().next().map(|found| found.rows)),
            // The list ran, so that this one timed out or the like, and ended the transaction.
            Err(wire::Error::Server(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    };
    let mut note = |what: &'static str| {
        seen.pages
            .get_or_insert_with(|| (what, arguments.join(", ")));
    };
    let Some(total) = run("count", &[])? else {
        return Ok(());
    };
    if total != [[Some(rows.len().to_string())]] {
        note("the total");
    }
    let (size, skipped) = (1 + dice.below(3), dice.below(3));
    let Some(page) = run("page", &[size.to_string(), skipped.to_string()])? else {
        return Ok(());
    };
    let expected: Vec<_> = rows.iter().skip(skipped).take(size).collect();
    // Where rows may tie, only how many there are is certain.
    if page.len() != expected.len() || (order.unsettled.is_none() && !page.iter().eq(expected)) {
        note("a page");
    }
    let (Ok(cursor), [_, _, _, _]) = (&order.cursor, texts.made.as_slice()) else {
        return Ok(());
    };
    let Some(at) = (!rows.is_empty()).then(|| dice.below(rows.len())) else {
        return Ok(());
    };
    let values = cursor.keys.iter().map(|key| {
        let value = rows.get(at).and_then(|row| row.get(key.column)?.as_deref());
        value.map_or_else(|| "NULL".to_owned(), quote)
    });
    let more: Vec<String> = values.chain([size.to_string()]).collect();
    let Some(after) = run("after", &more)? else {
        return Ok(());
    };
    if !after.iter().eq(rows.iter().skip(at + 1).take(size)) {
        note("a page after a cursor");
    }
    let Some(before) = run("before", &more)? else {
        return Ok(());
    };
    if !before.iter().eq(rows.iter().take(at).rev().take(size)) {
        note("a page before a cursor");
    }
    Ok(())
}
