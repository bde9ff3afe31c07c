//! The tester tested: every rule of the protocol is taken out once, and a checker must see it.

use std::time::{Duration, Instant};

use hitless_proto::rules::{Rule, take_out};

use crate::case::Case;
use crate::sweep::{Failure, Sweep, Total};

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
pub fn hunt(rule: Rule, most: u64, jobs: usize, tell: impl FnMut(&Total)) -> Hunt {
    let (began, _out) = (Instant::now(), TakenOut::of(rule));
    let case = Case { without: Some(rule), ..Case::default() };
    let sweep = Sweep { seeds: 0..most, jobs, twice: false, stop_at_first: true, case };
    let total = sweep.run(tell);
    Hunt { rule, found: total.failures.into_iter().next(), seeds: total.seeds, took: began.elapsed() }
}

/// Seeds within which the loss of a rule must be seen.
#[must_use]
pub fn within(_rule: Rule) -> u64 {
    WITHIN
}
