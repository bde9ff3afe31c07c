//! The store in which a control unit keeps its state: always behind, whole batches only, and what was not synced is lost with
//! the machine.

use std::collections::{BTreeMap, VecDeque};

use hitless_proto::entry::{Blob, Content};
use hitless_proto::ids::{ProcessId, Time, Version};
use hitless_proto::kept::{KeepBatch, KeptAt, KeptEntry};

use crate::random::Random;

/// Batches that wait for the store. While there are so many, the unit is not asked for more.
const QUEUE: usize = 4;
/// Rows in a batch, about: few, so that a death comes between two batches of a group.
const ROWS: usize = 16;
/// What was written so long ago is synced, in microseconds.
const SYNC: u64 = 1_000_000;

/// What is stored of one process.
#[derive(Clone, Debug, Default)]
struct Stored {
    at: KeptAt,
    rows: BTreeMap<(u32, Blob), (Version, Content)>,
}

/// The store of one unit. Off: it keeps nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keeping {
    on: bool,
    stored: BTreeMap<ProcessId, Stored>,
    /// Written, but a machine that loses its power may lose them.
    unsynced: VecDeque<(Time, KeepBatch)>,
    waiting: VecDeque<KeepBatch>,
    /// A batch was lost: the unit is to give everything again, once the store takes it.
    pub(crate) failed: bool,
    /// As of where the state was that this life began with.
    pub(crate) base: BTreeMap<ProcessId, KeptAt>,
}

impl Keeping {
    pub(crate) fn turn_on(&mut self) {
        self.on = true;
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// How many rows the unit may give now.
    pub(crate) fn room(&self) -> Option<usize> {
        (self.on && !self.failed && self.waiting.len() < QUEUE).then_some(ROWS)
    }

    pub(crate) fn queue(&mut self, batch: KeepBatch) {
        self.waiting.push_back(batch);
    }

    /// The oldest batch that waits comes to its end.
    pub(crate) fn finish(&mut self, refused: bool, now: Time) {
        let Some(batch) = self.waiting.pop_front() else { return };
        if refused {
            self.waiting.clear();
            self.failed = true;
            return;
        }
        self.unsynced.push_back((now, batch));
        self.sync(now);
    }

    fn sync(&mut self, now: Time) {
        while self.unsynced.front().is_some_and(|(at, _)| now.since(*at) >= SYNC) {
            self.sync_one();
        }
    }

    /// The process dies, or the machine: some of what was not synced is gone, the newest first.
    pub(crate) fn crash(&mut self, random: &mut Random, now: Time) {
        if self.on {
            self.sync(now);
            self.waiting.clear();
            let survive = random.below(self.unsynced.len() as u64 + 1);
            (0..survive).for_each(|_| self.sync_one());
            self.unsynced.clear();
            self.failed = false;
        }
    }

    /// Comes back empty.
    pub(crate) fn lose(&mut self) {
        self.stored.clear();
        self.unsynced.clear();
        self.waiting.clear();
    }

    /// What a new life begins with.
    pub(crate) fn open(&mut self, processes: &[ProcessId]) -> Vec<(ProcessId, KeptAt, Vec<KeptEntry>)> {
        if !self.on {
            return Vec::new();
        }
        let found = processes.iter().map(|process| {
            let stored = self.stored.get(process).cloned().unwrap_or_default();
            let entry = |((_, key), (version, content))| (key, version, content);
            (*process, stored.at, stored.rows.into_iter().map(entry).collect())
        });
        let found: Vec<_> = found.collect();
        self.base = found.iter().map(|(process, at, _)| (*process, at.clone())).collect();
        found
    }

    fn sync_one(&mut self) {
        let Some((_, batch)) = self.unsynced.pop_front() else { return };
        let stored = self.stored.entry(batch.process).or_default();
        stored.rows.retain(|(leaf, _), _| batch.cleared.binary_search(leaf).is_err());
        for row in batch.rows {
            match row.entry {
                Some(entry) => drop(stored.rows.insert((row.leaf, row.key), entry)),
                None => drop(stored.rows.remove(&(row.leaf, row.key))),
            }
        }
        if let Some(at) = batch.at {
            stored.at = at;
        }
    }
}
