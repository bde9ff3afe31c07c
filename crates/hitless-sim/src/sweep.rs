//! Many seeds in several threads. What comes out does not depend on how many threads there are.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use crate::case::Case;
use crate::checkers::Violation;
use crate::run::{Outcome, Summary, run_case};
use crate::trace::Tracing;

/// How long a sweep goes without telling anything.
const TELL: Duration = Duration::from_secs(1);

/// The property that a seed has when it does the same twice.
const ONE_RUN: &str = "one seed, one run";

/// What is swept.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Which seeds.
    pub seeds: Range<u64>,
    /// Threads.
    pub jobs: usize,
    /// Each seed runs twice, and must do the same twice.
    pub twice: bool,
    /// Nothing is run after the first seed that fails.
    pub stop_at_first: bool,
    /// All but the seed.
    pub case: Case,
}

/// A seed that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was run.
    pub case: Case,
    /// What it broke.
    pub violation: Violation,
}

impl Failure {
    /// The one command that shows it again.
    #[must_use]
    pub fn command(&self) -> String {
        if self.violation.property == ONE_RUN {
            let seed = self.case.seed;
            return format!("hitless-sim sweep --seeds {seed}..{} --twice", seed + 1);
        }
        format!("{} --trace", self.case)
    }
}

/// What all seeds up to some seed did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How many seeds.
    pub seeds: u64,
    /// What they did, together.
    pub summary: Summary,
    /// Those that failed, ascending by seed.
    pub failures: Vec<Failure>,
}

/// What one seed did.
struct Done {
    seed: u64,
    summary: Summary,
    violation: Option<Violation>,
}

impl Sweep {
    /// Runs all. `tell` is called at least once a second, with what has been done so far.
    pub fn run(&self, mut tell: impl FnMut(&Total)) -> Total {
        let (next, stop) = (AtomicU64::new(self.seeds.start), AtomicBool::new(false));
        let (sender, receiver) = sync_channel(self.jobs);
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                let sender = sender.clone();
                scope.spawn(|| self.work(&next, &stop, sender));
            }
            drop(sender);
            self.collect(&receiver, &mut tell)
        })
    }

    fn work(&self, next: &AtomicU64, stop: &AtomicBool, sender: SyncSender<Done>) {
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.seeds.end {
                return;
            }
            let done = self.one(seed);
            // Seeds are given out in order: when a seed fails, those before it are done or under way.
            if self.stop_at_first && done.violation.is_some() {
                stop.store(true, Ordering::Relaxed);
            }
            if sender.send(done).is_err() {
                return;
            }
        }
    }

    fn one(&self, seed: u64) -> Done {
        let case = Case { seed, ..self.case.clone() };
        if !self.twice {
            let Outcome { summary, violation, .. } = run_case(&case, Tracing::Off);
            return Done { seed, summary, violation };
        }
        let (one, other) = (run_case(&case, Tracing::Digest), run_case(&case, Tracing::Digest));
        let differ = (one.digest != other.digest).then(|| differ(&case, &one));
        Done { seed, summary: one.summary, violation: differ.or(one.violation) }
    }

    /// Adds up what comes in, in the order of the seeds.
    fn collect(&self, receiver: &Receiver<Done>, tell: &mut impl FnMut(&Total)) -> Total {
        let (mut total, mut early) = (Total::default(), BTreeMap::new());
        loop {
            match receiver.recv_timeout(TELL) {
                Ok(done) => {
                    early.insert(done.seed, done);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return total,
            }
            while let Some(done) = early.remove(&(self.seeds.start + total.seeds)) {
                if self.stop_at_first && !total.failures.is_empty() {
                    break;
                }
                total.add(self, done);
            }
            tell(&total);
        }
    }
}

impl Total {
    fn add(&mut self, sweep: &Sweep, done: Done) {
        self.seeds += 1;
        self.summary.add(&done.summary);
        let case = Case { seed: done.seed, ..sweep.case.clone() };
        self.failures.extend(done.violation.map(|violation| Failure { case, violation }));
    }
}

/// One seed did two things: says where they part, if they do so once more.
fn differ(case: &Case, one: &Outcome) -> Violation {
    let (left, right) = (run_case(case, Tracing::Keep).trace, run_case(case, Tracing::Keep).trace);
    let parted = left.lines().zip(right.lines()).find(|(left, right)| left != right);
    let what = parted.map_or_else(
        || "the digests of two traces differ".to_owned(),
        |(left, right)| format!("two runs part where one says `{left}` and the other `{right}`"),
    );
    Violation { property: ONE_RUN, what, at: one.end }
}
