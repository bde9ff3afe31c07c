//! Digests: an order-free sum of keyed 128-bit hashes, in a fixed tree (protocol.md section 6).
//!
//! Every key falls into one of 65,536 leaves by a keyed hash. A node's sum is that of its 16 children, so two parties find one
//! difference among millions by comparing five levels. Two levels are kept, since changes are many and questions few; any sum is
//! one of them, or at most 256 additions away.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::hash::Hasher as _;

use siphasher::sip::SipHasher13;
use siphasher::sip128::{Hasher128 as _, SipHasher13 as SipHasher13x128, SipHasher24 as SipHasher24x128};

use crate::entry::{Audience, Content};
use crate::ids::Version;

/// Children of a node.
pub const FANOUT: u32 = 16;
/// Level of the leaves; the root is level 0.
pub const LEAF_LEVEL: u8 = 4;
/// Number of leaves.
pub const LEAVES: u32 = 1 << 16;

/// Sum, modulo 2^128, of the hashes of a set of entries. Equal sums prove equal sets, up to the strength of the hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sum(pub u128);

impl Sum {
    /// Of nothing.
    pub const ZERO: Self = Self(0);

    /// Adds another sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// Takes another sum away.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The keyed hashes of one chassis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DigestKey {
    low: u64,
    high: u64,
}

impl DigestKey {
    pub(crate) fn new(key: u128) -> Self {
        Self { low: key as u64, high: (key >> 64) as u64 }
    }

    /// Where a key lives: the upper 16 bits name the leaf, the rest orders within it.
    pub(crate) fn place(&self, key: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.low, self.high);
        hasher.write(key);
        hasher.finish()
    }

    /// An entry's share of a card's digest: its key, its card part, and whether the forwarding table refused it. A
    /// delete (`None`) has a share only if it was refused.
    pub(crate) fn card_sum(&self, key: &[u8], part: Option<&[u8]>, failed: bool) -> Sum {
        if part.is_none() && !failed {
            return Sum::ZERO;
        }
        let mut hasher = SipHasher13x128::new_with_keys(self.high, self.low);
        hasher.write_u8(u8::from(failed));
        write_bytes(&mut hasher, key);
        match part {
            Some(part) => write_bytes(&mut hasher, part),
            None => hasher.write_u8(0xff),
        }
        Sum(hasher.finish128().as_u128())
    }

    /// An entry's share of a control unit's digest: all of it, version and audience too.
    pub(crate) fn unit_sum(&self, key: &[u8], version: Version, content: Option<&Content>) -> Sum {
        let Some(content) = content else { return Sum::ZERO };
        let mut hasher = SipHasher13x128::new_with_keys(self.low, self.high);
        hasher.write_u32(version.epoch.0);
        hasher.write_u64(version.seq.0);
        write_bytes(&mut hasher, key);
        write_bytes(&mut hasher, &content.card_part);
        match &content.standby_part {
            Some(part) => write_bytes(&mut hasher, part),
            None => hasher.write_u8(0xff),
        }
        if let Audience::Cards(cards) = &content.audience {
            cards.iter().for_each(|card| hasher.write_u16(card.0));
        }
        Sum(hasher.finish128().as_u128())
    }
}

fn write_bytes(hasher: &mut SipHasher13x128, bytes: &[u8]) {
    hasher.write_u32(bytes.len() as u32);
    hasher.write(bytes);
}

/// The code that proves an ack to one unit: SipHash-2-4-128 of `bytes` under the key the card gave that unit.
#[must_use]
pub fn mac(key: u128, bytes: &[u8]) -> u128 {
    let mut hasher = SipHasher24x128::new_with_keys(key as u64, (key >> 64) as u64);
    hasher.write(bytes);
    hasher.finish128().as_u128()
}

/// Leaves in use from which on all leaves are kept: below it a sparse tree is smaller and as quick.
const DENSE: usize = 256;

