//! Pages as a service sees them, and the texts that they are read with.

pub(crate) mod cursor;
pub(crate) mod together;

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use crate::error::{Error, ErrorKind, Result};
use crate::statement::About;
use crate::texts::Piece;
use cursor::Cursor;

/// Some of a query's rows, by the number of the page, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// The rows of all pages.
    pub total: i64,
    /// The number of this page, counted from 1.
    pub page: i64,
    /// How many rows a page has at most.
    pub page_size: i64,
    /// There are rows after these.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// The same page of other items.
    pub fn map<U>(self, map: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(map).collect(),
            total: self.total,
            page: self.page,
            page_size: self.page_size,
            has_more: self.has_more,
        }
    }
}

/// Some of a query's rows, and where to go on from them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CursorPage<T> {
    /// The rows, in the query's order whichever way they were reached.
    pub items: Vec<T>,
    /// For the rows after these; `None` where there were none.
    pub next: Option<Cursor>,
    /// For the rows before these; `None` where there were none, and where there are no items.
    pub previous: Option<Cursor>,
}

impl<T> CursorPage<T> {
    /// The same page of other items.
    pub fn map<U>(self, map: impl FnMut(T) -> U) -> CursorPage<U> {
        CursorPage {
            items: self.items.into_iter().map(map).collect(),
            next: self.next,
            previous: self.previous,
        }
    }
}

/// A number of a page or a size, or `None` for the default: `i64` and `Option<i64>`.
pub trait OrDefault: sealed::OrDefault {}

impl OrDefault for i64 {}
impl OrDefault for Option<i64> {}

mod sealed {
    pub trait OrDefault: Sized {
        fn asked(self) -> Option<i64>;

        fn or(self, default: i64) -> i64 {
            self.asked().unwrap_or(default)
        }
    }
}

impl sealed::OrDefault for i64 {
    fn asked(self) -> Option<i64> {
        Some(self)
    }
}

impl sealed::OrDefault for Option<i64> {
    fn asked(self) -> Option<i64> {
        self
    }
}

/// How a query is read in pages: what [`pages!`](crate::pages) makes. Its texts are joined of constant pieces, as those of
/// [`Texts`](crate::Texts) are.
#[derive(Debug)]
pub struct Pages {
    orders: &'static [Order],
    /// The size where none is asked for, and the largest.
    sizes: (i64, i64),
    /// By the address of the query's text.
    joined: RwLock<BTreeMap<usize, &'static PageTexts>>,
}

/// A query's rows in one order.
#[doc(hidden)]
#[derive(Debug)]
pub struct Order {
    /// The end of the query's text that its rows are counted and reached without.
    pub clause: &'static str,
    pub cursors: Option<Cursors>,
}

/// Pages from a place in an order.
#[doc(hidden)]
#[derive(Debug)]
pub struct Cursors {
    /// By which of the keys are NULL in the row at that place: a bit for each that may be.
    pub after: &'static [Way],
    pub before: &'static [Way],
    /// The places, among the keys, of those that may be NULL.
    pub nulls: &'static [usize],
    /// The keys with their types: `created_at timestamptz DESC, id uuid`. A cursor of other keys is refused.
    pub keys: &'static str,
    /// Their places among the columns of the row.
    pub columns: &'static [usize],
}

impl Cursors {
    /// The columns of the keys that have values in a row of that pattern.
    pub(crate) fn given(&self, pattern: usize) -> impl Iterator<Item = usize> {
        let is_null = move |place: usize| {
            let mut nulls = self.nulls.iter().enumerate();
            nulls.any(|(bit, &null)| null == place && pattern >> bit & 1 == 1)
        };
        let columns = self.columns.iter().enumerate();
        columns
            .filter(move |(place, _)| !is_null(*place))
            .map(|(_, &column)| column)
    }
}

