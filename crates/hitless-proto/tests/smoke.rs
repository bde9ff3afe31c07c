//! The smallest chassis in one thread: everything is delivered at once and in order.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, VecDeque};

use hitless_proto::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use hitless_proto::entry::{Audience, Blob, Change, Content};
use hitless_proto::ids::{CardId, Life, Party, ProcessId, Time, UnitId};
use hitless_proto::io::{Durable, Event, Output};
use hitless_proto::message::Message;
use hitless_proto::process::{Process, Processes, table::Table};
use hitless_proto::{Card, CardConfig, CardStart, ControlUnit, UnitConfig, UnitStart};

struct World {
    chassis: Chassis,
    units: BTreeMap<UnitId, ControlUnit>,
    cards: BTreeMap<CardId, Card>,
    tables: BTreeMap<(CardId, ProcessId), BTreeMap<Blob, Blob>>,
    wires: VecDeque<(Party, Party, Message)>,
    durable: BTreeMap<Party, Durable>,
    lives: BTreeMap<Party, Life>,
    now: Time,
    life: u64,
    events: Vec<(UnitId, Event)>,
}

const TABLE: ProcessId = ProcessId(2);

impl World {
    fn new(units: u8, cards: u16) -> Self {
        let mut voters: Vec<Party> = (1..=units).map(|id| Party::Unit(UnitId(id))).collect();
        if units.is_multiple_of(2) {
            voters.push(Party::Card(CardId(1)));
        }
        let chassis = Chassis {
            name: "smoke".into(),
            digest_key: 7,
            units: (1..=units).map(UnitId).collect(),
            cards: (1..=cards).map(CardId).collect(),
            arbiter: ArbiterKind::Voters(voters),
            ack_path: AckPath::Direct,
            output_rule: OutputRule::Parallel,
            timing: Timing::default(),
        };
        let mut world = Self {
            chassis,
            units: BTreeMap::new(),
            cards: BTreeMap::new(),
            tables: BTreeMap::new(),
            wires: VecDeque::new(),
            durable: BTreeMap::new(),
            lives: BTreeMap::new(),
            now: Time(1),
            life: 0,
            events: Vec::new(),
        };
        for id in 1..=units {
            world.start(Party::Unit(UnitId(id)));
        }
        for id in 1..=cards {
            world.start(Party::Card(CardId(id)));
        }
        world
    }

    fn start(&mut self, party: Party) {
        self.life += 1;
        let life = Life(self.life);
        let durable = self.durable.get(&party).cloned().unwrap_or_default();
        match party {
            Party::Unit(unit) => {
                let processes: Processes = vec![Box::new(Table) as Box<dyn Process>];
                let config = UnitConfig { chassis: self.chassis.clone(), unit };
                let start = UnitStart { life, durable, seed: self.life };
                self.units.insert(unit, ControlUnit::new(config, processes, start, self.now));
            }
            Party::Card(card) => {
                let config = CardConfig { chassis: self.chassis.clone(), card, processes: vec![TABLE] };
                self.cards.insert(card, Card::new(config, CardStart { life, durable, secret: 9 }));
                self.tables.remove(&(card, TABLE));
            }
        }
        let others: Vec<(Party, Life)> = self.lives.iter().map(|(party, life)| (*party, *life)).collect();
        self.lives.insert(party, life);
        for (other, other_life) in others {
            if matches!((party, other), (Party::Card(_), Party::Card(_))) || other == party {
                continue;
            }
            self.connected(party, other, other_life);
            self.connected(other, party, life);
        }
    }

    fn connected(&mut self, at: Party, peer: Party, life: Life) {
        match (at, peer) {
            (Party::Unit(unit), _) => {
                self.units.get_mut(&unit).unwrap().handle_connected(peer, life, self.now)
            }
            (Party::Card(card), Party::Unit(unit)) => {
                self.cards.get_mut(&card).unwrap().handle_connected(unit, life)
            }
            _ => {}
        }
    }

    fn kill(&mut self, party: Party) {
        match party {
            Party::Unit(unit) => drop(self.units.remove(&unit)),
            Party::Card(card) => drop(self.cards.remove(&card)),
        }
        self.lives.remove(&party);
        self.wires.retain(|(from, to, _)| *from != party && *to != party);
        for unit in self.units.values_mut() {
            unit.handle_disconnected(party, self.now);
        }
        if let Party::Unit(unit) = party {
            self.cards.values_mut().for_each(|card| card.handle_disconnected(unit));
        }
    }

    fn drain(&mut self) -> bool {
        let mut any = false;
        let parties: Vec<Party> = self.lives.keys().copied().collect();
        for party in parties {
            loop {
                let output = match party {
                    Party::Unit(unit) => self.units.get_mut(&unit).unwrap().poll_output(),
                    Party::Card(card) => self.cards.get_mut(&card).unwrap().poll_output(),
                };
                let Some(output) = output else { break };
                any = true;
                self.output(party, output);
            }
        }
        any
    }

