//! Arrays: of one dimension, `Vec<T>` out and `&[T]` in; of any, [`Array`].

use super::{LENGTH, Parts, TOO_LONG};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

impl<T: SqlType> SqlType for [T] {
    fn accepts(ty: Type<'_>) -> bool {
        ty.element().is_some_and(T::accepts)
    }
}

impl<T: SqlType> SqlType for Vec<T> {
    fn accepts(ty: Type<'_>) -> bool {
        T::accepts_list(ty)
    }
}

impl<'r, T: Column<'r>> Column<'r> for Vec<T> {
    fn decode(raw: &'r [u8]) -> Result<Self, DecodeError> {
        T::decode_list(raw)
    }
}

/// The elements of an array of one dimension.
pub(crate) fn list<'r, T: Column<'r>>(raw: &'r [u8]) -> Result<Vec<T>, DecodeError> {
    let mut parts = Parts(raw);
    let dimensions = head(&mut parts)?;
    match dimensions {
        0 => {
            parts.end()?;
            Ok(Vec::new())
        }
        1 => {
            let length = parts.length()?;
            // The number of the first element is of no meaning in Rust.
            parts.take(4)?;
            elements(parts, length)
        }
        _ => Err(DecodeError::new(
            "is an array of more than one dimension: tell sqlmill.toml that it is an `array`",
        )),
    }
}

/// The number of dimensions, and past the rest: whether there are NULLs shows in the elements, and their type was checked when
/// the statement was prepared.
fn head(parts: &mut Parts<'_>) -> Result<usize, DecodeError> {
    let dimensions = parts.length()?;
    parts.take(8)?;
    Ok(dimensions)
}

fn elements<'r, T: Column<'r>>(mut parts: Parts<'r>, length: usize) -> Result<Vec<T>, DecodeError> {
    // An element has at least four bytes of length, so a wrong count cannot ask for more than arrived.
    let mut elements = Vec::with_capacity(length.min(parts.0.len() / 4));
    for _ in 0..length {
        elements.push(match parts.nullable()? {
            Some(raw) => T::decode(raw)?,
            None => T::null().map_err(|_| DecodeError::new("holds an element that is NULL"))?,
        });
    }
    parts.end()?;
    Ok(elements)
}

impl<T: Value> Value for Vec<T> {
    type Ref<'r> = Vec<T::Ref<'r>>;
}

impl<T: Param> Param for [T] {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let length = u32::try_from(self.len()).map_err(|_| TOO_LONG)?;
        let dimension = Dimension { length, first: 1 };
        let dimensions = if length == 0 { &[][..] } else { &[dimension] };
        put(dimensions, self, ty, out)
    }
}

fn put<T: Param>(
    dimensions: &[Dimension],
    elements: &[T],
    ty: Type<'_>,
    out: &mut Buffer<'_>,
) -> Result<Encoded, EncodeError> {
    let (element, nulls) = begin(dimensions, ty, out)?;
    if T::encode_all(elements, element, out)? == Encoded::Null {
        out.patch(nulls, 1_i32.to_be_bytes());
    }
    Ok(Encoded::Value)
}

/// Values one after the other, each with its length before it. `Null`: one of them is.
#[inline]
pub(crate) fn encode_parts<T: Param>(
    values: &[T],
    ty: Type<'_>,
    out: &mut Buffer<'_>,
) -> Result<Encoded, EncodeError> {
    out.reserve(4 * values.len());
    let mut all = Encoded::Value;
    for value in values {
        if encode_part(value, ty, out)? == Encoded::Null {
            all = Encoded::Null;
        }
    }
    Ok(all)
}

/// What stands before the elements: their type, and the place that says whether some are NULL.
fn begin<'t>(
    dimensions: &[Dimension],
    ty: Type<'t>,
    out: &mut Buffer<'_>,
) -> Result<(Type<'t>, usize), EncodeError> {
    let Some(element) = ty.element() else {
        return Err(EncodeError::new(
            "is an array where the database takes none",
        ));
    };
    let count = i32::try_from(dimensions.len()).map_err(|_| TOO_LONG)?;
    out.put(&count.to_be_bytes());
    let nulls = out.mark();
    out.put(&0_i32.to_be_bytes());
    out.put(&element.oid().to_be_bytes());
    for dimension in dimensions {
        let length = i32::try_from(dimension.length).map_err(|_| TOO_LONG)?;
        out.put(&length.to_be_bytes());
        out.put(&dimension.first.to_be_bytes());
    }
    Ok((element, nulls))
}

