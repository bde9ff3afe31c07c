//! stable <= folded <= received <= issued, across parties; safe <= programmed <= issued; what a source was told never goes
//! back within an epoch; and the invariants of every party.

use std::collections::BTreeMap;

use hitless_proto::ControlUnit;
use hitless_proto::ids::{Epoch, Life, Party, ProcessId, Seq, UnitId};
use hitless_proto::io::{Event, Role};

use super::{Checker, Scene, Seen};

#[derive(Default)]
pub(super) struct Watermarks {
    told: BTreeMap<(Party, Life, ProcessId), (Epoch, Seq, Seq)>,
}

fn unit_stands(scene: &Scene<'_>, (id, unit): (UnitId, &ControlUnit)) -> Result<(), String> {
    unit.invariants().map_err(|rule| format!("{id}: {rule}"))?;
    let role = unit.role();
    for process in scene.world.processes() {
        let Some(of) = unit.progress(*process) else { continue };
        let issued = scene.past.issued(*process, of.epoch);
        let good = match role {
            Role::Primary | Role::HandingOver | Role::TakingOver => of.stable <= of.received.seq,
            // One that is caught up by tail is told what is stable before it has received it.
            Role::Standby => of.stable <= of.folded && of.received.seq <= issued,
            Role::Joining => true,
        };
        if !good || of.folded > of.received.seq {
            return Err(format!("{id} ({role:?}) {process}: {of:?}, issued {issued}"));
        }
    }
    Ok(())
}

fn card_stands(scene: &Scene<'_>, card: &hitless_proto::Card) -> Result<(), String> {
    card.invariants().map_err(String::from)?;
    for process in scene.world.processes() {
        let Some(of) = card.progress(*process) else { continue };
        let issued = scene.past.issued(*process, of.epoch);
        if of.applied.seq > issued {
            return Err(format!("{process}: applied {}, issued {issued}", of.applied));
        }
    }
    Ok(())
}

impl Watermarks {
    fn completed(
        &mut self,
        scene: &Scene<'_>,
        (unit, process): (UnitId, ProcessId),
        (programmed, safe): (Seq, Seq),
    ) -> Result<(), String> {
        let party = Party::Unit(unit);
        let epoch = scene.world.epochs.get(&unit).copied().unwrap_or_default();
        let told = self.told.entry((party, scene.world.life(party), process)).or_default();
        let back = told.0 == epoch && (programmed < told.1 || safe < told.2);
        if safe > programmed || back {
            return Err(format!("{unit} {process}: {programmed}, safe {safe} after {told:?}"));
        }
        *told = (epoch, programmed, safe);
        Ok(())
    }
}

impl Checker for Watermarks {
    fn property(&self) -> &'static str {
        "stable <= folded <= received <= issued"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Event {
            party: Party::Unit(unit),
            event: Event::Completed { process, programmed, safe },
        } = seen
        {
            return self.completed(scene, (*unit, *process), (*programmed, *safe));
        }
        let Seen::Stepped { party } = seen else { return Ok(()) };
        match party {
            Party::Unit(id) => scene.world.unit(*id).map_or(Ok(()), |unit| unit_stands(scene, (*id, unit))),
            Party::Card(id) => {
                let stands = scene.world.card(*id).map_or(Ok(()), |card| card_stands(scene, card));
                stands.map_err(|what| format!("{id} {what}"))
            }
        }
    }
}
