//! The epoch record: who is primary, and who may be next.

use alloc::vec::Vec;

use crate::ids::{Epoch, Life, UnitId};
use crate::rules::{Rule, holds};

/// What the arbiter holds. Ordered by `(epoch, version)`.
///
/// Only a unit in `in_sync` may claim the next epoch; `in_sync` is that of the last *opened* epoch until the owner of a
/// newer one opens it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The epoch; 0 before the first claim.
    pub epoch: Epoch,
    /// Counts the changes within the epoch.
    pub version: u32,
    /// Who owns the epoch.
    pub owner: UnitId,
    /// The owner's takeover is done: it may complete ops.
    pub opened: bool,
    /// The units, each with its incarnation, that hold every completed op.
    pub in_sync: Vec<(UnitId, Life)>,
}

impl Record {
    /// Position in the order of records.
    #[must_use]
    pub fn order(&self) -> (Epoch, u32) {
        (self.epoch, self.version)
    }

    /// The owner and its life, where it is in its own in-sync set.
    #[must_use]
    pub fn owner_life(&self) -> Option<(UnitId, Life)> {
        self.in_sync.iter().find(|member| member.0 == self.owner).copied()
    }

    /// Nobody ever claimed: a new chassis, which any unit may open.
    #[must_use]
    pub fn is_genesis(&self) -> bool {
        self.epoch == Epoch(0)
    }

    /// Whether `unit` in this life holds every completed op, so that it may claim.
    #[must_use]
    pub fn admits(&self, unit: UnitId, life: Life) -> bool {
        let former = !holds(Rule::Incarnation) && self.in_sync.iter().any(|member| member.0 == unit);
        self.is_genesis() || self.in_sync.contains(&(unit, life)) || former || !holds(Rule::Eligibility)
    }

    /// The record that claims `epoch`, above this one's: not opened, the same set.
    #[must_use]
    pub fn claimed_by(&self, unit: UnitId, epoch: Epoch) -> Self {
        let in_sync = if holds(Rule::KeepSet) { self.in_sync.clone() } else { Vec::new() };
        Self { epoch, version: 0, owner: unit, opened: false, in_sync }
    }

    /// The next version of this record.
    #[must_use]
    pub fn changed(&self, opened: bool, in_sync: Vec<(UnitId, Life)>) -> Self {
        Self {
            epoch: self.epoch,
            version: self.version.saturating_add(1),
            owner: self.owner,
            opened,
            in_sync,
        }
    }
}
