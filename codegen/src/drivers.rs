//! Who else depends on a PostgreSQL driver? The generated crate is the only door to the database.

use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::diagnostic::Diagnostic;
use crate::source::{Sources, Span};

/// Packages that open connections to PostgreSQL, or build SQL for those that do.
const DRIVERS: &[&str] = &[
    "bb8-postgres",
    "cornucopia",
    "cornucopia_async",
    "cornucopia_sync",
    "clorinde",
    "deadpool-diesel",
    "deadpool-postgres",
    "diesel",
    "diesel-async",
    "libpq",
    "libpq-sys",
    "pq-sys",
    "postgres",
    "postgres-protocol",
    "postgres-types",
    "r2d2_postgres",
    "rbatis",
    "sea-orm",
    "sea-query",
    "sqlx",
    "sqlx-core",
    "sqlx-postgres",
    "tokio-postgres",
    "tokio-postgres-rustls",
    "wtx",
    "xitca-postgres",
];

/// Who may: the compiler and the runtime.
const ALLOWED: &[&str] = &["sqlmill", "sqlmill-runtime"];

/// One finding for each driver that a workspace member names in its `Cargo.toml`. `Err` where Cargo cannot say.
pub fn check(root: &Path, sources: &mut Sources) -> Result<Vec<Diagnostic>, String> {
    let manifest = root.join("Cargo.toml");
    if !manifest.exists() {
        return Ok(Vec::new());
    }
    let metadata = MetadataCommand::new()
        .manifest_path(&manifest)
        .no_deps()
        .exec()
        .map_err(|error| format!("cargo metadata failed on {}: {error}", manifest.display()))?;
    let mut found = Vec::new();
    let mut packages = metadata.workspace_packages();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    for package in packages
        .into_iter()
        .filter(|package| !ALLOWED.contains(&package.name.as_str()))
    {
        for dependency in &package.dependencies {
            if !DRIVERS.contains(&dependency.name.as_str()) {
                continue;
            }
            let kind = match dependency.kind {
                DependencyKind::Development => "dev-depends",
                DependencyKind::Build => "build-depends",
                _ => "depends",
            };
            let diagnostic = Diagnostic::error(
                "driver",
                format!(
                    "package `{}` {kind} on the database driver `{}`",
                    package.name, dependency.name
                ),
            )
            .note("the generated crate is the only door to the database")
            .help("write the query in queries/ and call the generated function");
            let key = dependency.rename.as_deref().unwrap_or(&dependency.name);
            found.push(
                match locate(package.manifest_path.as_std_path(), root, key, sources) {
                    Some(span) => diagnostic.at(span),
                    None => diagnostic,
                },
            );
        }
    }
    Ok(found)
}

/// The dependency's key in the manifest.
fn locate(manifest: &Path, root: &Path, key: &str, sources: &mut Sources) -> Option<Span> {
    let text = std::fs::read_to_string(manifest).ok()?;
    let start = key_offset(&text, key)?;
    let name = manifest
        .strip_prefix(root)
        .unwrap_or(manifest)
        .to_string_lossy()
        .replace('\\', "/");
    let known = sources
        .iter()
        .find(|(_, file)| file.path == name)
        .map(|(id, _)| id);
    let file = known.unwrap_or_else(|| sources.add(name, text));
    Some(Span::new(file, start..start + key.len()))
}

/// `key = …`, `key.workspace = …`, `"key" = …`, `[dependencies.key]`.
fn key_offset(text: &str, key: &str) -> Option<usize> {
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let body = &line[indent..];
        let table = body
            .strip_prefix('[')
            .and_then(|table| table.split(']').next())
            .and_then(|table| table.rfind('.'))
            .map(|dot| dot + 2);
        let at = table.unwrap_or_else(|| usize::from(body.starts_with('"')));
        let rest = body.get(at..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix(key)
            && after.starts_with([' ', '\t', '=', '.', '"', ']'])
        {
            return Some(line_start + indent + at);
        }
        line_start += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::key_offset;

    #[test]
    fn finds_a_dependency_in_each_way_of_writing_it() {
        assert_eq!(
            key_offset("[dependencies]\nsqlx = \"1\"\n", "sqlx"),
            Some(15)
        );
        assert_eq!(
            key_offset(
                "[dependencies]\nsqlx-core = \"1\"\n  sqlx.workspace = true\n",
                "sqlx"
            ),
            Some(33)
        );
        assert_eq!(
            key_offset("[dependencies.sqlx]\nversion = \"1\"\n", "sqlx"),
            Some(14)
        );
        assert_eq!(
            key_offset(
                "[target.'cfg(unix)'.dependencies]\n\"sqlx\" = \"1\"\n",
                "sqlx"
            ),
            Some(35)
        );
        assert_eq!(key_offset("[dependencies]\nserde = \"1\"\n", "sqlx"), None);
    }
}
