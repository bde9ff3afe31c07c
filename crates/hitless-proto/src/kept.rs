//! What a control unit keeps in a store of its own, for when all units die: which rows the store does not have yet, and what
//! is given to it next. It is behind the state, and never waited for (ADR 11).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::entry::{Blob, Content};
use crate::ids::{CardId, ProcessId, Version};
use crate::limits::MAX_UNKEPT;
use crate::table::Lack;

/// What is to be stored in one transaction: first the leaves are emptied, then the rows are written.
///
/// Whatever number of these is stored, in their order, the store holds each key as of the position it was told last, or
/// newer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepBatch {
    /// Whose state it is.
    pub process: ProcessId,
    /// Leaves of which everything that is stored goes. What they hold now is among the rows.
    pub cleared: Vec<u32>,
    /// What keys hold now.
    pub rows: Vec<KeptRow>,
    /// With this batch the store holds the whole state as of this position.
    pub at: Option<KeptAt>,
}

/// A position as of which a state is kept: up to here all of it was stable, and what is kept may be newer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptAt {
    /// The last op of the state.
    pub version: Version,
    /// The cards that were in step, had applied all of it and refused nothing, ascending. Of these it is known that what their
    /// forwarding tables hold and the state does not is newer, even where they have forgotten the versions.
    pub in_step: Vec<CardId>,
}

impl KeepBatch {
    pub(crate) fn of(process: ProcessId, ((cleared, rows), at): (Lack, Option<KeptAt>)) -> Self {
        Self { process, cleared, rows, at }
    }
}

/// What one key holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRow {
    /// The leaf that the key falls into.
    pub leaf: u32,
    /// The key.
    pub key: Blob,
    /// The entry; `None`: there is none, and what is stored goes.
    pub entry: Option<(Version, Content)>,
}

/// An entry as it was stored.
pub type KeptEntry = (Blob, Version, Content);

/// Where a table was written, key by key while they are few, else leaf by leaf.
#[derive(Clone, Debug, Default)]
struct Changed {
    keys: Vec<Blob>,
    leaves: BTreeSet<u32>,
}

impl Changed {
    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.leaves.is_empty()
    }
}

/// Something that the store does not have.
pub(crate) enum Lacking {
    Leaf(u32),
    Key(Blob),
}

/// What the store of one table lacks.
///
/// Changes are given out in groups: a group is closed at a position, and when all of it is given out the store has everything
/// up to there. What is changed meanwhile belongs to the next group, so that a table which is never at rest is kept too.
#[derive(Clone, Debug)]
pub(crate) struct Unkept {
    /// As of where the store was when this life began.
    base: KeptAt,
    group: Changed,
    closed_at: KeptAt,
    /// The position of the group was not given out yet.
    due: bool,
    next: Changed,
}

impl Unkept {
    pub(crate) fn new(base: KeptAt) -> Self {
        Self {
            base,
            group: Changed::default(),
            closed_at: KeptAt::default(),
            due: false,
            next: Changed::default(),
        }
    }

    /// The state of a table was as of here when this life began; `None`: nothing is known of it.
    pub(crate) fn base(&self) -> Option<&KeptAt> {
        Some(&self.base).filter(|base| base.version > Version::ZERO)
    }

    /// A row was written.
    pub(crate) fn note(&mut self, key: &[u8], leaf_of: impl Fn(&[u8]) -> u32) {
        self.next.keys.push(Blob::new(key));
        if self.next.keys.len() >= MAX_UNKEPT {
            let leaves = self.next.keys.drain(..).map(|key| leaf_of(&key));
            self.next.leaves.extend(leaves);
        }
    }

    /// Nothing is known any more of what the store holds in these leaves.
    pub(crate) fn note_leaves(&mut self, leaves: impl Iterator<Item = u32>) {
        self.next.keys.clear();
        self.next.leaves.extend(leaves);
    }

    /// Closes a group where the last one was given out: there may be nothing in it but a position. `false`: there is nothing
    /// to store. `at`: up to where the table is whole.
    pub(crate) fn close(&mut self, at: KeptAt) -> bool {
        if !self.due && (!self.next.is_empty() || at != self.closed_at) {
            self.group = core::mem::take(&mut self.next);
            self.group.keys.sort_unstable();
            self.group.keys.dedup();
            (self.closed_at, self.due) = (at, true);
        }
        self.due
    }

    /// The next of the group.
    pub(crate) fn pop(&mut self) -> Option<Lacking> {
        let leaf = self.group.leaves.pop_first().map(Lacking::Leaf);
        leaf.or_else(|| self.group.keys.pop().map(Lacking::Key))
    }

    /// As of where the store is with what was given out, where that was the last of a group.
    pub(crate) fn reached(&mut self) -> Option<KeptAt> {
        let last = self.group.is_empty() && core::mem::take(&mut self.due);
        last.then(|| self.closed_at.clone())
    }

    /// How many keys and leaves wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        [&self.group, &self.next].iter().map(|changed| changed.keys.len() + changed.leaves.len()).sum()
    }
}
