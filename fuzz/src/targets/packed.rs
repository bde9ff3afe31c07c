//! Files packed by gzip, xz or bzip2, of any format: the source is chosen by what is unpacked.

use std::io::{Cursor, Read};

use hitless_adapters::source::{Input, read};

use super::sources::drain;
use crate::budget::Budget;

/// What an .xz file may ask for, twice since it is made to grow once; all else is small: bzip2 takes 4 MB, gzip 40 kB, and
/// what is unpacked passes through buffers of 128 KiB. Nothing depends on the length of the input, which is what this
/// target is for: a thousand bytes may be packed in one.
const BUDGET: Budget = Budget { base: 300 * 1024 * 1024, per_byte: 2048 };
/// Bytes that are unpacked at most: what more there is in a file of some kilobytes is more of the same.
const MOST: u64 = 256 * 1024;

/// The input is the file.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let Ok(unpacked) = Input::new(Cursor::new(input.to_vec())) else { return };
        // The second unpacking is none: that of the bytes of the first, which are a file's again.
        let Ok(file) = Input::new(unpacked.take(MOST)) else { return };
        let Ok(mut source) = read("file".to_owned(), file) else { return };
        drain(&mut *source, 2 * MOST as usize);
    });
}
