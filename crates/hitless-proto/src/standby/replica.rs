//! One standby process: the pending queue, where updates and acks wait for each other, and the state they fold into.

#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::digest::{DigestKey, SparseTree, Sum, children};
use crate::entry::{Audience, Blob, Cookie, Update};
use crate::failures::Failures;
use crate::ids::{CardId, Epoch, ProcessId, Seq, Time, Version};
use crate::kept::{KeepBatch, KeptAt, KeptEntry};
use crate::limits::{LOG_RETAIN, MAX_WAITING_NACKS};
use crate::log::Log;
use crate::message::{Ack, Answer, Ask, Fill, LeafEntry, Question, Roster, Start, Tell, UnitOps};
use crate::process::Process;
use crate::rules::{Rule, holds};
use crate::status::Progress;
use crate::table::{Row, Table};
use crate::wire;

/// A standby process of one control unit. The pending queue is the end of the log, after `folded`.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    pub(crate) process: ProcessId,
    pub(crate) table: Table,
    pub(crate) log: Log,
    /// Last update folded into the table.
    pub(crate) folded: Seq,
    pub(crate) stable: Seq,
    /// The epoch of the stream that is followed.
    pub(crate) epoch: Epoch,
    pub(crate) session: u32,
    pub(crate) consumed: u64,
    pub(crate) in_step: bool,
    /// Its state is not what its position says, and was not repaired yet.
    pub(crate) astray: bool,
    broken: bool,
    /// Receipt is to be told.
    pub(crate) receipt_due: bool,
    /// When the ops after the position came, one entry per batch that is pending.
    received_at: VecDeque<(Seq, Time)>,
    /// The pending acks: cumulative, per card. One whose update has not come waits too.
    acks: BTreeMap<CardId, Version>,
    nacks: BTreeMap<(CardId, Version), String>,
    pub(crate) failures: Failures,
}

impl Replica {
    pub(crate) fn new(process: ProcessId, digest: DigestKey) -> Self {
        Self {
            process,
            table: Table::for_unit(digest),
            log: Log::default(),
            folded: Seq(0),
            stable: Seq(0),
            epoch: Epoch(0),
            session: 0,
            consumed: 0,
            in_step: false,
            astray: false,
            broken: true,
            receipt_due: false,
            received_at: VecDeque::new(),
            acks: BTreeMap::new(),
            nacks: BTreeMap::new(),
            failures: Failures::default(),
        }
    }

    /// What a primary leaves behind when its epoch is over.
    pub(crate) fn left_behind(process: ProcessId, table: Table, log: Log, failures: Failures) -> Self {
        let digest = *table.digest();
        let folded = log.last().seq;
        Self { table, log, failures, folded, ..Self::new(process, digest) }
    }

    /// The table begins with the state that was kept, as of `at`.
    pub(crate) fn restore(&mut self, at: KeptAt, entries: impl IntoIterator<Item = KeptEntry>) {
        self.log.restart(at.version);
        self.folded = at.version.seq;
        self.table.keep(at);
        for (key, version, content) in entries {
            self.table.restore(version, &key, &content);
        }
    }

    /// What a unit begins with that is to rebuild the state. What it received since its store was whole has made single keys
    /// newer; if nothing was kept, nobody can say of any key whether it still stands.
    pub(crate) fn recovering(self) -> Self {
        let digest = *self.table.digest();
        if self.table.base().is_some() {
            return Self { epoch: Epoch(0), ..self };
        }
        Self { table: self.table.emptied(), ..Self::new(self.process, digest) }
    }

    /// The unit leads now, though its own state was being repaired: what it holds stands, at a position that no other has. Where it
    /// stood others stand too, with what the former primary held there.
    pub(crate) fn begin_anew(&mut self, epoch: Epoch) {
        let seq = self.table.last().max(self.received().seq);
        self.log.restart(Version { epoch, seq });
        (self.folded, self.stable) = (seq, seq);
    }

    /// What the unit's store is to be given next, once the state is whole.
    pub(crate) fn take_unkept(&mut self, most: usize, roster: &Roster) -> Option<KeepBatch> {
        if !self.in_step || self.astray || roster.epoch != self.epoch {
            return None;
        }
        let in_step = roster.in_step.iter().filter(|entry| entry.0 == self.process).map(|entry| entry.1);
        let in_step = in_step.filter(|card| !self.failures.any(*card));
        let at =
            KeptAt { version: self.log.version_at(self.stable.min(self.folded)), in_step: in_step.collect() };
        Some(KeepBatch::of(self.process, self.table.take_unkept(most, at)?))
    }

    pub(crate) fn received(&self) -> Version {
        self.log.last()
    }

