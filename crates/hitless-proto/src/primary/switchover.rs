//! Planned switchover: drain, compare, hand over; nothing is in doubt, so nothing is replayed.

use alloc::string::String;

use super::feed::FeedState;
use super::{Phase, Primary, Stream};
use crate::context::Context;
use crate::error::SwitchoverError;
use crate::ids::{Party, Time, UnitId};
use crate::io::Event;
use crate::message::{Consent, HandOver, ToStandby, UnitMessage};
use crate::rules::{Rule, holds};

/// How far a hand-over has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Switchover {
    to: UnitId,
    pub(super) deadline: Option<Time>,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Intake is closed; what was issued is still to become stable, and to be answered by every follower in step.
    Draining,
    /// The candidate's digest is asked for once more.
    Comparing,
    /// The candidate has this unit's consent: nothing is completed any more.
    HandedOver,
    /// Given up: the role is this unit's again iff the arbiter stores a record of its epoch.
    TakingBack,
}

impl Switchover {
    pub(super) fn taking_back(&self) -> bool {
        self.step == Step::TakingBack
    }
}

impl Primary {
    /// Begins a planned switchover to `to`, or to the lowest unit in sync.
    pub(crate) fn begin_switchover(
        &mut self,
        context: &mut Context,
        to: Option<UnitId>,
        now: Time,
    ) -> Result<UnitId, SwitchoverError> {
        if self.phase != Phase::Open || self.takeover.is_some() {
            return Err(SwitchoverError::UnderWay(self.epoch));
        }
        let in_sync = |unit: UnitId| {
            let party = Party::Unit(unit);
            self.record
                .in_sync
                .iter()
                .any(|(of, life)| *of == unit && context.links.get(&party) == Some(life))
        };
        let to = match to {
            Some(unit) if unit == context.unit => return Err(SwitchoverError::AlreadyPrimary(unit)),
            Some(unit) if !in_sync(unit) => return Err(SwitchoverError::NotInSync(unit)),
            Some(unit) => unit,
            None => context
                .other_units()
                .into_iter()
                .find(|unit| in_sync(*unit))
                .ok_or(SwitchoverError::NoStandby)?,
        };
        let deadline = Some(now.after(context.chassis.timing.switchover));
        self.phase = Phase::HandingOver(Switchover { to, deadline, step: Step::Draining });
        Ok(to)
    }

    pub(super) fn advance_switchover(&mut self, context: &mut Context) {
        let Phase::HandingOver(switchover) = &mut self.phase else { return };
        let candidate = Party::Unit(switchover.to);
        if !context.connected(candidate) && matches!(switchover.step, Step::Draining | Step::Comparing) {
            return self.abort_switchover(context, "the link with the candidate is gone");
        }
        let drained = self.writing.is_none() && self.streams.values().all(Stream::drained);
        let drained = drained || !holds(Rule::Drain);
        // The answer to an audit would be taken for one to the comparison.
        let audits = |feed: &super::Feed| feed.in_step() && !feed.audit_possible();
        let asked = self.streams.values().any(|stream| stream.feeds.get(&candidate).is_some_and(audits));
        match switchover.step {
            Step::Draining if drained && !asked => {
                switchover.step = Step::Comparing;
                for stream in self.streams.values_mut() {
                    if let Some(feed) = stream.feeds.get_mut(&candidate).filter(|feed| feed.in_step()) {
                        feed.state = FeedState::Comparing(super::compare::Compare::default());
                    }
                }
            }
            // A card may have come in step meanwhile.
            Step::Comparing if drained => {
                let equal = self
                    .streams
                    .values()
                    .all(|stream| stream.feeds.get(&candidate).is_some_and(super::Feed::in_step));
                if equal {
                    switchover.step = Step::HandedOver;
                    let (to, consent) = (switchover.to, Consent { epoch: self.epoch });
                    let hand_over = HandOver { consent, positions: self.positions() };
                    context.send_unit(to, UnitMessage::Primary(ToStandby::HandOver(hand_over)));
                }
            }
            Step::Draining | Step::Comparing | Step::HandedOver | Step::TakingBack => {}
        }
    }

    /// The candidate cannot take over.
    pub(super) fn take_declined(&mut self, context: &mut Context, from: UnitId, consent: Consent) {
        let this = matches!(&self.phase, Phase::HandingOver(switchover) if switchover.to == from);
        if this && consent.epoch == self.epoch {
            let reason =
                "the candidate declined: it is not in sync any more, or has no link yet to a card in step";
            self.abort_switchover(context, reason);
        }
    }

    pub(super) fn switchover_timeout(&mut self, context: &mut Context, now: Time) {
        if matches!(&self.phase, Phase::HandingOver(Switchover { deadline: Some(at), .. }) if *at <= now) {
            self.abort_switchover(context, "it took too long");
        }
    }

    /// Gives the role back to this unit: at once where no consent was given, else if the arbiter says so.
    fn abort_switchover(&mut self, context: &mut Context, reason: &str) {
        let Phase::HandingOver(switchover) = &mut self.phase else { return };
        switchover.deadline = None;
        match switchover.step {
            Step::Draining | Step::Comparing => self.phase = Phase::Open,
            Step::HandedOver => {
                switchover.step = Step::TakingBack;
                let record = self.record.changed(true, self.record.in_sync.clone());
                self.writing = Some(record.clone());
                context.write = Some(record);
            }
            Step::TakingBack => return,
        }
        context.event(Event::SwitchoverAborted { reason: String::from(reason) });
    }
}
