//! See `hitless_fuzz::targets::recordings`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::recordings::run(input));
