//! What somebody else changed in the forwarding table is written again. The primary hears of it only where that is refused:
//! until then the card holds what it is told to hold.

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

    /// The next batch of what is to be written again, before anything else is written or answered. In the order of keys:
    /// those of next hops come before those of routes.
    pub(in crate::card) fn next_mends(&mut self) -> Option<(u64, Vec<Write>)> {
        if self.busy() || self.astray.is_empty() {
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

    /// What became of one of them.
    pub(super) fn mended(&mut self, op: &CardOp, outcome: Option<Outcome>) {
        self.writes += 1;
        if let Some(Ok(())) = outcome {
            self.mended += 1;
            return;
        }
        // What is held is no longer what is forwarded: the primary finds out by digest, as after a hole.
        self.hold(op, true);
        if !self.broken {
            let (epoch, process, session) = (self.epoch, self.process, self.session);
            self.complaint = Some(Broken { epoch, process, session, at: self.hole() });
        }
    }

    /// What the primary is to be told of a mend that was refused.
    pub(in crate::card) fn next_complaint(&mut self) -> Option<Broken> {
        self.complaint.take()
    }
}
