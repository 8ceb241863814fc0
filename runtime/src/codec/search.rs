//! `tsvector` and `tsquery` (`tsvectorsend`, `tsquerysend`).

use std::fmt::{self, Write as _};
use std::str::FromStr;

use super::{LENGTH, ParseError, Parts, TOO_LONG, oid, stands_for};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError};
use crate::wire::{Buffer, Type};

/// A `tsvector`: `'fat':2,4A 'rat':3`. The server keeps lexemes in order, each once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TsVector(pub Vec<Lexeme>);

/// A word of a [`TsVector`], with the places where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lexeme {
    /// The word.
    pub text: String,
    /// In order; at most 255 of them.
    pub positions: Vec<Position>,
}

/// Where a word stands in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// From 1 to 16383.
    pub place: u16,
    /// What the place counts for.
    pub weight: Weight,
}

/// A part of a document, for ranking: by custom `A` is the title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Weight {
    /// Not marked.
    #[default]
    D,
    /// Marked `C`.
    C,
    /// Marked `B`.
    B,
    /// Marked `A`.
    A,
}

/// Positions have 14 bits.
const LAST_PLACE: u16 = 0x3FFF;
const MOST_POSITIONS: usize = 255;

impl Weight {
    fn of_bits(bits: u16) -> Self {
        match bits & 3 {
            0 => Self::D,
            1 => Self::C,
            2 => Self::B,
            _ => Self::A,
        }
    }

    fn bits(self) -> u16 {
        match self {
            Self::D => 0,
            Self::C => 1,
            Self::B => 2,
            Self::A => 3,
        }
    }

    fn of_letter(letter: char) -> Option<Self> {
        match letter.to_ascii_uppercase() {
            'A' => Some(Self::A),
            'B' => Some(Self::B),
            'C' => Some(Self::C),
            'D' => Some(Self::D),
            _ => None,
        }
    }

    fn letter(self) -> char {
        match self {
            Self::A => 'A',
            Self::B => 'B',
            Self::C => 'C',
            Self::D => 'D',
        }
    }
}

fn quoted(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    f.write_char('\'')?;
    for letter in text.chars() {
        if matches!(letter, '\'' | '\\') {
            f.write_char(letter)?;
        }
        f.write_char(letter)?;
    }
    f.write_char('\'')
}

impl fmt::Display for TsVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, lexeme) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_char(' ')?;
            }
            quoted(f, &lexeme.text)?;
            for (index, position) in lexeme.positions.iter().enumerate() {
                f.write_char(if index == 0 { ':' } else { ',' })?;
                position.place.fmt(f)?;
                if position.weight != Weight::D {
                    f.write_char(position.weight.letter())?;
                }
            }
        }
        Ok(())
    }
}

/// A word from the front of a text: bare, up to what `ends` says, or in quotes. `None` where there is none.
fn word(rest: &mut &str, ends: impl Fn(char) -> bool) -> Option<String> {
    let mut text = String::new();
    let mut letters = rest.char_indices();
    let quoted = rest.starts_with('\'');
    if quoted {
        letters.next();
    }
    loop {
        let Some((at, letter)) = letters.next() else {
            if quoted {
                return None;
            }
            *rest = "";
            break;
        };
        match letter {
            '\\' => text.push(letters.next()?.1),
            '\'' if quoted => {
                let behind = rest.get(at + 1..)?;
                if !behind.starts_with('\'') {
                    *rest = behind;
                    break;
                }
                letters.next();
                text.push('\'');
            }
            letter if !quoted && (letter == '\'' || ends(letter)) => {
                *rest = rest.get(at..)?;
                break;
            }
            letter => text.push(letter),
        }
    }
    (!text.is_empty()).then_some(text)
}

