//! Takeover: claim, plan, replay, open (protocol.md section 4). Failover and switchover share it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::feed::{FeedState, in_dependency_order};
use super::pump::send_start;
use super::{Grant, Primary};
use crate::config::Timing;
use crate::context::Context;
use crate::entry::{Audience, Blob, CardContent, Change, Content, Cookie, Origin, Update};
use crate::ids::{CardId, Epoch, Party, ProcessId, Seq, Time, Version};
use crate::io::Event;
use crate::message::{ChannelAnswer, Claim, Promise, ToCard};
use crate::plan::{ChannelPlan, Holding, plan};
use crate::process::Scope;
use crate::report::{ChannelReport, Method, TakeoverReport};
use crate::rules::{Rule, holds};

/// What the standby held of a process when it was granted the epoch.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) epoch: Epoch,
    pub(super) folded: Seq,
    pub(super) overdue: Seq,
    /// The state is not what the log says.
    pub(super) astray: bool,
}

/// One channel's share of the report, while it is made.
#[derive(Clone, Debug, Default)]
struct Progress {
    report: ChannelReport,
    /// The last op of the replay.
    replay_upto: Seq,
    over: bool,
}

/// A takeover that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Takeover {
    grant: Grant,
    held: BTreeMap<ProcessId, Held>,
    granted_at: Time,
    pub(super) awaited: BTreeSet<CardId>,
    promises: BTreeMap<CardId, Promise>,
    pub(super) planned: bool,
    channels: BTreeMap<(ProcessId, CardId), Progress>,
    report: TakeoverReport,
}

impl Takeover {
    pub(super) fn new(grant: Grant, held: BTreeMap<ProcessId, Held>, now: Time) -> Self {
        let mut report = TakeoverReport {
            epoch: grant.record.epoch,
            unit: grant.record.owner,
            planned: grant.planned,
            recovered: grant.recovering,
            ..TakeoverReport::default()
        };
        report.phases.granted = now.since(grant.began);
        Self {
            grant,
            held,
            granted_at: now,
            awaited: BTreeSet::new(),
            promises: BTreeMap::new(),
            planned: false,
            channels: BTreeMap::new(),
            report,
        }
    }

    /// Something was sent on a channel to bring it in step.
    pub(super) fn sent(&mut self, process: ProcessId, card: CardId, (keys, bytes): (u64, usize)) {
        if let Some(channel) = self.channels.get_mut(&(process, card)).filter(|channel| !channel.over) {
            channel.report.replayed += keys;
            channel.report.bytes += bytes as u64;
        }
    }

    /// The channel begins anew before it was proved equal: what it takes from here on is what the digests say.
    pub(super) fn begins_anew(&mut self, process: ProcessId, card: CardId) {
        if let Some(channel) = self.channels.get_mut(&(process, card)).filter(|channel| !channel.over) {
            channel.report.method = Method::Reconcile;
        }
    }

    pub(super) fn acked(&mut self, process: ProcessId, card: CardId, (upto, now): (Seq, Time)) {
        let Some(channel) = self.channels.get_mut(&(process, card)) else { return };
        if upto >= channel.replay_upto && !channel.over {
            self.report.phases.replayed = now.since(self.grant.began);
        }
    }

    pub(super) fn verified(&mut self, process: ProcessId, card: CardId, now: Time) {
        if let Some(channel) = self.channels.get_mut(&(process, card)).filter(|channel| !channel.over) {
            channel.over = true;
            channel.report.verified = true;
            channel.report.micros = now.since(self.granted_at);
            self.report.phases.verified = now.since(self.grant.began);
        }
    }

    pub(super) fn opened(&mut self, now: Time) {
        self.report.phases.opened = now.since(self.grant.began);
    }

    /// When cards that have not promised are no longer waited for: they are brought in step when they do.
    pub(super) fn patience_ends(&self, timing: &Timing) -> Option<Time> {
        (!self.planned && !self.awaited.is_empty()).then(|| self.granted_at.after(timing.evict))
    }

    pub(super) fn give_up_silent(&mut self, timing: &Timing, now: Time) {
        if self.patience_ends(timing).is_some_and(|at| at <= now) {
            self.awaited.clear();
        }
    }

    /// A card has answered the claim.
    pub(super) fn promised(&self, card: CardId) -> bool {
        self.promises.contains_key(&card)
    }

    /// A card is gone: it is not waited for, and its channels stay unverified in the report.
    pub(super) fn lost(&mut self, card: CardId) {
        self.awaited.remove(&card);
        self.promises.remove(&card);
        let channels = self.channels.iter_mut().filter(|((_, of), _)| *of == card);
        channels.for_each(|(_, channel)| channel.over = true);
    }

