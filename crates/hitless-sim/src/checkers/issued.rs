//! Every entry on a card maps to an issued op, byte by byte: nothing is written into a forwarding table that no source ever
//! asked for under this key.

use hitless_proto::ids::Party;

use super::{Checker, Scene, Seen};

pub(super) struct Issued;

impl Checker for Issued {
    fn property(&self) -> &'static str {
        "every entry on a card maps to an issued op"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Apply { party: Party::Card(card), process, writes } = seen else { return Ok(()) };
        let oracle = scene.world.oracle();
        let strange = writes
            .iter()
            .find(|write| write.part.as_ref().is_some_and(|part| !oracle.asked(*process, &write.key, part)));
        strange.map_or(Ok(()), |write| {
            Err(format!("{card} {process} writes {write:?}, which no source asked for"))
        })
    }
}