    fn output(&mut self, from: Party, output: Output) {
        match output {
            Output::Transmit { to, message } => {
                let bytes = hitless_proto::wire::encode(&message);
                let again = hitless_proto::wire::decode(&bytes).unwrap();
                assert_eq!(again, message);
                self.wires.push_back((from, to, again));
            }
            Output::Persist { token, durable } => {
                self.durable.insert(from, durable);
                match from {
                    Party::Unit(unit) => self.units.get_mut(&unit).unwrap().handle_persisted(token, self.now),
                    Party::Card(card) => self.cards.get_mut(&card).unwrap().handle_persisted(token),
                }
            }
            Output::Apply { process, batch, writes } => {
                let Party::Card(card) = from else { panic!() };
                let table = self.tables.entry((card, process)).or_default();
                let outcomes = writes
                    .into_iter()
                    .map(|write| {
                        match write.part {
                            Some(part) => table.insert(write.key, part),
                            None => table.remove(&write.key),
                        };
                        Ok(())
                    })
                    .collect();
                self.cards.get_mut(&card).unwrap().handle_applied(process, batch, outcomes);
            }
            Output::Arbitrate(_) => panic!(),
            Output::Event(event) => {
                if std::env::var("SMOKE").is_ok() {
                    println!("{} {from}: {event:?}", self.now.0);
                }
                assert!(!matches!(event, Event::Misbehaved { .. }), "{from} {event:?}");
                if let Party::Unit(unit) = from {
                    self.events.push((unit, event));
                }
            }
        }
    }

    fn step(&mut self) {
        let mut guard = 0;
        while self.drain() || !self.wires.is_empty() {
            guard += 1;
            assert!(guard < 100_000, "no end to messages");
            for _ in 0..self.wires.len() {
                let Some((from, to, message)) = self.wires.pop_front() else { break };
                if std::env::var("SMOKE").is_ok_and(|v| v == "2") {
                    let text = format!("{message:?}");
                    println!("{} {from} -> {to}: {}", self.now.0, &text[..text.len().min(300)]);
                }
                match (to, message) {
                    (Party::Unit(unit), message) => {
                        self.units.get_mut(&unit).unwrap().handle_message(from, message, self.now);
                    }
                    (Party::Card(card), Message::ToCard(message)) => {
                        let Party::Unit(unit) = from else { panic!() };
                        self.cards.get_mut(&card).unwrap().handle_message(unit, message);
                    }
                    _ => panic!(),
                }
            }
        }
    }

    fn run(&mut self, micros: u64) {
        let end = self.now.after(micros);
        loop {
            self.step();
            let next = self.units.values().filter_map(ControlUnit::next_timeout);
            let next = next.chain(self.cards.values().filter_map(Card::next_timeout)).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            let now = self.now;
            self.units
                .values_mut()
                .filter(|u| u.next_timeout().is_some_and(|at| at <= now))
                .for_each(|u| u.handle_timeout(now));
            self.cards
                .values_mut()
                .filter(|u| u.next_timeout().is_some_and(|at| at <= now))
                .for_each(|u| u.handle_timeout(now));
        }
        self.now = end;
    }

    fn primary(&self) -> Option<UnitId> {
        self.units.iter().find(|(_, unit)| unit.is_primary()).map(|(id, _)| *id)
    }

    fn put(&mut self, key: u32, value: u32) {
        let primary = self.primary().unwrap();
        let content = Content {
            audience: Audience::All,
            card_part: Blob::new(&value.to_be_bytes()),
            standby_part: Some(Blob::from("src")),
        };
        let change = Change { key: Blob::new(&key.to_be_bytes()), content: Some(content) };
        let now = self.now;
        self.units.get_mut(&primary).unwrap().submit(TABLE, change, now).unwrap();
    }

    fn agree(&self) {
        let primary = &self.units[&self.primary().unwrap()];
        let wanted: BTreeMap<Blob, Blob> =
            primary.entries(TABLE).map(|(key, _, content)| (key, content.card_part)).collect();
        for card in self.cards.keys() {
            assert_eq!(self.tables.get(&(*card, TABLE)).cloned().unwrap_or_default(), wanted, "{card}");
        }
        let digest = primary.status().processes[0].digest;
        for (id, unit) in &self.units {
            assert_eq!(unit.status().processes[0].digest, digest, "{id}: {:#?}", unit.status());
        }
    }
}

fn loaded(units: u8, cards: u16) -> World {
    let mut world = World::new(units, cards);
    world.run(2_000_000);
    assert!(world.primary().is_some());
    for n in 0..1000 {
        world.put(n, n);
    }
    world.run(100_000);
    world.agree();
    world
}

