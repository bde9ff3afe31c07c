//! A takeover replays what is in doubt, and nothing else.

use hitless_proto::io::Event;
use hitless_proto::report::Method;

use super::{Checker, Seen};
use crate::world::World;

pub(super) struct Narrow;

impl Checker for Narrow {
    fn property(&self) -> &'static str {
        "what is replayed was in doubt"
    }

    fn see(&mut self, _world: &World, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Event { event: Event::Takeover(report), .. } = seen else { return Ok(()) };
        let wide = report
            .channels
            .iter()
            .find(|channel| channel.method == Method::Replay && channel.replayed > channel.in_doubt);
        wide.map_or(Ok(()), |channel| Err(format!("{channel:?}")))
    }
}
