//! Reads that travel together.
//!
//! The driver ends each request with a Sync. The server commits at each, and sends what it has: for reads by key those are a good part of its
//! work, and every answer is a packet of its own. [`Together`] stands between the driver and the socket of a shared connection. Of reads of one
//! statement that are written in one go only the last keeps its Sync, so that the server answers them at once, as libpq's pipeline
//! mode has it; and each answer gets the ReadyForQuery that the driver waits for.
//!
//! What that changes:
//! - They are one transaction. Under READ COMMITTED each still sees what was committed before it began; other isolation levels would give them
//!   one snapshot, and an error that comes with the Sync would be too late for those answered already. So the owner switches it
//!   on, once it knows the level.
//! - Locks are held until the Sync. Those of one statement are the same each time; of different ones they would be taken one after the other, and
//!   could meet a migration that takes them the other way round.
//! - After an error the server passes over the rest of them. They are told so by an error of [`ROUTINE`]; a read has no effect, so it may be
//!   asked again.
//!
//! See PostgreSQL's documentation, "Message Flow / Pipelining".

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf, BufMut, BytesMut};

use crate::between::{Translator, end_of_message, number, put_error};

/// Who made up the error that those get that were passed over.
pub(crate) const ROUTINE: &str = "sqlmill_together";

/// So many are answered at once at most.
const MOST: usize = 32;

const SYNC: [u8; 5] = *b"S\0\0\0\x04";
const READY: [u8; 6] = *b"Z\0\0\0\x05I";

/// Is it done? It is not at first.
pub(crate) type Switch = Arc<AtomicBool>;

pub(crate) struct Together {
    switch: Switch,
    /// As much of what the driver wrote is whole messages of the request that is being written.
    whole: usize,
    /// The first messages have no type.
    started: bool,
    shape: Shape,
    /// Reads whose Sync is still to be sent, unless another one comes before.
    open: usize,
    /// The statement that they are of.
    statement: Vec<u8>,
    /// Those whose answers are to come, in their order: has it no Sync of its own?
    under_way: VecDeque<bool>,
    /// A byte without a message is to come: may the connection be encrypted?
    asked_for_tls: bool,
}

/// What a request consists of.
#[derive(Default, Clone)]
enum Shape {
    #[default]
    Nothing,
    /// A Bind, and where in it the statement's name stands.
    Bind(Range<usize>),
    /// A Bind and an Execute.
    Read(Range<usize>),
    Other,
}

impl Together {
    pub(crate) fn new(switch: Switch) -> Self {
        Self {
            switch,
            whole: 0,
            started: false,
            shape: Shape::Nothing,
            open: 0,
            statement: Vec::new(),
            under_way: VecDeque::new(),
            asked_for_tls: false,
        }
    }

    /// The next message of the request is there, and ends at `end`.
    fn message(&mut self, end: usize, written: &mut BytesMut, out: &mut BytesMut) {
        let start = std::mem::replace(&mut self.whole, end);
        let kind = written.get(start).copied().unwrap_or_default();
        let shape = std::mem::take(&mut self.shape);
        self.shape = match (shape, kind) {
            (Shape::Nothing, b'B') => match name_of_statement(written, start..end) {
                Some(name) => Shape::Bind(name),
                None => Shape::Other,
            },
            (Shape::Bind(name), b'E') => Shape::Read(name),
            (Shape::Read(name), b'S') if self.switch.load(Ordering::Relaxed) => {
                return self.read_asked(name, start, written, out);
            }
            (_, b'S' | b'Q') => {
                self.flush(out);
                self.under_way.push_back(false);
                return self.send(end, written, out);
            }
            // A password, the end, and what goes with COPY are no requests.
            (Shape::Nothing, b'p' | b'X' | b'd' | b'c' | b'f') => {
                self.flush(out);
                return self.send(end, written, out);
            }
            _ => Shape::Other,
        };
    }

    fn send(&mut self, length: usize, written: &mut BytesMut, out: &mut BytesMut) {
        move_to(out, written, length);
        self.whole = 0;
    }

