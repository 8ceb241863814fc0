//! Statements of several texts: which parts of the author's text are sent depends on the call.
//!
//! A text is joined of constant pieces, never of values, by the rule that the generator joined it by when it had the server
//! check it. Each is joined once and kept: there are as many as the generator checked.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use crate::param::{Params, Slots};
use crate::row::Row;
use crate::statement::{About, Statement};

/// A part of the texts of one statement; made by [`texts!`](crate::texts).
#[derive(Debug, Clone, Copy)]
pub enum Piece {
    /// As it stands there.
    Text(&'static str),
    /// The number of a parameter, by its place among those that [`Params::bind`] lists, from 0. A text counts those that it uses,
    /// as they come: the first is `$1`.
    Param(u16),
    /// An optional filter, by its place among the statement's: the predicate, and what the author wrote for the combinations
    /// that have no text of their own. Where it is absent, `true` stands there.
    Filter(u8, &'static [Piece], &'static [Piece]),
    /// What is there where the flag of that place among the filters is false; where it is true, `true` stands there.
    Unless(u8, &'static [Piece]),
    /// One of several, by the place of the choice among the statement's.
    Choice(u8, &'static [&'static [Piece]]),
}

/// What says by itself whether a filter is there: an `Option`, or a flag.
pub trait Given {
    /// Is it there?
    fn given(&self) -> bool;
}

impl<T> Given for Option<T> {
    fn given(&self) -> bool {
        self.is_some()
    }
}

impl Given for bool {
    fn given(&self) -> bool {
        *self
    }
}

/// The only parameter of a query, a flag by which its text is chosen.
#[derive(Debug, Clone, Copy)]
pub struct Flag(pub bool);

impl Params for Flag {
    const VARIES: bool = true;

    fn variant(&self) -> Variant {
        Variant::default().filter(0, self.0)
    }

    fn bind<'p>(&'p self, slots: &mut Slots<'p>) {
        slots.push(&self.0);
    }
}

/// Which of its texts a call sends; 0 is the first, with no filters. See [`Params::variant`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variant(u64);

/// So many filters have a text for every combination.
const ALL_COMBINED: u32 = 6;

/// Choices begin here, with eight bits for each; filters lie below.
const CHOICES: u32 = 32;

/// In the place of filters: as the author wrote them.
const AS_WRITTEN: u64 = 1 << (CHOICES - 1);

impl Variant {
    /// With the filter of that place, where it is present.
    #[must_use]
    pub const fn filter(self, place: u8, present: bool) -> Self {
        let place = place as u32;
        if present && place < CHOICES - 1 {
            Self(self.0 | 1 << place)
        } else {
            self
        }
    }

    /// With another text at the choice of that place.
    #[must_use]
    pub const fn choice(self, place: u8, option: u8) -> Self {
        let shift = CHOICES + 8 * place as u32;
        if shift < u64::BITS {
            Self(self.0 & !(0xff << shift) | (option as u64) << shift)
        } else {
            self
        }
    }

    /// With the filters that are present, and the options of choices, each by their places.
    #[must_use]
    pub fn of(filters: &[bool], choices: &[u8]) -> Self {
        let filters = (0..).zip(filters);
        let filtered = filters.fold(Self::default(), |variant, (place, &present)| {
            variant.filter(place, present)
        });
        let choices = (0..).zip(choices);
        choices.fold(filtered, |variant, (place, &option)| {
            variant.choice(place, option)
        })
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    fn has(self, filter: u8) -> bool {
        u32::from(filter) < CHOICES - 1 && self.0 & (1 << filter) != 0
    }

    fn is_as_written(self) -> bool {
        self.0 & AS_WRITTEN != 0
    }

    fn chosen(self, place: u8) -> usize {
        let shift = CHOICES + 8 * u32::from(place);
        self.0
            .checked_shr(shift)
            .map_or(0, |rest| rest as u8)
            .into()
    }
}

/// The texts of one statement.
#[derive(Debug)]
pub struct Texts {
    pieces: &'static [Piece],
    joined: RwLock<BTreeMap<Variant, &'static About>>,
}

impl Texts {
    /// Of pieces, in the order of the text.
    pub const fn new(pieces: &'static [Piece]) -> Self {
        Self {
            pieces,
            joined: RwLock::new(BTreeMap::new()),
        }
    }

