//! Sources: they want entries, tell the primary, and say again what they were not told to be safe.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::entry::{Audience, Blob, Change, Content};
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, Time, UnitId};
use hitless_proto::io::Role;
use hitless_proto::limits::MAX_UNSTABLE;
use hitless_proto::process::fib;

use crate::coverage::Row;
use crate::random::Random;
use crate::schedule::{Drawn, Schedule};
use crate::world::World;

/// Bytes of a heavy value: 26 of them use up the window of a channel.
const HEAVY: usize = 40 * 1024;
/// Heavy values at once, and in one run: each is kept by every party, and by those who check them.
const HEAVY_SPELL: u64 = 30;
const HEAVY_MOST: u64 = 180;
/// One tick in so many begins a heavy spell.
const HEAVY_ONE_IN: u64 = 40;
/// Changes of a flood: more than a process may have issued and not yet stable.
const FLOOD: u64 = MAX_UNSTABLE as u64 + 1_000;

/// How sources behave in one run.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// So many keys per process are named.
    pub keys: u64,
    /// Most changes at once.
    pub burst: u64,
    /// Some entries are for named cards only.
    pub named: bool,
    /// Now and then come values so large that windows fill.
    pub heavy: bool,
    /// From then on, once, comes more than a primary takes.
    pub flood: Option<Time>,
}

impl Habits {
    /// As chance has it; what is rare costs much.
    pub(crate) fn draw(random: &mut Random) -> Self {
        Self {
            keys: [8, 30, 120, 600][random.below(4) as usize],
            burst: [1, 5, 40][random.below(3) as usize],
            named: random.one_in(2),
            heavy: random.one_in(6),
            flood: random.one_in(100).then(|| Time(random.between(1_500_000, 4_000_000))),
        }
    }
}

/// What sources do.
#[derive(Debug)]
pub struct Workload {
    random: Random,
    habits: Habits,
    heavy_left: u64,
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
    /// Sources of these habits.
    #[must_use]
    pub fn new(seed: u64, habits: Habits) -> Self {
        Self {
            random: Random::new(seed),
            habits,
            heavy_left: if habits.heavy { HEAVY_MOST } else { 0 },
            values: 0,
            wanted: BTreeMap::new(),
            primary: None,
            again: BTreeSet::new(),
            drawn: 0,
            ops: Vec::new(),
        }
    }

    /// Submits some changes, as far as `schedule` has them, to whichever unit says that it is primary, or was until now.
    ///
    /// They are drawn even if no unit does: what is drawn does not depend on what the chassis does.
    pub fn tick(&mut self, world: &mut World, schedule: &Schedule) {
        let unit = self.connect(world);
        let processes = world.processes().to_vec();
        let spell = self.heavy_left > 0 && self.random.one_in(HEAVY_ONE_IN);
        let flood = self.habits.flood.take_if(|at| *at <= world.now()).is_some();
        let changes = match (flood, spell) {
            (true, _) => FLOOD,
            (false, true) => HEAVY_SPELL,
            (false, false) => self.random.between(1, self.habits.burst),
        };
        for _ in 0..changes {
            let process =
                if flood || spell { processes.last().copied() } else { self.random.pick(&processes) };
            let Some(process) = process else { return };
            let mut change = self.change(world, process);
            if let (true, Some(content)) = (spell, &mut change.content) {
                self.heavy_left = self.heavy_left.saturating_sub(1);
                let padded: Vec<u8> = content.card_part.iter().copied().chain([b' '; HEAVY]).collect();
                content.card_part = Blob::new(&padded);
            }
            let number = self.drawn;
            self.drawn += 1;
            let Some(unit) = unit.filter(|_| schedule.submits(number)) else { continue };
            world.trace.line(world.now(), || format!("op {number}"));
            world.draw_anew(number << 32 | 1);
            let (at, mark) = (world.now(), world.trace.mark());
            if self.submit(world, unit, process, change) {
                self.ops.push(Drawn { number, at, of: process, did: world.trace.since(mark).into() });
            } else if flood {
                count_held_back(world, unit, process);
                break;
            }
        }
    }

    /// The unit that is asked, after it was told again what its predecessor left open. One that hands its role over is asked
    /// too: it is for that unit to refuse.
    fn connect(&mut self, world: &mut World) -> Option<UnitId> {
        let leads = |unit: &UnitId| {
            world.is_up(Party::Unit(*unit))
                && matches!(world.role(*unit), Some(Role::Primary | Role::HandingOver))
        };
        let primaries: Vec<UnitId> = world.units().iter().filter(|unit| leads(unit)).copied().collect();
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
            for op in world.oracle.open_outside(*process, epoch) {
                self.again.insert((*process, op.change.key.clone()));
            }
        }
    }

    /// When all is healed: what some card refused, or what was not told to be safe, is said again.
    pub fn after_the_storm(&mut self, world: &mut World) {
        self.note_refused(world);
        if let Some(primary) = world.primary() {
            self.say_again(world, primary);
        }
    }

    /// Keys that some card refused are said again.
    fn note_refused(&mut self, world: &World) {
        for card in world.cards() {
            for process in world.processes() {
                let entries = world.card(*card).into_iter().flat_map(|card| card.entries(*process));
                let refused = entries.filter(|(_, _, failed)| *failed);
                self.again.extend(refused.map(|(key, _, _)| (*process, key)));
            }
        }
    }

    /// Says again what is to be said again, as it is wanted now.
    fn say_again(&mut self, world: &mut World, unit: UnitId) {
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
        let key = self.random.below(self.habits.keys);
        let mut change = if process == fib::ID { self.fib_change(key) } else { self.table_change(key) };
        // The keys of the lower half are never withdrawn: a gap in those is a fault.
        if key >= self.habits.keys / 2 && self.random.one_in(4) {
            change.content = None;
        }
        if self.habits.named
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
        let mut next_hop = 1 + (self.values as u32 & 0x00ff_ffff);
        if key % 2 == 1 {
            // One that is named too, so that the route depends on it.
            next_hop = 1 + 8 * (self.values % self.habits.keys.div_ceil(8)) as u32;
        }
        let mut part = next_hop.to_be_bytes().to_vec();
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

/// A primary that refuses a change because its log is full holds its sources back.
fn count_held_back(world: &mut World, unit: UnitId, process: ProcessId) {
    let status = world.unit_status(unit).unwrap_or_default();
    let full = status.processes.iter().any(|of| {
        let unstable = of.received.seq.0.saturating_sub(of.stable.0);
        of.process == process && unstable >= MAX_UNSTABLE as u64
    });
    if full {
        world.hit(Row::SourceHeldBack, Party::Unit(unit));
    }
}
