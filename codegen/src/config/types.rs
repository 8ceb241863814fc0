//! `[types]`, `[derive]` and the keys that choose whole families of Rust types.

use toml::Spanned as Toml;
use toml::de::{DeTable, DeValue};

use crate::source::{Span, Spanned};

use super::{Config, Reader, a, quoted};

/// What stands for `timestamptz`, `timestamp`, `date` and `time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateTimes {
    #[default]
    Jiff,
    Chrono,
    Time,
}

/// What stands for `numeric`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numerics {
    #[default]
    RustDecimal,
    BigDecimal,
    Text,
}

/// What stands for the key of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ids {
    /// What its column is: `Uuid`.
    #[default]
    Plain,
    /// A type of its own: `UserId`.
    Newtype,
}

/// A line of `[types]`: what one type, domain or column is in Rust.
#[derive(Debug, Clone)]
pub struct TypeRule {
    /// `inet`, `public.mood`, `users.config`
    pub name: Spanned<String>,
    pub rust: Option<Spanned<RustAs>>,
    /// The borrowed form of a type of the author's.
    pub borrowed: Option<String>,
    /// An enum keeps labels that the crate does not know.
    pub keep_unknown: bool,
    pub derives: Vec<String>,
    pub attributes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RustAs {
    /// `inet` with a mask.
    Network,
    /// An array of several dimensions.
    Array,
    /// `numeric` of any size.
    Text,
    /// The bytes as the server sends them.
    Bytes,
    /// A type of the author's: `crate_types::UserConfig`.
    Path(String),
}

/// `[derive]`: what all structs and enums derive beyond ours.
#[derive(Debug, Clone, Default)]
pub struct Derives {
    pub rows: Vec<String>,
    pub params: Vec<String>,
    pub types: Vec<String>,
    /// `cfg_attr` of rows and types, by the feature of the generated crate.
    pub features: Vec<(String, Vec<String>)>,
}

impl Derives {
    /// The attributes that derive by feature.
    pub fn attributes(&self) -> Vec<String> {
        self.features
            .iter()
            .map(|(feature, derives)| {
                format!(
                    "cfg_attr(feature = {feature:?}, derive({}))",
                    derives.join(", ")
                )
            })
            .collect()
    }
}

const EXAMPLE: &str = "`\"users.config\" = \"crate_types::UserConfig\"`";

impl Reader {
    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        value: &Toml<DeValue<'_>>,
        choices: &[(&str, T)],
        chosen: &mut T,
    ) {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let Some(text) = self.text(value, &quoted(&words)) else {
            return;
        };
        match choices.iter().find(|(word, _)| *word == text.value) {
            Some((_, choice)) => *chosen = *choice,
            None => self.error(
                value.span(),
                format!("`{}` is none of the choices", text.value),
                format!("write one of {}", quoted(&words)),
            ),
        }
    }

    pub(super) fn families(&mut self, key: &str, value: &Toml<DeValue<'_>>, config: &mut Config) {
        match key {
            "date_time" => self.choice(
                value,
                &[
                    ("jiff", DateTimes::Jiff),
                    ("chrono", DateTimes::Chrono),
                    ("time", DateTimes::Time),
                ],
                &mut config.date_time,
            ),
            "numeric" => self.choice(
                value,
                &[
                    ("rust_decimal", Numerics::RustDecimal),
                    ("bigdecimal", Numerics::BigDecimal),
                    ("text", Numerics::Text),
                ],
                &mut config.numeric,
            ),
            _ => self.choice(
                value,
                &[("plain", Ids::Plain), ("newtype", Ids::Newtype)],
                &mut config.ids,
            ),
        }
    }

