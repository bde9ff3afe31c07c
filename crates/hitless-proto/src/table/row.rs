//! One entry or tombstone as bytes, as it lies in a leaf.
//!
//! ```text
//! place below the leaf (4)  version (12)  flags (1)  lengths of key, card part, standby part (3 or 10)
//! number of named cards (2, if any)  key  card part  standby part  named cards (2 each)
//! ```

use smallvec::SmallVec;

use crate::entry::{Audience, Blob, Content};
use crate::ids::{CardId, Epoch, Seq, Version};

const DELETED: u8 = 1;
const FAILED: u8 = 2;
const NAMED: u8 = 4;
const STANDBY_KNOWN: u8 = 8;
/// A length does not fit a byte.
const LONG: u8 = 16;

/// Bytes of the place that are kept, those behind the two that say in which leaf the row lies. What they do not tell apart, keys do.
const PLACE: usize = 4;
const EPOCH: usize = PLACE;
const SEQ: usize = EPOCH + 4;
const FLAGS: usize = SEQ + 8;
const LENGTHS: usize = FLAGS + 1;
/// What no row is shorter than.
const HEAD: usize = LENGTHS + 3;
/// What a row weighs beside key, parts and named cards where a reconcile counts bytes: about what they take on the wire.
const HEAD_WEIGHT: usize = 23;

/// A row that is about to be written; most fit without an allocation.
pub(super) type Packed = SmallVec<[u8; 128]>;

/// One entry or tombstone, as read from the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    packed: &'a [u8],
}

/// Where the parts of a row are.
struct Shape {
    key: usize,
    card: usize,
    standby: usize,
    cards: usize,
    end: usize,
}

fn bytes<const N: usize>(packed: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&packed[at..at + N]);
    bytes
}

impl<'a> Row<'a> {
    /// The row at the begin of `bytes`, which may go on.
    pub(super) fn at(bytes: &'a [u8]) -> Self {
        let end = Row { packed: bytes }.shape().end;
        Self { packed: &bytes[..end] }
    }

    fn shape(&self) -> Shape {
        let packed = self.packed;
        let (key, card, standby, mut at) = if self.flag(LONG) {
            let long = |at| u32::from_le_bytes(bytes(packed, at)) as usize;
            let key = u16::from_le_bytes(bytes(packed, LENGTHS)) as usize;
            (key, long(LENGTHS + 2), long(LENGTHS + 6), LENGTHS + 10)
        } else {
            let [key, card, standby] = bytes(packed, LENGTHS).map(usize::from);
            (key, card, standby, LENGTHS + 3)
        };
        let mut named = 0;
        if self.flag(NAMED) {
            named = usize::from(u16::from_le_bytes(bytes(packed, at)));
            at += 2;
        }
        let (card_at, standby_at, cards) = (at + key, at + key + card, at + key + card + standby);
        Shape { key: at, card: card_at, standby: standby_at, cards, end: cards + 2 * named }
    }

    fn flag(&self, flag: u8) -> bool {
        self.packed[FLAGS] & flag != 0
    }

    /// Bytes that it takes in the leaf.
    pub(super) fn len(&self) -> usize {
        self.packed.len()
    }

    pub(crate) fn version(&self) -> Version {
        let epoch = u32::from_le_bytes(bytes(self.packed, EPOCH));
        Version { epoch: Epoch(epoch), seq: Seq(u64::from_le_bytes(bytes(self.packed, SEQ))) }
    }

    pub(crate) fn key(&self) -> &'a [u8] {
        let shape = self.shape();
        &self.packed[shape.key..shape.card]
    }

    pub(crate) fn deleted(&self) -> bool {
        self.flag(DELETED)
    }

    pub(crate) fn failed(&self) -> bool {
        self.flag(FAILED)
    }

    /// The card part; `None` for a tombstone.
    pub(crate) fn part(&self) -> Option<&'a [u8]> {
        let shape = self.shape();
        (!self.deleted()).then(|| &self.packed[shape.card..shape.standby])
    }

    pub(crate) fn for_all(&self) -> bool {
        !self.flag(NAMED)
    }

    pub(crate) fn audience(&self) -> Audience {
        if self.for_all() {
            return Audience::All;
        }
        let cards = self.packed[self.shape().cards..].chunks_exact(2);
        Audience::Cards(cards.map(|id| CardId(u16::from_le_bytes([id[0], id[1]]))).collect())
    }

    /// Whole content; `None` for a tombstone.
    pub(crate) fn content(&self) -> Option<Content> {
        let part = self.part()?;
        let shape = self.shape();
        Some(Content {
            audience: self.audience(),
            card_part: Blob::new(part),
            standby_part: self
                .flag(STANDBY_KNOWN)
                .then(|| Blob::new(&self.packed[shape.standby..shape.cards])),
        })
    }

    /// What all of it weighs in a comparison of costs.
    pub(crate) fn weight(&self) -> usize {
        let shape = self.shape();
        HEAD_WEIGHT + shape.end - shape.key
    }

    /// Bytes of key and card part: what a resend would have to carry.
    pub(crate) fn card_bytes(&self) -> u64 {
        let shape = self.shape();
        (shape.standby - shape.key) as u64
    }
}

/// Place and length of the row at the begin of `bytes`, if there is one: all that a search reads of most rows.
pub(super) fn head(bytes: &[u8]) -> Option<(u32, usize)> {
    let head: &[u8; HEAD] = bytes.first_chunk()?;
    let place = u32::from_le_bytes(*head.first_chunk()?);
    let len = if head[FLAGS] & (LONG | NAMED) == 0 {
        HEAD + head[LENGTHS..].iter().copied().map(usize::from).sum::<usize>()
    } else {
        Row::at(bytes).len()
    };
    Some((place, len))
}

/// The leaf of a place.
pub(super) fn leaf_of(place: u64) -> u32 {
    (place >> 48) as u32
}

/// The part of a place that is kept in the row.
pub(super) fn below_leaf(place: u64) -> u32 {
    (place >> 16) as u32
}

pub(super) fn pack(
    place: u64,
    version: Version,
    key: &[u8],
    content: Option<&Content>,
    failed: bool,
) -> Packed {
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
    let short = [key.len(), card.len(), standby.len()].map(u8::try_from);
    let mut packed = Packed::new();
    packed.extend_from_slice(&below_leaf(place).to_le_bytes());
    packed.extend_from_slice(&version.epoch.0.to_le_bytes());
    packed.extend_from_slice(&version.seq.0.to_le_bytes());
    if let [Ok(key), Ok(card), Ok(standby)] = short {
        packed.extend_from_slice(&[flags, key, card, standby]);
    } else {
        packed.push(flags | LONG);
        packed.extend_from_slice(&(key.len() as u16).to_le_bytes());
        packed.extend_from_slice(&(card.len() as u32).to_le_bytes());
        packed.extend_from_slice(&(standby.len() as u32).to_le_bytes());
    }
    if flags & NAMED != 0 {
        packed.extend_from_slice(&(named.len() as u16).to_le_bytes());
    }
    packed.extend_from_slice(key);
    packed.extend_from_slice(card);
    packed.extend_from_slice(standby);
    named.iter().for_each(|card| packed.extend_from_slice(&card.0.to_le_bytes()));
    packed
}
