//! Changes that BGP announces: a steady churn while it is wanted, and a known number of changes at once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hitless_adapters::source::Random;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::announced::{Announced, any_hop};
use super::plan::HOPS;

/// Churn comes in bursts of this period.
const BURST: Duration = Duration::from_millis(20);
/// One change in so many is a withdrawal.
const WITHDRAWAL: u64 = 8;
/// At most one prefix in so many is withdrawn at a time.
const WITHDRAWN: u64 = 50;

/// Draws changes. Prefixes that probes use go to other next hops as all others do, and are never withdrawn.
struct Draw {
    announced: Arc<Announced>,
    probed: HashSet<u32>,
    random: Random,
}

impl Draw {
    fn number(&mut self) -> u32 {
        // Tables are far smaller than 2^32.
        self.random.below(self.announced.len() as u64) as u32
    }

    /// A change of any prefix, given what all have now.
    fn change(&mut self, hops: &[Option<u8>], may_withdraw: bool) -> (u32, Option<u8>) {
        let number = self.number();
        let withdraw = may_withdraw && self.random.below(WITHDRAWAL) == 0 && !self.probed.contains(&number);
        let held = hops.get(number as usize).copied().flatten();
        match held {
            Some(_) if withdraw => (number, None),
            Some(hop) => (number, Some(self.another(hop))),
            None => (number, Some(any_hop(&mut self.random))),
        }
    }

    fn another(&mut self, hop: u8) -> u8 {
        let other = any_hop(&mut self.random);
        if other != hop {
            other
        } else if hop == *HOPS.end() {
            *HOPS.start()
        } else {
            hop + 1
        }
    }

    fn burst(&mut self, count: u64) {
        let may_withdraw = self.announced.len() as u64 - self.announced.announced()
            < self.announced.len() as u64 / WITHDRAWN;
        let hops = self.announced.hops();
        let changes: Vec<_> = (0..count).map(|_| self.change(&hops, may_withdraw)).collect();
        self.announced.change(changes);
    }

    /// `moved` prefixes go to other next hops, `withdrawn` others go away; none that probes use.
    fn known(&mut self, moved: usize, withdrawn: usize) {
        let hops = self.announced.hops();
        let mut picked = HashSet::new();
        let mut changes = Vec::new();
        while changes.len() < moved + withdrawn {
            let number = self.number();
            let Some(hop) = hops.get(number as usize).copied().flatten() else { continue };
            if self.probed.contains(&number) || !picked.insert(number) {
                continue;
            }
            let to = (changes.len() < moved).then(|| self.another(hop));
            changes.push((number, to));
        }
        self.announced.change(changes);
    }
}

/// The churn. Dropping it ends it.
pub(super) struct Churn {
    draw: Arc<Mutex<Draw>>,
    wanted: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Churn {
    /// Prepares `rate` changes a second; it does not run yet.
    pub(super) fn prepare(announced: &Arc<Announced>, probed: HashSet<u32>, seed: u64, rate: u64) -> Self {
        let draw = Draw { announced: Arc::clone(announced), probed, random: Random::new(seed ^ 1) };
        let draw = Arc::new(Mutex::new(draw));
        let (wanted, mut heard) = watch::channel(false);
        let shared = Arc::clone(&draw);
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(BURST);
            // What was not wanted is not made up for.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut due = 0;
            while heard.wait_for(|wanted| *wanted).await.is_ok() {
                ticks.tick().await;
                due += rate * BURST.as_millis() as u64;
                // What is not due yet is carried over.
                lock(&shared).burst(due / 1_000);
                due %= 1_000;
            }
        });
        Self { draw, wanted, task }
    }

    /// Lets it run, or stops it.
    pub(super) fn run(&self, wanted: bool) {
        self.wanted.send_replace(wanted);
    }

    /// Changes many at once.
    pub(super) fn at_once(&self, count: u64) {
        lock(&self.draw).burst(count);
    }

    /// Changes a known number of prefixes, while nothing else changes.
    pub(super) fn known(&self, moved: usize, withdrawn: usize) {
        lock(&self.draw).known(moved, withdrawn);
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(draw: &Mutex<Draw>) -> std::sync::MutexGuard<'_, Draw> {
    draw.lock().unwrap_or_else(PoisonError::into_inner)
}
