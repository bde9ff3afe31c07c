//! Disks and forwarding tables that misbehave.

use hitless_proto::entry::Blob;

use super::undo::Undo;
use super::{Chaos, Fault};
use crate::coverage::{Row, Victim};
use crate::world::World;

impl Chaos {
    pub(super) fn strike_disk(&mut self, world: &mut World, fault: Fault) -> bool {
        let Some(party) = self.random_party(world) else { return false };
        let slow = self.random.between(10, 200);
        let Some(disk) = world.disk_mut(party) else { return false };
        if fault == Fault::DiskFails {
            disk.failing = true;
        } else if fault == Fault::DiskFull {
            disk.full = true;
        } else {
            disk.slow = slow;
        }
        self.later(world, (10_000, 2_000_000), Undo::Disk(party));
        true
    }

    pub(super) fn strike_table(&mut self, world: &mut World, fault: Fault) -> bool {
        let card = self.random.pick(world.cards());
        let process = self.random.pick(world.processes());
        let (Some(card), Some(process)) = (card, process) else { return false };
        let keys: Vec<Blob> = world.oracle.keys(process).cloned().collect();
        let slow = self.random.between(10, 300);
        let failing: Vec<Blob> = keys.into_iter().filter(|_| self.random.one_in(5)).collect();
        let room = self.random.below(6) as usize;
        let Some(table) = world.table_mut(card, process) else { return false };
        if fault == Fault::TableSlow {
            table.slow = slow;
            world.hit_as(Row::CardSlow, Victim::Card);
        } else if fault == Fault::TableStuck {
            table.stuck = true;
        } else if fault == Fault::KeyFails {
            table.failing.extend(failing);
        } else {
            table.limit = Some(table.entries().len() + room);
        }
        self.later(world, (10_000, 4_000_000), Undo::Table(card, process));
        true
    }
}
