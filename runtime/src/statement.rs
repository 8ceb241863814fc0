//! A query as the generated crate declares it, and the check of its types when it is prepared.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::time::Duration;

use crate::held::Held;
use crate::page::{Cursors, Pages};
use crate::param::Params;
use crate::row::{Row, Source};
use crate::texts::Texts;
use crate::type_list::{self, ANY};
use crate::wire::{Prepared, Type};

/// A query with the types of its parameters and rows. Declared once, as a `static`.
pub struct Statement<P, R = NoRows> {
    about: About,
    texts: Option<&'static Texts>,
    types: PhantomData<fn() -> (P, R)>,
}

/// The row of a query that returns none by its form, such as an INSERT without RETURNING.
#[derive(Debug, Clone, Copy)]
pub enum NoRows {}

impl Row for NoRows {
    type Ref<'r> = Self;

    fn read<'r, S: Source<'r>>(_: &mut S) -> Option<Self> {
        None
    }

    fn borrow<'r, S: Source<'r>>(_: &mut S) -> Option<Self> {
        None
    }
}

/// What the runtime knows of a statement, whatever its types.
#[derive(Debug, Clone, Copy)]
pub struct About {
    pub(crate) origin: Origin,
    pub(crate) sql: &'static str,
    /// May it travel on a connection that others use at the same time?
    pub(crate) shared: bool,
    /// How long it may run.
    pub(crate) timeout: Option<Duration>,
    /// Of one text among several: the places of its `$n` among the parameters that are bound.
    pub(crate) params: Option<&'static [u16]>,
    /// Of a query that takes many rows of parameters: those that tell rows apart.
    pub(crate) keys: &'static [u16],
    /// Of many rows: the places of those that are arrays.
    pub(crate) arrays: &'static [u16],
    /// Of many rows: how they go where they are more than one statement takes.
    pub(crate) copied: Option<Copied>,
    /// What parameters are held to before they are sent; of many rows, those of each.
    pub(crate) held: &'static [Held],
    /// How it is read in pages, if it is.
    pub(crate) pages: Option<&'static Pages>,
    /// The parameters that a page has behind the query's own.
    added: Added,
    /// The types of all parameters, and of the columns: see [`type_list`].
    param_types: &'static str,
    column_types: &'static str,
}

/// COPY, with a column for each parameter of a row in their order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copied {
    pub(crate) copy: &'static str,
    /// The statement of one row, whose parameters have the types of the columns.
    pub(crate) row: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Added {
    Nothing,
    /// Nothing; it is the statement of one row among many.
    OneRow,
    /// LIMIT and OFFSET.
    Page,
    /// Values of the keys that are not NULL by that pattern, and LIMIT.
    Cursor(&'static Cursors, usize),
}

/// Which query it is, for errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) name: &'static str,
    pub(crate) location: &'static str,
}

/// What a connection knows a prepared statement by. Texts live as long as the program, so their addresses stand for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    sql: usize,
    params: usize,
    columns: usize,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The same text with other types is rare.
        state.write_usize(self.sql);
    }
}

impl<P: Params, R: Row> Statement<P, R> {
    /// A query by its name (`users::get_user`), the place it was written at (`queries/users.sql:3`), its text, and the types
    /// of the database that `P` and `R` stand for: `"uuid text[]"`. The server's are held against them when it is prepared.
    pub const fn new(
        name: &'static str,
        location: &'static str,
        sql: &'static str,
        param_types: &'static str,
        column_types: &'static str,
    ) -> Self {
        Self {
            about: About {
                origin: Origin { name, location },
                sql,
                shared: false,
                timeout: None,
                params: None,
                keys: &[],
                arrays: &[],
                copied: None,
                held: &[],
                pages: None,
                added: Added::Nothing,
                param_types,
                column_types,
            },
            texts: None,
            types: PhantomData,
        }
    }

    /// A query of several texts: [`Params::variant`] says which one a call sends. What is said of it holds for each.
    pub const fn several(
        name: &'static str,
        location: &'static str,
        texts: &'static Texts,
        param_types: &'static str,
        column_types: &'static str,
    ) -> Self {
        let mut statement = Self::new(name, location, "", param_types, column_types);
        statement.texts = Some(texts);
        statement
    }
}

impl<P, R> Statement<P, R> {
    /// A read that may travel on a connection that others use at the same time: proved to return one row at most, to take no
    /// lock, and to call nothing that depends on the session.
    #[must_use]
    pub const fn shared(mut self) -> Self {
        self.about.shared = self.about.timeout.is_none();
        self
    }

