//! A query's rows in pages: by number, with the total, or from a place in their order.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::call;
use crate::error::{Error, ErrorKind, Result};
use crate::page::cursor::{self, Cursor, Trace};
use crate::page::together::{self, Ask, Snapshot};
use crate::page::{CursorPage, OrDefault, Page, PageTexts, Pages};
use crate::param::{Param, Params, Slots};
use crate::row::Row;
use crate::statement::About;
use crate::trace::{self, watched};
use crate::wire::RawRow;

use super::{
    AllRows, Call, Mapper, Owned, PagedRows, Query, Request, ScrolledRows, Shape, State, sealed,
};

/// Any number of rows, also in pages by number: see [`Query::page`].
pub type Paged<'a, P, R> = Query<'a, P, R, PagedRows>;

/// Any number of rows, also in pages by number or by cursor: see [`Query::page`] and [`Query::after`].
pub type Scrolled<'a, P, R> = Query<'a, P, R, ScrolledRows>;

/// What is read in pages: [`PagedRows`] or [`ScrolledRows`].
pub trait Pageable: Shape {}

impl Pageable for PagedRows {}
impl Pageable for ScrolledRows {}

macro_rules! as_all_rows {
    ($($shape:ty),*) => { $(
        impl Shape for $shape {}

        impl sealed::Shape for $shape {
            type Output<T> = Vec<T>;

            #[cfg(feature = "testing")]
            fn rows<T>(answer: Vec<T>) -> Vec<T> {
                answer
            }

            fn start<'a, P, R, M>(call: Call<'a, P, M>) -> State<'a, P, M, Vec<M::Output>>
            where
                P: Params + 'a,
                R: Row,
                M: Mapper<R> + Send + 'a,
            {
                <AllRows as sealed::Shape>::start::<P, R, M>(call)
            }
        }
    )* };
}

as_all_rows!(PagedRows, ScrolledRows);

impl<'a, P: Params + 'a, R: Row, S: Pageable, M: Mapper<R> + Send + 'a> Query<'a, P, R, S, M> {
    /// The page of that number, counted from 1, and how many rows there are in all. `None` is the first page, or the
    /// configured size.
    ///
    /// Both are asked for at once, on one connection. Past the last page there are no items. A number or a size below 1 and a size
    /// beyond the configured bound are errors: [`InvalidInput`](ErrorKind::InvalidInput).
    ///
    /// ```no_run
    /// # use sqlmill_runtime::{Paged, Database, Page, Result};
    /// # fn list_users(_: &Database) -> Paged<'_, (), String> { unreachable!() }
    /// # async fn run(db: &Database) -> Result<()> {
    /// let page: Page<String> = list_users(db).page(2, 20).await?;
    /// println!("{} of {}", page.items.len(), page.total);
    /// # Ok(())
    /// # }
    /// ```
    pub fn page(self, number: impl OrDefault, size: impl OrDefault) -> PageQuery<'a, P, R, M> {
        let wanted = Wanted {
            number: number.or(1),
            size: size.asked(),
            consistent: false,
        };
        PageQuery {
            state: self.with(|mapper| Paging { mapper, wanted }, start_page::<P, R, M>),
            row: PhantomData,
        }
    }
}

