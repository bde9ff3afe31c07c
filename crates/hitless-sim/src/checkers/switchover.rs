//! A planned switchover replays zero bytes.

use std::collections::BTreeSet;

use hitless_proto::ids::{CardId, Party, ProcessId, UnitId};
use hitless_proto::io::Event;
use hitless_proto::message::{Message, ToStandby, UnitMessage};
use hitless_proto::report::Method;
use hitless_proto::status::ChannelState;

use super::{Checker, Scene, Seen};
use crate::world::World;

/// A card that was not in step when the role was handed over may have missed something.
#[derive(Default)]
pub(super) struct ZeroReplay {
    /// The channels that were in step when the last consent was given.
    in_step: BTreeSet<(ProcessId, CardId)>,
}

fn channels_in_step(world: &World, unit: UnitId) -> BTreeSet<(ProcessId, CardId)> {
    let channels = world.unit_status(unit).into_iter().flat_map(|status| status.channels);
    let in_step = channels.filter(|channel| channel.state == ChannelState::InStep);
    let cards = in_step.filter_map(|channel| match channel.follower {
        Party::Card(card) => Some((channel.process, card)),
        Party::Unit(_) => None,
    });
    cards.collect()
}

impl Checker for ZeroReplay {
    fn property(&self) -> &'static str {
        "a planned switchover replays zero bytes"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Sent {
            from: Party::Unit(unit),
            message: Message::Unit(UnitMessage::Primary(ToStandby::HandOver(_))),
            ..
        } = seen
        {
            self.in_step = channels_in_step(scene.world, *unit);
        }
        let Seen::Event { event: Event::Takeover(report), .. } = seen else { return Ok(()) };
        let replays = |channel: &&hitless_proto::report::ChannelReport| {
            self.in_step.contains(&(channel.process, channel.card))
                && channel.method == Method::Replay
                && channel.bytes + channel.replayed > 0
        };
        match report.channels.iter().filter(|_| report.planned).find(replays) {
            Some(channel) => Err(format!("{channel:?}")),
            None => Ok(()),
        }
    }
}
