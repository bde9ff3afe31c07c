//! What a party is told about its chassis when it starts.

use alloc::string::String;
use alloc::vec::Vec;

use crate::ids::{CardId, Party, UnitId};

/// The chassis, the same at every party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chassis {
    /// Its name, at most `MAX_CHASSIS_NAME` bytes.
    pub name: String,
    /// Key of the digests; the same at every party, and best not known outside.
    pub digest_key: u128,
    /// Its control units, ascending.
    pub units: Vec<UnitId>,
    /// Its cards, ascending.
    pub cards: Vec<CardId>,
    /// Who decides which unit is primary.
    pub arbiter: ArbiterKind,
    /// How acks reach standbys.
    pub ack_path: AckPath,
    /// When cards are sent an op.
    pub output_rule: OutputRule,
    /// Periods, all for liveness only.
    pub timing: Timing,
}

/// Who decides which unit is primary (protocol.md section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArbiterKind {
    /// A majority of these parties, at most `MAX_VOTERS`; an odd number is best.
    Voters(Vec<Party>),
    /// A compare-and-swap register outside the protocol, reached by `Output::Arbitrate`.
    External,
}

/// How a card's acks reach the standbys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AckPath {
    /// From the card to every control unit (claims 11, 24).
    #[default]
    Direct,
    /// From the card to the primary, which forwards them (claims 10, 23, 37).
    Relayed,
}

/// When cards are sent an op.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputRule {
    /// At once, as the standbys are.
    #[default]
    Parallel,
    /// Only after every in-sync standby has it: no orphan can exist; one more round trip.
    Gated,
}

/// Periods in microseconds. None of them takes part in safety.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A unit without a primary asks the arbiter again after this (plus up to as much again, at random).
    pub campaign: u64,
    /// An op that is unacked for longer when a takeover begins sends its channel to reconcile (claim 19).
    pub ack_overdue: u64,
    /// First pause before a nacked op is tried again; doubles up to 64 times.
    pub retry: u64,
    /// A follower that holds up a full log for longer is taken out of step, and caught up later.
    pub evict: u64,
    /// Pause between two audits of a channel by digest; 0: none.
    pub audit: u64,
    /// A planned switchover that has not drained, or not been answered, by then is given up.
    pub switchover: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            campaign: 150_000,
            ack_overdue: 5_000_000,
            retry: 500_000,
            evict: 10_000_000,
            audit: 60_000_000,
            switchover: 10_000_000,
        }
    }
}