impl<'a, P: Params + 'a, R: Row, M: Mapper<R> + Send + 'a> Query<'a, P, R, ScrolledRows, M> {
    /// The first rows, and the cursor of what comes after them. `None` is the configured size.
    pub fn first(self, size: impl OrDefault) -> CursorQuery<'a, P, R, M> {
        self.scroll(Place::Start, size.asked())
    }

    /// The rows right after a place in the order: a cursor that another page of this query gave, with the same parameters.
    ///
    /// Unlike pages by number, pages by cursor neither repeat nor skip rows when others are inserted or deleted meanwhile, and the
    /// thousandth costs what the first does. A cursor of another query, of other parameters, or one that is damaged is an
    /// error: [`InvalidInput`](ErrorKind::InvalidInput).
    ///
    /// ```no_run
    /// # use sqlmill_runtime::{Scrolled, Database, Result};
    /// # fn list_users(_: &Database) -> Scrolled<'_, (), String> { unreachable!() }
    /// # async fn run(db: &Database) -> Result<()> {
    /// let mut page = list_users(db).first(100).await?;
    /// while let Some(next) = &page.next {
    ///     page = list_users(db).after(next, 100).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn after(self, cursor: &Cursor, size: impl OrDefault) -> CursorQuery<'a, P, R, M> {
        self.scroll(Place::After(cursor.clone()), size.asked())
    }

    /// The rows right before a place in the order, in the query's order; see [`after`](Self::after).
    pub fn before(self, cursor: &Cursor, size: impl OrDefault) -> CursorQuery<'a, P, R, M> {
        self.scroll(Place::Before(cursor.clone()), size.asked())
    }

    fn scroll(self, place: Place, size: Option<i64>) -> CursorQuery<'a, P, R, M> {
        CursorQuery {
            state: self.with(
                |mapper| Scrolling {
                    mapper,
                    place,
                    size,
                },
                start_scroll::<P, R, M>,
            ),
            row: PhantomData,
        }
    }
}

impl<'a, P, R: Row, S: Shape, M: Mapper<R>> Query<'a, P, R, S, M> {
    /// The same call for something else than rows.
    fn with<N, T>(
        self,
        mapper: impl FnOnce(M) -> N,
        start: super::Start<'a, P, N, T>,
    ) -> State<'a, P, N, T> {
        match self.state {
            State::Called(call, _) => State::Called(
                Call {
                    request: call.request,
                    mapper: mapper(call.mapper),
                },
                start,
            ),
            State::Asked(_) | State::Running(_) | State::Taken => State::Taken,
        }
    }
}

/// A page that was asked for: awaits to a [`Page`].
///
/// # Errors
///
/// Those of a [`Query`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) for a number or a size that cannot be, and
/// [`Transaction`](crate::ErrorKind::Transaction) for a consistent page in a transaction without a snapshot.
#[must_use = "a query does nothing until it is awaited"]
pub struct PageQuery<'a, P, R, M: Mapper<R> = Owned> {
    state: State<'a, P, Paging<M>, Page<M::Output>>,
    row: PhantomData<fn() -> R>,
}

impl<P, R, M: Mapper<R>> PageQuery<'_, P, R, M> {
    /// Rows and total are those of one moment, whatever is committed between the two: both are read in one `REPEATABLE READ`
    /// transaction, which begins and ends in the same round trip.
    ///
    /// On a [`Transaction`](crate::Transaction) it must be one of [`RepeatableRead`](crate::Isolation::RepeatableRead) or
    /// [`Serializable`](crate::Isolation::Serializable): in any other each statement sees what was committed before it, and that is the
    /// error [`Transaction`](ErrorKind::Transaction).
    pub fn consistent(mut self) -> Self {
        if let State::Called(call, _) = &mut self.state {
            call.mapper.wanted.consistent = true;
        }
        self
    }
}

/// Rows from a place in the order that were asked for: awaits to a [`CursorPage`].
///
/// # Errors
///
/// Those of a [`Query`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) for a size that cannot be, and for a cursor of another query, order
/// or filter.
#[must_use = "a query does nothing until it is awaited"]
pub struct CursorQuery<'a, P, R, M: Mapper<R> = Owned> {
    state: State<'a, P, Scrolling<M>, CursorPage<M::Output>>,
    row: PhantomData<fn() -> R>,
}

macro_rules! awaits_to {
    ($query:ident, $page:ident) => {
        impl<P, R, M: Mapper<R>> Unpin for $query<'_, P, R, M> {}

        impl<P, R, M: Mapper<R>> Future for $query<'_, P, R, M> {
            type Output = Result<$page<M::Output>>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                self.state.poll(cx)
            }
        }

        impl<P, R, M: Mapper<R>> fmt::Debug for $query<'_, P, R, M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut debug = f.debug_struct(stringify!($query));
                if let State::Called(call, _) = &self.state {
                    debug.field("name", &call.request.about.origin.name);
                }
                debug.finish_non_exhaustive()
            }
        }

        #[cfg(feature = "testing")]
        impl<P, R, M: Mapper<R>> $query<'_, P, R, M> {
            pub(crate) fn name(&self) -> &'static str {
                self.state.name()
            }
        }
    };
}

