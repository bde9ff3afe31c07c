//! The state of one process at one party: the leaf level of its own digest tree.
//!
//! Entries lie in 65,536 leaves, sorted by keyed hash within a leaf, so that iteration is deterministic, a leaf can be
//! listed for a reconcile, and the digest is kept up to date with every change. A leaf is one allocation.

mod leaf;
mod row;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use self::leaf::Leaf;
use self::row::{leaf_of, pack};
use crate::digest::{DigestKey, LEAVES, Sum, Tree};
use crate::entry::{Audience, Blob, Content};
use crate::ids::{CardId, Seq, Version};
use crate::kept::{KeptAt, KeptRow, Lacking, Unkept};
use crate::limits::KEEP_LEAVES;

pub(crate) use self::row::Row;

/// Leaves in use from which on all of them are kept: an empty process must not cost megabytes.
const DENSE: usize = 256;

/// The leaves, each sorted by place and key.
#[derive(Clone, Debug)]
enum Leaves {
    /// While few are in use; some of them may be empty again.
    Few(BTreeMap<u32, Leaf>),
    /// All of them.
    Many(Vec<Leaf>),
}

impl Leaves {
    fn get(&self, leaf: u32) -> Option<&Leaf> {
        match self {
            Self::Few(few) => few.get(&leaf),
            Self::Many(many) => many.get(leaf as usize),
        }
    }

    fn get_mut(&mut self, leaf: u32) -> &mut Leaf {
        if let Self::Few(few) = self
            && few.len() >= DENSE
        {
            let mut few = core::mem::take(few);
            *self = Self::Many((0..LEAVES).map(|leaf| few.remove(&leaf).unwrap_or_default()).collect());
        }
        match self {
            Self::Few(few) => few.entry(leaf).or_default(),
            Self::Many(many) => &mut many[leaf as usize],
        }
    }

    /// The first leaf that may have rows, from this one on.
    fn used_from(&self, leaf: u32) -> Option<u32> {
        match self {
            Self::Few(few) => few.range(leaf..).next().map(|(leaf, _)| *leaf),
            Self::Many(_) => (leaf < LEAVES).then_some(leaf),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Leaf> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few.values()), None),
            Self::Many(many) => (None, Some(many.iter())),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten())
    }
}

/// What a row adds to the counts and the digests.
#[derive(Default)]
struct Share {
    entry: bool,
    /// Of key and card part.
    bytes: u64,
    audience: Audience,
    card: Sum,
    /// At a control unit.
    unit: Sum,
}

impl Share {
    fn of(row: &Row<'_>, digest: &DigestKey, is_unit: bool) -> Self {
        let entry = !row.deleted();
        let (audience, unit) = if is_unit {
            let content = row.content();
            (row.audience(), digest.unit_sum(row.key(), row.version(), content.as_ref()))
        } else {
            (Audience::All, Sum::ZERO)
        };
        let bytes = if entry { row.card_bytes() } else { 0 };
        Self { entry, bytes, audience, card: digest.card_sum(row.key(), row.part(), row.failed()), unit }
    }
}

/// What a write replaced.
#[derive(Debug, Default)]
pub(crate) struct Former {
    /// For whom the entry was, at a control unit; `None`: there was none.
    pub(crate) audience: Option<Audience>,
    /// A forwarding table had refused it.
    pub(crate) failed: bool,
}

/// Where the row of a key is, or belongs: its place, and where in its leaf.
type Spot = (u64, Result<usize, usize>);

/// Whose digest the table keeps.
#[derive(Clone, Debug)]
enum Trees {
    /// A card's: over what it holds.
    Card(Tree),
    /// A control unit's: over whole entries, and for each card over what that card should hold.
    Unit { whole: Tree, shared: Tree, named: BTreeMap<CardId, Tree> },
}

/// The state of one process.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    digest: DigestKey,
    leaves: Leaves,
    trees: Trees,
    entries: u64,
    bytes: u64,
    /// Of a control unit that keeps its state.
    unkept: Option<Unkept>,
}

/// Leaves to be emptied, and what keys hold now.
pub(crate) type Lack = (Vec<u32>, Vec<KeptRow>);

impl Table {
    pub(crate) fn for_card(digest: DigestKey) -> Self {
        Self::new(digest, Trees::Card(Tree::new()))
    }

