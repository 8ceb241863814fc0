//! Parameters: how Rust values become what a statement is bound with.

use std::fmt;

use smallvec::SmallVec;

use crate::codec;
use crate::texts::Variant;
use crate::wire::{Buffer, Type};

/// The parameters of a query: a struct by [`params!`](crate::params), `(value,)` for one, `()` for none.
pub trait Params: Send + Sync {
    /// Does it depend on the values which text a statement sends?
    const VARIES: bool = false;

    /// The names of those that are listed, if they have some; of a [`Patch`](crate::Patch) one.
    const NAMES: &'static [&'static str] = &[];

    /// Which of a statement's texts these values take.
    fn variant(&self) -> Variant {
        Variant::default()
    }

    /// Lists the values in the order of `$1`, `$2`, …. A statement of several texts takes of them those that the text uses.
    fn bind<'p>(&'p self, slots: &mut Slots<'p>);
}

/// The values of one call. Up to eight need no allocation.
#[derive(Default)]
pub struct Slots<'p>(SmallVec<[&'p dyn Param; 8]>, Seconds);

/// The places of those that belong to the one before them, as bits. Nobody asks for those past the last bit.
#[derive(Default, Clone, Copy)]
struct Seconds(u64);

/// The name of the parameter at a place, from 0.
pub(crate) fn name<P: Params>(params: &P, place: usize) -> Option<&'static str> {
    let Seconds(seconds) = Slots::of(params).1;
    let up_to = u64::MAX.checked_shr(63_u32.checked_sub(place.try_into().ok()?)?)?;
    let before = usize::try_from((seconds & up_to).count_ones()).ok()?;
    let name = P::NAMES.get(place.checked_sub(before)?)?;
    Some(name.strip_prefix("r#").unwrap_or(name))
}

impl<'p> Slots<'p> {
    /// The next value.
    #[inline]
    pub fn push(&mut self, value: &'p dyn Param) {
        self.0.push(value);
    }

    /// The next value, which belongs to the one before it.
    pub(crate) fn push_second(&mut self, value: &'p dyn Param) {
        let place = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.1.0 |= 1_u64.checked_shl(place).unwrap_or_default();
        self.push(value);
    }

    /// The next value, a part of what may be absent.
    #[inline]
    pub fn push_part<T: Param>(&mut self, value: Option<&'p T>) {
        match value {
            Some(value) => self.push(value),
            None => self.push(&None::<bool>),
        }
    }

    /// Those of the places, in their order.
    pub(crate) fn picked(&self, places: &[u16]) -> Self {
        let picked = places
            .iter()
            .filter_map(|&place| self.0.get(usize::from(place)));
        Self(picked.copied().collect(), Seconds::default())
    }

    pub(crate) fn of(params: &'p impl Params) -> Self {
        let mut slots = Self::default();
        params.bind(&mut slots);
        slots
    }

    /// The values of all rows, row by row, and how many each has.
    pub(crate) fn of_all(rows: &'p [impl Params]) -> (Vec<&'p dyn Param>, usize) {
        let mut slots = Self::default();
        let mut width = 0;
        for row in rows {
            row.bind(&mut slots);
            if width == 0 {
                width = slots.0.len();
                slots.0.reserve_exact(width * (rows.len() - 1));
            }
        }
        (slots.0.into_vec(), width)
    }

    pub(crate) fn as_slice(&self) -> &[&'p dyn Param] {
        &self.0
    }
}

impl fmt::Debug for Slots<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.0.len())
    }
}

/// A value that can be sent to the server.
pub trait Param: Send + Sync {
    /// Appends the value in the server's binary form; `ty` is what the server asked for.
    ///
    /// # Errors
    ///
    /// It is a value that the type of the database does not hold, or too long to be sent.
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError>;

    /// Appends the elements of an array: of each its length, then its bytes. `Null`: one of them is.
    ///
    /// # Errors
    ///
    /// As [`encode`](Param::encode), of one of them; and where they are more than an array can hold.
    fn encode_all(
        values: &[Self],
        ty: Type<'_>,
        out: &mut Buffer<'_>,
    ) -> Result<Encoded, EncodeError>
    where
        Self: Sized,
    {
        codec::encode_parts(values, ty, out)
    }
}

/// One parameter of a function, and what it is bound as: a value for one `$n`, or a [`Patch`](crate::Patch) for two.
pub trait Bind: Send + Sync {
    /// Lists the values.
    fn bind<'p>(&'p self, slots: &mut Slots<'p>);
}

impl<T: Param> Bind for T {
    #[inline]
    fn bind<'p>(&'p self, slots: &mut Slots<'p>) {
        slots.push(self);
    }
}

/// Whether there was a value to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoded {
    /// The value was appended.
    Value,
    /// NULL: nothing was appended.
    Null,
}

/// Why a value could not be sent. It never holds the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeError {
    reason: &'static str,
    /// Of many rows of parameters: those that it is about, and which of their parameters, from 0.
    rows: [Option<usize>; 2],
    param: Option<usize>,
}

impl EncodeError {
    /// `reason` completes a sentence that begins with the parameter: "has more elements than an array can hold".
    pub const fn new(reason: &'static str) -> Self {
        Self {
            reason,
            rows: [None; 2],
            param: None,
        }
    }

    pub(crate) const fn in_row(self, param: usize, row: usize) -> Self {
        Self {
            rows: [Some(row), None],
            param: Some(param),
            ..self
        }
    }

    pub(crate) const fn same_key(first: usize, second: usize) -> Self {
        Self {
            reason: "is the key of two rows, and each row may be written once",
            rows: [Some(first), Some(second)],
            param: None,
        }
    }

    /// Of many rows of parameters: those that it is about, from 0.
    pub(crate) fn rows(self) -> impl Iterator<Item = usize> {
        self.rows.into_iter().flatten()
    }

    /// The reason.
    pub const fn reason(self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)?;
        match (self.rows, self.param) {
            ([Some(first), Some(second)], _) => {
                write!(f, " (rows {first} and {second} from 0)")
            }
            ([Some(row), _], Some(param)) => write!(f, " (${}, row {row} from 0)", param + 1),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for EncodeError {}

impl<T: Param + ?Sized> Param for &T {
    #[inline]
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        (**self).encode(ty, out)
    }
}

impl<T: Param> Param for Option<T> {
    #[inline]
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        match self {
            Some(value) => value.encode(ty, out),
            None => Ok(Encoded::Null),
        }
    }
}

impl Params for () {
    fn bind<'p>(&'p self, _: &mut Slots<'p>) {}
}

/// Tuples, of as many as a function may sensibly take: a query that shares its parameter struct with another one, in
/// another order, is bound by one.
macro_rules! tuples {
    () => {};
    ($first:ident $($rest:ident)*) => {
        impl<$first: Bind, $($rest: Bind),*> Params for ($first, $($rest,)*) {
            #[allow(non_snake_case)]
            fn bind<'p>(&'p self, slots: &mut Slots<'p>) {
                let ($first, $($rest,)*) = self;
                $first.bind(slots);
                $($rest.bind(slots);)*
            }
        }

        tuples! { $($rest)* }
    };
}

tuples! { A B C D E F G H I J K L M N O P Q R S T U V W X Y Z A1 B1 C1 D1 E1 F1 }
