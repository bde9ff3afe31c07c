//! A rule that is taken out is missed, what is found is shrunk, and all is as before when it is put back.
#![cfg(feature = "mutants")]
#![allow(clippy::unwrap_used)]

use std::thread::spawn;

use hitless_proto::rules::{Rule, take_out};
use hitless_sim::Tracing;
use hitless_sim::hunt::hunt;
use hitless_sim::mutants::MUTANTS;
use hitless_sim::run::{run, run_case};
use hitless_sim::shrink::shrink;

fn digests(seeds: std::ops::Range<u64>) -> Vec<u64> {
    seeds.map(|seed| run(seed, Tracing::Digest).digest).collect()
}

/// One test, since what is taken out is taken out of the whole process.
#[test]
fn a_rule_is_missed_while_it_is_out_and_only_then() {
    let before = digests(0..8);

    let mutant = MUTANTS.iter().find(|mutant| mutant.rule == Rule::AckAfterApply).unwrap();
    let hunted = hunt(mutant, 20, 2, |_| ());
    let found = hunted.found.unwrap();
    assert_eq!(found.violation.property, mutant.breaks);
    assert!(found.command().ends_with("--without AckAfterApply --trace"), "{}", found.command());
    assert_eq!(run_case(&found.case, Tracing::Off).violation, None, "hunt puts the rule back");

    take_out(Some(Rule::AckAfterApply));
    let shrunk = shrink(&found.case, 1_000, |_| ());
    let again = shrunk.as_ref().map(|shrunk| run_case(&shrunk.case, Tracing::Off));
    take_out(None);
    let (shrunk, again) = (shrunk.unwrap(), again.unwrap());
    assert!(shrunk.outcome.ops.len() < shrunk.whole.ops.len(), "{}", shrunk.case);
    assert_eq!(again.violation, shrunk.outcome.violation, "{}", shrunk.case);
    assert_eq!(again.violation.unwrap().property, mutant.breaks);

    let (one, other) = (spawn(|| digests(0..8)), spawn(|| digests(0..8)));
    assert_eq!(before, one.join().unwrap(), "as before the rule was taken out");
    assert_eq!(before, other.join().unwrap(), "in another thread too");
}
