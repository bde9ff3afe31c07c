//! The tester tested: every rule is taken out once, and its loss must be found.

use std::time::{Duration, Instant};

use hitless_proto::config::OutputRule;
use hitless_proto::rules::{RULES, Rule, take_out};

use crate::bounds::{Bounds, FIRST_NAMED, Faults, Wanted};
use crate::search::{Counterexample, Limits, Method, Summary, search};

/// What became of the search for the loss of a rule.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was found.
    Found(Found),
    /// It was not.
    Missed {
        /// In these bounds.
        bounds: &'static str,
    },
    /// The model cannot show it, and why.
    NotHere(&'static str),
}

/// Where the loss of a rule was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// In these bounds.
    pub bounds: &'static str,
    /// After so many states.
    pub states: usize,
    /// In so much time.
    pub took: Duration,
    /// No shorter way leads to a violation of a step. Else the chosen steps are the fewest after which a fair completion
    /// fails, and the completion may be longer than it must be.
    pub shortest: bool,
    /// So.
    pub by: Counterexample,
}

/// The op that is everywhere when a search begins, and two more.
const OPS: &[Wanted] = &[(2, Some(0)), (0, Some(1)), (1, Some(1))];

/// Where the loss of a rule shows soonest; `Err`: why it cannot show in this model.
fn where_it_shows(rule: Rule) -> Result<(&'static str, Bounds), &'static str> {
    let (base, one, two) = (&OPS[..1], &OPS[..2], OPS);
    let crash = Faults { crashes: 1, ..Faults::default() };
    let card = Faults { card_restarts: 1, ..Faults::default() };
    let both = Faults { card_restarts: 1, ..crash };
    let back = Faults { unit_restarts: 1, ..crash };
    let twice = Faults { crashes: 2, ..Faults::default() };
    Ok(match rule {
        Rule::FoldAfterAck | Rule::AckAfterApply => ("2 units, 1 card", Bounds::new(2, 1, base, crash)),
        Rule::Orphans
        | Rule::FreshAnswers
        | Rule::Watermark
        | Rule::OpenFirst
        | Rule::RollForward
        | Rule::Replay => ("2 units, 1 card, 1 op, 1 crash", Bounds::new(2, 1, one, crash)),
        Rule::TruncateAtStable => ("2 units, 1 card, 2 ops, 1 crash", Bounds::new(2, 1, two, crash)),
        Rule::Fence => ("2 units, 2 cards, 1 op, 1 crash", Bounds::new(2, 2, one, crash)),
        Rule::DigestOfCard => {
            let named: &[Wanted] = &[(2, Some(0)), (FIRST_NAMED, Some(1))];
            ("2 units, 2 cards, 1 op for one of them, 1 crash", Bounds::new(2, 2, named, crash))
        }
        Rule::GateAll => ("3 units, 1 card, 1 op, 1 crash, gated", {
            Bounds { output_rule: OutputRule::Gated, ..Bounds::new(3, 1, one, crash) }
        }),
        Rule::Majority => ("3 units, 1 card, 1 crash", Bounds::new(3, 1, base, crash)),
        Rule::Purge => {
            ("3 units, 1 card, 1 op, 2 crashes", Bounds { epochs: 3, ..Bounds::new(3, 1, one, twice) })
        }
        Rule::BootId | Rule::Receipt => {
            ("2 units, 1 card, 1 op, 1 crash, 1 card restart", Bounds::new(2, 1, one, both))
        }
        Rule::Verify => ("2 units, 1 card, 1 card restart", Bounds::new(2, 1, base, card)),
        Rule::DurablePromise => ("2 units, 1 card, 1 crash, 1 card restart, slow disks", {
            Bounds { slow_disk: true, ..Bounds::new(2, 1, base, both) }
        }),
        Rule::Eligibility | Rule::Incarnation => {
            ("2 units, 1 card, 1 crash and restart", Bounds::new(2, 1, base, back))
        }
        Rule::Resync => ("2 units, 1 card, 2 crashes, 1 restart", {
            Bounds { epochs: 3, ..Bounds::new(2, 1, base, Faults { crashes: 2, ..back }) }
        }),
        Rule::Superseded => (
            "2 units, 1 card, 2 links given up",
            Bounds::new(2, 1, base, Faults { cuts: 2, ..Faults::default() }),
        ),
        Rule::ReplayOrder
        | Rule::QuietPromise
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
        | Rule::EveryCard => return Err(why_not_here(rule)),
    })
}

/// Why the loss of a rule cannot show in this model, or is not looked for.
fn why_not_here(rule: Rule) -> &'static str {
    if rule == Rule::ReplayOrder {
        "entries of `table` do not depend on each other; those of `fib` do"
    } else {
        "not searched for here: the simulator hunts it"
    }
}

/// Takes each rule out and searches where that shows soonest, for at most `each`. Calls `tell` with what came of it, and
/// gives the number of those that were missed.
pub fn mutants(each: Duration, mut tell: impl FnMut(Rule, &Outcome)) -> usize {
    let mut missed = 0;
    for rule in RULES {
        let outcome = match where_it_shows(*rule) {
            Ok((bounds, within)) => {
                let found = without(*rule, &within, each);
                found.map_or(Outcome::Missed { bounds }, |found| Outcome::Found(Found { bounds, ..found }))
            }
            Err(why) => Outcome::NotHere(why),
        };
        missed += usize::from(matches!(outcome, Outcome::Missed { .. }));
        tell(*rule, &outcome);
    }
    missed
}

/// Searches without a rule: first with a completion from every state, which finds every loss soon; then steps only, which
/// finds out whether a shorter way leads to a violation.
fn without(rule: Rule, bounds: &Bounds, each: Duration) -> Option<Found> {
    let began = Instant::now();
    take_out(Some(rule));
    let any = search_all(bounds, (true, None), each);
    let found = any.found.map(|by| {
        let most = by.steps.len() as u32;
        let within = each.saturating_sub(began.elapsed());
        let steps = search_all(bounds, (false, Some(most)), within);
        let shorter = steps.found.filter(|shorter| shorter.steps.len() < by.steps.len());
        let over = !steps.stopped && shorter.is_none();
        let shortest = shorter.is_some() || by.steps.len() == by.chosen || over;
        let states = any.states + steps.states;
        Found { bounds: "", states, took: began.elapsed(), shortest, by: shorter.unwrap_or(by) }
    });
    take_out(None);
    found
}

/// Takes every step of every state, to a depth, with or without completions.
fn search_all(bounds: &Bounds, (completed, depth): (bool, Option<u32>), time: Duration) -> Summary {
    let method = Method { reduced: false, completed, ..Method::default() };
    let limits = Limits { time: Some(time), depth, ..Limits::default() };
    search(bounds, (method, limits), |_| ()).unwrap_or_else(|violation| Summary {
        found: Some(Counterexample { violation, steps: Vec::new(), chosen: 0 }),
        ..Summary::default()
    })
}
