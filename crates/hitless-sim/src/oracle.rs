//! What sources asked for and what they were told: by this the chassis is judged.

use std::collections::BTreeMap;

use hitless_proto::entry::{Blob, Change, Content};
use hitless_proto::ids::{Epoch, ProcessId, Seq, UnitId, Version};

/// One submitted op.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// Its id, as the primary gave it.
    pub version: Version,
    /// By which unit.
    pub unit: UnitId,
    /// What was asked for.
    pub change: Change,
    /// The source was told that it is programmed.
    pub programmed: bool,
    /// The source was told that it survives the primary.
    pub safe: bool,
    /// When it was, every card of the chassis was as it asks for.
    pub on_cards: bool,
}

/// All that was submitted, in the order in which sources did it.
#[derive(Debug, Default)]
pub struct Oracle {
    ops: BTreeMap<ProcessId, Vec<Submitted>>,
    by_key: BTreeMap<(ProcessId, Blob), Vec<usize>>,
    /// Per process and epoch: the ops of it that are not safe yet, oldest first.
    open: BTreeMap<(ProcessId, Epoch), Vec<usize>>,
    /// Ops before this are not held against anybody: everything that had them was lost.
    forgiven: BTreeMap<ProcessId, usize>,
}

impl Oracle {
    pub(crate) fn submitted(&mut self, process: ProcessId, unit: UnitId, version: Version, change: Change) {
        let ops = self.ops.entry(process).or_default();
        self.by_key.entry((process, change.key.clone())).or_default().push(ops.len());
        self.open.entry((process, version.epoch)).or_default().push(ops.len());
        ops.push(Submitted { version, unit, change, programmed: false, safe: false, on_cards: false });
    }

    /// A source is told watermarks. `held`: whether a card holds an op.
    pub(crate) fn completed(
        &mut self,
        process: ProcessId,
        epoch: Epoch,
        (programmed, safe): (Seq, Seq),
        held: impl Fn(&Submitted) -> bool,
    ) {
        let Some(ops) = self.ops.get_mut(&process) else { return };
        let Some(open) = self.open.get_mut(&(process, epoch)) else { return };
        for at in open.iter() {
            ops[*at].programmed |= ops[*at].version.seq <= programmed;
            ops[*at].safe |= ops[*at].version.seq <= safe;
            if ops[*at].safe {
                ops[*at].on_cards = held(&ops[*at]);
            }
        }
        open.retain(|at| !ops[*at].safe);
    }

    /// All units died. An op that was safe while its cards were away was held by units only, and is lost with them.
    pub(crate) fn forgive_without_cards(&mut self) {
        for ((process, _), ats) in &self.by_key {
            let Some(ops) = self.ops.get_mut(process) else { continue };
            // What is not safe may have reached some cards only, and is for named cards then rolled on as it stands.
            let last = ats.iter().rposition(|at| ops[*at].safe);
            let settled = last.is_some_and(|last| last + 1 == ats.len() && ops[ats[last]].on_cards);
            for at in ats {
                ops[*at].safe &= settled;
            }
        }
    }

    /// Every holder of some completed ops was lost at once, which no replication survives.
    pub(crate) fn forgive(&mut self) {
        for (process, ops) in &self.ops {
            self.forgiven.insert(*process, ops.len());
        }
    }

    /// All ops of a process, in submit order.
    #[must_use]
    pub fn ops(&self, process: ProcessId) -> &[Submitted] {
        self.ops.get(&process).map_or(&[], Vec::as_slice)
    }

    /// The ops of a process in `epoch` that the source was not told to be safe.
    pub(crate) fn open(&self, process: ProcessId, epoch: Epoch) -> impl Iterator<Item = &Submitted> {
        let open = self.open.get(&(process, epoch)).map_or(&[][..], Vec::as_slice);
        open.iter().map(move |at| &self.ops(process)[*at])
    }

    /// Every key that was ever named.
    pub(crate) fn keys(&self, process: ProcessId) -> impl Iterator<Item = &Blob> {
        self.by_key.keys().filter(move |(of, _)| *of == process).map(|(_, key)| key)
    }

    /// Whether some op ever took `key` from a card.
    pub(crate) fn may_be_absent(
        &self,
        process: ProcessId,
        key: &Blob,
        card: hitless_proto::ids::CardId,
    ) -> bool {
        let Some(ats) = self.by_key.get(&(process, key.clone())) else { return true };
        let ops = self.ops(process);
        let forgiven = self.forgiven.get(&process).copied().unwrap_or_default();
        let out = |op: &Submitted| op.change.content.as_ref().is_none_or(|of| !of.audience.contains(card));
        // Before an op of the key is safe it may be rolled back.
        ats.iter().any(|at| out(&ops[*at])) || !ats.iter().any(|at| ops[*at].safe && *at >= forgiven)
    }

    /// Whether `held` is what an op asked for that is the newest safe one of its key, or was submitted after that.
    pub(crate) fn admits(
        &self,
        process: ProcessId,
        key: &Blob,
        held: Option<&Content>,
    ) -> Result<(), String> {
        let Some(ats) = self.by_key.get(&(process, key.clone())) else {
            return if held.is_none() { Ok(()) } else { Err("nobody asked for it".into()) };
        };
        let ops = self.ops(process);
        let forgiven = self.forgiven.get(&process).copied().unwrap_or_default();
        let from = ats.iter().rposition(|at| ops[*at].safe && *at >= forgiven);
        if from.is_none() && held.is_none() {
            return Ok(());
        }
        let same = |op: &Submitted| match (&op.change.content, held) {
            (None, None) => true,
            (Some(wanted), Some(held)) => wanted.card_part == held.card_part,
            (None, Some(_)) | (Some(_), None) => false,
        };
        if ats[from.unwrap_or(0)..].iter().any(|at| same(&ops[*at])) {
            return Ok(());
        }
        let safe = from.map(|from| &ops[ats[from]]);
        Err(format!("it holds {held:?}, the newest safe op is {safe:?}, of {} ops", ats.len()))
    }

    /// How many ops were submitted, and how many of them were told to be safe.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let ops = self.ops.values().flatten();
        (ops.clone().count(), ops.filter(|op| op.safe).count())
    }
}
