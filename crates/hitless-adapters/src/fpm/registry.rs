//! Our ids of next hops and groups, made from what they *are*.
//!
//! Zebra's ids cannot be ours: two zebras number the same next hop differently, and so does one zebra after a restart. An
//! id is therefore a hash of the card part, where no other next hop has it yet. What is held keeps its id: a view that
//! names the same next hops gives the same entries, whichever zebra it is from, and the cards get nothing.

use std::collections::{BTreeSet, HashMap, HashSet};

use hitless_proto::entry::{Blob, Change};
use hitless_proto::process::fib::{FibKey, GROUP_BASE, NextHop};

use super::notes::SOURCE;

/// Our ids begin here, in the range of next hops and in that of groups: other sources have those below for themselves.
const FIRST: u32 = 1 << 30;

/// Next hops and groups that are wanted, or that the core holds.
#[derive(Debug, Default)]
pub(super) struct Registry {
    hops: HashMap<u32, Entry>,
    by_content: HashMap<NextHop, u32>,
    /// Ids that other sources have.
    foreign: HashSet<u32>,
    /// Held by the core, and used by no route or group that it holds.
    unused: BTreeSet<u32>,
}

#[derive(Debug)]
struct Entry {
    next_hop: NextHop,
    /// Objects and groups here that name it.
    wants: u64,
    /// The core has it.
    held: bool,
    /// Routes and groups of the core that name it.
    users: u64,
}

impl Registry {
    /// The id of this next hop.
    pub(super) fn intern(&mut self, next_hop: NextHop) -> u32 {
        if let Some(id) = self.by_content.get(&next_hop) {
            return *id;
        }
        let base = if next_hop.is_group() { GROUP_BASE | FIRST } else { FIRST };
        let bytes = next_hop.encode();
        let mut probe = 0;
        let id = loop {
            let id = base | (hash(&bytes, probe) & (FIRST - 1));
            if !self.hops.contains_key(&id) && !self.foreign.contains(&id) {
                break id;
            }
            probe += 1;
        };
        self.insert(id, next_hop, false);
        id
    }

    fn insert(&mut self, id: u32, next_hop: NextHop, held: bool) {
        for member in next_hop.members() {
            self.want(member.next_hop);
        }
        self.by_content.entry(next_hop.clone()).or_insert(id);
        self.hops.insert(id, Entry { next_hop, wants: 0, held, users: 0 });
    }

    /// The core holds this, since before. To be called in rising order of ids.
    pub(super) fn restore(&mut self, id: u32, next_hop: NextHop) {
        for member in next_hop.members() {
            self.add_user(member.next_hop);
        }
        self.insert(id, next_hop, true);
        self.unused.insert(id);
    }

    /// Another source has this id.
    pub(super) fn reserve(&mut self, id: u32) {
        self.foreign.insert(id);
    }

    /// Whether two ids stand for the same.
    pub(super) fn same(&self, a: u32, b: u32) -> bool {
        let content = |id| self.hops.get(&id).map(|entry: &Entry| &entry.next_hop);
        a == b || (content(a).is_some() && content(a) == content(b))
    }

    /// Something here names it.
    pub(super) fn want(&mut self, id: u32) {
        if let Some(entry) = self.hops.get_mut(&id) {
            entry.wants += 1;
        }
    }

    /// ... and does so no more.
    pub(super) fn unwant(&mut self, id: u32) {
        if let Some(entry) = self.hops.get_mut(&id) {
            entry.wants = entry.wants.saturating_sub(1);
            self.forget_if_idle(id);
        }
    }

    fn forget_if_idle(&mut self, id: u32) {
        if self.hops.get(&id).is_none_or(|entry| entry.wants > 0 || entry.held) {
            return;
        }
        let Some(entry) = self.hops.remove(&id) else { return };
        if self.by_content.get(&entry.next_hop) == Some(&id) {
            self.by_content.remove(&entry.next_hop);
        }
        for member in entry.next_hop.members() {
            self.unwant(member.next_hop);
        }
    }

    /// A route or group that the core holds names it.
    pub(super) fn add_user(&mut self, id: u32) {
        if let Some(entry) = self.hops.get_mut(&id) {
            entry.users += 1;
            self.unused.remove(&id);
        }
    }

    /// ... and does so no more.
    pub(super) fn remove_user(&mut self, id: u32) {
        if let Some(entry) = self.hops.get_mut(&id) {
            entry.users = entry.users.saturating_sub(1);
            if entry.users == 0 && entry.held {
                self.unused.insert(id);
            }
        }
    }

