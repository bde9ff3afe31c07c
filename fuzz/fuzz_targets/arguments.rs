//! See `hitless_fuzz::targets::arguments`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::arguments::run(input));
