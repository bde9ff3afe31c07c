//! One client process: ops in order into the forwarding table, acks out.

mod mend;

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use crate::digest::DigestKey;
use crate::entry::{Audience, Blob, CardOp, Content, Cookie};
use crate::ids::{Epoch, ProcessId, Seq, Version};
use crate::io::{Outcome, Write};
use crate::limits::{BATCH_OPS, MAX_HISTORY, MAX_NACKS, MAX_REASON};
use crate::message::{Ask, CardOps, Fill, Nack, Start};
use crate::rules::{Rule, holds};
use crate::status::ClientProgress;
use crate::table::Table;
use crate::wire;

/// What waits for the forwarding table, in the channel's order.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// An op of the stream.
    Op(CardOp),
    /// An entry that was lacking.
    Fill(CardOp),
    /// A digest question.
    Ask(Ask),
}

/// A batch that the forwarding table works on.
#[derive(Clone, Debug)]
struct InFlight {
    batch: u64,
    /// The beginning it belongs to: in a later one its outcome counts, its ack does not.
    session: u32,
    works: Vec<(CardOp, Step)>,
}

/// What is done with an op of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It was written: the outcome decides.
    Write { is_op: bool },
    /// The table holds this content already: only the version changes.
    Same { is_op: bool },
    /// Not newer than what is held: answered as the first time.
    Old { is_op: bool },
    /// Somebody else had changed the forwarding table: what is held is written again.
    Mend,
}

/// An op above stable, for the retransmission of acks.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) version: Version,
    pub(super) key: Blob,
    pub(super) cookie: Cookie,
    pub(super) nack: Option<String>,
}

/// A client process of the card.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) process: ProcessId,
    pub(super) table: Table,
    pub(super) session: u32,
    /// The epoch of the session, 0 before the first.
    pub(super) epoch: Epoch,
    /// The primary proved the channel's digest equal, and no hole was seen since.
    pub(super) in_step: bool,
    /// Up to where the channel was in step when it last was.
    proved: Version,
    /// A hole was seen: nothing is taken until the channel begins again.
    broken: bool,
    /// Last op taken from the stream.
    received: Seq,
    /// Last op processed.
    pub(super) applied: Version,
    pub(super) queue: VecDeque<Work>,
    in_flight: Option<InFlight>,
    batches: u64,
    /// Keys under which the forwarding table was seen to hold something else.
    astray: BTreeSet<Blob>,
    /// Refused keys from here on are to be tried again.
    retry_from: Option<Blob>,
    /// Mends changed which keys are refused, and the primary does not know.
    untold: bool,
    pub(super) history: VecDeque<Done>,
    /// Where the channel began, or what was stable since: of ops up to here there is no history.
    pub(super) history_from: Seq,
    /// Deletes above stable, whose tombstones are still held.
    tombstones: VecDeque<(Version, Blob)>,
    /// History was cut above stable: it cannot vouch for anything.
    pub(super) history_cut: bool,
    pub(super) consumed: u64,
    pub(super) nacks: Vec<Nack>,
    pub(super) cookie: Cookie,
    pub(super) ack_due: bool,
    pub(super) writes: u64,
    pub(super) mended: u64,
    pub(super) failed: u64,
}

impl Channel {
    pub(super) fn new(process: ProcessId, digest: DigestKey) -> Self {
        Self {
            process,
            table: Table::for_card(digest),
            session: 0,
            epoch: Epoch(0),
            in_step: false,
            proved: Version::ZERO,
            broken: false,
            received: Seq(0),
            applied: Version::ZERO,
            queue: VecDeque::new(),
            in_flight: None,
            batches: 0,
            astray: BTreeSet::new(),
            retry_from: None,
            untold: false,
            history: VecDeque::new(),
            history_from: Seq(0),
            tombstones: VecDeque::new(),
            history_cut: false,
            consumed: 0,
            nacks: Vec::new(),
            cookie: Cookie::None,
            ack_due: false,
            writes: 0,
            mended: 0,
            failed: 0,
        }
    }

    /// The channel begins: the next op follows `start.base`.
    pub(super) fn start(&mut self, start: &Start) {
        self.out_of_step();
        self.queue.clear();
        self.session = start.session;
        self.epoch = start.epoch;
        self.received = start.base.seq;
        self.broken = false;
        // What comes next is a comparison.
        self.untold = false;
        self.consumed = 0;
        self.nacks.clear();
        self.cookie = Cookie::None;
        // A position, not an op: everything up to here is settled by digest in this epoch.
        self.applied = Version { epoch: start.epoch, seq: start.base.seq };
        self.ack_due = true;
        self.history.clear();
        self.history_from = start.base.seq;
        self.history_cut = false;
    }

