//! Errors, split by blame.

use alloc::string::String;
use thiserror::Error;

use crate::ids::{Epoch, ProcessId, UnitId};
use crate::limits;

/// The peer misbehaved: what it sent cannot come from a correct party of this chassis.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PeerError {
    /// A message that this kind of party is never sent.
    #[error("a message of the wrong direction: {0}")]
    WrongDirection(&'static str),
    /// The first message must be a report.
    #[error("{0} before the report")]
    NoReport(&'static str),
    /// A field that contradicts the protocol.
    #[error("{0}")]
    Invalid(&'static str),
}

/// A source asked for something that cannot be done now, or ever.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// This unit is not the primary.
    #[error("this control unit is not the primary{}", at(.0))]
    NotPrimary(Option<UnitId>),
    /// Too many ops are not stable yet; submit again when a `Completed` event says that there is room.
    #[error("{} ops are under way: try again when some have completed", limits::MAX_UNSTABLE)]
    Busy,
    /// No such process.
    #[error("no process {0}: see `hitless status` for those that run")]
    UnknownProcess(ProcessId),
    /// The change itself is wrong.
    #[error("{0}")]
    Invalid(String),
}

fn at(primary: &Option<UnitId>) -> String {
    primary.map_or_else(String::new, |unit| alloc::format!(": it is {unit}"))
}

/// A planned switchover was refused; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SwitchoverError {
    /// Only the primary can hand over.
    #[error("this control unit is not the primary{}", at(.0))]
    NotPrimary(Option<UnitId>),
    /// A takeover or switchover is under way.
    #[error("a takeover or switchover is under way in {0}: try again when it is over")]
    UnderWay(Epoch),
    /// The candidate is not connected or not in sync.
    #[error("{0} is not in sync: `hitless status` shows what it lacks")]
    NotInSync(UnitId),
    /// There is no candidate.
    #[error("no standby is in sync: start one, and wait until `hitless status` shows it as standby")]
    NoStandby,
    /// The candidate is the primary.
    #[error("{0} is the primary already")]
    AlreadyPrimary(UnitId),
}