impl FromStr for TsVector {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const WRONG: ParseError = ParseError::new("is not of the form 'fat':2,4A 'rat':3");
        let mut lexemes = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let ends = |letter: char| letter == ':' || letter.is_whitespace();
            let text = word(&mut rest, ends).ok_or(WRONG)?;
            let mut positions = Vec::new();
            if let Some(behind) = rest.strip_prefix(':') {
                let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
                let (list, tail) = behind.split_at_checked(end).ok_or(WRONG)?;
                for position in list.split(',') {
                    let weight = position.chars().next_back().and_then(Weight::of_letter);
                    let digits = match weight {
                        Some(_) => position.get(..position.len() - 1).ok_or(WRONG)?,
                        None => position,
                    };
                    positions.push(Position {
                        place: digits.parse().map_err(|_| WRONG)?,
                        weight: weight.unwrap_or_default(),
                    });
                }
                rest = tail;
            }
            lexemes.push(Lexeme { text, positions });
            rest = rest.trim_start();
        }
        Ok(Self(lexemes))
    }
}

stands_for! { TsVector, |ty| ty.oid() == oid::TSVECTOR }

impl Column<'_> for TsVector {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let count = parts.length()?;
        // A word has at least its end and the number of its positions.
        let mut lexemes = Vec::with_capacity(count.min(parts.0.len() / 3));
        for _ in 0..count {
            let text = parts.c_string()?.to_owned();
            let number = u16::from_be_bytes(parts.array()?);
            let mut positions = Vec::with_capacity(usize::from(number).min(parts.0.len() / 2));
            for _ in 0..number {
                let bits = u16::from_be_bytes(parts.array()?);
                positions.push(Position {
                    place: bits & LAST_PLACE,
                    weight: Weight::of_bits(bits >> 14),
                });
            }
            lexemes.push(Lexeme { text, positions });
        }
        parts.end()?;
        Ok(Self(lexemes))
    }
}

const NUL: EncodeError =
    EncodeError::new("holds the character NUL, which PostgreSQL cannot store in text");

impl Param for TsVector {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let count = i32::try_from(self.0.len()).map_err(|_| TOO_LONG)?;
        out.put(&count.to_be_bytes());
        for lexeme in &self.0 {
            if lexeme.text.contains('\0') {
                return Err(NUL);
            }
            if lexeme.positions.len() > MOST_POSITIONS {
                return Err(EncodeError::new(
                    "has a lexeme with more than 255 positions",
                ));
            }
            out.put(lexeme.text.as_bytes());
            out.put(&[0]);
            let number = u16::try_from(lexeme.positions.len()).map_err(|_| TOO_LONG)?;
            out.put(&number.to_be_bytes());
            for position in &lexeme.positions {
                if !(1..=LAST_PLACE).contains(&position.place) {
                    return Err(EncodeError::new("has a position outside of 1 to 16383"));
                }
                let bits = position.weight.bits() << 14 | position.place;
                out.put(&bits.to_be_bytes());
            }
        }
        Ok(Encoded::Value)
    }
}

/// A `tsquery`, to be made from text and shown as text: `'fat' & ( 'rat' | 'cat' )`.
///
/// The parsed form is kept, so what is no query is an error here and not on the server. Words are taken as they stand; it is
/// `to_tsquery` that makes lexemes of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TsQuery {
    /// In the order of the wire: an operator stands before its operands, and the right one before the left.
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Item {
    Word {
        text: String,
        /// By bit, from `D` to `A`; none for any.
        weights: u8,
        prefix: bool,
    },
    Operator(Operator),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operator {
    Not,
    And,
    Or,
    /// `<->`, `<2>`
    Phrase(u16),
}

// `QI_VAL`, `QI_OPR` and the operators in `src/include/tsearch/ts_type.h`.
const WORD: u8 = 1;
const OPERATOR: u8 = 2;
const LONGEST_PHRASE: u16 = 16_384;

impl Operator {
    /// As in `ts_type.h`: the higher binds the tighter.
    fn priority(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Phrase(_) => 3,
            Self::Not => 4,
        }
    }
}

