//! Regular expressions, in the few forms that mean the same here as on the server.

use std::collections::BTreeSet;

/// A regular expression in parts. Where it matches is no matter, only whether it does.
#[derive(Debug, Clone, Copy)]
pub enum Pattern {
    /// `^`: the beginning of the text.
    Begin,
    /// `$`: its end.
    End,
    /// These characters, one behind the other.
    Text(&'static str),
    /// One character of these ranges, both ends of each included.
    In(&'static [(char, char)]),
    /// One character that is in none of them, a newline included.
    NotIn(&'static [(char, char)]),
    /// One behind the other.
    Row(&'static [Pattern]),
    /// One of them.
    Either(&'static [Pattern]),
    /// At least so many times, and at most.
    Times(u16, Option<u16>, &'static Pattern),
}

/// What is longer is left to the server: of some patterns the work grows with the square of the length.
const LONGEST: usize = 4096;

/// Is there a place in the text where it matches? `None` where that is left to the server.
pub(super) fn matches(text: &str, pattern: &Pattern) -> Option<bool> {
    if text.len() > LONGEST {
        return None;
    }
    let anywhere = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let from = match pattern {
        Pattern::Row([Pattern::Begin, ..]) => BTreeSet::from([0]),
        _ => anywhere.collect(),
    };
    Some(!pattern.ends(text, from).is_empty())
}

impl Pattern {
    /// The places that it can end at, when it begins at one of those given.
    fn ends(&self, text: &str, from: BTreeSet<usize>) -> BTreeSet<usize> {
        match self {
            Self::Begin => from.into_iter().filter(|&at| at == 0).collect(),
            Self::End => from.into_iter().filter(|&at| at == text.len()).collect(),
            Self::Text(part) => from
                .into_iter()
                .filter(|&at| text.get(at..).is_some_and(|rest| rest.starts_with(part)))
                .map(|at| at + part.len())
                .collect(),
            Self::In(ranges) => step(text, from, |c| is_in(ranges, c)),
            Self::NotIn(ranges) => step(text, from, |c| !is_in(ranges, c)),
            Self::Row(parts) => parts
                .iter()
                .fold(from, |reached, part| part.ends(text, reached)),
            Self::Either(parts) => parts
                .iter()
                .flat_map(|part| part.ends(text, from.clone()))
                .collect(),
            Self::Times(least, most, part) => {
                let mut reached = from;
                for _ in 0..*least {
                    reached = part.ends(text, reached);
                    if reached.is_empty() {
                        return reached;
                    }
                }
                let mut all = reached.clone();
                let mut left = most.map(|most| most.saturating_sub(*least));
                while !reached.is_empty() && left != Some(0) {
                    let next = part.ends(text, reached);
                    reached = next.into_iter().filter(|&at| all.insert(at)).collect();
                    left = left.map(|left| left - 1);
                }
                all
            }
        }
    }
}

fn step(text: &str, from: BTreeSet<usize>, fits: impl Fn(char) -> bool) -> BTreeSet<usize> {
    let next = |at: usize| {
        let c = text.get(at..)?.chars().next()?;
        fits(c).then_some(at + c.len_utf8())
    };
    from.into_iter().filter_map(next).collect()
}

fn is_in(ranges: &[(char, char)], c: char) -> bool {
    ranges
        .iter()
        .any(|&(first, last)| (first..=last).contains(&c))
}

#[cfg(test)]
mod tests {
    use super::Pattern::*;
    use super::*;

    #[test]
    fn a_pattern_need_not_match_the_whole_text() {
        let letters = In(&[('a', 'z')]);
        assert_eq!(matches("1a2", &letters), Some(true));
        assert_eq!(matches("123", &letters), Some(false));
        assert_eq!(matches("", &Row(&[Begin, End])), Some(true));
        assert_eq!(matches("\n", &Row(&[Begin, End])), Some(false));
        assert_eq!(matches("b\n", &Row(&[Text("b"), End])), Some(false));
        assert_eq!(matches("\n", &Row(&[Begin, NotIn(&[]), End])), Some(true));
    }

    #[test]
    fn repetitions_end_and_are_counted() {
        static SLUG: Pattern = Row(&[
            Begin,
            Times(1, None, &In(&[('a', 'z')])),
            Times(
                0,
                None,
                &Row(&[Text("-"), Times(1, None, &In(&[('a', 'z')]))]),
            ),
            End,
        ]);
        for (text, fits) in [("a-b-c", true), ("a-", false), ("", false), ("é", false)] {
            assert_eq!(matches(text, &SLUG), Some(fits), "{text}");
        }
        static EMPTY: Pattern = Row(&[Begin, Times(0, None, &Times(0, None, &Text("a"))), End]);
        assert_eq!(matches("aaa", &EMPTY), Some(true));
        static TWO_OR_THREE: Pattern = Row(&[Begin, Times(2, Some(3), &Text("é")), End]);
        let counted = ["é", "éé", "ééé", "éééé"].map(|text| matches(text, &TWO_OR_THREE));
        assert_eq!(counted, [Some(false), Some(true), Some(true), Some(false)]);
    }

    #[test]
    fn what_is_long_is_left_to_the_server() {
        assert_eq!(matches(&"a".repeat(LONGEST), &Begin), Some(true));
        assert_eq!(matches(&"a".repeat(LONGEST + 1), &Begin), None);
    }
}
