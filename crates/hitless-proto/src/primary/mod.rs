//! The primary control unit: issues ops, sends them to cards and standbys, and tells sources what is safe.
//!
//! ```text
//!   taking over --(standbys synced, record opened)--> open --begin_switchover--> draining --> handed over
//!        |                                             ^                            |              |
//!        |                                             +------- aborted -----------+--------------+
//!        +---------------(a newer epoch is heard of: becomes a standby)------------------------> gone
//! ```

mod answers;
mod compare;
mod feed;
mod membership;
mod pump;
mod rebuild;
mod recovery;
mod stream;
mod switchover;
pub(crate) mod takeover;
mod view;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::arbiter::Record;
use crate::config::OutputRule;
use crate::context::Context;
use crate::entry::{Audience, Change, Origin};
use crate::error::SubmitError;
use crate::ids::{CardId, Epoch, Life, Party, ProcessId, Seq, Time, UnitId, Version};
use crate::io::{Event, Role};
use crate::kept::KeepBatch;
use crate::limits::MAX_UNSTABLE;
use crate::log::Log;
use crate::message::{FromStandby, Position, UnitMessage, UnitReport};
use crate::rules::{Rule, holds};
use crate::standby::Standby;
use crate::standby::replica::Replica;
use crate::table::Table;
use feed::Feed;
use recovery::Recovery;
use stream::Stream;
use switchover::Switchover;
use takeover::{Held, Takeover};

/// What the arbiter granted, and how it came to it.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) record: Record,
    /// With the old primary's consent.
    pub(crate) planned: bool,
    /// No unit has live state: rebuild from the cards.
    pub(crate) recovering: bool,
    /// When the campaign began.
    pub(crate) began: Time,
}

/// Where the primary's own career stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    TakingOver,
    Open,
    HandingOver(Switchover),
}

#[derive(Clone, Debug)]
pub(crate) struct Primary {
    pub(crate) epoch: Epoch,
    streams: BTreeMap<ProcessId, Stream>,
    /// As the arbiter has it.
    pub(crate) record: Record,
    /// As it is to be: until it is written, an op is safe only under both.
    writing: Option<Record>,
    phase: Phase,
    takeover: Option<Takeover>,
    recovery: Option<Recovery>,
    /// With the gated rule: up to where cards may be sent ops. Never goes down: who is in sync holds all of that.
    gates: BTreeMap<ProcessId, Seq>,
    roster_due: bool,
    /// A newer epoch was heard of, but not from its owner: the record is written again, if only to see whether it may be.
    doubted: bool,
    /// The owner of a newer epoch, once heard of: this epoch is over.
    pub(crate) deposed: Option<(Epoch, UnitId)>,
}

impl Primary {
    /// The standby process becomes the primary's: it goes on maintaining the state (claims 6, 21, 28).
    pub(crate) fn take_over(context: &mut Context, standby: Standby, grant: Grant, now: Time) -> Self {
        let overdue_before = Time(now.0.saturating_sub(context.chassis.timing.ack_overdue));
        let (mut streams, mut held) = (BTreeMap::new(), BTreeMap::new());
        for (process, mut replica) in standby.replicas {
            if grant.recovering {
                // It was never in sync: what it holds stands as of where its store was, if anything does.
                replica = replica.recovering();
            }
            let overdue = replica.pending_since(overdue_before);
            let Replica { epoch, folded, astray, .. } = replica;
            held.insert(process, Held { epoch, folded, overdue, astray });
            if holds(Rule::RollForward) {
                replica.roll_forward();
            }
            if astray {
                replica.begin_anew(grant.record.epoch);
            }
            streams.insert(process, Self::stream(context, replica));
        }
        let epoch = grant.record.epoch;
        let mut primary = Self {
            epoch,
            streams,
            record: grant.record.clone(),
            writing: None,
            phase: Phase::TakingOver,
            recovery: grant.recovering.then(Recovery::default),
            takeover: Some(Takeover::new(grant, held, now)),
            gates: BTreeMap::new(),
            roster_due: true,
            doubted: false,
            deposed: None,
        };
        for unit in context.other_units() {
            context.send_unit(unit, UnitMessage::Report(primary.report()));
        }
        let cards: Vec<CardId> = context.cards.keys().copied().collect();
        cards.into_iter().for_each(|card| primary.claim(context, card));
        primary
    }

