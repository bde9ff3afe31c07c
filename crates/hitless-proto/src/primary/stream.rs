//! One process at the primary: its state, its log, and everybody who follows it.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::feed::{Feed, FeedState};
use super::pump::send_ask;
use crate::config::Timing;
use crate::context::Context;
use crate::digest::Sum;
use crate::entry::{Audience, Blob, Change, Content, Cookie, Origin, Update};
use crate::failures::{Failures, Settled};
use crate::ids::{CardId, Epoch, OpId, Party, ProcessId, Seq, Time, Version};
use crate::io::Event;
use crate::kept::KeptAt;
use crate::limits::{LOG_RETAIN, MAX_UNSTABLE};
use crate::log::Log;
use crate::message::{Ask, Nack, Question};
use crate::rules::{Rule, holds};
use crate::table::{Row, Table};

/// A process of the primary.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) process: ProcessId,
    pub(super) table: Table,
    pub(super) log: Log,
    pub(super) failures: Failures,
    /// The newest op of former epochs.
    pub(super) keep: Version,
    pub(super) feeds: BTreeMap<Party, Feed>,
    pub(super) programmed: Seq,
    pub(super) safe: Seq,
    pub(super) stable: Seq,
}

impl Stream {
    /// The last op issued.
    pub(super) fn issued(&self) -> Version {
        self.log.last()
    }

    /// How many ops may be issued before some must become stable.
    pub(super) fn room(&self) -> usize {
        let last = self.issued().seq;
        if self.feeds.values().any(|feed| feed.holds_intake(last)) {
            return 0;
        }
        MAX_UNSTABLE.saturating_sub(self.unstable())
    }

    /// Ops that are not stable yet. What came before the log begins was settled by a comparison, and the position at which this
    /// epoch found itself may be any.
    pub(super) fn unstable(&self) -> usize {
        let settled = self.stable.max(self.log.from());
        usize::try_from(self.issued().seq.0.saturating_sub(settled.0)).unwrap_or(usize::MAX)
    }

    /// Issues an op: into the state and the log, from where every follower is sent it.
    pub(super) fn issue(
        &mut self,
        epoch: Epoch,
        change: Change,
        cookie: Cookie,
        (origin, to): (Origin, Audience),
    ) -> Version {
        let version = self.next_version(epoch);
        self.table.write(version, &change.key, change.content.as_ref(), false);
        self.log_op(version, change, cookie, (origin, to));
        version
    }

    fn next_version(&self, epoch: Epoch) -> Version {
        Version { epoch, seq: self.issued().seq.next() }
    }

    fn log_op(&mut self, version: Version, change: Change, cookie: Cookie, (origin, to): (Origin, Audience)) {
        let update = Update { version, key: change.key, content: change.content, to, cookie, origin };
        self.log.push(Arc::new(update));
    }

    /// Issues what a source wants: to every card that held the entry or is to hold it.
    pub(super) fn submit(&mut self, epoch: Epoch, change: Change, cookie: Cookie) -> Version {
        let version = self.next_version(epoch);
        let held = self.table.write(version, &change.key, change.content.as_ref(), false).audience;
        let wanted = change.content.as_ref().map(|content| content.audience.clone());
        let to = match (held, wanted) {
            (Some(held), Some(wanted)) => held.union(&wanted),
            (Some(audience), None) | (None, Some(audience)) => audience,
            // Deleting what is not there: said to all, so that it is programmed wherever it lingers.
            (None, None) => Audience::All,
        };
        self.log_op(version, change, cookie, (Origin::Source, to));
        version
    }

    /// Issues the current state of a key again, for some cards only.
    pub(super) fn issue_current(
        &mut self,
        epoch: Epoch,
        key: &Blob,
        origin: Origin,
        to: Audience,
    ) -> Version {
        let content = self.table.row(key).and_then(|row| row.content());
        self.issue(epoch, Change { key: key.clone(), content }, Cookie::Key, (origin, to))
    }

    /// What the digest of a follower should be, before refusals.
    pub(super) fn base_sum(&self, party: Party, level: u8, node: u32) -> Sum {
        match party {
            Party::Card(card) if !holds(Rule::DigestOfCard) => {
                self.table.card_sum(CardId(card.0 ^ 1), level, node)
            }
            Party::Card(card) => self.table.card_sum(card, level, node),
            Party::Unit(_) => self.table.unit_sum(level, node),
        }
    }

    /// What refusals change of it.
    pub(super) fn failed_sum(&self, party: Party, level: u8, node: u32) -> Sum {
        match party {
            Party::Card(card) => self.failures.sum(card, level, node),
            Party::Unit(_) => Sum::ZERO,
        }
    }

