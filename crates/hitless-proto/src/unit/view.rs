//! What a control unit says of itself: status, entries, reports.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Acting, ControlUnit};
use crate::arbiter::{Record, Voter, VoterState};
use crate::entry::{Blob, Content, Update};
use crate::ids::{Epoch, Life, Party, ProcessId, Seq, UnitId, Version};
use crate::io::Role;
use crate::report::TakeoverReport;
use crate::standby::Standby;
use crate::status::{ChannelState, ChannelStatus, ProcessStatus, Progress, UnitStatus};
use crate::table::Table;

impl ControlUnit {
    /// The role it has now.
    #[must_use]
    pub fn role(&self) -> Role {
        match &self.acting {
            Acting::Primary(primary) => primary.role(),
            Acting::Standby(standby) if standby.in_sync(&self.context) => Role::Standby,
            Acting::Standby(_) => Role::Joining,
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        match &self.acting {
            Acting::Primary(primary) => primary.epoch,
            Acting::Standby(standby) => standby.epoch,
        }
    }

    /// It is the primary of an opened epoch.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        self.role() == Role::Primary
    }

    /// The primary it knows of: itself, or the one it follows.
    #[must_use]
    pub fn primary(&self) -> Option<UnitId> {
        match &self.acting {
            Acting::Primary(_) => Some(self.context.unit),
            Acting::Standby(standby) => standby.primary,
        }
    }

    /// The takeovers of this life, oldest first, at most `MAX_REPORTS`.
    #[must_use]
    pub fn reports(&self) -> &[TakeoverReport] {
        &self.context.reports
    }

    /// The life of a party that it is connected with.
    #[must_use]
    pub fn life_of(&self, party: Party) -> Option<Life> {
        self.context.links.get(&party).copied()
    }

    /// Its view of the chassis.
    #[must_use]
    pub fn status(&self) -> UnitStatus {
        let (processes, channels, record) = match &self.acting {
            Acting::Primary(primary) => (
                primary.process_status().collect(),
                primary.channel_status().collect(),
                primary.record.clone(),
            ),
            Acting::Standby(standby) => {
                let known = self.voter.as_ref().map(|voter| voter.state().accepted.clone());
                (standby_processes(standby), self.standby_channels(standby), known.unwrap_or_default())
            }
        };
        UnitStatus {
            unit: self.context.unit,
            life: self.context.life,
            role: self.role(),
            epoch: self.epoch(),
            primary: self.primary(),
            record,
            connected: self.context.links.iter().map(|(party, life)| (*party, *life)).collect(),
            processes,
            channels,
        }
    }

    fn standby_channels(&self, standby: &Standby) -> Vec<ChannelStatus> {
        let cards = self.context.chassis.cards.iter();
        let channels =
            standby.replicas.values().flat_map(|replica| cards.clone().map(move |card| (replica, *card)));
        let in_step = |process, card| {
            standby
                .roster
                .iter()
                .flat_map(|roster| &roster.in_step)
                .any(|entry| (entry.0, entry.1) == (process, card))
        };
        let channels = channels.map(|(replica, card)| ChannelStatus {
            process: replica.process,
            follower: Party::Card(card),
            state: if in_step(replica.process, card) { ChannelState::InStep } else { ChannelState::Away },
            acked: replica.acked(card).unwrap_or_default(),
            in_flight: 0,
            failed: replica.failures.count(card),
        });
        channels.collect()
    }

    fn table(&self, process: ProcessId) -> Option<&Table> {
        match &self.acting {
            Acting::Primary(primary) => primary.table(process),
            Acting::Standby(standby) => standby.replicas.get(&process).map(|replica| &replica.table),
        }
    }

    /// How far a process has come.
    #[must_use]
    pub fn progress(&self, process: ProcessId) -> Option<Progress> {
        match &self.acting {
            Acting::Primary(primary) => primary.progress(process),
            Acting::Standby(standby) => Some(standby.replicas.get(&process)?.progress()),
        }
    }

    /// The op at a position, if the log still has it.
    #[must_use]
    pub fn logged(&self, process: ProcessId, seq: Seq) -> Option<&Arc<Update>> {
        let log = match &self.acting {
            Acting::Primary(primary) => primary.log(process)?,
            Acting::Standby(standby) => &standby.replicas.get(&process)?.log,
        };
        log.get(seq)
    }

    /// Of a unit that leads: the record as the arbiter has it, and the one that is being written.
    #[must_use]
    pub fn records(&self) -> Option<(&Record, Option<&Record>)> {
        match &self.acting {
            Acting::Primary(primary) => Some(primary.records()),
            Acting::Standby(_) => None,
        }
    }

    /// Of a unit that leads: where a channel stands.
    #[must_use]
    pub fn channel_state(&self, process: ProcessId, follower: Party) -> Option<ChannelState> {
        match &self.acting {
            Acting::Primary(primary) => primary.channel_state(process, follower),
            Acting::Standby(_) => None,
        }
    }

    /// What it promised and accepted as a voter.
    #[must_use]
    pub fn votes(&self) -> Option<&VoterState> {
        self.voter.as_ref().map(Voter::state)
    }

    /// Answers that wait for the disk.
    #[must_use]
    pub fn withheld(&self) -> usize {
        self.durably.withheld()
    }

    /// The version of a key; tombstones have one too.
    #[must_use]
    pub fn version(&self, process: ProcessId, key: &[u8]) -> Option<Version> {
        self.table(process)?.row(key).map(|row| row.version())
    }

    /// One entry: as issued (primary) or as folded (standby).
    #[must_use]
    pub fn entry(&self, process: ProcessId, key: &[u8]) -> Option<(Version, Content)> {
        let row = self.table(process)?.row(key)?;
        Some((row.version(), row.content()?))
    }

    /// All entries of a process, in a fixed order that means nothing.
    pub fn entries(&self, process: ProcessId) -> impl Iterator<Item = (Blob, Version, Content)> {
        let rows = self.table(process).into_iter().flat_map(Table::rows);
        rows.filter_map(|row| Some((Blob::new(row.key()), row.version(), row.content()?)))
    }
}

fn standby_processes(standby: &Standby) -> Vec<ProcessStatus> {
    let processes = standby.replicas.values().map(|replica| ProcessStatus {
        process: replica.process,
        entries: replica.table.entries(),
        received: replica.received(),
        folded: replica.log.version_at(replica.folded),
        pending: replica.pending(),
        programmed: Seq(0),
        safe: Seq(0),
        stable: replica.stable,
        digest: replica.table.unit_sum(0, 0),
    });
    processes.collect()
}
