//! A planned switchover replays zero bytes.

use hitless_proto::io::Event;
use hitless_proto::report::Method;

use super::{Checker, Seen};
use crate::world::World;

pub(super) struct ZeroReplay;

impl Checker for ZeroReplay {
    fn property(&self) -> &'static str {
        "a planned switchover replays zero bytes"
    }

    fn see(&mut self, _world: &World, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Event { event: Event::Takeover(report), .. } = seen else { return Ok(()) };
        let replays = |channel: &&hitless_proto::report::ChannelReport| {
            channel.method == Method::Replay && channel.bytes + channel.replayed > 0
        };
        match report.channels.iter().filter(|_| report.planned).find(replays) {
            Some(channel) => Err(format!("{channel:?}")),
            None => Ok(()),
        }
    }
}
