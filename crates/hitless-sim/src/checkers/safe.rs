//! `safe` survives: what a source was told to be safe is there at every later primary, unless something newer is.
//! With it: entries map to issued ops, and deleted keys never come back.

use hitless_proto::entry::Blob;
use hitless_proto::ids::{Party, ProcessId, UnitId};
use hitless_proto::io::Event;

use super::{Checker, Scene, Seen};
use crate::world::World;

/// Checked when a takeover is over, and whenever the runner asks for it.
pub(super) struct Safe;

impl Checker for Safe {
    fn property(&self) -> &'static str {
        "safe survives"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let world = scene.world;
        match seen {
            Seen::Event { party: Party::Unit(unit), event: Event::Takeover(report) } => {
                // One that was superseded before its last card was verified speaks of the past.
                let superseded = world.epochs.values().any(|epoch| *epoch > report.epoch);
                if superseded { Ok(()) } else { check(world, *unit) }
            }
            Seen::Started { .. }
            | Seen::Sent { .. }
            | Seen::Delivered { .. }
            | Seen::Apply { .. }
            | Seen::Applied { .. }
            | Seen::Event { .. }
            | Seen::Asked { .. }
            | Seen::Healed
            | Seen::Issued { .. }
            | Seen::Held { .. }
            | Seen::Stepped { .. } => Ok(()),
        }
    }
}

/// Compares all that a primary holds with what sources were told.
pub(crate) fn check(world: &World, unit: UnitId) -> Result<(), String> {
    for process in world.processes() {
        let held = world.held(unit, *process);
        for key in world.oracle.keys(*process) {
            one(world, (unit, *process), key, held.get(key).map(|(_, content)| content))?;
        }
        for (key, (_, content)) in &held {
            one(world, (unit, *process), key, Some(content))?;
        }
    }
    Ok(())
}

fn one(
    world: &World,
    (unit, process): (UnitId, ProcessId),
    key: &Blob,
    held: Option<&hitless_proto::entry::Content>,
) -> Result<(), String> {
    world.oracle.admits(process, key, held).map_err(|what| format!("{unit}, {process}, key {key:?}: {what}"))
}
