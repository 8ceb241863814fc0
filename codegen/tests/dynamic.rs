//! What `docs/dynamic.md` shows of sqlmill, sqlx and diesel is, word for word, what a case and `bench/` compile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(path)).unwrap()
}

/// The code blocks of a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let open = format!("```{language}\n");
    let rest = page.split(&open).skip(1);
    rest.map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// What stands between the markers, without its indentation.
fn regions(text: &str) -> Vec<String> {
    let mut regions: Vec<String> = Vec::new();
    let mut inside = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("// dynamic.md: ") {
            inside = Some(line.len() - trimmed.len());
            regions.push(String::new());
        } else if trimmed == "// end" {
            inside = None;
        } else if let (Some(indent), Some(region)) = (inside, regions.last_mut()) {
            region.push_str(line.get(indent..).unwrap_or_default());
            region.push('\n');
        }
    }
    regions
}

#[test]
fn what_is_shown_is_what_is_compiled() {
    let page = file("docs/dynamic.md");
    let mut shown = blocks(&page, "rust");
    let mut compiled: Vec<String> = [
        "codegen/tests/cases/texts/side_by_side.test.rs",
        "bench/src/side_by_side/by_sqlx.rs",
        "bench/src/side_by_side/by_diesel.rs",
    ]
    .iter()
    .flat_map(|path| regions(&file(path)))
    .collect();
    shown.sort();
    compiled.sort();
    assert_eq!(shown, compiled);
}

#[test]
fn the_queries_that_are_shown_are_those_of_the_case() {
    let page = file("docs/dynamic.md");
    let case = file("codegen/tests/cases/texts/side_by_side.sql");
    let schema = case
        .split("-- ==== schema\n")
        .nth(1)
        .and_then(|rest| rest.split("\n\n-- ====").next());
    let queries = case.split("-- ==== queries reports\n").nth(1).unwrap();
    let (queries, _) = queries.split_once("-- Not shown").unwrap();
    let expected: Vec<&str> = schema
        .into_iter()
        .chain(queries.split("\n\n").filter(|query| !query.is_empty()))
        .collect();
    let shown = blocks(&page, "sql");
    let ours = shown.iter().enumerate();
    let ours = ours.filter(|(place, block)| *place == 0 || block.starts_with("--! "));
    let ours: Vec<&str> = ours.map(|(_, block)| block.trim_end()).collect();
    assert_eq!(ours, expected);
}
