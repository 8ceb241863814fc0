//! Numbers as the server compares them: NaN is equal to itself and above all others.

use std::cmp::Ordering;

/// A `numeric`, exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Number {
    NegativeInfinity,
    Finite(Finite),
    Infinity,
    NaN,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finite {
    negative: bool,
    /// Decimal digits, without leading zeros, and without trailing ones.
    whole: Vec<u8>,
    fraction: Vec<u8>,
}

impl Number {
    /// Of the form in which it is sent: see `numeric_recv` of PostgreSQL's `numeric.c`.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let mut words = value
            .chunks_exact(2)
            .map(|word| word.try_into().map(i16::from_be_bytes).unwrap_or_default());
        let count = usize::from(u16::try_from(words.next()?).ok()?);
        let weight = i32::from(words.next()?);
        let sign = words.next()?;
        let scale = usize::try_from(words.next()?).ok()?;
        let negative = match sign.cast_unsigned() {
            0x0000 => false,
            0x4000 => true,
            0xC000 => return Some(Self::NaN),
            0xD000 => return Some(Self::Infinity),
            0xF000 => return Some(Self::NegativeInfinity),
            _ => return None,
        };
        let (mut whole, mut fraction) = (Vec::new(), Vec::new());
        let mut power = weight;
        // Zeros between the point and the first group.
        for _ in power..-1 {
            fraction.extend([0; 4]);
        }
        for _ in 0..count {
            let group = u16::try_from(words.next()?)
                .ok()
                .filter(|&group| group < 10_000)?;
            let digits = [group / 1000, group / 100 % 10, group / 10 % 10, group % 10];
            let digits = digits.map(|digit| u8::try_from(digit).unwrap_or_default());
            let side = if power >= 0 {
                &mut whole
            } else {
                &mut fraction
            };
            side.extend(digits);
            power -= 1;
        }
        // And between the last group and the point.
        for _ in 0..=power {
            whole.extend([0; 4]);
        }
        fraction.truncate(scale);
        Some(Self::Finite(Finite::new(negative, whole, fraction)))
    }

    /// `-12.50`, `NaN`, `Infinity`
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "NaN" => return Some(Self::NaN),
            "Infinity" => return Some(Self::Infinity),
            "-Infinity" => return Some(Self::NegativeInfinity),
            _ => {}
        }
        let digits = |text: &str| -> Option<Vec<u8>> {
            text.bytes()
                .map(|byte| byte.is_ascii_digit().then(|| byte - b'0'))
                .collect()
        };
        let (negative, size) = match text.strip_prefix('-') {
            Some(size) => (true, size),
            None => (false, text),
        };
        let (whole, fraction) = size.split_once('.').unwrap_or((size, ""));
        let finite = Finite::new(negative, digits(whole)?, digits(fraction)?);
        Some(Self::Finite(finite))
    }

    /// To so many places behind the point, halves away from zero.
    pub(super) fn rounded(self, places: u16) -> Self {
        match self {
            Self::Finite(number) => Self::Finite(number.rounded(usize::from(places))),
            other => other,
        }
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Finite(a), Self::Finite(b)) => a.compare(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::NegativeInfinity => 0,
            Self::Finite(_) => 1,
            Self::Infinity => 2,
            Self::NaN => 3,
        }
    }
}

impl Finite {
    fn new(negative: bool, whole: Vec<u8>, mut fraction: Vec<u8>) -> Self {
        let zeros = whole.iter().take_while(|&&digit| digit == 0).count();
        let whole = whole.get(zeros..).unwrap_or_default().to_vec();
        while fraction.last() == Some(&0) {
            fraction.pop();
        }
        Self {
            // Zero has no sign.
            negative: negative && !(whole.is_empty() && fraction.is_empty()),
            whole,
            fraction,
        }
    }

    fn rounded(self, places: usize) -> Self {
        let Some(&next) = self.fraction.get(places) else {
            return self;
        };
        let (mut whole, mut fraction) = (self.whole, self.fraction);
        fraction.truncate(places);
        if next >= 5 {
            let mut carried = true;
            for digit in fraction.iter_mut().rev().chain(whole.iter_mut().rev()) {
                if *digit != 9 {
                    *digit += 1;
                    carried = false;
                    break;
                }
                *digit = 0;
            }
            if carried {
                whole.insert(0, 1);
            }
        }
        Self::new(self.negative, whole, fraction)
    }

    fn compare(&self, other: &Self) -> Ordering {
        let size = || {
            let length = self.whole.len().cmp(&other.whole.len());
            // Digits of a fraction without trailing zeros compare as text does.
            let digits = || {
                self.whole
                    .cmp(&other.whole)
                    .then_with(|| self.fraction.cmp(&other.fraction))
            };
            length.then_with(digits)
        };
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => size(),
            (true, true) => size().reverse(),
        }
    }
}

/// Of `real` and `double precision`.
pub(super) fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn numbers_are_in_order() {
        let order = [
            "-Infinity",
            "-10",
            "-9.99",
            "-0.1",
            "-0.05",
            "0",
            "0.0001",
            "0.05",
            "0.1",
            "1",
            "1.01",
            "9.99",
            "10",
            "12345678901234567890.5",
            "Infinity",
            "NaN",
        ];
        for (i, a) in order.iter().enumerate() {
            for (j, b) in order.iter().enumerate() {
                assert_eq!(number(a).compare(&number(b)), i.cmp(&j), "{a} and {b}");
            }
        }
        assert_eq!(number("-0.00"), number("0"));
        assert_eq!(number("001.50"), number("1.5"));
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (from, places, to) in [
            ("0.05", 1, "0.1"),
            ("0.049", 1, "0"),
            ("-0.05", 1, "-0.1"),
            ("-0.04", 1, "0"),
            ("9.95", 1, "10"),
            ("99.5", 0, "100"),
            ("0.5", 0, "1"),
            ("1.25", 3, "1.25"),
        ] {
            assert_eq!(number(from).rounded(places), number(to), "{from}");
        }
    }

    #[test]
    fn numbers_are_read_as_they_are_sent() {
        let sent = |words: &[u16]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            Number::read(&bytes)
        };
        // Groups, the power of the first, the sign, and the places behind the point.
        assert_eq!(sent(&[0, 0, 0, 0]), Some(number("0")));
        assert_eq!(sent(&[2, 0, 0x4000, 2, 12, 5000]), Some(number("-12.5")));
        assert_eq!(sent(&[1, 2, 0, 0, 3]), Some(number("300000000")));
        assert_eq!(sent(&[1, 0xFFFE, 0, 8, 1]), Some(number("0.00000001")));
        assert_eq!(sent(&[1, 0xFFFE, 0, 7, 1]), Some(number("0")));
        assert_eq!(sent(&[0, 0, 0xC000, 0]), Some(Number::NaN));
        assert_eq!(sent(&[1, 0, 0, 0]), None);
        assert_eq!(sent(&[1, 0, 0, 0, 10_000]), None);
    }
}