    /// A read, whose Sync begins at `sync`.
    fn read_asked(
        &mut self,
        name: Range<usize>,
        sync: usize,
        written: &mut BytesMut,
        out: &mut BytesMut,
    ) {
        let statement = written.get(name).unwrap_or_default();
        let known = (1..MOST).contains(&self.open) && self.statement == statement;
        match self.under_way.back_mut() {
            Some(joined) if known => *joined = true,
            _ => {
                self.statement.clear();
                self.statement.extend_from_slice(statement);
                self.flush(out);
            }
        }
        self.open += 1;
        self.under_way.push_back(false);
        self.send(sync, written, out);
        written.advance(SYNC.len());
    }

    /// Has the first of those under way no Sync of its own?
    fn is_joined(&self) -> bool {
        self.under_way.front() == Some(&true)
    }

    /// The answer to one without a Sync has ended.
    fn answered(&mut self, out: &mut BytesMut) {
        self.under_way.pop_front();
        out.put_slice(&READY);
    }

    /// The server reads nothing up to the Sync, and answers to that.
    fn passed_over(&mut self, out: &mut BytesMut) {
        loop {
            let message = "it was passed over, since one before it failed";
            put_error(out, "25P02", message, ROUTINE);
            if !self.is_joined() {
                return;
            }
            self.answered(out);
        }
    }
}

