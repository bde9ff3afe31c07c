//! What machines put out, and what the world makes of it.

use hitless_proto::entry::Blob;
use hitless_proto::ids::{Life, Party, ProcessId, UnitId};
use hitless_proto::io::{Event, Output, Role, Write};
use hitless_proto::message::Message;
use hitless_proto::status::CardStatus;
use hitless_proto::wire;

use super::{Happening, Sent, World};
use crate::checkers::Seen;
use crate::coverage::Row;
use crate::oracle::Submitted;
use crate::process::Machine;

/// The operator takes so long to see that a recovery waits for a card that is gone for good, in microseconds.
const FORGO_AFTER: u64 = 1_000_000;
/// Outputs after one input: far more than any window allows.
const MOST_OUTPUTS: u64 = 200_000;

impl World {
    /// Takes all outputs of a machine, unless it dies in between.
    pub(crate) fn drain(&mut self, party: Party) {
        for outputs in 0_u64.. {
            if self.ambush.is_some() && self.look_at(party) {
                return;
            }
            if outputs > MOST_OUTPUTS {
                return self.fail("progress", format!("{party} puts out without end"));
            }
            let Some(host) = self.hosts.get_mut(&party) else { return };
            if host.dies_in == Some(0) {
                self.trace.line(self.clock.now(), || format!("{party} dies between two outputs"));
                return self.kill(party);
            }
            let output = match &mut host.machine {
                Some(Machine::Unit(unit)) => unit.poll_output(),
                Some(Machine::Card(card)) => card.poll_output(),
                None => None,
            };
            let Some(output) = output else { break };
            host.dies_in = host.dies_in.map(|left| left - 1);
            self.put_out(party, output);
        }
        self.keep(party);
        if let Some(host) = self.hosts.get_mut(&party) {
            host.poll_at = None;
            host.note_timeout();
            self.see(&Seen::Stepped { party });
        }
    }

    fn put_out(&mut self, party: Party, output: Output) {
        let Some(life) = self.hosts.get(&party).map(|host| host.life) else { return };
        match output {
            Output::Transmit { to, message } => self.transmit(party, to, message),
            Output::Persist { token, durable } => {
                let Some(host) = self.hosts.get_mut(&party) else { return };
                host.disk.begin(token, durable);
                let slow = host.disk.slow.max(1);
                let delay = self.random.between(self.speeds.disk.0, self.speeds.disk.1) * slow;
                self.clock.plan(self.clock.now().after(delay), Happening::Persisted { party, life, token });
            }
            Output::Apply { process, batch, writes } => self.apply((party, life), process, batch, writes),
            Output::Arbitrate(request) => {
                self.see(&Seen::Asked { party, request: &request });
                self.witness(|witness, world| witness.asked(world, party, &request));
                let at = self.now().after(self.random.between(100, 3_000) * self.arbiter.slow.max(1));
                self.clock.plan(at, Happening::Decide { party, life, request });
            }
            Output::Event(event) => self.event(party, event),
        }
    }

    fn transmit(&mut self, from: Party, to: Party, message: Message) {
        let now = self.now();
        self.see(&Seen::Sent { from, to, message: &message });
        let Some(number) = self.hosts.get(&from).and_then(|host| host.links.get(&to)).copied() else {
            return;
        };
        let mut frame = Vec::new();
        if let Err(error) = wire::encode_frame(&message, &mut frame) {
            return self.fail("wire", format!("{from} to {to}: {error}"));
        }
        let (least, most) = self.speeds.delay;
        let due = now.after(self.random.between(least, most));
        let torn = self.network.torn > 0 && self.random.one_in(self.network.torn);
        if let Some(connection) = self.network.connections.get_mut(&number) {
            let end = connection.end_of(to);
            let pipe = &mut connection.pipes[end as usize];
            if torn {
                pipe.send_torn(frame, due, most, &mut self.random);
            } else {
                pipe.send(frame, due, &mut self.random);
            }
            self.plan_arrival(number, end);
        }
        if self.keep_messages {
            self.messages.push(Sent { at: now, from, to, message });
        }
    }

    fn apply(&mut self, (party, life): (Party, Life), process: ProcessId, batch: u64, writes: Vec<Write>) {
        self.trace.line(self.clock.now(), || format!("{party} applies {process} batch {batch}: {writes:?}"));
        // A mend is no effect: it makes the table what the card holds it to be.
        if !self.mends(party, process, &writes) {
            self.see(&Seen::Apply { party, process, writes: &writes });
        }
        let slow = self.hosts.get(&party).and_then(|host| host.tables.get(&process)).map_or(1, |of| of.slow);
        let (batch_time, write_time) = self.speeds.table;
        let micros = (batch_time + write_time * writes.len() as u64) * slow.max(1);
        let at = self.now().after(micros + self.random.below(micros + 1));
        self.clock.plan(at, Happening::Applied { party, life, process, batch, writes });
    }

    /// Whether these writes are what the card holds already, of keys that somebody else changed.
    fn mends(&self, party: Party, process: ProcessId, writes: &[Write]) -> bool {
        let Party::Card(card) = party else { return false };
        let as_held = |write: &Write| match self.mirrored(card, process, &write.key) {
            Some((_, content, refused)) => !refused && write.part == Some(content.part),
            None => write.part.is_none(),
        };
        writes.iter().all(as_held)
    }

