//! Arguments that several verbs share.

use std::ops::Range;
use std::thread::available_parallelism;

use clap::Args;
use hitless_proto::rules::Rule;
use hitless_sim::Case;
use hitless_sim::scenes::{SCENES, Scene};
use hitless_sim::schedule::{Numbers, Schedule};

/// One seed, or a part of it.
#[derive(Args)]
pub(crate) struct Part {
    /// The seed.
    #[arg(long)]
    seed: u64,
    /// Only these strikes of faults take place, like 3,17,20-24, or none.
    #[arg(long, value_name = "NUMBERS")]
    strikes: Option<Numbers>,
    /// Only these ops are submitted, like 4,9, or none.
    #[arg(long, value_name = "NUMBERS")]
    ops: Option<Numbers>,
    /// Faults and churn end then, in simulated microseconds.
    #[arg(long, value_name = "MICROS")]
    end: Option<u64>,
    /// A run of more steps is taken to go round in circles.
    #[arg(long)]
    steps: Option<u64>,
    #[command(flatten)]
    change: Change,
}

/// What is changed on purpose.
#[derive(Args)]
pub(crate) struct Change {
    /// Plays a scene instead of what the seed makes up.
    #[arg(long, value_name = "NAME", value_parser = scene)]
    scene: Option<&'static Scene>,
    /// Adds a checker that claims that no card ever dies: some runs must fail.
    #[arg(long)]
    canary: bool,
    /// Takes a rule out of the protocol.
    #[cfg(feature = "mutants")]
    #[arg(long, value_name = "RULE", value_parser = rule)]
    without: Option<Rule>,
}

impl Part {
    /// What is to run. A rule that is taken out is taken out from now on.
    pub(crate) fn case(self) -> Case {
        let schedule = Schedule { strikes: self.strikes, ops: self.ops, end: self.end };
        Case { seed: self.seed, schedule, steps: self.steps, ..self.change.case() }
    }
}

impl Change {
    /// What is to run, for every seed. A rule that is taken out is taken out from now on.
    pub(crate) fn case(&self) -> Case {
        Case { scene: self.scene, canary: self.canary, without: self.taken_out(), ..Case::default() }
    }

    #[cfg(feature = "mutants")]
    fn taken_out(&self) -> Option<Rule> {
        hitless_proto::rules::take_out(self.without);
        self.without
    }

    #[cfg(not(feature = "mutants"))]
    fn taken_out(&self) -> Option<Rule> {
        None
    }
}

/// Reads the name of a scene.
fn scene(text: &str) -> Result<&'static Scene, String> {
    let names: Vec<&str> = SCENES.iter().map(|scene| scene.name).collect();
    Scene::named(text).ok_or_else(|| format!("there are {}", names.join(", ")))
}

/// Reads the name of a rule.
#[cfg(feature = "mutants")]
pub(crate) fn rule(text: &str) -> Result<Rule, String> {
    let names: Vec<String> = hitless_proto::rules::RULES.iter().map(|rule| format!("{rule:?}")).collect();
    let at = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    at.map(|at| hitless_proto::rules::RULES[at]).ok_or_else(|| format!("there are {}", names.join(", ")))
}

/// Reads `A..B`.
pub(crate) fn seeds(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("\"{text}\" is not a range of seeds: expected A..B, as in 0..500");
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let (from, to) = (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
    if from < to { Ok(from..to) } else { Err(wrong()) }
}

/// As many threads as there are cores.
pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}
