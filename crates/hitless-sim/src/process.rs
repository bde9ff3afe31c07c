//! One party as an operating-system process: it runs, is paused, dies, and comes back in a new life.

use std::collections::BTreeMap;

use hitless_proto::ids::{Life, Party, ProcessId, Time};
use hitless_proto::{Card, ControlUnit};

use crate::clock::PartyClock;
use crate::disk::Disk;
use crate::forwarding_table::ForwardingTable;
use crate::keeping::Keeping;
use crate::world::Happening;

/// What runs in it.
pub(crate) enum Machine {
    Unit(Box<ControlUnit>),
    Card(Box<Card>),
}

/// A place where a party runs: disk and forwarding tables stay when the process dies.
pub(crate) struct Host {
    /// `None` while it is dead.
    pub(crate) machine: Option<Machine>,
    pub(crate) life: Life,
    /// Since when it is paused.
    pub(crate) frozen: Option<Time>,
    /// What the world would have told it while it was paused.
    pub(crate) backlog: Vec<Happening>,
    /// Inputs were taken: outputs are drained then.
    pub(crate) poll_at: Option<Time>,
    /// The machine's next timeout, in simulated time.
    pub(crate) timeout: Option<Time>,
    pub(crate) clock: PartyClock,
    /// Without memory or descriptors: it can neither dial nor accept.
    pub(crate) exhausted: bool,
    /// Dies after so many more outputs.
    pub(crate) dies_in: Option<u64>,
    pub(crate) disk: Disk,
    /// Of a unit: where it keeps its state.
    pub(crate) keeping: Keeping,
    pub(crate) tables: BTreeMap<ProcessId, ForwardingTable>,
    /// Its end of each link, by connection.
    pub(crate) links: BTreeMap<Party, u64>,
}

impl Host {
    pub(crate) fn new(processes: &[ProcessId]) -> Self {
        Self {
            machine: None,
            life: Life(0),
            frozen: None,
            backlog: Vec::new(),
            poll_at: None,
            timeout: None,
            clock: PartyClock::default(),
            exhausted: false,
            dies_in: None,
            disk: Disk::default(),
            keeping: Keeping::default(),
            tables: processes.iter().map(|process| (*process, ForwardingTable::new(*process))).collect(),
            links: BTreeMap::new(),
        }
    }

    pub(crate) fn alive(&self) -> bool {
        self.machine.is_some()
    }

    pub(crate) fn unit(&self) -> Option<&ControlUnit> {
        match &self.machine {
            Some(Machine::Unit(unit)) => Some(unit),
            Some(Machine::Card(_)) | None => None,
        }
    }

    pub(crate) fn card(&self) -> Option<&Card> {
        match &self.machine {
            Some(Machine::Card(card)) => Some(card),
            Some(Machine::Unit(_)) | None => None,
        }
    }

    /// Asks the machine when it wants to act.
    pub(crate) fn note_timeout(&mut self) {
        let timeout = match &self.machine {
            Some(Machine::Unit(unit)) => unit.next_timeout(),
            Some(Machine::Card(card)) => card.next_timeout(),
            None => None,
        };
        self.timeout = timeout.map(|reading| self.clock.when(reading));
    }

    /// It runs, and has what it takes to open a connection.
    pub(crate) fn can_connect(&self) -> bool {
        self.alive() && self.frozen.is_none() && !self.exhausted
    }

    /// When it acts by itself next.
    pub(crate) fn next_at(&self) -> Option<Time> {
        if self.frozen.is_some() || self.machine.is_none() {
            return None;
        }
        self.poll_at.into_iter().chain(self.timeout).min()
    }
}
