//! Where a server is and how to get in: a URL or `key=value` pairs as libpq takes them, completed by the PG* variables of
//! the environment.
//!
//! What is said of a wrong address names the key and never a value: one of them is the password.

use std::fmt;

use crate::files;

/// libpq's parameters, by their names.
#[derive(Clone, Default)]
pub(crate) struct Address(Vec<(String, String)>);

/// The variable that stands in for a parameter which the address does not have.
const VARIABLES: [(&str, &str); 18] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("options", "PGOPTIONS"),
    ("application_name", "PGAPPNAME"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS"),
];

/// Parameters without a variable.
const OTHERS: [&str; 5] = [
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
];

/// Parameters of libpq that change nothing here.
const WITHOUT_EFFECT: [&str; 5] = [
    "client_encoding",
    "fallback_application_name",
    "gssencmode",
    "sslcompression",
    "sslsni",
];

impl Address {
    /// Reads an address. `variable` looks an environment variable up.
    pub(crate) fn parse(
        text: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let rest = ["postgres://", "postgresql://"]
            .into_iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        let parameters = match rest {
            Some(rest) => url(rest)?,
            None => pairs(text)?,
        };
        let mut address = Self::default();
        for (key, value) in parameters {
            address.put(&key, value)?;
        }
        let service = address.take("service").or_else(|| variable("PGSERVICE"));
        if let Some(name) = service.filter(|name| !name.is_empty()) {
            let mut of_service = Self::default();
            for (key, value) in files::service(&name, &variable)? {
                if key == "service" {
                    return Err(format!("the service `{name}` names another service"));
                }
                of_service.put(&key, value)?;
            }
            for (key, value) in of_service.0 {
                address.or(&key, &value);
            }
        }
        for (key, name) in VARIABLES {
            if address.get(key).is_none()
                && let Some(value) = variable(name)
                && !value.is_empty()
            {
                address.set(key, value);
            }
        }
        Ok(address)
    }

    /// Sets a parameter that somebody wrote.
    fn put(&mut self, key: &str, value: String) -> Result<(), String> {
        // The driver's name for it.
        let key = match key {
            "keepalives_retries" => "keepalives_count",
            key => key,
        };
        let known = VARIABLES.iter().any(|(known, _)| *known == key) || OTHERS.contains(&key);
        if known || key == "service" {
            self.set(key, value);
        } else if !WITHOUT_EFFECT.contains(&key) {
            return Err(format!(
                "it has the parameter `{key}`, which is not supported"
            ));
        }
        Ok(())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn set(&mut self, key: &str, value: String) {
        self.take(key);
        self.0.push((key.to_owned(), value));
    }

    /// Sets what nobody has set.
    pub(crate) fn or(&mut self, key: &str, value: &str) {
        if self.get(key).is_none() {
            self.set(key, value.to_owned());
        }
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| known == key)?;
        Some(self.0.swap_remove(index).1)
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Is every server behind a socket of this machine?
    pub(crate) fn is_local(&self) -> bool {
        self.get("hostaddr").is_none()
            && self
                .get("host")
                .is_some_and(|hosts| hosts.split(',').all(|host| host.starts_with(['/', '@'])))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_map();
        for key in ["host", "hostaddr", "port", "dbname", "user", "sslmode"] {
            if let Some(value) = self.get(key) {
                debug.entry(&key, &value);
            }
        }
        debug.finish_non_exhaustive()
    }
}

type Parameters = Vec<(String, String)>;

/// `user:password@host:port,host:port/database?key=value&…`, after the scheme.
fn url(rest: &str) -> Result<Parameters, String> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    if !authority.contains('@') && database.contains('@') {
        return Err(
            "it has an `@` behind a `/`: in a user's name or a password, `/` is written `%2F`"
                .to_owned(),
        );
    }
    let mut found = Vec::new();
    let hosts = match authority.rsplit_once('@') {
        None => authority,
        Some((credentials, hosts)) => {
            let (user, password) = match credentials.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (credentials, None),
            };
            push(&mut found, "user", user)?;
            push(&mut found, "password", password.unwrap_or_default())?;
            hosts
        }
    };
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, port)) => (name, port.strip_prefix(':').unwrap_or_default()),
            None => host.split_once(':').unwrap_or((host, "")),
        };
        names.push(decoded("host", name)?);
        ports.push(if port.is_empty() { "5432" } else { port });
    }
    if names.iter().any(|name| !name.is_empty()) {
        found.push(("host".to_owned(), names.join(",")));
        found.push(("port".to_owned(), ports.join(",")));
    } else if hosts.contains(':') {
        found.push(("port".to_owned(), ports.join(",")));
    }
    push(&mut found, "dbname", database)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((key, value)) = pair.split_once('=') else {
            return Err("a parameter behind `?` has no `=`".to_owned());
        };
        let value = decoded(key, value)?;
        // As in JDBC's addresses.
        match (key, value.as_str()) {
            ("ssl", "true") => found.push(("sslmode".to_owned(), "require".to_owned())),
            _ => found.push((key.to_owned(), value)),
        }
    }
    Ok(found)
}

