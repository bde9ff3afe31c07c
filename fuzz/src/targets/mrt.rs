//! MRT dumps and updates.

use hitless_adapters::source::{MrtRib, MrtUpdates};

use super::sources::{drain, input_of};
use crate::budget::Budget;

/// Two buffers of 128 KiB. A prefix of one byte (a default route withdrawn) becomes a prefix with its family and flags, a
/// change, and a key, some 250 bytes, in vectors and queues that grow by doubling; an attribute of three bytes some 100.
const BUDGET: Budget = Budget { base: 512 * 1024, per_byte: 2048 };
/// Items of one input: a byte is one withdrawal at most, or a next hop and a route.
const ITEMS_PER_BYTE: usize = 2;

/// The first byte chooses the source; the rest is the file. Both sources are given every kind of record.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let Some((kind, input)) = input.split_first() else { return };
        let Some(file) = input_of(input) else { return };
        let most = ITEMS_PER_BYTE * input.len() + 2;
        if kind & 1 == 0 {
            drain(&mut MrtRib::new("file".to_owned(), file), most);
        } else {
            drain(&mut MrtUpdates::new("file".to_owned(), file), most);
        }
    });
}
