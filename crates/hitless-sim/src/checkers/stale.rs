//! A stale primary completes nothing: who has not opened its epoch tells nothing to be safe, and who was superseded tells
//! nothing to be safe that its successor does not have.

use std::collections::BTreeMap;

use hitless_proto::ControlUnit;
use hitless_proto::ids::{Epoch, Party, ProcessId, Seq, UnitId};
use hitless_proto::io::{Event, Role};

use super::{Checker, Scene, Seen};
use crate::world::World;

#[derive(Default)]
pub(super) struct Stale {
    told: BTreeMap<(UnitId, ProcessId), (Epoch, Seq)>,
}

/// Whether the successor has what is told to be safe: these ops of this epoch.
fn has_all(
    world: &World,
    (newest, successor): (Epoch, UnitId),
    process: ProcessId,
    (epoch, from, upto): (Epoch, Seq, Seq),
) -> Result<(), String> {
    // It may have lost the role since, or its life.
    let leads = |unit: &&ControlUnit| unit.progress(process).is_some_and(|of| of.leads && of.epoch == newest);
    let Some(unit) = world.unit(successor).filter(leads) else { return Ok(()) };
    for op in world.oracle().issued(process, epoch, (from, upto)) {
        let key = &op.change.key;
        let held = unit.entry(process, key).map(|(_, content)| content);
        world.oracle().admits(process, key, held.as_ref()).map_err(|what| {
            format!(
                "{process} {} of {key:?} is told to be safe after {successor} took over: {what}",
                op.version
            )
        })?;
    }
    Ok(())
}

impl Checker for Stale {
    fn property(&self) -> &'static str {
        "a stale primary completes nothing"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Event { party: Party::Unit(id), event: Event::Completed { process, safe, .. } } = seen
        else {
            return Ok(());
        };
        if scene.world.role(*id) == Some(Role::TakingOver) {
            return Err(format!("{id} tells {safe} of {process} to be safe, and has not opened its epoch"));
        }
        let epoch = scene.world.epochs.get(id).copied().unwrap_or_default();
        let told = self.told.entry((*id, *process)).or_default();
        let from = if told.0 == epoch { told.1 } else { Seq(0) };
        *told = (epoch, *safe);
        match scene.past.newest_opened() {
            Some((newest, successor)) if newest > epoch => {
                has_all(scene.world, (newest, successor), *process, (epoch, from, *safe))
            }
            Some(_) | None => Ok(()),
        }
    }
}
