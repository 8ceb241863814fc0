//! The one SQL lexer: PostgreSQL's lexical grammar (`src/backend/parser/scan.l`) plus `:name` parameters.
//!
//! It never fails. What has no end runs to the end of the file and says so; what no rule knows is
//! [`TokenKind::Unknown`]. It tells where things begin and end, and nothing about what they mean: whether a `:name` may
//! stand where it does is decided in `parse`.

use std::ops::Range;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Blanks, line ends, and a byte order mark that opens the file.
    Whitespace,
    /// `-- …`, without its line end.
    LineComment,
    /// `/* … */`, nested.
    BlockComment,
    /// A keyword or an unquoted identifier.
    Word,
    /// `"…"` and `U&"…"`.
    QuotedName,
    /// `'…'`, `E'…'`, `U&'…'`, `B'…'`, `X'…'`; the `N` of `N'…'` is a word of its own, as in PostgreSQL.
    String,
    /// `$$…$$` and `$tag$…$tag$`.
    DollarString,
    Number,
    /// `:name`
    Param,
    /// `$1`
    Positional,
    Operator,
    /// `:` that is none of `:name`, `::` and `:=`.
    Colon,
    /// `::`
    Cast,
    /// `:=`
    Assign,
    /// `=>`
    Arrow,
    /// `..`
    DotDot,
    Dot,
    Comma,
    Semicolon,
    OpenParen,
    CloseParen,
    OpenBracket,
    CloseBracket,
    /// From a backslash to the end of its line: a psql command.
    Backslash,
    /// A character that PostgreSQL's lexer does not know: `{`, a lone `$`, a control character.
    Unknown,
}

