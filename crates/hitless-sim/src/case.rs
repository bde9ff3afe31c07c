//! What is run: a seed, how much of it or which scene, and what is changed on purpose. It is printed as the command that runs it.

use std::fmt;

use hitless_proto::rules::Rule;

use crate::scenes::Scene;
use crate::schedule::Schedule;

/// One thing to run. By default all that the seed says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// What all chance follows from.
    pub seed: u64,
    /// What is played instead of what the seed makes up.
    pub scene: Option<&'static Scene>,
    /// Which strikes and ops take place.
    pub schedule: Schedule,
    /// A run that takes more steps is taken to go round in circles; [`crate::run::MOST_STEPS`] where nothing is said.
    pub steps: Option<u64>,
    /// Watched by a checker that must fail, too.
    pub canary: bool,
    /// The rule that is taken out of the protocol while this runs: whoever runs it does that.
    pub without: Option<Rule>,
}

impl Case {
    /// All that a seed says.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hitless-sim run --seed {}", self.seed)?;
        self.scene.iter().try_for_each(|scene| write!(f, " --scene {}", scene.name))?;
        let Schedule { strikes, ops, end } = &self.schedule;
        strikes.iter().try_for_each(|strikes| write!(f, " --strikes {strikes}"))?;
        ops.iter().try_for_each(|ops| write!(f, " --ops {ops}"))?;
        end.iter().try_for_each(|end| write!(f, " --end {end}"))?;
        self.steps.iter().try_for_each(|steps| write!(f, " --steps {steps}"))?;
        if self.canary {
            f.write_str(" --canary")?;
        }
        self.without.iter().try_for_each(|rule| write!(f, " --without {rule:?}"))
    }
}