    /// The report, once every channel of it is done.
    pub(super) fn finished(&mut self, cards: &[CardId]) -> Option<TakeoverReport> {
        if !self.planned || self.channels.values().any(|channel| !channel.over) {
            return None;
        }
        let mut report = core::mem::take(&mut self.report);
        let there = |card: &CardId| {
            self.channels.iter().any(|((_, of), channel)| of == card && channel.report.verified)
        };
        report.absent = cards.iter().filter(|card| !there(card)).copied().collect();
        report.channels =
            core::mem::take(&mut self.channels).into_values().map(|channel| channel.report).collect();
        report.phases.replayed = report.phases.replayed.max(report.phases.promised);
        Some(report)
    }
}

impl Primary {
    /// Claims a card: fence and ack-retransmission request in one message.
    pub(crate) fn claim(&mut self, context: &mut Context, card: CardId) {
        let first = self.takeover.as_ref().is_some_and(|takeover| !takeover.planned);
        // Later in the epoch nothing is unknown to this unit: it issued everything.
        let position = |stream: &super::stream::Stream| match (&self.recovery, first) {
            // What it kept is of another life: it received nothing in this one.
            (Some(_), _) => Version::ZERO,
            (None, true) => stream.keep,
            (None, false) => stream.issued(),
        };
        let received = self.streams.iter().map(|(process, stream)| (*process, position(stream))).collect();
        if let Some(takeover) = self.takeover.as_mut().filter(|takeover| !takeover.planned) {
            takeover.awaited.insert(card);
        }
        for stream in self.streams.values_mut() {
            if let Some(feed) = stream.feeds.get_mut(&Party::Card(card)) {
                feed.lost();
                feed.state = FeedState::Claimed;
            }
        }
        context.send_card(card, ToCard::Claim(Claim { epoch: self.epoch, unit: context.unit, received }));
    }

    /// A card promised: it is fenced, and this is what it knows.
    pub(crate) fn take_promise(&mut self, context: &mut Context, card: CardId, promise: Promise, now: Time) {
        if promise.epoch != self.epoch {
            return;
        }
        let known_life = context.cards.get(&card).is_some_and(|report| report.boot == promise.boot);
        if !known_life {
            return;
        }
        match self.takeover.as_mut().filter(|takeover| !takeover.planned) {
            Some(takeover) => {
                takeover.awaited.remove(&card);
                takeover.promises.insert(card, promise);
                takeover.report.phases.promised = now.since(takeover.grant.began);
            }
            None => self.resume(context, card, &promise),
        }
    }

    /// A card that comes (back) in the course of an epoch: by tail where its history allows, else by digest.
    fn resume(&mut self, context: &mut Context, card: CardId, promise: &Promise) {
        let epoch = self.epoch;
        for (process, answer) in &promise.channels {
            let Some(stream) = self.streams.get_mut(process) else { continue };
            let last = stream.issued().seq;
            let tail = match answer {
                ChannelAnswer::Known { applied, nacks, .. }
                    if applied.epoch == epoch && stream.log.covers(applied.seq) =>
                {
                    let acked = stream.feeds.get(&Party::Card(card)).map_or(applied.seq, |feed| feed.acked);
                    let events = stream.settle(card, (acked, applied.seq), nacks);
                    events.into_iter().for_each(|event| context.event(event));
                    Some(applied.seq)
                }
                ChannelAnswer::Known { .. } | ChannelAnswer::Unknown => None,
            };
            if tail.is_none() {
                stream.failures.clear(card);
            }
            if let Some(feed) = stream.feeds.get_mut(&Party::Card(card)) {
                feed.begin(tail.unwrap_or(last));
                send_start(context, epoch, stream, Party::Card(card));
            }
        }
    }

    /// When every claimed card has promised (or is gone): plans all channels, adopts orphans, replays what is in doubt.
    pub(super) fn plan_all(&mut self, context: &mut Context) {
        let Some(mut takeover) = self.takeover.take() else { return };
        takeover.planned = true;
        let promises = core::mem::take(&mut takeover.promises);
        for (process, held) in core::mem::take(&mut takeover.held) {
            let mut plans = Vec::new();
            for (card, promise) in &promises {
                if let Some((_, answer)) = promise.channels.iter().find(|(of, _)| *of == process) {
                    plans.extend(self.plan_one(context, (process, *card), answer, &held));
                }
            }
            self.adopt_orphans(context, process, &plans);
            self.replay(context, process, &plans, &mut takeover);
            for plan in plans {
                context.event(Event::Planned(plan));
            }
        }
        self.takeover = Some(takeover);
    }

