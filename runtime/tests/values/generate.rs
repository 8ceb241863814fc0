//! Values by chance, edges more often than chance would have it. The same ones in every run.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Bound;

use sqlmill_runtime::types::{
    Date, Decimal, Lexeme, Multirange, Network, Numeric, Point, Position, Range, Time, Timestamp,
    TsQuery, TsVector, Value, Weight,
};

pub(crate) struct Generator(u64);

impl Generator {
    pub(crate) fn new(seed: &str) -> Self {
        let seed = seed.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self(seed)
    }

    /// splitmix64
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }

    pub(crate) fn integer(&mut self) -> i64 {
        match self.below(4) {
            0 => self.one_of(&[0, 1, -1, i64::MAX, i64::MIN, 32767, -32768, 1 << 31]),
            1 => self.next() as i64,
            bits => (self.next() >> (bits * 16)) as i64,
        }
    }

    pub(crate) fn float(&mut self) -> f64 {
        match self.below(4) {
            0 => self.one_of(&[0.0, 1.0, -1.5, 1e-7, 123_456.789, 2.5e8]),
            _ => (self.next() as i32) as f64 / 1024.0,
        }
    }

    pub(crate) fn decimal(&mut self) -> Decimal {
        Decimal::new(self.integer(), self.below(20) as u32)
    }

    pub(crate) fn numeric(&mut self) -> Numeric {
        let text = match self.below(4) {
            0 => self
                .one_of(&["NaN", "0", "0.000", "-0.00000001", "10000.0000"])
                .to_owned(),
            1 => format!("-{}{:0>300}", self.below(9) + 1, self.next()),
            2 => format!("0.{:0>200}", self.next()),
            _ => format!("{}.{:0>40}", self.next(), self.next()),
        };
        text.parse().unwrap()
    }

    pub(crate) fn text(&mut self) -> String {
        const ODD: [&str; 12] = [
            "", " ", "\"", "'", "\\", ",", "{}", "NULL", "ß", "日本", "\u{1}", "()[]",
        ];
        (0..self.below(4))
            .map(|_| {
                if self.coin() {
                    self.one_of(&ODD).to_owned()
                } else {
                    self.word()
                }
            })
            .collect()
    }

    pub(crate) fn word(&mut self) -> String {
        (0..=self.below(7))
            .map(|_| char::from(b'a' + self.below(26) as u8))
            .collect()
    }

    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(9)).map(|_| self.next() as u8).collect()
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }

    pub(crate) fn json(&mut self) -> Value {
        match self.below(5) {
            0 => Value::Null,
            1 => Value::from(self.integer()),
            2 => Value::from(self.text()),
            3 => (0..self.below(3)).map(|_| self.json()).collect(),
            _ => (0..self.below(3))
                .map(|_| (self.word(), self.json()))
                .collect(),
        }
    }

    pub(crate) fn date(&mut self) -> Date {
        let year = self.below(2990) as i16 + 10;
        Date::new(year, self.below(12) as i8 + 1, self.below(28) as i8 + 1).unwrap()
    }

    pub(crate) fn time(&mut self) -> Time {
        let part = |limit: u64, bits: u64| (bits % limit) as i8;
        let bits = self.next();
        let nanoseconds = self.one_of(&[0, 1_000, 999_999_000, 120_000_000]);
        Time::new(
            part(24, bits),
            part(60, bits >> 8),
            part(60, bits >> 16),
            nanoseconds,
        )
        .unwrap()
    }

    pub(crate) fn timestamp(&mut self) -> Timestamp {
        let civil = self.date().to_datetime(self.time());
        civil.to_zoned(jiff_utc()).unwrap().timestamp()
    }

    pub(crate) fn address(&mut self) -> IpAddr {
        if self.coin() {
            IpAddr::V4(Ipv4Addr::from_bits(self.next() as u32))
        } else {
            // No form of its own for old addresses: their text differs between implementations.
            IpAddr::V6(Ipv6Addr::new(
                0x2001,
                0xdb8,
                7,
                1,
                0,
                0,
                5,
                self.next() as u16,
            ))
        }
    }

    pub(crate) fn network(&mut self) -> Network {
        if self.coin() {
            let prefix = self.below(33) as u8;
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            Network {
                address: IpAddr::V4(Ipv4Addr::from_bits(self.next() as u32 & mask)),
                prefix,
            }
        } else {
            Network {
                address: IpAddr::V6(Ipv6Addr::new(
                    0x2001,
                    0xdb8,
                    self.next() as u16,
                    0,
                    0,
                    0,
                    0,
                    0,
                )),
                prefix: 48 + self.below(81) as u8,
            }
        }
    }

    pub(crate) fn point(&mut self) -> Point {
        Point {
            x: self.float(),
            y: self.float(),
        }
    }

    pub(crate) fn points(&mut self) -> Vec<Point> {
        (0..=self.below(4)).map(|_| self.point()).collect()
    }

    pub(crate) fn vector(&mut self) -> TsVector {
        let mut words: Vec<String> = (0..self.below(5))
            .map(|_| {
                let tail = self.one_of(&["", "'", "\\", " ", ":"]);
                self.word() + tail
            })
            .collect();
        // As the server keeps them: by bytes here, since `text` orders so as well.
        words.sort();
        words.dedup();
        let lexemes = words.into_iter().map(|text| {
            let places = self.below(3) as u16;
            Lexeme {
                text,
                positions: (1..=places)
                    .map(|place| Position {
                        place: place * 7,
                        weight: self.one_of(&[Weight::A, Weight::B, Weight::C, Weight::D]),
                    })
                    .collect(),
            }
        });
        TsVector(lexemes.collect())
    }

    pub(crate) fn query(&mut self) -> TsQuery {
        self.query_text(4).parse().unwrap()
    }

    fn query_text(&mut self, depth: u32) -> String {
        if depth == 0 || self.below(4) == 0 {
            let marks = self.one_of(&["", ":*", ":A", ":*BD"]);
            return format!("'{}'{marks}", self.word());
        }
        let left = self.query_text(depth - 1);
        if self.below(4) == 0 {
            return format!("!({left})");
        }
        let right = self.query_text(depth - 1);
        let operator = self.one_of(&["&", "|", "<->", "<5>"]);
        format!("({left}) {operator} ({right})")
    }

    /// As the server gives ranges of whole numbers back.
    pub(crate) fn discrete<T: PartialOrd>(
        &mut self,
        mut make: impl FnMut(&mut Self) -> T,
    ) -> Range<T> {
        let (a, b) = (make(self), make(self));
        let (lower, upper) = if a < b { (a, b) } else { (b, a) };
        match self.below(5) {
            0 => Range::Empty,
            1 => Range::Bounds {
                lower: Bound::Unbounded,
                upper: Bound::Excluded(upper),
            },
            2 => Range::Bounds {
                lower: Bound::Included(lower),
                upper: Bound::Unbounded,
            },
            _ if lower == upper => Range::Empty,
            _ => Range::Bounds {
                lower: Bound::Included(lower),
                upper: Bound::Excluded(upper),
            },
        }
    }

    pub(crate) fn range<T: PartialOrd>(
        &mut self,
        mut make: impl FnMut(&mut Self) -> T,
    ) -> Range<T> {
        let (a, b) = (make(self), make(self));
        let (lower, upper) = if a < b { (a, b) } else { (b, a) };
        if lower == upper {
            return Range::Empty;
        }
        let mut bound = |value| match self.below(3) {
            0 => Bound::Included(value),
            1 => Bound::Excluded(value),
            _ => Bound::Unbounded,
        };
        Range::Bounds {
            lower: bound(lower),
            upper: bound(upper),
        }
    }

    pub(crate) fn multirange<T>(&mut self, at: impl Fn(i32) -> T) -> Multirange<T> {
        let mut start = -1000;
        let ranges = (0..self.below(4)).map(|_| {
            let begin = start + 1 + self.below(50) as i32;
            let end = begin + 1 + self.below(50) as i32;
            start = end;
            Range::from(at(begin)..at(end))
        });
        Multirange(ranges.collect())
    }
}

fn jiff_utc() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::UTC
}
