//! The tester tested: every rule is taken out once, and its loss must be found.

use std::time::Duration;

use hitless_proto::rules::{RULES, Rule, take_out};

use crate::bounds::Bounds;
use crate::search::{Counterexample, Limits, Summary, search};

/// Where the loss of a rule was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// In these bounds.
    pub bounds: &'static str,
    /// After so many states.
    pub states: usize,
    /// So.
    pub by: Counterexample,
}

/// Takes each rule out and searches, with at most `each` for one set of bounds. Calls `tell` with what came of it.
pub fn mutants(each: Duration, mut tell: impl FnMut(Rule, Option<&Found>)) -> usize {
    let all: Vec<(&str, Bounds)> = Bounds::per_commit().into_iter().chain(Bounds::longer()).collect();
    let mut missed = 0;
    for rule in RULES {
        let found = all.iter().find_map(|(name, bounds)| {
            take_out(Some(*rule));
            let limits = Limits { time: Some(each), ..Limits::default() };
            let summary = search(bounds, limits, |_| ()).unwrap_or_else(|violation| Summary {
                found: Some(Counterexample { violation, steps: Vec::new(), chosen: 0 }),
                ..Summary::default()
            });
            Some(Found { bounds: name, states: summary.states, by: summary.found? })
        });
        take_out(None);
        missed += usize::from(found.is_none());
        tell(*rule, found.as_ref());
    }
    missed
}