    /// Sees to it that the core has it before the route that comes next: members first.
    pub(super) fn put(&mut self, id: u32, changes: &mut Vec<Change>) {
        let Some(entry) = self.hops.get_mut(&id).filter(|entry| !entry.held) else { return };
        entry.held = true;
        let next_hop = entry.next_hop.clone();
        for member in next_hop.members() {
            self.put(member.next_hop, changes);
            self.add_user(member.next_hop);
        }
        changes.push(FibKey::NextHop(id).put(next_hop.encode(), Blob::from(SOURCE)));
    }

    /// How many the core holds that nothing uses.
    pub(super) fn unused(&self) -> usize {
        self.unused.len()
    }

    /// Deletes what nothing uses, groups before their members, up to `limit` changes in all.
    pub(super) fn delete_unused(&mut self, changes: &mut Vec<Change>, limit: usize) {
        while changes.len() < limit
            && let Some(id) = self.unused.pop_last()
        {
            let Some(entry) = self.hops.get_mut(&id) else { continue };
            if entry.users > 0 || !std::mem::take(&mut entry.held) {
                continue;
            }
            let members: Vec<u32> = entry.next_hop.members().iter().map(|member| member.next_hop).collect();
            changes.push(FibKey::NextHop(id).delete());
            members.into_iter().for_each(|member| self.remove_user(member));
            self.forget_if_idle(id);
        }
    }
}

/// FNV-1a, with its bits mixed at the end: the low ones are what is used. Must never change: ids are made of it.
fn hash(bytes: &[u8], probe: u64) -> u32 {
    let start = 0xcbf2_9ce4_8422_2325 ^ probe.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = bytes
        .iter()
        .fold(start, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed >> 32) as u32
}

#[cfg(test)]
mod tests {
    use hitless_proto::process::fib::Member;

    use super::*;

    fn via(last: u8) -> NextHop {
        NextHop::via([192, 0, 2, last].into(), None).unwrap()
    }

    fn keys(changes: &[Change]) -> Vec<(FibKey, bool)> {
        changes
            .iter()
            .map(|change| (FibKey::decode(&change.key).unwrap(), change.content.is_some()))
            .collect()
    }

    #[test]
    fn ids_come_from_the_content_and_do_not_change() {
        let (mut one, mut other) = (Registry::default(), Registry::default());
        let ids: Vec<u32> = (1..=9).map(|last| one.intern(via(last))).collect();
        let again: Vec<u32> = (1..=9).rev().map(|last| other.intern(via(last))).collect();
        assert!(ids.iter().eq(again.iter().rev()));
        assert!(ids.iter().all(|id| (FIRST..GROUP_BASE).contains(id)));
        assert_eq!(ids[0], 0x61df_c77c, "a changed hash would renumber every next hop of every chassis");
    }

    #[test]
    fn an_id_that_is_taken_is_passed_over_and_what_is_held_keeps_its_id() {
        let mut registry = Registry::default();
        let first = registry.intern(via(1));
        let mut taken = Registry::default();
        taken.reserve(first);
        let second = taken.intern(via(1));
        assert_ne!(first, second);
        let mut restored = Registry::default();
        restored.restore(second, via(1));
        assert_eq!(restored.intern(via(1)), second);
    }

    #[test]
    fn members_are_put_before_groups_and_deleted_after_them() {
        let mut registry = Registry::default();
        let members = [registry.intern(via(1)), registry.intern(via(2))];
        let group = members.map(|next_hop| Member { next_hop, weight: 1 }).to_vec();
        let group = registry.intern(NextHop::group(group).unwrap());
        assert!(group > GROUP_BASE | (FIRST - 1));
        registry.want(group);
        let mut changes = Vec::new();
        registry.put(group, &mut changes);
        registry.add_user(group);
        registry.put(group, &mut changes);
        let put = keys(&changes);
        assert_eq!(put.len(), 3, "once each");
        assert_eq!(put[2], (FibKey::NextHop(group), true));
        registry.remove_user(group);
        registry.unwant(group);
        changes.clear();
        registry.delete_unused(&mut changes, usize::MAX);
        let gone = keys(&changes);
        assert_eq!((gone.len(), gone[0]), (3, (FibKey::NextHop(group), false)));
        assert!(registry.hops.is_empty() && registry.by_content.is_empty() && registry.unused.is_empty());
    }
}