    /// The share of one entry in the digest of a follower, whose forwarding table refused it or not.
    pub(super) fn row_sum(&self, party: Party, row: &Row<'_>, failed: bool) -> Sum {
        match party {
            Party::Card(card) => {
                let part = row.part().filter(|_| row.audience().contains(card));
                self.table.digest().card_sum(row.key(), part, failed)
            }
            Party::Unit(_) => self.table.digest().unit_sum(row.key(), row.version(), row.content().as_ref()),
        }
    }

    /// The whole entry of a key, for a standby that lacks it, or for one that should not have it.
    pub(super) fn fill_of(&self, key: &[u8]) -> Update {
        let row = self.table.row(key);
        Update {
            version: row.map_or(self.issued(), |row| row.version()),
            key: Blob::new(key),
            content: row.and_then(|row: Row<'_>| -> Option<Content> { row.content() }),
            to: Audience::Cards([].into()),
            cookie: Cookie::Key,
            origin: Origin::Repair,
        }
    }

    /// A card answered the ops after `from` up to `upto`. Gives the events of what was refused and what was cured.
    pub(super) fn settle(&mut self, card: CardId, (from, upto): (Seq, Seq), nacks: &[Nack]) -> Vec<Event> {
        if nacks.is_empty() && !self.failures.any(card) {
            return Vec::new();
        }
        let mut events = Vec::new();
        let answered: Vec<Arc<Update>> = self
            .log
            .after(from)
            .take_while(|op| op.version.seq <= upto)
            .filter(|op| op.to.contains(card))
            .cloned()
            .collect();
        let reasons: BTreeMap<Version, &str> =
            nacks.iter().map(|nack| (nack.version, nack.reason.as_str())).collect();
        for update in answered {
            let nack = reasons.get(&update.version).copied();
            let settled = self.failures.settle(&self.table, card, &update, nack);
            events.extend(self.settled_event(card, &update.key, update.version, (settled, nack)));
        }
        for nack in nacks.iter().filter(|nack| nack.version.seq <= from) {
            events.extend(self.fill_refused(card, nack));
        }
        events
    }

    /// Whether a card took ops that may cure what it refused: deletes make room, and others may depend on what is not of
    /// the last rank.
    pub(super) fn may_cure(&self, context: &Context, card: CardId, (from, upto): (Seq, Seq)) -> bool {
        let last_rank = context.process(self.process).map_or(0, |process| process.ranks().saturating_sub(1));
        let mut taken =
            self.log.after(from).take_while(|op| op.version.seq <= upto).filter(|op| op.to.contains(card));
        taken.any(|op| {
            let other = op.origin != Origin::Retry && !self.failures.contains(card, &op.key);
            other && (op.content.is_none() || context.rank(self.process, &op.key) < last_rank)
        })
    }

    /// A fill was refused: it carries the version of the entry, below what the channel has acked. What is not for the card is
    /// a delete there.
    fn fill_refused(&mut self, card: CardId, nack: &Nack) -> Option<Event> {
        let row = self.table.row(&nack.key).filter(|row| row.version() == nack.version)?;
        let part = row.part().filter(|_| row.audience().contains(card)).map(Blob::new);
        self.failures.insert(&self.table, card, (&nack.key, part.as_deref()));
        self.settled_event(card, &nack.key, nack.version, (Settled::Failed, Some(&nack.reason)))
    }

    fn settled_event(
        &self,
        card: CardId,
        key: &Blob,
        version: Version,
        (settled, nack): (Settled, Option<&str>),
    ) -> Option<Event> {
        let (process, key) = (self.process, key.clone());
        match settled {
            Settled::Unchanged => None,
            Settled::Cured => Some(Event::Cured { process, card, key }),
            Settled::Failed => {
                let op = OpId { process, version };
                Some(Event::Failed { op, card, key, reason: nack.unwrap_or_default().into() })
            }
        }
    }

    /// A reconcile found out which of these keys a card's forwarding table refused.
    pub(super) fn learn_refused(&mut self, card: CardId, told: &[(Blob, bool)], retry_at: Time) {
        for (key, failed) in told {
            let known = self.failures.contains(card, key);
            if *failed {
                // Where it is known, it may be with an older content. Without a row it is a delete that was refused, and is stable
                // for everybody else.
                let row = self.table.row(key).filter(|row| row.audience().contains(card));
                let part = row.and_then(|row| row.part().map(Blob::new));
                self.failures.insert(&self.table, card, (key, part.as_deref()));
                if !known {
                    self.failures.try_at(card, key, retry_at);
                }
            } else if known {
                self.failures.remove(card, key);
            }
        }
    }

    /// Moves the watermarks. `received`: every in-sync standby holds the ops up to here. Says whether `programmed` or
    /// `safe` rose.
    pub(super) fn complete(&mut self, received: Seq, open: bool) -> bool {
        let before = (self.programmed, self.safe);
        let last = self.issued().seq;
        for feed in self.feeds.values_mut() {
            feed.settle();
        }
        let counted = self.feeds.values().filter(|feed| feed.counts && matches!(feed.party, Party::Card(_)));
        let settled = counted.map(|feed| feed.settled);
        let programmed = if holds(Rule::ProgrammedAll) { settled.min() } else { settled.max() };
        let programmed = programmed.unwrap_or(last).min(last);
        let stable = if holds(Rule::StableReceived) { programmed.min(received) } else { programmed };
        self.stable = self.stable.max(stable);
        if open {
            let safe = programmed.min(received);
            let safe = if holds(Rule::WatermarkReached) { safe } else { Seq(safe.0.saturating_sub(1)) };
            self.programmed = self.programmed.max(programmed);
            self.safe = self.safe.max(safe);
            if !holds(Rule::Watermark) {
                self.programmed = self.programmed.next().min(last);
                self.safe = self.safe.next().min(self.programmed);
            }
        }
        for update in self.log.newly_stable(self.stable).filter(|update| update.content.is_none()) {
            self.table.forget(update.version, &update.key);
        }
        self.log.trim(self.stable, LOG_RETAIN);
        (self.programmed, self.safe) != before
    }

    /// All that was issued is stable, and answered by whoever is in step: who came to be so just now was not waited for before,
    /// and may still lack what was stable without it.
    pub(super) fn drained(&self) -> bool {
        let last = self.issued().seq;
        self.stable == last && self.feeds.values().all(|feed| !feed.in_step() || feed.settled >= last)
    }

    /// The followers of which the log does not keep any more what they are to be sent next: they are behind, and nothing waits for
    /// them, since they are not in step, or in no record yet.
    pub(super) fn overtaken(&self) -> Vec<Party> {
        let behind = |feed: &&Feed| feed.open() && feed.read_upto().is_none() && feed.next <= self.log.from();
        self.feeds.values().filter(behind).map(|feed| feed.party).collect()
    }

    /// Up to where the state is whole for good.
    pub(super) fn kept_at(&self) -> KeptAt {
        let whole = |feed: &&Feed| feed.in_step() && feed.settled >= self.stable;
        let cards = self.feeds.values().filter(whole).filter_map(|feed| match feed.party {
            Party::Card(card) => Some(card),
            Party::Unit(_) => None,
        });
        let in_step = cards.filter(|card| !self.failures.any(*card));
        KeptAt { version: self.log.version_at(self.stable), in_step: in_step.collect() }
    }

    /// Notes which followers something waits for: a full log, or their being brought in step.
    pub(super) fn mark_silent(&mut self, now: Time) {
        let full = self.unstable() >= MAX_UNSTABLE;
        let stable = self.stable;
        for feed in self.feeds.values_mut() {
            let holds_up = full && feed.in_step() && feed.settled <= stable;
            // A recovery can do without no card: it waits until the operator gives one up.
            let read = matches!(feed.state, FeedState::Adopting { .. });
            let waits = !feed.given_up && !read && feed.open() && (holds_up || !feed.in_step());
            feed.silent_since = if waits { feed.silent_since.or(Some(now)) } else { None };
        }
    }

    /// The followers that something has waited for, without a word from them, for too long.
    pub(super) fn silent(&self, timing: &Timing, now: Time) -> Vec<Party> {
        let late = |feed: &&Feed| feed.silent_since.is_some_and(|since| now.since(since) >= timing.evict);
        self.feeds.values().filter(late).map(|feed| feed.party).collect()
    }

    pub(super) fn next_timeout(&self, timing: &Timing) -> Option<Time> {
        let silent = self.feeds.values().filter_map(|feed| Some(feed.silent_since?.after(timing.evict)));
        let audits = self.feeds.values().filter(|feed| timing.audit > 0 && feed.audit_possible());
        let audits = audits.map(|feed| feed.audited_at.after(timing.audit));
        silent.chain(audits).chain(self.failures.next_retry()).min()
    }

    /// Asks followers in step for their root sum again, when it is time and nothing is on the way to them.
    pub(super) fn audit(&mut self, context: &mut Context, epoch: Epoch, now: Time) {
        let period = context.chassis.timing.audit;
        let last = self.issued().seq;
        let due = |feed: &&Feed| period > 0 && feed.audit_possible() && now >= feed.audited_at.after(period);
        let due: Vec<Party> = self.feeds.values().filter(due).map(|feed| feed.party).collect();
        for party in due {
            let expected = self.base_sum(party, 0, 0);
            let Some(feed) = self.feeds.get_mut(&party) else { continue };
            feed.audited_at = now;
            if feed.next <= last {
                continue;
            }
            feed.state = FeedState::InStep { audit: Some(expected) };
            let (process, session) = (self.process, feed.session);
            send_ask(context, party, Ask { epoch, process, session, question: Question::Root });
            if let Party::Card(card) = party {
                // What made the table refuse may be gone without a word: an audit finds out, at its own slow pace.
                self.failures.try_soon(card, now);
            }
        }
    }
}
