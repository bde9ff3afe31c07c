//! No forwarding gap: nothing is taken out of a forwarding table that is installed there and was not withdrawn. A replace that
//! passed through absence would be such a delete.

use hitless_proto::ids::Party;

use super::{Checker, Scene, Seen};

pub(super) struct Gap;

impl Checker for Gap {
    fn property(&self) -> &'static str {
        "no forwarding gap"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Apply { party: Party::Card(card), process, writes } = seen else { return Ok(()) };
        // What is safe in an epoch that the card knows nothing of, its owner knows nothing of either.
        let epoch = scene.world.card(*card).map(|card| card.promised().0).unwrap_or_default();
        let gap = writes.iter().filter(|write| write.part.is_none()).find(|write| {
            let held = scene.world.mirrored(*card, *process, &write.key);
            held.is_some_and(|(version, _, _)| {
                !scene.world.oracle().may_be_taken(*process, &write.key, (*card, version, epoch))
            })
        });
        gap.map_or(Ok(()), |write| Err(format!("{card} deletes {:?}, which nobody withdrew", write.key)))
    }
}
