//! Replay covers every differing key: where a takeover goes by acks, what the card forwards and what the new primary wants
//! differ in nothing that the plan does not name.

use hitless_proto::ControlUnit;
use hitless_proto::entry::Blob;
use hitless_proto::ids::{Party, UnitId};
use hitless_proto::io::Event;
use hitless_proto::plan::ChannelPlan;
use hitless_proto::report::Method;

use super::{Checker, Scene, Seen};

pub(super) struct Covers;

fn uncovered(scene: &Scene<'_>, (id, unit): (UnitId, &ControlUnit), plan: &ChannelPlan) -> Option<Blob> {
    let (world, process) = (scene.world, plan.process);
    let (card, table) = (world.card(plan.card)?, world.table(plan.card, process)?);
    let epoch = unit.progress(process)?.epoch;
    // It may have restarted since it promised; and the link with its former life is dead, though that may not be seen yet.
    if unit.life_of(Party::Card(plan.card)) != Some(world.life(Party::Card(plan.card))) {
        return None;
    }
    scene.past.plans.answered(plan.card, process, epoch).filter(|_| card.promised() == (epoch, id))?;
    let wanted = world.wanted(id, plan.card, process);
    let mut keys = table.entries().keys().chain(wanted.keys());
    let covered = |key: &Blob| {
        let new = unit.version(process, key).is_some_and(|version| version.epoch == epoch);
        let refused = card.version(process, key).is_some_and(|held| held.1);
        let astray = table.tampered().contains(key);
        new || refused || astray || plan.replay.contains(key) || plan.adopt.iter().any(|op| op.key == *key)
    };
    keys.find(|key| wanted.get(*key) != table.entries().get(*key) && !covered(key)).cloned()
}

impl Checker for Covers {
    fn property(&self) -> &'static str {
        "replay covers every differing key"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Event { party: Party::Unit(id), event: Event::Planned(plan) } = seen else { return Ok(()) };
        if plan.method == Method::Reconcile || plan.whole {
            return Ok(());
        }
        let Some(unit) = scene.world.unit(*id) else { return Ok(()) };
        match uncovered(scene, (*id, unit), plan) {
            Some(key) => {
                Err(format!("{} {}: {key:?} differs, and {id} plans {plan:?}", plan.card, plan.process))
            }
            None => Ok(()),
        }
    }
}
