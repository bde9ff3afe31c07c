//! No forwarding gap: nothing is taken out of a forwarding table that no source ever wanted out of it.

use hitless_proto::ids::Party;

use super::{Checker, Seen};
use crate::world::World;

pub(super) struct Gap;

impl Checker for Gap {
    fn property(&self) -> &'static str {
        "no forwarding gap"
    }

    fn see(&mut self, world: &World, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Apply { party: Party::Card(card), process, writes } = seen else { return Ok(()) };
        let gap = writes
            .iter()
            .find(|write| write.part.is_none() && !world.oracle.may_be_absent(*process, &write.key, *card));
        gap.map_or(Ok(()), |write| Err(format!("{card} deletes {:?}, which nobody withdrew", write.key)))
    }
}
