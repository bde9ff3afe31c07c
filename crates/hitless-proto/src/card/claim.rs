//! The claim: fence and ack-retransmission request (claims 4, 17, 30, 35, 41).

use alloc::vec::Vec;

use super::Card;
use super::channel::{Channel, Done};
use crate::entry::{Blob, CardContent, CardOp};
use crate::ids::{Party, ProcessId, UnitId, Version};
use crate::io::Output;
use crate::limits::{MAX_NACKS, MAX_ORPHANS};
use crate::message::{ChannelAnswer, Claim, FromCard, Message, Nack, Promise, Refused};
use crate::rules::{Rule, holds};
use crate::wire;

/// A claim that waits until the forwarding table is done with what it was given.
#[derive(Clone, Debug)]
pub(super) struct PendingClaim {
    pub(super) unit: UnitId,
    claim: Claim,
}

impl Card {
    pub(super) fn handle_claim(&mut self, from: UnitId, claim: Claim) {
        let state = self.durably.state();
        let (promised, owner) = (state.promised, state.owner);
        if claim.epoch < promised || (claim.epoch == promised && owner != from) || claim.unit != from {
            self.send(from, FromCard::Refused(Refused { promised, owner }));
            return;
        }
        // From here on nothing older takes effect; the answer waits for what is being written, and for the disk.
        self.durably.raise(claim.epoch, from);
        if holds(Rule::Fence) {
            self.channels.values_mut().for_each(Channel::fence);
        }
        self.claim = Some(PendingClaim { unit: from, claim });
    }

    /// Answers the claim once no channel has a write under way.
    pub(super) fn finish_claim(&mut self) {
        if self.channels.values().any(Channel::busy) && holds(Rule::QuietPromise) {
            return;
        }
        let Some(PendingClaim { unit, claim }) = self.claim.take() else { return };
        let channels = self.channels.iter_mut().map(|(process, channel)| {
            let received =
                claim.received.iter().find(|(of, _)| of == process).map_or(Version::ZERO, |(_, at)| *at);
            (*process, answer(channel, received))
        });
        let channels: Vec<(ProcessId, ChannelAnswer)> = channels.collect();
        let message = |channels| {
            let promise = Promise { epoch: claim.epoch, boot: self.life, channels };
            Message::FromCard(FromCard::Promise(promise))
        };
        let unknown = channels.iter().map(|(process, _)| (*process, ChannelAnswer::Unknown)).collect();
        let mut answer = message(channels);
        if !wire::fits(&answer) {
            // Too much to tell in one frame: a reconcile finds it.
            answer = message(unknown);
        }
        let answer = (Party::Unit(unit), answer);
        if !holds(Rule::DurablePromise) {
            let (to, message) = answer;
            return self.out.push_back(Output::Transmit { to, message });
        }
        let output = self.durably.change(|_| (), answer);
        self.out.push_back(output);
    }
}

/// What one channel knows. It goes on vouching for that until a primary begins it anew: a claimant may die before it does.
fn answer(channel: &mut Channel, received: Version) -> ChannelAnswer {
    let begun = received.seq >= channel.history_from || !holds(Rule::HistoryBegins);
    let whole = !channel.history_cut && begun;
    let known = channel.in_step && whole;
    if !known && !holds(Rule::BootId) {
        return ChannelAnswer::Known { applied: received, nacks: Vec::new(), orphans: Vec::new() };
    }
    let orphans = channel.history.iter().filter(|done| done.version > received).count();
    let nacks = channel.history.iter().filter(|done| done.nack.is_some()).count();
    if !known || orphans > MAX_ORPHANS || nacks > MAX_NACKS {
        return ChannelAnswer::Unknown;
    }
    ChannelAnswer::Known {
        applied: channel.applied,
        nacks: channel.history.iter().filter_map(nack).collect(),
        orphans: channel
            .history
            .iter()
            .filter(|done| done.version > received && holds(Rule::Orphans))
            .map(|done| orphan(channel, done))
            .collect(),
    }
}

fn nack(done: &Done) -> Option<Nack> {
    let (cookie, key) = (done.cookie.clone(), done.key.clone());
    done.nack.as_ref().map(|reason| Nack { version: done.version, cookie, key, reason: reason.clone() })
}

/// The entry of an orphan as the card holds it now, or a delete.
fn orphan(channel: &Channel, done: &Done) -> CardOp {
    let row = channel.table.row(&done.key);
    let content =
        row.and_then(|row| Some(CardContent { part: Blob::new(row.part()?), for_all: row.for_all() }));
    CardOp { version: done.version, key: done.key.clone(), content, cookie: done.cookie.clone() }
}