awaits_to!(PageQuery, Page);
awaits_to!(CursorQuery, CursorPage);

/// A mapper, and which page.
struct Paging<M> {
    mapper: M,
    wanted: Wanted,
}

#[derive(Clone, Copy)]
struct Wanted {
    number: i64,
    size: Option<i64>,
    consistent: bool,
}

/// A mapper, and which rows.
struct Scrolling<M> {
    mapper: M,
    place: Place,
    size: Option<i64>,
}

enum Place {
    Start,
    After(Cursor),
    Before(Cursor),
}

fn start_page<'a, P: Params + 'a, R: Row, M: Mapper<R> + Send + 'a>(
    call: Call<'a, P, Paging<M>>,
) -> State<'a, P, Paging<M>, Page<M::Output>> {
    let watch = call.request.watch();
    let running = Box::pin(async move {
        let Call {
            request,
            mapper: Paging { mapper, wanted },
        } = call;
        let origin = request.about.origin;
        page(request, mapper, wanted)
            .await
            .map_err(|error| error.of(origin))
    });
    State::Running(watched(watch, running, |page: &Page<_>| {
        trace::Rows::Returned(page.items.len() as u64)
    }))
}

async fn page<P: Params, R: Row, M: Mapper<R>>(
    request: Request<'_, P>,
    mut mapper: M,
    wanted: Wanted,
) -> Result<Page<M::Output>> {
    let own = Slots::sent(&request.params, request.about);
    let (pages, texts) = pages(request.about, own.as_slice().len())?;
    let size = pages.size(wanted.size)?;
    let number = wanted.number;
    let offset = number
        .checked_sub(1)
        .filter(|before| *before >= 0)
        .and_then(|before| before.checked_mul(size))
        .ok_or_else(|| {
            let message = match number > 0 {
                true => "there is no page of so high a number",
                false => "pages count from 1",
            };
            Error::with(ErrorKind::InvalidInput, message)
        })?;
    #[cfg(feature = "testing")]
    if let Some(mock) = request.route.given.mock() {
        let page = mock?.answer::<Page<R>>(request.about.origin)?;
        let items = super::owned(&mut mapper, page.items)?;
        return Ok(Page {
            items,
            total: page.total,
            page: page.page,
            page_size: page.page_size,
            has_more: page.has_more,
        });
    }
    let rows_about = request.about.page(texts.page);
    let count_about = request.about.count(texts.count);
    let count = Ask {
        about: &count_about,
        params: own.as_slice(),
    };
    let mut slots = Slots::sent(&request.params, request.about);
    slots.push(&size);
    slots.push(&offset);
    let rows = Ask {
        about: &rows_about,
        params: slots.as_slice(),
    };
    let snapshot = match wanted.consistent {
        true => Snapshot::One,
        false => Snapshot::Each,
    };
    let both = together::both(request.route.handle(), rows, count, snapshot).await;
    let (rows, total) = both.map_err(|error| request.naming(error))?;
    let total = match total.first() {
        Some(row) => call::read_row(request.about.origin, row, 1, |reading| i64::read(reading))?,
        None => return Err(Error::new(ErrorKind::NotFound)),
    };
    let items = read(request.about, &mut mapper, &rows)?;
    let shown = i64::try_from(items.len()).unwrap_or(i64::MAX);
    Ok(Page {
        has_more: offset.saturating_add(shown) < total && shown > 0,
        items,
        total,
        page: number,
        page_size: size,
    })
}

