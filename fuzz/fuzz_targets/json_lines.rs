//! See `hitless_fuzz::targets::json_lines`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::json_lines::run(input));
