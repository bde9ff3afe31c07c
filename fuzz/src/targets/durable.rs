//! What a party reads back from its store: its promises. Damage must be told, never read as another promise.

use hitless_proto::wire::{crc32c, decode_durable, encode_durable};

use crate::budget::Budget;

/// A state has at most some hundred bytes; texts of errors.
const BUDGET: Budget = Budget { base: 8 * 1024, per_byte: 32 };

/// The input as it is, and with a checksum that is right: a fuzzer does not find one.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        check(input);
        let mut mended = input.to_vec();
        mended.extend_from_slice(&crc32c(input).to_le_bytes());
        check(&mended);
    });
}

fn check(bytes: &[u8]) {
    match decode_durable(bytes) {
        Ok(durable) => assert_eq!(encode_durable(&durable), bytes, "two encodings"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
