//! What the cards hold, and what a unit kept, made one: for a unit that rebuilds the state of a process. What it kept is its
//! *base*, the whole state as of some position (ADR 11); it may have none.
//!
//! Everybody states what a key holds *as of* a date: the base as of its position, or of the row's version if that is newer; a
//! card as of where its channel was last proved equal, or of the version of its entry if that is newer. That a card holds
//! nothing under a key is a statement too, as of where it was proved. The newest statement counts; of equals, the base's. A card
//! speaks only for itself where an entry is for named cards.
//!
//! What a card found in its forwarding table when it started has no version, and nobody knows for which cards it is: it is for
//! all if every card holds it.
//!
//! A card in a new life was not proved in it. If it was in step when the base was, its forwarding table was as the base or newer,
//! so what it holds and the base did not is newer. A row of a later op may have taken the place of the base's: it does not stand
//! against what such a card found, since an op is not safe before a card in step has it. That the card holds nothing says nothing:
//! a forwarding table may be lost with the machine.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::entry::{Audience, Blob, Content};
use crate::ids::{CardId, Version};
use crate::kept::KeptAt;
use crate::message::LeafEntry;
use crate::table::Table;

/// What cards said of one key.
#[derive(Clone, Debug, Default)]
struct Told {
    /// The newest version that was told, also of a delete.
    version: Version,
    newest: Option<Newest>,
    /// Who holds it, as of when, and whether as an entry that was for all.
    holders: BTreeMap<CardId, (Version, bool)>,
    /// Who remembers a delete, and of which version.
    deletes: BTreeMap<CardId, Version>,
    /// The newest version under which it was for all cards, and for named ones.
    for_all: Version,
    named: Version,
}

/// The newest content that was told.
#[derive(Clone, Debug)]
struct Newest {
    at: Version,
    /// A card that was in step with the base found it when it began a new life: the date says no more than that it came after.
    found: bool,
    part: Blob,
}

/// Gathers what the cards say of some leaves.
#[derive(Clone, Debug, Default)]
pub(super) struct Rebuild {
    base: Option<KeptAt>,
    /// The cards that are read, and up to where each was proved equal.
    read: BTreeMap<CardId, Version>,
    told: BTreeMap<Blob, Told>,
}

impl Rebuild {
    /// On top of a state as of `base`, or of nothing.
    pub(super) fn new(base: Option<KeptAt>, read: BTreeMap<CardId, Version>) -> Self {
        Self { base, read, told: BTreeMap::new() }
    }

    /// A card tells an entry, or a delete that it has not forgotten.
    pub(super) fn take(&mut self, card: CardId, entry: &LeafEntry) {
        if entry.content.is_none() && !entry.deleted {
            return;
        }
        let proved = self.read.get(&card).copied().unwrap_or_default();
        let was_in_step = |base: &&KeptAt| proved == Version::ZERO && base.in_step.contains(&card);
        let anew = self.base.as_ref().filter(was_in_step).map(after);
        let at = entry.version.max(anew.unwrap_or(proved));
        let found = anew.is_some() && entry.version == Version::ZERO;
        let told = self.told.entry(entry.key.clone()).or_default();
        told.version = told.version.max(entry.version);
        let Some(content) = &entry.content else {
            told.deletes.insert(card, entry.version);
            return;
        };
        told.holders.insert(card, (at, content.for_all && entry.version > Version::ZERO));
        let kind = if content.for_all { &mut told.for_all } else { &mut told.named };
        *kind = entry.version.max(*kind);
        // Of the same date, what has a version is better known.
        if told.newest.as_ref().is_none_or(|newest| (at, !found) > (newest.at, !newest.found)) {
            told.newest = Some(Newest { at, found, part: content.part.clone() });
        }
    }