    pub(crate) fn for_unit(digest: DigestKey) -> Self {
        Self::new(digest, Trees::Unit { whole: Tree::new(), shared: Tree::new(), named: BTreeMap::new() })
    }

    fn new(digest: DigestKey, trees: Trees) -> Self {
        Self { digest, leaves: Leaves::Few(BTreeMap::new()), trees, entries: 0, bytes: 0, unkept: None }
    }

    pub(crate) fn digest(&self) -> &DigestKey {
        &self.digest
    }

    /// Entries held, tombstones not counted.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// The highest position of a row, of whatever epoch. Reads all of them.
    pub(crate) fn last(&self) -> Seq {
        self.rows().map(|row| row.version().seq).max().unwrap_or_default()
    }

    /// Bytes of keys and card parts of all entries.
    pub(crate) fn card_bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn leaf_of(&self, key: &[u8]) -> u32 {
        leaf_of(self.digest.place(key))
    }

    /// The row of a key, which may be a tombstone.
    pub(crate) fn row(&self, key: &[u8]) -> Option<Row<'_>> {
        self.row_at(self.spot(key))
    }

    /// Writes an entry (`Some`) or a tombstone (`None`).
    pub(crate) fn write(
        &mut self,
        version: Version,
        key: &[u8],
        content: Option<&Content>,
        failed: bool,
    ) -> Former {
        let spot = self.spot(key);
        self.put(spot, key, &pack(spot.0, version, key, content, failed))
    }

    /// Likewise, unless what is held is not older.
    pub(crate) fn write_over_older(&mut self, version: Version, key: &[u8], content: Option<&Content>) {
        let spot = self.spot(key);
        if self.row_at(spot).is_none_or(|row| row.version() < version) {
            self.put(spot, key, &pack(spot.0, version, key, content, false));
        }
    }

    fn spot(&self, key: &[u8]) -> Spot {
        let place = self.digest.place(key);
        let leaf = self.leaves.get(leaf_of(place));
        (place, leaf.map_or(Err(0), |leaf| leaf.find(place, key)))
    }

    fn row_at(&self, (place, at): Spot) -> Option<Row<'_>> {
        Some(self.leaves.get(leaf_of(place))?.row(at.ok()?))
    }

    fn put(&mut self, (place, at): Spot, key: &[u8], packed: &[u8]) -> Former {
        let number = leaf_of(place);
        if let Some(unkept) = &mut self.unkept {
            let digest = self.digest;
            unkept.note(key, |key| leaf_of(digest.place(key)));
        }
        let leaf = self.leaves.get_mut(number);
        let (digest, is_unit) = (&self.digest, matches!(self.trees, Trees::Unit { .. }));
        let mut former = Former::default();
        let (at, len, old) = match at {
            Ok(at) => {
                let row = leaf.row(at);
                let share = Share::of(&row, digest, is_unit);
                former =
                    Former { audience: share.entry.then(|| share.audience.clone()), failed: row.failed() };
                (at, row.len(), Some(share))
            }
            Err(at) => (at, 0, None),
        };
        leaf.splice(at, len, packed);
        let new = Share::of(&leaf.row(at), digest, is_unit);
        self.account(number, old, &new);
        former
    }

    /// From now on it is noted what a store lacks that holds the state as of `base`.
    pub(crate) fn keep(&mut self, base: KeptAt) {
        self.unkept.get_or_insert_with(|| Unkept::new(base));
    }

    /// Writes an entry that the store holds.
    pub(crate) fn restore(&mut self, version: Version, key: &[u8], content: &Content) {
        let unkept = self.unkept.take();
        self.write(version, key, Some(content), false);
        self.unkept = unkept;
    }

    /// As of where the state was that this table began with.
    pub(crate) fn base(&self) -> Option<&KeptAt> {
        self.unkept.as_ref().and_then(Unkept::base)
    }

    /// An empty table in place of this one, of whose store nothing is left to stand.
    pub(crate) fn emptied(&self) -> Self {
        let mut table = Self::for_unit(self.digest);
        table.unkept = self.unkept.as_ref().map(|_| Unkept::new(KeptAt::default()));
        table.keep_anew();
        table
    }

    /// The store is to be given everything again.
    pub(crate) fn keep_anew(&mut self) {
        self.unkept.iter_mut().for_each(|unkept| unkept.note_leaves(0..LEAVES));
    }

    /// What the store is to be given next: about `most` rows, and as of where it is then, which is known with the last of a
    /// group. `at`: as of where this table is.
    pub(crate) fn take_unkept(&mut self, most: usize, at: KeptAt) -> Option<(Lack, Option<KeptAt>)> {
        let mut unkept = self.unkept.take()?;
        let (mut cleared, mut rows) = (Vec::new(), Vec::new());
        let any = unkept.close(at);
        while rows.len() < most && cleared.len() < KEEP_LEAVES {
            match unkept.pop() {
                None => break,
                Some(Lacking::Leaf(leaf)) => {
                    cleared.push(leaf);
                    let held = self.leaf(leaf).filter(|row| !row.deleted());
                    rows.extend(held.map(|row| kept_row(leaf, Blob::new(row.key()), Some(row))));
                }
                Some(Lacking::Key(key)) => {
                    let row = self.row(&key);
                    rows.push(kept_row(self.leaf_of(&key), key, row));
                }
            }
        }
        let reached = unkept.reached();
        self.unkept = Some(unkept);
        any.then_some(((cleared, rows), reached))
    }

    /// Forgets a tombstone that was written by `version` and is final.
    pub(crate) fn forget(&mut self, version: Version, key: &[u8]) {
        let spot = self.spot(key);
        let (Ok(at), Some(row)) = (spot.1, self.row_at(spot)) else { return };
        if row.deleted() && !row.failed() && row.version() == version {
            let len = row.len();
            self.leaves.get_mut(leaf_of(spot.0)).splice(at, len, &[]);
        }
    }

    /// Takes the old share of a row from the counts and the digests, and adds the new one.
    fn account(&mut self, leaf: u32, old: Option<Share>, new: &Share) {
        let old = old.unwrap_or_default();
        self.entries = self.entries - u64::from(old.entry) + u64::from(new.entry);
        self.bytes = self.bytes - old.bytes + new.bytes;
        match &mut self.trees {
            Trees::Card(tree) => tree.change(leaf, new.card, old.card),
            Trees::Unit { whole, shared, named } => {
                let (mut plus, mut minus) = (Sum::ZERO, Sum::ZERO);
                for (share, sum, is_new) in [(&old, &mut minus, false), (new, &mut plus, true)] {
                    match &share.audience {
                        Audience::All => *sum = share.card,
                        Audience::Cards(cards) => {
                            let change =
                                if is_new { (share.card, Sum::ZERO) } else { (Sum::ZERO, share.card) };
                            cards.iter().for_each(|card| {
                                let tree = named.entry(*card).or_insert_with(Tree::of_many);
                                tree.change(leaf, change.0, change.1);
                            });
                        }
                    }
                }
                shared.change(leaf, plus, minus);
                whole.change(leaf, new.unit, old.unit);
            }
        }
    }

    /// Digest node of what `card` holds or should hold, before refusals are taken into account.
    pub(crate) fn card_sum(&self, card: CardId, level: u8, node: u32) -> Sum {
        match &self.trees {
            Trees::Card(tree) => tree.sum(level, node),
            Trees::Unit { shared, named, .. } => {
                let named = named.get(&card).map_or(Sum::ZERO, |tree| tree.sum(level, node));
                shared.sum(level, node).plus(named)
            }
        }
    }

    /// Digest node over whole entries.
    pub(crate) fn unit_sum(&self, level: u8, node: u32) -> Sum {
        match &self.trees {
            Trees::Card(tree) => tree.sum(level, node),
            Trees::Unit { whole, .. } => whole.sum(level, node),
        }
    }

    /// The rows of one leaf, in its order.
    pub(crate) fn leaf(&self, leaf: u32) -> impl Iterator<Item = Row<'_>> {
        self.leaves.get(leaf).into_iter().flat_map(Leaf::rows)
    }

    /// The first leaf that may have rows, from this one on.
    pub(crate) fn leaf_from(&self, leaf: u32) -> Option<u32> {
        self.leaves.used_from(leaf)
    }

    /// All rows, in leaf order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.leaves.all().flat_map(Leaf::rows)
    }
}

fn kept_row(leaf: u32, key: Blob, row: Option<Row<'_>>) -> KeptRow {
    let entry = row.and_then(|row| Some((row.version(), row.content()?)));
    KeptRow { leaf, key, entry }
}

#[cfg(test)]
mod tests;
