//! What goes wrong, by the swarm: each class of fault is on in half of all runs, so that rare pairs meet often.

use std::collections::BTreeMap;

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Party, ProcessId, Time, UnitId};
use hitless_proto::io::Role;

use crate::random::Random;
use crate::schedule::{Drawn, Schedule};
use crate::world::World;

/// A class of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The primary dies.
    KillPrimary,
    /// Some unit dies.
    KillUnit,
    /// A party dies between two of its outputs.
    KillBetweenOutputs,
    /// A card dies; its forwarding tables stay.
    KillCard,
    /// A card dies and its forwarding tables with it.
    WipeCard,
    /// A party is paused for longer than its heartbeats may miss.
    Freeze,
    /// Nothing passes between two parties.
    Cut,
    /// Nothing passes one way.
    CutOneWay,
    /// One party is cut off from all others.
    Isolate,
    /// Messages wait, heartbeats pass.
    Hold,
    /// A connection is reset.
    Reset,
    /// Writes to a disk fail.
    DiskFails,
    /// A disk is slow.
    DiskSlow,
    /// A forwarding table is slow.
    TableSlow,
    /// A forwarding table does nothing for a while.
    TableStuck,
    /// Keys are refused.
    KeyFails,
    /// A forwarding table is full.
    TableFull,
    /// The external arbiter is down.
    ArbiterDown,
    /// The operator plans a switchover: no fault, but it must stand all of them.
    Switchover,
}

/// Every class.
pub const FAULTS: &[Fault] = &[
    Fault::KillPrimary,
    Fault::KillUnit,
    Fault::KillBetweenOutputs,
    Fault::KillCard,
    Fault::WipeCard,
    Fault::Freeze,
    Fault::Cut,
    Fault::CutOneWay,
    Fault::Isolate,
    Fault::Hold,
    Fault::Reset,
    Fault::DiskFails,
    Fault::DiskSlow,
    Fault::TableSlow,
    Fault::TableStuck,
    Fault::KeyFails,
    Fault::TableFull,
    Fault::ArbiterDown,
    Fault::Switchover,
];

/// What a fault is undone by.
#[derive(Clone, Copy, Debug)]
enum Undo {
    Restart(Party),
    Thaw(Party),
    Mend(Party, Party),
    Release(Party, Party),
    Disk(Party),
    Table(CardId, ProcessId),
    Arbiter,
}

/// Does to a world what its swarm allows.
#[derive(Debug)]
pub struct Chaos {
    /// When which class strikes, whatever came of the strikes before.
    order: Random,
    /// Of one strike only: what it draws shifts nothing that is drawn for others.
    random: Random,
    enabled: Vec<Fault>,
    /// Cards never die: any number of units may.
    cards_live: bool,
    pause: u64,
    next_at: Time,
    undo: BTreeMap<(Time, u64), Undo>,
    planned: u64,
    drawn: u64,
    /// How often each class struck.
    pub struck: BTreeMap<Fault, u64>,
    /// The strikes that took place, in order.
    pub strikes: Vec<Drawn<Fault>>,
}

