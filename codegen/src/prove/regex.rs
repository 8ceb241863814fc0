//! PostgreSQL's regular expressions, as far as they mean the same for every text outside of the server.
//!
//! Read are advanced regular expressions (`~` and `~*` take nothing else) of literals, `.`, `^`, `$`, brackets, groups, alternatives
//! and greedy quantifiers. Whether one matches is all that a CHECK asks, so which match is found does not matter. Without options a newline is a
//! character like any other, `^` and `$` are the ends of the text, and ranges go by code points (`regc_lex.c`, `regc_locale.c`).
//! `\d`, `\w` and classes by name depend on the locale beyond ASCII, where the server is left to judge. Back references, options,
//! look-around, collating elements and everything that PostgreSQL would refuse are not read.

use crate::model::Pattern;

/// The pattern, and whether it says something of texts in ASCII alone.
#[derive(Debug, PartialEq)]
pub(super) struct Regex {
    pub(super) pattern: Pattern,
    pub(super) ascii: bool,
}

/// How letters are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Sensitive,
    /// `~*` under a collation in which only ASCII has cases.
    InsensitiveInC,
    /// Under another: to some locales the upper case of `i` is not `I`.
    Insensitive,
}

/// PostgreSQL's DUPMAX.
const MOST_TIMES: u16 = 255;

pub(super) fn read(text: &str, case: Case) -> Option<Regex> {
    let mut reader = Reader {
        rest: text.chars().collect::<Vec<_>>().into_iter().peekable(),
        case,
        ascii: false,
        depth: 0,
    };
    let pattern = reader.alternatives()?;
    reader.rest.next().is_none().then_some(Regex {
        pattern,
        ascii: reader.ascii,
    })
}

type Ranges = Vec<(char, char)>;

struct Reader {
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    case: Case,
    ascii: bool,
    depth: usize,
}

impl Reader {
    fn takes(&mut self, c: char) -> bool {
        self.rest.next_if_eq(&c).is_some()
    }

    fn alternatives(&mut self) -> Option<Pattern> {
        let mut all = vec![self.row()?];
        while self.takes('|') {
            all.push(self.row()?);
        }
        Some(match all.len() {
            1 => all.pop()?,
            _ => Pattern::Either(all),
        })
    }

