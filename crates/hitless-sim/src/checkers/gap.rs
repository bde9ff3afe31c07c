//! No forwarding gap: nothing is taken out of a forwarding table that is installed there and was not withdrawn. A replace that
//! passed through absence would be such a delete.

use hitless_proto::ids::{Party, Seq, Version};

use super::{Checker, Scene, Seen};

pub(super) struct Gap;

impl Checker for Gap {
    fn property(&self) -> &'static str {
        "no forwarding gap"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Apply { party: Party::Card(card), process, writes } = seen else { return Ok(()) };
        let epoch = scene.world.card(*card).map(|card| card.promised().0).unwrap_or_default();
        let gap = writes.iter().filter(|write| write.part.is_none()).find(|write| {
            // What became safe after the delete was issued, in this epoch or in one that the card's owner knows nothing of, comes
            // behind it, or not by this owner.
            let issued = scene.past.deleting(*card, *process, &write.key);
            let issued = issued.unwrap_or(Version { epoch, seq: Seq(u64::MAX) });
            let held = scene.world.mirrored(*card, *process, &write.key);
            held.is_some_and(|(version, _, _)| {
                !scene.world.oracle().may_be_taken(*process, &write.key, (*card, version, issued))
            })
        });
        gap.map_or(Ok(()), |write| Err(format!("{card} deletes {:?}, which nobody withdrew", write.key)))
    }
}