impl Chaos {
    /// The swarm of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let cards_live = random.one_in(2);
        let allowed = |fault: &Fault| !cards_live || !matches!(fault, Fault::KillCard | Fault::WipeCard);
        let enabled = FAULTS.iter().filter(|fault| allowed(fault)).copied();
        let enabled = enabled.filter(|_| random.one_in(2)).collect();
        let pause = [20_000, 100_000, 400_000, 1_500_000][random.below(4) as usize];
        Self {
            order: random,
            random: Random::new(0),
            enabled,
            cards_live,
            pause,
            next_at: Time(1_000_000),
            undo: BTreeMap::new(),
            planned: 0,
            drawn: 0,
            struck: BTreeMap::new(),
            strikes: Vec::new(),
        }
    }

    /// The classes that are on.
    #[must_use]
    pub fn enabled(&self) -> &[Fault] {
        &self.enabled
    }

    /// Strikes, and undoes, what is due, as far as `schedule` has it.
    pub fn tick(&mut self, world: &mut World, schedule: &Schedule) {
        while let Some(entry) = self.undo.first_entry() {
            if entry.key().0 > world.now() {
                break;
            }
            let undo = entry.remove();
            restore(world, undo);
        }
        if world.now() < self.next_at {
            return;
        }
        self.next_at = world.now().after(self.order.between(1, 2 * self.pause));
        let Some(fault) = self.order.pick(&self.enabled) else { return };
        self.random = Random::new(self.order.number());
        let number = self.drawn;
        self.drawn += 1;
        if !schedule.strikes(number) {
            return;
        }
        world.trace.line(world.now(), || format!("strike {number}: {fault:?}"));
        let (at, mark) = (world.now(), world.trace.mark());
        if self.strike(world, fault) {
            *self.struck.entry(fault).or_default() += 1;
            self.strikes.push(Drawn { number, at, of: fault, did: world.trace.since(mark).into() });
        }
    }

    fn later(&mut self, world: &World, low: u64, high: u64, undo: Undo) {
        self.planned += 1;
        let at = world.now().after(self.random.between(low, high));
        self.undo.insert((at, self.planned), undo);
    }

    fn strike(&mut self, world: &mut World, fault: Fault) -> bool {
        match fault {
            Fault::KillPrimary => {
                let primary = world.primary();
                primary.is_some_and(|unit| self.kill(world, Party::Unit(unit)))
            }
            Fault::KillUnit => {
                let unit = self.random.pick(world.units());
                unit.is_some_and(|unit| self.kill(world, Party::Unit(unit)))
            }
            Fault::KillBetweenOutputs => self.kill_between_outputs(world),
            Fault::KillCard => {
                let card = self.random.pick(world.cards());
                card.is_some_and(|card| self.kill(world, Party::Card(card)))
            }
            Fault::WipeCard => self.wipe(world),
            Fault::Freeze => self.freeze(world),
            Fault::Cut | Fault::CutOneWay | Fault::Hold | Fault::Reset => self.strike_link(world, fault),
            Fault::Isolate => self.isolate(world),
            Fault::DiskFails | Fault::DiskSlow => self.strike_disk(world, fault),
            Fault::TableSlow | Fault::TableStuck | Fault::KeyFails | Fault::TableFull => {
                self.strike_table(world, fault)
            }
            Fault::ArbiterDown => {
                world.set_arbiter_down(true);
                self.later(world, 10_000, 2_000_000, Undo::Arbiter);
                true
            }
            Fault::Switchover => {
                let to = self.random.pick(world.units()).filter(|_| self.random.one_in(2));
                world.switchover(to).is_ok()
            }
        }
    }

    /// Where cards may die, one unit that holds everything must live.
    fn may_kill(&self, world: &World, party: Party) -> bool {
        let Party::Unit(unit) = party else { return !self.cards_live };
        let holds = |other: &UnitId| {
            *other != unit
                && matches!(world.role(*other), Some(Role::Primary | Role::Standby | Role::HandingOver))
        };
        self.cards_live || world.units().iter().any(holds)
    }

    fn kill(&mut self, world: &mut World, party: Party) -> bool {
        if !self.may_kill(world, party) {
            return false;
        }
        world.kill(party);
        self.later(world, 1_000, 3_000_000, Undo::Restart(party));
        true
    }

    fn kill_between_outputs(&mut self, world: &mut World) -> bool {
        let Some(party) = self.random_party(world) else { return false };
        if !self.may_kill(world, party) {
            return false;
        }
        let outputs = self.random.below(60);
        world.kill_after_outputs(party, outputs);
        self.later(world, 500_000, 3_000_000, Undo::Restart(party));
        true
    }

    fn wipe(&mut self, world: &mut World) -> bool {
        let Some(card) = self.random.pick(world.cards()) else { return false };
        if self.cards_live {
            return false;
        }
        world.kill_and_wipe(card);
        self.later(world, 1_000, 3_000_000, Undo::Restart(Party::Card(card)));
        true
    }

    fn freeze(&mut self, world: &mut World) -> bool {
        let primary = world.primary().map(Party::Unit).filter(|_| self.random.one_in(2));
        let Some(party) = primary.or_else(|| self.random_party(world)) else { return false };
        world.freeze(party);
        self.later(world, 10_000, 4_000_000, Undo::Thaw(party));
        true
    }

    fn isolate(&mut self, world: &mut World) -> bool {
        let primary = world.primary().map(Party::Unit).filter(|_| self.random.one_in(2));
        let Some(party) = primary.or_else(|| self.random_party(world)) else { return false };
        let others: Vec<Party> = world.hosts.keys().filter(|other| **other != party).copied().collect();
        for other in others {
            if !self.random.one_in(6) {
                world.cut(party, other);
                self.later(world, 10_000, 3_000_000, Undo::Mend(party, other));
            }
        }
        true
    }

    fn strike_link(&mut self, world: &mut World, fault: Fault) -> bool {
        let (Some(a), Some(b)) = (self.random_party(world), self.random_party(world)) else { return false };
        if a == b || matches!((a, b), (Party::Card(_), Party::Card(_))) {
            return false;
        }
        if fault == Fault::Reset {
            world.reset_link(a, b);
            return true;
        }
        let undo = if fault == Fault::Hold { Undo::Release(a, b) } else { Undo::Mend(a, b) };
        if fault == Fault::Hold {
            world.hold_one_way(a, b);
        } else if fault == Fault::Cut {
            world.cut(a, b);
        } else {
            world.cut_one_way(a, b);
        }
        self.later(world, 10_000, 3_000_000, undo);
        true
    }

    fn strike_disk(&mut self, world: &mut World, fault: Fault) -> bool {
        let Some(party) = self.random_party(world) else { return false };
        let slow = self.random.between(10, 200);
        let Some(disk) = world.disk_mut(party) else { return false };
        if fault == Fault::DiskFails {
            disk.failing = true;
        } else {
            disk.slow = slow;
        }
        self.later(world, 10_000, 2_000_000, Undo::Disk(party));
        true
    }

    fn strike_table(&mut self, world: &mut World, fault: Fault) -> bool {
        let card = self.random.pick(world.cards());
        let process = self.random.pick(world.processes());
        let (Some(card), Some(process)) = (card, process) else { return false };
        let keys: Vec<Blob> = world.oracle.keys(process).cloned().collect();
        let slow = self.random.between(10, 300);
        let failing: Vec<Blob> = keys.into_iter().filter(|_| self.random.one_in(5)).collect();
        let room = self.random.below(6) as usize;
        let Some(table) = world.table_mut(card, process) else { return false };
        if fault == Fault::TableSlow {
            table.slow = slow;
        } else if fault == Fault::TableStuck {
            table.stuck = true;
        } else if fault == Fault::KeyFails {
            table.failing.extend(failing);
        } else {
            table.limit = Some(table.entries().len() + room);
        }
        self.later(world, 10_000, 4_000_000, Undo::Table(card, process));
        true
    }

    fn random_party(&mut self, world: &World) -> Option<Party> {
        let parties: Vec<Party> = world.hosts.keys().copied().collect();
        self.random.pick(&parties)
    }
}

fn restore(world: &mut World, undo: Undo) {
    match undo {
        Undo::Restart(party) => {
            if !world.hosts.get(&party).is_some_and(|host| host.alive()) {
                world.restart(party);
            }
        }
        Undo::Thaw(party) => world.thaw(party),
        Undo::Mend(a, b) => world.mend(a, b),
        Undo::Release(a, b) => world.release_link(a, b),
        Undo::Disk(party) => {
            if let Some(disk) = world.disk_mut(party) {
                (disk.failing, disk.slow) = (false, 1);
            }
        }
        Undo::Table(card, process) => {
            if let Some(table) = world.table_mut(card, process) {
                table.failing.clear();
                (table.limit, table.slow, table.stuck) = (None, 1, false);
            }
        }
        Undo::Arbiter => world.set_arbiter_down(false),
    }
}