    /// Cancelled when it runs longer. So it takes a connection of its own: on one that others use, nothing is cancelled.
    #[must_use]
    pub const fn timeout_ms(mut self, limit: u64) -> Self {
        self.about.timeout = Some(Duration::from_millis(limit));
        self.about.shared = false;
        self
    }

    /// What the schema demands of parameters that are stored as they are.
    #[must_use]
    pub const fn held(mut self, held: &'static [Held]) -> Self {
        self.about.held = held;
        self
    }

    /// It takes many rows of parameters, of which those at these places are arrays.
    #[must_use]
    pub const fn arrays(mut self, places: &'static [u16]) -> Self {
        self.about.arrays = places;
        self
    }

    /// It takes many rows of parameters, and where they are more than go in one statement they go by this COPY, which has a column for each
    /// parameter in their order. `row` is the statement of one of them, which stores them in the same columns.
    #[must_use]
    pub const fn copied(mut self, copy: &'static str, row: &'static str) -> Self {
        self.about.copied = Some(Copied { copy, row });
        self
    }

    /// It takes many rows of parameters, no two of which may have the same `keys`: places among the parameters of a row.
    #[must_use]
    pub const fn keyed(mut self, keys: &'static [u16]) -> Self {
        self.about.keys = keys;
        self
    }

    /// It is read in pages as well.
    #[must_use]
    pub const fn paged(mut self, pages: &'static Pages) -> Self {
        self.about.pages = Some(pages);
        self
    }

    /// `users::get_user`
    pub const fn name(&self) -> &'static str {
        self.about.origin.name
    }

    /// `queries/users.sql:3`
    pub const fn location(&self) -> &'static str {
        self.about.origin.location
    }

    /// The texts that are sent to the server: one, unless it depends on the call.
    pub fn texts_sent(&self) -> Vec<&'static str> {
        self.abouts().iter().flat_map(About::texts).collect()
    }

    pub(crate) const fn about(&self) -> &About {
        &self.about
    }

    pub(crate) const fn texts(&self) -> Option<&'static Texts> {
        self.texts
    }

    /// What is known of each text.
    pub(crate) fn abouts(&self) -> Vec<About> {
        match self.texts {
            None => vec![self.about],
            Some(texts) => texts.all(&self.about).into_iter().copied().collect(),
        }
    }

    /// What is known of all that it can send.
    pub(crate) fn every(&self) -> Vec<About> {
        let own = self.abouts();
        let pages: Vec<About> = own.iter().flat_map(About::every_page).collect();
        own.into_iter().chain(pages).collect()
    }
}

impl<P, R> fmt::Debug for Statement<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("name", &self.about.origin.name)
            .field("location", &self.about.origin.location)
            .finish_non_exhaustive()
    }
}

impl About {
    pub(crate) fn key(&self) -> Key {
        Key {
            sql: self.sql.as_ptr().addr(),
            params: self.param_types.as_ptr().addr(),
            columns: self.column_types.as_ptr().addr(),
        }
    }

