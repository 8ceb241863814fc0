//! How the crate is divided, and what each of its packages depends on.

use std::path::{Component, Path};

use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::model::Packages;

/// From a module's directory to that of the crate.
const UP: &str = "../..";

/// `stems` are the modules' directories.
pub(super) fn packages(
    config: &Config,
    runtime: &str,
    stems: &[&str],
) -> (Packages, Option<Diagnostic>) {
    let modules = modules_package(&config.crate_name, stems);
    let line = format!("{modules} = {{ path = \"modules\" }}");
    // The file is its owner's, and Cargo would not even load a workspace in which it names what is not there yet: so the
    // crate is written first, and then the line is asked for.
    let stands = config
        .dependencies
        .as_ref()
        .map(|table| table.contains_key(&modules));
    let manifest = format!("{}/Cargo.toml", config.out);
    if !config.split {
        let advice = (stands == Some(true)).then(|| {
            Diagnostic::warning(
                "config",
                format!("{manifest} depends on `{modules}`, which `split = false` does without"),
            )
            .help(format!("remove `{line}` from its `[dependencies]`"))
        });
        return (Packages::One, advice);
    }
    let advice = (stands == Some(false)).then(|| {
        Diagnostic::warning(
            "config",
            format!("{manifest} does not depend on `{modules}`, which holds the modules"),
        )
        .help(format!("add `{line}` to its `[dependencies]`"))
    });
    let dependencies = match &config.dependencies {
        None => {
            let table: toml::Table = format!("sqlmill-runtime = {runtime}")
                .parse()
                .unwrap_or_default();
            seen_from_below(&table)
        }
        Some(table) => seen_from_below(table),
    };
    let packages = Packages::PerModule {
        modules,
        dependencies,
    };
    (packages, advice)
}

/// No module's package has the name.
fn modules_package(package: &str, stems: &[&str]) -> String {
    let mut name = "modules".to_owned();
    while stems.contains(&name.as_str()) {
        name.push('_');
    }
    format!("{package}-{name}")
}

/// The dependencies with their paths as a module's package has to say them. The packages of the modules are left out.
fn seen_from_below(table: &toml::Table) -> Vec<(String, String)> {
    table
        .iter()
        .filter(|(_, value)| path(value) != Some("modules"))
        .map(|(name, value)| {
            let mut value = value.clone();
            if let Some(path) = path(&value)
                && Path::new(path).is_relative()
            {
                let path = format!("{UP}/{}", without_dot(path));
                if let Some(table) = value.as_table_mut() {
                    table.insert("path".to_owned(), toml::Value::String(path));
                }
            }
            (key(name), value.to_string())
        })
        .collect()
}

fn path(value: &toml::Value) -> Option<&str> {
    value.as_table()?.get("path")?.as_str()
}

fn without_dot(path: &str) -> String {
    let parts: Vec<_> = Path::new(path)
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

/// Names of packages are bare keys, but nothing forbids to quote one.
fn key(name: &str) -> String {
    let bare = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    match bare {
        true => name.to_owned(),
        false => toml::Value::String(name.to_owned()).to_string(),
    }
}