impl TokenKind {
    /// Blanks and comments: what PostgreSQL's parser never sees.
    pub fn is_blank(self) -> bool {
        matches!(
            self,
            Self::Whitespace | Self::LineComment | Self::BlockComment
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
    /// False where the closing quote, tag or `*/` is missing.
    pub closed: bool,
}

impl Token {
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    pub fn text(self, source: &str) -> &str {
        source.get(self.range()).unwrap_or_default()
    }

    /// Is it this unquoted word, in any case?
    pub fn is_word(self, source: &str, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text(source).eq_ignore_ascii_case(word)
    }

    /// Of a token that lacks its end: the few characters that open it, which is the place to point at.
    pub fn opening(self, source: &str) -> Range<usize> {
        let text = self.text(source);
        let len = match self.kind {
            TokenKind::BlockComment => 2,
            TokenKind::DollarString => text
                .get(1..)
                .and_then(|rest| rest.find('$'))
                .map_or(1, |at| at + 2),
            TokenKind::String => text.find('\'').map_or(1, |at| at + 1),
            TokenKind::QuotedName => text.find('"').map_or(1, |at| at + 1),
            _ => text.chars().next().map_or(0, char::len_utf8),
        };
        self.start..(self.start + len).min(self.end)
    }
}

/// The tokens of a text from a place on. All tokens together are the text, without gaps.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// A string that goes on after a line end: where its next part's quote stands, and that part's rules.
    continuation: Option<(usize, Quote)>,
}

/// How a quoted thing ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    /// At the first quote: bit strings.
    Plain,
    /// `''` stands for a quote.
    Doubled,
    /// `''` and backslash escapes.
    Escaped,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            continuation: None,
        }
    }

    /// Goes on from another place, which must be a character boundary.
    pub fn seek(&mut self, at: usize) {
        self.at = at;
        self.continuation = None;
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn rest(&self, at: usize) -> &'a str {
        self.text.get(at..).unwrap_or_default()
    }

    /// The first place from `at` on whose byte is not of the class.
    fn run_end(&self, at: usize, class: impl Fn(u8) -> bool) -> usize {
        let bytes = self.text.as_bytes().get(at..).unwrap_or_default();
        at + bytes
            .iter()
            .position(|&byte| !class(byte))
            .unwrap_or(bytes.len())
    }

    /// From the byte after the opening quote: the place after the closing one, and whether there is one.
    fn quoted(&self, from: usize, quote: u8, rules: Quote) -> (usize, bool) {
        let mut at = from;
        while let Some(byte) = self.byte(at) {
            if byte == quote {
                if rules == Quote::Plain || self.byte(at + 1) != Some(quote) {
                    return (at + 1, true);
                }
                at += 2;
            } else if byte == b'\\' && rules == Quote::Escaped {
                // The escaped character may be of many bytes: none of the later ones is a quote or a backslash.
                at += 2;
            } else {
                at += 1;
            }
        }
        (self.text.len(), false)
    }

    fn string(&mut self, start: usize, quote_at: usize, rules: Quote) -> Token {
        let (end, closed) = self.quoted(quote_at + 1, b'\'', rules);
        self.continuation = self.next_part(end).filter(|_| closed).map(|at| (at, rules));
        Token {
            kind: TokenKind::String,
            start,
            end,
            closed,
        }
    }

    /// SQL joins strings that only blanks with a line end part, and the second one follows the first one's rules
    /// (`quotecontinue` in scan.l: comments may stand between, too).
    fn next_part(&self, from: usize) -> Option<usize> {
        let mut at = from;
        let mut line_end = false;
        loop {
            match self.byte(at)? {
                b'\n' | b'\r' => line_end = true,
                b' ' | b'\t' | b'\x0b' | b'\x0c' => {}
                b'-' if self.byte(at + 1) == Some(b'-') => {
                    at = self.run_end(at, |byte| byte != b'\n' && byte != b'\r');
                    continue;
                }
                b'\'' if line_end => return Some(at),
                _ => return None,
            }
            at += 1;
        }
    }

    fn block_comment(&self, start: usize) -> (usize, bool) {
        let mut at = start + 2;
        let mut depth = 1_usize;
        loop {
            match (self.byte(at), self.byte(at + 1)) {
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    at += 2;
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        return (at, true);
                    }
                }
                (Some(_), _) => at += 1,
                (None, _) => return (self.text.len(), false),
            }
        }
    }

    fn dollar(&self, start: usize) -> Token {
        let digits = self.run_end(start + 1, |byte| byte.is_ascii_digit());
        if digits > start + 1 {
            return token(TokenKind::Positional, start, digits);
        }
        let tag_end = if self.byte(start + 1).is_some_and(begins_name) {
            self.run_end(start + 1, |byte| continues_name(byte) && byte != b'$')
        } else {
            start + 1
        };
        if self.byte(tag_end) != Some(b'$') {
            return token(TokenKind::Unknown, start, start + 1);
        }
        let tag = self.text.get(start..=tag_end).unwrap_or_default();
        let (end, closed) = match self.rest(tag_end + 1).find(tag) {
            Some(at) => (tag_end + 1 + at + tag.len(), true),
            None => (self.text.len(), false),
        };
        Token {
            kind: TokenKind::DollarString,
            start,
            end,
            closed,
        }
    }

    fn number(&self, start: usize) -> usize {
        let digits = |from: usize| self.run_end(from, |byte| byte.is_ascii_digit() || byte == b'_');
        let radix = match (self.byte(start), self.byte(start + 1)) {
            (Some(b'0'), Some(b'x' | b'X')) => Some(16),
            (Some(b'0'), Some(b'o' | b'O')) => Some(8),
            (Some(b'0'), Some(b'b' | b'B')) => Some(2),
            _ => None,
        };
        if let Some(radix) = radix {
            let end = self.run_end(start + 2, |byte| {
                byte == b'_' || char::from(byte).is_digit(radix)
            });
            if end > start + 2 {
                return end;
            }
        }
        let mut end = digits(start);
        // `1..2` is two numbers with `..` between them.
        if self.byte(end) == Some(b'.') && self.byte(end + 1) != Some(b'.') {
            end = digits(end + 1);
        }
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-')));
            if self
                .byte(end + 1 + sign)
                .is_some_and(|byte| byte.is_ascii_digit())
            {
                end = digits(end + 1 + sign);
            }
        }
        end
    }

    /// A run of operator characters ends before a comment, and gives back trailing `+` and `-` unless it holds a
    /// character that SQL's own operators do not have: `=-1` is two operators, `@-` is one.
    fn operator(&self, start: usize) -> usize {
        let run = self.run_end(start, is_operator);
        let bytes = self.text.as_bytes().get(start..run).unwrap_or_default();
        let comment = bytes
            .windows(2)
            .skip(1)
            .position(|pair| pair == b"--" || pair == b"/*")
            .map_or(bytes.len(), |at| at + 1);
        let bytes = bytes.get(..comment).unwrap_or_default();
        let own = |byte: &u8| b"~!@#^&|`?%".contains(byte);
        let mut len = bytes.len();
        while len > 1
            && matches!(bytes.get(len - 1), Some(b'+' | b'-'))
            && !bytes.iter().take(len - 1).any(own)
        {
            len -= 1;
        }
        start + len
    }

    fn word(&mut self, start: usize) -> Token {
        let quote = |at: usize| self.byte(at);
        match (
            self.byte(start).map(|byte| byte.to_ascii_lowercase()),
            quote(start + 1),
            quote(start + 2),
        ) {
            (Some(b'e'), Some(b'\''), _) => return self.string(start, start + 1, Quote::Escaped),
            (Some(b'b' | b'x'), Some(b'\''), _) => {
                return self.string(start, start + 1, Quote::Plain);
            }
            (Some(b'u'), Some(b'&'), Some(b'\'')) => {
                return self.string(start, start + 2, Quote::Doubled);
            }
            (Some(b'u'), Some(b'&'), Some(b'"')) => {
                let (end, closed) = self.quoted(start + 3, b'"', Quote::Doubled);
                return Token {
                    kind: TokenKind::QuotedName,
                    start,
                    end,
                    closed,
                };
            }
            _ => {}
        }
        token(TokenKind::Word, start, self.run_end(start, continues_name))
    }

    fn colon(&self, start: usize) -> Token {
        match self.byte(start + 1) {
            Some(b':') => token(TokenKind::Cast, start, start + 2),
            Some(b'=') => token(TokenKind::Assign, start, start + 2),
            Some(byte) if begins_name(byte) => token(
                TokenKind::Param,
                start,
                self.run_end(start + 1, continues_name),
            ),
            _ => token(TokenKind::Colon, start, start + 1),
        }
    }

    fn scan(&mut self, byte: u8) -> Token {
        use TokenKind as Kind;
        let start = self.at;
        let second = self.byte(start + 1);
        let one = |kind| token(kind, start, start + 1);
        if let Some((at, rules)) = self.continuation
            && at == start
        {
            return self.string(start, start, rules);
        }
        match byte {
            _ if is_space(byte) => token(Kind::Whitespace, start, self.run_end(start, is_space)),
            _ if start == 0 && self.text.starts_with(BYTE_ORDER_MARK) => {
                token(Kind::Whitespace, 0, BYTE_ORDER_MARK.len_utf8())
            }
            b'-' if second == Some(b'-') => token(
                Kind::LineComment,
                start,
                self.run_end(start, |byte| byte != b'\n' && byte != b'\r'),
            ),
            b'/' if second == Some(b'*') => {
                let (end, closed) = self.block_comment(start);
                Token {
                    kind: Kind::BlockComment,
                    start,
                    end,
                    closed,
                }
            }
            b'\'' => self.string(start, start, Quote::Doubled),
            b'"' => {
                let (end, closed) = self.quoted(start + 1, b'"', Quote::Doubled);
                Token {
                    kind: Kind::QuotedName,
                    start,
                    end,
                    closed,
                }
            }
            b'$' => self.dollar(start),
            b':' => self.colon(start),
            b'0'..=b'9' => token(Kind::Number, start, self.number(start)),
            b'.' if second.is_some_and(|byte| byte.is_ascii_digit()) => {
                token(Kind::Number, start, self.number(start))
            }
            b'.' if second == Some(b'.') => token(Kind::DotDot, start, start + 2),
            b'.' => one(Kind::Dot),
            b',' => one(Kind::Comma),
            b';' => one(Kind::Semicolon),
            b'(' => one(Kind::OpenParen),
            b')' => one(Kind::CloseParen),
            b'[' => one(Kind::OpenBracket),
            b']' => one(Kind::CloseBracket),
            b'\\' => token(
                Kind::Backslash,
                start,
                self.run_end(start, |byte| byte != b'\n' && byte != b'\r'),
            ),
            _ if is_operator(byte) => {
                let end = self.operator(start);
                let arrow = self.text.get(start..end) == Some("=>");
                token(if arrow { Kind::Arrow } else { Kind::Operator }, start, end)
            }
            _ if begins_name(byte) => self.word(start),
            _ => one(Kind::Unknown),
        }
    }
}