    pub(crate) fn pending(&self) -> u64 {
        self.received().seq.0.saturating_sub(self.folded.0)
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress {
            leads: false,
            epoch: self.epoch,
            session: self.session,
            received: self.received(),
            folded: self.folded,
            stable: self.stable,
            programmed: Seq(0),
            safe: Seq(0),
            log_from: self.log.from(),
            in_flight: 0,
            nacks: self.nacks.len(),
        }
    }

    pub(crate) fn acked(&self, card: CardId) -> Option<Seq> {
        self.acks.get(&card).filter(|acked| acked.epoch == self.epoch).map(|acked| acked.seq)
    }

    /// The stream begins (again). In a new epoch the acks of the old one are of no more use: the new primary has
    /// replayed whatever is in doubt, so what it keeps is rolled forward, and what it lacks never took effect.
    pub(crate) fn start(&mut self, start: &Start) {
        if start.epoch > self.epoch {
            if holds(Rule::Purge) {
                self.log.cut_after(start.keep.seq.max(self.folded));
            }
            self.roll_forward();
            self.acks.retain(|_, acked| acked.epoch == start.epoch);
            self.nacks.retain(|(_, version), _| version.epoch == start.epoch);
        }
        if self.log.last() != start.base {
            self.roll_forward();
            self.log.restart(start.base);
            self.folded = start.base.seq;
            self.astray = true;
            self.stable = self.stable.min(start.base.seq);
        }
        self.epoch = start.epoch;
        self.session = start.session;
        self.consumed = 0;
        self.in_step = false;
        self.broken = false;
        self.receipt_due = true;
    }

    pub(crate) fn current(&self, epoch: Epoch, session: u32) -> bool {
        epoch == self.epoch && session == self.session && !self.broken
    }

    /// Takes a batch of updates. `Err`: a hole; nothing more is taken until the stream begins again.
    pub(crate) fn take_ops(
        &mut self,
        process: Option<&dyn Process>,
        ops: UnitOps,
        now: Time,
    ) -> Result<(), Seq> {
        let mut at = self.received().seq;
        let whole = ops.prev == at
            && ops.ops.iter().all(|op| {
                at = at.next();
                op.version.seq == at && op.version.epoch <= self.epoch
            });
        if !whole {
            self.in_step = false;
            self.broken = true;
            return Err(self.received().seq);
        }
        for op in ops.ops {
            self.consumed += wire::update_most(&op) as u64;
            self.log.push(with_cookie(process, op));
        }
        self.received_at.push_back((self.received().seq, now));
        self.stable = self.stable.max(ops.stable);
        self.receipt_due = true;
        Ok(())
    }

    /// Takes entries as they are at the primary.
    pub(crate) fn take_fill(&mut self, fill: Fill<Update>) {
        for entry in fill.entries {
            self.consumed += wire::update_most(&entry) as u64;
            // What the primary lacks lost, however new it is.
            let newer = self.table.row(&entry.key).is_some_and(|row| row.version() > entry.version);
            if newer && !holds(Rule::Purge) {
                continue;
            }
            self.table.write(entry.version, &entry.key, entry.content.as_ref(), false);
        }
        self.receipt_due = true;
    }

    /// Takes a card's ack into the pending queue.
    pub(crate) fn take_ack(&mut self, card: CardId, ack: &Ack) {
        let applied = Version { epoch: ack.epoch, seq: ack.applied };
        let acked = self.acks.entry(card).or_default();
        *acked = applied.max(*acked);
        for nack in ack.nacks.iter().filter(|nack| nack.version.seq > self.folded) {
            if self.nacks.len() < MAX_WAITING_NACKS {
                self.nacks.insert((card, nack.version), nack.reason.clone());
            }
        }
    }

    /// Folds, in op order, every pending update that each card of its audience in `in_step` has acked (claims 9, 26).
    pub(crate) fn fold(&mut self, in_step: &[CardId]) {
        let by_all = in_step.iter().map(|card| self.acked(*card).unwrap_or_default()).min();
        while let Some(update) = self.log.get(self.folded.next()).cloned() {
            let seq = update.version.seq;
            let acked = match &update.to {
                Audience::All => by_all.is_none_or(|by_all| by_all >= seq),
                Audience::Cards(cards) => cards
                    .iter()
                    .filter(|card| in_step.contains(card))
                    .all(|card| self.acked(*card).is_some_and(|acked| acked >= seq)),
            };
            // What is stable was acked to the primary by all of them, perhaps before this unit listened.
            if !acked && seq > self.stable && holds(Rule::FoldAfterAck) {
                break;
            }
            self.fold_one(&update, in_step);
        }
        let folded = self.folded;
        if !self.nacks.is_empty() {
            // Those of cards that are not in step are asked for by nobody.
            self.nacks.retain(|(_, version), _| version.seq > folded);
        }
        while self.received_at.pop_front_if(|entry| entry.0 <= folded).is_some() {}
        let stable = self.stable.min(self.folded);
        self.forget_tombstones(stable);
        self.log.trim(stable, LOG_RETAIN);
    }

