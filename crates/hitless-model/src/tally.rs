//! Where the states come from: how many steps of each kind were taken, how many of them led to a new state, and in which
//! roles the units were.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use hitless_proto::message::{FromCard, FromStandby, Message, ToCard, ToStandby, UnitMessage};

use crate::choice::Choice;
use crate::step::Model;
use crate::world::World;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    kinds: BTreeMap<&'static str, Steps>,
    roles: BTreeMap<String, u64>,
}

/// Steps of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Steps {
    taken: u64,
    new: u64,
}

impl Tally {
    pub(crate) fn step(&mut self, model: &Model, world: &World, (choice, new): (Choice, bool)) {
        let steps = self.kinds.entry(kind(model, world, choice)).or_default();
        steps.taken += 1;
        steps.new += u64::from(new);
    }

    pub(crate) fn state(&mut self, model: &Model, world: &World) {
        let role = |at: usize| match world.hosts[at].local {
            Some(local) => {
                let facts = model.locals.facts(local);
                format!("{:?} {}", facts.role, facts.epoch.0)
            }
            None => "dead".into(),
        };
        let roles: Vec<String> = (0..model.places.units).map(role).collect();
        let left = world.budget.left;
        let faults = left.crashes + left.unit_restarts + left.card_restarts + left.cuts;
        let key = format!("{} faults left, units: {}", faults, roles.join(", "));
        *self.roles.entry(key).or_default() += 1;
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(kind, steps)| (std::cmp::Reverse(steps.taken), **kind));
        writeln!(f, "  {:<24}{:>12}{:>12}", "steps", "taken", "new states")?;
        for (kind, steps) in kinds {
            writeln!(f, "  {kind:<24}{:>12}{:>12}", steps.taken, steps.new)?;
        }
        let mut roles: Vec<_> = self.roles.iter().collect();
        roles.sort_by_key(|(roles, states)| (std::cmp::Reverse(**states), *roles));
        roles.into_iter().try_for_each(|(roles, states)| writeln!(f, "  {states:>12} states: {roles}"))
    }
}

fn kind(model: &Model, world: &World, choice: Choice) -> &'static str {
    match choice {
        Choice::Deliver { link, end } => {
            let first = world.links[link].wires[end].queue.first();
            first.map_or("deliver", |id| of_message(model.locals.message(*id)))
        }
        Choice::SeeEnd { .. } => "see a link's end",
        Choice::Connect { .. } => "connect",
        Choice::Persist(_) => "disk done",
        Choice::Apply(_) => "forwarding table done",
        Choice::Timeout(_) => "timeout",
        Choice::Submit(_) => "submit",
        Choice::Crash(_) => "die",
        Choice::Restart { .. } => "start again",
        Choice::Cut { .. } => "give up a link",
    }
}

fn of_message(message: &Message) -> &'static str {
    match message {
        Message::ToCard(message) => match message {
            ToCard::Claim(_) => "to card: claim",
            ToCard::Start(_) => "to card: start",
            ToCard::Ops(_) => "to card: ops",
            ToCard::Fill(_) => "to card: fill",
            ToCard::Ask(_) => "to card: ask",
            ToCard::InStep(_) => "to card: in step",
            ToCard::Vote(_) => "to card: vote",
        },
        Message::FromCard(message) => match message {
            FromCard::Report(_) => "card: report",
            FromCard::Promise(_) => "card: promise",
            FromCard::Refused(_) => "card: refused",
            FromCard::Ack(_) => "card: ack",
            FromCard::Tell(_) => "card: tell",
            FromCard::Broken(_) => "card: broken",
            FromCard::Vote(_) => "card: voted",
        },
        Message::Unit(message) => match message {
            UnitMessage::Report(_) => "unit: report",
            UnitMessage::Vote(_) => "unit: vote",
            UnitMessage::Voted(_) => "unit: voted",
            UnitMessage::Refused(_) => "unit: refused",
            UnitMessage::Primary(message) => match message {
                ToStandby::Start(_) => "to standby: start",
                ToStandby::Ops(_) => "to standby: ops",
                ToStandby::Fill(_) => "to standby: fill",
                ToStandby::Ask(_) => "to standby: ask",
                ToStandby::InStep(_) => "to standby: in step",
                ToStandby::Roster(_) => "to standby: roster",
                ToStandby::Relayed(_) => "to standby: relayed ack",
                ToStandby::HandOver(_) => "to standby: hand over",
            },
            UnitMessage::Standby(message) => match message {
                FromStandby::Received { .. } => "standby: received",
                FromStandby::Tell(_) => "standby: tell",
                FromStandby::Broken(_) => "standby: broken",
                FromStandby::Declined(_) => "standby: declined",
            },
        },
    }
}
