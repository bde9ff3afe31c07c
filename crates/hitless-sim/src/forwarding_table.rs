//! The forwarding table of one process on one card: what packets would follow. It outlives the card's process, and is
//! not the card's alone.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::entry::Blob;
use hitless_proto::ids::ProcessId;
use hitless_proto::io::{Outcome, Write};
use hitless_proto::process::fib::{self, FibKey, Member, NextHop, Route};

/// Keys and card parts, with faults on demand.
#[derive(Clone, Debug, Default)]
pub struct ForwardingTable {
    process: ProcessId,
    entries: BTreeMap<Blob, Blob>,
    /// Keys that hold something else than the card wrote last.
    tampered: BTreeSet<Blob>,
    /// Keys whose writes are refused.
    pub failing: BTreeSet<Blob>,
    /// Most entries it takes.
    pub limit: Option<usize>,
    /// Times slower than usual.
    pub slow: u64,
    /// Works on nothing until this is taken back.
    pub stuck: bool,
    /// So many of the next writes have no effect, although the table says yes.
    pub losing: u64,
    /// So many of the next writes store another part than was written, although the table says yes.
    pub garbling: u64,
    /// Writes done.
    pub writes: u64,
}

impl ForwardingTable {
    pub(crate) fn new(process: ProcessId) -> Self {
        Self { process, ..Self::default() }
    }

    /// What is forwarded, by key.
    #[must_use]
    pub fn entries(&self) -> &BTreeMap<Blob, Blob> {
        &self.entries
    }

    /// The keys that hold (or may hold) something else than what the card wrote last to them, until it writes them again: it
    /// may not know of it.
    #[must_use]
    pub fn tampered(&self) -> &BTreeSet<Blob> {
        &self.tampered
    }

    /// Loses everything, as with the power of the card.
    pub fn wipe(&mut self) {
        self.entries.clear();
        self.tampered.clear();
    }

    /// A card that starts takes over what is here: from now on that is what it knows of.
    pub(crate) fn adopted(&mut self) {
        self.tampered.clear();
    }

    /// The card is told that this key holds something else, which may be a refusal that it has forgotten.
    pub(crate) fn found_astray(&mut self, key: &Blob) {
        self.tampered.insert(key.clone());
    }

    /// Someone else changes the table behind the card's back. Where that is a next hop of the fib that is deleted, the kernel
    /// drops it from its groups, and every route that has no next hop left, and tells nobody.
    pub fn edit(&mut self, key: Blob, part: Option<Blob>) {
        if self.entries.get(&key) == part.as_ref() {
            return;
        }
        let gone = part.is_none();
        self.put(&key, part);
        if gone
            && self.process == fib::ID
            && let Ok(FibKey::NextHop(id)) = FibKey::decode(&key)
        {
            self.drop_dependants(id);
        }
        self.tampered.insert(key);
    }

    fn drop_dependants(&mut self, gone: u32) {
        let uses = |part: &Blob| match NextHop::decode(part) {
            Ok(NextHop::Group(members)) if members.iter().any(|member| member.next_hop == gone) => {
                let left: Vec<Member> =
                    members.into_iter().filter(|member| member.next_hop != gone).collect();
                Some(left)
            }
            Ok(
                NextHop::Group(_)
                | NextHop::Blackhole
                | NextHop::Unreachable
                | NextHop::Prohibit
                | NextHop::Via { .. }
                | NextHop::Link(_),
            )
            | Err(_) => None,
        };
        let (mut groups, mut routes) = (Vec::new(), Vec::new());
        for (key, part) in &self.entries {
            match FibKey::decode(key) {
                Ok(FibKey::NextHop(_)) => groups.extend(uses(part).map(|left| (key.clone(), left))),
                Ok(FibKey::Route { .. }) if Route::decode(part).is_ok_and(|route| route.next_hop == gone) => {
                    routes.push(key.clone());
                }
                Ok(FibKey::Route { .. }) | Err(_) => {}
            }
        }
        for key in routes {
            self.entries.remove(&key);
            self.tampered.insert(key);
        }
        for (key, left) in groups {
            let part = (!left.is_empty()).then(|| NextHop::Group(left).encode());
            self.edit(key, part);
        }
    }

    pub(crate) fn apply(&mut self, writes: &[Write]) -> Vec<Outcome> {
        writes.iter().map(|write| self.write(write)).collect()
    }

    fn write(&mut self, write: &Write) -> Outcome {
        self.writes += 1;
        if self.failing.contains(&write.key) {
            return Err("refused on demand".into());
        }
        let full = self.limit.is_some_and(|limit| self.entries.len() >= limit);
        if write.part.is_some() && full && !self.entries.contains_key(&write.key) {
            return Err("the table is full".into());
        }
        if self.losing > 0 {
            self.losing -= 1;
            self.tamper(write);
            return Ok(());
        }
        if self.garbling > 0
            && let Some(part) = &write.part
        {
            self.garbling -= 1;
            let other: Vec<u8> = part.iter().rev().map(|byte| !byte).chain([0]).collect();
            self.put(&write.key, Some(Blob::new(&other)));
            self.tamper(write);
            return Ok(());
        }
        self.put(&write.key, write.part.clone());
        if !self.tampered.is_empty() {
            self.tampered.remove(&write.key);
        }
        Ok(())
    }

    /// The table said yes to a write: does it hold that?
    fn tamper(&mut self, write: &Write) {
        if self.entries.get(&write.key) == write.part.as_ref() {
            self.tampered.remove(&write.key);
        } else {
            self.tampered.insert(write.key.clone());
        }
    }

    fn put(&mut self, key: &Blob, part: Option<Blob>) {
        match part {
            Some(part) => self.entries.insert(key.clone(), part),
            None => self.entries.remove(key),
        };
    }

    pub(crate) fn heal(&mut self) {
        self.failing.clear();
        (self.limit, self.slow, self.stuck) = (None, 1, false);
        (self.losing, self.garbling) = (0, 0);
    }
}
