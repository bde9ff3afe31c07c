//! The rows of one leaf, one after the other in one allocation: an entry costs little more than its bytes, and a search
//! reads memory in order.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::row::{Row, below_leaf, head};

/// A leaf grows by this part of itself: doubling would leave a third of all memory unused, since all leaves grow alike.
const GROWTH: usize = 16;

/// Rows, sorted by place and key.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaf(Vec<u8>);

impl Leaf {
    /// Where the row of a key begins, or else where it belongs.
    pub(super) fn find(&self, place: u64, key: &[u8]) -> Result<usize, usize> {
        let (place, mut at) = (below_leaf(place), 0);
        while let Some((other, len)) = head(&self.0[at..]) {
            match other.cmp(&place).then_with(|| self.row(at).key().cmp(key)) {
                Ordering::Less => at += len,
                Ordering::Equal => return Ok(at),
                Ordering::Greater => break,
            }
        }
        Err(at)
    }

    /// The row that begins here.
    pub(super) fn row(&self, at: usize) -> Row<'_> {
        Row::at(&self.0[at..])
    }

    /// Puts bytes in the place of the `old` ones that begin here.
    pub(super) fn splice(&mut self, at: usize, old: usize, new: &[u8]) {
        let len = self.0.len();
        if new.len() > old {
            let more = new.len() - old;
            if self.0.capacity() - len < more {
                self.0.reserve_exact(more.max(len / GROWTH));
            }
            self.0.resize(len + more, 0);
        }
        self.0.copy_within(at + old..len, at + new.len());
        self.0[at..at + new.len()].copy_from_slice(new);
        self.0.truncate(len - old + new.len());
        if self.0.capacity() > 2 * self.0.len() {
            self.0.shrink_to_fit();
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let mut rest: &[u8] = &self.0;
        core::iter::from_fn(move || {
            let row = (!rest.is_empty()).then(|| Row::at(rest))?;
            rest = &rest[row.len()..];
            Some(row)
        })
    }
}
