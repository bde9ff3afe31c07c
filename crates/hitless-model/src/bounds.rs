//! How large the chassis is, and how much may go wrong.

use hitless_proto::config::{AckPath, OutputRule};

/// A change that the source submits: a key, and its value or a delete. Values of one key differ.
pub type Wanted = (u8, Option<u8>);

/// The bounds of a search.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Control units.
    pub units: u8,
    /// Cards.
    pub cards: u16,
    /// What the source submits, in this order, each at any time to any unit that takes it.
    pub ops: Vec<Wanted>,
    /// States with a primary of a higher epoch are not gone on from.
    pub epochs: u32,
    /// What may go wrong.
    pub faults: Faults,
    /// A disk write takes a step of its own, instead of none.
    pub slow_disk: bool,
    /// How acks reach standbys.
    pub ack_path: AckPath,
    /// When cards are sent ops.
    pub output_rule: OutputRule,
}

/// How often each fault may strike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// Control units that crash.
    pub crashes: u8,
    /// Crashed control units that come back.
    pub unit_restarts: u8,
    /// Cards that restart, with their forwarding table empty or intact.
    pub card_restarts: u8,
    /// Links that one end gives up although the other end lives.
    pub cuts: u8,
}
