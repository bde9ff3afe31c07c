//! The parties, one by one. Each state of a party is kept once, and each step of it is computed once.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use hitless_proto::config::{ArbiterKind, Chassis, OutputRule, Timing};
use hitless_proto::entry::{Audience, Blob};
use hitless_proto::ids::{CardId, Epoch, Life, Party, Time, UnitId};
use hitless_proto::io::{Durable, Event, Output, Write};
use hitless_proto::message::{Message, Question, ToCard};
use hitless_proto::process::table;
use hitless_proto::report::Method;
use hitless_proto::{Card, CardConfig, CardStart, ControlUnit, UnitConfig, UnitStart};

use crate::bounds::{Bounds, FIRST_NAMED, Wanted};
use crate::facts::Facts;
use crate::fingerprint::{self, of_debug};
use crate::input::{DurableId, Effect, Input, LocalId, MessageId, WritesId};
use crate::normal;

/// Evictions, audits and retries, which the model leaves out, come after this many microseconds.
const NEVER: u64 = 1 << 50;

/// The card of keys that are not for all.
const NAMED: CardId = CardId(1);

#[derive(Clone, Debug)]
enum Machine {
    Unit(ControlUnit),
    Card(Card),
}

struct Local {
    machine: Machine,
    clock: Time,
    facts: Facts,
}

/// Where a step of a party leads, and what it puts out.
pub(crate) type Step = (LocalId, Vec<Effect>);

/// All states of all parties that were seen, with the steps between them.
pub(crate) struct Locals {
    chassis: Chassis,
    ops: Vec<Wanted>,
    slow_disk: bool,
    locals: Vec<Local>,
    by_print: HashMap<u128, LocalId>,
    steps: HashMap<(LocalId, Input), Rc<Step>>,
    messages: Numbered<Message>,
    durables: Numbered<Durable>,
    writes: Numbered<Vec<Write>>,
}

/// Values by number, each kept once.
struct Numbered<T> {
    values: Vec<T>,
    by_print: HashMap<u128, u32>,
}

impl<T: std::fmt::Debug> Numbered<T> {
    fn new() -> Self {
        Self { values: Vec::new(), by_print: HashMap::new() }
    }

    fn number(&mut self, value: T) -> u32 {
        let next = self.values.len() as u32;
        let number = *self.by_print.entry(of_debug(&value)).or_insert(next);
        if number == next {
            self.values.push(value);
        }
        number
    }
}

/// The key of an op, as the table process has it.
pub(crate) fn key(wanted: Wanted) -> Blob {
    Blob::new(&[b'a' + wanted.0])
}

/// Whether an entry is for a card.
pub(crate) fn is_for(key: &Blob, card: CardId) -> bool {
    card == NAMED || key.first().is_none_or(|letter| *letter < b'a' + FIRST_NAMED)
}

/// The value of an op, as a card has it.
pub(crate) fn value(wanted: Wanted) -> Option<Blob> {
    wanted.1.map(|value| Blob::new(&[b'0' + value]))
}

