//! The tester tested: every rule is taken out once, and its loss must be found.

use std::time::Duration;

use hitless_proto::config::OutputRule;
use hitless_proto::rules::{RULES, Rule, take_out};

use crate::bounds::{Bounds, Faults, Wanted};
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

/// Where the loss of a rule shows soonest.
fn where_it_shows(rule: Rule) -> (&'static str, Bounds) {
    let base: &[Wanted] = &[(2, Some(0))];
    let (one, two): (&[Wanted], &[Wanted]) =
        (&[(2, Some(0)), (0, Some(1))], &[(2, Some(0)), (0, Some(1)), (1, Some(1))]);
    let crash = Faults { crashes: 1, ..Faults::default() };
    let card = Faults { card_restarts: 1, ..Faults::default() };
    let both = Faults { card_restarts: 1, ..crash };
    let back = Faults { unit_restarts: 1, ..crash };
    let cut = Faults { cuts: 1, ..Faults::default() };
    match rule {
        Rule::Orphans
        | Rule::Receipt
        | Rule::FreshAnswers
        | Rule::TruncateAtStable
        | Rule::Watermark
        | Rule::FoldAfterAck
        | Rule::ReplayOrder
        | Rule::AckAfterApply
        | Rule::OpenFirst
        | Rule::RollForward
        | Rule::Replay => ("2 units, 1 card, 2 ops, 1 crash", Bounds::of(2, 1, two, crash)),
        Rule::Fence => ("2 units, 2 cards, 1 op, 1 crash", Bounds::of(2, 2, one, crash)),
        Rule::DigestOfCard => ("2 units, 2 cards, 1 op, 1 crash", Bounds::of(2, 2, one, crash)),
        Rule::GateAll => {
            let gated = Bounds { output_rule: OutputRule::Gated, ..Bounds::of(3, 1, one, crash) };
            ("3 units, 1 card, 1 op, 1 crash, gated", gated)
        }
        Rule::Majority => ("3 units, 1 card, 1 crash", Bounds::of(3, 1, base, crash)),
        Rule::Purge => ("3 units, 1 card, 1 op, 1 crash", Bounds::of(3, 1, one, crash)),
        Rule::BootId => ("2 units, 1 card, 1 op, 1 crash, 1 card restart", Bounds::of(2, 1, one, both)),
        Rule::Verify | Rule::NewerOnly => {
            ("2 units, 1 card, 2 ops, 1 card restart", Bounds::of(2, 1, two, card))
        }
        Rule::DurablePromise => {
            let slow = Bounds { slow_disk: true, ..Bounds::of(2, 1, base, both) };
            ("2 units, 1 card, 1 crash, 1 card restart, slow disks", slow)
        }
        Rule::Eligibility | Rule::Incarnation => {
            ("2 units, 1 card, 1 crash and restart", Bounds::of(2, 1, base, back))
        }
        Rule::Resync => {
            let twice = Faults { crashes: 2, ..back };
            ("2 units, 1 card, 2 crashes, 1 restart", Bounds { epochs: 3, ..Bounds::of(2, 1, base, twice) })
        }
        Rule::QuietPromise
        | Rule::HistoryBegins
        | Rule::Nack
        | Rule::FoldOverOlder
        | Rule::ProgrammedAll
        | Rule::StableReceived
        | Rule::WatermarkReached
        | Rule::Session
        | Rule::Window
        | Rule::Gate
        | Rule::OldSet
        | Rule::AdoptInOrder
        | Rule::AdoptForAll
        | Rule::Drain
        | Rule::CloseIntake
        | Rule::KeepSet
        | Rule::NewestRecord
        | Rule::OneUnitPerEpoch
        | Rule::DurableVote
        | Rule::NoneLives
        | Rule::EveryCard => ("2 units, 2 cards, 1 op, 1 crash", Bounds::of(2, 2, one, crash)),
        Rule::Superseded => ("2 units, 1 card, 1 link given up", Bounds::of(2, 1, base, cut)),
    }
}

/// Takes each rule out and searches where that shows soonest, for at most `each`. Calls `tell` with what came of it, and
/// gives the number of those that were missed.
pub fn mutants(each: Duration, mut tell: impl FnMut(Rule, Option<&Found>)) -> usize {
    let mut missed = 0;
    for rule in RULES {
        let (bounds, within) = where_it_shows(*rule);
        let limits = Limits { time: Some(each), ..Limits::default() };
        take_out(Some(*rule));
        let summary = search(&within, limits, |_| ()).unwrap_or_else(|violation| Summary {
            found: Some(Counterexample { violation, steps: Vec::new(), chosen: 0 }),
            ..Summary::default()
        });
        take_out(None);
        let states = summary.states;
        let found = summary.found.map(|by| Found { bounds, states, by });
        missed += usize::from(found.is_none());
        tell(*rule, found.as_ref());
    }
    missed
}
