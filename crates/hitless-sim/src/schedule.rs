//! Which of the strikes and ops of a seed take place. A whole run allows all; shrinking leaves out what a failure does
//! not need.

use std::collections::BTreeSet;

use hitless_proto::ids::Time;

/// Strikes and ops are numbered from 0 in the order in which they are drawn. `None` allows every number.
///
/// What is left out is drawn all the same, so that what follows it is drawn as before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The strikes of faults that take place.
    pub strikes: Option<BTreeSet<u64>>,
    /// The ops that are submitted.
    pub ops: Option<BTreeSet<u64>>,
    /// Simulated microseconds of churn and faults; what the seed says where there is none.
    pub end: Option<u64>,
}

impl Schedule {
    /// Whether strike `number` takes place.
    #[must_use]
    pub fn strikes(&self, number: u64) -> bool {
        self.strikes.as_ref().is_none_or(|kept| kept.contains(&number))
    }

    /// Whether op `number` is submitted.
    #[must_use]
    pub fn submits(&self, number: u64) -> bool {
        self.ops.as_ref().is_none_or(|kept| kept.contains(&number))
    }
}

/// A strike or an op that took place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn<T> {
    /// Its number.
    pub number: u64,
    /// When.
    pub at: Time,
    /// The class of the fault, or the process.
    pub of: T,
    /// The lines of the trace that say what it did, where they are kept.
    pub did: String,
}
