//! The reduced search finds the loss of a rule as the full one does (`hitless-model --mutants` searches in full).
//!
//! One test: what is taken out is taken out of the whole process.

use hitless_model::bounds::{Bounds, Faults};
use hitless_model::search::{Limits, Method, search};
use hitless_proto::rules::{Rule, take_out};

#[test]
fn the_reduction_keeps_what_it_is_to_keep() {
    let crash = Faults { crashes: 1, ..Faults::default() };
    let bounds = Bounds::new(2, 1, &[(2, Some(0)), (0, Some(1))], crash);
    for rule in [Rule::Orphans, Rule::FreshAnswers, Rule::RollForward, Rule::Replay, Rule::OpenFirst] {
        take_out(Some(rule));
        let summary = search(&bounds, (Method::default(), Limits::default()), |_| ()).unwrap();
        assert!(summary.found.is_some(), "{rule:?}");
    }
    take_out(None);
}
