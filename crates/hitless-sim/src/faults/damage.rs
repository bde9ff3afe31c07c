//! What is not as it seems: bits that flip, acks that come again, clocks that jump, tables that say yes and do something
//! else.

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Party, ProcessId};
use hitless_proto::process::fib::{self, FibKey};

use super::undo::Undo;
use super::{Chaos, Fault};
use crate::coverage::{Row, Victim};
use crate::world::World;

/// A clock jumps so far, in microseconds: an hour.
const JUMP: u64 = 3_600_000_000;
/// Writes of a forwarding table that come to nothing.
const WRITES: (u64, u64) = (1, 20);
/// When whoever watches a forwarding table finds out, in microseconds.
const FOUND: (u64, u64) = (1_000, 2_000_000);
/// How often an interface goes down and up.
const FLAPS: (u64, u64) = (1, 5);

impl Chaos {
    pub(super) fn flip_bit(&mut self, world: &mut World) -> bool {
        let (Some(a), Some(b)) = (self.important_party(world), self.random_party(world)) else {
            return false;
        };
        if self.random.one_in(2) { world.flip_bit(a, b) } else { world.flip_bit(b, a) }
    }

    pub(super) fn dial_twice(&mut self, world: &mut World) -> bool {
        let (Some(a), Some(b)) = (self.important_party(world), self.random_party(world)) else {
            return false;
        };
        if !world.is_linked(a, b) || !world.dial_twice(a, b) {
            return false;
        }
        world.hit(Row::TwoSessions, a);
        world.hit(Row::TwoSessions, b);
        true
    }

    pub(super) fn repeat_acks(&mut self, world: &mut World) -> bool {
        let mut repeated = false;
        for unit in world.units().to_vec() {
            let Some(card) = self.random.pick(world.cards()) else { return false };
            if world.repeat_ack(card, unit) {
                world.hit(Row::AckTwice, Party::Unit(unit));
                repeated = true;
            }
        }
        repeated
    }

    pub(super) fn jump_clock(&mut self, world: &mut World) -> bool {
        let Some(party) = self.important_party(world) else { return false };
        world.hit(Row::ClockJump, party);
        world.jump_clock(party, JUMP);
        true
    }

    pub(super) fn exhaust(&mut self, world: &mut World) -> bool {
        let Some(party) = self.important_party(world) else { return false };
        world.hit(Row::Exhausted, party);
        world.exhaust(party);
        self.later(world, (10_000, 2_000_000), Undo::Resources(party));
        true
    }

    /// A card that is no voter comes back without its promises.
    pub(super) fn lose_disk(&mut self, world: &mut World) -> bool {
        let Some(card) = self.random.pick(world.cards()) else { return false };
        if self.cards_live || world.lose_disk(Party::Card(card)).is_err() {
            return false;
        }
        self.later(world, (1_000, 3_000_000), Undo::Restart(Party::Card(card)));
        true
    }

    /// A card that never ran is added.
    pub(super) fn hot_add(&mut self, world: &mut World) -> bool {
        let added = world.cards().iter().copied().find(|card| world.never_ran(Party::Card(*card)));
        let Some(card) = added else { return false };
        world.restart(Party::Card(card));
        world.hit_as(Row::HotAdd, Victim::Card);
        true
    }

    /// A card is removed for good: one per run, and never the last.
    pub(super) fn hot_remove(&mut self, world: &mut World) -> bool {
        if self.cards_live || self.removed || world.cards().len() < 2 {
            return false;
        }
        let Some(card) = self.random.pick(world.cards()) else { return false };
        self.removed = world.retire(card).is_ok();
        if self.removed {
            world.hit_as(Row::HotRemove, Victim::Card);
        }
        self.removed
    }

    /// The forwarding table of some process on some card.
    fn some_table(&mut self, world: &World) -> Option<(CardId, ProcessId)> {
        Some((self.random.pick(world.cards())?, self.random.pick(world.processes())?))
    }

    fn found_later(&mut self, world: &mut World, (card, process): (CardId, ProcessId), row: Row) {
        self.later(world, FOUND, Undo::Audit(card, process, row));
    }

    /// The next writes say yes and do nothing, or something else.
    pub(super) fn lie(&mut self, world: &mut World, fault: Fault) -> bool {
        let Some((card, process)) = self.some_table(world) else { return false };
        let writes = self.random.between(WRITES.0, WRITES.1);
        if fault == Fault::LoseEffects {
            world.lose_effects(card, process, writes);
            self.found_later(world, (card, process), Row::AckEarly);
        } else {
            world.garble_effects(card, process, writes);
            self.found_later(world, (card, process), Row::ReadBackDiffers);
        }
        true
    }

    /// Somebody else changes, deletes or adds an entry.
    pub(super) fn edit(&mut self, world: &mut World) -> bool {
        let Some((card, process)) = self.some_table(world) else { return false };
        let keys: Vec<Blob> = world.oracle.keys(process).cloned().collect();
        let edits = self.random.between(1, 4);
        for _ in 0..edits {
            let at = self.random.below(keys.len() as u64) as usize;
            let Some(key) = keys.get(at) else { return false };
            let held = world.table(card, process).and_then(|table| table.entries().get(key)).cloned();
            let other = held.map(|part| Blob::new(&part.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>()));
            world.edit_table(card, process, key, other.filter(|_| self.random.one_in(2)));
        }
        self.found_later(world, (card, process), Row::ForeignEdit);
        true
    }

    /// A next hop that a card has, and its part.
    fn some_next_hop(&mut self, world: &mut World, card: CardId) -> Option<(Blob, Blob)> {
        let entries = world.table(card, fib::ID)?.entries();
        let is_next_hop = |key: &Blob| matches!(FibKey::decode(key), Ok(FibKey::NextHop(_)));
        let next_hops: Vec<&Blob> = entries.keys().filter(|key| is_next_hop(key)).collect();
        let key = self.random.pick(&next_hops)?;
        Some((key.clone(), entries.get(key)?.clone()))
    }

    /// The kernel deletes a next hop, and with it the routes that use it.
    pub(super) fn drop_dependants(&mut self, world: &mut World) -> bool {
        let Some(card) = self.random.pick(world.cards()) else { return false };
        let Some((key, _)) = self.some_next_hop(world, card) else { return false };
        world.edit_table(card, fib::ID, &key, None);
        self.found_later(world, (card, fib::ID), Row::DependantsDropped);
        true
    }

    /// The interface of a next hop goes down: the next hop and its routes are gone, and refused. Then it is up again.
    pub(super) fn flap_interface(&mut self, world: &mut World) -> bool {
        let Some(card) = self.random.pick(world.cards()) else { return false };
        let Some((key, _)) = self.some_next_hop(world, card) else { return false };
        let Some(table) = world.table_mut(card, fib::ID) else { return false };
        table.failing.insert(key.clone());
        world.edit_table(card, fib::ID, &key, None);
        world.audit_table(card, fib::ID);
        let times = self.random.between(FLAPS.0, FLAPS.1);
        self.later(world, (20_000, 300_000), Undo::Interface(card, key, times));
        true
    }
}
