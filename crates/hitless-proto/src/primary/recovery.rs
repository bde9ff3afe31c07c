//! Double death: no unit has live state, so the new primary takes over what the cards hold (protocol.md section 6), on top of
//! what it kept itself, if it did (ADR 11).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::Primary;
use super::feed::{Feed, FeedState};
use super::pump::{send_ask, send_start};
use super::rebuild::Rebuild;
use super::stream::Stream;
use crate::context::Context;
use crate::digest::{FANOUT, LEAF_LEVEL, LEAVES, Sum};
use crate::ids::{CardId, Epoch, Party, ProcessId, UnitId, Version};
use crate::io::Event;
use crate::limits::{ASK_LEAVES, ASK_NODES};
use crate::message::{Answer, Ask, LeafEntry, Question, Tell, UnitReport};
use crate::rules::{Rule, holds};

/// Nodes above the leaves.
const NODES: u32 = LEAVES / FANOUT;

/// Which cards are still to be heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Recovery {
    /// Every configured card has promised; they are being read.
    reading: bool,
    /// Everything was taken over.
    pub(super) done: bool,
    processes: BTreeMap<ProcessId, Reading>,
    /// Cards that the operator gave up.
    pub(super) forgone: BTreeSet<CardId>,
    /// Standbys that wait until the state is complete.
    pub(super) units: BTreeMap<UnitId, UnitReport>,
    told: bool,
}

/// How far the reading of one process has come: with a base, first the sums of all leaves of every card; then the leaves in
/// which any card differs from it, of every card.
#[derive(Clone, Debug, Default)]
struct Reading {
    /// What the cards told.
    rebuild: Rebuild,
    /// Cards whose sums are still told.
    sums: BTreeSet<CardId>,
    differing: BTreeSet<u32>,
    /// The leaves that are read, once it is known which.
    leaves: Vec<u32>,
    /// Cards whose leaves are still to be told.
    left: BTreeSet<CardId>,
}

impl Recovery {
    /// A card is gone: it must be read again when it comes back, unless it was done.
    pub(super) fn lost(&mut self, card: CardId) {
        let reads = |of: &Reading| of.left.contains(&card);
        if self.processes.values().any(reads) {
            self.reading = false;
        }
    }
}

impl Reading {
    /// What to ask next of a card that has told so many nodes or leaves; `None`: nothing now.
    fn question(&self, card: CardId, told: u32) -> Option<Question> {
        if self.sums.contains(&card) {
            let nodes = (told..NODES.min(told + ASK_NODES as u32)).collect();
            return Some(Question::Children { level: LEAF_LEVEL - 1, nodes });
        }
        let leaves = self.leaves.iter().skip(told as usize).take(ASK_LEAVES).copied().collect::<Vec<u32>>();
        (self.sums.is_empty() && !leaves.is_empty()).then_some(Question::Leaves { leaves, with_parts: true })
    }

    /// Notes the leaves in which a card differs. Gives how many nodes it has told then.
    fn take_sums(&mut self, stream: &Stream, party: Party, (from, told): (u32, &[[Sum; 16]])) -> u32 {
        let upto = NODES.min(from + ASK_NODES as u32);
        for node in from..upto {
            let sums = told.get((node - from) as usize);
            for child in 0..FANOUT {
                let leaf = node * FANOUT + child;
                // What a card leaves out is read.
                if sums.map(|sums| sums[child as usize]) != Some(stream.base_sum(party, LEAF_LEVEL, leaf)) {
                    self.differing.insert(leaf);
                }
            }
        }
        match party {
            Party::Card(card) if upto == NODES => {
                self.sums.remove(&card);
                0
            }
            Party::Card(_) | Party::Unit(_) => upto,
        }
    }

    /// Whether the last sums were told just now: then it is known which leaves to read.
    fn begin_leaves(&mut self) -> bool {
        if !self.sums.is_empty() {
            return false;
        }
        self.leaves = core::mem::take(&mut self.differing).into_iter().collect();
        if self.leaves.is_empty() {
            self.left.clear();
        }
        true
    }

