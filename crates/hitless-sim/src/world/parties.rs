//! What happens to parties: they start, die, freeze, lose their clock, their links, their place in the chassis.

use hitless_proto::config::ArbiterKind;
use hitless_proto::ids::{CardId, Life, Party};
use hitless_proto::{Card, CardConfig, CardStart, ControlUnit, UnitConfig, UnitStart};

use super::{Happening, World};
use crate::checkers::Seen;
use crate::clock::PartyClock;
use crate::forwarding_table::ForwardingTable;
use crate::network::{End, Pipe};
use crate::process::Machine;

/// The clock of a new life shows anything below this, in microseconds: some days, as of a machine that has run for a while.
const FIRST_READING: u64 = 1_000_000_000_000;

impl World {
    /// Starts a party in a new life, unless it is gone for good. A card adopts what its forwarding tables hold.
    pub fn restart(&mut self, party: Party) {
        if self.is_retired(party) {
            return;
        }
        self.kill(party);
        self.lives += 1;
        let life = Life(self.lives << 16 | self.random.below(1 << 16));
        let (now, seed) = (self.now(), self.random.number());
        let ahead = self.random.below(FIRST_READING);
        let Some(host) = self.hosts.get_mut(&party) else { return };
        if let Party::Card(card) = party {
            self.acks.forget(card);
            let tables = &host.tables;
            self.oracle.card_started(card, |process, key| tables.get(&process)?.entries().get(key).cloned());
            for (process, table) in tables {
                for key in table.tampered() {
                    self.oracle.found_strange(*process, key, table.entries().get(key));
                }
            }
        }
        let durable = host.disk.open();
        host.life = life;
        host.clock = PartyClock::new(ahead);
        host.machine = Some(match party {
            Party::Unit(unit) => {
                let config = UnitConfig { chassis: self.chassis.clone(), unit };
                let start = UnitStart { life, durable, seed };
                let reading = host.clock.read(now);
                let mut machine = ControlUnit::new(config, (self.make_processes)(), start, reading);
                for (process, at, entries) in host.keeping.open(&self.processes) {
                    self.trace
                        .line(now, || format!("{party} kept {} entries of {process}, {at:?}", entries.len()));
                    machine.restore(process, at, entries);
                }
                Machine::Unit(Box::new(machine))
            }
            Party::Card(card) => {
                let (chassis, processes) = (self.chassis.clone(), self.processes.clone());
                let start = CardStart { life, durable, secret: u128::from(seed) };
                let mut machine = Card::new(CardConfig { chassis, card, processes }, start);
                for (process, table) in &mut host.tables {
                    let entries = table.entries().iter().map(|(key, part)| (key.clone(), part.clone()));
                    machine.adopt(*process, entries);
                    table.adopted();
                }
                Machine::Card(Box::new(machine))
            }
        });
        self.trace.line(now, || format!("{party} starts ({life})"));
        self.see(&Seen::Started { party });
        let pairs = self.pairs();
        let mine = pairs.into_iter().filter(|(dialer, acceptor)| *dialer == party || *acceptor == party);
        mine.for_each(|(dialer, acceptor)| self.plan_dial(dialer, acceptor));
        self.drain(party);
    }

    /// A party dies at once. What it sent last may still arrive, or a part of it.
    pub fn kill(&mut self, party: Party) {
        let death = self.dying(party);
        let Some(host) = self.hosts.get_mut(&party).filter(|host| host.alive()) else { return };
        let under_way = host.disk.under_way();
        let survive = self.random.below(under_way as u64 + 1) as usize;
        host.disk.crash(survive, &mut self.random);
        host.keeping.crash(&mut self.random, self.clock.now());
        host.machine = None;
        (host.poll_at, host.timeout, host.dies_in, host.frozen) = (None, None, None, None);
        for missed in host.backlog.drain(..) {
            if let Happening::Dial { dialer, acceptor } = missed {
                self.dialing.remove(&(dialer, acceptor));
            }
        }
        let links = std::mem::take(&mut host.links);
        self.trace.line(self.clock.now(), || format!("{party} dies"));
        for number in links.into_values() {
            let Some(connection) = self.network.connections.get_mut(&number) else { continue };
            let end = connection.end_of(party);
            connection.open[end as usize] = false;
            connection.pipes[end as usize] = Pipe::default();
            let pipe = &mut connection.pipes[end.other() as usize];
            let arrive = self.random.below(pipe.parcels.len() as u64 + 1) as usize;
            pipe.cut_off(arrive, &mut self.random);
            self.fin(number, end.other());
        }
        self.died(death, survive < under_way);
    }

    /// A card dies and loses its forwarding tables too.
    pub fn kill_and_wipe(&mut self, card: CardId) {
        let party = Party::Card(card);
        self.kill(party);
        let tables = self.hosts.get_mut(&party).into_iter().flat_map(|host| host.tables.values_mut());
        tables.for_each(ForwardingTable::wipe);
        self.trace.line(self.clock.now(), || format!("{card} is wiped"));
    }

