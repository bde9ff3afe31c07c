//! What followers answer: acks, receipts, digests, holes.

use alloc::vec::Vec;

use super::Primary;
use super::compare::{Compare, Found};
use super::feed::{FeedState, Lack, in_dependency_order};
use super::pump::send_start;
use crate::config::AckPath;
use crate::context::Context;
use crate::entry::{Audience, Blob, Origin};
use crate::error::PeerError;
use crate::ids::{CardId, Party, ProcessId, Seq, Time, UnitId};
use crate::io::Event;
use crate::limits::MAX_RETRIES;
use crate::message::{Ack, Answer, Broken, InStep, RelayedAck, Tell, ToCard, ToStandby, UnitMessage};
use crate::rules::{Rule, holds};

impl Primary {
    /// A card acks.
    pub(crate) fn take_ack(&mut self, context: &mut Context, card: CardId, ack: &Ack, now: Time) {
        if ack.epoch != self.epoch {
            return;
        }
        self.relay(context, card, ack);
        let retry = context.chassis.timing.retry;
        let Some(stream) = self.streams.get_mut(&ack.process) else { return };
        let Some(feed) = stream.feeds.get_mut(&Party::Card(card)) else { return };
        if !feed.open() || (feed.session != ack.session && holds(Rule::Session)) {
            return;
        }
        let from = feed.acked;
        if !feed.answered(ack.applied, ack.consumed) {
            let error = PeerError::Invalid("an ack for what was not sent");
            context.event(Event::Misbehaved { peer: Party::Card(card), error });
            return;
        }
        let upto = feed.acked;
        let mut cured = false;
        for event in stream.settle(card, (from, upto), &ack.nacks) {
            if let Event::Failed { key, .. } = &event {
                let pause = |attempts: u32| now.after(retry << attempts.min(6));
                let again = |attempts| (attempts < MAX_RETRIES).then(|| pause(attempts));
                stream.failures.failed_again(card, key, again);
            }
            cured |= matches!(event, Event::Cured { .. });
            context.event(event);
        }
        if cured {
            // What made room for one may make room for the others.
            stream.failures.try_again(card, now.after(retry));
        }
        if stream.failures.any(card) && stream.may_cure(context, card, (from, upto)) {
            stream.failures.try_soon(card, now.after(retry));
        }
        if let Some(takeover) = &mut self.takeover {
            takeover.acked(ack.process, card, (upto, now));
        }
    }

    /// Forwards an ack to the standbys, each with its own code (claims 10, 23, 37).
    fn relay(&self, context: &mut Context, card: CardId, ack: &Ack) {
        if context.chassis.ack_path != AckPath::Relayed {
            return;
        }
        for unit in context.other_units() {
            let macs = ack.macs.iter().filter(|code| code.unit == unit).copied().collect();
            let relayed = RelayedAck { card, ack: Ack { macs, ..ack.clone() } };
            context.send_unit(unit, UnitMessage::Primary(ToStandby::Relayed(relayed)));
        }
    }

    /// A standby says what it received.
    pub(super) fn take_receipt(
        &mut self,
        context: &mut Context,
        unit: UnitId,
        (process, session): (ProcessId, u32),
        (upto, consumed): (Seq, u64),
    ) {
        let Some(stream) = self.streams.get_mut(&process) else { return };
        let Some(feed) = stream.feeds.get_mut(&Party::Unit(unit)) else { return };
        if feed.open() && feed.session == session && !feed.answered(upto, consumed) {
            let error = PeerError::Invalid("a receipt for what was not sent");
            context.event(Event::Misbehaved { peer: Party::Unit(unit), error });
        }
    }

    /// A follower saw a hole, or its forwarding table did not take what it holds: its channel begins again, and is compared.
    /// One from which the state is rebuilt is read on: compared with what is not complete, it would lose the rest.
    pub(crate) fn take_broken(&mut self, context: &mut Context, party: Party, broken: &Broken) {
        let stream = self.streams.get_mut(&broken.process);
        let Some(feed) = stream.and_then(|stream| stream.feeds.get_mut(&party)) else { return };
        if broken.epoch != self.epoch || !feed.open() || feed.session != broken.session {
            return;
        }
        feed.silent_since = None;
        let read = feed.read_upto();
        self.begin_anew(context, party, broken.process, "it saw a hole");
        if let (Some(told), Party::Card(card)) = (read, party) {
            self.set_state(party, broken.process, FeedState::Adopting { told });
            self.read_on(context, card, broken.process);
        }
    }

    /// A channel begins again at what was issued last, to be compared. If its follower was silent, it still is.
    pub(super) fn begin_anew(
        &mut self,
        context: &mut Context,
        party: Party,
        process: ProcessId,
        reason: &'static str,
    ) {
        let Some(stream) = self.streams.get_mut(&process) else { return };
        let last = stream.issued().seq;
        let Some(feed) = stream.feeds.get_mut(&party) else { return };
        let silent_since = feed.silent_since;
        feed.begin(last);
        feed.silent_since = silent_since;
        self.roster_due = true;
        if let Party::Card(card) = party {
            self.takeover.iter_mut().for_each(|takeover| takeover.begins_anew(process, card));
            self.recovery.iter_mut().for_each(|recovery| recovery.lost(card));
        }
        context.event(Event::OutOfStep { process, follower: party, reason });
        send_start(context, self.epoch, stream, party);
    }

