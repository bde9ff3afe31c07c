//! The tester tested: every rule of the protocol is taken out once, and a checker must see it.

use std::time::{Duration, Instant};

use hitless_proto::rules::{Rule, take_out};

use crate::case::Case;
use crate::mutants::Mutant;
use crate::run::run_case;
use crate::sweep::{Failure, Sweep};
use crate::trace::Tracing;

/// A run of more steps goes round in circles, which is a failure too: ten times what most take, a second or two.
const STEPS: u64 = 300_000;

/// What came of taking a rule out.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// Which.
    pub rule: Rule,
    /// The first run that failed, if any did.
    pub found: Option<Failure>,
    /// How many runs that took.
    pub runs: u64,
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

fn case(mutant: &Mutant, seed: u64) -> Case {
    let (scene, without) = (mutant.scene(), Some(mutant.rule));
    Case { seed, scene, steps: Some(STEPS), without, ..Case::default() }
}

/// Whether a case holds with every rule in place: else what it sees says nothing.
fn holds(case: &Case) -> bool {
    run_case(&Case { without: None, ..case.clone() }, Tracing::Off).violation.is_none()
}

/// Takes a rule out and runs seeds from 0 until one fails, at most so many. Only one rule can be out at a time: nothing
/// else may run in this process meanwhile.
///
/// A seed that fails with the rule in place too has seen nothing, and is passed over.
pub fn hunt(mutant: &Mutant, most: u64, jobs: usize, mut tell: impl FnMut(u64)) -> Hunt {
    let (began, mut from) = (Instant::now(), 0);
    while from < most {
        let case = case(mutant, 0);
        let sweep = Sweep { seeds: from..most, jobs, twice: false, stop_at_first: true, case };
        let total = {
            let _out = TakenOut::of(mutant.rule);
            sweep.run(|total| tell(from + total.seeds))
        };
        from += total.seeds;
        let Some(failure) = total.failures.into_iter().next() else { continue };
        if holds(&failure.case) {
            return Hunt { rule: mutant.rule, found: Some(failure), runs: from, took: began.elapsed() };
        }
    }
    Hunt { rule: mutant.rule, found: None, runs: from, took: began.elapsed() }
}
