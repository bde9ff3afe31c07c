//! How links come and go, and what arrives on them.

use hitless_proto::ids::{Party, Time};
use hitless_proto::message::{FromCard, Message};
use hitless_proto::wire;

use super::{Happening, World};
use crate::checkers::Seen;
use crate::coverage::Row;
use crate::network::{End, Parcel};
use crate::process::Machine;

impl World {
    /// Cards dial units; of two units the one with the larger id dials.
    pub(super) fn pairs(&self) -> Vec<(Party, Party)> {
        let mut pairs = Vec::new();
        for unit in &self.chassis.units {
            pairs.extend(self.chassis.cards.iter().map(|card| (Party::Card(*card), Party::Unit(*unit))));
            let larger = self.chassis.units.iter().filter(|other| *other > unit);
            pairs.extend(larger.map(|other| (Party::Unit(*other), Party::Unit(*unit))));
        }
        pairs
    }

    pub(super) fn plan_dial(&mut self, dialer: Party, acceptor: Party) {
        if self.dialing.insert((dialer, acceptor)) {
            let pause = self.random.between(self.speeds.redial / 2, self.speeds.redial);
            self.clock.plan(self.now().after(pause), Happening::Dial { dialer, acceptor });
        }
    }

    pub(super) fn dial(&mut self, dialer: Party, acceptor: Party) {
        self.dialing.remove(&(dialer, acceptor));
        let (Some(from), Some(to)) = (self.hosts.get(&dialer), self.hosts.get(&acceptor)) else { return };
        if !from.alive() || from.links.contains_key(&acceptor) {
            return;
        }
        if !to.alive() || to.frozen.is_some() || !self.network.reachable(dialer, acceptor) {
            return self.plan_dial(dialer, acceptor);
        }
        let connection = self.network.dial([dialer, acceptor], [from.life, to.life]);
        let at = self.now().after(self.random.between(self.speeds.delay.0, self.speeds.delay.1));
        self.clock.plan(at, Happening::Accept { connection });
    }

    pub(super) fn accept(&mut self, number: u64) {
        let Some(connection) = self.network.connections.get(&number) else { return };
        let [dialer, acceptor] = connection.parties;
        let lives = connection.lives;
        let usable = self.lives(dialer, lives[0])
            && self.lives(acceptor, lives[1])
            && self.hosts.get(&acceptor).is_some_and(|host| host.frozen.is_none())
            && self.network.reachable(dialer, acceptor);
        if !usable {
            self.network.connections.remove(&number);
            return self.plan_dial(dialer, acceptor);
        }
        // The newest connection of a pair wins: the acceptor lets go of the former one first.
        if let Some(former) = self.hosts.get(&acceptor).and_then(|host| host.links.get(&dialer)).copied() {
            self.close(former, End::Acceptor);
        }
        let at = self.now().after(self.random.between(self.speeds.delay.0, self.speeds.delay.1));
        if let Some(connection) = self.network.connections.get_mut(&number) {
            connection.open[End::Acceptor as usize] = true;
            // What the acceptor says reaches the dialer after its greeting.
            connection.pipes[End::Dialer as usize].latest = at;
        }
        self.clock.plan(at, Happening::Establish { connection: number });
        self.connected(number, End::Acceptor);
    }

    pub(super) fn establish(&mut self, number: u64) {
        let Some(connection) = self.network.connections.get_mut(&number) else { return };
        let [dialer, acceptor] = connection.parties;
        let life = connection.lives[0];
        connection.established = true;
        if !self.hosts.get(&dialer).is_some_and(|host| host.alive() && host.life == life) {
            connection.pipes[End::Acceptor as usize].parcels.clear();
            self.fin(number, End::Acceptor);
            return;
        }
        connection.open[End::Dialer as usize] = true;
        if let Some(former) = self.hosts.get(&dialer).and_then(|host| host.links.get(&acceptor)).copied() {
            self.close(former, End::Dialer);
        }
        self.connected(number, End::Dialer);
        self.plan_arrival(number, End::Dialer);
        // A cut that began during the handshake is missed by nobody.
        self.watch(dialer, acceptor);
    }

    fn connected(&mut self, number: u64, end: End) {
        let Some(connection) = self.network.connections.get(&number) else { return };
        let (party, peer, life) =
            (connection.party(end), connection.party(end.other()), connection.life(end.other()));
        if let Some(host) = self.hosts.get_mut(&party) {
            host.links.insert(peer, number);
        }
        self.trace.line(self.clock.now(), || format!("{party} connected with {peer} ({life})"));
        self.tell(party, |machine, now| match (machine, peer) {
            (Machine::Unit(unit), _) => unit.handle_connected(peer, life, now),
            (Machine::Card(card), Party::Unit(unit)) => card.handle_connected(unit, life),
            (Machine::Card(_), Party::Card(_)) => {}
        });
        self.drain(party);
    }

    /// One end gives the connection up; what is on the way to it is lost.
    pub(crate) fn close(&mut self, number: u64, end: End) {
        let Some(connection) = self.network.connections.get_mut(&number) else { return };
        if !connection.is_open(end) {
            return;
        }
        connection.open[end as usize] = false;
        connection.pipes[end as usize].parcels.clear();
        let (party, peer) = (connection.party(end), connection.party(end.other()));
        let life = connection.life(end);
        self.fin(number, end.other());
        if !self.lives(party, life) {
            return;
        }
        if let Some(host) = self.hosts.get_mut(&party) {
            host.links.remove(&peer);
        }
        self.trace.line(self.clock.now(), || format!("{party} disconnected from {peer}"));
        self.witness(|witness, world| witness.lost(world, party, peer));
        self.tell(party, |machine, now| match (machine, peer) {
            (Machine::Unit(unit), _) => unit.handle_disconnected(peer, now),
            (Machine::Card(card), Party::Unit(unit)) => card.handle_disconnected(unit),
            (Machine::Card(_), Party::Card(_)) => {}
        });
        if end == End::Dialer {
            self.plan_dial(party, peer);
        }
    }

