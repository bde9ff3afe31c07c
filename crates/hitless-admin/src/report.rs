//! What a takeover did.

use serde::{Deserialize, Serialize};

/// One takeover, per channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeoverReport {
    /// The epoch it opened.
    pub epoch: u32,
    /// The new primary.
    pub unit: u8,
    /// A planned switchover, not a failover.
    pub planned: bool,
    /// No unit had live state: it was rebuilt from the cards.
    pub recovered: bool,
    /// When each phase ended.
    pub phases: Phases,
    /// One per process and card.
    pub channels: Vec<ChannelReport>,
    /// Cards that were not there.
    pub absent: Vec<u16>,
}

impl TakeoverReport {
    /// Every channel's digest was proved equal.
    #[must_use]
    pub fn verified(&self) -> bool {
        self.channels.iter().all(|channel| channel.verified)
    }

    /// Sum over the channels.
    #[must_use]
    pub fn total(&self, of: impl Fn(&ChannelReport) -> u64) -> u64 {
        self.channels.iter().map(of).sum()
    }
}

/// Microseconds from the begin of the campaign to the end of each phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By acks: only what was in doubt was replayed.
    #[default]
    Replay,
    /// By digest.
    Reconcile,
}

/// What a takeover did on one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelReport {
    /// The process.
    pub process: u16,
    /// The card.
    pub card: u16,
    /// How.
    pub method: Method,
    /// Pending updates that were acked after all.
    pub folded: u64,
    /// Keys in doubt.
    pub in_doubt: u64,
    /// Keys replayed.
    pub replayed: u64,
    /// Bytes replayed.
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
    /// Bytes a full resend would have sent.
    pub full_bytes: u64,
}
