//! PostgreSQL's own geometric types (`geo_ops.c`): numbers of eight bytes, one behind the other.

use std::fmt;
use std::str::FromStr;

use super::{LENGTH, ParseError, Parts, TOO_LONG, oid, stands_for};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError};
use crate::wire::{Buffer, Type};

/// A `point`: `(1,2)`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Point {
    /// Across.
    pub x: f64,
    /// Up.
    pub y: f64,
}

/// A `line`, all points with `ax + by + c = 0`: `{1,-1,0}`. `a` and `b` are not both zero.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Line {
    /// The factor of x.
    pub a: f64,
    /// The factor of y.
    pub b: f64,
    /// What is added.
    pub c: f64,
}

/// An `lseg`, a line between two points: `[(0,0),(1,1)]`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Segment {
    /// From here
    pub start: Point,
    /// to here.
    pub end: Point,
}

/// A `box`, by two opposite corners: `(1,1),(0,0)`. PostgreSQL gives it back with the upper right one as `high`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rectangle {
    /// The upper right corner.
    pub high: Point,
    /// The lower left corner.
    pub low: Point,
}

/// A `path`: `[(0,0),(1,1)]` is open, `((0,0),(1,1))` is closed. It has at least one point.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub struct Path {
    /// The last point is joined to the first.
    pub closed: bool,
    /// In order.
    pub points: Vec<Point>,
}

/// A `polygon`: `((0,0),(1,1),(1,0))`. It has at least one point.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub struct Polygon {
    /// In order.
    pub points: Vec<Point>,
}

/// A `circle`: `<(0,0),5>`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Circle {
    /// Its middle.
    pub center: Point,
    /// Not negative.
    pub radius: f64,
}

impl Point {
    fn read(parts: &mut Parts<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            x: parts.f64()?,
            y: parts.f64()?,
        })
    }

    fn write(self, out: &mut Buffer<'_>) {
        out.put(&self.x.to_be_bytes());
        out.put(&self.y.to_be_bytes());
    }
}

fn read_points(mut parts: Parts<'_>) -> Result<Vec<Point>, DecodeError> {
    let count = parts.length()?;
    // Two numbers of eight bytes each.
    if count == 0 || parts.0.len() / 16 != count {
        return Err(LENGTH);
    }
    let points = (0..count).map(|_| Point::read(&mut parts)).collect();
    parts.end()?;
    points
}

fn write_points(points: &[Point], out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
    let count = i32::try_from(points.len()).map_err(|_| TOO_LONG)?;
    if count == 0 {
        return Err(EncodeError::new("has no points"));
    }
    out.put(&count.to_be_bytes());
    for point in points {
        point.write(out);
    }
    Ok(Encoded::Value)
}

/// Types of a fixed number of coordinates.
macro_rules! fixed_shape {
    ($name:ident, $sql:literal, $oid:ident, |$parts:ident| $read:expr, |$value:ident| [$($number:expr),*]) => {
        stands_for! { $name, |ty| ty.oid() == oid::$oid }

        impl Column<'_> for $name {
            fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
                let mut parts = Parts(raw);
                let $parts = &mut parts;
                let value = $read;
                parts.end()?;
                Ok(value)
            }
        }

        impl Param for $name {
            fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
                let $value = self;
                $(out.put(&$number.to_be_bytes());)*
                Ok(Encoded::Value)
            }
        }
    };
}

fixed_shape! { Point, "point", POINT, |parts| Point::read(parts)?, |point| [point.x, point.y] }
fixed_shape! {
    Line, "line", LINE,
    |parts| Line { a: parts.f64()?, b: parts.f64()?, c: parts.f64()? },
    |line| [line.a, line.b, line.c]
}
fixed_shape! {
    Segment, "lseg", LSEG,
    |parts| Segment { start: Point::read(parts)?, end: Point::read(parts)? },
    |segment| [segment.start.x, segment.start.y, segment.end.x, segment.end.y]
}
fixed_shape! {
    Rectangle, "box", BOX,
    |parts| Rectangle { high: Point::read(parts)?, low: Point::read(parts)? },
    |rectangle| [rectangle.high.x, rectangle.high.y, rectangle.low.x, rectangle.low.y]
}
fixed_shape! {
    Circle, "circle", CIRCLE,
    |parts| Circle { center: Point::read(parts)?, radius: parts.f64()? },
    |circle| [circle.center.x, circle.center.y, circle.radius]
}

stands_for! { Path, |ty| ty.oid() == oid::PATH }
stands_for! { Polygon, |ty| ty.oid() == oid::POLYGON }

impl Column<'_> for Path {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let [closed] = parts.array()?;
        Ok(Self {
            closed: closed != 0,
            points: read_points(parts)?,
        })
    }
}

