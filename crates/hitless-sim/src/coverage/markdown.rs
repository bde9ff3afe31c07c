//! The table of `docs/simulation.md`: every row, where it makes sense, and why nowhere else.

use std::fmt::Write as _;

use super::{ROWS, Victim};

/// One line per row.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| fault | hits | nowhere else, because |\n|---|---|---|\n");
    for line in ROWS {
        let victims: Vec<&str> = line.victims.iter().map(|victim| victim.name()).collect();
        let victims = if victims.len() == Victim::ALL.len() { "all".into() } else { victims.join(", ") };
        let victims = if victims.is_empty() { "not simulated".into() } else { victims };
        let _ = writeln!(text, "| {} {} | {victims} | {} |", line.number, line.name, line.why);
    }
    text
}
