//! A connection through a transaction pooler, where a prepared statement does not outlive the transaction.
//!
//! Such a pooler (PgBouncer with `pool_mode = transaction`) gives every transaction whatever session of the server is free, so what is
//! prepared in one is not there in the next. The driver above knows named statements only. [`Unnamed`] stands between it and the socket
//! and turns them into unnamed ones: it remembers the text behind each name, and puts a Parse of it, with the types of the parameters as the
//! server first gave them, before every Bind. Nothing is left behind in a session, and nothing is expected there.
//!
//! A server refuses to run a prepared statement whose result type changed, and an unnamed one is always new. So each reply is described, and
//! compared with what the driver was told when it prepared: it reads rows by position.

use std::collections::{HashMap, VecDeque};
use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::between::{self, Translator, end_of_message, number, put};

/// Who made up the error that a reply of other types becomes.
pub(crate) const ROUTINE: &str = "sqlmill_unnamed";

/// The statements that the driver believes to be prepared, and the requests under way.
pub(crate) struct Unnamed {
    /// The first message has no type.
    started: bool,
    known: HashMap<Bytes, Known>,
    /// The request that is being written.
    request: Request,
    /// Those that wait for their ReadyForQuery.
    under_way: VecDeque<Request>,
}

/// What is known of a statement.
#[derive(Default)]
struct Known {
    /// The text, with the zero at its end.
    text: Bytes,
    /// As in ParameterDescription: the number of types, and the types.
    params: Bytes,
    /// The types of the columns.
    columns: Vec<u32>,
}

/// What is to be done with the answers up to ReadyForQuery.
#[derive(Default)]
enum Request {
    #[default]
    Plain,
    /// Note the types down.
    Prepare(Bytes),
    /// Compare them. Was the text parsed?
    Bind(Bytes, bool),
    /// They differ: nothing else goes to the driver.
    Refused,
}

impl Unnamed {
    pub(crate) fn new() -> Self {
        Self {
            started: false,
            known: HashMap::new(),
            request: Request::Plain,
            // What comes before the first ReadyForQuery.
            under_way: VecDeque::from([Request::Plain]),
        }
    }

    /// A message of the driver.
    fn request(&mut self, message: Bytes, out: &mut BytesMut) {
        let kind = message.first().copied().unwrap_or_default();
        let mut body = message.slice(5..);
        match kind {
            b'P' => {
                let name = text(&mut body);
                if name.is_empty() {
                    return out.put(message);
                }
                put(out, b'P', &[b"\0", &body]);
                let known = Known {
                    text: text_with_zero(&mut body),
                    ..Known::default()
                };
                self.known.insert(name.clone(), known);
                self.request = Request::Prepare(name);
            }
            b'B' => {
                let portal = text_with_zero(&mut body);
                let name = text(&mut body);
                let Some(known) = self.known.get(&name) else {
                    return out.put(message);
                };
                put(out, b'P', &[b"\0", &known.text, &known.params]);
                put(out, b'B', &[&portal, b"\0", &body]);
                put(out, b'D', &[b"P", &portal]);
                self.request = Request::Bind(name, false);
            }
            // Describe and Close, of a statement.
            b'D' | b'C' if body.first() == Some(&b'S') => {
                put(out, kind, &[b"S\0"]);
                if kind == b'C' {
                    body.advance(1);
                    self.known.remove(&text(&mut body));
                }
            }
            // Sync, and the simple query.
            b'S' | b'Q' => {
                out.put(message);
                self.under_way.push_back(std::mem::take(&mut self.request));
            }
            _ => out.put(message),
        }
    }