    /// Parts one behind the other; there is at least one.
    fn row(&mut self) -> Option<Pattern> {
        let mut parts: Vec<Pattern> = Vec::new();
        while let Some(&next) = self.rest.peek() {
            if next == '|' || next == ')' {
                break;
            }
            let part = self.quantified()?;
            // Literals in a row are one text.
            match (parts.last_mut(), part) {
                (Some(Pattern::Text(before)), Pattern::Text(more)) => before.push_str(&more),
                (_, part) => parts.push(part),
            }
        }
        match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ => Some(Pattern::Row(parts)),
        }
    }

    fn quantified(&mut self) -> Option<Pattern> {
        let atom = match self.rest.next()? {
            '^' => Pattern::Begin,
            '$' => Pattern::End,
            '.' => Pattern::NotIn(Vec::new()),
            '[' => self.bracket()?,
            '(' => {
                if self.takes('?') && !self.takes(':') {
                    return None;
                }
                self.depth += 1;
                if self.depth > 16 {
                    return None;
                }
                let inner = self.alternatives()?;
                self.depth -= 1;
                if !self.takes(')') {
                    return None;
                }
                inner
            }
            '\\' => self.escape()?,
            '*' | '+' | '?' | '{' | ')' => return None,
            plain => self.literal(plain)?,
        };
        let (least, most) = match self.rest.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.rest.next();
                let bounds = self.bounds()?;
                return self.times(atom, bounds);
            }
            _ => return Some(atom),
        };
        self.rest.next();
        self.times(atom, (least, most))
    }

    fn times(&mut self, atom: Pattern, (least, most): (u16, Option<u16>)) -> Option<Pattern> {
        // A second quantifier makes the first one take as little as it can, or is an error.
        let another = matches!(self.rest.peek(), Some('*' | '+' | '?' | '{'));
        let anchor = matches!(atom, Pattern::Begin | Pattern::End);
        (!another && !anchor).then(|| Pattern::Times(least, most, Box::new(atom)))
    }

    /// `3}`, `3,}`, `3,5}`
    fn bounds(&mut self) -> Option<(u16, Option<u16>)> {
        let least = self.number()?;
        if self.takes('}') {
            return Some((least, Some(least)));
        }
        if !self.takes(',') {
            return None;
        }
        if self.takes('}') {
            return Some((least, None));
        }
        let most = self.number()?;
        (self.takes('}') && least <= most).then_some((least, Some(most)))
    }

    fn number(&mut self) -> Option<u16> {
        let mut digits = String::new();
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let number = digits.parse().ok()?;
        (number <= MOST_TIMES).then_some(number)
    }

    fn literal(&self, c: char) -> Option<Pattern> {
        Some(match self.case {
            Case::Sensitive => Pattern::Text(c.to_string()),
            _ => match self.cases(c, c)?.as_slice() {
                [(one, last)] if one == last => Pattern::Text(one.to_string()),
                ranges => Pattern::In(ranges.to_vec()),
            },
        })
    }

    /// A range, with the other case of its letters where case does not count.
    fn cases(&self, first: char, last: char) -> Option<Ranges> {
        let own = (first, last);
        if self.case == Case::Sensitive {
            return Some(vec![own]);
        }
        if !last.is_ascii() {
            return None;
        }
        let mut ranges = vec![own];
        for (from, to, turn) in [
            ('A', 'Z', char::to_ascii_lowercase as fn(&char) -> char),
            ('a', 'z', char::to_ascii_uppercase),
        ] {
            let (from, to) = (first.max(from), last.min(to));
            if from <= to {
                if self.case == Case::Insensitive && (from..=to).any(|c| matches!(c, 'i' | 'I')) {
                    return None;
                }
                ranges.push((turn(&from), turn(&to)));
            }
        }
        Some(ranges)
    }

    fn escape(&mut self) -> Option<Pattern> {
        let negated = self.rest.peek().is_some_and(char::is_ascii_uppercase);
        Some(match self.escaped()? {
            Escaped::Plain(c) => self.literal(c)?,
            Escaped::Class(ranges) if negated => Pattern::NotIn(ranges),
            Escaped::Class(ranges) => Pattern::In(ranges),
        })
    }

    fn escaped(&mut self) -> Option<Escaped> {
        let class = |name| named(name).map(Escaped::Class);
        match self.rest.next()? {
            'n' => Some(Escaped::Plain('\n')),
            'r' => Some(Escaped::Plain('\r')),
            't' => Some(Escaped::Plain('\t')),
            'd' | 'D' => {
                self.ascii = true;
                class("digit")
            }
            'w' | 'W' => {
                self.ascii = true;
                class("word")
            }
            plain if plain.is_ascii_punctuation() || plain == ' ' => Some(Escaped::Plain(plain)),
            _ => None,
        }
    }

    /// What stands behind `[`.
    fn bracket(&mut self) -> Option<Pattern> {
        let negated = self.takes('^');
        let mut ranges = Vec::new();
        let mut first = true;
        loop {
            let start = match self.rest.next()? {
                ']' if !first => break,
                '-' if !first && self.rest.peek() != Some(&']') => return None,
                '[' => match self.rest.peek() {
                    Some(':') => {
                        ranges.extend(self.class()?);
                        first = false;
                        continue;
                    }
                    Some('.' | '=') => return None,
                    _ => '[',
                },
                '\\' => {
                    if self.rest.peek().is_some_and(char::is_ascii_uppercase) {
                        return None;
                    }
                    match self.escaped()? {
                        Escaped::Plain(c) => c,
                        Escaped::Class(class) => {
                            ranges.extend(class);
                            first = false;
                            continue;
                        }
                    }
                }
                plain => plain,
            };
            first = false;
            let mut end = start;
            if self.rest.peek() == Some(&'-') {
                let mut ahead = self.rest.clone();
                ahead.next();
                if ahead.peek() != Some(&']') {
                    self.rest.next();
                    end = match self.rest.next()? {
                        '\\' => match self.escaped()? {
                            Escaped::Plain(c) => c,
                            Escaped::Class(_) => return None,
                        },
                        '[' | '-' => return None,
                        plain => plain,
                    };
                }
            }
            if end < start {
                return None;
            }
            ranges.extend(self.cases(start, end)?);
        }
        Some(match negated {
            true => Pattern::NotIn(ranges),
            false => Pattern::In(ranges),
        })
    }

    /// `:alpha:]`
    fn class(&mut self) -> Option<Ranges> {
        self.rest.next();
        let mut name = String::new();
        while let Some(letter) = self.rest.next_if(char::is_ascii_lowercase) {
            name.push(letter);
        }
        // Where case does not count, `lower` and `upper` are both.
        let cased = self.case != Case::Sensitive && matches!(name.as_str(), "lower" | "upper");
        self.ascii = true;
        (!cased && self.takes(':') && self.takes(']')).then_some(())?;
        named(&name)
    }
}

