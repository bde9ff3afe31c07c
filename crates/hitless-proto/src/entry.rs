//! What is replicated: entries, the ops that change them, and who gets them.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use smallvec::SmallVec;

use crate::ids::{CardId, Version};

/// A short byte string: keys, parts, cookies. Up to 24 bytes are held without an allocation.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blob(SmallVec<[u8; 24]>);

impl Blob {
    /// Copies `bytes`.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(SmallVec::from_slice(bytes))
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl From<&str> for Blob {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.iter() {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// A set of cards: all of the chassis, or those named (sorted, unique, at most `MAX_CARDS`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Every card, also those added later.
    #[default]
    All,
    /// These cards only.
    Cards(Box<[CardId]>),
}

impl Audience {
    /// The named cards, sorted and made unique.
    #[must_use]
    pub fn cards(cards: impl IntoIterator<Item = CardId>) -> Self {
        let mut cards: Vec<CardId> = cards.into_iter().collect();
        cards.sort_unstable();
        cards.dedup();
        Self::Cards(cards.into_boxed_slice())
    }

    /// Whether `card` is one of them.
    #[must_use]
    pub fn contains(&self, card: CardId) -> bool {
        match self {
            Self::All => true,
            Self::Cards(cards) => cards.binary_search(&card).is_ok(),
        }
    }

    /// The cards that are in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, Self::All | Self::Cards(_)) | (Self::Cards(_), Self::All) => Self::All,
            (Self::Cards(a), Self::Cards(b)) => Self::cards(a.iter().chain(b.iter()).copied()),
        }
    }
}

/// What an entry holds beside its key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Content {
    /// Which cards hold it.
    pub audience: Audience,
    /// What the cards need: a subset of the whole (claim 13).
    pub card_part: Blob,
    /// What only control units hold (claim 12). `None`: unknown, since the entry was adopted from a card and the
    /// source has not named it again.
    pub standby_part: Option<Blob>,
}

/// A state change as a source submits it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// What is changed.
    pub key: Blob,
    /// The new content; `None` deletes.
    pub content: Option<Content>,
}

/// Opaque bytes of the process that travel with an update and its ack, and narrow the replay (claims 5, 18, 32, 36, 42).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cookie {
    /// The process gave none: in doubt, it is replayed whole.
    None,
    /// The key of the op itself; costs one bit on the wire.
    #[default]
    Key,
    /// The process's own bytes, at most `MAX_COOKIE`.
    Bytes(Blob),
}

/// Why an op was issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A source submitted it.
    #[default]
    Source,
    /// In doubt at a takeover: current state sent again.
    Replay,
    /// Found on a card only, at a takeover: adopted and sent to the others.
    Adopt,
    /// A nacked op tried again.
    Retry,
    /// A difference that a reconcile found, where the card held something newer that lost.
    Repair,
}

/// The message that carries an op to a standby: the card part plus the standby-only part (claims 12, 13).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Update {
    /// The op's id within its process.
    pub version: Version,
    /// What is changed.
    pub key: Blob,
    /// The content after the op; `None` deletes.
    pub content: Option<Content>,
    /// Which cards are sent the op. For a replay this is narrower than the entry's own audience.
    pub to: Audience,
    /// What the op touches.
    pub cookie: Cookie,
    /// Why it was issued.
    pub origin: Origin,
}

/// The content of an entry as a card sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CardContent {
    /// What goes into the forwarding table.
    pub part: Blob,
    /// Whether the entry is for all cards. Kept so that a chassis that lost every control unit can be rebuilt.
    pub for_all: bool,
}

/// The message that carries an op to a card.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CardOp {
    /// The op's id within its process.
    pub version: Version,
    /// What is changed.
    pub key: Blob,
    /// The content after the op; `None` deletes.
    pub content: Option<CardContent>,
    /// Echoed in the ack.
    pub cookie: Cookie,
}

impl Update {
    /// The op as `card` is sent it: without the standby-only part; a delete where the entry is no longer for `card`.
    #[must_use]
    pub fn for_card(&self, card: CardId) -> CardOp {
        let content =
            self.content.as_ref().filter(|content| content.audience.contains(card)).map(|content| {
                CardContent { part: content.card_part.clone(), for_all: content.audience == Audience::All }
            });
        CardOp { version: self.version, key: self.key.clone(), content, cookie: self.cookie.clone() }
    }
}
