//! See `hitless_fuzz::targets::packed`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::packed::run(input));