    /// A follower answers a digest question.
    pub(crate) fn take_tell(&mut self, context: &mut Context, party: Party, tell: Tell, now: Time) {
        let (epoch, process) = (self.epoch, tell.process);
        let Some(stream) = self.streams.get_mut(&process) else { return };
        let Some(feed) = stream.feeds.get_mut(&party) else { return };
        if tell.epoch != epoch || !feed.open() || feed.session != tell.session {
            return;
        }
        feed.silent_since = None;
        match core::mem::replace(&mut feed.state, FeedState::Comparing(Compare::default())) {
            FeedState::Comparing(mut compare) => {
                let found = compare.answered(stream, party, tell.answer);
                self.found(context, (party, process), (compare, found), now);
            }
            FeedState::InStep { audit: Some(expected) } => {
                feed.audited_at = now;
                let failed = stream.failed_sum(party, 0, 0);
                let equal = matches!(tell.answer, Answer::Root { sum, .. } if sum == expected.plus(failed));
                if equal {
                    self.set_state(party, process, FeedState::InStep { audit: None });
                } else {
                    self.roster_due = true;
                    context.event(Event::OutOfStep {
                        process,
                        follower: party,
                        reason: "an audit found a difference",
                    });
                }
            }
            FeedState::Adopting { told } => {
                feed.state = FeedState::Adopting { told };
                self.adopt_told(context, party, tell);
            }
            // An answer that nothing waits for any more.
            state @ (FeedState::Away
            | FeedState::Claimed
            | FeedState::Filling(_)
            | FeedState::InStep { audit: None }) => {
                feed.state = state;
            }
        }
    }

    fn set_state(&mut self, party: Party, process: ProcessId, state: FeedState) {
        if let Some(feed) = self.streams.get_mut(&process).and_then(|stream| stream.feeds.get_mut(&party)) {
            feed.state = state;
        }
    }

    fn found(
        &mut self,
        context: &mut Context,
        (party, process): (Party, ProcessId),
        (compare, found): (Compare, Found),
        now: Time,
    ) {
        match found {
            Found::Equal => self.in_step(context, party, process, now),
            Found::More => self.set_state(party, process, FeedState::Comparing(compare)),
            Found::Empty => {
                self.set_state(party, process, FeedState::Filling(Lack::Bulk { rank: 0, leaf: 0 }))
            }
            Found::Differences => self.repair(context, (party, process), compare, now),
            Found::Nonsense => {
                let error = PeerError::Invalid("a digest answer that was not asked for");
                context.event(Event::Misbehaved { peer: party, error });
            }
        }
    }

    /// Sends what a descent found, in dependency order, and compares again after that.
    fn repair(
        &mut self,
        context: &mut Context,
        (party, process): (Party, ProcessId),
        compare: Compare,
        now: Time,
    ) {
        let epoch = self.epoch;
        let Some(stream) = self.streams.get_mut(&process) else { return };
        let rank = |key: &[u8]| context.rank(process, key);
        // What is not for a card is deleted there.
        let is_for = |row: &crate::table::Row<'_>| match party {
            Party::Card(card) => row.audience().contains(card),
            Party::Unit(_) => true,
        };
        let order = |keys: Vec<Blob>, stream: &super::stream::Stream| {
            let held = |key: &[u8]| {
                stream.table.row(key).filter(|row| !row.deleted()).is_some_and(|row| is_for(&row))
            };
            in_dependency_order(keys, rank, |key| !held(key))
        };
        let repairs = order(compare.repairs, stream);
        let fills = order(compare.fills, stream);
        if let Party::Card(card) = party {
            let mut bytes = 0;
            stream.learn_refused(card, &compare.refused, now.after(context.chassis.timing.retry));
            for key in &repairs {
                stream.issue_current(epoch, key, Origin::Repair, Audience::cards([card]));
                bytes += stream
                    .log
                    .get(stream.issued().seq)
                    .map_or(0, |op| crate::wire::card_op_bytes(&op.for_card(card)));
            }
            if let Some(takeover) = &mut self.takeover {
                takeover.sent(process, card, (repairs.len() as u64, bytes));
            }
        }
        self.set_state(party, process, FeedState::Filling(Lack::Keys(fills.into())));
    }

    /// A follower's digest is equal.
    fn in_step(&mut self, context: &mut Context, party: Party, process: ProcessId, now: Time) {
        let epoch = self.epoch;
        let Some(feed) = self.streams.get_mut(&process).and_then(|stream| stream.feeds.get_mut(&party))
        else {
            return;
        };
        feed.state = FeedState::InStep { audit: None };
        feed.given_up = false;
        feed.audited_at = now;
        feed.counts = true;
        let step = InStep { epoch, process, session: feed.session };
        match party {
            Party::Card(card) => {
                context.send_card(card, ToCard::InStep(step));
                // What it refused under a former primary, or on a former link, has no date yet.
                let retry_at = now.after(context.chassis.timing.retry);
                let stream = self.streams.get_mut(&process);
                stream.into_iter().for_each(|stream| stream.failures.try_again(card, retry_at));
                if let Some(takeover) = &mut self.takeover {
                    takeover.verified(process, card, now);
                }
            }
            Party::Unit(unit) => context.send_unit(unit, UnitMessage::Primary(ToStandby::InStep(step))),
        }
        self.roster_due = true;
        context.event(Event::InStep { process, follower: party });
    }
}
