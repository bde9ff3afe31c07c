//! What the primary says of itself: status, how far it has come, what it holds.

use super::Primary;
use super::feed::Feed;
use crate::arbiter::Record;
use crate::ids::{Party, ProcessId};
use crate::log::Log;
use crate::status::{ChannelState, ChannelStatus, ProcessStatus, Progress};
use crate::table::Table;

impl Primary {
    pub(crate) fn process_status(&self) -> impl Iterator<Item = ProcessStatus> {
        self.streams.values().map(|stream| ProcessStatus {
            process: stream.process,
            entries: stream.table.entries(),
            received: stream.issued(),
            folded: stream.issued(),
            pending: stream.issued().seq.0.saturating_sub(stream.programmed.0),
            programmed: stream.programmed,
            safe: stream.safe,
            stable: stream.stable,
            digest: stream.table.unit_sum(0, 0),
        })
    }

    pub(crate) fn channel_status(&self) -> impl Iterator<Item = ChannelStatus> {
        let feeds =
            self.streams.values().flat_map(|stream| stream.feeds.values().map(move |feed| (stream, feed)));
        feeds.map(|(stream, feed)| ChannelStatus {
            process: stream.process,
            follower: feed.party,
            state: feed.channel_state(),
            acked: feed.acked,
            in_flight: feed.in_flight(),
            failed: match feed.party {
                Party::Card(card) => stream.failures.count(card),
                Party::Unit(_) => 0,
            },
        })
    }

    pub(crate) fn progress(&self, process: ProcessId) -> Option<Progress> {
        let stream = self.streams.get(&process)?;
        Some(Progress {
            leads: true,
            epoch: self.epoch,
            session: 0,
            received: stream.issued(),
            folded: stream.issued().seq,
            stable: stream.stable,
            programmed: stream.programmed,
            safe: stream.safe,
            log_from: stream.log.from(),
            in_flight: stream.feeds.values().map(Feed::in_flight).max().unwrap_or_default(),
            nacks: 0,
        })
    }

    pub(crate) fn log(&self, process: ProcessId) -> Option<&Log> {
        self.streams.get(&process).map(|stream| &stream.log)
    }

    pub(crate) fn channel_state(&self, process: ProcessId, follower: Party) -> Option<ChannelState> {
        Some(self.streams.get(&process)?.feeds.get(&follower)?.channel_state())
    }

    pub(crate) fn records(&self) -> (&Record, Option<&Record>) {
        (&self.record, self.writing.as_ref())
    }

    pub(crate) fn table(&self, process: ProcessId) -> Option<&Table> {
        self.streams.get(&process).map(|stream| &stream.table)
    }
}