impl TsQuery {
    /// A query of no words, which finds nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Every operator has its operands, and nothing is left over.
    fn is_whole(items: &[Item]) -> bool {
        let mut depth = 0_usize;
        for item in items.iter().rev() {
            match item {
                Item::Word { .. } => depth += 1,
                Item::Operator(Operator::Not) if depth >= 1 => {}
                Item::Operator(_) if depth >= 2 => depth -= 1,
                Item::Operator(_) => return false,
            }
        }
        depth == 1 || items.is_empty()
    }
}

impl fmt::Display for TsQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What was written of each operand, and how tightly it binds. No recursion: the server's queries can be deep.
        let mut written: Vec<(String, u8)> = Vec::new();
        for item in self.items.iter().rev() {
            match item {
                Item::Word {
                    text,
                    weights,
                    prefix,
                } => {
                    let mut word = String::new();
                    quoted(&mut word, text)?;
                    if *weights != 0 || *prefix {
                        word.push(':');
                    }
                    if *prefix {
                        word.push('*');
                    }
                    for weight in [Weight::A, Weight::B, Weight::C, Weight::D] {
                        if weights & (1 << weight.bits()) != 0 {
                            word.push(weight.letter());
                        }
                    }
                    written.push((word, u8::MAX));
                }
                Item::Operator(operator) => {
                    let own = operator.priority();
                    let wrap = |(text, priority): (String, u8), least: u8| {
                        if priority < least {
                            format!("( {text} )")
                        } else {
                            text
                        }
                    };
                    // Read backwards, the left operand came first.
                    let last = written.pop().unwrap_or_default();
                    let text = match operator {
                        Operator::Not => format!("!{}", wrap(last, own)),
                        Operator::And | Operator::Or | Operator::Phrase(_) => {
                            let (left, right) = (written.pop().unwrap_or_default(), last);
                            // Phrases are not associative: parentheses on the right are kept.
                            let least = match operator {
                                Operator::Phrase(_) => own + 1,
                                Operator::Not | Operator::And | Operator::Or => own,
                            };
                            let (left, right) = (wrap(left, own), wrap(right, least));
                            match operator {
                                Operator::And => format!("{left} & {right}"),
                                Operator::Or | Operator::Not => format!("{left} | {right}"),
                                Operator::Phrase(1) => format!("{left} <-> {right}"),
                                Operator::Phrase(distance) => {
                                    format!("{left} <{distance}> {right}")
                                }
                            }
                        }
                    };
                    written.push((text, own));
                }
            }
        }
        match written.pop() {
            Some((text, _)) => f.write_str(&text),
            None => Ok(()),
        }
    }
}

