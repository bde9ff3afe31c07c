//! All events, for `--json`, for the page, and for the exit code.

use std::path::PathBuf;

use serde::Serialize;

use super::verdict::Outcome;
use crate::demo::Ending;
use crate::demo::args::DemoArgs;
use crate::failure::{Exit, Failure};

/// All events.
#[derive(Debug, Serialize)]
pub(in crate::demo) struct Summary {
    pub(super) routes: u64,
    /// Seconds until they were in the kernels.
    pub(super) load_s: f64,
    pub(super) destinations: usize,
    pub(super) packets_a_second: u64,
    pub(super) seed: u64,
    pub(super) events: Vec<Outcome>,
    pub(super) html: PathBuf,
}

impl Summary {
    pub(super) fn new(args: &DemoArgs, (routes, load_s): (u64, f64), destinations: usize) -> Self {
        Self {
            routes,
            load_s,
            destinations,
            packets_a_second: args.router.probes,
            seed: args.seed,
            events: Vec::new(),
            html: args.html.clone(),
        }
    }
}

impl Ending for Summary {
    fn passed(&self) -> bool {
        !self.events.is_empty() && self.events.iter().all(Outcome::passed)
    }

    fn text(&self) -> String {
        let failed = self.events.iter().filter(|outcome| !outcome.passed()).count();
        let html = self.html.display();
        match failed {
            0 => format!("\nevery verdict is as it must be; timeline: {html}\n"),
            _ => format!("\n{failed} of {} events failed; timeline: {html}\n", self.events.len()),
        }
    }

    fn verdict(&self) -> Result<(), Failure> {
        let Some(outcome) = self.events.iter().find(|outcome| !outcome.passed()) else { return Ok(()) };
        let check = outcome.checks.iter().find(|check| !check.holds);
        let detail = check.map(|check| format!("{}: {}", check.what, check.detail)).unwrap_or_default();
        Err(Failure::new(Exit::Failed, format!("{}: {detail}", outcome.event.name()))
            .hint("the kept directory has the logs of all parties and of FRR"))
    }
}
