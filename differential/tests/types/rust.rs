//! Rust types as both generators spell them, made comparable.
//!
//! What is compared is the type of the value: whether it may be NULL is inferred by the one and marked by hand for the other, and what
//! is borrowed, or generic for the caller's comfort, is the same value.

use std::collections::BTreeMap;
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Type {
    pub(crate) name: String,
    pub(crate) args: Vec<Self>,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (index, arg) in self.args.iter().enumerate() {
            write!(f, "{}{arg}", if index == 0 { "<" } else { ", " })?;
        }
        f.write_str(if self.args.is_empty() { "" } else { ">" })
    }
}

impl Type {
    pub(crate) fn read(text: &str) -> Self {
        let mut rest = text;
        let ty = read(&mut rest);
        assert!(rest.trim().is_empty(), "`{rest}` is left of `{text}`");
        ty
    }

    /// Names by what they stand for.
    pub(crate) fn renamed(&self, names: &BTreeMap<String, Self>) -> Self {
        if let Some(found) = names.get(&self.name) {
            return found.clone();
        }
        Self {
            name: self.name.clone(),
            args: self.args.iter().map(|arg| arg.renamed(names)).collect(),
        }
    }
}

fn read(rest: &mut &str) -> Type {
    *rest = rest.trim_start();
    if let Some(behind) = rest.strip_prefix('&') {
        *rest = behind.trim_start();
        if rest.starts_with('\'') {
            word(rest);
        }
        return read(rest);
    }
    let (name, close) = match rest.strip_prefix(['[', '(']) {
        Some(behind) => {
            let slice = rest.starts_with('[');
            *rest = behind;
            if slice {
                ("Vec".to_owned(), "]")
            } else {
                ("()".to_owned(), ")")
            }
        }
        None => {
            let name = word(rest);
            if !rest.starts_with('<') {
                return plain(name, Vec::new());
            }
            *rest = &rest[1..];
            (name, ">")
        }
    };
    let mut args = Vec::new();
    loop {
        *rest = rest.trim_start();
        if let Some(behind) = rest.strip_prefix(close) {
            *rest = behind;
            break;
        }
        if rest.starts_with('\'') {
            word(rest);
        } else {
            // `ArraySql<Item = T>`
            let behind = rest.strip_prefix("Item =").unwrap_or(rest);
            *rest = behind;
            args.push(read(rest));
        }
        *rest = rest.trim_start();
        *rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    plain(name, args)
}

fn word(rest: &mut &str) -> String {
    let end = rest
        .find(|letter: char| !(letter.is_alphanumeric() || "_:'#".contains(letter)))
        .unwrap_or(rest.len());
    let (name, behind) = rest.split_at(end);
    *rest = behind;
    name.to_owned()
}

fn plain(name: String, mut args: Vec<Type>) -> Type {
    match name.as_str() {
        "Option" | "Json" | "crate::Domain" if args.len() == 1 => return args.remove(0),
        "str" | "crate::StringSql" => return plain("String".to_owned(), args),
        "crate::BytesSql" => {
            return plain("Vec".to_owned(), vec![plain("u8".to_owned(), Vec::new())]);
        }
        "crate::JsonSql" | "serde_json::value::Value" => {
            return plain("serde_json::Value".to_owned(), args);
        }
        "crate::ArraySql" => return plain("Vec".to_owned(), args),
        _ => {}
    }
    Type { name, args }
}
