//! libpq's files: parameters of a service by its name, and passwords.
//!
//! What is wrong with a file is told without its text.

use std::fs;
use std::path::{Path, PathBuf};

use crate::address::Address;
use crate::socket::Place;

/// The parameters of a service, from the user's file or the system's.
pub(crate) fn service(
    name: &str,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, String> {
    let given = variable("PGSERVICEFILE").filter(|file| !file.is_empty());
    let own = match given {
        Some(file) => Some(PathBuf::from(file)),
        None => home(variable).map(|home| home.join(".pg_service.conf")),
    };
    let system = variable("PGSYSCONFDIR").map(|place| Path::new(&place).join("pg_service.conf"));
    for file in own.into_iter().chain(system) {
        let Ok(text) = fs::read_to_string(file) else {
            continue;
        };
        if let Some(found) = section(&text, name)? {
            return Ok(found);
        }
    }
    Err(format!("no service file has the service `{name}`"))
}

/// The lines `key=value` below `[name]`.
fn section(text: &str, name: &str) -> Result<Option<Vec<(String, String)>>, String> {
    let mut found: Option<Vec<(String, String)>> = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix('[') {
            match &found {
                Some(_) => break,
                None => found = (title.strip_suffix(']') == Some(name)).then(Vec::new),
            }
            continue;
        }
        let Some(found) = &mut found else {
            continue;
        };
        let Some((key, value)) = line.split_once('=') else {
            return Err(format!("the service `{name}` has a line without `=`"));
        };
        found.push((key.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(found)
}

/// The directory that libpq takes for the user's.
fn home(variable: &impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    match cfg!(windows) {
        true => variable("APPDATA").map(|data| Path::new(&data).join("postgresql")),
        false => variable("HOME").map(PathBuf::from),
    }
}

/// The lines of a password file, and who somebody is that the address does not name.
#[derive(Default)]
pub(crate) struct Passwords {
    lines: Vec<[String; 5]>,
    login: Option<String>,
}

impl Passwords {
    /// The file that the address names, or else the user's, if there is one. One that others can read is no place for passwords.
    pub(crate) fn of(
        address: &mut Address,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let given = address.take("passfile");
        if address.get("password").is_some() {
            return Ok(Self::default());
        }
        let file = match &given {
            Some(file) => Some(PathBuf::from(file)),
            None => home(&variable).map(|home| match cfg!(windows) {
                true => home.join("pgpass.conf"),
                false => home.join(".pgpass"),
            }),
        };
        let read = file.map_or(Err("is not there"), |file| read(&file));
        match (read, given) {
            (Ok(text), _) => Ok(Self {
                lines: text.lines().filter_map(fields).collect(),
                login: variable("USER").or_else(|| variable("USERNAME")),
            }),
            (Err(_), None) => Ok(Self::default()),
            (Err(reason), Some(_)) => Err(format!("the file that `passfile` names {reason}")),
        }
    }

    /// That of the first line that fits.
    pub(crate) fn find(
        &self,
        place: &Place,
        database: Option<&str>,
        user: Option<&str>,
    ) -> Option<&str> {
        let port = place.port().to_string();
        let user = user.or(self.login.as_deref());
        let is = |field: &str, value: Option<&str>| field == "*" || Some(field) == value;
        let fits = |line: &&[String; 5]| {
            let [host, number, of, by, _] = line;
            let here = is(host, Some(&place.name)) || (place.is_local() && host == "localhost");
            here && is(number, Some(&port)) && is(of, database.or(user)) && is(by, user)
        };
        self.lines
            .iter()
            .find(fits)
            .map(|[.., password]| password.as_str())
    }
}

fn read(file: &Path) -> Result<String, &'static str> {
    let about = fs::metadata(file).map_err(|_| "cannot be read")?;
    if !about.is_file() {
        // As `/dev/null`, which says that there are none.
        return Ok(String::new());
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o077 != 0 {
        return Err("can be read by others: chmod 600");
    }
    fs::read_to_string(file).map_err(|_| "cannot be read")
}

/// `host:port:database:user:password`, in which a backslash takes the meaning of what follows away.
fn fields(line: &str) -> Option<[String; 5]> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields: [String; 5] = Default::default();
    let mut index = 0;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ':' if index < 4 => index += 1,
            ':' => break,
            '\\' => fields.get_mut(index)?.extend(characters.next()),
            other => fields.get_mut(index)?.push(other),
        }
    }
    (index >= 4).then_some(fields)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;
    use crate::socket::places;

    const PASSWORDS: &str = "\
# host:port:database:user:password
db.example.com:5432:shop:app:first
db.example.com:*:*:app:se\\:cond\\\\
localhost:5432:*:app:third
*:7:*:other:fo:urth
*:8";

    fn file(name: &str, text: &str) -> PathBuf {
        let name = format!("sqlmill_{}_{name}", std::process::id());
        let file = std::env::temp_dir().join(name);
        fs::write(&file, text).unwrap();
        file
    }

    #[cfg(unix)]
    fn allow(file: &Path, mode: u32) {
        fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn passwords_are_found_as_libpq_finds_them() {
        let file = file("pgpass", PASSWORDS);
        allow(&file, 0o600);
        let path = file.display().to_string();
        let found = |text: &str| {
            let text = format!("passfile='{path}' {text}");
            let mut address = Address::parse(&text, |_| None).unwrap();
            let passwords = Passwords::of(&mut address, |_| None).unwrap();
            let place = places(&mut address.clone()).unwrap().remove(0);
            let found = passwords.find(&place, address.get("dbname"), address.get("user"));
            found.map(str::to_owned)
        };
        for (text, expected) in [
            ("host=db.example.com dbname=shop user=app", Some("first")),
            (
                "host=db.example.com dbname=other user=app",
                Some("se:cond\\"),
            ),
            ("host=db.example.com port=1 user=app", Some("se:cond\\")),
            ("host=/var/run/postgresql user=app", Some("third")),
            ("host=anywhere port=7 user=other", Some("fo")),
            ("host=anywhere port=8 user=other", None),
            ("host=db.example.com user=nobody", None),
            // What the address says comes first.
            ("host=db.example.com user=app password=own", None),
        ] {
            assert_eq!(found(text).as_deref(), expected, "{text}");
        }
        allow(&file, 0o644);
        let refused = |text: &str| {
            let mut address = Address::parse(text, |_| None).unwrap();
            Passwords::of(&mut address, |_| None).err()
        };
        assert_eq!(
            refused(&format!("passfile='{path}'")).as_deref(),
            Some("the file that `passfile` names can be read by others: chmod 600")
        );
        fs::remove_file(&file).unwrap();
        assert_eq!(
            refused(&format!("passfile='{path}'")).as_deref(),
            Some("the file that `passfile` names cannot be read")
        );
        // Nobody asked for one.
        assert_eq!(refused("host=x"), None);
    }

    #[test]
    fn services_are_found_as_libpq_finds_them() {
        let file = file(
            "services",
            "# ours\n[other]\nhost=other\n\n[shop]\nhost=db.example.com\nport = 7\n# not now\ndbname=shop\n[last]\nhost",
        );
        let path = file.display().to_string();
        let variable = |name: &str| match name {
            "PGSERVICEFILE" => Some(path.clone()),
            "PGUSER" => Some("env".to_owned()),
            "PGPORT" => Some("1".to_owned()),
            _ => None,
        };
        let address = Address::parse("service=shop dbname=mine", variable).unwrap();
        let parts = ["host", "port", "dbname", "user", "service"].map(|key| address.get(key));
        // The address, the service, the environment.
        assert_eq!(
            parts,
            [
                Some("db.example.com"),
                Some("7"),
                Some("mine"),
                Some("env"),
                None
            ]
        );
        let by_variable = |name: &str| match name {
            "PGSERVICE" => Some("shop".to_owned()),
            _ => variable(name),
        };
        let address = Address::parse("postgres://", by_variable).unwrap();
        assert_eq!(address.get("host"), Some("db.example.com"));
        for (text, said) in [
            ("service=none", "no service file has the service `none`"),
            ("service=last", "the service `last` has a line without `=`"),
        ] {
            assert_eq!(Address::parse(text, variable).unwrap_err(), said);
        }
        fs::remove_file(&file).unwrap();
    }
}
