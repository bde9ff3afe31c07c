//! See `hitless_fuzz::chassis`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::chassis::run(input));
