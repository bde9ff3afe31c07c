//! What a takeover did, as a value that is printed, kept and tested (protocol.md section 4, step 7).

use alloc::vec::Vec;

use crate::ids::{CardId, Epoch, ProcessId, UnitId};

/// One takeover, per channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakeoverReport {
    /// The epoch it opened.
    pub epoch: Epoch,
    /// The new primary.
    pub unit: UnitId,
    /// Planned switchover, not a failover.
    pub planned: bool,
    /// No unit had live state: it was rebuilt from the cards.
    pub recovered: bool,
    /// Microseconds by phase.
    pub phases: Phases,
    /// One per process and card that was connected, ascending.
    pub channels: Vec<ChannelReport>,
    /// Cards of the chassis that were not there; they are fenced and reconciled when they return.
    pub absent: Vec<CardId>,
}

/// Microseconds from the begin of the campaign to the end of each phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// The arbiter granted the epoch.
    pub granted: u64,
    /// The last promise came.
    pub promised: u64,
    /// The last replay was acked.
    pub replayed: u64,
    /// The last digest was proved equal.
    pub verified: u64,
    /// The record was opened.
    pub opened: u64,
}

/// How a channel was brought in step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// By acks: only what was in doubt was replayed.
    #[default]
    Replay,
    /// By digest: history was not known for certain, or the channel had to begin anew before it was proved equal.
    Reconcile,
}

/// What a takeover did on one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelReport {
    /// The process.
    pub process: ProcessId,
    /// The card.
    pub card: CardId,
    /// How.
    pub method: Method,
    /// Pending updates that were acked after all: folded.
    pub folded: u64,
    /// Keys in doubt: named by updates without an ack.
    pub in_doubt: u64,
    /// Keys replayed (or repaired, when reconciled).
    pub replayed: u64,
    /// Bytes of what was replayed, as encoded, headers apart.
    pub bytes: u64,
    /// Orphans adopted from the card.
    pub adopted: u64,
    /// Ops folded as failed.
    pub failed: u64,
    /// Microseconds from the claim until verified.
    pub micros: u64,
    /// The card's digest equals the primary's.
    pub verified: bool,
    /// Entries the channel has.
    pub entries: u64,
    /// Bytes a full resend of the channel would have sent.
    pub full_bytes: u64,
}
