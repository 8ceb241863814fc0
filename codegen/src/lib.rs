//! sqlmill compiles annotated SQL files and a schema into a checked Rust crate. PostgreSQL itself is the front end.
//!
//! [`compile`] is the whole pipeline. Each stage takes plain data and returns a new type; only [`server`], [`wire`],
//! [`catalog::read`] and [`describe::pass`] talk to PostgreSQL, only [`project`], [`mod@write`], [`server`], [`drivers`] and
//! [`cli`] to the disk.

pub mod catalog;
pub mod check;
pub mod checked;
pub mod cli;
pub mod config;
pub mod describe;
pub mod diagnostic;
pub mod drivers;
pub mod emit;
pub mod explain;
pub mod facts;
pub mod falsify;
pub mod lint;
pub mod manifest;
pub mod model;
pub mod nearest;
pub mod parse;
pub mod project;
pub mod prove;
pub mod render;
pub mod resolve;
pub mod scan;
pub mod schema;
pub mod server;
pub mod source;
pub mod wire;
pub mod write;

use std::collections::BTreeMap;
use std::thread;

use catalog::{Catalog, TypeKind};
use checked::Checked;
use config::Config;
use describe::Described;
use diagnostic::{Diagnostic, Severity};
use facts::Facts;
use manifest::Manifest;
use parse::syntax::{self, Field, Nullity, ParsedFile, ParsedQuery};
use project::QueryFile;
use prove::{ParamOverride, Rules};
use source::Sources;

/// What the author wrote, before anybody asks PostgreSQL.
#[derive(Debug)]
pub struct Parsed {
    pub files: Vec<ParsedFile>,
    pub diagnostics: Vec<Diagnostic>,
}

/// What PostgreSQL said and what follows, by query, in the order of the files.
#[derive(Debug)]
pub struct Compiled {
    pub files: Vec<ParsedFile>,
    pub catalog: Catalog,
    pub described: Vec<Described>,
    /// `None` where the reader or PostgreSQL refused the statement.
    pub facts: Vec<Option<Facts>>,
    pub diagnostics: Vec<Diagnostic>,
    /// Path below the output directory, and text. `None` where there are errors.
    pub output: Option<BTreeMap<String, String>>,
}

/// The first half of the pipeline: no server is needed.
pub fn parse(sources: &Sources, queries: &[QueryFile]) -> Parsed {
    let (mut files, mut diagnostics) = (Vec::new(), Vec::new());
    for query in queries {
        let (file, found) = parse::parse_file(sources, query.file, &query.module);
        files.push(file);
        diagnostics.extend(found);
    }
    diagnostics.extend(parse::declare_rows(&mut files));
    diagnostics.extend(parse::check_names(&files));
    Parsed { files, diagnostics }
}

/// The second half: `connection` is to a database that holds the schema.
pub fn compile(
    sources: &Sources,
    config: &Config,
    parsed: Parsed,
    connection: &mut wire::Connection,
    rules: &Rules,
) -> Result<Compiled, wire::Error> {
    let catalog = catalog::read::read(connection)?;
    let statements: Vec<&str> = queries(&parsed.files)
        .filter(|(_, query)| !query.statement.faulty)
        .map(|(_, query)| query.statement.sql.as_str())
        .collect();
    let mut answers = describe::pass::describe(connection, &catalog, &statements)?.into_iter();
    let described = queries(&parsed.files)
        .map(|(_, query)| match query.statement.faulty {
            true => Described::Unasked,
            false => answers.next().unwrap_or(Described::Unasked),
        })
        .collect();
    on_deep_stack(|| conclude(sources, config, parsed, catalog, described, rules))
}

