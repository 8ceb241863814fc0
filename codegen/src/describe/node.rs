//! A reader of PostgreSQL's node text, the same for every version: it knows the grammar (`outfuncs.c`, `read.c`) and no
//! field's meaning. `lower` gives the nodes their types.
//!
//! Text that breaks the grammar is an error, never a guess.

use std::borrow::Cow;
use std::cell::Cell;

/// How deep nodes and lists may lie in each other. Every stage after this one walks the tree by recursion, so that the
/// bound keeps all of them within their stacks: debug builds took less than 20 MB for twice as many. A UNION nests its
/// parts in each other, so that this is also how many it may have.
pub const MAX_DEPTH: usize = 5000;

/// `{KIND :field value … }`
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    /// As PostgreSQL 16 spells it, whatever the version.
    pub kind: &'a str,
    fields: Vec<Field<'a>>,
    /// Fields are mostly asked for in their order: where the next search begins.
    next: Cell<usize>,
}

#[derive(Debug, Clone, PartialEq)]
struct Field<'a> {
    /// Empty for each further value of the field before, and for what stands before the first field.
    name: &'a str,
    value: Value<'a>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `<>`
    Null,
    /// A number, a word, or a string; as it stands there, escapes and quotes included.
    Token(&'a str),
    /// The bytes of a constant, after the token that says how many they are.
    Bytes(Vec<u8>),
    Node(Node<'a>),
    List(List<'a>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct List<'a> {
    pub kind: ListKind,
    pub items: Vec<Value<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// Of nodes, strings and lists.
    Plain,
    /// `(i …)`
    Integers,
    /// `(o …)`
    Oids,
    /// `(x …)`
    TransactionIds,
    /// `(b …)`
    Bitmapset,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("it nests more than {MAX_DEPTH} levels deep")]
    TooDeep,
    #[error("{expected} was expected at byte {at}")]
    Malformed { expected: &'static str, at: usize },
}

/// Reads a text that holds one value: of a tree, a list of queries; of `pg_index.indpred`, an expression.
pub fn read(text: &str) -> Result<Value<'_>, ReadError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value()?;
    match reader.token()? {
        None => Ok(value),
        Some(_) => Err(reader.expected("the end")),
    }
}

/// Takes out the line breaks that `format_node_dump` put in.
///
/// A line is cut after at most 78 bytes, at a space, which the break replaces. Where the first 78 bytes hold no space
/// (but at their very start), the line is cut just there and nothing is replaced.
pub fn unwrap_lines(wrapped: &[u8]) -> String {
    const LINE: usize = 78;
    let end = wrapped.len();
    let mut text = Vec::with_capacity(end);
    let mut start = 0;
    while start < end {
        // Plain indices, for the reason that `Reader::token` gives.
        let mut at = start;
        while at < end && wrapped[at] != b'\n' {
            at += 1;
        }
        let line = &wrapped[start..at];
        text.extend_from_slice(line);
        let cut_in_token = line.len() == LINE && !line[1..].contains(&b' ');
        if at < end && !cut_in_token {
            text.push(b' ');
        }
        start = at + 1;
    }
    // The cuts count bytes and can part a character; joined, it is whole again.
    String::from_utf8(text)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl<'a> Node<'a> {
    /// The first value of a field. `None`: this node has no such field.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let index = self.position(name)?;
        Some(&self.fields[index].value)
    }

    /// The bytes after a field's first value.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        let index = self.position(name)?;
        let field = self.fields.get(index + 1)?;
        match &field.value {
            Value::Bytes(bytes) if field.name.is_empty() => Some(bytes),
            Value::Bytes(_) | Value::Null | Value::Token(_) | Value::Node(_) | Value::List(_) => {
                None
            }
        }
    }

    /// Every value with its field's name, in order; the name is empty for each further value of a field, and for what
    /// stands before the first.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &Value<'a>)> {
        self.fields.iter().map(|field| (field.name, &field.value))
    }

    fn position(&self, name: &str) -> Option<usize> {
        let start = self.next.get();
        let count = self.fields.len();
        for step in 0..count {
            let index = (start + step) % count;
            if self.fields[index].name == name {
                self.next.set(index + 1);
                return Some(index);
            }
        }
        None
    }
}

