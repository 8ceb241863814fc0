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
//! The messages are those of PostgreSQL's documentation, "Message Formats" and "Extended Query / Pipelining".

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Who made up the error that those get that were passed over.
pub(crate) const ROUTINE: &str = "sqlmill_together";

/// So many are answered at once at most.
const MOST: usize = 32;

/// As much as is held for the server before the driver has to wait.
const ROOM: usize = 64 * 1024;

const SYNC: [u8; 5] = *b"S\0\0\0\x04";
const READY: [u8; 6] = *b"Z\0\0\0\x05I";

/// Is it done? It is not at first.
pub(crate) type Switch = Arc<AtomicBool>;

pub(crate) struct Together<S> {
    stream: S,
    switch: Switch,
    requests: Requests,
    /// What is to go to the server.
    outgoing: BytesMut,
    /// What the server sent that is no whole message yet, and what is to go to the driver.
    read: BytesMut,
    incoming: BytesMut,
    buffer: Box<[u8]>,
    /// Those whose answers are to come, in their order: has it no Sync of its own?
    under_way: VecDeque<bool>,
    /// A byte without a message is to come: may the connection be encrypted?
    asked_for_tls: bool,
}

/// What the driver writes.
#[derive(Default)]
struct Requests {
    /// From the start of a request on.
    written: BytesMut,
    /// As much of it is whole messages.
    whole: usize,
    /// The first messages have no type.
    started: bool,
    shape: Shape,
    /// Reads whose Sync is still to be sent, unless another one comes before.
    open: usize,
    /// The statement that they are of.
    statement: Vec<u8>,
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

impl<S> Together<S> {
    pub(crate) fn new(stream: S, switch: Switch) -> Self {
        Self {
            stream,
            switch,
            requests: Requests::default(),
            outgoing: BytesMut::new(),
            read: BytesMut::new(),
            incoming: BytesMut::new(),
            buffer: vec![0; 16 * 1024].into_boxed_slice(),
            under_way: VecDeque::new(),
            asked_for_tls: false,
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn inner(&self) -> &S {
        &self.stream
    }

    /// What stands behind it, before anything but the question whether the connection may be encrypted was asked.
    #[cfg(feature = "tls")]
    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    /// Takes what the driver wrote.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.requests.written.put_slice(bytes);
        while !self.requests.started {
            let written = &mut self.requests.written;
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
                    self.requests.started = true;
                    self.under_way.push_back(false);
                }
            }
            move_to(&mut self.outgoing, written, length);
        }
        while let Some(end) = end_of_message(&self.requests.written, self.requests.whole)? {
            self.message(end);
        }
        Ok(())
    }

    /// The next message of the request is there, and ends at `end`.
    fn message(&mut self, end: usize) {
        let requests = &mut self.requests;
        let start = std::mem::replace(&mut requests.whole, end);
        let kind = requests.written.get(start).copied().unwrap_or_default();
        let shape = std::mem::take(&mut requests.shape);
        requests.shape = match (shape, kind) {
            (Shape::Nothing, b'B') => match name_of_statement(&requests.written, start..end) {
                Some(name) => Shape::Bind(name),
                None => Shape::Other,
            },
            (Shape::Bind(name), b'E') => Shape::Read(name),
            (Shape::Read(name), b'S') if self.switch.load(Ordering::Relaxed) => {
                return self.read_asked(&name, start);
            }
            (_, b'S' | b'Q') => {
                self.end_of_group();
                self.under_way.push_back(false);
                return self.send_request();
            }
            // A password, the end, and what goes with COPY are no requests.
            (Shape::Nothing, b'p' | b'X' | b'd' | b'c' | b'f') => {
                self.end_of_group();
                return self.send_request();
            }
            _ => Shape::Other,
        };
    }

    fn send_request(&mut self) {
        let whole = std::mem::take(&mut self.requests.whole);
        move_to(&mut self.outgoing, &mut self.requests.written, whole);
    }

    /// A read, whose Sync begins at `sync`.
    fn read_asked(&mut self, name: &Range<usize>, sync: usize) {
        let requests = &mut self.requests;
        let statement = requests.written.get(name.clone()).unwrap_or_default();
        let known = (1..MOST).contains(&requests.open) && requests.statement == statement;
        match self.under_way.back_mut() {
            Some(joined) if known => *joined = true,
            _ => {
                requests.statement.clear();
                requests.statement.extend_from_slice(statement);
                self.end_of_group();
            }
        }
        self.requests.open += 1;
        self.under_way.push_back(false);
        let end = std::mem::replace(&mut self.requests.whole, sync);
        self.send_request();
        self.requests.written.advance(end - sync);
    }

    fn end_of_group(&mut self) {
        if std::mem::take(&mut self.requests.open) != 0 {
            self.outgoing.put_slice(&SYNC);
        }
    }