impl Locals {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        let units: Vec<UnitId> = (1..=bounds.units).map(UnitId).collect();
        let cards: Vec<CardId> = (1..=bounds.cards).map(CardId).collect();
        let mut voters: Vec<Party> = units.iter().map(|unit| Party::Unit(*unit)).collect();
        if units.len().is_multiple_of(2) {
            voters.push(Party::Card(CardId(1)));
        }
        let timing = Timing {
            campaign: 0,
            ack_overdue: NEVER,
            retry: NEVER,
            evict: NEVER,
            audit: 0,
            switchover: NEVER,
        };
        let chassis = Chassis {
            name: "model".into(),
            digest_key: 7,
            units,
            cards,
            arbiter: ArbiterKind::Voters(voters),
            ack_path: bounds.ack_path,
            output_rule: bounds.output_rule,
            timing,
        };
        let mut durables = Numbered::new();
        durables.number(Durable::default());
        Self {
            chassis,
            ops: bounds.ops.clone(),
            slow_disk: bounds.slow_disk,
            locals: Vec::new(),
            by_print: HashMap::new(),
            steps: HashMap::new(),
            messages: Numbered::new(),
            durables,
            writes: Numbered::new(),
        }
    }

    pub(crate) fn facts(&self, id: LocalId) -> &Facts {
        &self.locals[id.0 as usize].facts
    }

    pub(crate) fn message(&self, id: MessageId) -> &Message {
        &self.messages.values[id.0 as usize]
    }

    pub(crate) fn writes(&self, id: WritesId) -> &[Write] {
        &self.writes.values[id.0 as usize]
    }

    /// The highest epoch that what is on a disk promises.
    pub(crate) fn promised_on(&self, disk: DurableId) -> Epoch {
        let durable = &self.durables.values[disk.0 as usize];
        durable.promised.max(durable.voter.promised.epoch)
    }

    /// States of parties, and steps of parties, that were computed.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.locals.len(), self.steps.len())
    }

    /// A party begins a life. A card finds `table` in its forwarding table.
    pub(crate) fn start(
        &mut self,
        party: Party,
        life: Life,
        disk: DurableId,
        table: &BTreeMap<Blob, Blob>,
    ) -> LocalId {
        let (chassis, durable) = (self.chassis.clone(), self.durables.values[disk.0 as usize].clone());
        let clock = Time(1);
        let machine = match party {
            Party::Unit(unit) => {
                let start = UnitStart { life, durable, seed: 0 };
                let config = UnitConfig { chassis, unit };
                Machine::Unit(ControlUnit::new(config, vec![Box::new(table::Table)], start, clock))
            }
            Party::Card(card) => {
                let config = CardConfig { chassis, card, processes: vec![table::ID] };
                let mut card = Card::new(config, CardStart { life, durable, secret: 9 });
                card.adopt(table::ID, table.iter().map(|(key, part)| (key.clone(), part.clone())));
                Machine::Card(card)
            }
        };
        self.keep(machine, clock)
    }

    /// What a party does with an input: the state that follows, and what it puts out.
    pub(crate) fn step(&mut self, at: LocalId, input: Input) -> Rc<Step> {
        if let Some(known) = self.steps.get(&(at, input)) {
            return Rc::clone(known);
        }
        let local = &self.locals[at.0 as usize];
        let (mut machine, mut clock) = (local.machine.clone(), local.clock);
        let mut effects = Vec::new();
        match &mut machine {
            Machine::Unit(unit) => self.call_unit(unit, input, &mut clock, &mut effects),
            Machine::Card(card) => self.call_card(card, input, &mut effects),
        }
        while let Some(output) = machine.poll_output() {
            self.effect(output, &mut effects);
        }
        if let Err(rule) = machine.invariants() {
            effects.push(Effect::Violates("invariants of a party", rule.into()));
        }
        let next = self.keep(machine, clock);
        let known = Rc::new((next, effects));
        self.steps.insert((at, input), Rc::clone(&known));
        known
    }

    fn call_unit(&self, unit: &mut ControlUnit, input: Input, clock: &mut Time, effects: &mut Vec<Effect>) {
        let now = *clock;
        match input {
            Input::Connected(peer, life) => unit.handle_connected(peer, life, now),
            Input::Disconnected(peer) => unit.handle_disconnected(peer, now),
            Input::Message(from, id) => unit.handle_message(from, self.message(id).clone(), now),
            Input::Persisted(token) => unit.handle_persisted(token, now),
            Input::Timeout => {
                *clock = now.max(unit.next_timeout().unwrap_or(now));
                unit.handle_timeout(*clock);
            }
            Input::Submit(index) => {
                let wanted = self.ops[usize::from(index)];
                let mut change = match value(wanted) {
                    Some(part) => table::put(&key(wanted), &part, b"note"),
                    None => table::delete(&key(wanted)),
                };
                if let Some(content) = change.content.as_mut().filter(|_| wanted.0 >= FIRST_NAMED) {
                    content.audience = Audience::cards([NAMED]);
                }
                if let Ok(version) = unit.submit(table::ID, change, now) {
                    effects.push(Effect::Issued(index, version));
                }
            }
            Input::Applied(..) => {}
        }
    }

    fn call_card(&self, card: &mut Card, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Connected(Party::Unit(unit), life) => card.handle_connected(unit, life),
            Input::Disconnected(Party::Unit(unit)) => card.handle_disconnected(unit),
            Input::Message(Party::Unit(unit), id) => match self.message(id).clone() {
                Message::ToCard(message) => card.handle_message(unit, message),
                other @ (Message::FromCard(_) | Message::Unit(_)) => {
                    effects.push(Effect::Violates("direction of messages", format!("{other:?}")));
                }
            },
            Input::Persisted(token) => card.handle_persisted(token),
            Input::Applied(batch, writes) => card.handle_applied(table::ID, batch, vec![Ok(()); writes]),
            Input::Timeout | Input::Submit(_) => {}
            Input::Connected(Party::Card(_), _)
            | Input::Disconnected(Party::Card(_))
            | Input::Message(Party::Card(_), _) => {}
        }
    }

    fn effect(&mut self, output: Output, effects: &mut Vec<Effect>) {
        match output {
            Output::Transmit { to, message } => {
                if let Message::ToCard(ToCard::Ask(ask)) = &message
                    && matches!(ask.question, Question::Leaves { with_parts: true, .. })
                {
                    effects.push(Effect::Recovers);
                }
                effects.push(Effect::Send(to, MessageId(self.messages.number(message))));
            }
            Output::Persist { token, durable } => {
                effects.push(Effect::Persist(token, DurableId(self.durables.number(durable))));
            }
            Output::Apply { batch, writes, .. } => {
                effects.push(Effect::Apply(batch, WritesId(self.writes.number(writes))));
            }
            Output::Arbitrate(request) => {
                effects.push(Effect::Violates("the arbiter is the voters", format!("{request:?}")));
            }
            Output::Event(Event::Planned(plan))
                if self.chassis.output_rule == OutputRule::Gated && !plan.adopt.is_empty() =>
            {
                effects.push(Effect::Violates("with the gated rule there is no orphan", plan.to_string()));
            }
            Output::Event(event) => effects.extend(event_effect(event)),
        }
    }

    fn keep(&mut self, machine: Machine, clock: Time) -> LocalId {
        let next = LocalId(self.locals.len() as u32);
        let text = format!("{machine:?} at {clock:?}");
        let print = fingerprint::of(&normal::form(&text, self.slow_disk));
        let id = *self.by_print.entry(print).or_insert(next);
        if id == next {
            let facts = match &machine {
                Machine::Unit(unit) => Facts::of_unit(unit, clock, &text),
                Machine::Card(card) => Facts::of_card(card),
            };
            self.locals.push(Local { machine, clock, facts });
        }
        id
    }
}

