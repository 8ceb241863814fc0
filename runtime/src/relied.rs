//! What a crate relies on beyond the types of its statements, held against the live database.

use std::collections::{BTreeMap, BTreeSet};

use crate::builder::Builder;
use crate::error::{Error, ErrorKind, Result};
use crate::lease::Lease;

/// What the proofs and the rules for parameters rest on; made by [`relied!`](crate::relied).
#[derive(Debug, Clone, Copy)]
pub struct Relied {
    /// Under which names were looked up. Empty where nobody says.
    pub search_path: &'static [&'static str],
    /// Each with the schema, and the table or the type.
    pub parts: &'static [(&'static str, &'static str, Part)],
}

/// A part of a table or a type.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// The labels of an enum, and whether it may have more.
    Labels(&'static [&'static str], bool),
    /// Columns without NULLs.
    NotNull(&'static [&'static str]),
    /// A column, and its type.
    Column(&'static str, &'static str),
    /// A unique index, as pg_get_indexdef writes it.
    Key(&'static str, &'static str),
    /// A CHECK, as pg_get_constraintdef writes it.
    Check(&'static str, &'static str),
}

impl Relied {
    pub(crate) const NOTHING: Self = Self {
        search_path: &[],
        parts: &[],
    };
}

/// What a generated `builder` returns: every connection looks names up where the crate's were.
#[doc(hidden)]
pub fn builder(relied: &Relied) -> Builder {
    under(relied.search_path)
}

/// Settings under which names are looked up in these schemas; where there are none, where the server does.
pub(crate) fn under(search_path: &[&str]) -> Builder {
    let schemas: Vec<String> = search_path.iter().map(|name| quoted(name)).collect();
    match schemas.is_empty() {
        true => Builder::default(),
        false => Builder::default().search_path(schemas.join(", ")),
    }
}

/// As the server itself writes it: bare where that means the same.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// What was found.
#[derive(Default)]
pub(crate) struct Looked {
    /// The server's version.
    pub(crate) server: String,
    /// What is different.
    pub(crate) different: Vec<Error>,
}

/// Asks the catalog, in one round trip.
pub(crate) async fn look(lease: &Lease, relied: &Relied) -> Result<Looked> {
    let places: BTreeSet<(&str, &str)> = relied
        .parts
        .iter()
        .map(|(schema, relation, _)| (*schema, *relation))
        .collect();
    let (schemas, relations): (Vec<&str>, Vec<&str>) = places.into_iter().unzip();
    let session = lease.session()?;
    lease.depart();
    let parts = session.parts(&schemas, &relations).await;
    lease.arrive();
    if let Err(failure) = &parts {
        // A transaction has failed by that.
        lease.refuse(failure);
    }
    let live = Live::of(parts.map_err(|failure| lease.error(&failure))?);
    let different = live.differences(relied);
    Ok(Looked {
        server: live.server,
        different: different
            .into_iter()
            .map(|text| Error::with(ErrorKind::SchemaChanged, text))
            .collect(),
    })
}

/// A kind, a schema, a relation and a name.
type Key = (String, String, String, String);

/// The catalog as it is.
#[derive(Default)]
struct Live {
    server: String,
    search_path: Vec<String>,
    definitions: BTreeMap<Key, String>,
}

impl Live {
    fn of(parts: Vec<[String; 5]>) -> Self {
        let mut live = Self::default();
        for [kind, schema, relation, name, definition] in parts {
            match kind.as_str() {
                "schema" => live.search_path.push(name),
                "server" => live.server = definition,
                _ => {
                    let key = (kind, schema, relation, name);
                    live.definitions.insert(key, definition);
                }
            }
        }
        live
    }

    fn get(&self, kind: &str, schema: &str, relation: &str, name: &str) -> Option<&str> {
        let key = [kind, schema, relation, name].map(str::to_owned);
        self.definitions.get(&key.into()).map(String::as_str)
    }

    fn labels(&self, schema: &str, name: &str) -> Vec<&str> {
        self.definitions
            .keys()
            .filter(|(kind, at, of, _)| kind == "label" && at == schema && of == name)
            .map(|(_, _, _, label)| label.as_str())
            .collect()
    }

    /// A sentence for each.
    fn differences(&self, relied: &Relied) -> Vec<String> {
        let mut found = Vec::new();
        let same_path = relied.search_path.is_empty() || relied.search_path == self.search_path;
        if !same_path {
            found.push(format!(
                "the search_path is `{}`, and the crate has its names from `{}`: connect by `builder()` of the crate, \
                 or set it for the role",
                self.search_path.join(", "),
                relied.search_path.join(", ")
            ));
        }
        for &(schema, relation, part) in relied.parts {
            let get = |kind, name| self.get(kind, schema, relation, name);
            match part {
                Part::Labels(known, open) => {
                    let live = self.labels(schema, relation);
                    for label in known.iter().filter(|label| !live.contains(label)) {
                        found.push(format!(
                            "the enum `{schema}.{relation}` does not have the label `{label}`"
                        ));
                    }
                    let more = live.iter().filter(|label| !known.contains(label));
                    for label in more.filter(|_| !open) {
                        found.push(format!(
                            "the enum `{schema}.{relation}` has the label `{label}`, which the crate does not know"
                        ));
                    }
                }
                Part::NotNull(columns) => {
                    for column in columns {
                        if get("not null", column).is_none() {
                            found.push(match get("column", column) {
                                Some(_) => format!("`{schema}.{relation}.{column}` may be NULL"),
                                None => {
                                    format!("there is no column `{schema}.{relation}.{column}`")
                                }
                            });
                        }
                    }
                }
                Part::Column(column, ty) => match get("column", column) {
                    Some(live) if live == ty => {}
                    Some(live) => found.push(format!(
                        "`{schema}.{relation}.{column}` is {live}, and was {ty}"
                    )),
                    None => {
                        found.push(format!("there is no column `{schema}.{relation}.{column}`"))
                    }
                },
                Part::Key(name, definition) => {
                    let what = format!("the unique index `{name}` of `{schema}.{relation}`");
                    match get("key", name) {
                        None => found.push(format!("{what} is missing")),
                        Some("") => found.push(format!(
                            "{what} does not hold at all times: it is not valid, or deferrable"
                        )),
                        Some(live) if live != definition => {
                            found.push(format!("{what} is `{live}`, and was `{definition}`"));
                        }
                        Some(_) => {}
                    }
                }
                Part::Check(name, definition) => {
                    let what = format!("the constraint `{name}` of `{schema}.{relation}`");
                    match get("check", name) {
                        None => found.push(format!("{what} is missing")),
                        // How names in it are written depends on the path.
                        Some(live) if live != definition && same_path => {
                            found.push(format!("{what} is `{live}`, and was `{definition}`"));
                        }
                        Some(_) => {}
                    }
                }
            }
        }
        found
    }
}