    /// A message of the server.
    fn answer(&mut self, message: Bytes, out: &mut BytesMut) {
        let kind = message.first().copied().unwrap_or_default();
        match kind {
            b'Z' => {
                self.under_way.pop_front();
                return out.put(message);
            }
            // What a session says of itself, whatever was asked.
            b'A' | b'N' | b'S' => return out.put(message),
            _ => {}
        }
        let Some(request) = self.under_way.front_mut() else {
            return out.put(message);
        };
        match (request, kind) {
            (Request::Refused, _) => {}
            (Request::Prepare(name), b't' | b'T' | b'E') => {
                match (kind, self.known.get_mut(name)) {
                    (b't', Some(known)) => known.params = message.slice(5..),
                    (b'T', Some(known)) => known.columns = columns(message.slice(5..)),
                    _ => {
                        self.known.remove(name);
                    }
                }
                out.put(message);
            }
            // ParseComplete nobody waits for. BindComplete is told once the types are known.
            (Request::Bind(_, parsed), b'1') => *parsed = true,
            (Request::Bind(..), b'2') => {}
            // "cache lookup failed for type": one of the parameters is gone, or was made anew.
            (Request::Bind(_, false), b'E') if field(&message, b'C') == Some(b"XX000") => {
                between::put_error(
                    out,
                    "26000",
                    "the types of the parameters are gone",
                    ROUTINE,
                );
            }
            (request @ Request::Bind(..), b'T' | b'n') => {
                let actual = match kind {
                    b'T' => columns(message.slice(5..)),
                    _ => Vec::new(),
                };
                let expected = match request {
                    Request::Bind(name, _) => self.known.get(name).map(|known| &known.columns),
                    _ => None,
                };
                // A statement that is closed already has nobody who reads its rows.
                if expected.is_none_or(|expected| *expected == actual) {
                    put(out, b'2', &[]);
                } else {
                    *request = Request::Refused;
                    let message = "the types of the columns are not what they were";
                    between::put_error(out, "0A000", message, ROUTINE);
                }
            }
            _ => out.put(message),
        }
    }
}

impl Translator for Unnamed {
    fn requests(&mut self, written: &mut BytesMut, out: &mut BytesMut) -> io::Result<()> {
        if !self.started {
            match number(written, 0) {
                Some(length) if written.len() >= length => out.put(written.split_to(length)),
                _ => return Ok(()),
            }
            self.started = true;
        }
        while let Some(end) = end_of_message(written, 0)? {
            self.request(written.split_to(end).freeze(), out);
        }
        Ok(())
    }

    fn answers(&mut self, read: &mut BytesMut, out: &mut BytesMut) -> io::Result<()> {
        while let Some(end) = end_of_message(read, 0)? {
            self.answer(read.split_to(end).freeze(), out);
        }
        Ok(())
    }
}

/// Takes a text off, and the zero behind it.
fn text(body: &mut Bytes) -> Bytes {
    let mut taken = text_with_zero(body);
    taken.truncate(taken.len().saturating_sub(1));
    taken
}

fn text_with_zero(body: &mut Bytes) -> Bytes {
    let end = body.iter().position(|byte| *byte == 0);
    body.split_to(end.map_or(body.len(), |end| end + 1))
}

/// A field of an ErrorResponse.
fn field(message: &Bytes, key: u8) -> Option<&[u8]> {
    let fields = message.get(5..)?.split(|byte| *byte == 0);
    fields
        .filter_map(|field| field.split_first())
        .find_map(|(found, value)| (*found == key).then_some(value))
}

/// The types of a RowDescription.
fn columns(mut body: Bytes) -> Vec<u32> {
    let mut types = Vec::new();
    let Ok(count) = body.try_get_u16() else {
        return types;
    };
    for _ in 0..count {
        text(&mut body);
        // The table and the number in it come before, the width, the modifier and the format behind.
        if body.len() < 18 {
            break;
        }
        body.advance(6);
        types.push(body.get_u32());
        body.advance(8);
    }
    types
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn message(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
        let mut out = BytesMut::new();
        put(&mut out, kind, parts);
        out.to_vec()
    }

    /// What becomes of the messages however they are cut.
    fn translated(names: &mut Unnamed, bytes: &[u8], size: usize) -> Vec<u8> {
        let (mut written, mut out) = (BytesMut::new(), BytesMut::new());
        for part in bytes.chunks(size) {
            written.put_slice(part);
            names.requests(&mut written, &mut out).unwrap();
        }
        assert!(written.is_empty());
        out.to_vec()
    }

    #[test]
    fn names_become_texts() {
        let startup = [&[0, 0, 0, 10, 0, 3, 0, 0][..], b"u\0"].concat();
        let parse = message(b'P', &[b"s1\0SELECT $1\0\0\0"]);
        let describe = message(b'D', &[b"Ss1\0"]);
        let sync = message(b'S', &[]);
        let bind = message(b'B', &[b"\0s1\0\0\0\0\0\0\0"]);
        let all = [&startup[..], &parse, &describe, &sync, &bind, &sync].concat();
        let expected = [
            &startup[..],
            &message(b'P', &[b"\0SELECT $1\0\0\0"]),
            &message(b'D', &[b"S\0"]),
            &sync,
            &message(b'P', &[b"\0SELECT $1\0"]),
            &message(b'B', &[b"\0\0\0\0\0\0\0\0"]),
            &message(b'D', &[b"P\0"]),
            &sync,
        ]
        .concat();
        for size in [1, 2, 3, 7, 1000] {
            assert_eq!(translated(&mut Unnamed::new(), &all, size), expected);
        }
    }
}
