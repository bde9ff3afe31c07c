//! See `hitless_fuzz::targets::text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::text::run(input));
