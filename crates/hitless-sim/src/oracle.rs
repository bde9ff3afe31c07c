//! What sources asked for and what they were told: by this the chassis is judged.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::entry::{Audience, Blob, Change, Content};
use hitless_proto::ids::{CardId, Epoch, ProcessId, Seq, UnitId, Version};
use hitless_proto::kept::KeptAt;

use crate::survivors::Survivors;

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
    /// Once it is safe: the cards that have it.
    pub(crate) survivors: Survivors,
}

/// Up to where channels were proved equal.
type Proved = BTreeMap<(CardId, ProcessId), Version>;

/// All that was submitted, in the order in which sources did it.
#[derive(Debug, Default)]
pub struct Oracle {
    ops: BTreeMap<ProcessId, Vec<Submitted>>,
    by_key: BTreeMap<(ProcessId, Blob), Vec<usize>>,
    by_version: BTreeMap<(ProcessId, Version), usize>,
    /// Every card part that was ever asked for.
    parts: BTreeMap<(ProcessId, Blob), BTreeSet<Blob>>,
    /// Per process and epoch: the ops of it that are not safe yet, oldest first.
    open: BTreeMap<(ProcessId, Epoch), Vec<usize>>,
    /// A unit rebuilds the state from these cards: what they lose before it has read them is lost.
    rebuilding: Option<Vec<CardId>>,
    /// As of where that unit has what it kept: of that nothing is lost.
    kept: BTreeMap<ProcessId, KeptAt>,
    /// Up to where the cards were proved equal when the rebuild began.
    proved: Proved,
    /// So many ops were submitted before the state was rebuilt from cards last.
    rebuilt: BTreeMap<ProcessId, usize>,
    /// Parts that somebody else put into a forwarding table, and that a card took for its own when it started.
    strange: BTreeSet<(ProcessId, Blob, Blob)>,
}

impl Oracle {
    pub(crate) fn submitted(&mut self, process: ProcessId, unit: UnitId, version: Version, change: Change) {
        let ops = self.ops.entry(process).or_default();
        self.by_key.entry((process, change.key.clone())).or_default().push(ops.len());
        self.open.entry((process, version.epoch)).or_default().push(ops.len());
        self.by_version.insert((process, version), ops.len());
        if let Some(content) = &change.content {
            self.parts.entry((process, change.key.clone())).or_default().insert(content.card_part.clone());
        }
        ops.push(Submitted {
            version,
            unit,
            change,
            programmed: false,
            safe: false,
            survivors: Survivors::default(),
        });
    }

    /// A source is told watermarks. `holders`: the cards that have processed an op.
    pub(crate) fn completed(
        &mut self,
        process: ProcessId,
        epoch: Epoch,
        (programmed, safe): (Seq, Seq),
        holders: impl Fn(&Submitted) -> Vec<CardId>,
    ) {
        let Some(ops) = self.ops.get_mut(&process) else { return };
        let Some(open) = self.open.get_mut(&(process, epoch)) else { return };
        for at in open.iter() {
            ops[*at].programmed |= ops[*at].version.seq <= programmed;
            ops[*at].safe |= ops[*at].version.seq <= safe;
            if ops[*at].safe {
                let holders = holders(&ops[*at]);
                holders.into_iter().for_each(|card| ops[*at].survivors.in_step(card));
            }
        }
        open.retain(|at| !ops[*at].safe);
    }

    /// The newest safe op of every key of these processes.
    fn newest_safe(
        &mut self,
        of: impl Fn(ProcessId) -> bool,
        mut see: impl FnMut(ProcessId, &mut Submitted, bool),
    ) {
        for ((process, _), ats) in self.by_key.iter().filter(|((process, _), _)| of(*process)) {
            let Some(ops) = self.ops.get_mut(process) else { continue };
            let Some(last) = ats.iter().rposition(|at| ops[*at].safe) else { continue };
            see(*process, &mut ops[ats[last]], last + 1 == ats.len());
        }
    }

    /// A channel came into step: the card has all that the primary of `epoch` had when it asked. What it has issued since may be
    /// safe too, and is not at the card before that has `applied` it.
    pub(crate) fn in_step(&mut self, process: ProcessId, card: CardId, (epoch, applied): (Epoch, Version)) {
        self.newest_safe(
            |of| of == process,
            |_, op, _| {
                if op.version.epoch <= epoch && op.version <= applied {
                    op.survivors.in_step(card);
                }
            },
        );
    }