enum Escaped {
    Plain(char),
    Class(Ranges),
}

/// The ASCII of a class. Of others (`space`, `punct`) the libraries that PostgreSQL asks do not even agree about ASCII.
fn named(class: &str) -> Option<Ranges> {
    let (digits, upper, lower) = (('0', '9'), ('A', 'Z'), ('a', 'z'));
    Some(match class {
        "digit" => vec![digits],
        "alpha" => vec![upper, lower],
        "alnum" => vec![digits, upper, lower],
        "lower" => vec![lower],
        "upper" => vec![upper],
        "word" => vec![digits, upper, lower, ('_', '_')],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_reads_otherwise_is_not_read() {
        for text in [
            "",
            "a|",
            "()",
            "*a",
            "^*",
            "a**",
            "a*?",
            "a{2}{3}",
            "a{3,2}",
            "a{256}",
            "a{,3}",
            "a{",
            "(?i)a",
            "(?=a)",
            "***=a",
            "(a)\\1",
            "\\ma",
            "\\s",
            "[\\D]",
            "[[:space:]]",
            "[[.a.]]",
            "[[=a=]]",
            "[z-a]",
            "[a-c-e]",
            "[a",
            "(a",
            "a)",
            "a\\",
            "[[:word:]",
            "\\é",
        ] {
            assert_eq!(read(text, Case::Sensitive), None, "{text}");
        }
        for text in ["i", "[a-z]", "[A-Z]", "é", "[[:lower:]]"] {
            assert_eq!(read(text, Case::Insensitive), None, "{text}");
        }
    }

    #[test]
    fn literals_are_joined_and_letters_get_both_cases() {
        let of = |text, case| read(text, case).map(|regex| format!("{:?}", regex.pattern));
        assert_eq!(
            of("^ab\\.c+$", Case::Sensitive).as_deref(),
            Some("Row([Begin, Text(\"ab.\"), Times(1, None, Text(\"c\")), End])")
        );
        assert_eq!(
            of("k1", Case::Insensitive).as_deref(),
            Some("Row([In([('k', 'k'), ('K', 'K')]), Text(\"1\")])")
        );
        assert_eq!(
            of("[h-j]", Case::InsensitiveInC).as_deref(),
            Some("In([('h', 'j'), ('H', 'J')])")
        );
        assert_eq!(
            of("[]^-]", Case::Sensitive).as_deref(),
            Some("In([(']', ']'), ('^', '^'), ('-', '-')])")
        );
        assert!(read("\\d", Case::Sensitive).is_some_and(|regex| regex.ascii));
    }
}
