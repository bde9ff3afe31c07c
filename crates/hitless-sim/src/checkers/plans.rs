//! Takeovers that are under way: per channel what was planned, and what else the card may be sent meanwhile.

use std::collections::BTreeMap;

use hitless_proto::entry::{Blob, CardOp, Origin};
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, UnitId, Version};
use hitless_proto::io::Event;
use hitless_proto::message::{CardOps, ChannelAnswer, FromCard, Message, ToCard};
use hitless_proto::plan::ChannelPlan;
use hitless_proto::report::Method;

use super::Seen;
use crate::world::World;

/// A channel that goes by acks, from its plan until it is in step or begins anew.
pub(super) struct Active {
    pub(super) unit: UnitId,
    pub(super) epoch: Epoch,
    pub(super) plan: ChannelPlan,
    /// Keys that the card was sent since, and why.
    pub(super) sent: BTreeMap<Blob, Origin>,
}

impl Active {
    /// The plan puts this key in doubt.
    pub(super) fn replays(&self, key: &Blob) -> bool {
        self.plan.whole || self.plan.replay.contains(key)
    }

    /// Nothing is in doubt here.
    pub(super) fn is_clean(&self) -> bool {
        !self.plan.whole && self.plan.replay.is_empty()
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Plans {
    active: BTreeMap<(CardId, ProcessId), Active>,
    /// What each card answered to the last claim that it promised: the epoch, and the last op applied where it knew.
    answers: BTreeMap<(CardId, ProcessId), (Epoch, Option<Version>)>,
}

impl Plans {
    /// What is under way on a channel.
    pub(super) fn of(&self, card: CardId, process: ProcessId) -> Option<&Active> {
        self.active.get(&(card, process))
    }

    /// The last op that the card named as applied when it promised `epoch`.
    pub(super) fn answered(&self, card: CardId, process: ProcessId, epoch: Epoch) -> Option<Version> {
        let (of, applied) = self.answers.get(&(card, process))?;
        applied.filter(|_| *of == epoch)
    }

    pub(super) fn note(&mut self, world: &World, seen: &Seen<'_>) {
        match seen {
            Seen::Started { party: Party::Card(card) } => self.active.retain(|(of, _), _| of != card),
            Seen::Started { party: Party::Unit(unit) } => {
                self.active.retain(|_, active| active.unit != *unit)
            }
            Seen::Sent {
                from: Party::Card(card),
                message: Message::FromCard(FromCard::Promise(promise)),
                ..
            } => {
                for (process, answer) in &promise.channels {
                    let applied = match answer {
                        ChannelAnswer::Known { applied, .. } => Some(*applied),
                        ChannelAnswer::Unknown => None,
                    };
                    self.answers.insert((*card, *process), (promise.epoch, applied));
                }
            }
            Seen::Sent {
                from: Party::Unit(unit),
                to: Party::Card(card),
                message: Message::ToCard(message),
            } => {
                match message {
                    // A claim in the course of the epoch, or a new beginning: what was planned is over.
                    ToCard::Claim(_) => self.active.retain(|(of, _), _| of != card),
                    ToCard::Start(start) => {
                        self.active.remove(&(*card, start.process));
                    }
                    ToCard::Ops(ops) => self.sent(world, (*unit, *card), ops),
                    ToCard::Fill(_) | ToCard::Ask(_) | ToCard::InStep(_) | ToCard::Vote(_) => {}
                }
            }
            Seen::Event { party: Party::Unit(unit), event: Event::Planned(plan) } => {
                self.planned(world, *unit, plan)
            }
            Seen::Event { event: Event::InStep { process, follower: Party::Card(card) }, .. }
            | Seen::Event { event: Event::OutOfStep { process, follower: Party::Card(card), .. }, .. } => {
                self.active.remove(&(*card, *process));
            }
            Seen::Sent { .. }
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
    }

    fn planned(&mut self, world: &World, unit: UnitId, plan: &ChannelPlan) {
        // By what it said last: it may have been deposed by the time its plans are told.
        let epoch = world.epochs.get(&unit).copied().unwrap_or_default();
        let promised = world.card(plan.card).map(|card| card.promised());
        if promised != Some((epoch, unit)) {
            // It claimed the card long ago, and was not scheduled meanwhile.
            return;
        }
        let channel = (plan.card, plan.process);
        self.active.remove(&channel);
        if plan.method == Method::Replay {
            let (plan, sent) = (plan.clone(), BTreeMap::new());
            self.active.insert(channel, Active { unit, epoch, plan, sent });
        }
    }

    fn sent(&mut self, world: &World, (unit, card): (UnitId, CardId), ops: &CardOps) {
        let active = self.active.get_mut(&(card, ops.process));
        let Some(active) = active.filter(|of| of.unit == unit && of.epoch == ops.epoch) else { return };
        let origin = |op: &CardOp| Some(world.unit(unit)?.logged(ops.process, op.version.seq)?.origin);
        active.sent.extend(ops.ops.iter().filter_map(|op| Some((op.key.clone(), origin(op)?))));
    }
}
