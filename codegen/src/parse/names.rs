//! Names: may they stand in Rust, are they declared, and once?

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::nearest::nearest;
use crate::source::{FileId, Span, Spanned};

use super::syntax::nested_names;
use super::syntax::{Field, ParsedFile, ParsedQuery, StructAttributes, StructUse, TypeAnnotation};

/// Names that Rust accepts in no form, `r#` included.
pub(super) const RESERVED: [&str; 5] = ["_", "crate", "self", "super", "Self"];

pub(super) fn check_rust_name(
    name: &Spanned<String>,
    what: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut letters = name.value.chars();
    let begins = letters
        .next()
        .is_some_and(|letter| letter.is_alphabetic() || letter == '_');
    let why = if RESERVED.contains(&name.value.as_str()) {
        "Rust reserves this name"
    } else if !begins {
        "a name begins with a letter or `_`"
    } else if !letters.all(|letter| letter.is_alphanumeric() || letter == '_') {
        "a name has only letters, digits and `_`"
    } else {
        return;
    };
    diagnostics.push(
        Diagnostic::error(
            "name",
            format!("`{}` cannot be the name of {what}", name.value),
        )
        .at(name.span)
        .label(why)
        .help("use another name"),
    );
}

/// What only all files of a module together can tell: each name once, and each type that a query names declared.
pub fn check_names(files: &[ParsedFile]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for module in modules(files).values() {
        check_module(module, &mut diagnostics);
    }
    diagnostics
}

/// A row's struct needs no `--:` line where there is nothing to say of it: `: User` declares `User`, for all queries of the
/// module that name it. A name that is nearly that of a type of the module is left for [`check_names`] to object to.
pub fn declare_rows(files: &mut [ParsedFile]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut declared: Vec<(FileId, TypeAnnotation)> = Vec::new();
    for module in modules(files).values() {
        let inline = queries(module)
            .flat_map(|query| [&query.params, &query.row])
            .filter_map(|used| match used {
                StructUse::Inline(annotation) => Some(&annotation.name),
                StructUse::Implicit(_) | StructUse::Named(_) => None,
            });
        let known: Vec<&str> = module
            .iter()
            .flat_map(|file| file.types.iter().map(|declared| &declared.name))
            .chain(inline)
            .map(|name| name.value.as_str())
            .collect();
        let mut names = BTreeSet::new();
        for name in row_names(module) {
            if nearest(&name.value, known.iter().copied()).is_none() && names.insert(&name.value) {
                check_rust_name(name, "a type", &mut diagnostics);
                declared.push((
                    name.span.file,
                    TypeAnnotation {
                        name: name.clone(),
                        fields: Vec::new(),
                        attributes: StructAttributes::default(),
                    },
                ));
            }
        }
    }
    for (id, annotation) in declared {
        if let Some(file) = files.iter_mut().find(|file| file.file == id) {
            file.types.push(annotation);
        }
    }
    diagnostics
}

/// `--:` lines that no query names and that are no composite type of the schema (Cornucopia's files describe those by
/// `--:` lines of the composite's name).
pub fn unused_types(files: &[ParsedFile], is_composite: impl Fn(&str) -> bool) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for module in modules(files).values() {
        let used = |name: &str| {
            queries(module)
                .flat_map(|query| [&query.params, &query.row])
                .any(|named| matches!(named, StructUse::Named(named) if named.value == name))
                || row_names(module).any(|named| named.value == name)
        };
        for declared in module.iter().flat_map(|file| &file.types) {
            let name = declared.name.value.as_str();
            if !used(name) && !is_composite(name) {
                diagnostics.push(
                    Diagnostic::warning("unused-type", format!("no query uses the type `{name}`"))
                        .at(declared.name.span)
                        .help("name it in a `--!` line of this module, or delete the line"),
                );
            }
        }
    }
    diagnostics
}

fn modules(files: &[ParsedFile]) -> BTreeMap<&str, Vec<&ParsedFile>> {
    let mut modules: BTreeMap<&str, Vec<&ParsedFile>> = BTreeMap::new();
    for file in files {
        modules.entry(&file.module).or_default().push(file);
    }
    modules
}

