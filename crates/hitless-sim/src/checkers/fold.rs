//! Fold implies that the update is held, and was acked by its whole audience: the cards in step, as the standby was told;
//! or that it is stable.

use std::collections::BTreeMap;

use hitless_proto::ControlUnit;
use hitless_proto::ids::{Epoch, Party, ProcessId, Seq, UnitId};
use hitless_proto::message::{Message, Roster, ToStandby, UnitMessage};
use hitless_proto::status::Progress;

use super::{Checker, Scene, Seen};

#[derive(Default)]
pub(super) struct Fold {
    /// Whose acks are waited for, as each unit was told last.
    rosters: BTreeMap<UnitId, Roster>,
    /// Up to where each process was told in an epoch that its ops are stable.
    stable: BTreeMap<(UnitId, ProcessId), (Epoch, Seq)>,
    /// How far each process had come, in which beginning of its stream.
    folded: BTreeMap<(UnitId, ProcessId), ((Epoch, u32), Seq)>,
}

impl Fold {
    fn stepped(&mut self, scene: &Scene<'_>, (id, unit): (UnitId, &ControlUnit)) -> Result<(), String> {
        for process in scene.world.processes() {
            let Some(progress) = unit.progress(*process) else { continue };
            let now = ((progress.epoch, progress.session), progress.folded);
            let before = self.folded.insert((id, *process), now);
            // What a new beginning rolls forward is not folded by acks.
            let Some(before) = before.filter(|before| before.0 == now.0 && !progress.leads) else { continue };
            if progress.folded > progress.received.seq {
                return Err(format!(
                    "{id} {process} folded {}: received {}",
                    progress.folded, progress.received
                ));
            }
            for seq in before.1.0 + 1..=now.1.0 {
                self.folded_one(scene, (id, unit), (*process, Seq(seq), progress))?;
            }
        }
        Ok(())
    }

    fn folded_one(
        &self,
        scene: &Scene<'_>,
        (id, unit): (UnitId, &ControlUnit),
        (process, seq, progress): (ProcessId, Seq, Progress),
    ) -> Result<(), String> {
        let stable = self
            .stable
            .get(&(id, process))
            .filter(|told| told.0 == progress.epoch)
            .map_or(Seq(0), |told| told.1);
        let Some(update) = unit.logged(process, seq).filter(|_| seq > stable) else { return Ok(()) };
        let Some(roster) = self.rosters.get(&id).filter(|roster| roster.epoch == progress.epoch) else {
            return Err(format!("{id} {process} folded {seq}, and was not told of any card"));
        };
        let waits = |card| roster.in_step.iter().any(|of| (of.0, of.1) == (process, card));
        let acked = |card| scene.past.acked(card, process) >= (progress.epoch, seq);
        let cards = scene.world.cards().iter().copied();
        let early = cards.into_iter().find(|card| update.to.contains(*card) && waits(*card) && !acked(*card));
        early.map_or(Ok(()), |card| Err(format!("{id} {process} folded {seq}: {card} did not ack it")))
    }
}

impl Checker for Fold {
    fn property(&self) -> &'static str {
        "fold implies update held and acked"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Started { party: Party::Unit(unit) } = seen {
            self.rosters.remove(unit);
            self.folded.retain(|(of, _), _| of != unit);
            self.stable.retain(|(of, _), _| of != unit);
        }
        if let Seen::Delivered {
            to: Party::Unit(unit),
            message: Message::Unit(UnitMessage::Primary(ToStandby::Roster(roster))),
        } = seen
            && self.rosters.get(unit).is_none_or(|known| known.epoch <= roster.epoch)
        {
            self.rosters.insert(*unit, roster.clone());
        }
        if let Seen::Delivered {
            to: Party::Unit(unit),
            message: Message::Unit(UnitMessage::Primary(ToStandby::Ops(ops))),
        } = seen
        {
            let stable = self.stable.entry((*unit, ops.process)).or_default();
            *stable = (*stable).max((ops.epoch, ops.stable));
        }
        let Seen::Stepped { party: Party::Unit(id) } = seen else { return Ok(()) };
        scene.world.unit(*id).map_or(Ok(()), |unit| self.stepped(scene, (*id, unit)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::past::Past;
    use super::*;
    use crate::world::World;
    use hitless_proto::process::table;

    #[test]
    fn a_fold_before_the_ack_is_seen() {
        let mut world = World::builder().build();
        world.run_until(World::is_whole).unwrap();
        world.submit(table::ID, table::put(b"key", b"value", b"")).unwrap();
        world.run_until(World::all_safe).unwrap();
        world.run_for(1_000_000).unwrap();
        let standby = *world.units().iter().find(|unit| Some(**unit) != world.primary()).unwrap();
        let unit = world.unit(standby).unwrap();
        let progress = unit.progress(table::ID).unwrap();
        assert!(progress.folded > Seq(0));

        let in_step = vec![(table::ID, world.cards()[0], world.life(Party::Card(world.cards()[0])))];
        let roster = Roster { epoch: progress.epoch, in_step, in_sync: Vec::new() };
        let mut fold = Fold::default();
        fold.rosters.insert(standby, roster);
        fold.folded.insert((standby, table::ID), ((progress.epoch, progress.session), Seq(0)));
        // Here no card is known to have acked anything.
        let scene = Scene { world: &world, past: &Past::default() };
        assert!(fold.stepped(&scene, (standby, unit)).is_err());
    }
}
