//! Replays what a party of a real chassis recorded (`hitless control --record`): the same inputs, the same outputs.

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

impl Replay {
    /// Starts the party as the recording's first line says.
    ///
    /// # Errors
    /// What is wrong with the line, or a process that this program does not know.
    pub fn start(line: &str) -> Result<Self, String> {
        let start = PartyStart::from_line(line).map_err(|error| format!("line 1: {error}"))?;
        let (chassis, party) = (start.chassis, start.party);
        let core = match party {
            Party::Unit(unit) => {
                let begin =
                    UnitStart { life: start.life, durable: start.durable, seed: start.entropy as u64 };
                let processes = processes(&start.processes)?;
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
    pub fn take(&mut self, line: &str) -> Result<Step, String> {
        let recorded = Recorded::from_line(line).map_err(|error| error.to_string())?;
        let (at, input) = (recorded.at, format!("{:?}", recorded.input));
        let outputs = match &mut self.core {
            Core::Unit(unit) => recorded.input.apply_to_unit(unit, at),
            Core::Card(card) => recorded.input.apply_to_card(card, at),
        };
        let held = match &self.core {
            Core::Unit(unit) => unit.invariants(),
            Core::Card(card) => card.invariants(),
        };
        held.map_err(|rule| format!("broken at {} us: {rule}", at.0))?;
        Ok(Step { at, input, outputs })
    }

    /// Replays a whole recording. `each` is told of every step.
    ///
    /// # Errors
    /// The line that is wrong, or after which an invariant is broken.
    pub fn whole(reader: impl BufRead, mut each: impl FnMut(&Step)) -> Result<Self, String> {
        let mut lines = reader.lines().enumerate();
        let read = |line: std::io::Result<String>| line.map_err(|error| error.to_string());
        let (_, first) = lines.next().ok_or("the file is empty: expected a recording")?;
        let mut replay = Self::start(&read(first)?)?;
        for (number, line) in lines {
            let step = replay.take(&read(line)?).map_err(|error| format!("line {}: {error}", number + 1))?;
            each(&step);
        }
        Ok(replay)
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
