//! What runs did, for people and as JSON.

use std::io::{self, Write};

use hitless_sim::checkers::Violation;
use hitless_sim::coverage::{self, Row, Victim};
use hitless_sim::faults::FAULTS;
use hitless_sim::run::Summary;
use hitless_sim::sweep::Failure;
use serde_json::{Map, Value, json};

/// Classes of faults on one line.
const COLUMNS: usize = 4;
/// Microseconds of an hour.
const HOUR: f64 = 3.6e9;

/// What runs did, several lines.
pub(crate) fn summary(out: &mut impl Write, of: &Summary) -> io::Result<()> {
    let failovers = of.takeovers.saturating_sub(of.planned);
    writeln!(out, "  takeovers  {}: {} planned, {failovers} failovers", of.takeovers, of.planned)?;
    writeln!(out, "  recoveries {} begun out of what cards hold", of.recoveries)?;
    writeln!(out, "  simulated  {:.2} hours, {} steps", of.simulated as f64 / HOUR, of.steps)?;
    writeln!(out, "  ops        {} submitted, {} of them safe", of.ops.0, of.ops.1)?;
    writeln!(out, "  faults     {} of {} classes", of.faults.values().sum::<u64>(), of.faults.len())?;
    for line in FAULTS.chunks(COLUMNS) {
        write!(out, "            ")?;
        for fault in line {
            let name = format!("{fault:?}");
            write!(out, " {name:>20} {:<6}", of.faults.get(fault).copied().unwrap_or_default())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The cells that were never hit.
pub(crate) fn missing(out: &mut impl Write, cells: &[(Row, Victim)]) -> io::Result<()> {
    for (row, victim) in cells {
        writeln!(out, "NEVER HIT  fault {}: {}", row.label(), victim.name())?;
    }
    writeln!(
        out,
        "  coverage   {} of {} cells that make sense were hit",
        expected() - cells.len(),
        expected()
    )
}

fn expected() -> usize {
    coverage::expected().count()
}

/// A failure, with the one command that shows it again.
pub(crate) fn failure(out: &mut impl Write, of: &Failure) -> io::Result<()> {
    writeln!(out, "seed {} VIOLATED {}", of.case.seed, of.violation)?;
    writeln!(out, "  reproduce with: {}", of.command())
}

pub(crate) fn summary_json(of: &Summary) -> Value {
    let faults: Map<String, Value> = FAULTS
        .iter()
        .map(|fault| (format!("{fault:?}"), of.faults.get(fault).copied().unwrap_or_default().into()))
        .collect();
    json!({
        "steps": of.steps,
        "simulated_us": of.simulated,
        "takeovers": of.takeovers,
        "planned": of.planned,
        "recoveries": of.recoveries,
        "ops": of.ops.0,
        "safe": of.ops.1,
        "faults": faults,
        "never_hit": of.coverage.missing().iter().map(cell).collect::<Vec<_>>(),
    })
}

fn cell((row, victim): &(Row, Victim)) -> Value {
    json!({ "fault": row.label(), "role": victim.name() })
}

pub(crate) fn violation_json(of: &Violation) -> Value {
    json!({ "property": of.property, "what": of.what, "at_us": of.at.0 })
}

pub(crate) fn failure_json(of: &Failure) -> Value {
    json!({ "seed": of.case.seed, "violation": violation_json(&of.violation), "reproduce": of.command() })
}
