//! Holds the pages of a query against its whole list: the total counts it, and pages are slices of it.

use super::values::{Dice, quote};
use super::{Error, Observation, Subject};
use crate::wire::{self, Connection};

type Rows = Vec<Vec<Option<String>>>;

/// Prepares what pages are read by. What is refused now is noted as an error of the query.
pub(super) fn prepare(
    connection: &mut Connection,
    index: usize,
    subject: &Subject<'_>,
) -> Result<(), wire::Error> {
    let made = subject.pages.iter().flat_map(|(texts, _)| &texts.made);
    for (place, (sql, _)) in made.enumerate() {
        let what = what(place);
        connection.simple(&format!("PREPARE falsify_{index}_{what} AS {sql}\n"))?;
    }
    Ok(())
}

/// By the place among the texts that are made: those by cursor are two for each pattern of NULLs.
fn what(place: usize) -> String {
    match place {
        0 => "page".to_owned(),
        1 => "count".to_owned(),
        _ => {
            let way = if place.is_multiple_of(2) {
                "after"
            } else {
                "before"
            };
            format!("{way}_{}", place / 2 - 1)
        }
    }
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
    let (Ok(cursor), [_, _, _, _, ..]) = (&order.cursor, texts.made.as_slice()) else {
        return Ok(());
    };
    let Some(at) = (!rows.is_empty()).then(|| dice.below(rows.len())) else {
        return Ok(());
    };
    let value = |place: usize| {
        let key = cursor.keys.get(place)?;
        rows.get(at).and_then(|row| row.get(key.column)?.as_deref())
    };
    let nulls = (0..).zip(cursor.nulls());
    let pattern: usize = nulls
        .map(|(bit, place)| usize::from(value(place).is_none()) << bit)
        .sum();
    let values = (0..cursor.keys.len()).filter_map(value).map(quote);
    let more: Vec<String> = values.chain([size.to_string()]).collect();
    let Some(after) = run(&format!("after_{pattern}"), &more)? else {
        return Ok(());
    };
    if !after.iter().eq(rows.iter().skip(at + 1).take(size)) {
        note("a page after a cursor");
    }
    let Some(before) = run(&format!("before_{pattern}"), &more)? else {
        return Ok(());
    };
    if !before.iter().eq(rows.iter().take(at).rev().take(size)) {
        note("a page before a cursor");
    }
    Ok(())
}