/// The same of values of any types, each shown as it was written. An error says of which one it is.
pub(crate) fn encode_elements<'v>(
    values: impl ExactSizeIterator<Item = &'v &'v dyn Param>,
    ty: Type<'_>,
    out: &mut Buffer<'_>,
    mut written: impl FnMut(usize, Option<&[u8]>),
) -> Result<Encoded, (usize, EncodeError)> {
    let dimension = Dimension {
        length: u32::try_from(values.len()).map_err(|_| (0, TOO_LONG))?,
        first: 1,
    };
    let (element, nulls) = begin(&[dimension], ty, out).map_err(|error| (0, error))?;
    for (place, value) in values.enumerate() {
        let mark = out.mark() + 4;
        match encode_part(*value, element, out).map_err(|error| (place, error))? {
            Encoded::Value => written(place, out.since(mark)),
            Encoded::Null => {
                out.patch(nulls, 1_i32.to_be_bytes());
                written(place, None);
            }
        }
    }
    Ok(Encoded::Value)
}

/// By array: the places of its first element and its last among those of all, from 1. Of NULL there are none.
pub(crate) type Slices = Vec<Option<(i32, i32)>>;

/// Arrays as one, of the elements of all, and where each is. An empty one ends before it begins.
pub(crate) fn encode_as_one<'v>(
    arrays: impl ExactSizeIterator<Item = &'v &'v dyn Param>,
    ty: Type<'_>,
    out: &mut Buffer<'_>,
) -> Result<Slices, (usize, EncodeError)> {
    let empty = Dimension {
        length: 0,
        first: 1,
    };
    let (_, nulls) = begin(&[empty], ty, out).map_err(|error| (0, error))?;
    // Behind the mark of NULLs stands the type of the elements.
    let length = nulls + 8;
    let mut parts = Vec::with_capacity(arrays.len());
    let mut last = 0_i32;
    let mut written = Vec::new();
    for (row, array) in arrays.enumerate() {
        written.clear();
        let encoded = crate::wire::write(*array, ty, &mut written);
        if encoded.map_err(|error| (row, error))? == Encoded::Null {
            parts.push(None);
            continue;
        }
        let count = plain_length(&written).map_err(|error| (row, error))?;
        if written.get(4..8) != Some(&[0; 4]) {
            out.patch(nulls, 1_i32.to_be_bytes());
        }
        let first = last;
        last = last.checked_add(count).ok_or((row, TOO_LONG))?;
        parts.push(Some((first.saturating_add(1), last)));
        out.put(written.get(20..).unwrap_or_default());
    }
    out.patch(length, last.to_be_bytes());
    Ok(parts)
}

/// How many elements an array has that was written, where it is one that rows of a list can have.
pub(crate) fn plain_length(written: &[u8]) -> Result<i32, EncodeError> {
    const SHAPE: EncodeError = EncodeError::new(
        "is an array of several dimensions, or one that does not begin at 1, and many rows take no such array",
    );
    let number = |place: usize| {
        let bytes = written.get(place..)?.first_chunk()?;
        Some(i32::from_be_bytes(*bytes))
    };
    match (number(0), number(12), number(16)) {
        (Some(0), ..) => Ok(0),
        (Some(1), Some(count), Some(1)) => Ok(count),
        _ => Err(SHAPE),
    }
}

impl<T: Param> Param for Vec<T> {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        self.as_slice().encode(ty, out)
    }
}

/// A value within a value: its length, then its bytes.
#[inline]
pub(crate) fn encode_part(
    value: &(impl Param + ?Sized),
    ty: Type<'_>,
    out: &mut Buffer<'_>,
) -> Result<Encoded, EncodeError> {
    let mark = out.mark();
    out.put(&(-1_i32).to_be_bytes());
    let encoded = value.encode(ty, out)?;
    if encoded == Encoded::Value {
        let length = out.mark().saturating_sub(mark + 4);
        let length = i32::try_from(length).map_err(|_| TOO_LONG)?;
        out.patch(mark, length.to_be_bytes());
    }
    Ok(encoded)
}

