//! What is run: a seed, how much of it, and what is changed on purpose. It is printed as the command that runs it.

use std::fmt;

use hitless_proto::rules::Rule;

use crate::schedule::Schedule;

/// One thing to run. By default all that the seed says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// What all chance follows from.
    pub seed: u64,
    /// Which strikes and ops take place.
    pub schedule: Schedule,
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
        let Schedule { strikes, ops, end } = &self.schedule;
        strikes.iter().try_for_each(|strikes| write!(f, " --strikes {strikes}"))?;
        ops.iter().try_for_each(|ops| write!(f, " --ops {ops}"))?;
        end.iter().try_for_each(|end| write!(f, " --end {end}"))?;
        if self.canary {
            f.write_str(" --canary")?;
        }
        self.without.iter().try_for_each(|rule| write!(f, " --without {rule:?}"))
    }
}
