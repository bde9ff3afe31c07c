//! The file of the local arbiter.

use std::path::PathBuf;

use hitless_adapters::local_arbiter::parse_record;
use hitless_proto::limits::MAX_UNITS;

use crate::budget::Budget;

/// A member of two fields takes 32 bytes for the 20 that it has in the text, in a vector that grows by doubling; an error
/// quotes a field.
const BUDGET: Budget = Budget { base: 16 * 1024, per_byte: 64 };

/// The input is the file.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        match parse_record(text, PathBuf::from("record"), "c") {
            Ok(record) => assert!(record.in_sync.len() <= MAX_UNITS),
            Err(reason) => assert!(reason.starts_with("record ")),
        }
    });
}
