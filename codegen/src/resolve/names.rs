//! Names of SQL as names of Rust.
//!
//! The rules: case is converted by words (`createdAt` is `created_at`, `asset_type` is `AssetType`). A letter that Rust takes
//! in no name separates words. A name that would begin with a digit gets `_` in front. A keyword becomes `r#type`; `self`,
//! `super`, `crate` and `Self`, which may not be raw, get `_` behind. What would hide a name of Rust's prelude that generated
//! code uses (`Option`, `String`, `Vec`, …) gets a word behind that says what it is.

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};

use crate::catalog::Catalog;
use crate::config::Config;

/// Strict and reserved ones of edition 2024.
const KEYWORDS: [&str; 50] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "union", "unsafe", "unsized",
    "use", "virtual", "where", "while", "yield", "_",
];

/// May not be raw.
const PATH_WORDS: [&str; 4] = ["crate", "self", "super", "Self"];

/// Generated code, or code that imports all of it, means Rust's own by these.
const PRELUDE: [&str; 10] = [
    "Box", "Err", "None", "Ok", "Option", "Result", "Self", "Some", "String", "Vec",
];

/// A field, a function, a module. `None` where nothing of the name can stand in Rust.
pub(super) fn snake(name: &str) -> Option<String> {
    let words = separable(name).to_snake_case();
    let begun = begin(words)?;
    Some(if PATH_WORDS.contains(&begun.as_str()) {
        format!("{begun}_")
    } else if KEYWORDS.contains(&begun.as_str()) && begun != "union" {
        format!("r#{begun}")
    } else {
        begun
    })
}

/// A type or a variant.
pub(super) fn pascal(name: &str) -> Option<String> {
    begin(separable(name).to_upper_camel_case())
}

/// A struct's name that the author wrote: as it is where Rust would write it so, `HTTPRow` too.
pub(super) fn of_author(name: &str) -> String {
    if name.starts_with(char::is_uppercase) && !name.contains('_') {
        name.to_owned()
    } else {
        pascal(name).unwrap_or_else(|| name.to_owned())
    }
}

/// Would it hide a name of the prelude?
pub(super) fn hides_prelude(name: &str) -> bool {
    PRELUDE.contains(&name)
}

/// A type's name that hides nothing of the prelude.
pub(super) fn type_name(name: String, word: &str) -> String {
    if hides_prelude(&name) {
        name + word
    } else {
        name
    }
}

/// What Rust takes in no name becomes a separator.
fn separable(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c == '_' || unicode_ident::is_xid_continue(c) {
                c
            } else {
                ' '
            }
        })
        .collect()
}

fn begin(name: String) -> Option<String> {
    let first = name.chars().next()?;
    Some(if unicode_ident::is_xid_start(first) {
        name
    } else {
        format!("_{name}")
    })
}

/// The variants of an enum, by label. A label without a letter or digit is spelled by its characters' code points (`+` is
/// `U2B`), the empty one is `Empty`; where two labels come out alike the later ones are numbered.
pub(super) fn variants(labels: &[String]) -> Vec<String> {
    let mut taken = std::collections::BTreeSet::new();
    labels
        .iter()
        .map(|label| {
            let name = match pascal(label) {
                Some(name) if name == "Self" => "Self_".to_owned(),
                Some(name) => name,
                None if label.is_empty() => "Empty".to_owned(),
                None => label
                    .chars()
                    .map(|c| format!("U{:X}", u32::from(c)))
                    .collect(),
            };
            numbered(name, &mut taken)
        })
        .collect()
}

/// The name, or the name with the first number from 2 on that is free.
pub(super) fn numbered(name: String, taken: &mut std::collections::BTreeSet<String>) -> String {
    let mut candidate = name.clone();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        // `Self_2` would not be camel case.
        candidate = format!("{}{number}", name.trim_end_matches('_'));
        number += 1;
    }
    candidate
}

