//! Reads a project's files from disk into [`Sources`].

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Sources};

/// Where a project's files lie, as absolute paths or relative to the working directory.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Paths in messages and in the manifest are relative to this.
    pub root: PathBuf,
    pub schema: PathBuf,
    pub queries: PathBuf,
    pub out: PathBuf,
}

/// The rule of what could not be read, or written: sqlmill could not run.
pub const UNREADABLE: &str = "io";

impl Layout {
    /// A crate whose directory holds what it is made of, or lies among the queries, would be read as queries, or mixed up with the
    /// author's files.
    pub fn fault(&self) -> Option<Diagnostic> {
        let out = real(&self.out);
        let sources = [
            (&self.schema, "the schema"),
            (&self.queries, "the queries"),
            (&self.root, "the project"),
        ];
        let inside = sources
            .iter()
            .find(|(path, _)| real(path).starts_with(&out));
        let why = match inside {
            Some((path, what)) if real(path) == out => {
                format!("is the directory of {what}")
            }
            Some((_, what)) => format!("holds {what}"),
            None if out.starts_with(real(&self.queries)) => "lies among the queries".to_owned(),
            None => return None,
        };
        Some(
            Diagnostic::error(
                "config",
                format!("the crate cannot be generated into {}: it {why}", self.out.display()),
            )
            .help("give the crate a directory of its own: `out = \"generated\"` in sqlmill.toml, or --out"),
        )
    }
}

/// The path without links, `.` and `..`; of what is not there yet, the part that is.
fn real(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    let mut there = path;
    loop {
        if let Ok(real) = there.canonicalize() {
            return missing
                .iter()
                .rev()
                .fold(real, |path: PathBuf, part| match part {
                    Component::ParentDir => path.parent().map_or(path.clone(), Path::to_owned),
                    part => path.join(part),
                });
        }
        let (Some(parent), Some(last)) = (there.parent(), there.components().next_back()) else {
            return path.to_owned();
        };
        missing.push(last);
        there = parent;
    }
}

/// A query file and the module that it belongs to.
#[derive(Debug, Clone)]
pub struct QueryFile {
    pub file: FileId,
    pub module: String,
}

#[derive(Debug)]
pub struct Loaded {
    pub schema: Option<FileId>,
    pub queries: Vec<QueryFile>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the schema and every `.sql` file below `queries`, in the order of their names.
pub fn load(layout: &Layout, sources: &mut Sources) -> Loaded {
    let mut loaded = Loaded {
        schema: None,
        queries: Vec::new(),
        diagnostics: Vec::new(),
    };
    loaded.schema = read_into(
        layout,
        &layout.schema,
        sources,
        &mut loaded.diagnostics,
        |diagnostic| {
            diagnostic.help("write the schema there (`pg_dump -s` output will do), or name another file with --schema")
        },
    );
    match query_paths(&layout.queries) {
        Ok(paths) => {
            for (module, path) in paths {
                let Some(file) = read_into(layout, &path, sources, &mut loaded.diagnostics, |found| found) else {
                    continue;
                };
                loaded.queries.push(QueryFile { file, module });
            }
        }
        Err((path, error)) => loaded.diagnostics.push(
            Diagnostic::error(UNREADABLE, format!("cannot read {}: {error}", shown(layout, &path)))
                .help("put query files at `queries/<domain>.sql` or `queries/<domain>/<name>.sql`, or name another directory with --queries"),
        ),
    }
    loaded
}

/// What is known of the generated package.
#[derive(Debug, Clone)]
pub struct Package {
    /// What it depends on, where its `Cargo.toml` is there already: that file is its owner's.
    pub dependencies: Option<toml::Table>,
    /// It has a feature `testing`, or will have one.
    pub testing: bool,
}

pub fn package(layout: &Layout) -> Result<Package, String> {
    let path = layout.out.join("Cargo.toml");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Package {
                dependencies: None,
                testing: true,
            });
        }
        Err(error) => return Err(format!("cannot read {}: {error}", shown(layout, &path))),
    };
    let manifest: toml::Table = text
        .parse()
        .map_err(|error| format!("{} is not TOML: {error}", shown(layout, &path)))?;
    let table = |name| manifest.get(name).and_then(toml::Value::as_table);
    Ok(Package {
        dependencies: Some(table("dependencies").cloned().unwrap_or_default()),
        testing: table("features").is_some_and(|features| features.contains_key("testing")),
    })
}

/// The schema file as a path from the generated package's `src/`, with `/`.
pub fn schema_from_src(layout: &Layout) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (schema, src) = (absolute(&layout.schema), absolute(&layout.out.join("src")));
    let shared = schema
        .components()
        .zip(src.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = src.components().skip(shared).map(|_| "..".into());
    let down = schema
        .components()
        .skip(shared)
        .map(|part| part.as_os_str().to_string_lossy());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// Of the layout's root where the path lies below it, with `/` on every system.
pub fn shown(layout: &Layout, path: &Path) -> String {
    path.strip_prefix(&layout.root)
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}

fn read_into(
    layout: &Layout,
    path: &Path,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
    advise: impl FnOnce(Diagnostic) -> Diagnostic,
) -> Option<FileId> {
    let name = shown(layout, path);
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            diagnostics.push(advise(Diagnostic::error(
                UNREADABLE,
                format!("cannot read {name}: {error}"),
            )));
            return None;
        }
    };
    if bytes.len() > u32::MAX as usize {
        diagnostics.push(Diagnostic::error(
            UNREADABLE,
            format!("{name} is larger than 4 GiB"),
        ));
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(sources.add(name, text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..valid]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count()
                + 1;
            diagnostics.push(
                Diagnostic::error(
                    "encoding",
                    format!("{name} is not UTF-8: line {line} has a byte that does not belong"),
                )
                .help("save the file as UTF-8"),
            );
            None
        }
    }
}

type Paths = Vec<(String, PathBuf)>;

/// `queries/users.sql` and `queries/users/*.sql`, as (module, path), sorted.
fn query_paths(root: &Path) -> Result<Paths, (PathBuf, io::Error)> {
    let mut found = Vec::new();
    for path in sorted(root)? {
        if path.is_dir() {
            for inner in sorted(&path)? {
                if inner.is_dir() {
                    let reason =
                        "a directory inside a domain's directory is not read; move its files up";
                    if has_sql(&inner)? {
                        return Err((inner, io::Error::other(reason)));
                    }
                } else if is_sql(&inner) {
                    found.push((name(&path), file(inner)?));
                }
            }
        } else if is_sql(&path) {
            found.push((stem(&path), file(path)?));
        }
    }
    found.sort();
    Ok(found)
}

/// Not a pipe or a device, which may have no end. What cannot be looked at is told when it is read.
fn file(path: PathBuf) -> Result<PathBuf, (PathBuf, io::Error)> {
    match fs::metadata(&path) {
        Ok(found) if !found.is_file() => Err((path, io::Error::other("it is not a file"))),
        Ok(_) | Err(_) => Ok(path),
    }
}

fn sorted(directory: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let fail = |error| (directory.to_owned(), error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn has_sql(directory: &Path) -> Result<bool, (PathBuf, io::Error)> {
    Ok(sorted(directory)?.iter().any(|path| is_sql(path)))
}

fn is_sql(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
