//! What the fuzzer runs. The tests of the compiler and of the runtime run the same on the corpus.

pub mod reading;
pub mod values;
