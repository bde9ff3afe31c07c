//! How links come and go.

use hitless_proto::ids::{Party, Time};

use super::{Happening, World};
use crate::network::End;
use crate::process::{Host, Machine};

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
        let Some(from) = self.hosts.get(&dialer) else { return };
        let linked = from.links.contains_key(&acceptor);
        if from.alive() && !linked && !self.is_retired(acceptor) && !self.try_dial(dialer, acceptor) {
            self.plan_dial(dialer, acceptor);
        }
    }

    /// Opens a connection, whether or not there is one. `false`: it cannot be opened now.
    pub(super) fn try_dial(&mut self, dialer: Party, acceptor: Party) -> bool {
        let (Some(from), Some(to)) = (self.hosts.get(&dialer), self.hosts.get(&acceptor)) else {
            return false;
        };
        if !from.can_connect() || !to.can_connect() || !self.network.reachable(dialer, acceptor) {
            return false;
        }
        let connection = self.network.dial([dialer, acceptor], [from.life, to.life]);
        let at = self.now().after(self.random.between(self.speeds.delay.0, self.speeds.delay.1));
        self.clock.plan(at, Happening::Accept { connection });
        true
    }

    pub(super) fn accept(&mut self, number: u64) {
        let Some(connection) = self.network.connections.get(&number) else { return };
        let [dialer, acceptor] = connection.parties;
        let lives = connection.lives;
        let usable = self.lives(dialer, lives[0])
            && self.lives(acceptor, lives[1])
            && self.hosts.get(&acceptor).is_some_and(Host::can_connect)
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
        let waits = |host: &Host| host.alive() && host.life == life && !host.exhausted;
        if !self.hosts.get(&dialer).is_some_and(waits) {
            self.fin(number, End::Acceptor);
            return self.plan_dial(dialer, acceptor);
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

    /// One end gives the connection up: what is on the way to it is not taken any more. Closing with unread bytes is a reset,
    /// which may destroy what this end sent last.
    pub(crate) fn close(&mut self, number: u64, end: End) {
        let Some(connection) = self.network.connections.get_mut(&number) else { return };
        if !connection.is_open(end) {
            return;
        }
        connection.open[end as usize] = false;
        if !connection.pipes[end as usize].parcels.is_empty() && self.random.one_in(2) {
            let pipe = &mut connection.pipes[end.other() as usize];
            let arrive = self.random.below(pipe.parcels.len() as u64 + 1) as usize;
            pipe.cut_off(arrive, &mut self.random);
        }
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
        pipe.fin(now.after(delay));
        self.plan_arrival(number, to);
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

    /// By its own clock an end has missed heartbeats.
    pub(super) fn missed(&mut self, number: u64, end: End) {
        self.trace.line(self.clock.now(), || "heartbeats are missed, by a clock that jumped".into());
        self.close(number, end);
    }
}
