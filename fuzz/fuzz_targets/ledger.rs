//! See `hitless_fuzz::targets::ledger`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::ledger::run(input));
