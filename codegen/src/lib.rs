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
pub mod pages;
pub mod parse;
pub mod project;
pub mod prove;
pub mod render;
pub mod resolve;
pub mod scan;
pub mod schema;
pub mod server;
pub mod source;
pub mod texts;
pub mod wire;
pub mod write;

use std::collections::BTreeMap;
use std::thread;

use catalog::{Catalog, TypeKind};
use checked::{Checked, CheckedGroup};
use config::Config;
use describe::Described;
use diagnostic::{Diagnostic, Severity};
use facts::Facts;
use manifest::Manifest;
use pages::{PageDrafts, Pages};
use parse::syntax::{self, Field, Nullity, ParsedFile, ParsedQuery, Role};
use project::QueryFile;
use prove::{ParamOverride, Rules};
use source::Sources;
use texts::{Text, Texts, merge};

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
    /// For each query its own texts, then those beside them.
    pub groups: Vec<Vec<CheckedGroup>>,
    /// Of queries that are read in pages.
    pub pages: Vec<Option<Pages>>,
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
    let Parsed {
        files,
        mut diagnostics,
    } = parsed;
    let mut texts: Vec<Texts> = queries(&files)
        .map(|(_, query)| {
            let mut texts = texts::derive(sources, &catalog, query, &mut diagnostics);
            if texts::bulk::directive(query).is_none() {
                texts::patch::derive(sources, &query.statement, config, &mut texts);
            }
            texts
        })
        .collect();
    let asked = |query: &ParsedQuery| !query.statement.faulty;
    let statements: Vec<&str> = queries(&files)
        .zip(&texts)
        .filter(|((_, query), _)| asked(query))
        .flat_map(|(_, texts)| texts.groups().flat_map(|group| &group.texts))
        .map(|text| text.statement.sql.as_str())
        .collect();
    let mut answers = describe::pass::describe(connection, &catalog, &statements)?.into_iter();
    let mut described: Vec<Vec<Vec<Described>>> = queries(&files)
        .zip(&texts)
        .map(|((_, query), texts)| {
            let mut answer = |_: &Text| match asked(query) {
                true => answers.next().unwrap_or(Described::Unasked),
                false => Described::Unasked,
            };
            texts
                .groups()
                .map(|group| group.texts.iter().map(&mut answer).collect())
                .collect()
        })
        .collect();
    // Texts that name the types which the server gave to the parameters of the author's.
    let mut bulk = Vec::new();
    for (place, (_, query)) in queries(&files).enumerate() {
        let own = described
            .get(place)
            .and_then(|groups| groups.first()?.first());
        let group = texts::bulk::derive(sources, &catalog, query, own, &mut diagnostics);
        bulk.extend(group.map(|group| (place, group)));
    }
    if !bulk.is_empty() {
        let of_groups = bulk.iter().flat_map(|(_, group)| &group.texts);
        let statements: Vec<&str> = of_groups.map(|text| text.statement.sql.as_str()).collect();
        let answers = describe::pass::describe(connection, &catalog, &statements)?;
        for ((place, mut group), answer) in bulk.into_iter().zip(answers) {
            if let Some(copy) = &group.copy
                && !describe::pass::begins_copy(connection, copy)?
            {
                group.copy = None;
            }
            if let (Some(texts), Some(described)) = (texts.get_mut(place), described.get_mut(place))
            {
                texts.beside.push(group);
                described.push(vec![answer]);
            }
        }
    }
    let mut parsed = Parsed { files, diagnostics };
    let groups = on_deep_stack(|| prove(sources, &mut parsed, &catalog, texts, described, rules))?;
    // What a page by cursor may rely on is known only now.
    let drafts: Vec<Option<PageDrafts>> = queries(&parsed.files)
        .zip(&groups)
        .map(|((_, query), groups)| pages::draft(&catalog, query, groups.first()?))
        .collect();
    let statements: Vec<&str> = drafts
        .iter()
        .flatten()
        .flat_map(PageDrafts::texts)
        .collect();
    let answers = match statements.as_slice() {
        [] => Vec::new(),
        statements => describe::pass::describe(connection, &catalog, statements)?,
    };
    on_deep_stack(|| {
        let mut answers = answers.into_iter();
        let pages = drafts.into_iter().zip(&groups).map(|(draft, groups)| {
            let draft = draft?;
            let answers = answers.by_ref().take(draft.texts().count());
            Some(pages::judge(
                &catalog,
                rules,
                groups.first()?,
                draft,
                answers.collect(),
            ))
        });
        let pages = pages.collect();
        conclude(sources, config, parsed, catalog, groups, pages)
    })
}

/// What follows from what the author wrote and what PostgreSQL said of it. Pure, as all that is below.
fn prove(
    sources: &Sources,
    parsed: &mut Parsed,
    catalog: &Catalog,
    texts: Vec<Texts>,
    described: Vec<Vec<Vec<Described>>>,
    rules: &Rules,
) -> Vec<Vec<CheckedGroup>> {
    let Parsed { files, diagnostics } = parsed;
    let mut groups: Vec<Vec<CheckedGroup>> = Vec::new();
    for (((file, query), texts), described) in queries(files).zip(texts).zip(described) {
        let fields = syntax::fields(files, &file.module, &query.params);
        let Texts { own, beside } = texts;
        let of_query = std::iter::once(own).chain(beside).zip(described);
        let mut checked: Vec<CheckedGroup> = Vec::new();
        for (group, described) in of_query {
            let rows = match group.name {
                Some(texts::bulk::NAME) => checked.first().and_then(|own| own.whole().1),
                _ => None,
            };
            let facts = group
                .texts
                .iter()
                .zip(&described)
                .map(|(text, described)| {
                    let said = match rows {
                        Some(rows) => of_elements(rows),
                        None => said(&text.statement, fields),
                    };
                    facts(sources, catalog, rules, &text.statement, &said, described)
                })
                .collect();
            let group = CheckedGroup {
                group,
                described,
                facts,
                merged: None,
            };
            checked.push(merge::merged(catalog, group, diagnostics));
        }
        groups.push(checked);
    }
    groups
}

