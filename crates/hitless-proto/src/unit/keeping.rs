//! The state that a control unit keeps on disk, for when all units die: what it begins with, and what its store takes.

use alloc::vec::Vec;

use super::{Acting, ControlUnit};
use crate::ids::{ProcessId, Seq, Version};
use crate::kept::{KeepBatch, KeptAt, KeptEntry};
use crate::table::Table;

impl ControlUnit {
    /// Begins with entries of a state that was kept, whole as of `at`, before anything else is called; once or more per
    /// process. From then on the process is kept, also where there were no entries: see [`Self::take_unkept`].
    ///
    /// It is the base of a recovery, and of nothing else: a unit that comes back was not in sync.
    pub fn restore(&mut self, process: ProcessId, at: KeptAt, entries: Vec<KeptEntry>) {
        if let Acting::Standby(standby) = &mut self.acting
            && let Some(replica) = standby.replicas.get_mut(&process)
        {
            // Whoever owns an older epoch is stale, and would take from this state what it does not know of.
            standby.epoch = standby.epoch.max(at.version.epoch);
            replica.restore(at, entries);
        }
    }

    /// What the store is to be given next, about `most` rows; `None`: nothing now. While the state is not whole (it is being
    /// repaired or rebuilt) nothing is given out. It changes nothing of what the unit does.
    pub fn take_unkept(&mut self, most: usize) -> Option<KeepBatch> {
        match &mut self.acting {
            Acting::Standby(standby) => {
                let (replicas, roster) = (&mut standby.replicas, standby.roster.as_ref()?);
                replicas.values_mut().find_map(|replica| replica.take_unkept(most, roster))
            }
            Acting::Primary(primary) => primary.take_unkept(most),
        }
    }

    /// A batch was not stored: the store is to be given everything again, from the next batch on.
    pub fn keep_anew(&mut self) {
        match &mut self.acting {
            Acting::Standby(standby) => {
                standby.replicas.values_mut().for_each(|replica| replica.table.keep_anew());
            }
            Acting::Primary(primary) => primary.tables_mut().for_each(Table::keep_anew),
        }
    }

    /// Whether this unit began with a state that it kept.
    pub(super) fn has_base(&self) -> bool {
        match &self.acting {
            Acting::Standby(standby) => {
                standby.replicas.values().any(|replica| replica.table.base().is_some())
            }
            Acting::Primary(_) => false,
        }
    }
}

/// Which of several persisted states has more: the newer epoch, then the more ops.
pub(super) fn rank(positions: impl Iterator<Item = Version>) -> Version {
    positions.fold(Version::ZERO, |sum, at| Version {
        epoch: sum.epoch.max(at.epoch),
        seq: Seq(sum.seq.0.saturating_add(at.seq.0)),
    })
}
