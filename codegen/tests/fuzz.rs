//! What the fuzzer is seeded with, and what it found, through the functions that it calls.

#![allow(clippy::unwrap_used)]

#[path = "../../fuzz/src/reading.rs"]
#[allow(unreachable_pub, reason = "another crate has it, too")]
mod reading;

use std::fs;
use std::path::Path;

fn each(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut ran = 0;
    for entry in fs::read_dir(corpus.join(target)).unwrap() {
        let path = entry.unwrap().path();
        // Shown where it fails.
        println!("{}", path.display());
        run(&fs::read(path).unwrap());
        ran += 1;
    }
    assert!(ran > 4, "{ran}");
}

#[test]
fn texts_are_tokens() {
    each("scan", reading::scan);
}

#[test]
fn files_are_queries() {
    each("queries", reading::queries);
}

#[test]
fn trees_are_lowered() {
    each("tree", reading::tree);
}
