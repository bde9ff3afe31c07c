//! The state of one process at one party: the leaf level of its own digest tree.
//!
//! Entries lie in 65,536 leaves, sorted by keyed hash within a leaf, so that iteration is deterministic, a leaf can be
//! listed for a reconcile, and the digest is kept up to date with every change. An entry is one allocation.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::digest::{DigestKey, LEAVES, SparseTree, Sum, Tree};
use crate::entry::{Audience, Blob, Content};
use crate::ids::{CardId, Epoch, Seq, Version};
use crate::kept::{KeptAt, KeptRow, Lacking, Unkept};
use crate::limits::KEEP_LEAVES;

/// Fixed part of a packed row: version (12), flags (1), lengths of key (2), card part (4) and standby part (4).
const HEAD: usize = 23;
const DELETED: u8 = 1;
const FAILED: u8 = 2;
const NAMED: u8 = 4;
const STANDBY_KNOWN: u8 = 8;

/// One entry or tombstone, as read from the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    packed: &'a [u8],
}

impl<'a> Row<'a> {
    fn number(&self, at: usize, len: usize) -> u64 {
        self.packed[at..at + len].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    fn slice(&self, at: usize, len: usize) -> &'a [u8] {
        &self.packed[at..at + len]
    }

    fn flag(&self, flag: u8) -> bool {
        self.packed[12] & flag != 0
    }

    fn lengths(&self) -> (usize, usize, usize) {
        (self.number(13, 2) as usize, self.number(15, 4) as usize, self.number(19, 4) as usize)
    }

    pub(crate) fn version(&self) -> Version {
        Version { epoch: Epoch(self.number(0, 4) as u32), seq: Seq(self.number(4, 8)) }
    }

    pub(crate) fn key(&self) -> &'a [u8] {
        self.slice(HEAD, self.lengths().0)
    }

    pub(crate) fn deleted(&self) -> bool {
        self.flag(DELETED)
    }

    pub(crate) fn failed(&self) -> bool {
        self.flag(FAILED)
    }

    /// The card part; `None` for a tombstone.
    pub(crate) fn part(&self) -> Option<&'a [u8]> {
        let (key, card, _) = self.lengths();
        (!self.deleted()).then(|| self.slice(HEAD + key, card))
    }

    pub(crate) fn for_all(&self) -> bool {
        !self.flag(NAMED)
    }

    pub(crate) fn audience(&self) -> Audience {
        if self.for_all() {
            return Audience::All;
        }
        let (key, card, standby) = self.lengths();
        let cards = self.packed[HEAD + key + card + standby..].chunks_exact(2);
        Audience::Cards(cards.map(|id| CardId(u16::from_le_bytes([id[0], id[1]]))).collect())
    }

    /// Whole content; `None` for a tombstone.
    pub(crate) fn content(&self) -> Option<Content> {
        let (key, card, standby) = self.lengths();
        Some(Content {
            audience: self.audience(),
            card_part: Blob::new(self.part()?),
            standby_part: self.flag(STANDBY_KNOWN).then(|| Blob::new(self.slice(HEAD + key + card, standby))),
        })
    }

    /// Bytes of all of it.
    pub(crate) fn bytes(&self) -> usize {
        self.packed.len()
    }

    /// Bytes of key and card part: what a resend would have to carry.
    pub(crate) fn card_bytes(&self) -> u64 {
        let (key, card, _) = self.lengths();
        (key + card) as u64
    }
}

fn pack(version: Version, key: &[u8], content: Option<&Content>, failed: bool) -> Box<[u8]> {
    let mut flags = if failed { FAILED } else { 0 };
    let (mut card, mut standby, mut named): (&[u8], &[u8], &[CardId]) = (&[], &[], &[]);
    match content {
        None => flags |= DELETED,
        Some(content) => {
            card = &content.card_part;
            if let Some(part) = &content.standby_part {
                flags |= STANDBY_KNOWN;
                standby = part;
            }
            if let Audience::Cards(cards) = &content.audience {
                flags |= NAMED;
                named = cards;
            }
        }
    }
    let mut packed = Vec::with_capacity(HEAD + key.len() + card.len() + standby.len() + 2 * named.len());
    packed.extend_from_slice(&version.epoch.0.to_le_bytes());
    packed.extend_from_slice(&version.seq.0.to_le_bytes());
    packed.push(flags);
    packed.extend_from_slice(&(key.len() as u16).to_le_bytes());
    packed.extend_from_slice(&(card.len() as u32).to_le_bytes());
    packed.extend_from_slice(&(standby.len() as u32).to_le_bytes());
    packed.extend_from_slice(key);
    packed.extend_from_slice(card);
    packed.extend_from_slice(standby);
    named.iter().for_each(|card| packed.extend_from_slice(&card.0.to_le_bytes()));
    packed.into_boxed_slice()
}

#[derive(Clone, Debug)]
struct Slot {
    place: u64,
    packed: Box<[u8]>,
}

