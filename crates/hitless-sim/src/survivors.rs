//! What outlives the death of every unit in sync: an op that cards hold. By this the oracle says what a rebuild from the
//! cards must bring back, and what no protocol could.

use std::collections::BTreeMap;

use hitless_proto::entry::{Blob, Content};
use hitless_proto::ids::CardId;

/// What one card has of the newest safe op of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Has {
    /// It was in step after the op, and lives: it knows the op, even where its forwarding table refused it.
    Op,
    /// It began a new life since, and found in its forwarding table what the op asked for: without its version.
    Same,
    /// It began a new life since, and found something else there: an older entry, or none.
    Other(bool),
}

/// The cards that were seen with one safe op. Of a card that is not named here nothing is known: it was away.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survivors {
    cards: BTreeMap<CardId, Has>,
}

impl Survivors {
    /// The card is in step, with the op behind it.
    pub(crate) fn in_step(&mut self, card: CardId) {
        self.cards.insert(card, Has::Op);
    }

    /// The card begins a new life, with `found` in its forwarding table.
    pub(crate) fn started(&mut self, card: CardId, wanted: Option<&Content>, found: Option<&Blob>) {
        let wanted = wanted.filter(|of| of.audience.contains(card)).map(|of| &of.card_part);
        self.cards.insert(card, if found == wanted { Has::Same } else { Has::Other(found.is_some()) });
    }

    /// A rebuild is to begin, with `found` in the forwarding table of the card: a primary that had lost already may have
    /// changed what the card found when it started.
    pub(crate) fn recheck(&mut self, card: CardId, wanted: Option<&Content>, found: Option<&Blob>) {
        if self.cards.get(&card) == Some(&Has::Same) {
            self.started(card, wanted, found);
        }
    }

    /// The card is gone for good.
    pub(crate) fn gone(&mut self, card: CardId) {
        self.cards.remove(&card);
    }

    /// Whether one of these cards began a new life since, and found another entry.
    pub(crate) fn contradicted_by(&self, cards: &[CardId]) -> bool {
        cards.iter().any(|card| self.cards.get(card) == Some(&Has::Other(true)))
    }

    /// Whether a rebuild from `cards` must find the op again. `based`: on top of an older state that a unit kept, with which
    /// these cards were in step.
    pub(crate) fn suffice(
        &self,
        wanted: Option<&Content>,
        cards: &[CardId],
        based: Option<&[CardId]>,
    ) -> bool {
        let has = |card: &CardId| self.cards.get(card).copied();
        let Some(wanted) = wanted else {
            // Of a delete nothing is left but that nobody holds the entry. The older state may have it, and that a forwarding
            // table lacks it says nothing: it may be lost with its machine.
            if based.is_some() {
                return cards.iter().all(|card| has(card) == Some(Has::Op));
            }
            return cards.iter().all(|card| matches!(has(card), Some(Has::Op | Has::Same)));
        };
        let mut named = cards.iter().filter(|card| wanted.audience.contains(**card));
        if named.clone().any(|card| has(card) == Some(Has::Op)) {
            return true;
        }
        // Without versions, what is found on one card is as good as what is found on another.
        let stray = cards.iter().any(|card| matches!(has(card), None | Some(Has::Other(true))));
        // On top of an older state it counts only if it is known not to be older still.
        let counts = |card: &CardId| based.is_none_or(|in_step| in_step.contains(card));
        !stray && named.any(|card| has(card) == Some(Has::Same) && counts(card))
    }
}
