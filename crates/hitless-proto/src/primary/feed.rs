//! One follower of one process: a cursor into the log, a window, and how far its catching up has come.
//!
//! ```text
//!   away --report--> claimed --promise--> comparing <---> filling
//!    ^               (cards)                 |  ^
//!    |                                 equal |  | audit differs
//!    +------------- link lost -----------  in step
//! ```

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::compare::Compare;
use crate::entry::Blob;
use crate::ids::{Party, Seq, Time};
use crate::limits::WINDOW_BYTES;
use crate::rules::{Rule, holds};
use crate::status::ChannelState;

/// Where a follower stands.
#[derive(Clone, Debug)]
pub(super) enum FeedState {
    /// No link.
    Away,
    /// A card that was sent a claim and has not promised.
    Claimed,
    /// A recovering primary takes over what the card holds, which has told so many nodes or leaves.
    Adopting { told: u32 },
    /// Its digest is compared.
    Comparing(Compare),
    /// It is sent what it lacks.
    Filling(Lack),
    /// Proved equal. `audit`: the root was asked for again; the sum it should be.
    InStep { audit: Option<crate::digest::Sum> },
}

/// What a follower lacks.
#[derive(Clone, Debug)]
pub(super) enum Lack {
    /// Everything: by rank, leaf by leaf.
    Bulk { rank: u8, leaf: u32 },
    /// These keys, in the order in which they must be sent.
    Keys(VecDeque<Blob>),
}

impl Lack {
    /// Everything was sent, of a process with so many ranks.
    pub(super) fn is_over(&self, ranks: u8) -> bool {
        match self {
            Self::Bulk { rank, .. } => *rank >= ranks,
            Self::Keys(keys) => keys.is_empty(),
        }
    }
}

/// A follower of a process.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    pub(super) party: Party,
    pub(super) state: FeedState,
    /// Number of the channel's beginning.
    pub(super) session: u32,
    /// The next op of the log to look at.
    pub(super) next: Seq,
    /// The last op that was sent on the channel.
    pub(super) prev: Seq,
    /// Cumulative ack, or receipt.
    pub(super) acked: Seq,
    /// Every op up to here is answered, or is not for this follower. Never goes down within a beginning.
    pub(super) settled: Seq,
    pub(super) sent_bytes: u64,
    /// The stable watermark it was sent last.
    pub(super) stable_told: Seq,
    pub(super) consumed: u64,
    /// Ops wait for this follower before they count as programmed: it was in step, or is part of a takeover.
    pub(super) counts: bool,
    /// Since when something waits for it, and it has not said a word.
    pub(super) silent_since: Option<Time>,
    /// It was silent for too long: nothing waits for it until it is in step.
    pub(super) given_up: bool,
    pub(super) audited_at: Time,
    /// What it is to be sent next, not every standby has yet (gated rule).
    pub(super) at_gate: bool,
}

impl Feed {
    pub(super) fn new(party: Party) -> Self {
        Self {
            party,
            state: FeedState::Away,
            session: 0,
            next: Seq(1),
            prev: Seq(0),
            acked: Seq(0),
            settled: Seq(0),
            sent_bytes: 0,
            stable_told: Seq(0),
            consumed: 0,
            counts: false,
            silent_since: None,
            given_up: false,
            audited_at: Time(0),
            at_gate: false,
        }
    }

    /// Begins again after `base`, to be compared first.
    pub(super) fn begin(&mut self, base: Seq) {
        self.session = self.session.wrapping_add(1);
        self.next = base.next();
        self.prev = base;
        self.acked = base;
        self.settled = base;
        self.sent_bytes = 0;
        self.stable_told = Seq(0);
        self.consumed = 0;
        self.silent_since = None;
        self.state = FeedState::Comparing(Compare::default());
    }

    /// The link is gone.
    pub(super) fn lost(&mut self) {
        self.state = FeedState::Away;
        self.counts = false;
        self.given_up = false;
        self.silent_since = None;
    }

    /// Whether the channel has begun: ops flow.
    pub(super) fn open(&self) -> bool {
        !matches!(self.state, FeedState::Away | FeedState::Claimed)
    }

    pub(super) fn in_step(&self) -> bool {
        matches!(self.state, FeedState::InStep { .. })
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.sent_bytes.saturating_sub(self.consumed)
    }

    pub(super) fn window_left(&self) -> u64 {
        if !holds(Rule::Window) {
            return WINDOW_BYTES;
        }
        WINDOW_BYTES.saturating_sub(self.in_flight())
    }

    /// Takes a cumulative answer. `false`: it contradicts what was sent.
    pub(super) fn answered(&mut self, upto: Seq, consumed: u64) -> bool {
        if upto > self.prev || consumed > self.sent_bytes {
            return false;
        }
        self.acked = self.acked.max(upto);
        self.consumed = self.consumed.max(consumed);
        self.silent_since = None;
        self.settle();
        true
    }

    /// With everything answered, also what was passed over is settled.
    pub(super) fn settle(&mut self) {
        let settled = if self.acked == self.prev { Seq(self.next.0.saturating_sub(1)) } else { self.acked };
        self.settled = self.settled.max(settled);
    }

    /// A question about the tree waits until every op that was issued is on its way, and an entry of a fill until every standby
    /// has it: intake pauses meanwhile, or it might be changed again and again.
    pub(super) fn holds_intake(&self, last: Seq) -> bool {
        match &self.state {
            FeedState::Comparing(compare) => compare.wants_still() && self.next <= last,
            FeedState::Adopting { .. } => true,
            FeedState::Filling(_) => self.at_gate,
            FeedState::Away | FeedState::Claimed | FeedState::InStep { .. } => false,
        }
    }

    /// How many nodes or leaves a rebuild has read from this follower, while it does.
    pub(super) fn read_upto(&self) -> Option<u32> {
        match self.state {
            FeedState::Adopting { told } => Some(told),
            FeedState::Away
            | FeedState::Claimed
            | FeedState::Comparing(_)
            | FeedState::Filling(_)
            | FeedState::InStep { .. } => None,
        }
    }

    /// In step, and no audit under way.
    pub(super) fn audit_possible(&self) -> bool {
        matches!(self.state, FeedState::InStep { audit: None })
    }

    pub(super) fn channel_state(&self) -> ChannelState {
        match &self.state {
            FeedState::Away => ChannelState::Away,
            FeedState::Claimed => ChannelState::Claimed,
            FeedState::Adopting { .. } | FeedState::Comparing(_) => ChannelState::Comparing,
            FeedState::Filling(_) => ChannelState::Filling,
            FeedState::InStep { .. } => ChannelState::InStep,
        }
    }
}

/// Puts keys in the order in which a follower can take them: puts by rising rank, then deletes by falling rank.
pub(super) fn in_dependency_order(
    keys: Vec<Blob>,
    rank: impl Fn(&[u8]) -> u8,
    is_delete: impl Fn(&[u8]) -> bool,
) -> Vec<Blob> {
    let mut ranked: Vec<(bool, u8, Blob)> = keys
        .into_iter()
        .map(|key| {
            let delete = is_delete(&key);
            let rank = rank(&key);
            (delete, if delete { u8::MAX - rank } else { rank }, key)
        })
        .collect();
    ranked.sort_unstable();
    if !holds(Rule::ReplayOrder) {
        ranked.reverse();
    }
    ranked.into_iter().map(|(_, _, key)| key).collect()
}