impl Iterator for Scanner<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let byte = self.byte(self.at)?;
        let token = self.scan(byte);
        self.at = token.end;
        Some(token)
    }
}

pub const BYTE_ORDER_MARK: char = '\u{feff}';

fn token(kind: TokenKind, start: usize, end: usize) -> Token {
    Token {
        kind,
        start,
        end,
        closed: true,
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c')
}

fn is_operator(byte: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&byte)
}

/// PostgreSQL takes every byte above ASCII for a letter, so a name ends on a character boundary.
fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn continues_name(byte: u8) -> bool {
    begins_name(byte) || byte.is_ascii_digit() || byte == b'$'
}

#[cfg(test)]
mod tests {
    use super::{Scanner, TokenKind};
    use TokenKind::*;

    fn tokens(text: &str) -> Vec<(TokenKind, &str)> {
        Scanner::new(text)
            .filter(|token| token.kind != Whitespace)
            .map(|token| (token.kind, token.text(text)))
            .collect()
    }

    fn open(text: &str) -> Vec<&str> {
        Scanner::new(text)
            .filter(|token| !token.closed)
            .map(|token| text.get(token.opening(text)).unwrap())
            .collect()
    }

    #[test]
    fn strings_end_where_postgres_ends_them() {
        // A backslash is a plain character in '…' and an escape in E'…'.
        assert_eq!(tokens(r"'a\' b")[0], (String, r"'a\'"));
        assert_eq!(tokens(r"E'a\' :x' b")[0], (String, r"E'a\' :x'"));
        assert_eq!(tokens(r"e'a\\' b")[0], (String, r"e'a\\'"));
        assert_eq!(tokens("'it''s' b")[0], (String, "'it''s'"));
        assert_eq!(tokens(r"U&'\0061\' b")[0], (String, r"U&'\0061\'"));
        assert_eq!(
            tokens("U&'d!0061' UESCAPE '!'"),
            [(String, "U&'d!0061'"), (Word, "UESCAPE"), (String, "'!'")]
        );
        assert_eq!(tokens("N'a'"), [(Word, "N"), (String, "'a'")]);
        assert_eq!(tokens("b'01'x'1F'"), [(String, "b'01'"), (String, "x'1F'")]);
        assert_eq!(tokens("x'1''F'"), [(String, "x'1'"), (String, "'F'")]);
        assert_eq!(tokens("type'x'"), [(Word, "type"), (String, "'x'")]);
    }

