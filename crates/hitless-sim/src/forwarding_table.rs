//! The forwarding table of one process on one card: what packets would follow. It outlives the card's process.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::entry::Blob;
use hitless_proto::io::{Outcome, Write};

/// Keys and card parts, with faults on demand.
#[derive(Clone, Debug, Default)]
pub struct ForwardingTable {
    entries: BTreeMap<Blob, Blob>,
    /// Keys whose writes are refused.
    pub failing: BTreeSet<Blob>,
    /// Most entries it takes.
    pub limit: Option<usize>,
    /// Times slower than usual.
    pub slow: u64,
    /// Works on nothing until this is taken back.
    pub stuck: bool,
    /// Writes done.
    pub writes: u64,
}

impl ForwardingTable {
    /// What is forwarded, by key.
    #[must_use]
    pub fn entries(&self) -> &BTreeMap<Blob, Blob> {
        &self.entries
    }

    /// Loses everything.
    pub fn wipe(&mut self) {
        self.entries.clear();
    }

    /// Someone else changes the table behind the card's back.
    pub fn edit(&mut self, key: Blob, part: Option<Blob>) {
        match part {
            Some(part) => self.entries.insert(key, part),
            None => self.entries.remove(&key),
        };
    }

    pub(crate) fn apply(&mut self, writes: &[Write]) -> Vec<Outcome> {
        writes.iter().map(|write| self.write(write)).collect()
    }

    fn write(&mut self, write: &Write) -> Outcome {
        self.writes += 1;
        if self.failing.contains(&write.key) {
            return Err("refused on demand".into());
        }
        match &write.part {
            Some(part) => {
                let full = self.limit.is_some_and(|limit| self.entries.len() >= limit);
                if full && !self.entries.contains_key(&write.key) {
                    return Err("the table is full".into());
                }
                self.entries.insert(write.key.clone(), part.clone());
            }
            None => {
                self.entries.remove(&write.key);
            }
        }
        Ok(())
    }
}
