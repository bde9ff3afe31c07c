//! One opened owner per epoch.

use std::collections::BTreeMap;

use hitless_proto::ids::{Epoch, Life, Party};

use super::{Checker, Seen};
use crate::world::World;

#[derive(Default)]
pub(super) struct OneOwner {
    owners: BTreeMap<Epoch, (Party, Life)>,
}

impl Checker for OneOwner {
    fn property(&self) -> &'static str {
        "one opened owner per epoch"
    }

    fn see(&mut self, world: &World, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Stepped { party: Party::Unit(unit) } = seen else { return Ok(()) };
        if !world.unit(*unit).is_some_and(hitless_proto::ControlUnit::is_primary) {
            return Ok(());
        }
        let me = (Party::Unit(*unit), world.hosts[&Party::Unit(*unit)].life);
        let Some(epoch) = world.epochs.get(unit) else { return Ok(()) };
        let owner = self.owners.entry(*epoch).or_insert(me);
        if *owner == me { Ok(()) } else { Err(format!("{epoch} is owned by {owner:?} and by {me:?}")) }
    }
}
