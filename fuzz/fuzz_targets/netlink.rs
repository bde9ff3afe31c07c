//! See `hitless_fuzz::targets::netlink`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hitless_fuzz::targets::netlink::run(input));
