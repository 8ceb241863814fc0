//! From what the author wrote, what Postgres said and what was proved to what is emitted: names, types, shared structs.
//!
//! The author's marks win over what was proved. Structs are shared so: a query that returns a table's columns, all of them
//! unchanged and in order, returns the table's row type (`tables::User`); queries of a module that name the same struct share
//! it, and must agree on its columns; any other query has its own (`GetUserRow`). A named struct whose name is the row type's
//! own, and whose queries all return the whole table, is the table's row type too.

mod constraints;
mod document;
mod function;
mod ids;
mod names;
mod nested;
mod overrides;
mod packages;
mod query;
mod relied;
mod structs;
mod tables;
mod testing;
mod types;
mod varies;

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::checked::Checked;
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::lint::Waiver;
use crate::model::{self, Model, Module};
use crate::parse::syntax::ParsedFile;
use crate::source::{FileId, Sources, Span};

use query::Draft;
pub(crate) use query::is_named;
use tables::Tables;
use types::Types;

/// Module names that generated crates keep for themselves, and those that Cargo understands in its own way.
const RESERVED_MODULES: [&str; 6] = ["types", "tables", "testing", "lib", "main", "r#mod"];

/// The model of all queries that have facts; with errors among the diagnostics it is not to be emitted.
///
/// `waivers` are those that silenced something, for each of `checked`.
pub fn resolve(
    sources: &Sources,
    catalog: &Catalog,
    config: &Config,
    files: &[ParsedFile],
    checked: &[Checked<'_>],
    waivers: &[Vec<Waiver>],
) -> (Model, Vec<Diagnostic>) {
    let mut resolver = Resolver {
        sources,
        catalog,
        files,
        types: Types::new(catalog, config),
        page_sizes: config.page.unless_default(),
        relied: model::Relied {
            search_path: catalog.search_path.clone(),
            ..model::Relied::default()
        },
        diagnostics: Vec::new(),
    };
    for file in files {
        for declared in &file.types {
            resolver
                .types
                .describe(&declared.name.value, &declared.fields);
        }
    }
    let names = resolver.module_names();
    let none = Vec::new();
    let mut modules: BTreeMap<String, Vec<Draft<'_>>> = BTreeMap::new();
    let mut tables = Tables::new(config);
    for (index, &query) in checked.iter().enumerate() {
        let Some(name) = names.get(query.file.module.as_str()) else {
            continue;
        };
        let waivers = waivers.get(index).unwrap_or(&none);
        if let Some(draft) = resolver.draft(&mut tables, query, waivers) {
            modules.entry(name.clone()).or_default().push(draft);
        }
    }

    let mut finished = Vec::new();
    for (name, drafts) in modules {
        let mut files: Vec<String> = drafts.iter().map(|draft| draft.path.clone()).collect();
        files.dedup();
        let queries = resolver.finish(&mut tables, drafts);
        finished.push(Module {
            name,
            files,
            queries,
        });
    }
    finished.sort_by(|a, b| {
        a.name
            .trim_start_matches("r#")
            .cmp(b.name.trim_start_matches("r#"))
    });
    let tables = tables.finish(&mut resolver);
    resolver.diagnostics.extend(resolver.types.complaints());
    let testing = resolver.testing(config, checked, &tables);
    let (types, clashes) = resolver.types.items();
    for (name, first, second) in clashes {
        resolver.diagnostics.push(
            Diagnostic::error(
                "name-collision",
                format!("the types `{first}` and `{second}` would both be `{name}` in Rust"),
            )
            .help("rename one of them in the schema"),
        );
    }
    let stems: Vec<&str> = finished
        .iter()
        .map(|module| module.name.strip_prefix("r#").unwrap_or(&module.name))
        .collect();
    let (packages, advice) = packages::packages(config, &runtime(config), &stems);
    resolver.diagnostics.extend(advice);
    let mut model = Model {
        package: config.crate_name.clone(),
        runtime: runtime(config),
        packages,
        modules: finished,
        tables,
        types,
        testing,
        relied: resolver.relied,
    };
    derive(&mut model, config);
    (model, resolver.diagnostics)
}

/// `[derive]` of the configuration.
fn derive(model: &mut Model, config: &Config) {
    let attributes = config.derives.attributes();
    let queries = model
        .modules
        .iter_mut()
        .flat_map(|module| &mut module.queries);
    let mut rows = Vec::new();
    let mut params = Vec::new();
    for query in queries {
        rows.extend(query.declares.row.as_mut());
        rows.extend(&mut query.declares.nested);
        params.extend(query.declares.params.as_mut());
    }
    for table in &mut model.tables {
        rows.extend(table.row.as_mut());
        params.extend(table.insert.as_mut());
    }
    let factories = model
        .testing
        .iter_mut()
        .flat_map(|testing| &mut testing.factories);
    rows.extend(factories.filter_map(|factory| factory.declares.as_mut()));
    for row in rows {
        row.derives.extend(config.derives.rows.iter().cloned());
        row.attributes.extend(attributes.iter().cloned());
    }
    for struct_ in params {
        struct_
            .derives
            .extend(config.derives.params.iter().cloned());
    }
}

/// What stands after `sqlmill-runtime =` in a new `Cargo.toml`.
fn runtime(config: &Config) -> String {
    match config.runtime.as_deref() {
        None => format!("{:?}", env!("CARGO_PKG_VERSION")),
        Some("workspace") => "{ workspace = true }".to_owned(),
        Some(path) if path.contains('/') => format!("{{ path = {path:?} }}"),
        Some(version) => format!("{version:?}"),
    }
}

struct Resolver<'a> {
    sources: &'a Sources,
    catalog: &'a Catalog,
    files: &'a [ParsedFile],
    types: Types<'a>,
    page_sizes: Option<(i64, i64)>,
    relied: model::Relied,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Resolver<'a> {
    /// What each module is called in Rust.
    fn module_names(&mut self) -> BTreeMap<&'a str, String> {
        let mut names: BTreeMap<&str, String> = BTreeMap::new();
        let mut taken: BTreeMap<String, (&str, FileId)> = BTreeMap::new();
        for file in self.files {
            if names.contains_key(file.module.as_str()) {
                continue;
            }
            let start = Span::new(file.file, 0..0);
            let path = &self.sources.get(file.file).path;
            let name = names::snake(&file.module);
            let Some(name) = name.filter(|name| !RESERVED_MODULES.contains(&name.as_str())) else {
                self.diagnostics.push(
                    Diagnostic::error(
                        "name",
                        format!("`{}` cannot be the name of a module", file.module),
                    )
                    .at(start)
                    .help(format!("rename {path}; `types`, `tables`, `testing`, `lib`, `main` and `mod` have another meaning in the crate")),
                );
                continue;
            };
            // rustc finds no file for such a module (E0754).
            if !name.is_ascii() {
                self.diagnostics.push(
                    Diagnostic::error(
                        "name",
                        format!("a module cannot be called `{name}`: it has letters beyond ASCII"),
                    )
                    .at(start)
                    .help(format!("rename {path}")),
                );
                continue;
            }
            if let Some((other, first)) = taken.get(&name) {
                self.diagnostics.push(
                    Diagnostic::error(
                        "name-collision",
                        format!(
                            "the modules `{other}` and `{}` would both be `{name}` in Rust",
                            file.module
                        ),
                    )
                    .at(start)
                    .related(Span::new(*first, 0..0), "the first one")
                    .help("rename one of the files, or move its queries into the other"),
                );
                continue;
            }
            taken.insert(name.clone(), (&file.module, file.file));
            names.insert(&file.module, name);
        }
        names
    }
}