fn queries<'a>(module: &'a [&'a ParsedFile]) -> impl Iterator<Item = &'a ParsedQuery> {
    module.iter().flat_map(|file| &file.queries)
}

/// The structs that are named for rows: of queries, and of what stands in their columns.
fn row_names<'a>(module: &'a [&'a ParsedFile]) -> impl Iterator<Item = &'a Spanned<String>> {
    let is_row = move |name: &Spanned<String>| {
        queries(module)
            .any(|query| matches!(&query.row, StructUse::Named(row) if row.span == name.span))
    };
    let of_queries = queries(module).flat_map(|query| match &query.row {
        StructUse::Named(name) => vec![name],
        StructUse::Implicit(fields) => nested_names(fields),
        StructUse::Inline(annotation) => nested_names(&annotation.fields),
    });
    let declared = module.iter().flat_map(|file| &file.types);
    of_queries
        .chain(declared.flat_map(|annotation| nested_names(&annotation.fields)))
        // `(config: Value)` says that JSON stays what it is.
        .filter(move |name| name.value != "Value" || is_row(name))
}

fn check_module(module: &[&ParsedFile], diagnostics: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    for query in queries(module) {
        once(&mut first, &query.name, "query", diagnostics);
    }
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    let declared: Vec<&TypeAnnotation> = module.iter().flat_map(|file| &file.types).collect();
    for annotation in &declared {
        once(&mut first, &annotation.name, "type", diagnostics);
    }
    for query in queries(module) {
        for used in [&query.params, &query.row] {
            if let StructUse::Inline(annotation) = used {
                once(&mut first, &annotation.name, "type", diagnostics);
            }
        }
    }
    for name in row_names(module) {
        let named = |annotation: &&TypeAnnotation| annotation.name.value == name.value;
        let is_row = queries(module)
            .any(|query| matches!(&query.row, StructUse::Named(row) if row.span == name.span));
        if !is_row && !declared.iter().any(named) {
            diagnostics.push(undeclared(name, "struct of a column", module));
        }
    }
    for query in queries(module) {
        for (used, what) in [(&query.params, "parameters"), (&query.row, "row")] {
            let StructUse::Named(name) = used else {
                continue;
            };
            match declared
                .iter()
                .find(|annotation| annotation.name.value == name.value)
            {
                Some(annotation) if what == "parameters" => {
                    check_params(query, &annotation.fields, Some(name.span), diagnostics);
                }
                Some(_) => {}
                // That there are none is told already.
                None if what == "parameters" && query.statement.params.is_empty() => {}
                None => diagnostics.push(undeclared(name, what, module)),
            }
        }
    }
}

fn undeclared(name: &Spanned<String>, what: &str, module: &[&ParsedFile]) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(
        "unknown-type",
        format!("the type `{}` is not declared", name.value),
    )
    .at(name.span)
    .label(format!("named as the {what} here"));
    let inline = queries(module)
        .flat_map(|query| [&query.params, &query.row])
        .find_map(|used| match used {
            StructUse::Inline(annotation) if annotation.name.value == name.value => {
                Some(annotation.name.span)
            }
            StructUse::Inline(_) | StructUse::Named(_) | StructUse::Implicit(_) => None,
        });
    let declared = module.iter().flat_map(|file| &file.types);
    if let Some(span) = inline {
        diagnostic = diagnostic.related(span, "declared for this query alone").help(format!(
            "to share it, declare it on a line of its own, `--: {0}()`, and write `{0}` in both queries",
            name.value
        ));
    } else if let Some(known) = nearest(
        &name.value,
        declared.map(|declared| declared.name.value.as_str()),
    ) {
        diagnostic = diagnostic.help(format!("did you mean `{known}`?"));
    } else {
        diagnostic = diagnostic.help(format!(
            "declare it here with `{0}()`, or for several queries with a line `--: {0}()`",
            name.value
        ));
    }
    diagnostic
}

fn once<'a>(
    first: &mut BTreeMap<&'a str, Span>,
    name: &'a Spanned<String>,
    what: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    match first.get(name.value.as_str()) {
        Some(&span) => diagnostics.push(
            Diagnostic::error(
                "duplicate-name",
                format!(
                    "two of this module's {} are named `{}`",
                    plural(what),
                    name.value
                ),
            )
            .at(name.span)
            .related(span, "the first one")
            .help("give one of them another name"),
        ),
        None => {
            first.insert(&name.value, name.span);
        }
    }
}

fn plural(what: &str) -> &str {
    if what == "query" { "queries" } else { "types" }
}

/// Each field that is declared for the parameters stands in the SQL. `at` is where a shared type is named.
pub(super) fn check_params(
    query: &ParsedQuery,
    fields: &[Field],
    at: Option<Span>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let known = || {
        query
            .statement
            .params
            .iter()
            .map(|param| param.name.as_str())
    };
    for field in fields {
        if let Some(row) = nested_names(std::slice::from_ref(field)).first() {
            diagnostics.push(
                Diagnostic::error("annotation", "a parameter takes no struct of this name")
                    .at(row.span)
                    .help("name the structs of columns, behind the second colon: `--! q (param?) : (posts: Post)`"),
            );
        }
        let name = field.name.value.as_str();
        if known().any(|param| param == name) {
            continue;
        }
        let mut diagnostic = Diagnostic::error(
            "unused-parameter",
            format!("`{}` does not use the parameter `{name}`", query.name.value),
        );
        diagnostic = match at {
            Some(at) => diagnostic
                .at(at)
                .label(format!("declares `{name}`"))
                .related(field.span, "declared here"),
            None => diagnostic
                .at(field.span)
                .label(format!("`:{name}` is not in the SQL")),
        };
        let help = match nearest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => match known()
                .map(|param| format!("`:{param}`"))
                .collect::<Vec<_>>()
            {
                params if params.is_empty() => "the SQL has no parameters".to_owned(),
                params => format!("the SQL has {}", params.join(", ")),
            },
        };
        diagnostics.push(diagnostic.help(help));
    }
}
