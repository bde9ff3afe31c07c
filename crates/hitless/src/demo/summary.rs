//! The end of the demo: one row per round.

use std::fmt::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::Ending;
use super::args::{DemoArgs, How, Kill};
use super::round::Round;
use super::table::Loaded;
use crate::failure::{Exit, Failure};
use crate::render::{Grid, bytes, count, millis};

/// All rounds.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) units: u8,
    pub(super) cards: u16,
    pub(super) kill: Kill,
    pub(super) how: How,
    pub(super) seed: u64,
    /// Changes that loaded the table, and how long it took until they were safe.
    pub(super) loaded: u64,
    pub(super) load_s: f64,
    /// Places in the table's files that were no changes.
    pub(super) invalid: u64,
    pub(super) rounds: Vec<Round>,
    pub(super) html: PathBuf,
}

impl Summary {
    pub(super) fn new(args: &DemoArgs, loaded: &Loaded) -> Self {
        Self {
            units: args.standbys + 1,
            cards: args.cards,
            kill: args.kill,
            how: args.how,
            seed: args.seed,
            loaded: loaded.changes,
            load_s: loaded.seconds,
            invalid: loaded.invalid,
            rounds: Vec::new(),
            html: args.html.clone(),
        }
    }
}

impl Ending for Summary {
    fn passed(&self) -> bool {
        self.rounds.iter().all(Round::passed)
    }

    fn text(&self) -> String {
        let mut grid = Grid::new(&[
            "ROUND",
            "VICTIM",
            "TAKEOVER",
            "LONGEST GAP",
            "CHURN",
            "IN DOUBT",
            "REPLAYED",
            "ADOPTED",
            "BYTES",
            "FULL RESEND",
            "BACK AFTER",
            "RESULT",
        ]);
        for round in &self.rounds {
            let total = |of: fn(&hitless_admin::ChannelReport) -> u64| {
                round.takeover.as_ref().map(|report| report.total(of))
            };
            let shown = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), count);
            let sized = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), bytes);
            grid.row([
                round.number.to_string(),
                round.victim.clone(),
                millis((round.takeover_ms * 1_000.0) as u64),
                millis((round.longest_gap_ms * 1_000.0) as u64),
                count(round.submitted),
                shown(total(|channel| channel.in_doubt)),
                shown(total(|channel| channel.replayed)),
                shown(total(|channel| channel.adopted)),
                sized(total(|channel| channel.bytes)),
                sized(total(|channel| channel.full_bytes)),
                format!("{:.1} s", round.return_s),
                if round.passed() { "ok".to_owned() } else { "FAILED".to_owned() },
            ]);
        }
        let mut text = format!("\n{grid}");
        let failed = self.rounds.iter().filter(|round| !round.passed()).count();
        // Writing to a string does not fail.
        let _ = match failed {
            0 => writeln!(text, "every check holds; timeline: {}", self.html.display()),
            _ => writeln!(
                text,
                "{failed} of {} rounds failed; timeline: {}",
                self.rounds.len(),
                self.html.display()
            ),
        };
        text
    }

    fn verdict(&self) -> Result<(), Failure> {
        let failed = self.rounds.iter().find(|round| !round.passed());
        let Some(round) = failed else { return Ok(()) };
        let check = round.checks.iter().find(|check| !check.holds);
        let detail = check.map(|check| format!("{}: {}", check.what, check.detail)).unwrap_or_default();
        Err(Failure::new(Exit::Failed, format!("round {}: {detail}", round.number))
            .hint(format!("to see it again: the same arguments with --seed {} --keep", self.seed)))
    }
}