fn event_effect(event: Event) -> Option<Effect> {
    match event {
        Event::Completed { programmed, safe, .. } => Some(Effect::Completed { programmed, safe }),
        Event::Misbehaved { .. } => {
            Some(Effect::Violates("honest parties do not misbehave", format!("{event:?}")))
        }
        Event::Takeover(report) => {
            let wide = report
                .channels
                .iter()
                .find(|channel| channel.method == Method::Replay && channel.replayed > channel.in_doubt)?;
            Some(Effect::Violates("what is replayed was in doubt", format!("{wide:?}")))
        }
        Event::Planned(plan) if plan.method == Method::Replay => {
            let keys = plan.replay.iter().cloned().chain(plan.adopt.iter().map(|op| op.key.clone()));
            Some(Effect::Planned(plan.card, (!plan.whole).then(|| keys.collect())))
        }
        Event::Planned(_)
        | Event::Role { .. }
        | Event::Failed { .. }
        | Event::Cured { .. }
        | Event::InStep { .. }
        | Event::OutOfStep { .. }
        | Event::SwitchoverAborted { .. }
        | Event::Waiting { .. }
        | Event::StoreFailed => None,
    }
}

impl Machine {
    fn poll_output(&mut self) -> Option<Output> {
        match self {
            Self::Unit(unit) => unit.poll_output(),
            Self::Card(card) => card.poll_output(),
        }
    }

    fn invariants(&self) -> Result<(), &'static str> {
        match self {
            Self::Unit(unit) => unit.invariants(),
            Self::Card(card) => card.invariants(),
        }
    }
}