/// The rows from a place on: what is put behind the query's text as a subquery. Parameters are those that a page adds: the values
/// of the keys that are not NULL, and then LIMIT.
#[doc(hidden)]
#[derive(Debug)]
pub struct Way {
    /// Of rows that lie one behind the other: each is looked for by itself.
    pub conditions: &'static [&'static [Piece]],
    /// ORDER BY and LIMIT.
    pub tail: &'static [Piece],
}

/// What is sent for pages of one text.
#[derive(Debug)]
pub(crate) struct PageTexts {
    /// With `LIMIT` and `OFFSET` as its last parameters.
    pub(crate) page: &'static str,
    pub(crate) count: &'static str,
    pub(crate) cursors: Option<CursorTexts>,
}

#[derive(Debug)]
pub(crate) struct CursorTexts {
    pub(crate) of: &'static Cursors,
    /// By which of the keys are NULL.
    pub(crate) after: Vec<&'static str>,
    pub(crate) before: Vec<&'static str>,
}

impl Pages {
    #[doc(hidden)]
    pub const fn new(orders: &'static [Order], sizes: (i64, i64)) -> Self {
        Self {
            orders,
            sizes,
            joined: RwLock::new(BTreeMap::new()),
        }
    }

    pub(crate) fn size(&self, asked: Option<i64>) -> Result<i64> {
        let (default, most) = self.sizes;
        let size = asked.unwrap_or(default);
        if (1..=most).contains(&size) {
            return Ok(size);
        }
        let detail = format!("a page has from 1 to {most} rows");
        Err(Error::with(ErrorKind::InvalidInput, detail))
    }

    /// What is sent for pages of one of the query's texts, which has so many parameters.
    pub(crate) fn texts(&self, of: &About, params: usize) -> Option<&'static PageTexts> {
        let address = of.sql.as_ptr().addr();
        let joined = self.joined.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(texts) = joined.get(&address) {
            return Some(texts);
        }
        drop(joined);
        let fits = |order: &&Order| of.sql.ends_with(order.clause);
        let order = self.orders.iter().find(fits)?;
        let mut joined = self.joined.write().unwrap_or_else(PoisonError::into_inner);
        // Connections know statements by the address of the text: see `Texts`.
        Some(
            joined
                .entry(address)
                .or_insert_with(|| Box::leak(Box::new(PageTexts::join(order, of.sql, params)))),
        )
    }
}

impl PageTexts {
    fn join(order: &'static Order, sql: &str, params: usize) -> Self {
        let rows = sql.strip_suffix(order.clause).unwrap_or(sql);
        let ways = |ways: &[Way]| -> Vec<&'static str> {
            let ways = ways.iter().map(|way| &*joined(rows, way, params).leak());
            ways.collect()
        };
        let (limit, offset) = (params + 1, params + 2);
        Self {
            page: format!("{sql}\nLIMIT ${limit} OFFSET ${offset}").leak(),
            count: format!("SELECT count(*) FROM (\n{rows}\n) AS page").leak(),
            cursors: order.cursors.as_ref().map(|cursors| CursorTexts {
                of: cursors,
                after: ways(cursors.after),
                before: ways(cursors.before),
            }),
        }
    }
}

/// The rule by which the generator joined them as well.
fn joined(rows: &str, way: &Way, params: usize) -> String {
    let tail = ending(way.tail, params);
    let parts = way.conditions.iter().map(|condition| {
        let condition = ending(condition, params);
        format!("SELECT * FROM (\n{rows}\n) AS page{condition}{tail}")
    });
    let parts: Vec<String> = parts.collect();
    match parts.as_slice() {
        [one] => one.clone(),
        parts => format!(
            "SELECT * FROM (\n({})\n) AS page{tail}",
            parts.join(")\nUNION ALL\n(")
        ),
    }
}

/// Pieces as text, their parameters behind as many others.
fn ending(pieces: &[Piece], params: usize) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(more) => text.push_str(more),
            Piece::Param(place) => {
                text.push('$');
                text.push_str(&(params + usize::from(*place) + 1).to_string());
            }
            // Nothing in it depends on the call.
            Piece::Filter(..) | Piece::Unless(..) | Piece::Choice(..) => {}
        }
    }
    text
}
