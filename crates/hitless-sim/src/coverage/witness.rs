//! Sees everything that happens, keeps the facts, and counts the faults that happen by themselves.

use hitless_proto::ids::{Epoch, Party, ProcessId, Seq, UnitId, Version};
use hitless_proto::io::{ArbiterRequest, Event, Role};
use hitless_proto::message::{
    Ask, FromCard, Message, Question, Start, ToCard, ToStandby, UnitMessage, VoteReply, VoteRequest,
};

use super::facts::{Asked, Channel, Facts};
use super::{Coverage, Row, Victim};
use crate::checkers::Seen;
use crate::world::World;

/// Epochs from here on are near their maximum.
const HIGH: Epoch = Epoch(u32::MAX - 10_000);

/// Facts and counts of one world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness {
    pub(crate) facts: Facts,
    pub(crate) coverage: Coverage,
}

/// A message of an owner to a follower, as facts know it.
enum Fed {
    Start(Start),
    Ops(ProcessId, u32, Version),
    Fill(ProcessId, u32),
    Ask(ProcessId, u32, bool),
    InStep(ProcessId, u32),
}

impl Witness {
    pub(crate) fn see(&mut self, world: &World, seen: &Seen<'_>) {
        match seen {
            Seen::Started { party } => self.started(world, *party),
            Seen::Sent { from: Party::Unit(unit), to, message } => {
                self.unit_sent(world, (*unit, *to), message)
            }
            Seen::Sent { from: Party::Card(card), message, .. } => match message {
                Message::FromCard(FromCard::Ack(ack)) => {
                    self.facts.card(*card).unacked.remove(&ack.process);
                    if !ack.nacks.is_empty() {
                        self.coverage.hit(Row::Nack, Victim::Card);
                    }
                }
                Message::FromCard(FromCard::Promise(promise)) => {
                    self.facts.card(*card).promised = promise.epoch;
                }
                Message::FromCard(FromCard::Vote(VoteReply::Promised { ballot, .. })) => {
                    self.facts.unit(ballot.unit).answers += 1;
                }
                Message::FromCard(_) | Message::ToCard(_) | Message::Unit(_) => {}
            },
            Seen::Delivered { to: Party::Card(card), message: Message::ToCard(message) } => {
                let (epoch, fed) = to_card(message);
                if epoch != Epoch(0) && epoch < self.facts.card(*card).promised {
                    self.coverage.hit(Row::OldEpochBytes, Victim::Card);
                }
                match fed {
                    Some(Fed::Ops(process, _, version)) => self.reached(process, Party::Card(*card), version),
                    Some(Fed::InStep(..)) => {
                        self.facts.card(*card).in_step = true;
                        self.facts.served.insert(*card);
                    }
                    Some(Fed::Start(_) | Fed::Fill(..) | Fed::Ask(..)) | None => {}
                }
            }
            Seen::Delivered { to: Party::Unit(unit), message } => self.unit_heard(world, *unit, message),
            Seen::Applied { party: Party::Card(card), process, writes, outcomes } => {
                if outcomes.iter().any(Result::is_ok) {
                    self.facts.card(*card).unacked.insert(*process);
                }
                let table = world.table(*card, *process);
                let full = table.is_some_and(|table| {
                    table.limit.is_some_and(|limit| table.entries().len() >= limit)
                        && writes.iter().zip(*outcomes).any(|(write, outcome)| {
                            outcome.is_err() && write.part.is_some() && !table.failing.contains(&write.key)
                        })
                });
                if full {
                    self.coverage.hit(Row::TableFull, Victim::Card);
                }
            }
            Seen::Event { party: Party::Unit(unit), event } => self.unit_said(world, *unit, event),
            Seen::Delivered { to: Party::Card(_), .. }
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

    fn started(&mut self, world: &World, party: Party) {
        if let (Party::Card(card), true) = (party, self.facts.died_as.contains_key(&party)) {
            let mut tables = world.processes().iter().filter_map(|process| world.table(card, *process));
            let intact = tables.any(|table| !table.entries().is_empty());
            if intact {
                self.coverage.hit(Row::CardIntact, Victim::Card);
            } else if self.facts.served.contains(&card) {
                self.coverage.hit(Row::CardEmpty, Victim::Card);
            }
        }
        if let (Party::Unit(_), Some(victim)) = (party, self.facts.died_as.get(&party)) {
            self.coverage.hit(Row::UnitEmpty, *victim);
        }
        let life = world.hosts.get(&party).map(|host| host.life).unwrap_or_default();
        self.facts.started(party, life);
    }

    fn reached(&mut self, process: ProcessId, party: Party, version: Version) {
        let reached = self.facts.reached.entry((process, party)).or_default();
        *reached = version.max(*reached);
    }

    fn unit_sent(&mut self, world: &World, (unit, to): (UnitId, Party), message: &Message) {
        let now = world.now();
        match message {
            Message::ToCard(message) => {
                let (epoch, fed) = to_card(message);
                let facts = self.facts.unit(unit);
                facts.enter(epoch);
                match message {
                    ToCard::Claim(_) => {
                        if let Party::Card(card) = to {
                            facts.claims.insert(card, false);
                        }
                    }
                    ToCard::Ops(ops) => {
                        facts.stable.insert(ops.process, ops.stable);
                        if let Party::Card(card) = to
                            && let Some(replay) = facts.replays.get_mut(&(ops.process, card))
                        {
                            for op in ops.ops.iter().filter(|op| replay.left.remove(&op.key)) {
                                replay.upto = replay.upto.max(op.version.seq);
                            }
                        }
                    }
                    ToCard::Start(start) => {
                        facts.keep.insert(start.process, (start.epoch, start.keep.seq));
                    }
                    ToCard::Vote(request) => vote_asked(facts, (unit, now), request),
                    ToCard::Fill(_) | ToCard::Ask(_) | ToCard::InStep(_) => {}
                }
                fed.into_iter().for_each(|fed| feed(&mut facts.channels, to, &fed));
            }
            Message::Unit(UnitMessage::Primary(message)) => {
                let (epoch, fed) = to_standby(message);
                let facts = self.facts.unit(unit);
                facts.enter(epoch);
                match message {
                    ToStandby::Relayed(relayed) => {
                        if let Party::Unit(other) = to {
                            let of = (relayed.ack.process, relayed.card, other);
                            facts.relayed.insert(of, relayed.ack.applied);
                        }
                    }
                    ToStandby::HandOver(_) => facts.handed_over = true,
                    ToStandby::Ops(ops) => {
                        facts.stable.insert(ops.process, ops.stable);
                    }
                    ToStandby::Start(_)
                    | ToStandby::Fill(_)
                    | ToStandby::Ask(_)
                    | ToStandby::InStep(_)
                    | ToStandby::Roster(_) => {}
                }
                fed.into_iter().for_each(|fed| feed(&mut facts.channels, to, &fed));
            }
            Message::Unit(UnitMessage::Vote(request)) => {
                vote_asked(self.facts.unit(unit), (unit, now), request);
            }
            Message::Unit(UnitMessage::Voted(VoteReply::Promised { ballot, .. })) => {
                self.facts.unit(ballot.unit).answers += 1;
            }
            Message::Unit(_) | Message::FromCard(_) => {}
        }
    }

    fn unit_heard(&mut self, world: &World, unit: UnitId, message: &Message) {
        match message {
            Message::FromCard(FromCard::Ack(ack)) => {
                if let Some(Party::Card(card)) = self.facts.lives.get(&ack.boot).copied() {
                    self.took_ack(world, unit, (card, ack));
                }
            }
            Message::FromCard(FromCard::Promise(promise)) => {
                if let Some(Party::Card(card)) = self.facts.lives.get(&promise.boot).copied()
                    && self.facts.unit(unit).epoch == promise.epoch
                {
                    self.facts.unit(unit).claims.insert(card, true);
                }
            }
            Message::FromCard(FromCard::Vote(VoteReply::Promised { .. }))
            | Message::Unit(UnitMessage::Voted(VoteReply::Promised { .. })) => {
                let facts = self.facts.unit(unit);
                facts.answers = facts.answers.saturating_sub(1);
            }
            Message::Unit(UnitMessage::Primary(message)) => self.follower_heard(world, unit, message),
            Message::FromCard(_) | Message::Unit(_) | Message::ToCard(_) => {}
        }
    }

    fn follower_heard(&mut self, world: &World, unit: UnitId, message: &ToStandby) {
        let (epoch, fed) = to_standby(message);
        if epoch != Epoch(0) && world.epochs.get(&unit).is_some_and(|known| epoch < *known) {
            if let Some(victim) = Victim::of(world, Party::Unit(unit)) {
                self.coverage.hit(Row::OldEpochBytes, victim);
            }
            return;
        }
        let facts = self.facts.unit(unit);
        facts.enter(epoch);
        match message {
            ToStandby::Start(start) => {
                facts.keep.insert(start.process, (start.epoch, start.keep.seq));
            }
            ToStandby::Ops(ops) => {
                facts.stable.insert(ops.process, ops.stable);
            }
            ToStandby::Relayed(relayed) => self.took_ack(world, unit, (relayed.card, &relayed.ack)),
            ToStandby::Fill(_)
            | ToStandby::Ask(_)
            | ToStandby::InStep(_)
            | ToStandby::Roster(_)
            | ToStandby::HandOver(_) => {}
        }
        if let Some(Fed::Ops(process, _, version)) = fed {
            self.facts.unit(unit).received.insert(process, version);
            self.reached(process, Party::Unit(unit), version);
        }
    }

    fn unit_said(&mut self, world: &World, unit: UnitId, event: &Event) {
        match event {
            Event::Role { role, epoch } => self.role_changed(world, unit, (*role, *epoch)),
            Event::Completed { process, programmed, safe } => {
                self.facts.unit(unit).told.insert(*process, (*programmed, *safe));
            }
            Event::Planned(plan) => {
                if !plan.adopt.is_empty() {
                    self.coverage.hit(Row::Orphan, Victim::TAKING_OVER);
                }
                self.facts.unit(unit).plan(plan);
            }
            Event::Takeover(_)
            | Event::Failed { .. }
            | Event::Cured { .. }
            | Event::InStep { .. }
            | Event::OutOfStep { .. }
            | Event::SwitchoverAborted { .. }
            | Event::Misbehaved { .. }
            | Event::Waiting { .. }
            | Event::StoreFailed => {}
        }
    }

    fn role_changed(&mut self, world: &World, unit: UnitId, (role, epoch): (Role, Epoch)) {
        let (now, victim) = (world.now(), Victim::from(role));
        let facts = self.facts.unit(unit);
        facts.enter(epoch);
        let was = facts.role.replace(victim);
        facts.handed_over &= role == Role::HandingOver;
        match role {
            Role::TakingOver => {
                (facts.asked, facts.answers) = (None, 0);
                self.facts.granted_at = now;
                self.left_to_the_old(world, unit);
            }
            Role::Primary => {
                self.facts.primary = Some(unit);
                if epoch >= HIGH {
                    self.coverage.hit(Row::HighIds, Victim::Chassis);
                }
            }
            Role::Joining | Role::Standby => {
                if let Some(was @ (Victim::PRIMARY | Victim::TAKING_OVER)) = was {
                    self.coverage.hit(Row::StaleReturns, was);
                }
            }
            Role::HandingOver => {}
        }
    }

    /// A unit takes over: are there cards that only its predecessor reaches?
    fn left_to_the_old(&mut self, world: &World, unit: UnitId) {
        let Some(old) = self.facts.primary.filter(|old| *old != unit) else { return };
        for card in world.cards().iter().map(|card| Party::Card(*card)) {
            let reaches = |unit: UnitId| world.network.reachable(Party::Unit(unit), card);
            let alive = world.hosts.get(&card).is_some_and(|host| host.alive());
            if alive && reaches(old) && !reaches(unit) {
                self.coverage.hit(Row::OnlyOldPrimary, Victim::Card);
            }
        }
    }

    pub(crate) fn asked(&mut self, world: &World, party: Party, request: &ArbiterRequest) {
        let Party::Unit(unit) = party else { return };
        self.facts.unit(unit).asked = Some(match request {
            ArbiterRequest::Claim { .. } => Asked::Claim(world.now()),
            ArbiterRequest::Write(record) => Asked::Write(record.epoch, record.version),
        });
    }

    pub(crate) fn answered(&mut self, party: Party) {
        if let Party::Unit(unit) = party {
            self.facts.unit(unit).asked = None;
        }
    }

    /// One end of a link has noticed that the link is gone. Votes that were on their way are lost with it.
    pub(crate) fn lost(&mut self, world: &World, party: Party, peer: Party) {
        let Party::Unit(unit) = party else { return };
        let victim = Victim::of(world, peer);
        let facts = self.facts.unit(unit);
        let cut = facts.channels.iter().any(|((_, of), channel)| *of == peer && channel.differs);
        facts.channels.retain(|(_, of), _| *of != peer);
        if let (true, Some(victim)) = (cut, victim) {
            self.coverage.hit(Row::ReconcileCut, victim);
        }
    }
}

fn vote_asked(
    facts: &mut super::facts::UnitFacts,
    (unit, now): (UnitId, hitless_proto::ids::Time),
    request: &VoteRequest,
) {
    match request {
        VoteRequest::Poll => {}
        VoteRequest::Ballot { .. } => facts.asked = Some(Asked::Claim(now)),
        VoteRequest::Write(record) if record.owner == unit => {
            facts.asked = Some(Asked::Write(record.epoch, record.version));
        }
        VoteRequest::Write(_) => {}
    }
}

/// What an owner's message does to a channel.
fn feed(channels: &mut std::collections::BTreeMap<(ProcessId, Party), Channel>, to: Party, fed: &Fed) {
    let (process, session) = match fed {
        Fed::Start(start) => (start.process, start.session),
        Fed::Ops(process, session, _)
        | Fed::Fill(process, session)
        | Fed::Ask(process, session, _)
        | Fed::InStep(process, session) => (*process, *session),
    };
    let channel = channels.entry((process, to)).or_default();
    if channel.session != session {
        *channel = Channel { session, ..Channel::default() };
    }
    match fed {
        Fed::Start(start) => channel.sent = start.base.seq,
        Fed::Ops(_, _, version) => channel.sent = channel.sent.max(version.seq),
        Fed::Fill(..) => (channel.differs, channel.filling) = (true, true),
        Fed::Ask(_, _, deep) => channel.differs |= *deep,
        Fed::InStep(..) => {
            (channel.in_step, channel.differs, channel.filling) = (true, false, false);
        }
    }
}

fn asks(ask: &Ask) -> Fed {
    Fed::Ask(ask.process, ask.session, !matches!(ask.question, Question::Root))
}

/// The epoch of a message, or 0 where it is of none, and what it does to its channel.
fn to_card(message: &ToCard) -> (Epoch, Option<Fed>) {
    match message {
        ToCard::Claim(claim) => (claim.epoch, None),
        ToCard::Start(start) => (start.epoch, Some(Fed::Start(*start))),
        ToCard::Ops(ops) => {
            let last = ops.ops.last().map(|op| Fed::Ops(ops.process, ops.session, op.version));
            (ops.epoch, last)
        }
        ToCard::Fill(fill) => (fill.epoch, Some(Fed::Fill(fill.process, fill.session))),
        ToCard::Ask(ask) => (ask.epoch, Some(asks(ask))),
        ToCard::InStep(step) => (step.epoch, Some(Fed::InStep(step.process, step.session))),
        ToCard::Vote(_) => (Epoch(0), None),
    }
}

fn to_standby(message: &ToStandby) -> (Epoch, Option<Fed>) {
    match message {
        ToStandby::Start(start) => (start.epoch, Some(Fed::Start(*start))),
        ToStandby::Ops(ops) => {
            let last = ops.ops.last().map(|op| Fed::Ops(ops.process, ops.session, op.version));
            (ops.epoch, last)
        }
        ToStandby::Fill(fill) => (fill.epoch, Some(Fed::Fill(fill.process, fill.session))),
        ToStandby::Ask(ask) => (ask.epoch, Some(asks(ask))),
        ToStandby::InStep(step) => (step.epoch, Some(Fed::InStep(step.process, step.session))),
        ToStandby::Roster(roster) => (roster.epoch, None),
        ToStandby::HandOver(hand_over) => (hand_over.consent.epoch, None),
        ToStandby::Relayed(relayed) => (relayed.ack.epoch, None),
    }
}

impl Facts {
    /// The last op of a process that is stable, as a unit knows it.
    pub(crate) fn stable(&self, unit: UnitId, process: ProcessId) -> Seq {
        self.units.get(&unit).and_then(|unit| unit.stable.get(&process)).copied().unwrap_or_default()
    }
}
