//! See `hitless_fuzz::targets::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::config::run(input));
