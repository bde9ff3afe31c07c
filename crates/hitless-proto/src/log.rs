//! The ops of one process that are kept: every op above stable, and some below it for followers that were away briefly.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use crate::entry::Update;
use crate::ids::{Seq, Version};

/// A gapless run of updates, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    ops: VecDeque<Arc<Update>>,
    /// The op before the first that is kept.
    before: Version,
    /// Up to here the tombstones of deletes were handed out to be forgotten.
    forgotten: Seq,
}

impl Log {
    /// Begins again after `before`, with nothing kept.
    pub(crate) fn restart(&mut self, before: Version) {
        self.ops.clear();
        self.before = before;
        // Positions may begin again below: the state was rebuilt from cards that had lost it.
        self.forgotten = before.seq;
    }

    /// The newest op, or the one before the first.
    pub(crate) fn last(&self) -> Version {
        self.ops.back().map_or(self.before, |op| op.version)
    }

    /// The position before the first op that is kept.
    pub(crate) fn from(&self) -> Seq {
        self.before.seq
    }

    /// Whether every op after `seq` is kept.
    pub(crate) fn covers(&self, seq: Seq) -> bool {
        seq >= self.before.seq && seq <= self.last().seq
    }

    pub(crate) fn push(&mut self, update: Arc<Update>) {
        debug_assert_eq!(update.version.seq, self.last().seq.next(), "the log has no gaps");
        self.ops.push_back(update);
    }

    /// The op at `seq`, if kept.
    pub(crate) fn get(&self, seq: Seq) -> Option<&Arc<Update>> {
        let index = seq.0.checked_sub(self.before.seq.0.checked_add(1)?)?;
        self.ops.get(usize::try_from(index).ok()?)
    }

    /// The version at a position that the log covers.
    pub(crate) fn version_at(&self, seq: Seq) -> Version {
        self.get(seq).map_or(self.before, |op| op.version)
    }

    /// The ops after `seq`, oldest first.
    pub(crate) fn after(&self, seq: Seq) -> impl Iterator<Item = &Arc<Update>> {
        let skip = seq.0.saturating_sub(self.before.seq.0);
        self.ops.range(usize::try_from(skip).unwrap_or(usize::MAX).min(self.ops.len())..)
    }

    /// The ops that became stable since the last call: their tombstones can be forgotten.
    pub(crate) fn newly_stable(&mut self, stable: Seq) -> impl Iterator<Item = &Arc<Update>> {
        let from = self.forgotten.max(self.before.seq);
        self.forgotten = from.max(stable);
        self.after(from).take_while(move |op| op.version.seq <= stable)
    }

    /// Drops the ops after `keep`: they never took effect.
    pub(crate) fn cut_after(&mut self, keep: Seq) {
        while self.ops.back().is_some_and(|op| op.version.seq > keep) {
            self.ops.pop_back();
        }
    }

    /// Drops the oldest ops, all at or below `stable`, until `retain` of those are left.
    pub(crate) fn trim(&mut self, stable: Seq, retain: usize) {
        while self.ops.front().is_some_and(|op| op.version.seq.0 + retain as u64 <= stable.0) {
            if let Some(op) = self.ops.pop_front() {
                self.before = op.version;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Audience, Blob, Cookie, Origin};

    fn op(seq: u64) -> Arc<Update> {
        Arc::new(Update {
            version: Version::new(1, seq),
            key: Blob::default(),
            content: None,
            to: Audience::All,
            cookie: Cookie::Key,
            origin: Origin::Source,
        })
    }

    #[test]
    fn keeps_a_gapless_run() {
        let mut log = Log::default();
        log.restart(Version::new(1, 10));
        (11..=20).for_each(|seq| log.push(op(seq)));
        assert!(log.covers(Seq(10)) && log.covers(Seq(20)) && !log.covers(Seq(9)) && !log.covers(Seq(21)));
        assert_eq!(log.get(Seq(11)).map(|op| op.version.seq), Some(Seq(11)));
        assert!(log.get(Seq(10)).is_none() && log.get(Seq(21)).is_none());
        assert_eq!(log.after(Seq(18)).count(), 2);
        log.cut_after(Seq(18));
        assert_eq!(log.last(), Version::new(1, 18));
        log.trim(Seq(16), 4);
        assert!(log.covers(Seq(12)) && !log.covers(Seq(11)));
    }
}