    #[test]
    fn a_string_goes_on_after_a_line_end_by_its_first_rules() {
        let text = "E'a'\n -- c\n '\\' :x' y";
        assert_eq!(
            tokens(text),
            [
                (String, "E'a'"),
                (LineComment, "-- c"),
                (String, "'\\' :x'"),
                (Word, "y")
            ]
        );
        // On one line it is a new string, by its own rules.
        assert_eq!(
            tokens("E'a' '\\' b"),
            [(String, "E'a'"), (String, "'\\'"), (Word, "b")]
        );
    }

    #[test]
    fn dollar_quotes_and_their_look_alikes() {
        assert_eq!(tokens("$$a;$x$ b$$;")[0], (DollarString, "$$a;$x$ b$$"));
        assert_eq!(
            tokens("$t$ $$ $t $t$ x")[0],
            (DollarString, "$t$ $$ $t $t$")
        );
        assert_eq!(tokens("a$b$c"), [(Word, "a$b$c")]);
        assert_eq!(tokens("$1"), [(Positional, "$1")]);
        assert_eq!(
            tokens("$ $a"),
            [(Unknown, "$"), (Unknown, "$"), (Word, "a")]
        );
        assert_eq!(tokens("$é$ ' $é$ x")[0], (DollarString, "$é$ ' $é$"));
    }