/// What follows from what the author wrote and what PostgreSQL said of it. Pure.
fn conclude(
    sources: &Sources,
    config: &Config,
    parsed: Parsed,
    catalog: Catalog,
    described: Vec<Described>,
    rules: &Rules,
) -> Compiled {
    let Parsed {
        files,
        mut diagnostics,
    } = parsed;
    let facts: Vec<Option<Facts>> = queries(&files)
        .zip(&described)
        .map(|((file, query), described)| {
            let fields = syntax::fields(&files, &file.module, &query.params);
            facts(sources, &catalog, rules, query, fields, described)
        })
        .collect();
    let is_composite = |name: &str| {
        let mut types = catalog.types.values();
        types.any(|found| found.name == name && matches!(found.kind, TypeKind::Composite { .. }))
    };
    diagnostics.extend(parse::unused_types(&files, is_composite));
    let checked = checked(&files, &described, &facts);
    let findings = lint::lint(sources, &catalog, config, &checked);
    let waivers = &findings.waivers;
    let (model, found) = resolve::resolve(sources, &catalog, config, &files, &checked, waivers);
    diagnostics.extend(findings.diagnostics);
    diagnostics.extend(found);
    let failed = diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    let output = (!failed).then(|| output(sources, &model));
    Compiled {
        files,
        catalog,
        described,
        facts,
        diagnostics,
        output,
    }
}

/// Proofs recurse as deep as a tree is, which `describe::node` bounds at some thousand levels: more than a test's or a
/// service's thread may have room for.
fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, wire::Error> {
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("proofs".to_owned())
            .stack_size(64 << 20)
            .spawn_scoped(scope, work)
            .map_err(|source| wire::Error::Io {
                doing: "cannot start a thread".to_owned(),
                source,
            })?;
        worker
            .join()
            .map_err(|_| wire::Error::Protocol("the proofs failed".to_owned()))
    })
}

/// The crate's files, and the manifest of them.
fn output(sources: &Sources, model: &model::Model) -> emit::Files {
    let mut files = emit::emit(model);
    let inputs = sources
        .iter()
        .map(|(_, file)| (file.path.as_str(), file.text.as_str()));
    let manifest = Manifest::new(model, inputs, &files).text();
    files.insert(manifest::PATH.to_owned(), manifest);
    files
}

impl Compiled {
    pub fn checked(&self) -> Vec<Checked<'_>> {
        checked(&self.files, &self.described, &self.facts)
    }
}

fn queries(files: &[ParsedFile]) -> impl Iterator<Item = (&ParsedFile, &ParsedQuery)> {
    files
        .iter()
        .flat_map(|file| file.queries.iter().map(move |query| (file, query)))
}

fn checked<'a>(
    files: &'a [ParsedFile],
    described: &'a [Described],
    facts: &'a [Option<Facts>],
) -> Vec<Checked<'a>> {
    queries(files)
        .zip(described)
        .zip(facts)
        .map(|(((file, parsed), described), facts)| Checked {
            file,
            parsed,
            described,
            facts: facts.as_ref(),
        })
        .collect()
}

fn facts(
    sources: &Sources,
    catalog: &Catalog,
    rules: &Rules,
    query: &ParsedQuery,
    fields: &[Field],
    described: &Described,
) -> Option<Facts> {
    let utility;
    let statement = match described {
        Described::Statement(statement) => statement,
        // Nothing is known of it but its types: the proofs answer with care.
        Described::Utility(found) => {
            utility = describe::Statement {
                params: found.params.clone(),
                columns: found.columns.clone(),
                queries: Vec::new(),
                plan_error: None,
            };
            &utility
        }
        Described::Refused(_) | Described::Unasked => return None,
    };
    let author = sources.get(query.statement.span.file);
    let line = |offset: u32| {
        Some(
            author
                .position(query.statement.author_offset(offset as usize))
                .line,
        )
    };
    let names: Vec<String> = query
        .statement
        .params
        .iter()
        .map(|param| param.name.clone())
        .collect();
    let overrides: Vec<ParamOverride> = names
        .iter()
        .map(|name| {
            let field = fields.iter().find(|field| field.name.value == *name);
            ParamOverride {
                nullable: field
                    .and_then(|field| field.nullity)
                    .map(Nullity::is_nullable),
                elements: field
                    .and_then(|field| field.elements)
                    .map(Nullity::is_nullable),
            }
        })
        .collect();
    let mut facts = prove::prove(&prove::Input {
        catalog,
        statement,
        line: &line,
        rules,
        param_names: &names,
        param_overrides: &overrides,
    });
    if let Described::Utility(found) = described {
        facts.cardinality = prove::cardinality::utility(found);
        facts.access = prove::access::utility(found);
    }
    Some(facts)
}