/// Likewise of a tree of which there may be as many as cards: from here on the sparse one is hardly smaller, and to add up all of it
/// takes long.
const DENSE_OF_MANY: usize = LEAVES as usize / 4;

/// The level that is kept beside the leaves.
const MIDDLE: u8 = 2;

/// Sums of all nodes, for a set that may fill much of the leaves.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// While few leaves are in use, at most so many.
    Few {
        sparse: SparseTree,
        most: usize,
    },
    Many {
        leaves: Vec<Sum>,
        middle: Vec<Sum>,
    },
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self::Few { sparse: SparseTree::default(), most: DENSE }
    }

    /// One of many, such as one for each card.
    pub(crate) fn of_many() -> Self {
        Self::Few { sparse: SparseTree::default(), most: DENSE_OF_MANY }
    }

    fn dense(sparse: &SparseTree) -> Self {
        let mut tree = Self::Many {
            leaves: vec![Sum::ZERO; LEAVES as usize],
            middle: vec![Sum::ZERO; 1 << (4 * MIDDLE)],
        };
        sparse.leaves.iter().for_each(|(leaf, sum)| tree.change(*leaf, *sum, Sum::ZERO));
        tree
    }

    /// Adds `plus` to and takes `minus` from a leaf and everything above it.
    pub(crate) fn change(&mut self, leaf: u32, plus: Sum, minus: Sum) {
        match self {
            Self::Few { sparse, most } => {
                sparse.change(leaf, plus, minus);
                if sparse.leaves.len() > *most {
                    *self = Self::dense(sparse);
                }
            }
            Self::Many { leaves, middle } => {
                let delta = plus.minus(minus);
                let node = leaf >> (4 * (LEAF_LEVEL - MIDDLE));
                for sum in [&mut leaves[leaf as usize], &mut middle[node as usize]] {
                    *sum = sum.plus(delta);
                }
            }
        }
    }

    pub(crate) fn sum(&self, level: u8, node: u32) -> Sum {
        match self {
            Self::Few { sparse, .. } => sparse.sum(level, node),
            Self::Many { leaves, middle } => {
                let (kept, below) = if level > MIDDLE {
                    (leaves, LEAF_LEVEL.saturating_sub(level))
                } else {
                    (middle, MIDDLE - level)
                };
                let first = u64::from(node) << (4 * below);
                let range = usize::try_from(first).ok().map(|first| first..first + (1 << (4 * below)));
                let sums = range.and_then(|range| kept.get(range)).unwrap_or_default();
                sums.iter().fold(Sum::ZERO, |total, sum| total.plus(*sum))
            }
        }
    }
}

/// Sums of few leaves: refused writes, updates that are pending.
#[derive(Clone, Debug, Default)]
pub(crate) struct SparseTree {
    leaves: BTreeMap<u32, Sum>,
}

impl SparseTree {
    pub(crate) fn change(&mut self, leaf: u32, plus: Sum, minus: Sum) {
        let sum = self.leaves.entry(leaf).or_default();
        *sum = sum.plus(plus).minus(minus);
        if *sum == Sum::ZERO {
            self.leaves.remove(&leaf);
        }
    }

    pub(crate) fn sum(&self, level: u8, node: u32) -> Sum {
        let shift = 4 * u32::from(LEAF_LEVEL.saturating_sub(level));
        let first = u64::from(node) << shift;
        let last = first + (1 << shift) - 1;
        let (Ok(first), Ok(last)) = (u32::try_from(first), u32::try_from(last)) else { return Sum::ZERO };
        self.leaves.range(first..=last).fold(Sum::ZERO, |total, (_, sum)| total.plus(*sum))
    }
}

