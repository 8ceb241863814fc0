//! Sockets to a server, where the driver cannot make them itself: see [`unnamed`](crate::unnamed).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use crate::address::Address;
use crate::tls::Tls;
use crate::wire;

/// A socket of any kind, encrypted where that was asked for.
pub(crate) type Socket = Box<dyn Stream>;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Where a server is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// What its certificate is for.
    name: String,
    /// A directory of sockets, a name or a number.
    host: String,
    port: u16,
    encrypted: Encrypted,
    keepalive: Option<TcpKeepalive>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Encrypted {
    Never,
    WhereItCan,
    Always,
}

/// The hosts of an address, in their order.
pub(crate) fn places(address: &Address, encrypted: Encrypted) -> Vec<Place> {
    let list = |key| -> Vec<&str> {
        let values = address.get(key).unwrap_or_default();
        values
            .split(',')
            .filter(|value| !value.is_empty())
            .collect()
    };
    let (names, numbers, ports) = (list("host"), list("hostaddr"), list("port"));
    let number = |key| address.get(key).and_then(|value| value.parse::<u32>().ok());
    let keepalive = (number("keepalives") != Some(0)).then(|| {
        let mut keepalive = TcpKeepalive::new();
        if let Some(seconds) = number("keepalives_idle") {
            keepalive = keepalive.with_time(Duration::from_secs(seconds.into()));
        }
        if let Some(seconds) = number("keepalives_interval") {
            keepalive = keepalive.with_interval(Duration::from_secs(seconds.into()));
        }
        keepalive
    });
    (0..names.len().max(numbers.len()))
        .map(|index| {
            let name = names.get(index).copied().unwrap_or_default();
            let port = ports.get(index).or(ports.first());
            Place {
                name: name.to_owned(),
                host: (*numbers.get(index).unwrap_or(&name)).to_owned(),
                port: port.and_then(|port| port.parse().ok()).unwrap_or(5432),
                encrypted,
                keepalive: keepalive.clone(),
            }
        })
        .collect()
}

impl Place {
    pub(crate) async fn connect(&self, tls: &Tls) -> io::Result<Socket> {
        #[cfg(unix)]
        if self.host.starts_with('/') {
            let path = format!("{}/.s.PGSQL.{}", self.host, self.port);
            return Ok(Box::new(tokio::net::UnixStream::connect(path).await?));
        }
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        if let Some(keepalive) = &self.keepalive {
            SockRef::from(&stream).set_tcp_keepalive(keepalive)?;
        }
        let mut socket: Socket = Box::new(stream);
        if matches!(self.encrypted, Encrypted::Never) {
            return Ok(socket);
        }
        // SSLRequest, and its answer of one byte.
        socket.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await?;
        socket.flush().await?;
        match (socket.read_u8().await?, self.encrypted) {
            (b'S', _) => wire::encrypt(tls, socket, &self.name).await,
            (_, Encrypted::Always) => Err(io::Error::other("server does not support TLS")),
            (_, Encrypted::Never | Encrypted::WhereItCan) => Ok(socket),
        }
    }
}

/// A socket that is closed by the other side only. PgBouncer 1.18 breaks off, with all its clients, when somebody who asked for a
/// cancellation is gone before it was passed on.
pub(crate) struct HeldOpen(pub(crate) Socket);

impl HeldOpen {
    /// Waits for the other side to close it.
    pub(crate) async fn closed(mut self) {
        const PATIENCE: Duration = Duration::from_secs(5);
        let _ = tokio::time::timeout(PATIENCE, self.0.read_u8()).await;
    }
}

impl AsyncRead for HeldOpen {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, out)
    }
}

impl AsyncWrite for HeldOpen {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