/// What is reported and emitted.
fn conclude(
    sources: &Sources,
    config: &Config,
    parsed: Parsed,
    catalog: Catalog,
    groups: Vec<Vec<CheckedGroup>>,
    pages: Vec<Option<Pages>>,
) -> Compiled {
    let Parsed {
        files,
        mut diagnostics,
    } = parsed;
    let is_composite = |name: &str| {
        let mut types = catalog.types.values();
        types.any(|found| found.name == name && matches!(found.kind, TypeKind::Composite { .. }))
    };
    diagnostics.extend(parse::unused_types(&files, is_composite));
    let checked = checked(&files, &groups, &pages);
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
        groups,
        pages,
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
        checked(&self.files, &self.groups, &self.pages)
    }

    /// Every text that the crate can send, with the name of its query: what was described, planned and proved. The runtime joins them
    /// anew, by a rule of its own; tests hold the two against each other.
    pub fn texts_sent(&self) -> Vec<(String, &str)> {
        let mut sent = Vec::new();
        let queries = queries(&self.files).zip(&self.groups).zip(&self.pages);
        for (((file, query), groups), pages) in queries {
            let name = format!("{}::{}", file.module, query.name.value);
            // Of many rows nothing else is sent, but for those that go by COPY: its columns are asked for by the author's statement.
            let bulk = groups
                .iter()
                .find(|group| group.group.name == Some(texts::bulk::NAME));
            let group = bulk.or(groups.first());
            let own = group.into_iter().flat_map(|group| &group.group.texts);
            let own = own.filter(|text| bulk.is_some() || text.sent);
            let copy = bulk.and_then(|bulk| bulk.group.copy.as_deref());
            let copy = copy
                .into_iter()
                .flat_map(|copy| [copy, query.statement.sql.as_str()]);
            sent.extend(copy.map(|text| (name.clone(), text)));
            let paged = pages.iter().flat_map(|pages| &pages.texts);
            let paged = paged.flat_map(|made| &made.made);
            sent.extend(own.map(|text| (name.clone(), text.statement.sql.as_str())));
            sent.extend(paged.map(|(text, _)| (name.clone(), text.as_str())));
        }
        sent
    }
}

fn queries(files: &[ParsedFile]) -> impl Iterator<Item = (&ParsedFile, &ParsedQuery)> {
    files
        .iter()
        .flat_map(|file| file.queries.iter().map(move |query| (file, query)))
}

fn checked<'a>(
    files: &'a [ParsedFile],
    groups: &'a [Vec<CheckedGroup>],
    pages: &'a [Option<Pages>],
) -> Vec<Checked<'a>> {
    queries(files)
        .zip(groups)
        .zip(pages)
        .filter_map(|(((file, parsed), groups), pages)| {
            let own = groups.first()?;
            let (described, facts) = own.whole();
            Some(Checked {
                file,
                parsed,
                statement: &parsed.statement,
                params: &own.group.params,
                described,
                facts,
                groups,
                text: None,
                filters: &[],
                choices: &[],
                pages: pages.as_ref(),
            })
        })
        .collect()
}

/// What the author says of a text's parameters.
fn said(text: &syntax::Statement, fields: &[Field]) -> Vec<ParamOverride> {
    let params = text.params.iter();
    params
        .map(|param| {
            let said = param.role != Role::Switch;
            let field = fields
                .iter()
                .find(|field| said && field.name.value == param.name);
            ParamOverride {
                nullable: field
                    .and_then(|field| field.nullity)
                    .map(Nullity::is_nullable),
                elements: field
                    .and_then(|field| field.elements)
                    .map(Nullity::is_nullable),
            }
        })
        .collect()
}

/// Of many rows of parameters: an array may hold NULL where the parameter of one row may be.
fn of_elements(row: &Facts) -> Vec<ParamOverride> {
    row.params
        .iter()
        .map(|param| ParamOverride {
            nullable: Some(false),
            elements: Some(param.nullable.value),
        })
        .collect()
}

fn facts(
    sources: &Sources,
    catalog: &Catalog,
    rules: &Rules,
    text: &syntax::Statement,
    said: &[ParamOverride],
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
    let author = sources.get(text.span.file);
    let line = |offset: u32| Some(author.position(text.author_offset(offset as usize)).line);
    let names: Vec<String> = text.params.iter().map(|param| param.name.clone()).collect();
    let mut facts = prove::prove(&prove::Input {
        catalog,
        statement,
        line: &line,
        rules,
        param_names: &names,
        param_overrides: said,
    });
    if let Described::Utility(found) = described {
        facts.cardinality = prove::cardinality::utility(found);
        facts.access = prove::access::utility(found);
        if found.command == "CALL" {
            for column in &mut facts.columns {
                column.nullable.reason = "may be null: a procedure may set it to NULL".to_owned();
            }
        }
    }
    Some(facts)
}