    /// Takes what the server sent.
    fn answers(&mut self) -> io::Result<()> {
        if self.asked_for_tls && !self.read.is_empty() {
            self.asked_for_tls = false;
            move_to(&mut self.incoming, &mut self.read, 1);
        }
        while let Some(end) = end_of_message(&self.read, 0)? {
            let kind = self.read.first().copied().unwrap_or_default();
            move_to(&mut self.incoming, &mut self.read, end);
            match kind {
                b'Z' => {
                    self.under_way.pop_front();
                }
                // The end of an answer: CommandComplete, EmptyQueryResponse, PortalSuspended.
                b'C' | b'I' | b's' => {
                    self.answered();
                }
                b'E' if self.answered() => self.passed_over(),
                _ => {}
            }
        }
        Ok(())
    }

    /// An answer has ended. Was it one without a Sync?
    fn answered(&mut self) -> bool {
        let joined = self.under_way.front() == Some(&true);
        if joined {
            self.under_way.pop_front();
            self.incoming.put_slice(&READY);
        }
        joined
    }

    /// The server reads nothing up to the Sync, and answers to that.
    fn passed_over(&mut self) {
        loop {
            let fields = format!(
                "SERROR\0VERROR\0C25P02\0Mit was passed over, since one before it failed\0R{ROUTINE}\0\0"
            );
            self.incoming.put_u8(b'E');
            // As long as the text above.
            let length = u32::try_from(fields.len() + 4).unwrap_or(u32::MAX);
            self.incoming.put_u32(length);
            self.incoming.put_slice(fields.as_bytes());
            if !self.answered() {
                return;
            }
        }
    }
}

/// Copies the first bytes, and takes them off: that keeps their memory for those that follow.
fn move_to(out: &mut BytesMut, bytes: &mut BytesMut, length: usize) {
    out.put_slice(bytes.get(..length).unwrap_or_default());
    bytes.advance(length.min(bytes.len()));
}

/// Four bytes as a number.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + 4)?;
    Some(
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
    )
}

/// Where the message ends that begins at `start`: its type, its length, its body.
fn end_of_message(bytes: &BytesMut, start: usize) -> io::Result<Option<usize>> {
    let Some(length) = number(bytes, start + 1) else {
        return Ok(None);
    };
    if length < 4 {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    let end = start + 1 + length;
    Ok((end <= bytes.len()).then_some(end))
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

impl<S: AsyncWrite + Unpin> Together<S> {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outgoing))?;
            if sent == 0 {
                return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero)));
            }
            self.outgoing.advance(sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Together<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.outgoing.len() > ROOM {
            ready!(self.poll_send(cx))?;
        }
        self.take(bytes)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end_of_group();
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end_of_group();
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Together<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // While a connection is being made the driver asks without a flush.
        if !this.outgoing.is_empty()
            && let Poll::Ready(Err(error)) = this.poll_send(cx)
        {
            return Poll::Ready(Err(error));
        }
        while this.incoming.is_empty() {
            let mut buffer = ReadBuf::new(&mut this.buffer);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.read.put_slice(buffer.filled());
            this.answers()?;
        }
        let length = this.incoming.len().min(out.remaining());
        out.put_slice(this.incoming.get(..length).unwrap_or_default());
        this.incoming.advance(length);
        Poll::Ready(Ok(()))
    }
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

    fn started(switch: bool) -> Together<()> {
        let mut together = Together::new((), Arc::new(AtomicBool::new(switch)));
        let startup = [&[0, 0, 0, 10, 0, 3, 0, 0][..], b"u\0"].concat();
        together.take(&startup).unwrap();
        assert_eq!(together.outgoing.split(), startup);
        let hello = [
            message(b'R', &[0; 4]),
            message(b'S', b"a\0b\0"),
            READY.to_vec(),
        ]
        .concat();
        together.read.put_slice(&hello);
        together.answers().unwrap();
        assert_eq!(together.incoming.split(), hello);
        assert!(together.under_way.is_empty());
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
                        together.end_of_group();
                    }
                }
                together.end_of_group();
                assert!(together.requests.written.is_empty());
                assert_eq!(together.under_way.len(), asked.len());
                let (answers, seen) = serve(&together.outgoing.split(), &mut dice);
                for part in dice.cut(&answers, 200) {
                    together.read.put_slice(part);
                    together.answers().unwrap();
                }
                assert!(together.read.is_empty() && together.under_way.is_empty());
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
        let mut together = Together::new((), Switch::default());
        together
            .take(&[0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F])
            .unwrap();
        together.read.put_slice(b"N");
        together.answers().unwrap();
        assert_eq!(together.incoming.split(), b"N"[..]);
        together.take(&[0, 0, 0, 9, 0, 3, 0, 0, 0]).unwrap();
        assert!(together.requests.started);
    }

    #[test]
    fn a_length_that_cannot_be_is_an_error() {
        let mut together = started(true);
        together.read.put_slice(&[b'Z', 0, 0, 0, 3]);
        assert!(together.answers().is_err());
        assert!(together.take(&[b'B', 0, 0, 0, 3]).is_err());
    }
}
