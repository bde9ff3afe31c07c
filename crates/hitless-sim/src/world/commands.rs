//! What a script or a fault does to the world.

use hitless_proto::entry::{Blob, Change};
use hitless_proto::error::{SubmitError, SwitchoverError};
use hitless_proto::ids::{CardId, Life, Party, ProcessId, UnitId, Version};
use hitless_proto::{Card, CardConfig, CardStart, ControlUnit, UnitConfig, UnitStart};

use super::{Happening, World};
use crate::checkers::{Seen, Violation};
use crate::disk::Disk;
use crate::forwarding_table::ForwardingTable;
use crate::network::End;
use crate::process::Machine;

impl World {
    /// Starts a party in a new life. A card adopts what its forwarding tables hold.
    pub fn restart(&mut self, party: Party) {
        self.kill(party);
        self.lives += 1;
        let life = Life(self.lives << 16 | self.random.below(1 << 16));
        let (now, seed) = (self.now(), self.random.number());
        let Some(host) = self.hosts.get_mut(&party) else { return };
        if let Party::Card(card) = party {
            let tables = &host.tables;
            self.oracle.card_started(card, |process, key| tables.get(&process)?.entries().get(key).cloned());
        }
        let durable = host.disk.stored().clone();
        host.life = life;
        host.machine = Some(match party {
            Party::Unit(unit) => {
                let config = UnitConfig { chassis: self.chassis.clone(), unit };
                let start = UnitStart { life, durable, seed };
                Machine::Unit(Box::new(ControlUnit::new(config, (self.make_processes)(), start, now)))
            }
            Party::Card(card) => {
                let (chassis, processes) = (self.chassis.clone(), self.processes.clone());
                let start = CardStart { life, durable, secret: u128::from(seed) };
                let mut machine = Card::new(CardConfig { chassis, card, processes }, start);
                for (process, table) in &host.tables {
                    let entries = table.entries().iter().map(|(key, part)| (key.clone(), part.clone()));
                    machine.adopt(*process, entries);
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
        host.disk.crash(survive);
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
            connection.pipes[end as usize].parcels.clear();
            let pipe = &mut connection.pipes[end.other() as usize];
            let arrive = self.random.below(pipe.parcels.len() as u64 + 1) as usize;
            pipe.parcels.truncate(arrive);
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
    }

    /// A party dies after so many more outputs.
    pub fn kill_after_outputs(&mut self, party: Party, outputs: u64) {
        if let Some(host) = self.hosts.get_mut(&party).filter(|host| host.alive()) {
            host.dies_in = Some(outputs);
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
    fn resume(&mut self) {
        for number in self.network.connections.keys().copied().collect::<Vec<_>>() {
            self.plan_arrival(number, End::Dialer);
            self.plan_arrival(number, End::Acceptor);
        }
    }

    /// Nothing passes between two parties, either way.
    pub fn cut(&mut self, a: Party, b: Party) {
        self.cut_one_way(a, b);
        self.cut_one_way(b, a);
    }

    /// Nothing passes from one party to another.
    pub fn cut_one_way(&mut self, from: Party, to: Party) {
        let now = self.now();
        self.trace.line(now, || format!("cut {from} -> {to}"));
        self.network.cut(from, to, now);
        self.watch(from, to);
    }

    /// Mends a cut, both ways. What waits in a connection that nobody has closed arrives late.
    pub fn mend(&mut self, a: Party, b: Party) {
        self.trace.line(self.clock.now(), || format!("mend {a} - {b}"));
        self.network.mend(a, b);
        self.network.mend(b, a);
        self.resume();
    }

    /// Messages between two parties wait until the link is released, while heartbeats pass: nobody suspects anything.
    pub fn hold_link(&mut self, a: Party, b: Party) {
        self.hold_one_way(a, b);
        self.hold_one_way(b, a);
    }

    /// Messages from one party to another wait.
    pub fn hold_one_way(&mut self, from: Party, to: Party) {
        self.trace.line(self.clock.now(), || format!("hold {from} -> {to}"));
        self.network.hold(from, to);
    }

    /// What waited goes on, in order.
    pub fn release_link(&mut self, a: Party, b: Party) {
        self.trace.line(self.clock.now(), || format!("release {a} - {b}"));
        self.network.release(a, b);
        self.network.release(b, a);
        self.resume();
    }

    /// The connection of two parties is reset: of what is on the way, a part arrives at either end.
    pub fn reset_link(&mut self, a: Party, b: Party) {
        let Some(number) = self.hosts.get(&a).and_then(|host| host.links.get(&b)).copied() else { return };
        self.trace.line(self.clock.now(), || format!("reset {a} - {b}"));
        for end in [End::Dialer, End::Acceptor] {
            let Some(connection) = self.network.connections.get_mut(&number) else { return };
            let pipe = &mut connection.pipes[end as usize];
            let arrive = self.random.below(pipe.parcels.len() as u64 + 1) as usize;
            pipe.parcels.truncate(arrive);
            self.fin(number, end);
        }
    }

    /// Acks of a card no longer reach a unit (they are dropped on arrival).
    pub fn drop_acks(&mut self, card: CardId, unit: UnitId) {
        self.network.deaf.insert((Party::Card(card), Party::Unit(unit)));
    }

    /// Acks of a card reach a unit again.
    pub fn pass_acks(&mut self, card: CardId, unit: UnitId) {
        self.network.deaf.remove(&(Party::Card(card), Party::Unit(unit)));
    }

    /// The forwarding table of a process on a card, to give it faults.
    pub fn table_mut(&mut self, card: CardId, process: ProcessId) -> Option<&mut ForwardingTable> {
        self.hosts.get_mut(&Party::Card(card))?.tables.get_mut(&process)
    }

    /// The disk of a party, to give it faults.
    pub fn disk_mut(&mut self, party: Party) -> Option<&mut Disk> {
        self.hosts.get_mut(&party).map(|host| &mut host.disk)
    }

    /// A forwarding table refuses the writes of a key.
    pub fn fail_key(&mut self, card: CardId, process: ProcessId, key: &[u8]) {
        self.table_mut(card, process).into_iter().for_each(|table| {
            table.failing.insert(Blob::new(key));
        });
    }

    /// The external arbiter can be reached, or not.
    pub fn set_arbiter_down(&mut self, down: bool) {
        self.arbiter.down = down;
    }

    /// A source submits a change to the primary.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub fn submit(&mut self, process: ProcessId, change: Change) -> Result<Version, SubmitError> {
        let primary = self.primary().ok_or(SubmitError::NotPrimary(None))?;
        self.submit_to(primary, process, change)
    }

    /// A source submits a change to one unit.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub fn submit_to(
        &mut self,
        unit: UnitId,
        process: ProcessId,
        change: Change,
    ) -> Result<Version, SubmitError> {
        let mut result = Err(SubmitError::NotPrimary(None));
        let asked = change.clone();
        let frozen = self.hosts.get(&Party::Unit(unit)).is_some_and(|host| host.frozen.is_some());
        if !frozen {
            self.tell(Party::Unit(unit), |machine, now| match machine {
                Machine::Unit(unit) => result = unit.submit(process, asked, now),
                Machine::Card(_) => {}
            });
        }
        let version = result?;
        self.trace.line(self.clock.now(), || format!("{unit} takes {process} {version}: {change:?}"));
        self.oracle.submitted(process, unit, version, change);
        Ok(version)
    }

    /// The operator wants the role handed over.
    ///
    /// # Errors
    /// See [`SwitchoverError`].
    pub fn switchover(&mut self, to: Option<UnitId>) -> Result<UnitId, SwitchoverError> {
        let mut result = Err(SwitchoverError::NotPrimary(None));
        let Some(primary) = self.primary() else { return result };
        self.trace.line(self.clock.now(), || format!("operator: switchover from {primary} to {to:?}"));
        self.tell(Party::Unit(primary), |machine, now| match machine {
            Machine::Unit(unit) => result = unit.begin_switchover(to, now),
            Machine::Card(_) => {}
        });
        result
    }

    /// The operator gives up a card that a recovery waits for.
    pub fn forgo(&mut self, card: CardId) {
        for unit in self.chassis.units.clone() {
            self.tell(Party::Unit(unit), |machine, now| match machine {
                Machine::Unit(unit) => unit.forgo(Party::Card(card), now),
                Machine::Card(_) => {}
            });
        }
    }

    /// Goes on for so many microseconds.
    ///
    /// # Errors
    /// The property that is broken.
    pub fn run_for(&mut self, micros: u64) -> Result<(), Violation> {
        let until = self.now().after(micros);
        while self.next_at().is_some_and(|at| at <= until) {
            self.step()?;
        }
        self.clock.advance(until);
        self.verdict()
    }

    /// Goes on until something is so, for 60 simulated seconds at most.
    ///
    /// # Errors
    /// The property that is broken, or `progress` where it does not come to be so.
    pub fn run_until(&mut self, is_so: impl Fn(&Self) -> bool) -> Result<(), Violation> {
        self.run_until_within(60_000_000, is_so)
    }

    /// Goes on until something is so, for so many simulated microseconds at most.
    ///
    /// # Errors
    /// The property that is broken, or `progress` where it does not come to be so.
    pub fn run_until_within(&mut self, micros: u64, is_so: impl Fn(&Self) -> bool) -> Result<(), Violation> {
        let until = self.now().after(micros);
        while !is_so(self) {
            let what = format!("what was waited for did not come within {micros} us");
            if self.next_at().is_none_or(|at| at > until) {
                return Err(Violation { property: "progress", what, at: self.now() });
            }
            self.step()?;
        }
        Ok(())
    }

    /// Removes every fault, and starts what is dead.
    pub fn heal(&mut self) {
        self.trace.line(self.clock.now(), || "heal".into());
        self.arbiter.down = false;
        self.network.deaf.clear();
        for (from, to) in self.network.cuts() {
            self.network.mend(from, to);
        }
        for (from, to) in self.network.holds() {
            self.network.release(from, to);
        }
        for party in self.hosts.keys().copied().collect::<Vec<_>>() {
            self.thaw(party);
            if let Some(host) = self.hosts.get_mut(&party) {
                host.dies_in = None;
                (host.disk.failing, host.disk.slow) = (false, 1);
                for table in host.tables.values_mut() {
                    table.failing.clear();
                    (table.limit, table.slow, table.stuck) = (None, 1, false);
                }
                if !host.alive() {
                    self.restart(party);
                }
            }
        }
        self.resume();
    }
}