    /// What is known of one of the texts.
    pub(crate) fn about(&self, all: &About, variant: Variant) -> &'static About {
        let joined = self.joined.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(about) = joined.get(&variant) {
            return about;
        }
        drop(joined);
        let variant = Shape::of(self.pieces).checked(variant);
        let mut joined = self.joined.write().unwrap_or_else(PoisonError::into_inner);
        joined.entry(variant).or_insert_with(|| {
            let (mut sql, mut params) = (String::new(), Vec::new());
            join(self.pieces, variant, &mut sql, &mut params);
            // Connections know statements by the address of the text, so it is kept as long as they may: for good. The generator
            // has bounded how many there are.
            Box::leak(Box::new(all.of_text(sql.leak(), params.leak())))
        })
    }

    /// All of them.
    pub(crate) fn all(&self, all: &About) -> Vec<&'static About> {
        let variants = Shape::of(self.pieces).variants();
        variants
            .into_iter()
            .map(|variant| self.about(all, variant))
            .collect()
    }
}

/// Appends the text, and the places of the parameters in the order of `$n`.
fn join(pieces: &[Piece], variant: Variant, sql: &mut String, params: &mut Vec<u16>) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => sql.push_str(text),
            Piece::Param(place) => {
                let number = params.iter().position(|param| param == place);
                let number = number.unwrap_or_else(|| {
                    params.push(*place);
                    params.len() - 1
                });
                sql.push('$');
                sql.push_str(&(number + 1).to_string());
            }
            Piece::Filter(_, _, as_written) if variant.is_as_written() => {
                join(as_written, variant, sql, params);
            }
            Piece::Filter(place, present, _) if variant.has(*place) => {
                join(present, variant, sql, params);
            }
            Piece::Unless(place, present) if !variant.has(*place) => {
                join(present, variant, sql, params);
            }
            Piece::Filter(..) | Piece::Unless(..) => sql.push_str("true"),
            Piece::Choice(place, options) => {
                let option = options.get(variant.chosen(*place)).or(options.first());
                join(option.copied().unwrap_or_default(), variant, sql, params);
            }
        }
    }
}

/// What a statement's texts depend on.
#[derive(Debug, Default)]
struct Shape {
    filters: u32,
    /// How many options each choice has.
    choices: Vec<u8>,
}

impl Shape {
    fn of(pieces: &[Piece]) -> Self {
        let mut shape = Self::default();
        shape.add(pieces);
        shape
    }

