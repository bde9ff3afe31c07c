//! See `hitless_fuzz::targets::fib`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::fib::run(input));
