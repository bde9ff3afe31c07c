//! The `voters` arbiter (protocol.md section 3): a majority of parties keeps the epoch record.

mod proposer;
mod record;
mod recovery;
#[cfg(test)]
mod tests;
mod voter;

pub use proposer::Proposer;
pub use record::Record;
pub use recovery::{RecoveryWait, recovery_ready};
pub use voter::Voter;

use crate::message::Ballot;

/// Why nobody can claim after epoch 2^32 - 1: a primary that there is goes on, and its successor needs a new chassis.
pub const EXHAUSTED: &str = "epochs are used up: set the chassis up anew, under another name";

/// What a voter keeps for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VoterState {
    /// The ballot it promised last.
    pub promised: Ballot,
    /// The newest record it accepted.
    pub accepted: Record,
}