    fn fold_one(&mut self, update: &Arc<Update>, in_step: &[CardId]) {
        self.write(update);
        self.folded = update.version.seq;
        for card in in_step {
            let nack = self.nacks.remove(&(*card, update.version));
            if (nack.is_some() || self.failures.any(*card)) && update.to.contains(*card) {
                self.failures.settle(&self.table, *card, update, nack.as_deref());
            }
        }
    }

    fn write(&mut self, update: &Update) {
        let (version, content) = (update.version, update.content.as_ref());
        if holds(Rule::FoldOverOlder) {
            self.table.write_over_older(version, &update.key, content);
        } else {
            self.table.write(version, &update.key, content, false);
        }
    }

    fn forget_tombstones(&mut self, stable: Seq) {
        for update in self.log.newly_stable(stable).filter(|update| update.content.is_none()) {
            self.table.forget(update.version, &update.key);
        }
    }

    /// Applies every pending update, acked or not: the state is then as if all of them had been folded.
    pub(crate) fn roll_forward(&mut self) {
        while let Some(update) = self.log.get(self.folded.next()).cloned() {
            self.write(&update);
            self.folded = update.version.seq;
        }
        self.received_at.clear();
    }

    /// The newest pending op that came before `time`.
    pub(crate) fn pending_since(&self, time: Time) -> Seq {
        self.received_at.iter().take_while(|entry| entry.1 < time).last().map_or(Seq(0), |entry| entry.0)
    }

    /// Answers a digest question for the state with every pending update applied: that is what was received.
    pub(crate) fn tell(&self, ask: Ask) -> Tell {
        let pending = self.pending_by_key();
        let mut overlay = SparseTree::default();
        for update in pending.values() {
            let held = self.table.row(&update.key).map_or(Sum::ZERO, |row| self.row_sum(&row));
            overlay.change(self.table.leaf_of(&update.key), self.update_sum(update), held);
        }
        let sum = |level, node| self.table.unit_sum(level, node).plus(overlay.sum(level, node));
        let answer = match ask.question {
            Question::Root => Answer::Root { sum: sum(0, 0), entries: self.table.entries() },
            Question::Children { level, nodes } => {
                Answer::Children(nodes.into_iter().map(|node| children(level, node, sum)).collect())
            }
            Question::Leaves { leaves, .. } => {
                Answer::leaves(leaves.into_iter().map(|leaf| self.tell_leaf(leaf, &pending)))
            }
        };
        Tell { epoch: ask.epoch, process: ask.process, session: ask.session, answer }
    }

    fn pending_by_key(&self) -> BTreeMap<&Blob, &Arc<Update>> {
        let pending = self.log.after(self.folded);
        let newer = |update: &&Arc<Update>| {
            self.table.row(&update.key).is_none_or(|row| row.version() < update.version)
        };
        pending.filter(newer).map(|update| (&update.key, update)).collect()
    }

    fn row_sum(&self, row: &Row<'_>) -> Sum {
        self.table.digest().unit_sum(row.key(), row.version(), row.content().as_ref())
    }

    fn update_sum(&self, update: &Update) -> Sum {
        self.table.digest().unit_sum(&update.key, update.version, update.content.as_ref())
    }

    fn tell_leaf(&self, leaf: u32, pending: &BTreeMap<&Blob, &Arc<Update>>) -> Vec<LeafEntry> {
        let held = self.table.leaf(leaf).filter(|row| !pending.contains_key(&Blob::new(row.key())));
        let held = held.map(|row| LeafEntry {
            key: Blob::new(row.key()),
            version: row.version(),
            sum: self.row_sum(&row),
            failed: false,
            deleted: row.deleted(),
            content: None,
        });
        let waiting = pending.values().filter(|update| self.table.leaf_of(&update.key) == leaf);
        let waiting = waiting.map(|update| LeafEntry {
            key: update.key.clone(),
            version: update.version,
            sum: self.update_sum(update),
            failed: false,
            deleted: update.content.is_none(),
            content: None,
        });
        held.chain(waiting).collect()
    }
}

/// A standby process may set the cookie where the primary's set none (claims 5, 18).
fn with_cookie(process: Option<&dyn Process>, op: Arc<Update>) -> Arc<Update> {
    let (Cookie::None, Some(process)) = (&op.cookie, process) else { return op };
    let change = crate::entry::Change { key: op.key.clone(), content: op.content.clone() };
    match process.standby_cookie(&change) {
        Cookie::None => op,
        cookie @ (Cookie::Key | Cookie::Bytes(_)) => Arc::new(Update { cookie, ..(*op).clone() }),
    }
}