impl Slot {
    fn row(&self) -> Row<'_> {
        Row { packed: &self.packed }
    }
}

/// Leaves in use from which on all of them are kept: an empty process must not cost megabytes.
const DENSE: usize = 256;

/// The leaves, each sorted by place and key.
#[derive(Clone, Debug)]
enum Leaves {
    /// While few are in use; some of them may be empty again.
    Few(BTreeMap<u32, Vec<Slot>>),
    /// All of them.
    Many(Vec<Vec<Slot>>),
}

impl Leaves {
    fn get(&self, leaf: u32) -> &[Slot] {
        let slots = match self {
            Self::Few(few) => few.get(&leaf),
            Self::Many(many) => many.get(leaf as usize),
        };
        slots.map_or(&[], |slots| slots)
    }

    fn get_mut(&mut self, leaf: u32) -> &mut Vec<Slot> {
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

    fn all(&self) -> impl Iterator<Item = &Slot> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few.values()), None),
            Self::Many(many) => (None, Some(many.iter())),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten()).flatten()
    }
}

/// Whose digest the table keeps.
#[derive(Clone, Debug)]
enum Trees {
    /// A card's: over what it holds.
    Card(Tree),
    /// A control unit's: over whole entries, and for each card over what that card should hold.
    Unit { whole: Tree, shared: Tree, named: BTreeMap<CardId, SparseTree> },
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

    /// Bytes of keys and card parts of all entries.
    pub(crate) fn card_bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn leaf_of(&self, key: &[u8]) -> u32 {
        (self.digest.place(key) >> 48) as u32
    }

    fn find(&self, place: u64, key: &[u8]) -> Result<usize, usize> {
        self.leaves
            .get((place >> 48) as u32)
            .binary_search_by(|slot| slot.place.cmp(&place).then_with(|| slot.row().key().cmp(key)))
    }

    /// The row of a key, which may be a tombstone.
    pub(crate) fn row(&self, key: &[u8]) -> Option<Row<'_>> {
        let place = self.digest.place(key);
        let at = self.find(place, key).ok()?;
        Some(self.leaves.get((place >> 48) as u32)[at].row())
    }

    /// Writes an entry (`Some`) or a tombstone (`None`).
    pub(crate) fn write(&mut self, version: Version, key: &[u8], content: Option<&Content>, failed: bool) {
        let place = self.digest.place(key);
        let leaf = (place >> 48) as u32;
        let packed = pack(version, key, content, failed);
        if let Some(unkept) = &mut self.unkept {
            let digest = self.digest;
            unkept.note(key, |key| (digest.place(key) >> 48) as u32);
        }
        match self.find(place, key) {
            Ok(at) => {
                self.account(leaf, at, false);
                self.leaves.get_mut(leaf)[at].packed = packed;
                self.account(leaf, at, true);
            }
            Err(at) => {
                self.leaves.get_mut(leaf).insert(at, Slot { place, packed });
                self.account(leaf, at, true);
            }
        }
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
        let place = self.digest.place(key);
        if let Ok(at) = self.find(place, key) {
            let leaf = (place >> 48) as u32;
            let row = self.leaves.get(leaf)[at].row();
            if row.deleted() && !row.failed() && row.version() == version {
                self.leaves.get_mut(leaf).remove(at);
            }
        }
    }

    /// Adds a row to, or takes it from, the counts and the digests.
    fn account(&mut self, leaf: u32, at: usize, add: bool) {
        let row = self.leaves.get(leaf)[at].row();
        let signed = |sum: Sum| if add { (sum, Sum::ZERO) } else { (Sum::ZERO, sum) };
        if !row.deleted() {
            let bytes = row.card_bytes();
            (self.entries, self.bytes) = if add {
                (self.entries + 1, self.bytes + bytes)
            } else {
                (self.entries - 1, self.bytes - bytes)
            };
        }
        let (plus, minus) = signed(self.digest.card_sum(row.key(), row.part(), row.failed()));
        match &mut self.trees {
            Trees::Card(tree) => tree.change(leaf, plus, minus),
            Trees::Unit { whole, shared, named } => {
                match row.audience() {
                    Audience::All => shared.change(leaf, plus, minus),
                    Audience::Cards(cards) => {
                        cards
                            .iter()
                            .for_each(|card| named.entry(*card).or_default().change(leaf, plus, minus));
                    }
                }
                let content = row.content();
                let (plus, minus) = signed(self.digest.unit_sum(row.key(), row.version(), content.as_ref()));
                whole.change(leaf, plus, minus);
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
        self.leaves.get(leaf).iter().map(Slot::row)
    }

    /// All rows, in leaf order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.leaves.all().map(Slot::row)
    }
}

fn kept_row(leaf: u32, key: Blob, row: Option<Row<'_>>) -> KeptRow {
    let entry = row.and_then(|row| Some((row.version(), row.content()?)));
    KeptRow { leaf, key, entry }
}

#[cfg(test)]
mod tests;
