//! Where a server is, for whatever client goes there.

use std::fmt;
use std::path::PathBuf;

/// How to reach a server as its superuser.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// The host or the socket's directory.
    pub address: Address,
    /// The port, which is in the socket's name as well.
    pub port: u16,
    /// The superuser.
    pub user: String,
    /// Its password, where it needs one.
    pub password: Option<String>,
}

/// What a server listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A name or an address, over TCP.
    Host(String),
    /// The directory that holds `.s.PGSQL.<port>`.
    SocketDirectory(PathBuf),
}

impl Place {
    /// As psql, libpq and their like take it. It may hold the password.
    pub fn url(&self, database: &str) -> String {
        let user = &self.user;
        let password = match &self.password {
            Some(password) => format!(":{}", escaped(password)),
            None => String::new(),
        };
        match &self.address {
            Address::Host(host) => {
                format!(
                    "postgresql://{user}{password}@{host}:{}/{database}",
                    self.port
                )
            }
            Address::SocketDirectory(directory) => {
                let host = escaped(&directory.to_string_lossy());
                let port = match self.port {
                    5432 => String::new(),
                    port => format!("&port={port}"),
                };
                format!("postgresql://{user}{password}@/{database}?host={host}{port}")
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Place")
            .field("address", &self.address)
            .field("port", &self.port)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
