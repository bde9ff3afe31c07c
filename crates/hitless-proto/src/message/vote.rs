//! Messages of the `voters` arbiter (protocol.md section 3): between a control unit and every voter.

use crate::arbiter::Record;
use crate::ids::{Epoch, UnitId};

/// A ballot: the epoch that is claimed, and who claims it. One unit per epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ballot {
    /// The epoch.
    pub epoch: Epoch,
    /// The claimant.
    pub unit: UnitId,
}

/// A control unit asks a voter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoteRequest {
    /// Not binding: do you still hear a primary, and what did you promise? Asked before a ballot, so that a lost
    /// contest does not disturb a healthy primary.
    Poll,
    /// Promise me this epoch. `consented`: the primary itself asked for it (switchover), or the operator did.
    Ballot {
        /// What is asked for.
        ballot: Ballot,
        /// Whether a voter that hears the primary may say yes.
        consented: bool,
    },
    /// Accept this record, on the ballot `{record.epoch, record.owner}`.
    Write(Record),
}

/// What a voter says of the world, in answer to a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The voter is connected with the primary of its newest accepted record (or is that primary).
    pub hears_primary: bool,
    /// The ballot it promised last.
    pub promised: Ballot,
    /// The newest record it accepted.
    pub accepted: Record,
}

/// A voter answers. Every yes was made durable first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoteReply {
    /// To a poll.
    Poll(Poll),
    /// Yes to a ballot: nothing below it will be accepted any more.
    Promised {
        /// The ballot that was asked for.
        ballot: Ballot,
        /// The newest record that was accepted before it.
        accepted: Record,
    },
    /// Yes to a write: `(epoch, version)` of the record.
    Accepted {
        /// Epoch of the record.
        epoch: Epoch,
        /// Its version within the epoch.
        version: u32,
    },
    /// No: to a ballot or a write.
    Refused {
        /// The ballot that stands against it, which may be the one asked for where the voter still hears the primary
        /// or could not store its promise.
        promised: Ballot,
        /// Epoch of what is refused.
        epoch: Epoch,
    },
}
