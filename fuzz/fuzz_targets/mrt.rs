//! See `hitless_fuzz::targets::mrt`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::mrt::run(input));