    fn stream(context: &Context, replica: Replica) -> Stream {
        let cards = context.chassis.cards.iter().map(|card| Party::Card(*card));
        let units = context.chassis.units.iter().filter(|unit| **unit != context.unit);
        let parties = cards.chain(units.map(|unit| Party::Unit(*unit)));
        Stream {
            process: replica.process,
            keep: replica.received(),
            table: replica.table,
            log: replica.log,
            failures: replica.failures,
            feeds: parties.map(|party| (party, Feed::new(party))).collect(),
            programmed: Seq(0),
            safe: Seq(0),
            stable: replica.stable.min(replica.folded),
        }
    }

    /// The epoch is over: what remains is a standby that must be compared with the new primary.
    pub(crate) fn step_down(self, epoch: Epoch, me: (UnitId, Life)) -> Standby {
        let live = self.record.in_sync.contains(&me);
        let replicas = self.streams.into_iter().map(|(process, stream)| {
            (process, Replica::left_behind(process, stream.table, stream.log, stream.failures))
        });
        Standby::left_behind(epoch, replicas.collect(), live)
    }

    pub(crate) fn role(&self) -> Role {
        match self.phase {
            Phase::TakingOver => Role::TakingOver,
            Phase::Open => Role::Primary,
            Phase::HandingOver(_) => Role::HandingOver,
        }
    }

    pub(crate) fn report(&self) -> UnitReport {
        let positions = self.streams.values().map(|stream| Position {
            process: stream.process,
            received: stream.issued(),
            folded: stream.issued(),
            entries: stream.table.entries(),
        });
        UnitReport { epoch: self.epoch, primary: true, live: true, positions: positions.collect() }
    }

    pub(crate) fn positions(&self) -> Vec<(ProcessId, Version)> {
        self.streams.values().map(|stream| (stream.process, stream.issued())).collect()
    }

    /// How many changes can be submitted now.
    pub(crate) fn room(&self, process: ProcessId) -> usize {
        let closed = matches!(self.phase, Phase::HandingOver(_)) && holds(Rule::CloseIntake);
        if closed || self.recovery.is_some() {
            return 0;
        }
        self.streams.get(&process).map_or(0, Stream::room)
    }

    /// A source submits a change.
    pub(crate) fn submit(
        &mut self,
        context: &Context,
        process: ProcessId,
        change: Change,
    ) -> Result<Version, SubmitError> {
        context.check(process, &change)?;
        if self.room(process) == 0 {
            return Err(SubmitError::Busy);
        }
        let Some(stream) = self.streams.get_mut(&process) else {
            return Err(SubmitError::UnknownProcess(process));
        };
        let cookie = context.process(process).map(|of| of.cookie(&change)).unwrap_or_default();
        Ok(stream.submit(self.epoch, change, cookie))
    }

    /// The link with a party is gone.
    pub(crate) fn handle_lost(&mut self, context: &mut Context, party: Party) {
        for stream in self.streams.values_mut() {
            let process = stream.process;
            if let Some(feed) = stream.feeds.get_mut(&party) {
                if feed.in_step() {
                    context.event(Event::OutOfStep { process, follower: party, reason: "its link is gone" });
                }
                feed.lost();
            }
        }
        self.roster_due = true;
        if let Party::Card(card) = party {
            self.takeover.iter_mut().for_each(|takeover| takeover.lost(card));
            self.recovery.iter_mut().for_each(|recovery| recovery.lost(card));
        }
    }

    /// Another unit reports: a standby to be brought in step, or the owner of a newer epoch.
    pub(crate) fn handle_report(&mut self, context: &mut Context, from: UnitId, report: &UnitReport) {
        if report.epoch > self.epoch && report.primary {
            self.deposed = Some((report.epoch, from));
        } else if report.epoch > self.epoch {
            // Its owner may be gone: the arbiter knows.
            self.doubted = true;
        } else if report.epoch == self.epoch && !report.primary {
            self.begin_unit(context, from, report);
        } else {
            context.send_unit(from, UnitMessage::Report(self.report()));
        }
    }

    /// A standby follows: by tail where what it received is a prefix of the log, else by digest.
    fn begin_unit(&mut self, context: &mut Context, unit: UnitId, report: &UnitReport) {
        if let Some(recovery) = &mut self.recovery {
            recovery.units.insert(unit, report.clone());
            return;
        }
        let party = Party::Unit(unit);
        if self.streams.values().all(|stream| stream.feeds.get(&party).is_some_and(Feed::open)) {
            return;
        }
        let epoch = self.epoch;
        for stream in self.streams.values_mut() {
            let at = report.positions.iter().find(|position| position.process == stream.process);
            let base = at.and_then(|at| tail_base(stream, at)).unwrap_or(stream.issued().seq);
            if let Some(feed) = stream.feeds.get_mut(&Party::Unit(unit)) {
                feed.lost();
                feed.begin(base);
                pump::send_start(context, epoch, stream, Party::Unit(unit));
            }
        }
        self.roster_due = true;
    }

