//! Reads what names a server: `postgres://user@host/database`, or libpq's `host=… user=…`.
//!
//! What is wrong is said without repeating the text: it may hold a password.

use std::path::PathBuf;
use std::time::Duration;

use crate::wire::{Address, Password, Target};

/// Where the environment answers what the text leaves out; a parameter so that tests have their own.
pub(super) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

#[derive(Debug, Default)]
struct Settings {
    host: Option<String>,
    port: Option<String>,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
    connect_timeout: Option<String>,
}

pub(super) fn parse(text: &str, environment: Environment<'_>) -> Result<Target, String> {
    let text = text.trim();
    let pairs = match text
        .strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"))
    {
        Some(rest) => url_pairs(rest)?,
        None if text.contains("://") => {
            return Err("it does not begin with `postgres://`".to_owned());
        }
        None => dsn_pairs(text)?,
    };
    let mut settings = Settings::default();
    for (name, value) in pairs {
        settings.take(&name, value)?;
    }
    settings.target(environment)
}

impl Settings {
    fn take(&mut self, name: &str, value: String) -> Result<(), String> {
        // An empty value is no value, as libpq has it.
        let given = (!value.is_empty()).then_some(value);
        match name {
            "host" => self.host = given,
            // The address to use in place of looking up the host.
            "hostaddr" => self.host = given.or(self.host.take()),
            "port" => self.port = given,
            "user" => self.user = given,
            "password" => self.password = given,
            "dbname" => self.database = given,
            "connect_timeout" => self.connect_timeout = given,
            "sslmode" => match given.as_deref() {
                None | Some("disable" | "allow" | "prefer") => {}
                Some(_) => {
                    return Err(
                        "it asks for TLS, which sqlmill does not speak yet: use `sslmode=prefer` to a server of \
                         this machine, or a tunnel"
                            .to_owned(),
                    );
                }
            },
            "channel_binding" | "gssencmode" | "requirepeer" | "require_auth"
                if given
                    .as_deref()
                    .is_some_and(|value| !matches!(value, "disable" | "prefer")) =>
            {
                return Err(format!("`{name}` asks for what sqlmill cannot do"));
            }
            // They change nothing of what we ask.
            "application_name"
            | "fallback_application_name"
            | "client_encoding"
            | "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_count"
            | "tcp_user_timeout"
            | "target_session_attrs"
            | "load_balance_hosts"
            | "channel_binding"
            | "gssencmode"
            | "requirepeer"
            | "require_auth"
            | "sslrootcert"
            | "sslcert"
            | "sslkey"
            | "sslnegotiation"
            | "sslcompression"
            | "krbsrvname"
            | "gsslib"
            | "gssdelegation"
            | "passfile"
            | "pgbouncer"
            | "pool_timeout"
            | "schema"
            | "statement_cache_capacity" => {}
            _ => return Err(format!("there is no setting `{name}`")),
        }
        Ok(())
    }

    fn target(self, environment: Environment<'_>) -> Result<Target, String> {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        let host = self.host.or_else(|| variable("PGHOST"));
        if host.as_deref().is_some_and(|host| host.contains(',')) {
            return Err("it names several hosts: name one".to_owned());
        }
        let port = match self.port.or_else(|| variable("PGPORT")) {
            Some(text) => text
                .parse()
                .ok()
                .filter(|&port: &u16| port != 0)
                .ok_or("its port is no number from 1 to 65535")?,
            None => 5432,
        };
        let address = match host {
            Some(path) if path.starts_with('/') => Address::SocketDirectory(PathBuf::from(path)),
            Some(name) => Address::Host(name),
            None => default_address(port),
        };
        let user = self
            .user
            .or_else(|| variable("PGUSER"))
            .or_else(|| variable("USER"))
            .or_else(|| variable("LOGNAME"))
            .or_else(|| variable("USERNAME"))
            .ok_or(
                "it names no user: put one before the host, as in `postgres://user@host/database`",
            )?;
        let mut target = Target::new(address, user);
        target.port = port;
        if let Some(database) = self.database.or_else(|| variable("PGDATABASE")) {
            target.database = database;
        }
        target.password = self
            .password
            .or_else(|| variable("PGPASSWORD"))
            .map(Password::new);
        if let Some(text) = self.connect_timeout {
            let seconds: u64 = text
                .parse()
                .map_err(|_| "its connect_timeout is no number of seconds")?;
            if seconds > 0 {
                target.connect_timeout = Duration::from_secs(seconds);
            }
        }
        Ok(target)
    }
}

/// Where a server of this machine is, when nothing says: Debian's socket, PostgreSQL's own, or else TCP.
fn default_address(port: u16) -> Address {
    ["/var/run/postgresql", "/tmp"]
        .into_iter()
        .map(PathBuf::from)
        .find(|directory| directory.join(format!(".s.PGSQL.{port}")).exists())
        .map_or_else(
            || Address::Host("localhost".to_owned()),
            Address::SocketDirectory,
        )
}