    fn plan_one(
        &mut self,
        context: &mut Context,
        (process, card): (ProcessId, CardId),
        answer: &ChannelAnswer,
        held: &Held,
    ) -> Option<ChannelPlan> {
        let epoch = self.epoch;
        let stream = self.streams.get_mut(&process)?;
        let log = &stream.log;
        let keep = stream.keep.seq;
        let after = |seq: Seq| -> Option<Vec<Arc<Update>>> {
            let known = log.covers(seq) || seq > keep;
            known.then(|| log.after(seq).take_while(|op| op.version.seq <= keep).cloned().collect())
        };
        let holding =
            Holding { epoch: held.epoch, after: &after, folded: held.folded, overdue: held.overdue };
        let stored = ChannelAnswer::Known {
            applied: Version { epoch: held.epoch, seq: keep },
            nacks: Vec::new(),
            orphans: Vec::new(),
        };
        let answer = if holds(Rule::FreshAnswers) { answer } else { &stored };
        let mut made = if held.astray {
            ChannelPlan::reconcile(process, card, "the state of this unit was itself being repaired")
        } else {
            plan(context.process(process)?, card, answer, &holding)
        };
        if !holds(Rule::Replay) {
            made.replay.clear();
        }
        match (made.method, answer) {
            (Method::Replay, ChannelAnswer::Known { applied, nacks, .. }) => {
                let events = stream.settle(card, (held.folded, applied.seq.min(keep)), nacks);
                events.into_iter().for_each(|event| context.event(event));
            }
            (Method::Replay | Method::Reconcile, _) => stream.failures.clear(card),
        }
        if let Some(feed) = stream.feeds.get_mut(&Party::Card(card)) {
            feed.begin(keep);
            feed.counts = true;
            send_start(context, epoch, stream, Party::Card(card));
        }
        Some(made)
    }

