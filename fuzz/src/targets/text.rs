//! Text files of routes and next hops.

use hitless_adapters::source::TextFile;

use super::sources::{drain, input_of};
use crate::budget::Budget;

/// Two buffers of 128 KiB, and the 64 synthetic next hops of each family. A byte is held as input, as line, and as parts
/// of a change and the texts of its error.
const BUDGET: Budget = Budget { base: 384 * 1024, per_byte: 256 };
/// Synthetic next hops come before the first route of each family.
const SYNTHETIC: usize = 2 * 64;

/// The input is the file.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let Some(file) = input_of(input) else { return };
        drain(&mut TextFile::new("file".to_owned(), file), SYNTHETIC + input.len() + 2);
    });
}
