//! The loss of a rule is found, by the shortest way, and also by a reduced search.
//!
//! One test: what is taken out is taken out of the whole process.

use std::time::Duration;

use hitless_model::bounds::{Bounds, Faults};
use hitless_model::mutants::{Outcome, mutants};
use hitless_model::search::{Limits, Method, search};
use hitless_proto::rules::{Rule, take_out};

/// Steps of the shortest counterexamples of the rows of protocol.md, section 5. They follow from the protocol and from how the
/// model cuts it into steps; a change of either may change them.
const SHORTEST: &[(Rule, usize)] =
    &[(Rule::Fence, 12), (Rule::Orphans, 15), (Rule::FreshAnswers, 13), (Rule::Superseded, 9)];

#[test]
fn every_loss_is_found_and_the_shortest_ways_are_as_long_as_ever() {
    let mut lengths = Vec::new();
    let missed = mutants(Duration::from_secs(600), |rule, outcome| match outcome {
        Outcome::Found(found) => lengths.push((rule, found.by.steps.len())),
        Outcome::Missed { .. } | Outcome::NotHere(_) => {}
    });
    assert_eq!(missed, 0);
    for expected in SHORTEST {
        assert!(lengths.contains(expected), "{expected:?}: {lengths:?}");
    }
    // The reduction keeps what it is to keep.
    let crash = Faults { crashes: 1, ..Faults::default() };
    let bounds = Bounds::new(2, 1, &[(2, Some(0)), (0, Some(1))], crash);
    for rule in [Rule::Orphans, Rule::FreshAnswers, Rule::RollForward, Rule::Replay, Rule::OpenFirst] {
        take_out(Some(rule));
        let summary = search(&bounds, (Method::default(), Limits::default()), |_| ()).unwrap();
        assert!(summary.found.is_some(), "{rule:?}");
    }
    take_out(None);
}
