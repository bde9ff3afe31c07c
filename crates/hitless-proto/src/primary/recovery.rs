//! Double death: no unit has live state, so the new primary takes over what the cards hold (protocol.md section 6).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::Primary;
use super::feed::FeedState;
use super::merge::Merge;
use super::pump::{send_ask, send_start};
use super::stream::Stream;
use crate::context::Context;
use crate::digest::LEAVES;
use crate::ids::{CardId, Epoch, Party, ProcessId, UnitId, Version};
use crate::io::Event;
use crate::limits::ASK_LEAVES;
use crate::message::{Answer, Ask, Question, Tell, UnitReport};
use crate::rules::{Rule, holds};

/// Which cards are still to be heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Recovery {
    /// Every configured card has promised; they are being read.
    reading: bool,
    /// Everything was taken over.
    pub(super) done: bool,
    merges: BTreeMap<ProcessId, Merge>,
    /// Channels that are being read.
    left: BTreeSet<(CardId, ProcessId)>,
    /// Cards that the operator gave up.
    pub(super) forgone: BTreeSet<CardId>,
    /// Standbys that wait until the state is complete.
    pub(super) units: BTreeMap<UnitId, UnitReport>,
    told: bool,
}

impl Recovery {
    /// A card is gone: it must be read again when it comes back, unless it was done.
    pub(super) fn lost(&mut self, card: CardId) {
        if self.left.iter().any(|(of, _)| *of == card) {
            self.reading = false;
        }
    }
}

impl Primary {
    /// The operator gives up a card: entries that only it holds are lost.
    pub(crate) fn forgo(&mut self, card: CardId) {
        if let Some(recovery) = &mut self.recovery {
            recovery.forgone.insert(card);
            recovery.told = false;
        }
    }

    /// Reads all cards once every one that the operator did not give up has promised.
    pub(super) fn begin_recovery(&mut self, context: &mut Context) {
        let Some(recovery) = &mut self.recovery else { return };
        if recovery.reading {
            return;
        }
        // A card that has not promised would not listen yet, and may still change what it holds.
        let promised =
            |card: &CardId| self.takeover.as_ref().is_some_and(|takeover| takeover.promised(*card));
        let there = |card: &CardId| context.connected(Party::Card(*card)) && promised(card);
        let missing: Vec<CardId> = context
            .chassis
            .cards
            .iter()
            .filter(|card| !there(card) && !recovery.forgone.contains(card) && holds(Rule::EveryCard))
            .copied()
            .collect();
        if let Some(card) = missing.first() {
            if !core::mem::replace(&mut recovery.told, true) {
                let reason = alloc::format!(
                    "recovering: {card} has not come back, and may hold entries that nobody else does; start it, or give it up \
                     with `hitless recover --without {card}`"
                );
                context.event(Event::Waiting { reason });
            }
            return;
        }
        let read: Vec<CardId> = context.chassis.cards.iter().filter(|card| there(card)).copied().collect();
        recovery.reading = true;
        recovery.left.clear();
        let epoch = self.epoch;
        for (process, stream) in &mut self.streams {
            let last = stream.issued().seq;
            for card in &read {
                let (card, party) = (*card, Party::Card(*card));
                let Some(feed) = stream.feeds.get_mut(&party) else { continue };
                feed.begin(last);
                feed.state = FeedState::Adopting { leaf: 0 };
                recovery.left.insert((card, *process));
                send_start(context, epoch, stream, party);
                ask_leaves(context, epoch, stream, (party, 0));
            }
        }
    }

    /// A card tells what it holds.
    pub(super) fn adopt_told(&mut self, context: &mut Context, party: Party, tell: Tell) {
        let (Party::Card(card), Answer::Leaves(told)) = (party, tell.answer) else { return };
        let (Some(stream), Some(recovery)) = (self.streams.get_mut(&tell.process), &mut self.recovery) else {
            return;
        };
        let leaves = told.len() as u32;
        let proved = proved(context, card, tell.process);
        let merge = recovery.merges.entry(tell.process).or_default();
        for entry in told.iter().flatten() {
            merge.take(&mut stream.table, &context.chassis.cards, (card, proved), entry);
        }
        let Some(feed) = stream.feeds.get_mut(&party) else { return };
        let FeedState::Adopting { leaf } = &mut feed.state else { return };
        *leaf += leaves.max(1);
        if *leaf >= LEAVES {
            recovery.left.remove(&(card, tell.process));
        } else {
            let leaf = *leaf;
            ask_leaves(context, self.epoch, stream, (party, leaf));
        }
    }

    /// When all cards were read: goes on as after any takeover, with every channel to be compared.
    pub(super) fn advance_recovery(&mut self, context: &mut Context) {
        let over =
            self.recovery.as_ref().is_some_and(|recovery| recovery.reading && recovery.left.is_empty());
        if !over {
            return;
        }
        let Some(recovery) = self.recovery.take() else { return };
        let epoch = self.epoch;
        for stream in self.streams.values_mut() {
            let last = stream.table.rows().map(|row| row.version().seq).max().unwrap_or_default();
            let base = Version { epoch, seq: last.max(stream.issued().seq) };
            stream.log.restart(base);
            stream.keep = base;
            stream.stable = base.seq;
        }
        // The promises say nothing more than was read: every channel is compared.
        self.plan_all(context);
        for (unit, report) in recovery.units {
            if context.connected(Party::Unit(unit)) {
                self.handle_report(context, unit, &report);
            }
        }
    }
}

/// Up to where a channel was in step when it last was, as the card reported.
fn proved(context: &Context, card: CardId, process: ProcessId) -> Version {
    let reported = context.cards.get(&card).into_iter().flat_map(|report| &report.channels);
    reported
        .filter(|channel| channel.process == process)
        .map(|channel| channel.proved)
        .max()
        .unwrap_or_default()
}

pub(super) fn ask_leaves(context: &mut Context, epoch: Epoch, stream: &Stream, (party, leaf): (Party, u32)) {
    let session = stream.feeds.get(&party).map_or(0, |feed| feed.session);
    let leaves = (leaf..LEAVES.min(leaf + ASK_LEAVES as u32)).collect();
    let question = Question::Leaves { leaves, with_parts: true };
    send_ask(context, party, Ask { epoch, process: stream.process, session, question });
}
