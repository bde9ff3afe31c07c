//! What somebody else changed in the forwarding table is written again, and so is what it refused, when it may take that now.
//! The primary hears of it only where the outcome is not what it knows of: until then the card holds what it is told to hold.

use alloc::vec::Vec;

use super::{Channel, Step};
use crate::entry::{Blob, CardContent, CardOp, Cookie};
use crate::ids::Version;
use crate::io::{Outcome, Write};
use crate::limits::{BATCH_OPS, MAX_ASTRAY};
use crate::message::Broken;

impl Channel {
    /// The forwarding table was seen to hold `part` under `key`. `false`: too many keys wait already.
    pub(in crate::card) fn found(&mut self, key: &Blob, part: Option<&[u8]>) -> bool {
        let row = self.table.row(key);
        // What the table refused is tried again by the primary.
        let as_held = row.map_or(part.is_none(), |row| row.failed() || row.part() == part);
        if as_held || self.astray.contains(key) {
            return true;
        }
        self.astray.len() < MAX_ASTRAY && self.astray.insert(key.clone())
    }

    /// What was refused may be taken now.
    pub(in crate::card) fn retry_refused(&mut self) {
        if self.failed > 0 {
            self.retry_from = Some(Blob::default());
        }
    }

    /// Takes the next refused keys, in their order, to those that are written again.
    fn gather_refused(&mut self) {
        let Some(from) = self.retry_from.take() else { return };
        for row in self.table.rows().filter(|row| row.failed() && *row.key() >= *from) {
            self.astray.insert(Blob::new(row.key()));
            if self.astray.len() > MAX_ASTRAY {
                self.astray.pop_last();
                self.retry_from = Some(Blob::default());
            }
        }
        if self.retry_from.is_some() {
            // The least key after the last one taken.
            self.retry_from = self.astray.last().map(|last| Blob::new(&[&last[..], &[0]].concat()));
        }
    }

    /// The next batch of what is to be written again, before anything else is written or answered. In the order of keys:
    /// those of next hops come before those of routes.
    pub(in crate::card) fn next_mends(&mut self) -> Option<(u64, Vec<Write>)> {
        if self.busy() {
            return None;
        }
        if self.astray.is_empty() {
            self.gather_refused();
        }
        if self.astray.is_empty() {
            return None;
        }
        let (mut works, mut writes) = (Vec::new(), Vec::new());
        while works.len() < BATCH_OPS
            && let Some(key) = self.astray.pop_first()
        {
            let row = self.table.row(&key);
            let version = row.map_or(Version::ZERO, |row| row.version());
            let content = row.and_then(|row| {
                row.part().map(|part| CardContent { part: Blob::new(part), for_all: row.for_all() })
            });
            let part = content.as_ref().map(|content| content.part.clone());
            writes.push(Write { key: key.clone(), part });
            works.push((CardOp { version, key, content, cookie: Cookie::None }, Step::Mend));
        }
        Some((self.begin(works), writes))
    }

    /// Whether the batch that the forwarding table works on is what the card holds already, and no op.
    pub(in crate::card) fn mending(&self) -> bool {
        let works = self.in_flight.iter().flat_map(|in_flight| &in_flight.works);
        self.busy() && works.into_iter().all(|(_, step)| *step == Step::Mend)
    }

    /// What became of one of them.
    pub(super) fn mended(&mut self, op: &CardOp, outcome: Option<Outcome>) {
        self.writes += 1;
        let was_refused = self.table.row(&op.key).is_some_and(|row| row.failed());
        if let Some(Ok(())) = outcome {
            self.mended += 1;
            if was_refused {
                self.hold(op, false);
                self.untold = true;
            }
        } else if !was_refused {
            self.hold(op, true);
            self.untold = true;
        }
    }

    /// Once nothing more is to be written again: where the outcomes are not what the primary knows of, it is told to find out by
    /// digest, as after a hole.
    pub(in crate::card) fn next_complaint(&mut self) -> Option<Broken> {
        let over = !self.busy() && self.astray.is_empty() && self.retry_from.is_none();
        if !over || !core::mem::take(&mut self.untold) || self.broken {
            return None;
        }
        let (epoch, process, session) = (self.epoch, self.process, self.session);
        Some(Broken { epoch, process, session, at: self.hole() })
    }

    /// For tests: an entry that the forwarding table refused.
    #[cfg(test)]
    pub(in crate::card) fn hold_refused(&mut self, key: Blob) {
        let content = Some(CardContent { part: Blob::from("value"), for_all: true });
        self.hold(&CardOp { version: Version::new(1, 1), key, content, cookie: Cookie::None }, true);
    }
}
