//! Who is in sync, by the arbiter's record, and what standbys are told of it.

use alloc::vec::Vec;

use super::{Phase, Primary};
use crate::arbiter::Record;
use crate::context::Context;
use crate::ids::{CardId, Life, Party, ProcessId, Time, UnitId};
use crate::message::{Roster, ToStandby, UnitMessage};
use crate::rules::{Rule, holds};

impl Primary {
    /// The units that hold everything: this one, and those whose every process was proved equal, and that have since received
    /// every op that is safe, and with the gated rule every op that cards may have been sent. A record that names a unit may
    /// stand though only one voter has it, so nothing of that may be on its way to the unit.
    fn proved(&self, context: &Context) -> Vec<(UnitId, Life)> {
        let mut proved: Vec<(UnitId, Life)> = Vec::from([(context.unit, context.life)]);
        for unit in context.other_units() {
            let party = Party::Unit(unit);
            let equal = |stream: &super::Stream| {
                let gate = self.gates.get(&stream.process).copied().unwrap_or_default();
                let has = |feed: &super::Feed| feed.in_step() && feed.acked >= stream.safe.max(gate);
                stream.feeds.get(&party).is_some_and(has)
            };
            let synced = !holds(Rule::Resync) || self.streams.values().all(equal);
            if let (true, Some(life)) = (synced, context.links.get(&party)) {
                proved.push((unit, *life));
            }
        }
        proved.sort_unstable();
        proved
    }

    /// Changes the record where it does not name who holds everything, or this epoch may be over; opens it when the standbys are
    /// synced. Who knows of a newer epoch will not follow this unit, and is not waited for.
    pub(super) fn advance_membership(&mut self, context: &mut Context) {
        if self.writing.is_some() || context.write.is_some() {
            return;
        }
        let proved = self.proved(context);
        let change = match self.phase {
            Phase::TakingOver => {
                let planned = self.takeover.as_ref().is_none_or(|takeover| takeover.planned);
                let given_up = |unit: &UnitId| {
                    let feeds =
                        self.streams.values().filter_map(|stream| stream.feeds.get(&Party::Unit(*unit)));
                    feeds.into_iter().any(|feed| feed.given_up)
                };
                let waits = |unit: &UnitId| {
                    !given_up(unit)
                        && context.peers.contains_key(unit)
                        && proved.iter().all(|member| member.0 != *unit)
                };
                planned && (!context.other_units().iter().any(waits) || core::mem::take(&mut self.doubted))
            }
            Phase::Open => core::mem::take(&mut self.doubted) || proved != self.record.in_sync,
            Phase::HandingOver(_) => false,
        };
        if change {
            let record = self.record.changed(true, proved);
            self.writing = Some(record.clone());
            context.write = Some(record);
        }
    }

    /// The arbiter stored a record of this epoch.
    pub(crate) fn record_written(&mut self, record: Record, now: Time) {
        self.writing = None;
        self.record = record;
        self.roster_due = true;
        match &self.phase {
            Phase::TakingOver => {
                self.phase = Phase::Open;
                if let Some(takeover) = &mut self.takeover {
                    takeover.opened(now);
                }
            }
            // The arbiter confirms that the epoch is still this unit's: the hand-over is taken back.
            Phase::HandingOver(switchover) if switchover.taking_back() => self.phase = Phase::Open,
            Phase::HandingOver(_) | Phase::Open => {}
        }
    }

    /// The arbiter could not be reached: the same record is tried again.
    pub(crate) fn record_unavailable(&mut self, context: &mut Context) {
        context.write.clone_from(&self.writing);
    }

    /// Tells the standbys whose acks count, and who is in sync.
    pub(super) fn send_roster(&mut self, context: &mut Context) {
        if !core::mem::take(&mut self.roster_due) {
            return;
        }
        let mut in_step: Vec<(ProcessId, CardId, Life)> = Vec::new();
        for stream in self.streams.values() {
            for feed in stream.feeds.values().filter(|feed| feed.in_step()) {
                if let (Party::Card(card), Some(life)) = (feed.party, context.links.get(&feed.party)) {
                    in_step.push((stream.process, card, *life));
                }
            }
        }
        let roster = Roster { epoch: self.epoch, in_step, in_sync: self.record.in_sync.clone() };
        for unit in context.other_units() {
            let follows = self
                .streams
                .values()
                .any(|stream| stream.feeds.get(&Party::Unit(unit)).is_some_and(super::Feed::open));
            if follows {
                context.send_unit(unit, UnitMessage::Primary(ToStandby::Roster(roster.clone())));
            }
        }
    }
}