    /// The end of the stream towards `to` is sent.
    pub(super) fn fin(&mut self, number: u64, to: End) {
        let now = self.now();
        let delay = self.random.between(self.speeds.delay.0, self.speeds.delay.1);
        let Some(connection) = self.network.connections.get_mut(&number) else { return };
        let pipe = &mut connection.pipes[to as usize];
        pipe.latest = pipe.latest.max(now.after(delay));
        pipe.parcels.push_back((pipe.latest, Parcel::Fin));
        self.plan_arrival(number, to);
    }

    /// Puts the first parcel of a pipe into the calendar, if it can arrive at all.
    pub(super) fn plan_arrival(&mut self, number: u64, to: End) {
        let Some(connection) = self.network.connections.get(&number) else { return };
        let (from, party) = (connection.party(to.other()), connection.party(to));
        let frozen = self.hosts.get(&party).is_some_and(|host| host.frozen.is_some());
        let passes = !frozen && self.network.passes(from, party);
        let Some(connection) = self.network.connections.get_mut(&number) else { return };
        let pipe = &mut connection.pipes[to as usize];
        if pipe.planned || !passes {
            return;
        }
        if let Some((at, _)) = pipe.parcels.front() {
            pipe.planned = true;
            self.clock.plan(*at, Happening::Arrive { connection: number, to });
        }
    }

    pub(super) fn arrive(&mut self, number: u64, to: End) {
        let now = self.now();
        let Some(connection) = self.network.connections.get(&number) else { return };
        let (from, party) = (connection.party(to.other()), connection.party(to));
        let (life, open) = (connection.life(to), connection.is_open(to));
        let frozen = self.hosts.get(&party).is_some_and(|host| host.frozen.is_some());
        let passes = self.network.passes(from, party);
        let Some(connection) = self.network.connections.get_mut(&number) else { return };
        let pipe = &mut connection.pipes[to as usize];
        pipe.planned = false;
        if frozen || !passes || pipe.parcels.front().is_none_or(|(at, _)| *at > now) {
            return self.plan_arrival(number, to);
        }
        let Some((_, parcel)) = pipe.parcels.pop_front() else { return };
        match parcel {
            Parcel::Fin => {
                self.close(number, to);
                let gone = |connection: &crate::network::Connection| {
                    connection.established && connection.open == [false, false]
                };
                if self.network.connections.get(&number).is_some_and(gone) {
                    self.network.connections.remove(&number);
                }
            }
            Parcel::Frame(body) => {
                if open && self.lives(party, life) {
                    self.deliver(from, party, &body);
                }
                self.plan_arrival(number, to);
            }
        }
    }

    fn deliver(&mut self, from: Party, to: Party, body: &[u8]) {
        let message = match wire::decode(body) {
            Ok(message) => message,
            Err(error) => return self.fail("wire", format!("{from} to {to}: {error}")),
        };
        let is_ack = matches!(&message, Message::FromCard(FromCard::Ack(_)));
        if is_ack && self.network.deaf.contains(&(from, to)) {
            self.hit(Row::AckLost, to);
            return;
        }
        self.trace.line(self.clock.now(), || format!("{to} from {from}: {message:?}"));
        self.see(&Seen::Delivered { to, message: &message });
        self.tell(to, |machine, now| match (machine, message, from) {
            (Machine::Unit(unit), message, _) => unit.handle_message(from, message, now),
            (Machine::Card(card), Message::ToCard(message), Party::Unit(unit)) => {
                card.handle_message(unit, message);
            }
            (Machine::Card(_), Message::ToCard(_) | Message::FromCard(_) | Message::Unit(_), _) => {}
        });
    }

    /// The direction `from` to `to` has just gone silent: after a while the other end may notice.
    pub(super) fn watch(&mut self, a: Party, b: Party) {
        for (from, to) in [(a, b), (b, a)] {
            let silent = self.network.cut_since(from, to).is_some()
                || self.hosts.get(&from).is_some_and(|host| host.frozen.is_some());
            let Some(number) = self.hosts.get(&to).and_then(|host| host.links.get(&from)).copied() else {
                continue;
            };
            let Some(connection) = self.network.connections.get(&number) else { continue };
            if silent {
                let end = connection.end_of(to);
                let patience = self.random.between(self.speeds.liveness, self.speeds.liveness * 5 / 4);
                let at = self.now().after(patience);
                self.clock.plan(at, Happening::Suspect { connection: number, end });
            }
        }
    }

    pub(super) fn suspect(&mut self, number: u64, end: End) {
        let Some(connection) = self.network.connections.get(&number) else { return };
        let (from, to) = (connection.party(end.other()), connection.party(end));
        let frozen = self.hosts.get(&from).and_then(|host| host.frozen);
        let silent: Option<Time> = self.network.cut_since(from, to).into_iter().chain(frozen).min();
        if silent.is_some_and(|since| self.now().since(since) >= self.speeds.liveness) {
            self.trace.line(self.clock.now(), || format!("{to} misses heartbeats of {from}"));
            self.close(number, end);
        }
    }
}
