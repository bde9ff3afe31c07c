//! Queues that are full: the window of a channel is used up.

use std::collections::BTreeSet;

use hitless_proto::ids::{Party, ProcessId};
use hitless_proto::limits::{BATCH_BYTES, WINDOW_BYTES};
use hitless_proto::status::ChannelStatus;

use super::Row;
use crate::world::World;

/// Less room than one batch: the next one waits.
const FULL: u64 = WINDOW_BYTES - BATCH_BYTES as u64;

/// Counts the followers of the primary whose windows are used up.
pub(crate) fn count(world: &mut World) {
    let Some(primary) = world.primary() else { return };
    let channels = world.unit_status(primary).unwrap_or_default().channels;
    let (full, flowing): (Vec<&ChannelStatus>, Vec<&ChannelStatus>) =
        channels.iter().partition(|channel| channel.in_flight >= FULL);
    let flowing: BTreeSet<ProcessId> = flowing.into_iter().map(|channel| channel.process).collect();
    for channel in full {
        if flowing.contains(&channel.process) {
            world.hit(Row::FullSocket, channel.follower);
        }
        if works(world, channel) {
            world.hit(Row::QueueFull, channel.follower);
        }
    }
}

/// What was sent has arrived: it waits for the forwarding table of a card, or at a standby for acks.
fn works(world: &World, channel: &ChannelStatus) -> bool {
    match channel.follower {
        Party::Card(card) => {
            let channels = world.card_status(card).unwrap_or_default().channels;
            channels.iter().any(|of| of.process == channel.process && of.queued > 0)
        }
        Party::Unit(_) => false,
    }
}
