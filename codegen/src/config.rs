//! `sqlmill.toml`: where things lie, and what holds for the whole schema. Every key may be left out.

use std::ops::Range;

use toml::Spanned as Toml;
use toml::de::{DeTable, DeValue};

mod types;

use crate::diagnostic::Diagnostic;
use crate::nearest::nearest;
use crate::source::{FileId, Sources, Span, Spanned};

pub use types::{DateTimes, Derives, Ids, Numerics, RustAs, TypeRule};

#[derive(Debug, Clone)]
pub struct Config {
    /// Paths are relative to the directory of `sqlmill.toml`, with `/`.
    pub schema: String,
    pub queries: String,
    pub out: String,
    /// Of the value, where the file has one.
    pub out_span: Option<Span>,
    /// The package name of the generated crate.
    pub crate_name: String,
    /// Where a new generated package finds the runtime, as its `Cargo.toml` says it: `workspace`, a path (with a `/`), or a version.
    /// Without it, the runtime of this program's own checkout, or else the version of this program.
    pub runtime: Option<String>,
    /// A package for each module, in place of one for all.
    pub split: bool,
    /// Of the generated package, where it exists already: names and values, as its `Cargo.toml` says them.
    pub dependencies: Option<toml::Table>,
    /// Of the generated package, if it has a feature `testing`: the schema file, as a path from the package's `src/`.
    pub testing: Option<String>,
    /// The schemas in which names without one are looked up, at generation and on every connection.
    pub search_path: Vec<String>,
    /// Of each, where the file has them.
    pub search_path_spans: Vec<Span>,
    /// `[soft_delete]`: a row whose column is not NULL counts as deleted. Without it the rules about soft deletion are off.
    pub soft_delete: Option<SharedColumn>,
    /// `[updated_at]`: when a row was changed last. Without it the rule `updated-at` is off.
    pub updated_at: Option<SharedColumn>,
    /// `[tables]`: the row types of tables, in the file's order.
    pub tables: Vec<TableType>,
    pub page: PageSizes,
    pub date_time: DateTimes,
    pub numeric: Numerics,
    pub ids: Ids,
    /// `[types]`, in the file's order.
    pub types: Vec<TypeRule>,
    pub derives: Derives,
    /// `compat = "cornucopia"`: what its users' files rely on is a warning or accepted.
    pub cornucopia: bool,
}

/// A column that many tables have, with one meaning: of `[soft_delete]` and `[updated_at]`.
#[derive(Debug, Clone)]
pub struct SharedColumn {
    pub column: Spanned<String>,
    /// Tables that have such a column and are not meant; `schema.table` or, on the search path, `table`.
    pub exclude: Vec<Spanned<String>>,
}

/// `users = "User"`
#[derive(Debug, Clone)]
pub struct TableType {
    /// `schema.table` or, on the search path, `table`.
    pub table: Spanned<String>,
    pub row: Spanned<String>,
}

/// `[page]`: how many rows a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSizes {
    /// Where no size is asked for.
    pub default: i64,
    /// The most that may be asked for.
    pub max: i64,
}

impl Default for PageSizes {
    fn default() -> Self {
        Self {
            default: 20,
            max: 1000,
        }
    }
}

impl PageSizes {
    /// What the generated crate has to say of them.
    pub fn unless_default(self) -> Option<(i64, i64)> {
        (self != Self::default()).then_some((self.default, self.max))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            schema: "schema.sql".to_owned(),
            queries: "queries".to_owned(),
            out: "generated".to_owned(),
            out_span: None,
            crate_name: "database".to_owned(),
            runtime: None,
            split: false,
            dependencies: None,
            testing: None,
            search_path: vec!["public".to_owned()],
            search_path_spans: Vec::new(),
            soft_delete: None,
            updated_at: None,
            tables: Vec::new(),
            page: PageSizes::default(),
            date_time: DateTimes::default(),
            numeric: Numerics::default(),
            ids: Ids::default(),
            types: Vec::new(),
            derives: Derives::default(),
            cornucopia: false,
        }
    }
}