fn start_scroll<'a, P: Params + 'a, R: Row, M: Mapper<R> + Send + 'a>(
    call: Call<'a, P, Scrolling<M>>,
) -> State<'a, P, Scrolling<M>, CursorPage<M::Output>> {
    let watch = call.request.watch();
    let running = Box::pin(async move {
        let Call {
            request,
            mapper: scrolling,
        } = call;
        let origin = request.about.origin;
        scroll(request, scrolling)
            .await
            .map_err(|error| error.of(origin))
    });
    State::Running(watched(watch, running, |page: &CursorPage<_>| {
        trace::Rows::Returned(page.items.len() as u64)
    }))
}

async fn scroll<P: Params, R: Row, M: Mapper<R>>(
    request: Request<'_, P>,
    scrolling: Scrolling<M>,
) -> Result<CursorPage<M::Output>> {
    let Scrolling {
        mut mapper,
        place,
        size,
    } = scrolling;
    let slots = Slots::sent(&request.params, request.about);
    let (pages, texts) = pages(request.about, slots.as_slice().len())?;
    let size = pages.size(size)?;
    #[cfg(feature = "testing")]
    if let Some(mock) = request.route.given.mock() {
        let page = mock?.answer::<CursorPage<R>>(request.about.origin)?;
        return Ok(CursorPage {
            items: super::owned(&mut mapper, page.items)?,
            next: page.next,
            previous: page.previous,
        });
    }
    let cursors = texts.cursors.as_ref();
    let cursors = cursors.ok_or_else(|| Error::with(ErrorKind::Other, "it has no cursor pages"))?;
    let order = cursors.of;
    let trace = Trace::new(
        request.about.origin.name,
        order.keys,
        request.params.variant(),
    );
    let traced = trace.params(slots.as_slice());
    let mut params: Vec<&dyn Param> = traced.iter().map(|param| param as &dyn Param).collect();
    // One more, to know whether there is more.
    let limit = size + 1;
    let offset = 0_i64;
    let about;
    let values;
    let end;
    match &place {
        Place::Start => {
            about = request.about.page(texts.page);
            params.extend([&limit as &dyn Param, &offset]);
        }
        Place::After(cursor) | Place::Before(cursor) => {
            let ways = match place {
                Place::Before(_) => &cursors.before,
                Place::Start | Place::After(_) => &cursors.after,
            };
            let pattern;
            (pattern, values) = cursor.values(order.columns.len(), order.nulls)?;
            let sql = ways.get(pattern).copied();
            let sql = sql.ok_or_else(|| Error::with(ErrorKind::Other, "it has no such page"))?;
            about = request.about.cursor(sql, order, pattern);
            params.extend(values.iter().map(|value| value as &dyn Param));
            end = cursor::CursorEnd {
                cursor,
                trace: &trace,
                limit,
            };
            params.push(&end);
        }
    }
    let ask = Ask {
        about: &about,
        params: &params,
    };
    let one = together::one(request.route.handle(), ask).await;
    let mut rows = one.map_err(|error| request.naming(error))?;
    let wanted = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    let backwards = matches!(place, Place::Before(_));
    if backwards {
        rows.reverse();
    }
    let at = |row: Option<&RawRow>| row.map(|row| cursor::of_row(&trace, row, order.columns));
    let (first, last) = (at(rows.first()), at(rows.last()));
    let (previous, next) = match place {
        Place::Start => (None, last.filter(|_| more)),
        Place::After(_) => (first, last.filter(|_| more)),
        Place::Before(_) => (first.filter(|_| more), last),
    };
    Ok(CursorPage {
        items: read(request.about, &mut mapper, &rows)?,
        next,
        previous,
    })
}

fn read<R, M: Mapper<R>>(about: &About, mapper: &mut M, rows: &[RawRow]) -> Result<Vec<M::Output>> {
    let mut number = 0;
    let rows = rows.iter().map(|row| {
        number += 1;
        call::read_row(about.origin, row, number, |reading| mapper.read(reading))
    });
    rows.collect()
}

/// The texts that a query's pages are read with.
fn pages(about: &About, params: usize) -> Result<(&'static Pages, &'static PageTexts)> {
    let pages = about
        .pages
        .and_then(|pages| Some((pages, pages.texts(about, params)?)));
    pages.ok_or_else(|| Error::with(ErrorKind::Other, "it has no pages"))
}
