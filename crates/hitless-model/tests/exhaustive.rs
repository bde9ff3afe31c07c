//! The smallest bounds hold, and the search sees every state within them.

use hitless_model::Violation;
use hitless_model::bounds::{Bounds, Faults};
use hitless_model::search::{Limits, Method, Summary, search};

fn searched(bounds: &Bounds, reduced: bool) -> Result<Summary, Violation> {
    let method = Method { reduced, ..Method::default() };
    search(bounds, (method, Limits::default()), |_| ())
}

fn small() -> Vec<Bounds> {
    let crash = Faults { crashes: 1, ..Faults::default() };
    let of = |units, cards, ops: &[_]| Bounds::new(units, cards, ops, crash);
    let restart = Faults { unit_restarts: 1, ..crash };
    vec![
        of(2, 1, &[(2, Some(0)), (0, Some(1))]),
        of(2, 2, &[(2, Some(0)), (0, Some(1))]),
        Bounds { prompt: true, ..Bounds::new(2, 1, &[(2, Some(0))], restart) },
    ]
}

#[test]
fn the_smallest_bounds_are_exhausted_without_a_violation() {
    for bounds in small() {
        let summary = searched(&bounds, true).unwrap();
        assert!(summary.exhausted && summary.found.is_none(), "{bounds:?}: {summary:?}");
    }
}

#[test]
fn the_reduction_leaves_states_out_and_changes_no_verdict() {
    for bounds in small() {
        let (all, fewer) = (searched(&bounds, false).unwrap(), searched(&bounds, true).unwrap());
        assert!(all.exhausted && fewer.exhausted, "{bounds:?}");
        assert!(all.found.is_none() && fewer.found.is_none(), "{bounds:?}");
        assert!(
            fewer.states < all.states && fewer.reduced > 0,
            "{bounds:?}: {} of {}",
            fewer.states,
            all.states
        );
    }
}

#[test]
fn a_search_that_is_cut_short_is_not_exhausted() {
    let method = Method::default();
    let limits = Limits { depth: Some(3), ..Limits::default() };
    let summary = search(&small()[0], (method, limits), |_| ()).unwrap();
    assert!(!summary.exhausted && summary.depth <= 3, "{summary:?}");
}