    /// Orphans are rolled forward: what they made of each key becomes a new op, for every card whose acks are known. Also for the
    /// one that holds it, which has dropped its history of the former epoch: a claimant that this op did not reach must find it there.
    fn adopt_orphans(&mut self, context: &Context, process: ProcessId, plans: &[ChannelPlan]) {
        let Some(stream) = self.streams.get_mut(&process) else { return };
        let mut orphans: BTreeMap<(&Blob, Version), Orphan<'_>> = BTreeMap::new();
        for (plan, op) in plans.iter().flat_map(|plan| plan.adopt.iter().map(move |op| (plan, op))) {
            let orphan = orphans.entry((&op.key, op.version)).or_default();
            match &op.content {
                Some(content) => {
                    orphan.content = Some(content);
                    orphan.with.push(plan.card);
                }
                None => orphan.without.push(plan.card),
            }
        }
        let mut keys: BTreeMap<&Blob, Option<Content>> = BTreeMap::new();
        let mut orphans: Vec<((&Blob, Version), Orphan<'_>)> = orphans.into_iter().collect();
        if !holds(Rule::AdoptInOrder) {
            orphans.reverse();
        }
        for ((key, _), orphan) in orphans {
            let held = || stream.table.row(key).and_then(|row| row.content());
            let content = keys.entry(key).or_insert_with(held);
            *content = orphan.applied_to(content.take(), &context.chassis.cards);
        }
        for (key, content) in keys {
            if let Some(version) = stream.table.row(key).map(|row| row.version())
                && version.epoch == self.epoch
            {
                // A source has named it since, who knew of no card that holds it by the orphan.
                let has = |plan: &&ChannelPlan| plan.adopt.iter().any(|op| op.key == *key);
                let sent = stream.log.get(version.seq).map(|op| op.to.clone()).unwrap_or_default();
                let left =
                    plans.iter().filter(has).map(|plan| plan.card).filter(|card| !sent.contains(*card));
                let left = Audience::cards(left);
                if left != Audience::cards([]) {
                    stream.issue_current(self.epoch, key, Origin::Adopt, left);
                }
                continue;
            }
            // Whether a card that is compared by digest is among those that the entry is for, nobody knows yet: to delete it there
            // might take away what a source is about to name again.
            let all = content.as_ref().is_none_or(|content| content.audience == Audience::All);
            let to = match holds(Rule::AdoptForAll) {
                true if all => Audience::All,
                true => {
                    let by_acks = plans.iter().filter(|plan| plan.method == Method::Replay);
                    Audience::cards(by_acks.map(|plan| plan.card))
                }
                false => Audience::cards([]),
            };
            let change = Change { key: key.clone(), content };
            stream.issue(self.epoch, change, Cookie::Key, (Origin::Adopt, to));
        }
    }

    /// Replays the current state of what is in doubt: one op per key, to the cards in doubt only, in dependency order.
    fn replay(
        &mut self,
        context: &mut Context,
        process: ProcessId,
        plans: &[ChannelPlan],
        takeover: &mut Takeover,
    ) {
        let epoch = self.epoch;
        let Some(stream) = self.streams.get_mut(&process) else { return };
        let mut doubt: BTreeMap<Blob, Vec<CardId>> = BTreeMap::new();
        for plan in plans {
            let keys = if plan.whole { whole_process(stream, plan.card) } else { plan.replay.clone() };
            let scope = if plan.whole { Scope::Whole } else { Scope::Keys(keys.clone()) };
            if !keys.is_empty() {
                let told = context.processes.iter_mut().find(|of| of.id() == process);
                told.into_iter().for_each(|of| of.out_of_sync(plan.card, &scope));
            }
            let report = ChannelReport {
                process,
                card: plan.card,
                method: plan.method,
                folded: plan.fold,
                in_doubt: keys.len() as u64,
                adopted: plan.adopt.len() as u64,
                failed: plan.failed.len() as u64,
                entries: stream.table.entries(),
                full_bytes: stream.table.card_bytes(),
                ..ChannelReport::default()
            };
            takeover.channels.insert((process, plan.card), Progress { report, ..Progress::default() });
            keys.into_iter().for_each(|key| doubt.entry(key).or_default().push(plan.card));
        }
        // What a source has named again meanwhile is newer, and on its way already.
        doubt.retain(|key, _| stream.table.row(key).is_none_or(|row| row.version().epoch != epoch));
        let deleted = |key: &[u8]| stream.table.row(key).is_none_or(|row| row.deleted());
        let keys =
            in_dependency_order(doubt.keys().cloned().collect(), |key| context.rank(process, key), deleted);
        for key in keys {
            let Some(cards) = doubt.remove(&key) else { continue };
            let version =
                stream.issue_current(epoch, &key, Origin::Replay, Audience::cards(cards.iter().copied()));
            for card in cards {
                let bytes = stream
                    .log
                    .get(version.seq)
                    .map_or(0, |op| crate::wire::card_op_bytes(&op.for_card(card)));
                takeover.sent(process, card, (1, bytes));
            }
        }
        let last = stream.issued().seq;
        let channels = takeover.channels.iter_mut().filter(|((of, _), _)| *of == process);
        channels.for_each(|(_, channel)| channel.replay_upto = last);
    }
}

/// One op that only cards know of, as they hold it.
#[derive(Default)]
struct Orphan<'a> {
    content: Option<&'a CardContent>,
    /// Cards that hold the entry by it.
    with: Vec<CardId>,
    /// Cards that it took the entry from.
    without: Vec<CardId>,
}

impl Orphan<'_> {
    /// What becomes of an entry. For named cards a card knows only whether the entry is for itself: the others keep it,
    /// so that none loses what nobody withdrew.
    fn applied_to(&self, held: Option<Content>, cards: &[CardId]) -> Option<Content> {
        let held_by = match &held {
            None => Vec::new(),
            Some(Content { audience: Audience::Cards(of), .. }) => of.to_vec(),
            Some(Content { audience: Audience::All, .. }) if self.content.is_none() => return None,
            Some(Content { audience: Audience::All, .. }) => cards.to_vec(),
        };
        let audience = match self.content {
            Some(content) if content.for_all => Audience::All,
            Some(_) | None => {
                let of = held_by.into_iter().chain(self.with.iter().copied());
                Audience::cards(of.filter(|card| !self.without.contains(card)))
            }
        };
        if audience == Audience::cards([]) {
            // Withdrawn, or moved to a card that was not asked: not known, so it stays until a source says so again.
            return held;
        }
        match self.content {
            Some(content) => Some(Content { audience, card_part: content.part.clone(), standby_part: None }),
            None => held.map(|held| Content { audience, ..held }),
        }
    }
}

/// Every key of a process that a card should hold, or may hold wrongly.
fn whole_process(stream: &super::stream::Stream, card: CardId) -> Vec<Blob> {
    let rows = stream.table.rows().filter(|row| row.deleted() || row.audience().contains(card));
    rows.map(|row| Blob::new(row.key())).collect()
}
