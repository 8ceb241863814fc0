//! The types that a statement was compiled for, as generated code lists them, beside those that the server has.
//!
//! A list is text: `uuid text[] public.mood`. Each type is spelled as [`spelled`] spells what the server describes, so two types
//! fit where their spellings are the same. Text costs the compiler of a generated crate nothing; functions over the Rust types,
//! one for each struct, would be checked and built with it each time.

use std::fmt::Write as _;

use crate::wire::Type;

/// A type without its domains, a composite with its fields. Types that a Rust type reads alike, such as `text` and `varchar`, have one spelling. The
/// compiler's `Catalog::spelled` is the other half.
pub(crate) fn spelled(ty: Type<'_>) -> String {
    if let Some(element) = ty.element() {
        return format!("{}[]", spelled(element));
    }
    let ty = ty.base();
    let name = ty.name();
    if ty.schema() == "pg_catalog" {
        return alike(name).to_owned();
    }
    let mut text = String::new();
    // A base type outside of pg_catalog is an extension's, which may be installed into any schema.
    if ty.is_simple() {
        quote(&mut text, if name == "citext" { "text" } else { name });
    } else {
        quote(&mut text, ty.schema());
        text.push('.');
        quote(&mut text, name);
    }
    if let Some(fields) = ty.fields() {
        let fields: Vec<String> = fields.map(spelled).collect();
        let _ = write!(text, "({})", fields.join(","));
    }
    text
}

/// The spelling of a built-in type.
fn alike(name: &str) -> &str {
    match name {
        "varchar" | "bpchar" | "name" | "unknown" | "xml" | "refcursor" => "text",
        "json" => "jsonb",
        "bit" => "varbit",
        "txid_snapshot" => "pg_snapshot",
        "xid" | "cid" | "regproc" | "regprocedure" | "regoper" | "regoperator" | "regclass"
        | "regtype" | "regconfig" | "regdictionary" | "regnamespace" | "regrole"
        | "regcollation" => "oid",
        _ => name,
    }
}

fn quote(text: &mut String, name: &str) {
    let plain =
        |letter: char| letter == '_' || letter.is_ascii_lowercase() || letter.is_ascii_digit();
    if !name.is_empty() && name.chars().all(plain) {
        text.push_str(name);
    } else {
        let _ = write!(text, "\"{}\"", name.replace('"', "\"\""));
    }
}

/// In place of a list: nothing is compared. For statements that are written before their types are known, as in tests.
pub const ANY: &str = "*";

/// The types of a list, in order. A blank within quotes parts nothing.
pub(crate) fn split(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |letter| {
        quoted ^= letter == '"';
        letter == ' ' && !quoted
    })
    .filter(|part| !part.is_empty())
}
