//! Messages of catching up (protocol.md section 6), the same towards cards and standbys: both are *followers*.

use alloc::vec::Vec;

use crate::digest::Sum;
use crate::entry::{Blob, CardContent};
use crate::ids::{Epoch, ProcessId, Seq, UnitId, Version};
use crate::limits::MAX_FRAME;

/// A follower's channel begins (again): the next op on it names `base` as its predecessor.
///
/// A card keeps its mirror and is *out of step* from here until [`InStep`]. A standby that is told a new epoch first
/// rolls what is pending up to `keep` into its state and drops the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The primary's epoch.
    pub epoch: Epoch,
    /// The process whose channel begins.
    pub process: ProcessId,
    /// Number of this beginning, from the primary; on every message of the channel until the next.
    pub session: u32,
    /// The position the stream goes on from.
    pub base: Version,
    /// The newest op of former epochs that the primary holds: later ones never took effect.
    pub keep: Version,
}

/// The primary found the follower's digest equal to its own: the channel is in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InStep {
    /// The primary's epoch.
    pub epoch: Epoch,
    /// The process.
    pub process: ProcessId,
    /// The beginning it is said of.
    pub session: u32,
}

/// Entries at the version they have at the primary, for a follower that lacks them. Applied where newer than what is
/// held (by a card), or always (by a standby, which has no say before it is in step).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill<E> {
    /// The primary's epoch.
    pub epoch: Epoch,
    /// The process.
    pub process: ProcessId,
    /// The beginning it belongs to.
    pub session: u32,
    /// The entries: [`crate::entry::CardOp`] or [`crate::entry::Update`].
    pub entries: Vec<E>,
}

/// The primary asks a follower for digests, in the channel's order: the answer speaks of the state after every op and
/// fill that was sent before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The primary's epoch.
    pub epoch: Epoch,
    /// The process.
    pub process: ProcessId,
    /// The beginning it belongs to.
    pub session: u32,
    /// What is asked.
    pub question: Question,
}

/// Part of a digest tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The root sum and the count of entries.
    Root,
    /// The sums of the 16 children of each of these nodes of one level (0 is the root), at most `ASK_NODES`.
    Children {
        /// Level of the nodes.
        level: u8,
        /// Their indices, ascending.
        nodes: Vec<u32>,
    },
    /// Everything in these leaves, at most `ASK_LEAVES`.
    Leaves {
        /// Their indices, ascending.
        leaves: Vec<u32>,
        /// Send the card parts too, so that they can be adopted.
        with_parts: bool,
    },
}

/// A follower answers an [`Ask`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tell {
    /// Epoch of the ask.
    pub epoch: Epoch,
    /// The process.
    pub process: ProcessId,
    /// Beginning of the ask.
    pub session: u32,
    /// The answer, of the same shape as the question.
    pub answer: Answer,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The root sum, and how many entries (tombstones not counted).
    Root {
        /// Sum over all entries.
        sum: Sum,
        /// Their number.
        entries: u64,
    },
    /// For each node asked, its 16 children.
    Children(Vec<[Sum; 16]>),
    /// For each leaf asked, what it holds, tombstones too.
    Leaves(Vec<Vec<LeafEntry>>),
}

impl Answer {
    /// Lists leaves, at least one, as long as they fit a frame: the rest is asked for again.
    pub(crate) fn leaves(leaves: impl Iterator<Item = Vec<LeafEntry>>) -> Self {
        let (mut told, mut bytes) = (Vec::new(), 0);
        for leaf in leaves {
            let of_entry = |entry: &LeafEntry| {
                LEAF_ENTRY + entry.key.len() + entry.content.as_ref().map_or(0, |content| content.part.len())
            };
            bytes += leaf.iter().map(of_entry).sum::<usize>();
            if bytes > MAX_FRAME / 2 && !told.is_empty() {
                break;
            }
            told.push(leaf);
        }
        Self::Leaves(told)
    }
}

/// Most bytes of a leaf entry beside its key and part: sum, version, lengths, flags.
const LEAF_ENTRY: usize = 48;

/// One entry of a leaf, as a follower holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafEntry {
    /// Its key.
    pub key: Blob,
    /// The op that wrote it.
    pub version: Version,
    /// Its share of the digest; 0 for a tombstone.
    pub sum: Sum,
    /// The forwarding table refused it.
    pub failed: bool,
    /// It is a tombstone.
    pub deleted: bool,
    /// The card part, where asked for.
    pub content: Option<CardContent>,
}

/// A follower saw a hole, or could not read what was sent on a channel: the primary must begin it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The epoch it happened in.
    pub epoch: Epoch,
    /// The process.
    pub process: ProcessId,
    /// The beginning it happened in.
    pub session: u32,
    /// The position the follower stands at.
    pub at: Seq,
}

/// The sender is fenced: the receiver of the refused message promised a higher epoch (protocol.md section 4, step 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The epoch that was promised.
    pub promised: Epoch,
    /// To whom.
    pub owner: UnitId,
}