impl FromStr for TsQuery {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const WRONG: ParseError = ParseError::new("is not of the form 'fat' & ('rat' | 'cat')");
        /// What waits for its right operand; `None` for an open parenthesis.
        type Waiting = Vec<Option<Operator>>;
        fn close(output: &mut Vec<Vec<Item>>, operator: Operator) -> Option<()> {
            let last = output.pop()?;
            let mut items = vec![Item::Operator(operator)];
            items.extend(last);
            if operator != Operator::Not {
                items.extend(output.pop()?);
            }
            output.push(items);
            Some(())
        }
        let parse = || {
            let mut output: Vec<Vec<Item>> = Vec::new();
            let mut waiting = Waiting::new();
            let mut rest = text.trim_start();
            let mut operand_next = true;
            while let Some(first) = rest.chars().next() {
                if operand_next {
                    match first {
                        '!' => {
                            waiting.push(Some(Operator::Not));
                            rest = rest.get(1..)?;
                        }
                        '(' => {
                            waiting.push(None);
                            rest = rest.get(1..)?;
                        }
                        _ => {
                            let ends = |letter: char| {
                                ":&|!()<>".contains(letter) || letter.is_whitespace()
                            };
                            let text = word(&mut rest, ends)?;
                            let (mut weights, mut prefix) = (0, false);
                            if let Some(mut marks) = rest.strip_prefix(':') {
                                while let Some(mark) = marks.chars().next() {
                                    match Weight::of_letter(mark) {
                                        Some(weight) => weights |= 1 << weight.bits(),
                                        None if mark == '*' => prefix = true,
                                        None => break,
                                    }
                                    marks = marks.get(1..)?;
                                }
                                rest = marks;
                            }
                            output.push(vec![Item::Word {
                                text,
                                weights,
                                prefix,
                            }]);
                            operand_next = false;
                        }
                    }
                } else if first == ')' {
                    while let Some(operator) = waiting.pop()? {
                        close(&mut output, operator)?;
                    }
                    rest = rest.get(1..)?;
                } else {
                    let (operator, length) = match first {
                        '&' => (Operator::And, 1),
                        '|' => (Operator::Or, 1),
                        '<' => {
                            let end = rest.find('>')?;
                            let distance = match rest.get(1..end)? {
                                "-" => 1,
                                digits => digits.parse().ok()?,
                            };
                            (Operator::Phrase(distance), end + 1)
                        }
                        _ => return None,
                    };
                    while let Some(&Some(before)) = waiting.last()
                        && before.priority() >= operator.priority()
                    {
                        waiting.pop();
                        close(&mut output, before)?;
                    }
                    waiting.push(Some(operator));
                    rest = rest.get(length..)?;
                    operand_next = true;
                }
                rest = rest.trim_start();
            }
            while let Some(open) = waiting.pop() {
                close(&mut output, open?)?;
            }
            let items = output.pop().unwrap_or_default();
            let whole = output.is_empty() && TsQuery::is_whole(&items);
            (whole && (items.is_empty() || !operand_next)).then_some(Self { items })
        };
        parse().ok_or(WRONG)
    }
}

stands_for! { TsQuery, |ty| ty.oid() == oid::TSQUERY }

impl Column<'_> for TsQuery {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        const ITEM: DecodeError = DecodeError::new("has an item that this crate does not know");
        let mut parts = Parts(raw);
        let count = parts.length()?;
        // An item has at least two bytes.
        let mut items = Vec::with_capacity(count.min(parts.0.len() / 2));
        for _ in 0..count {
            let [kind] = parts.array()?;
            items.push(match kind {
                WORD => {
                    let [weights, prefix] = parts.array()?;
                    Item::Word {
                        text: parts.c_string()?.to_owned(),
                        weights,
                        prefix: prefix != 0,
                    }
                }
                OPERATOR => Item::Operator(match parts.array()? {
                    [1] => Operator::Not,
                    [2] => Operator::And,
                    [3] => Operator::Or,
                    [4] => Operator::Phrase(u16::from_be_bytes(parts.array()?)),
                    _ => return Err(ITEM),
                }),
                _ => return Err(ITEM),
            });
        }
        parts.end()?;
        if !Self::is_whole(&items) {
            return Err(LENGTH);
        }
        Ok(Self { items })
    }
}

impl Param for TsQuery {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        let count = i32::try_from(self.items.len()).map_err(|_| TOO_LONG)?;
        out.put(&count.to_be_bytes());
        for item in &self.items {
            match item {
                Item::Word {
                    text,
                    weights,
                    prefix,
                } => {
                    if text.contains('\0') {
                        return Err(NUL);
                    }
                    out.put(&[WORD, *weights, u8::from(*prefix)]);
                    out.put(text.as_bytes());
                    out.put(&[0]);
                }
                Item::Operator(operator) => {
                    let number = match operator {
                        Operator::Not => 1,
                        Operator::And => 2,
                        Operator::Or => 3,
                        Operator::Phrase(_) => 4,
                    };
                    out.put(&[OPERATOR, number]);
                    if let Operator::Phrase(distance) = operator {
                        if *distance > LONGEST_PHRASE {
                            return Err(EncodeError::new("has a phrase distance above 16384"));
                        }
                        out.put(&distance.to_be_bytes());
                    }
                }
            }
        }
        Ok(Encoded::Value)
    }
}
