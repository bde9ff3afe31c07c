//! A target that must fail, in each of the ways in which a target can: what finds nothing here would find nothing elsewhere.
#![no_main]

use hitless_fuzz::budget::Budget;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    Budget { base: 4096, per_byte: 16 }.watch(input, |input| match input {
        b"panic" => panic!("a canary"),
        b"overflow" => assert!(input.iter().sum::<u8>() > 0),
        b"hang" => std::thread::sleep(std::time::Duration::from_secs(60)),
        b"memory" => drop(std::hint::black_box(vec![1_u8; 5000])),
        _ => {}
    });
});