    /// A card begins a new life with what its forwarding tables hold.
    pub(crate) fn card_started(&mut self, card: CardId, found: impl Fn(ProcessId, &Blob) -> Option<Blob>) {
        self.newest_safe(
            |_| true,
            |process, op, _| {
                let found = found(process, &op.change.key);
                op.survivors.started(card, op.change.content.as_ref(), found.as_ref());
            },
        );
        self.forgive();
    }

    /// A card is gone for good, and what it held: nobody rebuilds from it.
    pub(crate) fn card_gone(&mut self, card: CardId) {
        self.newest_safe(|_| true, |_, op, _| op.survivors.gone(card));
        self.rebuilding.iter_mut().for_each(|cards| cards.retain(|other| *other != card));
        self.forgive();
    }

    /// A card that starts takes over what somebody else made of a key: it cannot know.
    pub(crate) fn found_strange(&mut self, process: ProcessId, key: &Blob, part: Option<&Blob>) {
        self.strange.extend(part.map(|part| (process, key.clone(), part.clone())));
    }

    /// No unit has live state: one rebuilds it from these cards, on top of what it kept as of these positions. `holders`: the
    /// cards that have processed an op, be it after it was safe. `found`: what a card holds of a key.
    pub(crate) fn rebuild(
        &mut self,
        (cards, kept, proved): (&[CardId], BTreeMap<ProcessId, KeptAt>, Proved),
        holders: impl Fn(ProcessId, &Submitted) -> Vec<CardId>,
        found: impl Fn(CardId, ProcessId, &Blob) -> Option<Blob>,
    ) {
        self.newest_safe(
            |_| true,
            |process, op, _| {
                holders(process, op).into_iter().for_each(|card| op.survivors.in_step(card));
                let (key, wanted) = (&op.change.key, op.change.content.as_ref());
                for card in cards {
                    op.survivors.recheck(*card, wanted, found(*card, process, key).as_ref());
                }
            },
        );
        self.rebuilt = self.ops.iter().map(|(process, ops)| (*process, ops.len())).collect();
        (self.kept, self.proved) = (kept, proved);
        self.rebuilding = Some(cards.to_vec());
        self.forgive();
    }

    /// The state is complete again.
    pub(crate) fn rebuilt(&mut self) {
        self.rebuilding = None;
    }

    /// While a unit rebuilds: what no card has is lost, as is what a newer op of the same key that is not safe may have
    /// changed on some cards only.
    fn forgive(&mut self) {
        let Some(cards) = self.rebuilding.clone() else { return };
        let kept = self.kept.clone();
        let (mut lost, mut deleted) = (Vec::new(), Vec::new());
        self.newest_safe(
            |_| true,
            |process, op, settled| {
                let base = kept.get(&process).filter(|base| base.version > Version::ZERO);
                let wanted = op.change.content.as_ref();
                // A forwarding table that lied, or that somebody else wrote to, may hold what nothing tells from a newer op.
                let contradicted = base.is_some_and(|base| op.survivors.contradicted_by(&base.in_step));
                let is_kept = base.is_some_and(|base| op.version <= base.version);
                let in_step = base.map(|base| &base.in_step[..]);
                let stands = is_kept || op.survivors.suffice(wanted, &cards, in_step);
                let of = (process, op.change.key.clone());
                match base {
                    _ if !settled || contradicted || !stands => lost.push(of),
                    Some(base) if wanted.is_none() && !is_kept => deleted.push((of, base.version)),
                    Some(_) | None => {}
                }
            },
        );
        // The older state may have the entry. That a card does not hold it counts as of where it was proved, and where one that it may
        // be for is gone for good, nobody knows that it was deleted.
        let unknown = |(of, base): &((ProcessId, Blob), Version)| {
            let proved = |card: &CardId| self.proved.get(&(*card, of.0)).copied().unwrap_or_default();
            let behind = |card: &CardId| !cards.contains(card) || proved(card) <= *base;
            let ats = self.by_key.get(of).into_iter().flatten();
            let mut contents = ats.filter_map(|at| self.ops(of.0)[*at].change.content.as_ref());
            cards.iter().any(behind)
                || contents.any(|content| match &content.audience {
                    Audience::Cards(named) => named.iter().any(behind),
                    Audience::All => false,
                })
        };
        lost.extend(deleted.into_iter().filter(unknown).map(|(of, _)| of));
        for of in lost {
            let (Some(ats), Some(ops)) = (self.by_key.get(&of), self.ops.get_mut(&of.0)) else { continue };
            ats.iter().for_each(|at| ops[*at].safe = false);
        }
    }

