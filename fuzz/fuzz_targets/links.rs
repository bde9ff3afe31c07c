//! See `hitless_fuzz::links`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::links::run(input));
