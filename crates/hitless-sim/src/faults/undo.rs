//! What a fault is undone by, and when.

use std::collections::BTreeMap;

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Party, ProcessId, Time, UnitId};
use hitless_proto::process::fib;

use crate::coverage::{Row, Victim};
use crate::world::World;

/// Half a period of a link that flaps at 10 Hz.
const FLAP: u64 = 50_000;
/// Between two things that are told of an interface, in microseconds.
const NEXT_NEWS: u64 = 100;

/// Undoes one fault.
#[derive(Clone, Debug)]
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
    Resources(Party),
    /// Whoever watches a forwarding table compares it: what was found counts as that row.
    Audit(CardId, ProcessId, Row),
    /// The interface of a next hop is up again: so many times more it goes down.
    Interface(CardId, Blob, u64),
    /// Something more about an interface that is up.
    Curable(CardId),
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
            self.undo(world, undo);
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

    /// The interface comes up, or goes down: the kernel takes the routes that use its next hop with it.
    fn interface(&mut self, world: &mut World, (card, key): (CardId, Blob), left: u64) {
        let up = left.is_multiple_of(2);
        if let Some(table) = world.table_mut(card, fib::ID) {
            if up {
                table.failing.remove(&key)
            } else {
                table.failing.insert(key.clone())
            };
        }
        if !up {
            world.edit_table(card, fib::ID, &key, None);
        }
        if world.audit_table(card, fib::ID) > 0 {
            world.hit_as(Row::InterfaceFlaps, Victim::Card);
        }
        if up {
            // Its state and its addresses are told one by one, the later ones while the card writes what it had refused.
            world.curable(card, fib::ID);
            self.plan(world.now().after(NEXT_NEWS), Undo::Curable(card));
        }
        if left > 0 {
            self.plan(world.now().after(FLAP), Undo::Interface(card, key, left - 1));
        }
    }

    fn undo(&mut self, world: &mut World, undo: Undo) {
        match undo {
            Undo::Restart(party) => {
                if !world.hosts.get(&party).is_some_and(|host| host.alive()) {
                    world.restart(party);
                }
            }
            Undo::Thaw(party) => world.thaw(party),
            Undo::Mend(a, b) => world.mend(a, b),
            Undo::Release(a, b) => world.release_link(a, b),
            Undo::Disk(party) => {
                if let Some(disk) = world.disk_mut(party) {
                    disk.heal();
                }
            }
            Undo::Table(card, process) => {
                if let Some(table) = world.table_mut(card, process) {
                    table.heal();
                }
            }
            Undo::Acks(card, unit) => world.pass_acks_anew(card, unit),
            Undo::Arbiter => world.arbiter.heal(),
            Undo::Resources(party) => world.relieve(party),
            Undo::Audit(card, process, row) => {
                if world.audit_table(card, process) > 0 {
                    world.hit_as(row, Victim::Card);
                }
            }
            Undo::Flap(a, b, left) => self.flap(world, (a, b), left),
            Undo::Curable(card) => world.curable(card, fib::ID),
            Undo::Interface(card, key, left) => self.interface(world, (card, key), left),
        }
    }
}
