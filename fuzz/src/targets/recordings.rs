//! Recordings: the first line and the others. A recording that reads is replayed, whatever it says.

use hitless_proto::ids::Party;
use hitless_proto::input::{Input, PartyStart, Recorded};
use hitless_proto::process::{Process, fib, table};
use hitless_proto::{Card, CardConfig, CardStart, ControlUnit, UnitConfig, UnitStart};

use crate::budget::Budget;

/// A line is read into fields, bytes and values, some times its length. Successes of a batch are counted in the text: the
/// most that a line may ask for are 65,536 outcomes of 24 bytes, in a vector that grows by doubling.
const BUDGET: Budget = Budget { base: 8 * 1024 * 1024, per_byte: 1024 };
/// Outputs of one drain: see `chassis`.
const MOST_OUTPUTS: usize = 3 * 4096;

/// The input is the file.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let mut lines = text.lines();
        let start = lines.next().and_then(|line| PartyStart::from_line(line).ok());
        if let Some(start) = &start {
            assert_eq!(PartyStart::from_line(&start.to_line()).as_ref(), Ok(start));
        }
        let mut core = start.and_then(core);
        // The first line may be an input too: else nothing would be read until a start is found.
        for line in text.lines() {
            let Ok(recorded) = Recorded::from_line(line) else { continue };
            assert_eq!(Recorded::from_line(&recorded.to_line()).as_ref(), Ok(&recorded));
            if let Some(core) = &mut core {
                core.take(recorded);
            }
        }
    });
}

enum Core {
    Unit(Box<ControlUnit>),
    Card(Box<Card>),
}

/// As the simulator's `replay` makes it.
fn core(start: PartyStart) -> Option<Core> {
    let (chassis, life, durable) = (start.chassis, start.life, start.durable);
    Some(match start.party {
        Party::Unit(unit) => {
            let known = |id| -> Option<Box<dyn Process>> {
                match id {
                    fib::ID => Some(Box::new(fib::Fib)),
                    table::ID => Some(Box::new(table::Table)),
                    _ => None,
                }
            };
            let processes = start.processes.into_iter().map(known).collect::<Option<_>>()?;
            let begin = UnitStart { life, durable, seed: start.entropy as u64 };
            Core::Unit(Box::new(ControlUnit::new(UnitConfig { chassis, unit }, processes, begin, start.now)))
        }
        Party::Card(card) => {
            let config = CardConfig { chassis, card, processes: start.processes };
            Core::Card(Box::new(Card::new(config, CardStart { life, durable, secret: start.entropy })))
        }
    })
}

impl Core {
    fn take(&mut self, recorded: Recorded) {
        let Recorded { at, input } = recorded;
        // A drain is bounded here, so that one without an end is found.
        if input == Input::Drained {
            for count in 0.. {
                assert!(count < MOST_OUTPUTS, "no end of outputs");
                let output = match self {
                    Self::Unit(unit) => unit.poll_output(),
                    Self::Card(card) => card.poll_output(),
                };
                if output.is_none() {
                    break;
                }
            }
            return;
        }
        let held = match self {
            Self::Unit(unit) => {
                input.apply_to_unit(unit, at);
                unit.invariants()
            }
            Self::Card(card) => {
                input.apply_to_card(card, at);
                card.invariants()
            }
        };
        assert_eq!(held, Ok(()));
    }
}
