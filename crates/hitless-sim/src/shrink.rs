//! The smallest schedule that still breaks the same property, by delta debugging: of strikes first, then of ops, then
//! of time.

use crate::case::Case;
use crate::run::{Outcome, run_case};
use crate::schedule::Numbers;
use crate::trace::Tracing;

/// Churn and faults are not cut finer than this: microseconds.
const FINEST: u64 = 1_000;

/// What is being shrunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Which strikes take place.
    Strikes,
    /// Which ops are submitted.
    Ops,
    /// When churn and faults end.
    End,
}

/// How far shrinking has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is being shrunk.
    pub stage: Stage,
    /// Runs so far.
    pub runs: u64,
    /// Strikes that are left.
    pub strikes: usize,
    /// Ops that are left.
    pub ops: usize,
    /// Simulated microseconds of churn and faults that are left.
    pub end: u64,
}

/// What shrinking came to.
#[derive(Debug)]
pub struct Shrunk {
    /// The smallest case that was found.
    pub case: Case,
    /// How it ends, with its trace.
    pub outcome: Outcome,
    /// How the whole ended.
    pub whole: Outcome,
    /// How often something was run.
    pub runs: u64,
    /// Every smaller step was tried: no more could be left out by itself. Otherwise the runs were used up.
    pub minimal: bool,
}

/// A search under way.
struct Search<'a, T> {
    /// The smallest that failed so far.
    best: Case,
    property: &'static str,
    strikes: Vec<u64>,
    ops: Vec<u64>,
    end: u64,
    runs: u64,
    most_runs: u64,
    tell: &'a mut T,
}

/// Shrinks `case`, in at most so many runs. `None`: it breaks no property.
pub fn shrink(case: &Case, most_runs: u64, mut tell: impl FnMut(&Progress)) -> Option<Shrunk> {
    let whole = run_case(case, Tracing::Off);
    let violation = whole.violation.as_ref()?;
    let mut search = Search {
        best: case.clone(),
        property: violation.property,
        strikes: Vec::new(),
        ops: Vec::new(),
        end: 0,
        runs: 1,
        most_runs,
        tell: &mut tell,
    };
    search.keep(&whole);
    let minimal = search.rounds();
    let (case, runs) = (search.best, search.runs + 1);
    let outcome = run_case(&case, Tracing::Keep);
    Some(Shrunk { case, outcome, whole, runs, minimal })
}

impl<T: FnMut(&Progress)> Search<'_, T> {
    /// Shrinks everything until nothing shrinks any more. `false`: the runs were used up before.
    fn rounds(&mut self) -> bool {
        self.exact();
        while self.runs < self.most_runs {
            let before = (self.strikes.len(), self.ops.len(), self.end);
            self.lists(Stage::Strikes);
            self.lists(Stage::Ops);
            self.time();
            self.exact();
            if before == (self.strikes.len(), self.ops.len(), self.end) {
                return self.runs < self.most_runs;
            }
        }
        false
    }

    /// What did not take place before the failure is left out at once.
    fn exact(&mut self) {
        let exact = self.with(self.strikes.clone(), self.ops.clone(), self.end);
        if exact != self.best {
            self.fails(Stage::End, exact);
        }
    }

    /// Leaves out all, then each half, then each quarter, and so on down to each one.
    fn lists(&mut self, stage: Stage) {
        let mut size = self.list(stage).len();
        while size > 0 {
            let mut from = 0;
            while from < self.list(stage).len() && self.runs < self.most_runs {
                let mut left = self.list(stage).to_vec();
                left.drain(from..left.len().min(from + size));
                let trial = match stage {
                    Stage::Strikes => self.with(left, self.ops.clone(), self.end),
                    Stage::Ops => self.with(self.strikes.clone(), left, self.end),
                    Stage::End => return,
                };
                if !self.fails(stage, trial) {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    fn list(&self, stage: Stage) -> &[u64] {
        match stage {
            Stage::Strikes => &self.strikes,
            Stage::Ops => &self.ops,
            Stage::End => &[],
        }
    }

    /// Halves the time that is known to be enough.
    fn time(&mut self) {
        let mut too_little = 0;
        while self.end > too_little + FINEST && self.runs < self.most_runs {
            let middle = u64::midpoint(too_little, self.end);
            let trial = self.with(self.strikes.clone(), self.ops.clone(), middle);
            if !self.fails(Stage::End, trial) {
                too_little = middle;
            }
        }
    }

    fn with(&self, strikes: Vec<u64>, ops: Vec<u64>, end: u64) -> Case {
        let mut case = self.best.clone();
        case.schedule.strikes = Some(Numbers(strikes.into_iter().collect()));
        case.schedule.ops = Some(Numbers(ops.into_iter().collect()));
        case.schedule.end = Some(end);
        case
    }

    /// Runs a case; if it breaks the same property it is the best from now on.
    fn fails(&mut self, stage: Stage, trial: Case) -> bool {
        let outcome = run_case(&trial, Tracing::Off);
        self.runs += 1;
        let fails = outcome.violation.as_ref().is_some_and(|found| found.property == self.property);
        if fails {
            self.best = trial;
            self.keep(&outcome);
        }
        let (strikes, ops) = (self.strikes.len(), self.ops.len());
        (self.tell)(&Progress { stage, runs: self.runs, strikes, ops, end: self.end });
        fails
    }

    /// What took place before the failure is what is left.
    fn keep(&mut self, outcome: &Outcome) {
        self.strikes = outcome.strikes.iter().map(|strike| strike.number).collect();
        self.ops = outcome.ops.iter().map(|op| op.number).collect();
        let at = outcome.violation.as_ref().map_or(u64::MAX, |violation| violation.at.0);
        self.end = outcome.end.0.min(at.saturating_add(1));
    }
}