    /// Everything was told of these leaves: makes the table what it is to be.
    pub(super) fn finish(mut self, table: &mut Table, leaves: &[u32], cards: &[CardId]) {
        let held = leaves.iter().flat_map(|leaf| table.leaf(*leaf)).map(|row| Blob::new(row.key()));
        let keys: BTreeSet<Blob> = held.chain(self.told.keys().cloned()).collect();
        for key in keys {
            let told = self.told.remove(&key).unwrap_or_default();
            let held = table.row(&key).map(|row| (row.version(), row.content()));
            let content = self.settle(&held, &told, cards);
            let version = held.as_ref().map_or(told.version, |(version, _)| told.version.max(*version));
            match held {
                None if content.is_none() => {}
                Some(held) if held == (version, content.clone()) => {}
                None | Some(_) => {
                    table.write(version, &key, content.as_ref(), false);
                }
            }
        }
    }

    /// What a key holds by the newest statement.
    fn settle(
        &self,
        held: &Option<(Version, Option<Content>)>,
        told: &Told,
        cards: &[CardId],
    ) -> Option<Content> {
        let base_at = self.base.as_ref().map(|base| base.version);
        let found = told.newest.as_ref().is_some_and(|newest| newest.found);
        let written_at = held.as_ref().map(|(version, _)| *version).filter(|_| !found);
        let held_at = base_at.max(written_at);
        let held = held.as_ref().and_then(|(_, content)| content.clone());
        let newer = told.newest.as_ref().filter(|newest| Some(newest.at) > held_at);
        let at = newer.map(|newest| newest.at).or(held_at);
        let audience = self.audience(held.as_ref(), told, (held_at, cards));
        let content = match (newer, held) {
            // An op that the base does not know may have changed the standby-only part too.
            (Some(newer), Some(held)) if Some(told.version) <= held_at && newer.part == held.card_part => {
                held
            }
            (Some(newer), _) => Content { card_part: newer.part.clone(), ..Content::default() },
            (None, Some(held)) => held,
            (None, None) => return None,
        };
        let gone = match &audience {
            // A card that was proved equal later does not hold it: it was deleted.
            Audience::All => self.read.keys().any(|card| Some(self.lacks(*card, told)) > at),
            Audience::Cards(cards) => cards.is_empty(),
        };
        (!gone).then_some(Content { audience, ..content })
    }

    /// As of when it is known that a card does not hold the key; zero where it does, or where that says nothing.
    fn lacks(&self, card: CardId, told: &Told) -> Version {
        let known = [self.read.get(&card), told.deletes.get(&card)].into_iter().flatten().max();
        known.filter(|_| !told.holders.contains_key(&card)).copied().unwrap_or_default()
    }

    /// For which cards it is.
    fn audience(
        &self,
        held: Option<&Content>,
        told: &Told,
        (held_at, cards): (Option<Version>, &[CardId]),
    ) -> Audience {
        let changed = told.for_all.max(told.named) > held_at.unwrap_or_default();
        if changed && told.for_all > told.named {
            return Audience::All;
        }
        // Where the base does not know for which cards it is, it is for whoever holds it, of whenever; but who holds it as one that
        // was for all did not hear yet that it is not.
        let by_base = matches!(held, Some(Content { audience: Audience::Cards(_), .. }));
        let speaks =
            |(at, for_all): &(Version, bool)| (!by_base || Some(*at) > held_at) && !(changed && *for_all);
        let holders = told.holders.iter().filter(|(_, holds)| speaks(holds)).map(|(card, _)| *card);
        let holders: Vec<CardId> = holders.collect();
        match held.map(|held| &held.audience) {
            Some(Audience::All) if !changed => Audience::All,
            // Held as it was before, or found by every card in its forwarding table.
            None if !changed
                && (told.for_all > told.named || cards.iter().all(|card| holders.contains(card))) =>
            {
                Audience::All
            }
            Some(Audience::Cards(of)) => {
                let stays = of.iter().copied().filter(|card| Some(self.lacks(*card, told)) <= held_at);
                Audience::cards(stays.chain(holders))
            }
            Some(Audience::All) | None => Audience::cards(holders),
        }
    }
}

/// As of when a card is that was in step at a base, and may have got what came after it.
fn after(base: &KeptAt) -> Version {
    Version { seq: base.version.seq.next(), ..base.version }
}

#[cfg(test)]
mod tests;
