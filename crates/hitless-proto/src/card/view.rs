//! What a card says of itself: status, entries, how far it has come.

use super::Card;
use crate::arbiter::{Voter, VoterState};
use crate::entry::{Blob, CardContent};
use crate::ids::{Epoch, ProcessId, UnitId, Version};
use crate::status::{CardStatus, ClientProgress, ClientStatus};

impl Card {
    /// What the card says of itself.
    #[must_use]
    pub fn status(&self) -> CardStatus {
        let channels = self.channels.values().map(|channel| ClientStatus {
            process: channel.process,
            entries: channel.table.entries(),
            applied: channel.applied,
            proved: channel.proved(),
            in_step: channel.in_step,
            failed: channel.failed,
            queued: channel.queue.len() as u64,
            writes: channel.writes,
            mended: channel.mended,
            digest: channel.table.card_sum(self.config.card, 0, 0),
        });
        CardStatus {
            card: self.config.card,
            life: self.life,
            promised: self.durably.state().promised,
            owner: self.durably.state().owner,
            connected: self.links.iter().map(|(unit, life)| (*unit, *life)).collect(),
            channels: channels.collect(),
        }
    }

    /// An entry as the card holds it: its version, content, and whether the forwarding table refused it.
    #[must_use]
    pub fn entry(&self, process: ProcessId, key: &[u8]) -> Option<(Version, CardContent, bool)> {
        let row = self.channels.get(&process)?.table.row(key)?;
        let content = CardContent { part: Blob::new(row.part()?), for_all: row.for_all() };
        Some((row.version(), content, row.failed()))
    }

    /// All entries of a process, in no meaningful but a fixed order: key, card part, refused.
    pub fn entries(&self, process: ProcessId) -> impl Iterator<Item = (Blob, Blob, bool)> {
        let rows = self.channels.get(&process).into_iter().flat_map(|channel| channel.table.rows());
        rows.filter_map(|row| Some((Blob::new(row.key()), Blob::new(row.part()?), row.failed())))
    }

    /// The epoch that it promised, and to whom.
    #[must_use]
    pub fn promised(&self) -> (Epoch, UnitId) {
        (self.durably.state().promised, self.durably.state().owner)
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

    /// Whether the forwarding table works on what the card writes again by itself, since somebody else changed it.
    #[must_use]
    pub fn mending(&self, process: ProcessId) -> bool {
        self.channels.get(&process).is_some_and(super::channel::Channel::mending)
    }

    /// How far a client process has come.
    #[must_use]
    pub fn progress(&self, process: ProcessId) -> Option<ClientProgress> {
        self.channels.get(&process).map(super::channel::Channel::progress)
    }

    /// The version of a key, and whether the forwarding table refused it; tombstones have one too.
    #[must_use]
    pub fn version(&self, process: ProcessId, key: &[u8]) -> Option<(Version, bool)> {
        let row = self.channels.get(&process)?.table.row(key)?;
        Some((row.version(), row.failed()))
    }
}
