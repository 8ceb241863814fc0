//! `falsify.toml`: what the runs cannot show and a person has looked at, with the reasons.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Observation, Step, Subject, unseen};

/// The reasons, by `module::query` and by `module::query.column`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reviewed {
    /// Queries that no run made return a row.
    #[serde(default)]
    no_rows: BTreeMap<String, String>,
    /// Columns that may be NULL by proof and were not in any run.
    #[serde(default)]
    never_null: BTreeMap<String, String>,
    /// Columns that the author marks `!` and that were NULL, in rows that are not made in earnest.
    #[serde(default)]
    marked: BTreeMap<String, String>,
}

impl Reviewed {
    pub fn parse(text: &str) -> Result<Self, String> {
        let reviewed: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let reasons = reviewed.no_rows.iter().chain(&reviewed.never_null);
        match reasons
            .chain(&reviewed.marked)
            .find(|(_, reason)| reason.trim().is_empty())
        {
            Some((name, _)) => Err(format!("\"{name}\" has no reason")),
            None => Ok(reviewed),
        }
    }
}

/// What one subject did not show and nobody has looked at, and the entries that it made needless: a sentence each.
pub fn unreviewed(subject: &Subject<'_>, seen: &Observation, reviewed: &Reviewed) -> Vec<String> {
    let unseen = unseen(subject, seen);
    let mut found = Vec::new();
    match (unseen.no_rows, reviewed.no_rows.contains_key(subject.name)) {
        (true, false) => {
            let errors: Vec<String> = seen
                .errors
                .iter()
                .map(|(code, message)| format!("; a run ended with {code}: {message}"))
                .collect();
            found.push(format!(
                "`{}` returned no row in any of {} runs{}",
                subject.name,
                seen.runs,
                errors.concat()
            ));
        }
        (false, true) => found.push(format!(
            "`{}` is listed under no_rows, but returned rows",
            subject.name
        )),
        (true, true) | (false, false) => {}
    }
    for (index, column) in subject.statement.columns.iter().enumerate() {
        let name = format!("{}.{}", subject.name, column.name);
        match (
            broken_mark(subject, seen, index),
            reviewed.marked.contains_key(&name),
        ) {
            (Some(example), false) => found.push(format!(
                "the author's `!` on `{name}` does not hold: NULL came with the parameters ({example})"
            )),
            (None, true) => found.push(format!(
                "`{name}` is listed under marked, but has no `!` or was never NULL"
            )),
            (Some(_), true) | (None, false) => {}
        }
        match (
            unseen.never_null.contains(&index),
            reviewed.never_null.contains_key(&name),
        ) {
            (true, false) => {
                let reason = subject
                    .facts
                    .columns
                    .get(index)
                    .map_or("", |facts| facts.nullable.reason.as_str());
                found.push(format!(
                    "`{name}` may be NULL by proof and never was: {reason}"
                ));
            }
            (false, true) if !unseen.no_rows => {
                found.push(format!(
                    "`{name}` is listed under never_null, but was NULL or is proved not null"
                ));
            }
            (true, true) | (false, _) => {}
        }
    }
    found
}

/// The parameters of a run that gave NULL where the author's `!` says that there is none.
fn broken_mark<'a>(
    subject: &Subject<'_>,
    seen: &'a Observation,
    column: usize,
) -> Option<&'a String> {
    let observed = seen.columns.get(column)?;
    let mut marks = subject.marks.iter().filter(|mark| mark.column == column);
    marks.find_map(|mark| {
        if mark.elements {
            observed.inside.get(&[Step::Element][..])
        } else {
            observed.null.as_ref()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::Reviewed;

    #[test]
    fn a_reason_is_required() {
        assert!(Reviewed::parse("[no_rows]\n\"a::b\" = \"the clock\"").is_ok());
        assert!(Reviewed::parse("[no_rows]\n\"a::b\" = \" \"").is_err());
        assert!(Reviewed::parse("[no_row]\n\"a::b\" = \"x\"").is_err());
    }
}