#[test]
fn a_primary_emerges_and_all_agree() {
    loaded(2, 2);
    loaded(3, 4);
    loaded(1, 1);
}

#[test]
fn a_standby_takes_over_and_the_dead_unit_joins_again() {
    let mut world = loaded(2, 2);
    let first = world.primary().unwrap();
    world.kill(Party::Unit(first));
    world.run(1_000_000);
    let second = world.primary().unwrap();
    assert_ne!(first, second);
    let report = world.units[&second].reports().last().unwrap().clone();
    assert!(report.channels.iter().all(|channel| channel.verified && channel.replayed == 0), "{report:#?}");
    for n in 500..1500 {
        world.put(n, n + 1);
    }
    world.run(100_000);
    world.start(Party::Unit(first));
    world.run(1_000_000);
    world.agree();
    let now = world.now;
    world.units.get_mut(&second).unwrap().begin_switchover(None, now).unwrap();
    world.run(1_000_000);
    assert_eq!(world.primary(), Some(first));
    let report = world.units[&first].reports().last().unwrap().clone();
    assert!(
        report.planned && report.channels.iter().all(|channel| channel.verified && channel.bytes == 0),
        "{report:#?}"
    );
    world.agree();
}

#[test]
fn a_card_that_restarts_empty_is_filled() {
    let mut world = loaded(2, 2);
    world.kill(Party::Card(CardId(1)));
    world.put(7777, 1);
    world.run(100_000);
    world.start(Party::Card(CardId(1)));
    world.run(1_000_000);
    world.agree();
}

#[test]
fn after_the_death_of_all_units_the_cards_restore_the_state() {
    let mut world = loaded(2, 2);
    world.kill(Party::Unit(UnitId(1)));
    world.kill(Party::Unit(UnitId(2)));
    world.start(Party::Unit(UnitId(2)));
    world.run(3_000_000);
    assert_eq!(world.primary(), None);
    world.start(Party::Unit(UnitId(1)));
    world.run(3_000_000);
    let primary = world.primary().unwrap();
    assert_eq!(world.units[&primary].entries(TABLE).count(), 1000);
    world.agree();
    world.put(1, 99);
    world.run(100_000);
    world.agree();
}

#[test]
fn a_unit_that_lost_a_table_of_many_entries_a_leaf_is_filled_within_the_bounds_of_a_batch() {
    let mut world = loaded(2, 1);
    for round in 0..30u32 {
        for n in 0..10_000 {
            world.put(round * 10_000 + n, n);
        }
        world.run(100_000);
    }
    let standby = if world.primary() == Some(UnitId(1)) { UnitId(2) } else { UnitId(1) };
    world.kill(Party::Unit(standby));
    world.start(Party::Unit(standby));
    world.run(3_000_000);
    world.agree();
}

#[test]
fn a_unit_that_is_lost_for_good_can_be_given_up() {
    let mut world = loaded(2, 2);
    world.kill(Party::Unit(UnitId(1)));
    world.kill(Party::Unit(UnitId(2)));
    world.start(Party::Unit(UnitId(2)));
    world.run(3_000_000);
    assert_eq!(world.primary(), None);
    let now = world.now;
    world.units.get_mut(&UnitId(2)).unwrap().forgo(Party::Unit(UnitId(1)), now);
    world.run(3_000_000);
    assert_eq!(world.primary(), Some(UnitId(2)));
    assert_eq!(world.units[&UnitId(2)].entries(TABLE).count(), 1000);
    world.agree();
}

#[test]
fn an_audience_of_unknown_cards_is_refused_by_name() {
    let mut world = loaded(2, 2);
    let content = Content { audience: Audience::cards([CardId(2), CardId(99)]), ..Content::default() };
    let change = Change { key: Blob::from("k"), content: Some(content) };
    let (primary, now) = (world.primary().unwrap(), world.now);
    let refused = world.units.get_mut(&primary).unwrap().submit(TABLE, change, now).unwrap_err();
    assert_eq!(refused.to_string(), "card-99 is no card of this chassis");
}

#[test]
fn a_candidate_without_a_link_to_a_card_in_step_declines() {
    let mut world = loaded(2, 2);
    let first = world.primary().unwrap();
    let second = if first == UnitId(1) { UnitId(2) } else { UnitId(1) };
    let now = world.now;
    world.units.get_mut(&second).unwrap().handle_disconnected(Party::Card(CardId(2)), now);
    world.units.get_mut(&first).unwrap().begin_switchover(None, now).unwrap();
    world.run(1_000_000);
    assert_eq!(world.primary(), Some(first));
    assert!(world.events.iter().any(|(_, event)| matches!(event, Event::SwitchoverAborted { .. })));
    world.put(5, 5);
    world.run(100_000);
    world.agree();
}
