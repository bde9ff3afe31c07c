//! Which writes a card's forwarding table refused, as the control units know it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::digest::{SparseTree, Sum};
use crate::entry::{Blob, Origin, Update};
use crate::ids::{CardId, Time};
use crate::table::Table;

/// One key that a card does not have as it should.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) attempts: u32,
    /// When to try again; `None`: only when something changes that could cure it.
    pub(crate) retry_at: Option<Time>,
    leaf: u32,
    /// Share of the digest as refused.
    as_failed: Sum,
    /// Share of the digest had it been applied.
    as_applied: Sum,
}

#[derive(Clone, Debug, Default)]
struct OfCard {
    keys: BTreeMap<Blob, Failure>,
    adjust: SparseTree,
}

/// The refused writes of one process, by card.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures {
    cards: BTreeMap<CardId, OfCard>,
}

/// What an answer changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Unchanged,
    Failed,
    Cured,
}

impl Failures {
    pub(crate) fn any(&self, card: CardId) -> bool {
        self.cards.contains_key(&card)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }

    pub(crate) fn count(&self, card: CardId) -> u64 {
        self.cards.get(&card).map_or(0, |of| of.keys.len() as u64)
    }

    pub(crate) fn get_mut(&mut self, card: CardId, key: &[u8]) -> Option<&mut Failure> {
        self.cards.get_mut(&card)?.keys.get_mut(&Blob::new(key))
    }

    pub(crate) fn contains(&self, card: CardId, key: &[u8]) -> bool {
        self.cards.get(&card).is_some_and(|of| of.keys.contains_key(&Blob::new(key)))
    }

    /// The refused keys of `card` that lie in `leaf`.
    pub(crate) fn in_leaf(&self, card: CardId, leaf: u32) -> impl Iterator<Item = &Blob> {
        let keys = self.cards.get(&card).into_iter().flat_map(|of| of.keys.iter());
        keys.filter(move |(_, failure)| failure.leaf == leaf).map(|(key, _)| key)
    }

    /// `card` answered the op of `update`: refused with a reason, or not.
    pub(crate) fn settle(
        &mut self,
        table: &Table,
        card: CardId,
        update: &Update,
        nack: Option<&str>,
    ) -> Settled {
        if nack.is_none() {
            return if self.remove(card, &update.key) { Settled::Cured } else { Settled::Unchanged };
        }
        if update.origin != Origin::Retry {
            // Something else is wanted now: it has had no retry yet.
            self.remove(card, &update.key);
        }
        let op = update.for_card(card);
        let part = op.content.as_ref().map(|content| &content.part[..]);
        self.insert(table, card, (&update.key, part));
        Settled::Failed
    }

    /// Marks a key as refused, as an answer or a listed leaf says.
    pub(crate) fn insert(&mut self, table: &Table, card: CardId, (key, part): (&Blob, Option<&[u8]>)) {
        let attempts = self.get_mut(card, key).map_or(0, |failure| failure.attempts);
        self.remove(card, key);
        let leaf = table.leaf_of(key);
        let as_failed = table.digest().card_sum(key, part, true);
        let as_applied = table.digest().card_sum(key, part, false);
        let of = self.cards.entry(card).or_default();
        of.adjust.change(leaf, as_failed, as_applied);
        of.keys.insert(key.clone(), Failure { attempts, retry_at: None, leaf, as_failed, as_applied });
    }

    /// The key is no longer refused. Says whether it was.
    pub(crate) fn remove(&mut self, card: CardId, key: &[u8]) -> bool {
        let Some(of) = self.cards.get_mut(&card) else { return false };
        let Some(failure) = of.keys.remove(&Blob::new(key)) else { return false };
        of.adjust.change(failure.leaf, failure.as_applied, failure.as_failed);
        if of.keys.is_empty() {
            self.cards.remove(&card);
        }
        true
    }

    /// Something changed on the card that could cure what waits without a date.
    pub(crate) fn try_again(&mut self, card: CardId, at: Time) {
        let keys = self.cards.get_mut(&card).into_iter().flat_map(|of| of.keys.values_mut());
        keys.filter(|failure| failure.retry_at.is_none()).for_each(|failure| failure.retry_at = Some(at));
    }

    /// The card took something that could cure any of its refusals.
    pub(crate) fn try_soon(&mut self, card: CardId, at: Time) {
        for failure in self.cards.get_mut(&card).into_iter().flat_map(|of| of.keys.values_mut()) {
            failure.retry_at = Some(failure.retry_at.map_or(at, |due| due.min(at)));
        }
    }

    /// The refused keys whose time to be tried again has come: they wait without a date from here on.
    pub(crate) fn due(&mut self, now: Time) -> Vec<(CardId, Blob)> {
        let mut due = Vec::new();
        for (card, of) in &mut self.cards {
            for (key, failure) in
                of.keys.iter_mut().filter(|(_, failure)| failure.retry_at.is_some_and(|at| at <= now))
            {
                failure.retry_at = None;
                due.push((*card, key.clone()));
            }
        }
        due
    }

    pub(crate) fn next_retry(&self) -> Option<Time> {
        self.cards.values().flat_map(|of| of.keys.values()).filter_map(|failure| failure.retry_at).min()
    }

    /// What refusals add to the digest node that `card` should have.
    pub(crate) fn sum(&self, card: CardId, level: u8, node: u32) -> Sum {
        self.cards.get(&card).map_or(Sum::ZERO, |of| of.adjust.sum(level, node))
    }

    /// A card's history is of no use any more (it restarted).
    pub(crate) fn clear(&mut self, card: CardId) {
        self.cards.remove(&card);
    }
}
