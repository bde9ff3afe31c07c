//! One party: its core, its disk, its forwarding table, and what it waits for.

use std::collections::{BTreeMap, VecDeque};

use hitless_proto::config::Chassis;
use hitless_proto::entry::Blob;
use hitless_proto::ids::{Life, Party, ProcessId, Time};
use hitless_proto::input::Input;
use hitless_proto::io::{ArbiterRequest, Durable, Output, Write};
use hitless_proto::process::{fib, table};
use hitless_proto::{Card, CardConfig, CardStart, ControlUnit, UnitConfig, UnitStart};

/// The processes of every party.
pub(super) const PROCESSES: [ProcessId; 2] = [fib::ID, table::ID];
/// Entries of one process: an input has 512 bytes, and the smallest op of a message two.
const MOST_ENTRIES: usize = 1000;

#[derive(Clone)]
enum Core {
    Unit(Box<ControlUnit>),
    Card(Box<Card>),
}

/// A batch of writes that the forwarding table works on.
#[derive(Clone)]
pub(super) struct Batch {
    pub(super) process: ProcessId,
    pub(super) number: u64,
    pub(super) writes: Vec<Write>,
}

#[derive(Clone)]
pub(super) struct Host {
    pub(super) party: Party,
    pub(super) life: Life,
    core: Core,
    disk: Durable,
    pub(super) persists: VecDeque<(u64, Durable)>,
    pub(super) batches: VecDeque<Batch>,
    pub(super) request: Option<ArbiterRequest>,
    /// It was given something since its outputs were all taken.
    pub(super) stirred: bool,
    table: BTreeMap<(ProcessId, Blob), Blob>,
}

impl Host {
    pub(super) fn new(chassis: &Chassis, party: Party, life: Life, now: Time) -> Self {
        let core = core(chassis, party, (life, Durable::default()), now);
        Self {
            party,
            life,
            core,
            disk: Durable::default(),
            persists: VecDeque::new(),
            batches: VecDeque::new(),
            request: None,
            stirred: true,
            table: BTreeMap::new(),
        }
    }

    /// The process dies and comes back. What was on disk is there; a forwarding table may have died with it.
    pub(super) fn restart(&mut self, chassis: &Chassis, now: Time, keep_table: bool) {
        self.life = Life(self.life.0 + 1);
        self.core = core(chassis, self.party, (self.life, self.disk.clone()), now);
        self.persists.clear();
        self.batches.clear();
        self.request = None;
        self.stirred = true;
        if !keep_table {
            self.table.clear();
        }
        for process in PROCESSES {
            let held = self.table.iter().filter(|((of, _), _)| *of == process);
            let entries = held.map(|((_, key), part)| (key.clone(), part.clone())).collect();
            self.take(Input::Adopt { process, entries }, now);
        }
    }

    /// Gives the core one input; what must always hold holds after it.
    pub(super) fn take(&mut self, input: Input, now: Time) {
        self.stirred = true;
        match &mut self.core {
            Core::Unit(unit) => drop(input.apply_to_unit(unit, now)),
            Core::Card(card) => drop(input.apply_to_card(card, now)),
        }
        self.check();
    }

    pub(super) fn poll(&mut self) -> Option<Output> {
        match &mut self.core {
            Core::Unit(unit) => unit.poll_output(),
            Core::Card(card) => card.poll_output(),
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Time> {
        match &self.core {
            Core::Unit(unit) => unit.next_timeout(),
            Core::Card(card) => card.next_timeout(),
        }
    }

    /// The invariants, and that everything that only looks can be asked.
    pub(super) fn check(&self) {
        let held = match &self.core {
            Core::Unit(unit) => unit.invariants(),
            Core::Card(card) => card.invariants(),
        };
        assert_eq!(held, Ok(()), "{}", self.party);
    }

    pub(super) fn look(&self) {
        match &self.core {
            Core::Unit(unit) => {
                let _ = (unit.status(), unit.reports().len());
                PROCESSES
                    .into_iter()
                    .for_each(|process| assert!(unit.entries(process).count() < MOST_ENTRIES));
            }
            Core::Card(card) => {
                let _ = card.status();
                PROCESSES
                    .into_iter()
                    .for_each(|process| assert!(card.entries(process).count() < MOST_ENTRIES));
            }
        }
    }

    /// Whether it is the primary of an opened epoch.
    #[cfg(test)]
    pub(super) fn is_primary(&self) -> bool {
        match &self.core {
            Core::Unit(unit) => unit.status().role == hitless_proto::io::Role::Primary,
            Core::Card(_) => false,
        }
    }

    /// The disk is done with the oldest write.
    pub(super) fn persisted(&mut self, good: bool, now: Time) {
        let Some((token, durable)) = self.persists.pop_front() else { return };
        if good {
            self.disk = durable;
            self.take(Input::Persisted { token }, now);
        } else {
            self.take(Input::PersistFailed { token }, now);
        }
    }

    /// The forwarding table is done with the oldest batch; it refuses the writes whose bits are set.
    pub(super) fn applied(&mut self, refused: u8, now: Time) {
        let Some(Batch { process, number, writes }) = self.batches.pop_front() else { return };
        let mut outcomes = Vec::with_capacity(writes.len());
        for (at, write) in writes.into_iter().enumerate() {
            if at < 8 && refused >> at & 1 != 0 {
                outcomes.push(Err("refused".to_owned()));
                continue;
            }
            match write.part {
                Some(part) => self.table.insert((process, write.key), part),
                None => self.table.remove(&(process, write.key)),
            };
            outcomes.push(Ok(()));
        }
        self.take(Input::Applied { process, batch: number, outcomes }, now);
    }
}

fn core(chassis: &Chassis, party: Party, (life, durable): (Life, Durable), now: Time) -> Core {
    let chassis = chassis.clone();
    match party {
        Party::Unit(unit) => {
            let processes = vec![Box::new(fib::Fib) as _, Box::new(table::Table) as _];
            let start = UnitStart { life, durable, seed: life.0 };
            Core::Unit(Box::new(ControlUnit::new(UnitConfig { chassis, unit }, processes, start, now)))
        }
        Party::Card(card) => {
            let config = CardConfig { chassis, card, processes: PROCESSES.to_vec() };
            Core::Card(Box::new(Card::new(config, CardStart { life, durable, secret: 9 })))
        }
    }
}
