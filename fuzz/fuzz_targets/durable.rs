//! See `hitless_fuzz::targets::durable`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::durable::run(input));
