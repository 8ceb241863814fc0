#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sqlmill_fuzz::reading::queries(data));