    /// What is sent to the server, by name or to be prepared only.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &'static str> + use<> {
        let copied = self.copied.into_iter();
        let copied = copied.flat_map(|copied| [copied.copy, copied.row]);
        std::iter::once(self.sql).chain(copied)
    }

    /// The COPY of many rows.
    pub(crate) fn copy(&self, copied: Copied) -> Self {
        Self {
            sql: copied.copy,
            copied: None,
            param_types: "",
            ..*self
        }
    }

    /// The statement of one of many rows.
    pub(crate) fn one_row(&self, copied: Copied) -> Self {
        Self {
            sql: copied.row,
            copied: None,
            added: Added::OneRow,
            ..*self
        }
    }

    /// A page by number, with `LIMIT` and `OFFSET` behind the query's own parameters.
    pub(crate) fn page(&self, sql: &'static str) -> Self {
        Self {
            sql,
            pages: None,
            added: Added::Page,
            ..*self
        }
    }

    /// How many rows there are.
    pub(crate) fn count(&self, sql: &'static str) -> Self {
        Self {
            sql,
            pages: None,
            column_types: "int8",
            ..*self
        }
    }

    /// A page by cursor, with values of those columns and `LIMIT` behind the query's own parameters.
    pub(crate) fn cursor(&self, sql: &'static str, of: &'static Cursors, pattern: usize) -> Self {
        Self {
            sql,
            pages: None,
            added: Added::Cursor(of, pattern),
            ..*self
        }
    }

    /// All that is sent for its pages.
    fn every_page(&self) -> Vec<Self> {
        let own = match self.params {
            Some(places) => places.len(),
            None if self.param_types == ANY => return Vec::new(),
            None => type_list::split(self.param_types).count(),
        };
        let Some(texts) = self.pages.and_then(|pages| pages.texts(self, own)) else {
            return Vec::new();
        };
        let mut every = vec![self.page(texts.page), self.count(texts.count)];
        if let Some(cursors) = &texts.cursors {
            let ways = cursors.after.iter().zip(&cursors.before).enumerate();
            every.extend(ways.flat_map(|(pattern, (after, before))| {
                [after, before].map(|sql| self.cursor(sql, cursors.of, pattern))
            }));
        }
        every
    }

    /// Of many rows whose parameters were held, and travel as arrays.
    pub(crate) const fn of_columns(&self) -> Self {
        Self { held: &[], ..*self }
    }

    /// Of one of its texts.
    pub(crate) const fn of_text(&self, sql: &'static str, params: &'static [u16]) -> Self {
        Self {
            sql,
            params: Some(params),
            ..*self
        }
    }

    /// The text behind the query's name and place, as a comment. It is the same with every call, so that statistics by text stay one.
    pub(crate) fn named_sql(&self) -> String {
        let Origin { name, location } = self.origin;
        let comment = format!("{name} {location}")
            .replace("*/", "* /")
            .replace("/*", "/ *");
        format!("/* {comment} */ {}", self.sql)
    }

    /// Compares what the server says of a statement with what the crate was compiled for.
    pub(crate) fn check(&self, prepared: &Prepared) -> Result<(), Mismatch> {
        if self.param_types != ANY {
            let all: Vec<&str> = type_list::split(self.param_types).collect();
            let mut expected = match self.params {
                None => all,
                Some(places) => places
                    .iter()
                    .filter_map(|&place| all.get(usize::from(place)).copied())
                    .collect(),
            };
            match self.added {
                Added::Nothing => {}
                Added::OneRow => {
                    // Behind the arrays of all rows stands where each array of a row begins and ends.
                    expected.truncate(expected.len().saturating_sub(2 * self.arrays.len()));
                    for (place, ty) in expected.iter_mut().enumerate() {
                        if !self.arrays.iter().any(|&array| usize::from(array) == place) {
                            *ty = ty.strip_suffix("[]").unwrap_or(ty);
                        }
                    }
                }
                Added::Page => expected.extend(["int8", "int8"]),
                Added::Cursor(of, pattern) => {
                    let types: Vec<&str> = type_list::split(self.column_types).collect();
                    let keys = of.given(pattern).filter_map(|column| types.get(column));
                    expected.extend(keys.copied().chain(["int8"]));
                }
            }
            let actual = prepared.params().map(|ty| (None, ty));
            compare(Side::Parameter, &expected, actual)?;
        }
        if self.column_types == ANY {
            return Ok(());
        }
        let expected: Vec<&str> = type_list::split(self.column_types).collect();
        let actual = prepared.columns().map(|(name, ty)| (Some(name), ty));
        compare(Side::Column, &expected, actual)
    }
}

fn compare<'p>(
    side: Side,
    expected: &[&str],
    actual: impl ExactSizeIterator<Item = (Option<&'p str>, Type<'p>)>,
) -> Result<(), Mismatch> {
    let count = actual.len();
    if expected.len() != count {
        let text = format!(
            "the crate has {} {side}s, the database {count}",
            expected.len()
        );
        return Err(Mismatch {
            side,
            place: None,
            text,
        });
    }
    for (index, (expected, (name, ty))) in expected.iter().zip(actual).enumerate() {
        let spelled = type_list::spelled(ty);
        if spelled != **expected {
            return Err(Mismatch {
                side,
                place: Some((index, name.map(ToOwned::to_owned))),
                text: format!("the crate has {expected}, the database {spelled}"),
            });
        }
    }
    Ok(())
}

/// The database and the crate disagree about a type.
#[derive(Debug)]
pub(crate) struct Mismatch {
    side: Side,
    /// Columns have names.
    place: Option<(usize, Option<String>)>,
    text: String,
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Parameter,
    Column,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parameter => "parameter",
            Self::Column => "column",
        })
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some((index, Some(name))) => {
                write!(f, "{} {} `{name}`: {}", self.side, index + 1, self.text)
            }
            Some((index, None)) => write!(f, "{} {}: {}", self.side, index + 1, self.text),
            None => f.write_str(&self.text),
        }
    }
}
