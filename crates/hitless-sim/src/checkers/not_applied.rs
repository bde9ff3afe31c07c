//! "Not applied" is final once promised: a promise names every op that the card applied and the claimant lacks, nothing new is
//! being written when it is given, and from then on the card takes only what the epoch that it promised gave it.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::entry::CardOp;
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, Version};
use hitless_proto::message::{ChannelAnswer, Claim, FromCard, Message, Promise, ToCard};

use super::past::Past;
use super::{Checker, Scene, Seen};

/// What one card was given.
#[derive(Default)]
struct Given {
    epoch: Epoch,
    /// Each version, and whether it came as an op of the stream.
    now: BTreeMap<(ProcessId, Version), bool>,
    /// In the epoch before: it may take effect until the promise is given.
    before: BTreeMap<(ProcessId, Version), bool>,
    /// The same when the promise was given: what took effect by then is seen at the end of the step.
    closed: BTreeMap<(ProcessId, Version), bool>,
    /// What the claimants of this epoch have received.
    received: BTreeMap<ProcessId, Version>,
    /// Batches that its forwarding tables work on.
    writing: BTreeSet<ProcessId>,
}

#[derive(Default)]
pub(super) struct NotApplied {
    cards: BTreeMap<CardId, Given>,
}

impl Given {
    fn delivered(&mut self, epoch: Epoch, process: ProcessId, (ops, are_ops): (&[CardOp], bool)) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.before.append(&mut self.now);
            self.received.clear();
        }
        if epoch == self.epoch {
            for op in ops {
                *self.now.entry((process, op.version)).or_default() |= are_ops;
            }
        }
    }

    fn claimed(&mut self, claim: &Claim) {
        self.delivered(claim.epoch, ProcessId(0), (&[], true));
        if claim.epoch == self.epoch {
            self.received = claim.received.iter().copied().collect();
        }
    }

    fn promised(&mut self, past: &Past, card: CardId, promise: &Promise) -> Result<(), String> {
        if let Some(process) = self.writing.first() {
            return Err(format!("{card} promises {} while {process} is being written", promise.epoch));
        }
        self.closed = std::mem::take(&mut self.before);
        let before = &self.closed;
        for (process, answer) in &promise.channels {
            let ChannelAnswer::Known { applied, orphans, .. } = answer else { continue };
            let received = self.received.get(process).copied().unwrap_or_default();
            let named = |version: Version| orphans.iter().any(|orphan| orphan.version == version);
            // What came as a fill was compared: who follows the same stream has the same entry.
            let is_op = |version: Version| before.get(&(*process, version)) == Some(&true);
            let new =
                |version: Version| version.epoch == applied.epoch && version > received && is_op(version);
            let lost = past.held(card, *process).find(|(_, version)| new(**version) && !named(**version));
            if let Some((key, version)) = lost {
                return Err(format!(
                    "{card} {process} promises {} and does not name {version} of {key:?}: applied {applied}, received \
                     {received}",
                    promise.epoch
                ));
            }
        }
        Ok(())
    }
}

impl Checker for NotApplied {
    fn property(&self) -> &'static str {
        "not applied is final once promised"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Delivered { to: Party::Card(card), message: Message::ToCard(message) } = seen {
            let given = self.cards.entry(*card).or_default();
            match message {
                ToCard::Ops(ops) => given.delivered(ops.epoch, ops.process, (&ops.ops, true)),
                ToCard::Fill(fill) => given.delivered(fill.epoch, fill.process, (&fill.entries, false)),
                ToCard::Claim(claim) => given.claimed(claim),
                ToCard::Start(_) | ToCard::Ask(_) | ToCard::InStep(_) | ToCard::Vote(_) => {}
            }
        }
        if let Seen::Sent {
            from: Party::Card(card),
            message: Message::FromCard(FromCard::Promise(promise)),
            ..
        } = seen
        {
            let given = self.cards.entry(*card).or_default();
            return if promise.epoch == given.epoch {
                given.promised(scene.past, *card, promise)
            } else {
                Ok(())
            };
        }
        match seen {
            Seen::Started { party: Party::Card(card) } => {
                self.cards.remove(card);
            }
            // What the card writes again is what it has processed.
            Seen::Apply { party: Party::Card(card), process, writes }
                if !scene.world.writes_again(*card, *process, writes) =>
            {
                self.cards.entry(*card).or_default().writing.insert(*process);
            }
            Seen::Applied { party: Party::Card(card), process, .. } => {
                self.cards.entry(*card).or_default().writing.remove(process);
            }
            Seen::Stepped { party: Party::Card(card) } => {
                self.cards.entry(*card).or_default().closed.clear();
            }
            Seen::Held { party: Party::Card(card), process, key, is, .. } => {
                let given = self.cards.entry(*card).or_default();
                let of = (*process, *is);
                if [&given.now, &given.before, &given.closed].iter().all(|given| !given.contains_key(&of)) {
                    return Err(format!(
                        "{card} {process} takes {is} of {key:?}: nobody gave it in {}",
                        given.epoch
                    ));
                }
            }
            Seen::Started { .. }
            | Seen::Sent { .. }
            | Seen::Delivered { .. }
            | Seen::Apply { .. }
            | Seen::Applied { .. }
            | Seen::Event { .. }
            | Seen::Asked { .. }
            | Seen::Healed
            | Seen::Issued { .. }
            | Seen::Held { .. }
            | Seen::Stepped { .. } => {}
        }
        Ok(())
    }
}