    /// All ops of a process, in submit order.
    #[must_use]
    pub fn ops(&self, process: ProcessId) -> &[Submitted] {
        self.ops.get(&process).map_or(&[], Vec::as_slice)
    }

    /// The ops of a process in any other epoch than `epoch` that the source was not told to be safe.
    pub(crate) fn open_outside(&self, process: ProcessId, epoch: Epoch) -> impl Iterator<Item = &Submitted> {
        let open = self.open.iter().filter(move |((of, when), _)| *of == process && *when != epoch);
        open.flat_map(|(_, ats)| ats).map(move |at| &self.ops(process)[*at])
    }

    /// The first op of a process in an epoch that the source was not told to be safe.
    pub(crate) fn open_in(&self, process: ProcessId, epoch: Epoch) -> Option<&Submitted> {
        let first = self.open.get(&(process, epoch))?.first()?;
        Some(&self.ops(process)[*first])
    }

    /// Every key that was ever named.
    pub(crate) fn keys(&self, process: ProcessId) -> impl Iterator<Item = &Blob> {
        self.by_key.keys().filter(move |(of, _)| *of == process).map(|(_, key)| key)
    }

    /// The ops of an epoch with positions after the first and up to the second.
    pub(crate) fn issued(
        &self,
        process: ProcessId,
        epoch: Epoch,
        (from, upto): (Seq, Seq),
    ) -> impl Iterator<Item = &Submitted> {
        let (first, last) =
            (Version { epoch, seq: from.next() }, Version { epoch, seq: upto.max(from.next()) });
        let ats = self.by_version.range((process, first)..=(process, last));
        ats.map(move |(_, at)| &self.ops(process)[*at]).filter(move |op| op.version.seq <= upto)
    }

    /// Whether a source ever asked for `part` under `key`, or a card that started found it there.
    pub(crate) fn asked(&self, process: ProcessId, key: &Blob, part: &Blob) -> bool {
        self.parts.get(&(process, key.clone())).is_some_and(|parts| parts.contains(part))
            || self.strange.contains(&(process, key.clone(), part.clone()))
    }

    /// Whether a delete that was issued as `issued` may take `key` from a card that holds it under the version `held`: an op that
    /// a source submitted after the newest safe one before the delete took it from there, or one that the card did not have yet.
    /// Without a safe op it may be rolled back. A rebuild cannot know for which cards that were behind an entry for named cards is.
    pub(crate) fn may_be_taken(
        &self,
        process: ProcessId,
        key: &Blob,
        (card, held, issued): (CardId, Version, Version),
    ) -> bool {
        let Some(ats) = self.by_key.get(&(process, key.clone())) else { return true };
        let ops = self.ops(process);
        let safe = |at: &usize| ops[*at].safe && ops[*at].version <= issued;
        let Some(safe) = ats.iter().rposition(safe) else { return true };
        let named = |of: &Content| matches!(of.audience, Audience::Cards(_));
        let newest = &ops[ats[safe]];
        let is_rebuilt = self.rebuilt.get(&process).is_some_and(|before| ats[safe] < *before);
        if is_rebuilt && newest.version > held && newest.change.content.as_ref().is_some_and(named) {
            return true;
        }
        let takes =
            |at: usize| ops[ats[at]].change.content.as_ref().is_none_or(|of| !of.audience.contains(card));
        (0..ats.len()).rev().any(|at| takes(at) && (at >= safe || ops[ats[at]].version > held))
    }

    /// The last op of `key`, if it is a delete and safe. One that only narrows the audience is no delete: in a rebuild the
    /// entry is for every card that has it in any version.
    pub(crate) fn gone(&self, process: ProcessId, key: &Blob) -> Option<Version> {
        let last = self.by_key.get(&(process, key.clone()))?.last()?;
        let op = &self.ops(process)[*last];
        (op.safe && op.change.content.is_none()).then_some(op.version)
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
        let from = ats.iter().rposition(|at| ops[*at].safe);
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
        // Where nothing safe is left to contradict it, a rebuild takes it from the card.
        let strange = |held: &Content| (process, key.clone(), held.card_part.clone());
        if from.is_none() && held.is_some_and(|held| self.strange.contains(&strange(held))) {
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