    pub(super) fn type_rules(&mut self, value: &Toml<DeValue<'_>>) -> Vec<TypeRule> {
        let Some(table) = self.table(value, "[types]", EXAMPLE) else {
            return Vec::new();
        };
        let mut rules = Vec::new();
        for (key, value) in table.iter() {
            let mut rule = TypeRule {
                name: Spanned {
                    value: key.get_ref().clone().into_owned(),
                    span: Span::new(self.file, key.span()),
                },
                rust: None,
                borrowed: None,
                keep_unknown: false,
                derives: Vec::new(),
                attributes: Vec::new(),
            };
            match value.get_ref() {
                DeValue::Table(table) => {
                    const KEYS: [&str; 5] = ["type", "borrowed", "unknown", "derive", "attributes"];
                    let known = |key: &str| KEYS.contains(&key);
                    if !table.is_empty() && !table.iter().any(|(key, _)| known(key.get_ref())) {
                        // `users.config = "…"` without quotes is a table within a table.
                        self.error(
                            key.span(),
                            "no rule for a type",
                            format!(
                                "its keys are `{}`; a name with a dot stands in quotes, like {EXAMPLE}",
                                KEYS.join("`, `")
                            ),
                        );
                        continue;
                    }
                    for (key, value) in table.iter() {
                        match key.get_ref().as_ref() {
                            "type" => rule.rust = self.rust_type(value),
                            "borrowed" => {
                                rule.borrowed = self
                                    .text(value, "`crate_types::EmailRef`, without its lifetime")
                                    .map(|text| text.value);
                            }
                            "unknown" => self.choice(
                                value,
                                &[("error", false), ("keep", true)],
                                &mut rule.keep_unknown,
                            ),
                            "derive" => rule.derives = self.words(value),
                            "attributes" => rule.attributes = self.words(value),
                            _ => self.unknown((key, value), "types", &KEYS),
                        }
                    }
                }
                _ => rule.rust = self.rust_type(value),
            }
            rules.push(rule);
        }
        rules.sort_by_key(|rule| rule.name.span.start);
        rules
    }

    fn rust_type(&mut self, value: &Toml<DeValue<'_>>) -> Option<Spanned<RustAs>> {
        let text = self.text(value, EXAMPLE)?;
        let rust = match text.value.as_str() {
            "network" => RustAs::Network,
            "array" => RustAs::Array,
            "text" => RustAs::Text,
            "bytes" => RustAs::Bytes,
            path if is_path(path) => RustAs::Path(path.to_owned()),
            other => {
                self.error(
                    value.span(),
                    format!("`{other}` is neither a path to a Rust type nor a word that is known"),
                    format!(
                        "write a path, {EXAMPLE}, or one of `network`, `array`, `text`, `bytes`"
                    ),
                );
                return None;
            }
        };
        Some(Spanned {
            value: rust,
            span: text.span,
        })
    }

    fn words(&mut self, value: &Toml<DeValue<'_>>) -> Vec<String> {
        let listed = self.list(value, "`[\"serde::Serialize\"]`");
        listed
            .unwrap_or_default()
            .into_iter()
            .map(|word| word.value)
            .collect()
    }

    pub(super) fn derives(&mut self, value: &Toml<DeValue<'_>>) -> Derives {
        let mut derives = Derives::default();
        const EXAMPLE: &str = "`rows = [\"serde::Serialize\"]`";
        let Some(table) = self.table(value, "[derive]", EXAMPLE) else {
            return derives;
        };
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "rows" => derives.rows = self.words(value),
                "params" => derives.params = self.words(value),
                "types" => derives.types = self.words(value),
                "features" => {
                    const EXAMPLE: &str = "`serde = [\"serde::Serialize\"]`";
                    let table = self.table(value, "[derive.features]", EXAMPLE);
                    for (feature, value) in table.into_iter().flat_map(DeTable::iter) {
                        let words = self.words(value);
                        derives
                            .features
                            .push((feature.get_ref().clone().into_owned(), words));
                    }
                    derives.features.sort();
                }
                _ => self.unknown(
                    (key, value),
                    "derive",
                    &["rows", "params", "types", "features"],
                ),
            }
        }
        derives
    }

    fn table<'t, 'i>(
        &mut self,
        value: &'t Toml<DeValue<'i>>,
        head: &str,
        example: &str,
    ) -> Option<&'t DeTable<'i>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            other => {
                self.error(
                    value.span(),
                    format!("expected a table, found {}", a(other)),
                    format!("write `{head}` and below it {example}"),
                );
                None
            }
        }
    }
}

/// `crate_types::UserConfig`, with generics and lifetimes that are `'static` if there are any.
fn is_path(text: &str) -> bool {
    text.contains("::")
        && !text.starts_with("::")
        && !text.ends_with("::")
        && text
            .chars()
            .all(|letter| letter.is_alphanumeric() || "_:<>, ".contains(letter))
}
