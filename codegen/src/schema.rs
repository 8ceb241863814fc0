//! `schema.sql`, split into the statements that load it. What `pg_dump -s` writes is accepted.

use crate::diagnostic::Diagnostic;
use crate::scan::{Scanner, Token, TokenKind};
use crate::source::{FileId, Sources, Span, Spanned};

/// One statement as it stands in the file, without its semicolon.
pub type SchemaStatement<'a> = Spanned<&'a str>;

/// Statements in the file's order. Backslash lines are skipped: pg_dump writes `\restrict` and `\connect`.
pub fn split(sources: &Sources, file: FileId) -> (Vec<SchemaStatement<'_>>, Vec<Diagnostic>) {
    let text = sources.get(file).text.as_str();
    let mut splitter = Splitter {
        file,
        text,
        scanner: Scanner::new(text),
        statements: Vec::new(),
        diagnostics: Vec::new(),
    };
    while let Some(token) = splitter.next_token() {
        match token.kind {
            TokenKind::Whitespace
            | TokenKind::LineComment
            | TokenKind::BlockComment
            | TokenKind::Semicolon => {}
            TokenKind::Backslash => splitter.backslash(token),
            _ => splitter.statement(token),
        }
    }
    for (at, _) in text.match_indices('\0') {
        splitter.diagnostics.push(
            Diagnostic::error("syntax", "a NUL character")
                .at(Span::new(file, at..at + 1))
                .help("delete it: PostgreSQL stores no NUL"),
        );
    }
    (splitter.statements, splitter.diagnostics)
}

struct Splitter<'a> {
    file: FileId,
    text: &'a str,
    scanner: Scanner<'a>,
    statements: Vec<SchemaStatement<'a>>,
    diagnostics: Vec<Diagnostic>,
}

/// Where a semicolon does not end the statement (psql's rules, `psqlscan.l`).
#[derive(Default)]
struct Nesting {
    /// `CREATE RULE … DO (…; …)`
    parens: usize,
    /// `BEGIN ATOMIC … END` of an SQL-standard function body, and `CASE … END` within it.
    blocks: usize,
}

impl<'a> Splitter<'a> {
    fn next_token(&mut self) -> Option<Token> {
        let token = self.scanner.next()?;
        if !token.closed {
            let what = match token.kind {
                TokenKind::BlockComment => "comment",
                TokenKind::QuotedName => "quoted name",
                TokenKind::DollarString => "dollar-quoted string",
                _ => "string",
            };
            self.diagnostics.push(
                Diagnostic::error(
                    "syntax",
                    format!("the {what} that begins here does not end"),
                )
                .at(Span::new(self.file, token.opening(self.text)))
                .help("close it"),
            );
        }
        Some(token)
    }

    fn statement(&mut self, first: Token) {
        let mut words: Vec<Token> = Vec::new();
        let mut nesting = Nesting::default();
        let mut from_stdin = false;
        let mut before = first;
        let mut end = first.end;
        let mut next = Some(first);
        while let Some(token) = next {
            match token.kind {
                TokenKind::Semicolon if nesting.parens == 0 && nesting.blocks == 0 => break,
                TokenKind::Backslash => self.diagnostics.push(
                    Diagnostic::error("syntax", "a psql command amid a statement")
                        .at(Span::new(self.file, token.range()))
                        .help("end the statement before it with a `;`, or delete it"),
                ),
                TokenKind::Word => {
                    if words.len() < 5 {
                        words.push(token);
                    }
                    self.word(token, before, &words, &mut nesting);
                    from_stdin |= token.is_word(self.text, "stdin")
                        && before.is_word(self.text, "from")
                        && first.is_word(self.text, "copy");
                }
                TokenKind::OpenParen if self.creates(&words, &["rule"]) => nesting.parens += 1,
                TokenKind::CloseParen => nesting.parens = nesting.parens.saturating_sub(1),
                _ => {}
            }
            if !token.kind.is_blank() {
                end = token.end;
                before = token;
            }
            next = self.next_token();
        }
        let span = Span::new(self.file, first.start..end);
        if from_stdin {
            self.copy_data(span);
        } else if self.creates(&words, &["database"]) {
            self.diagnostics.push(
                Diagnostic::error(
                    "schema",
                    "the schema is loaded into one database and creates none",
                )
                .at(span)
                .help("dump it without `-C`: `pg_dump -s`"),
            );
        } else {
            self.statements.push(SchemaStatement {
                value: self.text.get(first.start..end).unwrap_or_default(),
                span,
            });
        }
    }

    /// Is it CREATE [OR REPLACE] and one of these?
    fn creates(&self, words: &[Token], what: &[&str]) -> bool {
        let is = |index: usize, word: &str| {
            words
                .get(index)
                .is_some_and(|token| token.is_word(self.text, word))
        };
        let object = if is(1, "or") && is(2, "replace") {
            3
        } else {
            1
        };
        is(0, "create") && what.iter().any(|word| is(object, word))
    }

    fn word(&self, token: Token, before: Token, words: &[Token], nesting: &mut Nesting) {
        if !self.creates(words, &["function", "procedure"]) {
            return;
        }
        if nesting.blocks == 0 {
            if token.is_word(self.text, "atomic") && before.is_word(self.text, "begin") {
                nesting.blocks = 1;
            }
        } else if token.is_word(self.text, "case") {
            nesting.blocks += 1;
        } else if token.is_word(self.text, "end") {
            nesting.blocks -= 1;
        }
    }

