//! The tester tested: every rule of the protocol is taken out once, and a checker must see it.

use std::time::{Duration, Instant};

use hitless_proto::rules::{Rule, take_out};

use crate::case::Case;
use crate::run::run;
use crate::sweep::{Failure, Sweep};
use crate::trace::Tracing;

/// Seeds within which the loss of a rule must be seen, where [`within`] says nothing else.
pub const WITHIN: u64 = 300;

/// What came of taking a rule out.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// Which.
    pub rule: Rule,
    /// The first seed that failed, if any did.
    pub found: Option<Failure>,
    /// How many seeds that took.
    pub seeds: u64,
    /// And how long.
    pub took: Duration,
}

/// Puts the rule back, whatever happens in between.
struct TakenOut;

impl TakenOut {
    fn of(rule: Rule) -> Self {
        take_out(Some(rule));
        Self
    }
}

impl Drop for TakenOut {
    fn drop(&mut self) {
        take_out(None);
    }
}

/// Takes a rule out and runs seeds from 0 until one fails, at most so many. Only one rule can be out at a time: nothing
/// else may run in this process meanwhile.
///
/// A seed that fails with the rule in place too has seen nothing, and is passed over.
pub fn hunt(rule: Rule, most: u64, jobs: usize, mut tell: impl FnMut(u64)) -> Hunt {
    let (began, mut from) = (Instant::now(), 0);
    let case = Case { without: Some(rule), ..Case::default() };
    while from < most {
        let sweep = Sweep { seeds: from..most, jobs, twice: false, stop_at_first: true, case: case.clone() };
        let total = {
            let _out = TakenOut::of(rule);
            sweep.run(|total| tell(from + total.seeds))
        };
        from += total.seeds;
        let Some(failure) = total.failures.into_iter().next() else { continue };
        if run(failure.case.seed, Tracing::Off).violation.is_none() {
            return Hunt { rule, found: Some(failure), seeds: from, took: began.elapsed() };
        }
    }
    Hunt { rule, found: None, seeds: from, took: began.elapsed() }
}

/// Seeds within which the loss of a rule must be seen.
#[must_use]
pub fn within(_rule: Rule) -> u64 {
    WITHIN
}