    pub(crate) fn handle_standby(
        &mut self,
        context: &mut Context,
        from: UnitId,
        message: FromStandby,
        now: Time,
    ) {
        match message {
            FromStandby::Received { epoch, process, session, upto, consumed } if epoch == self.epoch => {
                self.take_receipt(context, from, (process, session), (upto, consumed));
            }
            FromStandby::Received { .. } => {}
            FromStandby::Tell(tell) => self.take_tell(context, Party::Unit(from), tell, now),
            FromStandby::Broken(broken) => self.take_broken(context, Party::Unit(from), &broken),
            FromStandby::Declined(consent) => self.take_declined(context, from, consent),
        }
    }

    /// Everything that follows from what was taken: plans, watermarks, membership, and what is sent.
    pub(crate) fn advance(&mut self, context: &mut Context, now: Time) {
        if self.deposed.is_some() {
            return;
        }
        let planned = self.takeover.as_ref().is_none_or(|takeover| takeover.planned);
        let answered = self.takeover.as_ref().is_some_and(|takeover| takeover.awaited.is_empty());
        if !planned && answered {
            self.begin_recovery_or_plan(context);
        }
        self.advance_recovery(context);
        self.advance_membership(context);
        self.complete(context, now);
        self.advance_switchover(context);
        self.send_roster(context);
        self.pump(context);
        if self.phase != Phase::TakingOver
            && let Some(takeover) = &mut self.takeover
            && let Some(report) = takeover.finished(&context.chassis.cards)
        {
            self.takeover = None;
            context.keep_report(report);
        }
    }

    fn begin_recovery_or_plan(&mut self, context: &mut Context) {
        match &self.recovery {
            Some(recovery) if !recovery.done => self.begin_recovery(context),
            Some(_) | None => self.plan_all(context),
        }
    }

    /// Moves the watermarks and tells of it.
    fn complete(&mut self, context: &mut Context, now: Time) {
        let open = self.phase != Phase::TakingOver || !holds(Rule::OpenFirst);
        for process in context.process_ids() {
            let received = self.received(context, process);
            if context.chassis.output_rule == OutputRule::Gated && holds(Rule::Gate) {
                let upto = received.min(self.received_by_others(process));
                let gate = self.gates.entry(process).or_default();
                *gate = upto.max(*gate);
            }
            let Some(stream) = self.streams.get_mut(&process) else { continue };
            if stream.complete(received, open) {
                context.event(Event::Completed { process, programmed: stream.programmed, safe: stream.safe });
            }
            stream.mark_silent(now);
            for party in stream.overtaken() {
                self.begin_anew(context, party, process, "it is further behind than ops are kept");
            }
        }
    }

    /// Up to where every standby of the record, and of the one that is being written, holds the ops of a process.
    fn received(&self, context: &Context, process: ProcessId) -> Seq {
        let Some(stream) = self.streams.get(&process) else { return Seq(0) };
        let old = Some(&self.record).filter(|_| self.writing.is_none() || holds(Rule::OldSet));
        let sets = old.into_iter().chain(&self.writing).flat_map(|record| &record.in_sync);
        let others = sets.filter(|member| member.0 != context.unit);
        let held = |(unit, life): &(UnitId, Life)| {
            let party = Party::Unit(*unit);
            let feed = stream.feeds.get(&party).filter(|feed| feed.in_step());
            feed.filter(|_| context.links.get(&party) == Some(life)).map_or(Seq(0), |feed| feed.acked)
        };
        let held = if holds(Rule::GateAll) { others.map(held).min() } else { others.map(held).max() };
        held.filter(|_| holds(Rule::Receipt)).unwrap_or(stream.issued().seq)
    }

    /// Up to where the standbys hold the ops of a process that are in step, and in no record yet: one that is always behind
    /// what cards were sent could never be named.
    fn received_by_others(&self, process: ProcessId) -> Seq {
        let records = || [Some(&self.record), self.writing.as_ref()].into_iter().flatten();
        let named =
            |unit: UnitId| records().flat_map(|record| &record.in_sync).any(|member| member.0 == unit);
        let feeds = self.streams.get(&process).into_iter().flat_map(|stream| stream.feeds.values());
        let others = feeds.filter(|feed| match feed.party {
            Party::Unit(unit) => feed.in_step() && !named(unit),
            Party::Card(_) => false,
        });
        others.map(|feed| feed.acked).min().unwrap_or(Seq(u64::MAX))
    }

