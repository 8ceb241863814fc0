//! Files and trees that are cut off, doubled, or changed in a byte: every reader answers, with findings that lie within the text,
//! and none panics. The same mutations in every run.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use sqlmill::describe::node;
use sqlmill::project::QueryFile;
use sqlmill::source::Sources;
use sqlmill::{config, parse, render, schema};

/// splitmix64
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

/// What readers stumble over.
const ODD: [&str; 30] = [
    "'",
    "\"",
    "$$",
    "$a$",
    "/*",
    "*/",
    "--!",
    "\n--! a (",
    "--:",
    "--@ allow(",
    "--#",
    ":",
    "::",
    ":a",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\\",
    ";",
    "\r\n",
    "\u{feff}",
    "é",
    "\0",
    "E'",
    "U&\"",
    "?",
    "<>",
];

fn mutated(text: &str, random: &mut Random) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(letters.len() + 1);
        let end = (at + random.below(40)).min(letters.len());
        match random.below(5) {
            0 => letters.truncate(at),
            1 => drop(letters.drain(at..end)),
            2 => {
                let copy: Vec<char> = letters[at..end].to_vec();
                letters.splice(at..at, copy);
            }
            _ => {
                let odd = ODD[random.below(ODD.len())];
                letters.splice(at..at, odd.chars());
            }
        }
    }
    letters.into_iter().collect()
}

fn files(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

fn seeds(directory: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    files(&root, extension, &mut found);
    assert!(!found.is_empty());
    found
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn any_text_is_read_as_queries_and_as_a_schema() {
    let mut random = Random(1);
    let mut seeds = seeds("tests/cases", "sql");
    seeds.extend(self::seeds("../queries", "sql"));
    let (mut sound, mut faulty) = (0, 0);
    for seed in &seeds {
        for _ in 0..40 {
            let text = mutated(seed, &mut random);
            let mut sources = Sources::default();
            let file = sources.add("queries/a.sql", text.as_str());
            let module = "a".to_owned();
            let parsed = parse(&sources, &[QueryFile { file, module }]);
            // Every place is in the text: rendering slices by it.
            let shown = render::human(&sources, &parsed.diagnostics, false);
            if shown.is_empty() {
                sound += 1;
            } else {
                faulty += 1;
            }
            let (statements, found) = schema::split(&sources, file);
            render::human(&sources, &found, false);
            assert!(
                statements
                    .iter()
                    .all(|statement| statement.value.len() <= text.len())
            );
            let (_, found) = config::parse(&sources, file);
            render::human(&sources, &found, false);
        }
    }
    assert!(sound > 100 && faulty > 100, "{sound} {faulty}");
}

#[test]
fn any_text_is_read_as_a_tree() {
    let mut random = Random(2);
    let mut trees: Vec<String> = Vec::new();
    for text in seeds("tests/node_text", "txt") {
        // A line that begins with `== ` names the statement whose tree follows.
        for part in text.split("\n== ").filter_map(|part| part.split_once('\n')) {
            trees.push(node::unwrap_lines(part.1.as_bytes()));
        }
    }
    assert!(trees.len() > 20, "{}", trees.len());
    let (mut read, mut refused) = (0, 0);
    for tree in &trees {
        for _ in 0..20 {
            match node::read(&mutated(tree, &mut random)) {
                Ok(_) => read += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(read > 20 && refused > 100, "{read} {refused}");
    // Deep trees are refused rather than followed.
    for open in ["(", "{A :b ", "({X :y "] {
        assert!(node::read(&open.repeat(200_000)).is_err());
    }
}
