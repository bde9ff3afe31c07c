//! What the outside was told, and what was seen so far: the memory that the checks need.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::entry::Blob;
use hitless_proto::ids::{Epoch, Life, Seq, UnitId, Version};

use crate::bounds::Wanted;
use crate::local::{key, value};
use crate::violation::Violation;
use crate::world::Place;

fn raise(held: &mut (Epoch, UnitId), new: (Epoch, UnitId)) -> Result<(), Violation> {
    if new.0 < held.0 || (new.0 == held.0 && new.1 != held.1) {
        return Err(Violation::new("promises never go down", format!("{new:?} after {held:?}")));
    }
    *held = new;
    Ok(())
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Oracle {
    /// Every op of the source: index, version it was given.
    issued: Vec<(u8, Version)>,
    /// The newest op of each key that the source was told to be safe.
    safe: BTreeMap<u8, u8>,
    /// Who opened which epoch.
    owners: BTreeMap<Epoch, (Place, Life)>,
    /// The highest epoch that voters were asked for.
    asked: Epoch,
    /// The last takeover that went by acks, of each card.
    by_acks: BTreeMap<Place, Epoch>,
    /// What each card promised aloud.
    fences: BTreeMap<Place, (Epoch, UnitId)>,
    /// The highest ballot each voter said yes to.
    votes: BTreeMap<Place, (Epoch, UnitId)>,
    /// Fingerprint of what each version stands for.
    payloads: BTreeMap<Version, u64>,
}

impl Oracle {
    pub(crate) fn note_issued(&mut self, index: u8, version: Version) -> Result<(), Violation> {
        self.issued.push((index, version));
        Ok(())
    }

    /// The takeover of `epoch` goes by acks on the channel to this card.
    pub(crate) fn note_by_acks(&mut self, card: Place, epoch: Epoch) -> Result<(), Violation> {
        self.by_acks.insert(card, epoch);
        Ok(())
    }

    /// Whether the takeover of `epoch` goes by acks on the channel to this card.
    pub(crate) fn goes_by_acks(&self, card: Place, epoch: Epoch) -> bool {
        self.by_acks.get(&card) == Some(&epoch)
    }

    /// Voters are asked for this epoch.
    pub(crate) fn note_asked(&mut self, epoch: Epoch) -> Result<(), Violation> {
        self.asked = self.asked.max(epoch);
        Ok(())
    }

    /// The highest epoch that was opened, or that voters were asked for.
    pub(crate) fn highest_epoch(&self) -> Epoch {
        self.asked.max(self.newest_epoch())
    }

    /// What may differ between two orders of the same steps: see `persistent`.
    pub(crate) fn same_visible(&self, other: &Self) -> bool {
        self.safe == other.safe
            && self.owners == other.owners
            && self.by_acks == other.by_acks
            && self.asked == other.asked
            && self.issued == other.issued
    }

    /// A unit in `epoch` told its sources that everything up to `safe` is.
    pub(crate) fn note_safe(&mut self, epoch: Epoch, safe: Seq, ops: &[Wanted]) -> Result<(), Violation> {
        for (index, version) in &self.issued {
            if version.epoch == epoch && version.seq <= safe {
                let newest = self.safe.entry(ops[usize::from(*index)].0).or_default();
                *newest = (*newest).max(*index);
            }
        }
        Ok(())
    }

    /// One opened owner per epoch.
    pub(crate) fn note_owner(&mut self, epoch: Epoch, owner: (Place, Life)) -> Result<(), Violation> {
        let known = *self.owners.entry(epoch).or_insert(owner);
        if known == owner {
            return Ok(());
        }
        Err(Violation::new("one opened owner per epoch", format!("{epoch}: {known:?} and {owner:?}")))
    }

    /// Promises never go down.
    pub(crate) fn note_fence(&mut self, card: Place, promised: (Epoch, UnitId)) -> Result<(), Violation> {
        raise(self.fences.entry(card).or_default(), promised)
    }

    /// Nor are they forgotten.
    pub(crate) fn keeps_fence(&self, card: Place, promised: (Epoch, UnitId)) -> Result<(), Violation> {
        match self.fences.get(&card).filter(|known| promised.0 < known.0) {
            Some(known) => {
                let what = format!("a card stands at {promised:?}, and promised {known:?}");
                Err(Violation::new("promises are kept", what))
            }
            None => Ok(()),
        }
    }

    /// Votes never go down, and an epoch is promised to one unit only.
    pub(crate) fn note_vote(&mut self, voter: Place, ballot: (Epoch, UnitId)) -> Result<(), Violation> {
        raise(self.votes.entry(voter).or_default(), ballot)
    }

    /// One id, one payload.
    pub(crate) fn note_payload(&mut self, version: Version, print: u64) -> Result<(), Violation> {
        if *self.payloads.entry(version).or_insert(print) == print {
            return Ok(());
        }
        Err(Violation::new("one id, one payload", format!("{version} stands for two changes")))
    }

    /// The newest epoch that was opened.
    pub(crate) fn newest_epoch(&self) -> Epoch {
        self.owners.keys().next_back().copied().unwrap_or_default()
    }

    /// The ops that were issued with this epoch up to this position.
    pub(crate) fn issued_upto(&self, epoch: Epoch, upto: Seq) -> impl Iterator<Item = (u8, Version)> {
        let of_epoch = self.issued.iter().filter(move |(_, at)| at.epoch == epoch && at.seq <= upto);
        of_epoch.copied()
    }

    /// Whether what is held may be held: of each key an op that was issued, and none older than a safe one.
    pub(crate) fn admits(&self, held: &BTreeMap<Blob, Blob>, ops: &[Wanted]) -> Result<(), String> {
        let keys = ops.iter().map(|wanted| wanted.0).collect::<BTreeSet<u8>>();
        for of in keys {
            let name = key((of, None));
            let is = held.get(&name).cloned();
            let oldest = self.safe.get(&of).copied();
            let mut candidates = self.issued.iter().map(|(index, _)| *index);
            let fits = |index: u8| {
                let wanted = ops[usize::from(index)];
                wanted.0 == of && oldest.is_none_or(|oldest| index >= oldest) && value(wanted) == is
            };
            if !(candidates.any(fits) || (is.is_none() && oldest.is_none())) {
                return Err(format!("{name:?} is {is:?}; op {oldest:?} was safe"));
            }
        }
        match held.keys().find(|held| !ops.iter().any(|wanted| key(*wanted) == **held)) {
            Some(strange) => Err(format!("{strange:?} was never submitted")),
            None => Ok(()),
        }
    }

    /// Whether an op of this key was safe before the newest epoch.
    pub(crate) fn was_safe(&self, of: &Blob) -> bool {
        let safe = self.safe.iter().find(|(safe, _)| key((**safe, None)) == *of).map(|(_, index)| *index);
        let newest = self.newest_epoch();
        self.issued.iter().any(|(index, version)| Some(*index) == safe && version.epoch < newest)
    }

    /// Whether the source named this key in `epoch`.
    pub(crate) fn named(&self, epoch: Epoch, of: &Blob, ops: &[Wanted]) -> bool {
        let mut issued = self.issued.iter().filter(|(_, version)| version.epoch == epoch);
        issued.any(|(index, _)| key(ops[usize::from(*index)]) == *of)
    }

    /// Whether the source asked for a delete of this key.
    pub(crate) fn withdrawn(&self, of: &Blob, ops: &[Wanted]) -> bool {
        let mut issued = self.issued.iter().map(|(index, _)| ops[usize::from(*index)]);
        issued.any(|wanted| key(wanted) == *of && wanted.1.is_none())
    }
}
