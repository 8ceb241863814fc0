//! What the fuzzer is seeded with, and what it found, through the function that it calls.

use std::fs;
use std::path::Path;

use crate::readers;

#[test]
fn values_are_read_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/values");
    let mut ran = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        // Shown where it fails.
        println!("{}", path.display());
        readers::values(&fs::read(path).unwrap());
        ran += 1;
    }
    assert!(ran > 80, "{ran}");
}
