//! A query as the generated crate declares it, and the check of its types when it is prepared.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use crate::param::{Param, Params};
use crate::row::{Column, Row, Source};
use crate::sql_type::SqlType;
use crate::texts::Texts;
use crate::wire::{Prepared, Type};

/// A query with the types of its parameters and rows. Declared once, as a `static`.
///
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
    check_params: fn(&mut Check<'_>),
    check_columns: fn(&mut Check<'_>),
}

/// Which query it is, for errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) name: &'static str,
    pub(crate) location: &'static str,
}

/// What a connection knows a prepared statement by. Text and functions live as long as the program, so their addresses
/// stand for them; the functions stand for the types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    sql: usize,
    params: usize,
    columns: usize,
}

impl<P: Params, R: Row> Statement<P, R> {
    /// A query by its name (`users::get_user`), the place it was written at (`queries/users.sql:3`) and its text.
    pub const fn new(name: &'static str, location: &'static str, sql: &'static str) -> Self {
        Self {
            about: About {
                origin: Origin { name, location },
                sql,
                shared: false,
                timeout: None,
                params: None,
                keys: &[],
                check_params: check_params::<P>,
                check_columns: check_columns::<R>,
            },
            texts: None,
            types: PhantomData,
        }
    }

    /// A query of several texts: [`Params::variant`] says which one a call sends.
    pub const fn several(
        name: &'static str,
        location: &'static str,
        texts: &'static Texts,
    ) -> Self {
        let mut statement = Self::new(name, location, "");
        statement.texts = Some(texts);
        statement
    }

    /// A query that takes many rows of parameters, no two of which may have the same `keys`: places among the parameters of a row.
    pub const fn keyed(
        name: &'static str,
        location: &'static str,
        sql: &'static str,
        keys: &'static [u16],
    ) -> Self {
        let mut statement = Self::new(name, location, sql);
        statement.about.keys = keys;
        statement
    }

    /// A read that may travel on a connection that others use at the same time: proved to return one row at most, to take no
    /// lock, and to call nothing that depends on the session.
    pub const fn shared(name: &'static str, location: &'static str, sql: &'static str) -> Self {
        let mut statement = Self::new(name, location, sql);
        statement.about.shared = true;
        statement
    }

    /// Cancelled when it runs longer. So it takes a connection of its own: on one that others use, nothing is cancelled.
    #[must_use]
    pub const fn timeout_ms(mut self, limit: u64) -> Self {
        self.about.timeout = Some(Duration::from_millis(limit));
        self.about.shared = false;
        self
    }

    /// As [`shared`](Self::shared), of several texts: what was proved holds for each.
    pub const fn shared_several(
        name: &'static str,
        location: &'static str,
        texts: &'static Texts,
    ) -> Self {
        let mut statement = Self::several(name, location, texts);
        statement.about.shared = true;
        statement
    }
}

impl<P, R> Statement<P, R> {
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
        self.abouts().iter().map(|about| about.sql).collect()
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
}

impl<P, R> fmt::Debug for Statement<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("name", &self.about.origin.name)
            .field("location", &self.about.origin.location)
            .finish_non_exhaustive()
    }
}

fn check_params<P: Params>(check: &mut Check<'_>) {
    P::check(check);
}

fn check_columns<R: Row>(check: &mut Check<'_>) {
    R::read(check);
}

impl About {
    pub(crate) fn key(&self) -> Key {
        Key {
            sql: self.sql.as_ptr().addr(),
            params: self.check_params as usize,
            columns: self.check_columns as usize,
        }
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
        let mut check = Check::new(prepared.params().map(|ty| (None, ty)).collect());
        check.places = self.params;
        (self.check_params)(&mut check);
        check.finish(Side::Parameter)?;
        let columns = prepared.columns();
        let mut check = Check::new(columns.map(|(name, ty)| (Some(name), ty)).collect());
        (self.check_columns)(&mut check);
        check.finish(Side::Column)
    }
}

/// Walks over the types that a query was compiled for, beside the types that the server has.
pub struct Check<'c> {
    actual: Vec<(Option<&'c str>, Type<'c>)>,
    /// Which of the parameters there are, where a text has not all of them.
    places: Option<&'static [u16]>,
    /// The parameters are arrays of what is compared.
    elements: bool,
    /// Of all parameters, or of the columns.
    at: usize,
    /// Of those that there are.
    compared: usize,
    mismatch: Option<(usize, String, String)>,
}

impl<'c> Check<'c> {
    fn new(actual: Vec<(Option<&'c str>, Type<'c>)>) -> Self {
        Self {
            actual,
            places: None,
            elements: false,
            at: 0,
            compared: 0,
            mismatch: None,
        }
    }

    /// The next parameter. Always `None`: only its type is looked at.
    pub fn param<T: Param + SqlType>(&mut self, name: &str) -> Option<T> {
        self.compare::<T>(name);
        None
    }

    /// Whatever the types of those that are left.
    #[cfg(feature = "testing")]
    pub(crate) fn any(&mut self) {
        self.compared = self.actual.len();
    }

    /// The parameters that `check` names are elements of those that there are.
    pub(crate) fn of_elements(&mut self, check: impl FnOnce(&mut Self)) {
        self.elements = true;
        check(self);
        self.elements = false;
    }

    fn compare<T: SqlType + ?Sized>(&mut self, name: &str) {
        let at = self.at;
        self.at += 1;
        let index = match self.places {
            None => at,
            Some(places) => match places.iter().position(|&place| usize::from(place) == at) {
                Some(index) => index,
                None => return,
            },
        };
        self.compared += 1;
        if let Some((column, actual)) = self.actual.get(index)
            && self.mismatch.is_none()
            && !match self.elements {
                true => actual.element().is_some_and(T::accepts),
                false => T::accepts(*actual),
            }
        {
            let name = column.unwrap_or(name).to_owned();
            let types = format!("the crate has {}, the database {actual}", T::expected());
            self.mismatch = Some((index, name, types));
        }
    }

    fn finish(self, side: Side) -> Result<(), Mismatch> {
        if self.compared != self.actual.len() {
            return Err(Mismatch {
                side,
                place: None,
                text: format!(
                    "the crate has {} {side}s, the database {}",
                    self.compared,
                    self.actual.len()
                ),
            });
        }
        match self.mismatch {
            None => Ok(()),
            Some((index, name, text)) => Err(Mismatch {
                side,
                place: Some((index, name)),
                text,
            }),
        }
    }
}

impl<'r> Source<'r> for Check<'_> {
    fn column<T: Column<'r>>(&mut self, name: &'static str) -> Option<T> {
        self.compare::<T>(name);
        None
    }
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Check")
    }
}

/// The database and the crate disagree about a type.
#[derive(Debug)]
pub(crate) struct Mismatch {
    side: Side,
    place: Option<(usize, String)>,
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
            Some((index, name)) => {
                write!(f, "{} {} `{name}`: {}", self.side, index + 1, self.text)
            }
            None => f.write_str(&self.text),
        }
    }
}
