//! Which writes a card's forwarding table refused, as the control units know it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::digest::{SparseTree, Sum};
use crate::entry::{Blob, Origin, Update};
use crate::ids::{CardId, Time};
use crate::table::Table;

/// One key that a card does not have as it should.
#[derive(Clone, Debug)]
struct Failure {
    attempts: u32,
    /// When to try again; `None`: only when something changes that could cure it.
    retry_at: Option<Time>,
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
    /// No key is to be tried before: thousands may wait, and this is asked at every turn.
    soonest: Option<Time>,
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

    fn get(&self, card: CardId, key: &Blob) -> Option<&Failure> {
        self.cards.get(&card)?.keys.get(key)
    }

    /// One more attempt failed: when to try again, by how many failed before; `None`: only when something changes.
    pub(crate) fn failed_again(&mut self, card: CardId, key: &Blob, pause: impl FnOnce(u32) -> Option<Time>) {
        self.date(card, key, |failure| {
            failure.attempts += 1;
            pause(failure.attempts - 1)
        });
    }

    /// Sets when a refused key is tried again.
    pub(crate) fn try_at(&mut self, card: CardId, key: &Blob, at: Time) {
        self.date(card, key, |_| Some(at));
    }

    fn date(&mut self, card: CardId, key: &Blob, at: impl FnOnce(&mut Failure) -> Option<Time>) {
        let Some(of) = self.cards.get_mut(&card) else { return };
        let Some(failure) = of.keys.get_mut(key) else { return };
        failure.retry_at = at(failure);
        of.soonest = sooner(of.soonest, failure.retry_at);
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

    /// Marks a key as refused with this content, as an answer or a listed leaf says. When it is tried again stays as it was.
    pub(crate) fn insert(&mut self, table: &Table, card: CardId, (key, part): (&Blob, Option<&[u8]>)) {
        let (attempts, retry_at) =
            self.get(card, key).map_or((0, None), |failure| (failure.attempts, failure.retry_at));
        self.remove(card, key);
        let leaf = table.leaf_of(key);
        let as_failed = table.digest().card_sum(key, part, true);
        let as_applied = table.digest().card_sum(key, part, false);
        let of = self.cards.entry(card).or_default();
        of.adjust.change(leaf, as_failed, as_applied);
        of.soonest = sooner(of.soonest, retry_at);
        of.keys.insert(key.clone(), Failure { attempts, retry_at, leaf, as_failed, as_applied });
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
        self.redate(card, at, |date| date.unwrap_or(at));
    }

    /// The card took something that could cure any of its refusals.
    pub(crate) fn try_soon(&mut self, card: CardId, at: Time) {
        self.redate(card, at, |date| date.map_or(at, |date| date.min(at)));
    }

    fn redate(&mut self, card: CardId, at: Time, date: impl Fn(Option<Time>) -> Time) {
        let Some(of) = self.cards.get_mut(&card) else { return };
        of.keys.values_mut().for_each(|failure| failure.retry_at = Some(date(failure.retry_at)));
        of.soonest = sooner(of.soonest, Some(at));
    }

    /// The refused keys whose time to be tried again has come: they wait without a date from here on.
    pub(crate) fn due(&mut self, now: Time) -> Vec<(CardId, Blob)> {
        let mut due = Vec::new();
        for (card, of) in &mut self.cards {
            if of.soonest.is_none_or(|soonest| soonest > now) {
                continue;
            }
            for (key, failure) in &mut of.keys {
                if failure.retry_at.take_if(|at| *at <= now).is_some() {
                    due.push((*card, key.clone()));
                }
            }
            of.soonest = of.keys.values().filter_map(|failure| failure.retry_at).min();
        }
        due
    }

    /// When to ask again what is due; nothing is before.
    pub(crate) fn next_retry(&self) -> Option<Time> {
        self.cards.values().filter_map(|of| of.soonest).min()
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

fn sooner(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::DigestKey;

    const CARD: CardId = CardId(1);

    #[test]
    fn what_is_due_is_told_once_and_the_others_keep_their_date() {
        let table = Table::for_unit(DigestKey::new(7));
        let mut failures = Failures::default();
        for key in ["a", "b", "c"] {
            failures.insert(&table, CARD, (&key.into(), None));
        }
        assert_eq!(failures.next_retry(), None);
        failures.failed_again(CARD, &"a".into(), |attempts| Some(Time(10 + u64::from(attempts))));
        failures.try_at(CARD, &"b".into(), Time(20));
        assert_eq!(failures.next_retry(), Some(Time(10)));
        assert_eq!(failures.due(Time(9)), []);
        assert_eq!(failures.due(Time(10)), [(CARD, "a".into())]);
        assert_eq!((failures.due(Time(10)), failures.next_retry()), (Vec::new(), Some(Time(20))));
        // It is counted how often it failed.
        failures.failed_again(CARD, &"a".into(), |attempts| Some(Time(10 + u64::from(attempts))));
        assert_eq!(failures.next_retry(), Some(Time(11)));
        failures.try_again(CARD, Time(15));
        assert_eq!(failures.due(Time(15)), [(CARD, "a".into()), (CARD, "c".into())]);
        failures.try_soon(CARD, Time(18));
        assert_eq!(failures.due(Time(18)).len(), 3);
    }
}