impl Param for Path {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        out.put(&[u8::from(self.closed)]);
        write_points(&self.points, out)
    }
}

impl Column<'_> for Polygon {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            points: read_points(Parts(raw))?,
        })
    }
}

impl Param for Polygon {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        write_points(&self.points, out)
    }
}

// The text forms.

struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("Infinity"),
            f64::NEG_INFINITY => f.write_str("-Infinity"),
            number => number.fmt(f),
        }
    }
}

struct Points<'p>(&'p [Point]);

impl fmt::Display for Points<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, point) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{point}")?;
        }
        Ok(())
    }
}

/// All numbers of a text that otherwise holds only what `shape` says: `(#,#)`.
fn numbers(text: &str, shape: &str) -> Option<Vec<f64>> {
    let mut numbers = Vec::new();
    let mut rest = text.trim();
    for wanted in shape.chars() {
        rest = rest.trim_start();
        if wanted == '#' {
            let end = rest.find(|letter: char| "()[]<>{},".contains(letter));
            let (number, tail) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
            numbers.push(number.trim().parse().ok()?);
            rest = tail;
        } else {
            rest = rest.strip_prefix(wanted)?;
        }
    }
    rest.trim().is_empty().then_some(numbers)
}

/// `(x,y),(x,y),…`
fn points(text: &str) -> Option<Vec<Point>> {
    let count = text.matches('(').count();
    let shape = vec!["(#,#)"; count].join(",");
    let numbers = numbers(text, &shape)?;
    let (pairs, _) = numbers.as_chunks::<2>();
    let points: Vec<Point> = pairs.iter().map(|&[x, y]| Point { x, y }).collect();
    (!points.is_empty()).then_some(points)
}

macro_rules! text_form {
    ($name:ident, $example:literal, |$f:ident, $value:ident| $write:expr, |$text:ident| $parse:expr) => {
        impl fmt::Display for $name {
            fn fmt(&self, $f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $value = self;
                $write
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str($text: &str) -> Result<Self, ParseError> {
                let parsed: Option<Self> = $parse;
                parsed.ok_or(ParseError::new(concat!("is not of the form ", $example)))
            }
        }
    };
}

text_form! {
    Point, "(1,2)",
    |f, point| write!(f, "({},{})", Number(point.x), Number(point.y)),
    |text| match *numbers(text, "(#,#)").unwrap_or_default() {
        [x, y] => Some(Point { x, y }),
        _ => None,
    }
}
text_form! {
    Line, "{1,-1,0}",
    |f, line| write!(f, "{{{},{},{}}}", Number(line.a), Number(line.b), Number(line.c)),
    |text| match *numbers(text, "{#,#,#}").unwrap_or_default() {
        [a, b, c] => Some(Line { a, b, c }),
        _ => None,
    }
}
text_form! {
    Segment, "[(0,0),(1,1)]",
    |f, segment| write!(f, "[{},{}]", segment.start, segment.end),
    |text| match *numbers(text, "[(#,#),(#,#)]").unwrap_or_default() {
        [x, y, to_x, to_y] => Some(Segment {
            start: Point { x, y },
            end: Point { x: to_x, y: to_y },
        }),
        _ => None,
    }
}
text_form! {
    Rectangle, "(1,1),(0,0)",
    |f, rectangle| write!(f, "{},{}", rectangle.high, rectangle.low),
    |text| match *numbers(text, "(#,#),(#,#)").unwrap_or_default() {
        [x, y, low_x, low_y] => Some(Rectangle {
            high: Point { x, y },
            low: Point { x: low_x, y: low_y },
        }),
        _ => None,
    }
}
text_form! {
    Circle, "<(0,0),5>",
    |f, circle| write!(f, "<{},{}>", circle.center, Number(circle.radius)),
    |text| match *numbers(text, "<(#,#),#>").unwrap_or_default() {
        [x, y, radius] => Some(Circle { center: Point { x, y }, radius }),
        _ => None,
    }
}
text_form! {
    Polygon, "((0,0),(1,1))",
    |f, polygon| write!(f, "({})", Points(&polygon.points)),
    |text| text
        .trim()
        .strip_prefix('(')
        .and_then(|text| points(text.strip_suffix(')')?))
        .map(|points| Polygon { points })
}
text_form! {
    Path, "[(0,0),(1,1)] or ((0,0),(1,1))",
    |f, path| if path.closed {
        write!(f, "({})", Points(&path.points))
    } else {
        write!(f, "[{}]", Points(&path.points))
    },
    |text| {
        let text = text.trim();
        let open = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let closed = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        match (open, closed) {
            (Some(inner), _) => points(inner).map(|points| Path { closed: false, points }),
            (None, Some(inner)) => points(inner).map(|points| Path { closed: true, points }),
            (None, None) => None,
        }
    }
}
