//! Sources: they want entries, tell the primary, and say again what they were not told to be safe.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::entry::{Audience, Blob, Change, Content};
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, UnitId};
use hitless_proto::process::fib;

use crate::random::Random;
use crate::schedule::{Drawn, Schedule};
use crate::world::World;

/// What sources do.
#[derive(Debug)]
pub struct Workload {
    random: Random,
    keys: u64,
    burst: u64,
    named: bool,
    values: u64,
    wanted: BTreeMap<(ProcessId, Blob), Option<Content>>,
    /// Where the sources are connected.
    primary: Option<(UnitId, Epoch)>,
    /// Keys to be said again.
    again: BTreeSet<(ProcessId, Blob)>,
    drawn: u64,
    /// The ops that a unit took, in order, without those that were said again.
    pub ops: Vec<Drawn<ProcessId>>,
}

impl Workload {
    /// Sources that name `keys` keys per process, in bursts of up to `burst` changes, some for `named` cards only.
    #[must_use]
    pub fn new(seed: u64, keys: u64, burst: u64, named: bool) -> Self {
        Self {
            random: Random::new(seed),
            keys,
            burst,
            named,
            values: 0,
            wanted: BTreeMap::new(),
            primary: None,
            again: BTreeSet::new(),
            drawn: 0,
            ops: Vec::new(),
        }
    }

    /// Submits some changes, as far as `schedule` has them, to whichever unit says that it is primary.
    ///
    /// They are drawn even if no unit does: what is drawn does not depend on what the chassis does.
    pub fn tick(&mut self, world: &mut World, schedule: &Schedule) {
        let unit = self.connect(world);
        let processes = world.processes().to_vec();
        for _ in 0..self.random.between(1, self.burst) {
            let Some(process) = self.random.pick(&processes) else { return };
            let change = self.change(world, process);
            let number = self.drawn;
            self.drawn += 1;
            let Some(unit) = unit.filter(|_| schedule.submits(number)) else { continue };
            world.trace.line(world.now(), || format!("op {number}"));
            let (at, mark) = (world.now(), world.trace.mark());
            if self.submit(world, unit, process, change) {
                self.ops.push(Drawn { number, at, of: process, did: world.trace.since(mark).into() });
            }
        }
    }

    /// The unit that is asked, after it was told again what its predecessor left open.
    fn connect(&mut self, world: &mut World) -> Option<UnitId> {
        let is_primary = |unit: &UnitId| {
            world.is_up(Party::Unit(*unit))
                && world.unit(*unit).is_some_and(hitless_proto::ControlUnit::is_primary)
        };
        let primaries: Vec<UnitId> = world.units().iter().filter(|unit| is_primary(unit)).copied().collect();
        let chance = self.random.number();
        let unit = Random::new(chance).pick(&primaries)?;
        let epoch = world.epochs.get(&unit).copied().unwrap_or_default();
        if self.primary.replace((unit, epoch)) != Some((unit, epoch)) {
            self.reconnect(world, epoch);
        }
        self.say_again(world, unit);
        Some(unit)
    }

    /// What was open in any other epoch is said again.
    fn reconnect(&mut self, world: &World, epoch: Epoch) {
        for process in world.processes() {
            for old in (0..=epoch.0).map(Epoch).filter(|old| *old != epoch) {
                for op in world.oracle.open(*process, old) {
                    self.again.insert((*process, op.change.key.clone()));
                }
            }
        }
    }

    /// Keys that some card refused are said again.
    pub fn note_refused(&mut self, world: &World) {
        for card in world.cards() {
            for process in world.processes() {
                let entries = world.card(*card).into_iter().flat_map(|card| card.entries(*process));
                let refused = entries.filter(|(_, _, failed)| *failed);
                self.again.extend(refused.map(|(key, _, _)| (*process, key)));
            }
        }
    }

    /// Says again what is to be said again, as it is wanted now.
    pub fn say_again(&mut self, world: &mut World, unit: UnitId) {
        while let Some((process, key)) = self.again.pop_first() {
            let content = self.wanted.get(&(process, key.clone())).cloned().flatten();
            if !self.submit(world, unit, process, Change { key: key.clone(), content }) {
                self.again.insert((process, key));
                return;
            }
        }
    }

    fn submit(&mut self, world: &mut World, unit: UnitId, process: ProcessId, change: Change) -> bool {
        let (key, content) = (change.key.clone(), change.content.clone());
        let taken = world.submit_to(unit, process, change).is_ok();
        if taken {
            self.wanted.insert((process, key), content);
        }
        taken
    }

    fn change(&mut self, world: &World, process: ProcessId) -> Change {
        self.values += 1;
        let key = self.random.below(self.keys);
        let mut change = if process == fib::ID { self.fib_change(key) } else { self.table_change(key) };
        // The keys of the lower half are never withdrawn: a gap in those is a fault.
        if key >= self.keys / 2 && self.random.one_in(4) {
            change.content = None;
        }
        if self.named
            && key % 4 == 3
            && let Some(content) = &mut change.content
        {
            // Never for nobody: with all units dead, what no card holds is lost, as it must be.
            let some: Vec<CardId> = world.cards().iter().filter(|_| self.random.one_in(2)).copied().collect();
            content.audience = Audience::cards(some.into_iter().chain(self.random.pick(world.cards())));
        }
        change
    }

    fn table_change(&mut self, key: u64) -> Change {
        let value = format!("v{}", self.values);
        hitless_proto::process::table::put(format!("key-{key}").as_bytes(), value.as_bytes(), b"note")
    }

    fn fib_change(&mut self, key: u64) -> Change {
        let mut bytes = vec![1_u8, 24, 10, (key >> 8) as u8, key as u8];
        let mut part = (1 + (self.values as u32 & 0x00ff_ffff)).to_be_bytes().to_vec();
        if key.is_multiple_of(8) {
            bytes = vec![0];
            bytes.extend_from_slice(&(1 + key as u32).to_be_bytes());
            part = vec![1, 192, 0, (self.values >> 8) as u8, self.values as u8];
            part.extend_from_slice(b"eth0");
        }
        let content = Content {
            audience: Audience::All,
            card_part: Blob::new(&part),
            standby_part: Some(Blob::new(b"source")),
        };
        Change { key: Blob::new(&bytes), content: Some(content) }
    }
}
