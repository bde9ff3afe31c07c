//! Mutants: the protocol without one of its rules. Where each was seen, and within how many seeds it must be.

use std::fmt::Write as _;

use hitless_proto::rules::Rule;

use crate::scenes::Scene;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// The rule that is taken out.
    pub rule: Rule,
    /// The scene that shows it; none: what seeds make up does.
    pub scene: Option<&'static str>,
    /// The first seed that did, when this was written down.
    pub seed: u64,
    /// The property that was broken then.
    pub breaks: &'static str,
    /// Seeds from 0 within which it must be seen: three times those that it took, and not fewer than 60.
    pub within: u64,
}

const fn by_seed(rule: Rule, seed: u64, breaks: &'static str) -> Mutant {
    let within = if (seed + 1) * SLACK < AT_LEAST { AT_LEAST } else { (seed + 1) * SLACK };
    Mutant { rule, scene: None, seed, breaks, within }
}

const fn by_scene(rule: Rule, scene: &'static str, seed: u64, breaks: &'static str) -> Mutant {
    Mutant { rule, scene: Some(scene), seed, breaks, within: IN_A_SCENE }
}

/// A scene is there for its rule, and short: chance has little to do with it.
const IN_A_SCENE: u64 = 20;
/// What the first seeds see others would too, after any change of what is drawn, but later.
const AT_LEAST: u64 = 60;
/// Of the seeds that it took.
const SLACK: u64 = 3;

/// All of them, in the order of the rules.
pub const MUTANTS: &[Mutant] = &[
    by_seed(Rule::Fence, 16, "no effect from an epoch below the promise"),
    by_seed(Rule::Orphans, 11, "not applied is final once promised"),
    by_seed(Rule::Receipt, 0, "with the gated rule there is no orphan"),
    by_seed(Rule::GateAll, 0, "with the gated rule there is no orphan"),
    by_seed(Rule::FreshAnswers, 0, "replay narrowed by cookie = full replay in effect"),
    by_seed(Rule::BootId, 0, "replay covers every differing key"),
    by_seed(Rule::TruncateAtStable, 0, "truncation stays below stable"),
    by_seed(Rule::Resync, 0, "what is told to be safe is held"),
    by_seed(Rule::Eligibility, 0, "the claimant is in sync"),
    by_seed(Rule::Incarnation, 0, "the claimant is in sync"),
    by_seed(Rule::Purge, 9, "catching up comes to an end"),
    by_seed(Rule::Superseded, 1, "promises never go down"),
    by_seed(Rule::Watermark, 0, "what is told to be safe is held"),
    by_seed(Rule::FoldAfterAck, 0, "fold implies update held and acked"),
    by_seed(Rule::ReplayOrder, 0, "a route never lacks its next hop"),
    by_seed(Rule::DigestOfCard, 2, "catching up comes to an end"),
    by_seed(Rule::AckAfterApply, 0, "truncation stays below stable"),
    by_seed(Rule::DurablePromise, 2, "promises never go down"),
    by_seed(Rule::Verify, 0, "deleted keys never come back"),
    by_seed(Rule::Majority, 0, "one opened owner per epoch"),
    by_seed(Rule::OpenFirst, 0, "a stale primary completes nothing"),
    by_seed(Rule::RollForward, 15, "replay covers every differing key"),
    by_seed(Rule::Replay, 2, "replay covers every differing key"),
    by_seed(Rule::QuietPromise, 6, "not applied is final once promised"),
    by_seed(Rule::HistoryBegins, 8, "not applied is final once promised"),
    by_seed(Rule::Nack, 0, "ack implies effect"),
    by_scene(Rule::FoldOverOlder, "filled-ahead-of-its-ops", 0, "key versions only rise"),
    by_seed(Rule::ProgrammedAll, 0, "what is told to be safe is held"),
    by_seed(Rule::StableReceived, 207, "stable <= folded <= received <= issued"),
    by_seed(Rule::WatermarkReached, 2, "a healed chassis converges"),
    by_seed(Rule::Session, 0, "nobody is accused wrongly"),
    by_seed(Rule::Window, 2, "memory is bounded"),
    by_seed(Rule::Gate, 0, "with the gated rule there is no orphan"),
    by_seed(Rule::OldSet, 0, "what is told to be safe is held"),
    by_scene(Rule::AdoptInOrder, "two-orphans-of-one-key", 0, "an orphan is rolled forward, not back"),
    by_scene(Rule::AdoptForAll, "orphan-on-one-card", 0, "replay narrowed by cookie = full replay in effect"),
    by_seed(Rule::Drain, 2, "a planned switchover replays zero bytes"),
    by_scene(Rule::CloseIntake, "asked-while-handing-over", 0, "a planned switchover replays zero bytes"),
    by_seed(Rule::KeepSet, 0, "the claimant is in sync"),
    by_seed(Rule::NewestRecord, 0, "the claimant is in sync"),
    by_seed(Rule::OneUnitPerEpoch, 0, "promises never go down"),
    by_seed(Rule::DurableVote, 0, "promises never go down"),
    by_scene(Rule::NoneLives, "back-beside-a-live-unit", 1, "the claimant is in sync"),
    by_seed(Rule::EveryCard, 8, "safe survives"),
];

impl Mutant {
    /// The scene that shows it, if one does.
    #[must_use]
    pub fn scene(&self) -> Option<&'static Scene> {
        self.scene.and_then(Scene::named)
    }
}

/// The mutants as a table of `docs/simulation.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "| rule | what it says | without it breaks | first seen at | must be within |\n|---|---|---|---|---|\n",
    );
    for Mutant { rule, scene, seed, breaks, within } in MUTANTS {
        let of = scene.map(|scene| format!("`{scene}`, ")).unwrap_or_default();
        let says = rule.says();
        let _ = writeln!(text, "| `{rule:?}` | {says} | {breaks} | {of}seed {seed} | {within} seeds |");
    }
    text
}
