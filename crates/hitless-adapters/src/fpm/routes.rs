//! Per route: what the core holds of it, what the view says of it, and whether the two must be looked at.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use super::MAX_ROUTES;
use super::message::RouteKey;
use super::objects::ObjectRef;

/// A route as the core holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeldRoute {
    pub(super) next_hop: u32,
    pub(super) metric: u32,
    /// Who wants it; `None`: not known, anybody.
    pub(super) protocol: Option<u8>,
    /// Position of the op that wrote it; [`UNDER_WAY`] until that is known.
    pub(super) op: u64,
}

/// The op was submitted, and its position has not been told.
pub(super) const UNDER_WAY: u64 = u64::MAX;

/// A route as the view has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) target: ObjectRef,
    pub(super) metric: u32,
    pub(super) protocol: u8,
    pub(super) scope: u8,
    pub(super) kind: u8,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub(super) held: Option<HeldRoute>,
    pub(super) wanted: Option<Wanted>,
    /// The view has spoken of it: where it does not want it, it is to go. Held and not named is stale.
    pub(super) named: bool,
    /// To be compared; it is in the queue.
    pub(super) dirty: bool,
    /// Where it goes has no id yet.
    pub(super) waiting: bool,
    /// Its answer is in the queue.
    pub(super) answer: bool,
}

impl Slot {
    fn is_idle(&self) -> bool {
        self.held.is_none() && self.wanted.is_none() && !self.dirty
    }

    fn tally(&self) -> Tally {
        Tally {
            wanted: u64::from(self.wanted.is_some()),
            held: u64::from(self.held.is_some()),
            unnamed: u64::from(self.held.is_some() && !self.named),
            waiting: u64::from(self.waiting && self.wanted.is_some()),
        }
    }
}

/// How many routes are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) wanted: u64,
    pub(super) held: u64,
    pub(super) unnamed: u64,
    pub(super) waiting: u64,
}

impl Tally {
    fn replace(&mut self, before: Self, after: Self) {
        self.wanted = self.wanted + after.wanted - before.wanted;
        self.held = self.held + after.held - before.held;
        self.unnamed = self.unnamed + after.unnamed - before.unnamed;
        self.waiting = self.waiting + after.waiting - before.waiting;
    }
}

/// All routes, and the queue of those to be compared: each is in it once, so it is bounded by their number.
#[derive(Debug, Default)]
pub(super) struct Routes {
    slots: HashMap<RouteKey, Slot>,
    dirty: VecDeque<RouteKey>,
    tally: Tally,
}

impl Routes {
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    pub(super) fn pending(&self) -> usize {
        self.dirty.len()
    }

    pub(super) fn get(&self, key: &RouteKey) -> Option<&Slot> {
        self.slots.get(key)
    }

    /// Whether a route that is not here yet may come.
    pub(super) fn is_full(&self) -> bool {
        self.slots.len() >= MAX_ROUTES
    }

    /// Changes the slot of a route, which is made where there is none, and goes when nothing is in it.
    pub(super) fn change(&mut self, key: RouteKey, change: impl FnOnce(&mut Slot)) {
        let mut entry = match self.slots.entry(key) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert_entry(Slot::default()),
        };
        let slot = entry.get_mut();
        let (before, was_dirty) = (slot.tally(), slot.dirty);
        change(slot);
        self.tally.replace(before, slot.tally());
        if slot.dirty && !was_dirty {
            self.dirty.push_back(key);
        }
        if slot.is_idle() {
            entry.remove();
        }
    }

    /// Changes every slot. Those to be compared queue by key, so that the same input gives the same ops in the same order.
    pub(super) fn change_all(&mut self, mut change: impl FnMut(&RouteKey, &mut Slot)) {
        let Self { slots, dirty, tally } = self;
        let mut touched = Vec::new();
        slots.retain(|key, slot| {
            let (before, was_dirty) = (slot.tally(), slot.dirty);
            change(key, slot);
            tally.replace(before, slot.tally());
            if slot.dirty && !was_dirty {
                touched.push(*key);
            }
            !slot.is_idle()
        });
        touched.sort_unstable();
        dirty.extend(touched);
    }

    /// Empties the queue: what is still to be compared is marked anew by the caller.
    pub(super) fn clear_dirty(&mut self) {
        self.dirty.clear();
        self.slots.values_mut().for_each(|slot| slot.dirty = false);
    }

    /// The next route to be compared, which is then no longer in the queue.
    pub(super) fn next_dirty(&mut self) -> Option<(RouteKey, Slot)> {
        loop {
            let key = self.dirty.pop_front()?;
            let Some(slot) = self.slots.get_mut(&key).filter(|slot| slot.dirty) else { continue };
            slot.dirty = false;
            let found = *slot;
            if found.is_idle() {
                self.slots.remove(&key);
            }
            return Some((key, found));
        }
    }
}