    /// The data of `COPY … FROM stdin` is not SQL: it ends with a line `\.`.
    fn copy_data(&mut self, span: Span) {
        self.diagnostics.push(
            Diagnostic::error("schema", "the schema file holds data")
                .at(span)
                .help("dump the schema alone: `pg_dump -s`; rows that belong to it are written as INSERT"),
        );
        let from = span.end as usize;
        let rest = self.text.get(from..).unwrap_or_default();
        let mut at = from;
        for line in rest.split_inclusive('\n') {
            at += line.len();
            if line.trim_end() == "\\." {
                break;
            }
        }
        self.scanner.seek(at);
    }

    fn backslash(&mut self, token: Token) {
        let text = token.text(self.text);
        let command = text
            .get(1..)
            .unwrap_or_default()
            .split_whitespace()
            .next()
            .unwrap_or_default();
        let span = Span::new(self.file, token.start..token.start + text.trim_end().len());
        match command {
            "restrict" | "unrestrict" | "connect" | "c" | "encoding" | "set" | "unset" | "echo"
            | "qecho" | "warn" | "pset" | "timing" | "." => {}
            "i" | "ir" | "include" | "include_relative" => self.diagnostics.push(
                Diagnostic::error("schema", "other files are not included")
                    .at(span)
                    .help("put everything into this file, for example with `pg_dump -s`"),
            ),
            "if" | "elif" | "else" | "endif" | "gexec" | "copy" | "g" | "gx" | "gset" | "!" => {
                self.diagnostics.push(
                    Diagnostic::error(
                        "schema",
                        format!(
                            "psql's `\\{command}` changes what is loaded, and psql does not load it"
                        ),
                    )
                    .at(span)
                    .help("write the statements themselves"),
                );
            }
            _ => self.diagnostics.push(
                Diagnostic::warning("schema", format!("psql's `\\{command}` is skipped"))
                    .at(span)
                    .help("delete the line: the schema is not loaded by psql"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;
    use crate::source::Sources;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let mut sources = Sources::default();
        let file = sources.add("schema.sql", text);
        let (statements, diagnostics) = split(&sources, file);
        for statement in &statements {
            assert_eq!(sources.text(statement.span), statement.value);
        }
        (
            statements
                .iter()
                .map(|statement| statement.value.to_owned())
                .collect(),
            diagnostics
                .iter()
                .map(|found| {
                    let span = found.span.unwrap();
                    format!("{}: {}", sources.position(span).line, found.message)
                })
                .collect(),
        )
    }

    #[test]
    fn statements_end_at_their_semicolons() {
        let (statements, errors) = read(
            "-- head; not one\nCREATE TABLE a (b text DEFAULT ';'); ;\n/* ; */ SELECT $$;$$;\nCREATE VIEW \"v;\" AS\n  SELECT 1 -- ;\n",
        );
        assert_eq!(
            statements,
            [
                "CREATE TABLE a (b text DEFAULT ';')",
                "SELECT $$;$$",
                "CREATE VIEW \"v;\" AS\n  SELECT 1"
            ]
        );
        assert!(errors.is_empty());
    }

    #[test]
    fn bodies_hold_semicolons() {
        let atomic = "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql\nBEGIN ATOMIC\n SELECT CASE WHEN a > 1 THEN 2 END;\n SELECT 2;\nEND";
        let rule =
            "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO l VALUES (1); DELETE FROM m)";
        let procedure = "CREATE PROCEDURE p()\nBEGIN ATOMIC END";
        let (statements, errors) = read(&format!("{atomic};\n{rule};\n{procedure};\nSELECT 1;"));
        assert_eq!(statements, [atomic, rule, procedure, "SELECT 1"]);
        assert!(errors.is_empty());
    }

    #[test]
    fn a_forgotten_parenthesis_does_not_swallow_the_rest() {
        let (statements, _) =
            read("CREATE TABLE a (b int;\nCREATE TABLE c (d int);\nBEGIN;\nCOMMIT;");
        assert_eq!(
            statements,
            [
                "CREATE TABLE a (b int",
                "CREATE TABLE c (d int)",
                "BEGIN",
                "COMMIT"
            ]
        );
    }

    #[test]
    fn a_dump_is_accepted_and_data_is_not() {
        let (statements, errors) = read(
            "\\restrict abc'def\n\nSET x = 0;\n\\connect \"my db\"\nCOPY public.t (a) FROM stdin;\nit's;\n\\.\n\nALTER TABLE t OWNER TO me;\n\\unrestrict abc'def\n",
        );
        assert_eq!(statements, ["SET x = 0", "ALTER TABLE t OWNER TO me"]);
        assert_eq!(errors, ["5: the schema file holds data"]);
    }

    #[test]
    fn psql_commands_that_matter_are_errors() {
        let (_, errors) =
            read("\\i other.sql\n\\d\nSELECT 1 \\gexec\n;\n\\if true\nCREATE DATABASE x;\n");
        assert_eq!(
            errors,
            [
                "1: other files are not included",
                "2: psql's `\\d` is skipped",
                "3: a psql command amid a statement",
                "5: psql's `\\if` changes what is loaded, and psql does not load it",
                "6: the schema is loaded into one database and creates none",
            ]
        );
    }

    #[test]
    fn what_has_no_end_is_told_where_it_begins() {
        let (_, errors) = read("SELECT 1;\nSELECT 'a;\n");
        assert_eq!(errors, ["2: the string that begins here does not end"]);
    }
}
