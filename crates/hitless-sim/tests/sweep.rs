//! A sweep comes to the same whatever the number of its threads, and sees what does not hold.
#![allow(clippy::unwrap_used)]

use hitless_sim::Case;
use hitless_sim::sweep::{Sweep, Total};

fn sweep(jobs: usize, stop_at_first: bool, canary: bool) -> Total {
    let case = Case { canary, ..Case::default() };
    Sweep { seeds: 0..12, jobs, twice: false, stop_at_first, case }.run(|_| ())
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let one = sweep(1, false, true);
    assert_eq!(one.seeds, 12);
    for jobs in [2, 5] {
        assert_eq!(one, sweep(jobs, false, true), "{jobs} threads");
    }
}

#[test]
fn the_canary_is_seen() {
    let total = sweep(2, false, true);
    let first = total.failures.first().unwrap();
    assert!(total.failures.iter().all(|failure| failure.violation.property.starts_with("canary")));
    assert_eq!(first.command(), format!("hitless-sim run --seed {} --canary --trace", first.case.seed));
    assert_eq!(sweep(2, false, false).failures, [], "without the canary nothing fails");
}

#[test]
fn a_sweep_that_stops_at_the_first_failure_counts_no_seed_after_it() {
    let whole = sweep(1, false, true);
    let stopped = sweep(3, true, true);
    assert_eq!(stopped.failures, whole.failures[..1]);
    assert_eq!(stopped.seeds, whole.failures[0].case.seed + 1);
}

#[test]
fn every_seed_does_the_same_twice() {
    let case = Case::default();
    let total = Sweep { seeds: 100..112, jobs: 2, twice: true, stop_at_first: false, case }.run(|_| ());
    assert_eq!((total.seeds, total.failures), (12, vec![]));
}
