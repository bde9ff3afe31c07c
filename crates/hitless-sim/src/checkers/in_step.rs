//! In step means equal, key by key (L1, whenever a digest says so): the forwarding table is what the primary wants there, and
//! a standby holds what the primary does, but for ops that are on their way.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::ControlUnit;
use hitless_proto::entry::{Blob, Update};
use hitless_proto::ids::{CardId, Party, ProcessId, Seq, UnitId};
use hitless_proto::io::Event;

use super::{Checker, Scene, Seen};
use crate::world::World;

pub(super) struct InStep;

/// The ops that `unit` has logged after a position.
fn after(unit: &ControlUnit, process: ProcessId, seq: Seq) -> impl Iterator<Item = &Update> {
    let last = unit.progress(process).map_or(seq, |progress| progress.received.seq);
    (seq.0 + 1..=last.0).filter_map(move |seq| unit.logged(process, Seq(seq))).map(|update| &**update)
}

fn card_differs(
    world: &World,
    (id, unit): (UnitId, &ControlUnit),
    of: CardId,
    process: ProcessId,
) -> Option<String> {
    let (card, table) = (world.card(of)?, world.table(of, process)?);
    let epoch = unit.progress(process)?.epoch;
    let progress = card.progress(process).filter(|progress| progress.epoch == epoch)?;
    // It may have promised another meanwhile.
    (card.promised() == (epoch, id)).then_some(())?;
    let moving: BTreeSet<&Blob> = after(unit, process, progress.applied.seq).map(|op| &op.key).collect();
    let wanted = world.wanted(id, of, process);
    let mut keys = wanted.keys().chain(table.entries().keys());
    let refused = |key: &Blob| card.version(process, key).is_some_and(|held| held.1);
    let astray = table.tampered();
    let differs = |key: &&Blob| {
        let passed_over = moving.contains(*key) || astray.contains(*key) || refused(key);
        wanted.get(*key) != table.entries().get(*key) && !passed_over
    };
    let key = keys.find(differs)?;
    Some(format!(
        "{of} {process} {key:?}: wanted {:?}, forwards {:?}",
        wanted.get(key),
        table.entries().get(key)
    ))
}

fn unit_differs(
    world: &World,
    (id, unit): (UnitId, &ControlUnit),
    of: UnitId,
    process: ProcessId,
) -> Option<String> {
    let standby = world.unit(of)?;
    let progress = standby.progress(process).filter(|progress| !progress.leads)?;
    (progress.epoch == unit.progress(process)?.epoch).then_some(())?;
    let moving: BTreeSet<&Blob> = after(unit, process, progress.received.seq).map(|op| &op.key).collect();
    let mut theirs = world.held(of, process);
    let pending: BTreeMap<&Blob, &Update> =
        after(standby, process, progress.folded).map(|update| (&update.key, update)).collect();
    for (key, update) in pending {
        match &update.content {
            Some(content) => theirs.insert(key.clone(), (update.version, content.clone())),
            None => theirs.remove(key),
        };
    }
    let ours = world.held(id, process);
    let mut keys = ours.keys().chain(theirs.keys());
    let key = keys.find(|key| ours.get(*key) != theirs.get(*key) && !moving.contains(*key))?;
    Some(format!("{process} {key:?}: {id} holds {:?}, {of} {:?}", ours.get(key), theirs.get(key)))
}

impl Checker for InStep {
    fn property(&self) -> &'static str {
        "in step means equal"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Event { party: Party::Unit(id), event: Event::InStep { process, follower } } = seen else {
            return Ok(());
        };
        let Some(unit) = scene.world.unit(*id) else { return Ok(()) };
        let differs = match follower {
            Party::Card(card) => card_differs(scene.world, (*id, unit), *card, *process),
            Party::Unit(other) => unit_differs(scene.world, (*id, unit), *other, *process),
        };
        differs.map_or(Ok(()), Err)
    }
}
