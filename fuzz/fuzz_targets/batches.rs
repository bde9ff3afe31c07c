//! See `hitless_fuzz::targets::batches`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::batches::run(input));
