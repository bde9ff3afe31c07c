//! The external arbiter: down, slow, or losing what it is asked.

use super::undo::Undo;
use super::{Chaos, Fault};
use crate::coverage::{Row, Victim};
use crate::world::World;

impl Chaos {
    pub(super) fn strike_arbiter(&mut self, world: &mut World, fault: Fault) -> bool {
        if !world.has_external_arbiter() {
            return false;
        }
        if fault == Fault::ArbiterDown {
            world.set_arbiter_down(true);
            world.hit_as(Row::ArbiterDown, Victim::Chassis);
        } else if fault == Fault::ArbiterSlow {
            world.set_arbiter_slow(self.random.between(10, 300));
            world.hit_as(Row::ArbiterSlow, Victim::Chassis);
        } else {
            world.set_arbiter_lossy(self.random.between(1, 4));
        }
        self.later(world, (10_000, 2_000_000), Undo::Arbiter);
        true
    }
}
