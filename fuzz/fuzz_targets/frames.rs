//! See `hitless_fuzz::targets::frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::frames::run(input));
