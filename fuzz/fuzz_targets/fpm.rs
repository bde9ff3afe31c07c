//! See `hitless_fuzz::targets::fpm`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::fpm::run(input));