    /// A party dies after so many more outputs.
    pub fn kill_after_outputs(&mut self, party: Party, outputs: u64) {
        if let Some(host) = self.hosts.get_mut(&party).filter(|host| host.alive()) {
            host.dies_in = Some(outputs);
            self.trace.line(self.clock.now(), || format!("{party} is to die after {outputs} outputs"));
        }
    }

    /// A party is not scheduled any more; to the others it falls silent.
    pub fn freeze(&mut self, party: Party) {
        let now = self.now();
        let Some(host) = self.hosts.get_mut(&party).filter(|host| host.alive()) else { return };
        if host.frozen.replace(now).is_none() {
            self.trace.line(now, || format!("{party} freezes"));
            let peers: Vec<Party> = self.hosts.keys().copied().collect();
            peers.into_iter().for_each(|peer| self.watch(party, peer));
        }
    }

    /// A frozen party goes on, with all that it has missed at once.
    pub fn thaw(&mut self, party: Party) {
        let now = self.now();
        let Some(host) = self.hosts.get_mut(&party) else { return };
        let Some(since) = host.frozen.take() else { return };
        let backlog = std::mem::take(&mut host.backlog);
        self.trace.line(now, || format!("{party} thaws"));
        self.thawed(party, since);
        let at = now.after(self.random.below(1_000));
        backlog.into_iter().for_each(|happening| self.clock.plan(at, happening));
        self.resume();
    }

    /// Every pipe that may flow, flows.
    pub(super) fn resume(&mut self) {
        for number in self.network.connections.keys().copied().collect::<Vec<_>>() {
            self.plan_arrival(number, End::Dialer);
            self.plan_arrival(number, End::Acceptor);
        }
    }

    /// The clock of a party jumps forward, as when its machine was suspended. It may take its peers for dead.
    pub fn jump_clock(&mut self, party: Party, micros: u64) {
        let now = self.now();
        let Some(host) = self.hosts.get_mut(&party).filter(|host| host.alive()) else { return };
        host.clock.jump(micros);
        host.note_timeout();
        let links: Vec<u64> = host.links.values().copied().collect();
        self.trace.line(now, || format!("{party}: the clock jumps by {micros} us"));
        for number in links.into_iter().filter(|_| micros >= self.speeds.liveness) {
            // Whether it sees first that it is late, or that a heartbeat has come, is chance.
            if self.random.one_in(2)
                && let Some(connection) = self.network.connections.get(&number)
            {
                let end = connection.end_of(party);
                self.clock.plan(now, Happening::Missed { connection: number, end });
            }
        }
    }

    /// A party runs out of memory or descriptors: it loses all its links at once, and can neither dial nor accept until it is
    /// relieved.
    pub fn exhaust(&mut self, party: Party) {
        let Some(host) = self.hosts.get_mut(&party).filter(|host| host.can_connect()) else { return };
        host.exhausted = true;
        let links: Vec<u64> = host.links.values().copied().collect();
        self.trace.line(self.clock.now(), || format!("{party} is out of resources"));
        for number in links {
            if let Some(connection) = self.network.connections.get(&number) {
                self.close(number, connection.end_of(party));
            }
        }
    }

    /// A party has resources again.
    pub fn relieve(&mut self, party: Party) {
        let Some(host) = self.hosts.get_mut(&party).filter(|host| host.exhausted) else { return };
        host.exhausted = false;
        self.trace.line(self.clock.now(), || format!("{party} has resources again"));
    }

    /// A card dies for good: nobody starts it again, and the operator gives it up, now and in every later recovery.
    ///
    /// # Errors
    /// It is a voter: as parties cannot be changed at run time, its vote would be missing for ever.
    pub fn retire(&mut self, card: CardId) -> Result<(), &'static str> {
        self.expendable(Party::Card(card))?;
        self.kill_and_wipe(card);
        self.cards.retain(|other| *other != card);
        self.oracle.card_gone(card);
        self.forgo(card);
        Ok(())
    }

    pub(super) fn is_retired(&self, party: Party) -> bool {
        match party {
            Party::Unit(_) => false,
            Party::Card(card) => !self.cards.contains(&card),
        }
    }

    /// Whether the chassis can do without what a party promised.
    pub(super) fn expendable(&self, party: Party) -> Result<(), &'static str> {
        let votes = match &self.chassis.arbiter {
            ArbiterKind::Voters(voters) => voters.contains(&party),
            ArbiterKind::External => false,
        };
        match party {
            Party::Card(_) if !votes => Ok(()),
            Party::Card(_) => Err("a voter must keep its promises"),
            Party::Unit(_) => Err("only a card can be done without"),
        }
    }
}