/// The row type of a table: as `[tables]` has it, or else the singular of its name. A schema that is not on the search path
/// goes in front.
pub(super) fn row_type(
    catalog: &Catalog,
    config: &Config,
    schema: &str,
    table: &str,
) -> Option<String> {
    let qualified = format!("{schema}.{table}");
    let on_path = catalog.search_path.iter().any(|found| found == schema);
    let configured = config
        .tables
        .iter()
        .find(|entry| entry.table.value == qualified || (on_path && entry.table.value == table));
    if let Some(entry) = configured {
        return Some(entry.row.value.clone());
    }
    let singular = singular(&separable(table).to_snake_case());
    let name = if on_path {
        singular
    } else {
        format!("{schema}_{singular}")
    };
    Some(type_name(pascal(&name)?, "Row"))
}

/// The singular of any name, in snake case.
pub(super) fn singular_of(name: &str) -> String {
    singular(&separable(name).to_snake_case())
}

/// The singular of the last word, by the rules that most English plurals follow; what no rule fits stays as it is.
/// `[tables]` in the configuration names the rest.
fn singular(name: &str) -> String {
    const IRREGULAR: [(&str, &str); 10] = [
        ("people", "person"),
        ("children", "child"),
        ("men", "man"),
        ("women", "woman"),
        ("indices", "index"),
        ("vertices", "vertex"),
        ("matrices", "matrix"),
        ("criteria", "criterion"),
        ("movies", "movie"),
        ("caches", "cache"),
    ];
    const UNCHANGED: [&str; 6] = ["news", "series", "species", "lens", "alias", "canvas"];
    let (before, word) = name
        .rsplit_once('_')
        .map_or(("", name), |(before, word)| (before, word));
    let one = if let Some((_, one)) = IRREGULAR.iter().find(|(many, _)| *many == word) {
        (*one).to_owned()
    } else if UNCHANGED.contains(&word) || ["ss", "us", "is"].iter().any(|end| word.ends_with(end))
    {
        word.to_owned()
    } else if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        format!("{stem}y")
    } else if let Some(stem) = word.strip_suffix("yses") {
        format!("{stem}ysis")
    } else if ["sses", "shes", "ches", "xes", "zzes", "uses", "iases"]
        .iter()
        .any(|end| word.ends_with(end))
        && !["causes", "houses", "clauses", "pauses", "axes"].contains(&word)
    {
        word.strip_suffix("es").unwrap_or(word).to_owned()
    } else {
        word.strip_suffix('s').unwrap_or(word).to_owned()
    };
    if before.is_empty() {
        one
    } else {
        format!("{before}_{one}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_a_name_of_rust_or_none() {
        for (name, expected) in [
            ("user_id", "user_id"),
            ("createdAt", "created_at"),
            ("type", "r#type"),
            ("gen", "r#gen"),
            ("self", "self_"),
            ("Self", "self_"),
            ("2fa", "_2fa"),
            ("a-b c", "a_b_c"),
            ("?column?", "column"),
            ("union", "union"),
            ("straße", "straße"),
        ] {
            assert_eq!(snake(name).as_deref(), Some(expected), "{name}");
        }
        for name in ["", "%", " ", "__"] {
            assert_eq!(snake(name), None, "{name}");
            assert_eq!(pascal(name), None, "{name}");
        }
        assert_eq!(pascal("2fa_codes").as_deref(), Some("_2faCodes"));
        assert_eq!(type_name("Option".into(), "Row"), "OptionRow");
    }

    #[test]
    fn labels_that_clash_are_told_apart() {
        let labels = [
            "done",
            "Done",
            "",
            "+",
            "<=",
            "self",
            "2x",
            "in progress",
            "DONE",
        ]
        .map(str::to_owned);
        assert_eq!(
            variants(&labels),
            [
                "Done",
                "Done2",
                "Empty",
                "U2B",
                "U3CU3D",
                "Self_",
                "_2x",
                "InProgress",
                "Done3"
            ]
        );
    }

    #[test]
    fn tables_are_plural_and_rows_are_not() {
        for (many, one) in [
            ("users", "user"),
            ("users_to_organizations", "users_to_organization"),
            ("addresses", "address"),
            ("categories", "category"),
            ("statuses", "status"),
            ("status", "status"),
            ("boxes", "box"),
            ("people", "person"),
            ("asset_people", "asset_person"),
            ("caches", "cache"),
            ("databases", "database"),
            ("analyses", "analysis"),
            ("matches", "match"),
            ("data", "data"),
            ("news", "news"),
            ("houses", "house"),
            ("s", ""),
        ] {
            assert_eq!(singular(many), one, "{many}");
        }
    }
}