/// Keys that are wrong keep their defaults.
pub fn parse(sources: &Sources, file: FileId) -> (Config, Vec<Diagnostic>) {
    let text = sources.get(file).text.as_str();
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        file,
        diagnostics: errors
            .into_iter()
            .map(|error| {
                let span = error.span().unwrap_or(0..0);
                Diagnostic::error("config", format!("not TOML: {}", error.message()))
                    .at(Span::new(file, span))
            })
            .collect(),
    };
    let mut config = Config::default();
    // Where the text is not TOML, what can be read of it says little about what is missing or unknown.
    if reader.diagnostics.is_empty() {
        reader.root(document.get_ref(), &mut config);
    }
    (config, reader.diagnostics)
}

struct Reader {
    file: FileId,
    diagnostics: Vec<Diagnostic>,
}

type Key<'a, 'i> = (&'a Toml<std::borrow::Cow<'i, str>>, &'a Toml<DeValue<'i>>);

impl Reader {
    fn error(&mut self, at: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(
            Diagnostic::error("config", message)
                .at(Span::new(self.file, at))
                .help(help),
        );
    }

    fn root(&mut self, table: &DeTable<'_>, config: &mut Config) {
        const KEYS: [&str; 17] = [
            "schema",
            "queries",
            "out",
            "crate_name",
            "runtime",
            "split",
            "search_path",
            "soft_delete",
            "updated_at",
            "page",
            "tables",
            "date_time",
            "numeric",
            "ids",
            "types",
            "derive",
            "compat",
        ];
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "schema" => {
                    self.path(value, &mut config.schema);
                }
                "queries" => {
                    self.path(value, &mut config.queries);
                }
                "out" => config.out_span = self.path(value, &mut config.out),
                "crate_name" => self.crate_name(value, &mut config.crate_name),
                "runtime" => {
                    const EXAMPLE: &str = "`workspace`, a path or a version";
                    config.runtime = self.text(value, EXAMPLE).map(|text| text.value);
                }
                "split" => match value.get_ref() {
                    DeValue::Boolean(split) => config.split = *split,
                    _ => self.error(
                        value.span(),
                        "`split` is true or false",
                        "write `split = true`",
                    ),
                },
                "search_path" => self.search_path(value, config),
                key @ "soft_delete" => {
                    config.soft_delete = self.shared_column(key, "deleted_at", value);
                }
                key @ "updated_at" => {
                    config.updated_at = self.shared_column(key, "updated_at", value);
                }
                "page" => config.page = self.page(value),
                "tables" => config.tables = self.tables(value),
                key @ ("date_time" | "numeric" | "ids") => self.families(key, value, config),
                "types" => config.types = self.type_rules(value),
                "derive" => config.derives = self.derives(value),
                "compat" => self.choice(value, &[("cornucopia", true)], &mut config.cornucopia),
                _ => self.unknown((key, value), "", &KEYS),
            }
        }
    }

    fn unknown(&mut self, (key, _): Key<'_, '_>, table: &str, known: &[&str]) {
        let name = key.get_ref();
        let place = if table.is_empty() {
            String::new()
        } else {
            format!(" in `[{table}]`")
        };
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the keys{place} are {}", quoted(known)),
        };
        self.error(key.span(), format!("unknown key `{name}`{place}"), help);
    }

    fn text(&mut self, value: &Toml<DeValue<'_>>, example: &str) -> Option<Spanned<String>> {
        match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Some(Spanned {
                value: text.clone().into_owned(),
                span: Span::new(self.file, value.span()),
            }),
            DeValue::String(_) => {
                self.error(
                    value.span(),
                    "this may not be empty",
                    format!("write {example}"),
                );
                None
            }
            other => {
                self.error(
                    value.span(),
                    format!("expected a string, found {}", a(other)),
                    format!("write {example}"),
                );
                None
            }
        }
    }

    fn path(&mut self, value: &Toml<DeValue<'_>>, path: &mut String) -> Option<Span> {
        let text = self.text(value, "a path relative to this file")?;
        *path = text.value;
        Some(text.span)
    }

    fn crate_name(&mut self, value: &Toml<DeValue<'_>>, name: &mut String) {
        const EXAMPLE: &str = "a name like `database`";
        let Some(text) = self.text(value, EXAMPLE) else {
            return;
        };
        let begins = text
            .value
            .starts_with(|letter: char| letter.is_ascii_alphabetic());
        let goes_on = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if begins && text.value.chars().all(goes_on) {
            *name = text.value;
        } else {
            self.error(
                value.span(),
                format!("`{}` cannot be the name of a package", text.value),
                "use ASCII letters, digits, `-` and `_`, a letter first",
            );
        }
    }

    fn list(&mut self, value: &Toml<DeValue<'_>>, example: &str) -> Option<Vec<Spanned<String>>> {
        let DeValue::Array(items) = value.get_ref() else {
            self.error(
                value.span(),
                format!("expected a list of strings, found {}", a(value.get_ref())),
                format!("write {example}"),
            );
            return None;
        };
        let mut texts: Vec<Spanned<String>> = Vec::new();
        for item in items.iter() {
            let Some(text) = self.text(item, example) else {
                continue;
            };
            match texts.iter().find(|other| other.value == text.value) {
                Some(first) => self.diagnostics.push(
                    Diagnostic::error("config", format!("`{}` stands here twice", text.value))
                        .at(text.span)
                        .related(first.span, "here already")
                        .help("delete one of the two"),
                ),
                None => texts.push(text),
            }
        }
        Some(texts)
    }

    fn search_path(&mut self, value: &Toml<DeValue<'_>>, config: &mut Config) {
        const EXAMPLE: &str = "`search_path = [\"public\"]`";
        match self.list(value, EXAMPLE) {
            Some(schemas) if !schemas.is_empty() => {
                config.search_path_spans = schemas.iter().map(|schema| schema.span).collect();
                config.search_path = schemas.into_iter().map(|schema| schema.value).collect();
            }
            Some(_) => self.error(
                value.span(),
                "the search path names no schema",
                format!("write {EXAMPLE}"),
            ),
            None => {}
        }
    }

    fn shared_column(
        &mut self,
        key: &str,
        column: &str,
        value: &Toml<DeValue<'_>>,
    ) -> Option<SharedColumn> {
        let line = format!("`column = \"{column}\"`");
        let example = format!("`[{key}]` and below it {line}");
        let DeValue::Table(table) = value.get_ref() else {
            self.error(
                value.span(),
                format!("expected a table, found {}", a(value.get_ref())),
                format!("write {example}"),
            );
            return None;
        };
        let mut column = None;
        let mut exclude = Vec::new();
        let mut missing = true;
        for (name, value) in table.iter() {
            match name.get_ref().as_ref() {
                "column" => {
                    missing = false;
                    column = self.text(value, &line);
                }
                "exclude" => {
                    exclude = self
                        .list(value, "`exclude = [\"table\"]`")
                        .unwrap_or_default();
                }
                _ => self.unknown((name, value), key, &["column", "exclude"]),
            }
        }
        if missing {
            self.error(
                value.span(),
                format!("`[{key}]` does not name its column"),
                format!("write {example}"),
            );
        }
        column.map(|column| SharedColumn { column, exclude })
    }

    fn page(&mut self, value: &Toml<DeValue<'_>>) -> PageSizes {
        const EXAMPLE: &str = "`[page]` and below it `default = 20` and `max = 1000`";
        let mut sizes = PageSizes::default();
        let DeValue::Table(table) = value.get_ref() else {
            self.error(
                value.span(),
                format!("expected a table, found {}", a(value.get_ref())),
                format!("write {EXAMPLE}"),
            );
            return sizes;
        };
        for (key, value) in table.iter() {
            let size = match key.get_ref().as_ref() {
                "default" => &mut sizes.default,
                "max" => &mut sizes.max,
                _ => {
                    self.unknown((key, value), "page", &["default", "max"]);
                    continue;
                }
            };
            let number = match value.get_ref() {
                DeValue::Integer(number) => {
                    i64::from_str_radix(number.as_str(), number.radix()).ok()
                }
                _ => None,
            };
            // One row beyond a page is read, to know whether there is more.
            match number.filter(|number| (1..i64::from(i32::MAX)).contains(number)) {
                Some(number) => *size = number,
                None => self.error(
                    value.span(),
                    "the size of a page is a whole number from 1",
                    format!("write {EXAMPLE}"),
                ),
            }
        }
        if sizes.default > sizes.max {
            self.error(
                value.span(),
                format!(
                    "the default size, {}, is beyond the largest, {}",
                    sizes.default, sizes.max
                ),
                "raise `max`, or lower `default`",
            );
        }
        sizes
    }

    fn tables(&mut self, value: &Toml<DeValue<'_>>) -> Vec<TableType> {
        const EXAMPLE: &str = "`users = \"User\"`";
        let DeValue::Table(table) = value.get_ref() else {
            self.error(
                value.span(),
                format!("expected a table, found {}", a(value.get_ref())),
                format!("write `[tables]` and below it {EXAMPLE}"),
            );
            return Vec::new();
        };
        let mut types: Vec<TableType> = Vec::new();
        for (key, value) in table.iter() {
            if let DeValue::Table(_) = value.get_ref() {
                // `public.users = "User"` without quotes is a table within a table.
                self.error(
                    key.span(),
                    "a table's name with a dot stands in quotes",
                    format!("write `\"{}.name\" = \"Name\"`", key.get_ref()),
                );
                continue;
            }
            let Some(row) = self.text(value, EXAMPLE) else {
                continue;
            };
            let begins = row
                .value
                .starts_with(|letter: char| letter.is_ascii_uppercase());
            if !begins
                || !row
                    .value
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric())
                || row.value == "Self"
            {
                self.error(
                    value.span(),
                    format!("`{}` is not the name of a Rust type", row.value),
                    format!("write it like {EXAMPLE}"),
                );
                continue;
            }
            types.push(TableType {
                table: Spanned {
                    value: key.get_ref().clone().into_owned(),
                    span: Span::new(self.file, key.span()),
                },
                row,
            });
        }
        types.sort_by_key(|table| table.table.span.start);
        types
    }
}

