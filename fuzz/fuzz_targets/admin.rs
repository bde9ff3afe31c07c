//! See `hitless_fuzz::targets::admin`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::admin::run(input));
