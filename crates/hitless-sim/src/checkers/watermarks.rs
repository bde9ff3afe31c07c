//! folded <= received; safe <= programmed <= issued; what a source was told never goes back within an epoch.

use std::collections::BTreeMap;

use hitless_proto::ids::{Epoch, Life, Party, ProcessId, Seq};
use hitless_proto::io::Event;

use super::{Checker, Seen};
use crate::world::World;

#[derive(Default)]
pub(super) struct Watermarks {
    told: BTreeMap<(Party, Life, ProcessId), (Epoch, Seq, Seq)>,
}

impl Checker for Watermarks {
    fn property(&self) -> &'static str {
        "watermarks are in order and rise"
    }

    fn see(&mut self, world: &World, seen: &Seen<'_>) -> Result<(), String> {
        match seen {
            Seen::Event {
                party: Party::Unit(unit),
                event: Event::Completed { process, programmed, safe },
            } => {
                let party = Party::Unit(*unit);
                let epoch = world.epochs.get(unit).copied().unwrap_or_default();
                let told = self.told.entry((party, world.hosts[&party].life, *process)).or_default();
                let back = told.0 == epoch && (*programmed < told.1 || *safe < told.2);
                if safe > programmed || back {
                    return Err(format!("{unit} {process}: {programmed}, safe {safe} after {told:?}"));
                }
                *told = (epoch, *programmed, *safe);
                Ok(())
            }
            Seen::Stepped { party: Party::Unit(unit) } => {
                world.unit(*unit).map_or(Ok(()), |unit| unit.invariants().map_err(String::from))
            }
            Seen::Stepped { party: Party::Card(card) } => {
                world.card(*card).map_or(Ok(()), |card| card.invariants().map_err(String::from))
            }
            Seen::Started { .. }
            | Seen::Sent { .. }
            | Seen::Delivered { .. }
            | Seen::Apply { .. }
            | Seen::Applied { .. }
            | Seen::Event { .. } => Ok(()),
        }
    }
}