    pub(super) fn progress(&self) -> ClientProgress {
        ClientProgress {
            epoch: self.epoch,
            session: self.session,
            applied: self.applied,
            in_step: self.in_step,
            batches: self.batches - u64::from(self.busy()),
            history_from: self.history_from,
            history: self.history.len(),
            history_cut: self.history_cut,
            queued: self.queue.len(),
            nacks: self.nacks.len(),
            tombstones: self.tombstones.len(),
        }
    }

    /// Everything up to here is in the forwarding table, or was refused by it; zero where nobody ever proved that of this life.
    pub(super) fn proved(&self) -> Version {
        if self.in_step { self.applied } else { self.proved }
    }

    fn out_of_step(&mut self) {
        self.proved = self.proved();
        self.in_step = false;
    }

    /// Something is missing: nothing is taken until the channel begins again. Gives the last op taken.
    fn hole(&mut self) -> Seq {
        self.out_of_step();
        self.broken = true;
        self.received
    }

    /// Whether a message of this session is to be taken.
    pub(super) fn current(&self, epoch: Epoch, session: u32) -> bool {
        epoch == self.epoch && session == self.session && !self.broken
    }

    /// Takes a batch of ops. `Err`: a hole; the channel takes nothing more until it begins again.
    pub(super) fn take_ops(&mut self, ops: CardOps) -> Result<(), Seq> {
        if ops.prev != self.received {
            return Err(self.hole());
        }
        for op in ops.ops {
            if op.version.seq <= self.received || op.version.epoch > self.epoch {
                return Err(self.hole());
            }
            self.received = op.version.seq;
            self.queue.push_back(Work::Op(op));
        }
        if !holds(Rule::AckAfterApply)
            && let Some(Work::Op(last)) = self.queue.back()
        {
            (self.applied, self.ack_due) = (last.version, true);
        }
        self.stable(ops.stable);
        Ok(())
    }

    pub(super) fn take_fill(&mut self, fill: Fill<CardOp>) {
        self.queue.extend(fill.entries.into_iter().map(Work::Fill));
    }

    /// Forgets history and tombstones up to `stable`.
    fn stable(&mut self, stable: Seq) {
        while let Some(done) = self.history.pop_front_if(|done| done.version.seq <= stable) {
            // Who lacks what is stable was not in sync: it is not told that it knows all.
            self.history_from = done.version.seq;
        }
        while let Some((version, key)) = self.tombstones.pop_front_if(|entry| entry.0.seq <= stable) {
            self.table.forget(version, &key);
        }
    }

    /// Drops what has not been given to the forwarding table: it belongs to a fenced epoch.
    pub(super) fn fence(&mut self) {
        self.queue.clear();
        self.broken = true;
    }

    /// Whether the forwarding table works on a batch.
    pub(super) fn busy(&self) -> bool {
        self.in_flight.is_some()
    }

    /// The question at the head of the queue, once everything before it is done.
    pub(super) fn next_ask(&mut self) -> Option<Ask> {
        if self.busy() || !matches!(self.queue.front(), Some(Work::Ask(_))) {
            return None;
        }
        match self.queue.pop_front() {
            Some(Work::Ask(ask)) => Some(ask),
            Some(Work::Op(_) | Work::Fill(_)) | None => None,
        }
    }

    /// Forms the next batch, if the table is free and there is something to do.
    pub(super) fn next_batch(&mut self) -> Option<(u64, Vec<Write>)> {
        if self.busy() {
            return None;
        }
        let (mut works, mut writes): (Vec<(CardOp, Step)>, Vec<Write>) = (Vec::new(), Vec::new());
        while works.len() < BATCH_OPS {
            let (op, is_op) = match self.queue.pop_front() {
                Some(Work::Op(op)) => (op, true),
                Some(Work::Fill(op)) => (op, false),
                Some(ask @ Work::Ask(_)) => {
                    self.queue.push_front(ask);
                    break;
                }
                None => break,
            };
            let step = self.step(&op, is_op, &writes);
            if matches!(step, Step::Write { .. }) {
                let part = op.content.as_ref().map(|content| content.part.clone());
                writes.push(Write { key: op.key.clone(), part });
            }
            works.push((op, step));
        }
        if works.is_empty() {
            return None;
        }
        Some((self.begin(works), writes))
    }

