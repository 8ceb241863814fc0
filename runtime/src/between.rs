//! What may stand between the driver and the socket: it reads the messages of both sides, and passes on others.
//!
//! The messages are those of PostgreSQL's documentation, "Message Formats".

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// As much as is held for the server before the driver has to wait.
const MOST: usize = 64 * 1024;

pub(crate) trait Translator {
    /// Takes the whole messages out of what the driver wrote.
    fn requests(&mut self, written: &mut BytesMut, out: &mut BytesMut) -> io::Result<()>;

    /// The driver has written what it had to write.
    fn flush(&mut self, _out: &mut BytesMut) {}

    /// Takes the whole messages out of what the server sent.
    fn answers(&mut self, read: &mut BytesMut, out: &mut BytesMut) -> io::Result<()>;
}

pub(crate) struct Between<S, T> {
    stream: S,
    translator: T,
    /// What the driver wrote that is not taken yet, and what is to go to the server.
    written: BytesMut,
    outgoing: BytesMut,
    /// What the server sent that is not taken yet, and what is to go to the driver.
    read: BytesMut,
    incoming: BytesMut,
    buffer: Box<[u8]>,
}

impl<S, T> Between<S, T> {
    pub(crate) fn new(stream: S, translator: T) -> Self {
        Self {
            stream,
            translator,
            written: BytesMut::new(),
            outgoing: BytesMut::new(),
            read: BytesMut::new(),
            incoming: BytesMut::new(),
            buffer: vec![0; 16 * 1024].into_boxed_slice(),
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// Of a connection where nothing was asked but whether it may be encrypted.
    #[cfg(feature = "tls")]
    pub(crate) fn into_stream(self) -> S {
        self.stream
    }
}

/// Four bytes as a number.
pub(crate) fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + 4)?;
    Some(
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
    )
}

/// Where the message ends that begins at `start`: its type, its length, its body. `None`: not all of it is there.
pub(crate) fn end_of_message(bytes: &[u8], start: usize) -> io::Result<Option<usize>> {
    let Some(length) = number(bytes, start + 1) else {
        return Ok(None);
    };
    if length < 4 {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    let end = start + 1 + length;
    Ok((end <= bytes.len()).then_some(end))
}

pub(crate) fn put(out: &mut BytesMut, kind: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.put_u8(kind);
    // What is put together here is no longer than what the driver wrote, whose length fits.
    out.put_u32(u32::try_from(length + 4).unwrap_or(u32::MAX));
    for part in parts {
        out.put_slice(part);
    }
}

/// An ErrorResponse that no server sent; `routine` says who did.
pub(crate) fn put_error(out: &mut BytesMut, sqlstate: &str, message: &str, routine: &str) {
    let fields = format!("SERROR\0VERROR\0C{sqlstate}\0M{message}\0R{routine}\0\0");
    put(out, b'E', &[fields.as_bytes()]);
}

impl<S: AsyncWrite + Unpin, T> Between<S, T> {
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

impl<S: AsyncWrite + Unpin, T: Translator + Unpin> AsyncWrite for Between<S, T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.outgoing.len() > MOST {
            ready!(this.poll_send(cx))?;
        }
        this.written.put_slice(bytes);
        this.translator
            .requests(&mut this.written, &mut this.outgoing)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.translator.flush(&mut this.outgoing);
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.translator.flush(&mut this.outgoing);
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, T: Translator + Unpin> AsyncRead for Between<S, T> {
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
            this.translator
                .answers(&mut this.read, &mut this.incoming)?;
        }
        let length = this.incoming.len().min(out.remaining());
        out.put_slice(this.incoming.get(..length).unwrap_or_default());
        this.incoming.advance(length);
        Poll::Ready(Ok(()))
    }
}
