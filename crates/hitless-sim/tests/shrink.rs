//! A shrunk schedule breaks the same property, with as little as that takes.
#![allow(clippy::unwrap_used)]

use hitless_sim::run::run_case;
use hitless_sim::shrink::shrink;
use hitless_sim::{Case, Tracing};

/// The canary fails when a card begins a second life, for which one strike is enough.
fn first_failing() -> Case {
    let cases = (0..50).map(|seed| Case { canary: true, ..Case::of(seed) });
    let mut failing = cases.filter(|case| {
        let outcome = run_case(case, Tracing::Off);
        outcome.violation.is_some() && outcome.strikes.len() > 3 && !outcome.ops.is_empty()
    });
    failing.next().unwrap()
}

#[test]
fn one_strike_is_left_of_what_kills_a_card() {
    let case = first_failing();
    let mut told = 0;
    let shrunk = shrink(&case, 1_000, |_| told += 1).unwrap();
    assert!(shrunk.minimal && told > 0);
    assert_eq!((shrunk.outcome.strikes.len(), shrunk.outcome.ops.len()), (1, 0), "{}", shrunk.case);
    assert!(shrunk.outcome.end < shrunk.whole.end);
    assert!(shrunk.outcome.violation.as_ref().unwrap().property.starts_with("canary"));
    assert!(!shrunk.outcome.strikes[0].did.is_empty(), "it says what the strike did");

    let again = run_case(&shrunk.case, Tracing::Off);
    assert_eq!(again.violation, shrunk.outcome.violation, "{}", shrunk.case);
    let without = shrink(&Case { canary: false, ..shrunk.case }, 1_000, |_| ());
    assert!(without.is_none(), "without the canary there is nothing to shrink");
}

#[test]
fn shrinking_ends_when_its_runs_are_used_up() {
    let shrunk = shrink(&first_failing(), 4, |_| ()).unwrap();
    assert!(!shrunk.minimal);
    assert!(shrunk.runs <= 6, "{} runs", shrunk.runs);
    assert!(shrunk.outcome.violation.is_some());
}