fn a(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Config, parse};
    use crate::source::Sources;

    fn read(text: &str) -> (Config, Vec<String>) {
        let mut sources = Sources::default();
        let file = sources.add("sqlmill.toml", text);
        let (config, diagnostics) = parse(&sources, file);
        let shown = diagnostics
            .iter()
            .map(|found| {
                let span = found.span.unwrap();
                let at = sources.position(span);
                format!(
                    "{}:{} `{}` {} | {}",
                    at.line,
                    at.column,
                    sources.text(span),
                    found.message,
                    found.help.join(" | ")
                )
            })
            .collect();
        (config, shown)
    }

    #[test]
    fn every_key_is_read_and_may_be_left_out() {
        let (config, errors) = read("");
        assert!(errors.is_empty());
        assert_eq!(
            (
                config.schema.as_str(),
                config.queries.as_str(),
                config.out.as_str(),
                config.crate_name.as_str()
            ),
            ("schema.sql", "queries", "generated", "database")
        );
        assert_eq!(config.search_path, ["public"]);
        assert!(config.soft_delete.is_none() && config.tables.is_empty());

        let (config, errors) = read(
            "schema = 'db/schema.sql'\nqueries = \"sql\"\nout = \"out\"\ncrate_name = \"my-db\"\n\
             search_path = [\"app\", \"public\"]\n[soft_delete]\ncolumn = \"deleted_at\"\nexclude = [\"audit\"]\n\
             [tables]\nusers = \"User\"\n\"app.keys\" = \"ApiKey\"\n",
        );
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(
            (
                config.schema.as_str(),
                config.queries.as_str(),
                config.out.as_str(),
                config.crate_name.as_str()
            ),
            ("db/schema.sql", "sql", "out", "my-db")
        );
        assert_eq!(config.search_path, ["app", "public"]);
        let soft_delete = config.soft_delete.unwrap();
        assert_eq!(soft_delete.column.value, "deleted_at");
        assert_eq!(soft_delete.exclude[0].value, "audit");
        let tables: Vec<_> = config
            .tables
            .iter()
            .map(|table| (table.table.value.as_str(), table.row.value.as_str()))
            .collect();
        assert_eq!(tables, [("users", "User"), ("app.keys", "ApiKey")]);
    }

    #[test]
    fn every_fault_is_told_at_its_place() {
        let (config, errors) = read(
            "shcema = \"a\"\nout = 3\nqueries = \"\"\ncrate_name = \"9\"\nsearch_path = []\nzebra = 1\nsplit = 3\n\
             [soft_delete]\ncolunm = \"x\"\nexclude = [\"a\", \"a\"]\n[tables]\nusers = \"user\"\npublic.keys = \"Key\"\n",
        );
        let mut errors = errors;
        errors.sort_by_key(|error| {
            error
                .split(':')
                .next()
                .and_then(|line| line.parse::<u32>().ok())
        });
        assert_eq!(
            errors,
            [
                "1:1 `shcema` unknown key `shcema` | did you mean `schema`?",
                "2:7 `3` expected a string, found a number | write a path relative to this file",
                "3:11 `\"\"` this may not be empty | write a path relative to this file",
                "4:14 `\"9\"` `9` cannot be the name of a package | use ASCII letters, digits, `-` and `_`, a letter first",
                "5:15 `[]` the search path names no schema | write `search_path = [\"public\"]`",
                "6:1 `zebra` unknown key `zebra` | the keys are `schema`, `queries`, `out`, `crate_name`, `runtime`, `split`, `search_path`, `soft_delete`, `updated_at`, `page`, `tables`, `date_time`, `numeric`, `ids`, `types`, `derive`, `compat`",
                "7:9 `3` `split` is true or false | write `split = true`",
                "8:1 `[soft_delete]` `[soft_delete]` does not name its column | write `[soft_delete]` and below it `column = \"deleted_at\"`",
                "9:1 `colunm` unknown key `colunm` in `[soft_delete]` | did you mean `column`?",
                "10:17 `\"a\"` `a` stands here twice | delete one of the two",
                "12:9 `\"user\"` `user` is not the name of a Rust type | write it like `users = \"User\"`",
                "13:1 `public` a table's name with a dot stands in quotes | write `\"public.name\" = \"Name\"`",
            ]
        );
        assert_eq!(config.out, "generated");
    }

    #[test]
    fn sizes_of_pages_are_bounded() {
        let (config, errors) = read("[page]\nmax = 50\n");
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(config.page.unless_default(), Some((20, 50)));
        let (config, errors) = read("[page]\ndefault = 20\nmax = 1_000\n");
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(config.page.unless_default(), None);
        let (_, errors) = read("page = 3\n");
        assert_eq!(
            errors,
            [
                "1:8 `3` expected a table, found a number | write `[page]` and below it `default = 20` and `max = 1000`"
            ]
        );
        for (text, message) in [
            (
                "[page]\nmax = 0\n",
                "2:7 `0` the size of a page is a whole number from 1",
            ),
            (
                "[page]\nmax = \"x\"\n",
                "2:7 `\"x\"` the size of a page is a whole number from 1",
            ),
            (
                "[page]\nmin = 1\n",
                "2:1 `min` unknown key `min` in `[page]`",
            ),
            (
                "[page]\nmax = 10\n",
                "1:1 `[page]` the default size, 20, is beyond the largest, 10",
            ),
        ] {
            let (_, errors) = read(text);
            assert!(errors[0].starts_with(message), "{errors:?}");
        }
    }

    #[test]
    fn what_is_not_toml_is_told_where() {
        let (_, errors) = read("schema = \nout = \"x\"\n");
        assert_eq!(errors.len(), 1);
        assert!(errors[0].starts_with("1:10 "), "{errors:?}");
        let (_, errors) = read("schema = \"a\"\nschema = \"b\"\n");
        assert!(errors[0].contains("duplicate"), "{errors:?}");
    }
}
