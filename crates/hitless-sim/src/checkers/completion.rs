//! What sources are told is so: `programmed` was acked by every card in step of the audience, and `safe` is held by every
//! standby of the record.

use std::collections::BTreeMap;

use hitless_proto::ControlUnit;
use hitless_proto::ids::{Epoch, Party, ProcessId, Seq, UnitId};
use hitless_proto::io::Event;
use hitless_proto::status::ChannelState;

use super::{Checker, Scene, Seen};

#[derive(Default)]
pub(super) struct Completion {
    /// The epoch, and the watermarks that were told in it: `programmed` and `safe`.
    told: BTreeMap<(UnitId, ProcessId), (Epoch, Seq, Seq)>,
}

/// Of the ops of this epoch after `from` up to `upto`: a card in step that did not ack one for it.
fn not_acked(
    scene: &Scene<'_>,
    unit: &ControlUnit,
    process: ProcessId,
    (epoch, from, upto): (Epoch, Seq, Seq),
) -> Option<String> {
    let in_step = scene
        .world
        .cards()
        .iter()
        .copied()
        .filter(|card| unit.channel_state(process, Party::Card(*card)) == Some(ChannelState::InStep));
    let in_step: Vec<_> = in_step.map(|card| (card, scene.past.acked(card, process))).collect();
    let ops = (from.0 + 1..=upto.0).rev().map_while(|seq| unit.logged(process, Seq(seq)));
    let mut ops = ops.take_while(|op| op.version.epoch == epoch);
    ops.find_map(|op| {
        let lacks = |card: &&(_, (Epoch, Seq))| op.to.contains(card.0) && card.1 < (epoch, op.version.seq);
        in_step
            .iter()
            .find(lacks)
            .map(|card| format!("{} is told to be programmed on {}", op.version, card.0))
    })
}

impl Checker for Completion {
    fn property(&self) -> &'static str {
        "what is told to be safe is held"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Event { party: Party::Unit(id), event: Event::Completed { process, programmed, safe } } =
            seen
        else {
            return Ok(());
        };
        let Some(unit) = scene.world.unit(*id) else { return Ok(()) };
        let Some(progress) = unit.progress(*process).filter(|progress| progress.leads) else { return Ok(()) };
        let told = self.told.entry((*id, *process)).or_default();
        let (_, from, safe_before) = Some(*told).filter(|told| told.0 == progress.epoch).unwrap_or_default();
        *told = (progress.epoch, *programmed, *safe);
        if let Some(what) = not_acked(scene, unit, *process, (progress.epoch, from, *programmed)) {
            return Err(format!("{id} {process}: {what}, which did not ack it"));
        }
        // What is told once more beside `programmed` is no new promise; that nothing is safe is none at all.
        if *safe == safe_before {
            return Ok(());
        }
        match scene.past.lacking(unit, (progress.epoch, *safe), *process) {
            Some(standby) => {
                Err(format!("{id} {process}: {safe} is told to be safe, and {standby} does not have it"))
            }
            None => Ok(()),
        }
    }
}
