//! What Cornucopia makes of one query, read from the text that it generates.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use cornucopia::config::Config;
use tokio_postgres::Client;

use crate::rust::Type;

/// The types of a query, in the order of the SQL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) params: Vec<(String, Type)>,
    pub(crate) columns: Vec<Type>,
    /// Of the composites that it uses, the fields' types.
    pub(crate) composites: BTreeMap<String, Vec<Type>>,
}

/// `text` is a file with one query, and the types that it names. `Err` is what Cornucopia says.
pub(crate) fn generate(client: &Client, directory: &Path, text: &str) -> Result<Query, String> {
    let queries = directory.join("queries");
    let destination = directory.join("generated");
    fs::create_dir_all(&queries).unwrap();
    fs::write(queries.join("one.sql"), text).unwrap();
    let _ = fs::remove_dir_all(&destination);
    let mut config = Config::default();
    config.queries = queries;
    config.destination = destination.clone();
    config.generate_field_metadata = true;
    let generated = catch_unwind(AssertUnwindSafe(|| cornucopia::gen_live(client, config)));
    match generated {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(told(&error)),
        Err(panic) => {
            let said = panic.downcast_ref::<String>();
            return Err(format!("panics: {}", said.map_or("", String::as_str)));
        }
    }
    let module = fs::read_to_string(destination.join("src/queries/one.rs")).unwrap();
    let types = fs::read_to_string(destination.join("src/types.rs")).unwrap_or_default();
    Ok(read(&one_line(&module), &one_line(&types)))
}

/// An error and its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The layout of a long line depends on its length.
fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("< ", "<")
        .replace(" >", ">")
        .replace("( ", "(")
        .replace(",>", ">")
        .replace(", >", ">")
}

fn read(module: &str, types: &str) -> Query {
    let bind = between(module, "fn bind<", " {").expect("every query is bound");
    let (generics, rest) = split_at_close(bind);
    let bounds: BTreeMap<String, Type> = pieces(generics)
        .into_iter()
        .filter_map(|bound| bound.split_once(": "))
        .filter(|(name, _)| *name != "C")
        .map(|(name, bound)| (name.to_owned(), Type::read(bound)))
        .collect();
    // Bounds name each other: `T2: ArraySql<Item = T1>`.
    let resolved = |ty: &Type| (0..bounds.len()).fold(ty.clone(), |ty, _| ty.renamed(&bounds));
    let (arguments, output) = split_at_close(&rest[rest.find('(').unwrap() + 1..]);
    let params = pieces(arguments)
        .into_iter()
        .filter_map(|argument| argument.split_once(": "))
        .filter(|(name, _)| *name != "client")
        .map(|(name, ty)| (name.to_owned(), resolved(&Type::read(ty))))
        .collect();
    let output = output.trim_start_matches([' ', '-', '>']);
    let columns = if output.starts_with("Result<u64") {
        Vec::new()
    } else {
        let (arguments, _) = split_at_close(&output[output.find('<').unwrap() + 1..]);
        let arguments = pieces(arguments);
        // `'c, 'a, 's, C, T, N`
        let row = arguments[arguments.len() - 2];
        match between(module, &format!("pub struct {row} {{"), " }") {
            Some(_) => metadata(module, row),
            None => vec![Type::read(row)],
        }
    };
    let mut composites = BTreeMap::new();
    for part in types.split("pub struct ").skip(1) {
        let Some((name, body)) = part.split_once(" {") else {
            continue;
        };
        // `PairParams<'a>` and `PairBorrowed<'a>` are other views of the same.
        if name.contains('<') || name == "FieldMetadata" {
            continue;
        }
        let Some((body, _)) = body.split_once('}') else {
            continue;
        };
        let fields = pieces(body)
            .into_iter()
            .filter_map(|field| field.trim().split_once(": "));
        composites.insert(
            name.to_owned(),
            fields.map(|(_, ty)| Type::read(ty)).collect(),
        );
    }
    Query {
        params,
        columns,
        composites,
    }
}

/// A struct that queries share is in the order of the first of them; there is only one query.
fn metadata(module: &str, row: &str) -> Vec<Type> {
    let body = between(
        module,
        &format!("impl {row} {{ pub fn field_metadata()"),
        "] } }",
    )
    .expect("every row has metadata");
    body.split("rust_type: \"")
        .skip(1)
        .map(|part| Type::read(part.split('"').next().unwrap_or_default()))
        .collect()
}

fn between<'t>(text: &'t str, before: &str, behind: &str) -> Option<&'t str> {
    let at = text.find(before)? + before.len();
    let rest = &text[at..];
    Some(&rest[..rest.find(behind)?])
}

/// Up to the bracket that closes what was opened before the text, and what follows it.
fn split_at_close(text: &str) -> (&str, &str) {
    let mut depth = 1;
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        match letter {
            '<' | '(' | '[' => depth += 1,
            '>' if before == '-' => {}
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (&text[..at], &text[at + 1..]);
        }
        before = letter;
    }
    (text, "")
}

/// What commas part, outside of brackets.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut depth, mut from) = (0, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' | ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                pieces.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(text[from..].trim());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}
