//! See `hitless_fuzz::targets::messages`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::messages::run(input));
