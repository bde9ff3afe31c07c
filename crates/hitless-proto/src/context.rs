//! What every role of a control unit works with: who it is, whom it is connected with, and what it puts out.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::arbiter::Record;
use crate::config::Chassis;
use crate::entry::{Audience, Change};
use crate::error::SubmitError;
use crate::ids::{CardId, Life, Party, ProcessId, UnitId};
use crate::io::{Event, Output};
use crate::limits::{MAX_KEY, MAX_PART, MAX_REPORTS};
use crate::message::{CardReport, Message, ToCard, UnitMessage, UnitReport};
use crate::process::{Process, Processes};
use crate::report::TakeoverReport;

#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) chassis: Chassis,
    pub(crate) unit: UnitId,
    pub(crate) life: Life,
    pub(crate) processes: Processes,
    pub(crate) links: BTreeMap<Party, Life>,
    /// The last report of each card that is connected.
    pub(crate) cards: BTreeMap<CardId, CardReport>,
    /// The last report of each unit that is connected.
    pub(crate) peers: BTreeMap<UnitId, UnitReport>,
    pub(crate) out: VecDeque<Output>,
    /// A record that the arbiter shall store.
    pub(crate) write: Option<Record>,
    pub(crate) reports: Vec<TakeoverReport>,
    random: u64,
}

impl Context {
    pub(crate) fn new(
        chassis: Chassis,
        (unit, life): (UnitId, Life),
        processes: Processes,
        seed: u64,
    ) -> Self {
        Self {
            chassis,
            unit,
            life,
            processes,
            links: BTreeMap::new(),
            cards: BTreeMap::new(),
            peers: BTreeMap::new(),
            out: VecDeque::new(),
            write: None,
            reports: Vec::new(),
            random: seed,
        }
    }

    pub(crate) fn process_ids(&self) -> Vec<ProcessId> {
        self.processes.iter().map(|process| process.id()).collect()
    }

    pub(crate) fn process(&self, id: ProcessId) -> Option<&dyn Process> {
        self.processes.iter().find(|process| process.id() == id).map(|process| &**process)
    }

    pub(crate) fn rank(&self, id: ProcessId, key: &[u8]) -> u8 {
        self.process(id).map_or(0, |process| process.rank(key))
    }

    pub(crate) fn connected(&self, party: Party) -> bool {
        self.links.contains_key(&party)
    }

    pub(crate) fn send_card(&mut self, card: CardId, message: ToCard) {
        self.transmit(Party::Card(card), Message::ToCard(message));
    }

    pub(crate) fn send_unit(&mut self, unit: UnitId, message: UnitMessage) {
        self.transmit(Party::Unit(unit), Message::Unit(message));
    }

    fn transmit(&mut self, to: Party, message: Message) {
        if self.connected(to) {
            self.out.push_back(Output::Transmit { to, message });
        }
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    /// The other units that are connected.
    pub(crate) fn other_units(&self) -> Vec<UnitId> {
        let units = self.links.keys().filter_map(|party| match party {
            Party::Unit(unit) => Some(*unit),
            Party::Card(_) => None,
        });
        units.collect()
    }

    pub(crate) fn keep_report(&mut self, report: TakeoverReport) {
        if self.reports.len() == MAX_REPORTS {
            self.reports.remove(0);
        }
        self.reports.push(report.clone());
        self.event(Event::Takeover(report));
    }

    /// Checks a change before anything else sees it.
    pub(crate) fn check(&self, process: ProcessId, change: &Change) -> Result<(), SubmitError> {
        let Some(process) = self.process(process) else { return Err(SubmitError::UnknownProcess(process)) };
        let too_long = change.key.is_empty()
            || change.key.len() > MAX_KEY
            || change.content.as_ref().is_some_and(|content| {
                content.card_part.len() > MAX_PART
                    || content.standby_part.as_ref().is_some_and(|part| part.len() > MAX_PART)
            });
        if too_long {
            let text = alloc::format!("a key has 1..={MAX_KEY} bytes and a part at most {MAX_PART}");
            return Err(SubmitError::Invalid(text));
        }
        let audience = change.content.as_ref().map(|content| &content.audience);
        if let Some(Audience::Cards(cards)) = audience
            && let Some(card) = cards.iter().find(|card| !self.chassis.cards.contains(card))
        {
            return Err(SubmitError::Invalid(alloc::format!("{card} is no card of this chassis")));
        }
        process.validate(change).map_err(SubmitError::Invalid)
    }

    /// A number in `0..below` (SplitMix64), to spread retries.
    pub(crate) fn random(&mut self, below: u64) -> u64 {
        if below <= 1 {
            return 0;
        }
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}