    fn add(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Text(_) | Piece::Param(_) => {}
                Piece::Filter(place, present, _) | Piece::Unless(place, present) => {
                    self.filters = self.filters.max(u32::from(*place) + 1);
                    self.add(present);
                }
                Piece::Choice(place, options) => {
                    let place = usize::from(*place);
                    if self.choices.len() <= place {
                        self.choices.resize(place + 1, 1);
                    }
                    if let Some(count) = self.choices.get_mut(place) {
                        *count = u8::try_from(options.len()).unwrap_or(u8::MAX);
                    }
                    for option in *options {
                        self.add(option);
                    }
                }
            }
        }
    }

    fn every_filter(&self) -> u64 {
        (1 << self.filters.min(CHOICES - 1)) - 1
    }

    /// Past some filters not every combination was checked: each alone, every two, all and none were.
    fn is_checked(&self, filters: u64) -> bool {
        self.filters <= ALL_COMBINED || filters.count_ones() <= 2 || filters == self.every_filter()
    }

    /// The text that is sent for a variant.
    fn checked(&self, variant: Variant) -> Variant {
        let filters = variant.0 & self.every_filter();
        let mut checked = Variant(filters);
        if variant.is_as_written() || !self.is_checked(filters) {
            checked = Variant(AS_WRITTEN);
        }
        for (place, &options) in (0..).zip(&self.choices) {
            let chosen = u8::try_from(variant.chosen(place)).unwrap_or_default();
            if chosen < options {
                checked = checked.choice(place, chosen);
            }
        }
        checked
    }

    fn variants(&self) -> Vec<Variant> {
        let mut variants = vec![Variant(0)];
        let filters = self.filters.min(CHOICES - 1);
        if filters <= ALL_COMBINED {
            variants.extend((1..=self.every_filter()).map(Variant));
        } else {
            for first in 0..filters {
                variants.extend((first..filters).map(|second| Variant(1 << first | 1 << second)));
            }
            variants.extend([self.every_filter(), AS_WRITTEN].map(Variant));
        }
        for (place, &options) in (0..).zip(&self.choices) {
            variants = variants
                .into_iter()
                .flat_map(|variant| (0..options).map(move |option| variant.choice(place, option)))
                .collect();
        }
        variants
    }
}

impl<P: Params, R: Row> Statement<P, R> {
    /// What is known of the text that a call sends.
    pub(crate) fn sent(&self, params: &P) -> &About {
        match self.texts() {
            Some(texts) if P::VARIES => texts.about(self.about(), params.variant()),
            Some(texts) => texts.about(self.about(), Variant::default()),
            None => self.about(),
        }
    }
}

impl<'p> Slots<'p> {
    /// The values that a text uses, in its order.
    pub(crate) fn sent(params: &'p impl Params, about: &About) -> Self {
        let all = Self::of(params);
        match about.params {
            None => all,
            Some(places) => all.picked(places),
        }
    }
}

