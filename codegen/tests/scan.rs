//! The lexer against PostgreSQL's own: statements end where the server ends them, and the places of its errors are tokens.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;

use cluster::Cluster;
use sqlmill::scan::{Scanner, Token, TokenKind};
use sqlmill::wire::{Connection, Error};

fn tokens(text: &str) -> Vec<Token> {
    Scanner::new(text)
        .filter(|token| !token.kind.is_blank())
        .collect()
}

/// How many statements that are not empty do the semicolons part?
fn statements(tokens: &[Token]) -> usize {
    tokens
        .split(|token| token.kind == TokenKind::Semicolon)
        .filter(|statement| !statement.is_empty())
        .count()
}

/// What the server makes of a text: `None` where it is of no use for the comparison.
fn compare(connection: &mut Connection, text: &str) -> Option<&'static str> {
    let found = tokens(text);
    // `:name` is ours: to the server it is a colon and what follows.
    if found.iter().any(|token| token.kind == TokenKind::Param) {
        return None;
    }
    let error = match connection.simple(text) {
        Ok(results) => {
            let results = results
                .iter()
                .filter(|result| !result.tag.is_empty())
                .count();
            assert_eq!(results, statements(&found), "{text:?}");
            return Some("accepted");
        }
        Err(Error::Server(error)) => error,
        Err(error) => panic!("{text:?}: {error}"),
    };
    let at = error.position?;
    let token = found.iter().find(|token| token.start == at);
    if error.message.starts_with("invalid Unicode") {
        return None;
    }
    if error.message.starts_with("unterminated") {
        // The server points at the first part of a string that goes on after a line end.
        let open = Scanner::new(text).find(|token| !token.closed);
        let parts = open.is_some_and(|open| {
            open.start == at
                || found
                    .iter()
                    .filter(|token| (at..=open.start).contains(&token.start))
                    .all(|token| token.kind == TokenKind::String)
        });
        assert!(parts, "{text:?}: {} at {at}", error.message);
        return Some("unterminated");
    }
    match error.code.as_str() {
        "42601" => {
            assert!(
                token.is_some() || at >= found.last().map_or(0, |last| last.end),
                "{text:?}: {} at {at}",
                error.message
            );
            Some("syntax error")
        }
        "42883" if error.message.starts_with("operator does not exist") => {
            let operator = match token.map(|token| token.text(text)) {
                Some("!=") => "<>",
                Some(operator) => operator,
                None => "",
            };
            assert!(
                error.message.contains(&format!(" {operator} "))
                    || error.message.contains(&format!(": {operator} ")),
                "{text:?}: {} at {at}, here `{operator}`",
                error.message
            );
            Some("operator")
        }
        _ => None,
    }
}

const EXPRESSIONS: [&str; 60] = [
    "'a'",
    "'it''s'",
    "'\\'",
    "E'\\''",
    "E'\\\\'",
    "e'a\\;'",
    "N'a'",
    "B'01'",
    "x'1F'",
    "U&'\\0061'",
    "U&'!0061' UESCAPE '!'",
    "'a'\n'b;'",
    "'a' -- ' ;\n 'b'",
    "E'a'\n'\\';'",
    "'a'\r\n\t'b'",
    "$$;$$",
    "$$'$$",
    "$a$;$$;$b$;$a$",
    "$é$;'$é$",
    "$a1$ $a $a1$",
    "\"a;\"",
    "1",
    "1.5",
    ".5",
    "1.",
    "1e5",
    "1.5e-3",
    "1.e5",
    "1..2",
    "1e",
    "1::int",
    "'1'::text",
    "1=-1",
    "1 @-1",
    "1<@-1",
    "1*-1",
    "1+-+1",
    "1 ->> 2",
    "1 ?| 2",
    "1 @? 2",
    "1 && 2",
    "1 <-> 2",
    "1 =>2",
    "1 !=-1",
    "2-1",
    "2- -1",
    "2--1\n",
    "2/*;*/-1",
    "2/**/-1",
    "2-/*/*;*/;*/1",
    "2*/*;*/1",
    "2@/*;*/1",
    "2@--;\n1",
    "(ARRAY[1,2,3])[1:2]",
    "(ARRAY[1,2])[:2]",
    "(ARRAY[1,2])[1:]",
    "(ARRAY[1])[1::int:1]",
    "a$b",
    "é",
    "\u{a0}1",
];

const PIECES: [&str; 48] = [
    "'", "''", "\"", "$$", "$a$", "$", "--", "/*", "*/", "\n", "\r\n", "\r", ";", ":", "::", ":=",
    "=>", "[", "]", "(", ")", "E'", "U&'", "U&\"", "B'", "\\", "é", "?", "@", "-", "+", "=", "#",
    "1", "1.", ".", "..", "e", "E5", "_", "a", " ", ",", "SELECT 1", "$1", "\t", "\x0c", "N'",
];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

#[test]
fn statements_end_where_the_server_ends_them() {
    let cluster = Cluster::trusting();
    let mut connection = cluster.connect();
    let mut counts = std::collections::BTreeMap::new();
    let mut count = |verdict| *counts.entry(verdict).or_insert(0) += 1;
    for expression in EXPRESSIONS {
        let text = format!("SELECT {expression}; SELECT 'end' -- ;\n; ; SELECT 2");
        count(compare(&mut connection, &text));
    }
    let mut random = Random(0x5EED);
    for _ in 0..3_000 {
        let mut text = String::from("SELECT ");
        for _ in 0..=random.below(4) {
            text.push_str(EXPRESSIONS[random.below(EXPRESSIONS.len())]);
            text.push_str([", ", ",", "; SELECT ", ";SELECT ", " || ", "\n,"][random.below(6)]);
        }
        text.push_str("NULL");
        for _ in 0..random.below(3) {
            let at = (random.below(text.len())..)
                .find(|&at| text.is_char_boundary(at))
                .unwrap();
            text.insert_str(at, PIECES[random.below(PIECES.len())]);
        }
        count(compare(&mut connection, &text));
    }
    for _ in 0..3_000 {
        let mut text = String::from("SELECT ");
        for _ in 0..random.below(8) {
            text.push_str(PIECES[random.below(PIECES.len())]);
        }
        count(compare(&mut connection, &text));
    }
    println!("{counts:?}");
    // The comparison is worth something only where each of its branches is taken often.
    for verdict in ["accepted", "syntax error", "unterminated", "operator"] {
        assert!(counts[&Some(verdict)] > 50, "{counts:?}");
    }
}
