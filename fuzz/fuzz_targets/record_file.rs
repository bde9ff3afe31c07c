//! See `hitless_fuzz::targets::record_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::record_file::run(input));