    /// The forwarding table is given a batch.
    fn begin(&mut self, works: Vec<(CardOp, Step)>) -> u64 {
        self.batches += 1;
        self.in_flight = Some(InFlight { batch: self.batches, session: self.session, works });
        self.batches
    }

    fn step(&self, op: &CardOp, is_op: bool, writes: &[Write]) -> Step {
        let Some(row) = self.table.row(&op.key) else {
            let absent = op.content.is_none() && !writes.iter().any(|write| write.key == op.key);
            return if absent { Step::Same { is_op } } else { Step::Write { is_op } };
        };
        // Links keep order and fills are read behind every newer op, so none is older; what was refused may be filled again.
        if op.version <= row.version() {
            return Step::Old { is_op };
        }
        let same = !row.failed() && row.part() == op.content.as_ref().map(|content| &content.part[..]);
        if same && !writes.iter().any(|write| write.key == op.key) {
            return Step::Same { is_op };
        }
        Step::Write { is_op }
    }

    /// The forwarding table is done with a batch. Says whether it is the one under way and complete.
    pub(super) fn applied(&mut self, batch: u64, outcomes: Vec<Outcome>) -> bool {
        let Some(in_flight) = self.in_flight.take_if(|in_flight| in_flight.batch == batch) else {
            return false;
        };
        let mut outcomes = outcomes.into_iter();
        let current = in_flight.session == self.session;
        for (op, step) in in_flight.works {
            let (is_op, outcome) = match step {
                Step::Write { is_op } => {
                    self.writes += 1;
                    let missing = || Err(String::from("the forwarding table gave no outcome"));
                    let outcome = outcomes.next().unwrap_or_else(missing);
                    let outcome = if holds(Rule::Nack) { outcome } else { Ok(()) };
                    self.hold(&op, outcome.is_err());
                    (is_op, outcome)
                }
                Step::Same { is_op } => {
                    self.hold(&op, false);
                    (is_op, Ok(()))
                }
                Step::Old { is_op } => (is_op, self.former_outcome(&op)),
                Step::Mend => {
                    self.mended(&op, outcomes.next());
                    continue;
                }
            };
            if current {
                self.done(op, is_op, outcome.err());
            }
        }
        true
    }

    /// Writes the mirror.
    fn hold(&mut self, op: &CardOp, failed: bool) {
        let content = op.content.as_ref().map(|content| Content {
            audience: if content.for_all { Audience::All } else { Audience::Cards([].into()) },
            card_part: content.part.clone(),
            standby_part: None,
        });
        let former = self.table.write(op.version, &op.key, content.as_ref(), failed);
        self.failed = self.failed + u64::from(failed) - u64::from(former.failed);
        if content.is_none() {
            self.tombstones.push_back((op.version, op.key.clone()));
        }
    }

    fn former_outcome(&self, op: &CardOp) -> Outcome {
        match self.table.row(&op.key) {
            Some(row) if row.failed() && row.version() == op.version => Err(String::from("refused before")),
            Some(_) | None => Ok(()),
        }
    }

    fn done(&mut self, op: CardOp, is_op: bool, nack: Option<String>) {
        self.consumed += wire::card_op_most(&op) as u64;
        self.ack_due = true;
        let nack = nack.map(|mut reason| {
            let mut end = reason.len().min(MAX_REASON);
            while !reason.is_char_boundary(end) {
                end -= 1;
            }
            reason.truncate(end);
            reason
        });
        if let Some(reason) = &nack
            && self.nacks.len() < MAX_NACKS
        {
            let (cookie, key) = (op.cookie.clone(), op.key.clone());
            self.nacks.push(Nack { version: op.version, cookie, key, reason: reason.clone() });
        }
        if !is_op || op.version.epoch > self.epoch || op.version <= self.applied {
            return;
        }
        self.applied = op.version;
        self.cookie = op.cookie.clone();
        self.history.push_back(Done { version: op.version, key: op.key, cookie: op.cookie, nack });
        if self.history.len() > MAX_HISTORY {
            self.history.pop_front();
            self.history_cut = true;
        } else if !holds(Rule::TruncateAtStable) && self.history.len() > 1 {
            self.history.pop_front();
        }
    }
}