    #[test]
    fn comments_nest_and_end_operators() {
        assert_eq!(tokens("/* a /* b */ c */ d")[0].0, BlockComment);
        assert_eq!(tokens("/* a /* b */ c */ d")[1], (Word, "d"));
        assert_eq!(tokens("/**/d")[1], (Word, "d"));
        assert_eq!(
            tokens("a+--b\nc"),
            [
                (Word, "a"),
                (Operator, "+"),
                (LineComment, "--b"),
                (Word, "c")
            ]
        );
        assert_eq!(
            tokens("a*/*b*/c"),
            [
                (Word, "a"),
                (Operator, "*"),
                (BlockComment, "/*b*/"),
                (Word, "c")
            ]
        );
    }

    #[test]
    fn operators_give_back_signs_as_postgres_does() {
        assert_eq!(tokens("a=-1")[1..3], [(Operator, "="), (Operator, "-")]);
        assert_eq!(tokens("a@-1")[1..3], [(Operator, "@-"), (Number, "1")]);
        for operator in [
            "?", "@?", "?|", "->>", "<@", "&&", "#>>", "!~~*", "<->", "@@@",
        ] {
            assert_eq!(tokens(operator), [(Operator, operator)]);
            let text = format!("a{operator}:b");
            assert_eq!(
                tokens(&text),
                [(Word, "a"), (Operator, operator), (Param, ":b")]
            );
        }
        assert_eq!(tokens("f(a=>1)")[3], (Arrow, "=>"));
    }

    #[test]
    fn colons() {
        assert_eq!(
            tokens("a::int :b::c x:=1 [1:2] [:n]"),
            [
                (Word, "a"),
                (Cast, "::"),
                (Word, "int"),
                (Param, ":b"),
                (Cast, "::"),
                (Word, "c"),
                (Word, "x"),
                (Assign, ":="),
                (Number, "1"),
                (OpenBracket, "["),
                (Number, "1"),
                (Colon, ":"),
                (Number, "2"),
                (CloseBracket, "]"),
                (OpenBracket, "["),
                (Param, ":n"),
                (CloseBracket, "]"),
            ]
        );
        assert_eq!(tokens(":név+1")[0], (Param, ":név"));
    }

    #[test]
    fn numbers() {
        assert_eq!(
            tokens("1..2"),
            [(Number, "1"), (DotDot, ".."), (Number, "2")]
        );
        for number in [
            "1", "1.5", ".5", "1.", "1e5", "1.5E-3", "0x1F", "0b01", "0o17", "1_000",
        ] {
            assert_eq!(tokens(number), [(Number, number)]);
        }
        assert_eq!(tokens("1e"), [(Number, "1"), (Word, "e")]);
        assert_eq!(tokens("a.b"), [(Word, "a"), (Dot, "."), (Word, "b")]);
    }

    #[test]
    fn what_has_no_end_is_open_where_it_begins() {
        assert_eq!(open("SELECT 'a"), ["'"]);
        assert_eq!(open("SELECT E'a\\'"), ["E'"]);
        assert_eq!(open("SELECT \"a"), ["\""]);
        assert_eq!(open("SELECT U&\"a"), ["U&\""]);
        assert_eq!(open("SELECT $t$ a $$"), ["$t$"]);
        assert_eq!(open("/* /* */"), ["/*"]);
        assert_eq!(open("E'a\\"), ["E'"]);
    }

    #[test]
    fn the_rest() {
        assert_eq!(tokens("\u{feff}SELECT")[0], (Word, "SELECT"));
        assert_eq!(tokens("\\d+ x\ny"), [(Backslash, "\\d+ x"), (Word, "y")]);
        assert_eq!(tokens("{\0")[0], (Unknown, "{"));
        assert_eq!(tokens("-- a\r\nb"), [(LineComment, "-- a"), (Word, "b")]);
        assert_eq!(
            tokens("U&\"d\\0061t\" x")[0],
            (QuotedName, "U&\"d\\0061t\"")
        );
        assert_eq!(tokens("\"a\"\"b\" x")[0], (QuotedName, "\"a\"\"b\""));
    }
}