impl<'a> Value<'a> {
    /// A string without its quotes and escapes; `None` for what is no token.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match *self {
            Self::Token(token) => Some(unescape(token)),
            Self::Null | Self::Bytes(_) | Self::Node(_) | Self::List(_) => None,
        }
    }

    pub fn token(&self) -> Option<&'a str> {
        match *self {
            Self::Token(token) => Some(token),
            Self::Null | Self::Bytes(_) | Self::Node(_) | Self::List(_) => None,
        }
    }

    pub fn node(&self) -> Option<&Node<'a>> {
        match self {
            Self::Node(node) => Some(node),
            Self::Null | Self::Token(_) | Self::Bytes(_) | Self::List(_) => None,
        }
    }

    /// The items of a list, of which `<>` is the empty one.
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(&list.items),
            Self::Null => Some(&[]),
            Self::Token(_) | Self::Bytes(_) | Self::Node(_) => None,
        }
    }
}

/// `\` takes the next character as it is; quotes enclose the strings of name lists, and `""` is the empty one.
fn unescape(token: &str) -> Cow<'_, str> {
    let inner = token
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(token);
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            _ => text.push(character),
        }
    }
    Cow::Owned(text)
}

/// The names of 16 and later, for those that were others before (14 and 15 differ from 16, and 14 from 15).
fn canonical(kind: &str) -> &str {
    // As bytes, so that a build without optimisation compares in place.
    match kind.as_bytes() {
        b"RTE" => "RANGETBLENTRY",
        b"WHEN" => "CASEWHEN",
        b"CASE" => "CASEEXPR",
        b"ARRAY" => "ARRAYEXPR",
        b"COALESCE" => "COALESCEEXPR",
        b"COLLATE" => "COLLATEEXPR",
        b"MINMAX" => "MINMAXEXPR",
        b"ROW" => "ROWEXPR",
        b"ROWCOMPARE" => "ROWCOMPAREEXPR",
        _ => kind,
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// A node or list whose end has not come yet.
enum Open<'a> {
    Node {
        kind: &'a str,
        fields: Vec<Field<'a>>,
        /// The field whose first value comes next.
        awaited: Option<&'a str>,
    },
    List(List<'a>),
}

impl<'a> Reader<'a> {
    /// Open nodes lie on a stack of their own: text of any depth cannot exhaust the thread's.
    fn value(&mut self) -> Result<Value<'a>, ReadError> {
        let mut open: Vec<Open<'a>> = Vec::new();
        loop {
            let Some(token) = self.token()? else {
                return Err(self.expected(match open.last() {
                    None => "a value",
                    Some(Open::Node { .. }) => "`}`",
                    Some(Open::List(_)) => "`)`",
                }));
            };
            // By the first byte, which brackets have to themselves: comparing strings is what a build without
            // optimisation would spend its time on.
            let done = match token.as_bytes() {
                [bracket @ (b'{' | b'('), ..] => {
                    if open.len() >= MAX_DEPTH {
                        return Err(ReadError::TooDeep);
                    }
                    let opened = if *bracket == b'{' {
                        self.open_node()?
                    } else {
                        self.open_list()?
                    };
                    open.push(opened);
                    continue;
                }
                [b'}', ..] => match open.pop() {
                    Some(Open::Node {
                        kind,
                        fields,
                        awaited: None,
                    }) => Value::Node(Node {
                        kind,
                        fields,
                        next: Cell::new(0),
                    }),
                    _ => return Err(self.expected("a value")),
                },
                [b')', ..] => match open.pop() {
                    Some(Open::List(list)) => Value::List(list),
                    _ => return Err(self.expected("a value")),
                },
                [b'<', b'>'] => Value::Null,
                [first, ..] => match open.last_mut() {
                    // Whatever comes after a field's name is its value: an alias may begin with a colon.
                    Some(Open::Node {
                        awaited: awaited @ None,
                        ..
                    }) if *first == b':' => {
                        *awaited = Some(&token[1..]);
                        continue;
                    }
                    Some(Open::Node { awaited: None, .. }) if token == "[" => {
                        Value::Bytes(self.bytes()?)
                    }
                    _ => Value::Token(token),
                },
                [] => return Err(self.expected("a value")),
            };
            match open.last_mut() {
                None => return Ok(done),
                Some(Open::List(list)) => list.items.push(done),
                Some(Open::Node {
                    fields, awaited, ..
                }) => fields.push(Field {
                    name: awaited.take().unwrap_or_default(),
                    value: done,
                }),
            }
        }
    }

    fn open_node(&mut self) -> Result<Open<'a>, ReadError> {
        let before = self.at;
        let kind = match self.token()? {
            // `{}` stands for NULL in some raw trees.
            Some("}") => {
                self.at = before;
                ""
            }
            Some(kind) if !matches!(kind, "{" | "(" | ")" | "<>") => canonical(kind),
            _ => return Err(self.expected("a node's kind")),
        };
        Ok(Open::Node {
            kind,
            fields: Vec::with_capacity(8),
            awaited: None,
        })
    }

    fn open_list(&mut self) -> Result<Open<'a>, ReadError> {
        let before = self.at;
        let kind = match self.token()? {
            Some("i") => ListKind::Integers,
            Some("o") => ListKind::Oids,
            Some("x") => ListKind::TransactionIds,
            Some("b") => ListKind::Bitmapset,
            _ => {
                self.at = before;
                ListKind::Plain
            }
        };
        Ok(Open::List(List {
            kind,
            items: Vec::new(),
        }))
    }

    /// `1 0 -3 ]`: `outDatum` prints C's `char`, which has a sign on some machines.
    fn bytes(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        loop {
            let token = self.token()?;
            match token {
                Some("]") => return Ok(bytes),
                Some(token) => match token.parse::<i16>() {
                    Ok(byte @ -128..=255) => bytes.push(byte.to_le_bytes()[0]),
                    _ => return Err(self.expected("a byte")),
                },
                None => return Err(self.expected("`]`")),
            }
        }
    }

    /// As `pg_strtok` cuts it: brackets stand alone, all else runs to a blank or a bracket.
    ///
    /// Written with plain indices: this loop sees every byte, and calls cost a build without optimisation most.
    fn token(&mut self) -> Result<Option<&'a str>, ReadError> {
        let bytes = self.text.as_bytes();
        let end = bytes.len();
        let mut at = self.at;
        while at < end && (bytes[at] == b' ' || bytes[at] == b'\n' || bytes[at] == b'\t') {
            at += 1;
        }
        let start = at;
        if at >= end {
            self.at = end;
            return Ok(None);
        }
        if let b'(' | b')' | b'{' | b'}' = bytes[at] {
            at += 1;
        } else {
            while at < end {
                match bytes[at] {
                    b' ' | b'\n' | b'\t' | b'(' | b')' | b'{' | b'}' => break,
                    b'\\' => at += 2,
                    _ => at += 1,
                }
            }
            // After a backslash, the second byte may be the first of several.
            while at < end && !self.text.is_char_boundary(at) {
                at += 1;
            }
            at = at.min(end);
        }
        self.at = at;
        match self.text.get(start..at) {
            Some(token) => Ok(Some(token)),
            None => Err(self.expected("text")),
        }
    }

    fn expected(&self, expected: &'static str) -> ReadError {
        ReadError::Malformed {
            expected,
            at: self.at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Node<'_> {
        match read(text) {
            Ok(Value::Node(node)) => node,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_node_has_its_fields_in_any_order_of_asking() {
        let node = node("{VAR :varno 1 :varattno -3 :varnullingrels (b 2 3) :alias <> }");
        assert_eq!(node.kind, "VAR");
        assert_eq!(node.get("alias"), Some(&Value::Null));
        assert_eq!(node.get("varno"), Some(&Value::Token("1")));
        assert_eq!(node.get("varattno"), Some(&Value::Token("-3")));
        assert_eq!(node.get("varattno"), Some(&Value::Token("-3")));
        assert_eq!(node.get("nothing"), None);
        let Some(Value::List(list)) = node.get("varnullingrels") else {
            panic!()
        };
        assert_eq!(list.kind, ListKind::Bitmapset);
        assert_eq!(list.items, [Value::Token("2"), Value::Token("3")]);
    }

    #[test]
    fn a_value_may_look_like_a_field() {
        let node = node("{ALIAS :aliasname :colnames :colnames (\":x\" \"\\}\\ \\{\" \"\")}");
        assert_eq!(node.get("aliasname"), Some(&Value::Token(":colnames")));
        let names: Vec<_> = node
            .get("colnames")
            .and_then(Value::items)
            .into_iter()
            .flatten()
            .filter_map(Value::text)
            .collect();
        assert_eq!(names, [":x", "} {", ""]);
    }

    #[test]
    fn names_lose_their_escapes() {
        let list = read(r#"("a\ b" "\{\}\(\)\\" "" \<> \1 ä\ ö)"#);
        let list = list.as_ref().ok().and_then(Value::items);
        let texts: Vec<_> = list.into_iter().flatten().filter_map(Value::text).collect();
        assert_eq!(texts, ["a b", "{}()\\", "", "<>", "1", "ä ö"]);
    }

    #[test]
    fn constants_have_their_bytes() {
        let node = node("{CONST :consttype 23 :constvalue 4 [ 1 -1 127 200 0 ] :location 7}");
        assert_eq!(node.get("constvalue"), Some(&Value::Token("4")));
        assert_eq!(node.bytes("constvalue"), Some(&[1, 255, 127, 200, 0][..]));
        assert_eq!(node.get("location"), Some(&Value::Token("7")));
    }

    #[test]
    fn lines_are_joined_as_they_were_cut() {
        let wrap = |text: &str| {
            // What `format_node_dump` does.
            let text = text.as_bytes();
            let mut out = Vec::new();
            let mut at = 0;
            while text.len() - at > 78 {
                let line = &text[at..at + 78];
                let (take, skip) = if text[at + 78] == b' ' {
                    (78, 79)
                } else {
                    match line.iter().rposition(|&byte| byte == b' ') {
                        Some(space) if space > 0 => (space, space + 1),
                        _ => (78, 78),
                    }
                };
                out.extend_from_slice(&text[at..at + take]);
                out.push(b'\n');
                at += skip;
            }
            out.extend_from_slice(&text[at..]);
            out.push(b'\n');
            out
        };
        let long = "ä".repeat(100);
        let word = "x".repeat(78);
        for text in [
            "{A :b c}".to_owned(),
            "{A :b c} ".repeat(40),
            format!("{{A :b {long} :c {long}}}"),
            format!("{{A :b {} :c {word}{word}y}}", "d ".repeat(35)),
            format!(" {long}"),
            format!("{} {word}", "y".repeat(77)),
            format!("{} {word}", "a ".repeat(39)),
        ] {
            assert_eq!(unwrap_lines(&wrap(&text)).trim_end(), text.trim_end());
        }
    }

    #[test]
    fn what_is_no_node_text_is_refused() {
        for text in [
            "",
            "{",
            "{}}",
            "(",
            ")",
            "{A",
            "{A :b",
            "{A :b}",
            "{A :b )}",
            "{A :b 1 [ 1 2",
            "{( :b 1}",
            "{A :b 1 [ 300 ]}",
            "a b",
            "{A :b \\",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_has_a_bound() {
        let deep = |levels: usize| format!("{}{}", "(".repeat(levels), ")".repeat(levels));
        assert!(read(&deep(MAX_DEPTH)).is_ok());
        assert_eq!(read(&deep(MAX_DEPTH + 1)), Err(ReadError::TooDeep));
        assert_eq!(read(&"{A :b ".repeat(1_000_000)), Err(ReadError::TooDeep));
    }
}