/// The sums of a node's children. A peer may ask for anything: what is not in the tree sums up to nothing.
pub(crate) fn children(level: u8, node: u32, sum: impl Fn(u8, u32) -> Sum) -> [Sum; FANOUT as usize] {
    let (level, first) = (level.saturating_add(1), node.saturating_mul(FANOUT));
    core::array::from_fn(|child| sum(level, first.saturating_add(child as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_on_the_path_to_the_root_and_nowhere_else() {
        let mut tree = Tree::dense(&SparseTree::default());
        let mut sparse = SparseTree::default();
        tree.change(0x1234, Sum(7), Sum::ZERO);
        sparse.change(0x1234, Sum(7), Sum::ZERO);
        for (level, node) in [(0, 0), (1, 1), (2, 0x12), (3, 0x123), (4, 0x1234)] {
            assert_eq!(tree.sum(level, node), Sum(7));
            assert_eq!(sparse.sum(level, node), Sum(7));
            assert_eq!(tree.sum(level, node + 1), Sum::ZERO);
            assert_eq!(sparse.sum(level, node + 1), Sum::ZERO);
        }
        tree.change(0x1234, Sum::ZERO, Sum(7));
        assert_eq!(tree.sum(0, 0), Sum::ZERO);
    }

    #[test]
    fn a_tree_that_fills_says_the_same_before_and_after() {
        for (mut tree, most) in [(Tree::new(), DENSE), (Tree::of_many(), DENSE_OF_MANY)] {
            let mut sparse = SparseTree::default();
            for leaf in 0..most as u32 + 2 {
                let leaf = leaf.wrapping_mul(0x9e37) % LEAVES;
                tree.change(leaf, Sum(1 + u128::from(leaf)), Sum::ZERO);
                sparse.change(leaf, Sum(1 + u128::from(leaf)), Sum::ZERO);
                let few = matches!(tree, Tree::Few { .. });
                assert_eq!(few, sparse.leaves.len() <= most, "{leaf}");
            }
            for (level, node) in [(0, 0), (1, 3), (2, 200), (3, 0x9e3), (4, 0x9e37)] {
                assert_eq!(tree.sum(level, node), sparse.sum(level, node), "{level} {node}");
            }
        }
    }

    #[test]
    fn nodes_out_of_range_are_empty() {
        let all = Tree::dense(&SparseTree { leaves: (0..LEAVES).map(|leaf| (leaf, Sum(1))).collect() });
        assert_eq!([0, 1, 2, 3, 4].map(|level| all.sum(level, 0).0), [65_536, 4_096, 256, 16, 1]);
        for (level, node) in [(0, 1), (1, 16), (2, 256), (3, 4_096), (4, 65_536), (2, u32::MAX)] {
            assert_eq!(all.sum(level, node), Sum::ZERO);
        }
        assert_eq!(Tree::new().sum(9, 70_000), Sum::ZERO);
        assert_eq!(SparseTree::default().sum(0, u32::MAX), Sum::ZERO);
    }

    #[test]
    fn any_node_has_children() {
        let mut tree = Tree::new();
        tree.change(0x1234, Sum(7), Sum::ZERO);
        let sum = |level, node| tree.sum(level, node);
        assert_eq!(children(3, 0x123, sum)[4], Sum(7));
        assert_eq!(children(0, 0, sum)[1], Sum(7));
        for (level, node) in [(u8::MAX, 0), (3, u32::MAX), (u8::MAX, u32::MAX)] {
            assert_eq!(children(level, node, sum), [Sum::ZERO; 16]);
        }
    }

    #[test]
    fn sums_tell_failed_from_applied_and_key_from_part() {
        let key = DigestKey::new(42);
        let applied = key.card_sum(b"ab", Some(b"c"), false);
        assert_ne!(applied, key.card_sum(b"ab", Some(b"c"), true));
        assert_ne!(applied, key.card_sum(b"a", Some(b"bc"), false));
        assert_ne!(applied, DigestKey::new(43).card_sum(b"ab", Some(b"c"), false));
        assert_eq!(key.card_sum(b"ab", None, false), Sum::ZERO);
        assert_ne!(key.card_sum(b"ab", None, true), Sum::ZERO);
    }
}
