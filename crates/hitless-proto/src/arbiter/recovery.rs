//! Double death (protocol.md section 6): every unit of the last in-sync set is gone.

use thiserror::Error;

use crate::arbiter::Record;
use crate::ids::{Life, UnitId, Version};
use crate::rules::{Rule, holds};

/// Why a unit may not recover yet, for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecoveryWait {
    /// A member of the set may hold completed ops that nobody here has.
    #[error("{0} was in sync and is not back: start it")]
    Away(UnitId),
    /// A member of the set has live state, so there is nothing to recover from.
    #[error("{0} holds live state: it is to become primary")]
    Live(UnitId),
    /// A unit that was never in sync may lack completed ops.
    #[error("this unit was not in sync; {0} was, and goes first")]
    Outside(UnitId),
    /// Another member of the set has more.
    #[error("{0} holds more, and goes first")]
    Behind(UnitId),
}

/// Whether `me` may claim although its life is not in the in-sync set: every member of that set is back in a new life,
/// none with live state, and of those `me` holds the highest persisted position (of equals, the lowest id goes first).
///
/// `peers`: the connected control units, as (unit, life, holds live state, persisted position). A position is that of the
/// newest epoch in which any process stands, and the sum over all processes.
///
/// # Errors
/// What must happen first.
pub fn recovery_ready(
    record: &Record,
    me: (UnitId, Life),
    my_position: Version,
    peers: &[(UnitId, Life, bool, Version)],
) -> Result<(), RecoveryWait> {
    let mut first: Option<(UnitId, Version)> = None;
    for &(unit, former) in &record.in_sync {
        let position = if unit == me.0 {
            my_position
        } else {
            let peer = peers.iter().find(|peer| peer.0 == unit).ok_or(RecoveryWait::Away(unit))?;
            if (peer.1 == former || peer.2) && holds(Rule::NoneLives) {
                return Err(RecoveryWait::Live(unit));
            }
            peer.3
        };
        let leads = first.is_none_or(|(best, most)| position > most || (position == most && unit < best));
        if leads {
            first = Some((unit, position));
        }
    }
    match first {
        // An empty set: no epoch was ever opened.
        None => Ok(()),
        Some((unit, _)) if unit == me.0 => Ok(()),
        Some((unit, _)) if record.in_sync.iter().any(|member| member.0 == me.0) => {
            Err(RecoveryWait::Behind(unit))
        }
        Some((unit, _)) => Err(RecoveryWait::Outside(unit)),
    }
}