/// `user:password@host:port/database?name=value&…`
fn url_pairs(rest: &str) -> Result<Vec<(String, String)>, String> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, place) = match authority.rsplit_once('@') {
        Some((login, place)) => (login, place),
        None => ("", authority),
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    // An IPv6 address has colons of its own, and stands in brackets.
    let (host, port) = match place.strip_prefix('[') {
        Some(inner) => {
            let (host, after) = inner
                .split_once(']')
                .ok_or("its host begins with `[` and has no `]`")?;
            (host, after.strip_prefix(':').unwrap_or(after))
        }
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let mut pairs = Vec::new();
    for (name, value) in [
        ("user", user),
        ("password", password),
        ("host", host),
        ("port", port),
        ("dbname", database),
    ] {
        if !value.is_empty() {
            pairs.push((name.to_owned(), decoded(value)?));
        }
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair
            .split_once('=')
            .ok_or("a setting behind `?` has no `=`")?;
        let name = decoded(name)?;
        // JDBC's spelling, which libpq accepts too.
        if name == "ssl" && value == "true" {
            pairs.push(("sslmode".to_owned(), "require".to_owned()));
        } else {
            pairs.push((name, decoded(value)?));
        }
    }
    Ok(pairs)
}

fn decoded(text: &str) -> Result<String, String> {
    let wrong = || "it has a `%` that is not followed by two hexadecimal digits".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = rest.get(..2).ok_or_else(wrong)?;
        let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        rest = rest.get(2..).unwrap_or_default();
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 once its `%` are resolved".to_owned())
}

/// `host=localhost password='with space'`: a backslash takes the next character as it is.
fn dsn_pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        if characters.peek().is_none() {
            return Ok(pairs);
        }
        let mut name = String::new();
        while let Some(c) = characters.next_if(|&c| c != '=' && !c.is_whitespace()) {
            name.push(c);
        }
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        if characters.next() != Some('=') {
            return Err("it is neither a `postgres://` URL nor a list of `name=value`".to_owned());
        }
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = characters.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match characters.next() {
                None if quoted => return Err("a value has no closing quote".to_owned()),
                None => break,
                Some('\'') if quoted => break,
                Some(c) if !quoted && c.is_whitespace() => break,
                Some('\\') => value.extend(characters.next()),
                Some(c) => value.push(c),
            }
        }
        pairs.push((name, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Target, String> {
        parse(text, &|name| {
            (name == "USER").then(|| "somebody".to_owned())
        })
    }

    fn host(name: &str) -> Address {
        Address::Host(name.to_owned())
    }

    #[test]
    fn urls() {
        let target = read("postgres://me:p%40ss%2F@db.example:6543/app?sslmode=prefer").unwrap();
        assert_eq!(target.address, host("db.example"));
        assert_eq!(target.port, 6543);
        assert_eq!(target.user, "me");
        assert_eq!(target.password, Some(Password::new("p@ss/")));
        assert_eq!(target.database, "app");

        let target = read("postgresql://postgres@/app?host=/tmp/socket%20here").unwrap();
        assert_eq!(
            target.address,
            Address::SocketDirectory("/tmp/socket here".into())
        );
        assert_eq!(target.database, "app");
        assert_eq!(target.password, None);

        assert_eq!(
            read("postgres://me@[::1]:5433").unwrap().address,
            host("::1")
        );
        assert_eq!(read("postgres://me@[::1]:5433").unwrap().port, 5433);
        assert_eq!(
            read("postgres://%2Frun%2Fpg/app").unwrap().address,
            Address::SocketDirectory("/run/pg".into())
        );
        // An `@` in a password that nobody encoded.
        let target = read("postgres://me:a@b@host").unwrap();
        assert_eq!(target.password, Some(Password::new("a@b")));
        assert_eq!(target.database, "me");
    }

    #[test]
    fn lists_of_settings() {
        let target =
            read(r"host=localhost port = 5433 user=me password='it\'s a \\' dbname=app ").unwrap();
        assert_eq!(target.address, host("localhost"));
        assert_eq!(target.port, 5433);
        assert_eq!(target.password, Some(Password::new(r"it's a \")));
        assert_eq!(target.database, "app");
        assert_eq!(read("host=localhost").unwrap().user, "somebody");
    }

    #[test]
    fn the_environment_fills_what_is_left_out() {
        let target = parse("postgres://", &|name| match name {
            "PGHOST" => Some("/run/here".to_owned()),
            "PGPORT" => Some("7".to_owned()),
            "PGUSER" => Some("me".to_owned()),
            "PGPASSWORD" => Some("secret".to_owned()),
            "PGDATABASE" => Some(String::new()),
            _ => None,
        })
        .unwrap();
        assert_eq!(target.address, Address::SocketDirectory("/run/here".into()));
        assert_eq!((target.port, target.user.as_str()), (7, "me"));
        assert_eq!(target.database, "me");
        assert_eq!(target.password, Some(Password::new("secret")));
    }

    #[test]
    fn faults_are_told_without_the_password() {
        for (text, part) in [
            ("mysql://me:hunter2@host/app", "postgres://"),
            ("postgres://me:hunter2@host:port/app", "port"),
            ("postgres://me:hunter2@host:0/app", "port"),
            ("postgres://me:hunter2%ZZ@host", "%"),
            ("postgres://me:hunter2@host/app?sslmode=verify-full", "TLS"),
            ("postgres://me:hunter2@host/app?ssl=true", "TLS"),
            ("postgres://me:hunter2@one,two/app", "several"),
            (
                "postgres://me:hunter2@host/app?channel_binding=require",
                "channel_binding",
            ),
            ("host=localhost password='hunter2", "quote"),
            ("host=localhost hunter2", "name=value"),
            ("host=localhost sslmod=disable password=hunter2", "sslmod"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(part), "{text}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
        assert!(!format!("{:?}", read("postgres://me:hunter2@host")).contains("hunter2"));
    }
}