/// The pieces of a statement's texts: strings, parameters by their place among those that the parameters' struct binds, from
/// 0, in parentheses; filters by their place, in brackets, with `!` what is there where a flag is false; choices by theirs, in braces.
///
/// ```
/// sqlmill_runtime::texts! {
///     LIST_REPORTS_TEXTS {
///         "SELECT id, name FROM reports WHERE organization_id = " (0) " AND "
///         [0: "(name ILIKE " (1) ")"]
///         " ORDER BY " {0: ["created_at DESC, id"] ["name, id"]}
///     }
/// }
/// ```
#[macro_export]
macro_rules! texts {
    ($name:ident { $($piece:tt)* }) => {
        static $name: $crate::Texts = $crate::Texts::new(&[$($crate::__piece!($piece)),*]);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __piece {
    (($place:literal)) => {
        $crate::Piece::Param($place)
    };
    ([! $place:literal: $($piece:tt)*]) => {
        $crate::Piece::Unless($place, &[$($crate::__piece!($piece)),*])
    };
    ([$place:literal: $($piece:tt)*]) => {
        $crate::__filter!($place [] $($piece)*)
    };
    ({$place:literal: $([$($piece:tt)*])*}) => {
        $crate::Piece::Choice($place, &[$(&[$($crate::__piece!($piece)),*]),*])
    };
    ($text:literal) => {
        $crate::Piece::Text($text)
    };
}

/// What stands before `else`, and what behind it.
#[doc(hidden)]
#[macro_export]
macro_rules! __filter {
    ($place:literal [$($present:tt)*] else $($as_written:tt)*) => {
        $crate::Piece::Filter(
            $place,
            &[$($crate::__piece!($present)),*],
            &[$($crate::__piece!($as_written)),*],
        )
    };
    ($place:literal [$($present:tt)*] $next:tt $($rest:tt)*) => {
        $crate::__filter!($place [$($present)* $next] $($rest)*)
    };
    ($place:literal [$($present:tt)*]) => {
        $crate::Piece::Filter($place, &[$($crate::__piece!($present)),*], &[])
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(pieces: &[Piece], variant: Variant) -> (String, Vec<u16>) {
        let (mut sql, mut params) = (String::new(), Vec::new());
        join(pieces, variant, &mut sql, &mut params);
        (sql, params)
    }

    crate::texts! {
        TEXTS {
            "SELECT " (2) " WHERE a = " (0) " AND " [0: "(b = " (1) " OR c = " (0) ")"]
            " AND " [1: "(d = " (3) ")" else "(d = " (3) " OR " (3) " IS NULL)"]
            " ORDER BY " {0: ["a"] ["b, " (4)]}
        }
    }

    crate::texts! {
        FLAGS { "a = " (0) " AND " [0: "(b = " (1) ")"] " AND " [!0: "(c = " (2) ")"] }
    }

    #[test]
    fn a_flag_leaves_out_one_condition_or_the_other() {
        let none = Variant::default();
        let (sql, params) = joined(FLAGS.pieces, none);
        assert_eq!(
            (sql.as_str(), params),
            ("a = $1 AND true AND (c = $2)", vec![0, 2])
        );
        let (sql, params) = joined(FLAGS.pieces, none.filter(0, true));
        assert_eq!(
            (sql.as_str(), params),
            ("a = $1 AND (b = $2) AND true", vec![0, 1])
        );
        assert_eq!(Shape::of(FLAGS.pieces).variants().len(), 2);
        assert_eq!(Flag(true).variant(), none.filter(0, true));
    }

    #[test]
    fn texts_count_the_parameters_that_they_use() {
        let none = Variant::default();
        assert_eq!(
            joined(TEXTS.pieces, none),
            (
                "SELECT $1 WHERE a = $2 AND true AND true ORDER BY a".to_owned(),
                vec![2, 0]
            )
        );
        assert_eq!(
            joined(
                TEXTS.pieces,
                none.filter(0, true).filter(1, true).choice(0, 1)
            ),
            (
                "SELECT $1 WHERE a = $2 AND (b = $3 OR c = $2) AND (d = $4) ORDER BY b, $5"
                    .to_owned(),
                vec![2, 0, 1, 3, 4]
            )
        );
        let second = "SELECT $1 WHERE a = $2 AND true AND (d = $3) ORDER BY a";
        assert_eq!(joined(TEXTS.pieces, none.filter(1, true)).0, second);
        let written = Variant(AS_WRITTEN);
        assert_eq!(
            joined(&TEXTS.pieces[7..], written).0,
            "(d = $1 OR $1 IS NULL) ORDER BY a"
        );
    }

    #[test]
    fn what_was_not_checked_is_sent_as_written() {
        let shape = Shape {
            filters: 7,
            choices: vec![2],
        };
        let none = Variant::default();
        let two = none.filter(1, true).filter(6, true).choice(0, 1);
        assert_eq!(shape.checked(two), two);
        assert_eq!(
            shape.checked(two.filter(3, true)),
            Variant(AS_WRITTEN).choice(0, 1)
        );
        let all = (0..7).fold(none, |all, place| all.filter(place, true));
        assert_eq!(shape.checked(all), all);
        // Of a place or an option that there is not.
        assert_eq!(shape.checked(none.filter(7, true).choice(0, 2)), none);
        let variants = shape.variants();
        assert_eq!(variants.len(), 2 * (1 + 7 + 21 + 1 + 1));
        assert!(variants.iter().all(|&one| shape.checked(one) == one));
    }

    #[test]
    fn up_to_six_filters_have_a_text_for_every_combination() {
        let shape = Shape {
            filters: 6,
            choices: Vec::new(),
        };
        let variants = shape.variants();
        assert_eq!(variants.len(), 64);
        assert!(variants.iter().all(|&one| shape.checked(one) == one));
    }
}