    pub(super) fn applied(
        &mut self,
        (party, life): (Party, Life),
        process: ProcessId,
        (batch, writes): (u64, &[Write]),
    ) {
        if !self.lives(party, life) {
            return;
        }
        let now = self.now();
        let Some(table) = self.hosts.get_mut(&party).and_then(|host| host.tables.get_mut(&process)) else {
            return;
        };
        if table.stuck {
            let again = Happening::Applied { party, life, process, batch, writes: writes.to_vec() };
            return self.clock.plan(now.after(10_000), again);
        }
        let outcomes = table.apply(writes);
        self.see(&Seen::Applied { party, process, writes, outcomes: &outcomes });
        self.trace.line(now, || format!("{party} applied {process} batch {batch}: {outcomes:?}"));
        self.tell(party, |machine, _| match machine {
            Machine::Card(card) => card.handle_applied(process, batch, outcomes),
            Machine::Unit(_) => {}
        });
    }

    pub(super) fn persisted(&mut self, party: Party, life: Life, token: u64) {
        if !self.lives(party, life) {
            return;
        }
        let Some(disk) = self.disk_mut(party) else { return };
        let full = disk.full;
        let Some(stored) = disk.finish(token) else { return };
        if !stored {
            self.hit(if full { Row::DiskFull } else { Row::SyncError }, party);
        }
        self.trace.line(self.clock.now(), || format!("{party} persisted {token}: {stored}"));
        self.tell(party, |machine, now| match (machine, stored) {
            (Machine::Unit(unit), true) => unit.handle_persisted(token, now),
            (Machine::Unit(unit), false) => unit.handle_persist_failed(token, now),
            (Machine::Card(card), true) => card.handle_persisted(token),
            (Machine::Card(card), false) => card.handle_persist_failed(now),
        });
    }

    /// A unit that was not in sync takes over out of what the cards hold: what they do not hold is lost.
    fn taking_over(&mut self, unit: UnitId) {
        let Some(status) = self.unit_status(unit) else { return };
        let in_sync = &status.record.in_sync;
        if !in_sync.is_empty() && !in_sync.contains(&(unit, status.life)) {
            self.recoveries += 1;
            let kept = self.hosts.get(&Party::Unit(unit)).map(|host| host.keeping.base.clone());
            let mut oracle = std::mem::take(&mut self.oracle);
            let holders = |process, op: &Submitted| self.holders(process, op);
            let found = |card, process, key: &Blob| self.table(card, process)?.entries().get(key).cloned();
            let cards = self.cards.iter().filter_map(|card| self.card_status(*card));
            let dated = cards.flat_map(|CardStatus { card, channels, .. }| {
                channels.into_iter().map(move |channel| ((card, channel.process), channel.proved))
            });
            let proved = dated.collect();
            oracle.rebuild((&self.cards, kept.unwrap_or_default(), proved), holders, found);
            self.oracle = oracle;
            // What is retired does not come back: the operator says so each time.
            let retired = self.chassis.cards.iter().filter(|card| !self.cards.contains(card));
            for card in retired.copied().collect::<Vec<_>>() {
                let at = self.now().after(FORGO_AFTER);
                self.clock.plan(at, Happening::Forgo { party: Party::Unit(unit), life: status.life, card });
            }
        }
    }

    fn event(&mut self, party: Party, event: Event) {
        let now = self.now();
        self.trace.line(now, || format!("{party} says {event:?}"));
        if let Party::Unit(unit) = party {
            match &event {
                Event::Role { epoch, role } => {
                    self.epochs.insert(unit, *epoch);
                    match role {
                        Role::TakingOver => self.taking_over(unit),
                        Role::Primary => self.oracle.rebuilt(),
                        Role::Joining | Role::Standby | Role::HandingOver => {}
                    }
                }
                Event::InStep { process, follower: Party::Card(card) } => {
                    // A card that has died since it answered is another one now.
                    let life = self.unit(unit).and_then(|unit| unit.life_of(Party::Card(*card)));
                    if life.is_some_and(|life| self.lives(Party::Card(*card), life)) {
                        let epoch = self.epochs.get(&unit).copied().unwrap_or_default();
                        let channels =
                            self.card_status(*card).map(|status| status.channels).unwrap_or_default();
                        let applied = channels.iter().find(|channel| channel.process == *process);
                        let applied = applied.map(|channel| channel.applied).unwrap_or_default();
                        self.oracle.in_step(*process, *card, (epoch, applied));
                    }
                }
                Event::Completed { process, programmed, safe } => {
                    let epoch = self.epochs.get(&unit).copied().unwrap_or_default();
                    let mut oracle = std::mem::take(&mut self.oracle);
                    let holders = |op: &Submitted| self.holders(*process, op);
                    oracle.completed(*process, epoch, (*programmed, *safe), holders);
                    self.oracle = oracle;
                }
                Event::Takeover(_)
                | Event::Failed { .. }
                | Event::Cured { .. }
                | Event::InStep { follower: Party::Unit(_), .. }
                | Event::OutOfStep { .. }
                | Event::Planned(_)
                | Event::SwitchoverAborted { .. }
                | Event::Misbehaved { .. }
                | Event::Waiting { .. }
                | Event::StoreFailed => {}
            }
        }
        self.see(&Seen::Event { party, event: &event });
        self.events.push((now, party, event));
    }
}