impl Translator for Together {
    fn requests(&mut self, written: &mut BytesMut, out: &mut BytesMut) -> io::Result<()> {
        while !self.started {
            let (Some(length), Some(code)) = (number(written, 0), number(written, 4)) else {
                return Ok(());
            };
            if written.len() < length {
                return Ok(());
            }
            // SSLRequest and GSSENCRequest are answered by one byte, and StartupMessage follows.
            match code {
                80_877_103 | 80_877_104 => self.asked_for_tls = true,
                _ => {
                    self.started = true;
                    self.under_way.push_back(false);
                }
            }
            move_to(out, written, length);
        }
        while let Some(end) = end_of_message(written, self.whole)? {
            self.message(end, written, out);
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut BytesMut) {
        if std::mem::take(&mut self.open) != 0 {
            out.put_slice(&SYNC);
        }
    }

    fn answers(&mut self, read: &mut BytesMut, out: &mut BytesMut) -> io::Result<()> {
        if self.asked_for_tls && !read.is_empty() {
            self.asked_for_tls = false;
            move_to(out, read, 1);
        }
        // Copied at once up to where something is put between.
        let mut whole = 0;
        while let Some(end) = end_of_message(read, whole)? {
            let kind = read.get(whole).copied().unwrap_or_default();
            whole = end;
            match kind {
                b'Z' => {
                    self.under_way.pop_front();
                }
                // The end of an answer: CommandComplete, EmptyQueryResponse, PortalSuspended; or an error in its place.
                b'C' | b'I' | b's' | b'E' if self.is_joined() => {
                    move_to(out, read, std::mem::take(&mut whole));
                    self.answered(out);
                    if kind == b'E' {
                        self.passed_over(out);
                    }
                }
                _ => {}
            }
        }
        move_to(out, read, whole);
        Ok(())
    }
}

/// Copies the first bytes, and takes them off: that keeps their memory for those that follow.
fn move_to(out: &mut BytesMut, bytes: &mut BytesMut, length: usize) {
    out.put_slice(bytes.get(..length).unwrap_or_default());
    bytes.advance(length.min(bytes.len()));
}

/// Of a Bind to the unnamed portal.
fn name_of_statement(bytes: &[u8], message: Range<usize>) -> Option<Range<usize>> {
    let start = message.start + 6;
    let body = bytes.get(message.start + 5..message.end)?;
    let (0, rest) = body.split_first()? else {
        return None;
    };
    let length = rest.iter().position(|byte| *byte == 0)?;
    Some(start..start + length)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test that cannot go on fails"
    )]

    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    fn messages(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let end = 1 + number(bytes, 1).unwrap();
            all.push((bytes[0], bytes[5..end].to_vec()));
            bytes = &bytes[end..];
        }
        all
    }

    /// Numbers that look random, the same in every run.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 >> 33).unwrap() % sides
        }

        fn cut<'b>(&mut self, bytes: &'b [u8], most: usize) -> Vec<&'b [u8]> {
            let mut rest = bytes;
            let mut parts = Vec::new();
            while !rest.is_empty() {
                let (part, behind) = rest.split_at((1 + self.roll(most)).min(rest.len()));
                parts.push(part);
                rest = behind;
            }
            parts
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    enum Asked {
        Read { statement: usize, fails: bool },
        Prepare,
        Simple,
    }

    impl Asked {
        fn any(dice: &mut Dice) -> Self {
            match dice.roll(12) {
                0 => Self::Prepare,
                1 => Self::Simple,
                _ => Self::Read {
                    statement: dice.roll(4) / 3,
                    fails: dice.roll(15) == 0,
                },
            }
        }

        fn bytes(&self, number: usize) -> Vec<u8> {
            match self {
                Self::Read { statement, fails } => {
                    let bind = format!("\0s{statement}\0{number} {fails}");
                    [
                        message(b'B', bind.as_bytes()),
                        message(b'E', b"\0\0\0\0\0"),
                        SYNC.to_vec(),
                    ]
                    .concat()
                }
                Self::Prepare => [
                    message(b'P', b"s9\0SELECT 1\0\0\0"),
                    message(b'D', b"Ss9\0"),
                    SYNC.to_vec(),
                ]
                .concat(),
                Self::Simple => message(b'Q', b"SELECT 1\0"),
            }
        }
    }

    /// What a server does with messages: its answers, and how many Syncs it saw.
    fn serve(bytes: &[u8], dice: &mut Dice) -> (Vec<u8>, usize) {
        let (mut out, mut syncs) = (Vec::new(), 0);
        let (mut passing_over, mut bound) = (false, String::new());
        // The statements of a transaction.
        let mut together = Vec::new();
        for (kind, body) in messages(bytes) {
            if dice.roll(9) == 0 {
                out.extend(message(b'N', b"SNOTICE\0\0"));
            }
            match kind {
                b'S' => {
                    syncs += 1;
                    passing_over = false;
                    together.clear();
                    out.extend(READY);
                }
                b'Q' => {
                    assert!(!passing_over && together.is_empty());
                    out.extend(message(b'T', b"\0\0"));
                    out.extend(message(b'C', b"SELECT 1\0"));
                    out.extend(READY);
                }
                _ if passing_over => {}
                b'P' => {
                    assert!(together.is_empty());
                    out.extend(message(b'1', b""));
                }
                b'D' => out.extend(message(b'T', b"\0\0")),
                b'B' => {
                    let body = String::from_utf8(body).unwrap();
                    let (statement, rest) = body[1..].split_once('\0').unwrap();
                    together.push(statement.to_owned());
                    assert!(together.iter().all(|one| one == statement), "{together:?}");
                    assert!(together.len() <= MOST);
                    rest.clone_into(&mut bound);
                    out.extend(message(b'2', b""));
                }
                b'E' => {
                    let (number, fails) = bound.split_once(' ').unwrap();
                    out.extend(message(b'D', number.as_bytes()));
                    if fails == "true" {
                        let fields = format!("SERROR\0C22012\0M{number}\0\0");
                        out.extend(message(b'E', fields.as_bytes()));
                        passing_over = true;
                    } else {
                        out.extend(message(b'C', b"SELECT 1\0"));
                    }
                }
                _ => panic!("{kind}"),
            }
        }
        (out, syncs)
    }

    /// As it stands between the two sides.
    struct Line {
        together: Together,
        written: BytesMut,
        outgoing: BytesMut,
        read: BytesMut,
        incoming: BytesMut,
    }

    impl Line {
        fn new(switch: bool) -> Self {
            Self {
                together: Together::new(Arc::new(AtomicBool::new(switch))),
                written: BytesMut::new(),
                outgoing: BytesMut::new(),
                read: BytesMut::new(),
                incoming: BytesMut::new(),
            }
        }

        fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.written.put_slice(bytes);
            self.together
                .requests(&mut self.written, &mut self.outgoing)
        }

        fn flush(&mut self) {
            self.together.flush(&mut self.outgoing);
        }

        fn hear(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.read.put_slice(bytes);
            self.together.answers(&mut self.read, &mut self.incoming)
        }
    }

    fn started(switch: bool) -> Line {
        let mut together = Line::new(switch);
        let startup = [&[0, 0, 0, 10, 0, 3, 0, 0][..], b"u\0"].concat();
        together.take(&startup).unwrap();
        assert_eq!(together.outgoing.split(), startup);
        let hello = [
            message(b'R', &[0; 4]),
            message(b'S', b"a\0b\0"),
            READY.to_vec(),
        ]
        .concat();
        together.hear(&hello).unwrap();
        assert_eq!(together.incoming.split(), hello);
        assert!(together.together.under_way.is_empty());
        together
    }

    /// Whatever is asked, and however it is cut: each request gets its own answer, in its place.
    #[test]
    fn every_request_is_answered() {
        let (mut requests, mut syncs, mut skipped) = (0, 0, 0);
        for seed in 1..400_u64 {
            let mut dice = Dice(seed);
            let mut together = started(true);
            for _ in 0..20 {
                let asked: Vec<Asked> = (0..1 + dice.roll(50))
                    .map(|_| Asked::any(&mut dice))
                    .collect();
                let mut bytes = Vec::new();
                for (number, asked) in asked.iter().enumerate() {
                    bytes.extend(asked.bytes(number));
                }
                // Written in parts, and flushed now and then, as the socket takes it.
                for part in dice.cut(&bytes, 3000) {
                    together.take(part).unwrap();
                    if dice.roll(5) == 0 {
                        together.flush();
                    }
                }
                together.flush();
                assert!(together.written.is_empty());
                assert_eq!(together.together.under_way.len(), asked.len());
                let (answers, seen) = serve(&together.outgoing.split(), &mut dice);
                for part in dice.cut(&answers, 200) {
                    together.hear(part).unwrap();
                }
                assert!(together.read.is_empty() && together.together.under_way.is_empty());
                let told = messages(&together.incoming.split());
                let told: Vec<_> = told.into_iter().filter(|(kind, _)| *kind != b'N').collect();
                let told: Vec<_> = told.split_inclusive(|(kind, _)| *kind == b'Z').collect();
                assert_eq!(told.len(), asked.len());
                let mut failed = None;
                for (number, (asked, told)) in asked.iter().zip(told).enumerate() {
                    let kinds: Vec<u8> = told.iter().map(|(kind, _)| *kind).collect();
                    match (asked, kinds.as_slice()) {
                        (Asked::Read { statement, .. }, b"EZ") => {
                            let fields = String::from_utf8_lossy(&told[0].1);
                            assert!(fields.contains(ROUTINE), "{fields}");
                            assert_eq!(failed, Some(*statement));
                            skipped += 1;
                        }
                        (
                            Asked::Read {
                                fails, statement, ..
                            },
                            b"2DCZ" | b"2DEZ",
                        ) => {
                            assert_eq!(told[1].1, number.to_string().into_bytes());
                            assert_eq!(*fails, kinds[2] == b'E');
                            failed = fails.then_some(*statement);
                        }
                        (Asked::Prepare, b"1TZ") | (Asked::Simple, b"TCZ") => failed = None,
                        (asked, kinds) => panic!("{asked:?}: {}", String::from_utf8_lossy(kinds)),
                    }
                }
                requests += asked.len();
                syncs += seen;
            }
        }
        assert!(syncs * 3 < requests * 2, "{syncs} of {requests}");
        assert!(skipped > 1000, "{skipped}");
    }

    #[test]
    fn nothing_changes_until_it_is_switched_on() {
        let mut together = started(false);
        let read = Asked::Read {
            statement: 0,
            fails: false,
        };
        let bytes = [read.bytes(1), read.bytes(2), Asked::Prepare.bytes(3)].concat();
        together.take(&bytes).unwrap();
        assert_eq!(together.outgoing, bytes);
    }

    #[test]
    fn a_server_may_refuse_to_encrypt() {
        let mut together = Line::new(false);
        together
            .take(&[0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F])
            .unwrap();
        together.hear(b"N").unwrap();
        assert_eq!(together.incoming.split(), b"N"[..]);
        together.take(&[0, 0, 0, 9, 0, 3, 0, 0, 0]).unwrap();
        assert!(together.together.started);
    }

    #[test]
    fn a_length_that_cannot_be_is_an_error() {
        let mut together = started(true);
        assert!(together.hear(&[b'Z', 0, 0, 0, 3]).is_err());
        assert!(together.take(&[b'B', 0, 0, 0, 3]).is_err());
    }
}
