//! Sockets to a server: where it is, and how one is opened there.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout};

use crate::address::Address;
use crate::tls::Tls;
use crate::wire;

/// A socket to a server.
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Where a server is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// As it was given: what its certificate is for.
    pub(crate) name: String,
    /// A directory of sockets, a name or a number.
    host: String,
    port: u16,
    options: TcpOptions,
}

/// How soon the operating system finds out that the other side has vanished.
#[derive(Debug, Clone)]
struct TcpOptions {
    /// Signs of life that are asked for while nothing is sent.
    keepalive: Option<TcpKeepalive>,
    /// How long what was sent may stay without an acknowledgement.
    #[cfg_attr(
        not(any(target_os = "linux", target_os = "android")),
        expect(dead_code, reason = "there it cannot be set")
    )]
    user_timeout: Option<Duration>,
}

/// The servers of an address, in their order. Takes out of it what is said of them.
pub(crate) fn places(address: &mut Address) -> Result<Vec<Place>, String> {
    let options = TcpOptions::of(address)?;
    let mut list = |key: &str| -> Vec<String> {
        let values = address.take(key).unwrap_or_default();
        let values = values.split(',').map(|value| value.trim().to_owned());
        let values: Vec<String> = values.collect();
        match values.iter().all(String::is_empty) {
            true => Vec::new(),
            false => values,
        }
    };
    let (names, numbers, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = names.len().max(numbers.len());
    if !names.is_empty() && !numbers.is_empty() && names.len() != numbers.len() {
        return Err("`host` and `hostaddr` name not as many servers".to_owned());
    }
    if ports.len() > 1 && ports.len() != count {
        return Err("`port` has not as many numbers as there are hosts".to_owned());
    }
    if numbers
        .iter()
        .any(|number| number.parse::<IpAddr>().is_err())
    {
        return Err("`hostaddr` has a value that is no IP address".to_owned());
    }
    (0..count)
        .map(|index| {
            let number = numbers.get(index);
            let name = names.get(index).filter(|name| !name.is_empty()).or(number);
            let Some(name) = name else {
                return Err("`host` has a name missing between its commas".to_owned());
            };
            let port = match ports.get(index).or(ports.first()).map(String::as_str) {
                None | Some("") => 5432,
                Some(port) => port.parse().map_err(|_| wrong("port"))?,
            };
            Ok(Place {
                name: name.clone(),
                host: number.unwrap_or(name).clone(),
                port,
                options: options.clone(),
            })
        })
        .collect()
}

fn wrong(key: &str) -> String {
    format!("its parameter `{key}` has a value that cannot be")
}

/// A number that libpq takes for "as the system does it" when it is zero or less.
pub(crate) fn number(address: &mut Address, key: &str) -> Result<Option<u32>, String> {
    let Some(value) = address.take(key) else {
        return Ok(None);
    };
    let value: i64 = value.trim().parse().map_err(|_| wrong(key))?;
    Ok(u32::try_from(value).ok().filter(|value| *value > 0))
}

impl TcpOptions {
    fn of(address: &mut Address) -> Result<Self, String> {
        let seconds = |number: u32| Duration::from_secs(number.into());
        let wanted = match address.take("keepalives") {
            None => true,
            Some(value) => {
                value
                    .trim()
                    .parse::<i64>()
                    .map_err(|_| wrong("keepalives"))?
                    != 0
            }
        };
        let mut keepalive = TcpKeepalive::new();
        if let Some(idle) = number(address, "keepalives_idle")? {
            keepalive = keepalive.with_time(seconds(idle));
        }
        if let Some(interval) = number(address, "keepalives_interval")? {
            keepalive = keepalive.with_interval(seconds(interval));
        }
        if let Some(count) = number(address, "keepalives_count")? {
            keepalive = keepalive.with_retries(count);
        }
        let user_timeout = number(address, "tcp_user_timeout")?;
        Ok(Self {
            keepalive: wanted.then_some(keepalive),
            user_timeout: user_timeout.map(|limit| Duration::from_millis(limit.into())),
        })
    }

    fn set(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let socket = SockRef::from(stream);
        if let Some(keepalive) = &self.keepalive {
            socket.set_tcp_keepalive(keepalive)?;
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(limit) = self.user_timeout {
            socket.set_tcp_user_timeout(Some(limit))?;
        }
        Ok(())
    }
}

impl Place {
    /// Is it a socket of this machine's file system?
    pub(crate) fn is_local(&self) -> bool {
        cfg!(unix) && self.host.starts_with('/')
    }

    /// The number of the port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Opens a socket, and says where exactly it leads: a name may stand for several servers.
    pub(crate) async fn open(&self, limit: Duration) -> io::Result<(Socket, Self)> {
        #[cfg(unix)]
        if self.is_local() {
            let path = format!("{}/.s.PGSQL.{}", self.host, self.port);
            let socket = Socket::Unix(UnixStream::connect(path).await?);
            return Ok((socket, self.clone()));
        }
        let end = Instant::now() + limit;
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        let found: Vec<SocketAddr> = found.collect();
        let mut failure = io::Error::new(
            io::ErrorKind::NotFound,
            "the name of the host has no address",
        );
        for (index, place) in found.iter().enumerate() {
            // One that does not answer leaves time for the others.
            let left = u32::try_from(found.len() - index).unwrap_or(u32::MAX);
            let share = end.saturating_duration_since(Instant::now()) / left;
            match timeout(share, TcpStream::connect(place)).await {
                Ok(Ok(stream)) => {
                    self.options.set(&stream)?;
                    let mut exactly = self.clone();
                    exactly.host = place.ip().to_string();
                    return Ok((Socket::Tcp(stream), exactly));
                }
                Ok(Err(error)) => failure = error,
                Err(_) => failure = io::Error::new(io::ErrorKind::TimedOut, "did not answer"),
            }
        }
        Err(failure)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.contains(':') {
            true => write!(f, "[{}]:{}", self.name, self.port),
            false => write!(f, "{}:{}", self.name, self.port),
        }
    }
}

macro_rules! each {
    ($socket:expr, $stream:ident => $does:expr) => {
        match $socket.get_mut() {
            Socket::Tcp($stream) => $does,
            #[cfg(unix)]
            Socket::Unix($stream) => $does,
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(cx, out))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// A socket of any kind, encrypted where that was asked for: of a connection whose messages are read on their way, see
/// [`unnamed`](crate::unnamed).
pub(crate) type Plain = Box<dyn Stream>;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Encrypted {
    Never,
    WhereItCan,
    Always,
}

impl Socket {
    /// Encrypts it before the driver sees it.
    pub(crate) async fn plain(
        self,
        place: &Place,
        tls: &Tls,
        encrypted: Encrypted,
    ) -> io::Result<Plain> {
        let mut socket: Plain = Box::new(self);
        if place.is_local() || matches!(encrypted, Encrypted::Never) {
            return Ok(socket);
        }
        // SSLRequest, and its answer of one byte.
        socket.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await?;
        socket.flush().await?;
        match (socket.read_u8().await?, encrypted) {
            (b'S', _) => wire::encrypt(tls, socket, &place.name).await,
            (_, Encrypted::Always) => Err(io::Error::other("server does not support TLS")),
            (_, Encrypted::Never | Encrypted::WhereItCan) => Ok(socket),
        }
    }
}

/// A socket that is closed by the other side only. PgBouncer 1.18 breaks off, with all its clients, when somebody who asked for a
/// cancellation is gone before it was passed on.
pub(crate) struct HeldOpen(pub(crate) Plain);

impl HeldOpen {
    /// Waits for the other side to close it.
    pub(crate) async fn closed(mut self) {
        const PATIENCE: Duration = Duration::from_secs(5);
        let _ = timeout(PATIENCE, self.0.read_u8()).await;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn of(text: &str) -> Result<Vec<Place>, String> {
        places(&mut Address::parse(text, |_| None)?)
    }

    #[cfg(target_os = "linux")]
    async fn opened(parameters: &str) -> Socket {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("postgres://u@127.0.0.1:{port}/x?{parameters}");
        let place = of(&url).unwrap().remove(0);
        place.open(Duration::from_secs(10)).await.unwrap().0
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_parameters_for_sockets_are_those_of_the_socket() {
        let Socket::Tcp(stream) = opened(
            "keepalives=1&keepalives_idle=7&keepalives_interval=3&keepalives_count=2&tcp_user_timeout=9500",
        )
        .await
        else {
            panic!("no TCP");
        };
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(7));
        assert_eq!(
            socket.tcp_keepalive_interval().unwrap(),
            Duration::from_secs(3)
        );
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 2);
        // In milliseconds, as libpq has it.
        assert_eq!(
            socket.tcp_user_timeout().unwrap(),
            Some(Duration::from_millis(9500))
        );
        assert!(stream.nodelay().unwrap());

        let Socket::Tcp(stream) = opened("keepalives=0&keepalives_idle=7").await else {
            panic!("no TCP");
        };
        let socket = SockRef::from(&stream);
        assert!(!socket.keepalive().unwrap());
        assert_eq!(socket.tcp_user_timeout().unwrap(), None);
    }

    #[test]
    fn hosts_and_ports_go_together() {
        let shown = |text: &str| {
            let places = of(text)?;
            Ok::<_, String>(
                places
                    .iter()
                    .map(Place::to_string)
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        for (text, expected) in [
            ("postgres://a,b/x", "a:5432 b:5432"),
            ("postgres://a:1,b:2/x", "a:1 b:2"),
            ("host=a,b port=7", "a:7 b:7"),
            ("host=a,b port=,7", "a:5432 b:7"),
            ("hostaddr=::1 port=7", "[::1]:7"),
            ("postgres://[::1]:7,[fe80::1]/x", "[::1]:7 [fe80::1]:5432"),
            (
                "host=db.example.com hostaddr=10.0.0.1",
                "db.example.com:5432",
            ),
            (
                "postgres://%2Fvar%2Frun%2Fmy%20sockets/x",
                "/var/run/my sockets:5432",
            ),
            ("host='/var/run/my sockets'", "/var/run/my sockets:5432"),
        ] {
            assert_eq!(shown(text).unwrap(), expected, "{text}");
        }
        for (text, expected) in [
            ("host=a,b,c port=1,2", "`port` has not as many"),
            ("host=a,b hostaddr=10.0.0.1", "`host` and `hostaddr`"),
            ("hostaddr=db.example.com", "`hostaddr` has a value"),
            ("host=a,,b", "`host` has a name missing"),
            ("host=a port=sesame", "`port` has a value"),
            (
                "host=a keepalives_idle=sesame",
                "`keepalives_idle` has a value",
            ),
            (
                "host=a tcp_user_timeout=1s",
                "`tcp_user_timeout` has a value",
            ),
        ] {
            let error = shown(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("sesame"), "{text}: {error}");
        }
    }
}