    pub(crate) fn next_timeout(&self, context: &Context) -> Option<Time> {
        let timing = &context.chassis.timing;
        let of_streams = self.streams.values().filter_map(|stream| stream.next_timeout(timing)).min();
        let of_phase = match &self.phase {
            Phase::HandingOver(switchover) => switchover.deadline,
            Phase::TakingOver | Phase::Open => None,
        };
        let of_takeover = self.takeover.as_ref().and_then(|takeover| takeover.patience_ends(timing));
        [of_streams, of_phase, of_takeover].into_iter().flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self, context: &mut Context, now: Time) {
        let epoch = self.epoch;
        let timing = context.chassis.timing;
        // A hand-over drains what was issued. And before it is known what cards hold, nobody can say whether what would be tried
        // again still stands: issued now, it would count as named again.
        let hands_over = matches!(self.phase, Phase::HandingOver(_));
        let later = hands_over || self.takeover.as_ref().is_some_and(|takeover| !takeover.planned);
        for process in context.process_ids() {
            let Some(stream) = self.streams.get_mut(&process) else { continue };
            for (card, key) in stream.failures.due(now) {
                if later {
                    stream.failures.try_at(card, &key, now.after(timing.retry));
                } else if context.connected(Party::Card(card)) {
                    stream.issue_current(epoch, &key, Origin::Retry, Audience::cards([card]));
                }
            }
            for party in stream.silent(&timing, now) {
                self.give_up(context, party, process);
            }
            let Some(stream) = self.streams.get_mut(&process) else { continue };
            stream.audit(context, epoch, now);
        }
        if let Some(takeover) = &mut self.takeover {
            takeover.give_up_silent(&timing, now);
        }
        self.switchover_timeout(context, now);
    }

    /// Something waited for a follower, and it was silent for too long: nothing does until it is in step again.
    fn give_up(&mut self, context: &mut Context, party: Party, process: ProcessId) {
        let stream = self.streams.get_mut(&process);
        let Some(feed) = stream.and_then(|stream| stream.feeds.get_mut(&party)) else { return };
        feed.lost();
        feed.given_up = true;
        if let Party::Card(card) = party {
            self.takeover.iter_mut().for_each(|takeover| takeover.lost(card));
        }
        let reason = "something waited for it, and it was silent for too long";
        self.begin_anew(context, party, process, reason);
    }

    /// What the unit's store is to be given next, once the state is whole.
    pub(crate) fn take_unkept(&mut self, most: usize) -> Option<KeepBatch> {
        let planned = self.takeover.as_ref().is_none_or(|takeover| takeover.planned);
        if self.recovery.is_some() || !planned {
            return None;
        }
        self.streams.values_mut().find_map(|stream| {
            let at = stream.kept_at();
            Some(KeepBatch::of(stream.process, stream.table.take_unkept(most, at)?))
        })
    }

    pub(crate) fn tables_mut(&mut self) -> impl Iterator<Item = &mut Table> {
        self.streams.values_mut().map(|stream| &mut stream.table)
    }

    pub(crate) fn invariants(&self) -> Result<(), &'static str> {
        for stream in self.streams.values() {
            if stream.safe > stream.programmed || stream.programmed > stream.issued().seq {
                return Err("safe <= programmed <= issued");
            }
            let unbounded = stream.unstable() > 2 * MAX_UNSTABLE;
            if self.takeover.is_none() && stream.failures.is_empty() && unbounded {
                return Err("what is not stable is bounded");
            }
            if stream.feeds.values().any(|feed| feed.acked > feed.prev || feed.prev >= feed.next) {
                return Err("acked <= sent < next");
            }
            if !stream.overtaken().is_empty() {
                return Err("the log keeps what is to be sent");
            }
        }
        Ok(())
    }
}

/// The position from which a standby can go on by tail: where it stands, or where its former primary's ops that this
/// unit holds end, if it has folded nothing beyond.
fn tail_base(stream: &Stream, at: &Position) -> Option<Seq> {
    let log: &Log = &stream.log;
    let (received, keep) = (at.received, stream.keep);
    if log.covers(received.seq) && log.version_at(received.seq) == received {
        return Some(received.seq);
    }
    let beyond = received.epoch == keep.epoch && received.seq > keep.seq && at.folded.seq <= keep.seq;
    (beyond && log.covers(keep.seq)).then_some(keep.seq)
}