fn push(found: &mut Parameters, key: &str, value: &str) -> Result<(), String> {
    if !value.is_empty() {
        found.push((key.to_owned(), decoded(key, value)?));
    }
    Ok(())
}

/// Undoes `%41`.
fn decoded(key: &str, text: &str) -> Result<String, String> {
    let wrong = || format!("`{key}` has a `%` that two hexadecimal digits do not follow");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(wrong());
        };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| wrong())?);
    }
    String::from_utf8(bytes).map_err(|_| format!("`{key}` is not UTF-8"))
}

/// `key=value key = 'va\'lue'`
fn pairs(text: &str) -> Result<Parameters, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((key, after)) = rest.split_once('=') else {
            return Err(
                "it is neither of the form postgres://user@host:port/database nor key=value pairs"
                    .to_owned(),
            );
        };
        let key = key.trim_end();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err("a word in it is no key=value pair".to_owned());
        }
        let after = after.trim_start();
        let (quoted, after) = match after.strip_prefix('\'') {
            Some(after) => (true, after),
            None => (false, after),
        };
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next() {
                None if quoted => return Err(format!("the quote of `{key}` is not closed")),
                None => break after.len(),
                Some((index, '\'')) if quoted => break index + 1,
                Some((index, character)) if !quoted && character.is_whitespace() => break index,
                Some((_, '\\')) => value.extend(characters.next().map(|(_, escaped)| escaped)),
                Some((_, character)) => value.push(character),
            }
        };
        found.push((key.to_owned(), value));
        rest = after.get(end..).unwrap_or_default().trim_start();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn parsed(text: &str) -> Result<Vec<(String, String)>, String> {
        let mut found = Address::parse(text, |_| None)?.0;
        found.sort();
        Ok(found)
    }

    fn is(text: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(parsed(text).unwrap(), expected, "{text}");
    }

    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        is("postgres://", &[]);
        is(
            "postgresql://app:p%40ss%3Aword@db.example.com/shop",
            &[
                ("dbname", "shop"),
                ("host", "db.example.com"),
                ("password", "p@ss:word"),
                ("port", "5432"),
                ("user", "app"),
            ],
        );
        is(
            "postgres://one:5433,[::1],three:1/x?target_session_attrs=read-write&ssl=true",
            &[
                ("dbname", "x"),
                ("host", "one,::1,three"),
                ("port", "5433,5432,1"),
                ("sslmode", "require"),
                ("target_session_attrs", "read-write"),
            ],
        );
        is(
            "postgres://%2Fvar%2Frun/x?sslmode=disable",
            &[
                ("dbname", "x"),
                ("host", "/var/run"),
                ("port", "5432"),
                ("sslmode", "disable"),
            ],
        );
        is(
            "postgres:///x?host=/tmp&port=6",
            &[("dbname", "x"), ("host", "/tmp"), ("port", "6")],
        );
        // A password may hold what separates elsewhere.
        is(
            "postgres://u:a@b@h/x",
            &[
                ("dbname", "x"),
                ("host", "h"),
                ("password", "a@b"),
                ("port", "5432"),
                ("user", "u"),
            ],
        );
    }

    #[test]
    fn pairs_are_read_as_libpq_reads_them() {
        is("", &[]);
        is(
            r" host = 'a b' password='it\'s' user=x\ y dbname=''",
            &[
                ("dbname", ""),
                ("host", "a b"),
                ("password", "it's"),
                ("user", "x y"),
            ],
        );
    }

    #[test]
    fn the_environment_fills_in() {
        let variable = |name: &str| match name {
            "PGUSER" => Some("env".to_owned()),
            "PGHOST" => Some("env.example.com".to_owned()),
            "PGPASSWORD" => Some("secret".to_owned()),
            "PGPORT" => Some(String::new()),
            _ => None,
        };
        let address = Address::parse("host=mine", variable).unwrap();
        assert_eq!(address.get("host"), Some("mine"));
        assert_eq!(address.get("user"), Some("env"));
        assert_eq!(address.get("password"), Some("secret"));
        assert_eq!(address.get("port"), None);
        assert!(!format!("{address:?}").contains("secret"));
    }

    #[test]
    fn what_is_wrong_is_named_without_a_value() {
        for (text, said) in [
            ("hunter2", "postgres://user@host:port/database"),
            (
                "mysql://u:hunter2@h/x",
                "postgres://user@host:port/database",
            ),
            ("postgres://u:hunter2%@h/x", "`password` has a `%`"),
            (
                "postgres://u:hunter2@h/x?nope=1",
                "`nope`, which is not supported",
            ),
            ("password='hunter2", "the quote of `password`"),
            ("password=hunter2 hunter2 x=y", "no key=value pair"),
            ("postgres://u@h/x?hunter2", "no `=`"),
            ("postgres://u:hunter2/hunter2@h/x", "`/` is written `%2F`"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{text}: {error}");
        }
    }
}
