//! Replays what a party of a real chassis recorded (`hitless control --record`): the same inputs, the same outputs.

use std::fmt;
use std::io::BufRead;

use hitless_proto::ids::{Party, ProcessId, Time};
use hitless_proto::input::{PartyStart, Recorded};
use hitless_proto::io::Output;
use hitless_proto::process::{Process, Processes, fib::Fib, table::Table};
use hitless_proto::{Card, CardConfig, CardStart, ControlUnit, UnitConfig, UnitStart};

/// The party that is run again.
#[derive(Debug)]
enum Core {
    Unit(Box<ControlUnit>),
    Card(Box<Card>),
}

/// A replay under way.
#[derive(Debug)]
pub struct Replay {
    core: Core,
    party: Party,
}

/// One step: when, what went in, and what came out.
#[derive(Debug)]
pub struct Step {
    /// Time of the party's clock.
    pub at: Time,
    /// The input, as text.
    pub input: String,
    /// What the party put out.
    pub outputs: Vec<Output>,
}

/// Why a replay ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayError {
    /// The recording is not one, or is damaged: where, and how.
    Unusable(String),
    /// An invariant does not hold: which, where.
    Broken(String),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(what) | Self::Broken(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for ReplayError {}

impl ReplayError {
    fn in_line(self, number: usize) -> Self {
        match self {
            Self::Unusable(what) => Self::Unusable(format!("line {number}: {what}")),
            Self::Broken(what) => Self::Broken(format!("line {number}: {what}")),
        }
    }
}

impl Replay {
    /// Starts the party as the recording's first line says.
    ///
    /// # Errors
    /// What is wrong with the line, or a process that this program does not know.
    pub fn start(line: &str) -> Result<Self, ReplayError> {
        let start = PartyStart::from_line(line).map_err(|error| ReplayError::Unusable(error.to_string()))?;
        let (chassis, party) = (start.chassis, start.party);
        let core = match party {
            Party::Unit(unit) => {
                let begin =
                    UnitStart { life: start.life, durable: start.durable, seed: start.entropy as u64 };
                let processes = processes(&start.processes).map_err(ReplayError::Unusable)?;
                Core::Unit(Box::new(ControlUnit::new(
                    UnitConfig { chassis, unit },
                    processes,
                    begin,
                    start.now,
                )))
            }
            Party::Card(card) => {
                let begin = CardStart { life: start.life, durable: start.durable, secret: start.entropy };
                Core::Card(Box::new(Card::new(
                    CardConfig { chassis, card, processes: start.processes },
                    begin,
                )))
            }
        };
        Ok(Self { core, party })
    }

    /// Takes one recorded line.
    ///
    /// # Errors
    /// What is wrong with the line, or the invariant that is broken after it.
    pub fn take(&mut self, line: &str) -> Result<Step, ReplayError> {
        let recorded = Recorded::from_line(line).map_err(|error| ReplayError::Unusable(error.to_string()))?;
        let (at, input) = (recorded.at, format!("{:?}", recorded.input));
        let outputs = match &mut self.core {
            Core::Unit(unit) => recorded.input.apply_to_unit(unit, at),
            Core::Card(card) => recorded.input.apply_to_card(card, at),
        };
        let held = match &self.core {
            Core::Unit(unit) => unit.invariants(),
            Core::Card(card) => card.invariants(),
        };
        held.map_err(|rule| ReplayError::Broken(format!("broken at {} us: {rule}", at.0)))?;
        Ok(Step { at, input, outputs })
    }

    /// Replays a whole recording. `each` is told of every step.
    ///
    /// # Errors
    /// The line that is wrong, or after which an invariant is broken.
    pub fn whole(reader: impl BufRead, mut each: impl FnMut(&Step)) -> Result<Self, ReplayError> {
        let read =
            |line: std::io::Result<String>| line.map_err(|error| ReplayError::Unusable(error.to_string()));
        let mut replay = None;
        for (index, line) in reader.lines().enumerate() {
            let in_line = |error: ReplayError| error.in_line(index + 1);
            let line = read(line).map_err(in_line)?;
            match &mut replay {
                None => replay = Some(Self::start(&line).map_err(in_line)?),
                Some(replay) => each(&Self::take(replay, &line).map_err(in_line)?),
            }
        }
        replay.ok_or_else(|| ReplayError::Unusable("the file is empty: expected a recording".into()))
    }

    /// Who was recorded.
    #[must_use]
    pub fn party(&self) -> Party {
        self.party
    }

    /// What the party says of itself now, for people.
    #[must_use]
    pub fn status(&self) -> String {
        match &self.core {
            Core::Unit(unit) => format!("{:#?}", unit.status()),
            Core::Card(card) => format!("{:#?}", card.status()),
        }
    }
}

fn processes(ids: &[ProcessId]) -> Result<Processes, String> {
    let known = |id: &ProcessId| -> Result<Box<dyn Process>, String> {
        let process: [Box<dyn Process>; 2] = [Box::new(Fib), Box::new(Table)];
        let found = process.into_iter().find(|process| process.id() == *id);
        found.ok_or_else(|| format!("{id} is not known here: only fib and table are"))
    };
    ids.iter().map(known).collect()
}
