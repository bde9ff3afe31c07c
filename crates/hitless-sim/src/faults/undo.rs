//! What a fault is undone by, and when.

use std::collections::BTreeMap;

use hitless_proto::ids::{CardId, Party, ProcessId, Time, UnitId};

use crate::world::World;

/// Half a period of a link that flaps at 10 Hz.
const FLAP: u64 = 50_000;

/// Undoes one fault.
#[derive(Clone, Copy, Debug)]
pub(super) enum Undo {
    Restart(Party),
    Thaw(Party),
    Mend(Party, Party),
    /// Mends, or cuts again: so many times more.
    Flap(Party, Party, u64),
    Release(Party, Party),
    Disk(Party),
    Table(CardId, ProcessId),
    Acks(CardId, UnitId),
    Arbiter,
}

/// What is to be undone, by time.
#[derive(Debug, Default)]
pub(super) struct Undoing {
    planned: u64,
    calendar: BTreeMap<(Time, u64), Undo>,
}

impl Undoing {
    pub(super) fn plan(&mut self, at: Time, undo: Undo) {
        self.planned += 1;
        self.calendar.insert((at, self.planned), undo);
    }

    /// Undoes what is due.
    pub(super) fn tick(&mut self, world: &mut World) {
        while let Some(entry) = self.calendar.first_entry() {
            if entry.key().0 > world.now() {
                break;
            }
            let undo = entry.remove();
            if let Undo::Flap(a, b, left) = undo {
                self.flap(world, (a, b), left);
            } else {
                restore(world, undo);
            }
        }
    }

    fn flap(&mut self, world: &mut World, (a, b): (Party, Party), left: u64) {
        if left.is_multiple_of(2) {
            world.mend(a, b)
        } else {
            world.cut(a, b)
        }
        if left > 0 {
            self.plan(world.now().after(FLAP), Undo::Flap(a, b, left - 1));
        }
    }
}

fn restore(world: &mut World, undo: Undo) {
    match undo {
        Undo::Restart(party) => {
            if !world.hosts.get(&party).is_some_and(|host| host.alive()) {
                world.restart(party);
            }
        }
        Undo::Thaw(party) => world.thaw(party),
        Undo::Mend(a, b) | Undo::Flap(a, b, _) => world.mend(a, b),
        Undo::Release(a, b) => world.release_link(a, b),
        Undo::Disk(party) => {
            if let Some(disk) = world.disk_mut(party) {
                (disk.failing, disk.slow) = (false, 1);
            }
        }
        Undo::Table(card, process) => {
            if let Some(table) = world.table_mut(card, process) {
                table.failing.clear();
                (table.limit, table.slow, table.stuck) = (None, 1, false);
            }
        }
        Undo::Acks(card, unit) => world.pass_acks(card, unit),
        Undo::Arbiter => world.set_arbiter_down(false),
    }
}