    /// Takes what a card holds in some leaves. Gives how many it has told then.
    fn take_leaves(&mut self, card: CardId, (from, told): (u32, &[Vec<LeafEntry>])) -> u32 {
        told.iter().flatten().for_each(|entry| self.rebuild.take(card, entry));
        let upto = from + (told.len() as u32).max(1);
        if upto as usize >= self.leaves.len() {
            self.left.remove(&card);
        }
        upto
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
        self.read_cards(context, &read);
    }

    fn read_cards(&mut self, context: &mut Context, read: &[CardId]) {
        let epoch = self.epoch;
        let Some(recovery) = &mut self.recovery else { return };
        for (process, stream) in &mut self.streams {
            let last = stream.issued().seq;
            let reading = recovery.processes.entry(*process).or_default();
            reading.left = read.iter().copied().collect();
            let base = stream.table.base();
            let dated = |card: &CardId| (*card, proved(context, *card, *process));
            reading.rebuild = Rebuild::new(base.cloned(), read.iter().map(dated).collect());
            if base.is_some() {
                reading.sums.clone_from(&reading.left);
                reading.differing.clear();
            } else {
                reading.leaves = (0..LEAVES).collect();
            }
            for card in read {
                let party = Party::Card(*card);
                let Some(feed) = stream.feeds.get_mut(&party) else { continue };
                feed.begin(last);
                feed.state = FeedState::Adopting { told: 0 };
                send_start(context, epoch, stream, party);
                ask_next(context, epoch, stream, (reading, *card));
            }
        }
    }

    /// A card tells what it holds.
    pub(super) fn adopt_told(&mut self, context: &mut Context, party: Party, tell: Tell) {
        let (epoch, process) = (self.epoch, tell.process);
        let Party::Card(card) = party else { return };
        let (Some(stream), Some(recovery)) = (self.streams.get_mut(&process), &mut self.recovery) else {
            return;
        };
        let Some(reading) = recovery.processes.get_mut(&process) else { return };
        let Some(from) = stream.feeds.get(&party).and_then(Feed::read_upto) else { return };
        let (told, next) = match tell.answer {
            Answer::Children(told) if reading.sums.contains(&card) => {
                (reading.take_sums(stream, party, (from, &told)), reading.begin_leaves())
            }
            Answer::Leaves(told) if reading.sums.is_empty() => {
                (reading.take_leaves(card, (from, &told)), false)
            }
            Answer::Root { .. } | Answer::Children(_) | Answer::Leaves(_) => return,
        };
        if let Some(feed) = stream.feeds.get_mut(&party) {
            feed.state = FeedState::Adopting { told };
        }
        let asked = if next { reading.left.iter().copied().collect() } else { Vec::from([card]) };
        asked.into_iter().for_each(|card| ask_next(context, epoch, stream, (reading, card)));
    }

    /// A channel that is being read began again.
    pub(super) fn read_on(&mut self, context: &mut Context, card: CardId, process: ProcessId) {
        let recovery = self.recovery.as_ref().and_then(|recovery| recovery.processes.get(&process));
        if let (Some(reading), Some(stream)) = (recovery, self.streams.get(&process)) {
            ask_next(context, self.epoch, stream, (reading, card));
        }
    }

    /// When all cards were read: goes on as after any takeover, with every channel to be compared.
    pub(super) fn advance_recovery(&mut self, context: &mut Context) {
        let read = |recovery: &Recovery| {
            recovery.reading && recovery.processes.values().all(|reading| reading.left.is_empty())
        };
        let Some(recovery) = self.recovery.take_if(|recovery| read(recovery)) else { return };
        let epoch = self.epoch;
        for (process, reading) in recovery.processes {
            let Some(stream) = self.streams.get_mut(&process) else { continue };
            reading.rebuild.finish(&mut stream.table, &reading.leaves, &context.chassis.cards);
            let base = Version { epoch, seq: stream.table.last().max(stream.issued().seq) };
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

fn ask_next(context: &mut Context, epoch: Epoch, stream: &Stream, (reading, card): (&Reading, CardId)) {
    let party = Party::Card(card);
    let Some(feed) = stream.feeds.get(&party) else { return };
    let question = feed.read_upto().and_then(|told| reading.question(card, told));
    if let Some(question) = question {
        send_ask(context, party, Ask { epoch, process: stream.process, session: feed.session, question });
    }
}