/// An array with its dimensions: any number of them, each with the number of its first element.
///
/// PostgreSQL's array types say nothing of dimensions. Where arrays have one, as nearly all do, they are `Vec<T>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Array<T> {
    dimensions: Vec<Dimension>,
    elements: Vec<T>,
}

/// One dimension of an [`Array`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Dimension {
    /// How many elements it has.
    pub length: u32,
    /// The number of the first, 1 unless said otherwise.
    pub first: i32,
}

/// `MAXDIM` in `src/include/utils/array.h`.
const MOST_DIMENSIONS: usize = 6;

impl<T> Array<T> {
    /// The elements row by row. `None` where their number is not what the dimensions say, or there are more than six
    /// dimensions.
    pub fn new(dimensions: Vec<Dimension>, elements: Vec<T>) -> Option<Self> {
        // The server takes an array without elements for one without dimensions.
        let dimensions = if elements.is_empty() {
            Vec::new()
        } else {
            dimensions
        };
        (count(&dimensions) == Some(elements.len())).then_some(Self {
            dimensions,
            elements,
        })
    }

    /// Of two dimensions. `None` where the rows differ in length.
    pub fn of_rows(rows: Vec<Vec<T>>) -> Option<Self> {
        let width = rows.first().map_or(0, Vec::len);
        if rows.iter().any(|row| row.len() != width) {
            return None;
        }
        let dimension = |length: usize| {
            u32::try_from(length)
                .ok()
                .map(|length| Dimension { length, first: 1 })
        };
        let dimensions = vec![dimension(rows.len())?, dimension(width)?];
        Self::new(dimensions, rows.into_iter().flatten().collect())
    }

    /// From the outermost in; none where there are no elements.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// The elements, row by row.
    pub fn elements(&self) -> &[T] {
        &self.elements
    }

    /// The elements, row by row.
    pub fn into_elements(self) -> Vec<T> {
        self.elements
    }

    /// The element at these places, counted from the dimensions' first.
    pub fn get(&self, places: &[i32]) -> Option<&T> {
        if places.len() != self.dimensions.len() || places.is_empty() {
            return None;
        }
        let mut index = 0_usize;
        for (dimension, place) in self.dimensions.iter().zip(places) {
            let offset = u32::try_from(i64::from(*place) - i64::from(dimension.first)).ok()?;
            if offset >= dimension.length {
                return None;
            }
            let length = usize::try_from(dimension.length).ok()?;
            index = index
                .checked_mul(length)?
                .checked_add(usize::try_from(offset).ok()?)?;
        }
        self.elements.get(index)
    }
}

/// How many elements such dimensions have.
fn count(dimensions: &[Dimension]) -> Option<usize> {
    if dimensions.is_empty() {
        return Some(0);
    }
    if dimensions.len() > MOST_DIMENSIONS {
        return None;
    }
    dimensions.iter().try_fold(1_usize, |count, dimension| {
        count.checked_mul(usize::try_from(dimension.length).ok()?)
    })
}

impl<T: SqlType> SqlType for Array<T> {
    fn accepts(ty: Type<'_>) -> bool {
        <[T]>::accepts(ty)
    }
}

impl<'r, T: Column<'r>> Column<'r> for Array<T> {
    fn decode(raw: &'r [u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let number = head(&mut parts)?;
        if number > MOST_DIMENSIONS {
            return Err(LENGTH);
        }
        let mut dimensions = Vec::with_capacity(number);
        for _ in 0..number {
            dimensions.push(Dimension {
                length: u32::try_from(parts.length()?).map_err(|_| LENGTH)?,
                first: parts.i32()?,
            });
        }
        let elements = elements(parts, count(&dimensions).ok_or(LENGTH)?)?;
        Ok(Self {
            dimensions,
            elements,
        })
    }
}

impl<T: Value> Value for Array<T> {
    type Ref<'r> = Array<T::Ref<'r>>;
}

impl<T: Param> Param for Array<T> {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        put(&self.dimensions, &self.elements, ty, out)
    }
}
