//! Processes without doubt are not touched: on a channel with nothing in doubt a takeover sends and writes nothing. What sources
//! name, orphans that are adopted, and refusals that are tried again go on.

use hitless_proto::entry::Origin;
use hitless_proto::ids::Party;

use super::{Checker, Scene, Seen};

pub(super) struct Untouched;

impl Checker for Untouched {
    fn property(&self) -> &'static str {
        "processes without doubt are not touched"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Apply { party: Party::Card(card), process, writes } = seen else { return Ok(()) };
        let active = scene.past.plans.of(*card, *process).filter(|of| of.is_clean());
        let Some(active) = active.filter(|_| !scene.world.writes_again(*card, *process, writes)) else {
            return Ok(());
        };
        let allowed = |origin: &Origin| match origin {
            Origin::Source | Origin::Adopt | Origin::Retry => true,
            Origin::Replay | Origin::Repair => false,
        };
        let touched = writes.iter().find(|write| !active.sent.get(&write.key).is_some_and(allowed));
        touched.map_or(Ok(()), |write| {
            Err(format!("{card} {process} had nothing in doubt, and is given {write:?}"))
        })
    }
}
