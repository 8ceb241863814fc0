//! What the schema demands of a value, asked before anything is sent: lengths, CHECKs and domains, as far as they mean the same
//! here as on the server.

mod number;
mod pattern;

use std::cmp::Ordering;

use crate::error::{Error, Fault, Faults};
use crate::param::{Encoded, Param, Params, Slots};
use crate::statement::About;
use crate::wire;

use number::{Number, compare_floats};
pub use pattern::Pattern;

/// A parameter is stored as it is in a column, whose rule holds for it.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// Its place among the parameters, from 0.
    pub place: usize,
    /// Of a patch: the place of what says whether it is stored at all.
    pub switch: Option<usize>,
    /// What it is called.
    pub field: &'static str,
    /// The schema of the table or the domain.
    pub schema: &'static str,
    /// The table, or the domain.
    pub relation: &'static str,
    /// `users_email_check`, `varchar(255)`
    pub constraint: &'static str,
    /// For whoever gave the value.
    pub message: &'static str,
    /// What must not be false of it.
    pub test: Test,
}

/// A condition on one value. As in SQL it is true, false, or, where the value is NULL, mostly neither; nor is it where only the
/// server can tell.
#[derive(Debug, Clone, Copy)]
pub enum Test {
    /// `varchar(n)`: blanks beyond the last place are cut off.
    AtMost(u32),
    /// Of what is stored in a `varchar(n)`. What does not fit is no matter of this test.
    Cut(u32, &'static Test),
    /// Of the number of characters.
    Length(Comparison, i64),
    /// Of an integer, and of what is one on the wire: days and microseconds of dates and times.
    Integer(Comparison, i64),
    /// Of a `real` or a `double precision`.
    Float(Comparison, f64),
    /// Of a `numeric`, as it is rounded when it is stored: to so many places behind the point.
    Numeric(Comparison, &'static str, Option<u16>),
    /// It is a boolean, and true.
    IsTrue,
    /// It is one of these texts, or labels.
    OneOf(&'static [&'static str]),
    /// `LIKE`
    Like(&'static str),
    /// `~`
    Matches(&'static Pattern),
    /// Of the text without the blanks at both ends.
    Trimmed(&'static Test),
    /// Of a text in ASCII. What else there is means something else under each locale.
    Ascii(&'static Test),
    /// `IS NULL`
    IsNull,
    /// `AND`
    All(&'static [Test]),
    /// `OR`
    Any(&'static [Test]),
    /// `NOT`
    Not(&'static Test),
}

/// How a number is compared with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
}

/// An error with all faults, if there are any.
#[cold]
pub(crate) fn hold(about: &About, params: &[&dyn Param]) -> Result<(), Error> {
    // The rules count all parameters, and a text of several has only some of them.
    let sent = |place: usize| {
        let place = match about.params {
            None => place,
            Some(places) => places.iter().position(|&sent| usize::from(sent) == place)?,
        };
        params.get(place).copied()
    };
    let mut faults = Faults::default();
    each_broken(about.held, sent, &mut Vec::new(), |rule| {
        faults.all.push(Fault::of(rule, None));
    });
    faults.or_none(about)
}

/// So many faults of many rows are told, and beyond them the first that breaks each rule.
const TOLD: usize = 100;

/// So many rows are held at once, before others have a turn.
const AT_ONCE: usize = 4096;

/// The same of many rows of parameters: each is held, whatever is wrong with those before it.
pub(crate) async fn hold_rows<P: Params>(about: &About, rows: &[P]) -> Result<(), Error> {
    if about.held.is_empty() {
        return Ok(());
    }
    let mut faults = Faults::default();
    let mut bytes = Vec::new();
    for (number, chunk) in rows.chunks(AT_ONCE).enumerate() {
        if number > 0 {
            tokio::task::yield_now().await;
        }
        for (row, params) in (number * AT_ONCE..).zip(chunk) {
            let slots = Slots::of(params);
            let sent = |place: usize| slots.as_slice().get(place).copied();
            each_broken(about.held, sent, &mut bytes, |rule| {
                faults.add(rule, row, TOLD)
            });
        }
    }
    faults.or_none(about)
}

/// What a parameter is held as.
#[derive(Clone, Copy)]
enum Stored {
    Value,
    Null,
    /// Not stored, or not sent: what cannot be sent is refused when it is sent.
    Nothing,
}

/// Calls `broken` with each of the rules that the values break, in order. `bytes` is room for one value.
fn each_broken<'p>(
    rules: &'static [Held],
    sent: impl Fn(usize) -> Option<&'p dyn Param>,
    bytes: &mut Vec<u8>,
    mut broken: impl FnMut(&'static Held),
) {
    // The rules of one parameter stand together, and it is written once.
    let mut written = None;
    for rule in rules {
        let stored = match written {
            Some((place, switch, stored)) if place == rule.place && switch == rule.switch => stored,
            _ => {
                let stored = write(rule, &sent, bytes);
                written = Some((rule.place, rule.switch, stored));
                stored
            }
        };
        let value = match stored {
            Stored::Value => Some(bytes.as_slice()),
            Stored::Null => None,
            Stored::Nothing => continue,
        };
        if rule.test.of(value) == Some(false) {
            broken(rule);
        }
    }
}

fn write<'p>(
    rule: &Held,
    sent: impl Fn(usize) -> Option<&'p dyn Param>,
    bytes: &mut Vec<u8>,
) -> Stored {
    if let Some(switch) = rule.switch {
        bytes.clear();
        let stores = sent(switch).map(|switch| wire::written(switch, bytes));
        if !matches!(stores, Some(Ok(Encoded::Value))) || bytes[..] != [1] {
            return Stored::Nothing;
        }
    }
    bytes.clear();
    match sent(rule.place).map(|param| wire::written(param, bytes)) {
        Some(Ok(Encoded::Value)) => Stored::Value,
        Some(Ok(Encoded::Null)) => Stored::Null,
        Some(Err(_)) | None => Stored::Nothing,
    }
}

impl Test {
    /// Of a value in the form in which it is sent; `None` is NULL, or the answer "unknown".
    fn of(&self, value: Option<&[u8]>) -> Option<bool> {
        match self {
            Self::IsNull => Some(value.is_none()),
            Self::All(tests) => decided(tests, value, false),
            Self::Any(tests) => decided(tests, value, true),
            Self::Not(test) => test.of(value).map(|truth| !truth),
            Self::AtMost(most) => {
                let most = usize::try_from(*most).ok()?;
                // There are no more characters than bytes.
                if value?.len() <= most {
                    return Some(true);
                }
                Some(text(value)?.chars().skip(most).all(|c| c == ' '))
            }
            Self::Cut(most, test) => {
                let most = usize::try_from(*most).ok()?;
                if value.is_none_or(|value| value.len() <= most) {
                    return test.of(value);
                }
                let Some(whole) = text(value) else {
                    return test.of(value);
                };
                let end = whole.char_indices().nth(most);
                let end = end.map_or(whole.len(), |(at, _)| at);
                match whole.split_at_checked(end)? {
                    (kept, rest) if rest.bytes().all(|byte| byte == b' ') => {
                        test.of(Some(kept.as_bytes()))
                    }
                    _ => Some(true),
                }
            }
            Self::Length(comparison, other) => {
                let length = i64::try_from(text(value)?.chars().count()).ok()?;
                Some(comparison.holds(&length, other))
            }
            Self::Integer(comparison, other) => Some(comparison.holds(&integer(value)?, other)),
            Self::Float(comparison, other) => {
                Some(comparison.says(compare_floats(float(value)?, *other)))
            }
            Self::Numeric(comparison, other, places) => {
                let mut number = Number::read(value?)?;
                if let Some(places) = places {
                    number = number.rounded(*places);
                }
                Some(comparison.says(number.compare(&Number::parse(other)?)))
            }
            Self::IsTrue => match value? {
                [byte] => Some(*byte != 0),
                _ => None,
            },
            Self::OneOf(texts) => {
                let value = value?;
                Some(texts.iter().any(|text| text.as_bytes() == value))
            }
            Self::Like(pattern) => Some(like(text(value)?, pattern)),
            Self::Matches(pattern) => pattern::matches(text(value)?, pattern),
            Self::Trimmed(test) => match value {
                Some(_) => test.of(Some(text(value)?.trim_matches(' ').as_bytes())),
                None => test.of(None),
            },
            Self::Ascii(test) => match value {
                Some(bytes) if !bytes.is_ascii() => None,
                value => test.of(value),
            },
        }
    }
}

/// AND is decided by what is false, OR by what is true; without such a one and with something unknown it is unknown.
fn decided(tests: &[Test], value: Option<&[u8]>, by: bool) -> Option<bool> {
    let mut unknown = false;
    for test in tests {
        match test.of(value) {
            Some(truth) if truth == by => return Some(by),
            Some(_) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(!by)
}

fn text(value: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(value?).ok()
}

/// Of two, four or eight bytes.
fn integer(value: Option<&[u8]>) -> Option<i64> {
    let value = value?;
    if let Ok(bytes) = value.try_into() {
        return Some(i16::from_be_bytes(bytes).into());
    }
    if let Ok(bytes) = value.try_into() {
        return Some(i32::from_be_bytes(bytes).into());
    }
    Some(i64::from_be_bytes(value.try_into().ok()?))
}

/// Of four or eight bytes.
fn float(value: Option<&[u8]>) -> Option<f64> {
    let value = value?;
    if let Ok(bytes) = value.try_into() {
        return Some(f32::from_be_bytes(bytes).into());
    }
    Some(f64::from_be_bytes(value.try_into().ok()?))
}

impl Comparison {
    fn holds(self, left: &i64, right: &i64) -> bool {
        self.says(left.cmp(right))
    }

    fn says(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Greater => order.is_gt(),
        }
    }
}

/// `%` is any text, `_` any character, and a backslash takes what follows as it is.
fn like(text: &str, pattern: &str) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    // Where to go on after the last `%`, with one more character given to it.
    let mut again: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let before = (text.clone(), pattern.clone());
        let fits = match pattern.next() {
            Some('%') => {
                again = Some((text.clone(), pattern.clone()));
                continue;
            }
            Some('_') => text.next().is_some(),
            Some('\\') => {
                let plain = pattern.next();
                plain.is_some() && text.next() == plain
            }
            Some(plain) => text.next() == Some(plain),
            None if before.0.clone().next().is_none() => return true,
            None => false,
        };
        if fits {
            continue;
        }
        let Some((mut rest, after)) = again.take() else {
            return false;
        };
        if rest.next().is_none() {
            return false;
        }
        again = Some((rest.clone(), after.clone()));
        (text, pattern) = (rest, after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(test: Test, value: Option<&str>) -> Option<bool> {
        test.of(value.map(str::as_bytes))
    }

    #[test]
    fn null_is_unknown_and_decides_nothing() {
        let long = Test::Length(Comparison::Greater, 3);
        assert_eq!(says(long, None), None);
        assert_eq!(
            says(Test::Not(&Test::Length(Comparison::Greater, 3)), None),
            None
        );
        assert_eq!(
            says(Test::Any(&[Test::IsNull, Test::AtMost(1)]), None),
            Some(true)
        );
        assert_eq!(
            says(Test::All(&[Test::IsNull, Test::AtMost(1)]), None),
            None
        );
        assert_eq!(
            says(
                Test::All(&[Test::Not(&Test::IsNull), Test::AtMost(1)]),
                None
            ),
            Some(false)
        );
    }

    #[test]
    fn patterns_match_the_whole_text() {
        for (text, pattern, fits) in [
            ("", "", true),
            ("", "%", true),
            ("a", "", false),
            ("a@b", "%@%", true),
            ("ab", "%@%", false),
            ("aab", "a%ab", true),
            ("aXbXc", "a%X_", true),
            ("50%", "50\\%", true),
            ("50x", "50\\%", false),
            ("äö", "__", true),
            ("abcabd", "%abd", true),
        ] {
            assert_eq!(like(text, pattern), fits, "{text} LIKE {pattern}");
        }
    }
}
